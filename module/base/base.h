/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol's clocks, struct xtcp_seg, the connection state, memory, limits and secrets. Any file
 * may call what is in base/, and base/ calls no other folder.
 */
#ifndef XTCP_BASE_H
#define XTCP_BASE_H

#include "base/net.h"
#include "compat.h"

struct xtcp_demux_key;

/* Clocks: microseconds for RTTs, milliseconds for timestamps, and 32-bit jiffies. */

static inline u64 xtcp_clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/* Microseconds since @then_us; 0 if that is in the future, as for a segment that the fq qdisc still delays. */
static inline u64 xtcp_clock_since_us(u64 now_us, u64 then_us)
{
	return now_us > then_us ? now_us - then_us : 0;
}

/* The timestamp clock ticks once a millisecond (RFC 7323 section 5.4 allows 1 ms to 1 s). */
static inline u32 xtcp_clock_ts(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

/* The value of the timestamp clock when xtcp_clock_us() returned @us. */
static inline u32 xtcp_clock_ts_of(u64 us)
{
	return (u32)div_u64(us, USEC_PER_MSEC);
}

/*
 * Clocks for stamps in which 0 means "none": 1 when the clock is 0. Compute the age of such a stamp
 * with the same function: while the plain clock is 0, a stamp of 1 would be in the future.
 */
static inline u32 xtcp_clock_stamp(void)
{
	return (u32)jiffies ?: 1;
}

static inline u32 xtcp_clock_ts_stamp(void)
{
	return xtcp_clock_ts() ?: 1;
}

/* Extend @stamp to full-length jiffies. @stamp: 32-bit jiffies, at most 2^31 away from now. */
static inline unsigned long xtcp_clock_jiffies(u32 stamp)
{
	return jiffies + (s32)(stamp - (u32)jiffies);
}

/* Do not compare with the seconds of xtcp_clock_us(), which may be a tick ahead. */
static inline u32 xtcp_clock_seconds(void)
{
	return (u32)ktime_get_seconds();
}

/* Seconds, never 0, for stamps in which 0 means "none": an initramfs may load us while the clock is 0. */
static inline u32 xtcp_clock_seconds_stamp(void)
{
	return xtcp_clock_seconds() ?: 1;
}

/*
 * The caller holds the lock that the timer's function takes. If the function begins to run now,
 * either answer is right: it waits for the lock, and checks everything again.
 */
static inline bool xtcp_clock_timer_pending(const struct timer_list *timer)
{
	/* without the lock of the kernel's timers, since either answer is right */
	return data_race(timer_pending(timer));
}

/* Does IPv4 carry this connection? An AF_INET6 sock with a v4-mapped peer uses IPv4. */
static inline bool xtcp_sock_is_v4(const struct sock *sk)
{
	return sk->sk_family == AF_INET || ipv6_addr_v4mapped(&sk->sk_v6_daddr);
}

/*
 * A segment, with the names of RFC 9293 section 3.3.1; in skb->cb up to the receive queue.
 * @hdr_len: octets of TCP header at skb->data; 0 when rcvq.c has pulled the header
 * @sack_at: octets from the start of the TCP header to the first SACK block
 * @dif: the interface by which the segment arrived; with a VRF: the VRF device
 * @sdif: with a VRF: the interface by which the segment arrived; otherwise 0
 */
struct xtcp_seg {
	u32 seq;		/* SEG.SEQ */
	u32 end_seq;		/* SEG.SEQ + SEG.LEN, counting SYN and FIN */
	u32 ack;		/* SEG.ACK; valid when XTCP_ACK is in @flags */
	u32 tsval;		/* valid when @has_ts */
	u32 tsecr;		/* valid when @has_ts */
	u32 len;		/* octets of data; rcvq.c updates it when it trims the segment */
	u16 wnd;		/* the window field, unscaled */
	u8 hdr_len;
	u8 flags;		/* enum xtcp_flags */
	bool has_ts;		/* the timestamps option is present */
	bool has_wscale;	/* the window scale option is present, on a SYN */
	u8 wscale;		/* the shift count of the window scale option, at most 14 */
	bool sack_permitted;	/* the SACK-permitted option is present, on a SYN */
	u8 sack_blocks;		/* number of SACK blocks in the option, 0: none (RFC 2018) */
	u8 sack_at;
	u16 mss;		/* the MSS option of a SYN, 0: none */
	u8 ack_rate;		/* the ACK Rate Request option (enum xtcp_ackrate) */
	u8 ecn;			/* the ECN field of the IP header: INET_ECN_* */
	int dif;
	int sdif;
};

static inline struct xtcp_seg *xtcp_seg(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_seg) > sizeof(skb->cb));
	return (struct xtcp_seg *)skb->cb;
}

/*
 * Finds the header of a segment that IP has just delivered. Returns its length with options; 0 if
 * that is less than XTCP_HDR_LEN, or if the skb ends before. @buf has XTCP_HDR_LEN +
 * XTCP_MAX_OPTIONS octets. The length is read once: a fragment's page may change meanwhile.
 */
static __always_inline unsigned int xtcp_seg_peek(const struct sk_buff *skb, u8 *buf, const struct tcphdr **th)
{
	unsigned int len;

	*th = skb_header_pointer(skb, 0, sizeof(**th), buf);
	if (!*th)
		return 0;
	len = (*th)->doff * 4;
	if (len < sizeof(**th))
		return 0;
	*th = skb_header_pointer(skb, 0, len, buf);
	return *th ? len : 0;
}

/* A SYN without RST, ACK and FIN, as a client begins a connection with (RFC 9293 section 3.5). */
static inline bool xtcp_seg_is_syn_alone(const struct xtcp_seg *seg)
{
	return (seg->flags & (XTCP_SYN | XTCP_RST | XTCP_ACK | XTCP_FIN)) == XTCP_SYN;
}

/* The approximate value of @counter, at least 0. Part of each processor's count may be missing. */
static inline s64 xtcp_counter_about(struct percpu_counter *counter)
{
	/* the kernel may write the sum during this read; a limit need not see the latest change */
	return data_race(percpu_counter_read_positive(counter));
}

/*
 * The answer is exact for a small limit. For a large one it may be wrong by 1/@rough_part of the
 * limit: to add up the counts of all processors costs too much. @batch: how much a processor counts
 * before it updates the sum.
 */
static inline bool xtcp_counter_above(struct percpu_counter *counter, s64 limit, s32 batch, int rough_part)
{
	if (limit >= (s64)batch * rough_part * num_possible_cpus())
		return xtcp_counter_about(counter) > limit;
	return __percpu_counter_compare(counter, limit, batch) > 0;
}

void xtcp_state_set(struct sock *sk, int state);

extern const struct xtcp_part xtcp_orphan_part;

/* Of a sock without a program. BH disabled; bh_lock_sock() held, or no other thread can find @sk. */
static inline void xtcp_orphan_leave_netns(struct sock *sk)
{
	if (!sk->sk_net_refcnt)
		return;
	/* the caller may use the namespace until it enables BH: its exit waits for RCU */
	WARN_ON_ONCE(!in_softirq());
	sk->sk_net_refcnt = 0;
	sock_inuse_add(sock_net(sk), -1);
	xtcp_compat_put_net(sk);
}

void xtcp_orphan_add(struct sock *sk);
void xtcp_orphan_leave(struct sock *sk);
bool xtcp_orphan_too_many(struct sock *sk, bool is_new);

void xtcp_memory_accepted(struct sock *sk);

void xtcp_memory_force(struct sock *sk, int octets);
void xtcp_memory_uncharge(struct sock *sk, int octets);

/* All guests may have 1/2 of a global limit, all guests of one maker 1/4 of what all guests may have. */
#define XTCP_GUESTS_PART	2
#define XTCP_MAKER_SHARE	4
/* The answer of xtcp_guests_exceed() may be wrong by 1/8 of the limit, if the limit is large. */
#define XTCP_GUESTS_ROUGH	8

/* What all guests together have a limit for, and each maker a count. */
enum xtcp_guests_thing {
	XTCP_GUESTS_ENTRIES,	/* half-open entries (entry.c) */
	XTCP_GUESTS_CHILDREN,	/* connections that wait for accept() (entry.c) */
	XTCP_GUESTS_ORPHANS,	/* orphans (memory.c) */
	XTCP_GUESTS_RECORDS,	/* records (timewait.c) */
	XTCP_GUESTS_THINGS
};

/*
 * struct xtcp_guests - what all guests have and may have of one thing
 * @max: how much all guests may have; set before xtcp_guests_init(), unless the limit may change
 * @batch: how much a processor may count before it updates @count; 0: xtcp_guests_init() chooses it
 */
struct xtcp_guests {
	struct percpu_counter count;	/* how much all guests have */
	unsigned int max;
	s32 batch;
	enum xtcp_guests_thing thing;	/* which count of a maker belongs to this limit */
};

/*
 * struct xtcp_maker - who has made guests, and what all his guests have
 * @made_in: for the global root, the guests' outermost user namespace, else NULL; only compared
 * @counts: how much all guests of this maker have, by enum xtcp_guests_thing
 */
struct xtcp_maker {
	struct list_head node;	/* in the list of all makers; guarded by the lock of that list, as is @users */
	unsigned int users;	/* number of guests of this maker that have had a socket of ours (xtcp_rest.maker) */
	kuid_t uid;	/* the user */
	const struct user_namespace *made_in;
	unsigned int boxes;	/* black boxes (blackbox.c); guarded by the lock of the boxes */
	unsigned int handovers;	/* listeners that wait for a successor (handover.c); guarded by a lock of that file */
	struct percpu_counter counts[XTCP_GUESTS_THINGS];
};

static inline void xtcp_guests_count_all(struct xtcp_guests *guests, int change)
{
	percpu_counter_add_batch(&guests->count, change, guests->batch);
}

static inline void xtcp_guests_count_maker(struct xtcp_guests *guests, struct xtcp_net *xn, int change)
{
	percpu_counter_add_batch(&xn->rest->maker->counts[guests->thing], change, guests->batch);
}

static inline void xtcp_guests_count(struct xtcp_guests *guests, struct xtcp_net *xn, int change)
{
	xtcp_guests_count_maker(guests, xn, change);
	xtcp_guests_count_all(guests, change);
}

/* Have all guests of the maker of @xn together more than @limit? */
static inline bool xtcp_guests_maker_exceeds(struct xtcp_guests *guests, const struct xtcp_net *xn, s64 limit)
{
	return xtcp_counter_above(&xn->rest->maker->counts[guests->thing], limit, guests->batch, XTCP_GUESTS_ROUGH);
}

/* With @more for the guest @xn, would all guests exceed @max, or all of its maker their share of it? */
static inline bool xtcp_guests_exceed(struct xtcp_guests *guests, const struct xtcp_net *xn, s64 max, unsigned int more)
{
	return xtcp_counter_above(&guests->count, max - more, guests->batch, XTCP_GUESTS_ROUGH) ||
	       xtcp_guests_maker_exceeds(guests, xn, max / XTCP_MAKER_SHARE - more);
}

extern const struct xtcp_net_part xtcp_guests_part;

int xtcp_guests_limit(unsigned int *limit, const char *parameter, unsigned int part, u32 size);
int xtcp_guests_init(struct xtcp_guests *guests);

static inline void xtcp_guests_exit(struct xtcp_guests *guests)
{
	WARN_ON_ONCE(percpu_counter_sum(&guests->count));
	percpu_counter_destroy(&guests->count);
}

bool xtcp_checksum_ok(struct sk_buff *skb);

extern const struct xtcp_net_part xtcp_secret_part;
void xtcp_secret_active(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, u32 *iss, u32 *ts_offset);
u32 xtcp_secret_ts_offset(const struct xtcp_net *xn, const struct xtcp_tuple *tuple);
u32 xtcp_secret_cookie(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, struct xtcp_cookie cookie);
bool xtcp_secret_cookie_check(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, u32 iss, const u32 *tsecr,
			      struct xtcp_cookie *cookie);

/* main.c, for the kernel. all.c is compiled with -fwhole-program, which hides every function without __visible. */
__visible int init_module(void);
__visible void cleanup_module(void);

#endif /* XTCP_BASE_H */
