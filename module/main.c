// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, in a fixed order.
 *
 * Each sock of ours holds the module until its memory is freed (end.c), and so do a descriptor,
 * a program that reads a file in /proc (proc.c), and a dump of sock_diag (diag.c). Meanwhile rmmod
 * fails. Unloading drops what is left then: half-open entries and TIME-WAIT records, which are no
 * socks. The order of the steps keeps segments, timers and RCU callbacks from running into freed
 * code:
 *
 *  0. take no algorithms any more (algorithms.c): one that is a module holds this module;
 *  1. let nothing new in: no netlink requests (set.c, diag.c), no sockets (family.c), no segments
 *     with a sock attached (early.c), and no other segments (interpose.c). early.c waits for a
 *     grace period; interpose.c restores the handlers and waits for another one;
 *  2. the namespaces end what they have: names (names.c), half-open entries, TIME-WAIT records, leases (ports
 *     reserved in kernel TCP's bind table), timers;
 *  3. wait for RCU callbacks (rcu_barrier()): they free entries and records into the slabs;
 *  4. free the slabs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <net/netevent.h>

#include "base/sender.h"
#include "expiry/expiry.h"
#include "in/in.h"
#include "listen/listen.h"
#include "netns/netns.h"
#include "ports/ports.h"
#include "sock/create.h"
#include "socket/socket.h"

/* In the order of init; each that has begun is ended in the reverse order. */
static const struct {
	int (*begin)(void);
	void (*end)(void);
} steps[] = {
	{ xtcp_algorithms_init },
	{ xtcp_stream_init, xtcp_stream_exit },
	{ xtcp_blackbox_init, xtcp_blackbox_exit },
	{ xtcp_orphan_init, xtcp_orphan_exit },
	{ xtcp_family_init, xtcp_family_exit },
	{ xtcp_conns_init, xtcp_conns_exit },
	{ xtcp_entry_init, xtcp_entry_exit },
	{ xtcp_record_init, xtcp_record_exit },
	{ .end = xtcp_skb_cache_exit },
	{ .end = xtcp_handshake_ack_exit },
	{ .end = xtcp_ao_exit },
	{ .end = rcu_barrier },
	{ xtcp_netns_init, xtcp_netns_exit },
	{ xtcp_interpose_init, xtcp_interpose_exit },
	{ xtcp_early_init, xtcp_early_exit },
	{ xtcp_names_init, xtcp_names_exit },
	{ xtcp_family_register, xtcp_family_unregister },
};

static void end_steps(int n)
{
	while (n--)
		if (steps[n].end)
			steps[n].end();
}

static int __init xtcp_init(void)
{
	int i, err = 0;

	xtcp_handshake_ack_init();
	for (i = 0; i < ARRAY_SIZE(steps) && !err; i++)
		err = steps[i].begin ? steps[i].begin() : 0;
	if (err)
		end_steps(i - 1);
	else
		register_netevent_notifier(&xtcp_algorithms_offers);
	return err;
}

static void __exit xtcp_exit(void)
{
	unregister_netevent_notifier(&xtcp_algorithms_offers);
	end_steps(ARRAY_SIZE(steps));
}

module_init(xtcp_init);
module_exit(xtcp_exit);

MODULE_DESCRIPTION("A second TCP next to the kernel's");
MODULE_AUTHOR("The xtcp developers");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
