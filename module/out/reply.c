// SPDX-License-Identifier: GPL-2.0
/*
 * Sends, over IPv4 and IPv6, segments without a full sock: SYN-ACKs, RSTs, ACKs of half-open
 * entries and TIME-WAIT records (RFC 9293 section 3.9.2). As in kernel TCP, each has
 *
 *   route      looked up for each segment, as the user of the sock or listener has it; root's for a
 *              record
 *   mark       that of the sock, entry or record. With fwmark_reflect, that of the answered segment, if
 *              it has one, for a RST or an ACK
 *   priority   SO_PRIORITY of the sock, listener or record
 *   DSCP       SYN-ACK: the listener's, with net.xtcp.reflect_tos the SYN's. ACK of a record: the
 *              connection's. RST, ACK of an entry: that of the answered segment
 *   interface  that of the sock, entry or record. A RST to a link-local address, if the segment came
 *              through a VRF: the port of the VRF. If the connection has none: for a link-local
 *              address or ::1, that by which the segment came; else its VRF device, if it came
 *              through one; else routing chooses
 *
 * The skb of a SYN-ACK points to its listener, so that firewall matches and cgroup programs find a
 * socket. All other segments are sent by a raw sock of the namespace, but do not point to it: an skb
 * in a queue would keep the namespace alive, or outlive the raw sock.
 *
 * The memory of a control segment, which is soon freed, comes with BH disabled from the per-CPU caches
 * of page fragments and skbs, in half the time of the slabs. While it waits in a queue, it keeps the
 * whole 32 KiB page of its fragment in use, as a driver's packet does.
 */
#include "out/out.h"

#include <linux/if_ether.h>
#include <linux/inetdevice.h>
#include <linux/netfilter.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <trace/events/tcp.h>

#include "ecn/ecn.h"
#include "listen/listen.h"
#include "timewait/timewait.h"

static struct sock *reply_sock(const struct xtcp_net *xn, const struct xtcp_ip_reply *how)
{
	if (how->sk)
		return how->sk;
	return xtcp_tuple_is_v4(how->tuple) ? xn->reply_sk : xn->reply_sk6;
}

/* whose rules (ip rule uidrange) choose the route */
static kuid_t user_of(const struct net *net, const struct xtcp_ip_reply *how)
{
	return sock_net_uid(net, how->sk ?: how->user);
}

static int oif(const struct net *net, const struct xtcp_ip_reply *how)
{
	const bool v4 = xtcp_tuple_is_v4(how->tuple);

	/* the connection may have the VRF device; a link-local address is valid only on its link */
	if (how->sdif && !v4 && ipv6_addr_type(&how->tuple->faddr) & IPV6_ADDR_LINKLOCAL)
		return how->sdif;
	if (how->oif || !how->dif)
		return how->oif;
	if (!v4 && rt6_need_strict(&how->tuple->faddr))
		return how->dif;
	return netif_index_is_l3_master((struct net *)net, how->dif) ? how->dif : 0;
}

/* in @how->dst */
static int route_reply_v4(const struct xtcp_net *xn, struct xtcp_ip_reply *how, struct sock *sk)
{
	const u8 flags = inet_sk_flowi_flags(sk) | (how->laddr_known ? FLOWI_FLAG_ANYSRC : 0);
	const struct xtcp_tuple *tuple = how->tuple;
	struct flowi4 fl4 __uninitialized;	/* xtcp_compat_reply_flow() fills all of it */
	struct rtable *rt;

	xtcp_compat_reply_flow(&fl4, sk, oif(xn->net, how), how->mark, how->tos, flags, tuple, user_of(xn->net, how));
	rt = xtcp_ip_output_route(xn->net, &fl4, sk);
	if (IS_ERR(rt)) {
		IP_INC_STATS(xn->net, IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	/* never answer a broadcast or multicast (RFC 9293 section 3.9.2.3, MUST-57, MUST-63) */
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}
	how->dst = &rt->dst;
	return 0;
}

static void flow_v6(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct flowi6 *fl6)
{
	*fl6 = (struct flowi6) {
		.flowi6_proto = IPPROTO_TCP,
		.daddr = how->tuple->faddr,
		.saddr = how->tuple->laddr,
		.flowi6_oif = oif(xn->net, how),
		.flowi6_mark = how->mark,
		.fl6_sport = how->tuple->lport,
		.fl6_dport = how->tuple->fport,
		.flowi6_uid = user_of(xn->net, how),
	};
}

static int route_reply_v6(const struct xtcp_net *xn, struct xtcp_ip_reply *how, struct sock *sk)
{
	struct in6_addr *final_p = NULL, final;
	struct dst_entry *dst;
	struct flowi6 fl6;

	flow_v6(xn, how, &fl6);
	if (how->sk)
		final_p = fl6_update_dst(&fl6, rcu_dereference(inet6_sk(sk)->opt), &final);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&fl6));
	dst = ip6_dst_lookup_flow(xn->net, sk, &fl6, final_p);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	how->dst = dst;
	return 0;
}

/* Receives the route in @how->dst. IP's counters count a missing route. */
static int xtcp_ip_reply_route(struct xtcp_net *xn, struct xtcp_ip_reply *how)
{
	struct sock *sk = reply_sock(xn, how);

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "reply route without RCU");
	if (!sk)
		return -EAFNOSUPPORT;
	return xtcp_tuple_is_v4(how->tuple) ? route_reply_v4(xn, how, sk) : route_reply_v6(xn, how, sk);
}

/*
 * The skb does not count in the listener's send buffer. As in kernel TCP, a SYN-ACK with a SYN
 * cookie carries no sock: otherwise all CPUs would write the listener's reference count in a flood.
 */
static void own_by_listener(struct sk_buff *skb, const struct xtcp_ip_reply *how)
{
	struct sock *lsk = how->sk;

	if (!lsk || how->unowned || !refcount_inc_not_zero(&lsk->sk_refcnt))
		return;
	skb->sk = lsk;
	skb->destructor = sock_efree;	/* drops the reference that was taken above */
}

/*
 * ip_local_out() without the hooks if nobody uses them. NF_HOOK() cannot be used: for a packet in a
 * netfilter queue, it would later call a function of this module, perhaps unloaded.
 */
static int local_out(struct net *net, const struct dst_entry *dst, struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);

	if (rcu_access_pointer(net->nf.hooks_ipv4[NF_INET_LOCAL_OUT]) || netif_is_l3_slave(dst->dev))
		return ip_local_out(net, skb->sk, skb);
	xtcp_compat_count_out_request(net);
	iph->tot_len = htons(skb->len);
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
	skb->protocol = htons(ETH_P_IP);
	return dst_output(net, skb->sk, skb);
}

/* ip_select_ttl(), but the caller passes the namespace */
static u8 hop_limit_v4(const struct net *net, const struct dst_entry *dst, const struct sock *sk)
{
	const int ttl = READ_ONCE(inet_sk(sk)->uc_ttl);

	if (ttl >= 0)
		return ttl;
	return dst_metric_raw(dst, RTAX_HOPLIMIT) ?: READ_ONCE(net->ipv4.sysctl_ip_default_ttl);
}

/*
 * A simpler ip_build_and_send_pkt(): the segment has no IP options and is never fragmented. So it
 * has DF, and needs no identification (RFC 6864 section 4.1).
 */
static int xmit_v4(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sock *sk, struct sk_buff *skb)
{
	struct iphdr *iph = __skb_push(skb, sizeof(*iph));

	BUILD_BUG_ON(sizeof(*iph) + XTCP_HDR_LEN + XTCP_OPTIONS_MAX_SYN > IPV4_MIN_MTU);
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = how->tos;
	iph->id = 0;
	iph->frag_off = htons(IP_DF);
	iph->ttl = hop_limit_v4(xn->net, how->dst, sk);
	iph->protocol = IPPROTO_TCP;
	iph->saddr = how->tuple->laddr.s6_addr32[3];
	iph->daddr = how->tuple->faddr.s6_addr32[3];
	skb->priority = how->priority;
	if (!skb->mark)
		skb->mark = READ_ONCE(sk->sk_mark);
	return local_out(xn->net, how->dst, skb);
}

static noinline_for_stack int reply_v6(const struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sock *sk,
				       struct sk_buff *skb)
{
	struct flowi6 fl6;

	flow_v6(xn, how, &fl6);
	return ip6_xmit(sk, skb, &fl6, how->mark, how->sk ? rcu_dereference(inet6_sk(sk)->opt) : NULL, how->tos,
			how->priority);
}

/* Consumes @skb, which begins with the TCP header, and the reference to the route in @how. */
static int xtcp_ip_reply_xmit(struct xtcp_net *xn, const struct xtcp_ip_reply *how, struct sk_buff *skb)
{
	struct sock *sk = reply_sock(xn, how);
	int err;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "reply without RCU");
	xtcp_ip_prepare(skb, how->tuple);
	skb_dst_set(skb, how->dst);
	skb->mark = how->mark;
	if (how->hash)
		skb_set_hash(skb, how->hash, PKT_HASH_TYPE_L4);
	own_by_listener(skb, how);
	err = xtcp_tuple_is_v4(how->tuple) ? xmit_v4(xn, how, sk, skb) : reply_v6(xn, how, sk, skb);
	return net_xmit_eval(err);
}

static void ip_reply_net_exit(struct xtcp_net *xn)
{
	if (xn->reply_sk6)
		inet_ctl_sock_destroy(xn->reply_sk6);
	if (xn->reply_sk)
		inet_ctl_sock_destroy(xn->reply_sk);
	xn->reply_sk6 = NULL;
	xn->reply_sk = NULL;
}

static int ip_reply_net_init(struct xtcp_net *xn)
{
	int err = inet_ctl_sock_create(&xn->reply_sk, PF_INET, SOCK_RAW, IPPROTO_TCP, xn->net);

	if (err)
		return err;
	inet_sk(xn->reply_sk)->pmtudisc = IP_PMTUDISC_DO;
	if (!ipv6_mod_enabled())
		return 0;
	err = inet_ctl_sock_create(&xn->reply_sk6, PF_INET6, SOCK_RAW, IPPROTO_TCP, xn->net);
	if (err) {
		xn->reply_sk6 = NULL;
		ip_reply_net_exit(xn);
	}
	return err;
}

const struct xtcp_net_part xtcp_ip_reply_part = { ip_reply_net_init, ip_reply_net_exit };

/* has room for the padding of a short Ethernet frame, or for the text of a RST */
#define HEAD_SIZE	(SKB_DATA_ALIGN(MAX_TCP_HEADER + ETH_ZLEN) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))

static struct sk_buff *alloc_from_processor(void)
{
	void *head = napi_alloc_frag(HEAD_SIZE);
	struct sk_buff *skb;

	if (!head)
		return NULL;
	skb = napi_build_skb(head, HEAD_SIZE);
	if (!skb)
		skb_free_frag(head);
	return skb;
}

/*
 * Allocates an skb for a control segment, in any context but hard interrupt. @text: octets, 0 or
 * XTCP_RSTDIAG_LEN. With __GFP_MEMALLOC, swapping may wait for it: the slabs may use the reserves.
 */
struct sk_buff *xtcp_control_alloc(gfp_t gfp, unsigned int text)
{
	struct sk_buff *skb;

	BUILD_BUG_ON(XTCP_RSTDIAG_LEN > ETH_ZLEN);
	if (in_softirq() && !(gfp & __GFP_MEMALLOC))
		skb = alloc_from_processor();
	else
		skb = alloc_skb(MAX_TCP_HEADER + text, gfp);
	if (skb)
		skb_reserve(skb, MAX_TCP_HEADER);
	return skb;
}

/* EE0B and ECEB (RFC 9768 section 3.2.1). EE1B has no room on every SYN-ACK. */
static const u32 first_counters[2] = { 1, 0 };

struct reply {
	const struct xtcp_signer *signer;
	u32 seq;
	u32 ack;
	u16 wnd;
	u16 flags;	/* enum xtcp_flags */
	u16 code;	/* reason code of a RST's diagnostic payload; 0: no payload */
	bool resent;
	struct xtcp_options opts;
};

/*
 * Turns the answered segment into an empty skb with room for @len octets and headers, as
 * build_skb() does: a SYN takes 11 to 13 percent fewer instructions than with an allocation.
 * Return: false if the segment is shared, not linear or too small; it is unchanged then.
 */
static bool recycle(struct sk_buff *skb, const struct dst_entry *dst, unsigned int len)
{
	const unsigned int room = skb_end_offset(skb);
	const unsigned int need = LL_RESERVED_SPACE(dst->dev) + dst->header_len + sizeof(struct ipv6hdr) + len;
	const bool head_frag = skb->head_frag, pp_recycle = skb->pp_recycle, pfmemalloc = skb->pfmemalloc;
	const u16 alloc_cpu = skb->alloc_cpu;

	if (skb_shared(skb) || skb_cloned(skb) || skb_is_nonlinear(skb) || skb->fclone || skb_zcopy(skb) || room < need)
		return false;
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	memset(skb, 0, offsetof(struct sk_buff, tail));
	memset(skb_shinfo(skb), 0, offsetof(struct skb_shared_info, dataref));
	skb->head_frag = head_frag;
	skb->pp_recycle = pp_recycle;
	skb->pfmemalloc = pfmemalloc;
	skb->alloc_cpu = alloc_cpu;
	skb->data = skb->head;
	skb_reset_tail_pointer(skb);
	skb->mac_header = (typeof(skb->mac_header))~0U;
	/* if possible, leave room for a driver to pad a short frame in place */
	skb_reserve(skb, room >= need + ETH_ZLEN ? room - ETH_ZLEN : room);
	return true;
}

/* in the skb @syn if possible; otherwise, or if @syn is NULL, in a new skb */
static struct sk_buff *build(const struct xtcp_tuple *tuple, const struct reply *reply, const struct dst_entry *dst,
			     struct sk_buff *syn)
{
	const unsigned int len = XTCP_HDR_LEN + xtcp_options_size(&reply->opts);
	struct sk_buff *skb = syn;
	struct tcphdr *th;

	if (!skb || !recycle(skb, dst, len)) {
		skb = xtcp_control_alloc(GFP_ATOMIC, reply->code ? XTCP_RSTDIAG_LEN : 0);
		if (!skb)
			return NULL;
	}
	if (unlikely(reply->code))
		xtcp_rstdiag_write(skb_put(skb, XTCP_RSTDIAG_LEN), reply->code);
	th = __skb_push(skb, len);
	skb_reset_transport_header(skb);
	memset(th, 0, sizeof(*th));
	th->source = tuple->lport;
	th->dest = tuple->fport;
	th->seq = htonl(reply->seq);
	th->ack_seq = htonl(reply->ack);
	th->doff = len / 4;
	((u8 *)th)[12] |= reply->flags >> 8;
	((u8 *)th)[13] = reply->flags;
	th->window = htons(reply->wnd);
	xtcp_options_write((u8 *)(th + 1), &reply->opts);
	if (unlikely(reply->signer))
		xtcp_signer_sign(reply->signer, tuple, skb);
	return skb;
}

/*
 * Consumes the reference to the route in @how. @state: of the entry or record, for the trace. @syn: may be
 * used again for the answer, or NULL. Return: true when the answer was sent.
 */
static bool send_routed(struct xtcp_net *xn, const struct xtcp_ip_reply *how, int state, const struct reply *reply,
			struct sk_buff *syn)
{
	struct sk_buff *skb = build(how->tuple, reply, how->dst, syn);
	const bool recycled = skb == syn;

	if (!skb) {
		dst_release(how->dst);
		return false;
	}
	trace_xtcp_segment_out(xn->net, how->tuple, state, skb, tcp_hdr(skb), reply->code ? XTCP_RSTDIAG_LEN : 0, -1,
			       false, reply->resent);
	XTCP_INC_STATS(xn, TCP_MIB_OUTSEGS);
	if (reply->flags & XTCP_RST)
		XTCP_INC_STATS(xn, TCP_MIB_OUTRSTS);
	if (unlikely(reply->code)) {
		trace_xtcp_rst_diagnostic(xn->net, how->tuple, true, reply->code, 0);
		XTCP_NET_INC_STATS(xn, XTCP_MIB_RSTDIAGSENT);
	}
	xtcp_ip_reply_xmit(xn, how, skb);
	return recycled;
}

static void send(struct xtcp_net *xn, struct xtcp_ip_reply *how, int state, const struct reply *reply)
{
	if (!xtcp_ip_reply_route(xn, how))
		send_routed(xn, how, state, reply, NULL);
}

static void sign_with(struct reply *reply, const struct xtcp_signer *signer)
{
	if (likely(!signer->md5 && !signer->mkt))
		return;
	reply->signer = signer;
	xtcp_signer_fill_options(signer, &reply->opts);
}

/* @skb: the answered segment; NULL for a resent SYN-ACK. Return: false when it may not be sent. */
static noinline_for_stack bool find_signer(struct xtcp_signer *signer, const struct sock *lsk,
					   const struct xtcp_request *he, const struct sk_buff *skb)
{
	const struct tcphdr *th = skb ? (const struct tcphdr *)skb->data : NULL;
	struct xtcp_ao_option asked = {};

	if (unlikely(he->ao) && th) {
		xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &asked);
	} else if (unlikely(he->ao)) {
		asked.keyid = READ_ONCE(xtcp_pool_syn(he)->ao_keyid);
		asked.rnext = READ_ONCE(xtcp_pool_syn(he)->ao_rnext);
	}
	return xtcp_signer_of_synack(signer, lsk, he, asked.keyid, asked.rnext);
}

/* With a key for the peer, @reply points to @signer until it is sent. False: the segment may not be sent. */
static bool sign_for_entry(struct reply *reply, struct xtcp_signer *signer, const struct sock *lsk,
			   const struct xtcp_request *he, const struct sk_buff *skb)
{
	if (likely(!he->ao && !xtcp_cold_signs(lsk)))
		return true;
	if (!find_signer(signer, lsk, he, skb))
		return false;
	sign_with(reply, signer);
	return true;
}

/* @mark: that of the connection. */
static u32 mark_of_answer(const struct net *net, const struct sk_buff *skb, u32 mark)
{
	if (ip_hdr(skb)->version == 4)
		return IP4_REPLY_MARK(net, skb->mark) ?: mark;
	return IP6_REPLY_MARK(net, skb->mark) ?: mark;
}

/* Of single hosts (RFC 9293 section 3.9.2.3, MUST-57)? Over IPv4, routing refuses other senders. */
static bool between_hosts(struct net *net, const struct xtcp_tuple *tuple)
{
	unsigned int type;

	if (!xtcp_tuple_is_v4(tuple))
		return !ipv6_addr_is_multicast(&tuple->laddr) && !ipv6_addr_is_multicast(&tuple->faddr) &&
		       !ipv6_addr_any(&tuple->faddr);
	type = inet_addr_type(net, tuple->laddr.s6_addr32[3]);
	return type != RTN_BROADCAST && type != RTN_MULTICAST;
}

/*
 * @how: the interface, mark, priority, laddr_known and user of the connection. A RST gets no answer, and
 * neither does a segment from or to a broadcast or multicast address.
 */
static void answer_by_rst(struct xtcp_net *xn, const struct sk_buff *skb, u16 code, const struct xtcp_signer *signer,
			  struct xtcp_ip_reply *how)
{
	const struct xtcp_seg *seg = (const struct xtcp_seg *)skb->cb;
	struct xtcp_tuple tuple;
	struct reply reply = { .flags = XTCP_RST, .seq = seg->ack, .code = code };

	if (seg->flags & XTCP_RST)
		return;
	if (!(seg->flags & XTCP_ACK)) {
		reply.flags |= XTCP_ACK;
		reply.seq = 0;
		reply.ack = seg->end_seq;
	}
	sign_with(&reply, signer);
	xtcp_demux_tuple_from_skb(skb, &tuple);
	how->tuple = &tuple;
	how->dif = seg->dif;
	how->sdif = seg->sdif;
	how->mark = mark_of_answer(xn->net, skb, how->mark);
	how->tos = xtcp_reply_tos(skb);
	/* as kernel TCP's, the event shows a sock or a listener, but no record */
	if (how->user)
		xtcp_compat_trace_send_reset(how->user, skb);
	rcu_read_lock();
	if (between_hosts(xn->net, &tuple))
		send(xn, how, TCP_CLOSE, &reply);
	rcu_read_unlock();
}

/* With IP_TRANSPARENT, routing must not look for the local address. */
static bool is_transparent(const struct sock *sk)
{
	return inet_sk_flowi_flags(sk) & FLOWI_FLAG_ANYSRC;
}

/**
 * xtcp_reply_rst_for() - answer a segment of a sock or listener by a RST (RFC 9293 3.5.2, 3.10.7.1)
 * @sk: the sock or listener; it has accepted the signature of the segment
 * @he: the entry to which the segment belongs, or NULL
 * @skb: the segment, with xtcp_seg() filled and its IP header in place; not consumed
 * @code: for a diagnostic payload, if the segment has just ended its connection. Otherwise 0:
 *	the source address may be forged, so the RST must not be larger than the segment
 *
 * A key of @sk signs the RST. If that key has been removed, no RST is sent.
 * Context: softirq or process. Lock: RCU read side, or socket, held.
 */
noinline_for_stack void xtcp_reply_rst_for(const struct sock *sk, const struct xtcp_request *he,
					   const struct sk_buff *skb, u16 code)
{
	struct xtcp_ip_reply how = {
		.oif = he ? he->conn.bound_dev_if : READ_ONCE(sk->sk_bound_dev_if),
		.mark = he ? he->mark : READ_ONCE(sk->sk_mark),
		.priority = READ_ONCE(sk->sk_priority),
		.laddr_known = is_transparent(sk),
		.user = sk,
	};
	struct xtcp_signer signer;

	if (xtcp_signer_of_answer(&signer, sk, he, skb))
		answer_by_rst(xtcp_net_of(sk), skb, code, &signer, &how);
}

/**
 * xtcp_reply_timewait_rst() - answer a segment that ends a record by a RST (RFC 9293 section 3.6.1)
 * @xn: the namespace
 * @tw: the record, or a copy of it
 * @skb: the segment, with xtcp_seg() filled and its IP header in place; not consumed
 * @signer: signs the RST, if it has a key
 * Context: softirq or process.
 */
void xtcp_reply_timewait_rst(struct xtcp_net *xn, const struct xtcp_timewait *tw, const struct sk_buff *skb,
			     const struct xtcp_signer *signer)
{
	struct xtcp_ip_reply how = {
		.oif = tw->conn.bound_dev_if,
		.mark = tw->mark,
		.priority = tw->priority,
		.laddr_known = tw->transparent,
	};

	answer_by_rst(xn, skb, 0, signer, &how);
}

/* of the interface. Usually it is, and routing need not search for our address */
static bool is_first_address(const struct net_device *dev, const struct xtcp_tuple *tuple)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct in_ifaddr *first = in_dev ? rcu_dereference(in_dev->ifa_list) : NULL;

	return first && first->ifa_local == tuple->laddr.s6_addr32[3];
}

/**
 * xtcp_reply_synack_route() - find the route of a SYN-ACK
 * @lsk: the listener
 * @he: the entry
 * @tuple: the tuple of @he
 * @dev: the interface by which the answered segment came in; NULL: no segment is answered
 * @how: receives the route, and its limit for the MSS option (RFC 9293 section 3.7.1, SHLD-5)
 * Context: softirq or process, RCU read side.
 * Return: 0, or routing's negative errno.
 */
inline int xtcp_reply_synack_route(struct sock *lsk, const struct xtcp_request *he, const struct xtcp_tuple *tuple,
				   const struct net_device *dev, struct xtcp_ip_reply *how)
{
	int err;

	*how = (struct xtcp_ip_reply) {
		.tuple = tuple,
		.oif = he->conn.bound_dev_if,
		.mark = he->mark,
		.priority = READ_ONCE(lsk->sk_priority),
		.tos = READ_ONCE(xtcp_net_of(lsk)->sysctl.reflect_tos) ? he->tos : he->conn.v4 ?
		       READ_ONCE(inet_sk(lsk)->tos) : READ_ONCE(inet6_sk(lsk)->tclass),
		.laddr_known = dev && he->conn.v4 && is_first_address(dev, tuple),
		.sk = lsk,
	};
	err = xtcp_ip_reply_route(xtcp_net_of(lsk), how);
	if (!err)
		how->advmss = max_t(u32, dst_metric_advmss(how->dst), XTCP_MSS_MIN_USER);
	return err;
}

/**
 * xtcp_reply_synack() - send <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> (RFC 9293 section 3.10.7.2)
 * @lsk: the listener
 * @he: the entry; he->resent says whether the SYN-ACK counts as a retransmission
 * @how: from xtcp_reply_synack_route(); its route is consumed
 * @cookie: the Fast Open cookie to send, or NULL
 * @syn: the answered SYN; NULL for a retransmission
 *
 * With TCP-AO, the RNextKeyID of the SYN names the key that has to sign. If the listener does not
 * have it, nothing is sent, as in Linux. The window is not scaled (RFC 7323 section 2.2). If the
 * ISN is a SYN cookie, the low bits of TSval carry the part for which the ISN has no room.
 * Context: softirq or process, RCU read side.
 * Return: true when @syn itself was sent as the answer: the caller no longer owns it.
 */
bool xtcp_reply_synack(struct sock *lsk, struct xtcp_request *he, struct xtcp_ip_reply *how,
		       const struct xtcp_fastopen_cookie *cookie, struct sk_buff *syn)
{
	struct xtcp_net *xn = xtcp_net_of(lsk);
	u16 user_mss = READ_ONCE(xtcp_endpoint(lsk)->user_mss);
	struct xtcp_signer signer __uninitialized;	/* find_signer() fills it before use */
	struct reply reply = {
		.seq = he->iss,
		.ack = he->irs + 1,
		.wnd = he->rcv_wnd,
		.flags = XTCP_SYN | XTCP_ACK,
		.resent = READ_ONCE(he->resent),
		.opts.mss = user_mss ? min(how->advmss, user_mss) : how->advmss,
	};

	if (!sign_for_entry(&reply, &signer, lsk, he, syn)) {
		dst_release(how->dst);
		return false;
	}
	how->hash = xtcp_request_path_hash(lsk, he);
	reply.opts.has_wscale = he->wscale_ok;
	reply.opts.wscale = he->rcv_wscale;
	reply.opts.sack_permitted = he->sack_ok;
	if (he->accecn_ok) {
		/*
		 * a middlebox may drop segments with these flags: the third transmission and later
		 * ones have none (RFC 9768 sections 3.1.1 and 3.2.3.2.2)
		 */
		if (READ_ONCE(he->resent) < 2 || !READ_ONCE(xn->sysctl.ecn_fallback))
			reply.flags |= xtcp_accecn_ace_flags(xtcp_ace_echo(he->syn_codepoint));
	} else if (he->ecn_ok) {
		reply.flags |= XTCP_ECE;
	}
	/* a retransmission omits the option (section 3.2.3.2.2); beside timestamps and a signature there is no room */
	if (he->accecn_ok && syn && READ_ONCE(xn->sysctl.ecn_option) && !(reply.signer && he->ts_ok)) {
		reply.opts.has_accecn = true;
		reply.opts.accecn_fields = ARRAY_SIZE(first_counters);
		reply.opts.accecn = first_counters;
	}
	if (unlikely(cookie) && !reply.signer) {
		reply.opts.has_fastopen = true;
		reply.opts.fastopen = cookie;
	}
	if (he->ts_ok) {
		u32 clock = xtcp_clock_ts() + xtcp_secret_ts_offset(xn, how->tuple);

		reply.opts.has_ts = true;
		reply.opts.tsval = xtcp_cookie_tsval(clock, xtcp_entry_cookie(he));
		reply.opts.tsecr = READ_ONCE(he->ts_recent);
		WRITE_ONCE(he->ts_late, clock - reply.opts.tsval);
	}
	if (unlikely(he->ack_rate_ok)) {
		reply.opts.ack_rate = XTCP_ACKRATE_SUPPORTED;
		/* a key that was set after the SYN came may leave no room */
		if (xtcp_options_size(&reply.opts) > XTCP_MAX_OPTIONS)
			reply.opts.ack_rate = XTCP_ACKRATE_NONE;
	}
	if (reply.resent) {
		XTCP_INC_STATS(xn, TCP_MIB_RETRANSSEGS);
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPSYNRETRANS);
	}
	return send_routed(xn, how, TCP_SYN_RECV, &reply, syn);
}

/**
 * xtcp_reply_synack_again() - send the SYN-ACK of an entry in the table once more
 * @lsk: the listener
 * @he: the entry
 * Context: softirq or process, RCU read side.
 */
void xtcp_reply_synack_again(struct sock *lsk, struct xtcp_request *he)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	struct xtcp_ip_reply how;

	if (!xtcp_reply_synack_route(lsk, he, &tuple, NULL, &how))
		xtcp_reply_synack(lsk, he, &how, NULL, NULL);
}

/**
 * xtcp_reply_request_ack() - send <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> for a half-open entry
 * @lsk: the listener
 * @he: the entry
 * @skb: the answered segment
 *
 * RFC 9293 section 3.10.7.4, first and second step.
 * Context: softirq, RCU read side.
 */
void xtcp_reply_request_ack(struct sock *lsk, const struct xtcp_request *he, const struct sk_buff *skb)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	struct xtcp_net *xn = xtcp_net_of(lsk);
	struct xtcp_ip_reply how = {
		.tuple = &tuple,
		.oif = he->conn.bound_dev_if,
		.mark = mark_of_answer(xn->net, skb, he->mark),
		.priority = READ_ONCE(lsk->sk_priority),
		.tos = xtcp_reply_tos(skb),
		.laddr_known = is_transparent(lsk),
		.user = lsk,
	};
	struct reply reply = {
		.seq = he->iss + 1,
		.ack = he->irs + 1,
		.wnd = DIV_ROUND_UP(he->rcv_wnd, 1U << he->rcv_wscale),
		.flags = XTCP_ACK,
	};
	struct xtcp_signer signer __uninitialized;	/* find_signer() fills it before use */

	if (he->accecn_ok)
		reply.flags |= xtcp_accecn_ace_flags(XTCP_ACE_FIRST);
	if (he->ts_ok) {
		reply.opts.has_ts = true;
		reply.opts.tsval = xtcp_clock_ts() + xtcp_secret_ts_offset(xn, how.tuple);
		reply.opts.tsecr = READ_ONCE(he->ts_recent);
	}
	if (sign_for_entry(&reply, &signer, lsk, he, skb))
		send(xn, &how, TCP_SYN_RECV, &reply);
}

/* As xtcp_reply_timewait_rst(), <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> (RFC 9293 section 3.10.7.4). */
void xtcp_reply_timewait_ack(struct xtcp_net *xn, const struct xtcp_timewait *tw, const struct sk_buff *skb,
			     const struct xtcp_signer *signer)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&tw->conn);
	struct xtcp_ip_reply how = {
		.tuple = &tuple,
		.oif = tw->conn.bound_dev_if,
		.mark = mark_of_answer(xn->net, skb, tw->mark),
		.priority = tw->priority,
		.tos = tw->tos & ~INET_ECN_MASK,
		.laddr_known = tw->transparent,
	};
	struct reply reply = {
		.seq = tw->snd_nxt,
		.ack = tw->rcv_nxt,
		.wnd = tw->rcv_wnd,
		.flags = XTCP_ACK | xtcp_accecn_ace_flags(tw->ace),
	};

	if (tw->ts_ok) {
		reply.opts.has_ts = true;
		reply.opts.tsval = xtcp_clock_ts() + tw->ts_offset;
		reply.opts.tsecr = tw->ts_recent;
	}
	sign_with(&reply, signer);
	send(xn, &how, tw->substate, &reply);
}
