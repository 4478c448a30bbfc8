// SPDX-License-Identifier: GPL-2.0
/*
 * Segments for an entry, the half-open connection of a listener. The state is SYN-RECEIVED, as in
 * RFC 9293 section 3.10.7.4 for a handshake that began in LISTEN.
 *
 * SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2).
 *
 * ACKs that complete handshakes for which no entry was kept (RFC 4987 section 3.6).
 *
 * A cookie is checked only while the listener may have sent a SYN-ACK for which it keeps no entry.
 * This is so for two minutes after xtcp_entry_note_declined() was called for the listener or for
 * another listener of its group. entry.c lists the events that cause the call. With
 * net.xtcp.syncookies = 0 no cookie is checked.
 */
#include "listen/listen.h"

#include <linux/err.h>
#include <linux/kcsan-checks.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/dst.h>

#include "arrive/arrive.h"
#include "auth/auth.h"
#include "base/base.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/sock.h"
#include "base/wire.h"
#include "ecn/ecn.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "recv/recv.h"
#include "sight/sight.h"
#include "window/window.h"

static bool cookie_ok(const struct xtcp_listener *listener, const struct xtcp_demux_key *key, u32 seq, u32 ack,
		      const u32 *tsecr, struct xtcp_cookie *cookie)
{
	cookie->rcv_wscale = listener->group->rcv_wscale;
	return xtcp_secret_cookie_check(xtcp_net_of(listener->sk), key, seq - 1, ack - 1, tsecr, cookie);
}

/*
 * May an ACK without an entry complete a handshake? It may if SYN cookies are on, and if the listener or another of its
 * group may have sent a SYN-ACK without an entry not long ago (xtcp_entry_note_declined()).
 */
static bool xtcp_cookieack_believed(const struct xtcp_listener *listener)
{
	if (!READ_ONCE(xtcp_net_of(listener->sk)->sysctl.syncookies))
		return false;
	/* the difference is signed: it is negative if another processor has noted a later second */
	return (s32)(xtcp_clock_seconds() - READ_ONCE(listener->group->declined)) <= XTCP_ENTRY_BELIEVE_S;
}

/*
 * Does this ACK acknowledge a SYN cookie of ours?
 * @listener: the listener of the ACK's port
 * @skb: a segment without a connection; skb->data is the TCP header. Unchanged
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the cookie is valid, and the listener may have sent cookies lately.
 */
static bool xtcp_cookieack_is_valid(struct xtcp_listener *listener, struct sk_buff *skb,
				    const struct xtcp_demux_key *key)
{
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct xtcp_cookie cookie;
	struct xtcp_options opts;
	const struct tcphdr *th;
	unsigned int len;

	if (!xtcp_cookieack_believed(listener))
		return false;
	len = xtcp_seg_peek(skb, buf, &th);
	if (!len || !th->ack || th->syn || th->rst)
		return false;
	xtcp_options_parse((const u8 *)(th + 1), len - sizeof(*th), false, &opts);
	return cookie_ok(listener, key, ntohl(th->seq), ntohl(th->ack_seq), opts.has_ts ? &opts.tsecr : NULL,
			 &cookie);
}

/**
 * xtcp_cookieack_is_ours() - does this ACK complete a handshake with a SYN cookie?
 * @listener: the listener of the ACK's port; if it has just ended, the result is valid for the
 *	listener that takes over (estate.c)
 * @skb: an ACK without a connection, and without SYN and RST; skb->data is the TCP header.
 *	Unchanged, except that its checksum may have been verified
 * @key: the lookup key of @skb
 *
 * An ACK with a wrong cookie is counted (SyncookiesFailed) if two things hold: the listener may
 * have sent cookies lately, and kernel TCP has no connection with this tuple. An ACK with a wrong
 * checksum is not counted here, because kernel TCP gets the ACK and counts the error.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the cookie is valid.
 */
bool xtcp_cookieack_is_ours(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct sock *lsk = listener->sk;
	const struct tcphdr *th;

	if (!xtcp_cookieack_believed(listener))
		return false;
	if (xtcp_cookieack_is_valid(listener, skb, key))
		return true;
	if (xtcp_seg_peek(skb, buf, &th) && !xtcp_demux_kernel_holds(sock_net(lsk), key) && xtcp_checksum_ok(skb))
		XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_SYNCOOKIESFAILED);
	return false;
}

/*
 * Sets the ECN mode of a connection without an entry. The caller has asked xtcp_ecn_is_allowed().
 * The ACE field of the handshake's last ACK says whether the peer is in AccECN mode (RFC 9768
 * section 5.1).
 *
 * If AccECN was turned off after the SYN-ACK had been sent, we do not enter AccECN mode. With
 * timestamps, we then give no feedback, and the ACE field of our segments stays zero. To the peer,
 * this looks as if something on the path cleared the field. Without timestamps, we echo CE as
 * classic ECN does (he->ecn_maybe).
 */
static void fill_cookie_ecn(const struct sock *lsk, const struct sk_buff *skb, const struct xtcp_cookie *cookie,
			    struct xtcp_request *he)
{
	bool accurate = xtcp_accecn_is_third_ack(skb);

	if (accurate && (cookie->ts_ok ? cookie->ecn_ok : xtcp_accecn_is_allowed(lsk))) {
		he->accecn_ok = xtcp_accecn_is_allowed(lsk);
		he->ecn_ok = he->accecn_ok;
		return;
	}
	he->ecn_ok = cookie->ecn_ok;
	he->ecn_maybe = !cookie->ts_ok;
}

/*
 * Rebuild an entry that was not kept
 * @he: a zeroed entry after xtcp_request_fill_names()
 * @seg: the handshake's last ACK
 * @cookie: the decoded cookie of @seg
 *
 * Context: softirq.
 */
static void xtcp_request_fill_cookie(struct xtcp_request *he, const struct xtcp_seg *seg,
				     const struct xtcp_cookie *cookie)
{
	he->irs = seg->seq - 1;
	he->iss = seg->ack - 1;
	he->mss = cookie->mss;
	he->wscale_ok = cookie->wscale_ok;
	he->snd_wscale = cookie->snd_wscale;
	he->ts_ok = cookie->ts_ok;
	he->ts_recent = cookie->ts_ok ? seg->tsval : 0;
	he->sack_ok = cookie->sack_ok;
}

/*
 * Make the child of a handshake without an entry.
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock(), with a reference; the caller passes
 * the segment to the child. NULL when the ACK opens no connection. ERR_PTR(-EAGAIN) when the
 * listener has ended: another lookup may find another listener.
 */
static struct sock *xtcp_cookieack_arrives(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);
	struct xtcp_net *xn = xtcp_net_of(lsk);
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_request he = {};
	struct xtcp_cookie cookie;
	struct xtcp_ip_reply how;
	struct sock *child;

	if (xtcp_listen_has_ended(listener))
		return ERR_PTR(-EAGAIN);
	if (!xtcp_cookieack_believed(listener))
		return NULL;
	xtcp_request_fill_names(&he, lsk, skb, key);
	if (!cookie_ok(listener, key, seg->seq, seg->ack, seg->has_ts ? &seg->tsecr : NULL, &cookie))
		return NULL;
	if (xtcp_refusal_defers(lsk, seg, 0)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPDEFERACCEPTDROP);
		return NULL;
	}
	xtcp_request_fill_cookie(&he, seg, &cookie);
	he.ao = xtcp_request_has_ao(lsk, skb);
	if (!xtcp_request_lsm_ok(lsk, skb, &he, &key->tuple))
		return NULL;
	if (xtcp_reply_synack_route(lsk, &he, &key->tuple, skb->dev, &how)) {
		xtcp_refusal_drop(lsk);
		return NULL;
	}
	xtcp_request_fill_window(&he, listener, &how);
	/*
	 * the SYN-ACK may have had timestamps that this ACK has lost: then its window was another
	 * multiple of a segment. The right edge must not move left
	 */
	if (!he.ts_ok)
		he.rcv_wnd = max_t(u32, he.rcv_wnd,
				   xtcp_window_first(lsk, how.dst, how.advmss - XTCP_OPTLEN_TIMESTAMP_ALIGNED));
	if (xtcp_ecn_is_allowed(lsk, how.dst))
		fill_cookie_ecn(lsk, skb, &cookie, &he);
	dst_release(how.dst);

	child = xtcp_child_make(listener, skb, &he, xtcp_secret_ts_offset(xn, &key->tuple), false, NULL);
	if (!IS_ERR(child)) {
		this_cpu_inc(listener->stats->cookies_recv);
		XTCP_NET_INC_STATS(xn, LINUX_MIB_SYNCOOKIESRECV);
		return child;
	}
	if (PTR_ERR(child) == -ECONNABORTED)
		return ERR_PTR(-EAGAIN);
	if (PTR_ERR(child) == -EAGAIN) {
		xtcp_refusal_trace_overflow(lsk, listener, &key->tuple);
		xtcp_refusal_overflow(lsk, listener);
		xtcp_entry_note_declined(listener);
		if (READ_ONCE(xn->sysctl.abort_on_overflow))
			xtcp_reply_rst_for(lsk, &he, skb, 0);
	} else if (PTR_ERR(child) != -EADDRNOTAVAIL) {
		xtcp_refusal_drop(lsk);
	}
	/*
	 * -EADDRNOTAVAIL: another CPU has made a child from the same cookie. As in Linux, this
	 * segment is dropped. If it has data, the peer sends the data again.
	 */
	return NULL;
}

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
 * entry, or has moved the entry to another listener (estate.c); the function has changed nothing.
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
 * Make PAWS accept the segment that has made a child
 * @child: the child
 * @seg: the segment
 *
 * Another CPU may have raised TS.Recent of the entry since this segment passed the PAWS test of the
 * entry. The segment must not fail PAWS in the child: it has to bring the child to ESTABLISHED, or
 * the program never learns of the child.
 *
 * Context: softirq. Lock: socket, held (bh_lock_sock()).
 */
static void xtcp_child_let_pass(struct sock *child, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(child);

	if (xsk->agreed.ts_ok && seg->has_ts)
		xtcp_paws_let_pass(&xsk->paws, seg->tsval);
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
 * is then passed to the child, and brings it to ESTABLISHED in arrives.c.
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

/*
 * Does an ACK acknowledge a valid SYN cookie? The answer is also true if the listener has ended.
 * Another listener may take the ACK, so the caller must not send a RST.
 */
static noinline bool is_cookie(const struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);

	return xtcp_listen_has_ended(listener) || xtcp_cookieack_is_valid(listener, skb, key);
}

/**
 * xtcp_arrives_listen() - SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2)
 * @lsk: the listener
 * @skb: a SYN, an ACK with a valid cookie, an ACK from a peer for which @lsk has a signature key,
 *	or a segment that is dropped without an answer; consumed unless false is returned
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: false when the listener has ended: another lookup may find another listener.
 */
inline bool xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct sock *child = NULL;

	/* first: check for a RST. No connection of ours has this tuple, so the RST ends nothing. */
	if (seg->flags & XTCP_RST)
		goto drop;

	/*
	 * second: check for an ACK. An ACK of our SYN cookie opens a connection. Other ACKs get
	 * here only from a peer for which a listener has a signature key: @lsk, or another member
	 * of its group, if a BPF program has chosen @lsk. A SYN-ACK opens nothing, whatever it
	 * acknowledges
	 */
	if (seg->flags & XTCP_ACK) {
		if ((seg->flags & XTCP_SYN ||
		     xtcp_signer_is_due(lsk, &key->tuple.faddr, key->sdif ? key->dif : 0)) &&
		    !is_cookie(lsk, skb, key)) {
			xtcp_reply_rst_for(lsk, NULL, skb, 0);
			goto drop;
		}
		child = xtcp_cookieack_arrives(lsk, skb, key);
		if (child == ERR_PTR(-EAGAIN))
			return false;
		if (!child)
			goto drop;
		xtcp_arrives_child(skb, lsk, child);
		return true;
	}

	/* third: check for a SYN. A SYN with FIN is dropped below: no honest peer sends it */
	if ((seg->flags & (XTCP_SYN | XTCP_FIN)) == XTCP_SYN)
		return xtcp_synq_syn(lsk, skb, key, NULL);

	/* fourth: drop any other data or control */
drop:
	consume_skb(skb);
	return true;
}
