// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO: which keys a connection begins with, and which its TIME-WAIT record keeps.
 *
 * All keys of a connection are keys for its peer: connect() removes the others, a child gets copies
 * of those of its listener. When both ISNs are known, the connection derives its traffic keys (RFC
 * 5925 section 5.2).
 */
#include "auth/aoconn.h"

#include <linux/rculist.h>
#include <linux/slab.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "auth/ao.h"
#include "auth/aokeys.h"
#include "auth/keys.h"
#include "base/options.h"
#include "base/sender.h"
#include "base/tuple.h"
#include "listen/entry.h"
#include "lookup/demux.h"

/**
 * xtcp_aoconn_begin() - forget an earlier connection
 * @sk: a sock that connects or listens; no segment can find it yet
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
 * xtcp_aoconn_may_connect() - does a sock have the right keys for the peer to which it connects?
 * @sk: CLOSED; the foreign address is set
 *
 * Context: process. Lock: socket, held.
 *
 * Return: false when the sock has TCP-AO but no key for this peer, or there is also a key of
 * TCP_MD5SIG for it.
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
 * @sk: in SYN-SENT, before its SYN; xtcp_aoconn_begin() was called before a segment could find it
 *
 * As in Linux: the other keys are removed. If the program has chosen no key, we sign with the key
 * that was added last, and ask the peer to sign with it too. A connection that a key of TCP_MD5SIG
 * signs has no TCP-AO any more, and can get none: it would have no key that both ends know.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0; -EKEYREJECTED when xtcp_aoconn_may_connect() has become false, because a VRF has got
 * the device to which @sk is bound, or has lost it.
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

/* Sets the traffic keys of a connection. */
static void derive(struct xtcp_ao_key *key, const struct xtcp_tuple *tuple, const struct xtcp_ao_isns *isns)
{
	xtcp_ao_traffic_key(key, tuple, isns, false, xtcp_ao_traffic_of(key, false));
	xtcp_ao_traffic_key(key, tuple, isns, true, xtcp_ao_traffic_of(key, true));
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
 * xtcp_aoconn_synchronize() - derive the traffic keys, because the peer's SYN has come
 * @sk: in SYN-SENT
 * @irs: the sequence number of the SYN
 *
 * Context: softirq, or process from the backlog. Lock: socket, held.
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
 * xtcp_aoconn_derive() - set the traffic keys of a key that joins a connection
 * @sk: the sock
 * @ao: its TCP-AO
 * @key: a key for the peer, on no list yet
 *
 * Before both ISNs are known, xtcp_aoconn_synchronize() does it later.
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
 * xtcp_aoconn_inherit() - give a child the keys of its listener for this peer
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
	struct xtcp_ao_key *first;
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
	first = hlist_entry(ao->keys.first, struct xtcp_ao_key, node);
	ao->current_key = xtcp_aokeys_by_id(ao, option.rnext, XTCP_AO_ANY_ID) ?: first;
	ao->rnext_key = xtcp_aokeys_by_id(ao, XTCP_AO_ANY_ID, option.keyid) ?: first;
	synchronize(ao, &tuple, &isns);
	return 0;
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
 * xtcp_aoconn_for_record() - copy the TCP-AO of a connection for its record
 * @sk: the sock, synchronized
 *
 * A record keeps at most two keys: Current_key and RNext_key. So its memory is limited, however
 * many keys the program has.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: the copy, for xtcp_aokeys_free_copy(); NULL without memory.
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
