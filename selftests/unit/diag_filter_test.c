// SPDX-License-Identifier: GPL-2.0
/*
 * module/socket/diag.c in user space: what operations on ports and addresses accept, programs that must not run, and
 * random ones, which have to end at one of their two ends. The other operations: see/listing_filter.c.
 */
#include <arpa/inet.h>
#include <asm/byteorder.h>
#include <errno.h>
#include <string.h>
#include <linux/inet_diag.h>
#include <sys/socket.h>
#include "unit.h"
#include "diag_filter.part.h"

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define REFUSE		0xffff	/* "no" of an operation: four octets beyond the end */

static struct {
	_Alignas(8) u8 octets[65536];
	unsigned int len;
} program;

static __be32 src[4], dst[4];
static struct xtcp_diag_facts facts;

static void begin(u8 family)
{
	program.len = 0;
	facts = (struct xtcp_diag_facts) {
		.src = src, .dst = dst, .sport = 80, .dport = 40000, .family = family, .cgroup = 0x100000002ULL,
		.ifindex = 3, .mark = 0xa5,
	};
	if (family == AF_INET) {
		inet_pton(AF_INET, "10.9.8.7", src);
		inet_pton(AF_INET, "192.0.2.1", dst);
	} else {
		inet_pton(AF_INET6, "2001:db8::5", src);
		inet_pton(AF_INET6, "::ffff:192.0.2.1", dst);
	}
}

/* An operation with its argument; "yes" is what follows. Returns where it is. */
static unsigned int add(u8 code, const void *arg, unsigned int len, u16 no)
{
	const unsigned int at = program.len;
	const struct inet_diag_bc_op op = { .code = code, .yes = sizeof(op) + len, .no = no };

	memcpy(program.octets + at, &op, sizeof(op));
	if (len)
		memcpy(program.octets + at + sizeof(op), arg, len);
	program.len += sizeof(op) + len;
	return at;
}

static struct inet_diag_bc_op *op_at(unsigned int at)
{
	return (void *)(program.octets + at);
}

/* Operations with "no" REFUSE go there. */
static void end(void)
{
	for (unsigned int at = 0; at < program.len; at += op_at(at)->yes)
		if (op_at(at)->no == REFUSE)
			op_at(at)->no = program.len - at + 4;
}

/* In memory of its own, so that the sanitizer sees each octet beyond it. */
static int check(bool administrator)
{
	void *copy = malloc(program.len);
	u8 *notes = calloc(1, NOTES_LEN(program.len));
	int err;

	memcpy(copy, program.octets, program.len);
	err = xtcp_diag_filter_check(copy, program.len, administrator, notes);
	free(notes);
	free(copy);
	return err;
}

static bool accepts(void)
{
	void *copy = malloc(program.len);
	bool fits;

	memcpy(copy, program.octets, program.len);
	fits = xtcp_diag_filter_accepts(copy, program.len, &facts);
	free(copy);
	return fits;
}

static void add_port(u8 code, u16 port)
{
	const struct inet_diag_bc_op arg = { .no = port };

	add(code, &arg, sizeof(arg), REFUSE);
}

static void add_host(u8 code, u8 family, const char *addr, u8 prefix, int port)
{
	struct {
		struct inet_diag_hostcond cond;
		u8 addr[16];
	} arg = { .cond = { .family = family, .prefix_len = prefix, .port = port } };

	if (addr)
		inet_pton(family, addr, arg.addr);
	add(code, &arg, sizeof(arg.cond) + (family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0), REFUSE);
}

static bool alone(void)
{
	end();
	UNIT_CHECK(!check(true));
	return accepts();
}

static bool port_fits(u8 code, u16 port)
{
	begin(AF_INET);
	add_port(code, port);
	return alone();
}

UNIT(ports, "ports")
{
	static const struct {
		u8 code;
		u16 port;
		bool fits;
	} rows[] = {
		{ INET_DIAG_BC_S_EQ, 80, true }, { INET_DIAG_BC_S_EQ, 81, false },
		{ INET_DIAG_BC_S_GE, 80, true }, { INET_DIAG_BC_S_GE, 81, false },
		{ INET_DIAG_BC_S_LE, 80, true }, { INET_DIAG_BC_S_LE, 79, false },
		{ INET_DIAG_BC_D_EQ, 40000, true }, { INET_DIAG_BC_D_EQ, 80, false },
		{ INET_DIAG_BC_D_GE, 40000, true }, { INET_DIAG_BC_D_GE, 40001, false },
		{ INET_DIAG_BC_D_LE, 40000, true }, { INET_DIAG_BC_D_LE, 39999, false },
	};

	for (unsigned int i = 0; i < COUNT(rows); i++)
		UNIT_CHECK(port_fits(rows[i].code, rows[i].port) == rows[i].fits);
}

static bool fits_host(u8 family, u8 code, u8 cond_family, const char *addr, u8 prefix, int port)
{
	begin(family);
	add_host(code, cond_family, addr, prefix, port);
	return alone();
}

UNIT(hosts, "addresses")
{
	static const struct {
		u8 family, code, cond_family;
		const char *addr;
		u8 prefix;
		int port;
		bool fits;
	} rows[] = {
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "10.9.8.7", 32, -1, true },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "10.9.8.6", 32, -1, false },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "10.9.8.6", 31, -1, true },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "10.9.0.0", 16, 80, true },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "10.9.0.0", 16, 40000, false },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "10.10.0.0", 16, -1, false },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "128.0.0.0", 1, -1, false },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_INET, "255.255.255.255", 0, -1, true },
		{ AF_INET, INET_DIAG_BC_D_COND, AF_INET, "192.0.2.1", 32, 40000, true },
		{ AF_INET, INET_DIAG_BC_D_COND, AF_INET, "192.0.2.1", 32, 80, false },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_UNSPEC, NULL, 0, 80, true },
		{ AF_INET, INET_DIAG_BC_S_COND, AF_UNSPEC, NULL, 0, 65536 + 80, false },
		{ AF_INET, INET_DIAG_BC_D_COND, AF_INET6, "::ffff:192.0.2.1", 128, -1, false },
		{ AF_INET6, INET_DIAG_BC_S_COND, AF_INET6, "2001:db8::5", 128, -1, true },
		{ AF_INET6, INET_DIAG_BC_S_COND, AF_INET6, "2001:db8::4", 127, -1, true },
		{ AF_INET6, INET_DIAG_BC_S_COND, AF_INET6, "2001:db8:0:0:1::", 64, -1, true },
		{ AF_INET6, INET_DIAG_BC_S_COND, AF_INET6, "2001:db8:0:0:1::", 80, -1, false },
		{ AF_INET6, INET_DIAG_BC_S_COND, AF_INET, "10.9.8.7", 32, -1, false },
		{ AF_INET6, INET_DIAG_BC_D_COND, AF_INET, "192.0.2.0", 24, -1, true },
		{ AF_INET6, INET_DIAG_BC_D_COND, AF_INET, "192.0.3.0", 24, -1, false },
		{ AF_INET6, INET_DIAG_BC_D_COND, AF_INET, "0.0.0.0", 0, -1, true },
		{ AF_INET6, INET_DIAG_BC_S_COND, AF_INET, "0.0.0.0", 0, -1, false },
	};

	for (unsigned int i = 0; i < COUNT(rows); i++) {
		bool fits = fits_host(rows[i].family, rows[i].code, rows[i].cond_family, rows[i].addr, rows[i].prefix,
				      rows[i].port);

		if (fits != rows[i].fits)
			ksft_print_msg("row %u\n", i);
		UNIT_CHECK(fits == rows[i].fits);
	}
}

static int raw(const void *octets, unsigned int len)
{
	memcpy(program.octets, octets, len);
	program.len = len;
	return check(true);
}

#define RAW(...)	raw((const u8[]) { __VA_ARGS__ }, sizeof((const u8[]) { __VA_ARGS__ }))

/* code, yes, no (two octets, least first) */
UNIT(bad_programs, "programs that must not run")
{
	UNIT_CHECK(raw("", 0) == -EINVAL);
	UNIT_CHECK(RAW(0) == -EINVAL);
	UNIT_CHECK(RAW(0, 4, 0) == -EINVAL);
	UNIT_CHECK(RAW(0, 4, 0, 0) == 0);
	/* no multiple of four */
	UNIT_CHECK(RAW(0, 4, 0, 0, 0, 4) == -EINVAL);
	UNIT_CHECK(RAW(0, 6, 0, 0, 0, 0) == -EINVAL);
	/* no such operation */
	UNIT_CHECK(RAW(14, 4, 4, 0) == -EINVAL);
	UNIT_CHECK(RAW(255, 4, 4, 0) == -EINVAL);
	/* "yes" stays, goes into the operation, or outside */
	UNIT_CHECK(RAW(0, 0, 0, 0) == -EINVAL);
	UNIT_CHECK(RAW(0, 2, 0, 0) == -EINVAL);
	UNIT_CHECK(RAW(0, 8, 0, 0) == -EINVAL);
	UNIT_CHECK(RAW(0, 252, 0, 0) == -EINVAL);
	UNIT_CHECK(RAW(0, 5, 0, 0, 0, 4, 0, 0) == -EINVAL);
	/* the same with "no" */
	UNIT_CHECK(RAW(1, 4, 0, 0) == -EINVAL);
	UNIT_CHECK(RAW(1, 4, 4, 0) == 0);
	UNIT_CHECK(RAW(1, 4, 8, 0) == 0);
	UNIT_CHECK(RAW(1, 4, 6, 0) == -EINVAL);
	UNIT_CHECK(RAW(1, 4, 12, 0) == -EINVAL);
	UNIT_CHECK(RAW(1, 4, 252, 255) == -EINVAL);
	UNIT_CHECK(RAW(1, 4, 255, 255) == -EINVAL);
	/* its argument is cut off */
	UNIT_CHECK(RAW(11, 4, 8, 0) == -EINVAL);
	UNIT_CHECK(RAW(11, 8, 8, 0) == -EINVAL);
	UNIT_CHECK(RAW(11, 8, 8, 0, 0, 0, 80, 0) == 0);
	UNIT_CHECK(RAW(9, 8, 8, 0) == -EINVAL);
	UNIT_CHECK(RAW(10, 12, 12, 0, 0, 0, 0, 0) == -EINVAL);
	UNIT_CHECK(RAW(13, 12, 12, 0, 0, 0, 0, 0) == -EINVAL);
	/* "no" goes into an argument: 8 is inside, 12 is not */
	UNIT_CHECK(RAW(1, 4, 8, 0, 11, 8, 8, 0, 0, 0, 80, 0) == -EINVAL);
	UNIT_CHECK(RAW(1, 4, 12, 0, 11, 8, 8, 0, 0, 0, 80, 0) == 0);
	/* "no" goes where "yes" goes past */
	UNIT_CHECK(RAW(1, 8, 4, 0, 0, 4, 0, 0) == -EINVAL);
	/* an address: without a condition, cut off, of no family, with too long a prefix */
	UNIT_CHECK(RAW(7, 12, 12, 0) == -EINVAL);
	UNIT_CHECK(RAW(7, 12, 12, 0, 0, 0, 0, 0, 255, 255, 255, 255) == 0);
	UNIT_CHECK(RAW(7, 12, 12, 0, 0, 1, 0, 0, 255, 255, 255, 255) == -EINVAL);
	UNIT_CHECK(RAW(7, 12, 12, 0, 1, 0, 0, 0, 255, 255, 255, 255) == -EINVAL);
	UNIT_CHECK(RAW(7, 12, 12, 0, 2, 0, 0, 0, 255, 255, 255, 255) == -EINVAL);
	UNIT_CHECK(RAW(7, 16, 16, 0, 2, 32, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4) == 0);
	UNIT_CHECK(RAW(7, 16, 16, 0, 2, 33, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4) == -EINVAL);
	UNIT_CHECK(RAW(7, 16, 16, 0, 10, 32, 0, 0, 255, 255, 255, 255, 1, 2, 3, 4) == -EINVAL);
}

/* What the check must find, in another way: is there an operation at @wanted? */
static bool is_reached(unsigned int wanted)
{
	unsigned int at;

	for (at = 0; at < wanted; at += op_at(at)->yes)
		;
	return at == wanted;
}

static void random_program(void)
{
	const unsigned int ops = 1 + unit_random() % 12;
	u8 arg[24];

	begin(unit_random() % 2 ? AF_INET : AF_INET6);
	for (unsigned int i = 0; i < ops; i++) {
		for (unsigned int j = 0; j < sizeof(arg); j++)
			arg[j] = unit_random() % 4 ? 0 : unit_random();
		arg[0] = unit_random() % 2 ? AF_INET : arg[0];
		add(unit_random() % 14, arg, unit_random() % 4 * 4, 4 * (1 + unit_random() % 8));
	}
	if (unit_random() % 4)
		end();
	if (unit_random() % 4 == 0)
		program.octets[unit_random() % program.len] = unit_random();
}

UNIT(anything, "random programs")
{
	unsigned int i, at, good = 0;

	for (i = 0; i < 2000000; i++) {
		random_program();
		if (check(true))
			continue;
		good++;
		for (at = 0; at < program.len; at += op_at(at)->yes)
			UNIT_CHECK(op_at(at)->code == INET_DIAG_BC_NOP || at + op_at(at)->no >= program.len ||
				   is_reached(at + op_at(at)->no));
		UNIT_CHECK(at == program.len);
		accepts();
	}
	UNIT_CHECK(good > 1000);
}

UNIT_MAIN
