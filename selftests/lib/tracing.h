/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events of the kernel's tracepoints, in an instance of tracefs that is the test's own. What fails ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Makes the instance, or takes it over as it was left. */
void tracing_start(const char *instance);
void tracing_stop(void);

/* Writes to a file of the instance: ("events/xtcp/xtcp_abort/enable", "1"). */
void tracing_set(const char *file, const char *text);

/* The events so far, a line each; and none of them any more. */
FILE *tracing_open(void);
void tracing_forget(void);
