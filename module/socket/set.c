// SPDX-License-Identifier: GPL-2.0
/*
 * Lets an administrator change a live connection, for example by `xtcp-ss --set`. The changes are
 * those that a program makes by setsockopt(), and use the same functions. An administrator can also
 * give a black box to the connection, or take its box.
 *
 * Requests come by generic netlink; uapi/linux/xtcp.h has their attributes. The family has the
 * module's name. A request sees only the sockets of its own namespace. The family also has the
 * commands that change the rules for new connections (policy_set.c), and the command that clears
 * what Careful Resume has saved (cong/paths.c).
 *
 * No request waits for the lock of a sock or of a policy table. If the lock is taken, the answer is
 * EBUSY, and the tool asks again. Any user may send requests in a namespace that he has made, and
 * can keep such a lock there for as long as he likes. A request that waits could stop generic
 * netlink on the whole machine: while a request of any family runs, no family can be registered or
 * unregistered, and a task that waits to do this holds up all new requests.
 *
 * A request that makes a policy table may sleep in an allocation, as requests of other families do.
 * The allocation fails if there is no memory (__GFP_NORETRY). A request about black boxes may wait
 * for key_lock, which nobody keeps for long (sight/boxkey.c).
 *
 * The family is registered without the policy of its attributes. Otherwise, any user could ask for
 * the policy, leave the answer unread, and so keep the module loaded.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/set.h"

#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <linux/xtcp.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/net.h"
#include "cong/algorithms.h"
#include "cong/paths.h"
#include "listen/entry.h"
#include "lookup/lookup.h"
#include "policy/policy.h"
#include "policy/policy_set.h"
#include "sight/blackbox.h"
#include "sight/boxkey.h"
#include "sight/trace.h"
#include "socket/diag_find.h"
#include "socket/intopt.h"
#include "time/time.h"

#define CHANGES	(BIT(XTCP_SET_CONGESTION) | BIT(XTCP_SET_MAX_PACING_RATE) | BIT(XTCP_SET_USER_TIMEOUT) | \
		 BIT(XTCP_SET_KEEPALIVE) | BIT(XTCP_SET_KEEPIDLE) | BIT(XTCP_SET_BLACKBOX))

static const struct nla_policy set_policy[XTCP_SET_MAX + 1] = {
	[XTCP_SET_PROTOCOL] = NLA_POLICY_MAX(NLA_U8, XTCPPROTO_IPV6),
	[XTCP_SET_ID] = NLA_POLICY_EXACT_LEN(sizeof(struct inet_diag_sockid)),
	[XTCP_SET_CONGESTION] = { .type = NLA_NUL_STRING, .len = TCP_CA_NAME_MAX - 1 },
	[XTCP_SET_MAX_PACING_RATE] = NLA_POLICY_MIN(NLA_U64, 1),
	[XTCP_SET_USER_TIMEOUT] = NLA_POLICY_MIN(NLA_S32, 0),
	[XTCP_SET_KEEPALIVE] = NLA_POLICY_MAX(NLA_U8, 1),
	[XTCP_SET_KEEPIDLE] = NLA_POLICY_RANGE(NLA_U32, 1, MAX_TCP_KEEPIDLE),
	[XTCP_SET_BLACKBOX] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* Take a reference to the sock of @conn, under rcu_read_lock(). Return: the sock, or ERR_PTR. */
static struct sock *sock_of(struct xtcp_conn *conn, const struct inet_diag_sockid *id, struct netlink_ext_ack *extack)
{
	struct sock *sk;

	switch (conn->kind) {
	case XTCP_CONN_REQUEST:
		NL_SET_ERR_MSG(extack, "the connection is half open: it has no socket yet");
		return ERR_PTR(-EOPNOTSUPP);
	case XTCP_CONN_TIMEWAIT:
		NL_SET_ERR_MSG(extack, "the connection has no socket any more");
		return ERR_PTR(-EOPNOTSUPP);
	case XTCP_CONN_SOCK:
		break;
	}
	if (id->idiag_cookie[0] == INET_DIAG_NOCOOKIE && id->idiag_cookie[1] == INET_DIAG_NOCOOKIE) {
		NL_SET_ERR_MSG(extack, "the cookie is missing");
		return ERR_PTR(-EINVAL);
	}
	sk = xtcp_sk_of_conn(conn);
	return refcount_inc_not_zero(&sk->sk_refcnt) ? sk : ERR_PTR(-ESRCH);
}

/*
 * Find the sock that the request names. @tuple receives the tuple of its connection. Return: the
 * same as sock_of().
 */
static struct sock *find_named(struct xtcp_net *xn, struct nlattr **attrs, struct xtcp_tuple *tuple,
			       struct netlink_ext_ack *extack)
{
	struct inet_diag_req_v2 req = { .sdiag_protocol = nla_get_u8(attrs[XTCP_SET_PROTOCOL]) };
	struct sock *sk = ERR_PTR(-ESRCH);
	struct xtcp_conn *conn;

	nla_memcpy(&req.id, attrs[XTCP_SET_ID], sizeof(req.id));
	if (!req.id.idiag_dport) {
		NL_SET_ERR_MSG(extack, "a listener is no connection");
		return ERR_PTR(-EOPNOTSUPP);
	}
	rcu_read_lock();
	conn = xtcp_diag_find_conn(xn, &req);
	if (conn) {
		*tuple = xtcp_conn_tuple(conn);
		sk = sock_of(conn, &req.id, extack);
	}
	rcu_read_unlock();
	return sk;
}

static int change_congestion(struct sock *sk, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	int err = xtcp_algorithms_choose(sk, nla_data(attr), ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN));

	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such congestion control");
	else if (err)
		NL_SET_ERR_MSG_ATTR(extack, attr, "this congestion control is not allowed");
	return err;
}

/*
 * Make the changes that can fail although set_policy has checked their values: give the sock a
 * black box, and change the algorithm. Return: 0 or an error. After an error, the connection is as
 * it was. But this function may have freed boxes of ended connections to make room for a new box.
 */
static int change_or_fail(struct sock *sk, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *box = attrs[XTCP_SET_BLACKBOX];
	const bool had_box = xtcp_blackbox_has(sk);
	int err = 0;

	if (box && nla_get_u8(box))
		err = xtcp_blackbox_give(sk);
	if (err) {
		NL_SET_ERR_MSG_ATTR(extack, box, "no memory or no room (blackbox_mem) for a black box");
		return err;
	}
	if (attrs[XTCP_SET_CONGESTION])
		err = change_congestion(sk, attrs[XTCP_SET_CONGESTION], extack);
	if (err && !had_box)
		xtcp_blackbox_take(sk);
	return err;
}

/*
 * Make all changes, or none. What can fail comes first: the test for an orphan, and
 * change_or_fail().
 */
static int make_changes(struct sock *sk, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *keepalive = attrs[XTCP_SET_KEEPALIVE], *keepidle = attrs[XTCP_SET_KEEPIDLE];
	int err;

	/* keepalive does not apply to an orphan, which has deadlines of its own */
	if ((keepalive || keepidle) && sock_flag(sk, SOCK_DEAD)) {
		NL_SET_ERR_MSG_ATTR(extack, keepalive ?: keepidle, "keepalive: the program has closed the socket");
		return -EOPNOTSUPP;
	}
	err = change_or_fail(sk, attrs, extack);
	if (err)
		return err;
	if (attrs[XTCP_SET_BLACKBOX] && !nla_get_u8(attrs[XTCP_SET_BLACKBOX]))
		xtcp_blackbox_take(sk);
	if (attrs[XTCP_SET_MAX_PACING_RATE]) {
		xtcp_policy_limit_set(sk);
		xtcp_pace_set_limit(sk, min_t(u64, nla_get_u64(attrs[XTCP_SET_MAX_PACING_RATE]), ULONG_MAX));
	}
	if (attrs[XTCP_SET_USER_TIMEOUT])
		err = xtcp_intopt_set(sk, TCP_USER_TIMEOUT, nla_get_s32(attrs[XTCP_SET_USER_TIMEOUT]));
	if (keepidle && !err)
		err = xtcp_intopt_set(sk, TCP_KEEPIDLE, nla_get_u32(keepidle));
	if (keepalive && !err)
		sk->sk_prot->keepalive(sk, nla_get_u8(keepalive));
	return err;
}

/* Which changes does a request ask for? Return: a bit for each. */
static unsigned long changes_of(struct nlattr **attrs)
{
	unsigned long found = 0;
	int i;

	for (i = 0; i <= XTCP_SET_MAX; i++)
		if (attrs[i])
			found |= BIT(i) & CHANGES;
	return found;
}

/*
 * Change the sock. Return: 0; -EBUSY if a program has the socket lock; -ESRCH if the connection has
 * ended meanwhile; or the error of the change that failed.
 */
static int change_sock(struct sock *sk, const struct xtcp_tuple *tuple, struct nlattr **attrs,
		       struct netlink_ext_ack *extack)
{
	int err;

	local_bh_disable();
	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		err = -EBUSY;
	else if (!xtcp_diag_find_is_still(sk, tuple))
		err = -ESRCH;
	else
		err = make_changes(sk, attrs, extack);
	if (!err)
		trace_xtcp_set(sk, changes_of(attrs));
	bh_unlock_sock(sk);
	local_bh_enable();
	return err;
}

/* Handle a request XTCP_CMD_SET. Return: 0 or an error; -ESRCH if there is no such connection. */
static int set_requested(struct sk_buff *skb, struct genl_info *info)
{
	struct xtcp_net *xn = xtcp_net(genl_info_net(info));
	struct nlattr *attrs[XTCP_SET_MAX + 1];
	struct xtcp_tuple tuple;
	struct sock *sk;
	bool gives_box;
	int err;

	err = nlmsg_parse(info->nlhdr, GENL_HDRLEN, attrs, XTCP_SET_MAX, set_policy, info->extack);
	if (err)
		return err;
	if (!attrs[XTCP_SET_PROTOCOL] || !attrs[XTCP_SET_ID]) {
		NL_SET_ERR_MSG(info->extack, "the request names no connection");
		return -EINVAL;
	}
	if (!changes_of(attrs)) {
		NL_SET_ERR_MSG(info->extack, "the request changes nothing");
		return -EINVAL;
	}
	if (!xtcp_netns_is_started(xn))
		return -ESRCH;
	sk = find_named(xn, attrs, &tuple, info->extack);
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	gives_box = attrs[XTCP_SET_BLACKBOX] && nla_get_u8(attrs[XTCP_SET_BLACKBOX]);
	if (gives_box)
		xtcp_boxkey_hold();
	err = change_sock(sk, &tuple, attrs, info->extack);
	if (gives_box)
		xtcp_boxkey_release();
	sock_put(sk);
	return err;
}

/* XTCP_CMD_PATHS_FLUSH: forget what Careful Resume has saved. Return: 0 or -EINVAL. */
static int flush_requested(struct sk_buff *skb, struct genl_info *info)
{
	if (nlmsg_attrlen(info->nlhdr, GENL_HDRLEN)) {
		NL_SET_ERR_MSG(info->extack, "this request has no attributes");
		return -EINVAL;
	}
	xtcp_paths_flush(xtcp_net(genl_info_net(info)));
	return 0;
}

static const struct genl_small_ops operations[] = {
	{
		.cmd	= XTCP_CMD_SET,
		.doit	= set_requested,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= XTCP_CMD_POLICY_ADD,
		.doit	= xtcp_policy_set_requested,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= XTCP_CMD_POLICY_DEL,
		.doit	= xtcp_policy_set_requested,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= XTCP_CMD_POLICY_REPLACE,
		.doit	= xtcp_policy_set_requested,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= XTCP_CMD_PATHS_FLUSH,
		.doit	= flush_requested,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
};

static struct genl_family netlink_family = {
	.name		= KBUILD_MODNAME,
	.version	= XTCP_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	/*
	 * if a command has no policy, and its number is not below resv_start_op, generic netlink
	 * refuses all its attributes. This family has no policy, so all its commands are below
	 * resv_start_op
	 */
	.resv_start_op	= XTCP_CMD_MAX + 1,
	.small_ops	= operations,
	.n_small_ops	= ARRAY_SIZE(operations),
};

static bool takes_requests;

/**
 * xtcp_set_register() - let an administrator change connections
 *
 * The module works without this family of generic netlink. So if the family cannot be registered,
 * the function only logs a warning.
 *
 * Context: process, module init.
 */
void xtcp_set_register(void)
{
	int err = genl_register_family(&netlink_family);

	takes_requests = !err;
	if (err)
		pr_warn("generic netlink has no family %s (%d): xtcp-ss --set, xtcp policy and xtcp paths flush do not work\n",
			netlink_family.name, -err);
}

/**
 * xtcp_set_unregister() - undo xtcp_set_register(), and wait for requests that are under way
 *
 * Context: process, module exit.
 */
void xtcp_set_unregister(void)
{
	if (takes_requests)
		genl_unregister_family(&netlink_family);
}
