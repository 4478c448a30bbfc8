/* SPDX-License-Identifier: GPL-2.0 */
/* Plays a scenario, and says which rule it broke: "RULE: what was seen". */
#pragma once

#include <stdbool.h>

#include "scenario.h"

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
