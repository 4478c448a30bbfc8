// SPDX-License-Identifier: GPL-2.0
/*
 * How a record answers the segments that arrive for it: SEGMENT ARRIVES for TIME-WAIT, and for
 * orphans in FIN-WAIT-2 (RFC 9293 section 3.10.7.4, RFC 1337). This file also says when a new
 * connection may take the tuple of a record (RFC 6191).
 *
 * Three things differ from Linux. A RST does not end TIME-WAIT (RFC 1337), unless net.xtcp.rfc1337
 * is 0. Only the peer's FIN, and an empty segment at RCV.NXT, restart the wait of 2 MSL. In
 * FIN-WAIT-2, RST, SYN and ACK must pass the checks of RFC 5961, as in the other states.
 */
#include "timewait/timewait.h"

#include <linux/tcp.h>
#include <net/flow.h>
#include <net/l3mdev.h>
#include <net/sock.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/net.h"
#include "base/seg.h"
#include "base/sender.h"
#include "base/sock.h"
#include "base/wire.h"
#include "out/out.h"
#include "sight/sight.h"

/*
 * the new ISN is SND.NXT of the old connection plus this step, so that it is beyond all that the
 * old connection sent (RFC 9293 section 3.6.1, MAY-2)
 */
#define REOPEN_STEP	65537

static bool is_loopback(const struct in6_addr *addr)
{
	if (ipv6_addr_v4mapped(addr))
		return ipv4_is_loopback(addr->s6_addr32[3]);
	return ipv6_addr_loopback(addr);
}

/**
 * xtcp_timewait_reuse_is_on() - does net.xtcp.tw_reuse let an active open take the tuple of a
 * record?
 * @xn: the namespace
 * @tuple: has the addresses of the new connection
 * @bound_dev_if: the interface to which the sock is bound; 0: none
 *
 * net.xtcp.tw_reuse permits this for all connections if it is 1, and only over loopback if it is 2.
 *
 * Context: any.
 *
 * Return: true when the namespace permits it.
 */
bool xtcp_timewait_reuse_is_on(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, int bound_dev_if)
{
	u8 reuse = READ_ONCE(xn->sysctl.timewait_reuse);

	if (reuse != 2)
		return reuse;
	return bound_dev_if == LOOPBACK_IFINDEX || is_loopback(&tuple->laddr) || is_loopback(&tuple->faddr);
}

/*
 * Has the old connection of this record ended with timestamps? Only timestamps distinguish the
 * peer's old segments from new ones (RFC 6191 section 4).
 */
static bool ended_with_ts(const struct xtcp_timewait *tw)
{
	return tw->substate == TCP_TIME_WAIT && tw->ts_ok && tw->ts_recent_stamp;
}

/* Has the peer's timestamp clock had time to tick (net.xtcp.tw_reuse_delay)? */
static bool has_rested(const struct xtcp_net *xn, const struct xtcp_timewait *tw)
{
	return xtcp_clock_ts_stamp() - tw->ts_recent_stamp > READ_ONCE(xn->sysctl.tw_reuse_delay);
}

/*
 * May an active open take the tuple of this record? If the program has not chosen the port,
 * net.xtcp.tw_reuse must permit the reuse, and the record must have rested.
 */
static bool may_reuse(const struct xtcp_net *xn, const struct xtcp_timewait *tw, bool bound)
{
	const struct xtcp_tuple tuple = xtcp_conn_tuple(&tw->conn);

	if (!ended_with_ts(tw))
		return false;
	if (bound)
		return true;
	return xtcp_timewait_reuse_is_on(xn, &tuple, tw->conn.bound_dev_if) && has_rested(xn, tw);
}

/**
 * xtcp_timewait_keeps() - does a connection have this tuple that an active open may not replace?
 * @xn: the namespace; xtcp_timewait_reuse_is_on() is true for the tuple
 * @key: the tuple with the port that connect() considers; the interfaces as in xtcp_demux_insert().
 *	This function sets the hash
 *
 * connect() asks before it takes the port. If it took the port first and then gave it back, it
 * would need three times as many instructions.
 *
 * The answer may be out of date at once, because no lock is held. After false, the caller takes the
 * tuple by xtcp_demux_insert_sk() or xtcp_timewait_reuse(), which look again under their locks.
 * After true, the caller goes on to another port, as if it had looked a moment earlier.
 *
 * Context: process.
 *
 * Return: false when no connection has the tuple, or only a record that may be replaced.
 */
bool xtcp_timewait_keeps(struct xtcp_net *xn, struct xtcp_demux_key *key)
{
	const struct xtcp_timewait *tw;
	const struct xtcp_conn *conn;
	bool keeps = false;

	key->hash = xtcp_demux_hash(xn, &key->tuple);
	rcu_read_lock();
	conn = xtcp_demux_lookup(xn, key);
	if (conn) {
		tw = container_of(conn, struct xtcp_timewait, conn);
		keeps = conn->kind != XTCP_CONN_TIMEWAIT || conn->bound_dev_if != key->dif ||
			/* a segment may change the record meanwhile; see above */
			data_race(!ended_with_ts(tw) || !has_rested(xn, tw));
	}
	rcu_read_unlock();
	return keeps;
}

/**
 * xtcp_timewait_reuse() - let an active open take the place of a record in the table
 * @sk: addresses, ports and device are final; xtcp_demux_insert_sk() has refused it, and has set
 *	its hash
 * @bound: the program has chosen the local port
 *
 * ISS and the timestamp offset continue the numbers of the old connection, so that the peer accepts
 * the SYN as a new one (RFC 9293 section 3.6.1, RFC 6191; Linux's tcp_tw_reuse). The table takes a
 * reference to @sk.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: true when @sk is in the table now.
 */
bool xtcp_timewait_reuse(struct sock *sk, bool bound)
{
	struct xtcp_net *xn = xtcp_net_of(sk);
	struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_demux_key key = {
		.tuple = xtcp_conn_tuple(&tx->conn),
		.dif = tx->conn.bound_dev_if,
		.sdif = l3mdev_master_ifindex_by_index(sock_net(sk), tx->conn.bound_dev_if),
		.hash = (u64)tx->conn.hash << 32,
	};
	struct xtcp_shard *shard = xtcp_shard_of(xn, tx->conn.hash);
	struct xtcp_timewait *tw;
	struct xtcp_conn *conn;
	bool reused = false;
	LIST_HEAD(claimed);

	sock_owned_by_me(sk);
	sock_hold(sk);	/* the reference of the table */
	rcu_read_lock();
	conn = xtcp_demux_lookup(xn, &key);
	tw = conn && conn->kind == XTCP_CONN_TIMEWAIT ? container_of(conn, struct xtcp_timewait, conn) : NULL;
	if (tw && tw->conn.bound_dev_if == tx->conn.bound_dev_if && may_reuse(xn, tw, bound)) {
		local_bh_disable();
		spin_lock(&shard->lock);
		/*
		 * test again under the lock. If another caller has claimed the record, the record
		 * may still be in the table: replace it there, but do not claim it again
		 */
		if (may_reuse(xn, tw, bound) && !xtcp_demux_replace(xn, &tw->conn, &tx->conn)) {
			xtcp_snd_choose(&tx->snd, tw->snd_nxt + REOPEN_STEP ?: 1, tw->ts_offset);
			if (!tw->dead)
				xtcp_record_claim(xn, tw, &claimed);
			reused = true;
		}
		spin_unlock(&shard->lock);
		xtcp_batch_end(xn, &claimed);
		local_bh_enable();
	}
	rcu_read_unlock();
	if (reused) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TIMEWAITRECYCLED);
		sock_prot_inuse_add(xn->net, sk->sk_prot, 1);
	} else {
		__sock_put(sk);
	}
	return reused;
}

/*
 * Does PAWS reject the segment (RFC 7323 section 5.3, R1)? Every segment passes if TS.Recent was
 * taken at least XTCP_PAWS_IDLE_S ago (section 5.5). As in Linux, a RST passes already after
 * XTCP_PAWS_STAMP_S.
 */
static bool record_fails_paws(const struct xtcp_timewait *tw, u8 flags, bool has_ts, u32 tsval)
{
	u32 idle = (xtcp_clock_ts_stamp() - tw->ts_recent_stamp) / MSEC_PER_SEC;

	if (!tw->ts_ok || !has_ts || !tw->ts_recent_stamp || !tw->ts_recent || xtcp_seq_le(tw->ts_recent, tsval))
		return false;
	return idle < XTCP_PAWS_IDLE_S && (!(flags & XTCP_RST) || idle < XTCP_PAWS_STAMP_S);
}

/*
 * May this SYN open a new connection with the record's tuple? Its sequence number must be new (RFC
 * 9293 section 3.6.1, MAY-2). If both connections use timestamps, a new timestamp suffices instead
 * (RFC 6191).
 */
static bool syn_is_new(const struct xtcp_timewait *tw, u32 seq, bool has_ts, u32 tsval)
{
	if (tw->substate != TCP_TIME_WAIT || record_fails_paws(tw, XTCP_SYN, has_ts, tsval))
		return false;
	return xtcp_seq_gt(seq, tw->rcv_nxt) ||
	       (has_ts && tw->ts_ok && tw->ts_recent_stamp && xtcp_seq_gt(tsval, tw->ts_recent));
}

/**
 * xtcp_timewait_syn_reopens() - may this SYN open a new connection in the place of a record?
 * @tw: found in the table
 * @skb: a segment with SYN, but without ACK, RST and FIN; skb->data points to the TCP header
 *
 * Context: softirq, RCU read side. No lock, so the answer may be out of date.
 *
 * Return: true when the SYN may open a connection.
 */
bool xtcp_timewait_syn_reopens(const struct xtcp_timewait *tw, const struct sk_buff *skb)
{
	u8 buf[XTCP_HDR_LEN + XTCP_MAX_OPTIONS];
	struct xtcp_options opts;
	const struct tcphdr *th;
	unsigned int len;

	len = xtcp_seg_peek(skb, buf, &th);
	if (!len)
		return false;
	xtcp_options_parse((const u8 *)(th + 1), len - sizeof(*th), true, &opts);
	/* xtcp_timewait_arrives() tests this again, under the lock */
	return data_race(syn_is_new(tw, ntohl(th->seq), opts.has_ts, opts.tsval));
}

/* How xtcp_timewait_arrives() answers a segment after it has released the lock. */
enum answer {
	ANSWER_NOTHING,
	ANSWER_ACK,
	ANSWER_LIMITED_ACK,	/* an ACK, subject to the rate limit */
	ANSWER_RST_AND_END,
	ANSWER_END,
	ANSWER_REOPEN,
};

static void take_ts(struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	if (!tw->ts_ok || !seg->has_ts)
		return;
	tw->ts_recent = seg->tsval;
	tw->ts_recent_stamp = xtcp_clock_ts_stamp();
}

/*
 * Is the segment acceptable (RFC 9293 section 3.10.7.4, table 6)? A segment without text at the
 * right edge of the window is also acceptable, unless it is a RST (RFC 5961 section 3.2).
 */
static bool record_accepts(const struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	u32 right = tw->rcv_nxt + ((u32)tw->rcv_wnd << tw->rcv_wscale);

	if (seg->seq == tw->rcv_nxt)
		return true;
	if (xtcp_seq_gt(seg->end_seq, tw->rcv_nxt) && xtcp_seq_lt(seg->seq, right))
		return true;
	return seg->seq == right && seg->seq == seg->end_seq && !(seg->flags & XTCP_RST);
}

/*
 * RFC 9293 section 3.10.7.4 for an orphan in FIN-WAIT-2. The program has closed the socket, so the
 * peer may send its FIN but no more text.
 */
static enum answer arrives_fin_wait2(struct xtcp_net *xn, struct xtcp_timewait *tw, const struct xtcp_seg *seg)
{
	bool paws = record_fails_paws(tw, seg->flags, seg->has_ts, seg->tsval);

	/* fourth step: check the SYN bit, whatever the sequence number is (RFC 5961 section 4.2) */
	if ((seg->flags & (XTCP_SYN | XTCP_RST)) == XTCP_SYN) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPSYNCHALLENGE);
		return ANSWER_LIMITED_ACK;
	}
	/* first step: check sequence number */
	if (paws)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_PAWSESTABREJECTED);
	if (paws || !record_accepts(tw, seg))
		return seg->flags & XTCP_RST ? ANSWER_NOTHING : ANSWER_LIMITED_ACK;
	/* second step: check the RST bit (RFC 5961 section 3.2) */
	if (seg->flags & XTCP_RST)
		return seg->seq == tw->rcv_nxt ? ANSWER_END : ANSWER_LIMITED_ACK;
	/*
	 * fifth step: check the ACK field (RFC 5961 section 5.2), so that forged text does not end
	 * the record. A record does not know MAX.SND.WND. It takes the largest window without a
	 * shift: an ACK that is older than this, but no forgery, brings nothing that the peer will
	 * not send again
	 */
	if (!(seg->flags & XTCP_ACK))
		return ANSWER_NOTHING;
	if (!xtcp_seq_between(tw->snd_nxt - XTCP_WINDOW_MAX_UNSCALED, seg->ack, tw->snd_nxt))
		return ANSWER_LIMITED_ACK;
	/* drop segments that bring nothing new */
	if (seg->seq == seg->end_seq || !xtcp_seq_gt(seg->end_seq, tw->rcv_nxt))
		return ANSWER_NOTHING;
	/* seventh step: no program will read text, so reset (SHLD-3) */
	if (!(seg->flags & XTCP_FIN) || seg->end_seq != tw->rcv_nxt + 1) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPABORTONDATA);
		return ANSWER_RST_AND_END;
	}
	/* eighth step: check the FIN bit */
	trace_xtcp_conn_state(xn->net, &tw->conn, TCP_FIN_WAIT2, TCP_TIME_WAIT);
	WRITE_ONCE(tw->substate, TCP_TIME_WAIT);
	tw->rcv_nxt = seg->end_seq;
	take_ts(tw, seg);
	xtcp_record_restart(xn, tw);
	return ANSWER_ACK;
}

/* RFC 9293 section 3.10.7.4 for TIME-WAIT */
static enum answer arrives_time_wait(struct xtcp_net *xn, struct xtcp_timewait *tw, const struct xtcp_seg *seg,
				     bool may_reopen)
{
	bool paws = record_fails_paws(tw, seg->flags, seg->has_ts, seg->tsval);

	/* a RST at RCV.NXT, or a segment at RCV.NXT that has no text, SYN or FIN */
	if (!paws && seg->seq == tw->rcv_nxt && (seg->seq == seg->end_seq || seg->flags & XTCP_RST)) {
		if (!(seg->flags & XTCP_RST))
			xtcp_record_restart(xn, tw);
		else if (!READ_ONCE(xn->sysctl.rfc1337))
			return ANSWER_END;
		take_ts(tw, seg);
		return ANSWER_NOTHING;
	}
	if (may_reopen && xtcp_seg_is_syn_alone(seg)) {
		if (syn_is_new(tw, seg->seq, seg->has_ts, seg->tsval))
			return ANSWER_REOPEN;
		/*
		 * the record has changed since ingress.c asked xtcp_timewait_syn_reopens(), so
		 * nobody has checked the SYN with the key of the record
		 */
		if (tw->is_signed)
			return ANSWER_NOTHING;
	}
	if (paws)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_PAWSESTABREJECTED);
	if (seg->flags & XTCP_RST)
		return ANSWER_NOTHING;
	/*
	 * The peer has sent its FIN again, so restart the wait of 2 MSL. Anybody may forge other
	 * segments, and so must not keep the record by them. A SYN restarts nothing, even if PAWS
	 * rejects it: the RST with which its sender answers our ACK does not end the record, so a
	 * host whose timestamps are older would keep itself out by its SYNs
	 */
	if (seg->flags & XTCP_FIN && seg->end_seq == tw->rcv_nxt)
		xtcp_record_restart(xn, tw);
	return ANSWER_LIMITED_ACK;
}

/**
 * xtcp_timewait_arrives() - SEGMENT ARRIVES for a record
 * @xn: the namespace of the record
 * @tw: the record that the lookup found
 * @skb: the segment
 * @iss: receives the ISN when the segment may open a new connection. NULL when no listener would
 *	take the segment. Then no SYN ends the record, because the SYN may be forged (RFC 1337)
 *
 * Context: softirq or process, BH disabled, RCU read side. The caller holds no lock of a shard.
 *
 * Return: XTCP_TW_SYN when the segment is a SYN that a listener may take now; else XTCP_TW_DONE.
 */
enum xtcp_timewait_verdict xtcp_timewait_arrives(struct xtcp_net *xn, struct xtcp_timewait *tw, struct sk_buff *skb,
						 u32 *iss)
{
	struct xtcp_shard *shard = xtcp_shard_of(xn, tw->conn.hash);
	const struct xtcp_seg *seg = xtcp_seg(skb);
	enum answer answer = ANSWER_NOTHING;
	struct xtcp_timewait copy;
	struct xtcp_signer signer;
	bool ends_late = false;
	LIST_HEAD(claimed);
	int skipped;

	spin_lock(&shard->lock);
	if (!tw->dead) {
		if (tw->substate == TCP_TIME_WAIT) {
			skipped = LINUX_MIB_TCPACKSKIPPEDTIMEWAIT;
			answer = arrives_time_wait(xn, tw, seg, iss);
		} else {
			skipped = LINUX_MIB_TCPACKSKIPPEDFINWAIT2;
			answer = arrives_fin_wait2(xn, tw, seg);
		}
		if (answer == ANSWER_LIMITED_ACK && xtcp_acklimit_refuses(xn, seg, skipped, &tw->ack_stamp))
			answer = ANSWER_NOTHING;
		if (answer >= ANSWER_RST_AND_END)
			xtcp_record_claim(xn, tw, &claimed);
	} else if (iss && xtcp_seg_is_syn_alone(seg) && syn_is_new(tw, seg->seq, seg->has_ts, seg->tsval)) {
		answer = ANSWER_REOPEN;
		ends_late = true;
	}
	xtcp_record_copy(&copy, tw);
	spin_unlock(&shard->lock);
	xtcp_batch_end(xn, &claimed);
	/*
	 * another caller has claimed the record, perhaps in a batch of hundreds, and will take it
	 * out of the table. The new connection needs its place now. Any other segment for such a
	 * record gets no answer: the peer will retransmit, and find the record gone
	 */
	if (unlikely(ends_late))
		xtcp_demux_remove(xn, &tw->conn);

	switch (answer) {
	case ANSWER_NOTHING:
	case ANSWER_END:
		break;
	case ANSWER_ACK:
	case ANSWER_LIMITED_ACK:
		xtcp_recordkeys_signer(tw, skb, &signer);
		xtcp_reply_timewait_ack(xn, &copy, skb, &signer);
		break;
	case ANSWER_RST_AND_END:
		xtcp_recordkeys_signer(tw, skb, &signer);
		xtcp_reply_timewait_rst(xn, &copy, skb, &signer);
		break;
	case ANSWER_REOPEN:
		*iss = copy.snd_nxt + REOPEN_STEP;
		return XTCP_TW_SYN;
	}
	return XTCP_TW_DONE;
}
