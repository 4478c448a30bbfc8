/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Step seven of SEGMENT ARRIVES: trim, order and deliver text. For step eight, notice when RCV.NXT
 * reaches the peer's FIN.
 */
#ifndef XTCP_TEXT_H
#define XTCP_TEXT_H

#include <linux/types.h>
#include <net/sock.h>

#include "arrive/arrives.h"

/*
 * Socket lock held. xtcp_text_purge() needs no lock if no other thread can reach the sock;
 * xtcp_text_readable(): any context, racy without the lock.
 */
enum xtcp_verdict xtcp_text_arrives(struct sock *sk, struct sk_buff *skb);
void xtcp_text_came_again(struct sock *sk);
void xtcp_text_purge(struct sock *sk);
bool xtcp_text_readable(const struct sock *sk, int target);
void xtcp_text_wake(struct sock *sk);

#endif /* XTCP_TEXT_H */
