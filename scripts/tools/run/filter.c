// SPDX-License-Identifier: GPL-2.0
/*
 * The filter of system calls that a program and all its descendants run under: socket() for TCP waits until the process
 * behind the listener (notify.c) has answered. It sees the numbers in the registers and no memory, so what is made
 * without a system call of its own, as by io_uring, cannot be seen: --strict denies the program io_uring instead, and
 * --verbose says when it asks for one. It denies SMC, too, whose sockets have one of kernel TCP inside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "run.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 0x20
#endif

#ifndef IPPROTO_SMC
#define IPPROTO_SMC	256		/* since Linux 6.11 */
#endif

#ifdef __aarch64__
#define OUR_ARCH	AUDIT_ARCH_AARCH64
#define SOCKET_OF_32	281
#elif defined(__x86_64__)
#define OUR_ARCH	AUDIT_ARCH_X86_64
#define SOCKET_OF_32	359
#define SOCKETCALL_OF_32	102	/* its first argument says which: 1 is socket() */
#else
/* Others call socket() by socketcall(), whose arguments are in memory, which no filter sees. */
#define OUR_ARCH	0
#define SOCKET_OF_32	0
#endif
#define X32_BIT		0x40000000
#define DENY(error)	(SECCOMP_RET_ERRNO | (error))

struct program {
	unsigned short n;
	struct sock_filter insn[64];
};

static void load(struct program *program, unsigned int offset)
{
	program->insn[program->n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}

static void load_nr(struct program *program)
{
	load(program, offsetof(struct seccomp_data, nr));
}

static void load_arg(struct program *program, int arg)
{
	load(program, offsetof(struct seccomp_data, args) + 8 * arg);	/* the low half: all are int */
}

static void verdict(struct program *program, unsigned int what)
{
	program->insn[program->n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what);
}

static void verdict_if(struct program *program, unsigned int value, unsigned int what)
{
	program->insn[program->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	verdict(program, what);
}

/* skip_unless() and land(): what is between is for that value alone. */
static unsigned short skip_unless(struct program *program, unsigned int value)
{
	program->insn[program->n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
	return program->n++;
}

static void land(struct program *program, unsigned short from)
{
	program->insn[from].jf = program->n - from - 1;
}

/* Calls of 32-bit programs are not translated. */
static void other_machines(struct program *program, bool strict)
{
	unsigned short from;

	load(program, offsetof(struct seccomp_data, arch));
	from = skip_unless(program, OUR_ARCH);
	if (strict) {
		load_nr(program);
		verdict_if(program, SOCKET_OF_32, DENY(EPERM));
#ifdef SOCKETCALL_OF_32
		unsigned short call = skip_unless(program, SOCKETCALL_OF_32);

		load_arg(program, 0);
		verdict_if(program, 1, DENY(EPERM));
		land(program, call);
#endif
	}
	verdict(program, SECCOMP_RET_ALLOW);
	program->insn[from].jt = program->n - from - 1;
}

/* A call that connects if its flags say so. Most have none, so the kernel looks at these alone. */
static void notify_of_fastopen(struct program *program, unsigned int nr, int flags_arg)
{
	unsigned short from = skip_unless(program, nr);

	load_arg(program, flags_arg);
	program->insn[program->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1);
	verdict(program, SECCOMP_RET_USER_NOTIF);
	verdict(program, SECCOMP_RET_ALLOW);
	land(program, from);
}

static void write_program(struct program *program, bool strict, bool verbose)
{
	unsigned short from;

	other_machines(program, strict);
	load_nr(program);
	program->insn[program->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
	verdict(program, strict ? DENY(ENOSYS) : SECCOMP_RET_ALLOW);
	if (verbose)
		verdict_if(program, SYS_io_uring_setup, SECCOMP_RET_USER_NOTIF);
	else if (strict)
		verdict_if(program, SYS_io_uring_setup, DENY(EPERM));
	if (rules_any()) {
		verdict_if(program, SYS_connect, SECCOMP_RET_USER_NOTIF);
		verdict_if(program, SYS_bind, SECCOMP_RET_USER_NOTIF);
		notify_of_fastopen(program, SYS_sendto, 3);
		notify_of_fastopen(program, SYS_sendmsg, 2);
		notify_of_fastopen(program, SYS_sendmmsg, 3);
	}
	from = skip_unless(program, SYS_socket);
	load_arg(program, 1);
	program->insn[program->n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~TYPE_FLAGS);
	program->insn[program->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
	verdict(program, SECCOMP_RET_ALLOW);
	load_arg(program, 0);
	if (strict)
		verdict_if(program, AF_SMC, DENY(EAFNOSUPPORT));
	program->insn[program->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
	program->insn[program->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
	verdict(program, SECCOMP_RET_ALLOW);
	load_arg(program, 2);
	verdict_if(program, IPPROTO_MPTCP, DENY(EPROTONOSUPPORT));
	if (strict)
		verdict_if(program, IPPROTO_SMC, DENY(EPROTONOSUPPORT));
	if (rules_start_on_xtcp()) {
		verdict_if(program, 0, SECCOMP_RET_USER_NOTIF);
		verdict_if(program, IPPROTO_TCP, SECCOMP_RET_USER_NOTIF);
	}
	land(program, from);
	verdict(program, SECCOMP_RET_ALLOW);
}

/*
 * filter_install() - From here on this process runs under the filter. Who has not CAP_SYS_ADMIN must promise first that
 * nobody below gets new rights: a setuid program runs without them then.
 *
 * Return: the listener, or -1 with errno; EBUSY: an outer filter has a listener already; EOPNOTSUPP: not on this
 * processor.
 */
int filter_install(bool strict, bool verbose)
{
	struct program program = {};
	struct sock_fprog prog = { .filter = program.insn };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int listener;

	if (!OUR_ARCH) {
		errno = EOPNOTSUPP;
		return -1;
	}
	write_program(&program, strict, verbose);
	prog.len = program.n;
	listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (listener < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	return listener;
}
