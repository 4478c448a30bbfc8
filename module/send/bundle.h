/* SPDX-License-Identifier: GPL-2.0 */
/* How much data goes to IP in one GSO packet. */
#ifndef XTCP_BUNDLE_H
#define XTCP_BUNDLE_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* The caller of each of these functions holds the socket lock. */
u32 xtcp_bundle_goal(const struct sock *sk);
u32 xtcp_bundle_most(struct sock *sk);
u32 xtcp_bundle_of_new(const struct sock *sk, const struct sk_buff *skb, u32 n);
bool xtcp_bundle_waits(const struct sock *sk, const struct sk_buff *skb, u32 n, u32 most);
u32 xtcp_bundle_again(const struct sock *sk, const struct sk_buff *skb, u32 n);

#endif /* XTCP_BUNDLE_H */
