/* SPDX-License-Identifier: GPL-2.0 */
/* HyStart++ (RFC 9406) and ACK trains end slow start before segments are lost. Pure. */
#ifndef XTCP_HYSTART_H
#define XTCP_HYSTART_H

#include <linux/types.h>

enum xtcp_hystart_phase {
	XTCP_HYSTART_OFF,		/* HyStart has ended: later slow starts do not use it */
	XTCP_HYSTART_SLOW_START,
	XTCP_HYSTART_CSS,		/* conservative slow start: perhaps a queue builds up */
};

/* Does slow start end with this ACK, and why? */
enum xtcp_hystart_end {
	XTCP_HYSTART_GOES_ON,
	XTCP_HYSTART_SLOWER,		/* slow start ends: the RTT did not fall back during CSS */
	XTCP_HYSTART_TRAIN,		/* slow start ends: a train of ACKs lasted 5/8 of an RTT */
};

/**
 * struct xtcp_hystart - HyStart's state, with the names of RFC 9406 section 4.2
 * @window_end: windowEnd: the round ends when all octets before this number are acknowledged
 * @last_min_us: lastRoundMinRTT, microseconds; U32_MAX: none
 * @round_min_us: currentRoundMinRTT, microseconds; U32_MAX: none
 * @baseline_us: cssBaselineMinRtt, microseconds
 * @train_start_us: when the first ACK of the present train came, microseconds (the low 32 bits of
 *	the clock). A train is a series of ACKs without a pause
 * @train_end_us: when the last ACK of the train came
 * @samples: rttSampleCount
 * @css_rounds: rounds of CSS that have ended
 * @phase: enum xtcp_hystart_phase
 */
struct xtcp_hystart {
	u32 window_end;
	u32 last_min_us;
	u32 round_min_us;
	u32 baseline_us;
	u32 train_start_us;
	u32 train_end_us;
	u16 samples;
	u8 css_rounds;
	u8 phase;
};

void xtcp_hystart_start(struct xtcp_hystart *hystart, u32 snd_nxt, u32 now_us);
enum xtcp_hystart_end xtcp_hystart_acked(struct xtcp_hystart *hystart, u32 snd_una, u32 snd_nxt, u32 rtt_us,
					 u32 now_us, bool in_order);
u32 xtcp_hystart_growth(const struct xtcp_hystart *hystart, u32 acked, u32 mss);

#endif /* XTCP_HYSTART_H */
