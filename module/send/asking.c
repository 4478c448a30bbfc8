// SPDX-License-Identifier: GPL-2.0
/*
 * Decides which ACK rate the peer is asked for: one ACK for how many full segments
 * (draft-ietf-tcpm-ack-rate-request-10). The program has set a rate by XTCP_ACK_RATE, and both SYNs
 * have the option.
 *
 * A request is sent when the rate changes, with the next text that has room. The text carries the
 * request again each time it is resent (segment.c). So a request arrives as reliably as text.
 *
 * The rate is not always the program's:
 *
 *  - In slow start, cwnd grows by what each ACK reports, so the peer is asked for the usual rate,
 *    two. With an algorithm that never sets ssthresh, such as BBR, the peer is always asked for the
 *    usual rate, because we do not learn when slow start ends.
 *  - At least four ACKs come for each window, so that losses are found and the window slides. If a
 *    quarter of the window is less than the program's rate, we ask for the largest power of two
 *    that is not above this quarter: a power of two does not change with each step of the window.
 *  - With fewer than four segments in the window, we ask for an ACK of each segment: if the peer
 *    delayed an ACK then, nothing might be in flight until the peer's delayed-ACK timer fires. When
 *    the window has eight segments again, we ask for the usual rate.
 */
#include "send/asking.h"

#include <linux/log2.h>
#include <linux/minmax.h>
#include <net/sock.h>

#include "base/seldom.h"
#include "base/sender.h"

#define USUAL_RATE	2U	/* full segments for each ACK (RFC 9293 section 3.8.6.3, SHLD-19) */
#define ACKS_PER_WINDOW	4U

/*
 * Returns the rate at which the peer should send ACKs now. @program: XTCP_ACK_RATE. Return: full
 * segments for each ACK; 0: the usual rate, for which the peer need not be asked.
 */
static u32 right_rate(const struct xtcp_sender *tx, u32 program)
{
	const u32 segments = min(tx->cong.cwnd, tx->snd.wnd) / tx->mss;
	const u32 usual = tx->stream->asked_rate ? USUAL_RATE : 0;

	if (!program)
		return usual;
	if (segments < ACKS_PER_WINDOW || (segments < USUAL_RATE * ACKS_PER_WINDOW && tx->stream->asked_rate == 1))
		return 1;
	if (program <= USUAL_RATE)
		return program;
	if (tx->cong.cwnd < tx->cong.ssthresh || segments < 2 * USUAL_RATE * ACKS_PER_WINDOW)
		return usual;
	if (segments / ACKS_PER_WINDOW < program)
		return rounddown_pow_of_two(segments / ACKS_PER_WINDOW);
	return program;
}

/**
 * xtcp_asking_look() - decide whether the next text carries a request for another ACK rate
 * @sk: in a state that sends text, with text; both SYNs have the ACK Rate Request option
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_asking_look(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	u32 rate = right_rate(tx, xtcp_seldom_ack_rate(sk));

	sock_owned_by_me(sk);
	if (likely(!rate || rate == tx->stream->asked_rate))
		return;
	tx->stream->asked_rate = rate;
	tx->stream->sack.asks = true;
}
