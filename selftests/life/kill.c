// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets that an administrator ends by sock_diag's SOCK_DESTROY, in each state: what the program, its peer and /proc
 * see afterwards, and which requests are refused. The same on both stacks, for kernel TCP has done it for long.
 *
 * The requests are those of `ss -K` and `xtcp-ss -K`.
 */
#include <linux/sock_diag.h>
#include <net/if.h>
#include "lib/test.h"

/* The socket to be ended: its place, and who asks for it how. */
struct target {
	enum stack stack;
	const char *addr, *peer_addr;	/* of net.a and net.b */
	int port, peer_port;		/* 0: a listener */
	unsigned int cookie;		/* none where it is 0 */
	unsigned int shorter;		/* octets by which the request is cut */
	unsigned int protocol;		/* another one than it should be, where it is not 0 */
	const char *dev;
};

static struct ns_pair net;
static int next_port = 7400;

/* By @fd, a socket for requests in net.a, where the program is; closes it. 0 or the errno of the answer. */
static int ask_by(int fd, const struct target *t)
{
	const struct diag_query query = {
		.stack = t->stack, .v6 = strchr(t->addr, ':'), .port = t->port, .peer_port = t->peer_port,
	};
	static struct diag_request request;
	int err;

	diag_fill(&request, &query);
	request.head.nlmsg_type = SOCK_DESTROY;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	request.head.nlmsg_len -= t->shorter;
	if (t->protocol)
		request.req.sdiag_protocol = t->protocol;
	if (t->dev)
		request.req.id.idiag_if = if_nametoindex(t->dev);
	stack_put_addr(request.req.id.idiag_src, t->addr);
	if (t->peer_port)
		stack_put_addr(request.req.id.idiag_dst, t->peer_addr);
	request.req.id.idiag_cookie[0] = t->cookie ?: INET_DIAG_NOCOOKIE;
	request.req.id.idiag_cookie[1] = t->cookie ? 0 : INET_DIAG_NOCOOKIE;
	diag_send(fd, &request);
	err = -diag_receive(fd, 8192, NULL, NULL);
	close(fd);
	return err;
}

static int ask(const struct target *target)
{
	return ask_by(socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG), target);
}

/* What a read says, once there is something to say: an errno, or 0. */
static int read_error(int fd)
{
	char octet;

	return recv(fd, &octet, 1, 0) < 0 ? errno : 0;
}

static void result(const struct target *t, const char *what)
{
	ksft_test_result(!problems, "%s, IPv%d: %s\n", stack_name(t->stack), strchr(t->addr, ':') ? 6 : 4, what);
	problems = 0;
}

static void connection(struct target *t, int *fd, int *peer)
{
	t->peer_port = next_port++;
	stack_pair_or_die(net.a, t->stack, net.b, KERNEL, t->peer_addr, t->peer_port, fd, peer);
	t->port = stack_port(*fd);
}

static bool gone(const struct target *t)
{
	return sides_row(net.a, t->stack, t->addr, t->port, t->peer_port, 0);
}

/* The reason that XTCP_ABORT tells. Kernel TCP has no such option: there it is the expected reason. */
static int reason_of(const struct target *t, int fd)
{
	struct xtcp_abort abort = { 0 };
	socklen_t len = sizeof(abort);

	if (t->stack != XTCP)
		return XTCP_ABORT_KILLED;
	if (getsockopt(fd, IPPROTO_TCP, XTCP_ABORT, &abort, &len))
		return -1;
	return abort.cause == XTCP_CAUSE_OPERATOR && abort.error == ECONNABORTED ? abort.reason : -1;
}

static void established(struct target *t)
{
	int fd, peer;

	connection(t, &fd, &peer);
	SAME(ask(t), 0);
	SAME(read_error(fd), ECONNABORTED);
	SAME(read_error(fd), 0);
	SAME(reason_of(t, fd), XTCP_ABORT_KILLED);
	SAME(read_error(peer), ECONNRESET);
	SAME(gone(t), true);
	SAME(ask(t), ENOENT);
	result(t, "an open connection ends, and its peer is reset");
	close_each(fd, peer);
}

static void listening(struct target *t)
{
	int port = next_port++, fd = stack_listener(net.a, t->stack, t->addr, port, true);
	int waiting = stack_connected(net.b, KERNEL, t->addr, port), late = stack_socket(net.b, KERNEL, t->addr);

	must(fd >= 0 && waiting >= 0 && late >= 0, "listener");
	t->port = port;
	t->peer_port = stack_port(waiting);
	must(sides_row(net.a, t->stack, t->addr, port, t->peer_port, TCP_ESTABLISHED), "a connection on the queue");
	t->peer_port = 0;
	SAME(ask(t), 0);
	SAME(stack_poll(fd, POLLIN, STACK_DEADLINE_MS), 1);
	SAME(stack_error(fd), ECONNABORTED);
	SAME(reason_of(t, fd), XTCP_ABORT_KILLED);
	SAME(accept(fd, NULL, NULL), -1);
	SAME(errno, EINVAL);
	SAME(read_error(waiting), ECONNRESET);
	SAME(gone(t), true);
	SAME(stack_connect(late, t->addr, port), -1);
	SAME(errno, ECONNREFUSED);
	SAME(ask(t), ENOENT);
	result(t, "a listener ends, and who waits in its queue is reset");
	close_each(fd, waiting, late);
}

static void listening_anywhere(struct target *t)
{
	int fd = stack_socket(net.a, t->stack, t->addr), next;

	must(fd >= 0 && !listen(fd, 1), "listen");
	t->port = stack_port(fd);
	t->addr = strchr(t->addr, ':') ? "::" : "0.0.0.0";
	next = stack_bound(net.a, t->stack, t->addr, t->port, false);
	SAME(next, -1);
	SAME(errno, EADDRINUSE);
	SAME(ask(t), 0);
	next = stack_bound(net.a, t->stack, t->addr, t->port, false);
	SAME(next >= 0, true);
	result(t, "a listener gives back a port that it did not ask for");
	close_each(next, fd);
}

static void one_of_three(struct target *t)
{
	int fd[3], i;

	t->port = next_port + 1;
	for (i = 0; i < 3; i++)
		fd[i] = must_have(stack_listener(net.a, t->stack, t->addr, next_port++, true), "listener");
	t->cookie = INT_MAX;
	SAME(ask(t), ENOENT);
	t->cookie = 0;
	SAME(ask(t), 0);
	for (i = 0; i < 3; i++) {
		SAME(stack_state(fd[i]), i == 1 ? TCP_CLOSE : TCP_LISTEN);
		close(fd[i]);
	}
	result(t, "one of three listeners ends");
}

static void not_accepted(struct target *t)
{
	int port = next_port++, fd = must_have(stack_listener(net.a, t->stack, t->addr, port, true), "listener"), more;
	int waiting = must_have(stack_connected(net.b, KERNEL, t->addr, port), "listener");

	t->port = port;
	t->peer_port = stack_port(waiting);
	must(sides_row(net.a, t->stack, t->addr, port, t->peer_port, TCP_ESTABLISHED), "a connection on the queue");
	SAME(ask(t), 0);
	SAME(read_error(waiting), ECONNRESET);
	SAME(gone(t), true);
	result(t, "a connection that nobody has accepted ends");
	more = stack_connected(net.b, KERNEL, t->addr, port);
	SAME(more >= 0, true);
	result(t, "its listener goes on");
	close_each(more, waiting, fd);
}

static void opening(struct target *t)
{
	int port = next_port++, fd = stack_bound(net.a, t->stack, t->addr, 0, false);

	must(fd >= 0 && !netem_gate(net.a, "veth0", false), "gate");
	must(!stack_begin(fd, t->peer_addr, port), "connect");
	t->port = stack_port(fd);
	t->peer_port = port;
	SAME(sides_row(net.a, t->stack, t->addr, t->port, port, TCP_SYN_SENT), true);
	SAME(ask(t), 0);
	SAME(stack_error(fd), ECONNABORTED);
	SAME(reason_of(t, fd), XTCP_ABORT_KILLED);
	SAME(gone(t), true);
	result(t, "one that opens ends");
	must(!netem_gate(net.a, "veth0", true), "gate");
	close(fd);
}

static void half_open(struct target *t)
{
	int port = next_port++, fd = stack_listener(net.a, t->stack, t->addr, port, true), peer;

	peer = stack_bound(net.b, KERNEL, t->peer_addr, 0, false);
	must(fd >= 0 && peer >= 0 && !netem_gate(net.a, "veth0", false), "gate");
	must(!stack_begin(peer, t->addr, port), "connect");
	t->port = port;
	t->peer_port = stack_port(peer);
	SAME(sides_row(net.a, t->stack, t->addr, port, t->peer_port, TCP_SYN_RECV), true);
	SAME(ask(t), 0);
	SAME(gone(t), true);
	result(t, "a half-open one ends");
	close_each(peer, fd);
	must(!netem_gate(net.a, "veth0", true), "gate");
}

static void orphan(struct target *t)
{
	int fd, peer;

	connection(t, &fd, &peer);
	must(!netem_gate(net.a, "veth0", false), "gate");
	close(fd);
	SAME(sides_row(net.a, t->stack, t->addr, t->port, t->peer_port, TCP_FIN_WAIT1), true);
	SAME(ask(t), 0);
	SAME(gone(t), true);
	result(t, "one without a program ends");
	must(!netem_gate(net.a, "veth0", true), "gate");
	close(peer);
}

static void time_wait(struct target *t)
{
	int fd, peer;

	connection(t, &fd, &peer);
	close(fd);
	must(stack_at_end(peer), "the FIN comes");
	close(peer);
	SAME(sides_row(net.a, t->stack, t->addr, t->port, t->peer_port, TCP_TIME_WAIT), true);
	SAME(ask(t), 0);
	SAME(gone(t), true);
	SAME(ask(t), ENOENT);
	result(t, "TIME-WAIT ends");
}

static void bound_to_device(struct target *t)
{
	int port = next_port++, listens = stack_listener(net.b, KERNEL, t->peer_addr, port, true), peer;
	int fd = stack_socket(net.a, t->stack, t->addr);

	must(!setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 5), "SO_BINDTODEVICE");
	must(listens >= 0 && !stack_connect(fd, t->peer_addr, port), "connect");
	peer = accept(listens, NULL, NULL);
	t->port = stack_port(fd);
	t->peer_port = port;
	SAME(ask(t), ENOENT);
	SAME(stack_state(fd), TCP_ESTABLISHED);
	t->dev = "veth0";
	SAME(ask(t), 0);
	SAME(read_error(fd), ECONNABORTED);
	SAME(read_error(peer), ECONNRESET);
	result(t, "one that is bound to a device is found there, and nowhere else");
	t->dev = NULL;
	close_each(fd, peer, listens);
}

static int ask_unprivileged(void *target)
{
	must(!setresuid(65534, 65534, 65534), "setresuid");
	return ask(target);
}

/* Opened by a user without CAP_NET_ADMIN, who then gives it to one that has it: as standard error, for one. */
static int ask_by_another_s(struct target *t)
{
	int fd;

	must(!seteuid(65534), "seteuid");
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	must(!seteuid(0), "seteuid");
	return ask_by(fd, t);
}

static void refused(struct target *t)
{
	int fd, peer;

	connection(t, &fd, &peer);
	SAME(ns_child(net.a, ask_unprivileged, t), EPERM);
	SAME(stack_state(fd), TCP_ESTABLISHED);
	result(t, "without CAP_NET_ADMIN it goes on");
	t->cookie = INT_MAX;	/* they are small numbers */
	SAME(ask(t), ENOENT);
	SAME(stack_state(fd), TCP_ESTABLISHED);
	result(t, "with the cookie of another one");
	t->cookie = 0;
	t->shorter = 4;
	SAME(ask(t), EINVAL);
	SAME(stack_state(fd), TCP_ESTABLISHED);
	result(t, "a request that is too short");
	t->shorter = 0;
	t->peer_port++;
	SAME(ask(t), ENOENT);
	SAME(stack_state(fd), TCP_ESTABLISHED);
	result(t, "an address that nobody has");
	t->peer_port--;
	SAME(stack_carries(fd, peer, 1000), true);
	result(t, "none of this was anything to the connection");
	if (t->stack == XTCP) {
		t->protocol = 6;
		SAME(ask(t), EPROTONOSUPPORT);
		result(t, "a protocol that is no xtcp's");
		t->protocol = 0;
		SAME(ask_by_another_s(t), EPERM);
		SAME(stack_state(fd), TCP_ESTABLISHED);
		result(t, "by the netlink socket of one without CAP_NET_ADMIN it goes on");
	}
	close_each(fd, peer);
}

static int ask_apart(void *target)
{
	return ask(target);
}

/* Kernel TCP's request waits for the program, and on Linux 6.1 all others wait with it. */
static void owned(void)
{
	const char *what = "xtcp: one that its program owns: EBUSY at once, and nobody waits";
	struct target t = { .stack = XTCP, .addr = NS_A4, .peer_addr = NS_B4 };
	struct asleep_owner owner = { .listens = false };
	int fd, peer, status = -1;
	pid_t pid;

	connection(&t, &fd, &peer);
	if (!asleep_owner_begin(&owner, fd)) {
		ksft_test_result_skip("the kernel cannot stop a program in a call: %s\n", what);
		close_each(fd, peer);
		return;
	}
	pid = ns_fork(net.a, ask_apart, &t);
	SAME(WAIT_FOR(waitpid(pid, &status, WNOHANG) == pid, STACK_DEADLINE_MS), true);
	SAME(WIFEXITED(status) && WEXITSTATUS(status) == EBUSY, true);
	asleep_owner_end(&owner);
	SAME(ask(&t), 0);
	SAME(read_error(fd), ECONNABORTED);
	same_result(what);
	close_each(fd, peer);
}

static void by_mapped_addresses(struct target *t)
{
	struct target mapped;
	int fd, peer;

	if (strchr(t->addr, ':'))
		return;
	connection(t, &fd, &peer);
	mapped = *t;
	mapped.addr = "::" NS_A4;
	mapped.peer_addr = "::ffff:" NS_B4;
	SAME(ask(&mapped), ENOENT);
	SAME(stack_state(fd), TCP_ESTABLISHED);
	mapped.addr = "::ffff:" NS_A4;
	SAME(ask(&mapped), 0);
	SAME(read_error(fd), ECONNABORTED);
	result(t, "by addresses of IPv6 that stand for IPv4, both of them");
	close_each(fd, peer);
}

#define COMMON	16
#define IPV4	1
#define OURS	2

int main(void)
{
	void (* const cases[])(struct target *) = { established, listening, listening_anywhere, one_of_three,
						    not_accepted, opening, half_open, orphan, time_wait,
						    bound_to_device, by_mapped_addresses, refused };

	test_begin(stack_count() * (2 * COMMON + IPV4) + 2 * OURS + 1);
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	sides_know_each_other(&net);
	for (unsigned int stack = stack_first(); stack <= XTCP; stack++) {
		for (unsigned int family = 0; family < 2; family++) {
			for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
				struct target t = { .stack = stack, .addr = family ? NS_A6 : NS_A4,
						    .peer_addr = family ? NS_B6 : NS_B4 };

				cases[i](&t);
			}
		}
	}
	owned();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
