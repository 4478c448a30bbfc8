/* SPDX-License-Identifier: GPL-2.0 */
/* Finds the listener of a SYN: a table for each namespace, read under RCU. */
#ifndef XTCP_LISTENERS_H
#define XTCP_LISTENERS_H

#include <linux/types.h>

struct sock;
struct xtcp_demux_key;
struct xtcp_group;
struct xtcp_members_key;
struct xtcp_net;

int xtcp_listeners_net_init(struct xtcp_net *xn);
void xtcp_listeners_net_exit(struct xtcp_net *xn);

/* The caller holds the RCU read side, which keeps the result valid. */
struct sock *xtcp_listeners_lookup(struct xtcp_net *xn, const struct xtcp_demux_key *key);
struct sock *xtcp_listeners_heir(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 const struct xtcp_group *group, u32 hash);
struct sock *xtcp_listeners_find(struct xtcp_net *xn, const struct xtcp_members_key *place,
				 bool (*fits)(struct sock *sk, const void *arg), const void *arg);
struct sock *xtcp_listeners_from(struct xtcp_net *xn, unsigned long *number);

int xtcp_listeners_add(struct sock *sk);
void xtcp_listeners_remove(struct sock *sk);
int xtcp_listeners_rehash(struct sock *sk);

#endif /* XTCP_LISTENERS_H */
