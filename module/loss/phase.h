/* SPDX-License-Identifier: GPL-2.0 */
/* The phase of congestion control. */
#ifndef XTCP_PHASE_H
#define XTCP_PHASE_H

#include <linux/types.h>

#include "cong/cong.h"

struct sock;
struct xtcp_sample;
struct xtcp_sender;

/* The socket lock is held in all these functions. */
void xtcp_phase_tell(struct sock *sk, int reason);
void xtcp_phase_set(struct sock *sk, enum xtcp_cong_phase phase, int reason);
u32 xtcp_phase_in_flight(const struct xtcp_sender *tx, const struct xtcp_sample *sample);
void xtcp_phase_reduce(struct sock *sk, u32 recover_fs, bool marked);
void xtcp_phase_congested_here(struct sock *sk);

#endif /* XTCP_PHASE_H */
