// SPDX-License-Identifier: GPL-2.0
/*
 * Before main() of each test: is all there that it needs? If not, it says what is missing, and is skipped as kselftest
 * has it, by exit status 4.
 *
 * A test finds the project's programs and modules whatever folder it is started in: that of the project, or the one
 * that `make install` has made. What it starts, perhaps as another user, does not ask again.
 *
 * After it: a test that loads the module again leaves it as it was, for those that follow.
 */
#include "test.h"

extern const bool needs_scripts __attribute__((weak));
extern const char * const needs_module __attribute__((weak));
extern const char * const needs_second __attribute__((weak));
extern const char * const needs_wrapper __attribute__((weak));
extern const char * const __start_needs_programs[] __attribute__((weak));
extern const char * const __stop_needs_programs[] __attribute__((weak));

static pid_t test;		/* the process that asked, if it may load the module again */
static char found[256];		/* the module's parameters then */

static const char *const places[][3] = {
	{ "XTCP_KO", "xtcp.ko", "build/stock/xtcp.ko" },
	{ "XTCP_B_KO", "xtcp_b.ko", "build/xtcp_b-stock/xtcp_b.ko" },
	{ "XTCP_WRAPPER_KO", "xtcp_wrapper.ko", "build/stock/selftests/modules/xtcp_wrapper.ko" },
};

static __attribute__((noreturn)) void skip(const char *what, const char *why)
{
	printf("TAP version 13\n1..0 # SKIP %s%s\n", what, why);
	fflush(stdout);
	_exit(KSFT_SKIP);
}

static bool is_home(const char *path)
{
	char scripts[PATH_MAX + 32];

	snprintf(scripts, sizeof(scripts), "%s/scripts/tools/xtcp_run", path);
	return !access(scripts, X_OK);
}

/* To the folder that has scripts/: this one, that of the program, or the one above build/selftests/. */
static void go_home(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (is_home(".") || len < 0)
		return;
	path[len] = 0;
	for (int up = 0; up < 3; up++) {
		slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = 0;
		if (up != 1 && is_home(path) && !chdir(path))
			return;
	}
}

/* The variable names a file, by its whole path. */
static void find_file(const char *variable, const char *kit, const char *built)
{
	char path[PATH_MAX];

	if (getenv(variable))
		return;
	if (realpath(kit, path) || realpath(built, path))
		setenv(variable, path, 1);
}

static void need_file(const char *variable)
{
	if (!getenv(variable) || access(getenv(variable), R_OK))
		skip(variable, " does not name a module that can be read");
}

static bool is_in_path(const char *name, int len)
{
	const char *at = getenv("PATH");
	char path[PATH_MAX];
	int folder;

	for (; at && *at; at += folder + !!at[folder]) {
		folder = strcspn(at, ":");
		snprintf(path, sizeof(path), "%.*s/%.*s", folder, at, len, name);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* Of several words. */
static void need_programs(const char *names)
{
	char name[32];
	int len;

	for (; *names; names += len + !!names[len]) {
		len = strcspn(names, " ");
		snprintf(name, sizeof(name), "%.*s", len, names);
		if (!is_in_path(names, len))
			skip(name, " is not in PATH");
	}
}

/* As for insmod. */
static void read_parameters(char *text, size_t len)
{
	static const char *const names[] = { "blackbox_mem", "chains", "family", "guest_timewait", "half_open" };
	char path[64];
	int at = 0, value;
	FILE *file;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/sys/module/xtcp/parameters/%s", names[i]);
		file = fopen(path, "re");
		if (file && fscanf(file, "%d", &value) == 1)
			at += snprintf(text + at, len - at, "%s=%d ", names[i], value);
		if (file)
			fclose(file);
	}
	text[at] = 0;
}

__attribute__((constructor)) static void needs(void)
{
	const char * const *programs;

	if (getenv("XTCP_SELFTEST"))
		return;
	setenv("XTCP_SELFTEST", "1", 1);
	if (geteuid())
		skip("not root", "");
	if (access("/sys/module/xtcp", F_OK))
		skip("xtcp is not loaded", "");
	go_home();
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		find_file(places[i][0], places[i][1], places[i][2]);
	if (!access("/proc/lockdep_stats", F_OK))
		setenv("XTCP_DEBUG", "1", 1);
	if (&needs_scripts && !is_home("."))
		skip("no scripts/ here, nor where the test is", "");
	if (&needs_scripts)
		need_programs("bash python3");
	for (programs = __start_needs_programs; programs < __stop_needs_programs; programs++)
		need_programs(*programs);
	if (&needs_module) {
		need_file(needs_module);
		read_parameters(found, sizeof(found));
		test = getpid();
	}
	if (&needs_second)
		need_file(needs_second);
	if (&needs_wrapper)
		need_file(needs_wrapper);
}

/* Waits for nothing: what still has the module in use is the test's mistake, and others see it. */
static void load_again(void)
{
	int fd = open(getenv(needs_module), O_RDONLY | O_CLOEXEC);

	syscall(SYS_delete_module, "xtcp", O_NONBLOCK);
	if (fd >= 0 && syscall(SYS_finit_module, fd, found, 0) && errno != EEXIST)
		perror("# needs: loading xtcp");
	if (fd >= 0)
		close(fd);
}

/* The next test finds the module loaded and its parameters as they were, even if this one has ended early. */
__attribute__((destructor)) static void leave_as_found(void)
{
	char parameters[sizeof(found)];

	if (getpid() != test || !&needs_module)
		return;
	read_parameters(parameters, sizeof(parameters));
	if (access("/sys/module/xtcp", F_OK) || strcmp(parameters, found))
		load_again();
}
