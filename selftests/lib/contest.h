/* SPDX-License-Identifier: GPL-2.0 */
/* Streams of chosen algorithms through a router's bottleneck, as fast as they go; the receiver is kernel TCP. */
#pragma once

#include "router.h"
#include "stack.h"

#define CONTEST_MAX	4

struct contestant {
	enum stack stack;
	const char *algorithm;
	int out, in;
	long long received;	/* octets, after what contest_run() leaves out */
};

/* Kernel TCP's algorithm may be a module, which comes when it is first asked for. */
int contest_choose(int fd, const char *algorithm);

/* Connects it, to a listener at @port of the receiver. 0, or -1 with errno: ENOENT where there is no such algorithm. */
int contest_enter(const struct router *r, struct contestant *c, int listener, int port);

/*
 * All of them at once, for @settle_ms, of which nothing counts, and then @ms; RSTs end them. *@longer_us: by how much
 * the round trips of the first one were longer than @rtt_us, in the median. 0, or -1 as above.
 */
int contest_run(const struct router *r, struct contestant *all, int n, int settle_ms, int ms, int rtt_us,
		int *longer_us);

/* In the last contest_run(): at how many percent of the looks the first one's round trips were longer by @us. */
int contest_share_above(int us);

/* What it received in these @ms. */
double contest_mbit(const struct contestant *c, int ms);
