// SPDX-License-Identifier: GPL-2.0
/*
 * What Careful Resume has saved of paths, as /proc/net/xtcp_paths and `xtcp paths list` show it, and how root of a
 * namespace makes xtcp forget it: what a line says, what a flush does, who may ask for one, what may be added, and what
 * a reader sees while paths come and go.
 */
#include <net/if.h>
#include "lib/test.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ip");

#define PORT	8400
#define NETSTAT	"/proc/net/xtcp_netstat"
#define JUMPED	"TcpExt:TCPResumeJumped"
#define LISTING	"/proc/net/xtcp_paths"
#define MUCH	600000	/* octets, enough to observe a window that is worth saving */
#define HOSTS	60	/* from OTHERS + 1 on */
#define OTHERS	"10.9.0."
#define FIRST	100
#define STORM	40	/* hosts that are seen while others read and flush; fewer in a short run */

struct line {
	char to[64], from[64], dev[16];
	unsigned int cwnd, rtt_us, age;
};

static struct ns_pair net;
static int listener, listener6;
static atomic_bool is_over;

static char *read_own(void)
{
	char *text = calloc(1, 65536);
	FILE *file = fopen(LISTING, "r");

	must(text && file && fread(text, 1, 65535, file) > 0, LISTING);
	fclose(file);
	return text;
}

/* How many lines the listing of @ns has (-1: the caller's); -1: one of them is none. */
static int listed(int ns, struct line *lines, int most)
{
	char *text = ns < 0 ? read_own() : ns_read_file(ns, LISTING), *next, *word;
	struct line line;
	int n = 0, end;

	must(text, LISTING);
	for (word = strtok_r(text, "\n", &next); word; word = strtok_r(NULL, "\n", &next)) {
		end = 0;
		if (sscanf(word, "to=%63s from=%63s dev=%15s cwnd=%u rtt_us=%u age=%u%n", line.to, line.from, line.dev,
			   &line.cwnd, &line.rtt_us, &line.age, &end) != 6 || word[end]) {
			ksft_print_msg("a wrong line: '%s'\n", word);
			n = -1;
			break;
		}
		if (n < most)
			lines[n] = line;
		n++;
	}
	free(text);
	return n;
}

static int flush_here(void *unused)
{
	rules_start(XTCP_CMD_PATHS_FLUSH);
	return rules_ask();
}

static int flush_unprivileged(void *unused)
{
	must(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534), "setresuid");
	return flush_here(unused);
}

static int add_unprivileged(void *unused)
{
	(void)unused;
	must(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534), "setresuid");
	return rules_add_path(NS_A4, NS_B4, 1, 50000, 0);
}

static int add_here(void *unused)
{
	(void)unused;
	return rules_add_path(NS_A4, NS_B4, 1, 50000, 0);
}

static int read_unprivileged(void *unused)
{
	FILE *file;

	must(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534), "setresuid");
	file = fopen(LISTING, "r");
	return file ? 0 : errno;
}

/* A connection whose peer reads all the time. */
struct transfer {
	int fd, peer;
	pthread_t reader;
};

static void transfer_begin(struct transfer *t, const char *to)
{
	t->fd = stack_connected(net.a, XTCP, to, PORT);
	t->peer = accept(strchr(to, ':') ? listener6 : listener, NULL, NULL);
	must(t->fd >= 0 && t->peer >= 0 && !pthread_create(&t->reader, NULL, bulk_swallow, &t->peer), "a connection");
}

/* It fills its window for some round trips, so it observes its path. */
static void transfer_much(const struct transfer *t)
{
	bulk_send(t->fd, MUCH);
	must(WAIT_FOR(!bulk_unacknowledged(t->fd), STACK_DEADLINE_MS), "a transfer");
}

/* When the connection has closed, it has saved its path, if it has observed enough. */
static void transfer_end(const struct transfer *t)
{
	must(!shutdown(t->fd, SHUT_WR), "shutdown");
	pthread_join(t->reader, NULL);
	close(t->peer);
	must(WAIT_FOR(stack_has_closed(t->fd), STACK_DEADLINE_MS), "the end of a connection");
	close(t->fd);
}

static void see_path(const char *to)
{
	struct transfer t;

	transfer_begin(&t, to);
	transfer_much(&t);
	transfer_end(&t);
}

static bool is_listed(const char *to)
{
	struct line lines[256];
	int n = listed(net.a, lines, 256);

	while (n-- > 0)
		if (!strcmp(lines[n].to, to))
			return true;
	return false;
}

/* On a slow machine a transfer may observe too little. Another one follows until the path is saved. */
static void save_path(const char *to)
{
	const long long begin = wait_now_ms();

	do
		see_path(to);
	while (!is_listed(to) && wait_now_ms() - begin < STACK_DEADLINE_MS);
	SAME(is_listed(to), true);
}

/* Runs the tool in net.a; its exit status. What it says must have @words in it. */
static int tool(const char *arguments, const char *words)
{
	return ns_shell(net.a, "out=$(scripts/tools/xtcp-paths %s 2>&1); status=$?; case $out in *'%s'*) ;;"
			" *) echo \"# $out\"; status=99 ;; esac; exit $status", arguments, words);
}

static void shown(const char *own, const char *to)
{
	struct line line = { .age = 99 };

	save_path(to);
	SAME(listed(net.a, &line, 1), 1);
	SAME(strcmp(line.to, to) || strcmp(line.from, own) || strcmp(line.dev, "veth0"), 0);
	SAME(line.cwnd >= 40 * 1000 && line.cwnd <= MUCH, true);
	SAME(line.rtt_us >= 20000 && line.rtt_us < 1000000, true);
	SAME(line.age < 60, true);
	SAME(ns_call(net.a, flush_here, NULL), 0);
	SAME(listed(net.a, &line, 1), 0);
}

static void before_any(void)
{
	struct line line;

	SAME(listed(net.a, &line, 1), 0);
	SAME(ns_call(net.a, flush_here, NULL), 0);
	same_result("a namespace without a saved path has an empty list, and nothing to forget");
}

static void only_by_root(void)
{
	int lent, guest;

	save_path(NS_B4);
	SAME(ns_child(net.a, flush_unprivileged, NULL), EPERM);
	SAME(ns_child(net.a, add_unprivileged, NULL), EPERM);
	must(!seteuid(65534), "seteuid");
	lent = generic_open();
	must(!seteuid(0), "seteuid");
	rules_start(XTCP_CMD_PATHS_FLUSH);
	rules_req.head.nlmsg_type = generic_family(lent, GENERIC_XTCP);
	SAME(generic_talk(lent, &rules_req.head), EPERM);
	close(lent);
	SAME(ns_child(net.a, read_unprivileged, NULL), EACCES);
	same_result("a user without CAP_NET_ADMIN neither reads the list nor empties it");
	guest = must_have(ns_make_guest(), "guest");
	SAME(ns_child(guest, flush_here, NULL), 0);
	SAME(ns_child(guest, add_here, NULL), 0);	/* Careful Resume is off there */
	SAME(listed(guest, NULL, 0), 0);
	SAME(listed(net.b, NULL, 0), 0);
	SAME(is_listed(NS_B4), true);
	close(guest);
	same_result("root of another namespace sees and empties its own list alone");
}

static void by_the_tool(void)
{
	SAME(tool("list", NS_B4 " from " NS_A4 " dev veth0 cwnd "), 0);
	SAME(tool("nosuch", "invalid choice"), 2);
	SAME(tool("flush", ""), 0);
	SAME(listed(net.a, NULL, 0), 0);
	same_result("xtcp paths lists and flushes");
	rules_start(XTCP_CMD_PATHS_FLUSH);
	rules_put(1, "", 1);
	SAME(rules_ask(), EINVAL);
	rules_said("this request has no attributes");
	same_result("a request with an attribute is refused");
}

static void has(const char *to, const char *from, const char *dev, unsigned int cwnd, unsigned int age)
{
	struct line lines[8];
	int n = listed(net.a, lines, 8);

	while (n-- > 0 && strcmp(lines[n].to, to))
		;
	SAME(n >= 0, true);
	SAME(strcmp(lines[n].from, from) || strcmp(lines[n].dev, dev) || lines[n].rtt_us != 20000, 0);
	SAME(lines[n].cwnd, cwnd);
	SAME(lines[n].age >= age && lines[n].age < age + 60, true);
}

/* As xtcp upgrade adds what the other build has saved. careful_resume is 3600. */
static void by_a_request(void)
{
	const unsigned int veth = if_nametoindex("veth0");

	SAME(rules_add_path(NS_A4, NS_B4, veth, 70000, 1000), 0);
	SAME(rules_add_path(NS_A6, NS_B6, 4321, 80000, 0), 0);
	SAME(rules_add_path(NS_A4, OTHERS "1", veth, 90000, 3600), 0);
	SAME(rules_add_path(NS_A4, OTHERS "2", veth, 90000, ~0U), 0);
	SAME(listed(net.a, NULL, 0), 2);
	has(NS_B4, NS_A4, "veth0", 70000, 1000);
	has(NS_B6, NS_A6, "if4321", 80000, 0);
	SAME(rules_add_path(NS_A4, NS_B4, veth, 60000, 2000), 0);
	has(NS_B4, NS_A4, "veth0", 70000, 1000);
	SAME(rules_add_path(NS_A4, NS_B4, veth, 60000, 500), 0);
	has(NS_B4, NS_A4, "veth0", 60000, 500);
	same_result("a path is added, unless it is older than what is known of it, or too old");
	SAME(rules_add_path(NS_A4, OTHERS "1", veth, 0, 0), EINVAL);
	rules_said("the request has no path, or one without a window");
	rules_start(XTCP_CMD_PATHS_ADD);
	SAME(rules_ask(), EINVAL);
	rules_said("the request has no path, or one without a window");
	rules_put(XTCP_PATHS_PATH, &net, sizeof(struct xtcp_path) - 1);
	SAME(rules_ask(), ERANGE);
	rules_start(XTCP_CMD_PATHS_ADD);
	rules_put(XTCP_PATHS_PATH + 1, "", 1);
	SAME(rules_ask(), EINVAL);
	SAME(listed(net.a, NULL, 0), 2);
	SAME(ns_call(net.a, flush_here, NULL), 0);
	same_result("a path of another size, or without a window, is refused");
}

/* As xtcp upgrade does, whose new build has no socket yet. */
static void before_the_first_socket(void)
{
	const long long jumped = counter_now(net.a, NETSTAT, JUMPED);

	SAME(rules_add_path(NS_A4, NS_B4, if_nametoindex("veth0"), MUCH, 0), 0);
	see_path(NS_B4);
	SAME(counter_now(net.a, NETSTAT, JUMPED), jumped + 1);
	SAME(ns_call(net.a, flush_here, NULL), 0);
	same_result("a path that is added before the first socket of its namespace makes a connection jump");
}

/* Idle so long that the initial window counts again? An RTO halves it (RFC 2861 3.1); 2^7 of these exceed MUCH. */
static bool begins_anew(int fd)
{
	const struct tcp_info info = info_of(fd);

	return info.tcpi_last_data_sent * 1000ULL > 7ULL * info.tcpi_rto;
}

/* One connection observes its path before the flush, the other one also after it. */
static void across_a_flush(void)
{
	struct transfer before, after;

	transfer_begin(&before, NS_B4);
	transfer_begin(&after, NS_B6);
	transfer_much(&before);
	transfer_much(&after);
	SAME(ns_call(net.a, flush_here, NULL), 0);
	transfer_end(&before);
	must(WAIT_FOR(begins_anew(after.fd), STACK_DEADLINE_MS), "an idle time");
	transfer_much(&after);
	transfer_end(&after);
	SAME(is_listed(NS_B4), false);
}

/*
 * A connection begins to observe when it fills its window. If the receiver is slow, it may never fill the window that
 * it has grown: in slow start the window grows when more than half of it is in flight. Then others follow, as in
 * save_path().
 */
static void live_ones(void)
{
	const long long begin = wait_now_ms();

	do
		across_a_flush();
	while (!is_listed(NS_B6) && wait_now_ms() - begin < STACK_DEADLINE_MS);
	SAME(is_listed(NS_B6), true);
	SAME(ns_call(net.a, flush_here, NULL), 0);
	same_result("a live connection saves what it observes after a flush, and nothing from before it");
}

static void add_hosts(void)
{
	must(!ns_shell(net.b, "for i in $(seq %d %d); do echo addr add " OTHERS "$i/24 dev veth0; done | ip -batch -",
		       FIRST, FIRST + HOSTS - 1), "addresses");
}

static const char *host_name(int i)
{
	static char to[32];

	snprintf(to, sizeof(to), OTHERS "%d", FIRST + i);
	return to;
}

/* More than a page of them: a reader gets each path once. */
static void many(void)
{
	struct line lines[HOSTS];
	bool seen[256] = { 0 };
	int i, n, host;

	for (i = 0; i < HOSTS; i++)
		save_path(host_name(i));
	n = listed(net.a, lines, HOSTS);
	ksft_print_msg("%d of %d paths are listed\n", n, HOSTS);
	/* each of 64 sets has room for four paths: some paths may have been replaced */
	SAME(n > 50 && n <= HOSTS, true);
	for (i = 0; i < n && i < HOSTS; i++) {
		host = strncmp(lines[i].to, OTHERS, strlen(OTHERS)) ? 0 : atoi(lines[i].to + strlen(OTHERS));
		SAME(host >= FIRST && host < FIRST + HOSTS && !seen[host], true);
		seen[host & 255] = true;
	}
	SAME(ns_call(net.a, flush_here, NULL), 0);
	SAME(listed(net.a, lines, HOSTS), 0);
	same_result("many paths are listed, each once");
}

static void *read_all_the_time(void *wrong)
{
	struct line lines[4];

	while (!atomic_load(&is_over))
		if (listed(net.a, lines, 4) < 0)
			*(int *)wrong = 1;
	return NULL;
}

static void *flush_all_the_time(void *wrong)
{
	must(!ns_enter(net.a), "namespace");
	while (!atomic_load(&is_over)) {
		if (flush_here(NULL))
			*(int *)wrong = 1;
		wait_tick();
	}
	return NULL;
}

static void storm(void)
{
	int wrong[3] = { 0 }, rounds = short_rounds(STORM), i;
	pthread_t threads[3];

	for (i = 0; i < 3; i++)
		must(!pthread_create(&threads[i], NULL, i ? read_all_the_time : flush_all_the_time, &wrong[i]),
		     "thread");
	for (i = 0; i < rounds; i++)
		see_path(host_name(i));
	atomic_store(&is_over, true);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	SAME(wrong[0] || wrong[1] || wrong[2], false);
	same_result("readers see whole lines while connections save paths and another thread flushes them");
}

/* The listing names a device that has gone by its number. */
static void device_goes(void)
{
	struct line line = { .age = 99 };
	char gone[16];

	SAME(ns_call(net.a, flush_here, NULL), 0);
	save_path(NS_B4);
	snprintf(gone, sizeof(gone), "if%u", if_nametoindex("veth0"));
	must(!ns_shell(net.a, "ip link del veth0"), "ip link del");
	SAME(listed(net.a, &line, 1), 1);
	SAME(strcmp(line.dev, gone) || strcmp(line.to, NS_B4), 0);
	same_result("a path whose device is gone stays in the listing");
}

static void set_distance(const struct netem *netem)
{
	must(!netem_set(net.a, "veth0", netem) && !netem_set(net.b, "veth0", netem), "netem");
}

int main(void)
{
	/*
	 * A path is saved if 40 kB or more arrive in the smallest RTT. Over @far a slow machine can do that, too. Over
	 * @near a connection of a slow machine may save nothing, and the rows with many connections allow for that.
	 */
	const struct netem far = { .delay_ms = 50 }, near = { .delay_ms = 25 };

	test_begin(13);
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	sides_know_each_other(&net);
	set_distance(&far);
	listener = must_have(stack_listener(net.b, KERNEL, "0.0.0.0", PORT, true), "listeners");
	listener6 = must_have(stack_listener(net.b, KERNEL, NS_B6, PORT, true), "listeners");
	before_any();
	must(!ns_sysctl_set(net.a, "net.xtcp.careful_resume", "3600"), "careful_resume");
	before_the_first_socket();
	shown(NS_A4, NS_B4);
	shown(NS_A6, NS_B6);
	same_result("a path, with its window, round trip and age, over both IPs; a flush forgets it");
	only_by_root();
	by_the_tool();
	by_a_request();
	live_ones();
	add_hosts();
	set_distance(&near);
	many();
	storm();
	set_distance(&far);
	device_goes();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
