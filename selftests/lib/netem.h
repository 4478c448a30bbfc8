/* SPDX-License-Identifier: GPL-2.0 */
/* A bad network: the netem qdisc on a link, set by netlink, without a tc process. */
#pragma once

#include <stdbool.h>

/* Shares in millionths of the packets; 0 is none. */
struct netem {
	int delay_ms, jitter_ms;
	int delay_us;			/* more of it */
	int loss;
	bool ecn;			/* what is lost is marked CE instead, where it says ECT */
	int burst_start, burst_end;	/* Gilbert-Elliot: loss begins, loss ends */
	int reorder;			/* go ahead of those that are delayed */
	int reorder_gap;		/* of one packet in so many; 0: of all */
	int duplicate;
	int corrupt;			/* one bit changed */
	int rate_kbit;			/* of the bottleneck behind all that (tbf), 0: none */
	int queue;			/* octets that wait before the bottleneck */
	int mark_us;			/* what waits longer there and says ECT is marked (fq_codel), 0: none */
	bool codel;			/* fq_codel with its defaults is that queue */
	bool l4s;			/* so it is, and only what says ECT(1) is marked by @mark_us */
};

/* Replaces what is on @name's way out; 0 or -1. */
int netem_set(int ns, const char *name, const struct netem *netem);

/* The qdisc @kind with its defaults in its place, as in "fq"; 0 or -1. */
int netem_replace(int ns, const char *name, const char *kind);

/* The fq there paces by the departure times of segments alone from now on, not by the rates of sockets. 0 or -1. */
int netem_fq_by_time(int ns, const char *name);

/* No netem any more; 0 or -1. */
int netem_clear(int ns, const char *name);

/* Lets nothing out, or everything. */
int netem_gate(int ns, const char *name, bool open);

/* Keeps what would go out, and lets it go at a stroke (the plug qdisc). 0 or -1. */
int netem_hold(int ns, const char *name);
int netem_release(int ns, const char *name);

/* A queue without room, at a stroke, which tells who sends; or one that takes everything. 0 or -1. */
int netem_refuse(int ns, const char *name, bool refuse);

/*
 * A bottleneck in netem's place, right below who sends (tbf): what its queue of @queue octets has no room for is
 * refused. With a queue of one packet that drops the oldest one for a new one, and says so to who sends that. 0 or -1.
 */
int netem_narrow(int ns, const char *name, int rate_kbit, int queue);
int netem_narrow_oldest_goes(int ns, const char *name, int rate_kbit);

/* Packets that it dropped, and the bottleneck, or -1. */
long long netem_drops(int ns, const char *name);

/* Packets that are in it now, or -1. */
long long netem_waiting(int ns, const char *name);

/* Octets that wait before its bottleneck now, or -1. */
long long netem_queued(int ns, const char *name);
