/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which stack is at which end, over which IP. The tests between two namespaces
 * run for each of these; on kernel TCP alone (-s kernel) they prove themselves.
 */
#ifndef SELFTESTS_SIDES_H
#define SELFTESTS_SIDES_H

#include "ns.h"
#include "stack.h"

#define SIDES_MAX 6

/* The client is in namespace a, the server in b; @addr is the server's. */
struct sides {
	enum stack client, server;
	const char *addr;
	const char *client_addr;
	char name[64];		/* "xtcp to kernel TCP, IPv6" */
};

/*
 * Fills @sides for both IPs: xtcp to kernel TCP, kernel TCP to xtcp, xtcp to
 * itself; with "-s kernel" only kernel TCP to itself, with "-s xtcp" only xtcp
 * to itself. -4 and -6 keep one IP. Ends the program with a usage line if the
 * arguments are others, with a failure if AF_XTCP is not there. How many.
 */
int sides_parse(int argc, char **argv, struct sides *sides);

/* "/proc/net/xtcp6" and the like. */
const char *sides_listing(enum stack stack, const char *addr);

/* Whether this kernel has kmemleak: then it is the slow one. */
bool sides_on_debug_kernel(void);

#endif
