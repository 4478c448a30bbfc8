// SPDX-License-Identifier: GPL-2.0
/* Why a connection ended: what XTCP_ABORT and the counters tell. The error is that of kernel TCP. */
#include "lib/test.h"
#include "lib/wire.h"
#include "wire/whys.h"

#define OPEN_STATES	(ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2)

/* getsockopt() fills as much as there is room for. */
static int lengths(struct wire *w)
{
	static const int rooms[] = { 0, 1, 4, sizeof(struct xtcp_abort), sizeof(struct xtcp_abort) + 8 };
	unsigned char room[32];
	socklen_t len;
	size_t i, want;

	if (wire_script_run(w, "< R N; none"))
		return -1;
	for (i = 0; w->stack == WIRE_XTCP && i < sizeof(rooms) / sizeof(*rooms); i++) {
		memset(room, 0xaa, sizeof(room));
		len = rooms[i];
		want = len < sizeof(struct xtcp_abort) ? len : sizeof(struct xtcp_abort);
		if (getsockopt(w->c.fd, IPPROTO_TCP, XTCP_ABORT, room, &len) || len != want || room[want] != 0xaa ||
		    (want && room[0] != XTCP_ABORT_RESET))
			return wire_fail(w, "room for %d: %u octets, the first is %#x", rooms[i], len, room[0]);
	}
	len = -1;
	if (w->stack == WIRE_XTCP && (!getsockopt(w->c.fd, IPPROTO_TCP, XTCP_ABORT, room, &len) || errno != EINVAL))
		return wire_fail(w, "a negative length: %s", strerror(errno));
	len = sizeof(room);
	if (!setsockopt(w->c.fd, IPPROTO_TCP, XTCP_ABORT, room, len) || errno != ENOPROTOOPT)
		return wire_fail(w, "it can be set: %s", strerror(errno));
	return 0;
}

static const struct wire_row rows[] = {
	{ "why_%s_nothing_has_ended", .in = OPEN_STATES | CLOSE_WAIT | CLOSING | LAST_ACK,
		.want.script = "why none none - none" },
	{ "why_a_fresh_socket", "RFC 9293 3.10.6", .want = { "socket; why none none - none", .state = CLOSED } },
	{ "why_both_fins", "RFC 9293 3.6", .in = CLOSE_WAIT,
		.want = { "shut; > F. S ack N; < . N ack S; none; why none none - none", .state = CLOSED } },
	{ "why_%s_reset", "RFC 9293 3.10.7.4", .in = OPEN_STATES | CLOSING | LAST_ACK,
		.want = { RESET_BY("R N", "reset peer R ECONNRESET") "; why reset peer R ECONNRESET", .state = CLOSED,
			.counters = "TCPAbortOnReset=1" },
		NO_OWN("OutRsts=0") },
	{ "why_%s_reset_with_ack", "RFC 9293 3.10.7.4", .in = CLOSE_WAIT,
		.want = { "< R. N ack S; none; why reset peer R. EPIPE", .state = CLOSED, .err = "EPIPE" } },
	{ "why_%s_not_a_reset_that_is_challenged", "RFC 5961 3.2", .in = ESTABLISHED,
		.want.script = "< R N+1; > . S ack N; why none none - none" },
	{ "why_refused", "RFC 9293 3.10.7.3",
		.want = { "connect; > S 0; why none none - none; < R. 0 ack 1; none; why reset peer R. ECONNREFUSED",
			.state = CLOSED, .err = "ECONNREFUSED" } },
	{ "why_refused_then_connected_again", "RFC 9293 3.10.7.3",
		.want = { "connect; > S 0; < R. 0 ack 1; none; why reset peer R. ECONNREFUSED; err ECONNREFUSED;"
			"disconnect; why reset peer R. ECONNREFUSED;" CONNECTED_AGAIN, .state = CLOSED } },
	{ "why_an_icmp_error", "RFC 9293 3.9.2.2",
		.want = { "connect; > S 0; icmp port seq 0; none; why icmp network - ECONNREFUSED", .state = CLOSED,
			.err = "ECONNREFUSED", .counters = "TCPAbortOnIcmp=1" },
		NO_OWN("OutRsts=0") },
	{ "why_%s_not_an_icmp_error", "RFC 5927 5.2", .in = ESTABLISHED,
		.want.script = "write 100; > P. 1(100) ack 1; icmp port seq 1; none; why none none - none;"
			"< . 1 ack 101; none" },
	{ "why_no_answer_to_the_syn", "RFC 9293 3.8.3",
		.want = { "socket; set SYNCNT 1; connect; > S 0; >@2500 S 0; hup 4000; why timeout timer - ETIMEDOUT",
			.state = CLOSED, .err = "ETIMEDOUT", .counters = "TCPAbortOnTimeout=1" } },
	{ "why_no_answer_to_the_syn_in_the_user_timeout", "RFC 9293 3.8.3",
		.want = { "socket; set USER_TIMEOUT 1500; connect; > S 0; >@2500 S 0; hup 4000; skim;"
			"why user_timeout timer - ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1" } },
	{ "why_%s_no_answer_to_text", "RFC 9293 3.8.3", .in = ESTABLISHED, .pre = "sysctl retries2 2",
		.want = { "write 1000; > P. 1(1000) ack 1; >@1500 P. 1(1000) ack 1; hup 6000; skim;"
			"why timeout timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1" } },
	{ "why_%s_no_answer_in_the_user_timeout", "RFC 5482 3", .in = ESTABLISHED,
		.want = { "set USER_TIMEOUT 500; write 1000; > P. 1(1000) ack 1; hup 2000; skim;"
			"why user_timeout timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1" } },
	{ "why_%s_no_answer_to_keepalive", "RFC 9293 3.8.4", .in = ESTABLISHED,
		.want = { "set KEEPIDLE 1; set KEEPINTVL 1; set KEEPCNT 1; set KEEPALIVE 1; >@2000 . S-1 ack N;"
			"hup 3000; skim; why keepalive timer . ETIMEDOUT", .state = CLOSED, .err = "ETIMEDOUT",
			.counters = "TCPAbortOnTimeout=1" } },
	{ "why_%s_soft_error", "RFC 9293 3.9.2.2", .in = ESTABLISHED, .pre = "sysctl retries2 2",
		.want = { "write 1000; > P. 1(1000) ack 1; icmp host seq 1; >@1500 P. 1(1000) ack 1; hup 6000; skim;"
			"why timeout timer . EHOSTUNREACH", .state = CLOSED, .err = "EHOSTUNREACH" } },
	{ "why_%s_text_after_the_program_stopped_reading", "RFC 9293 3.6.1", .id = "SHLD-3",
		.in = FIN_WAIT_1 | FIN_WAIT_2,
		.want = { "shutrd; < P. N(100) ack S; > R S; none; why late_data program P. ECONNRESET",
			.state = CLOSED, .err = "ECONNRESET", .counters = "TCPAbortOnData=1 OutRsts=1" } },
	{ "why_%s_disconnected", "RFC 9293 3.10.5", .in = ESTABLISHED,
		.want = { "disconnect; > R. 1 ack 1; why disconnect program . ECONNRESET; err ECONNRESET;"
			"why disconnect program . ECONNRESET", .state = CLOSED, .counters = "TCPAbortOnDisconnect=1" },
		NO_OWN("OutRsts=1") },
	{ "why_%s_any_length", .in = ESTABLISHED, .run = lengths, .want = { .state = CLOSED, .err = "ECONNRESET" } },
};

WIRE_MAIN(rows)
