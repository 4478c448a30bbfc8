/* SPDX-License-Identifier: GPL-2.0 */
/* TCP Fast Open (RFC 7413), the client: text on the SYN, and when there had better be none. */
#ifndef XTCP_FASTSYN_H
#define XTCP_FASTSYN_H

#include <linux/types.h>

#include "pure/options.h"

struct msghdr;
struct sock;

/**
 * struct xtcp_fastsyn - a call that opens a connection fast; it stands on the stack of that call
 * @msg: the text, as much of it as is not sent; NULL: connect()
 * @size: octets of text
 * @copied: as many were taken for the SYN
 * @cookie: what the SYN says: a cookie; 0 octets: it asks for one; fewer: it has no such option
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
