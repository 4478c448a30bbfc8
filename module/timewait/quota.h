/* SPDX-License-Identifier: GPL-2.0 */
/* How many records there may be. */
#ifndef XTCP_QUOTA_H
#define XTCP_QUOTA_H

#include <linux/types.h>

struct xtcp_net;

int xtcp_quota_init(void);
void xtcp_quota_exit(void);
int xtcp_quota_net_init(struct xtcp_net *xn);
void xtcp_quota_net_exit(struct xtcp_net *xn);

void xtcp_quota_count(struct xtcp_net *xn, int change);
void xtcp_quota_count_signed(struct xtcp_net *xn, int change);
bool xtcp_quota_exceeded(struct xtcp_net *xn);

#endif /* XTCP_QUOTA_H */
