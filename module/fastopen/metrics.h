/* SPDX-License-Identifier: GPL-2.0 */
/* A table of the hosts to which a namespace has opened connections by TCP Fast Open. */
#ifndef XTCP_METRICS_H
#define XTCP_METRICS_H

#include <linux/types.h>

struct sock;
struct xtcp_fastopen_cookie;
struct xtcp_metrics;
struct xtcp_net;

bool xtcp_metrics_get(struct sock *sk, struct xtcp_fastopen_cookie *cookie, u16 *mss);
void xtcp_metrics_set(struct sock *sk, const struct xtcp_fastopen_cookie *cookie, u16 mss, bool lost);
void xtcp_metrics_net_exit(struct xtcp_net *xn);

#endif /* XTCP_METRICS_H */
