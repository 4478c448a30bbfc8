// SPDX-License-Identifier: GPL-2.0
/*
 * Filters of the listing by netlink: what each operation of inet_diag's programs finds, on both stacks, xtcp's own
 * attributes, and requests that are refused: programs that must not run, truncated attributes. The unit test of
 * selftests/unit/diag_filter_test.c has more programs.
 */
#include <net/if.h>
#include "lib/test.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof(*(array))))

static struct ns_pair net;
static const char *addr, *peer_addr;
static enum stack stack;
static bool v6;

/* Two connections from net.a, the second one bound to veth0 and with a mark, and a port that it chose. */
static struct {
	int fd, peer, port, peer_port;
} conns[2];

static void result(const char *what)
{
	ksft_test_result(!problems, "%s, IPv%d: %s\n", stack_name(stack), v6 ? 6 : 4, what);
	problems = 0;
}

static struct {
	_Alignas(8) char octets[65536];
	size_t len;
} program;

static void add(int code, const void *arg, size_t len, int no)
{
	struct inet_diag_bc_op op = { .code = code, .yes = sizeof(op) + len, .no = no };

	memcpy(program.octets + program.len, &op, sizeof(op));
	memcpy(program.octets + program.len + sizeof(op), arg, len);
	program.len += sizeof(op) + len;
}

/* One condition: whatever it does not fit is refused. */
static void only(int code, const void *arg, size_t len)
{
	program.len = 0;
	add(code, arg, len, sizeof(struct inet_diag_bc_op) + len + 4);
}

/* Which of the two connections are in the answer, and which listeners: bits 0, 1 and 2. */
static void note(const struct diag_row *row, void *arg)
{
	const int port = ntohs(row->msg->id.idiag_sport);
	unsigned int *found = arg;

	for (int i = 0; i < 2; i++)
		if (port == conns[i].port && ntohs(row->msg->id.idiag_dport) == conns[i].peer_port)
			*found |= 1 << i;
	if (row->msg->idiag_state == TCP_LISTEN)
		*found |= 4;
}

static int found_by(struct diag_query query)
{
	unsigned int found = 0;
	int rows;

	query.stack = stack;
	query.v6 = v6;
	rows = diag_dump(&query, note, &found);
	return rows < 0 ? rows : (int)found;
}

static int found(void)
{
	return found_by((struct diag_query) { .filter = program.octets, .filter_len = program.len });
}

static int by_port(int code, int port)
{
	const struct inet_diag_bc_op arg = { .no = port };

	only(code, &arg, sizeof(arg));
	return found();
}

static int by_host(int code, const char *text, int prefix, int port)
{
	struct {
		struct inet_diag_hostcond cond;
		char addr[16];
	} arg = { .cond = { .family = AF_UNSPEC, .prefix_len = prefix, .port = port } };
	size_t octets = 0;

	if (text) {
		arg.cond.family = strchr(text, ':') ? AF_INET6 : AF_INET;
		octets = arg.cond.family == AF_INET6 ? 16 : 4;
		must(inet_pton(arg.cond.family, text, arg.addr) == 1, text);
	}
	only(code, &arg, sizeof(arg.cond) + octets);
	return found();
}

static void connect_both(void)
{
	static int next_port = 8600;
	unsigned int mark = 0x15;
	int i, listener;

	for (i = 0; i < 2; i++) {
		conns[i].peer_port = next_port++;
		listener = stack_listener(net.b, KERNEL, peer_addr, conns[i].peer_port, true);
		conns[i].fd = i ? stack_bound(net.a, stack, addr, next_port++, true) : stack_socket(net.a, stack, addr);
		must(listener >= 0 && conns[i].fd >= 0, "sockets");
		if (i) {
			must(!setsockopt(conns[i].fd, SOL_SOCKET, SO_BINDTODEVICE, "veth0", 5), "SO_BINDTODEVICE");
			must(!setsockopt(conns[i].fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), "SO_MARK");
		}
		must(!stack_connect(conns[i].fd, peer_addr, conns[i].peer_port), "connect");
		conns[i].peer = accept(listener, NULL, NULL);
		conns[i].port = stack_port(conns[i].fd);
		close(listener);
	}
}

static void ports(void)
{
	const int port = conns[1].port, peer_port = conns[1].peer_port;

	SAME(by_port(INET_DIAG_BC_S_EQ, port), 2);
	SAME(by_port(INET_DIAG_BC_D_EQ, peer_port), 2);
	SAME(by_port(INET_DIAG_BC_S_EQ, 1), 0);
	SAME(by_port(INET_DIAG_BC_D_GE, peer_port), 2);
	SAME(by_port(INET_DIAG_BC_D_LE, peer_port - 1) & 3, 1);
	SAME(by_port(INET_DIAG_BC_S_LE, port) & 2, 2);
	SAME(by_port(INET_DIAG_BC_S_GE, 65535), 0);
	result("ports");
}

static void hosts(void)
{
	const int bits = v6 ? 128 : 32;

	SAME(by_host(INET_DIAG_BC_S_COND, addr, bits, -1), 3);
	SAME(by_host(INET_DIAG_BC_D_COND, peer_addr, bits, -1), 3);
	SAME(by_host(INET_DIAG_BC_D_COND, peer_addr, bits, conns[0].peer_port), 1);
	SAME(by_host(INET_DIAG_BC_S_COND, peer_addr, bits, -1), 0);
	/* the two ends differ in the last two bits */
	SAME(by_host(INET_DIAG_BC_S_COND, peer_addr, bits - 2, -1), 3);
	SAME(by_host(INET_DIAG_BC_S_COND, peer_addr, bits - 1, -1), 0);
	SAME(by_host(INET_DIAG_BC_S_COND, NULL, 0, conns[1].port), 2);
	SAME(by_host(INET_DIAG_BC_S_COND, v6 ? NS_A4 : NS_A6, 0, -1), 0);
	result("addresses and prefixes");
}

static void others(void)
{
	const unsigned int dev = if_nametoindex("veth0"), no_dev = dev + 1;
	struct inet_diag_markcond mark = { .mark = 0x15, .mask = 0xff };
	struct diag_query query = { .stack = stack, .v6 = v6 };
	struct diag_copy copy;
	uint64_t cgroup;

	only(INET_DIAG_BC_DEV_COND, &dev, sizeof(dev));
	SAME(found(), 2);
	only(INET_DIAG_BC_DEV_COND, &no_dev, sizeof(no_dev));
	SAME(found(), 0);
	only(INET_DIAG_BC_MARK_COND, &mark, sizeof(mark));
	SAME(found(), 2);
	mark.mark = 0x14;
	only(INET_DIAG_BC_MARK_COND, &mark, sizeof(mark));
	SAME(found(), 0);
	only(INET_DIAG_BC_AUTO, NULL, 0);
	SAME(found() & 3, 1);
	must(diag_find(&query, conns[0].port, conns[0].peer_port, &copy) == 1, "the first connection");
	must(copy.row.attr[INET_DIAG_CGROUP_ID], "its cgroup");
	memcpy(&cgroup, copy.row.attr[INET_DIAG_CGROUP_ID], sizeof(cgroup));
	only(INET_DIAG_BC_CGROUP_COND, &cgroup, sizeof(cgroup));
	SAME(found() & 3, 3);
	cgroup += 1ULL << 32;
	only(INET_DIAG_BC_CGROUP_COND, &cgroup, sizeof(cgroup));
	SAME(found(), 0);
	result("device, mark, cgroup, ports that nobody chose");
}

static int look_for_mark(__attribute__((unused)) void *arg)
{
	const struct inet_diag_markcond mark = { 1, 1 };

	must(!setresuid(65534, 65534, 65534), "setresuid");
	only(INET_DIAG_BC_MARK_COND, &mark, sizeof(mark));
	return -found();
}

static void marks_are_secret(void)
{
	SAME(ns_child(net.a, look_for_mark, NULL), EPERM);
	result("a filter by mark without CAP_NET_ADMIN");
}

/* sport = A or sport = B, as ss compiles it, and a program as long as can be. */
static void jumps(void)
{
	const struct inet_diag_bc_op a = { .no = conns[0].port }, b = { .no = conns[1].port };

	program.len = 0;
	add(INET_DIAG_BC_S_EQ, &a, sizeof(a), 12);
	add(INET_DIAG_BC_JMP, NULL, 0, 12);
	add(INET_DIAG_BC_S_EQ, &b, sizeof(b), 12);
	SAME(found(), 3);
	program.len = 0;
	for (int at = 0; at < 65528; at += 4)
		add(at % 8 ? INET_DIAG_BC_NOP : INET_DIAG_BC_JMP, NULL, 0, at + 8 <= 65528 ? 8 : 4);
	SAME(found() & 3, 3);
	result("one port or another, and a program of 65,528 octets");
}

static int refused(const void *octets, size_t len)
{
	return -found_by((struct diag_query) { .filter = octets, .filter_len = len });
}

/* code, yes, no (two octets, least first) */
static void bad_programs(void)
{
	static const struct {
		unsigned char octets[20];
		int len;
	} rows[] = {
		{ { 0 }, 0 }, { { 0, 4 }, 2 }, { { 0, 4, 0, 0, 0, 4 }, 6 }, { { 77, 4, 4, 0 }, 4 },
		{ { 0, 0, 0, 0 }, 4 }, { { 0, 2, 0, 0 }, 4 }, { { 0, 8, 0, 0 }, 4 }, { { 0, 252, 0, 0 }, 4 },
		{ { 1, 4, 0, 0 }, 4 }, { { 1, 4, 6, 0 }, 4 }, { { 1, 4, 12, 0 }, 4 }, { { 1, 4, 252, 255 }, 4 },
		{ { 11, 4, 8, 0 }, 4 }, { { 11, 8, 8, 0 }, 4 }, { { 9, 4, 4, 0 }, 4 }, { { 9, 8, 8, 0 }, 4 },
		{ { 10, 8, 8, 0, 1, 2, 3, 4 }, 8 }, { { 13, 12, 12, 0, 1, 2, 3, 4 }, 8 },
		{ { 1, 4, 8, 0, 11, 8, 8, 0, 0, 0, 80, 0 }, 12 }, { { 7, 12, 12, 0 }, 4 },
		{ { 7, 12, 12, 0, 2, 0, 0, 0, 255, 255, 255, 255 }, 12 },
		{ { 7, 12, 12, 0, 0, 1, 0, 0, 255, 255, 255, 255 }, 12 },
		{ { 8, 12, 12, 0, 1, 0, 0, 0, 255, 255, 255, 255 }, 12 },
		{ { 8, 16, 16, 0, 2, 33, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4 }, 16 },
		{ { 8, 16, 16, 0, 10, 1, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4 }, 16 },
	};

	for (int i = 0; i < COUNT(rows); i++) {
		if (refused(rows[i].octets, rows[i].len) == EINVAL)
			continue;
		ksft_print_msg("row %d is not refused\n", i);
		problems++;
	}
	result("programs that must not run");
}

static int answer(const struct diag_request *request)
{
	unsigned int found = 0;
	int fd = diag_open(), more;

	diag_send(fd, request);
	do {
		more = diag_receive(fd, 65536, note, &found);
	} while (more == 1);
	close(fd);
	return -more;
}

static int with(int type, const void *data, size_t len, int less)
{
	const struct diag_query query = { .stack = stack, .v6 = v6 };
	static struct diag_request request;

	diag_fill(&request, &query);
	diag_put(&request, type, data, len);
	request.head.nlmsg_len -= less;
	return answer(&request);
}

/* What only xtcp has, or has otherwise. */
static void own(void)
{
	struct diag_query query = { .stack = stack, .v6 = v6, .by_uid = true, .uid = geteuid() };
	const unsigned char all[8] = { 0, 4, 0, 0, 0, 4, 0, 0 };
	static struct diag_request request;
	uint32_t nobody = -1;
	socklen_t len = 8;
	uint64_t cookie;

	SAME(found_by(query), 3);
	query.uid++;
	SAME(found_by(query), 0);
	query.by_uid = false;
	must(!getsockopt(conns[1].fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), "SO_COOKIE");
	query.cookie = cookie;
	SAME(found_by(query), 2);
	query.cookie = cookie + (1ULL << 32);
	SAME(found_by(query), 0);
	result("the owner, and the cookie");
	SAME(with(XTCP_DIAG_REQ_UID, &nobody, 4, 0), EINVAL);
	SAME(with(XTCP_DIAG_REQ_UID, &nobody, 2, 0), EINVAL);
	SAME(with(XTCP_DIAG_REQ_UID, &cookie, 8, 0), EINVAL);
	SAME(with(XTCP_DIAG_REQ_COOKIE, &cookie, 4, 0), EINVAL);
	SAME(with(XTCP_DIAG_REQ_COOKIE, all, 0, 0), EINVAL);
	SAME(with(INET_DIAG_REQ_BYTECODE, all, 8, 4), EINVAL);
	SAME(with(INET_DIAG_REQ_BYTECODE, all, 8, 9), EINVAL);
	SAME(with(INET_DIAG_REQ_BYTECODE, all, 8, 0), 0);
	SAME(with(12345, all, 8, 0), 0);
	SAME(with(12345, all, 8, 4), EINVAL);
	diag_fill(&request, &query);
	diag_put(&request, INET_DIAG_REQ_BYTECODE, all, 4);
	diag_put(&request, INET_DIAG_REQ_BYTECODE, all, 8);
	SAME(answer(&request), EINVAL);
	diag_fill(&request, &query);
	((struct nlattr *)request.attributes)->nla_len = 3;
	request.head.nlmsg_len += 4;
	SAME(answer(&request), EINVAL);
	diag_fill(&request, &query);
	request.head.nlmsg_len = sizeof(request.head) + sizeof(request.req) - 4;
	SAME(answer(&request), EINVAL);
	diag_fill(&request, &query);
	request.req.sdiag_protocol = IPPROTO_TCP;
	SAME(answer(&request), EPROTONOSUPPORT);
	result("attributes that are cut off, twice, or not of the right length");
}

static void run(void)
{
	connect_both();
	ports();
	hosts();
	others();
	marks_are_secret();
	jumps();
	bad_programs();
	if (stack == XTCP)
		own();
	for (int i = 0; i < 2; i++)
		close_each(conns[i].fd, conns[i].peer);
}

int main(void)
{
	test_begin(stack_count() * 2 * 6 + 2 * 2);
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	for (stack = stack_first(); stack <= XTCP; stack++) {
		for (v6 = false;; v6 = true) {
			addr = v6 ? NS_A6 : NS_A4;
			peer_addr = v6 ? NS_B6 : NS_B4;
			run();
			if (v6)
				break;
		}
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
