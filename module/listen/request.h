/* SPDX-License-Identifier: GPL-2.0 */
/* Fills a half-open entry, from a SYN or from a cookie. */
#ifndef XTCP_REQUEST_H
#define XTCP_REQUEST_H

#include <linux/types.h>

#include "base/seldom.h"

struct sk_buff;
struct sock;
struct xtcp_cookie;
struct xtcp_demux_key;
struct xtcp_ip_reply;
struct xtcp_listener;
struct xtcp_request;
struct xtcp_seg;
struct xtcp_tuple;

/* Softirq, RCU read side. */
void xtcp_request_fill_names(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb,
			     const struct xtcp_demux_key *key);
void xtcp_request_fill_syn(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb,
			   const struct xtcp_demux_key *key);
bool xtcp_request_asks_ao(const struct sock *lsk, const struct sk_buff *skb);
void xtcp_request_leave_room(struct xtcp_request *he, const struct sock *lsk, bool by_cookie);
void xtcp_request_fill_cookie(struct xtcp_request *he, const struct xtcp_seg *seg,
			      const struct xtcp_cookie *cookie);
void xtcp_request_fill_window(struct xtcp_request *he, const struct xtcp_listener *listener,
			      const struct xtcp_ip_reply *how);
bool xtcp_request_addresses_ok(const struct sk_buff *skb, const struct xtcp_tuple *tuple);
bool xtcp_request_lsm_ok(struct sock *lsk, struct sk_buff *skb, const struct xtcp_request *he,
			 const struct xtcp_tuple *tuple);

/* As xtcp_request_asks_ao(). Few listeners have a key. */
static inline bool xtcp_request_has_ao(const struct sock *lsk, const struct sk_buff *skb)
{
	return unlikely(xtcp_seldom_signs(lsk)) && xtcp_request_asks_ao(lsk, skb);
}

#endif /* XTCP_REQUEST_H */
