// SPDX-License-Identifier: GPL-2.0
/*
 * Early demux: a segment of a connection arrives without asking routing, as kernel TCP's do, counted by the tracepoints
 * of fib lookups; what the connection remembers is not believed any more when routing has changed; rules of INPUT see
 * the socket; and a segment that a queue of netfilter has held is not for a socket whose connection is over by then. A
 * namespace without connections has no hook: with one goes what netfilter has queued in the namespace, when the module
 * does.
 */
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("ip nft");

#define PORT		7300
#define REQUESTS	20
#define QUEUE		7
#define TRIES		10

/* A client on kernel TCP in net.a, a server in net.b whose arrivals are looked at. */
struct world {
	enum stack stack;
	bool v6;
	int client;
	int server;
};

static struct ns_pair net;
static int veth;	/* its index in net.b */

/* Lookups for what came in by the server's device, from the client, since the last call. */
static int lookups(const struct world *w)
{
	char iif[32], from[80];
	int n;

	snprintf(iif, sizeof(iif), " iif %d ", veth);
	snprintf(from, sizeof(from), " %s/", w->v6 ? NS_A6 : NS_A4);
	n = tracing_count("_table_lookup:", iif, from);
	tracing_forget();
	return n;
}

static long long segments_in(const struct world *w)
{
	return stack_counter(net.b, w->stack, "Tcp:InSegs");
}

/* The last answer's ACK, too, has arrived when it ends. */
static void talk(const struct world *w, int requests)
{
	int left;
	char octet;

	while (requests--) {
		must(send(w->client, "?", 1, 0) == 1 && recv(w->server, &octet, 1, 0) == 1, "request");
		must(send(w->server, "!", 1, 0) == 1 && recv(w->client, &octet, 1, 0) == 1, "answer");
	}
	must(WAIT_FOR(!ioctl(w->server, TIOCOUTQ, &left) && !left, STACK_DEADLINE_MS), "the last ACK");
}

static void routed_once(const struct world *w, const char *name)
{
	talk(w, 2);
	lookups(w);
	talk(w, REQUESTS);
	ksft_test_result(!lookups(w), "%s: segments of a connection ask routing for nothing\n", name);
}

static bool has_no_tentative(int ns)
{
	return !ns_shell(ns, "test -z \"$(ip -6 addr show tentative)\"");
}

static void switched_off(const struct world *w, const char *knob, const char *name)
{
	long long before;
	int n;

	must(!ns_sysctl_set(net.b, knob, "0"), knob);
	before = segments_in(w);
	lookups(w);
	talk(w, REQUESTS);
	before = segments_in(w) - before;
	n = lookups(w);
	if (before < REQUESTS || n < before)
		ksft_print_msg("%d lookups for %lld segments\n", n, before);
	ksft_test_result(before >= REQUESTS && n >= before, "%s: with %s=0 each of them does\n", name, knob);
	must(!ns_sysctl_set(net.b, knob, "1"), knob);
	talk(w, 1);
}

/* Routing is asked again, and then no more. A segment that meets the lock teaches nothing: a few more may ask. */
static void learns_anew(const struct world *w, const char *name)
{
	int first, later, most = w->stack == KERNEL ? TRIES : 2, i;

	must(!ns_shell(net.b, w->v6 ? "ip -6 route add fd00:99::/64 dev veth0 && ip -6 route del fd00:99::/64" :
			      "ip route add 10.99.0.0/24 dev veth0 && ip route del 10.99.0.0/24"), "route");
	lookups(w);
	talk(w, 2);
	first = lookups(w);
	for (i = 0; w->stack == KERNEL && i < TRIES; i++) {
		talk(w, 1);
		later = lookups(w);
		first += later;
		if (!later)
			break;
	}
	talk(w, REQUESTS);
	later = lookups(w);
	if (first > most || later)
		ksft_print_msg("%d lookups, then %d\n", first, later);
	/* IPv6 asks anew only when the part of its tree has changed that the route is from */
	ksft_test_result((w->v6 || first) && first <= most && !later, "%s: after a change of routes once more\n", name);
}

/* What the connection remembers must not let in what is for an address that we no longer have. */
static void address_gone(const struct world *w, const char *name)
{
	const char *addr = w->v6 ? NS_B6 "/64" : NS_B4 "/24";
	char path[] = "/proc/net/snmp", octet;
	long long resent = counter_now(net.a, path, "Tcp:RetransSegs");

	must(!ns_shell(net.b, "ip addr del %s dev veth0", addr), "ip addr del");
	must(send(w->client, "?", 1, 0) == 1, "send");
	must(WAIT_FOR(counter_now(net.a, path, "Tcp:RetransSegs") > resent + 1, STACK_DEADLINE_MS), "sent again");
	ksft_test_result(!stack_unread(w->server), "%s: nothing arrives for an address that is gone\n", name);
	must(!ns_addr_add(net.b, "veth0", addr), "address");
	ksft_test_result(recv(w->server, &octet, 1, 0) == 1, "%s: and all of it when it is back\n", name);
	/* with the last address went what the device knew of neighbours */
	sides_know_each_other(&net);
}

/* The sock is there in time for "meta skuid", which knows nothing without one. */
static void seen_by_rules(const struct world *w, const char *name)
{
	long long before;

	must(!ns_shell(net.b, "nft 'add table inet seen; add chain inet seen in { type filter hook input priority 0; };"
		       "add rule inet seen in tcp dport %d meta skuid 0 counter'", PORT), "nft");
	before = segments_in(w);
	talk(w, REQUESTS);
	before = segments_in(w) - before;
	ksft_test_result(before >= REQUESTS &&
			 !ns_shell(net.b, "nft list chain inet seen in | grep -q 'packets %lld '", before),
			 "%s: rules of INPUT see the socket of each segment\n", name);
	must(!ns_shell(net.b, "nft delete table inet seen"), "nft");
}

enum then { HAS_ENDED, HAS_MOVED_ON, LISTENS };

static void listens_itself(int fd, const char *text, int port)
{
	const union stack_addr addr = stack_addr(text, port);

	must(!bind(fd, &addr.sa, stack_addr_len(&addr)) && !listen(fd, 5), "listen");
}

/* A segment is held before the socket, which ends meanwhile, or begins something else. */
static void held(bool v6, enum then then)
{
	static const char *const names[] = {
		[HAS_ENDED] = "has ended", [HAS_MOVED_ON] = "has moved on",
		[LISTENS] = "listens where it was connected",
	};
	const bool moves = then == HAS_MOVED_ON;
	const char *server_addr = v6 ? NS_B6 : NS_B4, *client_addr = v6 ? NS_A6 : NS_A4;
	int client, server, queue, packet, listener = -1, other = -1;
	long long resets;
	char octet;

	stack_pair_or_die(net.a, KERNEL, net.b, XTCP, server_addr, PORT + 1, &client, &server);
	/* what is held must not look like the third ACK of a handshake */
	must(stack_carries(client, server, 1), "text");
	must(!ns_shell(net.b, "nft 'add table inet held; add chain inet held in { type filter hook input priority 0; };"
		       "add rule inet held in tcp dport %d queue num %d'", PORT + 1, QUEUE), "nft");
	queue = must_have(nfqueue_hold(net.b, QUEUE), "queue of netfilter");
	must(send(client, "?", 1, 0) == 1, "send");
	packet = nfqueue_next(queue, STACK_DEADLINE_MS);
	must(packet > 0, "a segment in the queue");
	if (moves) {
		must(!stack_disconnect(server), "disconnect");
		listener = stack_listener(net.a, KERNEL, client_addr, PORT + 2, true);
		must(listener >= 0 && !stack_connect(server, client_addr, PORT + 2), "connect");
		other = accept(listener, NULL, NULL);
	} else if (then == LISTENS) {
		must(!stack_disconnect(server), "disconnect");
		listens_itself(server, server_addr, PORT + 1);
	} else {
		must(!stack_abort(server), "close");
	}
	resets = counter_now(net.b, "/proc/net/snmp", "Tcp:OutRsts");
	must(!nfqueue_pass(queue, QUEUE, packet), "verdict");
	ksft_test_result(WAIT_FOR(counter_now(net.b, "/proc/net/snmp", "Tcp:OutRsts") == resets + 1, STACK_DEADLINE_MS),
			 "xtcp, IPv%c: a segment from a queue is nobody's when its socket %s\n", v6 ? '6' : '4',
			 names[then]);
	if (moves)
		ksft_test_result(!stack_unread(server) && send(other, "!", 1, 0) == 1 &&
				 recv(server, &octet, 1, 0) == 1 && octet == '!' && stack_carries(server, other, 1000),
				 "xtcp, IPv%c: and the socket's next connection knows nothing of it\n", v6 ? '6' : '4');
	close(queue);
	must(!ns_shell(net.b, "nft delete table inet held"), "nft");
	if (moves) {
		must(!stack_abort(server), "close");
		close_each(other, listener);
	}
	if (then == LISTENS)
		close(server);
	close(client);
}

static void run(enum stack stack, bool v6)
{
	struct world w = { .stack = stack, .v6 = v6 };
	char name[32];

	snprintf(name, sizeof(name), "%s, IPv%c", stack_name(stack), v6 ? '6' : '4');
	stack_pair_or_die(net.a, KERNEL, net.b, stack, v6 ? NS_B6 : NS_B4, PORT, &w.client, &w.server);
	routed_once(&w, name);
	switched_off(&w, "net.ipv4.ip_early_demux", name);
	switched_off(&w, "net.ipv4.tcp_early_demux", name);
	learns_anew(&w, name);
	seen_by_rules(&w, name);
	address_gone(&w, name);
	close_each(w.client, w.server);
}

enum use { A_SOCKET, A_LISTENER, A_CONNECTION, A_REFUSED_ONE };

/* What makes a namespace have the hook, and what does not. */
static void use(int ns, enum use how)
{
	int fd;

	if (how == A_LISTENER) {
		fd = stack_listener(ns, XTCP, "127.0.0.1", PORT + 3, true);
	} else {
		fd = stack_bound(ns, XTCP, "127.0.0.1", PORT + 3, true);
		/* there is nobody: a RST comes back */
		if (how == A_CONNECTION)
			must(stack_connect(fd, "127.0.0.1", PORT + 4) < 0 && errno == ECONNREFUSED, "connect");
		/* no SYN goes out */
		if (how == A_REFUSED_ONE)
			must(stack_connect(fd, "10.99.0.1", PORT + 4) < 0 && errno == ENETUNREACH, "connect");
	}
	must(fd >= 0 && !close(fd), "socket");
}

/* A datagram lies in a queue of netfilter while the module goes: when a hook goes with it, the datagram does. */
static bool goes_with_module(enum use how)
{
	int ns = must_have(ns_make(), "namespace"), queue, packet, to, from;
	const union stack_addr addr = stack_addr("127.0.0.1", PORT);
	bool gone;
	char octet;

	use(ns, how);
	must(!ns_shell(ns, "nft 'add table ip held; add chain ip held in { type filter hook input priority 0; };"
		       "add rule ip held in udp dport %d queue num %d'", PORT, QUEUE), "nft");
	queue = nfqueue_hold(ns, QUEUE);
	to = ns_socket(ns, AF_INET, SOCK_DGRAM, 0);
	from = ns_socket(ns, AF_INET, SOCK_DGRAM, 0);
	must(queue >= 0 && !bind(to, &addr.sa, stack_addr_len(&addr)) &&
	     sendto(from, "?", 1, 0, &addr.sa, stack_addr_len(&addr)) == 1, "datagram");
	packet = nfqueue_next(queue, STACK_DEADLINE_MS);
	must(packet > 0 && !module_unload() && !module_load(""), "module");
	/* carried out at once; on what is gone a verdict says nothing */
	gone = nfqueue_pass(queue, QUEUE, packet) || recv(to, &octet, 1, MSG_DONTWAIT) != 1;
	close_each(from, to, queue, ns);
	return gone;
}

static void when_there_is_a_hook(void)
{
	ksft_test_result(!goes_with_module(A_SOCKET), "no hook for a socket alone\n");
	ksft_test_result(!goes_with_module(A_REFUSED_ONE), "nor for a connect() to where there is no way\n");
	ksft_test_result(goes_with_module(A_LISTENER), "one from listen() on\n");
	ksft_test_result(goes_with_module(A_CONNECTION), "and one from connect() on\n");
}

int main(void)
{
	test_begin(2 * 2 * 7 + 2 * 4 + 4);
	tracing_start("early");
	tracing_set("events/fib/fib_table_lookup/enable", "1");
	tracing_set("events/fib6/fib6_table_lookup/enable", "1");
	must(!ns_pair_make(&net), "namespaces");
	/* when duplicate address detection ends, cached routes of IPv6 are looked up anew */
	must(WAIT_FOR(has_no_tentative(net.a) && has_no_tentative(net.b), STACK_DEADLINE_MS), "addresses");
	/* a request for a link-layer address is a lookup, too */
	sides_know_each_other(&net);
	veth = ns_link_index(net.b, "veth0");
	for (int v6 = 0; v6 < 2; v6++) {
		run(KERNEL, v6);
		run(XTCP, v6);
		held(v6, HAS_ENDED);
		held(v6, HAS_MOVED_ON);
		held(v6, LISTENS);
	}
	ns_pair_close(&net);
	tracing_stop();
	when_there_is_a_hook();
	ksft_finished();
}
