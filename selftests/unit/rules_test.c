// SPDX-License-Identifier: GPL-2.0
/*
 * module/policy/policy.c in user space: which rule wins, keys that must not be, and random tables, of which the search
 * has to find what a look at each rule finds.
 */
#include <arpa/inet.h>
#include <string.h>
#include "unit.h"
#include "rules.part.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define MANY		300
#define DEPTH		6

/* The rules of the table: of each only its address counts. */
struct xtcp_rule {
	struct xtcp_rule_match match;
};

static struct xtcp_rule rule[MANY];
static struct xtcp_rules_entry entries[MANY];
static struct xtcp_rules table = { .entries = entries };
static u64 cgroups[DEPTH + 1];	/* of the connection, by depth */

static u64 cgroup_at(const void *of, unsigned int depth)
{
	return depth <= DEPTH ? ((const u64 *)of)[depth] : 0;
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr to = {};

	if (strchr(text, ':')) {
		inet_pton(AF_INET6, text, &to);
	} else {
		to.s6_addr[10] = 0xff;
		to.s6_addr[11] = 0xff;
		inet_pton(AF_INET, text, &to.s6_addr[12]);
	}
	return to;
}

/* NULL: any address. */
static struct xtcp_rule_match match(const char *to, u8 len, u16 dport, u16 sport, u8 depth, u64 cgroup)
{
	return (struct xtcp_rule_match) {
		.to = to ? addr(to) : (struct in6_addr) {}, .len = to ? len : XTCP_RULES_NO_PREFIX,
		.v4 = to && !strchr(to, ':'), .dport = htons(dport), .sport = htons(sport), .depth = depth,
		.cgroup = cgroup,
	};
}

static struct xtcp_rules_facts facts(const char *to, u16 dport, u16 sport)
{
	return (struct xtcp_rules_facts) {
		.to = addr(to), .v4 = !strchr(to, ':'), .dport = htons(dport), .sport = htons(sport),
		.cgroup_at = cgroup_at, .of = cgroups,
	};
}

static bool add(unsigned int i, struct xtcp_rule_match match)
{
	struct xtcp_rule_key key;

	rule[i].match = match;
	return xtcp_rules_key(&key, &match) && xtcp_rules_add(&table, &key, &rule[i]);
}

static bool del(struct xtcp_rule_match match, const struct xtcp_rule *expected)
{
	struct xtcp_rule_key key;

	return xtcp_rules_key(&key, &match) && xtcp_rules_del(&table, &key) == expected;
}

/* The number of the rule, -1: none. */
static int found(struct xtcp_rules_facts facts)
{
	const struct xtcp_rule *hit;

	UNIT_CHECK(xtcp_rules_ready(&table));
	hit = xtcp_rules_find(&table, &facts);
	return hit ? hit - rule : -1;
}

UNIT(empty, "an empty table")
{
	table.n = 0;
	UNIT_CHECK(found(facts("10.0.0.1", 80, 4000)) == -1);
	UNIT_CHECK(del(match(NULL, 0, 80, 0, 0, 0), NULL));
}

UNIT(one_for_all, "a rule for all connections, once")
{
	table.n = 0;
	UNIT_CHECK(add(0, match(NULL, 0, 0, 0, 0, 0)));
	UNIT_CHECK(found(facts("10.0.0.1", 80, 4000)) == 0);
	UNIT_CHECK(found(facts("2001:db8::1", 80, 4000)) == 0);
	UNIT_CHECK(!add(1, match(NULL, 0, 0, 0, 0, 0)));
	UNIT_CHECK(table.n == 1);
}

/* The order that the comment at the top of rules.c states: each rule beats all that follow. */
UNIT(who_wins, "the most specific rule wins")
{
	const struct xtcp_rule_match order[] = {
		match("10.0.0.1", 32, 0, 0, 0, 0), match("10.0.0.0", 24, 80, 4000, 2, 22),
		match("10.0.0.0", 24, 80, 4000, 1, 1), match("10.0.0.0", 24, 80, 4000, 0, 0),
		match("10.0.0.0", 24, 80, 0, 2, 22), match("10.0.0.0", 24, 80, 0, 0, 0),
		match("10.0.0.0", 24, 0, 4000, 2, 22), match("10.0.0.0", 24, 0, 4000, 0, 0),
		match("10.0.0.0", 24, 0, 0, 2, 22), match("10.0.0.0", 24, 0, 0, 0, 0),
		match("10.0.0.0", 8, 80, 4000, 2, 22), match("0.0.0.0", 0, 0, 0, 0, 0),
		match(NULL, 0, 80, 4000, 0, 0), match(NULL, 0, 80, 0, 0, 0), match(NULL, 0, 0, 4000, 2, 22),
		match(NULL, 0, 0, 0, 1, 1), match(NULL, 0, 0, 0, 0, 0),
	};

	cgroups[1] = 1;
	cgroups[2] = 22;
	table.n = 0;
	for (unsigned int i = 0; i < COUNT(order); i++)
		UNIT_CHECK(add(COUNT(order) - 1 - i, order[COUNT(order) - 1 - i]));
	for (unsigned int i = 0; i < COUNT(order); i++) {
		UNIT_CHECK(found(facts("10.0.0.1", 80, 4000)) == (int)i);
		UNIT_CHECK(del(order[i], &rule[i]));
	}
	UNIT_CHECK(!table.n);
}

UNIT(families, "prefixes of IPv4 and of IPv6 are apart")
{
	table.n = 0;
	UNIT_CHECK(add(0, match("::", 0, 0, 0, 0, 0)));
	UNIT_CHECK(add(1, match("0.0.0.0", 0, 0, 0, 0, 0)));
	UNIT_CHECK(add(2, match("2001:db8::", 32, 0, 0, 0, 0)));
	UNIT_CHECK(found(facts("10.0.0.1", 1, 1)) == 1);
	UNIT_CHECK(found(facts("2001:db8::1", 1, 1)) == 2);
	UNIT_CHECK(found(facts("2001:db9::1", 1, 1)) == 0);
	UNIT_CHECK(del(match("0.0.0.0", 0, 0, 0, 0, 0), &rule[1]));
	UNIT_CHECK(found(facts("10.0.0.1", 1, 1)) == -1);
}

/* A rule for the parent holds for the child, and one for the child not for the parent. */
UNIT(cgroup_tree, "a rule for a cgroup holds for those below it")
{
	table.n = 0;
	cgroups[1] = 1;
	cgroups[2] = 7;
	cgroups[3] = 0;
	UNIT_CHECK(add(0, match(NULL, 0, 0, 0, 2, 7)));
	UNIT_CHECK(add(1, match(NULL, 0, 0, 0, 3, 8)));
	UNIT_CHECK(found(facts("10.0.0.1", 1, 1)) == 0);
	cgroups[3] = 8;
	UNIT_CHECK(found(facts("10.0.0.1", 1, 1)) == 1);
	cgroups[3] = 9;
	UNIT_CHECK(found(facts("10.0.0.1", 1, 1)) == 0);
	cgroups[2] = 6;
	UNIT_CHECK(found(facts("10.0.0.1", 1, 1)) == -1);
}

UNIT(wrong_keys, "keys out of range, and back from a key")
{
	struct xtcp_rule_key key;
	const struct xtcp_rule_match wrong[] = {
		match("10.0.0.1", 31, 0, 0, 0, 0), match("10.0.0.0", 33, 0, 0, 0, 0), match("0.0.0.1", 0, 0, 0, 0, 0),
		match("2001:db8::", 28, 0, 0, 0, 0), match("2001:db8::", 129, 0, 0, 0, 0),
		match("::1", 127, 0, 0, 0, 0),
		match("::1", 64, 0, 0, 0, 0), match(NULL, 0, 0, 0, XTCP_RULES_DEPTH_MAX + 1, 1),
	};
	const struct xtcp_rule_match right[] = {
		match("10.0.0.1", 32, 0, 0, 0, 0), match("10.0.0.2", 31, 65535, 1, 0, 0),
		match("2001:db8::1", 128, 0, 0, 0, 0),
		match("2001:db8::", 29, 0, 0, 0, 0), match("::", 0, 0, 0, XTCP_RULES_DEPTH_MAX, ~0ULL),
	};
	struct xtcp_rule_match back;

	for (unsigned int i = 0; i < COUNT(wrong); i++)
		UNIT_CHECK(!xtcp_rules_key(&key, &wrong[i]));
	for (unsigned int i = 0; i < COUNT(right); i++) {
		UNIT_CHECK(xtcp_rules_key(&key, &right[i]));
		xtcp_rules_match(&back, &key);
		UNIT_CHECK(!memcmp(&back.to, &right[i].to, sizeof(back.to)) && back.len == right[i].len &&
			   back.v4 == right[i].v4 && back.dport == right[i].dport && back.sport == right[i].sport &&
			   back.depth == right[i].depth && back.cgroup == right[i].cgroup);
	}
}

UNIT(too_many_kinds, "more kinds than a search may take")
{
	unsigned int i;

	table.n = 0;
	for (i = 0; i < XTCP_RULES_KINDS; i++) {
		UNIT_CHECK(xtcp_rules_ready(&table));
		UNIT_CHECK(add(i, match("::", i, 0, 0, 0, 0)));
	}
	UNIT_CHECK(xtcp_rules_ready(&table));
	UNIT_CHECK(add(i, match(NULL, 0, 80, 0, 0, 0)));
	UNIT_CHECK(!xtcp_rules_ready(&table));
}

static bool matches(const struct xtcp_rule_match *m, const struct xtcp_rules_facts *f)
{
	const unsigned int bits = m->len + (m->v4 ? 96 : 0);

	if (m->len != XTCP_RULES_NO_PREFIX) {
		if (m->v4 != f->v4)
			return false;
		for (unsigned int i = 0; i < bits; i++)
			if ((m->to.s6_addr[i / 8] ^ f->to.s6_addr[i / 8]) & 0x80 >> i % 8)
				return false;
	}
	return (!m->dport || m->dport == f->dport) && (!m->sport || m->sport == f->sport) &&
		(!m->depth || cgroup_at(cgroups, m->depth) == m->cgroup);
}

/* Is @a more specific than @b? */
static bool beats(const struct xtcp_rule_match *a, const struct xtcp_rule_match *b)
{
	const int len_a = a->len == XTCP_RULES_NO_PREFIX ? -1 : a->len;
	const int len_b = b->len == XTCP_RULES_NO_PREFIX ? -1 : b->len;

	if (len_a != len_b)
		return len_a > len_b;
	if (!a->dport != !b->dport)
		return a->dport;
	if (!a->sport != !b->sport)
		return a->sport;
	return a->depth > b->depth;
}

static struct in6_addr random_prefix(bool v4, unsigned int len)
{
	struct in6_addr to = addr(v4 ? "10.0.0.0" : "2001:db8::");

	to.s6_addr[15] = unit_random() & 3;
	to.s6_addr[14] = unit_random() & 1;
	for (unsigned int i = v4 ? 96 + len : len; i < 128; i++)
		to.s6_addr[i / 8] &= ~(0x80 >> i % 8);
	return to;
}

static struct xtcp_rule_match random_match(void)
{
	static const u8 lens[2][5] = { { 128, 127, 126, 119, 16 }, { 32, 31, 30, 23, 8 } };
	struct xtcp_rule_match m = { .len = XTCP_RULES_NO_PREFIX };

	if (unit_random() & 3) {
		m.v4 = unit_random() & 1;
		m.len = lens[m.v4][unit_random() % 5];
		m.to = random_prefix(m.v4, m.len);
	}
	m.dport = htons(unit_random() % 3);
	m.sport = htons(unit_random() % 3);
	m.depth = unit_random() % 3;
	m.cgroup = m.depth ? unit_random() % 3 : 0;
	return m;
}

UNIT(random_tables, "random tables, compared with a look at each rule")
{
	const struct xtcp_rule *best;
	struct xtcp_rules_facts f;
	unsigned int round, i, n, probe;
	int hits = 0;

	for (round = 0; round < 2000; round++) {
		table.n = 0;
		n = unit_random() % (round & 1 ? 10 : 80);
		for (i = 0; i < n; i++)
			if (!add(i, random_match()))
				rule[i].match.len = 200;	/* there already: no connection has such a prefix */
		if (!xtcp_rules_ready(&table))
			continue;
		for (probe = 0; probe < 20; probe++) {
			f = facts(unit_random() & 1 ? "10.0.0.0" : "2001:db8::", 1 + unit_random() % 3,
				  1 + unit_random() % 3);
			f.to = random_prefix(f.v4, f.v4 ? 32 : 128);
			for (i = 1; i <= 2; i++)
				cgroups[i] = unit_random() % 3;
			for (best = NULL, i = 0; i < n; i++) {
				if (rule[i].match.len == 200 || !matches(&rule[i].match, &f))
					continue;
				/* a cgroup whose id is 0 is none */
				if (rule[i].match.depth && !rule[i].match.cgroup)
					continue;
				if (!best || beats(&rule[i].match, &best->match))
					best = &rule[i];
			}
			UNIT_CHECK(xtcp_rules_find(&table, &f) == best);
			hits += !!best;
		}
	}
	UNIT_CHECK(hits > 1000);
}

UNIT_MAIN
