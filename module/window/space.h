/* SPDX-License-Identifier: GPL-2.0 */
/* The receive buffer: the window that it allows, and its size. */
#ifndef XTCP_SPACE_H
#define XTCP_SPACE_H

#include <linux/types.h>

#define XTCP_SPACE_RATIO_BITS	8	/* xtcp_sock.rcv_ratio is in 256ths */
#define XTCP_SPACE_RATIO_FIRST	(1U << (XTCP_SPACE_RATIO_BITS - 1))	/* a half, until measured */

struct sk_buff;
struct sock;

u32 xtcp_space_free(const struct sock *sk);
u32 xtcp_space_full(const struct sock *sk);

/* Socket lock held, or no other thread can reach the sock. */
void xtcp_space_begin(struct sock *sk);
u32 xtcp_space_copied(const struct sock *sk);
void xtcp_space_arrived(struct sock *sk, const struct sk_buff *skb);
void xtcp_space_overrun(struct sock *sk);
void xtcp_space_adjust(struct sock *sk);
void xtcp_space_clamp(struct sock *sk, u32 clamp);

#endif /* XTCP_SPACE_H */
