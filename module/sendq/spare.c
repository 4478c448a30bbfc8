// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps skbs that a send queue no longer needs, so that later writes can use them.
 *
 * A connection with requests and responses frees the skb of one message shortly before it needs an
 * skb for the next. It is faster to reset the old skb: this takes a tenth of the time of a free and
 * an allocation. Little must be reset, because the layers below write only to clones of the skb.
 * Each processor keeps a few such skbs, from any connection. They are not charged to a socket.
 */
#include "sendq/spare.h"

#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

/* kept skbs per processor: a short connection needs four if both ends are on this processor */
#define SPARES	4

/*
 * The kept skbs of each CPU. An element changes only by an atomic exchange on its CPU, which is
 * safe in softirq and process context.
 */
static DEFINE_PER_CPU(struct sk_buff *, spares[SPARES]);

/*
 * Reset a used skb, whose clones are gone. The clones may have changed two parts that they shared
 * with @skb: the headroom, whose contents do not matter, and struct skb_shared_info. Drop the
 * references to the pages that skb_shared_info lists, and clear this struct up to dataref, as
 * alloc_skb_fclone() does. All other fields are set here or by the next user, or have not changed
 * since the allocation.
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
 * xtcp_spare_take() - take a kept skb of this processor
 *
 * Context: any but hard interrupt.
 *
 * Return: an empty skb, as from alloc_skb_fclone(), with headroom reserved; its control block is
 * undefined. NULL if this processor keeps none.
 */
struct sk_buff *xtcp_spare_take(void)
{
	struct sk_buff *skb;
	int i;

#ifdef CONFIG_FAULT_INJECTION
	/*
	 * if a test wants an allocation of this task to fail (fail_nth), return NULL: the caller
	 * then allocates an skb, and this allocation can fail
	 */
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
 * xtcp_spare_keep() - keep an skb if this processor has room for it
 * @skb: from xtcp_sndq_alloc(); on no queue and not charged to a socket
 *
 * An skb is not kept if it still has a clone, if its head was replaced, if its memory is from the
 * emergency reserves, or if a program waits for the report that its pages are free again.
 *
 * Context: any but hard interrupt.
 *
 * Return: false when it is not kept; the caller then frees it.
 */
bool xtcp_spare_keep(struct sk_buff *skb)
{
	int i;

	for (i = 0; this_cpu_read(spares[i]);)
		if (++i == SPARES)
			return false;
	if (!skb->nohdr || skb_cloned(skb) || skb_pfmemalloc(skb) || unlikely(skb_zcopy(skb)))
		return false;
	make_new(skb);
	/* an interrupt may have kept another skb in this element meanwhile */
	skb = this_cpu_xchg(spares[i], skb);
	if (unlikely(skb))
		__kfree_skb(skb);
	return true;
}

/**
 * xtcp_spare_exit() - free all kept skbs
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
