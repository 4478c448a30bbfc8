// SPDX-License-Identifier: GPL-2.0
/*
 * struct xtcp_net: the state of xtcp in one network namespace.
 *
 * A machine may have thousands of namespaces, few of which ever use xtcp. So until a namespace has
 * its first socket of ours, it has only its knobs, its files in /proc and an empty map of ports,
 * which segments read.
 *
 * A namespace ends when no file refers to it any more. What is left of us are then orphans and
 * TIME-WAIT records. Orphans end in pre_exit, while the devices still work. All else goes in exit,
 * when no packet can arrive any more. Unloading the module does the same in every namespace, after
 * the handlers are restored.
 */
#include "base/netns.h"

#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/mutex.h>

#include "base/orphan.h"
#include "base/secret.h"
#include "base/sock.h"
#include "fastopen/fastopen.h"
#include "fastopen/metrics.h"
#include "listen/entry.h"
#include "lookup/demux.h"
#include "lookup/listeners.h"
#include "lookup/portmap.h"
#include "netns/proc.h"
#include "netns/sysctl.h"
#include "out/ip_reply.h"
#include "ports/lease.h"
#include "ports/portlist.h"
#include "sight/mib.h"
#include "timewait/record.h"

unsigned int xtcp_net_id;
unsigned int xtcp_shard_mask __read_mostly;

/* The port bits of a namespace without leases. */
static unsigned long no_ports[BITS_TO_LONGS(XTCP_PORTS)];

/* The leases come last, since segments read them: once they exist, nothing can fail. */
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
	err = xtcp_portlist_net_init(xn);
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
	xtcp_portlist_net_exit(xn);
	xtcp_demux_net_exit(xn);
	xtcp_listeners_net_exit(xn);
	xtcp_orphan_net_exit(xn);
	xtcp_mib_net_exit(xn);
	xtcp_secret_net_exit(xn);
}

/**
 * xtcp_netns_start() - set up a namespace for its first socket of ours
 * @xn: the namespace
 *
 * Before, it has only its knobs and its files in /proc. Any user can make namespaces, and the first
 * socket in each. So the memory is charged to the memory control group of the task that makes the
 * socket.
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
 * xtcp_netns_init() - give every present and future namespace its struct xtcp_net
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
 * xtcp_netns_exit() - remove struct xtcp_net from every namespace
 *
 * Context: process, module exit; no segment reaches us any more.
 */
void xtcp_netns_exit(void)
{
	unregister_pernet_subsys(&netns_ops);
}
