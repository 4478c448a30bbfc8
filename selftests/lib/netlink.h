/* SPDX-License-Identifier: GPL-2.0 */
/* Just enough netlink: requests to rtnetlink, and to families of generic netlink; queues of netfilter. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* Just enough rtnetlink for ns.c: build one request, send it, read the answer. */
struct netlink_request {
	struct nlmsghdr head;
	char body[1024];
};

/* Starts a request with its fixed part, such as struct ifinfomsg. */
void netlink_start(struct netlink_request *req, int type, int flags, const void *fixed, size_t len);

void netlink_put(struct netlink_request *req, int type, const void *data, size_t len);
void netlink_put_string(struct netlink_request *req, int type, const char *text);
void netlink_put_u32(struct netlink_request *req, int type, unsigned int value);

/* A nested attribute lasts from _begin() to _end() on what _begin() returned. */
struct rtattr *netlink_begin(struct netlink_request *req, int type);
void netlink_end(struct netlink_request *req, struct rtattr *nest);

/* Sends it in namespace @ns and waits for the answer: 0, or -1 with errno. */
int netlink_talk(int ns, struct netlink_request *req);

/* Requests to a family of generic netlink. */

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

uint64_t setting_cookie(int fd);

/* A request that names @t and changes nothing yet; netlink_put() adds what it changes. */
void setting_start(struct netlink_request *req, const struct setting_target *t);

/* Sends it by @fd, of generic_open(): 0 or the errno of the answer. */
int setting_send(int fd, struct netlink_request *req);

/* Sends it in the namespace of the caller: 0 or the errno of the answer. */
int setting_ask(struct netlink_request *req);

/* A queue of netfilter that keeps what comes into it. */

/* Takes over the queue in @ns; closing the descriptor drops all that it holds. -1 with errno. */
int nfqueue_hold(int ns, int queue);

/* Waits for the next packet in it: its number, or -1 when none came in @timeout_ms. */
int nfqueue_next(int fd, int timeout_ms);

/* Lets a packet go on; 0, or -1 with errno. */
int nfqueue_pass(int fd, int queue, int packet);

/* The same, but replaces the packet by @data, from its IP header on. */
int nfqueue_pass_as(int fd, int queue, int packet, const void *data, size_t len);
