// SPDX-License-Identifier: GPL-2.0
/*
 * Many TIME-WAIT records, of IPv4 and of IPv6, that end at the same moment: by one run of their timer, and with the
 * module.
 *
 *	namespace a --- veth0 --- namespace b
 *	  xtcp, closes first      kernel TCP
 *
 * A record is moved forward past 32 others at most, and ends with the one before it when it would have to go further
 * (module/timewait/timewait.c). So some long-lasting records, HELD, hold back all records that came later and would end
 * earlier. This holds in each shard of the namespace; it has as many shards as there are processors.
 */
#include "lib/test.h"

NEEDS_MODULE;

#define EVENT		"events/xtcp/xtcp_conn_state/"
#define PORT		7300
#define HELD		160
#define COUNT		740	/* the timer ends 256 in one hold of its lock, and frees 32 at once */
#define RUNS		600	/* that many in runs of one IP version, the others in turn */
#define RUN		50
#define SHORT_MS	1000	/* the least that net.xtcp.timewait_ms may be */
#define LONG_MS		60000
#define TRIES		4

static struct ns_pair pair;
static int clients[COUNT], servers[COUNT], ports[COUNT];
static int listener_v4, listener_v6;

static bool is_v4(int i)
{
	return i < RUNS ? !(i / RUN & 1) : !(i & 1);
}

/* Without leaving the namespace between two of them, which takes longer than the rest. */
static int connect_from_here(void *arg)
{
	for (int i = 0; i < COUNT; i++) {
		clients[i] = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, is_v4(i) ? XTCPPROTO_IPV4 : XTCPPROTO_IPV6);
		if (clients[i] < 0 || stack_connect(clients[i], is_v4(i) ? NS_B4 : NS_B6, PORT))
			return -1;
		servers[i] = accept(is_v4(i) ? listener_v4 : listener_v6, NULL, NULL);
		if (servers[i] < 0)
			return -1;
		ports[i] = stack_port(clients[i]);
	}
	return 0;
}

static void connect_all(void)
{
	listener_v4 = stack_listener(pair.b, KERNEL, NS_B4, PORT, true);
	listener_v6 = stack_listener(pair.b, KERNEL, NS_B6, PORT, true);
	must(listener_v4 >= 0 && listener_v6 >= 0 && !ns_call(pair.a, connect_from_here, NULL), "cannot connect");
	close_each(listener_v4, listener_v6);
}

static void timewait_is(int ms)
{
	must(!ns_sysctl_set(pair.a, "net.xtcp.timewait_ms", "%d", ms), "no net.xtcp.timewait_ms");
}

/* All become records: the first of them to last for @held_ms, the others for @ms. The peer's FIN makes a record. */
static void close_all(int held_ms, int ms)
{
	for (int i = 0; i < COUNT; i++)
		shutdown(clients[i], SHUT_WR);
	for (int i = 0; i < COUNT; i++)
		must_say(stack_at_end(servers[i]), "connection %d does not end", i);
	timewait_is(held_ms);
	for (int i = 0; i < COUNT; i++) {
		if (i == HELD)
			timewait_is(ms);
		close(servers[i]);
	}
	stack_close(clients, COUNT);
}

struct listed {
	int v4, v6;
	int overdue;
};

static int listed_in(const char *path, int *overdue)
{
	struct row *rows;
	int n = rows_read(pair.a, path, &rows, NULL), found = 0, i;

	for (i = 0; i < n; i++) {
		found += rows[i].state == TCP_TIME_WAIT;
		*overdue += rows[i].state == TCP_TIME_WAIT && !rows[i].when;
	}
	free(rows);
	return found;
}

static struct listed listed(void)
{
	struct listed l = {};

	l.v4 = listed_in("/proc/net/xtcp", &l.overdue);
	l.v6 = listed_in("/proc/net/xtcp6", &l.overdue);
	return l;
}

static bool all_listed(void)
{
	const struct listed l = listed();

	return l.v4 == COUNT / 2 && l.v6 == COUNT / 2;
}

static bool none_listed(void)
{
	const struct listed l = listed();

	return !l.v4 && !l.v6;
}

/* False as well when some have ended already. */
static bool all_but_held_overdue(void)
{
	const struct listed l = listed();

	return l.v4 == COUNT / 2 && l.v6 == COUNT / 2 && l.overdue == COUNT - HELD;
}

static long long counted(const char *name)
{
	return counter_now(pair.a, "/proc/net/xtcp_netstat", name);
}

static int count_free_ports(void *arg)
{
	union stack_addr addr;
	int found = 0, i, fd;

	for (i = 0; i < COUNT; i++) {
		addr = stack_addr(is_v4(i) ? NS_A4 : NS_A6, ports[i]);
		fd = socket(addr.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!bind(fd, &addr.sa, stack_addr_len(&addr)))
			found++;
		else if (errno != EADDRINUSE)
			ksft_exit_fail_msg("bind() to port %d: %s\n", ports[i], strerror(errno));
		close(fd);
	}
	return found;
}

static int free_ports(void)
{
	return ns_call(pair.a, count_free_ports, NULL);
}

/* Records of each IP version in their slabs, beside those that had been there. */
static bool slabs_have(const struct slabs *before, long records)
{
	struct slabs now;
	bool ok = true;

	slabs_read(&now);
	for (int i = 0; i < SLABS_N; i++)
		if (strstr(slabs_names[i], "_timewait") && before->active[i] >= 0)
			ok &= now.active[i] - before->active[i] == records;
	return ok;
}

static long long all_made(void)
{
	return counted("TcpExt:TW") + counted("TcpExt:TWKilled");
}

/* From now on, the events of records that begin, change and end. */
static void watch(void)
{
	struct stat st;
	char filter[64];

	must(!fstat(pair.a, &st), "namespace");
	snprintf(filter, sizeof(filter), "netns==%lu", (unsigned long)st.st_ino);
	tracing_set(EVENT "filter", filter);
	tracing_forget();
	tracing_set(EVENT "enable", "1");
}

/* On a machine that is too slow the first of them end before the last are overdue: then once more, with more time. */
static void end_by_timer(const struct slabs *before)
{
	int held_ms = release_is_debug() ? 20000 : 3000, try;
	long long before_it, made;
	bool ok = false;

	for (try = 0; try < TRIES && !ok; try++, held_ms *= 2) {
		must(!try || WAIT_FOR(none_listed(), STACK_DEADLINE_MS + held_ms), "records do not end");
		watch();
		connect_all();
		before_it = all_made();
		close_all(held_ms, SHORT_MS);
		/* close() returns before the last FIN has arrived */
		WAIT_FOR(all_made() - before_it >= COUNT, STACK_DEADLINE_MS);
		ok = WAIT_FOR(all_but_held_overdue() || !all_listed(), STACK_DEADLINE_MS) && all_but_held_overdue();
		made = all_made() - before_it;
	}
	ksft_test_result(ok, "%d of %d records wait for the one that ends before them\n", COUNT - HELD, COUNT);
	ksft_test_result(made == COUNT, "each was counted once\n");
	ksft_test_result(WAIT_FOR(none_listed(), STACK_DEADLINE_MS + held_ms), "then all end\n");
	ksft_test_result(tracing_count("xtcp_conn_state:", " old=TIME-WAIT new=CLOSED", "") == COUNT,
			 "each says so by an event\n");
	tracing_set(EVENT "enable", "0");
	ksft_test_result(WAIT_FOR(free_ports() == COUNT, STACK_DEADLINE_MS), "their ports are free\n");
	ksft_test_result(WAIT_FOR(slabs_have(before, 0), STACK_DEADLINE_MS), "and so is their memory\n");
}

static void end_with_module(const struct slabs *before)
{
	long long made;

	connect_all();
	made = counted("TcpExt:TW");
	close_all(LONG_MS, LONG_MS);
	ksft_test_result(WAIT_FOR(all_listed(), STACK_DEADLINE_MS) && counted("TcpExt:TW") - made == COUNT,
			 "%d records are listed and counted\n", COUNT);
	ksft_test_result(slabs_have(before, COUNT / 2), "each has memory of its own\n");
	ksft_test_result(!free_ports(), "their ports are nobody else's\n");
	ksft_test_result(!module_unload() && !module_is_loaded(), "the module unloads\n");
	ksft_test_result(free_ports() == COUNT, "and the ports are free\n");
	must(!module_load(""), "cannot load the module");
	ksft_test_result(none_listed() && slabs_back(before, STACK_DEADLINE_MS),
			 "nothing is left when it comes back\n");
}

int main(void)
{
	struct rlimit files = { 8192, 8192 };
	struct slabs before;

	test_begin(12);
	slabs_read(&before);
	must(!setrlimit(RLIMIT_NOFILE, &files) && !ns_pair_make(&pair), "no descriptors or no namespaces");
	tracing_start("records");
	end_by_timer(&before);
	tracing_stop();
	end_with_module(&before);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
