/* SPDX-License-Identifier: GPL-2.0 */
/* Runs the expired deadlines of a connection. */
#ifndef XTCP_EXPIRY_H
#define XTCP_EXPIRY_H

struct sock;

void xtcp_expiry_init(struct sock *sk);

/* The socket lock is held in both functions. */
void xtcp_expiry_run(struct sock *sk);
void xtcp_expiry_paced(struct sock *sk);

#endif /* XTCP_EXPIRY_H */
