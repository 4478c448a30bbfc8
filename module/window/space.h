/* SPDX-License-Identifier: GPL-2.0 */
/* The receive buffer: the window that it allows, and its size. */
#ifndef XTCP_SPACE_H
#define XTCP_SPACE_H

#include <linux/types.h>
#include <net/sock.h>

#include "base/sock.h"

#define XTCP_SPACE_RATIO_BITS	8	/* xtcp_sock.rcv_ratio is in 256ths */
#define XTCP_SPACE_RATIO_FIRST	(1U << (XTCP_SPACE_RATIO_BITS - 1))	/* a half, until text has been measured */

struct sk_buff;

/*
 * The window that @space octets of buffer allow. It is a part of @space, because an skb takes more
 * memory than its text.
 */
static inline u32 xtcp_space_window(const struct sock *sk, int space)
{
	return space > 0 ? (u64)space * READ_ONCE(xtcp_sk(sk)->rcv_ratio) >> XTCP_SPACE_RATIO_BITS : 0;
}

/*
 * The window that the free part of the buffer allows (RFC 9293 section 3.8.6). Racy without the
 * socket lock.
 */
static inline u32 xtcp_space_free(const struct sock *sk)
{
	/*
	 * the kernel stores the length without WRITE_ONCE(); any recent value will do
	 */
	const int backlog = data_race(READ_ONCE(sk->sk_backlog.len));

	return xtcp_space_window(sk, READ_ONCE(sk->sk_rcvbuf) - backlog - atomic_read(&sk->sk_rmem_alloc));
}

/* The window that an empty receive buffer allows. */
static inline u32 xtcp_space_full(const struct sock *sk)
{
	return xtcp_space_window(sk, READ_ONCE(sk->sk_rcvbuf));
}

/* Socket lock held, or no other thread can reach the sock. */
void xtcp_space_begin(struct sock *sk);
u32 xtcp_space_copied(const struct sock *sk);
void xtcp_space_arrived(struct sock *sk, const struct sk_buff *skb);
void xtcp_space_overrun(struct sock *sk);
void xtcp_space_adjust(struct sock *sk);
void xtcp_space_clamp(struct sock *sk, u32 clamp);

#endif /* XTCP_SPACE_H */
