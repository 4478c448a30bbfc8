/* SPDX-License-Identifier: GPL-2.0 */
/* Decides when to give up a connection whose peer does not answer. */
#ifndef XTCP_RETRIES_H
#define XTCP_RETRIES_H

#include <linux/types.h>

#include "base/abort.h"

struct sock;

/* The socket lock is held in all these functions. */
u32 xtcp_retries_since(const struct sock *sk);

/* Return: true when the connection has ended. */
bool xtcp_retries_end_syn(struct sock *sk);
bool xtcp_retries_end_orphan(struct sock *sk, bool is_new);
bool xtcp_retries_end_retransmission(struct sock *sk);
bool xtcp_retries_end_shrunk_window(struct sock *sk);
bool xtcp_retries_end_refused(struct sock *sk);
bool xtcp_retries_end_probing(struct sock *sk);
bool xtcp_retries_end_idle(struct sock *sk);
void xtcp_retries_give_up(struct sock *sk, enum xtcp_abort_reason reason);

#endif /* XTCP_RETRIES_H */
