/* SPDX-License-Identifier: GPL-2.0 */
/* Half-open entries, and the queue in which a listener keeps its entries, with one timer. */
#ifndef XTCP_ENTRY_H
#define XTCP_ENTRY_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/timer.h>

#include "base/cookie.h"
#include "lookup/lookup.h"

struct xtcp_listener;

/* levels 0 to 6 wait for 1, 2, 4 ... 64 s, and level 7 for 120 s; later timeouts stay in level 7 */
#define XTCP_ENTRY_LEVELS	8

/**
 * struct xtcp_synq - the entries of a listener, by the number of their timeouts
 * @level: one list for each number of timeouts; all entries of a list wait equally long, so the
 *	first entry of a list expires first, unless an inherited entry stands too far back (entry.c)
 * @len: number of entries
 * @peak: the maximum of @len so far
 * @young: number of entries that have had no timeout yet
 * @timer: fires at the earliest deadline
 */
struct xtcp_synq {
	struct list_head level[XTCP_ENTRY_LEVELS];
	unsigned int len;
	unsigned int peak;
	unsigned int young;
	struct timer_list timer;
};

/**
 * struct xtcp_request - a half-open connection (SYN-RECEIVED by way of LISTEN)
 * @node: links the entries on a list of the listener
 * @next_in_batch: the next entry of a batch that is freed together; only in a dead entry
 * @rcu: for call_rcu(); only in a dead entry that is freed alone
 * @lsk: the listener. It changes under the locks of both the old and the new listener (heir.c). The
 *	entry leaves the table before its listener is freed
 * @expires: the low 32 bits of jiffies at the next timeout
 * @irs: SEG.SEQ of the SYN
 * @iss: our ISN; a cookie, unless the SYN reopens a TIME-WAIT record
 * @ts_recent: TS.Recent, first the TSval of the SYN
 * @sent_us: when the SYN-ACK first went out, microseconds; 0: not known
 * @ack_stamp: jiffies of the last answer to a retransmitted SYN, an unacceptable segment or a RST;
 *	0: no answer yet
 * @mark: skb->mark of our segments, as SO_MARK would set it
 * @mss: the peer's MSS option, at most TCP_MAXSEG; or the default; or the MSS in the cookie
 * @rcv_wnd: the window that the SYN-ACK offers, octets
 * @level: number of timeouts so far
 * @tos: DSCP of the SYN, or of the ACK that brought the cookie, for net.xtcp.reflect_tos
 * @snd_wscale: the peer's window shift
 * @rcv_wscale: our window shift
 * @wscale_ok: SYN and SYN-ACK carry window scaling
 * @ts_ok: SYN and SYN-ACK carry timestamps
 * @sack_ok: SYN and SYN-ACK carry SACK-permitted (RFC 2018)
 * @ecn_ok: the SYN asked for ECN, and the SYN-ACK grants it (RFC 3168, RFC 9768)
 * @ecn_maybe: the entry is rebuilt from a cookie without timestamps: such a cookie does not say
 *	whether the SYN-ACK has granted ECN
 * @accecn_ok: the SYN-ACK grants AccECN mode (RFC 9768)
 * @syn_codepoint: ECN field of the IP header of the SYN
 * @resent: how often the SYN-ACK was sent again
 * @ts_late: how many milliseconds the TSval of the last SYN-ACK is behind the clock, because the
 *	lowest six bits of the TSval carry options (cookie.c)
 * @asked_without: a retransmitted SYN no longer asked for ECN (listener lock)
 * @acked: the ACK that completes the handshake has arrived, but made no child. The accept queue
 *	was full, another error occurred, or TCP_DEFER_ACCEPT lets the entry wait for data (listener
 *	lock)
 * @has_syn: a struct xtcp_saved_syn follows the entry in memory (xtcp_pool_syn()); constant
 * @ao: the SYN has a TCP-AO option, and the listener has TCP-AO keys, so every segment must have
 *	the option; constant once the entry is in the table. The KeyIDs of the latest SYN follow the
 *	entry in memory
 * @ack_rate_ok: SYN and SYN-ACK have the ACK Rate Request option
 *	(draft-ietf-tcpm-ack-rate-request-10); constant once the entry is in the table
 * @of_guest: the entry's namespace belongs to a user namespace other than the initial one; constant
 * @dead: the entry has left the table and its list (listener lock)
 * @conn: the node in the table of connections; the last field, because an entry of IPv4 is
 *	allocated without the end of @conn
 *
 * The fields from @wscale_ok to @syn_codepoint are constant once the entry is in the table.
 * "Listener lock" means that the lock of the listener guards the field.
 */
struct xtcp_request {
	union {
		struct list_head node;
		struct xtcp_request *next_in_batch;
		struct rcu_head rcu;
	};
	struct sock *lsk;
	u32 expires;
	u32 irs;
	u32 iss;
	u32 ts_recent;
	u32 sent_us;
	u32 ack_stamp;
	u32 mark;
	u16 mss;
	u16 rcv_wnd;
	u8 level;
	u8 tos;
	u8 snd_wscale : 4;
	u8 rcv_wscale : 4;
	bool wscale_ok : 1;
	bool ts_ok : 1;
	bool sack_ok : 1;
	bool ecn_ok : 1;
	bool ecn_maybe : 1;
	bool accecn_ok : 1;
	u8 syn_codepoint : 2;
	u8 resent;
	u8 ts_late;
	bool asked_without : 1;
	bool acked : 1;
	bool has_syn : 1;
	bool of_guest : 1;
	bool ao : 1;
	bool ack_rate_ok : 1;
	bool dead;
	struct xtcp_conn conn;
};

/* The options that the cookie of an entry has to carry. */
static inline struct xtcp_cookie xtcp_entry_cookie(const struct xtcp_request *he)
{
	return (struct xtcp_cookie) {
		.mss = he->mss,
		.snd_wscale = he->snd_wscale,
		.wscale_ok = he->wscale_ok,
		.ts_ok = he->ts_ok,
		.sack_ok = he->sack_ok,
		.ecn_ok = he->ecn_ok,
	};
}

void xtcp_entry_start(struct xtcp_listener *listener);
void xtcp_entry_stop(struct xtcp_listener *listener);
int xtcp_entry_insert(struct xtcp_listener *listener, struct xtcp_request *he, const struct xtcp_demux_key *key);
/* With the listener's lock held. */
void xtcp_entry_restart(struct xtcp_listener *listener, struct xtcp_request *he);
void xtcp_entry_completed(struct xtcp_listener *listener, struct xtcp_request *he);
void xtcp_entry_drop(struct xtcp_listener *listener, struct xtcp_request *he, int reason);
struct xtcp_request *xtcp_entry_first(struct xtcp_listener *listener);
int xtcp_entry_hand_over(struct xtcp_listener *from, struct xtcp_listener *to, struct xtcp_request *he);

unsigned long xtcp_entry_timeout(unsigned int level);
int xtcp_entry_seconds_of(unsigned int timeouts);
u8 xtcp_entry_timeouts_within(int seconds);
void xtcp_entry_note_declined(struct xtcp_listener *listener);
bool xtcp_entry_may_have_declined(const struct xtcp_listener *listener);

#endif /* XTCP_ENTRY_H */
