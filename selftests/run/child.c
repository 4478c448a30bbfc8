// SPDX-License-Identifier: GPL-2.0
/*
 * One test program: started in a cgroup of its own, its output shown as it
 * comes and read as TAP, ended when its time is over, with all that it started.
 */
#include <termios.h>

#include "run.h"
#include "test.h"

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

/*
 * This asks the host, which may be busy. Meanwhile a counted clock goes from timer to timer. Returns for how many
 * milliseconds it did: they are not the program's.
 */
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
		result_fail(result, "ended by signal %d (%s)", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
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

void child_run(struct result *result, const char *program, int seconds)
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
