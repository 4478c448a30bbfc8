/* SPDX-License-Identifier: GPL-2.0 */
/* The TCP-MD5 digest of a segment (RFC 2385). */
#ifndef XTCP_MD5_H
#define XTCP_MD5_H

#include <linux/in6.h>
#include <linux/types.h>

struct sk_buff;
struct xtcp_md5_key;

bool xtcp_md5_is_there(void);
void xtcp_md5_exit(void);
bool xtcp_md5_digest(const struct xtcp_md5_key *key, const struct in6_addr *from, const struct in6_addr *to,
		     struct sk_buff *skb, u8 *digest);
void xtcp_md5_sign(const struct xtcp_md5_key *key, const struct in6_addr *from, const struct in6_addr *to,
		   struct sk_buff *skb);

#endif /* XTCP_MD5_H */
