// SPDX-License-Identifier: GPL-2.0
/*
 * struct xtcp_net: everything that xtcp has once per network namespace, and its life.
 *
 * A machine may have thousands of namespaces of which few ever use us. So a namespace has no more than its knobs, its
 * files in /proc and an empty map of ports, which segments look at, until its first socket of ours is made.
 *
 * A namespace ends when nobody has a file in it. What is left of us then are orphans and TIME-WAIT records: orphans are
 * reset while the devices still work (pre_exit), the rest goes once no packet can arrive any more (exit). Unloading the
 * module takes the same way in every namespace, after the handlers were restored.
 */
#include "base/netns.h"

#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/mutex.h>

#include "base/metrics.h"
#include "base/orphan.h"
#include "base/secret.h"
#include "base/sock.h"
#include "listen/entry.h"
#include "listen/fastopen.h"
#include "lookup/demux.h"
#include "lookup/listeners.h"
#include "out/ip_reply.h"
#include "ports/lease.h"
#include "ports/portmap.h"
#include "sight/mib.h"
#include "sight/proc.h"
#include "sysctl.h"
#include "time/record.h"

unsigned int xtcp_net_id;
unsigned int xtcp_shard_mask __read_mostly;

/* The leases of a namespace that has none. */
static unsigned long no_ports[BITS_TO_LONGS(XTCP_PORTS)];

/* What segments look at comes last: nothing is taken away again once it is there. */
static int make_parts(struct xtcp_net *xn)
{
	int err;

	lockdep_assert_held(&xn->starting);
	xtcp_secret_net_init(xn);
	err = xtcp_mib_net_init(xn);
	if (err)
		goto err_secret;
	err = xtcp_listeners_net_init(xn);
	if (err)
		goto err_mib;
	err = xtcp_demux_net_init(xn);
	if (err)
		goto err_listeners;
	err = xtcp_portmap_net_init(xn);
	if (err)
		goto err_demux;
	err = xtcp_ip_reply_net_init(xn);
	if (err)
		goto err_port;
	err = xtcp_orphan_net_init(xn);
	if (err)
		goto err_reply;
	err = xtcp_record_net_init(xn);
	if (err)
		goto err_orphan;
	err = xtcp_entry_net_init(xn);
	if (err)
		goto err_record;
	err = xtcp_lease_net_init(xn);
	if (err)
		goto err_entry;
	return 0;

err_entry:
	xtcp_entry_net_exit(xn);
err_record:
	xtcp_record_net_exit(xn);
err_orphan:
	xtcp_orphan_net_exit(xn);
err_reply:
	xtcp_ip_reply_net_exit(xn);
err_port:
	xtcp_portmap_net_exit(xn);
err_demux:
	xtcp_demux_net_exit(xn);
err_listeners:
	xtcp_listeners_net_exit(xn);
err_mib:
	xtcp_mib_net_exit(xn);
err_secret:
	xtcp_secret_net_exit(xn);
	return err;
}

static void end_parts(struct xtcp_net *xn)
{
	xtcp_entry_net_exit(xn);
	xtcp_record_net_exit(xn);
	xtcp_ip_reply_net_exit(xn);
	xtcp_portmap_net_exit(xn);
	xtcp_lease_net_exit(xn);
	xtcp_demux_net_exit(xn);
	xtcp_listeners_net_exit(xn);
	xtcp_orphan_net_exit(xn);
	xtcp_mib_net_exit(xn);
	xtcp_secret_net_exit(xn);
}

/**
 * xtcp_netns_start() - a socket of ours is about to be made in a namespace
 * @xn: the namespace
 *
 * Most namespaces of a machine never see one: until then they have the knobs and the files of /proc. Any user can make
 * namespaces and be the first in each, so what he causes is charged to the memory cgroup of who makes the socket.
 *
 * Context: process, may sleep.
 *
 * Return: 0 or a negative errno, with nothing left behind.
 */
int xtcp_netns_start(struct xtcp_net *xn)
{
	int err = 0;

	might_sleep();
	if (xtcp_netns_is_started(xn))
		return 0;
	mutex_lock(&xn->starting);
	if (!xn->started) {
		err = make_parts(xn);
		/* pairs with xtcp_netns_is_started() */
		smp_store_release(&xn->started, !err);
	}
	mutex_unlock(&xn->starting);
	return err;
}

static int __net_init netns_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	xn->net = net;
	xn->is_guest = net->user_ns != &init_user_ns;
	xn->port_bits = no_ports;
	mutex_init(&xn->starting);
	err = xtcp_sysctl_net_init(xn);
	if (err)
		return err;
	err = xtcp_proc_net_init(xn);
	if (err)
		xtcp_sysctl_net_exit(xn);
	return err;
}

static void __net_exit netns_pre_exit(struct net *net)
{
	if (xtcp_net(net)->started)
		xtcp_orphan_end_all(xtcp_net(net));
}

static void __net_exit netns_exit(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xtcp_proc_net_exit(xn);
	xtcp_sysctl_net_exit(xn);
	xtcp_fastopen_net_exit(xn);
	xtcp_metrics_net_exit(xn);
	if (xn->started)
		end_parts(xn);
}

static struct pernet_operations netns_ops = {
	.init = netns_init,
	.pre_exit = netns_pre_exit,
	.exit = netns_exit,
	.id = &xtcp_net_id,
	.size = sizeof(struct xtcp_net),
};

/**
 * xtcp_netns_init() - give every namespace, present and future, its struct xtcp_net
 *
 * Context: process, module init.
 *
 * Return: 0 or a negative errno.
 */
int xtcp_netns_init(void)
{
	xtcp_shard_mask = roundup_pow_of_two(min(num_possible_cpus(), XTCP_SHARDS_MAX)) - 1;
	return register_pernet_subsys(&netns_ops);
}

/**
 * xtcp_netns_exit() - end what every namespace has of us
 *
 * Context: process, module exit; no segment reaches us any more.
 */
void xtcp_netns_exit(void)
{
	unregister_pernet_subsys(&netns_ops);
}
