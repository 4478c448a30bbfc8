/* SPDX-License-Identifier: GPL-2.0 */
/* Pacing: when the next text may leave, and the timer that sends it then. */
#ifndef XTCP_PACE_H
#define XTCP_PACE_H

#include <linux/limits.h>
#include <linux/minmax.h>
#include <net/sock.h>

#define XTCP_PACE_UNPACED	10	/* leave unpaced: the initial window, as in Linux */

/* Does the sock have a pacing rate? Few socks have a rate. */
static inline bool xtcp_pace_applies(const struct sock *sk)
{
	return unlikely(READ_ONCE(sk->sk_pacing_status) != SK_PACING_NONE);
}

/*
 * Set SO_MAX_PACING_RATE, as generic socket code does. @limit: octets per second; the largest value
 * means no limit. Socket lock held.
 */
static inline void xtcp_pace_set_limit(struct sock *sk, unsigned long limit)
{
	if (limit != ULONG_MAX)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
	WRITE_ONCE(sk->sk_max_pacing_rate, limit);
	WRITE_ONCE(sk->sk_pacing_rate, min(READ_ONCE(sk->sk_pacing_rate), limit));
}

bool xtcp_pace_must_wait(struct sock *sk);

/*
 * Must the next text wait for its departure time? If so, set the timer. If fq paces the sock, TCP
 * sends text at once: each skb carries its departure time to fq.
 */
static inline bool xtcp_pace_holds(struct sock *sk)
{
	return xtcp_pace_applies(sk) && xtcp_pace_must_wait(sk);
}

u32 xtcp_pace_fq_lead_us(const struct sock *sk);
void xtcp_pace_not_held(struct sock *sk);

/* How long fq will delay a segment that we send now, microseconds. */
static inline u32 xtcp_pace_lead_us(const struct sock *sk)
{
	return unlikely(READ_ONCE(sk->sk_pacing_status) == SK_PACING_FQ) ? xtcp_pace_fq_lead_us(sk) : 0;
}

/*
 * All these functions need the socket lock, except xtcp_pace_room() and xtcp_pace_free().
 * xtcp_pace_stop() needs no lock if no other thread can reach the sock.
 */
bool xtcp_pace_prepare(struct sock *sk);
void xtcp_pace_stamp(struct sock *sk, struct sk_buff *skb, u32 len);
void xtcp_pace_not_left(struct sock *sk);
bool xtcp_pace_waits_for_room(struct sock *sk, unsigned long most);
bool xtcp_pace_goes_within(struct sock *sk, u32 usecs);
bool xtcp_pace_ack_within(struct sock *sk, u64 delay_ns, u64 slack_ns);
bool xtcp_pace_is_waiting(const struct sock *sk);
bool xtcp_pace_is_over(struct sock *sk);
void xtcp_pace_stop(struct sock *sk);
bool xtcp_pace_is_queued(const struct sock *sk);
void xtcp_pace_room(struct sock *sk);
void xtcp_pace_free(struct sock *sk);

#endif /* XTCP_PACE_H */
