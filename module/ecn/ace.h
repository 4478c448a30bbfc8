/* SPDX-License-Identifier: GPL-2.0 */
/* Accurate ECN (RFC 9768): what the ACE field and the AccECN option report. Pure. */
#ifndef XTCP_ACE_H
#define XTCP_ACE_H

#include <linux/types.h>

#define XTCP_ACE_FIRST	5U	/* the initial value of r.cep and s.cep (RFC 9768 section 3.2.1) */
#define XTCP_ACE_MASK	7U	/* mask: the bits of r.cep that the ACE field carries (3.2.2) */

/* The ECN field of IP (RFC 3168 section 5), and a value for "none". */
enum xtcp_codepoint {
	XTCP_NOT_ECT = 0,
	XTCP_ECT_1 = 1,
	XTCP_ECT_0 = 2,
	XTCP_CE = 3,
	XTCP_NO_CODEPOINT = 4,
};

/**
 * struct xtcp_accecn - the counters and observations of a connection in AccECN mode
 * @received_ce: how many segments arrived with CE (r.cep without its initial value)
 * @received: how many octets of text arrived, by codepoint, XTCP_ECT_1 first (r.e1b, r.e0b and
 *	r.ceb without their initial values)
 * @option_us: the low 32 bits of xtcp_sock.arrived_us at the time when the last option was sent
 * @unsaid: number of segments with CE that we have not reported to the peer yet, at most 15
 * @syn_codepoint: the codepoint with which the peer's SYN or SYN-ACK arrived
 * @last_codepoint: the codepoint with which the last segment arrived
 * @demand: how many more segments must carry the option, even if nothing new arrives
 * @grown: text has come with ECT or CE since the last option left
 * @seen: the peer has sent an option
 * @faults: bits of enum xtcp_accecn_fault
 */
struct xtcp_accecn {
	u32 received_ce;
	u32 received[3];
	u32 option_us;
	u8 unsaid;
	u8 syn_codepoint;
	u8 last_codepoint : 2;
	u8 demand : 2;
	bool grown : 1;
	bool seen : 1;
	u8 faults;
};

/**
 * struct xtcp_accecn_told - what the peer's feedback has reported about our text
 * @octets: how many octets have arrived, by codepoint, in the order of &xtcp_accecn.received
 *	(s.e1b, s.e0b and s.ceb without their initial values)
 * @stretch: the mean number of segments that an ACK acknowledges, in 64ths; 0: no ACK has come
 * @marks_since: marks reported since the last ACK with an option, at most 255
 * @segments_since: segments acknowledged since the last ACK with an option, at most 255
 *
 * xtcp_sock.delivered_ce counts the CE marks that the peer has reported.
 */
struct xtcp_accecn_told {
	u32 octets[3];
	u16 stretch;
	u8 marks_since;
	u8 segments_since;
};

enum xtcp_accecn_fault {
	XTCP_ACCECN_LOOKED = 0x01,	/* not a fault: the first ACE field was checked */
	XTCP_ACCECN_ZEROED = 0x02,	/* the first ACE field was zero: ignore all feedback */
	XTCP_ACCECN_MANGLED = 0x04,	/* the path changes IP's ECN field in a forbidden way */
	/* a counter of the first option was 0: ignore options */
	XTCP_ACCECN_OPTION_ZEROED = 0x10,
	XTCP_ACCECN_OPTION_LOST = 0x20,	/* segments with the option seem to be lost */
	XTCP_ACCECN_OPTION_FIRST = 0x40,	/* not a fault: the first text had the option */
	XTCP_ACCECN_SYN_CE = 0x08,	/* not a fault: our SYN or SYN-ACK met congestion */
	XTCP_ACCECN_SYN_ACK_CE = 0x80,	/* not a fault: CE of the peer's SYN-ACK was counted */
};

/* the mean of segments per ACK is in 64ths; a new sample has weight 1/64 */
#define STRETCH_SHIFT	6
#define STRETCH_MOST	1023U	/* segments; the largest sample that fits into the u16 mean */
#define STRETCH_USUAL	4U	/* segments; above this mean, an ACK usually covers many */

/* The codepoint with which a SYN or SYN-ACK arrived, as the ACE field (RFC 9768 tables 2 and 3). */
static inline u8 xtcp_ace_echo(u8 codepoint)
{
	/* from the right: Not-ECT 2, ECT(1) 3, ECT(0) 4, CE 6 */
	return 0x6432 >> (codepoint & 3) * 4 & 7;
}

/* The reverse (tables 2 and 4); XTCP_NO_CODEPOINT: the field reports none. */
static inline u8 xtcp_ace_echoed(u8 ace)
{
	static const u8 codepoint[8] = {
		XTCP_NO_CODEPOINT, XTCP_NO_CODEPOINT, XTCP_NOT_ECT, XTCP_ECT_1,
		XTCP_ECT_0, XTCP_NO_CODEPOINT, XTCP_CE, XTCP_NO_CODEPOINT,
	};

	return codepoint[ace & XTCP_ACE_MASK];
}

/* RFC 9768 section 3.2.2.3: Not-ECT stays, ECT stays ECT or becomes CE, CE stays. @arrived may be unknown. */
static inline bool xtcp_ace_is_mangled(u8 sent, u8 arrived)
{
	if (arrived == sent || arrived == XTCP_NO_CODEPOINT)
		return false;
	return sent == XTCP_NOT_ECT || sent == XTCP_CE || arrived == XTCP_NOT_ECT;
}

/*
 * How many of our segments newly met congestion, by RFC 9768 sections 3.2.2.2 and 3.2.2.5.2? More
 * than @segments, which the ACK newly acknowledges or sacks, if the field says so. @counted: what
 * earlier ACKs have reported. The field counts modulo eight. The peer sends an ACK after seven
 * marks, but if ACKs were lost, it may have wrapped: a sign is an ACK of more than seven segments,
 * if they usually cover few (@stretch). Then it is taken as the largest number that fits up to
 * @segments.
 */
static inline u32 xtcp_ace_marks(u32 counted, u8 ace, u32 segments, u16 stretch)
{
	u32 least = (ace - counted - XTCP_ACE_FIRST) & XTCP_ACE_MASK;

	if (segments <= XTCP_ACE_MASK || stretch > STRETCH_USUAL << STRETCH_SHIFT)
		return least;
	return segments - ((segments - least) & XTCP_ACE_MASK);
}

/* Which codepoint does a counter of the option count? RFC 9768 section 3.2.3, figure 3. */
static inline u8 xtcp_ace_order_codepoint(bool order, unsigned int field)
{
	if (field == 1)
		return XTCP_CE;
	return order == !field ? XTCP_ECT_1 : XTCP_ECT_0;
}

/* RFC 9768 section 3.2.1: CE starts at 0, the others at 1, so that the peer notices if the path clears them. */
static inline u32 xtcp_ace_counter_first(u8 codepoint)
{
	return codepoint != XTCP_CE;
}

/*
 * How many counters does the option need, in the order that needs the fewest? Each that ever
 * changed, and all in front of it (RFC 9768 section 3.2.3.3). @received: XTCP_ECT_1 first.
 */
static inline unsigned int xtcp_ace_fields(const u32 received[3], bool *order)
{
	const u32 ect_1 = received[XTCP_ECT_1 - 1], ect_0 = received[XTCP_ECT_0 - 1];

	*order = ect_1 && !ect_0;
	if (ect_1 && ect_0)
		return 3;
	if (received[XTCP_CE - 1])
		return 2;
	return ect_1 || ect_0;
}

/*
 * Octets that a counter (24 bits) newly reports (RFC 9768 section 3.2.3.1). @told: before, without
 * the initial value. As in Linux, 2^23 or more counts as negative: it is an old ACK.
 */
static inline s32 xtcp_ace_octets(u32 told, u8 codepoint, u32 counter)
{
	u32 delta = counter - xtcp_ace_counter_first(codepoint) - told;

	return (s32)(delta << 8) >> 8;
}

/*
 * The same by field and option: the field has wrapped just often enough to explain @octets with CE
 * (RFC 9768 section 3.2.2.5.2). @least: if it has not. @before: reported since the last option.
 */
static inline u32 xtcp_ace_marks_by_octets(u32 least, u32 before, u32 octets, u32 mss)
{
	u32 known = least + before, needed = (octets + mss - 1) / mss;

	if (needed <= known)
		return least;
	return least + ((needed - known + XTCP_ACE_MASK) & ~XTCP_ACE_MASK);
}

/* The mean of segments that an ACK acknowledges, in 64ths, at least 1; 0: there is none yet. */
static inline u16 xtcp_ace_stretch(u16 stretch, u32 segments)
{
	u32 sample = (segments < STRETCH_MOST ? segments : STRETCH_MOST) << STRETCH_SHIFT, mean;

	mean = stretch ? ((stretch << STRETCH_SHIFT) - stretch + sample) >> STRETCH_SHIFT : sample;
	return mean ? mean : 1;
}

#endif /* XTCP_ACE_H */
