/* SPDX-License-Identifier: GPL-2.0 */
/* The key, TCP-MD5 or TCP-AO, that signs a segment. */
#ifndef XTCP_SIGNER_H
#define XTCP_SIGNER_H

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/types.h>

#include "auth/ao.h"
#include "base/seldom.h"
#include "base/wire.h"

struct sk_buff;
struct sock;
struct xtcp_ao;
struct xtcp_conn;
struct xtcp_md5_key;
struct xtcp_options;
struct xtcp_request;
struct xtcp_tuple;

/**
 * struct xtcp_signer - the key that signs one segment
 * @md5: the key of TCP-MD5, or NULL. If @md5 and @mkt are NULL, the segment is not signed
 * @mkt: the key of TCP-AO, or NULL
 * @traffic: the traffic key of @mkt; NULL: derive the traffic key from @isns
 * @isns: both ISNs, if @traffic is NULL
 * @basis: an extended sequence number near that of the segment (xtcp_ao_extend())
 * @rnext: the RNextKeyID of the segment
 *
 * The pointers are valid as long as the RCU read side, or the socket lock, is held.
 */
struct xtcp_signer {
	const struct xtcp_md5_key *md5;
	const struct xtcp_ao_key *mkt;
	const u8 *traffic;
	struct xtcp_ao_isns isns;
	u64 basis;
	u8 rnext;
};

static inline bool xtcp_signer_signs(const struct xtcp_signer *signer)
{
	return signer->md5 || signer->mkt;
}

/* These two functions return false when no segment may be sent. RCU read side, or socket lock. */
bool xtcp_signer_of_answer(struct xtcp_signer *signer, const struct sock *sk, const struct xtcp_request *he,
			   const struct sk_buff *skb);
bool xtcp_signer_of_synack(struct xtcp_signer *signer, const struct sock *lsk, const struct xtcp_request *he,
			   u8 keyid, u8 rnext);

void xtcp_signer_of_record(struct xtcp_signer *signer, const struct xtcp_ao *ao, const struct sk_buff *skb);

void xtcp_signer_fill_options(const struct xtcp_signer *signer, struct xtcp_options *opts);
void xtcp_signer_sign(const struct xtcp_signer *signer, const struct xtcp_tuple *tuple, struct sk_buff *skb);

bool xtcp_signer_is_due(const struct sock *lsk, const struct in6_addr *peer, int l3index);

/* These functions return how many octets a signature takes. 0: segments are not signed. */
u32 xtcp_signer_find(struct xtcp_signer *signer, struct sock *sk);
u32 xtcp_signer_room_find(const struct sock *sk);
u32 xtcp_signer_room_find_for(const struct sock *lsk, const struct xtcp_request *he);

/*
 * Returns how many octets a signature takes in a segment of @sk. With several keys of TCP-AO, the
 * longest MAC counts. 0: segments are not signed. Socket lock held.
 */
static inline u32 xtcp_signer_room(const struct sock *sk)
{
	return unlikely(xtcp_seldom_signs(sk)) ? xtcp_signer_room_find(sk) : 0;
}

/* As xtcp_signer_room(). If the result is not 0, @signer receives the key. */
static inline u32 xtcp_signer_of_sock(struct xtcp_signer *signer, struct sock *sk)
{
	return unlikely(xtcp_seldom_signs(sk)) ? xtcp_signer_find(signer, sk) : 0;
}

/*
 * Returns the maximum number of octets that a signature takes in a segment of an entry. @he: the
 * request, perhaps of a SYN for which no entry exists yet. RCU read side.
 */
static inline u32 xtcp_signer_room_for(const struct sock *lsk, const struct xtcp_request *he)
{
	return unlikely(xtcp_seldom_signs(lsk)) ? xtcp_signer_room_find_for(lsk, he) : 0;
}

/* Beside the longest signature, a SYN has space for MSS, timestamps, SACK permitted and scale. */
static_assert(XTCP_OPTLEN_AO_ALIGNED(XTCP_AO_MAC_MAX) + XTCP_OPTLEN_MSS + XTCP_OPTLEN_TIMESTAMP_ALIGNED +
	      round_up(XTCP_OPTLEN_WSCALE, 4) <= XTCP_MAX_OPTIONS);
static_assert(XTCP_OPTLEN_AO_ALIGNED(XTCP_AO_MAC_MAX) >= XTCP_OPTLEN_MD5_ALIGNED);

/*
 * Does a signature of @room octets leave space for timestamps in each segment and, if @sack, also
 * for a SACK block?
 */
static inline bool xtcp_signer_leaves_room(u32 room, bool sack)
{
	return room + XTCP_OPTLEN_TIMESTAMP_ALIGNED + (sack ? XTCP_OPTLEN_SACK_ALIGNED(1) : 0) <= XTCP_MAX_OPTIONS;
}

#endif /* XTCP_SIGNER_H */
