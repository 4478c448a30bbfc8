// SPDX-License-Identifier: GPL-2.0
/*
 * The ACK that completes a handshake (the third ACK) waits for text that the program may send right
 * after connect(): one segment then carries both. It leaves after a millisecond, seldom some
 * milliseconds later. It leaves earlier if the same thread calls connect() again, or accept() or
 * poll() on a listener whose accept queue is empty: such a thread sends no text now, and in
 * accept() may even wait for the connection that this ACK completes.
 *
 * The timer of the sock is too coarse for a millisecond, and a high-resolution timer for each
 * connection would cost more than the segment that is saved. So each processor has one such timer
 * and a short list of waiting socks, with a reference to each.
 *
 * A sock enters the list when connect() returns. Its own timer is armed earlier, when the SYN-ACK
 * arrives. That sends the ACK after XTCP_ANSWER_MS, rounded up to a tick, if connect() has not
 * returned by then, or if a user owned the lock when the list's timer ran.
 *
 * A sock whose ACK has left stays on the list for now: a search for each outgoing segment would
 * cost too much. It leaves the list when that is next used, or its timer runs.
 */
#include "expiry/expiry.h"

#include "base/sock.h"
#include "send/send.h"
#include "sight/sight.h"

#define WAIT_NS		NSEC_PER_MSEC
/* connections on the list of a processor; the ACK of a further connection leaves at once */
#define WAITING_MAX	8U

/*
 * struct waiting - a connection whose third ACK waits
 * @by: the thread that returned from connect(); compared, never dereferenced
 */
struct waiting {
	struct sock *sk;	/* the sock; the list holds a reference */
	const struct task_struct *by;
	u64 until_ns;		/* when the ACK leaves at the latest, CLOCK_MONOTONIC */
};

/*
 * struct handshake_acks - the waiting connections of one processor
 * @lock: guards the other fields; taken with BH disabled, innermost
 */
struct handshake_acks {
	spinlock_t lock;	/* guards the other fields */
	struct hrtimer timer;			/* runs when the first ACK is due */
	unsigned int count;			/* number of connections in @list */
	struct waiting list[WAITING_MAX];	/* the connections */
};

static DEFINE_PER_CPU(struct handshake_acks, handshake_acks);

/*
 * Does the third ACK still wait? It does if we have sent nothing after the SYN and nothing has
 * arrived after the SYN-ACK. Without the socket lock, the answer may be out of date at once.
 */
static bool still_waits(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	return READ_ONCE(sk->sk_state) == TCP_ESTABLISHED && READ_ONCE(xsk->acking.ack_held_for_app) &&
	       READ_ONCE(xsk->rcv.nxt) == xsk->rcv.irs + 1;
}

/*
 * Removes the entry at index @i: the last entry moves to this index. WRITE_ONCE() writes the count,
 * since xtcp_handshake_ack_go() reads the count without the lock.
 */
static void take_out(struct handshake_acks *here, unsigned int i)
{
	lockdep_assert_held(&here->lock);
	WRITE_ONCE(here->count, here->count - 1);
	here->list[i] = here->list[here->count];
}

/*
 * Removes the entries whose ACK no longer waits, the entries whose ACK is due at @now_ns, and all
 * entries of thread @by. Stores the socks of these entries in @taken. Return: the number of socks.
 */
static unsigned int take_off(struct handshake_acks *here, u64 now_ns, const struct task_struct *by, struct sock **taken)
{
	unsigned int i = 0, n = 0;

	lockdep_assert_held(&here->lock);
	while (i < here->count) {
		const struct waiting *waiting = &here->list[i];

		if (still_waits(waiting->sk) && waiting->until_ns > now_ns && waiting->by != by) {
			i++;
			continue;
		}
		taken[n++] = waiting->sk;
		take_out(here, i);
	}
	return n;
}

/*
 * Sends the ACKs that still wait. If a user owns the lock of a sock, this function sends no ACK for
 * this sock: the user's call sends the ACK, or else the sock's own timer does.
 */
static void send_third(struct sock **taken, unsigned int n, bool by_timer)
{
	struct sock *sk;

	while (n--) {
		sk = taken[n];
		bh_lock_sock(sk);
		if (still_waits(sk) && !sock_owned_by_user(sk)) {
			if (by_timer)
				XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_DELAYEDACKS);
			xtcp_send_ack(sk);
		}
		bh_unlock_sock(sk);
		sock_put(sk);
	}
}

static u64 next_of(const struct handshake_acks *here)
{
	u64 ns = U64_MAX;
	unsigned int i;

	for (i = 0; i < here->count; i++)
		ns = min(ns, here->list[i].until_ns);
	return ns;
}

static enum hrtimer_restart handshake_ack_fired(struct hrtimer *timer)
{
	struct handshake_acks *here = container_of(timer, struct handshake_acks, timer);
	enum hrtimer_restart again = HRTIMER_NORESTART;
	struct sock *taken[WAITING_MAX];
	unsigned int n;

	spin_lock(&here->lock);
	n = take_off(here, ktime_get_ns(), NULL, taken);
	/*
	 * if the processor of this list goes offline, the timer moves, and this function runs on
	 * another one. When the processor is back, a connect() there may queue the timer meanwhile
	 */
	if (here->count && !hrtimer_is_queued(timer)) {
		hrtimer_set_expires(timer, ns_to_ktime(next_of(here)));
		again = HRTIMER_RESTART;
	}
	spin_unlock(&here->lock);
	send_third(taken, n, true);
	return again;
}

/* At module init: makes the empty list and the timer of each processor. */
void xtcp_handshake_ack_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct handshake_acks *there = per_cpu_ptr(&handshake_acks, cpu);

		spin_lock_init(&there->lock);
		xtcp_compat_hrtimer_setup(&there->timer, handshake_ack_fired);
	}
}

/* At module exit: no sock is left, and so none is on a list. */
void xtcp_handshake_ack_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu_ptr(&handshake_acks, cpu)->timer);
}

/**
 * xtcp_handshake_ack_waits() - connect() is about to return: let the third ACK wait for text
 * @sk: the sock, in any state
 *
 * The ACK leaves after WAIT_NS even if the program never writes (RFC 9293 section 3.8.6.3, MUST-40:
 * within 500 ms). send_third() says what happens if a user owns the lock of @sk then.
 *
 * Context: process, no lock held. Takes bh_lock_sock() of socks on the list whose ACK is due or no
 * longer waits, and of @sk if the list is full.
 */
void xtcp_handshake_ack_waits(struct sock *sk)
{
	struct sock *taken[WAITING_MAX + 1];
	struct handshake_acks *here;
	unsigned int n;
	u64 now_ns;

	if (!still_waits(sk))
		return;
	sock_hold(sk);	/* send_third() drops this reference */
	local_bh_disable();
	here = this_cpu_ptr(&handshake_acks);
	now_ns = ktime_get_ns();
	spin_lock(&here->lock);
	n = take_off(here, now_ns, NULL, taken);
	if (here->count == WAITING_MAX) {
		taken[n++] = sk;
	} else {
		here->list[here->count] = (struct waiting){ sk, current, now_ns + WAIT_NS };
		WRITE_ONCE(here->count, here->count + 1);
		/* if the timer is queued already, it runs early enough */
		if (!hrtimer_is_queued(&here->timer))
			hrtimer_start(&here->timer, ns_to_ktime(now_ns + WAIT_NS), HRTIMER_MODE_ABS_PINNED_SOFT);
	}
	spin_unlock(&here->lock);
	send_third(taken, n, false);
	local_bh_enable();
}

/*
 * Sends the waiting third ACKs of this thread, which sends no text now. One that waits on another
 * processor leaves when it is due. Process context; takes bh_lock_sock(), so the caller holds no
 * lock of a socket that may wait here.
 */
void xtcp_handshake_ack_go(void)
{
	struct sock *taken[WAITING_MAX];
	struct handshake_acks *here;
	unsigned int n;

	if (!raw_cpu_read(handshake_acks.count))
		return;
	local_bh_disable();
	here = this_cpu_ptr(&handshake_acks);
	spin_lock(&here->lock);
	n = take_off(here, 0, current, taken);
	spin_unlock(&here->lock);
	send_third(taken, n, false);
	local_bh_enable();
}
