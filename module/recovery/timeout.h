/* SPDX-License-Identifier: GPL-2.0 */
/* The retransmission timer has expired. */
#ifndef XTCP_TIMEOUT_H
#define XTCP_TIMEOUT_H

#include <linux/types.h>

struct sock;

/* The socket lock is held. */
bool xtcp_timeout_passed(struct sock *sk);

#endif /* XTCP_TIMEOUT_H */
