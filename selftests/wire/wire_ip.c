// SPDX-License-Identifier: GPL-2.0
/*
 * What TCP and IP tell each other: local addresses, TTL and DSCP, and whom TCP does not talk to, by its own rules, by
 * IP_MINTTL and by a filter of the program; and the routes of what is sent without a socket. That each segment comes
 * from its connection's address is checked in every row of every table.
 */
#include "lib/test.h"
#include <linux/filter.h>
#include <linux/netfilter_ipv4.h>
#include "lib/wire.h"

NEEDS_PROGRAMS("nft");

#define HEADER	20	/* of a segment without options */

/*
 * A filter of the program takes so many octets of a segment; 0: it drops it. The segments are so short that kernel TCP
 * has looked at the checksum by then; of a longer one that was cut it finds it wrong.
 */
static int attach(struct wire *w, int fd, uint32_t octets)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, octets);
	struct sock_fprog program = { 1, &code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return wire_fail(w, "SO_ATTACH_FILTER: %s", strerror(errno));
	return 0;
}

static int filter(struct wire *w)
{
	if (attach(w, w->c.fd, 0) || wire_script_run(w, "< P. 1(50) ack 1; none; < R 1; none; state established") ||
	    attach(w, w->c.fd, HEADER + 30) || wire_script_run(w, "< P. 1(50) ack 1; >@1000 . 1 ack 31; read 30") ||
	    attach(w, w->c.fd, HEADER + 1000))
		return -1;
	return wire_script_run(w, "< P. 31(20) ack 1; >@1000 . 1 ack 51; read 20; read EAGAIN");
}

static int filter_listener(struct wire *w)
{
	if (attach(w, w->c.lfd, 0) || wire_script_run(w, "< S 0 $; none; state listen") ||
	    attach(w, w->c.lfd, 2 * HEADER) || wire_script_run(w, "< S 0 $; > S. 0 ack 1") ||
	    attach(w, w->c.lfd, 0) || wire_script_run(w, "< . 1 ack 1; none; state syn_received") ||
	    attach(w, w->c.lfd, 2 * HEADER))
		return -1;
	return wire_script_run(w, "< . 1 ack 1; accept; state established");
}

/* A rule for the segments between the stack and the row's peer alone: the sentinels pass. */
static int add_rule(struct wire *w, const char *type, const char *hook, const char *end, const char *rule)
{
	char line[512], peer[INET6_ADDRSTRLEN];

	snprintf(line, sizeof(line), "nft 'add table inet t; add chain inet t %s_%s { type %s hook %s priority 0; };"
		 "add rule inet t %s_%s %s %s %s meta l4proto tcp %s'", type, hook, type, hook, type, hook,
		 w->ip == 4 ? "ip" : "ip6", end,
		 inet_ntop(w->ip == 4 ? AF_INET : AF_INET6, w->peer, peer, sizeof(peer)), rule);
	return system(line) ? wire_fail(w, "%s", line) : 0;
}

/* What the peer sends arrives with the mark 6, and no segment reaches it but those that have this mark. */
static int marked(struct wire *w)
{
	if (wire_tun_sysctl(w, w->ip == 4 ? "ipv4/fwmark_reflect" : "ipv6/fwmark_reflect", "1") ||
	    add_rule(w, "filter", "prerouting", "saddr", "meta mark set 6") || wire_route_mark(w, 6))
		return -1;
	return wire_script_run(w, w->row->want.script);
}

/* No segment reaches the peer but those of the priority 6. */
static int prior(struct wire *w)
{
	if (add_rule(w, "filter", "output", "daddr", "meta priority != 0:6 drop"))
		return -1;
	return wire_script_run(w, w->row->want.script);
}

/* No segment reaches the peer. */
static int refused(struct wire *w)
{
	if (add_rule(w, "filter", "output", "daddr", "drop"))
		return -1;
	return wire_script_run(w, w->row->want.script);
}

/* Both ends of a row's connection have the numbers of these ports. Linux gives the option the number in both IPs. */
static int original_is(struct wire *w, int fd, unsigned int port)
{
	struct sockaddr_in6 v6 = {};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&v6;
	socklen_t len = w->ip == 4 ? sizeof(*v4) : sizeof(v6);

	if (getsockopt(fd, w->ip == 4 ? SOL_IP : SOL_IPV6, SO_ORIGINAL_DST, &v6, &len))
		return wire_fail(w, "SO_ORIGINAL_DST: %s", strerror(errno));
	if (len != (w->ip == 4 ? sizeof(*v4) : sizeof(v6)) || v6.sin6_family != (w->ip == 4 ? AF_INET : AF_INET6) ||
	    v6.sin6_port != htons(port) || memcmp(w->ip == 4 ? (void *)&v4->sin_addr : &v6.sin6_addr, w->local,
						  w->ip == 4 ? 4 : 16))
		return wire_fail(w, "SO_ORIGINAL_DST: length %u, port %u", len, ntohs(v6.sin6_port));
	return 0;
}

/* The peer calls one port, and netfilter redirects it to that of the listener. */
static int redirected(struct wire *w)
{
	unsigned int port = w->c.lport + 1000;
	char rule[80];

	snprintf(rule, sizeof(rule), "tcp dport %u redirect to :%u", port, w->c.lport);
	if (add_rule(w, "nat", "prerouting", "saddr", rule) ||
	    wire_script_run(w, "listen; dport 1000; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept") ||
	    original_is(w, w->c.fd, port) ||
	    wire_script_run(w, "< P. 1(10) ack 1; >@1000 . 1 ack 11; read 10; write 10; > P. 1(10) ack 11;"
			       "fresh; dport -1000; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept"))
		return -1;
	return original_is(w, w->c.fd, port - 1000);
}

static const struct wire_row rows[] = {
	/* What waits behind text that IP has refused is not tried alone: OutSegs counts the first skb and the write. */
	{ "output_%s_refused", "RFC 9293 3.10.2", .in = ESTABLISHED, .run = refused,
		.want = { "write 8*A; none", .counters = "OutSegs=2 RetransSegs=0", .state = ESTABLISHED } },
	/* Local addresses. The stack has two; no route chooses the second by itself. */
	{ "connect_closed_from_a_bound_address", "RFC 9293 3.9.1.1", .id = "MUST-43",
		.want = { "at second; bind; connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1; write 100; > P. 1(100) ack 1",
			.state = ESTABLISHED } },
	{ "listen_closed_on_one_address", "RFC 9293 3.9.1.1", .id = "MUST-43",
		.want = { "at second; listen; at home; < S 0 $; > R. 0 ack 1; at second; fresh; < S 0 $; > S. 0 ack 1;"
			"< . 1 ack 1; accept" } },
	{ "connect_closed_from_the_address_of_the_route", "RFC 9293 3.9.1.1", .id = "MUST-44",
		.want = { "prefer second; at second; connect; > S 0; < S. 0 ack 1 $; > . 1 ack 1; write 100;"
			"> P. 1(100) ack 1" } },
	{ "address_syn_sent_outlives_its_route", "RFC 9293 3.9.1.1", .id = "MUST-45", .in = SYN_SENT,
		.want = { "prefer second; < S. 0 ack 1 $; > . 1 ack 1; write 100; > P. 1(100) ack 1",
			.state = ESTABLISHED } },
	{ "address_%s_outlives_its_route", "RFC 9293 3.9.1.1", .id = "MUST-45", .in = ESTABLISHED,
		.via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "prefer second; write 100; > P. 1(100) ack 1; < . 1 ack 101; < P. 1(100) ack 101;"
			">@1000 . 101 ack 101; read 100; shut; > F. 101 ack 101; < F. 101 ack 102; > . 102 ack 102;"
			"< F. 101 ack 102; > . 102 ack 102", .state = TIME_WAIT } },
	{ "address_listen_is_the_one_that_was_called", "RFC 9293 3.9.1.1", .id = "MUST-45", .in = LISTEN,
		.pre = "prefer second",
		.want = { "< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; write 100; > P. 1(100) ack 1",
			.state = ESTABLISHED } },
	/* Groups. */
	{ "connect_closed_to_multicast", "RFC 9293 3.9.2.3", .id = "MUST-46",
		.want = { "connect ENETUNREACH mcast; none", .state = CLOSED, .counters = "OutSegs=0 ActiveOpens=0" } },
	{ "connect_closed_to_broadcast", "RFC 9293 3.9.2.3", .id = "MUST-46", .only = 4,
		.want = { "connect ENETUNREACH bcast; none", .state = CLOSED, .counters = "OutSegs=0 ActiveOpens=0" } },
	/* TTL. */
	{ "ttl_%s", "RFC 9293 3.9.2", .id = "MUST-49", .in = ESTABLISHED, .via = PASSIVE | ACTIVE | SIMULTANEOUS,
		.want = { "write 100; > P. 1(100) ack 1 ttl 64; < . 1 ack 101; set TTL 7; get TTL 7; write 100;"
			"> P. 101(100) ack 1 ttl 7; < . 1 ack 201; set TTL 255; < P. 1(100) ack 201;"
			">@1000 . 201 ack 101 ttl 255; abort; > R. 201 ack 101 ttl 255", .state = CLOSED } },
	{ "ttl_connect", "RFC 9293 3.9.2", .id = "MUST-49", .pre = "socket; set TTL 9",
		.want = { "connect; > S 0 ttl 9; < S. 0 ack 1 $; > . 1 ack 1 ttl 9; shut; > F. 1 ack 1 ttl 9",
			.state = FIN_WAIT_1 } },
	{ "ttl_%s_is_inherited", "RFC 9293 3.9.2", .id = "MUST-49", .in = LISTEN, .pre = "listen; set TTL 9",
		.want = { "< S 0 $; > S. 0 ack 1 ttl 9; < . 1 ack 1; accept; get TTL 9; write 100;"
			"> P. 1(100) ack 1 ttl 9", .state = ESTABLISHED } },
	/* GTSM: segments from too many hops away are dropped. Those of this program have a TTL of 64. */
	{ "ttl_%s_below_what_is_taken", "RFC 5082 3", .in = ESTABLISHED,
		.want = { "set MINTTL 65; < P. 1(10) ack 1; none; < R 1; none; state established; set MINTTL 64;"
			"< P. 1(10) ack 1; >@1000 . 1 ack 11; read 10", .counters = "TCPMinTTLDrop=2 EstabResets=0" } },
	{ "ttl_%s_below_what_is_taken", "RFC 5082 3", .in = LISTEN, .pre = "listen; set MINTTL 65",
		.want = { "< S 0 $; none; set MINTTL 64; < S 0 $; > S. 0 ack 1; set MINTTL 65; < . 1 ack 1; none;"
			"state syn_received; set MINTTL 64; < . 1 ack 1; accept",
			.counters = "TCPMinTTLDrop=2 PassiveOpens=1", .state = ESTABLISHED },
		.kernel_differs = "looks at the TTL of the SYN and not at that of the third ACK",
		.kernel = { "< S 0 $; none; set MINTTL 64; < S 0 $; > S. 0 ack 1; set MINTTL 65; < . 1 ack 1; accept;"
			"state established", .counters = "TCPMinTTLDrop=1 PassiveOpens=1" } },
	/* Anybody can forge a SYN from far away: it ends no TIME-WAIT. */
	{ "ttl_%s_of_a_syn_that_would_reopen", "RFC 5082 3", .in = TIME_WAIT,
		.want = { "close; set MINTTL 65; reopen 1000; < S 0 $; > . 2 ack -1000; state time_wait; set MINTTL 64;"
			"< S 0 $; > S. 0 ack 1; < . 1 ack 1; accept", .state = ESTABLISHED },
		.kernel_differs = "ends TIME-WAIT for it, and then drops it",
		.kernel = { "close; set MINTTL 65; reopen 1000; < S 0 $; none", .state = CLOSED } },
	{ "ttl_%s_of_an_icmp_message", "RFC 5082 3", .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; set MINTTL 65; icmp host seq 1; none; err none;"
			"set MINTTL 64; icmp host seq 1; none; err EHOSTUNREACH; < . 1 ack 1001; none",
			.counters = "TCPMinTTLDrop=1" } },
	{ "options_of_a_syn_to_listen", "RFC 9293 3.9.2", .only = 4, .pre = "listen",
		.want = { "< S 0 $ record; > S. 0 ack 1; < . 1 ack 1 record; accept; write 10; > P. 1(10) ack 1;"
			"< P. 1(10) ack 11 record; >@1000 . 11 ack 11; read 10" },
		.kernel_differs = "sends what the SYN had",
		.kernel = { "< S 0 $ record; > S. 0 ack 1 ip 12; < . 1 ack 1 record; accept; write 10;"
			"> P. 1(10) ack 1 ip 12; < P. 1(10) ack 11 record; >@1000 . 11 ack 11 ip 12; read 10" } },
	/* Transparent proxies ask where the client was going. */
	{ "original_destination_of_a_redirected_connection", "RFC 9293 3.9.1", .run = redirected,
		.want = { .state = ESTABLISHED } },
	{ "redirect_%s_of_a_stranger", "RFC 1122 3.2.2.2", .only = 4, .in = ESTABLISHED,
		.want = { "write 1000; > P. 1(1000) ack 1; icmp redirect seq 1 mtu 513; none; err none; < . 1 ack 1001;"
			"write 1000; > P. 1001(1000) ack 1; < . 1 ack 2001; none", .counters = "OutOfWindowIcmps=0" } },
	{ "filter_%s", "RFC 9293 3.9.1", .in = ESTABLISHED, .run = filter },
	{ "filter_%s", "RFC 9293 3.9.1", .in = LISTEN, .run = filter_listener },
	/* DSCP. */
	{ "tos_%s", "RFC 9293 3.9.2", .id = "MUST-48 SHLD-22", .in = ESTABLISHED, .via = PASSIVE | ACTIVE,
		.want = { "write 100; > P. 1(100) ack 1 tos 0; < . 1 ack 101; set TOS 40; get TOS 40; write 100;"
			"> P. 101(100) ack 1 tos 40; < . 1 ack 201; set TOS 72; shut; > F. 201 ack 1 tos 72;"
			"< F. 1 ack 202; > . 202 ack 2 tos 72; < F. 1 ack 202; > . 202 ack 2 tos 72",
			.state = TIME_WAIT } },
	{ "tos_%s_is_inherited", "RFC 9293 3.9.2", .id = "MUST-48", .in = LISTEN, .pre = "listen; set TOS 40",
		.want = { "< S 0 $; > S. 0 ack 1 tos 40; < . 1 ack 1; accept; get TOS 40; write 100;"
			"> P. 1(100) ack 1 tos 40", .state = ESTABLISHED } },
	/* DSCP 10 of the SYN beside DSCP 18 of the listener; the lowest two bits are ECN's. */
	{ "tos_%s_of_the_syn_is_not_reflected", "RFC 9293 3.9.2", .in = LISTEN, .pre = "listen; set TOS 72",
		.want = { "< S 0 tos 40 $; > S. 0 ack 1 tos 72; < . 1 ack 1 tos 40; accept; get TOS 72; write 100;"
			"> P. 1(100) ack 1 tos 72", .state = ESTABLISHED } },
	{ "tos_%s_of_the_syn_is_reflected", "RFC 9293 3.9.2", .in = LISTEN,
		.pre = "sysctl reflect_tos 1; listen; set TOS 72",
		.want = { "< S 0 tos 43 $; > S. 0 ack 1 tos 40; >@2500 S. 0 ack 1 tos 40; < . 1 ack 1 tos 8; accept;"
			"get TOS 40; write 100; > P. 1(100) ack 1 tos 40; < P. 1(10) ack 101 tos 8;"
			">@1000 . 101 ack 11 tos 40; read 10; set TOS 16; write 100; > P. 101(100) ack 11 tos 16;"
			"< . 11 ack 201", .state = ESTABLISHED } },
	{ "tos_%s_0_of_the_syn_is_reflected", "RFC 9293 3.9.2", .in = LISTEN,
		.pre = "sysctl reflect_tos 1; listen; set TOS 72",
		.want = { "< S 0 $; > S. 0 ack 1 tos 0; < . 1 ack 1; accept; get TOS 0", .state = ESTABLISHED } },
	{ "tos_%s_of_the_syn_is_reflected_in_time_wait", "RFC 9293 3.9.2", .in = LISTEN,
		.pre = "sysctl reflect_tos 1; listen",
		.want = { "< S 0 tos 40 $; > S. 0 ack 1 tos 40; < . 1 ack 1; accept; shut; > F. 1 ack 1 tos 40;"
			"< F. 1 ack 2; > . 2 ack 2 tos 40; < F. 1 ack 2; > . 2 ack 2 tos 40", .state = TIME_WAIT } },
	{ "tos_%s_of_the_syn_beside_ecn", "RFC 3168 6.1.1", .in = LISTEN,
		.pre = "sysctl reflect_tos 1; sysctl ecn 1; listen; set TOS 72",
		.want = { "< SEC 0 tos 40 $; > SE. 0 ack 1 tos 40; < . 1 ack 1; accept; get TOS 40; write 100;"
			"> P. 1(100) ack 1 tos 42", .state = ESTABLISHED } },
	/* a cookie has no room for it: the ACK says it */
	{ "tos_%s_of_the_ack_of_a_cookie_is_reflected", "RFC 9293 3.9.2", .in = LISTEN,
		.pre = "sysctl reflect_tos 1; sysctl syncookies 2; listen; set TOS 72", .kernel_shrinks = true,
		.want = { "< S 0 tos 40 $; > S. 0 ack 1 tos 40; < . 1 ack 1 tos 83; accept; get TOS 80; write 100;"
			"> P. 1(100) ack 1 tos 80", .state = ESTABLISHED } },
	{ "tos_%s_of_the_syn_when_reflect_tos_changes", "RFC 9293 3.9.2", .in = LISTEN, .pre = "listen; set TOS 72",
		.want = { "< S 0 tos 40 $; > S. 0 ack 1 tos 72; sysctl reflect_tos 1; < . 1 ack 1; accept; get TOS 40",
			.state = ESTABLISHED } },
	{ "tos_%s_of_the_syn_finds_the_route", "RFC 9293 3.9.2", .in = LISTEN, .only = 4,
		.pre = "sysctl reflect_tos 1; route tos 16 initrwnd 3",
		.want = { "< S 0 tos 16 <mss 1000>; > S. 0 ack 1 win 3*A tos 16; < . 1 ack 1; accept",
			.state = ESTABLISHED },
		.kernel_differs = "asks for the route with the TOS of the listener",
		.kernel.script = "< S 0 tos 16 <mss 1000>; > S. 0 ack 1 win over:4*A tos 16; < . 1 ack 1; accept" },
	/*
	 * A connection's mark, user, device and IP_TRANSPARENT choose the route of what is sent without its socket,
	 * too. From here on, the namespace has rules for routes.
	 */
	{ "mark_%s_of_a_rst", "RFC 9293 3.9.1", .in = ESTABLISHED, .pre = "listen; set MARK 5",
		.want = { "routemark 5; close; > F. 1 ack 1; < P. 1(10) ack 1; > R 1", .state = CLOSED,
			.counters = "OutRsts=1" } },
	{ "mark_%s_of_a_rst", "RFC 9293 3.10.7.3", .in = SYN_SENT, .pre = "socket; set MARK 5",
		.want = { "routemark 5; < . 1 ack 7; > R 7", .counters = "OutRsts=1" } },
	{ "mark_%s_of_a_rst", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "listen; set MARK 5",
		.want = { "routemark 5; < . 1 ack 7; > R 7", .counters = "OutRsts=1" } },
	{ "mark_%s_of_a_rst", "RFC 9293 3.6.1", .in = FIN_WAIT_2, .pre = "listen; set MARK 5",
		.want = { "routemark 5; close; < P. 1(10) ack 2; > R 2", .state = CLOSED, .counters = "OutRsts=1" } },
	{ "mark_%s_of_an_ack", "RFC 9293 3.10.7.4", .in = TIME_WAIT, .pre = "listen; set MARK 5",
		.want = { "routemark 5; < F. 1 ack 2; > . 2 ack 2", .counters = "OutSegs=1" } },
	/* fwmark_reflect: what is answered without a sock goes back by the rules for the mark by which it came */
	{ "mark_%s_reflected_by_a_rst", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "listen; set MARK 5",
		.run = marked, .want.script = "< . 1 ack 7; > R 7; none" },
	{ "mark_%s_reflected_by_an_ack", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "listen; set MARK 5",
		.run = marked, .want.script = "< . 0 ack 1; > . 1 ack 1; none" },
	{ "mark_%s_reflected_by_an_ack", "RFC 9293 3.10.7.4", .in = TIME_WAIT, .pre = "listen; set MARK 5",
		.run = marked, .want.script = "< F. 1 ack 2; > . 2 ack 2; none" },
	{ "mark_%s_reflected_by_a_rst", "RFC 9293 3.6.1", .in = FIN_WAIT_2, .pre = "listen; set MARK 5", .run = marked,
		.want.script = "close; < P. 1(10) ack 2; > R 2; none" },
	/* SO_PRIORITY: which queue of a device it takes */
	{ "priority_%s_of_a_rst", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "listen; set PRIORITY 6",
		.run = prior, .want.script = "< . 1 ack 7; > R 7; none" },
	{ "priority_%s_of_an_ack", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "listen; set PRIORITY 6",
		.run = prior, .want.script = "< . 0 ack 1; > . 1 ack 1; none" },
	{ "priority_%s_of_a_syn_ack", "RFC 9293 3.10.7.2", .in = LISTEN, .pre = "listen; set PRIORITY 6", .run = prior,
		.want.script = "< S 0 $; > S. 0 ack 1; none" },
	{ "priority_%s_of_an_ack", "RFC 9293 3.10.7.4", .in = TIME_WAIT, .via = ACTIVE, .pre = "socket; set PRIORITY 6",
		.run = prior, .want.script = "< F. 1 ack 2; > . 2 ack 2; none" },
	{ "priority_%s_of_a_rst", "RFC 9293 3.6.1", .in = FIN_WAIT_2, .via = ACTIVE, .pre = "socket; set PRIORITY 6",
		.run = prior, .want.script = "close; < P. 1(10) ack 2; > R 2; none" },
	{ "user_%s_of_a_rst", "RFC 9293 3.9.1", .in = ESTABLISHED, .via = ACTIVE, .pre = "user 1000; socket; user 0",
		.want = { "routeuser 1000; close; > F. 1 ack 1; < P. 1(10) ack 1; > R 1", .state = CLOSED,
			.counters = "OutRsts=1" } },
	{ "user_%s_of_a_rst", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "user 1000; listen; user 0",
		.want = { "routeuser 1000; < . 1 ack 7; > R 7", .counters = "OutRsts=1" } },
	{ "user_%s_of_an_ack", "RFC 9293 3.10.7.4", .in = SYN_RECEIVED, .pre = "user 1000; listen; user 0",
		.want = { "routeuser 1000; < . 0 ack 1; > . 1 ack 1", .counters = "OutSegs=1" } },
	{ "device_%s_of_a_rst", "RFC 9293 3.9.1", .in = ESTABLISHED, .via = ACTIVE, .only = 4, .pre = "socket; device",
		.want = { "detour; close; > F. 1 ack 1; < P. 1(10) ack 1; > R 1", .state = CLOSED,
			.counters = "OutRsts=1" } },
	{ "device_%s_of_a_rst", "RFC 9293 3.6.1", .in = FIN_WAIT_2, .via = ACTIVE, .only = 4, .pre = "socket; device",
		.want = { "detour; close; < P. 1(10) ack 2; > R 2", .state = CLOSED, .counters = "OutRsts=1" } },
	{ "foreign_%s_address_of_a_rst", "RFC 9293 3.9.1.1", .in = ESTABLISHED, .via = ACTIVE,
		.pre = "foreign; socket; set TRANSPARENT 1; bind",
		.want = { "write 100; > P. 1(100) ack 1; < . 1 ack 101; close; > F. 101 ack 1; < P. 1(10) ack 101;"
			"> R 101", .state = CLOSED, .counters = "OutRsts=1" } },
	{ "foreign_%s_address_of_an_ack", "RFC 9293 3.9.1.1", .in = TIME_WAIT, .via = ACTIVE,
		.pre = "foreign; socket; set TRANSPARENT 1; bind",
		.want = { "< F. 1 ack 2; > . 2 ack 2" } },
	{ "foreign_%s_address_of_both", "RFC 9293 3.9.1.1", .in = SYN_RECEIVED, .only = 4,
		.pre = "sysctl ipv4/ip_nonlocal_bind 1; foreign; listen; set TRANSPARENT 1",
		.want = { "< . 0 ack 1; > . 1 ack 1; < . 1 ack 7; > R 7" } },
};

WIRE_MAIN(rows)
