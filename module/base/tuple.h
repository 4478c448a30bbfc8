/* SPDX-License-Identifier: GPL-2.0 */
/* The addresses and ports of a connection. */
#ifndef XTCP_TUPLE_H
#define XTCP_TUPLE_H

#include <asm/byteorder.h>
#include <linux/in6.h>
#include <linux/siphash.h>
#include <linux/types.h>

#define XTCP_MAPPED_BITS	96	/* bits before the IPv4 address in a v4-mapped address */

/**
 * struct xtcp_tuple - addresses and ports of a connection, as this host sees them
 * @laddr: local address; IPv4 as v4-mapped
 * @faddr: foreign address; IPv4 as v4-mapped
 * @lport: local port
 * @fport: foreign port
 */
struct xtcp_tuple {
	struct in6_addr laddr;
	struct in6_addr faddr;
	__be16 lport;
	__be16 fport;
};

static inline bool xtcp_tuple_is_v4(const struct xtcp_tuple *tuple)
{
	const __be32 *words = tuple->faddr.s6_addr32;

	return !(words[0] | words[1]) && words[2] == __cpu_to_be32(0xffff);
}

static inline u64 xtcp_tuple_hash_v4(__be32 laddr, __be32 faddr, __be16 lport, __be16 fport, const siphash_key_t *key)
{
	return siphash_3u32((__force u32)laddr, (__force u32)faddr, (__force u32)lport << 16 | (__force u32)fport,
			    key);
}

/*
 * The keyed hash of a tuple. One half selects a bucket, the other half goes into ISNs. Neither half
 * reveals the other.
 */
static inline u64 xtcp_tuple_hash(const struct xtcp_tuple *tuple, const siphash_key_t *key)
{
	if (!xtcp_tuple_is_v4(tuple))
		return siphash(tuple, sizeof(*tuple), key);
	return xtcp_tuple_hash_v4(tuple->laddr.s6_addr32[3], tuple->faddr.s6_addr32[3], tuple->lport, tuple->fport,
				  key);
}

#endif /* XTCP_TUPLE_H */
