/* SPDX-License-Identifier: GPL-2.0 */
/* The wire format and the protocol's constants, each with its RFC; addresses and ports of a connection. */
#ifndef XTCP_WIRE_H
#define XTCP_WIRE_H

#include <asm/byteorder.h>
#include <linux/in6.h>
#include <linux/siphash.h>
#include <linux/types.h>
#include <uapi/linux/xtcp.h>

/* Comparison of sequence numbers, modulo 2^32 (RFC 9293 section 3.4). */

static inline bool xtcp_seq_lt(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool xtcp_seq_le(u32 a, u32 b)
{
	return (s32)(a - b) <= 0;
}

static inline bool xtcp_seq_gt(u32 a, u32 b)
{
	return xtcp_seq_lt(b, a);
}

static inline bool xtcp_seq_ge(u32 a, u32 b)
{
	return xtcp_seq_le(b, a);
}

/* low <= seq <= high, modulo 2^32 */
static inline bool xtcp_seq_between(u32 low, u32 seq, u32 high)
{
	return high - low >= seq - low;
}

static inline u32 xtcp_seq_max(u32 a, u32 b)
{
	return xtcp_seq_gt(a, b) ? a : b;
}

static inline u32 xtcp_seq_min(u32 a, u32 b)
{
	return xtcp_seq_lt(a, b) ? a : b;
}

#define XTCP_MAPPED_BITS	96	/* bits before the IPv4 address in a v4-mapped address */

/* Addresses and ports of a connection, as this host sees them. */
struct xtcp_tuple {
	struct in6_addr laddr;	/* local address; IPv4 as v4-mapped */
	struct in6_addr faddr;	/* foreign address; IPv4 as v4-mapped */
	__be16 lport;		/* local port */
	__be16 fport;		/* foreign port */
};

static inline bool xtcp_tuple_is_v4(const struct xtcp_tuple *tuple)
{
	const __be32 *words = tuple->faddr.s6_addr32;

	return !(words[0] | words[1]) && words[2] == __cpu_to_be32(0xffff);
}

static inline u64 xtcp_tuple_hash_v4(__be32 laddr, __be32 faddr, __be16 lport, __be16 fport, const siphash_key_t *key)
{
	return siphash_3u32((__force u32)laddr, (__force u32)faddr, (__force u32)lport << 16 | (__force u32)fport, key);
}

/* The keyed hash of a tuple: one half selects a bucket, the other goes into ISNs; neither reveals the other. */
static inline u64 xtcp_tuple_hash(const struct xtcp_tuple *tuple, const siphash_key_t *key)
{
	if (!xtcp_tuple_is_v4(tuple))
		return siphash(tuple, sizeof(*tuple), key);
	return xtcp_tuple_hash_v4(tuple->laddr.s6_addr32[3], tuple->faddr.s6_addr32[3], tuple->lport, tuple->fport,
				  key);
}

/*
 * sk_protocol of every sock of ours. IP puts the low byte (6) on the wire. The high byte keeps our
 * socks away from kernel code that casts sockets of protocol 6 to struct tcp_sock.
 */
#define XTCP_SK_PROTOCOL	0x206

/* Control bits as in octet 13 of the header (RFC 9293 section 3.1), and the lowest bit of octet 12. */
enum xtcp_flags {
	XTCP_FIN = 0x01,
	XTCP_SYN = 0x02,
	XTCP_RST = 0x04,
	XTCP_PSH = 0x08,
	XTCP_ACK = 0x10,
	XTCP_URG = 0x20,
	XTCP_ECE = 0x40,
	XTCP_CWR = 0x80,
	XTCP_AE = 0x100,	/* RFC 9768 section 3.1.1 */
};

/*
 * Option kinds and lengths (RFC 9293 section 3.2; RFC 7323 sections 2.2 and 3.2; RFC 2018 sections
 * 2 and 3; RFC 2385 section 2.0; RFC 5925 section 2.2; RFC 9768 section 3.2.3).
 */
enum xtcp_option_kind {
	XTCP_OPT_EOL = 0,
	XTCP_OPT_NOP = 1,
	XTCP_OPT_MSS = 2,
	XTCP_OPT_WSCALE = 3,
	XTCP_OPT_SACK_PERMITTED = 4,
	XTCP_OPT_SACK = 5,
	XTCP_OPT_TIMESTAMP = 8,
	XTCP_OPT_MD5 = 19,
	XTCP_OPT_AO = 29,
	XTCP_OPT_FASTOPEN = 34,
	XTCP_OPT_ACCECN_0 = 172,
	XTCP_OPT_ACCECN_1 = 174,
	XTCP_OPT_EXPERIMENT = 254,	/* length and ExID follow (RFC 6994); ours has 16 bits */
};

enum xtcp_option_len {
	XTCP_OPTLEN_MSS = 4,
	XTCP_OPTLEN_WSCALE = 3,
	XTCP_OPTLEN_SACK_PERMITTED = 2,
	XTCP_OPTLEN_SACK_BASE = 2,	/* kind, length; each block adds 8 octets */
	XTCP_OPTLEN_SACK_BLOCK = 8,
	XTCP_OPTLEN_TIMESTAMP = 10,
	XTCP_OPTLEN_TIMESTAMP_ALIGNED = 12,	/* two NOPs in front */
	XTCP_OPTLEN_MD5 = 18,
	XTCP_OPTLEN_MD5_ALIGNED = 20,	/* two NOPs in front */
	XTCP_OPTLEN_AO_BASE = 4,	/* kind, length, KeyID, RNextKeyID; the MAC follows */
	XTCP_OPTLEN_FASTOPEN_BASE = 2,	/* kind, length; the cookie follows */
	XTCP_OPTLEN_ACCECN_BASE = 2,	/* kind, length; each counter adds 3 octets */
	XTCP_OPTLEN_ACCECN_FIELD = 3,
	XTCP_OPTLEN_ACK_RATE = 4,	/* kind, length, identifier; a request has a fifth octet */
	XTCP_OPTLEN_ACK_RATE_ALIGNED = 8,	/* three NOPs, then a request of 5 octets */
};

#define XTCP_EXID_ACK_RATE	0x00ac	/* RFC 6994 identifier of the ACK Rate Request option */

#define XTCP_MD5_LEN		16	/* octets of a digest */
/* octets: the longest TCP-AO MAC that fits into a SYN beside MSS, timestamps and window scale */
#define XTCP_AO_MAC_MAX		16
/* octets of TCP-AO with its MAC, and with the NOPs that fill the last word */
#define XTCP_OPTLEN_AO_ALIGNED(maclen) ((XTCP_OPTLEN_AO_BASE + (maclen) + 3) & ~3U)
#define XTCP_HDR_LEN		20	/* octets: header without options (RFC 9293 section 3.1) */
#define XTCP_MAX_OPTIONS	40	/* octets: a header has at most 60, of which 20 are fixed */
#define XTCP_OPTLEN_SACK_ALIGNED(blocks) (2 + XTCP_OPTLEN_SACK_BASE + (blocks) * XTCP_OPTLEN_SACK_BLOCK)
#define XTCP_OPTLEN_ACCECN_ALIGNED(fields) \
	((XTCP_OPTLEN_ACCECN_BASE + (fields) * XTCP_OPTLEN_ACCECN_FIELD + 3) & ~3U)
#define XTCP_ACCECN_FIELDS_MAX	3	/* RFC 9768 section 3.2.3 */
#define XTCP_SACK_BLOCKS_MAX	4	/* 40 octets of options hold no more (RFC 2018 section 3) */

#define XTCP_URGENT_POINTER_MAX	0xffffU	/* the field has 16 bits (RFC 9293 section 3.1) */

#define XTCP_MSS_DEFAULT_V4	536U	/* no MSS option seen (RFC 9293 section 3.7.1, MUST-15) */
#define XTCP_MSS_DEFAULT_V6	1220U	/* no MSS option seen over IPv6 (MUST-15) */
#define XTCP_MSS_MIN_SND	48U	/* floor of the send MSS, as Linux's tcp_min_snd_mss */
#define XTCP_MSS_MIN_USER	88U	/* least TCP_MAXSEG, least advmss of a route, as in Linux */
#define XTCP_MSS_MAX_USER	32767U	/* largest TCP_MAXSEG, as Linux's MAX_TCP_WINDOW */

#define XTCP_WSCALE_MAX		14	/* RFC 7323 section 2.3 */
#define XTCP_WINDOW_MAX_UNSCALED 65535U

/* Milliseconds unless the name says otherwise. */
#define XTCP_RTO_INITIAL_MS	1000U	/* RFC 6298 (2.1) */
#define XTCP_RTO_MIN_MS		200U	/* Linux's floor; RFC 6298 (2.4) says 1 s */
#define XTCP_TIMEOUT_MIN_US	2000U	/* added to TLP and RACK timeouts, as in Linux */
#define XTCP_RTO_MAX_MS		120000U	/* RFC 6298 (2.5) wants >= 60 s */
#define XTCP_RTO_SYN_LOST_MS	3000U	/* RFC 6298 (5.7) */
#define XTCP_DELACK_MIN_MS	40U	/* Linux: 40 to 200; MUST-40 (RFC 9293 3.8.6.3): < 500 ms */
#define XTCP_DELACK_MAX_MS	200U
#define XTCP_ANSWER_MS		4U	/* how long an ACK waits for a program's answer */
#define XTCP_MSL2_MS		60000U	/* 2 MSL as in Linux */
/*
 * seconds. As in Linux, PAWS may reject a RST for a record whose TS.Recent is younger than this, or
 * for an entry whose SYN-ACK has a shorter timeout than this; never one for a full sock
 */
#define XTCP_PAWS_STAMP_S	60
/* TS.Recent is invalid when it is older than this (RFC 7323 section 5.5) */
#define XTCP_PAWS_IDLE_S	(24 * 24 * 3600)
#define XTCP_PAWS_WINDOW	1	/* how far a TSval may be below TS.Recent, as in Linux */

#define XTCP_MIN_RTT_WINDOW_S	300U	/* as Linux's tcp_min_rtt_wlen */

#define XTCP_DUPACK_THRESHOLD	3	/* RFC 5681 section 3.2 */
#define XTCP_INIT_CWND		10	/* segments (RFC 6928) */

/* The ACK Rate Request option: TARR, draft-ietf-tcpm-ack-rate-request-10. */

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

static inline bool xtcp_ackrate_is_request(u8 option)
{
	return option & XTCP_ACKRATE_REQUEST;
}

/* @option: a request. Return: its R, at most XTCP_ACKRATE_MAX. */
static inline u8 xtcp_ackrate_of(u8 option)
{
	return option & XTCP_ACKRATE_MAX;
}

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
 * @sack_at: octets from the start of the options to the first parsed block; valid when @sack_blocks
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
	u8 sack_blocks;	/* blocks in the SACK option, at most %XTCP_SACK_BLOCKS_MAX; 0: no such option */
	u8 sack_at;
	bool has_ts : 1;		/* the timestamps option is present */
	bool has_wscale : 1;		/* the window scale option is present */
	bool sack_permitted : 1;	/* the SACK-permitted option is present */
	bool malformed : 1;		/* an option of impossible length ended the list; the earlier options count */
	bool has_accecn : 1;		/* write the AccECN option */
	bool has_md5 : 1;	/* write the MD5 signature option first, with zeros as digest (XTCP_OPTIONS_MD5_AT) */
	bool has_fastopen : 1;		/* write the Fast Open option */
	bool accecn_order : 1;	/* order of the counters in the AccECN option, 0 or 1 (RFC 9768 section 3.2.3) */
	u8 accecn_fields;		/* number of counters in that option, at most %XTCP_ACCECN_FIELDS_MAX */
	u8 ack_rate;			/* the ACK Rate Request option (enum xtcp_ackrate) */
	u8 ao_maclen;	/* write TCP-AO first, with a MAC of this many octets, all zeros; 0: no such option */
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

/*
 * struct xtcp_ended - how a connection ended, unless a FIN from each end closed it
 *
 * Only the functions below write it, under the socket lock; but a disconnect, which resets the TCB,
 * restores it (family.c). uapi/linux/xtcp.h lists the reasons.
 */
struct xtcp_ended {
	u8 reason : 6;		/* enum xtcp_abort_reason */
	u8 is_listed : 1;	/* the sock is in the table of end.c */
	u8 is_told : 1;		/* the peer's RST gave a reason, whose code is in xtcp_timers.told_code */
	u8 error;		/* the errno that the program got; 0: none */
	u8 flags;		/* control bits (low octet) of the last acceptable segment that has arrived */
};

/* An acceptable segment has arrived. */
static inline void xtcp_ended_heard(struct xtcp_ended *ended, u16 flags)
{
	ended->flags = (u8)flags;
}

/* OPEN: the sock begins a new connection. */
static inline void xtcp_ended_forget(struct xtcp_ended *ended)
{
	*ended = (struct xtcp_ended) { };
}

static inline void xtcp_ended_set(struct xtcp_ended *ended, enum xtcp_abort_reason reason, int error)
{
	ended->reason = reason;
	ended->error = error;
}

/* The peer's RST gave a reason (RST diagnostic payload). */
static inline void xtcp_ended_tell(struct xtcp_ended *ended)
{
	ended->is_told = true;
}

static inline void xtcp_ended_list(struct xtcp_ended *ended, bool is_listed)
{
	ended->is_listed = is_listed;
}

#define XTCP_RSTDIAG_LEN	8	/* octets: magic number, code, enterprise number */
#define XTCP_RSTDIAG_MAGIC	0x33aa

/* The codes that we send, from IANA's "TCP Failure Causes" (the draft's section 9.1, table 2). */
enum xtcp_rstdiag_code {
	XTCP_RSTDIAG_NO_CODE = 0,	/* reserved, never on the wire */
	XTCP_RSTDIAG_NOBODY_READS = 2,	/* data has arrived that no program can read */
	XTCP_RSTDIAG_ABORT = 3,		/* ABORT of RFC 9293 section 3.10.5 */
	XTCP_RSTDIAG_RESOURCES = 12,	/* a limit was reached */
	XTCP_RSTDIAG_TIMEOUT = 16,
};

enum xtcp_rstdiag_verdict {
	XTCP_RSTDIAG_NONE,	/* the text is not a diagnostic payload */
	XTCP_RSTDIAG_VALID,
	XTCP_RSTDIAG_MALFORMED,	/* the text begins with the magic number, but the rest is wrong */
};

/*
 * What a RST's diagnostic payload says (draft-ietf-tcpm-rst-diagnostic-payload-03 section 4.1).
 * Anybody may have written it; the module only shows it.
 */
struct xtcp_rstdiag {
	u32 pen;	/* the private enterprise number of the organisation that defined the code; 0: IANA */
	u16 code;	/* why the connection was reset, not 0 */
};

/* The code that tells the peer why we reset the connection. Reasons share codes: it learns less than our program. */
static inline u16 xtcp_rstdiag_code_of(enum xtcp_abort_reason reason)
{
	switch (reason) {
	case XTCP_ABORT_UNREAD:
	case XTCP_ABORT_LATE_DATA:
		return XTCP_RSTDIAG_NOBODY_READS;
	case XTCP_ABORT_LINGER:
	case XTCP_ABORT_LINGER2:
	case XTCP_ABORT_LISTENER:
	case XTCP_ABORT_DISCONNECT:
	case XTCP_ABORT_KILLED:
	case XTCP_ABORT_NETNS:
		return XTCP_RSTDIAG_ABORT;
	case XTCP_ABORT_ORPHANS:
		return XTCP_RSTDIAG_RESOURCES;
	case XTCP_ABORT_KEEPALIVE:
	case XTCP_ABORT_IDLE:
	case XTCP_ABORT_HALF_CLOSED:
	case XTCP_ABORT_KEEPALIVE_ALWAYS:
		return XTCP_RSTDIAG_TIMEOUT;
	case XTCP_ABORT_NONE:
	case XTCP_ABORT_RESET:
	case XTCP_ABORT_ICMP:
	case XTCP_ABORT_TIMEOUT:
	case XTCP_ABORT_USER_TIMEOUT:
	case XTCP_ABORT_USER_TIMEOUT_MS:
		break;
	}
	return XTCP_RSTDIAG_NO_CODE;
}

/* Write a payload. @text: receives %XTCP_RSTDIAG_LEN octets. @code: one of IANA's codes, not 0. */
static inline void xtcp_rstdiag_write(u8 *text, u16 code)
{
	xtcp_options_write16(text, XTCP_RSTDIAG_MAGIC);
	xtcp_options_write16(text + 2, code);
	xtcp_options_write32(text + 4, 0);
}

/*
 * Reads the text of a RST, XTCP_RSTDIAG_LEN octets at most. @seg_len: SEG.LEN. In a valid payload
 * it is 8, and the code is not 0 (section 4.1), but perhaps unknown (section 4.2).
 */
static inline enum xtcp_rstdiag_verdict xtcp_rstdiag_parse(const u8 *text, u32 len, u32 seg_len,
							   struct xtcp_rstdiag *diag)
{
	u16 code;

	if (len < 2 || xtcp_options_read16(text) != XTCP_RSTDIAG_MAGIC)
		return XTCP_RSTDIAG_NONE;
	if (len != XTCP_RSTDIAG_LEN || seg_len != XTCP_RSTDIAG_LEN)
		return XTCP_RSTDIAG_MALFORMED;
	code = xtcp_options_read16(text + 2);
	if (!code)
		return XTCP_RSTDIAG_MALFORMED;
	diag->code = code;
	diag->pen = xtcp_options_read32(text + 4);
	return XTCP_RSTDIAG_VALID;
}

#endif /* XTCP_WIRE_H */
