// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module while memory runs out, on a kernel that has fault injection: all allocations fail from one of them
 * on, each time a little later, until there is memory enough. Loading says that it has none, and leaves nothing behind:
 * no family, no file in /proc, no slab, and kernel TCP as before. In a short run the steps are four times as long.
 */
#include "test.h"

NEEDS_MODULE;

#define LEAKS		"/sys/kernel/debug/kmemleak"
#define LEAK_MS		5500	/* younger objects are not looked at */

/* A table of connections that is small enough for a slab. */
#define CHAINS		"chains=16"
#define STEP		256	/* octets */
#define MOST		1000000
#define LEAST		20	/* refusals */

static const char * const traces[] = {
	"/proc/net/xtcp", "/proc/net/xtcp6", "/proc/net/xtcp_snmp", "/proc/net/xtcp_netstat", "/proc/sys/net/xtcp",
	"/sys/module/xtcp", "/sys/kernel/slab/XTCP", "/sys/kernel/slab/XTCPv6", "/sys/kernel/slab/xtcp_stream",
	"/sys/kernel/slab/xtcp_request", "/sys/kernel/slab/xtcp_timewait", "/sys/kernel/slab/xtcp_lease",
};

static bool works(enum stack stack)
{
	int client = -1, server = -1;
	bool ok;

	stack_pair_or_die(ns_home(), stack, ns_home(), stack, "127.0.0.1", 0, &client, &server);
	ok = stack_carries(client, server, 1000);
	close_each(client, server);
	return ok;
}

static bool left_nothing(long space)
{
	int fd = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 || errno != EAFNOSUPPORT) {
		ksft_print_msg("there were %ld octets: the family is there\n", space);
		return false;
	}
	for (unsigned int i = 0; i < sizeof(traces) / sizeof(*traces); i++) {
		if (!access(traces[i], F_OK)) {
			ksft_print_msg("there were %ld octets: %s is there\n", space, traces[i]);
			return false;
		}
	}
	return true;
}

/* Loads the module when there are @space octets: 0 or an errno. */
static int load_with(long space, const char *parameters)
{
	int error;

	failing_all(space);
	error = module_load(parameters) ? errno : 0;
	failing_all(-1);
	return error;
}

/*
 * What the kernel itself allocates before it asks the module, which refuses this parameter. The search goes down from
 * what a whole refusal takes, and ends among the allocations for /sys/module. Before these the kernel makes the
 * module's trace events: event_define_fields() of kernel/trace/trace_events.c warns if one of their fields gets no
 * memory.
 */
static long of_the_loader(void)
{
	long space;

	if (load_with(MOST, "family=9999") != EINVAL)
		return -1;
	space = MOST - failing_space();
	while (space > 0 && load_with(space, "family=9999") == EINVAL)
		space -= STEP;
	return space;
}

static bool tell_kmemleak(const char *what)
{
	int fd = open(LEAKS, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, what, strlen(what)) == (ssize_t)strlen(what);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* kmem_cache_create() loses the name of a slab that /sys refuses (mm/slub.c). kmemleak forgets just these names. */
static bool only_names_are_lost(void)
{
	char line[256], head[256] = "", comm[256] = "";
	int objects = 0, names = 0;
	FILE *file;

	if (access(LEAKS, F_OK))
		return true;
	if (!tell_kmemleak("scan"))
		return false;
	wait_until_ms(wait_now_ms() + LEAK_MS);
	file = tell_kmemleak("scan") ? fopen(LEAKS, "re") : NULL;
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "unreferenced object", strlen("unreferenced object"))) {
			objects++;
			strcpy(head, line);
		} else if (strstr(line, "  comm ")) {
			strcpy(comm, line);
		} else if (!strncmp(line, "    ", 4) && *head) {
			/* "xtcp", "XTCP" */
			if (strstr(comm, "\"loadfaults\"") &&
			    (!strncmp(line, "    78 74 63 70 ", 16) || !strncmp(line, "    58 54 43 50 ", 16)))
				names++;
			else
				ksft_print_msg("%s# %s# %s", head, comm, line);
			*head = 0;
		}
	}
	fclose(file);
	ksft_print_msg("%d objects are lost, %d of them names of slabs\n", objects, names);
	return objects == names && tell_kmemleak("clear");
}

int main(void)
{
	long space, first, step = short_run() ? 4 * STEP : STEP;
	int error, refusals = 0;
	bool ok;

	ksft_print_header();
	if (!failing_begin()) {
		printf("1..1\nok 1 loadfaults # SKIP the kernel cannot inject faults\n");
		return KSFT_PASS;
	}
	ksft_set_plan(4);
	ok = !module_unload();
	first = of_the_loader();
	ok = ok && first > 0;
	for (space = first, error = ENOMEM; ok && error && space < MOST; space += step) {
		error = load_with(space, CHAINS);
		refusals += !!error;
		if (!error)
			break;
		ok = (error == ENOMEM || error == ENOBUFS) && left_nothing(space);
		if (!ok)
			ksft_print_msg("there were %ld octets: %s\n", space, strerror(error));
	}
	ksft_print_msg("the kernel needs %ld octets, the module %ld; %d refusals\n", first, space - first, refusals);
	ksft_test_result(ok && !error && refusals >= LEAST, "no_memory_for_loading\n");
	ksft_test_result(works(KERNEL), "kernel_tcp_afterwards\n");
	ok = !error && works(XTCP) && !module_unload() && !module_load("") && works(XTCP);
	ksft_test_result(ok, "xtcp_afterwards\n");
	ksft_test_result(only_names_are_lost(), "no_leak\n");
	ksft_finished();
}
