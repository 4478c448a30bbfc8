// SPDX-License-Identifier: GPL-2.0
#include "shellrows.h"
#include "test.h"

NEEDS_PROGRAMS("setpriv");

bool shell_row_right(const struct shell_row *row)
{
	char out[40], *text;
	bool right;
	int status;

	snprintf(out, sizeof(out), "/tmp/rows.%d", getpid());
	status = ns_shell(ns_home(), "{ " SHELL_ENV "%s ; } >%s", row->line, out);
	text = ns_read_file(ns_home(), out) ?: strdup("");
	right = !strcmp(text, row->prints) && status == row->status;
	if (!right)
		ksft_print_msg("%s\nstatus %d, printed:\n%s", row->line, status, text);
	free(text);
	unlink(out);
	return right;
}

void shell_rows_end(void)
{
	alarm(STACK_DEADLINE_MS / 1000);
	while (wait(NULL) > 0)
		;
	alarm(0);
	ksft_test_result(!module_unload(), "nobody is left, and the module goes\n");
	ksft_test_result(!module_load(""), "and comes\n");
}
