// SPDX-License-Identifier: GPL-2.0
#include "diag.h"
#include <linux/sock_diag.h>
#include "test.h"

#define ROOM	65536

int diag_open(void)
{
	return must_have(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), "sock_diag");
}

void diag_put(struct diag_request *request, int type, const void *data, size_t len)
{
	struct rtattr *attr = (void *)request + NLMSG_ALIGN(request->head.nlmsg_len);

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), data, len);
	request->head.nlmsg_len = NLMSG_ALIGN(request->head.nlmsg_len) + RTA_SPACE(len);
}

void diag_fill(struct diag_request *request, const struct diag_query *query)
{
	memset(request, 0, sizeof(*request));
	request->head.nlmsg_len = offsetof(struct diag_request, attributes);
	request->head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->req.idiag_states = query->states ?: ~0U;
	request->req.idiag_ext = query->ext;
	request->req.id.idiag_sport = htons(query->port);
	request->req.id.idiag_dport = htons(query->peer_port);
	if (query->stack != KERNEL) {
		request->req.sdiag_family = query->stack == XTCP ? AF_XTCP : MODULE_SECOND_FAMILY;
		request->req.sdiag_protocol = query->v6 ? XTCPPROTO_IPV6 : XTCPPROTO_IPV4;
	} else {
		request->req.sdiag_family = query->v6 ? AF_INET6 : AF_INET;
		request->req.sdiag_protocol = IPPROTO_TCP;
	}
	if (query->filter)
		diag_put(request, INET_DIAG_REQ_BYTECODE, query->filter, query->filter_len);
	if (query->by_uid)
		diag_put(request, XTCP_DIAG_REQ_UID, &query->uid, sizeof(query->uid));
	if (query->cookie)
		diag_put(request, XTCP_DIAG_REQ_COOKIE, &query->cookie, sizeof(query->cookie));
}

void diag_send(int fd, const struct diag_request *request)
{
	const ssize_t len = request->head.nlmsg_len;

	must(send(fd, request, len, 0) == len, "a request to sock_diag");
}

static void read_row(const struct nlmsghdr *head, struct diag_row *row)
{
	const struct rtattr *attr;
	int left;

	memset(row, 0, sizeof(*row));
	row->msg = NLMSG_DATA(head);
	attr = (const void *)(row->msg + 1);
	left = head->nlmsg_len - NLMSG_LENGTH(sizeof(*row->msg));
	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type == XTCP_DIAG_ABORT && RTA_PAYLOAD(attr) == sizeof(*row->abort))
			row->abort = RTA_DATA(attr);
		if (attr->rta_type == XTCP_DIAG_ACK_RATE && RTA_PAYLOAD(attr) == sizeof(*row->ack_rate))
			row->ack_rate = RTA_DATA(attr);
		if (attr->rta_type >= DIAG_ATTRIBUTES)
			continue;
		row->attr[attr->rta_type] = RTA_DATA(attr);
		row->len[attr->rta_type] = RTA_PAYLOAD(attr);
	}
}

int diag_receive(int fd, size_t size, void (*row)(const struct diag_row *row, void *arg), void *arg)
{
	static _Thread_local char octets[ROOM] __attribute__((aligned(8)));
	ssize_t len = recv(fd, octets, size < ROOM ? size : ROOM, 0);
	const struct nlmsghdr *head = (const void *)octets;
	struct diag_row one;

	if (len < 0)
		return -errno;
	for (; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
		if (head->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		if (head->nlmsg_type == NLMSG_DONE)
			return *(const int *)NLMSG_DATA(head);
		read_row(head, &one);
		row(&one, arg);
	}
	return 1;
}

struct counting {
	void (*row)(const struct diag_row *row, void *arg);
	void *arg;
	int rows;
};

static void count(const struct diag_row *row, void *arg)
{
	struct counting *counting = arg;

	counting->rows++;
	if (counting->row)
		counting->row(row, counting->arg);
}

int diag_dump(const struct diag_query *query, void (*row)(const struct diag_row *row, void *arg), void *arg)
{
	struct counting counting = { .row = row, .arg = arg };
	struct diag_request *request = malloc(sizeof(*request));
	int fd = diag_open(), more;

	must(request, "memory");
	diag_fill(request, query);
	diag_send(fd, request);
	free(request);
	do {
		more = diag_receive(fd, ROOM, count, &counting);
	} while (more == 1);
	close(fd);
	return more ?: counting.rows;
}

struct finding {
	int port, peer_port, found;
	struct diag_copy *copy;
};

static void keep(const struct diag_row *row, struct diag_copy *copy)
{
	size_t used = 0;

	copy->msg = *row->msg;
	copy->row = *row;
	copy->row.msg = &copy->msg;
	if (row->abort) {
		memcpy(copy->octets, row->abort, sizeof(*row->abort));
		copy->row.abort = (const void *)copy->octets;
		used = NLMSG_ALIGN(sizeof(*row->abort));
	}
	if (row->ack_rate) {
		memcpy(copy->octets + used, row->ack_rate, sizeof(*row->ack_rate));
		copy->row.ack_rate = (const void *)(copy->octets + used);
		used += NLMSG_ALIGN(sizeof(*row->ack_rate));
	}
	for (int i = 0; i < DIAG_ATTRIBUTES; i++) {
		if (!row->attr[i])
			continue;
		must(used + row->len[i] <= sizeof(copy->octets), "room for attributes");
		memcpy(copy->octets + used, row->attr[i], row->len[i]);
		copy->row.attr[i] = copy->octets + used;
		used += NLMSG_ALIGN(row->len[i]);
	}
}

static void look(const struct diag_row *row, void *arg)
{
	struct finding *finding = arg;

	if (ntohs(row->msg->id.idiag_sport) != finding->port || ntohs(row->msg->id.idiag_dport) != finding->peer_port)
		return;
	finding->found++;
	keep(row, finding->copy);
}

int diag_find(const struct diag_query *query, int port, int peer_port, struct diag_copy *copy)
{
	struct finding finding = { .port = port, .peer_port = peer_port, .copy = copy };
	int rows = diag_dump(query, look, &finding);

	return rows < 0 ? rows : finding.found;
}

static void look_alone(const struct diag_row *row, void *arg)
{
	keep(row, arg);
}

int diag_get(const struct diag_query *query, const struct inet_diag_sockid *id, struct diag_copy *copy)
{
	struct diag_request *request = malloc(sizeof(*request));
	int fd = diag_open(), more;

	must(request, "memory");
	diag_fill(request, query);
	request->head.nlmsg_flags = NLM_F_REQUEST;
	request->req.id = *id;
	diag_send(fd, request);
	free(request);
	more = diag_receive(fd, ROOM, look_alone, copy);
	close(fd);
	return more == 1 ? 0 : -more;
}

int diag_destroy(int fd, const char *addr, int port, const char *peer_addr, int peer_port)
{
	const struct diag_query query = {
		.stack = XTCP, .v6 = strchr(addr, ':'), .port = port, .peer_port = peer_port,
	};
	struct diag_request request;

	diag_fill(&request, &query);
	request.head.nlmsg_type = SOCK_DESTROY;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	stack_put_addr(request.req.id.idiag_src, addr);
	if (peer_port)
		stack_put_addr(request.req.id.idiag_dst, peer_addr);
	request.req.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	request.req.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	diag_send(fd, &request);
	return -diag_receive(fd, 8192, NULL, NULL);
}
