/* SPDX-License-Identifier: GPL-2.0 */
/* OPEN, active (RFC 9293 section 3.10.1). */
#ifndef XTCP_CONNECT_H
#define XTCP_CONNECT_H

struct sock;
struct sockaddr;

/* proto entries: process context, socket lock held */
int xtcp_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int xtcp_connect_pre(struct sock *sk, struct sockaddr *uaddr, int addr_len);

#endif /* XTCP_CONNECT_H */
