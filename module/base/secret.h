/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The keys of a namespace, and values derived from them: ISNs (RFC 6528), cookies, timestamp
 * offsets.
 */
#ifndef XTCP_SECRET_H
#define XTCP_SECRET_H

#include <linux/types.h>

#include "base/cookie.h"

struct xtcp_demux_key;
struct xtcp_net;
struct xtcp_tuple;

void xtcp_secret_net_init(struct xtcp_net *xn);
void xtcp_secret_net_exit(struct xtcp_net *xn);
void xtcp_secret_active(const struct xtcp_net *xn, const struct xtcp_tuple *tuple, u32 *iss, u32 *ts_offset);
u32 xtcp_secret_ts_offset(const struct xtcp_net *xn, const struct xtcp_tuple *tuple);
u32 xtcp_secret_cookie(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, struct xtcp_cookie cookie);
bool xtcp_secret_cookie_check(struct xtcp_net *xn, const struct xtcp_demux_key *key, u32 irs, u32 iss, const u32 *tsecr,
			      struct xtcp_cookie *cookie);

#endif /* XTCP_SECRET_H */
