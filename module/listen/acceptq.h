/* SPDX-License-Identifier: GPL-2.0 */
/* The accept queue: children that wait for accept(). */
#ifndef XTCP_ACCEPTQ_H
#define XTCP_ACCEPTQ_H

#include <linux/types.h>

struct list_head;
struct sock;
struct xtcp_listener;

/* softirq, the listener's lock held to add; process, the lock held to close */
bool xtcp_acceptq_is_full(const struct xtcp_listener *listener);
void xtcp_acceptq_add(struct xtcp_listener *listener, struct sock *child);
void xtcp_acceptq_close(struct xtcp_listener *listener, struct list_head *children);
/* process context; the lock is taken */
bool xtcp_acceptq_has_child(const struct sock *sk);
struct sock *xtcp_acceptq_take(struct xtcp_listener *listener);

#endif /* XTCP_ACCEPTQ_H */
