// SPDX-License-Identifier: GPL-2.0
/*
 * The connection state (RFC 9293 section 3.3.2).
 *
 * Only this file changes sk_state. The values are the kernel's TCP_*, so ss, bpf and the tracepoint
 * inet_sock_set_state treat them as states of kernel TCP. TCP_TIME_WAIT and TCP_NEW_SYN_RECV never
 * occur in a sock, since the kernel would take the sock for one of its mini-sockets. A connection
 * in TIME-WAIT is a record instead (timewait.c). A connection that has come to SYN-RECEIVED from
 * LISTEN is an entry (halfopen.c) until its handshake is complete. A sock is in SYN-RECEIVED only
 * after a Fast Open (fastopen.c), after a simultaneous open, or for a moment when an entry becomes
 * a child.
 */
#include "base/state.h"

#include <linux/bug.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/tcp_states.h>

#include "base/endpoint.h"
#include "sight/sight.h"

#define S(name) (1 << TCP_##name)

/*
 * The legal state transitions: those of RFC 9293 figure 5 that a sock makes, those of Fast Open,
 * and the transition of a listener's clone. A transition to CLOSE is always legal.
 */
static const u16 legal[TCP_MAX_STATES] = {
	[TCP_CLOSE] = S(LISTEN) | S(SYN_SENT),
	[TCP_LISTEN] = S(SYN_RECV),	/* the clone of a listener becomes a child */
	[TCP_SYN_SENT] = S(SYN_RECV) | S(ESTABLISHED),
	[TCP_SYN_RECV] = S(ESTABLISHED) | S(FIN_WAIT1) | S(CLOSE_WAIT),
	[TCP_ESTABLISHED] = S(FIN_WAIT1) | S(CLOSE_WAIT),
	[TCP_FIN_WAIT1] = S(FIN_WAIT2) | S(CLOSING),
	[TCP_FIN_WAIT2] = 0,
	[TCP_CLOSE_WAIT] = S(LAST_ACK),
	[TCP_CLOSING] = 0,
	[TCP_LAST_ACK] = 0,
};

/**
 * xtcp_state_name() - get the name of a state
 * @state: TCP_*
 *
 * Context: any.
 *
 * Return: the name as RFC 9293 section 3.3.2 writes it.
 */
const char *xtcp_state_name(int state)
{
	static const char * const names[TCP_MAX_STATES] = {
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECV] = "SYN-RECEIVED",
		[TCP_FIN_WAIT1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT2] = "FIN-WAIT-2",
		[TCP_TIME_WAIT] = "TIME-WAIT",
		[TCP_CLOSE] = "CLOSED",
		[TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK",
		[TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
		[TCP_NEW_SYN_RECV] = "SYN-RECEIVED",
	};

	return state > 0 && state < TCP_MAX_STATES && names[state] ? names[state] : "?";
}

/*
 * Update the Tcp: counters that depend on the state: CurrEstab, EstabResets, AttemptFails (RFC
 * 4022).
 */
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
 * Generic socket code calls sk_unhashed() to learn whether the protocol can find the sock.
 * sk_unhashed() tests sk_node.pprev, so set pprev according to the state. Since a listener looks
 * hashed, SO_ATTACH_REUSEPORT_* fails for a listener without a group, as in kernel TCP. For an
 * unhashed sock with SO_REUSEPORT, these options create a group.
 */
static void tell_core(struct sock *sk, int state)
{
	sk->sk_node.pprev = state == TCP_CLOSE ? NULL : &sk->sk_node.next;
}

/**
 * xtcp_state_set() - move a connection to another state
 * @sk: the sock
 * @state: TCP_*; never TCP_TIME_WAIT or TCP_NEW_SYN_RECV
 *
 * Also counts and traces the change, and fires the kernel's tracepoint inet_sock_set_state. RFC
 * 9293 section 3.3.2.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_state_set(struct sock *sk, int state)
{
	int old = sk->sk_state;

	sock_owned_by_me(sk);
	if (old == state)
		return;
	WARN_ON_ONCE(state != TCP_CLOSE && !(legal[old] & (1 << state)));
	count(sk, old, state);
	trace_xtcp_state(sk, old, state);
	xtcp_blackbox_state(sk, state);
	tell_core(sk, state);
	/*
	 * pairs with inet_sk_state_load(): who reads the new state without the lock also sees what
	 * was written before it. inet_sk_set_state() is a plain store, and the kernel does not export
	 * the one that is a release
	 */
	smp_wmb();
	inet_sk_set_state(sk, state);
}
