// SPDX-License-Identifier: GPL-2.0
/*
 * The listing by netlink (sock_diag): what each kind of row says, compared with what the socket itself says, and with
 * the rows of the same connections on kernel TCP; who may see what.
 */
#include <net/if.h>
#include "listing.h"

NEEDS_PROGRAMS("ip");

static socklen_t option(int fd, int level, int name, void *value, socklen_t len)
{
	must(!getsockopt(fd, level, name, value, &len), "getsockopt");
	return len;
}

/* Octets that two readings of the same agree in must be in the row, too; clocks go on. */
static void same_octets(const char *what, const struct diag_row *row, int attribute, const void *before,
			const void *after, int len)
{
	const unsigned char *got = row->attr[attribute], *a = before, *b = after;
	int i, differ = 0;

	if (!got || row->len[attribute] != len) {
		ksft_print_msg("%s: %d octets, not %d\n", what, row->len[attribute], len);
		problems++;
		return;
	}
	for (i = 0; i < len; i++)
		differ += a[i] == b[i] && got[i] != a[i];
	if (differ)
		ksft_print_msg("%s: %d octets differ\n", what, differ);
	problems += !!differ;
}

static void same_addr(const __be32 *words, const struct setting *s, const char *text)
{
	const union stack_addr addr = stack_addr(text, 0);

	SAME(!memcmp(words, s->v6 ? (const void *)&addr.in6.sin6_addr : &addr.in.sin_addr, s->v6 ? 16 : 4), true);
}

static bool has_number(const struct diag_row *row, int attribute, unsigned int number, int len)
{
	const void *attr = row->attr[attribute];

	return attr && row->len[attribute] == len && (len == 1 ? *(const __u8 *)attr : *(const __u32 *)attr) == number;
}

/* A row says what an option says before it and after it. */
static void same_option(const struct setting *s, int fd, int port, int peer_port, int attribute, int level, int name)
{
	char before[512], after[512], what[32];
	struct diag_copy copy;
	socklen_t len = option(fd, level, name, before, sizeof(before));

	SAME(find(s, port, peer_port, &copy), 1);
	SAME(option(fd, level, name, after, sizeof(after)), len);
	snprintf(what, sizeof(what), "attribute %d", attribute);
	same_octets(what, &copy.row, attribute, before, after, len);
}

/* As getsockopt() and fstat() have it; the connection is quiet. */
static void same_as_socket(const struct setting *s, int fd, const struct diag_row *row)
{
	const struct inet_diag_msg *msg = row->msg;
	const int port = ntohs(msg->id.idiag_sport), peer_port = ntohs(msg->id.idiag_dport);
	char name[16] = "";
	struct stat file;
	uint64_t cookie;

	option(fd, SOL_SOCKET, SO_COOKIE, &cookie, sizeof(cookie));
	SAME(diag_cookie(msg), cookie);
	must(!fstat(fd, &file), "fstat");
	SAME(msg->idiag_inode, file.st_ino);
	SAME(msg->idiag_uid, geteuid());
	SAME(msg->idiag_family, s->v6 ? AF_INET6 : AF_INET);
	same_option(s, fd, port, peer_port, INET_DIAG_INFO, IPPROTO_TCP, TCP_INFO);
	same_option(s, fd, port, peer_port, INET_DIAG_SKMEMINFO, SOL_SOCKET, SO_MEMINFO);
	option(fd, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name));
	SAME(row->attr[INET_DIAG_CONG] && !strcmp(row->attr[INET_DIAG_CONG], name), true);
	SAME(row->attr[INET_DIAG_CGROUP_ID] && row->len[INET_DIAG_CGROUP_ID] == 8, true);
}

static void established(const struct setting *s)
{
	unsigned int mark = 77, priority = 5;
	int fd, peer, port, peer_port;
	struct diag_copy copy;

	connection(s, &fd, &peer, &port, &peer_port);
	must(!setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), "SO_MARK");
	must(!setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)), "SO_PRIORITY");
	SAME(stack_carries(fd, peer, 5000) && stack_carries(peer, fd, 3000), true);
	SAME(write(peer, "hello", 5), 5);
	SAME(WAIT_FOR(find(s, port, peer_port, &copy) == 1 && copy.msg.idiag_rqueue == 5 &&
		      copy.msg.idiag_timer == 0, STACK_DEADLINE_MS), true);
	SAME(copy.msg.idiag_state, TCP_ESTABLISHED);
	SAME(copy.msg.idiag_wqueue, 0);
	SAME(copy.msg.id.idiag_if, 0);
	same_addr(copy.msg.id.idiag_src, s, s->addr);
	same_addr(copy.msg.id.idiag_dst, s, s->peer_addr);
	same_as_socket(s, fd, &copy.row);
	SAME(has_number(&copy.row, INET_DIAG_MARK, mark, 4), true);
	SAME(has_number(&copy.row, INET_DIAG_SHUTDOWN, 0, 1), true);
	SAME(has_number(&copy.row, INET_DIAG_CLASS_ID, priority, 4), true);
	result(s, "an open connection is listed as its socket tells");
	shutdown(fd, SHUT_WR);
	must(stack_at_end(peer), "the FIN comes");
	SAME(WAIT_FOR(find(s, port, peer_port, &copy) == 1 && copy.msg.idiag_state == TCP_FIN_WAIT2,
		      STACK_DEADLINE_MS), true);
	SAME(has_number(&copy.row, INET_DIAG_SHUTDOWN, 2, 1), true);
	close(fd);
	SAME(find(s, port, peer_port, &copy), 0);
	result(s, "a connection that is half closed, and one that was reset");
	close(peer);
}

static void algorithms(const struct setting *s)
{
	static const struct {
		const char *name;
		int attribute;
	} rows[] = {
		{ "cubic", 0 }, { "reno", 0 }, { "bbr", INET_DIAG_BBRINFO }, { "dctcp", INET_DIAG_DCTCPINFO },
		{ "prague", INET_DIAG_DCTCPINFO },
	};
	int fd, peer, port, peer_port;
	struct diag_copy copy;
	char name[16] = "";

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		connection(s, &fd, &peer, &port, &peer_port);
		/* kernel TCP has those of the modules that are loaded */
		if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, rows[i].name, strlen(rows[i].name))) {
			SAME(s->stack, KERNEL);
		} else {
			SAME(stack_carries(fd, peer, 20000), true);
			SAME(find(s, port, peer_port, &copy), 1);
			/* without ECN kernel TCP takes another one in the place of dctcp */
			option(fd, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name));
			SAME(copy.row.attr[INET_DIAG_CONG] && !strcmp(copy.row.attr[INET_DIAG_CONG], name), true);
			if (rows[i].attribute)
				same_option(s, fd, port, peer_port, rows[i].attribute, IPPROTO_TCP, TCP_CC_INFO);
			SAME(!!copy.row.attr[INET_DIAG_BBRINFO], rows[i].attribute == INET_DIAG_BBRINFO);
			SAME(!!copy.row.attr[INET_DIAG_DCTCPINFO], rows[i].attribute == INET_DIAG_DCTCPINFO);
		}
		close_each(fd, peer);
	}
	result(s, "what the algorithm tells");
}

static void listening(const struct setting *s)
{
	int port = next_port++, fd = stack_bound(net.a, s->stack, s->addr, port, true), client;
	struct diag_copy copy;

	must(fd >= 0 && !listen(fd, 7), "listener");
	client = must_have(stack_connected(net.b, KERNEL, s->addr, port), "client");
	SAME(WAIT_FOR(find(s, port, 0, &copy) == 1 && copy.msg.idiag_rqueue == 1, STACK_DEADLINE_MS), true);
	SAME(copy.msg.idiag_wqueue, 7);
	SAME(copy.msg.idiag_state, TCP_LISTEN);
	SAME(copy.msg.idiag_timer, 0);
	same_as_socket(s, fd, &copy.row);
	SAME(!!copy.row.attr[INET_DIAG_SKV6ONLY], s->v6);
	result(s, "a listener and its queue");
	SAME(find(s, port, stack_port(client), &copy), 1);
	SAME(copy.msg.idiag_state, TCP_ESTABLISHED);
	SAME(copy.msg.idiag_inode, 0);
	result(s, "a connection that nobody has accepted");
	close_each(client, fd);
}

static void opening(const struct setting *s)
{
	int port = next_port++, fd = stack_listener(net.a, s->stack, s->addr, port, true), peer, client, client_port;
	unsigned int mark = 99;
	struct diag_copy copy;

	peer = stack_bound(net.b, KERNEL, s->peer_addr, 0, false);
	client = stack_bound(net.a, s->stack, s->addr, 0, false);
	must(fd >= 0 && peer >= 0 && client >= 0, "sockets");
	must(!setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), "SO_MARK");
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(!stack_begin(peer, s->addr, port) && !stack_begin(client, s->peer_addr, 1), "connect");
	client_port = stack_port(client);
	/* a listing between a retransmission and the timer that it sets shows no time left */
	SAME(WAIT_FOR(find(s, port, stack_port(peer), &copy) == 1 && copy.msg.idiag_retrans > 0 &&
		      copy.msg.idiag_expires > 0, STACK_DEADLINE_MS), true);
	SAME(copy.msg.idiag_state, TCP_SYN_RECV);
	SAME(copy.msg.idiag_timer, 1);
	SAME(copy.msg.idiag_expires <= 4000, true);
	SAME(copy.msg.idiag_inode, 0);
	SAME(has_number(&copy.row, INET_DIAG_MARK, mark, 4), true);
	SAME(!!copy.row.attr[INET_DIAG_INFO], false);
	result(s, "a half-open one");
	SAME(WAIT_FOR(find(s, client_port, 1, &copy) == 1 && copy.msg.idiag_retrans > 0, STACK_DEADLINE_MS), true);
	SAME(copy.msg.idiag_state, TCP_SYN_SENT);
	SAME(copy.msg.idiag_timer, 1);
	SAME(copy.msg.idiag_wqueue, 1);
	result(s, "one that opens");
	close_each(client, peer, fd);
	must(!netem_gate(net.a, "veth0", true), "gate");
}

static void time_wait(const struct setting *s)
{
	int fd, peer, port, peer_port, i;
	struct diag_copy copy;

	connection(s, &fd, &peer, &port, &peer_port);
	close(fd);
	must(stack_at_end(peer), "the FIN comes");
	close(peer);
	SAME(sides_row(net.a, s->stack, s->addr, port, peer_port, TCP_TIME_WAIT), true);
	SAME(find(s, port, peer_port, &copy), 1);
	SAME(copy.msg.idiag_state, TCP_TIME_WAIT);
	SAME(copy.msg.idiag_timer, 3);
	SAME(copy.msg.idiag_expires > 20000 && copy.msg.idiag_expires <= 60000, true);
	SAME(copy.msg.idiag_inode, 0);
	same_addr(copy.msg.id.idiag_dst, s, s->peer_addr);
	for (i = 0; i < DIAG_ATTRIBUTES; i++)
		SAME(!!copy.row.attr[i], i == INET_DIAG_MARK);
	result(s, "TIME-WAIT");
}

struct states {
	unsigned int wanted, others;
	int port, found;
};

static void note_state(const struct diag_row *row, void *arg)
{
	struct states *states = arg;

	states->others += !(states->wanted & 1 << row->msg->idiag_state);
	states->found += ntohs(row->msg->id.idiag_sport) == states->port ||
			 ntohs(row->msg->id.idiag_dport) == states->port;
}

static int found_in(struct diag_query query, unsigned int wanted, int port)
{
	struct states states = { .wanted = wanted, .port = port };

	query.states = wanted;
	query.ext = 0;
	SAME(diag_dump(&query, note_state, &states) >= 0, true);
	SAME(states.others, 0);
	return states.found;
}

/* A listener, an open connection and one in TIME-WAIT, all at one port. */
static void states_and_ports(const struct setting *s)
{
	int port = next_port++, fd = stack_listener(net.a, s->stack, s->addr, port, true), client[2], child[2], i;
	struct diag_query query = all_of(s);

	must(fd >= 0, "listener");
	for (i = 0; i < 2; i++) {
		client[i] = must_have(stack_connected(net.b, KERNEL, s->addr, port), "connection");
		child[i] = must_have(accept(fd, NULL, NULL), "connection");
	}
	close(child[1]);
	must(stack_at_end(client[1]), "the FIN comes");
	SAME(found_in(query, 1 << TCP_LISTEN, port), 1);
	SAME(found_in(query, 1 << TCP_ESTABLISHED, port), 1);
	SAME(WAIT_FOR(found_in(query, 1 << TCP_FIN_WAIT2, port) == 1, STACK_DEADLINE_MS), true);
	SAME(found_in(query, 1 << TCP_LISTEN | 1 << TCP_ESTABLISHED, port), 2);
	SAME(found_in(query, 1 << TCP_SYN_RECV, port), 0);
	SAME(found_in(query, ~0U, port), 3);
	close(client[1]);
	SAME(WAIT_FOR(found_in(query, 1 << TCP_TIME_WAIT, port) == 1, STACK_DEADLINE_MS), true);
	result(s, "only the states that were asked for");
	query.port = port;
	SAME(diag_dump(&query, NULL, NULL), 3);
	query.peer_port = stack_port(client[0]);
	SAME(diag_dump(&query, NULL, NULL), 1);
	query.port = 0;
	SAME(diag_dump(&query, NULL, NULL), 1);
	query.peer_port = 1;
	SAME(diag_dump(&query, NULL, NULL), 0);
	result(s, "only the ports that were asked for");
	close_each(child[0], client[0], fd);
}

static void one_by_name(const struct setting *s)
{
	const struct diag_query query = all_of(s);
	int fd, peer, port, peer_port, listener, fresh = ns_make();
	struct inet_diag_sockid id;
	struct diag_copy copy, again;

	connection(s, &fd, &peer, &port, &peer_port);
	SAME(find(s, port, peer_port, &copy), 1);
	id = copy.msg.id;
	SAME(diag_get(&query, &id, &again), 0);
	SAME(!memcmp(&again.msg.id, &id, sizeof(id)), true);
	SAME(!!again.row.attr[INET_DIAG_INFO], true);
	id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	SAME(diag_get(&query, &id, &again), 0);
	SAME(diag_cookie(&again.msg), diag_cookie(&copy.msg));
	id.idiag_cookie[0] = copy.msg.id.idiag_cookie[0] + 1;
	id.idiag_cookie[1] = copy.msg.id.idiag_cookie[1];
	SAME(diag_get(&query, &id, &again), ENOENT);
	id = copy.msg.id;
	id.idiag_sport++;
	SAME(diag_get(&query, &id, &again), ENOENT);
	/* where nobody has made a socket yet */
	must(fresh >= 0 && !ns_enter(fresh), "namespace");
	SAME(diag_get(&query, &copy.msg.id, &again), ENOENT);
	must(!ns_enter(net.a), "namespace");
	close(fresh);
	result(s, "one connection by its addresses and its cookie");
	port = next_port++;
	listener = stack_listener(net.a, s->stack, s->addr, port, true);
	SAME(find(s, port, 0, &copy), 1);
	SAME(diag_get(&query, &copy.msg.id, &again), 0);
	SAME(again.msg.idiag_state, TCP_LISTEN);
	result(s, "one listener");
	close_each(listener, fd, peer);
}

/* Rows and what they tell, for somebody without a capability. */
static int look_unprivileged(void *arg)
{
	const struct setting *s = arg;
	struct diag_copy copy;

	must(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534), "setresuid");
	return find(s, next_port, next_port + 1, &copy) == 1 && copy.row.attr[INET_DIAG_INFO] ?
	       !!copy.row.attr[INET_DIAG_MARK] : 2;
}

static void unprivileged(const struct setting *s)
{
	int fd = stack_bound(net.a, s->stack, s->addr, next_port, true), listener;

	listener = stack_listener(net.b, KERNEL, s->peer_addr, next_port + 1, true);
	must(fd >= 0 && listener >= 0 && !stack_connect(fd, s->peer_addr, next_port + 1), "connection");
	SAME(ns_child(net.a, look_unprivileged, (void *)s), 0);
	result(s, "everybody sees them, but a mark only who has CAP_NET_ADMIN");
	next_port += 2;
	close_each(fd, listener);
}

static void other_namespaces(const struct setting *s)
{
	int fd, peer, port, peer_port, guest = ns_make_guest(), other = ns_make(), listener;

	must(guest >= 0 && other >= 0, "namespaces");
	connection(s, &fd, &peer, &port, &peer_port);
	SAME(rows_here((void *)s) > 0, true);
	SAME(ns_call(other, rows_here, (void *)s), 0);
	SAME(ns_call(guest, rows_here, (void *)s), 0);
	listener = must_have(stack_listener(other, s->stack, s->v6 ? "::1" : "127.0.0.1", 80, false), "listener");
	SAME(ns_call(other, rows_here, (void *)s), 1);
	SAME(ns_call(guest, rows_here, (void *)s), 0);
	result(s, "a namespace sees its own alone");
	close_each(listener, fd, peer, guest, other);
}

/* A connection over IPv4 of an IPv6 socket is an IPv6 socket's. */
static void mapped(const struct setting *s)
{
	const struct setting v4 = { .stack = s->stack };
	struct diag_copy copy;
	int fd, peer, listener, port = next_port++;

	if (!s->v6)
		return;
	listener = stack_listener(net.b, KERNEL, NS_B4, port, true);
	fd = stack_socket(net.a, s->stack, "::");
	must(listener >= 0 && fd >= 0 && !stack_connect(fd, "::ffff:" NS_B4, port), "connect");
	peer = accept(listener, NULL, NULL);
	SAME(find(s, stack_port(fd), port, &copy), 1);
	SAME(copy.msg.idiag_family, AF_INET6);
	same_addr(copy.msg.id.idiag_dst, s, "::ffff:" NS_B4);
	same_as_socket(s, fd, &copy.row);
	SAME(find(&v4, stack_port(fd), port, &copy), 0);
	result(s, "IPv4 of an IPv6 socket");
	close_each(fd, peer, listener);
}

#define ROWS	9	/* listeners, and connections: more than two messages of them */
#define ROOM_MOST	8192	/* of the first message, which has a page or this; later ones have what is read */
#define LONGEST	1200	/* of a row */

/* Rows by their index: connections behind listeners. */
struct sight {
	int port[2 * ROWS], peer_port[2 * ROWS];
	unsigned int seen[2 * ROWS], cut;
	bool tells;	/* the algorithm has an attribute */
};

static void see(const struct diag_row *row, void *arg)
{
	const bool listens = row->msg->idiag_state == TCP_LISTEN;
	struct sight *sight = arg;

	for (int i = 0; i < 2 * ROWS; i++)
		if (ntohs(row->msg->id.idiag_sport) == sight->port[i] &&
		    ntohs(row->msg->id.idiag_dport) == sight->peer_port[i])
			sight->seen[i]++;
	/* the last attributes of all */
	sight->cut += !row->attr[INET_DIAG_INFO] || (sight->tells && !listens && !row->attr[INET_DIAG_BBRINFO]);
}

/* Every row once, and whole, if messages have @room octets. */
static bool sees_all(const struct setting *s, struct sight *sight, size_t room)
{
	const struct diag_query query = { .stack = s->stack, .v6 = s->v6, .ext = 0xff,
					  .states = 1 << TCP_LISTEN | 1 << TCP_ESTABLISHED };
	static struct diag_request request;
	int fd = diag_open(), more, i;
	bool ok = true;

	memset(sight->seen, 0, sizeof(sight->seen));
	sight->cut = 0;
	diag_fill(&request, &query);
	diag_send(fd, &request);
	do {
		more = diag_receive(fd, room, see, sight);
	} while (more == 1);
	close(fd);
	for (i = 0; i < 2 * ROWS; i++)
		ok &= sight->seen[i] == 1;
	if (more || !ok || sight->cut)
		ksft_print_msg("messages of %zu octets: errno %d, %u rows were cut\n", room, -more, sight->cut);
	return !more && ok && !sight->cut;
}

/* A message ends before a row that has no room, whichever attribute it is that finds none. */
static void any_room(const struct setting *s)
{
	const int page = getpagesize(), least = page < ROOM_MOST ? page : ROOM_MOST;
	int fd[2 * ROWS], peer[ROWS], i, room;
	struct sight sight = {};

	for (i = 0; i < ROWS; i++) {
		fd[i] = stack_listener(net.a, s->stack, s->addr, 0, false);
		sight.port[i] = stack_port(fd[i]);
		connection(s, &fd[ROWS + i], &peer[i], &sight.port[ROWS + i], &sight.peer_port[ROWS + i]);
		/* kernel TCP may not have it */
		sight.tells = !setsockopt(fd[ROWS + i], IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
		must(sight.tells || s->stack == KERNEL, "bbr");
	}
	for (room = least; room < least + LONGEST && !problems; room += 4)
		problems += !sees_all(s, &sight, room);
	result(s, "messages of any length");
	for (i = 0; i < 2 * ROWS; i++)
		close(fd[i]);
	for (i = 0; i < ROWS; i++)
		close(peer[i]);
}

/* Kernel TCP's listing would wait for the program. */
static void owned(void)
{
	const struct setting s = { .stack = XTCP, .addr = NS_A4, .peer_addr = NS_B4 };
	const char *what = "xtcp: a socket that its program owns is listed without TCP_INFO, and nobody waits";
	int fd, peer, port, peer_port, other, other_peer, other_port, other_peer_port;
	struct asleep_owner owner = { .listens = false };
	struct diag_copy copy;

	connection(&s, &fd, &peer, &port, &peer_port);
	connection(&s, &other, &other_peer, &other_port, &other_peer_port);
	if (!asleep_owner_begin(&owner, fd)) {
		ksft_test_result_skip("the kernel cannot stop a program in a call: %s\n", what);
	} else {
		SAME(WAIT_FOR(find(&s, port, peer_port, &copy) == 1 && !copy.row.attr[INET_DIAG_INFO],
			      STACK_DEADLINE_MS), true);
		SAME(!!copy.row.attr[INET_DIAG_CONG] && copy.msg.idiag_state == TCP_ESTABLISHED, true);
		SAME(find(&s, other_port, other_peer_port, &copy), 1);
		SAME(!!copy.row.attr[INET_DIAG_INFO], true);
		SAME(asleep_owner_end(&owner), true);
		SAME(find(&s, port, peer_port, &copy), 1);
		SAME(!!copy.row.attr[INET_DIAG_INFO], true);
		same_result(what);
	}
	close_each(fd, peer, other, other_peer);
}

static void owned_listener(void)
{
	const struct setting s = { .stack = XTCP, .addr = NS_A4, .peer_addr = NS_B4 };
	const char *what = "xtcp: so is a listener that its program owns";
	int port = next_port++, fd = stack_listener(net.a, XTCP, s.addr, port, true);
	struct asleep_owner owner = { .listens = true };
	struct diag_copy copy;

	if (!asleep_owner_begin(&owner, fd)) {
		ksft_test_result_skip("the kernel cannot stop a program in a call: %s\n", what);
	} else {
		SAME(WAIT_FOR(find(&s, port, 0, &copy) == 1 && !copy.row.attr[INET_DIAG_INFO],
			      STACK_DEADLINE_MS), true);
		SAME(copy.msg.idiag_state, TCP_LISTEN);
		SAME(asleep_owner_end(&owner), true);
		SAME(find(&s, port, 0, &copy), 1);
		SAME(!!copy.row.attr[INET_DIAG_INFO], true);
		same_result(what);
	}
	close(fd);
}

/* A port of NS_A4 towards a port of NS_B4, bound to a device. The second such socket gets no answer. */
static int bound_to(const char *device, int port, int peer_port)
{
	union stack_addr own = stack_addr(NS_A4, port);
	int fd = stack_socket(net.a, XTCP, NS_A4);

	must(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)) &&
	     !bind(fd, &own.sa, sizeof(own.in)) && !stack_begin(fd, NS_B4, peer_port), device);
	return fd;
}

static void same_tuple(void)
{
	const struct setting s = { .stack = XTCP, .addr = NS_A4, .peer_addr = NS_B4 };
	int port = next_port++, peer_port = next_port++, one, other;
	int listener = stack_listener(net.b, KERNEL, NS_B4, peer_port, true);
	struct diag_copy copy;

	must(!ns_shell(net.a, "ip link add d0 type dummy && ip link set d0 up && ip route add " NS_B4
		       "/32 dev d0 metric 9999"), "d0");
	one = bound_to("d0", port, peer_port);
	SAME(find(&s, port, peer_port, &copy), 1);
	SAME(copy.msg.id.idiag_if, if_nametoindex("d0"));
	other = bound_to("veth0", port, peer_port);
	SAME(find(&s, port, peer_port, &copy), 2);
	close_each(one, other, listener);
	must(!ns_shell(net.a, "ip link del d0"), "d0");
	same_result("xtcp: two connections that differ by their device alone");
}

#define COMMON	15
#define IPV6	1

static void each(const struct setting *s)
{
	void (* const cases[])(const struct setting *) = { established, algorithms, listening, opening, time_wait,
							   states_and_ports, one_by_name, unprivileged,
							   other_namespaces, mapped, any_room };

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		cases[i](s);
}

int main(void)
{
	test_begin(stack_count() * (2 * COMMON + IPV6) + 3);
	settings(each);
	owned();
	owned_listener();
	same_tuple();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
