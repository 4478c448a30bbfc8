/* SPDX-License-Identifier: GPL-2.0 */
/* The TCP-MD5 keys of a sock (RFC 2385). */
#ifndef XTCP_KEYS_H
#define XTCP_KEYS_H

#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include "base/seldom.h"

struct sock;
struct xtcp_conn;

/**
 * struct xtcp_md5_key - the octets of a TCP-MD5 key
 * @len: length of the key in octets, 1 to %TCP_MD5SIG_MAXKEYLEN
 * @octets: the key
 */
struct xtcp_md5_key {
	u8 len;
	u8 octets[TCP_MD5SIG_MAXKEYLEN];
};

/**
 * struct xtcp_peers - the peers for which a TCP-MD5 or TCP-AO key holds
 * @addr: the peers' address; IPv4 as v4-mapped. As in Linux, the bits behind the prefix are
 *	compared when a TCP-MD5 key is replaced or removed, but not when the key for a peer is
 *	looked up
 * @l3index: ifindex of the peers' VRF; 0: no VRF
 * @prefix: how many leading bits of @addr the peers share; for IPv4 at least 96
 * @v4: the peers are IPv4 hosts
 * @in_l3: the key holds only in the VRF @l3index, or outside of VRFs if @l3index is 0. Without this
 *	bit, the key holds in all VRFs
 */
struct xtcp_peers {
	struct in6_addr addr;
	int l3index;
	u8 prefix;
	bool v4 : 1;
	bool in_l3 : 1;
};

/**
 * struct xtcp_key - a TCP-MD5 key of a sock
 * @node: link in the list of the sock; read under RCU
 * @rcu: frees the key after a grace period
 * @peers: the peers for which the key holds; constant, as is @md5
 * @md5: the octets of the key
 */
struct xtcp_key {
	struct hlist_node node;
	struct rcu_head rcu;
	struct xtcp_peers peers;
	struct xtcp_md5_key md5;
};

#define XTCP_KEYS_ANY_L3INDEX	(-1)

/* RCU read side, or the socket lock is held. */
const struct xtcp_key *xtcp_keys_find(const struct sock *sk, const struct in6_addr *peer, int l3index);
const struct xtcp_key *xtcp_keys_find_conn(const struct sock *sk, const struct xtcp_conn *conn);

/* Returns the TCP-MD5 key for the peer of an entry or a SYN, or NULL. @lsk: the listener. */
static inline const struct xtcp_key *xtcp_keys_for(const struct sock *lsk, const struct xtcp_conn *conn)
{
	return unlikely(xtcp_seldom_signs(lsk)) ? xtcp_keys_find_conn(lsk, conn) : NULL;
}

/*
 * Returns the TCP-MD5 key for the peer of a connection, or NULL. The caller holds the socket lock,
 * and may use the key until the lock is released.
 */
static inline const struct xtcp_key *xtcp_keys_of(const struct sock *sk)
{
	return xtcp_keys_for(sk, &xtcp_endpoint(sk)->conn);
}

/*
 * Process or softirq; the socket lock is held. xtcp_keys_count() needs no lock, but the caller has
 * an open descriptor of the sock. xtcp_keys_free() needs no lock either, since no other thread can
 * find the sock.
 */
int xtcp_keys_add(struct sock *sk, const struct xtcp_peers *peers, const struct xtcp_md5_key *md5, gfp_t gfp);
int xtcp_keys_remove(struct sock *sk, const struct xtcp_peers *peers);
bool xtcp_keys_set_vrf(const struct sock *sk, int ifindex, struct xtcp_peers *peers);
int xtcp_keys_count(const struct sock *sk);
int xtcp_keys_inherit(struct sock *child, const struct sock *lsk);
void xtcp_keys_free(struct sock *sk);

#endif /* XTCP_KEYS_H */
