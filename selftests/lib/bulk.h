/* SPDX-License-Identifier: GPL-2.0 */
/* Much text, on a connection whose other end reads. What fails ends the program. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

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
