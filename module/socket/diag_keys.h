/* SPDX-License-Identifier: GPL-2.0 */
/* Writes the MD5 keys of a sock into its row. */
#ifndef XTCP_DIAG_KEYS_H
#define XTCP_DIAG_KEYS_H

#include <linux/types.h>

struct sk_buff;
struct sock;

/* process context, RCU read side */
int xtcp_diag_keys_put(struct sk_buff *skb, const struct sock *sk, bool cuts);

#endif /* XTCP_DIAG_KEYS_H */
