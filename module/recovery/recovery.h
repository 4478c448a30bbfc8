/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is sent again.
 *
 * Comes in: an acceptable ACK, by one entry, xtcp_acked_take(), or a deadline that passed. Goes
 * out, in this order: to loss/, what the ACK tells of each segment; to cong/, that the window has
 * to fall or may rise again; to send/, which segments to send again.
 *
 * What may not happen here: writing a congestion window, or knowing its size, except to compare it.
 */
#ifndef XTCP_RECOVERY_H
#define XTCP_RECOVERY_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct xtcp_sample;
struct xtcp_seg;

void xtcp_acked_take(struct sock *sk, struct sk_buff *skb);
void xtcp_acked_overtaken(struct sock *sk, struct sk_buff *skb);
void xtcp_acked_syn(struct sock *sk, const struct xtcp_seg *seg);

void xtcp_repair_waiting(struct sock *sk);
void xtcp_repair_mtu_fell(struct sock *sk);
void xtcp_repair_syn_text_refused(struct sock *sk);

/**
 * struct xtcp_tlp - the variables of RFC 8985 section 7.1
 * @end_seq: TLP.end_seq: SND.NXT when the probe was sent
 * @pending: a probe is on its way
 * @is_resent: TLP.is_retrans; the probe is a retransmission
 * @wants_sample: the RTT has not been measured since the probe was sent
 * @after_us: with @is_resent: how long before the probe its text was first sent, microseconds; 0:
 *	not known, because the probe was not the second copy
 */
struct xtcp_tlp {
	u32 end_seq;
	u32 after_us : 29;
	u32 pending : 1;
	u32 is_resent : 1;
	u32 wants_sample : 1;
};

void xtcp_tlp_probe(struct sock *sk);

void xtcp_recovery_ack(struct sock *sk, struct xtcp_sample *sample);
void xtcp_recovery_reordering_timeout(struct sock *sk);
bool xtcp_timeout_passed(struct sock *sk);

#endif /* XTCP_RECOVERY_H */
