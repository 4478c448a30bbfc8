/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A path between two namespaces that drops exactly what it is told to: each has a tun device, and this program
 * carries every packet from one to the other after a delay, in order. One connection at a time, over IPv4, from
 * a, which sends the text, to b.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DROPPATH_A		"10.7.0.1"
#define DROPPATH_B		"10.7.0.2"
#define DROPPATH_SEGMENTS	64	/* of a connection's text that can be told apart */

struct droppath_plan {
	unsigned char text[DROPPATH_SEGMENTS];	/* how often the nth segment of text is dropped */
	uint64_t acks;				/* bit n: the nth ACK without text is dropped */
};

/* What a connection did, as seen from the path. */
struct droppath_seen {
	unsigned int resent;	/* segments of text that left once more */
	unsigned int needless;	/* of these, segments that had arrived */
	unsigned int dropped;	/* packets */
	uint32_t acked;		/* octets of text, by an ACK that reached a */
	long long began_us, ended_us;	/* the first text leaves, the last ACK arrives */
	long long late_us;	/* by how much a packet was carried too late, at most */
};

struct droppath {
	int a, b;		/* namespaces */
	int tun[2];		/* their devices: a's, b's */
	int delay_us;
	bool show;		/* print each packet */
	struct droppath_plan plan;
	struct droppath_seen seen;
	/* instead of write(): a packet for one of the devices; NULL: none */
	ssize_t (*give)(struct droppath *path, int to, const void *bytes, size_t len);
	/* private */
	bool known;
	uint32_t first, highest, mss;
	unsigned int copies[DROPPATH_SEGMENTS], acks;
	bool arrived[DROPPATH_SEGMENTS];
	struct droppath_packet *queue, **end;
};

/* 0, or -1 after a line on standard error. */
int droppath_open(struct droppath *path, int delay_ms, unsigned int mtu);
/* What is under way is lost, and a new connection begins. */
void droppath_plan(struct droppath *path, const struct droppath_plan *plan);
/* Carries what is due; waits until there is something to do, for @ms at most. */
void droppath_step(struct droppath *path, int ms);
