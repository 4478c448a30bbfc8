/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Detects a needless recovery by timestamps (Eifel, RFC 3522) or D-SACKs (RFC 2883), and undoes its
 * reduction of the window.
 */
#ifndef XTCP_UNDO_H
#define XTCP_UNDO_H

#include <linux/types.h>

struct sock;
struct xtcp_sample;

/**
 * struct xtcp_undo - the state needed to undo a reduction of the window
 * @marker: SND.UNA when the recovery began
 * @resent: octets resent, minus the octets that D-SACKs report as arrived twice; begins with the
 *	retransmissions that are in flight when the recovery begins
 * @first_ts: TSval of the first retransmission, or of the tail loss probe before it
 * @armed: there is a reduction that may be undone
 * @any_resent: a retransmission was in flight when the recovery began, or something was resent
 *	since; a tail loss probe does not count
 * @has_ts: @first_ts is valid
 */
struct xtcp_undo {
	u32 marker;
	u32 resent;
	u32 first_ts;
	bool armed;
	bool any_resent;
	bool has_ts;
};

/* The socket lock is held in all these functions. */
void xtcp_undo_begin(struct sock *sk);
void xtcp_undo_forget(struct sock *sk);
void xtcp_undo_resent(struct sock *sk, u32 octets, u64 sent_us);
void xtcp_undo_dsack(struct sock *sk, u32 start, u32 end);
bool xtcp_undo_originals_came(const struct sock *sk, const struct xtcp_sample *sample);
bool xtcp_undo_all_came_twice(const struct sock *sk);
bool xtcp_undo_apply(struct sock *sk, int counter);

#endif /* XTCP_UNDO_H */
