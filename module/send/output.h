/* SPDX-License-Identifier: GPL-2.0 */
/* Decide what to send now, and send it: SYN, data, FIN, probe. */
#ifndef XTCP_OUTPUT_H
#define XTCP_OUTPUT_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* The caller of each of these functions holds the socket lock. */
int xtcp_output_queue_syn(struct sock *sk);
int xtcp_output_syn(struct sock *sk);
void xtcp_output_push(struct sock *sk);
void xtcp_output_push_nagle(struct sock *sk, int nonagle);
void xtcp_output_fin(struct sock *sk);
bool xtcp_output_has_new(const struct sock *sk);
int xtcp_output_new_segment(struct sock *sk);
u64 xtcp_output_departure_us(const struct sock *sk, const struct sk_buff *skb);
int xtcp_output_probe(struct sock *sk, bool keepalive);

#endif /* XTCP_OUTPUT_H */
