// SPDX-License-Identifier: GPL-2.0
/*
 * An ACK travels with the answer of the program that is being woken: a connection with a request and an answer takes
 * eight segments, and one more for each ACK that the delayed-ACK timer had to send. So it does when the program has not
 * come to recv() yet, but wrote by a call that may wait. It does not wait if TCP_QUICKACK says so (two segments more,
 * as kernel TCP sends), or if the program waits for more text, in recv() or in poll(). Of a stream of bundles one ACK
 * waits for the reader, and only until the next bundle. The third ACK of a handshake travels with what the program
 * sends that has waited in connect(), unless the peer is on the same machine; it does not wait until the next tick, nor
 * for a thread that waits in accept().
 *
 * All of it on one processor, where lo keeps the order of segments. The server comes
 * first there: between its answer and its FIN the client does not run.
 */
#include "lib/test.h"

#define PORT		7100
#define TRANSACTIONS	30
#define RECEIVES	50
#define MTU		1500	/* of lo, which carries bundles all the same */
#define BUNDLE		5000	/* octets, and less than the segments have room for */
#define BUNDLE_SEGMENTS	4
#define BUNDLES		200	/* pairs of them */
#define QUICKACKS	16
#define TICK_MS		4	/* of a kernel with 250 in a second; the timer of the sock takes one at least */

struct program {
	pthread_t thread;
	atomic_int tid;
	const char *addr;
	bool quickack;
	int send_flags;
	int elsewhere;	/* -1, or where it sleeps while the answer comes */
	bool polls;	/* it sleeps in poll() until then */
	bool tries;	/* before it goes elsewhere it finds nothing to read */
	int fd;
	bool ok;
};

static int ns;	/* each count has its own, with nothing under way in it */

static long long out_segs(void)
{
	return counter_now(ns, "/proc/net/xtcp_snmp", "Tcp:OutSegs");
}

static long long delayed_acks(void)
{
	return counter_now(ns, "/proc/net/xtcp_netstat", "TcpExt:DelayedACKs");
}

static bool resent_since(long long before)
{
	return counter_now(ns, "/proc/net/xtcp_snmp", "Tcp:RetransSegs") != before;
}

static void start(struct program *p, void *(*body)(void *))
{
	atomic_store(&p->tid, 0);
	p->ok = false;
	must(!pthread_create(&p->thread, NULL, body, p), "thread");
	if (!WAIT_FOR(asleep_in(atomic_load(&p->tid), p->polls ? SYS_poll : SYS_recvfrom), STACK_DEADLINE_MS))
		ksft_exit_fail_msg("the thread does not come to recv() or poll()\n");
}

static void come_first(bool first)
{
	const struct sched_param param = { .sched_priority = first };

	must(!sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER, &param), "scheduling");
}

static bool finds_nothing(int fd)
{
	char octet;

	return recv(fd, &octet, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

/* It sleeps from the request to the end of the connection, all of the time in recv() or not. */
static void *request(void *arg)
{
	struct program *p = arg;
	char answer[2];

	come_first(false);

	p->fd = stack_socket(ns, XTCP, p->addr);
	if (p->quickack)
		stack_set(p->fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	if (stack_connect(p->fd, p->addr, PORT) || send(p->fd, "?", 1, MSG_NOSIGNAL | p->send_flags) != 1)
		return NULL;
	if (p->tries && !finds_nothing(p->fd))
		return NULL;
	atomic_store(&p->tid, gettid());
	if (p->elsewhere >= 0 && recv(p->elsewhere, answer, 1, 0) != 1)
		return NULL;
	if (p->polls && !stack_poll(p->fd, POLLIN, -1))
		return NULL;
	p->ok = recv(p->fd, answer, sizeof(answer), 0) == 1;
	p->ok &= !recv(p->fd, answer, sizeof(answer), 0) && !close(p->fd);
	return NULL;
}

/* @wake: the other end of p->elsewhere, which is left when answer and FIN are there */
static bool transact(struct program *p, int listener, int wake)
{
	char octet;
	bool ok;
	int fd;

	start(p, request);
	fd = accept(listener, NULL, NULL);
	ok = recv(fd, &octet, 1, 0) == 1 && send(fd, "!", 1, MSG_NOSIGNAL) == 1 && !close(fd);
	if (p->elsewhere >= 0)
		ok &= WAIT_FOR(stack_state(p->fd) == TCP_CLOSE_WAIT, STACK_DEADLINE_MS) && write(wake, "", 1) == 1;
	pthread_join(p->thread, NULL);
	return ok && p->ok;
}

static void make_namespace(void)
{
	ns = ns_make();
	/* by the short way nothing is acknowledged by a segment */
	must(ns >= 0 && !ns_sysctl_set(ns, "net.xtcp.local", "0"), "namespace");
}

static void count_segments(const char *what, struct program p, int each)
{
	long long segments, delayed, resent;
	int listener, i, pair[2];
	bool ok;

	make_namespace();
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	p.elsewhere = p.elsewhere ? pair[0] : -1;
	listener = must_have(stack_listener(ns, XTCP, p.addr, PORT, true), "no listener");
	if (p.quickack)
		stack_set(listener, IPPROTO_TCP, TCP_QUICKACK, 1);
	do {
		resent = counter_now(ns, "/proc/net/xtcp_snmp", "Tcp:RetransSegs");
		segments = out_segs();
		delayed = delayed_acks();
		for (ok = true, i = 0; i < TRANSACTIONS; i++)
			ok &= transact(&p, listener, pair[1]);
		ok &= WAIT_FOR(out_segs() - segments == TRANSACTIONS * each + delayed_acks() - delayed ||
			       resent_since(resent), STACK_DEADLINE_MS);
		/* the machine stood still, and what was sent again is no segment of these */
	} while (ok && resent_since(resent));
	ksft_print_msg("%lld segments, %lld of them sent by the delayed-ACK timer\n", out_segs() - segments,
		       delayed_acks() - delayed);
	ksft_test_result(ok, "%s, %s: %d transactions take %d segments each\n", p.addr, what, TRANSACTIONS, each);
	close_each(listener, pair[0], pair[1], ns);
}

static void *receive_twice(void *arg)
{
	struct program *p = arg;
	char octet;

	atomic_store(&p->tid, gettid());
	p->ok = recv(p->fd, &octet, 1, 0) == 1 && !recv(p->fd, &octet, 1, 0);
	return NULL;
}

/* The timer is often too late to be the one who sends the ACK. */
static void count_receives(const char *addr)
{
	struct program p = { .addr = addr };
	int i, fd, at_once = 0;
	long long delayed;
	bool ok = true;

	make_namespace();
	for (i = 0; i < RECEIVES; i++) {
		stack_pair_or_die(ns, XTCP, ns, XTCP, addr, PORT, &fd, &p.fd);
		start(&p, receive_twice);
		delayed = delayed_acks();
		ok &= send(fd, "x", 1, MSG_NOSIGNAL) == 1;
		ok &= stack_is_acked(fd);
		at_once += delayed_acks() == delayed;
		close(fd);
		pthread_join(p.thread, NULL);
		close(p.fd);
		ok &= p.ok;
	}
	ksft_print_msg("%d of %d ACKs were sent without the timer\n", at_once, RECEIVES);
	ksft_test_result(ok && at_once, "%s: who waits for more text acknowledges what came\n", addr);
	close(ns);
}

/* A request, its answer while the thread is elsewhere, and then it wants more, in poll() or elsewhere. */
static void *ask_for_more(void *arg)
{
	struct program *p = arg;
	char octet;

	come_first(false);
	p->ok = send(p->fd, "?", 1, MSG_NOSIGNAL) == 1;
	atomic_store(&p->tid, gettid());
	p->ok &= recv(p->elsewhere, &octet, 1, 0) == 1 && recv(p->fd, &octet, 1, 0) == 1;
	if (p->tries)
		p->ok &= finds_nothing(p->fd) && send(p->elsewhere, "", 1, 0) == 1 &&
			 recv(p->elsewhere, &octet, 1, 0) == 1;
	else
		p->ok &= stack_poll(p->fd, POLLIN, -1);
	p->ok &= !recv(p->fd, &octet, 1, 0);
	return NULL;
}

static void count_wants(const char *addr, bool tries)
{
	struct program p = { .addr = addr, .tries = tries };
	int i, fd, pair[2], at_once = 0;
	long long delayed;
	bool ok = true;
	char octet;

	make_namespace();
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	p.elsewhere = pair[0];
	for (i = 0; i < RECEIVES; i++) {
		stack_pair_or_die(ns, XTCP, ns, XTCP, addr, PORT, &p.fd, &fd);
		start(&p, ask_for_more);
		delayed = delayed_acks();
		ok &= recv(fd, &octet, 1, 0) == 1 && send(fd, "!", 1, MSG_NOSIGNAL) == 1;
		ok &= write(pair[1], "", 1) == 1;
		ok &= stack_is_acked(fd);
		at_once += delayed_acks() == delayed;
		/* before the end of the stream comes, should the timer have been first */
		ok &= !tries || recv(pair[1], &octet, 1, 0) == 1;
		close(fd);
		ok &= !tries || write(pair[1], "", 1) == 1;
		pthread_join(p.thread, NULL);
		close(p.fd);
		ok &= p.ok;
	}
	ksft_print_msg("%d of %d ACKs were sent without the timer\n", at_once, RECEIVES);
	ksft_test_result(ok && at_once, "%s: who %s acknowledges what came\n", addr,
			 tries ? "finds nothing more to read" : "polls for more text");
	close_each(pair[0], pair[1], ns);
}

static void *receive_all(void *arg)
{
	struct program *p = arg;
	char text[2 * BUNDLE];

	come_first(false);
	atomic_store(&p->tid, gettid());
	while (recv(p->fd, text, sizeof(text), 0) > 0)
		;
	p->ok = true;
	return NULL;
}

static bool send_bundle(int fd, int octets)
{
	static const char text[BUNDLE_SEGMENTS * MTU];

	return send(fd, text, octets, MSG_NOSIGNAL) == octets;
}

/*
 * The reader was woken and cannot run: there is one processor, and who sends comes first. Of two bundles that come
 * meanwhile the second one has both acknowledged. Before, the first ACKs of a connection go out at once.
 * @moves: an ACK would move the window, for its bound is much below the buffer. A bundle fills its segments then, so
 * that it is one packet.
 */
static void count_bundles(const char *addr, bool moves)
{
	const int segments = 2 * BUNDLES * BUNDLE_SEGMENTS, buffer = 200000, window = 20000;
	long long before, delayed, acks;
	struct program p = { .addr = addr };
	int i, fd, octets;
	bool ok = true;

	make_namespace();
	ns_link_mtu(ns, "lo", MTU);
	/* the reader may be later than a probe, which has an ACK of its own */
	ns_sysctl_set(ns, "net.xtcp.early_retrans", "0");
	stack_pair_or_die(ns, XTCP, ns, XTCP, addr, PORT, &fd, &p.fd);
	stack_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	octets = moves ? BUNDLE_SEGMENTS * info_of(fd).tcpi_snd_mss : BUNDLE;
	if (moves && (setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) ||
		      setsockopt(p.fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof(window))))
		ksft_exit_fail_msg("window: %s\n", strerror(errno));
	start(&p, receive_all);
	before = out_segs();
	delayed = delayed_acks();
	for (i = 0; i < BUNDLES && ok; i++) {
		ok = send_bundle(fd, octets) && send_bundle(fd, octets) &&
		     stack_is_acked(fd) &&
		     WAIT_FOR(asleep_in(atomic_load(&p.tid), SYS_recvfrom), STACK_DEADLINE_MS);
	}
	acks = out_segs() - before - segments;
	delayed = delayed_acks() - delayed;
	close(fd);
	pthread_join(p.thread, NULL);
	close(p.fd);
	ksft_print_msg("%lld ACKs of %d bundles, %lld of them sent by the delayed-ACK timer\n", acks, 2 * BUNDLES,
		       delayed);
	ksft_test_result(ok && p.ok && acks >= BUNDLES && acks <= BUNDLES + QUICKACKS + delayed,
			 "%s: two bundles for a reader who is woken have one ACK%s\n", addr,
			 moves ? ", which moves the window" : "");
	close(ns);
}

enum after_connect { WRITES, READS, ACCEPTS, POLLS, NOTHING, HAS_NOT_WAITED, HAS_QUICKACK, ON_THE_SAME_MACHINE };

static bool comes_up(int fd)
{
	return stack_poll(fd, POLLOUT, STACK_DEADLINE_MS) && stack_state(fd) == TCP_ESTABLISHED;
}

/* Waits for the timer by a call that does not end the wait; notes how long that took if it is the least. */
static bool sent_by_timer(int fd, long long *least_ms)
{
	const long long start = wait_now_ms();
	bool sent = WAIT_FOR(info_of(fd).tcpi_segs_out >= 2, STACK_DEADLINE_MS);
	const long long took = wait_now_ms() - start;

	if (took < *least_ms)
		*least_ms = took;
	return sent;
}

/* Connects @fd, and does then what it does at once. */
static bool connect_and(int fd, const char *addr, enum after_connect what)
{
	const int flags = fcntl(fd, F_GETFL);

	/* its end is one segment, which is sent when close() returns */
	stack_reset_at_close(fd);
	if (what == HAS_QUICKACK && stack_set(fd, IPPROTO_TCP, TCP_QUICKACK, 1))
		return false;
	if (what == HAS_NOT_WAITED)
		return !fcntl(fd, F_SETFL, flags | O_NONBLOCK) && stack_connect(fd, addr, PORT) &&
		       errno == EINPROGRESS && comes_up(fd);
	if (stack_connect(fd, addr, PORT))
		return false;
	if (what == WRITES)
		return send(fd, "?", 1, MSG_NOSIGNAL) == 1;
	return what != READS || finds_nothing(fd);
}

/* Two segments: the SYN, and an ACK or an octet. The timer's is one more if it came first; often it is too late. */
static void count_connects(const struct ns_pair *pair, const char *addr, enum after_connect what)
{
	static const char *const names[] = {
		[WRITES] = "writes: that carries the ACK",
		[READS] = "reads: the ACK goes at once",
		[ACCEPTS] = "accepts: the ACK goes at once",
		[POLLS] = "asks the listener in poll(): the ACK goes at once",
		[NOTHING] = "does nothing: the timer sends the ACK, in less than a tick",
		[HAS_NOT_WAITED] = "has not waited: the ACK goes at once",
		[HAS_QUICKACK] = "has set TCP_QUICKACK: the ACK goes at once",
		[ON_THE_SAME_MACHINE] = "is on the same machine: the ACK goes at once",
	};
	const bool both = what == ON_THE_SAME_MACHINE, at_once = what >= HAS_NOT_WAITED;
	const int server_ns = both ? pair->a : pair->b, listener = stack_listener(server_ns, XTCP, addr, PORT, true);
	int i, fd, accepted, by_timer, timers = 0;
	long long before, delayed;
	long long least_ms = STACK_DEADLINE_MS;
	bool ok = listener >= 0;

	ns = pair->a;
	for (i = 0; i < RECEIVES && ok; i++) {
		fd = stack_socket(ns, XTCP, addr);
		before = out_segs();
		delayed = delayed_acks();
		ok = connect_and(fd, addr, what);
		/* it is sent already: none is to come */
		ok &= !at_once || out_segs() - before == (both ? 3 : 2);
		ok &= what != NOTHING || sent_by_timer(fd, &least_ms);
		ok &= what != POLLS || stack_poll(listener, POLLIN, STACK_DEADLINE_MS);
		accepted = accept(listener, NULL, NULL);
		by_timer = delayed_acks() - delayed;
		ok &= accepted >= 0 && WAIT_FOR(out_segs() - before >= (both ? 3 : 2), STACK_DEADLINE_MS);
		ok &= by_timer <= 1 && out_segs() - before == (both ? 3 : 2) + (what == WRITES ? by_timer : 0);
		timers += by_timer;
		ok &= !close(fd) && !close(accepted);
	}
	ksft_print_msg("%d of %d ACKs were sent by the delayed-ACK timer\n", timers, i);
	ok &= what == NOTHING ? timers == RECEIVES && least_ms < TICK_MS : at_once ? !timers : timers < RECEIVES;
	ksft_test_result(ok, "%s: who connects and %s\n", addr, names[what]);
	close(listener);
}

struct other {
	int fd;
	const char *addr;
	bool ok;
};

static void *connect_too(void *arg)
{
	struct other *other = arg;

	other->ok = !stack_connect(other->fd, other->addr, PORT);
	return NULL;
}

/* Two threads connect and write: the client of each sends two segments, and one more if the timer sends an ACK. */
static void count_two_connects(const struct ns_pair *pair, const char *addr)
{
	const int listener = stack_listener(pair->b, XTCP, addr, PORT, true);
	struct other other = { .addr = addr };
	long long before, delayed, by_timer;
	int i, fd, accepted[2], timers = 0;
	bool ok = listener >= 0;
	pthread_t thread;

	ns = pair->a;
	for (i = 0; i < RECEIVES && ok; i++) {
		fd = stack_socket(ns, XTCP, addr);
		other.fd = stack_socket(ns, XTCP, addr);
		stack_reset_at_close(fd);
		stack_reset_at_close(other.fd);
		before = out_segs();
		delayed = delayed_acks();
		ok = !stack_connect(fd, addr, PORT) && !pthread_create(&thread, NULL, connect_too, &other) &&
		     !pthread_join(thread, NULL) && other.ok;
		ok &= send(fd, "?", 1, MSG_NOSIGNAL) == 1 && send(other.fd, "?", 1, MSG_NOSIGNAL) == 1;
		accepted[0] = accept(listener, NULL, NULL);
		accepted[1] = accept(listener, NULL, NULL);
		by_timer = delayed_acks() - delayed;
		ok &= accepted[1] >= 0 && out_segs() - before == 4 + by_timer;
		timers += by_timer;
		ok &= !close(fd) && !close(other.fd) && !close(accepted[0]) && !close(accepted[1]);
	}
	ksft_print_msg("%d of %d ACKs were sent by the delayed-ACK timer\n", timers, 2 * i);
	ksft_test_result(ok && timers < 2 * RECEIVES, "%s: another thread connects meanwhile: the ACK waits still\n",
			 addr);
	close(listener);
}

static void count_all_connects(void)
{
	struct ns_pair pair;

	must(!ns_pair_make(&pair), "namespaces");
	for (int what = WRITES; what <= HAS_QUICKACK; what++) {
		count_connects(&pair, NS_B4, what);
		count_connects(&pair, NS_B6, what);
	}
	count_connects(&pair, NS_A4, ON_THE_SAME_MACHINE);
	count_connects(&pair, NS_A6, ON_THE_SAME_MACHINE);
	count_two_connects(&pair, NS_B4);
	count_two_connects(&pair, NS_B6);
	ns_pair_close(&pair);
}

int main(void)
{
	static const char *const addrs[] = { "127.0.0.1", "::1" };
	cpu_set_t one;

	test_begin(40);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(!sched_setaffinity(0, sizeof(one), &one), "processor");
	come_first(true);
	for (int i = 0; i < 2; i++) {
		const char *addr = addrs[i];

		count_segments("asleep in recv()", (struct program){ .addr = addr }, 8);
		count_segments("TCP_QUICKACK", (struct program){ .addr = addr, .quickack = true }, 10);
		count_segments("late in recv()", (struct program){ .addr = addr, .elsewhere = 1 }, 8);
		count_segments("who did not wait in send()",
			       (struct program){ .addr = addr, .elsewhere = 1, .send_flags = MSG_DONTWAIT }, 9);
		count_segments("in poll()", (struct program){ .addr = addr, .polls = true }, 9);
		count_segments("who found nothing", (struct program){ .addr = addr, .elsewhere = 1, .tries = true }, 9);
		count_receives(addrs[i]);
		count_wants(addrs[i], false);
		count_wants(addrs[i], true);
		count_bundles(addrs[i], false);
		count_bundles(addrs[i], true);
	}
	count_all_connects();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
