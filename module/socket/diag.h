/* SPDX-License-Identifier: GPL-2.0 */
/* The handler of AF_XTCP in sock_diag: listings, and the end of sockets. */
#ifndef XTCP_DIAG_H
#define XTCP_DIAG_H

void xtcp_diag_register(void);
void xtcp_diag_unregister(void);

#endif /* XTCP_DIAG_H */
