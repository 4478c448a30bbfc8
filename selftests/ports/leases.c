// SPDX-License-Identifier: GPL-2.0
/*
 * Leases, which are what binds of xtcp are in kernel TCP's bind table: whatever can be asked of two sockets of kernel
 * TCP is asked of two of xtcp, too, and the answers compared. Between the stacks SO_REUSEPORT has no effect, on either
 * side. Then what a bind costs beside many others.
 */
#include "lib/test.h"

#define LO4	"127.0.0.1"
#define PORT	9000
#define MOST	50000		/* sockets at once */
#define SHUFFLED	20000
#define MOST_SERVED	65536
#define BEFORE		50		/* connections of a server before anything is closed */
#define MEANWHILE	10		/* at least, while all is closed */
#define CHOSEN	31000		/* by connect(), as the only one that there is */
#define SOMEBODY 1000
#define TRIES	3		/* of a measurement whose bound does not hold */

/* What a socket asks for. */
struct wish {
	bool reuse, reuseport, listens;
	uid_t uid;
};

static int ns, fds[MOST];

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int open_for(enum stack stack, const struct wish *w, const char *text)
{
	int fd = stack_socket(ns, stack, text);

	must(fd >= 0 && !(w->reuse && stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) &&
	     !(w->reuseport && stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
	     !(w->uid && fchown(fd, w->uid, -1)), "socket");
	return fd;
}

static int open_with(enum stack stack, const struct wish *w)
{
	return open_for(stack, w, LO4);
}

/* 0 or the error of bind(), or that of listen() and 1000. */
static int try_port(int fd, int port, bool listens)
{
	union stack_addr addr = stack_addr(LO4, port);

	if (bind(fd, &addr.sa, sizeof(addr.in)))
		return errno;
	return listens && listen(fd, 1) ? 1000 + errno : 0;
}

static int open_at(enum stack stack, const struct wish *w, int port, int *fd)
{
	*fd = open_with(stack, w);
	return try_port(*fd, port, w->listens);
}

/* What the second gets; the first is there. */
static int second_gets(enum stack first, const struct wish *a, enum stack second, const struct wish *b)
{
	int fa, fb, err;

	must(!open_at(first, a, PORT, &fa), "the first fails");
	err = open_at(second, b, PORT, &fb);
	close_each(fa, fb);
	return err;
}

static int compare(const char *what, int bits, int got, int want)
{
	if (got != want)
		ksft_print_msg("%s, wishes %#x: %d, wanted %d\n", what, bits, got, want);
	return got != want;
}

/* Who may stand beside whom: users, options, listening, and who is first. */
static void who_beside_whom(void)
{
	int bits, wrong = 0, want;

	for (bits = 0; bits < 256; bits++) {
		struct wish a = { bits & 1, bits & 2, bits & 4, bits & 8 ? SOMEBODY : 0 };
		struct wish b = { bits & 16, bits & 32, bits & 64, bits & 128 ? SOMEBODY : 0 };

		wrong += compare("xtcp, then xtcp", bits, second_gets(XTCP, &a, XTCP, &b),
				 second_gets(KERNEL, &a, KERNEL, &b));
		a.reuseport = false;
		want = second_gets(KERNEL, &a, KERNEL, &b);
		a.reuseport = bits & 2;
		wrong += compare("kernel TCP, then xtcp", bits, second_gets(KERNEL, &a, XTCP, &b), want);
		wrong += compare("xtcp, then kernel TCP", bits, second_gets(XTCP, &a, KERNEL, &b), want);
	}
	ksft_test_result(!wrong, "768 pairs of users, options and listeners: %d not as they should be\n", wrong);
}

/* A connection of kernel TCP's that ends in TIME-WAIT at @local: whose side has these options closes first. */
static void leave_timewait(const struct wish *w, int local, int listener)
{
	int client = open_with(KERNEL, w), server;

	must(!try_port(client, local, false) && !stack_connect(client, LO4, stack_port(listener)), "no connection");
	server = accept(listener, NULL, NULL);
	close(client);
	must(stack_at_end(server), "no FIN");
	close(server);
	if (!WAIT_FOR(rows_state(ns, "/proc/net/tcp", local, stack_port(listener)) == 6, STACK_DEADLINE_MS))
		ksft_exit_fail_msg("no TIME-WAIT\n");
}

/* Kernel TCP lets its own TIME-WAIT with SO_REUSEPORT pass, whoever asks: so ours ask, too. */
static void beside_timewait(void)
{
	int listener = stack_listener(ns, KERNEL, LO4, PORT + 1, true), bits, wrong = 0, fd, got[2], stack;

	for (bits = 0; bits < 16; bits++) {
		const struct wish was = { bits & 1, bits & 2, false, 0 }, w = { bits & 4, bits & 8, false, SOMEBODY };

		leave_timewait(&was, PORT + 100 + bits, listener);
		for (stack = KERNEL; stack <= XTCP; stack++) {
			got[stack] = open_at(stack, &w, PORT + 100 + bits, &fd);
			close(fd);
		}
		wrong += compare("beside TIME-WAIT", bits, got[XTCP], got[KERNEL]);
	}
	ksft_test_result(!wrong, "beside kernel TCP's TIME-WAIT: %d of 16 not as kernel TCP\n", wrong);
	close(listener);
}

static void connect_beside_timewait(void)
{
	const struct wish w = { .reuse = true, .reuseport = true };
	int here = stack_listener(ns, KERNEL, LO4, PORT + 2, true);
	int there = stack_listener(ns, KERNEL, LO4, PORT + 3, true), fd;

	leave_timewait(&w, PORT + 200, here);
	must(!open_at(XTCP, &w, PORT + 200, &fd), "bind");
	ksft_test_result(stack_connect(fd, LO4, PORT + 2) < 0 && errno == EADDRNOTAVAIL,
			 "connect(): kernel TCP's TIME-WAIT has this tuple\n");
	ksft_test_result(!stack_connect(fd, LO4, PORT + 3), "and not that one\n");
	close_each(fd, here, there);
}

static void stays_exclusive(void)
{
	const struct wish all = { .reuse = true, .reuseport = true }, reuse = { .reuse = true };
	int listener = stack_listener(ns, KERNEL, LO4, PORT + 4, true), ours, theirs, more;

	must(!open_at(XTCP, &all, PORT + 5, &ours) && !open_at(KERNEL, &reuse, PORT + 5, &theirs), "bind");
	ksft_test_result(stack_connect(ours, LO4, PORT + 4) < 0 && errno == EADDRNOTAVAIL,
			 "no connection from a port that kernel TCP shares\n");
	close(theirs);
	ksft_test_result(!stack_connect(ours, LO4, PORT + 4), "but when it has gone\n");
	ksft_test_result(!open_at(XTCP, &all, PORT + 5, &more), "another bind of xtcp stands beside it\n");
	ksft_test_result(open_at(KERNEL, &all, PORT + 5, &theirs) == EADDRINUSE && !close(theirs) &&
			 open_at(KERNEL, &reuse, PORT + 5, &theirs) == EADDRINUSE, "and none of kernel TCP\n");
	close_each(theirs, more);
	ksft_test_result(open_at(KERNEL, &all, PORT + 5, &theirs) == EADDRINUSE, "nor when that has gone\n");
	close_each(theirs, ours, listener);
}

/* A port of a full range, by what each of two sockets has. */
static void any_port(void)
{
	int bits, wrong = 0, got[2], stack, a, b;

	ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "30000 30000");
	for (bits = 0; bits < 32; bits++) {
		const struct wish wa = { bits & 1, bits & 2, false, 0 }, wb = { bits & 4, bits & 8, false, 0 };

		ns_sysctl_set(ns, "net.ipv4.ip_autobind_reuse", "%d", !!(bits & 16));
		/* what SO_REUSEPORT of both does there is asked of the option alone, not of the user */
		if (wa.reuseport && wb.reuseport)
			continue;
		for (stack = KERNEL; stack <= XTCP; stack++) {
			must(!open_at(stack, &wa, 0, &a), "the first fails");
			got[stack] = open_at(stack, &wb, 0, &b);
			close_each(a, b);
		}
		wrong += compare("bind(0)", bits, got[XTCP], got[KERNEL]);
	}
	ns_sysctl_set(ns, "net.ipv4.ip_autobind_reuse", "0");
	ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "32768 60999");
	ksft_test_result(!wrong, "bind() to any port of a full range: %d not as kernel TCP\n", wrong);
}

/* Nanoseconds of a member that comes and goes, the least of some. */
static long long member_costs(void)
{
	const struct wish w = { .reuseport = true, .listens = true };
	long long best = 0, took;
	int i, fd;

	for (i = 0; i < 60; i++) {
		took = now_ns();
		must(!open_at(XTCP, &w, PORT, &fd), "no member");
		close(fd);
		took = now_ns() - took;
		if (!i || took < best)
			best = took;
	}
	return best;
}

static void large_group(void)
{
	const struct wish w = { .reuseport = true, .listens = true };
	enum { FEW = 100, MANY = 1600 };
	long long few = 0, many;
	int i;

	for (i = 0; i < MANY; i++) {
		if (i == FEW)
			few = member_costs();
		must(!open_at(XTCP, &w, PORT, &fds[i]), "no member");
	}
	many = member_costs();
	while (i--)
		close(fds[i]);
	ksft_print_msg("one more of a group: %lld ns beside %d, %lld ns beside %d\n", few, FEW, many, MANY);
	ksft_test_result(many < 3 * few, "one more of a group costs as much beside many as beside few\n");
}

static void bind_address(int fd, int i, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x10000 + i);
	must(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)), "bind");
}

static atomic_bool stop;
static atomic_long served;	/* connections of the server so far */
static long long served_in[MOST_SERVED];	/* nanoseconds of each of the first */

static int by_value(const void *a, const void *b)
{
	const long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

static void *accept_some(void *arg)
{
	const int listener = *(int *)arg, port = stack_port(listener);
	int client, server;
	long long start;

	while (!atomic_load(&stop)) {
		start = now_ns();
		client = must_have(stack_connected(ns, XTCP, LO4, port), "the server fails");
		server = must_have(accept(listener, NULL, NULL), "the server fails");
		close_each(client, server);
		if (served < MOST_SERVED)
			served_in[served] = now_ns() - start;
		served++;
	}
	return NULL;
}

/* Nanoseconds, each the least of what was measured so far. */
struct times {
	long long bind_few, bind_many, close_few, close_many;
};

/* On a port of its own: connections before may have left TIME-WAIT on theirs. */
static int server_on(int port)
{
	return must_have(stack_listener(ns, XTCP, LO4, port, false), "no listener");
}

static void keep_least(long long *least, long long took)
{
	if (!*least || took < *least)
		*least = took;
}

static void shuffle(int count)
{
	int i, j, fd;

	srand(1);
	for (i = count - 1; i > 0; i--) {
		j = rand() % (i + 1);
		fd = fds[i];
		fds[i] = fds[j];
		fds[j] = fd;
	}
}

/* Binds of one port at as many addresses, closed in any order while a server on the port accepts. */
static void measure_addresses(int count, int port, struct times *times)
{
	int listener = server_on(port), i;
	const int part = count / 10;
	pthread_t server;
	long long at;

	atomic_store(&stop, false);
	pthread_create(&server, NULL, accept_some, &listener);
	for (i = 0; i < count; i++)
		fds[i] = stack_socket(ns, XTCP, LO4);
	at = now_ns();
	for (i = 0; i < part; i++)
		bind_address(fds[i], i, port);
	keep_least(&times->bind_few, now_ns() - at);
	for (; i < count - part; i++)
		bind_address(fds[i], i, port);
	at = now_ns();
	for (; i < count; i++)
		bind_address(fds[i], i, port);
	keep_least(&times->bind_many, now_ns() - at);
	shuffle(count);
	at = now_ns();
	stack_close(fds, part);
	keep_least(&times->close_many, now_ns() - at);
	stack_close(fds + part, count - 2 * part);
	at = now_ns();
	stack_close(fds + count - part, part);
	keep_least(&times->close_few, now_ns() - at);
	atomic_store(&stop, true);
	pthread_join(server, NULL);
	close(listener);
}

/*
 * A tenth takes less time than the machine may stand still, which only ever makes it longer: when a bound does not
 * hold, all is measured again, and the least counts. A lookup that grows with what is there fails each time.
 */
static void many_addresses(int count)
{
	struct times t = { 0 };
	bool binds, closes;
	int i = 0;

	atomic_store(&served, 0);
	do {
		measure_addresses(count, PORT + 20 + i, &t);
		binds = t.bind_many < 5 * t.bind_few;
		closes = t.close_many < 5 * t.close_few;
	} while (++i < TRIES && !(binds && closes));
	ksft_print_msg("binds: the first tenth takes %lld ms, the last %lld ms\n", t.bind_few / 1000000,
		       t.bind_many / 1000000);
	ksft_test_result(binds, "binds of one port at %d addresses: the last ones cost as much as the first\n", count);
	ksft_print_msg("closes: the first tenth takes %lld ms, the last %lld ms; %ld connections meanwhile\n",
		       t.close_many / 1000000, t.close_few / 1000000, atomic_load(&served));
	ksft_test_result(closes && atomic_load(&served), "%d closed in any order: the first cost as much as the last\n",
			 count);
}

/* The median of the connections from the @from-th on, of which there are some. */
static long long median_served(long from, long to)
{
	const long n = (to < MOST_SERVED ? to : MOST_SERVED) - from;

	qsort(&served_in[from], n, sizeof(*served_in), by_value);
	return served_in[from + n / 2];
}

/*
 * In the order in which they were bound. Who closes and who serves share the processors, so a connection takes twice
 * as long meanwhile; if it had to look through the binds of the port, it would take hundreds of times as long. That
 * the machine stands still now and then changes no median.
 */
static void closed_in_order(int count)
{
	const int port = PORT + 30;
	int listener = server_on(port), i;
	long long calm, meanwhile = 0;
	pthread_t server;
	long from, to;

	for (i = 0; i < count; i++) {
		fds[i] = stack_socket(ns, XTCP, LO4);
		bind_address(fds[i], i, port);
	}
	atomic_store(&served, 0);
	atomic_store(&stop, false);
	pthread_create(&server, NULL, accept_some, &listener);
	must(WAIT_FOR(atomic_load(&served) >= BEFORE, STACK_DEADLINE_MS), "the server serves nobody");
	from = atomic_load(&served);
	stack_close(fds, count);
	to = atomic_load(&served);
	/* and with none left it still does */
	must(WAIT_FOR(atomic_load(&served) > to + 1, STACK_DEADLINE_MS), "the server serves nobody any more");
	atomic_store(&stop, true);
	pthread_join(server, NULL);
	close(listener);
	calm = median_served(0, from);
	if (to - from >= MEANWHILE)
		meanwhile = median_served(from, to);
	ksft_print_msg("%ld connections meanwhile, %lld us each, before it %lld us\n", to - from, meanwhile / 1000,
		       calm / 1000);
	ksft_test_result(meanwhile && meanwhile < 5 * calm, "%d closed in order: a server accepts meanwhile\n", count);
}

static void *bind_in_vain(void *arg)
{
	const enum stack stack = *(enum stack *)arg;

	while (!atomic_load(&stop)) {
		int fd = stack_bound(ns, stack, LO4, 0, false);

		if (fd >= 0 || errno != EADDRINUSE)
			ksft_exit_fail_msg("bind() in a full range: %s\n", fd < 0 ? strerror(errno) : "a port");
	}
	return NULL;
}

/* Nanoseconds of listen() elsewhere, the median, while threads look for a port that is not there. */
static long long listen_beside(enum stack stack, int elsewhere)
{
	enum { THREADS = 4, TIMES = 101 };
	long long took[TIMES];
	pthread_t threads[THREADS];
	int i, fd;

	atomic_store(&stop, false);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, bind_in_vain, &stack);
	for (i = 0; i < TIMES; i++) {
		fd = stack_socket(elsewhere, XTCP, LO4);
		took[i] = now_ns();
		must(!listen(fd, 1), "listen");
		took[i] = now_ns() - took[i];
		close(fd);
	}
	atomic_store(&stop, true);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	qsort(took, TIMES, sizeof(*took), by_value);
	return took[TIMES / 2];
}

static void full_range_elsewhere(int count)
{
	long long beside_kernel = 0, beside_xtcp = 0;
	int other = ns_make(), i, try = 0;

	for (i = 0; i < count; i++)
		fds[i] = stack_bound(ns, XTCP, "0.0.0.0", 20000 + i, false);
	ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "20000 %d", 20000 + count - 1);
	/* as for many_addresses() */
	do {
		keep_least(&beside_kernel, listen_beside(KERNEL, other));
		keep_least(&beside_xtcp, listen_beside(XTCP, other));
	} while (++try < TRIES && beside_xtcp >= 10 * beside_kernel);
	while (i--)
		close(fds[i]);
	ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "32768 60999");
	close(other);
	ksft_print_msg("listen(): %lld ns, and %lld ns if the others are of kernel TCP\n", beside_xtcp, beside_kernel);
	ksft_test_result(beside_xtcp < 10 * beside_kernel, "listen() while others look for a port\n");
}

/* Binds with all options to the port that connect() chose at @LO4: one bit for each that is let in. */
static unsigned long long let_in(enum stack stack)
{
	static const char * const at[] = { LO4, "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1",
					   "::ffff:127.0.0.2" };
	unsigned long long in = 0;
	union stack_addr addr;
	int fd;

	for (unsigned int bits = 0; bits < 8; bits++) {
		const struct wish w = { bits & 1, bits & 2, false, bits & 4 ? SOMEBODY : 0 };

		for (unsigned int i = 0; i < sizeof(at) / sizeof(*at); i++) {
			addr = stack_addr(at[i], CHOSEN);
			fd = open_for(stack, &w, at[i]);
			if (!bind(fd, &addr.sa, stack_addr_len(&addr)))
				in |= 1ULL << (8 * i + bits);
			else if (errno != EADDRINUSE)
				ksft_exit_fail_msg("bind: %s\n", strerror(errno));
			close(fd);
		}
	}
	return in;
}

static void nobody_gets_in(const char *while_there, unsigned long long want)
{
	unsigned long long got[2] = { let_in(KERNEL), let_in(XTCP) };
	/* a client of kernel TCP lets nobody in at its address, LO4, and everybody at 127.0.0.2 */
	const bool told = (want & 0xffff) == 0xff00;
	int fd = stack_socket(ns, KERNEL, LO4);

	ksft_print_msg("let in: %#llx of kernel TCP, %#llx of xtcp, %#llx beside kernel TCP\n", got[KERNEL], got[XTCP],
		       want);
	ksft_test_result(told && got[KERNEL] == want && got[XTCP] == want && stack_connect(fd, LO4, PORT + 7) &&
			 errno == EADDRNOTAVAIL,
			 "a port that connect() chose, %s: as kernel TCP's, but its connect() is not let in\n",
			 while_there);
	close(fd);
}

/* Its lease is no larger than TIME-WAIT of kernel TCP's, and stands there as such; it lets nobody in all the same. */
static void chosen_by_connect(void)
{
	int listener = stack_listener(ns, KERNEL, LO4, PORT + 6, true);
	int other = stack_listener(ns, KERNEL, LO4, PORT + 7, true), client, server, i;
	unsigned long long want = 0;

	ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", CHOSEN, CHOSEN);
	for (i = KERNEL; i < 3; i++) {
		client = must_have(stack_connected(ns, i == KERNEL ? KERNEL : XTCP, LO4, PORT + 6), "no connection");
		server = must_have(accept(listener, NULL, NULL), "no connection");
		if (i == 2)
			break;
		if (i == KERNEL)
			want = let_in(KERNEL);
		else
			nobody_gets_in("connected", want);
		stack_reset_at_close(client);
		close_each(client, server);
		client = stack_bound(ns, KERNEL, "0.0.0.0", CHOSEN, false);
		if (i == XTCP)
			ksft_test_result(client >= 0, "after a reset it is kernel TCP's\n");
		close(client);
	}
	close(client);
	must(stack_at_end(server), "no FIN");
	close(server);
	must(WAIT_FOR(rows_state(ns, "/proc/net/xtcp", CHOSEN, PORT + 6) == 6, STACK_DEADLINE_MS), "no TIME-WAIT");
	nobody_gets_in("TIME-WAIT", want);
	ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "32768 60999");
	close_each(other, listener);
}

int main(void)
{
	ksft_print_header();
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ MOST + 1000, MOST + 1000 });
	ksft_set_plan(18);
	ns = must_have(ns_make(), "no namespace");
	who_beside_whom();
	beside_timewait();
	connect_beside_timewait();
	stays_exclusive();
	chosen_by_connect();
	any_port();
	large_group();
	many_addresses(release_is_debug() ? SHUFFLED / 10 : SHUFFLED);
	closed_in_order(release_is_debug() ? MOST / 25 : MOST);
	full_range_elsewhere(release_is_debug() ? SHUFFLED / 10 : SHUFFLED / 2);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
