// SPDX-License-Identifier: GPL-2.0
/*
 * A second build takes over listening sockets of the first (XTCP_TAKE_OVER): the program keeps its descriptor, and no
 * connection is refused or reset, before, while and after; then the first one is unloaded, and the program goes on.
 *
 *	namespace a --- veth0 --- namespace b
 *	  clients -->               the program that listens
 *
 * takeover [PART]... runs only these parts. Rounds under load: 4, of some seconds each, in a short run one; ROUNDS= in
 * the environment says another number.
 */
#include <linux/filter.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <sys/mount.h>
#include "aoopt.h"
#include "rules.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_SECOND;

#define PORT	7500

static struct ns_pair pair;

/* The builds have exchanged their names. */
static bool renamed;

static const char *listing_of(enum stack stack, const char *addr)
{
	return sides_listing(renamed ? module_other(stack) : stack, addr);
}

/* @next stands in front of the other one afterwards; nothing of it is there now. */
static void load_newer(enum stack next)
{
	if (!WAIT_FOR(!module_build_unload(next), STACK_DEADLINE_MS) || module_build_load(next, ""))
		ksft_exit_fail_msg("cannot load %s again: %s\n", stack_name(next), strerror(errno));
}

/* A socket of @stack that is bound where another build's listens. */
static int beside(enum stack stack, const char *addr, int port)
{
	union stack_addr at = stack_addr(addr, port);
	int fd = stack_socket(pair.b, stack, addr);

	if (fd < 0 || stack_set(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON) || bind(fd, &at.sa, stack_addr_len(&at)))
		ksft_exit_fail_msg("no socket of %s beside the other: %s\n", stack_name(stack), strerror(errno));
	return fd;
}

/* XTCP_TAKE_OVER, as often as a call of the program has the socket at that moment. 0, or the errno. */
static int takes(int fd, int listener)
{
	int err = EAGAIN;

	WAIT_FOR((err = stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) ? errno : 0) != EAGAIN, STACK_DEADLINE_MS);
	return err;
}

/* @listener is of @stack afterwards. A descriptor of the old one, which drains until it is closed. */
static int take_over(int listener, enum stack stack, const char *addr, int port)
{
	int fd = beside(stack, addr, port);

	if (takes(fd, listener))
		ksft_exit_fail_msg("%s cannot take over: %s\n", stack_name(stack), strerror(errno));
	return fd;
}

/* The old listener goes, and @listener does not need it any more. */
static void let_go(int listener, int old)
{
	if (takes(listener, -1) != EBUSY)
		ksft_exit_fail_msg("let go while the old one drains\n");
	close(old);
	if (takes(listener, -1))
		ksft_exit_fail_msg("not let go: %s\n", strerror(errno));
}

static int client_or_die(const char *addr, int port)
{
	int fd = stack_connected(pair.a, KERNEL, addr, port);

	if (fd < 0)
		ksft_exit_fail_msg("cannot connect: %s\n", strerror(errno));
	return fd;
}

/* The server's end of @client is one of @stack, and of no other build. */
static bool is_of(enum stack stack, int client, const char *addr, int port)
{
	return rows_state(pair.b, listing_of(stack, addr), port, stack_port(client)) == TCP_ESTABLISHED &&
	       !rows_state(pair.b, listing_of(module_other(stack), addr), port, stack_port(client));
}

static bool both_ways(int client, int server)
{
	return stack_carries(client, server, 5000) && stack_carries(server, client, 5000);
}

/* ---- what a program sees */

static void by_one(const char *bound, const char *addr, int port)
{
	int listener = stack_listener(pair.b, XTCP, bound, port, true), old, server, before, after, later;
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	bool good;

	before = client_or_die(addr, port);
	good = poll(&ready, 1, STACK_DEADLINE_MS) == 1;		/* its ACK has come */
	old = take_over(listener, SECOND, bound, port);
	after = client_or_die(addr, port);
	good = good && poll(&ready, 1, STACK_DEADLINE_MS) == 1 && stack_port(listener) == port &&
	       stack_state(listener) == TCP_LISTEN;
	server = stack_accept_or_die(listener);
	good = good && is_of(XTCP, before, addr, port) && both_ways(before, server);
	close_each(before, server);
	server = stack_accept_or_die(listener);
	good = good && is_of(SECOND, after, addr, port) && both_ways(after, server);
	ksft_test_result(good && !poll(&ready, 1, 0), "%s: accept() has the old one's connection, then the new one's\n",
			 bound);
	let_go(listener, old);
	later = client_or_die(addr, port);
	close(server);
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(SECOND, later, addr, port) && both_ways(later, server),
			 "%s: also when the old listener has gone\n", bound);
	close_each(after, later, server, listener);
}

struct asked {
	struct diag_query query;
	int port, peer_port;
	uint64_t cgroup;
};

static int ask_cgroup(void *arg)
{
	struct asked *asked = arg;
	struct diag_copy copy;

	must(diag_find(&asked->query, asked->port, asked->peer_port, &copy) == 1 &&
	     copy.row.attr[INET_DIAG_CGROUP_ID], "a cgroup");
	memcpy(&asked->cgroup, copy.row.attr[INET_DIAG_CGROUP_ID], sizeof(asked->cgroup));
	return 0;
}

/* The cgroup of the program's socket with these ports. */
static uint64_t cgroup_of(enum stack stack, const char *addr, int port, int peer_port)
{
	struct asked asked = {
		{ .stack = stack, .v6 = strchr(addr, ':'), .states = peer_port ? 0 : 1 << TCP_LISTEN }, port, peer_port,
	};

	ns_call(pair.b, ask_cgroup, &asked);
	return asked.cgroup;
}

/* A program makes its listener in a cgroup of its own. */
static int listener_in_cgroup(const char *addr, int port)
{
	int listener;

	must(!mount("none", "/mnt", "cgroup2", 0, NULL), "cgroup2");
	must(!mkdir("/mnt/service", 0755) || errno == EEXIST, "a cgroup");
	must_put("/mnt/service/cgroup.procs", "0");
	listener = stack_listener(pair.b, XTCP, addr, port, true);
	must_put("/mnt/cgroup.procs", "0");
	must(!umount("/mnt"), "umount");
	return listener;
}

/* The last ACK has come, but accept() waits for text, so the entry is half-open. */
static void half_open(const char *addr, int port)
{
	int listener = listener_in_cgroup(addr, port), client, old, server;
	const uint64_t cgroup = cgroup_of(XTCP, addr, port, 0);
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	bool good;

	if (stack_set(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60))
		ksft_exit_fail_msg("no TCP_DEFER_ACCEPT\n");
	client = client_or_die(addr, port);
	old = take_over(listener, SECOND, addr, port);
	good = !poll(&ready, 1, 0) && send(client, "x", 1, 0) == 1 && poll(&ready, 1, STACK_DEADLINE_MS) == 1;
	server = stack_accept_or_die(listener);
	ksft_test_result(good && stack_gives(server, "x", 1) && both_ways(client, server) &&
			 is_of(XTCP, client, addr, port), "%s: a half-open entry becomes a connection of the old one\n",
			 addr);
	ksft_test_result(cgroup_of(XTCP, addr, port, stack_port(client)) == cgroup &&
			 cgroup_of(SECOND, addr, port, 0) == cgroup && cgroup_of(XTCP, addr, port, 0) == cgroup,
			 "%s: in the cgroup of the program\n", addr);
	close_each(old, client, server, listener);
}

/* A client comes again from its port while the old build has TIME-WAIT of it: that is for the new listener. */
static void comes_again(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), client = client_or_die(NS_B4, port), local, old;
	int server = stack_accept_or_die(listener);

	local = stack_port(client);
	close(server);
	must(stack_at_end(client), "the end of the stream");
	close(client);
	must(WAIT_FOR(rows_state(pair.b, listing_of(XTCP, NS_B4), port, local) == TCP_TIME_WAIT, STACK_DEADLINE_MS) &&
	     WAIT_FOR(!rows_state(pair.a, listing_of(KERNEL, NS_B4), local, port), STACK_DEADLINE_MS), "TIME-WAIT");
	old = take_over(listener, SECOND, NS_B4, port);
	client = stack_bound(pair.a, KERNEL, NS_A4, local, true);
	must(client >= 0 && !stack_connect(client, NS_B4, port), "a connection from the same port");
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(SECOND, client, NS_B4, port) && both_ways(client, server),
			 "TIME-WAIT of the old one makes way for a connection of the new one\n");
	close_each(old, client, server, listener);
}

struct waiter {
	int listener, got;
	pthread_t thread;
	atomic_int task;
};

static void *wait_in_accept(void *arg)
{
	struct waiter *w = arg;

	w->task = gettid();
	w->got = accept(w->listener, NULL, NULL);
	if (w->got < 0)
		ksft_print_msg("accept: %s\n", strerror(errno));
	return NULL;
}

/* Both sleep in accept(), and a third one in epoll_wait(), while the socket changes hands. */
static void sleepers(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), poller = epoll_create1(0), clients[2], old, i;
	struct epoll_event event = { .events = EPOLLIN };
	struct waiter w[2] = {};
	bool good = true;

	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	for (i = 0; i < 2; i++) {
		w[i].listener = listener;
		if (pthread_create(&w[i].thread, NULL, wait_in_accept, &w[i]))
			ksft_exit_fail_msg("no threads\n");
		good = good && WAIT_FOR(w[i].task && asleep_in(w[i].task, SYS_accept), STACK_DEADLINE_MS);
	}
	old = take_over(listener, SECOND, NS_B4, port);
	close(old);
	for (i = 0; i < 2; i++)
		clients[i] = client_or_die(NS_B4, port);
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		good = good && w[i].got >= 0;
	}
	for (i = 0; i < 2; i++)
		good = good && is_of(SECOND, clients[i], NS_B4, port);
	ksft_test_result(good, "two that sleep in accept() get connections of the new one\n");
	i = client_or_die(NS_B4, port);
	ksft_test_result(epoll_wait(poller, &event, 1, STACK_DEADLINE_MS) == 1, "and epoll tells of one\n");
	close_each(i, clients[0], clients[1], w[0].got, w[1].got, poller, listener);
}

/*
 * A build goes only when the listener that has taken over says so, or the program closes its socket: a call that began
 * before may still have the old sock, even when shutdown() has ended both.
 */
static void holds_the_old(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), old = take_over(listener, SECOND, NS_B4, port);
	bool good;

	close(old);
	good = WAIT_FOR(module_references() == 1, STACK_DEADLINE_MS) && !shutdown(listener, SHUT_RD);
	/* the end of a namespace waits for what RCU has still to free */
	close(ns_make());
	good = good && ns_all_ended(STACK_DEADLINE_MS) && module_references() == 1;
	close(listener);
	ksft_test_result(good && WAIT_FOR(!module_references(), STACK_DEADLINE_MS),
			 "what has taken over holds the old build until the program closes its socket\n");
}

/* What the old one still has goes when the program closes its socket: nobody can accept it. */
static void closes_first(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), client = client_or_die(NS_B4, port), old;
	bool good = stack_poll(listener, POLLIN, STACK_DEADLINE_MS);		/* its ACK has come */

	old = take_over(listener, SECOND, NS_B4, port);
	close(listener);
	good = good && stack_take_octet(client) && errno == ECONNRESET && stack_state(old) == TCP_CLOSE;
	client = stack_connected(pair.a, KERNEL, NS_B4, port);
	ksft_test_result(good && client < 0 && errno == ECONNREFUSED, "close() of the program ends both listeners\n");
	close(old);
}

static void sees(void)
{
	load_newer(SECOND);
	by_one(NS_B4, NS_B4, PORT);
	by_one(NS_B6, NS_B6, PORT + 1);
	by_one("0.0.0.0", NS_B4, PORT + 2);
	half_open(NS_B4, PORT + 3);
	half_open(NS_B6, PORT + 4);
	sleepers(PORT + 5);
	closes_first(PORT + 6);
	holds_the_old(PORT + 7);
	comes_again(PORT + 8);
}

/* ---- what is refused */

static bool refuses(int fd, int listener, int error)
{
	bool refused = stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) && errno == error;

	if (!refused)
		ksft_print_msg("%s in place of %s\n", strerror(errno), strerror(error));
	return refused;
}

static bool refuses_an_ordinary_user(int fd, int listener)
{
	uid_t was = geteuid();
	bool refused;

	if (seteuid(65534))
		return false;
	refused = refuses(fd, listener, EPERM);
	return !seteuid(was) && refused;
}

/* One who has all capabilities in namespaces of his own. */
static bool refuses_a_guest(int fd, int listener)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) || !refuses(fd, listener, EPERM));
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

/* A program's own IPsec policy cannot be read, so it cannot go along. */
static void ipsec(void)
{
	struct xfrm_userpolicy_info policy = { .dir = XFRM_POLICY_IN, .sel.family = AF_INET };
	int listener = stack_listener(pair.b, XTCP, NS_B4, PORT + 3, true), fd = beside(SECOND, NS_B4, PORT + 3);
	int client, server;

	if (setsockopt(listener, IPPROTO_IP, IP_XFRM_POLICY, &policy, sizeof(policy))) {
		ksft_test_result_skip("the kernel cannot give a socket an IPsec policy: EOPNOTSUPP\n");
	} else {
		bool good = refuses(fd, listener, EOPNOTSUPP);

		client = client_or_die(NS_B4, PORT + 3);
		server = stack_accept_or_die(listener);
		ksft_test_result(good && is_of(XTCP, client, NS_B4, PORT + 3) && both_ways(client, server),
				 "EOPNOTSUPP: an IPsec policy of the socket\n");
		close_each(client, server);
	}
	close_each(fd, listener);
}

static void refusals(void)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, PORT, true), fd = beside(SECOND, NS_B4, PORT), old;
	int elsewhere = stack_listener(pair.b, XTCP, NS_B4, PORT + 1, true), closed = stack_socket(pair.b, XTCP, NS_B4);
	int unbound = stack_socket(pair.b, SECOND, NS_B4);
	int kernels = stack_listener(pair.b, KERNEL, NS_B4, PORT + 2, true), again, client, server;

	ksft_test_result(refuses_an_ordinary_user(fd, listener) && refuses_a_guest(fd, listener), "EPERM\n");
	ksft_test_result(refuses(fd, 1000, EBADF) && refuses(fd, STDOUT_FILENO, ENOTSOCK), "EBADF, ENOTSOCK\n");
	ksft_test_result(refuses(fd, elsewhere, EINVAL) && refuses(fd, closed, EINVAL) &&
			 refuses(fd, kernels, EINVAL) && refuses(fd, fd, EINVAL) &&
			 refuses(unbound, listener, EINVAL) &&
			 stack_set(kernels, IPPROTO_TCP, XTCP_TAKE_OVER, listener) && errno == ENOPROTOOPT,
			 "EINVAL: another place, no listener, another stack, itself\n");
	client = client_or_die(NS_B4, PORT + 1);
	server = stack_accept_or_die(elsewhere);
	ksft_test_result(refuses(fd, server, EINVAL), "EINVAL: a connection\n");
	close_each(client, server);

	ksft_test_result(refuses(fd, -1, EINVAL) && refuses(listener, -1, ENOENT) &&
			 !stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) && refuses(listener, -1, EBUSY),
			 "taken over\n");
	again = beside(SECOND, NS_B4, PORT);
	old = beside(XTCP, NS_B4, PORT);
	ksft_test_result(refuses(again, fd, EBUSY) && refuses(old, listener, EBUSY) && refuses(listener, old, EINVAL) &&
			 refuses(fd, listener, EINVAL) && refuses(fd, again, EINVAL),
			 "EBUSY: neither what drains nor what follows is one of another two: no chain, no circle\n");
	close_each(again, old);
	client = client_or_die(NS_B4, PORT);
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(SECOND, client, NS_B4, PORT) && both_ways(client, server), "and all go on\n");
	close_each(client, server, fd, listener, elsewhere, closed, unbound, kernels);
}

/* ---- what keeps segments out */

static int add_ao(int fd, const char *peer, int prefix, int sndid, int rcvid, const char *algorithm)
{
	return aoopt_add(fd, &(struct aoopt_key){ .addr = peer, .prefix = prefix, .sndid = sndid, .rcvid = rcvid,
						  .algorithm = algorithm, .keyflags = TCP_AO_KEYF_EXCLUDE_OPT });
}

/* The listener goes over. @out lacks what it would need, and gets no answer, though first. The old descriptor. */
static int lets_in(int listener, int out, int in, const char *bound, const char *addr, int port, bool *good)
{
	int old = take_over(listener, SECOND, bound, port), server;

	must(stack_connect(out, addr, port) && errno == EINPROGRESS && !stack_connect(in, addr, port), "connect");
	server = stack_accept_or_die(listener);
	*good = is_of(SECOND, in, bound, port) && both_ways(in, server) && stack_state(out) == TCP_SYN_SENT;
	close_each(out, in, server);
	return old;
}

/* A client's socket. One that does not wait gets no answer. */
static int client_of(enum stack stack, const char *addr, bool waits)
{
	int fd = stack_socket(pair.a, stack, addr);

	must(fd >= 0 && (waits || !fcntl(fd, F_SETFL, O_NONBLOCK)), "a socket");
	return fd;
}

static void md5_keys(const char *bound, const char *addr, const char *peer, int bits, int port)
{
	int listener = stack_listener(pair.b, XTCP, bound, port, true), in = client_of(KERNEL, addr, true), old;
	bool good;

	/* the longer prefix counts */
	must(!md5_set(listener, peer, "secret") && !md5_set_for(listener, peer, "another", bits, -1) &&
	     !md5_set(in, addr, "secret"), "MD5");
	old = lets_in(listener, client_of(KERNEL, addr, false), in, bound, addr, port, &good);
	good = good && stack_get(listener, IPPROTO_TCP, XTCP_KEYS) == 2;
	ksft_test_result(good, "MD5 keys of %s at %s go along\n", peer, bound);
	close_each(old, listener);
}

static bool same_keys(int fd, const struct tcp_ao_getsockopt *keys, int n, const struct tcp_ao_info_opt *info)
{
	struct tcp_ao_getsockopt now[8] = {};
	struct tcp_ao_info_opt told = aoopt_info(fd);
	int there = aoopt_keys(fd, now, ARRAY_SIZE(now)), i;

	for (i = 0; i < there; i++)
		now[i].pkt_good = keys[i].pkt_good;	/* of segments that came since */
	told.pkt_good = info->pkt_good;
	told.pkt_ao_required = info->pkt_ao_required;
	return there == n && !memcmp(now, keys, n * sizeof(*keys)) && !memcmp(&told, info, sizeof(told));
}

static void ao_keys(const char *addr, const char *peer, const char *all, int port)
{
	int listener = stack_listener(pair.b, XTCP, addr, port, true), in = client_of(XTCP, addr, true), old, n;
	struct tcp_ao_info_opt info = { .ao_required = 1, .accept_icmps = 1, .set_counters = 1, .pkt_bad = 7 };
	struct tcp_ao_getsockopt keys[8] = {};
	bool good;

	must(!add_ao(listener, peer, 0, 1, 2, NULL) && !add_ao(listener, all, AOOPT_ALL, 3, 4, AOOPT_CMAC) &&
	     !add_ao(in, addr, 0, 2, 1, NULL) &&
	     !setsockopt(listener, IPPROTO_TCP, TCP_AO_INFO, &info, sizeof(info)), "TCP-AO");
	n = aoopt_keys(listener, keys, ARRAY_SIZE(keys));
	info = aoopt_info(listener);
	old = lets_in(listener, client_of(KERNEL, addr, false), in, addr, addr, port, &good);
	good = good && n == 2 && same_keys(listener, keys, n, &info);
	ksft_test_result(good, "keys of TCP-AO at %s go along\n", addr);
	close_each(old, listener);
}

/* TCP_AO_INFO demands signatures from all, and there is no key: nobody gets in, not even once. */
static void demands(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), out = client_of(KERNEL, NS_B4, false), old, in;
	struct tcp_ao_info_opt info = { .ao_required = 1 };
	bool good;

	must(!setsockopt(listener, IPPROTO_TCP, TCP_AO_INFO, &info, sizeof(info)), "TCP_AO_INFO");
	old = take_over(listener, SECOND, NS_B4, port);
	must(stack_connect(out, NS_B4, port) && errno == EINPROGRESS, "connect");
	good = aoopt_info(listener).ao_required;
	in = WAIT_FOR(aoopt_info(listener).pkt_ao_required == 1, STACK_DEADLINE_MS);
	ksft_test_result(good && in && stack_state(out) == TCP_SYN_SENT, "so does TCP_AO_INFO without a key\n");
	close_each(old, listener, out);
}

static void filtered(const char *bound, const char *addr, const char *client, int port)
{
	/* only one port of the client's gets in */
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port + 100, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	}, now[8];
	struct sock_fprog prog = { .len = ARRAY_SIZE(insns), .filter = insns };
	int listener = stack_listener(pair.b, XTCP, bound, port, true), old;
	int in = stack_bound(pair.a, KERNEL, client, port + 100, true);
	socklen_t len = ARRAY_SIZE(now);
	bool good;

	must(!setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) && in >= 0, "a filter");
	old = lets_in(listener, client_of(KERNEL, addr, false), in, bound, addr, port, &good);
	good = good && !getsockopt(listener, SOL_SOCKET, SO_GET_FILTER, now, &len) && len == ARRAY_SIZE(insns) &&
	       !memcmp(now, insns, sizeof(insns));
	len = ARRAY_SIZE(now);
	good = good && !setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, &len, sizeof(len)) &&
	       !getsockopt(old, SOL_SOCKET, SO_GET_FILTER, now, &len) && len == ARRAY_SIZE(insns);
	ksft_test_result(good, "a filter at %s goes along, and both have it\n", bound);
	close_each(old, listener);
}

static bool is_of_build(int fd, enum stack stack)
{
	char name[64] = "";
	socklen_t len = sizeof(name);

	return !getsockopt(fd, IPPROTO_TCP, XTCP_BUILD, name, &len) &&
	       !strcmp(name, stack == XTCP ? "xtcp" : MODULE_SECOND);
}

/* Each allocation fails once: nothing has changed then, and the listener goes on. */
static void without_memory(int port)
{
	int nth, listener, fd, err = ENOMEM, client, refusals = 0;
	bool good = true, hit = true;

	if (!failing_begin()) {
		ksft_test_result_skip("the kernel cannot let allocations fail: the listener stays\n");
		return;
	}
	for (nth = 1; good && hit; nth++) {
		listener = stack_listener(pair.b, XTCP, NS_B4, port, true);
		must(!md5_set(listener, "10.1.2.3", "secret") &&
		     !add_ao(listener, "10.1.2.4", 0, 1, 1, NULL), "keys");
		fd = beside(SECOND, NS_B4, port);
		failing_nth(nth);
		err = stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) ? errno : 0;
		hit = failing_hit();
		failing_nth(0);
		refusals += !!err;
		good = (!err || (hit && err == ENOMEM)) && is_of_build(listener, err ? XTCP : SECOND) &&
		       stack_get(listener, IPPROTO_TCP, XTCP_KEYS) == 2;
		client = client_or_die(NS_B4, port);
		close_each(stack_accept_or_die(listener), client, fd, listener);
	}
	ksft_test_result(good && !err && refusals > 5, "%d of %d allocations failed: the listener stayed\n", refusals,
			 nth);
}

static bool is_refused_now(int fd, int listener)
{
	return stack_set(fd, IPPROTO_TCP, XTCP_TAKE_OVER, listener) && errno == EAGAIN;
}

/* Nobody waits for a program that is in a call of its listener: neither this call nor those for other listeners. */
static void in_a_call(int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true);
	int another = stack_listener(pair.b, XTCP, NS_B4, port + 1, true);
	int third = stack_listener(pair.b, XTCP, NS_B4, port + 2, true);
	int unbound = stack_socket(pair.b, SECOND, NS_B4), old;
	struct asleep_owner owner = { .listens = true };
	bool good;

	if (!asleep_owner_begin(&owner, listener)) {
		ksft_test_result_skip("the kernel cannot stop a program in a call: EAGAIN\n");
		ksft_test_result_skip("the kernel cannot stop a program in a call: close()\n");
		close_each(listener, another, third, unbound);
		return;
	}
	good = WAIT_FOR(is_refused_now(unbound, listener), STACK_DEADLINE_MS);
	old = take_over(another, SECOND, NS_B4, port + 1);
	close(old);
	must(asleep_owner_end(&owner), "TCP_MD5SIG");
	old = take_over(listener, SECOND, NS_B4, port);
	good = good && asleep_owner_begin(&owner, listener) &&
	       WAIT_FOR(is_refused_now(listener, -1), STACK_DEADLINE_MS);
	ksft_test_result(good, "EAGAIN while the program is in a call\n");
	must(asleep_owner_end(&owner), "TCP_MD5SIG");
	let_go(listener, old);
	old = take_over(third, SECOND, NS_B4, port + 2);
	must(asleep_owner_begin(&owner, old), "TCP_MD5SIG");
	close(third);
	good = stack_connected(pair.a, KERNEL, NS_B4, port + 2) < 0 && errno == ECONNREFUSED;
	must(asleep_owner_end(&owner), "TCP_MD5SIG");
	ksft_test_result(good && stack_state(old) == TCP_LISTEN,
			 "close() of the program does not wait for a call of the old listener, which lets nobody in\n");
	close_each(old, listener, another, unbound);
}

struct taker {
	int fd, listener, err;
	pthread_t thread;
	pthread_barrier_t *both;
};

static void *take_it(void *arg)
{
	struct taker *taker = arg;

	pthread_barrier_wait(taker->both);
	taker->err = stack_set(taker->fd, IPPROTO_TCP, XTCP_TAKE_OVER, taker->listener) ? errno : 0;
	return NULL;
}

/* Two people take over one listener at the same moment: one of them does. */
static void at_once(int port)
{
	int rounds = short_rounds(40), i, t, listener, client;
	struct taker takers[2];
	pthread_barrier_t both;
	int other_err;
	bool good = true;

	pthread_barrier_init(&both, NULL, 2);
	for (i = 0; i < rounds && good; i++) {
		listener = stack_listener(pair.b, XTCP, NS_B4, port, true);
		for (t = 0; t < 2; t++) {
			takers[t] = (struct taker){ beside(SECOND, NS_B4, port), listener, .both = &both };
			pthread_create(&takers[t].thread, NULL, take_it, &takers[t]);
		}
		for (t = 0; t < 2; t++)
			pthread_join(takers[t].thread, NULL);
		t = !!takers[0].err;		/* who did */
		other_err = takers[!t].err;
		good = !takers[t].err && (other_err == EINVAL || other_err == EBUSY || other_err == EAGAIN) &&
		       is_of_build(listener, SECOND);
		if (!good)
			ksft_print_msg("%s and %s\n", strerror(takers[0].err), strerror(takers[1].err));
		client = client_or_die(NS_B4, port);
		close_each(stack_accept_or_die(listener), client, takers[0].fd, takers[1].fd, listener);
	}
	pthread_barrier_destroy(&both);
	ksft_test_result(good, "of two at once, %d times, one takes over\n", i);
}

/* The handshake needs no entry: the old listener alone knows its cookie when the ACK comes, after the new one. */
static void by_cookie(bool with_key, int port)
{
	int listener = stack_listener(pair.b, XTCP, NS_B4, port, true), client = client_of(KERNEL, NS_B4, false);
	int old, server;

	must(!with_key || (!md5_set(listener, NS_A4, "secret") && !md5_set(client, NS_B4, "secret")), "MD5");
	must(!ns_sysctl_set(pair.b, "net.xtcp.syncookies", "2") && !netem_hold(pair.b, "veth0") &&
	     stack_connect(client, NS_B4, port) && errno == EINPROGRESS &&
	     WAIT_FOR(netem_waiting(pair.b, "veth0") > 0, STACK_DEADLINE_MS), "a SYN-ACK that waits");
	old = take_over(listener, SECOND, NS_B4, port);
	must(!netem_release(pair.b, "veth0") && !netem_clear(pair.b, "veth0"), "the SYN-ACK");
	server = stack_accept_or_die(listener);
	ksft_test_result(is_of(XTCP, client, NS_B4, port) && both_ways(client, server),
			 "a cookie of the old one opens a connection%s\n", with_key ? " that MD5 signs" : "");
	must(!ns_sysctl_set(pair.b, "net.xtcp.syncookies", "1"), "syncookies");
	close_each(client, server, old, listener);
}

static void keeps_out(void)
{
	sides_know_each_other(&pair);
	by_cookie(false, PORT + 63);
	by_cookie(true, PORT + 64);
	md5_keys(NS_B4, NS_B4, NS_A4, 24, PORT + 50);
	md5_keys(NS_B6, NS_B6, NS_A6, 64, PORT + 51);
	md5_keys("::", NS_B4, "::ffff:" NS_A4, 24, PORT + 52);
	ao_keys(NS_B4, NS_A4, "0.0.0.0", PORT + 53);
	ao_keys(NS_B6, NS_A6, "::", PORT + 54);
	demands(PORT + 55);
	filtered(NS_B4, NS_B4, NS_A4, PORT + 56);
	filtered(NS_B6, NS_B6, NS_A6, PORT + 57);
	without_memory(PORT + 58);
	in_a_call(PORT + 59);
	at_once(PORT + 62);
}

/* ---- under load */

#define CLIENTS	3

static atomic_bool stop;
static atomic_int exchanges, failures;
static const char *_Atomic stage = "";

/* Connects, asks, is answered, again and again. */
static void *ask(void *arg)
{
	const int port = *(const int *)arg;
	int fd;

	while (!stop) {
		fd = stack_connected(pair.a, KERNEL, NS_B4, port);
		if (fd >= 0 && send(fd, "?", 1, MSG_NOSIGNAL) == 1 && !stack_take_octet(fd))
			exchanges++;
		else if (!failures++)
			ksft_print_msg("a client: %s, while %s; %lld RSTs of kernel TCP\n", strerror(errno), stage,
				       counter_now(pair.b, "/proc/net/snmp", "Tcp:OutRsts"));
	}
	return NULL;
}

/* Answers, as a program that knows nothing of builds. */
static void *answer(void *arg)
{
	const int listener = *(const int *)arg;
	int fd;
	char c;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (recv(fd, &c, 1, 0) == 1)
			send(fd, &c, 1, MSG_NOSIGNAL);
		recv(fd, &c, 1, 0);	/* until the client has closed */
		close(fd);
	}
	return NULL;
}

static bool goes_on(void)
{
	int before = exchanges;

	return WAIT_FOR(exchanges > before + 4 * CLIENTS || failures, 3 * STACK_DEADLINE_MS) && !failures;
}

/* The socket goes back and forth; what has nothing left is unloaded and comes back in front. */
static void under_load(void)
{
	int port = PORT + 10, listener = stack_listener(pair.b, XTCP, NS_B4, port, true), rounds, old, i, t;
	pthread_t clients[CLIENTS], servers[2];
	enum stack next = SECOND;
	bool good = true;

	stop = false;
	failures = 0;
	rounds = short_rounds(4);
	for (t = 0; t < 2; t++)
		pthread_create(&servers[t], NULL, answer, &listener);
	for (t = 0; t < CLIENTS; t++)
		pthread_create(&clients[t], NULL, ask, &port);
	for (i = 0; i < rounds && good; i++, next = module_other(next)) {
		stage = "a build is loaded";
		load_newer(next);
		good = goes_on();
		stage = "it takes over";
		old = take_over(listener, next, NS_B4, port);
		good = good && goes_on();
		stage = "the old listener goes";
		let_go(listener, old);
		good = good && goes_on();
		stage = "the old build is unloaded";
		good = good && WAIT_FOR(!module_build_unload(module_other(next)), STACK_DEADLINE_MS) && goes_on();
		stage = "it is loaded again";
		good = good && !module_build_load(module_other(next), "");
	}
	stop = true;
	for (t = 0; t < CLIENTS; t++)
		pthread_join(clients[t], NULL);
	shutdown(listener, SHUT_RD);
	for (t = 0; t < 2; t++)
		pthread_join(servers[t], NULL);
	close(listener);
	ksft_test_result(good && !failures, "%d times, and the old build unloaded: none of %d connections failed\n", i,
			 exchanges + failures);
}

/* ---- the family */

/* 0, or the errno of the write. */
static int set_family(enum stack build, const char *number)
{
	return module_set(build, "family", number);
}

static int family_of(enum stack stack)
{
	char path[64], *text;
	int number;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/family", stack == XTCP ? "xtcp" : MODULE_SECOND);
	text = ns_read_file(ns_home(), path);
	number = text ? atoi(text) : -1;
	free(text);
	return number;
}

/* A socket of family @family and @protocol listens in the build @stack. */
static bool opens(int family, int protocol, enum stack stack)
{
	union stack_addr at = stack_addr("127.0.0.1", PORT + 20);
	int fd = socket(family, SOCK_STREAM, protocol);
	bool there = fd >= 0 && !bind(fd, &at.sa, sizeof(at.in)) && !listen(fd, 1) &&
		     rows_state(ns_home(), listing_of(stack, "127.0.0.1"), PORT + 20, 0) == TCP_LISTEN;

	close(fd);
	return there;
}

static atomic_int opened;

static void *open_all_the_time(void *arg)
{
	int fd;

	(void)arg;
	while (!stop) {
		fd = socket(AF_XTCP, SOCK_STREAM, 0);
		/* the core may look twice, just before and after the moment */
		if (fd < 0 && errno == EAFNOSUPPORT)
			fd = socket(AF_XTCP, SOCK_STREAM, 0);
		if (fd < 0 && !failures++)
			ksft_print_msg("socket: %s\n", strerror(errno));
		opened += fd >= 0;
		close(fd);
	}
	return NULL;
}

/* Both builds exchange their numbers while programs open sockets. */
static void families(void)
{
	int rounds = short_rounds(access("/proc/lockdep_stats", F_OK) ? 40 : 12), i, t, before;
	enum stack has = SECOND;
	pthread_t threads[2];
	bool good = true;

	ksft_test_result(set_family(SECOND, "0") == EINVAL && set_family(SECOND, "1000") == EINVAL &&
			 set_family(SECOND, "x") == EINVAL && set_family(SECOND, "2") == EBUSY &&
			 opens(MODULE_SECOND_FAMILY, 0, SECOND) && opens(AF_XTCP, 0, XTCP),
			 "another one's or no number is refused\n");
	ksft_test_result(!set_family(SECOND, "28") && opens(28, 0, SECOND) &&
			 socket(MODULE_SECOND_FAMILY, SOCK_STREAM, 0) < 0 && !set_family(SECOND, "27") &&
			 opens(MODULE_SECOND_FAMILY, 0, SECOND), "a free one is taken\n");
	stop = false;
	failures = 0;
	for (t = 0; t < 2; t++)
		pthread_create(&threads[t], NULL, open_all_the_time, NULL);
	for (i = 0; i < rounds && good; i++, has = module_other(has)) {
		before = opened;
		good = !set_family(has, "25") && family_of(has) == AF_XTCP && opens(AF_XTCP, 0, has) &&
		       family_of(module_other(has)) == MODULE_SECOND_FAMILY &&
		       opens(MODULE_SECOND_FAMILY, 0, module_other(has)) &&
		       WAIT_FOR(opened > before + 10 || failures, STACK_DEADLINE_MS);
		if (!good)
			ksft_print_msg("round %d: families %d and %d, %d sockets, then %s\n", i, family_of(XTCP),
				       family_of(SECOND), opened - before, strerror(errno));
	}
	stop = true;
	for (t = 0; t < 2; t++)
		pthread_join(threads[t], NULL);
	good = good && !set_family(XTCP, "25") && opens(AF_XTCP, 0, XTCP);
	ksft_test_result(good && !failures, "both exchange their numbers, %d times: none of %d sockets failed twice\n",
			 i, opened + failures);
}

/* ---- the tool */

/* Each option has a value that no new socket has. */
static const struct setting {
	int level, option, value;
} settings[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ SOL_SOCKET, SO_PRIORITY, 5 },
	{ SOL_SOCKET, SO_MARK, 77 },
	{ SOL_SOCKET, SO_RCVBUF, 30000 },
	{ IPPROTO_IP, IP_TOS, 0x28 },
	{ IPPROTO_IP, IP_MINTTL, 9 },
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ IPPROTO_TCP, TCP_MAXSEG, 1000 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 321 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 54321 },
	{ IPPROTO_TCP, TCP_FASTOPEN, 11 },
};

static int option_of(int fd, const struct setting *setting)
{
	return stack_get(fd, setting->level, setting->option);
}

#define RULES	"printf 'to=10.0.0.0/8 rto_min=7 cc=reno\ndport=7 keepalive=3 pacing=1mbit cgroup=1\n'"

static int add_paths(void *unused)
{
	(void)unused;
	return rules_add_path(NS_B4, NS_A4, if_nametoindex("veth0"), 70000, 1000) ?:
	       rules_add_path(NS_B6, NS_A6, 4321, 80000, 0);
}

/* xtcp upgrade: all listeners of all namespaces, options and backlog, sysctls, rules of policy, paths, the family. */
static void by_the_tool(void)
{
	int four = stack_listener(pair.b, XTCP, NS_B4, PORT + 30, true);
	int six = stack_listener(pair.a, XTCP, "::", PORT + 31, true);
	int kept[2], client, server, before[ARRAY_SIZE(settings)], owned, wide, keys, backlog, alone, unbound, ends[2];
	struct tcp_info info = {};
	struct asleep_owner owner = { .listens = true };
	socklen_t len = sizeof(info);
	bool good = true, hangs;

	load_newer(SECOND);
	must_put("/sys/module/xtcp/parameters/protocol", "%d", IPPROTO_XTCP);
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++)
		good = good && !stack_set(four, settings[i].level, settings[i].option, settings[i].value);
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++)
		before[i] = option_of(four, &settings[i]);
	good = good && !listen(four, 33);
	ns_sysctl_set(pair.b, "net.xtcp.fin_timeout", "7");
	ns_sysctl_set(pair.b, "net.xtcp.blackbox", "1");
	ns_sysctl_set(pair.b, "net.xtcp.careful_resume", "3600");
	must(!ns_call(pair.b, add_paths, NULL), "paths");
	kept[0] = client_or_die(NS_B4, PORT + 30);
	kept[1] = stack_accept_or_die(four);
	wide = stack_member_or_die(pair.b, XTCP, "0.0.0.0", PORT + 32);
	owned = stack_member_or_die(pair.b, XTCP, NS_B4, PORT + 32);
	keys = stack_listener(pair.b, XTCP, NS_B4, PORT + 33, true);
	/* a connection in a namespace that has nothing else; the descriptor of the namespace goes */
	alone = ns_make();
	must(alone >= 0, "a namespace");
	stack_pair_or_die(alone, XTCP, alone, XTCP, "127.0.0.1", PORT + 34, &ends[0], &ends[1]);
	close(alone);
	must(!md5_set(keys, NS_A4, "abc") && !ns_shell(pair.b, RULES " | scripts/tools/xtcp-policy replace -"),
	     "keys and rules");
	hangs = asleep_owner_begin(&owner, owned);	/* the laboratory cannot */
	must(!setenv("stays", hangs ? "stays in xtcp: it is in a call that does not end" : "5 listeners", true) &&
	     !setenv("wide", hangs ? "stays in xtcp: one of a more specific address" : "5 listeners", true) &&
	     !setenv("status", hangs ? "status 1" : "status 0", true), "setenv");
	unbound = stack_socket(pair.b, SECOND, NS_B4);
	good = good && (!hangs || WAIT_FOR(is_refused_now(unbound, owned), STACK_DEADLINE_MS)) &&
	       !system("for n in 1 2; do\n"
		       "\t{ scripts/tools/xtcp-upgrade xtcp_b; echo status $?; } >/tmp/upgrade$n 2>&1 &\ndone\n"
		       "wait; said=$(cat /tmp/upgrade[12]); rm /tmp/upgrade[12]; echo \"$said\" | sed 's/^/# /'\n"
		       "for part in \"$stays\" \"$wide\" \"$status\" \\\n"
		       "\t'another xtcp upgrade is running' 'status 2'; do echo \"$said\" | grep -q \"$part\" || exit; done");
	if (hangs)
		must(asleep_owner_end(&owner), "TCP_MD5SIG");
	close(unbound);
	renamed = true;
	ksft_test_result(good && family_of(SECOND) == AF_XTCP && opens(AF_XTCP, 0, SECOND) &&
			 opens(AF_INET, IPPROTO_XTCP, SECOND),
			 "xtcp upgrade, by two at once: new sockets are of the new build; what is in a call stays\n");
	ksft_test_result(is_of_build(keys, SECOND) && stack_get(keys, IPPROTO_TCP, XTCP_KEYS) == 1 &&
			 !ns_shell(pair.b, "[ \"$(scripts/tools/xtcp-policy list | sed 's/ #.*//' | sort)\" = "
				   "\"$(scripts/tools/xtcp-policy --name xtcp_b list | sed 's/ #.*//' | sort)\" ] && "
				   "[ \"$(scripts/tools/xtcp-policy list | wc -l)\" = 2 ]"),
			 "with keys and rules of policy\n");
	client = client_or_die(NS_B4, PORT + 30);
	server = stack_accept_or_die(four);
	good = is_of(SECOND, client, NS_B4, PORT + 30) && both_ways(client, server);
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		if (option_of(four, &settings[i]) == before[i])
			continue;
		ksft_print_msg("option %d.%d: %d in place of %d\n", settings[i].level, settings[i].option,
			       option_of(four, &settings[i]), before[i]);
		good = false;
	}
	getsockopt(four, IPPROTO_TCP, TCP_INFO, &info, &len);
	backlog = info.tcpi_sacked;
	if (!good || backlog != 33)
		ksft_print_msg("backlog %d\n", backlog);
	ksft_test_result(good && backlog == 33 && ns_sysctl_get(pair.b, "net.xtcp.fin_timeout") == 7,
			 "with options, backlog and sysctls\n");
	ksft_test_result(!ns_shell(pair.b, "scripts/tools/xtcp-ss --set cc=reno sport = :%d | grep -q 'reno' &&"
				   "scripts/tools/xtcp-ss -tni sport = :%d | grep -q reno && "
				   "scripts/tools/xtcp-ss --name xtcp_b -tn | grep -q ':%d'",
				   PORT + 30, PORT + 30, stack_port(kept[0])), "the tools talk to the new build\n");
	ksft_test_result(both_ways(kept[0], kept[1]) &&
			 !ns_shell(pair.b, "cd /proc/net; grep -q :%d' began' xtcp_b_blackbox && "
				   "grep -q :%d' began' xtcp_blackbox && ! grep -q :%d' began' xtcp_blackbox",
				   stack_port(kept[0]), stack_port(client), stack_port(kept[0])),
			 "each build has the black boxes of its connections\n");
	ksft_test_result(!ns_shell(pair.b, "cd /proc/net; [ \"$(sed 's/ age=.*//' xtcp_paths | sort)\" = "
				   "\"$(sed 's/ age=.*//' xtcp_b_paths | sort)\" ] && "
				   "grep -Eqx 'to=" NS_A4 " from=" NS_B4 " dev=veth0 cwnd=70000 rtt_us=20000 "
				   "age=1[0-9]{3}' xtcp_paths && grep -q ' dev=if4321 ' xtcp_paths && "
				   "[ $(wc -l <xtcp_paths) = 2 ]"),
			 "with what Careful Resume has saved\n");
	close_each(client, server, kept[0], kept[1]);
	client = stack_connected(pair.b, KERNEL, NS_A6, PORT + 31);
	server = stack_accept_or_die(six);
	ksft_test_result(both_ways(client, server) &&
			 rows_state(pair.a, listing_of(SECOND, NS_A6), PORT + 31, stack_port(client)) ==
			 TCP_ESTABLISHED, "in each namespace\n");
	close_each(client, server);
	good = !system("scripts/tools/xtcp-upgrade status | grep -q 'takeover.*descriptor'") &&
	       WEXITSTATUS(system("scripts/tools/xtcp-upgrade finish >/dev/null")) == 1 &&
	       (!hangs || stack_state(owned) == TCP_CLOSE) && stack_state(ends[0]) == TCP_CLOSE;
	close_each(owned, wide, keys, ends[0], ends[1]);
	ksft_test_result(good && !system("scripts/tools/xtcp-holders xtcp_b | grep -q 'takeover.*descriptor' && "
					 "! scripts/tools/xtcp-upgrade status | grep descriptor && "
					 "scripts/tools/xtcp-upgrade finish") && !module_is_loaded(),
			 "its status is known, and then the old build can go\n");
	close_each(four, six);
	renamed = false;
	if (!WAIT_FOR(!module_second_unload(), STACK_DEADLINE_MS) || module_load("") || module_second_load(""))
		ksft_exit_fail_msg("cannot load both again: %s\n", strerror(errno));
}

static const struct part parts[] = {
	{ "sees", sees, 15 },
	{ "refusals", refusals, 7 },
	{ "ipsec", ipsec, 1 },
	{ "keys", keeps_out, 14 },
	{ "families", families, 3 },
	{ "tool", by_the_tool, 8 },
	{ "load", under_load, 1 },
	{ }
};

int main(int argc, char **argv)
{
	(void)argc;
	test_begin(1 + parts_results(parts, argv + 1));
	if (ns_pair_make(&pair))
		ksft_exit_fail_msg("no namespaces\n");
	if (module_second_load(""))
		ksft_exit_fail_msg("cannot load %s: %s\n", stack_name(SECOND), strerror(errno));
	parts_run(parts, argv + 1);
	ksft_test_result(WAIT_FOR(!module_second_unload(), STACK_DEADLINE_MS) && module_references() == 0,
			 "nothing holds a build any more\n");
	ns_pair_close(&pair);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
