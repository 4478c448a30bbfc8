// SPDX-License-Identifier: GPL-2.0
/*
 * AF_XTCP: its two protocols, the creation of sockets, its tables of functions; OPEN, CLOSE and
 * ABORT.
 *
 * socket(AF_XTCP, SOCK_STREAM, 0) is TCP over IPv4. Protocol 1 is TCP over IPv6, and over IPv4
 * unless IPV6_V6ONLY is set. The sock itself has family AF_INET or AF_INET6, so the kernel's own
 * bind, getname and release work as for kernel TCP. They call back through struct proto. The module
 * parameter "protocol" is a number by which the kernel's AF_INET and AF_INET6 make the same socks.
 *
 * OPEN (RFC 9293 section 3.10.1): connect(), listen() and accept(). The socket layer calls
 * proto.connect only for a socket that is CLOSED; for others it returns EISCONN, EALREADY or
 * EINVAL. Before the call it runs the LSM hook socket_connect; after it, it waits, or returns
 * EINPROGRESS.
 *
 * CLOSE and ABORT (sections 3.10.4 and 3.10.5): close(), shutdown(), SO_LINGER, disconnect. As in
 * Linux, close() and shutdown() change the state at once, though RFC 9293 leaves CLOSE-WAIT only
 * when the FIN is sent. So LAST-ACK here may be what the RFC calls CLOSE-WAIT with a queued CLOSE.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/socket.h"

#include <linux/bpf-cgroup.h>
#include <linux/sched/signal.h>

#include "ecn/ecn.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "in/in.h"
#include "listen/listen.h"
#include "netns/netns.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "send/send.h"
#include "sock/create.h"

static void offer_ecn(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u8 mode = READ_ONCE(xtcp_net_of(sk)->sysctl.ecn);

	xtcp_sk(sk)->ecn = 0;
	if (mode == XTCP_ECN_MODE_ACCURATE || READ_ONCE(xtcp_sk(sk)->algorithm)->scalable)
		xtcp_sk(sk)->ecn = XTCP_ECN_OK | XTCP_ECN_ACCURATE;
	else if (mode == XTCP_ECN_MODE_BOTH || mode == XTCP_ECN_MODE_ACCURATE_IN ||
		 (dst && dst_feature(dst, RTAX_FEATURE_ECN)) || READ_ONCE(xtcp_sk(sk)->algorithm)->needs_ecn)
		xtcp_sk(sk)->ecn = XTCP_ECN_OK;
}

static void fill_tcb(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xsk->conn);
	u16 mss_default = xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	const bool sack = READ_ONCE(xn->sysctl.sack);
	u32 iss, ts_offset, wnd;

	xtcp_ended_forget(&xsk->ended);
	xtcp_policy_begin(sk);
	xtcp_algorithms_take_route(sk);
	if (xtcp_repair_is_on(sk)) {
		/* the program has chosen the first octet (TCP_QUEUE_SEQ) and the offset */
		xtcp_snd_choose(&xsk->snd, xsk->snd.write_seq - 1, xsk->snd.ts_offset);
	} else if (!xsk->snd.iss) {
		/* in place of a TIME-WAIT record, it has an ISS beyond the record's numbers already */
		xtcp_secret_active(xn, &tuple, &iss, &ts_offset);
		xtcp_snd_choose(&xsk->snd, iss, ts_offset);
	}
	xtcp_snd_begin(&xsk->snd);
	/* beside a large signature, do without timestamps: SACK finds losses, and is more useful */
	xtcp_agreed_options(&xsk->agreed, READ_ONCE(xn->sysctl.window_scaling), 0,
			    READ_ONCE(xn->sysctl.timestamps) && xtcp_signer_leaves_room(xtcp_signer_room(sk), sack),
			    sack);
	xtcp_agreed_ack_rate(&xsk->agreed, READ_ONCE(xn->sysctl.ack_rate_request));
	offer_ecn(sk);

	/* assume the default for the peer's MSS until the peer's SYN comes (MUST-15) */
	xtcp_agreed_peer_mss(&xsk->agreed, xsk->user_mss ?: mss_default, 0);
	xtcp_agreed_our_mss(&xsk->agreed, xtcp_ip_advmss(sk), xsk->user_mss);
	xtcp_mss_sync(sk, 0);
	xtcp_window_select(sk, __sk_dst_get(sk), xsk->agreed.advmss, xsk->agreed.wscale_ok, &wnd, &xsk->window_clamp,
			   &xsk->rcv_wscale);
	xtcp_rcv_offered(&xsk->rcv, wnd);
}

/*
 * Can the route depend on the ports? Routing rules, the hash for several paths and IPsec may read
 * them. The kernel's count of rules that name ports leaves out rules for what this host sends.
 */
static bool ports_lead(const struct sock *sk)
{
	const struct net *net = sock_net(sk);
	bool lead = xtcp_ip_has_policies(net, sk, XFRM_POLICY_OUT);

#ifdef CONFIG_IP_MULTIPLE_TABLES
	lead |= READ_ONCE(net->ipv4.fib_has_custom_rules);
#endif
#ifdef CONFIG_IP_ROUTE_MULTIPATH
	lead |= READ_ONCE(net->ipv4.sysctl_fib_multipath_hash_policy);
#endif
	return lead;
}

/*
 * Finishes the route when the local port is known. Over IPv4, looks it up again if the first lookup
 * did not know the port and the route may depend on it. @sport: that of the first lookup.
 */
static int route_with_ports(struct sock *sk, __be16 sport)
{
	struct inet_sock *inet = inet_sk(sk);

	sk_set_txhash(sk);
	xtcp_compat_random_id(inet);
	/* Linux does not repeat the lookup over IPv6 either */
	if (!xtcp_sock_is_v4(sk) || sport == inet->inet_sport || !ports_lead(sk))
		return 0;
	__sk_dst_reset(sk);
	return xtcp_ip_route(sk);
}

/*
 * Begins a Fast Open (RFC 7413): a write that connects sends a SYN with its data, or one that asks
 * for a cookie. connect() leaves that to the first write if it may, for example because a cookie is
 * stored; else it sends a SYN that asks for one.
 */
static noinline_for_stack int send_fast_syn(struct sock *sk)
{
	struct xtcp_fastsyn fast = { .cookie.len = -1 };
	int err;

	if (xtcp_sock_fastsyn(xtcp_sk(sk)))
		return xtcp_fastsyn_send(sk);
	if (xtcp_fastsyn_waits_for_text(sk)) {
		xtcp_compat_defer_connect(sk, true);
		return 0;
	}
	xtcp_sock_begin_fastsyn(xtcp_sk(sk), &fast);
	err = xtcp_fastsyn_send(sk);
	xtcp_sk(sk)->opens_fast = false;
	xtcp_sk(sk)->fastopen_asked = true;
	return err;
}

/*
 * proto.connect: sends a SYN, after it has chosen a local address and port, unless bind() has.
 * @uaddr: v4-mapped addresses mean IPv4. RFC 9293 section 3.10.1, MUST-43 to MUST-46. Return: 0, also
 * if a timer or the first write will send the SYN; an error of xtcp_ip_connect(),
 * xtcp_port_connect() or xtcp_ip_route(); -EKEYREJECTED by xtcp_aoconn_may_connect(); -ENOBUFS. The
 * socket is as before then, except that -ENOBUFS may cost it the TCP-AO keys for other peers.
 */
static int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	const __be16 sport = inet_sk(sk)->inet_sport;
	bool entered = false;
	int err;

	sock_owned_by_me(sk);
	/* a listing that began earlier could show the tuple of one connection with the state of another */
	xtcp_demux_wait_for_lookups(sk);
	/*
	 * the backlog may have segments of the earlier connection. Process them now, in CLOSED: in
	 * SYN-SENT, an old SYN would be taken for one of the new peer
	 */
	sk_flush_backlog(sk);
	/* a lower MTU of the old path */
	clear_bit(XTCP_DEFERRED_MTU, &sk->sk_tsq_flags);
	/* softirq has counted these segments, perhaps after disconnect() had reset the counts */
	xtcp_sk(sk)->segs_in = 0;
	xtcp_sk(sk)->data_segs_in = 0;
	err = xtcp_ip_connect(sk, uaddr, addr_len);
	if (err)
		return err;
	/* check the keys before xtcp_port_connect(), which may end a TIME-WAIT record for good */
	if (!xtcp_aoconn_may_connect(sk)) {
		err = -EKEYREJECTED;
		goto err_undo;
	}

	xtcp_early_start(xtcp_net_of(sk));
	/* from now on, a segment that finds the sock waits on the backlog */
	xtcp_state_set(sk, TCP_SYN_SENT);
	/* SOCK_DONE and sk_err may be left over from an earlier connection */
	sock_reset_flag(sk, SOCK_DONE);
	WRITE_ONCE(sk->sk_err, 0);
	xtcp_aoconn_begin(sk);
	err = xtcp_port_connect(sk);
	if (err)
		goto err_undo;
	entered = true;
	err = route_with_ports(sk, sport);
	if (err)
		goto err_undo;
	err = xtcp_aoconn_connect(sk);
	if (err)
		goto err_undo;
	fill_tcb(sk);
	xtcp_blackbox_connect(sk);
	if (xtcp_repair_is_on(sk)) {
		xtcp_repair_connect(sk);
		return 0;
	}
	if (unlikely(xtcp_sk(sk)->opens_fast || xtcp_sk(sk)->fastopen_connect))
		err = send_fast_syn(sk);
	else
		err = xtcp_output_syn(sk);
	if (err)
		goto err_undo;
	if (likely(!xtcp_compat_defers_connect(sk)))
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	return 0;

err_undo:
	xtcp_connect_undo(sk, entered);
	return err;
}

/*
 * proto_ops.connect: connects, and waits unless O_NONBLOCK. The third ACK waits a moment for the
 * request that most programs send then. All third ACKs that wait for this thread go first: it sends
 * no request while it connects.
 */
static int xtcp_connect_stream(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	xtcp_handshake_ack_go();
	if (READ_ONCE(sk->sk_state) == TCP_CLOSE && xtcp_listen_is_ours(sk))
		xtcp_acking_expect_reply(&xtcp_sk(sk)->acking, !(flags & O_NONBLOCK));
	err = inet_stream_connect(sock, uaddr, addr_len, flags);
	if (!err)
		xtcp_handshake_ack_waits(sk);
	return err;
}

/*
 * proto.pre_connect: the BPF programs of the cgroup, which may change @uaddr. Return: 0; -EINVAL:
 * the address is too short; or the error of a program.
 */
static int xtcp_connect_pre(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	sock_owned_by_me(sk);
	if (sk->sk_family == AF_INET6) {
		if (addr_len < SIN6_LEN_RFC2133)
			return -EINVAL;
		return xtcp_compat_bpf_inet6_connect(sk, uaddr, &addr_len);
	}
	if (addr_len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	return xtcp_compat_bpf_inet4_connect(sk, uaddr, &addr_len);
}

/* Changes the state for CLOSE (RFC 9293 section 3.10.4). Return: true when a FIN has to be sent now. */
static bool close_state(struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_CLOSEDINSYNSENT);
		xtcp_sock_done(sk);
		return false;
	case TCP_SYN_RECV:
		/* after a Fast Open, the FIN waits for ESTABLISHED (arrives.c) */
		if (xtcp_sk(sk)->fastopen)
			return false;
		fallthrough;
	case TCP_ESTABLISHED:
		xtcp_state_set(sk, TCP_FIN_WAIT1);
		return true;
	case TCP_CLOSE_WAIT:
		xtcp_state_set(sk, TCP_LAST_ACK);
		return true;
	default:
		return false;
	}
}

/*
 * Does ABORT send a RST (RFC 9293 section 3.10.5)? In CLOSING and LAST-ACK only while our FIN is
 * queued: until it is sent, our LAST-ACK is the RFC's CLOSE-WAIT (see the head of this file).
 */
static bool needs_reset(const struct sock *sk)
{
	const struct xtcp_snd *snd = &xtcp_sk(sk)->snd;

	return (1 << sk->sk_state) & XTCP_ABORT_SENDS_RST ||
	       ((1 << sk->sk_state) & (TCPF_CLOSING | TCPF_LAST_ACK) && snd->nxt != snd->write_seq);
}

/* Data that waits only for the next write (sendmsg.c) goes before the RST, as in kernel TCP. */
static void send_rst(struct sock *sk, enum xtcp_abort_reason reason)
{
	if (unlikely(xtcp_sk(sk)->coalescing))
		xtcp_output_push(sk);
	xtcp_send_rst(sk, reason);
}

static void end_connection(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool unread = !skb_queue_empty(&sk->sk_receive_queue);

	if (unread) {
		__skb_queue_purge(&sk->sk_receive_queue);
		xtcp_rcv_copied(&xsk->rcv, xsk->rcv.nxt - xsk->fin_received - xsk->rcv.copied_seq);
	}
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (xtcp_repair_is_on(sk)) {
		xtcp_sock_fail(sk, ECONNABORTED, XTCP_ABORT_DISCONNECT);
	} else if (unread) {
		/* SHLD-3: a RST tells the peer that nobody will read the data */
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONCLOSE);
		send_rst(sk, XTCP_ABORT_UNREAD);
		xtcp_sock_fail(sk, 0, XTCP_ABORT_UNREAD);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONDATA);
		if (needs_reset(sk))
			send_rst(sk, XTCP_ABORT_LINGER);
		xtcp_sock_fail(sk, 0, XTCP_ABORT_LINGER);
	} else if (close_state(sk)) {
		xtcp_output_fin(sk);
	}
}

/* @sk has become an orphan: decide whether its connection continues. */
static void judge_orphan(struct sock *sk)
{
	if (sk->sk_state == TCP_FIN_WAIT2) {
		if (xtcp_sk(sk)->linger2 >= 0) {
			xtcp_sock_leave_record(sk, TCP_FIN_WAIT2);
			return;
		}
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPABORTONLINGER);
		xtcp_sock_abort(sk, 0, XTCP_ABORT_LINGER2);
	} else if (!xtcp_write_timeout_end_orphan(sk, true) && !check_net(sock_net(sk))) {
		/* the namespace ends: nothing can be sent any more */
		xtcp_sock_done(sk);
	}
}

/*
 * SO_LINGER: wait until the FIN is acknowledged, a signal comes, or @timeout jiffies have passed.
 * Linux 7.2 does not export sk_stream_wait_close(), which does the same.
 */
static void wait_for_end(struct sock *sk, long timeout)
{
	/* after a Fast Open, a closed sock sends its FIN only when the handshake is complete */
	const unsigned int closing = TCPF_SYN_RECV | TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeout)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !sk_wait_event(sk, &timeout, !((1 << sk->sk_state) & closing), &wait)) {
		if (signal_pending(current))
			break;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* Stores the address of a listener that is being closed, for the module parameter held_by. */
static void name_listener(struct sock *sk)
{
	struct xtcp_conn *conn = &xtcp_endpoint(sk)->conn;

	sock_owned_by_me(sk);
	conn->net_id = xtcp_net_of(sk)->id;
	conn->lport = inet_sk(sk)->inet_sport;
	conn->fport = 0;
	conn->v4 = sk->sk_family == AF_INET;
	memset(&conn->laddr6, 0, sizeof(conn->laddr6));
	memset(&conn->faddr6, 0, sizeof(conn->faddr6));
	if (conn->v4)
		conn->laddr4 = sk->sk_rcv_saddr;
	else
		conn->laddr6 = *inet6_rcv_saddr(sk);
}

/*
 * proto.close: the last descriptor is closed. Puts the caller's reference. @timeout: how many
 * jiffies to wait for the peer's last ACK (SO_LINGER). RFC 9293 section 3.10.4, SHLD-3, MAY-1. The
 * connection may continue as an orphan; a listener may wait for a successor (handover.c).
 */
static void xtcp_close(struct sock *sk, long timeout)
{
	int state;

	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN)
		name_listener(sk);
	xtcp_closed_add(sk);
	if (sk->sk_state == TCP_LISTEN && xtcp_handover_keep(sk)) {
		/* handover.c has the file's reference now, and may put it as soon as the lock is free */
		sock_hold(sk);
		release_sock(sk);
		sock_put(sk);
		return;
	}
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		xtcp_listen_stop(sk);
		xtcp_state_set(sk, TCP_CLOSE);
	} else {
		xtcp_blackbox_call(sk, XTCP_BLACKBOX_CLOSE, 0, 0);
		end_connection(sk);
		wait_for_end(sk, timeout);
	}

	state = sk->sk_state;
	sock_hold(sk);	/* put at the end of this function */
	sock_orphan(sk);
	/* segments on the backlog are processed here, and find that the sock is an orphan */
	release_sock(sk);

	spin_lock_bh(&sk->sk_lock.slock);
	if (state == TCP_CLOSE) {
		xtcp_sock_destroy(sk);
	} else if (sk->sk_state != TCP_CLOSE) {
		/* if the sock has ended as an orphan, xtcp_sock_done() has destroyed it already */
		xtcp_orphan_add(sk);
		judge_orphan(sk);
	}
	/* if it ended on the backlog */
	xtcp_orphan_leave_netns(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
	sock_put(sk);
}

/*
 * proto.shutdown: closes our direction; the FIN follows the queued data (RFC 9293 section 3.10.4).
 * As in Linux, data after SHUT_RD is accepted; after both shutdowns it resets (arrives.c).
 */
static void xtcp_close_shutdown(struct sock *sk, int how)
{
	sock_owned_by_me(sk);
	xtcp_blackbox_call(sk, XTCP_BLACKBOX_SHUTDOWN, how, 0);
	if (!(how & SEND_SHUTDOWN))
		return;
	if ((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_SYN_SENT | TCPF_CLOSE_WAIT) && close_state(sk)) {
		xtcp_output_fin(sk);
		xtcp_repair_shut(sk);
	}
}

/*
 * proto.disconnect: ABORT (RFC 9293 section 3.10.5), for connect(AF_UNSPEC), shutdown() in LISTEN or
 * SYN-SENT, and a failed connect(). Options stay, and an address that bind() has set.
 */
static int xtcp_close_disconnect(struct sock *sk, int flags)
{
	struct inet_sock *inet = inet_sk(sk);
	bool was_open = sk->sk_state != TCP_CLOSE || inet->inet_dport;
	struct xtcp_ended ended;
	u32 told_code, told_pen;

	sock_owned_by_me(sk);
	xtcp_compat_disconnected(&xtcp_sk(sk)->disconnects);
	xtcp_aborted_leave(sk);
	if (sk->sk_state == TCP_LISTEN) {
		xtcp_listen_stop(sk);
	} else if (xtcp_repair_is_on(sk)) {
		WRITE_ONCE(sk->sk_err, ECONNABORTED);
	} else if (needs_reset(sk)) {
		send_rst(sk, XTCP_ABORT_DISCONNECT);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	} else if (sk->sk_state == TCP_SYN_SENT) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	if ((1 << sk->sk_state) & ~(TCPF_CLOSE | TCPF_LISTEN)) {
		xtcp_event_abort(sk, sk->sk_err, XTCP_ABORT_DISCONNECT);
		xtcp_mib_aborted(xtcp_net_of(sk), XTCP_ABORT_DISCONNECT);
		xtcp_lease_aborted(xtcp_sk(sk)->lease, XTCP_ABORT_DISCONNECT);
		xtcp_ended_set(&xtcp_sk(sk)->ended, XTCP_ABORT_DISCONNECT, sk->sk_err);
	}
	/* a failed connect() calls this function, too: keep the reason why it failed */
	ended = xtcp_sk(sk)->ended;
	told_code = xtcp_sk(sk)->timers.told_code;
	told_pen = xtcp_sk(sk)->timers.told_pen;
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_blackbox_end(sk);
	xtcp_timer_stop(sk);
	xtcp_algorithms_end(sk);
	xtcp_port_leave(sk);
	xtcp_fastsyn_over(sk);
	xtcp_compat_defer_connect(sk, false);
	xtcp_text_purge(sk);
	xtcp_sndq_purge(sk);
	xtcp_savedsyn_drop(&xtcp_sk(sk)->saved_syn);
	if (xtcp_sk(sk)->fastopen)
		xtcp_fastopen_over(sk, false);

	if (was_open)
		xtcp_port_connection_ended(sk);
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	inet->inet_dport = 0;
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	__sk_dst_reset(sk);
	xtcp_early_forget(sk);
	xtcp_stream_end(sk);
	xtcp_sock_reset_tcb(sk);
	if (unlikely(ended.is_told)) {
		xtcp_sk(sk)->timers.told_code = told_code;
		xtcp_sk(sk)->timers.told_pen = told_pen;
	}
	xtcp_sk(sk)->ended = ended;
	/* the next connection numbers its timestamp reports from its own first octet (sndq.c) */
	atomic_set(&sk->sk_tskey, 0);
	if (sk->sk_frag.page) {
		put_page(sk->sk_frag.page);
		sk->sk_frag.page = NULL;
		sk->sk_frag.offset = 0;
	}
	sk_error_report(sk);
	return 0;
}

static_assert(AF_XTCP > 0 && AF_XTCP < AF_MAX);

static int family_number = AF_XTCP;
static int set_family(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops family_ops = { .set = set_family, .get = param_get_int };
module_param_cb(family, &family_ops, &family_number, 0644);
MODULE_PARM_DESC(family, "address family number, positive, less than " __stringify(AF_MAX)
		 " and not taken by another (default " __stringify(AF_XTCP) ")");
/*
 * There is no MODULE_ALIAS_NETPROTO(): with it, a socket() call of any user would load a module
 * that did not come with the kernel. The package's file in modprobe.d has the alias in a comment.
 */

/* How many pages all our socks use. Kernel TCP counts its own; net.ipv4.tcp_mem limits each count. */
static atomic_long_t memory_allocated;
static DEFINE_PER_CPU(int, memory_per_cpu);
static struct percpu_counter sockets_allocated;
static unsigned long memory_pressure;

/* @sk of these two may be a stand-in of base/memory.c: use only its namespace. */
static void enter_memory_pressure(struct sock *sk)
{
	if (!READ_ONCE(memory_pressure) && !cmpxchg(&memory_pressure, 0, jiffies ?: 1))
		XTCP_NET_INC_STATS(xtcp_net(sock_net(sk)), LINUX_MIB_TCPMEMORYPRESSURES);
}

static void leave_memory_pressure(struct sock *sk)
{
	unsigned long since;

	/* a write for nearly every message would take the cache line from all other processors */
	if (!READ_ONCE(memory_pressure))
		return;
	since = xchg(&memory_pressure, 0);
	if (since)
		XTCP_NET_ADD_STATS(xtcp_net(sock_net(sk)), LINUX_MIB_TCPMEMORYPRESSURESCHRONO,
				   jiffies_to_msecs(jiffies - since));
}

/* proto.keepalive. setsockopt() sets SOCK_KEEPOPEN only after this call; xtcp_keepalive_changed() needs it now. */
static void proto_keepalive(struct sock *sk, int on)
{
	xtcp_sk(sk)->by_rule &= ~XTCP_BY_RULE_KEEPALIVE;
	if (sock_flag(sk, SOCK_KEEPOPEN) == !!on)
		return;
	sock_valbool_flag(sk, SOCK_KEEPOPEN, on);
	xtcp_keepalive_changed(sk, 0);
}

/* proto.init, by create() below, or by inet_create(), inet6_create(). After an error proto.destroy is called. */
static int proto_init(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	int err;

	if (unlikely(xtcp_netns_unloads()))
		return -EAFNOSUPPORT;
	err = xtcp_netns_start(xtcp_net(sock_net(sk)));
	if (err)
		return err;
	sk->sk_protocol = XTCP_SK_PROTOCOL;
	/* io_uring may send without a copy */
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
	xtcp_compat_ask_options(sock);
	return xtcp_sock_init(sk);
}

/* proto.unhash: for a sock whose creation has failed, in no table. */
static void proto_unhash(struct sock *sk)
{
}

/* Does the work that softirq has deferred while a program had the lock. */
static noinline_for_stack void do_deferred(struct sock *sk)
{
	if (test_and_clear_bit(XTCP_DEFERRED_MTU, &sk->sk_tsq_flags))
		xtcp_icmp_mtu_fell(sk);
	if (test_and_clear_bit(XTCP_DEFERRED_TIMER, &sk->sk_tsq_flags))
		xtcp_timer_handler(sk);
	if (test_and_clear_bit(XTCP_DEFERRED_PACE, &sk->sk_tsq_flags))
		xtcp_pace_handler(sk);
	if (test_and_clear_bit(XTCP_DEFERRED_RENEW, &sk->sk_tsq_flags))
		xtcp_algorithms_renew(sk);
}

/* proto.release_cb: a program, or the timer of pace.c, is about to release the lock; the backlog is empty. */
static void proto_release(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (unlikely(sk->sk_state == TCP_LISTEN))
		xtcp_incoming_follow(sk);
	if (unlikely(READ_ONCE(sk->sk_tsq_flags)))
		do_deferred(sk);
}

XTCP_PROTO_IOCTL(proto_ioctl, xtcp_ioctl)
XTCP_PROTO_ACCEPT(proto_accept, xtcp_listen_accept)
XTCP_PROTO_RECVMSG(proto_recvmsg, xtcp_recvmsg)
static void fit_operations(struct socket *newsock);
XTCP_OPS_ACCEPT(accept_stream, fit_operations)

#define PROTO_COMMON								\
	.close			= xtcp_close,					\
	.pre_connect		= xtcp_connect_pre,				\
	.connect		= xtcp_connect,					\
	.disconnect		= xtcp_close_disconnect,			\
	.accept			= proto_accept,					\
	.ioctl			= proto_ioctl,					\
	.init			= proto_init,					\
	.destroy		= xtcp_sock_release_resources,			\
	.shutdown		= xtcp_close_shutdown,				\
	.setsockopt		= xtcp_sockopt_set,				\
	.getsockopt		= xtcp_sockopt_get,				\
	.keepalive		= proto_keepalive,				\
	.sendmsg		= xtcp_sendmsg,					\
	XTCP_PROTO_SENDPAGE							\
	.recvmsg		= proto_recvmsg,				\
	.backlog_rcv		= xtcp_ingress_deliver,				\
	.release_cb		= proto_release,				\
	.unhash			= proto_unhash,					\
	.rehash			= xtcp_port_rehash,			\
	.get_port		= xtcp_port_bind,				\
	.put_port		= xtcp_port_release,				\
	.stream_memory_free	= xtcp_sndbuf_memory_free,			\
	.enter_memory_pressure	= enter_memory_pressure,			\
	.leave_memory_pressure	= leave_memory_pressure,			\
	.memory_allocated	= &memory_allocated,				\
	.per_cpu_fw_alloc	= &memory_per_cpu,				\
	.sockets_allocated	= &sockets_allocated,				\
	.memory_pressure	= &memory_pressure,				\
	.sysctl_wmem_offset	= offsetof(struct net, ipv4.sysctl_tcp_wmem),	\
	.sysctl_rmem_offset	= offsetof(struct net, ipv4.sysctl_tcp_rmem),	\
	.max_header		= MAX_TCP_HEADER,				\
	.no_autobind		= true,						\
	XTCP_PROTO_UNMERGED,							\
	.owner			= THIS_MODULE,	/* end.c */			\
	.name

struct proto xtcp_prot = {
	PROTO_COMMON		= XTCP_PROTO_NAME,
	.obj_size		= sizeof(struct xtcp_sock),
};

struct proto xtcpv6_prot = {
	PROTO_COMMON		= XTCP_PROTO_NAME "v6",
	.obj_size		= sizeof(struct xtcp6_sock),
	XTCP_PROTO_PINFO6(struct xtcp6_sock)
};

#define OPS_COMMON								\
	.owner			= THIS_MODULE,					\
	.connect		= xtcp_connect_stream,				\
	.socketpair		= sock_no_socketpair,				\
	.accept			= accept_stream,					\
	.poll			= xtcp_poll,				\
	.gettstamp		= sock_gettstamp,				\
	.listen			= xtcp_listen,					\
	.shutdown		= inet_shutdown,				\
	.setsockopt		= sock_common_setsockopt,			\
	.getsockopt		= sock_common_getsockopt,			\
	.sendmsg		= inet_sendmsg,					\
	.recvmsg		= inet_recvmsg,					\
	.mmap			= sock_no_mmap,					\
	.set_rcvlowat		= xtcp_sockopt_set_rcvlowat,			\
	.set_peek_off		= sk_set_peek_off,				\
	.splice_read		= xtcp_recvmsg_splice_read,			\
	XTCP_OPS_SPLICE_EOF							\
	XTCP_OPS_SENDPAGE

#ifdef CONFIG_COMPAT
/*
 * An ioctl() of a 32-bit program. The kernel's function, which knows the 32-bit layout of SIOCADDRT
 * and SIOCDELRT, is not exported, but the table of kernel TCP that has it is.
 */
static int compat_ioctl_v4(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	return inet_stream_ops.compat_ioctl(sock, cmd, arg);
}
#endif

static const struct proto_ops ops_v4 = {
	.family			= PF_INET,
	OPS_COMMON
	.release		= inet_release,
	.bind			= inet_bind,
	.getname		= inet_getname,
	.ioctl			= inet_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl		= compat_ioctl_v4,
#endif
};

static const struct proto_ops ops_v6 = {
	.family			= PF_INET6,
	OPS_COMMON
	.release		= inet6_release,
	.bind			= inet6_bind,
	.getname		= inet6_getname,
	.ioctl			= inet6_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl		= inet6_compat_ioctl,
#endif
};

/* inet6_create() of Linux before 6.6 looks for it at the end */
static_assert(offsetofend(struct xtcp6_sock, inet6) == sizeof(struct xtcp6_sock));

/* socket(AF_INET, SOCK_STREAM, IPPROTO_XTCP), and AF_INET6. The protocol is 0 while they are not registered. */
static struct inet_protosw protosw_v4 = { .type = SOCK_STREAM, .prot = &xtcp_prot, .ops = &ops_v4 };
static struct inet_protosw protosw_v6 = { .type = SOCK_STREAM, .prot = &xtcpv6_prot, .ops = &ops_v6 };

static int protocol_number;

static void take_protocol(int number)
{
	lockdep_assert_held(&xtcp_instances_mutex);
	if (number == protosw_v4.protocol)
		return;
	if (protosw_v4.protocol) {
		inet_unregister_protosw(&protosw_v4);
		inet6_unregister_protosw(&protosw_v6);
		/*
		 * inet_create() uses our tables outside of RCU until the sock has a reference to us. If its task sleeps
		 * there, for memory, this does not help, as with every module that has such a protocol.
		 */
		synchronize_rcu_tasks();
	}
	protosw_v4.protocol = number;
	protosw_v6.protocol = number;
	/* it stands before another build that has the number, until it goes: an upgrade misses no socket() */
	if (number) {
		inet_register_protosw(&protosw_v4);
		inet6_register_protosw(&protosw_v6);
	}
}

/* Set up the inet part of a sock, as inet_create() does. */
static void init_inet(struct sock *sk, struct net *net)
{
	struct inet_sock *inet = inet_sk(sk);

	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);
	inet->pmtudisc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc) ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	inet->uc_ttl = -1;
}

static void init_inet6(struct sock *sk, struct net *net)
{
	struct ipv6_pinfo *np = &container_of(xtcp_sk(sk), struct xtcp6_sock, xtcp)->inet6;

	inet_sk(sk)->pinet6 = np;
	np->hop_limit = -1;
	np->pmtudisc = IPV6_PMTUDISC_WANT;
	sk->sk_ipv6only = net->ipv6.sysctl.bindv6only;
}

static int create(struct net *net, struct socket *sock, int protocol, int kern)
{
	bool is_v6 = protocol == XTCPPROTO_IPV6;
	struct proto *prot = &xtcp_prot;
	struct sock *sk;
	int err;

	if (sock->type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != XTCPPROTO_IPV4 && protocol != IPPROTO_TCP && !is_v6)
		return -EPROTONOSUPPORT;
	if (is_v6 && !ipv6_mod_enabled())
		return -EAFNOSUPPORT;
	if (is_v6)
		prot = &xtcpv6_prot;
	sock->ops = is_v6 ? &ops_v6 : &ops_v4;

	sk = sk_alloc(net, is_v6 ? PF_INET6 : PF_INET, GFP_KERNEL, prot, kern);
	if (!sk)
		return -ENOBUFS;
	sock_init_data(sock, sk);
	init_inet(sk, net);
	if (is_v6)
		init_inet6(sk, net);
	err = prot->init(sk);
	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		sk_common_release(sk);
		sock->sk = NULL;
	}
	return err;
}

static const struct xtcp_build_calls our_calls;

static bool is_valid_family(int number)
{
	if (number > 0 && number < AF_MAX)
		return true;
	pr_err("family=%d: the valid range is 1 to %d\n", number, AF_MAX - 1);
	return false;
}

/* One is registered, the other one for the next number. */
static struct net_proto_family families[2] = {
	{ .create = create, .owner = THIS_MODULE },
	{ .create = create, .owner = THIS_MODULE },
};

static struct net_proto_family *family;	/* NULL: none is registered */

/* Registers the one that is free. Return: 0 or -EEXIST. */
static int take_number(int number)
{
	struct net_proto_family *next = family == &families[0] ? &families[1] : &families[0];
	int err;

	next->family = number;
	err = sock_register(next);
	if (!err) {
		family = next;
		family_number = number;
	}
	return err;
}

/* struct xtcp_build_calls: another build takes our family. */
static void give_family(int number)
{
	WARN_ON_ONCE(!mutex_is_locked(&xtcp_instances_mutex));	/* by the other build's thread, which waits for us */
	xtcp_diag_unregister();
	sock_unregister(family_number);
	family = NULL;
	if (take_number(number))
		pr_err("family=%d is taken: there are no new sockets\n", number);
	xtcp_diag_register(family_number);
	xtcp_instances_set_family(family_number, &our_calls);
}

struct giver {
	struct work_struct work;
	const struct xtcp_build_calls *calls;
	int number;
	bool done;
};

static void run_giver(struct work_struct *work)
{
	struct giver *giver = container_of(work, struct giver, work);

	giver->calls->give_family(giver->number);
	WRITE_ONCE(giver->done, true);
}

/*
 * Exchanges the numbers with the build that has @number, which programs use meanwhile. sock_unregister() of
 * the other build frees it at once, and then waits for a grace period: we take it before that is over. A
 * socket() in between asks modprobe, and looks again: it fails only if both looks are in this moment.
 */
static int exchange_numbers(int number, const struct xtcp_build_calls *calls)
{
	struct giver giver = { .calls = calls, .number = family_number };
	bool done;
	int err;

	sock_unregister(family_number);
	family = NULL;
	INIT_WORK_ONSTACK(&giver.work, run_giver);
	queue_work(system_dfl_wq, &giver.work);
	do {
		done = READ_ONCE(giver.done);
		err = take_number(number);
		/* the work item may need this processor */
		if (err && !done)
			usleep_range(10, 20);
	} while (err && !done);
	flush_work(&giver.work);
	destroy_work_on_stack(&giver.work);
	if (err)
		pr_err("family=%d is taken: there are no new sockets\n", number);
	return err;
}

/* @calls: of the build that has @number, or NULL. Return: 0 or -EBUSY. */
static int take_family(int number, const struct xtcp_build_calls *calls)
{
	const int old = family_number;
	int err;

	lockdep_assert_held(&xtcp_instances_mutex);
	xtcp_diag_unregister();
	if (calls) {
		err = exchange_numbers(number, calls);
	} else {
		err = take_number(number);
		if (!err)
			sock_unregister(old);
	}
	xtcp_diag_register(family_number);
	xtcp_instances_set_family(family_number, &our_calls);
	return err ? -EBUSY : 0;
}

/* Another build may have the family; they exchange their numbers. */
static int change_family(int number)
{
	const struct xtcp_build_calls *calls = xtcp_instances_hold(number, NULL, NULL);
	int err = 0;

	xtcp_instances_lock(calls);
	/* both may have changed, or we are about to go */
	if (THIS_MODULE->state != MODULE_STATE_LIVE || (calls && *calls->family != number))
		err = -EBUSY;
	else if (number != family_number)
		err = take_family(number, calls);
	xtcp_instances_unlock(calls);
	if (calls)
		module_put(calls->owner);
	return err;
}

/* The module parameter, of insmod or written later. Return: 0, -EINVAL, or -EBUSY: it is taken, or we are not ready. */
static int set_family(const char *val, const struct kernel_param *kp)
{
	int number, err = kstrtoint(val, 0, &number);

	if (err)
		return err;
	if (THIS_MODULE->state == MODULE_STATE_COMING)
		return family ? -EBUSY : param_set_int(val, kp);
	return is_valid_family(number) ? change_family(number) : -EINVAL;
}

/* The module parameter "protocol": of insmod, or written later. Return: 0, -EINVAL, or -EBUSY: we are not ready. */
static int set_protocol(const char *val, const struct kernel_param *kp)
{
	int number, err = kstrtoint(val, 0, &number);

	if (err)
		return err;
	if (number && (number <= IPPROTO_RAW + 1 || number >= IPPROTO_MPTCP)) {
		pr_err("protocol=%d: the valid range is %d to %d, or 0\n", number, IPPROTO_RAW + 2, IPPROTO_MPTCP - 1);
		return -EINVAL;
	}
	mutex_lock(&xtcp_instances_mutex);
	if (THIS_MODULE->state == MODULE_STATE_LIVE)
		take_protocol(number);
	else if (THIS_MODULE->state == MODULE_STATE_GOING || family)
		err = -EBUSY;
	if (!err)
		protocol_number = number;
	mutex_unlock(&xtcp_instances_mutex);
	return err;
}

static const struct kernel_param_ops protocol_ops = { .set = set_protocol, .get = param_get_int };
module_param_cb(protocol, &protocol_ops, &protocol_number, 0644);
MODULE_PARM_DESC(protocol, "number for socket(AF_INET, SOCK_STREAM, number), as " __stringify(IPPROTO_XTCP)
		 ", or 0: none (default)");

static const struct proto_ops *operations_of(const struct proto *prot)
{
	return prot == &xtcp_prot ? &ops_v4 : prot == &xtcpv6_prot ? &ops_v6 : NULL;
}

/* accept() is about to return @newsock. After XTCP_TAKE_OVER its sock may be of another build than the listener. */
static void fit_operations(struct socket *newsock)
{
	const struct proto *prot = newsock->sk->sk_prot;
	const struct proto_ops *ops = operations_of(prot);
	const struct xtcp_build_calls *calls;

	if (likely(ops == newsock->ops))
		return;
	if (!ops) {
		rcu_read_lock();
		calls = xtcp_instances_calls(prot);
		ops = calls ? calls->operations_of(prot) : NULL;
		rcu_read_unlock();
	}
	if (WARN_ON_ONCE(!ops))
		return;
	__module_get(ops->owner);	/* the sock has a reference, too */
	module_put(newsock->ops->owner);
	newsock->ops = ops;
}

static const struct xtcp_build_calls our_calls = {
	.owner = THIS_MODULE,
	.family = &family_number,
	.mutex = &xtcp_instances_mutex,
	.give_family = give_family,
	.operations_of = operations_of,
	.drain = xtcp_relay_drain,
	.set_key = xtcp_keyopt_set,
	.has_child = xtcp_acceptq_has_child,
	.take = xtcp_accept_take,
	.stop = xtcp_relay_stop,
	.names = &xtcp_names_calls,
};

/* Return: 0; -EINVAL when the parameter "family" is out of range; -ENOMEM; an error of proto_register(). */
static int family_init(void)
{
	int err;

	if (!is_valid_family(family_number))
		return -EINVAL;
	err = xtcp_lease_init();
	if (err)
		return err;
	xtcp_port_init();
	err = percpu_counter_init(&sockets_allocated, 0, GFP_KERNEL);
	if (err)
		goto err_lease;
	/* 6.12 and 7.2 do not export sysctl_tcp_mem to modules if IPv6 is built in, so read it from tcp_prot */
	xtcp_prot.sysctl_mem = tcp_prot.sysctl_mem;
	err = proto_register(&xtcp_prot, 1);
	if (err)
		goto err_counter;
	xtcpv6_prot.sysctl_mem = tcp_prot.sysctl_mem;
	err = proto_register(&xtcpv6_prot, 1);
	if (err)
		goto err_prot;
	xtcp_sockstat_protos[0] = &xtcp_prot;
	xtcp_sockstat_protos[1] = &xtcpv6_prot;
	return 0;

err_prot:
	proto_unregister(&xtcp_prot);
err_counter:
	percpu_counter_destroy(&sockets_allocated);
err_lease:
	xtcp_lease_exit();
	return err;
}

static void family_exit(void)
{
	proto_unregister(&xtcpv6_prot);
	proto_unregister(&xtcp_prot);
	percpu_counter_destroy(&sockets_allocated);
	xtcp_lease_exit();
}

const struct xtcp_part xtcp_family_part = { family_init, family_exit };

/* Return: 0; -EBUSY when the number is taken, not -EEXIST, by which modprobe means: loaded already. */
static int family_register(void)
{
	int err = take_number(family_number);
	char name[MODULE_NAME_LEN];
	bool known;

	if (!err) {
		xtcp_diag_register(family_number);
		xtcp_set_register();
		mutex_lock(&xtcp_instances_mutex);
		take_protocol(protocol_number);
		mutex_unlock(&xtcp_instances_mutex);
		/* from now on, another build may call us */
		xtcp_instances_set_family(family_number, &our_calls);
		/* sock_register() logs the number's usual owner, for example "Registered PF_WANPIPE" */
		pr_info("version %s, address family %d\n", THIS_MODULE->version, family_number);
		return 0;
	}
	known = xtcp_instances_have_family(family_number, name, sizeof(name));
	pr_err("family=%d is taken%s%s; choose a free number from 1 to %d\n", family_number, known ? " by " : "",
	       known ? name : "", AF_MAX - 1);
	return err == -EEXIST ? -EBUSY : err;
}

static void family_unregister(void)
{
	xtcp_set_unregister();
	mutex_lock(&xtcp_instances_mutex);
	xtcp_diag_unregister();
	xtcp_instances_set_family(0, NULL);
	if (family)
		sock_unregister(family_number);
	take_protocol(0);
	mutex_unlock(&xtcp_instances_mutex);
}

const struct xtcp_part xtcp_sockets_part = { family_register, family_unregister };
