// SPDX-License-Identifier: GPL-2.0
/*
 * The policy table: rules for connections that begin, by address, port and cgroup, written by generic netlink.
 * What each field makes of a connection, in both directions; which rule wins; what a program or a route says beats
 * it; what is listed. Last, `xtcp policy` itself. Attacks are the matter of policy_attacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/xtcp.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/must.h"
#include "lib/needs.h"
#include "lib/netem.h"
#include "lib/ns.h"
#include "lib/rules.h"
#include "lib/same.h"
#include "lib/sides.h"
#include "lib/stack.h"
#include "lib/wait.h"

NEEDS_SCRIPTS;

#define PORT		8500

/* older headers lack these */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS		44
#endif
#ifndef TCP_RTO_MIN_US
#define TCP_RTO_MIN_US		45
#define TCP_DELACK_MAX_US	46
#endif
#define MAPPED_B4	"::ffff:" NS_B4
#define MAPPED_A4	"::ffff:" NS_A4

static struct ns_pair net;
static int next_port = PORT;

/* The result of what was compared since the last one. */
static void result(const char *what)
{
	ksft_test_result(!problems, "%s\n", what);
	problems = 0;
}

static void close_all(int a, int b)
{
	close(a);
	close(b);
}

static void set_congestion(int fd, const char *name)
{
	must(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)), "TCP_CONGESTION");
}

/* A connection from xtcp in net.a to kernel TCP in net.b. */
static void active(const char *to, int *fd, int *peer)
{
	stack_pair_or_die(net.a, XTCP, net.b, KERNEL, to, next_port++, fd, peer);
}

/* From kernel TCP in net.b to xtcp in net.a. */
static void passive(const char *at, int *fd, int *peer)
{
	stack_pair_or_die(net.b, KERNEL, net.a, XTCP, at, next_port++, peer, fd);
}

static void fields_are(int fd, int peer)
{
	SAME(rules_has_congestion(fd, "bbr"), true);
	SAME(rules_cwnd_of(fd), 23);
	SAME(rules_rate_of(fd), 12345678);
	SAME(stack_carries(fd, peer, 100000) && stack_carries(peer, fd, 100000), true);
	close_all(fd, peer);
}

static void fields_are_not(int fd, int peer)
{
	SAME(rules_has_congestion(fd, "cubic"), true);
	SAME(rules_cwnd_of(fd), 10);
	SAME(rules_rate_of(fd), UINT32_MAX);
	close_all(fd, peer);
}

#define FIELDS	" cc=bbr initcwnd=23 rate=12345678"

#define TIMERS	" rto_min_us=40000 rto_max_ms=3000 delack_max_us=80000 user_timeout_ms=54321 keepalive=1 keepidle=77" \
		" keepintvl=33 keepcnt=4"

static const struct {
	int level, name, value, own, usual;	/* of the rule, of the program, without both */
} timers[] = {
	{ IPPROTO_TCP, TCP_RTO_MIN_US, 40000, 80000, 200000 },
	{ IPPROTO_TCP, TCP_RTO_MAX_MS, 3000, 4000, 120000 },
	{ IPPROTO_TCP, TCP_DELACK_MAX_US, 80000, 120000, 200000 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 54321, 11111, 0 },
	{ SOL_SOCKET, SO_KEEPALIVE, 1, 1, 0 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 77, 66, 7200 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 33, 22, 75 },
	{ IPPROTO_TCP, TCP_KEEPCNT, 4, 5, 9 },
};

#define TIMER_OPTIONS	((int)ARRAY_SIZE(timers))
#define NONE		TIMER_OPTIONS	/* of the options is the program's */

static int option(int fd, int i)
{
	socklen_t len = sizeof(int);
	int value = -1;

	must(!getsockopt(fd, timers[i].level, timers[i].name, &value, &len), "getsockopt");
	return value;
}

static void set_option(int fd, int i)
{
	must(!setsockopt(fd, timers[i].level, timers[i].name, &timers[i].own, sizeof(int)), "setsockopt");
}

/* The rule has set all but option @own, which the program has set. */
static void timers_are(int fd, int own)
{
	int i;

	for (i = 0; i < TIMER_OPTIONS; i++)
		if (option(fd, i) != (i == own ? timers[i].own : timers[i].value)) {
			ksft_print_msg("option %d is %d, and that of the program %d\n", i, option(fd, i), own);
			problems++;
		}
}

/* There is no rule. Option @own is the program's. */
static void timers_are_not(int fd, int own)
{
	int i;

	for (i = 0; i < TIMER_OPTIONS; i++)
		if (option(fd, i) != (i == own ? timers[i].own : timers[i].usual)) {
			ksft_print_msg("without a rule, option %d is %d, and that of the program %d\n", i,
				       option(fd, i), own);
			problems++;
		}
}

static void each_timer(const char *own, const char *peer_addr, const char *rule, const char *what)
{
	int fd, peer;

	SAME(rules_replace(rule), 0);
	active(peer_addr, &fd, &peer);
	timers_are(fd, NONE);
	close_all(fd, peer);
	passive(own, &fd, &peer);
	timers_are(fd, NONE);
	close_all(fd, peer);
	SAME(rules_replace("to=192.0.2.1" TIMERS), 0);
	active(peer_addr, &fd, &peer);
	timers_are_not(fd, NONE);
	close_all(fd, peer);
	result(what);
}

/* The program sets one of them before connect(), on the listener, or afterwards; and then it connects again. */
static void program_has_timers(void)
{
	const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int i, fd, peer, port = next_port++, listener = stack_listener(net.b, KERNEL, NS_B4, port, true), own;

	must(listener >= 0, "listener");
	for (i = 0; i < TIMER_OPTIONS; i++) {
		SAME(rules_replace(TIMERS), 0);
		fd = stack_socket(net.a, XTCP, NS_B4);
		must(fd >= 0, "socket");
		set_option(fd, i);
		must(!stack_connect(fd, NS_B4, port), "connect");
		peer = accept(listener, NULL, NULL);
		timers_are(fd, i);
		close(peer);
		SAME(rules_replace(""), 0);
		must(!connect(fd, &unspec, sizeof(unspec)), "disconnect");
		timers_are_not(fd, i);
		close(fd);
	}
	result("an option of the program before connect() stays, also when it connects again; those of the rule go");
	for (i = 0; i < TIMER_OPTIONS; i++) {
		SAME(rules_replace(TIMERS), 0);
		fd = stack_connected(net.a, XTCP, NS_B4, port);
		must(fd >= 0, "connect");
		peer = accept(listener, NULL, NULL);
		set_option(fd, i);
		timers_are(fd, i);
		close(peer);
		SAME(rules_replace(""), 0);
		must(!connect(fd, &unspec, sizeof(unspec)), "disconnect");
		timers_are_not(fd, i);
		close(fd);
	}
	result("an option that the program sets afterwards is its own from then on");
	close(listener);
	SAME(rules_replace(TIMERS), 0);
	for (i = 0; i < TIMER_OPTIONS; i++) {
		own = stack_listener(net.a, XTCP, NS_A4, port, true);
		must(own >= 0, "listener");
		set_option(own, i);
		peer = stack_connected(net.b, KERNEL, NS_A4, port);
		fd = accept(own, NULL, NULL);
		must(peer >= 0 && fd >= 0, "accept");
		timers_are(fd, i);
		timers_are_not(own, i);
		close_all(fd, peer);
		close(own);
	}
	result("an option of the listener stays in its children, and the listener does not change");
}

static int rto_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info.tcpi_rto;
}

static void ends_in_silence(int fd, int peer)
{
	int err = 0;
	socklen_t len = sizeof(err);

	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	SAME(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && err == ETIMEDOUT, true);
	close_all(fd, peer);
}

static int unacked(int fd)
{
	int len = -1;

	must(!ioctl(fd, TIOCOUTQ, &len), "TIOCOUTQ");
	return len;
}

/* For how long is the ACK of a small segment delayed, milliseconds, the shortest of some? */
static int shortest_delay(int fd, int peer)
{
	int off = 0, i, delay, shortest = INT_MAX;
	long long began;
	char text;

	for (i = 0; i < 5; i++) {
		must(!setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off)), "TCP_QUICKACK");
		began = wait_now_ms();
		must(write(peer, "", 1) == 1 && read(fd, &text, 1) == 1, "a segment");
		must(WAIT_FOR(!unacked(peer), STACK_DEADLINE_MS), "ACK");
		delay = wait_now_ms() - began;
		if (delay < shortest)
			shortest = delay;
	}
	return shortest;
}

static void bounds_work(void)
{
	int fd, peer;

	SAME(rules_replace("delack_max_us=20000"), 0);
	active(NS_B4, &fd, &peer);
	SAME(shortest_delay(fd, peer) < 36, true);
	close_all(fd, peer);
	passive(NS_A4, &fd, &peer);
	SAME(shortest_delay(fd, peer) < 36, true);
	close_all(fd, peer);
	SAME(rules_replace(""), 0);
	active(NS_B4, &fd, &peer);
	SAME(shortest_delay(fd, peer) >= 36, true);
	close_all(fd, peer);
	result("a short delay of ACKs");
	SAME(rules_replace("rto_min_us=40000 rto_max_ms=1000"), 0);
	active(NS_B4, &fd, &peer);
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(write(fd, "", 1) == 1, "write");
	SAME(WAIT_FOR(rto_of(fd) >= 1000000, STACK_DEADLINE_MS), true);
	wait_until_ms(wait_now_ms() + 2500);
	SAME(rto_of(fd), 1000000);
	must(!netem_gate(net.a, "veth0", true), "gate");
	close_all(fd, peer);
	result("a retransmission timeout that grows no further");
}

static void timers_work(void)
{
	int fd, peer;

	SAME(rules_replace("rto_min_us=40000"), 0);
	active(NS_B4, &fd, &peer);
	SAME(stack_carries(fd, peer, 1000) && rto_of(fd) < 200000, true);
	close_all(fd, peer);
	passive(NS_A4, &fd, &peer);
	SAME(stack_carries(fd, peer, 1000) && rto_of(fd) < 200000, true);
	close_all(fd, peer);
	result("a short retransmission timeout, from the first sample on");
	SAME(rules_replace("keepalive=1 keepidle=1 keepintvl=1 keepcnt=1"), 0);
	active(NS_B4, &fd, &peer);
	must(!netem_gate(net.a, "veth0", false), "gate");
	ends_in_silence(fd, peer);
	must(!netem_gate(net.a, "veth0", true), "gate");
	passive(NS_A4, &fd, &peer);
	must(!netem_gate(net.a, "veth0", false), "gate");
	ends_in_silence(fd, peer);
	result("keepalive ends a connection whose peer is gone");
	SAME(rules_replace("user_timeout_ms=1000"), 0);
	fd = stack_socket(net.a, XTCP, NS_B4);
	SAME(stack_connect(fd, NS_B4, next_port++) && errno == ETIMEDOUT, true);
	close(fd);
	must(!netem_gate(net.a, "veth0", true), "gate");
	SAME(rules_replace(""), 0);
	result("a user timeout ends connect()");
}

static void timers_out_of_range(void)
{
	static const char * const wrong[] = {
		"rto_min_us=0", "rto_min_us=200001", "rto_min_us=0xffffffff", "rto_min_us=0x80000001", "rto_max_ms=999",
		"rto_max_ms=120001", "rto_max_ms=0xffffffff", "delack_max_us=0", "delack_max_us=204001",
		"user_timeout_ms=0", "user_timeout_ms=0x80000000", "keepalive=0", "keepalive=2", "keepidle=0",
		"keepidle=32768", "keepintvl=0",
		"keepintvl=32768", "keepcnt=0", "keepcnt=128",
	};
	unsigned int i;

	SAME(rules_replace("dport=80" TIMERS), 0);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		if (rules_replace(wrong[i]) != ERANGE) {
			ksft_print_msg("it takes %s\n", wrong[i]);
			problems++;
		}
	rules_list_is(net.a, "hits=0 dport=80 rto_min_us=40000 rto_max_ms=3000 delack_max_us=80000 "
		     "user_timeout_ms=54321 keepalive=on keepidle=77 keepintvl=33 keepcnt=4\n");
	result("timers out of range are refused; the list has those that were taken");
}

/* @peer: a rule for it; @other: a rule that is for none of the connections */
static void each_field(const char *own, const char *peer_addr, const char *rule, const char *other, const char *what)
{
	int fd, peer;

	SAME(rules_replace(rule), 0);
	active(peer_addr, &fd, &peer);
	fields_are(fd, peer);
	passive(own, &fd, &peer);
	fields_are(fd, peer);
	SAME(rules_replace(other), 0);
	active(peer_addr, &fd, &peer);
	fields_are_not(fd, peer);
	passive(own, &fd, &peer);
	fields_are_not(fd, peer);
	result(what);
}

static void by_ports(void)
{
	char rule[128];
	int fd, peer, port = next_port;

	snprintf(rule, sizeof(rule), "dport=%d" FIELDS, port);
	SAME(rules_replace(rule), 0);
	active(NS_B4, &fd, &peer);
	fields_are(fd, peer);
	active(NS_B4, &fd, &peer);
	fields_are_not(fd, peer);
	next_port = port;
	active(NS_B6, &fd, &peer);
	fields_are(fd, peer);
	result("by the foreign port, of the server that a program connects to");
	port = next_port;
	snprintf(rule, sizeof(rule), "sport=%d" FIELDS, port);
	SAME(rules_replace(rule), 0);
	passive(NS_A4, &fd, &peer);
	fields_are(fd, peer);
	passive(NS_A4, &fd, &peer);
	fields_are_not(fd, peer);
	next_port = port;
	passive(NS_A6, &fd, &peer);
	fields_are(fd, peer);
	next_port = port;
	active(NS_B4, &fd, &peer);
	fields_are_not(fd, peer);
	result("by the local port, of a listener");
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
	const struct linger at_once = { .l_onoff = 1 };
	int fd, peer, listener = stack_listener(net.b, KERNEL, NS_B4, 8499, true);
	unsigned int i;

	must(listener >= 0, "listener");
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		SAME(rules_replace(row[i].rules), 0);
		fd = stack_bound(net.a, XTCP, NS_A4, 8498, true);
		must(fd >= 0 && !stack_connect(fd, NS_B4, 8499), "connect");
		peer = accept(listener, NULL, NULL);
		if (!rules_has_congestion(fd, row[i].cc)) {
			ksft_print_msg("not %s with %s\n", row[i].cc, row[i].rules);
			problems++;
		}
		/* a RST: the port is free again */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close_all(fd, peer);
	}
	close(listener);
	result("the most specific rule counts, and nothing of another");
}

/* Runs the tool in net.a; its exit status. What it says must have @words in it. */
static int tool(const char *arguments, const char *words)
{
	return ns_shell(net.a, "out=$(scripts/tools/xtcp-policy %s 2>&1); status=$?; case $out in *'%s'*) ;;"
			" *) echo \"# $out\"; status=99 ;; esac; exit $status", arguments, words);
}

#define TREE	"/tmp/xtcp_policy"
#define GROUP	TREE "/xtcp_policy"
#define BELOW	GROUP "/below"
#define OTHER	TREE "/xtcp_policy_other"

static unsigned long long id_of(const char *group)
{
	struct stat st;

	must(!stat(group, &st), group);
	return st.st_ino;
}

static void enter_group(const char *group)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, "0", 1) == 1, path);
	close(fd);
}

/* The algorithm of a connection whose socket was made there: its program is elsewhere when it connects. */
static void made_in(const char *group, const char *cc)
{
	int fd, peer, listener = stack_listener(net.b, KERNEL, NS_B4, next_port, true);

	enter_group(group);
	fd = stack_socket(net.a, XTCP, NS_B4);
	enter_group(TREE);
	must(fd >= 0 && listener >= 0 && !stack_connect(fd, NS_B4, next_port++), "connect");
	peer = accept(listener, NULL, NULL);
	if (!rules_has_congestion(fd, cc)) {
		ksft_print_msg("an active connection of %s is to have %s\n", group, cc);
		problems++;
	}
	close(listener);
	close_all(fd, peer);
	enter_group(group);
	listener = stack_listener(net.a, XTCP, NS_A4, next_port, true);
	enter_group(TREE);
	peer = stack_connected(net.b, KERNEL, NS_A4, next_port++);
	fd = accept(listener, NULL, NULL);
	must(listener >= 0 && peer >= 0 && fd >= 0, "accept");
	if (!rules_has_congestion(fd, cc)) {
		ksft_print_msg("a passive connection of %s is to have %s\n", group, cc);
		problems++;
	}
	close(listener);
	close_all(fd, peer);
}

/* BELOW is removed after a program there has made a listener, and made again. */
static void listener_of_gone(void)
{
	int fd, peer, listener;
	char rule[64];

	snprintf(rule, sizeof(rule), "cgroup=%llu cc=bbr", id_of(BELOW));
	SAME(rules_replace(rule), 0);
	enter_group(BELOW);
	listener = stack_listener(net.a, XTCP, NS_A4, next_port, true);
	enter_group(TREE);
	must(listener >= 0 && !rmdir(BELOW) && !mkdir(BELOW, 0755), BELOW);
	peer = stack_connected(net.b, KERNEL, NS_A4, next_port++);
	fd = accept(listener, NULL, NULL);
	must(peer >= 0 && fd >= 0, "accept");
	SAME(rules_has_congestion(fd, "bbr"), true);
	close(listener);
	close_all(fd, peer);
	made_in(BELOW, "cubic");
	SAME(rules_replace(""), 0);
}

/* A user without rights may name a cgroup, and root's terminal shows that name. */
static void odd_names(void)
{
	static const char * const names[] = { "a b", "a#b", "a\033[2Jb", "a\377b" };
	char path[64], words[128];
	unsigned long long id;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), GROUP "/%s", names[i]);
		must(!mkdir(path, 0755), path);
		id = id_of(path);
		snprintf(words, sizeof(words), "cgroup=%llu cc=bbr", id);
		SAME(rules_replace(words), 0);
		snprintf(words, sizeof(words), "cgroup=%llu cc=bbr # 0 hits", id);
		SAME(tool("list", words), 0);
		SAME(tool("list | grep -c such", "0"), 1);
		must(!rmdir(path), path);
		snprintf(words, sizeof(words), "cgroup=%llu cc=bbr # 0 hits, no such cgroup is here", id);
		SAME(tool("list", words), 0);
	}
	SAME(rules_replace(""), 0);
}

static void by_cgroup(void)
{
	static const char * const what[] = {
		"by the cgroup, or one above it", "the deepest cgroup counts, after address and ports",
		"a cgroup that is gone: its rule matches no new socket, and can be deleted",
		"a cgroup that is gone: its rule still matches the children of a listener that was made there",
		"xtcp policy takes the path of a cgroup, and lists it",
		"xtcp policy lists the id of a cgroup whose name is no single word, or whose folder is gone",
	};
	char rules[512], row[128];
	unsigned long long id;
	unsigned int i;

	mkdir(TREE, 0755);
	if (mount("none", TREE, "cgroup2", 0, NULL)) {
		for (i = 0; i < ARRAY_SIZE(what); i++)
			ksft_test_result_skip("the kernel cannot mount cgroups of version 2: %s\n", what[i]);
		return;
	}
	must(!mkdir(GROUP, 0755) && !mkdir(BELOW, 0755) && !mkdir(OTHER, 0755), "cgroups");
	snprintf(rules, sizeof(rules), "cgroup=%llu cc=bbr", id_of(GROUP));
	SAME(rules_replace(rules), 0);
	made_in(GROUP, "bbr");
	made_in(BELOW, "bbr");
	made_in(OTHER, "cubic");
	made_in(TREE, "cubic");
	result(what[0]);
	snprintf(rules, sizeof(rules), "cgroup=%llu cc=bbr; cgroup=%llu cc=dctcp; cgroup=%llu cc=reno;"
		 "sport=%d cgroup=%llu cc=bbr; to=::/0 cgroup=%llu", id_of(GROUP), id_of(BELOW), id_of(TREE),
		 next_port + 9, id_of(OTHER), id_of(BELOW));
	SAME(rules_replace(rules), 0);
	made_in(GROUP, "bbr");
	made_in(BELOW, "dctcp");
	made_in(TREE, "reno");
	made_in(OTHER, "reno");
	next_port++;
	made_in(BELOW, "dctcp");
	result(what[1]);
	id = id_of(BELOW);
	snprintf(rules, sizeof(rules), "cgroup=%llu cc=bbr", id);
	SAME(rules_replace(rules), 0);
	must(!rmdir(BELOW), BELOW);
	snprintf(row, sizeof(row), "hits=0 cgroup=%llu cc=bbr\n", id);
	rules_list_is(net.a, row);
	must(!mkdir(BELOW, 0755), BELOW);
	made_in(BELOW, "cubic");
	SAME(rules_request(XTCP_CMD_POLICY_ADD, rules), ENOENT);
	rules_said("there is no such cgroup");
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "cgroup=12345678901234567 cc=bbr"), ENOENT);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "cgroup=12345678901234567"), ENOENT);
	rules_list_is(net.a, row);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, rules), 0);
	rules_list_is(net.a, "");
	result(what[2]);
	listener_of_gone();
	result(what[3]);
	SAME(tool("add dport=80 cgroup=" BELOW " cc=bbr; scripts/tools/xtcp-policy add cgroup=/xtcp_policy", ""), 0);
	SAME(tool("list", "dport=80 cgroup=/xtcp_policy/below cc=bbr # 0 hits\ncgroup=/xtcp_policy # 0 hits"), 0);
	SAME(tool("add cgroup=/xtcp_policy/nosuch", "No such file"), 2);
	SAME(tool("del cgroup=xtcp_policy; scripts/tools/xtcp-policy del dport=80 cgroup=/xtcp_policy/below", ""), 0);
	rules_list_is(net.a, "");
	result(what[4]);
	odd_names();
	result(what[5]);
	must(!rmdir(BELOW) && !rmdir(GROUP) && !rmdir(OTHER) && !umount(TREE) && !rmdir(TREE), "cgroups");
}

static void program_wins(void)
{
	unsigned int rate = 7000000;
	int fd, peer, listener;

	SAME(rules_replace(FIELDS), 0);
	listener = stack_listener(net.b, KERNEL, NS_B4, next_port, true);
	fd = stack_socket(net.a, XTCP, NS_B4);
	must(fd >= 0 && listener >= 0, "sockets");
	set_congestion(fd, "reno");
	must(!setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), "SO_MAX_PACING_RATE");
	must(!stack_connect(fd, NS_B4, next_port++), "connect");
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_rate_of(fd), rate);
	SAME(rules_cwnd_of(fd), 23);
	close_all(fd, listener);
	listener = stack_listener(net.a, XTCP, NS_A4, next_port, true);
	must(listener >= 0, "listener");
	set_congestion(listener, "reno");
	must(!setsockopt(listener, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), "SO_MAX_PACING_RATE");
	peer = stack_connected(net.b, KERNEL, NS_A4, next_port++);
	fd = accept(listener, NULL, NULL);
	must(peer >= 0 && fd >= 0, "accept");
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_rate_of(fd), rate);
	SAME(rules_cwnd_of(fd), 23);
	SAME(rules_has_congestion(listener, "reno"), true);
	close(listener);
	close_all(fd, peer);
	result("what the program has set before connect() or listen() stays");
	active(NS_B4, &fd, &peer);
	set_congestion(fd, "reno");
	SAME(rules_has_congestion(fd, "reno"), true);
	close_all(fd, peer);
	result("a program can choose another congestion control afterwards");
}

static void route_wins(void)
{
	int fd, peer;

	SAME(rules_replace(FIELDS), 0);
	must(!ns_shell(net.a, "ip route replace 10.9.0.0/24 dev veth0 congctl reno initcwnd 5"), "route");
	active(NS_B4, &fd, &peer);
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_cwnd_of(fd), 5);
	SAME(rules_rate_of(fd), 12345678);
	close_all(fd, peer);
	passive(NS_A4, &fd, &peer);
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(rules_cwnd_of(fd), 5);
	close_all(fd, peer);
	must(!ns_shell(net.a, "ip route replace 10.9.0.0/24 dev veth0"), "route");
	result("a metric of the route beats the rule");
}

/* The program, or an administrator, limits the rate of a connection that a rule limits already. */
static void limit_again(int listener, int port)
{
	const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	static const char * const what[] = {
		"so is a limit of pacing",
		"and one that an administrator sets by xtcp ss --set, even to what the rule had",
	};
	unsigned int own[] = { 7000000, 12345678 }, i;
	int fd, peer;

	for (i = 0; i < ARRAY_SIZE(own); i++) {
		SAME(rules_replace("to=" NS_B4 FIELDS), 0);
		active(NS_B4, &fd, &peer);
		if (!i)
			must(!setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &own[i], sizeof(own[i])), "limit");
		else
			SAME(ns_shell(net.a, "scripts/tools/xtcp-ss --set pacing=98765424bit dst " NS_B4
				      " >/dev/null"), 0);
		SAME(rules_rate_of(fd), own[i]);
		close(peer);
		SAME(rules_replace(""), 0);
		must(!connect(fd, &unspec, sizeof(unspec)) && !stack_connect(fd, NS_B4, port), "connect");
		peer = accept(listener, NULL, NULL);
		SAME(rules_rate_of(fd), own[i]);
		close_all(fd, peer);
		result(what[i]);
	}
}

static void again(void)
{
	const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int fd, peer, listener = stack_listener(net.b, KERNEL, NS_B4, next_port, true), port = next_port++;

	SAME(rules_replace("to=" NS_B4 FIELDS), 0);
	active(NS_B4, &fd, &peer);
	SAME(rules_has_congestion(fd, "bbr"), true);
	close(peer);
	SAME(rules_replace(""), 0);
	must(listener >= 0 && !connect(fd, &unspec, sizeof(unspec)) && !stack_connect(fd, NS_B4, port), "connect");
	peer = accept(listener, NULL, NULL);
	fields_are_not(fd, peer);
	result("what a rule has set is gone when the socket connects again");
	SAME(rules_replace("to=" NS_B4 FIELDS), 0);
	active(NS_B4, &fd, &peer);
	set_congestion(fd, "reno");
	close(peer);
	SAME(rules_replace(""), 0);
	must(!connect(fd, &unspec, sizeof(unspec)) && !stack_connect(fd, NS_B4, port), "connect");
	peer = accept(listener, NULL, NULL);
	SAME(rules_has_congestion(fd, "reno"), true);
	close_all(fd, peer);
	result("what the program has set meanwhile is not");
	limit_again(listener, port);
	SAME(rules_replace("to=" NS_B4 FIELDS), 0);
	fd = stack_socket(net.a, XTCP, NS_B4);
	must(fd >= 0 && stack_connect(fd, NS_B4, 1) && errno == ECONNREFUSED, "a refused connect");
	SAME(rules_has_congestion(fd, "cubic"), true);
	SAME(rules_rate_of(fd), UINT32_MAX);
	close_all(fd, listener);
	result("nor does it stay after connect() has failed");
}

static void listed(void)
{
	int fd, peer;

	SAME(rules_replace("to=2001:db8::/32 dport=443 cc=bbr; cc=reno rate=1000; to=10.0.0.0/8 sport=80 initcwnd=20;"
		     "to=10.9.0.2 initcwnd=4"), 0);
	rules_list_is(net.a, "hits=0 to=2001:db8::/32 dport=443 cc=bbr\n"
		     "hits=0 to=10.9.0.2/32 initcwnd=4\n"
		     "hits=0 to=10.0.0.0/8 sport=80 initcwnd=20\n"
		     "hits=0 cc=reno max_pacing_rate=1000\n");
	rules_list_is(net.b, "");
	active(NS_B4, &fd, &peer);
	close_all(fd, peer);
	passive(NS_A4, &fd, &peer);
	close_all(fd, peer);
	active(NS_B6, &fd, &peer);
	close_all(fd, peer);
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "to=fd00:9::/64 cc=bbr"), 0);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "to=10.0.0.0/8 sport=80; to=2001:db8::/32 dport=443"), 0);
	rules_list_is(net.a, "hits=0 to=fd00:9::/64 cc=bbr\n"
		     "hits=2 to=10.9.0.2/32 initcwnd=4\n"
		     "hits=1 cc=reno max_pacing_rate=1000\n");
	result("the list, its order, and how often each rule was obeyed; hits stay when others come and go");
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "to=fd00:9::/64; to=10.9.0.2"), 0);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "cc=reno"), 0);
	rules_list_is(net.a, "");
	result("the last rule is deleted; del looks at the key alone");
}

/* What `xtcp policy` takes, and what it says. */
static void by_the_tool(void)
{
	SAME(tool("add to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 pacing=100mbit", ""), 0);
	rules_list_is(net.a, "hits=0 to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 max_pacing_rate=12500000\n");
	SAME(tool("add dport=443 to=10.0.0.0/8", "xtcp-policy: there is a rule with this key already"), 1);
	SAME(tool("add to=10.0.0.1/8", "host bits"), 2);
	must(!ns_shell(net.a, "printf 'cc=reno # all\n\nto=::/0 cc=nosuch\n' >/tmp/xtcp_rules"), "rules");
	SAME(tool("replace - </tmp/xtcp_rules", "line 3: there is no such congestion control"), 1);
	SAME(tool("add sport=22 cc=reno rto_min=40 rto_max=2000 delack_max=80 user_timeout=1 keepalive=60 keepcnt=3",
		  ""), 0);
	SAME(tool("list", "to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 pacing=100mbit # 0 hits\n"
		  "sport=22 cc=reno rto_min=40 rto_max=2000 delack_max=80 user_timeout=1 keepalive=on keepidle=60 "
		  "keepcnt=3 # 0 hits"), 0);
	SAME(tool("list >/tmp/xtcp_rules; scripts/tools/xtcp-policy del dport=443 to=10.0.0.0/8", ""), 0);
	rules_list_is(net.a, "hits=0 sport=22 cc=reno rto_min_us=40000 rto_max_ms=2000 delack_max_us=80000 "
		     "user_timeout_ms=1 keepalive=on keepidle=60 keepcnt=3\n");
	SAME(tool("replace /tmp/xtcp_rules; rm /tmp/xtcp_rules", ""), 0);
	rules_list_is(net.a, "hits=0 to=10.0.0.0/8 dport=443 cc=bbr initcwnd=20 max_pacing_rate=12500000\n"
		     "hits=0 sport=22 cc=reno rto_min_us=40000 rto_max_ms=2000 delack_max_us=80000 user_timeout_ms=1 "
		     "keepalive=on keepidle=60 keepcnt=3\n");
	SAME(tool("replace /dev/null", ""), 0);
	rules_list_is(net.a, "");
	result("xtcp policy lists, adds, deletes and replaces rules, and takes what it lists");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(34);
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	sides_know_each_other(&net);
	each_field(NS_A4, NS_B4, "to=10.9.0.0/24" FIELDS, "to=10.9.1.0/24" FIELDS "; to=::/0" FIELDS,
		   "each field, IPv4");
	each_field(NS_A6, NS_B6, "to=fd00:9::/64" FIELDS, "to=fd00:a::/64" FIELDS "; to=0.0.0.0/0" FIELDS,
		   "each field, IPv6");
	each_field(MAPPED_A4, MAPPED_B4, "to=10.9.0.2/32" FIELDS, "to=10.9.0.1/32" FIELDS "; to=::/0" FIELDS,
		   "each field, IPv4 by an IPv6 socket");
	by_ports();
	each_timer(NS_A4, NS_B4, "to=10.9.0.0/24" TIMERS, "each timer, IPv4");
	each_timer(NS_A6, NS_B6, "to=fd00:9::/64" TIMERS, "each timer, IPv6");
	program_has_timers();
	timers_work();
	bounds_work();
	timers_out_of_range();
	which_wins();
	by_cgroup();
	program_wins();
	route_wins();
	again();
	listed();
	by_the_tool();
	ns_pair_close(&net);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
