// SPDX-License-Identifier: GPL-2.0
/*
 * The short way between two ends on one machine (net.xtcp.local). A write puts its skb into the
 * peer's receive queue, instead of a copy of it onto the loopback: no IP, no softirq, no ACK.
 *
 * Both ends remain a TCP. An skb that is handed over counts as one segment that was sent, arrived
 * and was acknowledged at once: the sequence numbers, windows, counters, times and memory of both
 * socks, and the counters of lo, are what they would be. So the next write may leave as a segment.
 *
 * A write goes the short way only if each end has got all that the other one has sent, nothing is
 * out of order or urgent, and no FIN is known. An ACK that is late is taken in the same step. Only
 * text goes the short way: SYN, FIN, RST, probes and window updates are segments.
 *
 * Text goes as segments while anything would see, change or drop a packet on lo: a packet socket in
 * the namespace, a raw socket for TCP, a hook of netfilter (but those of xtcp and AppArmor, see
 * early.c), a program of tc or XDP, a queue, BPF of a cgroup, an IPsec policy. So it does while an
 * end has a socket filter, keys, pacing, timestamps, ECN, IP options, a minimum TTL or a black box.
 * Nobody tells us of such a change, so each write looks. The tracepoint xtcp_local sees what goes the
 * short way; kprobes and BPF programs of the LSM hook socket_sock_rcv_skb do not, nor can we see them.
 *
 * A reader that sleeps is woken by each write. While it is slower than a writer of small pieces,
 * that bundles them, as it does while segments are in flight (sendmsg.c).
 *
 * Locking: the writer owns its sock, without its spinlock, and takes the peer's lock as a softirq
 * does: two ends that write to each other do not deadlock. If a program owns the peer, the text
 * leaves as a segment, and so goes to the backlog.
 */
#include "socket/socket.h"

#include <net/ip6_fib.h>
#include <net/rawv6.h>
#include <net/sch_generic.h>

#include "auth/auth.h"
#include "base/sock.h"
#include "send/send.h"
#include "sight/sight.h"

/* Would anything see, change or drop a packet on @dev, the loopback of @net? RCU read side. */
static bool somebody_looks(const struct net *net, struct net_device *dev, bool v4)
{
	/* a packet socket for IP alone is in no list that a module can read, so any counts */
	return !hlist_empty(&net->packet.sklist) || xtcp_compat_dev_is_watched(dev) ||
	       xtcp_compat_raw_listens(net, v4 ? &raw_v4_hashinfo : &raw_v6_hashinfo) ||
	       rcu_dereference(netdev_get_tx_queue(dev, 0)->qdisc)->enqueue || xtcp_early_others_look(net, v4);
}

/* Does anything at this end see, change or refuse its segments, or time them? */
static bool end_looks(struct sock *sk, bool v4)
{
	const struct ipv6_pinfo *np = v4 ? NULL : inet6_sk(sk);

	return xtcp_cold_signs(sk) || READ_ONCE(sk->sk_tsflags) || sock_flag(sk, SOCK_RCVTSTAMP) ||
	       rcu_access_pointer(sk->sk_filter) || READ_ONCE(inet_sk(sk)->min_ttl) ||
	       rcu_access_pointer(inet_sk(sk)->inet_opt) ||
	       (np && (READ_ONCE(np->min_hopcount) || rcu_access_pointer(np->opt))) || xtcp_blackbox_is_there(sk) ||
	       xtcp_compat_cgroup_looks(sk) || xtcp_ip_has_policies(sock_net(sk), sk, XFRM_POLICY_OUT) ||
	       xtcp_ip_has_policies(sock_net(sk), sk, XFRM_POLICY_IN);
}

/* Has this end something to say that only a segment can? */
static bool needs_segment(const struct xtcp_sock *xsk)
{
	return !RB_EMPTY_ROOT(&xsk->stream->out_of_order) || xtcp_sack_takes_room(&xsk->stream->sack) || xsk->ecn ||
	       xsk->cong.phase != XTCP_CONG_OPEN || xsk->snd_urgent || xsk->urgent.data == XTCP_URGENT_AWAITED;
}

/*
 * The loopback, if the segments of @sk go to an address of this namespace in the usual way; else NULL. A
 * route that is too old stays: who sends a segment by another one looks at its MTU.
 */
static struct net_device *loopback_of(struct sock *sk, bool v4)
{
	struct dst_entry *dst = __sk_dst_get(sk);

	if (!dst || !(dst->dev->flags & IFF_LOOPBACK) || !dst_check(dst, v4 ? 0 : inet6_sk(sk)->dst_cookie) ||
	    dst->error || dst->lwtstate || dst_xfrm(dst))
		return NULL;
	if (v4 ? container_of(dst, struct rtable, dst)->rt_type != RTN_LOCAL :
		 !(container_of(dst, struct rt6_info, dst)->rt6i_flags & RTF_LOCAL))
		return NULL;
	return dst->dev;
}

/* May a text of @sk go the short way, as far as @sk itself knows? */
static bool may_hand_over(struct sock *sk, bool v4)
{
	return sk->sk_state == TCP_ESTABLISHED && !xtcp_pace_applies(sk) &&
	       !xtcp_sk(sk)->timers.probes && !needs_segment(xtcp_sk(sk)) && !end_looks(sk, v4);
}

/* RCU read side; NULL: it is no full sock of this build. */
static struct sock *peer_of(struct sock *sk, bool v4)
{
	struct dst_entry *dst = __sk_dst_get(sk);
	const struct xtcp_tuple own = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);
	struct xtcp_demux_key key = {
		.tuple = { .laddr = own.faddr, .faddr = own.laddr, .lport = own.fport, .fport = own.lport },
		/* as inet_iif() and inet6_iif() say of a packet that brings this route along */
		.dif = v4 ? container_of(dst, struct rtable, dst)->rt_iif ?: dst->dev->ifindex :
			    ip6_dst_idev(dst)->dev->ifindex,
	};
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_conn *conn;

	key.hash = xtcp_demux_hash(xn, &key.tuple);
	conn = xtcp_demux_lookup(xn, &key);
	return conn && conn->kind == XTCP_CONN_SOCK ? xtcp_sk_of_conn(conn) : NULL;
}

/* Since the lookup, the peer may have begun another connection. */
static bool is_still_peer(const struct sock *sk, const struct sock *peer)
{
	const struct xtcp_conn *ours = &xtcp_endpoint(sk)->conn, *theirs = &xtcp_endpoint(peer)->conn;

	if (ours->v4 != theirs->v4 || ours->lport != theirs->fport || ours->fport != theirs->lport)
		return false;
	if (ours->v4)
		return ours->laddr4 == theirs->faddr4 && ours->faddr4 == theirs->laddr4;
	return ipv6_addr_equal(&ours->laddr6, &theirs->faddr6) && ipv6_addr_equal(&ours->faddr6, &theirs->laddr6);
}

/*
 * Both are locked. May @peer take the next text of @sk at once? Each must have got what the other one
 * has sent: an ACK that a segment brings later would be too old.
 */
static bool may_take(const struct sock *sk, struct sock *peer, bool v4)
{
	const struct xtcp_sock *xsk = xtcp_sk(peer);
	const struct xtcp_sock *own = xtcp_sk(sk);

	return !sock_owned_by_user(peer) && peer->sk_state == TCP_ESTABLISHED && is_still_peer(sk, peer) &&
	       !sock_flag(peer, SOCK_DEAD) && !(peer->sk_shutdown & RCV_SHUTDOWN) &&
	       xsk->rcv.nxt == own->snd.nxt && xsk->snd.nxt == own->rcv.nxt && !xsk->rcv_fin_known &&
	       !xtcp_sndq_unsent(peer) && !needs_segment(xsk) && !end_looks(peer, v4);
}

/* @sk has got something from its peer, which acknowledges what it has got. */
static void heard(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xsk->rcv_tstamp = (u32)jiffies;
	xsk->ack_tstamp = (u32)jiffies;
	xtcp_tries_answered(&xsk->tries.keepalive_sent);
}

/* @from says to @to what any segment would: that it lives, and what it has got. Return: the window that it offers. */
static u32 say(struct sock *from, struct sock *to)
{
	xtcp_acking_said(&xtcp_sk(from)->acking);
	xtcp_timer_disarm(&xtcp_sk(from)->timers, XTCP_TIMER_DELACK);
	heard(to);
	return xtcp_segment_offer(from);
}

/* An ACK of all that @to has in flight, which would come later. Only the control block of @skb is used. */
static void acknowledge(struct sock *from, struct sock *to, struct sk_buff *skb)
{
	const struct xtcp_sock *xsk = xtcp_sk(from);

	*xtcp_seg(skb) = (struct xtcp_seg) {
		.seq = xsk->snd.nxt,
		.end_seq = xsk->snd.nxt,
		.ack = xsk->rcv.nxt,
		.wnd = say(from, to) >> xsk->rcv_wscale,
		.flags = XTCP_ACK,
	};
	xtcp_sk(to)->arrived_us = xtcp_clock_us();
	xtcp_ack_arrives(to, skb);
}

static void count_handed(struct sock *sk, struct sock *peer, struct net_device *dev, u32 len)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;
	struct xtcp_net *xn = xsk->xn;

	xsk->segs_out++;
	stream->data_segs_out++;
	stream->bytes_sent += len;
	stream->bytes_acked += len;
	stream->delivered += len;
	stream->delivered_segments++;
	xtcp_sock_count_in(xtcp_sk(peer), 1, true);
	XTCP_INC_STATS(xn, TCP_MIB_OUTSEGS);
	XTCP_INC_STATS(xn, TCP_MIB_INSEGS);
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPORIGDATASENT);
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPDELIVERED);
	XTCP_NET_INC_STATS(xn, XTCP_MIB_LOCAL);
	dev_lstats_add(dev, len + XTCP_HDR_LEN + (xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0) +
			    (xtcp_sock_is_v4(sk) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)));
}

/* The peer of @sk offers @wnd octets, in a segment at @seq. */
static void window_offered(struct sock *sk, u32 wnd, u32 seq)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const bool bounds_mss = xsk->snd.max_wnd / 2 <= xsk->mss;

	if (xtcp_snd_offered(&xsk->snd, wnd, seq) && bounds_mss)
		xtcp_mss_sync(sk, xsk->pmtu);
}

/* Is a write at @now_us less than coalesce_usecs behind the last delivery? It is of one stream with that. */
static bool follows_soon(const struct sock *sk, u64 now_us)
{
	const int usecs = READ_ONCE(xtcp_net_of(sk)->sysctl.coalesce_usecs);

	return (s64)(now_us - xtcp_sk(sk)->stream->delivered_us) < usecs;
}

/* A text of @sk was delivered, at @now_us. @unread: the reader had not read all of those before. */
static void note_reader(struct sock *sk, bool unread, u64 now_us)
{
	struct xtcp_stream *stream = xtcp_sk(sk)->stream;

	if (!unread || !follows_soon(sk, now_us))
		stream->local_lags = 0;
	else if (stream->local_lags < XTCP_LOCAL_LAGS)
		stream->local_lags++;
	stream->delivered_us = now_us;
}

/* May a small write wait for the next one? The last ones took the short way, and the reader lagged behind. */
bool xtcp_local_may_wait(const struct sock *sk)
{
	sock_owned_by_me(sk);
	return READ_ONCE(xtcp_net_of(sk)->sysctl.local) && follows_soon(sk, xtcp_clock_us());
}

/* @peer has got the text of @sk up to @end, acknowledges it and offers its window. */
static void taken_at_once(struct sock *sk, struct sock *peer, u32 end)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	xtcp_snd_sent(&xsk->snd, end);
	xtcp_snd_acked(&xsk->snd, end);
	window_offered(sk, say(peer, sk), xtcp_sk(peer)->snd.nxt);
	/* as for text that is in flight; what remains arms it again. It also waits for the next page (sendmsg.c) */
	xtcp_timer_disarm(&xsk->timers, XTCP_TIMER_PERSIST);
	/* marks that ACKs move, so that none is more than 2^31 octets old */
	xsk->stream->snd_sml = end;
	xsk->stream->recover = end;
	xsk->stream->cong.usage_seq = end;
	xsk->stream->undo.armed = false;
	xsk->stream->tlp.pending = false;
	xtcp_rto_round_begins(&xsk->rto, end);
	xsk->snd_tstamp = (u32)jiffies;
	if (end == xsk->snd.write_seq)
		xtcp_busy_with(&xsk->stream->busy, XTCP_IDLE);
}

/* Return: false, and @skb is where it was, if @peer has no room, or no memory. */
static bool hand_over(struct sock *sk, struct sock *peer, struct sk_buff *skb, struct net_device *dev)
{
	struct xtcp_sock *xsk = xtcp_sk(sk), *to = xtcp_sk(peer);
	const struct xtcp_sndcb cb = *xtcp_sndcb(skb);
	const u32 len = skb->len, truesize = skb->truesize;
	const bool unread = !skb_queue_empty(&peer->sk_receive_queue);

	if (xsk->snd.una == xsk->snd.nxt && len > xtcp_snd_room(&xsk->snd, cb.seq))
		return false;
	if (unlikely(to->packed) && !xtcp_stream_begin(peer, GFP_ATOMIC))
		return false;
	__skb_unlink(skb, &sk->sk_write_queue);
	skb->tstamp = 0;
	skb->csum = 0;
	if (unlikely(xsk->snd.una != xsk->snd.nxt))
		acknowledge(peer, sk, skb);
	if (unlikely(to->snd.una != to->snd.nxt))
		acknowledge(sk, peer, skb);
	*xtcp_seg(skb) = (struct xtcp_seg) {
		.seq = cb.seq,
		.end_seq = cb.end_seq,
		.tsecr = to->stream->rcv_rtt_tsecr,
		.len = len,
		.flags = XTCP_ACK | cb.flags,
	};
	to->arrived_us = xtcp_clock_us();
	/* with TCP_REPAIR the window that @sk knows may be larger than the one that @peer has offered */
	if (len > xtcp_snd_room(&xsk->snd, cb.seq) || xtcp_seq_gt(cb.end_seq, to->rcv.wup + to->rcv.wnd) ||
	    xtcp_text_arrives(peer, skb) != XTCP_CONSUMED) {
		*xtcp_sndcb(skb) = cb;
		__skb_queue_head(&sk->sk_write_queue, skb);
		return false;
	}
	/* only now: memory that was given back may be gone */
	xtcp_sndq_uncharge(sk, truesize);
	heard(peer);
	/* as offered last: an update that is still under way comes too late, since its number is old */
	window_offered(peer, xsk->rcv.wup + xsk->rcv.wnd - xsk->rcv.nxt, cb.seq);
	taken_at_once(sk, peer, cb.end_seq);
	note_reader(sk, unread, to->arrived_us);
	count_handed(sk, peer, dev, len);
	/* the text of @sk before end_seq was handed over, and is acknowledged */
	trace_xtcp_local(sk, cb.end_seq, len, XTCP_ACK | cb.flags);
	if (trace_xtcp_ack_enabled())
		trace_xtcp_ack(sk, &(struct xtcp_sample){ .acked = len, .delivered = len }, 0);
	return true;
}

/* The next skb that may leave now. MSG_MORE and TCP_CORK hold the last one until it is full segments. */
static struct sk_buff *next_text(const struct sock *sk, int nonagle)
{
	struct sk_buff *skb = xtcp_sndq_unsent(sk);
	const struct xtcp_sndcb *cb;

	if (!skb || !skb->len)
		return NULL;
	cb = xtcp_sndcb(skb);
	if (cb->flags & (XTCP_SYN | XTCP_FIN) || cb->stamps || skb_zcopy(skb) || skb_pfmemalloc(skb))
		return NULL;
	if (nonagle & TCP_NAGLE_CORK && !(nonagle & TCP_NAGLE_PUSH) && xtcp_sndq_is_last(sk, skb) &&
	    skb->len % xtcp_mss_payload(sk))
		return NULL;
	return skb;
}

/* Not inlined: most connections have their peer on another machine. Return: is nothing left that may leave now? */
static noinline bool to_peer(struct sock *sk, struct net_device *dev, int nonagle, bool v4)
{
	struct sk_buff *skb = next_text(sk, nonagle);
	struct sock *peer = skb ? peer_of(sk, v4) : NULL;

	if (!peer || peer == sk)
		return false;
	spin_lock_bh(&peer->sk_lock.slock);
	if (may_take(sk, peer, v4)) {
		sk_incoming_cpu_update(peer);
		for (; skb && hand_over(sk, peer, skb, dev); skb = next_text(sk, nonagle))
			/* it does not wait for the next write any more */
			WRITE_ONCE(xtcp_sk(sk)->coalescing, false);
		xtcp_sndbuf_wake(peer);
		xtcp_sndbuf_wake(sk);
	}
	spin_unlock_bh(&peer->sk_lock.slock);
	return !skb;
}

/*
 * Hands the unsent text to a peer on this machine, as far as that may be; xtcp_output_push_nagle()
 * sends what remains. Process; no thread has the spinlock of @sk. Takes the peer's.
 */
void xtcp_local_push(struct sock *sk, int nonagle)
{
	const bool v4 = xtcp_sock_is_v4(sk);
	bool handed = false;
	struct net_device *dev;

	sock_owned_by_me(sk);
	rcu_read_lock();
	dev = loopback_of(sk, v4);
	if (unlikely(dev) && may_hand_over(sk, v4) && !somebody_looks(sock_net(sk), dev, v4))
		handed = to_peer(sk, dev, nonagle, v4);
	rcu_read_unlock();
	xtcp_sk(sk)->is_local = handed;
}
