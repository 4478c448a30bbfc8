// SPDX-License-Identifier: GPL-2.0
/* The route changes under connections, maybe back: another device, a gateway or MTU, unreachable, a lost address. */
#include "test.h"
#include "world.h"

#define GATEWAY4	"10.8.0.9"
#define GATEWAY6	"fd00:8::9"

static long long at_us(const struct world *w, const struct host *h)
{
	return w->path.began_us + 1000LL * (h->route_from_ms + (w->lanes - 1) * w->s->apart_ms);
}

static void put_addr(struct netlink_request *req, int type, bool v6, const char *text)
{
	uint8_t bytes[16];

	must(inet_pton(v6 ? AF_INET6 : AF_INET, text, bytes) == 1, text);
	netlink_put(req, type, bytes, v6 ? 16 : 4);
}

/* The route to the other host alone, beside that of the network. @type: RTM_NEWROUTE or RTM_DELROUTE. */
static void set_route(struct world *w, enum side side, int type)
{
	const struct host *h = &w->s->host[side];
	const bool v6 = w->s->v6, cut = h->route == ROUTE_UNREACHABLE;
	const int ns = w->path.ns[side], flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
	const char *device = h->route == ROUTE_DEVICE ? PATH_SECOND : PATH_DEVICE;
	const struct rtmsg route = {
		.rtm_family = v6 ? AF_INET6 : AF_INET, .rtm_dst_len = v6 ? 128 : 32, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC, .rtm_type = cut ? RTN_UNREACHABLE : RTN_UNICAST,
		.rtm_scope = v6 || cut || h->route == ROUTE_GATEWAY ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
	};
	const char *peer = side == CLIENT ? w->server : v6 ? PATH_CLIENT6 : PATH_CLIENT4;
	struct netlink_request req;
	struct rtattr *metrics;

	netlink_start(&req, type, flags, &route, sizeof(route));
	put_addr(&req, RTA_DST, v6, peer);
	if (!cut)
		netlink_put_u32(&req, RTA_OIF, ns_link_index(ns, device));
	if (h->route == ROUTE_GATEWAY)
		put_addr(&req, RTA_GATEWAY, v6, v6 ? GATEWAY6 : GATEWAY4);
	if (h->route == ROUTE_MTU) {
		metrics = netlink_begin(&req, RTA_METRICS);
		netlink_put_u32(&req, RTAX_MTU, h->route_mtu);
		netlink_end(&req, metrics);
	}
	must(!netlink_talk(ns, &req), "a route");
}

static void change(struct world *w, enum side side, bool on)
{
	const struct host *h = &w->s->host[side];

	/* what has left already has left by the old route */
	path_has_news(&w->path);
	for (int i = 0; i < w->lanes; i++) {
		judge_lost_route(&w->lane[i].judge, side);
		if (h->route == ROUTE_MTU)
			judge_too_long(&w->lane[i].judge, side);
	}
	/* the route is no part of what is tested */
	faults_pause(true);
	if (h->route == ROUTE_ADDRESS)
		path_set_address(&w->path, side, !on);
	else
		set_route(w, side, on ? RTM_NEWROUTE : RTM_DELROUTE);
	faults_pause(false);
	/* to change it takes time, in which a timer may have sent something */
	w->path.moves[side] = h->route == ROUTE_DEVICE;
	path_has_news(&w->path);
	w->path.moves[side] = false;
	w->path.by_second[side] = on && h->route == ROUTE_DEVICE;
	/* with Fast Open the server has all addresses of a network, whatever becomes of this one */
	w->path.is_deaf[side] = on && h->route == ROUTE_ADDRESS && (side == CLIENT || !w->s->fastopen);
	w->has_other_route[side] = on;
	w->path.moved_us = path_now_us();
}

void route_begin(struct world *w)
{
	for (int side = 0; side < SIDES; side++) {
		w->has_other_route[side] = false;
		if (w->s->host[side].route == ROUTE_DEVICE)
			must(!path_open_second(&w->path, side), "a second device");
	}
}

void route_step(struct world *w)
{
	for (int side = 0; side < SIDES; side++) {
		const struct host *h = &w->s->host[side];
		const long long since_us = path_now_us() - at_us(w, h);
		/* a connection that begins later would have the address of the other device */
		const bool on = h->route && w->lane[w->lanes - 1].has_begun && since_us >= 0 &&
				(!h->route_ms || since_us < 1000LL * h->route_ms);

		if (on != w->has_other_route[side])
			change(w, side, on);
	}
}

long long route_wait_us(const struct world *w)
{
	long long wait = -1, left;

	for (int i = 0; i < 2 * SIDES; i++) {
		const struct host *h = &w->s->host[i / 2];

		left = at_us(w, h) + (i % 2 ? 1000LL * h->route_ms : 0) - path_now_us();
		if (h->route && left > 0 && (wait < 0 || left < wait))
			wait = left;
	}
	return wait;
}

void route_end(struct world *w)
{
	for (int side = 0; side < SIDES; side++) {
		if (w->has_other_route[side])
			change(w, side, false);
		if (w->s->host[side].route == ROUTE_DEVICE)
			path_end_second(&w->path, side);
	}
}
