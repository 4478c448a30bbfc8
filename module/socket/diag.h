/* SPDX-License-Identifier: GPL-2.0 */
/* The handler of sock_diag for AF_XTCP: lists sockets, and ends them. */
#ifndef XTCP_DIAG_H
#define XTCP_DIAG_H

void xtcp_diag_register(void);
void xtcp_diag_unregister(void);

#endif /* XTCP_DIAG_H */
