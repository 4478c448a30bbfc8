/* SPDX-License-Identifier: GPL-2.0 */
/* Socket options of TCP whose value is a number. */
#ifndef XTCP_INTOPT_H
#define XTCP_INTOPT_H

struct sock;

/* Process context; to set an option needs the socket lock. */
int xtcp_intopt_set(struct sock *sk, int optname, int val);
int xtcp_intopt_get(struct sock *sk, int optname, int *val);

#endif /* XTCP_INTOPT_H */
