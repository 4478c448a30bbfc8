// SPDX-License-Identifier: GPL-2.0
/*
 * The connection state (RFC 9293 section 3.3.2).
 *
 * Only this file changes sk_state. The values are the kernel's TCP_*, so ss, bpf and the tracepoint
 * inet_sock_set_state treat them as states of kernel TCP. TCP_TIME_WAIT and TCP_NEW_SYN_RECV never
 * occur in a sock: the kernel would take it for one of its mini-sockets. A connection in TIME-WAIT
 * is a record instead (timewait.c), one in SYN-RECEIVED from LISTEN an entry (halfopen.c). A sock
 * is in SYN-RECEIVED only after a Fast Open (fastopen.c), after a simultaneous open, or for a
 * moment when an entry becomes a child.
 *
 * struct xtcp_stream, the data state, is the part of a TCB that only data transfer needs, in a slab
 * of its own: many connections of a busy server never have any data. "Data" is text or a FIN here,
 * in either direction. A connection gets its data state
 *
 *  - with the first write, or the first skb of its send queue other than a SYN. Without memory,
 *    xtcp_sndq_alloc() makes neither. Then SEND waits, a SYN leaves without its data, and a FIN is
 *    tried again later (xtcp_output_fin());
 *  - with the first arriving segment that has new data or a FIN. Without memory it is dropped;
 *  - with an ACK that reports a loss or an ECN mark before we have sent any data. An honest peer
 *    sends none. Without memory the report is ignored; the ACK still sets the send window;
 *  - when it is established, if its congestion control reports state of its own in TCP_INFO or
 *    TCP_CC_INFO, or if the search for the path MTU begins at once. Without memory, both wait: for
 *    the first data, and until timeouts require the search.
 *
 * It stays until the sock is freed or disconnects. But a connection without text for half a minute
 * rests (expiry.c): a struct xtcp_packed keeps the words of its data state that are not 0, until
 * one of these reasons comes again. Before the data state exists, and at rest, tx->stream points to
 * xtcp_stream_none, a constant with the values of a new one. So a reader need not test whether it
 * exists, and a writer that forgets to faults. But who reads what xtcp_stream_begin() sets has to
 * test: SND.UNA stands for snd_sml, xtcp_space_copied() for space_copied, and the sock has the
 * SYN's RTT.
 *
 * Also allocates struct xtcp_cold, the fields that few sockets need.
 */
#include "base/base.h"

#include <linux/sizes.h>

#include "base/sock.h"
#include "sight/sight.h"

/**
 * xtcp_cold_get() - get a sock's struct xtcp_cold; the first call allocates it
 * @sk: not destroyed
 * @gfp: GFP_KERNEL_ACCOUNT, or GFP_ATOMIC in softirq
 * Return: the struct, or NULL without memory.
 */
struct xtcp_cold *xtcp_cold_get(struct sock *sk, gfp_t gfp)
{
	struct xtcp_cold *cold = xtcp_cold(sk);

	sock_owned_by_me(sk);
	if (cold)
		return cold;
	cold = kzalloc(sizeof(*cold), gfp);
	if (!cold)
		return NULL;
	/* softirq reads the pointer without the socket lock, and must find zeroed fields */
	smp_store_release(&xtcp_endpoint(sk)->cold, (unsigned long)cold);
	return cold;
}

static struct kmem_cache *streams;

const struct xtcp_stream xtcp_stream_none = {
	.in_flight = LIST_HEAD_INIT(XTCP_STREAM_NONE->in_flight),
	.to_resend = LIST_HEAD_INIT(XTCP_STREAM_NONE->to_resend),
	.scoreboard.reordering = XTCP_DUPACK_THRESHOLD,
};

/**
 * xtcp_cold_set() - set XTCP_IDLE_MS, XTCP_HALF_CLOSED_MS and XTCP_ACK_RATE
 * @sk: as for xtcp_cold_get(), as is @gfp
 * @idle_ms: 0: only the limit of net.xtcp.idle_ms applies
 * @half_closed_ms: 0: only the limit of net.xtcp.half_closed_ms applies
 * @rate: full segments per ACK, at most %XTCP_ACKRATE_MAX; 0: request no ACK rate of the peer
 * @gfp: for the memory
 * Return: 0, or -ENOMEM.
 */
int xtcp_cold_set(struct sock *sk, u32 idle_ms, u32 half_closed_ms, u8 rate, gfp_t gfp)
{
	struct xtcp_cold *cold = xtcp_cold(sk);

	sock_owned_by_me(sk);
	if (!cold && !idle_ms && !half_closed_ms && !rate)
		return 0;
	cold = xtcp_cold_get(sk, gfp);
	if (!cold)
		return -ENOMEM;
	WRITE_ONCE(cold->idle_ms, idle_ms);
	WRITE_ONCE(cold->half_closed_ms, half_closed_ms);
	WRITE_ONCE(cold->ack_rate, rate);
	return 0;
}

static int stream_init(void)
{
	/* 28 of these structs fit into a slab of 16 KiB */
	BUILD_BUG_ON(sizeof(struct xtcp_stream) > SZ_16K / 28);
	streams = xtcp_compat_slab(KBUILD_MODNAME "_stream", sizeof(struct xtcp_stream), SLAB_ACCOUNT);
	return streams ? 0 : -ENOMEM;
}

static void stream_exit(void)
{
	kmem_cache_destroy(streams);
}

const struct xtcp_part xtcp_stream_part = { stream_init, stream_exit };

/* A struct xtcp_stream with the values of xtcp_stream_none, or NULL without memory. */
struct xtcp_stream *xtcp_stream_alloc(gfp_t gfp)
{
	struct xtcp_stream *stream = kmem_cache_alloc(streams, gfp | __GFP_NOWARN);

	if (!stream)
		return NULL;
	*stream = xtcp_stream_none;
	INIT_LIST_HEAD(&stream->in_flight);
	INIT_LIST_HEAD(&stream->to_resend);
	return stream;
}

/* Frees the data state, if any. @sk: with empty queues; locked, or nobody can find it. */
void xtcp_stream_end(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	if (tx->stream == &xtcp_stream_none) {
		kfree(xtcp_sk(sk)->packed);
		xtcp_sk(sk)->packed = NULL;
		return;
	}
	kmem_cache_free(streams, tx->stream);
	tx->stream = XTCP_STREAM_NONE;
}

#define S(name) (1 << TCP_##name)

/* Those of RFC 9293 figure 5 that a sock makes, Fast Open's, and a clone's. A transition to CLOSE is always legal. */
static const u16 legal[TCP_MAX_STATES] = {
	[TCP_CLOSE] = S(LISTEN) | S(SYN_SENT),
	[TCP_LISTEN] = S(SYN_RECV),	/* the clone of a listener becomes a child */
	[TCP_SYN_SENT] = S(SYN_RECV) | S(ESTABLISHED),
	[TCP_SYN_RECV] = S(ESTABLISHED) | S(FIN_WAIT1) | S(CLOSE_WAIT),
	[TCP_ESTABLISHED] = S(FIN_WAIT1) | S(CLOSE_WAIT),
	[TCP_FIN_WAIT1] = S(FIN_WAIT2) | S(CLOSING),
	[TCP_CLOSE_WAIT] = S(LAST_ACK),
};

/* Update the Tcp: counters that depend on the state: CurrEstab, EstabResets, AttemptFails (RFC 4022). */
static void count(struct sock *sk, int old, int new)
{
	bool was_up = old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT;
	bool is_up = new == TCP_ESTABLISHED || new == TCP_CLOSE_WAIT;

	if (is_up && !was_up)
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_CURRESTAB);
	else if (was_up && !is_up)
		XTCP_DEC_STATS(xtcp_net_of(sk), TCP_MIB_CURRESTAB);
	if (was_up && new == TCP_CLOSE)
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ESTABRESETS);
	if ((old == TCP_SYN_SENT || old == TCP_SYN_RECV) && new == TCP_CLOSE)
		XTCP_INC_STATS(xtcp_net_of(sk), TCP_MIB_ATTEMPTFAILS);
}

/*
 * Moves a connection to another state (RFC 9293 section 3.3.2), never TCP_TIME_WAIT or
 * TCP_NEW_SYN_RECV. Counts and traces it, also for the kernel's inet_sock_set_state.
 */
void xtcp_state_set(struct sock *sk, int state)
{
	int old = sk->sk_state;

	sock_owned_by_me(sk);
	if (old == state)
		return;
	WARN_ON_ONCE(state != TCP_CLOSE && !(legal[old] & (1 << state)));
	count(sk, old, state);
	xtcp_event_state(sk, state);
	/*
	 * generic socket code asks sk_unhashed(), which tests sk_node.pprev, whether the protocol
	 * can find the sock. A listener looks hashed, so SO_ATTACH_REUSEPORT_* makes no group for
	 * one without, as in kernel TCP
	 */
	sk->sk_node.pprev = state == TCP_CLOSE ? NULL : &sk->sk_node.next;
	/*
	 * pairs with inet_sk_state_load(): who reads the new state without the lock also sees what
	 * was written before it. inet_sk_set_state() is a plain store, and the one that is a
	 * release is not exported
	 */
	smp_wmb();
	inet_sk_set_state(sk, state);
}
