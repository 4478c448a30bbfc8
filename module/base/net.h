/* SPDX-License-Identifier: GPL-2.0 */
/* struct xtcp_net: the state of xtcp in one network namespace. */
#ifndef XTCP_NET_H
#define XTCP_NET_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu_counter.h>
#include <linux/rbtree_types.h>
#include <linux/rhashtable-types.h>
#include <linux/seqlock.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/snmp.h>

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

/* seconds; the ISN grows by 2^24 per period, which is 1 per 3.8 us (RFC 6528: 1 per 4 us) */
#define XTCP_COOKIE_PERIOD_S	64U
#define XTCP_COOKIE_PERIODS	8U	/* number of periods that one secret serves */
#define XTCP_COOKIE_TS_MASK	63U	/* mask: the bits of TSval that carry options */

/* The current secret and the previous one. */
struct xtcp_cookie_secrets {
	siphash_key_t key[2];	/* indexed by the lowest bit of the epoch */
	u32 epoch;		/* the latest epoch for which a key was drawn */
};

/*
 * struct xtcp_cookie - the options of a SYN that a cookie carries
 * @mss: the peer's MSS option or the default, octets. A cookie stores the greatest of four values
 *	that is at most @mss, or else the least
 * @rcv_wscale: the shift of our listener, which the MAC covers if @wscale_ok (secret.c)
 */
struct xtcp_cookie {
	u16 mss;
	u8 snd_wscale;
	u8 rcv_wscale;
	bool wscale_ok : 1;	/* window scaling is in use */
	bool ts_ok : 1;		/* timestamps are in use */
	bool sack_ok : 1;	/* SACK is in use; false without @ts_ok */
	bool ecn_ok : 1;	/* ECN is in use; false without @ts_ok */
};

#define XTCP_COOKIE_TS_SCALE	15U	/* mask: the low four bits of TSval are the shift */
#define XTCP_COOKIE_NO_SCALE	15U	/* greater than any shift: window scaling is off */
#define XTCP_COOKIE_TS_SACK	16U	/* bit of TSval: SACK is permitted */
#define XTCP_COOKIE_TS_ECN	32U	/* bit of TSval: ECN is agreed */

static inline u32 xtcp_cookie_ts_bits(struct xtcp_cookie cookie)
{
	return (cookie.wscale_ok ? cookie.snd_wscale : XTCP_COOKIE_NO_SCALE) |
	       (cookie.sack_ok ? XTCP_COOKIE_TS_SACK : 0) | (cookie.ecn_ok ? XTCP_COOKIE_TS_ECN : 0);
}

/* The latest TSval of a SYN-ACK that is not after @clock and whose lowest bits carry the options. */
static inline u32 xtcp_cookie_tsval(u32 clock, struct xtcp_cookie cookie)
{
	u32 tsval = (clock & ~XTCP_COOKIE_TS_MASK) | xtcp_cookie_ts_bits(cookie);

	return (s32)(tsval - clock) > 0 ? tsval - XTCP_COOKIE_TS_MASK - 1 : tsval;
}

/* Arithmetic ends. */

/*
 * net.xtcp.*: names, units, ranges and defaults are those of Linux's tcp_* sysctls; SYSCTLS.md
 * lists the exceptions. Read without a lock, by READ_ONCE. Only netns.c and algorithms.c write it.
 */
struct xtcp_sysctl {
	u8 abort_on_overflow;
	u8 ack_rate_request;
	u8 autocorking;
	u8 bbr_loss_thresh;	/* percent, BBR.LossThresh; 100: a loss is no sign of congestion */
	u8 comp_sack_nr;
	u8 local;
	u8 dsack;
	u8 early_retrans;
	u8 ecn;
	u8 ecn_fallback;
	u8 ecn_option;
	u8 ecn_option_beacon;
	u8 frto;
	u8 initcwnd;		/* segments */
	u8 keepalive_always;
	u8 keepalive_probes;
	u8 migrate_req;
	u8 min_tso_segs;
	u8 moderate_rcvbuf;
	u8 mtu_probing;
	u8 orphan_retries;
	u8 reflect_tos;
	u8 retries1;
	u8 retries2;
	u8 rfc1337;
	u8 rst_diagnostic;
	u8 sack;
	u8 slow_start_after_idle;
	u8 stdurg;
	u8 syn_linear_timeouts;
	u8 syn_retries;
	u8 synack_retries;
	u8 syncookies;
	u8 thin_linear_timeouts;
	u8 timestamps;
	u8 tso_rtt_log;
	u8 timewait_reuse;	/* net.xtcp.tw_reuse; the kernel defines a macro tw_reuse */
	u8 window_scaling;
	int base_mss;		/* octets */
	int careful_resume;	/* seconds; 0: off */
	/*
	 * [0]: one in this many connections gets a black box; 0: none does. This applies to
	 * connections with a local or remote port from [1] to [2]
	 */
	int blackbox[3];
	int challenge_ack_limit;	/* per second; INT_MAX: no limit */
	int coalesce_usecs;	/* microseconds */
	int comp_sack_delay_ns;
	int comp_sack_slack_ns;
	int delack_max_us;
	int fin_timeout;	/* jiffies */
	int half_closed_ms;	/* 0: no limit */
	int idle_ms;		/* 0: no limit */
	int invalid_ratelimit;	/* jiffies */
	int keepalive_intvl;	/* jiffies */
	int keepalive_time;	/* jiffies */
	int limit_output_bytes;
	int max_orphans;
	int max_syn_backlog;
	int max_tw_buckets;
	int migrate_wait_ms;	/* 0: do not wait */
	int min_snd_mss;
	int pacing_ca_ratio;	/* percent */
	int pacing_ss_ratio;
	int mtu_probe_floor;	/* octets */
	int probe_interval;	/* seconds */
	int probe_threshold;	/* octets */
	int rto_max_ms;
	int rto_min_us;
	int timewait_ms;
	int tw_reuse_delay;	/* milliseconds */
	int user_timeout_ms;	/* 0: none */
	unsigned int notsent_lowat;	/* octets */
	int rmem[3];		/* octets: min, default, max */
	int wmem[3];
	const struct xtcp_cong_ops *congestion_control;
	int fastopen;		/* bits XTCP_FASTOPEN_* */
	int fastopen_blackhole_timeout_sec;
};

/* The most shards of a namespace, which has one for each processor, rounded up to a power of two. */
#define XTCP_SHARDS_MAX		16U

extern unsigned int xtcp_shard_mask;

/* A part of a namespace's records and orphans. The low bits of the connection's hash select it. */
struct xtcp_shard {
	spinlock_t lock;	/* guards all other fields */
	struct list_head tw_list;	/* TIME-WAIT records, the next to expire first */
	struct list_head fin_wait2_list;	/* records of orphans in FIN-WAIT-2, the next to expire first */
	struct timer_list tw_timer;	/* ends the records whose time is over */
	struct list_head orphans;	/* socks without a file, linked by xtcp_endpoint.accept_node */
	struct xtcp_net *xn;		/* the namespace */
} ____cacheline_aligned_in_smp;

/*
 * struct xtcp_rest - the part of struct xtcp_net that is made for the first socket of ours
 * @maker: who has made the namespace, if it is a guest, else NULL; constant (memory.c)
 * @listeners: hash table of listeners by port, address and device; read under RCU (listeners.c)
 * @listeners_lock: guards changes of @listeners and its members, @listener_numbers, @next_listener
 *	and xtcp_net.device_listeners
 * @spare_block: the block of xtcp_net.portlists that last became empty, kept for the next use;
 *	NULL: none; exchanged atomically
 * @aborted: socks that are still open after an abort, by number; read under RCU (end.c)
 * @box_keepers: those who have boxes of connections that have ended, the one with most of them last
 * @stand_ins: what rules of netfilter see of a connection without a full sock; index: is it
 *	transparent? Constant (early.c)
 *
 * Most namespaces never have a socket of ours, so they need no memory for this part. Segments that
 * only carry or acknowledge data of an established connection read no field of it.
 */
struct xtcp_rest {
	/*
	 * Seldom written: by listeners, new cookie secrets, and challenge ACKs if their number is
	 * limited. A SYN, an ACK with a cookie and connect() read some of these fields.
	 */
	struct xtcp_net *xn;	/* the namespace */
	struct xtcp_maker *maker;
	siphash_key_t port_key;		/* key of the hash that chooses ephemeral ports (port.c) */
	struct rhltable listeners;
	struct xarray listener_numbers;	/* listeners by number; read under RCU */
	u32 next_listener;		/* the first number to try for the next listener */
	struct mutex listeners_lock;
	struct list_head handovers;	/* listeners that wait for a successor after close() (handover.c) */
	spinlock_t handovers_lock;	/* guards @handovers and @handovers_len; process context */
	unsigned int handovers_len;	/* number of listeners in @handovers */
	struct delayed_work handovers_work;	/* ends the handovers that are due */
	seqlock_t cookie_lock;		/* guards @cookie */
	struct xtcp_cookie_secrets cookie;	/* the secrets of the SYN cookies (secret.c) */
	atomic_t challenge_second;	/* the second to which @challenges belongs (memory.c) */
	atomic_t challenges;		/* how many challenge ACKs may still leave in that second */

	/*
	 * From here on, written when connections begin and end. A struct percpu_counter is written
	 * less often: each processor counts several changes before it adds them.
	 */
	struct hlist_head *spare_block ____cacheline_aligned_in_smp;
	struct percpu_counter records ____cacheline_aligned_in_smp;	/* in TIME-WAIT or FIN-WAIT-2 (timewait.c) */
	atomic_t signed_records;	/* number of the records with keys */
	struct percpu_counter orphans;	/* number of orphans (memory.c) */
	struct xarray aborted;
	struct rb_root box_owners;	/* who has black boxes (event recorders), by user and peer (blackbox.c) */
	struct rb_root box_keepers;
	unsigned int boxes_kept;	/* number of boxes of connections that have ended */
	u32 boxes_made;			/* how many black boxes the namespace has had so far */
	bool transparent;	/* the hooks for transparent socks are registered (early.c); xtcp_net.starting */
	struct inet_timewait_sock stand_ins[2];
};

/* What a file begins when the module loads, and ends when it unloads or @begin of a later part fails (main.c). */
struct xtcp_part {
	int (*begin)(void);		/* 0 or an error; NULL: nothing */
	void (*end)(void);
};

struct xtcp_net;

/* What a file has of a namespace (netns.c). */
struct xtcp_net_part {
	int (*init)(struct xtcp_net *xn);
	void (*exit)(struct xtcp_net *xn);
};

/*
 * struct xtcp_net - xtcp in one namespace
 * @delack_most: how long an ACK may wait, jiffies; by rto_min_us and delack_max_us; READ_ONCE
 * @started: it has had a socket of ours: @port_bits to @rest but @tuple_key are set up
 * @is_guest: the namespace belongs to a user namespace other than the initial one. Any user can
 *	make such a namespace (a guest), so all guests together get a limited part of the memory
 * @port_bits: one bit for each local port (host order): set if the port may have a lease of ours.
 *	Each segment reads this bitmap first, without a lock; lease.c writes it. Before the first socket
 *	of a namespace, @port_bits is an empty bitmap that all namespaces share
 * @tuple_key: key of two hashes. The hash of tuples serves the table of connections and the
 *	constant part of ISNs; the hash of pairs of addresses serves fastopen.c and resuming.c
 * @starting: serializes the set-up at the first use (@started, @early, @rest->transparent)
 * @fastopen_keys: keys of Fast Open cookies, for listeners without keys of their own; NULL: none
 *	yet; RCU (fastopen.c)
 * @paths: saved windows and RTTs of paths, for Careful Resume; NULL: never switched on (resuming.c)
 * @blackhole_stamp: jiffies of the last sign that the network drops Fast Open SYNs (fastopen.c)
 * @blackholes: number of such signs in a row; 0 after a connection for which Fast Open worked again
 *
 * Every namespace has this struct, so it is kept small: what a namespace needs before its first
 * socket, what each segment reads, and pointers to some of what is made for the first socket. Most
 * of what only sockets need is in @rest. Connections do not write to it, except that the first
 * which needs a part of the state makes that part, and that those with Fast Open write
 * @blackhole_stamp and @blackholes.
 */
struct xtcp_net {
	struct net *net;		/* the namespace */
	struct xtcp_sysctl sysctl;	/* the values of net.xtcp.* */
	u32 rto_floor_us;		/* rto_min_us of @sysctl, clamped (bounds.h); READ_ONCE */
	u32 delack_most;
	bool started;
	bool is_guest;
	bool early;			/* the hooks of early.c are registered */
	bool blackbox_wanted;		/* @sysctl or a rule of @policy asks for black boxes (blackbox.c) */
	bool blackbox_ruled;		/* a rule of @policy asks for black boxes; written under @policy_lock */
	unsigned long *port_bits;
	DEFINE_SNMP_STAT(struct tcp_mib, tcp_statistics);	/* the Tcp: counters (mib.c) */
	DEFINE_SNMP_STAT(struct xtcp_mib, net_statistics);	/* the TcpExt: counters (mib.c) */
	siphash_key_t tuple_key;
	siphash_key_t ts_key;		/* key of the timestamp offsets */
	u32 id;				/* number of the namespace in the table of connections (demux.c) */
	unsigned int device_listeners;	/* number of struct xtcp_members in @rest->listeners whose key has a device */
	struct xtcp_shard *shards;	/* xtcp_shard_mask + 1 shards of records and orphans */
	struct sock *reply_sk;		/* sends segments of connections without a sock over IPv4 (reply.c) */
	struct sock *reply_sk6;		/* sends such segments over IPv6; NULL without IPv6 */
	struct xtcp_portmaps *portmaps;	/* the ports in use towards each destination; NULL: no map yet (port.c) */
	struct xtcp_portlist *portlists;	/* leases by port (lease.c) */
	struct xtcp_conn_counts __percpu *conns;	/* counts of its connections, per processor (demux.c) */
	struct xtcp_rest *rest;		/* all other state that sockets need; NULL until @started */

	/*
	 * Seldom written: at the first use of something, by sysctls, by policy changes, and by
	 * connections with Fast Open that find a black hole or its end.
	 */
	struct ctl_table_header *sysctl_header[2];	/* the registration of @sysctl, in two parts */
	struct mutex starting;		/* serializes the set-up */
	struct xtcp_fastopen_keys __rcu *fastopen_keys;
	struct xtcp_metrics *metrics;	/* metrics of earlier connections, by host; NULL: no table yet (fastopen.c) */
	struct xtcp_paths *paths;
	struct xtcp_policy __rcu *policy;	/* the rules for new connections; NULL: none (policy.c) */
	struct mutex policy_lock;	/* guards changes of @policy */
	unsigned long blackhole_stamp;
	atomic_t blackholes;
};

/* At the end of a namespace or handover, RSTs are sent for at most so long: netfilter rules may make each slow. */
#define XTCP_TELL_TIME	(HZ / 10)

extern unsigned int xtcp_net_id;

static inline struct xtcp_net *xtcp_net(const struct net *net)
{
	return net_generic(net, xtcp_net_id);
}

/* As xtcp_net(), in an RCU read side: for each segment, also of kernel TCP, so without rcu_read_lock(). */
static inline struct xtcp_net *xtcp_net_rcu(const struct net *net)
{
	return rcu_dereference(net->gen)->ptr[xtcp_net_id];
}

/* Has the namespace had a socket of ours? Before that, it has only sysctls, files, and what they were set to. */
static inline bool xtcp_netns_is_started(const struct xtcp_net *xn)
{
	/* pairs with smp_store_release() in xtcp_netns_start() */
	return smp_load_acquire(&xn->started);
}

/* @hash: xtcp_conn.hash of the connection */
static inline struct xtcp_shard *xtcp_shard_of(const struct xtcp_net *xn, u32 hash)
{
	return &xn->shards[hash & xtcp_shard_mask];
}

#endif /* XTCP_NET_H */
