// SPDX-License-Identifier: GPL-2.0
/*
 * TCP Fast Open (RFC 7413). Limits, keys and cookies are the same as in Linux.
 *
 * The server. A SYN asks for a cookie, and the SYN-ACK brings one: a keyed hash of both addresses,
 * so the server stores no state (section 4.1.2). A later SYN with it may carry data. For such a SYN
 * the listener makes the child at once, in SYN-RECEIVED, and puts it on the accept queue. So the
 * program can read and answer before the handshake's last ACK. The child sends the SYN-ACK itself,
 * with its own timer. A wrong cookie costs the client a round trip: the data is not taken, and the
 * SYN-ACK brings the right cookie.
 *
 * An attacker with a valid cookie could open many connections from spoofed addresses. So a listener
 * has a limit for connections whose handshake is not complete (TCP_FASTOPEN), at which SYNs are
 * answered as if Fast Open were off. The owner of a spoofed address resets the connection, but this
 * must not make room for the attacker's next SYN: it counts for one more minute (section 5.1).
 *
 * The client. The first connection to a host asks for a cookie. The SYN of a later one carries
 * cookie and data: two skbs of the send queue that leave as one segment. Data that the SYN-ACK does
 * not acknowledge is resent at once (arrives.c). A retransmitted SYN has neither data nor cookie.
 *
 *   call                             while no cookie is known   when a cookie is known
 *   sendmsg(MSG_FASTOPEN)            the SYN asks for a cookie  the SYN has the cookie and data
 *   connect(), TCP_FASTOPEN_CONNECT  the SYN asks for a cookie  the first write sends the SYN
 *
 * A middlebox may drop a SYN with data, or the segments that follow (a black hole). After a sign of
 * one, no connection of the namespace uses Fast Open for net.xtcp.fastopen_blackhole_timeout_sec.
 * Each further sign doubles this time, at most to 64 times. As in Linux, the signs are:
 *
 *  - three timeouts in a row, or fewer if the connection is then given up;
 *  - a RST or a FIN that comes out of order before any data;
 *  - a FIN with data after the program has closed the socket.
 *
 * A table has, for each pair of addresses, as in Linux's tcp_metrics, the host's cookie, the MSS of
 * its last SYN-ACK, and how many SYNs with data were lost in a row (section 4.1.3). It has a fixed
 * size. The first connection that needs it allocates it, at the expense of its memory control
 * group. A keyed hash selects a set of four places, in which a new host replaces the oldest one.
 */
#include "fastopen/fastopen.h"

#include <linux/if.h>
#include <linux/random.h>

#include "auth/auth.h"
#include "base/sock.h"
#include "send/send.h"
#include "sight/sight.h"

#define KEYS_WORDS	(2 * XTCP_FASTOPEN_KEY_LEN / 4)

/* key[0] makes cookies; a cookie made with either of the @n keys is valid. */
struct xtcp_fastopen_keys {
	siphash_key_t key[2];
	unsigned int n;
	struct rcu_head rcu;
};

static void keys_free_rcu(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_fastopen_keys, rcu));
}

static void xtcp_fastkeys_replace(struct xtcp_fastopen_keys __rcu **place, struct xtcp_fastopen_keys *new)
{
	struct xtcp_fastopen_keys *old = unrcu_pointer(xchg(place, RCU_INITIALIZER(new)));

	if (old)
		call_rcu(&old->rcu, keys_free_rcu);
}

/* @octets: @n keys, 1 or 2, of %XTCP_FASTOPEN_KEY_LEN octets each. */
static struct xtcp_fastopen_keys *xtcp_fastkeys_make(const u8 *octets, unsigned int n)
{
	struct xtcp_fastopen_keys *keys = kzalloc(sizeof(*keys), GFP_KERNEL_ACCOUNT);
	__le64 words[4];
	unsigned int i;

	if (!keys)
		return NULL;
	memcpy(words, octets, n * XTCP_FASTOPEN_KEY_LEN);
	for (i = 0; i < 2 * n; i++)
		keys->key[i / 2].key[i % 2] = le64_to_cpu(words[i]);
	memzero_explicit(words, sizeof(words));
	keys->n = n;
	return keys;
}

/* Return: octets written, of two keys at most; 0: there are no keys. */
static int xtcp_fastkeys_copy(struct xtcp_fastopen_keys __rcu *const *place, u8 *octets)
{
	const struct xtcp_fastopen_keys *keys;
	unsigned int i, n = 0;
	__le64 words[4];

	rcu_read_lock();
	keys = rcu_dereference(*place);
	if (keys)
		n = keys->n;
	for (i = 0; i < 2 * n; i++)
		words[i] = cpu_to_le64(keys->key[i / 2].key[i % 2]);
	rcu_read_unlock();
	memcpy(octets, words, n * XTCP_FASTOPEN_KEY_LEN);
	memzero_explicit(words, sizeof(words));
	return n * XTCP_FASTOPEN_KEY_LEN;
}

/* A random one, if the namespace has none. */
static int xtcp_fastkeys_draw(struct xtcp_net *xn)
{
	struct xtcp_fastopen_keys *keys;
	u8 octets[XTCP_FASTOPEN_KEY_LEN];

	if (rcu_access_pointer(xn->fastopen_keys))
		return 0;
	get_random_bytes(octets, sizeof(octets));
	keys = xtcp_fastkeys_make(octets, 1);
	memzero_explicit(octets, sizeof(octets));
	if (!keys)
		return -ENOMEM;
	if (unrcu_pointer(cmpxchg(&xn->fastopen_keys, NULL, RCU_INITIALIZER(keys))))
		kfree_sensitive(keys);	/* another task has set keys first */
	return 0;
}

/**
 * xtcp_fastkeys_show() - write the keys of a namespace as text, for net.xtcp.fastopen_key
 * @xn: the namespace
 * @text: receives at most %XTCP_FASTOPEN_KEYS_TEXT octets; without a key, a key of zeros
 * Context: process.
 */
void xtcp_fastkeys_show(const struct xtcp_net *xn, char *text)
{
	__le32 words[KEYS_WORDS] = {};
	int len = xtcp_fastkeys_copy(&xn->fastopen_keys, (u8 *)words) ?: XTCP_FASTOPEN_KEY_LEN, i, at = 0;

	for (i = 0; i < len / 4; i++)
		at += scnprintf(text + at, XTCP_FASTOPEN_KEYS_TEXT - at, "%s%08x",
				!i ? "" : i % (KEYS_WORDS / 2) ? "-" : ",", le32_to_cpu(words[i]));
	memzero_explicit(words, sizeof(words));
}

static bool read_key(const char *text, __le32 *words)
{
	u32 word[KEYS_WORDS / 2];
	unsigned int i;

	if (sscanf(text, "%x-%x-%x-%x", &word[0], &word[1], &word[2], &word[3]) != ARRAY_SIZE(word))
		return false;
	for (i = 0; i < ARRAY_SIZE(word); i++)
		words[i] = cpu_to_le32(word[i]);
	return true;
}

/**
 * xtcp_fastkeys_read() - set the keys of a namespace from text, for net.xtcp.fastopen_key
 * @xn: the namespace
 * @text: one key, or two keys separated by a comma; the function changes the text
 * Context: process, may sleep.
 * Return: 0, -EINVAL (also for a first key of zeros) or -ENOMEM.
 */
int xtcp_fastkeys_read(struct xtcp_net *xn, char *text)
{
	struct xtcp_fastopen_keys *keys;
	__le32 words[KEYS_WORDS];
	char *second = strchr(text, ',');

	if (second)
		*second++ = '\0';
	if (!read_key(text, words) || (second && !read_key(second, words + KEYS_WORDS / 2)))
		return -EINVAL;
	/* without a key, the sysctl shows zeros; written back, they are no key: everybody would know it */
	if (!(words[0] | words[1] | words[2] | words[3]))
		return -EINVAL;
	keys = xtcp_fastkeys_make((u8 *)words, second ? 2 : 1);
	memzero_explicit(words, sizeof(words));
	if (!keys)
		return -ENOMEM;
	xtcp_fastkeys_replace(&xn->fastopen_keys, keys);
	return 0;
}

void xtcp_fastopen_net_exit(struct xtcp_net *xn)
{
	xtcp_fastkeys_replace(&xn->fastopen_keys, NULL);
	kfree(xn->metrics);
}

/* in the order of the SYN's IP header, as Linux does */
static void make_cookie(const struct sk_buff *skb, const siphash_key_t *key, struct xtcp_fastopen_cookie *cookie)
{
	__le64 octets;
	u64 hash;

	if (skb->protocol == htons(ETH_P_IP))
		hash = siphash(&ip_hdr(skb)->saddr, 2 * sizeof(struct in_addr), key);
	else
		hash = siphash(&ipv6_hdr(skb)->saddr, 2 * sizeof(struct in6_addr), key);
	octets = cpu_to_le64(hash);
	memcpy(cookie->octets, &octets, sizeof(octets));
	cookie->len = XTCP_FASTOPEN_OURS;
}

/* Return: which key has made the cookie, 1 or 2; 0: none. @right: the cookie that the first key makes. */
static unsigned int xtcp_fastkeys_check(const struct xtcp_fastopen_keys *keys, const struct sk_buff *skb,
					const struct xtcp_fastopen_cookie *cookie, struct xtcp_fastopen_cookie *right)
{
	struct xtcp_fastopen_cookie other, *made = right;
	unsigned int i;

	for (i = 0; keys && i < keys->n; i++, made = &other) {
		make_cookie(skb, &keys->key[i], made);
		if (cookie->len == made->len && !memcmp(cookie->octets, made->octets, made->len))
			return i + 1;
	}
	return 0;
}

#define RESET_COUNTS	60U	/* for so many seconds, and a part of one, a reset connection counts (section 5.1) */
#define RESET_SLOTS	64U	/* one for each second that counts */
/* a smaller MTU might not hold a SYN-ACK with a cookie and all other options */
#define MTU_MIN		128U

struct xtcp_fastopenq {
	/* the socket's; one of each SYN that is being examined; one of each connection of @len but not of @resets */
	refcount_t refs;
	unsigned int max;	/* how many connections may wait for their handshake's last ACK; 0: Fast Open is off */
	struct xtcp_fastopen_keys __rcu *keys;	/* the socket's own; NULL: those of the namespace apply */
	spinlock_t lock;	/* guards what follows; softirq, process; nests inside a socket lock */
	unsigned int len;	/* number of connections that count against @max */
	u32 first;		/* the first second of which resets still count, as xtcp_clock_seconds() */
	u32 resets[RESET_SLOTS];	/* connections that were reset in each second, all in @len */
	struct rcu_head rcu;
};

/* allocated by the first call; NULL without memory */
static struct xtcp_fastopenq *queue_of(struct sock *sk)
{
	struct xtcp_cold *cold = xtcp_cold_get(sk, GFP_KERNEL_ACCOUNT);
	struct xtcp_fastopenq *queue;

	sock_owned_by_me(sk);
	if (!cold || cold->fastopenq)
		return cold ? cold->fastopenq : NULL;
	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return NULL;
	refcount_set(&queue->refs, 1);
	spin_lock_init(&queue->lock);
	/* a SYN reads this pointer without a lock, and must find the queue initialised */
	smp_store_release(&cold->fastopenq, queue);
	return queue;
}

static void put_queue(struct xtcp_fastopenq *queue)
{
	if (!refcount_dec_and_test(&queue->refs))
		return;
	xtcp_fastkeys_replace(&queue->keys, NULL);
	kfree_rcu(queue, rcu);
}

/**
 * xtcp_fastopen_set_max() - set TCP_FASTOPEN
 * @sk: in CLOSED or LISTEN
 * @max: how many connections may wait for their handshake's last ACK; at most net.core.somaxconn
 * Context: process, may sleep. Lock: socket, held.
 * Return: 0 or -ENOMEM.
 */
int xtcp_fastopen_set_max(struct sock *sk, unsigned int max)
{
	struct xtcp_fastopenq *queue;
	int err = xtcp_fastkeys_draw(xtcp_net_of(sk));

	sock_owned_by_me(sk);
	if (err)
		return err;
	queue = queue_of(sk);
	if (!queue)
		return -ENOMEM;
	WRITE_ONCE(queue->max, min_t(unsigned int, max, READ_ONCE(sock_net(sk)->core.sysctl_somaxconn)));
	return 0;
}

/* The value of TCP_FASTOPEN. Process; the socket lock is held, or the caller has the descriptor. */
int xtcp_fastopen_max(const struct sock *sk)
{
	const struct xtcp_fastopenq *queue = xtcp_cold_fastopenq(sk);

	return queue ? READ_ONCE(queue->max) : 0;
}

/**
 * xtcp_fastopen_set_keys() - set TCP_FASTOPEN_KEY
 * @sk: in any state
 * @octets: the keys, %XTCP_FASTOPEN_KEY_LEN octets each
 * @n: number of keys, 1 or 2; the second key only checks cookies
 * Context: process, may sleep. Lock: socket, held.
 * Return: 0 or -ENOMEM.
 */
int xtcp_fastopen_set_keys(struct sock *sk, const u8 *octets, unsigned int n)
{
	struct xtcp_fastopenq *queue = queue_of(sk);
	struct xtcp_fastopen_keys *keys;

	sock_owned_by_me(sk);
	if (!queue)
		return -ENOMEM;
	keys = xtcp_fastkeys_make(octets, n);
	if (!keys)
		return -ENOMEM;
	xtcp_fastkeys_replace(&queue->keys, keys);
	return 0;
}

/**
 * xtcp_fastopen_get_keys() - the socket's own keys
 * @sk: in any state; the caller has its descriptor
 * @octets: a buffer for two keys
 * Context: process.
 * Return: octets written; 0 when the socket has no keys of its own.
 */
int xtcp_fastopen_get_keys(const struct sock *sk, u8 *octets)
{
	struct xtcp_fastopenq *queue = xtcp_cold_fastopenq(sk);

	return queue ? xtcp_fastkeys_copy(&queue->keys, octets) : 0;
}

/**
 * xtcp_fastopen_free() - drop the Fast Open state of a socket
 * @sk: CLOSED; no new SYN finds the state, but an earlier SYN may still use it
 * Context: softirq or process. Lock: socket, held, or nobody else can find @sk.
 */
void xtcp_fastopen_free(struct sock *sk)
{
	struct xtcp_fastopenq *queue = xtcp_cold_fastopenq(sk);

	if (likely(!queue))
		return;
	WRITE_ONCE(xtcp_cold(sk)->fastopenq, NULL);
	put_queue(queue);
}

/*
 * Connections that were reset more than a minute ago no longer count. A number for each second is
 * kept, and nothing for each connection: any number of peers can have theirs reset.
 */
static u32 forget_resets(struct xtcp_fastopenq *queue)
{
	const u32 now = xtcp_clock_seconds(), first = now - RESET_COUNTS;

	lockdep_assert_held(&queue->lock);
	if ((s32)(first - queue->first) > (s32)RESET_SLOTS)
		queue->first = first - RESET_SLOTS;
	for (; (s32)(first - queue->first) > 0; queue->first++) {
		queue->len -= queue->resets[queue->first % RESET_SLOTS];
		queue->resets[queue->first % RESET_SLOTS] = 0;
	}
	return now;
}

/* One more connection, if the limit permits it. */
static bool enter_queue(struct xtcp_fastopenq *queue)
{
	bool room;

	spin_lock(&queue->lock);
	forget_resets(queue);
	room = queue->len < READ_ONCE(queue->max);
	queue->len += room;
	spin_unlock(&queue->lock);
	return room;
}

static void leave_queue(struct xtcp_fastopenq *queue)
{
	spin_lock_bh(&queue->lock);
	queue->len--;
	spin_unlock_bh(&queue->lock);
	put_queue(queue);
}

static bool needs_no_cookie(const struct sock *lsk, const struct dst_entry *dst)
{
	/* if the program sets TCP_FASTOPEN_NO_COOKIE now, either value is right */
	const bool wants_none = data_race(!!xtcp_sk(lsk)->fastopen_no_cookie);

	return wants_none || READ_ONCE(xtcp_net_of(lsk)->sysctl.fastopen) & XTCP_FASTOPEN_ANY_COOKIE ||
	       dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE);
}

/* @queue already counts the connection. */
static struct xtcp_fastopen *judge_syn(struct sock *lsk, struct xtcp_fastopenq *queue, const struct sk_buff *skb,
				       const struct dst_entry *dst, const struct xtcp_fastopen_cookie *cookie,
				       struct xtcp_fastopen_cookie *answer)
{
	struct xtcp_net *xn = xtcp_net_of(lsk);
	const struct xtcp_fastopen_keys *keys;
	struct xtcp_fastopen *fast;
	unsigned int which = 0;

	if (!needs_no_cookie(lsk, dst)) {
		if (cookie->len < 0)
			return NULL;
		keys = rcu_dereference(queue->keys) ?: rcu_dereference(xn->fastopen_keys);
		which = xtcp_fastkeys_check(keys, skb, cookie, answer);
		if (!which) {
			if (cookie->len)
				XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENPASSIVEFAIL);
			return NULL;
		}
	}
	fast = kmalloc(sizeof(*fast), GFP_ATOMIC | __GFP_NOWARN);
	if (!fast) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENPASSIVEFAIL);
		return NULL;
	}
	fast->queue = queue;
	fast->cookie = *answer;
	/* only a client whose cookie was made with the second key needs a new one */
	if (which != 2)
		fast->cookie.len = -1;
	return fast;
}

/**
 * xtcp_fastopen_syn() - may this SYN open a connection at once?
 * @lsk: the listener, with Fast Open state
 * @skb: the SYN, at its TCP header
 * @dst: the route of the SYN-ACK
 * @answer: receives the cookie for the SYN-ACK, if the caller makes no child; length negative: none
 *
 * RFC 7413 sections 4.1.2 and 4.2.2. Also without data: the server may write first.
 * Context: softirq, RCU read side.
 * Return: the state of the connection, for xtcp_child_make() or xtcp_fastopen_declined(); NULL: no.
 */
struct xtcp_fastopen *xtcp_fastopen_syn(struct sock *lsk, struct sk_buff *skb, const struct dst_entry *dst,
					struct xtcp_fastopen_cookie *answer)
{
	struct xtcp_fastopenq *queue = xtcp_cold_fastopenq(lsk);
	struct xtcp_net *xn = xtcp_net_of(lsk);
	const struct xtcp_seg *seg = xtcp_seg(skb);
	struct xtcp_fastopen_cookie cookie;
	struct xtcp_fastopen *fast;
	bool asks;

	answer->len = -1;
	asks = xtcp_options_find_fastopen(skb->data + XTCP_HDR_LEN, seg->hdr_len - XTCP_HDR_LEN, &cookie);
	if (asks && !cookie.len)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENCOOKIEREQD);
	if (!queue || !READ_ONCE(queue->max) || !(READ_ONCE(xn->sysctl.fastopen) & XTCP_FASTOPEN_SERVER) ||
	    !(asks || seg->len) || dst_mtu(dst) < MTU_MIN || !refcount_inc_not_zero(&queue->refs))
		return NULL;
	if (!enter_queue(queue)) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENLISTENOVERFLOW);
		put_queue(queue);
		return NULL;
	}
	fast = judge_syn(lsk, queue, skb, dst, &cookie, answer);
	if (!fast)
		leave_queue(queue);
	return fast;
}

/* Undo xtcp_fastopen_syn() when no child could be made. Softirq. */
void xtcp_fastopen_declined(struct xtcp_fastopen *fast)
{
	leave_queue(fast->queue);
	kfree(fast);
}

/**
 * xtcp_fastopen_move() - let another listener count a connection whose handshake is not complete
 * @sk: the connection, of Fast Open or not
 * @lsk: counts it from now on, even above its limit; without Fast Open, the old one still does
 * Context: softirq or process, BH disabled, RCU read side. Lock: socket of @sk, held.
 */
void xtcp_fastopen_move(struct sock *sk, struct sock *lsk)
{
	struct xtcp_fastopenq *queue = xtcp_cold_fastopenq(lsk), *old;
	struct xtcp_fastopen *fast = xtcp_sk(sk)->fastopen;

	sock_owned_by_me(sk);
	if (likely(!fast) || !queue || queue == fast->queue || !refcount_inc_not_zero(&queue->refs))
		return;
	old = fast->queue;
	spin_lock(&queue->lock);
	queue->len++;
	spin_unlock(&queue->lock);
	fast->queue = queue;
	leave_queue(old);
}

/**
 * xtcp_fastopen_over() - the handshake of a Fast Open connection has ended or failed
 * @sk: the sock
 * @reset: by a RST, perhaps of a spoofed address: it counts a minute more (RFC 7413 section 5.1)
 */
void xtcp_fastopen_over(struct sock *sk, bool reset)
{
	struct xtcp_fastopen *fast = xtcp_sk(sk)->fastopen;
	struct xtcp_fastopenq *queue = fast->queue;

	sock_owned_by_me(sk);
	WRITE_ONCE(xtcp_sk(sk)->fastopen, NULL);
	kfree(fast);
	if (!reset) {
		leave_queue(queue);
		return;
	}
	spin_lock_bh(&queue->lock);
	queue->resets[forget_resets(queue) % RESET_SLOTS]++;
	spin_unlock_bh(&queue->lock);
	put_queue(queue);
}

#define SETS		64U
#define PLACES		4U		/* of a set; the table has 64 * 4 places, in 16 KiB */
/* with more losses in a row, SYNs to the host carry no data for a time */
#define LOSSES_ALLOWED	1U
/* seconds; doubled for each loss in a row, as in Linux before 4.14 */
#define LOSS_COUNTS	60U
/* more do not lengthen the time: 2^10 * 60 s are 17 hours */
#define LOSSES_MAX	10U

struct host {
	struct in6_addr addrs[2];	/* ours and the host's; IPv4 addresses are v4-mapped */
	u32 stamp;		/* xtcp_clock_seconds() at the last write; 32-bit jiffies would wrap in 50 days */
	u32 last_loss;		/* xtcp_clock_seconds() at the last loss of a SYN with data */
	u16 mss;		/* in the host's SYN-ACK; 0: this place is unused */
	u8 losses;		/* number of SYNs with data that were lost in a row */
	struct xtcp_fastopen_cookie cookie;	/* the host's; length 0 or negative: none is known */
};

struct host_set {
	spinlock_t lock;	/* guards @hosts; process, softirq; nests inside a socket lock */
	struct host hosts[PLACES];
};

struct xtcp_metrics {
	struct host_set sets[SETS];
};

/* allocated at the first call; NULL without memory */
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
	/* orders the writes above before the pointer to the table */
	other = cmpxchg(&xn->metrics, NULL, metrics);
	if (!other)
		return metrics;
	kfree(metrics);
	return other;
}

/* Stores the addresses of @sk. */
static struct host_set *set_of(const struct sock *sk, struct xtcp_metrics *metrics, struct in6_addr *addrs)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	addrs[0] = tuple.laddr;
	addrs[1] = tuple.faddr;
	return &metrics->sets[siphash(addrs, 2 * sizeof(*addrs), &xtcp_net_of(sk)->tuple_key) % SETS];
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

/* in place of an unused one, or of the host that was updated longest ago */
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

/* RFC 7413 section 4.1.3. @cookie, @mss: unchanged if unknown. Return: false if SYNs with data got lost lately. */
static bool xtcp_metrics_get(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss)
{
	struct xtcp_metrics *metrics = metrics_of(xtcp_net_of(sk));
	struct in6_addr addrs[2];
	struct host_set *set;
	struct host *host;
	bool avoid = false;

	if (!metrics)
		return true;
	set = set_of(sk, metrics, addrs);
	spin_lock_bh(&set->lock);
	host = find_host(set, addrs);
	if (host) {
		*mss = host->mss;
		if (host->cookie.len > 0)
			*cookie = host->cookie;
		avoid = host->losses > LOSSES_ALLOWED && xtcp_clock_seconds() - host->last_loss <
			LOSS_COUNTS << min_t(u32, host->losses, LOSSES_MAX);
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
	set = set_of(sk, metrics, addrs);
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

#define DOUBLINGS_MAX	6	/* the time without Fast Open doubles at most this many times */

/* Is Fast Open off? When that time is over, syn_fastopen_ch marks @sk as one that tries again. */
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

/* @cookie: the option for the SYN (length 0: ask; negative: none). @mss: the peer's; unchanged if unknown. */
static bool may_carry_text(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss)
{
	const struct dst_entry *dst = __sk_dst_get(sk);

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
	if (READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & XTCP_FASTOPEN_SEND_NO_COOKIE ||
	    xtcp_sk(sk)->fastopen_no_cookie || (dst && dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE))) {
		cookie->len = -1;
		return true;
	}
	if (cookie->len > 0)
		return true;
	xtcp_sk(sk)->fastopen_client_fail = TFO_COOKIE_UNAVAILABLE;
	return false;
}

/**
 * xtcp_fastsyn_waits_for_text() - does connect() with TCP_FASTOPEN_CONNECT leave the SYN to a
 *	write?
 * @sk: SYN-SENT; its addresses are known
 *
 * Yes if the SYN may carry data: a cookie is known or none is needed, Fast Open has not failed
 * lately, and the SYN has no signature.
 * Context: process, may sleep. Lock: socket, held.
 */
bool xtcp_fastsyn_waits_for_text(struct sock *sk)
{
	struct xtcp_fastopen_cookie cookie;
	u16 mss;

	sock_owned_by_me(sk);
	return may_carry_text(sk, &cookie, &mss);
}

/* On a SYN to a host with MSS @mss. As in Linux, 40 octets are left for options. */
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

/* Behind the SYN, fewer octets than @room if memory is short. The rest stays in fast->msg. */
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
		n = xtcp_sndq_copy(sk, skb, &fast->msg->msg_iter, min(room, msg_data_left(fast->msg)));
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
 * Context: process, may sleep. Lock: socket, held.
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

void xtcp_fastsyn_black_hole(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);

	sock_owned_by_me(sk);
	if (!READ_ONCE(xn->sysctl.fastopen_blackhole_timeout_sec))
		return;
	WRITE_ONCE(xn->blackhole_stamp, jiffies);
	/* pairs with smp_rmb() in in_black_hole(): who sees the new number also sees the time of the last sign */
	smp_mb__before_atomic();
	atomic_inc(&xn->blackholes);
	XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPFASTOPENBLACKHOLE);
}

/**
 * xtcp_fastsyn_over() - a connection ends, whose receive state has not been reset yet
 * @sk: the socket
 *
 * A FIN out of order, and no data at all: a middlebox seems to have dropped the data, a sign of a
 * black hole. If @sk has tried Fast Open again (syn_fastopen_ch) and has received data, but not
 * over loopback, all signs so far are forgotten.
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
