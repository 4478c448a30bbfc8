// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "short.h"

/* Does this run leave out what rarely finds more? Return: with SHORT=1 in the environment. */
bool short_run(void)
{
	const char *text = getenv("SHORT");

	return text && *text;
}

/*
 * How many rounds a storm has. Return: ROUNDS= in the environment, else @full, or a quarter of it in a short run; at
 * least 1.
 */
int short_rounds(int full)
{
	const char *given = getenv("ROUNDS");
	int rounds = given ? atoi(given) : short_run() ? full / 4 : full;

	return rounds > 0 ? rounds : 1;
}
