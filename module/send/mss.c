// SPDX-License-Identifier: GPL-2.0
/*
 * Computes the effective send MSS (RFC 9293 section 3.7.1): how much data fits a segment on the
 * present route. There are three numbers:
 *
 *   tx->pmtu  the path MTU that was read last
 *   tx->mss   follows from it, the peer's MSS and the options that every segment carries; for the
 *             congestion window and TCP_INFO
 *   payload   what the next segment can have: tx->mss minus the SACK blocks and the request for an
 *             ACK rate that it will carry
 *
 * A route does not announce that its MTU has changed, with that of the device, or since a route
 * exception was created or has expired. So each sender calls xtcp_mss_current(), which compares it
 * with tx->pmtu, as in Linux. Segments in flight that are too large are cut when they are resent.
 *
 * The search for the path MTU by probes, because routers may not report it (RFC 4821, RFC 8899
 * section 4), is binary, between the largest size that is known to pass and the largest that may
 * pass. A probe is a segment of the middle size, with data that is to be sent anyway. If it is lost,
 * its size does not pass, and the loss is no sign of congestion; but with an earlier segment, or if a
 * timeout finds the loss, it tells nothing.
 *
 * With mtu_probing 2, a connection begins at base_mss and searches upward. With 1, the search
 * begins when timeouts show a black hole. Then base_mss limits segments, and each further timeout
 * halves the limit, but not below mtu_probe_floor, until these segments get through.
 *
 * The send buffer is how much a program may write ahead of the peer's ACKs.
 */

#include "auth/auth.h"
#include "cong/reduction.h"
#include "send/send.h"
#include "sight/sight.h"

static u16 ip_header_len(const struct sock *sk)
{
	const struct ip_options_rcu *opt4;
	const struct ipv6_txoptions *opt6;

	if (xtcp_sock_is_v4(sk)) {
		opt4 = rcu_dereference_protected(inet_sk(sk)->inet_opt, lockdep_sock_is_held(sk));
		return sizeof(struct iphdr) + (opt4 ? opt4->opt.optlen : 0);
	}
	opt6 = rcu_dereference_protected(inet6_sk(sk)->opt, lockdep_sock_is_held(sk));
	return sizeof(struct ipv6hdr) + (opt6 ? opt6->opt_flen + opt6->opt_nflen : 0);
}

static u32 both_headers(const struct sock *sk)
{
	return ip_header_len(sk) + XTCP_HDR_LEN;
}

/*
 * Octets of data in a packet of @mtu with TCP options of @options octets. Both together must also fit the
 * peer's MSS and TCP_MAXSEG. A limit below min_snd_mss counts as min_snd_mss.
 */
static u32 text_of(const struct sock *sk, u32 mtu, u32 options)
{
	u32 least = max_t(u32, READ_ONCE(xtcp_net_of(sk)->sysctl.min_snd_mss), XTCP_MSS_MIN_SND);
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u32 headers = both_headers(sk);
	u32 mss = min_t(u32, mtu > headers ? mtu - headers : 0, tx->agreed.mss_clamp);

	if (tx->user_mss)
		mss = min_t(u32, mss, tx->user_mss);
	return max(mss, least) - options;
}

/* in every segment, octets */
static u32 lasting_options(const struct sock *sk)
{
	return (xtcp_sk(sk)->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0) + xtcp_signer_room(sk);
}

/* @mtu: octets, with the IP header. */
static u32 xtcp_mss_of(const struct sock *sk, u32 mtu)
{
	return text_of(sk, mtu, lasting_options(sk));
}

/* Octets, with the IP header. */
static u32 xtcp_mss_to_mtu(const struct sock *sk, u32 mss)
{
	return mss + lasting_options(sk) + both_headers(sk);
}

/**
 * xtcp_mss_sync() - compute the effective send MSS (RFC 9293 section 3.7.1, MUST-16)
 * @sk: the sock; the peer's SYN has been read, and the use of timestamps is known
 * @pmtu: the path MTU in octets; 0: take the MTU of the route
 *
 * A router's report may be forged: none makes a full segment, with its options, shorter than
 * min_snd_mss, so that there is room for data (CVE-2019-11479).
 */
void xtcp_mss_sync(struct sock *sk, u32 pmtu)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 options = lasting_options(sk), mss;

	sock_owned_by_me(sk);
	if (!pmtu)
		pmtu = xtcp_ip_mtu(sk);
	if (!pmtu)
		pmtu = both_headers(sk) + (xtcp_sock_is_v4(sk) ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6);
	mss = text_of(sk, pmtu, options);
	if (unlikely(stream->mtuprobe.is_on)) {
		stream->mtuprobe.high = min_t(u32, stream->mtuprobe.high, pmtu);
		mss = min(mss, text_of(sk, stream->mtuprobe.low, options));
	}
	/* as in Linux, a second segment fits the largest window ever offered, unless that is very small */
	if (tx->snd.max_wnd > XTCP_MSS_DEFAULT_V4)
		mss = min(mss, tx->snd.max_wnd / 2);
	else if (tx->snd.max_wnd)
		mss = min(mss, tx->snd.max_wnd);
	tx->pmtu = pmtu;
	tx->mss = clamp_t(u32, mss, XTCP_MSS_MIN_SND - options, U16_MAX);
	xtcp_cong_mss_changed(sk);
}

/* of the congestion window, as in Linux: the segments behind a probe have to reveal its loss */
#define LEAST_SEGMENTS	11U

/* A larger packet is too large for the peer or for the route. */
static u16 highest(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	return min_t(u32, tx->agreed.mss_clamp + both_headers(sk), min_not_zero(tx->pmtu, (u32)U16_MAX));
}

static void begin_search(struct sock *sk, u32 mss)
{
	struct xtcp_mtuprobe *probe = &xtcp_sender(sk)->stream->mtuprobe;

	probe->low = min_t(u32, xtcp_mss_to_mtu(sk, mss), U16_MAX);
	probe->high = highest(sk);
	probe->size = 0;
	probe->stamp = (u32)jiffies;
}

/* The options of both SYNs are known: search if mtu_probing is 2. */
void xtcp_mtuprobe_begin(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;

	sock_owned_by_me(sk);
	/* 1: when timeouts show a black hole */
	if (likely(READ_ONCE(ctl->mtu_probing) < 2))
		return;
	if (!xtcp_stream_is_there(xtcp_sender(sk)->stream) && !xtcp_stream_begin(sk, GFP_ATOMIC))
		return;
	begin_search(sk, READ_ONCE(ctl->base_mss));
	xtcp_sender(sk)->stream->mtuprobe.is_on = true;
}

/* Unacknowledged after R1, perhaps a black hole: smaller segments. RFC 4821 section 7.7, RFC 8899 section 4.3. */
void xtcp_mtuprobe_timeout(struct sock *sk)
{
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 mss;

	sock_owned_by_me(sk);
	if (!READ_ONCE(ctl->mtu_probing))
		return;
	if (!stream->mtuprobe.is_on) {
		begin_search(sk, READ_ONCE(ctl->base_mss));
		stream->mtuprobe.is_on = true;
	} else {
		mss = min_t(u32, xtcp_mss_of(sk, stream->mtuprobe.low) / 2, READ_ONCE(ctl->base_mss));
		mss = max3(mss, (u32)READ_ONCE(ctl->mtu_probe_floor), (u32)READ_ONCE(ctl->min_snd_mss));
		stream->mtuprobe.low = min_t(u32, xtcp_mss_to_mtu(sk, mss), U16_MAX);
		stream->mtuprobe.size = 0;
	}
	xtcp_mss_sync(sk, tx->pmtu);
}

/* Octets of data in the probe that is due; 0: none. Enough data can follow to reveal its loss. */
u32 xtcp_mtuprobe_due(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	struct xtcp_mtuprobe *probe = &stream->mtuprobe;
	const struct xtcp_sysctl *ctl = &xtcp_net_of(sk)->sysctl;
	const struct dst_entry *dst = __sk_dst_get(sk);
	u32 size, needed;

	sock_owned_by_me(sk);
	if (!probe->is_on || probe->size || tx->cong.phase != XTCP_CONG_OPEN ||
	    tx->cong.cwnd < LEAST_SEGMENTS * tx->mss || xtcp_sack_has_news(&stream->sack))
		return 0;
	/* a probe that a router may fragment would tell nothing (RFC 8899 section 3, item 2) */
	if (xtcp_sock_is_v4(sk) && dst && !ip_dont_fragment(sk, dst))
		return 0;
	size = xtcp_mss_of(sk, (probe->high + probe->low) / 2);
	if (probe->high - probe->low < READ_ONCE(ctl->probe_threshold) || size <= tx->mss) {
		if ((u32)jiffies - probe->stamp >= (u64)READ_ONCE(ctl->probe_interval) * HZ)
			begin_search(sk, tx->mss);
		return 0;
	}
	/* the congestion window counts octets: a probe may be larger than many segments */
	if (tx->cong.cwnd < size + tx->mss)
		return 0;
	needed = size + (stream->scoreboard.reordering + 1U) * tx->mss;
	return tx->snd.write_seq - tx->snd.nxt >= needed && tx->snd.wnd >= needed ? size : 0;
}

/* @start, @end: sequence numbers of its first octet, and after its last. */
void xtcp_mtuprobe_sent(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_mtuprobe *probe = &xtcp_sender(sk)->stream->mtuprobe;

	sock_owned_by_me(sk);
	probe->start = start;
	probe->end = end;
	probe->size = xtcp_mss_to_mtu(sk, end - start);
}

/**
 * xtcp_sndbuf_memory_free() - proto.stream_memory_free: does TCP_NOTSENT_LOWAT allow more data?
 * @sk: the sock
 * @wake: 1: the caller wants to wake a writer, so half of the limit must be free; otherwise 0
 * Context: any; racy without the socket lock.
 */
bool xtcp_sndbuf_memory_free(const struct sock *sk, int wake)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	u32 unsent = READ_ONCE(tx->snd.write_seq) - READ_ONCE(tx->snd.nxt);
	u32 mark = READ_ONCE(tx->notsent_lowat) ?: READ_ONCE(tx->xn->sysctl.notsent_lowat);

	return unsent << wake < mark;
}

static void wake_writers(struct sock *sk, struct socket *sock)
{
	struct socket_wq *wq = rcu_dereference(sk->sk_wq);

	clear_bit(SOCK_NOSPACE, &sock->flags);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && READ_ONCE(wq->fasync_list) && !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
}

/**
 * xtcp_sndbuf_write_space() - sk_write_space: the send queue has shrunk, or a segment was freed
 * @sk: the socket
 *
 * As with every stream socket, writers are woken when a third of the buffer is free. If
 * SOCK_USE_WRITE_QUEUE is clear, the caller may be sock_wfree(), for each segment: then they are
 * woken only if one of them waits for space (SOCK_NOSPACE).
 * Context: any, see xtcp_pace_room(). Lock: socket, held, unless sock_wfree() is the caller.
 */
void xtcp_sndbuf_write_space(struct sock *sk)
{
	bool may_be_wfree = unlikely(!sock_flag(sk, SOCK_USE_WRITE_QUEUE));
	struct socket *sock;

	if (may_be_wfree)
		xtcp_pace_room(sk);
	rcu_read_lock();
	/* RCU keeps its memory from being freed */
	sock = READ_ONCE(sk->sk_socket);
	if (sock && (!may_be_wfree || test_bit(SOCK_NOSPACE, &sock->flags)) && __sk_stream_is_writeable(sk, 1))
		wake_writers(sk, sock);
	rcu_read_unlock();
}

/*
 * As in Linux, the buffer has room for two windows: one is in flight, and its ACKs let us send the
 * other. It grows to wmem[2] at most; not if SO_SNDBUF has set its size, or while memory is short.
 */
void xtcp_sndbuf_expand(struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	int most = READ_ONCE(xtcp_net_of(sk)->sysctl.wmem[2]);
	u32 segments, per_segment;
	u64 want;

	sock_owned_by_me(sk);
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK || sk_under_memory_pressure(sk))
		return;
	segments = max_t(u32, tx->cong.cwnd / max_t(u32, tx->mss, 1), XTCP_INIT_CWND);
	per_segment = roundup_pow_of_two(tx->mss + MAX_TCP_HEADER + SKB_DATA_ALIGN(sizeof(struct skb_shared_info))) +
		      SKB_DATA_ALIGN(sizeof(struct sk_buff));
	want = 2ULL * segments * per_segment;
	if (sk->sk_sndbuf < want)
		WRITE_ONCE(sk->sk_sndbuf, max_t(int, sk->sk_sndbuf, min_t(u64, want, most)));
}

/* After octets were acknowledged or sent. Send first: TCP_NOTSENT_LOWAT counts only unsent data. */
__always_inline void xtcp_sndbuf_wake(struct sock *sk)
{
	sock_owned_by_me(sk);
	/* pairs with a writer, which sets SOCK_NOSPACE before its last look at the queue */
	smp_mb();
	if (!sk->sk_socket || !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		return;
	xtcp_sndbuf_expand(sk);
	sk->sk_write_space(sk);
}

