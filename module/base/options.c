// SPDX-License-Identifier: GPL-2.0
/* TCP options, without socket, skb and namespace. The caller decides which to use, and acts on them. */

#include "base/wire.h"

static void take_timestamp(const u8 *option, struct xtcp_options *opts)
{
	opts->has_ts = true;
	opts->tsval = xtcp_options_read32(option + 2);
	opts->tsecr = xtcp_options_read32(option + 6);
}

/*
 * Decodes an ACK Rate Request option, kind 254 (draft-ietf-tcpm-ack-rate-request-10): an
 * announcement on a SYN, later a request. The lowest bit of a request's last octet is reserved.
 */
static u8 ack_rate_of(const u8 *option, u8 len, bool syn)
{
	if (syn)
		return len == XTCP_OPTLEN_ACK_RATE ? XTCP_ACKRATE_SUPPORTED : XTCP_ACKRATE_NONE;
	if (len != XTCP_OPTLEN_ACK_RATE + 1)
		return XTCP_ACKRATE_MALFORMED;
	return XTCP_ACKRATE_REQUEST | option[XTCP_OPTLEN_ACK_RATE] >> 1;
}

/*
 * As in Linux, skips an option if its kind is unknown, its length wrong, or if it does not belong
 * in this segment (RFC 9293 section 3.1, MUST-6). Only for the ACK Rate Request does @opts report a
 * wrong length.
 */
static void parse_one(const u8 *start, const u8 *option, u8 len, bool syn, struct xtcp_options *opts)
{
	switch (option[0]) {
	case XTCP_OPT_MSS:
		/* ignore an MSS of zero, with which nothing could be sent */
		if (syn && len == XTCP_OPTLEN_MSS && xtcp_options_read16(option + 2))
			opts->mss = xtcp_options_read16(option + 2);
		break;
	case XTCP_OPT_WSCALE:
		if (syn && len == XTCP_OPTLEN_WSCALE) {
			opts->has_wscale = true;
			/* RFC 7323 section 2.3: a shift above 14 counts as 14 */
			opts->wscale = option[2] > XTCP_WSCALE_MAX ? XTCP_WSCALE_MAX : option[2];
		}
		break;
	case XTCP_OPT_SACK_PERMITTED:
		if (syn && len == XTCP_OPTLEN_SACK_PERMITTED)
			opts->sack_permitted = true;
		break;
	case XTCP_OPT_TIMESTAMP:
		if (len == XTCP_OPTLEN_TIMESTAMP)
			take_timestamp(option, opts);
		break;
	case XTCP_OPT_SACK:
		/* ignore SACK blocks on a SYN: its sender cannot have received text out of order */
		if (!syn && len > XTCP_OPTLEN_SACK_BASE && !((len - XTCP_OPTLEN_SACK_BASE) % XTCP_OPTLEN_SACK_BLOCK)) {
			opts->sack_blocks = (len - XTCP_OPTLEN_SACK_BASE) / XTCP_OPTLEN_SACK_BLOCK;
			opts->sack_at = option + XTCP_OPTLEN_SACK_BASE - start;
		}
		break;
	case XTCP_OPT_EXPERIMENT:
		if (len >= XTCP_OPTLEN_ACK_RATE && xtcp_options_read16(option + 2) == XTCP_EXID_ACK_RATE)
			opts->ack_rate = ack_rate_of(option, len, syn);
		break;
	}
}

/* Skip NOPs. Return: the option behind them; NULL at the end of the list, or if its length is impossible. */
static const u8 *next_option(const u8 *bytes, const u8 *end)
{
	while (bytes < end && *bytes == XTCP_OPT_NOP)
		bytes++;
	if (end - bytes < 2 || *bytes == XTCP_OPT_EOL || bytes[1] < 2 || bytes[1] > end - bytes)
		return NULL;
	return bytes;
}

/* The usual SYN's, in the usual order: MSS, SACK permitted, timestamps, NOP, window scale? @len: octets. */
static bool is_usual_syn(const u8 *bytes, unsigned int len)
{
	return len == 20 && xtcp_options_read32(bytes) >> 16 == (XTCP_OPT_MSS << 8 | XTCP_OPTLEN_MSS) &&
	       xtcp_options_read32(bytes + 4) == (XTCP_OPT_SACK_PERMITTED << 24 | XTCP_OPTLEN_SACK_PERMITTED << 16 |
						  XTCP_OPT_TIMESTAMP << 8 | XTCP_OPTLEN_TIMESTAMP) &&
	       xtcp_options_read32(bytes + 16) >> 8 == (XTCP_OPT_NOP << 16 | XTCP_OPT_WSCALE << 8 | XTCP_OPTLEN_WSCALE);
}

/**
 * xtcp_options_have_signature() - is there an option of TCP-MD5 or TCP-AO, even a malformed one?
 * @bytes: the octets between the fixed header and the data
 * @len: the number of these octets, 0 to %XTCP_MAX_OPTIONS
 * Context: any.
 */
bool xtcp_options_have_signature(const u8 *bytes, unsigned int len)
{
	const u8 *end = bytes + len;

	/* nearly every SYN is checked here, so recognize its usual options without a search */
	if (is_usual_syn(bytes, len))
		return false;
	for (; (bytes = next_option(bytes, end)); bytes += bytes[1])
		if (*bytes == XTCP_OPT_MD5 || *bytes == XTCP_OPT_AO)
			return true;
	return false;
}

/**
 * xtcp_options_find_md5() - find the digest of an MD5 signature (RFC 2385 section 2.0)
 * @bytes: the octets between the fixed header and the data
 * @len: the number of these octets, 0 to %XTCP_MAX_OPTIONS
 *
 * The first such option counts, as in Linux; if its length is wrong, there is none, as before 6.7.
 * Context: any.
 * Return: the %XTCP_MD5_LEN octets of the digest; NULL when there is none.
 */
const u8 *xtcp_options_find_md5(const u8 *bytes, unsigned int len)
{
	const u8 *end = bytes + len;

	for (; (bytes = next_option(bytes, end)); bytes += bytes[1])
		if (*bytes == XTCP_OPT_MD5)
			return bytes[1] == XTCP_OPTLEN_MD5 ? bytes + 2 : NULL;
	return NULL;
}

/**
 * xtcp_options_find_ao() - find TCP-AO (RFC 5925 section 2.2)
 * @bytes: the octets between the fixed header and the data
 * @len: the number of these octets, 0 to %XTCP_MAX_OPTIONS
 * @option: filled in when XTCP_AO_PRESENT is returned. As in Linux, one without a MAC is malformed
 * Context: any.
 * Return: XTCP_AO_ABSENT, XTCP_AO_PRESENT or XTCP_AO_MALFORMED.
 */
enum xtcp_ao_found xtcp_options_find_ao(const u8 *bytes, unsigned int len, struct xtcp_ao_option *option)
{
	const u8 *end = bytes + len, *found = NULL;
	unsigned int signatures = 0;

	for (; (bytes = next_option(bytes, end)); bytes += bytes[1]) {
		if (*bytes == XTCP_OPT_AO)
			found = bytes;
		signatures += *bytes == XTCP_OPT_AO || *bytes == XTCP_OPT_MD5;
	}
	if (!found)
		return XTCP_AO_ABSENT;
	if (signatures > 1 || found[1] <= XTCP_OPTLEN_AO_BASE)
		return XTCP_AO_MALFORMED;
	option->mac = found + XTCP_OPTLEN_AO_BASE;
	option->maclen = found[1] - XTCP_OPTLEN_AO_BASE;
	option->keyid = found[2];
	option->rnext = found[3];
	return XTCP_AO_PRESENT;
}

/**
 * xtcp_options_find_fastopen() - read the Fast Open option of a SYN (RFC 7413 section 4.1.1)
 * @bytes: the octets between the fixed header and the data
 * @len: the number of these octets, 0 to %XTCP_MAX_OPTIONS
 * @cookie: receives the cookie. Its len is 0 if the option asks for a cookie, -1 without an option
 *	of a valid length. As in Linux, one of odd length is skipped; of the others the last counts
 * Context: any.
 * Return: true when there is a valid option, even if it only asks for a cookie.
 */
bool xtcp_options_find_fastopen(const u8 *bytes, unsigned int len, struct xtcp_fastopen_cookie *cookie)
{
	const u8 *end = bytes + len;
	unsigned int i;

	cookie->len = -1;
	for (; (bytes = next_option(bytes, end)); bytes += bytes[1]) {
		unsigned int n = bytes[1] - XTCP_OPTLEN_FASTOPEN_BASE;

		if (*bytes != XTCP_OPT_FASTOPEN || n & 1)
			continue;
		cookie->len = -1;
		if (n && (n < XTCP_FASTOPEN_MIN || n > XTCP_FASTOPEN_MAX))
			continue;
		cookie->len = n;
		for (i = 0; i < n; i++)
			cookie->octets[i] = bytes[XTCP_OPTLEN_FASTOPEN_BASE + i];
	}
	return cookie->len >= 0;
}

/**
 * xtcp_options_find_accecn() - read the AccECN option of a segment; the last one counts
 * @bytes: the octets between the fixed header and the data
 * @len: the number of these octets, 0 to %XTCP_MAX_OPTIONS
 * @option: filled when the option is present. With a length that is none of the defined ones, it
 *	gets the complete counters, at most three (RFC 9768 section 3.2.3)
 * Context: any.
 * Return: true when the option is present.
 */
bool xtcp_options_find_accecn(const u8 *bytes, unsigned int len, struct xtcp_accecn_option *option)
{
	const u8 *end = bytes + len, *found = NULL;
	unsigned int i;

	for (; (bytes = next_option(bytes, end)); bytes += bytes[1])
		if (*bytes == XTCP_OPT_ACCECN_0 || *bytes == XTCP_OPT_ACCECN_1)
			found = bytes;
	if (!found)
		return false;
	option->order = found[0] == XTCP_OPT_ACCECN_1;
	option->fields = (found[1] - XTCP_OPTLEN_ACCECN_BASE) / XTCP_OPTLEN_ACCECN_FIELD;
	if (option->fields > XTCP_ACCECN_FIELDS_MAX)
		option->fields = XTCP_ACCECN_FIELDS_MAX;
	found += XTCP_OPTLEN_ACCECN_BASE;
	for (i = 0; i < option->fields; i++, found += XTCP_OPTLEN_ACCECN_FIELD)
		option->counter[i] = (u32)found[0] << 16 | xtcp_options_read16(found + 1);
	return true;
}

/**
 * xtcp_options_parse() - read the options of a segment
 * @bytes: the octets between the fixed header and the data
 * @len: the number of these octets, 0 to %XTCP_MAX_OPTIONS
 * @syn: the segment has SYN. MSS, window scale and SACK-permitted count only on a SYN (RFC 9293
 *	section 3.2 MUST-65, RFC 7323 section 2.2, RFC 2018 section 2), SACK blocks only on
 *	others
 * @opts: filled in
 *
 * Options may begin at any octet (RFC 9293 section 3.2, MUST-64) and occur in any segment (section
 * 3.1, MUST-5). Of several of one kind the last counts. A length below two or beyond the header
 * ends the list and sets @opts->malformed (MUST-7); the earlier ones count. MD5, TCP-AO, Fast Open
 * and AccECN are skipped: functions above find them where they are needed.
 * Context: any.
 */
void xtcp_options_parse(const u8 *bytes, unsigned int len, bool syn, struct xtcp_options *opts)
{
	const u8 *start = bytes, *end = bytes + len;

	*opts = (struct xtcp_options){};
	if (len >= XTCP_OPTLEN_TIMESTAMP_ALIGNED && xtcp_options_begin_with_timestamp(bytes)) {
		take_timestamp(bytes + 2, opts);
		bytes += XTCP_OPTLEN_TIMESTAMP_ALIGNED;
	}
	while (bytes < end && *bytes != XTCP_OPT_EOL) {
		if (*bytes == XTCP_OPT_NOP) {
			bytes++;
			continue;
		}
		if (end - bytes < 2 || bytes[1] < 2 || bytes[1] > end - bytes) {
			opts->malformed = true;
			return;
		}
		parse_one(start, bytes, bytes[1], syn, opts);
		bytes += bytes[1];
	}
}

/**
 * xtcp_options_size() - count the octets that options take in a header
 * @opts: the options
 * Context: any.
 * Return: octets, a multiple of four. A SYN or SYN-ACK has at most %XTCP_OPTIONS_MAX_SYN without a
 * Fast Open cookie, a signature and an ACK Rate Request. The caller makes sure that SACK blocks and
 * the others fit into %XTCP_OPTIONS_MAX_WRITTEN.
 */
unsigned int xtcp_options_size(const struct xtcp_options *opts)
{
	unsigned int size = 0;

	if (opts->has_md5)
		size += XTCP_OPTLEN_MD5_ALIGNED;	/* after two NOPs */
	if (opts->ao_maclen)
		size += XTCP_OPTLEN_AO_ALIGNED(opts->ao_maclen);
	if (opts->mss) {
		size += XTCP_OPTLEN_MSS;
		if (opts->has_fastopen)		/* on SYNs only; two NOPs may follow */
			size += (XTCP_OPTLEN_FASTOPEN_BASE + opts->fastopen->len + 3) & ~3U;
	}
	if (opts->has_ts)
		size += XTCP_OPTLEN_TIMESTAMP_ALIGNED;	/* SACK-permitted replaces two NOPs */
	else if (opts->sack_permitted)
		size += 4;	/* after two NOPs */
	if (opts->has_wscale)
		size += 4;	/* after one NOP */
	if (opts->sack_blocks)
		size += XTCP_OPTLEN_SACK_ALIGNED(opts->sack_blocks);	/* after two NOPs */
	if (opts->has_accecn)	/* up to three NOPs precede the option */
		size += XTCP_OPTLEN_ACCECN_ALIGNED(opts->accecn_fields);
	if (opts->ack_rate)
		size += xtcp_ackrate_is_request(opts->ack_rate) ? XTCP_OPTLEN_ACK_RATE_ALIGNED : XTCP_OPTLEN_ACK_RATE;
	return size;
}

static u8 *write_accecn(u8 *p, const struct xtcp_options *opts)
{
	const unsigned int len = XTCP_OPTLEN_ACCECN_BASE + opts->accecn_fields * XTCP_OPTLEN_ACCECN_FIELD;
	unsigned int i;

	for (i = len; i < XTCP_OPTLEN_ACCECN_ALIGNED(opts->accecn_fields); i++)
		*p++ = XTCP_OPT_NOP;
	*p++ = opts->accecn_order ? XTCP_OPT_ACCECN_1 : XTCP_OPT_ACCECN_0;
	*p++ = len;
	for (i = 0; i < opts->accecn_fields; i++, p += XTCP_OPTLEN_ACCECN_FIELD) {
		p[0] = opts->accecn[i] >> 16;
		xtcp_options_write16(p + 1, (u16)opts->accecn[i]);
	}
	return p;
}

static u8 *write_ao(u8 *p, const struct xtcp_options *opts)
{
	unsigned int i;

	xtcp_options_write32(p, XTCP_OPT_AO << 24 | (XTCP_OPTLEN_AO_BASE + opts->ao_maclen) << 16 |
				opts->ao_keyid << 8 | opts->ao_rnext);
	p += 4;
	for (i = 0; i < opts->ao_maclen; i++)
		*p++ = 0;
	for (; i & 3; i++)
		*p++ = XTCP_OPT_NOP;
	return p;
}

static u8 *write_ack_rate(u8 *p, u8 ack_rate)
{
	const bool is_request = xtcp_ackrate_is_request(ack_rate);
	unsigned int i;

	for (i = XTCP_OPTLEN_ACK_RATE + 1; is_request && i < XTCP_OPTLEN_ACK_RATE_ALIGNED; i++)
		*p++ = XTCP_OPT_NOP;
	xtcp_options_write32(p, (u32)XTCP_OPT_EXPERIMENT << 24 | (XTCP_OPTLEN_ACK_RATE + is_request) << 16 |
				XTCP_EXID_ACK_RATE);
	p += 4;
	if (is_request)
		*p++ = xtcp_ackrate_of(ack_rate) << 1;
	return p;
}

static u8 *write_fastopen(u8 *p, const struct xtcp_fastopen_cookie *cookie)
{
	const unsigned int len = XTCP_OPTLEN_FASTOPEN_BASE + cookie->len;
	unsigned int i;

	*p++ = XTCP_OPT_FASTOPEN;
	*p++ = len;
	for (i = 0; i < (unsigned int)cookie->len; i++)
		*p++ = cookie->octets[i];
	for (i = len; i & 3; i++)
		*p++ = XTCP_OPT_NOP;
	return p;
}

/**
 * xtcp_options_write() - write options into a header
 * @bytes: a buffer of xtcp_options_size() octets, any alignment
 * @opts: the options
 *
 * NOPs fill each option up to whole words, except that SACK-permitted and timestamps together need
 * none. They stand behind a Fast Open cookie and the MAC of TCP-AO, but in front of any other
 * option. So no End of Option List and no padding is needed (RFC 9293 section 3.1, MUST-69). Order
 * and NOPs are those of Linux 6.1, by which some programs identify a system. Of the options that it
 * does not know, TCP-AO comes first, AccECN and the ACK Rate Request last, but before a Fast Open
 * cookie.
 * Context: any.
 * Return: octets written; equal to xtcp_options_size().
 */
unsigned int xtcp_options_write(u8 *bytes, const struct xtcp_options *opts)
{
	unsigned int i;
	u8 *p = bytes;

	if (opts->has_md5) {
		xtcp_options_write32(p, XTCP_OPT_NOP << 24 | XTCP_OPT_NOP << 16 | XTCP_OPT_MD5 << 8 | XTCP_OPTLEN_MD5);
		p += 4;
		for (i = 0; i < XTCP_MD5_LEN; i++)
			*p++ = 0;
	}
	if (opts->ao_maclen)
		p = write_ao(p, opts);
	if (opts->mss) {
		xtcp_options_write32(p, XTCP_OPT_MSS << 24 | XTCP_OPTLEN_MSS << 16 | opts->mss);
		p += 4;
	}
	if (opts->sack_permitted || opts->has_ts) {
		if (!opts->sack_permitted || !opts->has_ts) {
			*p++ = XTCP_OPT_NOP;
			*p++ = XTCP_OPT_NOP;
		}
		if (opts->sack_permitted) {
			*p++ = XTCP_OPT_SACK_PERMITTED;
			*p++ = XTCP_OPTLEN_SACK_PERMITTED;
		}
		if (opts->has_ts) {
			*p++ = XTCP_OPT_TIMESTAMP;
			*p++ = XTCP_OPTLEN_TIMESTAMP;
			xtcp_options_write32(p, opts->tsval);
			xtcp_options_write32(p + 4, opts->tsecr);
			p += 8;
		}
	}
	if (opts->has_wscale) {
		xtcp_options_write32(p, XTCP_OPT_NOP << 24 | XTCP_OPT_WSCALE << 16 | XTCP_OPTLEN_WSCALE << 8 |
					opts->wscale);
		p += 4;
	}
	if (opts->sack_blocks) {
		xtcp_options_write32(p, XTCP_OPT_NOP << 24 | XTCP_OPT_NOP << 16 | XTCP_OPT_SACK << 8 |
					(XTCP_OPTLEN_SACK_BASE + opts->sack_blocks * XTCP_OPTLEN_SACK_BLOCK));
		p += 4;
		for (i = 0; i < opts->sack_blocks; i++, p += XTCP_OPTLEN_SACK_BLOCK) {
			xtcp_options_write32(p, opts->sack[i].start);
			xtcp_options_write32(p + 4, opts->sack[i].end);
		}
	}
	if (opts->has_accecn)
		p = write_accecn(p, opts);
	if (opts->ack_rate)
		p = write_ack_rate(p, opts->ack_rate);
	if (opts->mss && opts->has_fastopen)
		p = write_fastopen(p, opts->fastopen);
	return p - bytes;
}
