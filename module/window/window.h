/* SPDX-License-Identifier: GPL-2.0 */
/* The window that we offer to the peer. */
#ifndef XTCP_WINDOW_H
#define XTCP_WINDOW_H

#include <linux/types.h>

struct dst_entry;
struct sock;

/*
 * All these functions need the socket lock, except xtcp_window_first(),
 * xtcp_window_shift_of_route() and xtcp_window_select().
 */
void xtcp_window_initial(struct sock *sk);
void xtcp_window_offered(struct sock *child, u32 wnd, u8 shift);
void xtcp_window_unscaled(struct sock *sk);
u32 xtcp_window_first(const struct sock *sk, const struct dst_entry *dst, u32 mss);
u8 xtcp_window_shift_of_route(const struct dst_entry *dst, u8 shift);
void xtcp_window_select(const struct sock *sk, const struct dst_entry *dst, u32 mss, bool wscale_ok, u32 *rcv_wnd,
			u32 *window_clamp, u8 *rcv_wscale);
u32 xtcp_window_offer(const struct sock *sk);
bool xtcp_window_would_double(const struct sock *sk);

#endif /* XTCP_WINDOW_H */
