/* SPDX-License-Identifier: GPL-2.0 */
/* Which options a segment of a full sock carries. */
#ifndef XTCP_SEGOPT_H
#define XTCP_SEGOPT_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_signer;
struct xtcp_sock;

/* Socket lock held. */
u32 xtcp_segopt_lasting(const struct sock *sk);
void xtcp_segopt_push_timestamp(const struct xtcp_sock *xsk, struct sk_buff *skb, u8 flags, u32 clock);
bool xtcp_segopt_push(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags, u32 clock, bool has_blocks,
		      u32 wanted, const struct xtcp_signer *signer);
bool xtcp_segopt_fit_block(const struct xtcp_sock *xsk, u32 room);

#endif /* XTCP_SEGOPT_H */
