// SPDX-License-Identifier: GPL-2.0
/* The kernel's side of a test: its log, taint, lockdep, leaks, trace, and the module. */
#include "run.h"
#include "test.h"

#define TRACE "/sys/kernel/tracing/instances/run/"
#define LEAKS "/sys/kernel/debug/kmemleak"
#define COVERAGE "/sys/kernel/debug/xtcp_coverage"

/* Unloading waits for timers and RCU, a few milliseconds each. */
#define UNLOAD_MS 60000

/* Every out-of-tree, unsigned module sets these two. */
#define TAINT_MEANT ((1 << 12) | (1 << 13))

static const char * const bad_words[] = {
	"WARNING:", "BUG:", "BUG ", "KASAN", "UBSAN", "ODEBUG", "lockdep is",
	"possible recursive", "possible circular", "suspicious RCU",
	"INFO: task", "INFO: rcu", "rcu: INFO", "detected stall", "hung task",
	"locking correctness validator", "Oops", "general protection", "unable to handle", "refcount_t:",
	"leaked reference", "Objects remaining",
	"unregister_netdevice: waiting", "Kernel panic", "DEBUG_LOCKS_WARN_ON",
	"scheduling while atomic", "bad: scheduling", "Workqueue lockup", NULL
};

static int log_fd = -1;
static bool log_is_ours;	/* what comes was asked for by kernel_show_tasks() */

static int write_file(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, what, strlen(what)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static struct text read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct text text = {};
	char part[16384];
	ssize_t len;

	while (fd >= 0 && (len = read(fd, part, sizeof(part))) > 0)
		text_add(&text, part, len);
	if (fd >= 0)
		close(fd);
	return text;
}

static long read_number(const char *path)
{
	struct text text = read_file(path);
	long number = text.len ? strtol(text.at, NULL, 0) : -1;

	text_clear(&text);
	return number;
}

void kernel_start(void)
{
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0) {
		perror("# run: /dev/kmsg");
		exit(1);
	}
	lseek(log_fd, 0, SEEK_END);
	mkdir("/sys/kernel/tracing/instances/run", 0700);
	write_file(TRACE "buffer_size_kb", "8192");
	write_file(LEAKS, "clear");
	if (getenv("XTCP_COVERAGE_KO") && module_coverage_load()) {
		perror("# run: xtcp_coverage.ko");
		exit(1);
	}
}

int kernel_log_fd(void)
{
	return log_fd;
}

/*
 * KCSAN tells of the kernel's data races, too, of which many are meant. Those of the module have a function of it in
 * the first line, which names who made the two accesses.
 */
static bool is_bad(const char *line)
{
	unsigned int i;

	if (strstr(line, "BUG: KCSAN: "))
		return strstr(line, " [xtcp");
	for (i = 0; bad_words[i]; i++)
		if (strstr(line, bad_words[i]))
			return true;
	return false;
}

void kernel_read_log(struct result *result)
{
	char record[8192], *line, *end;
	bool told = false;
	ssize_t len;

	/* EPIPE: records were lost, reading goes on behind them. */
	while ((len = read(log_fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = 0;
		line = strchr(record, ';');
		end = strchr(record, '\n');
		if (!line || !end)
			continue;
		line++;
		end[1] = 0;
		text_add(&result->dmesg, line, strlen(line));
		*end = 0;
		if (!log_is_ours && !told && is_bad(line)) {
			result_fail(result, "kernel log: %s", line);
			told = true;
		}
	}
}

long kernel_taint(void)
{
	return read_number("/proc/sys/kernel/tainted") & ~TAINT_MEANT;
}

void kernel_check_taint(struct result *result)
{
	static long before;
	long taint = kernel_taint();

	if (taint & ~before)
		result_fail(result, "the kernel is tainted: %#lx", taint);
	before |= taint;
}

/* lockdep says nothing after its first report, so its silence must be looked at. */
void kernel_check_lockdep(struct result *result)
{
	struct text stats = read_file("/proc/lockdep_stats");
	char *line = stats.len ? strstr(stats.at, "debug_locks:") : NULL;

	if (run_is_debug() && (!line || atoi(line + strlen("debug_locks:")) != 1))
		result_fail(result, "lockdep is off");
	text_clear(&stats);
}

void kernel_load(struct result *result)
{
	if (!module_is_loaded() && module_load(""))
		result_fail(result, "cannot load the module: %s", strerror(errno));
	write_file(TRACE "trace", "");
	write_file(TRACE "events/xtcp/enable", "1");
}

static void show_thread(struct result *result, int tid)
{
	static const char * const files[] = { "comm", "stack" };
	char path[64], head[64];
	struct text text;
	unsigned int i;

	snprintf(head, sizeof(head), "# thread %d: ", tid);
	text_add(&result->output, head, strlen(head));
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", tid, files[i]);
		text = read_file(path);
		if (text.len)
			text_add(&result->output, text.at, text.len);
		text_clear(&text);
	}
}

/* To the kernel's log: where each CPU is, and each task that waits without a signal ending it. */
static void show_blocked(struct result *result)
{
	kernel_read_log(result);
	log_is_ours = true;
	write_file("/proc/sysrq-trigger", "l");
	write_file("/proc/sysrq-trigger", "w");
	kernel_read_log(result);
	log_is_ours = false;
}

/* A process of its own, since one that waits in the kernel for ever cannot be ended. */
static void unload(struct result *result)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(WAIT_FOR(!module_unload() || errno != EAGAIN, UNLOAD_MS / 2) && !module_is_loaded() ? 0 : errno);
	if (pid < 0) {
		result_fail(result, "cannot unload the module: fork: %s", strerror(errno));
	} else if (!WAIT_FOR((run_alive(), waitpid(pid, &status, WNOHANG) == pid), UNLOAD_MS)) {
		run_set_stuck();
		show_thread(result, pid);
		show_blocked(result);
		result_fail(result, "the module does not unload within %d s", UNLOAD_MS / 1000);
	} else if (status) {
		result_fail(result, "cannot unload the module: %s", strerror(WEXITSTATUS(status)));
	}
}

void kernel_unload(struct result *result)
{
	if (!module_is_loaded())
		return;
	unload(result);
}

static void scan_for_leaks(struct result *result)
{
	/* takes a minute on a slow machine */
	run_alive();
	if (write_file(LEAKS, "scan"))
		result_fail(result, "no kmemleak: %s", strerror(errno));
}

/*
 * Is all that kmemleak reports a name of a slab that the kernel loses when it has no memory? loadfaults knows them, and
 * makes kmemleak forget them. But one whose address still stands somewhere in memory then is only found later.
 */
static bool only_names_are_lost(const char *leaks)
{
	const char *object, *next, *end, *octets;
	static const char * const names[] = { "78 74 63 70 ", "58 54 43 50 " };	/* "xtcp", "XTCP" */

	for (object = strstr(leaks, "unreferenced object"); object; object = next) {
		next = strstr(object + 1, "unreferenced object");
		end = next ?: object + strlen(object);
		octets = strstr(object, "hex dump");
		octets = octets ? strchr(octets, '\n') : NULL;
		if (!octets || octets >= end)
			return false;
		octets += strspn(octets, "\n ");
		if (strncmp(octets, names[0], strlen(names[0])) && strncmp(octets, names[1], strlen(names[1])))
			return false;
		octets = strstr(object, "comm \"loadfaults\"");
		if (!octets || octets >= end)
			return false;
	}
	return true;
}

/*
 * kmemleak reports what two scans found unreferenced and unchanged, and leaves out objects younger than five seconds.
 * The module is not there, so that what it left behind is found, too. Where there is something to read it comes once
 * more: its functions have names then.
 */
void kernel_check_leaks(struct result *result)
{
	struct text leaks;

	if (!run_is_debug() || run_is_kcsan())
		return;
	kernel_unload(result);
	scan_for_leaks(result);
	wait_until_ms(wait_now_ms() + 5500);
	scan_for_leaks(result);
	leaks = read_file(LEAKS);
	if (leaks.len && only_names_are_lost(leaks.at)) {
		write_file(LEAKS, "clear");
	} else if (leaks.len) {
		text_clear(&leaks);
		kernel_load(result);
		leaks = read_file(LEAKS);
		result_fail(result, "kmemleak found leaks");
		text_add(&result->output, leaks.at, leaks.len);
		fwrite(leaks.at, 1, leaks.len, stdout);
		write_file(LEAKS, "clear");
	}
	text_clear(&leaks);
}

void kernel_save_trace(const char *folder)
{
	struct text trace = read_file(TRACE "trace");

	text_save(&trace, folder, "trace");
	text_clear(&trace);
}

void kernel_save_coverage(const struct result *result, const char *folder)
{
	struct text counted = read_file(COVERAGE);
	char name[128];

	if (counted.len) {
		snprintf(name, sizeof(name), "%s.coverage", result->name);
		text_save(&counted, folder, name);
		write_file(COVERAGE, "clear");
	}
	text_clear(&counted);
}

void kernel_show_tasks(struct result *result)
{
	struct text threads = read_file(CHILD_CGROUP "/cgroup.threads");
	size_t before = result->output.len;
	char *tid, *at;

	for (tid = strtok_r(threads.at ?: "", "\n", &at); tid; tid = strtok_r(NULL, "\n", &at))
		show_thread(result, atoi(tid));
	fwrite(result->output.at + before, 1, result->output.len - before, stdout);
	text_clear(&threads);
	show_blocked(result);
}
