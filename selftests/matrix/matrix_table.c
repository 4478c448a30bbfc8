// SPDX-License-Identifier: GPL-2.0
/*
 * What wire_matrix tests, as tables: each state against each
 * segment, and where a stack does not do what the RFC says.
 */
#include <ctype.h>

#include "matrix.h"
#include "test.h"

#define REASONS_MAX	100

static const struct column {
	int segment;	/* 0: any with an old timestamp */
	const char *title;
} columns[] = {
	{ IS_ACK, "ACK" }, { IS_FIN, "FIN" }, { IS_FIN_ACK, "FIN,ACK" }, { IS_RST, "RST" },
	{ IS_RST_ACK, "RST,ACK" }, { IS_SYN, "SYN" }, { IS_SYN_ACK, "SYN,ACK" },
	{ IS_SYN_FIN, "SYN,FIN" }, { IS_DATA, "text" }, { 0, "old timestamp" },
};

/* Left to right; the places against text that waits have one letter. */
static const struct {
	int position;
	char letter;
} letters[] = {
	{ LEFT, 'l' }, { ACROSS_LEFT, 'm' }, { LEFT_EDGE, 'e' }, { INSIDE, 'i' }, { OVER, 'q' },
	{ ACROSS_RIGHT, 'n' }, { RIGHT_EDGE, 'r' }, { BEYOND, 'b' },
};

#define COLUMNS	(sizeof(columns) / sizeof(*columns))
#define LETTERS	(sizeof(letters) / sizeof(*letters))

static bool is_in(const struct matrix_tested *t, const char *start, const struct column *column)
{
	if (strcmp(t->start, start) || t->cell.old_stamp != !column->segment)
		return false;
	return !column->segment || t->cell.segment == column->segment;
}

/* Where SEG.SEQ is not looked at, cells have one place that stands for all. */
static bool anywhere(const struct matrix_cell *c)
{
	return c->state & (CLOSED | LISTEN);
}

static int bits(int set)
{
	return __builtin_popcount(set);
}

static void print_cell(const struct matrix_tested *tested, size_t n, const char *start,
		       const struct column *column)
{
	int places = 0, apart = 0, ackings = 0, segments = 0;
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!is_in(&tested[i], start, column))
			continue;
		places |= tested[i].cell.position;
		ackings |= tested[i].cell.acking;
		segments |= tested[i].cell.segment;
		any |= anywhere(&tested[i].cell);
		if (tested[i].apart)
			apart |= tested[i].cell.position;
	}
	printf(" | ");
	if (!places)
		printf("x");
	else if (any)
		printf("%s", apart ? "ANY" : "any");
	else if (!column->segment)
		printf("%c of %d", apart ? 'E' : 'e', bits(segments));
	else
		for (i = 0; i < LETTERS; i++)
			if (places & letters[i].position)
				putchar(apart & letters[i].position ? toupper(letters[i].letter) :
								      letters[i].letter);
	if (places && bits(ackings) > 1 && column->segment)
		printf(" %d", bits(ackings));
}

static void print_states(const struct matrix_tested *tested, size_t n)
{
	const char *start = "";
	size_t i, column;

	printf("| state");
	for (column = 0; column < COLUMNS; column++)
		printf(" | %s", columns[column].title);
	printf(" |\n|---");
	for (column = 0; column < COLUMNS; column++)
		printf("|---");
	printf("|\n");
	for (i = 0; i < n; i++) {
		if (!strcmp(tested[i].start, start))
			continue;
		start = tested[i].start;
		printf("| %s", start);
		for (column = 0; column < COLUMNS; column++)
			print_cell(tested, n, start, &columns[column]);
		printf(" |\n");
	}
}

struct reason {
	const char *why;
	char rfc[256], states[256];
	bool stacks[WIRE_STACKS];
	size_t cells;
};

static struct reason *reason_of(struct reason *reasons, size_t *n, const char *why)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (!strcmp(reasons[i].why, why))
			return &reasons[i];
	must(*n != REASONS_MAX, "too many reasons");
	reasons[*n].why = why;
	return &reasons[(*n)++];
}

/* Once each. */
static void append(char *list, size_t size, const char *item)
{
	size_t used = strlen(list);

	if (!strstr(list, item))
		snprintf(list + used, size - used, "%s%s", used ? "; " : "", item);
}

static void add_reason(struct reason *reasons, size_t *n, const struct matrix_tested *t,
		       enum wire_stack stack)
{
	struct reason *r = reason_of(reasons, n, t->why[stack]);

	/* a cell in which both differ for the same reason counts once */
	if (stack != WIRE_XTCP || !t->why[WIRE_KERNEL] || strcmp(t->why[WIRE_KERNEL], r->why))
		r->cells++;
	r->stacks[stack] = true;
	append(r->rfc, sizeof(r->rfc), t->rfc);
	append(r->states, sizeof(r->states), t->start);
}

static void print_reasons(const struct matrix_tested *tested, size_t n)
{
	static struct reason reasons[REASONS_MAX];
	const struct reason *r;
	size_t found = 0, i;
	int stack;

	for (i = 0; i < n; i++)
		for (stack = 0; stack < WIRE_STACKS; stack++)
			if (tested[i].why[stack])
				add_reason(reasons, &found, &tested[i], stack);
	printf("| who | what, and why | instead of | states | cells |\n|---|---|---|---|---|\n");
	for (i = 0; i < found; i++) {
		r = &reasons[i];
		printf("| %s | %s | %s | %s | %zu |\n",
		       !r->stacks[WIRE_KERNEL] ? "xtcp" : r->stacks[WIRE_XTCP] ? "both" : "kernel TCP",
		       r->why, r->rfc, r->states, r->cells);
	}
}

/* Print both tables. @tested: all cells, those of a state together. */
void matrix_table_print(const struct matrix_tested *tested, size_t n)
{
	size_t i, apart = 0, differs[WIRE_STACKS] = { 0 };
	int stack;

	for (i = 0; i < n; i++) {
		apart += tested[i].apart;
		for (stack = 0; stack < WIRE_STACKS; stack++)
			differs[stack] += !!tested[i].why[stack];
	}
	print_states(tested, n);
	printf("\n%zu cells, each over IPv4 and IPv6 and on both stacks. xtcp does something else than the\n"
	       "RFCs say in %zu, kernel TCP in %zu; the two do not do the same in %zu.\n\n", n, differs[WIRE_XTCP],
	       differs[WIRE_KERNEL], apart);
	print_reasons(tested, n);
}
