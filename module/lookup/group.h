/* SPDX-License-Identifier: GPL-2.0 */
/* SO_REUSEPORT: listeners that share the SYNs for one place. */
#ifndef XTCP_GROUP_H
#define XTCP_GROUP_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <net/sock.h>

/**
 * struct xtcp_group - listeners with SO_REUSEPORT on one place; any other listener is a group of its own
 * @members: listeners
 * @rcv_wscale: the shift that all of them offer, chosen when the first began to listen: a cookie does not carry it
 * @declined: seconds when one of them last gave up an entry or refused to keep one; the third ACK may come to another
 * @rcu: frees this after the last lookup
 */
struct xtcp_group {
	refcount_t members;
	u8 rcv_wscale;
	u32 declined;
	struct rcu_head rcu;
};

/* any context: address and device of two socks of one port */
bool xtcp_group_same_place(const struct sock *a, const struct sock *b);

/* listeners: the group is constant from before one stands in the table until a grace period after it has left */
struct xtcp_group *xtcp_group_new(void);
void xtcp_group_put(struct xtcp_group *group);

/*
 * Does SO_REUSEPORT let @sk come to where others are? Not with a group of its own, which a program that was attached
 * before makes: as in Linux. Socket lock held.
 */
static inline bool xtcp_group_may_share(const struct sock *sk)
{
	return sk->sk_reuseport && !rcu_access_pointer(sk->sk_reuseport_cb);
}

/* socket lock held: SO_REUSEPORT as the kernel's core sees it */
int xtcp_group_join(struct sock *sk, struct sock *member);
void xtcp_group_leave(struct sock *sk);

/* RCU read side held; the result is valid until it ends */
struct sock *xtcp_group_choose(struct sock *lsk, u32 hash, struct sk_buff *skb);

#endif /* XTCP_GROUP_H */
