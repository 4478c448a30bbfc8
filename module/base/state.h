/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a connection (RFC 9293 section 3.3.2): sk_state, with the kernel's values, TCP_*.
 * After create.c has made a sock, only xtcp_state_set() changes sk_state.
 */
#ifndef XTCP_STATE_H
#define XTCP_STATE_H

struct sock;

void xtcp_state_set(struct sock *sk, int state);
const char *xtcp_state_name(int state);

#endif /* XTCP_STATE_H */
