/* SPDX-License-Identifier: GPL-2.0 */
/* TCP options: parsed from and written to bytes (RFC 9293 section 3.2, RFC 7323, RFC 2018). Pure: no socket, no skb. */
#ifndef XTCP_OPTIONS_H
#define XTCP_OPTIONS_H

#include <linux/types.h>

#define XTCP_OPTIONS_MAX_WRITTEN 40	/* octets: timestamps and three SACK blocks */
#define XTCP_OPTIONS_MAX_SYN	20	/* octets: MSS, timestamps with SACK-permitted, window scale */

/* One SACK block (RFC 2018 section 3): octets @start up to, but without, @end. */
struct xtcp_sack_block {
	u32 start;
	u32 end;
};

/**
 * struct xtcp_options - the options of one segment, received or to be sent
 * @tsval: TSval; valid when @has_ts
 * @tsecr: TSecr; valid when @has_ts
 * @sack: the blocks to write, @sack_blocks of them; NULL when parsed
 * @mss: maximum segment size in octets; 0: no such option
 * @wscale: shift count, at most 14; valid when @has_wscale
 * @sack_blocks: blocks in the SACK option, at most %XTCP_SACK_BLOCKS_MAX; 0: no such option
 * @sack_at: where the first of them was found, in octets from the start of the options; valid when @sack_blocks
 * @has_ts: the timestamps option is there
 * @has_wscale: the window scale option is there
 * @sack_permitted: the SACK-permitted option is there
 * @malformed: an impossible length ended the list; what stands in front of it counts
 */
struct xtcp_options {
	u32 tsval;
	u32 tsecr;
	const struct xtcp_sack_block *sack;
	u16 mss;
	u8 wscale;
	u8 sack_blocks;
	u8 sack_at;
	bool has_ts : 1;
	bool has_wscale : 1;
	bool sack_permitted : 1;
	bool malformed : 1;
};

struct xtcp_sack_block xtcp_options_read_sack(const u8 *bytes);
void xtcp_options_parse(const u8 *bytes, unsigned int len, bool syn, struct xtcp_options *opts);
unsigned int xtcp_options_size(const struct xtcp_options *opts);
unsigned int xtcp_options_write(u8 *bytes, const struct xtcp_options *opts);

#endif /* XTCP_OPTIONS_H */
