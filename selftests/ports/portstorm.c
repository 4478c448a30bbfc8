// SPDX-License-Identifier: GPL-2.0
/*
 * A storm on ports that have one lock, and on ports that have others: eight threads of an ordinary user's, on both
 * stacks, bind the same few at the same moment, with and without the options that let others in, listen, connect from
 * them, have connect() choose, and close. Half of them do so in another namespace, and both namespaces end with what is
 * left there while the next two are stormed. Who has bound without options is alone on his port; when all is closed
 * kernel TCP binds each; and of what xtcp allocates nothing is left.
 *
 * On a debug kernel half a minute, else nine seconds, in a short run three; DURATION= in the environment says
 * another number. What else is looked for is the kernel's report.
 */
#include "lib/test.h"

NEEDS_MODULE;

#define STORMERS	4		/* in each of two namespaces */
#define SERVED		29999
#define FIRST_CHOSEN	20000		/* by connect() */
#define LAST_CHOSEN	20255
#define DESTINATIONS	4
#define ROUNDS		6

/* Neighbours; 64 and 8,192 apart: of one lock, in one block of lists and in others; some may be chosen by connect(). */
static const int ports[] = { 20001, 20002, 20065, 30001, 30002, 30065, 38193, 38257, 46385, 54577 };

/* One that is stormed. */
struct place {
	int ns;
	int listener;
	atomic_bool stop;
	atomic_int has[ARRAY_SIZE(ports)];	/* who has bound it and not begun to close */
	atomic_int alone[ARRAY_SIZE(ports)];	/* of these, without options */
};

struct stormer {
	struct place *place;
	unsigned int random;
	int bound, refused, anywhere, connected;
};

static atomic_int wrong;

static unsigned int draw(struct stormer *s, unsigned int n)
{
	return rand_r(&s->random) % n;
}

static void complain(const char *what)
{
	if (!wrong++)
		ksft_print_msg("%s: %s\n", what, strerror(errno));
}

static bool serve(struct stormer *s, int fd)
{
	const union stack_addr to = { .in = { .sin_family = AF_INET, .sin_port = htons(SERVED),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + draw(s, DESTINATIONS)) } };

	if (!connect(fd, &to.sa, sizeof(to.in)))
		return true;
	/* all ports are taken; the server closes at once; nobody serves any more */
	if (errno != EADDRNOTAVAIL && errno != ECONNRESET && errno != ECONNREFUSED)
		complain("connect()");
	return false;
}

/* What can be done with a port that is bound. */
static void use(struct stormer *s, int fd)
{
	switch (draw(s, 3)) {
	case 0:
		if (listen(fd, 1) && errno != EADDRINUSE)
			complain("listen()");
		break;
	case 1:
		s->connected += serve(s, fd);
		break;
	}
}

static int open_one(bool xtcp)
{
	int fd = socket(xtcp ? AF_XTCP : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, xtcp ? XTCPPROTO_IPV4 : 0);

	must(fd >= 0, "socket()");
	return fd;
}

static void bind_one(struct stormer *s)
{
	const unsigned int i = draw(s, ARRAY_SIZE(ports)), options = draw(s, 4);
	const union stack_addr at = stack_addr(draw(s, 2) ? "127.0.0.1" : "0.0.0.0", ports[i]);
	struct place *place = s->place;
	int fd = open_one(draw(s, 4));

	if (options & 1)
		must(!stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1), "an option");
	if (options & 2)
		must(!stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1), "an option");
	if (bind(fd, &at.sa, sizeof(at.in))) {
		if (errno != EADDRINUSE)
			complain("bind()");
		s->refused++;
		close(fd);
		return;
	}
	s->bound++;
	place->alone[i] += !options;
	if (place->has[i]++ && place->alone[i])
		complain("somebody is beside one that is alone");
	use(s, fd);
	place->has[i]--;
	place->alone[i] -= !options;
	stack_abort(fd);
}

static void bind_any(struct stormer *s)
{
	const union stack_addr any = stack_addr("0.0.0.0", 0);
	int fd = open_one(true);

	if (!bind(fd, &any.sa, sizeof(any.in))) {
		s->anywhere++;
		use(s, fd);
	} else if (errno != EADDRINUSE) {
		complain("bind() to any port");
	}
	stack_abort(fd);
}

/* Now and then its record keeps the port. */
static void connect_from_any(struct stormer *s)
{
	int fd = open_one(draw(s, 4));

	s->connected += serve(s, fd);
	if (draw(s, 8))
		stack_abort(fd);
	else
		close(fd);
}

static void *storm(void *arg)
{
	struct stormer *s = arg;

	must(!ns_enter(s->place->ns), "to enter a namespace");
	while (!s->place->stop) {
		switch (draw(s, 4)) {
		case 0:
			bind_any(s);
			break;
		case 1:
			connect_from_any(s);
			break;
		default:
			bind_one(s);
		}
	}
	return NULL;
}

/* Nobody waits for him: one connection of two he resets, of the other the client may close first. */
static void *serve_all(void *arg)
{
	struct place *place = arg;
	char octet;
	int fd, i;

	for (i = 0; (fd = accept(place->listener, NULL, NULL)) >= 0; i++) {
		if (i % 2) {
			recv(fd, &octet, 1, 0);
			close(fd);
		} else {
			stack_abort(fd);
		}
	}
	return NULL;
}

static void begin(struct place *place)
{
	*place = (struct place){ .ns = ns_make_guest() };
	must(place->ns >= 0, "a namespace");
	must(!ns_sysctl_set(place->ns, "net.ipv4.ip_local_port_range", "%d %d", FIRST_CHOSEN, LAST_CHOSEN), "a range");
	place->listener = must_have(stack_listener(place->ns, KERNEL, "0.0.0.0", SERVED, true), "a listener");
}

/* But for the ports that connect() chose, which records may keep. */
static bool is_free(const struct place *place)
{
	int fd;

	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
		if (ports[i] <= LAST_CHOSEN)
			continue;
		fd = stack_bound(place->ns, KERNEL, "0.0.0.0", ports[i], false);
		if (fd < 0) {
			ksft_print_msg("port %d: %s\n", ports[i], strerror(errno));
			return false;
		}
		close(fd);
	}
	return true;
}

/* Adds to @sum what its stormers did; false: a port is not free afterwards. */
static bool storm_once(struct stormer *sum, int ms, unsigned int seed)
{
	struct stormer s[2 * STORMERS] = {};
	pthread_t threads[2 * STORMERS], servers[2];
	struct place places[2];
	bool ok = true;

	for (int i = 0; i < 2; i++) {
		begin(&places[i]);
		must(!pthread_create(&servers[i], NULL, serve_all, &places[i]), "a thread");
	}
	for (int i = 0; i < 2 * STORMERS; i++) {
		s[i].place = &places[i % 2];
		s[i].random = seed + i;
		must(!pthread_create(&threads[i], NULL, storm, &s[i]), "a thread");
	}
	wait_until_ms(wait_now_ms() + ms);
	for (int i = 0; i < 2; i++)
		places[i].stop = true;
	for (int i = 0; i < 2 * STORMERS; i++) {
		pthread_join(threads[i], NULL);
		sum->bound += s[i].bound;
		sum->refused += s[i].refused;
		sum->anywhere += s[i].anywhere;
		sum->connected += s[i].connected;
	}
	for (int i = 0; i < 2; i++) {
		shutdown(places[i].listener, SHUT_RDWR);
		pthread_join(servers[i], NULL);
		close(places[i].listener);
		ok = is_free(&places[i]) && ok;
		close(places[i].ns);
	}
	return ok;
}

int main(void)
{
	const char *given = getenv("DURATION"), *seed_given = getenv("SEED");
	int seconds = given ? atoi(given) : release_is_debug() ? 30 : short_run() ? 3 : 9, i;
	unsigned int seed = seed_given ? strtoul(seed_given, NULL, 0) : (unsigned int)time(NULL);
	struct stormer sum = {};
	struct slabs before;
	bool all_free = true;

	test_begin(5);
	ksft_print_msg("SEED=%u\n", seed);
	/* what the first namespace leaves for good */
	storm_once(&(struct stormer){}, 500, seed);
	must(ns_all_ended(STACK_DEADLINE_MS), "the end of the namespaces");
	slabs_read(&before);
	for (i = 0; i < ROUNDS; i++)
		all_free = storm_once(&sum, seconds * 1000 / ROUNDS, seed + 100 * (i + 1)) && all_free;
	ksft_print_msg("%d binds, %d refused; %d to any port; %d connections\n", sum.bound, sum.refused, sum.anywhere,
		       sum.connected);
	ksft_test_result(sum.bound > ROUNDS && sum.refused > ROUNDS && sum.anywhere > ROUNDS && sum.connected > ROUNDS,
			 "two namespaces are stormed, %d times\n", ROUNDS);
	ksft_test_result(!wrong, "each call succeeds or is refused as it may be: %d are not\n", wrong);
	ksft_test_result(all_free, "afterwards each port is free\n");
	ksft_test_result(ns_all_ended(STACK_DEADLINE_MS), "the namespaces end\n");
	ksft_test_result(slabs_back(&before, STACK_DEADLINE_MS), "nothing is left\n");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
