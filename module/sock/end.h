/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a sock ends. All these functions need the socket lock. xtcp_sock_release_resources() needs no
 * lock if nobody else can find the sock.
 */
#ifndef XTCP_SOCK_END_H
#define XTCP_SOCK_END_H

#include "base/abort.h"

struct sock;
struct xtcp_rstdiag;

void xtcp_sock_done(struct sock *sk);
void xtcp_sock_leave_record(struct sock *sk, int substate);
void xtcp_sock_destroy(struct sock *sk);
void xtcp_sock_fail(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_reset(struct sock *sk, int err, const struct xtcp_rstdiag *told);
void xtcp_sock_abort(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_note_end(struct sock *sk, enum xtcp_abort_reason reason, int err);
void xtcp_sock_forget_connection(struct sock *sk);
/* proto.destroy */
void xtcp_sock_release_resources(struct sock *sk);

#endif /* XTCP_SOCK_END_H */
