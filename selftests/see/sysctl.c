// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.*: there are the knobs that should be, with the defaults of net.ipv4.tcp_*; what is out of range is refused
 * and changes nothing; each namespace has its own. What kernel TCP takes xtcp takes, too, and says the same of it, or
 * the list here names it. The value 0 of careful_resume allocates nothing.
 */
#include <dirent.h>
#include "lib/test.h"

#define KERNEL	"ipv4/tcp_"

/* @numbers in one file; what each may be; the default where it is not that of net.ipv4.tcp_NAME */
static const struct knob {
	const char *name;
	int numbers;
	long low;
	long high;
	long differs;
} knobs[] = {
	{ "abort_on_overflow", 1, 0, 255, -1 },
	{ "ack_rate_request", 1, 0, 1, 0 },
	{ "autocorking", 1, 0, 1, -1 },
	{ "base_mss", 1, 48, 65535, -1 },
	{ "bbr_loss_thresh", 1, 1, 100, 2 },
	{ "blackbox", 3, 0, 65535, 0 },
	{ "careful_resume", 1, 0, 21600, 0 },
	{ "challenge_ack_limit", 1, 1, INT_MAX, -1 },
	{ "coalesce_usecs", 1, 0, 1000000, 50 },
	{ "comp_sack_delay_ns", 1, 0, 500000000, -1 },
	{ "comp_sack_nr", 1, 0, 255, 0 },
	{ "comp_sack_slack_ns", 1, 0, 500000000, 100000 },
	{ "delack_max_us", 1, 1, 200000, 200000 },
	{ "dsack", 1, 0, 255, -1 },
	{ "early_retrans", 1, 0, 4, -1 },
	{ "ecn", 1, 0, 5, -1 },
	{ "ecn_fallback", 1, 0, 1, -1 },
	{ "ecn_option", 1, 0, 3, 2 },
	{ "ecn_option_beacon", 1, 0, 3, 3 },
	{ "fastopen", 1, INT_MIN, INT_MAX, -1 },
	{ "fastopen_blackhole_timeout_sec", 1, 0, INT_MAX, -1 },
	{ "fin_timeout", 1, 0, -1, -1 },
	{ "frto", 1, 0, 255, -1 },
	{ "half_closed_ms", 1, 0, INT_MAX, 0 },
	{ "idle_ms", 1, 0, INT_MAX, 0 },
	{ "initcwnd", 1, 1, 255, 10 },
	{ "invalid_ratelimit", 1, 0, -1, -1 },
	{ "keepalive_always", 1, 0, 1, 0 },
	{ "keepalive_intvl", 1, 1, -1, -1 },
	{ "keepalive_probes", 1, 0, 255, -1 },
	{ "keepalive_time", 1, 1, -1, -1 },
	{ "limit_output_bytes", 1, 0, INT_MAX, 1048576 },
	{ "local", 1, 0, 1, 1 },
	{ "max_orphans", 1, 0, INT_MAX, -1 },
	{ "max_syn_backlog", 1, 0, INT_MAX, -1 },
	{ "max_tw_buckets", 1, 0, INT_MAX, -1 },
	{ "migrate_req", 1, 0, 1, -1 },
	{ "migrate_wait_ms", 1, 0, 10000, 0 },
	{ "min_snd_mss", 1, 48, 65535, -1 },
	{ "min_tso_segs", 1, 1, 255, -1 },
	{ "moderate_rcvbuf", 1, 0, 255, -1 },
	{ "mtu_probe_floor", 1, 48, 65535, -1 },
	{ "mtu_probing", 1, 0, 2, -1 },
	{ "notsent_lowat", 1, 1, UINT_MAX, -1 },
	{ "orphan_retries", 1, 0, 255, -1 },
	{ "pacing_ca_ratio", 1, 0, 1000, -1 },
	{ "pacing_ss_ratio", 1, 0, 1000, -1 },
	{ "probe_interval", 1, 0, -1, -1 },
	{ "probe_threshold", 1, 0, 65535, -1 },
	{ "reflect_tos", 1, 0, 1, -1 },
	{ "retries1", 1, 0, 255, -1 },
	{ "retries2", 1, 0, 255, -1 },
	{ "rfc1337", 1, 0, 255, 1 },
	{ "rmem", 3, 4096, INT_MAX, -1 },
	{ "rst_diagnostic", 1, 0, 1, 0 },
	{ "rto_max_ms", 1, 1000, 120000, 120000 },
	{ "rto_min_us", 1, 1, INT_MAX, 200000 },
	{ "sack", 1, 0, 255, -1 },
	{ "slow_start_after_idle", 1, 0, 255, -1 },
	{ "stdurg", 1, 0, 255, -1 },
	{ "syn_linear_timeouts", 1, 0, 127, 0 },
	{ "syn_retries", 1, 1, 127, -1 },
	{ "synack_retries", 1, 0, 255, -1 },
	{ "syncookies", 1, 0, 2, -1 },
	{ "thin_linear_timeouts", 1, 0, 255, -1 },
	{ "timestamps", 1, 0, 255, -1 },
	{ "timewait_ms", 1, 1000, 240000, 60000 },
	{ "tso_rtt_log", 1, 0, 255, -1 },
	{ "tw_reuse", 1, 0, 2, -1 },
	{ "tw_reuse_delay", 1, 1, 60000, 1000 },
	{ "user_timeout_ms", 1, 0, INT_MAX, 0 },
	{ "window_scaling", 1, 0, 255, -1 },
	{ "wmem", 3, 1, INT_MAX, -1 },
};

/* Values out of its range, of which Linux 6.1 takes at least one. */
static const char *const refused[] = {
	/* longer than an ACK may wait */
	"comp_sack_delay_ns", "comp_sack_slack_ns",
	/* a size that no segment can have */
	"base_mss", "probe_threshold",
	/* a time, or a limit, below 0; a keepalive probe after no time; more seconds than ticks can count */
	"challenge_ack_limit", "fin_timeout", "invalid_ratelimit", "keepalive_intvl", "keepalive_time",
	"limit_output_bytes", "max_orphans", "max_syn_backlog", "max_tw_buckets", "probe_interval",
	/* what is not one of the settings; with 0 nobody could write */
	"mtu_probing", "syncookies", "notsent_lowat",
};

/* Values in its range, of which Linux 6.1 refuses at least one. */
static const char *const taken[] = { "ecn" };

struct access {
	char path[128];
	char text[128];
};

static int do_read(void *arg)
{
	struct access *access = arg;
	int fd = open(access->path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	memset(access->text, 0, sizeof(access->text));
	if (fd < 0)
		return errno;
	len = read(fd, access->text, sizeof(access->text) - 1);
	close(fd);
	return len < 0 ? EIO : 0;
}

static int do_write(void *arg)
{
	struct access *access = arg;
	int fd = open(access->path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, access->text, strlen(access->text)) < 0)
		error = errno;
	close(fd);
	return error;
}

static struct access value(int ns, const char *tree, const char *name)
{
	struct access access;

	snprintf(access.path, sizeof(access.path), "/proc/sys/net/%s%s", tree, name);
	must_say(!ns_call(ns, do_read, &access), "cannot read %s", access.path);
	return access;
}

/* Writes the number as often as the file has numbers: 0 or the errno. */
static int put_in(int ns, const char *tree, const struct knob *knob, long number)
{
	struct access access;

	snprintf(access.path, sizeof(access.path), "/proc/sys/net/%s%s", tree, knob->name);
	snprintf(access.text, sizeof(access.text), knob->numbers == 3 ? "%ld %ld %ld" : "%ld", number, number, number);
	return ns_call(ns, do_write, &access);
}

static int put(int ns, const struct knob *knob, long number)
{
	return put_in(ns, "xtcp/", knob, number);
}

static bool holds(int ns, const struct knob *knob, long number)
{
	struct access access = value(ns, "xtcp/", knob->name);
	long now[3];
	int n = sscanf(access.text, "%ld %ld %ld", &now[0], &now[1], &now[2]), i;

	for (i = 0; i < n; i++)
		if (now[i] != number)
			return false;
	return n == knob->numbers;
}

static bool has_default(int ns, const struct knob *knob)
{
	struct access ours = value(ns, "xtcp/", knob->name), theirs;

	if (!strcmp(knob->name, "blackbox"))
		return !strcmp(ours.text, "0\t0\t65535\n");
	if (knob->differs >= 0)
		return holds(ns, knob, knob->differs);
	/* the one of kernel TCP that is the whole machine's */
	theirs = value(!strcmp(knob->name, "max_orphans") ? ns_home() : ns, KERNEL, knob->name);
	return !strcmp(ours.text, theirs.text);
}

/* The number is refused, and the knob stays as it is. */
static bool refuses(int ns, const struct knob *knob, long number)
{
	struct access before = value(ns, "xtcp/", knob->name), after;
	int error = put(ns, knob, number);

	after = value(ns, "xtcp/", knob->name);
	if (error == EINVAL && !strcmp(before.text, after.text))
		return true;
	ksft_print_msg("%s: %ld gives error %d, %s\n", knob->name, number, error, after.text);
	return false;
}

static bool takes(int ns, const struct knob *knob, long number)
{
	return !put(ns, knob, number) && holds(ns, knob, number);
}

static bool has_range(int ns, const struct knob *knob)
{
	bool good = takes(ns, knob, knob->low) && refuses(ns, knob, knob->low - 1);

	/* times go as far as they fit into ticks, which depends on the kernel */
	if (knob->high < 0)
		return good && refuses(ns, knob, INT_MAX);
	return good && takes(ns, knob, knob->high) && refuses(ns, knob, knob->high + 1);
}

static bool is_listed(const char *const *list, size_t n, const char *name)
{
	while (n--)
		if (!strcmp(list[n], name))
			return true;
	return false;
}

/* Writes @number to both. False: only one takes it (@listed), or they do not say the same of it. */
static bool are_the_same(int ns, int theirs, const struct knob *knob, long number, unsigned int *listed)
{
	int error = put(ns, knob, number), kernel_error = put_in(theirs, KERNEL, knob, number);

	if (!error != !kernel_error) {
		if (error ? is_listed(refused, ARRAY_SIZE(refused), knob->name) :
			    is_listed(taken, ARRAY_SIZE(taken), knob->name)) {
			++*listed;
			return true;
		}
	} else if (error || !strcmp(value(ns, "xtcp/", knob->name).text, value(theirs, KERNEL, knob->name).text)) {
		return true;
	}
	ksft_print_msg("%s = %ld: error %d, kernel TCP %d\n", knob->name, number, error, kernel_error);
	return false;
}

/* At each bound, beside it and at those of the types; who copies his settings from kernel TCP gets what he had. */
static bool compare(int ns, const struct knob *knob)
{
	const long far[] = {
		LONG_MIN, (long)INT_MIN - 1, INT_MIN, -255, -1, 0, 1, 2, 3, 4, 5, 127, 128, 255, 256, 0x703, 4096,
		65535, 65536, 0x70403, 8589934, 17179869, INT_MAX - 1, INT_MAX, INT_MAX + 1L, UINT_MAX, UINT_MAX + 1L,
		LONG_MAX,
	};
	/* the one of kernel TCP that is the whole machine's */
	const int theirs = strcmp(knob->name, "max_orphans") ? ns : ns_home();
	const struct access ours_before = value(ns, "xtcp/", knob->name), before = value(theirs, KERNEL, knob->name);
	struct access back = before;
	unsigned int i, listed = 0;
	bool good = true;

	for (i = 0; i < ARRAY_SIZE(far); i++)
		good &= are_the_same(ns, theirs, knob, far[i], &listed);
	for (i = 0; i < 3; i++) {
		good &= are_the_same(ns, theirs, knob, knob->low + i - 1, &listed);
		good &= knob->high < 0 || are_the_same(ns, theirs, knob, knob->high + i - 1, &listed);
	}
	/* an entry that no longer occurs */
	if (!listed && (is_listed(refused, ARRAY_SIZE(refused), knob->name) ||
			is_listed(taken, ARRAY_SIZE(taken), knob->name))) {
		ksft_print_msg("%s is listed, and there is no difference\n", knob->name);
		good = false;
	}
	good &= !ns_call(theirs, do_write, &back);
	back = ours_before;
	return good && !ns_call(ns, do_write, &back);
}

static bool has_namesake(int ns, const struct knob *knob)
{
	struct access access;

	snprintf(access.path, sizeof(access.path), "/proc/sys/net/" KERNEL "%s", knob->name);
	return !ns_call(strcmp(knob->name, "max_orphans") ? ns : ns_home(), do_read, &access);
}

/* Only where kernel TCP is that of 6.1, and has the knob. */
static bool is_compared(int ns, const struct knob *knob)
{
	return release_knows_kernel_tcp() && has_namesake(ns, knob);
}

static unsigned int how_many_compared(int ns)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		n += is_compared(ns, &knobs[i]);
	return n;
}

static void compare_all(int ns)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(knobs); i++)
		if (is_compared(ns, &knobs[i]))
			ksft_test_result(compare(ns, &knobs[i]), "%s: as kernel TCP's\n", knobs[i].name);
}

/* A time of less than a tick lasts for one. */
static bool rounds_up(int ns)
{
	static const struct knob knob = { "invalid_ratelimit", 1, 0, -1, -1 };
	bool good = !put(ns, &knob, 1) && !holds(ns, &knob, 0);

	return !put(ns, &knob, 500) && good;
}

static bool key_is(int ns, const char *want)
{
	struct access access = value(ns, "xtcp/", "fastopen_key");

	return !strncmp(access.text, want, strlen(want)) && access.text[strlen(want)] == '\n';
}

static int put_key(int ns, const char *text)
{
	struct access access = { .path = "/proc/sys/net/xtcp/fastopen_key" };

	snprintf(access.text, sizeof(access.text), "%s", text);
	return ns_call(ns, do_write, &access);
}

/* One key, two, and what is none. */
static bool takes_keys(int ns)
{
	static const char none[] = "00000000-00000000-00000000-00000000", one[] = "0a0b0c0d-1-22-333",
		as_read[] = "0a0b0c0d-00000001-00000022-00000333",
		two[] = "01234567-89abcdef-00000001-00000002,fedcba98-76543210-00000003-00000004";
	bool good = key_is(ns, none) && !put_key(ns, one) && key_is(ns, as_read);

	good = good && put_key(ns, "1-2-3") == EINVAL && put_key(ns, "key") == EINVAL && put_key(ns, none) == EINVAL;
	good = good && key_is(ns, as_read);
	good = good && !put_key(ns, two) && key_is(ns, two);
	return good && put_key(ns, "1-2-3-4,5") == EINVAL && key_is(ns, two);
}

/* Numbers in one file of which one is wrong: the file stays as it is. */
static bool changes_all_or_none(int ns)
{
	static const char *const wrong[][2] = {
		{ "blackbox", "7 443 65536" }, { "blackbox", "7 443 x" }, { "blackbox", "7 444 443" },
		{ "rmem", "4097 65536 4095" }, { "wmem", "4097 0 65536" },
	};
	struct access before, access;
	bool good = true;
	int error;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		access = value(ns, "xtcp/", wrong[i][0]);
		before = access;
		snprintf(access.text, sizeof(access.text), "%s", wrong[i][1]);
		error = ns_call(ns, do_write, &access);
		access = value(ns, "xtcp/", wrong[i][0]);
		if (error != EINVAL || strcmp(access.text, before.text)) {
			ksft_print_msg("%s = %s: error %d, %s\n", wrong[i][0], wrong[i][1], error, access.text);
			good = false;
		}
	}
	return good;
}

static int count_files(void *arg)
{
	DIR *dir = opendir("/proc/sys/net/xtcp");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

/* Only a namespace that switches Careful Resume on gets a table of paths. It has 13 KiB, on debug kernels more. */
static bool zero_allocates_nothing(int ns)
{
	static const struct knob knob = { "careful_resume", 1, 0, 21600, 0 };
	int off, on;
	bool good;

	tracing_start("xtcp_sysctl");
	tracing_forget();
	tracing_set("events/kmem/kmalloc/filter", "bytes_req >= 12288");
	tracing_set("events/kmem/kmalloc/enable", "1");
	good = !put(ns, &knob, 0);
	off = tracing_count(" [xtcp", "", "");
	good &= !put(ns, &knob, 1);
	on = tracing_count(" [xtcp", "", "") - off;
	tracing_set("events/kmem/kmalloc/enable", "0");
	tracing_stop();
	if (off || on != 1)
		ksft_print_msg("%d tables after 0, %d after 1\n", off, on);
	return good && !off && on == 1;
}

int main(void)
{
	int a = ns_make(), b = ns_make();

	ksft_print_header();
	must(a >= 0 && b >= 0, "no namespaces");
	ksft_set_plan(6 + 3 * ARRAY_SIZE(knobs) + how_many_compared(b));
	/* four have no numbers: congestion.c, and the key of Fast Open */
	ksft_test_result(ns_call(a, count_files, NULL) == ARRAY_SIZE(knobs) + 4, "there are %d knobs\n",
			 (int)ARRAY_SIZE(knobs) + 4);
	ksft_test_result(takes_keys(a), "fastopen_key: one, two, and nothing else\n");
	ksft_test_result(key_is(b, "00000000-00000000-00000000-00000000"), "fastopen_key: another namespace's\n");
	ksft_test_result(rounds_up(a), "a limit of 1 ms does not become none\n");
	ksft_test_result(changes_all_or_none(a), "several numbers in one file change all or none\n");
	ksft_test_result(zero_allocates_nothing(ns_make()), "careful_resume 0 allocates nothing\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(knobs); i++) {
		ksft_test_result(has_default(a, &knobs[i]), "%s: the default\n", knobs[i].name);
		ksft_test_result(has_range(a, &knobs[i]), "%s: the range\n", knobs[i].name);
		ksft_test_result(has_default(b, &knobs[i]), "%s: another namespace's is untouched\n", knobs[i].name);
	}
	compare_all(b);
	close_each(a, b);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
