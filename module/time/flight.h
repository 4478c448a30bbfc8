/* SPDX-License-Identifier: GPL-2.0 */
/* The deadlines of what is in flight: retransmission, tail loss probe, reordering. */
#ifndef XTCP_FLIGHT_H
#define XTCP_FLIGHT_H

#include <linux/types.h>

struct sock;

/* Softirq or process, socket lock held. */
void xtcp_flight_data_sent(struct sock *sk);
void xtcp_flight_ack_progress(struct sock *sk);
void xtcp_flight_ack_judged(struct sock *sk);
void xtcp_flight_reordering(struct sock *sk, u32 wait_us);
void xtcp_flight_reneged(struct sock *sk, u32 wait_us);
void xtcp_flight_unreachable(struct sock *sk, u32 seq);
bool xtcp_flight_is_small(const struct sock *sk);

#endif /* XTCP_FLIGHT_H */
