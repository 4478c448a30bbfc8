/* SPDX-License-Identifier: GPL-2.0 */
/* Adds header and options to one segment of a full sock, and hands the segment to IP. */
#ifndef XTCP_SEGMENT_H
#define XTCP_SEGMENT_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* Socket lock held. */
int xtcp_segment_send(struct sock *sk, struct sk_buff *skb, u64 sent_us);
int xtcp_segment_send_on_syn(struct sock *sk, struct sk_buff *skb, u64 sent_us);
int xtcp_segment_send_control(struct sock *sk, u32 seq, u8 flags);
int xtcp_segment_send_rst(struct sock *sk, u32 seq, u16 code);

#endif /* XTCP_SEGMENT_H */
