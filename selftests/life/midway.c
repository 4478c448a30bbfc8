// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a socket while the other processor is in the middle of a segment for it, or of a call of a program:
 * each action at each place where the kernel can hold the segment up, and each event at each place where it can hold
 * the call up (lib/stall.c).
 *
 *	namespace a: the socket of xtcp --- veth0 --- namespace b: kernel TCP
 *
 * On a debug kernel, where a row takes ten seconds, each third of the actions: each one and each place all the same. A
 * short run has a quarter of the events, a debug kernel fewer. The call goes on and returns. Afterwards both namespaces
 * end, no socket holds the module, and the kernel's log is empty.
 */
#include "lib/aoopt.h"
#include "lib/test.h"

NEEDS_MODULE;

#define PORT		7810	/* of the socket */
#define PEER_PORT	7811	/* to which it connects */
#define OTHER_PORT	7812	/* and then */
#define HELD_MS		20000
#define LOCKED_MS	200	/* while a processor waits for the lock */
#define BLOCKS_MS	300	/* a call, at most */
#define WRITE		4000	/* octets: more than a segment has room for without a page */

/*
 * @listener and @conn are xtcp's, @peer and @target kernel TCP's; -1 where there is none. @asker asks for SOCK_DESTROY
 * in namespace a.
 */
struct world {
	struct ns_pair net;
	int listener, conn, peer, target, asker;
	int *subject;		/* the one for which segment, call and event are */
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

/* Return: is all gone? */
static bool world_ends(struct world *w)
{
	namespace_ends(w);
	close_one(&w->peer);
	close_one(&w->target);
	close_one(&w->net.b);
	return ns_all_ended(STACK_DEADLINE_MS) && WAIT_FOR(!module_held(), STACK_DEADLINE_MS);
}

/* 0 or the errno of the answer. */
static int destroy(struct world *w)
{
	int peer_port = w->subject == &w->listener ? 0 : w->target >= 0 ? PEER_PORT : stack_port(w->peer);

	errno = diag_destroy(w->asker, NS_A4, PORT, NS_B4, peer_port);
	return errno;
}

static void leave(int fd)
{
	must(!stack_disconnect(fd), "disconnect");
}

static void key_comes(struct world *w)
{
	must(!md5_set(*w->subject, NS_B4, "secret"), "TCP_MD5SIG");
}

static void world_begins(struct world *w)
{
	*w = (struct world){ .listener = -1, .conn = -1, .peer = -1, .target = -1 };
	w->subject = &w->conn;
	must(!ns_pair_make(&w->net), "namespaces");
	sides_know_each_other(&w->net);
	w->asker = must_have(ns_socket(w->net.a, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "sock_diag");
}

static void set_patience(int fd)
{
	must(fd >= 0 && !stack_patience(fd, SO_RCVTIMEO, BLOCKS_MS * 1000) &&
	     !stack_patience(fd, SO_SNDTIMEO, BLOCKS_MS * 1000), "a socket");
}

static void make_listener(struct world *w)
{
	w->listener = stack_listener(w->net.a, XTCP, NS_A4, PORT, true);
	set_patience(w->listener);
	w->subject = &w->listener;
}

static void make_client(struct world *w)
{
	w->target = must_have(stack_listener(w->net.b, KERNEL, NS_B4, PEER_PORT, true), "target");
	w->conn = stack_bound(w->net.a, XTCP, NS_A4, PORT, true);
	set_patience(w->conn);
}

static void make_connection(struct world *w)
{
	make_listener(w);
	w->peer = must_have(stack_connected(w->net.b, KERNEL, NS_A4, PORT), "peer");
	w->conn = accept(w->listener, NULL, NULL);
	set_patience(w->conn);
	w->subject = &w->conn;
}

static void judge(const char *place, const char *what, bool ok)
{
	ksft_test_result(ok && !klog_has("WARNING") && !klog_has("BUG"), "%s: %s\n", place, what);
}

/* Segments. */

enum segment { SYN, THIRD_ACK, DATA, FIN, SYN_ACK };

/* Where a segment is held up; @locked: by a processor that has the lock of the connection's socket. */
static const struct moment {
	const char *name;
	enum segment segment;
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

static void administrator_ends(struct world *w)
{
	must(!destroy(w), "SOCK_DESTROY");
}

/* The socket is of another connection then, or listens once more. */
static void socket_is_used_again(struct world *w)
{
	if (w->conn >= 0) {
		leave(w->conn);
		must(!stack_begin(w->conn, NS_B4, OTHER_PORT), "connect");
	} else {
		must(!shutdown(w->listener, SHUT_RD) && !listen(w->listener, 5), "listen again");
	}
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

/* The segment waits before the link of namespace b then. */
static void prepare_segment(struct world *w, enum segment segment)
{
	world_begins(w);
	switch (segment) {
	case SYN_ACK:
		make_client(w);
		must(!netem_hold(w->net.b, "veth0"), "hold");
		must(!stack_begin(w->conn, NS_B4, PEER_PORT), "connect");
		return;
	case SYN:
	case THIRD_ACK:
		make_listener(w);
		must(!netem_hold(segment == SYN ? w->net.b : w->net.a, "veth0"), "hold");
		w->peer = stack_socket(w->net.b, KERNEL, NS_A4);
		must(!stack_begin(w->peer, NS_A4, PORT), "connect");
		if (segment == SYN)
			return;
		must(WAIT_FOR(rows_state(w->net.a, "/proc/net/xtcp", PORT, stack_port(w->peer)) == TCP_SYN_RECV,
			      STACK_DEADLINE_MS), "an entry");
		must(!netem_hold(w->net.b, "veth0") && !netem_release(w->net.a, "veth0") &&
		     WAIT_FOR(stack_state(w->peer) == TCP_ESTABLISHED, STACK_DEADLINE_MS), "a SYN-ACK");
		return;
	case DATA:
	case FIN:
		make_connection(w);
		must(!netem_hold(w->net.b, "veth0"), "hold");
		must(segment == DATA ? send(w->peer, "text", 4, 0) == 4 : !shutdown(w->peer, SHUT_WR), "data or FIN");
	}
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
	       (m->locked && !(m->segment == THIRD_ACK && action->act == key_comes));
}

static void act_midway(const struct moment *m, const struct action *action)
{
	const bool waits = has_to_wait(m, action);
	/* a processor that waits for a lock runs nothing else: the segment goes on by itself then */
	const bool sleeps = waits && !m->locked;
	char what[64];
	const char *why;
	pthread_t thread;
	struct world w;
	bool during;

	prepare_segment(&w, m->segment);
	must(stall_begin(m->function, PORT, waits && m->locked ? LOCKED_MS : HELD_MS, &why), "stall");
	let_segment_go(&w);
	must(!sleeps || !pthread_create(&thread, NULL, stall_let_go_soon, NULL), "thread");
	action->act(&w);
	during = stall_let_go();
	if (sleeps)
		pthread_join(thread, NULL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	stall_end();
	if (during == waits)
		ksft_print_msg("the segment went on %s\n", during ? "after that" : "before that");
	snprintf(what, sizeof(what), "%s%s", action->name, waits ? ", and waits" : "");
	judge(m->name, what, world_ends(&w) && during == !waits);
}

/* Calls. */

/* What the socket of the call is: UNREAD is connected and has text to read, QUIET has none. */
enum scene { UNREAD, QUIET, UNCONNECTED, LISTENING, SCENES };

static void connects(struct world *w)
{
	stack_connect(w->conn, NS_B4, PEER_PORT);
}

static void sends(struct world *w)
{
	static const char octets[WRITE];

	send(w->conn, octets, sizeof(octets), MSG_NOSIGNAL);
}

static void receives(struct world *w)
{
	char octets[16];

	recv(w->conn, octets, sizeof(octets), 0);
}

static void closes(struct world *w)
{
	int fd = *w->subject;

	*w->subject = -1;
	close(fd);
}

static void shuts_down(struct world *w)
{
	shutdown(w->conn, SHUT_WR);
}

static void disconnects(struct world *w)
{
	stack_disconnect(w->conn);
}

static void accepts(struct world *w)
{
	w->conn = accept(w->listener, NULL, NULL);
}

static void asks(struct world *w)
{
	stack_state(*w->subject);
}

static const struct call {
	const char *name;
	enum scene scene;
	const char *function;
	void (*call)(struct world *w);
} calls[] = {
	{ "connect(), when it has a route", UNCONNECTED, "sk_setup_caps", connects },
	{ "connect(), when its SYN leaves", UNCONNECTED, "__ip_queue_xmit", connects },
	{ "send(), before it has the lock", UNREAD, "lock_sock_nested", sends },
	{ "send(), when it wants a page", UNREAD, "sk_page_frag_refill", sends },
	{ "send(), when its segment leaves", UNREAD, "__ip_queue_xmit", sends },
	{ "recv(), before it has the lock", UNREAD, "lock_sock_nested", receives },
	{ "recv(), before it gives the lock back", UNREAD, "release_sock", receives },
	{ "shutdown(), when its FIN leaves", UNREAD, "__ip_queue_xmit", shuts_down },
	{ "close(), before it has the lock", QUIET, "lock_sock_nested", closes },
	{ "close(), when its FIN leaves", QUIET, "__ip_queue_xmit", closes },
	{ "close() with unread text, when its RST leaves", UNREAD, "__ip_queue_xmit", closes },
	{ "close(), before it gives the lock back", QUIET, "release_sock", closes },
	{ "disconnecting, when its RST leaves", UNREAD, "__ip_queue_xmit", disconnects },
	{ "TCP_INFO, before it has the lock", UNREAD, "lock_sock_nested", asks },
	{ "accept(), before it has the lock", LISTENING, "lock_sock_nested", accepts },
	{ "accept(), before it gives the lock back", LISTENING, "release_sock", accepts },
	{ "close() of a listener, before it has the lock", LISTENING, "lock_sock_nested", closes },
};

static void text_comes(struct world *w)
{
	must(send(w->peer, "text", 4, MSG_NOSIGNAL) == 4 || errno == EPIPE || errno == ECONNRESET, "send");
}

static void fin_comes(struct world *w)
{
	must(!shutdown(w->peer, SHUT_WR) || errno == ENOTCONN, "shutdown");
}

static void rst_comes(struct world *w)
{
	must(!stack_reset_at_close(w->peer), "SO_LINGER");
	close_one(&w->peer);
}

/* It does not wait for a program that has the lock. */
static void administrator_tries(struct world *w)
{
	must(WAIT_FOR(destroy(w) != EBUSY, STACK_DEADLINE_MS) && (!errno || errno == ENOENT), "SOCK_DESTROY");
}

static void other_shuts_down(struct world *w)
{
	must(!shutdown(*w->subject, SHUT_RDWR) || errno == ENOTCONN, "shutdown");
}

static void other_disconnects(struct world *w)
{
	leave(*w->subject);
}

static void other_closes(struct world *w)
{
	close_one(w->subject);
}

static void link_goes(struct world *w)
{
	must(!ns_link_up(w->net.a, "veth0", false), "link");
}

#define IN(scene)	(1 << (scene))
#define ANY		(IN(SCENES) - 1)

static const struct event {
	const char *name;
	unsigned int scenes;
	void (*happens)(struct world *w);
} events[] = {
	{ "text comes", IN(UNREAD) | IN(QUIET) | IN(LISTENING), text_comes },
	{ "a FIN comes", IN(UNREAD) | IN(QUIET) | IN(LISTENING), fin_comes },
	{ "a RST comes", IN(UNREAD) | IN(QUIET) | IN(LISTENING), rst_comes },
	{ "SOCK_DESTROY ends it", ANY, administrator_tries },
	{ "another thread shuts it down", ANY, other_shuts_down },
	{ "another thread disconnects it", IN(UNREAD) | IN(QUIET) | IN(UNCONNECTED), other_disconnects },
	{ "another thread closes it", ANY, other_closes },
	{ "it gets a key", ANY, key_comes },
	{ "the link goes", ANY, link_goes },
};

static void prepare_call(struct world *w, enum scene scene)
{
	world_begins(w);
	if (scene == UNCONNECTED) {
		make_client(w);
	} else if (scene == LISTENING) {
		make_listener(w);
		w->peer = must_have(stack_connected(w->net.b, KERNEL, NS_A4, PORT), "peer");
	} else {
		make_connection(w);
		close_one(&w->listener);
		must(scene == QUIET || send(w->peer, "0123", 4, 0) == 4, "send");
	}
}

static const struct call *held;
static struct world *world;

static void *make_call(void *arg)
{
	run_on(0);
	held->call(world);
	return arg;
}

/* On two processors. */
static void happens_midway(const struct call *call, const struct event *event)
{
	pthread_t caller, timer;
	const char *why;
	struct world w;

	prepare_call(&w, call->scene);
	held = call;
	world = &w;
	must(stall_begin(call->function, PORT, HELD_MS, &why), "stall");
	must(!pthread_create(&caller, NULL, make_call, NULL), "thread");
	must(WAIT_FOR(stall_has_begun(), STACK_DEADLINE_MS), "the call comes there");
	must(!pthread_create(&timer, NULL, stall_let_go_soon, NULL), "thread");
	event->happens(&w);
	stall_let_go();
	pthread_join(timer, NULL);
	pthread_join(caller, NULL);
	stall_end();
	judge(call->name, event->name, world_ends(&w));
}

static bool is_played(unsigned int i)
{
	const struct call *call = &calls[i / ARRAY_SIZE(events)];
	const struct event *event = &events[i % ARRAY_SIZE(events)];
	/* no divisor of the number of events, so that each event and each call has its turn */
	const unsigned int step = release_is_debug() ? 11 : short_run() ? 4 : 1;

	if (call->call == closes && (event->happens == other_closes || event->happens == other_shuts_down ||
				     event->happens == other_disconnects || event->happens == key_comes))
		return false;
	return event->scenes & IN(call->scene) && i % step == 0;
}

int main(void)
{
	const unsigned int acted = ARRAY_SIZE(moments) * ARRAY_SIZE(actions), step = release_is_debug() ? 3 : 1;
	const unsigned int called = ARRAY_SIZE(calls) * ARRAY_SIZE(events);
	unsigned int i, played = 0;
	const char *why;

	ksft_print_header();
	if (!stall_begin("security_sk_clone", PORT, 0, &why))
		ksft_exit_skip("the kernel cannot hold a function up: it %s\n", why);
	stall_end();
	for (i = 0; i < called; i++)
		played += is_played(i);
	ksft_set_plan((acted + step - 1) / step + played);
	klog_forget();
	run_on(1);
	for (i = 0; i < acted; i += step)
		act_midway(&moments[i / ARRAY_SIZE(actions)], &actions[i % ARRAY_SIZE(actions)]);
	for (i = 0; i < called; i++)
		if (is_played(i))
			happens_midway(&calls[i / ARRAY_SIZE(events)], &events[i % ARRAY_SIZE(events)]);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
