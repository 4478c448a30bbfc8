// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO: the keys with which a connection begins, and those that its TIME-WAIT record keeps.
 *
 * All keys of a connection are keys for its peer: connect() removes the others, and a child gets
 * copies of only those keys of its listener that are for the peer. When both ISNs are known, the
 * traffic keys of the connection are derived (RFC 5925 section 5.2).
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
#include "listen/listen.h"
#include "lookup/lookup.h"

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
	/* smp_store_release() pairs with smp_load_acquire() in aoverify.c */
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
 * Context: softirq or process. Lock: socket, held.
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
