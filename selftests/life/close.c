// SPDX-License-Identifier: GPL-2.0
/*
 * Closing a connection in every order, states read back from TCP_INFO and /proc
 * at both ends (RFC 9293 section 3.6), half-close, and a reader that is slow:
 *
 *	close [-4|-6] [-s kernel|xtcp]
 *
 * A gate at each end of the veth lets nothing out while it is closed, so that
 * the states last as long as the test looks at them.
 */
#include "test.h"

#define STALL_MS 60000
#define SLOW_OCTETS ((release_is_debug() ? 1 : 3) << 20)	/* more than both buffers take */

static struct ns_pair pair;
static int next_port = 7000;

/* One end of a connection, as the tests see it. */
struct end {
	int ns, fd;
	enum stack stack;
	const char *addr;
	int port, peer_port;
};

/* @first closes first: the client, or with @server_first the server. */
struct both {
	struct end first, second;
};

static struct both connected(const struct sides *s, bool server_first)
{
	struct end c = { .ns = pair.a, .stack = s->client, .addr = s->addr };
	struct end v = { .ns = pair.b, .stack = s->server, .addr = s->addr };

	v.port = next_port++;
	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, v.port, &c.fd, &v.fd);
	c.port = stack_port(c.fd);
	c.peer_port = v.port;
	v.peer_port = c.port;
	return server_first ? (struct both){ v, c } : (struct both){ c, v };
}

static void gate(const struct end *e, bool open)
{
	must(!netem_gate(e->ns, "veth0", open), "no gate");
}

static bool is(const struct end *e, int state)
{
	return sides_state(e->ns, e->stack, e->addr, e->fd, state, e->port, e->peer_port, state);
}

static bool row_is(const struct end *e, int state)
{
	return sides_row(e->ns, e->stack, e->addr, e->port, e->peer_port, state);
}

/* The connection has gone; its socket is still there, closed. */
static bool is_gone(const struct end *e, int row)
{
	return sides_state(e->ns, e->stack, e->addr, e->fd, TCP_CLOSE, e->port, e->peer_port, row);
}

static bool becomes(const struct end *e, short events)
{
	struct pollfd p = { .fd = e->fd, .events = events };

	return poll(&p, 1, STACK_DEADLINE_MS) == 1 && (p.revents & events) == events;
}

static bool reads_end(const struct end *e)
{
	char octet;

	return becomes(e, POLLIN) && recv(e->fd, &octet, 1, 0) == 0;
}

static bool reads_reset(const struct end *e)
{
	char octet;

	return becomes(e, POLLHUP) && recv(e->fd, &octet, 1, 0) < 0 && errno == ECONNRESET;
}

static void reset(const struct end *e)
{
	stack_abort(e->fd);
}

static void done(struct both *b, bool ok, const char *name, bool server_first)
{
	char text[128];

	close_each(b->first.fd, b->second.fd);
	snprintf(text, sizeof(text), "%s, the %s first", name, server_first ? "server" : "client");
	sides_result(ok, text);
}

/* FIN, ACK, FIN, ACK, with each of the four lost once. */
static void one_after_the_other(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	bool ok;

	gate(&b.first, false);
	ok = !shutdown(b.first.fd, SHUT_WR) && is(&b.first, TCP_FIN_WAIT1) && is(&b.second, TCP_ESTABLISHED);
	gate(&b.second, false);
	gate(&b.first, true);
	ok = ok && is(&b.second, TCP_CLOSE_WAIT) && is(&b.first, TCP_FIN_WAIT1) && reads_end(&b.second);
	gate(&b.second, true);
	ok = ok && is(&b.first, TCP_FIN_WAIT2) && is(&b.second, TCP_CLOSE_WAIT);
	gate(&b.second, false);
	ok = ok && !shutdown(b.second.fd, SHUT_WR) && is(&b.second, TCP_LAST_ACK) && is(&b.first, TCP_FIN_WAIT2);
	gate(&b.first, false);
	gate(&b.second, true);
	ok = ok && is_gone(&b.first, TCP_TIME_WAIT) && is(&b.second, TCP_LAST_ACK) && reads_end(&b.first);
	gate(&b.first, true);
	ok = ok && is_gone(&b.second, 0) && row_is(&b.first, TCP_TIME_WAIT);
	done(&b, ok, "one after the other", server_first);
}

/* The same with close(): orphans, whose states only /proc tells. */
static void orphans(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	bool ok;

	gate(&b.first, false);
	ok = !close(b.first.fd) && row_is(&b.first, TCP_FIN_WAIT1);
	gate(&b.first, true);
	ok = ok && is(&b.second, TCP_CLOSE_WAIT) && row_is(&b.first, TCP_FIN_WAIT2);
	gate(&b.second, false);
	ok = ok && !close(b.second.fd) && row_is(&b.second, TCP_LAST_ACK);
	gate(&b.second, true);
	ok = ok && row_is(&b.second, 0) && row_is(&b.first, TCP_TIME_WAIT);
	b.first.fd = -1;
	b.second.fd = -1;
	done(&b, ok, "with orphans", server_first);
}

/*
 * Both FINs are sent before either is received (section 3.6, figure 13). The
 * first one's goes through alone: CLOSING at the other end.
 */
static void at_once(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	bool ok;

	gate(&b.first, false);
	gate(&b.second, false);
	ok = !shutdown(b.first.fd, SHUT_WR) && !shutdown(b.second.fd, SHUT_WR) &&
		is(&b.first, TCP_FIN_WAIT1) && is(&b.second, TCP_FIN_WAIT1);
	gate(&b.first, true);
	ok = ok && is(&b.second, TCP_CLOSING) && is(&b.first, TCP_FIN_WAIT1);
	gate(&b.second, true);
	ok = ok && is_gone(&b.first, TCP_TIME_WAIT) && is_gone(&b.second, TCP_TIME_WAIT) &&
		reads_end(&b.first) && reads_end(&b.second);
	done(&b, ok, "both at once", server_first);
}

/* All of the other direction after the first FIN. */
static void half_close(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	struct flow ends[2];
	bool ok = !shutdown(b.first.fd, SHUT_WR) && is(&b.first, TCP_FIN_WAIT2) && is(&b.second, TCP_CLOSE_WAIT);

	flow_pair(&ends[0], b.first.fd, 0, &ends[1], b.second.fd, 300000);
	ok = ok && flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ok = ok && is_gone(&b.first, TCP_TIME_WAIT) && is_gone(&b.second, 0);
	done(&b, ok, "300 kB after a half-close", server_first);
}

static void resets(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	bool ok;

	reset(&b.first);
	ok = reads_reset(&b.second) && is_gone(&b.second, 0) && row_is(&b.first, 0);
	b.first.fd = -1;
	done(&b, ok, "RST by linger 0", server_first);

	b = connected(s, server_first);
	ok = !shutdown(b.first.fd, SHUT_WR) && is(&b.second, TCP_CLOSE_WAIT) && is(&b.first, TCP_FIN_WAIT2);
	reset(&b.second);
	ok = ok && reads_reset(&b.first) && is_gone(&b.first, 0) && row_is(&b.second, 0);
	b.second.fd = -1;
	done(&b, ok, "RST in FIN-WAIT-2", server_first);

	b = connected(s, server_first);
	ok = send(b.second.fd, "unread", 6, MSG_NOSIGNAL) == 6 && becomes(&b.first, POLLIN) && !close(b.first.fd);
	ok = ok && reads_reset(&b.second) && is_gone(&b.second, 0) && row_is(&b.first, 0);
	b.first.fd = -1;
	done(&b, ok, "close with unread data", server_first);

	b = connected(s, server_first);
	ok = !close(b.first.fd) && is(&b.second, TCP_CLOSE_WAIT) && row_is(&b.first, TCP_FIN_WAIT2) &&
		send(b.second.fd, "late", 4, MSG_NOSIGNAL) == 4 && becomes(&b.second, POLLHUP) &&
		is_gone(&b.second, 0);
	b.first.fd = -1;
	done(&b, ok, "data for an orphan", server_first);
}

/* FINs and data cross a closed gate: the data comes first, all of it. */
static void data_before_fin(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	char got[64];
	int n = 0, ret = 1;
	bool ok;

	gate(&b.first, false);
	ok = send(b.first.fd, "one ", 4, MSG_NOSIGNAL) == 4 && send(b.first.fd, "two ", 4, MSG_NOSIGNAL) == 4 &&
		send(b.first.fd, "three", 5, MSG_NOSIGNAL) == 5 && !shutdown(b.first.fd, SHUT_WR) &&
		is(&b.first, TCP_FIN_WAIT1);
	gate(&b.first, true);
	while (ok && ret > 0 && becomes(&b.second, POLLIN)) {
		ret = recv(b.second.fd, got + n, sizeof(got) - n, 0);
		n += ret > 0 ? ret : 0;
	}
	ok = ok && !ret && n == 13 && !memcmp(got, "one two three", n) && is(&b.first, TCP_FIN_WAIT2);
	done(&b, ok, "data and FIN lost together", server_first);
}

static int timer_of(const struct end *e)
{
	struct row row;

	if (rows_find(e->ns, sides_listing(e->stack, e->addr), e->port, e->peer_port, &row) != 1)
		return -1;
	return row.timer;
}

static long long probes_of(const struct end *e)
{
	return counter_now(e->ns, e->stack == XTCP ? "/proc/net/xtcp_netstat" : "/proc/net/netstat",
			   "TcpExt:TCPWinProbe");
}

/*
 * The window closes, the sender probes it, and it opens again. Nobody reads until
 * the sender's timer is the persist timer (4 in /proc) and a probe has been sent.
 */
static void slow_reader(const struct sides *s, bool server_first)
{
	struct both b = connected(s, server_first);
	long long end = wait_now_ms() + STACK_DEADLINE_MS, before = probes_of(&b.first);
	bool ok = true, closed = false;
	struct flow ends[2];

	flow_pair(&ends[0], b.first.fd, SLOW_OCTETS, &ends[1], b.second.fd, 0);
	ends[1].idle = true;
	while (ok && !closed && wait_now_ms() < end) {
		ok = flow_step(ends, 2, 20) >= 0;
		closed = timer_of(&b.first) == 4 && probes_of(&b.first) > before;
	}
	if (!closed)
		ksft_print_msg("no probe: sent %lld, timer %d\n", ends[0].sent, timer_of(&b.first));
	ok = ok && closed && ends[0].sent < ends[0].send;
	ends[1].idle = false;
	ends[1].slowly = 5000;
	ok = ok && flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	done(&b, ok, "a slow reader's window closes and reopens", server_first);
}

static void all(const struct sides *s)
{
	int first;

	must(!ns_pair_make(&pair), "no namespaces");
	sides_know_each_other(&pair);
	for (first = 0; first < 2; first++) {
		one_after_the_other(s, first);
		orphans(s, first);
		at_once(s, first);
		half_close(s, first);
		resets(s, first);
		data_before_fin(s, first);
		slow_reader(s, first);
	}
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides);

	test_begin(n * 20);
	return sides_each(sides, n, 20, all);
}
