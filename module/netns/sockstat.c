// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/xtcp_sockstat: the line "TCP:" of /proc/net/sockstat and the line "TCP6:" of
 * /proc/net/sockstat6, for xtcp. The sums of the counters are computed only when the file is read.
 */
#include "netns/sockstat.h"

#include <linux/percpu_counter.h>
#include <linux/seq_file.h>
#include <net/sock.h>

#include "base/net.h"

/* The protocols over IPv4 and IPv6; counted6 is NULL without IPv6. */
static struct proto *counted, *counted6;

/**
 * xtcp_sockstat_set_protos() - set the protocols whose socks are counted
 * @prot: the protocol over IPv4; its counters of memory and of socks include the socks over IPv6
 * @prot6: the protocol over IPv6; NULL without IPv6
 *
 * Context: process, module init, before any namespace has its files.
 */
void xtcp_sockstat_set_protos(struct proto *prot, struct proto *prot6)
{
	counted = prot;
	counted6 = prot6;
}

/**
 * xtcp_sockstat_show() - show /proc/net/xtcp_sockstat
 * @m: the file; its private pointer is the namespace
 * @v: unused
 *
 * As in Linux, "inuse" counts the listeners and connections in the tables, without half-open
 * entries and records. "tw" counts the records, including those in FIN-WAIT-2. "alloc" (socks) and
 * "mem" (pages) count all namespaces together.
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_sockstat_show(struct seq_file *m, void *v)
{
	struct net *net = m->private;
	struct xtcp_net *xn = xtcp_net(net);
	s64 orphans = 0, records = 0;

	if (xtcp_netns_is_started(xn)) {
		orphans = percpu_counter_sum_positive(&xn->rest->orphans);
		records = percpu_counter_sum_positive(&xn->rest->records);
	}
	seq_printf(m, "TCP: inuse %d orphan %lld tw %lld alloc %lld mem %ld\n",
		   sock_prot_inuse_get(net, counted), orphans, records,
		   percpu_counter_sum_positive(counted->sockets_allocated),
		   max(atomic_long_read(counted->memory_allocated), 0L));
	if (counted6)
		seq_printf(m, "TCP6: inuse %d\n", sock_prot_inuse_get(net, counted6));
	return 0;
}
