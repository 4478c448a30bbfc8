/* SPDX-License-Identifier: GPL-2.0 */
/* The keys with which a sock and its peers sign their segments. */
#ifndef XTCP_KEYS_H
#define XTCP_KEYS_H

#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include "base/seldom.h"

struct sock;
struct xtcp_conn;

/**
 * struct xtcp_md5_key - a key of TCP-MD5, which both ends know
 * @len: octets of it, 1 to %TCP_MD5SIG_MAXKEYLEN
 * @octets: the key itself
 */
struct xtcp_md5_key {
	u8 len;
	u8 octets[TCP_MD5SIG_MAXKEYLEN];
};

/**
 * struct xtcp_peers - the peers of a key
 * @addr: their address; IPv4 as v4-mapped. As in Linux, bits behind the prefix count when keys are
 *	compared, but not when a peer is looked up
 * @l3index: the VRF's device; 0: none
 * @prefix: how many bits of the address count, with the 96 of a v4-mapped one
 * @v4: the peers are IPv4 hosts
 * @in_l3: @l3index also counts; then 0 means peers outside of VRFs. Without this bit, the key
 *	applies in all VRFs
 */
struct xtcp_peers {
	struct in6_addr addr;
	int l3index;
	u8 prefix;
	bool v4 : 1;
	bool in_l3 : 1;
};

/**
 * struct xtcp_key - a key of a sock
 * @node: place on the list of the sock; RCU
 * @rcu: frees the key after the last lookup
 * @peers: whose key it is; constant, as is @md5
 * @md5: the key
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

/* The key for the peer of an entry or a SYN. @lsk: the listener. NULL: segments are not signed. */
static inline const struct xtcp_key *xtcp_keys_for(const struct sock *lsk, const struct xtcp_conn *conn)
{
	return unlikely(xtcp_seldom(lsk)) ? xtcp_keys_find_conn(lsk, conn) : NULL;
}

/*
 * The key for the peer of a connection. NULL: segments are not signed. The socket lock is held, so
 * the key stays until it is released.
 */
static inline const struct xtcp_key *xtcp_keys_of(const struct sock *sk)
{
	return xtcp_keys_for(sk, &xtcp_endpoint(sk)->conn);
}

/* Process or softirq; the socket lock is held. */
int xtcp_keys_add(struct sock *sk, const struct xtcp_peers *peers, const struct xtcp_md5_key *md5, gfp_t gfp);
int xtcp_keys_remove(struct sock *sk, const struct xtcp_peers *peers);
int xtcp_keys_count(const struct sock *sk);
int xtcp_keys_inherit(struct sock *child, const struct sock *lsk);
void xtcp_keys_free(struct sock *sk);

#endif /* XTCP_KEYS_H */
