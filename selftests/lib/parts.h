/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a program that can be run by name: `unload wrapped`. */
#pragma once

struct part {
	const char *name;	/* NULL: the end */
	void (*run)(void);
	int results;
};

/* How many results those that @wanted names have; @wanted is the rest of argv, and without a name all are wanted. */
int parts_results(const struct part *parts, char **wanted);

void parts_run(const struct part *parts, char **wanted);
