// SPDX-License-Identifier: GPL-2.0
/* Builds and prints segments, and reads them for a lane. */
#include <ctype.h>
#include "test.h"
#include "wire.h"

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
		segment_put16(p, 0x6000 | tos << 4);
		return;
	}
	p[1] = tos;
	segment_put16(p + 10, 0);
	sum = wire_segment_sum(p, 20, 0);
	memcpy(p + 10, &sum, 2);
}

/* Makes room in an IPv4 header for Record Route, with places for two addresses. Return: its length then. */
static size_t add_record_route(uint8_t *p)
{
	static const uint8_t option[12] = { 7, 11, 4 };
	uint16_t sum;

	p[0] = 0x45 + sizeof(option) / 4;
	segment_put16(p + 2, segment_get16(p + 2) + sizeof(option));
	segment_put16(p + 10, 0);
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
		n = segment_ip_header(w->ip, p, seg->src, seg->dst, IPPROTO_TCP, seg->cut);
	else
		n = segment_ip_header(w->ip, p, seg->src, seg->dst, IPPROTO_TCP, tcplen);
	set_tos(w, p, seg->tos);
	if (seg->record)
		n = add_record_route(p);
	t = p + n;
	memset(t, 0, 20 + optlen);
	segment_put16(t, seg->sport);
	segment_put16(t + 2, seg->dport);
	segment_put32(t + 4, seg->seq);
	segment_put32(t + 8, seg->ack);
	t[12] = (seg->doff >= 0 ? seg->doff : (int)(20 + optlen) / 4) << 4 | seg->reserved |
		(seg->flags & WIRE_AE) >> 8;
	t[13] = seg->flags;
	segment_put16(t + 14, seg->win);
	segment_put16(t + 18, seg->urg);
	memcpy(t + 20, seg->opt, seg->optlen);
	for (i = 0; i < seg->len; i++)
		t[20 + optlen + i] = seg->data ? seg->data[i] : wire_segment_byte(first + i) ^ w->c.tint;
	if (seg->cut >= 0 && (size_t)seg->cut < tcplen)
		tcplen = seg->cut;
	else
		wire_sign_fill(w, seg, t, tcplen);
	if (tcplen >= 18) {
		sum = wire_segment_sum(t, tcplen, segment_pseudo(w->ip, seg->src, seg->dst, IPPROTO_TCP, tcplen));
		if (seg->badsum)
			sum ^= 0x0101;
		memcpy(t + 16, &sum, 2);
	}
	return n + tcplen;
}

static void note_octets(char *text, const uint8_t *octets, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", octets[i]);
}

/*
 * Read a packet that the stack sent. Checks what binds every segment: checksums (MUST-2), data offset, options. @seg:
 * filled; data points into @p. Return: 1 if it is TCP, 0 if not, -1 with the failure recorded in the lane.
 */
int wire_segment_parse(struct wire *w, const uint8_t *p, size_t len, struct wire_segment *seg)
{
	const char *wrong = p[0] >> 4 == w->ip ? segment_parse(seg, p, len) : "";

	if (wrong)
		return *wrong ? wire_fail(w, "%s", wrong) : 0;
	note_octets(seg->laid, seg->data - seg->header + 20, seg->header - 20);
	if (seg->fastopen)
		note_octets(seg->cookie, seg->fastopen + 2, seg->cookie_len);
	if (seg->accecn_option)
		note_octets(seg->accecn, seg->accecn_option, seg->accecn_option[1]);
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
