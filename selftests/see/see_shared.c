// SPDX-License-Identifier: GPL-2.0
/* What the files of see and ladders share: two namespaces, and connections between them. */
#include "see.h"
#include "test.h"

const struct see_view see_views[SEE_VIEWS] = {
	{ "kernel TCP over IPv4", KERNEL, "/proc/net/tcp", NS_B4, HOLE4, "0200090A" },
	{ "kernel TCP over IPv6", KERNEL, "/proc/net/tcp6", NS_B6, HOLE6,
	  "090000FD000000000000000002000000" },
	{ "xtcp over IPv4", XTCP, "/proc/net/xtcp", NS_B4, HOLE4, "0200090A" },
	{ "xtcp over IPv6", XTCP, "/proc/net/xtcp6", NS_B6, HOLE6,
	  "090000FD000000000000000002000000" },
};

struct ns_pair see_net;
unsigned int see_problems;

/* The head of the program's output, and the two namespaces. */
void see_begin(unsigned int plan)
{
	test_begin(plan);
	see_must(ns_pair_make(&see_net), "namespaces");
}

/* The namespaces go, and the totals are printed. Return: an exit status of kselftest. */
int see_end(void)
{
	ns_pair_close(&see_net);
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}

/* The result of the case that ran. @about: of what; NULL: of no view. */
void see_report(const char *what, const char *about)
{
	ksft_test_result(!see_problems, "%s%s%s\n", what, about ? ": " : "", about ?: "");
	see_problems = 0;
}

/* A step without which nothing else makes sense. Return: @ret. */
int see_must(int ret, const char *what)
{
	if (ret < 0) {
		ksft_print_msg("%s: %s\n", what, strerror(errno));
		ksft_exit_fail();
	}
	return ret;
}

/* A port that no case has used. Return: host order. */
unsigned int see_new_port(void)
{
	static unsigned int next = 4000;

	return next++;
}

/* A listener with LIMIT. Return: the socket. */
int see_listen(int ns, const struct see_view *view, const char *addr, unsigned int port)
{
	int fd = see_must(stack_bound(ns, view->stack, addr, port, false), "bind");

	see_must(listen(fd, LIMIT), "listen");
	return fd;
}

/* A connection. @port: of the other end, host order. Return: the socket. */
int see_connect(int ns, const struct see_view *view, const char *addr, unsigned int port)
{
	return see_must(stack_connected(ns, view->stack, addr, port), "connect");
}

/* What stands in /proc for a socket. Return: its inode's number. */
unsigned long see_inode(int fd)
{
	struct stat stat;

	see_must(fstat(fd, &stat), "fstat");
	return stat.st_ino;
}

/*
 * TIME-WAIT and FIN-WAIT-2 without a socket are small rows; on the way there a full one may be seen. Kernel TCP leaves
 * it full in FIN-WAIT-2 if the ACK of the FIN came while close() held the socket.
 */
static bool is_settled(const struct see_view *view, const struct row *row)
{
	return row->columns == 16 || (row->state != TCP_FIN_WAIT2 && row->state != TCP_TIME_WAIT) ||
	       (row->state == TCP_FIN_WAIT2 && view->stack != XTCP && row->timer == 2);
}

/*
 * The row as soon as it is in a state, or as it is in the end. @peer: port; 0: any. @state: it should come to; if it
 * does not, that is a problem. Return: the row.
 */
struct row see_wait_row(int ns, const struct see_view *view, unsigned int local, unsigned int peer,
			unsigned int state)
{
	struct row row = {};
	int found = 0;

	CHECK(WAIT_FOR((found = rows_find(ns, view->proc, local, peer, &row)) == 1 && row.state == state &&
		       is_settled(view, &row), SOON),
	      "%s: %d rows with ports %u and %u, state %u instead of %u", view->name, found, local, peer,
	      row.state, state);
	return row;
}
