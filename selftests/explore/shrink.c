// SPDX-License-Identifier: GPL-2.0
/* Makes a scenario smaller while it breaks the same rule: without fields, smaller numbers, listed losses, fewer. */
#include <ctype.h>
#include "play.h"
#include "test.h"

#define PLAYS	600
#define LONG_STEPS	10000	/* a play counts once more for so many steps */
#define TRIES	8	/* a seed may fail by chance, which differs each time */

struct shrinking {
	struct scenario best;
	struct drops lost[SIDES];	/* packets that chance took from it */
	char why[TRIAL_WHY];
	bool compares, is_smaller;
	int plays, tries;
};

static bool are_alike(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit(*a) && isdigit(*b)) {
			a += strspn(a, "0123456789");
			b += strspn(b, "0123456789");
		} else if (*a++ != *b++) {
			return false;
		}
	}
	return *a == *b;
}

/* Plays it once. Does it break the same rule? */
static bool fails(struct shrinking *h, const struct scenario *candidate, char why[TRIAL_WHY])
{
	trial_play(candidate, h->compares, why);
	h->plays += 1 + play_steps() / LONG_STEPS;
	return are_alike(why, h->why);
}

/* Does @candidate break the rule, too? Then it is the best one. */
static bool try(struct shrinking *h, const struct scenario *candidate)
{
	char why[TRIAL_WHY];
	int side, tries = 0;

	if (h->plays >= PLAYS || (candidate->stack[CLIENT] == KERNEL && candidate->stack[SERVER] == KERNEL))
		return false;
	while (!fails(h, candidate, why)) {
		if (++tries >= h->tries)
			return false;
	}
	/* the first success shows how many tries a failure takes */
	if (h->tries == TRIES)
		h->tries = tries + 1;
	h->best = *candidate;
	strcpy(h->why, why);
	for (side = 0; side < SIDES; side++)
		h->lost[side] = *play_lost(side);
	h->is_smaller = true;
	return true;
}

/* Loses the same packets by a list of numbers, if the list is long enough for all. */
static void try_list(struct shrinking *h, enum side side)
{
	struct scenario candidate = h->best;
	struct network *n = &candidate.towards[side];

	if (!n->loss_ppm && !n->burst_ppm && !n->lose)
		return;
	n->lose = NO_KIND;
	n->loss_ppm = 0;
	n->burst_ppm = 0;
	for (int i = 0; i < h->lost[side].n && n->drops.n < DROPS; i++)
		n->drops.number[n->drops.n++] = h->lost[side].number[i];
	try(h, &candidate);
}

/* Tries it without @n entries of the list, from @first on. */
static bool try_fewer(struct shrinking *h, enum side side, int first, int n)
{
	struct scenario candidate = h->best;
	struct drops *drops = &candidate.towards[side].drops;

	if (n > drops->n - first)
		n = drops->n - first;
	memmove(drops->number + first, drops->number + first + n, (drops->n - first - n) * sizeof(drops->number[0]));
	drops->n -= n;
	return try(h, &candidate);
}

static void shorten_list(struct shrinking *h, enum side side)
{
	const struct drops *drops = &h->best.towards[side].drops;

	for (int n = drops->n; n; n /= 2) {
		for (int first = 0; first < drops->n; ) {
			if (!try_fewer(h, side, first, n))
				first += n;
		}
	}
}

static void shrink_field(struct shrinking *h, unsigned int nth)
{
	struct scenario candidate = h->best;

	if (!scenario_leave_out(&candidate, nth) || try(h, &candidate))
		return;
	do
		candidate = h->best;
	while (scenario_halve(&candidate, nth) && try(h, &candidate));
}

/* What its row says of it, beside the seed. */
static int ingredients(const struct scenario *s)
{
	char *row = NULL, *at;
	size_t len = 0;
	FILE *out = open_memstream(&row, &len);
	int n = -1;

	must(out, "open_memstream()");
	scenario_write(s, out);
	must(!fclose(out), "a row");
	for (at = row; (at = strchr(at, '=')); at++)
		n++;
	free(row);
	return n;
}

void shrink(const struct scenario *s, bool compares, const char why[TRIAL_WHY])
{
	struct shrinking h = { .compares = compares, .tries = TRIES };

	strcpy(h.why, why);
	trial_rest_each(!strncmp(why, "state:", 6));
	if (!try(&h, s)) {
		printf("# it does not fail again\n");
		trial_rest_each(false);
		return;
	}
	while (h.is_smaller && h.plays < PLAYS) {
		h.is_smaller = false;
		for (int side = 0; side < SIDES; side++) {
			try_list(&h, side);
			shorten_list(&h, side);
		}
		for (unsigned int nth = 0; nth < scenario_fields(); nth++)
			shrink_field(&h, nth);
	}
	trial_rest_each(false);
	printf("# %d of %d ingredients, after %d plays: %s\nrow: ", ingredients(&h.best), ingredients(s), h.plays,
	       h.why);
	scenario_write(&h.best, stdout);
}
