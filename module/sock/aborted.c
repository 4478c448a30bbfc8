// SPDX-License-Identifier: GPL-2.0
/*
 * Socks that a program still has open after their connection was aborted, that is, ended without a
 * FIN from each end. Such a sock has left the table of connections, so no segment finds it. Each
 * namespace has a table of aborted socks (xtcp_rest.aborted), in which listings find them. Listings
 * also say why the connections ended.
 *
 * A sock enters the table of aborted socks when its connection ends. It leaves this table when the
 * program disconnects it or when it is destroyed, so the table never points to a freed sock. The
 * table gives each sock a number. struct xtcp_timers stores that number in place of the deadlines,
 * which the sock no longer needs. If there is no memory for the table to grow, listings do not show
 * the sock; nothing else depends on the table.
 */
#include "sock/aborted.h"

#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "base/abort.h"
#include "base/net.h"
#include "base/sock.h"

/*
 * If the connection ended for one of these reasons, the program is closing the sock, has closed it,
 * or never had it. The sock is destroyed next, so it is not listed.
 */
#define NOBODY_HOLDS	(BIT(XTCP_ABORT_UNREAD) | BIT(XTCP_ABORT_LINGER) | BIT(XTCP_ABORT_LINGER2) | \
			 BIT(XTCP_ABORT_ORPHANS) | BIT(XTCP_ABORT_LISTENER) | BIT(XTCP_ABORT_NETNS))

/**
 * xtcp_aborted_net_init() - make the empty table of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_aborted_net_init(struct xtcp_net *xn)
{
	/*
	 * By default, the locks of all xarrays of the module have one lockdep class. But softirq
	 * takes this lock and none of the others, so this lock has a class of its own.
	 */
	static struct lock_class_key class;

	xa_init_flags(&xn->rest->aborted, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	lockdep_set_class(&xn->rest->aborted.xa_lock, &class);
	return 0;
}

/**
 * xtcp_aborted_net_exit() - free the empty table of a namespace that ends
 * @xn: the namespace; no program holds a sock of it
 *
 * Context: process.
 */
void xtcp_aborted_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(!xa_empty(&xn->rest->aborted));
	/* an insertion may have run out of memory, and have left empty nodes */
	xa_destroy(&xn->rest->aborted);
}

/**
 * xtcp_aborted_enter() - let listings find a sock whose connection has ended
 * @sk: CLOSED, its timers have stopped; not an orphan, and not listed yet
 *
 * Does nothing if the connection was not aborted, or if @sk is destroyed next (NOBODY_HOLDS).
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_aborted_enter(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 number;

	sock_owned_by_me(sk);
	if (!xsk->ended.reason || BIT(xsk->ended.reason) & NOBODY_HOLDS)
		return;
	if (xa_alloc_bh(&xsk->xn->rest->aborted, &number, sk, xa_limit_31b, GFP_NOWAIT | __GFP_NOWARN))
		return;
	WRITE_ONCE(xsk->timers.aborted, number);
	xtcp_ended_list(&xsk->ended, true);
}

/**
 * xtcp_aborted_leave() - hide a sock from listings again
 * @sk: the sock, in any state
 *
 * Context: softirq or process. Lock: socket, held, unless only listings can still find @sk.
 */
void xtcp_aborted_leave(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (likely(!xsk->ended.is_listed))
		return;
	xa_erase_bh(&xsk->xn->rest->aborted, xsk->timers.aborted);
	xtcp_ended_list(&xsk->ended, false);
}

/**
 * xtcp_aborted_from() - iterate over the socks in the table of a namespace
 * @xn: the namespace
 * @number: the least number that the result may have; set to the number of the result
 *
 * A sock keeps its number while it is in the table. The caller continues with the next number.
 * Under the socket lock, ended.is_listed tells whether the sock is still in the table.
 *
 * Context: process, RCU read side, which keeps the result valid without a reference.
 *
 * Return: the sock, or NULL at the end.
 */
struct sock *xtcp_aborted_from(struct xtcp_net *xn, unsigned long *number)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "lookup of an aborted sock without RCU");
	return xa_find(&xn->rest->aborted, number, ULONG_MAX, XA_PRESENT);
}
