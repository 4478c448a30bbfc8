/* SPDX-License-Identifier: GPL-2.0 */
/* A place in kernel TCP's bind table, for one lease or for several: what lease.c and those that it calls share. */
#ifndef XTCP_PLACE_H
#define XTCP_PLACE_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/inet_connection_sock.h>

struct xtcp_net;

/**
 * struct xtcp_lease - a lease
 * @inet: what stands in kernel TCP's table; its sk_refcnt is ours alone
 * @mirror: its memory: an inet_connection_sock up to the last field that the table knows
 * @next: another lease on the port, or in the stock; @xn's leases lock, the stock's lock
 * @xn: the namespace
 * @users: full socks, records, and the leases under this cover; the last one returns the lease
 * @socks: users that are no records; leases lock
 * @owners: the full socks that bound it, by sk_bind_node; leases lock
 * @bound: how many they are; leases lock
 * @cover: the lease that has the place in the table in the stead of this one; NULL: it has its own; leases lock
 * @covered: leases under this cover; leases lock
 * @listeners: listeners of ours on it or under its cover; leases lock
 * @uid: whose SO_REUSEPORT counts; leases lock
 * @port: host order
 * @reuse: SO_REUSEADDR of all owners; what sk_reuse is unless connect() made the lease exclusive
 * @reuseport: SO_REUSEPORT of all owners when they bound or began to listen; leases lock
 * @shared: for 4-tuples whose port connect() chose
 */
struct xtcp_lease {
	union {		/* first: the kernel casts */
		struct inet_sock inet;
		u8 mirror[offsetofend(struct inet_connection_sock, icsk_bind2_hash)];
	};
	struct xtcp_lease *next;
	struct xtcp_net *xn;
	refcount_t users;
	unsigned int socks;
	struct hlist_head owners;
	unsigned int bound;
	struct xtcp_lease *cover;
	unsigned int covered;
	unsigned int listeners;
	kuid_t uid;
	u16 port;
	u8 reuse;
	bool reuseport;
	bool shared;
};

static inline struct sock *xtcp_lease_sk(struct xtcp_lease *lease)
{
	return &lease->inet.sk;
}

/* Serializes what asks kernel TCP's table twice, or looks for a lease and then makes one. */
extern struct mutex xtcp_place_mutex;

/* xtcp_place_mutex held, may sleep */
int xtcp_place_take(struct xtcp_lease *lease, const struct sock *sk, u16 port);
int xtcp_place_share(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_place_listen(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_place_make_exclusive(struct xtcp_lease *lease);
/* leases lock held */
bool xtcp_place_admits(struct xtcp_lease *lease, const struct sock *sk, bool listens);
/* any context; users are 0 */
struct xtcp_lease *xtcp_place_leave(struct xtcp_lease *lease);

/* lease.c */
struct xtcp_lease *xtcp_lease_new(struct xtcp_net *xn);
void xtcp_lease_mirror(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_lease_enlist(struct xtcp_lease *lease, u16 port);
void xtcp_lease_free(struct xtcp_lease *lease);
void xtcp_lease_release(struct xtcp_lease *lease);
void xtcp_lease_user_left(struct xtcp_lease *lease);

#endif /* XTCP_PLACE_H */
