/* SPDX-License-Identifier: GPL-2.0 */
/* What scripts/bench/profile.sh needs of the program whose instructions it counts. */
#ifndef SELFTESTS_PROFILE_H
#define SELFTESTS_PROFILE_H

/*
 * Begins or ends a span whose instructions scripts/bench/profile/count.c counts: a program has a
 * span on kernel TCP, then one on xtcp. Ends the program where there is no such mark.
 */
void profile_mark(void);

/* Copies the addresses of all functions of the kernel and of the module into the file @name. */
void profile_copy_symbols(const char *name);

#endif
