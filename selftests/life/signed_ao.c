// SPDX-License-Identifier: GPL-2.0
/*
 * TCP-AO (RFC 5925) between xtcp and kernel TCP:
 *
 *	namespace a, the client --- veth0 --- namespace b, the server
 *
 * Streams with each algorithm, through loss, while keys change; the end of a connection in both
 * orders; keys that differ or are missing. No end counts a segment as bad, but for the last.
 * Where the kernel TCP has no TCP-AO, xtcp has both ends.
 *
 *	signed_ao [-4|-6] [-s kernel|xtcp]
 */
#include <errno.h>
#include <kselftest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/aoopt.h"
#include "lib/counters.h"
#include "lib/flow.h"
#include "lib/must.h"
#include "lib/netem.h"
#include "lib/sides.h"
#include "lib/tcpstate.h"
#include "lib/wait.h"

#define PORT		7700
#define STALL_MS	60000
#define LARGE		1000000

static struct ns_pair net;

/* A key for one peer. The server's identifiers are the client's the other way round. */
static int set_key(int fd, const char *peer, const char *text, int sndid, int rcvid, const struct aoopt_key *like)
{
	struct aoopt_key key = like ? *like : (struct aoopt_key) { 0 };

	key.addr = peer;
	key.text = text;
	key.sndid = sndid;
	key.rcvid = rcvid;
	return aoopt_add(fd, &key);
}

static void open_pair(const struct sides *s, const struct aoopt_key *like, int *client, int *server)
{
	int listener = stack_listener(net.b, s->server, s->addr, PORT, true);

	must(listener >= 0 && !set_key(listener, s->client_addr, "secret", 2, 1, like) &&
	     !set_key(listener, s->client_addr, "another", 4, 3, like), "listener");
	*client = stack_socket(net.a, s->client, s->addr);
	must(*client >= 0 && !set_key(*client, s->addr, "another", 3, 4, like) &&
	     !set_key(*client, s->addr, "secret", 1, 2, like), "client");
	must(!setsockopt(*client, IPPROTO_TCP, TCP_AO_INFO,
			 &(struct tcp_ao_info_opt) { .set_current = 1, .current_key = 1, .set_rnext = 1, .rnext = 2 },
			 sizeof(struct tcp_ao_info_opt)), "TCP_AO_INFO");
	must(!stack_connect(*client, s->addr, PORT), "connect");
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(*server >= 0, "accept");
	close(listener);
}

static long long count(int ns, enum stack stack, const char *name)
{
	return counter_now(ns, stack == XTCP ? "/proc/net/xtcp_netstat" : "/proc/net/netstat", name);
}

static long long bad_at(int ns, enum stack stack)
{
	return count(ns, stack, "TcpExt:TCPAORequired") + count(ns, stack, "TcpExt:TCPAOBad") +
	       count(ns, stack, "TcpExt:TCPAOKeyNotFound");
}

static long long all_bad(const struct sides *s)
{
	return bad_at(net.a, s->client) + bad_at(net.b, s->server);
}

static long long all_good(const struct sides *s)
{
	return count(net.a, s->client, "TcpExt:TCPAOGood") + count(net.b, s->server, "TcpExt:TCPAOGood");
}

/* 1 MB each way. */
static void try_stream(const struct sides *s, const struct aoopt_key *like, const char *name)
{
	long long bad = all_bad(s), good = all_good(s);
	struct flow ends[2];
	int client, server;
	bool ok;

	open_pair(s, like, &client, &server);
	flow_pair(&ends[0], client, LARGE, &ends[1], server, LARGE);
	ok = flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ok &= all_bad(s) == bad && all_good(s) > good + 2 * LARGE / 1500;
	ksft_test_result(ok, "%s: %s\n", s->name, name);
	close(client);
	close(server);
}

static void try_loss(const struct sides *s)
{
	static const struct netem netem = { .delay_ms = 2, .loss = 10000, .reorder = 10000, .duplicate = 10000 };

	must(!netem_set(net.a, "veth0", &netem) && !netem_set(net.b, "veth0", &netem), "netem");
	try_stream(s, NULL, "a stream through loss, reordering and duplicates");
	must(!netem_clear(net.a, "veth0") && !netem_clear(net.b, "veth0"), "netem");
}

/* Steps of both ends, until the server has received so much. */
static bool go_on(struct flow *ends, long long received)
{
	long long end = wait_now_ms() + STALL_MS;

	while (ends[1].received < received && wait_now_ms() < end)
		if (flow_step(ends, 2, 50) < 0)
			return false;
	return ends[1].received >= received;
}

/* Steps of both ends, until @fd signs by @key. What stands in buffers may still carry the request for the old key. */
static bool go_on_until(struct flow *ends, int fd, int key)
{
	long long end = wait_now_ms() + STALL_MS;

	while (aoopt_info(fd).current_key != key && wait_now_ms() < end)
		if (flow_step(ends, 2, 50) < 0)
			return false;
	return aoopt_info(fd).current_key == key;
}

static int choose(int fd, int current, int rnext)
{
	struct tcp_ao_info_opt info = { .set_current = current > 0, .current_key = current, .set_rnext = rnext > 0,
					.rnext = rnext };

	return setsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, sizeof(info));
}

/* Each end asks for the other key while text flows both ways, and then the first key goes. */
static void try_rotation(const struct sides *s)
{
	long long bad = all_bad(s);
	struct tcp_ao_info_opt info;
	struct aoopt_key key;
	struct flow ends[2];
	int client, server;
	bool ok;

	open_pair(s, NULL, &client, &server);
	flow_pair(&ends[0], client, LARGE, &ends[1], server, LARGE);
	ok = go_on(ends, LARGE / 8);
	/* the client asks: the server signs with its key 4 */
	ok &= !choose(client, 0, 4) && go_on_until(ends, server, 4);
	ok &= aoopt_info(server).rnext == 1;
	/* the server asks: the client signs with its key 3 */
	ok &= !choose(server, 0, 3) && go_on_until(ends, client, 3);
	info = aoopt_info(client);
	ok &= info.rnext == 4;
	key = (struct aoopt_key) { .addr = s->addr, .sndid = 1, .rcvid = 2 };
	ok &= !aoopt_del(client, &key);
	ok &= flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ksft_print_msg("%s: current keys %u and %u, %lld bad segments\n", s->name, info.current_key,
		       aoopt_info(server).current_key, all_bad(s) - bad);
	ok &= all_bad(s) == bad;
	ksft_test_result(ok, "%s: both ends change the key of a stream, and lose the first\n", s->name);
	close(client);
	close(server);
}

/* The one that closes first is in TIME-WAIT, and its keys with it; another connection from its port has others. */
static void try_close(const struct sides *s, bool client_first)
{
	long long bad = all_bad(s);
	int client, server, first, last, port;
	bool ok;

	open_pair(s, NULL, &client, &server);
	port = stack_port(client);
	first = client_first ? client : server;
	last = client_first ? server : client;
	ok = stack_carries(client, server, 5000) && stack_carries(server, client, 5000);
	ok &= !shutdown(first, SHUT_WR) && stack_at_end(last) && stack_carries(last, first, 5000);
	ok &= !shutdown(last, SHUT_WR) && stack_at_end(first);
	ok &= sides_row(client_first ? net.a : net.b, client_first ? s->client : s->server, s->addr,
			client_first ? port : PORT, client_first ? PORT : port, TCP_TIME_WAIT);
	ok &= sides_row(client_first ? net.b : net.a, client_first ? s->server : s->client, s->addr,
			client_first ? PORT : port, client_first ? port : PORT, 0);
	ok &= all_bad(s) == bad;
	ksft_test_result(ok, "%s: the %s closes first\n", s->name, client_first ? "client" : "server");
	close(client);
	close(server);
}

/* The client gives up after another SYN; newer kernels send some more. */
static void try_refused(const struct sides *s, const char *at_client, const char *at_server, const char *counter,
			const char *name)
{
	int listener = stack_listener(net.b, s->server, s->addr, PORT, true), one = 1;
	int client = stack_socket(net.a, s->client, s->addr);
	long long before = count(net.b, s->server, counter), resent = count(net.a, s->client, "TcpExt:TCPSynRetrans");
	bool ok;

	must(listener >= 0 && client >= 0, "sockets");
	must((!at_server || !set_key(listener, s->client_addr, at_server, 2, 1, NULL)) &&
	     (!at_client || !set_key(client, s->addr, at_client, 1, 2, NULL)), "keys");
	must(!setsockopt(client, IPPROTO_TCP, TCP_SYNCNT, &one, sizeof(one)), "TCP_SYNCNT");
	ok = stack_connect(client, s->addr, PORT) == -1 && errno == ETIMEDOUT;
	resent = count(net.a, s->client, "TcpExt:TCPSynRetrans") - resent;
	ok &= resent > 0 && count(net.b, s->server, counter) == before + 1 + resent;
	ksft_test_result(ok, "%s: %s: no connection, and each SYN is counted\n", s->name, name);
	close(client);
	close(listener);
}

/* A socket for both IPs serves a client over IPv4. */
static void try_mapped(const struct sides *s)
{
	int server, client, listener = stack_listener(net.b, s->server, "::", PORT, true);
	long long bad = all_bad(s);
	bool ok;

	must(listener >= 0, "listener");
	ok = !set_key(listener, "::ffff:" NS_A4, "secret", 2, 1, NULL) &&
	     !set_key(listener, "::", "wrong", 2, 1, &(struct aoopt_key) { .prefix = AOOPT_ALL });
	client = stack_socket(net.a, s->client, NS_A4);
	must(client >= 0 && !set_key(client, NS_B4, "secret", 1, 2, NULL), "client");
	ok = ok && !stack_connect(client, NS_B4, PORT);
	server = ok ? accept(listener, NULL, NULL) : -1;
	ok = ok && server >= 0 && stack_carries(client, server, 10000) && stack_carries(server, client, 10000);
	ok &= all_bad(s) == bad;
	ksft_test_result(ok, "%s: a v4-mapped address, beside a key for all IPv6 hosts\n", s->name);
	close(server);
	close(client);
	close(listener);
}

static int vrf_index(void *unused)
{
	(void)unused;
	return if_nametoindex("vrf0");
}

/* A listener in a VRF: keys of the VRF and of no VRF in particular hold, those outside of VRFs do not. */
static void try_vrf(const struct sides *s)
{
	const union stack_addr addr = stack_addr(s->addr, PORT);
	struct ns_pair outside = net;
	int listener, client, server, vrf;
	struct aoopt_key key = { .keyflags = TCP_AO_KEYF_IFINDEX };
	bool ok;

	must(!ns_pair_make(&net), "namespaces");
	must(!ns_shell(net.b, "ip link add vrf0 type vrf table 10 && ip link set vrf0 up") &&
	     !ns_shell(net.b, "ip link set veth0 master vrf0 && ip addr replace " NS_B6 "/64 dev veth0 nodad"), "vrf");
	vrf = ns_call(net.b, vrf_index, NULL);
	listener = stack_socket(net.b, s->server, s->addr);
	must(listener >= 0 && !setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "vrf0", 5), "SO_BINDTODEVICE");
	must(!bind(listener, &addr.sa, stack_addr_len(&addr)) && !listen(listener, 5), "listen");
	/* for the same peer and with the same identifiers: outside of VRFs, and in this one */
	ok = !set_key(listener, s->client_addr, "wrong", 2, 1, &key);
	key.ifindex = vrf;
	ok &= !set_key(listener, s->client_addr, "secret", 2, 1, &key);
	ok &= set_key(listener, s->client_addr, "secret", 2, 1, NULL) == -1 && errno == EEXIST;
	client = stack_socket(net.a, s->client, s->addr);
	must(client >= 0 && !set_key(client, s->addr, "secret", 1, 2, NULL), "client");
	ok = ok && !stack_connect(client, s->addr, PORT);
	server = ok ? accept(listener, NULL, NULL) : -1;
	ok = ok && server >= 0 && stack_carries(client, server, 10000) && stack_carries(server, client, 10000);
	ksft_test_result(ok, "%s: the key of a VRF\n", s->name);
	close(server);
	close(client);
	close(listener);
	ns_pair_close(&net);
	net = outside;
}

static void try_all(const struct sides *s)
{
	static const struct aoopt_key cmac = { .algorithm = AOOPT_CMAC };
	static const struct aoopt_key bare = {
		.algorithm = AOOPT_CMAC, .maclen = 16, .keyflags = TCP_AO_KEYF_EXCLUDE_OPT,
	};
	static const struct aoopt_key brief = { .maclen = 4 };

	try_stream(s, NULL, "1 MB each way, HMAC-SHA-1");
	try_stream(s, &cmac, "1 MB each way, AES-128-CMAC");
	try_stream(s, &bare, "1 MB each way, MACs of 16 octets that cover no options");
	try_stream(s, &brief, "1 MB each way, MACs of 4 octets");
	try_loss(s);
	try_rotation(s);
	try_close(s, true);
	try_close(s, false);
	try_refused(s, "secret", "another", "TcpExt:TCPAOBad", "two keys");
	try_refused(s, NULL, "secret", "TcpExt:TCPAORequired", "a key at the server alone");
	try_mapped(s);
	try_vrf(s);
}

#define TESTS 12

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i, t;

	ksft_print_header();
	ksft_set_plan(n * TESTS);
	must(!ns_pair_make(&net), "namespaces");
	for (i = 0; i < n; i++) {
		if ((sides[i].client == KERNEL || sides[i].server == KERNEL) && !aoopt_kernel_has()) {
			for (t = 0; t < TESTS; t++)
				ksft_test_result_skip("the kernel cannot sign by TCP-AO: %s\n", sides[i].name);
			continue;
		}
		try_all(&sides[i]);
	}
	ksft_finished();
}
