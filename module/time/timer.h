/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All deadlines of a connection share one timer. Other files report events, from which timer.c,
 * flight.c and keepalive.c compute deadlines. Only expiry.c also sets deadlines directly.
 */
#ifndef XTCP_TIMER_H
#define XTCP_TIMER_H

#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/types.h>

struct sock;
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

/* The kind of timer that /proc and sock_diag show for a connection, numbered as in Linux. */
enum xtcp_timer_shown {
	XTCP_TIMER_SHOWN_NONE,
	XTCP_TIMER_SHOWN_RETRANSMIT,
	XTCP_TIMER_SHOWN_KEEPALIVE,
	XTCP_TIMER_SHOWN_TIMEWAIT,
	XTCP_TIMER_SHOWN_PERSIST,
};

/**
 * struct xtcp_timers - deadlines in jiffies
 * @deadline: indexed by enum xtcp_timer; an element is valid while its bit in @armed is set
 * @kept_alive: jiffies when the last keepalive probe that counts was sent. Valid until the peer
 *	answers or the program writes text. Shares memory with the retransmit deadline, which is
 *	not armed while @kept_alive is valid
 * @aborted: the number of a sock in the table of aborted.c; valid while ended.is_listed is set,
 *	which implies @dead
 * @told_code: the code in the diagnostic payload of the peer's RST; valid while ended.is_told is
 *	set, which implies that no deadline is armed
 * @told_pen: the enterprise number of that payload
 * @armed: one bit per deadline, numbered by enum xtcp_timer
 * @probes: how often window probes have doubled the RTO since text was last sent or retransmitted
 * @dead: set by xtcp_timer_stop(); no deadline can be armed any more
 * @keepalive_asked: SO_KEEPALIVE or TCP_KEEPIDLE was set: the next keepalive probe need not wait
 *	for the rest of TCP_KEEPINTVL
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

/*
 * Extend the 32 bits of a deadline to a full jiffies value. All deadlines are less than 2^31
 * jiffies from now, so the result is unambiguous.
 */
static inline unsigned long xtcp_timer_deadline(const struct xtcp_timers *timers, enum xtcp_timer which)
{
	unsigned long now = jiffies;

	return now + (s32)(READ_ONCE(timers->deadline[which]) - (u32)now);
}

/* Count a window probe that has doubled the RTO. */
static inline void xtcp_timer_backed_off(struct xtcp_timers *timers)
{
	if (timers->probes < U8_MAX)
		timers->probes++;
}

/* A keepalive probe was sent; nothing is in flight. */
static inline void xtcp_timer_kept_alive(struct xtcp_timers *timers)
{
	BUILD_BUG_ON(XTCP_TIMER_RETRANSMIT != 0);
	timers->kept_alive = (u32)jiffies;
}

/*
 * Softirq or process. All functions below need the socket lock, except xtcp_timer_pending() and
 * xtcp_timer_shown(). xtcp_timer_stop() needs no lock if no other thread can reach the sock.
 */
void xtcp_timer_stop(struct sock *sk);

/* Events, in the order of a connection's life. */
void xtcp_timer_syn_sent(struct sock *sk);
void xtcp_timer_syn_refused(struct sock *sk);
void xtcp_timer_window_closed(struct sock *sk);
void xtcp_timer_window_opened(struct sock *sk);
void xtcp_timer_ack_owed(struct sock *sk, unsigned long delay);
void xtcp_timer_ack_sent(struct sock *sk);
void xtcp_timer_segment_received(struct sock *sk);

/*
 * flight.c, keepalive.c and timer.c call the functions down to xtcp_timer_end_probing(). expiry.c
 * calls them when a deadline has passed.
 */
void xtcp_timer_arm(struct sock *sk, enum xtcp_timer which, unsigned long delay);
void xtcp_timer_not_later(struct sock *sk, enum xtcp_timer which, unsigned long delay);
void xtcp_timer_disarm(struct sock *sk, enum xtcp_timer which);
bool xtcp_timer_is_armed(const struct xtcp_sock *xsk, enum xtcp_timer which);
void xtcp_timer_wake_at(struct sock *sk, unsigned long deadline);
unsigned long xtcp_timer_within_user_timeout(const struct xtcp_sock *xsk, u32 ms, u32 stamp);
unsigned long xtcp_timer_interval(const struct xtcp_sock *xsk, u32 stamp);
unsigned long xtcp_timer_probe_interval(const struct xtcp_sock *xsk, u32 stamp);
void xtcp_timer_take_back_backoff(struct xtcp_sock *xsk);
void xtcp_timer_end_probing(struct xtcp_sock *xsk);

/*
 * xtcp_timer_pending() finds the earliest deadline. xtcp_timer_shown() finds the deadline that
 * /proc shows. Both are racy without the socket lock.
 */
enum xtcp_timer xtcp_timer_pending(const struct sock *sk, unsigned long *deadline);
enum xtcp_timer_shown xtcp_timer_shown(const struct xtcp_timers *timers, unsigned long *deadline);

#endif /* XTCP_TIMER_H */
