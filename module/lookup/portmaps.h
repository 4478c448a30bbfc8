/* SPDX-License-Identifier: GPL-2.0 */
/* The maps of the ports in use (portmap.h) of a namespace. */
#ifndef XTCP_PORTMAPS_H
#define XTCP_PORTMAPS_H

#include <linux/types.h>

struct xtcp_conn;
struct xtcp_net;
struct xtcp_port_range;
struct xtcp_portmap;
struct xtcp_tuple;

int xtcp_portmaps_net_init(struct xtcp_net *xn);
void xtcp_portmaps_net_exit(struct xtcp_net *xn);

/* Process context. A caller gets or makes a map, uses it (portmap.h), and puts it. */
struct xtcp_portmap *xtcp_portmaps_get(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if);
struct xtcp_portmap *xtcp_portmaps_make(struct xtcp_net *xn, const struct xtcp_tuple *key, int bound_dev_if,
					const struct xtcp_port_range *range);
void xtcp_portmaps_put(struct xtcp_net *xn, struct xtcp_portmap *map);
/* BH disabled. The connections have left the table; each stores the number of a map, or 0. */
void xtcp_portmaps_tuple_ended(struct xtcp_net *xn, const struct xtcp_conn *conn);
void xtcp_portmaps_tuples_ended(struct xtcp_net *xn, const struct xtcp_conn *conn,
				const struct xtcp_conn *(*next)(const struct xtcp_conn *));

#endif /* XTCP_PORTMAPS_H */
