// SPDX-License-Identifier: GPL-2.0
/*
 * What holds the module beside descriptors: socks without a program whose segments are below TCP.
 *
 * A segment on its way out has its sock, and that has functions and a slab of this module. It may wait in a qdisc or in
 * a queue of netfilter for as long as somebody likes, and any user can make both in a namespace of his own. The end of
 * the module would have to wait for it, in a state that no signal ends, while no program can open a socket any more. So
 * rmmod has to say "in use", at once.
 *
 * As long as a descriptor is open that does so. When the last one is closed, xtcp_held_let_go() looks whether anything
 * is below, and then the sock holds the module. One that sends without a program holds it before it does: when that
 * cannot be had, the module is on its way out and the segment stays here. Afterwards it is given back at once, unless
 * the segment is still there.
 *
 * Most of what is below counts in sk_wmem_alloc. But netem makes a reference to the sock of that, and queues of
 * netfilter and SYN-ACKs have one. So everybody's references are counted, and what is left over is somebody's below. A
 * processor that is about to handle a segment or a timer of the sock has one, too; it is soon done with it, and close()
 * waits for that a little.
 *
 * The hold goes back with the last segment: from the first one on that it is for the sock has no SOCK_USE_WRITE_QUEUE,
 * and sock_wfree() calls sk_write_space for each. That has module text run, but the segment's last octet is taken off
 * sk_wmem_alloc only afterwards, so that the end of the module waits for it. Of what has only a reference nobody tells:
 * then it goes back when the sock ends or is freed, and one that lives on is looked at some times in a second. A kernel
 * for one processor does that with all of them.
 *
 * Each processor has a list, so that they do not meet at a lock when the last segment of each connection is with a
 * device for a moment; the module is held once for each list that is not empty.
 */
#include "base/held.h"

#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "base/netns.h"
#include "base/orphan.h"
#include "base/sock.h"
#include "time/pace.h"
#include "time/thirdack.h"

#define LOOK_AFTER	(HZ / 50)
#define LOOKS_MAX	64U	/* at those of one list, in one run */
#define TRIES		200U	/* of close(), some ten microseconds */
#define ROW_MAX		160	/* characters */

/**
 * struct held_list - socks that hold the module, the one that was looked at last behind
 * @lock: of the rest, and of the sock's held_node, held_round; taken with BH disabled, innermost, or with interrupts
 *	disabled where any lock may be held
 * @socks: they; not initialized before the first one
 * @count: how many there are
 * @round: how often they were looked at
 */
struct held_list {
	spinlock_t lock;	/* of the rest */
	struct list_head socks;
	unsigned int count;
	u8 round;
};

static DEFINE_PER_CPU(struct held_list, held_lists) = {
	.lock = __SPIN_LOCK_UNLOCKED(held_lists.lock),
};

static void look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(held_work, look_again);

/* False: the module is on its way out. Lock: the socket's, unless nobody else can have @sk. */
static bool hold(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct held_list *here;
	bool good;

	if (xsk->held_at)
		return true;
	BUILD_BUG_ON(CONFIG_NR_CPUS >= U16_MAX);
	local_bh_disable();
	here = this_cpu_ptr(&held_lists);
	spin_lock(&here->lock);
	good = here->count || try_module_get(THIS_MODULE);
	if (good) {
		if (!here->count)
			INIT_LIST_HEAD(&here->socks);
		WRITE_ONCE(here->count, here->count + 1);
		list_add_tail(&xsk->held_node, &here->socks);
		xsk->held_round = here->round;
		WRITE_ONCE(xsk->held_at, smp_processor_id() + 1);
		/* there is a call of xtcp_held_segment_freed() from now on */
		if (sock_flag(sk, SOCK_USE_WRITE_QUEUE))
			sock_reset_flag(sk, SOCK_USE_WRITE_QUEUE);
		/*
		 * While the hold is there: so module exit, which comes after it, cancels this work. If it waits
		 * already, all processors only read the line that says so. Then it sees this sock: workqueues have a
		 * full barrier between the end of the wait and look_again(), which pairs with this one.
		 */
		smp_mb();
		if (!delayed_work_pending(&held_work))
			schedule_delayed_work(&held_work, LOOK_AFTER);
	}
	spin_unlock(&here->lock);
	local_bh_enable();
	return good;
}

/* True: it was the last, and the module is to be put. Lock: the list's and that of hold(). */
static bool take_off_list(struct held_list *there, struct xtcp_sock *xsk)
{
	lockdep_assert_held(&there->lock);
	list_del(&xsk->held_node);
	WRITE_ONCE(xsk->held_at, 0);
	WRITE_ONCE(there->count, there->count - 1);
	return !there->count;
}

static struct held_list *held_list_of(const struct xtcp_sock *xsk)
{
	return per_cpu_ptr(&held_lists, xsk->held_at - 1);
}

/* Lock: as hold(). */
static void give_back(struct sock *sk)
{
	struct held_list *there = held_list_of(xtcp_sk(sk));
	unsigned long irq;
	bool was_last;

	spin_lock_irqsave(&there->lock, irq);
	was_last = take_off_list(there, xtcp_sk(sk));
	spin_unlock_irqrestore(&there->lock, irq);
	/* what follows in this module is waited for: a softirq, an RCU callback, the work */
	if (was_last)
		module_put(THIS_MODULE);
}

/* One octet is its own, and one of a segment that is just freed (sock_wfree()); there is none with fewer than two. */
static bool has_memory_below(const struct sock *sk)
{
	return refcount_read(&sk->sk_wmem_alloc) > 2;
}

/* References of a sock without a program that are not from below, but for those who look at it just now. */
static unsigned int own_references(const struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE)
		return !sock_flag(sk, SOCK_DEAD);	/* the accept queue's */
	/* that which ends with the connection, the table's, the timers' */
	return 2 + timer_pending(&sk->sk_timer) + xtcp_pace_is_queued(sk);
}

/**
 * xtcp_held_is_below() - is anything of a sock without a program below TCP?
 * @sk: the sock
 * @callers: references that the caller has
 *
 * Also true while others are about to take the lock, each with a reference.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: true when there is.
 */
bool xtcp_held_is_below(const struct sock *sk, unsigned int callers)
{
	sock_owned_by_me(sk);
	/* pairs with early.c: from SOCK_DEAD on no arriving segment gets a reference */
	smp_mb();
	if (has_memory_below(sk))
		return true;
	/* netem has the reference before it lets go of the memory */
	smp_rmb();
	return refcount_read(&sk->sk_refcnt) > callers + own_references(sk);
}

/**
 * xtcp_held_before_sending() - a segment leaves that no descriptor answers for
 * @sk: without a program
 *
 * xtcp_held_look() comes afterwards.
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: false when the module is on its way out: it must not leave.
 */
bool xtcp_held_before_sending(struct sock *sk)
{
	sock_owned_by_me(sk);
	return hold(sk);
}

/**
 * xtcp_held_name_listener() - a listener is about to end: what it was, for those who ask what holds the module
 * @sk: in LISTEN
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_held_name_listener(struct sock *sk)
{
	struct xtcp_conn *conn = &xtcp_sk(sk)->conn;

	sock_owned_by_me(sk);
	conn->net_id = xtcp_net_of(sk)->id;
	conn->lport = inet_sk(sk)->inet_sport;
	conn->fport = 0;
	conn->v4 = sk->sk_family == AF_INET;
	memset(&conn->laddr6, 0, sizeof(conn->laddr6));
	memset(&conn->faddr6, 0, sizeof(conn->faddr6));
	if (conn->v4)
		conn->laddr4 = sk->sk_rcv_saddr;
	else
		conn->laddr6 = *inet6_rcv_saddr(sk);
}

/**
 * xtcp_held_look() - if nothing of a sock is below TCP any more, it does not hold the module
 * @sk: the sock
 * @callers: references that the caller has
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_held_look(struct sock *sk, unsigned int callers)
{
	sock_owned_by_me(sk);
	if (xtcp_sk(sk)->held_at && (sk->sk_socket || !xtcp_held_is_below(sk, callers)))
		give_back(sk);
}

/* It has ended: segments that wait must not keep the namespace alive, whose end would take them along. */
static void hold_dead(struct sock *sk)
{
	hold(sk);
	local_bh_disable();
	xtcp_orphan_leave_netns(sk);
	local_bh_enable();
}

/*
 * True: nothing is below any more, and the module is to be put. The socket lock nests outside: it is not waited for.
 *
 * A kernel for one processor has no lock that could say whether it is held. Nobody else has it there, since who holds
 * it has BH disabled; but this call's own callers may, and what they are in the middle of must not change under them.
 */
static bool was_last_below(struct held_list *there, struct sock *sk, u16 at)
{
	bool was_last;

	lockdep_assert_held(&there->lock);
	if (!IS_ENABLED(CONFIG_SMP) || !spin_trylock(&sk->sk_lock.slock))
		return false;
	was_last = !sock_owned_by_user(sk) && xtcp_sk(sk)->held_at == at && !xtcp_held_is_below(sk, 0) &&
		   take_off_list(there, xtcp_sk(sk));
	spin_unlock(&sk->sk_lock.slock);
	return was_last;
}

/**
 * xtcp_held_segment_freed() - a segment of a sock that holds the module is gone: was it the last?
 * @sk: the sock; the segment still keeps its memory
 *
 * Who has the lock meanwhile looks by himself, if he sends; otherwise, and in kernels for one processor, the work does.
 *
 * Context: any in which an skb may be freed. The caller may have the socket lock, or any other.
 */
void xtcp_held_segment_freed(struct sock *sk)
{
	const u16 at = READ_ONCE(xtcp_sk(sk)->held_at);
	struct held_list *there;
	unsigned long irq;
	bool was_last;

	if (!at)
		return;
	there = per_cpu_ptr(&held_lists, at - 1);
	spin_lock_irqsave(&there->lock, irq);
	was_last = was_last_below(there, sk, at);
	spin_unlock_irqrestore(&there->lock, irq);
	if (was_last)
		module_put(THIS_MODULE);
}

/*
 * Nobody else has @sk, and from here on nobody can get it: what is below now is all there is. If it is held for nothing
 * that goes back when it is freed: without the lock xtcp_held_segment_freed() may be about to give it back.
 */
static bool free_if_last(struct sock *sk)
{
	if (!refcount_dec_if_one(&sk->sk_refcnt))
		return false;
	if (has_memory_below(sk))
		hold_dead(sk);
	sk_free(sk);
	return true;
}

/* True: @sk holds the module, or it lives and needs not. @last: for want of a better answer it does. */
static bool is_settled(struct sock *sk, bool last)
{
	bool settled;

	local_bh_disable();
	bh_lock_sock(sk);
	settled = sk->sk_state != TCP_CLOSE && !xtcp_held_is_below(sk, 1);
	if (settled) {
		xtcp_held_look(sk, 1);
	} else if (last || has_memory_below(sk)) {
		if (sk->sk_state == TCP_CLOSE)
			hold_dead(sk);
		else
			hold(sk);
		settled = true;
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	return settled;
}

/**
 * xtcp_held_let_go() - a descriptor is about to be closed that has held the module for a sock
 * @sk: without a program from now on; the caller's reference is used up
 *
 * Context: process, BH enabled; the descriptor still holds the module. No lock; takes that of the socket.
 */
void xtcp_held_let_go(struct sock *sk)
{
	unsigned int tries = num_online_cpus() > 1 ? TRIES : 2;

	if (free_if_last(sk))
		return;
	xtcp_thirdack_forget(sk, false);
	while (!is_settled(sk, !--tries)) {
		if (free_if_last(sk))
			return;
		if (tries == TRIES / 2)
			xtcp_thirdack_forget(sk, true);
		cpu_relax();
	}
	sock_put(sk);
}

/**
 * xtcp_held_freed() - nothing has a sock any more
 * @sk: its memory is given back next
 *
 * Context: RCU callback. The end of the module waits for those.
 */
void xtcp_held_freed(struct sock *sk)
{
	if (unlikely(xtcp_sk(sk)->held_at))
		give_back(sk);
}

/* The next one that is due, with a reference; NULL in @sk: one that is gone but for its memory. False: none is due. */
static bool next_due(struct held_list *there, struct sock **sk)
{
	struct xtcp_sock *xsk;
	bool is_due;

	spin_lock_bh(&there->lock);
	xsk = there->count ? list_first_entry(&there->socks, struct xtcp_sock, held_node) : NULL;
	is_due = xsk && xsk->held_round != there->round;
	if (is_due) {
		list_move_tail(&xsk->held_node, &there->socks);
		xsk->held_round = there->round;
		*sk = refcount_inc_not_zero(&xtcp_sk_of(xsk)->sk_refcnt) ? xtcp_sk_of(xsk) : NULL;
	}
	spin_unlock_bh(&there->lock);
	return is_due;
}

static void look_at(struct held_list *there)
{
	unsigned int looks = LOOKS_MAX;
	struct sock *sk;

	while (looks-- && next_due(there, &sk)) {
		if (!sk)
			continue;
		local_bh_disable();
		bh_lock_sock(sk);
		/* a program has it only for a moment, or has got it by accept() */
		if (!sock_owned_by_user(sk))
			xtcp_held_look(sk, 1);
		bh_unlock_sock(sk);
		local_bh_enable();
		sock_put(sk);
	}
	spin_lock_bh(&there->lock);
	there->round++;
	spin_unlock_bh(&there->lock);
}

static unsigned int count_held(void)
{
	unsigned int sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(held_lists, cpu).count);
	return sum;
}

static void look_again(struct work_struct *work)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		look_at(per_cpu_ptr(&held_lists, cpu));
		cond_resched();
	}
	if (count_held())
		schedule_delayed_work(&held_work, LOOK_AFTER);
}

/**
 * xtcp_held_exit() - nobody looks any more
 *
 * Context: process, module exit: nothing holds the module.
 */
void xtcp_held_exit(void)
{
	cancel_delayed_work_sync(&held_work);
}

/* As in /proc/PID/ns/net; 0: the namespace is gone. */
static unsigned int inum_of(u32 id)
{
	unsigned int inum = 0;
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net) {
		const struct xtcp_net *xn = xtcp_net(net);

		if (xtcp_netns_is_started(xn) && xn->id == id) {
			inum = net->ns.inum;
			break;
		}
	}
	rcu_read_unlock();
	return inum;
}

static int write_row(char *buf, size_t room, const struct xtcp_conn *conn)
{
	if (conn->v4)
		return scnprintf(buf, room, "net:[%u] %pI4:%u %pI4:%u\n", inum_of(conn->net_id), &conn->laddr4,
				 ntohs(conn->lport), &conn->faddr4, ntohs(conn->fport));
	return scnprintf(buf, room, "net:[%u] [%pI6c]:%u [%pI6c]:%u\n", inum_of(conn->net_id), &conn->laddr6,
			 ntohs(conn->lport), &conn->faddr6, ntohs(conn->fport));
}

static int read_held(char *buf, const struct kernel_param *param)
{
	return scnprintf(buf, PAGE_SIZE, "%u\n", count_held());
}

/* As many as there is room for. */
static int read_held_by(char *buf, const struct kernel_param *param)
{
	const struct xtcp_sock *xsk;
	int cpu, len = 0;

	for_each_possible_cpu(cpu) {
		struct held_list *there = per_cpu_ptr(&held_lists, cpu);

		spin_lock_bh(&there->lock);
		if (there->count) {
			list_for_each_entry(xsk, &there->socks, held_node) {
				if (len > PAGE_SIZE - ROW_MAX)
					break;
				len += write_row(buf + len, PAGE_SIZE - len, &xsk->conn);
			}
		}
		spin_unlock_bh(&there->lock);
	}
	return len;
}

static const struct kernel_param_ops held_ops = { .get = read_held };
static const struct kernel_param_ops held_by_ops = { .get = read_held_by };

module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "read only: sockets that hold the module, as their segments wait below TCP");
module_param_cb(held_by, &held_by_ops, NULL, 0400);
MODULE_PARM_DESC(held_by, "read only: their namespaces and addresses, as many as there is room for");
