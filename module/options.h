/* SPDX-License-Identifier: GPL-2.0 */
/* TCP options: parsed from and written to bytes (RFC 9293 section 3.2, RFC 7323). Pure: no socket, no skb. */
#ifndef XTCP_OPTIONS_H
#define XTCP_OPTIONS_H

#include <linux/types.h>

#define XTCP_OPTIONS_MAX_WRITTEN 20	/* octets: MSS, timestamps, window scale */

/**
 * struct xtcp_options - the options of one segment, received or to be sent
 * @tsval: TSval; valid when @has_ts
 * @tsecr: TSecr; valid when @has_ts
 * @mss: maximum segment size in octets; 0: no such option
 * @wscale: shift count, at most 14; valid when @has_wscale
 * @has_ts: the timestamps option is there
 * @has_wscale: the window scale option is there
 * @sack_permitted: the SACK-permitted option is there
 * @malformed: an impossible length ended the list; what stands in front of it counts
 */
struct xtcp_options {
	u32 tsval;
	u32 tsecr;
	u16 mss;
	u8 wscale;
	bool has_ts : 1;
	bool has_wscale : 1;
	bool sack_permitted : 1;
	bool malformed : 1;
};

void xtcp_options_parse(const u8 *bytes, unsigned int len, bool syn, struct xtcp_options *opts);
unsigned int xtcp_options_size(const struct xtcp_options *opts);
unsigned int xtcp_options_write(u8 *bytes, const struct xtcp_options *opts);

#endif /* XTCP_OPTIONS_H */
