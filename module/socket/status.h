/* SPDX-License-Identifier: GPL-2.0 */
/* STATUS (RFC 9293 section 3.10.6): TCP_INFO, ioctl, poll. */
#ifndef XTCP_STATUS_H
#define XTCP_STATUS_H

#include <linux/poll.h>

struct file;
struct xtcp_abort;
struct sock;
struct socket;
union xtcp_compat_info;

/* process context; for xtcp_status_fill() the socket lock is held */
void xtcp_status_fill(struct sock *sk, union xtcp_compat_info *whole);
void xtcp_status_info(struct sock *sk, union xtcp_compat_info *whole);
void xtcp_status_fill_abort(const struct sock *sk, struct xtcp_abort *abort);
void xtcp_status_abort(struct sock *sk, struct xtcp_abort *abort);
int xtcp_status_ioctl(struct sock *sk, int cmd, int *karg);
__poll_t xtcp_status_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);

#endif /* XTCP_STATUS_H */
