/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of connections and listeners.
 *
 * Comes in: a tuple, or a sock that enters or leaves the tables. Goes out: the connection or the
 * listener, valid under RCU.
 *
 * What may not happen here: sending, changing a state, or looking into a result, except to see
 * whether it is transparent or has a program (early.c).
 */
#ifndef XTCP_LOOKUP_H
#define XTCP_LOOKUP_H

#include "base/net.h"
#include "compat.h"

enum xtcp_conn_kind {
	XTCP_CONN_REQUEST,	/* struct xtcp_request: half open */
	XTCP_CONN_SOCK,		/* struct xtcp_sock */
	XTCP_CONN_TIMEWAIT,	/* struct xtcp_timewait: TIME-WAIT or an orphan in FIN-WAIT-2 */
};

/**
 * struct xtcp_conn - what the three kinds of connection have in common; a node of the table
 * @next: the next connection of the chain
 * @hash: the upper half of the tuple's hash
 * @bound_dev_if: the interface to which it is bound, 0: none; in the table only xtcp_demux_rebind()
 *	changes it, under the chain's lock
 * @fport: foreign port; ports and addresses are constant while in the table
 * @lport: local port
 * @ports: both ports, in the order of the TCP header of a segment from the peer
 * @net_id: the namespace's number, set when it enters the table
 * @kind: enum xtcp_conn_kind: which of the three structs contains this one
 * @v4: IPv4: @faddr4 and @laddr4 are valid
 * @shared_port: connect() chose the local port, so several 4-tuples may share it. A connection of
 *	another kind that replaces this one gets a copy
 * @map: number of the map of ports that has this port (port.c), 0: none. The writer holds the lock
 *	of the map, and the chain's if another processor could remove the connection meanwhile. What
 *	replaces this connection gets a copy
 * @faddr4: foreign address, IPv4
 * @laddr4: local address, IPv4. The memory of a half-open entry or record of IPv4 ends behind it
 * @addrs4: both addresses, in the order of the IPv4 header of a packet from the peer
 * @laddr6: local address, IPv6
 * @faddr6: foreign address, IPv6
 */
struct xtcp_conn {
	struct xtcp_conn __rcu *next;
	u32 hash;
	int bound_dev_if;
	union {
		struct {
			__be16 fport;
			__be16 lport;
		};
		__be32 ports;
	};
	u32 net_id : 20;
	u32 kind : 2;
	u32 v4 : 1;
	u32 shared_port : 1;
	u8 map;
	union {
		struct {
			__be32 faddr4;
			__be32 laddr4;
		};
		__be64 addrs4;
		struct {
			struct in6_addr laddr6;
			struct in6_addr faddr6;
		};
	};
};

#define XTCP_CONN_V4_END offsetofend(struct xtcp_conn, addrs4)

/**
 * struct xtcp_demux_key - the lookup key of an arriving segment
 * @tuple: its addresses and ports; those of this host are the local ones
 * @dif: the interface by which it arrived; for an interface in a VRF, the VRF device
 * @sdif: if @dif is a VRF device, the interface in it; else 0
 * @hash: xtcp_tuple_hash() with the secret of the namespace
 */
struct xtcp_demux_key {
	struct xtcp_tuple tuple;
	int dif;
	int sdif;
	u64 hash;
};

static inline struct xtcp_tuple xtcp_conn_tuple(const struct xtcp_conn *conn)
{
	struct xtcp_tuple tuple = { .lport = conn->lport, .fport = conn->fport };

	if (conn->v4) {
		ipv6_addr_set_v4mapped(conn->laddr4, &tuple.laddr);
		ipv6_addr_set_v4mapped(conn->faddr4, &tuple.faddr);
	} else {
		tuple.laddr = conn->laddr6;
		tuple.faddr = conn->faddr6;
	}
	return tuple;
}

/* Does all but the local port match? @v4: xtcp_tuple_is_v4() of @tuple. */
static inline bool xtcp_conn_leads_to(const struct xtcp_conn *conn, const struct xtcp_tuple *tuple, bool v4)
{
	if (conn->fport != tuple->fport)
		return false;
	if (conn->v4)
		return v4 && conn->faddr4 == tuple->faddr.s6_addr32[3] && conn->laddr4 == tuple->laddr.s6_addr32[3];
	return ipv6_addr_equal(&conn->faddr6, &tuple->faddr) && ipv6_addr_equal(&conn->laddr6, &tuple->laddr);
}

/*
 * At least the ports of @th are linear. Both ports are compared at once, and so are both addresses:
 * nearly every segment comes here twice, in early demux and in xtcp_early_take().
 */
static inline bool xtcp_conn_has_tuple_v4(const struct xtcp_conn *conn, const struct iphdr *iph,
					  const struct tcphdr *th)
{
	const void *addrs = (const u8 *)iph + offsetof(struct iphdr, saddr);

	return conn->v4 && conn->addrs4 == get_unaligned((const __be64 *)addrs) &&
	       conn->ports == get_unaligned((const __be32 *)th);
}

static inline void xtcp_conn_set_tuple(struct xtcp_conn *conn, const struct xtcp_tuple *tuple)
{
	conn->lport = tuple->lport;
	conn->fport = tuple->fport;
	conn->v4 = xtcp_tuple_is_v4(tuple);
	if (conn->v4) {
		conn->laddr4 = tuple->laddr.s6_addr32[3];
		conn->faddr4 = tuple->faddr.s6_addr32[3];
	} else {
		conn->laddr6 = tuple->laddr;
		conn->faddr6 = tuple->faddr;
	}
}

extern const struct xtcp_net_part xtcp_demux_part;
unsigned long xtcp_demux_count(const struct xtcp_net *xn);

/* Lookup. The caller holds the RCU read side, which keeps the result valid. */
void xtcp_demux_tuple_from_skb(const struct sk_buff *skb, struct xtcp_tuple *tuple);
void xtcp_demux_key_from_skb(const struct xtcp_net *xn, const struct sk_buff *skb, struct xtcp_demux_key *key);
struct xtcp_conn *xtcp_demux_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key);
/* xtcp_demux_key.hash; its upper half is xtcp_conn.hash. */
static inline u64 xtcp_demux_hash(const struct xtcp_net *xn, const struct xtcp_tuple *tuple)
{
	BUILD_BUG_ON(sizeof(*tuple) != 2 * sizeof(struct in6_addr) + 2 * sizeof(__be16));
	return xtcp_tuple_hash(tuple, &xn->tuple_key);
}

bool xtcp_demux_kernel_holds(struct net *net, const struct xtcp_demux_key *key);

/* An int: 0, or -EADDRNOTAVAIL if the tuple is in use, or if @old is not in the table. */
int xtcp_demux_insert(struct xtcp_net *xn, struct xtcp_conn *conn);
int xtcp_demux_insert_new(struct xtcp_net *xn, struct xtcp_conn *conn, const struct xtcp_demux_key *key);
int xtcp_demux_replace(struct xtcp_net *xn, struct xtcp_conn *old, struct xtcp_conn *new);
bool xtcp_demux_remove(struct xtcp_net *xn, struct xtcp_conn *conn);
bool xtcp_demux_give_to_map(struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if, u8 map);
bool xtcp_demux_leave(struct xtcp_conn *conn);

/**
 * struct xtcp_conn_counts - one processor's counts of a namespace's connections
 * @entered: connections that have entered the table
 * @left: connections that have left it, also those that entered it on another processor
 */
struct xtcp_conn_counts {
	unsigned long entered;
	unsigned long left;
};

/* Subtracts @n connections that xtcp_demux_leave() has removed. */
static inline void xtcp_demux_left(struct xtcp_net *xn, unsigned int n)
{
	this_cpu_add(xn->conns->left, n);
}

/* Reads the tuple of a sock whose addresses and ports are set. The socket is locked, or they cannot change. */
static inline void xtcp_demux_tuple_from_sk(const struct sock *sk, struct xtcp_tuple *tuple)
{
	tuple->lport = inet_sk(sk)->inet_sport;
	tuple->fport = sk->sk_dport;
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		tuple->laddr = sk->sk_v6_rcv_saddr;
		tuple->faddr = sk->sk_v6_daddr;
		return;
	}
	ipv6_addr_set_v4mapped(sk->sk_rcv_saddr, &tuple->laddr);
	ipv6_addr_set_v4mapped(sk->sk_daddr, &tuple->faddr);
}

void xtcp_demux_wait_for_lookups(struct sock *sk);
bool xtcp_demux_rebind(struct sock *sk, struct xtcp_conn *before);

/**
 * struct xtcp_conns - the table
 * @chain: heads of the chains
 * @mask: number of chains - 1
 * @part_shift: each part has 1 << part_shift chains (demux.c)
 */
struct xtcp_conns {
	struct xtcp_conn __rcu **chain;
	u32 mask;
	u8 part_shift;
};

extern struct xtcp_conns xtcp_conns;

static inline u32 xtcp_conns_chain_of(u32 hash)
{
	return hash & xtcp_conns.mask;
}

/* Only the RCU read side or the chain's lock keeps the results of the next two functions valid. */
static inline struct xtcp_conn *xtcp_conns_first(u32 chain)
{
	return rcu_dereference_check(xtcp_conns.chain[chain], true);
}

static inline struct xtcp_conn *xtcp_conns_next(const struct xtcp_conn *conn)
{
	return rcu_dereference_check(conn->next, true);
}

extern const struct xtcp_part xtcp_conns_part;

u32 xtcp_conns_used_chain(u32 chain);

/**
 * struct xtcp_incoming - the listeners of a struct xtcp_members that have SO_INCOMING_CPU
 * @cpus: for each processor, a struct xtcp_reuse of those whose option names it
 */
struct xtcp_incoming {
	/* the xarray's xa_lock guards changes, and also the cpu and cpu_index of each listener */
	struct xarray cpus;
};

void xtcp_incoming_follow(struct sock *sk);

/**
 * struct xtcp_group - listeners with SO_REUSEPORT at one address, port and device; another listener
 *	is alone in its group
 * @members: number of listeners
 * @open: number of listeners whose program has not closed them (handover.c)
 * @rcv_wscale: the window shift that all members offer, since a cookie does not carry it; the first
 *	member chooses it
 * @declined: when xtcp_entry_note_declined() was last called for a member, in seconds; the third
 *	ACK may reach another one
 * @rcu: frees the group after the last lookup
 */
struct xtcp_group {
	refcount_t members;
	atomic_t open;
	u8 rcv_wscale;
	u32 declined;
	struct rcu_head rcu;
};

/* Are two socks on one port bound to the same address and device? */
static inline bool xtcp_group_same_place(const struct sock *a, const struct sock *b)
{
	if (a->sk_family != b->sk_family || a->sk_bound_dev_if != b->sk_bound_dev_if)
		return false;
	if (a->sk_family == AF_INET6)
		return a->sk_ipv6only == b->sk_ipv6only &&
		       ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr);
	return a->sk_rcv_saddr == b->sk_rcv_saddr;
}

/* A listener's group is constant from its entry into the table until a grace period after it has left. */
static inline void xtcp_group_put(struct xtcp_group *group)
{
	if (refcount_dec_and_test(&group->members))
		kfree_rcu(group, rcu);
}

/*
 * May @sk share a port with other sockets of its user? As in Linux, not if a BPF program was
 * attached before bind(): this gives @sk a struct sock_reuseport. Socket lock held.
 */
static inline bool xtcp_group_may_share(const struct sock *sk)
{
	return sk->sk_reuseport && !rcu_access_pointer(sk->sk_reuseport_cb);
}

struct sock *xtcp_group_ask(struct sock *lsk, u32 hash, struct sk_buff *skb);

/* As xtcp_group_ask(). Most listeners are alone, and have no BPF program. */
static inline struct sock *xtcp_group_choose(struct sock *lsk, u32 hash, struct sk_buff *skb)
{
	return likely(!rcu_access_pointer(lsk->sk_reuseport_cb)) ? lsk : xtcp_group_ask(lsk, hash, skb);
}

/**
 * struct xtcp_members_key - the key by which SYNs find listeners; all octets are hashed: no padding
 * @addr: local address, v4-mapped for IPv4; :: is the wildcard of both IP versions
 * @dev: interface, 0: any
 * @port: local port, host order
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
 * @group: their group, to which each has a reference
 * @reuse: the listeners, at least one; changes under xtcp_rest.listeners_lock
 * @incoming: those that have SO_INCOMING_CPU
 * @rcu: frees the struct after the last lookup
 */
struct xtcp_members {
	struct rhlist_head node;
	struct xtcp_members_key key;
	bool v4;
	bool v6;
	bool v4_only;
	struct xtcp_group *group;
	struct xtcp_reuse __rcu *reuse;
	struct xtcp_incoming incoming;
	struct rcu_head rcu;
};

extern const struct xtcp_net_part xtcp_listeners_part;

struct sock *xtcp_listeners_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key);
struct sock *xtcp_listeners_migrate_target(struct xtcp_net *xn, const struct xtcp_members_key *place,
					   const struct xtcp_group *group, u32 hash);
struct sock *xtcp_listeners_find(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 bool (*fits)(struct sock *sk, const void *arg), const void *arg);

/**
 * xtcp_listeners_from() - the next listener in the order of numbers
 * @xn: the namespace
 * @number: where the search begins; receives the number of the result
 *
 * A listener keeps its number. An iteration from 0, which continues at the last number plus one,
 * returns each listener that exists all the while exactly once.
 * Context: process, RCU read side, which keeps the result valid.
 */
static inline struct sock *xtcp_listeners_from(struct xtcp_net *xn, unsigned long *number)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "listener lookup without RCU");
	return xa_find(&xn->rest->listener_numbers, number, ULONG_MAX, XA_PRESENT);
}

int xtcp_listeners_add(struct sock *sk);
void xtcp_listeners_remove(struct sock *sk);
int xtcp_listeners_rehash(struct sock *sk);

extern const struct xtcp_net_part xtcp_attach_part;
void xtcp_attach_start_transparent(struct xtcp_net *xn);
extern const struct xtcp_part xtcp_early_part;
bool xtcp_early_others_look(const struct net *net, bool v4);
void xtcp_early_start(struct xtcp_net *xn);
struct sock *xtcp_early_take(struct sk_buff *skb);
void xtcp_early_learn(struct sock *sk, const struct sk_buff *skb);

/* The connection has ended: drops the route that xtcp_early_learn() has stored. */
static inline void xtcp_early_forget(struct sock *sk)
{
	sock_owned_by_me(sk);
	dst_release(unrcu_pointer(xchg(&sk->sk_rx_dst, NULL)));
}

#endif /* XTCP_LOOKUP_H */
