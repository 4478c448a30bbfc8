// SPDX-License-Identifier: GPL-2.0
#include "play.h"
#include <string.h>
#include <sys/klog.h>
#include "measure.h"
#include "world.h"

#define PORTS		60000
#define ROUNDS		7	/* of what seems to be slow */
#define SLOW		2.0
#define SLOW_US		500000	/* and slower by so much */

static unsigned int played;
static bool rests;

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

	log[len > 0 ? len : 0] = 0;
	for (unsigned int i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		for (char *at = log; (at = strstr(at, signs[i])); at++)
			n++;
	}
	news = n - last;
	last = n;
	return news;
}

/* Kernel TCP at both ends; it has only two algorithms here. */
static bool is_comparable(const struct scenario *s)
{
	return scenario_is_orderly(s) && !scenario_moves(s) && s->algorithm <= RENO && !s->mem_pages &&
	       !((s->fail_ppm || s->fail_after) && faults_can());
}

static double kernel_us(const struct scenario *s, unsigned int round)
{
	struct scenario kernel = *s;
	char why[TRIAL_WHY];

	kernel.stack[CLIENT] = KERNEL;
	kernel.stack[SERVER] = KERNEL;
	return play(&kernel, round, next_port(), why, sizeof(why));
}

static bool seems_slow(double ours, double theirs)
{
	return ours > SLOW * theirs && ours > theirs + SLOW_US;
}

/*
 * As soon as the segments differ, chance does, too, so one round says little. @octets: how many were read. If kernel
 * TCP carried less, a connection of it failed, as when a SYN-ACK found no way, and its time says nothing.
 */
static void compare(const struct scenario *s, double ours_us, unsigned long long octets, char why[TRIAL_WHY])
{
	const unsigned long long before = play_octets;
	double ours[ROUNDS] = { ours_us }, theirs[ROUNDS] = { kernel_us(s, 0) };
	int i;

	if (play_octets - before != octets)
		return;
	printf("# pace %llu: %.0f us, kernel TCP %.0f us\n", (unsigned long long)s->seed, ours[0], theirs[0]);
	if (!seems_slow(ours[0], theirs[0]))
		return;
	for (i = 1; i < ROUNDS && !why[0]; i++) {
		ours[i] = play(s, i, next_port(), why, TRIAL_WHY);
		theirs[i] = kernel_us(s, i);
	}
	ours_us = measure_median(ours, i);
	theirs[0] = measure_median(theirs, i);
	if (!why[0] && seems_slow(ours_us, theirs[0]))
		snprintf(why, TRIAL_WHY, "pace: %.0f ms, kernel TCP %.0f ms, in the median of %d rounds", ours_us / 1e3,
			 theirs[0] / 1e3, ROUNDS);
}

/*
 * Only xtcp's ends use MSG_ZEROCOPY here. Each such write takes whole pages of the send buffer, however short it is, as
 * in Linux (__zerocopy_sg_from_iter()). So both are compared with writes that are copied.
 */
static void compare_copied(const struct scenario *s, double us, unsigned long long octets, char why[TRIAL_WHY])
{
	struct scenario copied = *s;
	unsigned long long before;

	if (s->program[CLIENT].zerocopy_ppm || s->program[SERVER].zerocopy_ppm) {
		copied.program[CLIENT].zerocopy_ppm = 0;
		copied.program[SERVER].zerocopy_ppm = 0;
		before = play_octets;
		us = play(&copied, 0, next_port(), why, TRIAL_WHY);
		octets = play_octets - before;
	}
	if (!why[0])
		compare(&copied, us, octets, why);
}

void trial_begin(void)
{
	log_lines();
	play_begin();
}

static void listen_to_kernel(char why[TRIAL_WHY])
{
	if (log_lines() && !why[0])
		snprintf(why, TRIAL_WHY, "log: the kernel complains");
}

void trial_rest_each(bool each)
{
	rests = each;
}

bool trial_rest(char why[TRIAL_WHY])
{
	const bool good = play_rest(why, TRIAL_WHY);

	/* so that the next rest shows what is left of later scenarios */
	if (!good)
		play_begin();
	listen_to_kernel(why);
	return !why[0];
}

void trial_play(const struct scenario *s, bool compares, char why[TRIAL_WHY])
{
	const unsigned long long before = play_octets;
	double us = play(s, 0, next_port(), why, TRIAL_WHY);

	if (!why[0] && compares && is_comparable(s))
		compare_copied(s, us, play_octets - before, why);
	listen_to_kernel(why);
	if (rests && !why[0])
		trial_rest(why);
}

bool trial_end(char why[TRIAL_WHY])
{
	why[0] = 0;
	if (play_still(why, TRIAL_WHY))
		state_has_no_leaks(why, TRIAL_WHY);
	listen_to_kernel(why);
	return !why[0];
}
