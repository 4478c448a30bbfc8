// SPDX-License-Identifier: GPL-2.0
#include "segment.h"
#include <netinet/in.h>
#include <string.h>

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint32_t segment_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (; len > 1; len -= 2, p += 2)
		sum += get16(p);
	if (len)
		sum += *p << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* RFC 9768 section 3.2.3: the two kinds have the counters of ECT(0) and ECT(1) in another order. */
static const char *parse_accecn(struct segment *seg, const uint8_t *p)
{
	const enum codepoint first = p[0] == 172 ? ECT_0 : ECT_1;
	const enum codepoint of[ACCECN_FIELDS] = { first, CE, first == ECT_0 ? ECT_1 : ECT_0 };

	if ((p[1] - 2) % 3 || (p[1] - 2) / 3 > ACCECN_FIELDS)
		return "an AccECN option of a wrong length";
	seg->accecn_fields = (p[1] - 2) / 3;
	for (int i = 0; i < seg->accecn_fields; i++) {
		seg->accecn_of[i] = of[i];
		seg->accecn[i] = get32(p + 1 + 3 * i) & 0xffffff;
	}
	return NULL;
}

/* RFC 7413 section 4.1.1: a SYN may ask for a cookie, and a SYN-ACK brings one. */
static const char *parse_fastopen(struct segment *seg, const uint8_t *p)
{
	const bool may_ask = !(seg->flags & SEGMENT_ACK);

	seg->cookie_len = p[1] - 2;
	if (!(seg->flags & SEGMENT_SYN) || (!seg->cookie_len && !may_ask) ||
	    (seg->cookie_len && (seg->cookie_len < 4 || seg->cookie_len > 16)))
		return "a Fast Open option out of place";
	return NULL;
}

/* RFC 9293 section 3.2, RFC 7323, RFC 2018. */
static const char *parse_option(struct segment *seg, const uint8_t *p)
{
	const int kind = p[0], len = p[1];

	switch (kind) {
	case 3:
		if (len != 3 || !(seg->flags & SEGMENT_SYN))
			return "a window scale option out of place";
		seg->scale = p[2];
		break;
	case 4:
		if (len != 2 || !(seg->flags & SEGMENT_SYN))
			return "a SACK-permitted option out of place";
		seg->sack_permitted = true;
		break;
	case 5:
		if (len < 10 || (len - 2) % 8 || len > 34)
			return "a SACK option of a wrong length";
		seg->sacks = (len - 2) / 8;
		for (int i = 0; i < seg->sacks; i++) {
			seg->sack[i][0] = get32(p + 2 + 8 * i);
			seg->sack[i][1] = get32(p + 6 + 8 * i);
		}
		break;
	case 8:
		if (len != 10)
			return "a timestamps option of a wrong length";
		seg->has_ts = true;
		seg->tsval = get32(p + 2);
		seg->tsecr = get32(p + 6);
		break;
	case 34:
		return parse_fastopen(seg, p);
	case 172:
	case 174:
		return parse_accecn(seg, p);
	}
	return NULL;
}

static const char *parse_options(struct segment *seg, const uint8_t *p, const uint8_t *end)
{
	const char *wrong;

	while (p < end && *p) {
		if (*p == 1) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return "an option that is longer than the header";
		wrong = parse_option(seg, p);
		if (wrong)
			return wrong;
		p += p[1];
	}
	return NULL;
}

static enum codepoint codepoint_of(const uint8_t *packet)
{
	return packet[0] >> 4 == 6 ? packet[1] >> 4 & 3 : packet[1] & 3;
}

void segment_mark(uint8_t *packet)
{
	uint32_t sum;

	if (codepoint_of(packet) == NOT_ECT)
		return;
	if (packet[0] >> 4 == 6) {
		packet[1] |= CE << 4;
		return;
	}
	packet[1] |= CE;
	packet[10] = 0;
	packet[11] = 0;
	sum = ~segment_sum(packet, 20, 0);
	packet[10] = sum >> 8;
	packet[11] = sum;
}

/* The checksum of a TCP segment, with its pseudo header; 0xffff if the one that it has is right. */
static uint32_t sum_of(const uint8_t *packet, size_t ip, size_t len)
{
	const uint32_t sum = IPPROTO_TCP + len;

	return segment_sum(packet + ip, len,
			   ip == 20 ? segment_sum(packet + 12, 8, sum) : segment_sum(packet + 8, 32, sum));
}

void segment_strip_fastopen(uint8_t *packet, size_t len)
{
	const size_t ip = packet[0] >> 4 == 6 ? 40 : 20;
	uint8_t *tcp = packet + ip, *p = tcp + 20, *end = tcp + (tcp[12] >> 4) * 4;
	uint32_t sum;

	for (; p < end && *p; p += *p == 1 ? 1 : p[1]) {
		if (*p == 34)
			memset(p, 1, p[1]);
	}
	tcp[16] = 0;
	tcp[17] = 0;
	sum = ~sum_of(packet, ip, len - ip);
	tcp[16] = sum >> 8;
	tcp[17] = sum;
}

const char *segment_parse(struct segment *seg, const uint8_t *packet, size_t len)
{
	const size_t ip = packet[0] >> 4 == 6 ? 40 : 20;
	const uint8_t *tcp = packet + ip;
	size_t header;

	memset(seg, 0, sizeof(*seg));
	seg->scale = -1;
	seg->accecn_fields = -1;
	seg->cookie_len = -1;
	if (len < ip + 20 || (ip == 20 && packet[0] != 0x45) || packet[ip == 20 ? 9 : 6] != IPPROTO_TCP)
		return "";
	len -= ip;
	/* first, so that the reader knows whose mistake the rest is */
	seg->sport = get16(tcp);
	seg->dport = get16(tcp + 2);
	if (sum_of(packet, ip, len) != 0xffff)
		return "a wrong checksum";
	header = (tcp[12] >> 4) * 4;
	if (header < 20 || header > len)
		return "a data offset beyond the segment";
	seg->seq = get32(tcp + 4);
	seg->ack = get32(tcp + 8);
	seg->flags = tcp[13];
	seg->ace = (tcp[12] & 1) << 2 | tcp[13] >> 6;
	seg->ecn = codepoint_of(packet);
	seg->window = get16(tcp + 14);
	seg->urgent = get16(tcp + 18);
	seg->header = header;
	seg->text = tcp + header;
	seg->len = len - header;
	return parse_options(seg, tcp + 20, tcp + header);
}
