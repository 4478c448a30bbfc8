// SPDX-License-Identifier: GPL-2.0
/*
 * connect() when every port is used towards some destinations, and many connections end at once as TIME-WAIT records:
 * it reuses each of their ports, and no other. All in one namespace, over its loopback device; the servers are kernel
 * TCP's.
 *
 * A map of ports lives while a quarter of the range is used (module/ports/port.c). So a third of the connections
 * stay, another third each time, and a port that was lost would be missed.
 */
#include "test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("ip");

#define PORT		7400
#define LOW		30000
#define PORTS		120
#define THIRD		(PORTS / 3)
#define SHORT_MS	1000	/* the least that net.xtcp.timewait_ms may be */
#define LONG_MS		60000

static int ns;

/* Destinations that share the ports; places without a connection have -1. */
static struct destination {
	const char *text;
	const char *device;	/* that the clients are bound to */
	const char *listener_text;
	int listener;
	int clients[PORTS], servers[PORTS];
} destinations[] = {
	{ .text = "127.0.0.1", .listener_text = "0.0.0.0" },
	{ .text = "127.0.0.2" },
	{ .text = "127.0.0.3", .device = "lo" },
	{ .text = "::1", .listener_text = "::1" },
};

#define DESTINATIONS	((int)ARRAY_SIZE(destinations))

static void set(const char *name, int value)
{
	must_say(!ns_sysctl_set(ns, name, "%d", value), "no %s", name);
}

static void listen_all(void)
{
	for (struct destination *d = destinations; d < destinations + DESTINATIONS; d++) {
		/* the one before is a wildcard */
		d->listener = d->listener_text ? stack_listener(ns, KERNEL, d->listener_text, PORT, true) :
						 d[-1].listener;
		must(d->listener >= 0, "cannot listen");
		for (int i = 0; i < PORTS; i++) {
			d->clients[i] = -1;
			d->servers[i] = -1;
		}
	}
}

static int connect_by(const struct destination *d, const char *device)
{
	int fd = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, strchr(d->text, ':') ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4);

	if (fd < 0 || (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device))))
		ksft_exit_fail_msg("no socket: %s\n", strerror(errno));
	if (!stack_connect(fd, d->text, PORT))
		return fd;
	close(fd);
	return -1;
}

static int connect_to(const struct destination *d)
{
	return connect_by(d, d->device);
}

static int fill(void *unused)
{
	int i, made = 0;

	for (i = 0; i < PORTS; i++) {
		for (struct destination *d = destinations; d < destinations + DESTINATIONS; d++) {
			if (d->clients[i] >= 0)
				continue;
			d->clients[i] = connect_to(d);
			if (d->clients[i] < 0) {
				ksft_print_msg("connection %d to %s: %s\n", i, d->text, strerror(errno));
				continue;
			}
			d->servers[i] = accept(d->listener, NULL, NULL);
			made++;
		}
	}
	return made;
}

static int count_full(void *unused)
{
	int full = 0, fd;

	for (const struct destination *d = destinations; d < destinations + DESTINATIONS; d++) {
		fd = connect_to(d);
		full += fd < 0 && errno == EADDRNOTAVAIL;
		close(fd);
		/* who is bound to no device has the tuple on each */
		fd = d->device ? -1 : connect_by(d, "lo");
		full += !d->device && fd < 0 && errno == EADDRNOTAVAIL;
		close(fd);
	}
	return full;
}

static bool all_full(void)
{
	return ns_call(ns, count_full, NULL) == 2 * DESTINATIONS - 1;	/* one is bound itself */
}

/* Those with number @first, @first + @step, ... end; the client's side first. */
static void end(int first, int step)
{
	for (int i = first; i < PORTS; i += step) {
		for (struct destination *d = destinations; d < destinations + DESTINATIONS; d++) {
			shutdown(d->clients[i], SHUT_WR);
			must_say(stack_at_end(d->servers[i]), "connection %d to %s does not end", i, d->text);
			close_each(d->servers[i], d->clients[i]);
			d->clients[i] = -1;
			d->servers[i] = -1;
		}
	}
}

static int records(void)
{
	return rows_count(ns, "/proc/net/xtcp", TCP_TIME_WAIT, 0) + rows_count(ns, "/proc/net/xtcp6", TCP_TIME_WAIT, 0);
}

static void third_stays(int round)
{
	int made;

	end((round + 1) % 3, 3);
	end((round + 2) % 3, 3);
	must(WAIT_FOR(!records(), STACK_DEADLINE_MS), "records do not end");
	made = ns_call(ns, fill, NULL);
	ksft_test_result(made == 2 * THIRD * DESTINATIONS, "two thirds end: %d connections come instead\n", made);
	ksft_test_result(all_full(), "and no more\n");
}

static void all_end(void)
{
	int made;

	end(0, 1);
	must(WAIT_FOR(!records(), STACK_DEADLINE_MS), "records do not end");
	made = ns_call(ns, fill, NULL);
	ksft_test_result(made == PORTS * DESTINATIONS, "all end: %d connections come instead\n", made);
	ksft_test_result(all_full(), "and no more\n");
}

/* Ports of the records are known to the maps as those of the connections were; then all goes with the module. */
static void end_with_module(void)
{
	set("net.xtcp.timewait_ms", LONG_MS);
	end(0, 1);
	ksft_test_result(WAIT_FOR(records() == PORTS * DESTINATIONS, STACK_DEADLINE_MS), "all are records\n");
	ksft_test_result(all_full(), "and have their ports\n");
	ksft_test_result(!module_unload() && !module_is_loaded(), "the module unloads\n");
	must(!module_load(""), "cannot load the module");
	ksft_test_result(ns_call(ns, fill, NULL) == PORTS * DESTINATIONS, "and all ports can be had\n");
}

#define FEW		24
#define STORMERS	4
#define STORM_ROUNDS	50

static const char * const silent[] = { "10.6.0.2", "10.6.0.3", "10.6.0.4" };

static int connect_in_vain(const char *to)
{
	int fd = must_have(socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, XTCPPROTO_IPV4), "no socket");

	if (!stack_begin(fd, to, PORT))
		return fd;
	must_say(errno == EADDRNOTAVAIL, "connect() to %s", to);
	close(fd);
	return -1;
}

/* Take @most ports towards @to, or as many as there are. Return how many. */
static int take(const char *to, int *fds, int most)
{
	int n = 0;

	while (n < most && (fds[n] = connect_in_vain(to)) >= 0)
		n++;
	return n;
}

static void give_back(const int *fds, int n)
{
	while (n--)
		close(fds[n]);
}

/* Maps are made when most ports are used, and go when few are. */
static void *storm(void *number)
{
	int fds[FEW], round, n;

	for (round = (long)number; round < STORM_ROUNDS; round++) {
		n = take(silent[round % ARRAY_SIZE(silent)], fds, FEW - round % STORMERS);
		give_back(fds, n);
	}
	return NULL;
}

/* After the storm: how many ports can be had towards all destinations? */
static int storm_and_count(void *unused)
{
	int fds[ARRAY_SIZE(silent)][FEW + 1], had[ARRAY_SIZE(silent)], sum = 0;
	pthread_t threads[STORMERS];

	for (long i = 0; i < STORMERS; i++)
		must(!pthread_create(&threads[i], NULL, storm, (void *)i), "no thread");
	for (long i = 0; i < STORMERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int d = 0; d < ARRAY_SIZE(silent); d++)
		had[d] = take(silent[d], fds[d], FEW + 1);
	for (unsigned int d = 0; d < ARRAY_SIZE(silent); d++) {
		sum += had[d];
		give_back(fds[d], had[d]);
	}
	return sum;
}

/* A namespace with FEW ports, and with the silent ones behind a device. */
static int few_ports(void)
{
	int made = ns_make();

	must(made >= 0 && !ns_sysctl_set(made, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW + FEW - 1) &&
	     !ns_shell(made, "ip link add d0 type dummy && ip link set d0 up && ip addr add 10.6.0.1/16 dev d0"),
	     "namespace");
	return made;
}

static void maps_come_and_go(void)
{
	int made, stormed = few_ports(), all = FEW * ARRAY_SIZE(silent);

	made = ns_call(stormed, storm_and_count, NULL);
	ksft_print_msg("%d of %d ports can be had\n", made, all);
	ksft_test_result(made == all, "after threads have taken all ports again and again, each can be had\n");
	close(stormed);
}

#define NUMBERS		256	/* more destinations than a namespace has numbers for maps */

/* One destination's map stays while many others' end, whose numbers later maps get. How many ports all had. */
static int number_again(void *unused)
{
	int kept[FEW], left[NUMBERS], fds[FEW + 1], sum = take(silent[0], kept, FEW), i, n;
	char to[16];

	for (i = 0; i < NUMBERS; i++) {
		snprintf(to, sizeof(to), "10.6.%d.%d", 1 + i / 200, 1 + i % 200);
		n = take(to, fds, FEW + 1);
		sum += n;
		left[i] = fds[0];
		give_back(fds + 1, n - 1);
	}
	n = take("10.6.9.1", fds, FEW + 1);
	give_back(left, NUMBERS);
	sum += n + take("10.6.9.1", fds + n, FEW + 1 - n);
	give_back(fds, FEW);
	give_back(kept, FEW);
	return sum;
}

static void numbers_come_again(void)
{
	int numbered = few_ports(), all = FEW * (1 + NUMBERS + 1), had;

	had = ns_call(numbered, number_again, NULL);
	ksft_print_msg("%d of %d ports can be had\n", had, all);
	ksft_test_result(had == all, "so it is when more maps have come and gone than there are numbers for them\n");
	close(numbered);
}

#define TINY		8	/* ports, of which one half is tried by the map alone: connect() has made it by then */
#define TURNS		16
#define OTHERS		16	/* ports beyond those */
#define MAPS		3

/* Make a connection from a port of the tiny namespace. Return its port, or 0: there is none. */
static int connect_tiny(int *fd, int *server, int listener)
{
	struct sockaddr_in own = { 0 };
	socklen_t len = sizeof(own);

	*fd = connect_to(&destinations[0]);
	if (*fd < 0)
		return 0;
	*server = accept(listener, NULL, NULL);
	must(*server >= 0 && !getsockname(*fd, (struct sockaddr *)&own, &len), "no connection");
	return ntohs(own.sin_port);
}

/* The client of @fd ends: by a RST, or by a FIN that makes a record of its connection. */
static void end_tiny(int fd, int server, bool by_rst)
{
	if (by_rst)
		stack_reset_at_close(fd);
	else
		shutdown(fd, SHUT_WR);
	must(by_rst || stack_at_end(server), "a connection does not end");
	close_each(by_rst ? fd : server, by_rst ? server : fd);
}

/* One port is free, three have records, all others connections. How often connect() took the free one. */
static int take_the_free_one(void *tiny)
{
	int fd[TINY], server[TINY], port[TINY], listener = stack_listener(*(int *)tiny, KERNEL, "0.0.0.0", PORT, true);
	int i, again, peer, turn, taken = 0;

	for (i = 0; i < TINY; i++) {
		port[i] = connect_tiny(&fd[i], &server[i], listener);
		must_say(port[i], "connection %d", i);
	}
	for (i = TINY / 2; i < TINY; i++)
		end_tiny(fd[i], server[i], i == TINY - 1);
	/* the peer's clock ticks: net.xtcp.tw_reuse_delay */
	wait_until_ms(wait_now_ms() + 10);
	for (turn = 0; turn < TURNS; turn++) {
		if (connect_tiny(&again, &peer, listener) != port[TINY - 1])
			return taken;
		taken++;
		if (turn < TURNS - 1)
			end_tiny(again, peer, true);
	}
	i = connect_tiny(&again, &peer, listener);
	return i && i != port[TINY - 1] ? taken : -1;
}

static void tiny_range(int tiny, int low, int ports)
{
	must(!ns_sysctl_set(tiny, "net.ipv4.ip_local_port_range", "%d %d", low, low + ports - 1), "no range of ports");
}

/*
 * A map knows the ports of the range that was set when it was made; it learns of others when connect() tries them in
 * vain. Then one of these is free, and others of its half have records that may be replaced. Return 1 if connect()
 * takes the free one.
 */
static int take_the_tried_one(void *tiny)
{
	int listener = stack_listener(*(int *)tiny, KERNEL, "0.0.0.0", PORT, true), fd[OTHERS], server[OTHERS];
	int i, again, peer, taken;

	/* with one port in the range no map is needed */
	for (i = 0; i < OTHERS; i++) {
		tiny_range(*(int *)tiny, LOW + TINY + i, 1);
		must_say(connect_tiny(&fd[i], &server[i], listener) == LOW + TINY + i, "connection %d", i);
	}
	tiny_range(*(int *)tiny, LOW, TINY);
	for (i = 0; i < TINY; i++)
		must_say(connect_tiny(&again, &peer, listener), "connection %d of the map", i);
	tiny_range(*(int *)tiny, LOW + TINY, OTHERS);
	for (i = 2; i < OTHERS; i += 2)
		end_tiny(fd[i], server[i], false);
	wait_until_ms(wait_now_ms() + 10);
	ns_sysctl_set(*(int *)tiny, "net.xtcp.tw_reuse", "0");
	taken = connect_tiny(&again, &peer, listener);
	must_say(!taken, "port %d is free", taken);
	ns_sysctl_set(*(int *)tiny, "net.xtcp.tw_reuse", "1");
	end_tiny(fd[0], server[0], true);
	taken = connect_tiny(&again, &peer, listener);
	ksft_print_msg("of %d to %d port %d\n", LOW + TINY, LOW + TINY + OTHERS - 1, taken);
	return taken == LOW + TINY;
}

/* RSTs freed two ports of the first half, and the map gave one of them. How often it then took the other one. */
static int take_the_other_one(void *tiny)
{
	int fd[TINY], server[TINY], listener = stack_listener(*(int *)tiny, KERNEL, "0.0.0.0", PORT, true);
	int i, again, peer, turn, record, taken = 0;

	for (i = 0; i < TINY; i++)
		must_say(connect_tiny(&fd[i], &server[i], listener), "connection %d", i);
	end_tiny(fd[0], server[0], true);
	end_tiny(fd[1], server[1], true);
	record = connect_tiny(&again, &peer, listener);
	end_tiny(again, peer, false);
	wait_until_ms(wait_now_ms() + 10);
	for (turn = 0; turn < TURNS; turn++) {
		i = connect_tiny(&again, &peer, listener);
		taken += i && i != record;
		end_tiny(again, peer, true);
	}
	return taken;
}

static int make_tiny(void)
{
	int tiny = ns_make();

	if (tiny < 0 || ns_sysctl_set(tiny, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW + TINY - 1) ||
	    ns_sysctl_set(tiny, "net.xtcp.tw_reuse", "1") || ns_sysctl_set(tiny, "net.xtcp.tw_reuse_delay", "1"))
		ksft_exit_fail_msg("no namespace: %s\n", strerror(errno));
	return tiny;
}

#define MANY		40	/* destinations: more than a batch of records has groups (module/timewait/timewait.c) */
#define MANY_PORTS	16
#define KEPT_STEP	4	/* of so many connections one stays, */
#define ALL_END_STEP	5	/* but towards one of so many destinations none: their maps end meanwhile */

static int many[MANY][MANY_PORTS], many_servers[MANY][MANY_PORTS];

static bool stays(int d, int i)
{
	return i % KEPT_STEP == 0 && d % ALL_END_STEP != ALL_END_STEP - 1;
}

static int connect_one_of_many(int d)
{
	char to[16];

	snprintf(to, sizeof(to), "127.0.1.%d", 1 + d);
	return connect_to(&(struct destination){ .text = to });
}

static int fill_many(void *listener)
{
	int d, i, made = 0;

	for (i = 0; i < MANY_PORTS; i++) {
		for (d = 0; d < MANY; d++) {
			if (many[d][i] >= 0)
				continue;
			many[d][i] = connect_one_of_many(d);
			if (many[d][i] < 0)
				continue;
			many_servers[d][i] = accept(*(int *)listener, NULL, NULL);
			made++;
		}
	}
	return made;
}

static int count_full_of_many(void *unused)
{
	int d, fd, full = 0;

	for (d = 0; d < MANY; d++) {
		fd = connect_one_of_many(d);
		full += fd < 0 && errno == EADDRNOTAVAIL;
		close(fd);
	}
	return full;
}

/* Records of more maps than a batch has groups end in turn: successive records of a group are of several maps. */
static void records_of_many_maps(void)
{
	int in = ns_make(), ended = 0, d, i, listener, made;

	if (in < 0 || ns_sysctl_set(in, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW + MANY_PORTS - 1) ||
	    ns_sysctl_set(in, "net.xtcp.tw_reuse", "0") || ns_sysctl_set(in, "net.xtcp.timewait_ms", "%d", SHORT_MS))
		ksft_exit_fail_msg("no namespace: %s\n", strerror(errno));
	listener = stack_listener(in, KERNEL, "0.0.0.0", PORT, true);
	memset(many, -1, sizeof(many));
	made = ns_call(in, fill_many, &listener);
	must_say(made == MANY * MANY_PORTS, "%d connections to many destinations", made);
	for (i = 0; i < MANY_PORTS; i++) {
		for (d = 0; d < MANY; d++) {
			if (stays(d, i))
				continue;
			end_tiny(many[d][i], many_servers[d][i], false);
			many[d][i] = -1;
			ended++;
		}
	}
	must(WAIT_FOR(!rows_count(in, "/proc/net/xtcp", TCP_TIME_WAIT, 0), STACK_DEADLINE_MS), "records do not end");
	made = ns_call(in, fill_many, &listener);
	ksft_print_msg("%d of %d ports can be had\n", made, ended);
	ksft_test_result(made == ended, "records to many destinations end in turn: each of their ports can be had\n");
	ksft_test_result(ns_call(in, count_full_of_many, NULL) == MANY, "and no more\n");
	close_each(listener, in);
}

static void free_before_records(void)
{
	int taken, tiny = make_tiny(), turn;

	taken = ns_call(tiny, take_the_free_one, &tiny);
	ksft_print_msg("%d of %d times\n", taken, TURNS);
	ksft_test_result(taken == TURNS, "connect() takes a port that a RST has freed before it replaces a record\n");
	close(tiny);
	/* by chance it is the first of the half that is tried, if the map does not know it */
	for (taken = 0, turn = 0; turn < MAPS; turn++) {
		tiny = make_tiny();
		taken += ns_call(tiny, take_the_tried_one, &tiny);
		close(tiny);
	}
	ksft_test_result(taken == MAPS, "so it does with one that it has tried in vain\n");
	tiny = make_tiny();
	taken = ns_call(tiny, take_the_other_one, &tiny);
	close(tiny);
	ksft_print_msg("%d of %d times\n", taken, TURNS);
	ksft_test_result(taken == TURNS, "so it does where it has left a record on another port\n");
}

#define LATER		10	/* calls of connect() when the map is there already */

/* All ports of one half are used: the next call makes a map. Later calls, and their ends, keep it. */
static int make_one_map(void *unused)
{
	int kept[FEW], fd, i;

	must(take(silent[0], kept, FEW / 2 + 1) == FEW / 2 + 1, "no ports");
	for (i = 0; i < LATER; i++) {
		fd = connect_in_vain(silent[0]);
		close(fd);
	}
	give_back(kept, FEW / 2 + 1);
	/* bitmaps that were allocated: two of 8 KiB each */
	return tracing_count("", "", "");
}

static void one_map_serves_many(void)
{
	int made, one = few_ports();
	char pid[16];

	tracing_start("portmaps");
	tracing_forget();
	snprintf(pid, sizeof(pid), "%d", getpid());
	tracing_set("set_event_pid", pid);
	tracing_set("events/kmem/kmalloc/filter", "bytes_req == 16384");
	tracing_set("events/kmem/kmalloc/enable", "1");
	made = ns_call(one, make_one_map, NULL);
	tracing_set("events/kmem/kmalloc/enable", "0");
	tracing_set("events/kmem/kmalloc/filter", "0");
	tracing_stop();
	ksft_print_msg("%d maps\n", made);
	ksft_test_result(made == 1, "a map serves all calls of connect() while most ports are used\n");
	close(one);
}

int main(void)
{
	struct rlimit files = { 4096, 4096 };
	int made, round;

	test_begin(2 + 3 * 2 + 2 + 4 + 1 + 1 + 3 + 2 + 1);
	ns = ns_make();
	if (setrlimit(RLIMIT_NOFILE, &files) || ns < 0 ||
	    ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW + PORTS - 1))
		ksft_exit_fail_msg("no descriptors or no namespace: %s\n", strerror(errno));
	set("net.xtcp.tw_reuse", 0);
	set("net.xtcp.timewait_ms", SHORT_MS);
	listen_all();
	made = ns_call(ns, fill, NULL);
	ksft_test_result(made == PORTS * DESTINATIONS, "%d connections to %d destinations from %d ports\n", made,
			 DESTINATIONS, PORTS);
	ksft_test_result(all_full(), "and no more\n");
	for (round = 0; round < 3; round++)
		third_stays(round);
	all_end();
	end_with_module();
	maps_come_and_go();
	numbers_come_again();
	free_before_records();
	records_of_many_maps();
	one_map_serves_many();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
