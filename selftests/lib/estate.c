// SPDX-License-Identifier: GPL-2.0
/* Listeners of xtcp that wait for a successor, and their successors. */
#include "estate.h"
#include "test.h"

void estate_knobs(int ns, int migrate_req, int wait_ms)
{
	must(!ns_sysctl_set(ns, "net.xtcp.migrate_req", "%d", migrate_req) &&
	     !ns_sysctl_set(ns, "net.xtcp.migrate_wait_ms", "%d", wait_ms), "knobs");
}

int estate_bound(int ns, enum stack stack, const char *text, int port, bool shares, uid_t uid)
{
	union stack_addr addr = stack_addr(text, port);
	int fd = stack_socket(ns, stack, text), value = shares;

	/* SO_REUSEADDR lets it in beside TIME-WAIT, but not beside a listener */
	must(fd >= 0 && !fchown(fd, uid, -1) && !stack_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
	     !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &value, sizeof(value)), "socket");
	if (!bind(fd, &addr.sa, stack_addr_len(&addr)))
		return fd;
	close(fd);
	return -1;
}

int estate_member_of(int ns, uid_t uid, const char *text, int port)
{
	int fd = estate_bound(ns, XTCP, text, port, true, uid);

	must(fd >= 0 && !listen(fd, ESTATE_BACKLOG) && !fcntl(fd, F_SETFL, O_NONBLOCK), "member");
	return fd;
}

int estate_member(int ns, const char *text, int port)
{
	return estate_member_of(ns, 0, text, port);
}

bool estate_is_free(int ns, const char *text, int port)
{
	int fd = estate_bound(ns, XTCP, text, port, false, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int estate_in_use(int ns, const char *text, int port, int count)
{
	int i, held = 0;

	for (i = 0; i < count; i++)
		held += !estate_is_free(ns, text, port + i);
	return held;
}
