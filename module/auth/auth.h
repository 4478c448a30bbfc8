/* SPDX-License-Identifier: GPL-2.0 */
/* Signatures of segments: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925). README.md has their way. */
#ifndef XTCP_AUTH_H
#define XTCP_AUTH_H

#include <linux/xtcp_ao.h>

#include "base/endpoint.h"

struct xtcp_ao_key;
struct xtcp_md5_key;
struct xtcp_request;

#define XTCP_HASH_PSEUDO_MAX	40	/* octets of the pseudo-header of IPv6 */

bool xtcp_md5_is_there(void);
bool xtcp_md5_digest(const struct xtcp_md5_key *key, const struct in6_addr *from, const struct in6_addr *to,
		     struct sk_buff *skb, u8 *digest);

#define XTCP_AO_DIGEST_MAX	64	/* octets of the longest digest, SHA-512 */

/* Both ISNs, from which a traffic key is derived (RFC 5925 section 5.2). */
struct xtcp_ao_isns {
	u32 ours;	/* our ISN; 0 in the traffic key of the peer's SYN */
	u32 peers;	/* the peer's ISN; 0 in the traffic key of our SYN */
};

/*
 * Extends @seq to 64 bits; the upper 32 bits of the result are the SNE of @seq (RFC 5925 section
 * 6.2). @basis: an extended sequence number less than 2^31 away from the result.
 */
static inline u64 xtcp_ao_extend(u64 basis, u32 seq)
{
	return basis + (s64)(s32)(seq - (u32)basis);
}

int xtcp_ao_algorithm(const char *name);
struct xtcp_ao_algorithm {
	const char *name;	/* name in the kernel's crypto API, and in struct tcp_ao_add */
	u8 digest;		/* length of its digests, and of its traffic keys, in octets */
};

extern const struct xtcp_ao_algorithm xtcp_ao_algorithms[];

/* Octets of an algorithm's digests and traffic keys, at most XTCP_AO_DIGEST_MAX. */
static inline u8 xtcp_ao_digest_size(u8 algorithm)
{
	return xtcp_ao_algorithms[algorithm].digest;
}

extern const struct xtcp_part xtcp_ao_part;

int xtcp_ao_master_key(struct xtcp_ao_key *mkt, const char *name, const u8 *octets, u8 len);
bool xtcp_ao_traffic_key(const struct xtcp_ao_key *mkt, const struct xtcp_tuple *tuple,
			 const struct xtcp_ao_isns *isns, bool sent, u8 *traffic);
bool xtcp_ao_mac(const struct xtcp_ao_key *mkt, const u8 *traffic, const struct in6_addr *from,
		 const struct in6_addr *to, u32 sne, struct sk_buff *skb, const u8 *option, u8 *mac);

/* The octets of a TCP-MD5 key. */
struct xtcp_md5_key {
	u8 len;					/* 1 to %TCP_MD5SIG_MAXKEYLEN */
	u8 octets[TCP_MD5SIG_MAXKEYLEN];
};

/*
 * struct xtcp_peers - the peers for which a TCP-MD5 or TCP-AO key holds
 * @addr: their address; IPv4 as v4-mapped. As in Linux, bits behind the prefix are compared when a
 *	TCP-MD5 key is replaced or removed, but not when one is looked up
 */
struct xtcp_peers {
	struct in6_addr addr;
	int l3index;	/* ifindex of the peers' VRF; 0: no VRF */
	u8 prefix;	/* how many leading bits of @addr the peers share; for IPv4 at least 96 */
	bool v4 : 1;	/* the peers are IPv4 hosts */
	bool in_l3 : 1;	/* the key holds only in the VRF @l3index, or outside of VRFs if that is 0; else in all VRFs */
};

/* As in Linux, the unspecified address stands for all peers. */
static inline bool xtcp_peers_are_all(const struct xtcp_peers *peers)
{
	return peers->v4 ? !peers->addr.s6_addr32[3] : ipv6_addr_any(&peers->addr);
}

void xtcp_peers_set_address(struct xtcp_peers *peers, const struct __kernel_sockaddr_storage *addr, int family);
bool xtcp_peers_have_no_host_bits(const struct xtcp_peers *peers);

/* A TCP-MD5 key of a sock. */
struct xtcp_key {
	struct hlist_node node;		/* link in the list of the sock; read under RCU */
	struct rcu_head rcu;		/* frees the key after a grace period */
	struct xtcp_peers peers;	/* for which the key holds; constant, as is @md5 */
	struct xtcp_md5_key md5;
};

#define XTCP_KEYS_ANY_L3INDEX	(-1)

const struct xtcp_key *xtcp_keys_find(const struct sock *sk, const struct in6_addr *peer, int l3index);
const struct xtcp_key *xtcp_keys_find_conn(const struct sock *sk, const struct xtcp_conn *conn);

/* Returns the TCP-MD5 key for the peer of an entry or a SYN, or NULL. @lsk: the listener. */
static inline const struct xtcp_key *xtcp_keys_for(const struct sock *lsk, const struct xtcp_conn *conn)
{
	return unlikely(xtcp_cold_signs(lsk)) ? xtcp_keys_find_conn(lsk, conn) : NULL;
}

/* The TCP-MD5 key for a connection's peer, or NULL. Socket lock held, and for as long as the key is used. */
static inline const struct xtcp_key *xtcp_keys_of(const struct sock *sk)
{
	return xtcp_keys_for(sk, &xtcp_endpoint(sk)->conn);
}

int xtcp_keys_inherit(struct sock *child, const struct sock *lsk);
void xtcp_keys_free(struct sock *sk);

/*
 * struct xtcp_ao_key - an MKT of a sock or record
 * @peers: the peers for which the key holds. @peers to @keylen, and @octets, are constant
 * @traffic: the two traffic keys of a connection (xtcp_ao_traffic_of()). They are written before
 *	@synchronized of &struct xtcp_ao is set. A program may add the key later; then they are written
 *	before the key is put on the list
 */
struct xtcp_ao_key {
	struct hlist_node node;	/* link in the list @keys of &struct xtcp_ao; read under RCU */
	struct rcu_head rcu;				/* frees the key after a grace period */
	struct xtcp_peers peers;
	u8 algorithm;					/* index in ao_algorithms[] of ao.c */
	u8 sndid;	/* KeyID in the segments that we sign with this key */
	u8 rcvid;	/* KeyID in the segments that the peer signs with this key */
	u8 maclen;					/* octets of a MAC */
	u8 keyflags;					/* TCP_AO_KEYF_* */
	u8 keylen;					/* length of the master key, in octets */
	bool gone;	/* the key is removed and can no longer be chosen; under @lock of &struct xtcp_ao */
	atomic64_t good;				/* segments that arrived with a valid MAC */
	atomic64_t bad;	/* segments that arrived with a wrong MAC, or a MAC of a wrong length */
	u8 octets[TCP_AO_MAXKEYLEN] __aligned(8);	/* the master key */
	u8 traffic[] __aligned(8);
};

/*
 * struct xtcp_ao - TCP-AO of a sock or record
 * @keys: the MKTs; read under RCU, written under the socket lock; on a connection, for the peer
 * @lock: guards the choice of @current_key and @rnext_key against the removal of a key
 * @current_key: the key that signs what we send on a connection; changes under @lock
 * @rcv_basis: the highest extended sequence number (xtcp_ao_extend()) of a segment with a valid MAC
 * @synchronized: both ISNs of a connection are known, and its traffic keys set; smp_store_release()
 */
struct xtcp_ao {
	struct rcu_head rcu;		/* frees the struct after a grace period, when a live sock gives up TCP-AO */
	struct hlist_head keys;
	spinlock_t lock;	/* guards the choice of keys */
	struct xtcp_ao_key *current_key;
	struct xtcp_ao_key *rnext_key;	/* the key that we ask the peer to sign with; changes under @lock */
	atomic64_t rcv_basis;
	u64 snd_basis;			/* an extended sequence number near SND.UNA; socket lock */
	u32 irs;			/* the peer's ISN; valid when @synchronized */
	u8 room;			/* maximum length of TCP-AO in a segment of a connection, octets; socket lock */
	bool synchronized;
	bool required;	/* TCP_AO_INFO demands a MAC in the segments of all peers, even if a peer has no key */
	bool accept_icmps;		/* TCP_AO_INFO says that we accept all ICMP errors (RFC 5925 section 7.8) */
	atomic64_t good;	/* segments with a valid MAC. TCP_AO_INFO reports this counter and the four below */
	atomic64_t bad;			/* segments with a wrong MAC */
	atomic64_t key_not_found;	/* segments with a KeyID for which there is no key */
	atomic64_t ao_required;		/* segments without a MAC that were dropped */
	atomic64_t dropped_icmps;	/* ICMP errors that were ignored */
};

/* The struct xtcp_ao of a record, together with its two keys, takes at most this much memory. */
#define XTCP_AO_RECORD_BYTES	(roundup_pow_of_two(sizeof(struct xtcp_ao)) + \
				 2 * roundup_pow_of_two(sizeof(struct xtcp_ao_key) + 2 * XTCP_AO_DIGEST_MAX))

/* Arguments of xtcp_aokeys_find() that match each KeyID, and each VRF. */
#define XTCP_AO_ANY_ID		(-1)
#define XTCP_AO_ANY_L3INDEX	(-1)

/* The TCP-AO of @sk, or NULL. The caller holds the same locks as for xtcp_cold(). */
static inline struct xtcp_ao *xtcp_ao_of(const struct sock *sk)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);

	/* smp_load_acquire() pairs with smp_store_release() in aokeys.c */
	return unlikely(cold) ? smp_load_acquire(&cold->ao) : NULL;
}

/* A traffic key of a connection, for the segments that we send (@sent) or for those of the peer. */
static inline u8 *xtcp_ao_traffic_of(struct xtcp_ao_key *key, bool sent)
{
	return key->traffic + (sent ? round_up(xtcp_ao_digest_size(key->algorithm), 8) : 0);
}

static inline unsigned int xtcp_ao_key_bytes(u8 algorithm)
{
	return sizeof(struct xtcp_ao_key) + 2 * round_up(xtcp_ao_digest_size(algorithm), 8);
}

struct xtcp_ao_key *xtcp_aokeys_find(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index, int sndid,
				     int rcvid);
struct xtcp_ao_key *xtcp_aokeys_by_id(const struct xtcp_ao *ao, int sndid, int rcvid);
bool xtcp_aokeys_matches(const struct xtcp_ao_key *key, const struct xtcp_peers *peers, int l3index, u8 prefix);

/* Must this peer sign: has it a key, or does TCP_AO_INFO demand it of all? @ao may be NULL. RCU or socket lock. */
static inline bool xtcp_aokeys_demands(const struct xtcp_ao *ao, const struct in6_addr *peer, int l3index)
{
	return ao && (READ_ONCE(ao->required) || xtcp_aokeys_find(ao, peer, l3index, XTCP_AO_ANY_ID, XTCP_AO_ANY_ID));
}

u32 xtcp_aokeys_room_for(const struct xtcp_ao *ao, struct net *net, const struct xtcp_conn *conn);

/* Any context but hard interrupt. xtcp_aokeys_choose(): RCU read side, or socket lock held. */
void xtcp_aokeys_choose(struct xtcp_ao *ao, struct xtcp_ao_key *current_key, struct xtcp_ao_key *rnext_key);
void xtcp_aokeys_free_copy(struct xtcp_ao *ao);

/* Invalidates the traffic keys of an earlier connection of a sock that no arriving segment can find yet. */
static inline void xtcp_aoconn_begin(struct sock *sk)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	sock_owned_by_me(sk);
	if (unlikely(ao))
		WRITE_ONCE(ao->synchronized, false);
}

bool xtcp_aoconn_may_connect(const struct sock *sk);
int xtcp_aoconn_connect(struct sock *sk);
void xtcp_aoconn_synchronize(struct sock *sk, u32 irs);
int xtcp_aoconn_inherit(struct sock *child, const struct sock *lsk, const struct xtcp_request *he,
			const struct sk_buff *skb);
struct xtcp_ao *xtcp_aoconn_for_record(const struct sock *sk);

/*
 * struct xtcp_signer - the key that signs one segment
 * @md5: the key of TCP-MD5, or NULL. If @md5 and @mkt are NULL, the segment is not signed
 *
 * The pointers are valid as long as the RCU read side, or the socket lock, is held.
 */
struct xtcp_signer {
	const struct xtcp_md5_key *md5;
	const struct xtcp_ao_key *mkt;	/* the key of TCP-AO, or NULL */
	const u8 *traffic;		/* the traffic key of @mkt; NULL: derive the traffic key from @isns */
	struct xtcp_ao_isns isns;	/* both ISNs, if @traffic is NULL */
	u64 basis;			/* an extended sequence number near that of the segment (xtcp_ao_extend()) */
	u8 rnext;			/* the RNextKeyID of the segment */
};

/* These two functions return false when no segment may be sent. RCU read side, or socket lock. */
bool xtcp_signer_of_answer(struct xtcp_signer *signer, const struct sock *sk, const struct xtcp_request *he,
			   const struct sk_buff *skb);
bool xtcp_signer_of_synack(struct xtcp_signer *signer, const struct sock *lsk, const struct xtcp_request *he,
			   u8 keyid, u8 rnext);

void xtcp_signer_of_record(struct xtcp_signer *signer, const struct xtcp_ao *ao, const struct sk_buff *skb);

void xtcp_signer_fill_options(const struct xtcp_signer *signer, struct xtcp_options *opts);
void xtcp_signer_sign(const struct xtcp_signer *signer, const struct xtcp_tuple *tuple, struct sk_buff *skb);

/* Must the segments between a listener and this peer be signed? Softirq, RCU read side. */
static inline bool xtcp_signer_is_due(const struct sock *lsk, const struct in6_addr *peer, int l3index)
{
	if (likely(!xtcp_cold_signs(lsk)))
		return false;
	return xtcp_keys_find(lsk, peer, l3index) || xtcp_aokeys_demands(xtcp_ao_of(lsk), peer, l3index);
}

/* These functions return how many octets a signature takes. 0: segments are not signed. */
u32 xtcp_signer_find(struct xtcp_signer *signer, struct sock *sk);
u32 xtcp_signer_room_find(const struct sock *sk);
u32 xtcp_signer_room_find_for(const struct sock *lsk, const struct xtcp_request *he);

/* Octets of a signature in a segment of @sk, of TCP-AO's longest MAC; 0: not signed. Socket lock held. */
static inline u32 xtcp_signer_room(const struct sock *sk)
{
	return unlikely(xtcp_cold_signs(sk)) ? xtcp_signer_room_find(sk) : 0;
}

/* The most octets of a signature in an entry's segment. @he: perhaps of a SYN without an entry. RCU read side. */
static inline u32 xtcp_signer_room_for(const struct sock *lsk, const struct xtcp_request *he)
{
	return unlikely(xtcp_cold_signs(lsk)) ? xtcp_signer_room_find_for(lsk, he) : 0;
}

/* Beside the longest signature, a SYN has space for MSS, timestamps, SACK permitted and scale. */
static_assert(XTCP_OPTLEN_AO_ALIGNED(XTCP_AO_MAC_MAX) + XTCP_OPTLEN_MSS + XTCP_OPTLEN_TIMESTAMP_ALIGNED +
	      round_up(XTCP_OPTLEN_WSCALE, 4) <= XTCP_MAX_OPTIONS);
static_assert(XTCP_OPTLEN_AO_ALIGNED(XTCP_AO_MAC_MAX) >= XTCP_OPTLEN_MD5_ALIGNED);

/* Does a signature of @room octets leave space for timestamps and, if @sack, for a SACK block? */
static inline bool xtcp_signer_leaves_room(u32 room, bool sack)
{
	return room + XTCP_OPTLEN_TIMESTAMP_ALIGNED + (sack ? XTCP_OPTLEN_SACK_ALIGNED(1) : 0) <= XTCP_MAX_OPTIONS;
}

bool xtcp_aoverify_ignores_icmp_for(struct xtcp_net *xn, struct xtcp_ao *ao, bool v4, u8 type, u8 code);

/*
 * Does the segment have to be checked? Yes if @sk may have a key, or if the options take at least
 * 16 octets, as those of few segments but signed ones do. TCP-AO with a MAC below 12 octets is
 * shorter, and may go unnoticed if @sk has no key.
 */
static __always_inline bool xtcp_verify_is_due(const struct sock *sk, const struct sk_buff *skb)
{
	return unlikely(tcp_hdr(skb)->doff * 4 >= XTCP_HDR_LEN + XTCP_OPTLEN_AO_ALIGNED(12) || xtcp_cold_signs(sk));
}

enum skb_drop_reason xtcp_verify_segment(const struct sock *sk, const struct xtcp_request *he, struct sk_buff *skb,
					 int l3index, bool *counted);
enum skb_drop_reason xtcp_verify_for_record(struct xtcp_net *xn, const struct xtcp_md5_key *md5, struct xtcp_ao *ao,
					    struct sk_buff *skb);

int xtcp_aoopt_read(void *cmd, unsigned int size, sockptr_t optval, unsigned int optlen);
int xtcp_aoget_keys(struct sock *sk, sockptr_t optval, sockptr_t optlen);
int xtcp_aoget_info(const struct sock *sk, sockptr_t optval, sockptr_t optlen);
int xtcp_keyopt_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);

typedef int (*xtcp_keyopt_setter)(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);

int xtcp_keys_give(const struct sock *sk, struct sock *to, xtcp_keyopt_setter set);

#endif /* XTCP_AUTH_H */
