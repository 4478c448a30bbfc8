// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a listener: who gets its connections.
 *
 * As in Linux, half-open entries are dropped silently, and children that nobody accepted are reset.
 * With net.xtcp.migrate_req, the other members of a SO_REUSEPORT group (the heirs) take them over.
 * The heir of a connection is the member that would get its SYN now. As in Linux, an heir takes
 * entries and children even if its queues are full. But a queue inherits no more than twice the
 * backlog (xtcp_listen_may_inherit()): otherwise a user could open a member, fill and close it,
 * again and again, and make another member's queue as long as he likes. What the heir does not take
 * ends as if there were none, and TCPMigrateReqFailure counts it.
 *
 * The steps of a listener that ends:
 * 1. It leaves the table, so new SYNs reach its heirs.
 * 2. Its entries move, a few at a time. Meanwhile third ACKs still make children of the others, and
 *    SYNs that had found the listener before step 1 still add entries.
 * 3. When no entry is left, the listener is marked as closed before its lock is released: its
 *    queues take no entry and no child any more.
 * 4. Its children move, and the program of each heir is woken.
 *
 * No segment for an entry is lost meanwhile. When an entry moves, only its pointer to the listener
 * changes, and it keeps its position in the table of connections. So the move needs no memory. A
 * softirq that has found an entry takes the lock of the entry's listener, and then tests whether
 * the entry has moved. If so, the segment is processed again, for the heir (to_request() in
 * in/ingress.c).
 *
 * A SYN, or an ACK with a cookie, may have found the listener before step 1, but get to its queues
 * after step 3. It is looked up again (to_next_listener()). Without an heir, the SYN is dropped,
 * and the ACK answered with a RST. An heir accepts the same cookies, because
 * xtcp_entry_note_declined() counts for all members. An ICMP error for an entry may be lost: it
 * then lives until its last timeout.
 *
 * A listener looks for heirs after it has left the table, so an heir leaves the table later.
 * Therefore the heir's lock always nests inside the listener's. An heir that is closed has left the
 * table, and the next lookup finds another one.
 *
 * net.xtcp.migrate_wait_ms: the last member of a group waits for a successor after its program has
 * closed it, so that a server can end before its next version listens. Such a listener, an estate,
 * keeps its port, entries and children; new connections still queue, up to the backlog. When a new
 * listener joins the group, which only a program of the same user can, the estate ends at once, and
 * hands over its connections, unless migrate_req has become 0. When its time is over, it ends like
 * a listener without heirs. A later change of migrate_wait_ms does not affect it.
 *
 * An estate is a sock in LISTEN without a struct socket. It owns the reference of its file, and
 * references to the namespace and the module: their exits never find an estate, and rmmod fails
 * with "in use". The knob is at most 10 s, but an estate may end later: the work item of a
 * namespace ends one in each run, and each takes up to XTCP_TELL_TIME for RSTs, and some time for
 * each connection. Users can make the work item slow, by netfilter rules. So it runs on an unbound
 * workqueue.
 *
 * A group has two estates if a successor closes before the first has ended. An estate leaves the
 * table before it looks for heirs, so its connections move only to members that end later, and in
 * the end to members with a program, if there are any.
 *
 * Members may close at the same time, and a successor may join meanwhile. So xtcp_group.open counts
 * the members with a program; the last one reduces it to 0. If it may wait, it stays in the table,
 * and the others find it as their heir. A successor raises the count before it looks for estates.
 * An estate enters the list before it reads the count. So one of them notices the other.
 *
 * Any user can make many guests, and set the knobs in each. So the places that all guests share are
 * also shared by maker (guests.c): a maker gets one only while he has fewer than are free. One
 * maker alone gets half of all, a second one half of the rest, and so on; when their listeners have
 * ended, all get equally many.
 */
#include "listen/listen.h"

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "base/base.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "compat.h"
#include "fastopen/fastopen.h"
#include "lookup/lookup.h"
#include "out/out.h"
#include "ports/ports.h"
#include "sight/sight.h"
#include "sock/create.h"

/**
 * struct xtcp_heirs - where to find the heirs of a listener that is about to end
 * @from: the listener
 * @place: its local address, port and device
 */
struct xtcp_heirs {
	struct xtcp_listener *from;
	struct xtcp_members_key place;
};

#define TAKE_BATCH	64	/* entries to move before the lock is released for a moment */

/*
 * Its program closes it, or ends it in another way. Only the first call counts. Return: true when
 * no member of the group has a program any more.
 */
static bool close_member(struct xtcp_listener *listener)
{
	sock_owned_by_me(listener->sk);
	if (!listener->open)
		return false;
	listener->open = false;
	return atomic_dec_and_test(&listener->group->open);
}

/*
 * Must a listener, still in the table, hand over its connections? If so, fills @heirs. With the
 * knob and SO_REUSEPORT, also if it is alone in its group: as in Linux, each of its connections
 * then counts as one that could not be handed over.
 */
static bool xtcp_heir_begin(struct xtcp_heirs *heirs, struct xtcp_listener *from)
{
	const struct sock *sk = from->sk;

	sock_owned_by_me(sk);
	close_member(from);
	if (!READ_ONCE(xtcp_net_of(sk)->sysctl.migrate_req) || !from->members ||
	    !rcu_access_pointer(sk->sk_reuseport_cb))
		return false;
	heirs->from = from;
	heirs->place = from->members->key;
	return true;
}

/* NULL: the group is empty. */
static struct xtcp_listener *find_heir(const struct xtcp_heirs *heirs, u32 hash)
{
	struct xtcp_net *xn = xtcp_net_of(heirs->from->sk);
	struct xtcp_listener *heir;
	struct sock *sk;

	do {
		sk = xtcp_listeners_heir(xn, &heirs->place, heirs->from->group, hash);
		heir = sk ? xtcp_listen_queues(sk) : NULL;
		/* an heir without queues has just ended: look again */
	} while (sk && !heir);
	return heir;
}

/* Return: false when there is no heir, or it takes no more; nothing has changed then. */
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

/*
 * Hands over all half-open entries of a listener, drops those that no heir takes, and closes it.
 * @children receives those that nobody accepted, with the queue's references.
 */
static void xtcp_heir_close(const struct xtcp_heirs *heirs, struct list_head *children)
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
		if (n < TAKE_BATCH)
			xtcp_acceptq_close(from, children);
		spin_unlock_bh(&from->lock);
		rcu_read_unlock();
		cond_resched();
	} while (n == TAKE_BATCH);
}

/*
 * Gives a child the lease of its heir, so that a later abort counts for the heir; not if the
 * connection has ended and given back its port. As in Linux, a child keeps the SO_REUSEADDR of the
 * listener that made it: this decides which bind() may share the port after the heir has closed. So
 * if the leases differ in it, the child keeps its own, and an abort counts for no listener.
 *
 * The listener that ends still has the old lease, so xtcp_lease_put() neither ends it nor takes a
 * lock. The heir is not closed, so it has a lease. The child and the heir are locked.
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

/* Return: the heir; NULL if there is none, or it takes no more. */
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

/*
 * Hands over a child, with the old queue's reference. As in Linux, also one whose connection has
 * ended: accept() returns it, and the program learns why. Return: false if nothing has changed.
 */
static bool xtcp_heir_take_child(const struct xtcp_heirs *heirs, struct sock *child)
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

static void listener_free_rcu(struct rcu_head *rcu)
{
	struct xtcp_listener *listener = container_of(rcu, struct xtcp_listener, rcu);

	if (listener->net)
		put_net(listener->net);
	xtcp_listen_free(listener);
}

/*
 * Ends a child that nobody accepted. @tell: by a RST. xtcp_sock_destroy() puts the queue's
 * reference. Who waits for the child's socket lock finds that it has ended.
 */
static void end_child(struct sock *child, bool tell)
{
	sock_hold(child);	/* xtcp_held_let_go() puts this reference */
	local_bh_disable();
	bh_lock_sock(child);
	sock_orphan(child);
	xtcp_orphan_add(child);
	if (child->sk_state == TCP_CLOSE)
		xtcp_sock_destroy(child);
	else if (tell)
		xtcp_sock_abort(child, ECONNRESET, XTCP_ABORT_LISTENER);
	else
		xtcp_sock_fail(child, ECONNRESET, XTCP_ABORT_LISTENER);
	bh_unlock_sock(child);
	local_bh_enable();
	xtcp_held_let_go(child);
	cond_resched();
}

/**
 * xtcp_listen_stop() - end a listener, for close(), shutdown(), disconnect or SOCK_DESTROY
 * @sk: in LISTEN; the caller then sets CLOSED. It keeps its port
 *
 * A program spends its own time on the RSTs, so all of them are sent. But if a worker of the kernel
 * or SOCK_DESTROY ends the listener, others may wait: RSTs are sent only for XTCP_TELL_TIME. Other
 * peers get one when they send their next segment. It is not signed: a peer with MD5 or TCP-AO
 * ignores it, and gives up after its own timeouts.
 *
 * Context: process, may sleep.
 */
void xtcp_listen_stop(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_endpoint *child, *next;
	struct xtcp_heirs heirs;
	LIST_HEAD(children);
	unsigned long told_until;
	bool hands_over;

	sock_owned_by_me(sk);
	hands_over = xtcp_heir_begin(&heirs, listener);
	xtcp_listeners_remove(sk);
	if (hands_over) {
		xtcp_heir_close(&heirs, &children);
	} else {
		spin_lock_bh(&listener->lock);
		xtcp_acceptq_close(listener, &children);
		spin_unlock_bh(&listener->lock);
	}
	xtcp_entry_stop(listener);

	told_until = jiffies + XTCP_TELL_TIME;
	list_for_each_entry_safe(child, next, &children, accept_node) {
		list_del_init(&child->accept_node);
		if (!hands_over || !xtcp_heir_take_child(&heirs, xtcp_sk_of(child)))
			end_child(xtcp_sk_of(child), !listener->tells_briefly || time_before(jiffies, told_until));
	}
	if (xtcp_endpoint(sk)->lease)
		xtcp_lease_unlisten(xtcp_endpoint(sk)->lease);
	/*
	 * who sees NULL also sees that the listener has left the table, and its entries were
	 * dropped
	 */
	smp_store_release(&xtcp_endpoint(sk)->listener, NULL);
	/*
	 * a segment that has found an entry reaches the queues through the sock, and must not reach
	 * those of the next listen(): that waits until all such segments have been processed
	 */
	xtcp_endpoint(sk)->left_table = get_state_synchronize_rcu();
	/*
	 * such a segment may be making a child, for which sk_clone_lock() takes a reference to the
	 * namespace. The listener may soon drop its own, perhaps the last one
	 * (take_dead()): keep one until then
	 */
	if (sk->sk_net_refcnt)
		listener->net = get_net(sock_net(sk));
	xtcp_group_put(listener->group);
	call_rcu(&listener->rcu, listener_free_rcu);
}

/* Beyond a limit, a listener ends at once, as without the knob. */
#define ESTATES_MAX		64	/* of a namespace */
#define ESTATES_OF_USER		16	/* of one user in a namespace */
#define ESTATES_OF_GUEST	4	/* of one guest, in place of the two limits above */
#define ESTATES_OF_GUESTS	128	/* of all guests together; see take_guests_room() */

/**
 * struct estate - a listener that waits for its successor
 * @node: in xtcp_rest.estates
 * @sk: the listener, with the reference of its file
 * @uid: the user of @sk
 * @group: its group; later only compared: when an administrator ends @sk, it may be freed
 * @until: when it ends, in jiffies
 */
struct estate {
	struct list_head node;
	struct sock *sk;
	kuid_t uid;
	const struct xtcp_group *group;
	unsigned long until;
};

/* guards guest_estates and xtcp_maker.estates; process context */
static DEFINE_SPINLOCK(guests_lock);
static unsigned int guest_estates;

static void arm_estates(struct xtcp_net *xn)
{
	const unsigned long now = jiffies;
	unsigned long first = MAX_JIFFY_OFFSET;
	const struct estate *estate;

	lockdep_assert_held(&xn->rest->estates_lock);
	list_for_each_entry(estate, &xn->rest->estates, node)
		first = min(first, time_after(estate->until, now) ? estate->until - now : 0);
	if (list_empty(&xn->rest->estates))
		return;
	cancel_delayed_work(&xn->rest->estates_work);
	queue_delayed_work(system_dfl_wq, &xn->rest->estates_work, first);
}

/* Takes an estate that is due off the list, or NULL. The work item runs again for the next one. */
static struct estate *take_due(struct xtcp_net *xn)
{
	struct estate *estate, *due = NULL;

	spin_lock(&xn->rest->estates_lock);
	list_for_each_entry(estate, &xn->rest->estates, node) {
		if (time_before(jiffies, estate->until))
			continue;
		due = estate;
		list_del(&due->node);
		xn->rest->estates_len--;
		break;
	}
	arm_estates(xn);
	spin_unlock(&xn->rest->estates_lock);
	return due;
}

/*
 * Ends one estate. Meanwhile the work item may be queued, but does not run a second time. The last
 * estate may have the last reference to the namespace. The exits of namespace and module wait for
 * this function.
 */
static void end_due_estates(struct work_struct *work)
{
	struct xtcp_rest *rest = container_of(to_delayed_work(work), struct xtcp_rest, estates_work);
	struct estate *estate = take_due(rest->xn);

	if (!estate)
		return;
	estate->sk->sk_prot->close(estate->sk, 0);
	if (rest->maker) {
		spin_lock(&guests_lock);
		guest_estates--;
		rest->maker->estates--;
		spin_unlock(&guests_lock);
	}
	kfree(estate);
	module_put(THIS_MODULE);
}

int xtcp_estate_net_init(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	spin_lock_init(&rest->estates_lock);
	INIT_LIST_HEAD(&rest->estates);
	rest->estates_len = 0;
	INIT_DELAYED_WORK(&rest->estates_work, end_due_estates);
	return 0;
}

/* Nothing refers to the namespace any more: waits until its last estate has ended. */
void xtcp_estate_net_exit(struct xtcp_net *xn)
{
	cancel_delayed_work_sync(&xn->rest->estates_work);
	WARN_ON_ONCE(!list_empty(&xn->rest->estates));
}

/* Takes one of the places of all guests, for a maker who has fewer than are free. */
static bool take_guests_room(struct xtcp_maker *maker)
{
	bool has_room;

	spin_lock(&guests_lock);
	has_room = maker->estates < ESTATES_OF_GUESTS - guest_estates;
	if (has_room) {
		guest_estates++;
		maker->estates++;
	}
	spin_unlock(&guests_lock);
	return has_room;
}

/* May one more listener of this user wait? If so, a guest's is counted in guest_estates. */
static bool take_room(struct xtcp_net *xn, const struct estate *estate)
{
	const struct estate *other;
	unsigned int of_user = 0;

	lockdep_assert_held(&xn->rest->estates_lock);
	if (xn->is_guest)
		return xn->rest->estates_len < ESTATES_OF_GUEST && take_guests_room(xn->rest->maker);
	list_for_each_entry(other, &xn->rest->estates, node)
		of_user += uid_eq(other->uid, estate->uid);
	return xn->rest->estates_len < ESTATES_MAX && of_user < ESTATES_OF_USER;
}

/* Return: false at a limit. */
static bool list_estate(struct xtcp_net *xn, struct estate *estate)
{
	bool has_room;

	spin_lock(&xn->rest->estates_lock);
	has_room = take_room(xn, estate);
	if (has_room) {
		list_add_tail(&estate->node, &xn->rest->estates);
		xn->rest->estates_len++;
		/* a successor that has joined may not have found this estate */
		if (atomic_read(&estate->group->open))
			estate->until = jiffies;
		arm_estates(xn);
	}
	spin_unlock(&xn->rest->estates_lock);
	return has_room;
}

/**
 * xtcp_estate_keep() - close() of a listener: shall it wait for a successor?
 * @sk: in LISTEN
 *
 * It does if net.xtcp.migrate_req and migrate_wait_ms are set, it has SO_REUSEPORT, and no other
 * member of its group has a program; not at a limit, without memory, or for a socket of the kernel,
 * which need not have a reference to the namespace.
 *
 * Context: process, may sleep.
 *
 * Return: true when @sk waits: the estate owns the file's reference, and the work item may end @sk
 * as soon as the lock is released. False when the caller has to end @sk.
 */
bool xtcp_estate_keep(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_net *xn = xtcp_net_of(sk);
	int ms = READ_ONCE(xn->sysctl.migrate_wait_ms);
	struct estate *estate;

	sock_owned_by_me(sk);
	if (!close_member(listener) || !ms || !READ_ONCE(xn->sysctl.migrate_req) || !sk->sk_reuseport)
		return false;
	if (sk->sk_kern_sock || !sk->sk_net_refcnt)
		return false;
	/*
	 * not charged to a cgroup: if the server was killed at its memory limit, a charge might
	 * fail
	 */
	estate = kmalloc(sizeof(*estate), GFP_KERNEL);
	if (!estate)
		return false;
	estate->sk = sk;
	estate->uid = sk->sk_uid;
	estate->group = listener->group;
	/* one more tick, since the present one began a while ago */
	estate->until = jiffies + msecs_to_jiffies(ms) + 1;
	/* the descriptor that is being closed still has a reference to the module */
	if (!try_module_get(THIS_MODULE))
		goto fail;
	if (!list_estate(xn, estate))
		goto fail_module;
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	/* a softirq that queues a child looks for sleepers without this lock */
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
	listener->tells_briefly = true;
	return true;

fail_module:
	module_put(THIS_MODULE);
fail:
	kfree(estate);
	return false;
}

/*
 * Ends the wait of @sk, if it is an estate, or of all estates of @group; one of them is NULL. The
 * work item then ends one in each run.
 */
static void end_now(struct xtcp_net *xn, const struct sock *sk, const struct xtcp_group *group)
{
	struct estate *estate;
	bool found = false;

	spin_lock(&xn->rest->estates_lock);
	list_for_each_entry(estate, &xn->rest->estates, node) {
		if (estate->sk != sk && estate->group != group)
			continue;
		estate->until = jiffies;
		found = true;
	}
	if (found)
		arm_estates(xn);
	spin_unlock(&xn->rest->estates_lock);
}

/**
 * xtcp_estate_claim() - a listener has joined its group: the estates of the group end
 * @sk: in LISTEN, in the table
 *
 * Context: process.
 */
void xtcp_estate_claim(struct sock *sk)
{
	sock_owned_by_me(sk);
	end_now(xtcp_net_of(sk), NULL, xtcp_endpoint(sk)->listener->group);
}

/**
 * xtcp_estate_hurry() - an administrator has ended a listener: if it is an estate, end its wait
 * @sk: no longer in LISTEN; nothing is left to hand over, and port, namespace and module become
 *	free
 *
 * Context: process.
 */
void xtcp_estate_hurry(const struct sock *sk)
{
	sock_owned_by_me(sk);
	end_now(xtcp_net_of(sk), sk, NULL);
}
