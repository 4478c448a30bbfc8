// SPDX-License-Identifier: GPL-2.0
/*
 * How many segments each ACK of a recovery lets out (PRR, RFC 9937), and the windows around it: slow start, what the
 * application leaves unused, what remains after the reduction, algorithms. Kernel TCP has PRR as in RFC 6937, with the
 * limit of 9937; they differ in what the reduction is measured by (RecoverFS, the window), so the rows fill the window.
 */
#include "lib/wire.h"

#define SACK		"mss 1000,sackok"
/* A window of 20 by slow start, and 20 segments in flight: 10001 to 30000. */
#define TWENTY		"set SNDBUF 200000; < . 1 ack 1; write 60000; > p. 1(1000) ack 1 x10; < . 1 ack 10001;"	\
			"> p. 10001(1000) ack 1 x20; none; info snd_cwnd = 20;"
#define ONE_LOST	TWENTY "< . 1 ack 10001 <sack 11001:14001>; > p. 10001(1000) ack 1;"
#define THREE_ACKS	TWENTY "< . 1 ack 10001 <sack 11001:12001>; > p. 30001(1000) ack 1; none;"		\
			"< . 1 ack 10001 <sack 11001:13001>; > p. 31001(1000) ack 1; none;"		\
			"< . 1 ack 10001 <sack 11001:14001>; > p. 10001(1000) ack 1; none;"		\
			"< . 1 ack 10001 <sack 11001:15001>;"
/* The same, and nothing more to send. */
#define TWENTY_ALONE	"set SNDBUF 200000; < . 1 ack 1; write 30000; > p. 1(1000) ack 1 x10; < . 1 ack 10001;"	\
			"> p. 10001(1000) ack 1 x19; > P. 29001(1000) ack 1; none; info snd_cwnd = 20;"
/* Two more have arrived, and half as many may leave. */
#define TWO(first, second, out)								\
			"< . 1 ack 10001 <sack 11001:" #first ">; none;"			\
			"< . 1 ack 10001 <sack 11001:" #second ">; > p. " #out "(1000) ack 1; none;"
/* One more has arrived, one may leave. */
#define ONE(edge, out)	"< . 1 ack 10001 <sack 20001:" #edge ">; > p. " #out "(1000) ack 1; none;"
/* Ten ACKs, 20 ms apart, of the segments from that one on. */
#define TRICKLE(tens)	"pass 20; < . 1 ack " #tens "*1000+1001; skim; pass 20; < . 1 ack " #tens "*1000+2001; skim;" \
			"pass 20; < . 1 ack " #tens "*1000+3001; skim; pass 20; < . 1 ack " #tens "*1000+4001; skim;" \
			"pass 20; < . 1 ack " #tens "*1000+5001; skim; pass 20; < . 1 ack " #tens "*1000+6001; skim;" \
			"pass 20; < . 1 ack " #tens "*1000+7001; skim; pass 20; < . 1 ack " #tens "*1000+8001; skim;" \
			"pass 20; < . 1 ack " #tens "*1000+9001; skim; pass 20; < . 1 ack " #tens "*1000+10001; skim;"

static const struct wire_row rows[] = {
	{ "prr_%s_one_loss_of_twenty", "RFC 9937 6", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_LOST "none; info snd_ssthresh = 10; < . 1 ack 10001 <sack 11001:15001>;"
			"> p. 30001(1000) ack 1; none;" TWO(16001, 17001, 31001) TWO(18001, 19001, 32001)
			TWO(20001, 21001, 33001) TWO(22001, 23001, 34001) TWO(24001, 25001, 35001)
			"< . 1 ack 10001 <sack 11001:26001>; none; < . 1 ack 10001 <sack 11001:27001>; none;"
			"< . 1 ack 10001 <sack 11001:28001>; > p. 36001(1000) ack 1; none;"
			"< . 1 ack 10001 <sack 11001:29001>; > p. 37001(1000) ack 1; none;"
			"< . 1 ack 10001 <sack 11001:30001>; > p. 38001(1000) ack 1; none; < . 1 ack 30001;"
			"> p. 39001(1000) ack 1; skim; info ca_state = 0; info snd_cwnd >= 10; info snd_cwnd <= 11",
			.counters = "RetransSegs=1 TCPTimeouts=0" },
		.kernel_differs = "counts in segments, and rounds up",
		.kernel = { ONE_LOST "> p. 30001(1000) ack 1; none; info snd_ssthresh = 10;" TWO(15001, 16001, 31001)
			TWO(17001, 18001, 32001) TWO(19001, 20001, 33001) TWO(21001, 22001, 34001)
			TWO(23001, 24001, 35001) TWO(25001, 26001, 36001) "< . 1 ack 10001 <sack 11001:27001>; none;"
			"< . 1 ack 10001 <sack 11001:28001>; none; < . 1 ack 10001 <sack 11001:29001>;"
			"> p. 37001(1000) ack 1; none; < . 1 ack 10001 <sack 11001:30001>; > p. 38001(1000) ack 1;"
			"none; < . 1 ack 30001; > p. 39001(1000) ack 1; skim; info ca_state = 0; info snd_cwnd >= 10;"
			"info snd_cwnd <= 11" } },
	/* What SACK blocks named before the recovery began was not in flight any more. */
	{ "prr_%s_one_loss_that_three_acks_tell", "RFC 9937 6.1", .in = ESTABLISHED, .syn = SACK,
		.want = { THREE_ACKS "none; < . 1 ack 10001 <sack 11001:16001>; none;"
			"< . 1 ack 10001 <sack 11001:17001>; > p. 32001(1000) ack 1; none;" TWO(18001, 19001, 33001)
			TWO(20001, 21001, 34001), .counters = "RetransSegs=1 TCPTimeouts=0" },
		.kernel_differs = "counts in segments, and rounds up",
		.kernel.script = THREE_ACKS "< . 1 ack 10001 <sack 11001:16001>; > p. 32001(1000) ack 1; none;"
			TWO(17001, 18001, 33001) TWO(19001, 20001, 34001) },
	{ "prr_%s_ten_losses_of_twenty", "RFC 9937 6", .in = ESTABLISHED, .syn = SACK,
		.want = { TWENTY "< . 1 ack 10001 <sack 20001:23001>; > p. 10001(1000) ack 1 x3; none; info lost = 10;"
			"info snd_ssthresh = 10;" ONE(24001, 13001) ONE(25001, 14001) ONE(26001, 15001)
			ONE(27001, 16001) ONE(28001, 17001) ONE(29001, 18001) ONE(30001, 19001)
			"< . 1 ack 11001 <sack 20001:30001>; > p. 30001(1000) ack 1; none;"
			"< . 1 ack 13001 <sack 20001:30001>; > p. 31001(1000) ack 1 x2; none; < . 1 ack 30001; skim;"
			"info ca_state = 0; info snd_cwnd >= 10; info snd_cwnd <= 11",
			.counters = "RetransSegs=10 TCPTimeouts=0 TCPSackRecovery=1" } },
	/* Fewer in flight than there may be: one more than arrived for each ACK that is good news. */
	{ "prr_%s_fifteen_losses_of_twenty", "RFC 9937 6", .in = ESTABLISHED, .syn = SACK,
		.want = { TWENTY "< . 1 ack 10001 <sack 25001:30001>; > p. 10001(1000) ack 1 x5; none; info lost = 15;"
			"< . 1 ack 11001 <sack 25001:30001>; > p. 15001(1000) ack 1 x2; none;"
			"< . 1 ack 12001 <sack 25001:30001>; > p. 17001(1000) ack 1 x2; none;"
			"< . 1 ack 13001 <sack 25001:30001>; > p. 19001(1000) ack 1 x2; none;"
			"< . 1 ack 16001 <sack 25001:30001>; > p. 21001(1000) ack 1 x4; none; < . 1 ack 30001; skim;"
			"info ca_state = 0", .counters = "RetransSegs=15 TCPTimeouts=0 TCPSackRecovery=1" } },
	{ "prr_%s_without_sack", "RFC 9937 6", .in = ESTABLISHED,
		.want = { TWENTY "< . 1 ack 10001; > p. 30001(1000) ack 1; none; < . 1 ack 10001;"
			"> p. 31001(1000) ack 1; none; < . 1 ack 10001; > p. 10001(1000) ack 1; none;"
			"info snd_ssthresh = 10; < . 1 ack 10001; none; < . 1 ack 10001; none; < . 1 ack 10001;"
			"> p. 32001(1000) ack 1; none; < . 1 ack 10001; none; < . 1 ack 10001; > p. 33001(1000) ack 1;"
			"none; < . 1 ack 34001; skim; info snd_cwnd <= 12",
			.counters = "RetransSegs=1 TCPTimeouts=0 TCPRenoRecovery=1" },
		.kernel_differs = "counts in segments, and rounds up",
		.kernel = { TWENTY "< . 1 ack 10001; > p. 30001(1000) ack 1; none; < . 1 ack 10001;"
			"> p. 31001(1000) ack 1; none; < . 1 ack 10001; > p. 10001(1000) ack 1; none;"
			"info snd_ssthresh = 10; < . 1 ack 10001; none; < . 1 ack 10001; > p. 32001(1000) ack 1; none;"
			"< . 1 ack 10001; none; < . 1 ack 10001; > p. 33001(1000) ack 1; none; < . 1 ack 34001; skim;"
			"info snd_cwnd <= 12" } },
	{ "prr_%s_nothing_new_to_send", "RFC 9937 6", .in = ESTABLISHED, .syn = SACK,
		.want = { TWENTY_ALONE "< . 1 ack 10001 <sack 20001:30001>; > p. 10001(1000) ack 1 x10; none;"
			"info lost = 10; info retrans = 10; < . 1 ack 30001; none; info ca_state = 0;"
			"info snd_cwnd >= 10; info snd_cwnd <= 11", .counters = "RetransSegs=10 TCPTimeouts=0" } },
	/* Windows. */
	{ "cwnd_%s_slow_start_by_octets", "RFC 5681 3.1", .in = ESTABLISHED, .syn = SACK,
		.want = { "set SNDBUF 200000; < . 1 ack 1; write 50000; > p. 1(1000) ack 1 x10; info snd_cwnd = 10;"
			"< . 1 ack 1001; > p. 10001(1000) ack 1 x2; none; info snd_cwnd = 11; < . 1 ack 5001;"
			"> p. 12001(1000) ack 1 x8; none; info snd_cwnd = 15" } },
	{ "cwnd_%s_not_used_does_not_grow", "RFC 7661 4.3", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; write 4000; > p. 1(1000) ack 1 x3; > P. 3001(1000) ack 1; < . 1 ack 4001; none;"
			"info snd_cwnd = 10; write 4000; > p. 4001(1000) ack 1 x3; > P. 7001(1000) ack 1;"
			"< . 1 ack 8001; none; info snd_cwnd = 10" } },
	{ "cwnd_%s_the_peers_window_does_not_grow_it", "RFC 7661 4.3", .in = ESTABLISHED, .syn = SACK, .synwin = "4000",
		.want = { "< . 1 ack 1; write 12000; > p. 1(1000) ack 1 x4; < . 1 ack 4001; > p. 4001(1000) ack 1 x4;"
			"< . 1 ack 8001; > p. 8001(1000) ack 1 x3; > P. 11001(1000) ack 1; < . 1 ack 12001; none;"
			"info snd_cwnd = 10" } },
	{ "cwnd_%s_grows_by_one_in_a_round_trip", "RFC 5681 3.1", .in = ESTABLISHED, .syn = SACK,
		.want = { TWENTY_ALONE "< . 1 ack 10001 <sack 11001:30001>; > p. 10001(1000) ack 1; < . 1 ack 30001;"
			"none; keep snd_cwnd; write K*1000; > p. 30001(1000) ack 1 xK; < . 1 ack S; none;"
			"info snd_cwnd >= K+1; info snd_cwnd <= K+2", .counters = "RetransSegs=1" } },
	/* Algorithms. */
	{ "cc_%s_reno_halves", "RFC 5681 3.2", .in = ESTABLISHED, .syn = SACK, .via = PASSIVE | ACTIVE,
		.want = { "set CONGESTION reno; get CONGESTION reno;" TWENTY "< . 1 ack 10001 <sack 11001:14001>;"
			"> p. 10001(1000) ack 1; skim; info snd_ssthresh = 10" } },
	{ "cc_%s_cubic_takes_three_tenths", "RFC 9438 4.6", .in = ESTABLISHED, .syn = SACK, .via = PASSIVE | ACTIVE,
		.want = { "set CONGESTION cubic; get CONGESTION cubic;" TWENTY "< . 1 ack 10001 <sack 11001:14001>;"
			"> p. 10001(1000) ack 1; skim; info snd_ssthresh >= 13; info snd_ssthresh <= 14" } },
	/*
	 * A bottleneck that lets 1000 octets through each 20 ms at most; the first ten were all that there was to send.
	 * No rate is above that of the path. A machine that is slow makes the path slower: the lower bounds tell units
	 * apart.
	 */
	{ "rate_%s_of_a_bottleneck", "draft-cheng-iccrg-delivery-rate-estimation 3.3", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; info delivery_rate = 0; write 10000; skim;" TRICKLE(0)
			"info delivery_rate <= 50100; info delivery_rate >= 10000; info rate_limited = 1;"
			"set SNDBUF 200000; write 60000; skim;" TRICKLE(10) TRICKLE(20) TRICKLE(30)
			"info delivery_rate <= 50100; info delivery_rate >= 10000; info rate_limited = 0; < . 1 ack S;"
			"skim" } },
	/*
	 * Every 20 ms another segment is sacked. The ACKs of the last ones come at once, and show no rate of the path.
	 * They sack segments without a copy: when the first segment is acknowledged, which was sent again, RACK takes
	 * the others for lost, and the ACK of a copy would measure that copy alone.
	 */
	{ "rate_%s_of_what_is_sacked", "draft-cheng-iccrg-delivery-rate-estimation 3.3", .in = ESTABLISHED, .syn = SACK,
		.want = { "< . 1 ack 1; write 10000; skim; pass 20; < . 1 ack 1 <sack 1001:2001>; skim; pass 20;"
			"< . 1 ack 1 <sack 1001:3001>; skim; pass 20; < . 1 ack 4001; < . 1 ack 4001 <sack 9001:10001>;"
			"< . 1 ack 4001 <sack 8001:10001>; skim; info delivery_rate <= 100500;"
			"info delivery_rate >= 20000; < . 1 ack S; skim" } },
	/*
	 * A path of 100 ms. A timeout that was too early resends the first segment. The late ACK of the original
	 * resends the second one, which is then acknowledged at once: the sample is shorter than any round trip.
	 */
	{ "rate_shorter_than_the_smallest_rtt", "draft-cheng-iccrg-delivery-rate-estimation 3.3",
		.want = { "listen; sysctl frto 0; < S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; write 1000;"
			"> P. 1(1000) ack 1; pass 100; < . 1 ack 1001; info delivery_rate <= 10000; write 1000;"
			"> P. 1001(1000) ack 1; write 1000; > P. 2001(1000) ack 1; >@1500 p. 1001(1000) ack 1;"
			"< . 1 ack 2001; > P. 2001(1000) ack 1; keep delivery_rate; < . 1 ack 3001; none;"
			"info delivery_rate = K; info delivery_rate >= 1000",
			.counters = "TCPTimeouts=1 RetransSegs=2" } },
	{ "cc_%s_unknown", "tcp(7)", .in = ESTABLISHED,
		.want = { "set CONGESTION nosuch ENOENT; get CONGESTION reno" } },
	{ "cc_inherited", "tcp(7)", .syn = SACK,
		.want = { "listen; set CONGESTION cubic; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
			"get CONGESTION cubic" } },
	/* The default changes after listen(): the listener keeps the old one, and its child gets the new one. */
	{ "cc_of_a_child_is_the_default_of_now", "tcp(7)", .syn = SACK,
		.want = { "listen; sysctl congestion_control cubic; get CONGESTION reno; < S 0 $; > S. 0 ack 1;"
			"< . 1 ack 1; accept; get CONGESTION cubic" } },
	/* But a choice of the program holds for the children, too. */
	{ "cc_of_a_child_is_the_chosen_one", "tcp(7)", .syn = SACK,
		.want = { "listen; set CONGESTION reno; sysctl congestion_control cubic; < S 0 $; > S. 0 ack 1;"
			"< . 1 ack 1; accept; get CONGESTION reno" } },
	{ "cc_%s_changed_in_recovery", "RFC 5681 3.2", .in = ESTABLISHED, .syn = SACK,
		.want = { ONE_LOST "skim; set CONGESTION cubic; info ca_state = 3; < . 1 ack 10001 <sack 11001:30001>;"
			"skim; set CONGESTION reno; < . 1 ack 30001; skim; info ca_state = 0; info snd_cwnd >= 10;"
			"info snd_cwnd <= 12", .counters = "RetransSegs=1 TCPTimeouts=0" } },
};

WIRE_MAIN(rows)
