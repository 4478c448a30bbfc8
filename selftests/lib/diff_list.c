// SPDX-License-Identifier: GPL-2.0
/*
 * The list of differences that are meant. An entry is
 *
 *	scenario 4 6
 *	- label: what kernel TCP gives
 *	+ label: what xtcp gives
 *	= the reason, one line or more
 *
 * for IPv4, IPv6 or both; "since 6.12" or "until 6.1" behind that for the kernels that have the difference, when not
 * all have it. The lines are exact, without wildcards, and have the same label, so an entry covers one observed value;
 * those of a scenario that have one reason stand below each other. An entry whose difference does not occur in every
 * family it names is an error, as is one without a reason.
 */
#include "diff.h"
#include "test.h"

#define MAX_LINES 1024

struct entry {
	char *scenario, *kernel, *xtcp;
	bool reason;
	bool wanted[2], seen[2], ran[2];	/* IPv4, IPv6 */
	int since, until;			/* see release_parse(); 0: not said */
	bool bad_word;
	int line;
};

static struct entry *entries;
static int nr_entries;

/* The label is all before the last ": ", the value what follows. */
static size_t label_length(const char *line)
{
	const char *p, *last = NULL;

	for (p = strstr(line, ": "); p; p = strstr(p + 1, ": "))
		last = p;
	return last ? (size_t)(last - line) : strlen(line);
}

static const char *entry_wrong(const struct entry *e)
{
	size_t k, x;

	if (e->bad_word)
		return "has a word that is none of 4, 6, since 6.12, until 6.1";
	if (!e->wanted[0] && !e->wanted[1])
		return "names neither 4 nor 6";
	if (!e->kernel || !e->xtcp)
		return "lacks a - or a + line";
	if (!e->reason)
		return "has no reason";
	k = label_length(e->kernel);
	x = label_length(e->xtcp);
	if (k != x || strncmp(e->kernel, e->xtcp, k) || !e->kernel[k])
		return "covers more than one observed value";
	if (!strcmp(e->kernel, e->xtcp))
		return "is no difference";
	return NULL;
}

/* "since" or "until", with the series that follows */
static bool take_bound(struct entry *e, const char *word)
{
	int *bound = !strcmp(word, "since") ? &e->since : !strcmp(word, "until") ? &e->until : NULL;
	const char *series = bound ? strtok(NULL, " ") : NULL;

	if (series)
		*bound = release_parse(series);
	return series && *bound;
}

static struct entry *entry_new(char *line, int nr)
{
	char *word = strtok(line, " ");
	struct entry *e;

	entries = realloc(entries, (nr_entries + 1) * sizeof(*entries));
	e = &entries[nr_entries++];
	memset(e, 0, sizeof(*e));
	e->line = nr;
	e->scenario = strdup(word);
	while ((word = strtok(NULL, " "))) {
		if (!strcmp(word, "4"))
			e->wanted[0] = true;
		else if (!strcmp(word, "6"))
			e->wanted[1] = true;
		else if (!take_bound(e, word))
			e->bad_word = true;
	}
	return e;
}

/* One more value that the same line names. */
static struct entry *entry_again(int nr)
{
	struct entry *e;

	entries = realloc(entries, (nr_entries + 1) * sizeof(*entries));
	e = &entries[nr_entries++];
	*e = e[-1];
	e->kernel = NULL;
	e->xtcp = NULL;
	e->line = nr;
	return e;
}

/* @last and those above it that its line names, too. */
static void group_has_reason(struct entry *last, bool has)
{
	const char *named = last->scenario;

	for (; last >= entries && last->scenario == named && !last->reason; last--)
		last->reason = has;
}

/* Those of other kernels are not looked for; what is wrong with one is said everywhere. */
static void keep_own(void)
{
	int series = release_series(), i, n = 0;

	for (i = 0; i < nr_entries; i++)
		if (series >= entries[i].since && (!entries[i].until || series <= entries[i].until))
			entries[n++] = entries[i];
	nr_entries = n;
}

/* Read the list. Return: 0, or -1 after a message. */
int diff_list_load(FILE *f)
{
	struct entry *e = NULL;
	char line[1024];
	int i, nr = 0, bad = 0;

	while (fgets(line, sizeof(line), f)) {
		nr++;
		line[strcspn(line, "\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '-' && e && e->xtcp && !e->reason)
			e = entry_again(nr);
		if (line[0] == '-' && e && !e->kernel && line[1] == ' ')
			e->kernel = strdup(line + 2);
		else if (line[0] == '+' && e && !e->xtcp && line[1] == ' ')
			e->xtcp = strdup(line + 2);
		else if (line[0] == '=' && e)
			group_has_reason(e, strlen(line) > 10);
		else
			e = entry_new(line, nr);
	}
	for (i = 0; i < nr_entries; i++) {
		const char *wrong = entry_wrong(&entries[i]);

		if (wrong) {
			printf("# line %d: %s %s\n", entries[i].line, entries[i].scenario, wrong);
			bad = -1;
		}
	}
	keep_own();
	return bad;
}

static int split(char *text, char **lines)
{
	int n = 0;
	char *save, *p;

	for (p = strtok_r(text, "\n", &save); p && n < MAX_LINES;
	     p = strtok_r(NULL, "\n", &save))
		lines[n++] = p;
	return n;
}

static bool listed(const char *scenario, int v6, const char *k, const char *x)
{
	bool found = false;

	for (int i = 0; i < nr_entries; i++) {
		struct entry *e = &entries[i];

		if (!e->wanted[v6] || strcmp(e->scenario, scenario) || strcmp(e->kernel, k) || strcmp(e->xtcp, x))
			continue;
		e->seen[v6] = true;
		found = true;
	}
	return found;
}

/* A line that no expectation can make good. */
static bool is_failure(const char *line)
{
	return !strncmp(line, "FATAL", 5) || !strncmp(line, "DEADLINE", 8);
}

/* Do two transcripts agree but for listed differences? Others are printed as entries. @family: "ipv4" or "ipv6". */
bool diff_list_compare(const char *scenario, const char *family, const char *kernel, const char *xtcp)
{
	char *ktext = strdup(kernel), *xtext = strdup(xtcp);
	char *k[MAX_LINES], *x[MAX_LINES];
	int nk = split(ktext, k), nx = split(xtext, x);
	int v6 = !strcmp(family, "ipv6"), i;
	bool same = nk > 0;

	for (i = 0; i < nr_entries; i++)
		if (!strcmp(entries[i].scenario, scenario))
			entries[i].ran[v6] = true;
	for (i = 0; i < nk || i < nx; i++) {
		const char *a = i < nk ? k[i] : "(end)";
		const char *b = i < nx ? x[i] : "(end)";

		if (is_failure(a) || is_failure(b) || (strcmp(a, b) && !listed(scenario, v6, a, b))) {
			printf("# %s %d\n# - %s\n# + %s\n", scenario, v6 ? 6 : 4, a, b);
			same = false;
		}
	}
	free(ktext);
	free(xtext);
	return same;
}

/* Is there a transcript, of a scenario that came to its end and met its deadlines? @family: "ipv4" or "ipv6". */
bool diff_list_sound(const char *scenario, const char *family, const char *xtcp)
{
	char *text = strdup(xtcp), *lines[MAX_LINES];
	int n = split(text, lines), i;
	bool sound = n > 0 && n < MAX_LINES;

	for (i = 0; i < n; i++) {
		if (is_failure(lines[i])) {
			printf("# %s %s\n# + %s\n", scenario, family, lines[i]);
			sound = false;
		}
	}
	free(text);
	return sound;
}

/* Prints entries without a difference, and how many. @all: all ran, so an unknown scenario's entry is unused, too. */
int diff_list_unused(bool all)
{
	int i, v6, n = 0;

	for (i = 0; i < nr_entries; i++) {
		for (v6 = 0; v6 < 2; v6++) {
			struct entry *e = &entries[i];

			if (!e->wanted[v6] || e->seen[v6])
				continue;
			if (!all && !e->ran[v6])
				continue;
			printf("# line %d: %s ipv%d no longer differs in '%s'\n",
			       e->line, e->scenario, v6 ? 6 : 4, e->kernel);
			n++;
		}
	}
	return n;
}
