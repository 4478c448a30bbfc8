// SPDX-License-Identifier: GPL-2.0
/*
 * What network namespaces cost with xtcp loaded, less what they cost without (`make bench`):
 *
 *	bench_spaces memory NAMESPACES
 *		octets in slabs for each namespace that no socket of xtcp has been in: its
 *		struct, and what the kernel keeps for its knobs and its files in /proc, four
 *		fifths of all. It has nothing per processor and no pages of its own. The bound
 *		is a share of what a namespace needs without xtcp. Then what its first socket
 *		adds, without the counters of each processor.
 *	bench_spaces ends NAMESPACES [RECORDS]
 *		milliseconds in which one of so many is made and ended, unused; of a tenth of
 *		them each with a record of TIME-WAIT; of as many while so many records (50,000)
 *		stand in another one; and of the first two without xtcp, the record kernel
 *		TCP's. All beside one whose connection carries data each millisecond. By the
 *		wall clock, or where the clock counts instructions by these and by what the
 *		kernel waits for.
 *	bench_spaces pairs NAMESPACES
 *		milliseconds in which one of so many, which are there at the same time, is made
 *		with a connection in it, both ends of it, and ended with that: with xtcp, and
 *		with kernel TCP without xtcp. By the same clock
 */
#include <dirent.h>
#include "measure.h"
#include "test.h"

#define PORT		7100
#define AT_ONCE		100	/* namespaces that are there before they are ended */
#define ROUNDS		5
#define MOST_IDLE	0.06	/* of what a namespace needs without xtcp */
#define MOST_ENDS	1.5	/* times one without xtcp */
#define MOST_BESIDE	1.2	/* times one with a record while there are no others */
#define FOREIGN		50000
#define CHUNK		4096

static struct ns_pair pair;
static int client, server;
static atomic_bool stop;
static atomic_llong carried;

static long first_number(const char *slab, const char *file)
{
	char path[512];
	long number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", slab, file);
	f = fopen(path, "r");
	if (f && fscanf(f, "%ld", &number) != 1)
		number = 0;
	if (f)
		fclose(f);
	return number;
}

/* All objects that are allocated; a page that is not full counts for what is in it. */
static long slab_octets(void)
{
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	long octets = 0;

	measure_must(dir, "/sys/kernel/slab");
	/* empties all caches and waits for RCU */
	measure_kernel_memory();
	/* a link is one more name for what has another */
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			octets += first_number(entry->d_name, "objects") * first_number(entry->d_name, "slab_size");
	closedir(dir);
	return octets;
}

/* What an earlier count has closed would end during the next one, and lower its figure. */
static void wait_for_ends(void)
{
	measure_must(ns_all_ended(600000), "end");
}

/* For each of @n that are made while half as many are there. */
static double idle_octets(int n)
{
	int *ns = calloc(n, sizeof(*ns)), i;
	long before, after;

	wait_for_ends();
	for (i = 0; i < n / 3; i++)
		ns[i] = ns_make();
	before = slab_octets();
	for (; i < n; i++)
		ns[i] = ns_make();
	after = slab_octets();
	for (i = 0; i < n; i++)
		measure_must(ns[i] >= 0 && !close(ns[i]), "namespace");
	free(ns);
	return (double)(after - before) / (n - n / 3);
}

/* What the first socket of ours leaves in each of @n. */
static double used_octets(int n)
{
	int *ns = calloc(n, sizeof(*ns)), i;
	long before, after;

	wait_for_ends();
	for (i = 0; i < n; i++)
		ns[i] = ns_make();
	before = slab_octets();
	for (i = 0; i < n; i++)
		measure_must(ns[i] >= 0 && !close(stack_socket(ns[i], XTCP, "127.0.0.1")), "socket");
	after = slab_octets();
	stack_close(ns, n);
	free(ns);
	return (double)(after - before) / n;
}

static int run_memory(int n)
{
	double with[ROUNDS], without[ROUNDS], idle, most;

	/* what the first ones allocate for good is no part of the figure */
	idle_octets(n);
	used_octets(n);
	for (int i = 0; i < ROUNDS; i++) {
		with[i] = idle_octets(n);
		measure_must(!module_unload(), "unload");
		without[i] = idle_octets(n);
		measure_must(!module_load(""), "load");
	}
	idle = measure_median(with, ROUNDS) - measure_median(without, ROUNDS);
	most = MOST_IDLE * measure_median(without, ROUNDS);
	printf("%-44s %.0f octets (%.0f to %.0f with it, %.0f to %.0f without), at most %.0f\n",
	       "a namespace without a socket", idle, with[0], with[ROUNDS - 1], without[0], without[ROUNDS - 1],
	       most);
	printf("%-44s %.0f octets\n", "what its first socket adds, for good", used_octets(n));
	return idle > most;
}

static void *carry(void *unused)
{
	while (!stop) {
		measure_must(stack_carries(client, server, CHUNK), "the connection does not carry data");
		carried += CHUNK;
		wait_tick();
	}
	return unused;
}

/* On the side that closes first, which is in the same namespace. */
static void leave_records(int ns, enum stack stack, int port, int n)
{
	int listener = stack_listener(ns, stack, "127.0.0.1", port, true), ours, theirs;

	while (n--) {
		ours = stack_connected(ns, stack, "127.0.0.1", port);
		theirs = ours < 0 ? -1 : accept(listener, NULL, NULL);
		if (theirs < 0 || shutdown(ours, SHUT_WR) || !stack_at_end(theirs) || close(theirs) || close(ours))
			measure_die("record");
	}
	close(listener);
}

/* So many in the namespace of the connection, where a port has half as many clients at most. */
static void leave_foreign(int n)
{
	measure_must(!ns_sysctl_set(pair.a, "net.ipv4.ip_local_port_range", "10000 65535") &&
		     !ns_sysctl_set(pair.a, "net.xtcp.max_tw_buckets", "%d", 2 * n) &&
		     !ns_sysctl_set(pair.a, "net.xtcp.timewait_ms", "240000"), "sysctl");
	leave_records(pair.a, XTCP, PORT, n / 2);
	leave_records(pair.a, XTCP, PORT + 1, n - n / 2);
}

static double come_and_go(int n, enum stack stack, bool used)
{
	double start = measure_now();
	int ns[AT_ONCE], i, k;

	for (i = 0; i < n; i += k) {
		for (k = 0; k < AT_ONCE && i + k < n; k++) {
			ns[k] = ns_make();
			measure_must(ns[k] >= 0, "namespace");
			if (used)
				leave_records(ns[k], stack, PORT, 1);
		}
		while (k--)
			close(ns[k]);
		k = AT_ONCE;
	}
	wait_for_ends();
	return measure_now() - start;
}

/* Milliseconds of one of @n, beside a connection of that stack's that carries data. */
static double show_ends(const char *what, int n, enum stack stack, bool used, int foreign)
{
	pthread_t thread;
	double seconds;

	measure_must(!ns_pair_make(&pair), "namespaces");
	if (foreign)
		leave_foreign(foreign);
	stack_pair_or_die(pair.a, stack, pair.b, stack, NS_B4, PORT, &client, &server);
	stop = false;
	measure_must(!pthread_create(&thread, NULL, carry, NULL), "thread");
	/* what the first ones make for good is no part of the figure */
	come_and_go(AT_ONCE / 10, stack, used);
	carried = 0;
	seconds = come_and_go(n, stack, used);
	stop = true;
	pthread_join(thread, NULL);
	printf("%-44s %.1f ms each (%d in %.1f s; %.0f KiB/s beside them)\n", what, seconds / n * 1e3, n, seconds,
	       carried / seconds / 1024);
	fflush(stdout);
	close_each(client, server);
	ns_pair_close(&pair);
	return seconds / n * 1e3;
}

static bool show_ratio(const char *what, double ours, double theirs, double bound)
{
	printf("%-44s %.2fx (at most %.1fx%s)\n", what, ours / theirs, bound, ours > theirs * bound ? ": ABOVE" : "");
	measure_record(what, "ms", ours / theirs, ours, theirs);
	return ours <= theirs * bound;
}

static int run_ends(int n, int foreign)
{
	double unused, record, beside, theirs, their_record;
	bool ok;

	unused = show_ends("namespaces made and ended, unused", n, XTCP, false, 0);
	record = show_ends("the same, each with a record", n / 10, XTCP, true, 0);
	beside = show_ends("while others have many records", n / 10, XTCP, true, foreign);
	measure_must(!module_unload(), "unload");
	theirs = show_ends("without xtcp, unused", n, KERNEL, false, 0);
	their_record = show_ends("the same, each with kernel TCP's TIME-WAIT", n / 10, KERNEL, true, 0);
	ok = show_ratio("an unused one", unused, theirs, MOST_ENDS);
	ok &= show_ratio("one with a record", record, their_record, MOST_ENDS);
	ok &= show_ratio("beside records of others", beside, record, MOST_BESIDE);
	return module_load("") ? 2 : !ok;
}

/* Milliseconds for each: @made, and what it returns, ended. */
static double pair_ends(int n, enum stack stack, double *made)
{
	int (*each)[3] = calloc(n, sizeof(*each)), i;
	double begin = measure_now();

	measure_must(each, "calloc");
	for (i = 0; i < n; i++) {
		each[i][2] = ns_make();
		measure_must(each[i][2] >= 0, "namespace");
		stack_pair_or_die(each[i][2], stack, each[i][2], stack, "127.0.0.1", PORT, &each[i][0], &each[i][1]);
	}
	*made = (measure_now() - begin) / n * 1e3;
	for (i = 0; i < n; i++)
		measure_must(stack_carries(each[i][0], each[i][1], 1), "an octet");
	begin = measure_now();
	for (i = 0; i < n; i++)
		stack_close(each[i], 3);
	wait_for_ends();
	free(each);
	return (measure_now() - begin) / n * 1e3;
}

static int run_pairs(int n)
{
	double made, ended, their_made, their_ended;
	bool ok;

	ended = pair_ends(n, XTCP, &made);
	measure_must(!module_unload(), "unload");
	their_ended = pair_ends(n, KERNEL, &their_made);
	printf("%d namespaces with a connection each: made %.2f ms against %.2f, ended %.2f ms against %.2f\n", n,
	       made, their_made, ended, their_ended);
	ok = show_ratio("made", made, their_made, MOST_ENDS);
	ok &= show_ratio("ended", ended, their_ended, MOST_ENDS);
	return module_load("") ? 2 : !ok;
}

int main(int argc, char **argv)
{
	const struct rlimit files = { 65536, 65536 };

	measure_begin((argc == 3 || argc == 4) && atoi(argv[2]) >= 10,
		      "bench_spaces memory|pairs NAMESPACES | ends NAMESPACES [RECORDS]");
	measure_must(!setrlimit(RLIMIT_NOFILE, &files), "files");
	if (!strcmp(argv[1], "memory"))
		return run_memory(atoi(argv[2]));
	if (!strcmp(argv[1], "pairs"))
		return run_pairs(atoi(argv[2]));
	return run_ends(atoi(argv[2]), argc > 3 ? atoi(argv[3]) : FOREIGN);
}
