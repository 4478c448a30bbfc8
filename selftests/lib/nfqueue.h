/* SPDX-License-Identifier: GPL-2.0 */
/* A queue of netfilter that keeps what comes into it. */
#pragma once

#include <stddef.h>

/* Takes over the queue in @ns; closing the descriptor drops all that it holds. -1 with errno. */
int nfqueue_hold(int ns, int queue);

/* Waits for the next packet in it: its number, or -1 when none came in @timeout_ms. */
int nfqueue_next(int fd, int timeout_ms);

/* Lets a packet go on; 0, or -1 with errno. */
int nfqueue_pass(int fd, int queue, int packet);

/* The same, but replaces the packet by @data, from its IP header on. */
int nfqueue_pass_as(int fd, int queue, int packet, const void *data, size_t len);
