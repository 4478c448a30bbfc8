// SPDX-License-Identifier: GPL-2.0
/*
 * What features cost connections that do not use them, or that do (`make bench B=unused`), in instructions:
 *
 *	bench_unused settings PAIRS TRANSACTIONS CONNECTIONS [NAME]
 *		RR (an octet there and back on one connection) and CRR (the same with a connection each) while
 *		something is set at both ends, against nothing set, in turns; with NAME only settings whose
 *		name contains it
 *	bench_unused builds PAIRS TRANSACTIONS CONNECTIONS
 *		the same of two builds, XTCP_KO against the one that AB_KO names, with nothing set
 *
 * One program has both ends, so nobody waits and no scheduler decides anything: what differs is the stack. XTCP_KO
 * names the module, which is not loaded at the start and not at the end.
 */
#include "measure.h"
#include "test.h"

#define PORT		7000
#define OTHER_PORT	7100
#define PAIRS_MAX	31
#define SETTLES_MS	2500	/* until nobody writes boxes any more */

enum load { RR, CRR, LOADS };

static const char * const load_name[LOADS] = { "RR", "CRR" };
static struct ns_pair pair;
static int listener, other = -1;

static const struct setting {
	const char *name;
	const char *knob, *on;	/* a sysctl of both ends */
	int rules;		/* of the policy table, that nobody obeys */
	const char *rule;	/* one that all obey */
	bool key;		/* another listener has a key of TCP_MD5SIG */
	double most[LOADS];	/* bounds: times the cost without; 0: none */
} settings[] = {
	{ .name = "a black box each", .knob = "net.xtcp.blackbox", .on = "1", .most = { 1.03, 0 } },
	{ .name = "comp_sack_nr 44, no loss", .knob = "net.xtcp.comp_sack_nr", .on = "44", .most = { 1.005, 1.02 } },
	{ .name = "careful_resume 600", .knob = "net.xtcp.careful_resume", .on = "600", .most = { 1.005, 1.02 } },
	{ .name = "rst_diagnostic 1, no RST", .knob = "net.xtcp.rst_diagnostic", .on = "1", .most = { 1.005, 1.02 } },
	{ .name = "1 rule, obeyed by none", .rules = 1, .most = { 1.005, 0 } },
	{ .name = "64 rules, obeyed by none", .rules = 64, .most = { 1.005, 0 } },
	{ .name = "1 rule, obeyed by all", .rule = "cc=cubic", .most = { 1.005, 0 } },
	{ .name = "another listener with a key", .key = true, .most = { 1.005, 1.02 } },
};

static void exchange(int a, int b)
{
	char octet = 'r';

	measure_must(send(a, &octet, 1, MSG_NOSIGNAL) == 1 && recv(b, &octet, 1, 0) == 1 &&
		     send(b, &octet, 1, MSG_NOSIGNAL) == 1 && recv(a, &octet, 1, 0) == 1, "exchange");
}

static void open_both(int *a, int *b)
{
	*a = stack_connected(pair.a, XTCP, NS_B4, PORT);
	*b = accept(listener, NULL, NULL);
	measure_must(*a >= 0 && *b >= 0, "connect");
}

/* The one that asked closes first. */
static void close_both(int a, int b)
{
	close_each(a, b);
}

/* Nanoseconds for a unit of @load, which are instructions. */
static double cost(enum load load, int n)
{
	double start;
	int a, b, i;

	if (load == RR) {
		open_both(&a, &b);
		exchange(a, b);
		start = measure_now();
		for (i = 0; i < n; i++)
			exchange(a, b);
		start = measure_now() - start;
		close_both(a, b);
		return start * 1e9 / n;
	}
	start = measure_now();
	for (i = 0; i < n; i++) {
		open_both(&a, &b);
		exchange(a, b);
		close_both(a, b);
	}
	return (measure_now() - start) * 1e9 / n;
}

/* What is cold the first time is no part of the figure. */
static void measure(const int *amount, double costs[LOADS])
{
	for (int load = 0; load < LOADS; load++) {
		cost(load, amount[load] / 10 + 1);
		costs[load] = cost(load, amount[load]);
	}
}

/* In one end, the rules of a setting; NULL: none. 0 or an errno. */
static int replace_rules(void *of)
{
	const struct setting *setting = of;
	char text[64];

	rules_start(XTCP_CMD_POLICY_REPLACE);
	for (int i = 0; setting && i < setting->rules; i++) {
		snprintf(text, sizeof(text), "to=203.0.113.%d dport=9 cc=reno", i + 1);
		rules_put_rule(text);
	}
	if (setting && setting->rule) {
		snprintf(text, sizeof(text), "%s", setting->rule);
		rules_put_rule(text);
	}
	return rules_ask();
}

static void set_key(bool on)
{
	struct tcp_md5sig cmd = { .tcpm_keylen = 3, .tcpm_key = "key" };
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr = { htonl(0xcb007101) } };

	if (!on) {
		close(other);
		other = -1;
		return;
	}
	memcpy(&cmd.tcpm_addr, &peer, sizeof(peer));
	other = stack_listener(pair.b, XTCP, NS_B4, OTHER_PORT, true);
	if (other < 0 || setsockopt(other, IPPROTO_TCP, TCP_MD5SIG, &cmd, sizeof(cmd)))
		measure_die("a listener with a key");
}

static void set(const struct setting *setting, bool on)
{
	const int ends[] = { pair.a, pair.b };

	for (int end = 0; end < 2; end++) {
		if (setting->knob && ns_sysctl_set(ends[end], setting->knob, "%s", on ? setting->on : "0"))
			measure_die(setting->knob);
		if ((setting->rule || setting->rules) && ns_call(ends[end], replace_rules, on ? (void *)setting : NULL))
			measure_die("rules");
	}
	if (setting->key)
		set_key(on);
	/* for all of them, so that the machine has slept as long before each figure */
	wait_until_ms(wait_now_ms() + SETTLES_MS);
}

/* One line for each load: @with against @without, of which the median of the ratios counts. */
static bool report(const char *what, double with[LOADS][PAIRS_MAX], double without[LOADS][PAIRS_MAX], int pairs,
		   const double most[LOADS])
{
	double ratio[PAIRS_MAX], m;
	bool ok = true;
	char name[96];

	for (int load = 0; load < LOADS; load++) {
		for (int i = 0; i < pairs; i++)
			ratio[i] = with[load][i] / without[load][i];
		m = measure_median(ratio, pairs);
		snprintf(name, sizeof(name), "%s, %s", what, load_name[load]);
		printf("%-36s %.4fx  (%.4f to %.4f, %d pairs; median %.0f against %.0f", name, m, ratio[0],
		       ratio[pairs - 1], pairs, measure_median(with[load], pairs),
		       measure_median(without[load], pairs));
		if (most[load])
			printf("; at most %.3fx%s", most[load], m > most[load] ? ": ABOVE" : "");
		printf(")\n");
		measure_record(name, "instructions", m, measure_median(with[load], pairs),
			       measure_median(without[load], pairs));
		ok &= !most[load] || m <= most[load];
	}
	fflush(stdout);
	return ok;
}

static void load_module(void)
{
	measure_must(!module_load(""), "cannot load xtcp");
	listener = stack_listener(pair.b, XTCP, NS_B4, PORT, true);
	measure_must(listener >= 0, "listen");
}

static void unload_module(void)
{
	close(listener);
	measure_must(WAIT_FOR(!module_unload(), STACK_DEADLINE_MS), "cannot unload xtcp");
}

static int run_settings(int pairs, const int *amount, const char *name)
{
	static double with[LOADS][PAIRS_MAX], without[LOADS][PAIRS_MAX];
	double costs[LOADS];
	bool ok = true;
	int i, load;

	load_module();
	for (size_t s = 0; s < sizeof(settings) / sizeof(*settings); s++) {
		for (i = 0; i < pairs && strstr(settings[s].name, name); i++) {
			set(&settings[s], true);
			measure(amount, costs);
			for (load = 0; load < LOADS; load++)
				with[load][i] = costs[load];
			set(&settings[s], false);
			measure(amount, costs);
			for (load = 0; load < LOADS; load++)
				without[load][i] = costs[load];
		}
		if (i)
			ok &= report(settings[s].name, with, without, pairs, settings[s].most);
	}
	unload_module();
	return ok ? 0 : 1;
}

static int run_builds(int pairs, const int *amount)
{
	static double now[LOADS][PAIRS_MAX], then[LOADS][PAIRS_MAX];
	const char * const names[] = { getenv("XTCP_KO"), getenv("AB_KO") };
	char *ko[2];
	const double none[LOADS] = { 0 };
	double costs[LOADS];

	measure_must(names[0] && names[1], "XTCP_KO or AB_KO does not name a module");
	/* what getenv() has said ends with setenv() */
	for (int build = 0; build < 2; build++)
		ko[build] = strdup(names[build]);
	for (int i = 0; i < pairs; i++) {
		for (int build = 0; build < 2; build++) {
			setenv("XTCP_KO", ko[build], 1);
			load_module();
			wait_until_ms(wait_now_ms() + SETTLES_MS);
			measure(amount, costs);
			unload_module();
			for (int load = 0; load < LOADS; load++)
				(build ? then : now)[load][i] = costs[load];
		}
	}
	for (int build = 0; build < 2; build++)
		free(ko[build]);
	report("now / then", now, then, pairs, none);
	return 0;
}

int main(int argc, char **argv)
{
	int pairs = argc == 5 || argc == 6 ? atoi(argv[2]) : 0, status;
	int amount[LOADS];

	if (pairs < 1 || pairs > PAIRS_MAX || atoi(argv[3]) < 1 || atoi(argv[4]) < 1 ||
	    (strcmp(argv[1], "settings") && strcmp(argv[1], "builds"))) {
		fprintf(stderr, "bench_unused: see the head of bench_unused.c\n");
		return 2;
	}
	amount[RR] = atoi(argv[3]);
	amount[CRR] = atoi(argv[4]);
	if (ns_pair_make(&pair))
		return 2;
	status = strcmp(argv[1], "builds") ? run_settings(pairs, amount, argc == 6 ? argv[5] : "") :
		 run_builds(pairs, amount);
	ns_pair_close(&pair);
	return status;
}
