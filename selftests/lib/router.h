/* SPDX-License-Identifier: GPL-2.0 */
/* A sender, a receiver, and a router between them: what it drops has left the sender's own queues. */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include "netem.h"

/* Of the sender's and of the receiver's own links; both are called so at both ends. */
#define ROUTER_NEAR	"near0"
#define ROUTER_FAR	"far0"

#define ROUTER_SENDER4	"10.9.1.1"
#define ROUTER_SENDER6	"fd00:9:1::1"
#define ROUTER_RECEIVER4	"10.9.2.1"
#define ROUTER_RECEIVER6	"fd00:9:2::1"

struct router {
	int sender, router, receiver;	/* namespaces */
};

/*
 * Three new namespaces. @offloads: bundles travel, with checksums that nobody has computed; without, each segment is a
 * packet. IPv6 is there if @mtu allows it. The network is good until router_set(). 0 or -1.
 */
int router_make(struct router *r, unsigned int mtu, bool offloads);
void router_close(struct router *r);

/* What happens to what comes from the sender, and to what goes back to it. 0 or -1. */
int router_set(const struct router *r, const struct netem *forth, const struct netem *back);

/* The same delays and rates, and nothing that goes wrong. */
int router_set_calm(const struct router *r, const struct netem *forth, const struct netem *back);

/* Packets that were dropped on the way forth. */
long long router_drops(const struct router *r);

/* Packets that are on their way forth or back. */
long long router_waiting(const struct router *r);

/*
 * Somebody else's packets on a network whose losses come in bursts.
 *
 * A burst ends with a packet, not with time, and a connection that is alone in one sends a packet only when its timer
 * expires. Where a packet ends 30 bursts of 100, one stream in a thousand stands still for minutes, on any TCP. A real
 * network has other traffic.
 */

struct crossing {
	int fd[2];
	struct sockaddr_in to[2];
	atomic_bool over;
	pthread_t thread;
};

/* From now on a small packet goes each way every 20 ms: from namespace @a to IPv4 address @b_addr, @b to @a_addr. */
void crossing_start(struct crossing *c, int a, const char *b_addr, int b, const char *a_addr);
void crossing_end(struct crossing *c);
