// SPDX-License-Identifier: GPL-2.0
/*
 * Finds, chooses, adds and removes the TCP-AO keys of a sock. RFC 5925 section 3.1 calls a key a
 * Master Key Tuple (MKT).
 *
 * The keys are on a list that is read under RCU and written under the socket lock. Two keys whose
 * peers overlap have different SendIDs and different RecvIDs; xtcp_aokeys_overlapping() names an
 * exception. On a connection, one key signs what we send (Current_key), and we ask the peer to sign
 * with the same or another key (RNext_key). The peer asks us in the same way, so an arriving
 * segment may change our Current_key (section 3.3). The keys are chosen when a connection
 * begins, and when a TIME-WAIT record replaces the connection's sock.
 *
 * The memory of keys is charged to the sock, and net.core.optmem_max limits it, as in Linux.
 *
 * All keys of a connection are keys for its peer: connect() removes the others, and a child gets
 * copies of only those keys of its listener that are for the peer. When both ISNs are known, the
 * traffic keys of the connection are derived (RFC 5925 section 5.2).
 *
 * The TCP-MD5 keys of a sock: a list that is read under RCU and written under the socket lock. A
 * key on the list never changes. A new key for the same peers replaces the old key in one step, so
 * each segment is signed or checked with either the old key or the new key.
 */
#include "auth/auth.h"

#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "base/options.h"
#include "base/sender.h"
#include "base/wire.h"
#include "listen/listen.h"
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

static void free_ao_key(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_ao_key, rcu));
}

static bool is_any(const struct xtcp_peers *peers)
{
	return peers->v4 ? !peers->addr.s6_addr32[3] : ipv6_addr_any(&peers->addr);
}

/**
 * xtcp_aokeys_matches() - is this a key for these peers?
 * @key: the key
 * @peers: the peers' address and IP version
 * @l3index: ifindex of the peers' VRF, 0: no VRF; %XTCP_AO_ANY_L3INDEX: VRFs are not compared
 * @prefix: how many leading bits of the addresses are compared; IPv4 addresses are v4-mapped
 *
 * As in Linux, the unspecified address stands for all peers.
 *
 * Context: any.
 *
 * Return: true when @key is a key for @peers.
 */
bool xtcp_aokeys_matches(const struct xtcp_ao_key *key, const struct xtcp_peers *peers, int l3index, u8 prefix)
{
	if (key->peers.v4 != peers->v4)
		return false;
	if (l3index >= 0 && key->peers.in_l3 && key->peers.l3index != l3index)
		return false;
	return is_any(&key->peers) || is_any(peers) || ipv6_prefix_equal(&key->peers.addr, &peers->addr, prefix);
}

static bool has_ids(const struct xtcp_ao_key *key, int sndid, int rcvid)
{
	return (sndid < 0 || key->sndid == sndid) && (rcvid < 0 || key->rcvid == rcvid);
}

static struct xtcp_ao_key *find_among(const struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index,
				      u8 most_bits, int sndid, int rcvid)
{
	struct xtcp_ao_key *key;

	/* the caller holds the RCU read side or the socket lock */
	hlist_for_each_entry_rcu(key, &ao->keys, node, true)
		if (has_ids(key, sndid, rcvid) &&
		    xtcp_aokeys_matches(key, peers, l3index, min(most_bits, key->peers.prefix)))
			return key;
	return NULL;
}

/**
 * xtcp_aokeys_find() - find a key for a peer
 * @ao: the keys
 * @peer: the peer's address; IPv4 as v4-mapped
 * @l3index: as for xtcp_aokeys_matches()
 * @sndid: our KeyID, or %XTCP_AO_ANY_ID
 * @rcvid: the peer's KeyID, or %XTCP_AO_ANY_ID
 *
 * Context: any. Lock: RCU read side, or socket, held.
 *
 * Return: the matching key that was added last, or NULL.
 */
struct xtcp_ao_key *xtcp_aokeys_find(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index, int sndid,
				     int rcvid)
{
	const struct xtcp_peers peers = { .addr = *peer, .v4 = ipv6_addr_v4mapped(peer) };

	return find_among(ao, &peers, l3index, U8_MAX, sndid, rcvid);
}

/**
 * xtcp_aokeys_overlapping() - find a key that holds for at least one of these peers
 * @ao: the keys
 * @peers: the peers of a new key
 * @sndid: our KeyID, or %XTCP_AO_ANY_ID
 * @rcvid: the peer's KeyID, or %XTCP_AO_ANY_ID
 *
 * As in Linux, if the new key holds in all VRFs, a key that holds only in one VRF is not found. So
 * these two keys may have the same IDs.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: the key, or NULL.
 */
struct xtcp_ao_key *xtcp_aokeys_overlapping(const struct xtcp_ao *ao, const struct xtcp_peers *peers, int sndid,
					    int rcvid)
{
	return find_among(ao, peers, peers->l3index, peers->prefix, sndid, rcvid);
}

/**
 * xtcp_aokeys_by_id() - find a key by its IDs alone
 * @ao: the keys
 * @sndid: our KeyID, or %XTCP_AO_ANY_ID
 * @rcvid: the peer's KeyID, or %XTCP_AO_ANY_ID
 *
 * Context: any. Lock: RCU read side, or socket, held.
 *
 * Return: the key, or NULL.
 */
struct xtcp_ao_key *xtcp_aokeys_by_id(const struct xtcp_ao *ao, int sndid, int rcvid)
{
	struct xtcp_ao_key *key;

	hlist_for_each_entry_rcu(key, &ao->keys, node, true)
		if (has_ids(key, sndid, rcvid))
			return key;
	return NULL;
}

/**
 * xtcp_aokeys_demands() - must the segments of this peer have a MAC?
 * @ao: TCP-AO of the sock or listener, or NULL
 * @peer: the peer's address; IPv4 as v4-mapped
 * @l3index: as for xtcp_aokeys_matches()
 *
 * Context: any. Lock: RCU read side, or socket, held.
 *
 * Return: true when there is a key for this peer, or TCP_AO_INFO demands a MAC from all peers.
 */
bool xtcp_aokeys_demands(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index)
{
	return ao && (READ_ONCE(ao->required) ||
		      xtcp_aokeys_find(ao, peer, l3index, XTCP_AO_ANY_ID, XTCP_AO_ANY_ID));
}

/**
 * xtcp_aokeys_room_for() - compute the maximum length of TCP-AO in a segment of an entry
 * @ao: TCP-AO of the listener
 * @net: the listener's namespace
 * @conn: the connection of the entry; its tuple and device are set
 *
 * Context: softirq, RCU read side.
 *
 * Return: octets, a multiple of four; 0 when the keys for this peer are gone.
 */
u32 xtcp_aokeys_room_for(const struct xtcp_ao *ao, struct net *net, const struct xtcp_conn *conn)
{
	const int l3index = l3mdev_master_ifindex_by_index(net, conn->bound_dev_if);
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);
	const struct xtcp_peers peers = { .addr = tuple.faddr, .v4 = xtcp_tuple_is_v4(&tuple) };
	const struct xtcp_ao_key *key;
	u32 room = 0;

	hlist_for_each_entry_rcu(key, &ao->keys, node)
		if (xtcp_aokeys_matches(key, &peers, l3index, key->peers.prefix))
			room = max_t(u32, room, XTCP_OPTLEN_AO_ALIGNED(key->maclen));
	return room;
}

/*
 * Allocate a TCP-AO without keys.
 *
 * Context: as @gfp says.
 *
 * Return: the struct, or NULL without memory. xtcp_aokeys_free_copy() frees the struct, unless it
 * becomes the TCP-AO of a sock.
 */
static struct xtcp_ao *xtcp_aokeys_alloc(gfp_t gfp)
{
	struct xtcp_ao *ao = kzalloc(sizeof(*ao), gfp);

	if (ao)
		spin_lock_init(&ao->lock);
	return ao;
}

static struct xtcp_ao *begin_ao(struct sock *sk, gfp_t gfp)
{
	struct xtcp_seldom *seldom = xtcp_seldom_get_for_keys(sk, gfp);
	struct xtcp_ao *ao = seldom ? xtcp_aokeys_alloc(gfp) : NULL;

	if (!ao)
		return NULL;
	/* from now on an arriving segment may use the struct */
	smp_store_release(&seldom->ao, ao);
	return ao;
}

/**
 * xtcp_aokeys_get() - get a sock's TCP-AO; the first call allocates it
 * @sk: a sock of a program, or a new child that no other thread can find yet
 * @gfp: for the memory
 *
 * Context: as @gfp says. Lock: socket, held.
 *
 * Return: the TCP-AO; NULL without memory.
 */
struct xtcp_ao *xtcp_aokeys_get(struct sock *sk, gfp_t gfp)
{
	sock_owned_by_me(sk);
	return xtcp_ao_of(sk) ?: begin_ao(sk, gfp);
}

/**
 * xtcp_aokeys_choose() - choose the keys of a connection
 * @ao: the keys
 * @current_key: the key that signs what we send from now on; NULL: no change
 * @rnext_key: the key with which we ask the peer to sign from now on; NULL: no change
 *
 * A key that another thread has just removed is not chosen.
 *
 * Context: any but hard interrupt. Lock: RCU read side, or socket, held.
 */
void xtcp_aokeys_choose(struct xtcp_ao *ao, struct xtcp_ao_key *current_key, struct xtcp_ao_key *rnext_key)
{
	spin_lock_bh(&ao->lock);
	if (current_key && !current_key->gone)
		WRITE_ONCE(ao->current_key, current_key);
	if (rnext_key && !rnext_key->gone)
		WRITE_ONCE(ao->rnext_key, rnext_key);
	spin_unlock_bh(&ao->lock);
}

/*
 * Compute the maximum length of TCP-AO in a segment of a connection.
 * @ao: a TCP-AO whose list of keys has changed; @ao->room receives the result
 *
 * Context: process or softirq. Lock: socket, held, or no other thread can find the sock.
 */
static void xtcp_aokeys_compute_room(struct xtcp_ao *ao)
{
	const struct xtcp_ao_key *key;
	u8 room = 0;

	hlist_for_each_entry(key, &ao->keys, node)
		room = max_t(u8, room, XTCP_OPTLEN_AO_ALIGNED(key->maclen));
	ao->room = room;
}

/**
 * xtcp_aokeys_add() - put a key on the list of a sock
 * @sk: the sock
 * @ao: its TCP-AO
 * @key: complete; its memory is charged to @sk
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aokeys_add(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key)
{
	sock_owned_by_me(sk);
	hlist_add_head_rcu(&key->node, &ao->keys);
	xtcp_aokeys_compute_room(ao);
}

/**
 * xtcp_aokeys_discard() - free a key that is on no list, after a grace period
 * @sk: the sock to which the memory of @key is charged
 * @key: the key
 *
 * Context: any. Lock: socket, held.
 */
void xtcp_aokeys_discard(struct sock *sk, struct xtcp_ao_key *key)
{
	atomic_sub(xtcp_ao_key_bytes(key->algorithm), &sk->sk_omem_alloc);
	call_rcu(&key->rcu, free_ao_key);
}

/**
 * xtcp_aokeys_remove() - remove a key
 * @sk: the sock
 * @ao: its TCP-AO
 * @key: the key
 * @current_key: the key that signs what we send from now on; NULL: no change
 * @rnext_key: the key with which we ask the peer to sign from now on; NULL: no change
 *
 * Context: process or softirq. Lock: socket, held.
 *
 * Return: 0; -EBUSY when @key is still chosen after the change. Then @key stays on the list, and
 * the change is kept.
 */
int xtcp_aokeys_remove(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key, struct xtcp_ao_key *current_key,
		       struct xtcp_ao_key *rnext_key)
{
	sock_owned_by_me(sk);
	/*
	 * for an arriving segment, xtcp_aokeys_choose() may choose @key under the same lock. If
	 * that happens first, the test below finds @key chosen. If it happens later,
	 * xtcp_aokeys_choose() sees key->gone, and does not choose @key
	 */
	spin_lock_bh(&ao->lock);
	if (current_key)
		WRITE_ONCE(ao->current_key, current_key);
	if (rnext_key)
		WRITE_ONCE(ao->rnext_key, rnext_key);
	key->gone = key != ao->current_key && key != ao->rnext_key;
	spin_unlock_bh(&ao->lock);
	if (!key->gone)
		return -EBUSY;
	hlist_del_rcu(&key->node);
	xtcp_aokeys_compute_room(ao);
	xtcp_aokeys_discard(sk, key);
	return 0;
}

/* Removes a key, even a chosen one. The caller then calls xtcp_aokeys_compute_room(). */
static void forget_key(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key)
{
	spin_lock_bh(&ao->lock);
	if (ao->current_key == key)
		WRITE_ONCE(ao->current_key, NULL);
	if (ao->rnext_key == key)
		WRITE_ONCE(ao->rnext_key, NULL);
	key->gone = true;
	spin_unlock_bh(&ao->lock);
	hlist_del_rcu(&key->node);
	xtcp_aokeys_discard(sk, key);
}

/**
 * xtcp_aokeys_forget() - remove a key of a listener, even a key that the program has chosen
 * @sk: the listener. It signs with the key for which the peer asks, never with the chosen key
 * @ao: its TCP-AO
 * @key: the key
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aokeys_forget(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key)
{
	sock_owned_by_me(sk);
	forget_key(sk, ao, key);
	xtcp_aokeys_compute_room(ao);
}

/*
 * Remove the keys that are not for these peers.
 * @peers: the peer of a connection
 */
static void xtcp_aokeys_keep_only(struct sock *sk, struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index)
{
	struct xtcp_ao_key *key;
	struct hlist_node *next;

	sock_owned_by_me(sk);
	hlist_for_each_entry_safe(key, next, &ao->keys, node)
		if (!xtcp_aokeys_matches(key, peers, l3index, key->peers.prefix))
			forget_key(sk, ao, key);
	xtcp_aokeys_compute_room(ao);
}

/**
 * xtcp_aokeys_free() - free the TCP-AO of a sock, with its keys
 * @sk: a sock whose memory is being freed
 *
 * Context: RCU callback, or process.
 */
void xtcp_aokeys_free(struct sock *sk)
{
	struct xtcp_seldom *seldom = xtcp_seldom(sk);
	struct xtcp_ao_key *key;

	if (likely(!seldom || !seldom->ao))
		return;
	hlist_for_each_entry(key, &seldom->ao->keys, node)
		atomic_sub(xtcp_ao_key_bytes(key->algorithm), &sk->sk_omem_alloc);
	xtcp_aokeys_free_copy(seldom->ao);
	seldom->ao = NULL;
}

/**
 * xtcp_aokeys_free_copy() - free a TCP-AO that no thread can find any more, with its keys
 * @ao: the TCP-AO
 *
 * Context: any.
 */
void xtcp_aokeys_free_copy(struct xtcp_ao *ao)
{
	struct hlist_node *next;
	struct xtcp_ao_key *key;

	hlist_for_each_entry_safe(key, next, &ao->keys, node)
		kfree_sensitive(key);
	kfree(ao);
}

/**
 * xtcp_aoconn_begin() - invalidate the traffic keys of an earlier connection
 * @sk: a sock that connects or listens; no arriving segment can find it yet
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aoconn_begin(struct sock *sk)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	sock_owned_by_me(sk);
	if (unlikely(ao))
		WRITE_ONCE(ao->synchronized, false);
}

static void free_ao(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct xtcp_ao, rcu));
}

/* Frees @ao, the TCP-AO state of @sk, after a grace period. @ao has no keys any more. */
static void end_ao(struct sock *sk, struct xtcp_ao *ao)
{
	WRITE_ONCE(xtcp_seldom(sk)->ao, NULL);
	call_rcu(&ao->rcu, free_ao);
}

/* Stores the peer to which a sock connects. Return: ifindex of the peer's VRF, 0: no VRF. */
static int read_peer(const struct sock *sk, struct xtcp_peers *peers)
{
	struct xtcp_tuple tuple;

	xtcp_demux_tuple_from_sk(sk, &tuple);
	*peers = (struct xtcp_peers) { .addr = tuple.faddr, .v4 = xtcp_tuple_is_v4(&tuple) };
	return l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if);
}

/*
 * Has @sk exactly one kind of key for this peer, TCP-AO or TCP_MD5SIG? If TCP_AO_INFO demands a MAC
 * from all peers, the kind must be TCP-AO.
 */
static bool has_right_keys(const struct sock *sk, const struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index)
{
	bool by_ao = xtcp_aokeys_find(ao, &peers->addr, l3index, XTCP_AO_ANY_ID, XTCP_AO_ANY_ID);

	return xtcp_keys_find(sk, &peers->addr, l3index) ? !by_ao && !ao->required : by_ao;
}

/**
 * xtcp_aoconn_may_connect() - does a sock have the right keys for the peer to which it connects?
 * @sk: CLOSED; the foreign address is set
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true when @sk has no TCP-AO, or has exactly one kind of key for this peer: TCP-AO or
 * TCP_MD5SIG. If TCP_AO_INFO demands a MAC from all peers, the kind must be TCP-AO.
 */
bool xtcp_aoconn_may_connect(const struct sock *sk)
{
	const struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct xtcp_peers peers;
	int l3index;

	sock_owned_by_me(sk);
	if (likely(!ao))
		return true;
	l3index = read_peer(sk, &peers);
	return has_right_keys(sk, ao, &peers, l3index);
}

/**
 * xtcp_aoconn_connect() - keep only the keys for the peer to which a sock connects
 * @sk: in SYN-SENT, before its SYN is sent; xtcp_aoconn_begin() was called earlier
 *
 * As in Linux, the other keys are removed. If none of the remaining keys is Current_key, the one
 * that was added last becomes Current_key. The same holds for RNext_key. If a key of TCP_MD5SIG
 * signs the connection, no key of TCP-AO is left: TCP-AO ends for this sock, and no key of TCP-AO
 * can be added to the connection later.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0; -EKEYREJECTED when xtcp_aoconn_may_connect() has become false, because the device to
 * which @sk is bound has joined or left a VRF.
 */
int xtcp_aoconn_connect(struct sock *sk)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct xtcp_peers peers;
	struct xtcp_ao_key *key;
	int l3index;

	sock_owned_by_me(sk);
	if (likely(!ao))
		return 0;
	l3index = read_peer(sk, &peers);
	if (!has_right_keys(sk, ao, &peers, l3index))
		return -EKEYREJECTED;
	xtcp_aokeys_keep_only(sk, ao, &peers, l3index);
	if (hlist_empty(&ao->keys)) {
		end_ao(sk, ao);
		return 0;
	}
	key = hlist_entry(ao->keys.first, struct xtcp_ao_key, node);
	xtcp_aokeys_choose(ao, ao->current_key ? NULL : key, ao->rnext_key ? NULL : key);
	return 0;
}

/* Derives the traffic keys of @key for both directions. */
static void derive(struct xtcp_ao_key *key, const struct xtcp_tuple *tuple, const struct xtcp_ao_isns *isns)
{
	xtcp_ao_traffic_key(key, tuple, isns, false, xtcp_ao_traffic_of(key, false));
	xtcp_ao_traffic_key(key, tuple, isns, true, xtcp_ao_traffic_of(key, true));
}

/* Derives the traffic keys, now that both ISNs are known, and then lets segments use them. */
static void synchronize(struct xtcp_ao *ao, const struct xtcp_tuple *tuple, const struct xtcp_ao_isns *isns)
{
	struct xtcp_ao_key *key;

	hlist_for_each_entry(key, &ao->keys, node)
		derive(key, tuple, isns);
	ao->irs = isns->peers;
	ao->snd_basis = isns->ours;
	atomic64_set(&ao->rcv_basis, isns->peers);
	/* smp_store_release() pairs with smp_load_acquire() in verify.c */
	smp_store_release(&ao->synchronized, true);
}

/**
 * xtcp_aoconn_synchronize() - derive the traffic keys, because the peer's SYN has come
 * @sk: in SYN-SENT
 * @irs: the sequence number of the SYN
 *
 * Context: softirq, or process (the backlog). Lock: socket, held.
 */
void xtcp_aoconn_synchronize(struct sock *sk, u32 irs)
{
	const struct xtcp_ao_isns isns = { .ours = xtcp_sender(sk)->snd.iss, .peers = irs };
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sender(sk)->conn);
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	sock_owned_by_me(sk);
	if (ao)
		synchronize(ao, &tuple, &isns);
}

/**
 * xtcp_aoconn_derive() - derive the traffic keys of a key that a program adds
 * @sk: the sock
 * @ao: its TCP-AO
 * @key: a key for the peer, on no list yet
 *
 * If the ISNs are not known yet, xtcp_aoconn_synchronize() derives the traffic keys later.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aoconn_derive(const struct sock *sk, const struct xtcp_ao *ao, struct xtcp_ao_key *key)
{
	const struct xtcp_ao_isns isns = { .ours = xtcp_sender(sk)->snd.iss, .peers = ao->irs };
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sender(sk)->conn);

	sock_owned_by_me(sk);
	if (ao->synchronized)
		derive(key, &tuple, &isns);
}

static struct xtcp_ao_key *copy_key(const struct xtcp_ao_key *key, void *memory)
{
	struct xtcp_ao_key *copy = memory;

	if (!copy)
		return NULL;
	memcpy(copy, key, xtcp_ao_key_bytes(key->algorithm));
	atomic64_set(&copy->good, 0);
	atomic64_set(&copy->bad, 0);
	copy->gone = false;
	return copy;
}

/* Copies a listener's keys for @peers to a child, in the same order. Return: 0 or -ENOMEM. */
static int copy_matching(struct sock *child, struct xtcp_ao *ao, const struct xtcp_ao *from,
			 const struct xtcp_peers *peers, int l3index)
{
	struct hlist_node *last = NULL;
	struct xtcp_ao_key *key, *copy;

	hlist_for_each_entry_rcu(key, &from->keys, node) {
		if (!xtcp_aokeys_matches(key, peers, l3index, key->peers.prefix))
			continue;
		copy = copy_key(key, sock_kmalloc(child, xtcp_ao_key_bytes(key->algorithm),
						  GFP_ATOMIC | __GFP_NOWARN));
		if (!copy)
			return -ENOMEM;
		if (last)
			hlist_add_behind_rcu(&copy->node, last);
		else
			hlist_add_head_rcu(&copy->node, &ao->keys);
		last = &copy->node;
	}
	return 0;
}

/**
 * xtcp_aoconn_inherit() - give a child the keys of its listener for this peer
 * @child: a new child; its tuple and device are set
 * @lsk: the listener
 * @he: the request of the entry, or a request rebuilt from a cookie
 * @skb: the segment that has completed the handshake
 *
 * The child signs with the key for which the peer asks in @skb (RNextKeyID), and asks the peer to
 * sign with the key that has signed @skb (KeyID). If the former is missing, the child signs with
 * the latter, too: the peer has it for sure (RFC 5925 section 7.5).
 *
 * Context: softirq, RCU read side. Lock: socket of @child, held; no other thread can find @child.
 *
 * Return: 0; -EKEYREJECTED when the keys for this peer are gone; -ENOMEM. After an error the caller
 * frees the child, and thereby its keys.
 */
int xtcp_aoconn_inherit(struct sock *child, const struct sock *lsk, const struct xtcp_request *he,
			const struct sk_buff *skb)
{
	const struct xtcp_conn *conn = &xtcp_sender(child)->conn;
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);
	const struct xtcp_peers peers = { .addr = tuple.faddr, .v4 = xtcp_tuple_is_v4(&tuple) };
	const int l3index = l3mdev_master_ifindex_by_index(sock_net(child), conn->bound_dev_if);
	const struct xtcp_ao_isns isns = { .ours = he->iss, .peers = he->irs };
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	const struct xtcp_ao *from = xtcp_ao_of(lsk);
	struct xtcp_ao_option option = {};
	struct xtcp_ao_key *signs;
	struct xtcp_ao *ao;
	int err;

	if (likely(!he->ao))
		return 0;
	if (!from)
		return -EKEYREJECTED;
	ao = xtcp_aokeys_get(child, GFP_ATOMIC | __GFP_NOWARN);
	if (!ao)
		return -ENOMEM;
	ao->required = READ_ONCE(from->required);
	ao->accept_icmps = READ_ONCE(from->accept_icmps);
	err = copy_matching(child, ao, from, &peers, l3index);
	if (err)
		return err;
	if (hlist_empty(&ao->keys))
		return -EKEYREJECTED;
	xtcp_aokeys_compute_room(ao);
	xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option);
	/* the key that has signed @skb; if it has just been removed, any key */
	signs = xtcp_aokeys_by_id(ao, XTCP_AO_ANY_ID, option.keyid) ?:
		hlist_entry(ao->keys.first, struct xtcp_ao_key, node);
	ao->current_key = xtcp_aokeys_by_id(ao, option.rnext, XTCP_AO_ANY_ID) ?: signs;
	ao->rnext_key = signs;
	synchronize(ao, &tuple, &isns);
	return 0;
}

/* Returns the copy of @key in @ao, and adds the copy if it is missing. NULL without memory. */
static struct xtcp_ao_key *keep_key(struct xtcp_ao *ao, const struct xtcp_ao_key *key)
{
	struct xtcp_ao_key *copy = xtcp_aokeys_by_id(ao, key->sndid, key->rcvid);

	if (copy)
		return copy;
	copy = copy_key(key, kmalloc(xtcp_ao_key_bytes(key->algorithm), GFP_ATOMIC | __GFP_NOWARN));
	if (copy)
		hlist_add_head_rcu(&copy->node, &ao->keys);
	return copy;
}

/**
 * xtcp_aoconn_for_record() - copy the TCP-AO of a connection for its record
 * @sk: a sock with TCP-AO, whose traffic keys are set
 *
 * A record keeps at most two keys: Current_key and RNext_key. So its memory is limited, however
 * many keys the sock has.
 *
 * Return: the copy, which xtcp_aokeys_free_copy() frees; NULL without memory.
 */
struct xtcp_ao *xtcp_aoconn_for_record(const struct sock *sk)
{
	const struct xtcp_ao *from = xtcp_ao_of(sk);
	const struct xtcp_ao_key *current_key = READ_ONCE(from->current_key);
	struct xtcp_ao *ao = xtcp_aokeys_alloc(GFP_ATOMIC | __GFP_NOWARN);

	sock_owned_by_me(sk);
	if (!ao)
		return NULL;
	ao->current_key = keep_key(ao, current_key);
	ao->rnext_key = keep_key(ao, from->rnext_key);
	if (!ao->current_key || !ao->rnext_key) {
		xtcp_aokeys_free_copy(ao);
		return NULL;
	}
	ao->snd_basis = xtcp_ao_extend(from->snd_basis, xtcp_sender(sk)->snd.una);
	atomic64_set(&ao->rcv_basis, atomic64_read(&from->rcv_basis));
	ao->irs = from->irs;
	ao->accept_icmps = from->accept_icmps;
	ao->synchronized = true;
	return ao;
}
