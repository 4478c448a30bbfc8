/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handshakes that a listener answers: SYNs, third ACKs with and without an entry, and all other
 * segments for an entry.
 */
#ifndef XTCP_SYNQ_H
#define XTCP_SYNQ_H

#include "listen/entry.h"

struct sk_buff;
struct sock;

/* Softirq, RCU read side. Consumes @skb unless the listener has ended. */
bool xtcp_synq_syn(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key, const u32 *timewait_iss);
/* Softirq, RCU read side. The caller keeps @skb. */
bool xtcp_synq_ack_is_ours(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key);
struct sock *xtcp_synq_cookie_ack(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key);
/*
 * A segment for an entry. Returns the child that gets the segment next, locked and held; NULL when
 * there is none; ERR_PTR(-EAGAIN) when the entry has moved to another listener or ended.
 */
struct sock *xtcp_synq_arrives(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb);
/* An ICMP error about the SYN-ACK. @hard: a hard error (RFC 9293 section 3.9.2.2). */
void xtcp_synq_icmp_error(struct xtcp_request *he, u32 seq, bool hard);

#endif /* XTCP_SYNQ_H */
