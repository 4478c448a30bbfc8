/* SPDX-License-Identifier: GPL-2.0 */
/* Pipe: the number of octets in flight. */
#ifndef XTCP_PIPE_H
#define XTCP_PIPE_H

#include <linux/types.h>

struct sock;

/* Socket lock held. */
u32 xtcp_pipe_octets(const struct sock *sk);

#endif /* XTCP_PIPE_H */
