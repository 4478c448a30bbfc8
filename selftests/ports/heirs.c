// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.migrate_req under load: members of a SO_REUSEPORT group come and go, some in pairs that close at once, and
 * every connection is served; both stacks.
 *
 * One member stays. Each client waits for an octet, so it notices when its connection was lost, also in an accept
 * queue. With the knob xtcp loses no segment either: neither end sends a SYN or a SYN-ACK again. If a third ACK with a
 * cookie was lost, the connection would be: nobody sends its SYN-ACK again. Kernel TCP may refuse a SYN or reset a
 * third ACK that comes as a member closes; without the knob both stacks lose connections. The namespace is a guest's:
 * the count of its half-open entries has to come back to zero.
 *
 * And a user who opens a second member again and again, fills it and closes it: with xtcp the queue of the first one
 * grows to twice its backlog. The rest is reset and counted. With kernel TCP it grows in each round.
 */
#include "test.h"

#define PORT	9000
#define BACKLOG	64
#define NOBODY	65534
#define ATTACKS	9
#define COMERS	4	/* threads that open and close members */
#define CLIENTS	4
#define ROUNDS	50
#define FAST	0x207	/* clients, servers, without cookies */

enum kind {
	PLAIN,
	FAST_OPEN,
	COOKIES,	/* no SYN leaves an entry */
};

static const char * const kinds[] = { "", " by Fast Open", " by cookies" };

struct storm {
	enum stack stack;
	const char *to;
	enum kind kind;
	atomic_bool stop;	/* clients; once they have, @end the member that stays */
	atomic_bool end;
	atomic_int members, served, lost;
	int error;
	pthread_barrier_t pairs[COMERS / 2];
};

struct comer {
	struct storm *s;
	int number;
};

static int ns;

static int member(struct storm *s)
{
	int fd = stack_socket(ns, s->stack, s->to), many = BACKLOG;
	union stack_addr addr = stack_addr(s->to, PORT);

	/* an ordinary user's */
	if (fd < 0 || fchown(fd, NOBODY, -1) || stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) ||
	    (s->kind == FAST_OPEN && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &many, sizeof(many))) ||
	    bind(fd, &addr.sa, stack_addr_len(&addr)) || listen(fd, many) || fcntl(fd, F_SETFL, O_NONBLOCK))
		ksft_exit_fail_msg("no member: %s\n", strerror(errno));
	atomic_fetch_add(&s->members, 1);
	return fd;
}

static void serve(struct storm *s, int fd)
{
	char octet;
	int c;

	while ((c = accept(fd, NULL, NULL)) >= 0) {
		/* what is not read would reset the connection */
		if (s->kind == FAST_OPEN)
			recv(c, &octet, 1, 0);
		send(c, "x", 1, MSG_NOSIGNAL);
		close(c);
		atomic_fetch_add(&s->served, 1);
	}
}

/* Closes with whatever waits, at the same time as its neighbour. */
static void *come_and_go(void *arg)
{
	struct comer *comer = arg;
	struct storm *s = comer->s;
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		fd = member(s);
		usleep(1000 + i % 7 * 300);
		if (i % 2)
			serve(s, fd);
		pthread_barrier_wait(&s->pairs[comer->number / 2]);
		if (i % 3 == 0)
			shutdown(fd, SHUT_RD);
		close(fd);
	}
	return NULL;
}

static void *stay(void *arg)
{
	struct storm *s = arg;
	int fd = member(s);

	while (!atomic_load(&s->end)) {
		stack_poll(fd, POLLIN, 10);
		serve(s, fd);
	}
	close(fd);
	return NULL;
}

static int connected(struct storm *s)
{
	union stack_addr addr = stack_addr(s->to, PORT);
	int fd;

	if (s->kind != FAST_OPEN)
		return stack_connected(ns, s->stack, s->to, PORT);
	fd = stack_socket(ns, s->stack, s->to);
	if (fd >= 0 && sendto(fd, "y", 1, MSG_FASTOPEN | MSG_NOSIGNAL, &addr.sa, stack_addr_len(&addr)) != 1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void *connect_on(void *arg)
{
	struct storm *s = arg;

	while (!atomic_load(&s->stop)) {
		if (stack_take_octet(connected(s))) {
			s->error = errno;
			atomic_fetch_add(&s->lost, 1);
		}
	}
	return NULL;
}

/* Since the namespace began. */
static long long count(enum stack stack, const char *name)
{
	return counter_now(ns, stack == KERNEL ? "/proc/net/netstat" : "/proc/net/xtcp_netstat", name);
}

static int make_namespace(enum stack stack, int knob, enum kind kind)
{
	const char *names = stack == KERNEL ? "net.ipv4.tcp_" : "net.xtcp.";
	char migrate[40], fastopen[40], cookies[40];
	int guest = ns_make_guest();

	snprintf(migrate, sizeof(migrate), "%smigrate_req", names);
	snprintf(fastopen, sizeof(fastopen), "%sfastopen", names);
	snprintf(cookies, sizeof(cookies), "%ssyncookies", names);
	must(guest >= 0 && !ns_sysctl_set(guest, migrate, "%d", knob) &&
	     !ns_sysctl_set(guest, fastopen, "%d", kind == FAST_OPEN ? FAST : 0) &&
	     !ns_sysctl_set(guest, cookies, "%d", kind == COOKIES ? 2 : 1), "no namespace");
	return guest;
}

/* With the knob xtcp loses none. */
static bool is_right(const struct storm *s, int knob, long long moved, long long failed, long long again)
{
	if (!knob)
		return s->served && s->lost && !moved;
	return s->served && moved && (s->stack == KERNEL || (!s->lost && !failed && !again));
}

static void storm(enum stack stack, const char *to, int knob, enum kind kind)
{
	struct storm s = { .stack = stack, .to = to, .kind = kind };
	pthread_t staying, clients[CLIENTS], comers[COMERS];
	struct comer comer[COMERS];
	long long moved, failed, again;

	ns = make_namespace(stack, knob, kind);
	for (int i = 0; i < COMERS / 2; i++)
		pthread_barrier_init(&s.pairs[i], NULL, 2);
	pthread_create(&staying, NULL, stay, &s);
	must(WAIT_FOR(atomic_load(&s.members), STACK_DEADLINE_MS), "no member");
	for (int i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, connect_on, &s);
	for (int i = 0; i < COMERS; i++) {
		comer[i] = (struct comer) { &s, i };
		pthread_create(&comers[i], NULL, come_and_go, &comer[i]);
	}
	for (int i = 0; i < COMERS; i++)
		pthread_join(comers[i], NULL);
	atomic_store(&s.stop, true);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	moved = count(stack, "TcpExt:TCPMigrateReqSuccess");
	failed = count(stack, "TcpExt:TCPMigrateReqFailure");
	again = count(stack, "TcpExt:TCPSynRetrans");
	atomic_store(&s.end, true);
	pthread_join(staying, NULL);
	ksft_print_msg("%d members, %d connections served, %d lost%s%s, %lld moved, %lld failed to, %lld SYNs again\n",
		       s.members, s.served, s.lost, s.lost ? ": " : "", s.lost ? strerror(s.error) : "", moved, failed,
		       again);
	ksft_test_result(is_right(&s, knob, moved, failed, again), "%s: to %s%s, migrate_req %d\n", stack_name(stack),
			 to, kinds[kind], knob);
	close(ns);
}

static unsigned int waiting(int listener)
{
	return info_of(listener).tcpi_unacked;
}

/* -1: no queue takes the connection. */
static int connected_at_once(const struct storm *s)
{
	int fd = stack_socket(ns, s->stack, s->to);

	must(fd >= 0 && !fcntl(fd, F_SETFL, O_NONBLOCK), "socket");
	if (stack_connect(fd, s->to, PORT) && stack_state(fd) == TCP_SYN_SENT) {
		close(fd);
		return -1;
	}
	return fd;
}

static void fill_again_and_again(enum stack stack)
{
	const unsigned int full = BACKLOG + 1, most = stack == KERNEL ? (ATTACKS + 1) * full : 2 * BACKLOG;
	struct storm s = { .stack = stack, .to = "127.0.0.1" };
	int i, heir, other, n = 0, fds[(ATTACKS + 1) * (BACKLOG + 1)];
	long long moved, failed;
	unsigned int held;

	ns = ns_make();
	must(ns >= 0 && !ns_sysctl_set(ns, "net.xtcp.migrate_req", "1") &&
	     !ns_sysctl_set(ns, "net.ipv4.tcp_migrate_req", "1"), "namespace");
	heir = member(&s);
	for (i = 0; i < ATTACKS; i++) {
		other = member(&s);
		/* a hash chooses, so both become full */
		while (waiting(heir) < full || waiting(other) < full) {
			must(n < (int)(sizeof(fds) / sizeof(*fds)), "a limit");
			fds[n] = connected_at_once(&s);
			n += fds[n] >= 0;
		}
		close(other);
	}
	held = waiting(heir);
	moved = count(stack, "TcpExt:TCPMigrateReqSuccess");
	failed = count(stack, "TcpExt:TCPMigrateReqFailure");
	ksft_print_msg("%u wait, %lld moved, %lld did not\n", held, moved, failed);
	ksft_test_result(held == most && moved == most - full && failed == ATTACKS * full - moved,
			 "%s: members that are filled and closed %s\n", stack_name(stack),
			 stack == KERNEL ? "make a queue as long as one likes" : "double a queue");
	while (n--)
		close(fds[n]);
	close_each(heir, ns);
}

int main(void)
{
	test_begin(7 * stack_count());
	for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
		storm(stack, "127.0.0.1", 0, PLAIN);
		storm(stack, "127.0.0.1", 1, PLAIN);
		storm(stack, "::1", 1, PLAIN);
		storm(stack, "127.0.0.1", 0, FAST_OPEN);
		storm(stack, "127.0.0.1", 1, FAST_OPEN);
		storm(stack, "127.0.0.1", 1, COOKIES);
		fill_again_and_again(stack);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
