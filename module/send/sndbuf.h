/* SPDX-License-Identifier: GPL-2.0 */
/* How much a program may write ahead of the peer's ACKs, and when a waiting writer is woken. */
#ifndef XTCP_SNDBUF_H
#define XTCP_SNDBUF_H

#include <linux/types.h>

struct sock;

/* proto.stream_memory_free: any context */
bool xtcp_sndbuf_memory_free(const struct sock *sk, int wake);
/* sk_write_space: any context; socket lock held, unless sock_wfree() is the caller */
void xtcp_sndbuf_write_space(struct sock *sk);
/* socket lock held */
void xtcp_sndbuf_expand(struct sock *sk);
void xtcp_sndbuf_wake(struct sock *sk);
bool xtcp_sndbuf_waits_for_room(struct sock *sk, unsigned long most);

#endif /* XTCP_SNDBUF_H */
