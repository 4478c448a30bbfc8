/* SPDX-License-Identifier: GPL-2.0 */
/* Finds the connection of a tuple, in a table that is read under RCU. */
#ifndef XTCP_DEMUX_H
#define XTCP_DEMUX_H

#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <net/ipv6.h>

#include "base/tuple.h"
#include "compat.h"

struct net;
struct sk_buff;
struct sock;
struct xtcp_net;

enum xtcp_conn_kind {
	XTCP_CONN_REQUEST,	/* struct xtcp_request: half open */
	XTCP_CONN_SOCK,		/* struct xtcp_sock */
	XTCP_CONN_TIMEWAIT,	/* struct xtcp_timewait: TIME-WAIT or an orphan in FIN-WAIT-2 */
};

/**
 * struct xtcp_conn - what the three kinds of connection have in common; a node of the table
 * @next: the next connection of the chain (conns.h)
 * @hash: the upper half of the tuple's hash
 * @bound_dev_if: the interface to which the connection is bound, 0: none; constant while the
 *	connection is in the table
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
void xtcp_demux_remove_sk(struct sock *sk);

#endif /* XTCP_DEMUX_H */
