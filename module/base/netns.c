// SPDX-License-Identifier: GPL-2.0
/*
 * struct xtcp_net: everything that xtcp has once per network namespace, and its life.
 *
 * A namespace ends when nobody has a file in it. What is left of us then are orphans and TIME-WAIT records: orphans are
 * reset while the devices still work (pre_exit), the rest goes once no packet can arrive any more (exit). Unloading the
 * module takes the same way in every namespace, after the handlers were restored.
 */
#include "base/netns.h"

#include "base/secret.h"
#include "base/sock.h"
#include "lookup/demux.h"
#include "lookup/listeners.h"
#include "out/ip_reply.h"
#include "ports/lease.h"
#include "ports/port.h"
#include "sight/mib.h"
#include "sight/proc.h"
#include "sysctl.h"
#include "time/record.h"

unsigned int xtcp_net_id;

static int __net_init netns_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	xn->net = net;
	atomic_set(&xn->orphans, 0);
	xtcp_secret_net_init(xn);
	err = xtcp_mib_net_init(xn);
	if (err)
		goto err_secret;
	xtcp_listeners_net_init(xn);
	err = xtcp_demux_net_init(xn);
	if (err)
		goto err_mib;
	err = xtcp_lease_net_init(xn);
	if (err)
		goto err_demux;
	err = xtcp_port_net_init(xn);
	if (err)
		goto err_lease;
	err = xtcp_ip_reply_net_init(xn);
	if (err)
		goto err_port;
	err = xtcp_record_net_init(xn);
	if (err)
		goto err_reply;
	err = xtcp_sysctl_net_init(xn);
	if (err)
		goto err_record;
	err = xtcp_proc_net_init(xn);
	if (err)
		goto err_sysctl;
	return 0;

err_sysctl:
	xtcp_sysctl_net_exit(xn);
err_record:
	xtcp_record_net_exit(xn);
err_reply:
	xtcp_ip_reply_net_exit(xn);
err_port:
	xtcp_port_net_exit(xn);
err_lease:
	xtcp_lease_net_exit(xn);
err_demux:
	xtcp_demux_net_exit(xn);
err_mib:
	xtcp_mib_net_exit(xn);
err_secret:
	xtcp_secret_net_exit(xn);
	return err;
}

static void __net_exit netns_pre_exit(struct net *net)
{
	xtcp_sock_abort_net(net);
}

static void __net_exit netns_exit(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xtcp_proc_net_exit(xn);
	xtcp_sysctl_net_exit(xn);
	xtcp_record_net_exit(xn);
	xtcp_ip_reply_net_exit(xn);
	xtcp_port_net_exit(xn);
	xtcp_lease_net_exit(xn);
	xtcp_demux_net_exit(xn);
	xtcp_listeners_net_exit(xn);
	xtcp_mib_net_exit(xn);
	xtcp_secret_net_exit(xn);
	WARN_ON_ONCE(atomic_read(&xn->orphans));
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
