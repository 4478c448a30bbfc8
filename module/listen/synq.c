// SPDX-License-Identifier: GPL-2.0
/*
 * Handshakes that a listener answers (RFC 9293 section 3.10.7.2, and SYN-RECEIVED in section
 * 3.10.7.4; RFC 4987).
 *
 * For a SYN, we keep an entry and send a SYN-ACK whose ISN is a cookie. The third ACK turns the
 * entry into a child on the accept queue. When the SYN queue of the listener is full, or the host
 * has as many entries as it may have, the SYN-ACK still goes out, but no entry is kept. The cookie
 * in the third ACK then rebuilds the entry. No entry is evicted for a new one.
 *
 * An ACK without an entry is believed only while this listener may have sent a SYN-ACK without an
 * entry: for two minutes after it last refused an entry or gave one up early. With syncookies = 0
 * it is never believed.
 *
 * The limits of the queues are as in Linux: each queue takes one more than the backlog of listen().
 * The SYN queue is tested first. If both queues are full, a SYN is counted for both.
 */
#include "listen/synq.h"

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>

#include "arrive/arrives_child.h"
#include "base/checksum.h"
#include "base/clock.h"
#include "base/cookie.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/seg.h"
#include "base/seq.h"
#include "base/wire.h"
#include "ecn/accecn.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "listen/acceptq.h"
#include "listen/child.h"
#include "listen/listener.h"
#include "listen/pool.h"
#include "listen/request.h"
#include "out/ip_reply.h"
#include "out/reply.h"
#include "recv/savedsyn.h"
#include "sight/mib.h"
#include "sight/trace.h"

/* 32 timeouts of a SYN-ACK take 52 minutes; sent_us (32 bits) wraps after 71 minutes */
#define OLD_LEVEL	32

static void count_drop(struct sock *lsk)
{
	atomic_inc(&lsk->sk_drops);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_LISTENDROPS);
}

static void tell_overflow(struct sock *lsk, const struct xtcp_listener *listener, const struct xtcp_tuple *tuple)
{
	unsigned int len = READ_ONCE(listener->accept_len);

	trace_xtcp_queue(lsk, tuple, XTCP_TRACE_ACCEPT_QUEUE, len, len, XTCP_TRACE_REFUSED);
}

static void count_overflow(struct sock *lsk, struct xtcp_listener *listener)
{
	this_cpu_inc(listener->stats->overflows);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_LISTENOVERFLOWS);
	count_drop(lsk);
}

/* Counts a SYN that leaves no entry. @reason: XTCP_TRACE_COOKIE or XTCP_TRACE_REFUSED. */
static void count_declined(struct sock *lsk, struct xtcp_listener *listener, const struct xtcp_tuple *tuple, int reason)
{
	unsigned int len = READ_ONCE(listener->synq.len);

	trace_xtcp_queue(lsk, tuple, XTCP_TRACE_SYN_QUEUE, len, len, reason);
	this_cpu_inc(listener->stats->declined);
}

/* What the queues allow for a SYN. */
enum admission {
	ADMIT_ENTRY,
	ADMIT_COOKIE,		/* an answer, but no entry */
	ADMIT_NOT,
};

static enum admission admit(struct sock *lsk, struct xtcp_listener *listener, const struct xtcp_tuple *tuple,
			    bool reopens)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(lsk)->sysctl;
	unsigned int len = READ_ONCE(listener->synq.len);
	int max = READ_ONCE(ctl->max_syn_backlog);
	u8 cookies = READ_ONCE(ctl->syncookies);
	enum admission admission = ADMIT_ENTRY;

	if (!reopens && (cookies == 2 || len > READ_ONCE(listener->accept_max))) {
		XTCP_NET_INC_STATS(xtcp_net_of(lsk),
				   cookies ? LINUX_MIB_TCPREQQFULLDOCOOKIES : LINUX_MIB_TCPREQQFULLDROP);
		if (!cookies) {
			count_drop(lsk);
			return ADMIT_NOT;
		}
		admission = ADMIT_COOKIE;
	}
	if (xtcp_acceptq_is_full(listener)) {
		tell_overflow(lsk, listener, tuple);
		count_overflow(lsk, listener);
		return ADMIT_NOT;
	}
	/* Linux keeps the last quarter for peers that it knows; xtcp remembers no peers */
	if (!reopens && !cookies && max - (int)len < max >> 2) {
		count_drop(lsk);
		return ADMIT_NOT;
	}
	return admission;
}

/* Fills @he from the SYN and routes the SYN-ACK. Returns false if the SYN cannot be answered. */
static bool read_syn(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key,
		     const u32 *timewait_iss, struct xtcp_request *he, struct xtcp_ip_reply *how)
{
	struct sock *lsk = listener->sk;

	xtcp_request_fill_syn(he, lsk, skb, key);
	if (!xtcp_request_lsm_ok(lsk, skb, he, &key->tuple) ||
	    xtcp_reply_synack_route(lsk, he, &key->tuple, skb->dev, how)) {
		count_drop(lsk);
		return false;
	}
	xtcp_request_fill_window(he, listener, how);
	he->accecn_ok = xtcp_accecn_is_asked(lsk, skb);
	he->syn_codepoint = xtcp_seg(skb)->ecn;
	he->ecn_ok = he->accecn_ok || (xtcp_ecn_is_asked(lsk, skb, how->dst) && xtcp_ecn_is_allowed(lsk, how->dst));
	if (timewait_iss)
		he->iss = *timewait_iss;
	else
		he->iss = xtcp_secret_cookie(xtcp_net_of(lsk), key, he->irs, xtcp_entry_cookie(he));
	return true;
}

/* What has become of a SYN. */
enum syn_answer {
	ANSWERED,		/* the skb is consumed: it is the SYN-ACK, or a child has it */
	NOT_ANSWERED,
	LISTENER_ENDED,
};

static enum syn_answer answer_by_cookie(struct xtcp_listener *listener, struct sk_buff *skb,
					const struct xtcp_demux_key *key)
{
	struct sock *lsk = listener->sk;
	struct xtcp_request syn __uninitialized;
	struct xtcp_ip_reply how __uninitialized;	/* read_syn() fills all of it */

	/* clear all but the addresses, which come last: read_syn() fills these */
	memset(&syn, 0, offsetof(struct xtcp_request, conn.laddr4));
	if (!read_syn(listener, skb, key, NULL, &syn, &how))
		return NOT_ANSWERED;
	/*
	 * without timestamps the cookie cannot carry SACK and ECN. AccECN needs no cookie: the
	 * third ACK shows it
	 */
	if (!syn.ts_ok) {
		syn.sack_ok = false;
		syn.ecn_ok = syn.accecn_ok;
	}
	xtcp_entry_note_declined(listener);
	count_declined(lsk, listener, &key->tuple, XTCP_TRACE_COOKIE);
	this_cpu_inc(listener->stats->cookies_sent);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_SYNCOOKIESSENT);
	how.unowned = true;
	return xtcp_reply_synack(lsk, &syn, &how, NULL, skb) ? ANSWERED : NOT_ANSWERED;
}

/*
 * RFC 7413 section 4.2.2: if the SYN has a valid Fast Open cookie, makes the child at once, and the
 * child takes the SYN's data. Returns false when there is no child; *@answer is then the Fast Open
 * cookie for the SYN-ACK, if any.
 */
static noinline_for_stack bool open_fast(struct xtcp_listener *listener, struct sk_buff *skb, struct xtcp_request *he,
					 const struct xtcp_tuple *tuple, const struct dst_entry *dst,
					 struct xtcp_fastopen_cookie *answer)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	struct xtcp_fastopen *fast = xtcp_fastopen_syn(listener->sk, skb, dst, answer);
	const bool accecn_ok = he->accecn_ok, ecn_ok = he->ecn_ok;
	struct sock *child;

	if (!fast)
		return false;
	if (accecn_ok)
		he->ecn_ok = xtcp_ecn_is_asked(listener->sk, skb, dst);
	he->accecn_ok = false;
	child = xtcp_child_make(listener, skb, he, xtcp_secret_ts_offset(xn, tuple), false, fast);
	if (IS_ERR(child)) {
		/* if the listener has ended, nothing has failed: the SYN goes to another one */
		if (PTR_ERR(child) != -ECONNABORTED)
			XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENPASSIVEFAIL);
		he->accecn_ok = accecn_ok;
		he->ecn_ok = ecn_ok;
		xtcp_fastopen_declined(fast);
		return false;
	}
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENPASSIVE);
	if (fast->cookie.len > 0)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENPASSIVEALTKEY);
	xtcp_arrives_fast_child(skb, listener->sk, child);
	return true;
}

/* Sends a SYN-ACK and keeps @he. After an error, or if Fast Open makes a child, frees @he. */
static enum syn_answer answer_with_entry(struct xtcp_listener *listener, struct sk_buff *skb,
					 const struct xtcp_demux_key *key, const u32 *timewait_iss,
					 struct xtcp_request *he)
{
	struct xtcp_ip_reply how __uninitialized;	/* read_syn() fills all of it */
	struct xtcp_fastopen_cookie cookie __uninitialized, *answer = NULL;
	int err;

	if (!read_syn(listener, skb, key, timewait_iss, he, &how)) {
		xtcp_pool_free(xtcp_net_of(listener->sk), he);
		return NOT_ANSWERED;
	}
	if (unlikely(READ_ONCE(xtcp_endpoint(listener->sk)->fastopenq))) {
		if (open_fast(listener, skb, he, &key->tuple, how.dst, &cookie)) {
			xtcp_pool_free(xtcp_net_of(listener->sk), he);
			dst_release(how.dst);
			return ANSWERED;
		}
		if (cookie.len > 0)
			answer = &cookie;
	}
	he->sent_us = (u32)xtcp_clock_us() ?: 1;
	err = xtcp_entry_insert(listener, he, key);
	if (!err)
		return xtcp_reply_synack(listener->sk, he, &how, answer, skb) ? ANSWERED : NOT_ANSWERED;
	xtcp_pool_free(xtcp_net_of(listener->sk), he);
	dst_release(how.dst);
	return err == -ECONNABORTED ? LISTENER_ENDED : NOT_ANSWERED;
}

/* Allocates an entry. With TCP_SAVE_SYN, the entry has a copy of the SYN if there is memory. */
static struct xtcp_request *new_entry(const struct sock *lsk, struct sk_buff *skb, bool v4)
{
	struct xtcp_net *xn = xtcp_net_of(lsk);
	u8 save_syn = READ_ONCE(xtcp_endpoint(lsk)->save_syn);
	struct xtcp_request *he;

	if (likely(!save_syn))
		return xtcp_pool_new(xn, v4);
	he = xtcp_pool_new_for_syn(xn, v4, xtcp_savedsyn_len(skb, save_syn));
	if (!he)
		return xtcp_pool_new(xn, v4);
	xtcp_savedsyn_fill(xtcp_pool_syn(he), skb);
	return he;
}

/* Answers a SYN, and keeps an entry if there is room for it. */
static enum syn_answer answer_syn(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key,
				  const u32 *timewait_iss)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);
	struct xtcp_request *he = NULL;
	enum admission admission;

	if (xtcp_listen_has_ended(listener))
		return LISTENER_ENDED;
	if (!xtcp_request_addresses_ok(skb, &key->tuple)) {
		count_drop(lsk);
		return NOT_ANSWERED;
	}
	admission = admit(lsk, listener, &key->tuple, timewait_iss);
	if (admission == ADMIT_NOT) {
		count_declined(lsk, listener, &key->tuple, XTCP_TRACE_REFUSED);
		return NOT_ANSWERED;
	}
	if (admission == ADMIT_ENTRY)
		he = new_entry(lsk, skb, xtcp_tuple_is_v4(&key->tuple));
	if (he)
		return answer_with_entry(listener, skb, key, timewait_iss, he);
	if (!timewait_iss && READ_ONCE(xtcp_net_of(lsk)->sysctl.syncookies))
		return answer_by_cookie(listener, skb, key);
	count_declined(lsk, listener, &key->tuple, XTCP_TRACE_REFUSED);
	count_drop(lsk);
	return NOT_ANSWERED;
}

/**
 * xtcp_synq_syn() - answer a SYN for a listener
 * @lsk: the listener
 * @skb: the SYN; consumed unless false is returned. Its data is dropped and not acknowledged,
 *	unless TCP Fast Open takes it (RFC 7413)
 * @key: the key of @skb
 * @timewait_iss: our ISN if the SYN reopens a TIME-WAIT record, else NULL. This ISN is no cookie,
 *	so the SYN is dropped if there is no room for an entry
 *
 * RFC 9293 section 3.10.7.2, third step.
 *
 * Context: softirq, RCU read side. No lock; the listener's socket lock is never taken.
 *
 * Return: false when the listener has ended: another lookup finds its successor, if any.
 */
bool xtcp_synq_syn(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key, const u32 *timewait_iss)
{
	switch (answer_syn(lsk, skb, key, timewait_iss)) {
	case ANSWERED:
		break;
	case NOT_ANSWERED:
		consume_skb(skb);
		break;
	case LISTENER_ENDED:
		return false;
	}
	return true;
}

static bool cookie_ok(struct sock *lsk, const struct xtcp_demux_key *key, u32 seq, u32 ack, const u32 *tsecr,
		      struct xtcp_cookie *cookie)
{
	return xtcp_secret_cookie_check(xtcp_net_of(lsk), key, seq - 1, ack - 1, tsecr, cookie);
}

static bool cookies_believed(const struct xtcp_listener *listener)
{
	return READ_ONCE(xtcp_net_of(listener->sk)->sysctl.syncookies) && xtcp_entry_may_have_declined(listener);
}

/**
 * xtcp_synq_ack_is_ours() - does this ACK complete a handshake without an entry?
 * @listener: the listener of the ACK's port; if it has just ended, the answer holds for its heir
 * @skb: a segment without a connection; skb->data is the TCP header. Unchanged, except that its
 *	checksum may have been verified
 * @key: the key of @skb
 *
 * An ACK with a bad cookie is counted if the listener may have sent cookies lately, and kernel TCP
 * has no connection on the tuple. If its checksum is wrong, kernel TCP counts the ACK instead.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the cookie is valid.
 */
bool xtcp_synq_ack_is_ours(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct sock *lsk = listener->sk;
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct xtcp_cookie cookie;
	struct xtcp_options opts;
	const struct tcphdr *th;
	unsigned int len;

	if (!cookies_believed(listener))
		return false;
	len = xtcp_seg_peek(skb, buf, &th);
	if (!len || !th->ack || th->syn || th->rst)
		return false;
	xtcp_options_parse((const u8 *)(th + 1), len - sizeof(*th), false, &opts);
	if (cookie_ok(lsk, key, ntohl(th->seq), ntohl(th->ack_seq), opts.has_ts ? &opts.tsecr : NULL, &cookie))
		return true;
	if (!xtcp_demux_kernel_holds(sock_net(lsk), key) && xtcp_checksum_ok(skb))
		XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_SYNCOOKIESFAILED);
	return false;
}

/* TCP_DEFER_ACCEPT: a bare ACK makes a child only after the SYN-ACK has had so many timeouts. */
static bool is_deferred(const struct sock *lsk, const struct xtcp_seg *seg, unsigned int timeouts)
{
	return seg->seq == seg->end_seq && timeouts < READ_ONCE(xtcp_endpoint(lsk)->defer_accept);
}

/*
 * Fills in the ECN mode of a connection without an entry. The ACE field of the third ACK says
 * whether the peer is in AccECN mode (RFC 9768 section 5.1). If AccECN has been turned off since
 * the SYN-ACK, we send no ACE feedback; to the peer the field then looks zeroed on the path.
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

/**
 * xtcp_synq_cookie_ack() - make the child of a handshake without an entry
 * @lsk: the listener
 * @skb: the ACK
 * @key: the key of @skb
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock() and held; the caller passes the
 * segment to it. NULL when the ACK opens nothing. ERR_PTR(-EAGAIN) when the listener has ended;
 * another lookup finds its successor, if any.
 */
struct sock *xtcp_synq_cookie_ack(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
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
	if (!cookies_believed(listener))
		return NULL;
	xtcp_request_fill_names(&he, lsk, skb, key);
	if (!cookie_ok(lsk, key, seg->seq, seg->ack, seg->has_ts ? &seg->tsecr : NULL, &cookie))
		return NULL;
	if (is_deferred(lsk, seg, 0)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPDEFERACCEPTDROP);
		return NULL;
	}
	xtcp_request_fill_cookie(&he, seg, &cookie);
	if (!xtcp_request_lsm_ok(lsk, skb, &he, &key->tuple))
		return NULL;
	if (xtcp_reply_synack_route(lsk, &he, &key->tuple, skb->dev, &how)) {
		count_drop(lsk);
		return NULL;
	}
	xtcp_request_fill_window(&he, listener, &how);
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
		tell_overflow(lsk, listener, &key->tuple);
		count_overflow(lsk, listener);
		xtcp_entry_note_declined(listener);
		if (READ_ONCE(xn->sysctl.abort_on_overflow))
			xtcp_reply_rst(xn, skb);
	} else if (PTR_ERR(child) != -EADDRNOTAVAIL) {
		count_drop(lsk);
	}
	/*
	 * -EADDRNOTAVAIL: another CPU has used the same cookie. As in Linux, this segment is
	 * dropped, and the peer sends its data again.
	 */
	return NULL;
}

/* RFC 7323 section 5.3, R1. As in Linux, a RST passes once the SYN-ACK's timeout is long. */
static bool entry_fails_paws(const struct xtcp_request *he, const struct xtcp_seg *seg)
{
	u32 ts_recent = READ_ONCE(he->ts_recent);

	if (!he->ts_ok || !seg->has_ts || !ts_recent || xtcp_seq_le(ts_recent, seg->tsval))
		return false;
	return !(seg->flags & XTCP_RST) || xtcp_entry_timeout(he->level) < XTCP_PAWS_STAMP_S * HZ;
}

/*
 * RFC 7323 section 3.2: TSecr has to be a TSval that this entry has sent. An older TSval belongs to
 * an old connection, whose SYN-ACK may have had the same ISN. It may also belong to a cookie, so
 * nothing is checked while cookies are believed. As in Linux, a TSecr of 0 is not checked.
 */
static bool echo_is_old(const struct xtcp_listener *listener, const struct xtcp_request *he, u32 ts_offset,
			const struct xtcp_seg *seg)
{
	u64 now_us = xtcp_clock_us();
	u32 age_ms;

	if (!he->ts_ok || !seg->has_ts || !seg->tsecr || !he->sent_us || cookies_believed(listener))
		return false;
	/* sent_us may have wrapped */
	if (READ_ONCE(he->level) >= OLD_LEVEL)
		return false;
	age_ms = ((u32)now_us - he->sent_us) / USEC_PER_MSEC + 1;
	return xtcp_clock_ts_of(now_us) + ts_offset - seg->tsecr > age_ms + XTCP_COOKIE_TS_MASK + 1;
}

/* RFC 9293 section 3.10.7.4, table 6. The receive window of an entry is the one in its SYN-ACK. */
static bool entry_accepts(const struct xtcp_request *he, const struct xtcp_seg *seg)
{
	u32 left = he->irs + 1, right = left + he->rcv_wnd;

	if (seg->seq == left)
		return true;
	if (xtcp_seq_gt(seg->end_seq, left) && xtcp_seq_lt(seg->seq, right))
		return true;
	/*
	 * a peer that has filled the window sends its ACK from the right edge. A RST there is out
	 * of the window (RFC 5961 section 3.2)
	 */
	return seg->seq == right && seg->seq == seg->end_seq && !(seg->flags & XTCP_RST);
}

/*
 * The following functions return -EAGAIN when another CPU has just ended the entry, or moved it to
 * an heir; nothing has changed then.
 */

/* Answers a retransmitted SYN: sends the SYN-ACK again, and restarts its timeout. */
static int answer_again(struct xtcp_listener *listener, struct xtcp_request *he, const struct sk_buff *skb,
			const struct xtcp_seg *seg)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	const u32 answered = READ_ONCE(he->ack_stamp);
	bool is_there, answers;

	/* a flood of them takes no lock */
	if (xtcp_reply_is_limited(xn, seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV, &he->ack_stamp))
		return 0;
	spin_lock(&listener->lock);
	is_there = xtcp_listen_has_entry(listener, he);
	answers = is_there && !listener->closed;
	if (!answers) {
		/* an heir may answer */
		WRITE_ONCE(he->ack_stamp, answered);
	} else {
		xtcp_entry_restart(listener, he);
		/* a resent SYN may ask for no ECN any more (RFC 9768 section 3.1.5) */
		he->asked_without |= he->accecn_ok && !xtcp_accecn_ace(skb);
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

static int defer(struct xtcp_listener *listener, struct xtcp_request *he)
{
	int err = -EAGAIN;

	spin_lock(&listener->lock);
	if (xtcp_listen_has_entry(listener, he)) {
		he->acked = true;
		XTCP_NET_INC_STATS(xtcp_net_of(listener->sk), LINUX_MIB_TCPDEFERACCEPTDROP);
		err = 0;
	}
	spin_unlock(&listener->lock);
	return err;
}

/* Handles a valid third ACK for which no child could be made; @error says why. */
static int refuse_child(struct xtcp_listener *listener, struct xtcp_request *he, struct sk_buff *skb, long error)
{
	struct xtcp_net *xn = xtcp_net_of(listener->sk);
	const bool aborts = READ_ONCE(xn->sysctl.abort_on_overflow);
	const bool overflows = error == -EAGAIN;
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	bool is_there;

	spin_lock(&listener->lock);
	is_there = xtcp_listen_has_entry(listener, he);
	/* a trace has the cause before its effect, and neither if an heir takes the segment */
	if (is_there && overflows)
		tell_overflow(listener->sk, listener, &tuple);
	if (is_there && aborts)
		reset_entry(listener, he);
	else if (is_there)
		he->acked = true;
	spin_unlock(&listener->lock);
	if (!is_there)
		return -EAGAIN;
	if (overflows)
		count_overflow(listener->sk, listener);
	else
		count_drop(listener->sk);
	/*
	 * the peer believes that it is connected. Either we reset it, or the timer sends the
	 * SYN-ACK again. The peer's ACK to that is valid even if the entry has ended by then
	 */
	if (aborts)
		xtcp_reply_rst(xn, skb);
	else
		xtcp_entry_note_declined(listener);
	return 0;
}

/* Makes the child. @ts_offset: as for xtcp_child_make(). Returns as xtcp_synq_arrives(). */
static struct sock *promote(struct xtcp_listener *listener, struct xtcp_request *he, u32 ts_offset, struct sk_buff *skb)
{
	struct sock *child;

	if (is_deferred(listener->sk, xtcp_seg(skb), READ_ONCE(he->level)))
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
 * xtcp_synq_arrives() - process a segment for an entry (SEGMENT ARRIVES)
 * @he: the entry that the lookup found
 * @lsk: the entry's listener at the time of the lookup
 * @skb: the segment
 *
 * This is RFC 9293 section 3.10.7.4 for a SYN-RECEIVED that came from LISTEN. The ACK is checked
 * first, as in section 3.5.2 and in Linux, so that the sender of a wrong ACK gets a RST and learns
 * nothing else from us. A RST is processed as in RFC 5961 section 3.2. A segment that makes a child
 * goes on to the child, and brings it to ESTABLISHED in handshake.c.
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock() and held; the caller passes the
 * segment to it. NULL when the segment is done with. ERR_PTR(-EAGAIN) when another CPU has just
 * ended the entry or moved it to another listener; nothing has changed then. The caller tries the
 * other listener, or looks the segment up again.
 */
struct sock *xtcp_synq_arrives(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb)
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
	 * fifth: check the ACK field; a RST is judged by its sequence number alone (section 3.5.3)
	 */
	if ((control & (XTCP_RST | XTCP_ACK)) == XTCP_ACK && seg->ack != he->iss + 1) {
		xtcp_reply_rst(xn, skb);
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
		    !xtcp_reply_is_limited(xn, seg, LINUX_MIB_TCPACKSKIPPEDSYNRECV, &he->ack_stamp))
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
		if (!xtcp_reply_is_limited(xn, seg, LINUX_MIB_TCPACKSKIPPEDCHALLENGE, &he->ack_stamp)) {
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
			xtcp_reply_rst(xn, skb);
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
 * xtcp_synq_icmp_error() - handle an ICMP error about the SYN-ACK of an entry
 * @he: the entry
 * @seq: SEG.SEQ of the segment that the error quotes
 * @hard: true for a hard error: the connection is impossible (RFC 9293 section 3.9.2.2)
 *
 * A hard error ends the entry silently, because there is no program to tell.
 *
 * Context: softirq, RCU read side.
 */
void xtcp_synq_icmp_error(struct xtcp_request *he, u32 seq, bool hard)
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
		count_drop(listener->sk);
	}
	spin_unlock(&listener->lock);
}
