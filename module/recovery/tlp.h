/* SPDX-License-Identifier: GPL-2.0 */
/* Tail loss probe (RFC 8985 section 7): a segment that makes the peer report a lost tail. */
#ifndef XTCP_TLP_H
#define XTCP_TLP_H

#include <linux/types.h>

struct sock;
struct xtcp_sample;

/**
 * struct xtcp_tlp - the variables of RFC 8985 section 7.1
 * @end_seq: TLP.end_seq, which is SND.NXT at the time when the probe was sent
 * @pending: a probe is on its way
 * @is_resent: TLP.is_retrans; the probe is a retransmission
 * @wants_sample: the RTT has not been measured since the probe was sent
 */
struct xtcp_tlp {
	u32 end_seq;
	bool pending;
	bool is_resent;
	bool wants_sample;
};

/* The socket lock is held in both functions. */
void xtcp_tlp_probe(struct sock *sk);
void xtcp_tlp_ack(struct sock *sk, const struct xtcp_sample *sample);

#endif /* XTCP_TLP_H */
