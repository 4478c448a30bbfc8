// SPDX-License-Identifier: GPL-2.0
/* Changes the phase of congestion control, and reduces the window if a local queue is full. */
#include "loss/phase.h"

#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"
#include "cong/pipe.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "loss/sample.h"
#include "loss/undo.h"
#include "sight/blackbox.h"
#include "sight/trace.h"

/**
 * xtcp_phase_tell() - report a change of congestion control to the tracepoint and to blackbox.c,
 * which keeps the last events of a connection
 * @sk: the sock
 * @reason: the cause, enum xtcp_trace_congestion_reason
 *
 * Context: softirq or process. Lock: socket, held.
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
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_phase_congested_here(struct sock *sk)
{
	const struct xtcp_sample none = { };
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) || !xtcp_stream_is_there(xsk->stream))
		return;
	if (xsk->cong.phase < XTCP_CONG_CWR) {
		xtcp_undo_forget(sk);
		xtcp_phase_reduce(sk, max(xtcp_phase_in_flight(xtcp_sender(sk), &none), xsk->cong.cwnd), false);
		xtcp_phase_set(sk, XTCP_CONG_CWR, XTCP_TRACE_QUEUE);
	}
	xtcp_reduction_forbid_undo(sk);
}
