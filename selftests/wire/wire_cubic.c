// SPDX-License-Identifier: GPL-2.0
/*
 * CUBIC on the wire (RFC 9438): what a loss leaves, by duplicate ACKs and by
 * timeout, what ends slow start before any loss (HyStart++, RFC 9406), and that a connection goes on as it is when its
 * algorithm changes. The curve itself is tested in unit/.
 */
#include "lib/wire.h"

#define CUBIC		"sysctl congestion_control cubic; listen"
#define CONNECTED	"< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
/* A window acknowledged at once is worth a window more in slow start. */
#define TWENTY_IN_FLIGHT	CONNECTED "write 10000; > p. 1(1000) ack 1 x9;" \
				"> P. 9001(1000) ack 1; < . 1 ack 10001;" \
				"write 20000; > p. 10001(1000) ack 1 x19; > P. 29001(1000) ack 1;"
/* 200 ms away, with twenty in flight; eighteen of their ACKs, 8 ms apart, take more than 5/8 of that. */
#define FAR_TRAIN	"< S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept; write 10000;" \
			"> p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; pass 200; < . 1 ack 10001;" \
			"write 20000; > p. 10001(1000) ack 1 x19; > P. 29001(1000) ack 1; pass 200;" \
			"< . 1 ack 11001; pass 8; < . 1 ack 12001; pass 8; < . 1 ack 13001; pass 8;" \
			"< . 1 ack 14001; pass 8; < . 1 ack 15001; pass 8; < . 1 ack 16001; pass 8;" \
			"< . 1 ack 17001; pass 8; < . 1 ack 18001; pass 8; < . 1 ack 19001; pass 8;" \
			"< . 1 ack 20001; pass 8; < . 1 ack 21001; pass 8; < . 1 ack 22001; pass 8;" \
			"< . 1 ack 23001; pass 8; < . 1 ack 24001; pass 8; < . 1 ack 25001; pass 8;" \
			"< . 1 ack 26001; pass 8; < . 1 ack 27001; pass 8; < . 1 ack 28001;"
/* The first of ten segments was resent for nothing, as a D-SACK says. Slow start goes on, up to the same train. */
#define THREE_ACKS	"< . 1 ack U+1000; pass 8; < . 1 ack U+1000; pass 8; < . 1 ack U+1000; pass 8;"
#define UNDONE_TRAIN	"< S 0 $; > S. 0 ack 1; pass 200; < . 1 ack 1; accept; write 10000;" \
			"> p. 1(1000) ack 1 x9; > P. 9001(1000) ack 1; pass 200; < . 1 ack 1 <sack 1001:4001>;" \
			"> p. 1(1000) ack 1; info snd_ssthresh = 7; none; < . 1 ack 10001;" \
			"< . 1 ack 10001 <sack 1:1001>; none; info snd_ssthresh >= 1000000; write 10000;" \
			"> p. 10001(1000) ack 1 x9; > P. 19001(1000) ack 1; pass 200; < . 1 ack 20001;" \
			"write 20000; > p. 20001(1000) ack 1 x19; > P. 39001(1000) ack 1; pass 200;" \
			THREE_ACKS THREE_ACKS THREE_ACKS THREE_ACKS THREE_ACKS THREE_ACKS
/*
 * 300 ms away, and then 450: a slow machine takes some 100 for the write(), which are part of the first round trips.
 * Segments are small, so that to write and to read them takes little time. Each flight's ACKs come at once, so they are
 * no train. Text waits all the time: who has none begins its rounds with a flight's first segment, and that one's round
 * trip is then the one before.
 */
#define ACKS_OF_TEN	"< . 1 ack 101; < . 1 ack 201; < . 1 ack 301; < . 1 ack 401; < . 1 ack 501;" \
			"< . 1 ack 601; < . 1 ack 701; < . 1 ack 801; < . 1 ack 901; < . 1 ack 1001; skim;"
#define SEVEN_ACKS	"< . 1 ack 1101; < . 1 ack 1201; < . 1 ack 1301; < . 1 ack 1401;" \
			"< . 1 ack 1501; < . 1 ack 1601; < . 1 ack 1701;"
#define TWELVE_ACKS	"< . 1 ack 1901; < . 1 ack 2001; < . 1 ack 2101; < . 1 ack 2201; < . 1 ack 2301;" \
			"< . 1 ack 2401; < . 1 ack 2501; < . 1 ack 2601; < . 1 ack 2701; < . 1 ack 2801;" \
			"< . 1 ack 2901; < . 1 ack 3001; skim;"
#define SLOWER		"< S 0 $; > S. 0 ack 1; pass 300; < . 1 ack 1; accept; set SNDBUFFORCE 1000000;" \
			"write 24000; skim; pass 300;" ACKS_OF_TEN "pass 450;" SEVEN_ACKS
#define ROUND		"pass 450; < . 1 ack S; skim;"
#define NINETEEN	CONNECTED "write 9000; > p. 1(1000) ack 1 x8; > P. 8001(1000) ack 1; < . 1 ack 9001;" \
			"info snd_cwnd = 19; write 10000; > p. 9001(1000) ack 1 x9; > P. 18001(1000) ack 1;" \
			"< . 1 ack 19001; none;"
#define IDLED		TWENTY_IN_FLIGHT "< . 1 ack 30001; none; info snd_cwnd = 40; pass 1800; write 6000;" \
			"> p. 30001(1000) ack 1 x5; > P. 35001(1000) ack 1; info snd_cwnd = 10;" \
			"< . 1 ack 36001; none;"
#define PART_OF_WINDOW(algorithm, pre_)	{						\
		.name = algorithm "_slow_start_one_ack_of_a_part_of_the_window",		\
		.rfc = "draft-ietf-ccwg-ratelimited-increase 3", .pre = pre_,			\
		.want = { .script = NINETEEN "info snd_cwnd = 20", .state = ESTABLISHED },	\
		.kernel_differs = BEYOND, .kernel.script = NINETEEN "info snd_cwnd = 29",	\
	}
#define AFTER_IDLE(algorithm, pre_)	{							\
		.name = algorithm "_slow_start_one_ack_after_an_idle_time",			\
		.rfc = "draft-ietf-ccwg-ratelimited-increase 3",				\
		.pre = "trace xtcp_congestion; " pre_,						\
		.want = {									\
			.script = IDLED "traced 1 reason=restart after idle; info snd_cwnd = 12",	\
			.state = ESTABLISHED,							\
		},										\
		.kernel_differs = BEYOND, .kernel.script = IDLED "info snd_cwnd = 16",		\
	}
/* A loss has ended slow start; then flights of five segments, which do not fill the window, and some that do. */
#define AVOIDING	TWENTY_IN_FLIGHT "< . 1 ack 10001; < . 1 ack 10001; < . 1 ack 10001;" \
			"> p. 10001(1000) ack 1; skim; < . 1 ack S; none;"
#define FIVE		"write 5000; skim; < . 1 ack S; none;"
#define FILLED		"set SNDBUFFORCE 1000000; write 60000; skim;" \
			"< . 1 ack S; skim; < . 1 ack S; skim; < . 1 ack S; skim; < . 1 ack S; skim;"
#define PART_IN_AVOIDANCE(algorithm, pre_, left, more)	{				\
		.name = algorithm "_congestion_avoidance_of_a_part_of_the_window",	\
		.rfc = "draft-ietf-ccwg-ratelimited-increase 3", .pre = pre_,		\
		.want = {								\
			.script = AVOIDING "info snd_cwnd = " #left "; info snd_ssthresh = " #left ";"	\
				  FIVE FIVE FIVE FIVE FIVE FIVE "info snd_cwnd = " #left ";"	\
				  FILLED "info snd_cwnd >= " #more,			\
			.state = ESTABLISHED,						\
		},									\
	}
#define BEYOND		"grows by all that one ACK covers"

static const struct wire_row rows[] = {
	{ "cubic_slow_start", "RFC 9438 4.10", .pre = CUBIC, .want = { TWENTY_IN_FLIGHT "none; info snd_cwnd = 20" } },
	/* a sender that uses no more than half of the window has not tried the window */
	{ "cubic_slow_start_half_a_window", "RFC 7661 4.2", .pre = CUBIC,
		.want = { CONNECTED "write 5000; > p. 1(1000) ack 1 x4; > P. 4001(1000) ack 1; < . 1 ack 2001;"
			"info snd_cwnd = 10; < . 1 ack 5001; none; info snd_cwnd = 10" } },
	{ "cubic_slow_start_up_to_twice_what_is_used", "RFC 7661 4.2", .pre = CUBIC,
		.want = { CONNECTED "write 6000; > p. 1(1000) ack 1 x5; > P. 5001(1000) ack 1; < . 1 ack 2001;"
			"info snd_cwnd = 12; < . 1 ack 6001; none; info snd_cwnd = 12" } },
	/*
	 * One ACK must not lead beyond twice what was in flight at most; the initial window counts as used until the
	 * window is first reduced.
	 */
	PART_OF_WINDOW("cubic", CUBIC),
	AFTER_IDLE("cubic", CUBIC),
	PART_OF_WINDOW("reno", "listen"),
	AFTER_IDLE("reno", "listen"),
	PART_IN_AVOIDANCE("cubic", CUBIC, 14, 15),
	PART_IN_AVOIDANCE("reno", "listen", 10, 13),
	/* 1.4 s without text are seven RTOs, though probes of the closed window have doubled the last three timeouts */
	{ "cubic_restarts_after_a_closed_window", "RFC 5681 4.1", .pre = CUBIC,
		.want = { CONNECTED "write 20000; skim; < . 1 ack 10001; skim; < . 1 ack 20001 win 0; write 20000;"
			">@1000 . 20000 ack 1; >@1000 . 20000 ack 1; >@2000 . 20000 ack 1; < . 1 ack 20001;"
			"info snd_cwnd = 10; skim; < . 1 ack S; skim" } },
	/* ACKs without a pause for five eighths of a round trip: the path is more than half full. */
	{ "cubic_a_train_ends_slow_start", "RFC 9438 4.10", .pre = CUBIC, .still_ms = 6,
		.want = { FAR_TRAIN "none; info snd_ssthresh <= 38; info snd_ssthresh >= 28",
			.counters = "TCPHystartTrainDetect=1 TCPHystartDelayDetect=0 TCPHystartDelayCwnd=0" },
		.kernel_differs = "two milliseconds are a pause on each path",
		.kernel = { FAR_TRAIN "none; info snd_ssthresh >= 1000000", .counters = "TCPHystartTrainDetect=0" } },
	{ "cubic_a_train_ends_slow_start_after_an_undone_loss", "RFC 9438 4.9", .pre = CUBIC, .syn = "mss 1000,sackok",
		.still_ms = 6,
		.want = { UNDONE_TRAIN "none; info snd_ssthresh <= 38; info snd_ssthresh >= 28",
			.counters = "TCPHystartTrainDetect=1 TCPHystartDelayDetect=0 TCPDSACKUndo=1" },
		.kernel_differs = "two milliseconds are a pause on each path",
		.kernel = { UNDONE_TRAIN "none; info snd_ssthresh >= 1000000",
			.counters = "TCPHystartTrainDetect=0 TCPDSACKUndo=1" } },
	/*
	 * The eighth segment of a round that is slower by more than an eighth ends slow start: a quarter of its speed
	 * is left, for five rounds, of which what is left of this one is the first. 2,800 octets then, and 25 for each
	 * of the other twelve; a quarter more in each round: 7,525 octets at the end.
	 */
	{ "cubic_a_slower_round_ends_slow_start", "RFC 9406 4.2", .pre = CUBIC, .synwin = "65535", .syn = "mss 100",
		.want = { SLOWER "info snd_cwnd = 27; < . 1 ack 1801; info snd_cwnd = 28;" TWELVE_ACKS
			"info snd_cwnd = 31;" ROUND "info snd_cwnd = 39;" ROUND "info snd_cwnd = 49;" ROUND
			"info snd_cwnd = 61; info snd_ssthresh >= 1000000;" ROUND "info snd_cwnd = 76;"
			"info snd_ssthresh = 75",
			.counters = "TCPHystartDelayDetect=1 TCPHystartDelayCwnd=76 TCPHystartTrainDetect=0 "
			"TCPHystartTrainCwnd=0" },
		.kernel_differs = "has HyStart as it was before RFC 9406, whose rounds and samples are others",
		.kernel = { SLOWER "info snd_cwnd = 27; skim", .counters = "RetransSegs=0" } },
	/*
	 * It was jitter: of eight segments of the next round, which the last two of that flight belong to, six are as
	 * fast as before, so slow start goes on.
	 */
	{ "cubic_a_faster_round_goes_on", "RFC 9406 4.2", .pre = CUBIC, .synwin = "65535", .syn = "mss 100",
		.want = { SLOWER "< . 1 ack 1801;" TWELVE_ACKS "info snd_cwnd = 31; pass 300; < . 1 ack 3101;"
			"< . 1 ack 3201; < . 1 ack 3301; < . 1 ack 3401; < . 1 ack 3501; < . 1 ack 3601;"
			"info snd_cwnd = 33; < . 1 ack 3701; info snd_cwnd = 34; < . 1 ack 3801; info snd_cwnd = 35;"
			"< . 1 ack 3901; info snd_cwnd = 36; info snd_ssthresh >= 1000000; skim",
			.counters = "TCPHystartDelayDetect=0 TCPHystartDelayCwnd=0" },
		.kernel_differs = "has HyStart as it was before RFC 9406, whose rounds and samples are others",
		.kernel = { SLOWER "skim", .counters = "RetransSegs=0" } },
	{ "cubic_dupacks_leave_seven_tenths", "RFC 9438 4.6", .pre = CUBIC,
		.want = { TWENTY_IN_FLIGHT "< . 1 ack 10001; < . 1 ack 10001; < . 1 ack 10001; > p. 10001(1000) ack 1;"
			"info snd_ssthresh = 14", .counters = "TCPFastRetrans=1 TCPTimeouts=0" } },
	{ "cubic_timeout_leaves_seven_tenths", "RFC 9438 4.8", .pre = CUBIC,
		.want = { TWENTY_IN_FLIGHT ">@1500 p. 10001(1000) ack 1; info snd_ssthresh = 14; info snd_cwnd = 1;"
			"< . 1 ack 11001; > p. 11001(1000) ack 1 x2; none", .counters = "TCPTimeouts=1" } },
	{ "cubic_loses_two_segments_at_least", "RFC 9438 4.6", .pre = CUBIC,
		.want = { CONNECTED "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; none; < . 1 ack 1001;"
			"write 1000; > P. 1001(1000) ack 1; >@1500 P. 1001(1000) ack 1; info snd_ssthresh >= 2",
			.counters = "TCPTimeouts=2" } },
};

WIRE_MAIN(rows)
