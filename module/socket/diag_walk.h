/* SPDX-License-Identifier: GPL-2.0 */
/* Walks over all listeners, connections and aborted socks of a namespace, for a dump. */
#ifndef XTCP_DIAG_WALK_H
#define XTCP_DIAG_WALK_H

#include <linux/in6.h>
#include <linux/types.h>

#include "base/tuple.h"
#include "socket/diag_row.h"

struct sk_buff;
struct xtcp_conn;

#define XTCP_DIAG_BATCH	32	/* most connections that one RCU read side shows */

/**
 * struct xtcp_diag_key - identifies a connection for its whole life, as a half-open entry, a sock
 *	and a TIME-WAIT record; a walk takes the connections of a hash chain in the order of their
 *	keys
 * @hash: the hash of the tuple (xtcp_conn.hash)
 * @dev: the device to which the connection is bound
 * @tuple: the addresses and ports of the connection
 */
struct xtcp_diag_key {
	u32 hash;
	int dev;
	struct xtcp_tuple tuple;
};

/**
 * struct xtcp_diag_walk - which rows of a dump have been written
 * @ask: the request
 * @is_begun: xtcp_diag_walk_begin() was called
 * @listens: not all listeners have been written yet
 * @aborts: not all aborted socks have been written yet
 * @number: the number of the next listener, or of the next aborted sock
 * @chain: the present hash chain of the table of connections
 * @is_inside: the walk is inside @chain, and @last is valid
 * @last: the key of the last connection of @chain that has been written
 * @tries: how many times in a row a program has owned the lock of the next sock
 * @patience: how often the dump may still wait for a program
 * @n: how many connections the present batch has
 * @conn: the connections of the batch; valid in the RCU read side
 * @key: the keys of the batch, in order
 */
struct xtcp_diag_walk {
	struct xtcp_diag_ask ask;
	bool is_begun;
	bool listens;
	bool aborts;
	unsigned long number;
	u32 chain;
	bool is_inside;
	struct xtcp_diag_key last;
	unsigned int tries;
	unsigned int patience;
	unsigned int n;
	struct xtcp_conn *conn[XTCP_DIAG_BATCH];
	struct xtcp_diag_key key[XTCP_DIAG_BATCH];
};

/* process context */
void xtcp_diag_walk_begin(struct xtcp_diag_walk *walk);
int xtcp_diag_walk_on(struct xtcp_diag_walk *walk, struct sk_buff *skb);
bool xtcp_diag_walk_waits(struct xtcp_diag_walk *walk);

#endif /* XTCP_DIAG_WALK_H */
