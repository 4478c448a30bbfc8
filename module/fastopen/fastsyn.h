/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The client side of TCP Fast Open (RFC 7413): it puts data on the SYN, unless Fast Open has failed
 * lately.
 */
#ifndef XTCP_FASTSYN_H
#define XTCP_FASTSYN_H

#include <linux/types.h>

#include "base/options.h"

struct msghdr;
struct sock;

/**
 * struct xtcp_fastsyn - what a call needs to open a connection by Fast Open; on the call's stack
 * @msg: the data that is not yet queued; NULL if the call is connect()
 * @size: octets of data
 * @copied: octets that were queued for the SYN
 * @cookie: the cookie of the SYN; length 0: the SYN asks for a cookie; negative: the SYN has no
 *	cookie option
 */
struct xtcp_fastsyn {
	struct msghdr *msg;
	size_t size;
	size_t copied;
	struct xtcp_fastopen_cookie cookie;
};

bool xtcp_fastsyn_waits_for_text(struct sock *sk);
int xtcp_fastsyn_send(struct sock *sk);
bool xtcp_fastsyn_has_more(const struct sock *sk);
void xtcp_fastsyn_black_hole(struct sock *sk);
void xtcp_fastsyn_timeout(struct sock *sk, bool expired);
void xtcp_fastsyn_over(struct sock *sk);

#endif /* XTCP_FASTSYN_H */
