/* SPDX-License-Identifier: GPL-2.0 */
/* Local ports, shared with kernel TCP by leases in its bind table. README.md says how. */
#ifndef XTCP_PORTS_H
#define XTCP_PORTS_H

#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <uapi/linux/xtcp.h>

#include "base/net.h"

struct in6_addr;
struct sock;
struct xtcp_lease;
struct xtcp_net;
struct xtcp_tuple;

/* lease.c */

#define XTCP_PORTLISTS		64
#define XTCP_PORTLIST_BLOCKS	8
#define XTCP_PORTLIST_BLOCK	128	/* ports of a block */

/**
 * struct xtcp_portlist - the leases of every 64th port, in a list per port
 * @lock: guards this struct, the bits of these ports in xtcp_net.port_bits, and the fields of a
 *	lease that struct xtcp_lease marks with "lock of the port"
 * @used: for each block, how many of its lists are not empty
 * @block: arrays of lists; NULL: no port of the block has a lease
 *
 * No code holds two of these locks. The lock of a taker (sharing.c) and the locks of kernel TCP's
 * bind table are taken inside @lock; create.c lists the locks outside @lock. These need no lock:
 * xtcp_rest.spare_block, which is exchanged atomically, and @users and @socks of a lease, which are
 * atomic.
 */
struct xtcp_portlist {
	spinlock_t lock;	/* see @lock above */
	u8 used[XTCP_PORTLIST_BLOCKS];
	struct hlist_head *block[XTCP_PORTLIST_BLOCKS];
} ____cacheline_aligned_in_smp;

static inline struct xtcp_portlist *xtcp_portlist_of(const struct xtcp_net *xn, u16 port)
{
	return &xn->portlists[port % XTCP_PORTLISTS];
}

/*
 * The lock of a port. Ports that differ by a multiple of 64 share a lock; neighbouring ports do
 * not.
 */
static inline spinlock_t *xtcp_portlist_lock(const struct xtcp_net *xn, u16 port)
{
	return &xtcp_portlist_of(xn, port)->lock;
}

int xtcp_portlist_net_init(struct xtcp_net *xn);
void xtcp_portlist_net_exit(struct xtcp_net *xn);

/* Lock of the port held, any context. */
bool xtcp_portlist_is_last(const struct xtcp_lease *lease);

#define XTCP_PORTS		65536

/**
 * struct xtcp_lease - a small sock in kernel TCP's bind table, with fields of our own
 * @node: links the leases of a port; lock of the port
 * @xn: the namespace; NULL: it has ended
 * @users: number of full socks and TIME-WAIT records that refer to the lease; the lease ends with
 *	its last user
 * @socks: number of full socks among the users; once it is 0, it stays 0. A shared lease does not
 *	count its socks
 * @uid: the user of the owner, for SO_REUSEPORT; lock of the port
 * @reuse: SO_REUSEADDR of the owner when it bound or called listen(); lock of the port. sk_reuse of
 *	@inet has the same value, or 0 (xtcp_lease_make_exclusive(), xtcp_sharing_listen()), or
 *	SK_FORCE_REUSE (during a call of xtcp_sharing_bind())
 * @reuseport: SO_REUSEPORT of the owner when it bound or began to listen; lock of the port
 * @shared: connect() chose the port, so the lease serves any number of 4-tuples of one local
 *	address
 * @admits_others: @reuse, @reuseport and @uid refused a sock, but the options that the owner had at
 *	that time admitted this sock. Never cleared; lock of the port
 * @beside: for a shared lease: kernel TCP may have older connections or TIME-WAIT socks on the
 *	port, with any 4-tuple
 * @devices: some of kernel TCP's socks on the port (@beside) are bound to devices, but the lease is
 *	not
 * @inet: the sock in the table; a shared lease has only its struct sock_common
 * @tw: the whole sock of a shared lease
 * @reach: makes @inet large enough for all fields of struct inet_connection_sock that other code
 *	reads in a lease that is not shared; README.md lists the fields
 * @owner: the sock that bound the port; NULL when it has left. A shared lease does not have the
 *	field. Lock of the port; xtcp_lease_aborted() reads the field without the lock
 *
 * "Lock of the port" means that xtcp_portlist_lock() of @xn and inet.inet_num guards the field.
 */
struct xtcp_lease {
	struct hlist_node node;
	struct xtcp_net *xn;
	refcount_t users;
	atomic_t socks;
	kuid_t uid;
	/*
	 * three fields in one octet, to save memory (XTCP_LEASE_SHARED_SIZE). A write to one field
	 * rewrites the octet, so the same lock guards all three: the lock of the port
	 */
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

/* 272 octets on Linux 6.1: with eight more, a page of the slab would hold 14 instead of 15 */
#define XTCP_LEASE_SHARED_SIZE	offsetofend(struct xtcp_lease, tw)

/* kernel TCP casts the entries of its table to each of these types (README.md) */
static_assert(!offsetof(struct inet_connection_sock, icsk_inet) && !offsetof(struct inet_timewait_sock, __tw_common));
static_assert(offsetofend(struct inet_connection_sock, icsk_bind_hash) <= sizeof_field(struct xtcp_lease, reach));
static_assert(XTCP_LEASE_SHARED_SIZE <= 400);

/*
 * Kernel TCP and sharing.c read these fields of every entry of the table. The entries are full socks
 * and TIME-WAIT socks, so each field must be in struct sock_common. Three of the fields are bit
 * fields, which have no sizeof: "+ 0" makes them integers.
 */
static_assert(sizeof_field(struct sock_common, skc_state) && sizeof_field(struct sock_common, skc_family) &&
	      sizeof_field(struct sock_common, skc_bound_dev_if) && sizeof_field(struct sock_common, skc_rcv_saddr) &&
	      sizeof_field(struct sock_common, skc_daddr) && sizeof_field(struct sock_common, skc_dport) &&
	      sizeof_field(struct sock_common, skc_bind_node) && sizeof_field(struct sock_common, skc_prot) &&
	      sizeof_field(struct sock_common, skc_net) && sizeof(((struct sock_common *)NULL)->skc_reuse + 0) &&
	      sizeof(((struct sock_common *)NULL)->skc_reuseport + 0) &&
	      sizeof(((struct sock_common *)NULL)->skc_ipv6only + 0));
static_assert(sizeof_field(struct sock_common, skc_v6_rcv_saddr) && sizeof_field(struct sock_common, skc_v6_daddr));

static inline struct sock *xtcp_lease_sk(struct xtcp_lease *lease)
{
	return &lease->inet.sk;
}

/*
 * Is a shared lease at this address and interface? @addr: as in a struct xtcp_tuple; @dev: 0: none.
 */
static inline bool xtcp_lease_is_at(const struct xtcp_lease *lease, const struct in6_addr *addr, int dev)
{
	const struct sock *sk = &lease->inet.sk;

	if (sk->sk_bound_dev_if != dev)
		return false;
	if (ipv6_addr_v4mapped(addr))
		return sk->sk_family == AF_INET && sk->sk_rcv_saddr == addr->s6_addr32[3];
	return sk->sk_family == AF_INET6 && ipv6_addr_equal(&sk->sk_v6_rcv_saddr, addr);
}

void xtcp_lease_set_user(int family);
int xtcp_lease_init(void);
void xtcp_lease_exit(void);
void xtcp_lease_init_sock(struct sock *sk);

/* Process context, may sleep. */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease);
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, const struct in6_addr *addr, int dev);
/* Process context. */
int xtcp_lease_listen(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_lease_make_exclusive(struct xtcp_lease *lease, const struct sock *sk);
bool xtcp_lease_follow(struct xtcp_lease *lease, const struct sock *sk, int dev);
/* Any context. */
void xtcp_lease_aborted(const struct xtcp_lease *lease, enum xtcp_abort_reason reason);
struct xtcp_lease *xtcp_lease_hold(struct xtcp_lease *lease);
bool xtcp_lease_admits_as(struct xtcp_lease *one, struct xtcp_lease *other);
void xtcp_lease_put(struct xtcp_lease *lease, const struct sock *sk);
void xtcp_lease_unlisten(struct xtcp_lease *lease);
void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n);

/*
 * Take a reference for a TIME-WAIT record. @socks does not count records. If connect() has cleared
 * SO_REUSEADDR of the lease (xtcp_lease_make_exclusive()), the lease gets the option back when its
 * last full sock leaves, even if records still refer to the lease. From then on, a sock of kernel
 * TCP with SO_REUSEADDR can bind the port, as if a TIME-WAIT sock of kernel TCP had the port.
 */
static inline void xtcp_lease_hold_timewait(struct xtcp_lease *lease)
{
	refcount_inc(&lease->users);
}

/*
 * Might xtcp have a lease on @port? @bits points to xtcp_net.port_bits. At first all namespaces
 * share an empty bitmap. A reader that sees the namespace's own bitmap also sees all parts of the
 * namespace, because they were initialised before (netns.c).
 */
static inline bool xtcp_lease_port_might_be_ours(unsigned long *const *bits, u16 port)
{
	/* smp_load_acquire() pairs with smp_store_release() in xtcp_portlist_net_init() */
	return test_bit(port, smp_load_acquire(bits));
}

/* sharing.c */

int xtcp_taker_init(void);
void xtcp_taker_exit(void);

/* Softirq or process, lock of the port held; xtcp_taker_meets(): process, no lock. */
int xtcp_taker_take(struct xtcp_lease *lease, u16 port, const struct in6_addr *addr, int dev);

bool xtcp_taker_meets(struct xtcp_lease *lease, struct xtcp_tuple *tuple);

/* Lock of the port held, any context. */
bool xtcp_sharing_move(struct xtcp_lease *lease, const struct sock *sk, int dev);
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port);
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk);
void xtcp_sharing_leave(struct xtcp_lease *lease);

/* Kernel TCP's bind table of a namespace. */
static inline struct inet_hashinfo *xtcp_sharing_table(const struct sock *sk)
{
	return sock_net(sk)->ipv4.tcp_death_row.hashinfo;
}

/*
 * The chain of a port in kernel TCP's table by port. Its lock is taken before the locks of other
 * chains.
 */
static inline struct inet_bind_hashbucket *xtcp_sharing_port_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = xtcp_sharing_table(sk);

	return &table->bhash[inet_bhashfn(sock_net(sk), port, table->bhash_size)];
}

/*
 * The chain of @port with the wildcard address, in kernel TCP's table by port and address (bhash2).
 * Both address families use this chain.
 */
static inline struct inet_bind_hashbucket *xtcp_sharing_wildcard_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = xtcp_sharing_table(sk);

	return &table->bhash2[ipv4_portaddr_hash(sock_net(sk), htonl(INADDR_ANY), port) & (table->bhash_size - 1)];
}

/* port.c */

int xtcp_port_init(void);
void xtcp_port_exit(void);

/* Socket lock held, may sleep. */
int xtcp_port_bind(struct sock *sk, unsigned short snum);
int xtcp_port_listen(struct sock *sk);
void xtcp_port_rehash(struct sock *sk);
int xtcp_port_connect(struct sock *sk);
/* Socket lock held, any context. Gives the lease back, and clears inet_num and inet_sport. */
void xtcp_port_release(struct sock *sk);
/*
 * Does the same as xtcp_port_release(), but keeps inet_sport for getsockname(). Does nothing if the
 * program chose the port.
 */
void xtcp_port_connection_ended(struct sock *sk);

#endif /* XTCP_PORTS_H */
