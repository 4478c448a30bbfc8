// SPDX-License-Identifier: GPL-2.0
/*
 * Remove octets of text from a segment, at either end, if they are old, beyond the window or queued
 * already.
 */
#include "recv/trim.h"

#include <linux/skbuff.h>

#include "base/seg.h"

/*
 * Drop the first @octets, which reach beyond the linear part. pskb_pull() would first copy them
 * into the linear part; this function copies nothing.
 */
static bool drop_fragments(struct sk_buff *skb, u32 octets)
{
	u32 linear = skb_headlen(skb), left = octets - linear;
	struct skb_shared_info *shinfo;
	unsigned int i, kept = 0;

	if (skb_unclone(skb, GFP_ATOMIC))
		return false;
	__skb_pull(skb, linear);
	shinfo = skb_shinfo(skb);
	for (i = 0; i < shinfo->nr_frags; i++) {
		u32 size = skb_frag_size(&shinfo->frags[i]);

		if (left >= size) {
			skb_frag_unref(skb, i);
			left -= size;
			continue;
		}
		shinfo->frags[kept] = shinfo->frags[i];
		skb_frag_off_add(&shinfo->frags[kept], left);
		skb_frag_size_sub(&shinfo->frags[kept], left);
		left = 0;
		kept++;
	}
	shinfo->nr_frags = kept;
	skb->len -= octets - linear;
	skb->data_len = skb->len;
	return true;
}

/**
 * xtcp_trim_front() - remove octets at the front of a segment
 * @skb: begins with its text; its truesize may change, so it must not be on a queue or charged to a
 *	sock
 * @octets: how many to remove, at most the length of @skb
 *
 * Context: any.
 *
 * Return: false if there is no memory.
 */
bool xtcp_trim_front(struct sk_buff *skb, u32 octets)
{
	struct xtcp_seg *seg = xtcp_seg(skb);

	if (octets > skb_headlen(skb) && !skb_has_frag_list(skb)) {
		if (!drop_fragments(skb, octets))
			return false;
	} else if (octets && !pskb_pull(skb, octets)) {
		return false;
	}
	seg->seq += octets;
	seg->len -= octets;
	return true;
}

/**
 * xtcp_trim_back() - remove octets at the end of a segment
 * @skb: begins with its text; it is on no queue and not charged
 * @len: how many octets may stay
 *
 * Context: any.
 *
 * Return: false if there is no memory.
 */
bool xtcp_trim_back(struct sk_buff *skb, u32 len)
{
	struct xtcp_seg *seg = xtcp_seg(skb);

	if (len >= seg->len)
		return true;
	if (pskb_trim(skb, len))
		return false;
	seg->len = len;
	seg->end_seq = seg->seq + len;
	return true;
}
