// SPDX-License-Identifier: GPL-2.0
/*
 * The SYN of a connection, for a program that asks for it: TCP_SAVE_SYN on the listener,
 * TCP_SAVED_SYN on an accepted socket.
 *
 * The SYN is stored behind the half-open entry, in the same allocation. The child gets a copy,
 * which is freed when the program reads it. As in Linux, a SYN is not saved if memory was short. A
 * SYN that was answered by cookie is not saved either, because it has no entry.
 */
#include "recv/savedsyn.h"

#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>

#include "base/options.h"
#include "base/seg.h"
#include "base/wire.h"

/* The length of the link header in octets; 0 for a tun device. */
static u32 link_len(const struct sk_buff *skb)
{
	return skb_mac_header_was_set(skb) ? skb_mac_header_len(skb) : 0;
}

/**
 * xtcp_savedsyn_len() - how many octets of a SYN are to be saved
 * @skb: the SYN; its data begins with the TCP header
 * @save_syn: the value of TCP_SAVE_SYN, not 0
 *
 * Context: softirq.
 *
 * Return: octets. All headers are saved, but not the data.
 */
u32 xtcp_savedsyn_len(struct sk_buff *skb, u8 save_syn)
{
	return (save_syn == 2 ? link_len(skb) : 0) + skb_network_header_len(skb) + xtcp_seg(skb)->hdr_len;
}

/**
 * xtcp_savedsyn_take_keyids() - store the KeyIDs of a SYN, or of a SYN that has come again
 * @syn: where to store them; nothing is stored if the SYN has no TCP-AO
 * @skb: the SYN; its data begins with the TCP header
 *
 * RFC 5925 section 3.3: each segment may ask for another key.
 *
 * Context: softirq. Lock: the listener's, held, once the entry is in the table.
 */
void xtcp_savedsyn_take_keyids(struct xtcp_saved_syn *syn, const struct sk_buff *skb)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;
	struct xtcp_ao_option option;

	if (xtcp_options_find_ao((const u8 *)(th + 1), th->doff * 4 - XTCP_HDR_LEN, &option) != XTCP_AO_PRESENT)
		return;
	WRITE_ONCE(syn->ao_keyid, option.keyid);
	WRITE_ONCE(syn->ao_rnext, option.rnext);
}

/**
 * xtcp_savedsyn_fill() - copy the headers of a SYN, and its KeyIDs
 * @syn: where to store both. The caller has set @len to xtcp_savedsyn_len(), or to 0 if the
 *	program wants no headers. All other fields are 0
 * @skb: the SYN; its data begins with the TCP header
 *
 * Context: softirq.
 */
void xtcp_savedsyn_fill(struct xtcp_saved_syn *syn, struct sk_buff *skb)
{
	memcpy(syn->octets, skb->data + xtcp_seg(skb)->hdr_len - syn->len, syn->len);
	xtcp_savedsyn_take_keyids(syn, skb);
}

/**
 * xtcp_savedsyn_copy() - copy the saved SYN of a half-open entry, for the sock of the connection
 * @syn: the SYN of the entry
 *
 * Context: softirq, RCU read side.
 *
 * Return: the copy, or NULL if there is no memory.
 */
struct xtcp_saved_syn *xtcp_savedsyn_copy(const struct xtcp_saved_syn *syn)
{
	const u32 size = xtcp_savedsyn_bytes(syn->len);
	struct xtcp_saved_syn *copy = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);

	if (copy)
		memcpy(copy, syn, size);
	return copy;
}

/**
 * xtcp_savedsyn_drop() - free the saved SYN of a connection
 * @syn: points to xtcp_sock.saved_syn, which is NULL afterwards
 *
 * Context: softirq or process. Lock: socket, held, or no other thread can find the sock.
 */
void xtcp_savedsyn_drop(struct xtcp_saved_syn **syn)
{
	kfree(*syn);
	*syn = NULL;
}
