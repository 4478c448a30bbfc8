// SPDX-License-Identifier: GPL-2.0
/*
 * Timers in rules of the policy table: bounds of the RTO and of delayed ACKs, the user timeout,
 * keepalive. What getsockopt() says of them in both directions; an option of the program beats its rule; what each
 * makes of a connection; values out of range.
 */
#include "lib/ruled.h"
#include "lib/test.h"

#define PORT		8700

/* older headers lack these */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS		44
#endif
#ifndef TCP_RTO_MIN_US
#define TCP_RTO_MIN_US		45
#define TCP_DELACK_MAX_US	46
#endif

#define TIMERS	" rto_min_us=40000 rto_max_ms=3000 delack_max_us=80000 user_timeout_ms=54321 keepalive=1 keepidle=77" \
		" keepintvl=33 keepcnt=4"

static const struct {
	int level, name, value, own, usual;	/* of the rule, of the program, without both */
} timers[] = {
	{ IPPROTO_TCP, TCP_RTO_MIN_US, 40000, 80000, 200000 },
	{ IPPROTO_TCP, TCP_RTO_MAX_MS, 3000, 4000, 120000 },
	{ IPPROTO_TCP, TCP_DELACK_MAX_US, 80000, 120000, 200000 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 54321, 11111, 0 },
	{ SOL_SOCKET, SO_KEEPALIVE, 1, 1, 0 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 77, 66, 7200 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 33, 22, 75 },
	{ IPPROTO_TCP, TCP_KEEPCNT, 4, 5, 9 },
};

#define TIMER_OPTIONS	((int)ARRAY_SIZE(timers))
#define NONE		TIMER_OPTIONS	/* of the options is the program's */

static int option(int fd, int i)
{
	return stack_get(fd, timers[i].level, timers[i].name);
}

static void set_option(int fd, int i)
{
	must(!setsockopt(fd, timers[i].level, timers[i].name, &timers[i].own, sizeof(int)), "setsockopt");
}

/* The rule has set all but option @own, which the program has set. */
static void timers_are(int fd, int own)
{
	for (int i = 0; i < TIMER_OPTIONS; i++)
		if (option(fd, i) != (i == own ? timers[i].own : timers[i].value)) {
			ksft_print_msg("option %d is %d, and that of the program %d\n", i, option(fd, i), own);
			problems++;
		}
}

/* There is no rule. Option @own is the program's. */
static void timers_are_not(int fd, int own)
{
	for (int i = 0; i < TIMER_OPTIONS; i++)
		if (option(fd, i) != (i == own ? timers[i].own : timers[i].usual)) {
			ksft_print_msg("without a rule, option %d is %d, and that of the program %d\n", i,
				       option(fd, i), own);
			problems++;
		}
}

static void each_timer(const char *own, const char *peer_addr, const char *rule, const char *what)
{
	int fd, peer;

	SAME(rules_replace(rule), 0);
	ruled_active(peer_addr, &fd, &peer);
	timers_are(fd, NONE);
	close_each(fd, peer);
	ruled_passive(own, &fd, &peer);
	timers_are(fd, NONE);
	close_each(fd, peer);
	SAME(rules_replace("to=192.0.2.1" TIMERS), 0);
	ruled_active(peer_addr, &fd, &peer);
	timers_are_not(fd, NONE);
	close_each(fd, peer);
	same_result(what);
}

/* The program sets one of them before connect(), on the listener, or afterwards; and then it connects again. */
static void program_has_timers(void)
{
	int i, fd, peer, port = ruled_port++, listener = stack_listener(ruled_net.b, KERNEL, NS_B4, port, true), own;

	must(listener >= 0, "listener");
	for (i = 0; i < TIMER_OPTIONS; i++) {
		SAME(rules_replace(TIMERS), 0);
		fd = must_have(stack_socket(ruled_net.a, XTCP, NS_B4), "socket");
		set_option(fd, i);
		must(!stack_connect(fd, NS_B4, port), "connect");
		peer = accept(listener, NULL, NULL);
		timers_are(fd, i);
		close(peer);
		SAME(rules_replace(""), 0);
		must(!stack_disconnect(fd), "disconnect");
		timers_are_not(fd, i);
		close(fd);
	}
	same_result("an option of the program before connect() stays, also when it connects again; "
		    "those of the rule go");
	for (i = 0; i < TIMER_OPTIONS; i++) {
		SAME(rules_replace(TIMERS), 0);
		fd = must_have(stack_connected(ruled_net.a, XTCP, NS_B4, port), "connect");
		peer = accept(listener, NULL, NULL);
		set_option(fd, i);
		timers_are(fd, i);
		close(peer);
		SAME(rules_replace(""), 0);
		must(!stack_disconnect(fd), "disconnect");
		timers_are_not(fd, i);
		close(fd);
	}
	same_result("an option that the program sets afterwards is its own from then on");
	close(listener);
	SAME(rules_replace(TIMERS), 0);
	for (i = 0; i < TIMER_OPTIONS; i++) {
		own = must_have(stack_listener(ruled_net.a, XTCP, NS_A4, port, true), "listener");
		set_option(own, i);
		peer = must_have(stack_connected(ruled_net.b, KERNEL, NS_A4, port), "accept");
		fd = must_have(accept(own, NULL, NULL), "accept");
		timers_are(fd, i);
		timers_are_not(own, i);
		close_each(fd, peer);
		close(own);
	}
	same_result("an option of the listener stays in its children, and the listener does not change");
}

static int rto_of(int fd)
{
	return info_of(fd).tcpi_rto;
}

static void ends_in_silence(int fd, int peer)
{
	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	SAME(stack_error(fd), ETIMEDOUT);
	close_each(fd, peer);
}

static int unacked(int fd)
{
	int len = -1;

	must(!ioctl(fd, TIOCOUTQ, &len), "TIOCOUTQ");
	return len;
}

/* Is the ACK of a small segment ever delayed for less than @ms, in @tries? A busy machine only adds to a delay. */
static bool delays_less(int fd, int peer, int ms, int tries)
{
	int off = 0;
	long long began;
	char text;

	while (tries--) {
		must(!setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off)), "TCP_QUICKACK");
		began = wait_now_ms();
		must(write(peer, "", 1) == 1 && read(fd, &text, 1) == 1, "a segment");
		must(WAIT_FOR(!unacked(peer), STACK_DEADLINE_MS), "ACK");
		if (wait_now_ms() - began < ms)
			return true;
	}
	return false;
}

static void bounds_work(void)
{
	int fd, peer;

	SAME(rules_replace("delack_max_us=20000"), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(delays_less(fd, peer, 36, 200), true);
	close_each(fd, peer);
	ruled_passive(NS_A4, &fd, &peer);
	SAME(delays_less(fd, peer, 36, 200), true);
	close_each(fd, peer);
	SAME(rules_replace(""), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(delays_less(fd, peer, 36, 5), false);
	close_each(fd, peer);
	same_result("a short delay of ACKs");
	SAME(rules_replace("rto_min_us=40000 rto_max_ms=1000"), 0);
	ruled_active(NS_B4, &fd, &peer);
	must(!netem_gate(ruled_net.a, "veth0", false), "gate");
	must(write(fd, "", 1) == 1, "write");
	SAME(WAIT_FOR(rto_of(fd) >= 1000000, STACK_DEADLINE_MS), true);
	wait_until_ms(wait_now_ms() + 2500);
	SAME(rto_of(fd), 1000000);
	must(!netem_gate(ruled_net.a, "veth0", true), "gate");
	close_each(fd, peer);
	same_result("a retransmission timeout that grows no further");
}

static void timers_work(void)
{
	int fd, peer;

	SAME(rules_replace("rto_min_us=40000"), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(stack_carries(fd, peer, 1000) && rto_of(fd) < 200000, true);
	close_each(fd, peer);
	ruled_passive(NS_A4, &fd, &peer);
	SAME(stack_carries(fd, peer, 1000) && rto_of(fd) < 200000, true);
	close_each(fd, peer);
	same_result("a short retransmission timeout, from the first sample on");
	SAME(rules_replace("keepalive=1 keepidle=1 keepintvl=1 keepcnt=1"), 0);
	ruled_active(NS_B4, &fd, &peer);
	must(!netem_gate(ruled_net.a, "veth0", false), "gate");
	ends_in_silence(fd, peer);
	must(!netem_gate(ruled_net.a, "veth0", true), "gate");
	ruled_passive(NS_A4, &fd, &peer);
	must(!netem_gate(ruled_net.a, "veth0", false), "gate");
	ends_in_silence(fd, peer);
	same_result("keepalive ends a connection whose peer is gone");
	SAME(rules_replace("user_timeout_ms=1000"), 0);
	fd = stack_socket(ruled_net.a, XTCP, NS_B4);
	SAME(stack_connect(fd, NS_B4, ruled_port++) && errno == ETIMEDOUT, true);
	close(fd);
	must(!netem_gate(ruled_net.a, "veth0", true), "gate");
	SAME(rules_replace(""), 0);
	same_result("a user timeout ends connect()");
}

static void timers_out_of_range(void)
{
	static const char * const wrong[] = {
		"rto_min_us=0", "rto_min_us=200001", "rto_min_us=0xffffffff", "rto_min_us=0x80000001", "rto_max_ms=999",
		"rto_max_ms=120001", "rto_max_ms=0xffffffff", "delack_max_us=0", "delack_max_us=204001",
		"user_timeout_ms=0", "user_timeout_ms=0x80000000", "keepalive=0", "keepalive=2", "keepidle=0",
		"keepidle=32768", "keepintvl=0",
		"keepintvl=32768", "keepcnt=0", "keepcnt=128",
	};

	SAME(rules_replace("dport=80" TIMERS), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++)
		if (rules_replace(wrong[i]) != ERANGE) {
			ksft_print_msg("it takes %s\n", wrong[i]);
			problems++;
		}
	rules_list_is(ruled_net.a, "hits=0 dport=80 rto_min_us=40000 rto_max_ms=3000 delack_max_us=80000 "
		     "user_timeout_ms=54321 keepalive=on keepidle=77 keepintvl=33 keepcnt=4\n");
	same_result("timers out of range are refused; the list has those that were taken");
}

int main(void)
{
	test_begin(11);
	ruled_begin(PORT);
	each_timer(NS_A4, NS_B4, "to=10.9.0.0/24" TIMERS, "each timer, IPv4");
	each_timer(NS_A6, NS_B6, "to=fd00:9::/64" TIMERS, "each timer, IPv6");
	program_has_timers();
	timers_work();
	bounds_work();
	timers_out_of_range();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
