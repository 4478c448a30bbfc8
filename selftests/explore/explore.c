// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios of connections by the thousand (`make explore`):
 *
 *	explore [-v] [-c] [-l] [-m] [-s] [-u WORDS] FIRST [COUNT]
 *	explore [-v] [-c] [-s] [-u WORDS] FILE
 *
 * Plays the scenarios of COUNT seeds (1) from FIRST on, or of the rows in FILE. -v shows the packets of the last seed,
 * or of all rows. -c also plays each with kernel TCP at both ends, and compares. -l plays seeds with both ends on one
 * machine, by the short way, where nothing is on a wire and can be judged. -m lets connections of seeds move to other
 * sockets, and, if XTCP_B_KO names it, a second build take over listeners; if XTCP_AIMD_KO and XTCP_AIMD_V2_KO
 * name them, modules of a congestion control take each other's place. -s makes the first one that fails as small
 * as it can, and prints its row; with -u, the first one that fails with these words. -u ends after that one. This
 * program is both ends and the network between them. Each scenario must keep these rules, and breaches on the wire are
 * told first, since others may follow from them:
 *
 *	octets	an end reads the octets that the other one wrote, all of them after an orderly end; errno fits
 *	wire	each segment keeps the rules of an independent judge (judge.h)
 *	progress	the scenario ends, and nothing stands still for longer than losses explain
 *	close	octets written before close() arrive, and an end that wrote nothing gets no reset
 *	end	an orderly connection leaves nothing but TIME-WAIT
 *	counters	/proc counts the segments that were on the wire
 *	info	TCP_INFO of each connection agrees with the wire whenever no packet is on its way
 *	views	so do netlink and /proc; and the tracepoint of sent segments agrees with the counters
 *	pace	with -c: takes less than twice the time of kernel TCP, in the median of some rounds
 *	state	when all connections have ended, xtcp has given back all that it had, and does nothing any more
 *	log	the kernel does not complain
 *
 * Needs virtual time: in real time the load on the machine would change the results.
 */
#include <ctype.h>
#include "play.h"
#include "test.h"

/* A rest takes a minute of virtual time, so some scenarios end with the same one. */
#define REST_EVERY	50

static bool verbose, compares, local, live, shrinks, shows;
static int failed;
static unsigned long long played, first_seed;	/* 0: plays rows */
static const char *until;
static bool is_found;

/* A namespace keeps some objects that its first connection made. */
static void warm_up(void)
{
	struct scenario s;
	uint64_t seed = 0;
	char why[TRIAL_WHY];

	do {
		scenario_make(&s, ++seed);
	} while (s.stack[CLIENT] != XTCP || s.stack[SERVER] != XTCP || !scenario_is_orderly(&s));
	trial_play(&s, false, why);
	play_timewait();
}

/* A scenario may fail only after those before it; explore.sh makes a command of this line. */
static void say_again(unsigned long long number)
{
	if (first_seed < number)
		printf("#  again: --only %llu-%llu\n", first_seed, number);
	else
		printf("#  again: --only %llu\n", number);
}

static void fail(const struct scenario *s, const char *what, unsigned long long number, const char why[TRIAL_WHY])
{
	failed++;
	is_found = until && strstr(why, until);
	printf("not ok - %s %llu: %s\n", what, number, why);
	if (first_seed && !shrinks && !verbose)
		say_again(number);
	if (!shrinks || (until && !is_found))
		return;
	shrink(s, compares, why);
	shrinks = false;
}

static void say_row(const struct scenario *s)
{
	printf("#   ");
	scenario_write(s, stdout);
}

static void explore(const struct scenario *s, const char *what, unsigned long long number)
{
	char why[TRIAL_WHY];

	played++;
	play_name(what, number);
	trial_play(s, compares, why);
	if (shows)
		printf("# shown from %lld us\n", play_shown_us());
	if (why[0] || shows)
		say_row(s);
	if (why[0])
		fail(s, what, number, why);
}

/* Scenarios since the last rest. */
static struct {
	struct scenario s;
	unsigned long long number;
} group[REST_EVERY];
static int grouped;

/* Which one left something behind? Plays all of them once more, each with a rest. */
static void blame(const char *what, char why[TRIAL_WHY])
{
	char again[TRIAL_WHY];
	int i;

	trial_rest_each(true);
	for (i = 0; i < grouped; i++) {
		play_name(what, group[i].number);
		trial_play(&group[i].s, compares, again);
		if (strncmp(again, why, strcspn(why, ":") + 1))
			continue;
		say_row(&group[i].s);
		fail(&group[i].s, what, group[i].number, again);
		break;
	}
	trial_rest_each(false);
	if (i < grouped)
		return;
	printf("# one of the scenarios from %s %llu on, none alone\n", what, group[0].number);
	fail(&group[grouped - 1].s, what, group[grouped - 1].number, why);
}

static void rest(const char *what)
{
	char why[TRIAL_WHY];

	if (grouped && !is_found && !trial_rest(why))
		blame(what, why);
	grouped = 0;
}

static void explore_next(const struct scenario *s, const char *what, unsigned long long number)
{
	group[grouped].s = *s;
	group[grouped++].number = number;
	explore(s, what, number);
	if (grouped == REST_EVERY && !is_found)
		rest(what);
}

static void explore_seeds(unsigned long long first, unsigned long long count)
{
	struct scenario s;
	unsigned long long n;

	first_seed = first;
	for (n = 0; n < count && !is_found; n++) {
		scenario_make(&s, first + n);
		if (local)
			scenario_make_local(&s);
		if (live)
			scenario_make_live(&s);
		shows = verbose && n == count - 1;
		play_show(shows);
		explore_next(&s, "seed", first + n);
	}
	rest("seed");
}

static void explore_rows(const char *path)
{
	FILE *file = fopen(path, "r");
	struct scenario s;
	char row[4096];

	must(file, path);
	shows = verbose;
	play_show(shows);
	for (int number = 1; !is_found && fgets(row, sizeof(row), file); number++) {
		if (row[0] == '#' || row[strspn(row, " \t\n")] == 0)
			continue;
		must(!scenario_read(&s, row), path);
		explore_next(&s, "row", number);
	}
	fclose(file);
	rest("row");
}

int main(int argc, char **argv)
{
	static char text[16 << 20]; /* a write between two packets would take time */
	char why[TRIAL_WHY];
	bool seeds;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		verbose |= !strcmp(argv[1], "-v");
		compares |= !strcmp(argv[1], "-c");
		local |= !strcmp(argv[1], "-l");
		live |= !strcmp(argv[1], "-m");
		shrinks |= !strcmp(argv[1], "-s");
		if (!strcmp(argv[1], "-u") && argc > 2) {
			until = argv[2];
			argc--;
			argv++;
		}
	}
	seeds = argc > 1 && isdigit(argv[1][0]);
	if (argc < 2 || argc > (seeds ? 3 : 2))
		ksft_exit_fail_msg("Usage: explore [-v] [-c] [-l] [-m] [-s] [-u WORDS] FIRST [COUNT] | FILE\n");
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, verbose ? text : NULL, verbose ? _IOFBF : _IOLBF, verbose ? sizeof(text) : 0);
	must(module_is_loaded() || !module_load(""), "xtcp.ko");
	must(!live || !getenv("XTCP_B_KO") || !module_second_load(""), MODULE_SECOND);
	play_open();
	trial_begin();
	warm_up();
	trial_begin();
	if (seeds)
		explore_seeds(strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
	else
		explore_rows(argv[1]);
	play_name("the end of", played);
	play_show(false);
	if (!is_found && !trial_end(why)) {
		failed++;
		printf("not ok - all of %s%s%s: %s\n", argv[1], argc > 2 ? ", " : "", argc > 2 ? argv[2] : "", why);
	}
	if (module_second_is_loaded() && module_second_unload()) {
		failed++;
		printf("not ok - all of %s: state: " MODULE_SECOND " is held\n", argv[1]);
	}
	if (local && seeds && !play_was_local()) {
		failed++;
		printf("not ok - all of %s: nothing took the short way\n", argv[1]);
	}
	if (live && played >= 100 && (!play_repairs || !play_upgrades || (getenv("XTCP_AIMD_KO") && !play_replaced))) {
		failed++;
		printf("not ok - all of %s: connections moved: %llu, listeners: %llu, algorithms replaced: %llu\n",
		       argv[1], play_repairs, play_upgrades, play_replaced);
	}
	printf("# %llu scenarios, %llu octets, %d failed\n", played, play_octets, failed);
	return failed ? KSFT_FAIL : KSFT_PASS;
}
