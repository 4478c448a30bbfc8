/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a sock begins, and how it ends.
 *
 * Comes in: socket(), a third ACK, and whatever ends a connection. Goes out: a fresh TCB; or calls
 * to each room that holds something for the sock, in the order that end.c states. The functions of
 * create.c and end.c are xtcp_sock_*().
 *
 * "xtcp locking" is at the top of create.c. What may not happen here: deciding that a connection
 * ends.
 */
#ifndef XTCP_CREATE_H
#define XTCP_CREATE_H

#include "timewait/timewait.h"

int xtcp_sock_init(struct sock *sk);
struct sock *xtcp_sock_clone(struct sock *lsk, gfp_t gfp);
void xtcp_sock_reset_tcb(struct sock *sk);

void xtcp_closed_add(struct sock *sk);
void xtcp_closed_freed(struct sock *sk);

extern const struct xtcp_net_part xtcp_aborted_part;

void xtcp_aborted_leave(struct sock *sk);

/* the states in which ABORT sends a RST (RFC 9293 section 3.10.5) */
#define XTCP_ABORT_SENDS_RST	(TCPF_SYN_RECV | TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT)

void xtcp_sock_done(struct sock *sk);
void xtcp_sock_destroy(struct sock *sk);
void xtcp_sock_fail(struct sock *sk, int err, enum xtcp_abort_reason reason);
void xtcp_sock_reset(struct sock *sk, int err, const struct xtcp_rstdiag *told);
void xtcp_sock_abort(struct sock *sk, int err, enum xtcp_abort_reason reason);
/*
 * Replaces a sock by a record, and ends it. @substate: TCP_TIME_WAIT, or TCP_FIN_WAIT2 for an orphan
 * whose TCP_LINGER2 is not negative. BH disabled when @sk is an orphan; socket lock held.
 */
static inline void xtcp_sock_leave_record(struct sock *sk, int substate)
{
	xtcp_record_begin(sk, substate);
	xtcp_sock_done(sk);
}

/* proto.destroy */
void xtcp_sock_release_resources(struct sock *sk);

#endif /* XTCP_CREATE_H */
