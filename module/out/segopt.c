// SPDX-License-Identifier: GPL-2.0
/*
 * Which options a segment of a full sock carries (RFC 9293 section 3.1). Some go with each segment,
 * and the MSS counts them. SACK blocks, the AccECN option and a request for an ACK rate share what
 * is left beside the text: text is not made shorter for them.
 */
#include "out/segopt.h"

#include <net/tcp.h>

#include "auth/signer.h"
#include "base/ackrate.h"
#include "base/options.h"
#include "base/sock.h"
#include "base/wire.h"
#include "ecn/accecn.h"
#include "fastopen/fastopen.h"
#include "fastopen/fastsyn.h"
#include "window/window.h"

/* Fills in all options but SACK blocks, the AccECN option and a request for an ACK rate. */
static __always_inline void fill_options(const struct xtcp_sock *xsk, u8 flags, u32 clock,
					 const struct xtcp_signer *signer, struct xtcp_options *opts)
{
	memset(opts, 0, sizeof(*opts));
	if (signer)
		xtcp_signer_fill_options(signer, opts);
	if (flags & XTCP_SYN) {
		/* the MSS option is sent on SYNs only (MUST-14, MUST-65) */
		opts->mss = xsk->agreed.advmss;
		opts->has_wscale = xsk->agreed.wscale_ok;
		opts->wscale = xsk->rcv_wscale;
		opts->sack_permitted = xsk->agreed.sack_ok;
		opts->ack_rate = xsk->agreed.ack_rate_ok ? XTCP_ACKRATE_SUPPORTED : XTCP_ACKRATE_NONE;
		/* only the first SYN-ACK has the Fast Open option, as in Linux */
		if (unlikely(xsk->fastopen) && xsk->fastopen->cookie.len >= 0 && xsk->snd.nxt == xsk->snd.iss) {
			opts->has_fastopen = true;
			opts->fastopen = &xsk->fastopen->cookie;
		} else if (unlikely(xsk->opens_fast) && !(flags & XTCP_ACK) && xsk->fastsyn->cookie.len >= 0) {
			opts->has_fastopen = true;
			opts->fastopen = &xsk->fastsyn->cookie;
		}
	}
	if (xsk->agreed.ts_ok) {
		opts->has_ts = true;
		opts->tsval = clock + xsk->snd.ts_offset;
		opts->tsecr = flags & XTCP_ACK ? xsk->paws.ts_recent : 0;
	}
}

/*
 * Returns how many octets SACK blocks may take beside the text of @skb. Text and blocks together
 * must fit a full segment, because text is not split again to make room.
 */
static u32 room_for_blocks(const struct xtcp_sock *xsk, const struct sk_buff *skb)
{
	if (!skb->len)
		return XTCP_MAX_OPTIONS;
	return max_t(int, xsk->mss - (skb_shinfo(skb)->gso_size ?: skb->len), 0);
}

/*
 * Fills in SACK blocks and the AccECN option, which share the remaining space. The first two blocks
 * take precedence over the AccECN counters, and the counters take precedence over further blocks
 * (RFC 9768 section 3.2.3.3). Text never becomes shorter for either option.
 */
static noinline_for_stack void fill_accecn(struct sock *sk, const struct sk_buff *skb, bool has_blocks, bool is_first,
					   u32 wanted, struct xtcp_options *opts, u32 *counters)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 beside = opts->ack_rate ? XTCP_OPTLEN_ACK_RATE_ALIGNED : 0;
	u32 room = min_t(u32, room_for_blocks(xsk, skb) - beside, XTCP_MAX_OPTIONS - xtcp_options_size(opts));
	const struct xtcp_sack *sack = &xsk->stream->sack;
	u32 least = min_t(u32, xtcp_sack_blocks_to_send(sack, xsk->agreed.ts_ok), 2), blocks = room;

	if (has_blocks) {
		if (room >= XTCP_OPTLEN_SACK_ALIGNED(least) + wanted)
			blocks = room - wanted;
		xtcp_sack_fill(sack, xsk->agreed.ts_ok, blocks, opts);
		if (opts->sack_blocks)
			room -= XTCP_OPTLEN_SACK_ALIGNED(opts->sack_blocks);
	}
	xtcp_accecn_fill_option(sk, room, is_first, opts, counters);
}

/**
 * xtcp_segopt_lasting() - get the length of the options that every segment carries
 * @sk: the sock
 *
 * Only this file decides which options a segment carries, so mss.c calls this function to compute
 * the effective MSS.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets, a multiple of four.
 */
u32 xtcp_segopt_lasting(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return (xtcp_sk(sk)->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0) + xtcp_signer_room(sk);
}

/**
 * xtcp_segopt_push_timestamp() - push the timestamps, if they are agreed, as the only option
 * @xsk: the sock
 * @skb: the text of the segment
 * @flags: its control bits
 * @clock: xtcp_clock_ts_of() of its time of departure
 *
 * RFC 7323 section 3.2.
 *
 * Context: softirq or process. Lock: socket, held.
 */
__always_inline void xtcp_segopt_push_timestamp(const struct xtcp_sock *xsk, struct sk_buff *skb, u8 flags, u32 clock)
{
	__be32 *words;

	if (!xsk->agreed.ts_ok)
		return;
	words = __skb_push(skb, XTCP_OPTLEN_TIMESTAMP_ALIGNED);
	words[0] = htonl(XTCP_OPTIONS_TIMESTAMP_WORD);
	words[1] = htonl(clock + xsk->snd.ts_offset);
	words[2] = flags & XTCP_ACK ? htonl(xsk->paws.ts_recent) : 0;
}

/*
 * Adds a request for an ACK rate if there is room beside the text and, with @has_blocks, beside a
 * SACK block. Otherwise the request stays due. It also stays due in a GSO packet, because GSO would
 * repeat the request in each segment.
 */
static void fill_request(const struct xtcp_sock *xsk, const struct sk_buff *skb, bool has_blocks,
			 struct xtcp_options *opts)
{
	const u32 room = XTCP_OPTLEN_ACK_RATE_ALIGNED + (has_blocks ? XTCP_OPTLEN_SACK_ALIGNED(1) : 0);
	struct xtcp_stream *stream = xsk->stream;

	if (skb_is_gso(skb) || room_for_blocks(xsk, skb) < room || xtcp_options_size(opts) + room > XTCP_MAX_OPTIONS)
		return;
	opts->ack_rate = XTCP_ACKRATE_REQUEST | stream->wanted_rate;
	stream->sack.asks = false;
}

/**
 * xtcp_segopt_push() - push all options of a segment
 * @sk: the sock
 * @skb: the text of the segment
 * @seq: its sequence number
 * @flags: its control bits
 * @clock: xtcp_clock_ts_of() of its time of departure
 * @has_blocks: it shall carry SACK blocks
 * @wanted: octets that the AccECN option needs at least; 0: no such option
 * @signer: signs the segment; NULL: no signature
 *
 * RFC 9293 section 3.1.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: false when SACK blocks or AccECN counters are due but have no room beside the text.
 */
noinline_for_stack bool xtcp_segopt_push(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags, u32 clock,
					 bool has_blocks, u32 wanted, const struct xtcp_signer *signer)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 counters[XTCP_ACCECN_FIELDS_MAX];
	const u32 len = skb->len;
	struct xtcp_options opts;
	u32 beside;

	sock_owned_by_me(sk);
	fill_options(xsk, flags, clock, signer, &opts);
	if (len && xsk->stream->sack.asks && !(flags & (XTCP_SYN | XTCP_RST))) {
		fill_request(xsk, skb, has_blocks, &opts);
	} else if (unlikely(opts.ack_rate) && xtcp_options_size(&opts) > XTCP_MAX_OPTIONS) {
		/* a long Fast Open cookie leaves no space: do not announce the ACK rate option */
		opts.ack_rate = XTCP_ACKRATE_NONE;
		xtcp_agreed_ack_rate(&xsk->agreed, false);
	}
	beside = xtcp_ackrate_is_request(opts.ack_rate) ? XTCP_OPTLEN_ACK_RATE_ALIGNED : 0;
	if (unlikely(wanted))
		fill_accecn(sk, skb, has_blocks, len && seq == xsk->snd.iss + 1, wanted, &opts, counters);
	else if (has_blocks)
		xtcp_sack_fill(&xsk->stream->sack, xsk->agreed.ts_ok,
			       min(room_for_blocks(xsk, skb) - beside, XTCP_MAX_OPTIONS - xtcp_options_size(&opts)),
			       &opts);
	xtcp_options_write(__skb_push(skb, xtcp_options_size(&opts)), &opts);
	if (has_blocks && opts.sack_blocks)
		xtcp_sack_told(sk);
	return !(has_blocks && !opts.sack_blocks) && !(len && wanted && !opts.has_accecn);
}

/**
 * xtcp_segopt_fit_block() - has a segment without text room for a SACK block?
 * @xsk: the sock
 * @room: octets of its signature
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when a block fits beside timestamps and signature.
 */
inline bool xtcp_segopt_fit_block(const struct xtcp_sock *xsk, u32 room)
{
	return room + (xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0) + XTCP_OPTLEN_SACK_ALIGNED(1) <=
	       XTCP_MAX_OPTIONS;
}
