/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to a family of generic netlink. */
#pragma once

#include <stdint.h>

#include "netlink.h"

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

/* Requests that change a live connection (XTCP_CMD_SET): whom one names. */
struct setting_target {
	const char *addr, *peer_addr;
	int port, peer_port;
	uint64_t cookie;
};

#define SETTING_NO_COOKIE	UINT64_MAX

/* SO_COOKIE. */
uint64_t setting_cookie(int fd);

/* A request that names @t and changes nothing yet; netlink_put() adds what it changes. */
void setting_start(struct netlink_request *req, const struct setting_target *t);

/* Sends it by @fd, of generic_open(): 0 or the errno of the answer. */
int setting_send(int fd, struct netlink_request *req);

/* Sends it in the namespace of the caller: 0 or the errno of the answer. */
int setting_ask(struct netlink_request *req);
