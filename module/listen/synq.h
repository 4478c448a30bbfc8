/* SPDX-License-Identifier: GPL-2.0 */
/* SYNs for a listener. */
#ifndef XTCP_SYNQ_H
#define XTCP_SYNQ_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_demux_key;

/* Softirq, RCU read side. Consumes @skb unless the listener has ended. */
bool xtcp_synq_syn(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key, const u32 *timewait_iss);

#endif /* XTCP_SYNQ_H */
