// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of segments without text: ACKs, probes, RSTs.
 *
 * Such a segment is gone as soon as the peer or the device has read it. With BH off it comes from where drivers take
 * the packets that arrive: pieces of pages and skbs that each processor keeps, which cost half of what the slabs do.
 */
#include "control.h"

#include <linux/skbuff.h>
#include <net/tcp.h>

/* MAX_TCP_HEADER is whole cache lines already. */
#define HEAD_SIZE	(MAX_TCP_HEADER + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))

static struct sk_buff *alloc_from_processor(void)
{
	void *head = napi_alloc_frag(HEAD_SIZE);
	struct sk_buff *skb;

	if (!head)
		return NULL;
	skb = napi_build_skb(head, HEAD_SIZE);
	if (!skb)
		skb_free_frag(head);
	return skb;
}

/**
 * xtcp_control_alloc() - an skb for a segment without text
 * @gfp: for when it comes from the slabs
 *
 * Context: any but hard interrupt.
 *
 * Return: the skb, with room for all headers; NULL without memory.
 */
struct sk_buff *xtcp_control_alloc(gfp_t gfp)
{
	struct sk_buff *skb = in_softirq() ? alloc_from_processor() : alloc_skb(MAX_TCP_HEADER, gfp);

	if (skb)
		skb_reserve(skb, MAX_TCP_HEADER);
	return skb;
}
