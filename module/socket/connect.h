/* SPDX-License-Identifier: GPL-2.0 */
/* Active OPEN (RFC 9293 section 3.10.1). */
#ifndef XTCP_CONNECT_H
#define XTCP_CONNECT_H

#include "compat.h"

struct sock;

/*
 * proto and proto_ops entries, and xtcp_connect_deferred(): process context; socket lock held,
 * except for xtcp_connect_stream()
 */
int xtcp_connect_stream(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags);
int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
int xtcp_connect_deferred(struct sock *sk);
int xtcp_connect_pre(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);

#endif /* XTCP_CONNECT_H */
