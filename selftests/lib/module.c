// SPDX-License-Identifier: GPL-2.0
#include "module.h"
#include "test.h"

#define LEFT_MS	10000

/* The file that @variable of the environment names. */
static int load(const char *variable, const char *parameters)
{
	const char *path = getenv(variable);
	int fd, ret, error;

	if (!path) {
		fprintf(stderr, "# module: %s does not name the module\n", variable);
		errno = ENOENT;
		return -1;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error = errno;
		fprintf(stderr, "# module: cannot open %s\n", path);
		errno = error;
		return -1;
	}
	ret = syscall(SYS_finit_module, fd, parameters, 0);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

int module_load(const char *parameters)
{
	return load("XTCP_KO", parameters);
}

/* A number that a file below /sys/module says; -1: there is none. */
static int number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	int number = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

int module_held(void)
{
	FILE *file = fopen("/sys/module/xtcp/parameters/held_by", "re");
	char row[256], more[8];
	int held = 0, n;

	if (!file)
		return -1;
	while (fgets(row, sizeof(row), file))
		held += sscanf(row, "%d %4s", &n, more) == 2 && !strcmp(more, "more") ? n : 1;
	fclose(file);
	return held;
}

int module_unload_now(void)
{
	return syscall(SYS_delete_module, "xtcp", O_NONBLOCK);
}

int module_ending(const char *name, int seconds)
{
	char path[64];
	int fd, good;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/unloading", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && dprintf(fd, "%d", seconds) > 0;
	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

static int references_of(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	return number_in(path);
}

static int unload(const char *name)
{
	int ret, error;

	module_ending(name, 2 * LEFT_MS / 1000);
	WAIT_FOR(references_of(name) <= 0, LEFT_MS);
	ret = syscall(SYS_delete_module, name, O_NONBLOCK);
	error = errno;
	if (ret)
		module_ending(name, 0);
	errno = error;
	return ret;
}

int module_unload(void)
{
	return unload("xtcp");
}

int module_unload_apart(pid_t *pid)
{
	int status;

	fflush(NULL);
	*pid = fork();
	if (!*pid)
		_exit(module_unload_now() ? errno : 0);
	if (!WAIT_FOR(waitpid(*pid, &status, WNOHANG) == *pid, STACK_DEADLINE_MS / 2))
		return -1;
	*pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int module_wrapper_load(const char *parameters)
{
	return load("XTCP_WRAPPER_KO", parameters);
}

int module_wrapper_unload(void)
{
	return syscall(SYS_delete_module, "xtcp_wrapper", O_NONBLOCK);
}

int module_coverage_load(void)
{
	return load("XTCP_COVERAGE_KO", "");
}

bool module_says(const char *variable, const char *field, const char *value)
{
	char command[512], said[256] = "";
	FILE *pipe;

	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin modinfo -F %s \"$%s\"", field, variable);
	pipe = popen(command, "re");
	if (!pipe)
		return false;
	if (fread(said, 1, sizeof(said) - 1, pipe))
		said[strcspn(said, "\n")] = 0;
	if (pclose(pipe) || strcmp(said, value)) {
		fprintf(stderr, "# module: modinfo -F %s says '%s', not '%s'\n", field, said, value);
		return false;
	}
	return true;
}

bool module_is_loaded(void)
{
	return module_references() >= 0;
}

int module_references(void)
{
	return references_of("xtcp");
}

int module_second_load(const char *parameters)
{
	return load("XTCP_B_KO", parameters);
}

int module_second_unload(void)
{
	return unload(MODULE_SECOND);
}

bool module_second_is_loaded(void)
{
	return !access("/sys/module/" MODULE_SECOND, F_OK);
}

static const char * const algorithm_names[] = { "xtcp_cong_aimd", "xtcp_cong_aimd_V2" };
static const char * const algorithm_files[] = { "XTCP_AIMD_KO", "XTCP_AIMD_V2_KO" };

static bool algorithm_goes(int nth)
{
	return references_of(algorithm_names[nth]) < 0 || !syscall(SYS_delete_module, algorithm_names[nth], O_NONBLOCK);
}

static int newest = -1;	/* -1: none is loaded */

bool module_algorithm_replace(void)
{
	const int other = !newest;

	if (newest >= 0 && !algorithm_goes(other))
		return false;
	must(!load(algorithm_files[other], "replaces=1"), algorithm_files[other]);
	must_put("/sys/module/xtcp/parameters/renew", "1");
	newest = other;
	return references_of(algorithm_names[!other]) >= 0 && algorithm_goes(!other);
}

int module_algorithm_unload(void)
{
	if (newest >= 0 && !WAIT_FOR(algorithm_goes(0) && algorithm_goes(1), LEFT_MS))
		return -1;
	newest = -1;
	return 0;
}

#define MODPROBE	"/proc/sys/kernel/modprobe"

static char modprobe[256];

static void let_load_again(void)
{
	must_put(MODPROBE, "%s\n", modprobe);
}

void module_let_nothing_load(void)
{
	FILE *file = fopen(MODPROBE, "r");

	must(file && fgets(modprobe, sizeof(modprobe), file), MODPROBE);
	fclose(file);
	modprobe[strcspn(modprobe, "\n")] = 0;
	atexit(let_load_again);
	must_put(MODPROBE, "\n");
}

int module_build_load(enum stack build, const char *parameters)
{
	return build == XTCP ? module_load(parameters) : module_second_load(parameters);
}

int module_build_unload(enum stack build)
{
	return build == XTCP ? module_unload() : module_second_unload();
}

int module_set(enum stack build, const char *parameter, const char *text)
{
	char path[96];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", build == XTCP ? "xtcp" : MODULE_SECOND, parameter);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}
