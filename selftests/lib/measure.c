// SPDX-License-Identifier: GPL-2.0
#include "measure.h"
#include <dirent.h>
#include <math.h>
#include "test.h"

#define READINGS	10
#define PAUSE_MS	100

double measure_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measure_median(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Of a line "NAME : VALUE ..." or "NAME: VALUE ..."; the sum of all such lines, -1: none. */
static long long sum_of(const char *path, const char *name)
{
	long long sum = -1, value;
	char line[512], *at;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		at = line + strspn(line, " .");
		if (strncmp(at, name, strlen(name)))
			continue;
		at += strlen(name);
		if (sscanf(at + strspn(at, " :"), "%lld", &value) == 1)
			sum = sum < 0 ? value : sum + value;
	}
	if (file)
		fclose(file);
	return sum;
}

/* The kernel stops this clock at the first instruction of an interrupt. */
static double idle_now(void)
{
	long long ns = sum_of("/proc/timer_list", "idle_sleeptime");

	measure_must(ns >= 0, "no idle_sleeptime in /proc/timer_list");
	return ns / 1e9;
}

double measure_busy(void)
{
	double idle = idle_now();

	return measure_now() - idle;
}

double measure_busy_until(double then)
{
	struct timespec deadline = { .tv_sec = then, .tv_nsec = (then - (long)then) * 1e9 };
	double before = measure_busy();

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL))
		;
	return measure_busy() - before;
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		/* some slabs cannot be shrunk; what stays is in both readings */
		if (write(fd, text, 1) != 1)
			errno = 0;
		close(fd);
	}
}

/* Names that are links stand for a slab that has another name. */
static void shrink_slabs(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", entry->d_name);
		write_to(path, "1");
	}
	if (dir)
		closedir(dir);
}

static long memory_now(void)
{
	write_to("/proc/sys/vm/drop_caches", "3");
	shrink_slabs();
	/* adds up what each processor has counted */
	write_to("/proc/sys/vm/stat_refresh", "1");
	return 1024 * (sum_of("/proc/meminfo", "Slab:") + sum_of("/proc/meminfo", "VmallocUsed:") +
		       sum_of("/proc/meminfo", "Percpu:"));
}

long measure_available_kb(void)
{
	return sum_of("/proc/meminfo", "MemAvailable:");
}

long measure_kernel_memory(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	long least = -1, now;

	/* what RCU frees comes back in its time */
	for (int i = 0; i < READINGS; i++) {
		nanosleep(&pause, NULL);
		now = memory_now();
		if (least < 0 || now < least)
			least = now;
	}
	return least;
}

/* JSON has no word for what is no number. */
static void print_number(const char *name, double value)
{
	if (isfinite(value))
		printf(", \"%s\": %.10g", name, value);
	else
		printf(", \"%s\": null", name);
}

void measure_record(const char *what, const char *unit, double ratio, double value, double against)
{
	if (!getenv("MEASURE_JSON"))
		return;
	/* the names are ours, and none has a character that JSON would want escaped */
	printf(MEASURE_JSON_MARK "\"name\": \"%s\", \"unit\": \"%s\"", what, unit);
	print_number("ratio", ratio);
	print_number("value", value);
	print_number("against", against);
	printf("}\n");
	fflush(stdout);
}

bool measure_at_most(const char *what, double ratio, double bound, const char *details, ...)
{
	bool above = bound && ratio > bound;
	va_list args;

	printf("%-44s %5.2fx  (", what, ratio);
	va_start(args, details);
	vprintf(details, args);
	va_end(args);
	if (bound)
		printf("; at most %.2fx%s", bound, above ? ": ABOVE" : "");
	printf(")\n");
	fflush(stdout);
	return !above;
}

bool measure_rounds_at_most(const char *what, struct measure_rounds *r, double bound)
{
	double ratio[MEASURE_ROUNDS_MAX], m;

	for (int i = 0; i < r->rounds; i++)
		ratio[i] = r->ours[i] / r->theirs[i];
	m = measure_median(ratio, r->rounds);
	measure_record(what, "ns", m, measure_median(r->ours, r->rounds), measure_median(r->theirs, r->rounds));
	return measure_at_most(what, m, bound, "%.2f to %.2f, %d rounds of %d; median %.0f ns against %.0f", ratio[0],
			       ratio[r->rounds - 1], r->rounds, r->n, measure_median(r->ours, r->rounds),
			       measure_median(r->theirs, r->rounds));
}

void measure_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(2);
}

static bool was_loaded;

void measure_begin(bool right, const char *usage)
{
	if (!right) {
		fprintf(stderr, "Usage: %s\n", usage);
		exit(2);
	}
	was_loaded = module_is_loaded();
	measure_must(was_loaded || !module_load(""), "cannot load xtcp");
}

void measure_end(void)
{
	measure_must(was_loaded || !module_unload(), "cannot unload xtcp");
}

/* An instruction that does nothing, and that nobody else has. */
void profile_mark(void)
{
#ifdef __x86_64__
	__asm__ volatile(".byte 0x0f, 0x1f, 0x80; .ascii \"xtcp\"" ::: "memory");
#else
	measure_die("profile wants x86-64");
#endif
}

void profile_copy_symbols(const char *name)
{
	FILE *from = fopen("/proc/kallsyms", "r"), *to = fopen(name, "w");
	char piece[4096];
	size_t n;

	measure_must(from && to, "kallsyms");
	while ((n = fread(piece, 1, sizeof(piece), from)))
		measure_must(fwrite(piece, 1, n, to) == n, name);
	measure_must(!ferror(from), "kallsyms");
	fclose(from);
	measure_must(!fclose(to), name);
}
