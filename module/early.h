/* SPDX-License-Identifier: GPL-2.0 */
/* Early demux: routes of arriving segments, remembered by their socks. */
#ifndef XTCP_EARLY_H
#define XTCP_EARLY_H

struct sk_buff;
struct sock;
struct xtcp_net;

void xtcp_early_start(struct xtcp_net *xn);
void xtcp_early_stop(struct xtcp_net *xn);
void xtcp_early_learn(struct sock *sk, const struct sk_buff *skb);
void xtcp_early_forget(struct sock *sk);

#endif /* XTCP_EARLY_H */
