// SPDX-License-Identifier: GPL-2.0
/*
 * Careful Resume on the wire (RFC 9959): what a connection saves of its path, when a later one jumps to half of it,
 * and what ends the jump. The peer is 200 ms away. Kernel TCP has no such thing.
 *
 * An earlier connection doubles its window from 10 to 160 segments, and so observes some 150 in a round trip: a slow
 * machine makes the round trips somewhat longer. The later one jumps to half of that as soon as its first ten are
 * acknowledged. Arithmetic is tested in unit/.
 */
#include "lib/wire.h"

#define RESUME		"sysctl careful_resume 3600; listen"
#define SYN		"mss 1000,sackok,nop,nop,ws 7"
#define OPENED_AT(ms)	"< S 0 $; > S. 0 ack 1; pass " #ms "; < . 1 ack 1; accept; set SNDBUFFORCE 2000000;"
#define FLIGHT_OF(ms)	"pass " #ms "; < . 1 ack S; skim;"
#define FLIGHT		FLIGHT_OF(200)
#define FIVE_FLIGHTS_OPEN OPENED_AT(200) "write 310000; skim;" FLIGHT FLIGHT FLIGHT FLIGHT FLIGHT
#define FIVE_FLIGHTS	FIVE_FLIGHTS_OPEN "abort; skim;"
#define EARLIER		FIVE_FLIGHTS "fresh;"
#define TEN_AT(ms)	OPENED_AT(ms) "write 400000; > p. 1(1000) ack 1 x10; none; pass " #ms ";"
#define LATER_AT(ms)	TEN_AT(ms) "< . 1 ack 10001;"
#define LATER		LATER_AT(200)
/* Slow start: twenty in flight at once. */
#define NO_JUMP		"> p. 10001(1000) ack 1 x20; none; info snd_cwnd = 20"
#define JUMPED		"info snd_cwnd >= 50; info snd_cwnd <= 80;"
#define ALL_SENT	"pass 250; skim; info unacked >= 50; info unacked <= 80;"

#define COUNT(jumped, validated, retreated)	\
	"TCPResumeJumped=" #jumped " TCPResumeValidated=" #validated " TCPResumeRetreated=" #retreated

static const struct wire_row rows[] = {
	{ "resume_off_by_default", "RFC 9959 3", .pre = "listen", .syn = SYN,
		.want = { EARLIER LATER NO_JUMP, .counters = COUNT(0, 0, 0) } },
	{ "resume_jumps_to_half_of_what_was_saved", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER JUMPED "abort; skim", .counters = COUNT(1, 0, 0) } },
	{ "resume_jumps_with_cubic", "RFC 9959 3.3", .pre = "sysctl congestion_control cubic;" RESUME, .syn = SYN,
		.want = { OPENED_AT(200) "write 210000; skim;" FLIGHT FLIGHT FLIGHT FLIGHT "abort; skim; fresh;" LATER
			"info snd_cwnd >= 25; info snd_cwnd <= 40; skim", .counters = COUNT(1, 0, 0) } },
	/* these have a model, or a reaction to marks, of their own */
	{ "resume_not_with_bbr", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER "set CONGESTION bbr;" OPENED_AT(200) "write 400000; skim;" FLIGHT FLIGHT "abort;"
			"skim", .counters = COUNT(0, 0, 0) } },
	{ "resume_not_with_dctcp", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "set CONGESTION dctcp; write 400000; skim;" FLIGHT FLIGHT "abort;"
			"skim", .counters = COUNT(0, 0, 0) } },
	/* 3.1: less than four initial windows is not worth it */
	{ "resume_saves_nothing_small", "RFC 9959 3.1", .pre = RESUME, .syn = SYN,
		.want = { OPENED_AT(200) "write 30000; skim;" FLIGHT FLIGHT "abort; skim; fresh;" LATER NO_JUMP,
			.counters = COUNT(0, 0, 0) } },
	/* 3.1: a connection that began before the other one saves half as much after it, 80 segments */
	{ "resume_saves_the_latest", "RFC 9959 3.1", .pre = RESUME, .syn = SYN,
		.want = { OPENED_AT(200) "write 10000; skim; pass 200; < . 1 ack 10001; fresh;" FIVE_FLIGHTS "swap;"
			"write 150000; skim;" FLIGHT FLIGHT FLIGHT FLIGHT "abort; skim; fresh;" LATER
			"info snd_cwnd >= 25; info snd_cwnd <= 40; abort; skim", .counters = COUNT(1, 0, 0) } },
	{ "resume_waits_for_all_initial_data", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER TEN_AT(200) "< . 1 ack 9001; info snd_cwnd = 19; skim; < . 1 ack 10001;" JUMPED
			"skim", .counters = COUNT(1, 0, 0) } },
	/* no jump while the window has room for all text; then the jump comes late */
	{ "resume_waits_for_text", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 20000; skim; pass 200; < . 1 ack 10001; skim;"
			"info snd_cwnd = 20; pass 250; write 400000; info snd_cwnd = 20; skim; < . 1 ack 12001;" JUMPED
			"skim", .counters = COUNT(1, 0, 0) } },
	/* the ACK confirms the path for a round trip: text that comes within it need not wait for another ACK */
	{ "resume_jumps_when_text_comes", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 20000; > p. 1(1000) ack 1 x10; pass 200; < . 1 ack 10001;"
			"> p. 10001(1000) ack 1 x10; info snd_cwnd = 20; pass 150; write 9000; info snd_cwnd = 20;"
			"write 400000;" JUMPED "pass 100; skim; info unacked >= 43; pass 150; skim; info unacked >= 50;"
			"info unacked <= 80", .counters = COUNT(1, 0, 0) } },
	/* a FIN that ignores the window is no text, and a jump would gain little for half a window of text */
	{ "resume_not_for_a_fin", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 20000; > p. 1(1000) ack 1 x10; pass 200; < . 1 ack 10001;"
			"write 10000; skim; info unacked = 20; shut; > F. 30001 ack 1; info snd_cwnd = 20",
			.counters = COUNT(0, 0, 0), .state = FIN_WAIT_1 } },
	{ "resume_not_after_a_loss", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER TEN_AT(200) "< . 1 ack 1 <nop,nop,sack 1001:10001>; skim; pass 200; < . 1 ack S;"
			"skim; info snd_cwnd <= 20; pass 200; < . 1 ack S; skim; info snd_cwnd <= 20",
			.counters = COUNT(0, 0, 0) } },
	{ "resume_not_after_a_mark", "RFC 9959 3.2", .pre = "sysctl ecn 1;" RESUME, .syn = SYN,
		.want = { EARLIER "< SEC 0 $; > S.E 0 ack 1; pass 200; < . 1 ack 1; accept; set SNDBUFFORCE 2000000;"
			"write 400000; skim; pass 200; < E. 1 ack 10001; skim; info snd_cwnd <= 20; pass 200;"
			"< . 1 ack S; skim; info snd_cwnd <= 20", .counters = COUNT(0, 0, 0) } },
	/* BBR leaves ssthresh infinite after a mark: the mark counts nevertheless */
	{ "resume_not_after_a_mark_with_bbr", "RFC 9959 3.2", .pre = "sysctl ecn 1;" RESUME, .syn = SYN,
		.want = { EARLIER "< SEC 0 $; > S.E 0 ack 1; pass 200; < . 1 ack 1; accept; set SNDBUFFORCE 2000000;"
			"set CONGESTION bbr; write 10000; skim; pass 200; < E. 1 ack 10001; write 1000; skim; pass 200;"
			"< . 1 ack 11001; info ca_state = 0; info snd_ssthresh = 2147483647; set CONGESTION reno;"
			"write 400000; skim; pass 150; skim; pass 200; < . 1 ack S; skim; info snd_cwnd <= 45; abort;"
			"skim", .counters = COUNT(0, 0, 0) } },
	{ "resume_serves_one_connection", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER JUMPED "skim; fresh;" LATER "info snd_cwnd = 20; abort; swap; abort; skim",
			.counters = COUNT(1, 0, 0) } },
	/* who has jumped and observed nothing since puts it back */
	{ "resume_serves_one_after_the_other", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 60000; > p. 1(1000) ack 1 x10; pass 200; < . 1 ack 10001;"
			JUMPED "pass 250; skim; < . 1 ack S; abort; skim; fresh;" LATER JUMPED "skim",
			.counters = COUNT(2, 0, 0) } },
	{ "resume_not_for_another_host", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER "host 1;" LATER NO_JUMP, .counters = COUNT(0, 0, 0) } },
	{ "resume_not_from_another_address", "RFC 9959 3.2", .pre = "sysctl careful_resume 3600", .syn = SYN,
		.want = { "listen any;" EARLIER "at second;" LATER NO_JUMP, .counters = COUNT(0, 0, 0) } },
	{ "resume_not_after_its_lifetime", "RFC 9959 3.2", .pre = "sysctl careful_resume 5; listen", .syn = SYN,
		.want = { EARLIER "pass 6000;" LATER NO_JUMP, .counters = COUNT(0, 0, 0) } },
	{ "resume_within_its_lifetime", "RFC 9959 3.2", .pre = "sysctl careful_resume 60; listen", .syn = SYN,
		.want = { EARLIER "pass 6000;" LATER JUMPED "abort; skim", .counters = COUNT(1, 0, 0) } },
	/* 4.3.1: 0 forgets all */
	{ "resume_not_after_a_flush", "RFC 9959 4.3.1", .pre = RESUME, .syn = SYN,
		.want = { EARLIER "sysctl careful_resume 0; sysctl careful_resume 3600;" LATER NO_JUMP,
			.counters = COUNT(0, 0, 0) } },
	/* also what a live connection has observed */
	{ "resume_not_by_what_came_before_a_flush", "RFC 9959 4.3.1", .pre = RESUME, .syn = SYN,
		.want = { OPENED_AT(200) "write 310000; skim;" FLIGHT FLIGHT FLIGHT FLIGHT FLIGHT
			"sysctl careful_resume 0; sysctl careful_resume 3600; abort; skim; fresh;" LATER NO_JUMP,
			.counters = COUNT(0, 0, 0) } },
	/* of the jump one segment has arrived; slow start adds another one, and the rest of the window is gone */
	{ "resume_switched_off_ends_a_jump", "RFC 9959 4.3.1", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER JUMPED "pass 100; skim; sysctl careful_resume 0; < . 1 ack 11001;"
			"info snd_cwnd = 2; skim; pass 200; none; abort; skim; fresh; sysctl careful_resume 3600;" LATER
			NO_JUMP, .counters = COUNT(1, 0, 0) } },
	/* text that is sent after that, and later than a round trip, does not end it: the ACK does */
	{ "resume_switched_off_waits_for_an_ack", "RFC 9959 4.3.1", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 22000; skim; pass 200; < . 1 ack 10001;" JUMPED "skim;"
			"pass 100; skim; sysctl careful_resume 0; pass 150; write 1000; skim;" JUMPED "< . 1 ack 13001;"
			"info snd_cwnd <= 20; skim", .counters = COUNT(1, 0, 0) } },
	/* as resume_retreats_after_a_loss */
	{ "resume_switched_off_lets_a_retreat_go_on", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; < . 1 ack 30001 <nop,nop,sack 31001:34001>;"
			"> p. 30001(1000) ack 1; none; info snd_cwnd = 12; sysctl careful_resume 0;"
			"< . 1 ack 30001 <nop,nop,sack 31001:44001>; none; info snd_cwnd = 12; pass 200; < . 1 ack S;"
			"info snd_cwnd <= 13; info snd_ssthresh <= 50; skim", .counters = COUNT(1, 0, 1) } },
	{ "resume_not_when_the_path_is_twice_as_short", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER_AT(80) NO_JUMP, .counters = COUNT(0, 0, 0) } },
	{ "resume_when_the_path_is_longer", "RFC 9959 4.2.1", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER_AT(600) JUMPED "abort; skim", .counters = COUNT(1, 0, 0) } },
	/* half of the jump in half of the round trip, and one segment at once */
	{ "resume_paces_the_jump", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER JUMPED "> p. 10001(1000) ack 1; none; pass 100; skim; info unacked >= 20;"
			"info unacked <= 50; pass 150; skim; info unacked >= 50; info unacked <= 80; pass 100; none",
			.counters = COUNT(1, 0, 0) } },
	/* 3.3, "Check flight_size": the flight becomes the window */
	{ "resume_window_is_the_flight", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER "pass 100; skim; < . 1 ack 11001; keep unacked; info snd_cwnd = K;"
			"info snd_cwnd <= 50; info snd_cwnd >= 20; skim", .counters = COUNT(1, 0, 0) } },
	{ "resume_window_is_the_pipe_size", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 25000; skim; pass 200; < . 1 ack 10001;" JUMPED "pass 210;"
			"skim; info unacked = 15; < . 1 ack S; info snd_cwnd = 15; none",
			.counters = COUNT(1, 0, 0) } },
	/* text stops: the window that nobody used is gone after a round trip, but for the initial window */
	{ "resume_keeps_the_initial_window", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER OPENED_AT(200) "write 22000; skim; pass 200; < . 1 ack 10001;" JUMPED "pass 400;"
			"skim; < . 1 ack 13001; info unacked = 9; info snd_cwnd = 10; none",
			.counters = COUNT(1, 0, 0) } },
	/*
	 * 3.3: a new TOS makes the socket forget its route. Until the next segment looks it up, no device is known: a
	 * write that pacing holds back does not end the jump, and an ACK does not make it retreat.
	 */
	{ "resume_goes_on_while_the_route_is_unknown", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER JUMPED "> p. 10001(1000) ack 1; set TOS 16; write 1000; none;" JUMPED
			"pass 100; skim; set TOS 8; < . 1 ack 11001; keep unacked; info snd_cwnd = K;"
			"info snd_cwnd <= 50; info snd_cwnd >= 20; skim", .counters = COUNT(1, 0, 0) } },
	{ "resume_validates", "RFC 9959 3.4", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "keep unacked; info snd_cwnd = K; < . 1 ack 30001;"
			"info snd_cwnd = K+20; skim; < . 1 ack S; info snd_cwnd >= 2*K-1; skim",
			.counters = COUNT(1, 1, 0) } },
	/*
	 * 3.5: of the jump 23 segments have arrived: eleven and a half are left, at once and until all of it has
	 * arrived; one lost segment is resent at once, others when the window has room.
	 */
	{ "resume_retreats_after_a_loss", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; < . 1 ack 30001 <nop,nop,sack 31001:34001>;"
			"> p. 30001(1000) ack 1; none; info snd_cwnd = 12; < . 1 ack 30001 <nop,nop,sack 31001:44001>;"
			"none; info snd_cwnd = 12; pass 200; < . 1 ack S; info snd_cwnd <= 13; info snd_ssthresh <= 50;"
			"skim", .counters = COUNT(1, 0, 1) } },
	/* the program's rate holds that segment back for a tenth of a second: it goes then */
	{ "resume_retreats_and_is_paced", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "set MAX_PACING_RATE 10000; < . 1 ack 30001; skim;"
			"< . 1 ack 30001 <nop,nop,sack 31001:34001>; info snd_cwnd = 12; >@300 p. 30001(1000) ack 1;"
			"none", .counters = COUNT(1, 0, 1) " RetransSegs=1 TCPTimeouts=0" } },
	{ "resume_ssthresh_after_a_retreat", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 10001 <nop,nop,sack 11001:14001>; skim; info snd_cwnd = 2;"
			"pass 200; < . 1 ack S; info snd_ssthresh <= 4; info snd_cwnd <= 3; skim",
			.counters = COUNT(1, 0, 1) } },
	{ "resume_retreats_in_the_unvalidated_phase", "RFC 9959 3.3", .pre = RESUME, .syn = SYN,
		.want = { EARLIER TEN_AT(200) "< . 1 ack 9001; skim; < . 1 ack 10001;" JUMPED "pass 50; skim;"
			"< . 1 ack 10001 <nop,nop,sack 11001:14001>; info snd_cwnd <= 12; skim; pass 300; skim;"
			"info snd_cwnd <= 12", .counters = COUNT(1, 0, 1) } },
	{ "resume_retreats_after_a_mark", "RFC 9959 3.4", .pre = "sysctl ecn 1;" RESUME, .syn = SYN,
		.want = { EARLIER "< SEC 0 $; > S.E 0 ack 1; pass 200; < . 1 ack 1; accept; set SNDBUFFORCE 2000000;"
			"write 400000; skim; pass 200; < . 1 ack 10001;" JUMPED ALL_SENT "< E. 1 ack 30001;"
			"info snd_cwnd = 10; none; < . 1 ack 40001; info snd_cwnd = 10; none",
			.counters = COUNT(1, 0, 1) } },
	/* 3.5: without SACK as well */
	{ "resume_retreats_without_sack", "RFC 9959 3.5", .pre = RESUME, .syn = "mss 1000,nop,ws 7",
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; < . 1 ack 30001; < . 1 ack 30001; skim;"
			"< . 1 ack 30001; > p. 30001(1000) ack 1; none; info snd_cwnd <= 12; pass 200; < . 1 ack 35001;"
			"> p. 35001(1000) ack 1; skim; info snd_cwnd <= 12; pass 200; < . 1 ack S; skim;"
			"info snd_cwnd <= 13", .counters = COUNT(1, 0, 1) } },
	/* 3.5: what was saved is gone */
	{ "resume_forgets_after_a_retreat", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; < . 1 ack 30001 <nop,nop,sack 31001:34001>;"
			"skim; abort; skim; fresh;" LATER NO_JUMP, .counters = COUNT(1, 0, 1) } },
	/* 3.5: an undo would raise the window */
	{ "resume_retreat_is_final", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; < . 1 ack 30001 <nop,nop,sack 31001:34001>;"
			"skim; < . 1 ack 34001 <nop,nop,sack 30001:31001>; info snd_cwnd <= 12; skim;"
			"info snd_cwnd <= 12", .counters = COUNT(1, 0, 1) " TCPDSACKUndo=1" } },
	/* 3.3: the jump shows that the path is shorter, so the retreat begins without a loss; then comes one */
	{ "resume_loss_in_the_retreat", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { EARLIER LATER JUMPED "pass 50; skim; < . 1 ack 15001; info ca_state = 0; info snd_cwnd <= 12;"
			"skim; < . 1 ack 15001 <nop,nop,sack 16001:19001>; info ca_state = 3; info snd_cwnd <= 6; skim",
			.counters = COUNT(1, 0, 1) " TCPSackRecovery=1" } },
	/* 3.2: what overtook a segment of the initial data may be a sign of congestion */
	{ "resume_not_after_what_looks_like_a_loss", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER TEN_AT(200) "< . 1 ack 1 <nop,nop,sack 1001:2001>;"
			"< . 1 ack 1 <nop,nop,sack 1001:3001>; < . 1 ack 10001; info snd_cwnd <= 20; skim",
			.counters = COUNT(0, 0, 0) " RetransSegs=0" } },
	/* 3.5: another connection has saved the path again during the jump: that is gone, too */
	{ "resume_forgets_what_was_saved_during_the_jump", "RFC 9959 3.5", .pre = RESUME, .syn = SYN,
		.want = { FIVE_FLIGHTS_OPEN "fresh;" FIVE_FLIGHTS "swap; fresh;" LATER ALL_SENT "swap; abort; skim;"
			"swap; < . 1 ack 30001; skim; < . 1 ack 30001 <nop,nop,sack 31001:34001>; skim; abort; skim;"
			"fresh;" LATER NO_JUMP, .counters = COUNT(1, 0, 1) } },
	/* 3.6: in the retreat */
	{ "resume_retreat_ends_with_a_timeout", "RFC 9959 3.6", .pre = "sysctl frto 0;" RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; < . 1 ack 30001 <nop,nop,sack 31001:34001>;"
			"> p. 30001(1000) ack 1; >@3000 p. 30001(1000) ack 1; info snd_cwnd = 1; keep snd_ssthresh;"
			"info snd_ssthresh <= 13; pass 200; < . 1 ack S; skim",
			.counters = COUNT(1, 0, 1) " TCPTimeouts=1" } },
	{ "resume_ends_with_a_timeout", "RFC 9959 3.6", .pre = "sysctl frto 0;" RESUME, .syn = SYN,
		.want = { EARLIER LATER ALL_SENT "< . 1 ack 30001; skim; >@3000 p. 30001(1000) ack 1;"
			"info snd_cwnd = 1; info snd_ssthresh = 10; pass 200; < . 1 ack S; skim; abort; skim; fresh;"
			LATER NO_JUMP, .counters = COUNT(1, 0, 1) } },
	/* 3.1: a path that is away for some time carries what it has carried before */
	{ "resume_two_timeouts_of_one_outage", "RFC 9959 3.1", .pre = "sysctl frto 0;" RESUME, .syn = SYN,
		.want = { FIVE_FLIGHTS_OPEN "write 5000; skim; >@3000 p. 310001(1000) ack 1; none;"
			">@5000 p. 310001(1000) ack 1; none; pass 200; < . 1 ack S; skim; abort; skim; fresh;" LATER
			JUMPED "abort; skim", .counters = COUNT(1, 0, 0) " TCPTimeouts=2" } },
	/* the window of the repair that loses a repetition says no more of the path than that of the second timeout */
	{ "resume_a_repetition_lost_after_a_timeout", "RFC 9959 3.1", .pre = "sysctl frto 0;" RESUME, .syn = SYN,
		.want = { FIVE_FLIGHTS_OPEN "write 5000; skim; >@3000 p. 310001(1000) ack 1; none; pass 200;"
			"< . 1 ack 311001; > p. 311001(1000) ack 1 x2; none; pass 200;"
			"< . 1 ack 311001 <sack 312001:313001>; > p. 311001(1000) ack 1; skim; info ca_state = 3;"
			"pass 200; < . 1 ack S; skim; abort; skim; fresh;" LATER JUMPED "abort; skim",
			.counters = COUNT(1, 0, 0) " TCPTimeouts=1 TCPLostRetransmit=1" } },
	{ "resume_not_after_a_lost_syn", "RFC 9959 3.2", .pre = RESUME, .syn = SYN,
		.want = { EARLIER "< S 0 $; > S. 0 ack 1; >@1500 S. 0 ack 1; >@2500 S. 0 ack 1; pass 200; < . 1 ack 1;"
			"accept; set SNDBUFFORCE 2000000; write 400000; skim;" FLIGHT "info snd_cwnd = 2;" FLIGHT
			"info snd_cwnd = 4", .counters = COUNT(0, 0, 0) } },
};

WIRE_MAIN_XTCP(rows)
