/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules for connections that begin.
 *
 * What may not happen here: changing a connection that has begun.
 */
#ifndef XTCP_POLICY_H
#define XTCP_POLICY_H

#include "base/endpoint.h"

struct genl_info;

/* Bits of xtcp_sock.by_rule: the options that a rule has set and that xtcp_policy_undo() resets. */
enum xtcp_by_rule {
	XTCP_BY_RULE_CONGESTION		= BIT(7),	/* below: an option that is a number (policy.c) */
	XTCP_BY_RULE_MAX_PACING_RATE	= BIT(8),
	XTCP_BY_RULE_KEEPALIVE		= BIT(9),
	XTCP_BY_RULE_PACES		= BIT(10),	/* pacing was off before the rule, which turns it on */
	XTCP_BY_RULE_END		= BIT(11),	/* not an option: the end of the list */
};

void xtcp_policy_apply(struct sock *sk);
void xtcp_policy_undo(struct sock *sk);
void xtcp_policy_program_sets(struct sock *sk, int optname);

/* Applies the rule that matches a new connection, whose addresses and ports are known, if any. Socket lock held. */
static inline void xtcp_policy_begin(struct sock *sk)
{
	if (unlikely(rcu_access_pointer(xtcp_net_of(sk)->policy)))
		xtcp_policy_apply(sk);
}

int xtcp_policy_show(struct seq_file *m, void *v);
void xtcp_policy_renew(struct xtcp_net *xn);
void xtcp_policy_net_exit(struct xtcp_net *xn);

int xtcp_policy_set_requested(struct sk_buff *skb, struct genl_info *info);

#endif /* XTCP_POLICY_H */
