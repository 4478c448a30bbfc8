/* SPDX-License-Identifier: GPL-2.0 */
/* What gcc puts into an object that counts (gcov-io.h); with -fprofile-info-section a section points to it. */
#ifndef SELFTESTS_COVERAGE_H
#define SELFTESTS_COVERAGE_H

#include <linux/types.h>

#if __GNUC__ >= 15
#define GCOV_COUNTERS 10
#elif __GNUC__ >= 14
#define GCOV_COUNTERS 9
#else
#define GCOV_COUNTERS 8
#endif

struct gcov_counters {
	unsigned int num;
	s64 *values;
};

struct gcov_info;

struct gcov_function {
	const struct gcov_info *key;
	unsigned int ident;
	unsigned int lines;
	unsigned int graph;
	struct gcov_counters counters[];
};

struct gcov_info {
	unsigned int version;
	struct gcov_info *next;
	unsigned int stamp;
#if __GNUC__ >= 12
	unsigned int checksum;
#endif
	const char *filename;
	void *merge[GCOV_COUNTERS];
	unsigned int n_functions;
	const struct gcov_function * const *functions;
};

struct module;

/* The module's own init function. */
int xtcp_init_counted(void);
/* Objects that count refer to it. */
void __gcov_merge_add(s64 *values, unsigned int num);

/* @first: the pointers, up to one that is NULL. */
void xtcp_coverage_meet(struct module *module, struct gcov_info **first);

#endif
