// SPDX-License-Identifier: GPL-2.0
/*
 * The order of the rules of a policy table, and the search for the rule that applies to a
 * connection. This file uses no sock and no clock.
 *
 * Of the rules that match a connection, only the most specific one applies. A rule with a longer
 * prefix is more specific. If the lengths are equal, a rule with a foreign port is more specific
 * than a rule without. Next, a rule with a local port is more specific than a rule without. Last, a
 * rule with a deeper cgroup is more specific. The kind of a rule consists of the length and the IP
 * version of its prefix, the presence of each of the two ports, and the depth of its cgroup. Two
 * different keys of one kind never match the same connection. So the rules that match a connection
 * all differ in kind, and the order of the kinds decides.
 *
 * The search takes one kind after the other, the most specific first. It makes the only key of this
 * kind that can match the connection, and looks for that key in the ordered entries of the kind.
 * With k kinds, this takes at most k binary searches, however many rules there are.
 */
#include "policy/rules.h"

#ifdef __KERNEL__
#include <linux/string.h>
#else
#include <string.h>
#endif
#include <asm/byteorder.h>

#define MAPPED_BITS	96	/* bits of a v4-mapped address before the IPv4 address */

/*
 * Bits of kind[1]. The smaller of two kinds is the more specific one, so a bit stands for what the
 * key leaves open: ANY_DPORT for the foreign port, ANY_SPORT for the local port.
 */
#define ANY_DPORT	4
#define ANY_SPORT	2
/* This bit never decides between two rules: a connection matches prefixes of one family only. */
#define IS_V4		1

static void kind_of(u8 *kind, const struct xtcp_rule_match *match)
{
	kind[0] = 255 - (match->len == XTCP_RULES_NO_PREFIX ? 0 : match->len + 1);
	kind[1] = (match->dport ? 0 : ANY_DPORT) | (match->sport ? 0 : ANY_SPORT) | (match->v4 ? IS_V4 : 0);
	kind[2] = 255 - match->depth;
	kind[3] = 0;
}

/* Length of the prefix, or XTCP_RULES_NO_PREFIX. */
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

/**
 * xtcp_rules_key() - make the key of a rule
 * @key: receives the key
 * @match: the conditions of the rule
 *
 * Context: any.
 *
 * Return: false if a length or depth is out of range, or the prefix has bits beyond its length.
 */
bool xtcp_rules_key(struct xtcp_rule_key *key, const struct xtcp_rule_match *match)
{
	const unsigned int most = match->v4 ? 32 : 128;

	memset(key, 0, sizeof(*key));
	if (match->depth > XTCP_RULES_DEPTH_MAX)
		return false;
	kind_of(key->kind, match);
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

/**
 * xtcp_rules_match() - undo xtcp_rules_key()
 * @match: receives the conditions of the rule
 * @key: the key of a rule
 *
 * Context: any.
 */
void xtcp_rules_match(struct xtcp_rule_match *match, const struct xtcp_rule_key *key)
{
	match->to = key->to;
	match->len = prefix_len(key->kind);
	match->v4 = key->kind[1] & IS_V4;
	match->dport = key->dport;
	match->sport = key->sport;
	match->depth = 255 - key->kind[2];
	match->cgroup = key->cgroup;
}

/*
 * Returns the index of the first entry from @first to @end - 1 whose key is not smaller than @key;
 * @end if there is none.
 */
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

/**
 * xtcp_rules_add() - add a rule to a table that nobody searches yet
 * @rules: the table, with space for one more entry
 * @key: the key of @rule
 * @rule: the rule
 *
 * Context: any. The caller makes sure that nobody else uses the table.
 *
 * Return: false if the table has a rule with this key.
 */
bool xtcp_rules_add(struct xtcp_rules *rules, const struct xtcp_rule_key *key, struct xtcp_rule *rule)
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

/**
 * xtcp_rules_del() - take a rule out of a table
 * @rules: the table
 * @key: the key of the rule
 *
 * Context: any. The caller makes sure that nobody else uses the table.
 *
 * Return: the rule, or NULL if no rule has this key.
 */
struct xtcp_rule *xtcp_rules_del(struct xtcp_rules *rules, const struct xtcp_rule_key *key)
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

/**
 * xtcp_rules_ready() - make a table ready for searches, after the last change
 * @rules: the table
 *
 * Context: any. The caller makes sure that nobody else uses the table.
 *
 * Return: false if there are more than %XTCP_RULES_KINDS kinds: a search would take too long.
 */
bool xtcp_rules_ready(struct xtcp_rules *rules)
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

/*
 * Make the only key of @kind that can match the connection. Return: false if there is no such key.
 */
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

/**
 * xtcp_rules_find() - find the rule that applies to a connection
 * @rules: a table after xtcp_rules_ready()
 * @facts: the connection
 *
 * Context: any in which @facts->cgroup_at() may be called.
 *
 * Return: the rule, or NULL if none matches.
 */
struct xtcp_rule *xtcp_rules_find(const struct xtcp_rules *rules, const struct xtcp_rules_facts *facts)
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
