// SPDX-License-Identifier: GPL-2.0
#include "test.h"
#include <linux/genetlink.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

void netlink_start(struct netlink_request *req, int type, int flags, const void *fixed, size_t len)
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

char generic_said[256];
int generic_at;

static void keep_text(const struct nlmsghdr *head, int len)
{
	const int from = NLMSG_HDRLEN + sizeof(struct nlmsgerr);
	const struct nlattr *attr;

	generic_said[0] = 0;
	generic_at = -1;
	if (!(head->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	for (int at = from; at + NLA_HDRLEN <= len; at += NLA_ALIGN(attr->nla_len)) {
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

static void start(struct netlink_request *req, int queue, int message)
{
	const struct nfgenmsg family = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(queue) };

	netlink_start(req, NFNL_SUBSYS_QUEUE << 8 | message, 0, &family, sizeof(family));
}

/* One attribute of the queue, which must be accepted. */
static int configure(int fd, int queue, int type, const void *data, size_t len)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer;
	struct netlink_request req;

	start(&req, queue, NFQNL_MSG_CONFIG);
	netlink_put(&req, type, data, len);
	if (send(fd, &req, req.head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return -1;
	errno = -answer.error.error;
	return errno ? -1 : 0;
}

int nfqueue_hold(int ns, int queue)
{
	const struct nfqnl_msg_config_cmd bind = { .command = NFQNL_CFG_CMD_BIND };
	const struct nfqnl_msg_config_params params = { .copy_mode = NFQNL_COPY_META };
	int fd = ns_socket(ns, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), error;

	if (fd < 0)
		return -1;
	if (configure(fd, queue, NFQA_CFG_CMD, &bind, sizeof(bind)) ||
	    configure(fd, queue, NFQA_CFG_PARAMS, &params, sizeof(params))) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int nfqueue_next(int fd, int timeout_ms)
{
	const struct nfqnl_msg_packet_hdr *packet;
	union {
		struct nlmsghdr head;
		char octets[1024];
	} message;
	const struct rtattr *attr;

	if (!stack_poll(fd, POLLIN, timeout_ms) || recv(fd, &message, sizeof(message), 0) < 0)
		return -1;
	if (message.head.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return -1;
	/* always the first attribute */
	attr = (const struct rtattr *)((const char *)NLMSG_DATA(&message.head) + NLMSG_ALIGN(sizeof(struct nfgenmsg)));
	if (attr->rta_type != NFQA_PACKET_HDR)
		return -1;
	packet = RTA_DATA(attr);
	return ntohl(packet->packet_id);
}

int nfqueue_pass_as(int fd, int queue, int packet, const void *data, size_t len)
{
	const struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT), .id = htonl(packet) };
	struct netlink_request req;

	start(&req, queue, NFQNL_MSG_VERDICT);
	netlink_put(&req, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	if (data)
		netlink_put(&req, NFQA_PAYLOAD, data, len);
	/* the answer would stand among the packets */
	req.head.nlmsg_flags = NLM_F_REQUEST;
	return send(fd, &req, req.head.nlmsg_len, 0) < 0 ? -1 : 0;
}

int nfqueue_pass(int fd, int queue, int packet)
{
	return nfqueue_pass_as(fd, queue, packet, NULL, 0);
}
