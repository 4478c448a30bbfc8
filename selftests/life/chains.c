// SPDX-License-Identifier: GPL-2.0
/*
 * The table of connections when it is far too small: with two chains, and with one, everything stands in the same few.
 * Connections of three namespaces with the very same 4-tuples do not hear of each other; socks that leave a chain and
 * come back to another one at once take no lookup with them; what ends leaves the others there. A listing that stands
 * on a sock while its program connects it anew shows no mixture.
 */
#include "lib/test.h"

NEEDS_MODULE;

#define NAMESPACES	3
#define PAIRS		40	/* in each of them */
#define FIRST_PORT	6000
#define SERVER_PORT	5999
#define THREADS		4
#define ROUNDS		150
#define BESIDE		14	/* pairs in the chain of the listed sock: all fit into one batch of a dump */
#define LISTINGS	40
#define FILTER_OPS	16000

struct pair {
	int client, server;
};

struct mover {
	pthread_t thread;
	int number;
	bool ok;
};

static const char *const addrs[] = { "127.0.0.1", "::1" };
static int spaces[NAMESPACES];
static struct pair pairs[NAMESPACES][2][PAIRS];

static void open_pairs(int n, int ip)
{
	int listener = must_have(stack_listener(spaces[n], XTCP, addrs[ip], SERVER_PORT, true), "listener"), i;
	struct pair *p;

	for (i = 0; i < PAIRS; i++) {
		p = &pairs[n][ip][i];
		/* the same ports in each namespace */
		p->client = stack_bound(spaces[n], XTCP, addrs[ip], FIRST_PORT + i, true);
		must(p->client >= 0 && !stack_connect(p->client, addrs[ip], SERVER_PORT), "connection");
		p->server = must_have(accept(listener, NULL, NULL), "accept");
	}
	close(listener);
}

/* What is sent names the connection; nothing else comes. */
static bool says_its_name(const struct pair *p, int n, int ip, int i)
{
	char sent[32], got[sizeof(sent)] = {}, more;

	snprintf(sent, sizeof(sent), "%d/%d/%d", n, ip, i);
	return send(p->client, sent, sizeof(sent), MSG_NOSIGNAL) == sizeof(sent) &&
	       recv(p->server, got, sizeof(got), MSG_WAITALL) == sizeof(got) && !strcmp(sent, got) &&
	       recv(p->server, &more, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool all_say_their_names(bool odd_ones_too)
{
	for (int n = 0; n < NAMESPACES; n++)
		for (int ip = 0; ip < 2; ip++)
			for (int i = 0; i < PAIRS; i += odd_ones_too ? 1 : 2)
				if (!says_its_name(&pairs[n][ip][i], n, ip, i)) {
					ksft_print_msg("namespace %d, %s, connection %d\n", n, addrs[ip], i);
					return false;
				}
	return true;
}

static void close_those(bool odd)
{
	for (int n = 0; n < NAMESPACES; n++)
		for (int ip = 0; ip < 2; ip++)
			for (int i = odd; i < PAIRS; i += 2) {
				/* one end leaves a record, the other none */
				close_each(pairs[n][ip][i].client, pairs[n][ip][i].server);
			}
}

/* One sock, a connection after the other from the same port: out of the table and in again, without a grace period. */
static void *move(void *arg)
{
	struct mover *mover = arg;
	int ns = spaces[mover->number % NAMESPACES], port = SERVER_PORT - 1 - mover->number, listener, fd, peer, i;
	char octet;

	listener = stack_listener(ns, XTCP, "127.0.0.1", port, true);
	fd = stack_socket(ns, XTCP, "127.0.0.1");
	mover->ok = listener >= 0 && fd >= 0;
	for (i = 0; mover->ok && i < ROUNDS; i++) {
		mover->ok = !stack_connect(fd, "127.0.0.1", port);
		peer = mover->ok ? accept(listener, NULL, NULL) : -1;
		mover->ok = peer >= 0 && send(peer, "x", 1, MSG_NOSIGNAL) == 1 && recv(fd, &octet, 1, 0) == 1 &&
			    !stack_disconnect(fd);
		if (!mover->ok)
			ksft_print_msg("thread %d, round %d: %s\n", mover->number, i, strerror(errno));
		close(peer);
	}
	close_each(fd, listener);
	return NULL;
}

static bool all_move(void)
{
	struct mover movers[THREADS] = {};
	bool ok = true;

	for (int i = 0; i < THREADS; i++) {
		movers[i].number = i;
		must(!pthread_create(&movers[i].thread, NULL, move, &movers[i]), "thread");
	}
	/* lookups meanwhile, in the same chains */
	for (int i = 0; i < 5; i++)
		ok &= all_say_their_names(false);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(movers[i].thread, NULL);
		ok &= movers[i].ok;
	}
	return ok;
}

/* A dump that takes long for each sock: its filter has many operations that accept. */
struct dump {
	int ns;
	struct inet_diag_bc_op filter[FILTER_OPS];
	struct diag_query query;
	pthread_barrier_t start;
	long long ms;
	int mixed;		/* rows in SYN-SENT with the port to which the sock was connected before */
};

static void look_at_row(const struct diag_row *row, void *arg)
{
	struct dump *dump = arg;

	dump->mixed += row->msg->idiag_state == TCP_SYN_SENT && row->msg->id.idiag_dport == htons(SERVER_PORT);
}

static void *dump_once(void *arg)
{
	struct dump *dump = arg;
	long long began;
	int rows;

	must(!ns_enter(dump->ns), "cannot enter the namespace");
	pthread_barrier_wait(&dump->start);
	began = wait_now_ms();
	rows = diag_dump(&dump->query, look_at_row, dump);
	dump->ms = wait_now_ms() - began;
	must_say(rows >= 2 * BESIDE, "a dump of %d rows", rows);
	return NULL;
}

/* Connects a sock to one port and, @at ms after a dump has begun, to another one. */
static void connect_anew(struct dump *dump, int listener, long long at)
{
	int fd = stack_connected(dump->ns, XTCP, "127.0.0.1", SERVER_PORT), peer = accept(listener, NULL, NULL);
	pthread_t thread;

	if (fd < 0 || peer < 0 || pthread_create(&thread, NULL, dump_once, dump))
		ksft_exit_fail_msg("no connection to list: %s\n", strerror(errno));
	pthread_barrier_wait(&dump->start);
	usleep(at * 1000);
	must(!stack_disconnect(fd) && !stack_begin(fd, "127.0.0.1", SERVER_PORT - 1), "no other connection");
	pthread_join(thread, NULL);
	close_each(fd, peer);
}

/* A listing shows a sock before connect() or after it, and nothing of both. */
static bool is_listed_whole(void)
{
	static struct dump dump = {
		.query = { .stack = XTCP, .filter = dump.filter, .filter_len = sizeof(dump.filter) },
	};
	int listener, full, waits, i, fds[2 * BESIDE];

	for (i = 0; i < FILTER_OPS; i++)
		dump.filter[i] = (struct inet_diag_bc_op) { .code = INET_DIAG_BC_NOP, .yes = 4, .no = 4 };
	dump.ns = ns_make();
	pthread_barrier_init(&dump.start, NULL, 2);
	listener = stack_listener(dump.ns, XTCP, "127.0.0.1", SERVER_PORT, true);
	full = stack_listener(dump.ns, XTCP, "127.0.0.1", SERVER_PORT - 1, true);
	must(listener >= 0 && full >= 0 && !listen(full, 0), "listener");
	/* it has no room for another one, whose SYN gets no answer */
	waits = stack_connected(dump.ns, XTCP, "127.0.0.1", SERVER_PORT - 1);
	for (i = 0; i < BESIDE; i++) {
		fds[2 * i] = stack_connected(dump.ns, XTCP, "127.0.0.1", SERVER_PORT);
		fds[2 * i + 1] = accept(listener, NULL, NULL);
	}
	for (i = 0; i < LISTINGS; i++)
		connect_anew(&dump, listener, dump.ms * i / LISTINGS);
	if (dump.mixed)
		ksft_print_msg("%d rows have the state of one connection and the port of another\n", dump.mixed);
	stack_close(fds, 2 * BESIDE);
	close_each(waits, full, listener, dump.ns);
	return !dump.mixed;
}

static void with_chains(const char *parameter)
{
	must_say(!module_unload() && !module_load(parameter), "loading with %s", parameter);
	for (int n = 0; n < NAMESPACES; n++) {
		spaces[n] = must_have(ns_make(), "namespace");
		for (int ip = 0; ip < 2; ip++)
			open_pairs(n, ip);
	}
	ksft_test_result(all_say_their_names(true), "%s: three namespaces with the same 4-tuples\n", parameter);
	close_those(true);
	ksft_test_result(all_say_their_names(false), "%s: half of them end\n", parameter);
	ksft_test_result(all_move(), "%s: socks go from chain to chain\n", parameter);
	ksft_test_result(is_listed_whole(), "%s: a listing shows one connection of a sock\n", parameter);
	close(spaces[NAMESPACES - 1]);
	close_those(false);
	stack_close(spaces, NAMESPACES - 1);
	ksft_test_result(WAIT_FOR(!module_references(), STACK_DEADLINE_MS) && !module_unload() && !module_load(""),
			 "%s: nothing is left\n", parameter);
}

int main(void)
{
	test_begin(10);
	with_chains("chains=1");
	with_chains("chains=2");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
