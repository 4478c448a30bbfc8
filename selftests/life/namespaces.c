// SPDX-License-Identifier: GPL-2.0
/*
 * What keeps a network namespace alive: a descriptor of xtcp's in it, but nothing that no program holds. What one has
 * before it has a socket; and many that come, are used and go beside one that carries data.
 */
#include <glob.h>
#include <net/if.h>
#include "slow.h"
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("nft");

#define PORT	7100
#define MANY	20
#define FILES	10		/* in /proc/net */
#define TELL_MS	100		/* XTCP_TELL_TIME */
#define ORPHANS	100		/* more than can tell their peers in that time */
#define RST_MS	(4 * TELL_MS / ORPHANS)

/* The other end of a veth goes with its namespace. */
static bool has_link(int ns)
{
	return ns_link_index(ns, "veth0") > 0;
}

static bool has_state(int ns, int port, unsigned int state)
{
	return rows_state(ns, "/proc/net/xtcp", 0, port) == (int)state ||
	       rows_state(ns, "/proc/net/xtcp", port, 0) == (int)state;
}

static void namespace_dies(void)
{
	int orphan, timewait, server, server_of_orphan, listener, half_open, client;
	struct ns_pair dying;
	bool there;

	must(!ns_pair_make(&dying), "no namespaces");
	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT, &timewait, &server);
	shutdown(timewait, SHUT_WR);
	stack_at_end(server);
	close_each(server, timewait);
	ksft_test_result(WAIT_FOR(has_state(dying.a, PORT, TCP_TIME_WAIT), STACK_DEADLINE_MS), "a TIME-WAIT record\n");

	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT + 1, &orphan, &server_of_orphan);
	listener = stack_listener(dying.a, XTCP, NS_A4, PORT + 2, true);
	client = stack_connected(dying.b, KERNEL, NS_A4, PORT + 2);
	if (ns_shell(dying.b, "nft 'add table ip lost; add chain ip lost in { type filter hook input priority 0; };"
		     "add rule ip lost in drop'"))
		ksft_exit_fail_msg("no nft\n");
	send(orphan, "abc", 3, 0);
	close(orphan);
	ksft_test_result(WAIT_FOR(has_state(dying.a, PORT + 1, TCP_FIN_WAIT1), STACK_DEADLINE_MS), "an orphan\n");
	half_open = stack_socket(dying.b, KERNEL, NS_A4);
	fcntl(half_open, F_SETFL, O_NONBLOCK);
	stack_connect(half_open, NS_A4, PORT + 2);
	there = WAIT_FOR(rows_state(dying.a, "/proc/net/xtcp", PORT + 2, stack_port(half_open)) == TCP_SYN_RECV,
			 STACK_DEADLINE_MS);
	ksft_test_result(there && client >= 0, "a half-open entry, and a connection not accepted\n");
	close_each(listener, dying.a);
	ksft_test_result(WAIT_FOR(!has_link(dying.b), STACK_DEADLINE_MS), "do not keep a namespace alive\n");
	close_each(half_open, client, server_of_orphan, dying.b);
}

static bool fill_window(int fd)
{
	static const char text[65536];
	struct tcp_info info;

	while (send(fd, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	info = info_of(fd);
	return !info.tcpi_unacked && info.tcpi_notsent_bytes;
}

/* An orphan has text that its peer does not want yet. When its namespace ends, the peer hears of it. */
static void orphan_resets(const char *addr)
{
	const char *listing = strchr(addr, ':') ? "/proc/net/xtcp6" : "/proc/net/xtcp";
	int client, server, error = 0, local;
	struct pollfd end = {};
	struct ns_pair dying;

	must(!ns_pair_make(&dying), "no namespaces");
	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, addr, PORT + 3, &client, &server);
	local = stack_port(client);
	must(WAIT_FOR(fill_window(client), STACK_DEADLINE_MS), "the window does not close");
	close(client);
	must(rows_state(dying.a, listing, local, PORT + 3) == TCP_FIN_WAIT1, "no orphan");
	close(dying.a);
	end.fd = server;
	poll(&end, 1, STACK_DEADLINE_MS);
	error = stack_error(server);
	if (error != ECONNRESET)
		ksft_print_msg("the peer's error is %d\n", error);
	ksft_test_result(error == ECONNRESET, "%s: an orphan of a namespace that ends resets its connection\n", addr);
	close_each(server, dying.b);
}

/*
 * Of many orphans, while each RST takes long. Their own RSTs count, not what the peers know in the end: a late ACK of a
 * peer finds no rules of netfilter any more, and no orphan, and kernel TCP resets it.
 */
static void orphans_tell_for_a_while(void)
{
	int client[ORPHANS], server[ORPHANS], told, i;
	struct ns_pair dying;
	bool has_ended;

	must(!ns_pair_make(&dying), "no namespaces");
	for (i = 0; i < ORPHANS; i++)
		stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT + 4, &client[i], &server[i]);
	/* what is sent is not acknowledged */
	if (ns_shell(dying.a, "nft 'add table ip lost; add chain ip lost in { type filter hook input priority 0; };"
		     "add rule ip lost in drop'"))
		ksft_exit_fail_msg("no nft\n");
	if (!slow_resets(dying.a, RST_MS)) {
		ksft_test_result_skip("the kernel cannot be slow in virtual time: RSTs of a namespace that ends\n");
		ns_pair_close(&dying);
		for (i = 0; i < ORPHANS; i++)
			close_each(client[i], server[i]);
		return;
	}
	for (i = 0; i < ORPHANS; i++) {
		send(client[i], "abc", 3, 0);
		close(client[i]);
	}
	tracing_start("namespaces");
	tracing_set("events/xtcp/xtcp_segment_out/enable", "1");
	close(dying.a);
	has_ended = WAIT_FOR(!has_link(dying.b), STACK_DEADLINE_MS);
	told = tracing_count(" state=FIN-WAIT-1 flags=[RA] ", "", "");
	tracing_stop();
	ksft_print_msg("%d of %d peers are told\n", told, ORPHANS);
	ksft_test_result(has_ended && told > 0 && told < ORPHANS,
			 "RSTs of a namespace that ends stop before all of many peers are told\n");
	stack_close(server, ORPHANS);
	close(dying.b);
}

static void descriptor_keeps_namespace(void)
{
	struct ns_pair dying;
	int client, server;

	must(!ns_pair_make(&dying), "no namespaces");
	stack_pair_or_die(dying.a, XTCP, dying.b, KERNEL, NS_B4, PORT, &client, &server);
	close(dying.a);
	ksft_test_result(stack_carries(client, server, 10000) && stack_carries(server, client, 10000) &&
			 has_link(dying.b), "a descriptor keeps its namespace alive and working\n");
	close(client);
	ksft_test_result(WAIT_FOR(!has_link(dying.b), STACK_DEADLINE_MS), "until it is closed\n");
	close_each(server, dying.b);
}

static int lines(int ns, const char *path)
{
	char *text = ns_read_file(ns, path), *at;
	int n = 0;

	for (at = text; at && (at = strchr(at, '\n')); at++)
		n++;
	free(text);
	return n;
}

static long long counted(int ns, const char *name)
{
	return counter_now(ns, "/proc/net/xtcp_snmp", name);
}

/* Reads these files of the namespace to their end. Return: how many there are; -1: not all can be read. */
static int read_files(void *pattern)
{
	char octets[4096];
	glob_t files;
	ssize_t len;
	size_t i;
	int fd;

	if (glob(pattern, 0, NULL, &files))
		return -1;
	for (i = 0; i < files.gl_pathc; i++) {
		fd = open(files.gl_pathv[i], O_RDONLY);
		do {
			len = read(fd, octets, sizeof(octets));
		} while (len > 0);
		close(fd);
		if (len < 0)
			return -1;
	}
	i = files.gl_pathc;
	globfree(&files);
	return i;
}

static int all_rows(void *v6)
{
	struct diag_query query = { .stack = XTCP, .v6 = v6, .ext = 0xff };

	return diag_dump(&query, NULL, NULL);
}

/* Asks to end a listener that is not there, or a connection. Return: the answer. */
static int destroy(void *is_connection)
{
	int fd = diag_open(), answer = diag_destroy(fd, NS_A4, PORT, NS_B4, is_connection ? PORT + 1 : 0);

	close(fd);
	return answer;
}

/* The files are there, and say nothing; the knobs can be set, for when there is something. */
static void before_first_socket(void)
{
	int ns = must_have(ns_make(), "no namespace"), client, server;

	ksft_test_result(lines(ns, "/proc/net/xtcp") == 1 && lines(ns, "/proc/net/xtcp6") == 1 &&
			 lines(ns, "/proc/net/xtcp_listen") == 1 && lines(ns, "/proc/net/xtcp_netstat") == 2,
			 "a namespace without a socket has files without rows\n");
	ksft_test_result(counted(ns, "Tcp:RtoMin") == 200 && counted(ns, "Tcp:MaxConn") == -1 &&
			 !counted(ns, "Tcp:InSegs") && !counted(ns, "Tcp:CurrEstab") &&
			 !counter_now(ns, "/proc/net/xtcp_netstat", "TcpExt:TW"), "counters that are 0\n");
	ksft_test_result(ns_call(ns, read_files, "/proc/thread-self/net/xtcp*") == FILES &&
			 !ns_call(ns, all_rows, NULL) && !ns_call(ns, all_rows, &ns) &&
			 ns_call(ns, destroy, NULL) == ENOENT && ns_call(ns, destroy, &ns) == ENOENT,
			 "all files, listings and requests to end a socket, before there is one\n");
	ksft_test_result(!ns_sysctl_set(ns, "net.xtcp.rmem", "4096 50000 100000"), "and knobs\n");
	stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", PORT, &client, &server);
	ksft_test_result(stack_carries(client, server, 3000) && counted(ns, "Tcp:CurrEstab") == 2 &&
			 counted(ns, "Tcp:RtoMin") == 200 && ns_sysctl_get(ns, "net.xtcp.rmem") == 4096,
			 "they are the same when it has one\n");
	close_each(client, server, ns);
}

/* With a record of TIME-WAIT, and an orphan in FIN-WAIT-1: lo is down when it closes. */
static bool come_and_go(void)
{
	int ns = ns_make(), client, server, orphan, peer;

	if (ns < 0)
		return false;
	stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", PORT, &client, &server);
	stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", PORT + 1, &orphan, &peer);
	shutdown(client, SHUT_WR);
	if (!stack_at_end(server) || close(server) || close(client))
		return false;
	if (!WAIT_FOR(rows_state(ns, "/proc/net/xtcp", 0, PORT) == TCP_TIME_WAIT, STACK_DEADLINE_MS))
		return false;
	if (ns_link_up(ns, "lo", false) || close(orphan) || close(peer))
		return false;
	return rows_state(ns, "/proc/net/xtcp", 0, PORT + 1) == TCP_FIN_WAIT1 && !close(ns);
}

static void many_beside_one(void)
{
	int client, server, i;
	struct slabs before;
	struct ns_pair pair;
	bool ok = true;

	must(!ns_pair_make(&pair), "no namespaces");
	stack_pair_or_die(pair.a, XTCP, pair.b, XTCP, NS_B4, PORT, &client, &server);
	stack_carries(client, server, 10000);
	slabs_read(&before);
	for (i = 0; i < MANY && ok; i++)
		ok = come_and_go() && stack_carries(client, server, 10000) && stack_carries(server, client, 10000);
	ksft_test_result(ok, "%d namespaces come and go, %d octets beside each\n", i, 20000);
	ksft_test_result(slabs_back(&before, STACK_DEADLINE_MS), "with all that they had\n");
	close_each(client, server);
	ns_pair_close(&pair);
}

/* What was loaded last leaves a namespace first: netfilter's rules must outlive the connections. */
static void load_after_netfilter(void)
{
	int ns = ns_make();

	if (ns < 0 || ns_shell(ns, "nft list tables") || module_unload() || module_load(""))
		ksft_exit_fail_msg("cannot load the module after netfilter\n");
	close(ns);
}

int main(void)
{
	test_begin(16);
	load_after_netfilter();
	before_first_socket();
	many_beside_one();
	namespace_dies();
	orphan_resets(NS_B4);
	orphan_resets(NS_B6);
	orphans_tell_for_a_while();
	descriptor_keeps_namespace();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
