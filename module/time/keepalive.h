/* SPDX-License-Identifier: GPL-2.0 */
/* Keepalive: when to probe, when to give up, and the deadline for both (RFC 9293 section 3.8.4). */
#ifndef XTCP_KEEPALIVE_H
#define XTCP_KEEPALIVE_H

#include <linux/types.h>

#include "base/abort.h"

struct sock;

bool xtcp_keepalive_is_on(const struct sock *sk);
unsigned long xtcp_keepalive_time(const struct sock *sk);
unsigned long xtcp_keepalive_intvl(const struct sock *sk);
unsigned int xtcp_keepalive_probes(const struct sock *sk);
u32 xtcp_keepalive_idle_ms(const struct sock *sk);
u32 xtcp_keepalive_half_closed_ms(const struct sock *sk);
bool xtcp_keepalive_may_limit(const struct sock *sk);
bool xtcp_keepalive_give_up(const struct sock *sk);
enum xtcp_abort_reason xtcp_keepalive_idle(const struct sock *sk, unsigned long *left);

/* Softirq or process, socket lock held. The events that set the deadline, and what is left. */
void xtcp_keepalive_established(struct sock *sk);
void xtcp_keepalive_changed(struct sock *sk, u32 idle);
void xtcp_keepalive_intvl_changed(struct sock *sk);
void xtcp_keepalive_limit_idle(struct sock *sk);
unsigned long xtcp_keepalive_left(const struct sock *sk);

#endif /* XTCP_KEEPALIVE_H */
