/* SPDX-License-Identifier: GPL-2.0 */
/* The checked-in list of differences that are meant, and the comparison. */
#ifndef XTCP_SELFTESTS_DIFF_LIST_H
#define XTCP_SELFTESTS_DIFF_LIST_H

#include <stdbool.h>
#include <stdio.h>

int diff_list_load(FILE *f);
bool diff_list_compare(const char *scenario, const char *family,
		       const char *kernel, const char *xtcp);
bool diff_list_sound(const char *scenario, const char *family, const char *xtcp);
int diff_list_unused(bool all);

#endif
