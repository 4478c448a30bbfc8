// SPDX-License-Identifier: GPL-2.0
/*
 * Many at once: 1,000 connections at the same time; one listener for several processes; one connection for several
 * threads; signals and timeouts that cut every call short, over a veth:
 *
 *	crowd [-4|-6] [-s kernel|xtcp]
 */
#include "test.h"

#define PORT 8000
#define COUNT 1000
#define STALL_MS 60000
#define WORKERS 4
#define PER_WORKER 25

static struct ns_pair pair;

static bool rows_become(int ns, enum stack stack, const char *addr, unsigned int state, int want)
{
	if (WAIT_FOR(rows_count(ns, sides_listing(stack, addr), state, PORT) == want, STACK_DEADLINE_MS))
		return true;
	ksft_print_msg("%d rows in state %u, not %d\n", rows_count(ns, sides_listing(stack, addr), state, PORT), state,
		       want);
	return false;
}

/* As many as a listener's queue of half-open connections surely takes. */
#define BATCH 100

static int connect_some(const struct sides *s, int *clients)
{
	for (int i = 0; i < BATCH; i++) {
		clients[i] = stack_socket(pair.a, s->client, s->addr);
		if (stack_begin(clients[i], s->addr, PORT))
			return -1;
	}
	return 0;
}

/* Why connections are late: did timers run, were segments dropped on the way to TCP? */
static void explain_late(const struct sides *s, int accepted)
{
	char *softnet = ns_read_file(pair.b, "/proc/net/softnet_stat");

	ksft_print_msg("%d accepted of %d; rows at the client SYN-SENT %d, at the server half open %d\n", accepted,
		       BATCH, rows_count(pair.a, sides_listing(s->client, s->addr), TCP_SYN_SENT, PORT),
		       rows_count(pair.b, sides_listing(s->server, s->addr), TCP_SYN_RECV, PORT));
	ksft_print_msg("TCPTimeouts %lld, TCPSynRetrans %lld, ListenDrops %lld; softnet_stat:\n%s",
		       stack_counter(pair.b, s->server, "TcpExt:TCPTimeouts"),
		       stack_counter(pair.b, s->server, "TcpExt:TCPSynRetrans"),
		       stack_counter(pair.b, s->server, "TcpExt:ListenDrops"), softnet ? softnet : "?\n");
	free(softnet);
}

static int accept_some(const struct sides *s, int listener, int *servers)
{
	for (int i = 0; i < BATCH; i++) {
		servers[i] = stack_poll(listener, POLLIN, STACK_DEADLINE_MS) ? accept(listener, NULL, NULL) : -1;
		if (servers[i] >= 0)
			continue;
		explain_late(s, i);
		return -1;
	}
	return 0;
}

static int connect_all(const struct sides *s, int listener, int *clients, int *servers)
{
	for (int i = 0; i < COUNT; i += BATCH)
		if (connect_some(s, clients + i) || accept_some(s, listener, servers + i))
			return -1;
	return 0;
}

/* accept() gives them in another order than they were connected in. */
static void match(int *clients, int *servers)
{
	static int by_port[65536];
	union stack_addr peer;
	socklen_t len;
	int sorted[COUNT], i;

	for (i = 0; i < COUNT; i++) {
		len = sizeof(peer);
		must(!getpeername(servers[i], &peer.sa, &len), "no peer");
		by_port[ntohs(peer.in.sin_port)] = servers[i];
	}
	for (i = 0; i < COUNT; i++)
		sorted[i] = by_port[stack_port(clients[i])];
	memcpy(servers, sorted, sizeof(sorted));
}

/* For one side at a time: together they are more than a slow machine can do before retransmission timers expire. */
static pthread_mutex_t *turn;

static void turn_init(void)
{
	pthread_mutexattr_t attr;

	turn = mmap(NULL, sizeof(*turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(turn != MAP_FAILED && !pthread_mutexattr_init(&attr) &&
	     !pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) &&
	     !pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) && !pthread_mutex_init(turn, &attr), "no mutex");
}

static void thousand(const struct sides *s)
{
	static int clients[COUNT], servers[COUNT];
	static struct flow flows[2 * COUNT];
	int listener = stack_listener(pair.b, s->server, s->addr, PORT, true), i;
	bool ok = listener >= 0 && !connect_all(s, listener, clients, servers);

	close(listener);
	sides_result(ok, "1,000 connections are made");
	ok = ok && rows_become(pair.a, s->client, s->addr, TCP_ESTABLISHED, COUNT) &&
		rows_become(pair.b, s->server, s->addr, TCP_ESTABLISHED, COUNT);
	sides_result(ok, "and are established at the same time");
	if (ok)
		match(clients, servers);
	for (i = 0; i < COUNT; i++) {
		flow_pair(&flows[2 * i], clients[i], 2000 + i, &flows[2 * i + 1], servers[i], 5000 - i);
		flows[2 * i].out += 13 * i;
		flows[2 * i + 1].in += 13 * i;
	}
	ok = ok && flow_run(flows, 2 * COUNT, STALL_MS);
	flow_explain(flows, ok ? 0 : 2 * COUNT);
	for (i = 0; i < COUNT; i++)
		close_each(clients[i], servers[i]);
	ok = ok && rows_become(pair.a, s->client, s->addr, TCP_ESTABLISHED, 0) &&
		rows_become(pair.b, s->server, s->addr, TCP_ESTABLISHED, 0);
	sides_result(ok, "each carries its own octets, and then they are gone");
}

static int worker(void *arg)
{
	int listener = *(int *)arg, fd, i, n, at;
	char b[512];

	for (i = 0; i < PER_WORKER; i++) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return 1;
		while ((n = recv(fd, b, sizeof(b), 0)) > 0)
			for (at = 0; at < n; at += 1)
				if (send(fd, b + at, 1, MSG_NOSIGNAL) != 1)
					return 2;
		if (n < 0)
			return 3;
		close(fd);
	}
	return 0;
}

static bool echo(const struct sides *s, int i)
{
	int fd = stack_connected(pair.a, s->client, s->addr, PORT), n, got = 0;
	char out[32], in[32];
	bool ok;

	if (fd < 0)
		return false;
	n = snprintf(out, sizeof(out), "this is number %d", i);
	ok = send(fd, out, n, MSG_NOSIGNAL) == n && !shutdown(fd, SHUT_WR);
	while (ok && got < n) {
		int r = recv(fd, in + got, n - got, 0);

		if (r <= 0)
			break;
		got += r;
	}
	ok = ok && got == n && !memcmp(in, out, n) && stack_at_end(fd);
	close(fd);
	return ok;
}

static void workers(const struct sides *s)
{
	int listener = stack_listener(pair.b, s->server, s->addr, PORT, true), i, status;
	bool ok = listener >= 0;
	pid_t pid[WORKERS];

	for (i = 0; i < WORKERS; i++)
		pid[i] = ns_fork(pair.b, worker, &listener);
	close(listener);
	for (i = 0; ok && i < WORKERS * PER_WORKER; i++)
		ok = echo(s, i);
	for (i = 0; i < WORKERS; i++) {
		if (!ok)
			kill(pid[i], SIGKILL);
		ok &= waitpid(pid[i], &status, 0) == pid[i] && !status;
	}
	sides_result(ok, "processes share a listener");
}

/* One end of a connection, for a reading and a writing thread. */
struct thread {
	int fd;
	int octets, done;
	unsigned int key;
	pthread_t id;
};

static unsigned char octet(unsigned int key, unsigned int at)
{
	return at * 7 + (at >> 8) + key;
}

static void *writes(void *arg)
{
	struct thread *t = arg;
	unsigned char b[3000];
	int n, i;

	while (t->done < t->octets) {
		n = t->octets - t->done < (int)sizeof(b) ? t->octets - t->done : (int)sizeof(b);
		for (i = 0; i < n; i++)
			b[i] = octet(t->key, t->done + i);
		n = send(t->fd, b, n, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		t->done += n > 0 ? n : 0;
	}
	return NULL;
}

static void *reads(void *arg)
{
	struct thread *t = arg;
	unsigned char b[2500];
	int n, i;

	while (t->done < t->octets) {
		n = recv(t->fd, b, sizeof(b), 0);
		if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
			break;
		for (i = 0; i < n; i++)
			if (b[i] != octet(t->key, t->done + i))
				return NULL;
		t->done += n > 0 ? n : 0;
	}
	return NULL;
}

static void on_tick(int sig)
{
}

/* Signals without SA_RESTART, to whichever thread. */
static void ticks(int every_us)
{
	struct sigaction sa = { .sa_handler = on_tick };
	struct itimerval it = { .it_interval.tv_usec = every_us, .it_value.tv_usec = every_us };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

/* A thread reads and one writes at either end; every call may be cut short. */
static void threads(const struct sides *s, int timeout_us, int tick_us, const char *name)
{
	struct thread t[4] = {};
	int client, server, i;
	bool ok = true;

	stack_pair_or_die(pair.a, s->client, pair.b, s->server, s->addr, PORT, &client, &server);
	for (i = 0; i < 4; i++) {
		t[i].fd = i & 1 ? server : client;
		t[i].octets = 1 << 20;
		t[i].key = i == 0 || i == 3;
		if (stack_patience(t[i].fd, SO_RCVTIMEO, timeout_us) ||
		    stack_patience(t[i].fd, SO_SNDTIMEO, timeout_us))
			ok = false;
	}
	if (tick_us)
		ticks(tick_us);
	/* 0: the client writes, 1: the server writes, 2: the client reads, 3: the server reads. */
	for (i = 0; i < 4; i++)
		ok &= !pthread_create(&t[i].id, NULL, i < 2 ? writes : reads, &t[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i].id, NULL);
		ok &= t[i].done == t[i].octets;
	}
	ticks(0);
	close_each(client, server);
	sides_result(ok, name);
}

static void all(const struct sides *s)
{
	struct rlimit files = { 8192, 8192 };

	must(!setrlimit(RLIMIT_NOFILE, &files), "no descriptors");
	must(!ns_pair_make(&pair), "no namespaces");
	/* whoever died with it left nothing to mend */
	if (pthread_mutex_lock(turn) == EOWNERDEAD)
		pthread_mutex_consistent(turn);
	thousand(s);
	pthread_mutex_unlock(turn);
	workers(s);
	threads(s, 0, 0, "threads share a connection");
	threads(s, 0, 3000, "threads share a connection, signals interrupt them");
	threads(s, 4000, 0, "threads share a connection, their calls time out");
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides);

	test_begin(n * 7);
	/* a thousand SYNs at once fill the queue between the ends of a veth; what is lost there says nothing of TCP */
	if (ns_sysctl_set(ns_home(), "net.core.netdev_max_backlog", "%d", 100 * COUNT))
		ksft_exit_fail_msg("cannot set net.core.netdev_max_backlog\n");
	turn_init();
	return sides_each(sides, n, 7, all);
}
