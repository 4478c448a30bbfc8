// SPDX-License-Identifier: GPL-2.0
/*
 * Data in the established state: order, duplicates, acknowledgments, Nagle, PUSH, timestamps and PAWS, urgent data, and
 * segments that are not well formed.
 */
#include <sys/uio.h>
#include "lib/test.h"
#include "lib/wire.h"
#include "lib/zerocopy.h"

/* The first answer of a program makes acknowledgments wait for the next one. */
#define INTERACTIVE	"< P. 1(100) ack 1; >@1000 . 1 ack 101; read 100; write 100;" \
			"> P. 1(100) ack 101; < . 101 ack 101;"

#define TIMESTAMPS	"mss 1000,nop,nop,ts T R"

#define WRITES		300
#define WRITE		10	/* octets */

/* Takes what is sent: segments, and octets of text so far. */
static int take_all(struct wire *w, int *segments, int *octets)
{
	struct wire_segment seg;
	int n;

	for (*segments = 0; (n = wire_peer_receive(w, &seg, 0)) > 0; (*segments)++)
		*octets += seg.len;
	return n;
}

/* The segments of small writes take more memory than their text, and there is a send buffer for few of them. */
static int writes_little(struct wire *w)
{
	int i, j, first, second, octets = 0;
	uint8_t text[WRITE];

	if (wire_script_run(w, "set NODELAY 1"))
		return -1;
	for (i = 0; i < WRITES; i++) {
		for (j = 0; j < WRITE; j++)
			text[j] = wire_segment_byte(1 + i * WRITE + j);
		if (send(w->c.fd, text, WRITE, MSG_DONTWAIT) != WRITE)
			return wire_fail(w, "write %d: %s", i, strerror(errno));
	}
	if (take_all(w, &first, &octets))
		return -1;
	if (first < 10 || first > WRITES / 4)
		return wire_fail(w, "%d segments at once", first);
	if (wire_script_run(w, wire_text("< . 1 ack %d", octets + 1)) || take_all(w, &second, &octets))
		return -1;
	if (octets != WRITES * WRITE || second > 5)
		return wire_fail(w, "%d octets, %d segments after the first ACK", octets, second);
	return wire_script_run(w, wire_text("< . 1 ack %d; none", octets + 1));
}

#define SEGMENTS	40

/* Who has closed his half still acknowledges every second segment; the first ones are not delayed. */
static int acknowledges_every_second(struct wire *w)
{
	int i, acks, late = 0, octets = 0;

	for (i = 0; i < SEGMENTS; i++) {
		if (wire_script_run(w, wire_text("< . %d(1000) ack U", i * 1000 + 1)) || take_all(w, &acks, &octets))
			return -1;
		if (i >= SEGMENTS / 2)
			late += acks;
	}
	if (late > SEGMENTS / 4 + 2)
		return wire_fail(w, "%d ACKs of %d segments", late, SEGMENTS / 2);
	return 0;
}

/*
 * The peer is 20 ms away, and ten of many segments are in flight. Their ACKs come one by one. The first one lets two
 * segments go at once, since nothing was sent for so long.
 */
#define ONE_ACK_OF_TEN(octets)	"< S 0 $; > S. 0 ack 1; pass 20; < . 1 ack 1; accept; write " octets ";"	\
				"> p. 1(1000) ack 1 x10; none; pass 20; < . 1 ack 1001;"			\
				"> p. 10001(1000) ack 1 x2;"
#define BUNDLES_WAIT	.rfc = "RFC 9293 3.7", .pre = "bundles 64; sysctl min_tso_segs 20; listen", .synwin = "65535"

/* Segments of 400 octets take three times their memory: text that waits is copied together, and all fits. */
static int bloated(struct wire *w)
{
	static struct wire_counters before, after;
	char script[64];
	uint32_t n = 0;

	if (wire_counter_read(w, &before) ||
	    wire_script_run(w, "listen; set RCVBUF 8192; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept"))
		return -1;
	for (; (int32_t)(w->c.edge - w->c.rcv_nxt) >= 400 && n < 100 * 400; n += 400)
		if (wire_script_run(w, "< P. N(400) ack 1; pass 50; skim"))
			return -1;
	if (wire_counter_read(w, &after))
		return -1;
	if (w->stack == WIRE_XTCP && wire_counter_value(&after, "TCPRcvCollapsed") ==
	    wire_counter_value(&before, "TCPRcvCollapsed"))
		return wire_fail(w, "nothing was copied together");
	snprintf(script, sizeof(script), "read %u; read EAGAIN; skim; write 10; > P. 1(10) ack %u", n, n + 1);
	return wire_script_run(w, script);
}

/* An skb has room for 17 pieces of memory, 16 of larger pages. Each octet here is one, which counts as a page. */
static int pieces(struct wire *w)
{
	uint8_t octets[2 * 18];
	struct iovec piece[18];
	struct msghdr msg = { .msg_iov = piece, .msg_iovlen = 18 };
	const int room = 20 * getpagesize(), most = getpagesize() == 4096 ? 17 : 16;

	if (setsockopt(w->c.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		return wire_fail(w, "SO_SNDBUFFORCE: %s", strerror(errno));
	zerocopy_on(w->c.fd);
	for (unsigned int i = 0; i < msg.msg_iovlen; i++) {
		octets[2 * i] = wire_segment_byte(1 + i);
		piece[i] = (struct iovec) { &octets[2 * i], 1 };
	}
	if (sendmsg(w->c.fd, &msg, MSG_ZEROCOPY) != (ssize_t)msg.msg_iovlen)
		return wire_fail(w, "sendmsg: %s", strerror(errno));
	w->c.written += msg.msg_iovlen;
	return wire_script_run(w, wire_text("> P. 1(%d) ack 1; none; < . 1 ack %d; > P. %d(%d) ack 1; < . 1 ack 19",
					    most, most + 1, most + 1, 18 - most));
}

static const struct wire_row rows[] = {
	{ "data_%s_in_pieces_without_a_copy", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .run = pieces },
	/* The link is down for a moment. A route that is gone says nothing of the MTU. */
	/* TCP_QUICKACK sends the ACK that waits; an even value delays the next one again. */
	{ "ack_%s_that_waits_goes_by_quickack", "RFC 9293 3.8.6.3", .in = ESTABLISHED,
		.want = { "set QUICKACK 0; < P. 1(100) ack 1; read 100; none; set QUICKACK 1; > . 1 ack 101;"
			"set QUICKACK 0; < P. 101(100) ack 1; read 100; none; set QUICKACK 2; > . 1 ack 201;"
			"< P. 201(100) ack 1; read 100; none; >@1000 . 1 ack 301", .counters = "DelayedACKs=1" } },
	{ "data_%s_written_while_the_link_is_down", "RFC 9293 3.7.1", .id = "MUST-16", .in = ESTABLISHED,
		.syn = "mss 1400",
		.want = { "link down; write 3000; info snd_mss = 1400; link up; >@2500 p. 1(1400) ack 1;"
			"< . 1 ack 1401; > p. 1401(1400) ack 1; > P. 2801(200) ack 1; < . 1 ack 3001; none" },
		.kernel_differs = "cuts text for the smallest MTU there is, once RCU has let the route go",
		.kernel = { "link down; write 40; link up; >@2500 P. 1(40) ack 1; < . 1 ack 41; none" } },
	{ "data_%s_every_second_segment_is_acknowledged", "RFC 9293 3.8.6.3", .id = "SHLD-19",
		.in = ESTABLISHED | FIN_WAIT_2, .run = acknowledges_every_second },
	{ "data_%s_small_writes_do_not_fill_the_send_buffer", "RFC 9293 3.7.4", .in = ESTABLISHED,
		.run = writes_little },
	{ "data_%s_small_writes_with_the_smallest_send_buffer", "RFC 9293 3.7.4", .in = ESTABLISHED,
		.want = { "set SNDBUF 1; set NODELAY 1; write 10; > P. 1(10) ack 1; write 10; > P. 11(10) ack 1;"
			"write 10; > P. 21(10) ack 1" } },
	/* Receiving. */
	{ "data_%s_in_order", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "< P. 1(1000) ack 1; >@1000 . 1 ack 1001; poll IN OUT; peek 1; read 1000; read EAGAIN;"
			"poll OUT" } },
	{ "data_%s_duplicate", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< P. 1(1000) ack 1; >@1000 . 1 ack 1001; < P. 1(1000) ack 1; > . 1 ack 1001; read 1000;"
			"read EAGAIN" } },
	{ "data_%s_partly_old", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< P. 1(1000) ack 1; >@1000 . 1 ack 1001; < P. 501(1000) ack 1; >@1000 . 1 ack 1501;"
			"read 1500; read EAGAIN" } },
	{ "data_%s_left_of_the_window", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< P. 1(1000) ack 1; >@1000 . 1 ack 1001; < . -500(100) ack 1; > . 1 ack 1001; read 1000;"
			"read EAGAIN" } },
	{ "data_%s_out_of_order", "RFC 9293 3.10.7.4", .id = "SHLD-31", .in = ESTABLISHED,
		.want = { "< P. 1001(1000) ack 1; > . 1 ack 1; read EAGAIN; < P. 1(1000) ack 1; >@1000 . 1 ack 2001;"
			"read 2000", .counters = "TCPOFOQueue=1" } },
	{ "data_%s_fills_a_hole", "RFC 9293 3.10.7.4", .id = "MUST-58 MUST-59 SHLD-31", .in = ESTABLISHED,
		.want = { "< . 1001(1000) ack 1; > . 1 ack 1; < . 2001(1000) ack 1; > . 1 ack 1; < . 3001(1000) ack 1;"
			"> . 1 ack 1; < . 4001(1000) ack 1; > . 1 ack 1; < P. 5001(1000) ack 1; > . 1 ack 1;"
			"< . 1(1000) ack 1; > . 1 ack 6001; none; info rcv_ooopack = 5; read 6000",
			.counters = "TCPOFOQueue=5" } },
	{ "data_%s_fills_two_holes", "RFC 9293 3.10.7.4", .id = "SHLD-31", .in = ESTABLISHED,
		.want = { "< . 1001(1000) ack 1; > . 1 ack 1; < . 3001(1000) ack 1; > . 1 ack 1; < . 1(1000) ack 1;"
			"> . 1 ack 2001; none; < . 2001(1000) ack 1; > . 1 ack 4001; none; read 4000" } },
	{ "data_%s_out_of_order_overlapping", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< . 501(1000) ack 1; > . 1 ack 1; < . 1001(1000) ack 1; > . 1 ack 1; < . 301(400) ack 1;"
			"> . 1 ack 1; < . 201(2500) ack 1; > . 1 ack 1; < . 1(600) ack 1; > . 1 ack 2701; none;"
			"read 2700" } },
	{ "data_%s_out_of_order_twice", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< . 1001(1000) ack 1; > . 1 ack 1; < . 1001(1000) ack 1; > . 1 ack 1; < . 1(1000) ack 1;"
			"> . 1 ack 2001; none; read 2000; read EAGAIN" } },
	{ "data_%s_beyond_a_fin_out_of_order", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< F. 101(100) ack 1; > . 1 ack 1; < . 1(100) ack 1; >@1000 . 1 ack 202; read 200; read eof",
			.state = CLOSE_WAIT } },
	/* A FIN that somebody else made up: text takes its place before it is reached, in order or not. */
	{ "data_%s_over_a_fin_that_waits", "RFC 5961 1.2", .in = ESTABLISHED,
		.want = { "< F. 501 ack 1; > . 1 ack 1; < . 1(1000) ack 1; >@1000 . 1 ack 1001; read 1000; read EAGAIN;"
			"< F. 1001 ack 1; >@1000 . 1 ack 1002; read eof", .state = CLOSE_WAIT } },
	{ "data_%s_out_of_order_over_a_fin_that_waits", "RFC 5961 1.2", .in = ESTABLISHED,
		.want = { "< F. 501 ack 1; > . 1 ack 1; < . 401(600) ack 1; > . 1 ack 1; < . 1(400) ack 1;"
			">@1000 . 1 ack 1001; state established; read 1000; read EAGAIN" } },
	{ "data_%s_before_a_fin_that_waits", "RFC 5681 4.2", .in = ESTABLISHED,
		.want = { "< F. 101 ack 1; > . 1 ack 1; < . 1(50) ack 1; > . 1 ack 51; < . 51(50) ack 1; > . 1 ack 102;"
			"read 100; read eof", .state = CLOSE_WAIT } },
	/* Delayed acknowledgments. */
	{ "data_%s_one_segment_is_acknowledged_later", "RFC 9293 3.8.6.3", .id = "SHLD-18 MUST-40", .in = ESTABLISHED,
		.want = { INTERACTIVE "< P. 101(100) ack 101; none; >@500 . 101 ack 201; none",
			.counters = "DelayedACKs=1" } },
	{ "data_%s_second_full_segment_is_acknowledged_when_it_is_read", "RFC 9293 3.8.6.3", .id = "SHLD-19",
		.in = ESTABLISHED,
		.want = { INTERACTIVE "< . 101(1000) ack 101; none; < . 1101(1000) ack 101; none; read 2000;"
			"> . 101 ack 2101; none", .counters = "DelayedACKs=0" } },
	{ "data_%s_second_full_segment_is_acknowledged_when_it_is_peeked_at", "RFC 9293 3.8.6.3", .id = "SHLD-19",
		.in = ESTABLISHED,
		.want = { INTERACTIVE "< . 101(1000) ack 101; none; < . 1101(1000) ack 101; none; peek 2000;"
			"> . 101 ack 2101; none", .counters = "DelayedACKs=0" } },
	{ "data_%s_second_full_segment_is_acknowledged_at_once", "RFC 9293 3.8.6.3", .id = "SHLD-19", .in = ESTABLISHED,
		.want = { INTERACTIVE "set RCVLOWAT 3000; < . 101(1000) ack 101; none; < . 1101(1000) ack 101;"
			"> . 101 ack 2101; none; read 2000; none", .counters = "DelayedACKs=0" } },
	{ "data_%s_acknowledged_by_the_answer", "RFC 9293 3.8.6.3", .id = "SHLD-18", .in = ESTABLISHED,
		.want = { INTERACTIVE "< P. 101(100) ack 101; none; write 50; > P. 101(50) ack 201; none",
			.counters = "DelayedACKs=0" } },
	/* Sending. */
	{ "write_%s_one_byte", "RFC 9293 3.9.1.2", .id = "MUST-60", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 1; > P. 1(1) ack 1; < . 1 ack 2; none" } },
	{ "write_%s_push_on_the_last_segment", "RFC 9293 3.9.1.2", .id = "MUST-61", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE,
		.want = { "set NODELAY 1; write 3001; > . 1(1000) ack 1 x3; > P. 3001(1) ack 1" } },
	/* Of the 48 octets that a segment has at least, timestamps take 12. */
	{ "write_%s_least_segments_with_timestamps", "RFC 9293 3.7.1", .id = "MUST-16", .in = ESTABLISHED,
		.syn = "mss 48,nop,nop,ts T R", .synwin = "65535",
		.want = { "write 100; > . 1(36) ack 1; > . 37(36) ack 1; > P. 73(28) ack 1" } },
	/* A bundle ends with PSH wherever the window cuts it, and so the peer's network card need not wait for more. */
	{ "write_%s_push_on_each_bundle", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.pre = "bundles 64", .synwin = "4000",
		.want = { "write 8000; > . 1(1000) ack 1; > P. 1001(1000) ack 1; > . 2001(1000) ack 1;"
			"> P. 3001(1000) ack 1; none; < . 1 ack 4001; > . 4001(1000) ack 1; > P. 5001(1000) ack 1;"
			"> . 6001(1000) ack 1; > P. 7001(1000) ack 1; none" } },
	/* Half of the congestion window: the ACK of one bundle lets the next one go while another is in flight. */
	{ "write_%s_a_bundle_is_half_the_congestion_window", "RFC 5681 3.1", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.pre = "bundles 64; sysctl min_tso_segs 10", .synwin = "65535",
		.want = { "write 20000; > . 1(1000) ack 1 x4; > P. 4001(1000) ack 1; > . 5001(1000) ack 1 x4;"
			"> P. 9001(1000) ack 1; none; < . 1 ack 10001; skim" } },
	/* A part of a bundle waits for the next ACKs, until a third of the congestion window may go at once. */
	{ "bundle_waits_for_the_next_ack", BUNDLES_WAIT,
		.want = { ONE_ACK_OF_TEN("40000") "< . 1 ack 2001; none; < . 1 ack 3001; none; < . 1 ack 4001;"
			"> p. 12001(1000) ack 1 x6; none; < . 1 ack 18001; skim" } },
	/* If no ACK comes, the timer for the text in flight sends what waits. */
	{ "bundle_waits_for_an_ack_that_does_not_come", "RFC 8985 7.3", .synwin = "65535",
		.pre = "bundles 64; sysctl min_tso_segs 20; sysctl early_retrans 3; listen", .syn = "mss 1000,sackok",
		.want = { ONE_ACK_OF_TEN("40000") "< . 1 ack 2001; none; >@300 p. 12001(1000) ack 1; none;"
			"< . 1 ack 13001; skim", .counters = "TCPLossProbes=1 TCPTimeouts=0" },
		.kernel_differs = "probes with all that the congestion window lets go",
		.kernel = { ONE_ACK_OF_TEN("40000") "< . 1 ack 2001; none; >@300 p. 12001(1000) ack 1; skim" } },
	{ "bundle_waits_a_millisecond", BUNDLES_WAIT,
		.want = { ONE_ACK_OF_TEN("40000") "< . 1 ack 2001; none; pass 2; < . 1 ack 3001;"
			"> p. 12001(1000) ack 1 x4; none; < . 1 ack 16001; skim" } },
	{ "bundle_of_the_last_octets_waits_for_nothing", BUNDLES_WAIT,
		.want = { ONE_ACK_OF_TEN("13500") "< . 1 ack 2001; > p. 12001(1000) ack 1; > P. 13001(500) ack 1; none;"
			"< . 1 ack 13501; none" },
		.kernel_differs = "lets them wait, too",
		.kernel = { ONE_ACK_OF_TEN("13500") "< . 1 ack 2001; none; < . 1 ack 4001; > p. 12001(1000) ack 1;"
			"> P. 13001(500) ack 1; none; < . 1 ack 13501; none" } },
	{ "write_%s_no_push_when_a_part_of_a_bundle_goes_again", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.pre = "bundles 64",
		.want = { "write 3000 more; > . 1(1000) ack 1 x2; > P. 2001(1000) ack 1; none; < . 1 ack 2001;"
			">@1000 . 2001(1000) ack 1" } },
	{ "write_%s_no_push_on_single_segments", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "write 10900; > . 1(1000) ack 1 x10; none; < . 1 ack 10001; > P. 10001(900) ack 1" } },
	/* What the program says more will follow is not pushed, whatever lets it go. */
	{ "write_%s_more_is_not_pushed", "RFC 9293 3.9.1.2", .id = "MUST-61", .in = ESTABLISHED,
		.want = { "write 1000 more; > . 1(1000) ack 1; write 100 more; none; < . 1 ack 1001;"
			"> . 1001(100) ack 1; write 100 more; none; set NODELAY 1; > . 1101(100) ack 1; none" } },
	{ "write_%s_more_is_not_pushed_by_close", "RFC 9293 3.9.1.2", .id = "MUST-61", .in = ESTABLISHED,
		.want = { "write 100 more; none; close; > F. 1(100) ack 1", .state = FIN_WAIT_1 } },
	{ "write_%s_more_is_pushed_when_it_does_not_come", "RFC 9293 3.9.1.2", .id = "MUST-60 MUST-61",
		.in = ESTABLISHED,
		.want = { "write 100 more; none; >@1000 P. 1(100) ack 1" } },
	{ "write_%s_more_is_pushed_by_what_comes", "RFC 9293 3.9.1.2", .id = "MUST-61", .in = ESTABLISHED,
		.want = { "write 100 more; none; write 100; > P. 1(200) ack 1; write 100; none; write 200 more; none;"
			"< . 1 ack 201; > . 201(300) ack 1" } },
	{ "write_%s_corked_is_pushed_where_a_write_ends", "RFC 9293 3.9.1.2", .id = "MUST-61", .in = ESTABLISHED,
		.want = { "set CORK 1; write 1000; > P. 1(1000) ack 1; write 100; none; write 100 more; none;"
			"set CORK 0; > . 1001(200) ack 1" } },
	{ "write_%s_each_record_is_pushed", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .synwin = "2000",
		.want = { "set NODELAY 1; write 2000; > . 1(1000) ack 1; > P. 1001(1000) ack 1; < . 1 ack 2001 win 0;"
			"write 300 eor; write 300 more eor; write 300; none; < . 1 ack 2001 win 2000;"
			"> P. 2001(300) ack 1; > . 2301(300) ack 1; > P. 2601(300) ack 1; none" } },
	/* The peer may not make room before it has been told of half of its window. */
	{ "write_%s_half_a_window_is_pushed", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .synwin = "3000",
		.want = { "write 3000 more; > . 1(1000) ack 1; > P. 1001(1000) ack 1; > . 2001(1000) ack 1; none;"
			"< . 1 ack 3001; write 1000 more; > P. 3001(1000) ack 1; none" } },
	{ "write_%s_nagle", "RFC 9293 3.7.4", .id = "SHLD-7", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; write 100; none; write 100; none; < . 1 ack 101;"
			"> P. 101(200) ack 1; < . 1 ack 301; none" } },
	{ "write_%s_nagle_holds_no_full_segment", "RFC 9293 3.7.4", .id = "SHLD-28", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; write 500; none; write 500; > P. 101(1000) ack 1;"
			"< . 1 ack 1101; none" } },
	{ "write_%s_ten_small_ones_leave_as_one", "RFC 9293 3.7.4", .id = "SHLD-28", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; write 100; write 100; write 100; write 100; write 100;"
			"write 100; write 100; write 100; write 100; none; write 100; > P. 101(1000) ack 1;"
			"< . 1 ack 1101; none" } },
	{ "write_%s_corked", "RFC 9293 3.7.4", .id = "MUST-17", .in = ESTABLISHED,
		.want = { "set CORK 1; get CORK 1; write 100; none; write 1000; > p. 1(1000) ack 1; none;"
			"< . 1 ack 1001; none; set CORK 0; > P. 1001(100) ack 1" } },
	{ "write_%s_nodelay_through_the_cork", "RFC 9293 3.7.4", .id = "MUST-17", .in = ESTABLISHED,
		.want = { "set CORK 1; write 100; none; set NODELAY 1; > P. 1(100) ack 1; write 100; none" } },
	{ "write_%s_records_stay_apart", "RFC 9293 3.9.1.2", .in = ESTABLISHED, .synwin = "2000",
		.want = { "set NODELAY 1; write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; < . 1 ack 2001 win 0;"
			"write 300 eor; write 300; write 300 eor; write 300; none; < . 1 ack 2001 win 2000;"
			"> p. 2001(300) ack 1; > p. 2301(600) ack 1; > P. 2901(300) ack 1; < . 1 ack 3201; none" } },
	{ "write_%s_long_record_is_cut", "RFC 9293 3.9.1.2", .in = ESTABLISHED,
		.want = { "set NODELAY 1; write 2500 more eor; write 100; > p. 1(1000) ack 1 x2; > p. 2001(500) ack 1;"
			"> P. 2501(100) ack 1; < . 1 ack 2601; none" } },
	{ "write_%s_a_record_behind_another_is_not_held", "RFC 9293 3.7.4", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; write 200 eor; none; write 300; > p. 101(200) ack 1; none;"
			"< . 1 ack 301; > P. 301(300) ack 1" } },
	{ "write_%s_more_to_come", "RFC 9293 3.7.4", .id = "MUST-17", .in = ESTABLISHED,
		.want = { "set NODELAY 1; write 100 more; none; write 100 more; none; write 100; > P. 1(300) ack 1" } },
	{ "write_%s_checksum", "RFC 9293 3.1", .id = "MUST-2", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "set NODELAY 1; write 1; > P. 1(1) ack 1; write 2; > P. 2(2) ack 1; write 999;"
			"> P. 4(999) ack 1; write 2000; > p. 1003(1000) ack 1; > P. 2003(1000) ack 1" } },
	{ "write_%s_nodelay", "RFC 9293 3.7.4", .id = "MUST-17", .in = ESTABLISHED,
		.want = { "set NODELAY 1; get NODELAY 1; write 100; > P. 1(100) ack 1; write 100; > P. 101(100) ack 1;"
			"write 1; > P. 201(1) ack 1" } },
	{ "nodelay_%s_sends_what_nagle_held", "RFC 9293 3.7.4", .id = "MUST-17", .in = ESTABLISHED,
		.want = { "write 100; > P. 1(100) ack 1; write 100; none; set NODELAY 1; > P. 101(100) ack 1" } },
	{ "write_%s_initial_window", "RFC 6928 2", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 20000; > p. 1(1000) ack 1 x10; none; < . 1 ack 1001; > p. 10001(1000) ack 1 x2;"
			"none" } },
	{ "write_%s_window_is_unsigned", "RFC 9293 3.8.6", .id = "MUST-1", .in = ESTABLISHED, .synwin = "0x8000",
		.want = { "write 9000; > p. 1(1000) ack 1 x8; > P. 8001(1000) ack 1" } },
	{ "write_%s_window_from_an_old_ack_is_ignored", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; < . 1 ack 2001 win 5000;"
			"< . 1 ack 1001 win 0; none; write 1000; > P. 2001(1000) ack 1" } },
	/* Timestamps. */
	{ "paws_%s_old_timestamp", "RFC 7323 5.3", .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .syn = TIMESTAMPS,
		.want = { "tick 10; < P. 1(100) ack 1; >@1000 . 1 ack 101 <ecr T>; < P. 101(100) ack 1 <ts T-5 R>;"
			"> . 1 ack 101 <ecr T>; read 100; read EAGAIN", .counters = "PAWSEstab=1" } },
	{ "paws_%s_never_for_rst", "RFC 7323 5.2", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "tick 10; < P. 1(100) ack 1; >@1000 . 1 ack 101; < R 101 <ts T-100 R>; none", .state = CLOSED,
			.err = "ECONNRESET", .counters = "PAWSEstab=0" } },
	{ "paws_%s_equal_timestamp", "RFC 7323 5.2", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "< P. 1(100) ack 1; >@1000 . 1 ack 101; < P. 101(100) ack 1; >@1000 . 1 ack 201; read 200",
			.counters = "PAWSEstab=0" } },
	{ "paws_%s_wrapped_timestamp", "RFC 7323 5.2", .in = ESTABLISHED, .pre = "tick 4293967280", .syn = TIMESTAMPS,
		.want = { "< P. 1(100) ack 1 <ts 16 R>; >@1000 . 1 ack 101 <ecr 16>; read 100",
			.counters = "PAWSEstab=0" } },
	/* Some hosts send their SYN or SYN-ACK with a TSval of 0, whatever their clock says. */
	{ "paws_synack_with_timestamp_0", "RFC 7323 5.3",
		.want = { "socket; bind; connect; > S 0; < S. 0 ack 1 <mss 1000,ts 0 R>; > . 1 ack 1;"
			"< P. 1(10) ack 1 <ts 0x90000000 R>; >@1000 . 1 ack 11 <ecr 0x90000000>; read 10;"
			"< P. 11(10) ack 1 <ts 0x8fffff00 R>; > . 1 ack 11", .counters = "PAWSEstab=1" } },
	{ "paws_syn_with_timestamp_0", "RFC 7323 5.3", .pre = "listen", .syn = "mss 1000,ts 0 0",
		.want = { "< S 0 $; > S. 0 ack 1; < P. 11(10) ack 1 <ts 0x90000001 R>; > . 1 ack 1; state established;"
			"accept; < P. 1(10) ack 1 <ts 0x90000000 R>; >@1000 . 1 ack 21 <ecr 0x90000000>; read 20",
			.counters = "PAWSEstab=0" } },
	{ "timestamp_%s_of_later_segment_not_echoed", "RFC 7323 4.3", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "tick 10; < P. 101(100) ack 1; > . 1 ack 1 <ecr T-10>; tick 10; < P. 1(100) ack 1;"
			">@1000 . 1 ack 201 <ecr T>; read 200" } },
	{ "timestamp_%s_of_old_segment_not_echoed", "RFC 7323 4.3", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "tick 10; < P. 1(100) ack 1; >@1000 . 1 ack 101 <ecr T>; tick 10; < P. 1(50) ack 1;"
			"> . 1 ack 101; < P. 101(100) ack 1; >@1000 . 1 ack 201 <ecr T>; read 200" } },
	{ "timestamp_%s_poisoned_by_segment_outside", "RFC 7323 4.3", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "< P. W+10(100) ack 1 <ts T+100000 R>; > . 1 ack 1 <ecr T>; < P. 1(100) ack 1;"
			">@1000 . 1 ack 101 <ecr T>; read 100", .counters = "PAWSEstab=0" } },
	{ "timestamp_%s_missing", "RFC 7323 3.2", .in = ESTABLISHED, .syn = TIMESTAMPS,
		.want = { "< P. 1(100) ack 1 <nots>; >@1000 . 1 ack 101 <ts>; read 100" } },
	/* Urgent data. */
	{ "urg_%s_acknowledged", "RFC 9293 3.8.5", .id = "MUST-31", .in = ESTABLISHED,
		.want = { "set OOBINLINE 1; < PU. 1(100) ack 1 urg 50; >@1000 . 1 ack 101; read 100;"
			"< PU. 101(100) ack 1 urg 65535; >@1000 . 1 ack 201; read 100" } },
	{ "urg_%s_without_data", "RFC 9293 3.8.5", .id = "MUST-31",
		.in = ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2 | CLOSE_WAIT | CLOSING | LAST_ACK,
		.want = { "< U. N ack U urg 5; none; < U. N ack U urg 0; none" } },
	/* Segments that are not well formed. */
	{ "data_%s_bad_checksum", "RFC 9293 3.1", .id = "MUST-3", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1 badsum; none; read EAGAIN",
			.counters = "InSegs=1 InErrs=1 InCsumErrors=1" } },
	{ "data_%s_data_offset_too_small", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "< P. 1(100) ack 1 off 4; none; < P. 1(100) ack 1 off 0; none; read EAGAIN",
			.counters = "InSegs=2 InErrs=2 InCsumErrors=0" } },
	{ "data_%s_data_offset_past_the_segment", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1 off 15; none; read EAGAIN",
			.counters = "InSegs=1 InErrs=1 InCsumErrors=0" },
		.kernel_differs = "drops it without counting an error",
		.kernel = { .counters = "InSegs=1 InErrs=0 InCsumErrors=0" } },
	{ "data_%s_short_header", "RFC 9293 3.1", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1 cut 19; none; < . 1 ack 1 cut 12; none; < . 1 ack 1 cut 4; none;"
			"read EAGAIN" } },
	/* What follows in order joins what waits to be read. */
	{ "data_%s_joins_what_waits", "RFC 9293 3.10.7.4", .in = ESTABLISHED,
		.want = { "< P. 1(10) ack 1; >@1000 . 1 ack 11; < P. 11(10) ack 1; >@1000 . 1 ack 21;"
			"< P. 21(10) ack 1; >@1000 . 1 ack 31; read 30; read EAGAIN",
			.counters = "TCPRcvCoalesce=2 TCPOFOQueue=0" } },
	{ "data_in_segments_that_need_much_memory", "RFC 9293 3.8.6", .run = bloated },
	/*
	 * A segment without ACK counts for nothing, and so lets nothing out, though there is something: text that
	 * waited to fill a segment does so since segments are smaller. Any that counts sends it.
	 */
	{ "data_%s_without_ack_sends_nothing", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .only = 4,
		.want = { "< . 1 ack 1; write 100; > P. 1(100) ack 1; write 900; none; mtu 576; < P 1(10); none;"
			"< . 1 ack 1; > p. 101(536) ack 1; none; < . 1 ack 637; > P. 637(364) ack 1" } },
};

WIRE_MAIN(rows)
