// SPDX-License-Identifier: GPL-2.0
/* Allocates and frees struct xtcp_seldom, the fields that few sockets need. */
#include "base/seldom.h"

#include <linux/slab.h>

/**
 * xtcp_seldom_get() - get a sock's struct xtcp_seldom; the first call allocates it
 * @sk: not destroyed
 * @gfp: GFP_KERNEL_ACCOUNT, or GFP_ATOMIC in softirq
 *
 * Context: as @gfp says. Lock: socket, held.
 *
 * Return: the struct, or NULL without memory.
 */
struct xtcp_seldom *xtcp_seldom_get(struct sock *sk, gfp_t gfp)
{
	struct xtcp_seldom *seldom = xtcp_seldom(sk);

	sock_owned_by_me(sk);
	if (seldom)
		return seldom;
	seldom = kzalloc(sizeof(*seldom), gfp);
	if (!seldom)
		return NULL;
	/* softirq reads the pointer without the socket lock, and must find zeroed fields */
	smp_store_release(&xtcp_endpoint(sk)->seldom, (unsigned long)seldom);
	return seldom;
}

/**
 * xtcp_seldom_get_for_keys() - as xtcp_seldom_get(), for a sock that will have a key
 * @sk: as for xtcp_seldom_get()
 * @gfp: as for xtcp_seldom_get()
 *
 * From now on xtcp_seldom_signs() is true, so keys are looked up for each segment that arrives or
 * is sent.
 *
 * Context: as @gfp says. Lock: socket, held.
 *
 * Return: the struct, or NULL without memory.
 */
struct xtcp_seldom *xtcp_seldom_get_for_keys(struct sock *sk, gfp_t gfp)
{
	struct xtcp_seldom *seldom = xtcp_seldom_get(sk, gfp);

	sock_owned_by_me(sk);
	if (!seldom)
		return NULL;
	/*
	 * softirq must find zeroed fields, as in xtcp_seldom_get(). The bit is set before the sock
	 * gets a key, so that no key is overlooked
	 */
	smp_store_release(&xtcp_endpoint(sk)->seldom, (unsigned long)seldom | XTCP_SELDOM_SIGNS);
	return seldom;
}

/**
 * xtcp_seldom_set_ack_rate() - set XTCP_ACK_RATE
 * @sk: as for xtcp_seldom_get()
 * @rate: full segments per ACK, at most %XTCP_ACKRATE_MAX; 0: request no ACK rate of the peer
 * @gfp: as for xtcp_seldom_get()
 *
 * Context: as @gfp says. Lock: socket, held.
 *
 * Return: 0, or -ENOMEM.
 */
int xtcp_seldom_set_ack_rate(struct sock *sk, u8 rate, gfp_t gfp)
{
	struct xtcp_seldom *seldom;

	sock_owned_by_me(sk);
	if (rate == xtcp_seldom_ack_rate(sk))
		return 0;
	seldom = xtcp_seldom_get(sk, gfp);
	if (!seldom)
		return -ENOMEM;
	WRITE_ONCE(seldom->ack_rate, rate);
	return 0;
}

/**
 * xtcp_seldom_set_idle() - set XTCP_IDLE_MS and XTCP_HALF_CLOSED_MS
 * @sk: as for xtcp_seldom_get()
 * @idle_ms: milliseconds; 0: only the limit of net.xtcp.idle_ms applies
 * @half_closed_ms: milliseconds; 0: only the limit of net.xtcp.half_closed_ms applies
 * @gfp: as for xtcp_seldom_get()
 *
 * Context: as @gfp says. Lock: socket, held.
 *
 * Return: 0, or -ENOMEM.
 */
int xtcp_seldom_set_idle(struct sock *sk, u32 idle_ms, u32 half_closed_ms, gfp_t gfp)
{
	struct xtcp_seldom *seldom = xtcp_seldom(sk);

	sock_owned_by_me(sk);
	if (!seldom && !idle_ms && !half_closed_ms)
		return 0;
	seldom = xtcp_seldom_get(sk, gfp);
	if (!seldom)
		return -ENOMEM;
	WRITE_ONCE(seldom->idle_ms, idle_ms);
	WRITE_ONCE(seldom->half_closed_ms, half_closed_ms);
	return 0;
}

/**
 * xtcp_seldom_free() - free a sock's struct xtcp_seldom
 * @sk: a sock whose memory is being freed; no Fast Open state and no keys are left
 *
 * Context: RCU callback, or process.
 */
void xtcp_seldom_free(struct sock *sk)
{
	struct xtcp_seldom *seldom = xtcp_seldom(sk);

	if (likely(!seldom))
		return;
	WARN_ON_ONCE(seldom->fastopenq || !hlist_empty(&seldom->keys) || seldom->ao);
	kfree(seldom);
}
