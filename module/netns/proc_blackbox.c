// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/xtcp_blackbox: the black boxes of a namespace. A black box has the last events of one
 * connection (blackbox.c). For each box, one line names the connection. An indented line for each
 * event follows, the oldest first:
 *
 *	box=17 netns=4026531840 local=10.9.0.2:80 peer=10.9.0.1:40000 began=12.345678 ended=...
 *	 12.345678 segment_in state=ESTABLISHED flags=[PA] seq=...
 *
 * Times are of CLOCK_MONOTONIC, in seconds; the time of a system call is exact only to a tick. If
 * an event has a tracepoint, a parser of traces can parse the event's line, too. The line has the
 * tracepoint's name without "xtcp_" and the tracepoint's fields. States, timers and reasons have
 * the same names as in a trace. But the line has no addresses and ports, and "options" is always
 * empty. The line of a segment also has "cwnd", "srtt_us" and "snd_una": the values just before the
 * segment arrived, or when it was sent. "rebuilt" is 1 for a SYN or SYN-ACK that arrived or was
 * sent before the connection had a sock; the event was written later.
 *
 * Sequence numbers help to forge segments, so only the owner of the namespace may read the file. A
 * write discards the boxes of connections that have ended.
 */
#include "netns/proc_blackbox.h"

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include <net/inet_ecn.h>

#include "arrive/arrive.h"
#include "base/net.h"
#include "base/seq.h"
#include "base/state.h"
#include "base/wire.h"
#include "cong/cong.h"
#include "sight/trace.h"
#include "time/time.h"

/* A value and its name. A list of such words ends with a word whose text is NULL. */
struct word {
	u32 value;
	const char *text;
};

static const struct word timer_names[] = { XTCP_TRACE_TIMERS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word phase_names[] = { XTCP_TRACE_PHASES(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word congestion_reasons[] = { XTCP_TRACE_CONGESTION_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word abort_reasons[] = { XTCP_ABORT_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word verdict_names[] = {
	{ XTCP_DROP, "dropped" },
	{ XTCP_ACK_DROP, "acknowledged and dropped" },
	{ XTCP_CHALLENGE, "challenge ACK" },
	{ XTCP_RESET, "reset" },
	{ }
};

static const struct word call_names[] = {
	{ XTCP_BLACKBOX_CONNECT, "connect" },
	{ XTCP_BLACKBOX_SEND, "send" },
	{ XTCP_BLACKBOX_RECV, "recv" },
	{ XTCP_BLACKBOX_SHUTDOWN, "shutdown" },
	{ XTCP_BLACKBOX_CLOSE, "close" },
	{ }
};

static const char *word_of(const struct word *words, u32 value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return "?";
}

static void show_time(struct seq_file *m, u64 us)
{
	u32 rest;

	us = div_u64_rem(us, USEC_PER_SEC, &rest);
	seq_printf(m, "%llu.%06u", us, rest);
}

static void show_address(struct seq_file *m, const struct in6_addr *addr, __be16 port)
{
	if (ipv6_addr_v4mapped(addr))
		seq_printf(m, "%pI4:%u", &addr->s6_addr32[3], ntohs(port));
	else
		seq_printf(m, "[%pI6c]:%u", addr, ntohs(port));
}

static void show_box(struct seq_file *m, const struct xtcp_blackbox *box)
{
	seq_printf(m, "box=%u netns=%u local=", box->shown, seq_file_net(m)->ns.inum);
	show_address(m, &box->tuple.laddr, box->tuple.lport);
	seq_puts(m, " peer=");
	show_address(m, &box->tuple.faddr, box->tuple.fport);
	seq_puts(m, " began=");
	show_time(m, box->begun_us);
	seq_puts(m, " ended=");
	show_time(m, box->kept ? box->ended_us : 0);
	seq_printf(m, " events=%lu missing=%lu iss=%u irs=%u mss=%u shift=%u peer_shift=%u uid=%u error=%u reason=%s\n",
		   box->count, box->begun, box->iss, box->irs, box->mss, box->rcv_wscale, box->snd_wscale,
		   from_kuid_munged(seq_user_ns(m), box->uid), box->kept ? box->ended.error : 0,
		   box->kept ? word_of(abort_reasons, box->ended.reason) : "none");
}

static void show_flags(struct seq_file *m, u16 flags)
{
	static const struct {
		u16 flag;
		char letter;
	} letters[] = {
		{ XTCP_SYN, 'S' }, { XTCP_FIN, 'F' }, { XTCP_RST, 'R' }, { XTCP_PSH, 'P' }, { XTCP_ACK, 'A' },
		{ XTCP_URG, 'U' }, { XTCP_ECE, 'E' }, { XTCP_CWR, 'C' }, { XTCP_AE, 'a' },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(letters); i++)
		if (flags & letters[i].flag)
			seq_putc(m, letters[i].letter);
}

/*
 * Shows the segment of @event. @sacks: the event after @event; it may contain the segment's SACK
 * blocks. NULL: @event is the last event.
 */
static void show_segment(struct seq_file *m, const struct xtcp_blackbox *box, const struct xtcp_blackbox_event *event,
			 const struct xtcp_blackbox_event *sacks)
{
	const bool out = event->kind == XTCP_BLACKBOX_OUT, syn = event->flags & XTCP_SYN;
	unsigned int i;

	seq_printf(m, " segment_%s state=%s flags=[", out ? "out" : "in", xtcp_state_name(event->state));
	show_flags(m, event->flags);
	seq_printf(m, "] seq=%u end=%u ack=%u wnd=%u len=%u", event->seq,
		   event->seq + event->len + syn + !!(event->flags & XTCP_FIN), event->ack, event->wnd, event->len);
	if (out)
		seq_printf(m, " resent=%u", !!(event->flags & XTCP_BLACKBOX_RESENT));
	seq_puts(m, " sacks=[");
	if (sacks && sacks->kind == XTCP_BLACKBOX_SACKS)
		for (i = 0; i < min_t(unsigned int, sacks->segs, XTCP_BLACKBOX_BLOCKS); i++)
			seq_printf(m, "%s%u-%u", i ? "," : "", sacks->word[2 * i], sacks->word[2 * i + 1]);
	seq_printf(m, "] shift=%u segs=%u ecn=%u ts=%u/%u options=[] cwnd=%u srtt_us=%u snd_una=%u rebuilt=%u",
		   syn ? 0 : out ? box->rcv_wscale : box->snd_wscale, event->segs ?: 1,
		   event->flags >> XTCP_BLACKBOX_ECN,
		   event->flags & XTCP_BLACKBOX_TS ? event->tsval : 0,
		   event->flags & XTCP_BLACKBOX_TS ? event->tsecr : 0,
		   event->cwnd, event->srtt_us, event->una, !!(event->flags & XTCP_BLACKBOX_REBUILT));
}

static void show_call(struct seq_file *m, const struct xtcp_blackbox_event *event)
{
	seq_printf(m, " call state=%s call=%s wanted=%u result=%d times=%u", xtcp_state_name(event->state),
		   word_of(call_names, event->word[0]), event->word[1], (int)event->word[2], event->word[3]);
}

/*
 * Finds an event that is not a system call: the last one before event @i if @step is -1, the first
 * one after event @i if @step is 1. The search ends at event @end. Returns the event, or NULL.
 */
static const struct xtcp_blackbox_event *find_timed(const struct xtcp_blackbox *box, unsigned long i,
						    unsigned long end, int step)
{
	const struct xtcp_blackbox_event *event;

	while (i != end) {
		i += step;
		event = &box->event[i % XTCP_BLACKBOX_EVENTS];
		if (event->kind != XTCP_BLACKBOX_CALL)
			return event;
	}
	return NULL;
}

/*
 * Returns when event @i happened, microseconds. The time of a system call is known only to a tick,
 * so the function clamps it to the times of the nearest events before and after it that are no
 * system calls: these times are exact.
 */
static u64 event_time(const struct xtcp_blackbox *box, unsigned long i)
{
	const struct xtcp_blackbox_event *event = &box->event[i % XTCP_BLACKBOX_EVENTS], *previous, *next;
	u64 us, ticks;

	if (event->kind != XTCP_BLACKBOX_CALL)
		return event->us;
	previous = find_timed(box, i, box->begun, -1);
	next = find_timed(box, i, box->count - 1, 1);
	ticks = (u32)jiffies - event->word[4];
	us = div_u64(ktime_get_coarse_ns(), NSEC_PER_USEC) - ticks * (USEC_PER_SEC / HZ);
	us = max(us, previous ? previous->us : box->begun_us);
	return next ? min(us, next->us) : us;
}

static void show_event(struct seq_file *m, const struct xtcp_blackbox *box, unsigned long i)
{
	const struct xtcp_blackbox_event *event = &box->event[i % XTCP_BLACKBOX_EVENTS];
	const u32 *word = event->word;

	seq_putc(m, ' ');
	show_time(m, event_time(box, i));
	switch ((enum xtcp_blackbox_kind)event->kind) {
	case XTCP_BLACKBOX_IN:
	case XTCP_BLACKBOX_OUT:
		show_segment(m, box, event, i + 1 != box->count ? &box->event[(i + 1) % XTCP_BLACKBOX_EVENTS] : NULL);
		break;
	case XTCP_BLACKBOX_SACKS:
		break;
	case XTCP_BLACKBOX_STATE:
		seq_printf(m, " state old=%s new=%s", xtcp_state_name(event->state), xtcp_state_name(word[0]));
		break;
	case XTCP_BLACKBOX_TIMER:
		seq_printf(m, " timer state=%s timer=%s rto_ms=%u backoff=%u retransmits=%u probes=%u",
			   xtcp_state_name(event->state), word_of(timer_names, word[0]),
			   word[1], word[2], word[3], word[4]);
		break;
	case XTCP_BLACKBOX_CONGESTION:
		seq_printf(m, " congestion phase=%s cwnd=%u ssthresh=%u pipe=%u srtt_us=%u min_rtt_us=%u",
			   word_of(phase_names, word[0]), word[1], word[2], word[3], word[4], word[5]);
		seq_printf(m, " snd_una=%u snd_nxt=%u reason=%s", word[6], word[7],
			   word_of(congestion_reasons, event->segs));
		break;
	case XTCP_BLACKBOX_ABORT:
		seq_printf(m, " abort state=%s error=%u reason=%s", xtcp_state_name(event->state), word[0],
			   word_of(abort_reasons, word[1]));
		break;
	case XTCP_BLACKBOX_REFUSED:
		seq_printf(m, " refused state=%s reason=%s", xtcp_state_name(event->state),
			   word_of(verdict_names, word[0]));
		break;
	case XTCP_BLACKBOX_CALL:
		show_call(m, event);
		break;
	}
	seq_putc(m, '\n');
}

static void *look_up_box(struct seq_file *m, loff_t *pos)
{
	struct xtcp_net *xn = xtcp_net(seq_file_net(m));
	unsigned long slot;

	if (*pos >= XTCP_BLACKBOX_SLOTS || !xtcp_netns_is_started(xn))
		return NULL;
	slot = xtcp_blackbox_next(xn, max_t(loff_t, *pos, 1));
	*pos = slot ?: XTCP_BLACKBOX_SLOTS;
	/* the slot's number, cast to a pointer; NULL (0) ends the listing */
	return (void *)slot;
}

static void *next_box(struct seq_file *m, void *v, loff_t *pos)
{
	cond_resched();
	++*pos;
	return look_up_box(m, pos);
}

static void stop_boxes(struct seq_file *m, void *v)
{
}

static int show_events(struct seq_file *m, void *v)
{
	struct xtcp_blackbox *box = &((struct xtcp_proc_box *)m->private)->box;
	unsigned long i;

	if (!xtcp_blackbox_copy(xtcp_net(seq_file_net(m)), (unsigned long)v, box))
		return SEQ_SKIP;
	show_box(m, box);
	for (i = box->begun; i != box->count; i++)
		if (box->event[i % XTCP_BLACKBOX_EVENTS].kind != XTCP_BLACKBOX_SACKS)
			show_event(m, box, i);
	return 0;
}

const struct seq_operations xtcp_proc_blackbox_ops = {
	.start = look_up_box,
	.next = next_box,
	.stop = stop_boxes,
	.show = show_events,
};
