/* SPDX-License-Identifier: GPL-2.0 */
/* Just enough rtnetlink for ns.c: build one request, send it, read the answer. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

struct netlink_request {
	struct nlmsghdr head;
	char body[1024];
};

/* Starts a request with its fixed part, such as struct ifinfomsg. */
void netlink_start(struct netlink_request *req, int type, int flags,
		   const void *fixed, size_t len);

void netlink_put(struct netlink_request *req, int type, const void *data, size_t len);
void netlink_put_string(struct netlink_request *req, int type, const char *text);
void netlink_put_u32(struct netlink_request *req, int type, unsigned int value);

/* A nested attribute lasts from _begin() to _end() on what _begin() returned. */
struct rtattr *netlink_begin(struct netlink_request *req, int type);
void netlink_end(struct netlink_request *req, struct rtattr *nest);

/* Sends it in namespace @ns and waits for the answer: 0, or -1 with errno. */
int netlink_talk(int ns, struct netlink_request *req);
