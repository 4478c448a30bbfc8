// SPDX-License-Identifier: GPL-2.0
/*
 * What a program or an administrator does to a socket while the other processor is in the middle of a segment for it:
 * each action at each place where the kernel can hold the segment up (lib/stall.c).
 *
 *	namespace a: the socket of xtcp --- veth0 --- namespace b: kernel TCP
 *
 * On a debug kernel, where a row takes ten seconds, each third of them: each action and each place all the same.
 * Afterwards both namespaces end, no socket holds the module, and the kernel's log is empty.
 */
#include "lib/test.h"

NEEDS_MODULE;

#define PORT		7810
#define OTHER_PORT	7811
#define HELD_MS		20000
#define LOCKED_MS	200	/* while a processor waits for the lock */

enum event { SYN, THIRD_ACK, DATA, FIN, SYN_ACK };

/* Where a segment is held up; @locked: by a processor that has the lock of the connection's socket. */
static const struct moment {
	const char *name;
	enum event event;
	const char *function;
	bool locked;
} moments[] = {
	{ "a SYN, before the socket's filter", SYN, "sk_filter_trim_cap" },
	{ "a SYN, before its entry is queued", SYN, "security_inet_conn_request" },
	{ "a third ACK, before the socket's filter", THIRD_ACK, "sk_filter_trim_cap" },
	{ "a third ACK, while a child is made", THIRD_ACK, "security_sk_clone" },
	{ "a third ACK, when the child is in its queue", THIRD_ACK, "security_inet_conn_established", .locked = true },
	{ "data, before the socket's filter", DATA, "sk_filter_trim_cap" },
	{ "data, while the reader is woken", DATA, "sock_def_readable", .locked = true },
	{ "a FIN, before the socket's filter", FIN, "sk_filter_trim_cap" },
	{ "a SYN-ACK, before the socket's filter", SYN_ACK, "sk_filter_trim_cap" },
	{ "a SYN-ACK, while the socket is opened", SYN_ACK, "security_inet_conn_established", .locked = true },
};

/* @listener and @conn are xtcp's, -1 where there is none; @asker asks for SOCK_DESTROY in namespace a. */
struct world {
	struct ns_pair net;
	int listener, conn, peer, asker;
};

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void sockets_close(struct world *w)
{
	close_one(&w->listener);
	close_one(&w->conn);
}

static void namespace_ends(struct world *w)
{
	close_one(&w->asker);
	close_one(&w->net.a);
	sockets_close(w);
}

static void administrator_ends(struct world *w)
{
	int port = w->conn >= 0 ? stack_port(w->conn) : PORT, peer_port;

	peer_port = w->conn < 0 ? 0 : w->listener < 0 ? PORT : stack_port(w->peer);
	errno = diag_destroy(w->asker, NS_A4, port, NS_B4, peer_port);
	must(!errno, "SOCK_DESTROY");
}

static void leave(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	must(!connect(fd, &none, sizeof(none)), "disconnect");
}

/* The socket is of another connection then, or listens once more. */
static void socket_is_used_again(struct world *w)
{
	if (w->conn >= 0) {
		leave(w->conn);
		must(!fcntl(w->conn, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
		must(stack_connect(w->conn, NS_B4, OTHER_PORT) < 0 && errno == EINPROGRESS, "connect again");
	} else {
		must(!shutdown(w->listener, SHUT_RD) && !listen(w->listener, 5), "listen again");
	}
}

static void key_comes(struct world *w)
{
	const union stack_addr addr = stack_addr(NS_B4, 0);
	struct tcp_md5sig md5 = { .tcpm_keylen = 6, .tcpm_key = "secret" };

	memcpy(&md5.tcpm_addr, &addr, stack_addr_len(&addr));
	must(!setsockopt(w->conn >= 0 ? w->conn : w->listener, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5)),
	     "TCP_MD5SIG");
}

static const struct action {
	const char *name;
	void (*act)(struct world *w);
} actions[] = {
	{ "its sockets close", sockets_close },
	{ "its namespace ends", namespace_ends },
	{ "SOCK_DESTROY ends it", administrator_ends },
	{ "it is used again", socket_is_used_again },
	{ "it gets a key", key_comes },
};

static int begin_connect(int ns, enum stack stack, const char *addr)
{
	int fd = stack_socket(ns, stack, addr);

	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "socket");
	must(stack_connect(fd, addr, PORT) < 0 && errno == EINPROGRESS, "connect");
	return fd;
}

/* The segment waits before the link of namespace b then. */
static void prepare(struct world *w, enum event event)
{
	if (event == SYN_ACK) {
		w->peer = stack_listener(w->net.b, KERNEL, NS_B4, PORT, true);
		must(w->peer >= 0 && !netem_hold(w->net.b, "veth0"), "peer");
		w->conn = begin_connect(w->net.a, XTCP, NS_B4);
		return;
	}
	w->listener = must_have(stack_listener(w->net.a, XTCP, NS_A4, PORT, true), "listener");
	if (event == SYN || event == THIRD_ACK) {
		must(!netem_hold(event == SYN ? w->net.b : w->net.a, "veth0"), "hold");
		w->peer = begin_connect(w->net.b, KERNEL, NS_A4);
		if (event == SYN)
			return;
		must(WAIT_FOR(rows_state(w->net.a, "/proc/net/xtcp", PORT, stack_port(w->peer)) == TCP_SYN_RECV,
			      STACK_DEADLINE_MS), "an entry");
		must(!netem_hold(w->net.b, "veth0") && !netem_release(w->net.a, "veth0") &&
		     WAIT_FOR(stack_state(w->peer) == TCP_ESTABLISHED, STACK_DEADLINE_MS), "a SYN-ACK");
		return;
	}
	w->peer = stack_connected(w->net.b, KERNEL, NS_A4, PORT);
	w->conn = w->peer < 0 ? -1 : accept(w->listener, NULL, NULL);
	must(w->conn >= 0 && !netem_hold(w->net.b, "veth0"), "connection");
	if (event == DATA)
		must(send(w->peer, "text", 4, 0) == 4, "send");
	else
		must(!shutdown(w->peer, SHUT_WR), "shutdown");
}

/* On the other processor, by a process that has nothing of namespace a open. */
static void let_segment_go(struct world *w)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		namespace_ends(w);
		run_on(0);
		_exit(netem_release(w->net.b, "veth0") ? 1 : 0);
	}
	must(child > 0 && WAIT_FOR(stall_has_begun(), STACK_DEADLINE_MS), "the segment comes there");
}

/* The other processor has the lock, or a lookup has found the socket, which must not become another one's by then. */
static bool has_to_wait(const struct moment *m, const struct action *action)
{
	return action->act == socket_is_used_again ||
	       (m->locked && !(m->event == THIRD_ACK && action->act == key_comes));
}

static void act_midway(const struct moment *m, const struct action *action)
{
	struct world w = { .listener = -1, .conn = -1, .peer = -1, .asker = -1 };
	const bool waits = has_to_wait(m, action);
	bool sleeps, during, ended;
	const char *why;
	pthread_t thread;

	must(!ns_pair_make(&w.net), "namespaces");
	sides_know_each_other(&w.net);
	w.asker = must_have(ns_socket(w.net.a, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "sock_diag");
	prepare(&w, m->event);
	must(stall_begin(m->function, m->event == SYN_ACK ? stack_port(w.conn) : PORT,
			 waits && m->locked ? LOCKED_MS : HELD_MS, &why), "stall");
	let_segment_go(&w);
	/* a processor that waits for a lock runs nothing else: the segment goes on by itself then */
	sleeps = waits && !m->locked;
	must(!sleeps || !pthread_create(&thread, NULL, stall_let_go_soon, NULL), "thread");
	action->act(&w);
	during = stall_let_go();
	if (sleeps)
		pthread_join(thread, NULL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	stall_end();
	namespace_ends(&w);
	close_each(w.peer, w.net.b);
	ended = ns_all_ended(STACK_DEADLINE_MS) && WAIT_FOR(!module_held(), STACK_DEADLINE_MS);
	if (during == waits)
		ksft_print_msg("the segment went on %s\n", during ? "after that" : "before that");
	ksft_test_result(ended && during == !waits && !klog_has("WARNING") && !klog_has("BUG"), "%s: %s%s\n", m->name,
			 action->name, waits ? ", and waits" : "");
}

int main(void)
{
	const unsigned int rows = ARRAY_SIZE(moments) * ARRAY_SIZE(actions), step = release_is_debug() ? 3 : 1;
	const char *why;

	ksft_print_header();
	if (!stall_begin("security_sk_clone", PORT, 0, &why))
		ksft_exit_skip("the kernel cannot hold a function up: it %s\n", why);
	stall_end();
	ksft_set_plan((rows + step - 1) / step);
	klog_forget();
	run_on(1);
	for (unsigned int i = 0; i < rows; i += step)
		act_midway(&moments[i / ARRAY_SIZE(actions)], &actions[i % ARRAY_SIZE(actions)]);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
