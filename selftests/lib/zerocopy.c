// SPDX-License-Identifier: GPL-2.0
#include "zerocopy.h"
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include "test.h"

void zerocopy_on(int fd)
{
	if (stack_set(fd, SOL_SOCKET, SO_ZEROCOPY, 1))
		must(!stack_set(fd, IPPROTO_TCP, XTCP_ZEROCOPY, 1), "XTCP_ZEROCOPY");
}

ssize_t zerocopy_send(int fd, const void *from, size_t len, int flags)
{
	return send(fd, from, len, flags | MSG_ZEROCOPY | MSG_NOSIGNAL);
}

bool zerocopy_told(int fd, struct zerocopy_told *told)
{
	char control[256];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct sock_extended_err *err;
	struct cmsghdr *cmsg;

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	cmsg = CMSG_FIRSTHDR(&m);
	must(cmsg && ((cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_RECVERR) ||
		      (cmsg->cmsg_level == SOL_IPV6 && cmsg->cmsg_type == IPV6_RECVERR)), "IP_RECVERR");
	err = (struct sock_extended_err *)CMSG_DATA(cmsg);
	must(err->ee_origin == SO_EE_ORIGIN_ZEROCOPY && !err->ee_errno && m.msg_flags & MSG_ERRQUEUE, "a notification");
	told->lo = err->ee_info;
	told->hi = err->ee_data;
	told->copied = err->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	return true;
}

bool zerocopy_tells(int fd, unsigned int lo, unsigned int hi, bool copied)
{
	struct zerocopy_told told;

	if (!WAIT_FOR(zerocopy_told(fd, &told), STACK_DEADLINE_MS)) {
		ksft_print_msg("no notification\n");
		return false;
	}
	if (told.lo == lo && told.hi == hi && told.copied == copied)
		return true;
	ksft_print_msg("writes %u to %u%s, not %u to %u%s\n", told.lo, told.hi, told.copied ? ", copied" : "", lo, hi,
		       copied ? ", copied" : "");
	return false;
}

unsigned int zerocopy_queued(int fd)
{
	uint32_t mem[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(mem);

	must(!getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len), "SO_MEMINFO");
	return mem[SK_MEMINFO_WMEM_QUEUED];
}

bool zerocopy_settled(int fd)
{
	const int zero = 0;

	if (!WAIT_FOR(!zerocopy_queued(fd), STACK_DEADLINE_MS))
		return false;
	/* the last skb is freed under the socket lock, for which this call waits */
	must(!setsockopt(fd, IPPROTO_TCP, TCP_CORK, &zero, sizeof(zero)), "TCP_CORK");
	return true;
}
