/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TS.Recent and its age (RFC 7323 sections 4.3 and 5). Only this file writes the struct.
 */
#ifndef XTCP_PAWS_H
#define XTCP_PAWS_H

#include <linux/types.h>

#include "base/clock.h"
#include "base/seq.h"

/**
 * struct xtcp_paws - the last timestamp of the peer
 * @ts_recent: TS.Recent
 * @stamp: when TS.Recent was stored, seconds (xtcp_clock_seconds_stamp()); 0: never
 *
 * The socket lock guards this struct.
 */
struct xtcp_paws {
	u32 ts_recent;
	u32 stamp;
};

static inline void xtcp_paws_take(struct xtcp_paws *paws, u32 tsval)
{
	paws->ts_recent = tsval;
	paws->stamp = xtcp_clock_seconds_stamp();
}

/* If TS.Recent is newer than @tsval, lower it: a segment with @tsval then passes the PAWS test. */
static inline void xtcp_paws_let_pass(struct xtcp_paws *paws, u32 tsval)
{
	if (paws->ts_recent && xtcp_seq_gt(paws->ts_recent, tsval))
		paws->ts_recent = tsval;
}

#endif /* XTCP_PAWS_H */
