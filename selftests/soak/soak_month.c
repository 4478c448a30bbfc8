// SPDX-License-Identifier: GPL-2.0
/*
 * A month of a small web server: quiet nights, 1 % of the packets lost each way, clients that are slow, reset, or
 * vanish. Servers and clients are of both stacks, so each stack meets each.
 *
 *	namespace a --- veth0 --- namespace b        clients of a day
 *	namespace v --- veth1 --- namespace b        clients that vanish: nothing comes from there for a while
 *
 * Before and after the month everything comes to rest. Then it must be as before, to the last object: slabs, lines of
 * /proc, sockets and their memory, references to the module, segments that hold it, ports. The counters must have as
 * many connections as this program opened and accepted. A day of the same load goes before, so that the kernel's own
 * caches have grown.
 */
#include "lib/test.h"
#include "lib/virtual.h"

#define PORT		80
#define CLIENTS		6
#define WORKERS		24		/* of each stack: a peer that has vanished keeps one busy */
#define DAYS		30
#define PAUSE_S		180		/* of a client between two visits, in the mean */
#define NIGHT_BEGINS	22
#define NIGHT_ENDS	6
#define REST_S		3600		/* until nothing waits for anything any more */
#define LOSS		10000		/* millionths */
#define V4_B		"10.19.0.2"
#define V4_V		"10.19.0.1"

enum ending { CLIENT_FIRST, SERVER_FIRST, RESET, ENDINGS };

struct request {
	unsigned int len;
	enum ending ending;
	unsigned int more;		/* requests on this connection */
};

static struct ns_pair net;
static int vanishing;
static int listener[2];
static atomic_bool over;
static atomic_long opened[2], failed[2], accepted[2], octets, wrong, vanished;
static pthread_t workers[2 * WORKERS], clients[CLIENTS + 1];
static uint64_t first_day;

static unsigned int next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

static void sleep_s(double s)
{
	virtual_sleep_until(virtual_now() + (uint64_t)(s * VIRTUAL_S));
}

static void patience(int fd, int s)
{
	stack_patience(fd, SO_RCVTIMEO, s * 1000000);
	stack_patience(fd, SO_SNDTIMEO, s * 1000000);
}

static void end(int fd, bool reset)
{
	if (reset)
		stack_reset_at_close(fd);
	close(fd);
}

static bool answer(int fd, unsigned int len)
{
	static const char text[65536];
	ssize_t n;

	for (; len; len -= n) {
		n = send(fd, text, len < sizeof(text) ? len : sizeof(text), MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static void *work(void *arg)
{
	const enum stack stack = (long)arg;
	struct request r;
	char byte;
	int fd;

	while ((fd = accept(listener[stack], NULL, NULL)) >= 0 || !atomic_load(&over)) {
		if (fd < 0)
			continue;
		accepted[stack]++;
		patience(fd, 300);
		r.more = 1;
		while (r.more && recv(fd, &r, sizeof(r), MSG_WAITALL) == sizeof(r) && answer(fd, r.len))
			;
		if (!r.more && r.ending == CLIENT_FIRST)
			recv(fd, &byte, 1, 0);
		end(fd, false);
	}
	return NULL;
}

static bool ask(int fd, const struct request *r)
{
	static _Thread_local char in[65536];
	ssize_t n = 0;

	if (send(fd, r, sizeof(*r), MSG_NOSIGNAL) != sizeof(*r))
		return false;
	for (unsigned int left = r->len; left; left -= n) {
		n = recv(fd, in, left < sizeof(in) ? left : sizeof(in), 0);
		if (n <= 0)
			return false;
		octets += n;
	}
	return true;
}

/* A client's visit; @vanishes: the client goes silent in the middle of it, for half an hour. */
static void visit(int ns, const char *addr, uint64_t *rand, bool vanishes)
{
	const enum stack stack = next_random(rand) % 4 ? KERNEL : XTCP;
	const enum stack to = stack == XTCP ? next_random(rand) % 2 : XTCP;
	struct request r = { .more = next_random(rand) % 4 ? 0 : 1 + next_random(rand) % 4 };
	int fd = must_have(stack_socket(ns, stack, addr), "socket");
	bool well;

	patience(fd, 120);
	opened[stack]++;
	if (stack_connect(fd, addr, PORT + to)) {
		failed[stack]++;
		close(fd);
		return;
	}
	do {
		r.ending = next_random(rand) % ENDINGS;
		r.len = next_random(rand) % 10 ? next_random(rand) % 20000 : next_random(rand) % 500000;
		if (vanishes && !r.more) {
			must(send(fd, &r, sizeof(r), MSG_NOSIGNAL) == sizeof(r), "request");
			must(!netem_gate(ns, "veth1", false), "gate");
			vanished++;
			end(fd, next_random(rand) % 2);
			sleep_s(1800);
			must(!netem_gate(ns, "veth1", true), "gate");
			return;
		}
		well = ask(fd, &r);
		if (r.more)
			sleep_s(next_random(rand) % 30);
	} while (well && r.more--);
	if (!well)
		wrong++;
	else if (r.ending == SERVER_FIRST)
		recv(fd, &r, 1, 0);
	end(fd, r.ending == RESET);
}

static bool is_night(void)
{
	unsigned int hour = (virtual_now() - first_day) / VIRTUAL_HOUR % 24;

	return hour >= NIGHT_BEGINS || hour < NIGHT_ENDS;
}

static void *come(void *arg)
{
	const long id = (long)arg;
	const bool vanishes = id == CLIENTS;
	uint64_t rand = id * 7919 + 1;

	while (!atomic_load(&over)) {
		sleep_s(next_random(&rand) % (2 * PAUSE_S * 1000) / 1000.);
		if (atomic_load(&over))
			break;
		if (is_night())
			sleep_s(VIRTUAL_HOUR / 1e9);
		else
			visit(vanishes ? vanishing : net.a, vanishes ? V4_B : id & 1 ? NS_B6 : NS_B4, &rand, vanishes);
	}
	return NULL;
}

static void load(unsigned int days)
{
	atomic_store(&over, false);
	for (long i = 0; i < 2; i++)
		listener[i] = must_have(stack_listener(net.b, i, "::", PORT + i, true), "listener");
	for (long i = 0; i < 2 * WORKERS; i++)
		must(!pthread_create(&workers[i], NULL, work, (void *)(i & 1)), "thread");
	for (long i = 0; i <= CLIENTS; i++)
		must(!pthread_create(&clients[i], NULL, come, (void *)i), "thread");
	virtual_sleep_until(virtual_now() + days * VIRTUAL_DAY);
	atomic_store(&over, true);
	for (long i = 0; i <= CLIENTS; i++)
		pthread_join(clients[i], NULL);
	sleep_s(REST_S);
	for (long i = 0; i < 2; i++)
		shutdown(listener[i], SHUT_RDWR);
	for (long i = 0; i < 2 * WORKERS; i++)
		pthread_join(workers[i], NULL);
	for (long i = 0; i < 2; i++)
		close(listener[i]);
	sleep_s(REST_S);
}

/* The objects in each slab of the kernel. */
#define CACHES 512

struct caches {
	int n;
	struct {
		char name[64];
		long active, size;
	} cache[CACHES];
};

static void read_caches(struct caches *all)
{
	FILE *file;
	char line[512];

	ns_shell(ns_home(), "for f in /sys/kernel/slab/*/shrink; do echo 1 >$f; done 2>/dev/null");
	file = fopen("/proc/slabinfo", "re");
	must(file, "/proc/slabinfo");
	for (all->n = 0; all->n < CACHES && fgets(line, sizeof(line), file);)
		all->n += sscanf(line, "%63s %ld %*d %ld", all->cache[all->n].name, &all->cache[all->n].active,
				 &all->cache[all->n].size) == 3;
	fclose(file);
}

/* By how many octets all slabs have grown. Names each that has grown by more than two pages. */
static long grown(const struct caches *before, const struct caches *after)
{
	long sum = 0, more;
	int i, j;

	for (i = 0; i < after->n; i++) {
		for (j = 0; j < before->n && strcmp(before->cache[j].name, after->cache[i].name); j++)
			;
		more = after->cache[i].active - (j < before->n ? before->cache[j].active : 0);
		sum += more * after->cache[i].size;
		if (more * after->cache[i].size > 8192)
			ksft_print_msg("%s: %ld more of %ld octets\n", after->cache[i].name, more,
				       after->cache[i].size);
	}
	return sum;
}

/* The @nth number behind the name in /proc/net/protocols: size, sockets, pages. */
static long protocol(int ns, const char *name, int nth)
{
	char *all = ns_read_file(ns, "/proc/net/protocols"), *at = all, *end;
	long values[3] = { -1, -1, -1 };
	char word[32];

	for (; at && *at; at = end + 1) {
		end = strchr(at, '\n');
		if (!end)
			break;
		if (sscanf(at, "%31s", word) == 1 && !strcmp(word, name))
			sscanf(at, "%*s %ld %ld %ld", &values[0], &values[1], &values[2]);
	}
	free(all);
	return values[nth];
}

static long rows_of(const char *path)
{
	const int all[] = { net.a, net.b, vanishing };
	struct row *rows;
	long n = 0;

	for (unsigned int i = 0; i < 3; i++) {
		n += rows_read(all[i], path, &rows, NULL);
		free(rows);
	}
	return n;
}

static long long count(const char *stack_file, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/net/%s", stack_file);
	return counter_now(net.a, path, name) + counter_now(net.b, path, name) + counter_now(vanishing, path, name);
}

/* Can the other stack bind every port of the usual range in b and a? Then nothing of ours holds one. */
static int ports_held(int ns)
{
	int port, fd, held = 0;

	for (port = 32768; port < 61000; port += 7) {
		fd = stack_bound(ns, KERNEL, "0.0.0.0", port, false);
		held += fd < 0;
		if (fd >= 0)
			close(fd);
	}
	return held;
}

static void show(const struct slabs *slabs)
{
	for (int i = 0; i < SLABS_N; i++) {
		ksft_print_msg("%s: %ld objects\n", slabs_names[i], slabs->active[i]);
		must(slabs->active[i] >= 0, "a slab in /proc/slabinfo");
	}
}

static void is(const char *what, long long got, long long want)
{
	ksft_test_result(got == want, "%s: %lld, %lld are due\n", what, got, want);
}

int main(int argc, char **argv)
{
	const unsigned int days = argc > 1 ? atoi(argv[1]) : DAYS;
	const struct netem loss = { .loss = LOSS, .delay_ms = 20 };
	static struct caches caches_before, caches_after;
	long references, more, opened_before[2];
	struct slabs before;

	ksft_print_header();
	virtual_or_skip();
	ksft_set_plan(21);
	virtual_sleep_until(2 * VIRTUAL_S);
	must(!ns_pair_make(&net), "namespaces");
	sides_know_each_other(&net);
	vanishing = ns_make();
	must(vanishing >= 0 && !ns_join(vanishing, net.b, "veth1") && !ns_addr_add(vanishing, "veth1", V4_V "/24") &&
	     !ns_addr_add(net.b, "veth1", V4_B "/24"), "the third namespace");
	must(!ns_neighbour(vanishing, "veth1", V4_B, net.b, "veth1") &&
	     !ns_neighbour(net.b, "veth1", V4_V, vanishing, "veth1"), "neighbours");
	must(!netem_set(net.a, "veth0", &loss) && !netem_set(net.b, "veth0", &loss), "netem");

	first_day = virtual_now();
	load(1);
	slabs_read(&before);
	show(&before);
	read_caches(&caches_before);
	references = module_references();
	for (enum stack stack = KERNEL; stack <= XTCP; stack++)
		opened_before[stack] = opened[stack];

	load(days);
	ksft_print_msg("%ld and %ld connections of kernel TCP and xtcp, %ld and %ld accepted; %ld octets read;\n",
		       opened[KERNEL], opened[XTCP], accepted[KERNEL], accepted[XTCP], octets);
	ksft_print_msg("%ld could not connect, %ld ended early, %ld vanished\n", failed[KERNEL] + failed[XTCP], wrong,
		       vanished);
	ksft_test_result(opened[KERNEL] + opened[XTCP] - opened_before[KERNEL] - opened_before[XTCP] > days * 1000,
			 "a month of visits\n");
	ksft_test_result(slabs_back(&before, 10000), "no object of xtcp's more than before\n");
	read_caches(&caches_after);
	more = grown(&caches_before, &caches_after);
	ksft_print_msg("all slabs of the kernel: %ld octets more\n", more);
	ksft_test_result(more < 262144, "no slab of the kernel's grows\n");
	is("references of the module", module_references(), references);
	is("closed sockets that hold it", module_held(), 0);
	is("rows of IPv4", rows_of("/proc/net/xtcp"), 0);
	is("rows of IPv6", rows_of("/proc/net/xtcp6"), 0);
	is("rows of kernel TCP, IPv4", rows_of("/proc/net/tcp"), 0);
	is("rows of kernel TCP, IPv6", rows_of("/proc/net/tcp6"), 0);
	is("sockets of IPv4 in b", protocol(net.b, "XTCP", 1), 0);
	is("sockets of IPv6 in b", protocol(net.b, "XTCPv6", 1), 0);
	is("pages of memory", protocol(net.b, "XTCP", 2), 0);
	is("established", count("xtcp_snmp", "Tcp:CurrEstab"), 0);
	is("established, kernel TCP", count("snmp", "Tcp:CurrEstab"), 0);
	is("opened", count("xtcp_snmp", "Tcp:ActiveOpens"), opened[XTCP]);
	is("opened, kernel TCP", count("snmp", "Tcp:ActiveOpens"), opened[KERNEL]);
	is("accepted", count("xtcp_snmp", "Tcp:PassiveOpens"), accepted[XTCP]);
	is("accepted, kernel TCP", count("snmp", "Tcp:PassiveOpens"), accepted[KERNEL]);
	is("ports that the clients' namespace misses", ports_held(net.a), 0);
	is("ports that the server's namespace misses", ports_held(net.b), 0);
	is("segments that arrived with errors", count("xtcp_snmp", "Tcp:InErrs"), 0);
	ksft_finished();
}
