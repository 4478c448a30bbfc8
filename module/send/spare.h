/* SPDX-License-Identifier: GPL-2.0 */
/* An skb that a send queue has no use for any more, kept for the next that one needs. */
#ifndef XTCP_SPARE_H
#define XTCP_SPARE_H

#include <linux/types.h>

struct sk_buff;

struct sk_buff *xtcp_spare_take(void);
bool xtcp_spare_keep(struct sk_buff *skb);
void xtcp_spare_exit(void);

#endif /* XTCP_SPARE_H */
