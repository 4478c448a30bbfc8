// SPDX-License-Identifier: GPL-2.0
/* Loss without a timer: duplicate ACKs, fast retransmit, NewReno's partial ACKs, and what is no duplicate. */
#include "lib/wire.h"

/* The first ACK brings the window; the SYN-ACK's does not count as the same one. */
#define TEN_IN_FLIGHT	"< . 1 ack 1; write 10000; > p. 1(1000) ack 1 x9;" \
			"> P. 9001(1000) ack 1;"

static const struct wire_row rows[] = {
	{ "dupack_%s_three_resend_at_once", "RFC 5681 3.2", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1; none; < . 1 ack 1; none; < . 1 ack 1; > p. 1(1000) ack 1; none;"
			"< . 1 ack 10001; none", .counters = "TCPFastRetrans=1 RetransSegs=1 TCPTimeouts=0" } },
	/* Nine of the ten have arrived before the ACK of all comes, and six of them count then already. */
	{ "dupack_%s_counts_as_delivered", "RFC 5681 3.2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "repeat 3 < . 1 ack 1; > . 1(1000) ack 1; repeat 3 < . 1 ack 1;"
			"info delivered = 7; < . 1 ack 10001; info delivered = 11",
			.counters = "TCPDelivered=10 RetransSegs=1 TCPTimeouts=0" } },
	{ "dupack_%s_resent_once", "RFC 5681 3.2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 1;"
			"< . 1 ack 1; < . 1 ack 1; none; < . 1 ack 10001; none",
			.counters = "TCPFastRetrans=1 RetransSegs=1 TCPTimeouts=0" } },
	{ "partial_ack_%s_resends_at_once", "RFC 6582 3.2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 1;"
			"< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; none; < . 1 ack 3001; > p. 3001(1000) ack 1; none;"
			"< . 1 ack 7001; > p. 7001(1000) ack 1; none; < . 1 ack 10001; none",
			.counters = "TCPTimeouts=0 RetransSegs=3" } },
	/* A message so small that it stands behind the room for its header. */
	{ "partial_ack_%s_in_a_small_message", "RFC 9293 3.8.1", .in = ESTABLISHED,
		.want = { "write 300; > P. 1(300) ack 1; < . 1 ack 101; >@1500 P. 101(200) ack 1; < . 1 ack 251;"
			"write 100; >@1500 P. 251(50) ack 1; < . 1 ack 301; > P. 301(100) ack 1; < . 1 ack 401; none",
			.counters = "RetransSegs=2" } },
	{ "partial_ack_%s_in_a_small_message_of_many_segments", "RFC 9293 3.8.1", .in = ESTABLISHED, .syn = "mss 100",
		.want = { "write 350; > p. 1(100) ack 1 x3; > P. 301(50) ack 1; < . 1 ack 151; >@1500 p. 151(50) ack 1;"
			"< . 1 ack 351; none" } },
	{ "window_%s_cuts_a_small_message", "RFC 9293 3.8.6", .in = ESTABLISHED, .synwin = "200",
		.want = { "write 350; > p. 1(200) ack 1; < . 1 ack 201; > P. 201(150) ack 1; < . 1 ack 351; none" } },
	/* As much is in flight as may be; but no other ACK may come. */
	{ "partial_ack_%s_when_the_window_is_full", "RFC 6582 3.2", .in = ESTABLISHED,
		.want = { "set SNDBUF 100000; < . 1 ack 1; write 30000; > p. 1(1000) ack 1 x10; < . 1 ack 1; skim;"
			"< . 1 ack 1; skim; < . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 1; skim; < . 1 ack 1; skim;"
			"< . 1 ack 1; skim; < . 1 ack 2001; > p. 2001(1000) ack 1; skim; < . 1 ack S; skim",
			.counters = "TCPTimeouts=0" },
		.kernel_differs = "waits for what is in flight to become less, or for the timeout",
		.kernel = { "set SNDBUF 100000; < . 1 ack 1; write 30000; > p. 1(1000) ack 1 x10; < . 1 ack 1; skim;"
			"< . 1 ack 1; skim; < . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 1; skim; < . 1 ack 1; skim;"
			"< . 1 ack 1; skim; < . 1 ack 2001; none; < . 1 ack S; skim" } },
	/* It acknowledges less than the duplicates have told of, and is the only news of the next hole. */
	{ "partial_ack_%s_after_many_duplicates", "RFC 6582 3.2", .in = ESTABLISHED,
		.want = { "< . 1 ack 1; write 12000; > p. 1(1000) ack 1 x10; < . 1 ack 1; skim; < . 1 ack 1; skim;"
			"< . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; none; < . 1 ack 2001;"
			"> p. 2001(1000) ack 1; none; < . 1 ack 12001; none",
			.counters = "TCPTimeouts=0 RetransSegs=2" } },
	{ "dupack_%s_halves_ssthresh", "RFC 5681 3.2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1;"
			"info snd_ssthresh = 5; < . 1 ack 10001; none; info snd_cwnd <= 6" } },
	{ "dupack_%s_limited_transmit", "RFC 3042 2", .in = ESTABLISHED,
		.want = { "write 20000; > p. 1(1000) ack 1 x10; none; < . 1 ack 1; > p. 10001(1000) ack 1; none;"
			"< . 1 ack 1; > p. 11001(1000) ack 1; none; < . 1 ack 1; > p. 1(1000) ack 1; skim" } },
	/* All that was resent is acknowledged, and nothing beyond it: duplicates do not make it resend. */
	{ "dupack_%s_limited_transmit_after_a_timeout", "RFC 3042 2", .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; < . 1 ack 1001; write 10000;"
			"> p. 1001(1000) ack 1 x2; none; < . 1 ack 1001; > p. 3001(1000) ack 1; none; < . 1 ack 1001;"
			"> p. 4001(1000) ack 1; none; < . 1 ack 1001; < . 1 ack 1001; none",
			.counters = "TCPFastRetrans=0 RetransSegs=1" },
		.kernel_differs = "counts no duplicate until more than was in flight at the timeout is acknowledged",
		.kernel = { "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; < . 1 ack 1001; write 10000;"
			"> p. 1001(1000) ack 1 x2; none; < . 1 ack 1001; < . 1 ack 1001; < . 1 ack 1001; none" } },
	{ "dupack_%s_limited_transmit_after_fast_retransmit", "RFC 3042 2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 10001;"
			"write 20000; > p. 10001(1000) ack 1 x5; none; < . 1 ack 10001; > p. 15001(1000) ack 1; none;"
			"< . 1 ack 10001; > p. 16001(1000) ack 1; none; < . 1 ack 10001; < . 1 ack 10001; none",
			.counters = "TCPFastRetrans=1 RetransSegs=1 TCPTimeouts=0" },
		.kernel_differs = "counts no duplicate ACK until more than was in flight at the loss is acknowledged",
		.kernel = { TEN_IN_FLIGHT "< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; < . 1 ack 10001;"
			"write 20000; > p. 10001(1000) ack 1 x5; none; < . 1 ack 10001; < . 1 ack 10001;"
			"< . 1 ack 10001; none" } },
	{ "window_update_%s_is_no_duplicate", "RFC 5681 2", .in = ESTABLISHED, .synwin = "20000",
		.want = { TEN_IN_FLIGHT "< . 1 ack 1 win 21000; < . 1 ack 1 win 22000; < . 1 ack 1 win 23000;"
			"< . 1 ack 1 win 24000; none", .counters = "TCPFastRetrans=0 RetransSegs=0" } },
	{ "data_%s_is_no_duplicate", "RFC 5681 2", .in = ESTABLISHED,
		.want = { TEN_IN_FLIGHT "< P. 1(10) ack 1; >@1000 . 10001 ack 11; < P. 11(10) ack 1;"
			">@1000 . 10001 ack 21; < P. 21(10) ack 1; >@1000 . 10001 ack 31; < P. 31(10) ack 1;"
			">@1000 . 10001 ack 41; none; read 40", .counters = "TCPFastRetrans=0 RetransSegs=0" } },
	{ "dupack_%s_nothing_in_flight", "RFC 5681 2", .in = ESTABLISHED,
		.want = { "< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; none",
			.counters = "TCPFastRetrans=0 RetransSegs=0" } },
	{ "dupack_%s_of_fin", "RFC 5681 3.2", .in = ESTABLISHED,
		.want = { "write 4000; > p. 1(1000) ack 1 x3; > P. 4001-1000(1000) ack 1; shut; > F. 4001 ack 1;"
			"< . 1 ack 1; < . 1 ack 1; < . 1 ack 1; > p. 1(1000) ack 1; none; < . 1 ack 4002; none",
			.state = FIN_WAIT_2 } },
	{ "dupack_%s_with_timestamps", "RFC 5681 3.2", .in = ESTABLISHED, .syn = "mss 1012,nop,nop,ts T R",
		.want = { TEN_IN_FLIGHT "tick 1; < . 1 ack 1; tick 1; < . 1 ack 1; tick 1; < . 1 ack 1;"
			"> p. 1(1000) ack 1; none; < . 1 ack 10001; none",
			.counters = "TCPFastRetrans=1 RetransSegs=1 TCPTimeouts=0" } },
	{ "ack_%s_opens_the_congestion_window", "RFC 5681 3.1", .in = ESTABLISHED,
		.want = { "write 20000; > p. 1(1000) ack 1 x10; none; info snd_cwnd = 10; < . 1 ack 2001;"
			"> p. 10001(1000) ack 1 x4; none; info snd_cwnd = 12; < . 1 ack 10001;"
			"> p. 14001(1000) ack 1 x6; none; write 10500; > p. 20001(1000) ack 1 x10; none;"
			"info snd_cwnd = 20" } },
};

WIRE_MAIN(rows)
