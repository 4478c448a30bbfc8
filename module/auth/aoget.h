/* SPDX-License-Identifier: GPL-2.0 */
/* TCP_AO_GET_KEYS and TCP_AO_INFO, as getsockopt() answers them. */
#ifndef XTCP_AOGET_H
#define XTCP_AOGET_H

#include <linux/sockptr.h>

struct sock;

/* Process; the socket lock is held. */
int xtcp_aoget_keys(struct sock *sk, sockptr_t optval, sockptr_t optlen);
int xtcp_aoget_info(struct sock *sk, sockptr_t optval, sockptr_t optlen);

#endif /* XTCP_AOGET_H */
