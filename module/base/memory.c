// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that a sock must have although there is none left for it.
 *
 * Some octets are taken whatever tcp_mem and the control group say: without them a connection would stand still, and
 * nobody would ever give back what it holds. They are counted all the same, by all who count, so that others feel them.
 */
#include "base/memory.h"

#include <net/sock.h>

/* Apart: this takes more of the stack than all else here. */
static noinline_for_stack int charge_always(const struct sock *sk, int octets)
{
	/*
	 * The kernel's own way to do this is not for modules. But it never refuses a stream whose send buffer is full,
	 * since that one would not wait for memory: such a one stands in for the sock, and hands over what it got.
	 */
	struct sock full = {
		.sk_prot = sk->sk_prot,
		.sk_type = SOCK_STREAM,
		.sk_userlocks = SOCK_SNDBUF_LOCK,
#ifdef CONFIG_MEMCG
		.sk_memcg = sk->sk_memcg,
#endif
	};

	write_pnet(&full.sk_net, sock_net(sk));
	if (!__sk_mem_schedule(&full, octets, SK_MEM_SEND))
		WARN_ON_ONCE(1);
	return full.sk_forward_alloc;
}

/**
 * xtcp_memory_force() - have this much memory charged to the sock, whatever the limits say
 * @sk: the sock
 * @octets: what sk_mem_charge() is about to take
 *
 * Charged to tcp_mem, and to the sock's memory control group if it has one.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_memory_force(struct sock *sk, int octets)
{
	int missing = octets - sk->sk_forward_alloc;

	sock_owned_by_me(sk);
	if (missing > 0)
		sk_forward_alloc_add(sk, charge_always(sk, missing));
}
