// SPDX-License-Identifier: GPL-2.0
/*
 * Members of a SO_REUSEPORT group come and go under load, some in pairs that close at once, at one place or at several,
 * also with programs that choose among them: no client is refused as long as one member stays, and when all have gone
 * nothing of them is left in kernel TCP's table. With net.xtcp.migrate_req every connection is served; both stacks.
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
#include <linux/filter.h>
#include "test.h"

#define PORT	9000
#define BACKLOG	64
#define NOBODY	65534
#define ATTACKS	9
#define COMERS	4	/* threads that open and close members */
#define CLIENTS	4
#define ROUNDS	50
#define FAST	0x207	/* clients, servers, without cookies */
#define PLACES	3

enum kind {
	PLAIN,
	FAST_OPEN,
	COOKIES,	/* no SYN leaves an entry */
	PROGRAMS,	/* each member brings one */
};

static const char * const kinds[] = { "", " by Fast Open", " by cookies", ", with programs" };

struct storm {
	enum stack stack;
	const char *to;		/* where clients connect */
	const char * const *places;	/* of members; NULL: there */
	enum kind kind;
	atomic_bool stop;	/* clients; once they have, @end the member that stays */
	atomic_bool end;
	atomic_int members, served, lost, refused;
	int error;
	pthread_barrier_t pairs[COMERS / 2];
};

struct comer {
	struct storm *s;
	int number;
};

static int ns;

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

static int member(struct storm *s, int number)
{
	const char *place = s->places ? s->places[number % PLACES] : s->to;
	int fd = stack_socket(ns, s->stack, place), many = BACKLOG;
	union stack_addr addr = stack_addr(place, PORT);

	/* an ordinary user's */
	if (fd < 0 || fchown(fd, NOBODY, -1) || stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) ||
	    (s->kind == FAST_OPEN && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &many, sizeof(many))) ||
	    bind(fd, &addr.sa, stack_addr_len(&addr)) || listen(fd, many) || fcntl(fd, F_SETFL, O_NONBLOCK))
		ksft_exit_fail_msg("no member: %s\n", strerror(errno));
	if (s->kind == PROGRAMS && number)
		attach(fd);
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
		fd = member(s, i);
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
	int fd = member(s, 0);

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
	int fd;

	while (!atomic_load(&s->stop)) {
		fd = connected(s);
		/* what is half open is reset when its member closes; kernel TCP may refuse a SYN, too */
		if (fd < 0 && s->kind != FAST_OPEN && s->stack == XTCP && errno != ECONNRESET)
			atomic_fetch_add(&s->refused, 1);
		if (stack_take_octet(fd)) {
			s->error = errno;
			atomic_fetch_add(&s->lost, 1);
		}
	}
	return NULL;
}

/* Since the namespace began. */
static long long count(enum stack stack, const char *name)
{
	return stack_counter(ns, stack, name);
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
	if (s->refused || s->members != 1 + COMERS * ROUNDS)
		return false;
	if (!knob)
		return s->served && (s->lost || s->places || s->kind == PROGRAMS) && !moved;
	return s->served && moved && (s->stack == KERNEL || (!s->lost && !failed && !again));
}

/* Anybody may bind without any option. */
static bool port_is_free(enum stack stack, const char *place)
{
	int fd = stack_bound(ns, stack, place, PORT, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void storm_at(enum stack stack, const char *to, int knob, enum kind kind, const char * const *places)
{
	struct storm s = { .stack = stack, .to = to, .kind = kind, .places = places };
	pthread_t staying, clients[CLIENTS], comers[COMERS];
	struct comer comer[COMERS];
	long long moved, failed, again;
	bool is_free;

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
	is_free = WAIT_FOR(port_is_free(KERNEL, places ? places[0] : to), STACK_DEADLINE_MS) &&
		  port_is_free(XTCP, places ? places[0] : to);
	ksft_print_msg("%d members, %d connections served, %d lost%s%s, %lld moved, %lld failed to, %lld SYNs again\n",
		       s.members, s.served, s.lost, s.lost ? ": " : "", s.lost ? strerror(s.error) : "", moved, failed,
		       again);
	ksft_print_msg("%d were refused, the port is %s\n", s.refused, is_free ? "free" : "not free");
	ksft_test_result(is_right(&s, knob, moved, failed, again) && is_free, "%s: to %s%s%s, migrate_req %d\n",
			 stack_name(stack), to, kinds[kind], places ? ", at several places" : "", knob);
	close(ns);
}

static void storm(enum stack stack, const char *to, int knob, enum kind kind)
{
	storm_at(stack, to, knob, kind, NULL);
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
	heir = member(&s, 0);
	for (i = 0; i < ATTACKS; i++) {
		other = member(&s, 0);
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
	static const char * const mixed4[PLACES] = { "0.0.0.0", "127.0.0.1", "127.0.0.2" };
	static const char * const mixed6[PLACES] = { "::", "::1", "0.0.0.0" };

	test_begin(7 * stack_count() + 3);
	storm_at(XTCP, "127.0.0.1", 0, PLAIN, mixed4);
	storm_at(XTCP, "::1", 0, PLAIN, mixed6);
	storm(XTCP, "127.0.0.1", 0, PROGRAMS);
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
