/* SPDX-License-Identifier: GPL-2.0 */
/* Plays a scenario, and says which rule it broke: "RULE: what was seen". */
#ifndef EXPLORE_TRIAL_H
#define EXPLORE_TRIAL_H

#include <stdbool.h>

#include "scenario.h"

#define TRIAL_WHY	300

/* What xtcp has now it has to have at the end, too. */
void trial_begin(void);
/* @why is empty where nothing failed. */
void trial_play(const struct scenario *s, bool compares, char why[TRIAL_WHY]);
/* Lets all connections end; false, and why, if something is left. */
bool trial_end(char why[TRIAL_WHY]);

#endif
