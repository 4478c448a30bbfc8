/* SPDX-License-Identifier: GPL-2.0 */
/* Local ports, shared with kernel TCP by leases in its bind table. README.md says how. */
#ifndef XTCP_PORTS_H
#define XTCP_PORTS_H

#include <linux/bitops.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <uapi/linux/xtcp.h>

#include "base/net.h"

struct xtcp_conn;
struct xtcp_tuple;

#define XTCP_PORTLISTS		64
#define XTCP_PORTLIST_BLOCKS	8
#define XTCP_PORTLIST_BLOCK	128	/* ports of a block */

/**
 * struct xtcp_portlist - the leases of every 64th port, in a list per port
 * @lock: guards this struct, the bits of these ports in xtcp_net.port_bits, and what struct
 *	xtcp_lease marks with "lock of the port"
 * @used: for each block, how many of its lists are not empty
 * @block: arrays of lists; NULL: no port of the block has a lease
 *
 * No code holds two of these locks. The lock of a bucket owner and those of kernel TCP's bind table are
 * taken inside it; create.c lists the locks outside. xtcp_rest.spare_block is exchanged atomically.
 */
struct xtcp_portlist {
	spinlock_t lock;	/* see above */
	u8 used[XTCP_PORTLIST_BLOCKS];
	struct hlist_head *block[XTCP_PORTLIST_BLOCKS];
} ____cacheline_aligned_in_smp;

static inline struct xtcp_portlist *xtcp_portlist_of(const struct xtcp_net *xn, u16 port)
{
	return &xn->portlists[port % XTCP_PORTLISTS];
}

/* Ports that differ by a multiple of 64 share a lock; neighbours do not. */
static inline spinlock_t *xtcp_portlist_lock(const struct xtcp_net *xn, u16 port)
{
	return &xtcp_portlist_of(xn, port)->lock;
}

int xtcp_portlist_net_init(struct xtcp_net *xn);
void xtcp_portlist_net_exit(struct xtcp_net *xn);

#define XTCP_PORTS		65536

/**
 * struct xtcp_lease - a small sock in kernel TCP's bind table, with fields of our own
 * @node: links the leases of a port; lock of the port
 * @xn: the namespace; NULL: it has ended
 * @users: full socks and records that refer to the lease; it ends with the last one
 * @socks: full socks among them; once 0, it stays 0. A shared lease does not count its socks
 * @uid: the user of the owner, for SO_REUSEPORT; lock of the port
 * @reuse: SO_REUSEADDR of the owner at bind() or listen(); lock of the port. sk_reuse of @inet is
 *	the same, or 0 (xtcp_lease_make_exclusive(), xtcp_sharing_listen()), or SK_FORCE_REUSE
 *	(during xtcp_sharing_bind())
 * @reuseport: SO_REUSEPORT of the owner at bind() or listen(); lock of the port
 * @shared: connect() chose the port: the lease serves any number of 4-tuples of a local address
 * @admits_others: @reuse, @reuseport and @uid refused a sock, but the owner's options of that time
 *	admitted it. Never cleared; lock of the port
 * @beside: for a shared lease: kernel TCP may have older connections or TIME-WAIT socks on the
 *	port, with any 4-tuple
 * @devices: some of those are bound to devices, but the lease is not
 * @inet: the sock in the table; a shared lease has only its struct sock_common
 * @tw: the whole sock of a shared lease
 * @reach: makes @inet large enough for what other code reads in a lease that is not shared
 *	(README.md)
 * @owner: the sock that bound the port; NULL when it has left. Not in a shared lease. Lock of the
 *	port; xtcp_lease_aborted() reads it without
 *
 * "Lock of the port": xtcp_portlist_lock() of @xn and inet.inet_num.
 */
struct xtcp_lease {
	struct hlist_node node;
	struct xtcp_net *xn;
	refcount_t users;
	atomic_t socks;
	kuid_t uid;
	/* One octet, for XTCP_LEASE_SHARED_SIZE: a write rewrites all three fields, so one lock guards them */
	u8 reuse : 4;
	u8 reuseport : 1;
	u8 admits_others : 1;
	bool shared;
	bool beside;
	bool devices;
	union {
		struct inet_sock inet;
		struct inet_timewait_sock tw;
		u8 reach[offsetofend(struct inet_connection_sock, icsk_bind2_hash)];
	};
	struct sock *owner;
};

static inline struct sock *xtcp_lease_sk(struct xtcp_lease *lease)
{
	return &lease->inet.sk;
}

static inline struct inet_hashinfo *xtcp_sharing_table(const struct sock *sk)
{
	return sock_net(sk)->ipv4.tcp_death_row.hashinfo;
}

/* Its lock is taken before the locks of other chains. */
static inline struct inet_bind_hashbucket *xtcp_sharing_port_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = xtcp_sharing_table(sk);

	return &table->bhash[inet_bhashfn(sock_net(sk), port, table->bhash_size)];
}

int xtcp_lease_init(void);
void xtcp_port_init(void);
void xtcp_lease_exit(void);

int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease);
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, const struct in6_addr *addr, int dev);
int xtcp_lease_listen(struct xtcp_lease *lease, const struct sock *sk);
void xtcp_lease_set_reuse(struct xtcp_lease *lease, u8 reuse);
int xtcp_lease_make_exclusive(struct xtcp_lease *lease, const struct sock *sk);
bool xtcp_lease_follow(struct xtcp_lease *lease, const struct sock *sk, int dev);
void xtcp_lease_aborted(const struct xtcp_lease *lease, enum xtcp_abort_reason reason);
bool xtcp_lease_admits_as(struct xtcp_lease *one, struct xtcp_lease *other);
void xtcp_lease_put(struct xtcp_lease *lease, const struct sock *sk);
void xtcp_lease_unlisten(struct xtcp_lease *lease);
void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n);
bool xtcp_tb_meets(struct xtcp_lease *lease, struct xtcp_tuple *tuple);

static inline struct xtcp_lease *xtcp_lease_hold(struct xtcp_lease *lease)
{
	refcount_inc(&lease->users);
	atomic_inc(&lease->socks);
	return lease;
}

/*
 * For a record, which @socks does not count: SO_REUSEADDR, which connect() may have cleared
 * (xtcp_lease_make_exclusive()), comes back with the end of the last full sock. Then a sock of kernel
 * TCP with SO_REUSEADDR can bind the port, as beside its own TIME-WAIT sock.
 */
static inline void xtcp_lease_hold_timewait(struct xtcp_lease *lease)
{
	refcount_inc(&lease->users);
}

/*
 * Might xtcp have a lease on @port? @bits: xtcp_net.port_bits, at first an empty bitmap that all
 * namespaces share. Who sees a namespace's own also sees all its parts (netns.c).
 */
static inline bool xtcp_lease_port_might_be_ours(unsigned long *const *bits, u16 port)
{
	/* smp_load_acquire() pairs with smp_store_release() in xtcp_portlist_net_init() */
	return test_bit(port, smp_load_acquire(bits));
}

bool xtcp_sharing_move(struct xtcp_lease *lease, const struct sock *sk, int dev);
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port);
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk);

void xtcp_portmaps_net_exit(struct xtcp_net *xn);
void xtcp_portmaps_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
				const struct xtcp_conn *(*next)(const struct xtcp_conn *));

/* @next for a single connection. */
static inline const struct xtcp_conn *xtcp_portmaps_no_next(const struct xtcp_conn *conn)
{
	return NULL;
}

int xtcp_port_bind(struct sock *sk, unsigned short snum);
void xtcp_port_rehash(struct sock *sk);
int xtcp_port_connect(struct sock *sk);
void xtcp_port_leave(struct sock *sk);
void xtcp_port_release(struct sock *sk);
void xtcp_port_connection_ended(struct sock *sk);

#endif /* XTCP_PORTS_H */
