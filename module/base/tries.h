/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Retransmissions and probes without an answer. Other files report events; only this file writes
 * the struct.
 */
#ifndef XTCP_TRIES_H
#define XTCP_TRIES_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/types.h>

/**
 * struct xtcp_tries - retransmissions and probes that the peer has not answered
 * @retrans_stamp: timestamp clock (ms) of the first retransmission, or of the SYN; 0: none
 * @retransmits: timeouts in a row for the same SND.UNA
 * @probes_out: window probes without an answer
 * @keepalive_sent: keepalive probes without an answer
 *
 * The socket lock guards this struct; the counts are also read without the lock. expiry.c says
 * when to give up.
 */
struct xtcp_tries {
	u32 retrans_stamp;
	u8 retransmits;
	u8 probes_out;
	u8 keepalive_sent;
};

/* A SYN leaves, or data is resent for the first time. @now: timestamp clock (ms) */
static inline void xtcp_tries_begin(struct xtcp_tries *tries, u32 now)
{
	tries->retrans_stamp = now;
}

static inline void xtcp_tries_resent(struct xtcp_tries *tries)
{
	if (tries->retransmits < U8_MAX)
		WRITE_ONCE(tries->retransmits, tries->retransmits + 1);
}

/* The timeouts were not due to loss. */
static inline void xtcp_tries_spurious(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->retransmits, 0);
}

/* An ACK has moved SND.UNA. */
static inline void xtcp_tries_acked(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->retransmits, 0);
	tries->retrans_stamp = 0;
}

static inline void xtcp_tries_probed(struct xtcp_tries *tries)
{
	if (tries->probes_out < U8_MAX)
		WRITE_ONCE(tries->probes_out, tries->probes_out + 1);
}

/* An ACK has arrived, or no probe is needed any more. */
static inline void xtcp_tries_end_probes(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->probes_out, 0);
}

static inline void xtcp_tries_kept_alive(struct xtcp_tries *tries)
{
	if (tries->keepalive_sent < U8_MAX)
		WRITE_ONCE(tries->keepalive_sent, tries->keepalive_sent + 1);
}

/* A segment has arrived. */
static inline void xtcp_tries_heard(struct xtcp_tries *tries)
{
	WRITE_ONCE(tries->keepalive_sent, 0);
}

/*
 * Number of unanswered window probes; if this is 0, number of unanswered keepalive probes. Linux
 * shows the same. Also read without a lock.
 */
static inline u8 xtcp_tries_probes_out(const struct xtcp_tries *tries)
{
	return READ_ONCE(tries->probes_out) ?: READ_ONCE(tries->keepalive_sent);
}

#endif /* XTCP_TRIES_H */
