/* SPDX-License-Identifier: GPL-2.0 */
/* The reason that a peer's RST gives. */
#ifndef XTCP_TOLD_H
#define XTCP_TOLD_H

#include "base/rstdiag.h"

struct sk_buff;
struct sock;

/* Softirq or process. The socket lock is held. */
struct xtcp_rstdiag xtcp_told_by(const struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_TOLD_H */
