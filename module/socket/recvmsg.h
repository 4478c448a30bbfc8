/* SPDX-License-Identifier: GPL-2.0 */
/* RECEIVE (RFC 9293 section 3.10.3). */
#ifndef XTCP_RECVMSG_H
#define XTCP_RECVMSG_H

#include <linux/types.h>

struct msghdr;
struct pipe_inode_info;
struct sock;
struct socket;

/* process context, takes the socket lock */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
ssize_t xtcp_recvmsg_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags);
/* to call when poll() has found nothing to read */
void xtcp_recvmsg_polled(struct sock *sk);
/* how many octets RECEIVE could return now; racy without the socket lock */
int xtcp_recvmsg_inq(const struct sock *sk);

#endif /* XTCP_RECVMSG_H */
