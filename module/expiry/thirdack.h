/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACK that completes a handshake (the third ACK) waits for a short time for text that the
 * program may send after connect().
 */
#ifndef XTCP_THIRDACK_H
#define XTCP_THIRDACK_H

#include <linux/types.h>

struct sock;

void xtcp_thirdack_init(void);
void xtcp_thirdack_exit(void);
void xtcp_thirdack_waits(struct sock *sk);
void xtcp_thirdack_go(void);
void xtcp_thirdack_forget(struct sock *sk, bool everywhere);

#endif /* XTCP_THIRDACK_H */
