// SPDX-License-Identifier: GPL-2.0
/*
 * CLOSE and ABORT (RFC 9293 sections 3.10.4 and 3.10.5): close(), shutdown(), SO_LINGER,
 * disconnect.
 *
 * As in Linux, close() and shutdown() change the state at once, even if data is queued before the
 * FIN. RFC 9293 leaves CLOSE-WAIT only when the FIN is sent. So LAST-ACK here may be what the RFC
 * calls CLOSE-WAIT with a queued CLOSE.
 */
#include "socket/close.h"

#include <net/ip.h>
#include <net/tcp.h>

#include "base/abort.h"
#include "base/net.h"
#include "base/orphan.h"
#include "base/sock.h"
#include "base/state.h"
#include "base/stream.h"
#include "compat.h"
#include "cong/algorithms.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "listen/estate.h"
#include "listen/listener.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "ports/ports.h"
#include "recv/recv.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/blackbox.h"
#include "sight/mib.h"
#include "sight/trace.h"
#include "sock/create.h"
#include "socket/listen.h"

/*
 * Change the state for CLOSE (RFC 9293 section 3.10.4). Return: true when a FIN has to be sent now.
 */
static bool close_state(struct sock *sk)
{
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_CLOSEDINSYNSENT);
		xtcp_sock_done(sk);
		return false;
	case TCP_SYN_RECV:
		/* after a Fast Open, the FIN waits for ESTABLISHED (handshake.c) */
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
 * Does ABORT send a RST in this state? RFC 9293 section 3.10.5 sends one in SYN-RECEIVED,
 * ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2 and CLOSE-WAIT. In CLOSING and LAST-ACK, xtcp sends a RST
 * only while its own FIN is queued, but not sent. Until this FIN is sent, our LAST-ACK is the RFC's
 * CLOSE-WAIT (see the head of this file).
 */
static bool needs_reset(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	switch (sk->sk_state) {
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSE_WAIT:
		return true;
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		return xsk->snd.nxt != xsk->snd.write_seq;
	default:
		return false;
	}
}

/*
 * Send a RST. If data waits only for the next write (coalesce.c), send the data before the RST:
 * kernel TCP would have sent it already.
 */
static void send_rst(struct sock *sk, enum xtcp_abort_reason reason)
{
	if (unlikely(xtcp_sk(sk)->coalescing))
		xtcp_output_push(sk);
	xtcp_bare_rst(sk, reason);
}

/* The program closes its socket: close or abort the connection. */
static void end_connection(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	bool unread = !skb_queue_empty(&sk->sk_receive_queue);

	if (unread) {
		__skb_queue_purge(&sk->sk_receive_queue);
		xtcp_rcv_discarded(&xsk->rcv, xsk->rcv.nxt - xsk->fin_received);
	}
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (unread) {
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
	} else if (!xtcp_retries_end_orphan(sk, true) && !check_net(sock_net(sk))) {
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
	/*
	 * after a Fast Open, a closed sock stays in SYN-RECEIVED until the handshake is complete;
	 * only then does it send its FIN
	 */
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

/**
 * xtcp_close() - proto.close: close the connection, because the last descriptor is closed
 * @sk: the sock; the function puts the caller's reference
 * @timeout: for how many jiffies to wait until the peer has acknowledged everything (SO_LINGER)
 *
 * RFC 9293 section 3.10.4, SHLD-3, MAY-1. If the connection has not ended yet, it continues as an
 * orphan. A listener may wait for a successor (estate.c).
 *
 * Context: process. Takes the socket lock; may sleep.
 */
void xtcp_close(struct sock *sk, long timeout)
{
	bool settled;
	int state;

	lock_sock(sk);
	if (sk->sk_state == TCP_LISTEN && xtcp_estate_keep(sk)) {
		/*
		 * the estate now owns the file's reference. As soon as the lock is free, estate.c
		 * may call xtcp_close() again, to end @sk and put this reference. So hold @sk until
		 * release_sock() has returned
		 */
		sock_hold(sk);
		release_sock(sk);
		sock_put(sk);
		return;
	}
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		xtcp_held_name_listener(sk);
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

	local_bh_disable();
	bh_lock_sock(sk);
	if (state == TCP_CLOSE) {
		xtcp_sock_destroy(sk);
	} else if (sk->sk_state != TCP_CLOSE) {
		/* if the sock has ended as an orphan, xtcp_sock_done() has destroyed it already */
		xtcp_orphan_add(sk);
		judge_orphan(sk);
	}
	settled = sk->sk_state != TCP_CLOSE && !xtcp_held_is_below(sk, 1);
	bh_unlock_sock(sk);
	local_bh_enable();
	if (settled)
		sock_put(sk);
	else
		xtcp_held_let_go(sk);
}

/**
 * xtcp_close_shutdown() - proto.shutdown: close our direction of the connection
 * @sk: the sock
 * @how: SEND_SHUTDOWN, RCV_SHUTDOWN or both
 *
 * The FIN follows the queued data. RFC 9293 section 3.10.4. This function ignores RCV_SHUTDOWN: as
 * in Linux, data that comes after SHUT_RD is accepted. But after both shutdowns, new data resets
 * the connection (arrives.c).
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_close_shutdown(struct sock *sk, int how)
{
	sock_owned_by_me(sk);
	xtcp_blackbox_call(sk, XTCP_BLACKBOX_SHUTDOWN, how, 0);
	if (!(how & SEND_SHUTDOWN))
		return;
	if ((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_SYN_SENT | TCPF_CLOSE_WAIT) && close_state(sk))
		xtcp_output_fin(sk);
}

/**
 * xtcp_close_disconnect() - proto.disconnect: ABORT the connection, and make the socket usable
 * again
 * @sk: the sock
 * @flags: unused
 *
 * Called for connect(AF_UNSPEC), for shutdown() of a socket in LISTEN or SYN-SENT, and after a
 * failed connect(). The options stay, and so does an address that bind() has set. RFC 9293 section
 * 3.10.5.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0.
 */
int xtcp_close_disconnect(struct sock *sk, int flags)
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
	} else if (needs_reset(sk)) {
		send_rst(sk, XTCP_ABORT_DISCONNECT);
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	} else if (sk->sk_state == TCP_SYN_SENT) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
	}
	if ((1 << sk->sk_state) & ~(TCPF_CLOSE | TCPF_LISTEN)) {
		trace_xtcp_abort(sk, sk->sk_err, XTCP_ABORT_DISCONNECT);
		xtcp_blackbox_abort(sk, sk->sk_err, XTCP_ABORT_DISCONNECT);
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
	xtcp_demux_remove_sk(sk);
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
