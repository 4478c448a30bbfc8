// SPDX-License-Identifier: GPL-2.0
/*
 * TCP_DEFER_ACCEPT: a connection is accepted once its first data is there. RFC 9293
 * knows no such thing; the rules are Linux's.
 */
#include "wire.h"

/* The timer of a SYN-ACK counts the timeout after it has sent: once /proc shows the next one, it has. */
static const struct wire_row rows[] = {
	{
		.name = "bare_ack_opens_nothing_data_does", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; state syn_received;"
				  "accept EAGAIN; < P. 1(10) ack 1; >@1000 . 1 ack 11; accept;"
				  "read 10",
			.counters = "TCPDeferAcceptDrop=1 PassiveOpens=1 ListenDrops=0",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "data_at_once_opens", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11;"
				  "accept; info segs_in = 2; info data_segs_in = 1; read 10",
			.counters = "TCPDeferAcceptDrop=0 PassiveOpens=1",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "fin_opens", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < F. 1 ack 1; >@1000 . 1 ack 2; accept;"
				  "read eof",
			.counters = "TCPDeferAcceptDrop=0 PassiveOpens=1",
			.state = CLOSE_WAIT,
		},
	},
	{
		.name = "rst_ends_the_wait_for_data", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; < R 1; none;"
				  "state listen",
			.counters = "TCPDeferAcceptDrop=1 EmbryonicRsts=1",
			.state = LISTEN,
		},
	},
	{
		.name = "last_timeout_asks_again_and_a_bare_ack_will_do",
		.rfc = "RFC 9293 3.10.7.4", .pre = "listen; set DEFER_ACCEPT 1",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; >@3000 S. 0 ack 1;"
				  "until Q >= 120; < . 1 ack 1; accept",
			.counters = "TCPDeferAcceptDrop=1 PassiveOpens=1 TCPTimeouts=1 RetransSegs=1",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "earlier_timeouts_send_nothing", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen; set DEFER_ACCEPT 3",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; mark;"
				  ">@6000 S. 0 ack 1; elapsed >= 2500; until Q >= 200;"
				  "< . 1 ack 1; accept",
			.counters = "TCPDeferAcceptDrop=1 PassiveOpens=1 TCPTimeouts=2 RetransSegs=1",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "without_a_bare_ack_every_timeout_sends", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; >@3000 S. 0 ack 1; < P. 1(10) ack 1;"
				  ">@1000 . 1 ack 11; accept; read 10",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "full_accept_queue_and_data", .rfc = "RFC 9293 3.10.7.4",
		.pre = "listen 5; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11; fresh;"
				  "< S 0 $; > S. 0 ack 1; listen 0; < . 1 ack 1; none;"
				  "< P. 1(10) ack 1; none; accept; < P. 1(10) ack 1;"
				  ">@1000 . 1 ack 11; accept; read 10",
			.counters = "TCPDeferAcceptDrop=1 ListenOverflows=1 ListenDrops=1 PassiveOpens=2",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "cookie_waits_for_data_too", .rfc = "RFC 4987 3.6",
		.pre = "sysctl syncookies 2; listen; set DEFER_ACCEPT 30", .syn = "mss 1440",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; state listen;"
				  "< P. 1(10) ack 1; >@1000 . 1 ack 11; accept; read 10",
			.counters = "TCPDeferAcceptDrop=1 SyncookiesRecv=1 PassiveOpens=1",
			.state = ESTABLISHED,
		},
		.kernel_differs = "opens it by the bare ACK: a cookie has no entry that could wait",
		.kernel = {
			.script = "< S 0 $; > S. 0 ack 1; < . 1 ack 1; none; accept",
			.counters = "TCPDeferAcceptDrop=0 SyncookiesRecv=1 PassiveOpens=1",
		},
	},
	{
		.name = "seconds_are_rounded_up_to_timeouts", .rfc = "RFC 9293 3.9.1",
		.pre = "listen",
		.want = {
			.script = "set DEFER_ACCEPT 5; get DEFER_ACCEPT 7; set DEFER_ACCEPT 1;"
				  "get DEFER_ACCEPT 1; set DEFER_ACCEPT 200; get DEFER_ACCEPT 247;"
				  "set DEFER_ACCEPT -1; get DEFER_ACCEPT 0; set DEFER_ACCEPT 0x7fffffff;"
				  "get DEFER_ACCEPT 29887",
			.state = LISTEN,
		},
	},
	{
		.name = "child_has_none_of_it", .rfc = "RFC 9293 3.9.1",
		.pre = "listen; set DEFER_ACCEPT 30",
		.want = {
			.script = "< S 0 $; > S. 0 ack 1; < P. 1(10) ack 1; >@1000 . 1 ack 11; accept;"
				  "get DEFER_ACCEPT 0; read 10",
			.state = ESTABLISHED,
		},
	},
	{
		.name = "clients_data_carries_its_ack", .rfc = "RFC 9293 3.10.7.3",
		.want = {
			.script = "socket; bind; set DEFER_ACCEPT 1; connect; > S 0; < S. 0 ack 1 $; none;"
				  "state established; write 10; > P. 1(10) ack 1",
			.state = ESTABLISHED,
		},
	},
};

int main(int argc, char **argv)
{
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
