/* SPDX-License-Identifier: GPL-2.0 */
/* What to do when the last descriptor of a sock is closed. */
#ifndef XTCP_HELD_LET_GO_H
#define XTCP_HELD_LET_GO_H

struct sock;

void xtcp_held_let_go(struct sock *sk);

#endif /* XTCP_HELD_LET_GO_H */
