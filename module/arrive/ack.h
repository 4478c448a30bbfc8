/* SPDX-License-Identifier: GPL-2.0 */
/* Step five: is the ACK acceptable? */
#ifndef XTCP_ACK_H
#define XTCP_ACK_H

#include <linux/types.h>

#include "arrive/arrives.h"

struct sk_buff;
struct sock;

/* The socket lock is held. */
enum xtcp_verdict xtcp_ack_arrives(struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_ACK_H */
