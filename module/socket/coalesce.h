/* SPDX-License-Identifier: GPL-2.0 */
/* Puts small writes that follow each other closely into one segment. */
#ifndef XTCP_COALESCE_H
#define XTCP_COALESCE_H

#include <linux/types.h>

struct sock;

bool xtcp_coalesce_holds(struct sock *sk, u32 written);
void xtcp_coalesce_flush(struct sock *sk);

#endif /* XTCP_COALESCE_H */
