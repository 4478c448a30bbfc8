// SPDX-License-Identifier: GPL-2.0
/*
 * Cgroups in rules of the policy table: the cgroup of a socket or one above it, which of several rules counts, cgroups
 * that are gone, and how `xtcp policy` takes and lists them.
 */
#include <sys/mount.h>
#include "lib/ruled.h"
#include "lib/test.h"

NEEDS_SCRIPTS;

#define PORT		8800

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
	int fd, peer, listener = stack_listener(ruled_net.b, KERNEL, NS_B4, ruled_port, true);

	enter_group(group);
	fd = stack_socket(ruled_net.a, XTCP, NS_B4);
	enter_group(TREE);
	must(fd >= 0 && listener >= 0 && !stack_connect(fd, NS_B4, ruled_port++), "connect");
	peer = accept(listener, NULL, NULL);
	if (!rules_has_congestion(fd, cc)) {
		ksft_print_msg("an active connection of %s is to have %s\n", group, cc);
		problems++;
	}
	close(listener);
	close_each(fd, peer);
	enter_group(group);
	listener = stack_listener(ruled_net.a, XTCP, NS_A4, ruled_port, true);
	enter_group(TREE);
	peer = stack_connected(ruled_net.b, KERNEL, NS_A4, ruled_port++);
	fd = accept(listener, NULL, NULL);
	must(listener >= 0 && peer >= 0 && fd >= 0, "accept");
	if (!rules_has_congestion(fd, cc)) {
		ksft_print_msg("a passive connection of %s is to have %s\n", group, cc);
		problems++;
	}
	close(listener);
	close_each(fd, peer);
}

/* BELOW is removed after a program there has made a listener, and made again. */
static void listener_of_gone(void)
{
	int fd, peer, listener;
	char rule[64];

	snprintf(rule, sizeof(rule), "cgroup=%llu cc=bbr", id_of(BELOW));
	SAME(rules_replace(rule), 0);
	enter_group(BELOW);
	listener = stack_listener(ruled_net.a, XTCP, NS_A4, ruled_port, true);
	enter_group(TREE);
	must(listener >= 0 && !rmdir(BELOW) && !mkdir(BELOW, 0755), BELOW);
	peer = must_have(stack_connected(ruled_net.b, KERNEL, NS_A4, ruled_port++), "accept");
	fd = must_have(accept(listener, NULL, NULL), "accept");
	SAME(rules_has_congestion(fd, "bbr"), true);
	close(listener);
	close_each(fd, peer);
	made_in(BELOW, "cubic");
	SAME(rules_replace(""), 0);
}

/* A user without rights may name a cgroup, and root's terminal shows that name. */
static void odd_names(void)
{
	static const char * const names[] = { "a b", "a#b", "a\033[2Jb", "a\377b" };
	char path[64], words[128];
	unsigned long long id;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), GROUP "/%s", names[i]);
		must(!mkdir(path, 0755), path);
		id = id_of(path);
		snprintf(words, sizeof(words), "cgroup=%llu cc=bbr", id);
		SAME(rules_replace(words), 0);
		snprintf(words, sizeof(words), "cgroup=%llu cc=bbr # 0 hits", id);
		SAME(ruled_tool("list", words), 0);
		SAME(ruled_tool("list | grep -c such", "0"), 1);
		must(!rmdir(path), path);
		snprintf(words, sizeof(words), "cgroup=%llu cc=bbr # 0 hits, no such cgroup is here", id);
		SAME(ruled_tool("list", words), 0);
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

	mkdir(TREE, 0755);
	if (mount("none", TREE, "cgroup2", 0, NULL)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(what); i++)
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
	same_result(what[0]);
	snprintf(rules, sizeof(rules), "cgroup=%llu cc=bbr; cgroup=%llu cc=dctcp; cgroup=%llu cc=reno;"
		 "sport=%d cgroup=%llu cc=bbr; to=::/0 cgroup=%llu", id_of(GROUP), id_of(BELOW), id_of(TREE),
		 ruled_port + 9, id_of(OTHER), id_of(BELOW));
	SAME(rules_replace(rules), 0);
	made_in(GROUP, "bbr");
	made_in(BELOW, "dctcp");
	made_in(TREE, "reno");
	made_in(OTHER, "reno");
	ruled_port++;
	made_in(BELOW, "dctcp");
	same_result(what[1]);
	id = id_of(BELOW);
	snprintf(rules, sizeof(rules), "cgroup=%llu cc=bbr", id);
	SAME(rules_replace(rules), 0);
	must(!rmdir(BELOW), BELOW);
	snprintf(row, sizeof(row), "hits=0 cgroup=%llu cc=bbr\n", id);
	rules_list_is(ruled_net.a, row);
	must(!mkdir(BELOW, 0755), BELOW);
	made_in(BELOW, "cubic");
	SAME(rules_request(XTCP_CMD_POLICY_ADD, rules), ENOENT);
	rules_said("there is no such cgroup");
	SAME(rules_request(XTCP_CMD_POLICY_ADD, "cgroup=12345678901234567 cc=bbr"), ENOENT);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, "cgroup=12345678901234567"), ENOENT);
	rules_list_is(ruled_net.a, row);
	SAME(rules_request(XTCP_CMD_POLICY_DEL, rules), 0);
	rules_list_is(ruled_net.a, "");
	same_result(what[2]);
	listener_of_gone();
	same_result(what[3]);
	SAME(ruled_tool("add dport=80 cgroup=" BELOW " cc=bbr; scripts/tools/xtcp-policy add cgroup=/xtcp_policy",
			""), 0);
	SAME(ruled_tool("list", "dport=80 cgroup=/xtcp_policy/below cc=bbr # 0 hits\ncgroup=/xtcp_policy # 0 hits"), 0);
	SAME(ruled_tool("add cgroup=/xtcp_policy/nosuch", "No such file"), 2);
	SAME(ruled_tool("del cgroup=xtcp_policy; scripts/tools/xtcp-policy del dport=80 "
			"cgroup=/xtcp_policy/below", ""), 0);
	rules_list_is(ruled_net.a, "");
	same_result(what[4]);
	odd_names();
	same_result(what[5]);
	must(!rmdir(BELOW) && !rmdir(GROUP) && !rmdir(OTHER) && !umount(TREE) && !rmdir(TREE), "cgroups");
}

int main(void)
{
	test_begin(6);
	ruled_begin(PORT);
	by_cgroup();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
