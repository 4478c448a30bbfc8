// SPDX-License-Identifier: GPL-2.0
/*
 * Lets an administrator change or end a live connection.
 *
 * Changes (`xtcp-ss --set`) are those of setsockopt(), and use the same functions; a black box can
 * also be given, or taken. Requests come by generic netlink (uapi/linux/xtcp.h). The family has the
 * module's name, and also the commands for the rules of new connections (policy.c), and for what
 * Careful Resume has saved (cong/resuming.c). A request sees only sockets of its own namespace.
 *
 * No request waits for the lock of a sock or of a policy table: the answer is EBUSY, and the tool
 * asks again. Any user may send requests in a namespace of his own, and keep such a lock there for
 * as long as he likes: meanwhile no family could be registered or unregistered, and a task that
 * waits to do this holds up all new requests, on the whole machine. A request that makes a policy
 * table may sleep in an allocation, but fails without memory (__GFP_NORETRY). One about black boxes
 * may wait for key_lock, which nobody keeps for long (sight/blackbox.c).
 *
 * The family is registered without the policy of its attributes: a user could ask for it, leave the
 * answer unread, and so keep the module loaded.
 *
 * ABORT (RFC 9293 section 3.10.5) is SOCK_DESTROY of sock_diag (diag.c), as `ss -K` sends it. It does
 * not wait for a sock, either: on Linux 6.1 all other users of sock_diag would wait. A user may make
 * each RST slow by netfilter rules, so a listener with many children resets only some.
 *
 * A request of sock_diag names a socket by addresses, ports, device and cookie. Only full socks and
 * listeners have a cookie, always another one. Without a foreign port it names a listener.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/socket.h"

#include <linux/sock_diag.h>
#include <linux/xtcp.h>
#include <net/genetlink.h>

#include "cong/cong.h"
#include "in/in.h"
#include "listen/listen.h"
#include "policy/policy.h"
#include "ports/ports.h"
#include "sock/create.h"
#include "time/time.h"

static struct in6_addr address_of(const struct inet_diag_req_v2 *req, const __be32 *words)
{
	struct in6_addr addr;

	if (req->sdiag_protocol == XTCPPROTO_IPV6)
		memcpy(&addr, words, sizeof(addr));
	else
		ipv6_addr_set_v4mapped(words[0], &addr);
	return addr;
}

static bool cookie_fits(struct sock *sk, const struct inet_diag_sockid *id)
{
	if (id->idiag_cookie[0] == INET_DIAG_NOCOOKIE && id->idiag_cookie[1] == INET_DIAG_NOCOOKIE)
		return true;
	return sk && !sock_diag_check_cookie(sk, id->idiag_cookie);
}

/* The connection, of any kind, that a request with a foreign port names, or NULL. RCU read side. */
struct xtcp_conn *xtcp_diag_find_conn(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	struct xtcp_demux_key key = {
		.tuple.laddr = address_of(req, req->id.idiag_src),
		.tuple.faddr = address_of(req, req->id.idiag_dst),
		.tuple.lport = req->id.idiag_sport,
		.tuple.fport = req->id.idiag_dport,
		.dif = req->id.idiag_if,
	};
	struct xtcp_conn *conn;
	struct sock *sk = NULL;

	if (ipv6_addr_v4mapped(&key.tuple.laddr) != ipv6_addr_v4mapped(&key.tuple.faddr))
		return NULL;
	key.hash = xtcp_demux_hash(xn, &key.tuple);
	conn = xtcp_demux_lookup(xn, &key);
	if (conn && conn->kind == XTCP_CONN_SOCK)
		sk = xtcp_sk_of_conn(conn);
	return conn && cookie_fits(sk, &req->id) ? conn : NULL;
}

/* Has the sock still the connection of @tuple? It may have ended, and the sock be connected elsewhere. */
static bool xtcp_diag_find_is_still(const struct sock *sk, const struct xtcp_tuple *tuple)
{
	const struct xtcp_tuple now = xtcp_conn_tuple(&xtcp_endpoint(sk)->conn);

	sock_owned_by_me(sk);
	return (1 << sk->sk_state) & ~(TCPF_CLOSE | TCPF_LISTEN) && !memcmp(&now, tuple, sizeof(now));
}

/* Does a sock listen at the place of a request, whatever the cookie? Racy without the socket lock. */
static bool xtcp_diag_find_listens(const struct sock *sk, const struct inet_diag_req_v2 *req)
{
	const int family = req->sdiag_protocol == XTCPPROTO_IPV6 ? AF_INET6 : AF_INET;

	if (READ_ONCE(sk->sk_state) != TCP_LISTEN || sk->sk_family != family ||
	    inet_sk(sk)->inet_sport != req->id.idiag_sport || sk->sk_bound_dev_if != (int)req->id.idiag_if)
		return false;
	if (family == AF_INET6)
		return !memcmp(&sk->sk_v6_rcv_saddr, req->id.idiag_src, sizeof(struct in6_addr));
	return inet_sk(sk)->inet_rcv_saddr == req->id.idiag_src[0];
}

static bool is_meant(struct sock *sk, const void *req)
{
	return xtcp_diag_find_listens(sk, req) && cookie_fits(sk, &((const struct inet_diag_req_v2 *)req)->id);
}

/*
 * The listener that a request names, or NULL; without a cookie, any member of a SO_REUSEPORT group.
 * Takes as long beside many listeners as beside none. RCU read side.
 */
struct sock *xtcp_diag_find_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	struct xtcp_members_key place = {
		.addr = address_of(req, req->id.idiag_src),
		.dev = req->id.idiag_if,
		.port = ntohs(req->id.idiag_sport),
	};

	if (ipv6_addr_v4mapped(&place.addr) && !place.addr.s6_addr32[3])
		place.addr = in6addr_any;
	return xtcp_listeners_find(xn, &place, is_meant, req);
}

/*
 * The program gets ECONNABORTED, the peer a RST. Return: 0; -EBUSY if a program has the socket lock;
 * -EAGAIN if the connection has ended: a TIME-WAIT record may have replaced it.
 */
static int destroy_sock(struct sock *sk, const struct xtcp_tuple *tuple)
{
	int err = -EAGAIN;

	if (!xtcp_own_now(sk))
		return -EBUSY;
	/* BH has to be off, since xtcp_sock_abort() may end an orphan */
	spin_lock_bh(&sk->sk_lock.slock);
	if (xtcp_diag_find_is_still(sk, tuple)) {
		xtcp_sock_abort(sk, ECONNABORTED, XTCP_ABORT_KILLED);
		err = 0;
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	release_sock(sk);
	return err;
}

/*
 * Drops a half-open entry; no program knows of it, and the peer learns it when it next sends.
 * Return: 0; -EAGAIN if it has moved to another listener or ended: a child may have replaced it.
 */
static int destroy_entry(struct xtcp_request *he)
{
	struct xtcp_listener *listener = xtcp_listen_queues(READ_ONCE(he->lsk));
	int err = -EAGAIN;

	if (!listener)
		return err;
	spin_lock_bh(&listener->lock);
	if (xtcp_listen_has_entry(listener, he) && !listener->closed) {
		xtcp_entry_drop(listener, he, XTCP_TRACE_FAILED);
		err = 0;
	}
	spin_unlock_bh(&listener->lock);
	return err;
}

/* Return: 0; -ENOENT; -EBUSY if a program has the socket lock; -EAGAIN if something has replaced the connection. */
static int destroy_found(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	struct xtcp_tuple tuple;
	struct xtcp_conn *conn;
	struct sock *sk = NULL;
	int err = 0;

	rcu_read_lock();
	conn = xtcp_diag_find_conn(xn, req);
	if (conn && conn->kind == XTCP_CONN_SOCK)
		sk = xtcp_sk_of_conn(conn);
	if (conn)
		tuple = xtcp_conn_tuple(conn);
	if (!conn)
		err = -ENOENT;
	else if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		err = -EAGAIN;
	else if (conn->kind == XTCP_CONN_REQUEST)
		err = destroy_entry(container_of(conn, struct xtcp_request, conn));
	if (!err && conn->kind == XTCP_CONN_TIMEWAIT) {
		local_bh_disable();
		xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
		local_bh_enable();
	}
	rcu_read_unlock();
	if (err || !sk)
		return err;
	err = destroy_sock(sk, &tuple);
	sock_put(sk);
	return err;
}

/*
 * Between the search and the lock, another object may replace the one that was found, usually at most
 * three times: an entry moves to another listener, a child replaces it, and a record the child. So
 * there are four tries. After more moves of an entry the administrator gets ENOENT, and asks again.
 */
static int destroy_connection(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	int tries = 4, err;

	do {
		err = destroy_found(xn, req);
	} while (err == -EAGAIN && --tries);
	return err == -EAGAIN ? -ENOENT : err;
}

/*
 * As in Linux, children that nobody accepted are reset, but RSTs are sent only for XTCP_TELL_TIME. A
 * port that the program did not choose is freed. If the listener waits for a successor
 * (handover.c), the wait ends, and the port is freed in any case.
 */
static void stop_listener(struct sock *sk)
{
	xtcp_endpoint(sk)->listener->tells_briefly = true;
	xtcp_listen_stop(sk);
	xtcp_mib_aborted(xtcp_net_of(sk), XTCP_ABORT_KILLED);
	xtcp_ended_set(&xtcp_sk(sk)->ended, XTCP_ABORT_KILLED, ECONNABORTED);
	WRITE_ONCE(sk->sk_err, ECONNABORTED);
	smp_wmb();	/* pairs with smp_rmb() in poll(), as in xtcp_sock_fail() */
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	xtcp_state_set(sk, TCP_CLOSE);
	xtcp_port_connection_ended(sk);
	sk->sk_state_change(sk);
	sk_error_report(sk);
	xtcp_handover_end(xtcp_net_of(sk), sk, NULL);
}

/* The others of its group continue. Return: 0; -ENOENT; -EBUSY if a program has the socket lock. */
static int destroy_listener(struct xtcp_net *xn, const struct inet_diag_req_v2 *req)
{
	int err = -ENOENT;
	struct sock *sk;

	rcu_read_lock();
	sk = xtcp_diag_find_listener(xn, req);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	rcu_read_unlock();
	if (!sk)
		return err;
	if (!xtcp_own_now(sk)) {
		err = -EBUSY;
	} else {
		if (xtcp_diag_find_listens(sk, req)) {
			stop_listener(sk);
			err = 0;
		}
		release_sock(sk);
	}
	sock_put(sk);
	return err;
}

/* SOCK_DESTROY by an administrator of the namespace. Return: 0; -ENOENT; -EBUSY: a program has the socket lock now. */
int xtcp_diag_destroy(struct net *net, const struct inet_diag_req_v2 *req)
{
	struct xtcp_net *xn = xtcp_net(net);

	if (!xtcp_netns_is_started(xn))
		return -ENOENT;
	return req->id.idiag_dport ? destroy_connection(xn, req) : destroy_listener(xn, req);
}

#define CHANGES	(BIT(XTCP_SET_CONGESTION) | BIT(XTCP_SET_MAX_PACING_RATE) | BIT(XTCP_SET_USER_TIMEOUT) | \
		 BIT(XTCP_SET_KEEPALIVE) | BIT(XTCP_SET_KEEPIDLE) | BIT(XTCP_SET_BLACKBOX))

static const struct nla_policy set_policy[XTCP_SET_MAX + 1] = {
	[XTCP_SET_PROTOCOL] = NLA_POLICY_MAX(NLA_U8, XTCPPROTO_IPV6),
	[XTCP_SET_ID] = NLA_POLICY_EXACT_LEN(sizeof(struct inet_diag_sockid)),
	[XTCP_SET_CONGESTION] = { .type = NLA_NUL_STRING, .len = TCP_CA_NAME_MAX - 1 },
	[XTCP_SET_MAX_PACING_RATE] = NLA_POLICY_MIN(NLA_U64, 1),
	[XTCP_SET_USER_TIMEOUT] = NLA_POLICY_MIN(NLA_S32, 0),
	[XTCP_SET_KEEPALIVE] = NLA_POLICY_MAX(NLA_U8, 1),
	[XTCP_SET_KEEPIDLE] = NLA_POLICY_RANGE(NLA_U32, 1, MAX_TCP_KEEPIDLE),
	[XTCP_SET_BLACKBOX] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* Take a reference to the sock of @conn, under rcu_read_lock(). Return: the sock, or ERR_PTR. */
static struct sock *sock_of(struct xtcp_conn *conn, const struct inet_diag_sockid *id, struct netlink_ext_ack *extack)
{
	struct sock *sk;

	switch (conn->kind) {
	case XTCP_CONN_REQUEST:
		NL_SET_ERR_MSG(extack, "the connection is half open: it has no socket yet");
		return ERR_PTR(-EOPNOTSUPP);
	case XTCP_CONN_TIMEWAIT:
		NL_SET_ERR_MSG(extack, "the connection has no socket any more");
		return ERR_PTR(-EOPNOTSUPP);
	case XTCP_CONN_SOCK:
		break;
	}
	if (id->idiag_cookie[0] == INET_DIAG_NOCOOKIE && id->idiag_cookie[1] == INET_DIAG_NOCOOKIE) {
		NL_SET_ERR_MSG(extack, "the cookie is missing");
		return ERR_PTR(-EINVAL);
	}
	sk = xtcp_sk_of_conn(conn);
	return refcount_inc_not_zero(&sk->sk_refcnt) ? sk : ERR_PTR(-ESRCH);
}

/* @tuple receives the tuple of the sock that the request names. Return: the same as sock_of(). */
static struct sock *find_named(struct xtcp_net *xn, struct nlattr **attrs, struct xtcp_tuple *tuple,
			       struct netlink_ext_ack *extack)
{
	struct inet_diag_req_v2 req = { .sdiag_protocol = nla_get_u8(attrs[XTCP_SET_PROTOCOL]) };
	struct sock *sk = ERR_PTR(-ESRCH);
	struct xtcp_conn *conn;

	nla_memcpy(&req.id, attrs[XTCP_SET_ID], sizeof(req.id));
	if (!req.id.idiag_dport) {
		NL_SET_ERR_MSG(extack, "a listener is no connection");
		return ERR_PTR(-EOPNOTSUPP);
	}
	rcu_read_lock();
	conn = xtcp_diag_find_conn(xn, &req);
	if (conn) {
		*tuple = xtcp_conn_tuple(conn);
		sk = sock_of(conn, &req.id, extack);
	}
	rcu_read_unlock();
	return sk;
}

static int change_congestion(struct sock *sk, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	int err = xtcp_algorithms_choose(sk, nla_data(attr), ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN));

	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such congestion control");
	else if (err)
		NL_SET_ERR_MSG_ATTR(extack, attr, "this congestion control is not allowed");
	return err;
}

/* May fail although set_policy has checked the values. The connection is unchanged then; old boxes may be freed. */
static int change_or_fail(struct sock *sk, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *box = attrs[XTCP_SET_BLACKBOX];
	const bool had_box = xtcp_blackbox_has(sk);
	int err = 0;

	if (box && nla_get_u8(box))
		err = xtcp_blackbox_give(sk);
	if (err) {
		NL_SET_ERR_MSG_ATTR(extack, box, "no memory or no room (blackbox_mem) for a black box");
		return err;
	}
	if (attrs[XTCP_SET_CONGESTION])
		err = change_congestion(sk, attrs[XTCP_SET_CONGESTION], extack);
	if (err && !had_box)
		xtcp_blackbox_take(sk);
	return err;
}

/* All changes, or none. What can fail comes first: the test for an orphan, and change_or_fail(). */
static int make_changes(struct sock *sk, struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	const struct nlattr *keepalive = attrs[XTCP_SET_KEEPALIVE], *keepidle = attrs[XTCP_SET_KEEPIDLE];
	int err;

	/* keepalive does not apply to an orphan, which has deadlines of its own */
	if ((keepalive || keepidle) && sock_flag(sk, SOCK_DEAD)) {
		NL_SET_ERR_MSG_ATTR(extack, keepalive ?: keepidle, "keepalive: the program has closed the socket");
		return -EOPNOTSUPP;
	}
	err = change_or_fail(sk, attrs, extack);
	if (err)
		return err;
	if (attrs[XTCP_SET_BLACKBOX] && !nla_get_u8(attrs[XTCP_SET_BLACKBOX]))
		xtcp_blackbox_take(sk);
	if (attrs[XTCP_SET_MAX_PACING_RATE]) {
		/* from now on it does not count as set by a rule */
		xtcp_sk(sk)->by_rule &= ~XTCP_BY_RULE_MAX_PACING_RATE;
		xtcp_pace_set_limit(sk, min_t(u64, nla_get_u64(attrs[XTCP_SET_MAX_PACING_RATE]), ULONG_MAX));
	}
	if (attrs[XTCP_SET_USER_TIMEOUT])
		err = xtcp_intopt_set(sk, TCP_USER_TIMEOUT, nla_get_s32(attrs[XTCP_SET_USER_TIMEOUT]));
	if (keepidle && !err)
		err = xtcp_intopt_set(sk, TCP_KEEPIDLE, nla_get_u32(keepidle));
	if (keepalive && !err)
		sk->sk_prot->keepalive(sk, nla_get_u8(keepalive));
	return err;
}

static unsigned long changes_of(struct nlattr **attrs)
{
	unsigned long found = 0;
	int i;

	for (i = 0; i <= XTCP_SET_MAX; i++)
		if (attrs[i])
			found |= BIT(i) & CHANGES;
	return found;
}

/* -EBUSY: a program has the socket lock; -ESRCH: the connection has ended; or the error of the change. */
static int change_sock(struct sock *sk, const struct xtcp_tuple *tuple, struct nlattr **attrs,
		       struct netlink_ext_ack *extack)
{
	int err;

	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user(sk))
		err = -EBUSY;
	else if (!xtcp_diag_find_is_still(sk, tuple))
		err = -ESRCH;
	else
		err = make_changes(sk, attrs, extack);
	if (!err)
		trace_xtcp_set(sk, changes_of(attrs));
	spin_unlock_bh(&sk->sk_lock.slock);
	return err;
}

/* Handle a request XTCP_CMD_SET. Return: 0 or an error; -ESRCH if there is no such connection. */
static int set_requested(struct sk_buff *skb, struct genl_info *info)
{
	struct xtcp_net *xn = xtcp_net(genl_info_net(info));
	struct nlattr *attrs[XTCP_SET_MAX + 1];
	struct xtcp_tuple tuple;
	struct sock *sk;
	bool gives_box;
	int err;

	err = nlmsg_parse(info->nlhdr, GENL_HDRLEN, attrs, XTCP_SET_MAX, set_policy, info->extack);
	if (err)
		return err;
	if (!attrs[XTCP_SET_PROTOCOL] || !attrs[XTCP_SET_ID]) {
		NL_SET_ERR_MSG(info->extack, "the request names no connection");
		return -EINVAL;
	}
	if (!changes_of(attrs)) {
		NL_SET_ERR_MSG(info->extack, "the request changes nothing");
		return -EINVAL;
	}
	if (!xtcp_netns_is_started(xn))
		return -ESRCH;
	sk = find_named(xn, attrs, &tuple, info->extack);
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	gives_box = attrs[XTCP_SET_BLACKBOX] && nla_get_u8(attrs[XTCP_SET_BLACKBOX]);
	if (gives_box)
		xtcp_boxkey_hold();
	err = change_sock(sk, &tuple, attrs, info->extack);
	if (gives_box)
		xtcp_boxkey_release();
	sock_put(sk);
	return err;
}

#define OPERATION(command, function)	{ .cmd = command, .doit = function, .flags = GENL_UNS_ADMIN_PERM }

static const struct genl_small_ops operations[] = {
	OPERATION(XTCP_CMD_SET, set_requested),
	OPERATION(XTCP_CMD_POLICY_ADD, xtcp_policy_set_requested),
	OPERATION(XTCP_CMD_POLICY_DEL, xtcp_policy_set_requested),
	OPERATION(XTCP_CMD_POLICY_REPLACE, xtcp_policy_set_requested),
	OPERATION(XTCP_CMD_PATHS_FLUSH, xtcp_paths_requested),
	OPERATION(XTCP_CMD_PATHS_ADD, xtcp_paths_requested),
};

static struct genl_family netlink_family = {
	.version	= XTCP_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	/* generic netlink refuses all attributes of a command without a policy from resv_start_op on */
	.resv_start_op	= XTCP_CMD_MAX + 1,
	.small_ops	= operations,
	.n_small_ops	= ARRAY_SIZE(operations),
};

static bool takes_requests;

/* If generic netlink does not take the family, only logs a warning: the module works without. */
void xtcp_set_register(void)
{
	int err;

	strscpy(netlink_family.name, xtcp_instances_name(), sizeof(netlink_family.name));
	err = genl_register_family(&netlink_family);
	takes_requests = !err;
	if (err)
		pr_warn("generic netlink has no family %s (%d): xtcp-ss --set, xtcp policy and xtcp paths flush do not work\n",
			netlink_family.name, -err);
}

/* Undo xtcp_set_register(), and wait for requests that are under way. */
void xtcp_set_unregister(void)
{
	if (takes_requests)
		genl_unregister_family(&netlink_family);
}
