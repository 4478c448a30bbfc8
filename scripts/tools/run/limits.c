// SPDX-License-Identifier: GPL-2.0
/*
 * --keepalive, --user-timeout, --idle and --half-closed: options that each xtcp socket of the program gets when it is
 * made. What the program sets afterwards replaces them. Accepted sockets inherit them from their listener.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/xtcp.h>

#include "run.h"

#define LIMITS 4

/* In the order of their numbers in the environment. 0: the option is not set. */
static struct limit {
	const char *name;
	int level;
	int option;
	unsigned int value;
} limits[LIMITS] = {
	{ "keepalive", SOL_SOCKET, SO_KEEPALIVE }, { "user-timeout", IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ "idle", IPPROTO_TCP, XTCP_IDLE_MS }, { "half-closed", IPPROTO_TCP, XTCP_HALF_CLOSED_MS },
};

/* limits_set() - One of them, for start.c. Return: false when @text is no number from 1 to 2^31 - 1. */
bool limits_set(unsigned int which, const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < 1 || value > 2147483647)
		return false;
	limits[which].value = value;
	return true;
}

/* limits_write() - All of them, for the environment. */
void limits_write(char *to, size_t size)
{
	snprintf(to, size, "%u,%u,%u,%u", limits[0].value, limits[1].value, limits[2].value, limits[3].value);
}

/* limits_read() - What limits_write() has written; NULL: there are none. */
void limits_read(const char *from)
{
	if (from)
		sscanf(from, "%u,%u,%u,%u", &limits[0].value, &limits[1].value, &limits[2].value, &limits[3].value);
}

bool limits_any(void)
{
	return limits[0].value || limits[1].value || limits[2].value || limits[3].value;
}

/* limits_apply() - Set them on a new socket of xtcp. */
void limits_apply(int fd)
{
	int i, value, saved = errno;

	for (i = 0; i < LIMITS; i++) {
		value = limits[i].value;
		if (value && setsockopt(fd, limits[i].level, limits[i].option, &value, sizeof(value)))
			log_line("socket %d cannot have --%s", fd, limits[i].name);
	}
	errno = saved;
}
