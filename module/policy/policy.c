// SPDX-License-Identifier: GPL-2.0
/*
 * The policy table of a namespace: rules that set options of new connections.
 *
 * A connection looks for its rule once: in connect(), or when a listener's child is made. The rule
 * sets those options of the sock that no program has set, with the effect of setsockopt(). A
 * disconnect resets them, so the next connection of the sock begins without them.
 *
 * Only the most specific of the rules that match applies: that with the longest prefix; then one
 * with a foreign port; then one with a local port; then that with the deepest cgroup. The kind of a
 * rule is the length and IP version of its prefix, which ports it has, and the depth of its cgroup.
 * Two different keys of one kind never match the same connection, so the order of the kinds
 * decides. For each kind, the most specific first, the search makes the only key that can match,
 * and looks for it in the ordered entries of the kind: at most one binary search for each kind.
 *
 * A table in force never changes. A change makes a new table, which shares the other rules and
 * replaces the old one: a connection sees the whole of one or the other. The old one is freed after
 * a grace period. All changes of a request are made, or none is.
 *
 * A rule for a cgroup has the cgroup's id and depth, and no reference: ids are never used again. As
 * everywhere in Linux, the cgroup of a socket is that of the process that made it, and a child has
 * the cgroup of its listener. A socket keeps its cgroup even after the cgroup's directory is gone:
 * the rule still matches its sockets, but not those of a new cgroup with the same name.
 *
 * All memory is charged to the memory cgroup of the writer, since any user can make a namespace and
 * write its table.
 *
 * The table is changed by requests of generic netlink (uapi/linux/xtcp.h), which `xtcp-policy` sends.
 * The answer to one that fails says why, and which attribute is wrong. The sender has CAP_NET_ADMIN
 * in the namespace. So a rule may name any congestion control, not only those in
 * allowed_congestion_control: such a sender may choose any for its own sockets, too.
 *
 * Each namespace has a lock for changes of its table. A request that finds it taken fails with
 * EBUSY: set.c says why no request may wait for a lock.
 */
#include "policy/policy.h"

#include <linux/cgroup.h>
#include <linux/xtcp.h>
#include <net/genetlink.h>

#include "base/bounds.h"
#include "sight/sight.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

struct xtcp_rule;

#define XTCP_RULES_KINDS	64	/* limit of kinds (xtcp_rule_key.kind) in a table */
#define XTCP_RULES_NO_PREFIX	0xff	/* xtcp_rule_match.len: any foreign address matches */
#define XTCP_RULES_DEPTH_MAX	250	/* the highest xtcp_rule_match.depth */

/* The connections to which a rule applies. */
struct xtcp_rule_match {
	struct in6_addr to;	/* the prefix of the foreign address; an IPv4 address as v4-mapped */
	u8 len;	/* length of the prefix in bits, at most 32 for IPv4; or XTCP_RULES_NO_PREFIX */
	bool v4;	/* the prefix is an IPv4 prefix; false without a prefix */
	__be16 dport;	/* the foreign port; 0: any */
	__be16 sport;	/* the local port; 0: any */
	u8 depth;	/* how deep the cgroup is in its hierarchy; the root has 1; 0: any cgroup */
	u64 cgroup;	/* the id of the cgroup, if @depth is not 0 */
};

/*
 * struct xtcp_rule_key - a struct xtcp_rule_match, laid out so that memcmp() tells which of two
 * keys comes first in the table
 * @kind: which parts of the key are set, the length and the IP version of the prefix, and the depth
 *	of the cgroup (xtcp_rules_key()); the most specific kind is the smallest
 * @to: the prefix of the foreign address, an IPv4 address as v4-mapped; zero without a prefix
 *
 * The struct has no padding.
 */
struct xtcp_rule_key {
	u8 kind[4];
	__be16 dport;	/* the foreign port; 0: any */
	__be16 sport;	/* the local port; 0: any */
	u64 cgroup;	/* the id of the cgroup; 0: any */
	struct in6_addr to;
};

/* A rule and its key. The keys are in the table itself, so the search reads no other memory. */
struct xtcp_rules_entry {
	struct xtcp_rule_key key;
	struct xtcp_rule *rule;
};

/* A table of rules. */
struct xtcp_rules {
	u16 n;					/* number of rules */
	u16 kinds;	/* number of different values of xtcp_rule_key.kind in the table */
	u16 ends[XTCP_RULES_KINDS];		/* for each kind, the index of the entry after its last entry */
	struct xtcp_rules_entry *entries;	/* the rules, ordered by their keys */
};

/*
 * struct xtcp_rules_facts - what the search knows of a connection
 * @cgroup_at: returns the id of the cgroup at @depth, which is the socket's cgroup or an ancestor
 *	of it; 0 if the socket's cgroup is less deep
 */
struct xtcp_rules_facts {
	struct in6_addr to;	/* the foreign address; IPv4 as v4-mapped */
	bool v4;	/* IPv4 carries the connection */
	__be16 dport;	/* the foreign port */
	__be16 sport;	/* the local port */
	u64 (*cgroup_at)(const void *of, unsigned int depth);
	const void *of;	/* the socket, as the argument of @cgroup_at */
};

#define MAPPED_BITS	96	/* bits of a v4-mapped address before the IPv4 address */

/* Bits of kind[1]. The smaller kind is the more specific one, so a bit stands for what the key leaves open. */
#define ANY_DPORT	4	/* the foreign port */
#define ANY_SPORT	2	/* the local port */
/* This bit never decides between two rules: a connection matches prefixes of one family only. */
#define IS_V4		1

static u8 prefix_len(const u8 *kind)
{
	return kind[0] == 255 ? XTCP_RULES_NO_PREFIX : 254 - kind[0];
}

/* The first @bits bits of @addr; all other bits are 0. */
static struct in6_addr prefix_of(const struct in6_addr *addr, unsigned int bits)
{
	struct in6_addr prefix = *addr;
	unsigned int i;

	for (i = 0; i < 4; i++, bits -= bits < 32 ? bits : 32)
		if (bits < 32)
			prefix.s6_addr32[i] &= bits ? __cpu_to_be32(~0U << (32 - bits)) : 0;
	return prefix;
}

/* Makes the key of a rule; false if a length or depth is out of range, or the prefix has bits beyond its length. */
static bool xtcp_rules_key(struct xtcp_rule_key *key, const struct xtcp_rule_match *match)
{
	const unsigned int most = match->v4 ? 32 : 128;

	memset(key, 0, sizeof(*key));
	if (match->depth > XTCP_RULES_DEPTH_MAX)
		return false;
	key->kind[0] = 255 - (match->len == XTCP_RULES_NO_PREFIX ? 0 : match->len + 1);
	key->kind[1] = (match->dport ? 0 : ANY_DPORT) | (match->sport ? 0 : ANY_SPORT) | (match->v4 ? IS_V4 : 0);
	key->kind[2] = 255 - match->depth;
	key->dport = match->dport;
	key->sport = match->sport;
	key->cgroup = match->depth ? match->cgroup : 0;
	if (match->len == XTCP_RULES_NO_PREFIX)
		return true;
	if (match->len > most)
		return false;
	key->to = prefix_of(&match->to, match->len + (match->v4 ? MAPPED_BITS : 0));
	return !memcmp(&key->to, &match->to, sizeof(key->to));
}

/* Undoes xtcp_rules_key(). */
static void xtcp_rules_match(struct xtcp_rule_match *match, const struct xtcp_rule_key *key)
{
	match->to = key->to;
	match->len = prefix_len(key->kind);
	match->v4 = key->kind[1] & IS_V4;
	match->dport = key->dport;
	match->sport = key->sport;
	match->depth = 255 - key->kind[2];
	match->cgroup = key->cgroup;
}

/* The index of the first entry from @first to @end - 1 whose key is not smaller than @key, or @end. */
static unsigned int place_of(const struct xtcp_rules *rules, unsigned int first, unsigned int end,
			     const struct xtcp_rule_key *key)
{
	unsigned int middle;

	while (first < end) {
		middle = (first + end) / 2;
		if (memcmp(&rules->entries[middle].key, key, sizeof(*key)) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

static bool has_key(const struct xtcp_rules *rules, unsigned int at, const struct xtcp_rule_key *key)
{
	return at < rules->n && !memcmp(&rules->entries[at].key, key, sizeof(*key));
}

/* Adds a rule to a table that nobody else uses, with space for it; false if it has one with this key. */
static bool xtcp_rules_add(struct xtcp_rules *rules, const struct xtcp_rule_key *key, struct xtcp_rule *rule)
{
	unsigned int at = place_of(rules, 0, rules->n, key);
	struct xtcp_rules_entry *entry = &rules->entries[at];

	if (has_key(rules, at, key))
		return false;
	memmove(entry + 1, entry, (rules->n - at) * sizeof(*entry));
	entry->key = *key;
	entry->rule = rule;
	rules->n++;
	return true;
}

/* Takes a rule out of a table that nobody else uses; NULL if none has this key. */
static struct xtcp_rule *xtcp_rules_del(struct xtcp_rules *rules, const struct xtcp_rule_key *key)
{
	unsigned int at = place_of(rules, 0, rules->n, key);
	struct xtcp_rules_entry *entry = &rules->entries[at];
	struct xtcp_rule *rule;

	if (!has_key(rules, at, key))
		return NULL;
	rule = entry->rule;
	rules->n--;
	memmove(entry, entry + 1, (rules->n - at) * sizeof(*entry));
	return rule;
}

/* Makes a new table ready for searches. False: it has more than XTCP_RULES_KINDS kinds, too many for a search. */
static bool xtcp_rules_ready(struct xtcp_rules *rules)
{
	unsigned int i;

	rules->kinds = 0;
	for (i = 0; i < rules->n; i++) {
		if (i && !memcmp(rules->entries[i].key.kind, rules->entries[i - 1].key.kind,
				 sizeof(rules->entries[i].key.kind)))
			rules->ends[rules->kinds - 1]++;
		else if (rules->kinds < XTCP_RULES_KINDS)
			rules->ends[rules->kinds++] = i + 1;
		else
			return false;
	}
	return true;
}

/* Makes the only key of @kind that can match the connection; false if there is none. */
static bool key_for(struct xtcp_rule_key *key, const u8 *kind, const struct xtcp_rules_facts *facts)
{
	const u8 len = prefix_len(kind), depth = 255 - kind[2];
	const bool v4 = kind[1] & IS_V4;

	memset(key, 0, sizeof(*key));
	memcpy(key->kind, kind, sizeof(key->kind));
	if (len != XTCP_RULES_NO_PREFIX) {
		if (v4 != facts->v4)
			return false;
		key->to = prefix_of(&facts->to, len + (v4 ? MAPPED_BITS : 0));
	}
	if (!(kind[1] & ANY_DPORT))
		key->dport = facts->dport;
	if (!(kind[1] & ANY_SPORT))
		key->sport = facts->sport;
	if (depth) {
		key->cgroup = facts->cgroup_at(facts->of, depth);
		return key->cgroup;
	}
	return true;
}

static struct xtcp_rule *xtcp_rules_find(const struct xtcp_rules *rules, const struct xtcp_rules_facts *facts)
{
	struct xtcp_rule_key key;
	unsigned int i, at, first = 0;

	for (i = 0; i < rules->kinds; first = rules->ends[i++]) {
		if (!key_for(&key, rules->entries[first].key.kind, facts))
			continue;
		at = place_of(rules, first, rules->ends[i], &key);
		if (at < rules->ends[i] && has_key(rules, at, &key))
			return rules->entries[at].rule;
	}
	return NULL;
}

/* Arithmetic ends. */

#define NUMBERS	7	/* options that are copied as numbers */

/* The options that a rule sets; 0 or NULL: the rule does not set the option. */
struct xtcp_rule_sets {
	const struct xtcp_cong_ops *algorithm;	/* TCP_CONGESTION; READ_ONCE: may be renewed */
	unsigned long max_pacing_rate;		/* SO_MAX_PACING_RATE, octets per second */
	u32 number[NUMBERS];			/* see numbers[] */
	u8 initial;				/* the initial window, segments */
	bool keepalive;				/* SO_KEEPALIVE */
	u8 blackbox;	/* whether the connection gets a black box, enum xtcp_box_rule; not a socket option */
};

/*
 * struct xtcp_rule - a rule of the policy table
 * @tables: number of tables that have the rule: the table in force, a new table that is being made,
 *	and old tables that readers may still use
 * @hits: number of connections that have matched the rule, including connections that failed
 *	afterwards; one counter for each processor
 */
struct xtcp_rule {
	refcount_t tables;
	unsigned long __percpu *hits;
	struct xtcp_rule_sets sets;	/* the options that the rule sets */
};

/* A table, which never changes once it is in force. */
struct xtcp_policy {
	struct rcu_head rcu;			/* for call_rcu() */
	struct xtcp_rules rules;		/* the rules in their order */
	struct xtcp_rules_entry entries[];	/* the entries of @rules */
};

#define MOST		1024	/* most rules in a table */
#define MOST_OF_GUEST	64

/* An allocation fails when memory is short, so that a netlink request does not wait for long (set.c). */
#define GFP_POLICY	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/* xtcp_rules_facts.cgroup_at of a sock. RCU read side. */
static u64 cgroup_at(const void *of, unsigned int depth)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgroup = cgroup_ancestor(sock_cgroup_ptr(&((struct sock *)of)->sk_cgrp_data), depth - 1);

	return cgroup ? cgroup_id(cgroup) : 0;
#else
	return 0;
#endif
}

#define OCTETS(field)	sizeof_field(struct xtcp_sock, field)
#define TO(field)	offsetof(struct xtcp_sock, field)

/* The unit of an option's field in a sock. */
enum unit { PLAIN, TICKS, RTO_MAX_UNITS };

/*
 * The options that are copied as numbers from a rule to a sock, where 0 means that nobody has set the
 * option. The index is the option's bit in xtcp_sock.by_rule.
 */
static const struct number {
	int optname;
	const char *name;
	u8 attribute;	/* XTCP_RULE_* */
	u8 unit;	/* enum unit */
	u8 size;	/* octets of the field */
	u16 to;		/* its offset in struct xtcp_sock */
} numbers[NUMBERS] = {
	{ TCP_RTO_MIN_US, "rto_min_us", XTCP_RULE_RTO_MIN_US, TICKS, OCTETS(rto_min), TO(rto_min) },
	{ TCP_RTO_MAX_MS, "rto_max_ms", XTCP_RULE_RTO_MAX_MS, RTO_MAX_UNITS, OCTETS(rto_max), TO(rto_max) },
	{ TCP_DELACK_MAX_US, "delack_max_us", XTCP_RULE_DELACK_MAX_US, TICKS, OCTETS(delack_max), TO(delack_max) },
	{ TCP_USER_TIMEOUT, "user_timeout_ms", XTCP_RULE_USER_TIMEOUT, PLAIN, OCTETS(user_timeout), TO(user_timeout) },
	{ TCP_KEEPIDLE, "keepidle", XTCP_RULE_KEEPIDLE, PLAIN, OCTETS(keepalive_time), TO(keepalive_time) },
	{ TCP_KEEPINTVL, "keepintvl", XTCP_RULE_KEEPINTVL, PLAIN, OCTETS(keepalive_intvl), TO(keepalive_intvl) },
	{ TCP_KEEPCNT, "keepcnt", XTCP_RULE_KEEPCNT, PLAIN, OCTETS(keepalive_probes), TO(keepalive_probes) },
};

static bool is_set(const void *field, u8 size)
{
	return memchr_inv(field, 0, size);
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
	unsigned int i;

	for (i = 0; i < NUMBERS; i++) {
		void *field = (void *)xsk + numbers[i].to;

		if (!sets->number[i] || is_set(field, numbers[i].size))
			continue;
		write_number(field, numbers[i].size, sets->number[i]);
		xsk->by_rule |= BIT(i);
	}
	if (sets->keepalive && !sock_flag(sk, SOCK_KEEPOPEN)) {
		sock_set_flag(sk, SOCK_KEEPOPEN);
		xsk->by_rule |= XTCP_BY_RULE_KEEPALIVE;
	}
}

static void obey_limit(struct sock *sk, unsigned long limit)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (!limit || READ_ONCE(sk->sk_max_pacing_rate) != ULONG_MAX)
		return;
	if (READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
		xsk->by_rule |= XTCP_BY_RULE_PACES;
	xsk->limit_by_rule = limit;
	xtcp_pace_set_limit(sk, limit);
	xsk->by_rule |= XTCP_BY_RULE_MAX_PACING_RATE;
}

/* Reset the rule's limit of pacing, and pacing if it was off before, unless there is still a limit. */
static void undo_limit(struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const u16 by_rule = xsk->by_rule;

	if (by_rule & XTCP_BY_RULE_MAX_PACING_RATE && READ_ONCE(sk->sk_max_pacing_rate) == xsk->limit_by_rule)
		xtcp_pace_set_limit(sk, ULONG_MAX);
	if (by_rule & XTCP_BY_RULE_PACES && READ_ONCE(sk->sk_max_pacing_rate) == ULONG_MAX)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NEEDED, SK_PACING_NONE);
}

/* Sets a rule's options, but none that the program has set. One with its default value counts as not set. */
static void obey(struct sock *sk, const struct xtcp_rule_sets *sets)
{
	const struct xtcp_cong_ops *ops = READ_ONCE(sets->algorithm);
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (ops && xtcp_algorithms_take_rule(sk, ops)) {
		xsk->by_rule |= XTCP_BY_RULE_CONGESTION;
		/* the algorithm switches pacing on when it begins */
		if (ops->paces && READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
			xsk->by_rule |= XTCP_BY_RULE_PACES;
	}
	obey_limit(sk, sets->max_pacing_rate);
	obey_timers(sk, sets);
	/* no bits in by_rule for these two: no socket option sets them, and a reset of the TCB clears them */
	xsk->cong.initial = sets->initial;
	xsk->box_rule = sets->blackbox;
}

/*
 * Applies the rule that matches a new connection, if there is one. @sk: in connect(), or a new child,
 * with its addresses and ports. The metrics of its route, which take precedence, come afterwards.
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

/* Before the TCB is reset. A program's pacing limit stays, unless it equals that of the rule. */
void xtcp_policy_undo(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	unsigned int i;

	sock_owned_by_me(sk);
	if (xsk->by_rule & XTCP_BY_RULE_CONGESTION && !xsk->algorithm_chosen)
		xtcp_algorithms_assign(sk);
	undo_limit(sk);
	for (i = 0; i < NUMBERS; i++)
		if (xsk->by_rule & BIT(i))
			write_number((void *)xsk + numbers[i].to, numbers[i].size, 0);
	if (xsk->by_rule & XTCP_BY_RULE_KEEPALIVE)
		sock_reset_flag(sk, SOCK_KEEPOPEN);
	xsk->by_rule = 0;
}

/* The program has set the option @optname of IPPROTO_TCP: it does not count as set by a rule any more. */
void xtcp_policy_program_sets(struct sock *sk, int optname)
{
	unsigned int i;

	BUILD_BUG_ON(XTCP_BY_RULE_END >> XTCP_BY_RULE_BITS > 1 || XTCP_BY_RULE_CONGESTION != BIT(NUMBERS));

	sock_owned_by_me(sk);
	for (i = 0; i < NUMBERS; i++)
		if (numbers[i].optname == optname)
			xtcp_sk(sk)->by_rule &= ~BIT(i);
}

static void put_rule(struct xtcp_rule *rule)
{
	if (!refcount_dec_and_test(&rule->tables))
		return;
	xtcp_algorithms_put(rule->sets.algorithm);
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

/*
 * Begins a new table: empty, or a copy of the table in force. @more: the most rules that the caller will
 * add. May sleep; xtcp_net.policy_lock is held, as in the two functions below. Return: for
 * xtcp_policy_install() or free_table(); ERR_PTR: -ENOSPC for too many rules, -ENOMEM.
 */
static struct xtcp_policy *xtcp_policy_draft(struct xtcp_net *xn, bool empty, unsigned int more)
{
	const struct xtcp_policy *old = present(xn);
	const unsigned int n = old && !empty ? old->rules.n : 0;
	struct xtcp_policy *draft;
	unsigned int i;

	lockdep_assert_held(&xn->policy_lock);
	if (n + more > (xn->is_guest ? MOST_OF_GUEST : MOST))
		return ERR_PTR(-ENOSPC);
	draft = kvzalloc(struct_size(draft, entries, n + more), GFP_POLICY);
	if (!draft)
		return ERR_PTR(-ENOMEM);
	draft->rules.entries = draft->entries;
	draft->rules.n = n;
	for (i = 0; i < n; i++) {
		draft->entries[i] = old->entries[i];
		refcount_inc(&draft->entries[i].rule->tables);	/* put by put_rule() */
	}
	return draft;
}

/*
 * Adds a rule to a new table. The rule, or nobody, holds the algorithm of @sets from now on. Return:
 * 0; -EEXIST if the table has a rule with this key; -ENOMEM.
 */
static int xtcp_policy_add(struct xtcp_policy *draft, const struct xtcp_rule_key *key,
			   const struct xtcp_rule_sets *sets)
{
	struct xtcp_rule *rule;

	rule = kzalloc(sizeof(*rule), GFP_POLICY);
	if (rule)
		rule->hits = alloc_percpu_gfp(unsigned long, GFP_POLICY);
	if (!rule || !rule->hits) {
		xtcp_algorithms_put(sets->algorithm);
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

static bool gives_boxes(const struct xtcp_rules *rules)
{
	unsigned int i;

	for (i = 0; i < rules->n; i++)
		if (rules->entries[i].rule->sets.blackbox == XTCP_BOX_ALWAYS)
			return true;
	return false;
}

/*
 * Puts a new table in force. One without a rule is freed, so that new connections skip the search.
 * Return: 0, or -E2BIG if the rules have too many kinds of keys.
 */
static int xtcp_policy_install(struct xtcp_net *xn, struct xtcp_policy *draft)
{
	struct xtcp_policy *old = present(xn);

	lockdep_assert_held(&xn->policy_lock);
	if (!xtcp_rules_ready(&draft->rules))
		return -E2BIG;
	WRITE_ONCE(xn->blackbox_ruled, gives_boxes(&draft->rules));
	if (!draft->rules.n) {
		free_table(&draft->rcu);
		draft = NULL;
	}
	rcu_assign_pointer(xn->policy, draft);
	xtcp_boxkey_want(xn, false);
	if (old)
		call_rcu(&old->rcu, free_table);
	return 0;
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

/* What a user reads, and writes, for the value of an option. */
static u32 told(const struct number *number, u32 value)
{
	switch (number->unit) {
	case TICKS:
		return xtcp_ticks_us(value, HZ);
	case RTO_MAX_UNITS:
		return value * XTCP_RTO_MAX_UNIT_MS;
	default:
		return value;
	}
}

static void show_sets(struct seq_file *m, const struct xtcp_rule_sets *sets)
{
	const struct xtcp_cong_ops *ops = READ_ONCE(sets->algorithm);
	unsigned int i;

	if (ops)
		seq_printf(m, " cc=%s", ops->name);
	if (sets->initial)
		seq_printf(m, " initcwnd=%u", sets->initial);
	if (sets->max_pacing_rate)
		seq_printf(m, " max_pacing_rate=%lu", sets->max_pacing_rate);
	for (i = 0; i < NUMBERS; i++) {
		if (sets->keepalive && numbers[i].optname == TCP_KEEPIDLE)
			seq_puts(m, " keepalive=on");
		if (sets->number[i])
			seq_printf(m, " %s=%u", numbers[i].name, told(&numbers[i], sets->number[i]));
	}
	if (sets->blackbox)
		seq_printf(m, " blackbox=%s", sets->blackbox == XTCP_BOX_ALWAYS ? "on" : "off");
}

/*
 * /proc/net/xtcp_policy: a line for each rule, most specific kind first; rates in octets per
 * second. All lines come from one table, even if it is replaced during the read.
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

/* Gives each rule the module that has replaced the one of its algorithm, if any has. */
void xtcp_policy_renew(struct xtcp_net *xn)
{
	const struct xtcp_policy *policy;
	unsigned int i;

	rcu_read_lock();
	policy = rcu_dereference(xn->policy);
	for (i = 0; policy && i < policy->rules.n; i++)
		xtcp_algorithms_renew_at(&policy->entries[i].rule->sets.algorithm);
	rcu_read_unlock();
}

/* Frees the table of a namespace that ends; it has no connection and no file in /proc any more. */
void xtcp_policy_net_exit(struct xtcp_net *xn)
{
	struct xtcp_policy *policy = rcu_dereference_protected(xn->policy, true);

	RCU_INIT_POINTER(xn->policy, NULL);
	if (policy)
		call_rcu(&policy->rcu, free_table);
}

static struct netlink_range_validation rto_max_range = { .min = MSEC_PER_SEC, .max = XTCP_RTO_MAX_MS };
static struct netlink_range_validation positive_range = { .min = 1, .max = INT_MAX };

static const struct nla_policy rule_policy[XTCP_RULE_MAX + 1] = {
	[XTCP_RULE_TO] = NLA_POLICY_RANGE(NLA_BINARY, sizeof(__be32), sizeof(struct in6_addr)),
	[XTCP_RULE_TO_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[XTCP_RULE_DPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[XTCP_RULE_SPORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[XTCP_RULE_CONGESTION] = { .type = NLA_NUL_STRING, .len = TCP_CA_NAME_MAX - 1 },
	[XTCP_RULE_INITCWND] = NLA_POLICY_MIN(NLA_U8, 1),
	[XTCP_RULE_MAX_PACING_RATE] = NLA_POLICY_MIN(NLA_U64, 1),
	[XTCP_RULE_RTO_MIN_US] = { .type = NLA_U32 },
	[XTCP_RULE_RTO_MAX_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &rto_max_range),
	[XTCP_RULE_DELACK_MAX_US] = { .type = NLA_U32 },
	[XTCP_RULE_USER_TIMEOUT] = NLA_POLICY_FULL_RANGE(NLA_U32, &positive_range),
	[XTCP_RULE_KEEPALIVE] = NLA_POLICY_RANGE(NLA_U8, 1, 1),
	[XTCP_RULE_KEEPIDLE] = NLA_POLICY_RANGE(NLA_U32, 1, MAX_TCP_KEEPIDLE),
	[XTCP_RULE_KEEPINTVL] = NLA_POLICY_RANGE(NLA_U32, 1, MAX_TCP_KEEPINTVL),
	[XTCP_RULE_KEEPCNT] = NLA_POLICY_RANGE(NLA_U8, 1, MAX_TCP_KEEPCNT),
	[XTCP_RULE_CGROUP] = NLA_POLICY_MIN(NLA_U64, 1),
	[XTCP_RULE_BLACKBOX] = NLA_POLICY_MAX(NLA_U8, 1),
};

static int take_prefix(struct xtcp_rule_match *match, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *to = attrs[XTCP_RULE_TO], *len = attrs[XTCP_RULE_TO_LEN];

	match->len = XTCP_RULES_NO_PREFIX;
	if (!to && !len)
		return 0;
	if (!to || !len) {
		NL_SET_ERR_MSG_ATTR(extack, to ?: len, "an address and its length belong together");
		return -EINVAL;
	}
	match->len = nla_get_u8(len);
	match->v4 = nla_len(to) == sizeof(__be32);
	if (match->v4) {
		ipv6_addr_set_v4mapped(nla_get_in_addr(to), &match->to);
		return 0;
	}
	if (nla_len(to) != sizeof(struct in6_addr)) {
		NL_SET_ERR_MSG_ATTR(extack, to, "an address has 4 or 16 octets");
		return -EINVAL;
	}
	match->to = nla_get_in6_addr(to);
	/* connections to v4-mapped addresses use IPv4, so no IPv6 prefix matches them */
	if (ipv6_addr_v4mapped(&match->to) && match->len >= 96) {
		NL_SET_ERR_MSG_ATTR(extack, to, "a v4-mapped prefix: name the IPv4 prefix instead");
		return -EINVAL;
	}
	return 0;
}

/* The depth of the cgroup @id, 1 for the root; 0 if the message's sender sees no such cgroup. */
static unsigned int depth_of(u64 id)
{
	unsigned int depth = 0;
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgroup = cgroup_get_from_id(id);

	if (!IS_ERR(cgroup)) {
		depth = cgroup->level + 1;
		cgroup_put(cgroup);
	}
#endif
	return depth;
}

/*
 * Fills the cgroup of @match. With @is_there it must exist, and its depth is looked up. Otherwise a
 * rule is being deleted, and the cgroup may be gone: the depth is set to 1, and delete_rule() tries
 * others. Return: 0 or an error.
 */
static int take_cgroup(struct xtcp_rule_match *match, const struct nlattr *id, bool is_there,
		       struct netlink_ext_ack *extack)
{
	unsigned int depth;

	if (!id)
		return 0;
	if (!IS_ENABLED(CONFIG_SOCK_CGROUP_DATA)) {
		NL_SET_ERR_MSG_ATTR(extack, id, "this kernel has no cgroups for sockets");
		return -EOPNOTSUPP;
	}
	match->cgroup = nla_get_u64(id);
	match->depth = 1;
	if (!is_there)
		return 0;
	depth = depth_of(match->cgroup);
	if (!depth || depth > XTCP_RULES_DEPTH_MAX) {
		NL_SET_ERR_MSG_ATTR(extack, id, "there is no such cgroup");
		return -ENOENT;
	}
	match->depth = depth;
	return 0;
}

static int take_key(struct xtcp_rule_key *key, struct nlattr **attrs, bool is_there, struct netlink_ext_ack *extack)
{
	struct xtcp_rule_match match = {};
	int err = take_prefix(&match, attrs, extack) ?: take_cgroup(&match, attrs[XTCP_RULE_CGROUP], is_there, extack);

	if (err)
		return err;
	if (attrs[XTCP_RULE_DPORT])
		match.dport = htons(nla_get_u16(attrs[XTCP_RULE_DPORT]));
	if (attrs[XTCP_RULE_SPORT])
		match.sport = htons(nla_get_u16(attrs[XTCP_RULE_SPORT]));
	if (!xtcp_rules_key(key, &match)) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[XTCP_RULE_TO],
				    "the prefix is longer than its address, or has bits beyond its length");
		return -EINVAL;
	}
	return 0;
}

/* -ERANGE if setsockopt() would refuse that many microseconds. TCP_KEEPCNT's attribute alone has one octet. */
static int take_option(u32 *value, const struct number *number, const struct nlattr *attr,
		       struct netlink_ext_ack *extack)
{
	*value = nla_len(attr) == sizeof(u8) ? nla_get_u8(attr) : nla_get_u32(attr);
	if (number->unit == RTO_MAX_UNITS)
		*value = DIV_ROUND_UP(*value, XTCP_RTO_MAX_UNIT_MS);
	else if (number->unit == TICKS)
		*value = *value <= INT_MAX ? xtcp_bounds_ticks(*value) : 0;
	if (*value)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "a time from two ticks to 200 ms is meant");
	return -ERANGE;
}

/* Fill @sets from @attrs. Return: 0, and the caller has to give back the algorithm; or an error. */
static int take_sets(struct xtcp_rule_sets *sets, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *congestion = attrs[XTCP_RULE_CONGESTION], *rate = attrs[XTCP_RULE_MAX_PACING_RATE];
	const struct nlattr *box = attrs[XTCP_RULE_BLACKBOX];
	int i, err = 0;

	memset(sets, 0, sizeof(*sets));
	if (attrs[XTCP_RULE_INITCWND])
		sets->initial = nla_get_u8(attrs[XTCP_RULE_INITCWND]);
	/* ULONG_MAX means "no limit", as in SO_MAX_PACING_RATE: the largest limit is one less */
	if (rate)
		sets->max_pacing_rate = min_t(u64, nla_get_u64(rate), ULONG_MAX - 1);
	if (box)
		sets->blackbox = nla_get_u8(box) ? XTCP_BOX_ALWAYS : XTCP_BOX_NEVER;
	sets->keepalive = attrs[XTCP_RULE_KEEPALIVE];
	for (i = 0; i < NUMBERS && !err; i++)
		if (attrs[numbers[i].attribute])
			err = take_option(&sets->number[i], &numbers[i], attrs[numbers[i].attribute], extack);
	if (err || !congestion)
		return err;
	sets->algorithm = xtcp_algorithms_named(nla_data(congestion));
	if (sets->algorithm)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, congestion, "there is no such congestion control");
	return -ENOENT;
}

/* A cgroup of the key may have been removed, its depth unknown: try each. Return: 0 or -ENOENT. */
static int delete_rule(struct xtcp_policy *draft, struct xtcp_rule_key *key)
{
	struct xtcp_rule_match match;
	struct xtcp_rule *rule = xtcp_rules_del(&draft->rules, key);

	xtcp_rules_match(&match, key);
	while (!rule && match.depth && match.depth++ < XTCP_RULES_DEPTH_MAX) {
		xtcp_rules_key(key, &match);
		rule = xtcp_rules_del(&draft->rules, key);
	}
	if (!rule)
		return -ENOENT;
	put_rule(rule);
	return 0;
}

/* Does an attribute occur twice in @nest? The types of its attributes have been checked. */
static bool has_one_twice(const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	unsigned long seen = 0;
	int left;

	BUILD_BUG_ON(XTCP_RULE_MAX >= BITS_PER_LONG);
	nla_for_each_nested(attr, nest, left)
		if (__test_and_set_bit(nla_type(attr), &seen)) {
			NL_SET_ERR_MSG_ATTR(extack, attr, "this comes twice in the rule");
			return true;
		}
	return false;
}

static int change(struct xtcp_policy *draft, int cmd, const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[XTCP_RULE_MAX + 1];
	struct xtcp_rule_sets sets;
	struct xtcp_rule_key key;
	int err;

	err = nla_parse_nested(attrs, XTCP_RULE_MAX, nest, rule_policy, extack);
	if (!err && has_one_twice(nest, extack))
		err = -EINVAL;
	if (!err)
		err = take_key(&key, attrs, cmd != XTCP_CMD_POLICY_DEL, extack);
	if (err)
		return err;
	if (cmd == XTCP_CMD_POLICY_DEL) {
		err = delete_rule(draft, &key);
		if (err)
			NL_SET_ERR_MSG_ATTR(extack, nest, "there is no rule with this key");
		return err;
	}
	if (!memchr_inv(attrs, 0, sizeof(attrs))) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "the rule is empty");
		return -EINVAL;
	}
	err = take_sets(&sets, attrs, extack);
	if (err)
		return err;
	err = xtcp_policy_add(draft, &key, &sets);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(extack, nest, "there is a rule with this key already");
	return err;
}

/* Return: the number of rules in the request; -EINVAL if it contains anything else. */
static int count_rules(const struct genl_info *info)
{
	const struct nlattr *attr;
	int n = 0, left;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != XTCP_POLICY_RULE) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr, "unknown attribute");
			return -EINVAL;
		}
		n++;
	}
	if (left) {
		NL_SET_ERR_MSG(info->extack, "octets after the last attribute");
		return -EINVAL;
	}
	return n;
}

static int make_policy(struct xtcp_net *xn, unsigned int n, const struct genl_info *info)
{
	const int cmd = info->genlhdr->cmd;
	struct xtcp_policy *draft;
	const struct nlattr *attr;
	int err = 0, left;

	draft = xtcp_policy_draft(xn, cmd == XTCP_CMD_POLICY_REPLACE, cmd == XTCP_CMD_POLICY_DEL ? 0 : n);
	if (IS_ERR(draft)) {
		err = PTR_ERR(draft);
		if (err == -ENOSPC)
			NL_SET_ERR_MSG(info->extack, "too many rules");
		return err;
	}
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		err = change(draft, cmd, attr, info->extack);
		if (err) {
			free_table(&draft->rcu);
			return err;
		}
		cond_resched();
	}
	err = xtcp_policy_install(xn, draft);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "too many kinds of keys: use fewer lengths of prefixes");
		free_table(&draft->rcu);
	}
	return err;
}

/**
 * xtcp_policy_set_requested() - handle XTCP_CMD_POLICY_ADD, _DEL and _REPLACE
 * @skb: the request
 * @info: the parsed request
 * Context: process, may sleep. Takes xtcp_net.policy_lock; -EBUSY while another request has it.
 * Return: 0 or an error, which uapi/linux/xtcp.h explains; after an error nothing has changed.
 */
int xtcp_policy_set_requested(struct sk_buff *skb, struct genl_info *info)
{
	struct xtcp_net *xn = xtcp_net(genl_info_net(info));
	int n = count_rules(info), err;

	if (n < 0)
		return n;
	if (!n && info->genlhdr->cmd != XTCP_CMD_POLICY_REPLACE) {
		NL_SET_ERR_MSG(info->extack, "the request has no rule");
		return -EINVAL;
	}
	if (!mutex_trylock(&xn->policy_lock)) {
		NL_SET_ERR_MSG(info->extack, "another request changes the table");
		return -EBUSY;
	}
	err = make_policy(xn, n, info);
	mutex_unlock(&xn->policy_lock);
	return err;
}
