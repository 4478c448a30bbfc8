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
 * The same timer tries again when too much stands below TCP (output.c): as soon as about half of it should be gone.
 *
 * The timer is made when it is needed first; without memory for it nothing is held. A running one holds the sock. Its
 * function may wait for the lock while the connection ends: then it finds a state in which nothing is sent.
 */
#include "time/pace.h"

#include <linux/hrtimer.h>
#include <linux/slab.h>

#include "base/sock.h"
#include "compat.h"
#include "loss/recovery.h"
#include "send/output.h"
#include "send/sndbuf.h"

#define UNPACED_SEGMENTS	10	/* as Linux: the initial window goes at once */
#define GAP_MAX_NS		NSEC_PER_SEC	/* behind a bundle, however low the rate is: one in a second goes */
#define AGAIN_MIN_NS		(250 * NSEC_PER_USEC)
#define AGAIN_MAX_NS		(10 * NSEC_PER_MSEC)

/**
 * struct xtcp_pace - what a connection that is paced has besides
 * @timer: sends what waits
 * @next_ns: the next text may leave then, CLOCK_MONOTONIC
 * @sk: whose it is
 */
struct xtcp_pace {
	struct hrtimer timer;
	u64 next_ns;
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
	pace->sk = sk;
	xsk->pace = pace;
	return pace;
}

static void start_pace(struct sock *sk, struct xtcp_pace *pace, u64 at_ns)
{
	if (hrtimer_is_queued(&pace->timer) || xtcp_sk(sk)->timers.dead)
		return;
	sock_hold(sk);	/* put in pace_fired() or xtcp_pace_stop() */
	hrtimer_start(&pace->timer, ns_to_ktime(at_ns), HRTIMER_MODE_ABS_PINNED_SOFT);
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
	start_pace(sk, pace, pace->next_ns);
	return true;
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
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	struct xtcp_pace *pace = pace_of(sk);
	u64 before_ns, gap_ns;

	sock_owned_by_me(sk);
	if (!pace)
		return;
	before_ns = pace->next_ns;
	pace->next_ns = max(before_ns, ktime_get_ns());
	xtcp_compat_set_departure(skb, pace->next_ns);
	if (rate == ~0UL || xtcp_sk(sk)->data_segs_out < UNPACED_SEGMENTS)
		return;
	gap_ns = rate ? min_t(u64, div64_ul((u64)len * NSEC_PER_SEC, rate), GAP_MAX_NS) : GAP_MAX_NS;
	gap_ns -= min(gap_ns / 2, pace->next_ns - before_ns);
	pace->next_ns += gap_ns;
}

/**
 * xtcp_pace_try_again() - too much stands below TCP: send when some of it should be gone
 * @sk: the sock
 * @octets: so many may
 *
 * By the rate half of it takes so long; often an ACK comes before.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_pace_try_again(struct sock *sk, u32 octets)
{
	u64 wait_ns = div64_ul((u64)octets * (NSEC_PER_SEC / 2), max(READ_ONCE(sk->sk_pacing_rate), 1UL));
	struct xtcp_pace *pace = pace_of(sk);

	sock_owned_by_me(sk);
	if (pace)
		start_pace(sk, pace, ktime_get_ns() + clamp_t(u64, wait_ns, AGAIN_MIN_NS, AGAIN_MAX_NS));
}

/**
 * xtcp_pace_run() - the time has come: send what waits
 * @sk: the sock, in any state
 *
 * From the timer, and from release_sock() when the timer met a user.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_pace_run(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->timers.dead)
		return;
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

	if (!pace)
		return;
	if (hrtimer_try_to_cancel(&pace->timer) == 1)
		__sock_put(sk);
	pace->next_ns = 0;
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
