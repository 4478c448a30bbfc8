/* SPDX-License-Identifier: GPL-2.0 */
/* When the last descriptor of a sock is closed, the sock may have to keep the module loaded. */
#ifndef XTCP_HELD_LET_GO_H
#define XTCP_HELD_LET_GO_H

struct sock;

void xtcp_held_let_go(struct sock *sk);

#endif /* XTCP_HELD_LET_GO_H */
