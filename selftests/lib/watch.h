/* SPDX-License-Identifier: GPL-2.0 */
/* Counts writes to a variable of the module, on all processors: a watchpoint of the machine, by perf_event_open(). */
#pragma once

#define WATCH_CPUS	16

struct watch {
	int fds[WATCH_CPUS], n;
};

/* From now on; @name: of 8 octets, as in /proc/kallsyms, static or not. 0, or -1 with errno. */
int watch_start(struct watch *watch, const char *name);
void watch_end(struct watch *watch);

/* How many so far; -1 with errno. */
long long watch_writes(const struct watch *watch);
