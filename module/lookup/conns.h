/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of connections of all namespaces: hash chains, read under RCU. The entries are struct
 * xtcp_conn (demux.h).
 */
#ifndef XTCP_CONNS_H
#define XTCP_CONNS_H

#include <linux/rcupdate.h>
#include <linux/types.h>

#include "lookup/demux.h"

/**
 * struct xtcp_conns - the table
 * @chain: heads of the chains
 * @mask: number of chains - 1
 * @part_shift: each part has 1 << part_shift chains (conns.c)
 */
struct xtcp_conns {
	struct xtcp_conn __rcu **chain;
	u32 mask;
	u8 part_shift;
};

extern struct xtcp_conns xtcp_conns;

static inline u32 xtcp_conns_chain_of(u32 hash)
{
	return hash & xtcp_conns.mask;
}

/* Only the RCU read side or the chain's lock keeps the results of the next two functions valid. */
static inline struct xtcp_conn *xtcp_conns_first(u32 chain)
{
	return rcu_dereference_check(xtcp_conns.chain[chain], true);
}

static inline struct xtcp_conn *xtcp_conns_next(const struct xtcp_conn *conn)
{
	return rcu_dereference_check(conn->next, true);
}

int xtcp_conns_init(void);
void xtcp_conns_exit(void);

u32 xtcp_conns_used_chain(u32 chain);

void xtcp_conns_lock(u32 chain);
void xtcp_conns_unlock(u32 chain);
/* With the chain's lock held. */
void xtcp_conns_add(u32 chain, struct xtcp_conn *conn);
bool xtcp_conns_replace(u32 chain, struct xtcp_conn *old, struct xtcp_conn *new);
/* The caller has disabled BH. Takes the chain's lock. */
bool xtcp_conns_remove(struct xtcp_conn *conn);

#endif /* XTCP_CONNS_H */
