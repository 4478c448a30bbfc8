/* SPDX-License-Identifier: GPL-2.0 */
/* Records of finished connections: TIME-WAIT, and orphans in FIN-WAIT-2. */
#ifndef XTCP_RECORD_H
#define XTCP_RECORD_H

#include <linux/list.h>

#include "lookup/demux.h"

struct xtcp_lease;

/**
 * struct xtcp_timewait - what is left of a connection
 * @node: place in the namespace's list by age; the RCU head afterwards, of the first of those that end together
 * @lease: keeps the port; afterwards the next that ends together with this one
 * @expires: jiffies
 * @snd_nxt: SND.NXT
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: the window last offered, as it stood in the header: shifted right by @rcv_wscale
 * @ts_recent: TS.Recent
 * @ts_recent_stamp: when it was taken, seconds
 * @ts_offset: added to our clock
 * @ack_stamp: jiffies of the last ACK sent for an unacceptable segment; 0: never
 * @mark: as SO_MARK
 * @tos: DSCP and ECN octet, or traffic class
 * @rcv_wscale: our shift
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @family: sk_family of the sock it was, for /proc
 * @ts_ok: timestamps are in use
 * @dead: claimed, and leaves the table next (lock of its shard)
 * @conn: place in the table of connections; last, since its length differs
 */
struct xtcp_timewait {
	union {
		struct list_head node;
		struct rcu_head rcu;
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
	u8 family;
	bool ts_ok;
	bool dead;
	struct xtcp_conn conn;
};

int xtcp_record_init(void);
void xtcp_record_exit(void);
int xtcp_record_net_init(struct xtcp_net *xn);
void xtcp_record_net_exit(struct xtcp_net *xn);

/* Socket lock held. The sock is CLOSED and out of the table when it returns; the caller does not touch it further. */
void xtcp_record_enter(struct sock *sk, int substate);
void xtcp_record_drop(struct xtcp_net *xn, struct xtcp_timewait *tw);

/* the lock of its shard is held */
void xtcp_record_claim(struct xtcp_net *xn, struct xtcp_timewait *tw, struct list_head *claimed);
void xtcp_record_restart(struct xtcp_net *xn, struct xtcp_timewait *tw);
void xtcp_record_copy(struct xtcp_timewait *to, const struct xtcp_timewait *tw);
/* no such lock is held, BH disabled */
void xtcp_record_bury(struct xtcp_net *xn, struct list_head *claimed);

#endif /* XTCP_RECORD_H */
