/* SPDX-License-Identifier: GPL-2.0 */
/* Congestion control: the table of operations, and what every algorithm shares (RFC 5681). Windows are in octets. */
#ifndef XTCP_CONG_H
#define XTCP_CONG_H

#include <linux/types.h>

struct sock;

enum xtcp_cong_phase {
	XTCP_CONG_OPEN,		/* nothing is missing */
	XTCP_CONG_RECOVERY,	/* fast recovery (RFC 6582) */
	XTCP_CONG_LOSS,		/* after a timeout, until SND.UNA passes recover */
};

/**
 * struct xtcp_cong_ops - an algorithm
 * @name: as TCP_CONGESTION has it
 * @init: the connection is established
 * @acked: @acked new octets were acknowledged outside recovery
 * @ssthresh: the slow start threshold after a loss with @flight octets outstanding
 */
struct xtcp_cong_ops {
	const char *name;
	void (*init)(struct sock *sk);
	void (*acked)(struct sock *sk, u32 acked);
	u32 (*ssthresh)(struct sock *sk, u32 flight);
};

/**
 * struct xtcp_cong - a connection's congestion state
 * @ops: the algorithm
 * @cwnd: congestion window, octets
 * @ssthresh: slow start threshold, octets
 * @acked_bytes: octets acknowledged towards the next increase (RFC 5681 section 3.1)
 * @phase: what is going on
 */
struct xtcp_cong {
	const struct xtcp_cong_ops *ops;
	u32 cwnd;
	u32 ssthresh;
	u32 acked_bytes;
	u8 phase;
};

extern const struct xtcp_cong_ops xtcp_cong_newreno;

/* Socket lock held in all of these. */
void xtcp_cong_start(struct sock *sk);
void xtcp_cong_acked(struct sock *sk, u32 acked);
void xtcp_cong_enter_recovery(struct sock *sk);
void xtcp_cong_enter_loss(struct sock *sk);
void xtcp_cong_restart_after_idle(struct sock *sk);
u32 xtcp_cong_cwnd_segments(const struct sock *sk);

#endif /* XTCP_CONG_H */
