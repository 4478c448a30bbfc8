/* SPDX-License-Identifier: GPL-2.0 */
/* The peer's urgent pointer (RFC 9293 section 3.8.5, RFC 6093). */
#ifndef XTCP_URGENT_H
#define XTCP_URGENT_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/*
 * What xtcp_sock.urg_data tells about the octet at urg_seq; 0: no urgent octet is ahead of the
 * reader.
 */
#define XTCP_URGENT_THERE	0x0100	/* it came, and is the lowest octet of urg_data */
#define XTCP_URGENT_AWAITED	0x0200	/* it has not come yet */
#define XTCP_URGENT_TAKEN	0x0400	/* MSG_OOB has handed it out */

void xtcp_urgent_arrives(struct sock *sk, struct sk_buff *skb);
bool xtcp_urgent_at_mark(const struct sock *sk);

#endif /* XTCP_URGENT_H */
