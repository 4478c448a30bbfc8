// SPDX-License-Identifier: GPL-2.0
/*
 * The digest of a segment (RFC 2385 section 2.0): MD5 of the pseudo-header, the TCP header without
 * options and with a checksum of zero, the text, and the key.
 *
 * When a program sets the first key, this file asks the kernel for its MD5. If the kernel has none
 * (CONFIG_CRYPTO_MD5, FIPS), no key can be set, so nothing is signed.
 */
#include "auth/md5.h"

#include <crypto/hash.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ipv6.h>

#include "auth/keys.h"
#include "base/options.h"
#include "base/wire.h"

static struct crypto_shash *algorithm_md5;	/* NULL: not asked for yet; then constant */

/**
 * xtcp_md5_is_there() - does the kernel have MD5?
 *
 * The first call asks for the algorithm, and the kernel may load a module for it.
 *
 * Context: process, may sleep; in softirq only if some sock has a key. Lock: any.
 *
 * Return: true when it has.
 */
bool xtcp_md5_is_there(void)
{
	struct crypto_shash *tfm;

	if (likely(READ_ONCE(algorithm_md5)))
		return true;
	tfm = crypto_alloc_shash("md5", 0, 0);
	if (IS_ERR(tfm))
		return false;
	/* another program may have been faster */
	if (cmpxchg(&algorithm_md5, NULL, tfm))
		crypto_free_shash(tfm);
	return true;
}

/**
 * xtcp_md5_exit() - give the algorithm back
 *
 * Context: process, module exit; no sock and no record is left.
 */
void xtcp_md5_exit(void)
{
	if (algorithm_md5)
		crypto_free_shash(algorithm_md5);
}

/*
 * Writes the octets that are hashed before the text: the pseudo-header of IPv4 or IPv6 (RFC 9293
 * section 3.1, RFC 8200 section 8.1), followed by the TCP header. Returns how many octets.
 */
static unsigned int lay_out_head(u8 *head, const struct in6_addr *from, const struct in6_addr *to,
				 const struct tcphdr *th, u32 len)
{
	struct tcphdr *copy;
	u8 *p = head;

	if (ipv6_addr_v4mapped(from)) {
		memcpy(p, &from->s6_addr32[3], 4);
		memcpy(p + 4, &to->s6_addr32[3], 4);
		p[8] = 0;
		p[9] = IPPROTO_TCP;
		xtcp_options_write16(p + 10, len);
		p += 12;
	} else {
		memcpy(p, from, 16);
		memcpy(p + 16, to, 16);
		xtcp_options_write32(p + 32, len);
		xtcp_options_write32(p + 36, IPPROTO_TCP);
		p += 40;
	}
	copy = memcpy(p, th, sizeof(*th));
	copy->check = 0;
	return p + sizeof(*th) - head;
}

static int update_by_text(struct shash_desc *desc, struct sk_buff *skb, unsigned int at)
{
	struct skb_seq_state state;
	unsigned int n, read = 0;
	const u8 *octets;
	int err = 0;

	skb_prepare_seq_read(skb, at, skb->len, &state);
	while ((n = skb_seq_read(read, &octets, &state))) {
		err = crypto_shash_update(desc, octets, n);
		if (err) {
			skb_abort_seq_read(&state);
			break;
		}
		read += n;
	}
	return err;
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
	u8 head[2 * sizeof(struct in6_addr) + 8 + sizeof(struct tcphdr)] __aligned(4);
	const unsigned int head_len = lay_out_head(head, from, to, th, skb->len);
	SHASH_DESC_ON_STACK(desc, algorithm_md5);
	int err;

	desc->tfm = READ_ONCE(algorithm_md5);
	err = crypto_shash_init(desc) ?: crypto_shash_update(desc, head, head_len);
	if (!err && skb->len > th->doff * 4)
		err = update_by_text(desc, skb, th->doff * 4);
	err = err ?: crypto_shash_update(desc, key->octets, key->len) ?: crypto_shash_final(desc, digest);
	shash_desc_zero(desc);
	return !err;
}

/**
 * xtcp_md5_sign() - write the digest into a segment
 * @key: the key
 * @from: our address
 * @to: the peer's address
 * @skb: begins with its TCP header, complete but for the checksum; the options begin as
 *	xtcp_options_write() writes them with @has_md5
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
