/* SPDX-License-Identifier: GPL-2.0 */
/* Half-open entries of a listener: made by a SYN, promoted by the third ACK, resent and ended by one timer per listener. */
#ifndef XTCP_SYNQ_H
#define XTCP_SYNQ_H

#include <linux/list.h>
#include <linux/timer.h>

#include "demux.h"

struct xtcp_seg;

#define XTCP_SYNQ_LEVELS	16	/* an entry's level is the number of its SYN-ACK timeouts */

/**
 * struct xtcp_synq - entries by retransmission level; every entry of a level waits equally long, so each list is in
 *	order of time
 * @level: entries, the next to expire first
 * @len: how many entries there are
 * @timer: fires at the earliest deadline
 */
struct xtcp_synq {
	struct list_head level[XTCP_SYNQ_LEVELS];
	unsigned int len;
	struct timer_list timer;
};

/**
 * struct xtcp_request - a half-open connection (SYN-RECEIVED by way of LISTEN)
 * @conn: place in the table of connections
 * @node: place in the listener's list; the RCU head afterwards
 * @lsk: the listener; the entry leaves the table before the listener's memory goes
 * @expires: jiffies
 * @irs: SEG.SEQ of the SYN
 * @iss: our ISN, a cookie unless it reopens a TIME-WAIT record
 * @ts_recent: TSval of the SYN
 * @wnd: window field of the SYN, never scaled
 * @mss: the peer's MSS option, or the default
 * @level: SYN-ACK timeouts so far
 * @snd_wscale: the peer's shift
 * @rcv_wscale: ours
 * @wscale_ok: the SYN carried the option
 * @ts_ok: the SYN carried the option
 * @acked: its third ACK met a full accept queue
 * @dead: out of the table (listener lock)
 */
struct xtcp_request {
	struct xtcp_conn conn;
	union {
		struct list_head node;
		struct rcu_head rcu;
	};
	struct sock *lsk;
	unsigned long expires;
	u32 irs;
	u32 iss;
	u32 ts_recent;
	u16 wnd;
	u16 mss;
	u8 level;
	u8 snd_wscale : 4;
	u8 rcv_wscale : 4;
	bool wscale_ok : 1;
	bool ts_ok : 1;
	bool acked : 1;
	bool dead : 1;
};

struct xtcp_listener;

int xtcp_synq_init(void);
void xtcp_synq_exit(void);
void xtcp_synq_start(struct xtcp_listener *listener);
void xtcp_synq_stop(struct xtcp_listener *listener);

/* Softirq, RCU read side. @skb is the caller's throughout, and the caller frees it. */
void xtcp_synq_syn(struct sock *lsk, struct sk_buff *skb, const u32 *timewait_iss);
bool xtcp_synq_ack_is_ours(struct sock *lsk, const struct sk_buff *skb);
struct sock *xtcp_synq_cookie_ack(struct sock *lsk, struct sk_buff *skb);
/* An arrival for an entry. The child, locked (bh_lock_sock) and held, that the segment now goes to; NULL: all is done */
struct sock *xtcp_synq_arrives(struct xtcp_request *he, struct sk_buff *skb);
/* a hard ICMP error about the SYN-ACK */
void xtcp_synq_icmp_error(struct xtcp_request *he, u32 seq);

#endif /* XTCP_SYNQ_H */
