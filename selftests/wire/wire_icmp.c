// SPDX-License-Identifier: GPL-2.0
/* ICMP errors: which end a connection, which are remembered, which are not believed, and the path MTU. */
#include "lib/wire.h"

#define IN_FLIGHT	"write 1000; > P. 1(1000) ack 1;"

/* A third duplicate ACK begins a recovery, and then what was sent turns out to be too large. */
#define LOST_AFTERWARDS	"< . 1 ack 1; write 4*A; > p. 1(A) ack 1 x3; > P. 3*A+1(A) ack 1; pass 20;"		\
			"icmp toobig seq 1 mtu 1300; > p. 1(A-200) ack 1; skim; info ca_state = 4; pass 20;"	\
			"< . 1 ack 1 <sack A-199:4*A+1>; > p. 1(A-200) ack 1; none;"
#define HALVING		"write 10*A; > p. 1(A) ack 1 x9; > P. 9*A+1(A) ack 1; pass 20; < . 1 ack 1; < . 1 ack 1;" \
			"< . 1 ack 1; > p. 1(A) ack 1; info ca_state = 3; icmp toobig seq 1 mtu 1300;" \
			"info ca_state = 4; info snd_mss = A-200;"

/* the MTU of its device falls and rises */
#define DEVICE_MTU	"write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; < . 1 ack 2*A+1; mtu 1300; write 2*A;" \
			"> p. 2*A+401(A) ack 1; > P. 3*A+401(A) ack 1; info snd_mss = A; < . 1 ack 4*A+401;" \
			"mtu 1500; write 2*A; > p. 4*A-399(A) ack 1; > P. 5*A-399(A) ack 1;" \
			"info snd_mss = A; < . 1 ack 6*A-399; none"

static const struct wire_row rows[] = {
	/* Before the connection is synchronized. */
	{ "port_unreachable_%s", "RFC 9293 3.9.2.2", .id = "SHLD-26", .in = SYN_SENT,
		.want = { "icmp port seq 0; none", .state = CLOSED, .err = "ECONNREFUSED",
			.counters = "AttemptFails=1" } },
	{ "host_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .in = SYN_SENT,
		.want = { "icmp host seq 0; none; < S. 0 ack 1 $; > . 1 ack 1", .state = ESTABLISHED },
		.kernel_differs = "ends connect() at the first soft error",
		.kernel = { "icmp host seq 0; none", .state = CLOSED, .err = "EHOSTUNREACH" } },
	{ "precedence_cutoff_%s", "RFC 1812 5.2.7.1", .only = 4, .in = SYN_SENT,
		.want = { "icmp cutoff seq 0; none", .state = CLOSED, .err = "EHOSTUNREACH",
			.counters = "AttemptFails=1" } },
	{ "unreachable_%s_by_an_unassigned_code", "RFC 1122 3.2.2", .only = 4, .in = SYN_SENT,
		.want = { "icmp unassigned seq 0; none; < S. 0 ack 1 $; > . 1 ack 1", .state = ESTABLISHED,
			.counters = "AttemptFails=0" } },
	{ "net_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .in = SYN_SENT,
		.want = { "icmp net seq 0; none; < S. 0 ack 1 $; > . 1 ack 1", .state = ESTABLISHED },
		.kernel_differs = "ends connect() at the first soft error",
		.kernel = { "icmp net seq 0; none", .state = CLOSED, .err = "ENETUNREACH" } },
	{ "host_unreachable_syn_sent_told_at_give_up", "RFC 9293 3.9.2.2", .id = "MUST-56",
		.pre = "socket; set SYNCNT 1",
		.want = { "connect; > S 0; icmp host seq 0; >@2500 S 0; icmp host seq 0; hup 5000", .state = CLOSED,
			.err = "EHOSTUNREACH" },
		.kernel_differs = "ends connect() at the first soft error",
		.kernel = { "connect; > S 0; icmp host seq 0; hup 5000" } },
	/* What IP_RECVERR asks for: told at once, with who told it (SHLD-25). The last clears SO_ERROR. */
	{ "port_unreachable_in_error_queue", "RFC 9293 3.9.2.2", .id = "SHLD-25", .only = 4,
		.pre = "socket; set RECVERR 1",
		.want = { "connect; > S 0; icmp port seq 0; none; errqueue ECONNREFUSED 3 3; errqueue none",
			.state = CLOSED } },
	{ "port_unreachable_in_error_queue", "RFC 9293 3.9.2.2", .id = "SHLD-25", .only = 6,
		.pre = "socket; set RECVERR 1",
		.want = { "connect; > S 0; icmp port seq 0; none; errqueue ECONNREFUSED 1 4; errqueue none",
			.state = CLOSED } },
	{ "port_unreachable_in_error_queue_not_asked_for", "RFC 9293 3.9.2.2", .only = 4, .in = SYN_SENT,
		.want = { "icmp port seq 0; none; errqueue ECONNREFUSED 3 3; errqueue none", .state = CLOSED } },
	{ "port_unreachable_in_error_queue_not_asked_for", "RFC 9293 3.9.2.2", .only = 6, .in = SYN_SENT,
		.want = { "icmp port seq 0; none; errqueue none", .state = CLOSED, .err = "ECONNREFUSED" } },
	{ "error_queue_left_unread", "RFC 9293 3.9.2.2", .pre = "socket; set RECVERR 1",
		.want = { "connect; > S 0; icmp port seq 0; none", .state = CLOSED, .err = "ECONNREFUSED" } },
	{ "time_exceeded_not_in_error_queue", "RFC 9293 3.9.2.2", .id = "MUST-56", .pre = "socket; set RECVERR 1",
		.want = { "connect; > S 0; icmp exceeded seq 0; none; poll; errqueue none; err EHOSTUNREACH;"
			"< S. 0 ack 1 $; > . 1 ack 1; < R 1; poll IN OUT RDHUP HUP ERR; errqueue none", .state = CLOSED,
			.err = "ECONNRESET" },
		.kernel_differs = "ends connect() at the first soft error, which is in the queue then",
		.kernel = { "connect; > S 0; icmp exceeded seq 0; none", .state = CLOSED, .err = "EHOSTUNREACH" } },
	{ "host_unreachable_%s_reported_at_once", "RFC 9293 3.9.2.2", .id = "SHLD-25", .in = ESTABLISHED,
		.want = { IN_FLIGHT "set RECVERR 1; icmp host seq 1; none; err EHOSTUNREACH; errqueue none;"
			"< . 1 ack 1001; none" } },
	{ "port_unreachable_%s_other_sequence", "RFC 5927 4.1", .in = SYN_SENT,
		.want = { "icmp port seq 1000; none; icmp port seq -1000; none",
			.counters = "OutOfWindowIcmps=2 AttemptFails=0" } },
	{ "port_unreachable_%s", "RFC 9293 3.9.2.2", .in = SYN_RECEIVED, .only = 6,
		.want = { "icmp port seq 0; none", .state = LISTEN } },
	{ "port_unreachable_%s", "RFC 9293 3.9.2.2", .in = SYN_RECEIVED, .only = 4,
		.want = { "icmp port seq 0; none", .state = LISTEN },
		.kernel_differs = "ends an entry for soft errors and not for hard ones, over IPv4 only",
		.kernel = { .state = SYN_RECEIVED } },
	{ "port_unreachable_%s_other_sequence", "RFC 5927 4.1", .in = SYN_RECEIVED,
		.want = { "icmp port seq 1000; none", .counters = "OutOfWindowIcmps=1" } },
	/*
	 * A message over IPv6 is about none of IPv4's connections, although it quotes the v4-mapped forms of the
	 * addresses of one: who is believed over IPv4 is for IPv4's filters to say.
	 */
	{ "mapped_port_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-54", .only = 4, .in = SYN_SENT,
		.want = { "icmp port seq 0 mapped; none; err none; < S. 0 ack 1 $; > . 1 ack 1", .state = ESTABLISHED,
			.counters = "AttemptFails=0 OutOfWindowIcmps=0 icmp6:InErrors=1" } },
	{ "mapped_port_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-54", .only = 4, .in = SYN_RECEIVED,
		.via = PASSIVE | SIMULTANEOUS,
		.want = { "icmp port seq 0 mapped; none", .counters = "icmp6:InErrors=1" } },
	{ "mapped_host_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-54", .only = 4, .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp host seq 1 mapped; none; err none; < . 1 ack 1001; none",
			.counters = "icmp6:InErrors=1" } },
	{ "mapped_too_big_%s", "RFC 5927 7.2", .only = 4, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 1300 mapped; none;"
			"info snd_mss = A; < . 1 ack 2*A+1; none", .counters = "icmp6:InErrors=1" } },
	{ "mapped_too_big_%s", "RFC 5927 7.2", .only = 4, .in = TIME_WAIT,
		.want = { "icmp toobig seq 1 mtu 1300 mapped; none", .counters = "icmp6:InErrors=1" } },
	/* Later they are all soft. */
	{ "port_unreachable_%s", "RFC 9293 3.9.2.2", .id = "SHLD-26", .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp port seq 1; none; err ECONNREFUSED; < . 1 ack 1001; none" } },
	{ "host_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-54 MUST-56", .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp host seq 1; none; err EHOSTUNREACH; < . 1 ack 1001; none" } },
	{ "host_unreachable_%s_is_for_one_connection", "RFC 9293 3.9.2.2", .id = "MUST-54", .in = ESTABLISHED,
		.want = { IN_FLIGHT "fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept;" IN_FLIGHT "icmp host seq 1;"
			"none; err EHOSTUNREACH; swap; none; err none; icmp net seq 1; none; err ENETUNREACH; swap;"
			"err none" } },
	{ "net_unreachable_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .in = FIN_WAIT_1 | CLOSING | LAST_ACK,
		.want = { "icmp net seq 1; none", .err = "ENETUNREACH" } },
	/* IPV6_PMTUDISC_INTERFACE: such a message counts for nobody, so another connection has the whole MTU. */
	{ "mtu_%s_that_the_program_does_not_believe", "RFC 8201 4", .only = 6, .in = ESTABLISHED,
		.want = { IN_FLIGHT "set MTU_DISCOVER 4; icmp toobig seq 1 mtu 1300; none; info pmtu = 1500;"
			"< . 1 ack 1001; fresh; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept; info pmtu = 1500" } },
	/* A segment that a timeout has sent again, and that a router could not pass on: RTOs of 200, 400, 800 ms. */
	{ "net_unreachable_%s_takes_back_a_doubling", "RFC 6069 3", .in = ESTABLISHED,
		.want = { IN_FLIGHT ">@600 P. 1(1000) ack 1; >@1000 P. 1(1000) ack 1; icmp net seq 1; mark;"
			">@650 P. 1(1000) ack 1; elapsed >= 300; info backoff = 2; < . 1 ack 1001; none" } },
	{ "net_unreachable_%s_after_the_shorter_timeout", "RFC 6069 3", .in = ESTABLISHED,
		.want = { IN_FLIGHT ">@600 P. 1(1000) ack 1; >@1000 P. 1(1000) ack 1; pass 500; icmp net seq 1;"
			">@100 P. 1(1000) ack 1; info backoff = 2; < . 1 ack 1001; none" } },
	{ "net_unreachable_%s_of_a_later_segment", "RFC 6069 3", .in = ESTABLISHED,
		.want = { "write 2000; > p. 1(1000) ack 1; > P. 1001(1000) ack 1; >@600 p. 1(1000) ack 1;"
			">@1000 p. 1(1000) ack 1; icmp net seq 1001; mark; >@1200 p. 1(1000) ack 1; elapsed >= 700;"
			"< . 1 ack 2001; none" } },
	{ "net_unreachable_%s_before_a_timeout", "RFC 6069 3", .in = ESTABLISHED,
		.want = { IN_FLIGHT "mark; icmp net seq 1; none; >@600 P. 1(1000) ack 1; elapsed >= 150;"
			"info backoff = 1; < . 1 ack 1001; none" } },
	{ "time_exceeded_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp exceeded seq 1; none; err EHOSTUNREACH; < . 1 ack 1001; none" } },
	{ "source_route_failed_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .only = 4, .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp srcroute seq 1; none; err EOPNOTSUPP; < . 1 ack 1001; none" } },
	{ "parameter_problem_%s", "RFC 9293 3.9.2.2", .id = "MUST-56", .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp param seq 1; none; err EPROTO; < . 1 ack 1001; none" } },
	{ "source_quench_%s", "RFC 9293 3.9.2.2", .id = "MUST-55", .only = 4, .in = ESTABLISHED,
		.want = { IN_FLIGHT "keep snd_cwnd; icmp quench seq 1; none; info snd_cwnd = K" } },
	{ "host_unreachable_%s_other_sequence", "RFC 5927 4.1", .in = ESTABLISHED,
		.want = { IN_FLIGHT "icmp host seq 1002; none; icmp host seq -500; none",
			.counters = "OutOfWindowIcmps=2" } },
	{ "host_unreachable_%s_nothing_in_flight", "RFC 5927 4.1", .in = ESTABLISHED,
		.want = { "icmp host seq 0; none; icmp host seq 2; none", .counters = "OutOfWindowIcmps=2" } },
	{ "port_unreachable_%s_is_ignored", "RFC 9293 3.9.2.2", .in = TIME_WAIT,
		.want = { "icmp port seq 0; none; icmp toobig seq 0 mtu 1300; none; state time_wait; < . 0 ack 2;"
			"> . 2 ack 2" } },
	/* Path MTU. */
	{ "too_big_%s_lowers_the_mss_and_resends", "RFC 1191 6.3, RFC 8201 5.4", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 1300;"
			"> p. 1(A-200) ack 1; skim; info snd_mss = A-200; < . 1 ack 2*A+1; none; write 2*A-400;"
			"> p. 2*A+1(A-200) ack 1; > P. 3*A-199(A-200) ack 1" } },
	/* The loss before it halves the window: the half is 7300 octets, or six of the smaller segments. */
	{ "too_big_%s_in_a_recovery", "RFC 8201 5.4, RFC 5681 3.2", .only = 4, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { HALVING "info snd_cwnd = 6; skim; < . 1 ack 10*A+1; none; write A-200;"
			"> P. 10*A+1(A-200) ack 1; < . 1 ack 11*A-199; info ca_state = 0; info snd_cwnd <= 7",
			.counters = "TCPRenoRecovery=1 TCPTimeouts=0" },
		.kernel_differs = "gives up the reduction, and the window stays as it is",
		.kernel = { HALVING "info snd_cwnd >= 7; skim; < . 1 ack 10*A+1; skim",
			.counters = "TCPRenoRecovery=1" } },
	/* What was too large is no congestion, but what is lost of its repetition is. */
	{ "too_big_%s_and_a_loss_after_it", "RFC 8201 5.4, RFC 5681 3.2", .in = ESTABLISHED, .syn = "mss 9000,sackok",
		.want = { LOST_AFTERWARDS "info ca_state = 3; info snd_ssthresh <= 6; < . 1 ack 4*A+1; none;"
			"info ca_state = 0; info snd_cwnd <= 6", .counters = "TCPSackRecovery=1 TCPTimeouts=0" } },
	{ "too_big_%s_has_a_floor", "RFC 1191 6.3", .only = 4, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 68; skim;"
			"info snd_mss = 512" } },
	/* It asks for DF with each packet, so the connection may be stuck below the floor. */
	{ "too_big_%s_below_the_floor_is_told", "RFC 1191 6.3", .only = 4, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "set MTU_DISCOVER 2; write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1;"
			"icmp toobig seq 1 mtu 600; skim; err none; icmp toobig seq 1 mtu 68; skim; info snd_mss = 512;"
			"err EMSGSIZE" } },
	{ "too_big_%s_has_a_floor", "RFC 8201 4", .only = 6, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 68; skim;"
			"info snd_mss >= 1212" } },
	{ "too_big_%s_other_sequence", "RFC 5927 7.2", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 2*A+2 mtu 1300; none;"
			"icmp toobig seq -1 mtu 1300; none; info snd_mss = A", .counters = "OutOfWindowIcmps=2" } },
	/* what is in flight goes again for the first alone, but for the timeouts of a slow machine */
	{ "too_big_%s_storm", "RFC 1191 6.3, RFC 5927 7.2", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 1300; skim;"
			"icmp toobig seq 1 mtu 1300 x1000; skim; info total_retrans <= 12; info snd_mss = A-200;"
			"< . 1 ack 2*A+1; none; write A; > p. 2*A+1(A-200) ack 1; > P. 3*A-199(200) ack 1;"
			"< . 1 ack 3*A+1; none" } },
	/* each is below the one before: what is in flight goes again; 8 more for timeouts of a slow machine */
	{ "too_big_%s_storm_that_falls", "RFC 1191 6.3, RFC 5927 7.2", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 1499 less 1 x210; skim;"
			"info snd_mss = A-210; info total_retrans <= 4*210+8; < . 1 ack 2*A+1; skim; write 1000;"
			"> P. 2*A+1(1000) ack 1; < . 1 ack 2*A+1001; none" } },
	/* A program that sends without DF, or that believes the device alone, has no use for a path MTU. */
	{ "too_big_%s_when_routers_may_cut", "RFC 1191 6.3", .only = 4, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "set MTU_DISCOVER 0; write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1;"
			"icmp toobig seq 1 mtu 1300; none; info snd_mss = A; < . 1 ack 2*A+1; none" } },
	{ "too_big_%s_when_the_device_alone_is_believed", "RFC 1191 6.3", .only = 4, .in = ESTABLISHED,
		.syn = "mss 9000",
		.want = { "set MTU_DISCOVER 4; write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1;"
			"icmp toobig seq 1 mtu 1300; none; info snd_mss = A; < . 1 ack 2*A+1; none" } },
	{ "too_big_%s_of_a_jumbogram", "RFC 8201 4", .only = 6, .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 70000; none;"
			"info snd_mss = A; < . 1 ack 2*A+1; none" } },
	/* nobody tells of it. A is another number then */
	{ "mtu_of_the_device_%s", "RFC 9293 3.7.1", .id = "MUST-16", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { DEVICE_MTU } },
	{ "mtu_of_the_device_%s_while_it_looks_for_a_local_peer", "RFC 9293 3.7.1", .in = ESTABLISHED,
		.syn = "mss 9000", .want = { "sysctl local 1;" DEVICE_MTU },
		.kernel_differs = "hands nothing over", .kernel.script = DEVICE_MTU },
	/* what goes again is cut where it was cut before */
	{ "mtu_of_the_device_%s_grows_before_a_timeout", "RFC 9293 3.8.1", .in = ESTABLISHED, .syn = "mss 9000",
		.pre = "bundles 64",
		.want = { "mtu 1300; write 5*A; > p. 1(A) ack 1 x4; > P. 4*A+1(A) ack 1; mtu 1500;"
			">@1500 p. 1(A-200) ack 1; < . 1 ack A-199; > p. A-199(A-200) ack 1 x2; none;"
			"< . 1 ack 5*A-999; none" },
		.kernel_differs = "cuts what goes again by the new MSS",
		.kernel.script = "mtu 1300; write 5*A; > p. 1(A) ack 1 x4; > P. 4*A+1(A) ack 1; mtu 1500;"
			">@1500 p. 1(A) ack 1; < . 1 ack 5*A-999; skim" },
	{ "too_big_%s_larger_than_now", "RFC 1191 6.3", .in = ESTABLISHED, .syn = "mss 9000",
		.want = { "write 2*A; > p. 1(A) ack 1; > P. A+1(A) ack 1; icmp toobig seq 1 mtu 9000; none;"
			"info snd_mss = A" } },
};

WIRE_MAIN(rows)
