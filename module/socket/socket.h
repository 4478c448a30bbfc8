/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls.
 *
 * Comes in: system calls, in process context. Goes out: what RFC 9293 sections 3.10.1 to 3.10.6 ask of
 * each, done under the socket lock.
 *
 * What may not happen here: looking at an incoming segment.
 */
#ifndef XTCP_SOCKET_H
#define XTCP_SOCKET_H

#include <linux/poll.h>

#include "compat.h"

struct xtcp_net;

extern const struct xtcp_part xtcp_family_part;
extern const struct xtcp_part xtcp_sockets_part;

extern const struct xtcp_names_calls xtcp_names_calls;

extern const struct xtcp_part xtcp_names_part;

int xtcp_listen(struct socket *sock, int backlog);
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err, bool kern);
int xtcp_accept_take_over(struct sock *sk, int fd);

struct sock *xtcp_accept_take(struct sock *sk);

void xtcp_diag_register(int family);
void xtcp_diag_unregister(void);

struct xtcp_conn *xtcp_diag_find_conn(struct xtcp_net *xn, const struct inet_diag_req_v2 *req);
struct sock *xtcp_diag_find_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req);

int xtcp_diag_destroy(struct net *net, const struct inet_diag_req_v2 *req);
void xtcp_set_register(void);
void xtcp_set_unregister(void);

int xtcp_intopt_set(struct sock *sk, int optname, int val);
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen);
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen);
int xtcp_sockopt_set_rcvlowat(struct sock *sk, int val);

int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
ssize_t xtcp_recvmsg_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags);
void xtcp_info_fill(struct sock *sk, union xtcp_compat_info *whole);
void xtcp_info_fill_abort(const struct sock *sk, struct xtcp_abort *abort);
int xtcp_ioctl(struct sock *sk, int cmd, int *karg);
__poll_t xtcp_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);

void xtcp_coalesce_flush(struct sock *sk);
void xtcp_connect_undo(struct sock *sk, bool entered);
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
int xtcp_sendmsg_page(struct sock *sk, struct page *page, int offset, size_t size, int flags);
void xtcp_sendmsg_splice_eof(struct socket *sock);

void xtcp_local_push(struct sock *sk, int nonagle);
#define XTCP_LOCAL_LAGS	2	/* so many writes in a row that find unread text are a stream */
bool xtcp_local_may_wait(const struct sock *sk);

#define XTCP_REPAIR_GO_ON	INT_MIN

void xtcp_repair_leave(struct sock *sk);
int xtcp_repair_set(struct sock *sk, int optname, int val, sockptr_t optval, unsigned int optlen);
int xtcp_repair_get(const struct sock *sk, int optname, int *val);
int xtcp_repair_get_window(struct sock *sk, char __user *optval, int len);
void xtcp_repair_connect(struct sock *sk);
void xtcp_repair_shut(struct sock *sk);
int xtcp_repair_send(struct sock *sk, struct msghdr *msg, size_t size);
int xtcp_repair_receive(struct sock *sk, struct msghdr *msg, int flags);

#endif /* XTCP_SOCKET_H */
