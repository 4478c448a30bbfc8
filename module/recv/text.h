/* SPDX-License-Identifier: GPL-2.0 */
/* Step seven: trim, put in order, deliver; and step eight's queue work for the FIN. */
#ifndef XTCP_TEXT_H
#define XTCP_TEXT_H

#include <linux/types.h>
#include <net/sock.h>

#include "arrive/arrives.h"

/* What @space octets of buffer are worth as a window: half, the rest is for what an skb costs besides its octets. */
static inline u32 xtcp_text_window(int space)
{
	return space > 0 ? space - (space >> 1) : 0;
}

/* The window that the free part of the receive buffer allows (RFC 9293 section 3.8.6); racy without the socket lock. */
static inline u32 xtcp_text_space(const struct sock *sk)
{
	return xtcp_text_window(READ_ONCE(sk->sk_rcvbuf) - READ_ONCE(sk->sk_backlog.len) -
				atomic_read(&sk->sk_rmem_alloc));
}

/* The window that an empty receive buffer allows. */
static inline u32 xtcp_text_full_space(const struct sock *sk)
{
	return xtcp_text_window(READ_ONCE(sk->sk_rcvbuf));
}

/* Socket lock held. */
enum xtcp_verdict xtcp_text_arrives(struct sock *sk, struct sk_buff *skb);
void xtcp_text_purge(struct sock *sk);
bool xtcp_text_readable(const struct sock *sk, int target);
void xtcp_text_wake(struct sock *sk);
void xtcp_text_space_adjust(struct sock *sk);

#endif /* XTCP_TEXT_H */
