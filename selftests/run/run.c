// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the tests in the virtual machine: each with the module freshly loaded, under a watchdog, and looks at the kernel
 * after it. Prints their TAP and a "not ok" line of its own for what they could not see themselves; what is known of a
 * test that failed goes to a folder of its name.
 *
 * run [-f] FOLDER NAME:PROGRAM:SECONDS...
 *
 * With -f the first failure ends the run, without a look at the kernel. FOLDER/current names the test that runs, for
 * the case that the kernel ends first; it says "done" when all were run. The exit status is 0 if none failed, 75 if
 * none was run because the kernel was tainted before the module was loaded.
 */
#include <termios.h>
#include "test.h"

#define TAINTED 75	/* EX_TEMPFAIL of sysexits.h */
#define ALIVE "/run/vm/alive"
#define STOOD_STILL "/run/vm/stood_still"
/* Where child_run() puts the program and all that it starts. */
#define CHILD_CGROUP "/sys/fs/cgroup/test"

struct text {
	char *at;
	size_t len;
	size_t room;
};

struct result {
	const char *name;
	int passed;
	int cases_failed;	/* those that the test said itself */
	int failed;		/* and what was found beside them */
	int skipped;
	int known;		/* cases that failed, but fail here anyway */
	int planned;		/* -1: no plan was seen */
	bool late;		/* it did not end in time: one of @failed */
	double seconds;
	struct text output;
	struct text dmesg;
};

static const char *out;
static bool stuck;
static bool first_ends;

static bool run_is_debug(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

/* The debug kernel that looks for data races; it has no kmemleak. */
static bool run_is_kcsan(void)
{
	return !access("/sys/kernel/debug/kcsan", F_OK);
}

static double run_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Something cannot be ended: the machine is of no more use, no other test is run. */
static void run_set_stuck(void)
{
	stuck = true;
}

static bool run_is_stuck(void)
{
	return stuck;
}

/* The first failure ends the run. */
static bool run_is_over(const struct result *result)
{
	return first_ends && (result->failed || result->cases_failed);
}

/* Tells scripts/vm/vm.sh that this machine is alive; vm.sh ends one that is silent. Call it every second. */
static void run_alive(void)
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
static void text_add(struct text *text, const char *from, size_t len)
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

static void text_clear(struct text *text)
{
	free(text->at);
	*text = (struct text){};
}

/* Writes it to a file of the folder, made if it is not there. */
static void text_save(const struct text *text, const char *folder, const char *name)
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

/* Prints a "not ok" line that is the runner's own, and counts it. */
__attribute__((format(printf, 2, 3)))
static void result_fail(struct result *result, const char *format, ...)
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

/* ---- the kernel's side of a test: its log, taint, lockdep, leaks, trace, and the module */

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

static void kernel_start(void)
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

static int kernel_log_fd(void)
{
	return log_fd;
}

/* Of KCSAN's data races those count that have a function of the module in the line of the two accesses. */
static bool is_bad(const char *line)
{
	if (strstr(line, "BUG: KCSAN: "))
		return strstr(line, " [xtcp");
	for (unsigned int i = 0; bad_words[i]; i++)
		if (strstr(line, bad_words[i]))
			return true;
	return false;
}

/* Takes the new records of the log; the first bad one fails the test. */
static void kernel_read_log(struct result *result)
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

/* What taints the kernel beyond an out-of-tree, unsigned module. */
static long kernel_taint(void)
{
	return read_number("/proc/sys/kernel/tainted") & ~TAINT_MEANT;
}

static void kernel_check_taint(struct result *result)
{
	static long before;
	long taint = kernel_taint();

	if (taint & ~before)
		result_fail(result, "the kernel is tainted: %#lx", taint);
	before |= taint;
}

/* lockdep says nothing after its first report, so its silence must be looked at. */
static void kernel_check_lockdep(struct result *result)
{
	struct text stats = read_file("/proc/lockdep_stats");
	char *line = stats.len ? strstr(stats.at, "debug_locks:") : NULL;

	if (run_is_debug() && (!line || atoi(line + strlen("debug_locks:")) != 1))
		result_fail(result, "lockdep is off");
	text_clear(&stats);
}

static void kernel_load(struct result *result)
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

	snprintf(head, sizeof(head), "# thread %d: ", tid);
	text_add(&result->output, head, strlen(head));
	for (unsigned int i = 0; i < 2; i++) {
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

static void kernel_unload(struct result *result)
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

/* Only names of slabs that the kernel loses without memory? loadfaults makes kmemleak forget most of them. */
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
static void kernel_check_leaks(struct result *result)
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

static void kernel_save_trace(const char *folder)
{
	struct text trace = read_file(TRACE "trace");

	text_save(&trace, folder, "trace");
	text_clear(&trace);
}

/* Writes what a counting module has counted since the last time to NAME.coverage of the folder. */
static void kernel_save_coverage(const struct result *result, const char *folder)
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

/* Where everybody is: the CPUs and blocked tasks to the log, the test's threads to its output. */
static void kernel_show_tasks(struct result *result)
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

/*
 * ---- one test program: started in a cgroup of its own, its output shown as it comes and read as TAP, ended when its
 * time is over, with all that it started
 */

#define SKIPPED 4		/* kselftest's exit status */

/* Does this row fail here anyway? RUN_KNOWN names a file with the lines of such rows, from behind the number on. */
static bool is_known(const char *line)
{
	const char *path = getenv("RUN_KNOWN");
	char name[512], known[512];
	bool found = false;
	FILE *file;

	if (!path || sscanf(line, "not ok %*d %511[^\n]", name) != 1)
		return false;
	file = fopen(path, "re");
	while (file && !found && fgets(known, sizeof(known), file)) {
		known[strcspn(known, "\n")] = 0;
		found = !strcmp(name, known);
	}
	if (file)
		fclose(file);
	return found;
}

/* A test line: "ok 1 name", "not ok 2 name", "1..3"; "# SKIP" after a name. */
static void read_tap(struct result *result, const char *line)
{
	bool skip = strcasestr(line, "# skip");

	if (!strncmp(line, "not ok", 6) && (line[6] == ' ' || line[6] == '\n'))
		*(is_known(line) ? &result->known : &result->cases_failed) += 1;
	else if (!strncmp(line, "ok ", 3))
		*(skip ? &result->skipped : &result->passed) += 1;
	else if (!strncmp(line, "1..", 3))
		result->planned = atoi(line + 3);
}

/* Shows what came, and hands on whole lines; what is left stays in @line. */
static bool take_output(struct result *result, int fd, struct text *line)
{
	char part[4096], *at, *end;
	ssize_t len = read(fd, part, sizeof(part));

	if (len <= 0)
		return len < 0 && errno == EAGAIN;
	text_add(&result->output, part, len);
	for (at = part; at < part + len; at = end) {
		end = memchr(at, '\n', part + len - at);
		end = end ? end + 1 : part + len;
		text_add(line, at, end - at);
		if (end[-1] == '\n') {
			fwrite(line->at, 1, line->len, stdout);
			read_tap(result, line->at);
			text_clear(line);
		}
	}
	fflush(stdout);
	return true;
}

static int write_cgroup(const char *file, const char *what)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), CHILD_CGROUP "/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ret = fd < 0 || write(fd, what, strlen(what)) < 0;
	if (fd >= 0)
		close(fd);
	return ret;
}

/* The cgroup is empty when it can be removed. */
static void end_cgroup(struct result *result)
{
	write_cgroup("cgroup.kill", "1");
	if (WAIT_FOR(!rmdir(CHILD_CGROUP) || errno == ENOENT, 20000))
		return;
	run_set_stuck();
	kernel_show_tasks(result);
	result_fail(result, "cannot be killed");
}

/*
 * A terminal, since programs write lines to one and blocks to a pipe: our end
 * and theirs. While we hold both, ours never reads as hung up.
 */
static int open_terminal(int ends[2])
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct termios mode;
	char name[64];

	if (fd < 0 || grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, sizeof(name)))
		return -1;
	ends[0] = fd;
	ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[1] < 0)
		return -1;
	tcgetattr(ends[1], &mode);
	cfmakeraw(&mode);
	return tcsetattr(ends[1], TCSANOW, &mode);
}

static pid_t start(const char *program, int output)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	setsid();
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(output, 1);
	dup2(output, 2);
	if (write_cgroup("cgroup.procs", "0"))
		_exit(126);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	execl(program, program, NULL);
	fprintf(stderr, "# run: %s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Asks the host, which may be busy while a counted clock goes on: the ms that are not the program's. */
static long long tell_alive(void)
{
	const long long before = wait_now_ms();

	run_alive();
	return wait_now_ms() - before;
}

/* Reads until the program is gone: true, or until the deadline: false. */
static bool watch(struct result *result, pid_t pid, int fd, int *status, long long deadline)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
				 { .fd = kernel_log_fd(), .events = POLLIN } };
	struct text line = {};
	bool open = true, gone = false;

	while (!gone && wait_now_ms() < deadline && !run_is_over(result)) {
		fds[0].fd = open ? fd : -1;
		poll(fds, 2, 20);
		deadline += tell_alive();
		if (fds[1].revents)
			kernel_read_log(result);
		gone = waitpid(pid, status, WNOHANG) == pid;
		if (open && fds[0].revents)
			open = take_output(result, fd, &line);
	}
	/* What is in the terminal now is all there is to be. */
	while (open && poll(fds, 1, 0) > 0)
		open = take_output(result, fd, &line);
	if (line.len) {
		text_add(&line, "\n", 1);
		fwrite(line.at, 1, line.len, stdout);
		read_tap(result, line.at);
	}
	text_clear(&line);
	return gone;
}

/* What the cases do not say themselves. */
static void judge(struct result *result, int status)
{
	int ran = result->passed + result->cases_failed + result->skipped + result->known;
	int code = WEXITSTATUS(status);

	if (WIFSIGNALED(status)) {
		result_fail(result, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (code == SKIPPED && !ran) {
		printf("ok - %s # SKIP\n", result->name);
		result->skipped++;
	} else if (code && code != SKIPPED && !result->cases_failed && !result->known) {
		result_fail(result, "exit status %d", code);
	} else if (!ran) {
		result_fail(result, "no test case was run");
	} else if (result->planned >= 0 && ran != result->planned) {
		result_fail(result, "%d cases were planned, %d run", result->planned, ran);
	} else if (!code && result->cases_failed) {
		result_fail(result, "exit status 0 after a failure");
	}
}

/* Runs the program until it ends or its time is over. */
static void child_run(struct result *result, const char *program, int seconds)
{
	double started = run_now();
	int status = 0, fds[2];
	bool ended;
	pid_t pid;

	result->planned = -1;
	mkdir(CHILD_CGROUP, 0700);
	if (open_terminal(fds)) {
		result_fail(result, "no terminal: %s", strerror(errno));
		return;
	}
	pid = start(program, fds[1]);
	if (pid < 0) {
		result_fail(result, "cannot start: %s", strerror(errno));
		return;
	}
	ended = watch(result, pid, fds[0], &status, wait_now_ms() + seconds * 1000LL);
	if (run_is_over(result))
		return;
	if (ended) {
		end_cgroup(result);
		judge(result, status);
	} else {
		kernel_show_tasks(result);
		result->late = true;
		result_fail(result, "did not end within %d seconds", seconds);
		end_cgroup(result);
		if (!run_is_stuck())
			waitpid(pid, &status, 0);
	}
	close(fds[0]);
	close(fds[1]);
	result->failed += result->cases_failed;
	result->seconds = run_now() - started;
}

/* ---- the tests, one after the other */

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

/* Rows failed or were late, and it stood still meanwhile, which may be noticed a moment later. */
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
