/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes events into a black box. Other files call these functions through the inline functions of
 * blackbox.h.
 */
#ifndef XTCP_BOXNOTE_H
#define XTCP_BOXNOTE_H

#include <linux/types.h>

struct sk_buff;
struct sock;
struct tcphdr;
struct xtcp_blackbox;

enum xtcp_blackbox_call {
	XTCP_BLACKBOX_CONNECT,
	XTCP_BLACKBOX_SEND,
	XTCP_BLACKBOX_RECV,
	XTCP_BLACKBOX_SHUTDOWN,
	XTCP_BLACKBOX_CLOSE,
};

/* The caller of each of these functions holds the socket lock. */
void xtcp_boxnote_slot(struct sock *sk, unsigned int slot);
struct xtcp_blackbox *xtcp_boxnote_box(const struct sock *sk);
void xtcp_boxnote_agreement(struct xtcp_blackbox *box, const struct sock *sk);
void xtcp_boxnote_syn(struct xtcp_blackbox *box, const struct sock *sk, u64 us, bool in, u16 wnd);
void xtcp_boxnote_in(struct sock *sk, struct sk_buff *skb);
void xtcp_boxnote_out(struct sock *sk, const struct tcphdr *th, u64 us, u32 len, u32 segments, bool resent, u8 ecn);
void xtcp_boxnote_state(struct sock *sk, int state);
void xtcp_boxnote_timer(struct sock *sk, int which);
void xtcp_boxnote_congestion(struct sock *sk, u32 pipe, int reason);
void xtcp_boxnote_abort(struct sock *sk, int err, int reason);
void xtcp_boxnote_refused(struct sock *sk, int verdict);
void xtcp_boxnote_call(struct sock *sk, enum xtcp_blackbox_call call, u32 wanted, int got);

#endif /* XTCP_BOXNOTE_H */
