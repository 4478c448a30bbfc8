/* SPDX-License-Identifier: GPL-2.0 */
/* Lost segments are sent again. */
#ifndef XTCP_REPAIR_H
#define XTCP_REPAIR_H

#include <linux/types.h>

struct sock;

/* The caller of each of these functions holds the socket lock. */
void xtcp_repair_too_large(struct sock *sk);
int xtcp_repair_lost(struct sock *sk, bool timeout);
void xtcp_repair_waiting(struct sock *sk);
void xtcp_repair_mtu_fell(struct sock *sk);
void xtcp_repair_syn_text_refused(struct sock *sk);

#endif /* XTCP_REPAIR_H */
