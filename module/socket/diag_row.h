/* SPDX-License-Identifier: GPL-2.0 */
/* One listener or connection as a message of sock_diag. */
#ifndef XTCP_DIAG_ROW_H
#define XTCP_DIAG_ROW_H

#include <linux/types.h>
#include <linux/uidgid.h>

struct sk_buff;
struct sock;
struct user_namespace;
struct xtcp_conn;
struct xtcp_net;

/**
 * struct xtcp_diag_ask - what a request asks for, and who asks
 * @xn: the namespace
 * @users: the user namespace of the netlink socket that asks
 * @filter: a program that was checked (diag_filter.h); NULL: none
 * @filter_len: its octets
 * @states: bits of the states that are wanted
 * @portid: for the messages
 * @seq: for the messages
 * @flags: for the messages
 * @cookie: of the only sock that is wanted, if @has_cookie
 * @uid: the only owner of a sock, if @by_uid
 * @sport: the only local port that is wanted; 0: any
 * @dport: the only foreign port
 * @family: AF_INET or AF_INET6
 * @ext: bits of the attributes that are wanted: idiag_ext of the request
 * @has_cookie: @cookie counts
 * @by_uid: @uid counts
 * @administrator: has CAP_NET_ADMIN
 * @unlocked: leave out what takes the lock of a sock
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
	bool unlocked;
};

/* process context, RCU read side */
int xtcp_diag_row_listener(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *lsk);
int xtcp_diag_row_conn(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct xtcp_conn *conn);

#endif /* XTCP_DIAG_ROW_H */
