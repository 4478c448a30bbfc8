/* SPDX-License-Identifier: GPL-2.0 */
/* The checksum of a segment. */
#ifndef XTCP_CHECKSUM_H
#define XTCP_CHECKSUM_H

#include <linux/skbuff.h>

bool xtcp_checksum_ok(struct sk_buff *skb);

#endif /* XTCP_CHECKSUM_H */
