// SPDX-License-Identifier: GPL-2.0
/*
 * Members of a SO_REUSEPORT group come and go, on the wildcard and on addresses,
 * while clients connect, with programs that choose among them: nobody is refused as long as one member stays, and when
 * all have gone nothing of them is left in kernel TCP's table.
 *
 *	group [-s kernel]
 */
#include <linux/filter.h>
#include "test.h"

#define PORT 9000
#define THREADS 3
#define ROUNDS 60	/* members that each thread opens */

struct churn {
	enum stack stack;
	const char *const *places;
	const char *to;		/* where clients connect */
	bool programs;		/* each member brings one */
	atomic_bool stop;	/* clients; once they have, @end the member that stays */
	atomic_bool end;
	atomic_int opened, refused, served, reset;
	int error;
};

static int ns;

static int member(enum stack stack, const char *place)
{
	int fd = stack_socket(ns, stack, place), error;
	union stack_addr addr = stack_addr(place, PORT);

	if (fd >= 0 && !stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	    !bind(fd, &addr.sa, stack_addr_len(&addr)) && !listen(fd, 64) &&
	    !fcntl(fd, F_SETFL, O_NONBLOCK))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* It chooses at random, among them numbers that nobody has. */
static void attach(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 3),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog prog = { 3, code };

	must(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)), "attach");
}

static int serve(int fd)
{
	int s, n = 0;

	while ((s = accept(fd, NULL, NULL)) >= 0) {
		close(s);
		n++;
	}
	return n;
}

static void *come_and_go(void *arg)
{
	struct pollfd p = { .events = POLLIN };
	struct churn *c = arg;
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		fd = member(c->stack, c->places[i % THREADS]);
		if (fd < 0) {
			c->error = errno;
			atomic_fetch_add(&c->refused, 1);
			continue;
		}
		atomic_fetch_add(&c->opened, 1);
		if (c->programs)
			attach(fd);
		p.fd = fd;
		poll(&p, 1, 10);
		atomic_fetch_add(&c->served, serve(fd));
		close(fd);
	}
	return NULL;
}

static void *stay(void *arg)
{
	struct churn *c = arg;
	int fd = must_have(member(c->stack, c->places[0]), "no member");

	atomic_fetch_add(&c->opened, 1);
	while (!atomic_load(&c->end)) {
		stack_poll(fd, POLLIN, 1);
		atomic_fetch_add(&c->served, serve(fd));
	}
	close(fd);
	return NULL;
}

static void *connect_on(void *arg)
{
	struct churn *c = arg;
	int fd;

	while (!atomic_load(&c->stop)) {
		fd = stack_connected(ns, c->stack, c->to, PORT);
		if (fd < 0 && (errno == ECONNRESET || (c->stack == KERNEL && errno == ECONNREFUSED))) {
			/* it was half open at a member that closed; kernel TCP may refuse the SYN, too */
			atomic_fetch_add(&c->reset, 1);
		} else if (fd < 0) {
			c->error = errno;
			atomic_fetch_add(&c->refused, 1);
		} else {
			stack_abort(fd);
		}
	}
	return NULL;
}

/* What kernel TCP's table is left with: anybody may bind without any option. */
static bool port_is_free(enum stack stack, const char *place)
{
	int fd = stack_bound(ns, stack, place, PORT, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void churn(enum stack stack, const char *const *places, const char *to, bool programs)
{
	struct churn c = { .stack = stack, .places = places, .to = to, .programs = programs };
	pthread_t staying, clients[2], members[THREADS];

	pthread_create(&staying, NULL, stay, &c);
	must(WAIT_FOR(atomic_load(&c.opened), STACK_DEADLINE_MS), "no member");
	for (int i = 0; i < 2; i++)
		pthread_create(&clients[i], NULL, connect_on, &c);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&members[i], NULL, come_and_go, &c);
	for (int i = 0; i < THREADS; i++)
		pthread_join(members[i], NULL);
	atomic_store(&c.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(clients[i], NULL);
	atomic_store(&c.end, true);
	pthread_join(staying, NULL);
	ksft_print_msg("%d members, %d connections served, %d reset, %d refused%s%s\n", c.opened,
		       c.served, c.reset, c.refused, c.refused ? ": " : "",
		       c.refused ? strerror(c.error) : "");
	ksft_test_result(!c.refused && c.opened == 1 + THREADS * ROUNDS && c.served,
			 "%s: members at %s, %s, %s come and go%s\n", stack_name(stack), places[0],
			 places[1], places[2], programs ? ", with programs" : "");
	ksft_test_result(WAIT_FOR(port_is_free(KERNEL, places[0]), STACK_DEADLINE_MS) &&
			 port_is_free(XTCP, places[0]), "%s: then the port is free\n",
			 stack_name(stack));
}

int main(int argc, char **argv)
{
	static const char *const alike4[] = { "127.0.0.1", "127.0.0.1", "127.0.0.1" };
	static const char *const mixed4[] = { "0.0.0.0", "127.0.0.1", "127.0.0.2" };
	static const char *const mixed6[] = { "::", "::1", "0.0.0.0" };
	enum stack stack = argc == 3 && !strcmp(argv[2], "kernel") ? KERNEL : XTCP;

	ksft_print_header();
	ns = must_have(ns_make(), "no namespace");
	ksft_set_plan(8);
	churn(stack, alike4, "127.0.0.1", false);
	churn(stack, mixed4, "127.0.0.1", false);
	churn(stack, mixed6, "::1", false);
	churn(stack, alike4, "127.0.0.1", true);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
