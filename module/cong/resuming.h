/* SPDX-License-Identifier: GPL-2.0 */
/* Careful Resume (RFC 9959) of a sock. */
#ifndef XTCP_RESUMING_H
#define XTCP_RESUMING_H

#include <linux/types.h>

struct sock;

struct xtcp_sample;

/*
 * The socket lock is held in all these functions. xtcp_resuming_begin() allocates
 * tx->stream->cong.resume, and the other functions need it.
 */
void xtcp_resuming_begin(struct sock *sk);
void xtcp_resuming_pushed(struct sock *sk);
bool xtcp_resuming_full(struct sock *sk);
bool xtcp_resuming_acked(struct sock *sk, const struct xtcp_sample *sample);
bool xtcp_resuming_congested(struct sock *sk);
void xtcp_resuming_retreat(struct sock *sk);
void xtcp_resuming_reduced(struct sock *sk);
void xtcp_resuming_timeout(struct sock *sk);
void xtcp_resuming_end(struct sock *sk);

#endif /* XTCP_RESUMING_H */
