/* SPDX-License-Identifier: GPL-2.0 */
/* What a scenario is played with: connections, each with two ends and a judge, on one path. */
#ifndef EXPLORE_WORLD_H
#define EXPLORE_WORLD_H

#include "end.h"
#include "judge.h"
#include "path.h"
#include "scenario.h"

struct lane {
	struct end end[SIDES];
	struct judge judge;
	bool has_begun;
	long long looked_us;	/* ledger.c's last look */
};

struct world {
	struct scenario scenario;
	const struct scenario *s;	/* the same */
	struct path path;
	struct lane lane[CONNECTIONS];
	int lanes;
	int port, listener;	/* -1: closed */
	long long quiet_us;	/* the longest time in which nothing moved */
	bool is_late;
	bool is_down[SIDES], has_ended[SIDES];
	char wrong[256];	/* the first rule that was broken on the way, with its name */
};

static inline const char *side_name(enum side side)
{
	return side == CLIENT ? "client" : "server";
}

/* knobs.c: the namespaces as the scenario has them; a new one needs all again. */
void knobs_set(struct world *w);
void knobs_forget(void);

/* happens.c: links, the listener, a namespace; what is due. -1: nothing more, or microseconds until then. */
void happens_begin(struct world *w);
void happens_step(struct world *w);
long long happens_wait_us(const struct world *w);
void happens_end(struct world *w);

/* faults.c: allocations fail from now on, one of so many; 0: none. False: this kernel cannot. */
bool faults_can(void);
void faults_set(int ppm);

/* ledger.c: what both stacks count, against the wire. */
void ledger_begin(struct world *w);
/* At each step: looks where nothing is under way. */
void ledger_look(struct world *w);
void ledger_end(struct world *w);

/* verdict.c */
long long verdict_patience_us(const struct scenario *s);
/* At the end of all, with what is still open. */
void verdict_give(struct world *w);
/* When nothing moves any more. */
void verdict_after(struct world *w);
/* Does xtcp still have a connection there, but for TIME-WAIT? Its state, or 0. */
int verdict_state(const struct world *w, enum side side);
/* The first thing that is wrong. */
void verdict_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
