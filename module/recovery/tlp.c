// SPDX-License-Identifier: GPL-2.0
/*
 * Tail loss probe (RFC 8985 section 7). When the last segments of a burst are lost, no SACK reports
 * this loss, and only a timeout would detect it. So after two round trips without an ACK, one
 * segment is sent as a probe: new text, or else the last segment again. The ACK of the probe shows
 * RACK which segments are missing. If only the last segment was lost, the repeated copy repairs the
 * loss. The window is still reduced, because a loss is a sign of congestion.
 *
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "recovery/tlp.h"

#include <net/sock.h>

#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "loss/loss.h"
#include "recovery/recovery.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/mib.h"
#include "sight/trace.h"

/**
 * xtcp_tlp_probe() - send a tail loss probe, unless another probe is on its way
 * @sk: the sock
 *
 * During a recovery, no probe is sent. RFC 8985 section 7.3.
 */
void xtcp_tlp_probe(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_tlp *tlp = &tx->stream->tlp;
	struct sk_buff *last;
	int err;

	sock_owned_by_me(sk);
	if (tlp->pending || tx->cong.phase >= XTCP_CONG_RECOVERY)
		return;
	tlp->is_resent = false;
	err = xtcp_output_new_segment(sk);
	/* after an error other than -EAGAIN, a retransmission would probably fail, too */
	if (err && err != -EAGAIN)
		return;
	if (err) {
		last = xtcp_sndq_last(sk);
		if (!last || xtcp_sndcb(last)->marks & XTCP_SNDQ_SACKED || xtcp_retransmit_tail(sk, last))
			return;
		tlp->is_resent = true;
	}
	tlp->pending = true;
	tlp->wants_sample = true;
	tlp->end_seq = tx->snd.nxt;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSSPROBES);
	xtcp_phase_tell(sk, XTCP_TRACE_PROBE);
}

/**
 * xtcp_tlp_ack() - process an ACK while a probe is on its way
 * @sk: has a probe on its way; SND.UNA has moved already
 * @sample: the ACK
 *
 * RFC 8985 section 7.4. If the probe was a retransmission, an ACK may show that both copies of the
 * segment arrived. Then nothing was lost. If SND.UNA moves beyond the segment without such an ACK,
 * the original was lost, and the window is reduced.
 *
 * When it is known what has become of the probe, this function clears tlp.pending. Afterwards
 * recovery.c calls xtcp_flight_ack_judged(), which starts the next probe timeout if a probe is
 * allowed now.
 */
void xtcp_tlp_ack(struct sock *sk, const struct xtcp_sample *sample)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_tlp *tlp = &tx->stream->tlp;
	bool is_twice;

	sock_owned_by_me(sk);
	if (xtcp_seq_lt(tx->snd.una, tlp->end_seq))
		return;
	/*
	 * without a D-SACK, dsack.start and dsack.end are both 0. A test of dsack.end alone is not
	 * enough: a probe may end at sequence number 0
	 */
	is_twice = sample->dsack.start != sample->dsack.end && sample->dsack.end == tlp->end_seq;
	if (!tlp->is_resent || is_twice) {
		/* the probe was new text, or a D-SACK shows that both copies arrived */
		tlp->pending = false;
	} else if (xtcp_seq_gt(tx->snd.una, tlp->end_seq)) {
		tlp->pending = false;
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPLOSSPROBERECOVERY);
		xtcp_recovery_probe_was_needed(sk, sample);
	} else if (!sample->acked && !sample->news && !sample->sacked) {
		/* the second copy has caused this duplicate ACK, so both copies have arrived */
		tlp->pending = false;
	}
}
