/* SPDX-License-Identifier: GPL-2.0 */
/* Plays a scenario: both ends, and the network between them. */
#pragma once

#include "scenario.h"

/* So far: octets read, moves of connections, listeners taken over, modules of an algorithm replaced by another one. */
extern unsigned long long play_octets, play_repairs, play_upgrades, play_replaced;

/* Makes the network. What fails ends the program. */
void play_open(void);
/* What is played now. It is told to scripts/lab/run.sh now and then, for the case that the machine stands still. */
void play_name(const char *what, unsigned long long number);
void play_show(bool show);
/* When the first connections shown began, microseconds since the machine did. */
long long play_shown_us(void);
/* Plays @s by this round's chance, through @port; @why gets the first broken rule. Microseconds until both closed. */
long long play(const struct scenario *s, unsigned int round, int port, char *why, size_t size);
/* The packets towards that side that chance took in the last scenario. */
const struct drops *play_lost(enum side to);
unsigned int play_steps(void);
/* Has a write of both ends on one machine taken the short way? */
bool play_was_local(void);
/* Lets TIME-WAIT end, and orphans. */
void play_timewait(void);
/* What xtcp holds now is what it holds at rest. */
void play_begin(void);
/* Lets TIME-WAIT end, and what else is left. False: xtcp still holds more than at play_begin(); @why says what. */
bool play_rest(char *why, size_t size);
/* False: some minutes after all has ended, xtcp still does something. */
bool play_still(char *why, size_t size);

/* Plays a scenario, and says which rule it broke: "RULE: what was seen". */

#define TRIAL_WHY	300

/* What xtcp has now is what it has at rest. */
void trial_begin(void);
/* @why is empty if nothing failed. */
void trial_play(const struct scenario *s, bool compares, char why[TRIAL_WHY]);
/* Lets all connections end. False, with the reason in @why, if xtcp has more than at trial_begin(). */
bool trial_rest(char why[TRIAL_WHY]);
/* Each trial_play() ends with a rest. */
void trial_rest_each(bool each);
/* After the last rest: false, with the reason in @why, if xtcp still does something, or has lost memory. */
bool trial_end(char why[TRIAL_WHY]);

/* Makes a scenario that breaks a rule smaller. */

/* Prints the smallest scenario found that still fails in the way of @why, as "row: ...". */
void shrink(const struct scenario *s, bool compares, const char why[TRIAL_WHY]);

/* What xtcp holds, and whether it has given all of it back when nothing lives any more. */

struct path;
struct world;

/* All that xtcp holds now counts as given back. */
void state_begin(const struct path *path);
/* The ports of a scenario that has been played; they have to be free at the next rest. */
void state_note(const struct world *w);
/* Is all given back? If not, @why says what is left. */
bool state_is_back(const struct path *path, char *why, size_t size);
/* For the end of a machine: state_watch(true) begins a time in which no timer of xtcp may fire. */
void state_watch(bool on);
bool state_is_still(char *why, size_t size);
/* Are there no objects that nothing refers to? The debug kernel's kmemleak looks for them. */
bool state_has_no_leaks(char *why, size_t size);
