/* SPDX-License-Identifier: GPL-2.0 */
/* What the SACK blocks of an ACK report. */
#ifndef XTCP_SACKED_H
#define XTCP_SACKED_H

struct sk_buff;
struct sock;
struct xtcp_sample;

/* The socket lock is held. */
void xtcp_sacked_take(struct sock *sk, struct sk_buff *skb, struct xtcp_sample *sample);

#endif /* XTCP_SACKED_H */
