/* SPDX-License-Identifier: GPL-2.0 */
/* CUBIC in congestion avoidance (RFC 9438). Pure arithmetic; windows are in octets. */
#ifndef XTCP_CUBIC_H
#define XTCP_CUBIC_H

#include <linux/types.h>

/**
 * struct xtcp_cubic_epoch - one epoch of congestion avoidance; names: RFC 9438 section 4.1.2
 * @start_us: t_epoch, microseconds; 0: the epoch has not begun
 * @w_max: W_max; 0 (unknown) before the first reduction, after a timeout, and after a slow start
 *	that ended without a loss
 * @w_prior: cwnd_prior
 * @origin: the plateau: the larger of W_max and the window at which the epoch began
 * @w_est: W_est
 * @k: K, in 1/1024 s
 */
struct xtcp_cubic_epoch {
	u64 start_us;
	u32 w_max;
	u32 w_prior;
	u32 origin;
	u32 w_est;
	u32 k;
};

/**
 * struct xtcp_cubic - CUBIC's state
 * @now: the current epoch
 * @before: the epoch before the last reduction, in case the reduction was needless (section 4.9.2)
 * @grown_us: when an ACK last let the window grow, microseconds
 * @credit: the fraction of an octet by which cwnd has yet to grow, in units of 1/cwnd octet
 * @credit_est: the same for W_est, also in units of 1/cwnd octet
 */
struct xtcp_cubic {
	struct xtcp_cubic_epoch now;
	struct xtcp_cubic_epoch before;
	u64 grown_us;
	u32 credit;
	u32 credit_est;
};

u64 xtcp_cubic_root(u64 value);
u32 xtcp_cubic_k(u32 octets, u32 mss);
u32 xtcp_cubic_window(const struct xtcp_cubic_epoch *epoch, u64 us, u32 mss);

u32 xtcp_cubic_grow(struct xtcp_cubic *cubic, u64 now_us, u32 rtt_us, u32 cwnd, u32 mss, u32 acked);
u32 xtcp_cubic_reduce(struct xtcp_cubic *cubic, u32 cwnd, u32 mss);
void xtcp_cubic_timeout(struct xtcp_cubic *cubic);
void xtcp_cubic_slow_start_ended(struct xtcp_cubic *cubic, u32 cwnd);
void xtcp_cubic_undo(struct xtcp_cubic *cubic);
void xtcp_cubic_idle(struct xtcp_cubic *cubic, u64 idle_us);

#endif /* XTCP_CUBIC_H */
