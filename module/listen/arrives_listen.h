/* SPDX-License-Identifier: GPL-2.0 */
/* SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2). */
#ifndef XTCP_ARRIVES_LISTEN_H
#define XTCP_ARRIVES_LISTEN_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_demux_key;

bool xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key);

#endif /* XTCP_ARRIVES_LISTEN_H */
