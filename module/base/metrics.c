// SPDX-License-Identifier: GPL-2.0
/*
 * What a namespace remembers of the hosts that it has opened connections to, by both addresses, as Linux's tcp_metrics:
 * for TCP Fast Open (RFC 7413 section 4.1.3) the cookie, the MSS that came with it, and how often in a row a SYN with
 * text was lost.
 *
 * A table of one size, made when the first connection asks for it and charged to that program's memory cgroup: so many
 * hosts a namespace remembers, whatever peers do. The hash, which has a key, names a set, of which a host has any
 * place; a new one takes that of the one that was not heard of for longest.
 *
 * Each set has a lock of its own, which only connections take that open fast, to copy what stands there.
 */
#include "base/metrics.h"

#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "base/netns.h"
#include "base/sock.h"
#include "pure/options.h"

#define SETS		64U
#define PLACES		4U		/* so 256 hosts in all, in 16 KiB */
#define LOSSES_ALLOWED	1U		/* as many SYNs with text may be lost in a row without a consequence */
#define LOSS_COUNTS	(60 * HZ)	/* doubles with each, as in Linux before 4.14 */
#define LOSSES_MAX	10U		/* 17 hours */

/*
 * @stamp: jiffies when it was written last
 * @last_loss: jiffies when the last SYN with text was lost
 * @losses: how many in a row
 * @mss: what the host's SYN-ACK said; 0: nothing is known, and the place is free
 */
struct host {
	struct in6_addr addrs[2];
	u32 stamp;
	u32 last_loss;
	u16 mss;
	u8 losses;
	struct xtcp_fastopen_cookie cookie;
};

struct host_set {
	spinlock_t lock;	/* guards @hosts; process, softirq; nests inside a socket lock */
	struct host hosts[PLACES];
};

struct xtcp_metrics {
	struct host_set sets[SETS];
};

/* The table of the namespace, made if need be; NULL without memory. */
static struct xtcp_metrics *metrics_of(struct xtcp_net *xn)
{
	/* pairs with the one below */
	struct xtcp_metrics *metrics = smp_load_acquire(&xn->metrics), *other;
	unsigned int i;

	if (metrics)
		return metrics;
	metrics = kzalloc(sizeof(*metrics), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!metrics)
		return NULL;
	for (i = 0; i < SETS; i++)
		spin_lock_init(&metrics->sets[i].lock);
	/* who finds it finds it complete */
	other = cmpxchg(&xn->metrics, NULL, metrics);
	if (!other)
		return metrics;
	kfree(metrics);
	return other;
}

static struct host_set *set_of(const struct xtcp_net *xn, struct xtcp_metrics *metrics, const struct in6_addr *addrs)
{
	return &metrics->sets[siphash(addrs, 2 * sizeof(*addrs), &xn->tuple_key) % SETS];
}

static struct host *find_host(struct host_set *set, const struct in6_addr *addrs)
{
	unsigned int i;

	lockdep_assert_held(&set->lock);
	for (i = 0; i < PLACES; i++)
		if (set->hosts[i].mss && !memcmp(set->hosts[i].addrs, addrs, sizeof(set->hosts[i].addrs)))
			return &set->hosts[i];
	return NULL;
}

/* A place for one that has none. */
static struct host *new_host(struct host_set *set, const struct in6_addr *addrs)
{
	struct host *host = &set->hosts[0];
	unsigned int i;

	lockdep_assert_held(&set->lock);
	for (i = 1; i < PLACES && host->mss; i++)
		if (!set->hosts[i].mss || (s32)(set->hosts[i].stamp - host->stamp) < 0)
			host = &set->hosts[i];
	memset(host, 0, sizeof(*host));
	memcpy(host->addrs, addrs, sizeof(host->addrs));
	return host;
}

static void addresses_of(const struct sock *sk, struct in6_addr *addrs)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn);

	addrs[0] = tuple.laddr;
	addrs[1] = tuple.faddr;
}

static bool is_avoided(const struct host *host)
{
	return host->losses > LOSSES_ALLOWED &&
	       (u32)jiffies - host->last_loss < (u32)LOSS_COUNTS << min_t(u32, host->losses, LOSSES_MAX);
}

/**
 * xtcp_metrics_get() - what is known of the host that a connection is opened to
 * @sk: SYN-SENT; its addresses are known
 * @cookie: the cookie that host gave out; unchanged if it is not known
 * @mss: what it said then; unchanged if it is not known
 *
 * RFC 7413 section 4.1.3. Without memory nothing is known, and nothing will be.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: false: SYNs with text were lost on the way lately (section 4.1.3.1).
 */
bool xtcp_metrics_get(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss)
{
	struct xtcp_metrics *metrics = metrics_of(xtcp_net_of(sk));
	struct in6_addr addrs[2];
	struct host_set *set;
	struct host *host;
	bool avoid = false;

	sock_owned_by_me(sk);
	if (!metrics)
		return true;
	addresses_of(sk, addrs);
	set = set_of(xtcp_net_of(sk), metrics, addrs);
	spin_lock_bh(&set->lock);
	host = find_host(set, addrs);
	if (host) {
		*mss = host->mss;
		if (host->cookie.len > 0)
			*cookie = host->cookie;
		avoid = is_avoided(host);
	}
	spin_unlock_bh(&set->lock);
	return !avoid;
}

/**
 * xtcp_metrics_set() - a host has answered a SYN that had the Fast Open option
 * @sk: its addresses are known
 * @cookie: what the SYN-ACK gives out; 0 octets or fewer: the one before stays
 * @mss: what the SYN-ACK says
 * @lost: the SYN with text did not arrive, one without did
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_metrics_set(struct sock *sk, const struct xtcp_fastopen_cookie *cookie, u16 mss, bool lost)
{
	/* pairs with the one that makes it */
	struct xtcp_metrics *metrics = smp_load_acquire(&xtcp_net_of(sk)->metrics);
	struct in6_addr addrs[2];
	struct host_set *set;
	struct host *host;

	sock_owned_by_me(sk);
	if (!metrics)
		return;
	addresses_of(sk, addrs);
	set = set_of(xtcp_net_of(sk), metrics, addrs);
	spin_lock_bh(&set->lock);
	host = find_host(set, addrs) ?: new_host(set, addrs);
	host->stamp = (u32)jiffies;
	host->mss = mss;
	if (cookie->len > 0)
		host->cookie = *cookie;
	if (lost) {
		host->losses = min_t(u32, host->losses + 1, LOSSES_MAX);
		host->last_loss = (u32)jiffies;
	} else {
		host->losses = 0;
	}
	spin_unlock_bh(&set->lock);
}

/**
 * xtcp_metrics_net_exit() - a namespace forgets
 * @xn: the namespace; no connection is left in it
 *
 * Context: process.
 */
void xtcp_metrics_net_exit(struct xtcp_net *xn)
{
	kfree(xn->metrics);
}
