/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prague's window (draft-briscoe-iccrg-prague-congestion-control). Pure arithmetic; windows are in
 * octets.
 */
#ifndef XTCP_PRAGUE_H
#define XTCP_PRAGUE_H

#include <linux/types.h>

#include "cong/alpha.h"

#define XTCP_PRAGUE_ONE		0x1000000U	/* a share of 1.0: 2^24 */
#define XTCP_PRAGUE_RTT_US	25000U		/* shortest virtual round trip, microseconds */

/**
 * struct xtcp_prague - Prague's state
 * @alpha: the observation window, and the share of octets that were marked, in units of 1/2^24
 * @window_us: when the observation window began, the low 32 bits of the clock
 * @reduced_us: when a mark reduced cwnd, the low 32 bits of the clock
 * @reduced_end: SND.NXT at @reduced_us
 * @reduced_from: cwnd before that reduction
 * @debt: fraction of an octet that reductions of cwnd have still to subtract, in 1/2^25 octet
 * @credit: fraction of an octet that the growth of cwnd has still to add, in 1/2^36 octet
 * @has_reduced: a mark has reduced cwnd, and the virtual round trip that began then is not over
 * @met_marks: a segment of ours was CE-marked
 */
struct xtcp_prague {
	struct xtcp_alpha alpha;
	u32 window_us;
	u32 reduced_us;
	u32 reduced_end;
	u32 reduced_from;
	u32 debt;
	u64 credit;
	bool has_reduced;
	bool met_marks;
};

/**
 * struct xtcp_prague_ack - an ACK of a connection in AccECN mode
 * @now_us: when the ACK came, microseconds (the low 32 bits of the clock)
 * @una: SND.UNA after the ACK
 * @delivered: octets newly acknowledged or sacked
 * @marked: how many octets of @delivered were CE-marked
 * @cwnd: the window
 * @mss: octets of a full segment
 * @sent: how much has been sent until now
 * @may_reduce: no reduction of the window and no recovery is going on
 */
struct xtcp_prague_ack {
	u32 now_us;
	u32 una;
	u32 delivered;
	u32 marked;
	u32 cwnd;
	u32 mss;
	struct xtcp_alpha_sent sent;
	bool may_reduce;
};

void xtcp_prague_start(struct xtcp_prague *prague, u32 mss, u32 now_us, const struct xtcp_alpha_sent *sent);
u32 xtcp_prague_acked(struct xtcp_prague *prague, const struct xtcp_prague_ack *ack);
u32 xtcp_prague_growth(struct xtcp_prague *prague, u32 unmarked, u32 cwnd, u32 mss, u32 rtt_us);
u32 xtcp_prague_after_loss(const struct xtcp_prague *prague, u32 una, u32 cwnd, u32 mss);

#endif /* XTCP_PRAGUE_H */
