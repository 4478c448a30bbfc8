// SPDX-License-Identifier: GPL-2.0
/*
 * A listener's two queues: their limit, what becomes of whom they refuse, and SYN
 * cookies (RFC 4987). The rules are Linux's, so nearly every row is the same for both.
 */
#include "wire.h"

/* SYNs from other ports of the peer. */
#define ONE_MORE	"sport 1; < S 0 $; "
#define FOUR_MORE	ONE_MORE ONE_MORE ONE_MORE ONE_MORE "sport -4; "
#define OTHER_SHIFT	"< S 0 $; > S. 0 ack 1 <ws,ts>; closelisten; none; sysctl rmem 4096 30000 60000; listen;" \
			"fresh; < S 0 $; > S. 0 ack 1 <ws,ts>; < . 1 ack 1; accept; "

static const struct wire_row rows[] = {
	/* The accept queue. */
	{ "accept_queue_holds_one_more_than_its_limit", "RFC 9293 3.9.1.1", .pre = "listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; fresh; < S 0 $; none; accept; fresh; < S 0 $;"
			"> S. 0 ack 1; < . 1 ack 1; accept",
			.counters = "ListenOverflows=1 ListenDrops=1 TCPReqQFullDoCookies=0 PassiveOpens=2" } },
	{ "second_listen_changes_the_limit", "RFC 9293 3.9.1.1", .pre = "listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < S 0 $; none; listen 1; < S 0 $; > S. 0 ack 1",
			.counters = "ListenOverflows=1 ListenDrops=1", .state = SYN_RECEIVED } },
	{ "somaxconn_limits_both_queues_from_listen_on", "RFC 9293 3.9.1.1",
		.pre = "sysctl core/somaxconn 0; sysctl syncookies 0; listen 9",
		.want = { "sysctl core/somaxconn 9; < S 0 $; > S. 0 ack 1; fresh; < S 0 $; none; swap; < . 1 ack 1;"
			"swap; < S 0 $; none; listen 9; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; accept",
			.counters = "TCPReqQFullDrop=1 ListenOverflows=1 ListenDrops=2 PassiveOpens=2" } },
	{ "third_ack_meets_a_full_queue_and_is_asked_for_again", "RFC 9293 3.10.7.4", .pre = "listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < S 0 $; > S. 0 ack 1; listen 0; < . 1 ack 1;"
			"none; state syn_received; < P. 1(10) ack 1; none; accept; >@3000 S. 0 ack 1; < P. 1(10) ack 1;"
			">@1000 . 1 ack 11; accept; read 10",
			.counters = "ListenOverflows=2 ListenDrops=2 EmbryonicRsts=0 PassiveOpens=2" } },
	/* The tracepoint tells both: the accept queue was full, and the entry was reset. */
	{ "third_ack_meets_a_full_queue_and_is_traced", "RFC 9293 3.10.7.4",
		.pre = "sysctl abort_on_overflow 1; listen 5; trace xtcp_queue",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < S 0 $; > S. 0 ack 1; listen 0;"
			"traced 0 reason=refused; < . 1 ack 1; > R 1; none;"
			"traced 1 queue=accept old=1 new=1 reason=refused; traced 1 reason=refused;"
			"traced 1 reason=reset", .counters = "ListenOverflows=1 ListenDrops=1", .state = LISTEN } },
	{ "third_ack_meets_a_full_queue_and_is_reset", "RFC 9293 3.10.7.4",
		.pre = "sysctl abort_on_overflow 1; listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < S 0 $; > S. 0 ack 1; listen 0; < . 1 ack 1;"
			"> R 1; none",
			.counters = "ListenOverflows=1 ListenDrops=1 EmbryonicRsts=1 OutRsts=1 PassiveOpens=1",
			.state = LISTEN } },
	{ "both_queues_full_count_twice", "RFC 4987 3.6", .pre = "listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; < S 0 $; > S. 0 ack 1; listen 0; fresh; < S 0 $;"
			"none", .counters = "TCPReqQFullDoCookies=1 SyncookiesSent=0 ListenOverflows=1 ListenDrops=1",
			.state = LISTEN } },
	/* No route leads to the peer when its third ACK comes: the SYN-ACK that goes again asks for another one. */
	{ "syn_without_a_route_back", "RFC 9293 3.10.7.2", .pre = "listen 5",
		.want = { "noroute; < S 0 $; route initcwnd 10; none; state listen; < S 0 $; > S. 0 ack 1",
			.counters = "ListenOverflows=0 ListenDrops=1", .state = SYN_RECEIVED } },
	{ "third_ack_without_a_route_back", "RFC 9293 3.10.7.4", .pre = "listen 5; trace xtcp_queue",
		.want = { "< S 0 $; > S. 0 ack 1; noroute; < . 1 ack 1; route initcwnd 10; none; state syn_received;"
			"traced 0 reason=refused; >@3000 S. 0 ack 1; < . 1 ack 1; none; accept; write 10;"
			"> P. 1(10) ack 1", .counters = "ListenOverflows=0 ListenDrops=1" } },
	{ "cookie_without_a_route_back", "RFC 9293 3.10.7.4", .pre = "sysctl syncookies 2; listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; noroute; < . 1 ack 1; route initcwnd 10; none; state listen;"
			"< . 1 ack 1; none; accept; write 10; > P. 1(10) ack 1",
			.counters = "ListenOverflows=0 ListenDrops=1 SyncookiesRecv=1 PassiveOpens=1" },
		.kernel_differs = "counts the cookie that opens nothing, and chooses its window anew",
		.kernel = { .counters = "ListenOverflows=0 ListenDrops=0 SyncookiesRecv=2" }, .kernel_shrinks = true },
	/* The SYN queue without cookies. */
	{ "syn_queue_holds_one_more_than_its_limit", "RFC 4987 3.6", .pre = "sysctl syncookies 0; listen 1",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; fresh; < S 0 $; none",
			.counters = "TCPReqQFullDrop=1 TCPReqQFullDoCookies=0 ListenOverflows=0 ListenDrops=1",
			.state = LISTEN } },
	{ "last_quarter_of_max_syn_backlog", "RFC 4987 3.6",
		.pre = "sysctl syncookies 0; sysctl max_syn_backlog 4; listen 16",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; fresh;"
			"< S 0 $; > S. 0 ack 1; fresh; < S 0 $; none",
			.counters = "TCPReqQFullDrop=0 ListenOverflows=0 ListenDrops=1", .state = LISTEN } },
	/* The SYN queue with cookies. */
	{ "full_syn_queue_answers_by_cookie", "RFC 4987 3.6", .pre = "listen 0", .syn = "mss 1440",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; state listen; < . 1 ack 1; accept;"
			"write 10; > P. 1(10) ack 1; < . 1 ack 11",
			.counters = "TCPReqQFullDoCookies=1 SyncookiesSent=1 SyncookiesRecv=1 SyncookiesFailed=0 "
			"ListenDrops=0 PassiveOpens=1" } },
	{ "cookie_answers_the_same_twice", "RFC 4987 3.6", .pre = "listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; < S 0 $; > S. 0 ack 1; < . 1 ack 1;"
			"accept", .counters = "SyncookiesSent=2 SyncookiesRecv=1" } },
	{ "cookie_takes_the_first_data", "RFC 4987 3.6", .pre = "listen 0", .syn = "mss 1440",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; < P. 1(100) ack 1; >@1000 . 1 ack 101;"
			"accept; read 100", .counters = "SyncookiesRecv=1" } },
	{ "cookie_takes_the_fin", "RFC 4987 3.6", .pre = "listen 0", .syn = "mss 1440",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; < F. 1 ack 1; >@1000 . 1 ack 2; accept;"
			"read eof", .counters = "SyncookiesRecv=1", .state = CLOSE_WAIT } },
	{ "cookie_keeps_the_mss", "RFC 4987 3.6", .pre = "listen 0", .syn = "mss 1300",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;"
			"info snd_mss <= 1300; info snd_mss >= 1220" } },
	{ "cookie_keeps_the_mss_of_jumbo_frames", "RFC 4987 3.6", .only = 6,
		.pre = "mtu 9000; sysctl syncookies 2; listen", .syn = "mss 8940",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info snd_mss = 8940",
			.counters = "SyncookiesRecv=1" } },
	{ "cookie_keeps_the_options_in_timestamps", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen 16",
		.syn = "mss 1460,nop,nop,ts T R,nop,ws 9",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,ws,ts>; < . 1 ack 1 win 4; accept; write 4000;"
			"> p. 1(1024) ack 1; > p. 1025(1024) ack 1",
			.counters = "TCPReqQFullDoCookies=1 SyncookiesSent=1 SyncookiesRecv=1" },
		.kernel_differs = "chooses its window anew from the rounded MSS, and may take some of it back",
		.kernel = { "< S 0 $; > S. 0 ack 1 <mss A,ws,ts>; < . 1 ack 1 win 4; accept; write 4000; skim;"
			"info unacked = 2" },
		.kernel_shrinks = true },
	{ "cookie_without_timestamps_and_scaling", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen 16",
		.syn = "mss 1440,nop,ws 8",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,ws,nots>; < . 1 ack 1 win 8; accept; write 4000;"
			"> p. 1(1024) ack 1; > p. 1025(1024) ack 1" },
		.kernel_differs = "has no room for the shift and gives up scaling;xtcp's cookie carries it roughly",
		.kernel = { "< S 0 $; > S. 0 ack 1 <mss A,nows,nots>; < . 1 ack 1 win 8; accept" } },
	/* Something on the way has taken the timestamps out of the third ACK. */
	{ "cookie_without_its_timestamps", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen 16",
		.syn = "mss 1440,sackok,ts T 0,nop,ws 7",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,ws,ts>; < . 1 ack 1 win 16 <nots>; nots; none; accept;"
			"info options = 4; info snd_wnd = 2048; write 2000; > p. 1(1024) ack 1; > P. 1025(976) ack 1;"
			"< P. 1(100) ack 2001 win 16; >@1000 . 2001 ack 101",
			.counters = "SyncookiesSent=1 SyncookiesRecv=1 SyncookiesFailed=0 PassiveOpens=1 OutRsts=0" },
		.kernel_differs = "forgets the shift that both have agreed on",
		.kernel = { "< S 0 $; > S. 0 ack 1 <mss A,ws,ts>; < . 1 ack 1 win 16 <nots>; nots; none; accept;"
			"info options = 0; info snd_wnd = 16" },
		.kernel_shrinks = true },
	{ "cookie_without_its_timestamps_and_other_options", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen 16",
		.syn = "mss 1440,nop,nop,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,nows,ts>; < P. 1(100) ack 1 <nots>; nots; >@1000 . 1 ack 101;"
			"accept; info options = 0; read 100; write 10; > P. 1(10) ack 101; < . 101 ack 11",
			.counters = "SyncookiesSent=1 SyncookiesRecv=1 SyncookiesFailed=0 PassiveOpens=1 OutRsts=0" },
		.kernel_shrinks = true },
	/* an entry knows better: RFC 7323 leaves it open whether such a segment is taken */
	{ "third_ack_without_its_timestamps", "RFC 7323 3.2", .pre = "listen 16",
		.syn = "mss 1440,sackok,ts T 0,nop,ws 7",
		.want = { "< S 0 $; > S. 0 ack 1 <mss A,ws,ts>; < . 1 ack 1 win 16 <nots>; none; accept;"
			"info options = 7; < P. 1(100) ack 1 win 16 <nots>; >@1000 . 1 ack 101 <ts>; read 100;"
			"< P. 101(100) ack 1 win 16; >@1000 . 1 ack 201 <ts>; read 100",
			.counters = "SyncookiesSent=0 PassiveOpens=1 OutRsts=0 PAWSEstab=0" } },
	{ "cookie_with_a_wrong_ack", "RFC 4987 3.6", .pre = "listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 100000; > R 100000;"
			"< . 90000 ack 1; > R 1; none; < . 1 ack 1; accept",
			.counters = "SyncookiesFailed=2 SyncookiesRecv=1" } },
	{ "cookie_from_another_port", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.want = { "< S 0 $; > S. 0 ack 1; sport 1; < . 1 ack 1; > R 1; none; sport -1; < . 1 ack 1; accept",
			.counters = "SyncookiesSent=1 SyncookiesFailed=1 SyncookiesRecv=1 kernel:OutRsts=1 "
			"xtcp:OutRsts=0" } },
	{ "cookie_from_another_address", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen",
		.want = { "< S 0 $; > S. 0 ack 1; host 1; < . 1 ack 1; > R 1; none; host -1; < . 1 ack 1; accept",
			.counters = "SyncookiesSent=1 SyncookiesFailed=1 SyncookiesRecv=1 kernel:OutRsts=1 "
			"xtcp:OutRsts=0" } },
	/* The SYN-ACK has fixed our window's shift. A later listener has another one, and cookies, too. */
	{ "cookie_of_a_listener_with_another_shift", "RFC 7323 2.2", .pre = "sysctl syncookies 2; listen",
		.syn = "mss 1460,nop,nop,ts T R,nop,ws 9",
		.want = { OTHER_SHIFT "swap; < . 1 ack 1; > R 1; none; swap; closelisten",
			.counters = "SyncookiesSent=2 SyncookiesRecv=1 SyncookiesFailed=1" },
		.kernel_differs = "takes the connection with the other shift",
		.kernel = { OTHER_SHIFT "swap; < . 1 ack 1; none; swap; closelisten; skim",
			.counters = "SyncookiesSent=2 SyncookiesRecv=2 SyncookiesFailed=0" } },
	{ "cookie_wrong_and_checksum_too", "RFC 9293 3.1", .id = "MUST-3", .pre = "sysctl syncookies 2; listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1000 badsum; none; < P. 1(10) ack 1000 badsum; none;"
			"< . 1 ack 1; accept",
			.counters = "SyncookiesFailed=0 SyncookiesRecv=1 kernel:InCsumErrors=2 xtcp:InCsumErrors=0" } },
	{ "cookie_in_a_header_that_is_too_short", "RFC 9293 3.1", .pre = "sysctl syncookies 2; listen",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1 off 4; none; < . 1 ack 1 off 15; none; < . 1 ack 1;"
			"accept", .counters = "SyncookiesFailed=0 SyncookiesRecv=1 PassiveOpens=1" } },
	/* xtcp's index stands in bits 22 and 23, kernel TCP's in the lowest. */
	{ "cookie_with_another_mss_index", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen", .syn = "mss 1300",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1+4194304; > R 1+4194304; < . 1 ack 1+8388608;"
			"> R 1+8388608; < . 1 ack 2; > R 2; none; < . 1 ack 1; accept",
			.counters = "SyncookiesFailed=3 SyncookiesRecv=1" },
		.kernel_differs = "the index of the MSS stands beside the MAC, so that the next one is good as well",
		.kernel = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1+4194304; > R 1+4194304; < . 1 ack 1+8388608;"
			"> R 1+8388608; < . 1 ack 2; none; accept",
			.counters = "SyncookiesFailed=2 SyncookiesRecv=1" } },
	{ "cookie_that_nobody_gave_out", "RFC 9293 3.10.7.2", .pre = "listen 0",
		.want = { "< . 1 ack 1; > R 1; none; < P. 1(10) ack 77; > R 77; none",
			.counters = "SyncookiesFailed=0 SyncookiesRecv=0", .state = LISTEN },
		.kernel_differs = "from 300 to 420 s after boot its jiffies are about 0, when it takes every listener "
			"for one that has declined",
		.kernel = { "< . 1 ack 1; > R 1; none; < P. 1(10) ack 77; > R 77; none", .counters = "SyncookiesRecv=0",
			.state = LISTEN } },
	{ "cookie_meets_a_full_accept_queue", "RFC 4987 3.6", .pre = "sysctl syncookies 2; listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; listen 1; < S 0 $; > S. 0 ack 1; listen 0;"
			"< . 1 ack 1; none; accept; < . 1 ack 1; accept", .counters = "ListenOverflows=1 ListenDrops=1",
			.state = ESTABLISHED } },
	{ "cookie_meets_a_full_accept_queue_and_is_reset", "RFC 4987 3.6",
		.pre = "sysctl syncookies 2; sysctl abort_on_overflow 1; listen 0",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; listen 1; < S 0 $; > S. 0 ack 1; listen 0;"
			"< . 1 ack 1; > R 1; none",
			.counters = "ListenOverflows=1 ListenDrops=1 EmbryonicRsts=0 OutRsts=1 PassiveOpens=1",
			.state = LISTEN },
		.kernel_differs = "says nothing to whom it keeps no entry for",
		.kernel = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; fresh; listen 1; < S 0 $; > S. 0 ack 1; listen 0;"
			"< . 1 ack 1; none",
			.counters = "ListenOverflows=1 ListenDrops=1 EmbryonicRsts=0 OutRsts=0 PassiveOpens=1" } },
	/* More than half full, and all old: two timeouts are enough for the third. It comes back by cookie. */
	{ "synack_of_an_old_entry_gives_way", "RFC 4987 3.6", .pre = "listen 4",
		.want = { "< S 0 $; > S. 0 ack 1;" FOUR_MORE ">@3000 S. 0 ack 1; >@5000 S. 0 ack 1; gone 20000; none;"
			"< . 1 ack 1; accept",
			.counters = "SyncookiesSent=0 SyncookiesRecv=1 ListenDrops=0 PassiveOpens=1" },
		.kernel_differs = "its timers of the same moment run in any order, and its ISN is no cookie",
		.kernel = { "< S 0 $; > S. 0 ack 1;" FOUR_MORE ">@3000 S. 0 ack 1; >@5000 S. 0 ack 1",
			.counters = "SyncookiesSent=0 SyncookiesRecv=0 ListenDrops=0 PassiveOpens=0",
			.state = SYN_RECEIVED } },
	{ "established_not_accepted_closed_listener", "RFC 9293 3.10.5", .pre = "listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; state established; closelisten; > R. 1 ack 1;"
			"< . 1 ack 1; > R 1", .state = CLOSED } },
	/* A RST with an old timestamp ends an entry that has waited for a minute: then it may be the peer's. */
	{ "rst_with_an_old_timestamp_and_a_long_timeout", "RFC 7323 5.3", .pre = "sysctl synack_retries 8; listen 5",
		.syn = "mss 1000,ts T 0",
		.want = { "< S 0 $; > S. 0 ack 1; < R 1 <nop,nop,ts T-1000 R>; none; state syn_received; pass 70000;"
			"skim; < R 1 <nop,nop,ts T-1000 R>; none", .counters = "EmbryonicRsts=1", .state = LISTEN } },
	/*
	 * SYN-ACKs that are not answered. The clock of timers may lag behind the one that is read here while the
	 * machine is busy, so the bounds leave a third of a second or more.
	 */
	{ "synack_backs_off_and_ends", "RFC 6298 5", .pre = "sysctl synack_retries 2; listen 5",
		.want = { "mark; < S 0 $; > S. 0 ack 1; >@3000 S. 0 ack 1; elapsed >= 500; >@6000 S. 0 ack 1;"
			"elapsed >= 2000; gone 9000; elapsed >= 5500; < . 1 ack 1; > R 1",
			.counters = "TCPSynRetrans=2 AttemptFails=0", .state = LISTEN } },
	{ "synack_survives_lost_answers", "RFC 6298 5", .pre = "listen 5",
		.want = { "< S 0 $; > S. 0 ack 1; >@2000 S. 0 ack 1; < . 1 ack 1; accept; info rto = 3000000",
			.counters = "TCPSynRetrans=1 PassiveOpens=1" } },
};

WIRE_MAIN(rows)
