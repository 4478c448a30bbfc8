/* SPDX-License-Identifier: GPL-2.0 */
/* TCP_INFO. Of linux/tcp.h, for libc's does not have all of it; netinet/tcp.h does not go together with that. */
#ifndef SELFTESTS_INFO_H
#define SELFTESTS_INFO_H

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "must.h"

/* Ends the program where there is none; fields that the kernel does not know are 0. */
static inline struct tcp_info info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info;
}

#endif
