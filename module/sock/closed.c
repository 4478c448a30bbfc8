// SPDX-License-Identifier: GPL-2.0
/*
 * The sockets that programs have closed, until their memory is freed, so that an administrator can
 * see why rmmod says "in use".
 *
 * Each sock of ours holds the module, by .owner of its struct proto: sk_prot_alloc() takes the
 * reference, and sk_prot_free() puts it, after our destructor and the slab's free. That runs in the
 * kernel's RCU callback, a grace period after the last reference to the sock was put. So no code
 * of ours runs for a sock that holds the module no longer, and module exit finds no sock at all.
 *
 * An open socket is found by its descriptor. A closed one may live on as an orphan, which the
 * tables of its namespace have; or in no table, because segments of it wait below TCP: in IP, a
 * queue of netfilter, a qdisc or a device. Any user can make such a queue, and the namespace may
 * even have ended. So each closed sock is on a list here until its memory is freed.
 *
 * Each processor has a list of its own, or processors would contend for the lock of a common one.
 */
#include "sock/create.h"

#include <linux/module.h>
#include <linux/moduleparam.h>

#include "base/base.h"

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

static DEFINE_PER_CPU(struct closed_list, closed_lists) = {
	.lock = __SPIN_LOCK_UNLOCKED(closed_lists.lock),
};

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

/**
 * xtcp_closed_freed() - take a sock off its list
 * @sk: the sock, whose memory is freed next
 * Context: RCU callback.
 */
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

/*
 * inum_of() looks through all namespaces for each row, and any user can make many of them. So the
 * rows are written without a lock.
 */
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
