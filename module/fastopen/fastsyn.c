// SPDX-License-Identifier: GPL-2.0
/*
 * The client side of TCP Fast Open (RFC 7413).
 *
 * The first connection to a host asks for a cookie, which metrics.c keeps. The SYN of a later
 * connection carries the cookie and data: SYN and data are two skbs of the send queue that leave as
 * one segment. Data that the SYN-ACK does not acknowledge is resent at once (handshake.c). A
 * retransmitted SYN has neither data nor cookie.
 *
 *   call                             while no cookie is known   when a cookie is known
 *   sendmsg(MSG_FASTOPEN)            the SYN asks for a cookie  the SYN has the cookie and data
 *   connect(), TCP_FASTOPEN_CONNECT  the SYN asks for a cookie  the first write sends the SYN
 *
 * A middlebox may drop a SYN with data, or the segments that follow (a black hole). After a sign of
 * a black hole, no connection of the namespace uses Fast Open for the time of
 * net.xtcp.fastopen_blackhole_timeout_sec. Each further sign doubles this time, at most to 64 times
 * its first length. All of this is as in Linux. These are the signs:
 *
 *  - three timeouts in a row, or fewer if the connection is then given up;
 *  - a RST or a FIN that comes out of order before any data;
 *  - a FIN with data after the program has closed the socket.
 */
#include "fastopen/fastsyn.h"

#include <linux/if.h>
#include <linux/netdevice.h>
#include <linux/uio.h>
#include <net/dst.h>
#include <net/tcp.h>

#include "auth/signer.h"
#include "base/net.h"
#include "base/sock.h"
#include "base/wire.h"
#include "fastopen/fastopen.h"
#include "fastopen/metrics.h"
#include "out/out.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/mib.h"

#define DOUBLINGS_MAX	6	/* the time without Fast Open doubles at most this many times */
#define TIMEOUTS_BEFORE	2	/* the timeout after these is a sign of a black hole */

/*
 * Is Fast Open off because of a black hole? When the time without Fast Open is over, the answer is
 * no, and syn_fastopen_ch marks @sk as a connection that tries Fast Open again.
 */
static bool in_black_hole(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	u32 seconds = READ_ONCE(xn->sysctl.fastopen_blackhole_timeout_sec);
	int times = atomic_read(&xn->blackholes);

	if (!seconds || !times)
		return false;
	/* pairs with smp_mb__before_atomic() in xtcp_fastsyn_black_hole() */
	smp_rmb();
	if ((u64)(jiffies - READ_ONCE(xn->blackhole_stamp)) < ((u64)seconds * HZ) << min(times - 1, DOUBLINGS_MAX))
		return true;
	xtcp_sk(sk)->syn_fastopen_ch = true;
	return false;
}

static bool needs_cookie(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);

	return !(READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & XTCP_FASTOPEN_SEND_NO_COOKIE) &&
	       !xtcp_sk(sk)->fastopen_no_cookie && !(dst && dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE));
}

/*
 * May the SYN carry data? @cookie receives the cookie option for the SYN (length 0: ask for a
 * cookie; negative: no option). @mss receives the peer's MSS. If this MSS is unknown, @mss is
 * unchanged.
 */
static bool may_carry_text(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss)
{
	cookie->len = 0;
	/* a SYN has no space for both a signature and a cookie */
	if (xtcp_signer_room(sk)) {
		cookie->len = -1;
		return false;
	}
	if (!xtcp_metrics_get(sk, cookie, mss) || in_black_hole(sk)) {
		cookie->len = -1;
		return false;
	}
	if (!needs_cookie(sk)) {
		cookie->len = -1;
		return true;
	}
	if (cookie->len > 0)
		return true;
	xtcp_sk(sk)->fastopen_client_fail = TFO_COOKIE_UNAVAILABLE;
	return false;
}

/**
 * xtcp_fastsyn_waits_for_text() - does connect() leave the SYN to the first write?
 * @sk: SYN-SENT; its addresses are known
 *
 * The caller has tested TCP_FASTOPEN_CONNECT. The first write sends the SYN if the SYN may carry
 * data: a cookie is known or none is needed, Fast Open has not failed lately, and the SYN has no
 * signature.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: true when the first write sends the SYN.
 */
bool xtcp_fastsyn_waits_for_text(struct sock *sk)
{
	struct xtcp_fastopen_cookie cookie;
	u16 mss;

	sock_owned_by_me(sk);
	return may_carry_text(sk, &cookie, &mss);
}

/*
 * How many octets of data may be on a SYN to a host with MSS @mss? As in Linux, 40 octets are left
 * for options.
 */
static size_t room_for_syn_text(struct sock *sk, u16 mss)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	size_t room;

	xtcp_agreed_peer_mss(&xsk->agreed, mss, xsk->user_mss);
	xtcp_mss_sync(sk, xsk->pmtu);
	room = xsk->mss + (xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0);
	room = room > XTCP_MAX_OPTIONS ? room - XTCP_MAX_OPTIONS : 0;
	return min_t(size_t, room, SKB_MAX_HEAD(MAX_TCP_HEADER));
}

/*
 * Queues data of the write behind the SYN: up to @room octets, fewer if memory is short. The rest
 * stays in fast->msg.
 */
static void queue_syn_text(struct sock *sk, struct xtcp_fastsyn *fast, size_t room)
{
	struct sk_buff *skb;
	int n;

	if (!room || !fast->size)
		return;
	skb = xtcp_sndq_alloc(sk, sk->sk_allocation, false);
	if (!skb)
		return;
	xtcp_sndq_append(sk, skb);
	while (room && msg_data_left(fast->msg)) {
		n = xtcp_fill_copy(sk, skb, &fast->msg->msg_iter, min(room, msg_data_left(fast->msg)));
		if (n <= 0)
			break;
		fast->copied += n;
		room -= n;
	}
	xtcp_sndq_drop_empty_tail(sk);
}

/**
 * xtcp_fastsyn_send() - send a SYN that carries data, or that asks for a cookie
 * @sk: SYN-SENT; it has sent nothing yet, and xtcp_sock_fastsyn() is not NULL
 *
 * RFC 7413 sections 4.2.1 and 4.2.2, "Client: Sending SYN".
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, or -ENOBUFS when there was no memory to queue the SYN.
 */
int xtcp_fastsyn_send(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_fastsyn *fast = xtcp_sock_fastsyn(xsk);
	u16 mss = xsk->agreed.advmss;
	int err;

	sock_owned_by_me(sk);
	err = xtcp_output_queue_syn(sk);
	if (err)
		return err;
	if (may_carry_text(sk, &fast->cookie, &mss))
		queue_syn_text(sk, fast, room_for_syn_text(sk, mss));
	xsk->syn_fastopen = fast->cookie.len >= 0;
	err = xtcp_output_syn(sk);
	/* a retransmitted SYN carries no cookie */
	fast->cookie.len = -1;
	return err;
}

/**
 * xtcp_fastsyn_has_more() - does the call that opens the connection have more data to send?
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when more data follows at once.
 */
bool xtcp_fastsyn_has_more(const struct sock *sk)
{
	const struct xtcp_fastsyn *fast = xtcp_sock_fastsyn(xtcp_sk(sk));

	sock_owned_by_me(sk);
	return fast && fast->copied < fast->size;
}

/**
 * xtcp_fastsyn_black_hole() - note a sign of a black hole
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_fastsyn_black_hole(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (!READ_ONCE(xn->sysctl.fastopen_blackhole_timeout_sec))
		return;
	WRITE_ONCE(xn->blackhole_stamp, jiffies);
	/*
	 * pairs with smp_rmb() in in_black_hole(): a reader that sees the new number of signs also
	 * sees the time of the last sign
	 */
	smp_mb__before_atomic();
	atomic_inc(&xn->blackholes);
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENBLACKHOLE);
}

/**
 * xtcp_fastsyn_timeout() - event: a SYN or text has timed out, which may be a sign of a black hole
 * @sk: the sock; xsk->tries.retransmits counts the timeouts before this one
 * @expired: the connection is given up
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_fastsyn_timeout(struct sock *sk, bool expired)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (likely(!xsk->syn_fastopen && !xsk->syn_data))
		return;
	if (xsk->tries.retransmits != TIMEOUTS_BEFORE && !(expired && xsk->tries.retransmits < TIMEOUTS_BEFORE))
		return;
	xtcp_fastsyn_black_hole(sk);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVEFAIL);
}

/**
 * xtcp_fastsyn_over() - event: a connection ends
 * @sk: the sock; its receive state has not been reset yet
 *
 * If a FIN came out of order, and @sk has received no data at all, a middlebox seems to have
 * dropped the data. This is a sign of a black hole: Fast Open is off for a time.
 *
 * If @sk has tried Fast Open again after a black hole (syn_fastopen_ch), and has received data over
 * a route that is not loopback, Fast Open works again: all signs counted so far are forgotten.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can find @sk.
 */
void xtcp_fastsyn_over(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_net_of(sk);

	if (likely(!xsk->syn_fastopen))
		return;
	if (!xsk->data_segs_in) {
		if (xsk->rcv_fin_known && !xsk->fin_received)
			xtcp_fastsyn_black_hole(sk);
	} else if (xsk->syn_fastopen_ch && atomic_read(&xn->blackholes) && !xtcp_ip_is_local(sk)) {
		atomic_set(&xn->blackholes, 0);
	}
}
