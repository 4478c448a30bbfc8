/* SPDX-License-Identifier: GPL-2.0 */
/* Listings by netlink: sock_diag with inet_diag's requests, of either stack. */
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <stdint.h>
#include "stack.h"

struct xtcp_abort;
struct xtcp_ack_rate;

#define DIAG_ATTRIBUTES	(INET_DIAG_SOCKOPT + 1)

/* What to ask for. A field that is 0 is no condition; 0 for states means all states. */
struct diag_query {
	enum stack stack;
	bool v6;
	uint32_t states;	/* 1 << TCP_ESTABLISHED */
	uint8_t ext;		/* 0xff: all attributes */
	const void *filter;
	size_t filter_len;
	int port, peer_port;
	uint32_t uid;		/* only xtcp's, with by_uid */
	bool by_uid;
	uint64_t cookie;	/* only xtcp's */
};

/* A message of the answer. The attributes are valid until the next call. */
struct diag_row {
	const struct inet_diag_msg *msg;
	const void *attr[DIAG_ATTRIBUTES];
	int len[DIAG_ATTRIBUTES];
	const struct xtcp_abort *abort;	/* XTCP_DIAG_ABORT; NULL: none */
	const struct xtcp_ack_rate *ack_rate;	/* XTCP_DIAG_ACK_RATE; NULL: none */
};

/* A socket for requests in the namespace of the caller. */
int diag_open(void);

/* A request for a dump; others put attributes of their own behind it. */
struct diag_request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 req;
	char attributes[70000];
};

void diag_fill(struct diag_request *request, const struct diag_query *query);
void diag_put(struct diag_request *request, int type, const void *data, size_t len);
void diag_send(int fd, const struct diag_request *request);

/* Receives once, at most @size octets; @row gets each row. 1: there is more, 0: the end, or the answer's -errno. */
int diag_receive(int fd, size_t size, void (*row)(const struct diag_row *row, void *arg), void *arg);

/* A whole dump: the number of rows, or a negative errno. */
int diag_dump(const struct diag_query *query, void (*row)(const struct diag_row *row, void *arg), void *arg);

/* Copies the last row with these ports and its attributes. How many such rows there were, or a negative errno. */
struct diag_copy {
	struct diag_row row;
	struct inet_diag_msg msg;
	char octets[32768];
};

int diag_find(const struct diag_query *query, int port, int peer_port, struct diag_copy *copy);

/* One request for one socket, without NLM_F_DUMP: 0 or an errno. */
int diag_get(const struct diag_query *query, const struct inet_diag_sockid *id, struct diag_copy *copy);

/* SOCK_DESTROY for xtcp's connection between these, or without @peer_port for its listener: 0 or an errno. */
int diag_destroy(int fd, const char *addr, int port, const char *peer_addr, int peer_port);

static inline uint64_t diag_cookie(const struct inet_diag_msg *msg)
{
	return msg->id.idiag_cookie[0] | (uint64_t)msg->id.idiag_cookie[1] << 32;
}
