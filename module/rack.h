/* SPDX-License-Identifier: GPL-2.0 */
/* RACK: a segment is lost when one sent later has arrived, and the time that reordering may take is over (RFC 8985). */
#ifndef XTCP_RACK_H
#define XTCP_RACK_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_sample;

/**
 * struct xtcp_rack - RACK's variables (RFC 8985 section 5.2)
 * @sent_us: RACK.xmit_ts: when the segment was sent that was sent last of those that arrived
 * @end_seq: RACK.end_seq: where it ends
 * @rtt_us: RACK.rtt: its round trip
 * @dsack_round: RACK.dsack_round: SND.NXT when a D-SACK last widened the window
 * @wnd_mult: RACK.reo_wnd_mult: quarters of the smallest round trip that reordering may take
 * @wnd_persist: RACK.reo_wnd_persist: recoveries until that is 1 again
 * @advanced: the last ACK has moved @sent_us
 * @in_dsack_round: @dsack_round is valid
 */
struct xtcp_rack {
	u64 sent_us;
	u32 end_seq;
	u32 rtt_us;
	u32 dsack_round;
	u8 wnd_mult;
	u8 wnd_persist;
	bool advanced;
	bool in_dsack_round;
};

/* Socket lock held in all of these. */
void xtcp_rack_arrived(struct sock *sk, const struct sk_buff *skb, u32 end, const struct xtcp_sample *sample);
void xtcp_rack_adapt(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_rack_recovered(struct sock *sk);
u32 xtcp_rack_detect(struct sock *sk, u64 now_us);
bool xtcp_rack_is_recent(const struct sock *sk, const struct sk_buff *skb, u64 now_us);

#endif /* XTCP_RACK_H */
