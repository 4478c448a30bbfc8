/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections with both ends in one thread, for loads of many thousands: on one
 * processor each call has had its effect at the peer when it returns, so no other
 * process has to run and nothing has to be waited for. What fails ends the program.
 */
#pragma once

#include "ns.h"
#include "stack.h"

#define ENDS_PORT 7000

struct ends {
	int client;
	int server;
	double connecting;	/* seconds in connect() */
};

/* Makes the namespaces, with @addresses each from 10.9.0.1 and 10.9.1.1 on, and moves the thread into pair->a. */
void ends_init(struct ns_pair *pair, int addresses);

/* Goes back to the program's own namespace and closes the two. */
void ends_exit(struct ns_pair *pair);

/* The address of a client or of a server, counted from 0. */
union stack_addr ends_client_addr(int i, int port);
union stack_addr ends_server_addr(int i);

/* A listener for all of the servers' addresses, at ENDS_PORT. */
int ends_listener(const struct ns_pair *pair, enum stack stack);

/* connect() from @from, NULL: any, and accept(). False with errno when connect() failed. */
bool ends_open(struct ends *ends, enum stack stack, const union stack_addr *from, const union stack_addr *to,
	       int listener);

/* @n of them, or as many as memory holds, of @stack's clients to so many servers in turn. How many. */
int ends_open_many(struct ends *ends, int n, enum stack stack, int servers, int listener);

/* The side that closes first is the one in TIME-WAIT afterwards. */
void ends_close_client_first(const struct ends *ends);
void ends_close_server_first(const struct ends *ends);

/* By RST: nothing is left on either side. */
void ends_abort(const struct ends *ends);
