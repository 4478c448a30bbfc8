/* SPDX-License-Identifier: GPL-2.0 */
/* The search for the path MTU by probes: packetisation layer path MTU discovery (RFC 4821, RFC 8899). */
#ifndef XTCP_MTUPROBE_H
#define XTCP_MTUPROBE_H

#include <linux/types.h>

struct sock;

/**
 * struct xtcp_mtuprobe - what is known of the path MTU; lengths in octets with the IP header. They mean
 * nothing before @is_on is set, and are 0 or, with mtu_probing 1, those with which a search would begin
 * @start: the first octet of the probe that is on its way
 * @end: the octet after it
 * @stamp: jiffies when this search began
 * @low: passes
 * @high: does not pass, or need not be tried; below @low when there is nothing to find
 * @size: of the probe that is on its way, 0: none is
 * @is_on: @low counts
 */
struct xtcp_mtuprobe {
	u32 start;
	u32 end;
	u32 stamp;
	u16 low;
	u16 high;
	u16 size;
	bool is_on;
};

/* Socket lock held in all of these. */
void xtcp_mtuprobe_begin(struct sock *sk);
void xtcp_mtuprobe_timeout(struct sock *sk);
u32 xtcp_mtuprobe_due(struct sock *sk);
void xtcp_mtuprobe_sent(struct sock *sk, u32 start, u32 end);
void xtcp_mtuprobe_acked(struct sock *sk);
bool xtcp_mtuprobe_lost(struct sock *sk);

#endif /* XTCP_MTUPROBE_H */
