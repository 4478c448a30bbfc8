// SPDX-License-Identifier: GPL-2.0
/*
 * Pacing (RFC 9002 section 7.7 says why; draft-ietf-ccwg-bbr section 5.6.2): text leaves at sk_pacing_rate.
 *
 * The rate is octets in a second, set by congestion control and bounded by SO_MAX_PACING_RATE. Who holds text to it is
 * told by sk_pacing_status, as for kernel TCP: nobody (NONE), we (NEEDED: an algorithm that paces, or
 * SO_MAX_PACING_RATE), or the qdisc fq, which says FQ when it sees a segment of the sock. Each segment with text has
 * its earliest departure time in skb->tstamp. With fq it waits there; without, output.c and recovery.c ask before each
 * bundle, and when it is not due yet a timer of high resolution runs, which sends when it is. That is the one exception
 * to "one timer per connection": a tick is longer than the time between two bundles.
 *
 * The same timer sends when too much stood below TCP (output.c). From the first time on the sock has no
 * SOCK_USE_WRITE_QUEUE, and sock_wfree() calls sk_write_space for each segment that a device is done with: once there
 * is room the timer runs at once. Whoever frees a segment may hold any lock, so nothing is sent from there. It also
 * runs after AGAIN_NS: the first time, a free that has looked at the flag already tells nobody.
 *
 * And it sends what waited for the program's next write (coalesce.c), when that has not come in time.
 *
 * The timer is made when it is needed first; without memory for it nothing is held. A running one holds the sock. Its
 * function may wait for the lock while the connection ends: then it finds a state in which nothing is sent.
 */
#include "time/pace.h"

#include <linux/hrtimer.h>
#include <linux/slab.h>

#include "base/sock.h"
#include "compat.h"
#include "cong/cong.h"
#include "loss/recovery.h"
#include "send/output.h"
#include "send/sndbuf.h"

#define UNPACED_SEGMENTS	10	/* as Linux: the initial window goes at once */
#define GAP_MAX_NS		NSEC_PER_SEC	/* behind a bundle, however low the rate is: one in a second goes */
#define AGAIN_NS		(40 * NSEC_PER_MSEC)
#define LEAD_MAX_US		(10 * USEC_PER_SEC)	/* fq's horizon: nothing waits longer there */

/**
 * struct xtcp_pace - of a connection that is paced, or whose text has waited for room below TCP or for more of it
 * @timer: sends what waits; while it is queued it has a reference of the sock
 * @next_ns: the next text may leave then, CLOCK_MONOTONIC
 * @before_ns: what that was before the last text
 * @early: text waits for @next_ns
 * @again_ns: who waits for room looks again then, though nobody has told of any
 * @below_max: there is room when no more than this stands below TCP, in octets of sk_wmem_alloc; 0: nobody waits for it
 * @lock: whoever starts or stops @timer; taken in any context, innermost
 * @sk: whose it is
 */
struct xtcp_pace {
	struct hrtimer timer;
	u64 next_ns;
	u64 before_ns;
	bool early;
	u64 again_ns;
	unsigned long below_max;
	spinlock_t lock;	/* of @timer */
	struct sock *sk;
};

static enum hrtimer_restart pace_fired(struct hrtimer *timer)
{
	struct sock *sk = container_of(timer, struct xtcp_pace, timer)->sk;

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_PACE, &xtcp_sk(sk)->deferred);
	else
		xtcp_pace_run(sk);
	bh_unlock_sock(sk);
	/* taken by start_pace() */
	sock_put(sk);
	return HRTIMER_NORESTART;
}

static struct xtcp_pace *pace_of(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_pace *pace = xsk->pace;

	if (pace)
		return pace;
	pace = kzalloc(sizeof(*pace), GFP_ATOMIC | __GFP_NOWARN);
	if (!pace)
		return NULL;
	xtcp_compat_hrtimer_setup(&pace->timer, pace_fired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
	spin_lock_init(&pace->lock);
	pace->sk = sk;
	/* pairs with xtcp_pace_room() */
	smp_store_release(&xsk->pace, pace);
	return pace;
}

/* One that is queued runs at @at, or before. False: it has just queued itself for later. Lock: pace->lock, held. */
static bool bring_forward(struct xtcp_pace *pace, ktime_t at)
{
	lockdep_assert_held(&pace->lock);
	if (hrtimer_get_expires(&pace->timer) <= at)
		return true;
	if (hrtimer_try_to_cancel(&pace->timer) != 1)
		return false;
	hrtimer_start(&pace->timer, at, HRTIMER_MODE_ABS_PINNED_SOFT);
	return true;
}

/* The timer runs at @at_ns at the latest, if true. One that runs now waits for the socket lock, and sends then. */
static bool start_pace(struct sock *sk, struct xtcp_pace *pace, u64 at_ns)
{
	unsigned long irq;
	bool in_time = true;

	if (xtcp_sk(sk)->timers.dead)
		return false;
	spin_lock_irqsave(&pace->lock, irq);
	if (!hrtimer_is_queued(&pace->timer)) {
		sock_hold(sk);	/* put in pace_fired() or xtcp_pace_stop() */
		hrtimer_start(&pace->timer, ns_to_ktime(at_ns), HRTIMER_MODE_ABS_PINNED_SOFT);
	} else {
		in_time = bring_forward(pace, ns_to_ktime(at_ns));
	}
	spin_unlock_irqrestore(&pace->lock, irq);
	return in_time;
}

/**
 * xtcp_pace_must_wait() - is the next text not due yet? See xtcp_pace_holds()
 * @sk: a sock that we pace
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it is not; the timer runs.
 */
bool xtcp_pace_must_wait(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	if (!pace || pace->next_ns <= ktime_get_ns())
		return false;
	pace->early = true;
	start_pace(sk, pace, pace->next_ns);
	return true;
}

/**
 * xtcp_pace_fq_lead_us() - see xtcp_pace_lead_us()
 * @sk: a sock that fq paces
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: microseconds; 0: it departs at once.
 */
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
 * xtcp_pace_not_held() - the peer has what was to depart later: there is no fq on the way any more
 * @sk: a sock that fq paced
 *
 * The timer of ours does it from now on, until fq says that it is there.
 *
 * Context: softirq or process. Lock: socket, held.
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
 * xtcp_pace_stamp() - text leaves: when at the earliest, and when what comes behind it
 * @sk: a sock that is paced, see xtcp_pace_applies()
 * @skb: on its way to IP
 * @len: octets of text
 *
 * As Linux, what comes late makes up for half of its own time by the time that was lost. A rate of less than a segment
 * in a second is one of a segment in a second: whatever a program asks for, a connection that it has closed ends.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_pace_stamp(struct sock *sk, struct sk_buff *skb, u32 len)
{
	unsigned long rate = xtcp_cong_rate(sk);
	struct xtcp_pace *pace = pace_of(sk);
	u64 before_ns, gap_ns;

	sock_owned_by_me(sk);
	if (!pace)
		return;
	before_ns = pace->next_ns;
	pace->before_ns = before_ns;
	pace->next_ns = max(before_ns, ktime_get_ns());
	xtcp_compat_set_departure(skb, pace->next_ns);
	if (rate == ~0UL || xtcp_sk(sk)->stream->data_segs_out < UNPACED_SEGMENTS)
		return;
	gap_ns = rate ? min_t(u64, div64_ul((u64)len * NSEC_PER_SEC, rate), GAP_MAX_NS) : GAP_MAX_NS;
	gap_ns -= min(gap_ns / 2, pace->next_ns - before_ns);
	pace->next_ns += gap_ns;
}

/**
 * xtcp_pace_not_left() - the layers below have refused what xtcp_pace_stamp() was told of last
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_pace_not_left(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	if (pace)
		pace->next_ns = pace->before_ns;
}

/**
 * xtcp_pace_waits_for_room() - too much stands below TCP: send when there is room
 * @sk: the sock; something is in flight
 * @most: there is room when no more than this stands there, in octets of sk_wmem_alloc
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true; false when there is room already, or nobody would tell.
 */
bool xtcp_pace_waits_for_room(struct sock *sk, unsigned long most)
{
	struct xtcp_pace *pace = pace_of(sk);

	sock_owned_by_me(sk);
	if (!pace || sk->sk_write_space != xtcp_sndbuf_write_space)
		return false;
	WRITE_ONCE(pace->below_max, most);
	pace->again_ns = ktime_get_ns() + AGAIN_NS;
	start_pace(sk, pace, pace->again_ns);
	if (unlikely(sock_flag(sk, SOCK_USE_WRITE_QUEUE)))
		sock_reset_flag(sk, SOCK_USE_WRITE_QUEUE);
	/* pairs with xtcp_pace_room(): what was freed before is seen here */
	smp_mb();
	return refcount_read(&sk->sk_wmem_alloc) > most;
}

/**
 * xtcp_pace_goes_within() - what is not sent now goes when this time is over
 * @sk: the sock
 * @usecs: microseconds
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: false if nothing would see to that: there is no memory, or timers are not as fine as @usecs.
 */
bool xtcp_pace_goes_within(struct sock *sk, u32 usecs)
{
	const u64 ns = (u64)usecs * NSEC_PER_USEC;
	struct xtcp_pace *pace;

	sock_owned_by_me(sk);
	if (ns < hrtimer_resolution)
		return false;
	pace = pace_of(sk);
	return pace && start_pace(sk, pace, ktime_get_ns() + ns);
}

/**
 * xtcp_pace_is_waiting() - is text held until there is room below TCP?
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it is.
 */
bool xtcp_pace_is_waiting(const struct sock *sk)
{
	const struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	return pace && READ_ONCE(pace->below_max);
}

/**
 * xtcp_pace_room() - a device is done with a segment: is there room below TCP now?
 * @sk: the sock, in any state; the segment keeps it
 *
 * Context: any in which an skb may be freed; whoever frees it may have the socket lock, or any other.
 */
void xtcp_pace_room(struct sock *sk)
{
	/* pairs with pace_of() */
	struct xtcp_pace *pace = smp_load_acquire(&xtcp_sk(sk)->pace);
	unsigned long irq;

	if (!pace)
		return;
	/* sock_wfree() has taken off what it frees: pairs with xtcp_pace_waits_for_room() */
	smp_mb();
	if (refcount_read(&sk->sk_wmem_alloc) > READ_ONCE(pace->below_max))
		return;
	spin_lock_irqsave(&pace->lock, irq);
	/* at 0 it runs as soon as this processor comes to it */
	bring_forward(pace, 0);
	spin_unlock_irqrestore(&pace->lock, irq);
}

/*
 * Does anything wait for the timer? What it was to run for may have been sent meanwhile. What waits now may be corked,
 * or wait for room, for which the timer runs again.
 */
static bool is_waited_for(struct sock *sk, struct xtcp_pace *pace)
{
	unsigned long most = READ_ONCE(pace->below_max);

	if (pace->early || xtcp_sk(sk)->coalescing)
		return true;
	if (!most || ktime_get_ns() >= pace->again_ns)
		return most;
	start_pace(sk, pace, pace->again_ns);
	/* pairs with xtcp_pace_room(): what was freed before is seen here */
	smp_mb();
	return refcount_read(&sk->sk_wmem_alloc) <= most;
}

/**
 * xtcp_pace_run() - the time has come: send what waits
 * @sk: the sock, in any state
 *
 * From the timer, and from release_sock() when the timer met a user; and from coalesce.c, for what waits no longer.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_pace_run(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_pace *pace = xsk->pace;

	sock_owned_by_me(sk);
	if (xsk->timers.dead || !pace || !is_waited_for(sk, pace))
		return;
	pace->early = false;
	WRITE_ONCE(pace->below_max, 0);
	WRITE_ONCE(xsk->coalescing, false);
	xtcp_recovery_go_on(sk);
	xtcp_output_push(sk);
	xtcp_sndbuf_wake(sk);
}

/**
 * xtcp_pace_stop() - nothing is sent any more
 * @sk: CLOSED; it may be used again
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can have @sk.
 */
void xtcp_pace_stop(struct sock *sk)
{
	struct xtcp_pace *pace = xtcp_sk(sk)->pace;
	unsigned long irq;

	if (!pace)
		return;
	spin_lock_irqsave(&pace->lock, irq);
	if (hrtimer_try_to_cancel(&pace->timer) == 1)
		__sock_put(sk);
	spin_unlock_irqrestore(&pace->lock, irq);
	WRITE_ONCE(pace->below_max, 0);
	pace->early = false;
	WRITE_ONCE(xtcp_sk(sk)->coalescing, false);
	if (!sock_flag(sk, SOCK_USE_WRITE_QUEUE) && !xtcp_sk(sk)->held_at)
		sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	pace->next_ns = 0;
}

/**
 * xtcp_pace_is_queued() - has the timer a reference, and does not run?
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when it has.
 */
bool xtcp_pace_is_queued(const struct sock *sk)
{
	const struct xtcp_pace *pace = xtcp_sk(sk)->pace;

	sock_owned_by_me(sk);
	return pace && hrtimer_is_queued((struct hrtimer *)&pace->timer);
}

/**
 * xtcp_pace_free() - give back what pacing has taken
 * @sk: nobody has it any more, so the timer does not run
 *
 * Context: RCU callback.
 */
void xtcp_pace_free(struct sock *sk)
{
	kfree(xtcp_sk(sk)->pace);
}
