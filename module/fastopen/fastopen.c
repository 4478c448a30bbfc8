// SPDX-License-Identifier: GPL-2.0
/*
 * The server side of TCP Fast Open (RFC 7413).
 *
 * A SYN asks for a cookie, and the SYN-ACK brings one. A later SYN with this cookie
 * may carry data. For such a SYN the listener makes the child at once, in SYN-RECEIVED, and puts it
 * on the accept queue. So the program can read and answer before the ACK arrives that completes the
 * handshake. The child sends the SYN-ACK itself, with its own timer. A wrong cookie costs the
 * client a round trip: the listener does not take the data, and the SYN-ACK brings the right
 * cookie.
 *
 * An attacker with a valid cookie could open many connections from spoofed addresses. So a listener
 * has a limit for connections whose handshake is not complete (TCP_FASTOPEN). The owner of a
 * spoofed address resets the connection, but this reset must not make room for the attacker's next
 * SYN. So a connection that is reset during its handshake counts for one more minute (section 5.1).
 * While the limit is reached, the listener answers SYNs as if Fast Open were off.
 *
 * The limits are the same as in Linux.
 *
 * The keys of TCP Fast Open (RFC 7413 section 4.1.2), and the cookies that they make and check. A
 * cookie is a keyed hash of both addresses, so the server stores no state. A namespace has keys,
 * and a listener may have its own.
 *
 * Keys and cookies are the same as in Linux. So a cookie that kernel TCP has made is valid for an
 * xtcp listener with the same key.
 */
#include "fastopen/fastopen.h"

#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "base/options.h"
#include "base/seg.h"
#include "base/sock.h"
#include "base/wire.h"
#include "send/send.h"
#include "sight/sight.h"

#define KEYS_WORDS	(2 * XTCP_FASTOPEN_KEY_LEN / 4)

/*
 * One or two (@n) keys for cookies. key[0] makes cookies; a cookie made with either key is valid.
 */
struct xtcp_fastopen_keys {
	siphash_key_t key[2];
	unsigned int n;
	struct rcu_head rcu;
};

static void keys_free_rcu(struct rcu_head *rcu)
{
	kfree_sensitive(container_of(rcu, struct xtcp_fastopen_keys, rcu));
}

/*
 * Set the keys of a listener or a namespace.
 * @place: where the pointer to the keys is
 */
static void xtcp_fastkeys_replace(struct xtcp_fastopen_keys __rcu **place, struct xtcp_fastopen_keys *new)
{
	struct xtcp_fastopen_keys *old = unrcu_pointer(xchg(place, RCU_INITIALIZER(new)));

	if (old)
		call_rcu(&old->rcu, keys_free_rcu);
}

/*
 * Make keys from octets.
 * @octets: the keys, %XTCP_FASTOPEN_KEY_LEN octets each
 * @n: number of keys, 1 or 2
 *
 * Context: process, may sleep.
 *
 * Return: the keys, for xtcp_fastkeys_replace(); NULL without memory.
 */
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

/*
 * Copy the keys of a listener or a namespace.
 * @place: where the pointer to the keys is
 * @octets: a buffer for two keys
 *
 * Return: octets written; 0: there are no keys.
 */
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

/*
 * Give the namespace a random key if it has none.
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
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
 * @text: receives the text, at most %XTCP_FASTOPEN_KEYS_TEXT octets; if the namespace has no key,
 *	the text is a key of zeros
 *
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
 *
 * Context: process, may sleep.
 *
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
	/*
	 * while there is no key, the sysctl shows a key of zeros. If a user writes these zeros
	 * back, they must not become the key: everybody would know the key
	 */
	if (!(words[0] | words[1] | words[2] | words[3]))
		return -EINVAL;
	keys = xtcp_fastkeys_make((u8 *)words, second ? 2 : 1);
	memzero_explicit(words, sizeof(words));
	if (!keys)
		return -ENOMEM;
	xtcp_fastkeys_replace(&xn->fastopen_keys, keys);
	return 0;
}

/**
 * xtcp_fastkeys_net_exit() - free the keys of a namespace
 * @xn: the namespace; no more SYNs come
 *
 * Context: process.
 */
void xtcp_fastkeys_net_exit(struct xtcp_net *xn)
{
	xtcp_fastkeys_replace(&xn->fastopen_keys, NULL);
}

/* Hashes both addresses in the order of the SYN's IP header, as Linux does. */
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

/*
 * Which key has made the cookie of a SYN?
 * @keys: the keys that apply to the listener; NULL: none
 * @right: receives the cookie that the first key makes; unchanged without keys
 *
 * Context: softirq, RCU read side.
 *
 * Return: 1 or 2; 0: neither key.
 */
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

#define RESET_COUNTS	(60 * HZ)	/* a reset connection counts for this time (section 5.1) */
/* a smaller MTU might not hold a SYN-ACK with a cookie and all other options */
#define MTU_MIN		128U

/**
 * struct xtcp_fastopenq - the Fast Open state of a socket
 * @refs: one reference for the socket, one for each SYN that is being examined, and one for each
 *	connection that counts against @max, except those in @resets
 * @max: how many connections may wait for their handshake's last ACK; 0: Fast Open is off
 * @keys: the socket's own keys; NULL: the keys of the namespace apply; RCU
 * @lock: guards @len and @resets; taken in softirq and process context, nests inside a socket lock
 * @len: number of connections that count against @max
 * @resets: connections that were reset and still count, the oldest first
 * @rcu: frees this struct
 */
struct xtcp_fastopenq {
	refcount_t refs;
	unsigned int max;
	struct xtcp_fastopen_keys __rcu *keys;
	spinlock_t lock;	/* guards @len and @resets */
	unsigned int len;
	struct list_head resets;
	struct rcu_head rcu;
};

/* Returns the Fast Open state of @sk, which the first call allocates; NULL without memory. */
static struct xtcp_fastopenq *queue_of(struct sock *sk)
{
	struct xtcp_seldom *seldom = xtcp_seldom_get(sk, GFP_KERNEL_ACCOUNT);
	struct xtcp_fastopenq *queue;

	sock_owned_by_me(sk);
	if (!seldom || seldom->fastopenq)
		return seldom ? seldom->fastopenq : NULL;
	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return NULL;
	refcount_set(&queue->refs, 1);
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->resets);
	/* a SYN reads this pointer without a lock, and must find the queue initialised */
	smp_store_release(&seldom->fastopenq, queue);
	return queue;
}

static void put_queue(struct xtcp_fastopenq *queue)
{
	struct xtcp_fastopen *fast, *next;

	if (!refcount_dec_and_test(&queue->refs))
		return;
	list_for_each_entry_safe(fast, next, &queue->resets, node)
		kfree(fast);
	xtcp_fastkeys_replace(&queue->keys, NULL);
	kfree_rcu(queue, rcu);
}

/**
 * xtcp_fastopen_set_max() - set TCP_FASTOPEN
 * @sk: in CLOSED or LISTEN
 * @max: how many connections may wait for their handshake's last ACK; a number above
 *	net.core.somaxconn is lowered to it
 *
 * Context: process, may sleep. Lock: socket, held.
 *
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

/**
 * xtcp_fastopen_max() - the value of TCP_FASTOPEN
 * @sk: in any state
 *
 * Context: process. Lock: socket, held, or the caller has the descriptor.
 *
 * Return: how many connections may wait for their handshake's last ACK.
 */
int xtcp_fastopen_max(const struct sock *sk)
{
	const struct xtcp_fastopenq *queue = xtcp_seldom_fastopenq(sk);

	return queue ? READ_ONCE(queue->max) : 0;
}

/**
 * xtcp_fastopen_set_keys() - set TCP_FASTOPEN_KEY
 * @sk: in any state
 * @octets: the keys, %XTCP_FASTOPEN_KEY_LEN octets each
 * @n: number of keys, 1 or 2; the second key only checks cookies
 *
 * Context: process, may sleep. Lock: socket, held.
 *
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
 *
 * Context: process.
 *
 * Return: octets written; 0 when the socket has no keys of its own.
 */
int xtcp_fastopen_get_keys(const struct sock *sk, u8 *octets)
{
	struct xtcp_fastopenq *queue = xtcp_seldom_fastopenq(sk);

	return queue ? xtcp_fastkeys_copy(&queue->keys, octets) : 0;
}

/**
 * xtcp_fastopen_listen() - turn Fast Open on for a new listener, if net.xtcp.fastopen says so
 * @sk: in CLOSED
 * @backlog: the argument of listen(), used as the limit
 *
 * Nothing changes if TCP_FASTOPEN is above 0 already.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_fastopen_listen(struct sock *sk, unsigned int backlog)
{
	const int wanted = XTCP_FASTOPEN_SERVER | XTCP_FASTOPEN_ANY_LISTENER;

	sock_owned_by_me(sk);
	if ((READ_ONCE(xtcp_net_of(sk)->sysctl.fastopen) & wanted) != wanted || xtcp_fastopen_max(sk))
		return 0;
	return xtcp_fastopen_set_max(sk, backlog);
}

/**
 * xtcp_fastopen_free() - drop the Fast Open state of a socket
 * @sk: CLOSED; no new SYN finds the state, but an earlier SYN may still use it
 *
 * Context: softirq or process. Lock: socket, held, or nobody else can find @sk.
 */
void xtcp_fastopen_free(struct sock *sk)
{
	struct xtcp_fastopenq *queue = xtcp_seldom_fastopenq(sk);

	if (likely(!queue))
		return;
	WRITE_ONCE(xtcp_seldom(sk)->fastopenq, NULL);
	put_queue(queue);
}

/*
 * Counts one more connection, if the limit permits one. Connections that were reset more than a
 * minute ago no longer count. Return: false if the limit is reached.
 */
static bool enter_queue(struct xtcp_fastopenq *queue)
{
	struct xtcp_fastopen *fast, *next;
	bool room;

	spin_lock(&queue->lock);
	list_for_each_entry_safe(fast, next, &queue->resets, node) {
		if (time_before(jiffies, fast->until))
			break;
		list_del(&fast->node);
		kfree(fast);
		queue->len--;
	}
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
	/* data_race(): if the program sets TCP_FASTOPEN_NO_COOKIE now, either value is right */
	const bool wants_none = data_race(!!xtcp_sk(lsk)->fastopen_no_cookie);

	return wants_none || READ_ONCE(xtcp_net_of(lsk)->sysctl.fastopen) & XTCP_FASTOPEN_ANY_COOKIE ||
	       dst_metric(dst, RTAX_FASTOPEN_NO_COOKIE);
}

/*
 * Decides for xtcp_fastopen_syn() whether the SYN may open a connection at once. @queue already
 * counts the connection. Return: as for xtcp_fastopen_syn().
 */
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
	/*
	 * send the first key's cookie only to a client whose cookie was made with the second key:
	 * any other client needs no new cookie
	 */
	if (which != 2)
		fast->cookie.len = -1;
	return fast;
}

/**
 * xtcp_fastopen_syn() - may this SYN open a connection at once?
 * @lsk: the listener, with Fast Open state
 * @skb: the SYN, at its TCP header
 * @dst: the route of the SYN-ACK
 * @answer: receives the cookie for the SYN-ACK that the caller sends if it makes no child; a
 *	negative answer->len: no cookie for this SYN-ACK
 *
 * RFC 7413 sections 4.1.2 and 4.2.2. A SYN without data may also open the connection at once,
 * because the server's program may be the first to write.
 *
 * Context: softirq, RCU read side.
 *
 * Return: the Fast Open state of the connection, for xtcp_fastopen_begin() or
 * xtcp_fastopen_declined(); NULL: the SYN may not open a connection at once.
 */
struct xtcp_fastopen *xtcp_fastopen_syn(struct sock *lsk, struct sk_buff *skb, const struct dst_entry *dst,
					struct xtcp_fastopen_cookie *answer)
{
	struct xtcp_fastopenq *queue = xtcp_seldom_fastopenq(lsk);
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

/**
 * xtcp_fastopen_declined() - undo xtcp_fastopen_syn() when no child could be made
 * @fast: from xtcp_fastopen_syn()
 *
 * Context: softirq.
 */
void xtcp_fastopen_declined(struct xtcp_fastopen *fast)
{
	leave_queue(fast->queue);
	kfree(fast);
}

/**
 * xtcp_fastopen_begin() - queue the SYN-ACK of a child that opens before its handshake is complete
 * @child: the child, complete except for its SYN-ACK
 * @fast: from xtcp_fastopen_syn(); after success, the child owns it
 *
 * Context: softirq. Lock: socket, held, and nobody else can find @child yet.
 *
 * Return: 0; or -ENOBUFS, and the caller still owns @fast.
 */
int xtcp_fastopen_begin(struct sock *child, struct xtcp_fastopen *fast)
{
	int err;

	sock_owned_by_me(child);
	err = xtcp_output_queue_syn(child);
	if (!err)
		xtcp_sk(child)->fastopen = fast;
	return err;
}

/**
 * xtcp_fastopen_move() - let another listener count a connection whose handshake is not complete
 * @sk: the connection; if Fast Open did not open it, or its handshake is complete, nothing happens
 * @lsk: counts the connection from now on; if @lsk has no Fast Open state, the old listener still
 *	counts the connection
 *
 * @lsk counts the connection even above its limit, because the connection exists already.
 *
 * Context: softirq or process, BH disabled, RCU read side. Lock: socket of @sk, held.
 */
void xtcp_fastopen_move(struct sock *sk, struct sock *lsk)
{
	struct xtcp_fastopenq *queue = xtcp_seldom_fastopenq(lsk), *old;
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
 * xtcp_fastopen_is_pending() - was the connection opened by Fast Open, and is its handshake not
 * complete?
 * @sk: the sock
 *
 * Context: softirq or process. Lock: none; if another thread has the socket lock, the answer may
 * change at once.
 *
 * Return: true when both are so.
 */
bool xtcp_fastopen_is_pending(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->fastopen);
}

/**
 * xtcp_fastopen_over() - the handshake of a Fast Open connection has ended or failed
 * @sk: the sock
 * @reset: the peer has reset the connection. An attacker may have spoofed the peer's address, so
 *	the connection counts against the listener's limit for another minute
 *
 * RFC 7413 section 5.1.
 */
void xtcp_fastopen_over(struct sock *sk, bool reset)
{
	struct xtcp_fastopen *fast = xtcp_sk(sk)->fastopen;
	struct xtcp_fastopenq *queue = fast->queue;

	sock_owned_by_me(sk);
	WRITE_ONCE(xtcp_sk(sk)->fastopen, NULL);
	if (!reset) {
		kfree(fast);
		leave_queue(queue);
		return;
	}
	fast->until = jiffies + RESET_COUNTS;
	spin_lock_bh(&queue->lock);
	list_add_tail(&fast->node, &queue->resets);
	spin_unlock_bh(&queue->lock);
	put_queue(queue);
}
