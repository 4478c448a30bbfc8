/* SPDX-License-Identifier: GPL-2.0 */
/* Step seven: trim, put in order, deliver; and step eight's queue work for the FIN. */
#ifndef XTCP_TEXT_H
#define XTCP_TEXT_H

#include "arrives.h"

/* Socket lock held. */
enum xtcp_verdict xtcp_text_arrives(struct sock *sk, struct sk_buff *skb);
bool xtcp_text_fin_in_order(const struct sock *sk, const struct xtcp_seg *seg);
void xtcp_text_purge(struct sock *sk);
u32 xtcp_text_space(const struct sock *sk);
u32 xtcp_text_full_space(const struct sock *sk);

#endif /* XTCP_TEXT_H */
