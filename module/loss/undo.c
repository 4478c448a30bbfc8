// SPDX-License-Identifier: GPL-2.0
/*
 * Finds out whether a recovery was needless, and undoes its reduction of the window if so. There
 * are two signs of a needless recovery:
 *
 *  - An ACK moves SND.UNA and echoes a timestamp from before the first retransmission. This shows
 *    that the original has arrived (Eifel, RFC 3522; the response follows RFC 4015 section 3.2).
 *  - D-SACKs report that every resent octet has arrived twice (RFC 2883 section 5; the idea comes
 *    from RFC 3708).
 *
 * F-RTO (RFC 5682) also detects a needless recovery. Since F-RTO also decides what is sent, it is
 * in recovery.c.
 *
 * Changes the phase of congestion control, and reduces the window if a local queue is full.
 */
#include "loss/loss.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/sock.h"
#include "base/stream.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "sendq/sendq.h"
#include "sight/sight.h"

/**
 * xtcp_phase_tell() - report a change of congestion control to the tracepoint and to blackbox.c,
 * which keeps the last events of a connection
 * @sk: the sock
 * @reason: the cause, enum xtcp_trace_congestion_reason
 */
void xtcp_phase_tell(struct sock *sk, int reason)
{
	u32 pipe = xtcp_pipe_octets(sk);

	sock_owned_by_me(sk);
	trace_xtcp_congestion(sk, pipe, reason);
	xtcp_blackbox_congestion(sk, pipe, reason);
}

/**
 * xtcp_phase_set() - change the phase
 * @sk: a sock whose xsk->stream is allocated
 * @phase: the new phase
 * @reason: why it changes, enum xtcp_trace_congestion_reason
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_phase_set(struct sock *sk, enum xtcp_cong_phase phase, int reason)
{
	if (phase != XTCP_CONG_LOSS)
		xtcp_timeouts_over(&xtcp_sk(sk)->timeouts);
	WRITE_ONCE(xtcp_sk(sk)->cong.phase, phase);
	xtcp_phase_tell(sk, reason);
}

/**
 * xtcp_phase_in_flight() - compute RecoverFS (RFC 9937 section 6.1): octets in flight before an ACK
 * @tx: of a sock whose stream is allocated
 * @sample: the ACK
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: octets.
 */
u32 xtcp_phase_in_flight(const struct xtcp_sender *tx, const struct xtcp_sample *sample)
{
	const struct xtcp_stream *stream = tx->stream;
	u32 out = tx->snd.nxt - tx->snd.una + sample->acked;
	u32 sacked_before = stream->scoreboard.sacked - min(stream->scoreboard.sacked, sample->sacked);

	return out > sacked_before ? out - sacked_before : 0;
}

/**
 * xtcp_phase_reduce() - begin a reduction of the window
 * @sk: a sock whose xsk->stream is allocated
 * @recover_fs: PRR's RecoverFS, octets; see xtcp_phase_in_flight()
 * @marked: true if a congestion mark (ECN) is the cause
 *
 * Context: softirq or process. Lock: socket, held.
 */
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
 * A queue of this machine, such as a qdisc, has dropped a segment of this connection or of another
 * connection. This is congestion on the first hop, which we notice without a report of the peer. So
 * a reduction begins at once. There is at most one reduction per round trip, as with a congestion
 * mark (RFC 3168 section 6.1.2). As in Linux, xtcp_undo_apply() does not undo this reduction.
 * During the handshake nothing is reduced.
 *
 * No ACK triggers this reduction, so perhaps only a few octets are in flight. For each octet
 * delivered, PRR sends ssthresh / RecoverFS octets: too many if RecoverFS is small. So RecoverFS is
 * at least the window here, as in Linux.
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
 * resent, since otherwise a D-SACK for the probe would count for a later retransmission. Its TSval
 * is the first of a copy: an ACK that echoes it says that the probe has arrived, and the original
 * may be lost.
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

/**
 * xtcp_undo_begin() - start to watch a recovery
 * @sk: the sock; cong.c has saved the windows from before the recovery
 *
 * RFC 3522 section 3.2 step 1.
 */
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
 * xtcp_undo_resent() - count octets that were resent
 * @sk: the sock
 * @octets: the number of octets
 * @sent_us: when this retransmission leaves, microseconds; its TSval is computed from this time
 *
 * RFC 3522 section 3.2 step 2.
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

/**
 * xtcp_undo_dsack() - count octets that a D-SACK reports
 * @sk: the sock
 * @start: the first of these octets; the caller has checked that all of them were sent
 * @end: the octet after the last of these octets
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
 * xtcp_undo_apply() - undo the reduction of the window
 * @sk: the sock, with a reduction to undo. After xtcp_reduction_forbid_undo(), nothing is undone
 * @counter: LINUX_MIB_TCP*UNDO, for the way in which the needless recovery was detected
 *
 * RFC 4015 section 3.2.
 *
 * Return: true: the window is as before; false: the reduction is final.
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
