/* SPDX-License-Identifier: GPL-2.0 */
/* What an explored connection is made of; all of it follows from a seed. */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "stack.h"

enum side { CLIENT, SERVER, SIDES };

struct chance {
	uint64_t state;
};

/* The network towards one side: what happens to the packets that the other side sends. */
struct network {
	int delay_us, jitter_us;
	long long rate_bps;	/* of a bottleneck, bits per second; 0: none */
	int queue_octets;	/* in front of it */
	int loss_ppm;		/* parts per million, each packet alone */
	int burst_ppm;		/* a burst of loss begins, which each packet ends by a fifth, or a tenth of a second */
	int duplicate_ppm, reorder_ppm, corrupt_ppm;
	int silent_from_ms, silent_ms;	/* nothing passes */
};

enum ending {
	ORDERLY,	/* shutdown() behind the last octet, close() after the peer's end */
	CLOSED,		/* close() behind the last octet, and nothing is read */
	ABORTED,	/* a reset (SO_LINGER, 0) behind @total octets */
};

struct program {
	long long total;	/* octets that it writes */
	int write_max, read_max;
	int write_pause_us, read_pause_us;	/* the longest; 0: none */
	bool nodelay;
	int sndbuf, rcvbuf;	/* 0: as the system has it */
	enum ending ending;
};

struct scenario {
	uint64_t seed;
	enum stack stack[SIDES];
	bool v6;
	int mtu;
	bool sack, timestamps, window_scaling;
	int ecn;
	const char *algorithm;
	struct network towards[SIDES];
	struct program program[SIDES];
};

uint64_t chance_next(struct chance *chance);
/* From 0 to @n - 1. */
uint64_t chance_below(struct chance *chance, uint64_t n);
bool chance_ppm(struct chance *chance, int ppm);

void scenario_make(struct scenario *s, uint64_t seed);
void scenario_print(const struct scenario *s, FILE *out);

#endif
