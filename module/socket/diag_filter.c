// SPDX-License-Identifier: GPL-2.0
/*
 * The filters of inet_diag. This file uses no socket and no clock.
 *
 * A request may contain a program, the attribute INET_DIAG_REQ_BYTECODE. `ss` compiles its filter
 * into such a program. An operation is a struct inet_diag_bc_op and its arguments. Each operation
 * tests a condition. If the condition is true, the next operation lies "yes" octets further on in
 * the program; if it is false, "no" octets. A program that reaches its end accepts the socket. A
 * program that jumps four octets beyond its end refuses the socket.
 *
 * Any user may send a program, so it is checked before it runs. Each operation and its arguments
 * must lie inside the program. Each jump must go forward: to the beginning of an operation, to the
 * end of the program, or four octets beyond the end. So a run takes at most as many steps as the
 * program has operations.
 */
#include "socket/diag_filter.h"

#ifdef __KERNEL__
#include <linux/inet_diag.h>
#include <linux/socket.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <linux/inet_diag.h>
#include <string.h>
#include <sys/socket.h>
#endif
#include <asm/byteorder.h>

/* octets; each jump is a multiple of this */
#define OP_LEN	((unsigned int)sizeof(struct inet_diag_bc_op))

static void note(u8 *notes, unsigned int at)
{
	notes[at / OP_LEN / 8] |= 1 << at / OP_LEN % 8;
}

static bool is_noted(const u8 *notes, unsigned int at)
{
	return notes[at / OP_LEN / 8] & 1 << at / OP_LEN % 8;
}

/* The length of an address of this family, octets; -1: the family is unknown. */
static int octets_of_family(u8 family)
{
	switch (family) {
	case AF_UNSPEC:
		return 0;
	case AF_INET:
		return 4;
	case AF_INET6:
		return 16;
	}
	return -1;
}

/* The length of an operation that compares an address, octets; 0: it is malformed. */
static unsigned int size_of_host(const struct inet_diag_bc_op *op, unsigned int left)
{
	const struct inet_diag_hostcond *cond = (const void *)(op + 1);
	int octets;

	if (left < OP_LEN + sizeof(*cond))
		return 0;
	octets = octets_of_family(cond->family);
	if (octets < 0 || cond->prefix_len > 8 * octets)
		return 0;
	return OP_LEN + sizeof(*cond) + octets;
}

/* The length of an operation with its arguments, octets; 0: it is malformed or unknown. */
static unsigned int size_of_op(const struct inet_diag_bc_op *op, unsigned int left)
{
	switch (op->code) {
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		return OP_LEN;
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_D_EQ:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
		return 2 * OP_LEN;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		return size_of_host(op, left);
	case INET_DIAG_BC_DEV_COND:
		return OP_LEN + sizeof(u32);
	case INET_DIAG_BC_MARK_COND:
		return OP_LEN + sizeof(struct inet_diag_markcond);
	case INET_DIAG_BC_CGROUP_COND:
		return OP_LEN + sizeof(u64);
	}
	return 0;
}

/* Is @op valid by itself? @left: octets from its beginning to the end of the program. */
static bool op_ok(const struct inet_diag_bc_op *op, unsigned int left)
{
	const unsigned int size = size_of_op(op, left);

	if (!size || size > left || op->yes < size || op->yes > left || op->yes % OP_LEN)
		return false;
	/* INET_DIAG_BC_NOP has no condition, so its "no" is never used */
	return op->code == INET_DIAG_BC_NOP || (op->no >= size && op->no <= left + OP_LEN && op->no % OP_LEN == 0);
}

/*
 * May this program run? @program: the program, aligned to four octets. @len: its length, octets.
 * @administrator: the caller has CAP_NET_ADMIN; only then may the program test SO_MARK. @notes:
 * xtcp_diag_filter_notes() octets, all 0. Return: 0; -EINVAL if the program is malformed; -EPERM if
 * it tests SO_MARK and the caller is no administrator.
 */
int xtcp_diag_filter_check(const void *program, unsigned int len, bool administrator, u8 *notes)
{
	const struct inet_diag_bc_op *op;
	unsigned int at;

	if (len < OP_LEN || len % OP_LEN)
		return -EINVAL;
	for (at = 0; at < len; at += op->yes) {
		op = program + at;
		if (!op_ok(op, len - at))
			return -EINVAL;
		if (op->code == INET_DIAG_BC_MARK_COND && !administrator)
			return -EPERM;
		note(notes, at);
	}
	for (at = 0; at < len; at += op->yes) {
		op = program + at;
		if (op->code != INET_DIAG_BC_NOP && at + op->no < len && !is_noted(notes, at + op->no))
			return -EINVAL;
	}
	return 0;
}

/* Are the first @bits bits of both addresses the same? */
static bool prefix_fits(const __be32 *addr, const __be32 *wanted, unsigned int bits)
{
	const unsigned int words = bits / 32;
	u32 differ;

	if (memcmp(addr, wanted, words * sizeof(*addr)))
		return false;
	if (bits % 32 == 0)
		return true;
	differ = __be32_to_cpu(addr[words] ^ wanted[words]);
	return differ >> (32 - bits % 32) == 0;
}

static bool is_mapped(const __be32 *addr)
{
	return !addr[0] && !addr[1] && addr[2] == __cpu_to_be32(0xffff);
}

/*
 * Does an end of a connection fit the condition? A condition for an IPv4 address also fits an
 * IPv4-mapped address of an IPv6 socket.
 */
static bool host_fits(const struct inet_diag_hostcond *cond, const struct xtcp_diag_facts *facts, const __be32 *addr,
		      u16 port)
{
	if (cond->port != -1 && cond->port != port)
		return false;
	if (cond->family == AF_UNSPEC || cond->family == facts->family)
		return prefix_fits(addr, cond->addr, cond->prefix_len);
	return cond->family == AF_INET && is_mapped(addr) && prefix_fits(addr + 3, cond->addr, cond->prefix_len);
}

static bool mark_fits(const struct inet_diag_markcond *cond, u32 mark)
{
	return (mark & cond->mask) == cond->mark;
}

static bool cgroup_fits(const void *wanted, u64 cgroup)
{
	return !memcmp(wanted, &cgroup, sizeof(cgroup));
}

static bool op_fits(const struct inet_diag_bc_op *op, const struct xtcp_diag_facts *facts)
{
	const void *arg = op + 1;

	switch (op->code) {
	case INET_DIAG_BC_JMP:
		return false;
	case INET_DIAG_BC_S_EQ:
		return facts->sport == op[1].no;
	case INET_DIAG_BC_S_GE:
		return facts->sport >= op[1].no;
	case INET_DIAG_BC_S_LE:
		return facts->sport <= op[1].no;
	case INET_DIAG_BC_D_EQ:
		return facts->dport == op[1].no;
	case INET_DIAG_BC_D_GE:
		return facts->dport >= op[1].no;
	case INET_DIAG_BC_D_LE:
		return facts->dport <= op[1].no;
	case INET_DIAG_BC_AUTO:
		return facts->autobound;
	case INET_DIAG_BC_S_COND:
		return host_fits(arg, facts, facts->src, facts->sport);
	case INET_DIAG_BC_D_COND:
		return host_fits(arg, facts, facts->dst, facts->dport);
	case INET_DIAG_BC_DEV_COND:
		return *(const u32 *)arg == facts->ifindex;
	case INET_DIAG_BC_MARK_COND:
		return mark_fits(arg, facts->mark);
	case INET_DIAG_BC_CGROUP_COND:
		return cgroup_fits(arg, facts->cgroup);
	}
	return true;
}

/*
 * Does a connection fit the filter? @program: has passed xtcp_diag_filter_check(). @len: its
 * length, octets. Return: true when the filter accepts the connection.
 */
bool xtcp_diag_filter_accepts(const void *program, unsigned int len, const struct xtcp_diag_facts *facts)
{
	const struct inet_diag_bc_op *op;
	unsigned int at;

	for (at = 0; at < len; at += op_fits(op, facts) ? op->yes : op->no)
		op = program + at;
	return at == len;
}
