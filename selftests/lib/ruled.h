/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that obey rules of the policy table: from xtcp in one namespace to kernel TCP in another, and back. */
#pragma once

#include "ns.h"

extern struct ns_pair ruled_net;	/* xtcp, and its rules, are in .a */
extern int ruled_port;			/* of the server of the next connection */

/* Makes the two namespaces and enters .a. Ends the program if that fails. */
void ruled_begin(int port);

/* A connection that xtcp opens to kernel TCP at @to, or accepts from it at @at. */
void ruled_active(const char *to, int *fd, int *peer);
void ruled_passive(const char *at, int *fd, int *peer);

/* Runs `xtcp policy` in .a; its exit status, or 99 if what it says does not have @words in it. */
int ruled_tool(const char *arguments, const char *words);
