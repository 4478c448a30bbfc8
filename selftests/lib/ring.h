/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring by its system calls: no library is needed. */
#pragma once

#include <stdbool.h>
#include <linux/io_uring.h>

/* Both queues lie in one mapping (IORING_FEAT_SINGLE_MMAP). */
struct ring {
	int fd;
	char *queues;
	struct io_uring_sqe *entries;
	struct io_uring_params p;
	unsigned int added;	/* entries that the kernel has not been told of */
};

/* 0, or -1 with errno: ENOSYS and EPERM where the kernel has no io_uring, or not for us. */
int ring_open(struct ring *r);
void ring_close(struct ring *r);

/* Adds an entry, which the next ring_give() hands in with its own: links end with what is handed in. */
void ring_add(struct ring *r, const struct io_uring_sqe *sqe);

/* Hands one entry in, behind those that were added; 0 or -1. */
int ring_give(struct ring *r, const struct io_uring_sqe *sqe);
bool ring_is_empty(const struct ring *r);

/* Takes the next completion; false: there is none. */
bool ring_take(struct ring *r, struct io_uring_cqe *cqe);
