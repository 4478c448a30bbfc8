// SPDX-License-Identifier: GPL-2.0
#include "virtual.h"
#include "test.h"

bool virtual_is(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "re");

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = 0;
		fclose(file);
	}
	return strstr(line, "time-travel=inf-cpu");
}

void virtual_or_skip(void)
{
	if (!virtual_is())
		ksft_exit_skip("time is not virtual here: it would take days\n");
}

uint64_t virtual_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * VIRTUAL_S + ts.tv_nsec;
}

void virtual_sleep_until(uint64_t ns)
{
	const struct timespec ts = { .tv_sec = ns / VIRTUAL_S, .tv_nsec = ns % VIRTUAL_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

/* The first number of a line of /proc/timer_list that begins with @name. */
static uint64_t timer_list(const char *name)
{
	FILE *file = fopen("/proc/timer_list", "re");
	unsigned long long value = 0;
	bool found = false;
	char line[256], *at;

	must(file, "/proc/timer_list");
	while (!found && fgets(line, sizeof(line), file)) {
		at = strstr(line, name);
		found = at && sscanf(at + strlen(name), "%*[ :]%llu", &value) == 1;
	}
	fclose(file);
	must(found, name);
	return value;
}

unsigned int virtual_hz(void)
{
	uint64_t before = timer_list("jiffies");

	virtual_sleep_until(virtual_now() + VIRTUAL_S);
	/* a tick more or less is rounding */
	return (timer_list("jiffies") - before + 2) / 5 * 5;
}

uint64_t virtual_when_jiffies(uint64_t which, unsigned int hz)
{
	uint64_t tick = VIRTUAL_S / hz, now, at;

	/* right behind a tick, so that its number and the clock go together */
	now = virtual_now();
	virtual_sleep_until((now / tick + 2) * tick + tick / 4);
	at = timer_list("jiffies");
	now = virtual_now() / tick * tick;
	must(at <= which, "jiffies are beyond that");
	return now + (which - at) * tick;
}

void virtual_wire(struct wire *w, enum wire_stack stack, int ip)
{
	w->stack = stack;
	w->ip = ip;
	w->seed = 1;
	w->rand = 1;
	if (wire_tun_open(w) || wire_tun_sysctl(w, "ipv6/conf/wire0/router_solicitations", "0"))
		ksft_exit_fail_msg("%s\n", w->why);
}
