// SPDX-License-Identifier: GPL-2.0
#include "router.h"
#include "test.h"

#define NEAR4	"10.9.1.2"
#define NEAR6	"fd00:9:1::2"
#define FAR4	"10.9.2.2"
#define FAR6	"fd00:9:2::2"

#define IPV6_MIN_MTU	1280

/* One IP version of it: both ends of @name have addresses and know each other, and @end's way out is the router. */
static int number(const struct router *r, int end, const char *name, const char *addr, const char *router_addr,
		  const char *length)
{
	char with[2][64];

	snprintf(with[0], sizeof(with[0]), "%s/%s", addr, length);
	snprintf(with[1], sizeof(with[1]), "%s/%s", router_addr, length);
	return ns_addr_add(end, name, with[0]) ?: ns_addr_add(r->router, name, with[1]) ?:
	       ns_neighbour(end, name, router_addr, r->router, name) ?:
	       ns_neighbour(r->router, name, addr, end, name) ?: ns_route_default(end, router_addr);
}

static int number_both(const struct router *r, unsigned int mtu)
{
	int ret = number(r, r->sender, ROUTER_NEAR, ROUTER_SENDER4, NEAR4, "24") ?:
		  number(r, r->receiver, ROUTER_FAR, ROUTER_RECEIVER4, FAR4, "24") ?:
		  ns_sysctl_set(r->router, "net.ipv4.ip_forward", "1");

	if (mtu < IPV6_MIN_MTU)
		return ret;
	return ret ?: number(r, r->sender, ROUTER_NEAR, ROUTER_SENDER6, NEAR6, "64") ?:
	       number(r, r->receiver, ROUTER_FAR, ROUTER_RECEIVER6, FAR6, "64") ?:
	       ns_sysctl_set(r->router, "net.ipv6.conf.all.forwarding", "1");
}

static int set_link(int ns, const char *name, unsigned int mtu, bool offloads)
{
	if (ns_link_mtu(ns, name, mtu))
		return -1;
	/* 6.1 makes bundles for a device without GSO, too */
	return offloads ? 0 : ns_link_gso_max_segs(ns, name, 1) ?: ns_link_offloads(ns, name, false);
}

static int set_links(const struct router *r, unsigned int mtu, bool offloads)
{
	return set_link(r->sender, ROUTER_NEAR, mtu, offloads) ?: set_link(r->router, ROUTER_NEAR, mtu, offloads) ?:
	       set_link(r->router, ROUTER_FAR, mtu, offloads) ?: set_link(r->receiver, ROUTER_FAR, mtu, offloads);
}

int router_make(struct router *r, unsigned int mtu, bool offloads)
{
	r->sender = ns_make();
	r->router = ns_make();
	r->receiver = ns_make();
	if (r->sender < 0 || r->router < 0 || r->receiver < 0 || ns_join(r->sender, r->router, ROUTER_NEAR) ||
	    ns_join(r->router, r->receiver, ROUTER_FAR) || set_links(r, mtu, offloads) || number_both(r, mtu)) {
		router_close(r);
		return -1;
	}
	return 0;
}

void router_close(struct router *r)
{
	int *const all[] = { &r->sender, &r->router, &r->receiver };

	for (int i = 0; i < 3; i++) {
		if (*all[i] >= 0)
			close(*all[i]);
		*all[i] = -1;
	}
}

int router_set(const struct router *r, const struct netem *forth, const struct netem *back)
{
	return netem_set(r->router, ROUTER_FAR, forth) ?: netem_set(r->router, ROUTER_NEAR, back);
}

static struct netem calm(const struct netem *n)
{
	return (struct netem){
		.delay_ms = n->delay_ms, .delay_us = n->delay_us, .rate_kbit = n->rate_kbit, .queue = n->queue,
	};
}

int router_set_calm(const struct router *r, const struct netem *forth, const struct netem *back)
{
	struct netem calm_forth = calm(forth), calm_back = calm(back);

	return router_set(r, &calm_forth, &calm_back);
}

long long router_drops(const struct router *r)
{
	return netem_drops(r->router, ROUTER_FAR);
}

long long router_waiting(const struct router *r)
{
	return netem_waiting(r->router, ROUTER_FAR) + netem_waiting(r->router, ROUTER_NEAR);
}

#define EVERY_MS	20
#define DISCARD		9	/* nobody listens there */

static void *cross(void *arg)
{
	struct crossing *c = arg;

	while (!c->over) {
		for (int i = 0; i < 2; i++)
			sendto(c->fd[i], "", 0, 0, (struct sockaddr *)&c->to[i], sizeof(c->to[i]));
		poll(NULL, 0, EVERY_MS);
	}
	return NULL;
}

static void open_way(struct crossing *c, int way, int ns, const char *addr)
{
	c->to[way] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(DISCARD) };
	c->fd[way] = ns_socket(ns, AF_INET, SOCK_DGRAM, 0);
	must_say(c->fd[way] >= 0 && inet_pton(AF_INET, addr, &c->to[way].sin_addr) == 1, "no way to %s", addr);
}

void crossing_start(struct crossing *c, int a, const char *b_addr, int b, const char *a_addr)
{
	open_way(c, 0, a, b_addr);
	open_way(c, 1, b, a_addr);
	c->over = false;
	errno = pthread_create(&c->thread, NULL, cross, c);
	must(!errno, "no thread");
}

void crossing_end(struct crossing *c)
{
	c->over = true;
	pthread_join(c->thread, NULL);
	close_each(c->fd[0], c->fd[1]);
}
