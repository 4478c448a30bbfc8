// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the tests in the virtual machine: each with the module freshly loaded,
 * under a watchdog, and looks at the kernel after it. Prints their TAP and a
 * "not ok" line of its own for what they could not see themselves; what is
 * known of a test that failed goes to a folder of its name.
 *
 * run [-f] FOLDER NAME:PROGRAM:SECONDS...
 *
 * With -f the first failure ends the run, without a look at the kernel.
 * FOLDER/current names the test that runs, for the case that the kernel ends
 * first; it says "done" when all were run. The exit status is 0 if none failed, 75
 * if none was run because the kernel was tainted before the module was loaded.
 */
#include "run.h"
#include "test.h"

#define TAINTED 75	/* EX_TEMPFAIL of sysexits.h */
#define ALIVE "/run/vm/alive"
#define STOOD_STILL "/run/vm/stood_still"

static const char *out;
static bool stuck;
static bool first_ends;

bool run_is_debug(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

bool run_is_kcsan(void)
{
	return !access("/sys/kernel/debug/kcsan", F_OK);
}

double run_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void run_set_stuck(void)
{
	stuck = true;
}

bool run_is_stuck(void)
{
	return stuck;
}

bool run_is_over(const struct result *result)
{
	return first_ends && (result->failed || result->cases_failed);
}

void run_alive(void)
{
	static double told;
	int fd;

	if (run_now() - told < 1)
		return;
	told = run_now();
	fd = open(ALIVE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd >= 0)
		close(fd);
}

/* There is always a zero byte behind the text. */
void text_add(struct text *text, const char *from, size_t len)
{
	if (text->len + len + 1 > text->room) {
		text->room = 2 * (text->len + len + 1);
		text->at = realloc(text->at, text->room);
		if (!text->at)
			abort();
	}
	memcpy(text->at + text->len, from, len);
	text->len += len;
	text->at[text->len] = 0;
}

void text_clear(struct text *text)
{
	free(text->at);
	*text = (struct text){};
}

void text_save(const struct text *text, const char *folder, const char *name)
{
	char path[512];
	FILE *file;

	mkdir(folder, 0777);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fwrite(text->at, 1, text->len, file) != text->len)
		perror(path);
	if (file)
		fclose(file);
}

void result_fail(struct result *result, const char *format, ...)
{
	char line[512];
	va_list args;
	int len;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	result->failed++;
	len = printf("not ok - %s: %s\n", result->name, line);
	fflush(stdout);
	if (len > 0) {
		text_add(&result->output, "not ok - ", 9);
		text_add(&result->output, line, strlen(line));
		text_add(&result->output, "\n", 1);
	}
}

static void set_current(const char *name)
{
	struct text text = {};

	text_add(&text, name, strlen(name));
	text_add(&text, "\n", 1);
	text_save(&text, out, "current");
	text_clear(&text);
}

/* After the test: what the kernel has to say. */
static void look_at_kernel(struct result *result)
{
	if (!run_is_stuck())
		kernel_unload(result);
	kernel_read_log(result);
	kernel_check_taint(result);
}

/* And what to keep. */
static void finish(struct result *result)
{
	char folder[512];

	printf("# %s: %d passed, %d failed, %d skipped, %.1f s\n", result->name,
	       result->passed, result->failed, result->skipped, result->seconds);
	fflush(stdout);
	if (result->failed) {
		snprintf(folder, sizeof(folder), "%s/%s", out, result->name);
		text_save(&result->output, folder, "output");
		text_save(&result->dmesg, folder, "dmesg");
	}
	text_clear(&result->output);
	text_clear(&result->dmesg);
}

static void try_test(struct result *result, const char *program, int seconds)
{
	char folder[512];

	kernel_load(result);
	if (!result->failed)
		child_run(result, program, seconds);
	kernel_read_log(result);
	if (run_is_over(result))
		return;
	if (result->failed) {
		/* Before the module goes, and the events with it. */
		snprintf(folder, sizeof(folder), "%s/%s", out, result->name);
		mkdir(folder, 0777);
		kernel_save_trace(folder);
	}
	look_at_kernel(result);
	kernel_save_coverage(result, out);
}

/* What try_test() has kept. */
static void drop_trace(const struct result *result)
{
	char folder[512], trace[520];

	snprintf(folder, sizeof(folder), "%s/%s", out, result->name);
	snprintf(trace, sizeof(trace), "%s/trace", folder);
	unlink(trace);
	rmdir(folder);
}

/* For how many seconds the host did not run this machine while its clocks went on; vm.sh says so. */
static int stood_still(void)
{
	FILE *file = fopen(STOOD_STILL, "r");
	int seconds = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &seconds) != 1)
		seconds = 0;
	fclose(file);
	return seconds;
}

/*
 * Rows failed or the test was late, nothing else, and it stood still meanwhile: what a row says of time it cannot know.
 * Who runs the machine may notice it a moment later.
 */
static bool is_void(const struct result *result, int before)
{
	if (!result->failed || result->failed != result->cases_failed + result->late || run_is_stuck())
		return false;
	sleep(2);
	return stood_still() > before;
}

static void run_test(struct result *result, char *what)
{
	char *program = strchr(what, ':'), *seconds = strrchr(what, ':');
	int before;

	if (!program || program == seconds) {
		fprintf(stderr, "# run: %s is not NAME:PROGRAM:SECONDS\n", what);
		exit(2);
	}
	*program++ = 0;
	*seconds++ = 0;
	result->name = what;
	printf("# %s\n", what);
	set_current(what);
	before = stood_still();
	try_test(result, program, atoi(seconds));
	if (run_is_over(result))
		return;
	if (is_void(result, before)) {
		printf("# %s: void, the machine stood still for %d s meanwhile; again\n", what, stood_still() - before);
		text_clear(&result->output);
		text_clear(&result->dmesg);
		drop_trace(result);
		*result = (struct result){ .name = what };
		try_test(result, program, atoi(seconds));
	}
	finish(result);
}

static int slower(const void *a, const void *b)
{
	double x = ((const struct result *)a)->seconds, y = ((const struct result *)b)->seconds;

	return x < y ? 1 : x > y ? -1 : 0;
}

static void run_end(struct result *last)
{
	double started = run_now();

	last->name = "end";
	set_current("end");
	kernel_check_leaks(last);
	kernel_check_lockdep(last);
	last->seconds = run_now() - started;
	look_at_kernel(last);
	finish(last);
}

int main(int argc, char **argv)
{
	int i, n, failed = 0, ran;
	struct result *results;

	if (argc > 1 && !strcmp(argv[1], "-f")) {
		first_ends = true;
		argv++;
		argc--;
	}
	n = argc - 2;
	if (n < 1) {
		fprintf(stderr, "Usage: run [-f] FOLDER NAME:PROGRAM:SECONDS...\n");
		return 2;
	}
	out = argv[1];
	if (kernel_taint()) {
		printf("# run: the kernel is tainted before the first test: %#lx\n", kernel_taint());
		set_current("done");
		return TAINTED;
	}
	results = calloc(n + 1, sizeof(*results));
	kernel_start();
	for (ran = 0; ran < n && !run_is_stuck(); ran++)
		if (run_test(&results[ran], argv[ran + 2]), run_is_over(&results[ran]))
			return 1;
	for (i = ran; i < n; i++)
		printf("not ok - %.*s: not run\n", (int)strcspn(argv[i + 2], ":"), argv[i + 2]);
	failed += n - ran;
	if (!run_is_stuck())
		run_end(&results[ran++]);
	for (i = 0; i < ran; i++)
		failed += results[i].failed;
	qsort(results, ran, sizeof(*results), slower);
	for (i = 0; i < ran && i < 5; i++)
		printf("# slowest: %s, %.1f s\n", results[i].name, results[i].seconds);
	fflush(stdout);
	set_current("done");
	return failed != 0;
}
