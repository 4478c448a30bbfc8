/* SPDX-License-Identifier: GPL-2.0 */
/* Keeps skbs that a send queue no longer needs, so that later writes can use them. */
#ifndef XTCP_SPARE_H
#define XTCP_SPARE_H

#include <linux/types.h>

struct sk_buff;

struct sk_buff *xtcp_spare_take(void);
bool xtcp_spare_keep(struct sk_buff *skb);
void xtcp_spare_exit(void);

#endif /* XTCP_SPARE_H */
