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
};

int main(int argc, char **argv)
{
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
