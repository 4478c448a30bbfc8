/* SPDX-License-Identifier: GPL-2.0 */
/* Socks without a program hold the module while they have segments in IP, a qdisc or a device. */
#ifndef XTCP_HELD_H
#define XTCP_HELD_H

#include <linux/types.h>

struct sock;

/* The caller of the next four functions holds the socket lock. */
bool xtcp_held_before_sending(struct sock *sk);
void xtcp_held_look(struct sock *sk, unsigned int callers);
bool xtcp_held_is_below(const struct sock *sk, unsigned int callers);
void xtcp_held_name_listener(struct sock *sk);

bool xtcp_held_take(struct sock *sk);
void xtcp_held_take_dead(struct sock *sk);
bool xtcp_held_has_memory(const struct sock *sk);
void xtcp_held_segment_freed(struct sock *sk);
void xtcp_held_freed(struct sock *sk);
void xtcp_held_exit(void);

#endif /* XTCP_HELD_H */
