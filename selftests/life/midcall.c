// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a socket while a call of a program is in the middle of its way through xtcp: each event at each place
 * where the kernel can hold the call up (lib/stall.c).
 *
 *	namespace a: the socket of xtcp --- veth0 --- namespace b: kernel TCP
 *
 * The call goes on and returns. Afterwards both namespaces end, no socket holds the module, and the kernel's log is
 * empty. A short run has a quarter of the rows, a debug kernel fewer.
 */
#include "lib/test.h"

NEEDS_MODULE;

#define PORT		7820
#define PEER_PORT	7821
#define HELD_MS		20000
#define BLOCKS_MS	300	/* a call, at most */
#define WRITE		4000	/* octets: more than a segment has room for without a page */

/* @listener and @conn are xtcp's, @peer and @target kernel TCP's; -1 where there is none. */
struct world {
	struct ns_pair net;
	int listener, conn, peer, target, asker;
	int *subject;		/* the one that call and event are for */
};

/* What the socket of the call is: UNREAD is connected and has text to read, QUIET has none. */
enum scene { UNREAD, QUIET, UNCONNECTED, LISTENING, SCENES };

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

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
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	connect(w->conn, &none, sizeof(none));
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

static void administrator_ends(struct world *w)
{
	int peer_port = w->subject == &w->listener ? 0 : w->target >= 0 ? PEER_PORT : stack_port(w->peer);

	/* it does not wait for a program that has the lock */
	must(WAIT_FOR((errno = diag_destroy(w->asker, NS_A4, PORT, NS_B4, peer_port)) != EBUSY, STACK_DEADLINE_MS) &&
	     (!errno || errno == ENOENT), "SOCK_DESTROY");
}

static void other_shuts_down(struct world *w)
{
	must(!shutdown(*w->subject, SHUT_RDWR) || errno == ENOTCONN, "shutdown");
}

static void other_disconnects(struct world *w)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	must(!connect(*w->subject, &none, sizeof(none)), "disconnect");
}

static void other_closes(struct world *w)
{
	close_one(w->subject);
}

static void key_comes(struct world *w)
{
	const union stack_addr addr = stack_addr(NS_B4, 0);
	struct tcp_md5sig md5 = { .tcpm_keylen = 6, .tcpm_key = "secret" };

	memcpy(&md5.tcpm_addr, &addr, stack_addr_len(&addr));
	must(!setsockopt(*w->subject, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5)), "TCP_MD5SIG");
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
	{ "SOCK_DESTROY ends it", ANY, administrator_ends },
	{ "another thread shuts it down", ANY, other_shuts_down },
	{ "another thread disconnects it", IN(UNREAD) | IN(QUIET) | IN(UNCONNECTED), other_disconnects },
	{ "another thread closes it", ANY, other_closes },
	{ "it gets a key", ANY, key_comes },
	{ "the link goes", ANY, link_goes },
};

static void set_patience(int fd)
{
	must(fd >= 0 && !stack_patience(fd, SO_RCVTIMEO, BLOCKS_MS * 1000) &&
	     !stack_patience(fd, SO_SNDTIMEO, BLOCKS_MS * 1000), "a socket");
}

static void prepare(struct world *w, enum scene scene)
{
	*w = (struct world){ .listener = -1, .conn = -1, .peer = -1, .target = -1 };
	w->subject = scene == LISTENING ? &w->listener : &w->conn;
	must(!ns_pair_make(&w->net), "namespaces");
	sides_know_each_other(&w->net);
	w->asker = must_have(ns_socket(w->net.a, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "sock_diag");
	if (scene == UNCONNECTED) {
		w->target = must_have(stack_listener(w->net.b, KERNEL, NS_B4, PEER_PORT, true), "target");
		w->conn = stack_bound(w->net.a, XTCP, NS_A4, PORT, true);
		set_patience(w->conn);
		return;
	}
	w->listener = stack_listener(w->net.a, XTCP, NS_A4, PORT, true);
	set_patience(w->listener);
	w->peer = must_have(stack_connected(w->net.b, KERNEL, NS_A4, PORT), "peer");
	if (scene == LISTENING)
		return;
	w->conn = accept(w->listener, NULL, NULL);
	set_patience(w->conn);
	close_one(&w->listener);
	must(scene == QUIET || send(w->peer, "0123", 4, 0) == 4, "send");
}

static const struct call *held;
static struct world *world;

static void *make_call(void *arg)
{
	run_on(0);
	held->call(world);
	return arg;
}

/* On two processors. Return: is all gone at the end? */
static bool play(const struct call *call, const struct event *event)
{
	pthread_t caller, timer;
	const char *why;
	struct world w;

	prepare(&w, call->scene);
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
	close_one(&w.listener);
	close_one(&w.conn);
	close_one(&w.peer);
	close_one(&w.target);
	close_one(&w.asker);
	ns_pair_close(&w.net);
	return ns_all_ended(STACK_DEADLINE_MS) && WAIT_FOR(!module_held(), STACK_DEADLINE_MS);
}

static void judge(const struct call *call, const struct event *event)
{
	bool ended = play(call, event);

	ksft_test_result(ended && !klog_has("WARNING") && !klog_has("BUG"), "%s: %s\n", call->name, event->name);
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
	const unsigned int rows = ARRAY_SIZE(calls) * ARRAY_SIZE(events);
	unsigned int i, played = 0;
	const char *why;

	ksft_print_header();
	if (!stall_begin("security_sk_clone", PORT, 0, &why))
		ksft_exit_skip("the kernel cannot hold a function up: it %s\n", why);
	stall_end();
	for (i = 0; i < rows; i++)
		played += is_played(i);
	ksft_set_plan(played);
	klog_forget();
	run_on(1);
	for (i = 0; i < rows; i++) {
		if (is_played(i))
			judge(&calls[i / ARRAY_SIZE(events)], &events[i % ARRAY_SIZE(events)]);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
