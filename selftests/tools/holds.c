// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program, and says what each of its processes holds that goes into a user namespace, at the moment when it is
 * there: "holds net socket". A folder of /proc would be "holds proc". Needs root, since it traces all of them.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/ptrace.h>

#define MOST	64

/* What a descriptor is: "socket" of socket:[12], "status" of /proc/34/status. */
static char *kind_of(const char *folder, const char *number)
{
	char path[400], to[300] = "";

	snprintf(path, sizeof(path), "%s/%s", folder, number);
	if (readlink(path, to, sizeof(to) - 1) <= 0)
		return NULL;
	if (*to == '/')
		return strdup(strrchr(to, '/') + 1);
	to[strcspn(to, ":")] = 0;
	return strdup(to);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char **)a, *(char **)b);
}

static void list(pid_t pid)
{
	char folder[40], *kind[MOST];
	struct dirent *entry;
	int n = 0, i;
	DIR *all;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
	all = opendir(folder);
	while (all && n < MOST && (entry = readdir(all))) {
		kind[n] = kind_of(folder, entry->d_name);
		n += !!kind[n];
	}
	if (all)
		closedir(all);
	qsort(kind, n, sizeof(*kind), by_name);
	printf("holds");
	for (i = 0; i < n; i++)
		printf(" %s", kind[i]);
	puts("");
	fflush(stdout);
	while (n--)
		free(kind[n]);
}

/* Before and after each call. */
static void look_at_call(pid_t pid)
{
	static pid_t entering;
	struct ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call) <= 0)
		return;
	if (call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_setns && call.entry.args[1] == CLONE_NEWUSER) {
		entering = pid;
	} else if (call.op == PTRACE_SYSCALL_INFO_EXIT && pid == entering) {
		entering = 0;
		if (!call.exit.is_error)
			list(pid);
	}
}

/* Return: the signal that @pid gets. */
static int stopped(pid_t pid, int status)
{
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		look_at_call(pid);
		return 0;
	}
	/* an event, or a child that is traced from here on */
	return status >> 16 || signal == SIGSTOP ? 0 : signal;
}

static int trace(pid_t program)
{
	int status, signal;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status)) {
			signal = stopped(pid, status);
			ptrace(PTRACE_SYSCALL, pid, NULL, (long)signal);
		} else if (pid == program) {
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEEXEC;
	pid_t program = argc > 1 ? fork() : -1;
	int status;

	if (!program) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (program < 0 || waitpid(program, &status, 0) != program ||
	    ptrace(PTRACE_SETOPTIONS, program, NULL, options) || ptrace(PTRACE_SYSCALL, program, NULL, NULL))
		return 2;
	return trace(program);
}
