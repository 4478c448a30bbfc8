/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's min() and max(), which want both sides of one type. */
#ifndef UNIT_LINUX_MINMAX_H
#define UNIT_LINUX_MINMAX_H

#define unit_choose(a, op, b)						\
	({								\
		__typeof__(a) unit_a = (a);				\
		__typeof__(b) unit_b = (b);				\
									\
		_Static_assert(__builtin_types_compatible_p(__typeof__(unit_a), __typeof__(unit_b)), "types");	\
		unit_a op unit_b ? unit_a : unit_b;			\
	})

#define min(a, b)	unit_choose(a, <, b)
#define max(a, b)	unit_choose(a, >, b)
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define max3(a, b, c)	max(max(a, b), c)
#define clamp(value, low, high)	min(max(value, low), high)

#endif /* UNIT_LINUX_MINMAX_H */
