// SPDX-License-Identifier: GPL-2.0
/*
 * Tail loss probes: if nothing follows a segment, a probe goes after two round trips, before the timeout. The path is
 * 100 ms long: a probe is due after 200 ms, and after 400 ms when an ACK may be delayed, but never later than the
 * timeout, which is 300 ms away. Other programs turn the probes off (early_retrans, lib/wire_tun.c).
 */
#include "lib/test.h"
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
#define FAR		"listen; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; < . 1 ack 1; info snd_cwnd = 10;"
#define OPEN_FAR	"sysctl early_retrans 3;" FAR
#define MARKED_FAR	"sysctl early_retrans 3; listen; < SEC 0 $; > S.E 0 ack 1; pass 100; < . 1 ack 1; accept;" \
			"< . 1 ack 1; info snd_cwnd = 10;"
#define MARKED		MARKED_FAR "write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; pass 100;" \
			"< E. 1 ack 1001; none; info ca_state = 2; info snd_ssthresh = 5;" \
			">@290 P. 3001(1000) ack 1; write 1000; > P.C 4001(1000) ack 1; pass 100;" \
			"< . 1 ack 5001; none; info ca_state = 0;"
#define THREE		OPEN_FAR "mark; write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1;"
#define PROBED		THREE ">@290 P. 2001(1000) ack 1; elapsed >= 150;"
/* All but the last of three is acknowledged; that goes again after @least ms, and before @most. */
#define LAST_AFTER(most, least) "pass 150; < . 1 ack 2001; mark; >@" #most " P. 2001(1000) ack 1;" \
			"elapsed >= " #least ";"
#define UNPROBED	"sysctl early_retrans 0;" FAR
#define THREE_UNPROBED	UNPROBED "write 3000; > p. 1(1000) ack 1 x2; > P. 2001(1000) ack 1;"
#define FOUR_UNPROBED	UNPROBED "write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; pass 150;" \
			"< . 1 ack 1001; mark;"
#define TWO_OF_WHICH_ONE OPEN_FAR "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; pass 150;" \
			"< . 1 ack 1001; mark;"
#define FROM_THE_ACK	"counts the RTO from the last ACK, as RFC 6298 (5.3) does"
#define LAST_AGAIN	PROBED "none; info ca_state = 0; info snd_cwnd = 10; info lost = 0; < . 1 ack 3001; none"
#define NEXT_ROUND	"write 1000; > P. 3001(1000) ack 1; pass 50; < . 1 ack 4001; none;"

#define SOONER		PROBED "pass 50; mark; < . 1 ack 1 <sack 2001:3001>; none; info lost = 0;" \
			">@150 p. 1(1000) ack 1;"

/* One write after the other, each of which would start the probe timeout anew. */
#define OFTEN(ms)	"write 100; skim; pass " #ms ";"
#define EACH_2_MS	OFTEN(2) OFTEN(2) OFTEN(2) OFTEN(2) ""
#define WRITES_ON	OPEN_FAR "set NODELAY 1;" OFTEN(100) OFTEN(100) OFTEN(92) EACH_2_MS EACH_2_MS EACH_2_MS \
			OFTEN(90) OFTEN(90)

/* The answer to a probe, and to the segment that it repeated: no round trip of which anybody knows the beginning. */
#define ANSWERED	PROBED "pass 50; < . 1 ack 3001; < . 1 ack 3001; none;"

/*
 * The probe ends at sequence number 0. A SYN's number follows the clock (RFC 6528 section 3): of many connections
 * the one whose number comes soonest to a little below 0 is opened again then, and what lies between is sent.
 */
#define TUPLES		256
#define ISN_TICK_NS	64
#define BELOW_ZERO	200000u	/* octets aimed at */

static int syn_of(struct wire *w, uint16_t lport, unsigned int tuple)
{
	wire_peer_reset(w, false);
	w->c.lport = lport;
	w->c.pport = 1024 + tuple;
	w->ladder_len = 0;
	w->ladder[0] = 0;
	return wire_script_run(w, "bind; connect; > S 0");
}

/* Return: octets that lie between, or 0 after wire_fail(). */
static uint32_t open_below_zero(struct wire *w)
{
	uint64_t due[TUPLES], now;
	const uint16_t lport = w->c.lport;
	unsigned int i, best = 0;
	uint32_t left;

	for (i = 0; i < TUPLES; i++) {
		if (syn_of(w, lport, i) || wire_script_run(w, "abort; skim"))
			return 0;
		due[i] = wire_now() + (uint64_t)(-w->c.irs - BELOW_ZERO) * ISN_TICK_NS;
	}
	now = wire_now();
	for (i = 0; i < TUPLES; i++)
		if (due[i] > now && (due[i] < due[best] || due[best] <= now))
			best = i;
	wire_tun_wait(w, -1, 0, due[best] > now ? (due[best] - now) / 1000000 : 0);
	wire_account(w, true);
	if (syn_of(w, lport, best) || wire_script_run(w, "< S. 0 ack 1 $; > . 1 ack 1; set NODELAY 1"))
		return 0;
	left = -(w->c.irs + 1);
	if (left > 10000 && left < 2 * BELOW_ZERO)
		return left;
	wire_fail(w, "the initial sequence number is not a little below 0, but %u", w->c.irs);
	return 0;
}

/* Wait for every segment: an ACK that the stack takes late delays the next write. */
static int send_acknowledged(struct wire *w, int segments)
{
	char script[32];

	snprintf(script, sizeof(script), "write %d", segments * 1000);
	if (wire_script_run(w, script))
		return -1;
	while (segments--)
		if (wire_script_run(w, "> p. S(1000) ack 1"))
			return -1;
	return wire_script_run(w, "< . 1 ack S");
}

/* The round trip is far shorter than a tick of the timer, whose phase differs from one write to the next. */
static int no_probe_on_a_short_path(struct wire *w)
{
	if (wire_script_run(w, "sysctl early_retrans 3; listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept"))
		return -1;
	for (int i = 0; i < 200; i++) {
		w->ladder_len = 0;
		w->ladder[0] = 0;
		if (send_acknowledged(w, 5))
			return -1;
	}
	return 0;
}

/* A tick of the kernel's timers, in nanoseconds. */
static uint64_t tick_ns(void)
{
	struct timespec ts;

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* The probe comes in the tick after two round trips and 2 ms. A D-SACK answers it, and a segment measures again. */
static int probe_in_its_tick(struct wire *w)
{
	uint64_t tick = tick_ns(), began, took, least, due;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	unsigned int at = 1, i;
	char script[400];

	if (wire_script_run(w, "sysctl early_retrans 3; listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept"))
		return -1;
	for (i = 0; i < 12; i++, at += 3000) {
		if (getsockopt(w->c.fd, IPPROTO_TCP, TCP_INFO, &info, &len))
			return wire_fail(w, "no TCP_INFO"), -1;
		least = 2 * info.tcpi_rtt * 1000ull + 2000000;
		due = (least + tick - 1) / tick;
		w->ladder_len = 0;
		w->ladder[0] = 0;
		/* another phase of the tick each time */
		wire_tun_wait(w, -1, 0, 1 + i % 4 * (tick / 4000000));
		began = wire_now();
		snprintf(script, sizeof(script), "write 2000; > p. %u(1000) ack 1; > P. %u(1000) ack 1;"
			 ">@100 P. %u(1000) ack 1", at, at + 1000, at + 1000);
		if (wire_script_run(w, script))
			return -1;
		took = wire_now() - began;
		if (took < least || took > (due + 1) * tick + tick / 4)
			return wire_fail(w, "the probe came after %llu us; %llu ticks of %llu us are due",
					 (unsigned long long)took / 1000, (unsigned long long)due,
					 (unsigned long long)tick / 1000), -1;
		snprintf(script, sizeof(script), "< . 1 ack %u <sack %u:%u>; write 1000;"
			 "> P. %u(1000) ack 1; < . 1 ack %u",
			 at + 2000, at + 1000, at + 2000, at + 2000, at + 3000);
		if (wire_script_run(w, script))
			return -1;
	}
	return 0;
}

/* What @script waits for comes after @least microseconds, and hardly later. */
static int comes_after(struct wire *w, const char *what, uint64_t least, const char *script)
{
	uint64_t began = wire_now(), took;

	if (wire_script_run(w, script))
		return -1;
	took = (wire_now() - began) / 1000;
	if (took >= least && (w->stack == WIRE_KERNEL || took <= least + tick_ns() / 2000))
		return 0;
	return wire_fail(w, "%s after %llu us; due are %llu", what, (unsigned long long)took,
			 (unsigned long long)least), -1;
}

/* Each time begins in another phase of the tick. */
static struct tcp_info in_phase(struct wire *w, unsigned int i)
{
	w->ladder_len = 0;
	w->ladder[0] = 0;
	wire_tun_wait(w, -1, 0, 1 + i * (tick_ns() / 4000000));
	return info_of(w->c.fd);
}

/*
 * Whose RTO may be below 200 ms waits for no tick: a tail loss probe, the reordering window, a timeout and the one
 * after it, and the other end's delayed ACK.
 */
static int waits_for_no_tick(struct wire *w)
{
	struct tcp_info info;

	if (wire_script_run(w, "sysctl early_retrans 3; route rto_min 8 lock; listen; < S 0 $; > S. 0 ack 1;"
			    "< . 1 ack 1; accept; set NODELAY 1"))
		return -1;
	for (unsigned int i = 0; i < 4; i++) {
		info = in_phase(w, i);
		if (comes_after(w, "the probe", 2 * info.tcpi_rtt + 2000,
				"write 2000; > p. S(1000) ack N; > P. S(1000) ack N; >@100 P. S-1000(1000) ack N") ||
		    wire_script_run(w, "< . N ack S <sack S-1000:S>; write 1000; > P. S(1000) ack N; < . N ack S"))
			return -1;
		info = in_phase(w, i);
		if (wire_script_run(w, "write 2000; > p. S(1000) ack N; > P. S(1000) ack N") ||
		    comes_after(w, "the end of the reordering window", info.tcpi_min_rtt / 4 + 2000,
				"< . N ack U <sack U+1000:S>; >@100 p. S-2000(1000) ack N") ||
		    wire_script_run(w, "< . N ack S; write 1000; > P. S(1000) ack N; < . N ack S; set QUICKACK 0"))
			return -1;
		in_phase(w, i);
		if (comes_after(w, "the ACK", tick_ns() / 1000, "< P. N(100) ack S; >@100 . S ack N+100") ||
		    wire_script_run(w, "read 100"))
			return -1;
	}
	if (wire_script_run(w, "sysctl early_retrans 0"))
		return -1;
	for (unsigned int i = 0; i < 4; i++) {
		info = in_phase(w, i);
		if (comes_after(w, "the second timeout", 3 * info.tcpi_rto, "write 1000; > P. S(1000) ack N;"
				">@100 P. S-1000(1000) ack N; >@100 P. S-1000(1000) ack N") ||
		    wire_script_run(w, "< . N ack S; write 1000; > P. S(1000) ack N; < . N ack S"))
			return -1;
	}
	return 0;
}

static int probe_ends_at_zero(struct wire *w)
{
	static struct wire_counters before;
	uint32_t left;
	char script[64];

	if (wire_script_run(w, "sysctl early_retrans 3"))
		return -1;
	left = open_below_zero(w);
	if (!left)
		return -1;
	for (; left >= 8000; left -= 5000)
		if (send_acknowledged(w, 5))
			return -1;
	for (; left >= 4000; left -= 1000)
		if (send_acknowledged(w, 1))
			return -1;
	snprintf(script, sizeof(script), "write %u; > P. S(%u) ack 1; < . 1 ack S", left - 3000, left - 3000);
	if (left > 3000 && wire_script_run(w, script))
		return -1;
	if (wire_counter_read(w, &before))
		return -1;
	if (wire_script_run(w, "write 3000; > p. S(1000) ack 1; > p. S(1000) ack 1; > P. S(1000) ack 1;"
			       ">@290 P. S-1000(1000) ack 1;"
			       "< . 1 ack S; none; write 1000; > P. S(1000) ack 1; < . 1 ack S; none"))
		return -1;
	return wire_counter_check(w, &before, w->stack == WIRE_KERNEL ?
				  "TCPLossProbes=1 TCPLossProbeRecovery=0 TCPTimeouts=0" :
				  "TCPLossProbes=1 TCPLossProbeRecovery=1 TCPTimeouts=0");
}

static const struct wire_row rows[] = {
	{ "tlp_last_segment_again", "RFC 8985 7.3", .syn = SACK,
		.want = { LAST_AGAIN, .counters = "TCPLossProbes=1 RetransSegs=1 TCPTimeouts=0" } },
	{ "tlp_with_timestamps", "RFC 8985 7.3", .syn = "mss 1012,sackok,ts T R",
		.want = { LAST_AGAIN, .counters = "TCPLossProbes=1 RetransSegs=1 TCPTimeouts=0" } },
	{ "tlp_new_data_first", "RFC 8985 7.3", .syn = SACK,
		.want = { OPEN_FAR "mark; write 12000; > p. 1(1000) ack 1 x10; none; >@290 p. 10001(1000) ack 1;"
			"elapsed >= 150; none; info unacked = 11; info snd_cwnd = 10; < . 1 ack 11001;"
			"> P. 11001(1000) ack 1; < . 1 ack 12001; none",
			.counters = "TCPLossProbes=1 RetransSegs=0 TCPTimeouts=0 TCPLossProbeRecovery=0" } },
	{ "tlp_new_data_wakes_a_writer", "RFC 8985 7.3", .syn = SACK,
		.want = { OPEN_FAR "set NOTSENT_LOWAT 3000; write 12000; > p. 1(1000) ack 1 x10; none; watch;"
			">@290 p. 10001(1000) ack 1; woken", .counters = "TCPLossProbes=1" } },
	{ "tlp_nagle_does_not_hold_it", "RFC 8985 7.3", .syn = SACK,
		.want = { OPEN_FAR "mark; write 1100; > p. 1(1000) ack 1; > P. 1001(100) ack 1; write 100; none;"
			">@290 P. 1101(100) ack 1; elapsed >= 150; < . 1 ack 1201; none",
			.counters = "TCPLossProbes=1 RetransSegs=0" } },
	{ "tlp_no_room_for_new_data", "RFC 8985 7.3", .syn = SACK, .synwin = "3000",
		.want = { OPEN_FAR "write 5000; > p. 1(1000) ack 1 x3; none; >@290 p. 2001(1000) ack 1; none;"
			"< . 1 ack 3001; > p. 3001(1000) ack 1; > P. 4001(1000) ack 1; < . 1 ack 5001",
			.counters = "TCPLossProbes=1 RetransSegs=1" } },
	/* One segment: its ACK may be a delayed one. */
	{ "tlp_one_segment_waits_for_a_delayed_ack", "RFC 8985 7.2", .syn = SACK,
		.want = { OPEN_FAR "mark; write 1000; > P. 1(1000) ack 1; >@900 P. 1(1000) ack 1; elapsed >= 250; none;"
			"info ca_state = 0; < . 1 ack 1001; none", .counters = "TCPLossProbes=1 TCPTimeouts=0" } },
	/* The path is dead. The RTO of the first segment passes while the program writes: no write postpones it. */
	{ "tlp_writes_do_not_postpone_it_beyond_the_rto", "RFC 8985 7.2, RFC 6298 5.1", .syn = SACK,
		.want = { WRITES_ON, .counters = "TCPLossProbes=1 TCPTimeouts=0" },
		.kernel_differs = "each write starts the probe timeout anew, until the window is full",
		.kernel = { WRITES_ON, .counters = "TCPLossProbes=0 TCPTimeouts=0" } },
	{ "tlp_once_for_a_tail", "RFC 8985 7.3", .syn = SACK,
		.want = { PROBED "mark; >@1500 p. 1(1000) ack 1; elapsed >= 150; info ca_state = 4; skim;"
			"< . 1 ack 3001; none; info ca_state = 0", .counters = "TCPLossProbes=1 TCPTimeouts=1" } },
	/*
	 * While a probe is on its way, an ACK of what was sent before it starts the RTO, and no further probe timeout,
	 * behind which the RTO would begin anew.
	 */
	{ "tlp_an_ack_while_it_is_on_its_way", "RFC 8985 7.3, RFC 6298 5.3", .syn = SACK,
		.want = { PROBED "< . 1 ack 1001; none; >@380 p. 1001(1000) ack 1; info ca_state = 4; skim;"
			"< . 1 ack 3001; none; info ca_state = 0", .counters = "TCPLossProbes=1 TCPTimeouts=1" } },
	/* The RTO is 300 ms and a little, and there are 150 left of it: they count from when the segment was sent. */
	{ "tlp_an_ack_in_time", "RFC 7765 4", .syn = SACK,
		.want = { THREE LAST_AFTER(240, 120) "< . 1 ack 3001; none",
			.counters = "TCPLossProbes=1 RetransSegs=1 TCPTimeouts=0" }, .kernel_differs = FROM_THE_ACK,
		.kernel = { THREE LAST_AFTER(900, 250) "< . 1 ack 3001; none" } },
	/* The RTO is above 300 ms, since the round trips vary; the probe is due after 220, of which 70 are left. */
	{ "tlp_of_a_short_tail_counts_from_its_sending", "RFC 7765 4, RFC 8985 7.2", .syn = SACK,
		.want = { "route rto_min 8 lock;" TWO_OF_WHICH_ONE ">@130 P. 1001(1000) ack 1; elapsed >= 35;"
			"< . 1 ack 2001; none", .counters = "TCPLossProbes=1 RetransSegs=1 TCPTimeouts=0" },
		.kernel_differs = FROM_THE_ACK,
		.kernel = { "route rto_min 8 lock;" TWO_OF_WHICH_ONE ">@900 P. 1001(1000) ack 1; elapsed >= 100;"
			"< . 1 ack 2001; none" } },
	{ "tlp_timeout_of_a_short_tail", "RFC 7765 4", .syn = SACK,
		.want = { THREE_UNPROBED LAST_AFTER(240, 120) "info ca_state = 4; < . 1 ack 3001; none",
			.counters = "TCPLossProbes=0 RetransSegs=1 TCPTimeouts=1" }, .kernel_differs = FROM_THE_ACK,
		.kernel = { THREE_UNPROBED LAST_AFTER(900, 280) "info ca_state = 4; < . 1 ack 3001; none" } },
	{ "tlp_timeout_of_a_tail_of_three", "RFC 7765 4", .syn = SACK,
		.want = { FOUR_UNPROBED ">@240 p. 1001(1000) ack 1; elapsed >= 120; skim; < . 1 ack 4001; none",
			.counters = "TCPTimeouts=1" }, .kernel_differs = FROM_THE_ACK,
		.kernel.script = FOUR_UNPROBED ">@900 p. 1001(1000) ack 1; elapsed >= 280; skim; < . 1 ack 4001;"
			"none" },
	/* Four can tell of each other, and what waits will. Without SACK an RTO too early would not show. */
	{ "tlp_timeout_of_a_tail_of_four", "RFC 7765 4", .syn = SACK,
		.want = { UNPROBED "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; pass 150; < . 1 ack 1001;"
			"mark; >@900 p. 1001(1000) ack 1; elapsed >= 280; skim; < . 1 ack 5001; none",
			.counters = "TCPTimeouts=1" } },
	{ "tlp_timeout_with_more_to_come", "RFC 7765 4", .syn = SACK, .synwin = "3000",
		.want = { UNPROBED "write 5000; > p. 1(1000) ack 1 x3; pass 150; < . 1 ack 1001 win 2000; mark;"
			">@900 p. 1001(1000) ack 1; elapsed >= 280; skim", .counters = "TCPTimeouts=1" } },
	{ "tlp_timeout_of_a_short_tail_without_sack", "RFC 6298 5.3", .syn = "mss 1000",
		.want = { THREE_UNPROBED LAST_AFTER(900, 280) "info ca_state = 4; < . 1 ack 3001; skim",
			.counters = "RetransSegs=1 TCPTimeouts=1" } },
	/*
	 * The ACK that resolves a probe starts the next probe timeout, and not the RTO: for the last of ten that were
	 * written after a repetition was answered, and for what was sent behind a probe of new text.
	 */
	{ "tlp_again_for_what_is_behind_a_repetition", "RFC 8985 7.2, 7.4.2", .syn = SACK,
		.want = { PROBED "pass 100; < . 1 ack 3001; none; write 10000; > p. 3001(1000) ack 1 x9;"
			"> P. 12001(1000) ack 1; pass 100; < . 1 ack 12001; >@900 P. 12001(1000) ack 1;"
			"info ca_state = 0; < . 1 ack 13001; none; info ca_state = 0",
			.counters = "TCPLossProbes=2 RetransSegs=2 TCPTimeouts=0 TCPLossProbeRecovery=1" } },
	{ "tlp_again_for_what_is_behind_new_text", "RFC 8985 7.2, 7.4.2", .syn = SACK,
		.want = { OPEN_FAR "write 12000; > p. 1(1000) ack 1 x10; none; >@290 p. 10001(1000) ack 1;"
			"< . 1 ack 10001; > P. 11001(1000) ack 1; write 1000; > P. 12001(1000) ack 1; pass 100;"
			"< . 1 ack 11001; >@290 P. 12001(1000) ack 1; info ca_state = 0; < . 1 ack 13001; none;"
			"info ca_state = 0", .counters = "TCPLossProbes=2 RetransSegs=1 TCPTimeouts=0" } },
	/* The same when a D-SACK, which moves nothing, tells that the repetition was for nothing. */
	{ "tlp_again_after_a_dsack", "RFC 8985 7.2, 7.4.1", .syn = SACK,
		.want = { PROBED "pass 50; < . 1 ack 2001; < . 1 ack 3001; write 10000; > p. 3001(1000) ack 1 x9;"
			"> P. 12001(1000) ack 1; < . 1 ack 3001 <sack 2001:3001>; none; >@400 P. 12001(1000) ack 1;"
			"info ca_state = 0; < . 1 ack 13001; none; info ca_state = 0",
			.counters = "TCPLossProbes=2 RetransSegs=2 TCPTimeouts=0" } },
	/* A reduction for a mark forgets the probe: what is still in flight has another. */
	{ "tlp_again_after_a_mark", "RFC 8985 7.2, RFC 3168 6.1.2", .syn = SACK,
		.want = { MARKED_FAR "write 10000; > p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1;"
			">@290 P. 9001(1000) ack 1; pass 50; < .E 1 ack 5001; none; info ca_state = 2;"
			">@600 P. 9001(1000) ack 1; none; < . 1 ack 10001; none",
			.counters = "TCPLossProbes=2 RetransSegs=2 TCPTimeouts=0" } },
	/* The ACK that ends a recovery, or what looked like a loss, starts the probe timeout for later text. */
	{ "tlp_after_a_recovery", "RFC 8985 7.2", .syn = SACK,
		.want = { OPEN_FAR "write 12000; > p. 1(1000) ack 1 x10; pass 100; < . 1 ack 1 <sack 1001:5001>;"
			"> p. 1(1000) ack 1; none; < . 1 ack 1 <sack 1001:10001>; > p. 10001(1000) ack 1;"
			"> P. 11001(1000) ack 1; pass 100; < . 1 ack 10001; none; info ca_state = 0;"
			">@350 P. 11001(1000) ack 1; none; info ca_state = 0; < . 1 ack 12001; none",
			.counters = "TCPLossProbes=1 RetransSegs=2 TCPTimeouts=0 TCPSackRecovery=1" } },
	{ "tlp_after_reordering", "RFC 8985 7.2", .syn = SACK,
		.want = { OPEN_FAR "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; pass 100;"
			"< . 1 ack 1 <sack 1001:2001>; < . 1 ack 2001; none; info ca_state = 0;"
			">@290 P. 4001(1000) ack 1; none; info ca_state = 0; < . 1 ack 5001; none",
			.counters = "TCPLossProbes=1 RetransSegs=1 TCPTimeouts=0" } },
	/* What its answer tells. */
	{ "tlp_finds_the_loss_of_all", "RFC 8985 7.4", .syn = SACK,
		.want = { PROBED "pass 140; < . 1 ack 1 <sack 2001:3001>; > p. 1(1000) ack 1; none; info ca_state = 3;"
			"info lost = 2; < . 1 ack 1001 <sack 2001:3001>; > p. 1001(1000) ack 1; none; < . 1 ack 3001;"
			"none; info ca_state = 0",
			.counters = "TCPLossProbes=1 TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=3" } },
	/* What comes out of order echoes what came in order (RFC 7323 4.3), long before the probe. */
	{ "tlp_finds_the_loss_of_all_with_timestamps", "RFC 8985 7.4", .syn = "mss 1012,sackok,ts T R",
		.want = { PROBED "pass 140; < . 1 ack 1 <nop,nop,ts T R-220,sack 2001:3001>; > p. 1(1000) ack 1; none;"
			"info ca_state = 3; info lost = 2; < . 1 ack 1001 <nop,nop,ts T R,sack 2001:3001>;"
			"> p. 1001(1000) ack 1; none; < . 1 ack 3001; none; info ca_state = 0",
			.counters = "TCPLossProbes=1 TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=3" } },
	/*
	 * An answer sooner than the smallest round trip may be the original's: what was sent before that has the
	 * reordering window of 25 ms to come.
	 */
	{ "tlp_answered_sooner_than_any", "RFC 8985 7.3", .syn = SACK,
		.want = { SOONER "elapsed >= 12; none; info ca_state = 3; info lost = 2;"
			"< . 1 ack 1001 <sack 2001:3001>; > p. 1001(1000) ack 1; none; < . 1 ack 3001; none;"
			"info ca_state = 0",
			.counters = "TCPLossProbes=1 TCPTimeouts=0 TCPSackRecovery=1 RetransSegs=3" },
		.kernel_differs = "learns nothing of it, and waits for a timeout",
		.kernel = { PROBED "pass 50; < . 1 ack 1 <sack 2001:3001>; none; >@900 p. 1(1000) ack 1;"
			"info ca_state = 4", .counters = "TCPLossProbes=1 TCPTimeouts=1 TCPSackRecovery=0" } },
	{ "tlp_answered_by_the_original_and_the_rest_is_late", "RFC 8985 7.3", .syn = SACK,
		.want = { PROBED "pass 50; < . 1 ack 1 <sack 2001:3001>; none; info lost = 0; < . 1 ack 3001; none;"
			"info ca_state = 0; pass 60; none", .counters = "TCPLossProbes=1 TCPTimeouts=0 "
			"TCPSackRecovery=0 RetransSegs=1" } },
	{ "tlp_waits_two_round_trips_of_a_short_path", "RFC 8985 7.2", .syn = SACK, .run = no_probe_on_a_short_path,
		.want = { .counters = "TCPLossProbes=0 RetransSegs=0" } },
	{ "tlp_in_its_tick", "RFC 8985 7.2", .syn = SACK, .run = probe_in_its_tick,
		.want = { .counters = "TCPLossProbes=12 TCPLossProbeRecovery=0 TCPTimeouts=0" },
		.kernel_differs = "adds two ticks before Linux 6.7" },
	{ "tlp_of_a_short_rto_in_no_tick", "RFC 8985 7.2, RFC 6298 2.4", .syn = SACK, .run = waits_for_no_tick,
		.want = { .counters = "TCPLossProbes=4 TCPTimeouts=8 TCPSackRecovery=4 DelayedACKs=4" },
		.kernel_differs = "waits for ticks" },
	{ "tlp_repaired_a_loss_at_sequence_number_0", "RFC 8985 7.4.2", .syn = SACK, .run = probe_ends_at_zero,
		.kernel_differs = "takes a probe that ends at 0 for none" },
	{ "tlp_repaired_a_loss", "RFC 8985 7.4.2", .syn = SACK,
		.want = { PROBED "pass 100; < . 1 ack 3001; none; info snd_cwnd = 10;" NEXT_ROUND "info snd_cwnd <= 6;"
			"info snd_ssthresh = 5; info ca_state = 0",
			.counters = "TCPLossProbes=1 TCPLossProbeRecovery=1 TCPTimeouts=0" } },
	/* The window has fallen in this round trip already, for a mark. */
	{ "tlp_repaired_a_loss_after_a_mark", "RFC 8985 7.4.2, RFC 3168 6.1.2", .syn = SACK, .pre = "sysctl ecn 1",
		.want = { MARKED "info snd_ssthresh = 5; info snd_cwnd = 5",
			.counters = "TCPLossProbes=1 TCPLossProbeRecovery=1 TCPTimeouts=0" },
		.kernel_differs = "reduces the window twice, for the mark and for the loss",
		.kernel.script = MARKED "info snd_ssthresh = 2" },
	{ "tlp_repaired_nothing", "RFC 8985 7.4.2", .syn = SACK,
		.want = { PROBED "< . 1 ack 3001; pass 100; < . 1 ack 3001 <sack 2001:3001>; none;" NEXT_ROUND
			"info snd_cwnd >= 10", .counters = "TCPLossProbes=1 TCPLossProbeRecovery=0 TCPDSACKRecv=1" } },
	{ "tlp_repaired_nothing_without_dsack", "RFC 8985 7.4.2", .syn = SACK,
		.want = { PROBED "< . 1 ack 3001; pass 100; < . 1 ack 3001; none;" NEXT_ROUND "info snd_cwnd >= 10",
			.counters = "TCPLossProbes=1 TCPLossProbeRecovery=0" } },
	/* One round trip has to be measured between two probes. */
	{ "tlp_waits_for_another_round_trip", "RFC 8985 7.3", .syn = SACK,
		.want = { ANSWERED "write 3000; > p. 3001(1000) ack 1 x2; > P. 5001(1000) ack 1; mark;"
			">@900 p. 3001(1000) ack 1; elapsed >= 150; info ca_state = 4; skim; < . 1 ack 6001; none",
			.counters = "TCPLossProbes=1 TCPTimeouts=1" }, .kernel_differs = "asks for no round trip",
		.kernel = { ANSWERED "write 3000; > p. 3001(1000) ack 1 x2; > P. 5001(1000) ack 1; mark;"
			">@290 P. 5001(1000) ack 1; elapsed >= 150; < . 1 ack 6001; none",
			.counters = "TCPLossProbes=2 TCPTimeouts=0" } },
	{ "tlp_after_another_round_trip", "RFC 8985 7.3", .syn = SACK,
		.want = { ANSWERED "write 1000; > P. 3001(1000) ack 1; pass 100; < . 1 ack 4001; write 3000;"
			"> p. 4001(1000) ack 1 x2; > P. 6001(1000) ack 1; mark; >@290 P. 6001(1000) ack 1;"
			"elapsed >= 150; info ca_state = 0; < . 1 ack 7001; none",
			.counters = "TCPLossProbes=2 TCPTimeouts=0" } },
	/* What became of the first probe does not show: its ACK came, and a D-SACK for the copy never does. */
	{ "tlp_again_if_no_dsack_comes", "RFC 8985 7.3, 7.4.2", .syn = "mss 1012,sackok,ts T R",
		.want = { PROBED "pass 50; < . 1 ack 3001; none; info snd_cwnd >= 10; write 3000;"
			"> p. 3001(1000) ack 1 x2; > P. 5001(1000) ack 1; mark; >@260 P. 5001(1000) ack 1;"
			"elapsed >= 80; info ca_state = 0; info snd_ssthresh = 5; < . 1 ack 6001; none",
			.counters = "TCPLossProbes=2 TCPTimeouts=0 TCPLossProbeRecovery=1" },
		.kernel_differs = "sends no probe, and waits for a timeout",
		.kernel = { PROBED "pass 50; < . 1 ack 3001; none; write 3000; > p. 3001(1000) ack 1 x2;"
			"> P. 5001(1000) ack 1; >@1500 p. 3001(1000) ack 1; info ca_state = 4; skim",
			.counters = "TCPLossProbes=1 TCPTimeouts=1" } },
	/* Where there is none. */
	{ "tlp_needs_sack", "RFC 8985 7.2",
		.want = { THREE ">@1500 p. 1(1000) ack 1; elapsed >= 150; info ca_state = 4; < . 1 ack 3001; none",
			.counters = "TCPLossProbes=0 TCPTimeouts=1" } },
	{ "tlp_not_in_recovery", "RFC 8985 7.2", .syn = SACK,
		.want = { OPEN_FAR "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; pass 100;"
			"< . 1 ack 1 <sack 1001:4001>; > p. 1(1000) ack 1; none; mark; >@1500 p. 1(1000) ack 1;"
			"elapsed >= 150; info ca_state = 4; < . 1 ack 5001; none",
			.counters = "TCPLossProbes=0 TCPTimeouts=1" } },
	{ "tlp_of_a_fin", "RFC 8985 7.3", .syn = SACK,
		.want = { OPEN_FAR "mark; write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; shut; > F. 2001 ack 1;"
			">@290 F. 2001 ack 1; elapsed >= 150; none; < . 1 ack 2002; none",
			.counters = "TCPLossProbes=1 TCPTimeouts=0", .state = FIN_WAIT_2 } },
	{ "tlp_turned_off", "RFC 8985 7.2", .syn = SACK,
		.want = { OPEN_FAR "sysctl early_retrans 0; mark; write 3000; > p. 1(1000) ack 1 x2;"
			"> P. 2001(1000) ack 1; >@1500 p. 1(1000) ack 1; elapsed >= 150; < . 1 ack 3001; none",
			.counters = "TCPLossProbes=0 TCPTimeouts=1" } },
};

WIRE_MAIN(rows)
