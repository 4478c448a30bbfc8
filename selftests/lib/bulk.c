// SPDX-License-Identifier: GPL-2.0
#include "bulk.h"

#include <linux/sockios.h>

#include "test.h"

static void *compare(void *arg)
{
	struct bulk_reader *r = arg;
	char c;

	r->right = stack_gives(r->fd, r->text, r->len) && recv(r->fd, &c, 1, 0) == 0;
	return NULL;
}

void bulk_compare(struct bulk_reader *r, const void *text, long len)
{
	r->text = text;
	r->len = len;
	must(!pthread_create(&r->thread, NULL, compare, r), "thread");
}

bool bulk_is_right(struct bulk_reader *r)
{
	must(!pthread_join(r->thread, NULL), "thread");
	return r->right;
}

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
