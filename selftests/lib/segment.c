// SPDX-License-Identifier: GPL-2.0
/* The parser checks what must hold for each segment that a TCP sends. */
#include "segment.h"
#include <netinet/in.h>
#include <string.h>
#include "ao.h"

void segment_put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

void segment_put32(uint8_t *p, uint32_t v)
{
	segment_put16(p, v >> 16);
	segment_put16(p + 2, v);
}

uint16_t segment_get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint32_t segment_get32(const uint8_t *p)
{
	return (uint32_t)segment_get16(p) << 16 | segment_get16(p + 2);
}

uint16_t wire_segment_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += segment_get16(p);
	if (len)
		sum += *p << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

uint32_t segment_pseudo(int ip, const uint8_t *src, const uint8_t *dst, int protocol, uint32_t len)
{
	uint32_t sum = protocol + (len >> 16) + (len & 0xffff);

	for (int i = 0; i < (ip == 4 ? 4 : 16); i += 2)
		sum += segment_get16(src + i) + segment_get16(dst + i);
	return sum;
}

size_t segment_ip_header(int ip, uint8_t *p, const uint8_t *src, const uint8_t *dst, int protocol, size_t payload)
{
	uint16_t sum;

	if (ip == 6) {
		memset(p, 0, 8);
		p[0] = 0x60;
		segment_put16(p + 4, payload);
		p[6] = protocol;
		p[7] = 64;
		memcpy(p + 8, src, 16);
		memcpy(p + 24, dst, 16);
		return 40;
	}
	memset(p, 0, 20);
	p[0] = 0x45;
	segment_put16(p + 2, 20 + payload);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = protocol;
	memcpy(p + 12, src, 4);
	memcpy(p + 16, dst, 4);
	sum = wire_segment_sum(p, 20, 0);
	memcpy(p + 10, &sum, 2);
	return 20;
}

size_t segment_icmp(int ip, uint8_t *p, const uint8_t *src, const uint8_t *dst, int type, int code, uint32_t word,
		    const void *quote, size_t len)
{
	const int protocol = ip == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	const size_t n = segment_ip_header(ip, p, src, dst, protocol, 8 + len);
	uint8_t *icmp = p + n;
	uint16_t sum;

	icmp[0] = type;
	icmp[1] = code;
	segment_put16(icmp + 2, 0);
	segment_put32(icmp + 4, word);
	memcpy(icmp + 8, quote, len);
	sum = wire_segment_sum(icmp, 8 + len, ip == 6 ? segment_pseudo(ip, src, dst, protocol, 8 + len) : 0);
	memcpy(icmp + 2, &sum, 2);
	return n + 8 + len;
}

/* RFC 9768 section 3.2.3: the two kinds have the counters of ECT(0) and ECT(1) in another order. */
static const char *parse_accecn(struct wire_segment *seg, const uint8_t *o)
{
	const enum codepoint first = o[0] == 172 ? ECT_0 : ECT_1;
	const enum codepoint of[ACCECN_FIELDS] = { first, CE, first == ECT_0 ? ECT_1 : ECT_0 };

	if (o[1] > 2 + 3 * ACCECN_FIELDS || o[1] % 3 != 2)
		return "an AccECN option of a wrong length (RFC 9768 3.2.3)";
	seg->accecn_option = o;
	seg->accecn_fields = (o[1] - 2) / 3;
	for (int i = 0; i < seg->accecn_fields; i++) {
		seg->accecn_of[i] = of[i];
		seg->accecn_count[i] = segment_get32(o + 1 + 3 * i) & 0xffffff;
	}
	return NULL;
}

/* RFC 7413 section 4.1.1: a SYN may ask for a cookie, and a SYN-ACK brings one. */
static const char *parse_fastopen(struct wire_segment *seg, const uint8_t *o)
{
	const int len = o[1] - 2;

	if (!(seg->flags & WIRE_SYN) || (!len && seg->flags & WIRE_ACK))
		return "a Fast Open option out of place (RFC 7413 4.1.1)";
	if (len && (len < 4 || len > 16 || len % 2))
		return "a Fast Open option of a wrong length (RFC 7413 4.1.1)";
	seg->fo = true;
	seg->fastopen = o;
	seg->cookie_len = len;
	return NULL;
}

/* RFC 9293 section 3.2, RFC 7323, RFC 2018. */
static const char *parse_option(struct wire_segment *seg, const uint8_t *o)
{
	static const uint8_t lens[] = { [2] = 4, [3] = 3, [4] = 2, [8] = 10, [19] = 18 };
	const unsigned int kind = o[0], len = o[1];

	if (kind < sizeof(lens) && lens[kind] && len != lens[kind])
		return "an option of a wrong length";
	if (kind >= 2 && kind <= 4 && !(seg->flags & WIRE_SYN))
		return "an option that belongs to a SYN (MUST-65)";
	switch (kind) {
	case 2:
		seg->mss = segment_get16(o + 2);
		break;
	case 3:
		seg->ws = o[2];
		return seg->ws > 14 ? "a window scale above 14 (RFC 7323 2.3)" : NULL;
	case 4:
		seg->sackok = true;
		break;
	case 5:
		if (len < 10 || (len - 2) % 8 || len > 34)
			return "a SACK option of a wrong length (RFC 2018 3)";
		seg->sacks = (len - 2) / 8;
		for (unsigned int i = 0; i < seg->sacks; i++) {
			seg->sack[i][0] = segment_get32(o + 2 + 8 * i);
			seg->sack[i][1] = segment_get32(o + 6 + 8 * i);
		}
		break;
	case 8:
		seg->ts = true;
		seg->tsval = segment_get32(o + 2);
		seg->tsecr = segment_get32(o + 6);
		break;
	case 19:
		seg->digest = o + 2;
		break;
	case AO_KIND:
		if (len <= AO_HEADER || len > AO_HEADER + AO_MOST_MAC || seg->ao)
			return "a TCP-AO option of a wrong length, or two (RFC 5925 2.2)";
		seg->ao = o;
		break;
	case 34:
		return parse_fastopen(seg, o);
	case 172:
	case 174:
		return parse_accecn(seg, o);
	}
	return NULL;
}

static const char *parse_options(struct wire_segment *seg, const uint8_t *o, const uint8_t *end)
{
	const char *wrong = NULL;

	while (o < end && *o && !wrong) {
		if (*o == 1) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return "an option that is longer than the header (MUST-68)";
		wrong = parse_option(seg, o);
		o += o[1];
	}
	for (; o < end && !wrong; o++)
		wrong = *o ? "padding that is not zero (MUST-69)" : NULL;
	return wrong;
}

const char *segment_parse(struct wire_segment *seg, const uint8_t *p, size_t len)
{
	const int ip = p[0] >> 4;
	const size_t h = ip == 4 ? (p[0] & 15) * 4 : 40, n = ip == 4 ? 4 : 16;
	const uint8_t *t = p + h;

	memset(seg, 0, sizeof(*seg));
	seg->mss = -1;
	seg->ws = -1;
	seg->accecn_fields = -1;
	seg->cookie_len = -1;
	if (len < h || (ip != 4 && ip != 6) || p[ip == 4 ? 9 : 6] != IPPROTO_TCP)
		return "";
	if (ip == 4 && (h < 20 || wire_segment_sum(p, h, 0)))
		return "a bad IPv4 header";
	if (len < h + 20)
		return "less than a TCP header";
	/* first, so that the reader knows whose mistake the rest is */
	memcpy(seg->src, ip == 4 ? p + 12 : p + 8, n);
	memcpy(seg->dst, ip == 4 ? p + 16 : p + 24, n);
	seg->sport = segment_get16(t);
	seg->dport = segment_get16(t + 2);
	seg->seq = segment_get32(t + 4);
	seg->ack = segment_get32(t + 8);
	seg->flags = t[13] | (t[12] & 1) << 8;
	seg->ace = (t[12] & 1) << 2 | t[13] >> 6;
	seg->win = segment_get16(t + 14);
	seg->urg = segment_get16(t + 18);
	if (wire_segment_sum(t, len - h, segment_pseudo(ip, seg->src, seg->dst, IPPROTO_TCP, len - h)))
		return "a wrong checksum (MUST-2)";
	seg->header = (t[12] >> 4) * 4;
	if (seg->header < 20 || h + seg->header > len)
		return "a wrong data offset";
	seg->ip_options = ip == 4 ? h - 20 : 0;
	seg->ttl = ip == 4 ? p[8] : p[7];
	seg->tos = ip == 4 ? p[1] : segment_get16(p) >> 4;
	seg->ecn = seg->tos & 3;
	seg->label = ip == 4 ? 0 : segment_get32(p) & 0xfffff;
	seg->data = t + seg->header;
	seg->len = len - h - seg->header;
	seg->packet = len;
	if (t[12] & 0x0e)
		return "reserved bits that are set";
	if (!(seg->flags & WIRE_ACK) && seg->ack)
		return "an acknowledgment number without ACK";
	if (!(seg->flags & WIRE_URG) && seg->urg)
		return "an urgent pointer without URG";
	return parse_options(seg, t + 20, seg->data);
}
