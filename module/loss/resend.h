/* SPDX-License-Identifier: GPL-2.0 */
/* The list of lost skbs that are to be resent. */
#ifndef XTCP_RESEND_H
#define XTCP_RESEND_H

struct sk_buff;
struct sock;

/* The socket lock is held in all these functions. */
void xtcp_resend_add(struct sock *sk, struct sk_buff *skb);
struct sk_buff *xtcp_resend_next(const struct sock *sk);
void xtcp_resend_put_back(struct sock *sk);

#endif /* XTCP_RESEND_H */
