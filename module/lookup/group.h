/* SPDX-License-Identifier: GPL-2.0 */
/* SO_REUSEPORT: listeners on the same address, port and device share the SYNs. */
#ifndef XTCP_GROUP_H
#define XTCP_GROUP_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <net/sock.h>

struct xtcp_listener;

/**
 * struct xtcp_group - listeners with SO_REUSEPORT on the same address, port and device; any other
 *	listener is alone in its group
 * @members: number of listeners
 * @open: number of listeners whose program has not closed them (estate.c)
 * @rcv_wscale: the window shift that all members offer; the first member chooses it. Members must
 *	not offer different shifts, because a cookie does not carry the shift
 * @declined: when xtcp_entry_note_declined() was last called for a member, in seconds; shared,
 *	because the third ACK may reach another member
 * @rcu: frees the group after the last lookup
 */
struct xtcp_group {
	refcount_t members;
	atomic_t open;
	u8 rcv_wscale;
	u32 declined;
	struct rcu_head rcu;
};

/* Any context; @a and @b have the same port. */
bool xtcp_group_same_place(const struct sock *a, const struct sock *b);

/*
 * The group of a listener is constant from the moment the listener enters the table until a grace
 * period after the listener has left.
 */
struct xtcp_group *xtcp_group_new(void);
void xtcp_group_put(struct xtcp_group *group);

/* Socket lock of the listener held. */
bool xtcp_group_close(struct xtcp_listener *listener);

/*
 * May @sk share a port with other sockets of its user? As in Linux, the answer is no if a BPF
 * program was attached before bind(): attaching gives @sk a struct sock_reuseport.
 * Socket lock held.
 */
static inline bool xtcp_group_may_share(const struct sock *sk)
{
	return sk->sk_reuseport && !rcu_access_pointer(sk->sk_reuseport_cb);
}

/* Join and leave struct sock_reuseport, which has the BPF program. Socket lock held. */
int xtcp_group_join(struct sock *sk, struct sock *member);
void xtcp_group_leave(struct sock *sk);

/* The caller holds the RCU read side, which keeps the result valid. */
struct sock *xtcp_group_ask(struct sock *lsk, u32 hash, struct sk_buff *skb);

/* As xtcp_group_ask(). Most listeners are alone, and have no BPF program. */
static inline struct sock *xtcp_group_choose(struct sock *lsk, u32 hash, struct sk_buff *skb)
{
	return likely(!rcu_access_pointer(lsk->sk_reuseport_cb)) ? lsk : xtcp_group_ask(lsk, hash, skb);
}

#endif /* XTCP_GROUP_H */
