/* SPDX-License-Identifier: GPL-2.0 */
/* The socket options TCP_MD5SIG and TCP_MD5SIG_EXT. */
#ifndef XTCP_MD5OPT_H
#define XTCP_MD5OPT_H

#include <linux/sockptr.h>

struct sock;

/* Process; the socket lock is held. */
int xtcp_md5opt_set(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);

#endif /* XTCP_MD5OPT_H */
