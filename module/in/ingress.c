// SPDX-License-Identifier: GPL-2.0
/*
 * Segments that are ours: check each one, then take the connection's lock. interpose.c has found
 * the connection or listener. If the connection ends before we get its lock, the segment gets the
 * answer that RFC 9293 section 3.10.7.1 demands in CLOSED.
 */
#include <net/busy_poll.h>
#include <trace/events/tcp.h>

#include "base/sock.h"
#include "in/in.h"
#include "listen/listen.h"
#include "out/out.h"
#include "timewait/timewait.h"

/* @skb: at the TCP header; freed. @state: of its connection, for the tracepoint; TCP_CLOSE if unknown. */
static void xtcp_checks_drop(const struct net *net, struct sk_buff *skb, int state, enum skb_drop_reason reason)
{
	if (trace_xtcp_drop_enabled()) {
		struct xtcp_tuple tuple;
		const struct tcphdr *th;
		struct tcphdr buf;

		xtcp_demux_tuple_from_skb(skb, &tuple);
		th = skb_header_pointer(skb, 0, sizeof(buf), &buf);
		trace_xtcp_drop(net, &tuple, state, th, th ? max_t(int, skb->len - th->doff * 4, 0) : 0, reason);
	}
	kfree_skb_reason(skb, reason);
}

/* Is the segment for this host, and are its length and checksum right (MUST-3)? It is freed otherwise. */
static __always_inline bool xtcp_checks_header(struct xtcp_net *xn, struct sk_buff *skb)
{
	const struct tcphdr *th;

	if (skb->pkt_type != PACKET_HOST) {
		xtcp_checks_drop(xn->net, skb, TCP_CLOSE, SKB_DROP_REASON_OTHERHOST);
		return false;
	}
	XTCP_INC_STATS(xn, TCP_MIB_INSEGS);
	if (!pskb_may_pull(skb, sizeof(*th)))
		goto too_small;
	th = (const struct tcphdr *)skb->data;
	if (th->doff < sizeof(*th) / 4 || !pskb_may_pull(skb, th->doff * 4))
		goto too_small;
	/* not again if the device has verified it, or if this machine has sent the segment */
	if (!skb_csum_unnecessary(skb) && !xtcp_checksum_ok(skb)) {
		trace_tcp_bad_csum(skb);
		XTCP_INC_STATS(xn, TCP_MIB_CSUMERRORS);
		XTCP_INC_STATS(xn, TCP_MIB_INERRS);
		xtcp_checks_drop(xn->net, skb, TCP_CLOSE, SKB_DROP_REASON_TCP_CSUM);
		return false;
	}
	return true;

too_small:
	XTCP_INC_STATS(xn, TCP_MIB_INERRS);
	xtcp_checks_drop(xn->net, skb, TCP_CLOSE, SKB_DROP_REASON_PKT_TOO_SMALL);
	return false;
}

/*
 * Verifies the signature (RFC 2385, RFC 5925 section 7.5) with the keys of @sk. @l3index: the VRF
 * device by which the segment came; 0: none. Not inlined: hardly any segment has a signature.
 * Return: false when the segment was freed.
 */
static noinline bool xtcp_checks_signature(struct xtcp_net *xn, const struct sock *sk, const struct xtcp_request *he,
					   struct sk_buff *skb, int state, int l3index,
					   struct xtcp_signature *signature)
{
	bool counted = signature && signature->counted;
	enum skb_drop_reason reason = xtcp_verify_segment(sk, he, skb, l3index, &counted);

	if (signature)
		signature->counted = counted;
	if (reason)
		xtcp_checks_drop(xn->net, skb, state, reason);
	return !reason;
}

/*
 * Checks what @sk (NULL: a TIME-WAIT record) or the entry @he demands of a segment, and frees it on
 * failure. @state: for the tracepoint. @dif, @sdif: as in struct xtcp_demux_key.
 *
 * The order is that of the kernel's TCP, so that counters and side effects happen where
 * administrators expect them. The filter may cut the text, so the signature comes before it. The
 * policy needs the addresses from before NAT, so the conntrack entry is not released here: a SYN
 * that reopens a record is checked a second time, with the listener's policy.
 */
static __always_inline bool xtcp_checks_owner(struct xtcp_net *xn, struct sock *sk, const struct xtcp_request *he,
					      struct sk_buff *skb, int state, int dif, int sdif,
					      struct xtcp_signature *signature)
{
	if (sk && !xtcp_checks_hops(sk, skb)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMINTTLDROP);
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_NOT_SPECIFIED);
		return false;
	}
	/* without a policy of @sk, or for a TIME-WAIT record (NULL), the namespace's decides */
	if (!(skb->protocol == htons(ETH_P_IP) ? xfrm4_policy_check(sk, XFRM_POLICY_IN, skb) :
						  xfrm6_policy_check(sk, XFRM_POLICY_IN, skb))) {
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_XFRM_POLICY);
		return false;
	}
	if (sk && xtcp_verify_is_due(sk, skb) && !(signature && signature->verified) &&
	    !xtcp_checks_signature(xn, sk, he, skb, state, sdif ? dif : 0, signature))
		return false;
	if (sk && xtcp_compat_filter(sk, skb, tcp_hdr(skb)->doff * 4)) {
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_SOCKET_FILTER);
		return false;
	}
	return true;
}

/* octets for ACKs and segments with little text, as in kernel TCP: their skbs take much more memory */
#define BACKLOG_HEADROOM	(64 * 1024)

/* fill_seg() itself reads the common case, a timestamp alone */
static noinline_for_stack void fill_options_of(struct xtcp_seg *seg, const u8 *bytes, unsigned int len)
{
	struct xtcp_options opts;

	xtcp_options_parse(bytes, len, seg->flags & XTCP_SYN, &opts);
	seg->mss = opts.mss;
	seg->has_wscale = opts.has_wscale;
	seg->wscale = opts.wscale;
	seg->has_ts = opts.has_ts;
	seg->tsval = opts.tsval;
	seg->tsecr = opts.tsecr;
	seg->sack_permitted = opts.sack_permitted;
	seg->sack_blocks = opts.sack_blocks;
	seg->sack_at = sizeof(struct tcphdr) + opts.sack_at;
	seg->ack_rate = opts.ack_rate;
}

/* In skb->cb, which held IP's control block until now. The socket filter may have cut the data. */
static __always_inline void fill_seg(struct sk_buff *skb, int dif, int sdif)
{
	const struct tcphdr *th = tcp_hdr(skb);
	const u8 *options = (const u8 *)(th + 1);
	const u8 flags = ((const u8 *)th)[13];
	struct xtcp_seg *seg = xtcp_seg(skb);

	/* skb->cb holds old data: set every field */
	seg->seq = ntohl(th->seq);
	seg->ack = ntohl(th->ack_seq);
	seg->wnd = ntohs(th->window);
	seg->flags = flags;
	seg->hdr_len = th->doff * 4;
	seg->len = skb->len - seg->hdr_len;
	seg->end_seq = seg->seq + seg->len + !!(flags & XTCP_SYN) + !!(flags & XTCP_FIN);
	seg->dif = dif;
	seg->sdif = sdif;
	seg->ecn = INET_ECN_MASK & (skb->protocol == htons(ETH_P_IP) ? ipv4_get_dsfield(ip_hdr(skb)) :
								       ipv6_get_dsfield(ipv6_hdr(skb)));
	if (likely(seg->hdr_len == sizeof(*th) + XTCP_OPTLEN_TIMESTAMP_ALIGNED &&
		   xtcp_options_begin_with_timestamp(options))) {
		seg->mss = 0;
		seg->has_wscale = false;
		seg->wscale = 0;
		seg->has_ts = true;
		seg->tsval = xtcp_options_read32(options + 4);
		seg->tsecr = xtcp_options_read32(options + 8);
		seg->sack_permitted = false;
		seg->sack_blocks = 0;
		seg->sack_at = 0;
		seg->ack_rate = 0;
	} else {
		fill_options_of(seg, options, seg->hdr_len - sizeof(*th));
	}
}

/*
 * struct ip_note - what the checks, above all of the IPsec policy, read in IP's control block
 * @flags: whether it is a port of a VRF; for IPv4, also whether disable_policy exempts the
 *	segment from the IPsec policies of the namespace
 */
struct ip_note {
	int iif;	/* the input device */
	u16 flags;
	u16 nhoff;	/* IPv6 only: offset, from the IP header, of the octet that names TCP as the next header */
};

static __always_inline struct ip_note ip_note(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return (struct ip_note) { .iif = IPCB(skb)->iif, .flags = IPCB(skb)->flags };
	return (struct ip_note) { .iif = IP6CB(skb)->iif, .flags = IP6CB(skb)->flags, .nhoff = IP6CB(skb)->nhoff };
}

/* Puts back what fill_seg() has overwritten in the block, so that the checks can be repeated. */
static void restore_ip_note(struct sk_buff *skb, struct ip_note note)
{
	memset(skb->cb, 0, sizeof(skb->cb));
	if (skb->protocol == htons(ETH_P_IP)) {
		IPCB(skb)->iif = note.iif;
		IPCB(skb)->flags = note.flags;
	} else {
		IP6CB(skb)->iif = note.iif;
		IP6CB(skb)->flags = note.flags;
		IP6CB(skb)->nhoff = note.nhoff;
	}
}

/* Of the peer's window field; a TIME-WAIT record does not keep it. */
static int peer_shift(const struct xtcp_conn *conn)
{
	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_REQUEST:
		return container_of(conn, struct xtcp_request, conn)->snd_wscale;
	case XTCP_CONN_TIMEWAIT:
		return -1;
	case XTCP_CONN_SOCK:
		return xtcp_sender(xtcp_sk_of_conn(conn))->agreed.snd_wscale;
	}
	return -1;
}

/* the tuple takes stack only while tracing is on */
static noinline_for_stack void do_trace_in(const struct net *net, const struct xtcp_conn *conn, int state,
					   struct sk_buff *skb)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(conn);

	trace_xtcp_segment_in(net, &tuple, state, skb, peer_shift(conn));
}

static inline void trace_in(const struct net *net, const struct xtcp_conn *conn, int state, struct sk_buff *skb)
{
	if (trace_xtcp_segment_in_enabled())
		do_trace_in(net, conn, state, skb);
}

/**
 * xtcp_ingress_deliver() - a segment meets its connection; also proto.backlog_rcv
 * @sk: the socket
 * @skb: the segment
 * Context: softirq, or process with BH enabled, in release_sock(). Lock: socket, held.
 */
inline int xtcp_ingress_deliver(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	trace_in(sock_net(sk), &xtcp_sk(sk)->conn, sk->sk_state, skb);
	return xtcp_arrives(sk, skb);
}

/*
 * For the receive queue and the backlog together, octets of memory. The buffer counts twice: until
 * the whole backlog is processed, a segment counts in both. The rest is for ACKs of what we send.
 */
static unsigned int backlog_limit(const struct sock *sk)
{
	u64 limit = 2ULL * READ_ONCE(sk->sk_rcvbuf) + (READ_ONCE(sk->sk_sndbuf) >> 1) + BACKLOG_HEADROOM;

	return min_t(u64, limit, UINT_MAX);
}

static noinline void to_backlog(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk)
{
	/* skb_set_tcp_pure_ack() of a local sender may have set truesize to 2 */
	skb->truesize = max_t(u32, skb->truesize, SKB_TRUESIZE(skb_end_offset(skb)) + skb->data_len);
	if (sk_add_backlog(sk, skb, backlog_limit(sk))) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPBACKLOGDROP);
		/* only a tracepoint shows the state */
		xtcp_checks_drop(xn->net, skb, data_race(sk->sk_state), SKB_DROP_REASON_SOCKET_BACKLOG);
	}
}

/* If a process owns the sock, the segment goes to the backlog. */
static __always_inline void lock_or_backlog(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk)
{
	const u32 segments = max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sk_incoming_cpu_update(sk);
	bh_lock_sock_nested(sk);
	if (unlikely(rcu_access_pointer(sk->sk_rx_dst) != skb_dst(skb)))
		xtcp_early_learn(sk, skb);
	xtcp_arrives_detach(skb);
	sk_mark_napi_id(sk, skb);
	sock_rps_save_rxhash(sk, skb);
	xtcp_sock_count_in(xsk, segments, seg->len);
	if (likely(!sock_owned_by_user(sk)))
		xtcp_ingress_deliver(sk, skb);
	else
		to_backlog(xn, skb, sk);
	bh_unlock_sock(sk);
}

/* for nearly all segments. Its common steps are inlined, which saves five calls */
static void to_sock(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk, int dif, int sdif)
{
	if (!xtcp_checks_header(xn, skb))
		return;
	/* only the tracepoint of a dropped segment shows the state */
	if (!xtcp_checks_owner(xn, sk, NULL, skb, data_race(sk->sk_state), dif, sdif, NULL))
		return;
	fill_seg(skb, dif, sdif);
	lock_or_backlog(xn, skb, sk);
}

/* @lsk: the entry's listener, or NULL for a record. Fills struct xtcp_seg. False when the segment was freed. */
static noinline bool is_acceptable(struct xtcp_net *xn, struct sock *lsk, const struct xtcp_request *he,
				   struct sk_buff *skb, int state, const struct xtcp_demux_key *key,
				   struct xtcp_signature *signature)
{
	if (!xtcp_checks_owner(xn, lsk, he, skb, state, key->dif, key->sdif, signature))
		return false;
	fill_seg(skb, key->dif, key->sdif);
	return true;
}

static noinline bool is_whole(struct xtcp_net *xn, struct sk_buff *skb)
{
	return xtcp_checks_header(xn, skb);
}

/*
 * The half-open entry has just ended, usually since another CPU has made the child. But if the
 * listener has ended without a target (handover.c), an ACK gets a RST: the peer may wait for data.
 */
static void to_successor(struct xtcp_net *xn, struct sk_buff *skb, const struct xtcp_request *he,
			 const struct xtcp_demux_key *key, struct xtcp_signature *signature)
{
	struct xtcp_conn *conn = xtcp_demux_lookup(xn, key);
	struct sock *sk = conn && conn->kind == XTCP_CONN_SOCK ? xtcp_sk_of_conn(conn) : NULL;

	if (!sk || !refcount_inc_not_zero(&sk->sk_refcnt)) {
		const struct sock *lsk = READ_ONCE(he->lsk);

		/* if the listener has not ended, the peer gets its answer when it resends */
		if (!sk && xtcp_seg(skb)->flags & XTCP_ACK && xtcp_listen_has_ended(xtcp_listen_queues(lsk)))
			xtcp_reply_rst_for(lsk, he, skb, 0);
		consume_skb(skb);
		return;
	}
	/* again with the child's keys: the listener's MD5 key may have been removed before is_acceptable() looked */
	if (!xtcp_verify_is_due(sk, skb) ||
	    /* only a tracepoint shows the state */
	    xtcp_checks_signature(xn, sk, NULL, skb, data_race(sk->sk_state), key->sdif ? key->dif : 0, signature))
		lock_or_backlog(xn, skb, sk);
	sock_put(sk);
}

static void to_request(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_request *he,
		       const struct xtcp_demux_key *key)
{
	struct sock *lsk = READ_ONCE(he->lsk), *target;
	struct xtcp_signature signature = {};
	const struct ip_note note = ip_note(skb);
	struct sock *child;

	if (!is_acceptable(xn, lsk, he, skb, TCP_SYN_RECV, key, &signature))
		return;
	trace_in(xn->net, &he->conn, TCP_SYN_RECV, skb);
	child = xtcp_halfopen_arrives(he, lsk, skb);
	/* the entry may have moved to another listener (handover.c) */
	while (child == ERR_PTR(-EAGAIN) && (target = READ_ONCE(he->lsk)) != lsk) {
		lsk = target;
		restore_ip_note(skb, note);
		if (!is_acceptable(xn, lsk, he, skb, TCP_SYN_RECV, key, &signature))
			return;
		child = xtcp_halfopen_arrives(he, lsk, skb);
	}
	if (child == ERR_PTR(-EAGAIN))
		to_successor(xn, skb, he, key, &signature);
	else if (child)
		xtcp_arrives_child(skb, lsk, child);
	else
		consume_skb(skb);
}

/* In a SO_REUSEPORT group a BPF program may choose. */
static struct sock *whose(struct xtcp_net *xn, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct sock *lsk = xtcp_listeners_lookup(xn, key);

	return lsk ? xtcp_group_choose(lsk, key->hash >> 32, skb) : NULL;
}

/*
 * @timewait_iss: our ISN if the segment is a SYN that reopens a TIME-WAIT record, else NULL.
 * @signature: verified if who_reopens() has used the keys of @lsk. @traced: was traced before.
 * Return: false when @lsk has ended since the lookup.
 */
static __always_inline bool to_listener(struct xtcp_net *xn, struct sk_buff *skb, struct sock *lsk,
					const struct xtcp_demux_key *key, const u32 *timewait_iss,
					struct xtcp_signature *signature, bool traced)
{
	if (!is_acceptable(xn, lsk, NULL, skb, TCP_LISTEN, key, signature))
		return true;
	if (!traced)
		trace_xtcp_segment_in(xn->net, &key->tuple, TCP_LISTEN, skb, -1);
	return timewait_iss ? xtcp_synq_syn(lsk, skb, key, timewait_iss) : xtcp_arrives_listen(lsk, skb, key);
}

/* @ended has ended after the lookup. If there is no other listener, an ACK gets a RST. */
static noinline_for_stack void to_next_listener(struct xtcp_net *xn, struct sk_buff *skb, const struct sock *ended,
						const struct xtcp_demux_key *key, const u32 *timewait_iss,
						struct xtcp_signature *signature, struct ip_note note)
{
	struct sock *lsk;

	while ((lsk = whose(xn, skb, key))) {
		signature->verified = false;
		restore_ip_note(skb, note);
		if (to_listener(xn, skb, lsk, key, timewait_iss, signature, true))
			return;
		ended = lsk;
	}
	if (xtcp_seg(skb)->flags & XTCP_ACK)
		xtcp_reply_rst_for(ended, NULL, skb, 0);
	consume_skb(skb);
}

/*
 * NULL if the segment must not reopen the record: it is not a SYN alone, no listener has room for
 * it, or too few hops are left. ERR_PTR(), and the segment is freed, if its signature is wrong.
 */
static struct sock *who_reopens(struct xtcp_net *xn, struct sk_buff *skb, const struct xtcp_demux_key *key,
				struct xtcp_signature *signature)
{
	const struct xtcp_listener *listener;
	struct sock *lsk;

	if (!xtcp_seg_is_syn_alone(xtcp_seg(skb)))
		return NULL;
	/* a listener without queues has just ended; the next lookup does not find it */
	do {
		lsk = whose(xn, skb, key);
		listener = lsk ? xtcp_listen_queues(lsk) : NULL;
	} while (lsk && !listener);
	if (!listener || xtcp_acceptq_is_full(listener) || !xtcp_checks_hops(lsk, skb))
		return NULL;
	if (xtcp_verify_is_due(lsk, skb) &&
	    !xtcp_checks_signature(xn, lsk, NULL, skb, TCP_LISTEN, key->sdif ? key->dif : 0, signature))
		return ERR_PTR(-EKEYREJECTED);
	signature->verified = true;
	return lsk;
}

/* Frees the segment on failure. Not for one that may reopen the record, which a listener's key signs. */
static bool record_signature_ok(struct xtcp_net *xn, struct sk_buff *skb, const struct xtcp_timewait *tw)
{
	enum skb_drop_reason reason;

	if (likely(!tw->is_signed))
		return true;
	reason = xtcp_verify_for_record(xn, xtcp_recordkeys_md5(tw), xtcp_recordkeys_ao(tw), skb);
	if (reason)
		xtcp_checks_drop(xn->net, skb, READ_ONCE(tw->substate), reason);
	return !reason;
}

static noinline_for_stack void to_timewait(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_timewait *tw,
					   const struct xtcp_demux_key *key)
{
	struct xtcp_signature signature = {};
	const struct ip_note note = ip_note(skb);
	struct sock *lsk;
	u32 iss;

	if (!is_acceptable(xn, NULL, NULL, skb, READ_ONCE(tw->substate), key, &signature))
		return;
	/* a SYN that is too old to reopen a signed record is checked like any other segment */
	lsk = unlikely(tw->is_signed) && !xtcp_timewait_syn_reopens(tw, skb) ? NULL :
	      who_reopens(xn, skb, key, &signature);
	if (IS_ERR(lsk) || (!lsk && !record_signature_ok(xn, skb, tw)))
		return;
	trace_in(xn->net, &tw->conn, READ_ONCE(tw->substate), skb);
	if (xtcp_timewait_arrives(xn, tw, skb, lsk ? &iss : NULL) == XTCP_TW_SYN) {
		/* again, by the listener's filter and IPsec policy. As in Linux, the record has ended in any case */
		restore_ip_note(skb, note);
		if (!to_listener(xn, skb, lsk, key, &iss, &signature, true))
			to_next_listener(xn, skb, lsk, key, &iss, &signature, note);
		return;
	}
	consume_skb(skb);
}

/* Consumes @skb, whose data is the TCP header. RCU read side; takes the lock of @sk, which the caller holds. */
__always_inline void xtcp_ingress_sock(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk)
{
	const bool v4 = skb->protocol == htons(ETH_P_IP);

	to_sock(xn, skb, sk, v4 ? inet_iif(skb) : inet6_iif(skb), v4 ? inet_sdif(skb) : inet6_sdif(skb));
}

/*
 * Processes a segment, whose data is the TCP header, for @conn. Return: false when @conn is a sock
 * that has ended since the lookup: the segment is unchanged, and may be looked up again.
 */
bool xtcp_ingress_conn(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_conn *conn,
		       const struct xtcp_demux_key *key)
{
	struct sock *sk;

	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_REQUEST:
		if (is_whole(xn, skb))
			to_request(xn, skb, container_of(conn, struct xtcp_request, conn), key);
		break;
	case XTCP_CONN_TIMEWAIT:
		if (is_whole(xn, skb))
			to_timewait(xn, skb, container_of(conn, struct xtcp_timewait, conn), key);
		break;
	case XTCP_CONN_SOCK:
		sk = xtcp_sk_of_conn(conn);
		if (!refcount_inc_not_zero(&sk->sk_refcnt))
			return false;
		to_sock(xn, skb, sk, key->dif, key->sdif);
		sock_put(sk);
		break;
	}
	return true;
}

/* What a listener may answer, or has to drop without an answer. The listener's socket lock is never taken. */
int xtcp_ingress_listener(struct xtcp_net *xn, struct sk_buff *skb, struct sock *lsk, const struct xtcp_demux_key *key)
{
	struct xtcp_signature signature = {};
	const struct ip_note note = ip_note(skb);

	if (is_whole(xn, skb) && !to_listener(xn, skb, lsk, key, NULL, &signature, false))
		to_next_listener(xn, skb, lsk, key, NULL, &signature, note);
	return 0;
}
