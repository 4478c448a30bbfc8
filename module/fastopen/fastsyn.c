// SPDX-License-Identifier: GPL-2.0
/*
 * The client side of TCP Fast Open (RFC 7413).
 *
 * The first connection to a host asks for a cookie, which the table below keeps. The SYN of a later
 * connection carries the cookie and data: SYN and data are two skbs of the send queue that leave as
 * one segment. Data that the SYN-ACK does not acknowledge is resent at once (handshake.c). A
 * retransmitted SYN has neither data nor cookie.
 *
 *   call                             while no cookie is known   when a cookie is known
 *   sendmsg(MSG_FASTOPEN)            the SYN asks for a cookie  the SYN has the cookie and data
 *   connect(), TCP_FASTOPEN_CONNECT  the SYN asks for a cookie  the first write sends the SYN
 *
 * A middlebox may drop a SYN with data, or the segments that follow (a black hole). After a sign of
 * a black hole, no connection of the namespace uses Fast Open for the time of
 * net.xtcp.fastopen_blackhole_timeout_sec. Each further sign doubles this time, at most to 64 times
 * its first length. All of this is as in Linux. These are the signs:
 *
 *  - three timeouts in a row, or fewer if the connection is then given up;
 *  - a RST or a FIN that comes out of order before any data;
 *  - a FIN with data after the program has closed the socket.
 *
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
#include "fastopen/fastopen.h"

#include <linux/if.h>
#include <linux/netdevice.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uio.h>
#include <net/dst.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/sock.h"
#include "base/wire.h"
#include "out/out.h"
#include "send/send.h"
#include "sendq/sendq.h"
#include "sight/sight.h"

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

/*
 * Look up the host to which a connection is opened.
 * @sk: SYN-SENT; its addresses are set
 * @cookie: receives the host's cookie; unchanged if the cookie is unknown
 * @mss: receives the host's MSS; unchanged if the host is unknown
 *
 * RFC 7413 section 4.1.3. Without memory for the table, nothing is remembered.
 *
 * Return: false if SYNs with data were lost lately (section 4.1.3.1).
 */
static bool xtcp_metrics_get(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss)
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

#define DOUBLINGS_MAX	6	/* the time without Fast Open doubles at most this many times */
#define TIMEOUTS_BEFORE	2	/* the timeout after these is a sign of a black hole */

/*
 * Is Fast Open off because of a black hole? When the time without Fast Open is over, the answer is
 * no, and syn_fastopen_ch marks @sk as a connection that tries Fast Open again.
 */
static bool in_black_hole(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	u32 seconds = READ_ONCE(xn->sysctl.fastopen_blackhole_timeout_sec);
	int times = atomic_read(&xn->blackholes);

	if (!seconds || !times)
		return false;
	/* pairs with smp_mb__before_atomic() in xtcp_fastsyn_black_hole() */
	smp_rmb();
	if ((u64)(jiffies - READ_ONCE(xn->blackhole_stamp)) < ((u64)seconds * HZ) << min(times - 1, DOUBLINGS_MAX))
		return true;
	xtcp_sk(sk)->syn_fastopen_ch = true;
	return false;
}

static bool needs_cookie(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);

	return !(READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & XTCP_FASTOPEN_SEND_NO_COOKIE) &&
	       !xtcp_sk(sk)->fastopen_no_cookie && !(dst && dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE));
}

/*
 * May the SYN carry data? @cookie receives the cookie option for the SYN (length 0: ask for a
 * cookie; negative: no option). @mss receives the peer's MSS. If this MSS is unknown, @mss is
 * unchanged.
 */
static bool may_carry_text(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss)
{
	cookie->len = 0;
	/* a SYN has no space for both a signature and a cookie */
	if (xtcp_signer_room(sk)) {
		cookie->len = -1;
		return false;
	}
	if (!xtcp_metrics_get(sk, cookie, mss) || in_black_hole(sk)) {
		cookie->len = -1;
		return false;
	}
	if (!needs_cookie(sk)) {
		cookie->len = -1;
		return true;
	}
	if (cookie->len > 0)
		return true;
	xtcp_sk(sk)->fastopen_client_fail = TFO_COOKIE_UNAVAILABLE;
	return false;
}

/**
 * xtcp_fastsyn_waits_for_text() - does connect() leave the SYN to the first write?
 * @sk: SYN-SENT; its addresses are known
 *
 * The caller has tested TCP_FASTOPEN_CONNECT. The first write sends the SYN if the SYN may carry
 * data: a cookie is known or none is needed, Fast Open has not failed lately, and the SYN has no
 * signature.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: true when the first write sends the SYN.
 */
bool xtcp_fastsyn_waits_for_text(struct sock *sk)
{
	struct xtcp_fastopen_cookie cookie;
	u16 mss;

	sock_owned_by_me(sk);
	return may_carry_text(sk, &cookie, &mss);
}

/*
 * How many octets of data may be on a SYN to a host with MSS @mss? As in Linux, 40 octets are left
 * for options.
 */
static size_t room_for_syn_text(struct sock *sk, u16 mss)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	size_t room;

	xtcp_agreed_peer_mss(&xsk->agreed, mss, xsk->user_mss);
	xtcp_mss_sync(sk, xsk->pmtu);
	room = xsk->mss + (xsk->agreed.ts_ok ? XTCP_OPTLEN_TIMESTAMP_ALIGNED : 0);
	room = room > XTCP_MAX_OPTIONS ? room - XTCP_MAX_OPTIONS : 0;
	return min_t(size_t, room, SKB_MAX_HEAD(MAX_TCP_HEADER));
}

/*
 * Queues data of the write behind the SYN: up to @room octets, fewer if memory is short. The rest
 * stays in fast->msg.
 */
static void queue_syn_text(struct sock *sk, struct xtcp_fastsyn *fast, size_t room)
{
	struct sk_buff *skb;
	int n;

	if (!room || !fast->size)
		return;
	skb = xtcp_sndq_alloc(sk, sk->sk_allocation, false);
	if (!skb)
		return;
	xtcp_sndq_append(sk, skb);
	while (room && msg_data_left(fast->msg)) {
		n = xtcp_fill_copy(sk, skb, &fast->msg->msg_iter, min(room, msg_data_left(fast->msg)));
		if (n <= 0)
			break;
		fast->copied += n;
		room -= n;
	}
	xtcp_sndq_drop_empty_tail(sk);
}

/**
 * xtcp_fastsyn_send() - send a SYN that carries data, or that asks for a cookie
 * @sk: SYN-SENT; it has sent nothing yet, and xtcp_sock_fastsyn() is not NULL
 *
 * RFC 7413 sections 4.2.1 and 4.2.2, "Client: Sending SYN".
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0, or -ENOBUFS when there was no memory to queue the SYN.
 */
int xtcp_fastsyn_send(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_fastsyn *fast = xtcp_sock_fastsyn(xsk);
	u16 mss = xsk->agreed.advmss;
	int err;

	sock_owned_by_me(sk);
	err = xtcp_output_queue_syn(sk);
	if (err)
		return err;
	if (may_carry_text(sk, &fast->cookie, &mss))
		queue_syn_text(sk, fast, room_for_syn_text(sk, mss));
	xsk->syn_fastopen = fast->cookie.len >= 0;
	err = xtcp_output_syn(sk);
	/* a retransmitted SYN carries no cookie */
	fast->cookie.len = -1;
	return err;
}

/**
 * xtcp_fastsyn_has_more() - does the call that opens the connection have more data to send?
 * @sk: the sock
 *
 * Return: true when more data follows at once.
 */
bool xtcp_fastsyn_has_more(const struct sock *sk)
{
	const struct xtcp_fastsyn *fast = xtcp_sock_fastsyn(xtcp_sk(sk));

	sock_owned_by_me(sk);
	return fast && fast->copied < fast->size;
}

/**
 * xtcp_fastsyn_black_hole() - note a sign of a black hole
 * @sk: the sock
 */
void xtcp_fastsyn_black_hole(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (!READ_ONCE(xn->sysctl.fastopen_blackhole_timeout_sec))
		return;
	WRITE_ONCE(xn->blackhole_stamp, jiffies);
	/*
	 * pairs with smp_rmb() in in_black_hole(): a reader that sees the new number of signs also
	 * sees the time of the last sign
	 */
	smp_mb__before_atomic();
	atomic_inc(&xn->blackholes);
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENBLACKHOLE);
}

/**
 * xtcp_fastsyn_timeout() - event: a SYN or text has timed out, which may be a sign of a black hole
 * @sk: the sock; xsk->tries.retransmits counts the timeouts before this one
 * @expired: the connection is given up
 */
void xtcp_fastsyn_timeout(struct sock *sk, bool expired)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (likely(!xsk->syn_fastopen && !xsk->syn_data))
		return;
	if (xsk->tries.retransmits != TIMEOUTS_BEFORE && !(expired && xsk->tries.retransmits < TIMEOUTS_BEFORE))
		return;
	xtcp_fastsyn_black_hole(sk);
	XTCP_NET_INC_STATS(xtcp_net_of(sk), LINUX_MIB_TCPFASTOPENACTIVEFAIL);
}

/**
 * xtcp_fastsyn_over() - event: a connection ends
 * @sk: the sock; its receive state has not been reset yet
 *
 * If a FIN came out of order, and @sk has received no data at all, a middlebox seems to have
 * dropped the data. This is a sign of a black hole: Fast Open is off for a time.
 *
 * If @sk has tried Fast Open again after a black hole (syn_fastopen_ch), and has received data over
 * a route that is not loopback, Fast Open works again: all signs counted so far are forgotten.
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can find @sk.
 */
void xtcp_fastsyn_over(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_net *xn = xtcp_net_of(sk);

	if (likely(!xsk->syn_fastopen))
		return;
	if (!xsk->data_segs_in) {
		if (xsk->rcv_fin_known && !xsk->fin_received)
			xtcp_fastsyn_black_hole(sk);
	} else if (xsk->syn_fastopen_ch && atomic_read(&xn->blackholes) && !xtcp_ip_is_local(sk)) {
		atomic_set(&xn->blackholes, 0);
	}
}
