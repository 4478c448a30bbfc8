/* SPDX-License-Identifier: GPL-2.0 */
/* A lease: what stands in kernel TCP's bind table for a port of ours. */
#ifndef XTCP_LEASE_H
#define XTCP_LEASE_H

#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/inet_connection_sock.h>
#include <net/inet_timewait_sock.h>

struct xtcp_net;

#define XTCP_PORTS		65536

/**
 * struct xtcp_lease - a lease: what is ours, then as much of a sock as kernel TCP's bind table looks at
 * @node: on the list of its port; lock of the port
 * @xn: the namespace; NULL: it is gone
 * @users: full socks and records; the last one ends the lease
 * @socks: users that are no records; once 0, it stays so, unless the lease is shared
 * @uid: whose SO_REUSEPORT counts; lock of the port
 * @reuse: SO_REUSEADDR of the owner when it bound or began to listen; what sk_reuse is unless connect() made the lease
 *	exclusive; lock of the port
 * @reuseport: SO_REUSEPORT of that moment; lock of the port
 * @shared: for 4-tuples whose port connect() chose
 * @lax: it has let in one that its options, as noted, would not; lock of the port
 * @beside: of a shared one: kernel TCP's connections, or their TIME-WAIT, had the port before, and may have a 4-tuple
 * @inet: what stands in the table; of a shared one no more than what all socks have in common
 * @tw: all that a shared one has
 * @reach: all that another has in the table; README.md says who reads which field
 * @owner: not of a shared one: the sock that bound it, for as long as that has it; lock of the port
 *
 * The lock of the port is xtcp_portlist_lock(): that of @xn and inet.inet_num.
 */
struct xtcp_lease {
	struct hlist_node node;
	struct xtcp_net *xn;
	refcount_t users;
	atomic_t socks;
	kuid_t uid;
	u8 reuse;
	bool reuseport;
	bool shared;
	bool lax;
	bool beside;
	union {
		struct inet_sock inet;
		struct inet_timewait_sock tw;
		u8 reach[offsetofend(struct inet_connection_sock, icsk_bind2_hash)];
	};
	struct sock *owner;
};

#define XTCP_LEASE_SHARED_SIZE	offsetofend(struct xtcp_lease, tw)

/* README.md: what stands there is cast to each of these */
static_assert(!offsetof(struct inet_connection_sock, icsk_inet) && !offsetof(struct inet_timewait_sock, __tw_common));
static_assert(offsetofend(struct inet_connection_sock, icsk_bind_hash) <= sizeof_field(struct xtcp_lease, reach));
static_assert(offsetofend(struct xtcp_lease, reach) == offsetof(struct xtcp_lease, owner));
static_assert(XTCP_LEASE_SHARED_SIZE <= 400);

/* What kernel TCP reads of each that stands there is in what a sock and a TIME-WAIT have in common; three are bits. */
static_assert(sizeof_field(struct sock_common, skc_state) && sizeof_field(struct sock_common, skc_family) &&
	      sizeof_field(struct sock_common, skc_bound_dev_if) && sizeof_field(struct sock_common, skc_rcv_saddr) &&
	      sizeof_field(struct sock_common, skc_bind_node) && sizeof_field(struct sock_common, skc_prot) &&
	      sizeof_field(struct sock_common, skc_net) && sizeof(((struct sock_common *)NULL)->skc_reuse + 0) &&
	      sizeof(((struct sock_common *)NULL)->skc_reuseport + 0) &&
	      sizeof(((struct sock_common *)NULL)->skc_ipv6only + 0));
#if IS_ENABLED(CONFIG_IPV6)
static_assert(sizeof_field(struct sock_common, skc_v6_rcv_saddr));
#endif

static inline struct sock *xtcp_lease_sk(struct xtcp_lease *lease)
{
	return &lease->inet.sk;
}

void xtcp_lease_set_user(int family);
int xtcp_lease_init(void);
void xtcp_lease_exit(void);
void xtcp_lease_init_sock(struct sock *sk);

/* process context, may sleep */
int xtcp_lease_get(struct sock *sk, u16 port, struct xtcp_lease **lease);
struct xtcp_lease *xtcp_lease_get_shared(struct xtcp_net *xn, u16 port, int bound_dev_if);
/* process context */
int xtcp_lease_listen(struct xtcp_lease *lease, const struct sock *sk);
int xtcp_lease_make_exclusive(struct xtcp_lease *lease);
/* any context */
struct xtcp_lease *xtcp_lease_hold(struct xtcp_lease *lease);
void xtcp_lease_put(struct xtcp_lease *lease, const struct sock *sk);
void xtcp_lease_unlisten(struct xtcp_lease *lease);
void xtcp_lease_put_users(struct xtcp_lease *lease, unsigned int n);

/* A record's hold: once no full sock has the lease, kernel TCP may bind beside it as beside its own TIME-WAIT. */
static inline void xtcp_lease_hold_timewait(struct xtcp_lease *lease)
{
	refcount_inc(&lease->users);
}

/* @bits: xtcp_net.port_bits. Who sees the namespace's own map sees all that came before it (netns.c). */
static inline bool xtcp_lease_port_might_be_ours(unsigned long *const *bits, u16 port)
{
	/* pairs with smp_store_release() in xtcp_portlist_net_init() */
	return test_bit(port, smp_load_acquire(bits));
}

#endif /* XTCP_LEASE_H */
