// SPDX-License-Identifier: GPL-2.0
/*
 * xtcp_run --bpf, where the kernel has a hook for it, from Linux 6.6 on: all kinds of programs, who leaves the control
 * group, how the hook ends, and what it refuses. Rows as in anyprogram.c.
 */
#include "shellrows.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;

#define AFTER	"test -z \"$(find /sys/fs/cgroup -name 'xtcp_run.*')\""
#define PROTOCOL "/sys/module/xtcp/parameters/protocol"

static const struct shell_row hook_rows[] = {
	{ "a dynamic program, and a static one",
	  "for p in $A $S; do $R --bpf $p tcp4 tcp6 both udp unix; done",
	  "tcp4 xtcp\ntcp6 xtcp nonblock\nboth xtcp nonblock cloexec\nudp other\nunix other\n"
	  "tcp4 xtcp\ntcp6 xtcp nonblock\nboth xtcp nonblock cloexec\nudp other\nunix other\n" },
	{ "who asks for MPTCP, and what a socket says of itself",
	  "$R --bpf $S mptcp tcp4 get domain get protocol", "mptcp xtcp\ntcp4 xtcp\ndomain 2\nprotocol 518\n" },
	{ "rights given up, and taken by a setuid program",
	  "cp $S /tmp/suid; chmod 4755 /tmp/suid; $R --bpf $NOBODY sh -c '$S tcp4; /tmp/suid tcp4'",
	  "tcp4 xtcp\ntcp4 xtcp\n" },
	{ "its status, also by a signal", "$R --bpf sh -c 'exit 7'; echo $?; $R --bpf sh -c 'kill -9 $$'; echo $?",
	  "7\n137\n" },
	{ "who is outside, and who leaves",
	  "$R --bpf sh -c '$S tcp4; echo $$ >/sys/fs/cgroup/cgroup.procs; $S tcp4'; $S tcp4",
	  "tcp4 xtcp\ntcp4 kernel\ntcp4 kernel\n" },
	{ "one in another, and what else xtcp_run has, below it",
	  "$R --bpf $R --bpf $S tcp4; $R --bpf $R $S tcp4; $R --bpf $R $A tcp4", "tcp4 xtcp\ntcp4 xtcp\ntcp4 xtcp\n" },
	{ "the module stays while a program of the group does",
	  "$R --bpf sh -c 'sleep 1000 >&- & echo $! >/tmp/left'; rmmod xtcp 2>&1 | grep -o 'in use'; kill $(cat /tmp/left); "
	  "until " AFTER "; do :; done", "in use\n" },
	{ "the number of the protocol is taken away",
	  "$R --bpf sh -c 'echo 0 >" PROTOCOL "; until $S tcp4 | grep kernel; do :; done'; "
	  "until " AFTER "; do :; done; cat " PROTOCOL, "tcp4 kernel\n0\n" },
	{ "another number", "echo 258 >" PROTOCOL "; $R --bpf $S tcp4; cat " PROTOCOL, "tcp4 xtcp\n258\n" },
	{ "with what it does not go along",
	  "for o in --strict '--only-port 22' --keepalive; do $R --bpf $o true 2>&1; done; "
	  "$NOBODY $R --bpf true 2>&1; $R --bpf --verbose true",
	  "xtcp_run: --strict does not go with --bpf: the kernel makes the sockets, and judges none\n"
	  "xtcp_run: --only-port does not go with --bpf: the kernel makes the sockets, and judges none\n"
	  "xtcp_run: --keepalive does not go with --bpf: the kernel makes the sockets, and judges none\n"
	  "xtcp_run: --bpf is for root\n" },
};

static const struct shell_row no_hook_row = {
	"a kernel without the hook", "$R --bpf true 2>&1; echo $?; " AFTER,
	"xtcp_run: this kernel has no update_socket_protocol(): Linux 6.6 or newer with CONFIG_MPTCP and BTF has\n125\n"
};

int main(void)
{
	const bool has_hook = !ns_shell(ns_home(), "grep -qw update_socket_protocol /proc/kallsyms && "
					"test -e /proc/sys/net/mptcp && test -e /sys/kernel/btf/vmlinux");
	const struct shell_row *rows = has_hook ? hook_rows : &no_hook_row;
	unsigned int i, n = has_hook ? sizeof(hook_rows) / sizeof(*hook_rows) : 1;

	ksft_print_header();
	must(!prctl(PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER");
	ksft_set_plan(n + 2);
	for (i = 0; i < n; i++)
		ksft_test_result(shell_row_right(&rows[i]), "%s\n", rows[i].name);
	shell_rows_end();
	unlink("/tmp/suid");
	unlink("/tmp/left");
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
