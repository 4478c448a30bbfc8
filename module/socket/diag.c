// SPDX-License-Identifier: GPL-2.0
/*
 * The handler of AF_XTCP in sock_diag: it lists sockets, and ends them (kill.c).
 *
 * Requests and answers are those of Linux's inet_diag for kernel TCP, so that tools understand
 * them. A request is a struct inet_diag_req_v2. Its family is AF_XTCP, and its protocol is that of
 * socket(): XTCPPROTO_IPV4 or XTCPPROTO_IPV6. An answer is a struct inet_diag_msg; its family is
 * AF_INET or AF_INET6. A request may carry attributes: a filter, and those of uapi/linux/xtcp.h. A
 * request sees only the sockets of its own namespace.
 *
 * A dump keeps the module loaded from its request until the program has read the dump to its end,
 * or has closed the netlink socket. So any user can keep the module loaded;
 * scripts/tools/xtcp-holders says which user does. The namespace cannot end during a dump, because
 * the netlink socket belongs to it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/xtcp.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/tcp_states.h>

#include "base/net.h"
#include "compat.h"
#include "lookup/lookup.h"
#include "socket/diag_filter.h"
#include "socket/diag_find.h"
#include "socket/diag_row.h"
#include "socket/diag_walk.h"
#include "socket/family.h"
#include "socket/kill.h"

#define LARGE_MESSAGE	32768	/* octets: room for 300 MD5 keys; iproute2 can read this size */

static int take_filter(struct xtcp_diag_ask *ask, const struct nlattr *attr)
{
	const unsigned int len = nla_len(attr);
	u8 *notes;
	int err;

	if (ask->filter)
		return -EINVAL;
	notes = kzalloc(xtcp_diag_filter_notes(len), GFP_KERNEL_ACCOUNT);
	if (!notes)
		return -ENOMEM;
	err = xtcp_diag_filter_check(nla_data(attr), len, ask->administrator, notes);
	kfree(notes);
	ask->filter = nla_data(attr);
	ask->filter_len = len;
	return err;
}

static int take_user(struct xtcp_diag_ask *ask, const struct nlattr *attr)
{
	if (nla_len(attr) != sizeof(u32))
		return -EINVAL;
	ask->uid = make_kuid(ask->users, nla_get_u32(attr));
	ask->by_uid = true;
	return uid_valid(ask->uid) ? 0 : -EINVAL;
}

static int take_cookie(struct xtcp_diag_ask *ask, const struct nlattr *attr)
{
	if (nla_len(attr) != sizeof(ask->cookie))
		return -EINVAL;
	memcpy(ask->cookie, nla_data(attr), sizeof(ask->cookie));
	ask->has_cookie = true;
	return 0;
}

/* As in Linux, unknown attributes are ignored. */
static int take_attributes(struct xtcp_diag_ask *ask, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	int left, err = 0;

	nlmsg_for_each_attr(attr, nlh, sizeof(struct inet_diag_req_v2), left) {
		switch (nla_type(attr)) {
		case INET_DIAG_REQ_BYTECODE:
			err = take_filter(ask, attr);
			break;
		case XTCP_DIAG_REQ_UID:
			err = take_user(ask, attr);
			break;
		case XTCP_DIAG_REQ_COOKIE:
			err = take_cookie(ask, attr);
			break;
		}
		if (err)
			return err;
	}
	return left > 0 ? -EINVAL : 0;
}

/*
 * Translate a request into @ask. @ask points into @request, so @request must exist for as long as
 * @ask is used.
 */
static int understand(struct xtcp_diag_ask *ask, const struct sk_buff *request, const struct nlmsghdr *nlh)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);

	*ask = (struct xtcp_diag_ask) {
		.xn = xtcp_net(sock_net(request->sk)),
		.users = sk_user_ns(NETLINK_CB(request).sk),
		.states = req->idiag_states,
		.portid = NETLINK_CB(request).portid,
		.seq = nlh->nlmsg_seq,
		.sport = req->id.idiag_sport,
		.dport = req->id.idiag_dport,
		.family = req->sdiag_protocol == XTCPPROTO_IPV6 ? AF_INET6 : AF_INET,
		.ext = req->idiag_ext,
		.administrator = netlink_net_capable(request, CAP_NET_ADMIN),
	};
	return take_attributes(ask, nlh);
}

static int dump_start(struct netlink_callback *cb)
{
	struct xtcp_diag_walk *walk = kzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	int err;

	if (!walk)
		return -ENOMEM;
	err = understand(&walk->ask, cb->skb, cb->nlh);
	if (err) {
		kfree(walk);
		return err;
	}
	walk->ask.flags = NLM_F_MULTI;
	cb->data = walk;
	return 0;
}

/*
 * A row that does not fit into an empty message has many MD5 keys. Enlarge the message, perhaps
 * beyond the size of the reader's buffer. (Linux also does this, for rows with much BPF storage.)
 * If the keys still do not fit, the row shows as many as fit, so no program can make a listing
 * fail.
 */
static void enlarge(struct sk_buff *skb, struct xtcp_diag_ask *ask)
{
	const int more = LARGE_MESSAGE - skb_tailroom(skb);

	/* without memory, the message keeps its size */
	if (more > 0)
		(void)pskb_expand_head(skb, 0, more, GFP_KERNEL | __GFP_NOWARN);
	ask->cuts_keys = true;
}

static int dump_on(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct xtcp_diag_walk *walk = cb->data;
	int err;

	if (!xtcp_netns_is_started(walk->ask.xn))
		return 0;
	if (!walk->is_begun)
		xtcp_diag_walk_begin(walk);
	err = xtcp_diag_walk_on(walk, skb);
	if (err == -EMSGSIZE && !skb->len) {
		enlarge(skb, &walk->ask);
		err = xtcp_diag_walk_on(walk, skb);
		walk->ask.cuts_keys = false;
	}
	return err == -EMSGSIZE && skb->len ? (int)skb->len : err;
}

static int dump_done(struct netlink_callback *cb)
{
	kfree(cb->data);
	return 0;
}

/*
 * Write the row of the socket that a request names. Return: 0; -ENOENT if there is no such socket;
 * -EAGAIN if a program has the socket lock; -ESTALE if the connection has ended; -EMSGSIZE if the
 * row does not fit into @answer.
 */
static int put_one(struct sk_buff *answer, const struct xtcp_diag_ask *ask, const struct inet_diag_req_v2 *req)
{
	struct xtcp_conn *conn = NULL;
	struct sock *lsk = NULL;
	int err = -ENOENT;

	rcu_read_lock();
	if (req->id.idiag_dport)
		conn = xtcp_diag_find_conn(ask->xn, req);
	else
		lsk = xtcp_diag_find_listener(ask->xn, req);
	if (conn)
		err = xtcp_diag_row_conn(answer, ask, conn);
	else if (lsk)
		err = xtcp_diag_row_listener(answer, ask, lsk);
	rcu_read_unlock();
	return err ?: answer->len ? 0 : -ENOENT;
}

/*
 * Answer with the one socket that has the addresses and the cookie of the request. idiag_states is
 * ignored.
 */
static int show_one(struct sk_buff *request, const struct nlmsghdr *nlh)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);
	struct xtcp_diag_walk *walk;
	struct sk_buff *answer;
	int err;

	walk = kzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	answer = nlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL_ACCOUNT);
	err = walk && answer ? understand(&walk->ask, request, nlh) : -ENOMEM;
	if (err)
		goto out;
	if (!xtcp_netns_is_started(walk->ask.xn)) {
		err = -ENOENT;
		goto out;
	}
	walk->ask.states = ~0U;
	xtcp_diag_walk_begin(walk);
	do {
		err = put_one(answer, &walk->ask, req);
		if (err == -EMSGSIZE && !walk->ask.cuts_keys) {
			enlarge(answer, &walk->ask);
			err = put_one(answer, &walk->ask, req);
		}
	} while (err == -EAGAIN && (xtcp_diag_walk_waits(walk) || walk->ask.unlocked));
	if (!err) {
		err = nlmsg_unicast(sock_net(request->sk)->diag_nlsk, answer, NETLINK_CB(request).portid);
		answer = NULL;
	}
out:
	kfree_skb(answer);
	kfree(walk);
	return err == -ESTALE ? -ENOENT : err;
}

static int check_request(const struct nlmsghdr *nlh)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);

	if (nlmsg_len(nlh) < sizeof(*req))
		return -EINVAL;
	if (req->sdiag_protocol != XTCPPROTO_IPV4 && req->sdiag_protocol != XTCPPROTO_IPV6)
		return -EPROTONOSUPPORT;
	return 0;
}

static int diag_list(struct sk_buff *request, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = {
		.start = dump_start,
		.dump = dump_on,
		.done = dump_done,
	};
	int err = check_request(nlh);

	if (err)
		return err;
	if (nlh->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(sock_net(request->sk)->diag_nlsk, request, nlh, &control);
	return show_one(request, nlh);
}

static int diag_destroy(struct sk_buff *request, struct nlmsghdr *nlh)
{
	const int err = check_request(nlh);

	if (err)
		return err;
	/*
	 * both the sender and the program that opened the netlink socket need CAP_NET_ADMIN. A user
	 * without it may start a setuid program with such a socket as its standard error
	 */
	if (!netlink_net_capable(request, CAP_NET_ADMIN))
		return -EPERM;
	return xtcp_kill_requested(sock_net(request->sk), nlmsg_data(nlh));
}

static struct sock_diag_handler handler = {
	XTCP_COMPAT_DIAG_OWNER
	.dump		= diag_list,
	.destroy	= diag_destroy,
};

static bool is_registered;

/**
 * xtcp_diag_register() - let programs list sockets, and an administrator end them
 *
 * The module works without this handler. So if the family already has another handler, the function
 * only logs a warning.
 *
 * Context: process, module init. The family is registered.
 */
void xtcp_diag_register(void)
{
	handler.family = xtcp_family_number();
	is_registered = !sock_diag_register(&handler);
	if (!is_registered)
		pr_warn("sock_diag has another handler for address family %d: xtcp-ss -i and -K do not work\n",
			handler.family);
}

/**
 * xtcp_diag_unregister() - undo xtcp_diag_register()
 *
 * Context: process, module exit. No request is being handled, since each keeps the module loaded.
 */
void xtcp_diag_unregister(void)
{
	if (is_registered)
		sock_diag_unregister(&handler);
}
