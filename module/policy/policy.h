/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules for connections that begin.
 *
 * What may not happen here: changing a connection that has begun.
 */
#ifndef XTCP_POLICY_H
#define XTCP_POLICY_H

#include <linux/bits.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "policy/rules.h"

struct genl_info;
struct seq_file;
struct sk_buff;
struct sock;
struct xtcp_cong_ops;

/* policy.c */

/* Bits of xtcp_sock.by_rule: the options that a rule has set and that xtcp_policy_undo() resets. */
enum xtcp_by_rule {
	XTCP_BY_RULE_CONGESTION		= BIT(0),
	XTCP_BY_RULE_MAX_PACING_RATE	= BIT(1),
	XTCP_BY_RULE_RTO_MIN		= BIT(2),
	XTCP_BY_RULE_RTO_MAX		= BIT(3),
	XTCP_BY_RULE_DELACK_MAX		= BIT(4),
	XTCP_BY_RULE_USER_TIMEOUT	= BIT(5),
	XTCP_BY_RULE_KEEPALIVE		= BIT(6),
	XTCP_BY_RULE_KEEPIDLE		= BIT(7),
	XTCP_BY_RULE_KEEPINTVL		= BIT(8),
	XTCP_BY_RULE_KEEPCNT		= BIT(9),
	XTCP_BY_RULE_PACES		= BIT(10),	/* pacing was off before the rule, which turns it on */
	XTCP_BY_RULE_END		= BIT(11),	/* not an option: the end of the list */
};

/**
 * struct xtcp_rule_sets - the options that a rule sets; 0 or NULL: the rule does not set the option
 * @algorithm: TCP_CONGESTION
 * @max_pacing_rate: SO_MAX_PACING_RATE, octets per second
 * @initial: the initial window, segments
 * @keepalive: SO_KEEPALIVE
 * @keepalive_probes: TCP_KEEPCNT
 * @rto_min: TCP_RTO_MIN_US, ticks
 * @delack_max: TCP_DELACK_MAX_US, ticks
 * @rto_max: TCP_RTO_MAX_MS, units of XTCP_RTO_MAX_UNIT_MS
 * @keepalive_time: TCP_KEEPIDLE, seconds
 * @keepalive_intvl: TCP_KEEPINTVL, seconds
 * @user_timeout: TCP_USER_TIMEOUT, milliseconds
 * @blackbox: whether the connection gets a black box, enum xtcp_box_rule; not a socket option
 */
struct xtcp_rule_sets {
	const struct xtcp_cong_ops *algorithm;
	unsigned long max_pacing_rate;
	u8 initial;
	bool keepalive;
	u8 keepalive_probes;
	u8 rto_min;
	u8 delack_max;
	u8 blackbox;
	u16 rto_max;
	u16 keepalive_time;
	u16 keepalive_intvl;
	u32 user_timeout;
};

/**
 * struct xtcp_rule - a rule of the policy table
 * @tables: number of tables that have the rule: the table in force, a new table that is being made,
 *	and old tables that readers may still use
 * @hits: number of connections that have matched the rule, including connections that failed
 *	afterwards; one counter for each processor
 * @sets: the options that the rule sets
 */
struct xtcp_rule {
	refcount_t tables;
	unsigned long __percpu *hits;
	struct xtcp_rule_sets sets;
};

/**
 * struct xtcp_policy - a table, which never changes once it is in force
 * @rcu: for call_rcu()
 * @room: how many entries fit into @entries
 * @rules: the rules in their order
 * @entries: the entries of @rules
 */
struct xtcp_policy {
	struct rcu_head rcu;
	unsigned int room;
	struct xtcp_rules rules;
	struct xtcp_rules_entry entries[];
};

void xtcp_policy_apply(struct sock *sk);
void xtcp_policy_undo(struct sock *sk);
void xtcp_policy_program_sets(struct sock *sk, int optname);
void xtcp_policy_limit_set(struct sock *sk);

/*
 * Applies the rule that matches a new connection, if any rule matches. The addresses and ports of
 * the connection are known. Socket lock held.
 */
static inline void xtcp_policy_begin(struct sock *sk)
{
	if (unlikely(rcu_access_pointer(xtcp_net_of(sk)->policy)))
		xtcp_policy_apply(sk);
}

int xtcp_policy_show(struct seq_file *m, void *v);
void xtcp_policy_net_exit(struct xtcp_net *xn);

int xtcp_policy_set_requested(struct sk_buff *skb, struct genl_info *info);

#endif /* XTCP_POLICY_H */
