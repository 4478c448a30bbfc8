/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to a family of generic netlink. */
#ifndef SELFTESTS_GENERIC_H
#define SELFTESTS_GENERIC_H

#include <linux/netlink.h>

#define GENERIC_XTCP	"xtcp"	/* the module's family */

/* What the kernel said of the last request that failed, and the offset of the attribute that it named; -1: none. */
extern char generic_said[256];
extern int generic_at;

/* A socket for requests in the namespace of the caller. */
int generic_open(void);

/* The number of the family, or -1. */
int generic_family(int fd, const char *name);

/* Sends a request and waits for the answer: 0, or its errno. */
int generic_talk(int fd, const struct nlmsghdr *head);

#endif
