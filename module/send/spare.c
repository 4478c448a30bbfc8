// SPDX-License-Identifier: GPL-2.0
/*
 * An skb that a send queue has no use for any more, kept for the next that one needs.
 *
 * A request and its answer, in either direction, free the skb of one message shortly before they need another. IP gets
 * clones of what stands on a send queue, so nobody has written to the skb itself, and to make it new takes a tenth of
 * what it costs to give it back and to ask for another. Each processor keeps a few, whosever they were; nobody is
 * charged for them.
 */
#include "send/spare.h"

#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#define SPARES	4	/* on each processor: both ends of a connection that opens and closes need that many */

/* Each is taken and given in one instruction, so by whoever runs. */
static DEFINE_PER_CPU(struct sk_buff *, spares[SPARES]);

/*
 * Clones have only shared what stands behind the octets: its references to pages, what they noted for the device. All
 * else that is not set anew is as alloc_skb_fclone() has left it.
 */
static void make_new(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	int i;

	for (i = 0; i < shinfo->nr_frags; i++)
		skb_frag_unref(skb, i);
	memset(shinfo, 0, offsetof(struct skb_shared_info, dataref));
	skb->data = skb->head + MAX_TCP_HEADER;
	skb_reset_tail_pointer(skb);
	skb->len = 0;
	skb->data_len = 0;
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}

/**
 * xtcp_spare_take() - an skb that this processor keeps
 *
 * Context: any but hard interrupt.
 *
 * Return: an skb as xtcp_sndq_alloc() makes it but for its control block, without octets; or NULL.
 */
struct sk_buff *xtcp_spare_take(void)
{
	struct sk_buff *skb;
	int i;

#ifdef CONFIG_FAULT_INJECTION
	/* who has each of its allocations fail in turn means this one, too */
	if (current->fail_nth)
		return NULL;
#endif
	for (i = 0; i < SPARES; i++) {
		if (!this_cpu_read(spares[i]))
			continue;
		skb = this_cpu_xchg(spares[i], NULL);
		if (likely(skb))
			return skb;
	}
	return NULL;
}

/**
 * xtcp_spare_keep() - keep an skb, if this processor has not enough of them
 * @skb: from xtcp_sndq_alloc(); in no queue and charged to nobody
 *
 * Not one that has a clone left, nor one whose head is another one by now or comes from the reserves of memory.
 *
 * Context: any but hard interrupt.
 *
 * Return: false when it is not kept: the caller frees it.
 */
bool xtcp_spare_keep(struct sk_buff *skb)
{
	int i;

	for (i = 0; this_cpu_read(spares[i]);)
		if (++i == SPARES)
			return false;
	if (!skb->nohdr || skb_cloned(skb) || skb_pfmemalloc(skb))
		return false;
	make_new(skb);
	/* whoever interrupted us may have kept one there */
	skb = this_cpu_xchg(spares[i], skb);
	if (unlikely(skb))
		__kfree_skb(skb);
	return true;
}

/**
 * xtcp_spare_exit() - free what is kept
 *
 * Context: process, module exit; no sock is left.
 */
void xtcp_spare_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < SPARES; i++)
			kfree_skb(per_cpu(spares[i], cpu));
}
