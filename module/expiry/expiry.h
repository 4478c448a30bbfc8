/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a deadline does.
 *
 * Comes in: a deadline of time/ that has passed, paced text whose time has come, a third ACK that
 * has waited long enough. Goes out: calls of recovery/ and send/, the next deadline, or the end of
 * a connection that has waited too long. What may not happen here: sending past recovery/ and
 * send/.
 */
#ifndef XTCP_EXPIRY_H
#define XTCP_EXPIRY_H

#include "base/wire.h"

struct sock;

/* expiry.c */

/* Return: true when the connection has ended. */
bool xtcp_retries_end_orphan(struct sock *sk, bool is_new);

void xtcp_expiry_init(struct sock *sk);

/* The socket lock is held in both functions. */
void xtcp_expiry_run(struct sock *sk);
void xtcp_expiry_paced(struct sock *sk);

/* thirdack.c */

void xtcp_thirdack_init(void);
void xtcp_thirdack_exit(void);
void xtcp_thirdack_waits(struct sock *sk);
void xtcp_thirdack_go(void);
void xtcp_thirdack_forget(struct sock *sk, bool everywhere);

#endif /* XTCP_EXPIRY_H */
