/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP options: parse and write them (RFC 9293 section 3.2, RFC 7323, RFC 2018), the ACK Rate
 * Request option (TARR, draft-ietf-tcpm-ack-rate-request-10) among them. Uses no sock.
 */
#ifndef XTCP_OPTIONS_H
#define XTCP_OPTIONS_H

#include <linux/types.h>

#include "base/wire.h"

/* largest number of full segments per ACK that a request can ask for */
#define XTCP_ACKRATE_MAX	127

/*
 * The decoded TARR option of a segment. From XTCP_ACKRATE_REQUEST on it is a request, whose low
 * seven bits are R: send one ACK per R full segments or, if R is 0, acknowledge this one at once.
 */
enum xtcp_ackrate {
	XTCP_ACKRATE_NONE = 0,		/* the segment has no such option */
	XTCP_ACKRATE_SUPPORTED = 1,	/* on a SYN: the sender knows the option */
	XTCP_ACKRATE_MALFORMED = 2,	/* the length of the option is wrong */
	XTCP_ACKRATE_REQUEST = 0x80,
};

/* Is @option a request? */
static inline bool xtcp_ackrate_is_request(u8 option)
{
	return option & XTCP_ACKRATE_REQUEST;
}

/* @option: a request. Return: its R, at most XTCP_ACKRATE_MAX. */
static inline u8 xtcp_ackrate_of(u8 option)
{
	return option & XTCP_ACKRATE_MAX;
}

/* options.c */

#define XTCP_OPTIONS_MAX_WRITTEN 40	/* octets: timestamps and three SACK blocks */
/*
 * octets, for MSS, timestamps with SACK-permitted, window scale and, on a SYN-ACK, two AccECN
 * counters. A Fast Open cookie, a signature and the ACK Rate Request option are not included
 */
#define XTCP_OPTIONS_MAX_SYN	28

/* offset of the MD5 digest in the options that we write, octets */
#define XTCP_OPTIONS_MD5_AT	4
/* offset of the TCP-AO MAC in the options that we write, octets */
#define XTCP_OPTIONS_AO_MAC_AT	4

/* octets of the shortest and the longest cookie; the number is even (RFC 7413 section 4.1.1) */
#define XTCP_FASTOPEN_MIN	4
#define XTCP_FASTOPEN_MAX	16
#define XTCP_FASTOPEN_OURS	8	/* octets of the cookies that we give out */

/* One SACK block (RFC 2018 section 3): the octets from @start on, before @end. */
struct xtcp_sack_block {
	u32 start;
	u32 end;
};

/* A Fast Open cookie (RFC 7413 section 4.1.1). */
struct xtcp_fastopen_cookie {
	u8 octets[XTCP_FASTOPEN_MAX];
	s8 len;			/* 0: the option asks for a cookie; below 0: no valid option */
};

/*
 * struct xtcp_options - the options of one segment, received or to be sent
 * @sack: the SACK blocks to write, @sack_blocks of them; NULL after xtcp_options_parse()
 * @fastopen: the cookie to write; valid when @has_fastopen. Shares its memory with @sack, since a
 *	SYN never has SACK blocks
 * @accecn: the AccECN counters to write, in the option's order; NULL after xtcp_options_parse()
 * @sack_blocks: blocks in the SACK option, at most %XTCP_SACK_BLOCKS_MAX; 0: no such option
 * @sack_at: octets from the start of the options to the first block that was parsed; valid when
 *	@sack_blocks
 * @has_md5: write the MD5 signature option first, with zeros as digest (XTCP_OPTIONS_MD5_AT)
 * @ao_maclen: write TCP-AO first, with a MAC of this many octets, all zeros; 0: no such option
 * @accecn_order: order of the counters in the AccECN option, 0 or 1 (RFC 9768 section 3.2.3)
 * @accecn_fields: number of counters in that option, at most %XTCP_ACCECN_FIELDS_MAX
 * @malformed: an option of impossible length ended the list; the earlier options count
 */
struct xtcp_options {
	u32 tsval;			/* TSval; valid when @has_ts */
	u32 tsecr;			/* TSecr; valid when @has_ts */
	union {
		const struct xtcp_sack_block *sack;
		const struct xtcp_fastopen_cookie *fastopen;
	};
	const u32 *accecn;
	u16 mss;			/* maximum segment size in octets; 0: no such option */
	u8 wscale;			/* shift count, at most 14; valid when @has_wscale */
	u8 sack_blocks;
	u8 sack_at;
	bool has_ts : 1;		/* the timestamps option is present */
	bool has_wscale : 1;		/* the window scale option is present */
	bool sack_permitted : 1;	/* the SACK-permitted option is present */
	bool malformed : 1;
	bool has_accecn : 1;		/* write the AccECN option */
	bool has_md5 : 1;
	bool has_fastopen : 1;		/* write the Fast Open option */
	bool accecn_order : 1;
	u8 accecn_fields;
	u8 ack_rate;			/* the ACK Rate Request option (enum xtcp_ackrate) */
	u8 ao_maclen;
	u8 ao_keyid;			/* KeyID; valid when @ao_maclen */
	u8 ao_rnext;			/* RNextKeyID; valid when @ao_maclen */
};

/* TCP-AO in a segment (RFC 5925 section 2.2). @mac points into the segment. */
struct xtcp_ao_option {
	const u8 *mac;
	u8 maclen;
	u8 keyid;
	u8 rnext;
};

enum xtcp_ao_found {
	XTCP_AO_ABSENT,
	XTCP_AO_PRESENT,
	XTCP_AO_MALFORMED,	/* the option has no MAC, or is not the only signature */
};

/* An AccECN option as the peer wrote it (RFC 9768 section 3.2.3). */
struct xtcp_accecn_option {
	u32 counter[XTCP_ACCECN_FIELDS_MAX];	/* in the option's order, 24 bits each */
	u8 fields;
	bool order;
};

static inline u16 xtcp_options_read16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static inline u32 xtcp_options_read32(const u8 *p)
{
	return (u32)xtcp_options_read16(p) << 16 | xtcp_options_read16(p + 2);
}

static inline void xtcp_options_write16(u8 *p, u16 value)
{
	p[0] = value >> 8;
	p[1] = value & 0xff;
}

static inline void xtcp_options_write32(u8 *p, u32 value)
{
	xtcp_options_write16(p, value >> 16);
	xtcp_options_write16(p + 2, value & 0xffff);
}

/*
 * RFC 7323 appendix A: with timestamps, nearly every segment's options begin with these octets, and
 * most segments have no other option. So test for them first.
 */
#define XTCP_OPTIONS_TIMESTAMP_WORD \
	(XTCP_OPT_NOP << 24 | XTCP_OPT_NOP << 16 | XTCP_OPT_TIMESTAMP << 8 | XTCP_OPTLEN_TIMESTAMP)

/* @bytes: at least XTCP_OPTLEN_TIMESTAMP_ALIGNED octets */
static inline bool xtcp_options_begin_with_timestamp(const u8 *bytes)
{
	return xtcp_options_read32(bytes) == XTCP_OPTIONS_TIMESTAMP_WORD;
}

bool xtcp_options_find_accecn(const u8 *bytes, unsigned int len, struct xtcp_accecn_option *option);
bool xtcp_options_have_signature(const u8 *bytes, unsigned int len);
const u8 *xtcp_options_find_md5(const u8 *bytes, unsigned int len);
enum xtcp_ao_found xtcp_options_find_ao(const u8 *bytes, unsigned int len, struct xtcp_ao_option *option);
bool xtcp_options_find_fastopen(const u8 *bytes, unsigned int len, struct xtcp_fastopen_cookie *cookie);
void xtcp_options_parse(const u8 *bytes, unsigned int len, bool syn, struct xtcp_options *opts);
unsigned int xtcp_options_size(const struct xtcp_options *opts);
unsigned int xtcp_options_write(u8 *bytes, const struct xtcp_options *opts);

/* Reads a SACK block at any alignment. Its sequence numbers are not checked (RFC 2018 section 3). */
static inline struct xtcp_sack_block xtcp_options_read_sack(const u8 *bytes)
{
	return (struct xtcp_sack_block){ .start = xtcp_options_read32(bytes), .end = xtcp_options_read32(bytes + 4) };
}

#endif /* XTCP_OPTIONS_H */
