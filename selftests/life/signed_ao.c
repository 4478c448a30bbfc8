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
#include "lib/aoopt.h"
#include "lib/signing.h"
#include "lib/test.h"

#define PORT		7700
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
	int listener = stack_listener(net.b, s->server, s->addr, PORT, true), keys = -1;
	socklen_t len = sizeof(keys);

	must(listener >= 0 && !set_key(listener, s->client_addr, "secret", 2, 1, like) &&
	     !set_key(listener, s->client_addr, "another", 4, 3, like), "listener");
	*client = stack_socket(net.a, s->client, s->addr);
	must(*client >= 0 && !set_key(*client, s->addr, "another", 3, 4, like) &&
	     !set_key(*client, s->addr, "secret", 1, 2, like), "client");
	if (s->client == XTCP)
		must(!getsockopt(*client, IPPROTO_TCP, XTCP_KEYS, &keys, &len) && keys == 2, "XTCP_KEYS");
	must(!setsockopt(*client, IPPROTO_TCP, TCP_AO_INFO,
			 &(struct tcp_ao_info_opt) { .set_current = 1, .current_key = 1, .set_rnext = 1, .rnext = 2 },
			 sizeof(struct tcp_ao_info_opt)), "TCP_AO_INFO");
	must(!stack_connect(*client, s->addr, PORT), "connect");
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(*server >= 0, "accept");
	close(listener);
}

static int set_for_peer(int fd, const char *peer, const char *text, bool server)
{
	return set_key(fd, peer, text, 1 + server, 2 - server, NULL);
}

static const struct signing ao = {
	.net = &net,
	.port = PORT,
	.bad = { "TcpExt:TCPAORequired", "TcpExt:TCPAOBad", "TcpExt:TCPAOKeyNotFound" },
	.set_key = set_for_peer,
};

static long long all_good(const struct sides *s)
{
	return stack_counter(net.a, s->client, "TcpExt:TCPAOGood") +
	       stack_counter(net.b, s->server, "TcpExt:TCPAOGood");
}

static void try_stream(const struct sides *s, const struct aoopt_key *like, const char *name)
{
	long long bad = signing_all_bad(&ao, s), good = all_good(s);
	int client, server;
	bool ok;

	open_pair(s, like, &client, &server);
	ok = signing_stream(client, server, LARGE);
	ok &= signing_all_bad(&ao, s) == bad && all_good(s) > good + 2 * LARGE / 1500;
	ksft_test_result(ok, "%s: %s\n", s->name, name);
}

static void try_loss(const struct sides *s)
{
	signing_lossy(&ao, true);
	try_stream(s, NULL, "a stream through loss, reordering and duplicates");
	signing_lossy(&ao, false);
}

/* Steps of both ends, until the server has received so much. */
static bool go_on(struct flow *ends, long long received)
{
	long long end = wait_now_ms() + SIGNING_STALL_MS;

	while (ends[1].received < received && wait_now_ms() < end)
		if (flow_step(ends, 2, 50) < 0)
			return false;
	return ends[1].received >= received;
}

/* Steps of both ends, until @fd signs by @key. What stands in buffers may still carry the request for the old key. */
static bool go_on_until(struct flow *ends, int fd, int key)
{
	long long end = wait_now_ms() + SIGNING_STALL_MS;

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
	long long bad = signing_all_bad(&ao, s);
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
	ok &= flow_run(ends, 2, SIGNING_STALL_MS);
	flow_explain(ends, 2);
	ksft_print_msg("%s: current keys %u and %u, %lld bad segments\n", s->name, info.current_key,
		       aoopt_info(server).current_key, signing_all_bad(&ao, s) - bad);
	ok &= signing_all_bad(&ao, s) == bad;
	ksft_test_result(ok, "%s: both ends change the key of a stream, and lose the first\n", s->name);
	close_each(client, server);
}

/* The one that closes first is in TIME-WAIT, and its keys with it; another connection from its port has others. */
static void try_close(const struct sides *s, bool client_first)
{
	long long bad = signing_all_bad(&ao, s);
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
	ok &= signing_all_bad(&ao, s) == bad;
	ksft_test_result(ok, "%s: the %s closes first\n", s->name, client_first ? "client" : "server");
	close_each(client, server);
}

static bool set_mapped(int listener)
{
	return !set_key(listener, "::ffff:" NS_A4, "secret", 2, 1, NULL) &&
	       !set_key(listener, "::", "wrong", 2, 1, &(struct aoopt_key) { .prefix = AOOPT_ALL });
}

/* Keys of the VRF hold, and those of none in particular, not those outside; same peer and identifiers. */
static bool set_vrf(int listener, const struct sides *s, int vrf)
{
	struct aoopt_key key = { .keyflags = TCP_AO_KEYF_IFINDEX };
	bool ok = !set_key(listener, s->client_addr, "wrong", 2, 1, &key);

	key.ifindex = vrf;
	ok &= !set_key(listener, s->client_addr, "secret", 2, 1, &key);
	return ok && set_key(listener, s->client_addr, "secret", 2, 1, NULL) == -1 && errno == EEXIST;
}

static void try_refused(const struct sides *s, const char *at_client, const char *at_server, const char *counter,
			const char *name)
{
	ksft_test_result(signing_refuses(&ao, s, at_client, at_server, counter),
			 "%s: %s: no connection, and each SYN is counted\n", s->name, name);
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
	ksft_test_result(signing_mapped(&ao, s, set_mapped),
			 "%s: a v4-mapped address, beside a key for all IPv6 hosts\n", s->name);
	ksft_test_result(signing_vrf(&ao, s, set_vrf), "%s: the key of a VRF\n", s->name);
}

#define TESTS 12

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i, t;

	test_begin(n * TESTS);
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
