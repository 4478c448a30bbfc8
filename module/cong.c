// SPDX-License-Identifier: GPL-2.0
/*
 * What every congestion control shares: the windows before, during and after a loss (RFC 5681). Windows are in octets;
 * "SMSS" is xsk->mss. How the window grows and how far it falls is the algorithm's (struct xtcp_cong_ops).
 */
#include "cong.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "algorithms.h"
#include "sample.h"
#include "sock.h"
#include "wire.h"

static u32 initial_window(const struct xtcp_sock *xsk)
{
	return XTCP_INIT_CWND * xsk->mss;
}

/**
 * xtcp_cong_start() - the connection is established
 * @sk: its effective MSS is known; total_retrans tells whether the SYN had to be sent again
 *
 * RFC 6928 section 2; one segment after a lost SYN (RFC 5681 section 3.1).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_start(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.cwnd = xsk->total_retrans ? xsk->mss : initial_window(xsk);
	xsk->cong.ssthresh = U32_MAX;
	xsk->cong.phase = XTCP_CONG_OPEN;
	xtcp_algorithms_start(sk);
}

/**
 * xtcp_cong_private() - the algorithm's own space
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: XTCP_CONG_PRIVATE octets, aligned to 8; zero when the algorithm starts.
 */
void *xtcp_cong_private(struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_sk(sk)->cong.private;
}

/**
 * xtcp_cong_acked() - new octets were acknowledged, and nothing is known to be missing
 * @sk: SND.UNA has moved already
 * @sample: the ACK
 *
 * The window only grows while it is what holds the sender back (RFC 7661 section 4 calls it validated).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_acked(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 flight = xsk->snd_nxt - xsk->snd_una + sample->acked;
	bool slow_start = xsk->cong.cwnd < xsk->cong.ssthresh;

	sock_owned_by_me(sk);
	if (flight < (slow_start ? xsk->cong.cwnd / 2 : xsk->cong.cwnd - min_t(u32, xsk->cong.cwnd, 2U * xsk->mss)))
		return;
	xsk->cong.ops->acked(sk, sample);
}

/**
 * xtcp_cong_enter_recovery() - three duplicate ACKs: fast recovery (RFC 5681 section 3.2, RFC 6582 section 3.2 step 2)
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_enter_recovery(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.ssthresh = xsk->cong.ops->ssthresh(sk);
	/* the segments that the duplicate ACKs speak of have left the network */
	xsk->cong.cwnd = xsk->cong.ssthresh + XTCP_DUPACK_THRESHOLD * xsk->mss;
	xsk->cong.phase = XTCP_CONG_RECOVERY;
}

/**
 * xtcp_cong_enter_loss() - the retransmission timer has expired (RFC 5681 section 3.1)
 * @sk: xsk->retransmits is 0 the first time for this SND.UNA
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_enter_loss(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	/* a timeout of what a timeout has sent, or in the middle of a repair, says nothing new of the path */
	if (!xsk->retransmits && xsk->cong.phase == XTCP_CONG_OPEN)
		xsk->cong.ssthresh = xsk->cong.ops->ssthresh(sk);
	xsk->cong.cwnd = xsk->mss;
	xsk->cong.phase = XTCP_CONG_LOSS;
}

/**
 * xtcp_cong_restart_after_idle() - sending begins with nothing in flight (RFC 5681 section 4.1)
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_restart_after_idle(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 idle = (u32)jiffies - xsk->snd_tstamp;

	sock_owned_by_me(sk);
	if (!xsk->snd_tstamp || idle <= msecs_to_jiffies(xtcp_rto_current_ms(&xsk->rto)))
		return;
	xsk->cong.cwnd = min(xsk->cong.cwnd, initial_window(xsk));
}

/**
 * xtcp_cong_mss_changed() - the effective MSS was computed anew
 * @sk: the sock, in any state
 *
 * The window is in octets and stays what it is, but one segment fits.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_cong_mss_changed(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.cwnd = max_t(u32, xsk->cong.cwnd, xsk->mss);
}

/**
 * xtcp_cong_cwnd_segments() - the congestion window as TCP_INFO has it
 * @sk: the sock
 *
 * Context: any; racy without the socket lock.
 *
 * Return: segments; part of one counts, since the segment size may have grown by a few octets since the window was set.
 */
u32 xtcp_cong_cwnd_segments(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return DIV_ROUND_UP(READ_ONCE(xsk->cong.cwnd), max_t(u32, READ_ONCE(xsk->mss), 1));
}
