/* SPDX-License-Identifier: GPL-2.0 */
/* When xtcp_boxnote_key is on: while a namespace wants black boxes, or a connection has one. */
#ifndef XTCP_BOXKEY_H
#define XTCP_BOXKEY_H

#include <linux/types.h>

struct xtcp_net;

void xtcp_boxkey_want(struct xtcp_net *xn, bool ends);
void xtcp_boxkey_hold(void);
void xtcp_boxkey_release(void);
/* boxes_lock (blackbox.c) is held. */
void xtcp_boxkey_given(void);
void xtcp_boxkey_taken(void);
void xtcp_boxkey_exit(void);

#endif /* XTCP_BOXKEY_H */
