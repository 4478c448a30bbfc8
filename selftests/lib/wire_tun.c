// SPDX-License-Identifier: GPL-2.0
/*
 * The tun device, its namespace and its queue.
 *
 * Each lane (one stack, one IP version) has a namespace of its own, so lanes run side by side and their counters do not
 * mix. The stack is 10.8.0.1 or fd00:8::1, and on its loopback device 10.9.0.1 or fd00:9::1, which no route chooses by
 * itself; every row talks to it from a peer address of its own, so that nothing the stack remembers about a destination
 * crosses from one row to the next.
 */
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <net/if.h>
#include "test.h"
#include "tun.h"
#include "wire.h"

#define DEVICE	WIRE_DEVICE
#define NAP_MS	10	/* of a wait */

/* Monotonic time. Return: nanoseconds. */
uint64_t wire_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, value, strlen(value));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Knobs that the running row has changed, newest last. */
static struct { char path[128], value[64]; } changed[8];
static unsigned int changes;

static int read_file(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, value, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	value[n] = 0;
	return 0;
}

/*
 * Set a TCP knob of the lane's namespace. Kernel TCP's knob is net.ipv4.tcp_NAME, xtcp's is net.xtcp.NAME. The old
 * value comes back with wire_tun_restore(). @name: the kernel's name without its "tcp_"; with a "/" in it a name below
 * net/, of both stacks.
 */
int wire_tun_sysctl(struct wire *w, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s",
		 strchr(name, '/') ? "" : w->stack == WIRE_KERNEL ? "ipv4/tcp_" : "xtcp/", name);
	if (changes == sizeof(changed) / sizeof(*changed))
		return wire_fail(w, "too many sysctls in one row");
	if (read_file(path, changed[changes].value, sizeof(changed[changes].value)) || write_file(path, value))
		return wire_fail(w, "%s: cannot write %s: %s", path, value, strerror(errno));
	strcpy(changed[changes++].path, path);
	return 0;
}

static void quiet_namespace(void)
{
	static const char * const zero[] = {
		"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter",
		"ipv4/conf/all/log_martians", "ipv4/icmp_ratelimit",
		"ipv6/conf/all/accept_ra", "ipv6/conf/default/accept_ra",
		"ipv6/conf/default/router_solicitations", "ipv6/conf/default/accept_dad",
		"ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6",
		"ipv6/icmp/ratelimit",
		"ipv4/tcp_early_retrans",	/* no tail loss probe, milliseconds after what it probes */
	};
	char path[128];

	for (size_t i = 0; i < sizeof(zero) / sizeof(*zero); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/%s", zero[i]);
		write_file(path, "0");
	}
	write_file("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
	write_file("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
	write_file("/proc/sys/net/xtcp/congestion_control", "reno");
	write_file("/proc/sys/net/xtcp/early_retrans", "0");
	/* each write has a segment of its own, however fast the next one comes */
	write_file("/proc/sys/net/xtcp/coalesce_usecs", "0");
}

/* An address that comes back becomes usable in a work queue, duplicate detection or not. */
static int wait_address6(const struct in6_addr *addr)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = *addr };
	uint64_t end = wire_now() + 10000000000ull;
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	do {
		ret = bind(s, (struct sockaddr *)&sin6, sizeof(sin6));
	} while (ret && errno == EADDRNOTAVAIL && wire_now() < end && !sched_yield());
	close(s);
	return ret;
}

int wire_tun_mtu(struct wire *w, unsigned int mtu)
{
	if (ns_link_mtu(w->ns, DEVICE, mtu))
		return wire_fail(w, "mtu %u: %s", mtu, strerror(errno));
	w->mtu = mtu;
	return 0;
}

/* Set the tun device up or down. Its addresses stay. Its routes go, and come back with it. */
int wire_tun_link(struct wire *w, bool up)
{
	if (w->ip == 6 && wire_tun_sysctl(w, "ipv6/conf/" DEVICE "/keep_addr_on_down", "1"))
		return -1;
	if (ns_link_up(w->ns, DEVICE, up) || (up && w->ip == 6 && wait_address6((struct in6_addr *)w->local)))
		return wire_fail(w, "link %s: %s", up ? "up" : "down", strerror(errno));
	w->is_down = !up;
	return 0;
}

/*
 * Have the stack hand over bundles of segments, which are cut on their way here. Otherwise it hands over one at a time,
 * since the size of a bundle may depend on time. That of one that a window cuts does not. To be said before the
 * connection begins; undone at the end of the row. @segments: of a bundle at most.
 */
int wire_tun_bundles(struct wire *w, uint32_t segments)
{
	if (ns_link_gso_max_segs(w->ns, DEVICE, segments))
		return wire_fail(w, "bundles of %u: %s", segments, strerror(errno));
	w->bundles = segments != 1;
	return 0;
}

/* Undo the sysctls, the MTU, the bundles and the link of the row. */
void wire_tun_restore(struct wire *w)
{
	if (w->is_down)
		wire_tun_link(w, true);
	while (changes) {
		changes--;
		write_file(changed[changes].path, changed[changes].value);
	}
	if (w->mtu != WIRE_MTU)
		wire_tun_mtu(w, WIRE_MTU);
	if (w->bundles)
		wire_tun_bundles(w, 1);
}

/* Routes of a lane, out of its tun device. They stay behind a row: no later row has the same peer. */

#define TABLE_OF_DETOUR		100	/* tables of routes for a row that asks for them */
#define TABLE_OF_FOREIGN	101

static const struct { const char *name; int metric; } metrics[] = {
	{ "window", RTAX_WINDOW }, { "initcwnd", RTAX_INITCWND }, { "initrwnd", RTAX_INITRWND },
	{ "rto_min", RTAX_RTO_MIN }, { "quickack", RTAX_QUICKACK }, { "congctl", RTAX_CC_ALGO },
	{ "fastopen_no_cookie", RTAX_FASTOPEN_NO_COOKIE },
};

/* A request for a route to @to, over @dev (NULL: over none). @kind: its table, scope and type. */
static void begin_route(struct netlink_request *req, int ip, const uint8_t *to, unsigned int bits, struct rtmsg kind,
			const char *dev)
{
	kind.rtm_family = ip == 4 ? AF_INET : AF_INET6;
	kind.rtm_dst_len = bits;
	kind.rtm_protocol = RTPROT_STATIC;
	netlink_start(req, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &kind, sizeof(kind));
	if (dev)
		netlink_put_u32(req, RTA_OIF, if_nametoindex(dev));
	netlink_put(req, RTA_DST, to, ip == 4 ? 4 : 16);
}

/* One over the tun device, which lacks what is special about it. */
static void start_route(struct netlink_request *req, int ip, const uint8_t *to, unsigned int bits)
{
	const struct rtmsg kind = { .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST,
				    .rtm_scope = ip == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE };

	begin_route(req, ip, to, bits, kind, WIRE_DEVICE);
}

/* Nothing but TCP itself refuses to talk to an IPv4 group, as in IPv6 already. */
static int reach_groups(const struct wire *w)
{
	static const uint8_t groups[4] = { 224 };
	struct netlink_request req;

	start_route(&req, 4, groups, 4);
	return netlink_talk(w->ns, &req);
}

/* Makes the namespace and its tun device, and moves there. w->ip chooses the addresses. */
int wire_tun_open(struct wire *w)
{
	const int family = w->ip == 4 ? AF_INET : AF_INET6;

	w->watch = -1;
	w->ns = ns_make();
	if (w->ns < 0 || ns_enter(w->ns))
		return wire_fail(w, "a namespace: %s", strerror(errno));
	w->tun = tun_open(w->ns, DEVICE);
	quiet_namespace();
	if (w->tun < 0 || ns_link_up(w->ns, DEVICE, true) || ns_addr_add(w->ns, DEVICE, "10.8.0.1/16") ||
	    ns_addr_add(w->ns, "lo", "10.9.0.1/32") || ns_addr_add(w->ns, DEVICE, "fd00:8::1/64") ||
	    ns_addr_add(w->ns, "lo", "fd00:9::1/128") || ns_link_gso_max_segs(w->ns, DEVICE, 1) || reach_groups(w))
		return wire_fail(w, "the tun device: %s", strerror(errno));
	w->mtu = WIRE_MTU;
	inet_pton(family, w->ip == 4 ? "10.8.0.1" : "fd00:8::1", w->home);
	inet_pton(family, w->ip == 4 ? "10.9.0.1" : "fd00:9::1", w->second);
	memcpy(w->local, w->home, sizeof(w->local));
	return 0;
}

int wire_tun_write(struct wire *w, const void *packet, size_t len)
{
	if (write(w->tun, packet, len) != (ssize_t)len)
		return wire_fail(w, "tun write of %zu bytes: %s", len, strerror(errno));
	return 0;
}

/* poll() in naps, so that a machine that stands still meanwhile is noticed. Return: of poll(). */
int wire_tun_wait(struct wire *w, int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = wire_now(), woke;
	const uint64_t end = now + (ms > 0 ? ms : 0) * 1000000ull;
	int ret, nap;

	do {
		/* never negative, which would be for ever */
		nap = end - now < NAP_MS * 1000000ull ? (end - now + 999999) / 1000000 : NAP_MS;
		ret = poll(&p, 1, nap);
		woke = wire_now();
		if (woke - now > nap * 1000000ull)
			wire_account_late(w, woke - now - nap * 1000000ull);
		now = woke;
	} while (!ret && now < end);
	return ret;
}

/* The next packet of the stack, into w->packet; waits for @wait_ms. Its length, 0 if there is none, or -1. */
int wire_tun_read(struct wire *w, int wait_ms)
{
	ssize_t n = read(w->tun, w->packet, sizeof(w->packet));

	if (n < 0 && errno == EAGAIN && wait_ms > 0) {
		wire_tun_wait(w, w->tun, POLLIN, wait_ms);
		n = read(w->tun, w->packet, sizeof(w->packet));
	}
	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		return 0;
	return wire_fail(w, "tun read: %s", strerror(errno));
}

/* Send an echo request that the stack answers at once. */
int wire_tun_sentinel(struct wire *w)
{
	uint8_t p[64];

	w->echo++;
	return wire_tun_write(w, p, segment_icmp(w->ip, p, w->peer, w->home, w->ip == 4 ? 8 : 128, 0, w->echo, "", 0));
}

bool wire_tun_sentinel_answer(const struct wire *w, const uint8_t *packet, size_t len)
{
	size_t h = w->ip == 4 ? 20 : 40;
	int protocol = w->ip == 4 ? packet[9] : packet[6];
	uint16_t v;

	if (len < h + 8 || packet[0] >> 4 != w->ip)
		return false;
	if (protocol != (w->ip == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return false;
	memcpy(&v, packet + h + 6, 2);
	return packet[h] == (w->ip == 4 ? 0 : 129) && ntohs(v) == w->echo;
}

static unsigned int all_bits(const struct wire *w)
{
	return w->ip == 4 ? 32 : 128;
}

static int add_route(struct wire *w, struct netlink_request *req)
{
	return netlink_talk(w->ns, req) ? wire_fail(w, "a route to the peer: %s", strerror(errno)) : 0;
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

static int put_metric(struct wire *w, struct netlink_request *req, const char *name, const char *value, uint32_t *locks)
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
	const struct rtmsg kind = { .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNREACHABLE,
				    .rtm_scope = RT_SCOPE_UNIVERSE };
	struct netlink_request req;

	begin_route(&req, w->ip, w->peer, all_bits(w), kind, NULL);
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
	const struct rtmsg kind = { .rtm_table = TABLE_OF_DETOUR, .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };
	struct netlink_request req;

	begin_route(&req, w->ip, w->peer, all_bits(w), kind, "lo");
	return add_route(w, &req) || route_rest(w, TABLE_OF_DETOUR) ? -1 : 0;
}

/* An own address that no device has: a rule takes it in, as for a transparent proxy. bind() needs IP_TRANSPARENT. */
int wire_route_foreign(struct wire *w)
{
	const struct rtmsg kind = { .rtm_table = TABLE_OF_FOREIGN, .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL };
	struct netlink_request req;

	inet_pton(w->ip == 4 ? AF_INET : AF_INET6, w->ip == 4 ? "10.10.0.1" : "fd00:10::1", w->local);
	begin_route(&req, w->ip, w->local, all_bits(w), kind, "lo");
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
