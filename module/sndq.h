/* SPDX-License-Identifier: GPL-2.0 */
/* The send queue: bytes written, sent, acknowledged; cut into segments. Knows neither IP nor windows. */
#ifndef XTCP_SNDQ_H
#define XTCP_SNDQ_H

#include <linux/skbuff.h>

struct iov_iter;
struct sock;

/**
 * struct xtcp_sndcb - what skb->cb holds on sk_write_queue
 * @seq: first octet
 * @end_seq: octet after the last, FIN counted
 * @sent_us: clock when last sent
 * @charged: octets of memory it counts for in sk_wmem_queued
 * @flags: control bits to send with it: XTCP_PSH, XTCP_FIN, XTCP_SYN
 * @transmissions: how often it was sent
 */
struct xtcp_sndcb {
	u32 seq;
	u32 end_seq;
	u64 sent_us;
	u32 charged;
	u8 flags;
	u8 transmissions;
};

static inline struct xtcp_sndcb *xtcp_sndcb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_sndcb) > sizeof(skb->cb));
	return (struct xtcp_sndcb *)skb->cb;
}

/* Socket lock held in all of these. */
struct sk_buff *xtcp_sndq_alloc(struct sock *sk, gfp_t gfp, bool force);
void xtcp_sndq_append(struct sock *sk, struct sk_buff *skb);
int xtcp_sndq_copy(struct sock *sk, struct sk_buff *skb, struct iov_iter *from, size_t len);
void xtcp_sndq_drop_empty_tail(struct sock *sk);
int xtcp_sndq_append_syn(struct sock *sk);
int xtcp_sndq_append_fin(struct sock *sk);
struct sk_buff *xtcp_sndq_open_tail(const struct sock *sk);
struct sk_buff *xtcp_sndq_unacked(const struct sock *sk);
struct sk_buff *xtcp_sndq_next(const struct sock *sk, struct sk_buff *skb);
bool xtcp_sndq_is_last(const struct sock *sk, const struct sk_buff *skb);
int xtcp_sndq_split(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp);
void xtcp_sndq_sent(struct sock *sk, struct sk_buff *skb);
u64 xtcp_sndq_acked(struct sock *sk, u32 ack);
void xtcp_sndq_purge(struct sock *sk);

#endif /* XTCP_SNDQ_H */
