/* SPDX-License-Identifier: GPL-2.0 */
/* Other builds of this module that are loaded at the same time. */
#ifndef XTCP_SIBLINGS_H
#define XTCP_SIBLINGS_H

#include <linux/types.h>

struct sk_buff;

enum xtcp_sibling_ip {
	XTCP_SIBLING_V4,
	XTCP_SIBLING_V6,
	XTCP_SIBLING_IPS,
};

/**
 * struct xtcp_sibling_link - the position of a build in the chain of TCP's handlers
 * @ours: the build's struct net_protocol or inet6_protocol
 * @saved: the build's variable that points to the next such struct in the chain
 */
struct xtcp_sibling_link {
	const void *ours;
	const void **saved;
};

/*
 * A sibling calls this function of ours: does a listener of ours want a SYN that would reopen a
 * TIME-WAIT record of the sibling? Softirq, RCU read side.
 */
typedef bool (*xtcp_sibling_wants)(struct sk_buff *skb);
/*
 * A sibling calls this function of ours: does a connection of ours own a segment that would go to a
 * listener of the sibling? @wanted: the sibling's own xtcp_sibling_wants. If the segment is a SYN
 * that would reopen a TIME-WAIT record of ours, and @wanted returns true, our function ends the
 * record and returns false. Softirq, RCU read side.
 */
typedef bool (*xtcp_sibling_keeps)(struct sk_buff *skb, xtcp_sibling_wants wanted);

void xtcp_siblings_join(const struct xtcp_sibling_link *links, xtcp_sibling_keeps keeps, xtcp_sibling_wants wants);
int xtcp_siblings_put_in(enum xtcp_sibling_ip ip, int (*install)(void));
bool xtcp_siblings_call_ours(enum xtcp_sibling_ip ip);
bool xtcp_siblings_take_out(enum xtcp_sibling_ip ip, bool (*restore)(void));
void xtcp_siblings_leave(void);
bool xtcp_siblings_keep(struct sk_buff *skb);
bool xtcp_siblings_want(struct sk_buff *skb);
void xtcp_siblings_set_family(int family);
bool xtcp_siblings_have_family(int family, char *name, size_t size);

#endif /* XTCP_SIBLINGS_H */
