/* SPDX-License-Identifier: GPL-2.0 */
/* Does what is due when a deadline has passed. */
#ifndef XTCP_EXPIRY_H
#define XTCP_EXPIRY_H

struct sock;

void xtcp_expiry_init(struct sock *sk);

/* Socket lock held in both. */
void xtcp_expiry_run(struct sock *sk);
void xtcp_expiry_paced(struct sock *sk);

#endif /* XTCP_EXPIRY_H */
