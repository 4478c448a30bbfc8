// SPDX-License-Identifier: GPL-2.0
/*
 * What confines a program confines it under xtcp_run, too. When a program calls the kernel past the library, a process
 * outside makes its sockets: that process may have another network namespace, control group, user and label. A row says
 * first what kernel TCP does for the program alone, then what happens under xtcp_run.
 */
#include "shellrows.h"
#include "lib/test.h"

NEEDS_SCRIPTS;
NEEDS_PROGRAMS("nft");

#define TREE	"/sys/fs/cgroup"
#define GROUPS	"G=" TREE "/sandbox; W=" TREE "/sandbox/within; "
#define SERVER	"4120"		/* nobody reads there */

/* Who has not been let in where a socket would be another one's. */
#define NOWHERE	"newuser\nunseen\ntcp4 EACCES\nconnect EBADF\nunseen\ntcp4 EACCES\n"

/* A program as user 65534, that root puts into a group once it runs; what the user may do there, a step before says. */
#define MOVED(prepare)										\
	GROUPS "mkdir -p $G/from $W; " prepare "; rm -f /tmp/go; mkfifo /tmp/go; "		\
	"sh -c 'echo 0 >'$G'/from/cgroup.procs; exec '\"$NOBODY $R\"' sh -c \""			\
	"echo \\$\\$ >/tmp/moved; read go </tmp/go; exec $S tcp4 connect 22\"' & "		\
	"until [ -s /tmp/moved ]; do :; done; cat /tmp/moved >$W/cgroup.procs; echo >/tmp/go; wait; "	\
	"rm /tmp/go /tmp/moved; rmdir $G/from $W; chown 0 $G $G/cgroup.procs"

static const struct shell_row rows[] = {
	/* namespaces */
	{ "a network namespace that a user's program does not show",
	  "for r in '' $R \"$R --strict\"; do $NOBODY $r $S newuser unseen tcp4 connect 22; "
	  "$NOBODY $r $S unseen tcp4; done",
	  "newuser\nunseen\ntcp4 kernel\nconnect ENETUNREACH kernel\nunseen\ntcp4 kernel\n" NOWHERE NOWHERE },
	{ "nobody has a look at the process that makes sockets",
	  "$NOBODY $R $S take xtcp_run; $R $S user take xtcp_run", "take EPERM\nuser\ntake EPERM\n" },
	{ "a process in a program's user namespace holds nothing by which the program could go up to our root",
	  "$H $NOBODY $R $S newuser tcp4", "newuser\nholds net socket status user\ntcp4 xtcp\n" },
	{ "where /proc has other processes' numbers",
	  "unshare --pid --fork $R $S tcp4; unshare --pid --fork --mount-proc $R $S tcp4", "tcp4 EACCES\ntcp4 xtcp\n" },
	/* control groups */
	{ "a group that may have no sockets",
	  GROUPS "mkdir $W; $D $W create; for r in '' $R; do for p in $S $A; do $r $p enter $W tcp4; done; done; "
	  "$R $S tcp4; rmdir $W",
	  "enter\ntcp4 EPERM\nenter\ntcp4 EPERM\nenter\ntcp4 EPERM\nenter\ntcp4 EPERM\ntcp4 xtcp\n" },
	{ "a group that may not connect",
	  GROUPS "mkdir $W; $D $W connect; for r in '' $R; do $r $S enter $W tcp4 connect 22; done; "
	  "$R $S tcp4 connect 22; rmdir $W",
	  "enter\ntcp4 kernel\nconnect EPERM kernel\nenter\ntcp4 xtcp\nconnect EPERM xtcp\n"
	  "tcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "the same, where a socket changes the stack",
	  GROUPS "mkdir $W; $D $W connect; $R --not-port 22 $S enter $W tcp4 connect 22; "
	  "$R --only-port 22 $S enter $W tcp4 connect 22; rmdir $W",
	  "enter\ntcp4 xtcp\nconnect EPERM kernel\nenter\ntcp4 kernel\nconnect EPERM xtcp\n" },
	{ "a group of threads",
	  GROUPS "mkdir $W; echo threaded >$W/cgroup.type; $D $W create; for r in '' $R; do "
	  "$r $S enter $G enterthread $W tcp4; $r $S enter $G tcp4; done; rmdir $W",
	  "enter\nenterthread\ntcp4 EPERM\nenter\ntcp4 kernel\nenter\nenterthread\ntcp4 EPERM\nenter\ntcp4 xtcp\n" },
	{ "memory is charged to the group of who asks",
	  GROUPS "echo +memory >$G/cgroup.subtree_control; mkdir $W; for r in '' $R; do for p in $S $A; do "
	  "$r $p enter $W tcp4 connect " SERVER " charged $W; done; done; rmdir $W; "
	  "echo -memory >$G/cgroup.subtree_control",
	  "enter\ntcp4 kernel\nconnect kernel\ncharged 1\nenter\ntcp4 kernel\nconnect kernel\ncharged 1\n"
	  "enter\ntcp4 xtcp\nconnect xtcp\ncharged 1\nenter\ntcp4 xtcp\nconnect xtcp\ncharged 1\n" },
	{ "a group where the user may not go",
	  MOVED("chown 65534 $W $W/cgroup.procs"), "tcp4 EACCES\nconnect EBADF\n" },
	{ "a group that the user has",
	  MOVED("chown 65534 $G $G/cgroup.procs $W $W/cgroup.procs"), "tcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "a group that is nowhere to be seen",
	  GROUPS "mkdir $W; unshare --mount --propagation private sh -c \"mkdir -p /tmp/tree; mount --move " TREE
	  " /tmp/tree; $R $S enter /tmp/tree/sandbox/within tcp4; $R sh -c \\\"echo 0 >/tmp/tree/sandbox/within/cgroup.procs; "
	  "umount -l /tmp/tree; exec $S tcp4\\\"\"; rmdir $W", "enter\ntcp4 xtcp\ntcp4 EACCES\n" },
	/* one another */
	{ "who asks and shows nothing holds nobody up",
	  "for r in '' '$R --not-port 23'; do eval timeout 20 $r $S stuck tcp4 connect 22; done",
	  "stuck\ntcp4 kernel\nconnect ECONNREFUSED kernel\nstuck\ntcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "who asks often and ends leaves no processes behind",
	  "$R --not-port 23 $S swarm 100 few xtcp_run tcp4 connect 22",
	  "swarm\nfew 1\ntcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	/* users, labels */
	{ "a user whose number in his namespace is another one",
	  "for r in '' $R; do $NOBODY $r $S newuser become 1 tcp4 owner 1 & for m in gid uid; do "
	  "until printf '0 65534 1\\n1 100000 9\\n' 2>/dev/null >/proc/$!/${m}_map; do :; done; done; wait; done",
	  "newuser\nbecome\ntcp4 kernel\nowner 1\nnewuser\nbecome\ntcp4 xtcp\nowner 1\n" },
	{ "rules of the packet filter for a user",
	  "nft 'add table ip sandbox; add chain ip sandbox out { type filter hook output priority 0; }; "
	  "add rule ip sandbox out tcp dport 4121 meta skuid 65534 meta skgid 65534 reject with icmp type admin-prohibited'; "
	  "for r in '' \"$R --notify\"; do $r $NOBODY $S tcp4 owner 65534 connect 4121; $r $S tcp4 connect 4121; done; "
	  "nft delete table ip sandbox",
	  "tcp4 kernel\nowner 1\nconnect EHOSTUNREACH kernel\ntcp4 kernel\nconnect ECONNREFUSED kernel\n"
	  "tcp4 xtcp\nowner 1\nconnect EHOSTUNREACH xtcp\ntcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "another label of a security module",
	  "mount -t securityfs none /sys/kernel/security; mkdir /sys/kernel/security/apparmor/policy/namespaces/sandbox; "
	  "for r in '' $R; do $r $S label 'changeprofile :sandbox:unconfined' tcp4; done; "
	  "rmdir /sys/kernel/security/apparmor/policy/namespaces/sandbox; umount /sys/kernel/security",
	  "label\ntcp4 kernel\nlabel\ntcp4 EACCES\n" },
};

int main(void)
{
	int server;

	test_begin(sizeof(rows) / sizeof(*rows));
	must(!mkdir(TREE "/sandbox", 0755), "group");
	must(!ns_shell(ns_home(), "echo +memory >" TREE "/cgroup.subtree_control"), "memory");
	server = must_have(stack_listener(ns_home(), XTCP, "127.0.0.1", atoi(SERVER), false), "server");
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ksft_test_result(shell_row_right(&rows[i]), "%s\n", rows[i].name);
	close(server);
	must(!rmdir(TREE "/sandbox"), "group");
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
