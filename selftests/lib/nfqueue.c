// SPDX-License-Identifier: GPL-2.0
#include "nfqueue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink.h"
#include "ns.h"

/* One attribute of the queue, which must be accepted. */
static int configure(int fd, int queue, int type, const void *data, size_t len)
{
	const struct nfgenmsg family = {
		.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(queue),
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer;
	struct netlink_request req;

	netlink_start(&req, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, 0, &family, sizeof(family));
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
