/* SPDX-License-Identifier: GPL-2.0 */
/* CLOSE and ABORT (RFC 9293 sections 3.10.4 and 3.10.5): close, shutdown, linger, disconnect. */
#ifndef XTCP_CLOSE_H
#define XTCP_CLOSE_H

struct sock;

/* proto entries: process context */
void xtcp_close(struct sock *sk, long timeout);
void xtcp_close_shutdown(struct sock *sk, int how);
int xtcp_close_disconnect(struct sock *sk, int flags);

#endif /* XTCP_CLOSE_H */
