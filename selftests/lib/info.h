/* SPDX-License-Identifier: GPL-2.0 */
/* TCP_INFO. Of linux/tcp.h, for libc's does not have all of it. */
#pragma once

#include <linux/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "must.h"

/* TCP_INFO with the fields that Linux 6.2 and 6.7 added: linux/tcp.h of an older kernel lacks them. */
union info_whole {
	struct tcp_info tcp;
	struct {
		uint8_t before[offsetof(struct tcp_info, tcpi_snd_wnd) + 4];
		uint32_t rcv_wnd, rehash;
		uint16_t total_rto, total_rto_recoveries;
		uint32_t total_rto_time;
	};
};

/* Ends the program where there is none; fields that the kernel does not know are 0. */
static inline struct tcp_info info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info;
}
