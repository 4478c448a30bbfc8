// SPDX-License-Identifier: GPL-2.0
/*
 * Which locks does a connection take, and which of them do processors share (`make bench B=locks`, on the KCSAN
 * kernel)? A thread goes from processor to processor. On each it opens a connection over the loopback, sends an octet
 * there and back, and closes, on kernel TCP and on xtcp. /proc/lock_stat counts meanwhile:
 *
 *	bench_locks CONNECTIONS
 *		so many on each processor: with a listener for each, then with one listener; then both again with so
 *		few ports that xtcp makes a map of the ports towards each listener
 *
 * Counts for one connection, both ends together, by class of lock: how often it was taken, and how often by another
 * processor than the last time. A lock that all processors share moves with each connection, however many real
 * processors there are. It measures no waits: these would depend on the machine below.
 */
#include "measure.h"
#include "test.h"

#define PORT		7100
#define FIRST_PORT	20000
#define MOST		480	/* connections of a processor; 1024 ports and more are not few */
#define WARM		2	/* rounds */
#define CPUS_MAX	64
#define CLASSES_MAX	2048
#define SHOWN		0.05	/* fewer for a connection are not worth a line */

enum load { LISTENERS, LISTENER, LISTENERS_FEW_PORTS, LISTENER_FEW_PORTS, LOADS };

static const char * const load_name[LOADS] = {
	"a listener for each processor", "one listener", "a listener for each processor, few ports",
	"one listener, few ports",
};

struct class {
	char name[64];
	struct counts {
		double taken, moved;
	} of[2];	/* by stack, for a connection */
};

static struct class classes[CLASSES_MAX];
static int class_count, ns;
static enum stack stack;
static int listeners[CPUS_MAX];
static long connections;

static bool has_few_ports(enum load load)
{
	return load >= LISTENERS_FEW_PORTS;
}

static int listeners_of(enum load load, int cpus)
{
	return load == LISTENER || load == LISTENER_FEW_PORTS ? 1 : cpus;
}

/* The client closes first and has the record. */
static void open_and_close(int listener, int port)
{
	int client = stack_socket(ns, stack, "127.0.0.1"), server;
	char octet = 'x';

	if (client < 0 || stack_connect(client, "127.0.0.1", port) || send(client, &octet, 1, MSG_NOSIGNAL) != 1)
		measure_die("connect");
	server = accept(listener, NULL, NULL);
	if (server < 0 || recv(server, &octet, 1, 0) != 1 || send(server, &octet, 1, MSG_NOSIGNAL) != 1)
		measure_die("accept");
	if (recv(client, &octet, 1, 0) != 1 || close(client) || recv(server, &octet, 1, 0) || close(server))
		measure_die("close");
}

static void go_round(enum load load, int cpus, long rounds)
{
	const int count = listeners_of(load, cpus);
	cpu_set_t one;

	for (long round = 0; round < rounds; round++)
		for (int i = 0; i < cpus; i++) {
			CPU_ZERO(&one);
			CPU_SET(i, &one);
			measure_must(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
			open_and_close(listeners[i % count], PORT + i % count);
		}
}

static struct class *class_of(const char *name)
{
	int i;

	for (i = 0; i < class_count; i++)
		if (!strcmp(classes[i].name, name))
			return &classes[i];
	measure_must(class_count != CLASSES_MAX, "classes of locks");
	snprintf(classes[i].name, sizeof(classes[i].name), "%s", name);
	class_count++;
	return &classes[i];
}

static void clear_counts(void)
{
	FILE *file = fopen("/proc/lock_stat", "we");

	measure_must(file && fputs("0\n", file) >= 0 && !fclose(file), "/proc/lock_stat");
}

/* Each line about a class is its name, a colon and twelve numbers. */
static void read_counts(double of)
{
	FILE *file = fopen("/proc/lock_stat", "re");
	double moved, taken;
	char line[512], *colon, *name;
	struct counts *counts;

	measure_must(file, "/proc/lock_stat");
	while (fgets(line, sizeof(line), file)) {
		colon = strrchr(line, ':');
		if (!colon || sscanf(colon + 1, "%*f %*f %*f %*f %*f %*f %lf %lf", &moved, &taken) != 2)
			continue;
		*colon = '\0';
		name = line + strspn(line, " ");
		counts = &class_of(name)->of[stack];
		*counts = (struct counts){ taken / of, moved / of };
	}
	fclose(file);
}

static void run(enum load load, enum stack of, int cpus)
{
	const int count = listeners_of(load, cpus);
	const long most = connections * cpus / count;	/* towards one listener */

	stack = of;
	ns = ns_make();
	measure_must(ns >= 0 && !ns_sysctl_set(ns, "net.xtcp.local", "0"), "namespace");
	if (has_few_ports(load) && (ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %ld", FIRST_PORT,
						  FIRST_PORT + most * 5 / 2) ||
				    ns_sysctl_set(ns, "net.ipv4.tcp_tw_reuse", "0") ||
				    ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0")))
		measure_die("sysctl");
	for (int i = 0; i < count; i++) {
		listeners[i] = stack_listener(ns, stack, "127.0.0.1", PORT + i, true);
		measure_must(listeners[i] >= 0, "listen");
	}
	go_round(load, cpus, has_few_ports(load) ? connections : WARM);
	clear_counts();
	go_round(load, cpus, connections);
	read_counts((double)cpus * connections);
	stack_close(listeners, count);
	close(ns);
}

/* Classes that xtcp shares more than kernel TCP come first. */
static int compare(const void *a, const void *b)
{
	const struct class *x = a, *y = b;
	double d = (y->of[XTCP].moved - y->of[KERNEL].moved) - (x->of[XTCP].moved - x->of[KERNEL].moved);

	return (d > 0) - (d < 0);
}

static void show_line(const struct class *class)
{
	printf("%-44s %8.2f %8.2f %12.2f %8.2f\n", class->name, class->of[XTCP].taken, class->of[XTCP].moved,
	       class->of[KERNEL].taken, class->of[KERNEL].moved);
}

static void show(enum load load)
{
	struct class rest = { .name = "all others" };

	qsort(classes, class_count, sizeof(classes[0]), compare);
	printf("%s\n%-44s     xtcp: taken, moved; kernel TCP: taken, moved\n", load_name[load], "lock");
	for (int i = 0; i < class_count; i++) {
		if (classes[i].of[KERNEL].moved >= SHOWN || classes[i].of[XTCP].moved >= SHOWN) {
			show_line(&classes[i]);
			continue;
		}
		for (int s = KERNEL; s <= XTCP; s++) {
			rest.of[s].taken += classes[i].of[s].taken;
			rest.of[s].moved += classes[i].of[s].moved;
		}
	}
	show_line(&rest);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), load;

	connections = argc == 2 ? atol(argv[1]) : 0;
	measure_begin(connections >= 1 && connections <= MOST / cpus && cpus <= CPUS_MAX, "bench_locks CONNECTIONS");
	printf("%d processors, %ld connections on each; counts for one connection\n\n", cpus, connections);
	for (load = 0; load < LOADS; load++) {
		class_count = 0;
		memset(classes, 0, sizeof(classes));
		run(load, KERNEL, cpus);
		run(load, XTCP, cpus);
		show(load);
	}
	return 0;
}
