// SPDX-License-Identifier: GPL-2.0
/*
 * A child is the full sock of a new connection. A child is made when a handshake completes, or when
 * TCP Fast Open accepts a SYN. It is a clone of the listener; SYN and SYN-ACK determine its TCB
 * (RFC 9293 section 3.10.7.2, RFC 7413 section 4.2.2).
 *
 * The child is complete before anybody can find it. Under the listener's lock, the child enters the
 * table of connections and the accept queue. If the child has an entry, it replaces the entry in
 * the table. The child stays locked until it has processed the segment that made it. So no other
 * segment can come first.
 */
#include "listen/child.h"

#include <linux/security.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/transp_v6.h>

#include "auth/aoconn.h"
#include "auth/keys.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/seldom.h"
#include "base/sock.h"
#include "base/state.h"
#include "base/wire.h"
#include "cong/algorithms.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "listen/acceptq.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "listen/pool.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "recv/recv.h"
#include "send/send.h"
#include "sight/blackbox.h"
#include "sight/mib.h"
#include "sock/create.h"
#include "window/window.h"

/*
 * Fills the TCB of a child with what the handshake has agreed on (RFC 9293 section 3.10.7.2). No
 * lock guards the entry here: its timer, or a segment on another CPU, may change it meanwhile. The
 * child then begins as if its ACK had come a moment earlier or later.
 */
static void fill_child(struct sock *child, const struct xtcp_request *he, u32 ts_offset)
{
	struct xtcp_sock *xsk = xtcp_sk(child);

	xtcp_snd_choose(&xsk->snd, he->iss, ts_offset);
	xtcp_snd_begin_after_syn(&xsk->snd);
	xtcp_rcv_begin(&xsk->rcv, he->irs);
	xtcp_agreed_options(&xsk->agreed, he->wscale_ok, he->snd_wscale, he->ts_ok, he->sack_ok);
	xtcp_agreed_ack_rate(&xsk->agreed, he->ack_rate_ok);
	xsk->ecn = he->ecn_ok ? XTCP_ECN_OK : he->ecn_maybe ? XTCP_ECN_MAYBE : 0;
	if (he->accecn_ok)
		/* data_race(): the SYN may come again meanwhile; see above */
		xtcp_accecn_start(child, he->syn_codepoint, data_race(!!he->asked_without));
	if (he->ts_ok)
		xtcp_paws_take(&xsk->paws, READ_ONCE(he->ts_recent));

	xtcp_agreed_peer_mss(&xsk->agreed, he->mss, 0);
	xtcp_agreed_our_mss(&xsk->agreed, xtcp_ip_advmss(child), xsk->user_mss);
	xtcp_mss_sync(child, 0);

	xtcp_window_offered(child, he->rcv_wnd, he->rcv_wscale);
	xtcp_space_begin(child);

	xsk->total_retrans = READ_ONCE(he->resent);
	xtcp_timeouts_of_syn_ack(&xsk->timeouts, READ_ONCE(he->level),
				 he->sent_us ? ((u32)xtcp_clock_us() - he->sent_us) / USEC_PER_MSEC : 0);
}

/*
 * Takes a sample of the round-trip time, from the SYN-ACK to the ACK that completes the handshake.
 * If the SYN-ACK was sent again, there is a sample only if a timestamp tells which copy the peer
 * answers (RFC 6298 section 3). If two copies had the same TSval, the later copy counts. There is
 * no sample if he->acked is set: the peer answered the SYN-ACK with an earlier ACK, which made no
 * child, so the time until this ACK is more than the round trip. As in fill_child(), no lock guards
 * the entry.
 */
static void sample_round_trip(struct sock *child, const struct xtcp_request *he, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(child);
	u64 now_us;
	u32 ms;

	/* data_race(): another ACK may come meanwhile */
	if (data_race(!!he->acked) || !he->sent_us)
		return;
	now_us = xtcp_clock_us();
	if (!READ_ONCE(he->resent)) {
		xtcp_bounds_sample(child, (u32)now_us - he->sent_us);
	} else if (he->ts_ok && seg->has_ts && seg->tsecr) {
		ms = xtcp_clock_ts_of(now_us) + xsk->snd.ts_offset - seg->tsecr - READ_ONCE(he->ts_late);
		if (ms <= XTCP_RTO_MAX_MS)
			xtcp_bounds_sample(child, max(ms, 1U) * USEC_PER_MSEC);
	}
}

static void fill_child_names(struct sock *child, const struct xtcp_request *he, const struct xtcp_tuple *tuple)
{
	struct inet_sock *inet = inet_sk(child);
	struct xtcp_sock *xsk = xtcp_sk(child);

	xtcp_conn_set_tuple(&xsk->conn, tuple);
	xsk->conn.hash = he->conn.hash;
	xsk->conn.bound_dev_if = he->conn.bound_dev_if;
	child->sk_bound_dev_if = he->conn.bound_dev_if;
	child->sk_mark = he->mark;
	inet->inet_dport = tuple->fport;
	if (xtcp_tuple_is_v4(tuple)) {
		sk_daddr_set(child, tuple->faddr.s6_addr32[3]);
		sk_rcv_saddr_set(child, tuple->laddr.s6_addr32[3]);
		inet->inet_saddr = inet->inet_rcv_saddr;
	} else {
		child->sk_v6_daddr = tuple->faddr;
		child->sk_v6_rcv_saddr = tuple->laddr;
		inet->inet_daddr = LOOPBACK4_IPV6;
		inet->inet_rcv_saddr = LOOPBACK4_IPV6;
		inet->inet_saddr = LOOPBACK4_IPV6;
	}
	if (child->sk_family == AF_INET6)
		inet6_sk(child)->saddr = child->sk_v6_rcv_saddr;
}

/*
 * Gives the child the DSCP that the entry has (xtcp_request.tos), as IP_TOS or IPV6_TCLASS would
 * do. As in Linux, sk_priority stays that of the listener.
 */
static void reflect_tos(struct sock *child, const struct xtcp_request *he)
{
	if (he->conn.v4)
		inet_sk(child)->tos = he->tos;
	else
		inet6_sk(child)->tclass = he->tos;
}

/* Gives the child the listener's XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS. */
static int inherit_limits(struct sock *child, const struct sock *lsk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(lsk);

	if (likely(!seldom))
		return 0;
	return xtcp_seldom_set_idle(child, READ_ONCE(seldom->idle_ms), READ_ONCE(seldom->half_closed_ms),
				    GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
}

/*
 * Ends a child that is in no table and in no queue yet. Drops both references of xtcp_sock_clone().
 */
static void discard_child(struct sock *child)
{
	/* sk_clone_lock() has locked the child, but sparse does not know that */
	__acquire(&child->sk_lock.slock);
	xtcp_state_set(child, TCP_CLOSE);
	sock_orphan(child);
	xtcp_sock_destroy(child);
	bh_unlock_sock(child);
	sock_put(child);
}

/*
 * Puts the child into the table of connections and on the accept queue. In the table it replaces
 * @entry, if there is one. Returns 0 or an error.
 */
static int publish_child(struct xtcp_listener *listener, struct sock *child, struct xtcp_request *entry)
{
	struct net *net = sock_net(listener->sk);
	struct xtcp_conn *conn = &xtcp_sk(child)->conn;
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	sock_hold(child);	/* the table's reference; xtcp_demux_remove_sk() puts it */
	spin_lock(&listener->lock);
	if (listener->closed || (entry && !xtcp_listen_has_entry(listener, entry)))
		err = -ECONNABORTED;
	else if (xtcp_acceptq_is_full(listener))
		err = -EAGAIN;
	else if (entry)
		err = xtcp_demux_replace(xn, &entry->conn, conn);
	else
		err = xtcp_demux_insert(xn, conn);
	if (!err) {
		xtcp_sk(child)->lease = xtcp_lease_hold(xtcp_sk(listener->sk)->lease);
		xtcp_acceptq_add(listener, child);
		if (entry)
			xtcp_entry_completed(listener, entry);
	}
	spin_unlock(&listener->lock);
	if (err)
		__sock_put(child);
	else
		sock_prot_inuse_add(net, child->sk_prot, 1);
	return err;
}

/**
 * xtcp_child_make() - make the child of a completed handshake, or of a SYN with Fast Open
 * @listener: the listener
 * @skb: the segment that completed the handshake, or the SYN if @fast is not NULL
 * @he: the entry: from the table, rebuilt from a cookie, or filled from a Fast Open SYN
 * @ts_offset: milliseconds that the child adds to our clock for its TSvals
 *	(xtcp_secret_ts_offset())
 * @is_entry: true if @he is in the table; the child replaces it
 * @fast: the Fast Open state, if @skb is a SYN that opens the connection before the handshake ends
 *	(RFC 7413); else NULL. After success, the child owns @fast
 *
 * Context: softirq, RCU read side. Takes the listener's lock.
 *
 * Return: the child in SYN-RECEIVED, locked by bh_lock_sock(), with a reference; or an error
 * pointer: -EAGAIN when the accept queue is full; -ENOMEM; -ENOBUFS; -EHOSTUNREACH; -EKEYREJECTED
 * when the listener's TCP-AO keys for the peer are gone; -ECONNABORTED when the listener has ended,
 * or the entry has ended or moved to another listener (heir.c); -EADDRNOTAVAIL when the tuple is
 * taken.
 */
struct sock *xtcp_child_make(struct xtcp_listener *listener, struct sk_buff *skb, struct xtcp_request *he,
			     u32 ts_offset, bool is_entry, struct xtcp_fastopen *fast)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	struct sock *lsk = listener->sk;
	struct sock *child;
	int err;

	/* test before the expensive clone is made; publish_child() tests again under the lock */
	if (xtcp_acceptq_is_full(listener))
		return ERR_PTR(-EAGAIN);
	child = xtcp_sock_clone(lsk, GFP_ATOMIC);
	if (!child)
		return ERR_PTR(-ENOMEM);
	fill_child_names(child, he, &tuple);
	if (unlikely(READ_ONCE(xtcp_net_of(lsk)->sysctl.reflect_tos)))
		reflect_tos(child, he);
	err = he->ao ? xtcp_aoconn_inherit(child, lsk, he, skb) : xtcp_keys_inherit(child, lsk);
	if (err)
		goto err_child;
	err = -EHOSTUNREACH;
	/* the hash selects a path: keep the hash of the SYN-ACK, since the SYN-ACK's path works */
	child->sk_txhash = xtcp_reply_synack_hash(lsk, he);
	if (!xtcp_ip_child_route(child))
		goto err_child;
	/* if there is no memory, the child requests no ACK rate, and the peer chooses the rate */
	if (unlikely(he->ack_rate_ok))
		xtcp_seldom_set_ack_rate(child, xtcp_seldom_ack_rate(lsk), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	err = inherit_limits(child, lsk);
	if (err)
		goto err_child;
	xtcp_policy_begin(child);
	xtcp_algorithms_take_route(child);
	fill_child(child, he, ts_offset);
	sample_round_trip(child, he, xtcp_seg(skb));
	if (unlikely(he->has_syn) && xtcp_pool_syn(he)->len)
		xtcp_sk(child)->saved_syn = xtcp_savedsyn_copy(xtcp_pool_syn(he));
	if (unlikely(fast)) {
		err = xtcp_fastopen_begin(child, fast);
		if (err)
			goto err_child;
	}
	err = publish_child(listener, child, is_entry ? he : NULL);
	if (err)
		goto err_child;
	xtcp_blackbox_child(child, listener->user, he->sent_us, he->rcv_wnd);
	xtcp_state_set(child, TCP_SYN_RECV);
	security_inet_conn_established(child, skb);
	XTCP_INC_STATS(xtcp_net_of(lsk), TCP_MIB_PASSIVEOPENS);
	return child;

err_child:
	xtcp_sk(child)->fastopen = NULL;
	discard_child(child);
	return ERR_PTR(err);
}

/**
 * xtcp_child_let_pass() - make PAWS accept the segment that has made a child
 * @child: the child
 * @seg: the segment
 *
 * Another CPU may have raised TS.Recent of the entry since this segment passed the PAWS test of the
 * entry. The segment must not fail PAWS in the child: it has to bring the child to ESTABLISHED, or
 * the program never learns of the child.
 *
 * Context: softirq. Lock: socket, held (bh_lock_sock()).
 */
void xtcp_child_let_pass(struct sock *child, const struct xtcp_seg *seg)
{
	struct xtcp_sock *xsk = xtcp_sk(child);

	if (xsk->agreed.ts_ok && seg->has_ts)
		xtcp_paws_let_pass(&xsk->paws, seg->tsval);
}
