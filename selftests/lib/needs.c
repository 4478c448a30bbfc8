// SPDX-License-Identifier: GPL-2.0
/*
 * Before main() of each test: is all there that it needs? If not, it says what is missing, and is skipped as kselftest
 * has it, by exit status 4.
 *
 * A test finds the project's programs and modules whatever folder it is started in: that of the project, or the one
 * that `make install` has made. What it starts, perhaps as another user, does not ask again.
 */
#include "needs.h"

#include <kselftest.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const bool needs_scripts __attribute__((weak));
extern const char * const needs_module __attribute__((weak));
extern const char * const needs_second __attribute__((weak));
extern const char * const needs_wrapper __attribute__((weak));

static const char *const places[][3] = {
	{ "XTCP_KO", "xtcp.ko", "build/stock/xtcp.ko" },
	{ "XTCP_B_KO", "xtcp_b.ko", "build/xtcp_b-stock/xtcp_b.ko" },
	{ "XTCP_WRAPPER_KO", "xtcp_wrapper.ko", "build/stock/selftests/modules/xtcp_wrapper.ko" },
};

static void skip(const char *what, const char *why)
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
	int up;

	if (is_home(".") || len < 0)
		return;
	path[len] = 0;
	for (up = 0; up < 3; up++) {
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

__attribute__((constructor)) static void needs(void)
{
	unsigned int i;

	if (getenv("XTCP_SELFTEST"))
		return;
	setenv("XTCP_SELFTEST", "1", 1);
	if (geteuid())
		skip("not root", "");
	if (access("/sys/module/xtcp", F_OK))
		skip("xtcp is not loaded", "");
	go_home();
	for (i = 0; i < ARRAY_SIZE(places); i++)
		find_file(places[i][0], places[i][1], places[i][2]);
	if (!access("/proc/lockdep_stats", F_OK))
		setenv("XTCP_DEBUG", "1", 1);
	if (&needs_scripts && !is_home("."))
		skip("no scripts/ here, nor where the test is", "");
	if (&needs_module)
		need_file(needs_module);
	if (&needs_second)
		need_file(needs_second);
	if (&needs_wrapper)
		need_file(needs_wrapper);
}
