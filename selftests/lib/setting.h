/* SPDX-License-Identifier: GPL-2.0 */
/* Requests by generic netlink that change a live connection (XTCP_CMD_SET). */
#ifndef SELFTESTS_SETTING_H
#define SELFTESTS_SETTING_H

#include <stdint.h>

#include "netlink.h"

/* Whom a request names. */
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

#endif
