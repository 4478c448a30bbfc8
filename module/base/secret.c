// SPDX-License-Identifier: GPL-2.0
/*
 * The keys of a namespace, and values derived from them.
 *
 * The keys are drawn at the first use of the namespace and wiped at its exit. The keys of timestamp
 * offsets and of tuples (demux.c) stay the same for the life of the namespace, since timestamps and
 * ISNs have to grow from one incarnation of a connection to the next. A key of cookies serves one
 * epoch: eight periods of 64 seconds (cookie.c). In each later epoch, the first cookie draws a new
 * key; the key of the previous epoch is kept.
 *
 * The checksum of a segment.
 *
 * The shards of a namespace: parts of its records and orphans, each part with its own lock.
 *
 * The index by which xtcp_net() finds struct xtcp_net. netns.c makes the struct.
 */
#include "base/base.h"

#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/random.h>
#include <linux/seqlock.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "base/clock.h"
#include "base/cookie.h"
#include "base/net.h"
#include "base/wire.h"
#include "compat.h"
#include "lookup/lookup.h"

unsigned int xtcp_net_id;

unsigned int xtcp_shard_mask __read_mostly;

/**
 * xtcp_shard_init() - decide how many shards a namespace has
 *
 * Context: process, module init.
 */
void xtcp_shard_init(void)
{
	xtcp_shard_mask = roundup_pow_of_two(min(num_possible_cpus(), XTCP_SHARDS_MAX)) - 1;
}

/**
 * xtcp_shard_net_init() - make the shards of a namespace
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_shard_net_init(struct xtcp_net *xn)
{
	unsigned int i;

	xn->shards = kcalloc(xtcp_shard_mask + 1, sizeof(*xn->shards), GFP_KERNEL_ACCOUNT);
	if (!xn->shards)
		return -ENOMEM;
	for (i = 0; i <= xtcp_shard_mask; i++) {
		spin_lock_init(&xn->shards[i].lock);
		INIT_LIST_HEAD(&xn->shards[i].orphans);
		xn->shards[i].xn = xn;
	}
	return 0;
}

/**
 * xtcp_shard_net_exit() - free the shards of a namespace
 * @xn: the namespace; no orphan and no record is left
 *
 * Context: process, namespace exit.
 */
void xtcp_shard_net_exit(struct xtcp_net *xn)
{
	kfree(xn->shards);
	xn->shards = NULL;
}

/**
 * xtcp_checksum_ok() - is the checksum right? (RFC 9293 section 3.1, MUST-3)
 * @skb: the segment, skb->data at its TCP header; the skb keeps the result for the next caller
 *
 * Context: softirq.
 *
 * Return: true when the checksum is right.
 */
bool xtcp_checksum_ok(struct sk_buff *skb)
{
	bool wrong;

	if (skb->protocol == htons(ETH_P_IP))
		wrong = skb_checksum_init(skb, IPPROTO_TCP, inet_compute_pseudo);
	else
		wrong = skb_checksum_init(skb, IPPROTO_TCP, ip6_compute_pseudo);
	return !wrong && (skb_csum_unnecessary(skb) || !__skb_checksum_complete(skb));
}

/**
 * xtcp_secret_net_init() - draw the keys of a namespace
 * @xn: the namespace
 *
 * Context: process.
 */
void xtcp_secret_net_init(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	get_random_bytes(&xn->ts_key, sizeof(xn->ts_key));
	get_random_bytes(&rest->port_key, sizeof(rest->port_key));
	seqlock_init(&rest->cookie_lock);
	get_random_bytes(rest->cookie.key, sizeof(rest->cookie.key));
	rest->cookie.epoch = xtcp_cookie_epoch(xtcp_clock_seconds());
}

/**
 * xtcp_secret_net_exit() - wipe the keys of a namespace
 * @xn: the namespace, in which no more segments arrive
 *
 * Context: process.
 */
void xtcp_secret_net_exit(struct xtcp_net *xn)
{
	struct xtcp_rest *rest = xn->rest;

	memzero_explicit(&xn->ts_key, sizeof(xn->ts_key));
	memzero_explicit(&rest->port_key, sizeof(rest->port_key));
	memzero_explicit(&rest->cookie, sizeof(rest->cookie));
}

/**
 * xtcp_secret_ts_offset() - derive the offset that is added to the clock in TSvals
 * @xn: the namespace
 * @tuple: the connection. Only the addresses count, not the ports: the TSvals of all connections
 *	between two hosts come from the same growing clock (RFC 7323 section 5.4, RFC 6191)
 *
 * Context: any.
 *
 * Return: the offset, milliseconds.
 */
u32 xtcp_secret_ts_offset(const struct xtcp_net *xn, const struct xtcp_tuple *tuple)
{
	struct xtcp_tuple hosts = *tuple;

	hosts.lport = 0;
	hosts.fport = 0;
	return (u32)xtcp_tuple_hash(&hosts, &xn->ts_key);
}

/**
 * xtcp_secret_active() - derive the ISN and the timestamp offset of an active open
 * @xn: the namespace
 * @tuple: the connection
 * @iss: receives the ISN: a clock plus a keyed hash of the tuple (RFC 6528 section 3; RFC 9293
 *	section 3.4.1, MUST-8 and SHLD-1)
 * @ts_offset: receives the offset, milliseconds
 *
 * Kernel TCP may have used the tuple before. A peer that still has the tuple in TIME-WAIT accepts
 * only a SYN with a greater sequence number or timestamp (RFC 9293 section 3.6.1, MAY-2; RFC 6191).
 * So both values come from kernel TCP, if xtcp_compat_seq_and_ts_off() can get them in this kernel.
 * Otherwise xtcp computes them with its own keys. Kernel TCP's offset is 0 unless
 * net.ipv4.tcp_timestamps is 1.
 *
 * Context: any.
 */
void xtcp_secret_active(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, u32 *iss, u32 *ts_offset)
{
	if (xtcp_compat_seq_and_ts_off(xn->net, tuple, iss, ts_offset))
		return;
	*iss = (u32)xtcp_tuple_hash(tuple, &xn->tuple_key) + (u32)(xtcp_clock_us() >> 2);
	*ts_offset = xtcp_secret_ts_offset(xn, tuple);
}

/*
 * Draws the key of @epoch, unless another caller has done so. Not inlined, so that only the first
 * SYN of an epoch needs stack for the key.
 */
static noinline_for_stack void rotate(struct xtcp_rest *rest, u32 epoch)
{
	siphash_key_t key;

	get_random_bytes(&key, sizeof(key));
	write_seqlock_bh(&rest->cookie_lock);
	if ((s32)(epoch - rest->cookie.epoch) > 0) {
		rest->cookie.key[epoch & 1] = key;
		WRITE_ONCE(rest->cookie.epoch, epoch);
	}
	write_sequnlock_bh(&rest->cookie_lock);
	memzero_explicit(&key, sizeof(key));
}

/**
 * xtcp_secret_cookie() - make a SYN cookie, the ISN of a SYN-ACK
 * @xn: the namespace
 * @key: the connection
 * @irs: SEG.SEQ of the SYN
 * @cookie: the options of the SYN
 *
 * The first call in an epoch draws the key of the epoch.
 *
 * Context: any.
 *
 * Return: ISS.
 */
u32 xtcp_secret_cookie(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, struct xtcp_cookie cookie)
{
	const u32 now = xtcp_clock_seconds();
	struct xtcp_rest *rest = xn->rest;
	unsigned int seq;
	u32 iss;

	if (unlikely((s32)(xtcp_cookie_epoch(now) - READ_ONCE(rest->cookie.epoch)) > 0))
		rotate(rest, xtcp_cookie_epoch(now));
	do {
		seq = read_seqbegin(&rest->cookie_lock);
		iss = xtcp_cookie_make(&rest->cookie, &key->tuple, key->hash, irs, now, cookie);
	} while (read_seqretry(&rest->cookie_lock, seq));
	return iss;
}

/**
 * xtcp_secret_cookie_check() - does an ACK acknowledge an ISN of xtcp_secret_cookie()?
 * @xn: the namespace
 * @key: the connection
 * @irs: SEG.SEQ - 1
 * @iss: SEG.ACK - 1
 * @tsecr: TSecr of the segment; NULL without timestamps
 * @cookie: as for xtcp_cookie_check()
 *
 * Context: any.
 *
 * Return: true when @iss is valid. An ISN is valid for at most 128 seconds after the SYN-ACK.
 */
bool xtcp_secret_cookie_check(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, u32 iss, const u32 *tsecr,
			      struct xtcp_cookie *cookie)
{
	const u32 now = xtcp_clock_seconds();
	struct xtcp_rest *rest = xn->rest;
	unsigned int seq;
	bool ok;

	do {
		seq = read_seqbegin(&rest->cookie_lock);
		ok = xtcp_cookie_check(&rest->cookie, &key->tuple, key->hash, irs, iss, tsecr, now, cookie);
	} while (read_seqretry(&rest->cookie_lock, seq));
	return ok;
}
