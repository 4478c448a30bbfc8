/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The send queue.
 *
 * Comes in: octets of the program; what is sent, acknowledged, cut. Goes out: skbs, by sequence
 * number and by time of sending.
 *
 * What may not happen here: deciding what is sent.
 */
#ifndef XTCP_SENDQ_H
#define XTCP_SENDQ_H

#include "base/base.h"

bool xtcp_skb_cache_keep(struct sk_buff *skb);
extern const struct xtcp_part xtcp_skb_cache_part;

enum xtcp_busy_with {
	XTCP_IDLE,		/* all data is acknowledged */
	XTCP_BUSY,		/* limited by the path or the congestion window */
	XTCP_BUSY_WINDOW,	/* limited by the peer's window */
	XTCP_BUSY_BUFFER,	/* limited by the send buffer: the program would write more */
	XTCP_BUSY_KINDS,
};

/**
 * struct xtcp_busy - for how long each limit applied
 * @since: when @with began to apply, jiffies
 * @spent: jiffies for which each limit had applied before @since, by enum xtcp_busy_with - 1
 * @with: the limit that applies now, enum xtcp_busy_with
 */
struct xtcp_busy {
	u32 since;
	u32 spent[XTCP_BUSY_KINDS - 1];
	u8 with;
};

/* Socket lock held, or no other thread can find the connection. */
static inline void xtcp_busy_with(struct xtcp_busy *busy, enum xtcp_busy_with with)
{
	u32 now;

	if (busy->with == with)
		return;
	now = (u32)jiffies;
	if (busy->with)
		busy->spent[busy->with - 1] += now - busy->since;
	busy->since = now;
	busy->with = with;
}

static inline u64 xtcp_busy_us(const struct xtcp_busy *busy, enum xtcp_busy_with with)
{
	u32 spent = busy->spent[with - 1];

	if (busy->with == with)
		spent += (u32)jiffies - busy->since;
	return (u64)spent * (USEC_PER_SEC / HZ);
}

void xtcp_stamp_written(struct sock *sk, u32 tsflags, u32 len);

enum xtcp_sndq_marks {
	XTCP_SNDQ_SENT = 1,	/* was sent: it is in the tree of sent skbs */
	XTCP_SNDQ_SACKED = 2,	/* the peer has sacked it, but may still drop it (RFC 2018 8) */
	XTCP_SNDQ_LOST = 4,	/* was found lost; stays when the skb is sent again (RESENT) */
	XTCP_SNDQ_RESENT = 8,	/* was found lost, and was sent again */
	XTCP_SNDQ_LIMITED = 16,	/* sent while the program did not fill the window (cong.c) */
	XTCP_SNDQ_PROBE = 32,	/* a probe of the path MTU: leaves as one segment */
	XTCP_SNDQ_EOR = 64,	/* ends a record of the program: nothing is appended (MSG_EOR) */
	XTCP_SNDQ_ASKS = 128,	/* has carried a request for an ACK rate (segment.c) */
};

#define XTCP_SNDQ_OFTEN	3U	/* largest value of @transmissions: sent three times or more */

/* Transmit timestamps that the program wants for an skb. */
enum xtcp_sndq_stamps {
	XTCP_STAMPS_LEAVING = 1,	/* when the skb leaves; the layers below report this */
	XTCP_STAMPS_ACKED = 2,		/* when the skb is acknowledged */
};

/**
 * struct xtcp_sndcb - skb->cb of an skb on the send queue
 * @seq: sequence number of the first octet
 * @end_seq: sequence number after the last octet; a FIN counts as an octet
 * @sent_us: when the skb was last sent, or when fq will send it, microseconds
 * @node: links a sent skb into stream->in_flight or stream->to_resend
 * @delivered: stream->delivered at the last transmission, for rate samples; until the skb is sacked
 * @sacked_to: all octets from @seq to this sequence number are sacked; once the skb is sacked
 * @delivered_us: the low half of stream->delivered_us at the last transmission
 * @first_sent_us: the low half of stream->rate.first_sent_us at the last transmission
 * @mss: octets of data in each segment at the last transmission; perhaps fewer in the last
 * @flags: control bits of the skb: XTCP_PSH, XTCP_FIN, XTCP_SYN
 * @stamps: enum xtcp_sndq_stamps
 * @transmissions: how often the skb was sent; counts up to XTCP_SNDQ_OFTEN
 * @marks: enum xtcp_sndq_marks; scoreboard.c writes SACKED, LOST and RESENT
 */
struct xtcp_sndcb {
	u32 seq;
	u32 end_seq;
	u64 sent_us;
	struct list_head node;
	union {
		u32 delivered;
		u32 sacked_to;
	};
	u32 delivered_us;
	u32 first_sent_us;
	u16 mss;
	u8 flags:4;
	u8 stamps:2;
	u8 transmissions:2;
	u8 marks;
};

static inline struct xtcp_sndcb *xtcp_sndcb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_sndcb) > sizeof(skb->cb));
	return (struct xtcp_sndcb *)skb->cb;
}

/* The sequence number of a marked octet; an skb on the queue has no checksum. */
static inline u32 *xtcp_stamped_seq(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(skb->csum) != sizeof(u32));
	return (u32 *)&skb->csum;
}

/**
 * xtcp_stamp_room() - how much of an skb with cb->stamps may be sent as one GSO packet
 * @skb: on the queue
 * @mss: octets in a full segment
 *
 * The segment with the marked octet is sent alone. GSO would look for it by tskey, as if that were
 * a sequence number, and mark the wrong segment.
 * Context: softirq or process. Lock: socket, held.
 * Return: octets, at least @mss.
 */
static inline u32 xtcp_stamp_room(const struct sk_buff *skb, u32 mss)
{
	u32 before;

	if (!(xtcp_sndcb(skb)->stamps & XTCP_STAMPS_LEAVING))
		return U32_MAX;
	before = *xtcp_stamped_seq(skb) - xtcp_sndcb(skb)->seq;
	return before < mss ? mss : before - before % mss;
}

/**
 * struct xtcp_sndnote - for algorithms with control(), as BBR; in skb->tstamp of the queue
 * @in_flight: octets in flight after the last transmission
 * @lost: stream->lost_total at the last transmission
 */
struct xtcp_sndnote {
	u32 in_flight;
	u32 lost;
};

static inline struct xtcp_sndnote *xtcp_sndnote(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_sndnote) > sizeof(skb->tstamp));
	return (struct xtcp_sndnote *)&skb->tstamp;
}

/* The size of a sent skb's segments at its last transmission, at least 1: the peer's SACK blocks end where they end. */
static inline u32 xtcp_sndq_segment(const struct sk_buff *skb)
{
	return xtcp_sndcb(skb)->mss ?: 1;
}

/* A lone SYN or FIN counts as one. */
static inline u32 xtcp_sndq_segments(const struct sk_buff *skb)
{
	return max(DIV_ROUND_UP(skb->len, xtcp_sndq_segment(skb)), 1U);
}

static inline struct sk_buff *xtcp_sndq_skb_of(struct xtcp_sndcb *cb)
{
	return container_of((char (*)[sizeof_field(struct sk_buff, cb)])cb, struct sk_buff, cb);
}

/* Socket lock held; xtcp_sndq_leave_list(), xtcp_sndq_purge(): or no other thread can find the sock. */
struct sk_buff *xtcp_sndq_alloc(struct sock *sk, gfp_t gfp, bool force);
void xtcp_sndq_append(struct sock *sk, struct sk_buff *skb);

/* Without the lock only if no other thread can find @sk. */
static inline void xtcp_sndq_uncharge(struct sock *sk, u32 octets)
{
	sk_wmem_queued_add(sk, -(int)octets);
	xtcp_memory_uncharge(sk, octets);
}

void xtcp_sndq_drop_empty_tail(struct sock *sk);
int xtcp_sndq_append_syn(struct sock *sk);

static inline struct sk_buff *xtcp_sndq_open_tail(const struct sock *sk)
{
	struct sk_buff *tail;

	sock_owned_by_me(sk);
	tail = skb_peek_tail(&sk->sk_write_queue);
	return tail && !(xtcp_sndcb(tail)->flags & (XTCP_SYN | XTCP_FIN)) ? tail : NULL;
}

static inline struct sk_buff *xtcp_sndq_unsent(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return skb_peek(&sk->sk_write_queue);
}

static inline struct sk_buff *xtcp_sndq_first(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return skb_rb_first(&sk->tcp_rtx_queue);
}

static inline struct sk_buff *xtcp_sndq_last(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return skb_rb_last(&sk->tcp_rtx_queue);
}

static inline struct sk_buff *xtcp_sndq_next(const struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return skb_rb_next(skb);
}

struct sk_buff *xtcp_sndq_find(const struct sock *sk, u32 seq);

static inline bool xtcp_sndq_is_empty(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return RB_EMPTY_ROOT(&sk->tcp_rtx_queue) && skb_queue_empty(&sk->sk_write_queue);
}

static inline bool xtcp_sndq_is_last(const struct sock *sk, const struct sk_buff *skb)
{
	return skb_queue_is_last(&sk->sk_write_queue, skb);
}

void xtcp_sndq_sent(struct sock *sk, struct sk_buff *skb, u64 sent_us);
void xtcp_sndq_leave_list(struct sock *sk, struct sk_buff *skb);
void xtcp_sndq_drop(struct sock *sk, struct sk_buff *skb);
void xtcp_sndq_purge(struct sock *sk);

int xtcp_fragment(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp);
bool xtcp_trim_head(struct sock *sk, struct sk_buff *skb, u32 len);

int xtcp_sndq_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len);
int xtcp_sndq_splice(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len);
int xtcp_sndq_zerocopy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t len, struct ubuf_info *uarg);

#endif /* XTCP_SENDQ_H */
