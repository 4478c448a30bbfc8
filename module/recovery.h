/* SPDX-License-Identifier: GPL-2.0 */
/* What is lost and what to resend: duplicate ACKs, NewReno (RFC 6582), timeouts. */
#ifndef XTCP_RECOVERY_H
#define XTCP_RECOVERY_H

#include <linux/types.h>

struct sock;

/* Socket lock held. */
void xtcp_recovery_duplicate_ack(struct sock *sk);
void xtcp_recovery_new_ack(struct sock *sk, u32 acked);
void xtcp_recovery_timeout(struct sock *sk);
void xtcp_recovery_go_on(struct sock *sk);
void xtcp_recovery_mtu_fell(struct sock *sk);

#endif /* XTCP_RECOVERY_H */
