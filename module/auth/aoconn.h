/* SPDX-License-Identifier: GPL-2.0 */
/* TCP-AO: the keys with which a connection begins, and those of its TIME-WAIT record. */
#ifndef XTCP_AOCONN_H
#define XTCP_AOCONN_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_ao;
struct xtcp_ao_key;
struct xtcp_request;

/* The socket lock is held. */
void xtcp_aoconn_begin(struct sock *sk);
bool xtcp_aoconn_may_connect(const struct sock *sk);
int xtcp_aoconn_connect(struct sock *sk);
void xtcp_aoconn_synchronize(struct sock *sk, u32 irs);
void xtcp_aoconn_derive(const struct sock *sk, const struct xtcp_ao *ao, struct xtcp_ao_key *key);
int xtcp_aoconn_inherit(struct sock *child, const struct sock *lsk, const struct xtcp_request *he,
			const struct sk_buff *skb);
struct xtcp_ao *xtcp_aoconn_for_record(const struct sock *sk);

#endif /* XTCP_AOCONN_H */
