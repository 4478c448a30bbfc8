// SPDX-License-Identifier: GPL-2.0
/*
 * struct xtcp_net: the state of xtcp in one network namespace.
 *
 * A machine may have thousands of namespaces, and few of them ever use xtcp. So until a namespace
 * gets its first socket of ours, it has only its sysctls, its files in /proc, what a program has
 * set in it (such as rules and keys), and a pointer to an empty bitmap of ports. One bit of this
 * bitmap is tested for every arriving segment. Nearly all other state, such as struct xtcp_rest, is
 * made for that first socket.
 *
 * A namespace ends when no process, no file and no listener that waits for a successor (estate.c)
 * refers to it any more. Then the only xtcp connections left in it are orphans and records.
 * netns_pre_exit() resets the orphans, while the devices still work. netns_exit() frees everything
 * else, when no packet can arrive any more. When the module is unloaded, both run for every
 * namespace, after kernel TCP's handlers are restored.
 */
#include "netns/netns.h"

#include <linux/build_bug.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "base/base.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "fastopen/fastopen.h"
#include "listen/listen.h"
#include "lookup/attach.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "sight/sight.h"
#include "sock/create.h"
#include "timewait/timewait.h"

/*
 * Every namespace has a struct xtcp_net. If it had more than 512 octets, kmalloc() would round it
 * up to 1 KiB. Kernels that check their locks, and real-time kernels, have larger locks, so they
 * are left out.
 */
static_assert(sizeof(struct xtcp_net) <= 512 || IS_ENABLED(CONFIG_DEBUG_SPINLOCK) ||
	      IS_ENABLED(CONFIG_DEBUG_MUTEXES) || IS_ENABLED(CONFIG_DEBUG_LOCK_ALLOC) || IS_ENABLED(CONFIG_PREEMPT_RT));

/* The port bitmap of all namespaces that have no socket of ours yet. No bit is set. */
static unsigned long no_ports[BITS_TO_LONGS(XTCP_PORTS)];

static int orphans_init(struct xtcp_net *xn)
{
	return percpu_counter_init(&xn->rest->orphans, 0, GFP_KERNEL_ACCOUNT);
}

static void orphans_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(percpu_counter_sum(&xn->rest->orphans));
	percpu_counter_destroy(&xn->rest->orphans);
}

/*
 * The parts of a namespace's state, each with the functions of the file that owns the part. The
 * parts are made in this order and freed in the reverse order.
 */
static const struct part {
	int (*init)(struct xtcp_net *xn);
	void (*exit)(struct xtcp_net *xn);
} parts[] = {
	{ xtcp_guests_net_init, xtcp_guests_net_exit },
	{ xtcp_mib_net_init, xtcp_mib_net_exit },
	{ xtcp_blackbox_net_init, xtcp_blackbox_net_exit },
	{ xtcp_shard_net_init, xtcp_shard_net_exit },
	{ orphans_init, orphans_exit },
	{ xtcp_listeners_net_init, xtcp_listeners_net_exit },
	{ xtcp_demux_net_init, xtcp_demux_net_exit },
	{ xtcp_attach_net_init, xtcp_attach_net_exit },
	{ xtcp_portmaps_net_init, xtcp_portmaps_net_exit },
	{ xtcp_ip_reply_net_init, xtcp_ip_reply_net_exit },
	{ xtcp_record_net_init, xtcp_record_net_exit },
	{ xtcp_aborted_net_init, xtcp_aborted_net_exit },
	{ xtcp_estate_net_init, xtcp_estate_net_exit },
};

static void end_parts(struct xtcp_net *xn, unsigned int n)
{
	while (n--)
		parts[n].exit(xn);
}

/* Wipes the keys and frees struct xtcp_rest. All parts have ended, and there are no leases. */
static void end_rest(struct xtcp_net *xn)
{
	xtcp_secret_net_exit(xn);
	kfree(xn->rest);
	xn->rest = NULL;
}

/*
 * Makes struct xtcp_rest and all parts, then the lists of leases (our socks in kernel TCP's bind
 * table) and the bitmap of the leases' ports. Arriving segments use all of these as soon as this
 * bitmap exists, so no step that can fail may follow. Return: 0 or a negative errno; after an error
 * nothing is left.
 */
static int make_parts(struct xtcp_net *xn)
{
	unsigned int n;
	int err;

	lockdep_assert_held(&xn->starting);
	xn->rest = kzalloc(sizeof(*xn->rest), GFP_KERNEL_ACCOUNT);
	if (!xn->rest)
		return -ENOMEM;
	xn->rest->xn = xn;
	xtcp_secret_net_init(xn);
	for (n = 0; n < ARRAY_SIZE(parts); n++) {
		err = parts[n].init(xn);
		if (err)
			goto fail;
	}
	err = xtcp_portlist_net_init(xn);
	if (err)
		goto fail;
	return 0;

fail:
	end_parts(xn, n);
	end_rest(xn);
	return err;
}

/**
 * xtcp_netns_start() - set up a namespace for its first socket of ours
 * @xn: the namespace
 *
 * Any user can make namespaces, and sockets in them. So the memory is charged to the memory control
 * group of the task that makes the first socket.
 *
 * Context: process, may sleep.
 *
 * Return: 0 or a negative errno; after an error nothing is left behind.
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
		/* pairs with smp_load_acquire() in xtcp_netns_is_started() */
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
	mutex_init(&xn->policy_lock);
	err = xtcp_sysctl_net_init(xn);
	if (err)
		return err;
	err = xtcp_proc_net_init(xn);
	if (err)
		xtcp_sysctl_net_exit(xn);
	return err;
}

/*
 * Returns the first orphan of a shard, with a reference; NULL if the shard has none. The list holds
 * a reference to each orphan, so the orphan is not freed before this function takes another
 * reference.
 */
static struct sock *first_orphan(struct xtcp_shard *shard)
{
	struct xtcp_endpoint *ep;

	spin_lock_bh(&shard->lock);
	ep = list_first_entry_or_null(&shard->orphans, struct xtcp_endpoint, accept_node);
	if (ep)
		sock_hold(xtcp_sk_of(ep));	/* end_orphan() puts this reference */
	spin_unlock_bh(&shard->lock);
	return ep ? xtcp_sk_of(ep) : NULL;
}

/* Ends an orphan, and puts the caller's reference. @tell: send a RST. */
static void end_orphan(struct sock *sk, bool tell)
{
	local_bh_disable();
	bh_lock_sock(sk);
	if (tell)
		xtcp_sock_abort(sk, 0, XTCP_ABORT_NETNS);
	else
		xtcp_sock_fail(sk, 0, XTCP_ABORT_NETNS);
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
}

/*
 * Ends all full socks that are left in a namespace that ends; they are all orphans. Routes and
 * devices still exist, so a RST can reach the peer. But a RST passes the netfilter rules of the
 * namespace. A user may have made these rules slow on purpose, and other namespaces cannot end
 * until this namespace has ended. So RSTs are sent only for XTCP_TELL_TIME.
 *
 * When the module is unloaded, xtcp_held_take() fails, so transmit() drops each RST.
 * Otherwise a RST could wait in a queue below TCP, such as a qdisc, and unloading would wait for
 * it. The peer still gets a RST when it sends its next segment, which kernel TCP answers.
 */
static void end_orphans(struct xtcp_net *xn)
{
	const unsigned long told_until = jiffies + XTCP_TELL_TIME;
	bool found = false;
	struct sock *sk;
	unsigned int i;

	for (i = 0; i <= xtcp_shard_mask; i++) {
		while ((sk = first_orphan(&xn->shards[i]))) {
			end_orphan(sk, time_before(jiffies, told_until));
			found = true;
			cond_resched();
		}
	}
	/*
	 * before the devices are removed, the kernel waits for a grace period, in which softirqs
	 * deliver the RSTs. A kernel for one processor does not wait, so wait here for a tick
	 */
	if (found && !IS_ENABLED(CONFIG_SMP))
		schedule_timeout_uninterruptible(1);
}

static void __net_exit netns_pre_exit(struct net *net)
{
	if (xtcp_net(net)->started)
		end_orphans(xtcp_net(net));
}

static void __net_exit netns_exit(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xtcp_proc_net_exit(xn);
	xtcp_sysctl_net_exit(xn);
	xtcp_fastopen_net_exit(xn);
	kfree(xn->paths);
	xtcp_policy_net_exit(xn);
	if (!xn->started)
		return;
	/*
	 * end the parts before the lists of leases: entries and records put their leases when they
	 * end
	 */
	end_parts(xn, ARRAY_SIZE(parts));
	xtcp_portlist_net_exit(xn);
	end_rest(xn);
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
