/* SPDX-License-Identifier: GPL-2.0 */
/* How a sock begins, and how module exit waits until the memory of all socks is freed. */
#ifndef XTCP_SOCK_CREATE_H
#define XTCP_SOCK_CREATE_H

#include <linux/gfp.h>

struct sock;

int xtcp_sock_init(struct sock *sk);
struct sock *xtcp_sock_clone(struct sock *lsk, gfp_t gfp);
void xtcp_sock_reset_tcb(struct sock *sk);
void xtcp_sock_wait_gone(void);

#endif /* XTCP_SOCK_CREATE_H */
