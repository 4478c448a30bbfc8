/* SPDX-License-Identifier: GPL-2.0 */
/* The black boxes of a namespace. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BOXES_FILE	"/proc/net/xtcp_blackbox"

/* All boxes of @ns, to be freed. */
char *boxes_text(int ns);

/* How many boxes @text has; how many @ns has. */
int boxes_in(const char *text);
int boxes_of(int ns);

/* Frees the boxes of connections that have ended. */
void boxes_forget(int ns);

/* The one box of @ns whose local end has @port, with its events, until the next call; "": none. */
const char *boxes_find(int ns, int port);

/* The words stand in it one behind the other; says which one does not. */
bool boxes_has_in_order(const char *box, const char * const *words);

#define BOXES_HAS(box, ...) boxes_has_in_order(box, (const char * const []){ __VA_ARGS__, NULL })

/* The bound for the boxes of all namespaces, KiB; usually 4096. */
void boxes_set_bound(int kib);
