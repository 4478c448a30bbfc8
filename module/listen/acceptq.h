/* SPDX-License-Identifier: GPL-2.0 */
/* The accept queue: children that wait for accept(). */
#ifndef XTCP_ACCEPTQ_H
#define XTCP_ACCEPTQ_H

#include <linux/types.h>

struct list_head;
struct sock;
struct xtcp_listener;

/* Process context: module init and exit. */
int xtcp_acceptq_init(void);
void xtcp_acceptq_exit(void);
/* Without the listener's lock, the answer may be out of date at once. */
bool xtcp_acceptq_is_full(const struct xtcp_listener *listener);
/* The listener's lock is held, BH is disabled. xtcp_acceptq_close(): only in process context. */
void xtcp_acceptq_add(struct xtcp_listener *listener, struct sock *child);
void xtcp_acceptq_close(struct xtcp_listener *listener, struct list_head *children);
/*
 * Any context. A false answer may be out of date at once. A true answer stays valid while the
 * caller holds the socket lock.
 */
bool xtcp_acceptq_has_child(const struct sock *sk);
/* Process context; takes the listener's lock. */
struct sock *xtcp_acceptq_take(struct xtcp_listener *listener);

#endif /* XTCP_ACCEPTQ_H */
