/* SPDX-License-Identifier: GPL-2.0 */
/* What the peer's RST says about its reason. */
#ifndef XTCP_TOLD_H
#define XTCP_TOLD_H

#include "base/rstdiag.h"

struct sk_buff;
struct sock;

/* Softirq or process. Socket lock held. */
struct xtcp_rstdiag xtcp_told_by(const struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_TOLD_H */
