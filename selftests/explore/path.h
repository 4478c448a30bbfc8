/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network between two namespaces: each has a tun device, and this program carries every packet, by
 * the rules of the scenario and with its chance.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "judge.h"
#include "scenario.h"

#define PATH_DEVICE	"path0"
#define PATH_SECOND	"path1"		/* of scenarios whose route leads by another device for a while */
#define PATH_CLIENT4	"10.8.0.1"
#define PATH_SERVER4	"10.8.0.2"
#define PATH_CLIENT6	"fd00:8::1"
#define PATH_SERVER6	"fd00:8::2"
/* The server has all addresses of these, too, for scenarios whose client has to know nothing of it. */
#define PATH_SERVERS4	"10.8.128.0/17"
#define PATH_SERVERS6	"fd00:8::1:0/112"

/* One connection, by the client's port; 0: it has none yet. */
struct path_flow {
	uint16_t port;
	struct judge *judge;
};

struct path {
	int ns[SIDES], tun[SIDES];	/* -1: the namespace has ended */
	int second[SIDES];	/* the second device; -1: none */
	bool by_second[SIDES];	/* the route of that side leads there */
	bool moves[SIDES];	/* the route changes now: a packet may leave by either device */
	bool is_deaf[SIDES];	/* that side has lost its address */
	bool show;		/* print each packet */
	long long shown_us;	/* since when; 0: not yet */
	/* for one scenario */
	const struct scenario *scenario;
	struct chance chance;
	struct path_flow flow[CONNECTIONS];
	uint16_t port;		/* the server's: packets of other ports belong to earlier connections */
	long long began_us;
	long long free_us[SIDES];	/* when the bottleneck towards that side is free again */
	long long last_due_us[SIDES];
	bool is_burst[SIDES];
	int chosen[SIDES];	/* of the kind that the scenario loses, so many have left towards that side */
	long long burst_until_us[SIDES];
	struct path_packet *queue;
	unsigned int number[SIDES];	/* packets towards that side */
	struct drops lost[SIDES];	/* packets that chance took */
	/* TCP segments of all ports that a namespace sent, and got; those of other ports that it sent */
	unsigned int left[SIDES], arrived[SIDES], foreign[SIDES];
	long long moved_us;	/* the last packet */
	bool has_left[SIDES];	/* path_step() has to look whether packets have left that side */
	bool has_brought[SIDES];	/* the last path_step() brought packets to that side */
};

/* Monotonic, when path_look_at_clock() was called last: some system calls ago at most. */
long long path_now_us(void);
void path_look_at_clock(void);
/* 0, or -1 after a line on standard error. */
int path_open(struct path *path);
void path_begin(struct path *path, const struct scenario *scenario, unsigned int round, uint16_t port);
/* Ends a namespace, and makes its successor. */
void path_end_host(struct path *path, enum side side);
int path_open_host(struct path *path, enum side side);
/* Ends a device, and makes its successor, with the scenario's MTU. */
void path_end_device(struct path *path, enum side side);
int path_open_device(struct path *path, enum side side);
/* A second device, with an address of its own, which no connection uses. */
int path_open_second(struct path *path, enum side side);
void path_end_second(struct path *path, enum side side);
/* Takes the addresses of a side away, or gives them back. */
void path_set_address(struct path *path, enum side side, bool on);
/* Sets the link of a side up or down. */
void path_link_up(struct path *path, enum side side, bool up);
/* Takes packets that have left where has_left says so, and delivers those that are due. */
void path_step(struct path *path);
/* Takes packets that have left since the last look. True: some have. */
bool path_has_news(struct path *path);
/* Microseconds until the next packet is due; -1: none is on its way. */
long long path_wait_us(const struct path *path);
