// SPDX-License-Identifier: GPL-2.0
/*
 * Segments for an entry, the half-open connection of a listener. The state is SYN-RECEIVED, as in
 * RFC 9293 section 3.10.7.4 for a handshake that began in LISTEN.
 */
#include "listen/halfopen.h"

#include <linux/kcsan-checks.h>
#include <linux/skbuff.h>

#include "base/acklimit.h"
#include "base/clock.h"
#include "base/cookie.h"
#include "base/net.h"
#include "base/secret.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/wire.h"
#include "ecn/ecn.h"
#include "listen/child.h"
#include "listen/cookieack.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "listen/pool.h"
#include "listen/refusal.h"
#include "listen/request.h"
#include "out/out.h"
#include "recv/recv.h"
#include "sight/mib.h"
#include "sight/trace.h"

/*
 * After this number of timeouts of a SYN-ACK, echo_is_old() does not use sent_us. 32 timeouts take
 * 52 minutes; sent_us has 32 bits, and wraps after 71 minutes.
 */
#define OLD_LEVEL	32

/*
 * PAWS (RFC 7323 section 5.3, R1): is the segment's TSval older than TS.Recent? As in Linux, a RST
 * passes this test if the timeout of the SYN-ACK has reached a minute: the peer may have restarted
 * since TS.Recent was set, and may now have smaller timestamps.
 */
static bool entry_fails_paws(const struct xtcp_request *he, const struct xtcp_seg *seg)
{
	u32 ts_recent = READ_ONCE(he->ts_recent);

	if (!he->ts_ok || !seg->has_ts || !ts_recent || xtcp_seq_le(ts_recent, seg->tsval))
		return false;
	return !(seg->flags & XTCP_RST) || xtcp_entry_timeout(READ_ONCE(he->level)) < XTCP_PAWS_STAMP_S * HZ;
}

/*
 * Is TSecr older than every TSval that this entry has sent (RFC 7323 section 3.2)? Then the segment
 * answers the SYN-ACK of an old connection. The old connection may have had the same ISN, so the
 * acknowledgment number alone does not tell. While cookies are accepted, TSecr is not checked: the
 * segment may answer an earlier SYN-ACK, for which we kept no entry. As in Linux, a TSecr of 0 is
 * not checked.
 */
static bool echo_is_old(const struct xtcp_listener *listener, const struct xtcp_request *he, u32 ts_offset,
			const struct xtcp_seg *seg)
{
	u64 now_us = xtcp_clock_us();
	u32 age_ms;

	if (!he->ts_ok || !seg->has_ts || !seg->tsecr || !he->sent_us || xtcp_cookieack_believed(listener))
		return false;
	/* sent_us may have wrapped */
	if (READ_ONCE(he->level) >= OLD_LEVEL)
		return false;
	age_ms = ((u32)now_us - he->sent_us) / USEC_PER_MSEC + 1;
	return xtcp_clock_ts_of(now_us) + ts_offset - seg->tsecr > age_ms + XTCP_COOKIE_TS_MASK + 1;
}

/*
 * Is a segment in the receive window (RFC 9293 section 3.10.7.4, table 6)? The receive window of an
 * entry is the window in its SYN-ACK. The peer's SYN lies before it. So if the SYN comes again, it
 * does not end the entry as a SYN in the window does, even if text in the window follows it.
 */
static bool entry_accepts(const struct xtcp_request *he, const struct xtcp_seg *seg)
{
	u32 left = he->irs + 1, right = left + he->rcv_wnd;

	if (seg->flags & XTCP_SYN && seg->seq == he->irs)
		return false;
	if (seg->seq == left)
		return true;
	if (xtcp_seq_gt(seg->end_seq, left) && xtcp_seq_lt(seg->seq, right))
		return true;
	/*
	 * a peer that has filled the window sends its ACK from the right edge, so an empty segment
	 * is accepted there. But a RST there is outside the window (RFC 5961 section 3.2)
	 */
	return seg->seq == right && seg->seq == seg->end_seq && !(seg->flags & XTCP_RST);
}

/*
 * Below, a function of type int returns 0 or -EAGAIN. -EAGAIN: another CPU has just ended the
 * entry, or has moved the entry to another listener (heir.c); the function has changed nothing.
 */

/* Answers a retransmitted SYN: sends the SYN-ACK again, and restarts the timeout of the SYN-ACK. */
static int answer_again(struct xtcp_listener *listener, struct xtcp_request *he, const struct sk_buff *skb,
			const struct xtcp_seg *seg)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	const u32 answered = READ_ONCE(he->ack_stamp);
	bool is_there, answers;

	/*
	 * test the limit without the lock, so that a flood of retransmitted SYNs does not take the
	 * lock
	 */
	if (xtcp_acklimit_refuses(xn, seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV, &he->ack_stamp))
		return 0;
	spin_lock(&listener->lock);
	is_there = xtcp_listen_has_entry(listener, he);
	answers = is_there && !listener->closed;
	if (!answers) {
		/*
		 * nothing was sent: restore the stamp, so that the entry's new listener may answer
		 * this SYN
		 */
		WRITE_ONCE(he->ack_stamp, answered);
	} else {
		xtcp_entry_restart(listener, he);
		/*
		 * note whether the retransmitted SYN no longer asks for ECN (RFC 9768 section
		 * 3.1.5). Other CPUs read the constant bits of the same octet without the lock
		 */
		kcsan_disable_current();
		he->asked_without |= he->accecn_ok && !xtcp_accecn_ace(skb);
		kcsan_enable_current();
		/*
		 * the peer may ask for another key by now, and the key for which it asked first may
		 * be gone (RFC 5925 section 3.3)
		 */
		if (unlikely(he->ao))
			xtcp_savedsyn_take_keyids(xtcp_pool_syn(he), skb);
	}
	spin_unlock(&listener->lock);
	if (answers)
		xtcp_reply_synack_again(listener->sk, he);
	return is_there ? 0 : -EAGAIN;
}

/* Ends an entry and counts it as reset: back to LISTEN (RFC 9293 section 3.5.3). */
static void reset_entry(struct xtcp_listener *listener, struct xtcp_request *he)
{
	xtcp_entry_drop(listener, he, XTCP_TRACE_RESET);
	XTCP_NET_INC_STATS(xtcp_net_of(listener->sk), LINUX_MIB_EMBRYONICRSTS);
}

static int embryonic_reset(struct xtcp_listener *listener, struct xtcp_request *he)
{
	int err = -EAGAIN;

	spin_lock(&listener->lock);
	if (xtcp_listen_has_entry(listener, he)) {
		reset_entry(listener, he);
		err = 0;
	}
	spin_unlock(&listener->lock);
	return err;
}

/* Notes that the last ACK of the handshake has arrived, but makes no child. Lock: the listener's. */
static void note_ack(struct xtcp_request *he)
{
	/* other CPUs read the constant bits of the same octet without the lock */
	kcsan_disable_current();
	he->acked = true;
	kcsan_enable_current();
}

/* TCP_DEFER_ACCEPT: notes that the entry waits for data after a bare ACK. */
static int defer(struct xtcp_listener *listener, struct xtcp_request *he)
{
	int err = -EAGAIN;

	spin_lock(&listener->lock);
	if (xtcp_listen_has_entry(listener, he)) {
		note_ack(he);
		XTCP_NET_INC_STATS(xtcp_net_of(listener->sk), LINUX_MIB_TCPDEFERACCEPTDROP);
		err = 0;
	}
	spin_unlock(&listener->lock);
	return err;
}

/* Handles a valid last ACK of a handshake for which no child could be made; @error says why. */
static int refuse_child(struct xtcp_listener *listener, struct xtcp_request *he, struct sk_buff *skb, long error)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	const bool aborts = READ_ONCE(xn->sysctl.abort_on_overflow);
	const bool overflows = error == -EAGAIN;
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	bool is_there;

	spin_lock(&listener->lock);
	is_there = xtcp_listen_has_entry(listener, he);
	/*
	 * trace the overflow before the reset. If the entry has moved to another listener, trace
	 * nothing: the other listener then processes the segment
	 */
	if (is_there && overflows)
		xtcp_refusal_trace_overflow(listener->sk, listener, &tuple);
	if (is_there && aborts)
		reset_entry(listener, he);
	else if (is_there)
		note_ack(he);
	spin_unlock(&listener->lock);
	if (!is_there)
		return -EAGAIN;
	if (overflows)
		xtcp_refusal_overflow(listener->sk, listener);
	else
		xtcp_refusal_drop(listener->sk);
	/*
	 * for the peer, the handshake is complete. With abort_on_overflow we reset the connection.
	 * Otherwise the timer sends the SYN-ACK again, and the peer's next ACK may make the child:
	 * from the entry, or from the cookie in the ACK if the entry has ended by then
	 */
	if (aborts)
		xtcp_reply_rst_for(listener->sk, he, skb, 0);
	else
		xtcp_entry_note_declined(listener);
	return 0;
}

/*
 * Makes the child. @ts_offset: as for xtcp_child_make(). Returns the same as
 * xtcp_halfopen_arrives().
 */
static struct sock *promote(struct xtcp_listener *listener, struct xtcp_request *he, u32 ts_offset, struct sk_buff *skb)
{
	struct sock *child;

	if (xtcp_refusal_defers(listener->sk, xtcp_seg(skb), READ_ONCE(he->level)))
		return ERR_PTR(defer(listener, he));
	child = xtcp_child_make(listener, skb, he, ts_offset, true, NULL);
	if (!IS_ERR(child)) {
		xtcp_child_let_pass(child, xtcp_seg(skb));
		return child;
	}
	if (PTR_ERR(child) == -ECONNABORTED || PTR_ERR(child) == -EADDRNOTAVAIL)
		return ERR_PTR(-EAGAIN);
	return ERR_PTR(refuse_child(listener, he, skb, PTR_ERR(child)));
}

/**
 * xtcp_halfopen_arrives() - process a segment for an entry (SEGMENT ARRIVES)
 * @he: the entry that the lookup found
 * @lsk: the entry's listener at the time of the lookup
 * @skb: the segment
 *
 * This is RFC 9293 section 3.10.7.4 for a SYN-RECEIVED that came from LISTEN. The ACK is checked
 * first, as in section 3.5.2 and in Linux, so that the sender of a wrong ACK gets a RST and learns
 * nothing else from us. A RST is processed as in RFC 5961 section 3.2. A segment that makes a child
 * is then passed to the child, and brings it to ESTABLISHED in handshake.c.
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock(), with a reference; the caller passes
 * the segment to the child. NULL when the segment needs no more processing. ERR_PTR(-EAGAIN) when
 * another CPU has just ended the entry, or has moved the entry to another listener; nothing has
 * changed then, except perhaps the entry's TS.Recent. The caller tries the new listener, or looks
 * the segment up again.
 */
struct sock *xtcp_halfopen_arrives(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);
	struct xtcp_net *xn = xtcp_net_of(lsk);
	const struct xtcp_seg *seg = xtcp_seg(skb);
	u8 control = seg->flags & (XTCP_RST | XTCP_SYN | XTCP_ACK);
	bool paws = entry_fails_paws(he, seg);
	struct xtcp_tuple tuple;
	u32 ts_offset = 0;
	int err;

	if (!listener || READ_ONCE(he->dead))
		return ERR_PTR(-EAGAIN);
	if (control == XTCP_SYN && seg->seq == he->irs && !paws)
		return ERR_PTR(answer_again(listener, he, skb, seg));

	/*
	 * as in Linux, begin with the RFC's fifth step: check the ACK field. The ACK field of a RST
	 * is not checked, because only the sequence number of a RST counts (section 3.5.3)
	 */
	if ((control & (XTCP_RST | XTCP_ACK)) == XTCP_ACK && seg->ack != he->iss + 1) {
		xtcp_reply_rst_for(lsk, he, skb, 0);
		return NULL;
	}

	/* first: check sequence number */
	if ((control & (XTCP_RST | XTCP_ACK)) == XTCP_ACK) {
		tuple = xtcp_conn_tuple(&he->conn);
		ts_offset = xtcp_secret_ts_offset(xn, &tuple);
		paws |= echo_is_old(listener, he, ts_offset, seg);
	}
	if (paws || !entry_accepts(he, seg)) {
		if (paws)
			XTCP_NET_INC_STATS(xn, LINUX_MIB_PAWSESTABREJECTED);
		if (!(control & XTCP_RST) &&
		    !xtcp_acklimit_refuses(xn, seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV, &he->ack_stamp))
			xtcp_reply_request_ack(lsk, he, skb);
		return NULL;
	}

	/* second: check the RST bit */
	if (control & XTCP_RST) {
		if (seg->seq == he->irs + 1) {
			err = embryonic_reset(listener, he);
			if (!err)
				XTCP_INC_STATS(xn, TCP_MIB_ATTEMPTFAILS);
			return ERR_PTR(err);
		}
		if (!xtcp_acklimit_refuses(xn, seg, LINUX_MIB_TCPACKSKIPPEDCHALLENGE, &he->ack_stamp) &&
		    xtcp_acklimit_net_challenge(xn)) {
			XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPCHALLENGEACK);
			xtcp_reply_request_ack(lsk, he, skb);
		}
		return NULL;
	}

	/* fourth: check the SYN bit. The entry ends, and as in Linux the peer gets a RST */
	if (control & XTCP_SYN) {
		err = embryonic_reset(listener, he);
		if (!err) {
			XTCP_INC_STATS(xn, TCP_MIB_ATTEMPTFAILS);
			xtcp_reply_rst_for(lsk, he, skb, 0);
		}
		return ERR_PTR(err);
	}
	if (!(control & XTCP_ACK))
		return NULL;

	if (he->ts_ok && seg->has_ts && xtcp_seq_le(seg->seq, he->irs + 1))
		WRITE_ONCE(he->ts_recent, seg->tsval);
	return promote(listener, he, ts_offset, skb);
}

/**
 * xtcp_halfopen_icmp_error() - handle an ICMP error about the SYN-ACK of an entry
 * @he: the entry
 * @seq: SEG.SEQ of the segment that the error quotes
 * @hard: the error is a hard error: no connection is possible (RFC 9293 section 3.9.2.2)
 *
 * A hard error ends the entry without a report, because no program has the connection yet.
 *
 * Context: softirq, RCU read side.
 */
void xtcp_halfopen_icmp_error(struct xtcp_request *he, u32 seq, bool hard)
{
	struct sock *lsk = READ_ONCE(he->lsk);
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);

	if (seq != he->iss) {
		XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_OUTOFWINDOWICMPS);
		return;
	}
	if (!hard || !listener)
		return;
	spin_lock(&listener->lock);
	if (xtcp_listen_has_entry(listener, he)) {
		xtcp_entry_drop(listener, he, XTCP_TRACE_FAILED);
		xtcp_refusal_drop(listener->sk);
	}
	spin_unlock(&listener->lock);
}
