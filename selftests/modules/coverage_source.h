/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Before all else in a module that counts. Macros of the kernel ask whether an argument is constant. gcc answers
 * after it has placed the counters, which then show a branch that nothing can reach. Here the answer is known at once:
 * constant is what a case label may be. A macro makes the same of a constant and of a variable, only less fast. Checks
 * at compile time go on asking gcc.
 */
#include <linux/compiler.h>

#undef statically_true
#define statically_true(x) ((__builtin_constant_p)(x) && (x))
#define coverage_is_constant(x) (sizeof(int) == sizeof(*(8 ? (void *)((long)(x) * 0l) : (int *)8)))
#define __builtin_constant_p(x) __builtin_choose_expr(coverage_is_constant(x), (__builtin_constant_p)(x), 0)
