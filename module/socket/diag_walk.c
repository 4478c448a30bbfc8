// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over all listeners and connections of a namespace, and over the socks whose connection was
 * aborted, for a dump.
 *
 * A program reads its dump in several steps, and anything may change between two of them. But if a
 * listener or a connection exists during the whole dump, the dump shows it exactly once, for two
 * reasons:
 *
 *  - A listener keeps its number, and so does a sock whose connection was aborted (end.c).
 *  - A connection stays in its hash chain, since the table never grows. It also keeps its key
 *    (struct xtcp_diag_key) when a sock replaces a half-open entry, and when a TIME-WAIT record
 *    replaces a sock.
 *
 * The walk takes the connections of a chain in the order of their keys, and notes the key of the
 * last one. To find the next ones, it goes through the whole chain again. This works even if a
 * chain is longer than a message, and while connections come and go anywhere in it. A chain has
 * only a few connections, unless the module parameter "chains" makes the table very small.
 *
 * The aborted socks come before the connections. So a connection that is aborted during the dump is
 * shown once or not at all, never twice.
 *
 * A step shows XTCP_DIAG_BATCH connections at most, in an RCU read side of its own. Softirq waits
 * for the walk only if both need the lock of the same sock. The walk takes this lock to fill in
 * TCP_INFO or the state of the congestion control, and to fill in the row of an aborted sock.
 */
#include "socket/diag_walk.h"

#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/skbuff.h>

#include "base/net.h"
#include "lookup/lookup.h"
#include "sock/create.h"

/*
 * When a program has the lock of a sock, a dump pauses and tries again, before it lists the sock
 * without TCP_INFO. It pauses at most 20 times for one sock, and at most for one second in all.
 */
#define PAUSE_US	100
#define PAUSES		20
#define PATIENCE	(USEC_PER_SEC / PAUSE_US)

static struct xtcp_diag_key key_of(const struct xtcp_conn *conn)
{
	return (struct xtcp_diag_key) {
		.hash = conn->hash,
		.dev = conn->bound_dev_if,
		.tuple = xtcp_conn_tuple(conn),
	};
}

static int compare(const struct xtcp_diag_key *a, const struct xtcp_diag_key *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return memcmp(&a->tuple, &b->tuple, sizeof(a->tuple));
}

/*
 * Put a connection into the batch, unless it was shown already, or the batch is full of connections
 * with lower keys.
 */
static void enter_batch(struct xtcp_diag_walk *walk, struct xtcp_conn *conn)
{
	const struct xtcp_diag_key key = key_of(conn);
	unsigned int at = walk->n;

	if (walk->is_inside && compare(&key, &walk->last) <= 0)
		return;
	while (at && compare(&key, &walk->key[at - 1]) < 0)
		at--;
	if (at == XTCP_DIAG_BATCH)
		return;
	if (walk->n < XTCP_DIAG_BATCH)
		walk->n++;
	memmove(&walk->key[at + 1], &walk->key[at], (walk->n - at - 1) * sizeof(walk->key[0]));
	memmove(&walk->conn[at + 1], &walk->conn[at], (walk->n - at - 1) * sizeof(walk->conn[0]));
	walk->key[at] = key;
	walk->conn[at] = conn;
}

/* Fill the batch with the next connections of the chain, in the order of their keys. */
static void fill_batch(struct xtcp_diag_walk *walk)
{
	struct xtcp_conn *conn;

	walk->n = 0;
	for (conn = xtcp_conns_first(walk->chain); conn; conn = xtcp_conns_next(conn))
		if (conn->net_id == walk->ask.xn->id)
			enter_batch(walk, conn);
}

/*
 * Find the connection that has replaced @old, for example the TIME-WAIT record of a sock. Return:
 * the connection, or NULL.
 */
static struct xtcp_conn *successor(const struct xtcp_diag_walk *walk, const struct xtcp_conn *old,
				   const struct xtcp_diag_key *key)
{
	struct xtcp_diag_key other;
	struct xtcp_conn *conn;

	for (conn = xtcp_conns_first(walk->chain); conn; conn = xtcp_conns_next(conn)) {
		if (conn == old || conn->hash != key->hash || conn->net_id != walk->ask.xn->id)
			continue;
		other = key_of(conn);
		if (!compare(&other, key))
			return conn;
	}
	return NULL;
}

static int put_conn(struct xtcp_diag_walk *walk, struct sk_buff *skb, unsigned int i)
{
	struct xtcp_conn *conn = walk->conn[i];
	int err = xtcp_diag_row_conn(skb, &walk->ask, conn);

	if (err != -ESTALE)
		return err;
	conn = successor(walk, conn, &walk->key[i]);
	err = conn ? xtcp_diag_row_conn(skb, &walk->ask, conn) : 0;
	return err == -ESTALE ? 0 : err;
}

/* Write the rows of the batch. Return: 0, or the error of the first connection that failed. */
static int put_batch(struct xtcp_diag_walk *walk, struct sk_buff *skb)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < walk->n && !err; i++) {
		err = put_conn(walk, skb, i);
		if (err)
			break;
		walk->last = walk->key[i];
		walk->is_inside = true;
		walk->tries = 0;
		walk->ask.unlocked = false;
	}
	return err;
}

/**
 * xtcp_diag_walk_waits() - wait a moment for a program that has the lock of the next sock
 * @walk: the walk; if it has waited long enough, its ask.unlocked is set
 *
 * Context: process, may sleep.
 *
 * Return: false when the dump has waited long enough, and the row is to be made without the lock.
 */
bool xtcp_diag_walk_waits(struct xtcp_diag_walk *walk)
{
	if (walk->tries == PAUSES || !walk->patience) {
		walk->ask.unlocked = true;
		return false;
	}
	walk->tries++;
	walk->patience--;
	usleep_range(PAUSE_US / 2, PAUSE_US);
	return true;
}

/*
 * Walks over the listeners or the aborted socks, from walk->number upwards. @next: finds the sock
 * with this number or the next higher one. @row: adds the sock's row. Return: 0, or -EMSGSIZE.
 */
static int walk_numbers(struct xtcp_diag_walk *walk, struct sk_buff *skb,
			struct sock *(*next)(struct xtcp_net *xn, unsigned long *number),
			int (*row)(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk))
{
	struct sock *sk;
	int err;

	for (;;) {
		rcu_read_lock();
		sk = next(walk->ask.xn, &walk->number);
		err = sk ? row(skb, &walk->ask, sk) : 0;
		rcu_read_unlock();
		if (!sk) {
			walk->number = 0;
			return 0;
		}
		if (err == -EAGAIN) {
			xtcp_diag_walk_waits(walk);
			continue;
		}
		if (err)
			return err;
		walk->number++;
		walk->tries = 0;
		walk->ask.unlocked = false;
		cond_resched();
	}
}

static int walk_chain(struct xtcp_diag_walk *walk, struct sk_buff *skb)
{
	int err;

	do {
		rcu_read_lock();
		fill_batch(walk);
		err = put_batch(walk, skb);
		rcu_read_unlock();
		if (err == -EAGAIN)
			xtcp_diag_walk_waits(walk);
		else if (err)
			return err;
		cond_resched();
	} while (err || walk->n == XTCP_DIAG_BATCH);
	walk->is_inside = false;
	return 0;
}

/**
 * xtcp_diag_walk_begin() - begin a walk at the first listener
 * @walk: its @ask is set, all other fields are 0
 *
 * Context: process.
 */
void xtcp_diag_walk_begin(struct xtcp_diag_walk *walk)
{
	walk->is_begun = true;
	walk->patience = PATIENCE;
	walk->listens = walk->ask.states & TCPF_LISTEN && !walk->ask.dport;
	walk->aborts = walk->ask.states & TCPF_CLOSE;
	/* test the count last, since it is a sum over all processors */
	if (!(walk->ask.states & ~(TCPF_LISTEN | TCPF_CLOSE)) || !xtcp_demux_count(walk->ask.xn))
		walk->chain = xtcp_conns.mask + 1;
}

/**
 * xtcp_diag_walk_on() - continue a walk until a message is full
 * @walk: how far the walk has come
 * @skb: the message
 *
 * Context: process, may sleep.
 *
 * Return: 0 when the walk has come to its end; -EMSGSIZE when the message is full.
 */
int xtcp_diag_walk_on(struct xtcp_diag_walk *walk, struct sk_buff *skb)
{
	int err = 0;

	if (walk->listens)
		err = walk_numbers(walk, skb, xtcp_listeners_from, xtcp_diag_row_listener);
	if (err)
		return err;
	walk->listens = false;
	if (walk->aborts)
		err = walk_numbers(walk, skb, xtcp_aborted_from, xtcp_diag_row_aborted);
	if (err)
		return err;
	walk->aborts = false;
	for (;;) {
		walk->chain = xtcp_conns_used_chain(walk->chain);
		if (walk->chain > xtcp_conns.mask)
			return 0;
		err = walk_chain(walk, skb);
		if (err)
			return err;
		walk->chain++;
	}
}
