/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct xtcp_endpoint: what every socket of ours has, even if it listens or is only bound. Code
 * that looks up sockets needs no more than this. Also the fields that few sockets need.
 */
#ifndef XTCP_ENDPOINT_H
#define XTCP_ENDPOINT_H

#include "lookup/lookup.h"

/*
 * Work that softirq could not do because a user held the socket lock; release_sock() does it
 * (family.c). Bits of sk_tsq_flags: softirq sets one atomically, the holder of the lock clears it.
 */
enum xtcp_deferred {
	XTCP_DEFERRED_TIMER,		/* a deadline passed */
	XTCP_DEFERRED_MTU,		/* the path MTU fell */
	XTCP_DEFERRED_PACE,		/* the wait of paced data or of a small write is over */
	XTCP_DEFERRED_RENEW,		/* the module of its congestion control was replaced */
};

#define XTCP_READER_HAS_PART	1024	/* see xtcp_endpoint.readers; that many without a part are only woken oftener */

/*
 * struct xtcp_endpoint - the beginning of struct xtcp_sender. xtcp_sock_reset_tcb() leaves it,
 * except for some fields of @inet and what a rule of the policy table or a route has set.
 */
struct xtcp_endpoint {
	/* The socket lock guards writes, unless a field is constant or its line says otherwise. */
	struct inet_sock inet;		/* the kernel's view; first, for its casts; only state.c changes sk_state */
	struct xtcp_compat_disconnects disconnects;	/* empty if the kernel counts */
	struct xtcp_net *xn;		/* the namespace; constant */

	struct_group(own, /* a listener's children do not inherit these: xtcp_sock_clone() */

	struct xtcp_conn conn;	/* links the sock into the table of connections; while linked, the tuple is constant */
	struct xtcp_lease *lease;	/* reserves the port in kernel TCP's bind table; or NULL */
	struct xtcp_listener *listener;	/* data of a listener (family.c), set in LISTEN; RCU */
	struct xtcp_pace *pace;		/* timer of paced or waiting data; NULL: none (pace.c) */
	union {
		/* in its listener's accept queue or its shard's list of orphans (net.h), whose lock guards it */
		struct list_head accept_node;
		/* of the call that opens the connection by Fast Open (xtcp_sock_fastsyn()); socket lock */
		struct xtcp_fastsyn *fastsyn;
	};
	/* the RCU grace period after which no lookup can use the sock; has passed if it has never left a table */
	unsigned long left_table;
	unsigned long cold;		/* fields that few sockets need; 0: none; RCU */
	/*
	 * threads that sleep in RECEIVE, and XTCP_READER_HAS_PART more for each that has octets
	 * already; each takes itself off when it wakes, so a disconnect does not reset it
	 */
	atomic_t readers;
	bool is_orphan;			/* counts as an orphan (memory.c); socket lock */
	u8 box;				/* low octet of the black box's slot; 0: no box */
	u16 closed_at;			/* 1 + the processor whose list of closed socks (end.c) has it; 0: none */

	); /* own */

	/*
	 * The program sets these fields, unless the line names a route, a rule or an ICMP error.
	 * They survive a reconnect, except what a rule has set (xtcp_sock.by_rule), and children
	 * inherit them, unless the line says otherwise.
	 */
	const struct xtcp_cong_ops *algorithm;	/* the congestion control of the sock */
	bool algorithm_chosen : 1;	/* TCP_CONGESTION has set algorithm */
	bool algorithm_locked : 1;	/* the route allows no other algorithm; not inherited */
	bool algorithm_by_rule : 1;	/* a rule has set algorithm (xtcp_algorithms_choose()) */
	bool recvmsg_inq : 1;		/* TCP_INQ */
	bool quickack_asked : 1;	/* TCP_QUICKACK */
	bool fastopen_no_cookie : 1;	/* TCP_FASTOPEN_NO_COOKIE */
	bool fastopen_connect : 1;	/* TCP_FASTOPEN_CONNECT */
	bool thin_linear : 1;		/* TCP_THIN_LINEAR_TIMEOUTS */
	/* TCP_NAGLE_OFF for TCP_NODELAY, TCP_NAGLE_CORK for TCP_CORK */
	u8 nonagle;
	u8 syn_retries;			/* TCP_SYNCNT; 0: the sysctl applies */
	/* TCP_DEFER_ACCEPT: after so many timeouts of the SYN-ACK, a bare ACK makes a child; 0: off; not inherited */
	u8 defer_accept;
	u8 keepalive_probes;		/* TCP_KEEPCNT; 0: the sysctl applies */
	u8 save_syn;			/* TCP_SAVE_SYN; 0: off, 1: IP and TCP, 2: link layer too */
	u16 user_mss;			/* TCP_MAXSEG; 0: not set */
	s8 linger2;			/* TCP_LINGER2, seconds; 0: the sysctl; below 0: no wait */
	u8 repair;			/* TCP_REPAIR: XTCP_REPAIR_ON, and the queue; READ_ONCE */
	u16 keepalive_time;		/* TCP_KEEPIDLE in seconds; 0: the sysctl applies */
	u16 keepalive_intvl;		/* TCP_KEEPINTVL in seconds; 0: the sysctl applies */
	u8 rto_min;			/* TCP_RTO_MIN_US in jiffies; 0: the sysctl applies */
	u8 delack_max;			/* TCP_DELACK_MAX_US in jiffies; 0: the sysctl applies */
	u32 user_timeout;		/* TCP_USER_TIMEOUT in ms; 0: the sysctl applies */
	u32 notsent_lowat;		/* TCP_NOTSENT_LOWAT; 0: the sysctl applies */
	u32 user_window_clamp;		/* TCP_WINDOW_CLAMP; 0: not set */
	u16 rto_max;			/* TCP_RTO_MAX_MS, units of 2 ms; 0: the sysctl applies */
	/* MTU of an ICMP error; valid only with XTCP_DEFERRED_MTU; READ_ONCE, WRITE_ONCE */
	u16 mtu_info;
};

static inline struct xtcp_endpoint *xtcp_endpoint(const struct sock *sk)
{
	return (struct xtcp_endpoint *)sk;
}

#define XTCP_REPAIR_QUEUES	3U	/* xtcp_endpoint.repair: the chosen queue, TCP_NO_QUEUE ... */
#define XTCP_REPAIR_ON		4U	/* and whether the mode is on (socket/repair.c) */

static inline bool xtcp_repair_is_on(const struct sock *sk)
{
	return unlikely(READ_ONCE(xtcp_endpoint(sk)->repair) & XTCP_REPAIR_ON);
}

/* What is queued counts as sent, and does not leave. */
static inline bool xtcp_repair_counts_as_sent(const struct sock *sk)
{
	return unlikely(READ_ONCE(xtcp_endpoint(sk)->repair) == (XTCP_REPAIR_ON | TCP_SEND_QUEUE));
}

/* The namespace of @sk, as xtcp_net(sock_net(sk)) finds it. */
static inline struct xtcp_net *xtcp_net_of(const struct sock *sk)
{
	return xtcp_endpoint(sk)->xn;
}

static inline struct sock *xtcp_sk_of(struct xtcp_endpoint *ep)
{
	return &ep->inet.sk;
}

/* The sock that contains @conn, whose kind is XTCP_CONN_SOCK. */
static inline struct sock *xtcp_sk_of_conn(const struct xtcp_conn *conn)
{
	return xtcp_sk_of(container_of((struct xtcp_conn *)conn, struct xtcp_endpoint, conn));
}

extern struct proto xtcp_prot;
extern struct proto xtcpv6_prot;

/* bit 0 of xtcp_endpoint.seldom, a pointer: the sock has or had a key to sign segments */
#define XTCP_SELDOM_SIGNS	BIT(0)

/*
 * The fields that few sockets need. Allocated when one of them is first set; stays until the memory
 * of the sock is freed. The numbers are read by READ_ONCE; 0: none, or what net.xtcp says.
 */
struct xtcp_cold {
	struct xtcp_fastopenq *fastopenq;	/* TCP_FASTOPEN (fastopen.c); written under the socket lock */
	struct hlist_head keys;			/* of TCP_MD5SIG; read under RCU, written under the socket lock */
	struct xtcp_ao *ao;			/* TCP-AO with its keys; written under the socket lock */
	u32 idle_ms;				/* XTCP_IDLE_MS */
	u32 half_closed_ms;			/* XTCP_HALF_CLOSED_MS */
	u8 ack_rate;				/* XTCP_ACK_RATE */
};

/* The struct xtcp_cold of @sk, or NULL. RCU read side, socket lock, or a reference to the socket's file. */
static inline struct xtcp_cold *xtcp_cold(const struct sock *sk)
{
	/* pairs with smp_store_release() in state.c */
	return (struct xtcp_cold *)(smp_load_acquire(&xtcp_endpoint(sk)->cold) & ~XTCP_SELDOM_SIGNS);
}

/* Does @sk have a key, or did it have one? One bit, since each segment asks. The caller is as for xtcp_cold(). */
static inline bool xtcp_cold_signs(const struct sock *sk)
{
	/* pairs with smp_store_release() in state.c */
	return smp_load_acquire(&xtcp_endpoint(sk)->cold) & XTCP_SELDOM_SIGNS;
}

/* The Fast Open state of @sk, or NULL. The caller holds what xtcp_cold() requires. */
static inline struct xtcp_fastopenq *xtcp_cold_fastopenq(const struct sock *sk)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);

	/* pairs with smp_store_release() in fastopen.c */
	return unlikely(cold) ? smp_load_acquire(&cold->fastopenq) : NULL;
}

/* XTCP_ACK_RATE of @sk; 0: none. The caller holds what xtcp_cold() requires. */
static inline u8 xtcp_cold_ack_rate(const struct sock *sk)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);

	return unlikely(cold) ? READ_ONCE(cold->ack_rate) : 0;
}

int xtcp_cold_set(struct sock *sk, u32 idle_ms, u32 half_closed_ms, u8 rate, gfp_t gfp);
struct xtcp_cold *xtcp_cold_get(struct sock *sk, gfp_t gfp);

#endif /* XTCP_ENDPOINT_H */
