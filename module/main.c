// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, in a fixed order.
 *
 * Each sock of ours holds the module until its memory is freed (end.c), and so do a descriptor, a
 * program that reads a file in /proc (proc.c), and a dump of sock_diag (diag.c). Meanwhile rmmod
 * fails. Unloading drops what is left then: half-open entries and TIME-WAIT records, which are no
 * socks. The order of the parts keeps segments, timers and RCU callbacks from freed code:
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

static const struct xtcp_part callbacks = { .end = rcu_barrier };

/* In the order of begin; each that has begun is ended in the reverse order. */
static const struct xtcp_part *const parts[] = {
	&xtcp_algorithms_part,
	&xtcp_stream_part,
	&xtcp_blackbox_part,
	&xtcp_orphan_part,
	&xtcp_family_part,
	&xtcp_conns_part,
	&xtcp_entry_part,
	&xtcp_records_part,
	&xtcp_skb_cache_part,
	&xtcp_handshake_ack_part,
	&xtcp_ao_part,
	&callbacks,
	&xtcp_netns_part,
	&xtcp_interpose_part,
	&xtcp_early_part,
	&xtcp_names_part,
	&xtcp_sockets_part,
};

static void end_parts(int n)
{
	while (n--)
		if (parts[n]->end)
			parts[n]->end();
}

static int __init xtcp_init(void)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = parts[i]->begin ? parts[i]->begin() : 0;
	if (err)
		end_parts(i - 1);
	else
		register_netevent_notifier(&xtcp_algorithms_offers);
	return err;
}

static void __exit xtcp_exit(void)
{
	unregister_netevent_notifier(&xtcp_algorithms_offers);
	end_parts(ARRAY_SIZE(parts));
}

module_init(xtcp_init);
module_exit(xtcp_exit);

MODULE_DESCRIPTION("A second TCP next to the kernel's");
MODULE_AUTHOR("The xtcp developers");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
