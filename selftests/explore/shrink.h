/* SPDX-License-Identifier: GPL-2.0 */
/* Makes a scenario small that breaks a rule. */
#ifndef EXPLORE_SHRINK_H
#define EXPLORE_SHRINK_H

#include "scenario.h"
#include "trial.h"

/* The smallest one found that breaks the rule of @why, too, goes to standard output, as "row: ...". */
void shrink(const struct scenario *s, bool compares, const char why[TRIAL_WHY]);

#endif
