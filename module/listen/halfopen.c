// SPDX-License-Identifier: GPL-2.0
/*
 * SEGMENT ARRIVES for a listener (RFC 9293 section 3.10.7.2), and for an entry, its half-open
 * connection: SYN-RECEIVED of section 3.10.7.4, for a handshake that began in LISTEN.
 *
 * ACKs may complete handshakes for which no entry was kept (RFC 4987 section 3.6). Their cookie is
 * checked only for two minutes after xtcp_entry_note_declined() was called for a listener of the
 * group, and never with net.xtcp.syncookies = 0.
 */
#include "listen/listen.h"

#include <linux/kcsan-checks.h>

#include "auth/auth.h"
#include "ecn/ecn.h"
#include "out/out.h"

static bool cookie_ok(const struct xtcp_listener *listener, const struct xtcp_demux_key *key, u32 seq, u32 ack,
		      const u32 *tsecr, struct xtcp_cookie *cookie)
{
	cookie->rcv_wscale = listener->group->rcv_wscale;
	return xtcp_secret_cookie_check(xtcp_net_of(listener->sk), key, seq - 1, ack - 1, tsecr, cookie);
}

/* May an ACK without an entry complete a handshake? Yes if the group has sent SYN-ACKs without an entry lately. */
static bool xtcp_cookieack_believed(const struct xtcp_listener *listener)
{
	if (!READ_ONCE(xtcp_net_of(listener->sk)->sysctl.syncookies))
		return false;
	/* signed: negative if another processor has noted a later second */
	return (s32)(xtcp_clock_seconds() - READ_ONCE(listener->group->declined)) <= XTCP_ENTRY_BELIEVE_S;
}

/**
 * xtcp_cookieack_is_ours() - does this ACK complete a handshake with a SYN cookie?
 * @listener: of the ACK's port; if it has just ended, the result holds for its target (handover.c)
 * @skb: an ACK without a connection, SYN and RST; skb->data is the TCP header. Unchanged, except
 *	that its checksum may have been verified
 * @key: the lookup key of @skb
 *
 * A wrong cookie is counted (SyncookiesFailed) if no older listener drains, and kernel TCP has no
 * connection with this tuple. An ACK with a wrong checksum is kernel TCP's to count.
 * Context: softirq, RCU read side.
 */
bool xtcp_cookieack_is_ours(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct sock *lsk = listener->sk;
	struct xtcp_cookie cookie;
	struct xtcp_options opts;
	const struct tcphdr *th;
	unsigned int len;

	if (!xtcp_cookieack_believed(listener))
		return false;
	len = xtcp_seg_peek(skb, buf, &th);
	if (len && th->ack && !th->syn && !th->rst) {
		xtcp_options_parse((const u8 *)(th + 1), len - sizeof(*th), false, &opts);
		if (cookie_ok(listener, key, ntohl(th->seq), ntohl(th->ack_seq), opts.has_ts ? &opts.tsecr : NULL,
			      &cookie))
			return true;
	}
	/* who drains may have sent this cookie, and counts it otherwise */
	if (len && !xtcp_relay_has_older(listener) && !xtcp_demux_kernel_holds(sock_net(lsk), key) &&
	    xtcp_checksum_ok(skb))
		XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_SYNCOOKIESFAILED);
	return false;
}

/*
 * Sets the ECN mode of a connection without an entry; xtcp_ecn_is_allowed(). The ACE field of the
 * third ACK says whether the peer is in AccECN mode (RFC 9768 section 5.1). We do not enter it if
 * AccECN was turned off after the SYN-ACK. With timestamps, we then give no feedback: to the peer
 * it looks as if the path cleared ACE. Without, we echo CE as classic ECN does (he->ecn_maybe).
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

/* Rebuilds an entry that was not kept, after xtcp_request_fill_names(). */
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
 * Makes the child of a handshake without an entry. Return: as xtcp_halfopen_arrives();
 * ERR_PTR(-EAGAIN): the listener has ended.
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
	/* the SYN-ACK may have had timestamps that this ACK has lost. The right edge must not move left */
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
	/* -EADDRNOTAVAIL: another CPU made a child from this cookie. As in Linux, drop; the peer sends again */
	return NULL;
}

/* From so many timeouts on, echo_is_old() ignores sent_us: 32 take 52 minutes, and sent_us wraps after 71. */
#define OLD_LEVEL	32

/*
 * PAWS (RFC 7323 section 5.3, R1). As in Linux, a RST passes when the timeout of the SYN-ACK has
 * reached a minute: the peer may have restarted, with smaller timestamps.
 */
static bool entry_fails_paws(const struct xtcp_request *he, const struct xtcp_seg *seg)
{
	u32 ts_recent = READ_ONCE(he->ts_recent);

	if (!he->ts_ok || !seg->has_ts || !ts_recent || xtcp_seq_le(ts_recent, seg->tsval))
		return false;
	return !(seg->flags & XTCP_RST) || xtcp_entry_timeout(READ_ONCE(he->level)) < XTCP_PAWS_STAMP_S * HZ;
}

/*
 * Is TSecr older than every TSval that this entry has sent (RFC 7323 section 3.2)? Then it answers
 * the SYN-ACK of an old connection, perhaps with the same ISN. Not checked while cookies are
 * believed: it may answer a SYN-ACK without an entry; as in Linux, nor if it is 0.
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
 * RFC 9293 section 3.10.7.4, table 6, with the window of the SYN-ACK. The peer's SYN lies before
 * it, so a SYN that comes again does not end the entry, even with text in the window.
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
	/* a peer that has filled the window sends its ACK from the right edge; no RST is there (RFC 5961 3.2) */
	return seg->seq == right && seg->seq == seg->end_seq && !(seg->flags & XTCP_RST);
}

/* Below, an int is 0, or -EAGAIN, and nothing has changed: another CPU has ended the entry or moved it (handover.c) */

/* A retransmitted SYN: sends the SYN-ACK again, and restarts its timeout. */
static int answer_again(struct xtcp_listener *listener, struct xtcp_request *he, const struct sk_buff *skb,
			const struct xtcp_seg *seg)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	const u32 answered = READ_ONCE(he->ack_stamp);
	bool is_there, answers;

	/* without the lock, so that a flood of retransmitted SYNs does not take it */
	if (xtcp_acklimit_refuses(xn, seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV, &he->ack_stamp))
		return 0;
	spin_lock(&listener->lock);
	is_there = xtcp_listen_has_entry(listener, he);
	answers = is_there && !listener->closed;
	if (!answers) {
		/* nothing was sent: the entry's new listener may answer this SYN */
		WRITE_ONCE(he->ack_stamp, answered);
	} else {
		xtcp_entry_restart(listener, he);
		/*
		 * does it no longer ask for ECN (RFC 9768 section 3.1.5)? Other CPUs read the
		 * constant bits of the same octet without the lock
		 */
		kcsan_disable_current();
		he->asked_without |= he->accecn_ok && !xtcp_accecn_ace(skb);
		kcsan_enable_current();
		/* the peer may ask for another key by now, and its first one be gone (RFC 5925 section 3.3) */
		if (unlikely(he->ao))
			xtcp_savedsyn_take_keyids(xtcp_pool_syn(he), skb);
	}
	spin_unlock(&listener->lock);
	if (answers)
		xtcp_reply_synack_again(listener->sk, he);
	return is_there ? 0 : -EAGAIN;
}

/* Back to LISTEN (RFC 9293 section 3.5.3). */
static void reset_entry(struct xtcp_listener *listener, struct xtcp_request *he)
{
	xtcp_entry_drop(listener, he, XTCP_TRACE_RESET);
	XTCP_NET_INC_STATS(xtcp_net_of(listener->sk), LINUX_MIB_EMBRYONICRSTS);
}

/* The third ACK has come, but makes no child. The listener's lock is held. */
static void note_ack(struct xtcp_request *he)
{
	/* other CPUs read the constant bits of the same octet without the lock */
	kcsan_disable_current();
	he->acked = true;
	kcsan_enable_current();
}

/* The entry ends (@resets); or, with TCP_DEFER_ACCEPT, it waits for data after a bare ACK. */
static int reset_or_defer(struct xtcp_listener *listener, struct xtcp_request *he, bool resets)
{
	int err = -EAGAIN;

	spin_lock(&listener->lock);
	if (xtcp_listen_has_entry(listener, he)) {
		err = 0;
		if (resets) {
			reset_entry(listener, he);
		} else {
			note_ack(he);
			XTCP_NET_INC_STATS(xtcp_net_of(listener->sk), LINUX_MIB_TCPDEFERACCEPTDROP);
		}
	}
	spin_unlock(&listener->lock);
	return err;
}

/* A valid third ACK for which no child could be made; @error says why. */
static int refuse_child(struct xtcp_listener *listener, struct xtcp_request *he, struct sk_buff *skb, long error)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	const bool aborts = READ_ONCE(xn->sysctl.abort_on_overflow);
	const bool overflows = error == -EAGAIN;
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	bool is_there;

	spin_lock(&listener->lock);
	is_there = xtcp_listen_has_entry(listener, he);
	/* before the reset. If the entry has moved, its new listener processes the segment */
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
	/* the peer has a connection: its next ACK, or one for the timer's SYN-ACK, may make the child */
	if (aborts)
		xtcp_reply_rst_for(listener->sk, he, skb, 0);
	else
		xtcp_entry_note_declined(listener);
	return 0;
}

/* Makes the child. Return: as xtcp_halfopen_arrives(). */
static struct sock *promote(struct xtcp_listener *listener, struct xtcp_request *he, u32 ts_offset, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct sock *child;

	if (xtcp_refusal_defers(listener->sk, seg, READ_ONCE(he->level)))
		return ERR_PTR(reset_or_defer(listener, he, false));
	child = xtcp_child_make(listener, skb, he, ts_offset, true, NULL);
	if (!IS_ERR(child)) {
		/* another CPU may have raised TS.Recent: PAWS must accept this segment, or accept() never gets it */
		if (xtcp_sk(child)->agreed.ts_ok && seg->has_ts)
			xtcp_paws_let_pass(&xtcp_sk(child)->paws, seg->tsval);
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
 * @skb: the segment, left to the caller
 *
 * RFC 9293 section 3.10.7.4. The ACK is checked first, as in section 3.5.2 and in Linux, so that
 * the sender of a wrong ACK gets a RST and learns nothing else. A RST is processed as in RFC 5961
 * section 3.2. A segment that makes a child then brings it to ESTABLISHED in arrives.c.
 * Context: softirq, RCU read side. No lock.
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock(), with a reference; the caller passes
 * the segment to it. NULL when the segment needs no more processing. ERR_PTR(-EAGAIN) when another
 * CPU has just ended the entry, or moved it; nothing has changed then, except perhaps its
 * TS.Recent. The caller tries the new listener, or looks the segment up again.
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

	/* as in Linux, the fifth step comes first. Of a RST, only the sequence number counts (section 3.5.3) */
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
			err = reset_or_defer(listener, he, true);
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
		err = reset_or_defer(listener, he, true);
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

/* Is it a valid cookie? A wrong one is counted. True if the listener has ended: another may take the ACK, so no RST. */
static noinline bool is_cookie(const struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);

	return xtcp_listen_has_ended(listener) ||
	       (!(xtcp_seg(skb)->flags & XTCP_SYN) && xtcp_cookieack_is_ours(listener, skb, key));
}

/**
 * xtcp_arrives_listen() - SEGMENT ARRIVES in LISTEN (RFC 9293 section 3.10.7.2)
 * @lsk: the listener
 * @skb: a SYN, an ACK with a valid cookie, an ACK from a peer for which @lsk has a signature key,
 *	or a segment that is dropped; consumed unless false is returned
 * @key: the lookup key of @skb
 * Context: softirq, RCU read side. No lock.
 * Return: false when the listener has ended: another lookup may find another one.
 */
inline bool xtcp_arrives_listen(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct sock *child = NULL;

	/* first: check for a RST. No connection of ours has this tuple, so the RST ends nothing. */
	if (seg->flags & XTCP_RST)
		goto drop;

	/*
	 * second: check for an ACK. One of our SYN cookie opens a connection. Others get here only
	 * from a peer for which a listener of the group has a key. A SYN-ACK opens nothing
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
