// SPDX-License-Identifier: GPL-2.0
/*
 * connect() when ports are scarce and memory runs out, on a kernel that has fault injection: each allocation of the
 * call fails in turn. If the call fails, it says why, and no port is lost by it.
 */
#include "test.h"

#define PORT		7600
#define LOW		30000
#define PORTS		8
#define FEW		2
#define MOST		200

static int ns, listener, clients[PORTS], servers[PORTS], n_taken;

static bool connects(int fd, const char *to)
{
	bool ok = !stack_connect(fd, to, PORT);

	if (ok)
		close(stack_accept_or_die(listener));
	return ok;
}

static bool connects_anew(enum stack stack, const char *to, int times)
{
	int fds[PORTS], made = 0, i;

	for (i = 0; i < times; i++) {
		fds[i] = stack_socket(ns, stack, to);
		made += connects(fds[i], to);
	}
	for (i = 0; i < times; i++)
		stack_abort(fds[i]);
	return made == times;
}

/* A namespace of its own, where @taken of the @ports are taken towards 127.0.0.1. */
static bool begin(enum stack stack, int ports, int taken)
{
	ns = ns_make();
	must(ns >= 0 && !ns_enter(ns) && !ns_sysctl_set(ns, "net.xtcp.tw_reuse", "0") &&
	     !ns_sysctl_set(ns, "net.ipv4.tcp_tw_reuse", "0") &&
	     !ns_sysctl_set(ns, "net.ipv4.ip_local_port_range", "%d %d", LOW, LOW + ports - 1), "no namespace");
	listener = stack_listener(ns, KERNEL, "0.0.0.0", PORT, true);
	if (listener < 0)
		return false;
	for (int i = 0; i < taken; i++) {
		clients[i] = stack_connected(ns, stack, "127.0.0.1", PORT);
		if (clients[i] < 0)
			return false;
		servers[i] = stack_accept_or_die(listener);
	}
	n_taken = taken;
	return true;
}

static void end(void)
{
	while (n_taken--) {
		stack_abort(clients[n_taken]);
		stack_abort(servers[n_taken]);
	}
	close(listener);
	ns_enter(ns_home());
	close(ns);
}

static bool the_last(void)
{
	return begin(XTCP, PORTS, PORTS - 1);
}

/* those that connect() tries first */
static bool the_other_half(void)
{
	return begin(XTCP, PORTS, PORTS / 2);
}

static bool beside(void)
{
	return begin(KERNEL, FEW, FEW);
}

/* connect() to @to while its @n th allocation fails. @afterwards: what must hold when it has failed. */
static bool without(int n, const char *to, bool (*afterwards)(void), bool *hit, bool *refused)
{
	int fd = stack_socket(ns, XTCP, to), ret, error;
	bool ok = true;

	failing_nth(n);
	ret = stack_connect(fd, to, PORT);
	error = errno;
	*hit = failing_hit();
	failing_nth(0);
	*refused = ret;
	if (!ret)
		close(stack_accept_or_die(listener));
	else
		ok = *hit && (error == ENOMEM || error == ENOBUFS || error == EADDRNOTAVAIL) &&
		     (!afterwards || afterwards()) && connects(fd, to);
	if (!ok)
		ksft_print_msg("allocation %d: %s, and then %s\n", n, strerror(error), strerror(errno));
	stack_abort(fd);
	return ok;
}

/* Is all right? How many allocations the call needs depends on its first port, which is drawn: one at least. */
static bool in_turn(bool (*prepare)(void), const char *to, bool (*afterwards)(void))
{
	bool hit = true, ok = true, refused = false;
	int n, refusals = 0;

	for (n = 1; ok && hit && n < MOST; n++) {
		ok = prepare() && without(n, to, afterwards, &hit, &refused);
		refusals += refused;
		end();
	}
	ksft_print_msg("%d allocations, %d refusals\n", n - 2, refusals);
	return ok && !hit && refusals;
}

static bool both_stacks_have_both(void)
{
	return connects_anew(KERNEL, "127.0.0.3", FEW) && connects_anew(XTCP, "127.0.0.3", FEW) &&
	       connects_anew(KERNEL, "127.0.0.3", FEW);
}

int main(void)
{
	ksft_print_header();
	if (!failing_begin()) {
		printf("1..1\nok 1 portfaults # SKIP the kernel cannot inject faults\n");
		return KSFT_PASS;
	}
	ksft_set_plan(3);
	ksft_test_result(in_turn(the_last, "127.0.0.1", NULL), "the_last_port\n");
	ksft_test_result(in_turn(the_other_half, "127.0.0.1", NULL), "the_first_half_is_taken\n");
	ksft_test_result(in_turn(beside, "127.0.0.2", both_stacks_have_both), "beside_kernel_tcp\n");
	ksft_finished();
}
