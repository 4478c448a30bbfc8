/* SPDX-License-Identifier: GPL-2.0 */
/* An independent reader of the wire, which knows neither stack: it says which rule the sender of a segment broke. */
#pragma once

#include "scenario.h"
#include "segment.h"

#define JUDGE_RANGES	1024
#define JUDGE_COPIES	8
#define JUDGE_ORPHAN_US	102200000LL	/* eight repetitions, the first after the smallest RTO */
#define JUDGE_FAR_POINTER	65535	/* the urgent octet may lie farther away */

/* A part of the sequence space, of octets that have arrived. */
struct judge_range {
	uint32_t from, to;
};

/* Text that came with CE, or with CWR, up to @end; the side has not acknowledged it yet. */
struct judge_mark {
	bool is_set;
	uint32_t end;
};

#define JUDGE_ECN_COUNTERS	4	/* [0]: segments with CE; the others: octets, by codepoint */

/* What judge_ecn.c knows of one side. */
struct judge_ecn {
	bool has_syn, is_mixed;	/* its SYNs differ */
	unsigned int said;	/* the ECN flags of the last one */
	bool has_counted;	/* a segment with the ACE field has left */
	/* what arrived: surely counted by now, before the last packet that arrived, and all */
	uint32_t least[JUDGE_ECN_COUNTERS], settled[JUDGE_ECN_COUNTERS], most[JUDGE_ECN_COUNTERS];
	struct judge_mark ce, cwr;
	bool may_echo, must_echo;	/* ECE */
	bool had_ce;
	bool hears_ece, is_answered;	/* the ACKs that come have ECE; CWR has left since the first one */
	unsigned int rounds;	/* of ECE */
	uint32_t round_end;
};

/* What judge_fastopen.c knows of one side: of the SYNs with text or a cookie that have arrived there. */
struct judge_fastopen {
	bool has_syn;		/* one without ACK has arrived */
	uint32_t first;		/* sequence number of the text; what an ACK takes of it has arrived, up to @end */
	uint32_t end;
	uint32_t window;	/* of the latest SYN */
	bool has_asked;		/* one has the option */
	bool has_cookie;	/* one has a cookie */
	/* of what the side has sent */
	unsigned int syns;	/* without ACK */
};

/* What judge_probe.c knows of one side: its probes since the window closed. */
struct judge_probes {
	bool is_closed;		/* the window, by the last segment that arrived */
	unsigned int n;
	uint32_t una;
	long long last_us, interval_us;
};

/* What judge_rto.c knows of one side: what it has sent again. */
struct judge_repeats {
	bool has_begun;
	uint32_t una, end;	/* SND.UNA, and SND.NXT at @first_us */
	long long first_us;	/* the first time, since all was acknowledged that was in flight at the one before */
	long long una_first_us;	/* the same, since SND.UNA has moved */
	long long last_us;
	long long gap_us;	/* the longest time between two, since @first_us */
};

struct judge_forged {
	bool is_open;		/* a segment without SYN has left */
	const char *kind;	/* of the last segment that arrived; NULL: nothing special */
	long long arrived_us, answered_us;
	bool has_answered;
	uint32_t acked, edge;	/* as the side had said when it arrived */
};

struct judge_crossing {
	bool has_asked;		/* its SYN without ACK has left */
	bool has_answered;	/* and its SYN-ACK */
	bool is_crossed;	/* the other SYN has arrived meanwhile */
	long long crossed_us;
};

/* What is known of one side: of what it sent, and of what has arrived there. */
struct judge_side {
	bool has_syn;
	uint32_t iss;
	uint32_t snd_nxt;	/* the highest one */
	bool has_fin;
	uint32_t fin;		/* the FIN's sequence number */
	int scale;		/* of the windows that it offers, once both have sent the option */
	bool has_ts, sack_ok;
	bool has_acked;
	uint32_t acked;		/* the highest ACK that it sent */
	uint32_t edge;		/* right edge of the window that it offers, the furthest */
	uint32_t syn_edge;	/* the same, of its SYN-ACKs alone */
	bool has_tsval;
	uint32_t tsval;		/* the last one that it sent */

	struct judge_range ranges[JUDGE_RANGES];	/* that have arrived here, in order */
	int nr_ranges;
	bool heard_ack, is_settled;
	uint32_t una;		/* the highest ACK that has arrived here, in a segment that was not old */
	uint32_t una_most;	/* in any segment: a receiver may ignore the ACK of an unacceptable one */
	uint32_t settled_una;	/* the same, before the last packet that arrived */
	uint32_t heard_edge;	/* the furthest right edge that has arrived here */
	bool heard_ts;
	uint32_t ts_first, ts_last;	/* of those that have arrived here */
	uint32_t ts_recent;	/* TS.Recent is no higher, RFC 7323 section 4.3 */
	bool has_ts_recent;
	bool had_older;		/* text has come that PAWS or RFC 5961 may have dropped, see note_age() */
	uint32_t first_wnd;	/* the first window that has arrived here: MAX.SND.WND is no smaller */
	bool is_reset;		/* a RST has left or arrived */
	bool heard_reset, heard_end;	/* a RST has arrived; a FIN, and all before it */
	bool waits;		/* a queue stands between it and the wire: what it sends leaves later */
	bool misses;		/* its link goes down, and what it sends then is not seen */
	bool is_orderly;	/* no program and no host resets the connection */
	bool has_addrs;
	uint8_t addrs[32];	/* of its first packet: from where, to where */
	bool narrows;		/* the path becomes too narrow for what it has sent */
	unsigned int heard;	/* segments */
	long long heard_us, left_us;	/* the last one */
	long long acked_us;	/* the last one with an ACK of something new */
	unsigned int left, resent;	/* segments; among them those that only repeat octets */
	unsigned int syns_left, syns_heard;	/* among them SYN and SYN-ACK; heard: before any ACK */
	bool ended_by_reset;	/* a RST has arrived, or has ended it here, and no SYN has left since */
	bool has_left, has_sent_reset, has_heard_text;
	bool has_ended;		/* a RST has left, and with Fast Open no SYN since */

	/* offsets of the octets that the program wrote as urgent, URGENT_OCTETS at most */
	const long long *urgent;
	const int *nr_urgent;
	/* octets that the program has written, and whether shutdown() followed */
	const long long *written;
	const bool *has_shut;
	/* the urgent octets that this side has surely taken from what has arrived here */
	bool took_urgent[URGENT_OCTETS];
	/* octets of headers that have arrived here, as far before the text as an urgent octet that was not taken yet */
	bool overtook[256];

	/* what left last at SND.UNA, and how often nothing came back */
	uint32_t copy_seq;
	int copies;
	bool backs_off;	/* three timeouts of one segment: the RTO may stay doubled */
	long long copied_us, interval_us;
	uint32_t copy_len;
	bool is_restored;	/* by TCP_REPAIR, and has told no timestamp of the peer since */
	bool was_too_long;	/* a router has said so, and nothing has left at SND.UNA since */
	long long waited_us;	/* the longest time in which it sent nothing, with octets that were not acknowledged */
	long long waits_us;	/* all such times that are longer than LONG_WAIT_US together */
	unsigned int copy_heard;

	struct judge_ecn ecn;
	struct judge_probes probes;
	struct judge_repeats repeats;
	struct judge_forged forged;
	struct judge_fastopen fast;
	struct judge_crossing crossing;
};

struct judge {
	struct judge_side side[SIDES];
	uint8_t tint[SIDES];	/* sets the octets of the sides apart */
	enum algorithm algorithm[SIDES];
	int fastopen;		/* net.xtcp.fastopen */
	bool is_kernel[SIDES];	/* kernel TCP may break a rule */
	char broken[SIDES][256];	/* the first rule that each side broke, or empty */
	unsigned int nth[SIDES];	/* which breach of a rule this was, of those of all judges */
};

static inline uint8_t judge_octet(uint8_t tint, uint32_t offset)
{
	return offset * 7 + (offset >> 8) * 13 + (offset >> 16) + tint;
}

void judge_begin(struct judge *j, uint64_t seed);
/* Notes the first rule that @by broke. */
__attribute__((format(printf, 3, 4)))
void judge_broken(struct judge *j, enum side by, const char *format, ...);
/* @by broke a rule that only the reader of its bytes can see. */
void judge_unreadable(struct judge *j, enum side by, const char *why);
/* The link of @side goes down or up. What could not leave is no copy on the wire, but backs off, too. */
void judge_lost_route(struct judge *j, enum side side);
/* TCP_REPAIR has moved @side to another socket, which knows no timer, no timestamp and nothing out of order. */
void judge_restored(struct judge *j, enum side side, bool is_kernel);
/* A router's word that a packet was too long arrives at @side. */
void judge_too_long(struct judge *j, enum side side);
/* The packet @ip of @from leaves by the device of its route, or not. */
void judge_way(struct judge *j, enum side from, bool by_route, const uint8_t *ip);
/* A segment leaves @from, microseconds after the beginning. */
void judge_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us);
/* A segment is about to arrive at @to, as it was sent. */
void judge_arrives(struct judge *j, enum side to, const struct wire_segment *seg, long long now_us);
/* All that left before the last arrival has been seen. */
void judge_settle(struct judge *j);

/* judge_ecn.c. @next: RCV.NXT before; @is_old: all of the segment lies left of it. */
void judge_ecn_leaves(struct judge *j, enum side from, const struct wire_segment *seg);
void judge_ecn_arrives(struct judge *j, enum side to, const struct wire_segment *seg, uint32_t next, bool is_old);
void judge_ecn_settle(struct judge_ecn *ecn);
/* judge_fastopen.c. leaves() before the ACK of the segment is looked at. */
void judge_fastopen_leaves(struct judge *j, enum side from, const struct wire_segment *seg);
void judge_fastopen_arrives(struct judge_side *s, const struct wire_segment *seg);
/* [@from, @to) arrives at @s. */
void judge_takes(struct judge_side *s, uint32_t from, uint32_t to);
void judge_probe_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us);
void judge_probe_arrives(struct judge_side *s, const struct wire_segment *seg);
void judge_forged_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us);
void judge_forged_arrives(struct judge_side *s, const struct wire_segment *seg, long long now_us);
/* judge_crossing.c. leaves(): is it the SYN again, as a SYN-ACK? */
bool judge_crossing_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us);
void judge_crossing_arrives(struct judge_side *s, const struct wire_segment *seg, long long now_us);
/* judge_rto.c: behind the other rules */
void judge_rto_leaves(struct judge *j, enum side from, const struct wire_segment *seg, long long now_us);

/* Octets of @side that are acknowledged by what has arrived there, at least and at most. */
uint32_t judge_acked(const struct judge *j, enum side side);
uint32_t judge_acked_most(const struct judge *j, enum side side);
/* Octets in order that have arrived there, and how many of them the side has acknowledged. */
uint32_t judge_received(const struct judge *j, enum side side);
uint32_t judge_taken(const struct judge *j, enum side side);
