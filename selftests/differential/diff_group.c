// SPDX-License-Identifier: GPL-2.0
/* Differential scenarios: SO_REUSEADDR, SO_REUSEPORT, each combination of binds, and who gets the connections. */
#include "lib/diff.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

/* One bind: where, and with which options. */
struct member {
	const char *name;
	enum diff_host host;
	int family, v6only;
	const char *device;
};

#define BACKLOG		64

#define OPT_ADDR	1	/* SO_REUSEADDR */
#define OPT_PORT	2	/* SO_REUSEPORT */
#define OPT_LISTEN	4
#define OPT_OTHER	8	/* of another user */

static void set_options(int fd, const struct member *m, int bits)
{
	int addr = !!(bits & OPT_ADDR), port = !!(bits & OPT_PORT);

	diff_must(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &addr, sizeof(int)) &&
		  !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &port, sizeof(int)), "option");
	diff_must(m->family != AF_INET6 || !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &m->v6only, sizeof(int)),
		  "IPV6_V6ONLY");
	diff_must(!m->device || !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, m->device, strlen(m->device)),
		  "SO_BINDTODEVICE");
}

static int member_bind(const struct member *m, int bits, int port)
{
	union diff_addr a;
	int fd, err;

	if (bits & OPT_OTHER)
		setfsuid(1234);
	fd = diff_socket_of(m->family);
	setfsuid(0);
	set_options(fd, m, bits);
	memcpy(&a, diff_addr(m->host, port), sizeof(a));
	errno = 0;
	if (!bind(fd, &a.sa, m->family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) &&
	    (!(bits & OPT_LISTEN) || !listen(fd, BACKLOG)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static const char *bits_text(int bits)
{
	static char text[2][32];
	static int turn;
	char *out = text[turn ^= 1];

	sprintf(out, "%s%s%s%s", bits & OPT_ADDR ? " addr" : "", bits & OPT_PORT ? " port" : "",
		bits & OPT_OTHER ? " other" : "", bits & OPT_LISTEN ? " listening" : "");
	return out;
}

/* @a first, then @b: bind, and listen where that succeeds. */
static void cell(const struct member *a, int abits, const struct member *b, int bbits)
{
	int fa = member_bind(a, abits, 1), fb, err;

	diff_must(fa >= 0, "first bind");
	fb = member_bind(b, bbits, 1);
	err = errno;
	if (fb < 0) {
		diff_say("%s%s, %s%s: bind %s", a->name, bits_text(abits), b->name,
			 bits_text(bbits), strerrorname_np(err));
	} else {
		errno = 0;
		diff_say("%s%s, %s%s: listen %s", a->name, bits_text(abits), b->name,
			 bits_text(bbits), listen(fb, BACKLOG) ? strerrorname_np(errno) : "0");
		close(fb);
	}
	close(fa);
}

/* Each with SO_REUSEPORT or SO_REUSEADDR, both or none, the second of the same user or another. */
static const struct { int a, b; } options[] = {
	{ 0, 0 },
	{ 0, OPT_ADDR },
	{ OPT_ADDR, 0 },
	{ OPT_ADDR, OPT_ADDR },
	{ OPT_PORT, OPT_PORT },
	{ OPT_PORT, OPT_PORT | OPT_ADDR },
	{ OPT_PORT, OPT_PORT | OPT_OTHER },
	{ OPT_PORT, 0 },
	{ OPT_PORT, OPT_ADDR },
	{ OPT_PORT | OPT_ADDR, OPT_PORT },
	{ OPT_PORT | OPT_ADDR, OPT_PORT | OPT_ADDR },
	{ OPT_PORT | OPT_ADDR, OPT_PORT | OPT_ADDR | OPT_OTHER },
	{ OPT_PORT | OPT_ADDR, OPT_ADDR },
	{ OPT_PORT | OPT_OTHER, OPT_PORT },
	{ 0, OPT_PORT },
	{ OPT_ADDR, OPT_PORT },
	{ OPT_ADDR, OPT_PORT | OPT_ADDR },
};

/* How many of them are tried: of a mapped wildcard those without SO_REUSEPORT. */
static size_t how_many(const struct member *a, const struct member *b)
{
	return a->host == HOST_MAPPED_ANY || b->host == HOST_MAPPED_ANY ? 4 : sizeof(options) / sizeof(options[0]);
}

static void matrix(const struct member *m, int nr, int first, int last)
{
	for (int i = first; i < last; i++)
		for (int j = 0; j < nr; j++)
			for (size_t o = 0; o < how_many(&m[i], &m[j]); o++)
				for (int k = 0; k <= OPT_LISTEN; k += OPT_LISTEN)
					cell(&m[i], options[o].a | k, &m[j], options[o].b);
}

static const struct member members4[] = {
	{ "127.0.0.1", HOST_LO, AF_INET, 0, NULL },
	{ "127.0.0.2", HOST_LO2, AF_INET, 0, NULL },
	{ "0.0.0.0", HOST_ANY, AF_INET, 0, NULL },
	{ "0.0.0.0%lo", HOST_ANY, AF_INET, 0, "lo" },
};

static const struct member members6[] = {
	{ "::1", HOST_LO, AF_INET6, 0, NULL },
	{ ":: v6only", HOST_ANY, AF_INET6, 1, NULL },
	{ "::", HOST_ANY, AF_INET6, 0, NULL },
	{ "::ffff:127.0.0.1", HOST_MAPPED, AF_INET6, 0, NULL },
	{ "::ffff:0.0.0.0", HOST_MAPPED_ANY, AF_INET6, 0, NULL },
	{ "127.0.0.1", HOST_LO4, AF_INET, 0, NULL },
	{ "0.0.0.0", HOST_ANY4, AF_INET, 0, NULL },
	{ "::%lo", HOST_ANY, AF_INET6, 0, "lo" },
};

SCENARIO(reuseport_matrix)
{
	if (diff.family == AF_INET)
		matrix(members4, 4, 0, 4);
	else
		matrix(members6, 8, 0, 3);
}

SCENARIO(reuseport_matrix_mapped)
{
	if (diff.family == AF_INET)
		diff_say("IPv6 only");
	else
		matrix(members6, 8, 3, 8);
}

/* The end that closes first, @s, is in TIME-WAIT then. */
static void end_both(int c, int s)
{
	RET(shutdown(s, SHUT_WR));
	RET(shutdown(c, SHUT_WR));
	STATE(c, TCP_CLOSE);
	STATE(s, TCP_CLOSE);
	close(s);
}

/* The port of a live connection whose listener is gone, and then of TIME-WAIT. */
SCENARIO_OF_PAIR(bind_beside_connection)
{
	const struct member *m = diff.family == AF_INET ? members4 : members6;

	for (int i = 0; i < 2; i++) {
		for (int reuse = 0; reuse <= OPT_ADDR; reuse += OPT_ADDR) {
			RET(member_bind(&m[0], reuse, 1) >= 0);
			RET(close(member_bind(&m[0], reuse | OPT_LISTEN, 1)));
			RET(close(member_bind(&m[1], reuse | OPT_LISTEN, 1)));
			RET(close(member_bind(&m[2], reuse | OPT_LISTEN, 1)));
		}
		if (i)
			break;
		end_both(c, s);
	}
}

static int at(enum diff_host host, int bits, int port)
{
	struct member m = { "", host, diff.family, 0, NULL };

	return member_bind(&m, bits, port);
}

/* Would it be let in? */
static int try_at(enum diff_host host, int bits)
{
	int fd = at(host, bits, 1);

	return fd < 0 ? -1 : close(fd);
}

SCENARIO(reuseport_group)
{
	int a = diff_socket(), b = diff_socket(), c = diff_socket();

	SET(a, SOL_SOCKET, SO_REUSEPORT, 1);
	SET(b, SOL_SOCKET, SO_REUSEPORT, 1);
	RET(bind(a, LO(1), ALEN));
	RET(listen(a, 1));
	RET(bind(b, LO(1), ALEN));
	RET(listen(b, 1));
	RET(bind(c, LO(1), ALEN));
	GET(a, SOL_SOCKET, SO_REUSEPORT);
	GET(c, SOL_SOCKET, SO_REUSEPORT);
	SET(c, SOL_SOCKET, SO_REUSEPORT, 1);
	RET(bind(c, LO(1), ALEN));
	RET(close(a));
	RET(close(b));
	RET(listen(c, 1));
	diff_connected(1);
	RET(diff_accepted(c) >= 0);
}

/* The option when bind() and when listen() was called, and afterwards. */
SCENARIO(reuseport_after_bind)
{
	int bits, a, b;

	for (bits = 0; bits < 16; bits++) {
		a = diff_socket();
		b = diff_socket();
		diff_say("at bind %d, later %d, listening %d, the other %d", bits & 1,
			 !!(bits & 2), !!(bits & 4), !!(bits & 8));
		SET(a, SOL_SOCKET, SO_REUSEPORT, bits & 1);
		RET(bind(a, LO(1), ALEN));
		if (bits & 4)
			RET(listen(a, 1));
		SET(a, SOL_SOCKET, SO_REUSEPORT, !!(bits & 2));
		SET(b, SOL_SOCKET, SO_REUSEPORT, !!(bits & 8));
		RET(bind(b, LO(1), ALEN));
		RET(listen(b, 1));
		RET(listen(a, 1));
		close(b);
		close(a);
	}
}

/* SO_REUSEADDR lets them bind, SO_REUSEPORT comes before listen(). */
SCENARIO(reuseport_before_listen)
{
	static const enum diff_host hosts[] = { HOST_LO, HOST_ANY };
	int i, a, b;

	for (i = 0; i < 4; i++) {
		a = at(hosts[i & 1], OPT_ADDR, 1);
		b = at(hosts[i >> 1], OPT_ADDR, 1);
		SET(a, SOL_SOCKET, SO_REUSEPORT, 1);
		RET(listen(a, 1));
		RET(listen(b, 1));
		SET(b, SOL_SOCKET, SO_REUSEPORT, 1);
		RET(listen(b, 1));
		RET(listen(a, 1));
		SET(a, SOL_SOCKET, SO_REUSEADDR, 0);
		RET(listen(a, 1));
		close(a);
		RET(try_at(hosts[i & 1], OPT_PORT));
		RET(try_at(hosts[i & 1], OPT_ADDR));
		close(b);
	}
}

/* A group of SO_REUSEPORT that has SO_REUSEADDR, too: a listener outside it keeps newcomers out. */
SCENARIO(reuseport_beside_a_listener)
{
	static const enum diff_host hosts[] = { HOST_LO, HOST_ANY };
	int i, a, b;

	for (i = 0; i < 4; i++) {
		a = at(hosts[i & 1], OPT_ADDR | OPT_PORT, 1);
		b = at(hosts[i >> 1], OPT_ADDR, 1);
		RET(try_at(hosts[i & 1], OPT_ADDR | OPT_PORT));
		RET(listen(b, 1));
		RET(try_at(hosts[i & 1], OPT_ADDR | OPT_PORT));
		RET(try_at(hosts[i & 1], OPT_PORT));
		close(b);
		RET(try_at(hosts[i & 1], OPT_ADDR | OPT_PORT));
		close(a);
	}
}

static int count(int l)
{
	int n = 0, fd;

	fcntl(l, F_SETFL, O_NONBLOCK);
	while ((fd = accept(l, NULL, NULL)) >= 0) {
		close(fd);
		n++;
	}
	return n;
}

#define CONNECTIONS 40

static bool all_came(const int *l, int *n, int nr)
{
	int i, all = 0;

	for (i = 0; i < nr; i++) {
		n[i] += count(l[i]);
		all += n[i];
	}
	return all == CONNECTIONS;
}

/* Connects to @to and says which of the listeners got some, all, none. */
static void who_gets(const char *text, struct sockaddr *to, const int *l, int nr)
{
	union diff_addr a;
	int n[8] = {}, c, i;

	memcpy(&a, to, ALEN);
	for (i = 0; i < CONNECTIONS; i++) {
		c = diff_socket();
		if (connect(c, &a.sa, ALEN)) {
			diff_say("%s: %s", text, strerrorname_np(errno));
			return;
		}
		close(c);
	}
	diff_must(WAIT_FOR(all_came(l, n, nr), DIFF_DEADLINE_MS), "connections lost");
	for (i = 0; i < nr; i++)
		diff_say("%s: listener %d gets %s", text, i, !n[i] ? "none" : n[i] == CONNECTIONS ? "all" : "some");
}

/* An address before the wildcard, each with two members; then one after the other closes. */
SCENARIO(reuseport_who_gets)
{
	int l[4], i;

	l[0] = at(HOST_ANY, OPT_PORT | OPT_LISTEN, 1);
	l[1] = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1);
	l[2] = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1);
	l[3] = at(HOST_ANY, OPT_PORT | OPT_LISTEN, 1);
	for (i = 0; i < 4; i++)
		diff_must(l[i] >= 0, "listener");
	who_gets("to the address", LO(1), l, 4);
	who_gets("to another", LO2(1), l, 4);
	RET(shutdown(l[1], SHUT_RD));
	who_gets("one shut down", LO(1), l, 4);
	RET(listen(l[1], BACKLOG));
	who_gets("and back", LO(1), l, 4);
	RET(close(l[1]));
	l[1] = l[0];
	who_gets("one less", LO(1), l, 4);
	RET(close(l[2]));
	l[2] = l[0];
	who_gets("none of the address", LO(1), l, 4);
	RET(close(l[0]));
	who_gets("the last", LO(1), l + 3, 1);
	RET(close(l[3]));
	who_gets("no more", LO(1), l, 0);
}

/* A member that does not listen gets nothing, and one that was shut down neither. */
SCENARIO(reuseport_bound_only)
{
	int l[3];

	l[0] = at(HOST_LO, OPT_PORT, 1);
	l[1] = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1);
	l[2] = at(HOST_LO, OPT_PORT, 1);
	who_gets("one listens", LO(1), l, 3);
	RET(listen(l[2], BACKLOG));
	who_gets("two listen", LO(1), l, 3);
	RET(connect(l[0], LO(1), ALEN));
}

/* The device first, then an IPv4 listener before a dual-stack one. */
SCENARIO(reuseport_family_and_device)
{
	const struct member plain = { "", HOST_ANY, diff.family, 0, NULL };
	const struct member device = { "", HOST_ANY, diff.family, 0, "lo" };
	const struct member v4 = { "", HOST_ANY4, AF_INET, 0, NULL };
	int l[6];

	l[0] = member_bind(&plain, OPT_PORT | OPT_LISTEN, 1);
	l[1] = member_bind(&device, OPT_PORT | OPT_LISTEN, 1);
	l[2] = member_bind(&device, OPT_PORT | OPT_LISTEN, 1);
	who_gets("with a device", LO(1), l, 3);
	RET(close(l[1]));
	RET(close(l[2]));
	l[1] = member_bind(&v4, OPT_PORT | OPT_LISTEN, 1);
	l[2] = member_bind(&v4, OPT_PORT | OPT_LISTEN, 1);
	who_gets("with IPv4", diff.family == AF_INET ? LO(1) : diff_addr(HOST_MAPPED, 1), l, 3);
	who_gets("with IPv4, own family", LO(1), l, 3);
}

/* Connections that a member accepted, and their TIME-WAIT, beside new binds. */
SCENARIO(reuseport_beside_connection)
{
	int l = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1), c = diff_connected(1), s, i;

	s = diff_accepted(l);
	RET(close(l));
	for (i = 0; i < 2; i++) {
		RET(try_at(HOST_LO, 0));
		RET(try_at(HOST_LO, OPT_ADDR));
		RET(try_at(HOST_LO, OPT_PORT | OPT_OTHER));
		RET(try_at(HOST_LO, OPT_PORT | OPT_LISTEN));
		RET(try_at(HOST_ANY, OPT_PORT | OPT_LISTEN));
		if (i)
			break;
		end_both(c, s);
	}
}

/* The wildcard goes, an address stays, and then goes, too. */
SCENARIO(reuseport_wildcard_leaves)
{
	int any = at(HOST_ANY, OPT_PORT | OPT_LISTEN, 1), lo = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1);

	RET(try_at(HOST_LO2, 0));
	RET(close(any));
	RET(try_at(HOST_LO, 0));
	RET(try_at(HOST_LO2, 0));
	RET(try_at(HOST_LO2, OPT_PORT | OPT_LISTEN));
	RET(try_at(HOST_ANY, OPT_PORT | OPT_LISTEN));
	diff_connected(1);
	RET(close(diff_accepted(lo)));
	RET(close(lo));
	RET(try_at(HOST_LO2, 0));
	RET(try_at(HOST_ANY, OPT_PORT | OPT_LISTEN));
}

/* Clients from one port to several servers. */
SCENARIO(reuseport_connect)
{
	int a = diff_listener(1), b = diff_listener(2), c[3], i;

	for (i = 0; i < 3; i++)
		c[i] = at(HOST_LO, OPT_PORT, 3);
	RET(connect(c[0], LO(1), ALEN));
	RET(connect(c[1], LO(2), ALEN));
	RET(connect(c[2], LO(1), ALEN));
	NAME(c[0]);
	NAME(c[1]);
	PEER(diff_accepted(a));
	PEER(diff_accepted(b));
	RET(listen(c[2], 1));
	RET(connect(diff_socket(), LO(3), ALEN));
}

/* Any port: never one of a group. */
SCENARIO(reuseport_any_port)
{
	int a = at(HOST_LO, OPT_PORT, 0), b = at(HOST_LO, OPT_PORT, 0);
	union diff_addr na, nb;
	socklen_t len = sizeof(na);

	RET(getsockname(a, &na.sa, &len));
	len = sizeof(nb);
	RET(getsockname(b, &nb.sa, &len));
	diff_say("%s ports", na.in.sin_port == nb.in.sin_port ? "the same" : "different");
	RET(listen(a, 1));
	RET(listen(diff_socket(), 1));
}

/* Refused before and after: without the option, and on a listener that bound without it. */
SCENARIO(reuseport_program)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &code };
	int a = diff_socket(), l = diff_listener(1), zero = 0;

	RET(setsockopt(a, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	RET(setsockopt(l, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	RET(setsockopt(l, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &zero, sizeof(zero)));
	SET(a, SOL_SOCKET, SO_REUSEPORT, 1);
	RET(setsockopt(a, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	RET(bind(a, LO(2), ALEN));
	RET(listen(a, 1));
	diff_connected(2);
	RET(diff_accepted(a) >= 0);
	RET(setsockopt(a, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	RET(setsockopt(a, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &zero, sizeof(zero)));
}

/* A program of the kernel's new kind that says @number. */
static int load_number(int number)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = number },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)insns,
		.insn_cnt = 2,
		.license = (unsigned long)"GPL",
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	diff_must(fd >= 0, "BPF_PROG_LOAD");
	return fd;
}

/* Two members, and a program that always says which: of the old kind, then of the new one, then none. */
SCENARIO(reuseport_program_chooses)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 1);
	struct sock_fprog prog = { 1, &code };
	int l[2], zero = 0, fd = load_number(0);

	l[0] = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1);
	l[1] = at(HOST_LO, OPT_PORT | OPT_LISTEN, 1);
	RET(setsockopt(l[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	who_gets("the second one", LO(1), l, 2);
	RET(setsockopt(l[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &fd, sizeof(fd)));
	who_gets("the first one", LO(1), l, 2);
	RET(setsockopt(l[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &zero, sizeof(zero)));
	who_gets("by hash", LO(1), l, 2);
	RET(close(fd));
	RET(close(l[0]));
	RET(close(l[1]));
}
