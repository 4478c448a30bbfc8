// SPDX-License-Identifier: GPL-2.0
#include "tap.h"
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include "test.h"

int tap_open(int ns, const char *device)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ns_link_index(ns, device),
	};
	int fd = ns_socket(ns, AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)), error;

	if (fd < 0)
		return -1;
	if (!stack_set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool read_ports(const unsigned char *ip, ssize_t len, struct tap_segment *segment)
{
	bool v6 = ip[0] >> 4 == 6;
	int header = v6 ? 40 : 20;
	const unsigned char *tcp = ip + header;

	if (len < header + 20 || ip[v6 ? 6 : 9] != IPPROTO_TCP)
		return false;
	segment->from_port = tcp[0] << 8 | tcp[1];
	segment->to_port = tcp[2] << 8 | tcp[3];
	segment->text = (v6 ? (ip[4] << 8 | ip[5]) : (ip[2] << 8 | ip[3]) - header) - (tcp[12] >> 4) * 4;
	return true;
}

static long long read_time_or_die(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct timespec ts;

	must(c && c->cmsg_type == SCM_TIMESTAMPNS, "a segment without a time");
	memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

bool tap_next(int tap, struct tap_segment *segment)
{
	unsigned char packet[128], control[128];
	struct iovec iov = { packet, sizeof(packet) };
	struct sockaddr_ll from = {};
	struct msghdr msg;
	ssize_t len;

	do {
		msg = (struct msghdr) {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		len = recvmsg(tap, &msg, 0);
		if (len < 0)
			return false;
	} while (from.sll_pkttype != PACKET_OUTGOING || !read_ports(packet, len, segment));
	segment->time_of_day_us = read_time_or_die(&msg);
	return true;
}
