// SPDX-License-Identifier: GPL-2.0
/*
 * The runner: every row, in every state it names, on each stack and IP version.
 *
 * A lane is one stack and one IP version, with a process and a namespace of its
 * own. Lanes run side by side, but for machines of one processor, where one waits
 * for the other. The parent prints their results as TAP, one line per row and lane,
 * with the ladder of each that failed.
 *
 * What kernel TCP does is written down for Linux 6.1; on others, and on the debug kernel, only xtcp has lanes.
 *
 *   -s kernel|xtcp	this stack alone, on any kernel
 *   -4, -6		this IP version alone
 *   -r NAME		this row alone, with its ladder
 *   -l			list the rows
 * SEED= in the environment replays a run; WIRE_STACK=xtcp means -s xtcp and ONLY_ROW=NAME -r NAME, for programs that
 * start without arguments.
 */
#include "test.h"
#include "virtual.h"
#include "wire.h"

#define LANES		4

struct choice {
	const char *stack, *row;
	int ip;
	uint64_t seed;
};

static const int all_vias[] = { PASSIVE, ACTIVE, SIMULTANEOUS };

/* Record why the running row fails; the first reason stays. Return: -1. */
int wire_fail(struct wire *w, const char *fmt, ...)
{
	size_t n = strlen(w->why);
	va_list ap;

	if (n)
		n += snprintf(w->why + n, sizeof(w->why) - n, "; ");
	if (n < sizeof(w->why)) {
		va_start(ap, fmt);
		vsnprintf(w->why + n, sizeof(w->why) - n, fmt, ap);
		va_end(ap);
	}
	w->failed = true;
	return -1;
}

void wire_note(struct wire *w, const char *fmt, ...)
{
	size_t left = sizeof(w->ladder) - w->ladder_len;
	va_list ap;
	int n;

	n = snprintf(w->ladder + w->ladder_len, left, "# %8.3f ",
		     (wire_now() - w->started) / 1e6);
	if (n > 0 && (size_t)n < left) {
		va_start(ap, fmt);
		n += vsnprintf(w->ladder + w->ladder_len + n, left - n, fmt, ap);
		va_end(ap);
	}
	if (n > 0 && (size_t)n + 1 < left) {
		w->ladder_len += n;
		w->ladder[w->ladder_len++] = '\n';
	}
	/* no half of a line that had no room */
	w->ladder[w->ladder_len] = 0;
}

/* Note how long the row's last action took. @waited: it waited for a timer, so its duration says nothing. */
void wire_account(struct wire *w, bool waited)
{
	uint64_t now = wire_now(), ns = now - w->seen;

	w->seen = now;
	if (waited)
		return;
	w->total += ns;
	if (ns > w->longest)
		w->longest = ns;
}

/* Note by how much a wait was longer than it should be. */
void wire_account_late(struct wire *w, uint64_t ns)
{
	if (ns > w->longest)
		w->longest = ns;
}

/* Random numbers, a function of the seed and the row's name. Return: 32 random bits. */
uint32_t wire_random(struct wire *w)
{
	w->rand += 0x9e3779b97f4a7c15ull;
	return ((w->rand ^ w->rand >> 31) * 0xbf58476d1ce4e5b9ull) >> 32;
}

/* kernel TCP has no lanes */
static bool xtcp_alone;

/* Call @fn for each state and open that a row names; NULL counts them. */
static unsigned int each_case(struct wire *w, const struct wire_row *row, int ip,
			      const char *only, FILE *out)
{
	unsigned int n = 0, i;
	char name[128];
	int state, vias;

	if ((row->only && row->only != ip) || row->want.later)
		return 0;
	if (row->until && release_series() > release_parse(row->until))
		return 0;
	for (state = row->in ? 1 : 0; state <= LAST_ACK; state <<= 1) {
		if (state && !(row->in & state))
			continue;
		vias = row->via ? row->via : PASSIVE;
		for (i = 0; i < 3; i++) {
			if (!(vias & all_vias[i]) && !(state == SYN_SENT && !row->via))
				continue;
			if (state && !wire_state_reachable(state, all_vias[i]))
				continue;
			wire_state_row_name(row, state, all_vias[i], name, sizeof(name));
			if (only && strcmp(only, name) && strcmp(only, row->name))
				continue;
			if (out)
				wire_play_row(w, row, state, all_vias[i], out, only);
			n++;
			if (!state)
				return n;
		}
		if (!state)
			return n;
	}
	return n;
}

/* The rows that wait for time to pass; NULL counts them. */
static unsigned int each_waiting(const struct wire_row **waiting, const struct wire_row *rows, size_t n,
				 const char *only)
{
	unsigned int found = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!rows[i].want.later || (only && strcmp(only, rows[i].name)))
			continue;
		if (waiting)
			waiting[found] = &rows[i];
		found++;
	}
	return found;
}

static void play_waiting(struct wire *w, const struct wire_row *rows, size_t n, const char *only, FILE *out)
{
	const struct wire_row **waiting = calloc(n, sizeof(*waiting));
	unsigned int found = each_waiting(waiting, rows, n, only);

	if (found)
		wire_play_together(w, waiting, found, out, only);
	free(waiting);
}

/* In a machine's first second kernel TCP's stamps are 0, "never": it takes old timestamps, and reuses no TIME-WAIT. */
static void wait_for_second_1(struct wire *w)
{
	while (wire_now() < 1000000000)
		wire_tun_wait(w, -1, 0, 1);
}

static void lane(enum wire_stack stack, int ip, const struct choice *choice,
		 const struct wire_row *rows, size_t n, FILE *out)
{
	static struct wire w;
	size_t i;

	w.stack = stack;
	w.ip = ip;
	w.seed = choice->seed;
	if (wire_tun_open(&w)) {
		fprintf(out, "# %s\n", w.why);
		fflush(out);
		_exit(1);
	}
	if (stack == WIRE_KERNEL)
		wait_for_second_1(&w);
	for (i = 0; i < n; i++)
		each_case(&w, &rows[i], ip, choice->row, out);
	play_waiting(&w, rows, n, choice->row, out);
	fflush(out);
	_exit(0);
}

static FILE *start_lane(enum wire_stack stack, int ip, const struct choice *choice,
			const struct wire_row *rows, size_t n, pid_t *pid)
{
	int p[2];

	must(!pipe(p), "pipe");
	*pid = fork();
	must(*pid >= 0, "fork");
	if (!*pid) {
		close(p[0]);
		lane(stack, ip, choice, rows, n, fdopen(p[1], "w"));
	}
	close(p[1]);
	return fdopen(p[0], "r");
}

/* Print what a lane says as TAP; rows it did not get to have failed. */
static void report(FILE *in, pid_t pid, unsigned int planned, const char *name)
{
	unsigned int seen = verdicts_report(in);
	int status;

	waitpid(pid, &status, 0);
	for (; seen < planned; seen++)
		ksft_test_result_fail("%s: row not run, status %#x\n", name, status);
}

static void parse_arguments(int argc, char **argv, struct choice *choice, bool *list)
{
	const char *seed = getenv("SEED");
	int opt;

	choice->seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	choice->stack = getenv("WIRE_STACK");
	choice->row = getenv("ONLY_ROW");
	while ((opt = getopt(argc, argv, "s:r:46l")) != -1) {
		if (opt == 's')
			choice->stack = optarg;
		else if (opt == 'r')
			choice->row = optarg;
		else if (opt == '4' || opt == '6')
			choice->ip = opt - '0';
		else if (opt == 'l')
			*list = true;
		else
			ksft_exit_fail_msg("usage: %s [-s kernel|xtcp] [-4|-6] [-r ROW] [-l]\n",
					   argv[0]);
	}
}

static unsigned int count(const struct wire_row *rows, size_t n, int ip, const char *only)
{
	unsigned int waiting = each_waiting(NULL, rows, n, only), total = waiting + !!waiting;
	size_t i;

	for (i = 0; i < n; i++)
		total += each_case(NULL, &rows[i], ip, only, NULL);
	return total;
}

static void list_rows(const struct wire_row *rows, size_t n)
{
	const char *why;
	size_t i;

	for (i = 0; i < n; i++) {
		why = rows[i].kernel_differs ? rows[i].kernel_differs : "";
		printf("%-56s %s%s%s%s%s\n", rows[i].name, rows[i].rfc, rows[i].id ? " " : "",
		       rows[i].id ? rows[i].id : "", *why ? "; kernel TCP: " : "", why);
	}
}

int wire_main(int argc, char **argv, const struct wire_row *rows, size_t n)
{
	return wire_main_around(argc, argv, rows, n, NULL);
}

/* wire_main() of a table about what the kernel TCP of Linux 6.1 does not have. Return: an exit status of kselftest. */
int wire_main_xtcp(int argc, char **argv, const struct wire_row *rows, size_t n)
{
	xtcp_alone = true;
	return wire_main(argc, argv, rows, n);
}

/* wire_main() with a test before and after all lanes (NULL: none). An exit status of kselftest. */
int wire_main_around(int argc, char **argv, const struct wire_row *rows, size_t n,
		     const struct wire_around *around)
{
	unsigned int planned[LANES], total = 0, lanes = 0, started = 0, together, i;
	struct choice choice = { 0 };
	pid_t pids[LANES];
	FILE *in[LANES];
	char name[32];
	bool list = false;
	int l, stack[LANES], ip[LANES];

	parse_arguments(argc, argv, &choice, &list);
	if (list) {
		list_rows(rows, n);
		return 0;
	}
	for (l = 0; l < LANES; l++) {
		stack[lanes] = l / 2;
		ip[lanes] = l % 2 ? 6 : 4;
		if (choice.stack && strcmp(choice.stack, wire_stack_names[stack[lanes]]))
			continue;
		if (!choice.stack && stack[lanes] == WIRE_KERNEL && (xtcp_alone || !release_judges_kernel_tcp()))
			continue;
		if (!choice.stack && !choice.ip && stack[lanes] == WIRE_KERNEL && ip[lanes] == 6 && short_run())
			continue;
		if (choice.ip && choice.ip != ip[lanes])
			continue;
		planned[lanes] = count(rows, n, ip[lanes], choice.row);
		total += planned[lanes++];
	}
	ksft_print_header();
	must(total, "no such row");
	ksft_set_plan(total + !!around);
	printf("# SEED=%llu\n", (unsigned long long)choice.seed);
	fflush(stdout);
	if (around)
		around->before();
	/* where there is one processor lanes would only make each other late */
	together = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? lanes : 1;
	for (i = 0; i < lanes; i++) {
		for (; started < lanes && started < i + together; started++)
			in[started] = start_lane(stack[started], ip[started], &choice, rows, n, &pids[started]);
		snprintf(name, sizeof(name), "%s_ipv%d", wire_stack_names[stack[i]], ip[i]);
		report(in[i], pids[i], planned[i], name);
	}
	if (around)
		ksft_test_result(around->after(), "%s\n", around->name);
	return ksft_get_fail_cnt() ? KSFT_FAIL : KSFT_PASS;
}
