// SPDX-License-Identifier: GPL-2.0
/*
 * BPF programs of a control group: they are asked before a socket of the group is made, bound and connected, may send
 * it to another port, see each of its segments, in and out, and change or refuse its options and where it is bound. On
 * both stacks, so that what holds for a service on kernel TCP holds for it on xtcp; but for programs of sock_ops.
 *
 * The programs are a few instructions each, loaded by bpf(2) as they stand here.
 */
#include <linux/bpf.h>
#include <sys/mount.h>
#include "lib/test.h"

#define TREE	"/tmp/xtcp_groupprogs"
#define GROUP	TREE "/group"
#define LOG	65536
#define ALLOWED	2222		/* ports */
#define REFUSED	2223

#define INSN(c, d, s, o, i)	((struct bpf_insn){ .code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i })
#define SET_REG(reg, value)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value)
#define COPY_REG(to, from)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define ADD_REG(reg, value)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, value)
#define STORE32(reg, off, from)	INSN(BPF_STX | BPF_MEM | BPF_W, reg, from, off, 0)
#define LOAD32(to, reg, off)	INSN(BPF_LDX | BPF_MEM | BPF_W, to, reg, off, 0)
#define LOAD64(to, reg, off)	INSN(BPF_LDX | BPF_MEM | BPF_DW, to, reg, off, 0)
#define JUMP_UNLESS(reg, number, over)	INSN(BPF_JMP | BPF_JNE | BPF_K, reg, 0, over, number)
#define END			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int net, group;
static int counts;		/* the map in which programs count, of one number */

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int load(int type, int at, const struct bpf_insn *insns, int n)
{
	static char log[LOG];
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = at,
		.insns = (unsigned long)insns,
		.insn_cnt = n,
		.license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		ksft_print_msg("%s\n", log);
	must(fd >= 0, "BPF_PROG_LOAD");
	return fd;
}

static void attach(int program, int at)
{
	union bpf_attr attr = { .target_fd = group, .attach_bpf_fd = program, .attach_type = at };

	must(!bpf(BPF_PROG_ATTACH, &attr), "BPF_PROG_ATTACH");
}

static void detach(int program, int at)
{
	union bpf_attr attr = { .target_fd = group, .attach_bpf_fd = program, .attach_type = at };

	must(!bpf(BPF_PROG_DETACH, &attr), "BPF_PROG_DETACH");
	close(program);
}

/* Says @verdict, and that is all. */
static int load_verdict(int type, int at, int verdict)
{
	const struct bpf_insn insns[] = { SET_REG(BPF_REG_0, verdict), END };

	return load(type, at, insns, 2);
}

/* Writes @port where the address has its port, and says yes. */
static int load_port(int at, int port)
{
	const struct bpf_insn insns[] = {
		SET_REG(BPF_REG_2, htons(port)),
		STORE32(BPF_REG_1, offsetof(struct bpf_sock_addr, user_port), BPF_REG_2),
		SET_REG(BPF_REG_0, 1),
		END,
	};

	return load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at, insns, 4);
}

/* Adds 1 to the number in the map, and says @verdict. */
static int load_counter(int type, int at, int verdict)
{
	const struct bpf_insn insns[] = {
		SET_REG(BPF_REG_2, 0),
		STORE32(BPF_REG_10, -4, BPF_REG_2),
		COPY_REG(BPF_REG_2, BPF_REG_10),
		ADD_REG(BPF_REG_2, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, counts),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		SET_REG(BPF_REG_1, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		SET_REG(BPF_REG_0, verdict),
		END,
	};

	return load(type, at, insns, 12);
}

/* Says @verdict where the number at @offset of what it judges is @number, and the opposite elsewhere. */
static int load_judge(int type, int at, int offset, int number, bool verdict)
{
	const struct bpf_insn insns[] = {
		LOAD32(BPF_REG_2, BPF_REG_1, offset),
		SET_REG(BPF_REG_0, verdict),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, 1, number),
		SET_REG(BPF_REG_0, !verdict),
		END,
	};

	return load(type, at, insns, 5);
}

/* Says yes to what has the number @protocol, and no to all else. */
static int load_protocol(int protocol)
{
	return load_judge(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE,
			  offsetof(struct bpf_sock, protocol), protocol, true);
}

/* Says no to a socket that has been bound to REFUSED. */
static int load_bound(int at)
{
	return load_judge(BPF_PROG_TYPE_CGROUP_SOCK, at, offsetof(struct bpf_sock, src_port), REFUSED, false);
}

/* Says no to TCP_KEEPIDLE. */
static int load_no_option(int at)
{
	return load_judge(BPF_PROG_TYPE_CGROUP_SOCKOPT, at, offsetof(struct bpf_sockopt, optname), TCP_KEEPIDLE, false);
}

/* Makes TCP_KEEPIDLE this many seconds, on its way in or out. */
static int load_option(int at, int seconds)
{
	const struct bpf_insn insns[] = {
		LOAD32(BPF_REG_2, BPF_REG_1, offsetof(struct bpf_sockopt, optname)),
		SET_REG(BPF_REG_0, 1),
		JUMP_UNLESS(BPF_REG_2, TCP_KEEPIDLE, 6),
		LOAD64(BPF_REG_3, BPF_REG_1, offsetof(struct bpf_sockopt, optval)),
		LOAD64(BPF_REG_4, BPF_REG_1, offsetof(struct bpf_sockopt, optval_end)),
		COPY_REG(BPF_REG_5, BPF_REG_3),
		ADD_REG(BPF_REG_5, 4),
		INSN(BPF_JMP | BPF_JGT | BPF_X, BPF_REG_5, BPF_REG_4, 1, 0),
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_3, 0, 0, seconds),
		END,
	};

	return load(BPF_PROG_TYPE_CGROUP_SOCKOPT, at, insns, 10);
}

static __u64 counted(void)
{
	__u32 key = 0;
	__u64 number = 0, none = 0;
	union bpf_attr attr = { .map_fd = counts, .key = (unsigned long)&key, .value = (unsigned long)&number };

	must(!bpf(BPF_MAP_LOOKUP_ELEM, &attr), "BPF_MAP_LOOKUP_ELEM");
	attr.value = (unsigned long)&none;
	must(!bpf(BPF_MAP_UPDATE_ELEM, &attr), "BPF_MAP_UPDATE_ELEM");
	return number;
}

static void make_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1 };

	counts = must_have(bpf(BPF_MAP_CREATE, &attr), "BPF_MAP_CREATE");
}

/* A socket belongs to the group of the task that makes it. */
static void enter_group(bool in)
{
	int fd = open(in ? GROUP "/cgroup.procs" : TREE "/cgroup.procs", O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, "0", 1) == 1, "cgroup.procs");
	close(fd);
}

static int member_socket(enum stack stack, const char *text)
{
	int fd, error;

	enter_group(true);
	fd = stack_socket(net, stack, text);
	error = errno;
	enter_group(false);
	errno = error;
	return fd;
}

static bool is_v6(const char *text)
{
	return strchr(text, ':');
}

static void test_create(enum stack stack, const char *text)
{
	int no = load_verdict(BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 0);
	int protocol, fd, denied, seen, other;

	attach(no, BPF_CGROUP_INET_SOCK_CREATE);
	fd = member_socket(stack, text);
	denied = fd < 0 ? errno : 0;
	/* another group may */
	other = stack_socket(net, stack, text);
	detach(no, BPF_CGROUP_INET_SOCK_CREATE);
	protocol = load_protocol(stack == XTCP ? 0x206 : IPPROTO_TCP);
	attach(protocol, BPF_CGROUP_INET_SOCK_CREATE);
	seen = member_socket(stack, text);
	detach(protocol, BPF_CGROUP_INET_SOCK_CREATE);
	ksft_test_result(denied == EPERM && other >= 0 && seen >= 0,
			 "%s, %s: socket() is denied, and the protocol is seen\n", stack_name(stack), text);
	close_each(fd, other, seen);
}

static void test_connect(enum stack stack, const char *text)
{
	int at = is_v6(text) ? BPF_CGROUP_INET6_CONNECT : BPF_CGROUP_INET4_CONNECT;
	int listener = must_have(stack_listener(net, stack, text, 0, false), "listener"), fd, program, denied, accepted;
	bool moved, named;

	fd = must_have(member_socket(stack, text), "socket");
	program = load_verdict(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at, 0);
	attach(program, at);
	denied = stack_connect(fd, text, stack_port(listener)) ? errno : 0;
	detach(program, at);
	program = load_port(at, stack_port(listener));
	attach(program, at);
	/* to a port where nobody listens */
	moved = !stack_connect(fd, text, 1);
	detach(program, at);
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	named = moved && stack_carries(fd, accepted, 1000);
	ksft_test_result(denied == EPERM && moved && named, "%s, %s: connect() is denied, and sent to another port\n",
			 stack_name(stack), text);
	close_each(accepted, fd, listener);
}

static void test_bind(enum stack stack, const char *text)
{
	int at = is_v6(text) ? BPF_CGROUP_INET6_BIND : BPF_CGROUP_INET4_BIND;
	int fd = must_have(member_socket(stack, text), "socket"), program, denied;
	union stack_addr addr = stack_addr(text, 1111);
	bool moved;

	program = load_verdict(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at, 0);
	attach(program, at);
	denied = bind(fd, &addr.sa, stack_addr_len(&addr)) ? errno : 0;
	detach(program, at);
	program = load_port(at, 2222);
	attach(program, at);
	moved = !bind(fd, &addr.sa, stack_addr_len(&addr)) && stack_port(fd) == 2222;
	detach(program, at);
	ksft_test_result(denied == EPERM && moved, "%s, %s: bind() is denied, and sent to another port\n",
			 stack_name(stack), text);
	close(fd);
}

static int bind_to(int fd, const char *text, int port)
{
	union stack_addr addr = stack_addr(text, port);

	return bind(fd, &addr.sa, stack_addr_len(&addr)) ? errno : 0;
}

/* A port that was refused is free for others, and the socket for another port. */
static void test_post_bind(enum stack stack, const char *text)
{
	int at = is_v6(text) ? BPF_CGROUP_INET6_POST_BIND : BPF_CGROUP_INET4_POST_BIND, program = load_bound(at);
	int fd = member_socket(stack, text), other = stack_socket(net, stack, text), denied, allowed, taken;

	must(fd >= 0 && other >= 0, "sockets");
	attach(program, at);
	denied = bind_to(fd, text, REFUSED);
	taken = bind_to(other, text, REFUSED) || listen(other, 1);
	allowed = bind_to(fd, text, ALLOWED) || listen(fd, 1) || stack_port(fd) != ALLOWED;
	detach(program, at);
	ksft_test_result(denied == EPERM && !taken && !allowed, "%s, %s: bind() is undone where it came to\n",
			 stack_name(stack), text);
	close_each(fd, other);
}

/* 0 or errno. */
static int set_keepidle(int fd, int seconds)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds)) ? errno : 0;
}

static int keepidle(int fd)
{
	int seconds = 0;
	socklen_t len = sizeof(seconds);

	return getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, &len) ? -errno : seconds;
}

/* Those of an accepted socket are its listener's. */
static void test_options(enum stack stack, const char *text)
{
	int fds[2], listener = member_socket(stack, text), client, program, i;
	bool denied = true, changed = true, shown = true;
	char octet;

	must(listener >= 0 && !bind_to(listener, text, ALLOWED) && !listen(listener, 1), "listener");
	client = must_have(stack_connected(net, stack, text, ALLOWED), "connection");
	fds[0] = listener;
	fds[1] = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "connection");
	program = load_no_option(BPF_CGROUP_SETSOCKOPT);
	attach(program, BPF_CGROUP_SETSOCKOPT);
	for (i = 0; i < 2; i++)
		denied &= set_keepidle(fds[i], 11) == EPERM && keepidle(fds[i]) != 11 &&
			  !stack_set(fds[i], IPPROTO_TCP, TCP_NODELAY, 1);
	denied &= !set_keepidle(client, 11) && keepidle(client) == 11;
	detach(program, BPF_CGROUP_SETSOCKOPT);
	program = load_option(BPF_CGROUP_SETSOCKOPT, 77);
	attach(program, BPF_CGROUP_SETSOCKOPT);
	for (i = 0; i < 2; i++)
		changed &= !set_keepidle(fds[i], 11) && keepidle(fds[i]) == 77;
	detach(program, BPF_CGROUP_SETSOCKOPT);
	ksft_test_result(denied && changed, "%s, %s: setsockopt() is denied, and has another value\n",
			 stack_name(stack), text);
	denied = true;
	program = load_no_option(BPF_CGROUP_GETSOCKOPT);
	attach(program, BPF_CGROUP_GETSOCKOPT);
	for (i = 0; i < 2; i++)
		denied &= keepidle(fds[i]) == -EPERM;
	denied &= keepidle(client) == 11;
	detach(program, BPF_CGROUP_GETSOCKOPT);
	program = load_option(BPF_CGROUP_GETSOCKOPT, 55);
	attach(program, BPF_CGROUP_GETSOCKOPT);
	for (i = 0; i < 2; i++)
		shown &= keepidle(fds[i]) == 55;
	detach(program, BPF_CGROUP_GETSOCKOPT);
	ksft_test_result(denied && shown && keepidle(fds[1]) == 77,
			 "%s, %s: getsockopt() is denied, and shows another value\n", stack_name(stack), text);
	/* TIME-WAIT shall be the client's: the next stack binds the listener's port, too */
	close(client);
	must(!recv(fds[1], &octet, 1, 0), "end of the stream");
	close_each(fds[1], listener);
}

/* The client is in the group. What it sends, or what comes for it, is counted, then dropped, and sent again. */
static void test_segments(enum stack stack, const char *text, bool out)
{
	int at = out ? BPF_CGROUP_INET_EGRESS : BPF_CGROUP_INET_INGRESS, listener, client, server, from, to, program;
	__u64 dropped = 0, passed;
	bool carried, held, again;
	char octet;

	listener = must_have(stack_listener(net, stack, text, 0, false), "sockets");
	client = must_have(member_socket(stack, text), "sockets");
	program = load_counter(BPF_PROG_TYPE_CGROUP_SKB, at, 1);
	attach(program, at);
	must(!stack_connect(client, text, stack_port(listener)), "connect");
	server = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	from = out ? client : server;
	to = out ? server : client;
	carried = stack_carries(from, to, 1000);
	detach(program, at);
	passed = counted();
	/* what is not the group's is not counted */
	carried &= stack_carries(from, to, 1000) && !counted();
	program = load_counter(BPF_PROG_TYPE_CGROUP_SKB, at, 0);
	attach(program, at);
	must(send(from, "x", 1, MSG_NOSIGNAL) == 1, "send");
	held = WAIT_FOR((dropped += counted()) > 0, STACK_DEADLINE_MS) &&
	       recv(to, &octet, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
	detach(program, at);
	again = recv(to, &octet, 1, 0) == 1 && octet == 'x';
	ksft_test_result(carried && passed >= (out ? 3 : 2) && held && again,
			 "%s, %s: segments %s are counted, and dropped\n", stack_name(stack), text,
			 out ? "out" : "in");
	close_each(client, server, listener);
}

/* What a program of sock_ops sees and sets is a tcp_sock's: for xtcp none is called. */
static void test_ops(enum stack stack, const char *text)
{
	int listener = stack_listener(net, stack, text, 0, false), client = member_socket(stack, text), server, program;
	bool carried;
	__u64 calls;

	must(listener >= 0 && client >= 0, "sockets");
	program = load_counter(BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, 1);
	attach(program, BPF_CGROUP_SOCK_OPS);
	must(!stack_connect(client, text, stack_port(listener)), "connect");
	server = must_have(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
	carried = stack_carries(client, server, 1000);
	detach(program, BPF_CGROUP_SOCK_OPS);
	calls = counted();
	ksft_test_result(carried && !calls == (stack == XTCP), "%s, %s: sock_ops is %scalled\n", stack_name(stack),
			 text, stack == XTCP ? "not " : "");
	close_each(client, server, listener);
}

static bool make_group(void)
{
	mkdir(TREE, 0700);
	if (mount("none", TREE, "cgroup2", 0, NULL))
		return false;
	must(!mkdir(GROUP, 0700), "group");
	group = must_have(open(GROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "group");
	return true;
}

int main(void)
{
	static const char * const texts[] = { "127.0.0.1", "::1" };

	test_begin(stack_count() * 2 * 9);
	must(make_group(), "cgroup2");
	net = must_have(ns_make(), "namespace");
	make_map();
	for (int i = 0; i < 2; i++)
		for (int stack = stack_first(); stack <= XTCP; stack++) {
			test_create(stack, texts[i]);
			test_connect(stack, texts[i]);
			test_bind(stack, texts[i]);
			test_post_bind(stack, texts[i]);
			test_options(stack, texts[i]);
			test_segments(stack, texts[i], true);
			test_segments(stack, texts[i], false);
			test_ops(stack, texts[i]);
		}
	close(group);
	must(!rmdir(GROUP), "group");
	umount(TREE);
	rmdir(TREE);
	ksft_finished();
}
