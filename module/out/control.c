// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates the memory of segments without data: ACKs, probes, RSTs.
 *
 * Such a segment is freed as soon as the device, or a peer on this machine, has read it. With BH
 * disabled, its memory comes from the per-CPU caches of page fragments and skbs, which drivers use
 * for arriving packets. This takes half the time of an allocation from the slabs. While a segment
 * waits in a queue of IP or of the device, it keeps the whole 32 KiB page of its fragment in use,
 * as a driver's packet does.
 */
#include "out/control.h"

#include <linux/if_ether.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "base/rstdiag.h"

/* ETH_ZLEN octets are for the padding of a short Ethernet frame, or for the text of a RST. */
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
 * xtcp_control_alloc() - allocate an skb for a control segment
 * @gfp: flags for the slabs. __GFP_MEMALLOC is set if swapping may wait for this segment; then the
 *	skb comes from the slabs, which may use the memory reserves
 * @text: octets of text, 0 or %XTCP_RSTDIAG_LEN
 *
 * Context: any but hard interrupt.
 *
 * Return: the skb, empty, with room for all headers and the text; NULL without memory.
 */
struct sk_buff *xtcp_control_alloc(gfp_t gfp, unsigned int text)
{
	struct sk_buff *skb;

	BUILD_BUG_ON(XTCP_RSTDIAG_LEN > ETH_ZLEN);
	if (in_softirq() && !(gfp & __GFP_MEMALLOC))
		skb = alloc_from_processor();
	else
		skb = alloc_skb(MAX_TCP_HEADER + text, gfp);
	if (skb)
		skb_reserve(skb, MAX_TCP_HEADER);
	return skb;
}
