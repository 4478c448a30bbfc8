/* SPDX-License-Identifier: GPL-2.0 */
/* Streams whose octet n depends on n: what is lost, doubled, moved or changed is found. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "ns.h"
#include "stack.h"

/* One end of a connection: what it sends, what it must receive, how far it got. */
struct flow {
	int fd;
	long long send, receive;	/* octets */
	unsigned int out, in;		/* which stream: where in the pattern it begins */
	size_t slowly;			/* read at most this much at once, 0: as much as there is */
	bool idle;			/* read nothing for now */
	long long sent, received;
	bool shut, ended;		/* own FIN asked for; the peer's seen */
	const char *wrong;		/* what went wrong, or NULL */
	int error;			/* errno of that */
};

/* Runs all at once until each has sent and received all and a FIN. False: an error, or nothing moves for @stall_ms. */
bool flow_run(struct flow *flows, int n, long long stall_ms);

/* One round of it, at most @ms long. How many are not finished; -1: one of them went wrong. */
int flow_step(struct flow *flows, int n, int ms);

/* A pair of ends: @a sends @to_b octets and @b sends @to_a. */
void flow_pair(struct flow *a, int fd_a, long long to_b, struct flow *b, int fd_b, long long to_a);

/* Prints what went wrong, a diagnostic line for each flow. */
void flow_explain(const struct flow *flows, int n);

/* Much text, on a connection whose other end reads. What fails ends the program. */

/* Reads a stream in a thread, and compares it. */
struct bulk_reader {
	int fd;
	const void *text;
	long len;
	bool right;
	pthread_t thread;
};

/* Reads r->fd, from which @len octets of @text are to come, and then the end. */
void bulk_compare(struct bulk_reader *r, const void *text, long len);

/* Waits until the thread has ended: was that what came? */
bool bulk_is_right(struct bulk_reader *r);

/* A thread that reads *@fd until the end of the stream, or a reset. */
void *bulk_swallow(void *fd);

/* Sends @len octets, whatever they are; blocks. */
void bulk_send(int fd, int len);

/* Octets that were written and not acknowledged. */
int bulk_unacknowledged(int fd);

/* A connection of kernel TCP to a server of any stack that carries data there and back, until it is stopped. */
struct carrier {
	int client, server;
	pthread_t thread;
	atomic_bool stop, broken;
	atomic_int rounds;
};

/* From net->a to net->b, over IPv4. */
void carrier_start(struct carrier *c, const struct ns_pair *net, enum stack stack, int port);

/* Two rounds that begin from now on come to their end. */
bool carrier_goes_on(struct carrier *c);

/* Was all carried unchanged? */
bool carrier_stop(struct carrier *c);
