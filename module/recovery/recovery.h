/* SPDX-License-Identifier: GPL-2.0 */
/* React to an ACK: set the phase of congestion control, and resend what is lost. */
#ifndef XTCP_RECOVERY_H
#define XTCP_RECOVERY_H

struct sock;
struct xtcp_sample;

/* The caller of each of these functions holds the socket lock. */
void xtcp_recovery_ack(struct sock *sk, struct xtcp_sample *sample);
void xtcp_recovery_reordering_timeout(struct sock *sk);
void xtcp_recovery_probe_was_needed(struct sock *sk, const struct xtcp_sample *sample);

#endif /* XTCP_RECOVERY_H */
