// SPDX-License-Identifier: GPL-2.0
#include "netlink.h"

#include "test.h"

void netlink_start(struct netlink_request *req, int type, int flags,
		   const void *fixed, size_t len)
{
	memset(req, 0, sizeof(*req));
	req->head.nlmsg_len = NLMSG_LENGTH(len);
	req->head.nlmsg_type = type;
	req->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	memcpy(NLMSG_DATA(&req->head), fixed, len);
}

void netlink_put(struct netlink_request *req, int type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(req->head.nlmsg_len);
	struct rtattr *attr = (struct rtattr *)((char *)req + at);

	if (at + RTA_SPACE(len) > sizeof(*req))
		abort();
	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
	req->head.nlmsg_len = at + RTA_SPACE(len);
}

void netlink_put_string(struct netlink_request *req, int type, const char *text)
{
	netlink_put(req, type, text, strlen(text) + 1);
}

void netlink_put_u32(struct netlink_request *req, int type, unsigned int value)
{
	netlink_put(req, type, &value, sizeof(value));
}

struct rtattr *netlink_begin(struct netlink_request *req, int type)
{
	struct rtattr *nest = (struct rtattr *)((char *)req + NLMSG_ALIGN(req->head.nlmsg_len));

	netlink_put(req, type, NULL, 0);
	return nest;
}

void netlink_end(struct netlink_request *req, struct rtattr *nest)
{
	nest->rta_len = (char *)req + NLMSG_ALIGN(req->head.nlmsg_len) - (char *)nest;
}

int netlink_talk(int ns, struct netlink_request *req)
{
	int fd = ns_socket(ns, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char more[2048];
	} answer;
	ssize_t len;

	if (fd < 0)
		return -1;
	if (send(fd, req, req->head.nlmsg_len, 0) < 0) {
		close(fd);
		return -1;
	}
	len = recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	if (len < (ssize_t)NLMSG_LENGTH(sizeof(int)) || answer.head.nlmsg_type != NLMSG_ERROR) {
		errno = EPROTO;
		return -1;
	}
	errno = -answer.error.error;
	return answer.error.error ? -1 : 0;
}
