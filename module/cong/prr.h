/* SPDX-License-Identifier: GPL-2.0 */
/* Proportional Rate Reduction (RFC 9937). Pure arithmetic. */
#ifndef XTCP_PRR_H
#define XTCP_PRR_H

#include <linux/types.h>

/**
 * struct xtcp_prr - the variables of RFC 9937 section 6, octets
 * @recover_fs: RecoverFS: octets in flight before the ACK that caused the reduction
 * @delivered: prr_delivered: octets that have arrived since the reduction began
 * @out: prr_out: octets sent since the reduction began
 */
struct xtcp_prr {
	u32 recover_fs;
	u32 delivered;
	u32 out;
};

void xtcp_prr_begin(struct xtcp_prr *prr, u32 recover_fs);
void xtcp_prr_sent(struct xtcp_prr *prr, u32 octets);
u32 xtcp_prr_quota(struct xtcp_prr *prr, u32 pipe, u32 ssthresh, u32 delivered, bool safe, u32 mss);

#endif /* XTCP_PRR_H */
