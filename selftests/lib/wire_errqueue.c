// SPDX-License-Identifier: GPL-2.0
/* What recvmsg(MSG_ERRQUEUE) tells of an ICMP error about a segment. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "wire.h"

struct told {
	struct sock_extended_err ee;
	struct sockaddr_in6 offender;	/* of either family */
};

static bool is_peer(const struct wire *w, const void *name, bool with_port)
{
	const struct sockaddr_in6 *v6 = name;
	const struct sockaddr_in *v4 = name;

	if (v4->sin_port != (with_port ? htons(w->c.pport) : 0))
		return false;
	if (w->ip == 4)
		return v4->sin_family == AF_INET && !memcmp(&v4->sin_addr, w->peer, 4);
	return v6->sin6_family == AF_INET6 && !memcmp(&v6->sin6_addr, w->peer, 16);
}

/* The message beside the octets: 0, or -1 when there is none. */
static int told_of(const struct wire *w, struct msghdr *msg, struct told *told)
{
	int level = w->ip == 4 ? SOL_IP : SOL_IPV6, type = w->ip == 4 ? IP_RECVERR : IPV6_RECVERR;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != level || cmsg->cmsg_type != type)
			continue;
		memset(told, 0, sizeof(*told));
		memcpy(told, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0) < sizeof(*told) ?
		       cmsg->cmsg_len - CMSG_LEN(0) : sizeof(*told));
		return 0;
	}
	return -1;
}

/* Takes one error from the connecting socket's queue. @args: "none", or "ERRNO TYPE CODE" of the ICMP message. */
int wire_errqueue(struct wire *w, char *args)
{
	char *next, *err = strtok_r(args, " ", &next), *type = strtok_r(NULL, " ", &next);
	char *code = strtok_r(NULL, " ", &next);
	uint8_t octets[64], control[512];
	struct sockaddr_in6 name = { 0 };
	struct iovec iov = { octets, sizeof(octets) };
	struct msghdr msg = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(w->c.fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	uint32_t want_type, want_code;
	struct told told;
	uint16_t ports[2];

	if (err && !strcmp(err, "none"))
		return n < 0 && errno == EAGAIN ? 0 : wire_fail(w, "the error queue gives %zd octets", n);
	if (n < 0)
		return wire_fail(w, "error queue: %s", strerror(errno));
	if (wire_text_u32(w, type, &want_type) || wire_text_u32(w, code, &want_code))
		return wire_fail(w, "errqueue: no type or code");
	if (!(msg.msg_flags & MSG_ERRQUEUE) || told_of(w, &msg, &told))
		return wire_fail(w, "the error queue tells nothing of its origin");
	if (strcmp(wire_socket_errno_name(told.ee.ee_errno), err) || told.ee.ee_type != want_type ||
	    told.ee.ee_code != want_code || told.ee.ee_info || told.ee.ee_data ||
	    told.ee.ee_origin != (w->ip == 4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6))
		return wire_fail(w, "%s, origin %u, type %u, code %u, info %u",
				 wire_socket_errno_name(told.ee.ee_errno), told.ee.ee_origin, told.ee.ee_type,
				 told.ee.ee_code, told.ee.ee_info);
	if (!is_peer(w, &name, true) || !is_peer(w, &told.offender, false))
		return wire_fail(w, "an error of another peer, or told by somebody else");
	memcpy(ports, octets, sizeof(ports));
	if (n < 8 || ntohs(ports[0]) != w->c.lport || ntohs(ports[1]) != w->c.pport)
		return wire_fail(w, "%zd octets that are not of the segment", n);
	return 0;
}
