/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TIME-WAIT and FIN-WAIT-2 without a sock: how a record answers segments, and when a new connection
 * may take the record's tuple.
 */
#ifndef XTCP_TIMEWAIT_H
#define XTCP_TIMEWAIT_H

#include "timewait/record.h"

enum xtcp_timewait_verdict {
	XTCP_TW_DONE,		/* the record has answered or dropped the segment */
	/* the SYN may open a new connection: the record has ended, *iss is the ISN */
	XTCP_TW_SYN,
};

/*
 * xtcp_timewait_arrives() and xtcp_timewait_syn_reopens() need BH disabled and the RCU read side,
 * and leave @skb to the caller. xtcp_timewait_reuse() needs process context and the socket lock,
 * xtcp_timewait_keeps() process context.
 */
enum xtcp_timewait_verdict xtcp_timewait_arrives(struct xtcp_net *xn, struct xtcp_timewait *tw, struct sk_buff *skb,
						 u32 *iss);
bool xtcp_timewait_reuse(struct sock *sk, bool bound);
bool xtcp_timewait_reuse_is_on(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if);
bool xtcp_timewait_keeps(struct xtcp_net *xn, struct xtcp_demux_key *key);
bool xtcp_timewait_syn_reopens(const struct xtcp_timewait *tw, const struct sk_buff *skb);

#endif /* XTCP_TIMEWAIT_H */
