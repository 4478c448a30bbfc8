// SPDX-License-Identifier: GPL-2.0
/* module/base/options.c in user space, under the address and undefined-behaviour sanitizers. */
#include <string.h>
#include "base/wire.h"
#include "unit.h"

/* Parses a copy that ends where its memory ends, at every alignment, so that a read too far is found. */
static struct xtcp_options parse(const u8 *bytes, unsigned int len, bool syn)
{
	struct xtcp_options first = {}, opts;

	for (unsigned int offset = 0; offset < 4; offset++) {
		u8 *copy = malloc(offset + len);

		if (len)
			memcpy(copy + offset, bytes, len);
		memset(&opts, 0xff, sizeof(opts));
		xtcp_options_parse(copy + offset, len, syn, &opts);
		free(copy);
		if (!offset)
			first = opts;
		UNIT_CHECK(opts.tsval == first.tsval && opts.tsecr == first.tsecr && opts.mss == first.mss);
		UNIT_CHECK(opts.wscale == first.wscale && opts.has_ts == first.has_ts);
		UNIT_CHECK(opts.has_wscale == first.has_wscale && opts.sack_permitted == first.sack_permitted);
		UNIT_CHECK(opts.malformed == first.malformed && opts.ack_rate == first.ack_rate);
		UNIT_CHECK(opts.sack_blocks == first.sack_blocks && opts.sack_at == first.sack_at && !opts.sack);
	}
	return first;
}

#define PARSE(syn, ...) parse((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }), syn)

static bool is_empty(const struct xtcp_options *opts)
{
	return !opts->mss && !opts->has_ts && !opts->has_wscale && !opts->sack_permitted && !opts->sack_blocks;
}

/* every combination, every shift and a few values, at each offset in a word */
UNIT(round_trip, "every combination is read back as it was written")
{
	static const u16 mss[] = { 0, 1, 48, 536, 1220, 1460, 8960, 0xff00, 0x00ff, 65535 };
	static const u32 ts[] = { 0, 1, 0x01020304, 0x7fffffff, 0x80000000, 0xffffffff };

	for (unsigned int bits = 0; bits < 8; bits++)
		for (unsigned int m = 0; m < sizeof(mss) / sizeof(*mss); m++)
			for (unsigned int w = 0; w <= XTCP_WSCALE_MAX; w++)
				for (unsigned int t = 0; t < sizeof(ts) / sizeof(*ts); t++) {
					struct xtcp_options in = { .mss = mss[m] }, out;
					unsigned int size, offset;
					u8 *bytes;

					in.has_ts = bits & 1;
					in.sack_permitted = bits & 2;
					in.has_wscale = bits & 4;
					in.tsval = in.has_ts ? ts[t] : 0;
					in.tsecr = in.has_ts ? ~ts[t] : 0;
					in.wscale = in.has_wscale ? w : 0;
					size = xtcp_options_size(&in);
					UNIT_CHECK(size % 4 == 0 && size <= XTCP_MAX_OPTIONS);
					UNIT_CHECK((size == 0) == is_empty(&in));
					for (offset = 0; offset < 4; offset++) {
						bytes = malloc(offset + size);
						UNIT_CHECK(xtcp_options_write(bytes + offset, &in) == size);
						out = parse(bytes + offset, size, true);
						free(bytes);
						UNIT_CHECK(out.mss == in.mss && !out.malformed);
						UNIT_CHECK(out.has_ts == in.has_ts && out.tsval == in.tsval);
						UNIT_CHECK(out.tsecr == in.tsecr && out.wscale == in.wscale);
						UNIT_CHECK(out.has_wscale == in.has_wscale);
						UNIT_CHECK(out.sack_permitted == in.sack_permitted);
					}
				}
}

/* the numbers of the @i-th block of a test */
static struct xtcp_sack_block nth_block(unsigned int i)
{
	return (struct xtcp_sack_block){ .start = 0xfffffff0 + i * 0x01020304, .end = 0x80000001 + i * 0x11 };
}

/* every number of blocks that fits, with and without timestamps, at each offset in a word */
UNIT(sack_round_trip, "SACK blocks are read back as they were written")
{
	struct xtcp_sack_block blocks[XTCP_SACK_BLOCKS_MAX], block;
	unsigned int n, ts, size, offset, i;

	for (i = 0; i < XTCP_SACK_BLOCKS_MAX; i++)
		blocks[i] = nth_block(i);
	for (ts = 0; ts < 2; ts++)
		for (n = 1; n <= XTCP_SACK_BLOCKS_MAX - ts; n++) {
			struct xtcp_options in = { .sack = blocks, .sack_blocks = n }, out;

			in.has_ts = ts;
			in.tsval = ts ? 7 : 0;
			size = xtcp_options_size(&in);
			UNIT_CHECK(size == 12 * ts + 4 + 8 * n && size <= XTCP_OPTIONS_MAX_WRITTEN);
			for (offset = 0; offset < 4; offset++) {
				u8 *bytes = malloc(offset + size);

				UNIT_CHECK(xtcp_options_write(bytes + offset, &in) == size);
				out = parse(bytes + offset, size, false);
				UNIT_CHECK(out.sack_blocks == n && out.has_ts == ts && out.tsval == in.tsval);
				UNIT_CHECK(out.sack_at == 12 * ts + 4 && !out.malformed);
				for (i = 0; i < n; i++) {
					block = xtcp_options_read_sack(bytes + offset + out.sack_at + 8 * i);
					UNIT_CHECK(block.start == blocks[i].start && block.end == blocks[i].end);
				}
				free(bytes);
			}
		}
	UNIT_CHECK(XTCP_OPTIONS_MAX_WRITTEN == XTCP_MAX_OPTIONS);
}

/* RFC 2018 section 3: 2 + 8n octets, n from 1 to 4; all else is skipped, and so is what stands in a SYN */
UNIT(sack_lengths, "a SACK option has 2 + 8n octets (RFC 2018 section 3)")
{
	struct xtcp_options opts;

	for (unsigned int len = 2; len <= XTCP_MAX_OPTIONS; len++) {
		u8 bytes[XTCP_MAX_OPTIONS] = { 5, len };
		unsigned int due = len > 2 && (len - 2) % 8 == 0 ? (len - 2) / 8 : 0;

		opts = parse(bytes, len, false);
		UNIT_CHECK(opts.sack_blocks == due && !opts.malformed);
		UNIT_CHECK(!due || opts.sack_at == 2);
		opts = parse(bytes, len, true);
		UNIT_CHECK(is_empty(&opts) && !opts.malformed);
		/* cut off by the end of the header */
		if (len > 2) {
			opts = parse(bytes, len - 1, false);
			UNIT_CHECK(is_empty(&opts) && opts.malformed);
		}
	}
	/* in front of timestamps, on an odd octet; the last of two counts */
	opts = PARSE(false, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4);
	UNIT_CHECK(opts.sack_blocks == 1 && opts.sack_at == 3 && opts.tsval == 3 && opts.tsecr == 4);
	opts = PARSE(false, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 18, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6);
	UNIT_CHECK(opts.sack_blocks == 2 && opts.sack_at == 12);
	/* behind aligned timestamps, broken or followed by nonsense: what stands in front counts */
	opts = PARSE(false, 1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4, 1, 1, 5, 11, 0, 0, 0, 1);
	UNIT_CHECK(!opts.sack_blocks && opts.tsval == 3 && opts.malformed);
	opts = PARSE(false, 1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4, 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 9);
	UNIT_CHECK(opts.sack_blocks == 1 && opts.sack_at == 16 && opts.tsval == 3 && opts.malformed);
}

/* MUST-68: what is written, read by a reader of three lines: only NOP stands without a length, nothing runs over */
UNIT(every_option_written_has_a_length, "every option written has a length (MUST-68)")
{
	unsigned int bits, size, at;
	u8 bytes[XTCP_MAX_OPTIONS];

	for (bits = 0; bits < 32; bits++) {
		const struct xtcp_sack_block block = nth_block(1);
		struct xtcp_options in = { .tsval = 1, .tsecr = 2, .wscale = 7, .sack = &block };

		in.mss = bits & 8 ? 1460 : 0;
		in.has_ts = bits & 1;
		in.sack_permitted = bits & 2;
		in.has_wscale = bits & 4;
		in.sack_blocks = bits >> 4;
		size = xtcp_options_write(bytes, &in);
		for (at = 0; at < size; at += bytes[at] == XTCP_OPT_NOP ? 1 : bytes[at + 1]) {
			UNIT_CHECK(bytes[at] != XTCP_OPT_EOL);
			if (bytes[at] != XTCP_OPT_NOP)
				UNIT_CHECK(at + 1 < size && bytes[at + 1] >= 2);
			if (bytes[at] != XTCP_OPT_NOP && (at + 1 >= size || bytes[at + 1] < 2))
				break;
		}
		UNIT_CHECK(at == size);
	}
}

/* the octets of a SYN and of a segment with timestamps, as RFC 9293 section 3.2 and RFC 7323 appendix A lay them out */
UNIT(exact_octets, "the octets of a SYN and of a segment")
{
	static const u8 syn[] = { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 1, 3, 3, 7 };
	static const u8 fast[] = { 2, 4, 0x05, 0xb4, 1, 3, 3, 7, 34, 8, 'c', 'o', 'o', 'k', 'i', 'e' };
	static const u8 accecn[] = { 2, 4, 0x05, 0xb4, 1, 3, 3, 7, 172, 8, 0, 0, 1, 0, 0, 2,
				     34, 8, 'c', 'o', 'o', 'k', 'i', 'e' };
	static const struct xtcp_fastopen_cookie cookie = { .octets = "cookie", .len = 6 };
	static const u32 counters[] = { 1, 2 };
	static const u8 ack[] = { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0xff, 0xfe, 0xfd, 0xfc };
	static const u8 sack[] = { 1, 1, 4, 2 };
	static const u8 blocks[] = { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0xff, 0xfe, 0xfd, 0xfc,
				     1, 1, 5, 18, 0, 0, 0, 5, 0, 0, 1, 0, 0xff, 0, 0, 0, 0xff, 0, 0, 1 };
	static const struct xtcp_sack_block two[] = { { 5, 0x100 }, { 0xff000000, 0xff000001 } };
	struct xtcp_options opts = { .mss = 1460, .wscale = 7, .tsval = 0x11223344 };
	u8 bytes[XTCP_MAX_OPTIONS];

	opts.has_ts = true;
	opts.has_wscale = true;
	opts.sack_permitted = true;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(syn) && !memcmp(bytes, syn, sizeof(syn)));
	opts.has_ts = false;
	opts.sack_permitted = false;
	opts.has_fastopen = true;
	opts.fastopen = &cookie;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(fast) && !memcmp(bytes, fast, sizeof(fast)));
	opts.has_accecn = true;
	opts.accecn = counters;
	opts.accecn_fields = 2;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(accecn) && !memcmp(bytes, accecn, sizeof(accecn)));
	opts = (struct xtcp_options){ .tsval = 0x11223344, .tsecr = 0xfffefdfc };
	opts.has_ts = true;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(ack) && !memcmp(bytes, ack, sizeof(ack)));
	opts.sack = two;
	opts.sack_blocks = 2;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(blocks) && !memcmp(bytes, blocks, sizeof(blocks)));
	opts = (struct xtcp_options){};
	opts.sack_permitted = true;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(sack) && !memcmp(bytes, sack, sizeof(sack)));
}

/* MUST-64: an MSS that begins on each octet of a word */
UNIT(unaligned_in_the_header, "options begin on any octet (MUST-64)")
{
	struct xtcp_options opts = PARSE(true, 2, 4, 5, 0xb4);

	UNIT_CHECK(opts.mss == 1460);
	opts = PARSE(true, 1, 2, 4, 5, 0xb4, 1, 1, 1);
	UNIT_CHECK(opts.mss == 1460);
	opts = PARSE(true, 1, 1, 2, 4, 5, 0xb4, 1, 1);
	UNIT_CHECK(opts.mss == 1460);
	opts = PARSE(true, 1, 1, 1, 2, 4, 5, 0xb4, 1);
	UNIT_CHECK(opts.mss == 1460);
	opts = PARSE(false, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1);
	UNIT_CHECK(opts.has_ts && opts.tsval == 0x01020304 && opts.tsecr == 0x05060708 && !opts.malformed);
}

/* MUST-6: skipped by their length, wherever they stand */
UNIT(unknown_options, "unknown options are skipped (MUST-6)")
{
	struct xtcp_options opts = PARSE(true, 253, 6, 2, 4, 0, 1, 2, 4, 5, 0xb4);

	UNIT_CHECK(opts.mss == 1460 && !opts.malformed);
	opts = PARSE(true, 2, 4, 5, 0xb4, 254, 2, 30, 4, 3, 3, 3, 3, 9, 0);
	UNIT_CHECK(opts.mss == 1460 && opts.has_wscale && opts.wscale == 9 && !opts.malformed);
	opts = PARSE(false, 28, 10, 2, 4, 5, 0xb4, 3, 3, 9, 4);
	UNIT_CHECK(is_empty(&opts) && !opts.malformed);
}

/* MUST-7: zero, one, one octet too many, and a kind whose length octet is beyond the header */
UNIT(bad_lengths, "illegal lengths end the list (MUST-7)")
{
	struct xtcp_options opts;

	for (unsigned int kind = 2; kind < 256; kind++)
		for (unsigned int size = 1; size <= 12; size++)
			for (unsigned int len = 0; len < 256; len++) {
				u8 bytes[12] = { kind, len, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

				opts = parse(bytes, size, true);
				UNIT_CHECK(opts.malformed == (size < 2 || len < 2 || len > size));
			}
	opts = PARSE(true, 2, 4, 5, 0xb4, 8, 0, 3, 3, 7);
	UNIT_CHECK(opts.malformed && opts.mss == 1460 && !opts.has_wscale);
	opts = PARSE(true, 3, 3, 7, 8, 10, 1, 2, 3, 4, 5, 6, 7);
	UNIT_CHECK(opts.malformed && opts.wscale == 7 && !opts.has_ts);
	opts = PARSE(true, 2, 4, 5);
	UNIT_CHECK(opts.malformed && !opts.mss);
	opts = parse(NULL, 0, true);
	UNIT_CHECK(is_empty(&opts) && !opts.malformed);
}

/* a known kind whose length is possible but wrong says nothing and harms nothing */
UNIT(wrong_length_for_the_kind, "known kinds with a wrong length are skipped")
{
	struct xtcp_options opts = PARSE(true, 2, 3, 5, 3, 3, 7, 1, 1);

	UNIT_CHECK(!opts.mss && opts.wscale == 7 && !opts.malformed);
	opts = PARSE(true, 3, 4, 7, 7, 4, 3, 0, 8, 9, 1, 2, 3, 4, 5, 6, 7);
	UNIT_CHECK(is_empty(&opts) && !opts.malformed);
	opts = PARSE(true, 2, 5, 5, 0xb4, 0, 4, 2, 1);
	UNIT_CHECK(!opts.mss && opts.sack_permitted && !opts.malformed);
}

/* MUST-69: nothing after End of Option List is read, whatever it is */
UNIT(end_of_list, "nothing behind the end of the list counts (MUST-69)")
{
	struct xtcp_options opts = PARSE(true, 2, 4, 5, 0xb4, 0, 3, 3, 7);

	UNIT_CHECK(opts.mss == 1460 && !opts.has_wscale && !opts.malformed);
	opts = PARSE(true, 0, 8, 0, 0xff);
	UNIT_CHECK(is_empty(&opts) && !opts.malformed);
	opts = PARSE(true, 1, 1, 1, 0);
	UNIT_CHECK(is_empty(&opts) && !opts.malformed);
}

/* MSS, window scale and SACK-permitted are a SYN's; timestamps stand in any segment (MUST-5) */
UNIT(only_in_a_syn, "what only a SYN may say")
{
	struct xtcp_options opts = PARSE(false, 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7);

	UNIT_CHECK(!opts.mss && !opts.sack_permitted && !opts.has_wscale && !opts.malformed);
	UNIT_CHECK(opts.has_ts && opts.tsval == 1 && opts.tsecr == 2);
}

/* the ACK Rate Request option: each R, the reserved bit, each length, its octets */
UNIT(ack_rate, "the ACK Rate Request option")
{
	static const u8 syn[] = { 2, 4, 0x05, 0xb4, 254, 4, 0, 0xac, 34, 2, 1, 1 };
	static const u8 request[] = { 1, 1, 1, 254, 5, 0, 0xac, 0xfe };
	static const struct xtcp_fastopen_cookie none = {};
	struct xtcp_options opts = { .mss = 1460, .ack_rate = XTCP_ACKRATE_SUPPORTED, .fastopen = &none };
	u8 bytes[XTCP_MAX_OPTIONS] = { 254, 0, 0, 0xac };

	opts.has_fastopen = true;
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(syn) && !memcmp(bytes, syn, sizeof(syn)));
	opts = (struct xtcp_options){ .ack_rate = XTCP_ACKRATE_REQUEST | XTCP_ACKRATE_MAX };
	UNIT_CHECK(xtcp_options_write(bytes, &opts) == sizeof(request) && !memcmp(bytes, request, sizeof(request)));
	for (unsigned int octet = 0; octet < 256; octet++) {
		opts = PARSE(false, 254, 5, 0, 0xac, octet);
		UNIT_CHECK(xtcp_ackrate_is_request(opts.ack_rate) && xtcp_ackrate_of(opts.ack_rate) == octet / 2);
		opts = PARSE(true, 254, 5, 0, 0xac, octet);
		UNIT_CHECK(opts.ack_rate == XTCP_ACKRATE_NONE);
	}
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 254;
	bytes[3] = 0xac;
	for (unsigned int len = 2; len <= XTCP_MAX_OPTIONS; len++) {
		bytes[1] = len;
		opts = parse(bytes, len, true);
		UNIT_CHECK(opts.ack_rate == (len == 4 ? XTCP_ACKRATE_SUPPORTED : XTCP_ACKRATE_NONE));
		opts = parse(bytes, len, false);
		UNIT_CHECK(opts.ack_rate == (len < 4 ? XTCP_ACKRATE_NONE :
					     len == 5 ? XTCP_ACKRATE_REQUEST : XTCP_ACKRATE_MALFORMED));
	}
	opts = PARSE(true, 253, 4, 0, 0xac, 254, 4, 0, 0xad, 254, 4, 0xac, 0);
	UNIT_CHECK(opts.ack_rate == XTCP_ACKRATE_NONE && !opts.malformed);
	/* of several options the last one counts */
	opts = PARSE(false, 254, 5, 0, 0xac, 2, 254, 5, 0, 0xac, 8);
	UNIT_CHECK(opts.ack_rate == (XTCP_ACKRATE_REQUEST | 4));
}

UNIT(values, "shifts above 14, no MSS of zero, the last one counts")
{
	struct xtcp_options opts;

	for (unsigned int shift = 0; shift < 256; shift++) {
		opts = PARSE(true, 3, 3, shift);
		UNIT_CHECK(opts.has_wscale && opts.wscale == (shift > 14 ? 14 : shift));
	}
	opts = PARSE(true, 2, 4, 0, 0);
	UNIT_CHECK(!opts.mss && !opts.malformed);
	opts = PARSE(true, 2, 4, 5, 0xb4, 2, 4, 2, 0x18);
	UNIT_CHECK(opts.mss == 536);
	opts = PARSE(true, 2, 4, 0xff, 0xff);
	UNIT_CHECK(opts.mss == 65535);
}

/* RFC 9768 section 3.2.3: each length, in a copy that ends where its memory ends */
UNIT(accecn_lengths, "an AccECN option of each length (RFC 9768 section 3.2.3)")
{
	struct xtcp_accecn_option option;

	for (unsigned int kind = 172; kind <= 174; kind += 2)
		for (unsigned int len = 0; len <= XTCP_MAX_OPTIONS; len++) {
			u8 *bytes = malloc(XTCP_MAX_OPTIONS);
			unsigned int room = len < 2 ? 2 : len, due = len < 2 ? 0 : (len - 2) / 3;
			u8 *at = bytes + XTCP_MAX_OPTIONS - room;

			for (unsigned int i = 0; i < room; i++)
				at[i] = i;
			at[0] = kind;
			at[1] = len;
			UNIT_CHECK(xtcp_options_find_accecn(at, room, &option) == (len >= 2));
			if (len >= 2) {
				UNIT_CHECK(option.order == (kind == 174) && option.fields == (due < 3 ? due : 3));
				for (unsigned int i = 0; i < option.fields; i++)
					UNIT_CHECK(option.counter[i] == 0x020304U + 0x030303U * i);
			}
			/* cut off by the end of the header */
			if (len > 2)
				UNIT_CHECK(!xtcp_options_find_accecn(at, room - 1, &option));
			UNIT_CHECK(!xtcp_options_find_accecn(at, 1, &option));
			free(bytes);
		}
	UNIT_CHECK(!xtcp_options_find_accecn((const u8 *)"", 0, &option));
	UNIT_CHECK(!xtcp_options_find_accecn((const u8 *)"\0\xac\x02", 3, &option));
	/* the last one counts */
	UNIT_CHECK(xtcp_options_find_accecn((const u8 *)"\xac\x05\0\0\1\1\xae\x05\0\0\2", 11, &option));
	UNIT_CHECK(option.order && option.fields == 1 && option.counter[0] == 2);
}

/* What is written is found again, beside all that it may stand beside. */
UNIT(accecn_round_trip, "AccECN options are found as they were written")
{
	static const u32 counters[3] = { 0x010203, 0xff000000 | 0xfffffe, 0 };
	unsigned int order, fields, ts, blocks, i, size;
	const struct xtcp_sack_block sack[3] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };

	for (order = 0; order < 2; order++)
		for (fields = 0; fields <= 3; fields++)
			for (ts = 0; ts < 2; ts++)
				for (blocks = 0; blocks <= 3; blocks++) {
					struct xtcp_options opts = {
						.accecn = counters, .has_accecn = true, .accecn_order = order,
						.accecn_fields = fields, .has_ts = ts, .sack = sack,
						.sack_blocks = blocks,
					};
					struct xtcp_accecn_option found;
					u8 bytes[60] = { 0 };

					size = xtcp_options_size(&opts);
					UNIT_CHECK(xtcp_options_write(bytes, &opts) == size && !(size & 3));
					UNIT_CHECK(size == 12 * ts + (blocks ? 4 + 8 * blocks : 0) +
							   (fields == 0 ? 4 : fields == 3 ? 12 : 8));
					UNIT_CHECK(xtcp_options_find_accecn(bytes, size, &found));
					UNIT_CHECK(found.order == order && found.fields == fields);
					for (i = 0; i < fields; i++)
						UNIT_CHECK(found.counter[i] == (counters[i] & 0xffffff));
				}
}

/* Random octets, half of them from the kinds and lengths that mean something; the sanitizers are the judge. */
UNIT(fuzz, "random octets")
{
	static const u8 likely[] = { 0, 1, 2, 3, 4, 8, 10, 12, 5, 18, 26, 34, 30, 253, 172, 174, 11 };

	for (unsigned int round = 0; round < 300000; round++) {
		u8 bytes[XTCP_MAX_OPTIONS], again[XTCP_MAX_OPTIONS];
		unsigned int len = unit_random() % (XTCP_MAX_OPTIONS + 1);
		struct xtcp_sack_block sack[XTCP_SACK_BLOCKS_MAX];
		struct xtcp_accecn_option accecn;
		struct xtcp_fastopen_cookie cookie;
		struct xtcp_options opts, second;

		for (unsigned int i = 0; i < len; i++)
			bytes[i] = unit_random() & 1 ? likely[unit_random() % sizeof(likely)] : unit_random();
		xtcp_options_find_accecn(bytes, len, &accecn);
		xtcp_options_find_fastopen(bytes, len, &cookie);
		opts = parse(bytes, len, unit_random() & 1);
		UNIT_CHECK(opts.wscale <= XTCP_WSCALE_MAX);
		UNIT_CHECK(opts.has_ts || (!opts.tsval && !opts.tsecr));
		UNIT_CHECK(opts.sack_blocks <= XTCP_SACK_BLOCKS_MAX);
		for (unsigned int i = 0; i < opts.sack_blocks; i++) {
			UNIT_CHECK(opts.sack_at + 8 * (i + 1) <= len);
			sack[i] = xtcp_options_read_sack(bytes + opts.sack_at + 8 * i);
		}
		/* blocks alone: with the rest of what was understood they may not fit any more */
		if (opts.sack_blocks) {
			struct xtcp_options alone = { .sack = sack, .sack_blocks = opts.sack_blocks };

			second = parse(again, xtcp_options_write(again, &alone), false);
			UNIT_CHECK(second.sack_blocks == opts.sack_blocks);
			opts.sack_blocks = 0;
		}
		/* what was understood can be written and is understood again */
		second = parse(again, xtcp_options_write(again, &opts), true);
		UNIT_CHECK(second.mss == opts.mss && second.has_ts == opts.has_ts && second.tsval == opts.tsval);
		UNIT_CHECK(second.tsecr == opts.tsecr && second.has_wscale == opts.has_wscale);
		UNIT_CHECK(second.wscale == opts.wscale && second.sack_permitted == opts.sack_permitted);
	}
}

/* An option of each length, at the end of the memory that there is; RFC 7413 section 4.1.1. */
UNIT(fastopen_lengths, "a Fast Open option of each length (RFC 7413 section 4.1.1)")
{
	struct xtcp_fastopen_cookie cookie;
	unsigned int len, offset, n;

	for (len = 2; len <= XTCP_MAX_OPTIONS; len++) {
		u8 *memory = malloc(len);

		memory[0] = XTCP_OPT_FASTOPEN;
		memory[1] = len;
		for (n = 2; n < len; n++)
			memory[n] = n;
		n = len - 2;
		UNIT_CHECK(xtcp_options_find_fastopen(memory, len, &cookie) ==
			   (!n || (n % 2 == 0 && n >= 4 && n <= 16)));
		UNIT_CHECK(cookie.len < 0 || (cookie.len == (int)n && !memcmp(cookie.octets, memory + 2, n)));
		for (offset = 0; offset < len; offset++)
			UNIT_CHECK(!xtcp_options_find_fastopen(memory, offset, &cookie) && cookie.len < 0);
		free(memory);
	}
	/* the last one counts, also if it is none; nothing counts behind the end of the list */
	UNIT_CHECK(xtcp_options_find_fastopen((const u8 *)"\x22\x06\1\2\3\4\1\x22\x02", 9, &cookie) && !cookie.len);
	UNIT_CHECK(!xtcp_options_find_fastopen((const u8 *)"\x22\x02\x22\x04\1\2", 6, &cookie));
	UNIT_CHECK(!xtcp_options_find_fastopen((const u8 *)"\0\x22\x02", 3, &cookie));
}

/* A SYN-ACK with all that one may have: no octet too many. */
UNIT(fastopen_round_trip, "Fast Open options are found as they were written")
{
	static const u32 counters[2] = { 1, 0 };
	struct xtcp_fastopen_cookie cookie = { .octets = "sixteen octets.." }, found;
	struct xtcp_options opts = {
		.mss = 1460, .has_ts = true, .sack_permitted = true, .has_wscale = true, .wscale = 7,
		.has_accecn = true, .accecn = counters, .accecn_fields = 2, .has_fastopen = true, .fastopen = &cookie,
	};
	u8 bytes[64];
	unsigned int size;

	for (cookie.len = 0; cookie.len <= XTCP_FASTOPEN_MAX; cookie.len += cookie.len ? 2 : XTCP_FASTOPEN_MIN) {
		size = xtcp_options_write(bytes, &opts);
		UNIT_CHECK(size == xtcp_options_size(&opts) && size % 4 == 0);
		UNIT_CHECK(size <= XTCP_MAX_OPTIONS || cookie.len > XTCP_FASTOPEN_OURS);
		UNIT_CHECK(xtcp_options_find_fastopen(bytes, size, &found) && found.len == cookie.len);
		UNIT_CHECK(!memcmp(found.octets, cookie.octets, cookie.len));
		UNIT_CHECK(parse(bytes, size, true).mss == 1460);
	}
}

/* Behind every number of NOPs, of every length, in copies that end where their memory ends. */
UNIT(md5_lengths, "an MD5 option of each length (RFC 2385 section 2.0)")
{
	const u8 *found;
	u8 *at;

	for (unsigned int before = 0; before <= XTCP_MAX_OPTIONS - 2; before++)
		for (unsigned int len = 0; len <= 40; len++)
			for (unsigned int room = before + 2; room <= XTCP_MAX_OPTIONS; room++) {
				at = malloc(room);
				memset(at, XTCP_OPT_NOP, room);
				at[before] = XTCP_OPT_MD5;
				at[before + 1] = len;
				found = xtcp_options_find_md5(at, room);
				if (len == XTCP_OPTLEN_MD5 && before + len <= room)
					UNIT_CHECK(found == at + before + 2);
				else
					UNIT_CHECK(!found);
				free(at);
			}
	UNIT_CHECK(!xtcp_options_find_md5((const u8 *)"", 0));
	UNIT_CHECK(!xtcp_options_have_signature((const u8 *)"", 0));
	/* the usual SYN; with its last option, or its last four octets, a signature follows */
	UNIT_CHECK(!xtcp_options_have_signature((const u8 *)"\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\0\1\3\3\7", 20));
	UNIT_CHECK(xtcp_options_have_signature((const u8 *)"\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\0\1\35\3\7", 20));
	UNIT_CHECK(xtcp_options_have_signature((const u8 *)"\2\4\5\264\1\1\35\14\0\0\0\1\0\0\0\0\1\1\3\7", 20));
	UNIT_CHECK(xtcp_options_have_signature((const u8 *)
		"\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\0\1\3\3\7\35\4\0\0", 24));
	UNIT_CHECK(!xtcp_options_have_signature((const u8 *)"\2\4\23\35\1\0\23\2", 8));
	UNIT_CHECK(xtcp_options_have_signature((const u8 *)"\1\4\2\23\2", 5));
	UNIT_CHECK(xtcp_options_have_signature((const u8 *)"\1\4\2\35\2", 5));
	UNIT_CHECK(!xtcp_options_have_signature((const u8 *)"\23", 1));
	UNIT_CHECK(!xtcp_options_find_md5((const u8 *)"\23", 1));
	UNIT_CHECK(!xtcp_options_find_md5((const u8 *)"\0\23\x12 sixteen octets.", 20));
	/* as in Linux, the first of them decides */
	UNIT_CHECK(!xtcp_options_find_md5((const u8 *)"\23\3x\23\x12 sixteen octets.", 22));
}

/* TCP-AO at every place, with every length, and room behind it. */
UNIT(ao_found, "TCP-AO of each length (RFC 5925 section 2.2)")
{
	static const u8 twice[] = { 29, 8, 1, 2, 0, 0, 0, 0, 1, 29, 8, 1, 2, 0, 0, 0, 0 };
	static const u8 with_md5[26] = { 19, 18, [18] = 29, 8, 1, 2 };
	struct xtcp_ao_option option;
	enum xtcp_ao_found found;
	u8 *at;

	for (unsigned int before = 0; before <= XTCP_MAX_OPTIONS - 4; before++)
		for (unsigned int len = 0; len <= 40; len++)
			for (unsigned int room = before + 4; room <= XTCP_MAX_OPTIONS; room++) {
				at = malloc(room);
				memset(at, XTCP_OPT_NOP, room);
				at[before] = XTCP_OPT_AO;
				at[before + 1] = len;
				at[before + 2] = 100;
				at[before + 3] = 200;
				found = xtcp_options_find_ao(at, room, &option);
				if (len < 2 || before + len > room)
					UNIT_CHECK(found == XTCP_AO_ABSENT);
				else if (len <= XTCP_OPTLEN_AO_BASE)
					UNIT_CHECK(found == XTCP_AO_MALFORMED);
				else
					UNIT_CHECK(found == XTCP_AO_PRESENT && option.mac == at + before + 4 &&
						   option.maclen == len - 4 && option.keyid == 100 &&
						   option.rnext == 200);
				free(at);
			}
	/* RFC 5925 section 2.2: one signature at most */
	UNIT_CHECK(xtcp_options_find_ao(twice, sizeof(twice), &option) == XTCP_AO_MALFORMED);
	UNIT_CHECK(xtcp_options_find_ao(with_md5, sizeof(with_md5), &option) == XTCP_AO_MALFORMED);
	UNIT_CHECK(xtcp_options_find_ao(with_md5, 18, &option) == XTCP_AO_ABSENT);
}

/* It comes first, with zeros, and NOPs behind it fill up to whole words. */
UNIT(ao_written, "TCP-AO is written in front of all others")
{
	static const u8 first[] = { 29, 14, 7, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 4, 0x05, 0xb4 };
	struct xtcp_options opts = {
		.mss = 1460, .ao_maclen = 10, .ao_keyid = 7, .ao_rnext = 9, .has_ts = true, .sack_permitted = true,
		.has_wscale = true, .wscale = 7,
	};
	struct xtcp_ao_option option;
	u8 bytes[64];
	unsigned int size = xtcp_options_write(bytes, &opts);

	UNIT_CHECK(size == 36 && size == xtcp_options_size(&opts));
	UNIT_CHECK(!memcmp(bytes, first, sizeof(first)));
	UNIT_CHECK(xtcp_options_find_ao(bytes, size, &option) == XTCP_AO_PRESENT);
	UNIT_CHECK(option.mac == bytes + XTCP_OPTIONS_AO_MAC_AT && option.maclen == 10);
	UNIT_CHECK(parse(bytes, size, true).mss == 1460 && parse(bytes, size, true).has_ts);
	/* the longest MAC leaves room for all that a SYN has */
	opts.ao_maclen = XTCP_AO_MAC_MAX;
	UNIT_CHECK(xtcp_options_size(&opts) == XTCP_MAX_OPTIONS);
}

/* It comes first, with zeros. */
UNIT(md5_written, "an MD5 option is written in front of all others")
{
	static const u8 first[] = { 1, 1, 19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 0x05, 0xb4 };
	struct xtcp_options opts = {
		.mss = 1460, .has_md5 = true, .has_ts = true, .sack_permitted = true, .has_wscale = true, .wscale = 7,
	};
	u8 bytes[64];
	unsigned int size = xtcp_options_write(bytes, &opts);

	UNIT_CHECK(size == XTCP_MAX_OPTIONS && size == xtcp_options_size(&opts));
	UNIT_CHECK(!memcmp(bytes, first, sizeof(first)));
	UNIT_CHECK(xtcp_options_find_md5(bytes, size) == bytes + XTCP_OPTIONS_MD5_AT);
	UNIT_CHECK(parse(bytes, size, true).mss == 1460 && parse(bytes, size, true).has_ts);
}

UNIT_MAIN
