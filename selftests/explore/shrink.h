/* SPDX-License-Identifier: GPL-2.0 */
/* Makes a scenario that breaks a rule smaller. */
#pragma once

#include "scenario.h"
#include "trial.h"

/* Prints the smallest scenario found that still fails in the way of @why, as "row: ...". */
void shrink(const struct scenario *s, bool compares, const char why[TRIAL_WHY]);
