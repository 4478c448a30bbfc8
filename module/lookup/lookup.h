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

#include <linux/atomic.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "base/wire.h"
#include "compat.h"

struct net;
struct sk_buff;
struct sock;
struct xtcp_listener;
struct xtcp_net;
struct xtcp_tuple;

/* demux.c */

enum xtcp_conn_kind {
	XTCP_CONN_REQUEST,	/* struct xtcp_request: half open */
	XTCP_CONN_SOCK,		/* struct xtcp_sock */
	XTCP_CONN_TIMEWAIT,	/* struct xtcp_timewait: TIME-WAIT or an orphan in FIN-WAIT-2 */
};

/**
 * struct xtcp_conn - what the three kinds of connection have in common; a node of the table
 * @next: the next connection of the chain
 * @hash: the upper half of the tuple's hash
 * @bound_dev_if: the interface to which the connection is bound, 0: none; changed in the table only by
 *	xtcp_demux_rebind(), under the chain's lock and the socket's
 * @fport: foreign port; @fport, @lport and the addresses do not change while the connection is in
 *	the table
 * @lport: local port
 * @ports: both ports, in the order of the TCP header of a segment from the peer
 * @net_id: the namespace's number, set when the connection enters the table
 * @kind: enum xtcp_conn_kind: which of the three structs contains this struct
 * @v4: IPv4: @faddr4 and @laddr4 are valid
 * @shared_port: connect() chose the local port, so several 4-tuples may share the port (port.c). A
 *	connection of another kind that replaces this connection gets a copy of this bit
 * @map: number of the map of ports (portmap.c) that has this port, 0: none. The writer holds the
 *	lock of the map, and also the chain's lock if another processor could remove the
 *	connection from the table meanwhile. A connection that replaces this connection gets a
 *	copy of the number
 * @faddr4: foreign address, IPv4
 * @laddr4: local address, IPv4. The memory of a half-open entry or TIME-WAIT record of IPv4 ends
 *	after this field
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
 * @tuple: the segment's addresses and ports; those of this host are the local ones
 * @dif: the interface by which the segment arrived, or, if this interface is enslaved to a VRF, the
 *	VRF device
 * @sdif: if @dif is a VRF device, the enslaved interface by which the segment arrived; else 0
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
	struct xtcp_tuple tuple = {
		.lport = conn->lport,
		.fport = conn->fport,
	};

	if (conn->v4) {
		ipv6_addr_set_v4mapped(conn->laddr4, &tuple.laddr);
		ipv6_addr_set_v4mapped(conn->faddr4, &tuple.faddr);
	} else {
		tuple.laddr = conn->laddr6;
		tuple.faddr = conn->faddr6;
	}
	return tuple;
}

/*
 * Do all parts of the tuple except the local port match? @v4: xtcp_tuple_is_v4() of @tuple, which
 * the caller computes.
 */
static inline bool xtcp_conn_leads_to(const struct xtcp_conn *conn, const struct xtcp_tuple *tuple, bool v4)
{
	if (conn->fport != tuple->fport)
		return false;
	if (conn->v4)
		return v4 && conn->faddr4 == tuple->faddr.s6_addr32[3] && conn->laddr4 == tuple->laddr.s6_addr32[3];
	return ipv6_addr_equal(&conn->faddr6, &tuple->faddr) && ipv6_addr_equal(&conn->laddr6, &tuple->laddr);
}

/*
 * Does a segment over IPv4 have the tuple of @conn? At least the ports of @th are linear. Both
 * ports are compared at once, and so are both addresses. This saves time: nearly every segment
 * comes here twice, in the lookup of early demux and in xtcp_early_take().
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

/* For a namespace. */
int xtcp_demux_net_init(struct xtcp_net *xn);
void xtcp_demux_net_exit(struct xtcp_net *xn);
unsigned long xtcp_demux_count(const struct xtcp_net *xn);

/* Lookup. The caller holds the RCU read side, which keeps the result valid. */
void xtcp_demux_tuple_from_skb(const struct sk_buff *skb, struct xtcp_tuple *tuple);
void xtcp_demux_key_from_skb(const struct xtcp_net *xn, const struct sk_buff *skb, struct xtcp_demux_key *key);
u64 xtcp_demux_hash(const struct xtcp_net *xn, const struct xtcp_tuple *tuple);
struct xtcp_conn *xtcp_demux_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key);
struct xtcp_conn *xtcp_demux_lookup_v4(struct xtcp_net *xn, const struct sk_buff *skb, const struct tcphdr *th);
bool xtcp_demux_kernel_holds(struct net *net, const struct xtcp_demux_key *key);

/*
 * For a connection of any kind. A function of type int returns 0, or -EADDRNOTAVAIL if the tuple is
 * in use. xtcp_demux_replace() returns -EADDRNOTAVAIL if @old is not in the table.
 */
int xtcp_demux_insert(struct xtcp_net *xn, struct xtcp_conn *conn);
int xtcp_demux_insert_new(struct xtcp_net *xn, struct xtcp_conn *conn, const struct xtcp_demux_key *key);
int xtcp_demux_replace(struct xtcp_net *xn, struct xtcp_conn *old, struct xtcp_conn *new);
bool xtcp_demux_remove(struct xtcp_net *xn, struct xtcp_conn *conn);
bool xtcp_demux_give_to_map(struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if, u8 map);
/* To remove many connections in a row; BH is disabled. */
bool xtcp_demux_leave(struct xtcp_conn *conn);
void xtcp_demux_left(struct xtcp_net *xn, unsigned int n);

/*
 * For a full sock. xtcp_demux_insert_sk() takes a reference for the table, and
 * xtcp_demux_remove_sk() puts this reference.
 */
void xtcp_demux_tuple_from_sk(const struct sock *sk, struct xtcp_tuple *tuple);
void xtcp_demux_wait_for_lookups(struct sock *sk);
int xtcp_demux_insert_sk(struct sock *sk);
void xtcp_demux_rebind(struct sock *sk);
void xtcp_demux_remove_sk(struct sock *sk);

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

int xtcp_conns_init(void);
void xtcp_conns_exit(void);

u32 xtcp_conns_used_chain(u32 chain);

/* portmap.c */

/**
 * struct xtcp_port_range - a range of ports, and the port at which a search begins
 * @low: the first port, host order
 * @count: number of ports
 * @offset: where a search begins; less than @count. A search by a map begins at port @low + @offset
 * @spared: every how many ports, from @low on, one is kernel TCP's alone; a power of two below 32,
 *	so that each word of a bitmap has the same pattern. 0: none
 *
 * Each half of the range has every second port. Our connect() first tries the half that begins with
 * @low + 1. Kernel TCP's connect() prefers the other half. A search without a map numbers the ports
 * of a half from 0, and begins at the port with number @offset modulo the size of the half.
 */
struct xtcp_port_range {
	u32 low;
	u32 count;
	u32 offset;
	u32 spared;
};

/**
 * struct xtcp_portmap - the ports in use towards one destination
 * @node: links the maps of a bucket; read under RCU
 * @rcu: frees the map after the last lookup
 * @key: the destination; lport is not used
 * @bound_dev_if: the interface to which the map's connections are bound, 0: none
 * @v4: the addresses are IPv4
 * @number: the map's index in xtcp_portmaps.by_number
 * @has_predecessor: an earlier map had the same number; connections of the earlier map may still
 *	store the number
 * @lock: guards all fields below
 * @dead: the map is not used any more; it is about to leave the namespace, or has left
 * @refs: number of calls of connect() that use the map now
 * @tuples: number of bits that are set in @ours
 * @surplus: number of bits that are set in @ours or @others, minus an eighth of the number of ports
 *	in the range for which the map was made. If @surplus is 0 or less, the map is not worth
 *	its memory
 * @full: for kernel TCP's half, then for ours: the last range in which xtcp_portmap_choose() found
 *	no clear bit in that half. @count is 0 if a bit of the map has been cleared since
 * @unknown: the first port of the range for which the map was made that has not been looked up yet
 * @unknown_end: the port after the last one
 * @ours: one bit for each port; set if connect() chose the port for a tuple in the table
 * @others: one bit for each port; set if a call of connect() tries the port now, or if the last
 *	attempt was refused because the port is bound or reserved, or because a connection that the
 *	map does not serve has the port; or if the port is unknown. A bit may be out of date
 */
struct xtcp_portmap {
	struct hlist_node node;
	struct rcu_head rcu;
	struct xtcp_tuple key;
	int bound_dev_if;
	bool v4;
	u8 number;
	bool has_predecessor;
	spinlock_t lock;	/* guards the fields below */
	bool dead;
	unsigned int refs;
	unsigned int tuples;
	int surplus;
	struct xtcp_port_range full[2];
	u32 unknown;
	u32 unknown_end;
	unsigned long *ours;
	unsigned long *others;
};

/* Process context. A caller reads and updates a map that it got from portmap.c. */
u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first);
void xtcp_portmap_taken(struct xtcp_net *xn, struct xtcp_portmap *map, struct xtcp_conn *conn);
void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port);
void xtcp_portmap_not_taken(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port);
void xtcp_portmap_forget_others(struct xtcp_net *xn, struct xtcp_portmap *map);

/* For portmap.c. */
const struct xtcp_conn *xtcp_portmap_clear(struct xtcp_portmap *map, const struct xtcp_conn *conn,
					   const struct xtcp_conn *(*next)(const struct xtcp_conn *));

int xtcp_portmaps_net_init(struct xtcp_net *xn);
void xtcp_portmaps_net_exit(struct xtcp_net *xn);

/* Process context. A caller gets or makes a map, uses it, and puts it. */
struct xtcp_portmap *xtcp_portmaps_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if);
struct xtcp_portmap *xtcp_portmaps_make(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if,
					const struct xtcp_port_range *range);
void xtcp_portmaps_put(struct xtcp_net *xn, struct xtcp_portmap *map);
/* BH disabled. The connections have left the table; each stores the number of a map, or 0. */
void xtcp_portmaps_tuple_ended(struct xtcp_net *xn, const struct xtcp_conn *conn);
void xtcp_portmaps_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
				const struct xtcp_conn *(*next)(const struct xtcp_conn *));

/* group.c */

/**
 * struct xtcp_seats - an array of listeners; the owner's lock guards changes
 * @rcu: frees the array after the last lookup
 * @n: number of listeners; a new listener is stored in @sk before @n includes it
 * @room: how many listeners the array can hold
 * @sk: the listeners
 */
struct xtcp_seats {
	struct rcu_head rcu;
	u32 n;
	u32 room;
	struct sock *sk[];
};

/**
 * struct xtcp_incoming - those listeners of a struct xtcp_members that have SO_INCOMING_CPU
 * @cpus: for each processor, the array (struct xtcp_seats) of the listeners whose option names this
 *	processor
 */
struct xtcp_incoming {
	/* the xarray's xa_lock guards changes, and also the cpu and cpu_index of each listener */
	struct xarray cpus;
};

/* With the socket lock held. */
void xtcp_incoming_join(struct xtcp_incoming *incoming, struct sock *sk);
void xtcp_incoming_leave(struct xtcp_incoming *incoming, struct sock *sk);
void xtcp_incoming_follow(struct sock *sk);

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

/* listeners.c */

int xtcp_listeners_net_init(struct xtcp_net *xn);
void xtcp_listeners_net_exit(struct xtcp_net *xn);

/* The caller holds the RCU read side, which keeps the result valid. */
struct sock *xtcp_listeners_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key);
struct sock *xtcp_listeners_heir(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 const struct xtcp_group *group, u32 hash);
struct sock *xtcp_listeners_find(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 bool (*fits)(struct sock *sk, const void *arg), const void *arg);
struct sock *xtcp_listeners_from(struct xtcp_net *xn, unsigned long *number);

int xtcp_listeners_add(struct sock *sk);
void xtcp_listeners_remove(struct sock *sk);
int xtcp_listeners_rehash(struct sock *sk);

/* early.c */

int xtcp_early_init(void);
void xtcp_early_exit(void);
void xtcp_early_start(struct xtcp_net *xn);
struct sock *xtcp_early_take(struct sk_buff *skb);
void xtcp_early_learn(struct sock *sk, const struct sk_buff *skb);
void xtcp_early_forget(struct sock *sk);

#endif /* XTCP_LOOKUP_H */
