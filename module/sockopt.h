/* SPDX-License-Identifier: GPL-2.0 */
/* The knobs of a socket: options, ioctl, poll. */
#ifndef XTCP_SOCKOPT_H
#define XTCP_SOCKOPT_H

#include <linux/poll.h>
#include <linux/sockptr.h>

struct file;
struct sock;
struct socket;

/* proto and proto_ops entries: process context */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen);
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen);
int xtcp_sockopt_ioctl(struct sock *sk, int cmd, int *karg);
__poll_t xtcp_sockopt_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);
int xtcp_sockopt_set_rcvlowat(struct sock *sk, int val);

#endif /* XTCP_SOCKOPT_H */
