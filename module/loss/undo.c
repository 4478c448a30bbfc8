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
 * Context of all public functions: softirq or process. Lock: socket, held.
 */
#include "loss/undo.h"

#include <net/sock.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/seq.h"
#include "base/wire.h"
#include "cong/reduction.h"
#include "ecn/ecn.h"
#include "loss/sample.h"
#include "loss/scoreboard.h"
#include "sendq/sendq.h"
#include "sight/mib.h"

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
 * @sk: the sock; reduction.c has saved the windows from before the recovery
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
 * xtcp_undo_forget() - give up the chance to undo a reduction
 * @sk: the sock
 */
void xtcp_undo_forget(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sender(sk)->stream->undo.armed = false;
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
 * xtcp_undo_originals_came() - does the timestamp echo of this ACK show that originals have
 * arrived, and not only retransmissions?
 * @sk: the sock
 * @sample: the ACK
 *
 * RFC 3522 section 3.2 step 4.
 *
 * Return: true when the ACK shows this; false otherwise, also when the ACK has no timestamp echo.
 */
bool xtcp_undo_originals_came(const struct sock *sk, const struct xtcp_sample *sample)
{
	const struct xtcp_undo *undo = &xtcp_sender(sk)->stream->undo;

	sock_owned_by_me(sk);
	/*
	 * a TSecr that is older than first_ts by more than the largest RTO does not belong to this
	 * recovery
	 */
	return undo->armed && undo->any_resent && sample->tsecr && xtcp_seq_lt(sample->tsecr, undo->first_ts) &&
	       undo->first_ts - sample->tsecr <= XTCP_RTO_MAX_MS;
}

/**
 * xtcp_undo_all_came_twice() - has every resent octet arrived twice?
 * @sk: the sock
 *
 * Return: true when all resent octets have arrived twice.
 */
bool xtcp_undo_all_came_twice(const struct sock *sk)
{
	const struct xtcp_undo *undo = &xtcp_sender(sk)->stream->undo;

	sock_owned_by_me(sk);
	return undo->armed && undo->any_resent && !undo->resent;
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
