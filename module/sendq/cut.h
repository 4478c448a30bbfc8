/* SPDX-License-Identifier: GPL-2.0 */
/* Cuts and joins skbs of the send queue. */
#ifndef XTCP_CUT_H
#define XTCP_CUT_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* Socket lock held. */
int xtcp_cut_split(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp);
bool xtcp_cut_gather(struct sock *sk, u32 len);
bool xtcp_cut_front(struct sock *sk, struct sk_buff *skb, u32 len);

#endif /* XTCP_CUT_H */
