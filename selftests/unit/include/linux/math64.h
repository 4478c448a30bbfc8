/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's divisions of 64 by 32 bits, which it cannot write as such on 32-bit machines. */
#ifndef UNIT_LINUX_MATH64_H
#define UNIT_LINUX_MATH64_H

#include <linux/types.h>

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline u64 mul_u64_u32_shr(u64 a, u32 mul, unsigned int shift)
{
	u64 high = (a >> 32) * mul, low = (a & 0xffffffff) * mul;

	/* as far as 64 bits hold the result: bits that are shifted out carry nothing upwards */
	high += low >> 32;
	return shift < 32 ? high << (32 - shift) | (low & 0xffffffff) >> shift : high >> (shift - 32);
}

#endif /* UNIT_LINUX_MATH64_H */
