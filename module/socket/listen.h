/* SPDX-License-Identifier: GPL-2.0 */
/* Passive OPEN: listen, accept, the end of a listener. */
#ifndef XTCP_LISTEN_H
#define XTCP_LISTEN_H

#include <linux/types.h>

struct sock;
struct socket;

/* proto_ops and proto entries: process context */
int xtcp_listen(struct socket *sock, int backlog);
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err, bool kern);
void xtcp_listen_stop(struct sock *sk);

#endif /* XTCP_LISTEN_H */
