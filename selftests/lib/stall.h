/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holds the kernel up in one of its functions, so that what is done on another processor meanwhile happens in the
 * middle of it. A BPF program at the function's beginning (a kprobe) computes until it is let go.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

/*
 * The next call of @function is held up whose first argument is a sock of this local port, for @ms milliseconds at
 * most. False: the kernel cannot, and *@why says what it lacks.
 */
bool stall_begin(const char *function, int port, int ms, const char **why);
bool stall_has_begun(void);

/* Lets it go. False: it went on before. */
bool stall_let_go(void);

/* The same, by a thread, after a time in which what does not have to wait is over. */
void *stall_let_go_soon(void *arg);
void stall_end(void);

/* Counts writes to a variable of the module, on all processors: a watchpoint of the machine, by perf_event_open(). */

#define WATCH_CPUS	16

struct watch {
	int fds[WATCH_CPUS], n;
};

/* From now on; @name: of 8 octets, as in /proc/kallsyms, static or not. 0, or -1 with errno. */
int watch_start(struct watch *watch, const char *name);
void watch_end(struct watch *watch);

/* How many so far; -1 with errno. */
long long watch_writes(const struct watch *watch);

/* Where a thread of this process sleeps. */

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
