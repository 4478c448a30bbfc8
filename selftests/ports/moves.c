// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that change stacks, and what is left on the one that they come from: kernel TCP's connections stay kernel
 * TCP's; xtcp's TIME-WAIT makes way for kernel TCP and for new connections of its own; a client's port may be the other
 * stack's next.
 *
 * All in one namespace, over its loopback device, but for what needs two, or a policy of IPsec.
 */
#include <net/if.h>
#include "lib/test.h"

NEEDS_PROGRAMS("ip nft");

#define PORT	7000
#define LO4	"127.0.0.1"
#define LO6	"::1"

static int ns;

static void set_range(int low, int high)
{
	if (ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", low, high))
		ksft_exit_fail_msg("cannot set the range of ports\n");
}

/* "restart the server on xtcp": what kernel TCP has accepted goes on. */
static void accepted_before_move(const char *text)
{
	int listener = stack_listener(ns, KERNEL, text, PORT, true), client, server, new_client, new_server;

	client = stack_connected(ns, KERNEL, text, PORT);
	server = accept(listener, NULL, NULL);
	close(listener);
	listener = stack_listener(ns, XTCP, text, PORT, true);
	ksft_test_result(server >= 0 && listener >= 0, "%s: the listener moves to xtcp\n", text);
	ksft_test_result(stack_carries(client, server, 5000) && stack_carries(server, client, 5000),
			 "the connection that kernel TCP accepted goes on\n");
	new_client = stack_connected(ns, KERNEL, text, PORT);
	new_server = accept(listener, NULL, NULL);
	ksft_test_result(new_server >= 0 && stack_carries(new_client, new_server, 5000), "and xtcp accepts new ones\n");
	ksft_test_result(stack_carries(client, server, 5000), "while the old one still goes on\n");
	shutdown(client, SHUT_WR);
	ksft_test_result(stack_at_end(server), "and ends as it should\n");
	close_each(client, server, new_client, new_server, listener);
}

/* And back: xtcp's TIME-WAIT lets kernel TCP in under the same condition as kernel TCP's own, and makes way. */
static void back_to_kernel(bool reuse)
{
	int listener, client, server, local, port = PORT + 10 + reuse;

	listener = stack_listener(ns, XTCP, LO4, port, reuse);
	client = stack_connected(ns, KERNEL, LO4, port);
	local = stack_port(client);
	server = accept(listener, NULL, NULL);
	close_each(listener, server);
	must(stack_at_end(client), "the server's close() did not arrive");
	close(client);
	ksft_test_result(WAIT_FOR(rows_state(ns, "/proc/net/xtcp", port, local) == 6, STACK_DEADLINE_MS),
			 "xtcp's server is in TIME-WAIT\n");
	/* the record stands before its ACK has ended the client, whose port would be refused until then */
	if (!WAIT_FOR(rows_state(ns, "/proc/net/tcp", local, port) == 0, STACK_DEADLINE_MS))
		ksft_exit_fail_msg("the client did not end\n");
	listener = stack_listener(ns, KERNEL, LO4, port, true);
	if (!reuse) {
		ksft_test_result(listener < 0 && errno == EADDRINUSE,
				 "kernel TCP cannot listen there if the server had no SO_REUSEADDR\n");
		return;
	}
	ksft_test_result(listener >= 0, "kernel TCP can listen there\n");
	client = stack_bound(ns, KERNEL, LO4, local, true);
	ksft_test_result(client >= 0 && !stack_connect(client, LO4, port),
			 "a client comes again from the same port, to kernel TCP\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && stack_carries(client, server, 100), "and talks to it\n");
	ksft_test_result(rows_state(ns, "/proc/net/xtcp", port, local) == 0, "xtcp's TIME-WAIT made way\n");
	close_each(client, server, listener);
}

/* xtcp's client has closed first; kernel TCP may have its port, and then the tuple. */
static void record_beside_kernel(enum stack server_stack)
{
	int port = PORT + 60 + server_stack, local = PORT + 70 + server_stack, client, server;
	int listener = stack_listener(ns, server_stack, LO4, port, true);

	client = stack_bound(ns, XTCP, LO4, local, true);
	must(listener >= 0 && client >= 0 && !stack_connect(client, LO4, port), "no connection");
	server = accept(listener, NULL, NULL);
	close(client);
	must(stack_at_end(server), "the client's close() did not arrive");
	close(server);
	ksft_test_result(WAIT_FOR(rows_state(ns, "/proc/net/xtcp", local, port) == 6, STACK_DEADLINE_MS),
			 "xtcp's client of %s is in TIME-WAIT\n", stack_name(server_stack));
	client = stack_bound(ns, KERNEL, LO4, local, true);
	stack_patience(client, SO_SNDTIMEO, 5 * SECOND_US);
	ksft_test_result(client >= 0 && !stack_connect(client, LO4, port), "kernel TCP connects from its port\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && stack_carries(client, server, 100) &&
			 !rows_state(ns, "/proc/net/xtcp", local, port), "and xtcp's record made way\n");
	close_each(client, server, listener);
}

/* A connection carries something, and the server closes first. */
static bool ended_by_server(int listener, int client)
{
	int server = accept(listener, NULL, NULL);

	if (server < 0 || !stack_carries(client, server, 100))
		return false;
	close(server);
	if (!stack_at_end(client))
		return false;
	close(client);
	return true;
}

/* A link-local address means nothing without its link, which a record does not keep: the segment's own counts. */
static void reopen_over_link(void)
{
	enum { TO = PORT + 90, FROM = PORT + 91 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(TO) }, from = to;
	int listener, client, round;
	struct ns_pair pair;
	long long drops;

	must(!ns_pair_make(&pair) && !ns_addr_add(pair.a, "veth0", "fe80::a/64") &&
	     !ns_addr_add(pair.b, "veth0", "fe80::b/64"), "no namespaces");
	inet_pton(AF_INET6, "fe80::b", &to.sin6_addr);
	inet_pton(AF_INET6, "fe80::a", &from.sin6_addr);
	from.sin6_port = htons(FROM);
	to.sin6_scope_id = ns_link_index(pair.a, "veth0");
	from.sin6_scope_id = to.sin6_scope_id;
	listener = stack_listener(pair.b, XTCP, "::", TO, true);
	for (round = 0; round < 3; round++) {
		client = stack_socket(pair.a, KERNEL, "::1");
		stack_set(client, SOL_SOCKET, SO_REUSEADDR, 1);
		stack_patience(client, SO_SNDTIMEO, 5 * SECOND_US);
		if (bind(client, (struct sockaddr *)&from, sizeof(from)) ||
		    connect(client, (struct sockaddr *)&to, sizeof(to)))
			break;
		if (!ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(pair.b, "/proc/net/xtcp6", TO, FROM) == 6 &&
			      !rows_state(pair.a, "/proc/net/tcp6", FROM, TO), STACK_DEADLINE_MS))
			break;
	}
	drops = counter_now(pair.b, "/proc/net/xtcp_netstat", "TcpExt:ListenDrops");
	ksft_test_result(round == 3, "over a link %d connections from one port, by way of TIME-WAIT\n", round);
	ksft_test_result(!drops && !counter_now(pair.a, "/proc/net/netstat", "TcpExt:TCPSynRetrans"),
			 "no SYN was dropped: %lld\n", drops);
	close(listener);
	ns_pair_close(&pair);
}

/*
 * A policy of IPsec is for the addresses from before NAT. The SYN that reopens a record is judged twice: for the
 * record, and for the listener. The policy refuses clients that connect to the server's own port.
 */
static void reopen_behind_nat(enum stack stack)
{
	enum { TO = PORT + 150, BEHIND = PORT + 151, FROM = PORT + 152 };
	const char *servers = stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp";
	int listener, client, round;
	struct ns_pair pair;

	if (ns_pair_make(&pair) ||
	    ns_shell(pair.b, "nft 'add table ip turn; add chain ip turn in { type nat hook prerouting priority -100; };"
			     "add rule ip turn in tcp dport %d redirect to :%d' &&"
			     "ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto tcp dport %d dir in action block",
		     TO, BEHIND, BEHIND))
		ksft_exit_fail_msg("no namespaces\n");
	listener = stack_listener(pair.b, stack, "0.0.0.0", BEHIND, true);
	for (round = 0; round < 3; round++) {
		client = stack_bound(pair.a, KERNEL, NS_A4, FROM, true);
		stack_patience(client, SO_SNDTIMEO, 2 * SECOND_US);
		if (client < 0 || stack_connect(client, NS_B4, TO) || !ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(pair.b, servers, BEHIND, FROM) == 6 &&
			      !rows_state(pair.a, "/proc/net/tcp", FROM, TO), STACK_DEADLINE_MS))
			break;
	}
	ksft_test_result(round == 3 && !counter_now(pair.a, "/proc/net/netstat", "TcpExt:TCPSynRetrans"),
			 "%s: behind NAT one port connects again by way of TIME-WAIT, and no SYN is dropped\n",
			 stack_name(stack));
	client = stack_bound(pair.a, KERNEL, NS_A4, FROM + 1, true);
	stack_patience(client, SO_SNDTIMEO, 2 * SECOND_US);
	ksft_test_result(stack_connect(client, NS_B4, BEHIND) && errno == EINPROGRESS,
			 "%s: none past it\n", stack_name(stack));
	close_each(client, listener);
	ns_pair_close(&pair);
}

/* How many packets policies of IPsec have refused in @where, for a reason; -1: the kernel does not count them. */
static long long refused_by_policies(int where, const char *reason)
{
	const char *path = "/proc/net/xfrm_stat";
	char *text = access(path, R_OK) ? NULL : ns_read_file(where, path);
	const char *line = text ? strstr(text, reason) : NULL;
	long long refused = line ? strtoll(line + strlen(reason), NULL, 10) : -1;

	free(text);
	return refused;
}

/*
 * Policies of IPsec do not apply to what comes over the loopback device, unless disable_policy is 0 there. The SYN
 * that reopens a record is judged twice, as above: it is exempt both times.
 */
static void reopen_exempt(enum stack stack)
{
	enum { TO = PORT + 180, FROM = PORT + 181 };
	const char *servers = stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp";
	int lo = ns_make(), listener, client, round;
	long long resent, refused;

	if (lo < 0 ||
	    ns_shell(lo, "ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 proto tcp dport %d dir in action block", TO))
		ksft_exit_fail_msg("no namespace with a policy\n");
	refused = refused_by_policies(lo, "XfrmInPolBlock");
	listener = stack_listener(lo, stack, LO4, TO, true);
	for (round = 0; round < 3; round++) {
		client = stack_bound(lo, KERNEL, LO4, FROM, true);
		stack_patience(client, SO_SNDTIMEO, 2 * SECOND_US);
		if (client < 0 || stack_connect(client, LO4, TO) || !ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(lo, servers, TO, FROM) == 6 && !rows_state(lo, "/proc/net/tcp", FROM, TO),
			      STACK_DEADLINE_MS))
			break;
	}
	resent = counter_now(lo, "/proc/net/netstat", "TcpExt:TCPSynRetrans");
	ksft_test_result(round == 3 && !resent && refused_by_policies(lo, "XfrmInPolBlock") == refused,
			 "%s: exempt from policies one port connects again by way of TIME-WAIT, no SYN is dropped\n",
			 stack_name(stack));
	ns_sysctl_set(lo, "net.ipv4.conf.lo.disable_policy", "0");
	client = stack_bound(lo, KERNEL, LO4, FROM + 1, true);
	stack_patience(client, SO_SNDTIMEO, 2 * SECOND_US);
	ksft_test_result(stack_connect(client, LO4, TO) && errno == EINPROGRESS &&
			 (refused < 0 || refused_by_policies(lo, "XfrmInPolBlock") > refused),
			 "%s: none when it is exempt no more\n", stack_name(stack));
	close_each(client, listener, lo);
}

/* The addresses inside the tunnel, and what IPv6 and IPv4 have in common there. */
#define IN_A4	"10.77.0.1"
#define IN_B4	"10.77.0.2"
#define IN_A6	"fd77::1"
#define IN_B6	"fd77::2"
#define TUNNEL	"proto esp reqid 7 mode tunnel"
#define ESP	"proto esp reqid 7 if_id 7 mode tunnel flag af-unspec aead 'rfc4106(gcm(aes))' " \
		"0x000102030405060708090a0b0c0d0e0f10111213 128"

/* One end of a tunnel, with an xfrm interface. All that the interface carries is protected, and nothing else is. */
static bool tunnel_end(int end, const char *self, const char *peer)
{
	static const char * const all[] = { "0.0.0.0/0", "::/0" };

	if (ns_shell(end, "ip xfrm state add src " NS_A4 " dst " NS_B4 " spi 1 " ESP " &&"
			  "ip xfrm state add src " NS_B4 " dst " NS_A4 " spi 2 " ESP) ||
	    ns_shell(end, "ip link add xfrm0 type xfrm dev veth0 if_id 7"))
		return false;
	for (unsigned int i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (ns_shell(end, "ip xfrm policy add src %s dst %s dir out if_id 7 tmpl src %s dst %s " TUNNEL " &&"
				  "ip xfrm policy add src %s dst %s dir in if_id 7 tmpl src %s dst %s " TUNNEL,
			     all[i], all[i], self, peer, all[i], all[i], peer, self))
			return false;
	}
	return true;
}

static bool make_tunnel(struct ns_pair *pair)
{
	return !ns_pair_make(pair) && tunnel_end(pair->a, NS_A4, NS_B4) && tunnel_end(pair->b, NS_B4, NS_A4) &&
	       !ns_shell(pair->b, "ip link add vrf0 type vrf table 10 && ip link set vrf0 up &&"
				  "ip link set xfrm0 master vrf0") &&
	       !ns_link_up(pair->a, "xfrm0", true) && !ns_link_up(pair->b, "xfrm0", true) &&
	       !ns_addr_add(pair->a, "xfrm0", IN_A4 "/24") && !ns_addr_add(pair->b, "xfrm0", IN_B4 "/24") &&
	       !ns_addr_add(pair->a, "xfrm0", IN_A6 "/64") && !ns_addr_add(pair->b, "xfrm0", IN_B6 "/64");
}

/* A socket in the VRF, bound to the port. */
static int bound_in_vrf(const struct ns_pair *pair, enum stack stack, const char *text, int port)
{
	const union stack_addr addr = stack_addr(text, port);
	int fd = stack_socket(pair->b, stack, text);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "vrf0", 5) ||
	    stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) || bind(fd, &addr.sa, stack_addr_len(&addr)))
		ksft_exit_fail_msg("no socket in the VRF: %s\n", strerror(errno));
	return fd;
}

/*
 * An xfrm interface is a port of a VRF. The segments come in by the VRF then, and the policies of the interface hold
 * for them: so the check has to know the port. The SYN that reopens a record is judged twice, as above.
 */
static void over_tunnel_in_vrf(const struct ns_pair *pair, enum stack stack, bool v6)
{
	const char *a = v6 ? IN_A6 : IN_A4, *b = v6 ? IN_B6 : IN_B4;
	const char *servers = stack == XTCP ? v6 ? "/proc/net/xtcp6" : "/proc/net/xtcp" :
					      v6 ? "/proc/net/tcp6" : "/proc/net/tcp";
	const char *clients = v6 ? "/proc/net/tcp6" : "/proc/net/tcp";
	const int to = PORT + 190 + 2 * stack + v6, from = to + 10;
	int listener = bound_in_vrf(pair, stack, b, to), client, server, round;
	long long resent, refused;

	must(!listen(listener, 5), "listen()");
	resent = counter_now(pair->a, "/proc/net/netstat", "TcpExt:TCPSynRetrans");
	refused = refused_by_policies(pair->b, "XfrmInNoPols");
	for (round = 0; round < 3; round++) {
		client = stack_bound(pair->a, KERNEL, a, from, true);
		stack_patience(client, SO_SNDTIMEO, 5 * SECOND_US);
		if (client < 0 || stack_connect(client, b, to) || !ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(pair->b, servers, to, from) == 6 && !rows_state(pair->a, clients, from, to),
			      STACK_DEADLINE_MS))
			break;
	}
	resent = counter_now(pair->a, "/proc/net/netstat", "TcpExt:TCPSynRetrans") - resent;
	if (refused >= 0)
		refused = refused_by_policies(pair->b, "XfrmInNoPols") - refused;
	ksft_print_msg("%d rounds, %lld SYNs resent, %lld segments refused\n", round, resent, refused);
	ksft_test_result(round == 3 && (refused < 0 ? !resent : !refused),
			 "%s, IPv%d: over an xfrm interface in a VRF one port connects again by way of TIME-WAIT\n",
			 stack_name(stack), v6 ? 6 : 4);
	close(listener);

	listener = stack_listener(pair->a, KERNEL, a, to, true);
	client = bound_in_vrf(pair, stack, b, 0);
	stack_patience(client, SO_SNDTIMEO, 5 * SECOND_US);
	server = listener < 0 || stack_connect(client, a, to) ? -1 : accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && stack_carries(client, server, 50000) && stack_carries(server, client, 50000),
			 "%s, IPv%d: and a client there sends and receives\n", stack_name(stack), v6 ? 6 : 4);
	close_each(server, client, listener);
}

static void tunnels(void)
{
	struct ns_pair pair;

	if (ns_shell(ns, "ip link add xfrm0 type xfrm dev lo if_id 1 2>/dev/null && ip link del xfrm0")) {
		for (int stack = 0; stack < 2 * 2 * 2; stack++)
			ksft_test_result_skip("the kernel cannot make xfrm interfaces: tunnel %d\n", stack);
		return;
	}
	must(make_tunnel(&pair), "no tunnel");
	for (int stack = KERNEL; stack <= XTCP; stack++) {
		for (int v6 = 0; v6 < 2; v6++)
			over_tunnel_in_vrf(&pair, stack, v6);
	}
	ns_pair_close(&pair);
}

/* A link-local address means nothing in a VRF of several links: answers leave by the segment's own. */
static void open_over_link_of_vrf(enum stack stack)
{
	enum { TO = PORT + 95 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(TO) };
	int listener, client, server = -1;
	struct ns_pair pair;

	if (ns_pair_make(&pair) || ns_addr_add(pair.a, "veth0", "fe80::a/64") ||
	    ns_shell(pair.b, "ip link add vrf0 type vrf table 10 && ip link set vrf0 up &&"
			     "ip link set veth0 master vrf0") ||
	    ns_addr_add(pair.b, "veth0", "fe80::b/64"))
		ksft_exit_fail_msg("no namespaces\n");
	inet_pton(AF_INET6, "fe80::b", &to.sin6_addr);
	to.sin6_scope_id = ns_link_index(pair.a, "veth0");
	listener = bound_in_vrf(&pair, stack, "::", TO);
	client = stack_socket(pair.a, KERNEL, "::1");
	stack_patience(client, SO_SNDTIMEO, 5 * SECOND_US);
	if (!listen(listener, 1) && !connect(client, (struct sockaddr *)&to, sizeof(to)))
		server = accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && stack_carries(client, server, 100),
			 "%s: over a link of a VRF a connection opens, and carries\n", stack_name(stack));
	close(server);
	/* a RST of kernel TCP, which finds no connection when the text comes again, would not do */
	ksft_test_result(stack_at_end(client) && send(client, "x", 1, MSG_NOSIGNAL) == 1 &&
			 WAIT_FOR(stack_error(client) > 0, STACK_DEADLINE_MS) &&
			 stack_counter(pair.b, stack, "Tcp:OutRsts") == 1,
			 "%s: what comes after close() is reset there\n", stack_name(stack));
	close_each(client, listener);
	ns_pair_close(&pair);
}

/* A connection that xtcp's client closes first, so that its record stays; the port. */
static int leave_timewait(int listener, int client)
{
	int port = stack_port(client), server = accept(listener, NULL, NULL);

	close(client);
	must(stack_at_end(server), "the client's close() did not arrive");
	close(server);
	if (!WAIT_FOR(rows_state(ns, "/proc/net/xtcp", port, stack_port(listener)) == 6, STACK_DEADLINE_MS))
		ksft_exit_fail_msg("no TIME-WAIT\n");
	return port;
}

/* RFC 6191 at the active side: the record of a connection with timestamps gives way to the next one. */
static void reuse_timewait(void)
{
	enum { TO = PORT + 80, BOUND = PORT + 81 };
	int listener = stack_listener(ns, KERNEL, LO4, TO, true), client, server;
	const char *netstat = "/proc/net/xtcp_netstat";
	long long recycled;

	set_range(30000, 30000);
	leave_timewait(listener, stack_connected(ns, XTCP, LO4, TO));
	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0");
	client = stack_connected(ns, XTCP, LO4, TO);
	ksft_test_result(client < 0 && errno == EADDRNOTAVAIL, "tw_reuse 0: the only port is in TIME-WAIT\n");
	recycled = counter_now(ns, netstat, "TcpExt:TWRecycled");
	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "2");
	/* not before the peer's clock has ticked, that is in the next second */
	ksft_test_result(WAIT_FOR((client = stack_connected(ns, XTCP, LO4, TO)) >= 0, STACK_DEADLINE_MS),
			 "tw_reuse 2: over loopback the record gives way\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(stack_carries(client, server, 1000) && stack_port(client) == 30000 &&
			 counter_now(ns, netstat, "TcpExt:TWRecycled") == recycled + 1, "and is counted\n");
	close_each(server, client);
	set_range(32768, 60999);

	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0");
	client = stack_bound(ns, XTCP, LO4, BOUND, true);
	stack_connect(client, LO4, TO);
	leave_timewait(listener, client);
	client = stack_bound(ns, XTCP, LO4, BOUND, true);
	ksft_test_result(!stack_connect(client, LO4, TO), "a bound port goes on from its TIME-WAIT at once\n");
	server = accept(listener, NULL, NULL);
	ksft_test_result(stack_carries(client, server, 1000), "and the peer takes it for new\n");
	close_each(client, server, listener);
	ns_sysctl_set(ns, "net.xtcp.tw_reuse", "2");
}

static long long syns_resent(void)
{
	return counter_now(ns, "/proc/net/netstat", "TcpExt:TCPSynRetrans") +
	       counter_now(ns, "/proc/net/xtcp_netstat", "TcpExt:TCPSynRetrans");
}

/* A client's port changes stacks: the server's TIME-WAIT lets a SYN in only if its number or timestamp has grown. */
static void client_moves(enum stack server_stack)
{
	enum { ROUNDS = 20, CLIENT = PORT + 40 };
	int port = PORT + 30 + server_stack, client, i;
	int listener = stack_listener(ns, server_stack, LO4, port, true);
	const char *servers = server_stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp";
	long long resent = syns_resent();

	for (i = 0; i < ROUNDS; i++) {
		client = stack_bound(ns, i % 2 ? XTCP : KERNEL, LO4, CLIENT, true);
		if (client < 0 || stack_connect(client, LO4, port))
			break;
		if (!ended_by_server(listener, client) ||
		    !WAIT_FOR(rows_state(ns, servers, port, CLIENT) == 6 &&
			      !rows_state(ns, i % 2 ? "/proc/net/xtcp" : "/proc/net/tcp", CLIENT, port),
			      STACK_DEADLINE_MS))
			break;
	}
	ksft_test_result(i == ROUNDS, "%d times a client's port changes stacks, against %s's TIME-WAIT\n", i,
			 stack_name(server_stack));
	ksft_test_result(syns_resent() == resent, "no SYN was sent twice: %lld\n", syns_resent() - resent);
	close(listener);
}

static int connecting_from(int port)
{
	return rows_state(ns, "/proc/net/tcp", PORT + 100, port);
}

/*
 * A row of module/DIFFERENCES.md: a socket of kernel TCP's that had the port before xtcp listened there may connect()
 * to the peer of a connection that xtcp accepted. Its SYN comes to somebody who is connected (RFC 5961 section 4), and
 * the answer belongs to xtcp's connection.
 */
static void connects_onto_a_flow(void)
{
	const char *netstat = "/proc/net/netstat";
	int early = stack_bound(ns, KERNEL, LO4, PORT + 100, true), late, listener, client, server, local, retries = 1;
	long long challenges;

	/* with timestamps the peer might take the SYN for an old one, and say so in another counter */
	ns_sysctl_set(ns, "net.ipv4.tcp_timestamps", "0");
	listener = stack_listener(ns, XTCP, LO4, PORT + 100, true);
	client = stack_connected(ns, KERNEL, LO4, PORT + 100);
	server = listener < 0 || client < 0 ? -1 : accept(listener, NULL, NULL);
	must(early >= 0 && server >= 0, "no connection");
	late = stack_bound(ns, KERNEL, LO4, PORT + 100, true);
	ksft_test_result(late < 0 && errno == EADDRINUSE, "kernel TCP does not get a port on which xtcp listens\n");
	local = stack_port(client);
	challenges = counter_now(ns, netstat, "TcpExt:TCPSYNChallenge");
	setsockopt(early, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
	fcntl(early, F_SETFL, O_NONBLOCK);
	ksft_test_result(stack_connect(early, LO4, local) < 0 && errno == EINPROGRESS &&
			 WAIT_FOR(counter_now(ns, netstat, "TcpExt:TCPSYNChallenge") > challenges, STACK_DEADLINE_MS) &&
			 connecting_from(local) == TCP_SYN_SENT,
			 "who had it before sends a SYN to a peer of xtcp's connection, and hears nothing\n");
	ksft_test_result(stack_carries(client, server, 5000) && stack_carries(server, client, 5000),
			 "the connection carries data meanwhile\n");
	ksft_test_result(WAIT_FOR(connecting_from(local) != TCP_SYN_SENT, STACK_DEADLINE_MS) &&
			 !stack_at_end(early) && errno == ETIMEDOUT, "connect() times out\n");
	shutdown(client, SHUT_WR);
	ksft_test_result(stack_carries(server, client, 5000) && stack_at_end(server),
			 "and the connection ends as it should\n");
	ns_sysctl_set(ns, "net.ipv4.tcp_timestamps", "1");
	close_each(early, client, server, listener);
}

/* What a connection receives follows SO_BINDTODEVICE, as what it sends does. */
static void follows_device(enum stack stack)
{
	enum { TO = PORT + 97 };
	int listener, client, server;
	struct ns_pair pair;

	if (ns_pair_make(&pair) || ns_join(pair.a, pair.b, "veth1") || ns_addr_add(pair.a, "veth1", "10.9.1.1/24") ||
	    ns_addr_add(pair.b, "veth1", "10.9.1.2/24") || ns_route_add(pair.a, NS_B4 "/32", "10.9.1.2", NS_A4))
		ksft_exit_fail_msg("no namespaces\n");
	listener = stack_listener(pair.b, KERNEL, NS_B4, TO, true);
	client = stack_socket(pair.a, stack, NS_A4);
	if (setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 6) || stack_connect(client, NS_B4, TO))
		ksft_exit_fail_msg("no connection: %s\n", strerror(errno));
	server = accept(listener, NULL, NULL);
	ksft_test_result(stack_carries(client, server, 100) && stack_carries(server, client, 100) &&
			 !setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "veth1", 6) &&
			 !ns_route_add(pair.b, NS_A4 "/32", "10.9.1.1", NS_B4) &&
			 stack_carries(server, client, 100) && stack_carries(client, server, 100),
			 "%s: a connection moves to another device\n", stack_name(stack));
	ksft_test_result(!setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "", 0) && stack_carries(server, client, 100),
			 "%s: and then receives by any\n", stack_name(stack));
	ksft_test_result(!setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 6) &&
			 send(server, "x", 1, MSG_NOSIGNAL) == 1 &&
			 WAIT_FOR(stack_error(server) == ECONNRESET, STACK_DEADLINE_MS),
			 "%s: but not by the one that it has left\n", stack_name(stack));
	close_each(server, client, listener);
	ns_pair_close(&pair);
}

/* What closes first at @port is the server, whose record is left; the client's port is @local. */
static void leave_servers_timewait(enum stack stack, int port, int local)
{
	int listener = stack_listener(ns, stack, LO4, port, true), client = stack_bound(ns, KERNEL, LO4, local, true);

	if (listener < 0 || client < 0 || stack_connect(client, LO4, port) || !ended_by_server(listener, client))
		ksft_exit_fail_msg("no connection: %s\n", strerror(errno));
	close(listener);
	must(WAIT_FOR(rows_state(ns, stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp", port, local) == 6 &&
		      !rows_state(ns, "/proc/net/tcp", local, port), STACK_DEADLINE_MS),
	     "no TIME-WAIT");
}

/* A SYN from @local that would reopen the connection, when it has been answered: by a RST, or one draws a RST. */
static int answered_syn(int local, int port)
{
	long long resets = counter_now(ns, "/proc/net/snmp", "Tcp:OutRsts");
	int client = stack_bound(ns, KERNEL, LO4, local, true);

	must(!stack_begin(client, LO4, port) &&
	     WAIT_FOR(counter_now(ns, "/proc/net/snmp", "Tcp:OutRsts") > resets, STACK_DEADLINE_MS), "an answer");
	return client;
}

/* Anybody can forge a SYN, and half of all sequence numbers would do: without a listener none ends TIME-WAIT. */
static void syn_for_nobody(enum stack stack)
{
	int port = PORT + 110 + stack, local = PORT + 120 + stack, client;

	/* the answer to a forged SYN may draw a RST, and that is another question */
	ns_sysctl_set(ns, "net.ipv4.tcp_rfc1337", "1");
	leave_servers_timewait(stack, port, local);
	client = answered_syn(local, port);
	ksft_test_result(rows_state(ns, stack == XTCP ? "/proc/net/xtcp" : "/proc/net/tcp", port, local) == 6,
			 "%s: a SYN that nobody listens for leaves TIME-WAIT alone\n", stack_name(stack));
	close(client);
	ns_sysctl_set(ns, "net.ipv4.tcp_rfc1337", "0");
}

/* The listener has no room yet: the record is there until it has. */
static void syn_for_full_queue(enum stack stack)
{
	int port = PORT + 130 + stack, local = PORT + 140 + stack, listener, waits, client;

	leave_servers_timewait(XTCP, port, local);
	listener = stack_listener(ns, stack, LO4, port, true);
	must(listener >= 0 && !listen(listener, 0), "cannot listen");
	waits = stack_connected(ns, KERNEL, LO4, port);
	client = answered_syn(local, port);
	ksft_test_result(waits >= 0 && rows_state(ns, "/proc/net/xtcp", port, local) == 6,
			 "a SYN for a full queue of %s leaves xtcp's TIME-WAIT alone\n", stack_name(stack));
	close(accept(listener, NULL, NULL));
	ksft_test_result(WAIT_FOR(stack_state(client) == TCP_ESTABLISHED, STACK_DEADLINE_MS),
			 "and when there is room, the next one reopens the connection\n");
	close_each(waits, client, listener);
}

/* The listener takes nobody from so far away. */
static void syn_from_afar(enum stack stack)
{
	int port = PORT + 160 + stack, local = PORT + 170 + stack, listener, client, least = 65;

	leave_servers_timewait(XTCP, port, local);
	listener = stack_listener(ns, stack, LO4, port, true);
	if (listener < 0 || setsockopt(listener, IPPROTO_IP, IP_MINTTL, &least, sizeof(least)))
		ksft_exit_fail_msg("cannot listen: %s\n", strerror(errno));
	client = answered_syn(local, port);
	ksft_test_result(rows_state(ns, "/proc/net/xtcp", port, local) == 6,
			 "a SYN from too far away for %s leaves xtcp's TIME-WAIT alone\n", stack_name(stack));
	least--;
	setsockopt(listener, IPPROTO_IP, IP_MINTTL, &least, sizeof(least));
	ksft_test_result(WAIT_FOR(stack_state(client) == TCP_ESTABLISHED, STACK_DEADLINE_MS),
			 "and when it takes it, the next one reopens the connection\n");
	close_each(client, listener);
}

int main(void)
{
	test_begin(2 * 5 + 2 + 5 + 2 * 3 + 5 + 2 + 2 * 2 + 2 * 2 + 2 * 2 * 2 + 2 * 2 + 2 * 2 + 5 + 2 + 2 * 2 +
		      2 * 2 + 2 * 3);
	/* a record of the first second since the machine's start has no time, and does not give way */
	wait_until_ms(1000);
	ns = must_have(ns_make(), "no namespace");

	accepted_before_move(LO4);
	accepted_before_move(LO6);
	back_to_kernel(false);
	back_to_kernel(true);
	record_beside_kernel(KERNEL);
	record_beside_kernel(XTCP);
	reuse_timewait();
	reopen_over_link();
	reopen_behind_nat(KERNEL);
	reopen_behind_nat(XTCP);
	reopen_exempt(KERNEL);
	reopen_exempt(XTCP);
	tunnels();
	open_over_link_of_vrf(KERNEL);
	open_over_link_of_vrf(XTCP);
	follows_device(KERNEL);
	follows_device(XTCP);
	client_moves(KERNEL);
	client_moves(XTCP);
	connects_onto_a_flow();
	syn_for_nobody(KERNEL);
	syn_for_nobody(XTCP);
	syn_for_full_queue(KERNEL);
	syn_for_full_queue(XTCP);
	syn_from_afar(KERNEL);
	syn_from_afar(XTCP);

	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
