/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs that read listings by sock_diag share. */
#pragma once

#include "lib/test.h"

static struct ns_pair net;
static int next_port = 8400;

/* Which stack and IP version the rows are about. */
struct setting {
	enum stack stack;
	bool v6;
	const char *addr, *peer_addr;	/* of net.a and net.b */
};

static inline void result(const struct setting *s, const char *what)
{
	ksft_test_result(!problems, "%s, IPv%d: %s\n", stack_name(s->stack), s->v6 ? 6 : 4, what);
	problems = 0;
}

static inline struct diag_query all_of(const struct setting *s)
{
	return (struct diag_query) { .stack = s->stack, .v6 = s->v6, .ext = 0xff };
}

static inline int find(const struct setting *s, int port, int peer_port, struct diag_copy *copy)
{
	const struct diag_query query = all_of(s);

	return diag_find(&query, port, peer_port, copy);
}

/* How many rows there are in the namespace of the caller. */
static inline int rows_here(void *s)
{
	const struct diag_query query = all_of(s);

	return diag_dump(&query, NULL, NULL);
}

/* A connection of s->stack in net.a to kernel TCP in net.b. */
static inline void connection(const struct setting *s, int *fd, int *peer, int *port, int *peer_port)
{
	*peer_port = next_port++;
	stack_pair_or_die(net.a, s->stack, net.b, KERNEL, s->peer_addr, *peer_port, fd, peer);
	*port = stack_port(*fd);
}

/* Makes both namespaces, enters net.a, and runs @each for both IP versions of each stack. */
static inline void settings(void (*each)(const struct setting *s))
{
	must(!ns_pair_make(&net) && !ns_enter(net.a), "namespaces");
	sides_know_each_other(&net);
	for (unsigned int stack = stack_first(); stack <= XTCP; stack++) {
		for (unsigned int family = 0; family < 2; family++) {
			const struct setting s = { .stack = stack, .v6 = family, .addr = family ? NS_A6 : NS_A4,
						   .peer_addr = family ? NS_B6 : NS_B4 };

			each(&s);
		}
	}
}
