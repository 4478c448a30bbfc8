/* SPDX-License-Identifier: GPL-2.0 */
/* STATUS (RFC 9293 section 3.10.6): TCP_INFO. */
#ifndef XTCP_STATUS_H
#define XTCP_STATUS_H

struct sock;
struct tcp_info;

/* process context, takes the socket lock */
void xtcp_status_info(struct sock *sk, struct tcp_info *info);

#endif /* XTCP_STATUS_H */
