/* SPDX-License-Identifier: GPL-2.0 */
/* The delivery rate: how fast octets arrive at the peer. */
#ifndef XTCP_RATE_H
#define XTCP_RATE_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_sample;

/**
 * struct xtcp_rate - samples of the delivery rate
 * @first_sent_us: start of the sending interval of an skb that is sent now, microseconds. This is
 *	sent_us of the newest skb that has arrived, or of the first skb after a pause
 * @octets: octets of the current sample
 * @us: how long these octets took, microseconds; 0: there is no sample
 * @limited_until: @limited ends when stream->delivered passes this value
 * @limited: the program has not written enough to fill the window
 * @is_limited: @limited was set when the octets of the current sample were sent
 */
struct xtcp_rate {
	u64 first_sent_us;
	u32 octets;
	u32 us;
	u32 limited_until;
	bool limited;
	bool is_limited;
};

/* The socket lock is held in all these functions. */
void xtcp_rate_sent(struct sock *sk, struct sk_buff *skb, bool after_pause);
void xtcp_rate_arrived(struct sock *sk, const struct sk_buff *skb, struct xtcp_sample *sample);
void xtcp_rate_ack(struct sock *sk, const struct xtcp_sample *sample);
void xtcp_rate_written(struct sock *sk);
u64 xtcp_rate_octets_per_second(const struct sock *sk);

#endif /* XTCP_RATE_H */
