// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.migrate_wait_ms: the last member of a SO_REUSEPORT group waits for a successor after its
 * program has closed it, so that a server can end before its next version listens.
 *
 * Such a listener, an estate, keeps its port, its entries and its children. New connections still
 * queue, up to the backlog. When a new listener joins the group, the estate ends at once, and
 * heir.c hands its connections over, unless migrate_req has become 0. As for a live listener
 * (sharing.c, listeners.c), only a program of the same user can join the group, and nobody else
 * gets the port. If nobody has joined when the time is over, the estate ends like a closed listener
 * without heirs: its children are reset, and its entries are dropped. A later change of
 * migrate_wait_ms does not affect the estate.
 *
 * An estate is a sock in LISTEN without a struct socket. It owns the reference that its file had.
 * It also has references to the namespace and the module: until it has ended, the namespace does
 * not end, and rmmod fails with "in use". So the exit of a namespace or of the module never finds
 * an estate. The knob is at most 10 s, but an estate may end later than that: the work item of a
 * namespace ends one estate in each run, and other work may run between two runs. The end of an
 * estate takes up to XTCP_TELL_TIME for RSTs, and then some time for each connection. The backlog
 * limits the number of connections.
 *
 * A group has two estates if a successor closes before the first estate has ended. One estate may
 * then hand its connections to the other. An estate leaves the table before it looks for heirs, so
 * its connections only move to members that end later. In the end they reach members that have a
 * program, if there are any. An heir takes no more than twice its backlog (heir.c).
 *
 * Unprivileged users can make the work item slow, by slow netfilter rules. It runs on an unbound
 * workqueue, so that other work of the kernel does not wait for it.
 *
 * Any user can make many guests (xtcp_net.is_guest), and set the knobs in each. So the places that
 * all guests share are also shared by maker (guests.c). A maker gets a place only while he has
 * fewer places than are free. So one maker alone gets half of all places, a second one half of the
 * rest, and so on; when their listeners have ended, all makers get equally many.
 *
 * Two members may close at the same time, and a successor may join meanwhile. So xtcp_group.open
 * counts the members that have a program. The last member is the one that reduces this count to 0.
 * If it may wait, it stays in the table, and members that close at the same time find it as their
 * heir. A successor raises the count before it looks for estates. An estate enters the list before
 * it reads the count. So the successor finds the estate, or the estate notices the successor.
 */
#include "listen/estate.h"

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "base/endpoint.h"
#include "base/guests.h"
#include "base/net.h"
#include "compat.h"
#include "listen/listener.h"
#include "lookup/lookup.h"

/*
 * How many closed listeners may wait for a successor. Beyond a limit, a listener ends at once, as
 * without the knob.
 */
#define ESTATES_MAX		64	/* of a namespace */
#define ESTATES_OF_USER		16	/* of one user in a namespace */
#define ESTATES_OF_GUEST	4	/* of one guest, in place of the two limits above */
#define ESTATES_OF_GUESTS	128	/* of all guests together; see take_guests_room() */

/**
 * struct estate - a listener that waits for its successor
 * @node: in xtcp_rest.estates
 * @sk: the listener, with the reference of its file
 * @uid: the user of @sk
 * @group: the group of @sk. Once xtcp_estate_keep() has returned, @group is only compared: when an
 *	administrator ends @sk, the group may be freed
 * @until: when it ends, in jiffies
 */
struct estate {
	struct list_head node;
	struct sock *sk;
	kuid_t uid;
	const struct xtcp_group *group;
	unsigned long until;
};

/* guards guest_estates and xtcp_maker.estates; taken in process context */
static DEFINE_SPINLOCK(guests_lock);
static unsigned int guest_estates;

/* Let the work item run when the next estate is due. */
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

/*
 * Removes from the list an estate that is due. Return: NULL if none is due. The work item runs
 * again when the next estate is due.
 */
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
 * Ends one estate. While this function runs, the work item may be queued, but does not run a second
 * time. The last estate may have the last reference to the namespace, so the namespace may begin to
 * end during this function. The exits of the namespace and of the module wait for this function.
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

/**
 * xtcp_estate_net_init() - set up the empty list of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_estate_net_init(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	spin_lock_init(&rest->estates_lock);
	INIT_LIST_HEAD(&rest->estates);
	rest->estates_len = 0;
	INIT_DELAYED_WORK(&rest->estates_work, end_due_estates);
	return 0;
}

/**
 * xtcp_estate_net_exit() - wait until the last estate of a namespace has ended
 * @xn: the namespace; nothing refers to it any more
 *
 * Context: process, namespace exit.
 */
void xtcp_estate_net_exit(struct xtcp_net *xn)
{
	cancel_delayed_work_sync(&xn->rest->estates_work);
	WARN_ON_ONCE(!list_empty(&xn->rest->estates));
}

/* Takes one of the places of all guests. Return: false if the maker of the guest gets none. */
static bool take_guests_room(struct xtcp_maker *maker)
{
	bool has_room;

	spin_lock(&guests_lock);
	/* a maker needs fewer places than are free */
	has_room = maker->estates < ESTATES_OF_GUESTS - guest_estates;
	if (has_room) {
		guest_estates++;
		maker->estates++;
	}
	spin_unlock(&guests_lock);
	return has_room;
}

/*
 * May one more listener of this user wait? Return: false at a limit. If true, a guest's listener is
 * counted in guest_estates.
 */
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

/* Adds @estate to the list of the namespace. Return: false at a limit. */
static bool list_estate(struct xtcp_net *xn, struct estate *estate)
{
	bool has_room;

	spin_lock(&xn->rest->estates_lock);
	has_room = take_room(xn, estate);
	if (has_room) {
		list_add_tail(&estate->node, &xn->rest->estates);
		xn->rest->estates_len++;
		/* a successor that has joined may not have found this estate: end the estate now */
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
 * @sk waits if net.xtcp.migrate_req and migrate_wait_ms are set, @sk has SO_REUSEPORT, and no other
 * member of its group has a program. But @sk does not wait at a limit of estates, or without
 * memory. A socket of the kernel does not wait, either: it need not have a reference to the
 * namespace.
 *
 * Context: process, may sleep. Lock: socket, held.
 *
 * Return: true when @sk waits. The estate then owns the file's reference, and references to the
 * namespace and the module. The work item may end @sk as soon as the caller releases the lock.
 * False when the caller has to end @sk.
 */
bool xtcp_estate_keep(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_net *xn = xtcp_net_of(sk);
	int ms = READ_ONCE(xn->sysctl.migrate_wait_ms);
	struct estate *estate;

	sock_owned_by_me(sk);
	if (!xtcp_group_close(listener) || !ms || !READ_ONCE(xn->sysctl.migrate_req) || !sk->sk_reuseport)
		return false;
	if (sk->sk_kern_sock || !sk->sk_net_refcnt)
		return false;
	/*
	 * not charged to a cgroup. If the server was killed at the memory limit of its cgroup, a
	 * charge might fail, and the listener could not wait
	 */
	estate = kmalloc(sizeof(*estate), GFP_KERNEL);
	if (!estate)
		return false;
	estate->sk = sk;
	estate->uid = sk->sk_uid;
	estate->group = listener->group;
	/* one more tick, since the present one began a while ago: not before @ms are over */
	estate->until = jiffies + msecs_to_jiffies(ms) + 1;
	/* safe, because the descriptor that is being closed still has a reference to the module */
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
 * Ends the wait of @sk, if @sk is an estate, or of all estates of @group. The work item then ends
 * these estates, one in each run. Either @sk or @group is NULL.
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
 * Context: process. Lock: socket, held.
 */
void xtcp_estate_claim(struct sock *sk)
{
	sock_owned_by_me(sk);
	end_now(xtcp_net_of(sk), NULL, xtcp_endpoint(sk)->listener->group);
}

/**
 * xtcp_estate_hurry() - an administrator has ended a listener: if it is an estate, end its wait
 * @sk: no longer in LISTEN
 *
 * Nothing is left to hand over. The port, the namespace and the module become free.
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_estate_hurry(const struct sock *sk)
{
	sock_owned_by_me(sk);
	end_now(xtcp_net_of(sk), sk, NULL);
}
