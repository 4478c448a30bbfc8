// SPDX-License-Identifier: GPL-2.0
/*
 * The black boxes: the last events of connections, in memory. net.xtcp.blackbox, or a rule of the
 * policy table, chooses which connections get a box when they begin. An administrator can give a
 * box to a live connection, or take it (socket/set.c). The box of a connection that is aborted is
 * kept; otherwise it is freed when the connection ends. netns/proc.c shows the boxes.
 *
 * The module parameter blackbox_mem limits the boxes of all namespaces. One may use the whole
 * limit, all guests together 1/XTCP_GUESTS_PART of it, and those of one maker (memory.c)
 * 1/XTCP_MAKER_SHARE of this part. Kept boxes may take half of what their namespace may use;
 * beyond, each newly kept one replaces another. Without space for the box of a new connection, kept
 * ones of its namespace are freed, but none of other guests of its maker. A live connection never
 * loses its box. The memory is not charged to the program: the administrator has asked for it.
 *
 * The owner of a box is the user of a connection that a program has opened; or the user of a
 * listener together with the peer. The oldest kept box of the owner who has most of them makes way.
 * A new connection takes none of an owner who has fewer than its own has boxes in all: who opens or
 * aborts many connections wipes out no boxes but his own.
 *
 * A sock stores, in 16 bits, the number of its box's slot in a table, which grows in blocks. The
 * socket lock guards writes to its box. A reader takes no lock. The slab is SLAB_TYPESAFE_BY_RCU, so
 * the memory stays a box while the reader copies it; it belonged to one connection if its number is
 * the same before and after. Events that may have been overwritten meanwhile are ignored.
 *
 * xtcp_boxnote_key is on while a namespace wants boxes or a connection has one. Each change patches
 * kernel code, which disturbs all processors, and any user can make a namespace and ask for boxes
 * there. So a user can only turn the key on; settle() turns it off, at most once a second. Nor can
 * a user prolong the time for which key_lock is held: its holders copy nothing from or to programs.
 */
#include "sight/sight.h"

#include <linux/cred.h>
#include <linux/idr.h>
#include <linux/kcsan-checks.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/user_namespace.h>

#include "base/sock.h"

struct xtcp_blackbox **xtcp_boxnote_table[XTCP_BLACKBOX_TABLE];
DEFINE_STATIC_KEY_FALSE(xtcp_boxnote_key);

/* box and box_high fill holes in two structs. The low octet of @slot is not 0, so "box" is 0 only without a box. */
static void xtcp_boxnote_slot(struct sock *sk, unsigned int slot)
{
	xtcp_endpoint(sk)->box = slot % XTCP_BLACKBOX_BLOCK;
	xtcp_sk(sk)->box_high = slot / XTCP_BLACKBOX_BLOCK;
}

static struct xtcp_blackbox *xtcp_boxnote_box(const struct sock *sk)
{
	sock_owned_by_me(sk);
	/* no test for NULL: if a slot is in use, its block exists. This code runs for each event */
	return xtcp_boxnote_table[xtcp_sk(sk)->box_high][xtcp_endpoint(sk)->box];
}

/* What both ends have agreed on by their SYNs. */
static void xtcp_boxnote_agreement(struct xtcp_blackbox *box, const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	box->iss = xsk->snd.iss;
	box->irs = xsk->rcv.irs;
	box->mss = xsk->mss;
	box->rcv_wscale = xsk->rcv_wscale;
	box->snd_wscale = xsk->agreed.snd_wscale;
}

/* Begin an event. The caller sets its time. */
static struct xtcp_blackbox_event *begin_timeless(struct xtcp_blackbox *box, const struct sock *sk,
						  enum xtcp_blackbox_kind kind)
{
	struct xtcp_blackbox_event *event = &box->event[box->count % XTCP_BLACKBOX_EVENTS];

	sock_owned_by_me(sk);
	WRITE_ONCE(box->begun, box->count + 1);
	/* pairs with smp_rmb() in xtcp_blackbox_copy() */
	smp_wmb();
	event->kind = kind;
	event->state = sk->sk_state;
	return event;
}

static struct xtcp_blackbox_event *begin_event(struct xtcp_blackbox *box, const struct sock *sk,
					       enum xtcp_blackbox_kind kind, u64 us)
{
	struct xtcp_blackbox_event *event = begin_timeless(box, sk, kind);

	event->us = us;
	return event;
}

static void finish_event(struct xtcp_blackbox *box)
{
	/* pairs with smp_load_acquire() in xtcp_blackbox_copy() */
	smp_store_release(&box->count, box->begun);
}

static void note_windows(struct xtcp_blackbox_event *event, const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	event->cwnd = xsk->cong.cwnd;
	event->srtt_us = xsk->rto.srtt_us;
	event->una = xsk->snd.una;
}

/* @block: the first of @n SACK blocks as on the wire. */
static void note_sacks(struct xtcp_blackbox *box, const struct sock *sk, u64 us, const u8 *block, unsigned int n)
{
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_SACKS, us);
	unsigned int i;

	event->segs = min(n, XTCP_BLACKBOX_BLOCKS);
	for (i = 0; i < event->segs * 2; i++)
		event->word[i] = get_unaligned_be32(block + i * 4);
	finish_event(box);
}

/* The functions from here to xtcp_boxnote_call() note what those of sight.h tell. */
void xtcp_boxnote_in(struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_seg *seg = xtcp_seg(skb);
	u64 us = xtcp_sk(sk)->arrived_us;
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_IN, us);

	event->flags = xtcp_trace_flags_of((const struct tcphdr *)skb->data) | seg->ecn << XTCP_BLACKBOX_ECN |
		(seg->has_ts ? XTCP_BLACKBOX_TS : 0);
	event->wnd = seg->wnd;
	event->segs = skb_shinfo(skb)->gso_segs;
	event->seq = seg->seq;
	event->ack = seg->ack;
	event->len = seg->len;
	event->tsval = seg->tsval;
	event->tsecr = seg->tsecr;
	note_windows(event, sk);
	finish_event(box);
	if (unlikely(seg->sack_blocks))
		note_sacks(box, sk, us, skb->data + seg->sack_at, seg->sack_blocks);
}

/* @segments: more than 1 for a GSO packet. @resent: its text was sent before. */
static void xtcp_boxnote_out(struct sock *sk, const struct tcphdr *th, u64 us, u32 len, u32 segments, bool resent,
			     u8 ecn)
{
	const u8 *options = (const u8 *)(th + 1), *sacks = NULL;
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, XTCP_BLACKBOX_OUT, us);
	u16 flags;

	flags = xtcp_trace_flags_of(th) | ecn << XTCP_BLACKBOX_ECN | (resent ? XTCP_BLACKBOX_RESENT : 0);
	event->wnd = ntohs(th->window);
	event->segs = segments;
	event->seq = ntohl(th->seq);
	event->ack = ntohl(th->ack_seq);
	event->len = len;
	/* the options of nearly all segments are two NOPs and the timestamps */
	if (th->doff == 8 && get_unaligned_be32(options) == XTCP_OPTIONS_TIMESTAMP_WORD) {
		event->tsval = get_unaligned_be32(options + 4);
		event->tsecr = get_unaligned_be32(options + 8);
		flags |= XTCP_BLACKBOX_TS;
	} else {
		if (xtcp_trace_timestamps(th, &event->tsval, &event->tsecr))
			flags |= XTCP_BLACKBOX_TS;
		sacks = xtcp_trace_option(th, XTCP_OPT_SACK);
	}
	event->flags = flags;
	note_windows(event, sk);
	finish_event(box);
	if (unlikely(sacks))
		note_sacks(box, sk, us, sacks + XTCP_OPTLEN_SACK_BASE,
			   (sacks[1] - XTCP_OPTLEN_SACK_BASE) / XTCP_OPTLEN_SACK_BLOCK);
}

/* the tuple takes stack only while tracing is on */
static noinline_for_stack void trace_out(const struct sock *sk, const struct sk_buff *skb, u32 len, bool resent, u8 ecn)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&xtcp_sk(sk)->conn);

	trace_xtcp_segment_out(sock_net(sk), &tuple, sk->sk_state, skb, tcp_hdr(skb), len, xtcp_sk(sk)->rcv_wscale, ecn,
			       resent);
}

/* The out-of-line part of xtcp_event_out(). */
noinline void xtcp_event_do_out(struct sock *sk, struct sk_buff *skb, u64 us, u32 len, u32 segments, bool resent,
				u8 ecn)
{
	if (trace_xtcp_segment_out_enabled())
		trace_out(sk, skb, len, resent, ecn);
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_out(sk, tcp_hdr(skb), us, len, segments, resent, ecn);
}

/* A SYN (@in) or SYN-ACK without a sock came or left at @us. @wnd: its window field; 0: not known. */
static void xtcp_boxnote_syn(struct xtcp_blackbox *box, const struct sock *sk, u64 us, bool in, u16 wnd)
{
	struct xtcp_blackbox_event *event = begin_event(box, sk, in ? XTCP_BLACKBOX_IN : XTCP_BLACKBOX_OUT, us);
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	event->state = in ? TCP_LISTEN : TCP_SYN_RECV;
	event->flags = XTCP_BLACKBOX_REBUILT | (in ? XTCP_SYN : XTCP_SYN | XTCP_ACK);
	event->wnd = wnd;
	event->segs = 1;
	event->seq = in ? xsk->rcv.irs : xsk->snd.iss;
	event->ack = in ? 0 : xsk->rcv.irs + 1;
	event->len = 0;
	event->tsval = 0;
	event->tsecr = 0;
	note_windows(event, sk);
	finish_event(box);
}

/* An event that is no segment and no call. @what, @more: as the inline functions of sight.h pass them. */
void xtcp_boxnote(struct sock *sk, enum xtcp_blackbox_kind kind, u32 what, u32 more)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event = begin_event(box, sk, kind, kind == XTCP_BLACKBOX_REFUSED ?
							xsk->arrived_us : xtcp_clock_us());

	event->word[0] = what;
	event->word[1] = more;
	if (kind == XTCP_BLACKBOX_TIMER) {
		event->word[1] = xsk->rto.rto_ms;
		event->word[2] = xsk->rto.backoff;
		event->word[3] = xsk->tries.retransmits;
		event->word[4] = xtcp_tries_probes_out(&xsk->tries);
	} else if (kind == XTCP_BLACKBOX_CONGESTION) {
		event->segs = what;
		event->word[0] = xsk->cong.phase;
		event->word[1] = xsk->cong.cwnd;
		event->word[2] = xsk->cong.ssthresh;
		event->word[3] = more;
		event->word[4] = xsk->rto.srtt_us;
		event->word[5] = xsk->rto.min_rtt_us;
		event->word[6] = xsk->snd.una;
		event->word[7] = xsk->snd.nxt;
	}
	finish_event(box);
	if (kind == XTCP_BLACKBOX_STATE && what != TCP_CLOSE)
		xtcp_boxnote_agreement(box, sk);
}

/*
 * The program has made a system call. @wanted: octets, or how to shut down. @got: what it returns. A
 * call that fails again in the same way is only counted in the previous event. Reading the clock would
 * cost as much as all the rest, so the time is in jiffies.
 */
void xtcp_boxnote_call(struct sock *sk, enum xtcp_blackbox_call call, u32 wanted, int got)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);
	struct xtcp_blackbox_event *event;

	sock_owned_by_me(sk);
	if (unlikely(got < 0) && box->count) {
		event = &box->event[(box->count - 1) % XTCP_BLACKBOX_EVENTS];
		/* the same call with the same error, in the same state */
		if (event->kind == XTCP_BLACKBOX_CALL && event->word[0] == call && event->word[2] == (u32)got &&
		    event->state == sk->sk_state) {
			event->word[3]++;
			return;
		}
	}
	event = begin_timeless(box, sk, XTCP_BLACKBOX_CALL);
	event->word[0] = call;
	event->word[1] = wanted;
	event->word[2] = got;
	event->word[3] = 1;
	event->word[4] = (u32)jiffies;
	finish_event(box);
}

static DEFINE_MUTEX(key_lock);		/* guards xtcp_boxnote_key and @wanting */
/* namespaces that want boxes, plus requests that hold xtcp_boxnote_key on; also read without key_lock */
static unsigned int wanting;
/* boxes of connections that have not ended; boxes_lock guards it */
static unsigned int boxes_live;

static void settle(struct work_struct *work)
{
	mutex_lock(&key_lock);
	if (!wanting && !READ_ONCE(boxes_live))
		static_branch_disable(&xtcp_boxnote_key);
	mutex_unlock(&key_lock);
}

static DECLARE_DELAYED_WORK(settling, settle);

/**
 * xtcp_boxkey_want() - react to a write to net.xtcp.blackbox, or to a new policy table
 * @xn: the namespace
 * @ends: or: the namespace ends, and nobody writes either any more
 * Context: process, may sleep.
 */
void xtcp_boxkey_want(struct xtcp_net *xn, bool ends)
{
	bool wants;

	mutex_lock(&key_lock);
	/* if several writers come here, the last one to take the lock reads the final values */
	wants = !ends && (READ_ONCE(xn->sysctl.blackbox[0]) || READ_ONCE(xn->blackbox_ruled));
	if (wants != xn->blackbox_wanted) {
		xn->blackbox_wanted = wants;
		WRITE_ONCE(wanting, wants ? wanting + 1 : wanting - 1);
		if (wants)
			static_branch_enable(&xtcp_boxnote_key);
		else if (!wanting)
			schedule_delayed_work(&settling, HZ);
	}
	mutex_unlock(&key_lock);
}

/* Keeps xtcp_boxnote_key on until xtcp_boxkey_release(): a request gives a connection a box meanwhile. May sleep. */
void xtcp_boxkey_hold(void)
{
	mutex_lock(&key_lock);
	WRITE_ONCE(wanting, wanting + 1);
	static_branch_enable(&xtcp_boxnote_key);
	mutex_unlock(&key_lock);
}

void xtcp_boxkey_release(void)
{
	mutex_lock(&key_lock);
	WRITE_ONCE(wanting, wanting - 1);
	if (!wanting)
		schedule_delayed_work(&settling, HZ);
	mutex_unlock(&key_lock);
}

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

static int blackbox_init(void)
{
	BUILD_BUG_ON(sizeof(struct xtcp_blackbox_event) != 48);
	BUILD_BUG_ON(sizeof(struct xtcp_blackbox) > 3208);
	slab = xtcp_compat_slab(KBUILD_MODNAME "_blackbox", sizeof(struct xtcp_blackbox), SLAB_TYPESAFE_BY_RCU);
	return slab ? 0 : -ENOMEM;
}

static void blackbox_exit(void)
{
	unsigned int i;

	cancel_delayed_work_sync(&settling);
	for (i = 0; i < XTCP_BLACKBOX_TABLE; i++)
		kfree(xtcp_boxnote_table[i]);
	ida_destroy(&slots);
	kmem_cache_destroy(slab);
}

const struct xtcp_part xtcp_blackbox_part = { blackbox_init, blackbox_exit };

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

struct owner_key {
	kuid_t user;		/* of whom the socket or the listener is */
	struct in6_addr peer;	/* of a child; zero otherwise */
};

static_assert(sizeof(struct owner_key) == sizeof(kuid_t) + sizeof(struct in6_addr));	/* no padding */

/* An owner of boxes; boxes_lock guards it. */
struct xtcp_box_owner {
	struct rb_node by_key;		/* in xtcp_rest.box_owners */
	struct rb_node by_kept;		/* in xtcp_rest.box_keepers, if @kept has a box */
	struct owner_key key;
	unsigned int boxes;		/* how many the owner has */
	unsigned int kept_len;
	struct list_head kept;		/* those of connections that have ended, the oldest first */
};

static struct xtcp_blackbox *oldest_of(const struct xtcp_box_owner *owner)
{
	return list_first_entry(&owner->kept, struct xtcp_blackbox, node);
}

/* Has one owner fewer kept boxes than the other one? Of two who have as many, the one with the oldest makes way. */
static bool has_fewer(struct rb_node *node, const struct rb_node *other)
{
	const struct xtcp_box_owner *a = rb_entry(node, struct xtcp_box_owner, by_kept);
	const struct xtcp_box_owner *b = rb_entry(other, struct xtcp_box_owner, by_kept);

	return a->kept_len == b->kept_len ? oldest_of(a)->ended_us > oldest_of(b)->ended_us : a->kept_len < b->kept_len;
}

/* NULL if no box is kept. */
static struct xtcp_box_owner *who_has_most(const struct xtcp_net *xn)
{
	return rb_entry_safe(rb_last(&xn->rest->box_keepers), struct xtcp_box_owner, by_kept);
}

/* Adds a box to the kept ones of its owner, or removes it. */
static void list_box(struct xtcp_blackbox *box, bool add)
{
	struct xtcp_rest *rest = box->xn->rest;
	struct xtcp_box_owner *owner = box->owner;

	lockdep_assert_held(&boxes_lock);
	if (owner->kept_len)
		rb_erase(&owner->by_kept, &rest->box_keepers);
	if (add)
		list_add_tail(&box->node, &owner->kept);
	else
		list_del(&box->node);
	owner->kept_len += add ? 1 : -1;
	rest->boxes_kept += add ? 1 : -1;
	if (owner->kept_len)
		rb_add(&owner->by_kept, &rest->box_keepers, has_fewer);
}

static int compare_owners(struct rb_node *node, const struct rb_node *other)
{
	return memcmp(&rb_entry(node, struct xtcp_box_owner, by_key)->key,
		      &rb_entry(other, struct xtcp_box_owner, by_key)->key, sizeof(struct owner_key));
}

/* Finds or makes an owner, who has one box more from now on. Return: NULL without memory. */
static struct xtcp_box_owner *get_owner(struct xtcp_net *xn, const struct owner_key *key)
{
	struct xtcp_box_owner *owner = kzalloc(sizeof(*owner), GFP_NOWAIT | __GFP_NOWARN);
	struct rb_node *found;

	lockdep_assert_held(&boxes_lock);
	if (!owner)
		return NULL;
	owner->key = *key;
	INIT_LIST_HEAD(&owner->kept);
	found = rb_find_add(&owner->by_key, &xn->rest->box_owners, compare_owners);
	if (found) {
		kfree(owner);
		owner = rb_entry(found, struct xtcp_box_owner, by_key);
	}
	owner->boxes++;
	return owner;
}

static void put_owner(struct xtcp_net *xn, struct xtcp_box_owner *owner)
{
	lockdep_assert_held(&boxes_lock);
	if (--owner->boxes)
		return;
	rb_erase(&owner->by_key, &xn->rest->box_owners);
	kfree(owner);
}

/* Who has one address easily has others: all of the loopback network count as one, and so does an IPv6 network. */
static struct owner_key owner_of_child(const struct sock *sk, kuid_t user)
{
	struct owner_key key = { .user = user, .peer = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn).faddr };

	if (!ipv6_addr_v4mapped(&key.peer)) {
		memset(&key.peer.s6_addr[8], 0, 8);
		/* a box of a connect() has the address 0 as its key; here the last octet is 1, as in ::1 */
		key.peer.s6_addr[15] = 1;
	} else if (ipv4_is_loopback(key.peer.s6_addr32[3])) {
		key.peer.s6_addr32[3] = htonl(INADDR_LOOPBACK);
	}
	return key;
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
	if (box->kept)
		list_box(box, false);
	put_owner(xn, box->owner);
	count_box(xn, -1);
	WRITE_ONCE(*xtcp_blackbox_place(box->slot), NULL);
	/* before another connection gets this memory: a reader that copies its data finds the number changed then */
	WRITE_ONCE(box->number, 0);
	smp_wmb();	/* pairs with smp_rmb() in xtcp_blackbox_copy() */
	ida_free(&slots, box->slot);
	kmem_cache_free(slab, box);
}

/*
 * Frees kept boxes of the namespace until there is space for a new box of @owner, which is counted
 * already; at most WAYS_MAX, since it may take long if blackbox_mem was lowered.
 */
static void make_way(struct xtcp_net *xn, const struct xtcp_box_owner *owner)
{
	const struct xtcp_box_owner *from;
	int n;

	for (n = 0; n < WAYS_MAX && !has_room(xn); n++) {
		from = who_has_most(xn);
		if (from && from->kept_len < owner->boxes)
			from = owner->kept_len ? owner : NULL;
		if (!from)
			return;
		free_box(oldest_of(from));
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

/* @owner: already counts the new box. */
static struct xtcp_blackbox *make_box(struct sock *sk, struct xtcp_box_owner *owner)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_blackbox *box;
	int slot;

	lockdep_assert_held(&boxes_lock);
	make_way(xn, owner);
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
	/* WRITE_ONCE(): this memory may have been a box, which a reader found and reads without the lock */
	WRITE_ONCE(box->begun, 0);
	WRITE_ONCE(box->count, 0);
	WRITE_ONCE(box->xn, xn);
	WRITE_ONCE(box->kept, false);
	box->owner = owner;
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
	/* new memory may have any number until the store above: who finds the box here must see that store */
	smp_store_release(xtcp_blackbox_place(slot), box);
	count_box(xn, 1);
	WRITE_ONCE(boxes_live, boxes_live + 1);
	return box;
}

/* Gives a box of @key to a sock that has none, or returns NULL. */
static struct xtcp_blackbox *give(struct sock *sk, const struct owner_key *key)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_blackbox *box = NULL;
	struct xtcp_box_owner *owner;

	spin_lock_bh(&boxes_lock);
	owner = get_owner(xn, key);
	if (owner) {
		box = make_box(sk, owner);
		if (!box)
			put_owner(xn, owner);
	}
	spin_unlock_bh(&boxes_lock);
	if (box)
		xtcp_boxnote_slot(sk, box->slot);
	else
		XTCP_NET_INC_STATS(xn, XTCP_MIB_BLACKBOXREFUSED);
	return box;
}

/* As give(), if a rule or the sysctl chooses the connection. */
static struct xtcp_blackbox *begin(struct sock *sk, const struct owner_key *key)
{
	sock_owned_by_me(sk);
	if (!is_chosen(sk) || WARN_ON_ONCE(xtcp_blackbox_has(sk)))
		return NULL;
	return give(sk, key);
}

/**
 * xtcp_blackbox_user() - to which user do the boxes of a socket belong?
 * @sk: the socket of the caller
 * Context: process.
 * Return: the user who has made the outermost user namespace around the caller, below that of the
 * socket's network namespace: subordinate ids in a user namespace count as that user. The owner of
 * the socket, if there is none, or root has made it.
 */
kuid_t xtcp_blackbox_user(const struct sock *sk)
{
	const struct user_namespace *ns;
	kuid_t user = READ_ONCE(sk->sk_uid);

	for (ns = current_user_ns(); ns != sock_net(sk)->user_ns && ns != &init_user_ns; ns = ns->parent)
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			user = ns->owner;
	return user;
}

/**
 * xtcp_blackbox_give() - give an empty box to a live connection, after xtcp_boxkey_hold()
 * @sk: has a connection; may have a box, which then stays
 * Return: 0; -ENOBUFS without memory, or beyond the limits at the top of this file.
 */
int xtcp_blackbox_give(struct sock *sk)
{
	const struct owner_key key = { .user = READ_ONCE(sk->sk_uid) };

	sock_owned_by_me(sk);
	return xtcp_blackbox_has(sk) || give(sk, &key) ? 0 : -ENOBUFS;
}

static struct xtcp_blackbox *detach(struct sock *sk)
{
	struct xtcp_blackbox *box = xtcp_boxnote_box(sk);

	lockdep_assert_held(&boxes_lock);
	xtcp_endpoint(sk)->box = 0;
	WRITE_ONCE(boxes_live, boxes_live - 1);
	if (!boxes_live && !READ_ONCE(wanting))
		schedule_delayed_work(&settling, HZ);
	return box;
}

/* Free the box of a live connection, if it has one. */
void xtcp_blackbox_take(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (!xtcp_blackbox_has(sk))
		return;
	spin_lock_bh(&boxes_lock);
	free_box(detach(sk));
	spin_unlock_bh(&boxes_lock);
}

/* Keeps the box if the connection was aborted, or else frees it. */
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
		list_box(box, true);
		drops = xn->rest->boxes_kept > max(share_of(xn) / 2, 1U);
		if (drops)
			free_box(oldest_of(who_has_most(xn)));
	} else {
		free_box(box);
	}
	spin_unlock_bh(&boxes_lock);
	if (ended.reason)
		XTCP_NET_INC_STATS(xn, XTCP_MIB_BLACKBOXKEPT);
	if (drops)
		XTCP_NET_INC_STATS(xn, XTCP_MIB_BLACKBOXDROPPED);
}

/* Frees the boxes of connections that have ended, in a namespace that has been set up. */
void xtcp_blackbox_forget(struct xtcp_net *xn)
{
	struct xtcp_box_owner *owner;

	do {
		spin_lock_bh(&boxes_lock);
		owner = who_has_most(xn);
		if (owner)
			free_box(oldest_of(owner));
		spin_unlock_bh(&boxes_lock);
		cond_resched();
	} while (owner);
}

/* The slot of the next box of a namespace, from @slot on; 0 if there is none. */
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
		/* a moment later it may be another namespace's: xtcp_blackbox_copy() tests this again */
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
 * Context: process.
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

/* Gives a box to an active open that a rule or the sysctl chooses; the SYN is not sent yet. */
void xtcp_blackbox_do_connect(struct sock *sk)
{
	const struct owner_key key = { .user = xtcp_blackbox_user(sk) };

	if (begin(sk, &key))
		xtcp_boxnote_call(sk, XTCP_BLACKBOX_CONNECT, 0, 0);
}

/* Writes the SYN and the SYN-ACK, from before there was a sock, with the time of the SYN-ACK (@sent_us; 0: now). */
void xtcp_blackbox_do_child(struct sock *sk, kuid_t user, u32 sent_us, u16 wnd)
{
	const struct owner_key key = owner_of_child(sk, user);
	struct xtcp_blackbox *box = begin(sk, &key);
	u64 us;

	/* with Fast Open the SYN makes the sock, so SYN and SYN-ACK are written as usual */
	if (!box || xtcp_sk(sk)->fastopen)
		return;
	us = box->begun_us;
	if (sent_us)
		us -= (u32)us - sent_us;
	box->begun_us = us;
	xtcp_boxnote_syn(box, sk, us, true, 0);
	xtcp_boxnote_syn(box, sk, us, false, wnd);
}
