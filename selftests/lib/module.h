/* SPDX-License-Identifier: GPL-2.0 */
/* Loads and unloads XTCP_KO, which selftests/run names, without a program. A test leaves it loaded. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include "stack.h"

/* Parameters as on insmod's command line, "" for none. 0, or -1 with errno. */
int module_load(const char *parameters);

/* rmmod: 0, or -1 with errno (EWOULDBLOCK: in use, EBUSY from exit is none). */
int module_unload_now(void);

/* How many closed sockets hold the module; -1: it is not loaded. */
int module_held(void);

/* Lets the module @name refuse new sockets for @seconds, and end what programs have closed. 0, or -1. */
int module_ending(const char *name, int seconds);

/* As "xtcp unload": what still holds the module may take a moment to go. After ten seconds rmmod says what it says. */
int module_unload(void);

/* rmmod in a process of its own: its errno; 0: it has unloaded; -1: it has not come back, and *@pid is still there. */
int module_unload_apart(pid_t *pid);

/* The same for another module, which wraps the handlers of TCP (selftests/modules/xtcp_wrapper.c). */
int module_wrapper_load(const char *parameters);
int module_wrapper_unload(void);

/* The same for one that adds up what the module has counted (selftests/modules/xtcp_coverage.c). */
int module_coverage_load(void);

/* True if modinfo says exactly this of a field of the file that @variable of the environment names. */
bool module_says(const char *variable, const char *field, const char *value);

bool module_is_loaded(void);

/*
 * Until this program ends the kernel starts no modprobe for a name that it does not know: one reads files of the host,
 * at which a counted clock jumps. What the program itself needs has to be there.
 */
void module_let_nothing_load(void);

/* How often it is held; -1 if it is not loaded. */
int module_references(void);

/* The module built once more (`make NAME=xtcp_b FAMILY=27`), in XTCP_B_KO's file. A test leaves it unloaded. */
#define MODULE_SECOND "xtcp_b"
#define MODULE_SECOND_FAMILY 27

int module_second_load(const char *parameters);
int module_second_unload(void);
bool module_second_is_loaded(void);

/* Of the two the one that is @build, XTCP or SECOND; and the other one. */
int module_build_load(enum stack build, const char *parameters);
int module_build_unload(enum stack build);

static inline enum stack module_other(enum stack build)
{
	return build == XTCP ? SECOND : XTCP;
}

/* Writes to a parameter of it: 0, or an errno. */
int module_set(enum stack build, const char *parameter, const char *text);

/*
 * A congestion control as a module of its own, twice: the files that XTCP_AIMD_KO and XTCP_AIMD_V2_KO name. replace()
 * loads the one that is not there, in place of the one that is, and unloads that: true if it could. A socket without a
 * connection may hold it; then the next call tries again. unload(): 0 if none is there any more, or -1.
 */
bool module_algorithm_replace(void);
int module_algorithm_unload(void);
