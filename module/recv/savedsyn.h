/* SPDX-License-Identifier: GPL-2.0 */
/* The SYN of a connection, for a program that asked for it (TCP_SAVE_SYN). */
#ifndef XTCP_SAVEDSYN_H
#define XTCP_SAVEDSYN_H

#include <linux/overflow.h>
#include <linux/types.h>

struct sk_buff;

/**
 * struct xtcp_saved_syn - the headers of a SYN, and the KeyIDs of its TCP-AO option
 * @len: length of @octets; 0: the program asked for no headers
 * @ao_keyid: the KeyID of the latest SYN; 0 without TCP-AO; READ_ONCE
 * @ao_rnext: the RNextKeyID of the latest SYN; READ_ONCE
 * @octets: the link header if TCP_SAVE_SYN is 2, then the headers of IP and TCP
 */
struct xtcp_saved_syn {
	u16 len;
	u8 ao_keyid;
	u8 ao_rnext;
	u8 octets[];
};

/* The size of a struct xtcp_saved_syn with @len octets of headers, in octets. */
static inline u32 xtcp_savedsyn_bytes(u32 len)
{
	return offsetof(struct xtcp_saved_syn, octets) + len;
}

u32 xtcp_savedsyn_len(struct sk_buff *skb, u8 save_syn);
void xtcp_savedsyn_fill(struct xtcp_saved_syn *syn, struct sk_buff *skb);
void xtcp_savedsyn_take_keyids(struct xtcp_saved_syn *syn, const struct sk_buff *skb);
struct xtcp_saved_syn *xtcp_savedsyn_copy(const struct xtcp_saved_syn *syn);
void xtcp_savedsyn_drop(struct xtcp_saved_syn **syn);

#endif /* XTCP_SAVEDSYN_H */
