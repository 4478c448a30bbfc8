// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open (RFC 7413), the server, between SYN-ACK and third ACK: what may not open it, what a SYN-ACK says that
 * comes again, what programs see, and each way to end.
 */
#include "lib/test.h"
#include "lib/wire.h"

/* Of net.xtcp.fastopen: servers, and text needs no cookie. */
#define LIMITED(n)	"sysctl fastopen 514; listen; set FASTOPEN " #n
#define ON		LIMITED(5)
#define OPENS		"< S 0(10) $; > S. 0 ack 11;"
#define READ		OPENS "accept; read 10;"
#define TIMESTAMPS	"mss 1440,nop,nop,ts T 0"

/* Whoever counted counts no more. */
#define ANOTHER		"fresh;" OPENS

/* A listener hands this to what it accepts, and to what nobody accepts. */
static int listener_resets(struct wire *w)
{
	struct linger reset = { .l_onoff = 1 };

	if (setsockopt(w->c.lfd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		return wire_fail(w, "SO_LINGER: %s", strerror(errno));
	return wire_script_run(w, READ "close; > R. 1 ack 11; none; fresh;" OPENS "closelisten; > R. 1 ack 11; none");
}

/* One octet less is there than @left says. */
static int read_one(struct wire *w, int left)
{
	char octet, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = &octet, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int got;

	if (recvmsg(w->c.fd, &msg, MSG_DONTWAIT) != 1)
		return wire_fail(w, "recvmsg: %s", strerror(errno));
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != IPPROTO_TCP || cmsg->cmsg_type != TCP_CM_INQ)
		return wire_fail(w, "no TCP_CM_INQ");
	memcpy(&got, CMSG_DATA(cmsg), sizeof(got));
	return got == left ? wire_script_run(w, "passed 1") : wire_fail(w, "TCP_CM_INQ is %d, want %d", got, left);
}

static int tells_what_is_left(struct wire *w)
{
	if (wire_script_run(w, OPENS "accept; set INQ 1") || read_one(w, 9) ||
	    wire_script_run(w, "read 8") || read_one(w, 0))
		return -1;
	return wire_script_run(w, "< P. 11(10) ack 1; skim") || read_one(w, 9) ? -1 : 0;
}

static const struct wire_row rows[] = {
	/* What the third ACK echoes. */
	{ "an_echo_of_before_opens_nothing", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "< . 11 ack 1 <ts T R-1000>; > . 1 ack 11; state syn_received; < . 11 ack 1; none",
			.counters = "PAWSEstab=1 TCPFastOpenPassive=1" }, .kernel_differs = "believes it",
		.kernel = { READ "< . 11 ack 1 <ts T R-1000>; none", .counters = "PAWSEstab=0 TCPFastOpenPassive=1" } },
	{ "text_with_an_echo_of_before_is_not_taken", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "write 20; > P. 1(20) ack 11; < P. 11(10) ack 21 <ts T R-1000>; > . 21 ack 11;"
			"state syn_received; read EAGAIN; < P. 11(10) ack 21; >@1000 . 21 ack 21; read 10",
			.counters = "PAWSEstab=1" }, .kernel_differs = "believes it",
		.kernel = { READ "write 20; > P. 1(20) ack 11; < P. 11(10) ack 21 <ts T R-1000>; >@1000 . 21 ack 21;"
			"read 10", .counters = "PAWSEstab=0" } },
	{ "an_echo_of_the_future_opens_nothing", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "< . 11 ack 1 <ts T R+100000>; > . 1 ack 11; state syn_received; < . 11 ack 1; none",
			.counters = "PAWSEstab=1" }, .kernel_differs = "believes it",
		.kernel = { READ "< . 11 ack 1 <ts T R+100000>; none", .counters = "PAWSEstab=0" } },
	{ "an_echo_of_nothing_opens_it", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "< . 11 ack 1 <ts T 0>; none" } },
	{ "the_echo_of_the_first_syn_ack_opens_it", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "keep R; >@3000 S. 0 ack 11; < . 11 ack 1 <ts T K>; none",
			.counters = "PAWSEstab=0 TCPSynRetrans=1" } },
	{ "the_echo_of_the_second_syn_ack_opens_it", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "keep R; >@3000 S. 0 ack 11; check R >= K+900; < . 11 ack 1; none",
			.counters = "PAWSEstab=0 TCPSynRetrans=1" } },
	/* the SYN-ACK in flight takes no room of the initial window */
	{ "a_whole_window_goes_before_the_third_ack", "RFC 7413 4.2.2", .pre = ON,
		.want = { READ "write 10000; > p. 1(1000) ack 11 x9; > P. 9001(1000) ack 11; none; < . 11 ack 10001;"
			"none" } },
	{ "the_echo_of_an_answer_opens_it", "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { READ "pass 30; write 20; > P. 1(20) ack 11; pass 30; < . 11 ack 21; none",
			.counters = "PAWSEstab=0" } },
	/* A SYN-ACK that comes again when an answer has gone ahead of the third ACK. */
	{ "a_repeated_syn_ack_takes_no_window_back", "RFC 9293 3.8.6", .id = "SHLD-14",
		.pre = "sysctl rmem 4096 131072 6291456;" ON "; set RCVBUF 200000", .syn = "mss 1440,sackok,nop,ws 3",
		.want = { "< S 0(1400) $; > S. 0 ack 1401 win 65535; accept; read 1400; write 20;"
			"> P. 1(20) ack 1401 win over:520; >@3000 S. 0 ack 1401 win 65535; < P. 1401+66000(100) ack 1;"
			"> . 21 ack 1401 <sack 67401:67501>; state established; skim", .counters = "TCPOFOQueue=1" },
		.kernel_differs = "offers no more than the SYN-ACK before the third ACK",
		.kernel = { "< S 0(1400) $; > S. 0 ack 1401 win 65535; accept; read 1400; write 20;"
			"> P. 1(20) ack 1401 win under:16385; >@3000 S. 0 ack 1401 win 65535; < . 1401 ack 21; none",
			.counters = "TCPOFOQueue=0" } },
	{ "a_repeated_syn_ack_is_not_urgent", "RFC 9293 3.1", .pre = ON,
		.want = { READ "write 20 urgent; > PU. 1(20) ack 11 urg 20; >@3000 S. 0 ack 11 urg 0; < . 11 ack 21;"
			"none", .counters = "TCPSynRetrans=1" } },
	{ "nagle_remembers_an_answer_that_went_ahead", "RFC 9293 3.7.4", .id = "SHLD-7", .pre = ON,
		.want = { READ "write 20; > P. 1(20) ack 11; < . 11 ack 1; write 5; none; < . 11 ack 21;"
			"> P. 21(5) ack 11; < . 11 ack 26; none", .counters = "RetransSegs=0" } },
	/* What programs see. */
	{ "it_is_peeked_at_polled_and_read", "RFC 7413 4.2.2", .pre = ON,
		.want = { OPENS "accept; poll IN OUT; inq 0; peek 4; peek 10; poll IN OUT; read 10; poll OUT;"
			"read EAGAIN; peek EAGAIN; state syn_received; < . 11 ack 1; poll OUT; < P. 11(10) ack 1;"
			"poll IN OUT; inq 10; skim" } },
	{ "tcp_inq_tells_what_is_left", "RFC 7413 4.2.2", .pre = ON, .run = tells_what_is_left,
		.want = { .state = ESTABLISHED } },
	/* Ends. */
	{ "abort_resets", "RFC 9293 3.10.5", .pre = LIMITED(1),
		.want = { READ "abort; > R. 1 ack 11; none;" ANOTHER,
			.counters = "TCPAbortOnData=1 OutRsts=1 TCPFastOpenPassive=2 TCPFastOpenListenOverflow=0",
			.state = SYN_RECEIVED } },
	{ "abort_resets_behind_an_answer", "RFC 9293 3.10.5", .pre = LIMITED(1),
		.want = { READ "write 20; > P. 1(20) ack 11; abort; > R. 21 ack 11; none;" ANOTHER,
			.counters = "TCPAbortOnData=1 OutRsts=1 TCPFastOpenPassive=2", .state = SYN_RECEIVED } },
	{ "a_listener_that_resets_hands_it_on", "RFC 9293 3.10.5", .pre = ON, .run = listener_resets,
		.want = { .counters = "OutRsts=2 TCPFastOpenPassive=2", .state = CLOSED } },
	{ "a_hard_icmp_error_ends_it_while_nobody_has_accepted", "RFC 9293 3.9.2.2", .pre = LIMITED(1),
		.want = { OPENS "icmp port seq 0; none; accept; err ECONNREFUSED; read 10; read eof;" ANOTHER,
			.counters = "TCPFastOpenPassive=2 OutRsts=0", .state = SYN_RECEIVED } },
	{ "a_soft_icmp_error_does_not", "RFC 9293 3.9.2.2", .id = "MUST-56", .pre = ON,
		.want = { OPENS "icmp net seq 0; none; accept; err ENETUNREACH; read 10; < . 11 ack 1; none" },
		.kernel_differs = "ends it",
		.kernel = { OPENS "icmp net seq 0; none; accept; err ENETUNREACH; read 10; read eof",
			.state = CLOSED } },
	{ "a_hard_icmp_error_is_not_the_end_after_close", "RFC 9293 3.9.2.2", .id = "SHLD-26", .pre = ON,
		.want = { READ "write 20; > P. 1(20) ack 11; close; icmp port seq 0; icmp port seq 1; none;"
			"< . 11 ack 21; > F. 21 ack 11; < F. 11 ack 22; > . 22 ack 12", .state = TIME_WAIT },
		.kernel_differs = "sends the FIN at once",
		.kernel = { READ "write 20; > P. 1(20) ack 11; close; > F. 21 ack 11; icmp port seq 0; icmp port seq 1;"
			"none; < F. 11 ack 22; > . 22 ack 12" } },
	{ "the_last_syn_ack_with_text_both_ways", "RFC 9293 3.8.3", .id = "MUST-20", .pre = ON "; set SYNCNT 2",
		.want = { OPENS "accept; read 5; write 20; > P. 1(20) ack 11; >@3000 S. 0 ack 11; >@5000 S. 0 ack 11;"
			"hup 9000; err ETIMEDOUT; read 5; read eof; write 1 EPIPE",
			.counters = "TCPSynRetrans=2 RetransSegs=2 TCPTimeouts=3 TCPAbortOnTimeout=1",
			.state = CLOSED } },
	{ "the_last_syn_ack_of_one_that_was_closed", "RFC 9293 3.8.3", .id = "MUST-20",
		.pre = LIMITED(1) "; set SYNCNT 2",
		.want = { READ "write 20; > P. 1(20) ack 11; close; >@3000 S. 0 ack 11; >@5000 S. 0 ack 11; gone 9000;"
			ANOTHER, .counters = "RetransSegs=2 TCPSynRetrans=2 TCPAbortOnTimeout=1 TCPFastOpenPassive=2",
			.state = SYN_RECEIVED },
		.kernel_differs = "sends the FIN at once",
		.kernel = { READ "write 20; > P. 1(20) ack 11; close; > F. 21 ack 11; >@3000 S. 0 ack 11;"
			">@5000 S. 0 ack 11; gone 9000;" ANOTHER } },
	/* SYNs. */
	{ "a_syn_with_fin_opens_nothing", "RFC 9293 3.10.7.2", .pre = ON,
		.want = { "< SF 0(10) $; none; accept EAGAIN", .counters = "TCPFastOpenPassive=0", .state = LISTEN } },
	{ "text_beyond_the_window_is_cut", "RFC 9293 3.10.7.4", .pre = ON "; set WINDOW_CLAMP 1152",
		.want = { "< S 0(1400) $; > S. 0 ack 1153; accept; read 1152; read EAGAIN; < . 1153 ack 1;"
			"< P. 1153(248) ack 1; >@1000 . 1 ack 1401; read 248" }, .kernel_differs = "takes it all",
		.kernel = { "< S 0(1400) $; > S. 0 ack 1401; accept; read 1400; < . 1401 ack 1; none" } },
	{ "text_that_asks_for_ecn", "RFC 3168 6.1.1", .pre = "sysctl ecn 1;" ON,
		.want = { "< SEC 0(10) $; > SE. 0 ack 11; accept; read 10; write 20; > P. 1(20) ack 11 tos 2;"
			"< . 11 ack 21; none; < P. 11(10) ack 21 tos 3; >@1000 E. 21 ack 21" } },
};

WIRE_MAIN(rows)
