/* SPDX-License-Identifier: GPL-2.0 */
/* The metrics of a connection's route, such as initcwnd of "ip route". */
#ifndef XTCP_METRIC_H
#define XTCP_METRIC_H

#include <linux/rtnetlink.h>
#include <net/dst.h>
#include <net/sock.h>

/* The metric RTAX_* of the route @dst; 0: not set, or no route. */
static inline u32 xtcp_metric(const struct dst_entry *dst, int metric)
{
	return dst ? dst_metric(dst, metric) : 0;
}

/* A metric of the route that @sk uses now. Socket lock held. */
static inline u32 xtcp_metric_of(const struct sock *sk, int metric)
{
	return xtcp_metric(__sk_dst_get((struct sock *)sk), metric);
}

/* As xtcp_metric_of(), but 0 unless the metric is locked. */
static inline u32 xtcp_metric_locked_of(const struct sock *sk, int metric)
{
	const struct dst_entry *dst = __sk_dst_get((struct sock *)sk);

	return dst && dst_metric_locked(dst, metric) ? dst_metric(dst, metric) : 0;
}

#endif /* XTCP_METRIC_H */
