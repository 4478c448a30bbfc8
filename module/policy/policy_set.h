/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of generic netlink that change the policy table of a namespace. */
#ifndef XTCP_POLICY_SET_H
#define XTCP_POLICY_SET_H

struct genl_info;
struct sk_buff;

int xtcp_policy_set_requested(struct sk_buff *skb, struct genl_info *info);

#endif /* XTCP_POLICY_SET_H */
