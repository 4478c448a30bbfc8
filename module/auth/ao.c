// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO: algorithms, traffic keys and MACs.
 *
 * For each direction of a connection, a traffic key is derived from the master key and from the
 * addresses, ports and ISNs of the connection (RFC 5925 section 5.2, RFC 5926 section 3.1.1). With
 * the traffic key of a direction we compute the MACs of its segments (RFC 5925 section 5.1).
 *
 * The kernel's object for an algorithm (struct crypto_shash) contains the key, so two processors
 * cannot use one object at the same time. Therefore each processor has its own object for each
 * algorithm, and uses it with BH disabled and under hash_lock. The objects of an algorithm are
 * allocated when a program first names the algorithm. They stay until the module is unloaded, and
 * each still contains the key that was used last.
 *
 * The TCP-MD5 digest of a segment (RFC 2385 section 2.0): MD5 of the pseudo-header, the TCP header
 * without options and with a checksum of zero, the text, and the key.
 *
 * When a program sets the first TCP-MD5 key, this file asks the kernel's crypto API for MD5. If the
 * kernel has no MD5 (without CONFIG_CRYPTO_MD5, or in FIPS mode), no such key can be set.
 *
 * MD5 digests and TCP-AO MACs cover pseudo-header and text in the same form.
 */
#include "auth/auth.h"

#include <crypto/hash.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/ipv6.h>

#include "base/options.h"
#include "base/wire.h"

/*
 * Lay out the pseudo-header of a segment.
 * @bytes: receives at most %XTCP_HASH_PSEUDO_MAX octets
 * @from: the sender; IPv4 as v4-mapped
 * @len: octets of the segment with its TCP header
 *
 * For IPv4 see RFC 9293 section 3.1, for IPv6 see RFC 8200 section 8.1.
 *
 * Return: octets written.
 */
static unsigned int xtcp_hash_pseudo_header(u8 *bytes, const struct in6_addr *from, const struct in6_addr *to,
					    u32 len)
{
	if (ipv6_addr_v4mapped(from)) {
		memcpy(bytes, &from->s6_addr32[3], 4);
		memcpy(bytes + 4, &to->s6_addr32[3], 4);
		bytes[8] = 0;
		bytes[9] = IPPROTO_TCP;
		xtcp_options_write16(bytes + 10, len);
		return 12;
	}
	memcpy(bytes, from, 16);
	memcpy(bytes + 16, to, 16);
	xtcp_options_write32(bytes + 32, len);
	xtcp_options_write32(bytes + 36, IPPROTO_TCP);
	return XTCP_HASH_PSEUDO_MAX;
}

/*
 * Hash the text of a segment.
 * @desc: the state of the algorithm
 * @at: octets of @skb in front of the text
 *
 * Context: any but hard interrupt.
 *
 * Return: 0, or the error of the algorithm.
 */
static int xtcp_hash_text(struct shash_desc *desc, struct sk_buff *skb, unsigned int at)
{
	struct skb_seq_state state;
	unsigned int n, read = 0;
	const u8 *octets;
	int err = 0;

	if (skb->len <= at)
		return 0;
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

#define CMAC_KEY_LEN	16	/* octets of a key of AES-128 */

/*
 * The first two algorithms are those of RFC 5926 section 3.2. As in Linux, a program may choose
 * others.
 */
const struct xtcp_ao_algorithm xtcp_ao_algorithms[] = {
	{ "hmac(sha1)", 20 },
	{ "cmac(aes)", 16 },
	{ "hmac(sha224)", 28 },
	{ "hmac(sha256)", 32 },
	{ "hmac(sha384)", 48 },
	{ "hmac(sha512)", 64 },
	{ "hmac(md5)", 16 },
};

/*
 * For each algorithm, one object per processor. The pointer is NULL until a program first names the
 * algorithm, and constant afterwards.
 */
static struct crypto_shash * __percpu *ao_objects[ARRAY_SIZE(xtcp_ao_algorithms)];

static bool is_cmac_of_rfc(const char *name)
{
	return !strcmp(name, "cmac(aes128)");
}

static void free_objects(struct crypto_shash * __percpu *objects)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (!IS_ERR_OR_NULL(*per_cpu_ptr(objects, cpu)))
			crypto_free_shash(*per_cpu_ptr(objects, cpu));
	free_percpu(objects);
}

/*
 * Allocates the objects of an algorithm. Return: 0; -ENOMEM; -ENOENT when the kernel has no such
 * algorithm; another error of the crypto API.
 */
static int make_objects(int algorithm)
{
	struct crypto_shash * __percpu *objects = alloc_percpu_gfp(struct crypto_shash *, GFP_KERNEL);
	struct crypto_shash **object;
	int cpu, err = 0;

	if (!objects)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		object = per_cpu_ptr(objects, cpu);
		*object = crypto_alloc_shash(xtcp_ao_algorithms[algorithm].name, 0, 0);
		err = PTR_ERR_OR_ZERO(*object);
		if (!err && (crypto_shash_digestsize(*object) != xtcp_ao_algorithms[algorithm].digest ||
			     crypto_shash_descsize(*object) > HASH_MAX_DESCSIZE))
			err = -ENOENT;
		if (err)
			break;
	}
	/* another thread may have stored its objects first */
	if (err || cmpxchg(&ao_objects[algorithm], NULL, objects))
		free_objects(objects);
	return err;
}

/**
 * xtcp_ao_algorithm() - find an algorithm by its name
 * @name: "cmac(aes128)", or a name in the kernel's crypto API
 *
 * The first call for an algorithm allocates its objects; the kernel may load a module for it.
 *
 * Context: process, may sleep. Lock: any.
 *
 * Return: the number of the algorithm; -ENOENT when xtcp or the kernel does not have it; -ENOMEM;
 * another error of the crypto API.
 */
int xtcp_ao_algorithm(const char *name)
{
	int i, err;

	if (is_cmac_of_rfc(name))
		name = "cmac(aes)";
	for (i = 0; i < (int)ARRAY_SIZE(xtcp_ao_algorithms); i++) {
		if (strcmp(xtcp_ao_algorithms[i].name, name))
			continue;
		err = READ_ONCE(ao_objects[i]) ? 0 : make_objects(i);
		return err ?: i;
	}
	return -ENOENT;
}

/**
 * xtcp_ao_exit() - free the objects of all algorithms, MD5 among them
 *
 * Context: process, module exit; no sock and no record is left.
 */
void xtcp_ao_exit(void)
{
	unsigned int i;

	if (algorithm_md5)
		crypto_free_shash(algorithm_md5);
	for (i = 0; i < ARRAY_SIZE(xtcp_ao_algorithms); i++)
		if (ao_objects[i])
			free_objects(ao_objects[i]);
}

static DEFINE_PER_CPU(local_lock_t, hash_lock) = INIT_LOCAL_LOCK(hash_lock);

/*
 * Begins a digest with @key. The digest uses this processor's object for the algorithm (struct
 * crypto_shash), so the caller has to call end_hash(), also after an error. @key is aligned to 8
 * octets, so that the kernel need not copy the key.
 */
static int begin_hash(struct shash_desc *desc, u8 algorithm, const u8 *key, unsigned int len)
{
	local_bh_disable();
	local_lock_nested_bh(&hash_lock);
	desc->tfm = *this_cpu_ptr(READ_ONCE(ao_objects[algorithm]));
	return crypto_shash_setkey(desc->tfm, key, len) ?: crypto_shash_init(desc);
}

static void end_hash(struct shash_desc *desc)
{
	local_unlock_nested_bh(&hash_lock);
	local_bh_enable();
	shash_desc_zero(desc);
}

/* Computes the digest of @bytes with @key. Return: 0, or the error of the algorithm. */
static int hash_once(u8 algorithm, const u8 *key, unsigned int key_len, const u8 *bytes, unsigned int len, u8 *digest)
{
	SHASH_DESC_ON_STACK(desc, NULL);
	int err;

	err = begin_hash(desc, algorithm, key, key_len) ?: crypto_shash_update(desc, bytes, len) ?:
	      crypto_shash_final(desc, digest);
	end_hash(desc);
	return err;
}

/**
 * xtcp_ao_master_key() - set the master key of an MKT
 * @mkt: the MKT, whose algorithm is set; receives the master key
 * @name: the program's name for the algorithm
 * @octets: the program's key
 * @len: length of @octets
 *
 * AES-128 needs a key of 16 octets. If the program names "cmac(aes128)" and its key has another
 * length, the master key is derived from the program's key (RFC 5926 section 3.1.1.2).
 *
 * Context: process.
 *
 * Return: 0; -EINVAL, or another error of the crypto API, when the algorithm takes no key of this
 * length.
 */
int xtcp_ao_master_key(struct xtcp_ao_key *mkt, const char *name, const u8 *octets, u8 len)
{
	static const u8 zeros[CMAC_KEY_LEN] __aligned(8);
	SHASH_DESC_ON_STACK(desc, NULL);
	int err;

	if (is_cmac_of_rfc(name) && len != CMAC_KEY_LEN) {
		mkt->keylen = CMAC_KEY_LEN;
		err = hash_once(mkt->algorithm, zeros, sizeof(zeros), octets, len, mkt->octets);
	} else {
		mkt->keylen = len;
		memcpy(mkt->octets, octets, len);
		err = begin_hash(desc, mkt->algorithm, mkt->octets, len);
		end_hash(desc);
	}
	return err;
}

/**
 * xtcp_ao_traffic_key() - derive the traffic key of a direction (RFC 5926 section 3.1.1)
 * @mkt: the MKT
 * @tuple: addresses and ports; the local ones are ours
 * @isns: both ISNs
 * @sent: true: for segments that we send; false: for those that the peer sends
 * @traffic: receives xtcp_ao_digest_size() octets
 *
 * Context: any but hard interrupt.
 *
 * Return: false when the algorithm has failed. Then @traffic is random, so that no MAC is valid.
 */
bool xtcp_ao_traffic_key(const struct xtcp_ao_key *mkt, const struct xtcp_tuple *tuple,
			 const struct xtcp_ao_isns *isns, bool sent, u8 *traffic)
{
	const struct in6_addr *from = sent ? &tuple->laddr : &tuple->faddr, *to = sent ? &tuple->faddr : &tuple->laddr;
	const unsigned int digest = xtcp_ao_digest_size(mkt->algorithm);
	/* block number, label, context (addresses, ports, ISNs), length of the key in bits */
	u8 block[1 + 6 + 2 * sizeof(*from) + 12 + 2] __aligned(8) = "\1TCP-AO", *p = block + 7;
	const bool v4 = xtcp_tuple_is_v4(tuple);
	int err;

	memcpy(p, v4 ? &from->s6_addr32[3] : &from->s6_addr32[0], v4 ? 4 : 16);
	p += v4 ? 4 : 16;
	memcpy(p, v4 ? &to->s6_addr32[3] : &to->s6_addr32[0], v4 ? 4 : 16);
	p += v4 ? 4 : 16;
	memcpy(p, sent ? &tuple->lport : &tuple->fport, 2);
	memcpy(p + 2, sent ? &tuple->fport : &tuple->lport, 2);
	xtcp_options_write32(p + 4, sent ? isns->ours : isns->peers);
	xtcp_options_write32(p + 8, sent ? isns->peers : isns->ours);
	xtcp_options_write16(p + 12, digest * 8);
	err = hash_once(mkt->algorithm, mkt->octets, mkt->keylen, block, p + 14 - block, traffic);
	if (err)
		get_random_bytes(traffic, digest);
	return !err;
}

/*
 * Copies the TCP header in the form that the MAC covers: the checksum and the MAC are 0, and with
 * TCP_AO_KEYF_EXCLUDE_OPT the other options are left out. @at: offset of the TCP-AO option in the
 * header. Return: octets copied.
 */
static unsigned int copy_header(u8 *bytes, const struct xtcp_ao_key *mkt, const struct tcphdr *th, unsigned int at)
{
	const unsigned int option = XTCP_OPTLEN_AO_BASE + mkt->maclen;
	unsigned int len = th->doff * 4;

	if (mkt->keyflags & TCP_AO_KEYF_EXCLUDE_OPT) {
		memcpy(bytes, th, XTCP_HDR_LEN);
		memcpy(bytes + XTCP_HDR_LEN, (const u8 *)th + at, XTCP_OPTLEN_AO_BASE);
		at = XTCP_HDR_LEN;
		len = XTCP_HDR_LEN + option;
	} else {
		memcpy(bytes, th, len);
	}
	memset(bytes + at + XTCP_OPTLEN_AO_BASE, 0, mkt->maclen);
	((struct tcphdr *)bytes)->check = 0;
	return len;
}

/**
 * xtcp_ao_mac() - compute the MAC of a segment (RFC 5925 section 5.1)
 * @mkt: the MKT
 * @traffic: the traffic key, aligned to 8 octets
 * @from: the sender; IPv4 as v4-mapped
 * @to: the receiver
 * @sne: the sequence number extension (section 6.2)
 * @skb: begins with the TCP header, which is in its linear part
 * @option: the TCP-AO option in this header; its MAC has @mkt->maclen octets
 * @mac: receives @mkt->maclen octets
 *
 * Context: any but hard interrupt.
 *
 * Return: false when the algorithm has failed.
 */
bool xtcp_ao_mac(const struct xtcp_ao_key *mkt, const u8 *traffic, const struct in6_addr *from,
		 const struct in6_addr *to, u32 sne, struct sk_buff *skb, const u8 *option, u8 *mac)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	u8 head[4 + XTCP_HASH_PSEUDO_MAX + XTCP_HDR_LEN + XTCP_MAX_OPTIONS] __aligned(8);
	u8 digest[XTCP_AO_DIGEST_MAX] __aligned(8);
	SHASH_DESC_ON_STACK(desc, NULL);
	unsigned int len = 4;
	int err;

	xtcp_options_write32(head, sne);
	len += xtcp_hash_pseudo_header(head + len, from, to, skb->len);
	len += copy_header(head + len, mkt, th, option - skb->data);
	err = begin_hash(desc, mkt->algorithm, traffic, xtcp_ao_digest_size(mkt->algorithm)) ?:
	      crypto_shash_update(desc, head, len) ?: xtcp_hash_text(desc, skb, th->doff * 4) ?:
	      crypto_shash_final(desc, digest);
	end_hash(desc);
	if (!err)
		memcpy(mac, digest, mkt->maclen);
	memzero_explicit(digest, sizeof(digest));
	return !err;
}
