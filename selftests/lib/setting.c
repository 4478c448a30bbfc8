// SPDX-License-Identifier: GPL-2.0
#include "setting.h"

#include <linux/genetlink.h>
#include <linux/inet_diag.h>

#include "generic.h"
#include "test.h"

void setting_start(struct netlink_request *req, const struct setting_target *t)
{
	const struct genlmsghdr set = { .cmd = XTCP_CMD_SET, .version = XTCP_GENL_VERSION };
	const unsigned char protocol = strchr(t->addr, ':') ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4;
	struct inet_diag_sockid id = {
		.idiag_sport = htons(t->port),
		.idiag_dport = htons(t->peer_port),
		.idiag_cookie = { (uint32_t)t->cookie, (uint32_t)(t->cookie >> 32) },
	};

	stack_put_addr(id.idiag_src, t->addr);
	stack_put_addr(id.idiag_dst, t->peer_addr);
	netlink_start(req, 0, 0, &set, sizeof(set));
	netlink_put(req, XTCP_SET_PROTOCOL, &protocol, sizeof(protocol));
	netlink_put(req, XTCP_SET_ID, &id, sizeof(id));
}

int setting_send(int fd, struct netlink_request *req)
{
	const int id = generic_family(fd, GENERIC_XTCP);

	must(id > 0, "the family of generic netlink");
	req->head.nlmsg_type = id;
	return generic_talk(fd, &req->head);
}

int setting_ask(struct netlink_request *req)
{
	int fd = generic_open(), err = setting_send(fd, req);

	close(fd);
	return err;
}

uint64_t setting_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	must(!getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len), "SO_COOKIE");
	return cookie;
}
