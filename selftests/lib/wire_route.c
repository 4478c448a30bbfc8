// SPDX-License-Identifier: GPL-2.0
/* Routes of a lane, out of its tun device. They stay behind a row: no later row has the same peer. */
#include <linux/fib_rules.h>
#include <net/if.h>
#include "test.h"
#include "wire.h"

#define TABLE_OF_DETOUR		100	/* tables of routes for a row that asks for them */
#define TABLE_OF_FOREIGN	101

static const struct { const char *name; int metric; } metrics[] = {
	{ "window", RTAX_WINDOW }, { "initcwnd", RTAX_INITCWND }, { "initrwnd", RTAX_INITRWND },
	{ "rto_min", RTAX_RTO_MIN }, { "quickack", RTAX_QUICKACK }, { "congctl", RTAX_CC_ALGO },
	{ "fastopen_no_cookie", RTAX_FASTOPEN_NO_COOKIE },
};

/* A request for a route to @to, which lacks what is special about it. */
static void start_route(struct netlink_request *req, int ip, const uint8_t *to, unsigned int bits)
{
	const struct rtmsg route = {
		.rtm_family = ip == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = ip == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};

	netlink_start(req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	netlink_put_u32(req, RTA_OIF, if_nametoindex(WIRE_DEVICE));
	netlink_put(req, RTA_DST, to, ip == 4 ? 4 : 16);
}

static unsigned int all_bits(const struct wire *w)
{
	return w->ip == 4 ? 32 : 128;
}

static int add_route(struct wire *w, struct netlink_request *req)
{
	if (wire_tun_ask(req, req->head.nlmsg_len))
		return wire_fail(w, "a route to the peer: %s", strerror(errno));
	return 0;
}

/* Nothing but TCP itself refuses to talk to an IPv4 group, as in IPv6 already. 0, or a negative errno. */
int wire_route_groups(void)
{
	static const uint8_t groups[4] = { 224 };
	struct netlink_request req;

	start_route(&req, 4, groups, 4);
	return wire_tun_ask(&req, req.head.nlmsg_len);
}

/* Have routing choose a source address towards the row's peer. @source: one of the stack's own. */
int wire_route_prefer(struct wire *w, const uint8_t *source)
{
	struct netlink_request req;

	start_route(&req, w->ip, w->peer, all_bits(w));
	netlink_put(&req, RTA_PREFSRC, source, w->ip == 4 ? 4 : 16);
	return add_route(w, &req);
}

static int put_tos(struct wire *w, struct netlink_request *req, const char *value)
{
	struct rtmsg *route = NLMSG_DATA(&req->head);
	uint32_t v;

	if (!value || wire_text_u32(w, value, &v))
		return wire_fail(w, "no TOS '%s'", value ? value : "");
	route->rtm_tos = v;
	return 0;
}

static int put_metric(struct wire *w, struct netlink_request *req, const char *name, const char *value,
		      uint32_t *locks)
{
	uint32_t v;
	size_t i;

	for (i = 0; i < sizeof(metrics) / sizeof(*metrics); i++)
		if (!strcmp(metrics[i].name, name))
			break;
	if (i == sizeof(metrics) / sizeof(*metrics) || !value)
		return wire_fail(w, "no metric '%s'", name);
	*locks |= 1u << metrics[i].metric;
	if (metrics[i].metric == RTAX_CC_ALGO) {
		netlink_put_string(req, RTAX_CC_ALGO, value);
		return 0;
	}
	if (wire_text_u32(w, value, &v))
		return -1;
	netlink_put_u32(req, metrics[i].metric, v);
	return 0;
}

/* Let nothing reach the row's peer, until another route to it is made. What the peer sends arrives still. */
int wire_route_lose(struct wire *w)
{
	const struct rtmsg route = {
		.rtm_family = w->ip == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = all_bits(w),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNREACHABLE,
	};
	struct netlink_request req;

	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	netlink_put(&req, RTA_DST, w->peer, w->ip == 4 ? 4 : 16);
	return add_route(w, &req);
}

/*
 * Starts a rule: what goes to @to is treated as @action says; with FR_ACT_TO_TBL @table routes it.
 * Of two rules the one with the smaller @order counts. What is put behind it makes it hold for less.
 */
static void start_rule(struct netlink_request *req, const struct wire *w, const uint8_t *to, uint8_t action,
		       unsigned int table, uint32_t order)
{
	const struct fib_rule_hdr rule = {
		.family = w->ip == 4 ? AF_INET : AF_INET6,
		.dst_len = all_bits(w),
		.table = table,
		.action = action,
	};

	netlink_start(req, RTM_NEWRULE, NLM_F_CREATE, &rule, sizeof(rule));
	netlink_put(req, FRA_DST, to, w->ip == 4 ? 4 : 16);
	netlink_put_u32(req, FRA_PRIORITY, order);
}

/* What rules of a smaller order leave, if it is a segment for the row's peer, is routed by @table; 0: by none. */
static int route_rest(struct wire *w, unsigned int table)
{
	const uint8_t tcp = IPPROTO_TCP;
	struct netlink_request req;

	start_rule(&req, w, w->peer, table ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE, table, 200);
	netlink_put(&req, FRA_IP_PROTO, &tcp, sizeof(tcp));
	return add_route(w, &req);
}

/* No segment reaches the row's peer but those with this mark (SO_MARK); what the peer sends arrives. */
int wire_route_mark(struct wire *w, uint32_t mark)
{
	struct netlink_request req;

	start_rule(&req, w, w->peer, FR_ACT_TO_TBL, RT_TABLE_MAIN, 100);
	netlink_put_u32(&req, FRA_FWMARK, mark);
	return add_route(w, &req) || route_rest(w, 0) ? -1 : 0;
}

/* Let no segment reach the row's peer but those of a user's sockets. What the peer sends arrives still. */
int wire_route_user(struct wire *w, uint32_t uid)
{
	const struct fib_rule_uid_range users = { uid, uid };
	struct netlink_request req;

	start_rule(&req, w, w->peer, FR_ACT_TO_TBL, RT_TABLE_MAIN, 100);
	netlink_put(&req, FRA_UID_RANGE, &users, sizeof(users));
	return add_route(w, &req) || route_rest(w, 0) ? -1 : 0;
}

/**
 * wire_route_detour() - Have the route of segments for the row's peer lead over another device than
 *	the tun.
 * @w: lane of IPv4
 *
 * What is bound to the tun device reaches the peer still, by the route of the link.
 *
 * Return: 0, or -1 with the failure recorded in the lane.
 */
int wire_route_detour(struct wire *w)
{
	const struct rtmsg route = {
		.rtm_family = AF_INET,
		.rtm_dst_len = all_bits(w),
		.rtm_table = TABLE_OF_DETOUR,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct netlink_request req;

	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	netlink_put_u32(&req, RTA_OIF, if_nametoindex("lo"));
	netlink_put(&req, RTA_DST, w->peer, w->ip == 4 ? 4 : 16);
	return add_route(w, &req) || route_rest(w, TABLE_OF_DETOUR) ? -1 : 0;
}

/* An own address that no device has: a rule takes it in, as for a transparent proxy. bind() needs IP_TRANSPARENT. */
int wire_route_foreign(struct wire *w)
{
	const struct rtmsg route = {
		.rtm_family = w->ip == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = all_bits(w),
		.rtm_table = TABLE_OF_FOREIGN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};
	struct netlink_request req;

	inet_pton(w->ip == 4 ? AF_INET : AF_INET6, w->ip == 4 ? "10.10.0.1" : "fd00:10::1", w->local);
	netlink_start(&req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	netlink_put_u32(&req, RTA_OIF, if_nametoindex("lo"));
	netlink_put(&req, RTA_DST, w->local, w->ip == 4 ? 4 : 16);
	if (add_route(w, &req))
		return -1;
	start_rule(&req, w, w->local, FR_ACT_TO_TBL, TABLE_OF_FOREIGN, 100);
	return add_route(w, &req);
}

/**
 * wire_route_metrics() - Give the route to the row's peer metrics.
 * @w: lane
 * @args: "NAME VALUE ...", names as in ip-route(8), and then "lock" if all of them are locked. With
 *	the name "tos" the route is for segments of this TOS alone
 *
 * Return: 0, or -1 with the failure recorded in the lane.
 */
int wire_route_metrics(struct wire *w, char *args)
{
	struct netlink_request req;
	struct rtattr *nest;
	uint32_t locks = 0;
	char *next, *name;
	bool lock = false;

	start_route(&req, w->ip, w->peer, all_bits(w));
	nest = netlink_begin(&req, RTA_METRICS);
	for (name = strtok_r(args, " ", &next); name && !lock; name = strtok_r(NULL, " ", &next)) {
		lock = !strcmp(name, "lock");
		if (!strcmp(name, "tos")) {
			if (put_tos(w, &req, strtok_r(NULL, " ", &next)))
				return -1;
			continue;
		}
		if (!lock && put_metric(w, &req, name, strtok_r(NULL, " ", &next), &locks))
			return -1;
	}
	if (lock)
		netlink_put_u32(&req, RTAX_LOCK, locks);
	netlink_end(&req, nest);
	return add_route(w, &req);
}
