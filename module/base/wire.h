/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The wire format and the protocol's constants, each with the RFC that defines it, and the
 * addresses and ports of a connection.
 */
#ifndef XTCP_WIRE_H
#define XTCP_WIRE_H

#include <asm/byteorder.h>
#include <linux/in6.h>
#include <linux/siphash.h>
#include <linux/types.h>

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
	return siphash_3u32((__force u32)laddr, (__force u32)faddr, (__force u32)lport << 16 | (__force u32)fport,
			    key);
}

/*
 * The keyed hash of a tuple. One half selects a bucket, the other half goes into ISNs. Neither half
 * reveals the other.
 */
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

/*
 * Control bits as in octet 13 of the header (RFC 9293 section 3.1), and the lowest bit of octet 12.
 */
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

#endif /* XTCP_WIRE_H */
