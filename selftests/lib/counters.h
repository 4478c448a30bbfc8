/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters as in /proc/net/snmp and /proc/net/netstat (and xtcp's files of the
 * same format): pairs of lines "Tcp: name name ..." and "Tcp: value value ...".
 */
#pragma once

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
long long counters_diff(const struct counters *before, const struct counters *after,
			const char *name);

/* One value, read now: counter_now(ns, "/proc/net/xtcp_netstat", "TcpExt:ListenDrops"). */
long long counter_now(int ns, const char *path, const char *name);
