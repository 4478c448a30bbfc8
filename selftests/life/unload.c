// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading with connections in every state, while a connection of kernel TCP carries data all the time.
 *
 *	namespace a --- veth0 --- namespace b
 *	  kernel TCP's transfer  -->
 *	  xtcp's connections    <-->
 *
 * unload [PART]... runs only these parts. Rounds: 50, with SOAK in the environment 1,000, in a short run a quarter;
 * ROUNDS= in it says another number.
 *
 * Each round unloads the module while xtcp carries traffic and kernel TCP a transfer.
 */
#include "test.h"

NEEDS_MODULE;
NEEDS_WRAPPER;
NEEDS_PROGRAMS("ip tc nft");

#define PORT		7100
#define QUEUE		5
#define SILENT		"10.9.0.77"

static struct ns_pair pair;
static struct carrier transfer;	/* kernel TCP's */

static bool refused_in_use(void)
{
	return module_unload_now() < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static void reload_or_die(void)
{
	must(!module_load(""), "cannot load the module");
}

/* @error: what loading must fail with, and the log say. */
static void parameter_refused(const char *parameter, int error, const char *message)
{
	klog_forget();
	ksft_test_result(module_load(parameter) < 0 && errno == error && klog_has(message) && !module_is_loaded(),
			 "%s is refused: \"%s\"\n", parameter, message);
}

static void parameters(void)
{
	int fd;

	must(!module_unload(), "cannot unload the module");
	parameter_refused("family=0", EINVAL, "the valid range is 1 to ");
	parameter_refused("family=-1", EINVAL, "the valid range is 1 to ");
	parameter_refused("family=9999", EINVAL, "the valid range is 1 to ");
	parameter_refused("family=2", EBUSY, "family=2 is taken");
	parameter_refused("family=many", EINVAL, "invalid for parameter");
	parameter_refused("chains=16777217", EINVAL, "at most 16777216");
	parameter_refused("chains=-1", EINVAL, "invalid for parameter");
	parameter_refused("half_open=2147483648", EINVAL, "at most 2147483647");
	parameter_refused("guest_timewait=2147483648", EINVAL, "at most 2147483647");
	must(!module_load("family=12"), "cannot load the module with family=12");
	fd = socket(12, SOCK_STREAM, 0);
	ksft_test_result(fd >= 0, "family=12 gives a family 12\n");
	close(fd);
	must(!module_unload(), "cannot unload the module");
	reload_or_die();
}

/* Which stack a socket is of: only xtcp knows the option. */
static bool is_ours(int fd)
{
	char name[64];
	socklen_t len = sizeof(name);

	return !getsockopt(fd, IPPROTO_TCP, XTCP_BUILD, name, &len);
}

static bool refused_protocol(int family, int type, int protocol)
{
	return ns_socket(ns_home(), family, type, protocol) < 0 && errno == EPROTONOSUPPORT;
}

static int number_of(int fd, int option)
{
	return stack_get(fd, SOL_SOCKET, option);
}

/* Both ends are made by the number; the listener is closed again. True if all three are ours, and of @family. */
static bool pair_by_number(int family, const char *text, int *client, int *server)
{
	union stack_addr addr = stack_addr(text, PORT + 4);
	int listener = ns_socket(pair.b, family, SOCK_STREAM, IPPROTO_XTCP);
	bool good;

	*client = ns_socket(pair.a, family, SOCK_STREAM, IPPROTO_XTCP);
	must(listener >= 0 && !stack_set(listener, SOL_SOCKET, SO_REUSEADDR, 1) &&
	     !bind(listener, &addr.sa, stack_addr_len(&addr)) && !listen(listener, 1) &&
	     !stack_connect(*client, text, PORT + 4), "no connection of IPPROTO_XTCP");
	*server = stack_accept_or_die(listener);
	good = is_ours(listener) && is_ours(*client) && is_ours(*server) && number_of(listener, SO_DOMAIN) == family &&
	       number_of(*client, SO_DOMAIN) == family && number_of(*server, SO_DOMAIN) == family &&
	       number_of(*client, SO_PROTOCOL) == 0x206 && number_of(*server, SO_PROTOCOL) == 0x206;
	close(listener);
	return good && stack_carries(*client, *server, 3000) && stack_carries(*server, *client, 3000);
}

static struct {
	atomic_int made[2];
	atomic_bool stop;
	atomic_int error;
} opening;

static void *open_by_number(void *arg)
{
	int v6 = (long)arg, fd;

	while (!opening.stop) {
		fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_XTCP);
		if (fd >= 0 && !close(fd))
			opening.made[v6]++;
		/* the last two: it goes just now */
		else if (errno != EPROTONOSUPPORT && errno != EAFNOSUPPORT && errno != ENOMEM && errno != ENOBUFS)
			opening.error = errno;
		else
			wait_tick();
	}
	return NULL;
}

static void comes_and_goes_among_sockets(void)
{
	int rounds = short_rounds(12), i, made[2];
	pthread_t threads[2];
	bool good = true;

	for (i = 0; i < 2; i++)
		must(!pthread_create(&threads[i], NULL, open_by_number, (void *)(long)i), "no threads");
	for (i = 0; i < rounds && good; i++) {
		made[0] = opening.made[0];
		made[1] = opening.made[1];
		good = !module_load("protocol=261") &&
		       WAIT_FOR(opening.made[0] > made[0] + 9 && opening.made[1] > made[1] + 9, STACK_DEADLINE_MS) &&
		       !module_unload();
	}
	opening.stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	if (opening.error)
		ksft_print_msg("socket(): %s\n", strerror(opening.error));
	ksft_test_result(good && !opening.error, "the module comes and goes among calls of socket()\n");
}

/* socket(AF_INET, SOCK_STREAM, IPPROTO_XTCP) */
static void protocol_number(void)
{
	int client[2], server[2], guest = ns_make_guest(), fd;

	ksft_test_result(refused_protocol(AF_INET, SOCK_STREAM, IPPROTO_XTCP), "without a number none\n");
	must(!module_unload(), "cannot unload the module");
	parameter_refused("protocol=256", EINVAL, "the valid range is 257 to 261, or 0");
	parameter_refused("protocol=262", EINVAL, "the valid range is 257 to 261, or 0");
	must(!module_load("protocol=261"), "cannot load the module with a protocol");
	ksft_test_result(pair_by_number(AF_INET, NS_B4, &client[0], &server[0]), "IPv4 by a number of a protocol\n");
	ksft_test_result(pair_by_number(AF_INET6, NS_B6, &client[1], &server[1]), "IPv6 by it\n");
	ksft_test_result(refused_protocol(AF_INET, SOCK_DGRAM, IPPROTO_XTCP) &&
			 refused_protocol(AF_INET6, SOCK_STREAM, IPPROTO_XTCP - 1), "no other type, no other number\n");
	fd = ns_socket(guest, AF_INET, SOCK_STREAM, IPPROTO_XTCP);
	ksft_test_result(is_ours(fd) && !close(fd), "in a namespace inside a user namespace\n");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ksft_test_result(!is_ours(fd) && number_of(fd, SO_PROTOCOL) == IPPROTO_TCP && carrier_goes_on(&transfer) &&
			 !close(fd), "kernel TCP has the other sockets\n");
	must_put("/sys/module/xtcp/parameters/unloading", "9");
	ksft_test_result(socket(AF_INET6, SOCK_STREAM, IPPROTO_XTCP) < 0 && errno == EAFNOSUPPORT,
			 "there are none while the module is to go\n");
	must_put("/sys/module/xtcp/parameters/unloading", "0");
	close_each(client[0], client[1], server[0]);
	ksft_test_result(refused_in_use(), "unloading is refused while an accepted one is open\n");
	must_put("/sys/module/xtcp/parameters/protocol", "0");
	ksft_test_result(refused_protocol(AF_INET, SOCK_STREAM, IPPROTO_XTCP) &&
			 refused_protocol(AF_INET6, SOCK_STREAM, IPPROTO_XTCP) && is_ours(server[1]),
			 "the number is given back\n");
	must_put("/sys/module/xtcp/parameters/protocol", "257");
	close(server[1]);
	fd = socket(AF_INET, SOCK_STREAM, 257);
	ksft_test_result(is_ours(fd) && !close(fd) && !module_unload() &&
			 refused_protocol(AF_INET, SOCK_STREAM, 257), "another one, until the module goes\n");
	comes_and_goes_among_sockets();
	close(guest);
	reload_or_die();
}

/*
 * One connection, left behind in a way that depends on @kind; every descriptor is closed. Each pair of stacks has a
 * port of its own from @port on: the ISNs of different stacks do not grow from one to the other, so a TIME-WAIT that
 * one left may refuse the next one's SYN.
 */
static bool leave_behind(int kind, int port)
{
	static const struct {
		enum stack client;
		enum stack server;
	} stacks[] = { { XTCP, XTCP }, { KERNEL, XTCP }, { XTCP, KERNEL } };
	const char *addr = kind & 1 ? NS_B6 : NS_B4;
	int client, server;
	bool good;

	port += kind % 3;
	stack_pair_or_die(pair.a, stacks[kind % 3].client, pair.b, stacks[kind % 3].server, addr, port, &client,
			  &server);
	good = stack_carries(client, server, 3000) && stack_carries(server, client, 3000);
	switch (kind % 4) {
	case 0:		/* the client's TIME-WAIT */
		shutdown(client, SHUT_WR);
		good = good && stack_at_end(server);
		close(server);
		break;
	case 1:		/* the server's */
		shutdown(server, SHUT_WR);
		good = good && stack_at_end(client);
		close(client);
		break;
	case 2:		/* data on its way both ways */
		good = good && send(client, &stacks, sizeof(stacks), 0) > 0 &&
		       send(server, &stacks, sizeof(stacks), 0) > 0;
		break;
	case 3:		/* a connection that nobody answers */
		close(stack_begin_or_die(pair.a, XTCP, SILENT, port));
		break;
	}
	if (kind % 4 != 1)
		close(client);
	if (kind % 4)
		close(server);
	return good;
}

static void cycles(int count)
{
	const char *wrong = NULL;
	int i;

	for (i = 0; i < count && !wrong; i++) {
		if (!leave_behind(i, PORT + 20))
			wrong = "a connection of xtcp carries data";
		else if (counter_now(pair.a, "/proc/net/xtcp_snmp", "Tcp:InSegs") +
			 counter_now(pair.b, "/proc/net/xtcp_snmp", "Tcp:InSegs") <= 0)
			wrong = "xtcp received segments";
		else if (module_unload())
			wrong = "the module unloads";
		else if (!carrier_goes_on(&transfer))
			wrong = "kernel TCP's transfer goes on";
		else if (module_load(""))
			wrong = "the module loads";
	}
	ksft_test_result(!wrong, "%d cycles of loading and unloading%s%s\n", i, wrong ? ", but not: " : "",
			 wrong ?: "");
	if (!module_is_loaded())
		reload_or_die();
}

/* Three writes one upon the other, of which two leave: the ACKs of these are late. */
static bool write_three(int client, int server)
{
	char in[2];

	for (int i = 0; i < 3; i++)
		if (send(client, "x", 1, 0) != 1)
			return false;
	return recv(server, in, sizeof(in), MSG_WAITALL) == sizeof(in);
}

/* Text waits for the next write, and a timer runs, when its connection is closed, or taken back. */
static void text_that_waits(void)
{
	int client[2], server[2], i;
	bool good;
	char in;

	for (i = 0; i < 2; i++)
		stack_pair_or_die(pair.a, XTCP, pair.b, KERNEL, NS_B4, PORT + 3, &client[i], &server[i]);
	/* no probe of a tail takes it along */
	good = !ns_sysctl_set(pair.a, "net.xtcp.coalesce_usecs", "1000000") &&
	       !ns_sysctl_set(pair.a, "net.xtcp.early_retrans", "0") &&
	       !ns_shell(pair.b, "tc qdisc add dev veth0 root netem delay 1s");
	for (i = 0; i < 2; i++)
		good = good && !stack_set(client[i], IPPROTO_TCP, TCP_NODELAY, 1) &&
		       write_three(client[i], server[i]);
	ksft_test_result(good && !stack_disconnect(client[0]) && recv(server[0], &in, 1, 0) == 1 &&
			 recv(server[0], &in, 1, 0) < 0 && errno == ECONNRESET && !close(client[0]),
			 "what waits goes ahead of a RST\n");
	ksft_test_result(!close(client[1]) && recv(server[1], &in, 1, 0) == 1 && !recv(server[1], &in, 1, 0),
			 "what waits goes ahead of the FIN\n");
	ksft_test_result(!module_unload(), "the module unloads\n");
	stack_close(server, 2);
	ns_shell(pair.b, "tc qdisc del dev veth0 root");
	ksft_test_result(carrier_goes_on(&transfer), "kernel TCP's transfer goes on\n");
	reload_or_die();
}

/* In a queue of netfilter it may stay as long as its owner likes. */
static void segment_in_nfqueue(void)
{
	int queue, client, server;

	/* early demux has attached a socket to it */
	stack_pair_or_die(pair.b, KERNEL, pair.a, XTCP, NS_A4, PORT + 3, &client, &server);
	if (ns_shell(pair.a, "nft 'add table ip held; add chain ip held in { type filter hook input priority 0; };"
		     "add rule ip held in tcp dport %d queue num %d'", PORT + 3, QUEUE))
		ksft_exit_fail_msg("no nft\n");
	queue = nfqueue_hold(pair.a, QUEUE);
	ksft_test_result(queue >= 0 && send(client, "abc", 3, 0) == 3 && nfqueue_next(queue, STACK_DEADLINE_MS) > 0,
			 "a segment with a socket is in a queue of netfilter\n");
	stack_abort(server);
	ksft_test_result(refused_in_use(), "unloading is refused while it is\n");
	close(queue);
	ksft_test_result(WAIT_FOR(!module_references(), STACK_DEADLINE_MS) && !module_unload(),
			 "the module unloads when it has gone\n");
	close(client);
	ns_shell(pair.a, "nft delete table ip held");
	reload_or_die();
}

static bool ends_well(pid_t child)
{
	int status;

	return WAIT_FOR(waitpid(child, &status, WNOHANG) == child, STACK_DEADLINE_MS) && !status;
}

/* Another module calls our handlers until it goes, whatever has been said to us. */
static void wrapped(void)
{
	bool good;
	pid_t child;

	klog_forget();
	must(!module_wrapper_load(""), "cannot load the other module");
	good = leave_behind(0, PORT + 10);
	ksft_test_result(good && carrier_goes_on(&transfer), "both stacks work behind another module's handlers\n");
	ksft_test_result(refused_in_use() && WAIT_FOR(klog_has("stays until wrapper_v6_rcv"), STACK_DEADLINE_MS),
			 "unloading is refused, and the log says for whom\n");
	ksft_test_result(!module_wrapper_unload() && !module_unload() && !module_is_loaded(), "until it has gone\n");
	reload_or_die();

	if (module_wrapper_load("late=1") || ns_shell(pair.a, "echo 1 >/sys/module/xtcp_wrapper/parameters/now"))
		ksft_exit_fail_msg("cannot load the other module: %s\n", strerror(errno));
	klog_forget();
	child = fork();
	if (!child)
		_exit(!!module_unload());
	good = WAIT_FOR(klog_has("stays until wrapper_v6_rcv"), STACK_DEADLINE_MS);
	good = good && WAIT_FOR(klog_has("stays until wrapper_v6_rcv"), STACK_DEADLINE_MS);
	ksft_test_result(good, "it waits for one that came later, and says so again and again\n");
	ksft_test_result(carrier_goes_on(&transfer) && !waitpid(child, NULL, WNOHANG),
			 "kernel TCP's transfer goes on meanwhile\n");
	ksft_test_result(!module_wrapper_unload() && ends_well(child) && !module_is_loaded(), "until it has gone\n");
	ksft_test_result(carrier_goes_on(&transfer), "kernel TCP's transfer goes on\n");
	reload_or_die();
}

/* Connections come and go in threads; the gate is shut for the moment of unloading. */
#define WORKERS	4

/* Workers that come and go all the time would keep an ordinary one open for ever. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static atomic_int exchanges[WORKERS];
static atomic_bool workers_stop, workers_failed;

static void *work(void *arg)
{
	int self = (int)(long)arg, kind = self;

	while (!workers_stop) {
		pthread_rwlock_rdlock(&gate);
		if (!leave_behind(kind, PORT + 30 + 3 * self))
			workers_failed = true;
		pthread_rwlock_unlock(&gate);
		exchanges[self]++;
		kind += WORKERS + 1;
	}
	return NULL;
}

static bool all_have_done(const int *goal)
{
	for (int i = 0; i < WORKERS; i++)
		if (exchanges[i] < goal[i])
			return false;
	return true;
}

static void unload_under_load(int count)
{
	int i, w, fd, goal[WORKERS];
	pthread_t threads[WORKERS];
	bool good = true;

	for (w = 0; w < WORKERS; w++)
		must(!pthread_create(&threads[w], NULL, work, (void *)(long)w), "no threads");
	for (i = 0; i < count && good; i++) {
		fd = stack_socket(pair.a, XTCP, NS_A4);
		for (w = 0; w < WORKERS; w++)
			goal[w] = exchanges[w] + 3;
		good = WAIT_FOR(all_have_done(goal), 3 * STACK_DEADLINE_MS) && refused_in_use();
		pthread_rwlock_wrlock(&gate);
		close(fd);
		good = good && !module_unload();
		good = good && carrier_goes_on(&transfer);
		if (!module_is_loaded())
			reload_or_die();
		pthread_rwlock_unlock(&gate);
	}
	workers_stop = true;
	for (w = 0; w < WORKERS; w++)
		pthread_join(threads[w], NULL);
	ksft_test_result(good && !workers_failed, "unloading among connections that come and go, %d times\n", i);
}

static int rounds(void)
{
	return short_rounds(getenv("SOAK") ? 1000 : 50);
}

static void unload_under_load_rounds(void)
{
	unload_under_load((rounds() + 19) / 20);
}

static void cycles_rounds(void)
{
	cycles(rounds());
}

static const struct part parts[] = {
	{ "parameters", parameters, 10 },
	{ "protocol", protocol_number, 13 },
	{ "waits", text_that_waits, 4 },
	{ "nfqueue", segment_in_nfqueue, 3 },
	{ "wrapped", wrapped, 7 },
	{ "load", unload_under_load_rounds, 1 },
	{ "cycles", cycles_rounds, 1 },
	{ }
};

int main(int argc, char **argv)
{
	test_begin(1 + parts_results(parts, argv + 1));
	/* frames to SILENT reach nobody, instead of waiting for its hardware address */
	if (ns_pair_make(&pair) || ns_shell(pair.a, "ip neighbour add " SILENT " lladdr 02:00:00:00:00:77 dev veth0"))
		ksft_exit_fail_msg("no namespaces\n");
	carrier_start(&transfer, &pair, KERNEL, PORT);
	parts_run(parts, argv + 1);
	ksft_test_result(carrier_stop(&transfer), "kernel TCP carries text through all of this, unchanged\n");

	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
