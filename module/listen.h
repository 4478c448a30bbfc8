/* SPDX-License-Identifier: GPL-2.0 */
/* OPEN, passive: listen, the accept queue, accept, the end of a listener. */
#ifndef XTCP_LISTEN_H
#define XTCP_LISTEN_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>

#include "synq.h"

struct sock;
struct socket;

/**
 * struct xtcp_listener - the two queues of a listening sock
 * @sk: the listening sock; freed by RCU after this
 * @lock: guards everything below; taken in softirq and process context, nests inside the socket lock, innermost but for
 *	the demux table and output
 * @closed: no entry and no child may be queued any more
 * @accept_queue: established children, oldest first (struct xtcp_accept_link in each: listen.c)
 * @accept_len: how many
 * @accept_max: the limit; the queue holds one more, as Linux's
 * @synq: half-open entries (synq.c)
 */
struct xtcp_listener {
	struct sock *sk;
	spinlock_t lock;		/* see above */
	bool closed;
	struct list_head accept_queue;
	unsigned int accept_len;
	unsigned int accept_max;
	struct xtcp_synq synq;
};

/* proto_ops and proto entries: process context */
int xtcp_listen(struct socket *sock, int backlog);
struct sock *xtcp_listen_accept(struct sock *sk, int flags, int *err, bool kern);
void xtcp_listen_stop(struct sock *sk);
/* accept queue: softirq */
bool xtcp_listen_queue_is_full(const struct sock *lsk);
bool xtcp_listen_enqueue(struct sock *lsk, struct sock *child);
bool xtcp_listen_has_child(const struct sock *sk);

#endif /* XTCP_LISTEN_H */
