/* SPDX-License-Identifier: GPL-2.0 */
/* Decides when a pending ACK is sent. */
#ifndef XTCP_ACKS_H
#define XTCP_ACKS_H

#include <linux/types.h>

struct sock;

/* The socket lock is held in all these functions. */
void xtcp_acks_owed(struct sock *sk);
void xtcp_acks_of_syn(struct sock *sk);
void xtcp_acks_window(struct sock *sk, u32 copied);

#endif /* XTCP_ACKS_H */
