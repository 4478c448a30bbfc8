// SPDX-License-Identifier: GPL-2.0
/*
 * Our protocol handlers, installed in front of kernel TCP's. They decide whether a segment is ours.
 *
 * IP looks up the handler of protocol 6 in an array, inet_protos[] or inet6_protos[]. Our handler
 * replaces kernel TCP's in this array, and passes every foreign segment on to kernel TCP's handler,
 * untouched. Until we know that a segment is ours, we may only pull its header into the linear
 * part. Nearly all segments of kernel TCP fail one cheap test: a bit says whether this module has
 * reserved the local port.
 *
 * The handler decides in this order:
 *
 *  1. A socket is attached to the segment already. If our early demux has attached it, the segment
 *     is ours; otherwise (TPROXY, sk_assign) the segment is kernel TCP's.
 *  2. The bit of the local port is not set: the segment is kernel TCP's.
 *  3. A connection of ours has exactly this tuple: the segment is ours. But in two cases, a
 *     TIME-WAIT record makes way: the record ends, and the segment is not ours.
 *      - Kernel TCP has a connection with this tuple.
 *      - The segment is a SYN that would reopen the record, and we have no listener for the SYN,
 *        but a listener of kernel TCP or of another build of this module wants the SYN. The program
 *        may have moved its listener to that stack.
 *  4. A SYN for a listener of ours is ours, unless kernel TCP or another build of this module
 *     has a connection with this tuple. Segments that a listener drops without an
 *     answer are also ours: SYN with FIN, and segments with none of SYN, ACK, RST. Kernel TCP has
 *     no listener there, and would answer with a RST.
 *  5. An ACK for a listener of ours is ours if the ACK's cookie is valid, or if the listener has a
 *     signature key (MD5 or TCP-AO) for the peer: kernel TCP does not know this key, and would
 *     answer without a signature. As in item 4, the ACK is not ours if kernel TCP or another build
 *     has a connection with this tuple.
 *  6. All other segments are kernel TCP's, which also answers segments that belong to no
 *     connection. So a program that moves its listener to xtcp keeps the connections that kernel
 *     TCP has accepted before.
 *
 * Siblings: other builds of this module, under other names, that are loaded at the same time.
 *
 * The kernel prevents most conflicts between two builds. Kernel TCP's bind table says which ports
 * are taken, and each build puts socks into this table to reserve its ports (ports.h). A family, a
 * name in /proc or a sysctl can be registered only once. Three conflicts remain:
 *
 *  - The chain of handlers. The handler of the build that was loaded last is in
 *    inet_protos[] (or inet6_protos[]). Each build's handler calls the handler of the build that
 *    was loaded directly before it. When a build is unloaded, its handler leaves the chain. From
 *    then on, the handler in front calls the handler behind.
 *  - The owner of a segment. One build may have a connection on a port on which another build
 *    listens. So before a listener takes a segment, its build looks for a connection in kernel TCP
 *    and asks the other builds for one.
 *  - A family number that is taken. The new build looks up which other build has this number, and
 *    names that build in the log.
 *
 * Each build has one entry in a ring (a circular list). A new build announces itself by an event on
 * the notifier chain netevent, whose users ignore events that they do not know. The first build
 * that gets the event adds the new build to the ring. The event's number changes whenever struct
 * sibling or one of its callbacks changes, so only builds that can call each other share a ring.
 * Builds in different rings still work side by side. But the newer build's handler keeps calling
 * the older build's handler, so the older build cannot be unloaded until the newer build is
 * unloaded.
 *
 * Locking: rtnl_lock() guards changes of the ring, and the changes that siblings make to the chain
 * of handlers. Readers use RCU.
 *
 * Segments that are ours: check each one, then take the connection's lock.
 *
 * interpose.c has found the segment's connection or listener. From here on the segment is ours. If
 * the connection ends before we get its lock, the segment gets the answer that RFC 9293 section
 * 3.10.7.1 demands in CLOSED.
 *
 * What a segment of ours has to pass before anybody looks at its connection: its header, and what
 * its sock or listener demands.
 *
 * The checks follow the order of the kernel's TCP receive path, so counters and side effects (IPsec
 * policy, socket filter) happen where administrators expect them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/busy_poll.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/netevent.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/xfrm.h>
#include <trace/events/tcp.h>

#include "arrive/arrive.h"
#include "auth/auth.h"
#include "base/base.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/seg.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"
#include "in/in.h"
#include "listen/listen.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "ports/ports.h"
#include "sight/sight.h"
#include "timewait/timewait.h"

/*
 * Drop a segment and say why.
 * @net: the namespace in which the segment arrived
 * @skb: begins with the TCP header; freed
 * @state: the state of the segment's connection (TCP_*), for the tracepoint; TCP_CLOSE if unknown
 * @reason: why the segment is dropped
 */
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

/**
 * xtcp_checks_header() - is the segment for this host, and are its length and checksum right?
 * @xn: the namespace
 * @skb: begins with the TCP header; freed on failure
 *
 * RFC 9293 section 3.1, MUST-3.
 *
 * Context: softirq.
 *
 * Return: true; false when the segment was freed.
 */
__always_inline bool xtcp_checks_header(struct xtcp_net *xn, struct sk_buff *skb)
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
	/*
	 * a checksum is not verified again if the device has verified it, or if this machine has
	 * sent the segment
	 */
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
 * Does a segment have as many hops left as the sock demands?
 * @sk: a sock of xtcp or of kernel TCP
 * @skb: the segment; its network header is the IP header
 *
 * This checks IP_MINTTL and IPV6_MINHOPCOUNT.
 *
 * Return: true when enough hops are left.
 */
static inline bool xtcp_checks_hops(const struct sock *sk, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->ttl >= READ_ONCE(inet_sk(sk)->min_ttl);
	return ipv6_hdr(skb)->hop_limit >= READ_ONCE(inet6_sk(sk)->min_hopcount);
}

/*
 * Does IPsec policy allow the segment? The policy of @sk decides. If @sk has no policy, or is NULL
 * (for a TIME-WAIT record), the policy of the namespace decides.
 */
static __always_inline bool policy_ok(struct sock *sk, struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return xfrm4_policy_check(sk, XFRM_POLICY_IN, skb);
	return xfrm6_policy_check(sk, XFRM_POLICY_IN, skb);
}

/*
 * Verify the signature of a segment.
 * @sk: the full sock or the listener whose keys count
 * @he: the half-open entry to which the segment belongs, or NULL
 * @skb: the segment; freed on failure
 * @state: the state of the segment's connection, for the tracepoint
 * @l3index: the VRF device by which the segment came; 0: none
 * @signature: its field "counted" is read and updated; NULL: the segment was not counted before
 *
 * RFC 2385, RFC 5925 section 7.5. Not inlined, because hardly any segment has a signature.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true; false when the segment was freed.
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

/**
 * xtcp_checks_owner() - check what a sock demands of a segment
 * @xn: the namespace
 * @sk: the full sock or the listener that gets the segment; NULL for a TIME-WAIT record
 * @he: the half-open entry to which the segment belongs, or NULL
 * @skb: the segment; freed on failure
 * @state: the state of the segment's connection, for the tracepoint
 * @dif: the interface by which the segment came, or its VRF device
 * @sdif: the interface that is a port of the VRF device @dif; 0: none
 * @signature: what is known of the segment's signature; NULL: nothing
 *
 * It checks hop limit, IPsec policy, signature and socket filter. The filter may cut the text, so
 * the signature is checked first.
 *
 * The check of the IPsec policy needs the addresses that the segment had before NAT. Only the
 * segment's conntrack entry has these addresses. This function does not release the conntrack
 * entry, because a SYN that reopens a TIME-WAIT record is checked a second time, with the policy of
 * the listener.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true; false when the segment was freed.
 */
__always_inline bool xtcp_checks_owner(struct xtcp_net *xn, struct sock *sk, const struct xtcp_request *he,
				       struct sk_buff *skb, int state, int dif, int sdif,
				       struct xtcp_signature *signature)
{
	if (sk && !xtcp_checks_hops(sk, skb)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMINTTLDROP);
		xtcp_checks_drop(xn->net, skb, state, SKB_DROP_REASON_NOT_SPECIFIED);
		return false;
	}
	if (!policy_ok(sk, skb)) {
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

/*
 * Octets of memory; room in backlog_limit() for ACKs and segments with little text, as in kernel
 * TCP. The skb of such a segment takes much more memory than its text.
 */
#define BACKLOG_HEADROOM	(64 * 1024)

/* Parses the options of a segment. fill_seg() itself reads the common case, a timestamp alone. */
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

/*
 * Fills the segment's struct xtcp_seg, in skb->cb, which held IP's control block until now. The
 * length of the data is read only now, because the socket filter may have cut the data.
 */
static __always_inline void fill_seg(struct sk_buff *skb, int dif, int sdif)
{
	const struct tcphdr *th = tcp_hdr(skb);
	const u8 *options = (const u8 *)(th + 1);
	const u8 flags = ((const u8 *)th)[13];
	struct xtcp_seg *seg = xtcp_seg(skb);

	/* set every field: skb->cb holds old data */
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
 * The fields of IP's control block that the checks read. The check of the IPsec policy may read all
 * of them. fill_seg() overwrites the block.
 * @iif: the input device
 * @flags: say whether the input device is a port of a VRF; for IPv4, also whether disable_policy
 *	exempts the segment from the IPsec policies of the namespace
 * @nhoff: IPv6 only: offset, from the IP header, of the octet that names TCP as the next header
 */
struct ip_note {
	int iif;
	u16 flags;
	u16 nhoff;
};

static __always_inline struct ip_note ip_note(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return (struct ip_note) { .iif = IPCB(skb)->iif, .flags = IPCB(skb)->flags };
	return (struct ip_note) { .iif = IP6CB(skb)->iif, .flags = IP6CB(skb)->flags, .nhoff = IP6CB(skb)->nhoff };
}

/*
 * Restores the fields of IP's control block that the checks read, so that the checks can be
 * repeated after fill_seg().
 */
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

/*
 * The shift of the peer's window field; -1 for a TIME-WAIT record, which does not keep the shift.
 */
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

/* Not inlined, so that the tuple takes stack only while tracing is on. */
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

static inline int deliver_locked(struct sock *sk, struct sk_buff *skb)
{
	trace_in(sock_net(sk), &xtcp_sk(sk)->conn, sk->sk_state, skb);
	return xtcp_arrives(sk, skb);
}

/**
 * xtcp_ingress_deliver() - process a segment from the backlog of a full sock
 * @sk: the sock
 * @skb: consumed
 *
 * This is proto.backlog_rcv: it gets the segments that came while a process owned the sock.
 *
 * Context: process with BH enabled, in release_sock(). Lock: socket, held.
 *
 * Return: 0.
 */
int xtcp_ingress_deliver(struct sock *sk, struct sk_buff *skb)
{
	sock_owned_by_me(sk);
	return deliver_locked(sk, skb);
}

/*
 * The limit of the receive queue and the backlog together, in octets of memory. It is the sum of
 * twice the receive buffer, half the send buffer, and BACKLOG_HEADROOM. The receive buffer counts
 * twice, because sk_backlog.len shrinks only when the whole backlog has been processed: until then
 * a segment that has moved to the receive queue counts in both queues. The other two parts make
 * room for ACKs, whose skbs take much memory: the more text we send, the more ACKs arrive.
 */
static unsigned int backlog_limit(const struct sock *sk)
{
	u64 limit = 2ULL * READ_ONCE(sk->sk_rcvbuf) + (READ_ONCE(sk->sk_sndbuf) >> 1) + BACKLOG_HEADROOM;

	return min_t(u64, limit, UINT_MAX);
}

/* A process owns the sock: queues the segment on the backlog. */
static noinline void to_backlog(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk)
{
	/*
	 * skb_set_tcp_pure_ack() of a local sender may have set truesize to 2: count all memory of
	 * the skb
	 */
	skb->truesize = max_t(u32, skb->truesize, SKB_TRUESIZE(skb_end_offset(skb)) + skb->data_len);
	if (sk_add_backlog(sk, skb, backlog_limit(sk))) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPBACKLOGDROP);
		/* data_race(): only a tracepoint shows the state */
		xtcp_checks_drop(xn->net, skb, data_race(sk->sk_state), SKB_DROP_REASON_SOCKET_BACKLOG);
	}
}

/*
 * Takes the sock's spinlock, and processes the segment. If a process owns the sock, queues the
 * segment on the backlog.
 */
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
		deliver_locked(sk, skb);
	else
		to_backlog(xn, skb, sk);
	bh_unlock_sock(sk);
}

/* The path of nearly all segments. Its common steps are inlined, which saves five calls. */
static void to_sock(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk, int dif, int sdif)
{
	if (!xtcp_checks_header(xn, skb))
		return;
	/* data_race(): only the tracepoint of a dropped segment shows the state */
	if (!xtcp_checks_owner(xn, sk, NULL, skb, data_race(sk->sk_state), dif, sdif, NULL))
		return;
	fill_seg(skb, dif, sdif);
	lock_or_backlog(xn, skb, sk);
}

/*
 * Checks a segment for a half-open entry, a listener or a TIME-WAIT record, and fills its struct
 * xtcp_seg. @lsk: the listener, or the listener of the entry; NULL for a record. @he: the entry, or
 * NULL. Return: false when the segment was freed.
 */
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
 * The segment's half-open entry has just ended. Most likely another CPU has made the child, and the
 * child gets the segment. But if the listener has ended and no other listener has taken over the
 * entry (estate.c), an ACK is answered with a RST, because the peer has completed its handshake and
 * may wait for data.
 */
static void to_successor(struct xtcp_net *xn, struct sk_buff *skb, const struct xtcp_request *he,
			 const struct xtcp_demux_key *key, struct xtcp_signature *signature)
{
	struct xtcp_conn *conn = xtcp_demux_lookup(xn, key);
	struct sock *sk = conn && conn->kind == XTCP_CONN_SOCK ? xtcp_sk_of_conn(conn) : NULL;

	if (!sk || !refcount_inc_not_zero(&sk->sk_refcnt)) {
		const struct sock *lsk = READ_ONCE(he->lsk);

		/*
		 * if the listener has not ended, send no RST: the peer will resend the segment, and
		 * will get its answer then
		 */
		if (!sk && xtcp_seg(skb)->flags & XTCP_ACK && xtcp_listen_has_ended(xtcp_listen_queues(lsk)))
			xtcp_reply_rst_for(lsk, he, skb, 0);
		consume_skb(skb);
		return;
	}
	/*
	 * verify the signature again, with the child's keys: is_acceptable() used the listener's
	 * keys, and a listener whose MD5 key was removed meanwhile accepts an unsigned segment
	 */
	if (!xtcp_verify_is_due(sk, skb) ||
	    /* data_race(): only a tracepoint shows the state */
	    xtcp_checks_signature(xn, sk, NULL, skb, data_race(sk->sk_state), key->sdif ? key->dif : 0, signature))
		lock_or_backlog(xn, skb, sk);
	sock_put(sk);
}

static void to_request(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_request *he,
		       const struct xtcp_demux_key *key)
{
	struct sock *lsk = READ_ONCE(he->lsk), *heir;
	struct xtcp_signature signature = {};
	const struct ip_note note = ip_note(skb);
	struct sock *child;

	if (!is_acceptable(xn, lsk, he, skb, TCP_SYN_RECV, key, &signature))
		return;
	trace_in(xn->net, &he->conn, TCP_SYN_RECV, skb);
	child = xtcp_halfopen_arrives(he, lsk, skb);
	/*
	 * if the entry has moved to another listener (estate.c), repeat the checks for that listener
	 */
	while (child == ERR_PTR(-EAGAIN) && (heir = READ_ONCE(he->lsk)) != lsk) {
		lsk = heir;
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

/*
 * Finds the listener of a segment; in a SO_REUSEPORT group a BPF program may choose the listener.
 * Return: the listener or NULL.
 */
static struct sock *whose(struct xtcp_net *xn, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	struct sock *lsk = xtcp_listeners_lookup(xn, key);

	return lsk ? xtcp_group_choose(lsk, key->hash >> 32, skb) : NULL;
}

/*
 * Processes a segment for @lsk. @timewait_iss: our ISN if the segment is a SYN that reopens a
 * TIME-WAIT record, else NULL. @signature: its field "verified" is true if who_reopens() has
 * checked the segment with the keys of @lsk. @traced: the segment was traced before. Return: true
 * when the segment is consumed; false when @lsk has ended since the lookup: the caller then looks
 * for another listener.
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

/*
 * The listener @ended has ended after the lookup. This function looks up another listener, and
 * repeats the checks for the new listener. If there is no other listener, an ACK is answered with a
 * RST. @note: the segment's ip_note(). Rare, so not inlined.
 */
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
 * Finds the listener for a SYN that may reopen a TIME-WAIT record. Returns NULL if the segment must
 * not reopen the record: it is not a SYN alone, there is no listener, the listener's accept queue
 * is full, or the segment has fewer hops left than the listener demands. If the segment is not
 * signed as the listener demands, frees the segment and returns ERR_PTR().
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

/*
 * Is a segment signed with the key of the record's connection? Frees the segment on failure. If the
 * segment may reopen the record, this function must not be called: the segment is then signed with
 * the listener's keys, which may differ from the keys of the old connection.
 */
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
		/*
		 * to_listener() checks the segment again, because the record has no socket filter
		 * and no IPsec policy of a socket. As in Linux, the record has ended even if the
		 * listener's filter or policy now refuses the segment
		 */
		restore_ip_note(skb, note);
		if (!to_listener(xn, skb, lsk, key, &iss, &signature, true))
			to_next_listener(xn, skb, lsk, key, &iss, &signature, note);
		return;
	}
	consume_skb(skb);
}

/**
 * xtcp_ingress_sock() - process a segment for a full sock
 * @xn: the namespace
 * @skb: skb->data is the TCP header, the network header is the IP header; consumed
 * @sk: the caller holds a reference
 *
 * Context: softirq, RCU read side. Takes the lock of @sk.
 */
__always_inline void xtcp_ingress_sock(struct xtcp_net *xn, struct sk_buff *skb, struct sock *sk)
{
	const bool v4 = skb->protocol == htons(ETH_P_IP);

	to_sock(xn, skb, sk, v4 ? inet_iif(skb) : inet6_iif(skb), v4 ? inet_sdif(skb) : inet6_sdif(skb));
}

/*
 * Process a segment for a connection.
 * @skb: skb->data is the TCP header, the network header is the IP header; consumed unless false is
 *	returned
 * @conn: the connection that xtcp_demux_lookup() found
 * @key: the lookup key with which @conn was found
 *
 * Context: softirq, RCU read side. No lock.
 *
 * Return: false when @conn is a sock that has ended since the lookup. The segment is unchanged
 * then, and another lookup may find another connection.
 */
static bool xtcp_ingress_conn(struct xtcp_net *xn, struct sk_buff *skb, struct xtcp_conn *conn,
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

/*
 * Process a segment for a listener.
 * @skb: skb->data is the TCP header, the network header is the IP header; consumed
 * @lsk: the listener that xtcp_listeners_lookup() found or xtcp_group_choose() chose
 * @key: the lookup key of @skb
 *
 * The segment is a SYN, an ACK with a valid cookie, an ACK from a peer for which the listener has a
 * signature key, or a segment that a listener drops without an answer.
 *
 * Context: softirq, RCU read side. No lock: the listener's socket lock is never taken.
 *
 * Return: 0.
 */
static int xtcp_ingress_listener(struct xtcp_net *xn, struct sk_buff *skb, struct sock *lsk,
				 const struct xtcp_demux_key *key)
{
	struct xtcp_signature signature = {};
	const struct ip_note note = ip_note(skb);

	if (is_whole(xn, skb) && !to_listener(xn, skb, lsk, key, NULL, &signature, false))
		to_next_listener(xn, skb, lsk, key, NULL, &signature, note);
	return 0;
}

/* event number; increase it when struct sibling or a callback changes */
#define GREETING	0x78746303

struct sibling {
	struct list_head ring;
	const char *name;
	int family;			/* 0: none yet */
	xtcp_sibling_keeps keeps;
	xtcp_sibling_wants wants;
	const struct xtcp_sibling_link *links;
	bool in_chain[XTCP_SIBLING_IPS];
};

static struct sibling self = {
	.ring = LIST_HEAD_INIT(self.ring),
	.name = KBUILD_MODNAME,
};

static int greeted(struct notifier_block *nb, unsigned long event, void *newcomer)
{
	struct sibling *sibling = newcomer;

	if (event != GREETING)
		return NOTIFY_DONE;
	list_add_tail_rcu(&sibling->ring, &self.ring);
	/*
	 * all builds that know this event are in one ring, which must get the newcomer only once:
	 * stop the event here
	 */
	return NOTIFY_STOP;
}

static struct notifier_block greetings = {
	.notifier_call = greeted,
};

/*
 * Announce ourselves to the builds that are loaded.
 * @links: our position in each chain of handlers, indexed by enum xtcp_sibling_ip
 * @keeps: before a listener of a sibling takes a segment, the sibling calls this function to ask
 *	whether a connection of ours owns the segment
 * @wants: when a SYN would reopen a TIME-WAIT record of a sibling, the sibling calls this function
 *	to ask whether a listener of ours wants the SYN; if so, the sibling ends the record
 *
 * Context: process, module init, may sleep.
 */
static void xtcp_siblings_join(const struct xtcp_sibling_link *links, xtcp_sibling_keeps keeps,
			       xtcp_sibling_wants wants)
{
	rtnl_lock();
	self.links = links;
	self.keeps = keeps;
	self.wants = wants;
	/*
	 * @keeps and @wants read data that our init has written. Nothing orders these reads after
	 * the read of the callback's address, so every CPU must see the data before a sibling can
	 * find us
	 */
	synchronize_net();
	call_netevent_notifiers(GREETING, &self);
	register_netevent_notifier(&greetings);
	rtnl_unlock();
}

/*
 * Put our handler in front of all others.
 * @install: puts the handler into inet_protos[] or inet6_protos[]; returns 0 or a negative errno
 *
 * Context: process, module init, may sleep.
 *
 * Return: what @install returns.
 */
static int xtcp_siblings_put_in(enum xtcp_sibling_ip ip, int (*install)(void))
{
	int err;

	rtnl_lock();
	err = install();
	WRITE_ONCE(self.in_chain[ip], !err);
	rtnl_unlock();
	return err;
}

/* The sibling whose handler calls ours, or NULL. The RCU read side or rtnl_lock() is held. */
static struct sibling *in_front(enum xtcp_sibling_ip ip)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring, lockdep_rtnl_is_held())
		if (READ_ONCE(sibling->in_chain[ip]) && READ_ONCE(*sibling->links[ip].saved) == self.links[ip].ours)
			return sibling;
	return NULL;
}

/*
 * Does a sibling's handler call ours?
 *
 * Context: process. While siblings are loaded or unloaded, the answer may be out of date.
 */
static bool xtcp_siblings_call_ours(enum xtcp_sibling_ip ip)
{
	bool is_called;

	rcu_read_lock();
	is_called = in_front(ip);
	rcu_read_unlock();
	return is_called;
}

/*
 * Takes our handler out of the chain if a sibling's handler calls it: from now on, the sibling's
 * handler calls the handler behind ours. Return: false when no sibling's handler calls our handler.
 */
static bool step_over(enum xtcp_sibling_ip ip)
{
	struct sibling *sibling = in_front(ip);

	ASSERT_RTNL();
	if (sibling)
		WRITE_ONCE(*sibling->links[ip].saved, *self.links[ip].saved);
	return sibling;
}

/*
 * Take our handler out of the chain.
 * @restore: takes our handler out of inet_protos[] or inet6_protos[]; returns false when another
 *	module's handler is in the array
 *
 * Our handler leaves the chain if it is the first of the chain, or directly behind a sibling's
 * handler. It may still run until a grace period has passed.
 *
 * Context: process, module exit, may sleep.
 *
 * Return: false when the handler directly in front of ours is not a sibling's; nothing has changed
 * then.
 */
static bool xtcp_siblings_take_out(enum xtcp_sibling_ip ip, bool (*restore)(void))
{
	bool out;

	rtnl_lock();
	out = step_over(ip) || restore();
	if (out)
		WRITE_ONCE(self.in_chain[ip], false);
	rtnl_unlock();
	return out;
}

/*
 * Leave the ring.
 *
 * Our handlers have left both chains, but may still run and walk the ring. A walk ends when it
 * comes back to our entry, so the entry must not leave the ring during a walk. This function first
 * waits until our handlers have finished. Siblings may still call us until another grace period has
 * passed.
 *
 * Context: process, module exit, may sleep.
 */
static void xtcp_siblings_leave(void)
{
	synchronize_net();
	rtnl_lock();
	unregister_netevent_notifier(&greetings);
	list_del_rcu(&self.ring);
	rtnl_unlock();
}

/*
 * Does a connection of another build own a segment that would go to a listener of ours?
 * @skb: at the TCP header, which is linear
 *
 * If the segment is a SYN that would reopen a TIME-WAIT record of a sibling, and our listener wants
 * the SYN, the sibling ends the record.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when a connection of another build owns the segment; the caller passes the segment
 * on to the next handler.
 */
static bool xtcp_siblings_keep(struct sk_buff *skb)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring)
		if (sibling->keeps(skb, self.wants))
			return true;
	return false;
}

/*
 * Does a listener of another build want a SYN that would reopen a TIME-WAIT record of ours?
 * @skb: at the TCP header, which is linear
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when a listener wants the SYN and has room for the connection.
 */
static bool xtcp_siblings_want(struct sk_buff *skb)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring)
		if (sibling->wants(skb))
			return true;
	return false;
}

/**
 * xtcp_siblings_set_family() - publish our family number to the other builds
 * @family: the number that we have registered; 0 when we have none any more
 *
 * Context: process, may sleep.
 */
void xtcp_siblings_set_family(int family)
{
	rtnl_lock();
	self.family = family;
	rtnl_unlock();
}

/**
 * xtcp_siblings_have_family() - does another build have this family?
 * @family: the number of the family
 * @name: receives the name of that build
 * @size: octets in @name
 *
 * Context: process, may sleep.
 *
 * Return: true and @name is filled, or false.
 */
bool xtcp_siblings_have_family(int family, char *name, size_t size)
{
	struct sibling *sibling;
	bool found = false;

	rtnl_lock();
	list_for_each_entry(sibling, &self.ring, ring) {
		if (sibling->family != family)
			continue;
		strscpy(name, sibling->name, size);
		found = true;
	}
	rtnl_unlock();
	return found;
}

#define ROUNDS_A_SECOND	50	/* tries of restore() per second */

/*
 * The handlers that stood in inet_protos[] before ours. This pointer is set before our handler is
 * installed, and used until our handler has run for the last time. The saved handlers may belong to
 * another build of this module, which may be unloaded before us: that build then makes our pointer
 * point to the handlers that it has saved itself.
 */
static const struct net_protocol *saved_v4;
static struct net_protocol ours_v4;

static struct xtcp_net *net_of(const struct sk_buff *skb)
{
	return xtcp_net_rcu(dev_net(skb->dev));
}

/*
 * Might an arriving segment be ours? Its destination port decides. This function runs for each TCP
 * segment, also for kernel TCP's. A segment too short to have a destination port is not ours.
 */
static inline bool might_be_ours(const struct xtcp_net *xn, struct sk_buff *skb)
{
	return pskb_may_pull(skb, offsetofend(struct tcphdr, dest)) &&
	       xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(((const struct tcphdr *)skb->data)->dest));
}

/*
 * Might the segment that an ICMP error quotes be ours? If we have sent the segment, its source port
 * is our port. @offset: octets before the quoted TCP header.
 */
static bool error_might_be_ours(const struct xtcp_net *xn, const struct sk_buff *skb, int offset)
{
	const __be16 *port;
	__be16 buf;

	port = skb_header_pointer(skb, offset + offsetof(struct tcphdr, source), sizeof(buf), &buf);
	return port && xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(*port));
}

static bool is_pure_syn(const struct tcphdr *th)
{
	return th->syn && !th->ack && !th->rst && !th->fin;
}

/*
 * May a TIME-WAIT record of ours end for this SYN? It may if we have no listener for the SYN, but a
 * listener of kernel TCP or of another build wants the SYN. Where nobody listens, the SYN may be
 * forged, and must not end the record (RFC 1337). A listener does not want the SYN while its accept
 * queue is full, or if the SYN's TTL is below the listener's IP_MINTTL. @elsewhere: a function that
 * says whether a listener of another build wants the SYN.
 */
static bool is_listened_for(struct xtcp_net *xn, const struct xtcp_demux_key *key, struct sk_buff *skb,
			    xtcp_sibling_wants elsewhere)
{
	const struct sock *lsk;

	if (xtcp_listeners_lookup(xn, key))
		return false;
	if (elsewhere(skb))
		return true;
	lsk = xtcp_compat_kernel_listener(xn->net, skb, &key->tuple, key->dif, key->sdif);
	return lsk && !sk_acceptq_is_full(lsk) && xtcp_checks_hops(lsk, skb);
}

/*
 * Must @conn end, because the segment belongs to kernel TCP or to another build? Only a TIME-WAIT
 * record may end for this reason. @elsewhere: as for is_listened_for().
 */
static bool record_makes_way(struct xtcp_net *xn, const struct xtcp_demux_key *key, struct xtcp_conn *conn,
			     struct sk_buff *skb, xtcp_sibling_wants elsewhere)
{
	if (conn->kind != XTCP_CONN_TIMEWAIT || skb->pkt_type != PACKET_HOST)
		return false;
	/*
	 * kernel TCP may have a connection with this 4-tuple: a program may have used SO_REUSEADDR
	 * to bind the record's port, and then have connected to the same peer
	 */
	if (xtcp_demux_kernel_holds(xn->net, key))
		return true;
	if (!is_pure_syn((const struct tcphdr *)skb->data))
		return false;
	return xtcp_timewait_syn_reopens(container_of(conn, struct xtcp_timewait, conn), skb) &&
	       is_listened_for(xn, key, skb, elsewhere) && xtcp_checksum_ok(skb);
}

/*
 * Finds a listener that has queues. A listener without queues has just ended: the next lookup does
 * not find it.
 */
static struct xtcp_listener *find_listener(struct xtcp_net *xn, const struct xtcp_demux_key *key)
{
	struct xtcp_listener *listener;
	struct sock *lsk;

	do {
		lsk = xtcp_listeners_lookup(xn, key);
		listener = lsk ? xtcp_listen_queues(lsk) : NULL;
	} while (lsk && !listener);
	return listener;
}

static bool listener_wants(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if (th->rst)
		return false;
	if (!th->ack)
		return true;
	/*
	 * look for a signature key first: an ACK that lacks its signature must not count as an ACK
	 * with a bad cookie
	 */
	if (xtcp_signer_is_due(listener->sk, &key->tuple.faddr, key->sdif ? key->dif : 0))
		return true;
	return !th->syn && xtcp_cookieack_is_ours(listener, skb, key);
}

/*
 * Looks up the connection or listener of a segment, and passes the segment to interpose.c if it is
 * ours. Return: false when the segment is kernel TCP's; the segment is unchanged then.
 */
static bool take(struct xtcp_net *xn, struct sk_buff *skb)
{
	struct xtcp_listener *listener;
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;

	if (!pskb_may_pull(skb, sizeof(struct tcphdr)))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	/* an IPv6 packet with a v4-mapped address must not match a connection over IPv4 */
	if (ip_hdr(skb)->version != 4 && ipv6_addr_v4mapped(&key.tuple.faddr))
		return false;

	while ((conn = xtcp_demux_lookup(xn, &key))) {
		if (record_makes_way(xn, &key, conn, skb, xtcp_siblings_want)) {
			xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
			return false;
		}
		if (xtcp_ingress_conn(xn, skb, conn, &key))
			return true;
		/*
		 * the sock has just ended. A sock leaves the table before it ends, so the next
		 * lookup finds another connection or none
		 */
	}

	listener = find_listener(xn, &key);
	if (!listener || !listener_wants(listener, skb, &key) || xtcp_demux_kernel_holds(xn->net, &key) ||
	    xtcp_siblings_keep(skb))
		return false;
	xtcp_ingress_listener(xn, skb, xtcp_group_choose(listener->sk, key.hash >> 32, skb), &key);
	return true;
}

/*
 * Does a segment belong to a connection of ours? Another build of this module asks this before a
 * listener of its own takes the segment. A TIME-WAIT record of ours may have to make way (item 3
 * above): then the record ends and the answer is no. @wanted: a function of the build that asks; it
 * says whether a listener of that build wants the SYN. keeps() itself must not walk the ring of
 * builds, because we may be leaving the ring at this moment.
 */
static bool keeps(struct sk_buff *skb, xtcp_sibling_wants wanted)
{
	struct xtcp_net *xn = net_of(skb);
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;

	if (!might_be_ours(xn, skb))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	conn = xtcp_demux_lookup(xn, &key);
	if (!conn)
		return false;
	if (!record_makes_way(xn, &key, conn, skb, wanted))
		return true;
	xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
	return false;
}

/*
 * Does a listener of ours want a SYN, and have room for the new connection? Another build calls
 * this function if the SYN would reopen a TIME-WAIT record of that build.
 */
static bool wants(struct sk_buff *skb)
{
	struct xtcp_net *xn = net_of(skb);
	const struct xtcp_listener *listener;
	struct xtcp_demux_key key;

	if (!might_be_ours(xn, skb))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	listener = find_listener(xn, &key);
	return listener && !xtcp_acceptq_is_full(listener) && xtcp_checks_hops(listener->sk, skb);
}

/* Passes a segment to interpose.c if it is ours. Return: false if it is not ours. */
static __always_inline bool is_ours(struct sk_buff *skb)
{
	struct sock *sk = skb->sk ? xtcp_early_take(skb) : NULL;
	struct xtcp_net *xn;

	if (sk) {
		xtcp_ingress_sock(xtcp_net_of(sk), skb, sk);
		sock_put(sk);
		return true;
	}
	xn = net_of(skb);
	return !skb->sk && might_be_ours(xn, skb) && take(xn, skb);
}

/*
 * Takes our handler out of the chain of handlers. If the handler directly in front of ours is not a
 * sibling's, waits until that handler is gone. Meanwhile this function logs once a second which
 * handler is the first of the chain. This happens only if the other module has put its handler
 * there at another time than in its init (look_who_is_in_front()).
 */
static void restore(enum xtcp_sibling_ip ip, bool (*is_restored)(void), void (*say_who)(void))
{
	int rounds = 0;

	while (!xtcp_siblings_take_out(ip, is_restored)) {
		if (!(rounds++ % ROUNDS_A_SECOND))
			say_who();
		msleep(MSEC_PER_SEC / ROUNDS_A_SECOND);
	}
}

/* The handler in inet_protos[IPPROTO_TCP]. Softirq, RCU read side. */
static int interpose_v4_rcv(struct sk_buff *skb)
{
	return is_ours(skb) ? 0 : READ_ONCE(saved_v4)->handler(skb);
}

/* The handler of ICMP errors. skb->data is the quoted IP header. */
static int interpose_v4_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	int err;

	if (error_might_be_ours(net_of(skb), skb, iph->ihl * 4) && xtcp_icmp_v4(skb, info, &err))
		return err;
	return READ_ONCE(saved_v4)->err_handler(skb, info);
}

static int install_v4(void)
{
	struct net_protocol *saved = rcu_access_pointer(inet_protos[IPPROTO_TCP]);

	if (!saved)
		return -EPROTONOSUPPORT;
	ours_v4 = *saved;
	ours_v4.handler = interpose_v4_rcv;
	ours_v4.err_handler = interpose_v4_err;
	saved_v4 = saved;
	/*
	 * Our handler reads global data. Nothing orders these reads after the read of the handler's
	 * address, so every CPU must see the data before it can find the handler
	 */
	synchronize_net();
	if (cmpxchg((struct net_protocol __force **)&inet_protos[IPPROTO_TCP], saved, &ours_v4) != saved)
		return -EBUSY;
	return 0;
}

/*
 * If our handler is in inet_protos[], puts the saved handler back. Return: true when the saved
 * handler is in the array afterwards, so that nothing calls our handler any more. False when
 * another module's handler is in the array: that handler may call ours.
 */
static bool is_restored_v4(void)
{
	struct net_protocol *was;

	was = cmpxchg((struct net_protocol __force **)&inet_protos[IPPROTO_TCP], &ours_v4,
		      (struct net_protocol *)saved_v4);
	return was == &ours_v4 || was == saved_v4;
}

/*
 * Logs which handler is in inet_protos[]. The RCU read side keeps the handler's struct alive.
 */
static void say_who_v4(void)
{
	const struct net_protocol *other;

	rcu_read_lock();
	other = rcu_dereference(inet_protos[IPPROTO_TCP]);
	if (other)
		pr_info("stays until %ps gives the IPv4 handler of TCP back\n", other->handler);
	rcu_read_unlock();
}

static void restore_v4(void)
{
	restore(XTCP_SIBLING_V4, is_restored_v4, say_who_v4);
}

static const struct inet6_protocol *saved_v6;
static struct inet6_protocol ours_v6;

/* The handler in inet6_protos[IPPROTO_TCP]. Softirq, RCU read side. */
static int interpose_v6_rcv(struct sk_buff *skb)
{
	return is_ours(skb) ? 0 : READ_ONCE(saved_v6)->handler(skb);
}

/* The handler of ICMPv6 errors. @offset: octets before the quoted TCP header. */
static int interpose_v6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info)
{
	int err;

	if (error_might_be_ours(net_of(skb), skb, offset) && xtcp_icmp_v6(skb, opt, type, code, offset, info, &err))
		return err;
	return READ_ONCE(saved_v6)->err_handler(skb, opt, type, code, offset, info);
}

static int install_v6(void)
{
	struct inet6_protocol *saved = rcu_access_pointer(inet6_protos[IPPROTO_TCP]);

	/* IPv6 is off: ipv6.disable=1 */
	if (!saved)
		return 0;
	ours_v6 = *saved;
	ours_v6.handler = interpose_v6_rcv;
	ours_v6.err_handler = interpose_v6_err;
	saved_v6 = saved;
	/* every CPU must see our global data before it can find the handler: see install_v4() */
	synchronize_net();
	if (cmpxchg((struct inet6_protocol __force **)&inet6_protos[IPPROTO_TCP], saved, &ours_v6) != saved) {
		saved_v6 = NULL;
		return -EBUSY;
	}
	return 0;
}

static bool is_first_v6(void)
{
	return !saved_v6 || rcu_access_pointer(inet6_protos[IPPROTO_TCP]) == &ours_v6;
}

/* The same as is_restored_v4(), for inet6_protos[]. */
static bool is_restored_v6(void)
{
	struct inet6_protocol *was;

	was = cmpxchg((struct inet6_protocol __force **)&inet6_protos[IPPROTO_TCP], &ours_v6,
		      (struct inet6_protocol *)saved_v6);
	return was == &ours_v6 || was == saved_v6;
}

static void say_who_v6(void)
{
	const struct inet6_protocol *other;

	rcu_read_lock();
	other = rcu_dereference(inet6_protos[IPPROTO_TCP]);
	if (other)
		pr_info("stays until %ps gives the IPv6 handler of TCP back\n", other->handler);
	rcu_read_unlock();
}

static void restore_v6(void)
{
	if (saved_v6)
		restore(XTCP_SIBLING_V6, is_restored_v6, say_who_v6);
}

static const struct xtcp_sibling_link links[XTCP_SIBLING_IPS] = {
	[XTCP_SIBLING_V4] = { &ours_v4, (const void **)&saved_v4 },
	[XTCP_SIBLING_V6] = { &ours_v6, (const void **)&saved_v6 },
};

/*
 * While the handler of a foreign module is in front of ours, that handler calls ours, so the module
 * must not be unloaded. Module exit cannot refuse, and could only wait, which no signal would end.
 * So the module holds itself, and rmmod says at once that it is in use. A foreign module usually
 * puts its handler there in its init, and takes it out in its exit. The kernel tells us after both.
 */
static int look_who_is_in_front(struct notifier_block *nb, unsigned long event, void *module)
{
	static DEFINE_MUTEX(hold_lock);
	bool foreign_v4, foreign_v6;
	static bool held;

	mutex_lock(&hold_lock);
	foreign_v4 = rcu_access_pointer(inet_protos[IPPROTO_TCP]) != &ours_v4 &&
		     !xtcp_siblings_call_ours(XTCP_SIBLING_V4);
	foreign_v6 = !is_first_v6() && !xtcp_siblings_call_ours(XTCP_SIBLING_V6);
	if (!foreign_v4 && !foreign_v6) {
		if (held)
			module_put(THIS_MODULE);
		held = false;
	} else if (!held) {
		held = try_module_get(THIS_MODULE);
		if (foreign_v4)
			say_who_v4();
		if (foreign_v6)
			say_who_v6();
	}
	mutex_unlock(&hold_lock);
	return NOTIFY_DONE;
}

static struct notifier_block modules_come_and_go = {
	.notifier_call = look_who_is_in_front,
};

/**
 * xtcp_interpose_init() - put our handlers in front of kernel TCP's
 *
 * Context: process, module init; every namespace has its struct xtcp_net.
 *
 * Return: 0; -EBUSY when another module changes the array at this moment; -EPROTONOSUPPORT without
 * kernel TCP.
 */
int xtcp_interpose_init(void)
{
	int err;

	xtcp_siblings_join(links, keeps, wants);
	err = xtcp_siblings_put_in(XTCP_SIBLING_V4, install_v4);
	if (err)
		goto err_leave;
	err = xtcp_siblings_put_in(XTCP_SIBLING_V6, install_v6);
	if (err)
		goto err_v4;
	err = register_module_notifier(&modules_come_and_go);
	if (err)
		goto err_v6;
	return 0;

err_v6:
	restore_v6();
err_v4:
	restore_v4();
err_leave:
	xtcp_siblings_leave();
	synchronize_net();
	return err;
}

/**
 * xtcp_interpose_exit() - take our handlers out again
 *
 * On return, no handler of ours runs or will run. If another module that is no sibling has put its
 * own handler in front of ours since it was loaded, that handler calls ours. So this function waits
 * until the other module is unloaded, and logs a message once a second.
 *
 * Context: process, module exit; may sleep for as long as the other module stays.
 */
void xtcp_interpose_exit(void)
{
	unregister_module_notifier(&modules_come_and_go);
	restore_v6();
	restore_v4();
	xtcp_siblings_leave();
	synchronize_net();
}
