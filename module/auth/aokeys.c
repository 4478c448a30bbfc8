// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO: the keys of a sock, which RFC 5925 section 3.1 calls Master Key Tuples (MKTs).
 *
 * They are on a list that is read under RCU and written under the socket lock. Two keys whose peers
 * overlap have different IDs. All keys of a connection are keys for its peer; one of them signs
 * what we send (Current_key), and the peer is asked to sign with one of them (RNext_key). The peer
 * asks us in the same way, so a segment that comes may change our choice (section 3.3).
 *
 * The memory of keys is charged to the sock, and net.core.optmem_max limits it, as in Linux.
 */
#include "auth/aokeys.h"

#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "base/options.h"
#include "base/sender.h"
#include "base/tuple.h"
#include "listen/entry.h"
#include "lookup/demux.h"

static void free_ao_key(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_ao_key, rcu));
}

static void free_ao(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct xtcp_ao, rcu));
}

static bool is_any(const struct xtcp_peers *peers)
{
	return peers->v4 ? !peers->addr.s6_addr32[3] : ipv6_addr_any(&peers->addr);
}

/**
 * xtcp_aokeys_matches() - is this a key for these peers?
 * @key: the key
 * @peers: their address and IP version
 * @l3index: the device of the VRF in which they are, 0: none; %XTCP_AO_ANY_L3INDEX: not compared
 * @prefix: how many bits of the address count, with the 96 of a v4-mapped one
 *
 * As in Linux, the unspecified address stands for all peers.
 *
 * Context: any.
 *
 * Return: true when it does.
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
 * Return: of several keys the one that was added last; NULL: there is none.
 */
struct xtcp_ao_key *xtcp_aokeys_find(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index, int sndid,
				     int rcvid)
{
	const struct xtcp_peers peers = { .addr = *peer, .v4 = ipv6_addr_v4mapped(peer) };

	return find_among(ao, &peers, l3index, U8_MAX, sndid, rcvid);
}

/**
 * xtcp_aokeys_overlapping() - find a key for some of these peers
 * @ao: the keys
 * @peers: the peers of a new key
 * @sndid: our KeyID, or %XTCP_AO_ANY_ID
 * @rcvid: the peer's KeyID, or %XTCP_AO_ANY_ID
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
 * Return: true when there is a key for this peer, or TCP_AO_INFO demands a MAC of all peers.
 */
bool xtcp_aokeys_demands(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index)
{
	return ao && (READ_ONCE(ao->required) ||
		      xtcp_aokeys_find(ao, peer, l3index, XTCP_AO_ANY_ID, XTCP_AO_ANY_ID));
}

/**
 * xtcp_aokeys_room_for() - find how many octets TCP-AO takes in a segment of an entry at most
 * @ao: TCP-AO of the listener
 * @net: its namespace
 * @conn: the entry's; its tuple and device are set
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

static struct xtcp_ao *new_ao(gfp_t gfp)
{
	struct xtcp_ao *ao = kzalloc(sizeof(*ao), gfp);

	if (ao)
		spin_lock_init(&ao->lock);
	return ao;
}

/* Gives a sock, or a child that nobody else can find, its TCP-AO. Return: NULL without memory. */
static struct xtcp_ao *begin_ao(struct sock *sk, gfp_t gfp)
{
	struct xtcp_seldom *seldom = xtcp_seldom_get(sk, gfp);
	struct xtcp_ao *ao = seldom ? new_ao(gfp) : NULL;

	if (!ao)
		return NULL;
	/* a segment that finds the struct finds it complete */
	smp_store_release(&seldom->ao, ao);
	return ao;
}

/**
 * xtcp_aokeys_get() - get a sock's TCP-AO; the first call allocates it
 * @sk: not destroyed
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: NULL without memory.
 */
struct xtcp_ao *xtcp_aokeys_get(struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_ao_of(sk) ?: begin_ao(sk, GFP_KERNEL_ACCOUNT);
}

/**
 * xtcp_aokeys_choose() - choose the keys of a connection
 * @ao: the keys
 * @current_key: signs what we send from now on; NULL: no change
 * @rnext_key: the peer is asked to sign with it from now on; NULL: no change
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

/* Sets the traffic keys of a connection. */
static void derive(struct xtcp_ao_key *key, const struct xtcp_tuple *tuple, const struct xtcp_ao_isns *isns)
{
	xtcp_ao_traffic_key(key, tuple, isns, false, xtcp_ao_traffic_of(key, false));
	xtcp_ao_traffic_key(key, tuple, isns, true, xtcp_ao_traffic_of(key, true));
}

static void compute_room(struct xtcp_ao *ao)
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
 * @key: complete but for its traffic keys; its memory is charged to @sk
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aokeys_add(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key)
{
	const struct xtcp_ao_isns isns = { .ours = xtcp_sender(sk)->snd.iss, .peers = ao->irs };
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sender(sk)->conn);

	sock_owned_by_me(sk);
	if (ao->synchronized)
		derive(key, &tuple, &isns);
	hlist_add_head_rcu(&key->node, &ao->keys);
	compute_room(ao);
}

/**
 * xtcp_aokeys_discard() - free a key that is on no list
 * @sk: the sock to which its memory is charged
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
 * @current_key: signs what we send from now on; NULL: no change
 * @rnext_key: the peer is asked to sign with it from now on; NULL: no change
 *
 * Context: process or softirq. Lock: socket, held.
 *
 * Return: 0, or -EBUSY when the key would still be in use; it stays then.
 */
int xtcp_aokeys_remove(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key, struct xtcp_ao_key *current_key,
		       struct xtcp_ao_key *rnext_key)
{
	sock_owned_by_me(sk);
	/* a segment that chooses the key now chooses it before this, or sees that it is gone */
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
	compute_room(ao);
	xtcp_aokeys_discard(sk, key);
	return 0;
}

/* Removes a key, even if it is in use. The caller computes the room. */
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
 * xtcp_aokeys_forget() - remove a key of a listener, even if the program had chosen it before
 * @sk: the listener, which uses no chosen key
 * @ao: its TCP-AO
 * @key: the key
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aokeys_forget(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key)
{
	sock_owned_by_me(sk);
	forget_key(sk, ao, key);
	compute_room(ao);
}

/**
 * xtcp_aokeys_begin() - forget an earlier connection
 * @sk: a sock that connects or listens; no segment can find it yet
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_aokeys_begin(struct sock *sk)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	sock_owned_by_me(sk);
	if (unlikely(ao))
		WRITE_ONCE(ao->synchronized, false);
}

/* Ends a sock's TCP-AO, which has no keys any more. */
static void end_ao(struct sock *sk, struct xtcp_ao *ao)
{
	WRITE_ONCE(xtcp_endpoint(sk)->seldom->ao, NULL);
	call_rcu(&ao->rcu, free_ao);
}

/* The peer to which a sock connects. Return: the device of its VRF, 0: none. */
static int read_peer(const struct sock *sk, struct xtcp_peers *peers)
{
	struct xtcp_tuple tuple;

	xtcp_demux_tuple_from_sk(sk, &tuple);
	*peers = (struct xtcp_peers) { .addr = tuple.faddr, .v4 = xtcp_tuple_is_v4(&tuple) };
	return l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if);
}

/* Has @sk a key of TCP-AO for this peer, or of TCP_MD5SIG, but not of both? */
static bool has_right_keys(const struct sock *sk, const struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index)
{
	bool by_ao = xtcp_aokeys_find(ao, &peers->addr, l3index, XTCP_AO_ANY_ID, XTCP_AO_ANY_ID);

	return xtcp_keys_find(sk, &peers->addr, l3index) ? !by_ao && !ao->required : by_ao;
}

/**
 * xtcp_aokeys_may_connect() - does a sock have the right keys for the peer to which it connects?
 * @sk: CLOSED; the foreign address is set
 *
 * Context: process. Lock: socket, held.
 *
 * Return: false when the sock has TCP-AO but no key for this peer, or there is also a key of
 * TCP_MD5SIG for it.
 */
bool xtcp_aokeys_may_connect(const struct sock *sk)
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
 * xtcp_aokeys_connect() - keep only the keys for the peer to which a sock connects
 * @sk: in SYN-SENT, before its SYN; xtcp_aokeys_begin() was called before a segment could find it
 *
 * As in Linux: the other keys are removed. If the program has chosen no key, we sign with the key
 * that was added last, and ask the peer to sign with it too. A connection that a key of TCP_MD5SIG
 * signs has no TCP-AO any more, and can get none: it would have no key that both ends know.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0; -EKEYREJECTED when xtcp_aokeys_may_connect() has become false, because a VRF has got
 * the device to which @sk is bound, or has lost it.
 */
int xtcp_aokeys_connect(struct sock *sk)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct xtcp_peers peers;
	struct xtcp_ao_key *key;
	struct hlist_node *next;
	int l3index;

	sock_owned_by_me(sk);
	if (likely(!ao))
		return 0;
	l3index = read_peer(sk, &peers);
	if (!has_right_keys(sk, ao, &peers, l3index))
		return -EKEYREJECTED;
	hlist_for_each_entry_safe(key, next, &ao->keys, node)
		if (!xtcp_aokeys_matches(key, &peers, l3index, key->peers.prefix))
			forget_key(sk, ao, key);
	compute_room(ao);
	if (hlist_empty(&ao->keys)) {
		end_ao(sk, ao);
		return 0;
	}
	key = hlist_entry(ao->keys.first, struct xtcp_ao_key, node);
	xtcp_aokeys_choose(ao, ao->current_key ? NULL : key, ao->rnext_key ? NULL : key);
	return 0;
}

/* Both ISNs are known: sets the traffic keys, and then lets segments use them. */
static void synchronize(struct xtcp_ao *ao, const struct xtcp_tuple *tuple, const struct xtcp_ao_isns *isns)
{
	struct xtcp_ao_key *key;

	hlist_for_each_entry(key, &ao->keys, node)
		derive(key, tuple, isns);
	ao->irs = isns->peers;
	ao->snd_basis = isns->ours;
	atomic64_set(&ao->rcv_basis, isns->peers);
	/* pairs with smp_load_acquire() in aoverify.c */
	smp_store_release(&ao->synchronized, true);
}

/**
 * xtcp_aokeys_synchronize() - derive the traffic keys, because the peer's SYN has come
 * @sk: in SYN-SENT
 * @irs: the sequence number of the SYN
 *
 * Context: softirq, or process from the backlog. Lock: socket, held.
 */
void xtcp_aokeys_synchronize(struct sock *sk, u32 irs)
{
	const struct xtcp_ao_isns isns = { .ours = xtcp_sender(sk)->snd.iss, .peers = irs };
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sender(sk)->conn);
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	sock_owned_by_me(sk);
	if (ao)
		synchronize(ao, &tuple, &isns);
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

/* Copies the keys of a listener for a child, in their order. Return: 0 or -ENOMEM. */
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
 * xtcp_aokeys_inherit() - give a child the keys of its listener for this peer
 * @child: a new child; its names are set
 * @lsk: the listener
 * @he: the entry, or one that was rebuilt from a cookie
 * @skb: the segment that has completed the handshake
 *
 * The child signs with the key for which the peer asks in this segment, and asks the peer to sign
 * with the key of this segment.
 *
 * Context: softirq, RCU read side. Lock: socket of @child, held; nobody else can find it.
 *
 * Return: 0; -EKEYREJECTED when the keys for this peer are gone; -ENOMEM. After an error the caller
 * frees the child, and the keys with it.
 */
int xtcp_aokeys_inherit(struct sock *child, const struct sock *lsk, const struct xtcp_request *he,
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
	struct xtcp_ao_key *first;
	struct xtcp_ao *ao;
	int err;

	if (likely(!he->ao))
		return 0;
	if (!from)
		return -EKEYREJECTED;
	ao = begin_ao(child, GFP_ATOMIC | __GFP_NOWARN);
	if (!ao)
		return -ENOMEM;
	ao->required = READ_ONCE(from->required);
	ao->accept_icmps = READ_ONCE(from->accept_icmps);
	err = copy_matching(child, ao, from, &peers, l3index);
	if (err)
		return err;
	if (hlist_empty(&ao->keys))
		return -EKEYREJECTED;
	compute_room(ao);
	xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option);
	first = hlist_entry(ao->keys.first, struct xtcp_ao_key, node);
	ao->current_key = xtcp_aokeys_by_id(ao, option.rnext, XTCP_AO_ANY_ID) ?: first;
	ao->rnext_key = xtcp_aokeys_by_id(ao, XTCP_AO_ANY_ID, option.keyid) ?: first;
	synchronize(ao, &tuple, &isns);
	return 0;
}

/**
 * xtcp_aokeys_free() - drop the TCP-AO of a sock
 * @sk: its memory is being freed
 *
 * Context: RCU callback, or process.
 */
void xtcp_aokeys_free(struct sock *sk)
{
	struct xtcp_seldom *seldom = xtcp_endpoint(sk)->seldom;
	struct xtcp_ao_key *key;

	if (likely(!seldom || !seldom->ao))
		return;
	hlist_for_each_entry(key, &seldom->ao->keys, node)
		atomic_sub(xtcp_ao_key_bytes(key->algorithm), &sk->sk_omem_alloc);
	xtcp_aokeys_free_copy(seldom->ao);
	seldom->ao = NULL;
}

/* Adds a copy of a key to the copy of a TCP-AO, unless it is there. Return: NULL without memory. */
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
 * xtcp_aokeys_for_record() - copy the TCP-AO of a connection for its record
 * @sk: the sock, synchronized
 *
 * A record keeps at most two keys: Current_key and RNext_key. So its memory is limited, however
 * many keys the program has.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the copy, for xtcp_aokeys_free_copy(); NULL without memory.
 */
struct xtcp_ao *xtcp_aokeys_for_record(const struct sock *sk)
{
	const struct xtcp_ao *from = xtcp_ao_of(sk);
	const struct xtcp_ao_key *current_key = READ_ONCE(from->current_key);
	struct xtcp_ao *ao = new_ao(GFP_ATOMIC | __GFP_NOWARN);

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

/**
 * xtcp_aokeys_free_copy() - free a TCP-AO that nobody can find any more, with its keys
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
