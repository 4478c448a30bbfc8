/* SPDX-License-Identifier: GPL-2.0 */
/* Much text whose contents do not matter, on a connection whose other end reads. What fails ends the program. */
#ifndef SELFTESTS_BULK_H
#define SELFTESTS_BULK_H

/* A thread that reads *@fd until the end of the stream, or a reset. */
void *bulk_swallow(void *fd);

/* Sends @len octets; blocks. */
void bulk_send(int fd, int len);

/* Octets that were written and not acknowledged. */
int bulk_unacknowledged(int fd);

#endif
