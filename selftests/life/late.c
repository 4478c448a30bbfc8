// SPDX-License-Identifier: GPL-2.0
/*
 * Segments that are still on their way through the stack when their connection ends on the other processor.
 *
 * A socket leaves its connection and connects to another peer: TCP_INFO of the next connection does not count what is
 * late. Each segment is large, and has a MAC of TCP-AO. So it takes long to verify, and one processor is often busy
 * with a segment while another one disconnects the socket.
 *
 * Many TIME-WAIT records end in one run of their timer, which takes a while. Meanwhile SYNs come for them, from the
 * program behind a tun device: each is answered, whether its record is still there, is about to end or is gone.
 *
 * A listener is the last socket of its namespace, and closes while a child of it is being made. A SYN-ACK to another
 * client is still below TCP, so the listener drops its reference to the namespace at once.
 */
#include <netinet/ip.h>
#include "lib/aoopt.h"
#include "lib/test.h"
#include "lib/tun.h"
#include "lib/wire.h"

#define TALKER_PORT	7801
#define SILENT_PORT	7802
#define ROUNDS		(release_is_debug() ? 15 : 60)
#define TEXT		300000	/* octets that come before the socket leaves */
#define WRITE		60000

#define HOST_PORT	7804
#define CLOSES_MAX	20
#define HELD_MS		20000
#define SERVER4		"10.9.9.1"
#define PEER4		"10.9.9.2"
#define SERVER_PORT	7803
#define RECORDS		480	/* in two shards: a timer takes at most 256 of one at once */
#define SYNS		100
#define TIMEWAIT_MS	1000	/* the least */
#define SYN_ROUNDS	(release_is_debug() ? 5 : 20)
#define FIRST_SEQ	1000
#define NEW_SEQ		500000	/* beyond what the old connection had */

static int ns;

static void *talk(void *arg)
{
	static const char octets[WRITE];
	int fd = *(int *)arg;

	run_on(0);
	while (send(fd, octets, sizeof(octets), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static int listener_with_key(int port)
{
	const struct aoopt_key key = { .addr = "127.0.0.1", .sndid = 2, .rcvid = 1 };
	int fd = stack_listener(ns, XTCP, "127.0.0.1", port, true);

	must(fd >= 0 && !aoopt_add(fd, &key), "listener");
	return fd;
}

/* Return: how many segments the second connection counts beside its SYN-ACK. */
static int leave_and_connect(int fd, int talker, int silent)
{
	static char octets[WRITE];
	pthread_t thread;
	int server, late;
	long got = 0;
	ssize_t n;

	must(!stack_connect(fd, "127.0.0.1", TALKER_PORT), "connect");
	server = accept4(talker, NULL, NULL, SOCK_CLOEXEC);
	must(server >= 0 && !pthread_create(&thread, NULL, talk, &server), "accept");
	while (got < TEXT) {
		n = recv(fd, octets, sizeof(octets), 0);
		must(n > 0, "recv");
		got += n;
	}
	must(!stack_disconnect(fd), "disconnect");
	must(!stack_connect(fd, "127.0.0.1", SILENT_PORT), "connect again");
	late = (int)info_of(fd).tcpi_segs_in - 1;
	must(!stack_disconnect(fd), "disconnect again");
	pthread_join(thread, NULL);
	close(server);
	server = must_have(accept4(silent, NULL, NULL, SOCK_CLOEXEC), "accept");
	close(server);
	return late;
}

struct packet {
	struct iphdr ip;
	struct tcphdr tcp;
};

/* What the server has sent to each port of the peer in this round. */
static struct {
	uint32_t iss;
	bool synack;
} heard[RECORDS];

static int tun, first_port;

static void inject(int i, unsigned int flags, uint32_t seq, uint32_t ack)
{
	tun_inject(tun, PEER4, SERVER4, &(struct wire_segment){
		.sport = first_port + i, .dport = SERVER_PORT, .seq = seq, .ack = ack, .flags = flags, .win = 65535,
	});
}

/* Reads what the device has. How many SYN-ACKs have come in this round. */
static int listen_to_server(void)
{
	struct packet p;
	int found, i;

	while (read(tun, &p, sizeof(p)) >= (ssize_t)sizeof(p)) {
		i = ntohs(p.tcp.dest) - first_port;
		if (p.ip.version != 4 || p.ip.protocol != IPPROTO_TCP || i < 0 || i >= RECORDS || !p.tcp.syn)
			continue;
		heard[i].synack = true;
		heard[i].iss = ntohl(p.tcp.seq);
	}
	for (found = i = 0; i < RECORDS; i++)
		found += heard[i].synack;
	return found;
}

static void drain(void)
{
	struct packet p;

	while (read(tun, &p, sizeof(p)) > 0)
		;
}

static int records_now(int sockstat)
{
	char text[256] = "";
	int records = -1;

	must(pread(sockstat, text, sizeof(text) - 1, 0) > 0 &&
	     sscanf(text, "TCP: inuse %*d orphan %*d tw %d", &records) == 1, "sockstat");
	return records;
}

static void make_records(int listener)
{
	static int fds[RECORDS];

	memset(heard, 0, sizeof(heard));
	for (int i = 0; i < RECORDS; i++) {
		inject(i, WIRE_SYN, FIRST_SEQ, 0);
		if (i % 64 == 63)
			listen_to_server();
	}
	must(WAIT_FOR(listen_to_server() == RECORDS, STACK_DEADLINE_MS), "SYN-ACKs");
	for (int i = 0; i < RECORDS; i++)
		inject(i, WIRE_ACK, FIRST_SEQ + 1, heard[i].iss + 1);
	for (int i = 0; i < RECORDS; i++)
		fds[i] = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	for (int i = 0; i < RECORDS; i++) {
		close(fds[i]);
		drain();
	}
	for (int i = 0; i < RECORDS; i++) {
		inject(i, WIRE_FIN | WIRE_ACK, FIRST_SEQ + 1, heard[i].iss + 2);
		drain();
	}
}

/* The other processor's timers begin to end many records, and SYNs come for the last. How many got no answer. */
static int syns_in_vain(int listener, int sockstat, int *in_time)
{
	int before, now, i;

	run_on(0);
	must(!ns_sysctl_set(ns, "net.xtcp.synack_retries", "5"), "synack_retries");
	make_records(listener);
	/* an entry that nobody completes ends after a second from now on */
	must(!ns_sysctl_set(ns, "net.xtcp.synack_retries", "0"), "synack_retries");
	memset(heard, 0, sizeof(heard));
	run_on(1);
	for (now = records_now(sockstat), before = now; now && now > before - RECORDS / 4; now = records_now(sockstat))
		before = now;
	for (i = RECORDS - 1; i >= RECORDS - SYNS; i--)
		inject(i, WIRE_SYN, NEW_SEQ, 0);
	*in_time += now > 0;
	WAIT_FOR(listen_to_server() == SYNS, 500);
	return SYNS - listen_to_server();
}

static void syns_for_records(void)
{
	const struct rlimit files = { 8192, 8192 };
	int listener, sockstat, in_vain = 0, in_time = 0, rounds = SYN_ROUNDS, i;

	must(!setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	ns = ns_make();
	must(ns >= 0 && !ns_sysctl_set(ns, "net.core.somaxconn", "65535"), "namespace");
	tun = tun_open(ns, "tun0");
	must(tun >= 0 && !ns_addr_add(ns, "tun0", SERVER4 "/24") && !ns_link_up(ns, "tun0", true), "tun");
	listener = stack_listener(ns, XTCP, SERVER4, SERVER_PORT, true);
	must(listener >= 0 && !listen(listener, 65535) &&
	     !stack_patience(listener, SO_RCVTIMEO, STACK_DEADLINE_MS * 1000), "listener");
	must(!ns_sysctl_set(ns, "net.xtcp.timewait_ms", "%d", TIMEWAIT_MS) && !ns_enter(ns), "sysctls");
	sockstat = must_have(open("/proc/net/xtcp_sockstat", O_RDONLY | O_CLOEXEC), "sockstat");
	/* with its event, the end of a record takes longer */
	tracing_start("late");
	tracing_set("events/xtcp/xtcp_conn_state/enable", "1");
	for (i = 0; i < rounds; i++) {
		first_port = 20000 + i * RECORDS;
		in_vain += syns_in_vain(listener, sockstat, &in_time);
	}
	tracing_set("events/xtcp/xtcp_conn_state/enable", "0");
	tracing_stop();
	must(!ns_enter(ns_home()), "home");
	ksft_print_msg("%d SYNs of %d got no answer; in %d of %d rounds other records were still there\n", in_vain,
		       rounds * SYNS, in_time, rounds);
	ksft_test_result(!in_vain, "a SYN is answered while the record of its tuple ends\n");
	close_each(sockstat, listener, tun, ns);
}

/* What waits before the link of @at goes on, on the other processor, by a process that has no @listener. */
static void let_go_from(int at, int listener)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		close(listener);
		run_on(0);
		_exit(netem_release(at, "veth0") ? 1 : 0);
	}
	must(child > 0 && WAIT_FOR(stall_has_begun(), STACK_DEADLINE_MS), "a child of the listener");
}

/* Return: did the listener close while its child was being made? */
static bool close_meanwhile(const char **why)
{
	struct ns_pair net;
	int listener, first, second;
	bool during;

	must(!ns_pair_make(&net), "namespaces");
	sides_know_each_other(&net);
	listener = stack_listener(net.a, XTCP, NS_A4, HOST_PORT, true);
	must(listener >= 0 && !netem_hold(net.a, "veth0"), "listener");
	first = stack_begin_or_die(net.b, KERNEL, NS_A4, HOST_PORT);
	must(WAIT_FOR(rows_state(net.a, "/proc/net/xtcp", HOST_PORT, stack_port(first)) == TCP_SYN_RECV,
		      STACK_DEADLINE_MS), "an entry");
	/* the second SYN waits, and then behind it the ACK of the first client */
	must(!netem_hold(net.b, "veth0"), "hold");
	second = stack_begin_or_die(net.b, KERNEL, NS_A4, HOST_PORT);
	must(!netem_release(net.a, "veth0") && WAIT_FOR(stack_state(first) == TCP_ESTABLISHED, STACK_DEADLINE_MS),
	     "a SYN-ACK");
	must(!netem_hold(net.a, "veth0"), "hold again");
	must(stall_begin("security_sk_clone", HOST_PORT, HELD_MS, why), "stall");
	close(net.a);
	let_go_from(net.b, listener);
	close(listener);
	during = stall_let_go();
	must(ns_all_ended(STACK_DEADLINE_MS), "the namespace ends");
	stall_end();
	while (waitpid(-1, NULL, 0) > 0)
		;
	close_each(first, second, net.b);
	return during;
}

static void closes_while_child_is_made(void)
{
	static const char what[] = "a listener closes, and its namespace ends, while a child of it is being made";
	const char *why = "";
	bool during = false;
	int i;

	if (!stall_begin("security_sk_clone", HOST_PORT, HELD_MS, &why)) {
		ksft_test_result_skip("the kernel cannot: it %s: %s\n", why, what);
		return;
	}
	stall_end();
	klog_forget();
	run_on(1);
	for (i = 0; i < CLOSES_MAX && !during; i++)
		during = close_meanwhile(&why);
	ksft_print_msg("seen in round %d\n", i);
	ksft_test_result(during && !klog_has("refcount_t"), "%s\n", what);
}

int main(void)
{
	const struct aoopt_key key = { .addr = "127.0.0.1", .sndid = 1, .rcvid = 2 };
	int talker, silent, fd, i, late = 0, counted = 0, rounds = ROUNDS, n;

	test_begin(3);
	syns_for_records();
	closes_while_child_is_made();
	ns = must_have(ns_make(), "namespace");
	talker = listener_with_key(TALKER_PORT);
	silent = listener_with_key(SILENT_PORT);
	fd = stack_socket(ns, XTCP, "127.0.0.1");
	must(fd >= 0 && !aoopt_add(fd, &key), "client");
	run_on(1);
	for (i = 0; i < rounds; i++) {
		n = leave_and_connect(fd, talker, silent);
		late += n;
		counted += !!n;
	}
	ksft_print_msg("%d late segments counted in %d of %d rounds\n", late, counted, rounds);
	ksft_test_result(!late, "segments of one connection are not counted by the next one of the socket\n");
	close_each(fd, talker, silent, ns);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
