// SPDX-License-Identifier: GPL-2.0
/*
 * TCP MD5 signatures (RFC 2385) between xtcp and kernel TCP:
 *
 *	namespace a, the client --- veth0 --- namespace b, the server
 *
 * Streams through loss, keys that change while text flows, keys that differ or are missing, v4-mapped addresses, keys
 * of a VRF; and as many keys as net.core.optmem_max allows. A RST for a connection that is gone, over a link of a VRF.
 *
 *	signed [-4|-6] [-s kernel|xtcp]
 */
#include "lib/aoopt.h"
#include "lib/signing.h"
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define PORT		7600
#define LARGE		3000000
#define PAUSE_MS	700	/* longer than the first timeouts of a stream that stands still */
#define MOST_KEYS	1000

static struct ns_pair net;

static int set_for_peer(int fd, const char *peer, const char *text, bool server)
{
	return md5_set(fd, peer, text);
}

static const struct signing md5 = {
	.net = &net,
	.port = PORT,
	.bad = { "TcpExt:TCPMD5NotFound", "TcpExt:TCPMD5Unexpected", "TcpExt:TCPMD5Failure" },
	.set_key = set_for_peer,
};

static void open_pair(const struct sides *s, const char *text, int *client, int *server)
{
	int listener = signing_listener(&md5, s, text);

	*client = signing_client(&md5, s, text);
	must(!stack_connect(*client, s->addr, PORT), "connect");
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(*server >= 0, "accept");
	close(listener);
}

static void try_stream(const struct sides *s, long long octets, const char *name)
{
	const long long bad = signing_all_bad(&md5, s);
	int client, server;
	bool ok;

	open_pair(s, "secret", &client, &server);
	ok = signing_stream(client, server, octets);
	ok &= signing_all_bad(&md5, s) == bad;
	ksft_test_result(ok, "%s: %s\n", s->name, name);
}

static void try_loss(const struct sides *s)
{
	signing_lossy(&md5, true);
	try_stream(s, LARGE, "a stream through loss, reordering and duplicates");
	signing_lossy(&md5, false);
}

/* Steps of both ends for a while: they may stand still. */
static void go_on(struct flow *ends, int ms)
{
	long long until = wait_now_ms() + ms;

	while (wait_now_ms() < until && flow_step(ends, 2, 50) > 0)
		;
}

/* Takes what has arrived. Nothing new arrives, or the time is over. */
static void take_the_rest(struct flow *ends)
{
	const long long until = wait_now_ms() + STACK_DEADLINE_MS;
	long long before;

	do {
		before = ends[1].received;
		go_on(ends, 100);
	} while (ends[1].received > before && wait_now_ms() < until);
}

/* Both ends get another key while text is under way; later one end lacks the key for a time. */
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
	ok = !md5_set(client, s->addr, "another") && !md5_set(server, s->client_addr, "another");
	moved = ends[1].received;
	go_on(ends, PAUSE_MS);
	ksft_test_result(ok && ends[1].received > moved, "%s: another key at both ends: the stream goes on\n", s->name);

	failures = stack_counter(net.b, s->server, "TcpExt:TCPMD5Unexpected");
	ok = !md5_set(server, s->client_addr, NULL);
	take_the_rest(ends);
	moved = ends[1].received;
	go_on(ends, PAUSE_MS);
	failures = stack_counter(net.b, s->server, "TcpExt:TCPMD5Unexpected") - failures;
	ksft_print_msg("%lld octets taken, %lld segments refused\n", ends[1].received - moved, failures);
	ok &= ends[1].received == moved && failures > 0;
	ksft_test_result(ok, "%s: no key at one end: nothing passes\n", s->name);

	must(!md5_set(server, s->client_addr, "another"), "key");
	must(!netem_clear(net.a, "veth0"), "netem");
	ok = flow_run(ends, 2, SIGNING_STALL_MS);
	flow_explain(ends, 2);
	ksft_test_result(ok, "%s: the key is there again: every octet arrives\n", s->name);
	close_each(client, server);
}

static bool set_mapped(int listener)
{
	return !md5_set_for(listener, "::ffff:" NS_A4, "secret", -1, -1) &&
	       md5_set_for(listener, "::ffff:" NS_A4, "secret", 33, -1) == -1 && errno == EINVAL &&
	       !md5_set_for(listener, "::", "wrong", 0, -1);
}

/* The key of the VRF counts, although another prefix is longer. A key outside of VRFs does not. */
static bool set_vrf(int listener, const struct sides *s, int vrf)
{
	return !md5_set_for(listener, s->client_addr, "secret", 8, vrf) &&
	       !md5_set_for(listener, s->client_addr, "wrong", -1, -1) &&
	       !md5_set_for(listener, s->client_addr, "outside", -1, 0);
}

/*
 * A link-local client of a listener in a VRF, whose connection has ended without its knowledge. The listener has the
 * key, and so answers what arrives without a connection: over the link by which it came, and signed with the key of the
 * VRF, or kernel TCP drops the RST.
 */
static void try_rst_over_link_of_vrf(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in6 any = to;
	int listener, client, server = -1;
	struct sides s = { .client = KERNEL, .server = XTCP };
	struct ns_pair pair;
	struct signing inside = md5;
	long long rsts;
	bool ok;

	inside.net = &pair;
	must(!ns_pair_make(&pair) && !ns_addr_add(pair.a, "veth0", "fe80::a/64") &&
	     !ns_shell(pair.b, "ip link add vrf0 type vrf table 10 && ip link set vrf0 up &&"
			       "ip link set veth0 master vrf0") &&
	     !ns_addr_add(pair.b, "veth0", "fe80::b/64"), "namespaces");
	listener = stack_socket(pair.b, XTCP, "::1");
	must(listener >= 0 && !setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "vrf0", 5) &&
	     !bind(listener, (struct sockaddr *)&any, sizeof(any)) && !listen(listener, 5) &&
	     !md5_set_for(listener, "fe80::a", "secret", -1, ns_link_index(pair.b, "vrf0")),
	     "listener");
	client = stack_socket(pair.a, KERNEL, "::1");
	inet_pton(AF_INET6, "fe80::b", &to.sin6_addr);
	to.sin6_scope_id = ns_link_index(pair.a, "veth0");
	must(client >= 0 && !md5_set(client, "fe80::b", "secret"), "client");
	if (!connect(client, (struct sockaddr *)&to, sizeof(to)))
		server = accept(listener, NULL, NULL);
	ok = server >= 0 && stack_carries(client, server, 100);
	must(!netem_gate(pair.b, "veth0", false), "gate");
	stack_abort(server);
	must(!netem_gate(pair.b, "veth0", true), "gate");
	rsts = counter_now(pair.b, "/proc/net/xtcp_snmp", "Tcp:OutRsts");
	ok &= send(client, "x", 1, MSG_NOSIGNAL) == 1 && WAIT_FOR(stack_error(client) == ECONNRESET, STACK_DEADLINE_MS);
	ok &= counter_now(pair.b, "/proc/net/xtcp_snmp", "Tcp:OutRsts") == rsts + 1 && !signing_all_bad(&inside, &s);
	ksft_test_result(ok, "xtcp: over a link of a VRF a listener answers by a signed RST\n");
	close_each(client, listener);
	ns_pair_close(&pair);
}

/* What one stack does by itself. */

static void try_limit(enum stack stack)
{
	int fd = stack_socket(net.a, stack, NS_A4), n, err;
	char addr[16];
	bool ok;

	for (n = 0; n < MOST_KEYS; n++) {
		snprintf(addr, sizeof(addr), "10.1.%d.%d", n / 250, n % 250);
		if (md5_set(fd, addr, "secret"))
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
	ok &= !md5_set(fd, "10.1.0.0", "another") && !md5_set(fd, "10.1.0.0", NULL) &&
	      !md5_set(fd, "10.2.0.0", "secret") && md5_set(fd, "10.3.0.0", "secret") == -1 && errno == ENOMEM;
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
	ok &= md5_set_for(fd, NS_B4, "secret", -1, 999) == -1 && errno == EINVAL;
	/* a device that is no VRF */
	ok &= md5_set_for(fd, NS_B4, "secret", -1, 1) == -1 && errno == EINVAL;
	ok &= !md5_set_for(fd, NS_B4, "secret", -1, 0);
	ok &= md5_set(fd, NS_B4, NULL) == -1 && errno == ENOENT;
	ok &= !md5_set_for(fd, NS_B4, NULL, -1, 0);
	ksft_test_result(ok, "%s: errors, and nobody can read a key\n", stack_name(stack));
	close_each(fd6, fd);
}

static void try_refused(const struct sides *s, const char *at_client, const char *at_server, const char *counter,
			const char *name)
{
	ksft_test_result(signing_refuses(&md5, s, at_client, at_server, counter),
			 "%s: %s: no connection, and each SYN is counted\n", s->name, name);
}

int main(int argc, char **argv)
{
	struct sides sides[SIDES_MAX];
	int n = sides_parse(argc, argv, sides), i;

	test_begin(n * 10 + stack_count() * 2 + 1);
	must(!ns_pair_make(&net), "namespaces");
	for (i = 0; i < n; i++) {
		try_stream(&sides[i], 0, "a connection without text");
		try_stream(&sides[i], 1000000, "1 MB each way");
		try_loss(&sides[i]);
		try_rotation(&sides[i]);
		try_refused(&sides[i], "secret", "another", "TcpExt:TCPMD5Failure", "two keys");
		try_refused(&sides[i], NULL, "secret", "TcpExt:TCPMD5NotFound", "a key at the server alone");
		ksft_test_result(signing_mapped(&md5, &sides[i], set_mapped),
				 "%s: a v4-mapped address, beside a key for all IPv6 hosts\n", sides[i].name);
		ksft_test_result(signing_vrf(&md5, &sides[i], set_vrf),
				 "%s: the key of a VRF counts before a longer prefix\n", sides[i].name);
	}
	for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
		try_limit(stack);
		try_errors(stack);
	}
	try_rst_over_link_of_vrf();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
