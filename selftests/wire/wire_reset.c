// SPDX-License-Identifier: GPL-2.0
/*
 * RST and challenge ACK: which RST, SYN or ACK ends a connection or draws one (RFC 5961), and RSTs that are sent,
 * beyond what matrix/ has of each place in each state.
 */
#include "lib/wire.h"

#define OPEN_STATES	(ESTABLISHED | FIN_WAIT_1 | FIN_WAIT_2)
#define BOTH_OPENS	(PASSIVE | ACTIVE)

#define CHALLENGED	"TCPChallengeACK=1 EstabResets=0"

#define LIMITED(limit)	"sysctl invalid_ratelimit 0; sysctl challenge_ack_limit " limit
#define LIMIT(...)	.run = is_limited, .with = &(const struct limited){ __VA_ARGS__ }
#define SECOND		1000000000ull

struct limited {
	const char *step;	/* draws a challenge ACK */
	unsigned int limit;
};

/* Half of challenge_ack_limit and a random number in a second; a row may have spent one, so try a later one, too. */
static int is_limited(struct wire *w)
{
	const struct limited *l = w->row->with;
	const unsigned int least = (l->limit + 1) / 2, most = least + l->limit - 1;
	unsigned int tries = 0, answers = 0, burst, seconds;
	uint64_t began = wire_now();
	struct wire_segment seg;
	int n, later;

	for (later = 0; later < 3 && answers < least; later++) {
		if (later && wire_script_run(w, "pass 1000"))
			return -1;
		/* more tries than two seconds allow, however long they take */
		for (burst = 0; burst < 4 * most; burst++, tries++) {
			if (wire_script_run(w, l->step))
				return -1;
			while ((n = wire_peer_receive(w, &seg, 0)) > 0)
				answers++;
			if (n)
				return -1;
		}
	}
	seconds = (wire_now() - began) / SECOND + 2;
	if (answers < least || answers > seconds * most)
		return wire_fail(w, "%u of %u drew a challenge ACK, in %u seconds", answers, tries, seconds);
	return 0;
}

/* The second before this one may have had a smaller limit. */
static int all_for_resets(struct wire *w)
{
	for (int second = 0; second < 4; second++)
		if (wire_script_run(w, "pass 1100; < R N+1; > . S ack N; < R N+1; > . S ack N; none"))
			return -1;
	return 0;
}

static const struct wire_row rows[] = {
	/* RST in the synchronized states. */
	{ "rst_%s_left_edge", "RFC 5961 3.2", .in = OPEN_STATES | CLOSING | LAST_ACK, .via = BOTH_OPENS,
		.want = { "< R N; none", .state = CLOSED, .err = "ECONNRESET",
			.counters = "TCPChallengeACK=0 OutRsts=0" } },
	{ "rst_ack_%s_left_edge_bad_ack", "RFC 5961 3.2", .in = OPEN_STATES,
		.want = { "< R. N ack S+100000; none", .state = CLOSED, .err = "ECONNRESET" } },
	{ "rst_%s_with_data", "RFC 9293 3.5.3", .id = "SHLD-2", .in = OPEN_STATES,
		.want = { "< R N(100); none", .state = CLOSED, .err = "ECONNRESET" } },
	{ "rst_%s_inside", "RFC 5961 3.2", .in = SYNCHRONIZED, .via = BOTH_OPENS,
		.want = { "< R N+1; > . S ack N; none", .counters = CHALLENGED } },
	/* SND.NXT of a peer whose text has a hole. Who has sent the RST sends one at RCV.NXT for the challenge. */
	{ "rst_%s_behind_the_last_block", "RFC 5961 3.2", .in = ESTABLISHED, .syn = "mss 1000,sackok",
		.want = { "< . 1001(500) ack 1; > . 1 ack 1; < R 1501; > . 1 ack 1 <sack 1001:1501>; < R 1; none",
			.state = CLOSED, .err = "ECONNRESET", .counters = "TCPChallengeACK=1" },
		.kernel_differs = "also takes a RST at the end of its highest SACK block",
		.kernel = { "< . 1001(500) ack 1; > . 1 ack 1; < R 1501; none", .counters = "TCPChallengeACK=0" } },
	{ "rst_%s_last_octet_of_the_window", "RFC 5961 3.2", .in = SYNCHRONIZED,
		.want = { "< R W-1; > . S ack N; none", .counters = CHALLENGED } },
	{ "rst_%s_left_of_the_window", "RFC 5961 3.2", .in = SYNCHRONIZED,
		.want = { "< R N-1000; none; < R N-100000; none", .counters = "TCPChallengeACK=0" } },
	{ "rst_%s_bad_checksum", "RFC 9293 3.1", .id = "MUST-3", .in = ESTABLISHED,
		.want = { "< R N badsum; none", .counters = "InCsumErrors=1 InErrs=1 InSegs=1" } },
	/* RST before the connection is synchronized. */
	{ "rst_%s_left_edge", "RFC 9293 3.10.7.4", .id = "MUST-11", .in = SYN_RECEIVED,
		.want = { "< R 1; none", .state = LISTEN,
			.counters = "AttemptFails=1 EmbryonicRsts=1 TCPChallengeACK=0" } },
	{ "rst_%s_left_edge", "RFC 9293 3.10.7.4", .id = "MUST-11", .in = SYN_RECEIVED, .via = SIMULTANEOUS,
		.want = { "< R 1; none", .state = CLOSED, .err = "ECONNREFUSED", .counters = "AttemptFails=1" },
		.kernel_differs = "says ECONNRESET for a connection that never was",
		.kernel = { .err = "ECONNRESET" } },
	/* Text does not make a RST draw more answers: who forges both SYN and RSTs floods a victim with these. */
	{ "rst_%s_with_text_inside_twice", "RFC 5961 7", .in = SYN_RECEIVED,
		.want = { "< R N+1(5); > . S ack N; < R N+1(5); < FR N+1; none",
			.counters = "TCPChallengeACK=1 TCPACKSkippedChallenge=2" } },
	{ "rst_%s", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< R 0; none; < R. 0 ack 5; none; < RS 0; none; < RSF. 0 ack 5; none" } },
	/* ACK that cannot be. */
	{ "ack_%s_old", "RFC 5961 5.2", .id = "MAY-12", .in = ESTABLISHED | CLOSE_WAIT,
		.want = { "write 2000; > p. 1(1000) ack N; > P. 1001(1000) ack N; < . N ack 2001; < . N ack 1001; none;"
			"< . N ack 1; none", .counters = "TCPChallengeACK=0" } },
	{ "data_%s_without_ack", "RFC 9293 3.10.7.4", .in = OPEN_STATES,
		.want = { "< P N(100); none; < F N; none; < - N(100); none; read EAGAIN" } },
	{ "ack_%s_bad", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .via = PASSIVE | SIMULTANEOUS,
		.want = { "< . 1 ack 5; > R 5; < P. 1(10) ack 2; > R 2; none" } },
	{ "ack_%s_good", "RFC 9293 3.10.7.3", .in = SYN_SENT,
		.want = { "< . 1 ack 1; none; < P. 1(10) ack 1; none; < F. 1 ack 1; none" } },
	{ "fin_%s", "RFC 9293 3.10.7.3", .in = SYN_SENT,
		.want = { "< F 0; none; < - 0; none; < P 0(10); none; < U 0 urg 1; none" } },
	{ "ack_%s", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< . 5 ack 77; > R 77; < P. 5(10) ack 0; > R 0; < F. 5 ack 9; > R 9" } },
	{ "fin_%s", "RFC 9293 3.10.7.2", .in = LISTEN,
		.want = { "< F 0; none; < - 0; none; < P 0(10); none; < FPU 0 urg 9; none", .counters = "OutRsts=0" } },
	/* Segments outside the window. */
	{ "ack_%s_left_of_the_window", "RFC 9293 3.10.7.4", .in = SYNCHRONIZED | TIME_WAIT, .via = BOTH_OPENS,
		.want = { "< . N-1000 ack U; > . S ack N; none" } },
	{ "fin_ack_%s_left_of_the_window_again", "RFC 9293 3.10.7.4", .in = SYNCHRONIZED | TIME_WAIT,
		.want = { "< . N-1000 ack U; > . S ack N; < F. N-1000 ack U; > . S ack N; < F. N-1000 ack U;"
			"> . S ack N; < . N-1000 ack U; none" } },
	/* A port that nobody has. */
	{ "ack_closed", "RFC 9293 3.10.7.1",
		.want = { "< . 5 ack 77; > R 77; < P. 5(10) ack 88; > R 88; < F. 5 ack 99; > R 99; < SF. 5(3) ack 11;"
			"> R 11" } },
	{ "syn_closed", "RFC 9293 3.10.7.1",
		.want = { "< S 0 $; > R. 0 ack 1; < S 0(10); > R. 0 ack 11; < SF 7(3); > R. 0 ack 12" } },
	{ "no_ack_closed", "RFC 9293 3.10.7.1",
		.want = { "< F 0(5); > R. 0 ack 6; < - 3(4); > R. 0 ack 7; < P 9; > R. 0 ack 9" } },
	{ "rst_closed", "RFC 9293 3.10.7.1",
		.want = { "< R 0; none; < R. 0 ack 5; none; < SR 0; none; < FR. 0(9) ack 4; none" } },
	{ "ack_closed_bad_checksum", "RFC 9293 3.1", .id = "MUST-3", .want = { "< . 5 ack 77 badsum; none" } },
	/* The limit on challenges is the socket's own. */
	{ "rst_%s_limits_each_socket_alone", "RFC 5961 10", .in = ESTABLISHED,
		.want = { "< R N+1; > . S ack N; < R N+1; none; fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 1; < R N+1;"
			"> . S ack N; none; accept", .counters = "TCPChallengeACK=2 TCPACKSkippedChallenge=1" } },
	/* The limit of the namespace, which is off unless somebody sets it. */
	{ "rst_%s_inside_challenge_ack_limit_1", "RFC 5961 7", .in = SYNCHRONIZED | SYN_RECEIVED, .pre = LIMITED("1"),
		LIMIT("< R N+1", 1) },
	{ "syn_%s_challenge_ack_limit_1", "RFC 5961 7", .in = SYNCHRONIZED, .pre = LIMITED("1"),
		LIMIT("< S N+1", 1) },
	{ "rst_%s_inside_challenge_ack_limit_20", "RFC 5961 7", .in = ESTABLISHED, .pre = LIMITED("20"),
		LIMIT("< R N+1", 20) },
	{ "rst_%s_inside_challenge_ack_limit_2000000000", "RFC 5961 7", .in = ESTABLISHED, .pre = LIMITED("2000000000"),
		.run = all_for_resets },
	/* What is not acceptable is answered as ever: that is no challenge. */
	{ "ack_%s_left_of_the_window_challenge_ack_limit_1", "RFC 5961 7", .in = SYNCHRONIZED, .pre = LIMITED("1"),
		.want = { "< . N-1000 ack U; > . S ack N; < . N-1000 ack U; > . S ack N; < . N-1000 ack U; > . S ack N;"
			"none", .counters = "TCPChallengeACK=0" } },
};

WIRE_MAIN(rows)
