// SPDX-License-Identifier: GPL-2.0
/*
 * The policy table of a namespace: rules that set options of new connections. An administrator
 * writes the table (policy_set.c). Of the rules that match a connection, only the most specific one
 * applies (rules.c).
 *
 * A connection looks for its rule once: in connect(), or when a listener's child is made. The rule
 * sets those options of the sock that no program has set. They have the same effect as with
 * setsockopt(). A disconnect resets the options that a rule has set, so the next connection of the
 * sock begins without them.
 *
 * A table in force never changes. A change makes a new table, which replaces the old one; both
 * share the rules that have not changed. So a connection sees the whole old table or the whole new
 * one. The old table is freed after a grace period.
 *
 * A rule for a cgroup remembers the cgroup's id and depth, and holds no reference: ids are never
 * used again. As everywhere in Linux, the cgroup of a socket is the cgroup of the process that made
 * it, and a child has the cgroup of its listener. A socket keeps its cgroup, even after the
 * directory of the cgroup has been removed. So the rule still matches the sockets that were made in
 * this cgroup, but not the sockets of a new cgroup with the same name.
 *
 * All memory is charged to the memory control group of the writer, since any user can make a
 * namespace and write its table.
 */
#include "policy/policy.h"

#include <linux/cgroup.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/tcp.h>

#include "base/bounds.h"
#include "base/sock.h"
#include "compat.h"
#include "cong/algorithms.h"
#include "lookup/lookup.h"
#include "sight/blackbox.h"
#include "sight/boxkey.h"
#include "time/time.h"

#define MOST		1024	/* most rules in a table */
#define MOST_OF_GUEST	64

/*
 * An allocation fails when memory is short, so that a netlink request does not wait for long
 * (set.c).
 */
#define GFP_POLICY	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/*
 * The function for xtcp_rules_facts.cgroup_at. Returns the id of the cgroup at @depth, which is the
 * sock's cgroup or an ancestor of it; 0 if the sock's cgroup is less deep. RCU read side.
 */
static u64 cgroup_at(const void *of, unsigned int depth)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgroup = cgroup_ancestor(sock_cgroup_ptr(&((struct sock *)of)->sk_cgrp_data), depth - 1);

	return cgroup ? cgroup_id(cgroup) : 0;
#else
	return 0;
#endif
}

/* The offsets of an option in a sock and in a rule; the size of the option is the same in both. */
#define TO(field)	offsetof(struct xtcp_sock, field)
#define FROM(field)	offsetof(struct xtcp_rule_sets, field)
#define OCTETS(field)	sizeof_field(struct xtcp_rule_sets, field)

static_assert(OCTETS(rto_min) == sizeof_field(struct xtcp_sock, rto_min));
static_assert(OCTETS(rto_max) == sizeof_field(struct xtcp_sock, rto_max));
static_assert(OCTETS(delack_max) == sizeof_field(struct xtcp_sock, delack_max));
static_assert(OCTETS(user_timeout) == sizeof_field(struct xtcp_sock, user_timeout));
static_assert(OCTETS(keepalive_time) == sizeof_field(struct xtcp_sock, keepalive_time));
static_assert(OCTETS(keepalive_intvl) == sizeof_field(struct xtcp_sock, keepalive_intvl));
static_assert(OCTETS(keepalive_probes) == sizeof_field(struct xtcp_sock, keepalive_probes));

/*
 * The options that are copied as numbers from a rule to a sock; 0 means that nobody has set the
 * option.
 */
static const struct number {
	int optname;
	u16 by_rule;
	u16 to;
	u8 from;
	u8 size;
} numbers[] = {
	{ TCP_RTO_MIN_US, XTCP_BY_RULE_RTO_MIN, TO(rto_min), FROM(rto_min), OCTETS(rto_min) },
	{ TCP_RTO_MAX_MS, XTCP_BY_RULE_RTO_MAX, TO(rto_max), FROM(rto_max), OCTETS(rto_max) },
	{ TCP_DELACK_MAX_US, XTCP_BY_RULE_DELACK_MAX, TO(delack_max), FROM(delack_max), OCTETS(delack_max) },
	{ TCP_USER_TIMEOUT, XTCP_BY_RULE_USER_TIMEOUT, TO(user_timeout), FROM(user_timeout), OCTETS(user_timeout) },
	{ TCP_KEEPIDLE, XTCP_BY_RULE_KEEPIDLE, TO(keepalive_time), FROM(keepalive_time), OCTETS(keepalive_time) },
	{ TCP_KEEPINTVL, XTCP_BY_RULE_KEEPINTVL, TO(keepalive_intvl), FROM(keepalive_intvl), OCTETS(keepalive_intvl) },
	{ TCP_KEEPCNT, XTCP_BY_RULE_KEEPCNT, TO(keepalive_probes), FROM(keepalive_probes), OCTETS(keepalive_probes) },
};

static u32 read_number(const void *from, u8 size)
{
	switch (size) {
	case sizeof(u8):
		return *(const u8 *)from;
	case sizeof(u16):
		return *(const u16 *)from;
	default:
		return *(const u32 *)from;
	}
}

/* WRITE_ONCE(), because options are also read without the socket lock. */
static void write_number(void *to, u8 size, u32 value)
{
	switch (size) {
	case sizeof(u8):
		WRITE_ONCE(*(u8 *)to, value);
		break;
	case sizeof(u16):
		WRITE_ONCE(*(u16 *)to, value);
		break;
	default:
		WRITE_ONCE(*(u32 *)to, value);
	}
}

static void obey_timers(struct sock *sk, const struct xtcp_rule_sets *sets)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct number *n;
	u32 value;

	for (n = numbers; n < numbers + ARRAY_SIZE(numbers); n++) {
		value = read_number((const void *)sets + n->from, n->size);
		if (!value || read_number((void *)xsk + n->to, n->size))
			continue;
		write_number((void *)xsk + n->to, n->size, value);
		xsk->by_rule |= n->by_rule;
	}
	if (sets->keepalive && !sock_flag(sk, SOCK_KEEPOPEN)) {
		sock_set_flag(sk, SOCK_KEEPOPEN);
		xsk->by_rule |= XTCP_BY_RULE_KEEPALIVE;
	}
}

/*
 * The pacing limit that the rule has set. A program may change the limit by SO_MAX_PACING_RATE, and
 * the kernel does not tell us. So undo_limit() compares the present limit with this value.
 *
 * The value is stored in a field of inet_sock that only datagram sockets use (ip_setup_cork(),
 * ip6_setup_cork()). A new field would make struct xtcp_sock larger for every connection. A struct
 * xtcp_seldom is the wrong place: a child would have to allocate it in softirq. If this allocation
 * failed, nothing could reset the child's limit later.
 */
static u64 *limit_of_rule(struct sock *sk)
{
	return &inet_sk(sk)->cork.base.transmit_time;
}

static void obey_limit(struct sock *sk, unsigned long limit)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!limit || READ_ONCE(sk->sk_max_pacing_rate) != ULONG_MAX)
		return;
	if (READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
		xsk->by_rule |= XTCP_BY_RULE_PACES;
	*limit_of_rule(sk) = limit;
	xtcp_pace_set_limit(sk, limit);
	xsk->by_rule |= XTCP_BY_RULE_MAX_PACING_RATE;
}

/*
 * Reset the limit of pacing that the rule has set. Switch pacing off if it was off before the rule,
 * unless there is still a limit.
 */
static void undo_limit(struct sock *sk)
{
	const u16 by_rule = xtcp_sk(sk)->by_rule;

	if (by_rule & XTCP_BY_RULE_MAX_PACING_RATE && READ_ONCE(sk->sk_max_pacing_rate) == *limit_of_rule(sk))
		xtcp_pace_set_limit(sk, ULONG_MAX);
	if (by_rule & XTCP_BY_RULE_PACES && READ_ONCE(sk->sk_max_pacing_rate) == ULONG_MAX)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NEEDED, SK_PACING_NONE);
}

/*
 * Set the options of a rule, except for those that the program has set itself. An option with its
 * default value counts as not set: nothing tells whether the program has set this value.
 */
static void obey(struct sock *sk, const struct xtcp_rule_sets *sets)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (sets->algorithm && xtcp_algorithms_take_rule(sk, sets->algorithm)) {
		xsk->by_rule |= XTCP_BY_RULE_CONGESTION;
		/* the algorithm switches pacing on when it begins */
		if (sets->algorithm->paces && READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
			xsk->by_rule |= XTCP_BY_RULE_PACES;
	}
	obey_limit(sk, sets->max_pacing_rate);
	obey_timers(sk, sets);
	/*
	 * these two fields need no bits in by_rule: no socket option sets them, and a reset of the
	 * TCB clears them
	 */
	xsk->cong.initial = sets->initial;
	xsk->box_rule = sets->blackbox;
}

/**
 * xtcp_policy_apply() - apply the rule that matches a new connection, if there is one
 * @sk: a sock in connect(), or a new child; its addresses and ports are known. The caller applies
 *	the metrics of the sock's route afterwards, since they take precedence over the rule
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_policy_apply(struct sock *sk)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn);
	const struct xtcp_rules_facts facts = {
		.to = tuple.faddr,
		.v4 = xtcp_tuple_is_v4(&tuple),
		.dport = tuple.fport,
		.sport = tuple.lport,
		.cgroup_at = cgroup_at,
		.of = sk,
	};
	const struct xtcp_policy *policy;
	const struct xtcp_rule *rule;

	sock_owned_by_me(sk);
	rcu_read_lock();
	policy = rcu_dereference(xtcp_net_of(sk)->policy);
	rule = policy ? xtcp_rules_find(&policy->rules, &facts) : NULL;
	if (rule) {
		this_cpu_inc(*rule->hits);
		obey(sk, &rule->sets);
	}
	rcu_read_unlock();
}

/**
 * xtcp_policy_undo() - reset the options that a rule has set
 * @sk: a sock whose connection has ended, before its TCB is reset
 *
 * A pacing limit that a program has set meanwhile stays, unless it equals the limit of the rule.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_policy_undo(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct number *n;

	sock_owned_by_me(sk);
	if (xsk->by_rule & XTCP_BY_RULE_CONGESTION && !xsk->algorithm_chosen)
		xtcp_algorithms_assign(sk);
	undo_limit(sk);
	for (n = numbers; n < numbers + ARRAY_SIZE(numbers); n++)
		if (xsk->by_rule & n->by_rule)
			write_number((void *)xsk + n->to, n->size, 0);
	if (xsk->by_rule & XTCP_BY_RULE_KEEPALIVE)
		sock_reset_flag(sk, SOCK_KEEPOPEN);
	xsk->by_rule = 0;
}

/**
 * xtcp_policy_program_sets() - a program or an administrator has set an option
 * @sk: a sock on which a rule has set options
 * @optname: the option of IPPROTO_TCP; from now on the option does not count as set by the rule
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_policy_program_sets(struct sock *sk, int optname)
{
	const struct number *n;

	BUILD_BUG_ON(XTCP_BY_RULE_END >> XTCP_BY_RULE_BITS > 1);

	sock_owned_by_me(sk);
	for (n = numbers; n < numbers + ARRAY_SIZE(numbers); n++)
		if (n->optname == optname)
			xtcp_sk(sk)->by_rule &= ~n->by_rule;
}

/**
 * xtcp_policy_limit_set() - an administrator sets the limit of pacing
 * @sk: the sock; from now on its limit does not count as set by a rule
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_policy_limit_set(struct sock *sk)
{
	sock_owned_by_me(sk);
	xtcp_sk(sk)->by_rule &= ~XTCP_BY_RULE_MAX_PACING_RATE;
}

/* Drop a table's reference to @rule. */
static void put_rule(struct xtcp_rule *rule)
{
	if (!refcount_dec_and_test(&rule->tables))
		return;
	free_percpu(rule->hits);
	kfree(rule);
}

static void free_table(struct rcu_head *rcu)
{
	struct xtcp_policy *policy = container_of(rcu, struct xtcp_policy, rcu);
	unsigned int i;

	for (i = 0; i < policy->rules.n; i++)
		put_rule(policy->entries[i].rule);
	kvfree(policy);
}

/* The table in force; NULL: none. */
static struct xtcp_policy *present(struct xtcp_net *xn)
{
	return rcu_dereference_protected(xn->policy, lockdep_is_held(&xn->policy_lock));
}

/**
 * xtcp_policy_most() - how many rules may a namespace have?
 * @xn: the namespace
 *
 * Context: any.
 *
 * Return: the number.
 */
unsigned int xtcp_policy_most(const struct xtcp_net *xn)
{
	return xn->is_guest ? MOST_OF_GUEST : MOST;
}

/**
 * xtcp_policy_draft() - begin a new table
 * @xn: the namespace
 * @empty: the new table begins empty, and not as a copy of the table in force
 * @more: the most rules that the caller will add
 *
 * Context: process, may sleep. Lock: xtcp_net.policy_lock, held.
 *
 * Return: the table, for xtcp_policy_install() or xtcp_policy_discard(); ERR_PTR: -ENOSPC if the
 * table would have too many rules, -ENOMEM.
 */
struct xtcp_policy *xtcp_policy_draft(struct xtcp_net *xn, bool empty, unsigned int more)
{
	const struct xtcp_policy *old = present(xn);
	const unsigned int n = old && !empty ? old->rules.n : 0;
	struct xtcp_policy *draft;
	unsigned int i;

	lockdep_assert_held(&xn->policy_lock);
	if (n + more > xtcp_policy_most(xn))
		return ERR_PTR(-ENOSPC);
	draft = kvzalloc(struct_size(draft, entries, n + more), GFP_POLICY);
	if (!draft)
		return ERR_PTR(-ENOMEM);
	draft->room = n + more;
	draft->rules.entries = draft->entries;
	draft->rules.n = n;
	for (i = 0; i < n; i++) {
		draft->entries[i] = old->entries[i];
		refcount_inc(&draft->entries[i].rule->tables);	/* put by put_rule() */
	}
	return draft;
}

/**
 * xtcp_policy_add() - add a rule to a new table
 * @draft: the table
 * @key: the key, which says to which connections the rule applies
 * @sets: the options that the rule sets
 *
 * Context: process, may sleep. Lock: xtcp_net.policy_lock, held.
 *
 * Return: 0; -EEXIST if the table has a rule with this key; -ENOMEM.
 */
int xtcp_policy_add(struct xtcp_policy *draft, const struct xtcp_rule_key *key, const struct xtcp_rule_sets *sets)
{
	struct xtcp_rule *rule;

	if (WARN_ON(draft->rules.n >= draft->room))
		return -ENOMEM;
	rule = kzalloc(sizeof(*rule), GFP_POLICY);
	if (!rule)
		return -ENOMEM;
	rule->hits = alloc_percpu_gfp(unsigned long, GFP_POLICY);
	if (!rule->hits) {
		kfree(rule);
		return -ENOMEM;
	}
	refcount_set(&rule->tables, 1);
	rule->sets = *sets;
	if (xtcp_rules_add(&draft->rules, key, rule))
		return 0;
	put_rule(rule);
	return -EEXIST;
}

/**
 * xtcp_policy_del() - delete a rule from a new table
 * @draft: the table
 * @key: the key of the rule
 *
 * Context: process. Lock: xtcp_net.policy_lock, held.
 *
 * Return: 0, or -ENOENT if the table has no rule with this key.
 */
int xtcp_policy_del(struct xtcp_policy *draft, const struct xtcp_rule_key *key)
{
	struct xtcp_rule *rule = xtcp_rules_del(&draft->rules, key);

	if (!rule)
		return -ENOENT;
	put_rule(rule);
	return 0;
}

/* Does a rule of the table give black boxes? */
static bool gives_boxes(const struct xtcp_rules *rules)
{
	unsigned int i;

	for (i = 0; i < rules->n; i++)
		if (rules->entries[i].rule->sets.blackbox == XTCP_BOX_ALWAYS)
			return true;
	return false;
}

/**
 * xtcp_policy_install() - put a new table in force
 * @xn: the namespace
 * @draft: the table; it becomes the namespace's table, unless an error is returned
 *
 * A table without a rule is freed, so that new connections skip the search.
 *
 * Context: process, may sleep. Lock: xtcp_net.policy_lock, held.
 *
 * Return: 0, or -E2BIG if the rules have too many kinds of keys.
 */
int xtcp_policy_install(struct xtcp_net *xn, struct xtcp_policy *draft)
{
	struct xtcp_policy *old = present(xn);

	lockdep_assert_held(&xn->policy_lock);
	if (!xtcp_rules_ready(&draft->rules))
		return -E2BIG;
	WRITE_ONCE(xn->blackbox_ruled, gives_boxes(&draft->rules));
	if (!draft->rules.n) {
		xtcp_policy_discard(draft);
		draft = NULL;
	}
	rcu_assign_pointer(xn->policy, draft);
	xtcp_boxkey_want(xn, false);
	if (old)
		call_rcu(&old->rcu, free_table);
	return 0;
}

/**
 * xtcp_policy_discard() - free a table that was never in force
 * @draft: the table
 *
 * Context: process.
 */
void xtcp_policy_discard(struct xtcp_policy *draft)
{
	free_table(&draft->rcu);
}

static unsigned long hits_of(const struct xtcp_rule *rule)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(rule->hits, cpu));
	return sum;
}

static void show_key(struct seq_file *m, const struct xtcp_rule_key *key)
{
	struct xtcp_rule_match match;

	xtcp_rules_match(&match, key);
	if (match.len != XTCP_RULES_NO_PREFIX && match.v4)
		seq_printf(m, " to=%pI4/%u", &match.to.s6_addr32[3], match.len);
	else if (match.len != XTCP_RULES_NO_PREFIX)
		seq_printf(m, " to=%pI6c/%u", &match.to, match.len);
	if (match.dport)
		seq_printf(m, " dport=%u", ntohs(match.dport));
	if (match.sport)
		seq_printf(m, " sport=%u", ntohs(match.sport));
	if (match.depth)
		seq_printf(m, " cgroup=%llu", match.cgroup);
}

static void show_sets(struct seq_file *m, const struct xtcp_rule_sets *sets)
{
	if (sets->algorithm)
		seq_printf(m, " cc=%s", sets->algorithm->name);
	if (sets->initial)
		seq_printf(m, " initcwnd=%u", sets->initial);
	if (sets->max_pacing_rate)
		seq_printf(m, " max_pacing_rate=%lu", sets->max_pacing_rate);
	if (sets->rto_min)
		seq_printf(m, " rto_min_us=%u", xtcp_ticks_us(sets->rto_min, HZ));
	if (sets->rto_max)
		seq_printf(m, " rto_max_ms=%u", sets->rto_max * XTCP_RTO_MAX_UNIT_MS);
	if (sets->delack_max)
		seq_printf(m, " delack_max_us=%u", xtcp_ticks_us(sets->delack_max, HZ));
	if (sets->user_timeout)
		seq_printf(m, " user_timeout_ms=%u", sets->user_timeout);
	if (sets->keepalive)
		seq_puts(m, " keepalive=on");
	if (sets->keepalive_time)
		seq_printf(m, " keepidle=%u", sets->keepalive_time);
	if (sets->keepalive_intvl)
		seq_printf(m, " keepintvl=%u", sets->keepalive_intvl);
	if (sets->keepalive_probes)
		seq_printf(m, " keepcnt=%u", sets->keepalive_probes);
	if (sets->blackbox)
		seq_printf(m, " blackbox=%s", sets->blackbox == XTCP_BOX_ALWAYS ? "on" : "off");
}

/**
 * xtcp_policy_show() - show /proc/net/xtcp_policy: a line for each rule, most specific kind first
 * @m: the file; its private pointer is the namespace
 * @v: unused
 *
 * If the table is replaced during the read, all lines still come from one table, the old one or the
 * new one. Rates are in octets per second.
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_policy_show(struct seq_file *m, void *v)
{
	const struct xtcp_policy *policy;
	unsigned int i;

	rcu_read_lock();
	policy = rcu_dereference(xtcp_net(m->private)->policy);
	for (i = 0; policy && i < policy->rules.n; i++) {
		const struct xtcp_rules_entry *entry = &policy->entries[i];

		seq_printf(m, "hits=%lu", hits_of(entry->rule));
		show_key(m, &entry->key);
		show_sets(m, &entry->rule->sets);
		seq_putc(m, '\n');
		/* seq_file calls again with a larger buffer, until everything fits */
		if (seq_has_overflowed(m))
			break;
	}
	rcu_read_unlock();
	return 0;
}

/**
 * xtcp_policy_net_exit() - free the table of a namespace that ends
 * @xn: the namespace; it has no connection and no file in /proc any more
 *
 * Context: process.
 */
void xtcp_policy_net_exit(struct xtcp_net *xn)
{
	struct xtcp_policy *policy = rcu_dereference_protected(xn->policy, true);

	RCU_INIT_POINTER(xn->policy, NULL);
	if (policy)
		call_rcu(&policy->rcu, free_table);
}
