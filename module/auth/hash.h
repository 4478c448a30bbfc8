/* SPDX-License-Identifier: GPL-2.0 */
/* Pseudo-header and text, as MD5 digests and TCP-AO MACs cover them. */
#ifndef XTCP_HASH_H
#define XTCP_HASH_H

#include <linux/in6.h>
#include <linux/types.h>

struct shash_desc;
struct sk_buff;

#define XTCP_HASH_PSEUDO_MAX	40	/* octets of the pseudo-header of IPv6 */

unsigned int xtcp_hash_pseudo_header(u8 *bytes, const struct in6_addr *from, const struct in6_addr *to, u32 len);
int xtcp_hash_text(struct shash_desc *desc, struct sk_buff *skb, unsigned int at);

#endif /* XTCP_HASH_H */
