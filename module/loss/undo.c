// SPDX-License-Identifier: GPL-2.0
/*
 * Finds out whether a recovery was needless, and undoes its reduction of the window if so. Signs of
 * it are
 *
 *  - an ACK that moves SND.UNA and echoes a timestamp from before the first retransmission: the
 *    original has arrived (Eifel, RFC 3522; the response follows RFC 4015 section 3.2);
 *  - D-SACKs that report that every resent octet has arrived twice (RFC 2883 section 5, RFC 3708);
 *  - F-RTO (RFC 5682), which also decides what is sent, and so is in recovery.c.
 *
 * Changes the phase of congestion control, and reduces the window if a local queue is full.
 */
#include "loss/loss.h"

#include <net/tcp_states.h>

#include "base/sock.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "sight/sight.h"

/* Tells the tracepoint and the black box. @reason: enum xtcp_trace_congestion_reason. */
void xtcp_phase_tell(struct sock *sk, int reason)
{
	sock_owned_by_me(sk);
	xtcp_event_congestion(sk, xtcp_pipe_octets(sk), reason);
}

/* Changes the phase. @reason: enum xtcp_trace_congestion_reason. Socket lock held. */
void xtcp_phase_set(struct sock *sk, enum xtcp_cong_phase phase, int reason)
{
	if (phase != XTCP_CONG_LOSS)
		xtcp_timeouts_over(&xtcp_sk(sk)->timeouts);
	WRITE_ONCE(xtcp_sk(sk)->cong.phase, phase);
	xtcp_phase_tell(sk, reason);
}

/* RecoverFS (RFC 9937 section 6.1): octets in flight before the ACK @sample. Socket lock held. */
u32 xtcp_phase_in_flight(const struct xtcp_sender *tx, const struct xtcp_sample *sample)
{
	const struct xtcp_stream *stream = tx->stream;
	u32 out = tx->snd.nxt - tx->snd.una + sample->acked;
	u32 sacked_before = stream->scoreboard.sacked - min(stream->scoreboard.sacked, sample->sacked);

	return out > sacked_before ? out - sacked_before : 0;
}

/* Begins a reduction of the window. @marked: a congestion mark is the cause. Socket lock held. */
void xtcp_phase_reduce(struct sock *sk, u32 recover_fs, bool marked)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	stream->recover = xsk->snd.nxt;
	stream->tlp.pending = false;
	xtcp_reduction_begin(sk, recover_fs, marked);
	xtcp_ecn_reduced(sk);
}

/**
 * xtcp_phase_congested_here() - reduce the window because of a full queue on this machine
 * @sk: the sock, in any state
 *
 * A queue here, such as a qdisc, has dropped a segment of this connection or of another one:
 * congestion on the first hop, without a report of the peer. So a reduction begins at once, at most
 * one per round trip, as with a mark (RFC 3168 section 6.1.2). As in Linux it is final. During the
 * handshake nothing is reduced.
 *
 * No ACK triggers it, so perhaps little is in flight. For each octet delivered, PRR sends ssthresh
 * / RecoverFS octets: too many if RecoverFS is small. So it is at least the window here, as in
 * Linux.
 */
void xtcp_phase_congested_here(struct sock *sk)
{
	const struct xtcp_sample none = { };
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(xsk->stream))
		return;
	if (xsk->cong.phase < XTCP_CONG_CWR) {
		xsk->stream->undo.armed = false;
		xtcp_phase_reduce(sk, max(xtcp_phase_in_flight(xtcp_sender(sk), &none), xsk->cong.cwnd), false);
		xtcp_phase_set(sk, XTCP_CONG_CWR, XTCP_TRACE_QUEUE);
	}
	xtcp_reduction_forbid_undo(sk);
}

/*
 * A tail loss probe that repeats text is on its way, and a recovery begins. The probe counts as
 * resent: otherwise a D-SACK for it would count for a later retransmission. Its TSval is the first
 * of a copy: an ACK that echoes it says that the probe has arrived, and the original may be lost.
 */
static void probe_is_a_copy(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_undo *undo = &tx->stream->undo;
	const struct sk_buff *probe;

	undo->resent += tx->mss;
	probe = xtcp_sndq_find(sk, tx->stream->tlp.end_seq - 1);
	if (!probe || undo->has_ts)
		return;
	undo->first_ts = xtcp_clock_ts_of(xtcp_sndcb(probe)->sent_us) + tx->snd.ts_offset;
	undo->has_ts = true;
}

/* Starts to watch a recovery (RFC 3522 section 3.2 step 1). cong.c has saved the windows. */
void xtcp_undo_begin(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_undo *undo = &stream->undo;

	sock_owned_by_me(sk);
	undo->armed = true;
	undo->marker = tx->snd.una;
	/*
	 * retransmissions of the previous recovery that are still in flight also count for this
	 * recovery
	 */
	undo->resent = stream->scoreboard.resent;
	undo->any_resent = undo->resent;
	/*
	 * if a retransmission was lost in LOSS, first_ts stays that of the first copy after the
	 * timeout: a copy that is only late must not count as an original
	 */
	undo->has_ts = undo->any_resent || (undo->has_ts && tx->cong.phase == XTCP_CONG_LOSS);
	if (stream->tlp.pending && stream->tlp.is_resent)
		probe_is_a_copy(sk);
}

/**
 * xtcp_undo_resent() - count octets that were resent (RFC 3522 section 3.2 step 2)
 * @sk: the sock
 * @octets: the number of octets
 * @sent_us: when this retransmission leaves, microseconds; its TSval is computed from this time
 */
void xtcp_undo_resent(struct sock *sk, u32 octets, u64 sent_us)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_undo *undo = &tx->stream->undo;

	sock_owned_by_me(sk);
	/* a SYN may have been sent before tx->stream is allocated */
	if (!xtcp_stream_is_there(tx->stream))
		return;
	if (!undo->has_ts)
		undo->first_ts = xtcp_clock_ts_of(sent_us) + tx->snd.ts_offset;
	undo->has_ts = true;
	undo->any_resent = true;
	undo->resent += octets;
}

/*
 * Count octets that a D-SACK reports. @start: the first of these octets; the caller has checked
 * that all of them were sent. @end: the octet after the last of these octets.
 */
void xtcp_undo_dsack(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_undo *undo = &xtcp_sender(sk)->stream->undo;

	sock_owned_by_me(sk);
	if (!undo->armed || xtcp_seq_le(end, undo->marker))
		return;
	start = xtcp_seq_max(start, undo->marker);
	undo->resent -= min(undo->resent, end - start);
}

/**
 * xtcp_undo_apply() - undo the reduction of the window (RFC 4015 section 3.2)
 * @sk: the sock, with a reduction to undo
 * @counter: LINUX_MIB_TCP*UNDO, for the way in which the needless recovery was detected
 * Return: true: the window is as before; false: xtcp_reduction_forbid_undo() has made it final.
 */
bool xtcp_undo_apply(struct sock *sk, int counter)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	bool undone;

	sock_owned_by_me(sk);
	undone = xtcp_reduction_undo(sk);
	if (undone)
		xtcp_ecn_undone(sk);
	stream->undo.armed = false;
	/*
	 * let RACK look for losses again. Outside recovery it may wait longer for late segments,
	 * and then has to start its timer
	 */
	stream->rack.advanced = true;
	XTCP_NET_INC_STATS(xtcp_net_of(sk), counter);
	return undone;
}
