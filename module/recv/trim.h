/* SPDX-License-Identifier: GPL-2.0 */
/* Remove octets of text from a segment, at either end. */
#ifndef XTCP_TRIM_H
#define XTCP_TRIM_H

#include <linux/types.h>

struct sk_buff;

bool xtcp_trim_front(struct sk_buff *skb, u32 octets);
bool xtcp_trim_back(struct sk_buff *skb, u32 len);

#endif /* XTCP_TRIM_H */
