// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of TCP Fast Open (RFC 7413 section 4.1.2), and the cookies that they make and check. A
 * cookie is a keyed hash of both addresses, so the server stores no state. A namespace has keys,
 * and a listener may have its own.
 *
 * Keys and cookies are the same as in Linux. So a cookie that kernel TCP has made is valid for an
 * xtcp listener with the same key.
 */
#include "fastopen/fastkeys.h"

#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "base/net.h"
#include "base/options.h"
#include "base/wire.h"

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

/**
 * xtcp_fastkeys_replace() - set the keys of a listener or a namespace
 * @place: where the pointer to the keys is
 * @new: from xtcp_fastkeys_make(); NULL: none
 *
 * Context: softirq or process.
 */
void xtcp_fastkeys_replace(struct xtcp_fastopen_keys __rcu **place, struct xtcp_fastopen_keys *new)
{
	struct xtcp_fastopen_keys *old = unrcu_pointer(xchg(place, RCU_INITIALIZER(new)));

	if (old)
		call_rcu(&old->rcu, keys_free_rcu);
}

/**
 * xtcp_fastkeys_make() - make keys from octets
 * @octets: the keys, %XTCP_FASTOPEN_KEY_LEN octets each
 * @n: number of keys, 1 or 2
 *
 * Context: process, may sleep.
 *
 * Return: the keys, for xtcp_fastkeys_replace(); NULL without memory.
 */
struct xtcp_fastopen_keys *xtcp_fastkeys_make(const u8 *octets, unsigned int n)
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

/**
 * xtcp_fastkeys_copy() - copy the keys of a listener or a namespace
 * @place: where the pointer to the keys is
 * @octets: a buffer for two keys
 *
 * Context: any.
 *
 * Return: octets written; 0: there are no keys.
 */
int xtcp_fastkeys_copy(struct xtcp_fastopen_keys __rcu *const *place, u8 *octets)
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

/**
 * xtcp_fastkeys_draw() - give the namespace a random key if it has none
 * @xn: the namespace
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_fastkeys_draw(struct xtcp_net *xn)
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

/**
 * xtcp_fastkeys_check() - which key has made the cookie of a SYN?
 * @keys: the keys that apply to the listener; NULL: none
 * @skb: the SYN
 * @cookie: its cookie
 * @right: receives the cookie that the first key makes; unchanged without keys
 *
 * Context: softirq, RCU read side.
 *
 * Return: 1 or 2; 0: neither key.
 */
unsigned int xtcp_fastkeys_check(const struct xtcp_fastopen_keys *keys, const struct sk_buff *skb,
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
