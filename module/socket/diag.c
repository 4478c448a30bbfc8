// SPDX-License-Identifier: GPL-2.0
/*
 * The handler of AF_XTCP in sock_diag: it lists sockets, and ends them (set.c).
 *
 * Requests and answers are those of Linux's inet_diag for kernel TCP, so that tools understand
 * them. A request is a struct inet_diag_req_v2 with family AF_XTCP, and the protocol of socket():
 * XTCPPROTO_IPV4 or XTCPPROTO_IPV6. An answer is a struct inet_diag_msg with AF_INET or AF_INET6,
 * and attributes: a row. A request may carry a filter, and the attributes of uapi/linux/xtcp.h. It
 * sees only the sockets of its own namespace. A sock whose connection was aborted has a row, too,
 * with the attribute XTCP_DIAG_ABORT; Linux does not list it.
 *
 * Most of a row is read without a lock, as in /proc. TCP_INFO, the report of the congestion
 * control, the ACK rates, and the tuple of an aborted connection need the spinlock of the sock.
 * While a program has the socket lock, no such row is made: the caller tries again, or sets
 * ask->unlocked. Then these are left out, and the tuple may change while it is read. Nobody waits
 * for a program: a page fault on its buffer may never end.
 *
 * A program reads its dump in several steps, and anything may change between two of them. But a
 * listener or a connection that exists during the whole dump is shown exactly once:
 *  - A listener keeps its number, and so does a sock whose connection was aborted (end.c).
 *  - A connection stays in its hash chain, since the table never grows, and keeps its key (struct
 *    xtcp_diag_key) when a sock replaces an entry, or a record a sock.
 *
 * The walk takes the connections of a chain in the order of their keys, and notes the last one. For
 * the next ones it goes through the whole chain again, so the chain may be longer than a message,
 * and change meanwhile. The aborted socks come first: a connection that is aborted during the dump
 * is shown once or not at all. A step shows XTCP_DIAG_BATCH connections at most, in an RCU read
 * side of its own.
 *
 * A dump keeps the module loaded until the program has read it to its end, or has closed the
 * netlink socket, to which the namespace belongs meanwhile. So any user can keep the module loaded;
 * scripts/tools/xtcp-holders says who does.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "socket/socket.h"

#include <linux/cgroup.h>
#include <linux/delay.h>
#include <linux/kcsan-checks.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/user_namespace.h>
#include <linux/xtcp.h>
#include <net/netlink.h>

#include "base/sock.h"
#include "listen/listen.h"
#include "netns/netns.h"
#include "sock/create.h"

/* Arithmetic begins: selftests/unit compiles it in user space, too. */

/*
 * A request may contain a program, the attribute INET_DIAG_REQ_BYTECODE: a filter of `ss`. An
 * operation is a struct inet_diag_bc_op and its arguments, and tests a condition. The next one lies
 * "yes" octets further on in the program, or "no" octets if the condition is false. A program that
 * reaches its end accepts the socket; one that jumps four octets beyond its end refuses it.
 *
 * Any user may send a program, so it is checked before it runs. Each operation and its arguments
 * must lie inside the program. Each jump must go forward: to the beginning of an operation, to the
 * end of the program, or four octets beyond. So no operation runs twice.
 */

/* What a filter knows about a connection. */
struct xtcp_diag_facts {
	const __be32 *src;	/* local address: one word for AF_INET, four for AF_INET6 */
	const __be32 *dst;	/* foreign address */
	u64 cgroup;		/* id of the cgroup (version 2); 0: none */
	u32 ifindex;		/* the device to which the sock is bound; 0: none */
	u32 mark;		/* SO_MARK */
	u16 sport;		/* local port, host order */
	u16 dport;
	u8 family;		/* AF_INET or AF_INET6 */
	bool autobound;		/* the program did not choose the local port */
};

/* octets; each jump is a multiple of this */
#define OP_LEN	((unsigned int)sizeof(struct inet_diag_bc_op))

#define NOTES_LEN(len)	((len) / 32 + 1)	/* octets, for a program of so many */

static void note(u8 *notes, unsigned int at)
{
	notes[at / OP_LEN / 8] |= 1 << at / OP_LEN % 8;
}

static bool is_noted(const u8 *notes, unsigned int at)
{
	return notes[at / OP_LEN / 8] & 1 << at / OP_LEN % 8;
}

/* The length of an operation that compares an address, octets; 0: it is malformed. */
static unsigned int size_of_host(const struct inet_diag_bc_op *op, unsigned int left)
{
	const struct inet_diag_hostcond *cond = (const void *)(op + 1);
	unsigned int octets = 0;

	if (left < OP_LEN + sizeof(*cond))
		return 0;
	if (cond->family == AF_INET)
		octets = 4;
	else if (cond->family == AF_INET6)
		octets = 16;
	else if (cond->family != AF_UNSPEC)
		return 0;
	return cond->prefix_len > 8 * octets ? 0 : OP_LEN + sizeof(*cond) + octets;
}

/* The length of an operation with its arguments, octets; 0: it is malformed or unknown. */
static unsigned int size_of_op(const struct inet_diag_bc_op *op, unsigned int left)
{
	switch (op->code) {
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		return OP_LEN;
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_D_EQ:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
		return 2 * OP_LEN;
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		return size_of_host(op, left);
	case INET_DIAG_BC_DEV_COND:
		return OP_LEN + sizeof(u32);
	case INET_DIAG_BC_MARK_COND:
		return OP_LEN + sizeof(struct inet_diag_markcond);
	case INET_DIAG_BC_CGROUP_COND:
		return OP_LEN + sizeof(u64);
	}
	return 0;
}

/* Is @op valid by itself? @left: octets from its beginning to the end of the program. */
static bool op_ok(const struct inet_diag_bc_op *op, unsigned int left)
{
	const unsigned int size = size_of_op(op, left);

	if (!size || size > left || op->yes < size || op->yes > left || op->yes % OP_LEN)
		return false;
	/* INET_DIAG_BC_NOP has no condition, so its "no" is never used */
	return op->code == INET_DIAG_BC_NOP || (op->no >= size && op->no <= left + OP_LEN && op->no % OP_LEN == 0);
}

/*
 * May this program run? @program: the program, aligned to four octets. @len: its length, octets.
 * @administrator: the caller has CAP_NET_ADMIN; only then may the program test SO_MARK. @notes:
 * NOTES_LEN() octets, all 0. Return: 0; -EINVAL if the program is malformed; -EPERM if
 * it tests SO_MARK and the caller is no administrator.
 */
static int xtcp_diag_filter_check(const void *program, unsigned int len, bool administrator, u8 *notes)
{
	const struct inet_diag_bc_op *op;
	unsigned int at;

	if (len < OP_LEN || len % OP_LEN)
		return -EINVAL;
	for (at = 0; at < len; at += op->yes) {
		op = program + at;
		if (!op_ok(op, len - at))
			return -EINVAL;
		if (op->code == INET_DIAG_BC_MARK_COND && !administrator)
			return -EPERM;
		note(notes, at);
	}
	for (at = 0; at < len; at += op->yes) {
		op = program + at;
		if (op->code != INET_DIAG_BC_NOP && at + op->no < len && !is_noted(notes, at + op->no))
			return -EINVAL;
	}
	return 0;
}

/* Are the first @bits bits of both addresses the same? */
static bool prefix_fits(const __be32 *addr, const __be32 *wanted, unsigned int bits)
{
	const unsigned int words = bits / 32;
	u32 differ;

	if (memcmp(addr, wanted, words * sizeof(*addr)))
		return false;
	if (bits % 32 == 0)
		return true;
	differ = __be32_to_cpu(addr[words] ^ wanted[words]);
	return differ >> (32 - bits % 32) == 0;
}

/* Does an end fit the condition? One for IPv4 also fits an IPv4-mapped address of an IPv6 socket. */
static bool host_fits(const struct inet_diag_hostcond *cond, const struct xtcp_diag_facts *facts, const __be32 *addr,
		      u16 port)
{
	if (cond->port != -1 && cond->port != port)
		return false;
	if (cond->family == AF_UNSPEC || cond->family == facts->family)
		return prefix_fits(addr, cond->addr, cond->prefix_len);
	return cond->family == AF_INET && !addr[0] && !addr[1] && addr[2] == __cpu_to_be32(0xffff) &&
	       prefix_fits(addr + 3, cond->addr, cond->prefix_len);
}

static bool op_fits(const struct inet_diag_bc_op *op, const struct xtcp_diag_facts *facts)
{
	const struct inet_diag_markcond *mark;
	const void *arg = op + 1;

	switch (op->code) {
	case INET_DIAG_BC_JMP:
		return false;
	case INET_DIAG_BC_S_EQ:
		return facts->sport == op[1].no;
	case INET_DIAG_BC_S_GE:
		return facts->sport >= op[1].no;
	case INET_DIAG_BC_S_LE:
		return facts->sport <= op[1].no;
	case INET_DIAG_BC_D_EQ:
		return facts->dport == op[1].no;
	case INET_DIAG_BC_D_GE:
		return facts->dport >= op[1].no;
	case INET_DIAG_BC_D_LE:
		return facts->dport <= op[1].no;
	case INET_DIAG_BC_AUTO:
		return facts->autobound;
	case INET_DIAG_BC_S_COND:
		return host_fits(arg, facts, facts->src, facts->sport);
	case INET_DIAG_BC_D_COND:
		return host_fits(arg, facts, facts->dst, facts->dport);
	case INET_DIAG_BC_DEV_COND:
		return *(const u32 *)arg == facts->ifindex;
	case INET_DIAG_BC_MARK_COND:
		mark = arg;
		return (facts->mark & mark->mask) == mark->mark;
	case INET_DIAG_BC_CGROUP_COND:
		return !memcmp(arg, &facts->cgroup, sizeof(facts->cgroup));
	}
	return true;
}

/* @program has passed xtcp_diag_filter_check(). */
static bool xtcp_diag_filter_accepts(const void *program, unsigned int len, const struct xtcp_diag_facts *facts)
{
	const struct inet_diag_bc_op *op;
	unsigned int at;

	for (at = 0; at < len; at += op_fits(op, facts) ? op->yes : op->no)
		op = program + at;
	return at == len;
}

/* Arithmetic ends. */

/* A request of sock_diag, and its sender. */
struct xtcp_diag_ask {
	struct xtcp_net *xn;
	struct user_namespace *users;	/* of the netlink socket that asks */
	const void *filter;		/* a filter program that has been checked; NULL: none */
	unsigned int filter_len;	/* octets */
	u32 cookie[2];			/* if @has_cookie, only the sock with this cookie is wanted */
	kuid_t uid;			/* if @by_uid, only socks of this owner are wanted */
	u32 states;			/* a bit for each state that is wanted */
	u32 portid;			/* the netlink port to which the messages go */
	u32 seq;			/* nlmsg_seq and nlmsg_flags of the messages */
	u16 flags;
	__be16 sport;			/* the only ports that are wanted; 0: any */
	__be16 dport;
	u8 family;			/* AF_INET or AF_INET6 */
	u8 ext;				/* idiag_ext of the request: a bit for each attribute that is wanted */
	bool has_cookie;
	bool by_uid;
	bool administrator;		/* the sender has CAP_NET_ADMIN */
	bool cuts_keys;			/* without room for all MD5 keys of a sock, those are shown that fit */
	bool unlocked;			/* omit what needs a socket lock; show an aborted sock in spite of its lock */
};

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
 * Adds the MD5 keys of a sock to its row, as INET_DIAG_MD5SIG; `ss -i` shows "md5keys:". The
 * requester has CAP_NET_ADMIN in the namespace. A key that is added or removed meanwhile may be
 * shown or not. Return: -EMSGSIZE if there is no room for all, unless @cuts: show those that fit.
 */
static int xtcp_diag_keys_put(struct sk_buff *skb, const struct sock *sk, bool cuts)
{
	const struct xtcp_cold *cold = xtcp_cold(sk);
	const int room = (skb_tailroom(skb) - NLA_HDRLEN) / (int)sizeof(struct tcp_diag_md5sig);
	const struct xtcp_key *key;
	struct tcp_diag_md5sig *to;
	struct nlattr *attr;
	int n = 0, most;

	if (likely(!cold))
		return 0;
	hlist_for_each_entry_rcu(key, &cold->keys, node)
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
	hlist_for_each_entry_rcu(key, &cold->keys, node) {
		if (n == most)
			break;
		fill_diag_key(&to[n++], key);
	}
	/* clear the places of keys that were removed after the count */
	memset(&to[n], 0, (most - n) * sizeof(*to));
	return 0;
}

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

static bool is_wanted(const struct xtcp_diag_ask *ask, const struct xtcp_row *row)
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

static void fill_id(struct inet_diag_sockid *id, const struct xtcp_diag_ask *ask, const struct xtcp_row *row)
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

static void fill_head(struct inet_diag_msg *msg, const struct xtcp_diag_ask *ask, const struct xtcp_row *row)
{
	memset(msg, 0, sizeof(*msg));
	msg->idiag_family = ask->family;
	msg->idiag_state = row->state;
	msg->idiag_timer = row->timer;
	if (row->timer != XTCP_TIMER_SHOWN_NONE) {
		msg->idiag_expires = jiffies_to_msecs(max_t(long, row->expires - jiffies, 0));
		msg->idiag_retrans = row->timer == XTCP_TIMER_SHOWN_RETRANSMIT ? row->retransmits : row->probes;
	}
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
	const struct inet_diag_sockopt options = xtcp_compat_diag_options(sk);
	const u64 cgroup = cgroup_of(sk);
	char algorithm[TCP_CA_NAME_MAX];

	if (nla_put_u8(skb, INET_DIAG_SHUTDOWN, READ_ONCE(sk->sk_shutdown)) || put_service_class(skb, ask, sk) ||
	    put_memory(skb, ask, sk) || nla_put(skb, INET_DIAG_SOCKOPT, sizeof(options), &options))
		return -EMSGSIZE;
	if (ask->family == AF_INET6 && READ_ONCE(sk->sk_state) == TCP_LISTEN &&
	    nla_put_u8(skb, INET_DIAG_SKV6ONLY, ipv6_only_sock(sk)))
		return -EMSGSIZE;
	if (cgroup && nla_put_u64_64bit(skb, INET_DIAG_CGROUP_ID, cgroup, INET_DIAG_PAD))
		return -EMSGSIZE;
	xtcp_algorithms_name(algorithm, &xtcp_sk(sk)->algorithm);
	return asks_for(ask, INET_DIAG_CONG) ? nla_put_string(skb, INET_DIAG_CONG, algorithm) : 0;
}

static int put_ack_rate(struct sk_buff *skb, const struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	const struct xtcp_ack_rate rate = { .asked = xsk->stream->asked_rate, .given = xsk->stream->sack.ack_rate };

	/* in SYN-SENT, only our SYN has the option; without the peer's, it may stay set in CLOSED */
	if (!xsk->agreed.ack_rate_ok || (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_LISTEN | TCPF_CLOSE))
		return 0;
	return nla_put(skb, XTCP_DIAG_ACK_RATE, sizeof(rate), &rate);
}

/* @state: as in the row. -EAGAIN: a program has the socket lock; -ESTALE: another state now; -EMSGSIZE. */
static int put_locked(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk, int state)
{
	union tcp_cc_info algorithm;
	int attribute = INET_DIAG_VEGASINFO;
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
		xtcp_info_fill(sk, nla_data(info));
		/* local.c does not look at writes while it is off */
		if (put_ack_rate(skb, sk) || (xtcp_sk(sk)->is_local && READ_ONCE(xtcp_net_of(sk)->sysctl.local) &&
					      nla_put_flag(skb, XTCP_DIAG_LOCAL)))
			return -EMSGSIZE;
	}
	if (!asks_for(ask, INET_DIAG_VEGASINFO))
		return 0;
	/* the length of an algorithm's report tells the struct */
	len = xtcp_algorithms_fill(sk, &algorithm);
	if (len == sizeof(algorithm.bbr))
		attribute = INET_DIAG_BBRINFO;
	else if (len == sizeof(algorithm.dctcp))
		attribute = INET_DIAG_DCTCPINFO;
	return len ? nla_put(skb, attribute, len, &algorithm) : 0;
}

static int put_sock(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk, int state)
{
	int err = put_attributes(skb, ask, sk);

	if (err || ask->unlocked || !(asks_for(ask, INET_DIAG_INFO) || asks_for(ask, INET_DIAG_VEGASINFO)))
		return err;
	spin_lock_bh(&sk->sk_lock.slock);
	err = put_locked(skb, ask, sk, state);
	spin_unlock_bh(&sk->sk_lock.slock);
	return err;
}

/* @abort: NULL: the connection was not aborted. */
static int put_row(struct sk_buff *skb, const struct xtcp_diag_ask *ask, const struct xtcp_row *row,
		   const struct xtcp_abort *abort)
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
	if (!err && abort)
		err = nla_put(skb, XTCP_DIAG_ABORT, sizeof(*abort), abort);
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

/*
 * Adds the row of a listener, if the request wants it. Return: 0, also if it is not wanted or has
 * stopped; -EMSGSIZE if the message is full; -EAGAIN if a program has the socket lock.
 */
static int xtcp_diag_row_listener(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *lsk)
{
	struct xtcp_row row;
	int err;

	if (lsk->sk_family != ask->family || !xtcp_row_of_listener(&row, lsk) ||
	    !refcount_inc_not_zero(&lsk->sk_refcnt))
		return 0;
	err = inet_sk_state_load(lsk) == TCP_LISTEN ? put_row(skb, ask, &row, NULL) : 0;
	sock_put(lsk);
	return err == -ESTALE ? 0 : err;
}

/* If the state changes before the lock is taken, the row is made anew, unless the sock has ended. */
static int diag_row_of_sock(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	struct xtcp_row row;
	int err;

	if (sk->sk_family != ask->family)
		return 0;
	if (!refcount_inc_not_zero(&sk->sk_refcnt))
		return -ESTALE;
	do {
		xtcp_row_of_conn(&row, &xtcp_endpoint(sk)->conn);
		err = row.state == TCP_CLOSE ? -ESTALE : put_row(skb, ask, &row, NULL);
	} while (err == -ESTALE && row.state != TCP_CLOSE);
	sock_put(sk);
	return err;
}

/*
 * Outside the table, an aborted sock's tuple may change without the socket lock. Return: 0; -EAGAIN
 * if a program has it, unless ask->unlocked; -ESTALE if the socket was closed or disconnected.
 */
static int fill_row_of_aborted(struct xtcp_row *row, struct xtcp_abort *abort, const struct xtcp_diag_ask *ask,
			       struct sock *sk)
{
	int err = 0;

	spin_lock_bh(&sk->sk_lock.slock);
	if (sock_owned_by_user(sk) && !ask->unlocked) {
		err = -EAGAIN;
	} else if (!xtcp_sk(sk)->ended.is_listed) {
		err = -ESTALE;
	} else {
		xtcp_row_of_conn(row, &xtcp_endpoint(sk)->conn);
		row->wqueue = 0;
		row->state = TCP_CLOSE;
		xtcp_info_fill_abort(sk, abort);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return err;
}

/* Adds the row of an aborted sock. Returns as xtcp_diag_row_listener(). */
static int xtcp_diag_row_aborted(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct sock *sk)
{
	struct xtcp_abort abort;
	struct xtcp_row row;
	int err;

	if (sk->sk_family != ask->family || !owner_fits(ask, sk) || !refcount_inc_not_zero(&sk->sk_refcnt))
		return 0;
	/* as in xtcp_diag_row_conn() */
	kcsan_disable_current();
	err = fill_row_of_aborted(&row, &abort, ask, sk) ?: put_row(skb, ask, &row, &abort);
	kcsan_enable_current();
	sock_put(sk);
	return err == -ESTALE ? 0 : err;
}

/*
 * Adds the row of an entry, a sock or a record, if the request wants it. Return: 0, also if it is
 * not wanted; -EMSGSIZE if the message is full; -EAGAIN if a program has the socket lock; -ESTALE
 * if a sock has ended: a record may have replaced it.
 */
static int xtcp_diag_row_conn(struct sk_buff *skb, const struct xtcp_diag_ask *ask, struct xtcp_conn *conn)
{
	struct xtcp_row row;
	int err = 0;

	/* as in /proc, a data race may show an old value; this does no harm */
	kcsan_disable_current();
	if (conn->kind == XTCP_CONN_SOCK)
		err = diag_row_of_sock(skb, ask, xtcp_sk_of_conn(conn));
	else if (xtcp_row_of_conn(&row, conn) == ask->family)
		err = put_row(skb, ask, &row, NULL);
	kcsan_enable_current();
	return err;
}

#define XTCP_DIAG_BATCH	32	/* most connections that one RCU read side shows */

/* What names a connection for its whole life, as an entry, a sock and a record. */
struct xtcp_diag_key {
	u32 hash;
	int dev;
	struct xtcp_tuple tuple;
};

/* Which rows of a dump have been written. */
struct xtcp_diag_walk {
	struct xtcp_diag_ask ask;
	bool is_begun;			/* xtcp_diag_walk_begin() was called */
	bool listens;			/* not all listeners have been written yet */
	bool aborts;			/* not all aborted socks have been written yet */
	unsigned long number;		/* of the next listener, or of the next aborted sock */
	u32 chain;			/* the present hash chain of the table of connections */
	bool is_inside;			/* the walk is inside @chain, and @last is valid */
	struct xtcp_diag_key last;	/* the last connection of @chain that has been written */
	unsigned int tries;		/* how many times in a row a program has owned the lock of the next sock */
	unsigned int patience;		/* how often the dump may still wait for a program */
	unsigned int n;			/* how many connections the present batch has */
	struct xtcp_conn *conn[XTCP_DIAG_BATCH];	/* they; valid in the RCU read side */
	struct xtcp_diag_key key[XTCP_DIAG_BATCH];	/* their keys, in order */
};

/*
 * When a program has the lock of a sock, a dump pauses, at most 20 times for one sock and one
 * second in all, before it lists the sock without TCP_INFO.
 */
#define PAUSE_US	100
#define PAUSES		20
#define PATIENCE	(USEC_PER_SEC / PAUSE_US)

static struct xtcp_diag_key key_of(const struct xtcp_conn *conn)
{
	return (struct xtcp_diag_key) { .hash = conn->hash, .dev = conn->bound_dev_if, .tuple = xtcp_conn_tuple(conn) };
}

static int compare(const struct xtcp_diag_key *a, const struct xtcp_diag_key *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return memcmp(&a->tuple, &b->tuple, sizeof(a->tuple));
}

/* Unless it was shown already, or the batch is full of connections with lower keys. */
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

static void fill_batch(struct xtcp_diag_walk *walk)
{
	struct xtcp_conn *conn;

	walk->n = 0;
	for (conn = xtcp_conns_first(walk->chain); conn; conn = xtcp_conns_next(conn))
		if (conn->net_id == walk->ask.xn->id)
			enter_batch(walk, conn);
}

/* The connection that has replaced @old, for example a sock's record, or NULL. */
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

	for (i = 0; i < walk->n; i++) {
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

/* For a program with the lock of the next sock. False when that was long enough, and ask.unlocked is set. */
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
 * Walks over listeners or aborted socks from walk->number on. @next: finds the sock with this
 * number or the next higher one. @row: adds its row. Return: 0, or -EMSGSIZE.
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

/* Begin a walk at the first listener. @walk: its @ask is set, all other fields are 0. */
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

/* As xtcp_listeners_from(), in the table of aborted socks. Under the socket lock, ended.is_listed tells of it. */
static struct sock *aborted_from(struct xtcp_net *xn, unsigned long *number)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "lookup of an aborted sock without RCU");
	return xa_find(&xn->rest->aborted, number, ULONG_MAX, XA_PRESENT);
}

/* Return: 0 at the end of the walk; -EMSGSIZE when the message is full. */
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
	notes = kzalloc(NOTES_LEN(len), GFP_KERNEL_ACCOUNT);
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
	if (nla_len(attr) != sizeof(u64))
		return -EINVAL;
	ask->cookie[0] = lower_32_bits(nla_get_u64(attr));
	ask->cookie[1] = upper_32_bits(nla_get_u64(attr));
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

/* @ask points into @request, which must exist for as long as @ask is used. */
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
 * A row that does not fit into an empty message has many MD5 keys: enlarges the message, perhaps
 * beyond the reader's buffer, as Linux does for much BPF storage. Keys that do not fit then are not
 * shown: no program can make a listing fail.
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
 * The row of the socket that a request names. Return: 0; -ENOENT if there is none; or an error of
 * xtcp_diag_row_conn().
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

/* The one socket with the addresses and the cookie of the request; idiag_states is ignored. */
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
	struct netlink_dump_control control = { .start = dump_start, .dump = dump_on, .done = dump_done };
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
	/* its opener needs it, too: a user may start a setuid program with a netlink socket as its standard error */
	if (!netlink_net_capable(request, CAP_NET_ADMIN))
		return -EPERM;
	return xtcp_diag_destroy(sock_net(request->sk), nlmsg_data(nlh));
}

static struct sock_diag_handler handler = {
	XTCP_COMPAT_DIAG_OWNER
	.dump		= diag_list,
	.destroy	= diag_destroy,
};

static bool is_registered;

/* If the family has another handler already, only logs a warning: the module works without. */
void xtcp_diag_register(int family)
{
	handler.family = family;
	is_registered = !sock_diag_register(&handler);
	if (!is_registered)
		pr_warn("sock_diag has another handler for address family %d: xtcp-ss -i and -K do not work\n",
			handler.family);
}

/* Undo xtcp_diag_register(). A request that is being handled goes on. */
void xtcp_diag_unregister(void)
{
	if (is_registered)
		sock_diag_unregister(&handler);
}
