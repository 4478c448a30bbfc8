// SPDX-License-Identifier: GPL-2.0
/*
 * xtcp_run with all kinds of programs: dynamic and static ones, such as clear their environment, enter namespaces, or
 * give up rights; rules about ports; what it refuses. Each row is a line for the shell, and all that it has to print.
 * tools/ask.c is the program that is run; it looks past libc.
 */
#include "shellrows.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;
NEEDS_PROGRAMS("ip busybox");

/* What tools/ask says of three calls that send and connect, the first to a port of the rule and the second not. */
#define FASTOPEN(call, start, to, other)								\
	"tcp4 " start "\n" call " ECONNREFUSED " to "\ntcp4 " start "\n" call " ECONNREFUSED " other "\n"
#define FASTOPEN_ALL(...)										\
	"" FASTOPEN("sendto", __VA_ARGS__) FASTOPEN("sendmsg", __VA_ARGS__) FASTOPEN("sendmmsg", __VA_ARGS__)
#define FASTOPENED	FASTOPEN_ALL("xtcp", "kernel", "xtcp")
#define FASTOPENED_ONLY	FASTOPEN_ALL("kernel", "xtcp", "kernel")

/* What the options of a socket are: with all limits of xtcp_run, with one, with none. */
#define LIMITED	"tcp4 xtcp\nlimits 1 5000 60000 7000\ntcp6 xtcp nonblock\nlimits 0 0 9 0\ntcp4 xtcp\nlimits 0 0 0 0\n"
#define LIMITED_MOVES	"tcp4 kernel\nlimits 0 0 -1 -1\nconnect ECONNREFUSED xtcp\nlimits 1 5000 0 0\n"

/* What is not judged, and where nothing can be. */
#define UNSEEN	"xtcp_run: N: process N: socket 3 is not judged by port: the kernel shows neither address nor socket\n"
#define NO_LOOK	"xtcp_run: the kernel lets nobody look at other processes here (kernel.yama.ptrace_scope?): "	\
		"no socket can be judged by port\n"

/* There is no module, or not with that family. */
#define NOT_LOADED "the xtcp_none module is not loaded: sudo modprobe xtcp_none, or, where it is not installed, " \
		"make and sudo insmod xtcp_none.ko"
#define NO_FAMILY "xtcp_run: socket(AF_XTCP): no such family: XTCP_FAMILY is not its number, or a unit has "	\
		"RestrictAddressFamilies= without AF_WANPIPE"

/* io_uring opens a socket: one of kernel TCP, and --verbose names it; none with --strict. */
#define RING	"xtcp_run: N: process N: io_uring: sockets that it opens stay on kernel TCP\n"		\
		"ring kernel\ntcp4 xtcp\nring EPERM\ntcp4 xtcp\n"

/* What a program hears that sets keys, then connects: on xtcp, where it stays, then on kernel TCP to two ports. */
#define MD5	"both xtcp nonblock cloexec\nmd5 xtcp nonblock cloexec\n"			\
		"connect EINPROGRESS xtcp nonblock cloexec\n"						\
		"both kernel nonblock cloexec\nmd5 kernel nonblock cloexec\n"					\
		"connect EINPROGRESS kernel nonblock cloexec\n"						\
		"both kernel nonblock cloexec\nmd5 kernel nonblock cloexec\n"					\
		"connect EINPROGRESS xtcp nonblock cloexec\n"

static const struct shell_row rows[] = {
	/* both nets */
	{ "a dynamic program",
	  "$R $A tcp4 tcp6 both udp unix",
	  "tcp4 xtcp\ntcp6 xtcp nonblock\nboth xtcp nonblock cloexec\nudp other\nunix other\n" },
	{ "a static program",
	  "$R $S tcp4 tcp6 both udp unix",
	  "tcp4 xtcp\ntcp6 xtcp nonblock\nboth xtcp nonblock cloexec\nudp other\nunix other\n" },
	{ "the option of MSG_ZEROCOPY, which Linux 6.1 refuses",
	  "$R $A tcp4 zerocopy unix zerocopy",
	  "tcp4 xtcp\nzerocopy xtcp\nunix other\nzerocopy EOPNOTSUPP other\n" },
	{ "a shell with a static child",
	  "$R sh -c '$S tcp4; $A tcp4; $S tcp6'", "tcp4 xtcp\ntcp4 xtcp\ntcp6 xtcp nonblock\n" },
	{ "a static shell with a dynamic child",
	  "$R busybox sh -c '$A tcp4 get protocol'", "tcp4 xtcp\nprotocol 6\n" },
	{ "an environment that is cleared",
	  "$R env -i $A tcp4 tcp6", "tcp4 xtcp\ntcp6 xtcp nonblock\n" },
	{ "bash's /dev/tcp",
	  "$R bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1 | grep -om1 refused; cut -d' ' -f6 "
	  "/proc/net/xtcp_snmp | tail -n 1 >/tmp/n; $R env -i bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1 | grep -om1 "
	  "refused; echo $(($(cut -d' ' -f6 /proc/net/xtcp_snmp | tail -n 1) - $(cat "
	  "/tmp/n)))", "refused\nrefused\n1\n" },
	{ "what it hears of its socket",
	  "$R $A tcp4 get domain get protocol tcp6 get domain get protocol",
	  "tcp4 xtcp\ndomain 2\nprotocol 6\ntcp6 xtcp nonblock\ndomain 10\nprotocol 6\n" },
	{ "a 32-bit program, dynamic or not",
	  "printf '\\177ELF\\1' >/tmp/elf32; chmod +x /tmp/elf32; $R /tmp/elf32 2>&1",
	  "xtcp_run: /tmp/elf32 is a 32-bit program: library and filter are for 64-bit ones. "
	  "Root's xtcp_run --bpf is for all\n", 125 },
	{ "no MPTCP",
	  "$R $A mptcp; $R $S mptcp", "mptcp EPROTONOSUPPORT\nmptcp EPROTONOSUPPORT\n" },
	{ "no descriptor left",
	  "$R $S tcp4 full tcp6 tcp6; $R sh -c 'exec 3<&0; $S full tcp4'",
	  "tcp4 xtcp\nfull xtcp\ntcp6 xtcp nonblock\ntcp6 xtcp nonblock\nfull\ntcp4 EMFILE\n" },
	{ "CDPATH in the environment",
	  "CDPATH=.:/tmp $R $A tcp4", "tcp4 xtcp\n" },
	{ "its status, also by a signal",
	  "$R sh -c 'exit 7'; echo $?; $R sh -c 'kill -9 $$'; echo $?", "7\n137\n" },
	{ "xtcp_run in xtcp_run",
	  "$R $R $S tcp4; $R sh -c '$R $A tcp4'", "tcp4 xtcp\ntcp4 xtcp\n" },
	{ "a socket of kernel TCP by the library alone",
	  "$R --preload env -i $A tcp4; $R --preload $A tcp4",
	  "tcp4 kernel\ntcp4 xtcp\n" },
	{ "the filter alone",
	  "$R --notify $A tcp4 get protocol", "tcp4 xtcp\nprotocol 518\n" },
	/* namespaces and users */
	{ "a namespace entered later",
	  "$R $S newnet tcp4 bind 4100 listen lines /proc/net/xtcp; $S lines /proc/net/xtcp",
	  "newnet\ntcp4 xtcp\nbind xtcp\nlisten xtcp\nlines 1\nlines 0\n" },
	{ "the same by the library",
	  "$R $A newnet tcp4 bind 4100 listen lines /proc/net/xtcp; $S lines /proc/net/xtcp",
	  "newnet\ntcp4 xtcp\nbind xtcp\nlisten xtcp\nlines 1\nlines 0\n" },
	{ "a process that is made in a namespace of its own",
	  "for p in $S $A; do $R $p tcp4 bind 4100 clone lines /proc/net/xtcp tcp4 bind 4100 listen lines /proc/net/xtcp; "
	  "done; $S lines /proc/net/xtcp",
	  "tcp4 xtcp\nbind xtcp\nclone xtcp\nlines 0\ntcp4 xtcp\nbind xtcp\nlisten xtcp\nlines 1\n"
	  "tcp4 xtcp\nbind xtcp\nclone xtcp\nlines 0\ntcp4 xtcp\nbind xtcp\nlisten xtcp\nlines 1\nlines 0\n" },
	{ "a namespace of a user's own",
	  "$NOBODY $R $S newuser tcp4 bind 4100 listen lines /proc/net/xtcp; "
	  "$S lines /proc/net/xtcp", "newuser\ntcp4 xtcp\nbind xtcp\nlisten xtcp\nlines 1\nlines 0\n" },
	{ "rights given up",
	  "$R $S user tcp4 owner 65534", "user\ntcp4 xtcp\nowner 1\n" },
	{ "a user",
	  "$NOBODY $R $S tcp4 owner 65534; $NOBODY $R $A tcp4 owner 65534",
	  "tcp4 xtcp\nowner 1\ntcp4 xtcp\nowner 1\n" },
	{ "a setuid program",
	  "cp $A /tmp/suid; chmod 4755 /tmp/suid; $NOBODY $R /tmp/suid tcp4 2>&1; echo $?",
	  "xtcp_run: /tmp/suid runs with its owner's rights (setuid): neither the library nor the filter may go there\n"
	  "125\n" },
	{ "a setuid child has no rights",
	  "$NOBODY $R sh -c '/tmp/suid tcp4 owner 65534'", "tcp4 xtcp\nowner 1\n" },
	{ "a program with file capabilities",
	  "cp $A /tmp/caps; python3 -c 'import os; os.setxattr(\"/tmp/caps\", "
	  "\"security.capability\", bytes.fromhex(\"0100000200040000000000000000000000000000\"))' && "
	  "{ $NOBODY $R /tmp/caps tcp4 2>&1; echo $?; $R /tmp/caps tcp4; }",
	  "xtcp_run: /tmp/caps has rights of its own (file capabilities): neither the library nor the filter may go "
	  "there\n125\ntcp4 xtcp\n" },
	/* ports */
	{ "--only-port",
	  "$R --only-port 4101,4200-4299 $A tcp4 bind 4101 tcp4 connect 4250 tcp4 connect 4300 tcp4 bind 4102",
	  "tcp4 kernel\nbind xtcp\ntcp4 kernel\nconnect ECONNREFUSED xtcp\ntcp4 kernel\nconnect ECONNREFUSED kernel\n"
	  "tcp4 kernel\nbind kernel\n" },
	{ "--only-port, static",
	  "$R --only-port 4101,4200-4299 $S tcp4 bind 4101 both connect 4250 tcp4 connect 4300 udp bind 4101",
	  "tcp4 kernel\nbind xtcp\nboth kernel nonblock cloexec\nconnect EINPROGRESS xtcp nonblock "
	  "cloexec\ntcp4 kernel\n"
	  "connect ECONNREFUSED kernel\nudp other\nbind other\n" },
	{ "--not-port",
	  "$R --not-port 22 $A both set connect 22 get nodelay get rcvbuf get kinds tcp4 connect 23",
	  "both xtcp nonblock cloexec\nset xtcp nonblock cloexec\nconnect EINPROGRESS kernel nonblock cloexec\n"
	  "nodelay 1\nrcvbuf 60000\nkinds 1\ntcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "--not-port, static, from a port that is bound",
	  "$R --not-port=22 $S tcp4 set bind 4103 connect 22 get nodelay "
	  "get rcvbuf get kinds tcp4 connect 23", "tcp4 xtcp\nset xtcp\nbind xtcp\nconnect ECONNREFUSED kernel\n"
	  "nodelay 1\nrcvbuf 60000\nkinds 1\ntcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "--not-port, by the library alone",
	  "$R --preload --not-port 22 $A tcp4 connect 22 tcp4 connect 23",
	  "tcp4 xtcp\nconnect ECONNREFUSED kernel\ntcp4 xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "what sends and connects is judged, too",
	  "for P in '--preload --not-port' --not-port --only-port; do for c in sendto sendmsg sendmmsg; do "
	  "$R $P 22 $A tcp4 $c 22 tcp4 $c 23; done; done",
	  FASTOPENED FASTOPENED FASTOPENED_ONLY },
	{ "the same, static",
	  "for P in --not-port --only-port; do for c in sendto sendmsg sendmmsg; do "
	  "$R $P 22 $S tcp4 $c 22 tcp4 $c 23; done; done", FASTOPENED FASTOPENED_ONLY },
	{ "what was made in another namespace stays",
	  "for p in $A $S; do $R --not-port 22 $p tcp4 newnet connect 22; done",
	  "tcp4 xtcp\nnewnet xtcp\nconnect ECONNREFUSED xtcp\ntcp4 xtcp\nnewnet xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "what was made in another namespace, --strict",
	  "$R --strict --only-port 22 $S tcp4 newnet connect 22",
	  "tcp4 kernel\nnewnet kernel\nconnect EXDEV kernel\n" },
	{ "a connection that has begun stays",
	  "ip address add 192.0.2.1/32 dev lo; ip route add 192.0.2.2 dev lo; for p in $A $S; do "
	  "$R --not-port 22 $p both connect 192.0.2.2:23 connect 192.0.2.2:22; done; "
	  "ip address del 192.0.2.1/32 dev lo",
	  "both xtcp nonblock cloexec\nconnect EINPROGRESS xtcp nonblock cloexec\n"
	  "connect EALREADY xtcp nonblock cloexec\n"
	  "both xtcp nonblock cloexec\nconnect EINPROGRESS xtcp nonblock cloexec\n"
	  "connect EALREADY xtcp nonblock cloexec\n" },
	{ "addresses that are nowhere",
	  "for p in $A $S; do $R --not-port 22 $p tcp4 wild; done", "tcp4 xtcp\nwild 5\ntcp4 xtcp\nwild 5\n" },
	{ "a thread with descriptors of its own",
	  "for s in 'tcp4 thread' 'tcp4 thread tcp4' 'thread tcp4'; do "
	  "$R --verbose --only-port 22 $S $s connect 22; done 2>&1 | "
	  "grep -v moves | sed 's/ [0-9]*: / N: /; s/process [0-9]*/process N/'",
	  "tcp4 kernel\nthread kernel\nconnect ECONNREFUSED xtcp\n"
	  "tcp4 kernel\nthread kernel\ntcp4 kernel\n" UNSEEN "connect ECONNREFUSED kernel\n"
	  "thread\ntcp4 kernel\n" UNSEEN "connect ECONNREFUSED kernel\n" },
	{ "a program that its user may not look at",
	  "{ $NOBODY $R --verbose --only-port 22 $S unseen tcp4 connect 22; $NOBODY $R --strict --only-port 22 $S "
	  "unseen tcp4 connect 22; } 2>&1 | sed 's/ [0-9]*: / N: /; s/process [0-9]*/process N/'",
	  "unseen\ntcp4 kernel\n" UNSEEN "connect ECONNREFUSED kernel\n"
	  "unseen\ntcp4 kernel\nconnect EPERM kernel\n" },
	{ "where nobody may look at other programs",
	  "mkdir -p /tmp/r/scripts/tools /tmp/r/build; cp scripts/tools/xtcp_run /tmp/r/scripts/tools/; "
	  "cp build/xtcp_run* /tmp/r/build/; chmod 711 /tmp/r/build/xtcp_run_start; "
	  "for o in '' --strict --verbose; do for p in $S $A; do "
	  "$NOBODY /tmp/r/scripts/tools/xtcp_run $o --only-port 22 $p tcp4 connect 22; done; done 2>&1 | "
	  "grep -v moves | sed 's/ [0-9]*: / N: /'",
	  NO_LOOK "tcp4 kernel\nconnect ECONNREFUSED xtcp\n" NO_LOOK NO_LOOK NO_LOOK
	  "xtcp_run: N: the kernel lets nobody look at other processes here: only the library judges by port\n"
	  "tcp4 kernel\nconnect ECONNREFUSED xtcp\n" },
	{ "what a socket of xtcp takes along, by the library",
	  "$C pool $R --preload --not-port 4110 $C judge xtcp", "all went along\n" },
	{ "what a socket of kernel TCP takes along, by the library",
	  "$R --preload --only-port 4110 $C judge kernel", "all went along\n" },
	{ "what a socket of xtcp takes along, by the filter",
	  "$C pool $R --not-port 4110 ${C}_static judge xtcp", "all went along\n" },
	{ "what a socket of kernel TCP takes along, by the filter",
	  "$R --only-port 4110 ${C}_static judge kernel", "all went along\n" },
	{ "an address is free again once its socket is closed",
	  "$R --only-port 4110 ${C}_static again", "0 of 1000 refused\n" },
	{ "what it takes along when root's rights were given up",
	  "$C pool $R --not-port 4110 ${C}_static judge xtcp nobody; "
	  "$R --only-port 4110 ${C}_static judge kernel nobody", "all went along\nall went along\n" },
	{ "what does not go along, and --verbose says so",
	  "for p in $A $S; do $R --verbose --only-port 22 $p tcp4 ttls connect 22; done 2>&1 | "
	  " sed 's/ [0-9]*: / N: /; s/process [0-9]*/process N/'",
	  "tcp4 kernel\nttls kernel\nxtcp_run: N: IP_RECVTTL does not go along: Protocol not available\n"
	  "xtcp_run: N: socket 3 moves to xtcp\nconnect ECONNREFUSED xtcp\n"
	  "tcp4 kernel\nttls kernel\nxtcp_run: N: IP_RECVTTL does not go along: Protocol not available\n"
	  "xtcp_run: N: process N: socket 3 moves to xtcp\nconnect ECONNREFUSED xtcp\n" },
	{ "keys of TCP_MD5SIG: a socket of xtcp stays there, one of kernel TCP leaves them behind",
	  "for p in $A $S; do $R --not-port 179 $p both md5 connect 179; $R --only-port 22 $p both md5 connect 179 "
	  "both md5 connect 22; done",
	  MD5 MD5 },
	{ "no list of ports",
	  "for p in 0 65536 80, 8-7 x 80-; do $R --only-port $p true 2>&1; echo $?; done | uniq -c | "
	  "grep -c 'no list of ports'; $R --not-port "
	  "2>&1", "6\nxtcp_run: --not-port wants ports, as 80,8000-8100\n", 125 },
	/* limits */
	{ "limits, by the library and by the filter",
	  "for p in $A $S; do $R --keepalive --user-timeout 5000 --idle=60000 --half-closed 7000 $p tcp4 limits; "
	  "$R --idle 9 $p tcp6 limits; $R $p tcp4 limits; done",
	  LIMITED LIMITED },
	{ "limits: a socket of kernel TCP gets none, and one that moves to xtcp gets them",
	  "for p in $A $S; do $R --keepalive --user-timeout 5000 --only-port 22 $p tcp4 limits connect 22 limits; done",
	  "" LIMITED_MOVES LIMITED_MOVES },
	{ "limits: no number", "for n in 0 -1 x 2147483648 5s ''; do $R --idle \"$n\" true 2>&1; echo $?; done | "
	  "grep -c 'no number of milliseconds'; $R --user-timeout 2>&1",
	  "6\nxtcp_run: --user-timeout wants milliseconds\n", 125 },
	/* strict, verbose */
	{ "--strict",
	  "$R --strict $A uring tcp4; $R $A uring tcp4", "uring EPERM\ntcp4 xtcp\nuring EFAULT\ntcp4 xtcp\n" },
	{ "--verbose, and the program asks for io_uring",
	  "{ $R --verbose $S uring; $R --verbose $A uring; $R --strict --verbose $A uring; "
	  "$R --preload --verbose $A uring; } 2>&1 | sed 's/ [0-9]*: / N: /; s/process [0-9]*/process N/'",
	  "xtcp_run: N: process N: io_uring: sockets that it opens stay on kernel TCP\nuring EFAULT\n"
	  "xtcp_run: N: process N: io_uring: sockets that it opens stay on kernel TCP\nuring EFAULT\n"
	  "xtcp_run: N: process N: io_uring: denied\nuring EPERM\n"
	  "xtcp_run: N: no filter: what calls the kernel past libc, and what io_uring opens, stays on kernel TCP\n"
	  "uring EFAULT\n" },
	{ "a socket by io_uring's own opcode",
	  "{ for p in $A $S; do $R --verbose $p ring tcp4; $R --strict $p ring tcp4; done; } 2>&1 | "
	  "grep -v 'socket 3 is on' | sed 's/ [0-9]*: / N: /; s/process [0-9]*/process N/'",
	  RING RING },
	{ "--strict, and SMC, which has a socket of kernel TCP inside",
	  "modprobe -q smc; $R --strict $A smc smc4 tcp4; $R --strict $S smc smc4 tcp4",
	  "smc EAFNOSUPPORT\nsmc4 EPROTONOSUPPORT\ntcp4 xtcp\nsmc EAFNOSUPPORT\nsmc4 EPROTONOSUPPORT\ntcp4 xtcp\n" },
	{ "--strict, and the kernel has no filter",
	  "$R --strict --preload $A tcp4 2>&1",
	  "xtcp_run: --strict needs the filter, --preload has none\n", 125 },
	{ "--strict, and a socket is there already",
	  "bash -c \"exec 9<>/dev/udp/127.0.0.1/9; $R --strict $A tcp4\"; python3 -c '"
	  "import os, socket; s = socket.socket(); s.set_inheritable(True); print(s.fileno() == 3, flush=True); "
	  "os.execvp(\"scripts/tools/xtcp_run\", [\"xtcp_run\", \"--strict\", \"true\"])' 2>&1",
	  "tcp4 xtcp\nTrue\nxtcp_run: descriptor 3 is a socket of kernel TCP already\n", 125 },
	{ "--verbose",
	  "$R --verbose sh -c '$A tcp4; $S tcp4' 2>&1 | sed 's/ [0-9]*: / N: /; s/process [0-9]*/process N/' | sort",
	  "tcp4 xtcp\ntcp4 xtcp\nxtcp_run: N: process N: socket 3 is on xtcp, by the kernel\n"
	  "xtcp_run: N: socket 3 is on xtcp\n" },
	{ "--verbose, and no descriptor left",
	  "$R --verbose sh -c 'exec 3<&0; $A full tcp4' 2>&1", "full\ntcp4 EMFILE\n" },
	{ "--fallback, and the module is not there",
	  "$R --name xtcp_none --fallback $A tcp4 2>&1; $R --name xtcp_none --fallback --strict $A tcp4 2>&1",
	  "xtcp_run: " NOT_LOADED ". Kernel TCP takes its place\ntcp4 kernel\nxtcp_run: " NOT_LOADED "\n", 125 },
	{ "a family that is not there, with --fallback and without",
	  "export XTCP_FAMILY=99; $R --preload --fallback $A tcp4 tcp6 2>&1; $R --preload $A tcp4 2>&1",
	  NO_FAMILY ". Kernel TCP takes its place\ntcp4 kernel\ntcp6 kernel nonblock\n"
	  NO_FAMILY "\ntcp4 EAFNOSUPPORT\n" },
	{ "the library alone, without the module",
	  "export XTCP_NAME=xtcp_none XTCP_FAMILY=99 XTCP_RUN_FALLBACK=1; LD_PRELOAD=$PWD/build/xtcp_run.so $A tcp4 2>&1 | "
	  "sed \"s/$(uname -r)/R/; s/; .*autoinstall.*; /; /\"",
	  "xtcp_run: socket(AF_XTCP): no such family: the xtcp_none module is not loaded in Linux R; "
	  "\"modprobe xtcp_none\" loads it. Kernel TCP takes its place\ntcp4 kernel\n" },
	{ "output ends with the program",
	  "echo $($R sh -c '$S tcp4 & wait')", "tcp4 xtcp\n" },
};

int main(void)
{
	ksft_print_header();
	must(!prctl(PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER");
	ksft_set_plan(sizeof(rows) / sizeof(*rows) + 2);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ksft_test_result(shell_row_right(&rows[i]), "%s\n", rows[i].name);
	shell_rows_end();
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
