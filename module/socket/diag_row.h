/* SPDX-License-Identifier: GPL-2.0 */
/* Writes one listener, connection or aborted sock as a message of sock_diag. */
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

#endif /* XTCP_DIAG_ROW_H */
