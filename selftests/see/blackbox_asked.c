// SPDX-License-Identifier: GPL-2.0
/*
 * Black boxes that an administrator asks for, whatever net.xtcp.blackbox says: xtcp-ss --set gives one to a live
 * connection, and takes it; rules of the policy table give them to connections that begin, or deny them. Who may do so,
 * and what happens when there is no room or no memory for a box. Which connections a rule chooses is the matter of
 * policy.
 */
#include "lib/boxes.h"
#include "lib/ruled.h"
#include "lib/test.h"

NEEDS_SCRIPTS;

#define PORT		8900
#define KNOB		"net.xtcp.blackbox"
#define NOBODY		65534
#define BOX		3208	/* octets of a box */
#define GUESTS		5	/* boxes for a guest */
#define SETTLED_MS	1500	/* nobody writes into boxes any more, unless one is there */
#define TWO_BOXES	7	/* KiB */
#define ALLOCATIONS	100	/* more than a connect() has */
#define SWEEPS_MAX	5
#define NO_MEMORY	"no memory or no room (blackbox_mem) for a black box"

static long long count(const char *name)
{
	return counter_now(ruled_net.a, "/proc/net/xtcp_netstat", name);
}

#define KEPT()		count("TcpExt:TCPBlackboxKept")
#define REFUSED()	count("TcpExt:TCPBlackboxRefused")

static void connection(struct setting_target *t, const char *addr, const char *peer_addr, int *fd, int *peer)
{
	ruled_active(peer_addr, fd, peer);
	*t = (struct setting_target){
		.addr = addr, .peer_addr = peer_addr, .port = stack_port(*fd), .peer_port = stack_port(*peer),
		.cookie = setting_cookie(*fd),
	};
}

/* @cc: another change in the same request; NULL: none. */
static void start(struct netlink_request *req, const struct setting_target *t, unsigned char box, const char *cc)
{
	setting_start(req, t);
	netlink_put(req, XTCP_SET_BLACKBOX, &box, sizeof(box));
	if (cc)
		netlink_put_string(req, XTCP_SET_CONGESTION, cc);
}

static int ask(const struct setting_target *t, unsigned char box, const char *cc)
{
	struct netlink_request req;

	start(&req, t, box, cc);
	return setting_ask(&req);
}

static void reset(int fd)
{
	must(!stack_abort(fd), "SO_LINGER");
}

/* The box of a connection begins when it is given, and stays when the connection is reset. */
static void given(const char *addr, const char *peer_addr, const char *what)
{
	long long kept = KEPT();
	struct setting_target t;
	int fd, peer;
	const char *box;

	connection(&t, addr, peer_addr, &fd, &peer);
	must(stack_carries(fd, peer, 111), "data");
	SAME(boxes_of(ruled_net.a), 0);
	SAME(ask(&t, 1, NULL), 0);
	SAME(boxes_of(ruled_net.a), 1);
	wait_until_ms(wait_now_ms() + SETTLED_MS);
	must(stack_carries(fd, peer, 222) && stack_carries(peer, fd, 333), "data");
	box = boxes_find(ruled_net.a, t.port);
	SAME(BOXES_HAS(box, " ended=0.000000 ", " reason=none\n", " segment_out state=ESTABLISHED ", " len=222 ",
		       " call=send wanted=222 result=222 ", " segment_in state=ESTABLISHED ", " len=333 "), true);
	SAME(!!strstr(box, " len=111 "), false);
	reset(peer);
	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	box = boxes_find(ruled_net.a, t.port);
	SAME(BOXES_HAS(box, " error=104 reason=reset\n", " len=222 ", " abort state=ESTABLISHED error=104 ",
		       " new=CLOSED\n"), true);
	SAME(KEPT(), kept + 1);
	close(fd);
	boxes_forget(ruled_net.a);
	same_result(what);
}

/* Once more changes nothing; without a box the connection goes on, and leaves none. */
static void taken(void)
{
	long long kept = KEPT();
	struct setting_target t;
	int fd, peer;
	const char *box;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	SAME(ask(&t, 1, NULL), 0);
	must(stack_carries(fd, peer, 222), "data");
	SAME(ask(&t, 1, NULL), 0);
	box = boxes_find(ruled_net.a, t.port);
	SAME(boxes_of(ruled_net.a), 1);
	SAME(BOXES_HAS(box, " len=222 "), true);
	SAME(ask(&t, 0, NULL), 0);
	SAME(boxes_of(ruled_net.a), 0);
	SAME(ask(&t, 0, NULL), 0);
	SAME(stack_carries(fd, peer, 1000) && stack_carries(peer, fd, 1000), true);
	reset(peer);
	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	SAME(boxes_of(ruled_net.a), 0);
	SAME(KEPT(), kept);
	close(fd);
	same_result("a box that is taken is freed");
	must(!ns_sysctl_set(ruled_net.a, KNOB, "1"), KNOB);
	connection(&t, NS_A4, NS_B4, &fd, &peer);
	SAME(boxes_of(ruled_net.a), 1);
	SAME(ask(&t, 0, NULL), 0);
	SAME(boxes_of(ruled_net.a), 0);
	must(!ns_sysctl_set(ruled_net.a, KNOB, "0"), KNOB);
	close_each(fd, peer);
	same_result("so is one that the knob has given");
}

/* There is room for two. What the same request wants besides is not done either. */
static void without_room(void)
{
	long long refused = REFUSED();
	struct setting_target t[3];
	int fd[3], peer[3], i;

	boxes_set_bound(TWO_BOXES);
	for (i = 0; i < 3; i++)
		connection(&t[i], NS_A4, NS_B4, &fd[i], &peer[i]);
	SAME(ask(&t[0], 1, NULL), 0);
	SAME(ask(&t[1], 1, NULL), 0);
	SAME(REFUSED(), refused);
	SAME(ask(&t[2], 1, "bbr"), ENOBUFS);
	rules_said(NO_MEMORY);
	SAME(REFUSED(), refused + 1);
	SAME(boxes_of(ruled_net.a), 2);
	SAME(rules_has_congestion(fd[2], "cubic"), true);
	SAME(stack_carries(fd[2], peer[2], 1000), true);
	SAME(ask(&t[0], 0, NULL), 0);
	SAME(ask(&t[2], 1, "bbr"), 0);
	SAME(rules_has_congestion(fd[2], "bbr"), true);
	same_result("without room for another box: ENOBUFS, it is counted, and nothing is changed");
	SAME(ask(&t[1], 1, "nosuch"), ENOENT);
	SAME(boxes_of(ruled_net.a), 2);
	SAME(ask(&t[2], 0, NULL), 0);
	SAME(ask(&t[2], 1, "nosuch"), ENOENT);
	SAME(ask(&t[1], 0, "nosuch"), ENOENT);
	SAME(boxes_of(ruled_net.a), 1);
	same_result("if another change is refused, nobody gets a box or loses one");
	for (i = 0; i < 3; i++)
		close_each(fd[i], peer[i]);
	SAME(WAIT_FOR(!boxes_of(ruled_net.a), STACK_DEADLINE_MS), true);
	boxes_set_bound(4096);
}

static void orphan(void)
{
	long long kept = KEPT();
	struct setting_target t;
	int fd, peer;
	const char *box;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	must(!netem_gate(ruled_net.a, "veth0", false), "gate");
	must(send(fd, "abc", 3, 0) == 3, "send");
	close(fd);
	SAME(sides_row(ruled_net.a, XTCP, NS_A4, t.port, t.peer_port, TCP_FIN_WAIT1), true);
	SAME(ask(&t, 1, NULL), 0);
	must(!netem_gate(ruled_net.a, "veth0", true), "gate");
	reset(peer);
	SAME(WAIT_FOR(KEPT() == kept + 1, STACK_DEADLINE_MS), true);
	box = boxes_find(ruled_net.a, t.port);
	SAME(BOXES_HAS(box, " reason=reset\n", " segment_in state=FIN-WAIT-1 ", " new=CLOSED\n"), true);
	boxes_forget(ruled_net.a);
	same_result("an orphan gets a box, too");
}

static int ask_as(void *target)
{
	return ask(target, 1, NULL);
}

static int ask_unprivileged(void *target)
{
	must(!setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
	return ask(target, 1, NULL);
}

static void rights(void)
{
	int fd, peer, guest = must_have(ns_make_guest(), "guest");
	struct setting_target t;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	SAME(ns_child(ruled_net.a, ask_unprivileged, &t), EPERM);
	SAME(ns_child(guest, ask_as, &t), ESRCH);
	SAME(ns_child(ruled_net.b, ask_as, &t), ESRCH);
	SAME(boxes_of(ruled_net.a), 0);
	same_result("neither a user without CAP_NET_ADMIN nor another namespace gives a box");
	close(guest);
	close_each(fd, peer);
}

enum outcome { UNSENT, FAILED, DONE };

/* With @space octets of memory. The kernel may also have none for the request or for the answer. */
static enum outcome ask_with(const struct setting_target *t, long space)
{
	long long refused = REFUSED();
	int fd = generic_open(), sent;
	struct netlink_request req;

	start(&req, t, 1, "bbr");
	req.head.nlmsg_type = generic_family(fd, GENERIC_XTCP);
	failing_all(space);
	sent = send(fd, &req, req.head.nlmsg_len, 0);
	failing_all(-1);
	close(fd);
	if (boxes_of(ruled_net.a)) {
		SAME(REFUSED(), refused);
		return DONE;
	}
	SAME(REFUSED(), refused + (sent >= 0));
	return sent < 0 ? UNSENT : FAILED;
}

static void without_memory(void)
{
	const char *what = "memory runs out: it is counted, and nothing is changed";
	enum outcome outcome = UNSENT;
	struct setting_target t;
	int fd, peer, failed = 0;

	if (!failing_begin()) {
		ksft_test_result_skip("the kernel cannot let allocations fail: %s\n", what);
		return;
	}
	connection(&t, NS_A4, NS_B4, &fd, &peer);
	for (long space = 0; outcome != DONE && space < 65536; space += 256) {
		SAME(rules_has_congestion(fd, "cubic"), true);
		outcome = ask_with(&t, space);
		failed += outcome == FAILED;
	}
	ksft_print_msg("%d requests failed for want of memory\n", failed);
	SAME(outcome, DONE);
	SAME(failed > 0, true);
	SAME(rules_has_congestion(fd, "bbr"), true);
	SAME(stack_carries(fd, peer, 1000), true);
	close_each(fd, peer);
	SAME(WAIT_FOR(!boxes_of(ruled_net.a), STACK_DEADLINE_MS), true);
	same_result(what);
}

static int shell(const char *words)
{
	return ns_shell(ruled_net.a, "%s", words);
}

static void by_the_tool(void)
{
	struct setting_target t;
	int fd, peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	SAME(shell("scripts/tools/xtcp-ss -H --dry-run --set blackbox=on dst " NS_B4 " | grep -q ' blackbox=on$'"), 0);
	SAME(boxes_of(ruled_net.a), 0);
	SAME(shell("scripts/tools/xtcp-ss -H --set blackbox=on dst " NS_B4 " | grep -q ' blackbox=on$'"), 0);
	SAME(boxes_of(ruled_net.a), 1);
	must(stack_carries(fd, peer, 1000), "data");
	SAME(shell("scripts/tools/xtcp-blackbox --plain --calls show | grep -q 'LEN=1000'"), 0);
	SAME(shell("scripts/tools/xtcp-ss -H --set blackbox=off dst " NS_B4 " | grep -q ' blackbox=off$'"), 0);
	SAME(boxes_of(ruled_net.a), 0);
	boxes_set_bound(1);
	SAME(shell("scripts/tools/xtcp-ss --set blackbox=on dst " NS_B4 " 2>&1 >/dev/null | grep -q '" NO_MEMORY "'"),
	     0);
	boxes_set_bound(4096);
	SAME(shell("scripts/tools/xtcp-ss --set blackbox=1 dst " NS_B4 " 2>/dev/null") == 2, true);
	close_each(fd, peer);
	same_result("xtcp ss --set blackbox=on and off, --dry-run, and what it says");
}

static void knob(const char *value)
{
	must(!ns_sysctl_set(ruled_net.a, KNOB, "%s", value), KNOB);
}

static bool has_box(int fd)
{
	const char *box = boxes_find(ruled_net.a, stack_port(fd));
	bool has = *box;

	return has;
}

static void end(int fd, int peer)
{
	close_each(fd, peer);
	must(WAIT_FOR(!boxes_of(ruled_net.a), STACK_DEADLINE_MS), "the box is freed");
}

static void active(const char *to, bool gets)
{
	int fd, peer;

	ruled_active(to, &fd, &peer);
	SAME(has_box(fd), gets);
	end(fd, peer);
}

static void passive(const char *at, bool gets)
{
	int fd, peer;

	ruled_passive(at, &fd, &peer);
	SAME(has_box(fd), gets);
	end(fd, peer);
}

/* From its first segment on. */
static void by_rule(void)
{
	int fd, peer;

	SAME(rules_replace("to=10.9.0.0/24 blackbox=1"), 0);
	passive(NS_A4, true);
	ruled_active(NS_B4, &fd, &peer);
	must(stack_carries(fd, peer, 111), "data");
	reset(peer);
	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	SAME(BOXES_HAS(boxes_find(ruled_net.a, stack_port(fd)), " reason=reset\n",
		       " segment_out state=SYN-SENT flags=[S] ", " len=111 ", " new=CLOSED\n"),
	     true);
	close(fd);
	boxes_forget(ruled_net.a);
	same_result("a rule gives a box");
}

static void beats_the_knob(void)
{
	knob("1");
	SAME(rules_replace("to=" NS_B4 " blackbox=0"), 0);
	active(NS_B4, false);
	passive(NS_A4, false);
	active(NS_B6, true);
	SAME(rules_replace("to=" NS_B4 " cc=reno; blackbox=0"), 0);
	active(NS_B4, true);
	active(NS_B6, false);
	same_result("a rule denies a box that the knob would give; one that says nothing leaves it to the knob");
	knob("1 1 1");
	SAME(rules_replace("to=" NS_B4 " blackbox=1"), 0);
	active(NS_B4, true);
	active(NS_B6, false);
	knob("0 0 65535");
	active(NS_B4, true);
	same_result("the ports of the knob do not bound a rule");
}

/* A connection keeps its box when its rule goes; the next one of the socket has none. */
static void rule_goes(void)
{
	int fd, peer, port = ruled_port;

	SAME(rules_replace("blackbox=1"), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(rules_replace(""), 0);
	wait_until_ms(wait_now_ms() + SETTLED_MS);
	SAME(has_box(fd), true);
	SAME(stack_carries(fd, peer, 1000), true);
	must(!stack_disconnect(fd), "disconnect");
	boxes_forget(ruled_net.a);
	close(peer);
	peer = stack_listener(ruled_net.b, KERNEL, NS_B4, port, true);
	must(peer >= 0 && !stack_connect(fd, NS_B4, port), "connect");
	SAME(has_box(fd), false);
	close_each(fd, peer);
	same_result("a rule that goes leaves the boxes of its connections, and the next connection gets none");
	wait_until_ms(wait_now_ms() + SETTLED_MS);
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "cc=reno"), 0);
	active(NS_B4, false);
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "to=" NS_B4 " blackbox=1"), 0);
	active(NS_B4, true);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "to=" NS_B4), 0);
	active(NS_B4, false);
	same_result("after a while without boxes, a rule that is added gives them again, until it is deleted");
}

static void rule_without_room(void)
{
	long long refused = REFUSED();
	int fd, peer;

	SAME(rules_replace("blackbox=1"), 0);
	boxes_set_bound(1);
	ruled_active(NS_B4, &fd, &peer);
	SAME(has_box(fd), false);
	SAME(REFUSED(), refused + 1);
	SAME(stack_carries(fd, peer, 1000) && stack_carries(peer, fd, 1000), true);
	close_each(fd, peer);
	boxes_set_bound(4096);
	same_result("without room the connection goes on without a box, and is counted");
}

/* Each allocation of connect() fails once. @without: how many connections were there without a box */
static void fail_each(int listener, int port, int *without)
{
	long long refused;
	int n, fd, peer;
	bool hit = true;

	for (n = 1; hit && n < ALLOCATIONS; n++) {
		refused = REFUSED();
		fd = must_have(stack_socket(ruled_net.a, XTCP, NS_B4), "socket");
		failing_nth(n);
		peer = stack_connect(fd, NS_B4, port);
		hit = failing_hit();
		failing_nth(0);
		if (!peer && !has_box(fd)) {
			SAME(REFUSED(), refused + 1);
			++*without;
		}
		if (!peer) {
			peer = accept(listener, NULL, NULL);
			SAME(stack_carries(fd, peer, 1000), true);
			close(peer);
		}
		close(fd);
	}
	SAME(hit, false);
}

static void rule_without_memory(void)
{
	const char *what = "memory runs out as a connection begins: it goes on without a box, and is counted";
	int listener, port = ruled_port++, without = 0, sweeps;

	if (!failing_begin()) {
		ksft_test_result_skip("the kernel cannot let allocations fail: %s\n", what);
		return;
	}
	SAME(rules_replace("blackbox=1"), 0);
	listener = must_have(stack_listener(ruled_net.b, KERNEL, NS_B4, port, true), "listener");
	/*
	 * The kernel may need a page for a slab, so the box's allocation may come one later than in the round before,
	 * and one earlier than in the next round: then none has failed it. So begin again
	 */
	for (sweeps = 0; !without && sweeps < SWEEPS_MAX; sweeps++)
		fail_each(listener, port, &without);
	SAME(without > 0, true);
	close(listener);
	SAME(WAIT_FOR(!boxes_of(ruled_net.a), STACK_DEADLINE_MS), true);
	same_result(what);
}

static int rules_as(void *rule)
{
	return rules_replace(rule);
}

static int rules_unprivileged(void *rule)
{
	must(!setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
	return rules_replace(rule);
}

static void rights_to_rules(void)
{
	SAME(rules_replace(""), 0);
	SAME(ns_child(ruled_net.a, rules_unprivileged, "blackbox=1"), EPERM);
	active(NS_B4, false);
	SAME(rules_replace("blackbox=2"), ERANGE);
	rules_list_is(ruled_net.a, "");
	same_result("without CAP_NET_ADMIN, and a value that is neither on nor off");
}

/*
 * Its root has CAP_NET_ADMIN there, and an eighth of the bound. @by_rule: its rules are for its own connections; both
 * ends want a box then.
 */
static void guest(bool by_rule)
{
	struct setting_target t = { .addr = "127.0.0.1", .peer_addr = "127.0.0.1" };
	int ns = must_have(ns_make_guest(), "guest"), c[GUESTS + 1], s[GUESTS + 1], i;

	boxes_set_bound(GUESTS * 8 * BOX / 1024 + 1);
	if (by_rule) {
		SAME(ns_child(ns, rules_as, "blackbox=1"), 0);
		active(NS_B4, false);
	}
	for (i = 0; i <= GUESTS; i++) {
		stack_pair_or_die(ns, XTCP, ns, XTCP, "127.0.0.1", 9000 + i, &c[i], &s[i]);
		t.port = stack_port(c[i]);
		t.peer_port = stack_port(s[i]);
		t.cookie = setting_cookie(c[i]);
		if (!by_rule)
			SAME(ns_child(ns, ask_as, &t), i < GUESTS ? 0 : ENOBUFS);
	}
	SAME(boxes_of(ns), GUESTS);
	SAME(boxes_of(ruled_net.a), 0);
	same_result(by_rule ? "a guest's rules are for its own connections, and its boxes have an eighth of the bound" :
		    "a guest gives boxes to its own connections, and has an eighth of the bound");
	for (i = 0; i <= GUESTS; i++)
		close_each(c[i], s[i]);
	close(ns);
	SAME(ns_all_ended(STACK_DEADLINE_MS), true);
	boxes_set_bound(4096);
	same_result("the end of a namespace frees them");
}

static void rules_by_the_tool(void)
{
	SAME(ruled_tool("add dport=443 blackbox=on; scripts/tools/xtcp-policy add dport=80 blackbox=off", ""), 0);
	rules_list_is(ruled_net.a, "hits=0 dport=80 blackbox=off\nhits=0 dport=443 blackbox=on\n");
	SAME(ruled_tool("list", "dport=443 blackbox=on # 0 hits"), 0);
	SAME(ruled_tool("add dport=81 blackbox=1", "blackbox=1: on or off is meant"), 2);
	SAME(ruled_tool("replace /dev/null", ""), 0);
	same_result("xtcp policy");
}

int main(void)
{
	test_begin(12 + 11);
	ruled_begin(PORT);
	given(NS_A4, NS_B4, "a live connection gets a box, IPv4");
	given(NS_A6, NS_B6, "a live connection gets a box, IPv6");
	taken();
	without_room();
	orphan();
	rights();
	guest(false);
	without_memory();
	by_the_tool();
	by_rule();
	beats_the_knob();
	rule_goes();
	rule_without_room();
	rule_without_memory();
	rights_to_rules();
	guest(true);
	rules_by_the_tool();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
