/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Our protocol handlers, installed in front of kernel TCP's. They decide whether a segment is ours.
 */
#ifndef XTCP_INTERPOSE_H
#define XTCP_INTERPOSE_H

int xtcp_interpose_init(void);
void xtcp_interpose_exit(void);

#endif /* XTCP_INTERPOSE_H */
