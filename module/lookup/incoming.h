/* SPDX-License-Identifier: GPL-2.0 */
/* SO_INCOMING_CPU: the listeners of a group, by the processor that the option names. */
#ifndef XTCP_INCOMING_H
#define XTCP_INCOMING_H

#include <linux/types.h>
#include <linux/xarray.h>

struct sock;

/**
 * struct xtcp_incoming - those listeners of a struct xtcp_members that have SO_INCOMING_CPU
 * @cpus: for each processor, the array (struct xtcp_seats) of the listeners whose option names this
 *	processor
 */
struct xtcp_incoming {
	/* the xarray's xa_lock guards changes, and also the cpu and cpu_index of each listener */
	struct xarray cpus;
};

void xtcp_incoming_start(struct xtcp_incoming *incoming);
void xtcp_incoming_free(struct xtcp_incoming *incoming);

/* With the socket lock held. */
void xtcp_incoming_join(struct xtcp_incoming *incoming, struct sock *sk);
void xtcp_incoming_leave(struct xtcp_incoming *incoming, struct sock *sk);
void xtcp_incoming_follow(struct sock *sk);

/* The caller holds the RCU read side, which keeps the result valid. */
struct sock *xtcp_incoming_choose(struct xtcp_incoming *incoming, u32 hash);

#endif /* XTCP_INCOMING_H */
