/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel tells a test beside its sockets, and what it can be made to do: its log, events, counters, slabs. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* What the kernel's log says from a moment on. */

/* Nothing that stands there now counts any more. Ends the program if there is no log. */
void klog_forget(void);

/* Reads on until a line that contains @what; false: there is none yet. */
bool klog_has(const char *what);

/* Reads to the end. Return: how many records contain @what; *@has: one of them contains @line. */
int klog_count(const char *what, const char *line, bool *has);

/*
 * Events of the kernel's tracepoints, in an instance of tracefs that is the test's own. What fails ends the program.
 */

/* Makes the instance, or takes it over as it was left. */
void tracing_start(const char *instance);
void tracing_stop(void);

/* Writes to a file of the instance: ("events/xtcp/xtcp_abort/enable", "1"). */
void tracing_set(const char *file, const char *text);

/* The events so far, a line each; and none of them any more. */
FILE *tracing_open(void);
void tracing_forget(void);

/* How many events so far say all of this; "" says every one. */
int tracing_count(const char *text, const char *also, const char *third);

/* Objects in use in xtcp's slabs, which are never merged; exact where a slab can be shrunk (the debug kernel). */

#define SLABS_N 10
#define SLABS_LEASE 8	/* xtcp_lease */

struct slabs {
	long active[SLABS_N];		/* -1: this kernel does not show it */
};

extern const char * const slabs_names[SLABS_N];

/* Flushes what processors keep and counts. */
void slabs_read(struct slabs *slabs);

/* True as soon as no slab has more objects than in @before; says which has, if not in time. */
bool slabs_back(const struct slabs *before, int deadline_ms);

/* Allocations of this task that fail, on a kernel that has fault injection. */

/* False: this kernel cannot. Otherwise any allocation can fail, also one that may wait, and nothing is logged. */
bool failing_begin(void);

/* A setting of failslab, also one that is yes or no. */
void failing_set(const char *name, long value);

/* The nth allocation of this task from now on fails; 0: none. Segments that this task writes into a tun count. */
void failing_nth(int n);

/* This task gets that many octets from slabs, and then no more; negative: no limit. */
void failing_all(long space);

/* How many octets are left of those of failing_all(), also when there is no limit any more. */
long failing_space(void);

/* Has it failed? */
bool failing_hit(void);

/* Which kernel this is. */

/* A series as one number, 6012 for 6.12; 0 for what is none. */
int release_parse(const char *text);

/* That of the running kernel. */
int release_series(void);

/* What kernel TCP itself does is written down for this series alone. */
#define RELEASE_OF_KERNEL_TCP	6001

static inline bool release_knows_kernel_tcp(void)
{
	return release_series() == RELEASE_OF_KERNEL_TCP;
}

/* The kernel that looks for errors in the module, several times slower than others. */
bool release_is_debug(void);

/* With PREEMPT_RT, where locks sleep. */
bool release_is_rt(void);

/* Is a row worth its time that is about kernel TCP alone? The stock kernel says what the debug kernel would say. */
bool release_judges_kernel_tcp(void);

/* Counters as in /proc/net/snmp and /proc/net/netstat: pairs of lines "Tcp: name name ..." and "Tcp: value ...". */

#define COUNTERS_MAX 512

struct counters {
	int n;
	struct {
		char name[64];		/* "Tcp:RetransSegs", "TcpExt:ListenDrops" */
		long long value;
	} entry[COUNTERS_MAX];
};

/* Adds the counters of a file as seen in @ns; set n to 0 first. 0 or -1. */
int counters_read(struct counters *c, int ns, const char *path);

/* All of xtcp's, or all of kernel TCP's, in @ns (this sets n). 0 or -1. */
int counters_read_xtcp(struct counters *c, int ns);
int counters_read_kernel(struct counters *c, int ns);

/* A value by its full name; a name that is not there ends the program with a message. */
long long counters_get(const struct counters *c, const char *name);

/* after - before, by name. */
long long counters_diff(const struct counters *before, const struct counters *after, const char *name);

/* One value, read now: counter_now(ns, "/proc/net/xtcp_netstat", "TcpExt:ListenDrops"). */
long long counter_now(int ns, const char *path, const char *name);
