/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How deadlines are armed.
 *
 * Comes in: events ("data was sent", "an ACK is owed"). Goes out: a timer that fires in time, and
 * then calls expiry/.
 *
 * A connection has one timer (timer.c), and a second one when it needs that (pace.c). Callers
 * report events; they never touch a timer. What may not happen here: sending.
 */
#ifndef XTCP_TIME_H
#define XTCP_TIME_H

#include "base/base.h"
#include "base/rto.h"

struct xtcp_sock;

enum xtcp_timer {
	XTCP_TIMER_RETRANSMIT,
	XTCP_TIMER_PERSIST,
	XTCP_TIMER_DELACK,
	XTCP_TIMER_KEEPALIVE,
	XTCP_TIMER_PROBE,
	XTCP_TIMER_REORDERING,
	XTCP_TIMER_REOPENED,
	XTCP_TIMERS,
};

#define XTCP_REST_AFTER		(30 * HZ)	/* without a segment of text: expiry.c: rest() */

/* in /proc and sock_diag, numbered as in Linux */
enum xtcp_timer_shown {
	XTCP_TIMER_SHOWN_NONE,
	XTCP_TIMER_SHOWN_RETRANSMIT,
	XTCP_TIMER_SHOWN_KEEPALIVE,
	XTCP_TIMER_SHOWN_TIMEWAIT,
	XTCP_TIMER_SHOWN_PERSIST,
};

/**
 * struct xtcp_timers - deadlines in jiffies
 * @deadline: by enum xtcp_timer; valid while its bit in @armed is set
 * @kept_alive: jiffies of the last keepalive probe that counts, until the peer answers or the
 *	program writes text. The retransmit deadline, whose memory it shares, is not armed then
 * @aborted: the number of a sock in the table of end.c; valid while ended.is_listed is set,
 *	which implies @dead
 * @told_code: the code in the diagnostic payload of the peer's RST; valid while ended.is_told
 *	is set, which implies that no deadline is armed
 * @told_pen: the enterprise number of that payload
 * @armed: one bit per deadline, numbered by enum xtcp_timer
 * @probes: how often window probes have doubled the RTO since text was last sent or retransmitted
 * @dead: set by xtcp_timer_stop(); no deadline can be armed any more
 * @keepalive_asked: SO_KEEPALIVE or TCP_KEEPIDLE was set: the next keepalive probe need not
 *	wait for the rest of TCP_KEEPINTVL
 */
struct xtcp_timers {
	union {
		u32 deadline[XTCP_TIMERS];
		u32 kept_alive;
		struct {
			u32 aborted;
			u32 told_code;
			u32 told_pen;
		};
	};
	u8 armed;
	u8 probes;
	bool dead;
	bool keepalive_asked;
};

/* All deadlines are less than 2^31 jiffies from now. */
static inline unsigned long xtcp_timer_deadline(const struct xtcp_timers *timers, enum xtcp_timer which)
{
	unsigned long now = jiffies;

	return now + (s32)(READ_ONCE(timers->deadline[which]) - (u32)now);
}

/* nothing is in flight */
static inline void xtcp_timer_kept_alive(struct xtcp_timers *timers)
{
	BUILD_BUG_ON(XTCP_TIMER_RETRANSMIT != 0);
	timers->kept_alive = (u32)jiffies;
}

void xtcp_timer_stop(struct sock *sk);

void xtcp_timer_syn_refused(struct sock *sk);
void xtcp_timer_window_closed(struct sock *sk);
void xtcp_timer_window_opened(struct sock *sk);
void xtcp_timer_ack_scheduled(struct sock *sk, unsigned long delay);

void xtcp_timer_arm(struct sock *sk, enum xtcp_timer which, unsigned long delay);
void xtcp_timer_arm_us(struct sock *sk, enum xtcp_timer which, u32 us);

static inline void xtcp_timer_disarm(struct xtcp_timers *timers, enum xtcp_timer which)
{
	timers->armed &= ~BIT(which);
}

static inline bool xtcp_timer_is_armed(const struct xtcp_timers *timers, enum xtcp_timer which)
{
	return timers->armed & BIT(which);
}

/* unless it runs earlier */
static inline void xtcp_timer_wake_at(struct sock *sk, unsigned long deadline)
{
	if (!xtcp_clock_timer_pending(&sk->sk_timer) || time_before(deadline, sk->sk_timer.expires))
		sk_reset_timer(sk, &sk->sk_timer, deadline);
}

/* Probing has ended. The backoff of window probes says nothing about the path. */
static inline void xtcp_timer_take_back_backoff(struct xtcp_timers *timers, struct xtcp_rto *rto)
{
	if (likely(!timers->probes))
		return;
	xtcp_rto_ease(rto, timers->probes);
	timers->probes = 0;
}

void xtcp_timer_end_probing(struct xtcp_sock *xsk);

enum xtcp_timer xtcp_timer_pending(const struct sock *sk, unsigned long *deadline);
enum xtcp_timer_shown xtcp_timer_shown(const struct xtcp_timers *timers, unsigned long *deadline);

void xtcp_flight_data_sent(struct sock *sk);
void xtcp_flight_ack_progress(struct sock *sk);
void xtcp_flight_ack_judged(struct sock *sk);
void xtcp_flight_unreachable(struct sock *sk, u32 seq);
bool xtcp_flight_is_small(const struct sock *sk);

#define XTCP_PACE_UNPACED	10	/* leave unpaced: the initial window, as in Linux */

/* few socks have one */
static inline bool xtcp_pace_applies(const struct sock *sk)
{
	return unlikely(READ_ONCE(sk->sk_pacing_status) != SK_PACING_NONE);
}

/* As generic socket code does. @limit: octets per second; the largest value: none. */
static inline void xtcp_pace_set_limit(struct sock *sk, unsigned long limit)
{
	if (limit != ULONG_MAX)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
	WRITE_ONCE(sk->sk_max_pacing_rate, limit);
	WRITE_ONCE(sk->sk_pacing_rate, min(READ_ONCE(sk->sk_pacing_rate), limit));
}

bool xtcp_pace_must_wait(struct sock *sk);

/* Must the next text wait? Then the timer is set. If fq paces the sock, each skb carries its departure time to it. */
static inline bool xtcp_pace_holds(struct sock *sk)
{
	return xtcp_pace_applies(sk) && xtcp_pace_must_wait(sk);
}

u32 xtcp_pace_fq_lead_us(const struct sock *sk);
void xtcp_pace_not_held(struct sock *sk);

/* microseconds */
static inline u32 xtcp_pace_lead_us(const struct sock *sk)
{
	return unlikely(READ_ONCE(sk->sk_pacing_status) == SK_PACING_FQ) ? xtcp_pace_fq_lead_us(sk) : 0;
}

struct xtcp_pace *xtcp_pace_get(struct sock *sk);
void xtcp_pace_stamp(struct sock *sk, struct sk_buff *skb, u32 len);
void xtcp_pace_not_left(struct sock *sk);
bool xtcp_pace_waits_for_room(struct sock *sk, unsigned long most);
bool xtcp_pace_within(struct sock *sk, u64 delay_ns, u64 slack_ns);
void xtcp_pace_soon(struct sock *sk, enum xtcp_timer which, u32 us);
bool xtcp_pace_soon_is_over(struct sock *sk);
bool xtcp_pace_is_waiting(const struct sock *sk);
bool xtcp_pace_is_over(struct sock *sk);
void xtcp_pace_stop(struct sock *sk);
void xtcp_pace_room(struct sock *sk);

enum xtcp_abort_reason xtcp_keepalive_idle(const struct sock *sk, unsigned long *left);

void xtcp_keepalive_changed(struct sock *sk, u32 idle);
void xtcp_keepalive_limit_idle(struct sock *sk);

#endif /* XTCP_TIME_H */
