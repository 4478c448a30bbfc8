// SPDX-License-Identifier: GPL-2.0
/*
 * Fills a half-open entry from a SYN, or from a cookie and the ACK that completes the handshake.
 * Also checks the addresses and the security policy, which may forbid an answer.
 */
#include "listen/request.h"

#include <linux/security.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "auth/aokeys.h"
#include "auth/signer.h"
#include "base/ackrate.h"
#include "base/cookie.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/seg.h"
#include "base/wire.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "window/window.h"

/**
 * xtcp_request_fill_names() - fill both addresses, the device, skb->mark and the DSCP
 * @he: a zeroed entry
 * @lsk: the listener
 * @skb: a segment of the connection; skb->data is its TCP header
 * @key: the lookup key of @skb
 *
 * Context: softirq, RCU read side.
 */
inline void xtcp_request_fill_names(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb,
				    const struct xtcp_demux_key *key)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_conn *conn = &he->conn;

	conn->hash = key->hash >> 32;
	conn->kind = XTCP_CONN_REQUEST;
	xtcp_conn_set_tuple(conn, &key->tuple);
	conn->bound_dev_if = inet_request_bound_dev_if(lsk, skb);
	/* a link-local address is valid only on its link, and a VRF has several links */
	if (!conn->v4 && (!conn->bound_dev_if || seg->sdif) && ipv6_addr_type(&conn->faddr6) & IPV6_ADDR_LINKLOCAL)
		conn->bound_dev_if = seg->sdif ?: seg->dif;
	he->mark = inet_request_mark(lsk, skb);
	he->tos = xtcp_reply_tos(skb);
	he->lsk = lsk;
}

/**
 * xtcp_request_fill_syn() - fill in the options that a SYN asks for and we grant
 * @he: a zeroed entry
 * @lsk: the listener
 * @skb: the SYN
 * @key: the lookup key of @skb
 *
 * The caller sets he->ao. RFC 9293 section 3.7.1, MUST-15; RFC 7323 sections 2.2 and 3.2; RFC 2018
 * section 2.
 *
 * Context: softirq, RCU read side.
 */
void xtcp_request_fill_syn(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb,
			   const struct xtcp_demux_key *key)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(lsk)->sysctl;
	const struct xtcp_seg *seg = xtcp_seg(skb);
	u16 user_mss = READ_ONCE(xtcp_endpoint(lsk)->user_mss);
	const bool wscale_ok = seg->has_wscale && READ_ONCE(ctl->window_scaling);
	const bool ts_ok = seg->has_ts && READ_ONCE(ctl->timestamps);
	const bool sack_ok = seg->sack_permitted && READ_ONCE(ctl->sack);

	xtcp_request_fill_names(he, lsk, skb, key);
	he->irs = seg->seq;
	he->mss = seg->mss;
	if (!he->mss)
		he->mss = he->conn.v4 ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	else if (user_mss)
		he->mss = min(he->mss, user_mss);
	/* these bits share an octet; set in a row, they can be written by one store */
	he->wscale_ok = wscale_ok;
	he->ts_ok = ts_ok;
	he->sack_ok = sack_ok;
	if (wscale_ok)
		he->snd_wscale = seg->wscale;
	if (ts_ok)
		he->ts_recent = seg->tsval;
	if (unlikely(seg->ack_rate == XTCP_ACKRATE_SUPPORTED))
		he->ack_rate_ok = READ_ONCE(ctl->ack_rate_request);
}

/**
 * xtcp_request_asks_ao() - does this segment begin, or complete, a handshake with TCP-AO?
 * @lsk: the listener; callers use xtcp_request_has_ao(), which returns at once if @lsk has no key
 * @skb: a segment whose signature @lsk has accepted
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the segment has the TCP-AO option and the listener has TCP-AO keys: all
 * segments of the connection must then have a MAC.
 */
noinline_for_stack bool xtcp_request_asks_ao(const struct sock *lsk, const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	struct xtcp_ao_option option;

	return xtcp_ao_of(lsk) &&
	       xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option) == XTCP_AO_PRESENT;
}

/**
 * xtcp_request_leave_room() - drop an option that does not fit beside a signature
 * @he: the entry, after xtcp_request_fill_syn()
 * @lsk: the listener
 * @by_cookie: the SYN is answered with a cookie, and no entry will be kept
 *
 * Timestamps, a SACK block and a signature option of more than 16 octets do not all fit into a
 * header. MD5 (RFC 2385), and TCP-AO with a MAC of more than 12 octets (RFC 5925 section 7.6), need
 * such an option. As in Linux, timestamps are dropped, and SACK stays. But if a cookie is sent,
 * timestamps stay, and SACK is dropped: the timestamp carries options that a cookie has no space
 * for.
 *
 * Context: softirq, RCU read side.
 */
void xtcp_request_leave_room(struct xtcp_request *he, const struct sock *lsk, bool by_cookie)
{
	if (likely(xtcp_signer_leaves_room(xtcp_signer_room_for(lsk, he), he->sack_ok)) || !he->ts_ok)
		return;
	if (by_cookie) {
		he->sack_ok = false;
		return;
	}
	he->ts_ok = false;
	he->ts_recent = 0;
}

/**
 * xtcp_request_fill_cookie() - rebuild an entry that was not kept
 * @he: a zeroed entry after xtcp_request_fill_names()
 * @seg: the handshake's last ACK
 * @cookie: the decoded cookie of @seg
 *
 * Context: softirq.
 */
void xtcp_request_fill_cookie(struct xtcp_request *he, const struct xtcp_seg *seg,
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

/**
 * xtcp_request_fill_window() - fill the window and the shift that the SYN-ACK offers
 * @he: the entry; its addresses, ts_ok, wscale_ok and ao are set, rcv_wscale is 0
 * @listener: the listener; its group determines the shift
 * @how: the route of the SYN-ACK, and the MSS option that this route allows
 *
 * Context: softirq, RCU read side.
 */
__always_inline void xtcp_request_fill_window(struct xtcp_request *he, const struct xtcp_listener *listener,
					      const struct xtcp_ip_reply *how)
{
	u32 mss = how->advmss;

	if (he->ts_ok)
		mss -= XTCP_OPTLEN_TIMESTAMP_ALIGNED;
	mss -= xtcp_signer_room_for(listener->sk, he);
	he->rcv_wnd = xtcp_window_first(listener->sk, how->dst, mss);
	if (he->wscale_ok)
		he->rcv_wscale = xtcp_window_shift_of_route(how->dst, listener->group->rcv_wscale);
}

/**
 * xtcp_request_addresses_ok() - may this SYN be answered?
 * @skb: the SYN
 * @tuple: the tuple of @skb
 *
 * A SYN is ignored if its source or destination is a broadcast or multicast address, or its source
 * is the unspecified address (RFC 9293 section 3.9.2.3: MUST-57, MUST-63), or source and
 * destination have the same address and port.
 *
 * Context: softirq, RCU read side.
 *
 * Return: false if the caller has to ignore the SYN.
 */
bool xtcp_request_addresses_ok(const struct sk_buff *skb, const struct xtcp_tuple *tuple)
{
	const struct rtable *rt = skb_rtable(skb);

	if (tuple->lport == tuple->fport && ipv6_addr_equal(&tuple->laddr, &tuple->faddr))
		return false;
	if (!xtcp_tuple_is_v4(tuple))
		return ipv6_unicast_destination(skb) && !ipv6_addr_is_multicast(&tuple->faddr) &&
		       !ipv6_addr_any(&tuple->faddr);
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
		return false;
	return !ipv4_is_multicast(tuple->faddr.s6_addr32[3]) && !ipv4_is_lbcast(tuple->faddr.s6_addr32[3]) &&
	       !ipv4_is_zeronet(tuple->faddr.s6_addr32[3]);
}

/* LSMs read the address family of a request from its ops. */
static const struct request_sock_ops lsm_ops[2] = {
	{ .family = AF_INET },
	{ .family = AF_INET6 },
};

/*
 * The request sock that LSMs see. It is large and nearly all zeros. So each processor keeps one
 * request sock, and need not clear a new one for each SYN. BH is off and lsm_lock is held, so each
 * request sock has one user at a time.
 */
static DEFINE_PER_CPU(struct inet_request_sock, lsm_request) = { .ireq_state = TCP_NEW_SYN_RECV };
static DEFINE_PER_CPU(local_lock_t, lsm_lock) = INIT_LOCAL_LOCK(lsm_lock);

static void fill_lsm_request(struct inet_request_sock *request, struct sock *lsk, const struct xtcp_request *he,
			     const struct xtcp_tuple *tuple)
{
	const bool v4 = he->conn.v4;

	request->req.rsk_ops = (struct request_sock_ops *)&lsm_ops[!v4];
	request->req.rsk_listener = lsk;
	write_pnet(&request->ireq_net, sock_net(lsk));
	request->ireq_family = v4 ? AF_INET : AF_INET6;
	request->ir_rmt_port = tuple->fport;
	request->ir_num = ntohs(tuple->lport);
	request->ir_v6_rmt_addr = tuple->faddr;
	request->ir_v6_loc_addr = tuple->laddr;
	request->ir_rmt_addr = v4 ? tuple->faddr.s6_addr32[3] : 0;
	request->ir_loc_addr = v4 ? tuple->laddr.s6_addr32[3] : 0;
	request->ir_iif = he->conn.bound_dev_if;
	request->ir_mark = he->mark;
	/*
	 * clear what an earlier call has left in this memory: the LSM's labels, IP options that
	 * carry labels, and the socket cookie that a BPF program asked for
	 */
	atomic64_set(&request->ir_cookie, 0);
	request->req.secid = 0;
	request->req.peer_secid = 0;
	request->ipv6_opt = NULL;	/* also clears ireq_opt, IPv4's options: a union */
}

static void free_ip_options(struct inet_request_sock *request, struct sock *lsk, bool v4)
{
	if (v4) {
		kfree(rcu_access_pointer(request->ireq_opt));
	} else {
		atomic_sub(request->ipv6_opt->tot_len, &lsk->sk_omem_alloc);
		txopt_put(request->ipv6_opt);
	}
}

/**
 * xtcp_request_lsm_ok() - does the security policy allow the connection?
 * @lsk: the listener
 * @skb: the SYN, or the handshake's last ACK if it has a SYN cookie
 * @he: the entry, after xtcp_request_fill_names()
 * @tuple: the tuple of @he
 *
 * LSMs expect a request sock of the kernel, so this function fills one for them. Labels that LSMs
 * write to this request sock are lost.
 *
 * Context: softirq, RCU read side.
 *
 * Return: false if the caller has to ignore the segment.
 */
bool xtcp_request_lsm_ok(struct sock *lsk, struct sk_buff *skb, const struct xtcp_request *he,
			 const struct xtcp_tuple *tuple)
{
	struct inet_request_sock *request;
	bool ok;

	lockdep_assert_in_softirq();
	local_lock_nested_bh(&lsm_lock);
	request = this_cpu_ptr(&lsm_request);
	fill_lsm_request(request, lsk, he, tuple);
	ok = !security_inet_conn_request(lsk, skb, &request->req);
	if (unlikely(request->ipv6_opt))
		free_ip_options(request, lsk, he->conn.v4);
	local_unlock_nested_bh(&lsm_lock);
	return ok;
}
