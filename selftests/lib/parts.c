// SPDX-License-Identifier: GPL-2.0
/* The parts of a program that can be run by name. */
#include "parts.h"

#include <stdbool.h>
#include <string.h>

static bool is_wanted(const struct part *part, char **wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (!strcmp(*wanted, part->name))
			return true;
	return false;
}

int parts_results(const struct part *parts, char **wanted)
{
	int results = 0;

	for (; parts->name; parts++)
		if (is_wanted(parts, wanted))
			results += parts->results;
	return results;
}

void parts_run(const struct part *parts, char **wanted)
{
	for (; parts->name; parts++)
		if (is_wanted(parts, wanted))
			parts->run();
}
