// SPDX-License-Identifier: GPL-2.0
/*
 * The window that we offer (RFC 9293 sections 3.8.6 and 3.8.6.2.2).
 *
 * rcv.wup + rcv.wnd is the right edge as the peer knows it. The edge never moves left (SHLD-14),
 * and it moves right only by a worthwhile step (MUST-39). The field of the header can express only
 * multiples of our unit, 1 << Rcv.Wind.Shift. So when the edge is to stay, the offer is rounded up
 * to such a multiple; rounding down would take back octets that were offered.
 *
 * A peer without SACK learns of a hole by duplicate ACKs, and an ACK with another window is none
 * (RFC 5681 section 2 (e)). So such an ACK repeats the window of the ACK before it.
 */
#include "window/window.h"

#include <net/tcp.h>

#include "base/metric.h"
#include "base/net.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/stream.h"
#include "base/wire.h"
#include "compat.h"
#include "window/space.h"

static u32 offered(const struct xtcp_sock *xsk)
{
	u32 edge = xsk->rcv.wup + xsk->rcv.wnd;

	return xtcp_seq_gt(edge, xsk->rcv.nxt) ? edge - xsk->rcv.nxt : 0;
}

/* An upper bound of the window, which does not depend on the free part of the buffer. */
static u32 most_whatever_is_free(const struct xtcp_sock *xsk)
{
	return min(xsk->window_clamp, xsk->rcv_ssthresh);
}

/*
 * Is @step, in octets, large enough to move the right edge? RFC 9293 section 3.8.6.2.2 calls the
 * step "reduction".
 */
static bool is_worthwhile(const struct sock *sk, u32 step)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 full = min3(xtcp_space_full(sk), xsk->window_clamp, xsk->rcv_ssthresh);

	return step >= min_t(u32, full / 2, xsk->rcv_mss);
}

/*
 * Without a shift, offer a number of whole segments, as Linux does: a peer that sends whole
 * segments cannot use the rest. Offer all of @space if no whole segment fits, or if whole segments
 * move the right edge too little (is_worthwhile()). A window update is sent only if it at least
 * doubles the window (xtcp_window_would_double()). In a small buffer, an offer of all of @space may
 * double the window, where an offer of whole segments does not.
 */
static u32 whole_segments(const struct sock *sk, u32 now, u32 space)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 whole;

	if (xsk->rcv_wscale || space < xsk->rcv_mss)
		return space;
	whole = rounddown(space, xsk->rcv_mss);
	return whole > now && is_worthwhile(sk, whole - now) ? whole : space;
}

/*
 * Is an ACK now a duplicate that tells a peer without SACK of a hole? Then a larger window would
 * make it a window update, which the peer does not count. The third duplicate causes a fast
 * retransmission, and each of the first two lets out a new segment, which causes another duplicate
 * (RFC 5681 section 3.2). If few segments are in flight and one duplicate does not count, the peer
 * waits for its timeout. The program often reads between the ACK of the last segment in order and
 * the first duplicate, so there often is a larger window to offer.
 */
static bool tells_of_hole(const struct xtcp_sock *xsk)
{
	return !xsk->agreed.sack_ok && xsk->rcv.nxt == xsk->rcv.wup && xtcp_stream_is_there(xsk->stream) &&
	       !RB_EMPTY_ROOT(&xsk->stream->out_of_order);
}

/*
 * May the right edge move, so that the window grows from @now to @space octets? A duplicate ACK
 * (tells_of_hole()) keeps the edge, unless the window would at least double: a peer that a small
 * window stops sends no segments that cause duplicates. The edge moves with the ACK of the segment
 * that fills the hole.
 */
static bool may_move(const struct sock *sk, u32 now, u32 space)
{
	return space > now && is_worthwhile(sk, space - now) &&
	       !(space - now < now && tells_of_hole(xtcp_sk(sk)));
}

/*
 * Move the right edge of the window, if there is memory, and if the step is worthwhile. @now: the
 * octets that are offered already. Return: the octets to offer. Not inlined, so that
 * xtcp_window_offer() need not save registers if the window is at its upper bound already.
 */
static noinline u32 larger(const struct sock *sk, u32 now)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 space = min(most_whatever_is_free(xsk), xtcp_space_free(sk)), unit = 1U << xsk->rcv_wscale;
	u32 wnd = ALIGN(now, unit);

	if (sk_under_memory_pressure(sk))
		space = min_t(u32, space, 4U * xsk->agreed.advmss);
	if (may_move(sk, now, space)) {
		space = whole_segments(sk, now, space);
		wnd = max(wnd, ALIGN_DOWN(space, unit) ?: unit);
	}
	return wnd;
}

/**
 * xtcp_window_offer() - compute the window for the segment that is about to be sent
 * @sk: in a synchronized state
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets from RCV.NXT, a multiple of the unit of our shift.
 */
u32 xtcp_window_offer(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = offered(xsk), wnd;

	sock_owned_by_me(sk);
	wnd = most_whatever_is_free(xsk) > now ? larger(sk, now) : ALIGN(now, 1U << xsk->rcv_wscale);
	return min(wnd, XTCP_WINDOW_MAX_UNSCALED << xsk->rcv_wscale);
}

/**
 * xtcp_window_initial() - choose the window that our SYN offers, and its shift
 * @sk: about to send the SYN; its route, our MSS option and the use of window scaling are known
 *
 * RFC 7323 section 2.3.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_window_initial(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 wnd;

	sock_owned_by_me(sk);
	xtcp_window_select(sk, __sk_dst_get(sk), xsk->agreed.advmss, xsk->agreed.wscale_ok, &wnd, &xsk->window_clamp,
			   &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
}

/**
 * xtcp_window_offered() - let a child take over the window and the shift that our SYN-ACK offered
 * @child: its route, IRS, our MSS option and the use of window scaling are set
 * @wnd: the window in the SYN-ACK, octets
 * @shift: the shift in the SYN-ACK. It is not computed anew, since the listener's buffer may have
 *	changed meanwhile
 *
 * RFC 7323 section 2.3.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_window_offered(struct sock *child, u32 wnd, u8 shift)
{
	struct xtcp_sock *xsk = xtcp_sk(child);
	u32 first;

	sock_owned_by_me(child);
	xtcp_window_select(child, __sk_dst_get(child), xsk->agreed.advmss, xsk->agreed.wscale_ok, &first,
			   &xsk->window_clamp, &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
	xsk->rcv_wscale = shift;
	xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED << shift);
}

/**
 * xtcp_window_unscaled() - the peer's SYN has no window scale option: do not scale our windows
 * either
 * @sk: the peer's SYN is being processed
 *
 * RFC 7323 section 2.2.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_window_unscaled(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->rcv_wscale = 0;
	xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED);
}

/* The largest window, octets: the limit that the program has set, or else that of the route. */
static u32 most_allowed(const struct sock *sk, const struct dst_entry *dst)
{
	return READ_ONCE(xtcp_sk(sk)->user_window_clamp) ?:
	       xtcp_metric(dst, RTAX_WINDOW) ?: XTCP_WINDOW_MAX_UNSCALED << XTCP_WSCALE_MAX;
}

/* The least shift with which a window of @largest octets fits the window field. */
static u8 shift_for(u32 largest)
{
	u8 shift = 0;

	for (; largest > XTCP_WINDOW_MAX_UNSCALED; largest >>= 1)
		shift++;
	return min_t(u8, shift, XTCP_WSCALE_MAX);
}

/**
 * xtcp_window_first() - compute the window for a SYN or SYN-ACK
 * @sk: the sock that opens, or the listener
 * @dst: the route to the peer; NULL: none is known
 * @mss: how many octets a whole segment has; not 0
 *
 * The window is what an empty buffer allows, but at most TCP_WINDOW_CLAMP. If the program has not
 * set this option, the route's metric window (octets) is the limit. Then the window is rounded down
 * to whole segments, if at least one fits. The route's metric initrwnd limits the number of
 * segments. The window is at most 65,535 octets, since the window of a SYN is not scaled (RFC 7323
 * section 2.2).
 *
 * Context: softirq or process. No lock is needed: the buffer size may be out of date.
 *
 * Return: octets; they fit the window field.
 */
inline u32 xtcp_window_first(const struct sock *sk, const struct dst_entry *dst, u32 mss)
{
	u32 space = min(xtcp_space_full(sk), most_allowed(sk, dst));
	u32 segments = xtcp_metric(dst, RTAX_INITRWND);

	if (space > mss)
		space = rounddown(space, mss);
	if (segments)
		space = min_t(u64, space, (u64)segments * mss);
	return min(space, XTCP_WINDOW_MAX_UNSCALED);
}

/**
 * xtcp_window_shift_of_route() - limit the shift of a SYN-ACK to what the route allows
 * @dst: the route to the peer
 * @shift: the shift of the listener
 *
 * If the metric RTAX_WINDOW of the route is small, a large shift would round windows down. This
 * function ignores the listener's TCP_WINDOW_CLAMP, because a cookie does not record the shift. The
 * listener that gets the third ACK computes the shift anew, and may be another member of the group,
 * with another TCP_WINDOW_CLAMP.
 *
 * Context: any.
 *
 * Return: the shift.
 */
u8 xtcp_window_shift_of_route(const struct dst_entry *dst, u8 shift)
{
	u32 most = xtcp_metric(dst, RTAX_WINDOW);

	return likely(!most) ? shift : min(shift, shift_for(most));
}

/**
 * xtcp_window_select() - choose the first window, its limit and the shift
 * @sk: the sock that opens, or the listener
 * @dst: the route to the peer; NULL: none is known
 * @mss: our MSS option, octets
 * @wscale_ok: a shift may be used
 * @rcv_wnd: receives the first window, octets; it fits the window field of a SYN
 * @window_clamp: receives the largest window
 * @rcv_wscale: receives the shift
 *
 * The SYN fixes the shift (RFC 7323 section 2.3). So the shift is chosen for the largest buffer
 * that this namespace allows. If the program has set the size of the buffer (SO_RCVBUF), the shift
 * is chosen for that size, as in Linux: a larger shift would round a small window down.
 *
 * Context: softirq or process. No lock is needed: the buffer size may be out of date.
 */
void xtcp_window_select(const struct sock *sk, const struct dst_entry *dst, u32 mss, bool wscale_ok, u32 *rcv_wnd,
			u32 *window_clamp, u8 *rcv_wscale)
{
	u32 clamp = most_allowed(sk, dst);
	u8 shift = 0;

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		clamp = min(clamp, xtcp_space_full(sk));
	if (wscale_ok)
		shift = shift_for(min(clamp, max_t(u32, xtcp_space_full(sk),
						   READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]))));
	*rcv_wnd = xtcp_window_first(sk, dst, mss);
	*window_clamp = min(clamp, XTCP_WINDOW_MAX_UNSCALED << shift);
	*rcv_wscale = shift;
}

/**
 * xtcp_window_would_double() - would an ACK now at least double the window that the peer knows?
 * @sk: the sock
 *
 * RFC 9293 section 3.8.6.2.2.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when an ACK would at least double the window.
 */
bool xtcp_window_would_double(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = offered(xsk), wnd;
	/*
	 * two bounds limit the next offer. If twice the present offer exceeds one of them, the next
	 * offer cannot be twice the present one: do not compute it
	 */
	u32 most = max(most_whatever_is_free(xsk), 1U << xsk->rcv_wscale);

	sock_owned_by_me(sk);
	if (2 * now > most || 2 * now > max(xtcp_space_free(sk), 1U << xsk->rcv_wscale))
		return false;
	wnd = xtcp_window_offer(sk);
	return wnd && wnd >= 2 * now;
}
