// SPDX-License-Identifier: GPL-2.0
/*
 * The diagnostic payload of a RST (draft-ietf-tcpm-rst-diagnostic-payload), which says why the connection ends: what
 * xtcp sends with net.xtcp.rst_diagnostic, and what it makes of one that comes. Kernel TCP runs the same rows: its RSTs
 * have no text, and it takes a RST with any text.
 */
#include "lib/wire.h"
#include "wire/whys.h"

#define ON		"sysctl xtcp/rst_diagnostic 1"
#define NO_PAYLOAD	"its RSTs have no text"

/* A RST without text, or behind it the payload with a code of IANA's. */
#define SAYS(before, rst, code)	.want.script = before "> " rst " text 33aa" code "00000000; none", \
	.want.counters = "OutRsts=1 TCPRstDiagSent=1 TCPOrigDataSent=0", .kernel_differs = NO_PAYLOAD, \
	.kernel.script = before "> " rst "; none", .kernel.counters = "OutRsts=1"

#define SAYS_NOTHING(before, rst)	.want.script = before "> " rst "; none", \
	.want.counters = "OutRsts=1 TCPRstDiagSent=0", NO_OWN("OutRsts=1")

#define NOBODY_READS	"0002"
#define ABORT		"0003"
#define TIMEOUT		"0010"

#define TOLD_BY	"reset peer R ECONNRESET"

#define REMEMBERED	TOLD_BY " 65535 32473"

/* A RST comes, with this text; @why is what XTCP_ABORT says of it. */
#define TOLD(text, why)	.want.script = RESET_BY("R N text " text, TOLD_BY " " why) "; why " TOLD_BY " " why, \
	.want.state = CLOSED, .want.counters = "TCPRstDiagRecv=1 TCPRstDiagMalformed=0 TCPAbortOnReset=1 OutRsts=0", \
	NO_OWN("OutRsts=0")

#define MALFORMED(rst)	.want.script = RESET_BY(rst, TOLD_BY), \
	.want.state = CLOSED, .want.counters = "TCPRstDiagRecv=0 TCPRstDiagMalformed=1 TCPAbortOnReset=1", \
	NO_OWN("OutRsts=0")

#define OTHER(rst)	.want.script = RESET_BY(rst, TOLD_BY), \
	.want.state = CLOSED, .want.counters = "TCPRstDiagRecv=0 TCPRstDiagMalformed=0 TCPAbortOnReset=1", \
	NO_OWN("OutRsts=0")

#define FORMAT	"rstdiag 4.1"	/* sections of the draft */
#define READING	"rstdiag 4.2"

static const struct wire_row rows[] = {
	{ "rst_%s_says_that_data_was_unread", FORMAT, .in = ESTABLISHED, .via = PASSIVE | ACTIVE, .pre = ON,
		SAYS("< P. 1(100) ack 1; >@1000 . 1 ack 101; close;", "R. 1 ack 101", NOBODY_READS),
		.want.state = CLOSED },
	/* it answers a segment, and acknowledges nothing */
	{ "rst_%s_says_that_data_came_too_late", FORMAT, .in = FIN_WAIT_1 | FIN_WAIT_2, .pre = ON,
		SAYS("shutrd; < P. N(1) ack S;", "R S", NOBODY_READS), .want.state = CLOSED, .want.err = "ECONNRESET" },
	{ "rst_%s_says_that_the_program_aborts", FORMAT,
		.in = SYN_RECEIVED | ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2 | CLOSE_WAIT, .via = ACTIVE | SIMULTANEOUS,
		.pre = ON, SAYS("abort;", "R. S ack N", ABORT), .want.state = CLOSED },
	{ "rst_%s_says_it_beside_timestamps", FORMAT, .in = ESTABLISHED, .pre = ON, .syn = "mss 1000,nop,nop,ts T 0",
		SAYS("abort;", "R. S ack N", ABORT), .want.state = CLOSED },
	{ "rst_%s_says_it_to_the_smallest_mss", FORMAT, .in = ESTABLISHED, .pre = ON, .syn = "mss 1,nop,nop,ts T 0",
		SAYS("abort;", "R. S ack N", ABORT), .want.state = CLOSED },
	/* the payload does not go out as data would: it is not ECN-capable */
	{ "rst_says_it_without_ect", "RFC 3168 5.2", .pre = "sysctl ecn 1;" ON,
		SAYS("listen; < SEC 0 $; > SE. 0 ack 1; < . 1 ack 1; accept; abort;", "R. 1 ack 1 tos 0", ABORT),
		.want.state = CLOSED },
	{ "rst_%s_behind_data", FORMAT, .in = ESTABLISHED, .pre = ON,
		.want.script = "write 100; > P. 1(100) ack 1; abort; > R. 101 ack 1 text 33aa000300000000; none",
		.want.state = CLOSED, .want.counters = "OutRsts=1 TCPRstDiagSent=1 TCPOrigDataSent=1",
		.kernel_differs = NO_PAYLOAD,
		.kernel.script = "write 100; > P. 1(100) ack 1; abort; > R. 101 ack 1; none",
		.kernel.counters = "OutRsts=1" },
	{ "rst_%s_says_that_the_listener_closed", FORMAT, .in = SYN_RECEIVED, .pre = ON,
		SAYS("< . 1 ack 1; closelisten;", "R. 1 ack 1", ABORT), .want.state = CLOSED },
	{ "rst_%s_says_that_the_program_disconnects", FORMAT, .in = ESTABLISHED, .pre = ON,
		.want = { "disconnect; > R. 1 ack 1 text 33aa000300000000; err ECONNRESET", .state = CLOSED },
		.kernel_differs = NO_PAYLOAD, .kernel.script = "disconnect; > R. 1 ack 1; err ECONNRESET" },
	{ "rst_%s_says_that_keepalive_gave_up", FORMAT, .in = ESTABLISHED, .pre = ON,
		SAYS("set KEEPIDLE 1; set KEEPINTVL 1; set KEEPCNT 1; set KEEPALIVE 1; >@2000 . S-1 ack N; hup 3000;",
		     "R. S ack N", TIMEOUT), .want.state = CLOSED, .want.err = "ETIMEDOUT" },
	{ "rst_%s_says_that_there_are_too_many_orphans", FORMAT, .in = ESTABLISHED, .pre = ON,
		.want = { "sysctl max_orphans 0; close; > F. 1 ack 1; > R. 2 ack 1 text 33aa000c00000000; none",
			.state = CLOSED, .counters = "OutRsts=1 TCPRstDiagSent=1" },
		.kernel_differs = "has this limit for all namespaces, so it is not set here",
		.kernel = { "close; > F. 1 ack 1; none", .state = FIN_WAIT_1, .counters = "OutRsts=0" } },
	{ "rst_%s_says_nothing_by_default", "rstdiag 6.3", .in = ESTABLISHED, SAYS_NOTHING("abort;", "R. S ack N"),
		.want.state = CLOSED },
	/* the peer might not accept what has no room */
	{ "rst_%s_says_nothing_to_a_closed_window", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON,
		SAYS_NOTHING("< . 1 ack 1 win 0; abort;", "R. S ack N"), .want.state = CLOSED },
	{ "rst_%s_says_nothing_to_a_window_of_seven", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON,
		SAYS_NOTHING("< . 1 ack 1 win 7; abort;", "R. S ack N"), .want.state = CLOSED },
	{ "rst_%s_says_it_to_a_window_of_eight", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON,
		SAYS("< . 1 ack 1 win 8; abort;", "R. S ack N", ABORT), .want.state = CLOSED },
	{ "rst_%s_says_nothing_behind_a_full_window", "RFC 9293 3.10.7.4", .in = ESTABLISHED, .pre = ON,
		SAYS_NOTHING("< . 1 ack 1 win 100; write 100; > P. 1(100) ack 1; abort;", "R. 101 ack 1"),
		.want.state = CLOSED },
	/* Without a connection a RST is never larger than what it answers. */
	{ "rst_listen_says_nothing", "RFC 9293 3.10.7.2", .in = LISTEN, .pre = ON,
		.want = { "< P. 1(1000) ack 77; > R 77; none", .counters = "TCPRstDiagSent=0" }, NO_OWN("OutRsts=1") },
	{ "rst_%s_says_nothing_to_a_wrong_ack", "RFC 9293 3.10.7.4", .in = SYN_SENT | SYN_RECEIVED, .pre = ON,
		SAYS_NOTHING("< . 1 ack 1000;", "R 1000") },
	/* the socket is closed, and its peer does not know it yet */
	{ "rst_%s_says_it_once", FORMAT, .in = FIN_WAIT_1, .pre = ON,
		.want = { "shutrd; < P. 1(100) ack 2; > R 2 text 33aa000200000000; < P. 101(100) ack 2; > R 2; none",
			.state = CLOSED, .err = "ECONNRESET", .counters = "TCPRstDiagSent=1" },
		.kernel_differs = NO_PAYLOAD,
		.kernel = { "shutrd; < P. 1(100) ack 2; > R 2; < P. 101(100) ack 2; > R 2; none",
			.counters = "OutRsts=2" } },
	/* What comes is read, whatever the knob says. */
	{ "rst_%s_tells_why", READING, .in = ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2 | CLOSING | LAST_ACK,
		TOLD("33aa000c00000000", "12 0") },
	{ "rst_%s_tells_why_to_one_that_tells", READING, .in = ESTABLISHED, .pre = ON,
		TOLD("33aa000300000000", "3 0") },
	{ "rst_%s_tells_why_with_an_ack", READING, .in = CLOSE_WAIT, .via = PASSIVE | ACTIVE,
		.want = { "< R. N ack S text 33aa001000000000; none; why reset peer R. EPIPE 16 0", .state = CLOSED,
			.err = "EPIPE", .counters = "TCPRstDiagRecv=1" },
		NO_OWN("OutRsts=0") },
	{ "rst_tells_why_it_refuses", READING,
		.want = { "connect; > S 0; < R. 0 ack 1 text 33aa000b00000000; none;"
			"why reset peer R. ECONNREFUSED 11 0", .state = CLOSED, .err = "ECONNREFUSED",
			.counters = "TCPRstDiagRecv=1" },
		NO_OWN("OutRsts=0") },
	{ "rst_%s_tells_a_code_of_a_vendor", FORMAT, .in = ESTABLISHED, TOLD("33aa04d200007ed9", "1234 32473") },
	{ "rst_%s_tells_a_code_that_nobody_knows", READING, .in = ESTABLISHED,
		TOLD("33aaffffffffffff", "65535 4294967295") },
	/* any text is fine, also where no window has room for it */
	{ "rst_%s_tells_why_into_a_closed_window", "RFC 5961 3.2", .in = ESTABLISHED,
		.want = { "fill; skim; < R N text 33aa000c00000000; none; why reset peer R ECONNRESET 12 0",
			.state = CLOSED, .err = "ECONNRESET" } },
	{ "rst_%s_remembered_until_the_next_syn", READING, .in = ESTABLISHED,
		.want = { RESET_BY("R N text 33aaffff00007ed9", REMEMBERED) "; disconnect; why " REMEMBERED ";"
			"set KEEPIDLE 7; set KEEPALIVE 1; why " REMEMBERED ";" CONNECTED_AGAIN, .state = CLOSED } },
	/* the half-open connection ends, and nobody asks why */
	{ "rst_%s_tells_nobody", READING, .in = SYN_RECEIVED,
		.want = { "< R N text 33aa000c00000000; none; < . 1 ack 1; > R 1", .state = LISTEN,
			.counters = "TCPRstDiagRecv=0" },
		NO_OWN("OutRsts=1") },
	{ "rst_%s_with_code_0", FORMAT, .in = ESTABLISHED, MALFORMED("R N text 33aa000000007ed9") },
	{ "rst_%s_with_the_magic_number_alone", FORMAT, .in = ESTABLISHED, MALFORMED("R N text 33aa") },
	{ "rst_%s_with_a_payload_that_is_cut", FORMAT, .in = ESTABLISHED, MALFORMED("R N text 33aa0003000000") },
	{ "rst_%s_with_a_payload_that_goes_on", FORMAT, .in = ESTABLISHED, MALFORMED("R N text 33aa00030000000000") },
	{ "rst_%s_with_a_payload_and_a_fin", FORMAT, .in = ESTABLISHED,
		.want = { RESET_BY("FR N text 33aa000300000000", "reset peer FR ECONNRESET"), .state = CLOSED,
			.counters = "TCPRstDiagRecv=0 TCPRstDiagMalformed=1" },
		NO_OWN("OutRsts=0") },
	/* seven octets and a FIN: SEG.LEN is 8 */
	{ "rst_%s_with_a_fin_in_place_of_an_octet", FORMAT, .in = ESTABLISHED,
		.want = { RESET_BY("FR N text 33aa0003000000", "reset peer FR ECONNRESET"), .state = CLOSED,
			.counters = "TCPRstDiagRecv=0 TCPRstDiagMalformed=1" },
		NO_OWN("OutRsts=0") },
	{ "rst_%s_with_other_text", "RFC 9293 3.5.3", .id = "SHLD-2", .in = ESTABLISHED,
		OTHER("R N text 6279652062796521") },
	{ "rst_%s_with_one_octet", "RFC 9293 3.5.3", .id = "SHLD-2", .in = ESTABLISHED, OTHER("R N text 33") },
	{ "rst_%s_with_much_text", "RFC 9293 3.5.3", .id = "SHLD-2", .in = ESTABLISHED, OTHER("R N(1400)") },
	/* the draft of 2025 had CBOR */
	{ "rst_%s_with_a_payload_of_an_older_draft", FORMAT, .in = ESTABLISHED, OTHER("R N text 193039a10102") },
	/* What does not reset says nothing. */
	{ "rst_%s_that_is_challenged_tells_nothing", "RFC 5961 3.2", .in = ESTABLISHED,
		.want = { "< R N+1 text 33aa000c00000000; > . S ack N; why none none - none",
			.counters = "TCPRstDiagRecv=0 TCPRstDiagMalformed=0 TCPChallengeACK=1" },
		NO_OWN("OutRsts=0") },
	{ "rst_%s_outside_the_window_tells_nothing", "RFC 5961 3.2", .in = ESTABLISHED,
		.want = { "< R W+1000 text 33aa000c00000000; none; why none none - none",
			.counters = "TCPRstDiagRecv=0 TCPRstDiagMalformed=0" },
		NO_OWN("OutRsts=0") },
	{ "rst_refuses_with_a_wrong_ack_and_tells_nothing", "RFC 9293 3.10.7.3",
		.want = { "connect; > S 0; < R. 0 ack 2 text 33aa000b00000000; none; why none none - none; abort; none",
			.state = CLOSED, .counters = "TCPRstDiagRecv=0" },
		.kernel_differs = "sends its SYN again at once",
		.kernel = { "connect; > S 0; < R. 0 ack 2 text 33aa000b00000000; >@500 S 0; abort; none",
			.counters = "OutRsts=0" } },
	/* The signature of a RST covers its payload (RFC 2385). */
	{ "abort_of_a_signed_connection", FORMAT, .in = ESTABLISHED, .via = PASSIVE,
		.pre = ON "; listen; md5listener secret; key secret", SAYS("abort;", "R. S ack N", ABORT),
		.want.state = CLOSED },
};

WIRE_MAIN(rows)
