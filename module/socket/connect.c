// SPDX-License-Identifier: GPL-2.0
/*
 * Active OPEN (RFC 9293 section 3.10.1).
 *
 * The socket layer calls xtcp_connect() only for a socket that is CLOSED. For other sockets, the
 * socket layer itself returns EISCONN, EALREADY or EINVAL. Before the call it also runs the LSM
 * hook socket_connect. After the call it waits for the connection, or returns EINPROGRESS.
 */
#include "socket/connect.h"

#include <linux/bpf-cgroup.h>
#include <linux/in6.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "auth/aoconn.h"
#include "auth/signer.h"
#include "base/is_v4.h"
#include "base/net.h"
#include "base/secret.h"
#include "base/sock.h"
#include "base/state.h"
#include "base/stream.h"
#include "compat.h"
#include "cong/algorithms.h"
#include "ecn/ecn.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/blackbox.h"
#include "sight/mib.h"
#include "sock/create.h"
#include "window/window.h"

/*
 * After a failure: return to CLOSED, and leave the socket as it was before connect(). @entered: the
 * sock is in the table. A sock that was not in the table cannot be found, so the next connect() of
 * such a sock does not wait for lookups.
 */
static void undo(struct sock *sk, bool entered)
{
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_blackbox_end(sk);
	xtcp_timer_stop(sk);
	if (entered)
		xtcp_demux_remove_sk(sk);
	xtcp_sndq_purge(sk);
	xtcp_port_connection_ended(sk);
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	inet_sk(sk)->inet_dport = 0;
	sk->sk_route_caps = 0;
	__sk_dst_reset(sk);
	xtcp_early_forget(sk);
	xtcp_stream_end(sk);
	xtcp_sock_reset_tcb(sk);
}

/* Fill the TCB for the SYN: sequence numbers, our options, our window. */
static void fill_tcb(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xsk->conn);
	u16 mss_default = xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	const bool sack = READ_ONCE(xn->sysctl.sack);
	u32 iss, ts_offset;

	xtcp_ended_forget(&xsk->ended);
	xtcp_policy_begin(sk);
	xtcp_algorithms_take_route(sk);
	/*
	 * if the connection replaces a TIME-WAIT record, the sock already has an ISS, which lies
	 * beyond the sequence numbers of the record
	 */
	if (!xsk->snd.iss) {
		xtcp_secret_active(xn, &tuple, &iss, &ts_offset);
		xtcp_snd_choose(&xsk->snd, iss, ts_offset);
	}
	xtcp_snd_begin(&xsk->snd);
	/*
	 * if a signature leaves too little space for timestamps and SACK, do without timestamps:
	 * SACK is more useful, since it finds losses
	 */
	xtcp_agreed_options(&xsk->agreed, READ_ONCE(xn->sysctl.window_scaling), 0,
			    READ_ONCE(xn->sysctl.timestamps) && xtcp_signer_leaves_room(xtcp_signer_room(sk), sack),
			    sack);
	xtcp_agreed_ack_rate(&xsk->agreed, READ_ONCE(xn->sysctl.ack_rate_request));
	xtcp_ecn_offer(sk);

	/* assume the default for the peer's MSS until the peer's SYN comes (MUST-15) */
	xtcp_agreed_peer_mss(&xsk->agreed, xsk->user_mss ?: mss_default, 0);
	xtcp_agreed_our_mss(&xsk->agreed, xtcp_ip_advmss(sk), xsk->user_mss);
	xtcp_mss_sync(sk, 0);
	xtcp_window_initial(sk);
}

/*
 * Begin a Fast Open (RFC 7413). There are three cases:
 * - A write connects: send the SYN, with the data of the write or with a request for a cookie.
 * - connect() was called, and the SYN may have data, for example because a cookie is stored: send
 *   nothing now. The first write sends the SYN with its data.
 * - connect() was called, and the SYN must not have data: send a SYN that asks for a cookie.
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

/**
 * xtcp_connect_deferred() - send the SYN that connect() has left to the first write
 * @sk: in SYN-SENT; nothing has been sent; xtcp_sock_fastsyn() is set
 *
 * RFC 7413 section 4.2.2.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0 or -ENOBUFS; after an error @sk is CLOSED.
 */
int xtcp_connect_deferred(struct sock *sk)
{
	int err = xtcp_fastsyn_send(sk);

	sock_owned_by_me(sk);
	if (err)
		undo(sk, true);
	else
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	return err;
}

/**
 * xtcp_connect() - proto.connect: send a SYN
 * @sk: CLOSED
 * @uaddr: the foreign address: sockaddr_in, or sockaddr_in6 for an AF_INET6 sock; a v4-mapped
 *	address means IPv4
 * @addr_len: its length
 *
 * If bind() has not set the local address and port, this function chooses them. RFC 9293 section
 * 3.10.1, MUST-43 to MUST-46.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0 when the SYN was sent, when it could not be sent but a timer will try again, or when
 * the first write will send it (TCP_FASTOPEN_CONNECT); an error of xtcp_ip_connect(),
 * xtcp_port_connect() or xtcp_ip_connect_ports(); -EKEYREJECTED when xtcp_aoconn_may_connect() is
 * false; -ENOBUFS. After an error the socket is as before, except that -ENOBUFS may leave it
 * without the TCP-AO keys for other peers.
 */
int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	bool entered = false;
	int err;

	sock_owned_by_me(sk);
	/*
	 * lookups and listings that began earlier may still use the sock, if it was in the table.
	 * Wait for them before anything changes. Otherwise, a listing could show the tuple of one
	 * connection with the state of another
	 */
	xtcp_demux_wait_for_lookups(sk);
	/*
	 * while this thread had the lock, softirq may have put segments of the earlier connection
	 * on the backlog. Process them now, in CLOSED: in SYN-SENT, xtcp would take an old SYN for
	 * a SYN of the new peer. Softirq may also have deferred a lower MTU of the old path: ignore
	 * this MTU
	 */
	sk_flush_backlog(sk);
	clear_bit(XTCP_DEFERRED_MTU, &sk->sk_tsq_flags);
	/*
	 * softirq counted the deferred segments when they came, perhaps after disconnect() had
	 * reset the counts. The new connection begins with counts of 0: reset them again
	 */
	xtcp_sock_count_none(xtcp_sk(sk));
	err = xtcp_ip_connect(sk, uaddr, addr_len);
	if (err)
		return err;
	/* check the keys before xtcp_port_connect(), which may end a TIME-WAIT record for good */
	if (!xtcp_aoconn_may_connect(sk)) {
		err = -EKEYREJECTED;
		goto err_undo;
	}

	xtcp_early_start(xtcp_net_of(sk));
	/*
	 * once the tuple is in the table, a segment may find the sock; such a segment waits on the
	 * backlog until this function is done
	 */
	xtcp_state_set(sk, TCP_SYN_SENT);
	/* SOCK_DONE and sk_err may be left over from an earlier connection */
	sock_reset_flag(sk, SOCK_DONE);
	WRITE_ONCE(sk->sk_err, 0);
	xtcp_aoconn_begin(sk);
	err = xtcp_port_connect(sk);
	if (err)
		goto err_undo;
	entered = true;
	err = xtcp_ip_connect_ports(sk);
	if (err)
		goto err_undo;
	err = xtcp_aoconn_connect(sk);
	if (err)
		goto err_undo;
	fill_tcb(sk);
	xtcp_blackbox_connect(sk);
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
	undo(sk, entered);
	return err;
}

/**
 * xtcp_connect_stream() - proto_ops.connect: connect, and wait for the connection if allowed
 * @sock: the socket
 * @uaddr: the foreign address
 * @addr_len: its length
 * @flags: O_NONBLOCK: do not wait for the connection
 *
 * A blocking connect() returns when the SYN-ACK arrives. Most programs then send a request, so the
 * third ACK waits a moment for the request. But while the thread connects another socket, it cannot
 * send that request. So this function first sends all third ACKs that wait for this thread.
 *
 * Context: process, may sleep. The caller holds no lock.
 *
 * Return: the same as inet_stream_connect().
 */
int xtcp_connect_stream(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	xtcp_thirdack_go();
	if (READ_ONCE(sk->sk_state) == TCP_CLOSE)
		xtcp_acking_expect_reply(&xtcp_sk(sk)->acking, !(flags & O_NONBLOCK));
	err = inet_stream_connect(sock, uaddr, addr_len, flags);
	if (!err)
		xtcp_thirdack_waits(sk);
	return err;
}

/**
 * xtcp_connect_pre() - proto.pre_connect: run the BPF programs of the cgroup
 * @sk: CLOSED
 * @uaddr: the address of the peer; the programs may change it
 * @addr_len: its length
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0; -EINVAL when the address is too short; or the error of a BPF program, usually -EPERM.
 */
int xtcp_connect_pre(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
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
