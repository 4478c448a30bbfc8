// SPDX-License-Identifier: GPL-2.0
/*
 * The TCP-MD5 keys of a sock: a list that is read under RCU and written under the socket lock. A
 * key on the list never changes. A new key for the same peers replaces the old key in one step, so
 * each segment is signed or checked with either the old key or the new key.
 *
 * The memory of keys is charged to the sock, and net.core.optmem_max limits it, as in Linux.
 */
#include "auth/keys.h"

#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "auth/aokeys.h"
#include "auth/md5.h"
#include "lookup/lookup.h"

static void free_key(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_key, rcu));
}

/*
 * Is @key a better match than @best? A key for one VRF is better than a key without a VRF.
 * Otherwise the key with the longer prefix is better.
 */
static bool matches_better(const struct xtcp_key *best, const struct xtcp_key *key)
{
	if (!best)
		return true;
	if (!best->peers.l3index != !key->peers.l3index)
		return key->peers.l3index;
	return key->peers.prefix > best->peers.prefix;
}

/**
 * xtcp_keys_find() - find a sock's TCP-MD5 key for a peer
 * @sk: the sock, or a listener
 * @peer: the peer's address; IPv4 as v4-mapped
 * @l3index: ifindex of the peer's VRF, 0: no VRF; %XTCP_KEYS_ANY_L3INDEX: VRFs are not compared
 *
 * Context: softirq or process. Lock: RCU read side, or socket, held.
 *
 * Return: the key; NULL: no key of TCP-MD5 holds for this peer.
 */
const struct xtcp_key *xtcp_keys_find(const struct sock *sk, const struct in6_addr *peer, int l3index)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	const struct xtcp_key *key, *best = NULL;
	const bool v4 = ipv6_addr_v4mapped(peer);

	if (!seldom)
		return NULL;
	hlist_for_each_entry_rcu(key, &seldom->keys, node, lockdep_sock_is_held(sk)) {
		if (key->peers.v4 != v4 || (l3index >= 0 && key->peers.in_l3 && key->peers.l3index != l3index))
			continue;
		if (ipv6_prefix_equal(&key->peers.addr, peer, key->peers.prefix) && matches_better(best, key))
			best = key;
	}
	return best;
}

/**
 * xtcp_keys_find_conn() - find a sock's key for the peer of a connection
 * @sk: the sock, or the listener of an entry
 * @conn: the connection; its tuple and device are set
 *
 * Context: softirq or process. Lock: RCU read side, or socket, held.
 *
 * Return: as xtcp_keys_find().
 */
const struct xtcp_key *xtcp_keys_find_conn(const struct sock *sk, const struct xtcp_conn *conn)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);

	return xtcp_keys_find(sk, &tuple.faddr, l3mdev_master_ifindex_by_index(sock_net(sk), conn->bound_dev_if));
}

/**
 * xtcp_keys_set_vrf() - let a key hold for the peers of one VRF
 * @sk: a sock of the VRF's namespace
 * @ifindex: what the program says
 * @peers: the peers of the key; the function sets their l3index
 *
 * RFC 2385 and RFC 5925 know no VRFs; the options of Linux do.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: false: no VRF has this ifindex.
 */
bool xtcp_keys_set_vrf(const struct sock *sk, int ifindex, struct xtcp_peers *peers)
{
	const struct net_device *dev;

	sock_owned_by_me(sk);
	rcu_read_lock();
	dev = dev_get_by_index_rcu(sock_net(sk), ifindex);
	if (dev && netif_is_l3_master(dev))
		peers->l3index = ifindex;
	rcu_read_unlock();
	return peers->l3index;
}

/* The key that was set for exactly these peers, or NULL. */
static struct xtcp_key *find_exact(struct xtcp_seldom *seldom, const struct xtcp_peers *peers)
{
	struct xtcp_key *key;

	hlist_for_each_entry(key, &seldom->keys, node)
		if (key->peers.v4 == peers->v4 && key->peers.in_l3 == peers->in_l3 &&
		    key->peers.l3index == peers->l3index && key->peers.prefix == peers->prefix &&
		    ipv6_addr_equal(&key->peers.addr, &peers->addr))
			return key;
	return NULL;
}

/**
 * xtcp_keys_add() - add a key, or replace the key for the same peers
 * @sk: not destroyed
 * @peers: the peers for which the key holds
 * @md5: the octets of the key
 * @gfp: GFP_KERNEL, or GFP_ATOMIC in softirq
 *
 * Context: as @gfp says. Lock: socket, held.
 *
 * Return: 0; -ENOMEM without memory, beyond net.core.optmem_max, or if the kernel has no MD5.
 */
int xtcp_keys_add(struct sock *sk, const struct xtcp_peers *peers, const struct xtcp_md5_key *md5, gfp_t gfp)
{
	struct xtcp_seldom *seldom;
	struct xtcp_key *key, *old;

	sock_owned_by_me(sk);
	seldom = xtcp_md5_is_there() ? xtcp_seldom_get_for_keys(sk, gfp | __GFP_ACCOUNT) : NULL;
	if (!seldom)
		return -ENOMEM;
	old = find_exact(seldom, peers);
	/* the sock was charged for the old key already, and the new one has the same size */
	key = old ? kmalloc(sizeof(*key), gfp) : sock_kmalloc(sk, sizeof(*key), gfp);
	if (!key)
		return -ENOMEM;
	key->peers = *peers;
	key->md5 = *md5;
	if (old) {
		hlist_replace_rcu(&old->node, &key->node);
		call_rcu(&old->rcu, free_key);
	} else {
		hlist_add_head_rcu(&key->node, &seldom->keys);
	}
	return 0;
}

static void drop_key(struct sock *sk, struct xtcp_key *key)
{
	hlist_del_rcu(&key->node);
	atomic_sub(sizeof(*key), &sk->sk_omem_alloc);
	call_rcu(&key->rcu, free_key);
}

/**
 * xtcp_keys_remove() - remove the key for some peers
 * @sk: not destroyed
 * @peers: the same as when the key was added
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0, or -ENOENT when there is no such key.
 */
int xtcp_keys_remove(struct sock *sk, const struct xtcp_peers *peers)
{
	struct xtcp_seldom *seldom = xtcp_seldom(sk);
	struct xtcp_key *key = seldom ? find_exact(seldom, peers) : NULL;

	sock_owned_by_me(sk);
	if (!key)
		return -ENOENT;
	drop_key(sk, key);
	return 0;
}

/**
 * xtcp_keys_count() - count the keys of a sock, those of TCP-MD5 and those of TCP-AO
 * @sk: the sock; the caller has an open descriptor of this sock
 *
 * Context: process.
 *
 * Return: the number.
 */
int xtcp_keys_count(const struct sock *sk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	const struct xtcp_key *key;
	const struct xtcp_ao_key *mkt;
	const struct xtcp_ao *ao;
	int n = 0;

	if (!seldom)
		return 0;
	rcu_read_lock();
	hlist_for_each_entry_rcu(key, &seldom->keys, node)
		n++;
	ao = xtcp_ao_of(sk);
	if (ao)
		hlist_for_each_entry_rcu(mkt, &ao->keys, node)
			n++;
	rcu_read_unlock();
	return n;
}

/**
 * xtcp_keys_inherit() - give a child the key of its listener for this peer
 * @child: a new child; its tuple and device are set
 * @lsk: the listener
 *
 * As in Linux, the copy holds for the peer's address alone, not for the whole prefix. Without
 * memory for the copy no child is made, because the child could not sign.
 *
 * Context: softirq, RCU read side. Lock: socket of @child, held; no other thread can find @child.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_keys_inherit(struct sock *child, const struct sock *lsk)
{
	const struct xtcp_conn *conn = &xtcp_endpoint(child)->conn;
	const struct xtcp_key *key = xtcp_keys_for(lsk, conn);
	struct xtcp_peers peers;

	if (likely(!key))
		return 0;
	peers = key->peers;
	peers.addr = xtcp_conn_tuple(conn).faddr;
	peers.prefix = 128;
	/* the copy names the child's VRF, so that TCP_MD5SIG_EXT for this VRF replaces the copy */
	peers.l3index = peers.in_l3 ? l3mdev_master_ifindex_by_index(sock_net(child), conn->bound_dev_if) : 0;
	return xtcp_keys_add(child, &peers, &key->md5, GFP_ATOMIC | __GFP_NOWARN);
}

/**
 * xtcp_keys_free() - free all TCP-MD5 keys of a sock
 * @sk: a sock whose memory is being freed
 *
 * Context: RCU callback, or process.
 */
void xtcp_keys_free(struct sock *sk)
{
	struct xtcp_seldom *seldom = xtcp_seldom(sk);
	struct hlist_node *next;
	struct xtcp_key *key;

	if (likely(!seldom))
		return;
	hlist_for_each_entry_safe(key, next, &seldom->keys, node)
		drop_key(sk, key);
}
