/* SPDX-License-Identifier: GPL-2.0 */
/* How a sock gets and releases its local port, and how connect() chooses a port (RFC 6056). */
#ifndef XTCP_PORT_H
#define XTCP_PORT_H

#include <linux/types.h>

struct sock;

int xtcp_port_init(void);
void xtcp_port_exit(void);

/* Socket lock held, may sleep. */
int xtcp_port_bind(struct sock *sk, unsigned short snum);
int xtcp_port_listen(struct sock *sk);
void xtcp_port_rehash(struct sock *sk);
int xtcp_port_connect(struct sock *sk);
/* Socket lock held, any context. Gives the lease back, and clears inet_num and inet_sport. */
void xtcp_port_release(struct sock *sk);
/*
 * Does the same as xtcp_port_release(), but keeps inet_sport for getsockname(). Does nothing if the
 * program chose the port.
 */
void xtcp_port_connection_ended(struct sock *sk);

#endif /* XTCP_PORT_H */
