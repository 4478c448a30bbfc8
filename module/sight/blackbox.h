/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The black box of a connection: its last events, in memory. Files that report events call the
 * inline functions at the end, which cost one NOP as long as no namespace wants boxes.
 */
#ifndef XTCP_BLACKBOX_H
#define XTCP_BLACKBOX_H

#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/types.h>

#include "base/abort.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/tuple.h"
#include "sight/boxnote.h"

struct sk_buff;
struct tcphdr;

#define XTCP_BLACKBOX_EVENTS	64	/* a power of two */
#define XTCP_BLACKBOX_BLOCKS	4U	/* SACK blocks of a segment */

enum xtcp_blackbox_kind {
	XTCP_BLACKBOX_IN,		/* a segment arrives */
	XTCP_BLACKBOX_OUT,		/* a segment is passed to IP */
	XTCP_BLACKBOX_SACKS,		/* the SACK blocks of the segment before */
	XTCP_BLACKBOX_STATE,		/* the state changes */
	XTCP_BLACKBOX_TIMER,		/* a deadline passes */
	XTCP_BLACKBOX_CONGESTION,	/* as the event xtcp_congestion */
	XTCP_BLACKBOX_ABORT,		/* as the event xtcp_abort */
	XTCP_BLACKBOX_REFUSED,		/* the segment that arrived last is not taken */
	XTCP_BLACKBOX_CALL,		/* the program calls */
};

/* What else is known of a segment: bits of xtcp_blackbox_event.flags above enum xtcp_flags. */
#define XTCP_BLACKBOX_RESENT	BIT(9)	/* it was sent before */
#define XTCP_BLACKBOX_TS	BIT(10)	/* it has timestamps */
#define XTCP_BLACKBOX_REBUILT	BIT(11)	/* written when the third ACK came; the window is not known */
#define XTCP_BLACKBOX_ECN	12	/* from here on: the field of the IP header, INET_ECN_* */

/**
 * struct xtcp_blackbox_event - 48 octets
 * @us: xtcp_clock_us(); of a call, that of the event before, and word[4] has jiffies
 * @kind: enum xtcp_blackbox_kind
 * @state: TCP_*, before the event
 * @flags: of a segment: enum xtcp_flags, and XTCP_BLACKBOX_*
 * @wnd: the window field of a segment
 * @segs: segments in a bundle; the number of SACK blocks
 * @seq: sequence number of a segment
 * @ack: its acknowledgment
 * @len: its octets of data
 * @tsval: its timestamp
 * @tsecr: the echo
 * @cwnd: the congestion window before it arrived, or when it left
 * @srtt_us: the smoothed round trip at that time
 * @una: SND.UNA at that time
 * @word: what other events say, as blackbox.c writes it; SACK blocks: left and right edge
 */
struct xtcp_blackbox_event {
	u64 us;
	u8 kind;
	u8 state;
	u16 flags;
	u16 wnd;
	u16 segs;
	union {
		struct {
			u32 seq;
			u32 ack;
			u32 len;
			u32 tsval;
			u32 tsecr;
			u32 cwnd;
			u32 srtt_us;
			u32 una;
		};
		u32 word[8];
	};
};

/**
 * struct xtcp_blackbox - the black box of a connection
 * @number: no other box of the machine has had it; 0: free
 * @begun: events ever begun
 * @count: events ever written; the last XTCP_BLACKBOX_EVENTS of them are there. A reader without
 *	the lock believes none that @begun may have overwritten meanwhile
 * @xn: the namespace
 * @slot: its place in the table of boxes
 * @tuple: both ends
 * @kept: the connection has ended
 * @begun_us: xtcp_clock_us() when it began
 * @ended_us: the same when the connection ended
 * @ended: why, if @kept
 * @iss: our initial sequence number
 * @irs: the peer's
 * @mss: octets of data in a full segment
 * @rcv_wscale: shift of our window
 * @snd_wscale: shift of the peer's
 * @uid: the owner of the socket
 * @node: on xtcp_net.boxes_kept, if @kept
 * @event: the ring
 *
 * The socket lock guards all but @node until the connection ends; then nobody writes any more.
 */
struct xtcp_blackbox {
	u64 number;
	unsigned long begun;
	unsigned long count;
	struct xtcp_net *xn;
	u16 slot;
	bool kept;
	u8 rcv_wscale;
	u8 snd_wscale;
	u16 mss;
	struct xtcp_ended ended;
	u32 iss;
	u32 irs;
	kuid_t uid;
	u64 begun_us;
	u64 ended_us;
	struct xtcp_tuple tuple;
	struct list_head node;
	struct xtcp_blackbox_event event[XTCP_BLACKBOX_EVENTS];
};

/* The table of slots, in blocks. Slot 0 is never used. The sock has two octets: xtcp_boxnote_slot(). */
#define XTCP_BLACKBOX_SLOTS	(255U * 256)
#define XTCP_BLACKBOX_BLOCK	(PAGE_SIZE / sizeof(struct xtcp_blackbox *))
#define XTCP_BLACKBOX_TABLE	DIV_ROUND_UP(XTCP_BLACKBOX_SLOTS, XTCP_BLACKBOX_BLOCK)

extern struct xtcp_blackbox **xtcp_boxnote_table[XTCP_BLACKBOX_TABLE];

DECLARE_STATIC_KEY_FALSE(xtcp_boxnote_key);

int xtcp_blackbox_init(void);
void xtcp_blackbox_exit(void);
int xtcp_blackbox_net_init(struct xtcp_net *xn);
void xtcp_blackbox_net_exit(struct xtcp_net *xn);
void xtcp_blackbox_want(struct xtcp_net *xn, bool ends);

unsigned int xtcp_blackbox_next(const struct xtcp_net *xn, unsigned int slot);
bool xtcp_blackbox_copy(const struct xtcp_net *xn, unsigned int slot, struct xtcp_blackbox *to);
void xtcp_blackbox_forget(struct xtcp_net *xn);

/* Behind the inline functions below. */
void xtcp_blackbox_do_connect(struct sock *sk);
void xtcp_blackbox_do_child(struct sock *sk, u32 sent_us, u16 wnd);
void xtcp_blackbox_do_end(struct sock *sk);

/* NULL: no box has had the slot so far. */
static inline struct xtcp_blackbox **xtcp_blackbox_place(unsigned int slot)
{
	/* pairs with smp_store_release() in new_slot() */
	struct xtcp_blackbox **block = smp_load_acquire(&xtcp_boxnote_table[slot / XTCP_BLACKBOX_BLOCK]);

	return block ? &block[slot % XTCP_BLACKBOX_BLOCK] : NULL;
}

/* Has the connection a box that is written now? The socket lock is held, here and in all that follow. */
static __always_inline bool xtcp_blackbox_is_there(const struct sock *sk)
{
	return static_branch_unlikely(&xtcp_boxnote_key) && xtcp_endpoint(sk)->box;
}

/* An active open: before the SYN. */
static inline void xtcp_blackbox_connect(struct sock *sk)
{
	if (static_branch_unlikely(&xtcp_boxnote_key))
		xtcp_blackbox_do_connect(sk);
}

/*
 * A handshake has made a sock. @sent_us: when its SYN-ACK was sent, the lower half of
 * xtcp_clock_us(); 0: not known. @wnd: the window that the SYN-ACK offered.
 */
static inline void xtcp_blackbox_child(struct sock *sk, u32 sent_us, u16 wnd)
{
	if (static_branch_unlikely(&xtcp_boxnote_key))
		xtcp_blackbox_do_child(sk, sent_us, wnd);
}

/*
 * The connection has ended, for the reason in xtcp_sock.ended. The key may have gone off between
 * the choice of this connection and the making of its box.
 */
static inline void xtcp_blackbox_end(struct sock *sk)
{
	if (unlikely(xtcp_endpoint(sk)->box))
		xtcp_blackbox_do_end(sk);
}

/* @skb: at its TCP header */
static inline void xtcp_blackbox_in(struct sock *sk, struct sk_buff *skb)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_in(sk, skb);
}

/* @us: when it leaves */
static inline void xtcp_blackbox_out(struct sock *sk, const struct tcphdr *th, u64 us, u32 len, u32 segments,
				     bool resent, bool ect)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_out(sk, th, us, len, segments, resent, ect);
}

static inline void xtcp_blackbox_state(struct sock *sk, int state)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_state(sk, state);
}

/* @which: enum xtcp_timer */
static inline void xtcp_blackbox_timer(struct sock *sk, int which)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_timer(sk, which);
}

/* @reason: enum xtcp_trace_congestion_reason */
static inline void xtcp_blackbox_congestion(struct sock *sk, u32 pipe, int reason)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_congestion(sk, pipe, reason);
}

/* Before the state changes. */
static inline void xtcp_blackbox_abort(struct sock *sk, int err, int reason)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_abort(sk, err, reason);
}

/* The segment of the last xtcp_blackbox_in() is dropped. @verdict: enum xtcp_verdict */
static inline void xtcp_blackbox_refused(struct sock *sk, int verdict)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_refused(sk, verdict);
}

/* @wanted: octets, or how to shut down; @got: what the call returns */
static inline void xtcp_blackbox_call(struct sock *sk, enum xtcp_blackbox_call call, size_t wanted, int got)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_call(sk, call, min_t(size_t, wanted, U32_MAX), got);
}

#endif /* XTCP_BLACKBOX_H */
