// SPDX-License-Identifier: GPL-2.0
/*
 * BBR on the wire (draft-ietf-ccwg-bbr): the window after repairs. Its filters and its state machine are tested in
 * unit/, what it does to a network in bbr.
 */
#include "lib/test.h"
#include "lib/wire.h"

/* RFC 5682's two segments after a timeout would be others. */
#define BBR		"sysctl frto 0; listen; set CONGESTION bbr"
/* Segments that the window lets out wait for their time, so nobody says how many leave at once. */
#define TWENTY_IN_FLIGHT	"< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 10000; skim; < . 1 ack 10001;" \
				"write 20000; pass 50; skim; info unacked = 20; info snd_cwnd = 20;"
/* Without SACK a repair is over when more than it was for is acknowledged. */
#define PASSED		"write 1000; > P. 30001(1000) ack 1; < . 1 ack 31001;"

/* A program chooses another algorithm during repair, reduction or undo: the window must be a sane one. */
#define FROM(algorithm)		"sysctl frto 0; sysctl early_retrans 0; sysctl ecn 1; listen;" \
				"set CONGESTION " algorithm
#define IS_SANE			"info ca_state = 0; info snd_cwnd >= 1; info snd_cwnd <= 60"
#define TWENTY_MARKED		"< SEC 0 $; > S.E 0 ack 1; < . 1 ack 1; accept; write 10000; skim; < . 1 ack 10001;" \
				"write 20000; pass 50; skim; info unacked = 20;"
#define REPAIR			TWENTY_IN_FLIGHT "< . 1 ack 10001 <sack 11001:14001>; skim; info ca_state = 3;"

#define CHANGE_IN_RECOVERY(one, other)										\
	{ "change_" one "_to_" other "_in_recovery", "RFC 9937 6.2", .pre = FROM(one), .syn = "mss 1000,sackok", \
		.want.script = REPAIR "set CONGESTION " other "; < . 1 ack 30001; skim;" IS_SANE }

#define CHANGE_AFTER_TIMEOUT(one, other)									\
	{ "change_" one "_to_" other "_after_a_timeout", "RFC 5681 3.1", .pre = FROM(one), .syn = "mss 1000,sackok", \
		.want.script = TWENTY_IN_FLIGHT ">@1500 p. 10001(1000) ack 1; info ca_state = 4;"		\
			"set CONGESTION " other "; < . 1 ack 30001; skim;" IS_SANE }

#define CHANGE_IN_CWR(one, other)										\
	{ "change_" one "_to_" other "_in_cwr", "RFC 3168 6.1.2", .pre = FROM(one), .syn = "mss 1000,sackok",	\
		.want.script = TWENTY_MARKED "< E. 1 ack 20001; info ca_state = 2; set CONGESTION " other ";"	\
			"< . 1 ack 30001; skim; write 1000; >@1000 P.C 30001(1000) ack 1; < . 1 ack 31001; skim;" \
			IS_SANE }

/* The windows that an undo gives back are those of the algorithm before. */
#define UNDONE_BY_TIMESTAMP(one, other)										\
	{ "change_" one "_to_" other "_then_undone_by_timestamp", "RFC 4015 3.2", .pre = FROM(one),		\
		.syn = "mss 1012,sackok,ts T R",								\
		.want.script = TWENTY_IN_FLIGHT "pass 20; < . 1 ack 10001 <nop,nop,ts T R,nop,nop,sack 11001:14001>;" \
			"skim; info ca_state = 3; set CONGESTION " other "; < . 1 ack 30001 <nop,nop,ts T R-10>;" \
			"skim;" IS_SANE "; info snd_ssthresh >= 5", .want.counters = "TCPFullUndo=1 TCPTimeouts=0" }

#define UNDONE_BY_DSACK(one, other)										\
	{ "change_" one "_to_" other "_then_undone_by_dsack", "RFC 4015 3.2", .pre = FROM(one),			\
		.syn = "mss 1000,sackok",									\
		.want.script = REPAIR "set CONGESTION " other "; < . 1 ack 30001; skim;"			\
			"< . 1 ack 30001 <sack 10001:11001>; skim;" IS_SANE "; info snd_ssthresh >= 5",		\
		.want.counters = "TCPDSACKUndo=1 RetransSegs=1 TCPTimeouts=0" }

/* A path of 100 ms. In each step of 10 ms the peer acknowledges what was sent ten steps before. */
#define STEPS			10
#define MSS			1000
#define WINDOW			13000	/* the peer's, so this is what the path takes in a round trip */

struct path {
	uint32_t sent[STEPS];	/* SND.NXT at the end of each of the latest steps */
	unsigned int step;	/* which is next */
	uint32_t acked;
	uint32_t hole;		/* the segment that begins here is lost; 0: no segment */
	unsigned int filled;	/* the step in which its retransmission arrives; 0: not known yet */
};

static int step(struct wire *w, struct path *path)
{
	const uint32_t arrived = path->sent[path->step % STEPS];
	const bool is_whole = !path->hole || arrived <= path->hole || (path->filled && path->step >= path->filled);
	char script[128] = "";

	if (is_whole && arrived > path->acked) {
		snprintf(script, sizeof(script), "< . 1 ack %u; write %u;", arrived, arrived - path->acked);
		path->acked = arrived;
	} else if (!is_whole && arrived > path->hole + MSS) {
		snprintf(script, sizeof(script), "< . 1 ack %u <sack %u:%u>;", path->hole, path->hole + MSS, arrived);
	}
	if (wire_script_run(w, script) || wire_script_run(w, "pass 10; skim"))
		return -1;
	path->sent[path->step++ % STEPS] = w->c.snd_nxt - w->c.irs;
	return 0;
}

/* What TCP_CC_INFO calls the gains of the states, in 1/256. */
enum gain { CRUISE = 256, UP = 320 };

/* Run steps until BBR enters a state with this gain; or leaves it, if not @is_there. */
static int steps_until(struct wire *w, struct path *path, enum gain gain, bool is_there)
{
	union tcp_cc_info info = { 0 };
	socklen_t len;
	bool is_now;

	for (int i = 0; i < 500; i++) {
		len = sizeof(info);
		if (getsockopt(w->c.fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len))
			return wire_fail(w, "TCP_CC_INFO");
		is_now = info.bbr.bbr_pacing_gain == gain;
		if (is_now == is_there)
			return 0;
		if (step(w, path))
			return -1;
	}
	return wire_fail(w, "the gain is %u for 5 s", info.bbr.bbr_pacing_gain);
}

/*
 * While BBR probes for more bandwidth, it loses the segment that filled the peer's window. 13 segments in flight were
 * too many. The bound is what was in flight before this segment, and 2 % more: 12,245 octets. While BBR cruises, it
 * leaves 15 % of the bound free.
 */
static int before_the_loss(struct wire *w)
{
	struct path path = { 0 };

	if (wire_script_run(w, "< S 0 $; > S. 0 ack 1; pass 100; < . 1 ack 1; accept; set SNDBUF 200000;"
			       "write 100000"))
		return -1;
	path.acked = 1;
	for (int i = 0; i < STEPS; i++)
		path.sent[i] = path.acked;
	if (steps_until(w, &path, UP, true))
		return -1;
	for (int i = 0; i < STEPS && w->c.snd_nxt - w->c.irs - path.acked < WINDOW; i++)
		if (step(w, &path))
			return -1;
	path.hole = w->c.snd_nxt - w->c.irs - MSS;
	if (steps_until(w, &path, UP, false))
		return -1;
	path.filled = path.step + STEPS;
	while (path.step < path.filled + STEPS)
		if (step(w, &path))
			return -1;
	if (steps_until(w, &path, CRUISE, true))
		return -1;
	return wire_script_run(w, "info ca_state = 0; info snd_cwnd = 11");
}

static const struct wire_row rows[] = {
	{ "bbr_window_after_a_timeout", "BBR 5.6.4.4", .pre = BBR,
		.want = { TWENTY_IN_FLIGHT ">@1500 . 10001(1000) ack 1; info snd_cwnd = 1; < . 1 ack 30001;" PASSED
			"info snd_cwnd >= 20" } },
	/* the second one finds a window that the first one has made small */
	{ "bbr_window_after_two_timeouts", "BBR 5.6.4.4", .pre = BBR,
		.want = { TWENTY_IN_FLIGHT ">@1500 . 10001(1000) ack 1; info snd_cwnd = 1; < . 1 ack 20001; skim;"
			">@1500 . 20001(1000) ack 1; info snd_cwnd = 1; < . 1 ack 30001;" PASSED
			"info snd_cwnd >= 20" } },
	/* What was too large for the path restores no window: two timeouts have left NewReno one segment. */
	{ "bbr_window_after_what_was_too_large", "RFC 8201 5.4", .only = 4, .pre = "sysctl frto 0; listen",
		.want = { TWENTY_IN_FLIGHT ">@1500 p. 10001(1000) ack 1; < . 1 ack 30001; skim;" PASSED
			"info ca_state = 0; info snd_cwnd <= 6; set CONGESTION bbr; write 2000; skim;"
			"icmp toobig seq 31001 mtu 800; skim; info ca_state = 4; info snd_mss = 760; < . 1 ack S; skim;"
			"write 700; skim; < . 1 ack S; skim; info ca_state = 0; info snd_cwnd <= 14" } },
	/* The peer had no room: a pause that the program did not make does not spare it PROBE_RTT, which is due. */
	{ "bbr_probes_the_rtt_after_a_closed_window", "BBR 5.4.1", .pre = BBR,
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 10000; skim; < . 1 ack 10001; write 30000;"
			"skim; < . 1 ack 30001 win 0; skim; pass 12000; skim; info snd_cwnd >= 20;"
			"< . 1 ack 30001 win 60000; skim; < . 1 ack 40001; skim; info snd_cwnd <= 10" } },
	{ "bbr_bound_leaves_out_the_lost_segment", "BBR 5.5.10.2", .pre = BBR, .syn = "mss 1000,sackok",
		.synwin = "13000", .run = before_the_loss },
	CHANGE_IN_RECOVERY("bbr", "cubic"),
	CHANGE_IN_RECOVERY("bbr", "dctcp"),
	CHANGE_IN_RECOVERY("bbr", "reno"),
	CHANGE_IN_RECOVERY("cubic", "bbr"),
	CHANGE_IN_RECOVERY("cubic", "dctcp"),
	CHANGE_IN_RECOVERY("cubic", "reno"),
	CHANGE_IN_RECOVERY("dctcp", "bbr"),
	CHANGE_IN_RECOVERY("dctcp", "cubic"),
	CHANGE_IN_RECOVERY("dctcp", "reno"),
	CHANGE_IN_RECOVERY("reno", "bbr"),
	CHANGE_IN_RECOVERY("reno", "cubic"),
	CHANGE_IN_RECOVERY("reno", "dctcp"),
	UNDONE_BY_TIMESTAMP("bbr", "cubic"),
	UNDONE_BY_DSACK("bbr", "cubic"),
	UNDONE_BY_TIMESTAMP("bbr", "dctcp"),
	UNDONE_BY_DSACK("bbr", "dctcp"),
	UNDONE_BY_TIMESTAMP("bbr", "reno"),
	UNDONE_BY_DSACK("bbr", "reno"),
	UNDONE_BY_TIMESTAMP("cubic", "bbr"),
	UNDONE_BY_DSACK("cubic", "bbr"),
	UNDONE_BY_TIMESTAMP("cubic", "dctcp"),
	UNDONE_BY_DSACK("cubic", "dctcp"),
	UNDONE_BY_TIMESTAMP("cubic", "reno"),
	UNDONE_BY_DSACK("cubic", "reno"),
	UNDONE_BY_TIMESTAMP("dctcp", "bbr"),
	UNDONE_BY_DSACK("dctcp", "bbr"),
	UNDONE_BY_TIMESTAMP("dctcp", "cubic"),
	UNDONE_BY_DSACK("dctcp", "cubic"),
	UNDONE_BY_TIMESTAMP("dctcp", "reno"),
	UNDONE_BY_DSACK("dctcp", "reno"),
	UNDONE_BY_TIMESTAMP("reno", "bbr"),
	UNDONE_BY_DSACK("reno", "bbr"),
	UNDONE_BY_TIMESTAMP("reno", "cubic"),
	UNDONE_BY_DSACK("reno", "cubic"),
	UNDONE_BY_TIMESTAMP("reno", "dctcp"),
	UNDONE_BY_DSACK("reno", "dctcp"),
	CHANGE_AFTER_TIMEOUT("bbr", "cubic"),
	CHANGE_AFTER_TIMEOUT("bbr", "dctcp"),
	CHANGE_AFTER_TIMEOUT("bbr", "reno"),
	CHANGE_AFTER_TIMEOUT("cubic", "bbr"),
	CHANGE_AFTER_TIMEOUT("cubic", "dctcp"),
	CHANGE_AFTER_TIMEOUT("cubic", "reno"),
	CHANGE_AFTER_TIMEOUT("dctcp", "bbr"),
	CHANGE_AFTER_TIMEOUT("dctcp", "cubic"),
	CHANGE_AFTER_TIMEOUT("dctcp", "reno"),
	CHANGE_AFTER_TIMEOUT("reno", "bbr"),
	CHANGE_AFTER_TIMEOUT("reno", "cubic"),
	CHANGE_AFTER_TIMEOUT("reno", "dctcp"),
	CHANGE_IN_CWR("bbr", "cubic"),
	CHANGE_IN_CWR("bbr", "dctcp"),
	CHANGE_IN_CWR("bbr", "reno"),
	CHANGE_IN_CWR("cubic", "bbr"),
	CHANGE_IN_CWR("cubic", "dctcp"),
	CHANGE_IN_CWR("cubic", "reno"),
	CHANGE_IN_CWR("dctcp", "bbr"),
	CHANGE_IN_CWR("dctcp", "cubic"),
	CHANGE_IN_CWR("dctcp", "reno"),
	CHANGE_IN_CWR("reno", "bbr"),
	CHANGE_IN_CWR("reno", "cubic"),
	CHANGE_IN_CWR("reno", "dctcp"),
};

WIRE_MAIN_XTCP(rows)
