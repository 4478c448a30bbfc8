/* SPDX-License-Identifier: GPL-2.0 */
/* Messages in a stream: a length of four octets in network order, then the text. No read() ends where one does. */
#ifndef FRAME_H
#define FRAME_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MOST 65536	/* who believes any length lets a stranger choose how much memory it takes */

/* frame_read_all() - Exactly so much. Return: less only at the end, or when the connection broke. */
static inline size_t frame_read_all(int fd, void *data, size_t len)
{
	size_t got;
	ssize_t n;

	for (got = 0; got < len; got += n) {
		n = read(fd, (char *)data + got, len - got);
		if (n <= 0)
			break;
	}
	return got;
}

/* frame_read() - The next message into @data, which has room for FRAME_MOST. Return: its length, -1: none whole. */
static inline ssize_t frame_read(int fd, void *data)
{
	uint32_t len;

	if (frame_read_all(fd, &len, sizeof(len)) < sizeof(len))
		return -1;
	len = ntohl(len);
	if (len > FRAME_MOST || frame_read_all(fd, data, len) < len)
		return -1;
	return len;
}

/* frame_write() - A message to @to, which has room. Return: what stands behind it. */
static inline char *frame_write(char *to, const void *data, uint32_t len)
{
	uint32_t n = htonl(len);

	memcpy(to, &n, sizeof(n));
	memcpy(to + sizeof(n), data, len);
	return to + sizeof(n) + len;
}

#endif
