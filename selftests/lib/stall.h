/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Holds the kernel up in one of its functions, so that what is done on another processor meanwhile happens in the
 * middle of it. A BPF program at the function's beginning (a kprobe) computes until it is let go.
 */
#pragma once

#include <stdbool.h>

/*
 * The next call of @function is held up whose first argument is a sock of this local port, for @ms milliseconds at
 * most. False: the kernel cannot, and *@why says what it lacks.
 */
bool stall_begin(const char *function, int port, int ms, const char **why);

/* Has a call come? */
bool stall_has_begun(void);

/* Lets it go. False: it went on before. */
bool stall_let_go(void);

/* The same, by a thread, after a time in which what does not have to wait is over. */
void *stall_let_go_soon(void *arg);

/* Nothing is held up any more. */
void stall_end(void);
