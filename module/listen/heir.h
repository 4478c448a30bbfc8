/* SPDX-License-Identifier: GPL-2.0 */
/*
 * net.xtcp.migrate_req: when a member of a group ends, the other members (heirs) get its half-open
 * entries and the children that nobody accepted.
 */
#ifndef XTCP_HEIR_H
#define XTCP_HEIR_H

#include <linux/types.h>

#include "lookup/lookup.h"

struct list_head;
struct sock;
struct xtcp_listener;

/**
 * struct xtcp_heirs - where to find the heirs of a listener that is about to end
 * @from: the listener
 * @place: the local address, port and device of the listener
 */
struct xtcp_heirs {
	struct xtcp_listener *from;
	struct xtcp_members_key place;
};

/* Process context. Lock: socket of the listener, held. */
bool xtcp_heir_begin(struct xtcp_heirs *heirs, struct xtcp_listener *from);
void xtcp_heir_close(const struct xtcp_heirs *heirs, struct list_head *children);
bool xtcp_heir_take_child(const struct xtcp_heirs *heirs, struct sock *child);

#endif /* XTCP_HEIR_H */
