// SPDX-License-Identifier: GPL-2.0
/*
 * One (address, port) belongs to one stack: every pair of binds that kernel TCP refuses to two sockets of its own must
 * be refused to a socket of its own and one of xtcp, in either order, and every other must be allowed; the same for
 * listen(). What kernel TCP does to itself is the table of what is expected. SO_REUSEPORT is as if it were not there
 * between two stacks. Then the same when the first changes its device, an option or its user after bind(): before the
 * second binds or after it, before listen() or after it; and who gets the SYN.
 *
 *	cross_ports [-v]	-v prints each cell
 */
#include "lib/test.h"

NEEDS_PROGRAMS("ip");

#define PORT 9000
#define SOMEBODY 1000

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
	int fd = must_have(stack_socket(ns, stack, p->addr), "no socket"), error;
	union stack_addr addr = stack_addr(p->addr, PORT);

	must(!(reuse && stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) &&
	     !(reuseport && stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
	     !(p->v6only && stack_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
	     !(device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3)), "no option");
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

	must_say(a >= 0 && !(c->first_listens && listen(a, 1)),
		 "%s %s: the first fails", stack_name(first), c->first->name);
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
	for (int i = 0; i < PLACES; i++) {
		for (int bits = 0; bits < 8; bits++) {
			struct cell c = cell_at(first, device, i, bits);

			alone[i][bits] = outcome_of(&c, KERNEL, KERNEL);
		}
	}
}

static void row(const struct place *first, char device, bool reuseport, enum stack a, enum stack b)
{
	cells = 0;
	wrong = 0;
	for (int i = 0; i < PLACES; i++) {
		for (int bits = 0; bits < 8; bits++) {
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

/* What the first changes after bind(): to another device, or SO_REUSEADDR, SO_REUSEPORT or its user. */
enum { TO_DEVICE, REUSE, REUSEPORT, USER, CHANGES };

static const char * const change_names[] = { "the device", "SO_REUSEADDR", "SO_REUSEPORT", "the user" };
static const char * const on_devices[] = { "", "lo", "d0" };

/* When the second binds, and when the first listens. */
enum { AFTER_CHANGE = 1, LISTENS_BEFORE = 2, LISTENS_AFTER = 4 };

struct changed {
	int change, order;
	bool v6, others_user;
	int device[3];		/* of the first before and after the change, and of the second */
	int flags[3];		/* of these: 1 SO_REUSEADDR, 2 SO_REUSEPORT */
};

/* errno of the second's bind() and of each listen(), and whose queue a connection over lo is in. */
struct end {
	int bind, listen[2], reached;
};

static void set_flags(int fd, int device, int flags)
{
	int reuse = flags & 1, port = !!(flags & 2);
	const char *name = on_devices[device];

	must(!setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name)) &&
	     !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) &&
	     !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &port, sizeof(port)), "option");
}

static int error_of(int result)
{
	return result ? errno : 0;
}

/* 1: the first's, 2: the second's, 0: the connection was refused. */
static int whom_it_reaches(const int *fds, const bool *listens)
{
	int client = stack_connected(ns, KERNEL, "127.0.0.1", PORT), reached = 0;
	/* one that does not listen has hung up */
	struct pollfd p[] = { { listens[0] ? fds[0] : -1, POLLIN, 0 }, { listens[1] ? fds[1] : -1, POLLIN, 0 } };

	if (client >= 0 && poll(p, 2, STACK_DEADLINE_MS) == 1)
		reached = p[0].revents ? 1 : 2;
	close(client);
	return reached;
}

/* @masked: the one whose SO_REUSEPORT is as if it were not there; @late: SO_REUSEADDR changes with listen(). */
static struct end end_of(const struct changed *c, enum stack first, enum stack second, int masked, bool late)
{
	const union stack_addr addr = stack_addr(c->v6 ? "::" : "0.0.0.0", PORT);
	int fds[2], flags[3], i;
	struct end end = {};
	bool listens[2];

	for (i = 0; i < 3; i++)
		flags[i] = c->flags[i] & (masked == i / 2 ? 1 : 3);
	for (i = 0; i < 2; i++)
		fds[i] = stack_socket(ns, i ? second : first, c->v6 ? "::" : "0.0.0.0");
	set_flags(fds[0], c->device[0], flags[0]);
	set_flags(fds[1], c->device[2], flags[2]);
	must(!c->others_user || !fchown(fds[1], SOMEBODY, -1), "user");
	must(!bind(fds[0], &addr.sa, stack_addr_len(&addr)), "bind");
	if (!(c->order & AFTER_CHANGE))
		end.bind = error_of(bind(fds[1], &addr.sa, stack_addr_len(&addr)));
	if (c->order & LISTENS_BEFORE)
		end.listen[0] = error_of(listen(fds[0], 1));
	set_flags(fds[0], c->device[1], late ? flags[0] : flags[1]);
	must(c->change != USER || !fchown(fds[0], SOMEBODY, -1), "user");
	if (c->order & AFTER_CHANGE)
		end.bind = error_of(bind(fds[1], &addr.sa, stack_addr_len(&addr)));
	if (c->order & LISTENS_AFTER) {
		set_flags(fds[0], c->device[1], flags[1]);
		end.listen[0] = error_of(listen(fds[0], 1));
	}
	if (!end.bind)
		end.listen[1] = error_of(listen(fds[1], 1));
	listens[0] = c->order > AFTER_CHANGE && !end.listen[0];
	listens[1] = !end.bind && !end.listen[1];
	end.reached = whom_it_reaches(fds, listens);
	/* in a group a hash decides; also age, where a member has left it or has another device */
	if (first == second && listens[0] && listens[1] && (flags[0] | flags[1]) & flags[2] & 2)
		end.reached = !!end.reached;
	close_each(fds[0], fds[1]);
	return end;
}

static void compare_ends(const struct changed *c, enum stack first, enum stack second)
{
	/* between the stacks SO_REUSEPORT is as if it were not there; kernel TCP sees our SO_REUSEADDR by listen() */
	const int masked = first == second ? -1 : first == XTCP ? 0 : 1;
	const struct end want = end_of(c, KERNEL, KERNEL, masked, masked == 0 && c->change == REUSE);
	const struct end got = end_of(c, first, second, -1, false);
	bool same = !memcmp(&got, &want, sizeof(got));

	cells++;
	wrong += !same;
	if (same && !verbose)
		return;
	ksft_print_msg("%s '%s' %d to '%s' %d, %s '%s' %d, order %d%s: %s, %s, %s reaches %d, wanted %s, %s, %s %d\n",
		       stack_name(first), on_devices[c->device[0]], c->flags[0], on_devices[c->device[1]], c->flags[1],
		       stack_name(second), on_devices[c->device[2]], c->flags[2], c->order,
		       c->others_user ? ", another user" : "", name_of(got.bind), name_of(got.listen[0]),
		       name_of(got.listen[1]), got.reached, name_of(want.bind), name_of(want.listen[0]),
		       name_of(want.listen[1]), want.reached);
}

/* All cells of one change: devices, or flags. */
static void change_of(int change, bool v6, enum stack first, enum stack second)
{
	struct changed c = { .change = change, .v6 = v6 };

	cells = 0;
	wrong = 0;
	for (int bits = 0; bits < 6 * 2 * 4 * 4 * 27; bits++) {
		c.order = bits % 6;
		c.others_user = bits / 6 % 2;
		c.flags[0] = bits / 12 % 4;
		c.flags[1] = c.flags[0];
		c.flags[2] = bits / 48 % 4;
		if (change == REUSE || change == REUSEPORT)
			c.flags[1] ^= change;
		for (int i = 0; i < 3; i++)
			c.device[i] = bits / 192 / (i == 2 ? 9 : i ? 3 : 1) % 3;
		/* a user counts only with SO_REUSEPORT; flags are tried without devices */
		if (c.others_user && !(c.flags[2] & 2))
			continue;
		if (change != TO_DEVICE && c.device[0] + c.device[1] + c.device[2])
			continue;
		if (change == TO_DEVICE && (c.device[0] == c.device[1] || c.flags[0] == 3 || c.flags[2] == 3))
			continue;
		/* with SO_REUSEPORT and in no group kernel TCP's listen() finds itself, and asks no further */
		if ((change == TO_DEVICE || change == REUSE) && c.flags[2] & 2 && (!(c.flags[0] & 2) || c.others_user))
			continue;
		/* newer kernels ask the first, and not its bucket: xtcp is as 6.1 */
		if (change == REUSE && first == XTCP && second == XTCP && c.order & AFTER_CHANGE &&
		    !release_knows_kernel_tcp())
			continue;
		compare_ends(&c, first, second);
	}
	ksft_test_result(!wrong, "%s%s, then %s: the first changes %s after bind(): %d of %d as kernel TCP\n",
			 stack_name(first), v6 ? " over IPv6" : "", stack_name(second), change_names[change],
			 cells - wrong, cells);
}

int main(int argc, char **argv)
{
	static const char devices[] = "nsf";
	bool kernel_only = argc == 3 && !strcmp(argv[1], "-s") && !strcmp(argv[2], "kernel");
	int i, d, fd;

	verbose = argc == 2 && !strcmp(argv[1], "-v");
	ksft_print_header();
	ns = ns_make();
	if (ns < 0 || ns_addr_add(ns, "lo", "fd00:9::1/64") || ns_shell(ns, "ip link add d0 type dummy"))
		ksft_exit_fail_msg("no namespace\n");
	fd = must_have(stack_socket(ns, kernel_only ? KERNEL : XTCP, "127.0.0.1"), "no xtcp");
	close(fd);
	ksft_set_plan(kernel_only ? PLACES * 3 + CHANGES * 2 : PLACES * 4 * 2 + CHANGES * 2 * 3 + 2);
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
	for (i = 0; i < CHANGES * 2 * 4; i++) {
		enum stack first = i / CHANGES / 2 & 1, second = i / CHANGES / 2 / 2;

		if (kernel_only ? i < CHANGES * 2 : i >= CHANGES * 2)
			change_of(i % CHANGES, i / CHANGES & 1, first, second);
	}
	if (!kernel_only) {
		freed(KERNEL);
		freed(XTCP);
	}
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
