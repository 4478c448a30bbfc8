// SPDX-License-Identifier: GPL-2.0
/*
 * What can be seen of xtcp: the rows of /proc/net/xtcp and xtcp6, which are compared with what the same connections
 * show on kernel TCP; the counter files; stock ss and nstat; the events of queues and drops;
 * xtcp-watch beside traffic; xtcp_run.
 */
#include "see.h"
#include "test.h"

NEEDS_MODULE;
NEEDS_SCRIPTS;

int main(int argc, char **argv)
{
	static char self[PATH_MAX];
	unsigned int i;

	if (argc == 2 && !strcmp(argv[1], "--run"))
		return see_be_run();
	see_begin(26 + stack_count() * 7);
	see_first_lines();
	for (i = 2 * stack_first(); i < SEE_VIEWS; i++)
		see_rows(&see_views[i]);
	if (stack_first() == KERNEL)
		see_mapped_rows(KERNEL6, KERNEL4);
	see_mapped_rows(XTCP6, XTCP4);
	see_long_listing();
	see_listing_held();
	for (i = 2 * stack_first(); i < SEE_VIEWS; i += 2)
		see_sockstat(&see_views[i]);
	see_counter_names();
	see_ss();
	for (i = 2 * stack_first(); i < SEE_VIEWS; i++)
		see_ss_info(&see_views[i]);
	see_ss_kill();
	see_ss_set();
	see_ss_netlink();
	for (i = 2 * stack_first(); i < SEE_VIEWS; i += 2)
		see_filters(&see_views[i], &see_views[i + 1]);
	see_nstat();
	see_queues(XTCP4);
	see_queues(XTCP6);
	see_syn_options(XTCP4);
	see_syn_options(XTCP6);
	see_syn_dropped(XTCP4);
	see_syn_dropped(XTCP6);
	see_watch();
	/* argv[0] may be that of another folder: needs.c */
	see_must(realpath("/proc/self/exe", self) ? 0 : -1, "realpath");
	see_run(self);
	return see_end();
}
