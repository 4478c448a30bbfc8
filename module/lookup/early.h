/* SPDX-License-Identifier: GPL-2.0 */
/* Early demux: finds the sock and the input route of an arriving segment before IP does. */
#ifndef XTCP_EARLY_H
#define XTCP_EARLY_H

struct sk_buff;
struct sock;
struct xtcp_net;

int xtcp_early_init(void);
void xtcp_early_exit(void);
void xtcp_early_start(struct xtcp_net *xn);
struct sock *xtcp_early_take(struct sk_buff *skb);
void xtcp_early_learn(struct sock *sk, const struct sk_buff *skb);
void xtcp_early_forget(struct sock *sk);

#endif /* XTCP_EARLY_H */
