/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs that read listings by sock_diag share. */
#pragma once

#include "lib/test.h"

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
