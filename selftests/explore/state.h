/* SPDX-License-Identifier: GPL-2.0 */
/* What xtcp holds, and whether it has given all of it back when nothing lives any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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
