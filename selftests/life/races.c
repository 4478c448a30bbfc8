// SPDX-License-Identifier: GPL-2.0
/*
 * One connection, and what may happen to it at the same moment in several threads and in softirq: recv() and send()
 * that wait, close(), shutdown(), connect() to AF_UNSPEC, the peer's FIN or RST, a timer that expires. Every second the
 * module goes while orphans, records and timers of the last ones are left, and comes again.
 *
 * On a debug kernel a minute, else ten seconds; DURATION= in the environment says
 * another number. What is looked for is the kernel's report; every call must return.
 * Before, poll() looks without a pause while resets arrive: it sees an end whole.
 */
#include "lib/test.h"

NEEDS_MODULE;

#define DUELISTS	4
#define PORT		7300
#define ENDS		300
#define END_PORT	7200
#define END_EVENTS	(POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR)

/* Looked at until it has ended. */
struct watched {
	int fd;
	short seen;
	pthread_barrier_t start;
};

/* A process's connection; both of its ends on xtcp, over lo. */
struct duel {
	int client;
	int peer;
	unsigned int random;
	unsigned int peer_plan;
	pthread_barrier_t start;
};

/* What the processes share. */
static struct {
	pthread_rwlock_t module_there;
	atomic_bool stop;
	atomic_int duels;
} *shared;

static int ns;

static unsigned int draw(struct duel *duel, unsigned int n)
{
	return rand_r(&duel->random) % n;
}

/* The program's side: threads that use the same descriptor. */
static void *reader(void *arg)
{
	struct duel *duel = arg;
	char text[4096];

	pthread_barrier_wait(&duel->start);
	while (recv(duel->client, text, sizeof(text), 0) > 0)
		;
	return NULL;
}

static void *writer(void *arg)
{
	static const char text[65536];
	struct duel *duel = arg;

	pthread_barrier_wait(&duel->start);
	while (send(duel->client, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

/* The peer's: some data, then a FIN, a RST, or nothing until the end. */
static void *peer(void *arg)
{
	static const char text[16384];
	struct duel *duel = arg;

	pthread_barrier_wait(&duel->start);
	send(duel->peer, text, 1 + duel->peer_plan % sizeof(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (duel->peer_plan & 1)
		stack_reset_at_close(duel->peer);
	if (duel->peer_plan & 2)
		shutdown(duel->peer, duel->peer_plan & 4 ? SHUT_WR : SHUT_RDWR);
	else
		close(duel->peer);
	return NULL;
}

/* Ends the client's side so that both threads come back, one way or the other. */
static void end_client(struct duel *duel)
{
	switch (draw(duel, 4)) {
	case 0:
		shutdown(duel->client, SHUT_RDWR);
		break;
	case 1:
		stack_disconnect(duel->client);
		break;
	case 2:
		stack_reset_at_close(duel->client);
		shutdown(duel->client, SHUT_RD);
		break;
	default:
		shutdown(duel->client, SHUT_WR);
		break;
	}
	/* threads that still wait now are ended by their deadlines, the timers below */
}

/* Deadlines of all sorts, as short as they can be: each may pass in the middle of what else happens. */
static void arm(struct duel *duel)
{
	stack_patience(duel->client, SO_RCVTIMEO, 2000);
	stack_patience(duel->client, SO_SNDTIMEO, 2000);
	stack_set(duel->client, IPPROTO_TCP, TCP_USER_TIMEOUT, 1 + draw(duel, 3));
	stack_set(duel->client, IPPROTO_TCP, TCP_LINGER2, draw(duel, 2) ? -1 : 1);
	if (draw(duel, 2)) {
		stack_set(duel->client, IPPROTO_TCP, TCP_KEEPIDLE, 1);
		stack_set(duel->client, SOL_SOCKET, SO_KEEPALIVE, 1);
	}
	if (draw(duel, 2))
		stack_set(duel->client, SOL_SOCKET, SO_SNDBUF, 4096);
}

static void fight(struct duel *duel, int port)
{
	void *(*const bodies[])(void *) = { reader, writer, peer };
	pthread_t threads[ARRAY_SIZE(bodies)];

	stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", port, &duel->client, &duel->peer);
	arm(duel);
	duel->peer_plan = draw(duel, 1 << 16);
	for (unsigned int i = 0; i < ARRAY_SIZE(bodies); i++)
		must(!pthread_create(&threads[i], NULL, bodies[i], duel), "thread");
	pthread_barrier_wait(&duel->start);
	end_client(duel);
	/* with a reader or a writer still in the socket */
	if (draw(duel, 2))
		close(duel->client);
	for (unsigned int i = 0; i < ARRAY_SIZE(bodies); i++)
		pthread_join(threads[i], NULL);
}

static void duelist(int number, unsigned int seed)
{
	struct duel duel = { .random = seed + number };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_barrier_init(&duel.start, NULL, 4);
	for (int n = 0; !shared->stop; n++) {
		pthread_rwlock_rdlock(&shared->module_there);
		fight(&duel, PORT + number * 100 + n % 100);
		/* what is closed already gives EBADF: nobody else in this process opens anything */
		close_each(duel.client, duel.peer);
		shared->duels++;
		pthread_rwlock_unlock(&shared->module_there);
	}
	_exit(0);
}

static void *watch(void *arg)
{
	struct watched *watched = arg;
	struct pollfd p = { .fd = watched->fd, .events = END_EVENTS };

	pthread_barrier_wait(&watched->start);
	do
		poll(&p, 1, 0);
	while (!(p.revents & POLLHUP));
	watched->seen = p.revents;
	return NULL;
}

/* A look that falls into the moment of the end shows the connection alive or with all that its end brings. */
static bool ends_are_seen_whole(void)
{
	struct watched watched;
	pthread_t thread;
	int i, peer;

	pthread_barrier_init(&watched.start, NULL, 2);
	for (i = 0; i < ENDS; i++) {
		stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", END_PORT + i % 100, &watched.fd, &peer);
		must(!pthread_create(&thread, NULL, watch, &watched), "thread");
		stack_reset_at_close(peer);
		pthread_barrier_wait(&watched.start);
		close(peer);
		pthread_join(thread, NULL);
		close(watched.fd);
		if (watched.seen != END_EVENTS) {
			ksft_print_msg("end %d: poll gives 0x%x, not 0x%x\n", i, watched.seen, END_EVENTS);
			return false;
		}
	}
	return true;
}

/* In the middle of whatever goes on the module is in use; when all descriptors are closed it goes. */
static bool unload_and_load(void)
{
	int fd = stack_socket(ns, XTCP, "127.0.0.1");
	bool ok = fd >= 0 && module_unload_now() && errno == EWOULDBLOCK;

	if (!ok)
		ksft_print_msg("unloading while in use: %s\n", strerror(errno));
	close(fd);
	pthread_rwlock_wrlock(&shared->module_there);
	if (!WAIT_FOR(!module_references(), STACK_DEADLINE_MS) || module_unload() || module_load("")) {
		ksft_print_msg("unloading and loading: %s\n", strerror(errno));
		ok = false;
	}
	pthread_rwlock_unlock(&shared->module_there);
	return ok;
}

static void share(void)
{
	pthread_rwlockattr_t attr;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	/* or the module would never go */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&shared->module_there, &attr);
}

static int all_ended(const pid_t *children)
{
	int i, status, well = 0;

	for (i = 0; i < DUELISTS; i++)
		well += waitpid(children[i], &status, 0) == children[i] && !status;
	return well;
}

int main(void)
{
	const char *given = getenv("DURATION"), *seed_given = getenv("SEED");
	int seconds = given ? atoi(given) : release_is_debug() ? 60 : 10;
	unsigned int seed = seed_given ? strtoul(seed_given, NULL, 0) : (unsigned int)time(NULL);
	pid_t children[DUELISTS];
	bool ok = true;
	int i, loads = 0;

	test_begin(4);
	ksft_print_msg("SEED=%u\n", seed);
	ns = must_have(ns_make(), "namespace");
	ksft_test_result(ends_are_seen_whole(), "poll() sees an end whole\n");
	share();
	for (i = 0; i < DUELISTS; i++) {
		fflush(stdout);
		children[i] = must_have(fork(), "fork");
		if (!children[i])
			duelist(i, seed);
	}
	for (long long end = wait_now_ms() + seconds * 1000LL; ok && wait_now_ms() < end; loads++) {
		wait_until_ms(wait_now_ms() + 1000);
		/* by turns by segments, and by the short way (local.c of the module) */
		ok = unload_and_load() && !ns_sysctl_set(ns, "net.xtcp.local", "%d", loads % 2);
	}
	shared->stop = true;
	ksft_test_result(ok, "the module goes and comes among what is left\n");
	ok = all_ended(children) == DUELISTS && shared->duels > DUELISTS;
	ksft_print_msg("%d connections, %d times unloaded\n", shared->duels, loads);
	ksft_test_result(ok, "every call returns\n");
	/* a sock or record that nobody ends would stop this, one that leaks is told by the slab's end */
	ksft_test_result(!module_unload(), "nothing is left that holds the module\n");
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
