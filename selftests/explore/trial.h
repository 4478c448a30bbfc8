/* SPDX-License-Identifier: GPL-2.0 */
/* Plays a scenario, and says which rule it broke: "RULE: what was seen". */
#ifndef EXPLORE_TRIAL_H
#define EXPLORE_TRIAL_H

#include <stdbool.h>

#include "scenario.h"

#define TRIAL_WHY	300

/* Notes how many objects xtcp has now; trial_end() compares. */
void trial_begin(void);
/* @why is empty if nothing failed. */
void trial_play(const struct scenario *s, bool compares, char why[TRIAL_WHY]);
/* Lets all connections end. False, with the reason in @why, if something is left. */
bool trial_end(char why[TRIAL_WHY]);

#endif
