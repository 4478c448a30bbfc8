// SPDX-License-Identifier: GPL-2.0
/*
 * The TCP-MD5 digest of a segment (RFC 2385 section 2.0): MD5 of the pseudo-header, the TCP header
 * without options and with a checksum of zero, the text, and the key.
 *
 * When a program sets the first key, this file asks the kernel's crypto API for MD5. If the kernel
 * has no MD5 (without CONFIG_CRYPTO_MD5, or in FIPS mode), no key can be set.
 */
#include "auth/md5.h"

#include <crypto/hash.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>

#include "auth/hash.h"
#include "auth/keys.h"
#include "base/options.h"
#include "base/wire.h"

static struct crypto_shash *algorithm_md5;	/* NULL until a key is first set; then constant */

/**
 * xtcp_md5_is_there() - does the kernel have MD5?
 *
 * The first call allocates the kernel's object for MD5; the kernel may load a module for it.
 *
 * Context: process, may sleep; in softirq only after a call that has returned true. Lock: any.
 *
 * Return: true when the kernel has MD5.
 */
bool xtcp_md5_is_there(void)
{
	struct crypto_shash *tfm;

	if (likely(READ_ONCE(algorithm_md5)))
		return true;
	tfm = crypto_alloc_shash("md5", 0, 0);
	if (IS_ERR(tfm))
		return false;
	/* another thread may have stored its object first */
	if (cmpxchg(&algorithm_md5, NULL, tfm))
		crypto_free_shash(tfm);
	return true;
}

/**
 * xtcp_md5_exit() - free the kernel's object for MD5
 *
 * Context: process, module exit; no sock and no record is left.
 */
void xtcp_md5_exit(void)
{
	if (algorithm_md5)
		crypto_free_shash(algorithm_md5);
}

/**
 * xtcp_md5_digest() - compute the digest of a segment
 * @key: the key
 * @from: the sender; IPv4 as v4-mapped
 * @to: the receiver
 * @skb: begins with the TCP header, which is in its linear part
 * @digest: receives %XTCP_MD5_LEN octets
 *
 * Context: any but hard interrupt.
 *
 * Return: false when the algorithm has failed.
 */
bool xtcp_md5_digest(const struct xtcp_md5_key *key, const struct in6_addr *from, const struct in6_addr *to,
		     struct sk_buff *skb, u8 *digest)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	u8 head[XTCP_HASH_PSEUDO_MAX + sizeof(*th)] __aligned(4);
	const unsigned int pseudo = xtcp_hash_pseudo_header(head, from, to, skb->len);
	SHASH_DESC_ON_STACK(desc, algorithm_md5);
	int err;

	memcpy(head + pseudo, th, sizeof(*th));
	((struct tcphdr *)(head + pseudo))->check = 0;
	desc->tfm = READ_ONCE(algorithm_md5);
	err = crypto_shash_init(desc) ?: crypto_shash_update(desc, head, pseudo + sizeof(*th));
	err = err ?: xtcp_hash_text(desc, skb, th->doff * 4);
	err = err ?: crypto_shash_update(desc, key->octets, key->len) ?: crypto_shash_final(desc, digest);
	shash_desc_zero(desc);
	return !err;
}

/**
 * xtcp_md5_sign() - write the digest into a segment
 * @key: the key
 * @from: our address
 * @to: the peer's address
 * @skb: begins with its TCP header, complete except for the checksum; xtcp_options_write() has
 *	written the options, with has_md5 set
 *
 * If the algorithm fails, the peer drops the segment.
 *
 * Context: any but hard interrupt.
 */
void xtcp_md5_sign(const struct xtcp_md5_key *key, const struct in6_addr *from, const struct in6_addr *to,
		   struct sk_buff *skb)
{
	xtcp_md5_digest(key, from, to, skb, skb->data + XTCP_HDR_LEN + XTCP_OPTIONS_MD5_AT);
}
