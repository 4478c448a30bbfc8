/* SPDX-License-Identifier: GPL-2.0 */
/* Rows that are lines for the shell, each with all that it has to print. */
#pragma once

#include <stdbool.h>

struct shell_row {
	const char *name;
	const char *line;
	const char *prints;
	int status;
};

/* What lines find set: programs of tools/, xtcp_run, and how to be nobody. */
#define SHELL_ENV	"export A=build/selftests/tools/ask S=build/selftests/tools/ask_static "	\
			"R=scripts/tools/xtcp_run C=build/selftests/tools/carried "			\
			"D=build/selftests/tools/deny H=build/selftests/tools/holds "			\
			"NOBODY='setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp'; "

/* Run it, in the namespace where the test is. Return: whether all is as the row says; if not, it is printed. */
bool shell_row_right(const struct shell_row *row);

/* Two results: what is behind the programs ends, and nothing holds the module. SIGALRM ends the test otherwise. */
void shell_rows_end(void);
