// SPDX-License-Identifier: GPL-2.0
/*
 * Attacks on the policy table: requests that must be refused and change nothing, users and guests without rights, too
 * many rules; a table that is replaced under a storm of connections; memory that runs out; namespaces and the module
 * that go meanwhile.
 */
#include "lib/ruled.h"
#include "lib/test.h"

NEEDS_MODULE;
NEEDS_PROGRAMS("ip");

#define PORT		8600
#define MOST		1024	/* rules */
#define MOST_OF_GUEST	64
#define KINDS		64	/* kinds of keys */
#define STORM_MS	2000

static void is_usual(int fd, int peer)
{
	SAME(rules_has_congestion(fd, "cubic"), true);
	close_each(fd, peer);
}

static void refused(void)
{
	static const struct {
		int cmd;
		const char *rules;
		int err;
		const char *says;
	} row[] = {
		{ XTCP_CMD_POLICY_ADD, "dport=80 cc=reno", EEXIST, "there is a rule with this key already" },
		{ XTCP_CMD_POLICY_ADD, "dport=81 cc=bbr; dport=81 cc=reno", EEXIST,
		  "there is a rule with this key already" },
		{ XTCP_CMD_POLICY_REPLACE, "cc=bbr; to=10.0.0.0/8; to=10.0.0.0/8 cc=bbr", EEXIST,
		  "there is a rule with this key already" },
		{ XTCP_CMD_POLICY_ADD, "dport=82 cc=nosuch", ENOENT, "there is no such congestion control" },
		{ XTCP_CMD_POLICY_ADD, "dport=82 cc=bbr; dport=83 cc=", ENOENT, "there is no such congestion control" },
		{ XTCP_CMD_POLICY_DEL, "dport=80; dport=81", ENOENT, "there is no rule with this key" },
		{ XTCP_CMD_POLICY_DEL, "dport=80 sport=80", ENOENT, "there is no rule with this key" },
		{ XTCP_CMD_POLICY_DEL, "", EINVAL, "the request has no rule" },
		{ XTCP_CMD_POLICY_ADD, "", EINVAL, "the request has no rule" },
		{ XTCP_CMD_POLICY_ADD, " ", EINVAL, "the rule is empty" },
		{ XTCP_CMD_POLICY_ADD, "to=10.0.0.1/8 cc=bbr", EINVAL,
		  "the prefix is longer than its address, or has bits beyond its length" },
		{ XTCP_CMD_POLICY_ADD, "to=10.0.0.0/33 cc=bbr", EINVAL,
		  "the prefix is longer than its address, or has bits beyond its length" },
		{ XTCP_CMD_POLICY_ADD, "to=2001:db8::1/64 cc=bbr", EINVAL,
		  "the prefix is longer than its address, or has bits beyond its length" },
		{ XTCP_CMD_POLICY_ADD, "to=::ffff:10.0.0.0/104 cc=bbr", EINVAL,
		  "a v4-mapped prefix: name the IPv4 prefix instead" },
		{ XTCP_CMD_POLICY_ADD, "to=2001:db8::/129 cc=bbr", ERANGE, NULL },
		{ XTCP_CMD_POLICY_ADD, "dport=0 cc=bbr", ERANGE, NULL },
		{ XTCP_CMD_POLICY_ADD, "sport=0 cc=bbr", ERANGE, NULL },
		{ XTCP_CMD_POLICY_ADD, "dport=81 initcwnd=0", ERANGE, NULL },
		{ XTCP_CMD_POLICY_ADD, "dport=81 rate=0", ERANGE, NULL },
		{ XTCP_CMD_POLICY_ADD, "dport=81 cc=0123456789abcdef", EINVAL, NULL },
	};
	unsigned int i;

	SAME(rules_replace("dport=80 cc=bbr"), 0);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		int err = rules_request(row[i].cmd, row[i].rules);

		if (err == row[i].err && (!row[i].says || !strcmp(row[i].says, generic_said)))
			continue;
		ksft_print_msg("%d, \"%s\", not %d: %s\n", err, generic_said, row[i].err, row[i].rules);
		problems++;
	}
	rules_list_is(ruled_net.a, "hits=0 dport=80 cc=bbr\n");
	same_result("contradictions and values that cannot be are refused by name, and nothing changes");
	rules_start(XTCP_CMD_POLICY_ADD);
	rules_put_rule("dport=90 cc=bbr");
	rules_put_rule("dport=91 cc=bbr");
	i = rules_req.head.nlmsg_len;
	rules_put_rule("dport=80 cc=bbr");
	SAME(rules_ask(), EEXIST);
	SAME(generic_at, i);
	same_result("the answer names the rule that is wrong");
}

/* Attributes that nobody can have meant. */
static void malformed(void)
{
	static const struct {
		int type, len, err;
	} row[] = {
		{ XTCP_RULE_MAX + 1, 4, EINVAL }, { XTCP_RULE_TO, 5, EINVAL }, { XTCP_RULE_TO, 0, ERANGE },
		{ XTCP_RULE_TO, 17, ERANGE }, { XTCP_RULE_TO, 4, EINVAL }, { XTCP_RULE_TO_LEN, 1, EINVAL },
		{ XTCP_RULE_DPORT, 1, EINVAL }, { XTCP_RULE_DPORT, 4, EINVAL }, { XTCP_RULE_INITCWND, 4, EINVAL },
		{ XTCP_RULE_MAX_PACING_RATE, 4, EINVAL }, { XTCP_RULE_CONGESTION, 4, EINVAL }, { 0, 4, EINVAL },
		{ XTCP_RULE_DPORT, 2, EINVAL },	/* twice */
	};
	static const int odd_lens[] = { 5, 8, 15 };
	static const char ones[] = "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11";
	unsigned int i, at;

	SAME(rules_replace("dport=80 cc=bbr"), 0);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		rules_start(XTCP_CMD_POLICY_ADD);
		at = rules_req.head.nlmsg_len;
		rules_put_rule("dport=81 cc=bbr");
		rules_put(row[i].type, ones, row[i].len);
		((struct nlattr *)((char *)&rules_req + at))->nla_len = rules_req.head.nlmsg_len - at;
		if (rules_ask() != row[i].err) {
			ksft_print_msg("row %u: %d, not %d: %s\n", i, rules_ask(), row[i].err, generic_said);
			problems++;
		}
	}
	/* the last of them */
	rules_said("this comes twice in the rule");
	for (i = 0; i < ARRAY_SIZE(odd_lens); i++) {
		rules_start(XTCP_CMD_POLICY_ADD);
		at = rules_req.head.nlmsg_len;
		rules_put_rule("dport=81 cc=bbr");
		rules_put(XTCP_RULE_TO, ones, odd_lens[i]);
		rules_put(XTCP_RULE_TO_LEN, "\x08", 1);
		((struct nlattr *)((char *)&rules_req + at))->nla_len = rules_req.head.nlmsg_len - at;
		SAME(rules_ask(), EINVAL);
		rules_said("an address has 4 or 16 octets");
	}
	rules_start(XTCP_CMD_POLICY_ADD);
	rules_put(XTCP_POLICY_RULE, "", 0);
	SAME(rules_ask(), EINVAL);
	rules_start(XTCP_CMD_POLICY_REPLACE);
	rules_put(XTCP_POLICY_RULE + 1, "abcd", 4);
	SAME(rules_ask(), EINVAL);
	rules_said("unknown attribute");
	rules_start(XTCP_CMD_POLICY_REPLACE);
	rules_put_rule("cc=bbr");
	rules_put(XTCP_POLICY_RULE | NLA_F_NESTED, "abcdefgh", 8);
	SAME(rules_ask() != 0, true);
	rules_start(XTCP_CMD_POLICY_REPLACE);
	rules_put_rule("cc=bbr");
	rules_req.head.nlmsg_len += 2;
	SAME(rules_ask(), EINVAL);
	rules_list_is(ruled_net.a, "hits=0 dport=80 cc=bbr\n");
	same_result("malformed requests are refused");
}

static int replace_as(void *text)
{
	return rules_replace(text);
}

static int replace_unprivileged(void *text)
{
	must(!setresuid(65534, 65534, 65534), "setresuid");
	return rules_replace(text) == EPERM && rules_request(XTCP_CMD_POLICY_ADD, text) == EPERM &&
		rules_request(XTCP_CMD_POLICY_DEL, text) == EPERM ? EPERM : 0;
}

static int many(int n)
{
	char text[64];

	rules_start(XTCP_CMD_POLICY_REPLACE);
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "to=10.%d.%d.0/24 dport=%d cc=bbr initcwnd=20 rate=1000", i >> 8, i & 255,
			 1 + i);
		rules_put_rule(text);
	}
	return rules_ask();
}

static int many_of_guest(void *unused)
{
	int err = many(MOST_OF_GUEST + 1);

	if (err != ENOSPC)
		return 1;
	if (many(MOST_OF_GUEST))
		return 2;
	if (rules_request(XTCP_CMD_POLICY_ADD, "cc=bbr") != ENOSPC)
		return 3;
	if (rules_request(XTCP_CMD_POLICY_DEL, "to=10.0.0.0/24 dport=1"))
		return 4;
	return rules_request(XTCP_CMD_POLICY_ADD, "cc=bbr");
}

static int choose(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)) ? errno : 0;
}

/* A user without rights wants to keep what the rule lends him, for connections that it does not match. */
static int keep_what_is_lent(void *unused)
{
	int fd, peer, first, second;

	stack_pair_or_die(ruled_net.a, XTCP, ruled_net.a, XTCP, "127.0.0.1", PORT, &fd, &peer);
	must(!setresuid(65534, 65534, 65534), "setresuid");
	if (!rules_has_congestion(fd, "bbr") || !rules_has_congestion(peer, "bbr"))
		return 99;
	first = choose(fd, "bbr");
	second = choose(peer, "bbr");
	if (choose(fd, "cubic") || choose(fd, "cubic"))
		return 98;
	return first == second ? first : 97;
}

static void rights(void)
{
	int lent, guest, fd, peer;

	SAME(rules_replace("dport=80 cc=bbr"), 0);
	SAME(ns_child(ruled_net.a, replace_unprivileged, "cc=reno"), EPERM);
	must(!seteuid(65534), "seteuid");
	lent = generic_open();
	must(!seteuid(0), "seteuid");
	rules_start(XTCP_CMD_POLICY_REPLACE);
	rules_req.head.nlmsg_type = generic_family(lent, GENERIC_XTCP);
	SAME(generic_talk(lent, &rules_req.head), EPERM);
	close(lent);
	rules_list_is(ruled_net.a, "hits=0 dport=80 cc=bbr\n");
	same_result("a user without CAP_NET_ADMIN changes nothing, "
		    "nor does a netlink socket that was opened without it");
	SAME(rules_replace("to=127.0.0.1 cc=bbr"), 0);
	SAME(ns_child(ruled_net.a, keep_what_is_lent, NULL), EPERM);
	SAME(rules_replace("dport=80 cc=bbr"), 0);
	same_result("a user without CAP_NET_ADMIN cannot keep a congestion control that a rule lends");
	guest = must_have(ns_make_guest(), "guest");
	SAME(ns_child(guest, replace_as, "cc=dctcp"), 0);
	rules_list_is(guest, "hits=0 cc=dctcp\n");
	rules_list_is(ruled_net.a, "hits=0 dport=80 cc=bbr\n");
	stack_pair_or_die(guest, XTCP, guest, XTCP, "127.0.0.1", PORT, &fd, &peer);
	SAME(rules_has_congestion(fd, "dctcp") && rules_has_congestion(peer, "dctcp"), true);
	close_each(fd, peer);
	ruled_active(NS_B4, &fd, &peer);
	is_usual(fd, peer);
	same_result("a guest writes its own table, before it has a socket, and no other");
	SAME(ns_child(guest, many_of_guest, NULL), 0);
	SAME(rules_listed(guest), MOST_OF_GUEST);
	close(guest);
	same_result("a guest has at most 64 rules");
}

static void limits(void)
{
	char text[64];

	SAME(many(MOST + 1), ENOSPC);
	rules_said("too many rules");
	SAME(many(MOST), 0);
	SAME(rules_listed(ruled_net.a), MOST);
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "cc=bbr"), ENOSPC);
	SAME(rules_listed(ruled_net.a), MOST);
	SAME(rules_replace(""), 0);
	SAME(rules_listed(ruled_net.a), 0);
	same_result("a table has at most 1,024 rules");
	rules_start(XTCP_CMD_POLICY_REPLACE);
	for (int i = 0; i < KINDS; i++) {
		snprintf(text, sizeof(text), "to=::/%d cc=bbr", i);
		rules_put_rule(text);
	}
	SAME(rules_ask(), 0);
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "cc=bbr"), E2BIG);
	rules_said("too many kinds of keys: use fewer lengths of prefixes");
	SAME(rules_listed(ruled_net.a), KINDS);
	SAME(rules_replace(""), 0);
	same_result("a table has at most 64 kinds of keys");
}

static struct {
	atomic_bool stop;
	atomic_int done, strange;
} writer;

/* Two tables, one after the other. A connection must not see a mixture. */
static void *write_again(void *arg)
{
	must(!ns_enter(ruled_net.a), "namespace");
	while (!writer.stop) {
		int err = rules_replace(writer.done & 1 ? "to=10.0.0.0/8 cc=bbr initcwnd=31 rate=31000000" :
						    "dport=1 cc=bbr; cc=dctcp initcwnd=41 rate=41000000");

		if (err && err != ENODEV && err != ENOENT)
			writer.strange = err;
		writer.done++;
	}
	return arg;
}

static void writer_start(pthread_t *thread)
{
	writer.stop = false;
	writer.done = 0;
	writer.strange = 0;
	must(!pthread_create(thread, NULL, write_again, NULL), "thread");
}

static bool is_whole(int fd)
{
	const char *name = rules_rate_of(fd) == 31000000 ? "bbr" : "dctcp";

	return (rules_rate_of(fd) == 31000000 || rules_rate_of(fd) == 41000000) && rules_has_congestion(fd, name) &&
		rules_cwnd_of(fd) == (rules_rate_of(fd) == 31000000 ? 31 : 41);
}

static void under_storm(void)
{
	int fd, peer, n = 0, listener = stack_listener(ruled_net.a, XTCP, "127.0.0.1", PORT, true), mixed = 0;
	pthread_t thread;
	long long until, began;

	must(listener >= 0, "listener");
	must(!ns_shell(ruled_net.a, "ip addr replace 10.7.0.1/32 dev lo"), "address");
	close(listener);
	listener = must_have(stack_listener(ruled_net.a, XTCP, "10.7.0.1", PORT, true), "listener");
	SAME(rules_replace("cc=dctcp initcwnd=41 rate=41000000"), 0);
	writer_start(&thread);
	began = wait_now_ms();
	until = began + STORM_MS;
	while (wait_now_ms() < until) {
		fd = must_have(stack_connected(ruled_net.a, XTCP, "10.7.0.1", PORT), "a connection");
		peer = must_have(accept(listener, NULL, NULL), "a connection");
		mixed += !is_whole(fd) + !is_whole(peer);
		stack_reset_at_close(fd);
		close_each(fd, peer);
		n++;
	}
	writer.stop = true;
	pthread_join(thread, NULL);
	ksft_print_msg("%lld connections and %lld tables a second\n", n * 1000LL / (wait_now_ms() - began),
		       writer.done * 1000LL / (wait_now_ms() - began));
	SAME(mixed, 0);
	SAME(writer.strange, 0);
	SAME(writer.done > 10, true);
	close(listener);
	SAME(rules_replace(""), 0);
	same_result("a table is replaced under a storm of connections: each obeys the old one or the new one, whole");
}

#define WAS_DONE	1
#define WAS_BUSY	2
#define WAS_STRANGE	4

/* Writes long tables in turn, and says what the answers were. On a slow machine one succeeds only at the end. */
static int write_long(void *unused)
{
	const long long until = wait_now_ms() + STORM_MS, deadline = until + STACK_DEADLINE_MS;
	int err = many(MOST), answers = 0;

	do {
		answers |= !err ? WAS_DONE : err == EBUSY ? WAS_BUSY : WAS_STRANGE;
		err = rules_ask();
	} while (wait_now_ms() < (answers & WAS_DONE ? until : deadline));
	return answers;
}

static void no_request_waits(void)
{
	const char *what = "a request that comes during another one fails with EBUSY, and does not wait";
	pid_t pid[3];
	int answers = 0, status;

	if (sysconf(_SC_NPROCESSORS_ONLN) == 1) {
		ksft_test_result_skip("the kernel cannot carry out two requests at once: %s\n", what);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = ns_fork(ruled_net.a, write_long, NULL);
		must(pid[i] > 0, "fork");
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(pid); i++) {
		must(waitpid(pid[i], &status, 0) == pid[i] && WIFEXITED(status), "child");
		SAME(WEXITSTATUS(status) & WAS_DONE, WAS_DONE);
		answers |= WEXITSTATUS(status);
	}
	SAME(answers, WAS_DONE | WAS_BUSY);
	SAME(rules_listed(ruled_net.a), MOST);
	SAME(rules_replace(""), 0);
	same_result(what);
}

#define STEP	32	/* octets, fewer than any allocation takes */
#define ENOUGH	65536

enum outcome { UNSENT, FAILED, DONE };

/* Adds three rules with so much memory. The table tells the outcome: netlink may lack memory for either message. */
static enum outcome add_three(long space)
{
	int fd = generic_open(), sent;

	SAME(rules_replace("dport=80 cc=bbr; cc=dctcp"), 0);
	rules_start(XTCP_CMD_POLICY_ADD);
	rules_put_rule("dport=81 cc=bbr");
	rules_put_rule("dport=82 cc=bbr");
	rules_put_rule("dport=83 cc=bbr");
	rules_req.head.nlmsg_type = generic_family(fd, GENERIC_XTCP);
	failing_all(space);
	sent = send(fd, &rules_req, rules_req.head.nlmsg_len, 0);
	failing_all(-1);
	close(fd);
	if (rules_listed(ruled_net.a) == 5)
		return DONE;
	rules_list_is(ruled_net.a, "hits=0 dport=80 cc=bbr\nhits=0 cc=dctcp\n");
	return sent < 0 ? UNSENT : FAILED;
}

static void without_memory(void)
{
	const char *what = "memory runs out: the request fails, and the table is as before";
	enum outcome outcome = UNSENT;
	int failed = 0, unsent = 0;

	if (!failing_begin()) {
		ksft_test_result_skip("the kernel cannot let allocations fail: %s\n", what);
		return;
	}
	for (long space = 0; outcome != DONE && space < ENOUGH; space += STEP) {
		outcome = add_three(space);
		failed += outcome == FAILED;
		unsent += outcome == UNSENT;
	}
	ksft_print_msg("%d requests failed for want of memory, and %d could not be sent\n", failed, unsent);
	SAME(outcome, DONE);
	SAME(failed >= 4, true);
	SAME(rules_replace(""), 0);
	same_result(what);
}

static int open_listing(void *unused)
{
	return open("/proc/thread-self/net/xtcp_policy", O_RDONLY | O_CLOEXEC);
}

static void namespace_goes(void)
{
	int ns = must_have(ns_make(), "namespace"), fd;
	char text[16];

	SAME(ns_child(ns, replace_as, "cc=bbr; dport=1 cc=reno"), 0);
	fd = ns_call(ns, open_listing, NULL);
	must(fd >= 0 && read(fd, text, 4) == 4, "listing");
	close(ns);
	SAME(read(fd, text, sizeof(text)), sizeof(text));
	close(fd);
	SAME(ns_all_ended(STACK_DEADLINE_MS), true);
	same_result("a namespace with a table ends, after the listing of it that was open");
}

static void module_goes(void)
{
	pthread_t thread;
	int i, done, fd, peer;

	SAME(rules_replace("cc=bbr"), 0);
	fd = must_have(ns_call(ruled_net.a, open_listing, NULL), "listing");
	SAME(module_unload(), 0);
	must(!module_load(""), "load the module");
	SAME(read(fd, &i, 1) < 0, true);
	close(fd);
	rules_list_is(ruled_net.a, "");
	same_result("the module is unloaded with a table and an open listing");
	writer_start(&thread);
	for (i = 0; i < 8; i++) {
		must(WAIT_FOR(writer.done > 1, STACK_DEADLINE_MS), "requests");
		SAME(module_unload(), 0);
		done = writer.done;
		must(WAIT_FOR(writer.done > done + 1, STACK_DEADLINE_MS), "requests");
		must(!module_load(""), "load the module");
	}
	writer.stop = true;
	pthread_join(thread, NULL);
	SAME(writer.strange, 0);
	SAME(rules_replace("cc=bbr"), 0);
	ruled_active(NS_B4, &fd, &peer);
	SAME(rules_has_congestion(fd, "bbr"), true);
	close_each(fd, peer);
	SAME(rules_replace(""), 0);
	same_result("the module is unloaded and loaded while tables are written");
}

int main(void)
{
	test_begin(15);
	ruled_begin(PORT);
	refused();
	malformed();
	rights();
	limits();
	under_storm();
	no_request_waits();
	without_memory();
	namespace_goes();
	module_goes();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
