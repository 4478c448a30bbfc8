/* SPDX-License-Identifier: GPL-2.0 */
/* Finds the socket that a request of sock_diag names. */
#ifndef XTCP_DIAG_FIND_H
#define XTCP_DIAG_FIND_H

#include <linux/types.h>

struct inet_diag_req_v2;
struct sock;
struct xtcp_conn;
struct xtcp_net;
struct xtcp_tuple;

/* process context, RCU read side; the result is valid until the RCU read side ends */
struct xtcp_conn *xtcp_diag_find_conn(struct xtcp_net *xn, const struct inet_diag_req_v2 *req);
struct sock *xtcp_diag_find_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req);
bool xtcp_diag_find_listens(const struct sock *sk, const struct inet_diag_req_v2 *req);

/* process context, socket lock held */
bool xtcp_diag_find_is_still(const struct sock *sk, const struct xtcp_tuple *tuple);

#endif /* XTCP_DIAG_FIND_H */
