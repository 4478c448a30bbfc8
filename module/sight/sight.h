/* SPDX-License-Identifier: GPL-2.0 */
/* Counters, tracepoints and black boxes. README.md explains them. */
#ifndef XTCP_SIGHT_H
#define XTCP_SIGHT_H

#include <linux/jump_label.h>
#include <linux/snmp.h>

#include "base/endpoint.h"

enum xtcp_blackbox_call {
	XTCP_BLACKBOX_CONNECT,
	XTCP_BLACKBOX_SEND,
	XTCP_BLACKBOX_RECV,
	XTCP_BLACKBOX_SHUTDOWN,
	XTCP_BLACKBOX_CLOSE,
};

void xtcp_boxnote_in(struct sock *sk, struct sk_buff *skb);
void xtcp_boxnote_call(struct sock *sk, enum xtcp_blackbox_call call, u32 wanted, int got);

/* For counters of the Tcp: line. @field is TCP_MIB_*. */
#define XTCP_INC_STATS(xn, field)	SNMP_INC_STATS((xn)->tcp_statistics, field)
#define XTCP_DEC_STATS(xn, field)	SNMP_DEC_STATS((xn)->tcp_statistics, field)
#define XTCP_ADD_STATS(xn, field, n)	SNMP_ADD_STATS((xn)->tcp_statistics, field, n)

/* For counters of the TcpExt: line. @field is LINUX_MIB_* or XTCP_MIB_*. */
#define XTCP_NET_INC_STATS(xn, field)	SNMP_INC_STATS((xn)->net_statistics, field)
#define XTCP_NET_ADD_STATS(xn, field, n) SNMP_ADD_STATS((xn)->net_statistics, field, n)

/* Counters with numbers of our own. On the TcpExt: line they follow those of the kernel. */
enum xtcp_mib_own {
	XTCP_MIB_ABORTONRESET = __LINUX_MIB_MAX,
	XTCP_MIB_ABORTONICMP,
	XTCP_MIB_ABORTONLISTENER,
	XTCP_MIB_ABORTONDISCONNECT,
	XTCP_MIB_ABORTONKILL,
	XTCP_MIB_ABORTONNAMESPACE,
	XTCP_MIB_ABORTONIDLE,
	XTCP_MIB_ABORTONHALFCLOSED,
	XTCP_MIB_ABORTONUSERTIMEOUTMS,
	XTCP_MIB_ABORTONKEEPALIVEALWAYS,
	XTCP_MIB_LINGERZERO,
	XTCP_MIB_CLOSEDINSYNSENT,
	XTCP_MIB_BLACKBOXKEPT,
	XTCP_MIB_BLACKBOXDROPPED,
	XTCP_MIB_BLACKBOXREFUSED,
	XTCP_MIB_RESUMEJUMPED,
	XTCP_MIB_RESUMEVALIDATED,
	XTCP_MIB_RESUMERETREATED,
	XTCP_MIB_RSTDIAGSENT,
	XTCP_MIB_RSTDIAGRECV,
	XTCP_MIB_RSTDIAGMALFORMED,
	XTCP_MIB_ACKRATESENT,
	XTCP_MIB_ACKRATERECV,
	XTCP_MIB_ACKRATEMALFORMED,
	XTCP_MIB_LOCAL,
	XTCP_MIB_AUTHMALFORMED,
	XTCP_MIB_AOREQUIRED,		/* kernels before 6.7 lack this and the next four */
	XTCP_MIB_AOBAD,
	XTCP_MIB_AOKEYNOTFOUND,
	XTCP_MIB_AOGOOD,
	XTCP_MIB_AODROPPEDICMPS,
	XTCP_MIB_MAX,
};

struct xtcp_mib {
	unsigned long mibs[XTCP_MIB_MAX];
};

extern const struct xtcp_net_part xtcp_mib_part;
void xtcp_mib_aborted(struct xtcp_net *xn, enum xtcp_abort_reason reason);
int xtcp_mib_show_snmp(struct seq_file *m, void *v);
int xtcp_mib_show_netstat(struct seq_file *m, void *v);

/* The queues of a listener, for trace_xtcp_queue(). */
enum xtcp_trace_queue {
	XTCP_TRACE_SYN_QUEUE,
	XTCP_TRACE_ACCEPT_QUEUE,
};

/* Why the length of a queue has changed, or why it has not. */
enum xtcp_trace_queue_reason {
	XTCP_TRACE_ARRIVED,	/* SYN queue: a SYN came, or an entry of another listener */
	XTCP_TRACE_COMPLETED,	/* a child has replaced an entry, or has joined the accept queue */
	XTCP_TRACE_ACCEPTED,	/* accept queue: accept() took a child */
	XTCP_TRACE_RESET,	/* SYN queue: an entry was reset, by the peer or by us */
	XTCP_TRACE_TIMED_OUT,	/* SYN queue: the timeout of an entry's last SYN-ACK passed */
	XTCP_TRACE_FAILED,	/* SYN queue: an ICMP error or an administrator ended an entry */
	XTCP_TRACE_REFUSED,	/* no change: the queue was full, or a SYN could not be kept */
	/* no change of the SYN queue: the SYN was answered by cookie, without an entry */
	XTCP_TRACE_COOKIE,
	XTCP_TRACE_CLOSED,	/* the listener was closed */
};

/* Why the congestion state changed, for trace_xtcp_congestion(). */
enum xtcp_trace_congestion_reason {
	XTCP_TRACE_SACKED,		/* data out of order at the peer, or a duplicate ACK */
	XTCP_TRACE_IN_ORDER,		/* the data that was missing was late, not lost */
	XTCP_TRACE_THIRD_DUPACK,	/* the third duplicate ACK came (RFC 5681 section 3.2) */
	/* the peer has segments that were sent after the lost ones (RFC 8985 6.2) */
	XTCP_TRACE_RACK,
	XTCP_TRACE_PROBE,		/* no ACK came within the probe timeout (RFC 8985 7.3) */
	XTCP_TRACE_TLP,			/* the tail loss probe has repaired a loss (RFC 8985 7.4) */
	XTCP_TRACE_TIMEOUT,		/* the retransmission timer expired (RFC 6298 (5.4)) */
	XTCP_TRACE_RENEGED,		/* the peer dropped sacked data (RFC 2018 section 8) */
	XTCP_TRACE_ECE,			/* an ACK told of a congestion mark (RFC 3168 6.1.2) */
	XTCP_TRACE_QUEUE,		/* a queue of this machine was full */
	XTCP_TRACE_MTU,			/* data in flight is too large for the path */
	XTCP_TRACE_IDLE,		/* nothing was sent for more than an RTO (RFC 5681 4.1) */
	/* the peer has acknowledged all that was in flight when recovery began */
	XTCP_TRACE_RECOVERED,
	XTCP_TRACE_UNDO_TIMESTAMP,	/* the first transmission was late, not lost (RFC 3522) */
	XTCP_TRACE_UNDO_DSACK,		/* all retransmissions were duplicates (RFC 3708) */
	XTCP_TRACE_UNDO_FRTO,		/* F-RTO has shown that a timeout was spurious (RFC 5682) */
};

/* Changes that an administrator has made to a connection: bits for trace_xtcp_set(). */
enum xtcp_trace_set {
	XTCP_TRACE_SET_CONGESTION = 1 << XTCP_SET_CONGESTION,
	XTCP_TRACE_SET_MAX_PACING_RATE = 1 << XTCP_SET_MAX_PACING_RATE,
	XTCP_TRACE_SET_USER_TIMEOUT = 1 << XTCP_SET_USER_TIMEOUT,
	XTCP_TRACE_SET_KEEPALIVE = 1 << XTCP_SET_KEEPALIVE,
	XTCP_TRACE_SET_KEEPIDLE = 1 << XTCP_SET_KEEPIDLE,
	XTCP_TRACE_SET_BLACKBOX = 1 << XTCP_SET_BLACKBOX,
};

const u8 *xtcp_trace_option(const struct tcphdr *th, u8 kind);
bool xtcp_trace_timestamps(const struct tcphdr *th, u32 *tsval, u32 *tsecr);

/* The control bits of a segment, enum xtcp_flags. */
static inline u16 xtcp_trace_flags_of(const struct tcphdr *th)
{
	return ntohs(((const __be16 *)th)[6]) & 0x1ff;
}

void xtcp_boxkey_want(struct xtcp_net *xn, bool ends);
void xtcp_boxkey_hold(void);
void xtcp_boxkey_release(void);

#define XTCP_BLACKBOX_EVENTS	64	/* a power of two */
#define XTCP_BLACKBOX_BLOCKS	4U	/* SACK blocks that one event holds */

enum xtcp_blackbox_kind {
	XTCP_BLACKBOX_IN,		/* a segment arrives */
	XTCP_BLACKBOX_OUT,		/* a segment is passed to IP */
	XTCP_BLACKBOX_SACKS,		/* the SACK blocks of the segment in the previous event */
	XTCP_BLACKBOX_STATE,		/* the state changes */
	XTCP_BLACKBOX_TIMER,		/* a deadline passes */
	XTCP_BLACKBOX_CONGESTION,	/* congestion control changes: event xtcp_congestion */
	XTCP_BLACKBOX_ABORT,		/* the connection is aborted: event xtcp_abort */
	XTCP_BLACKBOX_REFUSED,		/* the segment that arrived last is dropped */
	XTCP_BLACKBOX_CALL,		/* the program makes a system call */
};

/* Who chooses whether a connection gets a black box when it begins (xtcp_sock.box_rule). */
enum xtcp_box_rule {
	XTCP_BOX_BY_SYSCTL,		/* net.xtcp.blackbox chooses */
	XTCP_BOX_NEVER,			/* a rule of the policy table chooses: no */
	XTCP_BOX_ALWAYS,		/* a rule of the policy table chooses: yes */
};

/* Bits of xtcp_blackbox_event.flags above those of enum xtcp_flags: what else is known about a segment. */
#define XTCP_BLACKBOX_RESENT	BIT(9)	/* the segment was sent before */
#define XTCP_BLACKBOX_TS	BIT(10)	/* the segment has timestamps */
/* a SYN or SYN-ACK from before the sock existed, put into the box later */
#define XTCP_BLACKBOX_REBUILT	BIT(11)
#define XTCP_BLACKBOX_ECN	12	/* shift of the ECN field of the IP header, INET_ECN_* */

/*
 * struct xtcp_blackbox_event - one event, in 48 octets
 * @us: when it happened, xtcp_clock_us(). Not valid for a system call: word[4] has its jiffies
 * @segs: for a GSO or GRO packet, the number of its segments; for any other segment, 0 or 1; for
 *	XTCP_BLACKBOX_SACKS, the number of blocks; for XTCP_BLACKBOX_CONGESTION, the reason
 * @seq: sequence number of a segment
 * @ack: acknowledgment number of the segment
 * @len: octets of data in the segment
 * @tsval: TSval of the segment
 * @tsecr: TSecr of the segment
 * @cwnd: the congestion window before the segment arrived, or when it was sent, octets
 * @srtt_us: the smoothed round-trip time, taken together with @cwnd
 * @una: SND.UNA, taken together with @cwnd
 * @word: the values of an event that is not a segment, as blackbox.c writes them; for SACK blocks,
 *	their left and right edges
 */
struct xtcp_blackbox_event {
	u64 us;
	u8 kind;	/* enum xtcp_blackbox_kind */
	u8 state;	/* the state before the event, TCP_* */
	u16 flags;	/* for a segment: enum xtcp_flags and XTCP_BLACKBOX_* */
	u16 wnd;	/* the window field of a segment */
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

/*
 * struct xtcp_blackbox - the black box of a connection
 * @number: the module gives each number to one box only; 0: the box is free. The number is not
 *	shown, since it tells how many boxes other namespaces have
 * @count: how many events have been written; the ring has the last XTCP_BLACKBOX_EVENTS of them. A
 *	reader without the lock copies the ring and then reads @begun. If the writer has meanwhile begun
 *	to overwrite an event, the reader ignores that event
 * @begun_us: xtcp_clock_us() when the connection began; for a box of xtcp_blackbox_give(), when the
 *	connection got the box
 *
 * Until the connection ends, the socket lock guards all fields except @node. Afterwards nobody
 * writes to them until the box is freed. boxes_lock (blackbox.c) guards @owner, @node and the
 * freeing.
 */
struct xtcp_blackbox {
	unsigned long number;
	unsigned long begun;	/* how many events the writer has begun to write */
	unsigned long count;
	struct xtcp_net *xn;
	u16 slot;	/* index of the box in the table of boxes */
	bool kept;	/* the connection has ended, and the box is kept */
	u8 rcv_wscale;	/* the shift of our window */
	u8 snd_wscale;	/* the shift of the peer's window */
	u16 mss;	/* octets of data in a full segment */
	struct xtcp_ended ended;	/* why the connection ended, if @kept */
	u32 iss;
	u32 irs;
	kuid_t uid;	/* the owner of the socket */
	u64 begun_us;
	u64 ended_us;	/* xtcp_clock_us() when the connection ended */
	struct xtcp_tuple tuple;
	u32 shown;	/* the number of the box in its namespace, from 1 on */
	struct xtcp_box_owner *owner;
	struct list_head node;	/* links the box into the kept ones of @owner, if @kept */
	struct xtcp_blackbox_event event[XTCP_BLACKBOX_EVENTS];	/* the ring */
};

/*
 * The table of boxes, allocated in blocks. A sock stores its slot in two octets: the number of the
 * block, and the index in it, which is never 0 (xtcp_boxnote_slot()).
 */
#define XTCP_BLACKBOX_BLOCK	256U
#define XTCP_BLACKBOX_TABLE	256U
#define XTCP_BLACKBOX_SLOTS	(XTCP_BLACKBOX_TABLE * XTCP_BLACKBOX_BLOCK)

extern struct xtcp_blackbox **xtcp_boxnote_table[XTCP_BLACKBOX_TABLE];

DECLARE_STATIC_KEY_FALSE(xtcp_boxnote_key);

extern const struct xtcp_part xtcp_blackbox_part;

kuid_t xtcp_blackbox_user(const struct sock *sk);
int xtcp_blackbox_give(struct sock *sk);
void xtcp_blackbox_take(struct sock *sk);

unsigned int xtcp_blackbox_next(const struct xtcp_net *xn, unsigned int slot);
bool xtcp_blackbox_copy(const struct xtcp_net *xn, unsigned int slot, struct xtcp_blackbox *to);
void xtcp_blackbox_forget(struct xtcp_net *xn);

/* The out-of-line parts of the inline functions below. */
void xtcp_boxnote(struct sock *sk, enum xtcp_blackbox_kind kind, u32 what, u32 more);
void xtcp_blackbox_do_connect(struct sock *sk);
void xtcp_blackbox_do_child(struct sock *sk, kuid_t user, u32 sent_us, u16 wnd);
void xtcp_blackbox_do_end(struct sock *sk);
void xtcp_event_do_out(struct sock *sk, struct sk_buff *skb, u64 us, u32 len, u32 segments, bool resent, u8 ecn);

/* Returns where a slot is in memory; NULL if its block of the table was never allocated. */
static inline struct xtcp_blackbox **xtcp_blackbox_place(unsigned int slot)
{
	/* pairs with smp_store_release() in new_slot() */
	struct xtcp_blackbox **block = smp_load_acquire(&xtcp_boxnote_table[slot / XTCP_BLACKBOX_BLOCK]);

	return block ? &block[slot % XTCP_BLACKBOX_BLOCK] : NULL;
}

/* Is xtcp_boxnote_key on, and has the connection a box? Socket lock held, here and in all functions below. */
static __always_inline bool xtcp_blackbox_is_there(const struct sock *sk)
{
	return static_branch_unlikely(&xtcp_boxnote_key) && xtcp_endpoint(sk)->box;
}

static inline bool xtcp_blackbox_has(const struct sock *sk)
{
	return xtcp_endpoint(sk)->box;
}

/* Event: an active open; called before the SYN is sent. */
static inline void xtcp_blackbox_connect(struct sock *sk)
{
	if (static_branch_unlikely(&xtcp_boxnote_key))
		xtcp_blackbox_do_connect(sk);
}

/*
 * Event: a handshake has made a sock. @user: xtcp_listener.user. @sent_us: when its SYN-ACK was
 * sent, the lower half of xtcp_clock_us(); 0: not known. @wnd: the window field of the SYN-ACK.
 */
static inline void xtcp_blackbox_child(struct sock *sk, kuid_t user, u32 sent_us, u16 wnd)
{
	if (static_branch_unlikely(&xtcp_boxnote_key))
		xtcp_blackbox_do_child(sk, user, sent_us, wnd);
}

/*
 * Event: the connection has ended, for the reason in xtcp_sock.ended. xtcp_boxnote_key is not
 * tested: blackbox.c can turn it off while a box is being made, which must be kept or freed, too.
 */
static inline void xtcp_blackbox_end(struct sock *sk)
{
	if (unlikely(xtcp_endpoint(sk)->box))
		xtcp_blackbox_do_end(sk);
}

/* Event: a segment arrives; in/ has traced it. skb->data points to its TCP header. */
static inline void xtcp_blackbox_in(struct sock *sk, struct sk_buff *skb)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_in(sk, skb);
}

/* Event: the segment of the last xtcp_blackbox_in() is dropped. @verdict: enum xtcp_verdict */
static inline void xtcp_blackbox_refused(struct sock *sk, int verdict)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote(sk, XTCP_BLACKBOX_REFUSED, verdict, 0);
}

/* The program has made a system call. @wanted: octets, or how to shut down. @got: what it returns. */
static inline void xtcp_blackbox_call(struct sock *sk, enum xtcp_blackbox_call call, size_t wanted, int got)
{
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote_call(sk, call, min_t(size_t, wanted, U32_MAX), got);
}

#include <trace/events/xtcp.h>

/* Each of these tells the tracepoint and the black box. The socket lock is held. */

/* A segment with @len octets of text or payload leaves at the time @us. */
static __always_inline void xtcp_event_out(struct sock *sk, struct sk_buff *skb, u64 us, u32 len, u32 segments,
					   bool resent, u8 ecn)
{
	if (trace_xtcp_segment_out_enabled() || xtcp_blackbox_is_there(sk))
		xtcp_event_do_out(sk, skb, us, len, segments, resent, ecn);
}

/* The state is about to change. */
static inline void xtcp_event_state(struct sock *sk, int state)
{
	trace_xtcp_state(sk, sk->sk_state, state);
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote(sk, XTCP_BLACKBOX_STATE, state, 0);
}

/* A deadline has passed. @which: enum xtcp_timer */
static inline void xtcp_event_timer(struct sock *sk, int which)
{
	trace_xtcp_timer(sk, which);
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote(sk, XTCP_BLACKBOX_TIMER, which, 0);
}

/* The state of congestion control has changed. @reason: enum xtcp_trace_congestion_reason */
static inline void xtcp_event_congestion(struct sock *sk, u32 pipe, int reason)
{
	trace_xtcp_congestion(sk, pipe, reason);
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote(sk, XTCP_BLACKBOX_CONGESTION, reason, pipe);
}

/* The connection is about to be aborted. @reason: enum xtcp_abort_reason */
static inline void xtcp_event_abort(struct sock *sk, int err, int reason)
{
	trace_xtcp_abort(sk, err, reason);
	if (xtcp_blackbox_is_there(sk))
		xtcp_boxnote(sk, XTCP_BLACKBOX_ABORT, err, reason);
}

#endif /* XTCP_SIGHT_H */
