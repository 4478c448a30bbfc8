// SPDX-License-Identifier: GPL-2.0
/*
 * Keepalive (RFC 9293 section 3.8.4): when to probe an idle connection, when to give it up, and the
 * deadline for both. The limits on how long a connection may be without text share this deadline.
 * When it has passed, expiry.c acts.
 *
 * Keepalive is off until the program sets SO_KEEPALIVE (MUST-24, MUST-25).
 * net.xtcp.keepalive_always turns keepalive on for programs that do not set this option. By default
 * the first probe is sent after two hours of silence, and the next probes are sent 75 s apart.
 * After nine probes without an answer the connection ends (MUST-28). Each namespace has its own
 * defaults.
 */
#include "time/time.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/bounds.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/sender.h"
#include "base/sock.h"

/**
 * xtcp_keepalive_is_on() - is keepalive on for this connection?
 * @sk: the sock
 *
 * Context: any.
 *
 * Return: true when the program or the namespace has turned it on.
 */
bool xtcp_keepalive_is_on(const struct sock *sk)
{
	return sock_flag(sk, SOCK_KEEPOPEN) || READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_always);
}

/**
 * xtcp_keepalive_time() - how long may a connection be idle before the first probe?
 * @sk: the sock
 *
 * Context: any.
 *
 * Return: jiffies (TCP_KEEPIDLE, MUST-27).
 */
unsigned long xtcp_keepalive_time(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->keepalive_time) * HZ ?: READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_time);
}

/**
 * xtcp_keepalive_intvl() - how long to wait for an answer before the next probe
 * @sk: the sock
 *
 * Context: any.
 *
 * Return: jiffies (TCP_KEEPINTVL).
 */
unsigned long xtcp_keepalive_intvl(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->keepalive_intvl) * HZ ?: READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_intvl);
}

/**
 * xtcp_keepalive_probes() - how many unanswered probes end the connection
 * @sk: the sock
 *
 * Context: any.
 *
 * Return: the number (TCP_KEEPCNT, MUST-29).
 */
unsigned int xtcp_keepalive_probes(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->keepalive_probes) ?: READ_ONCE(xtcp_net_of(sk)->sysctl.keepalive_probes);
}

/**
 * xtcp_keepalive_give_up() - have enough keepalive probes gone unanswered to end the connection?
 * @sk: has been idle for xtcp_keepalive_time(), so a probe is due
 *
 * The number of unanswered probes decides. With a user timeout (xtcp_bounds_user_timeout_ms()), the
 * idle time decides instead, as in Linux, but at least one probe must have been sent.
 *
 * Return: true when the caller shall end the connection.
 */
bool xtcp_keepalive_give_up(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 idle = (u32)jiffies - xsk->rcv_tstamp, most_ms = xtcp_bounds_user_timeout_ms(sk);

	sock_owned_by_me(sk);
	if (most_ms)
		return xsk->tries.keepalive_sent && idle >= msecs_to_jiffies(most_ms);
	return xsk->tries.keepalive_sent >= xtcp_keepalive_probes(sk);
}

/**
 * xtcp_keepalive_idle_ms() - how long may the connection be without text?
 * @sk: the sock
 *
 * Context: any; the caller holds what xtcp_seldom() requires.
 *
 * Return: milliseconds; 0: no limit. XTCP_IDLE_MS and net.xtcp.idle_ms each set a limit, unless
 * they are 0. The smaller limit counts, so a program cannot lengthen the administrator's limit.
 */
u32 xtcp_keepalive_idle_ms(const struct sock *sk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	u32 own = unlikely(seldom) ? READ_ONCE(seldom->idle_ms) : 0;
	u32 most = READ_ONCE(xtcp_net_of(sk)->sysctl.idle_ms);

	return min_not_zero(own, most);
}

/**
 * xtcp_keepalive_half_closed_ms() - how long may the connection be without text when half closed?
 * @sk: the sock
 *
 * Context: any; the caller holds what xtcp_seldom() requires.
 *
 * Return: milliseconds; 0: no limit. XTCP_HALF_CLOSED_MS and net.xtcp.half_closed_ms each set a
 * limit, unless they are 0. The smaller limit counts.
 */
u32 xtcp_keepalive_half_closed_ms(const struct sock *sk)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	u32 own = unlikely(seldom) ? READ_ONCE(seldom->half_closed_ms) : 0;
	u32 most = READ_ONCE(xtcp_net_of(sk)->sysctl.half_closed_ms);

	return min_not_zero(own, most);
}

/**
 * xtcp_keepalive_may_limit() - may there be a limit on the time without text?
 * @sk: the sock, in any state
 *
 * Each timer that runs asks this. This function is inlined, because the answer is nearly always no,
 * and three reads give it.
 *
 * Context: any; the caller holds what xtcp_seldom() requires.
 *
 * Return: false only if xtcp_keepalive_idle() would return XTCP_ABORT_NONE for lack of any limit.
 */
inline bool xtcp_keepalive_may_limit(const struct sock *sk)
{
	const struct xtcp_sysctl *sysctl = &xtcp_net_of(sk)->sysctl;

	return xtcp_seldom(sk) || READ_ONCE(sysctl->idle_ms) || READ_ONCE(sysctl->half_closed_ms);
}

/* Jiffies since text or a FIN was last sent or received, or since the handshake. */
static u32 without_text(const struct xtcp_sock *xsk)
{
	const struct xtcp_stream *stream = xsk->stream;
	u32 now = xtcp_clock_stamp(), gone = now - xsk->snd_tstamp;

	if (stream->rcv_data_tstamp)
		gone = min(gone, now - stream->rcv_data_tstamp);
	if (stream->fin_tstamp)
		gone = min(gone, now - stream->fin_tstamp);
	return gone;
}

/**
 * xtcp_keepalive_idle() - which limit ends this connection if no text is sent or received, and
 * when?
 * @sk: the sock, in any state
 * @left: if there is a limit, receives the time until it, jiffies; 0: the limit has passed
 *
 * xtcp_keepalive_idle_ms() is a limit in each synchronized state, and
 * xtcp_keepalive_half_closed_ms() only in FIN-WAIT-2 and CLOSE-WAIT. If both limits apply, the
 * shorter one counts. A FIN and a retransmission count as text; an ACK and a probe do not. An
 * orphan has limits of its own (expiry.c, record.c).
 *
 * These limits do not apply while the peer's window is open and our text or FIN is unsent or
 * unacknowledged. Then R2 and the user timeout decide (RFC 9293 section 3.8.3), and @left receives
 * the whole limit.
 *
 * Return: the reason for the end, XTCP_ABORT_IDLE or XTCP_ABORT_HALF_CLOSED; XTCP_ABORT_NONE:
 * there is no limit.
 */
enum xtcp_abort_reason xtcp_keepalive_idle(const struct sock *sk, unsigned long *left)
{
	const int half_closed = TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT;
	const int synchronized = half_closed | TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK;
	u32 idle_ms = xtcp_keepalive_idle_ms(sk), half_ms = xtcp_keepalive_half_closed_ms(sk);
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long most;
	u32 gone;

	sock_owned_by_me(sk);
	if (!((1 << sk->sk_state) & half_closed))
		half_ms = 0;
	if (!((1 << sk->sk_state) & synchronized) || sock_flag(sk, SOCK_DEAD) || (!idle_ms && !half_ms))
		return XTCP_ABORT_NONE;
	if (half_ms && idle_ms >= half_ms)
		idle_ms = 0;
	most = msecs_to_jiffies(idle_ms ?: half_ms);
	gone = without_text(xsk);
	/*
	 * our text or FIN is unsent or unacknowledged: these limits do not apply, but R2 and the
	 * user timeout do. This also holds while the text waits for pacing or for a queue of this
	 * machine
	 */
	if (xsk->snd.una != xsk->snd.write_seq && xsk->snd.wnd)
		*left = most;
	else
		*left = gone < most ? most - gone : 0;
	return idle_ms ? XTCP_ABORT_IDLE : XTCP_ABORT_HALF_CLOSED;
}

/**
 * xtcp_keepalive_established() - event: the connection is established
 * @sk: ESTABLISHED
 */
void xtcp_keepalive_established(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_timer_segment_received(sk);
	/*
	 * as in Linux: before the first text, the end of the handshake counts as the time when text
	 * was last sent
	 */
	xtcp_sk(sk)->snd_tstamp = xtcp_clock_stamp();
	xtcp_keepalive_changed(sk, 0);
}

/* Does a keepalive probe wait for its answer? Then timers.kept_alive is valid. */
static bool waits_for_answer(const struct xtcp_sock *xsk)
{
	return xsk->tries.keepalive_sent && xsk->snd.una == xsk->snd.write_seq;
}

/**
 * xtcp_keepalive_left() - how much of TCP_KEEPINTVL, counted from the last probe that counts, is
 * left?
 * @sk: the sock
 *
 * Return: jiffies; 0: the interval has passed, or no probe waits for its answer.
 */
unsigned long xtcp_keepalive_left(const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned long intvl = xtcp_keepalive_intvl(sk);
	u32 gone = (u32)jiffies - xsk->timers.kept_alive;

	sock_owned_by_me(sk);
	return waits_for_answer(xsk) && gone < intvl ? intvl - gone : 0;
}

/**
 * xtcp_keepalive_changed() - event: SO_KEEPALIVE or TCP_KEEPIDLE was set, or the connection is
 * established
 * @sk: the sock, in any state
 * @idle: how much of TCP_KEEPIDLE has passed, jiffies. As in Linux, 0 when keepalive was switched
 *	on: the peer may have been silent for long
 *
 * After TCP_KEEPIDLE a probe is due, even if TCP_KEEPINTVL has not passed since an earlier probe
 * that is unanswered. Such a probe does not count: setting an option again and again must not end
 * the connection. In Linux it counts. XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS do not change keepalive,
 * and call only xtcp_keepalive_limit_idle().
 */
void xtcp_keepalive_changed(struct sock *sk, u32 idle)
{
	unsigned long time = xtcp_keepalive_time(sk);

	sock_owned_by_me(sk);
	xtcp_timer_disarm(sk, XTCP_TIMER_KEEPALIVE);
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	if (xtcp_keepalive_is_on(sk)) {
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, time > idle ? time - idle : 0);
		xtcp_sk(sk)->timers.keepalive_asked = true;
	}
	xtcp_keepalive_limit_idle(sk);
}

/**
 * xtcp_keepalive_intvl_changed() - event: TCP_KEEPINTVL was set
 * @sk: the sock, in any state
 *
 * If the peer has not answered the last probe yet, the next probe is due one new interval after the
 * last probe. In Linux, the next probe still comes after the old interval. The new deadline is
 * computed from the time of the last probe, not from the old deadline, which may come from a limit
 * on the time without text.
 *
 * Exception: if TCP_KEEPIDLE or SO_KEEPALIVE was set after the last probe, the next one is due when
 * TCP_KEEPIDLE has passed.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_keepalive_intvl_changed(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (!waits_for_answer(xsk) || xsk->timers.keepalive_asked || !xtcp_timer_is_armed(xsk, XTCP_TIMER_KEEPALIVE))
		return;
	xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, xtcp_keepalive_left(sk));
	xtcp_keepalive_limit_idle(sk);
}

/* xtcp_keepalive_limit_idle() for a sock that probably has a limit */
static noinline void limit_idle(struct sock *sk)
{
	unsigned long left;

	if (!xtcp_keepalive_idle(sk, &left))
		return;
	if (xtcp_timer_is_armed(xtcp_sk(sk), XTCP_TIMER_KEEPALIVE))
		xtcp_timer_not_later(sk, XTCP_TIMER_KEEPALIVE, left);
	else
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE, left);
}

/**
 * xtcp_keepalive_limit_idle() - bring the keepalive deadline forward to the limit on time without
 * text, or set it if it is not set
 * @sk: the sock, in any state
 *
 * Called when the connection is half closed, when its timer has run, and when XTCP_IDLE_MS,
 * XTCP_HALF_CLOSED_MS or the keepalive deadline was set. A new value of a sysctl takes effect at
 * the next of these calls. xtcp_keepalive_idle() computes the limit.
 *
 * This function never postpones or drops a deadline, even if the limit has been raised or dropped.
 * A deadline that is too early does little harm: expiry.c finds out whether a probe or the limit is
 * due, and sets the next deadline.
 */
inline void xtcp_keepalive_limit_idle(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (unlikely(xtcp_keepalive_may_limit(sk)))
		limit_idle(sk);
}
