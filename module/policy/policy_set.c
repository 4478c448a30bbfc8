// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of generic netlink that change the policy table of a namespace; `xtcp-policy` sends
 * them. uapi/linux/xtcp.h has their attributes. Either all changes of a request are made, or none
 * is. The answer to a request that fails says why, and which attribute is wrong.
 *
 * Generic netlink has checked that the sender has CAP_NET_ADMIN in the namespace. So a rule may
 * name any congestion control, not only those in allowed_congestion_control: such a sender may also
 * choose any of them for its own sockets. All congestion controls are part of this module, so a
 * rule needs no reference to a module.
 *
 * Each namespace has a lock for changes of its table. A request that finds this lock taken fails
 * with EBUSY: set.c says why no request may wait for a lock.
 */
#include "policy/policy_set.h"

#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/xtcp.h>
#include <net/genetlink.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "base/bounds.h"
#include "base/net.h"
#include "base/wire.h"
#include "cong/algorithms.h"
#include "policy/policy.h"
#include "sight/blackbox.h"

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

/* Fill the prefix of @match. Return: 0 or -EINVAL. */
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

/*
 * Returns the depth of the cgroup @id, 1 for the root; 0 if the sender of the netlink message sees
 * no such cgroup.
 */
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
 * Fill the cgroup of @match. With @is_there, the cgroup must exist, and its depth is looked up.
 * Without @is_there, a rule is being deleted, and its cgroup may be gone. Then the depth is set to
 * 1, and delete_rule() tries the other depths. Return: 0 or an error.
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

/* Fill the key of a rule. Return: 0 or an error. */
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

/*
 * Convert the microseconds of @attr to ticks, and store them in @field. Without @attr, @field stays
 * as it is. Return: 0, or -ERANGE if setsockopt() would refuse that many microseconds.
 */
static int take_ticks(u8 *field, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	const u32 us = attr ? nla_get_u32(attr) : 0;

	if (!attr)
		return 0;
	*field = us <= INT_MAX ? xtcp_bounds_ticks(us) : 0;
	if (*field)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "a time from two ticks to 200 ms is meant");
	return -ERANGE;
}

/* Fill the timers that a rule sets. Return: 0 or an error. */
static int take_timers(struct xtcp_rule_sets *sets, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	int err;

	err = take_ticks(&sets->rto_min, attrs[XTCP_RULE_RTO_MIN_US], extack) ?:
		take_ticks(&sets->delack_max, attrs[XTCP_RULE_DELACK_MAX_US], extack);
	if (err)
		return err;
	if (attrs[XTCP_RULE_RTO_MAX_MS])
		sets->rto_max = DIV_ROUND_UP(nla_get_u32(attrs[XTCP_RULE_RTO_MAX_MS]), XTCP_RTO_MAX_UNIT_MS);
	if (attrs[XTCP_RULE_USER_TIMEOUT])
		sets->user_timeout = nla_get_u32(attrs[XTCP_RULE_USER_TIMEOUT]);
	sets->keepalive = attrs[XTCP_RULE_KEEPALIVE];
	if (attrs[XTCP_RULE_KEEPIDLE])
		sets->keepalive_time = nla_get_u32(attrs[XTCP_RULE_KEEPIDLE]);
	if (attrs[XTCP_RULE_KEEPINTVL])
		sets->keepalive_intvl = nla_get_u32(attrs[XTCP_RULE_KEEPINTVL]);
	if (attrs[XTCP_RULE_KEEPCNT])
		sets->keepalive_probes = nla_get_u8(attrs[XTCP_RULE_KEEPCNT]);
	return 0;
}

/* Fill @sets, the options that a rule sets, from @attrs. Return: 0 or a negative errno. */
static int take_sets(struct xtcp_rule_sets *sets, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *congestion = attrs[XTCP_RULE_CONGESTION], *rate = attrs[XTCP_RULE_MAX_PACING_RATE];
	const struct nlattr *box = attrs[XTCP_RULE_BLACKBOX];

	memset(sets, 0, sizeof(*sets));
	if (congestion) {
		sets->algorithm = xtcp_algorithms_named(nla_data(congestion));
		if (!sets->algorithm) {
			NL_SET_ERR_MSG_ATTR(extack, congestion, "there is no such congestion control");
			return -ENOENT;
		}
	}
	if (attrs[XTCP_RULE_INITCWND])
		sets->initial = nla_get_u8(attrs[XTCP_RULE_INITCWND]);
	/* ULONG_MAX means "no limit", as in SO_MAX_PACING_RATE: the largest limit is one less */
	if (rate)
		sets->max_pacing_rate = min_t(u64, nla_get_u64(rate), ULONG_MAX - 1);
	if (box)
		sets->blackbox = nla_get_u8(box) ? XTCP_BOX_ALWAYS : XTCP_BOX_NEVER;
	return take_timers(sets, attrs, extack);
}

static bool is_empty(struct nlattr **attrs)
{
	unsigned int i;

	for (i = 0; i <= XTCP_RULE_MAX; i++)
		if (attrs[i])
			return false;
	return true;
}

/*
 * Delete the rule with this key. If the key has a cgroup, this cgroup may have been removed, so its
 * depth is unknown: try each depth. Return: 0 or -ENOENT.
 */
static int delete_rule(struct xtcp_policy *draft, struct xtcp_rule_key *key)
{
	struct xtcp_rule_match match;
	int err = xtcp_policy_del(draft, key);

	xtcp_rules_match(&match, key);
	if (!match.depth)
		return err;
	while (err && match.depth++ < XTCP_RULES_DEPTH_MAX) {
		xtcp_rules_key(key, &match);
		err = xtcp_policy_del(draft, key);
	}
	return err;
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

/* Add or delete the rule that @nest describes. Return: 0 or an error. */
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
	err = take_sets(&sets, attrs, extack);
	if (err)
		return err;
	if (is_empty(attrs)) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "the rule is empty");
		return -EINVAL;
	}
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

/* Make all changes of a request, in a new table. Return: 0 or an error. */
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
			xtcp_policy_discard(draft);
			return err;
		}
		cond_resched();
	}
	err = xtcp_policy_install(xn, draft);
	if (err) {
		NL_SET_ERR_MSG(info->extack, "too many kinds of keys: use fewer lengths of prefixes");
		xtcp_policy_discard(draft);
	}
	return err;
}

/**
 * xtcp_policy_set_requested() - handle XTCP_CMD_POLICY_ADD, XTCP_CMD_POLICY_DEL and
 * XTCP_CMD_POLICY_REPLACE
 * @skb: the request
 * @info: the parsed request
 *
 * Context: process, may sleep. Takes xtcp_net.policy_lock; fails with -EBUSY while another request
 * has that lock.
 *
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
