// SPDX-License-Identifier: GPL-2.0
#include "kernel.h"
#include <sys/utsname.h>
#include "test.h"

static int log_fd = -1;

void klog_forget(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	must(log_fd >= 0, "no kernel log");
	lseek(log_fd, 0, SEEK_END);
}

/* The next record. Return: false at the end. */
static bool next_record(char *record, size_t size)
{
	ssize_t len;

	/* EPIPE: the ring has overtaken the reader, who goes on with the oldest record */
	do
		len = read(log_fd, record, size - 1);
	while (len <= 0 && errno == EPIPE);
	if (len <= 0)
		return false;
	record[len] = 0;
	return true;
}

bool klog_has(const char *what)
{
	char record[4096];

	while (next_record(record, sizeof(record)))
		if (strstr(record, what))
			return true;
	return false;
}

int klog_count(const char *what, const char *line, bool *has)
{
	char record[4096];
	int n = 0;

	*has = false;
	while (next_record(record, sizeof(record))) {
		n += !!strstr(record, what);
		*has |= !!strstr(record, line);
	}
	return n;
}

static char folder[128];

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return path;
}

void tracing_start(const char *instance)
{
	snprintf(folder, sizeof(folder), "/sys/kernel/tracing/instances/%s", instance);
	if (mkdir(folder, 0700) && errno != EEXIST)
		ksft_exit_fail_msg("%s: %s\n", folder, strerror(errno));
}

void tracing_stop(void)
{
	rmdir(folder);
}

void tracing_set(const char *file, const char *text)
{
	int fd = open(path_of(file), O_WRONLY | O_TRUNC | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) >= 0, path_of(file));
	close(fd);
}

FILE *tracing_open(void)
{
	FILE *file = fopen(path_of("trace"), "re");

	must(file, path_of("trace"));
	return file;
}

int tracing_count(const char *text, const char *also, const char *third)
{
	FILE *file = tracing_open();
	char line[1024];
	int n = 0;

	while (fgets(line, sizeof(line), file))
		n += *line != '#' && strstr(line, text) && strstr(line, also) && strstr(line, third);
	fclose(file);
	return n;
}

void tracing_forget(void)
{
	tracing_set("trace", "");
}

const char * const slabs_names[SLABS_N] = { "XTCP", "XTCPv6", "xtcp_request", "xtcp_request6",
						 "xtcp_timewait", "xtcp_timewait6", "xtcp_stream", "xtcp_lease_shared",
						 [SLABS_LEASE] = "xtcp_lease", "xtcp_blackbox" };

static void shrink(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		ksft_print_msg("cannot shrink %s\n", name);
	close(fd);
}

void slabs_read(struct slabs *slabs)
{
	char line[256], name[64];
	long active;
	FILE *file;

	for (int i = 0; i < SLABS_N; i++) {
		slabs->active[i] = -1;
		shrink(slabs_names[i]);
	}
	file = fopen("/proc/slabinfo", "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", name, &active) != 2)
			continue;
		for (int i = 0; i < SLABS_N; i++) {
			if (!strcmp(name, slabs_names[i]))
				slabs->active[i] = active;
		}
	}
	fclose(file);
}

static bool are_back(const struct slabs *before)
{
	struct slabs now;

	slabs_read(&now);
	for (int i = 0; i < SLABS_N; i++) {
		if (now.active[i] > before->active[i])
			return false;
	}
	return true;
}

bool slabs_back(const struct slabs *before, int deadline_ms)
{
	struct slabs now;

	if (WAIT_FOR(are_back(before), deadline_ms))
		return true;
	slabs_read(&now);
	for (int i = 0; i < SLABS_N; i++)
		ksft_print_msg("%s: %ld objects, were %ld\n", slabs_names[i], now.active[i], before->active[i]);
	return false;
}

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAILPAGE "/sys/kernel/debug/fail_page_alloc/"

/* Open all the time: to open or close them would be one more allocation. A child has others. */
static int nth_fd = -1, all_fd = -1;
static pid_t pid;

void failing_set(const char *name, long value)
{
	char path[64];

	snprintf(path, sizeof(path), FAILSLAB "%s", name);
	must_put(path, "%ld", value);
}

bool failing_begin(void)
{
	if (access(FAILSLAB "probability", W_OK))
		return false;
	must_put(FAILSLAB "verbose", "0");
	must_put(FAILPAGE "verbose", "0");
	must_put(FAILSLAB "ignore-gfp-wait", "N");
	must_put(FAILPAGE "ignore-gfp-wait", "N");
	must_put(FAILPAGE "min-order", "0");
	return true;
}

static void open_mine(void)
{
	if (pid == getpid())
		return;
	pid = getpid();
	nth_fd = must_have(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), "fail-nth");
	all_fd = must_have(open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC), "fail-nth");
}

void failing_nth(int n)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%d", n);

	open_mine();
	must(pwrite(nth_fd, value, len, 0) == len, "fail-nth");
}

void failing_all(long space)
{
	open_mine();
	if (space < 0) {
		must(pwrite(all_fd, "0", 1, 0) == 1, "make-it-fail");
		failing_set("probability", 0);
		failing_set("task-filter", false);
		return;
	}
	failing_set("task-filter", true);
	failing_set("interval", 1);
	failing_set("times", 1000000);
	failing_set("probability", 100);
	failing_set("space", space);
	must(pwrite(all_fd, "1", 1, 0) == 1, "make-it-fail");
}

long failing_space(void)
{
	char value[24] = "";
	int fd = open(FAILSLAB "space", O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && read(fd, value, sizeof(value) - 1) > 0, "space");
	close(fd);
	return atol(value);
}

bool failing_hit(void)
{
	char value[16] = "";

	must(pread(nth_fd, value, sizeof(value) - 1, 0) > 0, "fail-nth");
	return !atoi(value);
}

int release_parse(const char *text)
{
	unsigned int major, minor;

	if (sscanf(text, "%u.%u", &major, &minor) != 2 || minor > 999)
		return 0;
	return major * 1000 + minor;
}

int release_series(void)
{
	struct utsname name;

	return uname(&name) ? 0 : release_parse(name.release);
}

bool release_is_rt(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.version, "PREEMPT_RT");
}

bool release_is_debug(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

bool release_judges_kernel_tcp(void)
{
	return release_knows_kernel_tcp() && !release_is_debug();
}

static int add_pair(struct counters *c, char *names, char *values)
{
	char *in_names, *in_values;
	char *prefix = strtok_r(names, " ", &in_names);
	char *name, *value;

	if (!prefix || !strtok_r(values, " ", &in_values))
		return -1;
	for (;;) {
		name = strtok_r(NULL, " ", &in_names);
		value = strtok_r(NULL, " ", &in_values);
		if (!name && !value)
			return 0;
		if (!name || !value || c->n == COUNTERS_MAX)
			return -1;
		snprintf(c->entry[c->n].name, sizeof(c->entry[0].name), "%s%s", prefix, name);
		c->entry[c->n++].value = strtoll(value, NULL, 10);
	}
}

int counters_read(struct counters *c, int ns, const char *path)
{
	char *text = ns_read_file(ns, path), *in_lines, *names, *values;
	int ret = 0;

	if (!text)
		return -1;
	names = strtok_r(text, "\n", &in_lines);
	while (names && !ret) {
		values = strtok_r(NULL, "\n", &in_lines);
		ret = values ? add_pair(c, names, values) : -1;
		names = strtok_r(NULL, "\n", &in_lines);
	}
	if (ret)
		fprintf(stderr, "# counters: %s has another format\n", path);
	free(text);
	return ret;
}

int counters_read_xtcp(struct counters *c, int ns)
{
	c->n = 0;
	return counters_read(c, ns, "/proc/net/xtcp_snmp") ?:
	       counters_read(c, ns, "/proc/net/xtcp_netstat");
}

int counters_read_kernel(struct counters *c, int ns)
{
	c->n = 0;
	return counters_read(c, ns, "/proc/net/snmp") ?:
	       counters_read(c, ns, "/proc/net/netstat");
}

long long counters_get(const struct counters *c, const char *name)
{
	for (int i = 0; i < c->n; i++)
		if (!strcmp(c->entry[i].name, name))
			return c->entry[i].value;
	fprintf(stderr, "# counters: there is no %s\n", name);
	exit(1);
}

long long counters_diff(const struct counters *before, const struct counters *after, const char *name)
{
	return counters_get(after, name) - counters_get(before, name);
}

long long counter_now(int ns, const char *path, const char *name)
{
	struct counters c = { .n = 0 };

	if (counters_read(&c, ns, path))
		exit(1);
	return counters_get(&c, name);
}
