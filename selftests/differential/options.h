/* SPDX-License-Identifier: GPL-2.0 */
/* The options whose answers differ between the stacks, and why. */
#pragma once

#include <stdbool.h>

#define OPTION_KEPT	16	/* octets of a value that are compared */

/**
 * struct option_probe - what one call was, and what came of it
 * @call: "get", "set", "get back" what was just set, "... NULL"
 * @length: as it was passed
 * @value: what was set
 * @error: errno, or 0
 * @length_after: as it was left
 * @octets: the first ones of the value
 */
struct option_probe {
	const char *call;
	int length, value;
	int error, length_after;
	unsigned char octets[OPTION_KEPT];
};

/**
 * struct option_differs - what is special about an option
 * @level: SOL_SOCKET, IPPROTO_*
 * @opt: its number
 * @name: its name; NULL ends the table
 * @reason: why xtcp differs, or why its value does
 * @differs: says whether xtcp may answer @x where kernel TCP answers @k; NULL: it may not
 * @since: the first series of kernels where this holds, 6012 for 6.12; 0: all
 * @until: the last; 0: all
 * @varies: the value is another one each time; its length is not
 * @is_name: takes a name; a kernel looks for a module of each that it does not know
 * @occurred: it did differ
 */
struct option_differs {
	int level, opt;
	const char *name, *reason;
	bool (*differs)(const struct option_probe *k, const struct option_probe *x);
	int since, until;
	bool varies, is_name;
	bool occurred;
};

extern struct option_differs options_differ[];
