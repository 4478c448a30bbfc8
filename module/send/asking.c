// SPDX-License-Identifier: GPL-2.0
/*
 * Decides which ACK rate the peer is asked for. A rate of R means one ACK for R full segments
 * (draft-ietf-tcpm-ack-rate-request-10). The program has set a rate by XTCP_ACK_RATE, and both SYNs
 * have the option.
 *
 * A request is sent when the rate changes, with the next text that has room. The text carries the
 * request again each time it is resent (segment.c). So a request arrives as reliably as text.
 *
 * The rate is not always the program's:
 *
 *  - In slow start, cwnd grows with each ACK, so we ask for frequent ACKs: a rate of at most two,
 *    which is the usual rate. With an algorithm that never sets ssthresh, such as BBR, we always
 *    ask for at most the usual rate, because we do not learn when slow start ends.
 *  - To find losses and to let the window slide, we choose a rate that gives at least four ACKs for
 *    each window. This rate is at most a quarter of the window, in segments, rounded down to a
 *    power of two. It does not follow each step of the window: when the window shrinks, the rate
 *    stays until fewer than two ACKs come for each window.
 *  - With fewer than four segments in the window, we ask for an ACK of each segment. A delayed ACK
 *    could leave nothing in flight until the peer's delayed-ACK timer fires. When the window has
 *    eight segments again, we ask for the usual rate.
 *
 * "The window" is the number of octets that may be in flight: the least of cwnd, the peer's window
 * and half of the send buffer.
 */
#include "send/asking.h"

#include <linux/log2.h>
#include <linux/minmax.h>
#include <net/sock.h>

#include "base/seldom.h"
#include "base/sender.h"

#define USUAL_RATE	2U	/* full segments for each ACK (RFC 9293 section 3.8.6.3, SHLD-19) */
#define ACKS_PER_WINDOW	4U	/* a new rate gives at least so many ACKs for a window */
#define LEAST_ACKS	2U	/* if fewer ACKs come for a window, the rate changes */

/*
 * Computes the rate at which the peer should send ACKs now. @program: XTCP_ACK_RATE, 0: not set.
 * Return: full segments for each ACK; 0: the usual rate, for which the peer need not be asked.
 */
static u32 right_rate(const struct sock *sk, u32 program)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	/*
	 * only half of the buffer is for text, which is why SO_SNDBUF doubles the program's value
	 */
	const u32 segments = min3(tx->cong.cwnd, tx->snd.wnd, (u32)READ_ONCE(sk->sk_sndbuf) / 2) / tx->mss;
	const u32 most = tx->cong.cwnd < tx->cong.ssthresh ? min(program, USUAL_RATE) : program;
	const u32 wanted = tx->stream->wanted_rate, was = wanted ?: USUAL_RATE;
	u32 rate;

	if (!program)
		return wanted ? USUAL_RATE : 0;
	rate = min_t(u32, most, rounddown_pow_of_two(max(segments / ACKS_PER_WINDOW, 1U)));
	if (rate < was && was <= most && segments >= LEAST_ACKS * was)
		rate = was;
	return !wanted && rate == USUAL_RATE && program != USUAL_RATE ? 0 : rate;
}

/**
 * xtcp_asking_look() - decide whether the next text carries a request for another ACK rate
 * @sk: in a state that sends text, with text; both SYNs have the ACK Rate Request option
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_asking_look(struct sock *sk)
{
	struct xtcp_stream *stream = xtcp_sender(sk)->stream;
	u32 rate = right_rate(sk, xtcp_seldom_ack_rate(sk));

	sock_owned_by_me(sk);
	if (likely(!rate || rate == stream->wanted_rate))
		return;
	stream->wanted_rate = rate;
	stream->sack.asks = rate != stream->asked_rate;
}

/**
 * xtcp_asking_hurries() - must the text that is resent now leave room for the ACK rate request?
 * @sk: as for xtcp_asking_look()
 *
 * The last request asked for one ACK per R full segments. If cwnd has fallen below R segments, as
 * after a timeout, the peer sends an ACK only when its delayed-ACK timer fires. So the new request
 * has to leave with the text that is resent now, even if a full segment has to be cut to make room
 * for it.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when the text must leave room for the request.
 */
bool xtcp_asking_hurries(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	const u32 asked = tx->stream->asked_rate;

	sock_owned_by_me(sk);
	return tx->stream->sack.asks && asked > USUAL_RATE && tx->stream->wanted_rate < asked &&
	       tx->cong.cwnd < asked * tx->mss;
}
