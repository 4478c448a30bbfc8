// SPDX-License-Identifier: GPL-2.0
/*
 * ACKs that complete handshakes for which no entry was kept (RFC 4987 section 3.6).
 *
 * A cookie is checked only while the listener may have sent a SYN-ACK for which it keeps no entry.
 * This is so for two minutes after xtcp_entry_note_declined() was called for the listener or for
 * another listener of its group. entry.c lists the events that cause the call. With
 * net.xtcp.syncookies = 0 no cookie is checked.
 */
#include "listen/cookieack.h"

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/dst.h>

#include "base/checksum.h"
#include "base/cookie.h"
#include "base/net.h"
#include "base/options.h"
#include "base/secret.h"
#include "base/seg.h"
#include "base/wire.h"
#include "ecn/ecn.h"
#include "listen/child.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "listen/refusal.h"
#include "listen/request.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "sight/mib.h"
#include "window/window.h"

static bool cookie_ok(const struct xtcp_listener *listener, const struct xtcp_demux_key *key, u32 seq, u32 ack,
		      const u32 *tsecr, struct xtcp_cookie *cookie)
{
	cookie->rcv_wscale = listener->group->rcv_wscale;
	return xtcp_secret_cookie_check(xtcp_net_of(listener->sk), key, seq - 1, ack - 1, tsecr, cookie);
}

/**
 * xtcp_cookieack_believed() - may an ACK without an entry complete a handshake?
 * @listener: the listener
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: true if SYN cookies are on, and the listener or another of its group may have sent a
 * SYN-ACK without an entry not long ago (xtcp_entry_may_have_declined()).
 */
bool xtcp_cookieack_believed(const struct xtcp_listener *listener)
{
	return READ_ONCE(xtcp_net_of(listener->sk)->sysctl.syncookies) && xtcp_entry_may_have_declined(listener);
}

/**
 * xtcp_cookieack_is_valid() - does this ACK acknowledge a SYN cookie of ours?
 * @listener: the listener of the ACK's port
 * @skb: a segment without a connection; skb->data is the TCP header. Unchanged
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the cookie is valid, and the listener may have sent cookies lately.
 */
bool xtcp_cookieack_is_valid(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key)
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
 *	listener that takes over (heir.c)
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

/**
 * xtcp_cookieack_arrives() - make the child of a handshake without an entry
 * @lsk: the listener
 * @skb: the ACK
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock(), with a reference; the caller passes
 * the segment to the child. NULL when the ACK opens no connection. ERR_PTR(-EAGAIN) when the
 * listener has ended: another lookup may find another listener.
 */
struct sock *xtcp_cookieack_arrives(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
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
