/* SPDX-License-Identifier: GPL-2.0 */
/* Step five: is the ACK acceptable? */
#ifndef XTCP_ACK_H
#define XTCP_ACK_H

#include <linux/types.h>

#include "arrive/arrives.h"

struct sk_buff;
struct sock;
struct xtcp_seg;

/* The socket lock is held. */
bool xtcp_ack_is_credible(const struct sock *sk, const struct xtcp_seg *seg);
enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_ACK_H */
