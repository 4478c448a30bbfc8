// SPDX-License-Identifier: GPL-2.0
/* What socket() and close() cost under xtcp_run beyond AF_XTCP's own; an instruction is a nanosecond here. */
#include "lib/test.h"

NEEDS_SCRIPTS;

/* ns for socket() and close(), as tools/ask.c says; 0 when it could not. */
static int cost(const char *how)
{
	char *text;
	int ns;

	ns_shell(ns_home(), "%s 1000 >/tmp/run_cost.out", how);
	text = ns_read_file(ns_home(), "/tmp/run_cost.out");
	ns = text ? atoi(text) : 0;
	free(text);
	return ns;
}

int main(void)
{
	int kernel = cost("build/selftests/tools/ask speed"), bare = cost("build/selftests/tools/ask bare"),
	    library = cost("scripts/tools/xtcp_run --preload build/selftests/tools/ask speed"),
	    both = cost("scripts/tools/xtcp_run build/selftests/tools/ask speed"),
	    filter = cost("scripts/tools/xtcp_run build/selftests/tools/ask_static speed");
	/* the debug kernel's own checks are most of what it spends */
	bool judged = !release_is_debug();

	test_begin(2);
	ksft_print_msg("socket() and close(), ns: kernel TCP %d, AF_XTCP %d\n", kernel, bare);
	ksft_print_msg("by the library %d, with the filter below it %d, by the filter alone %d\n", library, both,
		       filter);
	ksft_test_result(bare > 0 && library > 0 && both > 0 &&
			 (!judged || (library < bare + 1000 && both < bare + 1000)),
			 "by the library less than a us more\n");
	ksft_test_result(filter > 0 && (!judged || (filter > bare && filter < bare + 200000)),
			 "by the filter alone less than 200 us more\n");
	ksft_print_cnts();
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
