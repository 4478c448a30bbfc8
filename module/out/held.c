// SPDX-License-Identifier: GPL-2.0
/*
 * A sock without a program (its descriptor is closed, or accept() has not returned it yet) that has
 * segments below TCP (in IP, netfilter, a qdisc or a device) holds the module: it is on a list of
 * this file, and each list that is not empty has a reference to the module.
 *
 * Such a segment refers to its sock, which uses functions and a slab of this module. It may wait in
 * a qdisc or in a queue of netfilter for any time, and any user can create such a queue in a
 * namespace of his own. Module exit must not wait for it: no signal would end the wait, and no
 * program could open a socket meanwhile. So rmmod has to fail at once, with "in use".
 *
 * An open descriptor holds the module. If it is closed while a segment is below TCP, the sock does
 * so instead (create.c). A dead sock (SOCK_DEAD) that has to send must first hold the module. If
 * that fails, the module is being removed, and the segment is not sent. After the transmission the
 * sock lets go, unless the segment is still below TCP.
 *
 * Most segments below TCP count in sk_wmem_alloc. But SYN-ACKs, segments in netem, and those in a
 * queue of netfilter have a reference to the sock. So this file counts the references whose owners
 * it knows, and assumes that any other belongs to a segment. This may be wrong for a processor that
 * is about to handle a segment or a timer, so close() waits for a short time. The kernel's record
 * of a zerocopy write (socket/sendmsg.c) also has one, so an orphan with such pages holds the
 * module.
 *
 * Meanwhile SOCK_USE_WRITE_QUEUE is clear, so sock_wfree() calls sk_write_space for each segment.
 * This runs code of the module, which is safe: only after the call, sock_wfree() subtracts the
 * segment's last octet from sk_wmem_alloc, for which module exit waits. A segment that does not
 * count there is freed without this call: then a work item looks, up to 50 times per second, and
 * other checks follow when the sock sends or ends. In a kernel for one processor,
 * xtcp_held_segment_freed() does nothing, so the work item has to check every sock.
 *
 * Each processor has a list of its own. The last segment of nearly every connection is in a device
 * for a moment, so processors would contend for the lock of a common list.
 */
#include "out/out.h"

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <net/tcp_states.h>

#include "base/base.h"
#include "base/endpoint.h"
#include "time/time.h"

#define LOOK_AFTER	(HZ / 50)
#define LOOKS_MAX	64U	/* limit of socks that one run of the work item checks, per list */
#define ROW_MAX		160	/* most characters in a row of held_by */
/* however short they are */
#define ROWS_MAX	(PAGE_SIZE / (sizeof("net:[0] 0.0.0.0:0 0.0.0.0:0\n") - 1))

/**
 * struct held_list - socks that hold the module, linked by sk_bind_node
 * @lock: guards the other fields, and sk_bind_node of the socks. Its holder takes no other lock
 *	of ours, except by spin_trylock(). It disables interrupts, because xtcp_held_segment_freed()
 *	may run under a lock that hard interrupts take, too
 * @due: socks that this round of the work item has yet to check
 * @later: the other socks; once @due is empty, all of them move to @due
 * @count: number of socks in @due and @later
 *
 * sk_bind_node is free: these socks are never in kernel TCP's bind table.
 */
struct held_list {
	spinlock_t lock;	/* see @lock above */
	struct hlist_head due;
	struct hlist_head later;
	unsigned int count;
};

static DEFINE_PER_CPU(struct held_list, held_lists) = {
	.lock = __SPIN_LOCK_UNLOCKED(held_lists.lock),
};

static void look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(held_work, look_again);

/**
 * xtcp_held_take() - let a sock without a program hold the module
 * @sk: the socket
 *
 * Context: softirq or process. Lock: the socket's, unless no other thread can reach @sk.
 *
 * Return: false when the module is being removed.
 */
bool xtcp_held_take(struct sock *sk)
{
	struct xtcp_endpoint *ep = xtcp_endpoint(sk);
	struct held_list *here;
	unsigned long irq;
	bool good;

	if (ep->held_at)
		return true;
	BUILD_BUG_ON(CONFIG_NR_CPUS >= U16_MAX);
	local_bh_disable();
	here = this_cpu_ptr(&held_lists);
	spin_lock_irqsave(&here->lock, irq);
	good = here->count || try_module_get(THIS_MODULE);
	if (good) {
		WRITE_ONCE(here->count, here->count + 1);
		sk_add_bind_node(sk, &here->later);
		WRITE_ONCE(ep->held_at, smp_processor_id() + 1);
		/* from now on sock_wfree() calls xtcp_sndbuf_write_space() */
		if (sock_flag(sk, SOCK_USE_WRITE_QUEUE))
			sock_reset_flag(sk, SOCK_USE_WRITE_QUEUE);
		/*
		 * schedule the work item while the list is locked: this sock keeps the module, so
		 * exit cannot have cancelled the work item. All processors share its memory, so do
		 * not write to it if it is pending. That run will see this sock: smp_mb() pairs
		 * with the full barrier of workqueues between the end of the delay and look_again()
		 */
		smp_mb();
		if (!delayed_work_pending(&held_work))
			schedule_delayed_work(&held_work, LOOK_AFTER);
	}
	spin_unlock_irqrestore(&here->lock, irq);
	local_bh_enable();
	return good;
}

/*
 * Return: true when the list is empty now; the caller then has to call module_put(). The caller
 * also has the socket lock, unless no other thread can reach the sock.
 */
static bool take_off_list(struct held_list *there, struct xtcp_endpoint *ep)
{
	lockdep_assert_held(&there->lock);
	__sk_del_bind_node(xtcp_sk_of(ep));
	WRITE_ONCE(ep->held_at, 0);
	WRITE_ONCE(there->count, there->count - 1);
	return !there->count;
}

static struct held_list *held_list_of(const struct xtcp_endpoint *ep)
{
	return per_cpu_ptr(&held_lists, ep->held_at - 1);
}

/* The caller has the socket lock, unless no other thread can reach @sk. */
static void give_back(struct sock *sk)
{
	struct held_list *there = held_list_of(xtcp_endpoint(sk));
	unsigned long irq;
	bool was_last;

	spin_lock_irqsave(&there->lock, irq);
	was_last = take_off_list(there, xtcp_endpoint(sk));
	spin_unlock_irqrestore(&there->lock, irq);
	/*
	 * module exit may begin now. But it waits for softirqs, RCU callbacks and the work item,
	 * and if a system call runs this, the program's socket still holds the module
	 */
	if (was_last)
		module_put(THIS_MODULE);
}

/*
 * The references to a sock without a program, but for those of segments below TCP, and of
 * processors that handle it now.
 */
static unsigned int own_references(const struct sock *sk)
{
	if (sk->sk_state == TCP_CLOSE)
		/* not SOCK_DEAD: the accept queue has it */
		return !sock_flag(sk, SOCK_DEAD);
	/*
	 * the table of connections; the file or the accept queue, until the connection has ended;
	 * each pending timer
	 */
	return 2 + xtcp_clock_timer_pending(&sk->sk_timer) + xtcp_pace_is_queued(sk);
}

/**
 * xtcp_held_is_below() - does a sock without a program have a segment in IP, a qdisc or a device?
 * @sk: the sock
 * @callers: number of references that the caller has
 *
 * Also true while another processor has a reference and is about to take the socket lock.
 */
bool xtcp_held_is_below(const struct sock *sk, unsigned int callers)
{
	sock_owned_by_me(sk);
	/*
	 * pairs with early.c: either we see its reference for an arriving segment, or it sees
	 * SOCK_DEAD and drops it
	 */
	smp_mb();
	if (xtcp_held_has_memory(sk))
		return true;
	/*
	 * netem first takes a reference, and then subtracts the segment from sk_wmem_alloc: one of
	 * the two reads sees it
	 */
	smp_rmb();
	return refcount_read(&sk->sk_refcnt) > callers + own_references(sk);
}

/**
 * xtcp_held_look() - let go of the module if the sock has a program, or no segment below TCP
 * @sk: the sock
 * @callers: number of references that the caller has
 */
void xtcp_held_look(struct sock *sk, unsigned int callers)
{
	sock_owned_by_me(sk);
	if (xtcp_endpoint(sk)->held_at && (sk->sk_socket || !xtcp_held_is_below(sk, callers)))
		give_back(sk);
}

/*
 * Return: true when the caller has to call module_put(). Other functions take the list's lock
 * inside the socket lock, so this one only tries to take the latter. In a kernel for one processor,
 * that may succeed even in the middle of a change by the code that frees the segment, so nothing is
 * done.
 */
static bool was_last_below(struct held_list *there, struct sock *sk, u16 at)
{
	bool was_last;

	lockdep_assert_held(&there->lock);
	if (!IS_ENABLED(CONFIG_SMP) || !spin_trylock(&sk->sk_lock.slock))
		return false;
	was_last = !sock_owned_by_user(sk) && xtcp_endpoint(sk)->held_at == at && !xtcp_held_is_below(sk, 0) &&
		   take_off_list(there, xtcp_endpoint(sk));
	spin_unlock(&sk->sk_lock.slock);
	return was_last;
}

/**
 * xtcp_held_segment_freed() - let go of the module if the last segment of a sock was freed
 * @sk: the sock; the segment still keeps the sock's memory alive
 *
 * If the socket lock is taken, its owner calls xtcp_held_look() after it has sent, or the work item
 * does later.
 *
 * Context: any in which an skb may be freed. The caller may have the socket lock, or any other.
 */
void xtcp_held_segment_freed(struct sock *sk)
{
	const u16 at = READ_ONCE(xtcp_endpoint(sk)->held_at);
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

/**
 * xtcp_held_freed() - let go of the module for a sock whose memory is freed next
 * @sk: the socket
 *
 * Context: RCU callback. Module exit waits for RCU callbacks.
 */
void xtcp_held_freed(struct sock *sk)
{
	if (unlikely(xtcp_endpoint(sk)->held_at))
		give_back(sk);
}

/*
 * The next sock of this round, with a reference; *@sk is NULL if it is about to be freed. Return:
 * false when no sock is due.
 */
static bool next_due(struct held_list *there, struct sock **sk)
{
	struct sock *next;

	spin_lock_irq(&there->lock);
	next = hlist_entry_safe(there->due.first, struct sock, sk_bind_node);
	if (next) {
		__sk_del_bind_node(next);
		sk_add_bind_node(next, &there->later);
		*sk = refcount_inc_not_zero(&next->sk_refcnt) ? next : NULL;
	}
	spin_unlock_irq(&there->lock);
	return next;
}

static void look_at(struct held_list *there)
{
	unsigned int looks = LOOKS_MAX;
	struct sock *sk;

	/* most lists are empty; if a sock is added now, the work item runs again for it */
	if (!READ_ONCE(there->count))
		return;
	while (looks-- && next_due(there, &sk)) {
		if (!sk)
			continue;
		local_bh_disable();
		bh_lock_sock(sk);
		/*
		 * a process owns the lock only for a moment, as after accept(): leave the sock to
		 * the next round
		 */
		if (!sock_owned_by_user(sk))
			xtcp_held_look(sk, 1);
		bh_unlock_sock(sk);
		local_bh_enable();
		sock_put(sk);
	}
	spin_lock_irq(&there->lock);
	if (hlist_empty(&there->due))
		hlist_move_list(&there->later, &there->due);
	spin_unlock_irq(&there->lock);
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
 * xtcp_held_exit() - cancel the work item
 *
 * Context: process, module exit: no sock holds the module.
 */
void xtcp_held_exit(void)
{
	cancel_delayed_work_sync(&held_work);
}

/* as in /proc/PID/ns/net; 0 if it has ended */
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

/*
 * @n: how many @conns has already. Return: how many now, at most ROWS_MAX. Lock: the list's, held.
 */
static unsigned int copy_conns(struct xtcp_conn *conns, unsigned int n, struct hlist_head *socks)
{
	const struct sock *sk;

	sk_for_each_bound(sk, socks) {
		if (n == ROWS_MAX)
			break;
		conns[n++] = xtcp_endpoint(sk)->conn;
	}
	return n;
}

/*
 * inum_of() looks through all namespaces for each row, and any user can make many of them. So the
 * rows are written without a lock and with interrupts on.
 */
static int read_held_by(char *buf, const struct kernel_param *param)
{
	struct xtcp_conn *conns = kmalloc_array(ROWS_MAX, sizeof(*conns), GFP_KERNEL);
	unsigned int n = 0, i;
	int cpu, len = 0;

	if (!conns)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct held_list *there = per_cpu_ptr(&held_lists, cpu);

		spin_lock_irq(&there->lock);
		n = copy_conns(conns, n, &there->due);
		n = copy_conns(conns, n, &there->later);
		spin_unlock_irq(&there->lock);
	}
	for (i = 0; i < n && len <= PAGE_SIZE - ROW_MAX; i++) {
		len += write_row(buf + len, PAGE_SIZE - len, &conns[i]);
		cond_resched();
	}
	kfree(conns);
	return len;
}

static const struct kernel_param_ops held_ops = { .get = read_held };
static const struct kernel_param_ops held_by_ops = { .get = read_held_by };

module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "read only: sockets that hold the module, as their segments wait below TCP");
module_param_cb(held_by, &held_by_ops, NULL, 0400);
MODULE_PARM_DESC(held_by, "read only: their namespaces and addresses, as many as there is room for");
