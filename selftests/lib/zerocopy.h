/* SPDX-License-Identifier: GPL-2.0 */
/* MSG_ZEROCOPY: what the error queue of a socket says about the buffers of its writes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes @lo to @hi, counted from 0: their buffers are free; and whether a copy of the octets was made all the same. */
struct zerocopy_told {
	unsigned int lo, hi;
	bool copied;
};

/* SO_ZEROCOPY, or XTCP_ZEROCOPY where the kernel refuses that. Ends the program if both fail. */
void zerocopy_on(int fd);

/* send() with MSG_ZEROCOPY and @flags. */
ssize_t zerocopy_send(int fd, const void *from, size_t len, int flags);

/* Takes one notification from the error queue; false: there is none. Ends the program if it is not one. */
bool zerocopy_told(int fd, struct zerocopy_told *told);

/* Waits for one; is it this one? If not, a line says what came. */
bool zerocopy_tells(int fd, unsigned int lo, unsigned int hi, bool copied);

/* The memory of all that is queued, as the socket counts it. */
unsigned int zerocopy_queued(int fd);

/* Waits until the peer has acknowledged all, and the buffers of all writes are free. */
bool zerocopy_settled(int fd);
