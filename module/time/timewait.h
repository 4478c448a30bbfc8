/* SPDX-License-Identifier: GPL-2.0 */
/* What records of finished connections answer, and who may have their tuple. */
#ifndef XTCP_TIMEWAIT_H
#define XTCP_TIMEWAIT_H

#include "time/record.h"

/* What an arrival for a record was. */
enum xtcp_timewait_verdict {
	XTCP_TW_DONE,		/* answered or dropped */
	XTCP_TW_SYN,		/* a new SYN that may reopen: the record is gone, *iss is the ISN to use */
};

/* Softirq, RCU read side. @skb is the caller's throughout. */
enum xtcp_timewait_verdict xtcp_timewait_arrives(struct xtcp_net *xn, struct xtcp_timewait *tw, struct sk_buff *skb,
						 u32 *iss);
bool xtcp_timewait_reuse(struct sock *sk, bool bound);
bool xtcp_timewait_reuse_is_on(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if);
bool xtcp_timewait_syn_reopens(const struct xtcp_timewait *tw, const struct sk_buff *skb);

#endif /* XTCP_TIMEWAIT_H */
