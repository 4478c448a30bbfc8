/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The listeners of one SO_REUSEPORT group on the same address, port and device, and the choice of
 * the listener that gets a SYN.
 */
#ifndef XTCP_MEMBERS_H
#define XTCP_MEMBERS_H

#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "lookup/incoming.h"

struct sock;
struct xtcp_group;
struct xtcp_net;
struct xtcp_seats;

/**
 * struct xtcp_members_key - the key by which SYNs find listeners
 * @addr: local address, v4-mapped for IPv4; :: is the wildcard of both IP versions
 * @dev: interface, 0: any
 * @port: local port, host order
 *
 * All octets of the struct are hashed, so it must have no padding.
 */
struct xtcp_members_key {
	struct in6_addr addr;
	u32 dev;
	u32 port;
};

/**
 * struct xtcp_members - listeners of one group with the same address, port and device
 * @node: the node in xtcp_rest.listeners
 * @key: address, device and port; constant
 * @v4: the listeners take segments over IPv4; constant
 * @v6: the listeners take segments over IPv6; constant
 * @v4_only: the listeners are AF_INET sockets; constant
 * @group: the listeners' group, to which each listener has a reference
 * @seats: the listeners, at least one; changes under xtcp_rest.listeners_lock
 * @incoming: the listeners that have SO_INCOMING_CPU
 * @rcu: frees the struct after the last lookup
 */
struct xtcp_members {
	struct rhlist_head node;
	struct xtcp_members_key key;
	bool v4;
	bool v6;
	bool v4_only;
	struct xtcp_group *group;
	struct xtcp_seats __rcu *seats;
	struct xtcp_incoming incoming;
	struct rcu_head rcu;
};

void xtcp_members_key_of(const struct sock *sk, struct xtcp_members_key *key);

/* With xtcp_rest.listeners_lock held. */
struct xtcp_members *xtcp_members_new(struct sock *sk);
void xtcp_members_free(struct xtcp_members *members);
int xtcp_members_make_room(struct xtcp_members *members, struct xtcp_net *xn);
void xtcp_members_join(struct xtcp_members *members, struct sock *sk);
bool xtcp_members_leave(struct xtcp_members *members, u32 index);
struct sock *xtcp_members_any(const struct xtcp_members *members);

/* The caller holds the RCU read side, which keeps the result valid. */
struct sock *xtcp_members_pick(struct xtcp_members *members, u32 hash, bool *on_cpu);
struct sock *xtcp_members_find(const struct xtcp_members *members, bool (*fits)(struct sock *sk, const void *arg),
			       const void *arg);

#endif /* XTCP_MEMBERS_H */
