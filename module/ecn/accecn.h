/* SPDX-License-Identifier: GPL-2.0 */
/* Accurate ECN (RFC 9768): the SYNs negotiate it, and the ACE field reports marks. */
#ifndef XTCP_ACCECN_H
#define XTCP_ACCECN_H

#include <linux/tcp.h>

#include "base/wire.h"
#include "compat.h"
#include "ecn/ace.h"
#include "ecn/ecn.h"

struct sk_buff;
struct xtcp_net;
struct xtcp_options;
struct xtcp_request;
struct xtcp_sample;

/* net.xtcp.ecn, with the values of Linux 7: what a server accepts, and what a client requests. */
enum xtcp_ecn_mode {
	XTCP_ECN_MODE_NONE,
	XTCP_ECN_MODE_BOTH,		/* accept and request ECN */
	XTCP_ECN_MODE_IN,		/* accept ECN */
	XTCP_ECN_MODE_ACCURATE,		/* accept and request AccECN */
	XTCP_ECN_MODE_ACCURATE_IN,	/* accept AccECN, request ECN */
	XTCP_ECN_MODE_ACCURATE_IN_ONLY,	/* accept AccECN */
};

/* net.xtcp.ecn_option, with the values of Linux 7. */
enum xtcp_ecn_option {
	XTCP_ECN_OPTION_NONE,
	XTCP_ECN_OPTION_SPARING,	/* as RFC 9768 demands, and a few times per RTT */
	XTCP_ECN_OPTION_FULL,		/* whenever a counter has grown */
	XTCP_ECN_OPTION_PERSISTENT,	/* as FULL, even if segments with it seem to be lost */
};

bool xtcp_accecn_is_allowed(const struct sock *lsk);
bool xtcp_accecn_is_asked(const struct sock *lsk, const struct sk_buff *syn);
bool xtcp_accecn_is_third_ack(const struct sk_buff *skb);
u16 xtcp_accecn_syn_ack_flags(const struct xtcp_net *xn, const struct xtcp_request *he);
void xtcp_accecn_start(struct sock *sk, u8 codepoint, bool asked_without);
void xtcp_accecn_take_syn(struct sock *sk, const struct sk_buff *skb);
void xtcp_accecn_take_third_ack(struct sock *sk, const struct sk_buff *skb);
void xtcp_accecn_syn_ack_again(struct sock *sk, const struct sk_buff *skb);
u16 xtcp_accecn_flags(struct sock *sk, u8 flags, bool resent, bool is_pure);
void xtcp_accecn_take(struct sock *sk, const struct sk_buff *skb);
u32 xtcp_accecn_option_wanted(struct sock *sk, u8 flags, u32 seq, u32 len, bool resent);
void xtcp_accecn_fill_option(struct sock *sk, u32 room, bool is_first, struct xtcp_options *opts, u32 *counters);
void xtcp_accecn_feedback(struct sock *sk, const struct sk_buff *skb, u32 segments, struct xtcp_sample *sample);

/* The ACE field of @skb (RFC 9768 section 3.2.2), whose TCP header is in the linear part. */
static inline u8 xtcp_accecn_ace(const struct sk_buff *skb)
{
	const u8 *th = (const u8 *)tcp_hdr(skb);

	return (th[12] & 1) << 2 | th[13] >> 6;
}

/* The ACE field as bits of enum xtcp_flags. */
static inline u16 xtcp_accecn_ace_flags(u32 ace)
{
	return (ace & XTCP_ACE_MASK) << 6;
}

/* The ACE field as a counter: all segments carry this value until another CE mark arrives. */
static inline u16 xtcp_accecn_counter_flags(const struct xtcp_accecn *accecn)
{
	return xtcp_accecn_ace_flags(accecn->received_ce + XTCP_ACE_FIRST);
}

/*
 * Without XTCP_COMPAT_GSO_ACCECN, the kernel leaves CWR only in the first segment of a GSO packet.
 * So while the ACE field contains CWR, we must not send a GSO packet. @ecn: xtcp_sender.ecn
 */
static inline bool xtcp_accecn_forbids_bundles(const struct xtcp_accecn *accecn, u8 ecn)
{
	return !XTCP_COMPAT_GSO_ACCECN && unlikely(ecn & XTCP_ECN_ACCURATE) &&
	       xtcp_accecn_counter_flags(accecn) & XTCP_CWR;
}

/*
 * Did our SYN or SYN-ACK meet congestion? If so, the connection begins as if that segment had been
 * lost (RFC 9768 section 3.2.2.2).
 */
static inline bool xtcp_accecn_syn_met_congestion(const struct xtcp_accecn *accecn)
{
	return accecn->faults & XTCP_ACCECN_SYN_CE;
}

#endif /* XTCP_ACCECN_H */
