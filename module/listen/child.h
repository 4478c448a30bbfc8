/* SPDX-License-Identifier: GPL-2.0 */
/* Makes the full sock of a connection: after a completed handshake, or at a SYN with Fast Open. */
#ifndef XTCP_CHILD_H
#define XTCP_CHILD_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_fastopen;
struct xtcp_listener;
struct xtcp_request;
struct xtcp_seg;

/* Softirq, RCU read side. */
struct sock *xtcp_child_make(struct xtcp_listener *listener, struct sk_buff *skb, struct xtcp_request *he,
			     u32 ts_offset, bool is_entry, struct xtcp_fastopen *fast);
void xtcp_child_let_pass(struct sock *child, const struct xtcp_seg *seg);

#endif /* XTCP_CHILD_H */
