// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a listener: who gets its connections.
 *
 * As in Linux, half-open entries are dropped silently, and children that nobody accepted are reset.
 * With net.xtcp.migrate_req, the other members of a SO_REUSEPORT group (the targets) take them over.
 * The target of a connection is the member that would get its SYN now, even if its queues are full.
 * But a queue inherits no more than twice the backlog (xtcp_listen_may_inherit()): otherwise a user
 * could open a member, fill and close it, again and again, and make another's queue as long as he
 * likes. What the target does not take ends as if there were none; TCPMigrateReqFailure counts it.
 *
 * The steps of a listener that ends:
 * 1. It leaves the table, so new SYNs reach its targets.
 * 2. Its entries move, a few at a time. Meanwhile third ACKs still make children of the others, and
 *    SYNs that had found the listener before step 1 still add entries.
 * 3. When no entry is left, the listener is marked as closed before its lock is released: its
 *    queues take no entry and no child any more.
 * 4. Its children move, and the program of each target is woken.
 *
 * When an entry moves, only its pointer to the listener changes, so the move needs no memory. A
 * softirq that has found an entry takes the lock of the entry's listener, and then tests whether
 * the entry has moved. If so, the target processes the segment (to_request() in in/ingress.c).
 *
 * A SYN, or an ACK with a cookie, may have found the listener before step 1, but get to its queues
 * after step 3. It is looked up again (to_next_listener()). Without a target, the SYN is dropped,
 * and the ACK answered with a RST. A target accepts the same cookies, because
 * xtcp_entry_note_declined() counts for all members. An ICMP error for an entry may be lost: it
 * then lives until its last timeout.
 *
 * A listener looks for targets after it has left the table, so a target leaves the table later, and
 * its lock always nests inside the listener's. If it is closed, the next lookup finds another one.
 *
 * net.xtcp.migrate_wait_ms: the last member of a group waits for a successor after its program has
 * closed it, so that a server can end before its next version listens. Such a listener, a handover,
 * keeps its port, entries and children; new connections still queue, up to the backlog. When a new
 * listener joins the group, which only a program of the same user can, the handover ends at once, and
 * hands over its connections, unless migrate_req has become 0. When its time is over, it ends like
 * a listener without targets. A later change of migrate_wait_ms does not affect it.
 *
 * A handover is a sock in LISTEN without a struct socket. It owns the reference of its file, and
 * holds the namespace and the module: their exits never find a handover, and rmmod fails with "in
 * use". The knob is at most 10 s, but a handover may end later: the work item of a namespace ends
 * one in each run, and users can make each slow, by many connections or by netfilter rules. So it
 * runs on an unbound workqueue.
 *
 * A group has two handovers if a successor closes before the first has ended. A handover leaves the
 * table before it looks for targets, so its connections move only to members that end later, and in
 * the end to members with a program, if there are any.
 *
 * Members may close at the same time, and a successor may join meanwhile. So xtcp_group.open counts
 * the members with a program. The last one, if it may wait, stays in the table, and the others find
 * it as their target. A successor raises the count before it looks for handovers. A handover enters
 * the list before it reads the count. So one of them notices the other.
 *
 * Any user can make many guests, and set the knobs in each. So the places that all guests share are
 * also shared by maker (memory.c): a maker gets one only while he has fewer than are free. One
 * maker alone gets half of all, a second one half of the rest; in the end, all get equally many.
 */
#include "listen/listen.h"

#include "auth/auth.h"
#include "fastopen/fastopen.h"
#include "out/out.h"
#include "ports/ports.h"
#include "sock/create.h"

/* Where to find the targets of a listener that is about to end. */
struct xtcp_migrate {
	struct xtcp_listener *from;	/* the listener */
	struct xtcp_members_key place;	/* its local address, port and device */
};

#define TAKE_BATCH	64	/* entries to move before the lock is released for a moment */

/* Only the first call counts. Return: true when no member of the group has a program any more. */
static bool close_member(struct xtcp_listener *listener)
{
	sock_owned_by_me(listener->sk);
	if (!listener->open)
		return false;
	listener->open = false;
	return atomic_dec_and_test(&listener->group->open);
}

/*
 * Must a listener, still in the table, hand over its connections? If so, fills @targets. Also if it
 * is alone in its group: as in Linux, each connection then counts as one that no target took.
 */
static bool xtcp_migrate_begin(struct xtcp_migrate *targets, struct xtcp_listener *from)
{
	const struct sock *sk = from->sk;

	sock_owned_by_me(sk);
	close_member(from);
	if (!READ_ONCE(xtcp_net_of(sk)->sysctl.migrate_req) || !from->members ||
	    !rcu_access_pointer(sk->sk_reuseport_cb))
		return false;
	targets->from = from;
	targets->place = from->members->key;
	return true;
}

static struct xtcp_listener *find_target(const struct xtcp_migrate *targets, u32 hash)
{
	struct xtcp_net *xn = xtcp_net_of(targets->from->sk);
	struct xtcp_listener *target;
	struct sock *sk;

	do {
		sk = xtcp_listeners_migrate_target(xn, &targets->place, targets->from->group, hash);
		target = sk ? xtcp_listen_queues(sk) : NULL;
		/* a target without queues has just ended: look again */
	} while (sk && !target);
	return target;
}

/* Return: false when there is no target, or it takes no more; nothing has changed then. */
static bool take_entry(const struct xtcp_migrate *targets, struct xtcp_request *he)
{
	struct xtcp_listener *target;
	int err;

	lockdep_assert_held(&targets->from->lock);
	do {
		target = find_target(targets, he->conn.hash);
		err = target ? xtcp_entry_hand_over(targets->from, target, he) : -ENOENT;
	} while (err == -EAGAIN);
	return !err;
}

/* Hands over all entries, drops those that no target takes, and closes. @children: not accepted; with references */
static void xtcp_migrate_close(const struct xtcp_migrate *targets, struct list_head *children)
{
	struct xtcp_listener *from = targets->from;
	struct xtcp_net *xn = xtcp_net_of(from->sk);
	struct xtcp_request *he;
	int n;

	might_sleep();
	do {
		rcu_read_lock();
		spin_lock_bh(&from->lock);
		for (n = 0; n < TAKE_BATCH && (he = xtcp_entry_first(from)); n++) {
			if (take_entry(targets, he)) {
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
 * Gives a child the lease of its target, so that a later abort counts for the target; not if the
 * connection has ended and given back its port. As in Linux, a child keeps the SO_REUSEADDR of the
 * listener that made it, for bind(). So if the leases differ in it, the child keeps its own, and an
 * abort counts for no listener. The old lease does not end: the listener has it.
 */
static void move_lease(struct sock *child, const struct xtcp_listener *target)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(child);
	struct xtcp_lease *old = ep->lease, *new = xtcp_endpoint(target->sk)->lease;

	lockdep_assert_held(&target->lock);
	if (!old || !xtcp_lease_admits_as(old, new))
		return;
	ep->lease = xtcp_lease_hold(new);
	xtcp_lease_put(old, child);
}

/* Return: the target; NULL if there is none, or it takes no more. */
static struct xtcp_listener *queue_at_target(const struct xtcp_migrate *targets, struct sock *child)
{
	struct xtcp_listener *target;
	bool closed, queued;

	sock_owned_by_me(child);
	do {
		target = find_target(targets, xtcp_endpoint(child)->conn.hash);
		if (!target)
			return NULL;
		spin_lock(&target->lock);
		closed = target->closed;
		queued = !closed && xtcp_listen_may_inherit(target, target->accept_len);
		if (queued) {
			move_lease(child, target);
			xtcp_acceptq_add(target, child);
		}
		spin_unlock(&target->lock);
	} while (closed);
	return queued ? target : NULL;
}

/* Hands over a child with the queue's reference, as in Linux also one that has ended. False: nothing has changed. */
static bool xtcp_migrate_child(const struct xtcp_migrate *targets, struct sock *child)
{
	struct xtcp_net *xn = xtcp_net_of(targets->from->sk);
	struct xtcp_listener *target;

	sock_hold(child);	/* once queued, the child may be accepted and closed at any time */
	local_bh_disable();
	rcu_read_lock();
	bh_lock_sock(child);
	target = queue_at_target(targets, child);
	if (target)
		xtcp_fastopen_move(child, target->sk);
	bh_unlock_sock(child);
	if (target)
		target->sk->sk_data_ready(target->sk);
	rcu_read_unlock();
	XTCP_NET_INC_STATS(xn, target ? LINUX_MIB_TCPMIGRATEREQSUCCESS : LINUX_MIB_TCPMIGRATEREQFAILURE);
	local_bh_enable();
	sock_put(child);
	return target;
}

static void listener_free_rcu(struct rcu_head *rcu)
{
	struct xtcp_listener *listener = container_of(rcu, struct xtcp_listener, rcu);

	if (listener->net)
		put_net(listener->net);
	xtcp_listen_free(listener);
}

/* Ends a child that nobody accepted. @tell: by a RST. xtcp_sock_destroy() puts the queue's reference. */
static void end_child(struct sock *child, bool tell)
{
	sock_hold(child);	/* put at the end of this function */
	spin_lock_bh(&child->sk_lock.slock);
	sock_orphan(child);
	xtcp_closed_add(child);
	xtcp_orphan_add(child);
	if (child->sk_state == TCP_CLOSE)
		xtcp_sock_destroy(child);
	else if (tell)
		xtcp_sock_abort(child, ECONNRESET, XTCP_ABORT_LISTENER);
	else
		xtcp_sock_fail(child, ECONNRESET, XTCP_ABORT_LISTENER);
	spin_unlock_bh(&child->sk_lock.slock);
	sock_put(child);
	cond_resched();
}

static void free_relay(struct rcu_head *rcu)
{
	struct xtcp_relay *relay = container_of(rcu, struct xtcp_relay, rcu);

	sock_put(relay->sk);
	kfree(relay);
}

/* Refuses chains: each build would ask the next one. Return: 0; -EBUSY: a socket was taken over; -ENOMEM. */
static int set_relay(struct xtcp_listener *listener, struct xtcp_relay __rcu **at, struct sock *sk,
		     const struct xtcp_build_calls *calls)
{
	struct xtcp_relay *relay;

	sock_owned_by_me(listener->sk);
	if (rcu_access_pointer(listener->before) || rcu_access_pointer(listener->after))
		return -EBUSY;
	relay = kmalloc(sizeof(*relay), GFP_KERNEL);
	if (!relay)
		return -ENOMEM;
	sock_hold(sk);
	relay->sk = sk;
	relay->calls = calls;
	rcu_assign_pointer(*at, relay);
	return 0;
}

static void drop_relay(struct xtcp_relay __rcu **at)
{
	struct xtcp_relay *relay = rcu_dereference_protected(*at, true);

	RCU_INIT_POINTER(*at, NULL);
	call_rcu(&relay->rcu, free_relay);
}

/**
 * xtcp_relay_follow() - @sk is about to take over the socket of @old, which drains
 * @sk: in LISTEN, but not in the table of listeners yet
 * @old: a listener of another build; NULL: @sk could not, after all
 * @calls: of that build
 * Context: process. Lock: the socket lock of @sk.
 * Return: 0, -EBUSY or -ENOMEM.
 */
int xtcp_relay_follow(struct sock *sk, struct sock *old, const struct xtcp_build_calls *calls)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;

	if (old)
		return sk->sk_user_data ? -EBUSY : set_relay(listener, &listener->before, old, calls);
	if (rcu_access_pointer(listener->before))
		drop_relay(&listener->before);
	return 0;
}

/* struct xtcp_build_calls: drain. Whom a key keeps out here must not get in there. */
int xtcp_relay_drain(struct sock *sk, struct sock *to, const struct xtcp_build_calls *calls)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	int err = 0;

	if (to) {
		err = set_relay(listener, &listener->after, to, calls);
		if (err)
			return err;
		err = xtcp_keys_give(sk, to, calls->set_key);
	}
	if (!to || err)
		drop_relay(&listener->after);
	return err;
}

/**
 * xtcp_relay_release() - forget the listener whose socket @sk has taken over
 * @sk: in LISTEN
 * Context: process. Lock: the socket lock.
 * Return: 0; -ENOENT, there is none; -EBUSY, it drains still.
 */
int xtcp_relay_release(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	const struct xtcp_relay *before;

	sock_owned_by_me(sk);
	before = rcu_dereference_protected(listener->before, true);
	if (!before)
		return -ENOENT;
	if (inet_sk_state_load(before->sk) == TCP_LISTEN)
		return -EBUSY;
	drop_relay(&listener->before);
	return 0;
}

/* From now on @sk wakes who sleeps on its own socket, and not on the one that was taken over. */
static void wake_own_socket(struct sock *sk)
{
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_socket)
		rcu_assign_pointer(sk->sk_wq, &sk->sk_socket->wq);
	write_unlock_bh(&sk->sk_callback_lock);
}

static void desert(struct sock *sk)
{
	struct xtcp_listener *listener;

	rcu_read_lock();
	listener = xtcp_listen_queues(sk);
	if (listener)
		WRITE_ONCE(listener->deserted, true);
	rcu_read_unlock();
	wake_own_socket(sk);
}

/*
 * struct xtcp_build_calls: stop. A program may keep the lock of @sk as long as it likes, and
 * SOCK_DESTROY must not wait for it. If it is not free in time, @sk takes no SYN any more.
 */
void xtcp_relay_stop(struct sock *sk)
{
	const unsigned long until = jiffies + XTCP_TELL_TIME;

	might_sleep();
	while (inet_sk_state_load(sk) == TCP_LISTEN) {
		if (xtcp_own_now(sk)) {
			if (sk->sk_state == TCP_LISTEN) {
				xtcp_endpoint(sk)->listener->tells_briefly = true;
				xtcp_listen_stop(sk);
				xtcp_state_set(sk, TCP_CLOSE);
			}
			release_sock(sk);
			return;
		}
		if (time_after(jiffies, until)) {
			desert(sk);
			return;
		}
		schedule_timeout_uninterruptible(1);
	}
}

/**
 * xtcp_relay_take() - take the oldest child of the listener whose socket @sk has taken over; or NULL
 * @sk: in LISTEN
 * Context: process. Lock: the socket lock.
 */
struct sock *xtcp_relay_take(struct sock *sk)
{
	const struct xtcp_relay *before;

	sock_owned_by_me(sk);
	before = rcu_dereference_protected(xtcp_endpoint(sk)->listener->before, true);
	return unlikely(before) ? before->calls->take(before->sk) : NULL;
}

/*
 * If it has taken over the socket of another one, nobody accepts the children of that, which ends,
 * too, if it can. If its own socket was taken over, it has woken that program: its socket may go.
 */
static void end_relays(struct xtcp_listener *listener)
{
	struct sock *sk = listener->sk;
	struct xtcp_relay *before;

	sock_owned_by_me(sk);
	before = rcu_dereference_protected(listener->before, true);
	if (before) {
		before->calls->stop(before->sk);
		/* a call of the program may still have that sock: it stays as long as @sk (free_parts() in create.c) */
		sock_hold(before->sk);
		__rcu_assign_sk_user_data_with_flags(sk, before->sk, SK_USER_DATA_NOCOPY);
		drop_relay(&listener->before);
	}
	if (!rcu_access_pointer(listener->after))
		return;
	wake_own_socket(sk);
	drop_relay(&listener->after);
}

/**
 * xtcp_listen_stop() - end a listener, for close(), shutdown(), disconnect or SOCK_DESTROY
 * @sk: in LISTEN; the caller then sets CLOSED. It keeps its port
 *
 * A program spends its own time on the RSTs, so all of them are sent. But if others may wait, for a
 * worker of the kernel or SOCK_DESTROY, RSTs are sent only for XTCP_TELL_TIME. Other peers get one
 * for their next segment, but not signed: with MD5 or TCP-AO they give up after their own timeouts.
 * Context: process, may sleep.
 */
void xtcp_listen_stop(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_endpoint *child, *next;
	struct xtcp_migrate targets;
	LIST_HEAD(children);
	unsigned long told_until;
	bool hands_over;

	sock_owned_by_me(sk);
	end_relays(listener);
	hands_over = xtcp_migrate_begin(&targets, listener);
	xtcp_listeners_remove(sk);
	if (hands_over) {
		xtcp_migrate_close(&targets, &children);
	} else {
		spin_lock_bh(&listener->lock);
		xtcp_acceptq_close(listener, &children);
		spin_unlock_bh(&listener->lock);
	}
	xtcp_entry_stop(listener);

	told_until = jiffies + XTCP_TELL_TIME;
	list_for_each_entry_safe(child, next, &children, accept_node) {
		list_del_init(&child->accept_node);
		if (!hands_over || !xtcp_migrate_child(&targets, xtcp_sk_of(child)))
			end_child(xtcp_sk_of(child), !listener->tells_briefly || time_before(jiffies, told_until));
	}
	if (xtcp_endpoint(sk)->lease)
		xtcp_lease_unlisten(xtcp_endpoint(sk)->lease);
	/* who sees NULL also sees that the listener has left the table, and its entries were dropped */
	smp_store_release(&xtcp_endpoint(sk)->listener, NULL);
	/* the next listen() waits until the segments that have found an entry were processed */
	xtcp_endpoint(sk)->left_table = get_state_synchronize_rcu();
	/* such a segment may be making a child, with a reference to the namespace: keep one until then */
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

struct handover {
	struct list_head node;		/* in xtcp_rest.handovers */
	struct sock *sk;		/* the listener, with the reference of its file */
	kuid_t uid;			/* the user of @sk */
	const struct xtcp_group *group;	/* only compared: when an administrator ends @sk, it may be freed */
	unsigned long until;		/* when it ends, in jiffies */
};

/* guards guest_handovers and xtcp_maker.handovers; process context */
static DEFINE_SPINLOCK(guests_lock);
static unsigned int guest_handovers;

static void arm_handovers(struct xtcp_net *xn)
{
	const unsigned long now = jiffies;
	unsigned long first = MAX_JIFFY_OFFSET;
	const struct handover *handover;

	lockdep_assert_held(&xn->rest->handovers_lock);
	list_for_each_entry(handover, &xn->rest->handovers, node)
		first = min(first, time_after(handover->until, now) ? handover->until - now : 0);
	if (list_empty(&xn->rest->handovers))
		return;
	cancel_delayed_work(&xn->rest->handovers_work);
	queue_delayed_work(system_dfl_wq, &xn->rest->handovers_work, first);
}

/* Takes a handover that is due off the list, or NULL. The work item runs again for the next one. */
static struct handover *take_due(struct xtcp_net *xn)
{
	struct handover *handover, *due = NULL;

	spin_lock(&xn->rest->handovers_lock);
	list_for_each_entry(handover, &xn->rest->handovers, node) {
		if (time_before(jiffies, handover->until))
			continue;
		due = handover;
		list_del(&due->node);
		xn->rest->handovers_len--;
		break;
	}
	arm_handovers(xn);
	spin_unlock(&xn->rest->handovers_lock);
	return due;
}

/*
 * Ends one handover, which may have the last reference to the namespace. The exits of namespace and
 * module wait for this function, which does not run twice at once.
 */
static void end_due_handovers(struct work_struct *work)
{
	struct xtcp_rest *rest = container_of(to_delayed_work(work), struct xtcp_rest, handovers_work);
	struct handover *handover = take_due(rest->xn);

	if (!handover)
		return;
	handover->sk->sk_prot->close(handover->sk, 0);
	if (rest->maker) {
		spin_lock(&guests_lock);
		guest_handovers--;
		rest->maker->handovers--;
		spin_unlock(&guests_lock);
	}
	kfree(handover);
}

static int handover_net_init(struct xtcp_net *xn)
{
	spin_lock_init(&xn->rest->handovers_lock);
	INIT_LIST_HEAD(&xn->rest->handovers);
	INIT_DELAYED_WORK(&xn->rest->handovers_work, end_due_handovers);
	return 0;
}

/* Nothing refers to the namespace any more: waits until its last handover has ended. */
static void handover_net_exit(struct xtcp_net *xn)
{
	cancel_delayed_work_sync(&xn->rest->handovers_work);
	WARN_ON_ONCE(!list_empty(&xn->rest->handovers));
}

const struct xtcp_net_part xtcp_handover_part = { handover_net_init, handover_net_exit };

/* Takes one of the places of all guests, for a maker who has fewer than are free. */
static bool take_guests_room(struct xtcp_maker *maker)
{
	bool has_room;

	spin_lock(&guests_lock);
	has_room = maker->handovers < ESTATES_OF_GUESTS - guest_handovers;
	if (has_room) {
		guest_handovers++;
		maker->handovers++;
	}
	spin_unlock(&guests_lock);
	return has_room;
}

/* May one more listener of this user wait? If so, a guest's is counted in guest_handovers. */
static bool take_room(struct xtcp_net *xn, const struct handover *handover)
{
	const struct handover *other;
	unsigned int of_user = 0;

	lockdep_assert_held(&xn->rest->handovers_lock);
	if (xn->is_guest)
		return xn->rest->handovers_len < ESTATES_OF_GUEST && take_guests_room(xn->rest->maker);
	list_for_each_entry(other, &xn->rest->handovers, node)
		of_user += uid_eq(other->uid, handover->uid);
	return xn->rest->handovers_len < ESTATES_MAX && of_user < ESTATES_OF_USER;
}

static bool list_handover(struct xtcp_net *xn, struct handover *handover)
{
	bool has_room;

	spin_lock(&xn->rest->handovers_lock);
	has_room = take_room(xn, handover);
	if (has_room) {
		list_add_tail(&handover->node, &xn->rest->handovers);
		xn->rest->handovers_len++;
		/* a successor that has joined may not have found this handover */
		if (atomic_read(&handover->group->open))
			handover->until = jiffies;
		arm_handovers(xn);
	}
	spin_unlock(&xn->rest->handovers_lock);
	return has_room;
}

/**
 * xtcp_handover_keep() - close() of a listener: shall it wait for a successor?
 * @sk: in LISTEN
 *
 * It does if net.xtcp.migrate_req and migrate_wait_ms are set, it has SO_REUSEPORT, and no other
 * member of its group has a program; not at a limit, without memory, or for a socket of the kernel,
 * which need not have a reference to the namespace.
 * Context: process, may sleep.
 * Return: true when @sk waits: the handover owns the file's reference, and the work item may end @sk
 * as soon as the lock is released. False when the caller has to end @sk.
 */
bool xtcp_handover_keep(struct sock *sk)
{
	struct xtcp_listener *listener = xtcp_endpoint(sk)->listener;
	struct xtcp_net *xn = xtcp_net_of(sk);
	int ms = READ_ONCE(xn->sysctl.migrate_wait_ms);
	struct handover *handover;

	sock_owned_by_me(sk);
	if (!close_member(listener) || !ms || !READ_ONCE(xn->sysctl.migrate_req) || !sk->sk_reuseport)
		return false;
	if (rcu_access_pointer(listener->before) || rcu_access_pointer(listener->after))
		return false;
	if (sk->sk_kern_sock || !sk->sk_net_refcnt)
		return false;
	/* not charged to a cgroup: if the server was killed at its memory limit, a charge might fail */
	handover = kmalloc(sizeof(*handover), GFP_KERNEL);
	if (!handover)
		return false;
	handover->sk = sk;
	handover->uid = sk->sk_uid;
	handover->group = listener->group;
	/* one more tick, since the present one began a while ago */
	handover->until = jiffies + msecs_to_jiffies(ms) + 1;
	if (!list_handover(xn, handover)) {
		kfree(handover);
		return false;
	}
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, NULL);
	/* a softirq that queues a child looks for sleepers without this lock */
	RCU_INIT_POINTER(sk->sk_wq, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
	listener->tells_briefly = true;
	return true;
}

/**
 * xtcp_handover_end() - end the waits of handovers; the work item then ends one in each run
 * @xn: the namespace
 * @sk: only of this listener, if it is a handover: an administrator has ended it
 * @group: only of the handovers of this group, which a listener has joined. If both are NULL, of all:
 *	the module is to be unloaded
 * Context: process.
 */
void xtcp_handover_end(struct xtcp_net *xn, const struct sock *sk, const struct xtcp_group *group)
{
	struct handover *handover;
	bool found = false;

	spin_lock(&xn->rest->handovers_lock);
	list_for_each_entry(handover, &xn->rest->handovers, node) {
		if ((sk || group) && handover->sk != sk && handover->group != group)
			continue;
		handover->until = jiffies;
		found = true;
	}
	if (found)
		arm_handovers(xn);
	spin_unlock(&xn->rest->handovers_lock);
}
