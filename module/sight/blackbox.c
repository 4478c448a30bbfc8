// SPDX-License-Identifier: GPL-2.0
/*
 * The black boxes: the last events of connections, in memory. net.xtcp.blackbox, or a rule of the
 * policy table, chooses which connections get a box when they begin. An administrator can give a
 * box to a live connection, or take its box (socket/set.c). When a connection is aborted
 * (xtcp_sock.ended has a reason), its box is kept. When a connection ends in another way, for
 * example by both FINs, its box is freed. netns/proc_blackbox.c shows the boxes.
 *
 * The module parameter blackbox_mem limits the boxes of all namespaces together. One namespace may
 * use the whole limit. But all guests (xtcp_net.is_guest) together may use only 1/XTCP_GUESTS_PART
 * of it, and the guests of one maker (guests.c) may use 1/XTCP_MAKER_SHARE of this part. Kept boxes
 * of a namespace may take half of what it may use; beyond that, each newly kept box replaces the
 * oldest kept box. If there is no space for the box of a new connection, the oldest kept boxes of
 * its namespace are freed, but not those of other guests of its maker. If the namespace has no kept
 * box, the new connection gets no box. A live connection never loses its box
 * to another one, so a user who opens many connections does not take the boxes of others. The
 * memory is not charged to the program, since the administrator has asked for the boxes.
 *
 * A sock does not store a pointer to its box. It stores, in 16 bits, the number of the box's slot
 * in a table. The table grows in blocks.
 *
 * The socket lock guards writes to the box of a sock. A reader takes no lock. The slab is
 * SLAB_TYPESAFE_BY_RCU, so the memory stays a box while the reader copies it. If the number of the
 * box is the same before and after the copy, the box belonged to one connection all the time. The
 * reader ignores those events of the ring that may have been overwritten during the copy.
 */
#include "sight/blackbox.h"

#include <linux/idr.h>
#include <linux/kcsan-checks.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "base/guests.h"
#include "base/sock.h"
#include "compat.h"
#include "sight/boxkey.h"
#include "sight/boxnote.h"
#include "sight/mib.h"

#define WAYS_MAX	8	/* at most this many kept boxes are freed for one new box */

/* boxes_lock guards these variables, and all writes to xtcp_boxnote_table. */
static DEFINE_SPINLOCK(boxes_lock);	/* its holder takes no other lock of the module */
static unsigned int boxes;
static unsigned int boxes_of_guests;
static unsigned long last_number;
static DEFINE_IDA(slots);
static struct kmem_cache *slab;

static unsigned int boxes_kib = 4096;
module_param_named(blackbox_mem, boxes_kib, uint, 0644);
MODULE_PARM_DESC(blackbox_mem, "KiB for the black boxes of all network namespaces together (4096)");

/**
 * xtcp_blackbox_init() - make the slab
 *
 * Context: process, module init.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_blackbox_init(void)
{
	BUILD_BUG_ON(sizeof(struct xtcp_blackbox_event) != 48);
	BUILD_BUG_ON(sizeof(struct xtcp_blackbox) > 3200);
	slab = xtcp_compat_slab(KBUILD_MODNAME "_blackbox", sizeof(struct xtcp_blackbox), SLAB_TYPESAFE_BY_RCU);
	return slab ? 0 : -ENOMEM;
}

/**
 * xtcp_blackbox_exit() - free the slab and the table
 *
 * Context: process, module exit; the last sock was freed.
 */
void xtcp_blackbox_exit(void)
{
	unsigned int i;

	xtcp_boxkey_exit();
	for (i = 0; i < XTCP_BLACKBOX_TABLE; i++)
		kfree(xtcp_boxnote_table[i]);
	ida_destroy(&slots);
	kmem_cache_destroy(slab);
}

/* Allocate a slot. Return: its number, whose low octet is not 0, or an error. */
static int new_slot(void)
{
	struct xtcp_blackbox **block;
	int slot;

	lockdep_assert_held(&boxes_lock);
	/* a slot whose low octet is 0 stays allocated, so that it is not returned again */
	do {
		slot = ida_alloc_range(&slots, 0, XTCP_BLACKBOX_SLOTS - 1, GFP_NOWAIT | __GFP_NOWARN);
	} while (slot >= 0 && slot % XTCP_BLACKBOX_BLOCK == 0);
	if (slot < 0 || xtcp_boxnote_table[slot / XTCP_BLACKBOX_BLOCK])
		return slot;
	block = kcalloc(XTCP_BLACKBOX_BLOCK, sizeof(*block), GFP_NOWAIT | __GFP_NOWARN);
	if (!block) {
		ida_free(&slots, slot);
		return -ENOMEM;
	}
	/* pairs with smp_load_acquire() in xtcp_blackbox_place() */
	smp_store_release(&xtcp_boxnote_table[slot / XTCP_BLACKBOX_BLOCK], block);
	return slot;
}

/* How many boxes all namespaces together may have. */
static unsigned int most_boxes(void)
{
	u64 most = div_u64((u64)READ_ONCE(boxes_kib) * 1024, sizeof(struct xtcp_blackbox));

	return min_t(u64, most, XTCP_BLACKBOX_SLOTS - XTCP_BLACKBOX_TABLE);
}

/* How many boxes a namespace may have; if it is a guest, together with the guests of its maker. */
static unsigned int share_of(const struct xtcp_net *xn)
{
	return xn->is_guest ? most_boxes() / XTCP_GUESTS_PART / XTCP_MAKER_SHARE : most_boxes();
}

static bool has_room(const struct xtcp_net *xn)
{
	unsigned int most = most_boxes();

	if (boxes >= most)
		return false;
	return !xn->is_guest || (boxes_of_guests < most / XTCP_GUESTS_PART && xn->rest->maker->boxes < share_of(xn));
}

static void count_box(struct xtcp_net *xn, int change)
{
	lockdep_assert_held(&boxes_lock);
	boxes += change;
	if (xn->is_guest) {
		boxes_of_guests += change;
		xn->rest->maker->boxes += change;
	}
}

static void free_box(struct xtcp_blackbox *box)
{
	struct xtcp_net *xn = box->xn;

	lockdep_assert_held(&boxes_lock);
	count_box(xn, -1);
	WRITE_ONCE(*xtcp_blackbox_place(box->slot), NULL);
	/*
	 * change the number before another connection gets this memory: a reader that has copied
	 * data of that connection then finds the number changed
	 */
	WRITE_ONCE(box->number, 0);
	smp_wmb();	/* pairs with smp_rmb() in xtcp_blackbox_copy() */
	ida_free(&slots, box->slot);
	kmem_cache_free(slab, box);
}

static void free_oldest(struct xtcp_net *xn)
{
	struct xtcp_blackbox *box = list_first_entry(&xn->rest->boxes_kept, struct xtcp_blackbox, node);

	list_del(&box->node);
	xn->rest->boxes_kept_len--;
	free_box(box);
}

/*
 * Free the oldest kept boxes of the namespace until there is space for a new box, but at most
 * WAYS_MAX boxes. If blackbox_mem was lowered, many boxes may be surplus, and to free them all here
 * would take long.
 */
static void make_way(struct xtcp_net *xn)
{
	int n;

	for (n = 0; n < WAYS_MAX && xn->rest->boxes_kept_len && !has_room(xn); n++) {
		free_oldest(xn);
		XTCP_NET_INC_STATS(xn, XTCP_MIB_BLACKBOXDROPPED);
	}
}

static bool is_port_wanted(const struct xtcp_net *xn, u16 port)
{
	return port >= READ_ONCE(xn->sysctl.blackbox[1]) && port <= READ_ONCE(xn->sysctl.blackbox[2]);
}

/* Should this connection get a box? A rule decides; if no rule does, net.xtcp.blackbox decides. */
static bool is_chosen(const struct sock *sk)
{
	const struct xtcp_net *xn = xtcp_net_of(sk);
	int one_in = READ_ONCE(xn->sysctl.blackbox[0]);

	if (xtcp_sk(sk)->box_rule != XTCP_BOX_BY_SYSCTL)
		return xtcp_sk(sk)->box_rule == XTCP_BOX_ALWAYS;
	if (!one_in)
		return false;
	if (!is_port_wanted(xn, ntohs(inet_sk(sk)->inet_sport)) && !is_port_wanted(xn, ntohs(inet_sk(sk)->inet_dport)))
		return false;
	return one_in == 1 || !reciprocal_scale(get_random_u32(), one_in);
}

static struct xtcp_blackbox *make_box(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_blackbox *box;
	int slot;

	lockdep_assert_held(&boxes_lock);
	make_way(xn);
	if (!has_room(xn))
		return NULL;
	box = kmem_cache_alloc(slab, GFP_NOWAIT | __GFP_NOWARN);
	if (!box)
		return NULL;
	slot = new_slot();
	if (slot < 0) {
		kmem_cache_free(slab, box);
		return NULL;
	}
	/*
	 * WRITE_ONCE(): the memory may have been a box until now, and a reader that found that box
	 * reads these fields without the lock
	 */
	WRITE_ONCE(box->begun, 0);
	WRITE_ONCE(box->count, 0);
	WRITE_ONCE(box->xn, xn);
	WRITE_ONCE(box->kept, false);
	box->slot = slot;
	box->ended = (struct xtcp_ended) { };
	box->uid = READ_ONCE(sk->sk_uid);
	box->begun_us = xtcp_clock_us();
	box->ended_us = 0;
	box->tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn);
	box->shown = ++xn->rest->boxes_made;
	xtcp_boxnote_agreement(box, sk);
	/* pairs with smp_load_acquire() in xtcp_blackbox_copy() */
	smp_store_release(&box->number, ++last_number);
	/*
	 * the memory may be new, and have any number until the store above: a reader that finds the
	 * box here must see that store
	 */
	smp_store_release(xtcp_blackbox_place(slot), box);
	count_box(xn, 1);
	xtcp_boxkey_given();
	return box;
}

/* Give a box to the sock, which has none. Return: the box, or NULL. */
static struct xtcp_blackbox *give(struct sock *sk)
{
	struct xtcp_blackbox *box;

	spin_lock_bh(&boxes_lock);
	box = make_box(sk);
	spin_unlock_bh(&boxes_lock);
	if (box)
		xtcp_boxnote_slot(sk, box->slot);
	else
		XTCP_NET_INC_STATS(xtcp_net_of(sk), XTCP_MIB_BLACKBOXREFUSED);
	return box;
}

/* Give the sock a box, if a rule or the sysctl chooses the connection. Return: the box, or NULL. */
static struct xtcp_blackbox *begin(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!is_chosen(sk) || WARN_ON_ONCE(xtcp_blackbox_has(sk)))
		return NULL;
	return give(sk);
}

/**
 * xtcp_blackbox_give() - give a box to a live connection
 * @sk: has a connection; may have a box, which then stays
 *
 * A new box is empty: it has no earlier events. The caller has called xtcp_boxkey_hold().
 *
 * Context: softirq or process. Lock: socket, held.
 *
 * Return: 0; -ENOBUFS if there is no memory for the box, or no room below the limits at the top of
 * this file.
 */
int xtcp_blackbox_give(struct sock *sk)
{
	sock_owned_by_me(sk);
	return xtcp_blackbox_has(sk) || give(sk) ? 0 : -ENOBUFS;
}

/* Separate the box from the sock. Return: the box. */
static struct xtcp_blackbox *detach(struct sock *sk)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);

	lockdep_assert_held(&boxes_lock);
	xtcp_endpoint(sk)->box = 0;
	xtcp_boxkey_taken();
	return box;
}

/**
 * xtcp_blackbox_take() - free the box of a live connection, if it has one
 * @sk: the sock
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_blackbox_take(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!xtcp_blackbox_has(sk))
		return;
	spin_lock_bh(&boxes_lock);
	free_box(detach(sk));
	spin_unlock_bh(&boxes_lock);
}

/**
 * xtcp_blackbox_do_end() - keep the box if the connection was aborted, or else free it
 * @sk: CLOSED, with a box
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_blackbox_do_end(struct sock *sk)
{
	const struct xtcp_ended ended = xtcp_sk(sk)->ended;
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_blackbox *box;
	bool drops = false;

	sock_owned_by_me(sk);
	spin_lock_bh(&boxes_lock);
	box = detach(sk);
	if (ended.reason) {
		box->ended = ended;
		box->ended_us = xtcp_clock_us();
		/* pairs with smp_load_acquire() in xtcp_blackbox_copy() */
		smp_store_release(&box->kept, true);
		list_add_tail(&box->node, &xn->rest->boxes_kept);
		drops = ++xn->rest->boxes_kept_len > max(share_of(xn) / 2, 1U);
		if (drops)
			free_oldest(xn);
	} else {
		free_box(box);
	}
	spin_unlock_bh(&boxes_lock);
	if (ended.reason)
		XTCP_NET_INC_STATS(xn, XTCP_MIB_BLACKBOXKEPT);
	if (drops)
		XTCP_NET_INC_STATS(xn, XTCP_MIB_BLACKBOXDROPPED);
}

/**
 * xtcp_blackbox_net_init() - make the empty list of a namespace's kept boxes
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_blackbox_net_init(struct xtcp_net *xn)
{
	INIT_LIST_HEAD(&xn->rest->boxes_kept);
	return 0;
}

/**
 * xtcp_blackbox_forget() - free the boxes of connections that have ended
 * @xn: the namespace, which has been set up (xtcp_netns_start())
 *
 * Context: process.
 */
void xtcp_blackbox_forget(struct xtcp_net *xn)
{
	bool more;

	do {
		spin_lock_bh(&boxes_lock);
		more = xn->rest->boxes_kept_len;
		if (more)
			free_oldest(xn);
		spin_unlock_bh(&boxes_lock);
		cond_resched();
	} while (more);
}

/**
 * xtcp_blackbox_net_exit() - free the boxes that a namespace still has
 * @xn: the namespace; it has no connections and no files in /proc any more
 *
 * Context: process.
 */
void xtcp_blackbox_net_exit(struct xtcp_net *xn)
{
	xtcp_blackbox_forget(xn);
}

/**
 * xtcp_blackbox_next() - find the next box of a namespace
 * @xn: the namespace
 * @slot: the first slot to look at
 *
 * Context: process.
 *
 * Return: the slot of the box, or 0 if there is none.
 */
unsigned int xtcp_blackbox_next(const struct xtcp_net *xn, unsigned int slot)
{
	struct xtcp_blackbox **place, *box;
	bool found = false;

	while (slot < XTCP_BLACKBOX_SLOTS && !found) {
		place = xtcp_blackbox_place(slot);
		if (!place) {
			slot = round_down(slot, XTCP_BLACKBOX_BLOCK) + XTCP_BLACKBOX_BLOCK;
			continue;
		}
		rcu_read_lock();
		box = READ_ONCE(*place);
		/*
		 * a moment later the box may belong to another namespace: xtcp_blackbox_copy()
		 * tests this again
		 */
		found = box && READ_ONCE(box->xn) == xn;
		rcu_read_unlock();
		if (!found)
			slot++;
	}
	return found ? slot : 0;
}

/**
 * xtcp_blackbox_copy() - read a box
 * @xn: the namespace to which the box must belong
 * @slot: the slot of the box
 * @to: receives a copy; events @to->begun to @to->count - 1 are valid
 *
 * Context: process.
 *
 * Return: true when @to is a copy of a box; false when the slot has no box of @xn, or the box was
 * freed during the copy.
 */
bool xtcp_blackbox_copy(const struct xtcp_net *xn, unsigned int slot, struct xtcp_blackbox *to)
{
	struct xtcp_blackbox **place = xtcp_blackbox_place(slot), *box;
	unsigned long count, begun, number;
	bool same = false, kept;

	if (!place)
		return false;
	rcu_read_lock();
	box = READ_ONCE(*place);
	/* pairs with smp_store_release() in make_box() */
	number = box ? smp_load_acquire(&box->number) : 0;
	if (number && READ_ONCE(box->xn) == xn) {
		/* pairs with smp_store_release() in xtcp_blackbox_do_end() */
		kept = smp_load_acquire(&box->kept);
		/* pairs with smp_store_release() in finish_event() */
		count = smp_load_acquire(&box->count);
		/* the connection may write to the box during the copy */
		kcsan_disable_current();
		memcpy(to, box, sizeof(*to));
		kcsan_enable_current();
		/* pairs with smp_wmb() in begin_timeless() and free_box() */
		smp_rmb();
		begun = READ_ONCE(box->begun);
		same = READ_ONCE(box->number) == number;
		to->number = number;
		to->kept = kept;
		to->count = count;
		to->begun = min(count, begun > XTCP_BLACKBOX_EVENTS ? begun - XTCP_BLACKBOX_EVENTS : 0);
	}
	rcu_read_unlock();
	return same;
}

/**
 * xtcp_blackbox_do_connect() - give a box to an active open that a rule or the sysctl chooses
 * @sk: in SYN-SENT; its TCB is filled, and the SYN is not sent yet
 *
 * Context: process. Lock: socket, held.
 */
void xtcp_blackbox_do_connect(struct sock *sk)
{
	if (begin(sk))
		xtcp_boxnote_call(sk, XTCP_BLACKBOX_CONNECT, 0, 0);
}

/**
 * xtcp_blackbox_do_child() - give a box to a new child that a rule or the sysctl chooses
 * @sk: new; its TCB is filled
 * @sent_us: when its SYN-ACK was sent, the lower half of xtcp_clock_us(); 0: not known
 * @wnd: the window field of the SYN-ACK
 *
 * There was no sock yet when the SYN came and the SYN-ACK left. Both are written into the box now,
 * with the time of the SYN-ACK, or with the present time if @sent_us is 0.
 *
 * Context: softirq. Lock: socket, held.
 */
void xtcp_blackbox_do_child(struct sock *sk, u32 sent_us, u16 wnd)
{
	struct xtcp_blackbox *box = begin(sk);
	u64 us;

	/*
	 * with Fast Open (RFC 7413) the SYN makes the sock, so the SYN and its SYN-ACK are written
	 * as usual
	 */
	if (!box || xtcp_sk(sk)->fastopen)
		return;
	us = box->begun_us;
	if (sent_us)
		us -= (u32)us - sent_us;
	box->begun_us = us;
	xtcp_boxnote_syn(box, sk, us, true, 0);
	xtcp_boxnote_syn(box, sk, us, false, wnd);
}
