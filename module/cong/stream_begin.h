/* SPDX-License-Identifier: GPL-2.0 */
/* Allocates the data state of a connection (struct xtcp_stream); base/stream.c says when. */
#ifndef XTCP_STREAM_BEGIN_H
#define XTCP_STREAM_BEGIN_H

#include <linux/gfp.h>

struct sock;

/* Socket lock held. */
bool xtcp_stream_begin(struct sock *sk, gfp_t gfp);

#endif /* XTCP_STREAM_BEGIN_H */
