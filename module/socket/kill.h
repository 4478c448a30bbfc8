/* SPDX-License-Identifier: GPL-2.0 */
/* ABORT by an administrator. */
#ifndef XTCP_KILL_H
#define XTCP_KILL_H

void xtcp_kill_register(void);
void xtcp_kill_unregister(void);

#endif /* XTCP_KILL_H */
