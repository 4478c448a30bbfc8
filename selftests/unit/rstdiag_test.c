// SPDX-License-Identifier: GPL-2.0
/* module/base/wire.h in user space, under the address and undefined-behaviour sanitizers. */
#include <string.h>
#include "base/wire.h"
#include "unit.h"

#define MOST	40	/* octets of text, more than a payload has */

/* Parses a copy that ends where its memory ends, at every alignment, so that a read too far is found. */
static enum xtcp_rstdiag_verdict parse(const u8 *text, u32 len, u32 seg_len, struct xtcp_rstdiag *diag)
{
	enum xtcp_rstdiag_verdict first = XTCP_RSTDIAG_NONE, verdict;

	for (unsigned int offset = 0; offset < 4; offset++) {
		/* the caller has no more of a long text */
		const u32 there = len < XTCP_RSTDIAG_LEN ? len : XTCP_RSTDIAG_LEN;
		u8 *copy = malloc(offset + there);

		if (there)
			memcpy(copy + offset, text, there);
		*diag = (struct xtcp_rstdiag) { };
		verdict = xtcp_rstdiag_parse(copy + offset, len, seg_len, diag);
		free(copy);
		if (!offset)
			first = verdict;
		UNIT_CHECK(verdict == first);
	}
	return first;
}

/* The figures 2 to 4 of the draft, section 5. */
UNIT(figures, "the draft's figures (section 5)")
{
	struct xtcp_rstdiag diag;

	UNIT_CHECK(parse((const u8 *)"\x33\xaa\0\5\0\0\0\0", 8, 8, &diag) == XTCP_RSTDIAG_VALID);
	UNIT_CHECK(diag.code == 5 && diag.pen == 0);
	UNIT_CHECK(parse((const u8 *)"\x33\xaa\0\x10\0\0\0\0", 8, 8, &diag) == XTCP_RSTDIAG_VALID);
	UNIT_CHECK(diag.code == 16 && diag.pen == 0);
	UNIT_CHECK(parse((const u8 *)"\x33\xaa\x04\xd2\0\0\x7e\xd9", 8, 8, &diag) == XTCP_RSTDIAG_VALID);
	UNIT_CHECK(diag.code == 1234 && diag.pen == 32473);
}

UNIT(round_trip, "every code is read back as it was written")
{
	struct xtcp_rstdiag diag;
	u8 text[XTCP_RSTDIAG_LEN + 1];

	for (u32 code = 1; code <= 0xffff; code++) {
		text[XTCP_RSTDIAG_LEN] = 0x5a;
		xtcp_rstdiag_write(text, code);
		UNIT_CHECK(text[XTCP_RSTDIAG_LEN] == 0x5a);
		UNIT_CHECK(xtcp_rstdiag_parse(text, 8, 8, &diag) == XTCP_RSTDIAG_VALID);
		UNIT_CHECK(diag.code == code && !diag.pen);
	}
}

/* SEG.LEN is 8: neither text of another length, nor a FIN or a SYN beside it. */
UNIT(lengths, "SEG.LEN is 8, or the payload is malformed (section 4.1)")
{
	u8 text[MOST] = { 0x33, 0xaa, 0, 5 };
	struct xtcp_rstdiag diag;

	for (u32 len = 0; len <= MOST; len++) {
		for (u32 more = 0; more <= 2; more++) {
			enum xtcp_rstdiag_verdict want = XTCP_RSTDIAG_MALFORMED;

			if (len < 2)
				want = XTCP_RSTDIAG_NONE;
			else if (len == 8 && !more)
				want = XTCP_RSTDIAG_VALID;
			UNIT_CHECK(parse(text, len, len + more, &diag) == want);
			UNIT_CHECK(want == XTCP_RSTDIAG_VALID || (!diag.code && !diag.pen));
		}
	}
	UNIT_CHECK(parse(text, U32_MAX, U32_MAX, &diag) == XTCP_RSTDIAG_MALFORMED);
}

UNIT(code_zero, "code 0 is malformed (section 4.1)")
{
	struct xtcp_rstdiag diag;

	UNIT_CHECK(parse((const u8 *)"\x33\xaa\0\0\0\0\0\0", 8, 8, &diag) == XTCP_RSTDIAG_MALFORMED && !diag.code);
	UNIT_CHECK(parse((const u8 *)"\x33\xaa\0\0\0\0\x7e\xd9", 8, 8, &diag) == XTCP_RSTDIAG_MALFORMED && !diag.pen);
}

/* Any other first two octets are text of somebody else, of whatever length. */
UNIT(other_text, "text without the magic number is no payload")
{
	struct xtcp_rstdiag diag;
	u8 text[MOST] = { };

	for (u32 magic = 0; magic <= 0xffff; magic++) {
		text[0] = magic >> 8;
		text[1] = magic;
		if (magic == XTCP_RSTDIAG_MAGIC)
			continue;
		for (u32 len = 0; len <= 9; len++)
			UNIT_CHECK(xtcp_rstdiag_parse(text, len, len, &diag) == XTCP_RSTDIAG_NONE);
	}
}

/* Each reason of the API has a code, or no RST of ours has it; a number beyond them has none. */
UNIT(codes, "reasons and their codes")
{
	u32 reason, with = 0;

	for (reason = 0; reason <= XTCP_ABORT_KEEPALIVE_ALWAYS; reason++)
		with += xtcp_rstdiag_code_of(reason) != XTCP_RSTDIAG_NO_CODE;
	UNIT_CHECK(with == 13);
	UNIT_CHECK(xtcp_rstdiag_code_of(XTCP_ABORT_UNREAD) == 2);
	UNIT_CHECK(xtcp_rstdiag_code_of(XTCP_ABORT_LINGER) == 3);
	UNIT_CHECK(xtcp_rstdiag_code_of(XTCP_ABORT_ORPHANS) == 12);
	UNIT_CHECK(xtcp_rstdiag_code_of(XTCP_ABORT_IDLE) == 16);
	UNIT_CHECK(!xtcp_rstdiag_code_of(XTCP_ABORT_NONE) && !xtcp_rstdiag_code_of(XTCP_ABORT_RESET));
}

/* What is valid is what a second, plain reading of the octets says. */
UNIT(fuzz, "random octets")
{
	u32 round, i, len, seg_len, valid = 0;
	struct xtcp_rstdiag diag;
	u8 text[MOST];

	for (round = 0; round < 200000; round++) {
		for (i = 0; i < MOST; i++)
			text[i] = unit_random() % 4 ? unit_random() : 0;
		if (unit_random() % 8) {
			text[0] = 0x33;
			text[1] = 0xaa;
		}
		len = unit_random() % 4 ? 8 : unit_random() % (MOST + 1);
		seg_len = len + (unit_random() % 16 ? 0 : unit_random() % 3);
		if (parse(text, len, seg_len, &diag) != XTCP_RSTDIAG_VALID) {
			UNIT_CHECK(!diag.code && !diag.pen);
			UNIT_CHECK(len != 8 || seg_len != 8 || text[0] != 0x33 || text[1] != 0xaa ||
				   (!text[2] && !text[3]));
			continue;
		}
		valid++;
		UNIT_CHECK(len == 8 && seg_len == 8 && text[0] == 0x33 && text[1] == 0xaa);
		UNIT_CHECK(diag.code && diag.code == text[2] * 256 + text[3]);
		UNIT_CHECK(diag.pen == ((u32)text[4] << 24 | text[5] << 16 | text[6] << 8 | text[7]));
	}
	UNIT_CHECK(valid > 100000);
}

UNIT_MAIN
