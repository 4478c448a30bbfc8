/* SPDX-License-Identifier: GPL-2.0 */
/* Bitmaps of the ports in use towards one destination: they make it cheap to choose a free port. */
#ifndef XTCP_PORTMAP_H
#define XTCP_PORTMAP_H

#include <linux/types.h>

struct xtcp_conn;
struct xtcp_net;
struct xtcp_portmap;
struct xtcp_tuple;

/**
 * struct xtcp_port_range - a range of ports, and the port at which a search begins
 * @low: the first port, host order
 * @count: number of ports
 * @offset: where a search begins; less than @count. A search by a map begins at port @low + @offset
 *
 * Each half of the range has every second port. Our connect() first tries the half that begins with
 * @low + 1. Kernel TCP's connect() prefers the other half. A search without a map numbers the ports
 * of a half from 0, and begins at the port with number @offset modulo the size of the half.
 */
struct xtcp_port_range {
	u32 low;
	u32 count;
	u32 offset;
};

int xtcp_portmap_net_init(struct xtcp_net *xn);
void xtcp_portmap_net_exit(struct xtcp_net *xn);

/* Process context. A caller gets or makes a map, reads and updates it, and puts it. */
struct xtcp_portmap *xtcp_portmap_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash);
struct xtcp_portmap *xtcp_portmap_make(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if, u64 hash,
				       const struct xtcp_port_range *range);
u32 xtcp_portmap_choose(struct xtcp_net *xn, struct xtcp_portmap *map, const struct xtcp_port_range *range, bool first);
void xtcp_portmap_taken(struct xtcp_net *xn, struct xtcp_portmap *map, struct xtcp_conn *conn);
void xtcp_portmap_refused(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port);
void xtcp_portmap_not_taken(struct xtcp_net *xn, struct xtcp_portmap *map, u32 port);
void xtcp_portmap_forget_others(struct xtcp_net *xn, struct xtcp_portmap *map);
void xtcp_portmap_put(struct xtcp_net *xn, struct xtcp_portmap *map);
/* Called with BH disabled, after a connection with the number of a map, or several, have left the table. */
void xtcp_portmap_tuple_ended(struct xtcp_net *xn, const struct xtcp_conn *conn);
void xtcp_portmap_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
			       const struct xtcp_conn *(*next)(const struct xtcp_conn *));

#endif /* XTCP_PORTMAP_H */
