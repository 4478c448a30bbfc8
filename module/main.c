// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload, in a fixed order.
 *
 * Each sock of ours holds the module until its memory is freed (closed.c), and so do a descriptor,
 * a program that reads a file in /proc (proc.c), and a dump of sock_diag (diag.c). Meanwhile rmmod
 * fails. Unloading drops what is left then: half-open entries and TIME-WAIT records, which are no
 * socks. The order of the steps keeps segments, timers and RCU callbacks from running into freed
 * code:
 *
 *  0. take no algorithms any more (algorithms.c): one that is a module holds this module;
 *  1. let nothing new in: no netlink requests (set.c, diag.c), no sockets (family.c), no segments
 *     with a sock attached (early.c), and no other segments (interpose.c). early.c waits for a
 *     grace period; interpose.c restores the handlers and waits for another one;
 *  2. the namespaces end what they have: half-open entries, TIME-WAIT records, leases (ports
 *     reserved in kernel TCP's bind table), timers;
 *  3. wait for RCU callbacks (rcu_barrier()): they free entries and records into the slabs;
 *  4. free the slabs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/netevent.h>

#include "auth/auth.h"
#include "base/base.h"
#include "base/net.h"
#include "base/sender.h"
#include "cong/cong.h"
#include "expiry/expiry.h"
#include "in/in.h"
#include "listen/listen.h"
#include "lookup/lookup.h"
#include "netns/netns.h"
#include "ports/ports.h"
#include "sendq/sendq.h"
#include "sight/sight.h"
#include "sock/create.h"
#include "socket/socket.h"
#include "timewait/timewait.h"

/* all.c is compiled with -fwhole-program, which hides every function without __visible */
__visible int init_module(void);
__visible void cleanup_module(void);

static int __init xtcp_init(void)
{
	int err;

	xtcp_handshake_ack_init();
	err = xtcp_algorithms_init();
	if (err)
		return err;
	err = xtcp_stream_init();
	if (err)
		return err;
	err = xtcp_blackbox_init();
	if (err)
		goto err_stream;
	err = xtcp_orphan_init();
	if (err)
		goto err_blackbox;
	err = xtcp_family_init();
	if (err)
		goto err_orphan;
	err = xtcp_conns_init();
	if (err)
		goto err_family;
	err = xtcp_entry_init();
	if (err)
		goto err_conns;
	err = xtcp_record_init();
	if (err)
		goto err_entry;
	err = xtcp_netns_init();
	if (err)
		goto err_record;
	err = xtcp_interpose_init();
	if (err)
		goto err_netns;
	err = xtcp_early_init();
	if (err)
		goto err_interpose;
	err = xtcp_family_register();
	if (err)
		goto err_early;
	register_netevent_notifier(&xtcp_algorithms_offers);
	return 0;

err_early:
	xtcp_early_exit();
err_interpose:
	xtcp_interpose_exit();
err_netns:
	xtcp_netns_exit();
err_record:
	xtcp_record_exit();
err_entry:
	xtcp_entry_exit();
err_conns:
	xtcp_conns_exit();
err_family:
	xtcp_family_exit();
err_orphan:
	xtcp_orphan_exit();
err_blackbox:
	xtcp_blackbox_exit();
err_stream:
	xtcp_stream_exit();
	return err;
}

static void __exit xtcp_exit(void)
{
	unregister_netevent_notifier(&xtcp_algorithms_offers);
	xtcp_family_unregister();
	xtcp_early_exit();
	xtcp_interpose_exit();
	xtcp_netns_exit();
	rcu_barrier();
	xtcp_ao_exit();
	xtcp_handshake_ack_exit();
	xtcp_skb_cache_exit();
	xtcp_record_exit();
	xtcp_entry_exit();
	xtcp_conns_exit();
	xtcp_family_exit();
	xtcp_orphan_exit();
	xtcp_blackbox_exit();
	xtcp_stream_exit();
}

module_init(xtcp_init);
module_exit(xtcp_exit);

MODULE_DESCRIPTION("A second TCP next to the kernel's");
MODULE_AUTHOR("The xtcp developers");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
