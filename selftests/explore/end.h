/* SPDX-License-Identifier: GPL-2.0 */
/* The program at one end: it writes and reads as the scenario says, and checks what it reads. */
#ifndef EXPLORE_END_H
#define EXPLORE_END_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario.h"

struct end {
	int fd;			/* -1: not open yet, or closed */
	const struct program *program;
	struct chance chance;
	uint8_t tint, peer_tint;
	bool is_connecting;
	long long written, read;	/* octets */
	long long write_at_us, read_at_us;	/* not before */
	bool has_shut, at_end, is_done;
	int error;		/* that a call gave */
	char wrong[200];	/* the first thing that the socket API must not do */
};

void end_begin(struct end *end, const struct program *program, uint64_t seed, uint8_t tint, uint8_t peer_tint);
/* Options that have to be set before connect() or listen(). */
void end_prepare(const struct program *program, int fd);
/* Does what can be done without waiting. */
void end_step(struct end *end, long long now_us);
/* What poll() should wait for. */
short end_events(const struct end *end, long long now_us);
/* Microseconds until it wants to do something; -1: it waits for the socket alone. */
long long end_wait_us(const struct end *end, long long now_us);

#endif
