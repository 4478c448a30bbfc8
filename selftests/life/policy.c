// SPDX-License-Identifier: GPL-2.0
/*
 * The policy table: rules for connections that begin, by address and port, written by generic netlink. What each
 * field makes of a connection, in both directions; which rule wins; what a program or a route says beats it; what is
 * listed. Last, `xtcp policy` itself. The timers of a rule are the matter of policy_timers, cgroups that of
 * policy_cgroups, attacks that of policy_attacks.
 */
#include "lib/boxes.h"
#include "lib/ruled.h"
#include "lib/test.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ip");

#define PORT		8500
#define MAPPED_B4	"::ffff:" NS_B4
#define MAPPED_A4	"::ffff:" NS_A4

static void set_congestion(int fd, const char *name)
{
	must(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), "TCP_CONGESTION");
}

static void fields_are(int fd, int peer)
{
	SAME(rules_has_congestion(fd, "bbr"), true);
	SAME(rules_cwnd_of(fd), 23);
	SAME(rules_rate_of(fd), 12345678);
	SAME(!!*boxes_find(ruled_net.a, stack_port(fd)), true);
	SAME(stack_carries(fd, peer, 100000) && stack_carries(peer, fd, 100000), true);
	close_each(fd, peer);
}

static void fields_are_not(int fd, int peer)
{
	SAME(rules_has_congestion(fd, "cubic"), true);
	SAME(rules_cwnd_of(fd), 10);
	SAME(rules_rate_of(fd), UINT32_MAX);
	SAME(!!*boxes_find(ruled_net.a, stack_port(fd)), false);
	close_each(fd, peer);
}

#define FIELDS	" cc=bbr initcwnd=23 rate=12345678 blackbox=1"

/* @peer: a rule for it; @other: a rule that is for none of the connections */
static void each_field(const char *own, const char *peer_addr, const char *rule, const char *other, const char *what)
{
	int fd, peer;

	SAME(rules_replace(rule), 0);
	ruled_active(peer_addr, &fd, &peer);
	fields_are(fd, peer);
	ruled_passive(own, &fd, &peer);
	fields_are(fd, peer);
	SAME(rules_replace(other), 0);
	ruled_active(peer_addr, &fd, &peer);
	fields_are_not(fd, peer);
	ruled_passive(own, &fd, &peer);
	fields_are_not(fd, peer);
	same_result(what);
}

/* A rule for a port is obeyed by connections with it in one direction, over both IPs, and by no others. */
static void by_ports(void)
{
	static const struct {
		const char *key, *addr, *addr6, *what;
		void (*connects)(const char *addr, int *fd, int *peer);
		bool is_active;
	} row[] = {
		{ "dport", NS_B4, NS_B6, "by the foreign port, of the server that a program connects to",
		  ruled_active, true },
		{ "sport", NS_A4, NS_A6, "by the local port, of a listener", ruled_passive, false },
	};
	char rule[128];
	int fd, peer, port;

	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		port = ruled_port;
		snprintf(rule, sizeof(rule), "%s=%d" FIELDS, row[i].key, port);
		SAME(rules_replace(rule), 0);
		row[i].connects(row[i].addr, &fd, &peer);
		fields_are(fd, peer);
		row[i].connects(row[i].addr, &fd, &peer);
		fields_are_not(fd, peer);
		ruled_port = port;
		row[i].connects(row[i].addr6, &fd, &peer);
		fields_are(fd, peer);
		ruled_port = port;
		if (row[i].is_active)
			ruled_passive(NS_A4, &fd, &peer);
		else
			ruled_active(NS_B4, &fd, &peer);
		fields_are_not(fd, peer);
		same_result(row[i].what);
	}
}

static void which_wins(void)
{
	static const struct {
		const char *rules, *cc;
	} row[] = {
		{ "cc=bbr", "bbr" },
		{ "cc=bbr; to=0.0.0.0/0 cc=dctcp", "dctcp" },
		{ "to=10.0.0.0/8 cc=bbr; to=0.0.0.0/0 dport=8499 cc=dctcp", "bbr" },
		{ "to=10.9.0.0/24 cc=dctcp; to=10.0.0.0/8 dport=8499 cc=bbr", "dctcp" },
		{ "dport=8499 cc=dctcp; to=0.0.0.0/0 cc=bbr", "bbr" },
		{ "dport=8499 cc=dctcp; sport=8498 cc=bbr; cc=reno", "dctcp" },
		{ "sport=8498 cc=bbr; cc=reno", "bbr" },
		{ "dport=8499 sport=8498 cc=reno; dport=8499 cc=dctcp; sport=8498 cc=bbr", "reno" },
		{ "to=::/0 cc=bbr; to=::ffc0:0:0/90 cc=dctcp", "cubic" },
		{ "cc=bbr; to=10.9.0.2 initcwnd=3", "cubic" },
		{ "cc=bbr; to=10.9.0.2", "cubic" },
	};
	int fd, peer, listener = stack_listener(ruled_net.b, KERNEL, NS_B4, 8499, true);

	must(listener >= 0, "listener");
	for (unsigned int i = 0; i < ARRAY_SIZE(row); i++) {
		SAME(rules_replace(row[i].rules), 0);
		fd = stack_bound(ruled_net.a, XTCP, NS_A4, 8498, true);
		must(fd >= 0 && !stack_connect(fd, NS_B4, 8499), "connect");
		peer = accept(listener, NULL, NULL);
		if (!rules_has_congestion(fd, row[i].cc)) {
			ksft_print_msg("not %s with %s\n", row[i].cc, row[i].rules);
			problems++;
		}
		/* a RST: the port is free again */
		stack_reset_at_close(fd);
		close_each(fd, peer);
	}
	close(listener);
	same_result("the most specific rule counts, and nothing of another");
}

static void program_wins(void)
{
	unsigned int rate = 7000000;
	int fd, peer, listener;

	SAME(rules_replace(FIELDS), 0);
	listener = must_have(stack_listener(ruled_net.b, KERNEL, NS_B4, ruled_port, true), "sockets");
	fd = must_have(stack_socket(ruled_net.a, XTCP, NS_B4), "sockets");
	set_congestion(fd, "reno");
	must(!setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), "SO_MAX_PACING_RATE");
	must(!stack_connect(fd, NS_B4, ruled_port++), "connect");
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_rate_of(fd), rate);
	SAME(rules_cwnd_of(fd), 23);
	close_each(fd, listener);
	listener = must_have(stack_listener(ruled_net.a, XTCP, NS_A4, ruled_port, true), "listener");
	set_congestion(listener, "reno");
	must(!setsockopt(listener, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), "SO_MAX_PACING_RATE");
	peer = must_have(stack_connected(ruled_net.b, KERNEL, NS_A4, ruled_port++), "accept");
	fd = must_have(accept(listener, NULL, NULL), "accept");
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_rate_of(fd), rate);
	SAME(rules_cwnd_of(fd), 23);
	SAME(rules_has_congestion(listener, "reno"), true);
	close(listener);
	close_each(fd, peer);
	same_result("what the program has set before connect() or listen() stays");
	ruled_active(NS_B4, &fd, &peer);
	set_congestion(fd, "reno");
	SAME(rules_has_congestion(fd, "reno"), true);
	close_each(fd, peer);
	same_result("a program can choose another congestion control afterwards");
}

static void route_wins(void)
{
	int fd, peer;

	SAME(rules_replace(FIELDS), 0);
	must(!ns_shell(ruled_net.a, "ip route replace 10.9.0.0/24 dev veth0 congctl reno initcwnd 5"), "route");
	ruled_active(NS_B4, &fd, &peer);
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_cwnd_of(fd), 5);
	SAME(rules_rate_of(fd), 12345678);
	close_each(fd, peer);
	ruled_passive(NS_A4, &fd, &peer);
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_cwnd_of(fd), 5);
	close_each(fd, peer);
	must(!ns_shell(ruled_net.a, "ip route replace 10.9.0.0/24 dev veth0"), "route");
	same_result("a metric of the route beats the rule");
}

/* The program, or an administrator, limits the rate of a connection that a rule limits already. */
static void limit_again(int listener, int port)
{
	static const char * const what[] = {
		"so is a limit of pacing",
		"and one that an administrator sets by xtcp ss --set, even to what the rule had",
	};
	unsigned int own[] = { 7000000, 12345678 }, i;
	int fd, peer;

	for (i = 0; i < ARRAY_SIZE(own); i++) {
		SAME(rules_replace("to=" NS_B4 FIELDS), 0);
		ruled_active(NS_B4, &fd, &peer);
		if (!i)
			must(!setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &own[i], sizeof(own[i])), "limit");
		else
			SAME(ns_shell(ruled_net.a, "scripts/tools/xtcp-ss --set pacing=98765424bit dst " NS_B4
				      " >/dev/null"), 0);
		SAME(rules_rate_of(fd), own[i]);
		close(peer);
		SAME(rules_replace(""), 0);
		must(!stack_disconnect(fd) && !stack_connect(fd, NS_B4, port), "connect");
		peer = accept(listener, NULL, NULL);
		SAME(rules_rate_of(fd), own[i]);
		close_each(fd, peer);
		same_result(what[i]);
	}
}

/* A rule chose an algorithm that paces, a packet a second: all is in time only if nothing paces the next connection. */
static void paces_no_more(int listener, int port)
{
	static char text[60000];
	int fd, peer;

	SAME(rules_replace("to=" NS_B4 " cc=bbr"), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(rules_has_congestion(fd, "bbr"), true);
	close(peer);
	SAME(rules_replace(""), 0);
	must(!ns_sysctl_set(ruled_net.a, "net.xtcp.pacing_ss_ratio", "0"), "pacing_ss_ratio");
	must(!stack_disconnect(fd) && !stack_connect(fd, NS_B4, port), "connect");
	peer = accept(listener, NULL, NULL);
	must(peer >= 0 && !stack_patience(peer, SO_RCVTIMEO, 3 * SECOND_US), "accept");
	SAME(send(fd, text, sizeof(text), 0), (ssize_t)sizeof(text));
	SAME(recv(peer, text, sizeof(text), MSG_WAITALL), (ssize_t)sizeof(text));
	close_each(fd, peer);
	must(!ns_sysctl_set(ruled_net.a, "net.xtcp.pacing_ss_ratio", "200"), "pacing_ss_ratio");
	same_result("nor is it paced, because a rule had chosen an algorithm that paces");
}

static void again(void)
{
	int fd, peer, listener = stack_listener(ruled_net.b, KERNEL, NS_B4, ruled_port, true), port = ruled_port++;

	SAME(rules_replace("to=" NS_B4 FIELDS), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(rules_has_congestion(fd, "bbr"), true);
	close(peer);
	SAME(rules_replace(""), 0);
	must(listener >= 0 && !stack_disconnect(fd) && !stack_connect(fd, NS_B4, port), "connect");
	peer = accept(listener, NULL, NULL);
	fields_are_not(fd, peer);
	same_result("what a rule has set is gone when the socket connects again");
	paces_no_more(listener, port);
	SAME(rules_replace("to=" NS_B4 FIELDS), 0);
	ruled_active(NS_B4, &fd, &peer);
	set_congestion(fd, "reno");
	close(peer);
	SAME(rules_replace(""), 0);
	must(!stack_disconnect(fd) && !stack_connect(fd, NS_B4, port), "connect");
	peer = accept(listener, NULL, NULL);
	SAME(rules_has_congestion(fd, "reno"), true);
	close_each(fd, peer);
	same_result("what the program has set meanwhile is not");
	limit_again(listener, port);
	SAME(rules_replace("to=" NS_B4 FIELDS), 0);
	fd = stack_socket(ruled_net.a, XTCP, NS_B4);
	must(fd >= 0 && stack_connect(fd, NS_B4, 1) && errno == ECONNREFUSED, "a refused connect");
	SAME(rules_has_congestion(fd, "cubic"), true);
	SAME(rules_rate_of(fd), UINT32_MAX);
	close_each(fd, listener);
	same_result("nor does it stay after connect() has failed");
}

static void listed(void)
{
	int fd, peer;

	SAME(rules_replace("to=2001:db8::/32 dport=443 cc=bbr; cc=reno rate=1000; to=10.0.0.0/8 sport=80 initcwnd=20;"
		     "to=10.9.0.2 initcwnd=4"), 0);
	rules_list_is(ruled_net.a, "hits=0 to=2001:db8::/32 dport=443 cc=bbr\n"
		     "hits=0 to=10.9.0.2/32 initcwnd=4\n"
		     "hits=0 to=10.0.0.0/8 sport=80 initcwnd=20\n"
		     "hits=0 cc=reno max_pacing_rate=1000\n");
	rules_list_is(ruled_net.b, "");
	ruled_active(NS_B4, &fd, &peer);
	close_each(fd, peer);
	ruled_passive(NS_A4, &fd, &peer);
	close_each(fd, peer);
	ruled_active(NS_B6, &fd, &peer);
	close_each(fd, peer);
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "to=fd00:9::/64 cc=bbr"), 0);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "to=10.0.0.0/8 sport=80; to=2001:db8::/32 dport=443"), 0);
	rules_list_is(ruled_net.a, "hits=0 to=fd00:9::/64 cc=bbr\n"
		     "hits=2 to=10.9.0.2/32 initcwnd=4\n"
		     "hits=1 cc=reno max_pacing_rate=1000\n");
	same_result("the list, its order, and how often each rule was obeyed; hits stay when others come and go");
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "to=fd00:9::/64; to=10.9.0.2"), 0);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "cc=reno"), 0);
	rules_list_is(ruled_net.a, "");
	same_result("the last rule is deleted; del looks at the key alone");
}

static void by_the_tool(void)
{
	SAME(ruled_tool("add to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 pacing=100mbit", ""), 0);
	rules_list_is(ruled_net.a, "hits=0 to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 max_pacing_rate=12500000\n");
	SAME(ruled_tool("add dport=443 to=10.0.0.0/8", "xtcp-policy: there is a rule with this key already: "
			"to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 pacing=100mbit; del it first"), 1);
	SAME(ruled_tool("add dport=81 cc=nosuch",
			"there is no such congestion control: nosuch; there are: bbr cubic "), 1);
	SAME(ruled_tool("add dport=81", "this rule sets nothing: it is an exception"), 0);
	SAME(ruled_tool("del dport=81", ""), 0);
	SAME(ruled_tool("add to=10.0.0.1/8", "host bits"), 2);
	must(!ns_shell(ruled_net.a, "printf 'cc=reno # all\n\nto=::/0 cc=nosuch\n' >/tmp/xtcp_rules"), "rules");
	SAME(ruled_tool("replace - </tmp/xtcp_rules", "line 3: there is no such congestion control"), 1);
	SAME(ruled_tool("add sport=22 cc=reno rto_min=40 rto_max=2000 delack_max=80 user_timeout=1 keepalive=60 "
			"keepcnt=3", ""), 0);
	SAME(ruled_tool("list", "to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 pacing=100mbit # 0 hits\n"
			"sport=22 cc=reno rto_min=40 rto_max=2000 delack_max=80 user_timeout=1 keepalive=on keepidle=60 "
			"keepcnt=3 # 0 hits"), 0);
	SAME(ruled_tool("list >/tmp/xtcp_rules; scripts/tools/xtcp-policy del dport=443 to=10.0.0.0/8", ""), 0);
	rules_list_is(ruled_net.a, "hits=0 sport=22 cc=reno rto_min_us=40000 rto_max_ms=2000 delack_max_us=80000 "
		     "user_timeout_ms=1 keepalive=on keepidle=60 keepcnt=3\n");
	SAME(ruled_tool("replace /tmp/xtcp_rules; rm /tmp/xtcp_rules", ""), 0);
	rules_list_is(ruled_net.a, "hits=0 to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 max_pacing_rate=12500000\n"
		     "hits=0 sport=22 cc=reno rto_min_us=40000 rto_max_ms=2000 delack_max_us=80000 user_timeout_ms=1 "
		     "keepalive=on keepidle=60 keepcnt=3\n");
	SAME(ruled_tool("replace /dev/null", ""), 0);
	rules_list_is(ruled_net.a, "");
	same_result("xtcp policy lists, adds, deletes and replaces rules, and takes what it lists");
}

int main(void)
{
	test_begin(18);
	ruled_begin(PORT);
	each_field(NS_A4, NS_B4, "to=10.9.0.0/24" FIELDS, "to=10.9.1.0/24" FIELDS "; to=::/0" FIELDS,
		   "each field, IPv4");
	each_field(NS_A6, NS_B6, "to=fd00:9::/64" FIELDS, "to=fd00:a::/64" FIELDS "; to=0.0.0.0/0" FIELDS,
		   "each field, IPv6");
	each_field(MAPPED_A4, MAPPED_B4, "to=10.9.0.2/32" FIELDS, "to=10.9.0.1/32" FIELDS "; to=::/0" FIELDS,
		   "each field, IPv4 by an IPv6 socket");
	by_ports();
	which_wins();
	program_wins();
	route_wins();
	again();
	listed();
	by_the_tool();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
