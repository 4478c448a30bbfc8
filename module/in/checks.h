/* SPDX-License-Identifier: GPL-2.0 */
/* What a segment of ours has to pass before anybody looks at its connection. */
#ifndef XTCP_CHECKS_H
#define XTCP_CHECKS_H

#include <linux/types.h>
#include <net/dropreason.h>

struct net;
struct sk_buff;
struct sock;
struct xtcp_net;
struct xtcp_request;

/**
 * struct xtcp_signature - what is known of the signature of a segment
 * @verified: the segment was verified with the keys of the sock that gets the segment; false again
 *	when a different sock gets the segment
 * @counted: TCPAOGood has counted the segment, and must not count it again
 */
struct xtcp_signature {
	bool verified;
	bool counted;
};

void xtcp_checks_drop(const struct net *net, struct sk_buff *skb, int state, enum skb_drop_reason reason);
bool xtcp_checks_header(struct xtcp_net *xn, struct sk_buff *skb);
bool xtcp_checks_hops(const struct sock *sk, const struct sk_buff *skb);
bool xtcp_checks_signature(struct xtcp_net *xn, const struct sock *sk, const struct xtcp_request *he,
			   struct sk_buff *skb, int state, int l3index, struct xtcp_signature *signature);
bool xtcp_checks_owner(struct xtcp_net *xn, struct sock *sk, const struct xtcp_request *he, struct sk_buff *skb,
		       int state, int dif, int sdif, struct xtcp_signature *signature);

#endif /* XTCP_CHECKS_H */
