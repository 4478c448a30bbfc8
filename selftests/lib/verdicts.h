/* SPDX-License-Identifier: GPL-2.0 */
/* Results of a child, which come as lines "PASS name" and "FAIL name" among others. */
#ifndef SELFTESTS_VERDICTS_H
#define SELFTESTS_VERDICTS_H

#include <kselftest.h>
#include <stdio.h>
#include <string.h>

/*
 * Turns these lines into results, prints the others as they are, and closes @said. Returns how many results there were.
 * This stands in a header since kselftest.h counts for each file.
 */
static inline unsigned int verdicts_report(FILE *said)
{
	unsigned int seen = 0;
	char line[1024];

	while (fgets(line, sizeof(line), said)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "PASS ", 5) || !strncmp(line, "FAIL ", 5)) {
			ksft_test_result(*line == 'P', "%s\n", line + 5);
			seen++;
		} else {
			printf("%s\n", line);
		}
	}
	fclose(said);
	return seen;
}

#endif
