// SPDX-License-Identifier: GPL-2.0
/*
 * Old duplicates of a connection never reach the next one of the same ports and addresses (RFC 9293 sections 3.4.3
 * and 3.5; RFC 7323 section 5; RFC 5961): whichever end opens, and however the one before ended. The new
 * connection comes up and reads nothing but what was sent to it: its octets are others than those of before.
 */
#include "lib/wire.h"

#define TIMESTAMPS	"mss 1000,nop,nop,ts T R"

/* A connection that the peer opens, 1,000 octets to us and 500 to it; and its end. */
#define PASSIVE_BEFORE	"listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; < P. 1(1000) ack 1;" \
			">@1000 . 1 ack 1001; read 1000; write 500; > P. 1(500) ack 1001;" \
			"< . 1001 ack 501;"
#define PASSIVE_TIME_WAIT PASSIVE_BEFORE "shut; > F. 501 ack 1001; < F. 1001 ack 502;" \
			"> . 502 ack 1002; close; state time_wait"
#define PASSIVE_WE_RESET PASSIVE_BEFORE "abort; > R. 501 ack 1001; state listen"
#define PASSIVE_PEER_RESETS PASSIVE_BEFORE "< R 1001; none; close; state listen"

/* A connection that we open from a bound port, 1,000 octets to us and 10 to the peer. */
#define ACTIVE_DATA	"connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1; < P. 1(1000) ack 1;" \
			">@1000 . 1 ack 1001; read 1000; write 10; > P. 1(10) ack 1001;" \
			"< . 1001 ack 11;"
#define BOUND		"socket; set REUSEADDR 1; bind;"
#define WE_CLOSE	"shut; > F. 11 ack 1001; < F. 1001 ack 12; > . 12 ack 1002; close;"
#define ACTIVE_TIME_WAIT BOUND ACTIVE_DATA WE_CLOSE "state time_wait"
#define ACTIVE_CLOSED	BOUND ACTIVE_DATA "< F. 1001 ack 11; >@1000 . 11 ack 1002; shut;" \
			"> F. 11 ack 1002; < . 1002 ack 12; none; close; state closed"
#define ACTIVE_PEER_RESETS BOUND ACTIVE_DATA "< R 1001; none; close; state closed"
#define ACTIVE_SHARED_TIME_WAIT	"sysctl ipv4/ip_local_port_range 30000 30000;" \
			"sysctl tw_reuse 1;" ACTIVE_DATA WE_CLOSE "state time_wait"

#define NO_KNOB		"has no such knob before 6.13"

/* The new connection reads only what is new, and its octets arrive. */
#define GOES_ON		"read EAGAIN; < P. N(100) ack S; >@1000 . S ack N+100; read 100;" \
			"read EAGAIN; write 10; > P. S(10) ack N; < . N ack S; none"
#define COMES_UP(steps, counts) { .script = steps GOES_ON, .state = ESTABLISHED, .counters = counts }

/* The peer's SYN is so far above what we had received. */
#define SYN(above)	"reopen " above "; tick 2000; < S 0 $; > S. 0 ack 1;"
#define IN_ESTABLISHED(above, steps, counts)	\
	COMES_UP(SYN(above) "< . 1 ack 1; accept;" steps ";", counts)
#define IN_SYN_RECEIVED(above, steps, counts)	\
	COMES_UP(SYN(above) steps "; state syn_received; < . 1 ack 1; accept;", counts)
#define IN_LISTEN(steps, counts)		\
	COMES_UP("reopen 100000;" steps "; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;", counts)

/* Our SYN is above all that we had sent; the peer's answer is so far above what we had received. */
#define CONNECT(above)	"reopen " above "; tick 2000;" BOUND "connect; > S 0;" \
			"check I <= 0x0fffffff;"
#define REUSE(above)	"until Q <= 5890; reopen " above "; tick 2000; connect; > S 0;" \
			"check I = 65537;"
#define ANSWERED	"< S. 0 ack 1 $; > . 1 ack 1;"
#define IN_SYN_SENT(above, steps, counts)	\
	COMES_UP(CONNECT(above) steps "; state syn_sent;" ANSWERED, counts)
#define IN_ACTIVE(above, steps, counts)		COMES_UP(CONNECT(above) ANSWERED steps ";", counts)
#define REUSES_SYN_SENT(above, steps, counts)	\
	COMES_UP(REUSE(above) steps "; state syn_sent;" ANSWERED, counts)
#define REUSES(above, steps, counts)		COMES_UP(REUSE(above) ANSWERED steps ";", counts)

#define COUNTED(paws, challenges, syns, resets) \
	"PAWSEstab=" #paws " TCPChallengeACK=" #challenges " TCPSYNChallenge=" #syns \
	" OutRsts=" #resets " EstabResets=0 TCPOFOQueue=0"
#define OPENED_BY_PEER(paws, challenges, syns, resets) \
	COUNTED(paws, challenges, syns, resets) " PassiveOpens=1 ActiveOpens=0 AttemptFails=0"
#define LISTENING(resets) \
	COUNTED(0, 0, 0, resets) " PassiveOpens=1 AttemptFails=1 EmbryonicRsts=1"
#define OPENED_BY_US(reused, paws, challenges, syns, resets, again) \
	COUNTED(paws, challenges, syns, resets) \
	" PassiveOpens=0 ActiveOpens=1 AttemptFails=0 TWRecycled=" #reused " TCPSynRetrans=" #again

static const struct wire_row rows[] = {
	/* Our end kept TIME-WAIT; the SYN has the lowest sequence number that reopens it. */
	{ "data_established_below_the_window", "RFC 9293 3.10.7.4", .id = "MAY-2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old P. 1(1000) ack 1; > . 1 ack 1", OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "fin_established_below_the_window", "RFC 9293 3.10.7.4", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old F. 1001 ack 501; > . 1 ack 1; state established",
			OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "rst_established_below_the_window", "RFC 5961 3.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old R 1001; <old R 1002; <old R. 1002 ack 502; none",
			OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "ack_established_below_the_window", "RFC 9293 3.10.7.4", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old . 1002 ack 502; > . 1 ack 1", OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "syn_established_below_the_window", "RFC 5961 4.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(0, 1, 1, 0)) },
	{ "synack_established_below_the_window", "RFC 5961 4.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old S. 0 ack 1 $; > . 1 ack 1", OPENED_BY_PEER(0, 1, 1, 0)) },
	{ "conversation_established_below_the_window", "RFC 9293 3.4.3", .pre = PASSIVE_TIME_WAIT,
		.want = IN_ESTABLISHED("1", "<old S 0 $; > . 1 ack 1; <old . 1 ack 1; none; <old P. 1(1000) ack 1;"
			"none; <old . 1001 ack 501; none; <old F. 1001 ack 502; none; <old R 1002; none",
			OPENED_BY_PEER(0, 1, 1, 0) " TCPACKSkippedSeq=4"),
		.kernel_differs = "answers text and a FIN without a limit, whatever they acknowledge",
		.kernel = IN_ESTABLISHED("1", "<old S 0 $; > . 1 ack 1; <old . 1 ack 1; none; <old P. 1(1000) ack 1;"
			"> . 1 ack 1; <old . 1001 ack 501; none; <old F. 1001 ack 502; > . 1 ack 1; <old R 1002; none",
			OPENED_BY_PEER(0, 1, 1, 0) " TCPACKSkippedSeq=2") },
	{ "data_syn_received_below_the_window", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old P. 1(1000) ack 1; >old R 1", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "fin_syn_received_below_the_window", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old F. 1001 ack 502; >old R 502", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "rst_syn_received_below_the_window", "RFC 5961 3.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old R 1001; <old R 1002; <old R. 1002 ack 502; none",
			OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "ack_syn_received_below_the_window", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old . 1002 ack 502; >old R 502", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "syn_syn_received_below_the_window", "RFC 9293 3.10.7.4", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "synack_syn_received_below_the_window", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old S. 0 ack 1 $; >old R 1", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "conversation_syn_received_below_the_window", "RFC 9293 3.4.3", .pre = PASSIVE_TIME_WAIT,
		.want = IN_SYN_RECEIVED("1", "<old S 0 $; > . 1 ack 1; <old . 1 ack 1; >old R 1; <old P. 1(1000) ack 1;"
			">old R 1; <old . 1001 ack 501; >old R 501; <old F. 1001 ack 502; >old R 502; <old R 1002;"
			"none", OPENED_BY_PEER(0, 0, 0, 4)) },
	/* As before, but the SYN has an old sequence number and reopens by its timestamp (RFC 6191). */
	{ "data_established_old_timestamp", "RFC 7323 5.3", .id = "SHLD-4", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1002", "<old P. 1(1000) ack 1; > . 1 ack 1 <ecr T>",
			OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "data_established_out_of_order_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1002", "<old P. 501(500) ack 1; > . 1 ack 1 <ecr T>",
			OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "fin_established_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1", "<old F. 1001 ack 501; > . 1 ack 1; state established",
			OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "fin_established_out_of_order_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1002", "<old F. 1001 ack 501; > . 1 ack 1; state established",
			OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "rst_established_inside_old_timestamp", "RFC 5961 3.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1002", "<old R 1002 <ts T R>; > . 1 ack 1; none",
			OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "ack_established_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1002", "<old . 1002 ack 502; > . 1 ack 1", OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "syn_established_same_number_old_timestamp", "RFC 5961 4.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1002", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(0, 1, 1, 0)),
		.kernel_differs = "looks at the timestamp before it looks for a SYN; the ACK is the same",
		.kernel = { .counters = OPENED_BY_PEER(1, 0, 0, 0) } },
	{ "syn_established_inside_old_timestamp", "RFC 5961 4.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1502", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(0, 1, 1, 0)),
		.kernel_differs = "looks at the timestamp before it looks for a SYN; the ACK is the same",
		.kernel = { .counters = OPENED_BY_PEER(1, 0, 0, 0) } },
	{ "synack_established_inside_old_timestamp", "RFC 5961 4.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ESTABLISHED("-1502", "<old S. 0 ack 1 $; > . 1 ack 1", OPENED_BY_PEER(0, 1, 1, 0)),
		.kernel_differs = "looks at the timestamp before it looks for a SYN; the ACK is the same",
		.kernel = { .counters = OPENED_BY_PEER(1, 0, 0, 0) } },
	{ "data_syn_received_old_timestamp", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1002", "<old P. 1(1000) ack 1; >old R 1", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "fin_syn_received_old_timestamp", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1", "<old F. 1001 ack 502; >old R 502", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "rst_syn_received_left_edge_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1", "<old R 1002 <ts T R>; none", OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "rst_syn_received_inside_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1002", "<old R 1002 <ts T R>; none", OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "rst_syn_received_inside_without_timestamp", "RFC 5961 3.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1002", "<old R 1002; > . 1 ack 1; none", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "ack_syn_received_old_timestamp", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1002", "<old . 1002 ack 502; >old R 502", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "syn_syn_received_same_number_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1002", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(1, 0, 0, 0)
			" TCPSynRetrans=0") },
	{ "syn_syn_received_inside_old_timestamp", "RFC 7323 5.3", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1502", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(1, 0, 0, 0)) },
	{ "synack_syn_received_inside_old_timestamp", "RFC 9293 3.5.2", .pre = PASSIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_RECEIVED("-1502", "<old S. 0 ack 1 $; >old R 1", OPENED_BY_PEER(0, 0, 0, 1)) },
	/* Nothing was kept, since the end before was a RST, and the new SYN is amid old octets. */
	{ "data_established_old_ack_after_our_rst", "RFC 5961 5.2", .id = "MAY-12", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "<old P. 501(500) ack 1; > . 1 ack 1", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "data_established_below_the_window_after_our_rst", "RFC 9293 3.10.7.4", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "<old P. 1(400) ack 1; > . 1 ack 1", OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "fin_established_old_ack_after_our_rst", "RFC 5961 5.2", .id = "MAY-12", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "<old F. 1001 ack 1; > . 1 ack 1; state established",
			OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "rst_established_inside_after_our_rst", "RFC 5961 3.2", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "<old R 1001; > . 1 ack 1; none", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "ack_established_old_ack_after_our_rst", "RFC 5961 5.2", .id = "MAY-12", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "<old . 1001 ack 1; > . 1 ack 1", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "ack_established_old_ack_after_new_data", "RFC 5961 5.2", .id = "MAY-12", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "write 1000; > P. 1(1000) ack 1; < . 1 ack 1001; <old . 1001 ack 1;"
			"> . 1001 ack 1", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "syn_established_after_our_rst", "RFC 5961 4.2", .pre = PASSIVE_WE_RESET,
		.want = IN_ESTABLISHED("-501", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(0, 1, 1, 0)) },
	{ "data_syn_received_after_our_rst", "RFC 9293 3.5.2", .pre = PASSIVE_WE_RESET,
		.want = IN_SYN_RECEIVED("-501", "<old P. 501(500) ack 1; >old R 1", OPENED_BY_PEER(0, 0, 0, 1)) },
	{ "rst_syn_received_inside_after_our_rst", "RFC 5961 3.2", .pre = PASSIVE_WE_RESET,
		.want = IN_SYN_RECEIVED("-501", "<old R 1001; > . 1 ack 1; none", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "syn_syn_received_after_our_rst", "RFC 9293 3.10.7.4", .pre = PASSIVE_WE_RESET,
		.want = IN_SYN_RECEIVED("-501", "<old S 0 $; > . 1 ack 1", OPENED_BY_PEER(0, 0, 0, 0)) },
	{ "data_established_old_ack_after_rst", "RFC 5961 5.2", .id = "MAY-12", .pre = PASSIVE_PEER_RESETS,
		.want = IN_ESTABLISHED("-501", "<old P. 501(500) ack 1; > . 1 ack 1", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "rst_established_inside_after_rst", "RFC 5961 3.2", .pre = PASSIVE_PEER_RESETS,
		.want = IN_ESTABLISHED("-501", "<old R 1001; > . 1 ack 1; none", OPENED_BY_PEER(0, 1, 0, 0)) },
	{ "rst_syn_received_inside_after_rst", "RFC 5961 3.2", .pre = PASSIVE_PEER_RESETS,
		.want = IN_SYN_RECEIVED("-501", "<old R 1001; > . 1 ack 1; none", OPENED_BY_PEER(0, 1, 0, 0)) },
	/* The old SYN comes first, and the peer resets what it opened (figure 8). */
	{ "syn_listen_before_the_new_one", "RFC 9293 3.5", .pre = PASSIVE_WE_RESET,
		.want = IN_LISTEN("<old S 0 $; >old S. 0 ack 1; <old R 1; none; state listen", LISTENING(0)) },
	{ "syn_syn_received_new_one_meets_the_old_one", "RFC 9293 3.5", .pre = PASSIVE_WE_RESET,
		.want = IN_LISTEN("<old S 0 $; >old S. 0 ack 1; < S 0 $; >old . 1 ack 1; <old R 1; none; state listen",
			LISTENING(0)) },
	/* Our end opens, in the place of its own TIME-WAIT. */
	{ "synack_syn_sent_after_time_wait", "RFC 9293 3.5.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "check I = 65537; <old S. 0 ack 1 $; >old R 1; >@500 S 0",
			OPENED_BY_US(1, 0, 0, 0, 1, 1)) },
	{ "data_syn_sent_after_time_wait", "RFC 9293 3.5.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "<old P. 1(1000) ack 1; >old R 1; >@500 S 0",
			OPENED_BY_US(1, 0, 0, 0, 1, 1)) },
	{ "fin_syn_sent_after_time_wait", "RFC 9293 3.5.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "<old F. 1001 ack 12; >old R 12; >@500 S 0",
			OPENED_BY_US(1, 0, 0, 0, 1, 1)) },
	{ "ack_syn_sent_after_time_wait", "RFC 9293 3.5.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "<old . 1002 ack 12; >old R 12; >@500 S 0",
			OPENED_BY_US(1, 0, 0, 0, 1, 1)) },
	{ "rst_syn_sent_after_time_wait", "RFC 9293 3.10.7.3", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "<old R 1002; none", OPENED_BY_US(1, 0, 0, 0, 0, 0)) },
	{ "rst_ack_syn_sent_after_time_wait", "RFC 9293 3.10.7.3", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "<old R. 1002 ack 12; none", OPENED_BY_US(1, 0, 0, 0, 0, 0)),
		.kernel_differs = "sends its SYN again at once, for the RST that it will not send",
		.kernel = IN_SYN_SENT("-1002", "<old R. 1002 ack 12; >@500 S 0", OPENED_BY_US(1, 0, 0, 0, 0, 1)) },
	{ "synack_syn_sent_old_echo", "RFC 7323 3.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_SYN_SENT("-1002", "< S. 0 ack 1 <mss 1000,ts T R-5000>; > R 1; none",
			OPENED_BY_US(1, 0, 0, 0, 1, 0) " PAWSActive=1") },
	{ "data_established_after_time_wait", "RFC 7323 5.3", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ACTIVE("-1002", "<old P. 1(1000) ack 1; > . 1 ack 1 <ecr T>",
			OPENED_BY_US(1, 1, 0, 0, 0, 0)) },
	{ "fin_established_after_time_wait", "RFC 7323 5.3", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ACTIVE("-1002", "<old F. 1001 ack 12; > . 1 ack 1; state established",
			OPENED_BY_US(1, 1, 0, 0, 0, 0)) },
	{ "rst_established_inside_after_time_wait", "RFC 5961 3.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ACTIVE("-1002", "<old R 1002; > . 1 ack 1; none", OPENED_BY_US(1, 0, 1, 0, 0, 0)) },
	{ "synack_established_after_time_wait", "RFC 5961 4.2", .pre = ACTIVE_TIME_WAIT, .syn = TIMESTAMPS,
		.want = IN_ACTIVE("-1002", "<old S. 0 ack 1 $; > . 1 ack 1", OPENED_BY_US(1, 0, 1, 1, 0, 0)),
		.kernel_differs = "looks at the timestamp before it looks for a SYN; the ACK is the same",
		.kernel = { .counters = OPENED_BY_US(1, 1, 0, 0, 0, 0) } },
	/* The same on the bound port of a connection whose peer closed first; there is no record. */
	{ "synack_syn_sent_after_last_ack", "RFC 9293 3.5.2", .pre = ACTIVE_CLOSED,
		.want = IN_SYN_SENT("-502", "<old S. 0 ack 1 $; >old R 1; >@500 S 0", OPENED_BY_US(0, 0, 0, 0, 1, 1)) },
	{ "data_syn_sent_after_last_ack", "RFC 9293 3.5.2", .pre = ACTIVE_CLOSED,
		.want = IN_SYN_SENT("-502", "<old P. 1(1000) ack 1; >old R 1; >@500 S 0",
			OPENED_BY_US(0, 0, 0, 0, 1, 1)) },
	{ "data_established_old_ack_after_last_ack", "RFC 5961 5.2", .id = "MAY-12", .pre = ACTIVE_CLOSED,
		.want = IN_ACTIVE("-502", "<old P. 501(500) ack 1; > . 1 ack 1", OPENED_BY_US(0, 0, 1, 0, 0, 0)) },
	{ "synack_established_after_last_ack", "RFC 5961 4.2", .pre = ACTIVE_CLOSED,
		.want = IN_ACTIVE("-502", "<old S. 0 ack 1 $; > . 1 ack 1", OPENED_BY_US(0, 0, 1, 1, 0, 0)) },
	{ "fin_established_below_the_window_after_last_ack", "RFC 9293 3.10.7.4", .pre = ACTIVE_CLOSED,
		.want = IN_ACTIVE("1", "<old F. 1001 ack 11; > . 1 ack 1; state established",
			OPENED_BY_US(0, 0, 0, 0, 0, 0)) },
	{ "rst_established_below_the_window_after_last_ack", "RFC 5961 3.2", .pre = ACTIVE_CLOSED,
		.want = IN_ACTIVE("1", "<old R 1002; <old R. 1002 ack 12; none", OPENED_BY_US(0, 0, 0, 0, 0, 0)) },
	{ "synack_syn_sent_after_rst", "RFC 9293 3.5.2", .pre = ACTIVE_PEER_RESETS,
		.want = IN_SYN_SENT("-501", "<old S. 0 ack 1 $; >old R 1; >@500 S 0", OPENED_BY_US(0, 0, 0, 0, 1, 1)) },
	{ "rst_established_inside_after_rst_of_an_active_open", "RFC 5961 3.2", .pre = ACTIVE_PEER_RESETS,
		.want = IN_ACTIVE("-501", "<old R 1001; > . 1 ack 1; none", OPENED_BY_US(0, 0, 1, 0, 0, 0)) },
	/* The port is chosen by the stack, which has but one: tcp_tw_reuse, net.xtcp.tw_reuse. */
	{ "synack_syn_sent_tw_reuse", "RFC 6191 2", .pre = ACTIVE_SHARED_TIME_WAIT, .syn = TIMESTAMPS,
		.want = REUSES_SYN_SENT("-1002", "<old S. 0 ack 1 $; >old R 1; >@500 S 0",
			OPENED_BY_US(1, 0, 0, 0, 1, 1)) },
	{ "data_established_tw_reuse", "RFC 6191 2", .pre = ACTIVE_SHARED_TIME_WAIT, .syn = TIMESTAMPS,
		.want = REUSES("-1002", "<old P. 1(1000) ack 1; > . 1 ack 1 <ecr T>", OPENED_BY_US(1, 1, 0, 0, 0, 0)) },
	{ "connect_tw_reuse_delay", "RFC 6191 2", .pre = "sysctl xtcp/tw_reuse_delay 5000;" ACTIVE_SHARED_TIME_WAIT,
		.syn = TIMESTAMPS,
		.want = { "until Q <= 5750; connect EADDRNOTAVAIL; close; pass 3000; reopen -1002; tick 5000; connect;"
			"> S 0; check I = 65537;" ANSWERED GOES_ON, .counters = "TWRecycled=1" },
		.kernel_differs = NO_KNOB, .kernel.script = REUSE("-1002") ANSWERED GOES_ON },
	{ "connect_tw_reuse_delay_of_a_millisecond", "RFC 6191 2",
		.pre = "sysctl xtcp/tw_reuse_delay 1;" ACTIVE_SHARED_TIME_WAIT, .syn = TIMESTAMPS,
		.want = { "pass 20; check Q >= 5950; reopen -1002; tick 2000; connect; > S 0; check I = 65537;" ANSWERED
			GOES_ON, .counters = "TWRecycled=1" },
		.kernel_differs = NO_KNOB, .kernel.script = REUSE("-1002") ANSWERED GOES_ON },
};

WIRE_MAIN(rows)
