// SPDX-License-Identifier: GPL-2.0
#include "test.h"

unsigned int problems;

void same(const char *what, long long got, long long expected)
{
	if (got == expected)
		return;
	ksft_print_msg("%s: %lld, not %lld\n", what, got, expected);
	problems++;
}

bool short_run(void)
{
	const char *text = getenv("SHORT");

	return text && *text;
}

int short_rounds(int full)
{
	const char *given = getenv("ROUNDS");
	int rounds = given ? atoi(given) : short_run() ? full / 4 : full;

	return rounds > 0 ? rounds : 1;
}

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
