// SPDX-License-Identifier: GPL-2.0
/*
 * SEND (RFC 9293 section 3.10.2): the program's octets go into the send queue, and output.c sends
 * those that may go now. Before a call waits for space, it sends what it has queued, whatever Nagle
 * and MSG_MORE say: it might wait for space that only its own unsent data takes.
 *
 * Coalescing: with TCP_NODELAY no write waits for an ACK, and each costs a segment. If the program
 * writes again at once, nothing is gained by sending the first write alone. So data waits for the
 * next write, for at most coalesce_usecs, if the last two skbs in flight are small, and the last
 * one was sent less than coalesce_usecs ago; skbs that are sacked or wait to be resent do not
 * count. The same if the last writes were handed to a peer on this machine, and its reader is slower
 * (local.c), also without TCP_NODELAY. A program that waits for the answer to each request never has
 * two small skbs in flight. Without TCP_NODELAY, Nagle decides about data shorter than a segment.
 * Longer data may wait here, because the next write makes the GSO packet larger.
 *
 * xtcp_output_push() sends the waiting data when the timer of pace.c expires, an ACK arrives, the
 * GSO packet is full, or a later write need not wait; xtcp_coalesce_flush() when the program reads,
 * polls, calls ioctl(), or gets or sets an option of TCP or IP; and so do close() and shutdown()
 * for sending. No other call does. Beside the timer of pace.c that of retransmission runs then, but
 * for a peer on this machine.
 */
#include "socket/socket.h"

#include <linux/bvec.h>

#include "base/sock.h"
#include "expiry/expiry.h"
#include "fastopen/fastopen.h"
#include "ports/ports.h"
#include "send/send.h"
#include "sight/sight.h"
#include "sock/create.h"

static bool is_below(const struct xtcp_sndcb *cb, u32 octets)
{
	return cb->end_seq - cb->seq < octets;
}

/* The last two skbs in flight are small, the later one was sent in the last @usecs. */
static bool sends_small(const struct sock *sk, u32 gso, u32 usecs)
{
	const struct xtcp_sndcb *last = list_last_entry(&xtcp_sk(sk)->stream->in_flight, struct xtcp_sndcb, node);

	return is_below(last, gso) && is_below(list_prev_entry(last, node), gso) &&
	       xtcp_clock_since_us(xtcp_clock_us(), last->sent_us) < usecs;
}

/*
 * Urgent data, the end of a record (MSG_EOR), and data whose times the program wants never wait.
 * Data that Nagle or TCP_CORK delays, and data before ESTABLISHED, waits in another way.
 */
static bool may_wait(const struct sock *sk, struct sk_buff *skb, bool local)
{
	const struct xtcp_sndcb *cb = xtcp_sndcb(skb);
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	if (cb->marks & XTCP_SNDQ_EOR || cb->stamps || xsk->snd_urgent || xsk->nonagle & TCP_NAGLE_CORK ||
	    sk->sk_state == TCP_SYN_RECV)
		return false;
	return local || xsk->nonagle & TCP_NAGLE_OFF || skb->len >= xsk->mss;
}

/*
 * How large should an skb of the send queue become, octets? As many full segments as a GSO packet may
 * have, but at most half of the largest window that the peer has offered.
 */
static u32 bundle_goal(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = xtcp_mss_payload(sk), segments = 1;

	sock_owned_by_me(sk);
	if (sk_can_gso(sk) && likely(!xtcp_signer_room(sk))) {
		u32 most = min3(sk->sk_gso_max_size, GSO_LEGACY_MAX_SIZE - 1U - MAX_TCP_HEADER, xsk->snd.max_wnd / 2);

		segments = clamp_t(u32, most / mss, 1, max_t(u32, sk->sk_gso_max_segs, 1));
	}
	return segments * mss;
}

/* Two skbs are in flight, or the last write took the short way (@local). True: data waits, a timer runs. */
static bool waits_for_next(struct sock *sk, u32 written, bool local)
{
	const u32 usecs = READ_ONCE(xtcp_net_of(sk)->sysctl.coalesce_usecs);
	struct sk_buff *skb = xtcp_sndq_open_tail(sk);
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 gso;

	if (!usecs || !skb || skb != xtcp_sndq_unsent(sk) || !may_wait(sk, skb, local))
		return false;
	gso = min(bundle_goal(sk), xtcp_gso_limit(sk));
	if (skb->len >= gso)
		return false;
	/* if the skb also has earlier data, that data waits already, and the timer runs */
	if (xsk->coalescing && skb->len > written)
		return true;
	if (!(local ? xtcp_local_may_wait(sk) : sends_small(sk, gso, usecs)) ||
	    !xtcp_pace_within(sk, (u64)usecs * NSEC_PER_USEC, 0))
		return false;
	WRITE_ONCE(xsk->coalescing, true);
	return true;
}

/* Must the last write (@written octets) wait for the next one? If so, a timer runs. */
static __always_inline bool xtcp_coalesce_holds(struct sock *sk, u32 written)
{
	const struct list_head *in_flight = &xtcp_sk(sk)->stream->in_flight;

	sock_owned_by_me(sk);
	if (in_flight->next != in_flight->prev)
		return waits_for_next(sk, written, false);
	return unlikely(xtcp_sk(sk)->is_local) && xtcp_sk(sk)->stream->local_lags == XTCP_LOCAL_LAGS &&
	       waits_for_next(sk, written, true);
}

/* If another thread has the socket lock, it sends the data when it releases the lock. */
static void push_coalesced(struct sock *sk)
{
	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_PACE, &sk->sk_tsq_flags);
	else if (xtcp_sk(sk)->coalescing)
		xtcp_pace_handler(sk);
	spin_unlock_bh(&sk->sk_lock.slock);
}

/* The program makes a call that is not a write: sends what waits. May take the lock of bh_lock_sock(). */
__always_inline void xtcp_coalesce_flush(struct sock *sk)
{
	if (unlikely(READ_ONCE(xtcp_sk(sk)->coalescing)))
		push_coalesced(sk);
}

#define SKBS_BETWEEN_BACKLOGS	16	/* full skbs, after which the backlog is processed */

/* MSG_OOB: SND.UP <- the sequence number after the last queued octet (RFC 9293 section 3.10.2). */
static void mark_urgent(struct sock *sk, int flags)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	/* at rest, after a long wait for memory, the peer has acknowledged that octet */
	if (likely(!(flags & MSG_OOB)) || !xtcp_stream_is_there(xsk->stream))
		return;
	xsk->stream->snd_up = xsk->snd.write_seq;
	xsk->snd_urgent = true;
}

/*
 * The last octet of a write is sent with PSH (RFC 9293 section 3.9.1.2, MUST-61). As in Linux, each
 * write's, unless the program has said that more follows. Later octets in the same skb remove it.
 */
static void mark_push(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_open_tail(sk);

	if (!skb)
		return;
	xtcp_sndcb(skb)->flags |= XTCP_PSH;
	xtcp_sk(sk)->stream->pushed_seq = xtcp_sk(sk)->snd.write_seq;
}

/*
 * As in Linux, PSH is due when more than half of the peer's largest window was written without. The
 * peer's TCP may withhold text until a PSH arrives, and its window would stay closed.
 */
static bool push_is_due(const struct xtcp_sock *xsk)
{
	return xtcp_seq_gt(xsk->snd.write_seq, xsk->stream->pushed_seq + xsk->snd.max_wnd / 2);
}

/* Send what may go now: to a peer on this machine by the short way, else as segments. */
static void push_written(struct sock *sk, int nonagle)
{
	if (READ_ONCE(xtcp_net_of(sk)->sysctl.local) && unlikely(xtcp_ip_is_local(sk) || xtcp_sk(sk)->is_local))
		xtcp_local_push(sk, nonagle);
	xtcp_output_push_nagle(sk, nonagle);
}

static int wait_for_room(struct sock *sk, int copied, long *timeo, int flags)
{
	const int disconnects = xtcp_compat_disconnects(xtcp_sk(sk));
	const bool waits = xtcp_sk(sk)->coalescing, was_full = !sk_stream_memory_free(sk);
	int err;

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (copied) {
		mark_urgent(sk, flags);
		mark_push(sk);
	}
	if (copied || waits)
		push_written(sk, TCP_NAGLE_PUSH);
	/* sending the waiting data may have made space, and the short way of local.c does */
	if ((waits || was_full) && sk_stream_memory_free(sk))
		return 0;
	err = sk_stream_wait_memory(sk, timeo);
	return xtcp_compat_waited(xtcp_sk(sk), disconnects, err);
}

/* There is no skb or no memory for the next octets: expand the buffer, or wait for space. */
static __always_inline int get_room(struct sock *sk, int copied, long *timeo, int flags)
{
	const bool was_full = !sk_stream_memory_free(sk);

	xtcp_sndq_drop_empty_tail(sk);
	xtcp_sndbuf_expand(sk);
	if (was_full && sk_stream_memory_free(sk))
		return 0;
	return wait_for_room(sk, copied, timeo, flags);
}

/* Does the same as sk_stream_memory_free(), but without an indirect call. */
static bool memory_free(const struct sock *sk)
{
	return READ_ONCE(sk->sk_wmem_queued) < READ_ONCE(sk->sk_sndbuf) && xtcp_sndbuf_memory_free(sk, 0);
}

/* The skb for the next octets: @tail or, if that is NULL or has no room, a new one. @full: it has no page slot. */
static struct sk_buff *tail_with_room(struct sock *sk, struct sk_buff *tail, u32 goal, bool full)
{
	struct sk_buff *skb;

	if (tail && !full && tail->len < goal && !(xtcp_sndcb(tail)->marks & XTCP_SNDQ_EOR))
		return tail;
	if (!memory_free(sk))
		return NULL;
	skb = xtcp_sndq_alloc(sk, sk->sk_allocation, xtcp_sndq_is_empty(sk));
	if (skb)
		xtcp_sndq_append(sk, skb);
	return skb;
}

/* Queues the pages that hold the next octets of @msg. Return: how many octets, or an error. */
static noinline int queue_pages(struct sock *sk, struct sk_buff *skb, struct msghdr *msg, size_t most,
				struct ubuf_info *uarg)
{
	if (uarg)
		return xtcp_sndq_zerocopy(sk, skb, msg, most, uarg);
	return xtcp_sndq_splice(sk, skb, &msg->msg_iter, most);
}

/*
 * Queues all of @msg, unless an error occurs or the wait for space times out: with @splices, the
 * pages that @msg points to; with @uarg, those of the program's buffer; else a copy. Shutdown and
 * sk_err are tested before space, since a program that writes after a RST expects these.
 */
static int queue_all(struct sock *sk, struct msghdr *msg, bool splices, struct ubuf_info *uarg, long *timeo,
		     int *copied)
{
	/* without scatter-gather, each transmission would copy the pages, so copy them once here */
	const bool by_page = (splices || uarg) && sk->sk_route_caps & NETIF_F_SG;
	unsigned int filled = 0;
	bool full = false, due;
	int err, n;

	while (msg_data_left(msg)) {
		struct sk_buff *tail = xtcp_sndq_open_tail(sk), *skb;
		/* if the data begins a new skb and fits, one segment is enough; this saves a division per message */
		u32 goal = !tail && msg_data_left(msg) <= xtcp_mss_payload(sk) ? xtcp_mss_payload(sk) : bundle_goal(sk);
		size_t most;

		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
			return -EPIPE;
		skb = tail_with_room(sk, tail, goal, full);
		full = false;
		n = -ENOBUFS;
		if (skb) {
			most = min_t(size_t, goal - skb->len, msg_data_left(msg));
			n = unlikely(by_page) ? queue_pages(sk, skb, msg, most, uarg) :
						xtcp_sndq_copy(sk, skb, &msg->msg_iter, most);
		}
		if (n == -ENOSPC) {
			/* as in Linux: the skb has less than a GSO skb, and gets no more */
			mark_push(sk);
			full = true;
			continue;
		}
		if (n == -ENOBUFS) {
			err = get_room(sk, *copied, timeo, msg->msg_flags);
			if (err)
				return err;
			continue;
		}
		if (n < 0) {
			xtcp_sndq_drop_empty_tail(sk);
			return n;
		}
		if (!*copied)
			xtcp_sndcb(skb)->flags &= ~XTCP_PSH;
		*copied += n;
		if (msg->msg_flags & MSG_EOR && !msg_data_left(msg))
			xtcp_sndcb(skb)->marks |= XTCP_SNDQ_EOR;
		/* send no urgent data before all of it is queued: only then is its end known */
		if (skb->len < goal || !msg_data_left(msg) || msg->msg_flags & MSG_OOB)
			continue;
		due = push_is_due(xtcp_sk(sk));
		if (due)
			mark_push(sk);
		/* as in Linux: text that waits behind other text goes with that, or at the end of the write */
		if (due || skb == xtcp_sndq_unsent(sk))
			push_written(sk, TCP_NAGLE_CORK);
		if (++filled % SKBS_BETWEEN_BACKLOGS == 0)
			sk_flush_backlog(sk);
	}
	return 0;
}

/*
 * Autocorking: must the only unsent skb wait? It must if it is small and earlier segments are still
 * in a queue of IP or of the device. When some of these are sent, or an ACK comes, it goes with all
 * that was written meanwhile.
 */
static bool autocorks(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned int below = refcount_read(&sk->sk_wmem_alloc);
	struct sk_buff *skb;
	bool waits;

	/* if @below is this small, no text is below TCP: one skb with text takes more memory */
	if (likely(below <= SKB_TRUESIZE(0)))
		return false;
	skb = xtcp_sndq_open_tail(sk);
	if (!skb || below <= skb->truesize)
		return false;
	if (!READ_ONCE(xtcp_net_of(sk)->sysctl.autocorking) || xsk->snd.una == xsk->snd.nxt || xsk->snd_urgent ||
	    skb != xtcp_sndq_unsent(sk) || xtcp_sndcb(skb)->marks & XTCP_SNDQ_EOR ||
	    skb->len >= bundle_goal(sk))
		return false;
	waits = xtcp_pace_is_waiting(sk);
	if (!xtcp_sndbuf_waits_for_room(sk, below - 1))
		return false;
	if (!waits)
		XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPAUTOCORKING);
	return true;
}

/*
 * After a failure of connect(): back to CLOSED, and the socket is as before. @entered: the sock is
 * in the table. If not, nobody could find it, so its next connect() does not wait for lookups.
 */
void xtcp_connect_undo(struct sock *sk, bool entered)
{
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_blackbox_end(sk);
	xtcp_timer_stop(sk);
	if (entered)
		xtcp_port_leave(sk);
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

/* RFC 7413 section 4.2.2; xtcp_sock_fastsyn() is set. Return: 0, or -ENOBUFS, and @sk is CLOSED. */
static int connect_deferred(struct sock *sk)
{
	int err = xtcp_fastsyn_send(sk);

	sock_owned_by_me(sk);
	if (err)
		xtcp_connect_undo(sk, true);
	else
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ACTIVEOPENS);
	return err;
}

/*
 * Connects with a Fast Open (RFC 7413): MSG_FASTOPEN, or the first write after a connect() that has
 * sent no SYN. The SYN takes *@taken octets of @msg; then the call waits, if it may block.
 */
static noinline_for_stack int connect_fast(struct sock *sk, struct msghdr *msg, size_t size, int *taken)
{
	struct xtcp_fastsyn fast = { .msg = msg, .size = size, .cookie.len = -1 };
	struct sockaddr_unsized *name = msg->msg_name;
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int err;

	if (!(READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & XTCP_FASTOPEN_CLIENT) ||
	    (name && msg->msg_namelen >= (int)sizeof(name->sa_family) && name->sa_family == AF_UNSPEC))
		return -EOPNOTSUPP;
	/* as in Linux, MSG_FASTOPEN fails while a Fast Open is under way, and after its connect() sent the SYN */
	if (xsk->opens_fast || xsk->fastopen_asked)
		return -EALREADY;
	xtcp_sock_begin_fastsyn(xsk, &fast);
	/* the SYN that connect() deferred, unless the peer's has ended SYN-SENT (simultaneous open) */
	if (xtcp_compat_defers_connect(sk) && sk->sk_state == TCP_SYN_SENT)
		connect_deferred(sk);
	err = __inet_stream_connect(sk->sk_socket, name, msg->msg_namelen,
				    msg->msg_flags & MSG_DONTWAIT ? O_NONBLOCK : 0, 1);
	/* if the connection ended while this thread waited, the sock no longer refers to &fast: the SYN took nothing */
	if (xtcp_sock_fastsyn(xsk) != &fast)
		return err ?: -EPIPE;
	xsk->opens_fast = false;
	xtcp_compat_defer_connect(sk, false);
	*taken = fast.copied;
	return err;
}

/* Control messages of SOL_SOCKET; *@tsflags receives the timestamps that they ask for. Return: 0 or -EINVAL. */
static noinline_for_stack int take_control(struct sock *sk, struct msghdr *msg, u32 *tsflags)
{
	struct sockcm_cookie sockc;

	sockcm_init(&sockc, sk);
	if (sock_cmsg_send(sk, msg, &sockc) || xtcp_compat_control_is_unknown(&sockc))
		return -EINVAL;
	*tsflags = sockc.tsflags;
	return 0;
}

/*
 * Wait until the connection can carry data, and read the control messages. *@timeo receives the
 * jiffies that the call may still wait, *@tsflags the timestamps that the program wants.
 */
static __always_inline int get_ready(struct sock *sk, struct msghdr *msg, long *timeo, u32 *tsflags)
{
	int err;

	*timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	/* after a Fast Open, data need not wait for the handshake's last ACK (RFC 7413 section 4.2.2) */
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)) && !xtcp_sk(sk)->fastopen) {
		err = sk_stream_wait_connect(sk, timeo);
		if (err)
			return err;
	}
	*tsflags = READ_ONCE(sk->sk_tsflags);
	if (msg->msg_controllen) {
		err = take_control(sk, msg, tsflags);
		if (err)
			return err;
	}
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	return sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN ? -EPIPE : 0;
}

/*
 * @copied octets were queued: send what may go now. @err: why the rest was not queued; 0: there is
 * no rest. @follows: another call with the next page comes at once.
 */
static __always_inline void send_queued(struct sock *sk, int flags, int copied, int err, bool follows, u32 tsflags)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	/* after an error the rest will not follow, so do not wait for it */
	bool more = flags & MSG_MORE && !err;

	mark_urgent(sk, flags);
	if (!follows && (!more || push_is_due(xsk)))
		mark_push(sk);
	if (unlikely(tsflags))
		xtcp_stamp_written(sk, tsflags, copied);
	/* if this call may block, the program will probably block in RECEIVE next, to wait for the answer */
	xtcp_acking_expect_reply(&xsk->acking, !(flags & MSG_DONTWAIT));
	if (unlikely(follows) && !err) {
		/*
		 * as in Linux, all pages of a pipe are sent together. If no further one comes, for example because
		 * a file cannot be read, the next ACK sends the queued ones, without any in flight the persist timer
		 */
		if (xsk->snd.una == xsk->snd.nxt)
			xtcp_timer_window_closed(sk);
	} else if (!autocorks(sk) && (more || !xtcp_coalesce_holds(sk, copied))) {
		push_written(sk, more ? TCP_NAGLE_CORK : xsk->nonagle);
	}
}

/* Nothing was queued because of @err: compute what the call returns. */
static __always_inline int failed_to_queue(struct sock *sk, int flags, int err)
{
	err = sk_stream_error(sk, flags, err);
	/* for edge-triggered epoll: after EAGAIN the program waits for a new EPOLLOUT event, so cause one */
	if (err == -EAGAIN && xtcp_sndq_is_empty(sk))
		sk->sk_write_space(sk);
	return err;
}

/*
 * The program writes: is sending application-limited (cong.c)? It is when less than a segment is
 * queued and nothing below, the window has room, and all that was lost was resent.
 */
static void note_written(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_stream *stream = tx->stream;
	u32 pipe;

	sock_owned_by_me(sk);
	if (!xtcp_stream_is_there(stream))
		return;
	if (tx->snd.write_seq - tx->snd.nxt >= tx->mss || sk_wmem_alloc_get(sk) >= SKB_TRUESIZE(1) ||
	    stream->scoreboard.lost > stream->scoreboard.resent)
		return;
	pipe = xtcp_pipe_octets(sk);
	if (pipe >= tx->cong.cwnd)
		return;
	stream->rate.limited = true;
	stream->rate.limited_until = stream->delivered + pipe;
}

/*
 * SEND, with the socket lock held. @splices: send the pages that @msg points to, without a copy.
 * @uarg: if not NULL, send the pages of the program's buffer. @follows: another page comes at once.
 */
static int send_locked(struct sock *sk, struct msghdr *msg, size_t size, bool splices, struct ubuf_info *uarg,
		       bool follows)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int flags = msg->msg_flags, disconnects;
	int copied = 0, on_syn = 0, err;
	u32 tsflags;
	long timeo;

	if (xtcp_repair_is_on(sk))
		return xtcp_repair_send(sk, msg, size);
	if (unlikely(flags & MSG_FASTOPEN || xtcp_compat_defers_connect(sk))) {
		err = connect_fast(sk, msg, size, &on_syn);
		/* octets on the SYN count as written, even before the connection is established */
		if (on_syn && (err == -EINPROGRESS || signal_pending(current)))
			return on_syn;
		on_syn = err ? 0 : on_syn;
		if (err)
			goto error;
	}
	err = get_ready(sk, msg, &timeo, &tsflags);
	if (err)
		goto error;
	/* without memory for a struct xtcp_stream, queue_all() tries again and waits, as for an skb */
	if (!xtcp_stream_is_there(xsk->stream) && msg_data_left(msg))
		xtcp_stream_begin(sk, sk->sk_allocation);
	note_written(sk);
	/* data that waits to be coalesced was written before the program said that more follows */
	if (unlikely(xsk->coalescing && (follows || flags & MSG_MORE)))
		xtcp_output_push(sk);
	disconnects = xtcp_compat_disconnects(xsk);
	err = queue_all(sk, msg, splices, uarg, &timeo, &copied);
	/* another thread has disconnected the socket meanwhile, and the queued octets are gone */
	if (unlikely(xtcp_compat_disconnects(xsk) != disconnects))
		return copied + on_syn ?: sk_stream_error(sk, flags, -EPIPE);
	if (copied) {
		send_queued(sk, flags, copied, err, follows, tsflags);
		return copied + on_syn;
	}
	if (!err)
		return on_syn;
error:
	return on_syn ?: failed_to_queue(sk, flags, err);
}

/*
 * Get a struct ubuf_info, the kernel's record of a zerocopy write, for @size octets. Writes into one
 * skb can share one, unless it is io_uring's. NULL: too many pages are pinned, or reports unread.
 */
static struct ubuf_info *begin_record(struct sock *sk, size_t size)
{
	struct ubuf_info *last = skb_zcopy(xtcp_sndq_open_tail(sk)), *own;

	own = xtcp_compat_zerocopy_begin(sk, size, last);
	if (!own && last)
		own = xtcp_compat_zerocopy_begin(sk, size, NULL);
	return own;
}

/*
 * Is there space for a write that may not wait? If no data is queued or in flight, one of any size
 * may go on. One without space must fail before begin_record(): if it shared the record of the last
 * write, its pages would count as pinned until that ends, and repeated writes would soon fail with
 * ENOBUFS instead of EAGAIN. Return: 0 or the error.
 */
static int has_room_for_record(struct sock *sk, int flags)
{
	long timeo = 0;

	if (!(flags & MSG_DONTWAIT) || memory_free(sk) || xtcp_sk(sk)->snd.una == xtcp_sk(sk)->snd.write_seq)
		return 0;
	return get_room(sk, 0, &timeo, flags);
}

/*
 * SEND with MSG_ZEROCOPY, with the socket lock held: sends the pages of the program's buffer. The
 * kernel's record of the write tells the program, on the error queue, when it may use them again.
 * io_uring brings a record of its own, and has a reference to it during the call.
 *
 * If a SYN takes octets of the write, all are copied; Linux copies only those of the SYN. As in
 * Linux, all are copied if the device has no scatter-gather. The report comes at once then. A
 * socket without SO_ZEROCOPY copies, and reports nothing.
 */
static noinline_for_stack int send_zerocopy(struct sock *sk, struct msghdr *msg, size_t size)
{
	const bool copies = !(sk->sk_route_caps & NETIF_F_SG) || msg->msg_flags & MSG_FASTOPEN ||
			    xtcp_compat_defers_connect(sk);
	struct ubuf_info *uarg = msg->msg_ubuf, *own = NULL;
	int ret;

	if (!uarg && size && sock_flag(sk, SOCK_ZEROCOPY)) {
		ret = has_room_for_record(sk, msg->msg_flags);
		if (ret)
			return failed_to_queue(sk, msg->msg_flags, ret);
		own = begin_record(sk, size);
		if (!own)
			return sk_stream_error(sk, msg->msg_flags, -ENOBUFS);
		if (copies)
			uarg_to_msgzc(own)->zerocopy = 0;
		uarg = own;
	}
	ret = send_locked(sk, msg, size, false, copies ? NULL : uarg, false);
	if (own && ret < 0)
		msg_zerocopy_put_abort(own, true);
	else
		net_zcopy_put(own);
	return ret;
}

/*
 * proto.sendmsg: SEND (RFC 9293 section 3.10.2, MUST-60; section 3.8.5, MUST-31). Flags:
 * MSG_DONTWAIT, MSG_EOR, MSG_FASTOPEN, MSG_MORE, MSG_NOSIGNAL, MSG_OOB, MSG_ZEROCOPY; control
 * messages of SOL_SOCKET. Return: how many octets were queued; -EPIPE (with SIGPIPE); the sock's
 * error; -EAGAIN; -EINTR or -ERESTARTSYS; -EFAULT; -EINVAL for a bad control message. With
 * MSG_FASTOPEN also the errors of connect(), -EALREADY, -EINPROGRESS and -EOPNOTSUPP; with
 * MSG_ZEROCOPY also -ENOBUFS, when begin_record() returns NULL.
 */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	int ret;

	/* fault pages in before the lock: a fault may take long, and the timer cannot send meanwhile */
	if (READ_ONCE(xtcp_sk(sk)->coalescing))
		fault_in_iov_iter_readable(&msg->msg_iter, min_t(size_t, size, GSO_LEGACY_MAX_SIZE));
	lock_sock(sk);
	if (unlikely(msg->msg_flags & MSG_ZEROCOPY))
		ret = send_zerocopy(sk, msg, size);
	else
		ret = send_locked(sk, msg, size, xtcp_compat_splices(msg), NULL, false);
	xtcp_blackbox_call(sk, XTCP_BLACKBOX_SEND, size, ret);
	release_sock(sk);
	return ret;
}

/* proto.sendpage, in kernels that have it. Unless the octets are copied, @page is held until they are acknowledged. */
int xtcp_sendmsg_page(struct sock *sk, struct page *page, int offset, size_t size, int flags)
{
	struct bio_vec piece = { .bv_page = page, .bv_len = size, .bv_offset = offset };
	struct msghdr msg = { .msg_flags = flags };
	int ret;

	iov_iter_bvec(&msg.msg_iter, WRITE, &piece, 1, size);
	lock_sock(sk);
	ret = send_locked(sk, &msg, size, true, NULL, xtcp_compat_page_follows(flags));
	xtcp_blackbox_call(sk, XTCP_BLACKBOX_SEND, size, ret);
	release_sock(sk);
	return ret;
}

/*
 * proto_ops.splice_eof, in kernels that have it: splice() or sendfile() has said that more follows
 * (MSG_MORE), but the file has ended. Sends the last octets, with PSH (RFC 9293 section 3.9.1.2,
 * MUST-61), unless Nagle or TCP_CORK delays them.
 */
void xtcp_sendmsg_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	if (xtcp_stream_is_there(xtcp_sk(sk)->stream)) {
		mark_push(sk);
		if (!autocorks(sk))
			xtcp_output_push(sk);
		xtcp_sndbuf_wake(sk);
	}
	release_sock(sk);
}
