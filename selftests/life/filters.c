// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of netfilter that ask for the socket of what arrives: nft's "socket" on INPUT, over a veth and on the loopback,
 * for a transparent proxy, for what is only forwarded, and for a SYN that waits in a queue.
 *
 * "socket mark" and "socket cgroupv2" find the listener of a SYN and the sock of a connection, and nothing for a third
 * ACK, of which there is no full sock. "socket transparent" finds that, too, and what comes in TIME-WAIT.
 */
#include <linux/in6.h>
#include "lib/router.h"
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("ip nft");

#define PORT		7340
#define MARK		7
#define QUEUE		8
#define GROUP		"xtcp_filters"	/* the program's */
#define GROUPS		"/sys/fs/cgroup/"
#define FOREIGN4	"10.77.0.1"
#define FOREIGN6	"fd00:77::1"
#define TAKEN4		"10.9.3.1"
#define TAKEN6		"fd00:9:3::1"

static struct ns_pair net;
static int port = PORT;		/* each row has its own */
static bool has_socket;		/* the kernel has nft's "socket" */

struct lane {
	enum stack stack;
	bool v6;
	char name[32];
};

/* Packets that the rule @name of the caller's namespace has seen. */
static int count(void *name)
{
	char command[160];
	int packets = -1;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "nft list chain inet seen in | sed -n 's/.*packets \\(.*\\) bytes.*\"%s\"/\\1/p'", (char *)name);
	pipe = popen(command, "r");
	if (!pipe || fscanf(pipe, "%d", &packets) != 1)
		packets = -1;
	if (pipe)
		pclose(pipe);
	return packets;
}

/* Rules count what arrives at @ns with port as its @side, and what of that has a socket of ours. */
static void look(int ns, const char *side)
{
	must(!ns_shell(ns, "nft 'add table inet seen; add chain inet seen in { type filter hook input priority 0; };"
		       "add rule inet seen in tcp %s %d counter comment \"every\";"
		       "add rule inet seen in tcp %s %d meta skuid 0 counter comment \"owned\"'",
		       side, port, side, port), "nft");
	must(!has_socket ||
	     !ns_shell(ns, "nft 'add rule inet seen in tcp %s %d socket mark %d counter comment \"marked\";"
		       "add rule inet seen in tcp %s %d socket cgroupv2 level 1 " GROUP " counter comment \"grouped\"'",
		       side, port, MARK, side, port), "nft socket");
}

static void look_away(int ns)
{
	must(!ns_shell(ns, "nft delete table inet seen"), "nft");
}

/* @all segments have come, and the rules saw the socket of @marked of them, and the user of @users. */
static void saw(const struct lane *l, int ns, int all, int marked, int users, const char *when)
{
	const bool all_came = WAIT_FOR(ns_call(ns, count, "every") == all, STACK_DEADLINE_MS);
	const int now_marked = has_socket ? ns_call(ns, count, "marked") : marked;
	const int grouped = has_socket ? ns_call(ns, count, "grouped") : marked;
	/* kernel TCP's sock is there for "meta skuid" only if early demux has attached it */
	const int owned = l->stack == XTCP ? ns_call(ns, count, "owned") : users;

	const bool good = all_came && now_marked == marked && grouped == marked && owned == users;

	if (!good)
		ksft_print_msg("%d segments, socket mark: %d, socket cgroupv2: %d, meta skuid: %d\n",
			       ns_call(ns, count, "every"), now_marked, grouped, owned);
	ksft_test_result(good, "%s, %s: %d of %d\n", l->name, when, marked, all);
}

static int marked_socket(int ns, const struct lane *l, const char *addr)
{
	int fd = stack_socket(ns, l->stack, addr), mark = MARK;

	must(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), "socket");
	return fd;
}

static void listens(int fd, const char *text)
{
	const union stack_addr addr = stack_addr(text, port);

	must(!bind(fd, &addr.sa, stack_addr_len(&addr)) && !listen(fd, 5), "listen");
}

static void gives_octet(int from, int to)
{
	char octet;

	must(send(from, "?", 1, 0) == 1 && recv(to, &octet, 1, 0) == 1, "octet");
}

/* The server's segments are looked at: SYN, third ACK, text, the ACK of its FIN, and a FIN. */
static void passive(const struct lane *l, int client_ns, enum stack client_stack, const char *addr, const char *where)
{
	int listener, client, server, client_port;
	char when[64];

	port++;
	look(net.b, "dport");
	listener = marked_socket(net.b, l, addr);
	listens(listener, addr);
	client = must_have(stack_connected(client_ns, client_stack, addr, port), "connection");
	server = must_have(accept(listener, NULL, NULL), "connection");
	client_port = stack_port(client);
	snprintf(when, sizeof(when), "%s, a handshake", where);
	saw(l, net.b, 2, 1, 1, when);
	gives_octet(client, server);
	snprintf(when, sizeof(when), "%s, and text", where);
	saw(l, net.b, 3, 2, 2, when);
	shutdown(server, SHUT_WR);
	must(stack_at_end(client) && sides_row(net.b, l->stack, addr, port, client_port, TCP_FIN_WAIT2), "FIN-WAIT-2");
	close(client);
	must(sides_row(net.b, l->stack, addr, port, client_port, TCP_TIME_WAIT), "TIME-WAIT");
	snprintf(when, sizeof(when), "%s, and FINs", where);
	saw(l, net.b, 5, 4, 4, when);
	close_each(server, listener);
	look_away(net.b);
}

/* The client's segments are: SYN-ACK and text, and the ACK of its FIN, when it has no user any more. */
static void active(const struct lane *l, const char *addr)
{
	int listener, client, server;

	port++;
	listener = stack_listener(net.b, KERNEL, addr, port, true);
	look(net.a, "sport");
	client = marked_socket(net.a, l, addr);
	must(!stack_connect(client, addr, port), "connect");
	server = must_have(accept(listener, NULL, NULL), "accept");
	gives_octet(server, client);
	saw(l, net.a, 2, 2, 2, "a SYN-ACK and text");
	/* the ACK of the FIN must not come before close() has let the socket go */
	must(!netem_hold(net.b, "veth0"), "hold");
	close(client);
	must(!netem_release(net.b, "veth0"), "release");
	saw(l, net.a, 3, 3, 2, "after close()");
	must(!netem_clear(net.b, "veth0"), "clear");
	close_each(server, listener);
	look_away(net.a);
}

static void set_transparent(int fd, const struct lane *l)
{
	must(!stack_set(fd, l->v6 ? SOL_IPV6 : SOL_IP, l->v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1), "transparent");
}

/* A way to the foreign addresses by net.a, which takes in what a rule marks. */
static void lead_through_proxy(void)
{
	must(!ns_shell(net.b, "ip route add 10.77.0.0/24 via " NS_A4 " && ip route add fd00:77::/64 via " NS_A6),
	     "routes");
	must(!ns_shell(net.a, "for v in -4 -6; do ip $v rule add fwmark 1 lookup 100 || exit;"
		       "ip $v route add local default dev lo table 100 || exit; done"), "local routes");
}

/* True if both ends carry text, and @first can end before @second does. */
static bool lives_and_ends(int first, int second)
{
	int left;
	bool good = stack_carries(first, second, 1000) && stack_carries(second, first, 1000);

	close(first);
	good = good && stack_at_end(second) && !shutdown(second, SHUT_WR) &&
	       WAIT_FOR(!ioctl(second, TIOCOUTQ, &left) && !left, STACK_DEADLINE_MS);
	close(second);
	return good;
}

/* As HAProxy's "usesrc client" and Envoy's original_src do it, and a listener for other hosts' addresses. */
static void proxies(const struct lane *l)
{
	const char *foreign = l->v6 ? FOREIGN6 : FOREIGN4, *server_addr = l->v6 ? NS_B6 : NS_B4;
	const union stack_addr own = stack_addr(foreign, 0);
	int listener, client, server = -1;
	union stack_addr local;
	socklen_t len = sizeof(local);

	must(!ns_shell(net.a, "nft 'add table inet way; add chain inet way pre {"
		       "type filter hook prerouting priority mangle; };"
		       "add rule inet way pre meta l4proto tcp socket transparent 1 meta mark set 1'"), "nft");
	port++;
	listener = stack_listener(net.b, KERNEL, server_addr, port, true);
	client = stack_socket(net.a, l->stack, foreign);
	set_transparent(client, l);
	must(!stack_patience(client, SO_SNDTIMEO, STACK_DEADLINE_MS * 1000) &&
	     !bind(client, &own.sa, stack_addr_len(&own)), "bind to a foreign address");
	if (!stack_connect(client, server_addr, port))
		server = accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && lives_and_ends(client, server), "%s: a client with another host's address\n",
			 l->name);
	close(listener);

	port++;
	listener = stack_socket(net.a, l->stack, foreign);
	set_transparent(listener, l);
	listens(listener, l->v6 ? "::" : "0.0.0.0");
	client = stack_socket(net.b, KERNEL, foreign);
	must(!stack_patience(client, SO_SNDTIMEO, STACK_DEADLINE_MS * 1000), "SO_SNDTIMEO");
	server = stack_connect(client, foreign, port) ? -1 : accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && !getsockname(server, &local.sa, &len) &&
			 !memcmp(l->v6 ? (void *)&local.in6.sin6_addr : (void *)&local.in.sin_addr,
				 l->v6 ? (void *)&own.in6.sin6_addr : (void *)&own.in.sin_addr, l->v6 ? 16 : 4) &&
			 lives_and_ends(server, client), "%s: a listener for another host's address\n", l->name);
	close(listener);
	must(!ns_shell(net.a, "nft delete table inet way"), "nft");
}

/* A router listens on the port, transparently, and has rules: SYNs for another host go there. */
static void forwards(const struct router *r, const struct lane *l, const char *addr, const char *what)
{
	int mine = stack_socket(r->router, l->stack, addr), listener, client, server;

	port++;
	set_transparent(mine, l);
	listens(mine, l->v6 ? "::" : "0.0.0.0");
	look(r->router, "dport");
	listener = stack_listener(r->receiver, KERNEL, addr, port, true);
	client = stack_connected(r->sender, KERNEL, addr, port);
	server = client < 0 ? -1 : accept(listener, NULL, NULL);
	ksft_test_result(server >= 0 && lives_and_ends(client, server), "%s: %s is left alone\n", l->name, what);
	look_away(r->router);
	close_each(listener, mine);
}

/* An address of the router and of the receiver, and a rule that forwards before the router looks at its own. */
static void lead_past_router(const struct router *r)
{
	must(!ns_shell(r->receiver, "ip addr add " TAKEN4 " dev lo && ip addr add " TAKEN6 " dev lo"), "addresses");
	must(!ns_shell(r->router, "ip addr add " TAKEN4 " dev lo && ip addr add " TAKEN6 " dev lo &&"
		       "sysctl -qw net.ipv4.conf.all.accept_local=1 && for v in -4 -6; do ip $v rule add pref 9 lookup local &&"
		       "ip $v rule del pref 0 && ip $v rule add pref 1 fwmark 2 lookup 101 || exit; done;"
		       "ip route add " TAKEN4 " via " ROUTER_RECEIVER4 " table 101 &&"
		       "ip route add " TAKEN6 " via " ROUTER_RECEIVER6 " table 101 &&"
		       "nft 'add table inet way; add chain inet way pre { type filter hook prerouting priority mangle; };"
		       "add rule inet way pre ip daddr " TAKEN4 " meta mark set 2;"
		       "add rule inet way pre ip6 daddr " TAKEN6 " meta mark set 2'"), "rules");
}

/* A SYN waits in a queue, with its listener: it holds the module, and nobody gets it in the end. */
static void queued(const struct lane *l)
{
	const char *addr = l->v6 ? NS_B6 : NS_B4;
	int listener, client, queue, packet;
	long long resets;

	port++;
	must(!ns_shell(net.b, "nft 'add table inet held; add chain inet held in { type filter hook input priority 0; };"
		       "add rule inet held in tcp dport %d queue num %d'", port, QUEUE), "nft");
	queue = nfqueue_hold(net.b, QUEUE);
	listener = stack_listener(net.b, XTCP, addr, port, true);
	must(queue >= 0 && listener >= 0, "sockets");
	client = stack_begin_or_die(net.a, KERNEL, addr, port);
	packet = nfqueue_next(queue, STACK_DEADLINE_MS);
	must(packet > 0, "a SYN in the queue");
	close(listener);
	ksft_test_result(module_unload_now(), "%s: a SYN in a queue holds the module for its listener\n", l->name);
	resets = counter_now(net.b, "/proc/net/snmp", "Tcp:OutRsts");
	must(!nfqueue_pass(queue, QUEUE, packet), "verdict");
	ksft_test_result(WAIT_FOR(counter_now(net.b, "/proc/net/snmp", "Tcp:OutRsts") == resets + 1, STACK_DEADLINE_MS),
			 "%s: it is reset once the listener has ended\n", l->name);
	close_each(queue, client);
	must(!ns_shell(net.b, "nft delete table inet held"), "nft");
}

static void run(enum stack stack, const struct router *r)
{
	struct lane l = { .stack = stack };

	for (int v6 = 0; v6 < 2; v6++) {
		l.v6 = v6;
		snprintf(l.name, sizeof(l.name), "%s, IPv%c", stack_name(stack), v6 ? '6' : '4');
		passive(&l, net.a, KERNEL, v6 ? NS_B6 : NS_B4, "veth");
		passive(&l, net.b, stack, v6 ? "::1" : "127.0.0.1", "loopback");
		active(&l, v6 ? NS_B6 : NS_B4);
		forwards(r, &l, v6 ? ROUTER_RECEIVER6 : ROUTER_RECEIVER4, "what is forwarded");
		must(!ns_sysctl_set(r->router, "net.ipv4.ip_early_demux", "0"), "ip_early_demux");
		forwards(r, &l, v6 ? ROUTER_RECEIVER6 : ROUTER_RECEIVER4, "without early demux, what is forwarded");
		forwards(r, &l, v6 ? TAKEN6 : TAKEN4, "what a rule forwards");
		must(!ns_sysctl_set(r->router, "net.ipv4.ip_early_demux", "1"), "ip_early_demux");
		if (has_socket)
			proxies(&l);
		else
			ksft_test_result_skip("%s: no socket expression, no proxies\n", l.name);
		if (stack == XTCP)
			queued(&l);
	}
}

int main(void)
{
	struct router r;

	ksft_print_header();
	must(!ns_pair_make(&net) && !router_make(&r, 1500, true), "namespaces");
	sides_know_each_other(&net);
	lead_through_proxy();
	lead_past_router(&r);
	must(!system("mkdir -p " GROUPS GROUP " && echo $PPID > " GROUPS GROUP "/cgroup.procs"), "group");
	has_socket = !ns_shell(net.a, "nft 'add table inet try; add chain inet try in {"
			       "type filter hook input priority 0; }; add rule inet try in socket mark 1;"
			       "delete table inet try'");
	ksft_set_plan(stack_count() * 2 * (11 + (has_socket ? 2 : 1)) + 2 * 2);
	run(XTCP, &r);
	if (stack_first() == KERNEL)
		run(KERNEL, &r);
	ns_pair_close(&net);
	router_close(&r);
	must(!module_unload(), "module");
	must(!module_load(""), "module");
	must(!system("echo $PPID > " GROUPS "cgroup.procs") && !rmdir(GROUPS GROUP), "group");
	ksft_finished();
}
