// SPDX-License-Identifier: GPL-2.0
#include "netlink.h"
#include "nfqueue.h"
#include "test.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include "netlink.h"

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
	struct pollfd arrived = { .fd = fd, .events = POLLIN };
	const struct nfqnl_msg_packet_hdr *packet;
	union {
		struct nlmsghdr head;
		char octets[1024];
	} message;
	const struct rtattr *attr;

	if (poll(&arrived, 1, timeout_ms) != 1 || recv(fd, &message, sizeof(message), 0) < 0)
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
