/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Somebody else's packets on a network whose losses come in bursts.
 *
 * A burst ends with a packet, not with time, and a connection that is alone in one sends a packet only when its timer
 * expires. Where a packet ends 30 bursts of 100, one stream in a thousand stands still for minutes, on any TCP. A real
 * network has other traffic.
 */
#pragma once

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

struct crossing {
	int fd[2];
	struct sockaddr_in to[2];
	atomic_bool over;
	pthread_t thread;
};

/* From now on a small packet goes each way every 20 ms: from namespace @a to IPv4 address @b_addr, @b to @a_addr. */
void crossing_start(struct crossing *c, int a, const char *b_addr, int b, const char *a_addr);
void crossing_end(struct crossing *c);
