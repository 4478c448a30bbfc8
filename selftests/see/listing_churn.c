// SPDX-License-Identifier: GPL-2.0
/*
 * A listing by netlink, or of /proc/net/xtcp, while everything changes: what is there all the time is in it once, and
 * nothing is in it twice, however slowly it is read. The table has 16 chains, so that a message ends inside a chain.
 * Connections become TIME-WAIT between two reads, and at any moment of the walk, also after it has found the sock and
 * before it has made the row. Aborted connections are closed, or disconnected and used again, while they are listed.
 * Also, the module and a namespace go while a listing is half read.
 */
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;
NEEDS_PROGRAMS("unshare");

#define PORT		7000	/* of what stays */
#define CLOSING_PORT	7001	/* of what becomes TIME-WAIT meanwhile */
#define CHURN_PORT	7002	/* and the next one: of what comes and goes */
#define RACING_PORT	7010	/* and the next ones: of what closes in a storm, so few that each batch has some */
#define RACES		8
#define RACING		256
#define FIRST_LISTENER	7100
#define LISTENERS	300
#define SMALLEST	4096	/* octets of a read: some rows */
#define PIECE		333	/* and of one of /proc: two rows and a part */
#define LARGEST		65536
#define NEWCOMERS_MS	5000

static int space, listeners[LISTENERS];
static int stays, closes;	/* connections; each has two ends here */
static int racing_port;
static atomic_bool stop, closed;
static atomic_uint churned;

struct pair {
	int client, server;
};

static struct pair *staying, *closing, racing[RACING];

static void open_pairs(struct pair *pairs, int n, int port)
{
	int listener = must_have(stack_listener(space, XTCP, "127.0.0.1", port, true), "listener"), i;

	for (i = 0; i < n; i++) {
		pairs[i].client = must_have(stack_connected(space, XTCP, "127.0.0.1", port), "connection");
		pairs[i].server = must_have(accept(listener, NULL, NULL), "connection");
	}
	close(listener);
}

static void close_pairs(struct pair *pairs, int n)
{
	for (int i = 0; i < n; i++)
		close_each(pairs[i].client, pairs[i].server);
}

/* Connections and listeners that come and go, most of them by a reset: a record would stay for a minute. */
static void *churn(void *arg)
{
	const int port = CHURN_PORT + (arg ? 1 : 0);
	int listener = stack_listener(space, XTCP, "127.0.0.1", port, true), client, server, other;

	must(listener >= 0, "listener");
	while (!stop) {
		client = must_have(stack_connected(space, XTCP, "127.0.0.1", port), "churn");
		server = must_have(accept(listener, NULL, NULL), "churn");
		other = must_have(stack_listener(space, XTCP, "127.0.0.1", 0, false), "churn");
		if (churned % 8)
			stack_reset_at_close(client);
		close_each(client, server, other);
		churned++;
	}
	close(listener);
	return NULL;
}

/* How often each tuple was seen. Ends of one connection differ in which port is whose. */
static struct {
	unsigned char *staying[2], *closing[2];	/* by the port of the client: our row, its row */
	unsigned char listener[LISTENERS];
	unsigned int twice;
	unsigned int odd;	/* listeners with a peer, in all dumps */
} seen;

static void seen_reset(void)
{
	for (int i = 0; i < 2; i++) {
		memset(seen.staying[i], 0, 65536);
		memset(seen.closing[i], 0, 65536);
	}
	memset(seen.listener, 0, sizeof(seen.listener));
	seen.twice = 0;
}

static void note_tuple(unsigned int state, int port, int peer_port)
{
	unsigned char *count = NULL;

	if (state == TCP_LISTEN) {
		seen.odd += !!peer_port;
		if (port >= FIRST_LISTENER && port < FIRST_LISTENER + LISTENERS)
			count = &seen.listener[port - FIRST_LISTENER];
	} else if (port == PORT || peer_port == PORT) {
		count = &seen.staying[port == PORT][port == PORT ? peer_port : port];
	} else if (port == CLOSING_PORT || peer_port == CLOSING_PORT) {
		count = &seen.closing[port == CLOSING_PORT][port == CLOSING_PORT ? peer_port : port];
	} else if (racing_port && (port == racing_port || peer_port == racing_port)) {
		count = &seen.closing[port == racing_port][port == racing_port ? peer_port : port];
	}
	if (count && (*count)++)
		seen.twice++;
}

static void note(const struct diag_row *row, void *arg)
{
	note_tuple(row->msg->idiag_state, ntohs(row->msg->id.idiag_sport), ntohs(row->msg->id.idiag_dport));
}

static int missing(unsigned char *const by_port[2], const int *ports, int n, bool one_end)
{
	int i, none = 0;

	for (i = 0; i < n; i++)
		none += !by_port[0][ports[i]] + (!one_end && !by_port[1][ports[i]]);
	return none;
}

static int *ports_of(const struct pair *pairs, int n)
{
	int *ports = calloc(n, sizeof(*ports)), i;

	must(ports, "memory");
	for (i = 0; i < n; i++)
		ports[i] = stack_port(pairs[i].client);
	return ports;
}

/* A dump of @states, 0: of all. @step() happens between any two reads. The number of reads, or a negative errno. */
static int slow_dump(unsigned int states, size_t size, unsigned char ext, void (*step)(int number))
{
	const struct diag_query query = { .stack = XTCP, .ext = ext, .states = states };
	static struct diag_request request;
	int fd = diag_open(), more, reads = 0;

	seen_reset();
	diag_fill(&request, &query);
	diag_send(fd, &request);
	do {
		more = diag_receive(fd, size, note, NULL);
		if (step)
			step(reads);
		reads++;
	} while (more == 1);
	close(fd);
	return more ?: reads;
}

/* The same of /proc/net/xtcp, by reads of @size octets. The number of rows. */
static int proc_dump(size_t size)
{
	static char octets[LARGEST];
	FILE *file = fopen("/proc/thread-self/net/xtcp", "re");
	unsigned int port, peer_port, state;
	char line[256];
	int rows = 0;

	must(file && !setvbuf(file, octets, _IOFBF, size), "/proc/net/xtcp");
	seen_reset();
	for (; fgets(line, sizeof(line), file); rows++)
		if (sscanf(line, " %*u: %*8X:%4X %*8X:%4X %2X", &port, &peer_port, &state) == 3)
			note_tuple(state, port, peer_port);
	fclose(file);
	return rows;
}

/* One more of them goes its way: the client closes first, so its end becomes TIME-WAIT. */
static void close_one(int number)
{
	if (number >= closes)
		return;
	close_each(closing[number].client, closing[number].server);
}

static int listeners_missing(void)
{
	int i, none = 0;

	for (i = 0; i < LISTENERS; i++)
		none += !seen.listener[i];
	return none;
}

static void dumps(int rounds)
{
	int *ports = ports_of(staying, stays), *closing_ports = ports_of(closing, closes), i, reads, lost = 0;
	bool ok = true;

	for (i = 0; i < 2 * rounds; i++) {
		reads = i % 2 ? proc_dump(i % 4 == 1 ? PIECE : LARGEST) :
				slow_dump(0, i % 4 ? LARGEST : SMALLEST, 0xff, NULL);
		lost = missing(seen.staying, ports, stays, false) + listeners_missing();
		if (reads <= 0 || lost || seen.twice) {
			ksft_print_msg("dump %d: %d reads, %d missing, %u twice\n", i, reads, lost, seen.twice);
			ok = false;
		}
	}
	ksft_print_msg("%d dumps, the last one of %d rows; %u connections came and went\n", i, reads, churned);
	ksft_test_result(ok, "what is there throughout is listed once\n");
	/* their clients' ends stay for a minute */
	reads = slow_dump(0, SMALLEST, 0xff, close_one);
	lost = missing(seen.closing, closing_ports, closes < reads ? closes : reads, true);
	if (lost || seen.twice)
		ksft_print_msg("%d reads, %d missing, %u twice\n", reads, lost, seen.twice);
	ksft_test_result(reads > 0 && !lost && !seen.twice, "so is a connection that becomes TIME-WAIT meanwhile\n");
	for (i = reads; i < closes; i++)
		close_one(i);
	free(ports);
	free(closing_ports);
}

static void *close_racing(void *unused)
{
	close_pairs(racing, RACING);
	closed = true;
	return unused;
}

/* Dumps, one after the other, with and without the lock of each sock, until all are TIME-WAIT. How many were wrong. */
static int race(int *all)
{
	int *ports, wrong = 0, reads, lost;
	pthread_t closer;

	open_pairs(racing, RACING, racing_port);
	ports = ports_of(racing, RACING);
	closed = false;
	must(!pthread_create(&closer, NULL, close_racing, NULL), "thread");
	do {
		reads = slow_dump(0, SMALLEST, (*all)++ % 2 ? 0xff : 0, NULL);
		lost = missing(seen.closing, ports, RACING, true);
		if (reads <= 0 || lost || seen.twice)
			ksft_print_msg("dump %d: %d reads, %d missing, %u twice\n", *all, reads, lost, seen.twice);
		wrong += reads <= 0 || lost || seen.twice;
	} while (!closed);
	pthread_join(closer, NULL);
	free(ports);
	return wrong;
}

/* In a namespace of its own, which ends with what it has. How many dumps there were, and how many were wrong. */
static int run_races(int (*one)(int *all), int *all)
{
	const int before = space;
	int i, wrong = 0;

	space = ns_make();
	must(space >= 0 && !ns_enter(space), "namespace");
	for (i = 0; i < RACES; i++) {
		racing_port = RACING_PORT + i;
		wrong += one(all);
	}
	racing_port = 0;
	must(!ns_enter(ns_home()), "home");
	close(space);
	space = before;
	return wrong;
}

static void races(void)
{
	int all = 0, wrong = run_races(race, &all);

	ksft_print_msg("%d dumps while %d connections closed\n", all, RACES * RACING);
	ksft_test_result(!wrong, "and one that becomes TIME-WAIT at any moment of the walk\n");
}

static void reset_client(const struct pair *pair)
{
	struct pollfd ready = { .fd = pair->server };

	must(!stack_abort(pair->client), "SO_LINGER");
	must(poll(&ready, 1, STACK_DEADLINE_MS) == 1 && ready.revents & POLLHUP, "the reset comes");
}

/* Of what was aborted, every second one goes: half of them by close(), half by a disconnect, and then both. */
static void *let_go(void *unused)
{
	for (int i = 1; i < RACING; i += 2) {
		if (i % 4 == 1)
			must(!stack_disconnect(racing[i].server), "disconnect");
		close(racing[i].server);
	}
	closed = true;
	return unused;
}

/* Aborts, disconnects and connects one socket again and again. */
static void *abort_again(void *unused)
{
	int listener = stack_listener(space, XTCP, "127.0.0.1", CHURN_PORT, true), fd;
	struct pair pair;

	fd = stack_socket(space, XTCP, "127.0.0.1");
	must(listener >= 0 && fd >= 0, "sockets");
	while (!closed) {
		must(!stack_connect(fd, "127.0.0.1", CHURN_PORT), "connect");
		pair = (struct pair){ .client = accept(listener, NULL, NULL), .server = fd };
		must(pair.client >= 0, "accept");
		reset_client(&pair);
		must(!stack_disconnect(fd), "disconnect");
	}
	close_each(fd, listener);
	return unused;
}

/* Dumps while half of what is listed goes. What stays is in each of them once. */
static int abort_race(int *all)
{
	int *ports, stay[RACING / 2], wrong = 0, reads, lost, i;
	pthread_t threads[2];

	open_pairs(racing, RACING, racing_port);
	ports = ports_of(racing, RACING);
	for (i = 0; i < RACING; i++)
		reset_client(&racing[i]);
	for (i = 0; i < RACING / 2; i++)
		stay[i] = ports[2 * i];
	reads = slow_dump(1 << TCP_CLOSE, SMALLEST, 0xff, NULL);
	wrong += reads <= 0 || missing(seen.closing + 1, ports, RACING, true) || seen.twice;
	closed = false;
	must(!pthread_create(&threads[0], NULL, let_go, NULL), "thread");
	must(!pthread_create(&threads[1], NULL, abort_again, NULL), "thread");
	do {
		reads = slow_dump(*all % 2 ? 1 << TCP_CLOSE : 0, SMALLEST, *all % 4 / 2 ? 0xff : 0, NULL);
		lost = missing(seen.closing + 1, stay, RACING / 2, true);
		if (reads <= 0 || lost || seen.twice)
			ksft_print_msg("dump %d: %d reads, %d missing, %u twice\n", *all, reads, lost, seen.twice);
		wrong += reads <= 0 || lost || seen.twice;
		++*all;
	} while (!closed);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < RACING; i += 2)
		close(racing[i].server);
	free(ports);
	/* all are gone */
	reads = slow_dump(1 << TCP_CLOSE, SMALLEST, 0xff, NULL);
	return wrong + (reads != 1 || !missing(seen.closing + 1, stay, 1, true));
}

static void abort_races(void)
{
	int all = 0, wrong = run_races(abort_race, &all);

	ksft_print_msg("%d dumps while half of %d aborted connections went\n", all, RACES * RACING);
	ksft_test_result(!wrong, "aborted connections are listed until they are closed or disconnected\n");
}

static void *churn_here(void *unused)
{
	run_on(0);
	return churn(unused);
}

/* A child is in the table a moment before its state is SYN-RECEIVED; black boxes make this longer. */
static void newcomers(void)
{
	const int before = space;
	pthread_t thread;
	cpu_set_t cpus;
	int all = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) == 1) {
		ksft_test_result_skip("the kernel cannot use two processors: a child is no listener\n");
		return;
	}
	must(!sched_getaffinity(0, sizeof(cpus), &cpus), "sched_getaffinity");
	space = ns_make();
	must(space >= 0 && !ns_sysctl_set(space, "net.xtcp.blackbox", "1 0 65535") && !ns_enter(space), "namespace");
	stop = false;
	seen.odd = 0;
	must(!pthread_create(&thread, NULL, churn_here, NULL), "thread");
	run_on(1);
	for (long long until = wait_now_ms() + NEWCOMERS_MS; wait_now_ms() < until; all++) {
		proc_dump(LARGEST);
		if (all % 16 == 0)
			must(slow_dump(0, LARGEST, 0, NULL) > 0, "dump");
	}
	stop = true;
	pthread_join(thread, NULL);
	must(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
	ksft_print_msg("%d listings, %u listeners with a peer\n", all, seen.odd);
	ksft_test_result(!seen.odd, "a child is no listener\n");
	must(!ns_enter(ns_home()), "home");
	close(space);
	space = before;
}

/* A dump of which the first part alone is read. */
static int half_read(void)
{
	const struct diag_query query = { .stack = XTCP };
	static struct diag_request request;
	int fd = diag_open();

	seen_reset();
	diag_fill(&request, &query);
	diag_send(fd, &request);
	must(diag_receive(fd, SMALLEST, note, NULL) == 1, "there is more");
	return fd;
}

static bool holders_name_us(void)
{
	FILE *pipe = popen("scripts/tools/xtcp-holders 2>&1", "re");
	char line[512];
	bool named = false;
	int pid;

	must(pipe, "xtcp-holders");
	while (fgets(line, sizeof(line), pipe))
		named |= sscanf(line, " %d", &pid) == 1 && pid == getpid() && strstr(line, "sock_diag");
	pclose(pipe);
	return named;
}

/* Root of a user namespace does not see what other users' programs have open. */
static bool holders_says_it_is_blind(void)
{
	FILE *pipe = popen("unshare -Ur scripts/tools/xtcp-holders 2>&1", "re");
	char line[512];
	int lines = 0;
	bool said = false;

	must(pipe, "unshare");
	while (fgets(line, sizeof(line), pipe)) {
		said = !strncmp(line, "xtcp-holders: only root ", 24);
		if (++lines > 1 || !said)
			ksft_print_msg("%s", line);
	}
	return pclose(pipe) == 2 << 8 && lines == 1 && said;
}

static int half_read_in(void *arg)
{
	return half_read();
}

static int name_us(void *arg)
{
	return holders_name_us();
}

static void ends(void)
{
	int fd;

	/* listeners alone: they end with their descriptors */
	fd = ns_call(space, half_read_in, NULL);
	stack_close(listeners, LISTENERS);
	ksft_test_result(module_unload_now() == -1 && errno == EWOULDBLOCK, "a listing half read holds the module\n");
	ksft_test_result(ns_call(space, name_us, NULL), "xtcp-holders names who has it\n");
	ksft_test_result(holders_says_it_is_blind(), "and says so where it does not see everybody\n");
	close(fd);
	ksft_test_result(WAIT_FOR(module_unload() == 0, STACK_DEADLINE_MS), "closed, it holds nothing\n");
	must(!module_load(""), "insmod");
}

static void namespace_ends(void)
{
	int other = must_have(ns_make(), "namespace"), fd, i;

	for (i = 0; i < LISTENERS; i++)
		listeners[i] = stack_listener(other, XTCP, "127.0.0.1", FIRST_LISTENER + i, false);
	fd = ns_call(other, half_read_in, NULL);
	stack_close(listeners, LISTENERS);
	close(other);
	while ((i = diag_receive(fd, SMALLEST, note, NULL)) == 1)
		;
	ksft_test_result(i == 0, "a listing goes on when its namespace is closed\n");
	close(fd);
	ksft_test_result(ns_all_ended(STACK_DEADLINE_MS), "the namespace ends after it\n");
}

int main(void)
{
	const struct rlimit files = { 200000, 200000 };
	pthread_t threads[2];

	test_begin(11);
	stays = release_is_debug() ? 1500 : 6000;
	closes = stays / 8;
	must(!setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	must(!module_unload() && !module_load("chains=16"), "chains=16");
	space = ns_make();
	must(space >= 0 && !ns_enter(space), "namespace");
	must(!ns_sysctl_set(space, "net.ipv4.ip_local_port_range", "10000 65000"), "ports");
	staying = calloc(stays, sizeof(*staying));
	closing = calloc(closes, sizeof(*closing));
	for (int i = 0; i < 2; i++) {
		seen.staying[i] = calloc(1, 65536);
		seen.closing[i] = calloc(1, 65536);
		must(seen.staying[i] && seen.closing[i], "memory");
	}
	must(staying && closing, "memory");
	open_pairs(staying, stays, PORT);
	open_pairs(closing, closes, CLOSING_PORT);
	for (int i = 0; i < LISTENERS; i++)
		listeners[i] = stack_listener(space, XTCP, "127.0.0.1", FIRST_LISTENER + i, false);
	for (int i = 0; i < 2; i++)
		must(!pthread_create(&threads[i], NULL, churn, i ? threads : NULL), "thread");
	dumps(release_is_debug() ? 2 : 4);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	close_pairs(staying, stays);
	must(!ns_enter(ns_home()), "home");
	races();
	abort_races();
	newcomers();
	ends();
	namespace_ends();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
