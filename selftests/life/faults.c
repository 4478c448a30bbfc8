// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation failure on the way of a connection, on a kernel that has fault injection.
 *
 * In process context each allocation of each call is failed in turn (fail-nth of the task): the first, the second, ...
 * until the call makes no more. Each time the kernel tells whether it was hit. The call may fail, but only with an
 * error that says why, and the socket must be good for the same call afterwards.
 *
 * In softirq one allocation from a slab of xtcp is failed (failslab with a cache filter), for each of them, and several
 * of whatever segments need. Again the kernel tells that it was hit, and the connection must come about all the same.
 *
 * Everything happens in namespaces that end with the test, so that afterwards every object must be back in its slab.
 *
 * The slabs include what a connection needs for text when it sends or receives its first text, or a FIN.
 */
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include "aoopt.h"
#include "test.h"

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define MOST_ALLOCATIONS 400
#define LEAST_FIRST 12	/* allocations of a namespace's first socket */

static int failures;

static void check(bool ok, const char *name)
{
	if (ok) {
		ksft_test_result_pass("%s\n", name);
	} else {
		failures++;
		ksft_test_result_fail("%s\n", name);
	}
}

static long number_in(const char *path)
{
	char buf[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must_say(fd >= 0 && read(fd, buf, sizeof(buf) - 1) > 0, "cannot read %s", path);
	close(fd);
	return atol(buf);
}

/* What a call under test is given and leaves behind. */
struct scene {
	int ns;
	const char *text;
	int listener;	/* established by prepare() where the call needs it */
	int client;
	int server;
	int made;	/* a descriptor that the call made */
};

static void close_if(int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = error;
}

static void clear(struct scene *scene)
{
	close_if(&scene->made);
	close_if(&scene->client);
	close_if(&scene->server);
	close_if(&scene->listener);
}

static void prepare_nothing(struct scene *scene)
{
}

static void prepare_socket(struct scene *scene)
{
	scene->client = must_have(stack_socket(scene->ns, XTCP, scene->text), "no socket");
}

static void prepare_bound(struct scene *scene)
{
	scene->client = must_have(stack_bound(scene->ns, XTCP, scene->text, 0, false), "not bound");
}

/* A program for SO_REUSEPORT's group, attached before listen(). */
static void prepare_program(struct scene *scene)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { 1, &code };

	prepare_bound(scene);
	if (stack_set(scene->client, SOL_SOCKET, SO_REUSEPORT, 1) ||
	    setsockopt(scene->client, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)))
		ksft_exit_fail_msg("no program for a group: %s\n", strerror(errno));
}

static void prepare_listener(struct scene *scene)
{
	prepare_socket(scene);
	scene->listener = must_have(stack_listener(scene->ns, XTCP, scene->text, 0, false), "no listener");
}

static void prepare_waiting(struct scene *scene)
{
	prepare_listener(scene);
	must(!stack_connect(scene->client, scene->text, stack_port(scene->listener)), "not connected");
}

static void prepare_connection(struct scene *scene)
{
	stack_pair_or_die(scene->ns, XTCP, scene->ns, XTCP, scene->text, 0, &scene->client, &scene->server);
}

/* The peer's window is closed and text waits for it to open. */
static void prepare_closed_window(struct scene *scene)
{
	static const char text[65536];

	prepare_connection(scene);
	while (send(scene->client, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

static int call_socket(struct scene *scene)
{
	/* in the namespace of the scene already: setns() allocates too */
	scene->made = socket(AF_XTCP, SOCK_STREAM | SOCK_CLOEXEC, !!strchr(scene->text, ':'));
	return scene->made < 0 ? -1 : 0;
}

static int call_bind(struct scene *scene)
{
	union stack_addr addr = stack_addr(scene->text, 0);

	return bind(scene->client, &addr.sa, stack_addr_len(&addr));
}

static int call_listen(struct scene *scene)
{
	return listen(scene->client, 5);
}

static bool has_program(struct scene *scene)
{
	int zero = 0;

	return !setsockopt(scene->client, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &zero, sizeof(zero));
}

static int call_connect(struct scene *scene)
{
	return stack_connect(scene->client, scene->text, stack_port(scene->listener));
}

static int call_accept(struct scene *scene)
{
	scene->made = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
	return scene->made < 0 ? -1 : 0;
}

static int call_send(struct scene *scene)
{
	static const char text[20000];
	ssize_t n = send(scene->client, text, sizeof(text), MSG_NOSIGNAL | MSG_DONTWAIT);

	return n < 0 ? -1 : 0;
}

/* Whoever wants to know when it leaves may not be told, but it leaves. */
static void prepare_stamps(struct scene *scene)
{
	const int stamps = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_TX_SCHED |
			   SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK;

	prepare_connection(scene);
	must(!setsockopt(scene->client, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof(stamps)), "SO_TIMESTAMPING");
}

/* Clients and servers open fast; @bits: besides. */
static void prepare_fast(struct scene *scene, int bits)
{
	must(!ns_sysctl_set(scene->ns, "net.xtcp.fastopen", "%d", 0x403 | bits), "net.xtcp.fastopen");
	prepare_listener(scene);
}

/* The first time the namespace gets the table for cookies. */
static void prepare_cookie(struct scene *scene)
{
	prepare_fast(scene, 0);
}

static void prepare_no_cookie(struct scene *scene)
{
	prepare_fast(scene, 0x204);
}

static int call_fast(struct scene *scene)
{
	union stack_addr to = stack_addr(scene->text, stack_port(scene->listener));

	ssize_t n = sendto(scene->client, "request", 7, MSG_FASTOPEN | MSG_NOSIGNAL, &to.sa, stack_addr_len(&to));

	return n == 7 ? 0 : -1;
}

static bool server_reads(struct scene *scene)
{
	char text[8] = "";

	return recv(scene->server, text, 7, MSG_WAITALL) == 7 && !strcmp(text, "request");
}

static bool server_reads_request(struct scene *scene)
{
	scene->server = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
	return scene->server >= 0 && server_reads(scene);
}

static int call_shutdown(struct scene *scene)
{
	return shutdown(scene->client, SHUT_WR);
}

/* The FIN comes, although there was no memory for it when the program closed. */
static bool server_reads_to_the_end(struct scene *scene)
{
	char text[65536];
	ssize_t n = -1;

	while (stack_poll(scene->server, POLLIN, STACK_DEADLINE_MS)) {
		n = recv(scene->server, text, sizeof(text), MSG_DONTWAIT);
		if (n <= 0)
			break;
	}
	return !n;
}

static int call_close(struct scene *scene)
{
	int ret = close(scene->client);

	scene->client = -1;
	return ret;
}

static int call_queue(struct scene *scene)
{
	const int most = 5;

	return setsockopt(scene->client, IPPROTO_TCP, TCP_FASTOPEN, &most, sizeof(most));
}

static int call_key(struct scene *scene)
{
	static const char key[16] = "a key of its own";

	return setsockopt(scene->client, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, sizeof(key));
}

static int call_md5(struct scene *scene)
{
	return md5_set(scene->client, scene->text, "secret");
}

static int call_ao(struct scene *scene)
{
	const struct aoopt_key key = { .addr = scene->text, .sndid = 1, .rcvid = 2 };

	return aoopt_add(scene->client, &key);
}

static int call_ao_info(struct scene *scene)
{
	const struct tcp_ao_info_opt info = { .ao_required = 1 };

	return setsockopt(scene->client, IPPROTO_TCP, TCP_AO_INFO, &info, sizeof(info));
}

/* To open it would be an allocation of its own. */
static void prepare_knob(struct scene *scene, const char *path, int how)
{
	scene->made = open(path, how | O_CLOEXEC);
	must(scene->made >= 0, path);
}

static void prepare_key_knob(struct scene *scene)
{
	prepare_knob(scene, "/proc/sys/net/xtcp/fastopen_key", O_WRONLY);
}

static int call_key_knob(struct scene *scene)
{
	return pwrite(scene->made, "1-2-3-4,5-6-7-8", 15, 0) == 15 ? 0 : -1;
}

static void prepare_algorithms(struct scene *scene)
{
	prepare_knob(scene, "/proc/sys/net/xtcp/allowed_congestion_control", O_RDONLY);
}

static int call_algorithms(struct scene *scene)
{
	char text[256];

	return pread(scene->made, text, sizeof(text), 0) > 0 ? 0 : -1;
}

static int call_read(struct scene *scene)
{
	char text[4096];

	scene->made = open(strchr(scene->text, ':') ? "/proc/net/xtcp6" : "/proc/net/xtcp", O_RDONLY | O_CLOEXEC);
	if (scene->made < 0)
		return -1;
	if (read(scene->made, text, sizeof(text)) > 0)
		return 0;
	close_if(&scene->made);
	return -1;
}

/* What stands in it does not matter here. */
static void ignore(const struct diag_row *row, void *arg)
{
}

static int ask(const struct diag_request *request)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG), more;

	if (fd < 0)
		return -1;
	if (send(fd, request, request->head.nlmsg_len, 0) < 0) {
		more = -errno;
	} else {
		do {
			more = diag_receive(fd, 65536, ignore, NULL);
		} while (more == 1 && request->head.nlmsg_flags & NLM_F_DUMP);
	}
	close(fd);
	errno = -more;
	return more < 0 ? -1 : 0;
}

/* With a filter that everything passes. */
static struct diag_request *request_for(const struct scene *scene, int peer_port)
{
	static const unsigned char filter[4] = { INET_DIAG_BC_NOP, 4, 4 };
	const struct diag_query query = { .stack = XTCP, .v6 = !!strchr(scene->text, ':'), .ext = 0xff,
					  .port = stack_port(scene->client), .peer_port = peer_port, .filter = filter,
					  .filter_len = sizeof(filter) };
	static struct diag_request request;

	diag_fill(&request, &query);
	return &request;
}

static int call_list(struct scene *scene)
{
	return ask(request_for(scene, 0));
}

static int call_list_one(struct scene *scene)
{
	struct diag_request *request = request_for(scene, stack_port(scene->server));
	const union stack_addr addr = stack_addr(scene->text, 0);
	struct inet_diag_sockid *id = &request->req.id;
	const bool v6 = addr.sa.sa_family == AF_INET6;

	request->head.nlmsg_flags = NLM_F_REQUEST;
	memcpy(id->idiag_src, v6 ? (const void *)&addr.in6.sin6_addr : &addr.in.sin_addr, v6 ? 16 : 4);
	memcpy(id->idiag_dst, id->idiag_src, sizeof(id->idiag_dst));
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return ask(request);
}

/* It may be sent as if there were no rate. */
static void prepare_rate(struct scene *scene)
{
	const unsigned int rate = 1000000;

	prepare_connection(scene);
	must(!setsockopt(scene->client, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), "SO_MAX_PACING_RATE");
}

static const struct call {
	const char *name;
	void (*prepare)(struct scene *scene);
	int (*call)(struct scene *scene);
	bool allocates;		/* so not one hit is a failure of the test */
	bool (*after)(struct scene *scene);
} calls[] = {
	{ "socket", prepare_nothing, call_socket, true },
	{ "bind", prepare_socket, call_bind, false },
	{ "listen", prepare_bound, call_listen, true },
	{ "listen_with_a_program", prepare_program, call_listen, true, has_program },
	{ "connect", prepare_listener, call_connect, true },
	{ "accept", prepare_waiting, call_accept, true },
	{ "send", prepare_connection, call_send, true },
	{ "send_with_timestamps", prepare_stamps, call_send, true },
	{ "send_at_a_rate", prepare_rate, call_send, true },
	{ "list", prepare_connection, call_list, true },
	{ "list_one", prepare_connection, call_list_one, true },
	{ "read_proc", prepare_connection, call_read, true },
	{ "read_allowed_congestion_control", prepare_algorithms, call_algorithms, true },
	{ "set_max_of_fastopen", prepare_bound, call_queue, true },
	{ "set_fastopen_key", prepare_key_knob, call_key_knob, true },
	{ "set_key_of_a_socket", prepare_bound, call_key, true },
	{ "set_md5_key", prepare_bound, call_md5, true },
	{ "set_ao_key", prepare_bound, call_ao, true },
	{ "set_ao_info", prepare_bound, call_ao_info, true },
	{ "fastopen", prepare_cookie, call_fast, true, server_reads_request },
	{ "fastopen_without_cookie", prepare_no_cookie, call_fast, true, server_reads_request },
	{ "shutdown", prepare_connection, call_shutdown, true, server_reads_to_the_end },
	{ "shutdown_behind_a_closed_window", prepare_closed_window, call_shutdown, false, server_reads_to_the_end },
	{ "close", prepare_connection, call_close, true, server_reads_to_the_end },
};

static bool error_says_why(int error)
{
	return error == ENOMEM || error == ENOBUFS || error == EAGAIN || error == ENFILE ||
	       error == EADDRINUSE; /* what inet_csk_get_port() says when it has no memory for a bucket */
}

/* Returns the number of hits, or -1 after a diagnosis. */
static int fail_in_turn(const struct call *call, struct scene *scene)
{
	int n, ret, error;
	bool hit;

	for (n = 1; n <= MOST_ALLOCATIONS; n++) {
		call->prepare(scene);
		errno = 0;
		failing_nth(n);
		ret = call->call(scene);
		error = errno;
		hit = failing_hit();
		failing_nth(0);
		if (ret && !hit) {
			ksft_print_msg("%s failed without a fault: %s\n", call->name, strerror(error));
			return -1;
		}
		if (ret && !error_says_why(error)) {
			ksft_print_msg("%s, allocation %d: %s\n", call->name, n, strerror(error));
			return -1;
		}
		if (ret && call->call(scene)) {
			ksft_print_msg("%s, after allocation %d failed: %s\n", call->name, n, strerror(errno));
			return -1;
		}
		if (call->after && !call->after(scene)) {
			ksft_print_msg("%s, allocation %d: what was begun does not end\n", call->name, n);
			return -1;
		}
		clear(scene);
		if (!hit)
			return n - 1;
	}
	ksft_print_msg("%s: more than %d allocations\n", call->name, MOST_ALLOCATIONS);
	return -1;
}

static bool connection_works(struct scene *scene)
{
	bool ok;

	prepare_connection(scene);
	ok = stack_carries(scene->client, scene->server, 5000) && stack_carries(scene->server, scene->client, 5000);
	clear(scene);
	return ok;
}

static void test_calls(struct scene *scene, const char *ip)
{
	char name[96];
	int hits;

	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		hits = fail_in_turn(&calls[i], scene);
		ksft_print_msg("%s, %s: %d allocations\n", calls[i].name, ip, hits);
		snprintf(name, sizeof(name), "each_allocation_of_%s_%s", calls[i].name, ip);
		check(hits >= calls[i].allocates && connection_works(scene), name);
	}
}

static bool begin_fresh(struct scene *fresh)
{
	fresh->ns = ns_make();
	return fresh->ns >= 0 && !ns_enter(fresh->ns);
}

/* A namespace gets all at its first socket or nothing. Another one is needed if nobody missed what failed. */
static void test_first_socket(const struct scene *scene, const char *ip)
{
	struct scene fresh = { .text = scene->text, .listener = -1, .client = -1, .server = -1, .made = -1 };
	bool ok = begin_fresh(&fresh), hit = true;
	int n, hits = 0, error;
	char name[96];

	for (n = 1; ok && hit && n < MOST_ALLOCATIONS; n++) {
		if (fresh.made >= 0) {
			clear(&fresh);
			close(fresh.ns);
			ok = begin_fresh(&fresh);
		}
		failing_nth(n);
		error = call_socket(&fresh) ? errno : 0;
		hit = failing_hit();
		failing_nth(0);
		hits += hit;
		ok = ok && (!error || (hit && error_says_why(error)));
	}
	ok = ok && !hit && hits >= LEAST_FIRST;
	clear(&fresh);
	ksft_print_msg("first socket, %s: %d allocations\n", ip, hits);
	ok = ok && connection_works(&fresh);
	snprintf(name, sizeof(name), "each_allocation_of_the_first_socket_%s", ip);
	check(ok && !ns_enter(scene->ns), name);
	close(fresh.ns);
}

/* The next @times allocations fail, in whatever context, once @space octets were had. */
static void arm(long times, long space)
{
	failing_set("space", space);
	failing_set("times", times);
	failing_set("probability", 100);
}

/* True if all of them came. */
static bool disarm(void)
{
	long left = number_in(FAILSLAB "times");

	failing_set("probability", 0);
	if (left)
		ksft_print_msg("%ld allocations did not come that were to fail\n", left);
	return !left;
}

static long long ext(const struct scene *scene, const char *name)
{
	return counter_now(scene->ns, "/proc/net/xtcp_netstat", name);
}

/* The entry of a SYN cannot be had: the cookie in the SYN-ACK brings the connection back. */
static bool no_entry(struct scene *scene)
{
	long long cookies = ext(scene, "TcpExt:SyncookiesRecv");
	bool ok;

	prepare_listener(scene);
	arm(1, 0);
	ok = !call_connect(scene);
	if (!disarm())
		return false;
	if (!ok) {
		ksft_print_msg("connect: %s\n", strerror(errno));
		return false;
	}
	scene->server = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
	return stack_carries(scene->client, scene->server, 1000) && ext(scene, "TcpExt:SyncookiesRecv") == cookies + 1;
}

/* The child of the third ACK cannot be had: the segment is dropped and counted, a later one makes the child. */
static bool no_child(struct scene *scene)
{
	long long drops = ext(scene, "TcpExt:ListenDrops");
	bool hit, ok;

	prepare_listener(scene);
	/* the entry comes first */
	arm(1, number_in(strchr(scene->text, ':') ? "/sys/kernel/slab/xtcp_request6/object_size" :
						    "/sys/kernel/slab/xtcp_request/object_size") + 1);
	ok = !call_connect(scene);
	/* connect() returns before the third ACK has arrived */
	hit = WAIT_FOR(number_in(FAILSLAB "times") == 0, STACK_DEADLINE_MS);
	hit = disarm() && hit;
	if (!hit || !ok || !WAIT_FOR(ext(scene, "TcpExt:ListenDrops") == drops + 1, STACK_DEADLINE_MS))
		return false;
	scene->server = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
	return stack_carries(scene->client, scene->server, 1000);
}

/* Without memory for a record the connection just ends, and that is counted. */
static bool no_record(struct scene *scene)
{
	long long overflows = ext(scene, "TcpExt:TCPTimeWaitOverflow");
	bool hit;

	prepare_connection(scene);
	/* what each end needs for a FIN it has from now on */
	if (!stack_carries(scene->client, scene->server, 1))
		return false;
	arm(1, 0);
	shutdown(scene->client, SHUT_WR);
	shutdown(scene->server, SHUT_WR);
	hit = WAIT_FOR(number_in(FAILSLAB "times") == 0, STACK_DEADLINE_MS);
	hit = disarm() && hit;
	/* the allocation fails first, all else comes after it */
	return hit && WAIT_FOR(ext(scene, "TcpExt:TCPTimeWaitOverflow") == overflows + 1, STACK_DEADLINE_MS) &&
	       WAIT_FOR(stack_state(scene->client) == TCP_CLOSE, STACK_DEADLINE_MS);
}

/* So much that one end has what it needs for text, and not the other one. */
static long one_stream(void)
{
	return number_in("/sys/kernel/slab/xtcp_stream/object_size") + 1;
}

/* There is nothing for the first text, neither at once nor when its skb is made: who may wait waits for it. */
static bool no_stream_to_send(struct scene *scene)
{
	bool hit, ok;

	prepare_connection(scene);
	arm(2, 0);
	ok = send(scene->client, "request", 7, MSG_DONTWAIT) == -1 && errno == EAGAIN;
	hit = disarm();
	arm(2, 0);
	ok = ok && send(scene->client, "request", 7, 0) == 7;
	return disarm() && hit && ok && server_reads(scene);
}

/* Nor for the first text that comes: it is dropped, which is counted, and comes again. */
static bool no_stream_to_receive(struct scene *scene)
{
	long long drops = ext(scene, "TcpExt:TCPRcvQDrop");
	bool ok;

	prepare_connection(scene);
	arm(1, one_stream());
	ok = send(scene->client, "request", 7, 0) == 7 && server_reads(scene);
	return disarm() && ok && ext(scene, "TcpExt:TCPRcvQDrop") == drops + 1;
}

/* Nor for our FIN: it leaves later. */
static bool no_stream_to_close(struct scene *scene)
{
	bool ok;

	prepare_connection(scene);
	arm(1, 0);
	ok = !shutdown(scene->client, SHUT_WR) && server_reads_to_the_end(scene);
	return disarm() && ok;
}

/* Nor for the peer's: it comes again. */
static bool no_stream_to_be_closed(struct scene *scene)
{
	long long drops = ext(scene, "TcpExt:TCPRcvQDrop");
	bool ok;

	prepare_connection(scene);
	arm(1, one_stream());
	ok = !shutdown(scene->client, SHUT_WR) && server_reads_to_the_end(scene);
	return disarm() && ok && ext(scene, "TcpExt:TCPRcvQDrop") == drops + 1;
}

/* Segments for which there is no memory are as good as lost ones: whatever softirq asks for meanwhile is not there. */
static bool no_segment(struct scene *scene)
{
	bool hit, ok;

	prepare_connection(scene);
	failing_set("cache-filter", false);
	failing_set("ignore-gfp-wait", true);
	arm(5, 0);
	ok = stack_carries(scene->client, scene->server, 100000);
	hit = disarm();
	failing_set("ignore-gfp-wait", false);
	failing_set("cache-filter", true);
	return hit && ok && stack_carries(scene->server, scene->client, 1000);
}

static const struct {
	const char *name;
	bool (*run)(struct scene *scene);
} slab_faults[] = {
	{ "no_memory_for_an_entry", no_entry },
	{ "no_memory_for_a_child", no_child },
	{ "no_memory_for_a_record", no_record },
	{ "no_memory_for_text_to_be_sent", no_stream_to_send },
	{ "no_memory_for_text_that_comes", no_stream_to_receive },
	{ "no_memory_for_a_fin", no_stream_to_close },
	{ "no_memory_for_the_fin_of_the_peer", no_stream_to_be_closed },
	{ "no_memory_for_segments", no_segment },
};

static void test_slabs(struct scene *scene, const char *ip)
{
	char name[96];
	bool ok;

	/* slub_debug=A,... at boot: scripts/check/check-vm.sh */
	must(number_in("/sys/kernel/slab/xtcp_request/failslab") == 1, "the slabs of xtcp are not marked for failslab");
	failing_set("cache-filter", true);
	failing_set("interval", 1);
	for (unsigned int i = 0; i < sizeof(slab_faults) / sizeof(slab_faults[0]); i++) {
		ok = slab_faults[i].run(scene);
		clear(scene);
		snprintf(name, sizeof(name), "%s_%s", slab_faults[i].name, ip);
		check(ok && connection_works(scene), name);
	}
	failing_set("cache-filter", false);
}

int main(void)
{
	struct scene scene = { .listener = -1, .client = -1, .server = -1, .made = -1 };
	static const char * const ips[] = { "ipv4", "ipv6" };
	struct slabs before;

	ksft_print_header();
	if (!failing_begin()) {
		printf("1..1\nok 1 faults # SKIP the kernel cannot inject faults\n");
		return KSFT_PASS;
	}
	for (int i = 0; i < 2; i++) {
		slabs_read(&before);
		scene.ns = ns_make();
		must(scene.ns >= 0 && !ns_enter(scene.ns), "no namespace");
		scene.text = i ? "::1" : "127.0.0.1";
		test_first_socket(&scene, ips[i]);
		/* IPv4 goes the short way (local.c of the module), IPv6 by segments */
		must(!ns_sysctl_set(scene.ns, "net.xtcp.local", "%d", !i), "net.xtcp.local");
		test_calls(&scene, ips[i]);
		test_slabs(&scene, ips[i]);
		ns_enter(ns_home());
		close(scene.ns);
		check(slabs_back(&before, 60000), i ? "slabs_are_back_ipv6" : "slabs_are_back_ipv4");
	}
	ksft_print_msg("%d failed\n", failures);
	printf("1..%d\n", ksft_test_num());
	return failures ? KSFT_FAIL : KSFT_PASS;
}
