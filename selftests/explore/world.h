/* SPDX-License-Identifier: GPL-2.0 */
/* A scenario while it is played: connections, each with two ends and a judge, on one path. */
#pragma once

#include "end.h"
#include "judge.h"
#include "path.h"
#include "scenario.h"

struct lane {
	struct end end[SIDES];
	struct judge judge;
	bool has_begun;
	long long looked_us;	/* ledger.c's last look */
	int views[SIDES];	/* looks of views.c so far */
	long long viewed_us[SIDES];	/* none before */
};

#define MEMBERS	2	/* of a SO_REUSEPORT group */

struct world {
	struct scenario scenario;
	const struct scenario *s;	/* the same */
	struct path path;
	struct lane lane[CONNECTIONS];
	int lanes;
	int port;
	char server[48];	/* its address */
	int listener[MEMBERS];	/* -1: closed */
	int drains[MEMBERS];	/* what another build has taken over; -1: nothing */
	bool is_upgraded;
	int tap;		/* of a scenario of one machine; -1: none */
	long long moved_us;	/* when something moved last, as far as silences are known */
	long long quiet_us;	/* the longest one that nothing explains */
	long long doubled_us;	/* all silences of a doubled RTO together */
	bool is_late;		/* its time is over */
	bool is_only_slow;	/* and the waits for timeouts explain that */
	long long carried;	/* octets that programs have written and read, at the last step */
	unsigned int steps;	/* of the program, since the beginning */
	bool is_down[SIDES], has_ended[SIDES], has_other_route[SIDES];
	bool has_failed;	/* the allocation that fails alone */
	long long switches;	/* so often each socket has got another algorithm, or its algorithm another module */
	bool is_rekeyed;	/* the server's Fast Open key has changed */
	char wrong[256];	/* the first rule that was broken on the way, with its name */
};

static inline const char *side_name(enum side side)
{
	return side == CLIENT ? "client" : "server";
}

/* The machine of that side. */
static inline int world_ns(const struct world *w, enum side side)
{
	return w->path.ns[w->s->local ? CLIENT : side];
}

/* knobs.c: sets the knobs of the scenario. After forget() it sets all again: a namespace is new. */
void knobs_set(struct world *w);
void knobs_forget(void);
/* Sets the server's address. */
void knobs_choose_server(struct world *w);

/* opens.c: a listener, or two; the connections that are due; those that wait to be accepted; another build. */
void opens_listen(struct world *w);
void opens_connect(struct world *w);
void opens_accept(struct world *w);
void opens_take_over(struct world *w);

/* happens.c: links, listeners and namespaces go when they are due. wait_us(): until the next; -1: no more. */
void happens_begin(struct world *w);
void happens_step(struct world *w);
long long happens_wait_us(const struct world *w);
void happens_end(struct world *w);
/* Closes what listens. */
void happens_unlisten(struct world *w);
bool happens_listens(const struct world *w);

/* route.c: routes change when they are due. wait_us(): until the next; -1: no more. */
void route_begin(struct world *w);
void route_step(struct world *w);
long long route_wait_us(const struct world *w);
void route_end(struct world *w);

#define REPAIRS	3	/* of a connection at one end */

/* repair.c: connections move to other sockets when they are due, and can. */
void repair_step(struct world *w);

/*
 * faults.c: from now on @s->fail_ppm of all allocations fail, or one alone. can() is false if this kernel cannot do
 * that; end() says whether the one has failed.
 */
bool faults_can(void);
void faults_begin(const struct scenario *s);
void faults_pause(bool pause);
bool faults_end(void);

/* ledger.c: compares the counters of both stacks with the wire. */
void ledger_begin(struct world *w);
/* At each step: compares where no packet is on its way. */
void ledger_look(struct world *w);
void ledger_end(struct world *w);

/* views.c: compares what netlink, /proc and TCP_INFO say of an end. */
void views_look(struct world *w, const struct lane *lane, enum side side);
/* How often xtcp_segment_out has fired. */
void views_begin(const struct world *w);
long long views_events(void);

/* verdict.c */
long long verdict_patience_us(const struct scenario *s);
/* The longest silence that can be explained next. */
long long verdict_silence_us(const struct world *w);
/* Do allocations fail, or one? */
bool verdict_may_fail(const struct world *w);
/* What a side has waited for its own timeouts, where it may need many. */
long long verdict_waited_us(const struct world *w);
/* When the scenario ends; sockets may still be open. */
void verdict_give(struct world *w);
/* Later, when no packet moves any more. */
void verdict_after(struct world *w);
/* The state of a connection that xtcp still has there, except TIME-WAIT; 0: none. */
int verdict_state(const struct world *w, enum side side);
/* Notes the first thing that is wrong. */
void verdict_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
