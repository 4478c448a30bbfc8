// SPDX-License-Identifier: GPL-2.0
/*
 * TCP MD5 signatures (RFC 2385) between xtcp and kernel TCP:
 *
 *	namespace a, the client --- veth0 --- namespace b, the server
 *
 * Streams through loss, keys that change while text flows, keys that differ or are missing, v4-mapped
 * addresses, keys of a VRF; and as many keys as net.core.optmem_max allows.
 *
 *	signed [-4|-6] [-s kernel|xtcp]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <kselftest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <linux/xtcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/counters.h"
#include "lib/flow.h"
#include "lib/must.h"
#include "lib/netem.h"
#include "lib/release.h"
#include "lib/sides.h"
#include "lib/wait.h"

#define PORT		7600
#define STALL_MS	60000
#define LARGE		3000000
#define PAUSE_MS	700	/* longer than the first timeouts of a stream that stands still */
#define MOST_KEYS	1000

static struct ns_pair net;

struct key {
	const char *addr;	/* the peers' */
	const char *text;	/* NULL removes it */
	int prefix;		/* -1: by TCP_MD5SIG */
	int device;		/* -1: no TCP_MD5SIG_FLAG_IFINDEX */
};

/* setsockopt() */
static int set_key(int fd, const struct key *key)
{
	const union stack_addr addr = stack_addr(key->addr, 0);
	struct tcp_md5sig cmd = { 0 };

	memcpy(&cmd.tcpm_addr, &addr, stack_addr_len(&addr));
	if (key->text) {
		cmd.tcpm_keylen = strlen(key->text);
		memcpy(cmd.tcpm_key, key->text, cmd.tcpm_keylen);
	}
	if (key->prefix < 0 && key->device < 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &cmd, sizeof(cmd));
	if (key->prefix >= 0) {
		cmd.tcpm_flags |= TCP_MD5SIG_FLAG_PREFIX;
		cmd.tcpm_prefixlen = key->prefix;
	}
	if (key->device >= 0) {
		cmd.tcpm_flags |= TCP_MD5SIG_FLAG_IFINDEX;
		cmd.tcpm_ifindex = key->device;
	}
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &cmd, sizeof(cmd));
}

/* A key for one peer. */
static int set_simple(int fd, const char *addr, const char *text)
{
	return set_key(fd, &(struct key) { .addr = addr, .text = text, .prefix = -1, .device = -1 });
}

static int listener_with(const struct sides *s, const char *text)
{
	int fd = stack_listener(net.b, s->server, s->addr, PORT, true);

	must(fd >= 0 && (!text || !set_simple(fd, s->client_addr, text)), "listener");
	return fd;
}

static int client_with(const struct sides *s, const char *text)
{
	int fd = stack_socket(net.a, s->client, s->addr);

	must(fd >= 0 && (!text || !set_simple(fd, s->addr, text)), "client");
	return fd;
}

static void open_pair(const struct sides *s, const char *text, int *client, int *server)
{
	int listener = listener_with(s, text);

	*client = client_with(s, text);
	must(!stack_connect(*client, s->addr, PORT), "connect");
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(*server >= 0, "accept");
	close(listener);
}

static const char *counter_file(enum stack stack)
{
	return stack == XTCP ? "/proc/net/xtcp_netstat" : "/proc/net/netstat";
}

static long long count(int ns, enum stack stack, const char *name)
{
	return counter_now(ns, counter_file(stack), name);
}

static long long all_bad(int ns, enum stack stack)
{
	return count(ns, stack, "TcpExt:TCPMD5NotFound") + count(ns, stack, "TcpExt:TCPMD5Unexpected") +
	       count(ns, stack, "TcpExt:TCPMD5Failure");
}

static void try_stream(const struct sides *s, long long octets, const char *name)
{
	long long bad = all_bad(net.a, s->client) + all_bad(net.b, s->server);
	struct flow ends[2];
	int client, server;
	bool ok;

	open_pair(s, "secret", &client, &server);
	flow_pair(&ends[0], client, octets, &ends[1], server, octets);
	ok = flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ok &= all_bad(net.a, s->client) + all_bad(net.b, s->server) == bad;
	ksft_test_result(ok, "%s: %s\n", s->name, name);
	close(client);
	close(server);
}

static void try_loss(const struct sides *s)
{
	static const struct netem netem = { .delay_ms = 2, .loss = 10000, .reorder = 10000, .duplicate = 10000 };

	must(!netem_set(net.a, "veth0", &netem) && !netem_set(net.b, "veth0", &netem), "netem");
	try_stream(s, LARGE, "a stream through loss, reordering and duplicates");
	must(!netem_clear(net.a, "veth0") && !netem_clear(net.b, "veth0"), "netem");
}

/* Steps of both ends for a while: they may stand still. */
static void go_on(struct flow *ends, int ms)
{
	long long until = wait_now_ms() + ms;

	while (wait_now_ms() < until && flow_step(ends, 2, 50) > 0)
		;
}

/* Both ends get another key while text is under way; later the key goes at one end, and comes back. */
static void try_rotation(const struct sides *s)
{
	static const struct netem netem = { .delay_ms = 5, .rate_kbit = 20000, .queue = 100000 };
	long long failures, moved;
	struct flow ends[2];
	int client, server;
	bool ok;

	must(!netem_set(net.a, "veth0", &netem), "netem");
	open_pair(s, "secret", &client, &server);
	flow_pair(&ends[0], client, LARGE, &ends[1], server, 0);
	go_on(ends, 200);
	ok = !set_simple(client, s->addr, "another") && !set_simple(server, s->client_addr, "another");
	moved = ends[1].received;
	go_on(ends, PAUSE_MS);
	ksft_test_result(ok && ends[1].received > moved, "%s: another key at both ends: the stream goes on\n", s->name);

	failures = count(net.b, s->server, "TcpExt:TCPMD5Unexpected");
	ok = !set_simple(server, s->client_addr, NULL);
	go_on(ends, 100);	/* what has arrived before */
	moved = ends[1].received;
	go_on(ends, PAUSE_MS);
	ok &= ends[1].received == moved && count(net.b, s->server, "TcpExt:TCPMD5Unexpected") > failures;
	ksft_test_result(ok, "%s: no key at one end: nothing passes\n", s->name);

	must(!set_simple(server, s->client_addr, "another"), "key");
	must(!netem_clear(net.a, "veth0"), "netem");
	ok = flow_run(ends, 2, STALL_MS);
	flow_explain(ends, 2);
	ksft_test_result(ok, "%s: the key is there again: every octet arrives\n", s->name);
	close(client);
	close(server);
}

/* The client gives up after another SYN; newer kernels send some more. */
static void try_refused(const struct sides *s, const char *at_client, const char *at_server, const char *counter,
			const char *name)
{
	int listener = listener_with(s, at_server), client = client_with(s, at_client), one = 1;
	long long before = count(net.b, s->server, counter), resent = count(net.a, s->client, "TcpExt:TCPSynRetrans");
	bool ok;

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
	bool ok;

	must(listener >= 0, "listener");
	ok = !set_key(listener, &(struct key) { "::ffff:" NS_A4, "secret", -1, -1 }) &&
	     set_key(listener, &(struct key) { "::ffff:" NS_A4, "secret", 33, -1 }) == -1 && errno == EINVAL &&
	     !set_key(listener, &(struct key) { "::", "wrong", 0, -1 });
	client = stack_socket(net.a, s->client, NS_A4);
	must(client >= 0 && !set_simple(client, NS_B4, "secret"), "client");
	ok &= !stack_connect(client, NS_B4, PORT);
	server = ok ? accept(listener, NULL, NULL) : -1;
	ok &= server >= 0 && stack_carries(client, server, 10000) && stack_carries(server, client, 10000);
	ksft_test_result(ok, "%s: a v4-mapped address, beside a key for all IPv6 hosts\n", s->name);
	close(server);
	close(client);
	close(listener);
}

/* What one stack does by itself. */

static void try_limit(enum stack stack)
{
	int fd = stack_socket(net.a, stack, NS_A4), n, err;
	char addr[16];
	bool ok;

	for (n = 0; n < MOST_KEYS; n++) {
		snprintf(addr, sizeof(addr), "10.1.%d.%d", n / 250, n % 250);
		if (set_simple(fd, addr, "secret"))
			break;
	}
	err = errno;
	if (stack == XTCP) {
		int keys = -1;
		socklen_t len = sizeof(keys);

		must(!getsockopt(fd, IPPROTO_TCP, XTCP_KEYS, &keys, &len) && keys == n, "XTCP_KEYS");
	}
	ok = n > 10 && n < MOST_KEYS && err == ENOMEM;
	ksft_print_msg("%s: %d keys\n", stack_name(stack), n);
	ok &= !set_simple(fd, "10.1.0.0", "another") && !set_simple(fd, "10.1.0.0", NULL) &&
	      !set_simple(fd, "10.2.0.0", "secret") && set_simple(fd, "10.3.0.0", "secret") == -1 && errno == ENOMEM;
	ksft_test_result(ok, "%s: net.core.optmem_max limits the keys of a socket\n", stack_name(stack));
	close(fd);
}

static void try_errors(enum stack stack)
{
	int fd = stack_socket(net.a, stack, NS_A4), fd6 = stack_socket(net.a, stack, NS_A6);
	struct tcp_md5sig cmd = { .tcpm_keylen = TCP_MD5SIG_MAXKEYLEN + 1 };
	socklen_t len = sizeof(cmd);
	bool ok;

	cmd.tcpm_addr.ss_family = AF_INET;
	ok = setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &cmd, len) == -1 && errno == EINVAL;
	cmd.tcpm_keylen = TCP_MD5SIG_MAXKEYLEN;
	ok &= setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &cmd, len - 1) == -1 && errno == EINVAL;
	ok &= setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, (void *)8, len) == -1 && errno == EFAULT;
	ok &= setsockopt(fd6, IPPROTO_TCP, TCP_MD5SIG, &cmd, len) == -1 && errno == EINVAL;
	ok &= !setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &cmd, len);
	cmd.tcpm_addr.ss_family = AF_INET6;
	ok &= setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &cmd, len) == -1 && errno == EINVAL;
	ok &= getsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &cmd, &len) == -1 && errno == ENOPROTOOPT;
	len = sizeof(cmd);
	ok &= getsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &cmd, &len) == -1 && errno == ENOPROTOOPT;
	ok &= set_key(fd, &(struct key) { NS_B4, "secret", -1, 999 }) == -1 && errno == EINVAL;
	/* a device that is no VRF */
	ok &= set_key(fd, &(struct key) { NS_B4, "secret", -1, 1 }) == -1 && errno == EINVAL;
	ok &= !set_key(fd, &(struct key) { NS_B4, "secret", -1, 0 });
	ok &= set_simple(fd, NS_B4, NULL) == -1 && errno == ENOENT;
	ok &= !set_key(fd, &(struct key) { NS_B4, NULL, -1, 0 });
	ksft_test_result(ok, "%s: errors, and nobody can read a key\n", stack_name(stack));
	close(fd6);
	close(fd);
}

static int vrf_index(void *unused)
{
	(void)unused;
	return if_nametoindex("vrf0");
}

/* The key of the VRF counts, although another prefix is longer, and a key outside of VRFs does not. */
static void try_vrf(const struct sides *s)
{
	struct ns_pair outside = net;
	int listener, client, server, vrf;
	bool ok;

	must(!ns_pair_make(&net), "namespaces");
	must(!ns_shell(net.b, "ip link add vrf0 type vrf table 10 && ip link set vrf0 up") &&
	     !ns_shell(net.b, "ip link set veth0 master vrf0 && ip addr replace " NS_B6 "/64 dev veth0 nodad"), "vrf");
	vrf = ns_call(net.b, vrf_index, NULL);
	listener = stack_socket(net.b, s->server, s->addr);
	must(listener >= 0 && !setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "vrf0", 5), "SO_BINDTODEVICE");
	{
		const union stack_addr addr = stack_addr(s->addr, PORT);

		must(!bind(listener, &addr.sa, stack_addr_len(&addr)) && !listen(listener, 5), "listen");
	}
	ok = !set_key(listener, &(struct key) { s->client_addr, "secret", 8, vrf }) &&
	     !set_key(listener, &(struct key) { s->client_addr, "wrong", -1, -1 }) &&
	     !set_key(listener, &(struct key) { s->client_addr, "outside", -1, 0 });
	client = client_with(s, "secret");
	ok &= !stack_connect(client, s->addr, PORT);
	server = ok ? accept(listener, NULL, NULL) : -1;
	ok &= server >= 0 && stack_carries(client, server, 10000) && stack_carries(server, client, 10000);
	ksft_test_result(ok, "%s: the key of a VRF counts before a longer prefix\n", s->name);
	close(server);
	close(client);
	close(listener);
	ns_pair_close(&net);
	net = outside;
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i;
	enum stack stack;

	ksft_print_header();
	ksft_set_plan(n * 10 + stack_count() * 2);
	must(!ns_pair_make(&net), "namespaces");
	for (i = 0; i < n; i++) {
		try_stream(&sides[i], 0, "a connection without text");
		try_stream(&sides[i], 1000000, "1 MB each way");
		try_loss(&sides[i]);
		try_rotation(&sides[i]);
		try_refused(&sides[i], "secret", "another", "TcpExt:TCPMD5Failure", "two keys");
		try_refused(&sides[i], NULL, "secret", "TcpExt:TCPMD5NotFound", "a key at the server alone");
		try_mapped(&sides[i]);
		try_vrf(&sides[i]);
	}
	for (stack = stack_first(); stack <= XTCP; stack++) {
		try_limit(stack);
		try_errors(stack);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
