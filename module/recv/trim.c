// SPDX-License-Identifier: GPL-2.0
/*
 * Remove octets of text from a segment, at either end: old text, text beyond the window, text that
 * is queued already.
 */
#include "recv/trim.h"

#include <linux/skbuff.h>

#include "base/seg.h"

/*
 * Drop @octets at the front, more than the linear part has, without copying them. pskb_pull() would
 * first copy them into the linear part.
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
 * xtcp_trim_front() - remove octets at the left
 * @skb: at its text, on no queue and not charged: its truesize may change
 * @octets: how many, at most its length
 *
 * Context: any.
 *
 * Return: false without memory.
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
 * xtcp_trim_back() - remove octets at the right
 * @skb: at its text, on no queue and not charged
 * @len: octets that may stay
 *
 * Context: any.
 *
 * Return: false without memory.
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
