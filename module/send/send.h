/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may be sent now.
 *
 * Comes in: octets of the program, room in the windows, "send again". Goes out: one skb at a time,
 * to out/.
 *
 * output.c compares pipe with the congestion window, and SND.UNA + SND.WND with the queue; it knows
 * no phase, but asks Careful Resume for a jump when the window is full. What may not happen here:
 * writing a header, looking up a route.
 */
#ifndef XTCP_SEND_H
#define XTCP_SEND_H

#include "base/sender.h"
#include "out/out.h"
#include "time/time.h"

void xtcp_mss_sync(struct sock *sk, u32 pmtu);

/* data beside all options in a segment of the least size, octets */
#define XTCP_MSS_LEAST_TEXT	(XTCP_MSS_MIN_SND - XTCP_MAX_OPTIONS)

/*
 * How many octets of data fit the next segment; at least XTCP_MSS_LEAST_TEXT: xtcp_sack_room() knows
 * of no signature, beside which more blocks are left out, and may be as much as a small MSS.
 */
static inline u32 xtcp_mss_payload(const struct sock *sk)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	if (likely(!xtcp_sack_takes_room(&tx->stream->sack)))
		return tx->mss;
	return tx->mss - min_t(u32, xtcp_sack_room(&tx->stream->sack, tx->agreed.ts_ok), tx->mss - XTCP_MSS_LEAST_TEXT);
}

/* Reads the MTU of the route first; without a route, the last one stays, and IP looks for another route. */
static inline u32 xtcp_mss_current(struct sock *sk)
{
	u32 mtu = xtcp_ip_mtu(sk);

	if (unlikely(mtu != xtcp_sender(sk)->pmtu && mtu))
		xtcp_mss_sync(sk, mtu);
	return xtcp_mss_payload(sk);
}

void xtcp_mtuprobe_begin(struct sock *sk);
void xtcp_mtuprobe_timeout(struct sock *sk);
u32 xtcp_mtuprobe_due(struct sock *sk);
void xtcp_mtuprobe_sent(struct sock *sk, u32 start, u32 end);

bool xtcp_sndbuf_memory_free(const struct sock *sk, int wake);
void xtcp_sndbuf_write_space(struct sock *sk);
void xtcp_sndbuf_expand(struct sock *sk);
void xtcp_sndbuf_wake(struct sock *sk);

/*
 * Let a timer send the waiting text when sk_wmem_alloc is at most @most. If BPF has replaced our
 * sk_write_space, nothing reports room (xtcp_pace_room()): the caller must not wait.
 */
static inline bool xtcp_sndbuf_waits_for_room(struct sock *sk, unsigned long most)
{
	return sk->sk_write_space == xtcp_sndbuf_write_space && xtcp_pace_waits_for_room(sk, most);
}

u32 xtcp_gso_limit(struct sock *sk);

/* A SYN or SYN-ACK of a sock that has sent nothing. Return: 0 or -ENOBUFS. */
static inline int xtcp_output_queue_syn(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_snd_begin(&xtcp_sender(sk)->snd);
	return xtcp_sndq_append_syn(sk);
}

int xtcp_output_syn(struct sock *sk);
void xtcp_output_push_nagle(struct sock *sk, int nonagle);
void xtcp_output_fin(struct sock *sk);

/* In any state; also a FIN that had no memory. In repair mode nothing is sent: the program may have read it already. */
static inline void xtcp_output_push(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!xtcp_sender(sk)->fin_queued && (1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK))
		xtcp_output_fin(sk);
	else if (!xtcp_repair_is_on(sk))
		xtcp_output_push_nagle(sk, xtcp_sender(sk)->nonagle);
}

#define XTCP_SENDS_TEXT	(TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK)

/* Does the peer's window allow unsent data to be sent, and the program? */
static inline bool xtcp_output_has_new(const struct sock *sk)
{
	const struct sk_buff *skb = xtcp_sndq_unsent(sk);

	sock_owned_by_me(sk);
	return skb && (1 << sk->sk_state) & XTCP_SENDS_TEXT && !xtcp_repair_is_on(sk) &&
	       xtcp_snd_room(&xtcp_sender(sk)->snd, xtcp_sndcb(skb)->seq);
}

int xtcp_output_new_segment(struct sock *sk);
int xtcp_output_probe(struct sock *sk, bool keepalive);

int xtcp_retransmit_segment(struct sock *sk, struct sk_buff *skb, u32 max);

void xtcp_send_ack(struct sock *sk);
u16 xtcp_send_rst_code(const struct sock *sk, u32 seq, enum xtcp_abort_reason reason);
void xtcp_send_rst(struct sock *sk, enum xtcp_abort_reason reason);

#endif /* XTCP_SEND_H */
