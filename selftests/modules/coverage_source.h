/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before all else in a module that counts branches. Macros of the kernel ask whether an argument is constant.
 * gcc answers after it has placed the counters, so they show a branch that nothing can reach. Here the answer is known
 * at once: what may be a case label is constant. A macro computes the same for a variable as for a constant, only more
 * slowly. Checks at compile time still ask gcc.
 */
#include <linux/compiler.h>

#undef statically_true
#define statically_true(x) ((__builtin_constant_p)(x) && (x))
#define coverage_is_constant(x) (sizeof(int) == sizeof(*(8 ? (void *)((long)(x) * 0l) : (int *)8)))
#define __builtin_constant_p(x) __builtin_choose_expr(coverage_is_constant(x), (__builtin_constant_p)(x), 0)
