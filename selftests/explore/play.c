// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "play.h"

#include <errno.h>
#include <fcntl.h>
#include <kselftest.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "end.h"
#include "judge.h"
#include "must.h"
#include "ns.h"
#include "path.h"

#define LONGEST_US	600000000LL
#define QUIET_US	4000000LL	/* with nothing under way everything has ended but TIME-WAIT */
#define TIMEWAIT_US	70000000LL

static struct path path;
static struct judge judge;
static struct end ends[SIDES];
unsigned long long play_octets;

static void sysctls(const char *name, const char *kernel, const char *value)
{
	char full[64];
	int side;

	for (side = 0; side < SIDES; side++) {
		snprintf(full, sizeof(full), "net.xtcp.%s", name);
		must(!ns_sysctl_set(path.ns[side], full, "%s", value), full);
		snprintf(full, sizeof(full), "net.ipv4.%s", kernel);
		must(!ns_sysctl_set(path.ns[side], full, "%s", value), full);
	}
}

/* Only what differs from the scenario before: each file takes longer than a segment. */
static void set_knobs(const struct scenario *s)
{
	static struct scenario now = { .mtu = -1, .ecn = -1 };
	static bool known;
	int side;

	if (!known || now.sack != s->sack)
		sysctls("sack", "tcp_sack", s->sack ? "1" : "0");
	if (!known || now.timestamps != s->timestamps)
		sysctls("timestamps", "tcp_timestamps", s->timestamps ? "1" : "0");
	if (!known || now.window_scaling != s->window_scaling)
		sysctls("window_scaling", "tcp_window_scaling", s->window_scaling ? "1" : "0");
	if (!known || now.ecn != s->ecn)
		sysctls("ecn", "tcp_ecn", s->ecn ? "1" : "2");
	for (side = 0; side < SIDES && now.mtu != s->mtu; side++)
		must(!ns_link_mtu(path.ns[side], "path0", s->mtu), "MTU");
	now = *s;
	known = true;
}

/* kernel TCP has no BBR here. */
static void set_algorithm(const struct scenario *s, enum side side, int fd)
{
	const char *name = s->stack[side] == KERNEL && !strcmp(s->algorithm, "bbr") ? "cubic" : s->algorithm;

	must(!setsockopt(fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, name, strlen(name)), name);
}

static int listen_for(const struct scenario *s, int port)
{
	const char *addr = s->v6 ? PATH_SERVER6 : PATH_SERVER4;
	int fd = stack_bound(path.ns[SERVER], s->stack[SERVER], addr, port, true);

	must(fd >= 0, "the server's socket");
	end_prepare(&s->program[SERVER], fd);
	set_algorithm(s, SERVER, fd);
	must(!listen(fd, 8) && !fcntl(fd, F_SETFL, O_NONBLOCK), "listen()");
	return fd;
}

static void connect_to(const struct scenario *s, int port)
{
	const char *addr = s->v6 ? PATH_SERVER6 : PATH_SERVER4;
	int fd = stack_socket(path.ns[CLIENT], s->stack[CLIENT], addr);

	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "the client's socket");
	end_prepare(&s->program[CLIENT], fd);
	set_algorithm(s, CLIENT, fd);
	if (stack_connect(fd, addr, port) && errno != EINPROGRESS)
		must(false, "connect()");
	ends[CLIENT].fd = fd;
	ends[CLIENT].is_connecting = true;
}

static void accept_it(int *listener)
{
	int fd = accept4(*listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	ends[SERVER].fd = fd;
	close(*listener);
	*listener = -1;
}

static void wait_for_news(int listener, long long at_most_us)
{
	struct pollfd p[5] = {
		{ .fd = path.tun[CLIENT], .events = POLLIN },
		{ .fd = path.tun[SERVER], .events = POLLIN },
		{ .fd = listener, .events = POLLIN },
	};
	const long long now = path_now_us();
	long long wait = path_wait_us(&path), of_end;
	struct timespec ts;
	int side;

	if (wait < 0 || wait > at_most_us)
		wait = at_most_us;
	for (side = 0; side < SIDES; side++) {
		p[3 + side].fd = ends[side].fd;
		p[3 + side].events = ends[side].fd >= 0 ? end_events(&ends[side], now) : 0;
		if (ends[side].fd >= 0 && !p[3 + side].events)
			p[3 + side].fd = -1;	/* an error would have it wait no more */
		of_end = end_wait_us(&ends[side], now);
		if (of_end >= 0 && of_end < wait)
			wait = of_end;
	}
	ts.tv_sec = wait / 1000000;
	ts.tv_nsec = wait % 1000000 * 1000;
	ppoll(p, 5, &ts, NULL);
}

/* The longest time without a packet that losses explain: some timeouts, each twice the one before. */
static long long patience_us(const struct scenario *s)
{
	long long us = 8000000;
	int side;

	for (side = 0; side < SIDES; side++) {
		const struct network *n = &s->towards[side];
		const struct program *p = &s->program[side];

		us += 3000LL * n->silent_ms + 10LL * (n->delay_us + n->jitter_us);
		us += p->write_pause_us + p->read_pause_us;
		if (n->rate_bps)
			us += 20 * n->queue_octets * 8000000LL / n->rate_bps;
		if (n->loss_ppm + n->corrupt_ppm > 20000 || n->burst_ppm)
			us += 60000000;
	}
	return us;
}

static bool is_orderly(const struct scenario *s)
{
	return s->program[CLIENT].ending == ORDERLY && s->program[SERVER].ending == ORDERLY;
}

/* What kernel TCP does is no failure. */
static void look_at_wire(const struct scenario *s, const char *when, char *why, size_t size)
{
	int side;

	for (side = 0; side < SIDES; side++) {
		if (!why[0] && judge.broken[side][0] && s->stack[side] == XTCP)
			snprintf(why, size, "wire: the %s%s: %s", side == CLIENT ? "client" : "server", when,
				 judge.broken[side]);
	}
}

/* What is wrong with the end of it, in @why; "" if nothing is. */
static void look_at_end(const struct scenario *s, long long quiet_us, bool is_late, char *why, size_t size)
{
	int side;

	why[0] = 0;
	for (side = 0; side < SIDES && !why[0]; side++) {
		const struct end *end = &ends[side], *peer = &ends[!side];
		const char *name = side == CLIENT ? "client" : "server";

		if (end->wrong[0])
			snprintf(why, size, "octets: the %s: %s", name, end->wrong);
		else if (end->read > peer->written)
			snprintf(why, size, "octets: the %s read more than was written", name);
		else if (is_orderly(s) && end->error)
			snprintf(why, size, "octets: the %s got %s", name, strerror(end->error));
		else if (is_orderly(s) && !is_late && end->read != s->program[!side].total)
			snprintf(why, size, "octets: the %s read %lld of %lld before the end", name, end->read,
				 s->program[!side].total);
	}
	look_at_wire(s, "", why, size);
	if (!why[0] && is_orderly(s) && is_late)
		snprintf(why, size, "progress: no end after %lld s: %lld of %lld and %lld of %lld octets",
			 LONGEST_US / 1000000, ends[SERVER].read, s->program[CLIENT].total, ends[CLIENT].read,
			 s->program[SERVER].total);
	if (!why[0] && is_orderly(s) && quiet_us > patience_us(s))
		snprintf(why, size, "progress: nothing was sent for %lld ms", quiet_us / 1000);
}

/* What programs have written and read. */
static long long carried(void)
{
	return ends[CLIENT].written + ends[CLIENT].read + ends[SERVER].written + ends[SERVER].read;
}

long long play(const struct scenario *s, unsigned int round, int port, char *why, size_t size)
{
	long long quiet = 0, since, before, took_us;
	int listener;
	bool late;

	set_knobs(s);
	judge_begin(&judge, s->seed);
	end_begin(&ends[CLIENT], &s->program[CLIENT], s->seed ^ 1, judge.tint[CLIENT], judge.tint[SERVER]);
	end_begin(&ends[SERVER], &s->program[SERVER], s->seed ^ 2, judge.tint[SERVER], judge.tint[CLIENT]);
	listener = listen_for(s, port);
	path_begin(&path, s, round, &judge, port);
	connect_to(s, port);
	while (true) {
		late = path_now_us() - path.began_us > LONGEST_US;
		if (late || (ends[CLIENT].is_done && listener >= 0 && ends[CLIENT].error))
			break;
		since = path_now_us() - path.moved_us;
		if (since > quiet)
			quiet = since;
		path_step(&path);
		if (listener >= 0)
			accept_it(&listener);
		before = carried();
		end_step(&ends[CLIENT], path_now_us());
		end_step(&ends[SERVER], path_now_us());
		if (carried() != before)
			path.moved_us = path_now_us();
		path_step(&path);
		if (ends[CLIENT].is_done && ends[SERVER].is_done)
			break;
		wait_for_news(listener, 1000000);
		/* who has closed leaves the other one without a word, if the RST is lost */
		if (!is_orderly(s) && (ends[CLIENT].is_done || ends[SERVER].is_done) &&
		    path_now_us() - path.moved_us > patience_us(s))
			break;
	}
	took_us = path_now_us() - path.began_us;
	late = took_us > LONGEST_US;
	look_at_end(s, quiet, late, why, size);
	if (listener >= 0)
		close(listener);
	for (int side = 0; side < SIDES; side++) {
		play_octets += ends[side].read;
		if (ends[side].fd >= 0)
			close(ends[side].fd);
		ends[side].fd = -1;
	}
	path.moved_us = path_now_us();
	while (path_now_us() - path.moved_us < QUIET_US && path_now_us() - path.began_us < 2 * LONGEST_US) {
		path_step(&path);
		wait_for_news(-1, QUIET_US);
	}
	look_at_wire(s, ", after the end", why, size);
	return took_us;
}

void play_timewait(void)
{
	const long long until = path_now_us() + TIMEWAIT_US;

	while (path_now_us() < until) {
		path_step(&path);
		wait_for_news(-1, until - path_now_us() > 0 ? until - path_now_us() : 0);
	}
}

void play_open(void)
{
	must(!path_open(&path), "namespaces");
	ends[CLIENT].fd = -1;
	ends[SERVER].fd = -1;
}

void play_show(bool show)
{
	path.show = show;
}
