/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's log says from a moment on. */
#pragma once

#include <stdbool.h>

/* Nothing that stands there now counts any more. Ends the program if there is no log. */
void klog_forget(void);

/* Reads on until a line that contains @what; false: there is none yet. */
bool klog_has(const char *what);

/* Reads to the end. Return: how many records contain @what; *@has: one of them contains @line. */
int klog_count(const char *what, const char *line, bool *has);
