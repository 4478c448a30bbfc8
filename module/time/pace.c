// SPDX-License-Identifier: GPL-2.0
/*
 * Pacing: text leaves at sk_pacing_rate (draft-ietf-ccwg-bbr section 5.6.2; RFC 9002 section 7.7
 * says why).
 *
 * Congestion control sets the rate, in octets per second, and SO_MAX_PACING_RATE limits it. As in
 * kernel TCP, sk_pacing_status says what delays text: nothing (NONE), this file (NEEDED), or the
 * qdisc fq (FQ). An algorithm that paces sets NEEDED, and so does SO_MAX_PACING_RATE. fq sets FQ at
 * the first segment that it sees. skb->tstamp of each segment with text has its earliest departure.
 * With fq the segment waits there. Without, output.c and recovery.c ask before each GSO packet
 * whether it is due. If not, the timer of this file sends it, since a tick is longer than the time
 * between two GSO packets. The same timer sends
 *
 *  - text that output.c holds back because IP and the device have too much of this connection. The
 *    first such wait clears SOCK_USE_WRITE_QUEUE; from then on sock_wfree() calls sk_write_space,
 *    and the timer runs as soon as there is room. (sock_wfree() may run under any lock, so it
 *    cannot send.) It also runs after AGAIN_NS: another processor, which frees a segment during the
 *    first wait, may have read the flag before;
 *  - text that sendmsg.c has kept for a next write that does not come in time;
 *  - one ACK for several that acks.c holds back;
 *
 * and runs a deadline of timer.c for which a tick is too coarse (xtcp_pace_soon()).
 *
 * It is allocated when it is first needed; without memory, no text is delayed. Once started, it has a
 * reference to the sock, which its function takes over, and another if it is queued while that runs.
 * If the connection ends meanwhile, the function finds a state in which nothing is sent.
 */
#include "base/sock.h"
#include "time/time.h"

#define GAP_MAX_NS	NSEC_PER_SEC	/* longest gap after a GSO packet, at whatever rate */
#define AGAIN_NS		(40 * NSEC_PER_MSEC)
#define LEAD_MAX_US		(10 * USEC_PER_SEC)	/* fq's horizon: a segment's longest wait */

/*
 * struct xtcp_pace - the second timer of a connection, which sends paced, waiting or coalesced text
 * @soon_ns: when the deadline @soon passes, if timer.c has not armed it anew since: it is still
 *	@soon_tick then; 0: none
 * @below_max: text waits until sk_wmem_alloc is at most this, octets; 0: none waits for room
 * @lock: guards @has_ref, and start and stop of @timer; taken in any context, innermost of ours
 */
struct xtcp_pace {
	struct hrtimer timer;	/* sends the text or ACK that waits */
	u64 next_ns;		/* when the next text may leave, CLOCK_MONOTONIC, nanoseconds */
	u64 before_ns;	/* @next_ns before the last xtcp_pace_stamp(); 0: the layers below refused the last text */
	u64 again_ns;	/* when text that waits for room tries again, even if no freed segment has reported room */
	u64 soon_ns;
	u32 soon_tick;
	u8 soon;		/* enum xtcp_timer */
	bool early;		/* text waits for next_ns */
	bool has_ref;		/* @timer has a reference to the sock, which its function has not yet taken over */
	spinlock_t lock;	/* see @lock above */
	unsigned long below_max;
	struct sock *sk;
};

static enum hrtimer_restart pace_fired(struct hrtimer *timer)
{
	struct xtcp_pace *pace = container_of(timer, struct xtcp_pace, timer);
	struct sock *sk = pace->sk;
	unsigned long irq;

	spin_lock_irqsave(&pace->lock, irq);
	/* this run takes over the reference; if the timer was queued again, that run needs one */
	if (unlikely(hrtimer_is_queued(timer)))
		sock_hold(sk);
	else
		WRITE_ONCE(pace->has_ref, false);
	spin_unlock_irqrestore(&pace->lock, irq);

	bh_lock_sock(sk);
	set_bit(XTCP_DEFERRED_PACE, &sk->sk_tsq_flags);
	/* a program: release_sock() does the work. A listener: release_cb() does other work, which may sleep */
	if (!sock_owned_by_user(sk) && sk->sk_state != TCP_LISTEN)
		sk->sk_prot->release_cb(sk);
	bh_unlock_sock(sk);
	/* of start_pace(), or of sock_hold() above */
	sock_put(sk);
	return HRTIMER_NORESTART;
}

/**
 * xtcp_pace_get() - the timer of a sock whose text has to wait; the first call allocates it
 * @sk: the sock
 * Return: NULL without memory.
 */
struct xtcp_pace *xtcp_pace_get(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_pace *pace = xsk->pace;

	sock_owned_by_me(sk);
	if (pace)
		return pace;
	pace = kzalloc(sizeof(*pace), GFP_ATOMIC | __GFP_NOWARN);
	if (!pace)
		return NULL;
	xtcp_compat_hrtimer_setup(&pace->timer, pace_fired);
	spin_lock_init(&pace->lock);
	pace->sk = sk;
	/* pairs with xtcp_pace_room() */
	smp_store_release(&xsk->pace, pace);
	return pace;
}

/* Lets it run at @at or earlier. If it is not queued, nothing waits, or its function is running and will send. */
static void bring_forward(struct xtcp_pace *pace, ktime_t at)
{
	lockdep_assert_held(&pace->lock);
	if (hrtimer_is_queued(&pace->timer) && hrtimer_get_expires(&pace->timer) > at)
		hrtimer_start(&pace->timer, at, HRTIMER_MODE_ABS_PINNED_SOFT);
}

/*
 * If the timer is set already, it keeps the earlier time. @slack_ns: how much later it may run, together
 * with another timer. Return: false when the connection sends nothing any more.
 */
static bool start_pace(struct sock *sk, struct xtcp_pace *pace, u64 at_ns, u64 slack_ns)
{
	unsigned long irq;

	if (xtcp_sk(sk)->timers.dead)
		return false;
	spin_lock_irqsave(&pace->lock, irq);
	if (!pace->has_ref) {
		sock_hold(sk);	/* put in pace_fired() or xtcp_pace_stop() */
		WRITE_ONCE(pace->has_ref, true);
		hrtimer_start_range_ns(&pace->timer, ns_to_ktime(at_ns), slack_ns, HRTIMER_MODE_ABS_PINNED_SOFT);
	} else {
		bring_forward(pace, ns_to_ktime(at_ns));
	}
	spin_unlock_irqrestore(&pace->lock, irq);
	return true;
}

/*
 * Must the next text wait, until the timer sends it? With fq it need not. But if the last text has
 * left this machine before its departure time, another qdisc has replaced fq: the timer paces now.
 */
bool xtcp_pace_must_wait(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;
	u64 now_ns;

	sock_owned_by_me(sk);
	if (!pace)
		return false;
	now_ns = ktime_get_ns();
	if (pace->next_ns <= now_ns)
		return false;
	if (READ_ONCE(sk->sk_pacing_status) != SK_PACING_NEEDED) {
		/* before_ns is the departure time of the last text; 1: nothing is below TCP */
		if (pace->before_ns > now_ns && refcount_read(&sk->sk_wmem_alloc) == 1)
			xtcp_pace_not_held(sk);
		return false;
	}
	pace->early = true;
	start_pace(sk, pace, pace->next_ns, 0);
	return true;
}

/* How long will fq delay a segment that we send now? See xtcp_pace_lead_us(). */
u32 xtcp_pace_fq_lead_us(const struct sock *sk)
{
	const struct xtcp_pace *pace = xtcp_sk(sk)->pace;
	u64 now_ns = ktime_get_ns();

	sock_owned_by_me(sk);
	if (!pace || pace->next_ns <= now_ns)
		return 0;
	return min_t(u64, div_u64(pace->next_ns - now_ns, NSEC_PER_USEC), LEAD_MAX_US);
}

/**
 * xtcp_pace_not_held() - fq no longer paces the sock: pace by the timer of this file
 * @sk: with SK_PACING_FQ; text has left, or was acknowledged, before its departure time
 *
 * fq sets SK_PACING_FQ again when it makes a new flow for the sock.
 */
void xtcp_pace_not_held(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	if (pace)
		pace->next_ns = min(pace->next_ns, ktime_get_ns());
	cmpxchg(&sk->sk_pacing_status, SK_PACING_FQ, SK_PACING_NEEDED);
}

/**
 * xtcp_pace_stamp() - set the departure time of a segment, and the earliest time of the next text
 * @sk: a sock that is paced, see xtcp_pace_applies()
 * @skb: on its way to IP
 * @len: octets of text
 *
 * As in Linux, text that leaves late makes up for its delay: the next gap is shorter by it, but at
 * least half remains; and at most a second, or a closed connection could stay almost forever.
 */
void xtcp_pace_stamp(struct sock *sk, struct sk_buff *skb, u32 len)
{
	unsigned long rate = xtcp_cong_rate(sk);
	struct xtcp_pace *pace = xtcp_pace_get(sk);
	u64 before_ns, gap_ns;

	sock_owned_by_me(sk);
	if (!pace)
		return;
	before_ns = pace->next_ns;
	pace->before_ns = before_ns;
	pace->next_ns = max(before_ns, ktime_get_ns());
	skb_set_delivery_time(skb, ns_to_ktime(pace->next_ns), SKB_CLOCK_MONOTONIC);
	if (rate == ~0UL || xtcp_sk(sk)->stream->data_segs_out < XTCP_PACE_UNPACED)
		return;
	gap_ns = rate ? min_t(u64, div64_ul((u64)len * NSEC_PER_SEC, rate), GAP_MAX_NS) : GAP_MAX_NS;
	gap_ns -= min(gap_ns / 2, pace->next_ns - before_ns);
	pace->next_ns += gap_ns;
}

/* Undo xtcp_pace_stamp(): the layers below refused the segment. */
void xtcp_pace_not_left(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	if (pace) {
		pace->next_ns = pace->before_ns;
		/* no text below TCP has this departure time: see xtcp_pace_must_wait() */
		pace->before_ns = 0;
	}
}

/* Something is in flight. Return: false when there is room already, or no memory for a timer. */
bool xtcp_pace_waits_for_room(struct sock *sk, unsigned long most)
{
	struct xtcp_pace *pace = xtcp_pace_get(sk);

	sock_owned_by_me(sk);
	if (!pace)
		return false;
	WRITE_ONCE(pace->below_max, most);
	pace->again_ns = ktime_get_ns() + AGAIN_NS;
	start_pace(sk, pace, pace->again_ns, 0);
	if (unlikely(sock_flag(sk, SOCK_USE_WRITE_QUEUE)))
		sock_reset_flag(sk, SOCK_USE_WRITE_QUEUE);
	/* pairs with xtcp_pace_room(): who frees a segment now sees below_max, or the next line counts it no more */
	smp_mb();
	return refcount_read(&sk->sk_wmem_alloc) > most;
}

/**
 * xtcp_pace_within() - let the timer send the text or the ACK that the caller holds back
 * @sk: the sock
 * @delay_ns: how long it waits, nanoseconds
 * @slack_ns: how much later than that the timer may send it, nanoseconds
 * Return: false if it will not: there is no memory for a timer, timers are coarser, or the connection
 * sends nothing any more.
 */
bool xtcp_pace_within(struct sock *sk, u64 delay_ns, u64 slack_ns)
{
	struct xtcp_pace *pace;

	sock_owned_by_me(sk);
	if (!delay_ns || delay_ns + slack_ns < hrtimer_resolution)
		return false;
	pace = xtcp_pace_get(sk);
	return pace && start_pace(sk, pace, ktime_get_ns() + delay_ns, slack_ns);
}

/*
 * Lets a deadline that was just armed pass in @us, less than its ticks. It passes by ticks without memory
 * for a timer, if timers are coarser, or if another one comes here before.
 */
void xtcp_pace_soon(struct sock *sk, enum xtcp_timer which, u32 us)
{
	struct xtcp_pace *pace;

	sock_owned_by_me(sk);
	pace = hrtimer_resolution < TICK_NSEC ? xtcp_pace_get(sk) : NULL;
	if (!pace)
		return;
	pace->soon = which;
	pace->soon_tick = xtcp_sk(sk)->timers.deadline[which];
	pace->soon_ns = ktime_get_ns() + (u64)us * NSEC_PER_USEC;
	start_pace(sk, pace, pace->soon_ns, 0);
}

/* Has the deadline of xtcp_pace_soon() passed? Then timer.c takes it for one that has. */
bool xtcp_pace_soon_is_over(struct sock *sk)
{
	struct xtcp_timers *timers = &xtcp_sk(sk)->timers;
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	if (!pace || !pace->soon_ns)
		return false;
	if (!xtcp_timer_is_armed(timers, pace->soon) || timers->deadline[pace->soon] != pace->soon_tick) {
		pace->soon_ns = 0;
		return false;
	}
	if (ktime_get_ns() < pace->soon_ns) {
		start_pace(sk, pace, pace->soon_ns, 0);
		return false;
	}
	pace->soon_ns = 0;
	timers->deadline[pace->soon] = (u32)jiffies - 1;
	return true;
}

/* Does text wait until there is room below TCP? */
bool xtcp_pace_is_waiting(const struct sock *sk)
{
	const struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	return pace && READ_ONCE(pace->below_max);
}

/**
 * xtcp_pace_room() - a segment below TCP is freed: if there is room now, let waiting text go
 * @sk: in any state; alive, because sk_wmem_alloc still counts an octet of the segment
 * Context: any in which an skb may be freed. The caller may hold the socket lock or any other lock.
 */
void xtcp_pace_room(struct sock *sk)
{
	/* pairs with xtcp_pace_get() */
	struct xtcp_pace *pace = smp_load_acquire(&xtcp_sk(sk)->pace);
	unsigned long irq;

	if (!pace)
		return;
	/* after sock_wfree() has subtracted; pairs with xtcp_pace_waits_for_room() and is_waited_for() */
	smp_mb();
	if (refcount_read(&sk->sk_wmem_alloc) > READ_ONCE(pace->below_max))
		return;
	spin_lock_irqsave(&pace->lock, irq);
	/* a time in the past: as soon as the processor handles timers */
	bring_forward(pace, 0);
	spin_unlock_irqrestore(&pace->lock, irq);
}

/*
 * Is there text that waited for the timer and may go now?
 *
 *   none           the text for which the timer was set has been sent; corked text does not count
 *   coalesced      may go at any time
 *   paced          counts at any time: xtcp_pace_holds() tests its departure time again
 *   waits for room as soon as there is room, and at again_ns in any case
 *
 * If only the last kind waits, first set the timer for again_ns, then test whether there is room.
 */
static bool is_waited_for(struct sock *sk, struct xtcp_pace *pace)
{
	unsigned long most = READ_ONCE(pace->below_max);

	if (pace->early || xtcp_sk(sk)->coalescing)
		return true;
	if (!most || ktime_get_ns() >= pace->again_ns)
		return most;
	start_pace(sk, pace, pace->again_ns, 0);
	/* pairs with xtcp_pace_room(), as in xtcp_pace_waits_for_room() */
	smp_mb();
	return refcount_read(&sk->sk_wmem_alloc) <= most;
}

/* May the text that waited for the timer go now? If so, none waits any more. */
bool xtcp_pace_is_over(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_pace *pace = xsk->pace;

	sock_owned_by_me(sk);
	if (xsk->timers.dead || !pace || !is_waited_for(sk, pace))
		return false;
	pace->early = false;
	WRITE_ONCE(pace->below_max, 0);
	WRITE_ONCE(xsk->coalescing, false);
	return true;
}

/* @sk is CLOSED, and may be used again. The socket lock is held, or no other thread can reach @sk. */
void xtcp_pace_stop(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;
	unsigned long irq;

	if (!pace)
		return;
	spin_lock_irqsave(&pace->lock, irq);
	if (hrtimer_try_to_cancel(&pace->timer) == 1) {
		WRITE_ONCE(pace->has_ref, false);
		__sock_put(sk);
	} else {
		/*
		 * not queued, or its function is running and drops the reference of this run. If it was queued
		 * again meanwhile, it has a second one: start that run, which drops it, at once
		 */
		bring_forward(pace, 0);
	}
	spin_unlock_irqrestore(&pace->lock, irq);
	WRITE_ONCE(pace->below_max, 0);
	pace->early = false;
	WRITE_ONCE(xtcp_sk(sk)->coalescing, false);
	if (!sock_flag(sk, SOCK_USE_WRITE_QUEUE))
		sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	pace->next_ns = 0;
	pace->soon_ns = 0;
}
