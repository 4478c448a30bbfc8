/* SPDX-License-Identifier: GPL-2.0 */
/* Segments for a half-open entry. Softirq, RCU read side. */
#ifndef XTCP_HALFOPEN_H
#define XTCP_HALFOPEN_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_request;

/*
 * Processes a segment for an entry. Returns the child that gets the segment next, locked, with a
 * reference; NULL when there is no child; ERR_PTR(-EAGAIN) when the entry has moved to another
 * listener or has ended.
 */
struct sock *xtcp_halfopen_arrives(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb);
/* Handles an ICMP error about the SYN-ACK. @hard: a hard error (RFC 9293 section 3.9.2.2). */
void xtcp_halfopen_icmp_error(struct xtcp_request *he, u32 seq, bool hard);

#endif /* XTCP_HALFOPEN_H */
