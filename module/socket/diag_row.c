// SPDX-License-Identifier: GPL-2.0
/*
 * Writes one listener or connection as a message of sock_diag: struct inet_diag_msg and its
 * attributes, as Linux's inet_diag makes them for kernel TCP. Such a message is called a row. A
 * sock whose connection was aborted also has a row, with the attribute XTCP_DIAG_ABORT. Linux does
 * not list such a sock.
 *
 * Most of a row is read without a lock, as in /proc. Only four things need the spinlock of the
 * sock: TCP_INFO, what the congestion control algorithm reports, the ACK rates, and the tuple of an
 * aborted connection. While a program has the socket lock, this file makes no row that needs one of
 * these. The caller tries again, or sets ask->unlocked. With ask->unlocked, the row lacks TCP_INFO,
 * the report of the algorithm and the ACK rates, and the tuple of an aborted connection may change
 * while it is read. A program can keep the lock for as long as it likes, since a page fault on its
 * buffer may never end. So this file never waits for a program to release the lock.
 *
 * Writes the MD5 keys of a sock into its row. As in Linux, the attribute is INET_DIAG_MD5SIG and
 * contains an array of struct tcp_diag_md5sig. `ss -i` shows the keys as "md5keys:".
 */
#include "socket/socket.h"

#include <linux/cgroup.h>
#include <linux/inet_diag.h>
#include <linux/kcsan-checks.h>
#include <linux/rculist.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/user_namespace.h>
#include <linux/xtcp.h>
#include <net/inet_sock.h>
#include <net/netlink.h>
#include <net/tcp_states.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/net.h"
#include "base/sock.h"
#include "base/wire.h"
#include "compat.h"
#include "cong/cong.h"
#include "listen/listen.h"
#include "lookup/lookup.h"
#include "socket/diag_filter.h"
#include "time/time.h"
#include "timewait/timewait.h"

/* the length of an attribute has 16 bits */
#define KEYS_MAX	((U16_MAX - NLA_HDRLEN) / sizeof(struct tcp_diag_md5sig))

static void fill_diag_key(struct tcp_diag_md5sig *to, const struct xtcp_key *key)
{
	const struct xtcp_peers *peers = &key->peers;

	memset(to, 0, sizeof(*to));
	to->tcpm_family = peers->v4 ? AF_INET : AF_INET6;
	to->tcpm_prefixlen = peers->v4 ? peers->prefix - XTCP_MAPPED_BITS : peers->prefix;
	to->tcpm_keylen = key->md5.len;
	if (peers->v4)
		to->tcpm_addr[0] = peers->addr.s6_addr32[3];
	else
		memcpy(to->tcpm_addr, &peers->addr, sizeof(to->tcpm_addr));
	memcpy(to->tcpm_key, key->md5.octets, key->md5.len);
}

/*
 * Add the keys of a sock to its row.
 * @skb: the message, which ends with the row
 * @sk: the sock, or a listener
 * @cuts: if there is no room for all keys, show those that fit
 *
 * The caller has checked that the requester has CAP_NET_ADMIN in the namespace.
 *
 * Context: process, RCU read side. A key that is added or removed meanwhile may be shown or not.
 *
 * Return: 0; -EMSGSIZE if there is no room for all keys, and @cuts is false.
 */
static int xtcp_diag_keys_put(struct sk_buff *skb, const struct sock *sk, bool cuts)
{
	const struct xtcp_seldom *seldom = xtcp_seldom(sk);
	const int room = (skb_tailroom(skb) - NLA_HDRLEN) / (int)sizeof(struct tcp_diag_md5sig);
	const struct xtcp_key *key;
	struct tcp_diag_md5sig *to;
	struct nlattr *attr;
	int n = 0, most;

	if (likely(!seldom))
		return 0;
	hlist_for_each_entry_rcu(key, &seldom->keys, node)
		n++;
	if (!n)
		return 0;
	if (n > room && !cuts)
		return -EMSGSIZE;
	most = min3(n, room, (int)KEYS_MAX);
	if (most <= 0)
		return 0;
	attr = nla_reserve(skb, INET_DIAG_MD5SIG, most * sizeof(*to));
	if (!attr)
		return -EMSGSIZE;
	to = nla_data(attr);
	n = 0;
	hlist_for_each_entry_rcu(key, &seldom->keys, node) {
		if (n == most)
			break;
		fill_diag_key(&to[n++], key);
	}
	/* clear the places of keys that were removed after the count */
	memset(&to[n], 0, (most - n) * sizeof(*to));
	return 0;
}

/* The contents of a row: of a listener, an entry, a sock, an aborted sock or a record. */
struct diag_row {
	struct sock *sk;		/* a full sock or a listener; NULL: an entry or a record */
	struct xtcp_tuple tuple;
	int dev;
	int state;
	enum xtcp_timer_shown timer;
	unsigned long expires;
	u8 retransmits;
	u32 rqueue;
	u32 wqueue;
	u32 mark;
	struct xtcp_abort abort;	/* if its reason is 0, the connection was not aborted */
};

static bool asks_for(const struct xtcp_diag_ask *ask, int attribute)
{
	return ask->ext & 1 << (attribute - 1);
}

static u64 cgroup_of(struct sock *sk)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	struct cgroup *cgroup = sk ? sock_cgroup_ptr(&sk->sk_cgrp_data) : NULL;

	return cgroup ? cgroup_id(cgroup) : 0;
#else
	return 0;
#endif
}

/* What a row shows of @addr: all words; for AF_INET only the last, which is the IPv4 address. */
static const __be32 *words_of(const struct in6_addr *addr, int family)
{
	return &addr->s6_addr32[family == AF_INET ? 3 : 0];
}

/* Do owner and cookie fit the request? Only full socks and listeners have these. */
static bool owner_fits(const struct xtcp_diag_ask *ask, struct sock *sk)
{
	if (ask->by_uid && (!sk || !uid_eq(xtcp_compat_uid(sk), ask->uid)))
		return false;
	return !ask->has_cookie || (sk && !sock_diag_check_cookie(sk, ask->cookie));
}

static bool is_wanted(const struct xtcp_diag_ask *ask, const struct diag_row *row)
{
	struct xtcp_diag_facts facts = {
		.src = words_of(&row->tuple.laddr, ask->family),
		.dst = words_of(&row->tuple.faddr, ask->family),
		.ifindex = row->dev,
		.mark = row->mark,
		.sport = ntohs(row->tuple.lport),
		.dport = ntohs(row->tuple.fport),
		.family = ask->family,
		/* SO_RCVBUF and SO_SNDBUF may change other bits of this word meanwhile */
		.autobound = !row->sk || !data_race(row->sk->sk_userlocks & SOCK_BINDPORT_LOCK),
	};

	if (!(ask->states & 1 << row->state) || (ask->sport && ask->sport != row->tuple.lport) ||
	    (ask->dport && ask->dport != row->tuple.fport) || !owner_fits(ask, row->sk))
		return false;
	if (!ask->filter)
		return true;
	facts.cgroup = cgroup_of(row->sk);
	return xtcp_diag_filter_accepts(ask->filter, ask->filter_len, &facts);
}

static void fill_id(struct inet_diag_sockid *id, const struct xtcp_diag_ask *ask, const struct diag_row *row)
{
	const unsigned int octets = ask->family == AF_INET ? sizeof(__be32) : sizeof(struct in6_addr);

	id->idiag_sport = row->tuple.lport;
	id->idiag_dport = row->tuple.fport;
	memcpy(id->idiag_src, words_of(&row->tuple.laddr, ask->family), octets);
	memcpy(id->idiag_dst, words_of(&row->tuple.faddr, ask->family), octets);
	id->idiag_if = row->dev;
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (row->sk)
		sock_diag_save_cookie(row->sk, id->idiag_cookie);
}

static void fill_head(struct inet_diag_msg *msg, const struct xtcp_diag_ask *ask, const struct diag_row *row)
{
	memset(msg, 0, sizeof(*msg));
	msg->idiag_family = ask->family;
	msg->idiag_state = row->state;
	msg->idiag_timer = row->timer;
	if (row->timer != XTCP_TIMER_SHOWN_NONE)
		msg->idiag_expires = jiffies_to_msecs(max_t(long, row->expires - jiffies, 0));
	msg->idiag_retrans = row->retransmits;
	msg->idiag_rqueue = row->rqueue;
	msg->idiag_wqueue = row->wqueue;
	fill_id(&msg->id, ask, row);
	if (row->sk) {
		msg->idiag_uid = from_kuid_munged(ask->users, xtcp_compat_uid(row->sk));
		msg->idiag_inode = sock_i_ino(row->sk);
	}
}

static int put_service_class(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	u32 class = 0;

	if (asks_for(ask, INET_DIAG_TOS) && nla_put_u8(skb, INET_DIAG_TOS, READ_ONCE(inet_sk(sk)->tos)))
		return -EMSGSIZE;
	if (ask->family == AF_INET6 && asks_for(ask, INET_DIAG_TCLASS) &&
	    nla_put_u8(skb, INET_DIAG_TCLASS, READ_ONCE(inet6_sk(sk)->tclass)))
		return -EMSGSIZE;
	if (!asks_for(ask, INET_DIAG_TCLASS))
		return 0;
#ifdef CONFIG_CGROUP_NET_CLASSID
	class = sock_cgroup_classid(&sk->sk_cgrp_data);
#endif
	return nla_put_u32(skb, INET_DIAG_CLASS_ID, class ?: READ_ONCE(sk->sk_priority));
}

static int put_memory(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	const struct inet_diag_meminfo memory = {
		.idiag_rmem = sk_rmem_alloc_get(sk),
		.idiag_wmem = READ_ONCE(sk->sk_wmem_queued),
		.idiag_fmem = READ_ONCE(sk->sk_forward_alloc),
		.idiag_tmem = sk_wmem_alloc_get(sk),
	};

	if (asks_for(ask, INET_DIAG_MEMINFO) && nla_put(skb, INET_DIAG_MEMINFO, sizeof(memory), &memory))
		return -EMSGSIZE;
	return asks_for(ask, INET_DIAG_SKMEMINFO) ? sock_diag_put_meminfo(sk, skb, INET_DIAG_SKMEMINFO) : 0;
}

/* Write the attributes that need no lock. */
static int put_attributes(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	const struct xtcp_cong_ops *algorithm = READ_ONCE(xtcp_sk(sk)->algorithm);
	const struct inet_diag_sockopt options = xtcp_compat_diag_options(sk);
	const u64 cgroup = cgroup_of(sk);

	if (nla_put_u8(skb, INET_DIAG_SHUTDOWN, READ_ONCE(sk->sk_shutdown)) || put_service_class(skb, ask, sk) ||
	    put_memory(skb, ask, sk) || nla_put(skb, INET_DIAG_SOCKOPT, sizeof(options), &options))
		return -EMSGSIZE;
	if (ask->family == AF_INET6 && READ_ONCE(sk->sk_state) == TCP_LISTEN &&
	    nla_put_u8(skb, INET_DIAG_SKV6ONLY, ipv6_only_sock(sk)))
		return -EMSGSIZE;
	if (cgroup && nla_put_u64_64bit(skb, INET_DIAG_CGROUP_ID, cgroup, INET_DIAG_PAD))
		return -EMSGSIZE;
	return asks_for(ask, INET_DIAG_CONG) ? nla_put_string(skb, INET_DIAG_CONG, algorithm->name) : 0;
}

/*
 * The attribute for the report of a congestion control algorithm. The length of the report tells
 * which struct it is.
 */
static int attribute_of(size_t len)
{
	return len == sizeof_field(union tcp_cc_info, bbr) ? INET_DIAG_BBRINFO :
	       len == sizeof_field(union tcp_cc_info, dctcp) ? INET_DIAG_DCTCPINFO : INET_DIAG_VEGASINFO;
}

static int put_ack_rate(struct sk_buff *skb, const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_ack_rate rate = {
		.asked = xsk->stream->asked_rate,
		.given = xsk->stream->sack.ack_rate,
	};

	/*
	 * in SYN-SENT, ack_rate_ok says only that our SYN has announced the option; if no SYN comes
	 * from the peer, ack_rate_ok may stay set in CLOSED
	 */
	if (!xsk->agreed.ack_rate_ok || (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_LISTEN | TCPF_CLOSE))
		return 0;
	return nla_put(skb, XTCP_DIAG_ACK_RATE, sizeof(rate), &rate);
}

/*
 * Write the attributes that need the lock. @state: the state in the row. Return: 0; -EMSGSIZE;
 * -EAGAIN if a program has the socket lock; -ESTALE if the sock has another state now.
 */
static int put_locked(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk, int state)
{
	union tcp_cc_info algorithm;
	struct nlattr *info;
	size_t len;

	if (sock_owned_by_user(sk))
		return -EAGAIN;
	if (sk->sk_state != state)
		return -ESTALE;
	if (asks_for(ask, INET_DIAG_INFO)) {
		info = nla_reserve_64bit(skb, INET_DIAG_INFO, sizeof(union xtcp_compat_info), INET_DIAG_PAD);
		if (!info)
			return -EMSGSIZE;
		xtcp_status_fill(sk, nla_data(info));
		if (put_ack_rate(skb, sk))
			return -EMSGSIZE;
	}
	if (!asks_for(ask, INET_DIAG_VEGASINFO))
		return 0;
	len = xtcp_algorithms_fill(sk, &algorithm);
	return len ? nla_put(skb, attribute_of(len), len, &algorithm) : 0;
}

static int put_sock(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk, int state)
{
	int err = put_attributes(skb, ask, sk);

	if (err || ask->unlocked || !(asks_for(ask, INET_DIAG_INFO) || asks_for(ask, INET_DIAG_VEGASINFO)))
		return err;
	local_bh_disable();
	bh_lock_sock(sk);
	err = put_locked(skb, ask, sk, state);
	bh_unlock_sock(sk);
	local_bh_enable();
	return err;
}

static int put_row(struct sk_buff *skb, const struct xtcp_diag_ask *ask, const struct diag_row *row)
{
	struct nlmsghdr *nlh;
	int err = 0;

	if (!is_wanted(ask, row))
		return 0;
	nlh = nlmsg_put(skb, ask->portid, ask->seq, SOCK_DIAG_BY_FAMILY, sizeof(struct inet_diag_msg), ask->flags);
	if (!nlh)
		return -EMSGSIZE;
	fill_head(nlmsg_data(nlh), ask, row);
	if (ask->administrator)
		err = nla_put_u32(skb, INET_DIAG_MARK, row->mark);
	if (!err && row->abort.reason)
		err = nla_put(skb, XTCP_DIAG_ABORT, sizeof(row->abort), &row->abort);
	if (!err && row->sk)
		err = put_sock(skb, ask, row->sk, row->state);
	/* last, since the keys may take all the room that is left */
	if (!err && row->sk && ask->administrator)
		err = xtcp_diag_keys_put(skb, row->sk, ask->cuts_keys);
	if (err)
		nlmsg_cancel(skb, nlh);
	else
		nlmsg_end(skb, nlh);
	return err;
}

/**
 * xtcp_diag_row_listener() - add the row of a listener to a message, if the request wants it
 * @skb: the message
 * @ask: the request
 * @lsk: the listener, from a lookup
 *
 * Context: process, RCU read side. Takes the spinlock of the listener's sock for a moment.
 *
 * Return: 0, also if the listener is not wanted or has stopped; -EMSGSIZE if the message is full;
 * -EAGAIN if a program has the socket lock.
 */
int xtcp_diag_row_listener(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *lsk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(lsk);
	struct diag_row row = {
		.sk = lsk,
		.tuple.lport = inet_sk(lsk)->inet_sport,
		.dev = READ_ONCE(lsk->sk_bound_dev_if),
		.state = TCP_LISTEN,
		.mark = READ_ONCE(lsk->sk_mark),
	};
	int err;

	if (lsk->sk_family != ask->family || !listener || !refcount_inc_not_zero(&lsk->sk_refcnt))
		return 0;
	row.rqueue = READ_ONCE(listener->accept_len);
	row.wqueue = READ_ONCE(listener->accept_max);
	if (ask->family == AF_INET6)
		row.tuple.laddr = lsk->sk_v6_rcv_saddr;
	else
		row.tuple.laddr.s6_addr32[3] = inet_sk(lsk)->inet_rcv_saddr;
	err = inet_sk_state_load(lsk) == TCP_LISTEN ? put_row(skb, ask, &row) : 0;
	sock_put(lsk);
	return err == -ESTALE ? 0 : err;
}

static void fill_row_of_sock(struct diag_row *row, struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	row->sk = sk;
	/*
	 * read the state before the tuple: every writer but connect() sets the tuple before the
	 * state, so this tuple is at least as new as this state. connect() sets the state SYN-SENT
	 * before the tuple, but lookups find the sock only after connect() has set both. A new
	 * connect() or listen() first waits for RCU readers. So once the sock has ended, its state
	 * and tuple do not change before this RCU read side ends
	 */
	row->state = inet_sk_state_load(sk);
	/* the clone of a listener enters the table just before its first change of state (synq.c) */
	if (row->state == TCP_LISTEN)
		row->state = TCP_SYN_RECV;
	row->tuple = xtcp_conn_tuple(&xsk->conn);
	row->dev = xsk->conn.bound_dev_if;
	row->mark = READ_ONCE(sk->sk_mark);
	row->wqueue = READ_ONCE(xsk->snd.write_seq) - READ_ONCE(xsk->snd.una);
	/* this code has no lock, so the difference may be negative for a moment */
	row->rqueue = max_t(int, READ_ONCE(xsk->rcv.nxt) - READ_ONCE(xsk->rcv.copied_seq), 0);
	row->timer = xtcp_timer_shown(&xsk->timers, &row->expires);
	if (row->timer == XTCP_TIMER_SHOWN_RETRANSMIT)
		row->retransmits = READ_ONCE(xsk->tries.retransmits);
	else if (row->timer != XTCP_TIMER_SHOWN_NONE)
		row->retransmits = xtcp_tries_probes_out(&xsk->tries);
	else
		row->retransmits = 0;
}

/*
 * Add the row of a sock. If its state changes before the lock is taken, make the row anew, unless
 * the sock has ended.
 */
static int diag_row_of_sock(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct diag_row *row, struct sock *sk)
{
	int err;

	if (sk->sk_family != ask->family)
		return 0;
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return -ESTALE;
	do {
		fill_row_of_sock(row, sk);
		err = row->state == TCP_CLOSE ? -ESTALE : put_row(skb, ask, row);
	} while (err == -ESTALE && row->state != TCP_CLOSE);
	sock_put(sk);
	return err;
}

/*
 * Fill the row of an aborted sock. The sock is outside the table, so its tuple may change whenever
 * the socket lock is not held. Return: 0; -EAGAIN if a program has the socket lock, unless
 * ask->unlocked is set; -ESTALE if the program has closed or disconnected the socket.
 */
static int fill_row_of_aborted(struct diag_row *row, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	int err = 0;

	local_bh_disable();
	bh_lock_sock(sk);
	if (sock_owned_by_user(sk) && !ask->unlocked) {
		err = -EAGAIN;
	} else if (!xtcp_sk(sk)->ended.is_listed) {
		err = -ESTALE;
	} else {
		fill_row_of_sock(row, sk);
		row->wqueue = 0;
		row->state = TCP_CLOSE;
		xtcp_status_fill_abort(sk, &row->abort);
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	return err;
}

/**
 * xtcp_diag_row_aborted() - add the row of an aborted sock to a message, if the request wants it
 * @skb: the message
 * @ask: the request
 * @sk: from the table of aborted socks
 *
 * Context: process, RCU read side. Takes the spinlock of the sock for a moment.
 *
 * Return: 0, also if the sock is not wanted, or if the program has closed or disconnected it;
 * -EMSGSIZE if the message is full; -EAGAIN if a program has the socket lock.
 */
int xtcp_diag_row_aborted(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	struct diag_row row = { };
	int err;

	if (sk->sk_family != ask->family || !owner_fits(ask, sk) || !refcount_inc_not_zero(&sk->sk_refcnt))
		return 0;
	/* as in /proc, a data race may show an old value; this does no harm */
	kcsan_disable_current();
	err = fill_row_of_aborted(&row, ask, sk) ?: put_row(skb, ask, &row);
	kcsan_enable_current();
	sock_put(sk);
	return err == -ESTALE ? 0 : err;
}

static int diag_row_of_request(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct diag_row *row,
			       const struct xtcp_request *he)
{
	if (READ_ONCE(he->lsk)->sk_family != ask->family)
		return 0;
	row->state = TCP_SYN_RECV;
	row->mark = READ_ONCE(he->mark);
	row->timer = XTCP_TIMER_SHOWN_RETRANSMIT;
	row->expires = xtcp_clock_jiffies(READ_ONCE(he->expires));
	row->retransmits = READ_ONCE(he->level);
	return put_row(skb, ask, row);
}

static int diag_row_of_record(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct diag_row *row,
			      const struct xtcp_timewait *tw)
{
	if (xtcp_record_family(tw) != ask->family)
		return 0;
	row->state = READ_ONCE(tw->substate);
	row->mark = READ_ONCE(tw->mark);
	row->timer = XTCP_TIMER_SHOWN_TIMEWAIT;
	row->expires = xtcp_clock_jiffies(READ_ONCE(tw->expires));
	return put_row(skb, ask, row);
}

/**
 * xtcp_diag_row_conn() - add the row of a connection to a message, if the request wants it
 * @skb: the message
 * @ask: the request
 * @conn: an entry, a sock or a record, from a lookup
 *
 * Context: process, RCU read side. Takes the spinlock of the sock for a moment.
 *
 * Return: 0, also if the connection is not wanted; -EMSGSIZE if the message is full; -EAGAIN if a
 * program has the socket lock; -ESTALE if the connection was a sock that has ended: a record may
 * have replaced it.
 */
int xtcp_diag_row_conn(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct xtcp_conn *conn)
{
	struct diag_row row = {
		.tuple = xtcp_conn_tuple(conn),
		.dev = conn->bound_dev_if,
	};
	int err = 0;

	/* as in /proc, a data race may show an old value; this does no harm */
	kcsan_disable_current();
	switch (conn->kind) {
	case XTCP_CONN_REQUEST:
		err = diag_row_of_request(skb, ask, &row, container_of(conn, struct xtcp_request, conn));
		break;
	case XTCP_CONN_SOCK:
		err = diag_row_of_sock(skb, ask, &row, xtcp_sk_of_conn(conn));
		break;
	case XTCP_CONN_TIMEWAIT:
		err = diag_row_of_record(skb, ask, &row, container_of(conn, struct xtcp_timewait, conn));
		break;
	}
	kcsan_enable_current();
	return err;
}
