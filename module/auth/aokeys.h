/* SPDX-License-Identifier: GPL-2.0 */
/* TCP-AO: the keys (MKTs) and the state of a sock (RFC 5925 sections 3.1 and 3.3). */
#ifndef XTCP_AOKEYS_H
#define XTCP_AOKEYS_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/xtcp_ao.h>

#include "auth/ao.h"
#include "auth/keys.h"
#include "base/seldom.h"
#include "base/wire.h"

struct xtcp_conn;

/**
 * struct xtcp_ao_key - an MKT of a sock or record
 * @node: link in the list @keys of &struct xtcp_ao; read under RCU
 * @rcu: frees the key after a grace period
 * @peers: the peers for which the key holds. All fields from @peers to @keylen, and @octets, are
 *	constant
 * @algorithm: index in ao_algorithms[] of ao.c
 * @sndid: KeyID in the segments that we sign with this key
 * @rcvid: KeyID in the segments that the peer signs with this key
 * @maclen: octets of a MAC
 * @keyflags: TCP_AO_KEYF_*
 * @keylen: length of the master key, in octets
 * @gone: the key is removed and can no longer be chosen; under @lock of &struct xtcp_ao
 * @good: segments that arrived with a valid MAC
 * @bad: segments that arrived with a wrong MAC, or a MAC of a wrong length
 * @octets: the master key
 * @traffic: the two traffic keys of a connection (xtcp_ao_traffic_of()). They are written before
 *	@synchronized of &struct xtcp_ao is set. A program may add the key later; then they are
 *	written before the key is put on the list
 */
struct xtcp_ao_key {
	struct hlist_node node;
	struct rcu_head rcu;
	struct xtcp_peers peers;
	u8 algorithm;
	u8 sndid;
	u8 rcvid;
	u8 maclen;
	u8 keyflags;
	u8 keylen;
	bool gone;
	atomic64_t good;
	atomic64_t bad;
	u8 octets[TCP_AO_MAXKEYLEN] __aligned(8);
	u8 traffic[] __aligned(8);
};

/**
 * struct xtcp_ao - TCP-AO of a sock or record
 * @rcu: frees the struct after a grace period, when a live sock gives up TCP-AO
 * @keys: the MKTs; read under RCU, written under the socket lock. On a connection, all MKTs
 *	are for the peer
 * @lock: guards the choice of @current_key and @rnext_key against the removal of a key
 * @current_key: the key that signs what we send on a connection; changes under @lock
 * @rnext_key: the key that we ask the peer to sign with; changes under @lock
 * @rcv_basis: the highest extended sequence number (xtcp_ao_extend()) of a segment with a valid MAC
 * @snd_basis: an extended sequence number near SND.UNA; socket lock
 * @irs: the peer's ISN; valid when @synchronized
 * @room: maximum length of TCP-AO in a segment of a connection, octets; socket lock
 * @synchronized: both ISNs of a connection are known, and its traffic keys are set; this field is
 *	set by smp_store_release()
 * @required: TCP_AO_INFO demands a MAC in the segments of all peers, even if a peer has no key
 * @accept_icmps: TCP_AO_INFO says that we accept all ICMP errors (RFC 5925 section 7.8)
 * @good: segments with a valid MAC. TCP_AO_INFO reports this counter and the four below
 * @bad: segments with a wrong MAC
 * @key_not_found: segments with a KeyID for which there is no key
 * @ao_required: segments without a MAC that were dropped
 * @dropped_icmps: ICMP errors that were ignored
 */
struct xtcp_ao {
	struct rcu_head rcu;
	struct hlist_head keys;
	spinlock_t lock;	/* guards the choice of keys */
	struct xtcp_ao_key *current_key;
	struct xtcp_ao_key *rnext_key;
	atomic64_t rcv_basis;
	u64 snd_basis;
	u32 irs;
	u8 room;
	bool synchronized;
	bool required;
	bool accept_icmps;
	atomic64_t good;
	atomic64_t bad;
	atomic64_t key_not_found;
	atomic64_t ao_required;
	atomic64_t dropped_icmps;
};

/* The struct xtcp_ao of a record, together with its two keys, takes at most this much memory. */
#define XTCP_AO_RECORD_BYTES	(roundup_pow_of_two(sizeof(struct xtcp_ao)) + \
				 2 * roundup_pow_of_two(sizeof(struct xtcp_ao_key) + 2 * XTCP_AO_DIGEST_MAX))

/* Arguments of xtcp_aokeys_find() that match each KeyID, and each VRF. */
#define XTCP_AO_ANY_ID		(-1)
#define XTCP_AO_ANY_L3INDEX	(-1)

/* The TCP-AO of @sk, or NULL. The caller holds the same locks as for xtcp_seldom(). */
static inline struct xtcp_ao *xtcp_ao_of(const struct sock *sk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);

	/* smp_load_acquire() pairs with smp_store_release() in aokeys.c */
	return unlikely(seldom) ? smp_load_acquire(&seldom->ao) : NULL;
}

/*
 * A traffic key of a connection. If @sent is true: for the segments that we send; otherwise for the
 * segments of the peer.
 */
static inline u8 *xtcp_ao_traffic_of(struct xtcp_ao_key *key, bool sent)
{
	return key->traffic + (sent ? round_up(xtcp_ao_digest_size(key->algorithm), 8) : 0);
}

static inline unsigned int xtcp_ao_key_bytes(u8 algorithm)
{
	return sizeof(struct xtcp_ao_key) + 2 * round_up(xtcp_ao_digest_size(algorithm), 8);
}

/* RCU read side, or the socket lock is held. */
bool xtcp_aokeys_matches(const struct xtcp_ao_key *key, const struct xtcp_peers *peers, int l3index, u8 prefix);
struct xtcp_ao_key *xtcp_aokeys_find(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index, int sndid,
				     int rcvid);
struct xtcp_ao_key *xtcp_aokeys_overlapping(const struct xtcp_ao *ao, const struct xtcp_peers *peers, int sndid,
					    int rcvid);
struct xtcp_ao_key *xtcp_aokeys_by_id(const struct xtcp_ao *ao, int sndid, int rcvid);
u32 xtcp_aokeys_room_for(const struct xtcp_ao *ao, struct net *net, const struct xtcp_conn *conn);
bool xtcp_aokeys_demands(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index);

/*
 * Process or softirq; the socket lock is held. For xtcp_aokeys_compute_room() and
 * xtcp_aokeys_free() it is enough that no other thread can find the sock.
 */
struct xtcp_ao *xtcp_aokeys_get(struct sock *sk, gfp_t gfp);
void xtcp_aokeys_add(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key);
int xtcp_aokeys_remove(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key, struct xtcp_ao_key *current_key,
		       struct xtcp_ao_key *rnext_key);
void xtcp_aokeys_discard(struct sock *sk, struct xtcp_ao_key *key);
void xtcp_aokeys_forget(struct sock *sk, struct xtcp_ao *ao, struct xtcp_ao_key *key);
void xtcp_aokeys_keep_only(struct sock *sk, struct xtcp_ao *ao, const struct xtcp_peers *peers, int l3index);
void xtcp_aokeys_compute_room(struct xtcp_ao *ao);
void xtcp_aokeys_free(struct sock *sk);

/*
 * Any context but hard interrupt; xtcp_aokeys_alloc(): as @gfp says. xtcp_aokeys_choose(): RCU read
 * side, or socket lock held.
 */
void xtcp_aokeys_choose(struct xtcp_ao *ao, struct xtcp_ao_key *current_key, struct xtcp_ao_key *rnext_key);
struct xtcp_ao *xtcp_aokeys_alloc(gfp_t gfp);
void xtcp_aokeys_free_copy(struct xtcp_ao *ao);

#endif /* XTCP_AOKEYS_H */
