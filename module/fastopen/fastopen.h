/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP Fast Open (RFC 7413) of a listener: which SYN opens a connection at once, and the limit for
 * connections whose handshake is not complete.
 */
#ifndef XTCP_FASTOPEN_H
#define XTCP_FASTOPEN_H

#include <linux/list.h>
#include <linux/types.h>

#include "base/options.h"

struct dst_entry;
struct sk_buff;
struct sock;
struct xtcp_fastopenq;

/*
 * net.xtcp.fastopen: the bits of Linux's tcp_fastopen. Bits that Linux once used are accepted and
 * ignored.
 */
#define XTCP_FASTOPEN_CLIENT		1
#define XTCP_FASTOPEN_SERVER		2
#define XTCP_FASTOPEN_SEND_NO_COOKIE	4	/* a client sends data without a cookie */
#define XTCP_FASTOPEN_ANY_COOKIE	0x200	/* a server takes data without a cookie */
#define XTCP_FASTOPEN_ANY_LISTENER	0x400	/* a listener needs no TCP_FASTOPEN */

/**
 * struct xtcp_fastopen - a Fast Open connection during its handshake, or after a reset in the
 * handshake
 * @node: in xtcp_fastopenq.resets; used only after a reset
 * @queue: the Fast Open state of the listener that counts the connection
 * @until: jiffies; after a reset, the connection counts until this time
 * @cookie: the cookie for the SYN-ACK; if its length is negative, the SYN-ACK has no cookie
 */
struct xtcp_fastopen {
	struct list_head node;
	struct xtcp_fastopenq *queue;
	unsigned long until;
	struct xtcp_fastopen_cookie cookie;
};

/*
 * For a socket. The caller holds the lock of the socket. xtcp_fastopen_max() and
 * xtcp_fastopen_free() need no lock in the cases that fastopen.c names.
 */
int xtcp_fastopen_set_max(struct sock *sk, unsigned int max);
int xtcp_fastopen_max(const struct sock *sk);
int xtcp_fastopen_set_keys(struct sock *sk, const u8 *octets, unsigned int n);
int xtcp_fastopen_listen(struct sock *sk, unsigned int backlog);
void xtcp_fastopen_free(struct sock *sk);
/* No lock. */
int xtcp_fastopen_get_keys(const struct sock *sk, u8 *octets);

/* For a connection. */
struct xtcp_fastopen *xtcp_fastopen_syn(struct sock *lsk, struct sk_buff *skb, const struct dst_entry *dst,
					struct xtcp_fastopen_cookie *answer);
void xtcp_fastopen_declined(struct xtcp_fastopen *fast);
int xtcp_fastopen_begin(struct sock *child, struct xtcp_fastopen *fast);
void xtcp_fastopen_move(struct sock *sk, struct sock *lsk);
bool xtcp_fastopen_is_pending(const struct sock *sk);
void xtcp_fastopen_over(struct sock *sk, bool reset);

#endif /* XTCP_FASTOPEN_H */
