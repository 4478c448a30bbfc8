// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open (RFC 7413), the server, between SYN-ACK and third ACK: what may not open it, what a SYN-ACK says that
 * comes again, what programs see, and each way to end.
 */
#include "lib/wire.h"

/* Of net.xtcp.fastopen: servers, and text needs no cookie. */
#define LIMITED(n)	"sysctl fastopen 514; listen; set FASTOPEN " #n
#define ON		LIMITED(5)
#define OPENS		"< S 0(10) $; > S. 0 ack 11;"
#define READ		OPENS "accept; read 10;"
#define TIMESTAMPS	"mss 1440,nop,nop,ts T 0"

/* Whoever counted counts no more. */
#define ANOTHER		"fresh;" OPENS

static const struct wire_row rows[] = {
	/* What the third ACK echoes. */
	{
		.name = "an_echo_of_before_opens_nothing", .rfc = "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = {
			.script = READ "< . 11 ack 1 <ts T R-1000>; > . 1 ack 11; state syn_received;"
				  "< . 11 ack 1; none",
			.state = ESTABLISHED, .counters = "PAWSEstab=1 TCPFastOpenPassive=1",
		},
		.kernel_differs = "believes it",
		.kernel = {
			.script = READ "< . 11 ack 1 <ts T R-1000>; none",
			.counters = "PAWSEstab=0 TCPFastOpenPassive=1",
		},
	},
	{
		.name = "text_with_an_echo_of_before_is_not_taken", .rfc = "RFC 7323 3.2", .pre = ON,
		.syn = TIMESTAMPS,
		.want = {
			.script = READ "write 20; > P. 1(20) ack 11; < P. 11(10) ack 21 <ts T R-1000>; > . 21 ack 11;"
				  "state syn_received; read EAGAIN; < P. 11(10) ack 21; >@1000 . 21 ack 21; read 10",
			.state = ESTABLISHED, .counters = "PAWSEstab=1",
		},
		.kernel_differs = "believes it",
		.kernel = {
			.script = READ "write 20; > P. 1(20) ack 11; < P. 11(10) ack 21 <ts T R-1000>;"
				  ">@1000 . 21 ack 21; read 10",
			.counters = "PAWSEstab=0",
		},
	},
	{
		.name = "an_echo_of_the_future_opens_nothing", .rfc = "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = {
			.script = READ "< . 11 ack 1 <ts T R+100000>; > . 1 ack 11; state syn_received;"
				  "< . 11 ack 1; none",
			.state = ESTABLISHED, .counters = "PAWSEstab=1",
		},
		.kernel_differs = "believes it",
		.kernel = { .script = READ "< . 11 ack 1 <ts T R+100000>; none", .counters = "PAWSEstab=0" },
	},
	{
		.name = "an_echo_of_nothing_opens_it", .rfc = "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = { .script = READ "< . 11 ack 1 <ts T 0>; none", .state = ESTABLISHED },
	},
	{
		.name = "the_echo_of_the_first_syn_ack_opens_it", .rfc = "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = {
			.script = READ "keep R; >@3000 S. 0 ack 11; < . 11 ack 1 <ts T K>; none",
			.state = ESTABLISHED, .counters = "PAWSEstab=0 TCPSynRetrans=1",
		},
	},
	{
		.name = "the_echo_of_the_second_syn_ack_opens_it", .rfc = "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = {
			.script = READ "keep R; >@3000 S. 0 ack 11; check R >= K+900; < . 11 ack 1; none",
			.state = ESTABLISHED, .counters = "PAWSEstab=0 TCPSynRetrans=1",
		},
	},
	{
		.name = "the_echo_of_an_answer_opens_it", .rfc = "RFC 7323 3.2", .pre = ON, .syn = TIMESTAMPS,
		.want = {
			.script = READ "pass 30; write 20; > P. 1(20) ack 11; pass 30; < . 11 ack 21; none",
			.state = ESTABLISHED, .counters = "PAWSEstab=0",
		},
	},

	/* A SYN-ACK that comes again when an answer has gone ahead of the third ACK. */
	{
		.name = "a_repeated_syn_ack_takes_no_window_back", .rfc = "RFC 9293 3.8.6", .id = "SHLD-14",
		.pre = ON "; set RCVBUF 200000", .syn = "mss 1440,sackok,nop,ws 3",
		.want = {
			.script = "< S 0(1400) $; > S. 0 ack 1401 win 65535; accept; read 1400; write 20;"
				  "> P. 1(20) ack 1401 win over:520; >@3000 S. 0 ack 1401 win 65535;"
				  "< P. 1401+66000(100) ack 1; > . 21 ack 1401 <sack 67401:67501>;"
				  "state established; skim",
			.state = ESTABLISHED, .counters = "TCPOFOQueue=1",
		},
		.kernel_differs = "offers no more than the SYN-ACK before the third ACK",
		.kernel = {
			.script = "< S 0(1400) $; > S. 0 ack 1401 win 65535; accept; read 1400; write 20;"
				  "> P. 1(20) ack 1401 win under:16385; >@3000 S. 0 ack 1401 win 65535;"
				  "< . 1401 ack 21; none",
			.counters = "TCPOFOQueue=0",
		},
	},
	{
		.name = "a_repeated_syn_ack_is_not_urgent", .rfc = "RFC 9293 3.1", .pre = ON,
		.want = {
			.script = READ "write 20 urgent; > PU. 1(20) ack 11 urg 20; >@3000 S. 0 ack 11 urg 0;"
				  "< . 11 ack 21; none",
			.state = ESTABLISHED, .counters = "TCPSynRetrans=1",
		},
	},
	{
		.name = "nagle_remembers_an_answer_that_went_ahead", .rfc = "RFC 9293 3.7.4", .id = "SHLD-7", .pre = ON,
		.want = {
			.script = READ "write 20; > P. 1(20) ack 11; < . 11 ack 1; write 5; none; < . 11 ack 21;"
				  "> P. 21(5) ack 11; < . 11 ack 26; none",
			.state = ESTABLISHED, .counters = "RetransSegs=0",
		},
	},
};

int main(int argc, char **argv)
{
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
