// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO and TCP-MD5: algorithms, traffic keys, MACs and digests.
 *
 * For each direction of a connection, a traffic key is derived from the master key and from the
 * connection's addresses, ports and ISNs (RFC 5925 section 5.2, RFC 5926 section 3.1.1). With it
 * the MACs of its segments are computed (RFC 5925 section 5.1).
 *
 * The kernel's object for an algorithm (struct crypto_shash) contains the key. So each processor
 * has its own for each algorithm, and uses it with BH disabled and under hash_lock. The objects are
 * allocated when a program first names the algorithm, and stay until the module is unloaded, each
 * with its last key.
 *
 * The TCP-MD5 digest of a segment (RFC 2385 section 2.0) is MD5 of the pseudo-header, the TCP
 * header without options and with a checksum of zero, the text, and the key. Without MD5 in the
 * kernel (CONFIG_CRYPTO_MD5, or FIPS mode) no such key can be set.
 */
#include "auth/auth.h"

#include <crypto/hash.h>
#include <linux/random.h>

/* RFC 9293 section 3.1 for IPv4, RFC 8200 section 8.1 for IPv6. @len: of the segment. Return: octets written. */
static unsigned int xtcp_hash_pseudo_header(u8 *bytes, const struct in6_addr *from, const struct in6_addr *to, u32 len)
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

/* @desc: the state of the algorithm. @at: octets of @skb in front of the text. Return: 0, or its error. */
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

/*
 * Does the kernel have MD5? The first call allocates its object, and may load a module: process,
 * may sleep; in softirq only after a call that has returned true.
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

/* The addresses v4-mapped or IPv6, the TCP header linear. False when the algorithm has failed. No hard interrupt. */
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

/* The first two are those of RFC 5926 section 3.2. As in Linux, a program may choose others. */
const struct xtcp_ao_algorithm xtcp_ao_algorithms[] = {
	{ "hmac(sha1)", 20 },
	{ "cmac(aes)", 16 },
	{ "hmac(sha224)", 28 },
	{ "hmac(sha256)", 32 },
	{ "hmac(sha384)", 48 },
	{ "hmac(sha512)", 64 },
	{ "hmac(md5)", 16 },
};

/* One object per algorithm and processor. NULL until a program names the algorithm, then constant. */
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

/* Return: 0; -ENOMEM; -ENOENT when the kernel has no such algorithm; another error of the crypto API. */
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

/*
 * The number of an algorithm; -ENOENT when xtcp or the kernel does not have it; -ENOMEM; another
 * error of the crypto API. The first call for an algorithm allocates its objects, and may load a
 * module: process, may sleep. @name: "cmac(aes128)", or a name in the kernel's crypto API.
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

/* At module exit: no sock and no record is left. */
static void ao_exit(void)
{
	unsigned int i;

	if (algorithm_md5)
		crypto_free_shash(algorithm_md5);
	for (i = 0; i < ARRAY_SIZE(xtcp_ao_algorithms); i++)
		if (ao_objects[i])
			free_objects(ao_objects[i]);
}

const struct xtcp_part xtcp_ao_part = { .end = ao_exit };

static DEFINE_PER_CPU(local_lock_t, hash_lock) = INIT_LOCAL_LOCK(hash_lock);

/*
 * Begins a digest with @key by this processor's object, so the caller has to call end_hash(), also
 * after an error. @key is aligned to 8 octets, so that the kernel need not copy it.
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

/*
 * Sets the master key of an MKT whose algorithm is set. AES-128 needs a key of 16 octets: with
 * "cmac(aes128)" and another length, it is derived from the program's key (RFC 5926 section
 * 3.1.1.2). Return: 0; -EINVAL, or another error of the crypto API, for a key of a wrong length.
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

/*
 * Derives the traffic key of a direction (RFC 5926 section 3.1.1). @traffic: receives
 * xtcp_ao_digest_size() octets; random ones if the algorithm fails, so that no MAC is valid.
 * Return: false then.
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
 * Copies the TCP header in the form that the MAC covers: checksum and MAC are 0, and with
 * TCP_AO_KEYF_EXCLUDE_OPT other options are left out. @at: offset of TCP-AO. Return: octets copied.
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

/*
 * Computes the MAC of a segment (RFC 5925 section 5.1). @traffic: the traffic key, aligned to 8
 * octets. @sne: the sequence number extension (section 6.2). @skb: begins with the TCP header,
 * which is in its linear part. @option: TCP-AO in this header; its MAC has @mkt->maclen octets, as
 * has @mac. Return: false when the algorithm has failed.
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
