/* SPDX-License-Identifier: GPL-2.0 */
/* Packetization Layer Path MTU Discovery (RFC 4821, RFC 8899). */
#ifndef XTCP_MTUPROBE_H
#define XTCP_MTUPROBE_H

#include <linux/types.h>

struct sock;

/**
 * struct xtcp_mtuprobe - the search for the path MTU; sizes are in octets and include the IP
 *	header. No field is valid before @is_on is set
 * @start: sequence number of the first octet of the probe in flight
 * @end: sequence number after the last octet of the probe
 * @stamp: when this search began, jiffies
 * @low: the largest size that is known to pass
 * @high: the largest size that may pass; if it is below @low, nothing is left to find
 * @size: the size of the probe in flight; 0: none is in flight
 * @is_on: the search runs, and @low limits segments
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

/* The caller of each of these functions holds the socket lock. */
void xtcp_mtuprobe_begin(struct sock *sk);
void xtcp_mtuprobe_timeout(struct sock *sk);
u32 xtcp_mtuprobe_due(struct sock *sk);
void xtcp_mtuprobe_sent(struct sock *sk, u32 start, u32 end);
void xtcp_mtuprobe_acked(struct sock *sk);
bool xtcp_mtuprobe_lost(struct sock *sk);

#endif /* XTCP_MTUPROBE_H */
