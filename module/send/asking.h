/* SPDX-License-Identifier: GPL-2.0 */
/* Which ACK rate the peer is asked for. */
#ifndef XTCP_ASKING_H
#define XTCP_ASKING_H

#include <linux/types.h>

struct sock;

/* Socket lock held. */
void xtcp_asking_look(struct sock *sk);
bool xtcp_asking_hurries(const struct sock *sk);

#endif /* XTCP_ASKING_H */
