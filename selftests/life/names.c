// SPDX-License-Identifier: GPL-2.0
/* Two builds exchange their names: which net.xtcp.* and /proc/net/xtcp are whose, in each namespace, at each moment. */
#include "test.h"

NEEDS_MODULE;
NEEDS_SECOND;

#define PORT	7600

static atomic_bool stop;
static atomic_int exchanged, failures;

/* 0, or the errno of the write. */
static int set_name(enum stack build, const char *name)
{
	return module_set(build, "name", name);
}

static bool has_generic(const char *name)
{
	int fd = generic_open();
	bool has = generic_family(fd, name) > 0;

	close(fd);
	return has;
}

/* In this namespace net.xtcp and /proc/net/xtcp are those of @stack, the others of the other build. */
static bool belongs(int ns, enum stack stack)
{
	int fd = stack_listener(ns, stack, "127.0.0.1", PORT + 40, true), idle = 0;
	static int value = 1000;
	socklen_t len = sizeof(idle);
	bool good;

	value++;
	ns_sysctl_set(ns, "net.xtcp.keepalive_time", "%d", value);
	getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len);
	good = idle == value && ns_sysctl_get(ns, "net.xtcp.keepalive_time") == value &&
	       ns_sysctl_get(ns, "net.xtcp_b.keepalive_time") > 0 &&
	       ns_sysctl_get(ns, "net.xtcp_b.keepalive_time") != value &&
	       rows_state(ns, "/proc/net/xtcp", PORT + 40, 0) == TCP_LISTEN &&
	       !rows_state(ns, "/proc/net/xtcp_b", PORT + 40, 0);
	close(fd);
	return good;
}

/* Also in one that begins now, and in those of this user's. */
static bool belongs_everywhere(const int *nss, int n, enum stack stack)
{
	int begins = ns_make(), i;
	bool good = begins >= 0 && belongs(begins, stack) && has_generic("xtcp") && has_generic("xtcp_b");

	for (i = 0; i < n; i++)
		good = good && belongs(nss[i], stack);
	close(begins);
	return good;
}

static void *exchange_all_the_time(void *arg)
{
	enum stack *stack = arg;
	int err;

	while (!stop) {
		err = set_name(*stack, "xtcp");
		exchanged += !err;
		if (err && err != EBUSY && !failures++)
			ksft_print_msg("%s: %s\n", stack_name(*stack), strerror(err));
	}
	return NULL;
}

static void *begin_and_end(void *arg)
{
	(void)arg;
	while (!stop) {
		if (unshare(CLONE_NEWNET) ||
		    !WAIT_FOR(!access("/proc/thread-self/net/xtcp_paths", F_OK) &&
			      !access("/proc/sys/net/xtcp_b/sack", F_OK), STACK_DEADLINE_MS))
			failures++;
	}
	return NULL;
}

static void *read_all_the_time(void *arg)
{
	char text[4096];
	int fd;

	ns_enter(*(int *)arg);
	while (!stop) {
		fd = open("/proc/thread-self/net/xtcp", O_RDONLY);
		while (read(fd, text, sizeof(text)) > 0)
			;
		close(fd);
		fd = open("/proc/sys/net/xtcp/fastopen_key", O_RDONLY);
		if (read(fd, text, sizeof(text)) < 0 && errno != ENOENT && errno != EBADF)
			failures++;
		close(fd);
	}
	return NULL;
}

static bool out_of_memory(const int *nss, int n)
{
	int nth, err, refusals = 0, step = short_rounds(4) == 4 ? 1 : 7;
	bool good = true, hit = true;

	for (nth = 1; good && hit; nth += step) {
		failing_nth(nth);
		err = set_name(SECOND, "xtcp");
		hit = failing_hit();
		failing_nth(0);
		refusals += err == ENOMEM;
		good = (!err || (err == ENOMEM && hit)) && belongs(nss[nth % n], err ? XTCP : SECOND) &&
		       (err || !set_name(XTCP, "xtcp"));
		if (!good)
			ksft_print_msg("allocation %d: %s\n", nth, strerror(err));
	}
	ksft_print_msg("%d refusals, %d allocations\n", refusals, nth);
	return good && refusals > 5;
}

/* net.xtcp.* and what else has that name goes to the other build, and comes back. */
int main(void)
{
	int nss[] = { ns_make(), ns_make(), ns_make_guest(), ns_home() };
	enum stack stacks[] = { XTCP, SECOND };
	int rounds = short_rounds(40), t;
	pthread_t threads[6];

	test_begin(7);
	must(nss[0] >= 0 && nss[1] >= 0 && nss[2] >= 0 && !module_second_load(""), MODULE_SECOND);
	ksft_test_result(belongs_everywhere(nss, 4, XTCP) && !set_name(SECOND, "xtcp\n") &&
			 belongs_everywhere(nss, 4, SECOND) && !set_name(SECOND, "xtcp_b") &&
			 belongs_everywhere(nss, 4, XTCP), "two builds exchange their names\n");
	ksft_test_result(set_name(SECOND, " ") == EINVAL && set_name(SECOND, "xtcp_c") == EINVAL &&
			 set_name(SECOND, "../xtcp") == EINVAL && set_name(SECOND, "xtcp_bbbbbbbbbbbb") == EINVAL &&
			 !set_name(SECOND, "xtcp_b") && belongs_everywhere(nss, 4, XTCP), "other names are refused\n");
	ksft_test_result(!set_name(SECOND, "xtcp") && !module_unload() && !access("/proc/net/xtcp", F_OK) &&
			 access("/proc/net/xtcp_b", F_OK) && !module_load("") && belongs_everywhere(nss, 4, SECOND),
			 "the old build goes, the new one keeps the name, and a third gets the free one\n");
	ksft_test_result(!module_second_unload() && set_name(XTCP, "xtcp") == EINVAL && !set_name(XTCP, "xtcp_b") &&
			 !access("/proc/net/xtcp_b", F_OK) && !module_second_load("") && !set_name(XTCP, "xtcp") &&
			 belongs_everywhere(nss, 4, XTCP), "one that is alone keeps its name\n");
	for (t = 0; t < 6; t++)
		pthread_create(&threads[t], NULL, t < 2 ? exchange_all_the_time : t < 4 ? begin_and_end :
			       read_all_the_time, t < 2 ? (void *)&stacks[t] : (void *)&nss[t - 3]);
	WAIT_FOR(exchanged >= rounds || failures, 10 * STACK_DEADLINE_MS);
	stop = true;
	for (t = 0; t < 6; t++)
		pthread_join(threads[t], NULL);
	ksft_test_result(exchanged >= rounds && !failures && !set_name(XTCP, "xtcp") &&
			 belongs_everywhere(nss, 4, XTCP), "%d times under namespaces and readers\n", exchanged);
	if (failing_begin())
		ksft_test_result(out_of_memory(nss, 4) && belongs_everywhere(nss, 4, XTCP),
				 "without memory both keep theirs\n");
	else
		ksft_test_result_skip("the kernel cannot let allocations fail: both keep theirs\n");
	close_each(nss[0], nss[1], nss[2]);
	ksft_test_result(WAIT_FOR(!module_second_unload(), STACK_DEADLINE_MS) && !module_references(),
			 "nothing holds a build any more\n");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
