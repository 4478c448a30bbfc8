/* SPDX-License-Identifier: GPL-2.0 */
/* struct xtcp_net: everything that xtcp has once per network namespace, and its life. */
#ifndef XTCP_NETNS_H
#define XTCP_NETNS_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu_counter.h>
#include <linux/rhashtable-types.h>
#include <linux/seqlock.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/snmp.h>

#include "ports/lease.h"
#include "pure/cookie.h"

struct ctl_table_header;
struct sock;
struct xtcp_cong_ops;
struct xtcp_fastopen_keys;
struct xtcp_metrics;
struct xtcp_portmaps;

/**
 * struct xtcp_sysctl - net.xtcp.*, with the names, units, ranges and defaults of Linux's tcp_*, where it has such
 *
 * Read without a lock, by READ_ONCE; written by sysctl.c and algorithms.c alone.
 */
struct xtcp_sysctl {
	u8 abort_on_overflow;
	u8 autocorking;
	u8 dsack;
	u8 early_retrans;
	u8 ecn;
	u8 ecn_fallback;
	u8 ecn_option;
	u8 ecn_option_beacon;
	u8 frto;
	u8 keepalive_probes;
	u8 min_tso_segs;
	u8 moderate_rcvbuf;
	u8 mtu_probing;
	u8 orphan_retries;
	u8 retries1;
	u8 retries2;
	u8 rfc1337;
	u8 sack;
	u8 slow_start_after_idle;
	u8 stdurg;
	u8 syn_retries;
	u8 synack_retries;
	u8 syncookies;
	u8 timestamps;
	u8 tso_rtt_log;
	u8 timewait_reuse;	/* tw_reuse, which the kernel has as a macro */
	u8 window_scaling;
	int base_mss;		/* octets */
	int coalesce_usecs;	/* microseconds */
	int fin_timeout;	/* jiffies */
	int invalid_ratelimit;	/* jiffies */
	int keepalive_intvl;	/* jiffies */
	int keepalive_time;	/* jiffies */
	int limit_output_bytes;
	int max_orphans;
	int max_syn_backlog;
	int max_tw_buckets;
	int min_snd_mss;
	int pacing_ca_ratio;	/* percent */
	int pacing_ss_ratio;
	int mtu_probe_floor;	/* octets */
	int probe_interval;	/* seconds */
	int probe_threshold;	/* octets */
	int timewait_ms;
	unsigned int notsent_lowat;	/* octets */
	int rmem[3];		/* octets: min, default, max */
	int wmem[3];
	const struct xtcp_cong_ops *congestion_control;
	int fastopen;		/* XTCP_FASTOPEN_* */
	int fastopen_blackhole_timeout_sec;
};

/* Of a namespace: as many as there are processors, up to this, so that they seldom wait for each other. */
#define XTCP_SHARDS_MAX		16U

extern unsigned int xtcp_shard_mask;

/**
 * struct xtcp_shard - the records and orphans of a namespace whose hash ends in the same bits
 * @lock: guards it
 * @tw_list: TIME-WAIT records, oldest first
 * @fin_wait2_list: records of orphans in FIN-WAIT-2, next to end first
 * @tw_timer: ends records
 * @orphans: socks without a file, by xtcp_sock.accept_node
 * @xn: the namespace
 */
struct xtcp_shard {
	spinlock_t lock;	/* see above */
	struct list_head tw_list;
	struct list_head fin_wait2_list;
	struct timer_list tw_timer;
	struct list_head orphans;
	struct xtcp_net *xn;
} ____cacheline_aligned_in_smp;

/**
 * struct xtcp_net - xtcp in one namespace
 * @net: the namespace
 * @sysctl: the knobs
 * @started: a socket of ours has been made here, and all below is there (xtcp_netns_start())
 * @is_guest: belongs to another user namespace than the machine's own: any user can make such, so what they take of the
 *	memory is limited
 * @early: has the hooks of early.c
 * @port_bits: 65536 bits, indexed by local port in host order: a lease of ours is on the port. Read without a lock
 *	before any other look at a segment; written by lease.c. Before the first socket one that all namespaces share
 * @tcp_statistics: the Tcp: counters (mib.c)
 * @net_statistics: the TcpExt: counters (mib.c)
 * @tuple_key: keys the hash of tuples: their place in the table of connections and what is constant in their ISNs; and
 *	that of pairs of addresses (metrics.c)
 * @ts_key: keys the timestamp offsets
 * @port_key: keys the choice of ephemeral ports and the places of their maps
 * @id: its number in the table of connections (demux.c)
 * @device_listeners: how many of @listeners have a device
 * @shards: xtcp_shard_mask + 1 of them: records and orphans
 * @reply_sk: sends segments that have no sock, over IPv4 (reply.c)
 * @reply_sk6: the same over IPv6; NULL without IPv6
 * @portmaps: ports used towards one destination (portmap.c)
 * @conns: how many connections it has in the table of connections, the sum over the processors (demux.c)
 * @sysctl_header: the registration of @sysctl, in two parts
 * @starting: held by who makes what comes with the first use (@started, @early)
 * @listeners: listening socks by port, address and device, hashed; read under RCU (listeners.c)
 * @listener_numbers: listening socks by number; read under RCU
 * @next_listener: the number that is tried first for the next
 * @listeners_lock: guards changes of the last three, of @device_listeners, and of who is a member of what stands in
 *	@listeners
 * @cookie_lock: guards @cookie
 * @cookie: the secrets of the cookies (secret.c)
 * @fastopen_keys: of Fast Open's cookies, for listeners that have none of their own; NULL: none yet; RCU (fastopen.c)
 * @metrics: what is remembered of other hosts; NULL: nothing yet (metrics.c)
 * @blackhole_stamp: jiffies when Fast Open's SYNs seemed to lead into a black hole (fastsyn.c)
 * @blackholes: how often in a row they did
 * @leases: leases by port (lease.c)
 * @entries: how many half-open entries there are (entry.c)
 * @records: how many records there are (record.c)
 * @orphans: how many socks without a file there are (orphan.c)
 *
 * What each segment reads comes first, and shares no cache line with what connections write.
 */
struct xtcp_net {
	struct net *net;
	struct xtcp_sysctl sysctl;
	bool started;
	bool is_guest;
	bool early;
	unsigned long *port_bits;
	DEFINE_SNMP_STAT(struct tcp_mib, tcp_statistics);
	DEFINE_SNMP_STAT(struct linux_mib, net_statistics);
	siphash_key_t tuple_key;
	siphash_key_t ts_key;
	siphash_key_t port_key;
	u32 id;
	unsigned int device_listeners;
	struct xtcp_shard *shards;
	struct sock *reply_sk;
	struct sock *reply_sk6;
	struct xtcp_portmaps *portmaps;
	long __percpu *conns;

	/* Written when somebody listens, or once a minute. */
	struct ctl_table_header *sysctl_header[2];
	struct mutex starting;		/* see above */
	struct rhltable listeners;
	struct xarray listener_numbers;
	u32 next_listener;
	struct mutex listeners_lock;	/* see above */
	seqlock_t cookie_lock;		/* see above */
	struct xtcp_cookie_secrets cookie;
	struct xtcp_fastopen_keys __rcu *fastopen_keys;
	struct xtcp_metrics *metrics;
	unsigned long blackhole_stamp;
	atomic_t blackholes;

	/* Written while connections come and go, the counters once in a while (percpu_counter_batch). */
	struct xtcp_leases leases ____cacheline_aligned_in_smp;
	struct percpu_counter entries ____cacheline_aligned_in_smp;
	struct percpu_counter records;
	struct percpu_counter orphans;
};

/* Of what all namespaces may have guests together may have this part, and one of them that part of it. */
#define XTCP_GUESTS_PART	2
#define XTCP_GUEST_SHARE	4

extern unsigned int xtcp_net_id;

static inline struct xtcp_net *xtcp_net(const struct net *net)
{
	return net_generic(net, xtcp_net_id);
}

/* The same on an RCU read side, which need not be entered for it: once for each segment of either stack. */
static inline struct xtcp_net *xtcp_net_rcu(const struct net *net)
{
	return rcu_dereference(net->gen)->ptr[xtcp_net_id];
}

/* Has it anything but its knobs and files? */
static inline bool xtcp_netns_is_started(const struct xtcp_net *xn)
{
	/* pairs with smp_store_release() in xtcp_netns_start() */
	return smp_load_acquire(&xn->started);
}

/* @hash: of the connection, as in xtcp_conn.hash */
static inline struct xtcp_shard *xtcp_shard_of(const struct xtcp_net *xn, u32 hash)
{
	return &xn->shards[hash & xtcp_shard_mask];
}

int xtcp_netns_start(struct xtcp_net *xn);
int xtcp_netns_init(void);
void xtcp_netns_exit(void);

#endif /* XTCP_NETNS_H */
