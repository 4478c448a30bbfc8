// SPDX-License-Identifier: GPL-2.0
/*
 * The window we offer (RFC 9293 sections 3.8.6 and 3.8.6.2.2).
 *
 * rcv_wup + rcv_wnd is the right edge as the peer knows it. The edge never moves left (SHLD-14),
 * and it moves right only by a worthwhile step (MUST-39). The scaled field can express only
 * multiples of our unit. So when the edge is to stay, the offer is rounded up to a multiple:
 * rounding never takes back an octet that was offered.
 */
#include "window/window.h"

#include <net/tcp.h>

#include "base/net.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"
#include "window/space.h"

static u32 offered(const struct xtcp_sock *xsk)
{
	u32 edge = xsk->rcv.wup + xsk->rcv.wnd;

	return xtcp_seq_gt(edge, xsk->rcv.nxt) ? edge - xsk->rcv.nxt : 0;
}

/* An upper bound of the window that does not depend on the free buffer. */
static u32 most_whatever_is_free(const struct xtcp_sock *xsk)
{
	return min(xsk->window_clamp, xsk->rcv_ssthresh);
}

/* Is @step large enough to move the right edge? Section 3.8.6.2.2 calls the step "reduction". */
static bool is_worthwhile(const struct sock *sk, u32 step)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 full = min3(xtcp_space_full(sk), xsk->window_clamp, xsk->rcv_ssthresh);

	return step >= min_t(u32, full / 2, xsk->rcv_mss);
}

/*
 * Without a shift, offer a number of whole segments, as Linux does: a peer that sends whole
 * segments cannot use the rest. But offer all space if the whole segments would be no worthwhile
 * step, since otherwise the window could not double when the program reads the rest of the text.
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

/**
 * xtcp_window_offer() - the window to offer in the segment that is sent now
 * @sk: in a synchronized state
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets from RCV.NXT, a multiple of the unit of our shift.
 */
u32 xtcp_window_offer(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = offered(xsk), unit = 1U << xsk->rcv_wscale;
	u32 space = most_whatever_is_free(xsk);
	u32 wnd = ALIGN(now, unit);

	sock_owned_by_me(sk);
	if (space > now) {
		space = min(space, xtcp_space_free(sk));
		if (sk_under_memory_pressure(sk))
			space = min_t(u32, space, 4U * xsk->agreed.advmss);
		if (space > now && is_worthwhile(sk, space - now)) {
			space = whole_segments(sk, now, space);
			wnd = max(wnd, ALIGN_DOWN(space, unit) ?: unit);
		}
	}
	return min(wnd, XTCP_WINDOW_MAX_UNSCALED << xsk->rcv_wscale);
}

/**
 * xtcp_window_initial() - choose the window that our SYN offers, and its shift
 * @sk: about to send the SYN; our MSS option and the use of window scaling are known
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
	xtcp_window_select(sk, xsk->agreed.advmss, xsk->agreed.wscale_ok, &wnd, &xsk->window_clamp, &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
}

/**
 * xtcp_window_offered() - take the window that our SYN-ACK offered, and its shift
 * @child: our MSS option and the use of window scaling are known; IRS is taken
 * @wnd: octets
 * @shift: as it was offered, even if the listener's buffer has changed since
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
	xtcp_window_select(child, xsk->agreed.advmss, xsk->agreed.wscale_ok, &first, &xsk->window_clamp,
			   &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
	xsk->rcv_wscale = shift;
	xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED << shift);
}

/**
 * xtcp_window_unscaled() - the peer does not scale windows: neither do we
 * @sk: its SYN is being taken
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

/**
 * xtcp_window_first() - the window that a SYN offers
 * @sk: the sock that opens, or the listener
 * @mss: octets of a whole segment; not 0
 *
 * It is a number of whole segments, and not scaled (RFC 7323 section 2.2).
 *
 * Context: softirq or process. A racy look at the buffer size is enough, no lock.
 *
 * Return: octets; they fit the window field.
 */
u32 xtcp_window_first(const struct sock *sk, u32 mss)
{
	u32 space = min(xtcp_space_full(sk), READ_ONCE(xtcp_sk(sk)->user_window_clamp) ?: U32_MAX);

	if (space > mss)
		space = rounddown(space, mss);
	return min(space, XTCP_WINDOW_MAX_UNSCALED);
}

/**
 * xtcp_window_select() - choose the first window, its limit and the shift
 * @sk: the sock that opens, or the listener
 * @mss: our MSS option, octets
 * @wscale_ok: a shift may be used
 * @rcv_wnd: receives the first window, octets; it fits the window field of a SYN
 * @window_clamp: receives the largest window
 * @rcv_wscale: receives the shift
 *
 * The SYN fixes the shift (RFC 7323 section 2.3), so it is chosen for the largest buffer that this
 * namespace allows. If the program has set the size (SO_RCVBUF), it is chosen for that size, as in
 * Linux: a larger shift would round a small window down.
 *
 * Context: softirq or process. A racy look at the buffer size is enough, no lock.
 */
void xtcp_window_select(const struct sock *sk, u32 mss, bool wscale_ok, u32 *rcv_wnd, u32 *window_clamp,
			u8 *rcv_wscale)
{
	u32 clamp = READ_ONCE(xtcp_sk(sk)->user_window_clamp) ?: XTCP_WINDOW_MAX_UNSCALED << XTCP_WSCALE_MAX;
	u32 largest;
	u8 shift = 0;

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		clamp = min(clamp, xtcp_space_full(sk));
	if (wscale_ok) {
		largest = max_t(u32, xtcp_space_full(sk), READ_ONCE(xtcp_net_of(sk)->sysctl.rmem[2]));
		for (largest = min(largest, clamp); largest > XTCP_WINDOW_MAX_UNSCALED; largest >>= 1)
			shift++;
		shift = min_t(u8, shift, XTCP_WSCALE_MAX);
	}
	*rcv_wnd = xtcp_window_first(sk, mss);
	*window_clamp = min(clamp, XTCP_WINDOW_MAX_UNSCALED << shift);
	*rcv_wscale = shift;
}

/**
 * xtcp_window_would_double() - would the peer's window at least double if it were told now?
 * @sk: the sock
 *
 * RFC 9293 section 3.8.6.2.2.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it would.
 */
bool xtcp_window_would_double(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 now = offered(xsk), wnd;
	/* the offer can only double if these bounds do: mostly that avoids computing it */
	u32 most = max(most_whatever_is_free(xsk), 1U << xsk->rcv_wscale);

	sock_owned_by_me(sk);
	if (2 * now > most || 2 * now > max(xtcp_space_free(sk), 1U << xsk->rcv_wscale))
		return false;
	wnd = xtcp_window_offer(sk);
	return wnd && wnd >= 2 * now;
}
