/* SPDX-License-Identifier: GPL-2.0 */
/* Lets an administrator change a live connection. */
#ifndef XTCP_SET_H
#define XTCP_SET_H

/* module init and exit */
void xtcp_set_register(void);
void xtcp_set_unregister(void);

#endif /* XTCP_SET_H */
