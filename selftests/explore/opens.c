// SPDX-License-Identifier: GPL-2.0
/* How the connections of a scenario begin: a listener, or both ends of a simultaneous open. */
#include <netinet/tcp.h>
#include "test.h"
#include "world.h"

#define BACKLOG	8

/* kernel TCP has only two of them here. */
static void set_algorithm(const struct scenario *s, enum side side, int fd)
{
	const char *name = scenario_algorithms[s->stack[side] == KERNEL && s->algorithm > RENO ? CUBIC : s->algorithm];

	must(!setsockopt(fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, name, strlen(name)), name);
}

static int bound(const struct world *w, enum stack stack)
{
	const char *any = w->s->v6 ? "::" : "0.0.0.0";
	const union stack_addr addr = stack_addr(w->s->fastopen ? any : w->server, w->port);
	const int fd = stack_socket(world_ns(w, SERVER), stack, any), one = 1;

	must(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	     (!w->s->heir_ms || !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))) &&
	     (stack != SECOND || !stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON)) &&
	     !bind(fd, &addr.sa, stack_addr_len(&addr)), "the server's socket");
	end_prepare(&w->s->program[SERVER], fd);
	set_algorithm(w->s, SERVER, fd);
	return fd;
}

/* The old listeners drain. */
void opens_take_over(struct world *w)
{
	faults_pause(true);
	for (int i = 0; i < MEMBERS; i++) {
		if (w->listener[i] < 0)
			continue;
		w->drains[i] = bound(w, SECOND);
		must(!stack_set(w->drains[i], IPPROTO_TCP, XTCP_TAKE_OVER, w->listener[i]), "XTCP_TAKE_OVER");
	}
	faults_pause(false);
}

void opens_listen(struct world *w)
{
	int i, fd;

	for (i = 0; i < (w->s->heir_ms ? MEMBERS : 1) && !w->s->opens_both; i++) {
		fd = bound(w, w->s->stack[SERVER]);
		if (w->s->fastopen)
			must(!setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &w->s->program[SERVER].fastopen, sizeof(int)),
			     "TCP_FASTOPEN");
		must(!listen(fd, BACKLOG) && !fcntl(fd, F_SETFL, O_NONBLOCK), "listen()");
		w->listener[i] = fd;
	}
}

/* A socket for connect(), from @port; -1: any. */
static int active(const struct world *w, enum side side, int port)
{
	const union stack_addr addr = stack_addr(w->s->v6 ? "::" : "0.0.0.0", port);
	const int one = 1;
	int fd;

	/* a program without a socket has nothing to tell */
	faults_pause(true);
	fd = stack_socket(world_ns(w, side), w->s->stack[side], w->server);
	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "the socket of an active open");
	must(port < 0 || (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
			  !bind(fd, &addr.sa, stack_addr_len(&addr))), "bind()");
	end_prepare(&w->s->program[side], fd);
	set_algorithm(w->s, side, fd);
	faults_pause(false);
	return fd;
}

static bool connect_end(struct world *w, int i, enum side side, const char *addr, int port)
{
	struct end *end = &w->lane[i].end[side];

	if (!end_connect(end, addr, port))
		return true;
	/* with the link down there is no route */
	must(w->is_down[side] || verdict_may_fail(w), "connect()");
	end->error = errno;
	end_close(end);
	return false;
}

/* bind() may choose the port of a lane that has ended. But packets are told apart by it. */
static int active_from_new_port(struct world *w)
{
	int fd, i;

	do {
		fd = active(w, CLIENT, 0);
		for (i = 0; i < w->lanes && w->path.flow[i].port != stack_port(fd); i++)
			;
	} while (i < w->lanes && !close(fd));
	return fd;
}

static void connect_lane(struct world *w, int i)
{
	const int fd = w->s->opens_both ? active_from_new_port(w) : active(w, CLIENT, -1);

	end_open(&w->lane[i].end[CLIENT], fd);
	if (w->s->opens_both)
		w->path.flow[i].port = stack_port(fd);
	if (connect_end(w, i, CLIENT, w->server, w->port))
		w->path.flow[i].port = stack_port(fd);
}

/* The other half of a simultaneous open. Neither SYN has arrived yet. */
static void connect_server(struct world *w, int i)
{
	struct end *end = &w->lane[i].end[SERVER];

	if (w->has_ended[SERVER] || !w->path.flow[i].port) {
		end->is_done = true;
		return;
	}
	end_open(end, active(w, SERVER, w->port));
	connect_end(w, i, SERVER, w->s->v6 ? PATH_CLIENT6 : PATH_CLIENT4, w->path.flow[i].port);
}

void opens_connect(struct world *w)
{
	const long long now = path_now_us();

	for (int i = 0; i < w->lanes; i++) {
		if (w->lane[i].has_begun || now < w->path.began_us + 1000LL * i * w->s->apart_ms)
			continue;
		if (w->has_ended[CLIENT])
			w->lane[i].end[CLIENT].is_done = true;
		else
			connect_lane(w, i);
		if (w->s->opens_both)
			connect_server(w, i);
		w->lane[i].has_begun = true;
	}
}

/* The lane whose client has that port; NULL: none. */
static struct lane *lane_of(struct world *w, int fd)
{
	union stack_addr peer;
	socklen_t len = sizeof(peer);
	int i, port;

	/* it was reset before it was accepted */
	if (getpeername(fd, &peer.sa, &len)) {
		must(errno == ENOTCONN, "getpeername()");
		return NULL;
	}
	port = ntohs(peer.sa.sa_family == AF_INET6 ? peer.in6.sin6_port : peer.in.sin_port);
	for (i = 0; i < w->lanes; i++) {
		if (w->path.flow[i].port == port)
			return &w->lane[i];
	}
	return NULL;
}

static bool all_accepted(const struct world *w)
{
	for (int i = 0; i < w->lanes; i++) {
		const struct end *server = &w->lane[i].end[SERVER];

		if (server->fd < 0 && !server->is_done)
			return false;
	}
	return true;
}

/* Of which build is a connection of this listener? */
static enum stack build_of(int fd)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	must(!getsockopt(fd, IPPROTO_TCP, XTCP_BUILD, name, &len), "XTCP_BUILD");
	return strcmp(name, MODULE_SECOND) ? XTCP : SECOND;
}

static void accept_from(struct world *w, int listener)
{
	struct lane *lane;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		lane = w->lanes > 1 ? lane_of(w, fd) : w->lane;
		/* a copy of a Fast Open SYN may open a second one (RFC 7413 section 2.1) */
		if (lane && !lane->end[SERVER].was_open && w->is_upgraded)
			lane->end[SERVER].stack = build_of(fd);
		if (lane && !lane->end[SERVER].was_open)
			end_open(&lane->end[SERVER], fd);
		else
			close(fd);
	}
}

void opens_accept(struct world *w)
{
	if (!happens_listens(w) || path_now_us() < w->path.began_us + 1000LL * w->s->accept_ms)
		return;
	for (int i = 0; i < MEMBERS; i++) {
		if (w->listener[i] >= 0)
			accept_from(w, w->listener[i]);
	}
	if (!w->s->unlisten_ms && all_accepted(w))
		happens_unlisten(w);
}
