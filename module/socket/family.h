/* SPDX-License-Identifier: GPL-2.0 */
/* AF_XTCP: its protocols, socket creation, proto_ops. */
#ifndef XTCP_FAMILY_H
#define XTCP_FAMILY_H

int xtcp_family_init(void);
void xtcp_family_exit(void);
int xtcp_family_number(void);
int xtcp_family_register(void);
void xtcp_family_unregister(void);

#endif /* XTCP_FAMILY_H */
