// SPDX-License-Identifier: GPL-2.0
/*
 * The retransmission timer has expired: what is in flight counts as lost, the window falls, and the
 * first segment is sent again. The ACKs that follow show whether the timeout was spurious:
 * in_loss() in recovery.c.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "recovery/timeout.h"

#include <net/sock.h>
#include <net/tcp.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "cong/pipe.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "loss/loss.h"
#include "recovery/repair.h"
#include "sendq/sendq.h"
#include "sight/mib.h"
#include "sight/trace.h"

/*
 * After a timeout, mark everything in flight as lost, except sacked segments. With SACK, also leave
 * out segments that were sent very recently, but never the first segment (RFC 8985 section 6.3). If
 * the peer has dropped data that it had sacked, mark everything. Return: true when the peer has
 * dropped such data.
 */
static bool all_is_lost(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct sk_buff *first = xtcp_sndq_first(sk), *skb;
	bool reneged = xtcp_scoreboard_reneged(sk);
	u64 now_us = xtcp_clock_us();

	if (reneged) {
		XTCP_NET_INC_STATS(tx->xn, LINUX_MIB_TCPSACKRENEGING);
		xtcp_scoreboard_forget_sacked(sk);
	} else if (!tx->agreed.sack_ok) {
		xtcp_scoreboard_forget_duplicates(sk);
	}
	for (skb = first; skb; skb = xtcp_sndq_next(sk, skb)) {
		if (xtcp_sndcb(skb)->marks & XTCP_SNDQ_SACKED)
			continue;
		if (!reneged && tx->agreed.sack_ok && skb != first && xtcp_rack_is_recent(sk, skb, now_us))
			continue;
		xtcp_scoreboard_lost(sk, skb);
	}
	return reneged;
}

static void count_failure(const struct xtcp_sender *tx)
{
	int counter;

	switch (tx->cong.phase) {
	case XTCP_CONG_RECOVERY:
		counter = tx->agreed.sack_ok ? LINUX_MIB_TCPSACKRECOVERYFAIL : LINUX_MIB_TCPRENORECOVERYFAIL;
		break;
	case XTCP_CONG_LOSS:
		counter = LINUX_MIB_TCPLOSSFAILURES;
		break;
	case XTCP_CONG_DISORDER:
		counter = tx->agreed.sack_ok ? LINUX_MIB_TCPSACKFAILURES : LINUX_MIB_TCPRENOFAILURES;
		break;
	default:
		return;
	}
	XTCP_NET_INC_STATS(tx->xn, counter);
}

/**
 * xtcp_timeout_passed() - the retransmission timer has expired: mark what is lost and resend (RFC
 * 6298 (5.4))
 * @sk: has data in flight; tx->tries.retransmits counts the timeouts before this one
 *
 * If the timer expires several times for the same data in flight, ssthresh falls only the first
 * time (RFC 5681 section 3.1). F-RTO does not begin in the middle of fast recovery: the
 * retransmissions of fast recovery would mislead F-RTO (RFC 5682 section 3.1 step 1).
 *
 * Return: true when a local queue refused the retransmission.
 */
bool xtcp_timeout_passed(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_scoreboard *sb = &stream->scoreboard;
	bool new_repair = tx->cong.phase < XTCP_CONG_RECOVERY, reneged;

	sock_owned_by_me(sk);
	if (!tx->tries.retransmits)
		count_failure(tx);
	reneged = all_is_lost(sk);
	if (tx->cong.phase <= XTCP_CONG_DISORDER || xtcp_seq_ge(tx->snd.una, stream->recover) ||
	    (tx->cong.phase == XTCP_CONG_LOSS && !tx->tries.retransmits)) {
		xtcp_reduction_timeout(sk);
		xtcp_undo_begin(sk);
	} else if (tx->cong.phase == XTCP_CONG_CWR) {
		xtcp_reduction_further(sk, 0);
	}
	/*
	 * many segments were sacked, and yet none counted as lost: lower the estimate of
	 * reordering, which was too high
	 */
	if (tx->cong.phase <= XTCP_CONG_DISORDER && sb->sacked_segments >= XTCP_DUPACK_THRESHOLD)
		sb->reordering = min_t(u32, sb->reordering, XTCP_DUPACK_THRESHOLD);
	xtcp_reduction_restart(sk, xtcp_pipe_octets(sk));
	stream->recover = tx->snd.nxt;
	stream->tlp.pending = false;
	xtcp_ecn_reduced(sk);
	xtcp_ecn_timeout(sk);
	stream->frto = READ_ONCE(tx->xn->sysctl.frto) && (new_repair || tx->tries.retransmits);
	xtcp_phase_set(sk, XTCP_CONG_LOSS, reneged ? XTCP_TRACE_RENEGED : XTCP_TRACE_TIMEOUT);
	return xtcp_repair_lost(sk, true) > 0;
}
