/* SPDX-License-Identifier: GPL-2.0 */
/* Tail loss probe: when the last segments may be lost, one that makes the peer say so (RFC 8985 section 7). */
#ifndef XTCP_TLP_H
#define XTCP_TLP_H

#include <linux/types.h>

struct sock;
struct xtcp_sample;

/**
 * struct xtcp_tlp - the variables of RFC 8985 section 7.1
 * @end_seq: TLP.end_seq: SND.NXT when the probe was sent
 * @pending: a probe is on its way
 * @is_resent: TLP.is_retrans: it was a repetition
 * @wants_sample: no round trip was measured since it was sent
 */
struct xtcp_tlp {
	u32 end_seq;
	bool pending;
	bool is_resent;
	bool wants_sample;
};

/* Socket lock held in all of these. */
bool xtcp_tlp_applies(const struct sock *sk);
u32 xtcp_tlp_timeout_us(const struct sock *sk);
void xtcp_tlp_probe(struct sock *sk);
void xtcp_tlp_ack(struct sock *sk, const struct xtcp_sample *sample);

#endif /* XTCP_TLP_H */
