// SPDX-License-Identifier: GPL-2.0
/*
 * How a sock ends.
 *
 * The end of a connection, in this order:
 *  1. sk_err, sk_shutdown, xtcp_state_set(CLOSE), in the order on which poll() relies. From here
 *     on, each holder of the lock sees a dead connection and touches neither the namespace nor a
 *     timer.
 *  2. The timers stop, and the sock leaves the table, so no new segment finds it. Its port is
 *     released, unless the program has bound it.
 *  3. A sock with a file wakes its program (sk_state_change) and waits for close(); if the
 *     connection was aborted, listings show the sock meanwhile. A sock without a file continues at
 *     once.
 *  4. The queues are purged, a bound port is released, the data state (xsk->stream) is freed, and
 *     the owner's reference is dropped (create.c).
 *  5. When the last skb in a qdisc or a queue is freed, the memory of the sock is freed after an
 *     RCU grace period. Then it no longer holds the module.
 *
 * An orphan holds no reference to its namespace, and ends with it (netns.c). So step 5 may come
 * after the end of the namespace, and must not read sock_net().
 *
 * The table of aborted socks (xtcp_rest.aborted) is for listings. It has the socks that a program
 * still has open after their connection ended without a FIN from each end, until a disconnect or
 * until they are destroyed: it never points to a freed sock. Each has a number, which struct
 * xtcp_timers stores in place of the deadlines. Without memory, listings do not show the sock.
 */
#include "sock/create.h"

#include "base/sock.h"
#include "fastopen/fastopen.h"
#include "ports/ports.h"
#include "send/send.h"
#include "sight/sight.h"

/* For these reasons, the program is closing the sock, has closed it, or never had it: it is not listed. */
#define NOBODY_HOLDS	(BIT(XTCP_ABORT_UNREAD) | BIT(XTCP_ABORT_LINGER) | BIT(XTCP_ABORT_LINGER2) | \
			 BIT(XTCP_ABORT_ORPHANS) | BIT(XTCP_ABORT_LISTENER) | BIT(XTCP_ABORT_NETNS))

static int aborted_net_init(struct xtcp_net *xn)
{
	/* not the class of all other xarrays: softirq takes this lock and none of those */
	static struct lock_class_key class;

	xa_init_flags(&xn->rest->aborted, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	lockdep_set_class(&xn->rest->aborted.xa_lock, &class);
	return 0;
}

static void aborted_net_exit(struct xtcp_net *xn)
{
	WARN_ON_ONCE(!xa_empty(&xn->rest->aborted));
	/* an insertion may have run out of memory, and have left empty nodes */
	xa_destroy(&xn->rest->aborted);
}

const struct xtcp_net_part xtcp_aborted_part = { aborted_net_init, aborted_net_exit };

/* Lists a CLOSED sock that is no orphan, unless it was not aborted, or is destroyed next (NOBODY_HOLDS). */
static void xtcp_aborted_enter(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 number;

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
 * xtcp_sock_release_resources() - proto.destroy: release what a sock holds, except its memory
 * @sk: CLOSED and out of the table
 * Context: softirq or process. Lock: socket, held, or nobody else can find @sk.
 */
void xtcp_sock_release_resources(struct sock *sk)
{
	if (unlikely(!xtcp_sk(sk)->xn))
		return;		/* it was not set up: family.c */
	xtcp_aborted_leave(sk);
	xtcp_timer_stop(sk);
	xtcp_fastsyn_over(sk);
	xtcp_sndq_purge(sk);
	xtcp_text_purge(sk);
	xtcp_savedsyn_drop(&xtcp_sk(sk)->saved_syn);
	xtcp_fastopen_free(sk);
	if (xtcp_sk(sk)->lease)
		xtcp_port_release(sk);
	xtcp_stream_end(sk);
	sk_sockets_allocated_dec(sk);
}

/**
 * xtcp_sock_destroy() - end a sock, and drop its owner's reference (create.c)
 * @sk: CLOSED, out of the table, SOCK_DEAD; freed here, unless the caller has a reference of its
 *	own
 * Context: softirq or process, BH disabled.
 */
void xtcp_sock_destroy(struct sock *sk)
{
	sock_owned_by_me(sk);
	WARN_ON_ONCE(sk->sk_state != TCP_CLOSE);
	WARN_ON_ONCE(!sock_flag(sk, SOCK_DEAD));

	sk->sk_prot->destroy(sk);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	if (xtcp_sk(sk)->is_orphan)
		xtcp_orphan_leave(sk);
	/*
	 * a segment below TCP keeps the sock's memory. It must not keep the namespace, whose end
	 * perhaps frees the segment. In the backlog of close(), later segments still use the
	 * namespace: then close() does this
	 */
	if (!sock_owned_by_user(sk))
		xtcp_orphan_leave_netns(sk);
	sock_put(sk);
}

/**
 * xtcp_sock_done() - end a connection: steps 1 to 3 of "The end of a connection", but for sk_err
 * @sk: in any state but LISTEN. Without a file also step 4: unless the caller has a reference of
 *	its own, the sock may then be freed
 * Context: softirq or process, BH disabled when @sk is an orphan.
 */
void xtcp_sock_done(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_CLOSE)
		return;
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_blackbox_end(sk);
	xtcp_timer_stop(sk);
	xtcp_timeouts_over(&xtcp_sk(sk)->timeouts);
	xtcp_algorithms_end(sk);
	if (unlikely(xtcp_sk(sk)->fastopen))
		xtcp_fastopen_over(sk, false);
	xtcp_port_leave(sk);
	xtcp_port_connection_ended(sk);
	if (sock_flag(sk, SOCK_DEAD)) {
		xtcp_sock_destroy(sk);
		return;
	}
	xtcp_aborted_enter(sk);
	sk->sk_state_change(sk);
}

/**
 * xtcp_sock_fail() - end a connection because of an error, and send nothing
 * @sk: in any state but LISTEN. Queued data is dropped; what the peer has sent can be read
 * @err: the error for the program, a positive errno; 0: none
 * @reason: the reason that the trace, the counters and XTCP_ABORT will give
 * Context: softirq or process, BH disabled when @sk is an orphan.
 */
void xtcp_sock_fail(struct sock *sk, int err, enum xtcp_abort_reason reason)
{
	bool tell;

	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_CLOSE)
		return;
	xtcp_event_abort(sk, err, reason);
	xtcp_mib_aborted(xtcp_net_of(sk), reason);
	xtcp_lease_aborted(xtcp_sk(sk)->lease, reason);
	xtcp_ended_set(&xtcp_sk(sk)->ended, reason, err);
	xtcp_sndq_purge(sk);
	if (err) {
		WRITE_ONCE(sk->sk_err, err);
		/* pairs with smp_rmb() in poll(): who sees the shutdown also sees the error */
		smp_wmb();
	}
	tell = err && !sock_flag(sk, SOCK_DEAD);
	xtcp_sock_done(sk);
	if (tell)
		sk_error_report(sk);
}

/**
 * xtcp_sock_reset() - end a connection because the peer has reset it
 * @sk: in any state but LISTEN and CLOSED; the caller holds a reference
 * @err: the error for the program, a positive errno
 * @told: what the RST said about the reason; its code is 0 if the RST said nothing
 * Context: softirq or process, BH disabled when @sk is an orphan.
 */
void xtcp_sock_reset(struct sock *sk, int err, const struct xtcp_rstdiag *told)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xtcp_sock_fail(sk, err, XTCP_ABORT_RESET);
	if (likely(!told->code))
		return;
	/* in the memory of the deadlines: none is pending any more */
	WARN_ON_ONCE(!xsk->timers.dead);
	WRITE_ONCE(xsk->timers.told_code, told->code);
	WRITE_ONCE(xsk->timers.told_pen, told->pen);
	xtcp_ended_tell(&xsk->ended);
}

/**
 * xtcp_sock_abort() - ABORT a connection (RFC 9293 section 3.10.5)
 * @sk: in any state but LISTEN. A RST is sent in the states that the section names
 * @err: the error for the program, a positive errno; 0: none
 * @reason: the reason that the trace, the counters and XTCP_ABORT will give
 * Context: softirq or process, BH disabled when @sk is an orphan.
 */
void xtcp_sock_abort(struct sock *sk, int err, enum xtcp_abort_reason reason)
{
	sock_owned_by_me(sk);
	if ((1 << sk->sk_state) & XTCP_ABORT_SENDS_RST)
		xtcp_send_rst(sk, reason);
	xtcp_sock_fail(sk, err, reason);
}

/*
 * The sockets that programs have closed, until their memory is freed, so that an administrator can
 * see why rmmod says "in use".
 *
 * Each sock of ours holds the module, by .owner of its struct proto: sk_prot_alloc() takes the
 * reference, and sk_prot_free() puts it, after our destructor and the slab's free. That runs in the
 * kernel's RCU callback, a grace period after the last reference to the sock was put. So no code
 * of ours runs for a sock that holds the module no longer, and module exit finds no sock at all.
 *
 * An open socket is found by its descriptor. A closed one may live on as an orphan, or in no table,
 * because segments of it wait below TCP: in IP, a queue of netfilter, a qdisc or a device. Any user
 * can make such a queue, and the namespace may even have ended. So each closed sock is on a list, one
 * for each processor, until its memory is freed.
 */

#define ROW_MAX		160	/* most characters in a row of held_by */
/* however short they are */
#define ROWS_MAX	(PAGE_SIZE / (sizeof("net:[0] 0.0.0.0:0 0.0.0.0:0 00 0\n") - 1))

/*
 * struct closed_list - closed socks
 * @lock: guards the other fields, and sk_bind_node of the socks. Taken with BH disabled, innermost
 * @socks: linked by sk_bind_node, which is free: none is ever in kernel TCP's bind table
 */
struct closed_list {
	spinlock_t lock;	/* see @lock above */
	struct hlist_head socks;
	unsigned int len;	/* length of socks */
};

static DEFINE_PER_CPU(struct closed_list, closed_lists) = { .lock = __SPIN_LOCK_UNLOCKED(closed_lists.lock) };

/**
 * xtcp_closed_add() - a sock has lost its descriptor, or never gets one: let held_by name it
 * @sk: the sock; a handover is closed twice
 * Context: process. Lock: socket, held.
 */
void xtcp_closed_add(struct sock *sk)
{
	const int cpu = raw_smp_processor_id();
	struct closed_list *here = per_cpu_ptr(&closed_lists, cpu);

	sock_owned_by_me(sk);
	if (xtcp_endpoint(sk)->closed_at)
		return;
	BUILD_BUG_ON(CONFIG_NR_CPUS >= U16_MAX);
	xtcp_endpoint(sk)->closed_at = cpu + 1;
	spin_lock_bh(&here->lock);
	sk_add_bind_node(sk, &here->socks);
	here->len++;
	spin_unlock_bh(&here->lock);
}

/* The memory of @sk is freed next. RCU callback. */
void xtcp_closed_freed(struct sock *sk)
{
	struct closed_list *there;

	if (!xtcp_endpoint(sk)->closed_at)
		return;
	there = per_cpu_ptr(&closed_lists, xtcp_endpoint(sk)->closed_at - 1);
	spin_lock_bh(&there->lock);
	__sk_del_bind_node(sk);
	there->len--;
	spin_unlock_bh(&there->lock);
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

/* What a row says of a sock; @state as in /proc/net/tcp; @children: those nobody has accepted. */
struct closed_row {
	struct xtcp_conn conn;
	int state;
	u32 children;
};

static int write_row(char *buf, size_t room, const struct closed_row *row)
{
	const struct xtcp_conn *conn = &row->conn;

	if (conn->v4)
		return scnprintf(buf, room, "net:[%u] %pI4:%u %pI4:%u %02X %u\n", inum_of(conn->net_id), &conn->laddr4,
				 ntohs(conn->lport), &conn->faddr4, ntohs(conn->fport), row->state, row->children);
	return scnprintf(buf, room, "net:[%u] [%pI6c]:%u [%pI6c]:%u %02X %u\n", inum_of(conn->net_id), &conn->laddr6,
			 ntohs(conn->lport), &conn->faddr6, ntohs(conn->fport), row->state, row->children);
}

/* @rows: room for ROWS_MAX; @all: how many closed socks there are. Return: how many have a row. */
static unsigned int copy_rows(struct closed_row *rows, unsigned int *all)
{
	unsigned int n = 0;
	struct sock *sk;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct closed_list *there = per_cpu_ptr(&closed_lists, cpu);

		spin_lock_bh(&there->lock);
		*all += there->len;
		sk_for_each_bound(sk, &there->socks) {
			if (n == ROWS_MAX)
				break;
			/* data_race(): the table changes the links in it, which no row shows */
			rows[n].conn = data_race(xtcp_endpoint(sk)->conn);
			rows[n].state = READ_ONCE(sk->sk_state);
			rows[n].children = READ_ONCE(sk->sk_ack_backlog);
			n++;
		}
		spin_unlock_bh(&there->lock);
	}
	return n;
}

/* No lock while rows are written: inum_of() looks through all namespaces, and users can make many. */
static int read_held_by(char *buf, const struct kernel_param *param)
{
	struct closed_row *rows = kmalloc_array(ROWS_MAX, sizeof(*rows), GFP_KERNEL);
	unsigned int n, i, all = 0;
	int len = 0;

	if (!rows)
		return -ENOMEM;
	n = copy_rows(rows, &all);
	for (i = 0; i < n && len <= PAGE_SIZE - 2 * ROW_MAX; i++) {
		len += write_row(buf + len, PAGE_SIZE - len, &rows[i]);
		cond_resched();
	}
	if (i < all)
		len += scnprintf(buf + len, PAGE_SIZE - len, "%u more\n", all - i);
	kfree(rows);
	return len;
}

static const struct kernel_param_ops held_by_ops = { .get = read_held_by };

module_param_cb(held_by, &held_by_ops, NULL, 0400);
MODULE_PARM_DESC(held_by, "read only: closed sockets, which hold the module: addresses, state, connections not accepted");
