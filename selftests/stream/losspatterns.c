// SPDX-License-Identifier: GPL-2.0
/*
 * Thirty segments over a path that drops exactly these: each alone, pairs, bursts, a segment and its repetition,
 * ACKs; with and without SACK, with and without timestamps. The sender is kernel TCP, and then xtcp; the receiver
 * is kernel TCP. All must arrive, and xtcp must resend no more and time out no more often than kernel TCP:
 *
 *	losspatterns [-r PATTERN] [-o plain|sack|ts|sack+ts]
 *
 * with -r this pattern alone, each packet shown. The path takes 20 ms each way. What differs by less than a
 * timeout is printed, not judged: on an emulated machine it says more about the machine. The debug kernel, too slow for
 * 20 ms, plays a sixteenth of the patterns with each of the options, and has to bring all octets.
 */
#include "droppath.h"
#include "lib/test.h"

#define SEGMENTS	30
#define MTU		1040
#define DELAY_MS	20
#define PORT		5000
#define LANES		4
#define PATTERNS_MAX	200
#define DEADLINE_MS	60000
/* the machine stood still: half of what RACK waits for what was reordered; on the debug kernel half a round trip */
#define LATE_US		(release_is_debug() ? 20000 : 5000)
#define STARTS_OVER	20

static const struct {
	const char *name;
	int sack, timestamps;
} options[] = { { "plain", 0, 0 }, { "sack", 1, 0 }, { "ts", 0, 1 }, { "sack+ts", 1, 1 } };

#define OPTIONS ((int)(sizeof(options) / sizeof(options[0])))

static struct pattern {
	char name[32];
	struct droppath_plan plan;
} patterns[PATTERNS_MAX];
static int nr_patterns;

struct result {
	bool done;
	char wrong[64];		/* what went wrong, or empty */
	struct droppath_seen seen;
	int timeouts, again;
};

/* [options][pattern][stack], shared by the lanes */
static struct result *results;

static struct result *result_of(int option, int pattern, enum stack stack)
{
	return &results[(option * PATTERNS_MAX + pattern) * 2 + stack];
}

__attribute__((format(printf, 1, 2))) static struct droppath_plan *add(const char *format, ...)
{
	struct pattern *p = &patterns[nr_patterns];
	va_list ap;

	must(nr_patterns++ != PATTERNS_MAX, "too many patterns");
	va_start(ap, format);
	vsnprintf(p->name, sizeof(p->name), format, ap);
	va_end(ap);
	return &p->plan;
}

static void add_burst(int from, int n)
{
	struct droppath_plan *plan;

	if (from + n > SEGMENTS)
		return;
	plan = add("burst_%d_at_%d", n, from);
	memset(plan->text + from, 1, n);
}

static void make_patterns(void)
{
	static const int lengths[] = { 3, 5, 8 }, starts[] = { 0, 2, 7, 10, 15, 22, 25, 27 };
	struct droppath_plan *plan;

	add("none");
	for (int n = 0; n < SEGMENTS; n++)
		add("one_%d", n)->text[n] = 1;
	for (int n = 0; n + 1 < SEGMENTS; n++) {
		plan = add("pair_%d", n);
		plan->text[n] = 1;
		plan->text[n + 1] = 1;
	}
	for (int n = 0; n + 4 < SEGMENTS; n += 3) {
		plan = add("apart_%d", n);
		plan->text[n] = 1;
		plan->text[n + 4] = 1;
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t j = 0; j < sizeof(starts) / sizeof(starts[0]); j++)
			add_burst(starts[j], lengths[i]);
	for (int n = 0; n < SEGMENTS; n++)
		add("twice_%d", n)->text[n] = 2;
	for (int n = 0; n < SEGMENTS; n += 6)
		add("thrice_%d", n)->text[n] = 3;
	plan = add("every_other");
	for (int n = 0; n < SEGMENTS; n += 2)
		plan->text[n] = 1;
	for (int n = 0; n < 12; n++)
		add("ack_%d", n)->acks = 1ull << n;
	add("acks_first_5")->acks = 0x1f;
	add("acks_every_other")->acks = 0x555;	/* the last ACKs arrive: how many there are depends on time */
	add("acks_one_of_four")->acks = 0x777;
	plan = add("one_5_and_acks");
	plan->text[5] = 1;
	plan->acks = 0xf0;
	plan = add("one_12_and_acks");
	plan->text[12] = 1;
	plan->acks = 0xf000;
}

static int timeouts_of(const struct droppath *path, enum stack stack)
{
	return stack_counter(path->a, stack, "TcpExt:TCPTimeouts");
}

static unsigned char octet(size_t n)
{
	return n * 7 + (n >> 8) * 13;
}

/* The program at the end of the path. */
struct reader {
	struct droppath path;
	int fd;			/* -1: no connection yet */
	size_t got;
	bool wrong;		/* an octet is not what was sent */
};

static void read_all(struct reader *reader)
{
	unsigned char bytes[4096];
	ssize_t n, i;

	while (reader->fd >= 0 && (n = recv(reader->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++)
			reader->wrong |= bytes[i] != octet(reader->got++);
}

/* It reads each segment as it comes, or the moment decides about ACKs and duplicates (RFC 5681 section 2). */
static ssize_t give(struct droppath *path, int to, const void *bytes, size_t len)
{
	ssize_t n = write(path->tun[to], bytes, len);

	if (to == 1)
		read_all((struct reader *)path);
	return n;
}

/* *@timeouts: of the text; a SYN's, from a machine that stands still before the path has it, are not the pattern's. */
static const char *send_all(struct reader *reader, int fd, int listener, size_t total, enum stack stack, int *timeouts)
{
	struct droppath *path = &reader->path;
	unsigned char text[SEGMENTS * MTU];
	long long end = wait_now_ms() + DEADLINE_MS;
	const char *wrong = NULL;

	for (size_t i = 0; i < total; i++)
		text[i] = octet(i);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (stack_connect(fd, DROPPATH_B, PORT) && errno != EINPROGRESS)
		return "connect()";
	reader->got = 0;
	while (reader->fd < 0 && wait_now_ms() < end) {
		droppath_step(path, 10);
		reader->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	if (reader->fd < 0)
		return "no connection";
	*timeouts = timeouts_of(path, stack);
	if (send(fd, text, total, MSG_NOSIGNAL) != (ssize_t)total)
		wrong = "send() did not take all";
	while (!wrong && path->seen.acked < total) {
		droppath_step(path, 10);
		if (reader->wrong)
			wrong = "wrong octets";
		else if (wait_now_ms() > end)
			wrong = "not all was acknowledged in time";
	}
	if (!wrong && reader->got != total)
		wrong = "not all was received";
	*timeouts = timeouts_of(path, stack) - *timeouts;
	close(reader->fd);
	reader->fd = -1;
	return wrong;
}

static void transfer(struct reader *reader, int option, int pattern, enum stack stack)
{
	struct result *result = result_of(option, pattern, stack);
	struct droppath *path = &reader->path;
	int size = 400000, mss = MTU - 40 - (options[option].timestamps ? 12 : 0);
	int listener = stack_listener(path->b, KERNEL, DROPPATH_B, PORT, true);
	int fd = stack_socket(path->a, stack, DROPPATH_A);
	const char *wrong;

	droppath_plan(path, &patterns[pattern].plan);
	must(listener >= 0 && fd >= 0 && !fcntl(listener, F_SETFL, O_NONBLOCK) &&
	     !setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "sockets");
	wrong = send_all(reader, fd, listener, (size_t)mss * SEGMENTS, stack, &result->timeouts);
	stack_reset_at_close(fd);
	close_each(fd, listener);
	snprintf(result->wrong, sizeof(result->wrong), "%s", wrong ? wrong : "");
	result->seen = path->seen;
	result->done = true;
}

static void use_options(const struct droppath *path, int option)
{
	must(!ns_sysctl_set(path->b, "net.ipv4.tcp_sack", "%d", options[option].sack) &&
	     !ns_sysctl_set(path->b, "net.ipv4.tcp_timestamps", "%d", options[option].timestamps), "sysctl");
}

static void open_path(struct droppath *path)
{
	if (droppath_open(path, DELAY_MS, MTU) || ns_sysctl_set(path->a, "net.ipv4.tcp_no_metrics_save", "1") ||
	    ns_sysctl_set(path->b, "net.ipv4.tcp_no_metrics_save", "1") ||
	    ns_sysctl_set(path->a, "net.ipv4.tcp_congestion_control", "reno") ||
	    ns_sysctl_set(path->a, "net.xtcp.congestion_control", "reno"))
		ksft_exit_fail_msg("no path\n");
}

static bool is_played(int option, int pattern, int only_option, int only_pattern)
{
	if (only_pattern >= 0 || only_option >= 0)
		return (only_option < 0 || option == only_option) && (only_pattern < 0 || pattern == only_pattern);
	return !release_is_debug() || pattern % 16 == 4 * option;
}

static void lane(int which, int only_option, int only_pattern)
{
	struct reader reader = { .fd = -1 };
	struct droppath *path = &reader.path;
	struct result *result;

	open_path(path);
	path->give = give;
	path->show = only_pattern >= 0;
	for (int o = 0; o < OPTIONS; o++) {
		if (only_option >= 0 && o != only_option)
			continue;
		use_options(path, o);
		for (int p = 0; p < nr_patterns; p++) {
			if (!is_played(o, p, only_option, only_pattern) || (only_pattern < 0 && p % LANES != which))
				continue;
			for (int stack = stack_first(); stack <= XTCP; stack++) {
				result = result_of(o, p, stack);
				if (path->show)
					printf("# %s, %s, %s\n", patterns[p].name, options[o].name, stack_name(stack));
				do {
					transfer(&reader, o, p, stack);
				} while (result->seen.late_us > LATE_US && result->again++ < STARTS_OVER);
			}
		}
	}
}

/*
 * Of fifteen holes in thirty segments a sender without SACK finds one in a round trip, with as few segments in flight
 * as make no three duplicates. Where xtcp goes on with more than one hole, kernel TCP has timed out already: early in
 * the stream, when a timeout costs it less. They resend 16 and 19 segments.
 */
static int timeouts_more(int option, int pattern)
{
	return !options[option].sack && !strcmp(patterns[pattern].name, "every_other");
}

static bool judge(int option, int pattern)
{
	const struct result *k = result_of(option, pattern, KERNEL), *x = result_of(option, pattern, XTCP);
	const char *about = patterns[pattern].name, *with = options[option].name;

	if ((!k->done && stack_first() == KERNEL) || !x->done || *k->wrong || *x->wrong) {
		ksft_print_msg("%s, %s: kernel TCP: %s; xtcp: %s\n", about, with, k->done ? k->wrong : "not run",
			       x->done ? x->wrong : "not run");
		return false;
	}
	if (release_is_debug() ||
	    (x->seen.resent <= k->seen.resent && x->timeouts <= k->timeouts + timeouts_more(option, pattern)))
		return true;
	ksft_print_msg("%s, %s: xtcp resent %u (%u needlessly), %d timeouts, %lld ms; kernel TCP %u (%u), %d, %lld\n",
		       about, with, x->seen.resent, x->seen.needless, x->timeouts,
		       (x->seen.ended_us - x->seen.began_us) / 1000, k->seen.resent, k->seen.needless, k->timeouts,
		       (k->seen.ended_us - k->seen.began_us) / 1000);
	return false;
}

static bool sum_up(int option)
{
	struct { unsigned int resent, needless, timeouts, again; long long ms; } sum[2] = {};
	const struct result *r;

	for (int p = 0; p < nr_patterns; p++) {
		for (int stack = stack_first(); stack <= XTCP; stack++) {
			r = result_of(option, p, stack);
			sum[stack].resent += r->seen.resent;
			sum[stack].needless += r->seen.needless;
			sum[stack].timeouts += r->timeouts;
			sum[stack].again += r->again;
			sum[stack].ms += (r->seen.ended_us - r->seen.began_us) / 1000;
		}
	}
	for (int stack = stack_first(); stack <= XTCP; stack++)
		ksft_print_msg("%-8s %-7s %u resent, %u needlessly, %u timeouts, %lld ms; %u started over\n",
			       options[option].name, stack_name(stack), sum[stack].resent, sum[stack].needless,
			       sum[stack].timeouts, sum[stack].ms, sum[stack].again);
	return sum[XTCP].resent <= sum[KERNEL].resent;
}

static int find_pattern(const char *name)
{
	int p;

	for (p = 0; p < nr_patterns && strcmp(patterns[p].name, name); p++)
		;
	must_say(p != nr_patterns, "no pattern '%s'", name);
	return p;
}

static int find_option(const char *name)
{
	int o;

	for (o = 0; o < OPTIONS && strcmp(options[o].name, name); o++)
		;
	must_say(o != OPTIONS, "no options '%s'", name);
	return o;
}

static pid_t start_lane(int which, int option, int pattern)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	lane(which, option, pattern);
	fflush(stdout);
	_exit(0);
}

static void run_lanes(int option, int pattern)
{
	pid_t pids[LANES];
	int n = pattern < 0 ? LANES : 1, started = 0, together, i, status;

	fflush(stdout);
	/* where there is one processor lanes would only make each other late */
	together = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? n : 1;
	for (i = 0; i < n; i++) {
		for (; started < n && started < i + together; started++)
			pids[started] = start_lane(started, option, pattern);
		if (pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || status)
			ksft_print_msg("lane %d did not end well\n", i);
	}
}

int main(int argc, char **argv)
{
	size_t size = sizeof(*results) * OPTIONS * PATTERNS_MAX * 2;
	int option = -1, pattern = -1, opt, o, p, played = 0;
	bool whole, fewer;

	make_patterns();
	while ((opt = getopt(argc, argv, "r:o:")) != -1) {
		if (opt == 'r')
			pattern = find_pattern(optarg);
		else if (opt == 'o')
			option = find_option(optarg);
		else
			ksft_exit_fail_msg("usage: %s [-r PATTERN] [-o OPTIONS]\n", argv[0]);
	}
	results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(results != MAP_FAILED, "mmap");
	ksft_print_header();
	for (o = 0; o < OPTIONS; o++)
		for (p = 0; p < nr_patterns; p++)
			played += is_played(o, p, option, pattern);
	whole = option < 0 && pattern < 0 && !release_is_debug();
	ksft_set_plan(played + (whole ? OPTIONS : 0));
	run_lanes(option, pattern);
	for (o = 0; o < OPTIONS; o++) {
		if (option >= 0 && o != option)
			continue;
		fewer = sum_up(o);
		if (whole)
			ksft_test_result(fewer, "all patterns, %s\n", options[o].name);
		for (p = 0; p < nr_patterns; p++)
			if (is_played(o, p, option, pattern))
				ksft_test_result(judge(o, p), "%s, %s\n", patterns[p].name, options[o].name);
	}
	ksft_finished();
}
