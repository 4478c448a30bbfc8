// SPDX-License-Identifier: GPL-2.0
/*
 * Connections by the thousand, each made of a seed (`make explore`):
 *
 *	explore [-v] [-c] FIRST [COUNT]
 *
 * plays the scenarios of COUNT seeds (1) from FIRST on; -v shows the packets, -c plays each with kernel TCP at both
 * ends, too, and compares. Both ends are in this program, and the network between them, too. What must hold for each:
 *
 *	octets	what is read is what was written, whole after an orderly end; errno fits
 *	wire	each segment keeps the rules, as an independent reader has them (judge.h)
 *	progress	it comes to its end, and nothing stands still for longer than losses explain
 *	pace	with -c: it does not take twice the time that kernel TCP takes, in the median of some rounds
 *	state	when all connections have ended, xtcp has as many objects as before
 *	log	the kernel has nothing to say
 *
 * For virtual time: on a machine whose time goes on meanwhile it would say what that machine does.
 */
#include <kselftest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "measure.h"
#include "module.h"
#include "must.h"
#include "play.h"
#include "scenario.h"
#include "slabs.h"

#define PORTS		60000
#define ROUNDS		7	/* of what seems to be slow */
#define SLOW		2.0
#define SLOW_US		500000	/* and slower by so much */

static bool verbose, compares;
static unsigned int played;

static int next_port(void)
{
	return 1024 + played++ % PORTS;
}

/* Lines of the kernel's log that tell of a defect, since the last call. */
static int log_lines(void)
{
	static const char * const signs[] = { "BUG:", "WARNING:", "KASAN", "INFO: ", "UBSAN", "ODEBUG", "refcount_t" };
	static char log[1 << 20];
	static int last;
	int len = klogctl(3 /* read all */, log, sizeof(log) - 1), n = 0, news;
	unsigned int i;

	log[len > 0 ? len : 0] = 0;
	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		for (char *at = log; (at = strstr(at, signs[i])); at++)
			n++;
	}
	news = n - last;
	last = n;
	return news;
}

/* Namespaces keep what their first connection made. */
static void warm_up(void)
{
	struct scenario s;
	uint64_t seed = 0;
	char why[300];

	do {
		scenario_make(&s, ++seed);
	} while (s.stack[CLIENT] != XTCP || s.stack[SERVER] != XTCP);
	play(&s, 0, next_port(), why, sizeof(why));
	play_timewait();
}

/* Kernel TCP at both ends; it has no BBR here. */
static bool is_comparable(const struct scenario *s)
{
	return s->program[CLIENT].ending == ORDERLY && s->program[SERVER].ending == ORDERLY &&
	       strcmp(s->algorithm, "bbr");
}

static double kernel_us(const struct scenario *s, unsigned int round)
{
	struct scenario kernel = *s;
	char why[300];

	kernel.stack[CLIENT] = KERNEL;
	kernel.stack[SERVER] = KERNEL;
	return play(&kernel, round, next_port(), why, sizeof(why));
}

static bool seems_slow(double ours, double theirs)
{
	return ours > SLOW * theirs && ours > theirs + SLOW_US;
}

/* Chance differs as soon as the segments do, so one round says little. */
static void compare(const struct scenario *s, double ours_us, char *why, size_t size)
{
	double ours[ROUNDS] = { ours_us }, theirs[ROUNDS] = { kernel_us(s, 0) };
	int i;

	if (!seems_slow(ours[0], theirs[0]))
		return;
	for (i = 1; i < ROUNDS && !why[0]; i++) {
		ours[i] = play(s, i, next_port(), why, size);
		theirs[i] = kernel_us(s, i);
	}
	ours_us = measure_median(ours, i);
	theirs[0] = measure_median(theirs, i);
	if (!why[0] && seems_slow(ours_us, theirs[0]))
		snprintf(why, size, "pace: %.0f ms, kernel TCP %.0f ms, in the median of %d rounds", ours_us / 1e3,
			 theirs[0] / 1e3, ROUNDS);
}

static bool explore(uint64_t seed)
{
	struct scenario s;
	char why[300];
	int complaints;
	double us;

	scenario_make(&s, seed);
	us = play(&s, 0, next_port(), why, sizeof(why));
	if (!why[0] && compares && is_comparable(&s))
		compare(&s, us, why, sizeof(why));
	complaints = log_lines();
	if (!why[0] && complaints)
		snprintf(why, sizeof(why), "log: the kernel complains");
	if (why[0] || verbose)
		scenario_print(&s, stdout);
	if (why[0])
		printf("not ok - seed %llu: %s\n", (unsigned long long)seed, why);
	return !why[0];
}

int main(int argc, char **argv)
{
	unsigned long long first, count, n;
	struct slabs before;
	int failed = 0;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		verbose |= !strcmp(argv[1], "-v");
		compares |= !strcmp(argv[1], "-c");
	}
	if (argc < 2 || argc > 3)
		ksft_exit_fail_msg("Usage: explore [-v] [-c] FIRST [COUNT]\n");
	first = strtoull(argv[1], NULL, 10);
	count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	must(module_is_loaded() || !module_load(""), "xtcp.ko");
	play_open();
	log_lines();
	warm_up();
	slabs_read(&before);
	play_show(verbose);
	for (n = 0; n < count; n++)
		failed += !explore(first + n);
	play_timewait();
	if (!slabs_back(&before, 3000)) {
		failed++;
		printf("not ok - seeds %llu to %llu: state: objects are left\n", first, first + count - 1);
	}
	if (log_lines()) {
		failed++;
		printf("not ok - seeds %llu to %llu: log: the kernel complains\n", first, first + count - 1);
	}
	printf("# %llu scenarios, %llu octets, %d failed\n", count, play_octets, failed);
	return failed ? KSFT_FAIL : KSFT_PASS;
}
