/* SPDX-License-Identifier: GPL-2.0 */
/* Step five: SND.UNA, the RTT sample, the send window. */
#ifndef XTCP_ACK_H
#define XTCP_ACK_H

#include <linux/types.h>

#include "arrive/arrives.h"

struct sk_buff;
struct sock;
struct xtcp_seg;

/* Socket lock held. */
enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, struct sk_buff *skb);
void xtcp_ack_syn_acked(struct sock *sk, const struct xtcp_seg *seg);
bool xtcp_ack_fin_acked(const struct sock *sk);

#endif /* XTCP_ACK_H */
