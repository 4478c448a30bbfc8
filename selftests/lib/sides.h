/* SPDX-License-Identifier: GPL-2.0 */
/* Which stack is at which end, over which IP. On kernel TCP alone (-s kernel) tests prove themselves. */
#pragma once

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
 * Fills @sides for both IPs: xtcp to kernel TCP, kernel TCP to xtcp, xtcp to itself; with "-s kernel" only kernel TCP
 * to itself, with "-s xtcp" only xtcp to itself. -4 and -6 keep one IP. Ends the program with a usage line if the
 * arguments are others, with a failure if AF_XTCP is not there. How many.
 */
int sides_parse(int argc, char **argv, struct sides *sides);

/*
 * Runs @run for each of the sides in a child of its own, all at once, so that the time that they wait is waited once.
 * Each must give @tests results by sides_result(), which the parent prints in the order of the sides. @run makes its
 * own namespaces. The exit status for the program.
 */
int sides_each(const struct sides *sides, int n, int tests, void (*run)(const struct sides *s));

/* A result of a child of sides_each(); after its name a line may come from ksft_print_msg(). */
void sides_result(bool ok, const char *name);

/* "/proc/net/xtcp6" and the like. */
const char *sides_listing(enum stack stack, const char *addr);

/* Tells both ends of the veth each other's address for good, so that a closed gate lets nobody ask in vain. */
void sides_know_each_other(const struct ns_pair *pair);

/*
 * True as soon as the socket is in @state by TCP_INFO and its row in /proc, found by its ports, says @row (0: there is
 * none); false, and a line that says what was there instead, after the deadline. A socket in TIME-WAIT is in TCP_CLOSE.
 */
bool sides_state(int ns, enum stack stack, const char *addr, int fd, int state, int local_port, int peer_port, int row);

/* The same for a row alone: of an orphan, a half-open connection, a TIME-WAIT. */
bool sides_row(int ns, enum stack stack, const char *addr, int local_port, int peer_port, int row);
