/* SPDX-License-Identifier: GPL-2.0 */
/* Accurate ECN (RFC 9768): what the ACE field and the AccECN option say, in both directions. Pure. */
#ifndef XTCP_ACE_H
#define XTCP_ACE_H

#include <linux/types.h>

#define XTCP_ACE_FIRST	5U	/* what r.cep and s.cep begin with (RFC 9768 section 3.2.1) */
#define XTCP_ACE_MASK	7U	/* of the two the ACE field carries this much (section 3.2.2) */

/* The ECN field of IP (RFC 3168 section 5), and what stands for none. */
enum xtcp_codepoint {
	XTCP_NOT_ECT = 0,
	XTCP_ECT_1 = 1,
	XTCP_ECT_0 = 2,
	XTCP_CE = 3,
	XTCP_NO_CODEPOINT = 4,
};

/**
 * struct xtcp_accecn - what a connection in AccECN mode counts and has seen
 * @received_ce: segments that came with CE: r.cep without what it begins with
 * @received: octets of text by their codepoint, that of XTCP_ECT_1 first: r.e1b, r.e0b and r.ceb without what they
 *	begin with
 * @option_us: when the last option left, the low half of xtcp_clock_us()
 * @unsaid: those of @received_ce that no ACK has said yet, at most 15
 * @syn_codepoint: with which codepoint the peer's SYN or SYN-ACK came
 * @last_codepoint: and the segment before
 * @demand: so many segments more carry the option, whatever came since the last one
 * @grown: text came with ECT or CE since the last option left
 * @seen: the peer's option has been seen
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
 * struct xtcp_accecn_told - what the peer's feedback has told about our text, beside its marks
 * @octets: octets that it has by their codepoint, as &xtcp_accecn.received, as its options say: s.e1b, s.e0b and s.ceb
 * @stretch: how many segments an ACK acknowledges, smoothed, in 64ths; 0: none has come
 * @marks_since: marks that ACKs told since the last one with an option, at most 255
 * @segments_since: segments that these acknowledged, likewise
 */
struct xtcp_accecn_told {
	u32 octets[3];
	u16 stretch;
	u8 marks_since;
	u8 segments_since;
};

/* What a connection in AccECN mode has found out about its path. */
enum xtcp_accecn_fault {
	XTCP_ACCECN_LOOKED = 0x01,	/* no fault: the first ACE field was looked at */
	XTCP_ACCECN_ZEROED = 0x02,	/* that one was zero: no feedback is believed */
	XTCP_ACCECN_MANGLED = 0x04,	/* IP's field changes on the way as no router may change it */
	XTCP_ACCECN_OPTION_ZEROED = 0x10,	/* the first option had a counter of 0: no option is believed */
	XTCP_ACCECN_OPTION_LOST = 0x20,	/* a segment with the option was lost that should not */
	XTCP_ACCECN_OPTION_FIRST = 0x40,	/* no fault: the first text left with the option */
	XTCP_ACCECN_SYN_CE = 0x08,	/* no fault: our SYN or SYN-ACK met congestion */
	XTCP_ACCECN_SYN_ACK_CE = 0x80,	/* no fault: the peer's SYN-ACK did, and is counted */
};

u8 xtcp_ace_echo(u8 codepoint);
u8 xtcp_ace_echoed(u8 ace);
bool xtcp_ace_is_mangled(u8 sent, u8 arrived);
u32 xtcp_ace_marks(u32 counted, u8 ace, u32 segments, u16 stretch);
u8 xtcp_ace_order_codepoint(bool order, unsigned int field);
u32 xtcp_ace_counter_first(u8 codepoint);
unsigned int xtcp_ace_fields(const u32 received[3], bool *order);
s32 xtcp_ace_octets(u32 told, u8 codepoint, u32 counter);
u32 xtcp_ace_marks_by_octets(u32 least, u32 before, u32 octets, u32 mss);
u16 xtcp_ace_stretch(u16 stretch, u32 segments);

#endif /* XTCP_ACE_H */
