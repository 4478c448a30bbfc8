// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of a sock, and the options that set them: TCP_AO_ADD_KEY, TCP_AO_DEL_KEY, TCP_AO_INFO,
 * TCP_MD5SIG and TCP_MD5SIG_EXT, with Linux's errors. The memory of keys is charged to the sock, and
 * net.core.optmem_max limits it.
 *
 * Both kinds of keys are lists that are read under RCU and written under the socket lock.
 *
 * A TCP-MD5 key on the list never changes. A new key for the same peers replaces the old one in one
 * step, so each segment is signed or checked with either of them.
 *
 * RFC 5925 section 3.1 calls a TCP-AO key a Master Key Tuple (MKT). Two keys whose peers overlap
 * have different SendIDs and different RecvIDs; check_new() names an exception. On a
 * connection, one key signs what we send (Current_key), and we ask the peer to sign with the same
 * or another key (RNext_key). The peer asks us in the same way, so an arriving segment may change
 * our Current_key (section 3.3).
 *
 * All keys of a connection are for its peer: connect() removes the others, and a child gets copies
 * of only those of its listener's keys that are for the peer. When both ISNs are known, the traffic
 * keys of the connection are derived (section 5.2).
 */
#include "auth/auth.h"

#include <net/l3mdev.h>

#include "base/sender.h"
#include "listen/listen.h"

static void free_key(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_key, rcu));
}

/* A key for one VRF is better than one without a VRF; otherwise the one with the longer prefix. */
static bool matches_better(const struct xtcp_key *best, const struct xtcp_key *key)
{
	if (!best)
		return true;
	if (!best->peers.l3index != !key->peers.l3index)
		return key->peers.l3index;
	return key->peers.prefix > best->peers.prefix;
}

/*
 * A sock's or listener's TCP-MD5 key for a peer, or NULL. @l3index: ifindex of the peer's VRF, 0:
 * no VRF; XTCP_KEYS_ANY_L3INDEX: VRFs are not compared. RCU read side, or socket lock.
 */
const struct xtcp_key *xtcp_keys_find(const struct sock *sk, const struct in6_addr *peer, int l3index)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);
	const struct xtcp_key *key, *best = NULL;
	const bool v4 = ipv6_addr_v4mapped(peer);

	if (!cold)
		return NULL;
	hlist_for_each_entry_rcu(key, &cold->keys, node, lockdep_sock_is_held(sk)) {
		if (key->peers.v4 != v4 || (l3index >= 0 && key->peers.in_l3 && key->peers.l3index != l3index))
			continue;
		if (ipv6_prefix_equal(&key->peers.addr, peer, key->peers.prefix) && matches_better(best, key))
			best = key;
	}
	return best;
}

/* As xtcp_keys_find(), for the peer of a connection whose tuple and device are set. */
const struct xtcp_key *xtcp_keys_find_conn(const struct sock *sk, const struct xtcp_conn *conn)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);

	return xtcp_keys_find(sk, &tuple.faddr, l3mdev_master_ifindex_by_index(sock_net(sk), conn->bound_dev_if));
}

/* Lets a key hold for one VRF; false if none has this ifindex. No RFC has it, Linux's options have. */
static bool xtcp_keys_set_vrf(const struct sock *sk, int ifindex, struct xtcp_peers *peers)
{
	const struct net_device *dev;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(sock_net(sk), ifindex);
	if (dev && netif_is_l3_master(dev))
		peers->l3index = ifindex;
	rcu_read_unlock();
	return peers->l3index;
}

/* As xtcp_cold_get(). From now on keys are looked up for each segment (xtcp_cold_signs()). */
static struct xtcp_cold *get_for_keys(struct sock *sk, gfp_t gfp)
{
	struct xtcp_cold *cold = xtcp_cold_get(sk, gfp);

	if (!cold)
		return NULL;
	/* softirq must find zeroed fields; the bit comes before the first key, so that none is overlooked */
	smp_store_release(&xtcp_endpoint(sk)->cold, (unsigned long)cold | XTCP_SELDOM_SIGNS);
	return cold;
}

static bool are_same(const struct xtcp_peers *peers, const struct xtcp_peers *other)
{
	return peers->v4 == other->v4 && peers->in_l3 == other->in_l3 && peers->l3index == other->l3index &&
	       peers->prefix == other->prefix && ipv6_addr_equal(&peers->addr, &other->addr);
}

static struct xtcp_key *find_exact(struct xtcp_cold *cold, const struct xtcp_peers *peers)
{
	struct xtcp_key *key;

	hlist_for_each_entry(key, &cold->keys, node)
		if (are_same(&key->peers, peers))
			return key;
	return NULL;
}

/* Return: 0; -ENOMEM without memory, beyond net.core.optmem_max, or if the kernel has no MD5. */
static int xtcp_keys_add(struct sock *sk, const struct xtcp_peers *peers, const struct xtcp_md5_key *md5, gfp_t gfp)
{
	struct xtcp_cold *cold;
	struct xtcp_key *key, *old;

	sock_owned_by_me(sk);
	cold = xtcp_md5_is_there() ? get_for_keys(sk, gfp | __GFP_ACCOUNT) : NULL;
	if (!cold)
		return -ENOMEM;
	old = find_exact(cold, peers);
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
		hlist_add_head_rcu(&key->node, &cold->keys);
	}
	return 0;
}

static void drop_key(struct sock *sk, struct xtcp_key *key)
{
	hlist_del_rcu(&key->node);
	atomic_sub(sizeof(*key), &sk->sk_omem_alloc);
	call_rcu(&key->rcu, free_key);
}

/* Return: 0, or -ENOENT when there is no key for exactly these peers. */
static int xtcp_keys_remove(struct sock *sk, const struct xtcp_peers *peers)
{
	struct xtcp_cold *cold = xtcp_cold(sk);
	struct xtcp_key *key = cold ? find_exact(cold, peers) : NULL;

	if (!key)
		return -ENOENT;
	drop_key(sk, key);
	return 0;
}

/**
 * xtcp_keys_inherit() - give a child the key of its listener for this peer
 * @child: a new child; its tuple and device are set
 * @lsk: the listener
 *
 * As in Linux, the copy holds for the peer's address alone, not for the whole prefix. Without
 * memory no child is made: it could not sign.
 * Context: softirq, RCU read side. Lock: socket of @child, held; no other thread can find @child.
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

static void free_ao_key(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_ao_key, rcu));
}

/*
 * Is this a key for these peers? @l3index: ifindex of their VRF, 0: no VRF; XTCP_AO_ANY_L3INDEX:
 * VRFs are not compared. @prefix: how many leading bits of the addresses are compared.
 */
bool xtcp_aokeys_matches(const struct xtcp_ao_key *key, const struct xtcp_peers *peers, int l3index, u8 prefix)
{
	if (key->peers.v4 != peers->v4)
		return false;
	if (l3index >= 0 && key->peers.in_l3 && key->peers.l3index != l3index)
		return false;
	return xtcp_peers_are_all(&key->peers) || xtcp_peers_are_all(peers) ||
	       ipv6_prefix_equal(&key->peers.addr, &peers->addr, prefix);
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

/* The key for a peer that was added last, or NULL. RCU read side, or socket lock. */
struct xtcp_ao_key *xtcp_aokeys_find(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index, int sndid,
				     int rcvid)
{
	const struct xtcp_peers peers = { .addr = *peer, .v4 = ipv6_addr_v4mapped(peer) };

	return find_among(ao, &peers, l3index, U8_MAX, sndid, rcvid);
}

/* The key with these IDs, for whatever peers; %XTCP_AO_ANY_ID stands for all. RCU read side, or socket lock. */
struct xtcp_ao_key *xtcp_aokeys_by_id(const struct xtcp_ao *ao, int sndid, int rcvid)
{
	struct xtcp_ao_key *key;

	hlist_for_each_entry_rcu(key, &ao->keys, node, true)
		if (has_ids(key, sndid, rcvid))
			return key;
	return NULL;
}

/* Octets of TCP-AO in the longest segment of an entry; 0 when the keys for its peer are gone. RCU read side. */
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

static struct xtcp_ao *xtcp_aokeys_alloc(gfp_t gfp)
{
	struct xtcp_ao *ao = kzalloc(sizeof(*ao), gfp);

	if (ao)
		spin_lock_init(&ao->lock);
	return ao;
}

/* The TCP-AO of a sock, which the first call allocates. NULL without memory. */
static struct xtcp_ao *xtcp_aokeys_get(struct sock *sk, gfp_t gfp)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct xtcp_cold *cold;

	sock_owned_by_me(sk);
	if (ao)
		return ao;
	cold = get_for_keys(sk, gfp);
	ao = cold ? xtcp_aokeys_alloc(gfp) : NULL;
	if (!ao)
		return NULL;
	/* from now on an arriving segment may use the struct */
	smp_store_release(&cold->ao, ao);
	return ao;
}

/* NULL: no change. A key that another thread has just removed is not chosen. RCU read side, or socket lock. */
void xtcp_aokeys_choose(struct xtcp_ao *ao, struct xtcp_ao_key *current_key, struct xtcp_ao_key *rnext_key)
{
	spin_lock_bh(&ao->lock);
	if (current_key && !current_key->gone)
		WRITE_ONCE(ao->current_key, current_key);
	if (rnext_key && !rnext_key->gone)
		WRITE_ONCE(ao->rnext_key, rnext_key);
	spin_unlock_bh(&ao->lock);
}

/* The list of keys has changed. Socket lock held, or no other thread can find the sock. */
static void xtcp_aokeys_compute_room(struct xtcp_ao *ao)
{
	const struct xtcp_ao_key *key;
	u8 room = 0;

	hlist_for_each_entry(key, &ao->keys, node)
		room = max_t(u8, room, XTCP_OPTLEN_AO_ALIGNED(key->maclen));
	ao->room = room;
}

/* Frees a key that is on no list, after a grace period. Its memory is charged to @sk. */
static void xtcp_aokeys_discard(struct sock *sk, struct xtcp_ao_key *key)
{
	atomic_sub(xtcp_ao_key_bytes(key->algorithm), &sk->sk_omem_alloc);
	call_rcu(&key->rcu, free_ao_key);
}

/* Removes a key, after xtcp_aokeys_choose(). Return: 0; -EBUSY when it is still chosen: then both stay. */
static int xtcp_aokeys_remove(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key,
			      struct xtcp_ao_key *current_key, struct xtcp_ao_key *rnext_key)
{
	/* xtcp_aokeys_choose() takes this lock, too: the test below sees its choice, or it sees key->gone */
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

/* Removes the keys that are not for the peer of a connection. */
static void xtcp_aokeys_keep_only(struct sock *sk, struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index)
{
	struct xtcp_ao_key *key;
	struct hlist_node *next;

	hlist_for_each_entry_safe(key, next, &ao->keys, node)
		if (!xtcp_aokeys_matches(key, peers, l3index, key->peers.prefix))
			forget_key(sk, ao, key);
	xtcp_aokeys_compute_room(ao);
}

/* Frees all keys of a sock whose memory is being freed. */
void xtcp_keys_free(struct sock *sk)
{
	struct xtcp_cold *cold = xtcp_cold(sk);
	struct xtcp_ao_key *mkt;
	struct hlist_node *next;
	struct xtcp_key *key;

	if (likely(!cold))
		return;
	hlist_for_each_entry_safe(key, next, &cold->keys, node)
		drop_key(sk, key);
	if (!cold->ao)
		return;
	hlist_for_each_entry(mkt, &cold->ao->keys, node)
		atomic_sub(xtcp_ao_key_bytes(mkt->algorithm), &sk->sk_omem_alloc);
	xtcp_aokeys_free_copy(cold->ao);
	cold->ao = NULL;
}

/* Frees a TCP-AO that no thread can find any more, with its keys. */
void xtcp_aokeys_free_copy(struct xtcp_ao *ao)
{
	struct hlist_node *next;
	struct xtcp_ao_key *key;

	hlist_for_each_entry_safe(key, next, &ao->keys, node)
		kfree_sensitive(key);
	kfree(ao);
}

/* Stores the peer to which a sock connects. Return: ifindex of the peer's VRF, 0: no VRF. */
static int read_peer(const struct sock *sk, struct xtcp_peers *peers)
{
	struct xtcp_tuple tuple;

	xtcp_demux_tuple_from_sk(sk, &tuple);
	*peers = (struct xtcp_peers) { .addr = tuple.faddr, .v4 = xtcp_tuple_is_v4(&tuple) };
	return l3mdev_master_ifindex_by_index(sock_net(sk), sk->sk_bound_dev_if);
}

/* One kind of key for this peer, TCP-AO or TCP_MD5SIG? TCP-AO, if TCP_AO_INFO demands MACs from all peers. */
static bool has_right_keys(const struct sock *sk, const struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index)
{
	bool by_ao = xtcp_aokeys_find(ao, &peers->addr, l3index, XTCP_AO_ANY_ID, XTCP_AO_ANY_ID);

	return xtcp_keys_find(sk, &peers->addr, l3index) ? !by_ao && !ao->required : by_ao;
}

/* has_right_keys(), for the peer to which @sk connects; true without TCP-AO. */
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
 * As in Linux, the other keys are removed. If Current_key or RNext_key is none of the rest, the key
 * that was added last takes its place. If a key of TCP_MD5SIG signs the connection, none is left:
 * TCP-AO ends for this sock, and no key of it can be added later.
 * Context: process.
 * Return: 0; -EKEYREJECTED when xtcp_aoconn_may_connect() has become false, because the device of
 * @sk has joined or left a VRF.
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
		WRITE_ONCE(xtcp_cold(sk)->ao, NULL);
		kfree_rcu(ao, rcu);
		return 0;
	}
	key = hlist_entry(ao->keys.first, struct xtcp_ao_key, node);
	xtcp_aokeys_choose(ao, ao->current_key ? NULL : key, ao->rnext_key ? NULL : key);
	return 0;
}

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

/* Derives the traffic keys of a sock in SYN-SENT: the peer's SYN, @irs, has come. */
void xtcp_aoconn_synchronize(struct sock *sk, u32 irs)
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

/* Copies a listener's keys for @peers to a child, in the same order. Return: 0 or -ENOMEM. */
static int copy_matching(struct sock *child, struct xtcp_ao *ao, const struct xtcp_ao *from,
			 const struct xtcp_peers *peers, int l3index)
{
	struct hlist_node *last = NULL;
	struct xtcp_ao_key *key, *copy;

	hlist_for_each_entry_rcu(key, &from->keys, node) {
		if (!xtcp_aokeys_matches(key, peers, l3index, key->peers.prefix))
			continue;
		copy = copy_key(key, sock_kmalloc(child, xtcp_ao_key_bytes(key->algorithm), GFP_ATOMIC | __GFP_NOWARN));
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
 * The child signs with the key for which @skb asks (RNextKeyID), and asks the peer to sign with the
 * one that has signed @skb (KeyID). If the former is missing, the latter takes its place: the peer
 * has it for sure (RFC 5925 section 7.5).
 * Context: softirq, RCU read side. Lock: socket of @child, held; no other thread can find @child.
 * Return: 0; -EKEYREJECTED when the keys for this peer are gone; -ENOMEM. The caller then frees the
 * child, and thereby its keys.
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

/* For its record; NULL without memory. At most Current_key and RNext_key, so its memory is limited. */
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

#define MACLEN_DEFAULT	12	/* octets (RFC 5926 section 2.1) */

/*
 * Reads a program's struct, which may be of another version: if it is shorter than @size, the rest
 * of @cmd is 0. -E2BIG: it is longer, and an octet beyond @size is not 0.
 */
int xtcp_aoopt_read(void *cmd, unsigned int size, sockptr_t optval, unsigned int optlen)
{
	int zeros;

	if (optlen > size) {
		zeros = check_zeroed_sockptr(optval, size, optlen - size);
		if (zeros <= 0)
			return zeros ?: -E2BIG;
	}
	memset(cmd, 0, size);
	return copy_from_sockptr(cmd, optval, min(size, optlen)) ? -EFAULT : 0;
}

void xtcp_peers_set_address(struct xtcp_peers *peers, const struct __kernel_sockaddr_storage *addr, int family)
{
	if (family == AF_INET)
		ipv6_addr_set_v4mapped(((const struct sockaddr_in *)addr)->sin_addr.s_addr, &peers->addr);
	else
		peers->addr = ((const struct sockaddr_in6 *)addr)->sin6_addr;
	peers->v4 = ipv6_addr_v4mapped(&peers->addr);
}

/* Stores an unchecked address and prefix in @peers. Return: false when the port is not 0. */
static bool read_sockaddr(const struct sock *sk, const struct __kernel_sockaddr_storage *addr, u8 prefix,
			  struct xtcp_peers *peers)
{
	xtcp_peers_set_address(peers, addr, sk->sk_family);
	peers->prefix = min_t(int, prefix + (peers->v4 ? XTCP_MAPPED_BITS : 0), U8_MAX);
	/* both kinds have the port at the same place */
	return !((const struct sockaddr_in *)addr)->sin_port;
}

/* Are all bits behind the prefix 0? */
bool xtcp_peers_have_no_host_bits(const struct xtcp_peers *peers)
{
	struct in6_addr masked;

	ipv6_addr_prefix(&masked, &peers->addr, peers->prefix);
	return ipv6_addr_equal(&masked, &peers->addr);
}

/* Is @sk without a connection, or is its peer one of these? */
static bool is_of_peer(const struct sock *sk, const struct xtcp_peers *peers)
{
	struct xtcp_peers peer;

	read_peer(sk, &peer);
	return xtcp_peers_are_all(&peer) || ipv6_prefix_equal(&peer.addr, &peers->addr, peers->prefix);
}

/* Bits behind the prefix have to be 0. Return: false for peers that are not valid, or not those of a connection. */
static bool read_new_peers(const struct sock *sk, const struct tcp_ao_add *cmd, struct xtcp_peers *peers)
{
	if (cmd->addr.ss_family != sk->sk_family || !read_sockaddr(sk, &cmd->addr, cmd->prefix, peers))
		return false;
	if (sk->sk_family == AF_INET6 && !cmd->prefix)
		return ipv6_addr_any(&peers->addr);
	if (!cmd->prefix)
		return xtcp_peers_are_all(peers);
	return !xtcp_peers_are_all(peers) && peers->prefix <= 128 && xtcp_peers_have_no_host_bits(peers) &&
	       is_of_peer(sk, peers);
}

static bool is_unconnected(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN);
}

static int check_new(const struct sock *sk, const struct tcp_ao_add *cmd, struct xtcp_peers *peers)
{
	const bool chooses = cmd->set_current || cmd->set_rnext;
	const struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (cmd->keylen > TCP_AO_MAXKEYLEN || cmd->reserved || cmd->reserved2 || !read_new_peers(sk, cmd, peers))
		return -EINVAL;
	if (cmd->keyflags & ~(TCP_AO_KEYF_IFINDEX | TCP_AO_KEYF_EXCLUDE_OPT) || (chooses && sk->sk_state == TCP_LISTEN))
		return -EINVAL;
	peers->in_l3 = cmd->keyflags & TCP_AO_KEYF_IFINDEX;
	if (cmd->ifindex && (!peers->in_l3 || !xtcp_keys_set_vrf(sk, cmd->ifindex, peers)))
		return -EINVAL;
	/* a sock that has a connection takes keys only for the VRF that it is bound to */
	if (cmd->ifindex && !is_unconnected(sk) && sk->sk_bound_dev_if != cmd->ifindex)
		return -EINVAL;
	/* a segment cannot have both an MD5 digest and TCP-AO */
	if (xtcp_keys_find(sk, &peers->addr, peers->in_l3 ? peers->l3index : XTCP_KEYS_ANY_L3INDEX))
		return -EKEYREJECTED;
	/*
	 * RFC 5925 section 3.1: two keys that may be used on one connection have different IDs. As
	 * in Linux, a new key for all VRFs is not compared with those of one VRF
	 */
	if (ao && (find_among(ao, peers, peers->l3index, peers->prefix, XTCP_AO_ANY_ID, cmd->rcvid) ||
		   find_among(ao, peers, peers->l3index, peers->prefix, cmd->sndid, XTCP_AO_ANY_ID)))
		return -EEXIST;
	return 0;
}

/* Fills a new key. Return: 0, or the error of TCP_AO_ADD_KEY. */
static int fill_key(struct xtcp_ao_key *key, const struct tcp_ao_add *cmd, const struct xtcp_peers *peers)
{
	int err;

	key->peers = *peers;
	key->sndid = cmd->sndid;
	key->rcvid = cmd->rcvid;
	key->keyflags = cmd->keyflags;
	key->maclen = cmd->maclen ?: MACLEN_DEFAULT;
	/* beside our other options, a SYN has no room for a longer MAC */
	if (key->maclen > XTCP_AO_MAC_MAX)
		return -EMSGSIZE;
	err = xtcp_ao_master_key(key, cmd->alg_name, cmd->key, cmd->keylen);
	if (!err && key->maclen > xtcp_ao_digest_size(key->algorithm))
		err = -EINVAL;
	return err;
}

static int add_key(struct sock *sk, struct tcp_ao_add *cmd)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sender(sk)->conn);
	struct xtcp_ao_isns isns = { .ours = xtcp_sender(sk)->snd.iss };
	struct xtcp_peers peers = {};
	struct xtcp_ao_key *key;
	struct xtcp_ao *ao;
	int algorithm, err;

	err = check_new(sk, cmd, &peers);
	if (err)
		return err;
	cmd->alg_name[sizeof(cmd->alg_name) - 1] = '\0';
	algorithm = xtcp_ao_algorithm(cmd->alg_name);
	if (algorithm < 0)
		return algorithm;
	key = sock_kmalloc(sk, xtcp_ao_key_bytes(algorithm), GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	memset(key, 0, xtcp_ao_key_bytes(algorithm));
	key->algorithm = algorithm;
	err = fill_key(key, cmd, &peers);
	ao = err ? NULL : xtcp_aokeys_get(sk, GFP_KERNEL_ACCOUNT);
	if (!ao) {
		xtcp_aokeys_discard(sk, key);
		return err ?: -ENOMEM;
	}
	/* without the ISNs, xtcp_aoconn_synchronize() derives them later */
	isns.peers = ao->irs;
	if (ao->synchronized)
		derive(key, &tuple, &isns);
	hlist_add_head_rcu(&key->node, &ao->keys);
	xtcp_aokeys_compute_room(ao);
	xtcp_aokeys_choose(ao, cmd->set_current ? key : NULL, cmd->set_rnext ? key : NULL);
	return 0;
}

/* The keys that a program chooses by their IDs; -1: none. Return: false when a chosen key does not exist. */
static bool find_chosen(const struct xtcp_ao *ao, int sndid, int rcvid, struct xtcp_ao_key **current_key,
			struct xtcp_ao_key **rnext_key)
{
	if (sndid >= 0)
		*current_key = xtcp_aokeys_by_id(ao, sndid, XTCP_AO_ANY_ID);
	if (rcvid >= 0)
		*rnext_key = xtcp_aokeys_by_id(ao, XTCP_AO_ANY_ID, rcvid);
	return (sndid < 0 || *current_key) && (rcvid < 0 || *rnext_key);
}

static int remove_key(struct sock *sk, const struct tcp_ao_del *cmd)
{
	struct xtcp_ao_key *current_key = NULL, *rnext_key = NULL, *key;
	struct xtcp_ao *ao = xtcp_ao_of(sk);
	struct xtcp_peers peers = {};

	if (cmd->reserved || cmd->reserved2 || ((cmd->set_current || cmd->set_rnext) && sk->sk_state == TCP_LISTEN))
		return -EINVAL;
	peers.in_l3 = cmd->keyflags & TCP_AO_KEYF_IFINDEX;
	if (cmd->keyflags & ~TCP_AO_KEYF_IFINDEX || (cmd->ifindex && !peers.in_l3))
		return -EINVAL;
	peers.l3index = cmd->ifindex;
	if (!ao || !find_chosen(ao, cmd->set_current ? cmd->current_key : -1, cmd->set_rnext ? cmd->rnext : -1,
				&current_key, &rnext_key))
		return -ENOENT;
	if (cmd->del_async && sk->sk_state != TCP_LISTEN)
		return -EINVAL;
	if (!read_sockaddr(sk, &cmd->addr, cmd->prefix, &peers))
		return -EINVAL;
	hlist_for_each_entry(key, &ao->keys, node) {
		if (!has_ids(key, cmd->sndid, cmd->rcvid) || !are_same(&key->peers, &peers) || key == current_key ||
		    key == rnext_key)
			continue;
		if (!cmd->del_async)
			return xtcp_aokeys_remove(sk, ao, key, current_key, rnext_key);
		/* a listener signs with the key for which the peer asks, never with a chosen one */
		forget_key(sk, ao, key);
		xtcp_aokeys_compute_room(ao);
		return 0;
	}
	return -ENOENT;
}

static int set_info(struct sock *sk, const struct tcp_ao_info_opt *cmd)
{
	struct xtcp_ao_key *current_key = NULL, *rnext_key = NULL;
	struct xtcp_ao *ao;

	if (cmd->reserved || cmd->reserved2 || ((cmd->set_current || cmd->set_rnext) && sk->sk_state == TCP_LISTEN))
		return -EINVAL;
	if (cmd->ao_required && xtcp_cold(sk) && !hlist_empty(&xtcp_cold(sk)->keys))
		return -EKEYREJECTED;
	/* without TCP-AO the sock has no key that could be chosen */
	if ((cmd->set_current || cmd->set_rnext) && !xtcp_ao_of(sk))
		return -ENOENT;
	ao = xtcp_aokeys_get(sk, GFP_KERNEL_ACCOUNT);
	if (!ao)
		return -ENOMEM;
	if (!find_chosen(ao, cmd->set_current ? cmd->current_key : -1, cmd->set_rnext ? cmd->rnext : -1, &current_key,
			 &rnext_key))
		return -ENOENT;
	if (cmd->set_counters) {
		atomic64_set(&ao->good, cmd->pkt_good);
		atomic64_set(&ao->bad, cmd->pkt_bad);
		atomic64_set(&ao->key_not_found, cmd->pkt_key_not_found);
		atomic64_set(&ao->ao_required, cmd->pkt_ao_required);
		atomic64_set(&ao->dropped_icmps, cmd->pkt_dropped_icmp);
	}
	WRITE_ONCE(ao->required, cmd->ao_required);
	WRITE_ONCE(ao->accept_icmps, cmd->accept_icmps);
	xtcp_aokeys_choose(ao, current_key, rnext_key);
	return 0;
}

static int set_ao(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	union {
		struct tcp_ao_add add;
		struct tcp_ao_del del;
		struct tcp_ao_info_opt info;
	} cmd;
	unsigned int size = sizeof(cmd.info);
	int err;

	if (!is_unconnected(sk) && !xtcp_ao_of(sk))
		return -EISCONN;
	if (optname == TCP_AO_ADD_KEY)
		size = sizeof(cmd.add);
	else if (optname == TCP_AO_DEL_KEY)
		size = sizeof(cmd.del);
	if (optlen < size)
		return -EINVAL;
	err = xtcp_aoopt_read(&cmd, size, optval, optlen);
	if (!err && optname == TCP_AO_ADD_KEY)
		err = add_key(sk, &cmd.add);
	else if (!err && optname == TCP_AO_DEL_KEY)
		err = remove_key(sk, &cmd.del);
	else if (!err)
		err = set_info(sk, &cmd.info);
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}

static bool read_peers(const struct sock *sk, const struct tcp_md5sig *cmd, bool extended, struct xtcp_peers *peers)
{
	u8 most;

	if (cmd->tcpm_addr.ss_family != sk->sk_family)
		return false;
	xtcp_peers_set_address(peers, &cmd->tcpm_addr, sk->sk_family);
	most = peers->v4 ? 32 : 128;
	peers->prefix = most;
	if (extended && cmd->tcpm_flags & TCP_MD5SIG_FLAG_PREFIX)
		peers->prefix = cmd->tcpm_prefixlen;
	if (peers->prefix > most)
		return false;
	if (peers->v4)
		peers->prefix += XTCP_MAPPED_BITS;
	/* as in Linux, TCP_MD5SIG does not read tcpm_ifindex: with its flag, the key holds only outside of VRFs */
	peers->in_l3 = cmd->tcpm_flags & TCP_MD5SIG_FLAG_IFINDEX;
	return !extended || !peers->in_l3 || !cmd->tcpm_ifindex || xtcp_keys_set_vrf(sk, cmd->tcpm_ifindex, peers);
}

/* Adds, replaces or removes a TCP-MD5 key. Only TCP_MD5SIG_EXT uses prefix and device of @optval. */
static int set_md5(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	struct xtcp_peers peers = {};
	struct xtcp_md5_key md5;
	struct tcp_md5sig cmd;
	int err = -EINVAL;

	if (optlen < sizeof(cmd))
		return -EINVAL;
	if (copy_from_sockptr(&cmd, optval, sizeof(cmd)))
		return -EFAULT;
	if (!read_peers(sk, &cmd, optname == TCP_MD5SIG_EXT, &peers))
		goto out;
	if (!cmd.tcpm_keylen) {
		err = xtcp_keys_remove(sk, &peers);
	} else if (cmd.tcpm_keylen > TCP_MD5SIG_MAXKEYLEN) {
		err = -EINVAL;
	} else if (xtcp_aokeys_demands(xtcp_ao_of(sk), &peers.addr,
				       peers.in_l3 ? peers.l3index : XTCP_AO_ANY_L3INDEX)) {
		err = -EKEYREJECTED;
	} else {
		md5.len = cmd.tcpm_keylen;
		memcpy(md5.octets, cmd.tcpm_key, sizeof(md5.octets));
		err = xtcp_keys_add(sk, &peers, &md5, GFP_KERNEL);
		memzero_explicit(&md5, sizeof(md5));
	}
out:
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}

/**
 * xtcp_keyopt_set() - set an option about keys
 * @sk: in any state
 * @optname: TCP_MD5SIG, TCP_MD5SIG_EXT, TCP_AO_ADD_KEY, TCP_AO_DEL_KEY or TCP_AO_INFO
 * @optval: a struct tcp_md5sig, in which a length of 0 removes the key; tcp_ao_add, tcp_ao_del or tcp_ao_info_opt
 * @optlen: the length of @optval
 * Context: process, may sleep.
 * Return: 0; -EINVAL; -EFAULT; -E2BIG; -EISCONN when a connection has no TCP-AO; -ENOENT when there
 * is no such key or algorithm; -EEXIST when another key for some of these peers has one of the IDs;
 * -EKEYREJECTED when the peers have a key of the other kind, or TCP_AO_INFO demands a MAC from all;
 * -EMSGSIZE when the MAC is too long for a SYN; -EBUSY when the key to remove is still chosen; -ENOMEM
 * without memory, beyond net.core.optmem_max, or if the kernel has no MD5.
 */
int xtcp_keyopt_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	sock_owned_by_me(sk);
	if (optname == TCP_MD5SIG || optname == TCP_MD5SIG_EXT)
		return set_md5(sk, optname, optval, optlen);
	return set_ao(sk, optname, optval, optlen);
}
