/* SPDX-License-Identifier: GPL-2.0 */
/* The policy table by generic netlink: requests from words, as "to=10.0.0.0/8 dport=80 cc=bbr", and what is listed. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

/* The request that is being made. Only one thread at a time makes one. */
struct rules_request {
	struct nlmsghdr head;
	char body[200000];
};

extern struct rules_request rules_req;

/* A request, piece by piece: its command, an attribute, a rule of words. rules_ask() sends it: 0 or an errno. */
void rules_start(int cmd);
void rules_put(int type, const void *data, size_t len);
void rules_put_rule(const char *text);
int rules_ask(void);

/* A whole one, of rules with semicolons between them, in the namespace of the caller: 0 or an errno. */
int rules_request(int cmd, const char *text);
int rules_replace(const char *text);

/* What another build has saved of a path: 0 or an errno. @from, @to: addresses of IPv4, or of IPv6. */
int rules_add_path(const char *from, const char *to, unsigned int ifindex, unsigned int cwnd, unsigned int age);

/* These add to the problems of same.h: what the kernel said of the last request, and what it lists in @ns. */
void rules_said(const char *text);
void rules_list_is(int ns, const char *text);
int rules_listed(int ns);

/* What a connection has; has_congestion says it if it is another one. */
bool rules_has_congestion(int fd, const char *name);
long rules_rate_of(int fd);
int rules_cwnd_of(int fd);
