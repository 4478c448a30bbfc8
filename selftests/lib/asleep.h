/* SPDX-License-Identifier: GPL-2.0 */
/* Where a thread of this process sleeps. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

/* Where the kernel lacks the old calls, libc's functions make the new ones. */
#ifndef SYS_poll
#define SYS_poll	SYS_ppoll
#define SYS_epoll_wait	SYS_epoll_pwait
#endif
#ifndef SYS_accept
#define SYS_accept	SYS_accept4
#endif

/*
 * Does it sleep in the system call @number, as in SYS_accept? False while it runs, and when @tid is 0. The laboratory's
 * kernel does not tell which call it is: the thread must be one that sleeps in no other.
 */
bool asleep_in(int tid, long number);

/*
 * A program that owns its socket for as long as it likes: a thread sends from a page, or sets a key that stands there,
 * and the page does not come until the end (userfaultfd).
 */
struct asleep_owner {
	pthread_t thread;
	bool listens;		/* a listener: it sets a key */
	int fd, uffd;
	atomic_int tid;
	char *pages, *page;	/* two; the second */
};

/* Returns once it owns @fd; false: this kernel cannot. */
bool asleep_owner_begin(struct asleep_owner *owner, int fd);

/* Was the call a success? */
bool asleep_owner_end(struct asleep_owner *owner);
