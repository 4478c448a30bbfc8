/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The order of the rules of a policy table, and the search for the rule that applies to a
 * connection. This code uses no sock and no clock.
 */
#ifndef XTCP_RULES_H
#define XTCP_RULES_H

#include <linux/in6.h>
#include <linux/types.h>

struct xtcp_rule;

#define XTCP_RULES_KINDS	64	/* limit of kinds (xtcp_rule_key.kind) in a table */
#define XTCP_RULES_NO_PREFIX	0xff	/* xtcp_rule_match.len: any foreign address matches */
#define XTCP_RULES_DEPTH_MAX	250	/* the highest xtcp_rule_match.depth */

/**
 * struct xtcp_rule_match - the connections to which a rule applies
 * @to: the prefix of the foreign address; an IPv4 address as v4-mapped
 * @len: length of the prefix in bits, at most 32 for IPv4; or XTCP_RULES_NO_PREFIX
 * @v4: the prefix is an IPv4 prefix; false without a prefix
 * @dport: the foreign port; 0: any
 * @sport: the local port; 0: any
 * @depth: how deep the cgroup is in its hierarchy; the root has 1; 0: any cgroup
 * @cgroup: the id of the cgroup, if @depth is not 0
 */
struct xtcp_rule_match {
	struct in6_addr to;
	u8 len;
	bool v4;
	__be16 dport;
	__be16 sport;
	u8 depth;
	u64 cgroup;
};

/**
 * struct xtcp_rule_key - a struct xtcp_rule_match, laid out so that memcmp() tells which of two
 *	keys comes first in the table
 * @kind: which parts of the key are set, the length and the IP version of the prefix, and the depth
 *	of the cgroup (kind_of()); the most specific kind is the smallest
 * @dport: the foreign port; 0: any
 * @sport: the local port; 0: any
 * @cgroup: the id of the cgroup; 0: any
 * @to: the prefix of the foreign address, an IPv4 address as v4-mapped; zero without a prefix
 *
 * The struct has no padding.
 */
struct xtcp_rule_key {
	u8 kind[4];
	__be16 dport;
	__be16 sport;
	u64 cgroup;
	struct in6_addr to;
};

/* A rule and its key. The keys are in the table itself, so the search reads no other memory. */
struct xtcp_rules_entry {
	struct xtcp_rule_key key;
	struct xtcp_rule *rule;
};

/**
 * struct xtcp_rules - a table
 * @n: number of rules
 * @kinds: number of different values of xtcp_rule_key.kind in the table
 * @ends: for each kind, the index of the entry after the last entry of the kind
 * @entries: the rules, ordered by their keys
 */
struct xtcp_rules {
	u16 n;
	u16 kinds;
	u16 ends[XTCP_RULES_KINDS];
	struct xtcp_rules_entry *entries;
};

/**
 * struct xtcp_rules_facts - what the search knows of a connection
 * @to: the foreign address; IPv4 as v4-mapped
 * @v4: IPv4 carries the connection
 * @dport: the foreign port
 * @sport: the local port
 * @cgroup_at: returns the id of the cgroup at @depth, which is the socket's cgroup or an ancestor
 *	of it; 0 if the socket's cgroup is less deep
 * @of: the socket, as the argument of @cgroup_at
 */
struct xtcp_rules_facts {
	struct in6_addr to;
	bool v4;
	__be16 dport;
	__be16 sport;
	u64 (*cgroup_at)(const void *of, unsigned int depth);
	const void *of;
};

bool xtcp_rules_key(struct xtcp_rule_key *key, const struct xtcp_rule_match *match);
void xtcp_rules_match(struct xtcp_rule_match *match, const struct xtcp_rule_key *key);
bool xtcp_rules_add(struct xtcp_rules *rules, const struct xtcp_rule_key *key, struct xtcp_rule *rule);
struct xtcp_rule *xtcp_rules_del(struct xtcp_rules *rules, const struct xtcp_rule_key *key);
bool xtcp_rules_ready(struct xtcp_rules *rules);
struct xtcp_rule *xtcp_rules_find(const struct xtcp_rules *rules, const struct xtcp_rules_facts *facts);

#endif /* XTCP_RULES_H */
