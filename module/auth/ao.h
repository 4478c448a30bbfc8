/* SPDX-License-Identifier: GPL-2.0 */
/* TCP-AO: algorithms, traffic keys and MACs (RFC 5925, RFC 5926). */
#ifndef XTCP_AO_H
#define XTCP_AO_H

#include <linux/in6.h>
#include <linux/types.h>

#define XTCP_AO_DIGEST_MAX	64	/* octets of the longest digest, SHA-512 */

struct sk_buff;
struct xtcp_ao_key;
struct xtcp_tuple;

/**
 * struct xtcp_ao_isns - both ISNs, from which a traffic key is derived (RFC 5925 section 5.2)
 * @ours: our ISN; 0 in the traffic key of the peer's SYN
 * @peers: the peer's ISN; 0 in the traffic key of our SYN
 */
struct xtcp_ao_isns {
	u32 ours;
	u32 peers;
};

/*
 * Extends @seq to 64 bits; the upper 32 bits of the result are the SNE of @seq (RFC 5925 section
 * 6.2). @basis: an extended sequence number less than 2^31 away from the result.
 */
static inline u64 xtcp_ao_extend(u64 basis, u32 seq)
{
	return basis + (s64)(s32)(seq - (u32)basis);
}

int xtcp_ao_algorithm(const char *name);
const char *xtcp_ao_algorithm_name(u8 algorithm);
u8 xtcp_ao_digest_size(u8 algorithm);
void xtcp_ao_exit(void);

int xtcp_ao_master_key(struct xtcp_ao_key *mkt, const char *name, const u8 *octets, u8 len);
bool xtcp_ao_traffic_key(const struct xtcp_ao_key *mkt, const struct xtcp_tuple *tuple,
			 const struct xtcp_ao_isns *isns, bool sent, u8 *traffic);
bool xtcp_ao_mac(const struct xtcp_ao_key *mkt, const u8 *traffic, const struct in6_addr *from,
		 const struct in6_addr *to, u32 sne, struct sk_buff *skb, const u8 *option, u8 *mac);

#endif /* XTCP_AO_H */
