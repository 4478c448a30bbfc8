// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of segments without text: ACKs, probes, RSTs.
 *
 * Such a segment is freed as soon as the peer or the device has read it. With BH off its memory
 * comes from the per-CPU caches that drivers use for arriving packets: page fragments and skbs,
 * which cost half as much as the slabs do. A segment that is held below TCP keeps the whole 32 KiB
 * page of its fragment, as a driver's packet does.
 */
#include "out/control.h"

#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

/* Ethernet pads short frames. */
#define HEAD_SIZE	(SKB_DATA_ALIGN(MAX_TCP_HEADER + ETH_ZLEN) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))

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
 * @gfp: for an allocation from the slabs; with __GFP_MEMALLOC the slabs are always used, since swap
 *	waits for the segment
 *
 * Context: any but hard interrupt.
 *
 * Return: the skb, with room for all headers; NULL without memory.
 */
struct sk_buff *xtcp_control_alloc(gfp_t gfp)
{
	struct sk_buff *skb;

	if (in_softirq() && !(gfp & __GFP_MEMALLOC))
		skb = alloc_from_processor();
	else
		skb = alloc_skb(MAX_TCP_HEADER, gfp);
	if (skb)
		skb_reserve(skb, MAX_TCP_HEADER);
	return skb;
}
