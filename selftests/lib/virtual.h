/* SPDX-License-Identifier: GPL-2.0 */
/* Days and months in the laboratory's virtual time. A test that sleeps for days must not begin in real time. */
#pragma once

#include <kselftest.h>
#include <string.h>
#include "wire.h"

#define VIRTUAL_S	1000000000ull	/* in nanoseconds, as all times here */
#define VIRTUAL_MINUTE	(60 * VIRTUAL_S)
#define VIRTUAL_HOUR	(60 * VIRTUAL_MINUTE)
#define VIRTUAL_DAY	(24 * VIRTUAL_HOUR)

bool virtual_is(void);
void virtual_or_skip(void);

/* Read the monotonic clock, and sleep until it reads @ns. */
uint64_t virtual_now(void);
void virtual_sleep_until(uint64_t ns);

/* The monotonic time at which the 64 bits of jiffies will be @which. Ends the program if there are no jiffies. */
uint64_t virtual_when_jiffies(uint64_t which, unsigned int hz);

/*
 * Results of a child come as lines "PASS name" and "FAIL name": turns these into results, prints the others as they
 * are, and closes @said. Returns how many results there were. It stands in a header since kselftest.h counts for each
 * file.
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

/* The results of a child; those of @planned that are missing have failed. */
static inline void virtual_report(FILE *said, unsigned int planned)
{
	unsigned int seen = verdicts_report(said);

	for (; seen < planned; seen++)
		ksft_test_result_fail("not played\n");
}

/* Opens the device of @w. It sends no router solicitations, since nobody reads its queue for weeks. */
void virtual_wire(struct wire *w, enum wire_stack stack, int ip);
unsigned int virtual_hz(void);
