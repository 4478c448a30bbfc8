/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections without a sock.
 *
 * Comes in: a connection in TIME-WAIT, or an orphan in FIN-WAIT-2; segments for it; a connect() or a
 * SYN that wants its tuple. Goes out: an ACK or a RST, and the end of the record.
 *
 * What may not happen here: using the sock after its record has begun.
 */
#ifndef XTCP_TIMEWAIT_H
#define XTCP_TIMEWAIT_H

#include "auth/auth.h"

/**
 * struct xtcp_timewait - a record
 * @node: links the records of a shard with the same @substate, in order of expiry
 * @rcu: in place of @node when the record has ended: the first of a batch frees it later
 * @next_claimed: in place of @node.next, which still links the batch; no code uses this name
 * @next_in_group: in place of @node.prev when the record has left the table: links records of the
 *	batch (tell_maps())
 * @lease: reserves the port
 * @next_dead: in place of @lease when the record has ended: the next one of the batch
 * @expires: when the record ends, jiffies
 * @snd_nxt: SND.NXT
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: the offered window in units of 1 << @rcv_wscale, as in the header
 * @ts_recent: TS.Recent
 * @ts_recent_stamp: when @ts_recent was taken, xtcp_clock_ts_stamp(), at most 30 days before the
 *	record began; 0: never
 * @ts_offset: added to the clock for TSval
 * @ack_stamp: jiffies of the last ACK for an unacceptable segment; 0: never
 * @mark: SO_MARK of the socket, for the answers
 * @tos: the TOS octet or the traffic class of the answers
 * @rcv_wscale: Rcv.Wind.Shift (RFC 7323)
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @priority: SO_PRIORITY, for the answers; 0 if above 255, which needs CAP_NET_ADMIN
 * @of_v4_sock: sk_family of the sock is AF_INET, for /proc
 * @ts_ok: timestamps are in use
 * @transparent: the local address may be one that this host does not have (IP_TRANSPARENT)
 * @is_signed: segments are signed; the keys follow the record in memory
 * @ace: the ACE field of the answers (RFC 9768 section 3.2.2), constant, since a record does not
 *	count CE marks; 0 without AccECN
 * @dead: a caller has claimed the record, and takes it out of the table, unless a new connection
 *	has replaced it; lock of the shard
 * @conn: the node in the table of connections; last, because IPv4 is allocated without its end
 */
struct xtcp_timewait {
	union {
		struct list_head node;
		struct rcu_head rcu;
		struct {
			struct list_head *next_claimed;
			const struct xtcp_conn *next_in_group;
		};
	};
	union {
		struct xtcp_lease *lease;
		struct xtcp_timewait *next_dead;
	};
	u32 expires;
	u32 snd_nxt;
	u32 rcv_nxt;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 ts_offset;
	u32 ack_stamp;
	u32 mark;
	u16 rcv_wnd;
	u8 tos;
	u8 rcv_wscale;
	u8 substate;
	u8 priority;
	bool of_v4_sock : 1;
	bool ts_ok : 1;
	bool transparent : 1;
	bool is_signed : 1;
	u8 ace : 3;
	bool dead;
	struct xtcp_conn conn;
};

static inline size_t xtcp_record_size(bool v4)
{
	return offsetof(struct xtcp_timewait, conn) + (v4 ? XTCP_CONN_V4_END : sizeof(struct xtcp_conn));
}

/* sk_family of the sock that the record has replaced. */
static inline int xtcp_record_family(const struct xtcp_timewait *tw)
{
	return tw->of_v4_sock ? AF_INET : AF_INET6;
}

extern const struct xtcp_part xtcp_records_part;
extern const struct xtcp_net_part xtcp_record_part;

void xtcp_record_begin(struct sock *sk, int substate);
void xtcp_record_drop(struct xtcp_net *xn, struct xtcp_timewait *tw);

const struct xtcp_md5_key *xtcp_recordkeys_md5(const struct xtcp_timewait *tw);
struct xtcp_ao *xtcp_recordkeys_ao(const struct xtcp_timewait *tw);

enum xtcp_timewait_verdict {
	XTCP_TW_DONE,		/* the record has answered or dropped the segment */
	/* the record has ended, *iss is the ISN of a new connection */
	XTCP_TW_SYN,
};

enum xtcp_timewait_verdict xtcp_timewait_arrives(struct xtcp_net *xn, struct xtcp_timewait *tw, struct sk_buff *skb,
						 u32 *iss);
bool xtcp_timewait_reuse(struct sock *sk, bool bound);
/*
 * Does net.xtcp.tw_reuse let an active open take the tuple of a record: 1: always; 2: over
 * loopback? @bound_dev_if: the interface of the sock; 0: none.
 */
static inline bool xtcp_timewait_reuse_is_on(const struct xtcp_net *xn, const struct xtcp_tuple *tuple,
					     int bound_dev_if)
{
	u8 reuse = READ_ONCE(xn->sysctl.timewait_reuse);

	if (reuse != 2)
		return reuse;
	if (bound_dev_if == LOOPBACK_IFINDEX)
		return true;
	if (xtcp_tuple_is_v4(tuple))
		return ipv4_is_loopback(tuple->laddr.s6_addr32[3]) || ipv4_is_loopback(tuple->faddr.s6_addr32[3]);
	return ipv6_addr_loopback(&tuple->laddr) || ipv6_addr_loopback(&tuple->faddr);
}

bool xtcp_timewait_keeps(struct xtcp_net *xn, struct xtcp_demux_key *key);
bool xtcp_timewait_syn_reopens(const struct xtcp_timewait *tw, const struct sk_buff *skb);

#endif /* XTCP_TIMEWAIT_H */
