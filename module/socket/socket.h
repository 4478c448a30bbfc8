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

#include <linux/in6.h>
#include <linux/poll.h>
#include <linux/sockptr.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "base/wire.h"
#include "compat.h"

struct file;
struct inet_diag_req_v2;
struct msghdr;
struct net;
struct page;
struct pipe_inode_info;
struct sk_buff;
struct sock;
struct socket;
struct user_namespace;
struct xtcp_abort;
struct xtcp_conn;
struct xtcp_net;
struct xtcp_tuple;
union xtcp_compat_info;

/* connect.c */

/* proto_ops and proto entries: process context */
int xtcp_listen(struct socket *sock, int backlog);
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err, bool kern);
void xtcp_listen_stop(struct sock *sk);

/*
 * proto and proto_ops entries, and xtcp_connect_deferred(): process context; socket lock held,
 * except for xtcp_connect_stream()
 */
int xtcp_connect_stream(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len, int flags);
int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);
int xtcp_connect_deferred(struct sock *sk);
int xtcp_connect_pre(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len);

/* family.c */

int xtcp_family_init(void);
void xtcp_family_exit(void);
int xtcp_family_number(void);
int xtcp_family_register(void);
void xtcp_family_unregister(void);

/* recvmsg.c */

/* process context, takes the socket lock */
int xtcp_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
ssize_t xtcp_recvmsg_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags);
/* to call when poll() has found nothing to read */
void xtcp_recvmsg_polled(struct sock *sk);
/* how many octets RECEIVE could return now; racy without the socket lock */
int xtcp_recvmsg_inq(const struct sock *sk);

/* sendmsg.c */

bool xtcp_coalesce_holds(struct sock *sk, u32 written);
void xtcp_coalesce_flush(struct sock *sk);

/* proto entries: process context, take the socket lock */
int xtcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
int xtcp_sendmsg_page(struct sock *sk, struct page *page, int offset, size_t size, int flags);

/* a proto_ops entry: process context, takes the socket lock */
void xtcp_sendmsg_splice_eof(struct socket *sock);

/* status.c */

/* process context; for xtcp_status_fill() the socket lock is held */
void xtcp_status_fill(struct sock *sk, union xtcp_compat_info *whole);
void xtcp_status_info(struct sock *sk, union xtcp_compat_info *whole);
void xtcp_status_fill_abort(const struct sock *sk, struct xtcp_abort *abort);
void xtcp_status_abort(struct sock *sk, struct xtcp_abort *abort);
int xtcp_status_ioctl(struct sock *sk, int cmd, int *karg);
__poll_t xtcp_status_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);

/* sockopt.c */

/* Process context; to set an option needs the socket lock. */
int xtcp_intopt_set(struct sock *sk, int optname, int val);

/* Entries of proto and proto_ops: process. xtcp_sockopt_set_rcvlowat() needs the socket lock. */
int xtcp_sockopt_set(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen);
int xtcp_sockopt_get(struct sock *sk, int level, int optname, char __user *optval, int __user *optlen);
int xtcp_sockopt_set_rcvlowat(struct sock *sk, int val);
int xtcp_sockopt_set_peek_off(struct sock *sk, int val);

/* set.c */

/* process context, RCU read side; the result is valid until the RCU read side ends */
struct xtcp_conn *xtcp_diag_find_conn(struct xtcp_net *xn, const struct inet_diag_req_v2 *req);
struct sock *xtcp_diag_find_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req);

/* process context */
int xtcp_kill_requested(struct net *net, const struct inet_diag_req_v2 *req);

/* module init and exit */
void xtcp_set_register(void);
void xtcp_set_unregister(void);

/* diag_row.c */

/**
 * struct xtcp_diag_ask - a request of sock_diag and its sender
 * @xn: the namespace
 * @users: the user namespace of the netlink socket that asks
 * @filter: a filter program that has been checked (diag_filter.h); NULL: none
 * @filter_len: the length of @filter, octets
 * @states: a bit for each state that is wanted
 * @portid: the netlink port to which the messages go
 * @seq: nlmsg_seq of the messages
 * @flags: nlmsg_flags of the messages
 * @cookie: if @has_cookie, only the sock with this cookie is wanted
 * @uid: if @by_uid, only socks of this owner are wanted
 * @sport: the only local port that is wanted; 0: any
 * @dport: the only foreign port that is wanted; 0: any
 * @family: AF_INET or AF_INET6
 * @ext: a bit for each attribute that is wanted: idiag_ext of the request
 * @has_cookie: @cookie is valid
 * @by_uid: @uid is valid
 * @administrator: the sender has CAP_NET_ADMIN
 * @cuts_keys: if the message has no room for all MD5 keys of a sock, it shows those that fit
 * @unlocked: omit the attributes that need a socket lock, and show an aborted sock even while a
 *	program has its lock
 */
struct xtcp_diag_ask {
	struct xtcp_net *xn;
	struct user_namespace *users;
	const void *filter;
	unsigned int filter_len;
	u32 cookie[2];
	kuid_t uid;
	u32 states;
	u32 portid;
	u32 seq;
	u16 flags;
	__be16 sport;
	__be16 dport;
	u8 family;
	u8 ext;
	bool has_cookie;
	bool by_uid;
	bool administrator;
	bool cuts_keys;
	bool unlocked;
};

/* process context, RCU read side */
int xtcp_diag_row_listener(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *lsk);
int xtcp_diag_row_aborted(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk);
int xtcp_diag_row_conn(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct xtcp_conn *conn);

/* diag.c */

#define XTCP_DIAG_BATCH	32	/* most connections that one RCU read side shows */

/**
 * struct xtcp_diag_key - identifies a connection for its whole life, as a half-open entry, a sock
 *	and a TIME-WAIT record; a walk takes the connections of a hash chain in the order of their
 *	keys
 * @hash: the hash of the tuple (xtcp_conn.hash)
 * @dev: the device to which the connection is bound
 * @tuple: the addresses and ports of the connection
 */
struct xtcp_diag_key {
	u32 hash;
	int dev;
	struct xtcp_tuple tuple;
};

/**
 * struct xtcp_diag_walk - which rows of a dump have been written
 * @ask: the request
 * @is_begun: xtcp_diag_walk_begin() was called
 * @listens: not all listeners have been written yet
 * @aborts: not all aborted socks have been written yet
 * @number: the number of the next listener, or of the next aborted sock
 * @chain: the present hash chain of the table of connections
 * @is_inside: the walk is inside @chain, and @last is valid
 * @last: the key of the last connection of @chain that has been written
 * @tries: how many times in a row a program has owned the lock of the next sock
 * @patience: how often the dump may still wait for a program
 * @n: how many connections the present batch has
 * @conn: the connections of the batch; valid in the RCU read side
 * @key: the keys of the batch, in order
 */
struct xtcp_diag_walk {
	struct xtcp_diag_ask ask;
	bool is_begun;
	bool listens;
	bool aborts;
	unsigned long number;
	u32 chain;
	bool is_inside;
	struct xtcp_diag_key last;
	unsigned int tries;
	unsigned int patience;
	unsigned int n;
	struct xtcp_conn *conn[XTCP_DIAG_BATCH];
	struct xtcp_diag_key key[XTCP_DIAG_BATCH];
};

/* module init and exit */
void xtcp_diag_register(void);
void xtcp_diag_unregister(void);

#endif /* XTCP_SOCKET_H */
