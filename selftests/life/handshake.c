// SPDX-License-Identifier: GPL-2.0
/*
 * Opening a connection between both stacks, also by both ends at once, states read back from TCP_INFO and /proc at both
 * ends; and who holds the listener while a SYN-ACK waits below. What is lost meanwhile is the matter of
 * wire_lossy_handshake.
 *
 *	handshake [-4|-6] [-s kernel|xtcp]
 *
 * A gate at each end of the veth lets nothing out while it is closed, so that
 * the states last as long as the test looks at them (RFC 9293 section 3.5).
 */
#include "test.h"

#define PORT 6000
#define CLIENT_PORT 6500
#define TESTS 4

static struct ns_pair pair;

/* A connection under way: @server is the listener, then what it accepted. */
struct open {
	const struct sides *s;
	int listener, client, server;
	int client_port;
};

static void gate(int ns, bool open)
{
	must(!netem_gate(ns, "veth0", open), "no gate");
}

static bool client_is(const struct open *o, int state)
{
	return sides_state(pair.a, o->s->client, o->s->addr, o->client, state, o->client_port, PORT, state);
}

/* Its row: while it is half open there is nothing else. */
static bool server_is(const struct open *o, int state)
{
	return sides_row(pair.b, o->s->server, o->s->addr, PORT, o->client_port, state);
}

static struct open start(const struct sides *s)
{
	struct open o = { .s = s, .server = -1 };

	o.listener = stack_listener(pair.b, s->server, s->addr, PORT, true);
	o.client = stack_socket(pair.a, s->client, s->addr);
	must(o.listener >= 0 && o.client >= 0 && !fcntl(o.listener, F_SETFL, O_NONBLOCK) &&
	     !fcntl(o.client, F_SETFL, O_NONBLOCK), "no sockets");
	return o;
}

static bool begin(struct open *o)
{
	int ret = stack_connect(o->client, o->s->addr, PORT);

	o->client_port = stack_port(o->client);
	return ret < 0 && errno == EINPROGRESS;
}

static bool becomes(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, STACK_DEADLINE_MS) == 1 && (p.revents & events) == events;
}

/* Both ends established, and they are each other's peers. */
static bool established(struct open *o)
{
	union stack_addr peer;
	socklen_t len = sizeof(peer);

	if (!becomes(o->client, POLLOUT) || stack_error(o->client) || !client_is(o, TCP_ESTABLISHED))
		return false;
	if (!becomes(o->listener, POLLIN))
		return false;
	o->server = accept(o->listener, &peer.sa, &len);
	if (o->server < 0 || stack_state(o->server) != TCP_ESTABLISHED)
		return false;
	return ntohs(peer.in.sin_port) == o->client_port && server_is(o, TCP_ESTABLISHED) &&
		stack_carries(o->client, o->server, 3000) && stack_carries(o->server, o->client, 3000);
}

static void end(struct open *o, bool ok, const char *name)
{
	if (o->server >= 0)
		stack_abort(o->server);
	close_each(o->client, o->listener);
	ok = ok && server_is(o, 0);
	sides_result(ok, name);
}

static void plain(const struct sides *s)
{
	struct open o = start(s);
	bool ok = begin(&o) && established(&o);

	end(&o, ok, "nothing lost");
}

/* Both ends connect (RFC 9293 section 3.5, figure 7); there is no listener. */
static void simultaneous(const struct sides *s)
{
	struct open o = { .s = s, .listener = -1, .client_port = CLIENT_PORT };
	const char *here = s->client_addr;
	bool ok;

	o.client = stack_bound(pair.a, s->client, here, CLIENT_PORT, true);
	o.server = stack_bound(pair.b, s->server, s->addr, PORT, true);
	ok = o.client >= 0 && o.server >= 0 && !fcntl(o.client, F_SETFL, O_NONBLOCK) &&
		!fcntl(o.server, F_SETFL, O_NONBLOCK);
	gate(pair.a, false);
	gate(pair.b, false);
	ok = ok && begin(&o) && stack_connect(o.server, here, CLIENT_PORT) < 0 && errno == EINPROGRESS;
	ok = ok && client_is(&o, TCP_SYN_SENT) && server_is(&o, TCP_SYN_SENT);
	/* The client's SYN goes through: the server has one from either side. */
	gate(pair.a, true);
	ok = ok && server_is(&o, TCP_SYN_RECV) && stack_state(o.server) == TCP_SYN_RECV &&
		client_is(&o, TCP_SYN_SENT);
	gate(pair.b, true);
	ok = ok && client_is(&o, TCP_ESTABLISHED) && server_is(&o, TCP_ESTABLISHED) &&
		becomes(o.client, POLLOUT) && becomes(o.server, POLLOUT) &&
		!stack_error(o.client) && !stack_error(o.server) &&
		stack_carries(o.client, o.server, 3000) && stack_carries(o.server, o.client, 3000);
	end(&o, ok, "both ends connect");
}

/* To the listener; -1: there is none. */
static int references(const struct sides *s)
{
	struct row *rows;
	int n = rows_read(pair.b, sides_listing(s->server, s->addr), &rows, NULL), found = -1, i;

	for (i = 0; i < n; i++)
		if (rows[i].state == TCP_LISTEN && rows[i].local_port == PORT)
			found = rows[i].refcount;
	free(rows);
	return found;
}

static long long cookies_sent(const struct sides *s)
{
	return stack_counter(pair.b, s->server, "TcpExt:SyncookiesSent");
}

/*
 * The SYN-ACK stands in the server's queue. An entry's belongs to the listener there; one that is a cookie belongs to
 * nobody, or in a flood all processors would write the listener's count of references. It may not be the only one that
 * waits: a client whose machine was slow has repeated its SYN, and IPv6 has messages of its own.
 */
static void syn_ack_waits(const struct sides *s, bool cookie)
{
	const char *knob = s->server == XTCP ? "net.xtcp.syncookies" : "net.ipv4.tcp_syncookies";
	bool ok = !ns_sysctl_set(pair.b, knob, "%d", cookie ? 2 : 1);
	long long sent = cookies_sent(s);
	struct open o = start(s);
	int before = references(s), held;

	ok = ok && !netem_hold(pair.b, "veth0") && begin(&o);
	ok = ok && (cookie ? WAIT_FOR(cookies_sent(s) > sent, STACK_DEADLINE_MS) : server_is(&o, TCP_SYN_RECV));
	ok = ok && WAIT_FOR(netem_waiting(pair.b, "veth0") > 0, STACK_DEADLINE_MS);
	held = references(s);
	ok = ok && before > 0 && (cookie ? held == before : held > before);
	ok = ok && !netem_release(pair.b, "veth0") && established(&o) && !netem_clear(pair.b, "veth0");
	end(&o, ok, cookie ? "a SYN-ACK that waits, a cookie" : "a SYN-ACK that waits, an entry's");
	if (!ok)
		ksft_print_msg("%d references before, %d while it waited\n", before, held);
	ns_sysctl_set(pair.b, knob, "1");
}

static void all(const struct sides *s)
{
	must(!ns_pair_make(&pair), "no namespaces");
	sides_know_each_other(&pair);
	plain(s);
	simultaneous(s);
	syn_ack_waits(s, false);
	syn_ack_waits(s, true);
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides);

	test_begin(n * TESTS);
	return sides_each(sides, n, TESTS, all);
}
