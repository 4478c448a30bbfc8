/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP Fast Open (RFC 7413).
 *
 * Comes in: a SYN with the option, a connect() that has text, the answers to both. Goes out: text
 * on the SYN, or none; cookies; which paths and peers do without Fast Open for a while.
 */
#ifndef XTCP_FASTOPEN_H
#define XTCP_FASTOPEN_H

#include <linux/compiler_types.h>

#include "base/wire.h"

struct dst_entry;
struct sk_buff;
struct sock;
struct xtcp_net;

#define XTCP_FASTOPEN_KEY_LEN	16	/* octets */
/* octets, enough for two keys as text with the final zero; as in Linux */
#define XTCP_FASTOPEN_KEYS_TEXT	74

void xtcp_fastkeys_show(const struct xtcp_net *xn, char *text);
int xtcp_fastkeys_read(struct xtcp_net *xn, char *text);
void xtcp_fastopen_net_exit(struct xtcp_net *xn);

/* net.xtcp.fastopen, as Linux's tcp_fastopen. Bits that Linux once used are ignored. */
#define XTCP_FASTOPEN_CLIENT		1
#define XTCP_FASTOPEN_SERVER		2
#define XTCP_FASTOPEN_SEND_NO_COOKIE	4	/* a client sends data without a cookie */
#define XTCP_FASTOPEN_ANY_COOKIE	0x200	/* a server takes data without a cookie */
#define XTCP_FASTOPEN_ANY_LISTENER	0x400	/* a listener needs no TCP_FASTOPEN */

/**
 * struct xtcp_fastopen - a Fast Open connection during its handshake
 * @queue: the Fast Open state of the listener that counts the connection
 * @cookie: the cookie for the SYN-ACK; if its length is negative, the SYN-ACK has no cookie
 */
struct xtcp_fastopen {
	struct xtcp_fastopenq *queue;
	struct xtcp_fastopen_cookie cookie;
};

int xtcp_fastopen_set_max(struct sock *sk, unsigned int max);
int xtcp_fastopen_max(const struct sock *sk);
int xtcp_fastopen_set_keys(struct sock *sk, const u8 *octets, unsigned int n);
void xtcp_fastopen_free(struct sock *sk);
int xtcp_fastopen_get_keys(const struct sock *sk, u8 *octets);

struct xtcp_fastopen *xtcp_fastopen_syn(struct sock *lsk, struct sk_buff *skb, const struct dst_entry *dst,
					struct xtcp_fastopen_cookie *answer);
void xtcp_fastopen_declined(struct xtcp_fastopen *fast);
void xtcp_fastopen_move(struct sock *sk, struct sock *lsk);
void xtcp_fastopen_over(struct sock *sk, bool reset);

void xtcp_metrics_set(struct sock *sk, const struct xtcp_fastopen_cookie *cookie, u16 mss, bool lost);

/**
 * struct xtcp_fastsyn - what a call needs to open a connection by Fast Open; on the call's stack
 * @msg: the data that is not yet queued; NULL if the call is connect()
 * @size: octets of data
 * @copied: octets that were queued for the SYN
 * @cookie: of the SYN; length 0: the SYN asks for one; negative: no option
 */
struct xtcp_fastsyn {
	struct msghdr *msg;
	size_t size;
	size_t copied;
	struct xtcp_fastopen_cookie cookie;
};

bool xtcp_fastsyn_waits_for_text(struct sock *sk);
int xtcp_fastsyn_send(struct sock *sk);
void xtcp_fastsyn_black_hole(struct sock *sk);
void xtcp_fastsyn_over(struct sock *sk);

#endif /* XTCP_FASTOPEN_H */
