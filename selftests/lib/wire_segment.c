// SPDX-License-Identifier: GPL-2.0
/* Builds, parses and prints segments. The parser checks what must hold for each one that a TCP sends. */
#include <ctype.h>
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
uint32_t wire_segment_pseudo(const struct wire *w, const uint8_t *src, const uint8_t *dst, int protocol, uint32_t len)
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
		sum = wire_segment_sum(t, tcplen, wire_segment_pseudo(w, seg->src, seg->dst, IPPROTO_TCP, tcplen));
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

static int parse_options(struct wire *w, const uint8_t *o, unsigned int n, struct wire_segment *seg)
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
	for (unsigned int i = 0; i < n; i++)
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
	if (wire_segment_sum(t, len - h, wire_segment_pseudo(w, seg->src, seg->dst, IPPROTO_TCP, len - h)))
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
	for (unsigned int block = 0; block < seg->sacks; block++)
		o += sprintf(opts + o, "%s%u:%u", block ? " " : " sack ", seg->sack[block][0] - ack0,
			     seg->sack[block][1] - ack0);
	if (in && seg->optlen && !o)
		sprintf(opts, " options %u bytes", seg->optlen);
	wire_note(w, "%s %-3s %u(%u) ack %u win %u urg %u%s%s", in ? "  -->" : "  <--", flags,
		  seg->seq - seq0, seg->len, seg->flags & WIRE_ACK ? seg->ack - ack0 : seg->ack,
		  seg->win, seg->urg, opts, seg->badsum ? " bad checksum" : "");
}

/* Words of the script language (see wire_script.c): numbers, options and addresses. */

/* Format a string that lives as long as the program. Return: the string. */
char *wire_text(const char *format, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, format);
	must(vasprintf(&s, format, ap) >= 0, "no memory");
	va_end(ap);
	return s;
}

static int letter(struct wire *w, char l, int64_t *v)
{
	const struct wire_conn *c = &w->c;

	switch (l) {
	case 'N':
		*v = c->edge_known ? c->rcv_nxt - c->iss : 0;
		return 0;
	case 'W':
		*v = c->edge - c->iss;
		return 0;
	case 'S':
		*v = c->snd_nxt - c->irs;
		return 0;
	case 'U':
		*v = c->snd_una - c->irs;
		return 0;
	case 'L':
		*v = c->limit - c->irs;
		return 0;
	case 'M':
		*v = w->ip == 4 ? 536 : 1220;
		return 0;
	case 'A':
		*v = w->mtu - (w->ip == 4 ? 40 : 60);
		return 0;
	case 'T':
		*v = c->tsval;
		return 0;
	case 'R':
		*v = c->tsrecent;
		return 0;
	case 'K':
		*v = c->kept;
		return 0;
	case 'Z':
		*v = -(int64_t)c->irs;
		return 0;
	case 'O':
		*v = -(int64_t)c->iss;
		return 0;
	case 'I':
		*v = (uint32_t)(c->irs - c->kept);
		return 0;
	case 'Q':
		return wire_state_in_proc(w, v, NULL) < 0 ? -1 : 0;
	case 'P':
		return wire_state_in_proc(w, NULL, v) < 0 ? -1 : 0;
	}
	return wire_fail(w, "'%c' stands for nothing", l);
}

static int product(struct wire *w, const char **p, int64_t *v)
{
	int64_t factor = 0;
	char *end;

	for (*v = 1;; (*p)++) {
		if (isdigit((unsigned char)**p)) {
			factor = strtoll(*p, &end, 0);
			*p = end;
		} else if (letter(w, *(*p)++, &factor)) {
			return -1;
		}
		*v *= factor;
		if (**p != '*')
			return 0;
	}
}

/* A number of the script language: sums and products of digits and letters; negative results wrap. */
int wire_text_number(struct wire *w, const char *text, uint64_t *value)
{
	const char *p = text;
	int64_t sum = 0, v;
	int sign = 1;

	if (*p == '-') {
		sign = -1;
		p++;
	}
	for (;;) {
		if (product(w, &p, &v))
			return -1;
		sum += sign * v;
		if (!*p)
			break;
		if (*p != '+' && *p != '-')
			return wire_fail(w, "bad number '%s'", text);
		sign = *p++ == '-' ? -1 : 1;
	}
	*value = sum;
	return 0;
}

/* Evaluate a number that is compared or sent as 32 bits. @text: as for wire_text_number(); NULL is an error. */
int wire_text_u32(struct wire *w, const char *text, uint32_t *value)
{
	uint64_t v = 0;

	if (!text)
		return wire_fail(w, "a number is missing");
	if (wire_text_number(w, text, &v))
		return -1;
	*value = v;
	return 0;
}

/* Compare two numbers. @op: ">=", "<=", or "=". Return: true if it holds. */
bool wire_text_compare(uint64_t a, const char *op, uint64_t b)
{
	if (!strcmp(op, ">="))
		return a >= b;
	if (!strcmp(op, "<="))
		return a <= b;
	return !strcmp(op, "=") && a == b;
}

static int hex_bytes(struct wire *w, const char *text, struct wire_segment *seg)
{
	unsigned int byte;

	for (; *text; text += 2) {
		if (sscanf(text, "%2x", &byte) != 1 || seg->optlen >= sizeof(seg->opt))
			return wire_fail(w, "bad option bytes '%s'", text);
		seg->opt[seg->optlen++] = byte;
	}
	return 0;
}

/* "A:B A:B", of the stream that begins at @first. */
static int sack_blocks(struct wire *w, char *text, uint32_t first, struct wire_segment *seg)
{
	char *next, *block, *colon, hex[128] = "";
	int n = sprintf(hex, "0101");
	uint32_t from, to;

	for (block = strtok_r(text, " ", &next); block; block = strtok_r(NULL, " ", &next)) {
		colon = strchr(block, ':');
		if (!colon || seg->sacks == sizeof(seg->sack) / sizeof(*seg->sack))
			return wire_fail(w, "SACK block '%s'", block);
		*colon = 0;
		if (wire_text_u32(w, block, &from) || wire_text_u32(w, colon + 1, &to))
			return -1;
		from += first;
		to += first;
		seg->sack[seg->sacks][0] = from;
		seg->sack[seg->sacks++][1] = to;
	}
	n += sprintf(hex + n, "05%02x", 2 + 8 * seg->sacks);
	for (from = 0; from < seg->sacks; from++)
		n += sprintf(hex + n, "%08x%08x", seg->sack[from][0], seg->sack[from][1]);
	return hex_bytes(w, hex, seg);
}

static int one_option(struct wire *w, char *text, struct wire_segment *seg)
{
	char *next, *name = strtok_r(text, " ", &next), *arg;
	uint32_t v = 0, ecr = 0;
	char hex[64] = "";

	if (!name)
		return 0;
	if (!strcmp(name, "sack"))
		return sack_blocks(w, next, w->c.irs, seg);
	arg = strtok_r(NULL, " ", &next);
	if (!strcmp(name, "hex"))
		return hex_bytes(w, arg ? arg : "", seg);
	if (arg && wire_text_u32(w, arg, &v))
		return -1;
	if (!strcmp(name, "mss")) {
		seg->mss = v;
		sprintf(hex, "0204%04x", v & 0xffff);
	} else if (!strcmp(name, "ws")) {
		seg->ws = v;
		sprintf(hex, "0303%02x", v & 0xff);
	} else if (!strcmp(name, "sackok")) {
		seg->sackok = true;
		strcpy(hex, "0402");
	} else if (!strcmp(name, "nop")) {
		strcpy(hex, "01");
	} else if (!strcmp(name, "eol")) {
		strcpy(hex, "00");
	} else if (!strcmp(name, "ts")) {
		arg = strtok_r(NULL, " ", &next);
		if (arg && wire_text_u32(w, arg, &ecr))
			return -1;
		seg->ts = true;
		seg->tsval = v;
		seg->tsecr = ecr;
		sprintf(hex, "080a%08x%08x", v, ecr);
	} else if (!strcmp(name, "nots")) {
		seg->ts = true;		/* keeps the automatic one away */
	} else {
		return wire_fail(w, "no option '%s'", name);
	}
	return hex_bytes(w, hex, seg);
}

/* Encode TCP options of an injected segment. @text: "mss 1000,nop,ws 7". @seg: its options are appended to. */
int wire_text_options(struct wire *w, const char *text, struct wire_segment *seg)
{
	char copy[256], *item, *next;

	snprintf(copy, sizeof(copy), "%s", text);
	for (item = strtok_r(copy, ",", &next); item; item = strtok_r(NULL, ",", &next))
		if (one_option(w, item, seg))
			return -1;
	return 0;
}

/* Exactly these blocks, in this order. */
static int expect_sack(struct wire *w, char *text, const struct wire_segment *seg)
{
	struct wire_segment want = { 0 };

	if (sack_blocks(w, text, w->c.iss, &want))
		return -1;
	return want.sacks == seg->sacks && !memcmp(want.sack, seg->sack, sizeof(want.sack)) ? 0 :
	       wire_fail(w, "the SACK blocks are others");
}

/* All options, octet by octet; a dot stands for any digit. */
static int expect_layout(struct wire *w, const char *want, const struct wire_segment *seg)
{
	const char *got = seg->laid;

	while (*want && *got && (*want == '.' || *want == *got)) {
		want++;
		got++;
	}
	return *want || *got ? wire_fail(w, "the options are '%s', not as wanted at octet %zu", seg->laid,
					 (size_t)(got - seg->laid) / 2) : 0;
}

static int expect_option(struct wire *w, char *text, const struct wire_segment *seg)
{
	char *next, *name = strtok_r(text, " ", &next), *arg;
	bool want = true, there;
	uint32_t v = 0, got = 0;

	if (!name)
		return 0;
	if (!strcmp(name, "sack"))
		return expect_sack(w, next, seg);
	arg = strtok_r(NULL, " ", &next);
	if (!strcmp(name, "laid"))
		return expect_layout(w, arg ? arg : "", seg);
	if (!strcmp(name, "accecn") || !strcmp(name, "noaccecn"))
		return strcmp(seg->accecn, arg ? arg : "") ?
		       wire_fail(w, "option accecn is '%s'", seg->accecn) : 0;
	if (!strcmp(name, "fo"))
		return !seg->fo || strcmp(seg->cookie, arg ? arg : "") ?
		       wire_fail(w, "the Fast Open option is %s '%s'", seg->fo ? "there" : "missing", seg->cookie) : 0;
	if (!strncmp(name, "no", 2)) {
		want = false;
		name += 2;
	}
	if (!strcmp(name, "mss")) {
		there = seg->mss >= 0;
		got = seg->mss;
	} else if (!strcmp(name, "ws")) {
		there = seg->ws >= 0;
		got = seg->ws;
	} else if (!strcmp(name, "ts")) {
		there = seg->ts;
		got = seg->tsval;
	} else if (!strcmp(name, "sackok")) {
		there = seg->sackok;
	} else if (!strcmp(name, "sack")) {
		there = seg->sacks;	/* "nosack" */
	} else if (!strcmp(name, "fo")) {
		there = seg->fo;	/* "nofo" */
	} else if (!strcmp(name, "ecr")) {
		there = seg->ts;
		got = seg->tsecr;
	} else {
		return wire_fail(w, "no option '%s'", name);
	}
	if (there != want)
		return wire_fail(w, "option %s is %s", name, there ? "there" : "missing");
	if (arg && wire_text_u32(w, arg, &v))
		return -1;
	if (arg && got != v)
		return wire_fail(w, "option %s is %u, want %u", name, got, v);
	return 0;
}

/* Compare the options of an answer. @text: "mss 1460,nows". */
int wire_text_expect_options(struct wire *w, const char *text, const struct wire_segment *seg)
{
	char copy[256], *item, *next;

	snprintf(copy, sizeof(copy), "%s", text);
	for (item = strtok_r(copy, ",", &next); item; item = strtok_r(NULL, ",", &next))
		if (expect_option(w, item, seg))
			return -1;
	return 0;
}

/* Read one of the named addresses. @kind: self, mcast, bcast (of the link) or allones. @out: 16 bytes. */
int wire_text_address(struct wire *w, const char *kind, uint8_t *out)
{
	const char *text = NULL;

	if (!strcmp(kind, "self")) {
		memcpy(out, w->local, 16);
		return 0;
	}
	if (!strcmp(kind, "mcast"))
		text = w->ip == 4 ? "224.0.0.1" : "ff02::1";
	else if (!strcmp(kind, "bcast") && w->ip == 4)
		text = "10.8.255.255";
	else if (!strcmp(kind, "allones") && w->ip == 4)
		text = "255.255.255.255";
	if (!text)
		return wire_fail(w, "no address '%s'", kind);
	inet_pton(w->ip == 4 ? AF_INET : AF_INET6, text, out);
	return 0;
}
