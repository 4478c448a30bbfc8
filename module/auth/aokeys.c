// SPDX-License-Identifier: GPL-2.0
/*
 * Finds, chooses, adds and removes the TCP-AO keys of a sock. RFC 5925 section 3.1 calls a key a
 * Master Key Tuple (MKT).
 *
 * The keys are on a list that is read under RCU and written under the socket lock. Two keys whose
 * peers overlap have different SendIDs and different RecvIDs; xtcp_aokeys_overlapping() names an
 * exception. On a connection, one key signs what we send (Current_key), and we ask the peer to sign
 * with the same or another key (RNext_key). The peer asks us in the same way, so an arriving
 * segment may change our Current_key (section 3.3). aoconn.c chooses the keys when a connection
 * begins, and when a TIME-WAIT record replaces the connection's sock.
 *
 * The memory of keys is charged to the sock, and net.core.optmem_max limits it, as in Linux.
 */
#include "auth/aokeys.h"

#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "base/tuple.h"
#include "lookup/lookup.h"

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

/**
 * xtcp_aokeys_alloc() - allocate a TCP-AO without keys
 * @gfp: for the memory
 *
 * Context: as @gfp says.
 *
 * Return: the struct, or NULL without memory. xtcp_aokeys_free_copy() frees the struct, unless it
 * becomes the TCP-AO of a sock.
 */
struct xtcp_ao *xtcp_aokeys_alloc(gfp_t gfp)
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

/**
 * xtcp_aokeys_compute_room() - compute the maximum length of TCP-AO in a segment of a connection
 * @ao: a TCP-AO whose list of keys has changed; @ao->room receives the result
 *
 * Context: process or softirq. Lock: socket, held, or no other thread can find the sock.
 */
void xtcp_aokeys_compute_room(struct xtcp_ao *ao)
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

/**
 * xtcp_aokeys_keep_only() - remove the keys that are not for these peers
 * @sk: the sock
 * @ao: its TCP-AO
 * @peers: the peer of a connection
 * @l3index: as for xtcp_aokeys_matches()
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aokeys_keep_only(struct sock *sk, struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index)
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
