// SPDX-License-Identifier: GPL-2.0
/*
 * The listing by netlink (sock_diag) of connections that ended otherwise than by both FINs, while the program has the
 * socket: in the state CLOSE, with the reason. Resets, a reset before accept(), the limits of the namespace for
 * connections without data, an administrator, close(), a disconnect; filters; who sees them. Kernel TCP lists none.
 * What the peer's RST says about its reason (net.xtcp.rst_diagnostic), which kernel TCP ignores; in a guest, too.
 */
#include <linux/sock_diag.h>
#include "listing.h"

static int found_in(struct diag_query query, unsigned int states)
{
	query.states = states;
	return diag_dump(&query, NULL, NULL);
}

static void await_end(int fd)
{
	struct pollfd ready = { .fd = fd };

	must(poll(&ready, 1, STACK_DEADLINE_MS) == 1 && ready.revents & POLLHUP, "the connection ends");
}

static void same_as_socket(int fd, const struct diag_row *row)
{
	const struct tcp_info *info = row->attr[INET_DIAG_INFO];
	socklen_t len = sizeof(uint64_t);
	struct stat file;
	uint64_t cookie;

	must(!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) && !fstat(fd, &file), "the socket");
	SAME(diag_cookie(row->msg), cookie);
	SAME(row->msg->idiag_inode, file.st_ino);
	SAME(row->msg->idiag_uid, geteuid());
	SAME(info && info->tcpi_state == TCP_CLOSE, true);
	SAME(!!row->attr[INET_DIAG_CONG], true);
}

static void says_why(int fd, const struct diag_row *row, int reason, int cause, int error)
{
	struct xtcp_abort abort = {};
	socklen_t len = sizeof(abort);

	must(!getsockopt(fd, IPPROTO_TCP, XTCP_ABORT, &abort, &len), "XTCP_ABORT");
	SAME(abort.reason, reason);
	SAME(abort.cause, cause);
	SAME(abort.error, error);
	SAME(row->abort && !memcmp(row->abort, &abort, sizeof(abort)), true);
}

/* The peer resets the connection, after @text. */
static void reset(int fd, int peer, const char *text)
{
	must(write(peer, text, strlen(text)) == (ssize_t)strlen(text), "write");
	must(!stack_abort(peer), "SO_LINGER");
	await_end(fd);
}

/* Listed until close(); kernel TCP lists it no more. */
static void aborted(const struct setting *s)
{
	const bool ours = s->stack == XTCP;
	struct diag_query query = all_of(s);
	int fd, peer, port, peer_port;
	struct diag_copy copy;

	connection(s, &fd, &peer, &port, &peer_port);
	SAME(find(s, port, peer_port, &copy), 1);
	SAME(!!copy.row.abort, false);
	reset(fd, peer, "hello");
	SAME(find(s, port, peer_port, &copy), ours);
	if (ours) {
		SAME(copy.msg.idiag_state, TCP_CLOSE);
		SAME(copy.msg.idiag_timer, 0);
		SAME(copy.msg.idiag_rqueue, 5);
		SAME(copy.msg.idiag_wqueue, 0);
		same_as_socket(fd, &copy.row);
		says_why(fd, &copy.row, XTCP_ABORT_RESET, XTCP_CAUSE_PEER, ECONNRESET);
	}
	result(s, "a connection that was reset, and why");
	query.port = port;
	SAME(found_in(query, 1 << TCP_CLOSE), ours);
	SAME(found_in(query, ~(1U << TCP_CLOSE)), 0);
	SAME(diag_dump(&query, NULL, NULL), ours);
	query.peer_port = peer_port + 1;
	SAME(diag_dump(&query, NULL, NULL), 0);
	query.peer_port = peer_port;
	if (ours) {
		query.by_uid = true;
		query.uid = geteuid() + 1;
		SAME(diag_dump(&query, NULL, NULL), 0);
		query.uid = geteuid();
		SAME(diag_dump(&query, NULL, NULL), 1);
		query.cookie = diag_cookie(&copy.msg) + 1;
		SAME(diag_dump(&query, NULL, NULL), 0);
		query.cookie--;
		SAME(diag_dump(&query, NULL, NULL), 1);
		query.by_uid = false;
		query.cookie = 0;
	}
	close(fd);
	SAME(diag_dump(&query, NULL, NULL), 0);
	result(s, "it is chosen as others are, and close() ends it");
}

/* A program that disconnects has a socket as new. */
static void aborted_and_again(const struct setting *s)
{
	int fd, peer, port, peer_port, listener;
	struct diag_copy copy;

	connection(s, &fd, &peer, &port, &peer_port);
	reset(fd, peer, "");
	must(!stack_disconnect(fd), "disconnect");
	SAME(find(s, port, peer_port, &copy), 0);
	SAME(find(s, 0, 0, &copy), 0);
	listener = stack_listener(net.b, KERNEL, s->peer_addr, peer_port, true);
	must(listener >= 0 && !stack_connect(fd, s->peer_addr, peer_port), "connect");
	peer = accept(listener, NULL, NULL);
	SAME(find(s, stack_port(fd), peer_port, &copy), 1);
	SAME(copy.msg.idiag_state, TCP_ESTABLISHED);
	SAME(!!copy.row.abort, false);
	reset(fd, peer, "");
	SAME(find(s, stack_port(fd), peer_port, &copy), s->stack == XTCP);
	close(fd);
	SAME(find(s, port, peer_port, &copy), 0);
	result(s, "one that disconnects and connects again");
	close(listener);
}

/* Nobody has accepted it yet. */
static void aborted_before_accept(const struct setting *s)
{
	int port = next_port++, fd = stack_listener(net.a, s->stack, s->addr, port, true), client, client_port, child;
	const bool ours = s->stack == XTCP;
	struct diag_copy copy;

	client = stack_connected(net.b, KERNEL, s->addr, port);
	must(fd >= 0 && client >= 0, "connection");
	client_port = stack_port(client);
	SAME(WAIT_FOR(find(s, port, client_port, &copy) == 1 && copy.msg.idiag_state == TCP_ESTABLISHED,
		      STACK_DEADLINE_MS), true);
	must(!stack_abort(client), "SO_LINGER");
	SAME(WAIT_FOR(find(s, port, client_port, &copy) != 1 || copy.msg.idiag_state == TCP_CLOSE, STACK_DEADLINE_MS),
	     true);
	SAME(find(s, port, client_port, &copy), ours);
	if (ours)
		SAME(copy.msg.idiag_inode, 0);
	child = must_have(accept(fd, NULL, NULL), "accept");
	SAME(find(s, port, client_port, &copy), ours);
	if (ours) {
		SAME(copy.msg.idiag_inode != 0, true);
		says_why(child, &copy.row, XTCP_ABORT_RESET, XTCP_CAUSE_PEER, ECONNRESET);
	}
	close(child);
	SAME(find(s, port, client_port, &copy), 0);
	result(s, "one that was aborted before accept()");
	close(fd);
}

/* Who else can end it. */
static void other_reasons(const struct setting *s)
{
	struct diag_request request = {};
	int fd, peer, port, peer_port, netlink = diag_open();
	struct diag_query query = all_of(s);
	struct diag_copy copy;

	must(!ns_sysctl_set(net.a, "net.xtcp.idle_ms", "200"), "idle_ms");
	connection(s, &fd, &peer, &port, &peer_port);
	await_end(fd);
	must(!ns_sysctl_set(net.a, "net.xtcp.idle_ms", "0"), "idle_ms");
	SAME(find(s, port, peer_port, &copy), 1);
	says_why(fd, &copy.row, XTCP_ABORT_IDLE, XTCP_CAUSE_TIMER, ETIMEDOUT);
	close_each(fd, peer);
	connection(s, &fd, &peer, &port, &peer_port);
	SAME(find(s, port, peer_port, &copy), 1);
	diag_fill(&request, &query);
	request.head.nlmsg_type = SOCK_DESTROY;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	request.req.id = copy.msg.id;
	diag_send(netlink, &request);
	SAME(diag_receive(netlink, 65536, NULL, NULL), 0);
	await_end(fd);
	SAME(find(s, port, peer_port, &copy), 1);
	says_why(fd, &copy.row, XTCP_ABORT_KILLED, XTCP_CAUSE_OPERATOR, ECONNABORTED);
	/* it has ended already */
	diag_send(netlink, &request);
	SAME(diag_receive(netlink, 65536, NULL, NULL), -ENOENT);
	close_each(fd, peer, netlink);
	SAME(find(s, port, peer_port, &copy), 0);
	result(s, "one without data, and one that an administrator has ended");
}

static void other_namespaces(const struct setting *s)
{
	int fd, peer, port, peer_port, guest = must_have(ns_make_guest(), "a guest"), listener;
	struct diag_copy copy;

	listener = must_have(stack_listener(guest, s->stack, s->v6 ? "::1" : "127.0.0.1", 80, false), "listener");
	connection(s, &fd, &peer, &port, &peer_port);
	reset(fd, peer, "");
	SAME(find(s, port, peer_port, &copy), 1);
	SAME(ns_call(guest, rows_here, (void *)s), 1);
	close_each(fd, listener, guest);
	result(s, "a guest sees its own alone");
}

/* The client is on xtcp and resets its connection; what the peer gets of it, at @server. */
static void told(const struct setting *s, int client_ns, int server_ns, enum stack server, const char *addr, int code)
{
	struct xtcp_abort abort = {};
	socklen_t len = sizeof(abort);
	int client, peer, port = next_port++, client_port;
	struct diag_copy copy;
	char octet;

	stack_pair_or_die(client_ns, XTCP, server_ns, server, addr, port, &client, &peer);
	client_port = stack_port(client);
	must(!stack_abort(client), "SO_LINGER");
	await_end(peer);
	if (server == XTCP) {
		must(!getsockopt(peer, IPPROTO_TCP, XTCP_ABORT, &abort, &len), "XTCP_ABORT");
		SAME(abort.reason, XTCP_ABORT_RESET);
		SAME(abort.peer_code, code);
		SAME(abort.peer_pen, 0);
	}
	if (server == XTCP && server_ns == net.a) {
		SAME(find(s, port, client_port, &copy), 1);
		SAME(copy.row.abort && !memcmp(copy.row.abort, &abort, sizeof(abort)), true);
	}
	SAME(read(peer, &octet, 1), -1);
	SAME(errno, ECONNRESET);
	close(peer);
}

#define SAYS	"net.xtcp.rst_diagnostic"
#define ABORT	3	/* IANA's code */

/* The sender's namespace decides. */
static void aborted_and_told(const struct setting *s)
{
	const char *lo = s->v6 ? "::1" : "127.0.0.1";
	int guest = must_have(ns_make_guest(), "a guest");

	SAME(ns_sysctl_get(guest, SAYS), 0);
	must(!ns_sysctl_set(net.a, SAYS, "1"), SAYS);
	told(s, net.b, net.a, XTCP, s->addr, 0);
	SAME(ns_sysctl_get(guest, SAYS), 0);
	told(s, guest, guest, XTCP, lo, 0);
	must(!ns_sysctl_set(net.a, SAYS, "0") && !ns_sysctl_set(net.b, SAYS, "1"), SAYS);
	told(s, net.b, net.a, XTCP, s->addr, ABORT);
	told(s, net.b, net.a, KERNEL, s->addr, ABORT);
	must(!ns_sysctl_set(guest, SAYS, "1"), SAYS);
	told(s, guest, guest, XTCP, lo, ABORT);
	must(!ns_sysctl_set(net.b, SAYS, "0"), SAYS);
	told(s, guest, guest, XTCP, lo, ABORT);
	SAME(ns_sysctl_get(net.b, SAYS), 0);
	close(guest);
	result(s, "what the RST says about its reason");
}

#define EACH	4	/* of either stack and IP version */
#define OURS	3	/* of xtcp, of either IP version */

static void each(const struct setting *s)
{
	void (* const cases[])(const struct setting *) = {
		aborted, aborted_and_again, aborted_before_accept, other_reasons, other_namespaces, aborted_and_told,
	};
	unsigned int n = 3;

	if (s->stack == XTCP)
		n = ARRAY_SIZE(cases);
	for (unsigned int i = 0; i < n; i++)
		cases[i](s);
}

int main(void)
{
	test_begin(2 * (stack_count() * EACH + OURS));
	settings(each);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
