// SPDX-License-Identifier: GPL-2.0
/*
 * An administrator changes live connections by the module's family of generic netlink, as `xtcp-ss --set` does: what
 * the program sees afterwards, and which requests are refused; also while connections end, and while the module goes.
 */
#include <linux/genetlink.h>
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("ip");

static struct ns_pair net;
static int next_port = 8700;

static void put_u8(struct netlink_request *req, int type, unsigned char value)
{
	netlink_put(req, type, &value, sizeof(value));
}

static void put_u64(struct netlink_request *req, int type, uint64_t value)
{
	netlink_put(req, type, &value, sizeof(value));
}

static int ask_user_timeout(const struct setting_target *t, unsigned int ms)
{
	struct netlink_request req;

	setting_start(&req, t);
	netlink_put_u32(&req, XTCP_SET_USER_TIMEOUT, ms);
	return setting_ask(&req);
}

static void connection(struct setting_target *t, const char *addr, const char *peer_addr, int *fd, int *peer)
{
	t->addr = addr;
	t->peer_addr = peer_addr;
	t->peer_port = next_port++;
	stack_pair_or_die(net.a, XTCP, net.b, KERNEL, peer_addr, t->peer_port, fd, peer);
	t->port = stack_port(*fd);
	t->cookie = setting_cookie(*fd);
}

/* One option after the other, then what the program sees, and what the peer gets. */
static void each_option(const char *addr, const char *peer_addr, const char *what)
{
	struct netlink_request req;
	struct setting_target t;
	int fd, peer;

	connection(&t, addr, peer_addr, &fd, &peer);
	setting_start(&req, &t);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "bbr");
	SAME(setting_ask(&req), 0);
	SAME(rules_has_congestion(fd, "bbr"), true);
	setting_start(&req, &t);
	put_u64(&req, XTCP_SET_MAX_PACING_RATE, 1000000);
	SAME(setting_ask(&req), 0);
	SAME(stack_get(fd, SOL_SOCKET, SO_MAX_PACING_RATE), 1000000);
	SAME(ask_user_timeout(&t, 12345), 0);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
	setting_start(&req, &t);
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	netlink_put_u32(&req, XTCP_SET_KEEPIDLE, 77);
	SAME(setting_ask(&req), 0);
	SAME(stack_get(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
	SAME(stack_carries(fd, peer, 100000), true);
	setting_start(&req, &t);
	put_u8(&req, XTCP_SET_KEEPALIVE, 0);
	put_u64(&req, XTCP_SET_MAX_PACING_RATE, UINT64_MAX);
	netlink_put_u32(&req, XTCP_SET_USER_TIMEOUT, 0);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "reno");
	SAME(setting_ask(&req), 0);
	SAME(stack_get(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	SAME(stack_get(fd, SOL_SOCKET, SO_MAX_PACING_RATE), -1);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
	SAME(rules_has_congestion(fd, "reno"), true);
	SAME(stack_carries(fd, peer, 100000) && stack_carries(peer, fd, 100000), true);
	same_result(what);
	close_each(fd, peer);
}

/* One that is idle is probed from now on: the peer answers, or the connection ends. */
static void keepalive_works(void)
{
	struct netlink_request req;
	struct setting_target t;
	int fd, peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	must(!stack_set(fd, IPPROTO_TCP, TCP_KEEPCNT, 1) &&
	     !stack_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1) && !netem_gate(net.a, "veth0", false),
	     "gate");
	setting_start(&req, &t);
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	netlink_put_u32(&req, XTCP_SET_KEEPIDLE, 1);
	SAME(setting_ask(&req), 0);
	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	SAME(stack_get(fd, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
	same_result("a connection that was idle is probed, and ends without an answer");
	must(!netem_gate(net.a, "veth0", true), "gate");
	close_each(fd, peer);
}

/* As TCP_CONGESTION: who administers the route has decided. */
static void route_has_decided(void)
{
	struct netlink_request req;
	struct setting_target t;
	int fd, peer;

	must(!ns_shell(net.a, "ip route add " NS_B4 "/32 dev veth0 congctl lock cubic"), "route");
	connection(&t, NS_A4, NS_B4, &fd, &peer);
	setting_start(&req, &t);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "reno");
	SAME(setting_ask(&req), EPERM);
	rules_said("this congestion control is not allowed");
	SAME(rules_has_congestion(fd, "cubic"), true);
	same_result("a congestion control that the route has locked stays");
	must(!ns_shell(net.a, "ip route del " NS_B4 "/32"), "route");
	close_each(fd, peer);
}

static void all_or_nothing(void)
{
	struct netlink_request req;
	struct setting_target t;
	int fd, peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	tracing_start("changes");
	tracing_set("events/xtcp/xtcp_set/enable", "1");
	setting_start(&req, &t);
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	netlink_put_u32(&req, XTCP_SET_USER_TIMEOUT, 5000);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "nosuch");
	SAME(setting_ask(&req), ENOENT);
	rules_said("there is no such congestion control");
	SAME(stack_get(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	SAME(tracing_count("xtcp_set:", " set=", ""), 0);
	same_result("if one change is refused, none is made");
	setting_start(&req, &t);
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	netlink_put_u32(&req, XTCP_SET_USER_TIMEOUT, 5000);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "dctcp");
	SAME(setting_ask(&req), 0);
	SAME(tracing_count("xtcp_set:", " state=ESTABLISHED set=congestion,user_timeout,keepalive congestion=dctcp ",
			   " user_timeout=5000 keepalive=1 keepidle=0"), 1);
	same_result("an event says what was changed, and what is so now");
	tracing_stop();
	close_each(fd, peer);
}

/* Attributes that nobody can have meant. */
static void out_of_range(void)
{
	static const struct {
		int type;
		const char *octets;
		int len, err;
	} wrong[] = {
		{ XTCP_SET_MAX + 1, "\0\0\0", 4, EINVAL },
		{ XTCP_SET_USER_TIMEOUT, "\x80\0\0\x80", 4, ERANGE },	/* in either order of octets */
		{ XTCP_SET_USER_TIMEOUT, "\xff\xff\xff\xff", 4, ERANGE },
		{ XTCP_SET_USER_TIMEOUT, "\1", 1, EINVAL },
		{ XTCP_SET_USER_TIMEOUT, "\1\0\0\0\0\0\0", 8, EINVAL },
		{ XTCP_SET_KEEPALIVE, "\2", 1, ERANGE },
		{ XTCP_SET_KEEPIDLE, "\0\0\0", 4, ERANGE },
		{ XTCP_SET_KEEPIDLE, "\0\x80\0", 4, ERANGE },	/* 32,768 */
		{ XTCP_SET_MAX_PACING_RATE, "\0\0\0\0\0\0\0", 8, ERANGE },
		{ XTCP_SET_CONGESTION, "reno", 4, EINVAL },	/* without its end */
		{ XTCP_SET_CONGESTION, "0123456789abcdef", 17, EINVAL },
		{ XTCP_SET_CONGESTION, "", 1, ENOENT },
		{ XTCP_SET_CONGESTION, "%s%n", 5, ENOENT },
		{ XTCP_SET_PROTOCOL, "\2", 1, ERANGE },
		{ XTCP_SET_ID, "1234", 4, ERANGE },
	};
	struct netlink_request req;
	struct setting_target t;
	int fd, peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		setting_start(&req, &t);
		put_u8(&req, XTCP_SET_KEEPALIVE, 1);
		netlink_put(&req, wrong[i].type, wrong[i].octets, wrong[i].len);
		if (setting_ask(&req) != wrong[i].err) {
			ksft_print_msg("row %u: %d, not %d: %s\n", i, setting_ask(&req), wrong[i].err, generic_said);
			problems++;
		}
	}
	SAME(stack_get(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	same_result("unknown attributes and values out of range are refused");
	setting_start(&req, &t);
	SAME(setting_ask(&req), EINVAL);
	rules_said("the request changes nothing");
	netlink_start(&req, 0, 0, &(struct genlmsghdr){ .cmd = XTCP_CMD_SET }, GENL_HDRLEN);
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	SAME(setting_ask(&req), EINVAL);
	rules_said("the request names no connection");
	setting_start(&req, &t);
	((struct genlmsghdr *)NLMSG_DATA(&req.head))->cmd = XTCP_CMD_MAX + 1;
	SAME(setting_ask(&req), EOPNOTSUPP);
	SAME(stack_carries(fd, peer, 1000), true);
	same_result("so are a request without a change, one without a connection, and another command");
	close_each(fd, peer);
}

static int ask_as(void *target)
{
	return ask_user_timeout(target, 1000);
}

static int ask_unprivileged(void *target)
{
	must(!setresuid(65534, 65534, 65534), "setresuid");
	return ask_user_timeout(target, 1000);
}

static void rights(void)
{
	int fd, peer, guest, other, lent;
	struct netlink_request req;
	struct setting_target t;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	SAME(ns_child(net.a, ask_unprivileged, &t), EPERM);
	same_result("without CAP_NET_ADMIN");
	must(!seteuid(65534), "seteuid");
	lent = generic_open();
	must(!seteuid(0), "seteuid");
	setting_start(&req, &t);
	netlink_put_u32(&req, XTCP_SET_USER_TIMEOUT, 1000);
	SAME(setting_send(lent, &req), EPERM);
	same_result("by a netlink socket that was opened without it");
	close(lent);
	guest = must_have(ns_make_guest(), "guest");
	SAME(ns_child(guest, ask_as, &t), ESRCH);
	other = must_have(stack_listener(guest, XTCP, "127.0.0.1", t.port, true), "listener");
	SAME(ns_child(guest, ask_as, &t), ESRCH);
	SAME(ns_child(net.b, ask_as, &t), ESRCH);
	same_result("from another namespace, with the right cookie");
	SAME(stack_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	same_result("none of this has changed the connection");
	close_each(other, guest, fd, peer);
}

static void not_found(void)
{
	struct setting_target t, wrong;
	int fd, peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	wrong = t;
	wrong.cookie++;
	SAME(ask_user_timeout(&wrong, 1000), ESRCH);
	wrong.cookie = SETTING_NO_COOKIE;
	SAME(ask_user_timeout(&wrong, 1000), EINVAL);
	rules_said("the cookie is missing");
	wrong = t;
	wrong.port++;
	SAME(ask_user_timeout(&wrong, 1000), ESRCH);
	wrong = t;
	wrong.addr = "::" NS_A4;
	wrong.peer_addr = "::ffff:" NS_B4;
	SAME(ask_user_timeout(&wrong, 1000), ESRCH);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	same_result("the cookie and the addresses have to fit");
	stack_abort(fd);
	SAME(ask_user_timeout(&t, 1000), ESRCH);
	same_result("a cookie whose connection has ended");
	close(peer);
}

static void without_socket(void)
{
	struct setting_target t = { .addr = NS_A4, .peer_addr = NS_B4, .cookie = SETTING_NO_COOKIE };
	int port = next_port++, fd = stack_listener(net.a, XTCP, NS_A4, port, true), peer;

	peer = stack_bound(net.b, KERNEL, NS_B4, 0, false);
	must(fd >= 0 && peer >= 0 && !netem_gate(net.a, "veth0", false), "gate");
	must(!stack_begin(peer, NS_A4, port), "connect");
	t.port = port;
	t.peer_port = stack_port(peer);
	SAME(sides_row(net.a, XTCP, NS_A4, port, t.peer_port, TCP_SYN_RECV), true);
	SAME(ask_user_timeout(&t, 1000), EOPNOTSUPP);
	rules_said("the connection is half open: it has no socket yet");
	t.peer_port = 0;
	t.cookie = setting_cookie(fd);
	SAME(ask_user_timeout(&t, 1000), EOPNOTSUPP);
	rules_said("a listener is no connection");
	close_each(peer, fd);
	must(!netem_gate(net.a, "veth0", true), "gate");
	connection(&t, NS_A4, NS_B4, &fd, &peer);
	close(fd);
	must(stack_at_end(peer), "the FIN comes");
	close(peer);
	SAME(sides_row(net.a, XTCP, NS_A4, t.port, t.peer_port, TCP_TIME_WAIT), true);
	SAME(ask_user_timeout(&t, 1000), ESRCH);
	t.cookie = SETTING_NO_COOKIE;
	SAME(ask_user_timeout(&t, 1000), EOPNOTSUPP);
	rules_said("the connection has no socket any more");
	same_result("a half-open connection, a listener and TIME-WAIT are refused, each for its reason");
}

static void orphan(void)
{
	struct netlink_request req;
	struct setting_target t;
	int fd, peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(send(fd, "abc", 3, 0) == 3, "send");
	close(fd);
	SAME(sides_row(net.a, XTCP, NS_A4, t.port, t.peer_port, TCP_FIN_WAIT1), true);
	setting_start(&req, &t);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "bbr");
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	SAME(setting_ask(&req), EOPNOTSUPP);
	rules_said("keepalive: the program has closed the socket");
	setting_start(&req, &t);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "bbr");
	put_u64(&req, XTCP_SET_MAX_PACING_RATE, 1000000);
	SAME(setting_ask(&req), 0);
	same_result("one without a program: all but keepalive");
	must(!netem_gate(net.a, "veth0", true), "gate");
	close(peer);
}

static void opening(void)
{
	struct setting_target t = { .addr = NS_A4, .peer_addr = NS_B4, .peer_port = next_port++ };
	int fd = stack_bound(net.a, XTCP, NS_A4, 0, false);
	struct netlink_request req;

	must(fd >= 0 && !netem_gate(net.a, "veth0", false), "gate");
	must(!stack_begin(fd, NS_B4, t.peer_port), "connect");
	t.port = stack_port(fd);
	t.cookie = setting_cookie(fd);
	setting_start(&req, &t);
	netlink_put_string(&req, XTCP_SET_CONGESTION, "bbr");
	put_u8(&req, XTCP_SET_KEEPALIVE, 1);
	SAME(setting_ask(&req), 0);
	SAME(rules_has_congestion(fd, "bbr"), true);
	SAME(stack_state(fd), TCP_SYN_SENT);
	/* one second: the program, not the peer, is asked again */
	SAME(ask_user_timeout(&t, 1000), 0);
	SAME(WAIT_FOR(stack_state(fd) == TCP_CLOSE, STACK_DEADLINE_MS), true);
	same_result("one that opens, and that the new user timeout ends");
	must(!netem_gate(net.a, "veth0", true), "gate");
	close(fd);
}

static void owned(void)
{
	const char *what = "a socket that its program owns: EBUSY at once, and nobody waits";
	struct asleep_owner owner = { .listens = false };
	struct setting_target t, other_t;
	int fd, peer, other, other_peer;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	connection(&other_t, NS_A4, NS_B4, &other, &other_peer);
	if (!asleep_owner_begin(&owner, fd)) {
		ksft_test_result_skip("the kernel cannot stop a program in a call: %s\n", what);
		close_each(fd, peer, other, other_peer);
		return;
	}
	SAME(ask_user_timeout(&t, 1000), EBUSY);
	SAME(ask_user_timeout(&other_t, 1000), 0);
	must(asleep_owner_end(&owner), "send");
	SAME(ask_user_timeout(&t, 2000), 0);
	SAME(stack_get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 2000);
	same_result(what);
	close_each(fd, peer, other, other_peer);
}

/* What a thread asks for again and again. */
static struct {
	atomic_uintptr_t target;	/* a struct setting_target */
	atomic_bool stop;
	atomic_int asked, done, strange;
} asker;

static void *ask_again(void *arg)
{
	struct netlink_request req;
	const struct setting_target *t;
	int fd, err, id;

	must(!ns_enter(net.a), "namespace");
	fd = generic_open();
	while (!asker.stop) {
		t = (const void *)asker.target;
		id = generic_family(fd, GENERIC_XTCP);
		setting_start(&req, t);
		netlink_put_string(&req, XTCP_SET_CONGESTION, asker.asked++ & 1 ? "bbr" : "reno");
		netlink_put_u32(&req, XTCP_SET_KEEPIDLE, 1 + asker.asked % 100);
		put_u8(&req, XTCP_SET_KEEPALIVE, asker.asked & 1);
		req.head.nlmsg_type = id;
		err = id > 0 ? generic_talk(fd, &req.head) : ENOENT;
		if (!err)
			asker.done++;
		else if (err != ESRCH && err != EBUSY && err != EOPNOTSUPP && err != ENOENT)
			asker.strange = err;
	}
	close(fd);
	return arg;
}

static void asker_start(pthread_t *thread, struct setting_target *first)
{
	asker.stop = false;
	asker.asked = 0;
	asker.done = 0;
	asker.strange = 0;
	asker.target = (uintptr_t)first;
	must(!pthread_create(thread, NULL, ask_again, NULL), "thread");
}

/* They end by a RST, or by FINs, while they are changed. */
static void while_it_ends(void)
{
	static struct setting_target targets[64];
	pthread_t thread;
	int fd, peer, asked;

	targets[0] = (struct setting_target){ .addr = NS_A4, .peer_addr = NS_B4 };
	asker_start(&thread, &targets[0]);
	for (unsigned int i = 0; i < ARRAY_SIZE(targets); i++) {
		connection(&targets[i], i & 1 ? NS_A6 : NS_A4, i & 1 ? NS_B6 : NS_B4, &fd, &peer);
		asker.target = (uintptr_t)&targets[i];
		asked = asker.asked;
		must(WAIT_FOR(asker.asked > asked + 1, STACK_DEADLINE_MS), "requests");
		must(send(fd, "abc", 3, 0) == 3, "send");
		if (i & 2)
			stack_reset_at_close(i & 4 ? fd : peer);
		close_each(i & 8 ? fd : peer, i & 8 ? peer : fd);
	}
	asker.stop = true;
	pthread_join(thread, NULL);
	ksft_print_msg("%d requests, of which %d changed something\n", asker.asked, asker.done);
	SAME(asker.strange, 0);
	SAME(asker.done > 0, true);
	same_result("connections end while they are changed");
}

static void while_the_module_goes(void)
{
	static struct setting_target t;
	int fd, peer, i, asked;
	pthread_t thread;

	connection(&t, NS_A4, NS_B4, &fd, &peer);
	asker_start(&thread, &t);
	must(WAIT_FOR(asker.done > 1, STACK_DEADLINE_MS), "requests");
	close_each(fd, peer);
	for (i = 0; i < 10; i++) {
		asked = asker.asked;
		must(WAIT_FOR(asker.asked > asked + 1, STACK_DEADLINE_MS), "requests");
		SAME(module_unload(), 0);
		asked = asker.asked;
		must(WAIT_FOR(asker.asked > asked + 1, STACK_DEADLINE_MS), "requests");
		must(!module_load(""), "load the module");
	}
	asker.stop = true;
	pthread_join(thread, NULL);
	SAME(asker.strange, 0);
	connection(&t, NS_A4, NS_B4, &fd, &peer);
	SAME(ask_user_timeout(&t, 1000), 0);
	same_result("the module is unloaded and loaded while requests come, and none holds it");
	close_each(fd, peer);
}

/* An answer that nobody reads, of a family that tells its policy, would hold the module. */
static void policy_is_not_told(void)
{
	const struct genlmsghdr control = { .cmd = CTRL_CMD_GETPOLICY, .version = 1 };
	struct { struct nlmsghdr head; int error; char more[8192]; } answer;
	int fd = generic_open(), before = module_references();
	struct netlink_request req;

	netlink_start(&req, GENL_ID_CTRL, NLM_F_DUMP, &control, sizeof(control));
	netlink_put_string(&req, CTRL_ATTR_FAMILY_NAME, GENERIC_XTCP);
	must(send(fd, &req, req.head.nlmsg_len, 0) == (int)req.head.nlmsg_len, "request");
	SAME(module_references(), before);
	must(recv(fd, &answer, sizeof(answer), 0) > 0, "answer");
	SAME(-answer.error, ENODATA);
	same_result("no unread answer holds the module");
	close(fd);
}

/* The netlink socket is the last that knows the namespace. */
static void last_in_namespace(void)
{
	struct setting_target t = { .addr = NS_A4, .peer_addr = NS_B4, .port = 1, .peer_port = 2, .cookie = 1 };
	int ns = ns_make(), fd, listener;
	struct netlink_request req;

	must(ns >= 0 && !ns_enter(ns), "namespace");
	fd = generic_open();
	listener = stack_listener(ns, XTCP, "127.0.0.1", 80, true);
	must(fd >= 0 && listener >= 0 && !ns_enter(net.a), "namespace");
	close_each(listener, ns);
	setting_start(&req, &t);
	netlink_put_u32(&req, XTCP_SET_USER_TIMEOUT, 1000);
	SAME(setting_send(fd, &req), ESRCH);
	close(fd);
	SAME(ns_all_ended(STACK_DEADLINE_MS), true);
	same_result("a namespace that only a netlink socket has kept ends with it");
}

int main(void)
{
	test_begin(22);
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	sides_know_each_other(&net);
	each_option(NS_A4, NS_B4, "each option, IPv4");
	each_option(NS_A6, NS_B6, "each option, IPv6");
	keepalive_works();
	route_has_decided();
	all_or_nothing();
	out_of_range();
	rights();
	not_found();
	without_socket();
	orphan();
	opening();
	owned();
	policy_is_not_told();
	while_it_ends();
	while_the_module_goes();
	last_in_namespace();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
