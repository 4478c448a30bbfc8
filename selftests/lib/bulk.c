// SPDX-License-Identifier: GPL-2.0
#include "bulk.h"

#include <linux/sockios.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "must.h"

void *bulk_swallow(void *fd)
{
	static char in[65536];

	while (recv(*(int *)fd, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

void bulk_send(int fd, int len)
{
	static const char octets[65536];
	int n;

	for (; len; len -= n) {
		n = send(fd, octets, len < (int)sizeof(octets) ? len : (int)sizeof(octets), MSG_NOSIGNAL);
		must(n > 0, "send");
	}
}

int bulk_unacknowledged(int fd)
{
	int queued = -1;

	must(!ioctl(fd, SIOCOUTQ, &queued), "SIOCOUTQ");
	return queued;
}
