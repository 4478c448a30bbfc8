/* SPDX-License-Identifier: GPL-2.0 */
/* Bitmaps of the ports in use towards one destination: they make it cheap to choose a free port. */
#ifndef XTCP_PORTMAP_H
#define XTCP_PORTMAP_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/tuple.h"

struct xtcp_conn;
struct xtcp_net;

/**
 * struct xtcp_port_range - a range of ports, and the port at which a search begins
 * @low: the first port, host order
 * @count: number of ports
 * @offset: where a search begins; less than @count. A search by a map begins at port @low + @offset
 * @spared: every how many ports, from @low on, one is kernel TCP's alone; a power of two below 32,
 *	so that each word of a bitmap has the same pattern. 0: none
 *
 * Each half of the range has every second port. Our connect() first tries the half that begins with
 * @low + 1. Kernel TCP's connect() prefers the other half. A search without a map numbers the ports
 * of a half from 0, and begins at the port with number @offset modulo the size of the half.
 */
struct xtcp_port_range {
	u32 low;
	u32 count;
	u32 offset;
	u32 spared;
};

/**
 * struct xtcp_portmap - the ports in use towards one destination
 * @node: links the maps of a bucket; read under RCU
 * @rcu: frees the map after the last lookup
 * @key: the destination; lport is not used
 * @bound_dev_if: the interface to which the map's connections are bound, 0: none
 * @v4: the addresses are IPv4
 * @number: the map's index in xtcp_portmaps.by_number
 * @has_predecessor: an earlier map had the same number; connections of the earlier map may still
 *	store the number
 * @lock: guards all fields below
 * @dead: the map is not used any more; it is about to leave the namespace, or has left
 * @refs: number of calls of connect() that use the map now
 * @tuples: number of bits that are set in @ours
 * @surplus: number of bits that are set in @ours or @others, minus an eighth of the number of ports
 *	in the range for which the map was made. If @surplus is 0 or less, the map is not worth
 *	its memory
 * @full: for kernel TCP's half, then for ours: the last range in which xtcp_portmap_choose() found
 *	no clear bit in that half. @count is 0 if a bit of the map has been cleared since
 * @unknown: the first port of the range for which the map was made that has not been looked up yet
 * @unknown_end: the port after the last one
 * @ours: one bit for each port; set if connect() chose the port for a tuple in the table
 * @others: one bit for each port; set if a call of connect() tries the port now, or if the last
 *	attempt was refused because the port is bound or reserved, or because a connection that the
 *	map does not serve has the port; or if the port is unknown. A bit may be out of date
 */
struct xtcp_portmap {
	struct hlist_node node;
	struct rcu_head rcu;
	struct xtcp_tuple key;
	int bound_dev_if;
	bool v4;
	u8 number;
	bool has_predecessor;
	spinlock_t lock;	/* guards the fields below */
	bool dead;
	unsigned int refs;
	unsigned int tuples;
	int surplus;
	struct xtcp_port_range full[2];
	u32 unknown;
	u32 unknown_end;
	unsigned long *ours;
	unsigned long *others;
};

/* Process context. A caller reads and updates a map that it got from portmaps.c. */
u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first);
void xtcp_portmap_taken(struct xtcp_net *xn, struct xtcp_portmap *map, struct xtcp_conn *conn);
void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port);
void xtcp_portmap_not_taken(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port);
void xtcp_portmap_forget_others(struct xtcp_net *xn, struct xtcp_portmap *map);

/* For portmaps.c. */
struct xtcp_portmap *xtcp_portmap_new(const struct xtcp_port_range *range);
void xtcp_portmap_free(struct xtcp_portmap *map);
struct xtcp_portmap *xtcp_portmap_hold(struct xtcp_portmap *map);
bool xtcp_portmap_end_if_idle(struct xtcp_portmap *map);
const struct xtcp_conn *xtcp_portmap_clear(struct xtcp_portmap *map, const struct xtcp_conn *conn,
					   const struct xtcp_conn *(*next)(const struct xtcp_conn *));

#endif /* XTCP_PORTMAP_H */
