// SPDX-License-Identifier: GPL-2.0
/*
 * A table of the hosts to which a namespace has opened connections by TCP Fast Open (RFC 7413
 * section 4.1.3). As in Linux's tcp_metrics, a pair of addresses is the key. For each host the
 * table keeps the cookie, the MSS of the last SYN-ACK, and the number of SYNs with data that were
 * lost in a row.
 *
 * The table has a fixed size, so a namespace remembers a limited number of hosts, whatever peers
 * do. The first connection that needs the table allocates it; the memory is charged to the memory
 * control group of the connection's program. A keyed hash of the addresses selects a set of four
 * places. The host may be in any place of this set. If the set is full, a new host replaces the
 * host that was updated longest ago.
 *
 * Each set has a lock of its own. Only Fast Open takes this lock, to read or write one host.
 */
#include "fastopen/metrics.h"

#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"

#define SETS		64U
#define PLACES		4U		/* of a set; the table has 64 * 4 places, in 16 KiB */
/* with more losses in a row than this, SYNs to the host carry no data for a time */
#define LOSSES_ALLOWED	1U
/* seconds for which SYNs carry no data; doubled for each loss in a row, as in Linux before 4.14 */
#define LOSS_COUNTS	60U
/* more losses do not lengthen the time: 2^10 * 60 s are 17 hours */
#define LOSSES_MAX	10U

/*
 * @addrs: the local address and the host's address; IPv4 addresses are v4-mapped
 * @stamp: xtcp_clock_seconds() at the last write; 32-bit jiffies would wrap in 50 days
 * @last_loss: xtcp_clock_seconds() at the last loss of a SYN with data
 * @losses: number of SYNs with data that were lost in a row
 * @mss: the MSS in the host's SYN-ACK; 0: this place is unused
 * @cookie: the host's Fast Open cookie; length 0 or negative: no cookie is known
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

/* The table of the namespace, allocated at the first call; NULL without memory. */
static struct xtcp_metrics *metrics_of(struct xtcp_net *xn)
{
	/* pairs with cmpxchg() below */
	struct xtcp_metrics *metrics = smp_load_acquire(&xn->metrics), *other;
	unsigned int i;

	if (metrics)
		return metrics;
	metrics = kzalloc(sizeof(*metrics), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!metrics)
		return NULL;
	for (i = 0; i < SETS; i++)
		spin_lock_init(&metrics->sets[i].lock);
	/* cmpxchg() orders the writes above before the pointer to the table */
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

/*
 * Clears a place in @set for the new host @addrs: an unused place, or the place that was updated
 * least recently.
 */
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
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	addrs[0] = tuple.laddr;
	addrs[1] = tuple.faddr;
}

static bool is_avoided(const struct host *host)
{
	return host->losses > LOSSES_ALLOWED &&
	       xtcp_clock_seconds() - host->last_loss < LOSS_COUNTS << min_t(u32, host->losses, LOSSES_MAX);
}

/**
 * xtcp_metrics_get() - look up the host to which a connection is opened
 * @sk: SYN-SENT; its addresses are set
 * @cookie: receives the host's cookie; unchanged if the cookie is unknown
 * @mss: receives the host's MSS; unchanged if the host is unknown
 *
 * RFC 7413 section 4.1.3. Without memory for the table, nothing is remembered.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: false if SYNs with data were lost lately (section 4.1.3.1).
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
 * xtcp_metrics_set() - remember the answer to a SYN with the Fast Open option or with data
 * @sk: its addresses are set
 * @cookie: the cookie of the SYN-ACK; if its length is 0 or negative, the old cookie stays
 * @mss: the MSS of the SYN-ACK
 * @lost: the SYN with data was lost, but a SYN without data arrived
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_metrics_set(struct sock *sk, const struct xtcp_fastopen_cookie *cookie, u16 mss, bool lost)
{
	/* pairs with cmpxchg() in metrics_of() */
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
	host->stamp = xtcp_clock_seconds();
	host->mss = mss;
	if (cookie->len > 0)
		host->cookie = *cookie;
	if (lost) {
		host->losses = min_t(u32, host->losses + 1, LOSSES_MAX);
		host->last_loss = xtcp_clock_seconds();
	} else {
		host->losses = 0;
	}
	spin_unlock_bh(&set->lock);
}

/**
 * xtcp_metrics_net_exit() - free the table of a namespace
 * @xn: the namespace; without connections
 *
 * Context: process.
 */
void xtcp_metrics_net_exit(struct xtcp_net *xn)
{
	kfree(xn->metrics);
}
