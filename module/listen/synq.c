// SPDX-License-Identifier: GPL-2.0
/*
 * SYNs for a listener (RFC 9293 section 3.10.7.2; RFC 4987), and the children of handshakes.
 *
 * For a SYN, we keep an entry and send a SYN-ACK whose ISN is a cookie. The third ACK turns the
 * entry into a child on the accept queue (halfopen.c). With Fast Open, the SYN itself may make the
 * child.
 *
 *   net.xtcp.syncookies                 1 or 2                     0
 *   ---------------------------------   ------------------------   --------
 *   the SYN queue is full, or it is 2   SYN-ACK without an entry   dropped
 *   a limit of entries, no memory       SYN-ACK without an entry   dropped
 *   max_syn_backlog is 3/4 full         entry                      dropped
 *   the accept queue is full            dropped                    dropped
 *   it reopens a TIME-WAIT record       entry, else dropped        the same
 *
 * Without an entry, the cookie in the third ACK makes the child. No SYN evicts an entry. The limits
 * are those of Linux: each queue takes one more than the backlog of listen(), and the SYN queue is
 * tested first. If both are full, and cookies are allowed, both counters count the SYN.
 *
 * A child is a clone of the listener, whose TCB SYN and SYN-ACK determine (RFC 9293 section
 * 3.10.7.2, RFC 7413 section 4.2.2). Complete, it enters the table of connections, where it
 * replaces its entry, and the accept queue, under the listener's lock. It stays locked until it has
 * processed the segment that made it: no other one can come first.
 */
#include "listen/listen.h"

#include <net/ip6_route.h>
#include <net/transp_v6.h>

#include "base/bounds.h"
#include "ecn/ecn.h"
#include "fastopen/fastopen.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "send/send.h"
#include "sock/create.h"

/* Fills addresses, device, mark and DSCP of a zeroed entry. skb->data is the TCP header. */
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

/*
 * Fills in the options that a SYN asks for and we grant; the caller sets he->ao. RFC 9293 section
 * 3.7.1, MUST-15; RFC 7323 sections 2.2 and 3.2; RFC 2018 section 2.
 */
static void xtcp_request_fill_syn(struct xtcp_request *he, struct sock *lsk, struct sk_buff *skb,
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
	/* one octet: set in a row, they can be written by one store */
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

/*
 * Does @skb, whose signature @lsk has accepted, begin or complete a handshake with TCP-AO? All
 * segments of the connection must have a MAC then.
 */
noinline_for_stack bool xtcp_request_asks_ao(const struct sock *lsk, const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	struct xtcp_ao_option option;

	return xtcp_ao_of(lsk) &&
	       xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option) == XTCP_AO_PRESENT;
}

/*
 * Timestamps and a SACK block do not fit beside a signature of more than 16 octets: MD5 (RFC 2385),
 * or TCP-AO with a long MAC (RFC 5925 section 7.6). As in Linux, timestamps go; with a cookie
 * (@by_cookie) SACK goes, since the timestamp carries what the cookie cannot.
 */
static void xtcp_request_leave_room(struct xtcp_request *he, const struct sock *lsk, bool by_cookie)
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

/*
 * Fills the window and the shift, which the group determines. Addresses, ts_ok, wscale_ok and ao
 * are set; @how: the route of the SYN-ACK, and its MSS option.
 */
__always_inline void xtcp_request_fill_window(struct xtcp_request *he, const struct xtcp_listener *listener,
					      const struct xtcp_ip_reply *how)
{
	u32 mss = how->advmss, most;

	if (he->ts_ok)
		mss -= XTCP_OPTLEN_TIMESTAMP_ALIGNED;
	mss -= xtcp_signer_room_for(listener->sk, he);
	he->rcv_wnd = xtcp_window_first(listener->sk, how->dst, mss);
	/*
	 * a small RTAX_WINDOW would be rounded down by a large shift. The listener's TCP_WINDOW_CLAMP is ignored:
	 * a cookie does not record the shift, which another member of the group may compute anew
	 */
	if (he->wscale_ok) {
		most = xtcp_metric(how->dst, RTAX_WINDOW);
		he->rcv_wscale = listener->group->rcv_wscale;
		if (unlikely(most))
			he->rcv_wscale = min(listener->group->rcv_wscale, xtcp_window_shift_for(most));
	}
}

/*
 * Is the SYN to be answered? Not with a broadcast, multicast or unspecified address (RFC 9293
 * section 3.9.2.3: MUST-57, MUST-63), nor if both ends have the same address and port.
 */
static bool xtcp_request_addresses_ok(const struct sk_buff *skb, const struct xtcp_tuple *tuple)
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

/* LSMs read the address family from these. */
static const struct request_sock_ops lsm_ops[2] = {
	{ .family = AF_INET },
	{ .family = AF_INET6 },
};

/*
 * The request sock that LSMs see: large, and nearly all zeros. So each processor keeps one, and
 * need not clear a new one for each SYN. With BH off and lsm_lock held it has one user.
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
	/* clear what an earlier call has left: labels, IP options with labels, and a BPF program's socket cookie */
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

/*
 * Does the security policy allow the SYN, or the third ACK with a cookie? LSMs get a request sock
 * of the kernel, filled by @he; labels that they write to it are lost.
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

/* The window and the shift of our SYN-ACK; not a new shift, since the listener's buffer may have changed. */
static void take_window(struct sock *child, u32 wnd, u8 shift)
{
	struct xtcp_sock *xsk = xtcp_sk(child);
	u32 first;

	sock_owned_by_me(child);
	xtcp_window_select(child, __sk_dst_get(child), xsk->agreed.advmss, xsk->agreed.wscale_ok, &first,
			   &xsk->window_clamp, &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
	xsk->rcv_wscale = shift;
	xsk->window_clamp = min(xsk->window_clamp, XTCP_WINDOW_MAX_UNSCALED << shift);
}

/*
 * What the handshake has agreed on (RFC 9293 section 3.10.7.2). No lock guards the entry: if it
 * changes, the child begins as if its ACK had come a moment earlier or later.
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
		/* the SYN may come again meanwhile */
		xtcp_accecn_start(child, he->syn_codepoint, data_race(!!he->asked_without));
	if (he->ts_ok)
		xtcp_paws_take(&xsk->paws, READ_ONCE(he->ts_recent));

	xtcp_agreed_peer_mss(&xsk->agreed, he->mss, 0);
	xtcp_agreed_our_mss(&xsk->agreed, xtcp_ip_advmss(child), xsk->user_mss);
	xtcp_mss_sync(child, 0);

	take_window(child, he->rcv_wnd, he->rcv_wscale);
	xtcp_space_begin(child);

	xsk->total_retrans = READ_ONCE(he->resent);
	xtcp_timeouts_of_syn_ack(&xsk->timeouts, READ_ONCE(he->level),
				 he->sent_us ? ((u32)xtcp_clock_us() - he->sent_us) / USEC_PER_MSEC : 0);
}

/*
 * The round trip from the SYN-ACK to the third ACK. If the SYN-ACK was sent again, only if a
 * timestamp tells which copy is answered (RFC 6298 section 3); of two with one TSval, the later.
 * None if an earlier ACK has made no child: this one took longer. No lock, as in fill_child().
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

/* @asks: both know ACK Rate Requests. Return: 0, also if only the listener's rate found no memory; or -ENOMEM. */
static int inherit_cold(struct sock *child, const struct sock *lsk, bool asks)
{
	const struct xtcp_cold *cold = xtcp_cold(lsk);
	u32 idle_ms, half_closed_ms;
	int err;

	if (likely(!cold))
		return 0;
	idle_ms = READ_ONCE(cold->idle_ms);
	half_closed_ms = READ_ONCE(cold->half_closed_ms);
	err = xtcp_cold_set(child, idle_ms, half_closed_ms, asks ? READ_ONCE(cold->ack_rate) : 0,
			    GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	return idle_ms || half_closed_ms ? err : 0;
}

/* Ends a child that nobody can find. Drops both references of xtcp_sock_clone(). */
static void discard_child(struct sock *child)
{
	/* sparse does not know that sk_clone_lock() has locked the child */
	__acquire(&child->sk_lock.slock);
	xtcp_state_set(child, TCP_CLOSE);
	sock_orphan(child);
	xtcp_sock_destroy(child);
	bh_unlock_sock(child);
	sock_put(child);
}

/* Puts the child into the table, in the place of @entry if there is one, and on the accept queue. */
static int publish_child(struct xtcp_listener *listener, struct sock *child, struct xtcp_request *entry)
{
	struct net *net = sock_net(listener->sk);
	struct xtcp_conn *conn = &xtcp_sk(child)->conn;
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	sock_hold(child);	/* the table's reference; xtcp_port_leave() puts it */
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

/*
 * Makes the child of a completed handshake, or of a SYN with Fast Open (@fast, which the child then
 * owns). @he: from the table (@is_entry; the child replaces it), rebuilt from a cookie, or filled
 * from a SYN. @ts_offset: xtcp_secret_ts_offset(). Takes the listener's lock. Return: the child in
 * SYN-RECEIVED, locked by bh_lock_sock(), with a reference; or an error pointer:
 *
 *  - -EAGAIN: the accept queue is full; -ENOMEM, -ENOBUFS, -EHOSTUNREACH;
 *  - -EKEYREJECTED: the listener's TCP-AO keys for the peer are gone;
 *  - -ECONNABORTED: the listener or the entry has ended, or the entry has moved (handover.c);
 *  - -EADDRNOTAVAIL: the tuple is taken.
 */
struct sock *xtcp_child_make(struct xtcp_listener *listener, struct sk_buff *skb, struct xtcp_request *he,
			     u32 ts_offset, bool is_entry, struct xtcp_fastopen *fast)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&he->conn);
	struct sock *lsk = listener->sk;
	struct sock *child;
	int err;

	/* before the expensive clone; publish_child() tests again under the lock */
	if (xtcp_acceptq_is_full(listener))
		return ERR_PTR(-EAGAIN);
	child = xtcp_sock_clone(lsk, GFP_ATOMIC);
	if (!child)
		return ERR_PTR(-ENOMEM);
	fill_child_names(child, he, &tuple);
	/* as IP_TOS or IPV6_TCLASS would; as in Linux, sk_priority stays that of the listener */
	if (unlikely(READ_ONCE(xtcp_net_of(lsk)->sysctl.reflect_tos)))
		*(he->conn.v4 ? &inet_sk(child)->tos : &inet6_sk(child)->tclass) = he->tos;
	err = he->ao ? xtcp_aoconn_inherit(child, lsk, he, skb) : xtcp_keys_inherit(child, lsk);
	if (err)
		goto err_child;
	err = -EHOSTUNREACH;
	/* the hash selects a path: that of the SYN-ACK works */
	child->sk_txhash = xtcp_request_path_hash(lsk, he);
	xtcp_compat_random_id(inet_sk(child));
	__sk_dst_reset(child);
	if (xtcp_ip_route(child))
		goto err_child;
	err = inherit_cold(child, lsk, he->ack_rate_ok);
	if (err)
		goto err_child;
	xtcp_policy_begin(child);
	xtcp_algorithms_take_route(child);
	fill_child(child, he, ts_offset);
	sample_round_trip(child, he, xtcp_seg(skb));
	if (unlikely(he->has_syn) && xtcp_pool_syn(he)->len)
		xtcp_sk(child)->saved_syn = kmemdup(xtcp_pool_syn(he), xtcp_savedsyn_bytes(xtcp_pool_syn(he)->len),
						    GFP_ATOMIC | __GFP_NOWARN);
	/* opens before its handshake is complete: queue the SYN-ACK */
	if (unlikely(fast)) {
		err = xtcp_output_queue_syn(child);
		if (err)
			goto err_child;
		xtcp_sk(child)->fastopen = fast;
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

/* No entry is kept. @reason: XTCP_TRACE_COOKIE or XTCP_TRACE_REFUSED. */
static void count_declined(struct sock *lsk, struct xtcp_listener *listener, const struct xtcp_tuple *tuple, int reason)
{
	unsigned int len = READ_ONCE(listener->synq.len);

	trace_xtcp_queue(lsk, tuple, XTCP_TRACE_SYN_QUEUE, len, len, reason);
	this_cpu_inc(listener->stats->declined);
}

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
	/* the last quarter is for SYNs that reopen records; Linux keeps it for peers of tcp_metrics */
	if (!reopens && !cookies && max - (int)len < max >> 2) {
		xtcp_refusal_drop(lsk);
		return ADMIT_NOT;
	}
	return admission;
}

/* Fills @he and routes the SYN-ACK. @by_cookie: no entry will be kept. Return: false if the SYN cannot be answered. */
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
	/* with none of the three flags, the SYN requests neither ECN nor AccECN */
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

	/* not the addresses, which come last and are filled by read_syn() */
	memset(&syn, 0, offsetof(struct xtcp_request, conn.addrs4));
	if (unlikely(xtcp_request_has_ao(lsk, skb)))
		syn.ao = true;
	if (!read_syn(listener, skb, key, NULL, true, &syn, &how))
		return NOT_ANSWERED;
	/* without timestamps the cookie has no SACK and ECN. AccECN can stay: the third ACK shows it */
	if (!syn.ts_ok) {
		syn.sack_ok = false;
		syn.ecn_ok = syn.accecn_ok;
	}
	/* neither the cookie nor the third ACK shows it */
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
 * 4.2.2). Return: false without a child; *@answer is then the cookie for the SYN-ACK, with a
 * negative length if there is none.
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
		/* nothing has failed if the listener has ended: another one gets the SYN */
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
 * Does the ACK Rate Request option fit beside all others and a signature of @room octets? Beside
 * AccECN only if there is neither a signature nor a Fast Open cookie (@answer).
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

/* After an error, or if Fast Open makes a child, frees @he. If only the sending fails, the timer sends the SYN-ACK. */
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
	if (unlikely(xtcp_cold_fastopenq(listener->sk)) && !xtcp_signer_room_for(listener->sk, he)) {
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
 * The KeyIDs of a SYN with TCP-AO. Each segment may ask for another key (RFC 5925 section 3.3). The
 * listener's lock is held once the entry is in the table.
 */
void xtcp_savedsyn_take_keyids(struct xtcp_saved_syn *syn, const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	struct xtcp_ao_option option;

	if (xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option) != XTCP_AO_PRESENT)
		return;
	WRITE_ONCE(syn->ao_keyid, option.keyid);
	WRITE_ONCE(syn->ao_rnext, option.rnext);
}

/* The SYN, for TCP_SAVE_SYN, if there is memory; with TCP-AO its KeyIDs, for SYN-ACKs that are resent. */
static struct xtcp_request *new_entry(const struct sock *lsk, struct sk_buff *skb, bool v4)
{
	struct xtcp_net *xn = xtcp_net_of(lsk);
	u8 save_syn = READ_ONCE(xtcp_endpoint(lsk)->save_syn);
	const bool ao = xtcp_request_has_ao(lsk, skb);
	struct xtcp_saved_syn *syn;
	struct xtcp_request *he;
	u32 len = 0;

	if (likely(!save_syn && !ao))
		return xtcp_pool_new(xn, v4, false, 0);
	if (save_syn)
		len = skb_network_header_len(skb) + xtcp_seg(skb)->hdr_len;
	/* a tun device has no header of its link */
	if (save_syn == 2 && skb_mac_header_was_set(skb))
		len += skb_mac_header_len(skb);
	he = xtcp_pool_new(xn, v4, true, len);
	if (!he)
		return ao ? NULL : xtcp_pool_new(xn, v4, false, 0);
	syn = xtcp_pool_syn(he);
	memcpy(syn->octets, skb->data + xtcp_seg(skb)->hdr_len - syn->len, syn->len);
	xtcp_savedsyn_take_keyids(syn, skb);
	/* not xtcp_request_has_ao(): the listener may have got its first key since, which verified no SYN */
	he->ao = ao;
	return he;
}

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
 * xtcp_synq_syn() - answer a SYN for a listener (RFC 9293 section 3.10.7.2, third step)
 * @lsk: the listener
 * @skb: the SYN; consumed unless false is returned. Its data is dropped and not acknowledged,
 *	unless TCP Fast Open takes it (RFC 7413)
 * @key: the lookup key of @skb
 * @timewait_iss: our ISN if the SYN reopens a TIME-WAIT record, else NULL. It is no cookie, so
 *	without an entry the SYN is dropped
 * Context: softirq, RCU read side. The listener's socket lock is never taken.
 * Return: false when the listener has ended: another lookup may find another one.
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
