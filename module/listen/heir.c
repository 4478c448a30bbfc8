// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.migrate_req: when a member of a SO_REUSEPORT group ends, the other members (the heirs)
 * take over its half-open entries and the children that nobody accepted.
 *
 * The heir of a connection is the member that would get the connection's SYN now: a member whose
 * SO_INCOMING_CPU names this processor, or else the member that the hash selects. As in Linux, an
 * heir takes entries and children even if its queues are full. But a queue inherits no more than
 * twice the backlog (xtcp_listen_may_inherit()): otherwise a user could open a member, fill it and
 * close it, again and again, and so make the queue of another member as long as he likes. What the
 * heir does not take ends as if there were no heir, and TCPMigrateReqFailure counts it.
 *
 * The steps of a listener that ends:
 *  1. It leaves the table, so new SYNs reach its heirs.
 *  2. Its entries move, a few at a time. Meanwhile ACKs that complete a handshake still make
 *     children of the other entries, and SYNs that had found the listener before step 1 still add
 *     entries.
 *  3. When no entry is left, the listener is marked as closed before its lock is released: its
 *     queues take no entry and no child any more.
 *  4. Its children move, and the program of each heir is woken.
 *
 * During these steps, no segment for an entry is lost. When an entry moves, only its pointer to the
 * listener changes. The entry keeps its position in the table of connections, so the move cannot
 * fail for lack of memory. A softirq that has found an entry takes the lock of the entry's
 * listener, and then tests whether the entry has moved. If so, the segment is processed again, for
 * the heir (to_request() in in/ingress.c).
 *
 * A SYN, or an ACK with a cookie, may have found the listener before step 1, but get to its queues
 * after step 3. Such a segment is looked up again (to_next_listener()). If there is no heir, the
 * SYN is dropped, and the ACK is answered with a RST. An heir accepts the same cookies as the
 * listener, because a call of xtcp_entry_note_declined() for one member counts for all members
 * (group.c). An ICMP error for an entry may be lost. The entry then lives until its last timeout.
 *
 * A listener and its heir may end at the same time. A listener looks for its heirs after it has
 * left the table, so an heir always leaves the table later. Therefore the heir's lock always nests
 * inside the listener's lock. An heir that is closed has left the table, and the next lookup finds
 * another heir.
 */
#include "listen/heir.h"

#include <net/sock.h>

#include "base/endpoint.h"
#include "base/net.h"
#include "fastopen/fastopen.h"
#include "listen/acceptq.h"
#include "listen/entry.h"
#include "listen/listener.h"
#include "lookup/lookup.h"
#include "ports/ports.h"
#include "sight/mib.h"
#include "sight/trace.h"

#define TAKE_BATCH	64	/* entries to move before the lock is released for a moment */

/**
 * xtcp_heir_begin() - must a listener hand over its connections when it ends?
 * @heirs: filled if true is returned
 * @from: the listener, still in the table
 *
 * With net.xtcp.migrate_req and SO_REUSEPORT, the answer is true even if @from is the only member
 * of its group: as in Linux, each connection of @from then counts as one that could not be handed
 * over (TCPMigrateReqFailure). Otherwise the answer is false, and nothing is counted.
 *
 * Context: process. Lock: socket of @from, held.
 *
 * Return: true if the caller has to hand over the listener's connections.
 */
bool xtcp_heir_begin(struct xtcp_heirs *heirs, struct xtcp_listener *from)
{
	const struct sock *sk = from->sk;

	sock_owned_by_me(sk);
	xtcp_group_close(from);
	if (!READ_ONCE(xtcp_net_of(sk)->sysctl.migrate_req) || !from->members ||
	    !rcu_access_pointer(sk->sk_reuseport_cb))
		return false;
	heirs->from = from;
	heirs->place = from->members->key;
	return true;
}

/* Finds the heir of a connection with this hash; NULL when the group is empty. */
static struct xtcp_listener *find_heir(const struct xtcp_heirs *heirs, u32 hash)
{
	struct xtcp_net *xn = xtcp_net_of(heirs->from->sk);
	struct xtcp_listener *heir;
	struct sock *sk;

	do {
		sk = xtcp_listeners_heir(xn, &heirs->place, heirs->from->group, hash);
		heir = sk ? xtcp_listen_queues(sk) : NULL;
		/* an heir without queues has just ended; the next lookup does not find it */
	} while (sk && !heir);
	return heir;
}

/* Moves an entry to its heir. Returns false when there is none, or it takes no more; nothing has changed then. */
static bool take_entry(const struct xtcp_heirs *heirs, struct xtcp_request *he)
{
	struct xtcp_listener *heir;
	int err;

	lockdep_assert_held(&heirs->from->lock);
	do {
		heir = find_heir(heirs, he->conn.hash);
		err = heir ? xtcp_entry_hand_over(heirs->from, heir, he) : -ENOENT;
	} while (err == -EAGAIN);
	return !err;
}

/**
 * xtcp_heir_close() - hand over all half-open entries of a listener, and close it
 * @heirs: the listeners that take the entries over
 * @children: receives the children that nobody accepted, each with the queue's reference
 *
 * An entry is dropped if no heir takes it.
 *
 * Context: process, may sleep. Lock: socket of the listener, held. Takes the lock of the listener's
 * queues, and inside it an heir's.
 */
void xtcp_heir_close(const struct xtcp_heirs *heirs, struct list_head *children)
{
	struct xtcp_listener *from = heirs->from;
	struct xtcp_net *xn = xtcp_net_of(from->sk);
	struct xtcp_request *he;
	int n;

	might_sleep();
	do {
		rcu_read_lock();
		spin_lock_bh(&from->lock);
		for (n = 0; n < TAKE_BATCH && (he = xtcp_entry_first(from)); n++) {
			if (take_entry(heirs, he)) {
				XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMIGRATEREQSUCCESS);
				continue;
			}
			XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMIGRATEREQFAILURE);
			xtcp_entry_drop(from, he, XTCP_TRACE_CLOSED);
		}
		/* n < TAKE_BATCH: no entry is left, and none can come while the lock is held */
		if (n < TAKE_BATCH)
			xtcp_acceptq_close(from, children);
		spin_unlock_bh(&from->lock);
		rcu_read_unlock();
		cond_resched();
	} while (n == TAKE_BATCH);
}

/*
 * Gives a child the lease of its heir, so that a later abort counts for the heir. If the connection
 * has ended and given back its port, nothing changes.
 *
 * As in Linux, a child keeps the SO_REUSEADDR of the listener that made it: after the heir has
 * closed, this option decides which bind() may share the port. So if the two leases differ in
 * SO_REUSEADDR, the child keeps its own lease, and an abort counts for no listener.
 *
 * The listener that ends still has the old lease, so xtcp_lease_put() neither ends that lease nor
 * takes a lock. Locks: the child's and @heir's, held. The heir is not closed, so it has a lease.
 */
static void move_lease(struct sock *child, const struct xtcp_listener *heir)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(child);
	struct xtcp_lease *old = ep->lease, *new = xtcp_endpoint(heir->sk)->lease;

	lockdep_assert_held(&heir->lock);
	if (!old || !xtcp_lease_admits_as(old, new))
		return;
	ep->lease = xtcp_lease_hold(new);
	xtcp_lease_put(old, child);
}

/* Puts a child on the accept queue of its heir. Returns the heir; NULL if there is none, or it takes no more. */
static struct xtcp_listener *queue_at_heir(const struct xtcp_heirs *heirs, struct sock *child)
{
	struct xtcp_listener *heir;
	bool closed, queued;

	sock_owned_by_me(child);
	do {
		heir = find_heir(heirs, xtcp_endpoint(child)->conn.hash);
		if (!heir)
			return NULL;
		spin_lock(&heir->lock);
		closed = heir->closed;
		queued = !closed && xtcp_listen_may_inherit(heir, heir->accept_len);
		if (queued) {
			move_lease(child, heir);
			xtcp_acceptq_add(heir, child);
		}
		spin_unlock(&heir->lock);
	} while (closed);
	return queued ? heir : NULL;
}

/**
 * xtcp_heir_take_child() - hand over a child that nobody accepted
 * @heirs: the heirs of the child's listener
 * @child: the child; it is on no accept queue
 *
 * As in Linux, a child whose connection has ended is handed over, too: accept() returns it, and the
 * program learns why it ended.
 *
 * Context: process. Lock: socket of the listener, held. Takes @child's lock and the heir's.
 *
 * Return: true if an heir has taken the child, together with the old queue's reference to the
 * child; false if nothing has changed.
 */
bool xtcp_heir_take_child(const struct xtcp_heirs *heirs, struct sock *child)
{
	struct xtcp_net *xn = xtcp_net_of(heirs->from->sk);
	struct xtcp_listener *heir;

	sock_hold(child);	/* once queued, the child may be accepted and closed at any time */
	local_bh_disable();
	rcu_read_lock();
	bh_lock_sock(child);
	heir = queue_at_heir(heirs, child);
	if (heir)
		xtcp_fastopen_move(child, heir->sk);
	bh_unlock_sock(child);
	if (heir)
		heir->sk->sk_data_ready(heir->sk);
	rcu_read_unlock();
	XTCP_NET_INC_STATS(xn, heir ? LINUX_MIB_TCPMIGRATEREQSUCCESS : LINUX_MIB_TCPMIGRATEREQFAILURE);
	local_bh_enable();
	sock_put(child);
	return heir;
}
