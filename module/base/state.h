/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection state (RFC 9293 section 3.3.2): the only code that changes sk_state. The values
 * are the kernel's TCP_*.
 */
#ifndef XTCP_STATE_H
#define XTCP_STATE_H

struct sock;

void xtcp_state_set(struct sock *sk, int state);
const char *xtcp_state_name(int state);

#endif /* XTCP_STATE_H */
