/* SPDX-License-Identifier: GPL-2.0 */
/* Sets the addresses and the route of an active OPEN. */
#ifndef XTCP_IP_CONNECT_H
#define XTCP_IP_CONNECT_H

#include "compat.h"

struct sock;

int xtcp_ip_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
int xtcp_ip_connect_ports(struct sock *sk);

#endif /* XTCP_IP_CONNECT_H */
