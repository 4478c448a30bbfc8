// SPDX-License-Identifier: GPL-2.0
/*
 * Many listeners: beside 10,000 others a SYN is refused, and sock_diag finds one, in less than twice the time
 * (bench_syn tells the instructions). Each is listed once. A socket that goes from connection to connection does not
 * interrupt all processors each time, and makes no other user wait.
 *
 * 10,000 is 1,000 on the debug kernel. The time is the wall clock's. A socket that calls connect() in a loop has the
 * kernel interrupt all processors 50 times a second at most. A connect() that is refused before a segment could find
 * the socket waits for no grace period. One of the processors goes and comes back.
 */
#include <linux/perf_event.h>
#include "lib/aoopt.h"
#include "measure.h"
#include "lib/test.h"

#define NOBODY		65534
#define CROWD_PORT	10000
#define ADDRESSES	100	/* on each of the ports of the crowd */
#define PORT_STEP	64	/* between these: nothing that goes by a port's last bits tells them apart */
#define MOST_LISTENERS	10000
#define PROBES		300	/* in each of */
#define BURSTS		10
#define BURST_GAP_US	30000
#define MOST_RATIO	2.0	/* by the wall clock; 10,000 steps would be five times and more */
#define REFUSER_PORT	9100
#define REFUSED		20	/* calls of connect() */
#define LAST_CPU	"/sys/devices/system/cpu/cpu1/online"
#define OPENERS		4	/* threads */
#define PAIRS		50	/* connections of each */
#define PAIRS_PORT	9200
#define LOOPS		40	/* calls of connect() by a user, who may have so many fast grace periods in a second */
#define MANY_LOOPS	140	/* more than any user may have */
#define MOST_BESIDE	5.0	/* a grace period that is not fast takes 100 times as long */
#define FAST_LIMIT	120	/* fast grace periods, of ours and others, in a second or a little more */

static int ns;
static int crowd[MOST_LISTENERS];

static int crowd_size(void)
{
	return release_is_debug() ? MOST_LISTENERS / 10 : MOST_LISTENERS;
}

static union stack_addr crowd_addr(int i)
{
	char address[32];

	snprintf(address, sizeof(address), "127.1.%d.%d", i % ADDRESSES / 10, 1 + i % ADDRESSES % 10);
	return stack_addr(address, CROWD_PORT + i / ADDRESSES * PORT_STEP);
}

/* Without leaving the namespace between two of them, which takes longer than the rest. */
static int listen_all(void *arg)
{
	union stack_addr addr;

	for (int i = 0; i < crowd_size(); i++) {
		addr = crowd_addr(i);
		crowd[i] = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, XTCPPROTO_IPV4);
		if (crowd[i] < 0 || bind(crowd[i], &addr.sa, stack_addr_len(&addr)) || listen(crowd[i], 1))
			return -1;
	}
	return 0;
}

/* Seconds until a SYN of kernel TCP's is refused. */
static double refusal(int port)
{
	int fd = stack_socket(ns, KERNEL, "127.0.0.1"), ret;
	double start = measure_now();

	ret = stack_connect(fd, "127.0.0.1", port);
	start = measure_now() - start;
	must_say(ret && errno == ECONNREFUSED, "port %d: %s", port, ret ? strerror(errno) : "connected");
	close(fd);
	return start;
}

/* The least of many is no noise. Between bursts there are gaps, as other load may last as long as one. */
static double least_refusal(int port)
{
	double least = 1e9, took;

	for (int i = 0; i < BURSTS * PROBES; i++) {
		if (i && i % PROBES == 0)
			usleep(BURST_GAP_US);
		took = refusal(port);
		least = took < least ? took : least;
	}
	return least;
}

/* On a port where xtcp listens on other addresses: there is no listener but one, then there is the crowd as well. */
static void refused_among_many(double few)
{
	double many = least_refusal(CROWD_PORT), beside;
	int alone = must_have(stack_listener(ns, XTCP, "127.1.9.9", CROWD_PORT + 1, false), "listener");

	beside = least_refusal(CROWD_PORT + 1);
	close(alone);
	ksft_print_msg("%.1f us beside one listener; beside %d, on a port of theirs %.1f us, on another %.1f us\n",
		       few * 1e6, crowd_size(), many * 1e6, beside * 1e6);
	ksft_test_result(many < few * MOST_RATIO && beside < few * MOST_RATIO,
			 "a refusal beside %d listeners takes less than %.0f times as long as beside one\n",
			 crowd_size(), MOST_RATIO);
}

static double refused_beside_one(void)
{
	int alone = must_have(stack_listener(ns, XTCP, "127.1.9.9", CROWD_PORT, false), "listener");
	double few = least_refusal(CROWD_PORT);

	close(alone);
	return few;
}

/* The least nanoseconds that sock_diag takes for one listener, which an ordinary user asks for. */
static int least_asking(void *arg)
{
	const struct diag_query query = { .stack = XTCP, .port = CROWD_PORT };
	struct inet_diag_sockid id = { .idiag_sport = htons(CROWD_PORT), .idiag_src[0] = inet_addr("127.1.0.1"),
				       .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } };
	double least = 1e9, took;
	struct diag_copy copy;

	must(!seteuid(NOBODY), "seteuid");
	for (int i = 0; i < PROBES; i++) {
		took = measure_now();
		must(!diag_get(&query, &id, &copy), "sock_diag");
		took = measure_now() - took;
		least = took < least ? took : least;
	}
	must(!seteuid(0), "seteuid");
	return least * 1e9;
}

/* The last one that has come is the last one of a walk. */
static int asking_alone(void)
{
	int alone = must_have(stack_listener(ns, XTCP, "127.1.0.1", CROWD_PORT, false), "listener"), took;

	took = ns_call(ns, least_asking, NULL);
	close(alone);
	return took;
}

static void asked_among_many(int alone)
{
	int many;

	close(crowd[0]);
	crowd[0] = must_have(stack_listener(ns, XTCP, "127.1.0.1", CROWD_PORT, false), "listener");
	many = ns_call(ns, least_asking, NULL);
	ksft_print_msg("%.1f us alone, %.1f us beside the others\n", alone / 1e3, many / 1e3);
	ksft_test_result(many < alone * MOST_RATIO, "sock_diag finds one of %d in less than %.0f times the time\n",
			 crowd_size(), MOST_RATIO);
}

static void each_is_found(void)
{
	int i, fd, found = 0, tried = 0;
	union stack_addr addr;

	for (i = 0; i < crowd_size(); i += 97, tried++) {
		addr = crowd_addr(i);
		fd = stack_socket(ns, KERNEL, "127.0.0.1");
		if (!connect(fd, &addr.sa, stack_addr_len(&addr))) {
			found++;
			close(accept(crowd[i], NULL, NULL));
		}
		close(fd);
	}
	ksft_test_result(found == tried, "each of %d has its own SYNs\n", tried);
}

static int lines_in(const char *path)
{
	char *text = ns_read_file(ns, path), *at;
	int lines = 0;

	for (at = text; at && *at; at++)
		lines += *at == '\n';
	free(text);
	return lines;
}

static int listening_rows(void)
{
	return rows_count(ns, "/proc/net/xtcp", TCP_LISTEN, 0);
}

static void each_is_listed(void)
{
	int n = crowd_size(), rows = listening_rows(), lines = lines_in("/proc/net/xtcp_listen"), i;

	ksft_test_result(rows == n && lines == n + 1, "%d rows and %d lines\n", rows, lines);
	for (i = 0; i < n; i += 2)
		close(crowd[i]);
	rows = listening_rows();
	lines = lines_in("/proc/net/xtcp_listen");
	ksft_test_result(rows == n / 2 && lines == n / 2 + 1, "then every second one ends\n");
	for (i = 1; i < n; i += 2)
		close(crowd[i]);
	ksft_test_result(!listening_rows() && lines_in("/proc/net/xtcp_listen") == 1, "then all\n");
}

static void many_listeners(void)
{
	double few = refused_beside_one();
	int alone = asking_alone();

	must(!ns_call(ns, listen_all, NULL), "listeners");
	refused_among_many(few);
	asked_among_many(alone);
	each_is_found();
	each_is_listed();
}

static void write_or_die(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);

	must(fd >= 0 && write(fd, text, strlen(text)) >= 0, path);
	close(fd);
}

/* How often the kernel has been asked for a fast grace period since counting began. */
static long fast_periods(void)
{
	char line[256];
	long hits = -1;
	FILE *file = fopen("/sys/kernel/tracing/kprobe_profile", "re");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, " xtcp_fast %ld", &hits);
	if (file)
		fclose(file);
	return hits;
}

/* connect() on one socket again and again, each time refused: it leaves the table and comes back. */
static void reconnect(void)
{
	int fd = stack_socket(ns, XTCP, "127.0.0.1"), n = 0;
	double start;
	long fast;

	write_or_die("/sys/kernel/tracing/kprobe_events", "p:xtcp_fast synchronize_rcu_expedited", O_APPEND);
	write_or_die("/sys/kernel/tracing/events/kprobes/xtcp_fast/enable", "1", 0);
	fast = fast_periods();
	for (start = measure_now(); measure_now() < start + 0.9; n++)
		must(stack_connect(fd, "127.0.0.1", 1) && errno == ECONNREFUSED, "connect()");
	fast = fast_periods() - fast;
	write_or_die("/sys/kernel/tracing/events/kprobes/xtcp_fast/enable", "0", 0);
	write_or_die("/sys/kernel/tracing/kprobe_events", "-:xtcp_fast", O_APPEND);
	close(fd);
	ksft_print_msg("%d connections in 0.9 s, %ld fast grace periods\n", n, fast);
	ksft_test_result(n > 10 && fast > 0 && fast <= FAST_LIMIT, "connect() in a loop interrupts few times\n");
}

/* A descriptor that counts how often this thread calls a function of the kernel. */
static int count_calls(const char *function)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .config1 = (uintptr_t)function };
	FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int fd;

	must(file && fscanf(file, "%u", &attr.type) == 1, "no probes");
	fclose(file);
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	must_say(fd >= 0, "a probe of %s", function);
	return fd;
}

static long long calls_counted(int fd)
{
	long long n;

	must(read(fd, &n, sizeof(n)) == sizeof(n), "a counter");
	return n;
}

/* connect() is refused before it enters the table (no key of TCP-AO, a taken 4-tuple), or by the peer, which waits. */
static void refuse_early(void)
{
	const int fast = count_calls("synchronize_rcu_expedited"), slow = count_calls("synchronize_rcu");
	const int fd = stack_socket(ns, XTCP, "127.0.0.1"), first = stack_bound(ns, XTCP, "127.0.0.1", 0, true);
	const int listener = stack_listener(ns, XTCP, "127.0.0.1", REFUSER_PORT, true);
	const int second = first < 0 ? -1 : stack_bound(ns, XTCP, "127.0.0.1", stack_port(first), true);
	const struct aoopt_key key = { .addr = "192.0.2.1", .sndid = 1, .rcvid = 1 };
	long long began, early, late;
	bool ok = true;

	must(fd >= 0 && listener >= 0 && second >= 0 && !aoopt_add(fd, &key) &&
	     !stack_connect(first, "127.0.0.1", REFUSER_PORT), "sockets");
	began = calls_counted(fast) + calls_counted(slow);
	for (int i = 0; i < REFUSED; i++) {
		ok &= stack_connect(fd, "127.0.0.1", REFUSER_PORT) && errno == EKEYREJECTED;
		ok &= stack_connect(second, "127.0.0.1", REFUSER_PORT) && errno == EADDRNOTAVAIL;
	}
	early = calls_counted(fast) + calls_counted(slow) - began;
	for (int i = 0; i < 2; i++)
		ok &= stack_connect(second, "127.0.0.1", 1) && errno == ECONNREFUSED;
	late = calls_counted(fast) + calls_counted(slow) - began - early;
	ksft_print_msg("%lld grace periods for %d refusals, %lld for two by the peer\n", early, 2 * REFUSED, late);
	ksft_test_result(ok && !early && late, "a connect() that is refused at once waits for no grace period\n");
	close_each(fd, first, second, listener, fast, slow);
}

static atomic_bool over;

static void *come_and_go(void *times)
{
	while (!atomic_load(&over)) {
		write_or_die(LAST_CPU, "0", 0);
		write_or_die(LAST_CPU, "1", 0);
		++*(int *)times;
	}
	return NULL;
}

static void *open_pairs(void *port)
{
	int i, client, server;

	for (i = 0; i < PAIRS; i++) {
		stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", *(int *)port, &client, &server);
		must(stack_carries(client, server, 5000) && stack_carries(server, client, 5000), "octets");
		close_each(client, server);
	}
	return NULL;
}

/* A processor goes and comes back, again and again, under connections; what it has counted stays counted. */
static void processor_goes(void)
{
	const long long before = counter_now(ns, "/proc/net/xtcp_snmp", "Tcp:PassiveOpens");
	pthread_t threads[OPENERS + 1];
	int ports[OPENERS], times = 0, i;
	long long opened;

	if (access(LAST_CPU, W_OK)) {
		ksft_test_result_skip("a processor goes and comes back: none can\n");
		return;
	}
	for (i = 0; i < OPENERS; i++) {
		ports[i] = PAIRS_PORT + i;
		must(!pthread_create(&threads[i], NULL, open_pairs, &ports[i]), "thread");
	}
	must(!pthread_create(&threads[OPENERS], NULL, come_and_go, &times), "thread");
	for (i = 0; i < OPENERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&over, true);
	pthread_join(threads[OPENERS], NULL);
	write_or_die(LAST_CPU, "0", 0);
	opened = counter_now(ns, "/proc/net/xtcp_snmp", "Tcp:PassiveOpens") - before;
	write_or_die(LAST_CPU, "1", 0);
	ksft_print_msg("%d times, %lld connections\n", times, opened);
	ksft_test_result(times && opened == OPENERS * PAIRS, "a processor goes and comes back under connections\n");
}

struct looper {
	uid_t uid;
	bool ends;
	int report[2];	/* a pipe: the median of its first calls of connect(), s */
};

/* A user calls connect() on one socket again and again, each time refused. */
static int loop(void *arg)
{
	const struct looper *l = arg;
	double took[LOOPS], start;
	int fd, i;

	must(!setresuid(l->uid, l->uid, l->uid), "setresuid");
	fd = socket(AF_XTCP, SOCK_STREAM, XTCPPROTO_IPV4);
	for (i = 0; !l->ends || i < LOOPS; i++) {
		start = measure_now();
		must(stack_connect(fd, "127.0.0.1", 1) && errno == ECONNREFUSED, "connect");
		took[i % LOOPS] = measure_now() - start;
		if (i == (l->ends ? LOOPS - 1 : MANY_LOOPS)) {
			start = measure_median(took, LOOPS);
			must(write(l->report[1], &start, sizeof(start)) == sizeof(start), "a report");
		}
	}
	return 0;
}

static pid_t start_looper(struct looper *l, double *median)
{
	pid_t pid;

	must(!pipe(l->report), "pipe");
	pid = ns_fork(ns, loop, l);
	must(pid > 0 && read(l->report[0], median, sizeof(*median)) == sizeof(*median), "a user");
	close_each(l->report[0], l->report[1]);
	return pid;
}

/* All three had the same counter when the uid modulo 16 chose it. */
static void others_loop(void)
{
	struct looper first = { 1001, .ends = true }, other = { 1017 }, second = { 1033, .ends = true };
	double alone, beside, slow;
	pid_t pid;

	waitpid(start_looper(&first, &alone), NULL, 0);
	pid = start_looper(&other, &slow);
	waitpid(start_looper(&second, &beside), NULL, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ksft_print_msg("connect() takes %.0f us alone, %.0f us beside a user whose takes %.0f us\n", alone * 1e6,
		       beside * 1e6, slow * 1e6);
	ksft_test_result(beside < alone * MOST_BESIDE, "a user who calls connect() in a loop makes no other wait\n");
}

int main(void)
{
	struct rlimit files = { MOST_LISTENERS + 100, MOST_LISTENERS + 100 };
	bool debug = release_is_debug();

	ksft_print_header();
	/* what patches code is not for the debug kernel, see README.md */
	ksft_set_plan(debug ? 8 : 10);
	must(!setrlimit(RLIMIT_NOFILE, &files), "no descriptors");
	ns = must_have(ns_make(), "no namespace");
	many_listeners();
	processor_goes();
	others_loop();
	if (!debug) {
		reconnect();
		refuse_early();
	}
	close(ns);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
