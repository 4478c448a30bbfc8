// SPDX-License-Identifier: GPL-2.0
/* Pseudo-header and text. MD5 digests and TCP-AO MACs cover both in the same form. */
#include "auth/hash.h"

#include <crypto/hash.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "base/options.h"

/**
 * xtcp_hash_pseudo_header() - lay out the pseudo-header of a segment
 * @bytes: receives at most %XTCP_HASH_PSEUDO_MAX octets
 * @from: the sender; IPv4 as v4-mapped
 * @to: the receiver
 * @len: octets of the segment with its TCP header
 *
 * For IPv4 see RFC 9293 section 3.1, for IPv6 see RFC 8200 section 8.1.
 *
 * Context: any.
 *
 * Return: octets written.
 */
unsigned int xtcp_hash_pseudo_header(u8 *bytes, const struct in6_addr *from, const struct in6_addr *to, u32 len)
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

/**
 * xtcp_hash_text() - hash the text of a segment
 * @desc: the state of the algorithm
 * @skb: the segment
 * @at: octets of @skb in front of the text
 *
 * Context: any but hard interrupt.
 *
 * Return: 0, or the error of the algorithm.
 */
int xtcp_hash_text(struct shash_desc *desc, struct sk_buff *skb, unsigned int at)
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
