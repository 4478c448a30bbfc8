// SPDX-License-Identifier: GPL-2.0
#include "generic.h"

#include <linux/genetlink.h>
#include <linux/inet_diag.h>

#include "test.h"

char generic_said[256];
int generic_at;

static void keep_text(const struct nlmsghdr *head, int len)
{
	const int from = NLMSG_HDRLEN + sizeof(struct nlmsgerr);
	const struct nlattr *attr;
	int at;

	generic_said[0] = 0;
	generic_at = -1;
	if (!(head->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	for (at = from; at + NLA_HDRLEN <= len; at += NLA_ALIGN(attr->nla_len)) {
		attr = (const void *)((const char *)head + at);
		if (attr->nla_len < NLA_HDRLEN)
			return;
		if (attr->nla_type == NLMSGERR_ATTR_MSG)
			snprintf(generic_said, sizeof(generic_said), "%s", (const char *)attr + NLA_HDRLEN);
		if (attr->nla_type == NLMSGERR_ATTR_OFFS)
			memcpy(&generic_at, (const char *)attr + NLA_HDRLEN, sizeof(generic_at));
	}
}

int generic_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	must(fd >= 0 && !stack_set(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1) &&
	     !stack_set(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1), "generic netlink");
	return fd;
}

/* *@id becomes what the answer says of a family, if it does. */
static int talk(int fd, const struct nlmsghdr *request, int *id)
{
	char answer[8192];
	const struct nlmsghdr *head = (const void *)answer;
	const struct nlattr *attr;
	int len, at;

	must(send(fd, request, request->nlmsg_len, 0) == (int)request->nlmsg_len, "request");
	for (;;) {
		len = recv(fd, answer, sizeof(answer), 0);
		must(len > NLMSG_HDRLEN, "answer");
		if (head->nlmsg_type == NLMSG_ERROR) {
			keep_text(head, len);
			return -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		}
		for (at = NLMSG_HDRLEN + GENL_HDRLEN; id && at + NLA_HDRLEN <= len; at += NLA_ALIGN(attr->nla_len)) {
			attr = (const void *)(answer + at);
			if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
				*id = *(const unsigned short *)((const char *)attr + NLA_HDRLEN);
		}
	}
}

int generic_family(int fd, const char *name)
{
	const struct genlmsghdr control = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct netlink_request req;
	int id = 0;

	netlink_start(&req, GENL_ID_CTRL, 0, &control, sizeof(control));
	netlink_put_string(&req, CTRL_ATTR_FAMILY_NAME, name);
	return talk(fd, &req.head, &id) ? -1 : id;
}

int generic_talk(int fd, const struct nlmsghdr *head)
{
	return talk(fd, head, NULL);
}

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
