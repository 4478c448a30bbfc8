/* SPDX-License-Identifier: GPL-2.0 */
/* The handshake of a sock: SYN-SENT and SYN-RECEIVED. */
#ifndef XTCP_HANDSHAKE_H
#define XTCP_HANDSHAKE_H

#include "arrive/arrives.h"

struct sk_buff;
struct sock;

enum xtcp_verdict xtcp_handshake_syn_sent(struct sock *sk, struct sk_buff *skb);
enum xtcp_verdict xtcp_handshake_check_ack(struct sock *sk, struct sk_buff *skb);

#endif /* XTCP_HANDSHAKE_H */
