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

/* Return: true when the connection has ended. */
bool xtcp_write_timeout_end_orphan(struct sock *sk, bool is_new);

void xtcp_timer_handlers_init(struct sock *sk);

void xtcp_timer_handler(struct sock *sk);
void xtcp_pace_handler(struct sock *sk);

extern const struct xtcp_part xtcp_handshake_ack_part;
void xtcp_handshake_ack_waits(struct sock *sk);
void xtcp_handshake_ack_go(void);

#endif /* XTCP_EXPIRY_H */
