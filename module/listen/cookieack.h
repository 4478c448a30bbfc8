/* SPDX-License-Identifier: GPL-2.0 */
/* ACKs that complete handshakes for which no entry was kept. Softirq, RCU read side. */
#ifndef XTCP_COOKIEACK_H
#define XTCP_COOKIEACK_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_demux_key;
struct xtcp_listener;

bool xtcp_cookieack_believed(const struct xtcp_listener *listener);
/* The next two functions leave @skb to the caller. */
bool xtcp_cookieack_is_valid(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key);
bool xtcp_cookieack_is_ours(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key);
struct sock *xtcp_cookieack_arrives(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key);

#endif /* XTCP_COOKIEACK_H */
