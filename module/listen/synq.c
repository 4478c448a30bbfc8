// SPDX-License-Identifier: GPL-2.0
/*
 * SYNs for a listener (RFC 9293 section 3.10.7.2; RFC 4987).
 *
 * For a SYN, we keep an entry and send a SYN-ACK whose ISN is a cookie. The third ACK turns the
 * entry into a child on the accept queue (halfopen.c). With Fast Open, the SYN itself may make the
 * child (open_fast()).
 *
 * We keep no entry when the SYN queue of the listener is full, when pool.c has none (a limit is
 * reached, or there is no memory), or when net.xtcp.syncookies is 2. If SYN cookies are allowed
 * (net.xtcp.syncookies is 1 or 2), we still send the SYN-ACK, and make the child from the cookie in
 * the third ACK (cookieack.c). If SYN cookies are off, we drop the SYN; without cookies, we also
 * drop a SYN when less than a quarter of net.xtcp.max_syn_backlog is left. If the accept queue is
 * full, we drop the SYN in any case. No SYN evicts an entry.
 *
 * A SYN that reopens a TIME-WAIT record gets an entry, however long the SYN queue is and whatever
 * net.xtcp.syncookies says: the ISN of its SYN-ACK is no cookie. If pool.c has no entry, we drop
 * this SYN.
 *
 * The limits of the queues are the same as in Linux: each queue takes one entry or child more than
 * the backlog of listen(). The SYN queue is tested before the accept queue. If both queues are
 * full, and SYN cookies are allowed, the counters of both queues count the SYN.
 */
#include "listen/synq.h"

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>

#include "arrive/arrive.h"
#include "auth/signer.h"
#include "base/clock.h"
#include "base/cookie.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/seg.h"
#include "base/seldom.h"
#include "base/wire.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "listen/acceptq.h"
#include "listen/child.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "listen/pool.h"
#include "listen/refusal.h"
#include "listen/request.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "recv/recv.h"
#include "sight/mib.h"
#include "sight/trace.h"

/* Counts a SYN for which no entry is kept. @reason: XTCP_TRACE_COOKIE or XTCP_TRACE_REFUSED. */
static void count_declined(struct sock *lsk, struct xtcp_listener *listener, const struct xtcp_tuple *tuple, int reason)
{
	unsigned int len = READ_ONCE(listener->synq.len);

	trace_xtcp_queue(lsk, tuple, XTCP_TRACE_SYN_QUEUE, len, len, reason);
	this_cpu_inc(listener->stats->declined);
}

/* Which answer to a SYN do the queues allow? */
enum admission {
	ADMIT_ENTRY,
	ADMIT_COOKIE,		/* answer with a cookie, and keep no entry */
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
			xtcp_refusal_drop(lsk);
			return ADMIT_NOT;
		}
		admission = ADMIT_COOKIE;
	}
	if (xtcp_acceptq_is_full(listener)) {
		xtcp_refusal_trace_overflow(lsk, listener, tuple);
		xtcp_refusal_overflow(lsk, listener);
		return ADMIT_NOT;
	}
	/*
	 * without cookies, Linux reserves the last quarter of max_syn_backlog for peers that it
	 * knows from tcp_metrics. xtcp has no list of known peers: only SYNs that reopen TIME-WAIT
	 * records may use this quarter
	 */
	if (!reopens && !cookies && max - (int)len < max >> 2) {
		xtcp_refusal_drop(lsk);
		return ADMIT_NOT;
	}
	return admission;
}

/*
 * Fills @he from the SYN and routes the SYN-ACK. @by_cookie: the SYN is answered with a cookie, and
 * no entry will be kept. Returns false if the SYN cannot be answered.
 */
static bool read_syn(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key,
		     const u32 *timewait_iss, bool by_cookie, struct xtcp_request *he, struct xtcp_ip_reply *how)
{
	struct sock *lsk = listener->sk;
	struct xtcp_cookie cookie;

	xtcp_request_fill_syn(he, lsk, skb, key);
	xtcp_request_leave_room(he, lsk, by_cookie);
	if (!xtcp_request_lsm_ok(lsk, skb, he, &key->tuple) ||
	    xtcp_reply_synack_route(lsk, he, &key->tuple, skb->dev, how)) {
		xtcp_refusal_drop(lsk);
		return false;
	}
	xtcp_request_fill_window(he, listener, how);
	/* a SYN with none of the three flags requests neither ECN nor AccECN */
	if (xtcp_accecn_ace(skb)) {
		he->syn_codepoint = xtcp_seg(skb)->ecn;
		he->accecn_ok = xtcp_accecn_is_asked(lsk, skb);
		he->ecn_ok = he->accecn_ok ||
			     (xtcp_ecn_is_asked(lsk, skb, how->dst) && xtcp_ecn_is_allowed(lsk, how->dst));
	}
	cookie = xtcp_entry_cookie(he);
	cookie.rcv_wscale = listener->group->rcv_wscale;
	if (timewait_iss)
		he->iss = *timewait_iss;
	else
		he->iss = xtcp_secret_cookie(xtcp_net_of(lsk), key, he->irs, cookie);
	return true;
}

/* The result of processing a SYN. */
enum syn_answer {
	ANSWERED,		/* the skb was reused for the SYN-ACK, or a child has it */
	NOT_ANSWERED,
	LISTENER_ENDED,
};

static enum syn_answer answer_by_cookie(struct xtcp_listener *listener, struct sk_buff *skb,
					const struct xtcp_demux_key *key)
{
	struct sock *lsk = listener->sk;
	struct xtcp_request syn __uninitialized;
	struct xtcp_ip_reply how __uninitialized;	/* read_syn() sets every field */

	/* clear all fields except the addresses, which come last: read_syn() fills the addresses */
	memset(&syn, 0, offsetof(struct xtcp_request, conn.addrs4));
	if (unlikely(xtcp_request_has_ao(lsk, skb)))
		syn.ao = true;
	if (!read_syn(listener, skb, key, NULL, true, &syn, &how))
		return NOT_ANSWERED;
	/*
	 * without timestamps the cookie cannot carry SACK and ECN, so they are not granted. AccECN
	 * can stay: the handshake's last ACK shows whether the peer is in AccECN mode
	 */
	if (!syn.ts_ok) {
		syn.sack_ok = false;
		syn.ecn_ok = syn.accecn_ok;
	}
	/* neither the cookie nor the last ACK shows that the SYN had the ACK Rate Request option */
	syn.ack_rate_ok = false;
	xtcp_entry_note_declined(listener);
	count_declined(lsk, listener, &key->tuple, XTCP_TRACE_COOKIE);
	this_cpu_inc(listener->stats->cookies_sent);
	XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_SYNCOOKIESSENT);
	how.unowned = true;
	return xtcp_reply_synack(lsk, &syn, &how, NULL, skb) ? ANSWERED : NOT_ANSWERED;
}

/*
 * Makes a child at once if the SYN has a valid Fast Open cookie, or needs none (RFC 7413 section
 * 4.2.2). The child takes the SYN's data. Returns false when there is no child. Then *@answer is
 * the Fast Open cookie for the SYN-ACK, or has a negative length if the SYN-ACK carries no cookie.
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
		/* if the listener has ended, nothing has failed: another listener gets the SYN */
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

/*
 * Does the ACK Rate Request option fit into the SYN-ACK, with all other options and a signature of
 * @room octets? With the AccECN option, it fits only if there is neither a signature nor a Fast
 * Open cookie (@answer).
 */
static bool ack_rate_fits(const struct xtcp_request *he, u32 room, const void *answer)
{
	u32 size = room + XTCP_OPTLEN_MSS + (he->wscale_ok ? round_up(XTCP_OPTLEN_WSCALE, 4) : 0);

	if (he->accecn_ok && (answer || room))
		return false;
	/* beside timestamps, SACK-permitted fits in place of the two NOPs */
	if (he->ts_ok)
		size += XTCP_OPTLEN_TIMESTAMP_ALIGNED;
	else if (he->sack_ok)
		size += round_up(XTCP_OPTLEN_SACK_PERMITTED, 4);
	return size + XTCP_OPTLEN_ACK_RATE <= XTCP_MAX_OPTIONS;
}

/*
 * Puts @he into the table and sends a SYN-ACK. If only the sending fails, @he stays in the table,
 * and the timer sends the SYN-ACK later. Frees @he after another error, or if Fast Open makes a
 * child.
 */
static enum syn_answer answer_with_entry(struct xtcp_listener *listener, struct sk_buff *skb,
					 const struct xtcp_demux_key *key, const u32 *timewait_iss,
					 struct xtcp_request *he)
{
	struct xtcp_ip_reply how __uninitialized;	/* read_syn() sets every field */
	struct xtcp_fastopen_cookie cookie __uninitialized, *answer = NULL;
	int err;

	if (!read_syn(listener, skb, key, timewait_iss, false, he, &how)) {
		xtcp_pool_free(xtcp_net_of(listener->sk), he);
		return NOT_ANSWERED;
	}
	/* a SYN-ACK has no space for both a signature and a Fast Open cookie */
	if (unlikely(xtcp_seldom_fastopenq(listener->sk)) && !xtcp_signer_room_for(listener->sk, he)) {
		if (open_fast(listener, skb, he, &key->tuple, how.dst, &cookie)) {
			xtcp_pool_free(xtcp_net_of(listener->sk), he);
			dst_release(how.dst);
			return ANSWERED;
		}
		if (cookie.len > 0)
			answer = &cookie;
	}
	if (unlikely(he->ack_rate_ok) && !ack_rate_fits(he, xtcp_signer_room_for(listener->sk, he), answer))
		he->ack_rate_ok = false;
	he->sent_us = (u32)xtcp_clock_us() ?: 1;
	err = xtcp_entry_insert(listener, he, key);
	if (!err)
		return xtcp_reply_synack(listener->sk, he, &how, answer, skb) ? ANSWERED : NOT_ANSWERED;
	xtcp_pool_free(xtcp_net_of(listener->sk), he);
	dst_release(how.dst);
	return err == -ECONNABORTED ? LISTENER_ENDED : NOT_ANSWERED;
}

/*
 * Allocates an entry. With TCP_SAVE_SYN, the entry has a copy of the SYN if there is memory. With
 * TCP-AO, the entry has the KeyIDs of the SYN, for SYN-ACKs that are sent again.
 */
static struct xtcp_request *new_entry(const struct sock *lsk, struct sk_buff *skb, bool v4)
{
	struct xtcp_net *xn = xtcp_net_of(lsk);
	u8 save_syn = READ_ONCE(xtcp_endpoint(lsk)->save_syn);
	const bool ao = xtcp_request_has_ao(lsk, skb);
	struct xtcp_request *he;

	if (likely(!save_syn && !ao))
		return xtcp_pool_new(xn, v4);
	he = xtcp_pool_new_for_syn(xn, v4, save_syn ? xtcp_savedsyn_len(skb, save_syn) : 0);
	if (!he)
		return ao ? NULL : xtcp_pool_new(xn, v4);
	xtcp_savedsyn_fill(xtcp_pool_syn(he), skb);
	/*
	 * do not call xtcp_request_has_ao() a second time. The listener may have got its first key
	 * since the first call, and nobody has verified this SYN with that key
	 */
	he->ao = ao;
	return he;
}

/* Answers a SYN, and keeps an entry if the limits permit it. */
static enum syn_answer answer_syn(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key,
				  const u32 *timewait_iss)
{
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);
	struct xtcp_request *he = NULL;
	enum admission admission;

	if (xtcp_listen_has_ended(listener))
		return LISTENER_ENDED;
	if (!xtcp_request_addresses_ok(skb, &key->tuple)) {
		xtcp_refusal_drop(lsk);
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
	xtcp_refusal_drop(lsk);
	return NOT_ANSWERED;
}

/**
 * xtcp_synq_syn() - answer a SYN for a listener
 * @lsk: the listener
 * @skb: the SYN; consumed unless false is returned. Its data is dropped and not acknowledged,
 *	unless TCP Fast Open takes it (RFC 7413)
 * @key: the lookup key of @skb
 * @timewait_iss: our ISN if the SYN reopens a TIME-WAIT record, else NULL. This ISN is no cookie,
 *	so the SYN is dropped if no entry can be kept
 *
 * RFC 9293 section 3.10.7.2, third step.
 *
 * Context: softirq, RCU read side. No lock; the listener's socket lock is never taken.
 *
 * Return: false when the listener has ended: another lookup may find another listener.
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
