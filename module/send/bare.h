/* SPDX-License-Identifier: GPL-2.0 */
/* The segments without text of a synchronized connection: ACKs, challenge ACKs, probes, RSTs. */
#ifndef XTCP_BARE_H
#define XTCP_BARE_H

#include <linux/types.h>

#include "base/abort.h"

struct sock;

/* The caller of each of these functions holds the socket lock. */
void xtcp_bare_ack(struct sock *sk);
void xtcp_bare_challenge_ack(struct sock *sk);
u16 xtcp_bare_rst_code(const struct sock *sk, u32 seq, enum xtcp_abort_reason reason);
void xtcp_bare_rst(struct sock *sk, enum xtcp_abort_reason reason);
int xtcp_bare_probe(struct sock *sk, u32 seq, bool keepalive);

#endif /* XTCP_BARE_H */
