// SPDX-License-Identifier: GPL-2.0
/* Builds, parses and prints segments. The parser checks what must hold for each one that a TCP sends. */
#include "test.h"
#include "wire.h"

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* The Internet checksum. @sum: of what goes before, which has an even length. Return: the checksum in network order. */
uint16_t wire_segment_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += get16(p);
	if (len)
		sum += *p << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* A partial sum of the pseudo header (RFC 9293 3.1). @len: of the upper layer's header and data. */
uint32_t wire_segment_pseudo(const struct wire *w, const uint8_t *src, const uint8_t *dst,
			     int protocol, uint32_t len)
{
	uint32_t sum = protocol + (len >> 16) + (len & 0xffff);
	int i, n = w->ip == 4 ? 4 : 16;

	for (i = 0; i < n; i += 2)
		sum += get16(src + i) + get16(dst + i);
	return sum;
}

/* Write an IP header without options. Return: its length in bytes. */
size_t wire_segment_ip_header(const struct wire *w, uint8_t *p, const uint8_t *src,
			      const uint8_t *dst, int protocol, size_t payload)
{
	uint16_t sum;

	if (w->ip == 6) {
		memset(p, 0, 8);
		p[0] = 0x60;
		put16(p + 4, payload);
		p[6] = protocol;
		p[7] = 64;
		memcpy(p + 8, src, 16);
		memcpy(p + 24, dst, 16);
		return 40;
	}
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, 20 + payload);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = protocol;
	memcpy(p + 12, src, 4);
	memcpy(p + 16, dst, 4);
	sum = wire_segment_sum(p, 20, 0);
	memcpy(p + 10, &sum, 2);
	return 20;
}

/* The byte that both ends send at this offset from the initial sequence number. */
uint8_t wire_segment_byte(uint32_t offset)
{
	return offset * 7 + (offset >> 8) * 13 + (offset >> 16);
}

/* The octet of DSCP and ECN, in a header that is written. */
static void set_tos(const struct wire *w, uint8_t *p, uint8_t tos)
{
	uint16_t sum;

	if (w->ip == 6) {
		put16(p, 0x6000 | tos << 4);
		return;
	}
	p[1] = tos;
	put16(p + 10, 0);
	sum = wire_segment_sum(p, 20, 0);
	memcpy(p + 10, &sum, 2);
}

/* Makes room in an IPv4 header for Record Route, with places for two addresses. Return: its length then. */
static size_t add_record_route(uint8_t *p)
{
	static const uint8_t option[12] = { 7, 11, 4 };
	uint16_t sum;

	p[0] = 0x45 + sizeof(option) / 4;
	put16(p + 2, get16(p + 2) + sizeof(option));
	put16(p + 10, 0);
	memcpy(p + 20, option, sizeof(option));
	sum = wire_segment_sum(p, 20 + sizeof(option), 0);
	memcpy(p + 10, &sum, 2);
	return 20 + sizeof(option);
}

/* Writes a segment with its IP header; its payload is seg->data, or the stream's if NULL. Its length in bytes. */
size_t wire_segment_build(const struct wire *w, const struct wire_segment *seg, uint8_t *p)
{
	size_t optlen = (seg->optlen + 3) & ~3u, tcplen = 20 + optlen + seg->len, n, i;
	uint32_t first = seg->seq - w->c.iss + !!(seg->flags & WIRE_SYN);
	uint8_t *t;
	uint16_t sum;

	if (seg->cut >= 0 && (size_t)seg->cut < tcplen)
		n = wire_segment_ip_header(w, p, seg->src, seg->dst, IPPROTO_TCP, seg->cut);
	else
		n = wire_segment_ip_header(w, p, seg->src, seg->dst, IPPROTO_TCP, tcplen);
	set_tos(w, p, seg->tos);
	if (seg->record)
		n = add_record_route(p);
	t = p + n;
	memset(t, 0, 20 + optlen);
	put16(t, seg->sport);
	put16(t + 2, seg->dport);
	put32(t + 4, seg->seq);
	put32(t + 8, seg->ack);
	t[12] = (seg->doff >= 0 ? seg->doff : (int)(20 + optlen) / 4) << 4 | seg->reserved |
		(seg->flags & WIRE_AE) >> 8;
	t[13] = seg->flags;
	put16(t + 14, seg->win);
	put16(t + 18, seg->urg);
	memcpy(t + 20, seg->opt, seg->optlen);
	for (i = 0; i < seg->len; i++)
		t[20 + optlen + i] = seg->data ? seg->data[i] : wire_segment_byte(first + i) ^ w->c.tint;
	if (seg->cut >= 0 && (size_t)seg->cut < tcplen)
		tcplen = seg->cut;
	else
		wire_sign_fill(w, seg, t, tcplen);
	if (tcplen >= 18) {
		sum = wire_segment_sum(t, tcplen, wire_segment_pseudo(w, seg->src, seg->dst,
								      IPPROTO_TCP, tcplen));
		if (seg->badsum)
			sum ^= 0x0101;
		memcpy(t + 16, &sum, 2);
	}
	return n + tcplen;
}

static int parse_sack(struct wire *w, const uint8_t *o, unsigned int l, struct wire_segment *seg)
{
	unsigned int n = (l - 2) / 8, i;

	if (!n || n > 4 || l != 2 + 8 * n)
		return wire_fail(w, "SACK option of %u octets (RFC 2018 3)", l);
	for (i = 0; i < n; i++) {
		seg->sack[i][0] = get32(o + 2 + 8 * i);
		seg->sack[i][1] = get32(o + 6 + 8 * i);
	}
	seg->sacks = n;
	return 0;
}

static int parse_options(struct wire *w, const uint8_t *o, unsigned int n,
			 struct wire_segment *seg)
{
	unsigned int i = 0, l, f;

	while (i < n) {
		if (o[i] == 0) {
			for (; i < n; i++)
				if (o[i])
					return wire_fail(w, "padding is not zero (MUST-69)");
			break;
		}
		if (o[i] == 1) {
			i++;
			continue;
		}
		l = i + 1 < n ? o[i + 1] : 0;
		if (l < 2 || i + l > n)
			return wire_fail(w, "option %u has a bad length (MUST-68)", o[i]);
		if (o[i] == 2 && l == 4)
			seg->mss = get16(o + i + 2);
		else if (o[i] == 3 && l == 3)
			seg->ws = o[i + 2];
		else if (o[i] == 4 && l == 2)
			seg->sackok = true;
		if (o[i] == 5 && parse_sack(w, o + i, l, seg))
			return -1;
		if (o[i] == 19 && l == 18)
			seg->digest = o + i + 2;
		if (o[i] == AO_KIND) {
			if (l <= AO_HEADER || l > AO_HEADER + AO_MOST_MAC || seg->ao)
				return wire_fail(w, "TCP-AO option of %u octets, or two (RFC 5925 2.2)", l);
			seg->ao = o + i;
		}
		if (o[i] == 34) {
			seg->fo = true;
			if (l > 18 || l % 2)
				return wire_fail(w, "Fast Open option of %u octets (RFC 7413 4.1.1)", l);
			for (f = 2; f < l; f++)
				sprintf(seg->cookie + 2 * (f - 2), "%02x", o[i + f]);
		}
		if (o[i] == 172 || o[i] == 174) {
			if (l > 11 || l % 3 != 2)
				return wire_fail(w, "AccECN option of %u octets (RFC 9768 3.2.3)", l);
			for (f = 0; f < l; f++)
				sprintf(seg->accecn + 2 * f, "%02x", o[i + f]);
		}
		if (o[i] == 8 && l == 10) {
			seg->ts = true;
			seg->tsval = get32(o + i + 2);
			seg->tsecr = get32(o + i + 6);
		}
		i += l;
	}
	return 0;
}

static void note_layout(const uint8_t *o, unsigned int n, struct wire_segment *seg)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		sprintf(seg->laid + 2 * i, "%02x", o[i]);
}

static int check_segment(struct wire *w, const uint8_t *t, const struct wire_segment *seg)
{
	if (t[12] & 0x0e)
		return wire_fail(w, "reserved bits are set");
	if (!(seg->flags & WIRE_ACK) && seg->ack)
		return wire_fail(w, "acknowledgment number without ACK");
	if (!(seg->flags & WIRE_SYN) && (seg->mss >= 0 || seg->ws >= 0 || seg->sackok || seg->fo))
		return wire_fail(w, "option that belongs to a SYN (MUST-65)");
	if (seg->ws > 14)
		return wire_fail(w, "window scale %d (RFC 7323 2.3)", seg->ws);
	if (!(seg->flags & WIRE_URG) && seg->urg)
		return wire_fail(w, "urgent pointer without URG");
	return 0;
}

/*
 * Read a packet that the stack sent. Checks what binds every segment: checksums (MUST-2), data offset, options. @seg:
 * filled; data points into @p. Return: 1 if it is TCP, 0 if not, -1 with the failure recorded in the lane.
 */
int wire_segment_parse(struct wire *w, const uint8_t *p, size_t len, struct wire_segment *seg)
{
	size_t h = w->ip == 4 ? (p[0] & 15) * 4 : 40, a = w->ip == 4 ? 4 : 16, doff;
	const uint8_t *t = p + h;

	if (len < h || p[0] >> 4 != w->ip || (w->ip == 4 ? p[9] : p[6]) != IPPROTO_TCP)
		return 0;
	if (w->ip == 4 && (h < 20 || wire_segment_sum(p, h, 0)))
		return wire_fail(w, "bad IPv4 header");
	if (len < h + 20)
		return wire_fail(w, "%zu bytes of TCP", len - h);
	memset(seg, 0, sizeof(*seg));
	seg->mss = -1;
	seg->ws = -1;
	memcpy(seg->src, w->ip == 4 ? p + 12 : p + 8, a);
	memcpy(seg->dst, w->ip == 4 ? p + 16 : p + 24, a);
	seg->sport = get16(t);
	seg->dport = get16(t + 2);
	seg->seq = get32(t + 4);
	seg->ack = get32(t + 8);
	doff = (t[12] >> 4) * 4;
	seg->flags = t[13] | (t[12] & 1) << 8;
	seg->win = get16(t + 14);
	seg->urg = get16(t + 18);
	if (wire_segment_sum(t, len - h, wire_segment_pseudo(w, seg->src, seg->dst, IPPROTO_TCP,
							     len - h)))
		return wire_fail(w, "wrong checksum (MUST-2)");
	if (doff < 20 || h + doff > len)
		return wire_fail(w, "data offset %zu", doff);
	seg->ip_options = w->ip == 4 ? h - 20 : 0;
	seg->ttl = w->ip == 4 ? p[8] : p[7];
	seg->tos = w->ip == 4 ? p[1] : get16(p) >> 4;
	seg->label = w->ip == 4 ? 0 : get32(p) & 0xfffff;
	seg->data = t + doff;
	seg->len = len - h - doff;
	seg->packet = len;
	note_layout(t + 20, doff - 20, seg);
	if (parse_options(w, t + 20, doff - 20, seg) || check_segment(w, t, seg))
		return -1;
	return 1;
}

static const char flag_letters[] = "FSRP.UECA";

/* Read flags as letters of "FSRP.UECA" ('.' is ACK, 'A' is AE, '-' none). Return: the flags, -1 on another letter. */
int wire_segment_flags(const char *text)
{
	const char *l;
	int flags = 0;

	if (!strcmp(text, "-"))
		return 0;
	for (; *text; text++) {
		l = strchr(flag_letters, *text);
		if (!l)
			return -1;
		flags |= 1 << (l - flag_letters);
	}
	return flags;
}

/* Add a segment to the ladder that a failing row prints. @in: true for a segment that was injected. */
void wire_segment_ladder(struct wire *w, bool in, const struct wire_segment *seg)
{
	uint32_t seq0 = in ? w->c.iss : w->c.irs, ack0 = in ? w->c.irs : w->c.iss;
	char flags[10], opts[256] = "";
	unsigned int block;
	int i, n = 0, o = 0;

	for (i = 0; i < 9; i++)
		if (seg->flags & 1 << i)
			flags[n++] = flag_letters[i];
	flags[n] = 0;
	if (seg->mss >= 0)
		o += sprintf(opts + o, " mss %d", seg->mss);
	if (seg->ws >= 0)
		o += sprintf(opts + o, " ws %d", seg->ws);
	if (seg->ts)
		o += sprintf(opts + o, " ts %u %u", seg->tsval, seg->tsecr);
	if (seg->sackok)
		o += sprintf(opts + o, " sackok");
	if (seg->fo)
		o += sprintf(opts + o, " fo %s", *seg->cookie ? seg->cookie : "?");
	if (*seg->accecn)
		o += sprintf(opts + o, " accecn %s", seg->accecn);
	if (seg->digest || seg->digest_at)
		o += sprintf(opts + o, " md5");
	if (seg->ao || seg->mac_at)
		o += sprintf(opts + o, " ao %u %u", seg->ao ? seg->ao[2] : seg->opt[seg->mac_at - 22],
			     seg->ao ? seg->ao[3] : seg->opt[seg->mac_at - 21]);
	for (block = 0; block < seg->sacks; block++)
		o += sprintf(opts + o, "%s%u:%u", block ? " " : " sack ", seg->sack[block][0] - ack0,
			     seg->sack[block][1] - ack0);
	if (in && seg->optlen && !o)
		sprintf(opts, " options %u bytes", seg->optlen);
	wire_note(w, "%s %-3s %u(%u) ack %u win %u urg %u%s%s", in ? "  -->" : "  <--", flags,
		  seg->seq - seq0, seg->len, seg->flags & WIRE_ACK ? seg->ack - ack0 : seg->ack,
		  seg->win, seg->urg, opts, seg->badsum ? " bad checksum" : "");
}
