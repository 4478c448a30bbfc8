/* SPDX-License-Identifier: GPL-2.0 */
/* The effective send MSS: how much text fits a segment on the route of now. */
#ifndef XTCP_MSS_H
#define XTCP_MSS_H

#include <linux/types.h>

struct sock;

/* Socket lock held in all of these. */
void xtcp_mss_sync(struct sock *sk, u32 pmtu);
u32 xtcp_mss_current(struct sock *sk);
u32 xtcp_mss_payload(const struct sock *sk);

#endif /* XTCP_MSS_H */
