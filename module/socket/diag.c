// SPDX-License-Identifier: GPL-2.0
/*
 * The handler of AF_XTCP in sock_diag: it lists sockets, and ends them (set.c).
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
 *
 * Walks over all listeners and connections of a namespace, and over the socks whose connection was
 * aborted, for a dump.
 *
 * A program reads its dump in several steps, and anything may change between two of them. But if a
 * listener or a connection exists during the whole dump, the dump shows it exactly once, for two
 * reasons:
 *
 *  - A listener keeps its number, and so does a sock whose connection was aborted (end.c).
 *  - A connection stays in its hash chain, since the table never grows. It also keeps its key
 *    (struct xtcp_diag_key) when a sock replaces a half-open entry, and when a TIME-WAIT record
 *    replaces a sock.
 *
 * The walk takes the connections of a chain in the order of their keys, and notes the key of the
 * last one. To find the next ones, it goes through the whole chain again. This works even if a
 * chain is longer than a message, and while connections come and go anywhere in it. A chain has
 * only a few connections, unless the module parameter "chains" makes the table very small.
 *
 * The aborted socks come before the connections. So a connection that is aborted during the dump is
 * shown once or not at all, never twice.
 *
 * A step shows XTCP_DIAG_BATCH connections at most, in an RCU read side of its own. Softirq waits
 * for the walk only if both need the lock of the same sock. The walk takes this lock to fill in
 * TCP_INFO or the state of the congestion control, and to fill in the row of an aborted sock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/socket.h"

#include <linux/delay.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <linux/xtcp.h>
#include <net/net_namespace.h>
#include <net/netlink.h>
#include <net/tcp_states.h>

#include "base/net.h"
#include "compat.h"
#include "lookup/lookup.h"
#include "sock/create.h"
#include "socket/diag_filter.h"

/*
 * When a program has the lock of a sock, a dump pauses and tries again, before it lists the sock
 * without TCP_INFO. It pauses at most 20 times for one sock, and at most for one second in all.
 */
#define PAUSE_US	100
#define PAUSES		20
#define PATIENCE	(USEC_PER_SEC / PAUSE_US)

static struct xtcp_diag_key key_of(const struct xtcp_conn *conn)
{
	return (struct xtcp_diag_key) {
		.hash = conn->hash,
		.dev = conn->bound_dev_if,
		.tuple = xtcp_conn_tuple(conn),
	};
}

static int compare(const struct xtcp_diag_key *a, const struct xtcp_diag_key *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return memcmp(&a->tuple, &b->tuple, sizeof(a->tuple));
}

/*
 * Put a connection into the batch, unless it was shown already, or the batch is full of connections
 * with lower keys.
 */
static void enter_batch(struct xtcp_diag_walk *walk, struct xtcp_conn *conn)
{
	const struct xtcp_diag_key key = key_of(conn);
	unsigned int at = walk->n;

	if (walk->is_inside && compare(&key, &walk->last) <= 0)
		return;
	while (at && compare(&key, &walk->key[at - 1]) < 0)
		at--;
	if (at == XTCP_DIAG_BATCH)
		return;
	if (walk->n < XTCP_DIAG_BATCH)
		walk->n++;
	memmove(&walk->key[at + 1], &walk->key[at], (walk->n - at - 1) * sizeof(walk->key[0]));
	memmove(&walk->conn[at + 1], &walk->conn[at], (walk->n - at - 1) * sizeof(walk->conn[0]));
	walk->key[at] = key;
	walk->conn[at] = conn;
}

/* Fill the batch with the next connections of the chain, in the order of their keys. */
static void fill_batch(struct xtcp_diag_walk *walk)
{
	struct xtcp_conn *conn;

	walk->n = 0;
	for (conn = xtcp_conns_first(walk->chain); conn; conn = xtcp_conns_next(conn))
		if (conn->net_id == walk->ask.xn->id)
			enter_batch(walk, conn);
}

/*
 * Find the connection that has replaced @old, for example the TIME-WAIT record of a sock. Return:
 * the connection, or NULL.
 */
static struct xtcp_conn *successor(const struct xtcp_diag_walk *walk, const struct xtcp_conn *old,
				   const struct xtcp_diag_key *key)
{
	struct xtcp_diag_key other;
	struct xtcp_conn *conn;

	for (conn = xtcp_conns_first(walk->chain); conn; conn = xtcp_conns_next(conn)) {
		if (conn == old || conn->hash != key->hash || conn->net_id != walk->ask.xn->id)
			continue;
		other = key_of(conn);
		if (!compare(&other, key))
			return conn;
	}
	return NULL;
}

static int put_conn(struct xtcp_diag_walk *walk, struct sk_buff *skb, unsigned int i)
{
	struct xtcp_conn *conn = walk->conn[i];
	int err = xtcp_diag_row_conn(skb, &walk->ask, conn);

	if (err != -ESTALE)
		return err;
	conn = successor(walk, conn, &walk->key[i]);
	err = conn ? xtcp_diag_row_conn(skb, &walk->ask, conn) : 0;
	return err == -ESTALE ? 0 : err;
}

/* Write the rows of the batch. Return: 0, or the error of the first connection that failed. */
static int put_batch(struct xtcp_diag_walk *walk, struct sk_buff *skb)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < walk->n && !err; i++) {
		err = put_conn(walk, skb, i);
		if (err)
			break;
		walk->last = walk->key[i];
		walk->is_inside = true;
		walk->tries = 0;
		walk->ask.unlocked = false;
	}
	return err;
}

/*
 * Wait a moment for a program that has the lock of the next sock.
 * @walk: the walk; if it has waited long enough, its ask.unlocked is set
 *
 * Context: process, may sleep.
 *
 * Return: false when the dump has waited long enough, and the row is to be made without the lock.
 */
static bool xtcp_diag_walk_waits(struct xtcp_diag_walk *walk)
{
	if (walk->tries == PAUSES || !walk->patience) {
		walk->ask.unlocked = true;
		return false;
	}
	walk->tries++;
	walk->patience--;
	usleep_range(PAUSE_US / 2, PAUSE_US);
	return true;
}

/*
 * Walks over the listeners or the aborted socks, from walk->number upwards. @next: finds the sock
 * with this number or the next higher one. @row: adds the sock's row. Return: 0, or -EMSGSIZE.
 */
static int walk_numbers(struct xtcp_diag_walk *walk, struct sk_buff *skb,
			struct sock *(*next)(struct xtcp_net *xn, unsigned long *number),
			int (*row)(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk))
{
	struct sock *sk;
	int err;

	for (;;) {
		rcu_read_lock();
		sk = next(walk->ask.xn, &walk->number);
		err = sk ? row(skb, &walk->ask, sk) : 0;
		rcu_read_unlock();
		if (!sk) {
			walk->number = 0;
			return 0;
		}
		if (err == -EAGAIN) {
			xtcp_diag_walk_waits(walk);
			continue;
		}
		if (err)
			return err;
		walk->number++;
		walk->tries = 0;
		walk->ask.unlocked = false;
		cond_resched();
	}
}

static int walk_chain(struct xtcp_diag_walk *walk, struct sk_buff *skb)
{
	int err;

	do {
		rcu_read_lock();
		fill_batch(walk);
		err = put_batch(walk, skb);
		rcu_read_unlock();
		if (err == -EAGAIN)
			xtcp_diag_walk_waits(walk);
		else if (err)
			return err;
		cond_resched();
	} while (err || walk->n == XTCP_DIAG_BATCH);
	walk->is_inside = false;
	return 0;
}

/*
 * Begin a walk at the first listener.
 * @walk: its @ask is set, all other fields are 0
 */
static void xtcp_diag_walk_begin(struct xtcp_diag_walk *walk)
{
	walk->is_begun = true;
	walk->patience = PATIENCE;
	walk->listens = walk->ask.states & TCPF_LISTEN && !walk->ask.dport;
	walk->aborts = walk->ask.states & TCPF_CLOSE;
	/* test the count last, since it is a sum over all processors */
	if (!(walk->ask.states & ~(TCPF_LISTEN | TCPF_CLOSE)) || !xtcp_demux_count(walk->ask.xn))
		walk->chain = xtcp_conns.mask + 1;
}

/*
 * The first sock in the table of aborted ones whose number is at least *@number, which receives its
 * number; NULL: none. A sock keeps its number while it is in the table; under the socket lock,
 * ended.is_listed tells whether it still is.
 */
static struct sock *aborted_from(struct xtcp_net *xn, unsigned long *number)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "lookup of an aborted sock without RCU");
	return xa_find(&xn->rest->aborted, number, ULONG_MAX, XA_PRESENT);
}

/*
 * Continue a walk until a message is full.
 * @walk: how far the walk has come
 *
 * Context: process, may sleep.
 *
 * Return: 0 when the walk has come to its end; -EMSGSIZE when the message is full.
 */
static int xtcp_diag_walk_on(struct xtcp_diag_walk *walk, struct sk_buff *skb)
{
	int err = 0;

	if (walk->listens)
		err = walk_numbers(walk, skb, xtcp_listeners_from, xtcp_diag_row_listener);
	if (err)
		return err;
	walk->listens = false;
	if (walk->aborts)
		err = walk_numbers(walk, skb, aborted_from, xtcp_diag_row_aborted);
	if (err)
		return err;
	walk->aborts = false;
	for (;;) {
		walk->chain = xtcp_conns_used_chain(walk->chain);
		if (walk->chain > xtcp_conns.mask)
			return 0;
		err = walk_chain(walk, skb);
		if (err)
			return err;
		walk->chain++;
	}
}

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
