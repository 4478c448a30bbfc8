/* SPDX-License-Identifier: GPL-2.0 */
/* Listeners of xtcp that wait for a successor (net.xtcp.migrate_wait_ms). What fails ends the program. */
#pragma once

#include <sys/types.h>
#include "stack.h"

#define ESTATE_BACKLOG	16

/* With both 0, a successor that closes ends what waits. */
void estate_knobs(int ns, int migrate_req, int wait_ms);

/* A socket with SO_REUSEPORT or without, of this user's, bound to the port: -1 with errno. */
int estate_bound(int ns, enum stack stack, const char *text, int port, bool shares, uid_t uid);

/* A listener with SO_REUSEPORT, of this user's, or of root's. It does not block. */
int estate_member_of(int ns, uid_t uid, const char *text, int port);
int estate_member(int ns, const char *text, int port);

/* Nobody has the port. */
bool estate_is_free(int ns, const char *text, int port);

/* How many of @count ports, from @port on, are in use. */
int estate_in_use(int ns, const char *text, int port, int count);
