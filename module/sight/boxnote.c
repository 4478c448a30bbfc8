// SPDX-License-Identifier: GPL-2.0
/*
 * Writes events into a black box. Of the module's files, it calls only trace.c. So every file but
 * trace.c may call it, without a circular dependency.
 */
#include "sight/sight.h"

#include <linux/minmax.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/inet_ecn.h>
#include <net/sock.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/seg.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"

/* Only blackbox.c writes the table of slots, and only blackbox.c the static key. */
struct xtcp_blackbox **xtcp_boxnote_table[XTCP_BLACKBOX_TABLE];
DEFINE_STATIC_KEY_FALSE(xtcp_boxnote_key);

/**
 * xtcp_boxnote_slot() - give the sock a box
 * @sk: has no box
 * @slot: the slot of the box, below XTCP_BLACKBOX_SLOTS; its low octet is not 0
 *
 * The sock stores the slot in two octets, box_high and box, which fill holes in two of the sock's
 * structs. The octet "box" is 0 only if the sock has no black box.
 */
void xtcp_boxnote_slot(struct sock *sk, unsigned int slot)
{
	sock_owned_by_me(sk);
	xtcp_endpoint(sk)->box = slot % XTCP_BLACKBOX_BLOCK;
	xtcp_sk(sk)->box_high = slot / XTCP_BLACKBOX_BLOCK;
}

/**
 * xtcp_boxnote_box() - find the box of a sock that has one
 * @sk: a sock with a black box
 *
 * Return: the box.
 */
struct xtcp_blackbox *xtcp_boxnote_box(const struct sock *sk)
{
	sock_owned_by_me(sk);
	/* no test for NULL: if a slot is in use, its block exists. This code runs for each event */
	return xtcp_boxnote_table[xtcp_sk(sk)->box_high][xtcp_endpoint(sk)->box];
}

/**
 * xtcp_boxnote_agreement() - note what both ends have agreed on by their SYNs
 * @box: the box of @sk
 * @sk: the sock
 */
void xtcp_boxnote_agreement(struct xtcp_blackbox *box, const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	box->iss = xsk->snd.iss;
	box->irs = xsk->rcv.irs;
	box->mss = xsk->mss;
	box->rcv_wscale = xsk->rcv_wscale;
	box->snd_wscale = xsk->agreed.snd_wscale;
}

/* Begin an event. The caller sets its time. */
static struct xtcp_blackbox_event *begin_timeless(struct xtcp_blackbox *box, const struct sock *sk,
						  enum xtcp_blackbox_kind kind)
{
	struct xtcp_blackbox_event *event = &box->event[box->count % XTCP_BLACKBOX_EVENTS];

	sock_owned_by_me(sk);
	WRITE_ONCE(box->begun, box->count + 1);
	/* pairs with smp_rmb() in xtcp_blackbox_copy() */
	smp_wmb();
	event->kind = kind;
	event->state = sk->sk_state;
	return event;
}

static struct xtcp_blackbox_event *begin_event(struct xtcp_blackbox *box, const struct sock *sk,
					       enum xtcp_blackbox_kind kind, u64 us)
{
	struct xtcp_blackbox_event *event = begin_timeless(box, sk, kind);

	event->us = us;
	return event;
}

static void finish_event(struct xtcp_blackbox *box)
{
	/* pairs with smp_load_acquire() in xtcp_blackbox_copy() */
	smp_store_release(&box->count, box->begun);
}

static void note_windows(struct xtcp_blackbox_event *event, const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	event->cwnd = xsk->cong.cwnd;
	event->srtt_us = xsk->rto.srtt_us;
	event->una = xsk->snd.una;
}

/* Write an event with SACK blocks. @block: the first of @n blocks as on the wire. */
static void note_sacks(struct xtcp_blackbox *box, const struct sock *sk, u64 us, const u8 *block, unsigned int n)
{
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_SACKS, us);
	unsigned int i;

	event->segs = min(n, XTCP_BLACKBOX_BLOCKS);
	for (i = 0; i < event->segs * 2; i++)
		event->word[i] = get_unaligned_be32(block + i * 4);
	finish_event(box);
}

/**
 * xtcp_boxnote_in() - write an event: a segment arrives
 * @sk: a sock with a black box
 * @skb: the segment; begins with its TCP header
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_in(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	u64 us = xtcp_sk(sk)->arrived_us;
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_IN, us);

	event->flags = xtcp_trace_flags_of((const struct tcphdr *)skb->data) | seg->ecn << XTCP_BLACKBOX_ECN |
		(seg->has_ts ? XTCP_BLACKBOX_TS : 0);
	event->wnd = seg->wnd;
	event->segs = skb_shinfo(skb)->gso_segs;
	event->seq = seg->seq;
	event->ack = seg->ack;
	event->len = seg->len;
	event->tsval = seg->tsval;
	event->tsecr = seg->tsecr;
	note_windows(event, sk);
	finish_event(box);
	if (unlikely(seg->sack_blocks))
		note_sacks(box, sk, us, skb->data + seg->sack_at, seg->sack_blocks);
}

/**
 * xtcp_boxnote_out() - write an event: a segment leaves
 * @sk: a sock with a black box
 * @th: the TCP header of the segment, with its options
 * @us: when the segment leaves, xtcp_clock_us()
 * @len: octets of data
 * @segments: number of segments, more than 1 for a GSO packet
 * @resent: the text was sent before
 * @ecn: the ECN field of the IP header
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_out(struct sock *sk, const struct tcphdr *th, u64 us, u32 len, u32 segments, bool resent, u8 ecn)
{
	const u8 *options = (const u8 *)(th + 1), *sacks = NULL;
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_OUT, us);
	u16 flags;

	flags = xtcp_trace_flags_of(th) | ecn << XTCP_BLACKBOX_ECN |
		(resent ? XTCP_BLACKBOX_RESENT : 0);
	event->wnd = ntohs(th->window);
	event->segs = segments;
	event->seq = ntohl(th->seq);
	event->ack = ntohl(th->ack_seq);
	event->len = len;
	/* the options of nearly all segments are two NOPs and the timestamps */
	if (th->doff == 8 && get_unaligned_be32(options) == XTCP_OPTIONS_TIMESTAMP_WORD) {
		event->tsval = get_unaligned_be32(options + 4);
		event->tsecr = get_unaligned_be32(options + 8);
		flags |= XTCP_BLACKBOX_TS;
	} else {
		if (xtcp_trace_timestamps(th, &event->tsval, &event->tsecr))
			flags |= XTCP_BLACKBOX_TS;
		sacks = xtcp_trace_option(th, XTCP_OPT_SACK);
	}
	event->flags = flags;
	note_windows(event, sk);
	finish_event(box);
	if (unlikely(sacks))
		note_sacks(box, sk, us, sacks + XTCP_OPTLEN_SACK_BASE,
			   (sacks[1] - XTCP_OPTLEN_SACK_BASE) / XTCP_OPTLEN_SACK_BLOCK);
}

/**
 * xtcp_boxnote_syn() - write an event: a SYN or SYN-ACK for which there was no sock yet
 * @box: the box of @sk
 * @sk: the sock
 * @us: when the segment came or left, xtcp_clock_us()
 * @in: true: the segment is the SYN; false: it is the SYN-ACK
 * @wnd: the window field of the segment; 0: not known
 *
 * Context: softirq. Lock: socket, held.
 */
void xtcp_boxnote_syn(struct xtcp_blackbox *box, const struct sock *sk, u64 us, bool in, u16 wnd)
{
	struct xtcp_blackbox_event *event = begin_event(box, sk, in ? XTCP_BLACKBOX_IN : XTCP_BLACKBOX_OUT, us);
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	event->state = in ? TCP_LISTEN : TCP_SYN_RECV;
	event->flags = XTCP_BLACKBOX_REBUILT | (in ? XTCP_SYN : XTCP_SYN | XTCP_ACK);
	event->wnd = wnd;
	event->segs = 1;
	event->seq = in ? xsk->rcv.irs : xsk->snd.iss;
	event->ack = in ? 0 : xsk->rcv.irs + 1;
	event->len = 0;
	event->tsval = 0;
	event->tsecr = 0;
	note_windows(event, sk);
	finish_event(box);
}

/**
 * xtcp_boxnote_state() - write an event: the state is about to change
 * @sk: a sock with a black box
 * @state: the new state
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_state(struct sock *sk, int state)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_STATE, xtcp_clock_us());

	event->word[0] = state;
	finish_event(box);
	if (state != TCP_CLOSE)
		xtcp_boxnote_agreement(box, sk);
}

/**
 * xtcp_boxnote_timer() - write an event: a deadline has passed
 * @sk: a sock with a black box
 * @which: enum xtcp_timer
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_timer(struct sock *sk, int which)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_TIMER, xtcp_clock_us());

	event->word[0] = which;
	event->word[1] = xsk->rto.rto_ms;
	event->word[2] = xsk->rto.backoff;
	event->word[3] = xsk->tries.retransmits;
	event->word[4] = xtcp_tries_probes_out(&xsk->tries);
	finish_event(box);
}

/**
 * xtcp_boxnote_congestion() - write an event: the state of congestion control has changed
 * @sk: a sock with a black box
 * @pipe: octets in flight
 * @reason: enum xtcp_trace_congestion_reason
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_congestion(struct sock *sk, u32 pipe, int reason)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_CONGESTION, xtcp_clock_us());

	event->segs = reason;
	event->word[0] = xsk->cong.phase;
	event->word[1] = xsk->cong.cwnd;
	event->word[2] = xsk->cong.ssthresh;
	event->word[3] = pipe;
	event->word[4] = xsk->rto.srtt_us;
	event->word[5] = xsk->rto.min_rtt_us;
	event->word[6] = xsk->snd.una;
	event->word[7] = xsk->snd.nxt;
	finish_event(box);
}

/**
 * xtcp_boxnote_abort() - write an event: the connection is about to be aborted
 * @sk: a sock with a black box
 * @err: the error for the program
 * @reason: enum xtcp_abort_reason
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_abort(struct sock *sk, int err, int reason)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_ABORT, xtcp_clock_us());

	event->word[0] = err;
	event->word[1] = reason;
	finish_event(box);
}

/**
 * xtcp_boxnote_refused() - write an event: the segment that arrived last is dropped
 * @sk: a sock with a black box
 * @verdict: enum xtcp_verdict
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_boxnote_refused(struct sock *sk, int verdict)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_REFUSED, xtcp_sk(sk)->arrived_us);

	event->word[0] = verdict;
	finish_event(box);
}

/* Is the last event the same call with the same error, in the same state? */
static bool is_in_vain_again(struct xtcp_blackbox_event *event, const struct sock *sk, enum xtcp_blackbox_call call,
			     int got)
{
	return event->kind == XTCP_BLACKBOX_CALL && event->word[0] == call && event->word[2] == (u32)got &&
		event->state == sk->sk_state;
}

/**
 * xtcp_boxnote_call() - write an event: the program has made a system call
 * @sk: a sock with a black box
 * @call: which call
 * @wanted: how many octets the program wants, or how to shut down
 * @got: what the call returns
 *
 * The same call may fail a thousand times a second. So if the previous event is the same call with
 * the same error in the same state, this call is only counted in that event. Programs make many
 * calls, and reading the clock would cost as much as the rest of this function. So the event has
 * its time in jiffies.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_boxnote_call(struct sock *sk, enum xtcp_blackbox_call call, u32 wanted, int got)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event;

	sock_owned_by_me(sk);
	if (unlikely(got < 0) && box->count) {
		event = &box->event[(box->count - 1) % XTCP_BLACKBOX_EVENTS];
		if (is_in_vain_again(event, sk, call, got)) {
			event->word[3]++;
			return;
		}
	}
	event = begin_timeless(box, sk, XTCP_BLACKBOX_CALL);
	event->word[0] = call;
	event->word[1] = wanted;
	event->word[2] = got;
	event->word[3] = 1;
	event->word[4] = (u32)jiffies;
	finish_event(box);
}
