// SPDX-License-Identifier: GPL-2.0
/*
 * One (address, port) belongs to one stack: every pair of binds that kernel TCP
 * refuses to two sockets of its own must be refused to a socket of its own and
 * one of xtcp, in either order, and every other must be allowed; the same for
 * listen(). What kernel TCP does to itself is the table of what is expected.
 * SO_REUSEPORT is as if it were not there between two stacks.
 *
 *	cross_ports [-v]	-v prints each cell
 */
#include <errno.h>
#include <kselftest.h>
#include <string.h>
#include <unistd.h>

#include "ns.h"
#include "stack.h"

#define PORT 9000

struct place {
	const char *name, *addr;
	bool v6only;
};

static const struct place places[] = {
	{ "127.0.0.1", "127.0.0.1", false },
	{ "127.0.0.2", "127.0.0.2", false },
	{ "0.0.0.0", "0.0.0.0", false },
	{ "::1", "::1", false },
	{ "fd00:9::1", "fd00:9::1", false },
	{ "::", "::", false },
	{ ":: v6only", "::", true },
	{ "::ffff:127.0.0.1", "::ffff:127.0.0.1", false },
	{ "::ffff:0.0.0.0", "::ffff:0.0.0.0", false },
};

#define PLACES ((int)(sizeof(places) / sizeof(places[0])))

/* One cell: who is there first, and how, and what the second asks for. */
struct cell {
	const struct place *first, *second;
	bool first_reuse, first_listens, second_reuse;
	bool reuseport;		/* both */
	char device;		/* 'n' none, 's' both bound to lo, 'f' the first only */
};

/* What the second got: errno of bind() and, if that worked, of listen(). */
struct outcome {
	int bind, listen;
};

static int ns, cells, wrong;
static struct outcome alone[PLACES][8];		/* by the second's place and who reuses and listens */
static bool verbose;

static int open_at(enum stack stack, const struct place *p, bool reuse, bool reuseport, bool device)
{
	int fd = stack_socket(ns, stack, p->addr), one = 1, error;
	union stack_addr addr = stack_addr(p->addr, PORT);

	if (fd < 0)
		ksft_exit_fail_msg("no socket: %s\n", strerror(errno));
	if ((reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one))) ||
	    (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))) ||
	    (p->v6only && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)))
		ksft_exit_fail_msg("no option: %s\n", strerror(errno));
	if (!bind(fd, &addr.sa, stack_addr_len(&addr)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static struct outcome outcome_of(const struct cell *c, enum stack first, enum stack second)
{
	int a = open_at(first, c->first, c->first_reuse, c->reuseport, c->device != 'n'), b;
	struct outcome o = {};

	if (a < 0 || (c->first_listens && listen(a, 1)))
		ksft_exit_fail_msg("%s %s: the first fails: %s\n", stack_name(first),
				   c->first->name, strerror(errno));
	b = open_at(second, c->second, c->second_reuse, c->reuseport, c->device == 's');
	if (b < 0)
		o.bind = errno;
	else if (listen(b, 1))
		o.listen = errno;
	if (b >= 0)
		close(b);
	close(a);
	return o;
}

static const char *name_of(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static void compare(const struct cell *c, enum stack first, enum stack second, struct outcome want)
{
	struct outcome got = outcome_of(c, first, second);
	bool same = got.bind == want.bind && got.listen == want.listen;

	cells++;
	wrong += !same;
	if (same && !verbose)
		return;
	ksft_print_msg("%s %s%s%s, then %s %s%s, device %c%s: bind %s listen %s, wanted %s %s\n",
		       stack_name(first), c->first->name, c->first_reuse ? " reuse" : "",
		       c->first_listens ? " listening" : "", stack_name(second), c->second->name,
		       c->second_reuse ? " reuse" : "", c->device, c->reuseport ? ", port" : "",
		       name_of(got.bind), name_of(got.listen),
		       name_of(want.bind), name_of(want.listen));
}

static struct cell cell_at(const struct place *first, char device, int second, int bits)
{
	return (struct cell) {
		.first = first, .second = &places[second], .device = device,
		.first_reuse = bits & 1, .first_listens = bits & 2, .second_reuse = bits & 4,
	};
}

/* What kernel TCP does to itself, into alone. */
static void learn(const struct place *first, char device)
{
	int i, bits;

	for (i = 0; i < PLACES; i++) {
		for (bits = 0; bits < 8; bits++) {
			struct cell c = cell_at(first, device, i, bits);

			alone[i][bits] = outcome_of(&c, KERNEL, KERNEL);
		}
	}
}

static void row(const struct place *first, char device, bool reuseport, enum stack a, enum stack b)
{
	int i, bits;

	cells = 0;
	wrong = 0;
	for (i = 0; i < PLACES; i++) {
		for (bits = 0; bits < 8; bits++) {
			struct cell c = cell_at(first, device, i, bits);

			c.reuseport = reuseport;
			compare(&c, a, b, alone[i][bits]);
		}
	}
	ksft_test_result(!wrong, "%s, then %s: %s first, device %c%s: %d of %d as kernel TCP with itself\n",
			 stack_name(a), stack_name(b), first->name, device, reuseport ? ", SO_REUSEPORT" : "",
			 cells - wrong, cells);
}

/* A bind of both stacks waits for neither: when the first closes, the port is free. */
static void freed(enum stack first)
{
	struct cell c = { .first = &places[0], .second = &places[2], .first_listens = true, .device = 'n' };
	struct outcome o = outcome_of(&c, first, !first);
	int fd = open_at(!first, &places[0], false, false, false);

	ksft_test_result(o.bind == EADDRINUSE && fd >= 0, "%s has the port when %s has closed it\n",
			 stack_name(!first), stack_name(first));
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static const char devices[] = "nsf";
	bool kernel_only = argc == 3 && !strcmp(argv[1], "-s") && !strcmp(argv[2], "kernel");
	int i, d, fd;

	verbose = argc == 2 && !strcmp(argv[1], "-v");
	ksft_print_header();
	ns = ns_make();
	if (ns < 0 || ns_addr_add(ns, "lo", "fd00:9::1/64"))
		ksft_exit_fail_msg("no namespace\n");
	fd = stack_socket(ns, kernel_only ? KERNEL : XTCP, "127.0.0.1");
	if (fd < 0)
		ksft_exit_fail_msg("no xtcp: %s\n", strerror(errno));
	close(fd);
	ksft_set_plan(kernel_only ? PLACES * 3 : PLACES * 4 * 2 + 2);
	for (i = 0; i < PLACES; i++) {
		for (d = 0; d < 3; d++) {
			learn(&places[i], devices[d]);
			row(&places[i], devices[d], false, KERNEL, kernel_only ? KERNEL : XTCP);
			if (!kernel_only)
				row(&places[i], devices[d], false, XTCP, KERNEL);
			if (!kernel_only && devices[d] == 'n') {
				row(&places[i], 'n', true, KERNEL, XTCP);
				row(&places[i], 'n', true, XTCP, KERNEL);
			}
		}
	}
	if (!kernel_only) {
		freed(KERNEL);
		freed(XTCP);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
