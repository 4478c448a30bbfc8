// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors about segments of ours (RFC 9293 section 3.9.2.2; RFC 5927; RFC 1191, RFC 8201).
 *
 * An error quotes the segment that we have sent, so its source is our end. Of the quoted TCP
 * header, only the ports and the sequence number are certain to be present. An error counts only if
 * that number is in flight, so a forger must guess it (RFC 5927).
 *
 * A hard error means that no connection is possible. A soft error may be temporary. The first of
 * these rules that fits applies:
 *  - If a process owns the sock, the error is stored in sk_err_soft. A later timeout reports it.
 *  - A hard error ends a connection that is not synchronized yet, as in Linux.
 *  - On an open connection, a program that has set IP_RECVERR gets each error at once (SHLD-25).
 *  - Any other error is stored in sk_err_soft.
 *
 * So no error ends a synchronized connection. For Unreachable codes 2 to 4 this departs from
 * SHLD-26, as Linux does (RFC 5927 section 6). See also xtcp_flight_unreachable() (RFC 6069).
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <net/icmp.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>

#include "fastopen/fastopen.h"
#include "in/in.h"
#include "listen/listen.h"
#include "send/send.h"
#include "sock/create.h"

enum news {
	NEWS_NONE,	/* nothing: ignore the error */
	NEWS_SOFT,	/* a soft error: the connection may recover */
	NEWS_HARD,	/* a hard error: no connection is possible */
	NEWS_MTU,	/* the segment was larger than the path MTU */
	NEWS_REDIRECT,	/* a router knows a better first hop */
};

struct error {
	struct xtcp_demux_key key;	/* the tuple and devices of the connection */
	u32 seq;			/* SEG.SEQ of the quoted segment */
	u8 hops;			/* TTL or hop limit of the quoted header */
	enum news news;			/* what the error means */
	int errno;	/* the errno for the program; set with NEWS_SOFT and NEWS_HARD */
	u32 mtu;			/* the path MTU, octets; set with NEWS_MTU */
	bool no_way;	/* a router has no way to the peer at present; only with NEWS_SOFT */
	u8 origin;			/* SO_EE_ORIGIN_ICMP or SO_EE_ORIGIN_ICMP6 */
	u8 type;			/* ICMP type */
	u8 code;			/* ICMP code */
	u32 info;			/* the MTU or pointer of the message, for ee_info */
	const u8 *quoted;		/* the quoted TCP header */
	const u8 *quoted_daddr;		/* the destination address in the quoted IP header */
};

static bool accepts_mtu(const struct sock *sk)
{
	if (xtcp_sock_is_v4(sk))
		return inet_sk(sk)->pmtudisc != IP_PMTUDISC_DONT && ip_sk_accept_pmtu(sk);
	return ip6_sk_accept_pmtu(sk);
}

/* Return: the route's path MTU, which is never below routing's least; 0 without a route. */
static u32 update_mtu(struct sock *sk, u32 mtu)
{
	struct dst_entry *dst;

	if (xtcp_ip_route(sk))
		return 0;
	dst = __sk_dst_get(sk);
	dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
	return xtcp_ip_route(sk) ? 0 : dst_mtu(__sk_dst_get(sk));
}

/**
 * xtcp_icmp_mtu_fell() - handle what mtu_info tells of the path MTU
 * @sk: the sock
 *
 * RFC 1191 section 6.4: resend at once what is too large in flight.
 * Context: softirq, or process in release_sock(). Lock: socket, held.
 */
void xtcp_icmp_mtu_fell(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	const u32 told = READ_ONCE(tx->mtu_info);
	u32 mtu, mss = tx->mss;

	sock_owned_by_me(sk);
	if ((1 << sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE))
		return;
	if (told >= tx->pmtu)
		return;
	/* as in Linux, over IPv6 a message that the program rejects counts for nobody; over IPv4 the route takes it */
	if (!xtcp_sock_is_v4(sk) && !accepts_mtu(sk))
		return;
	mtu = update_mtu(sk, told);
	if (!mtu)
		return;
	/*
	 * if @told is below mtu, the route does not accept so small an MTU
	 * (net.ipv4.route.min_pmtu). Our larger segments then have no DF by default; with it, the
	 * connection times out with EMSGSIZE
	 */
	if (told < mtu && xtcp_sock_is_v4(sk) && ip_dont_fragment(sk, __sk_dst_get(sk)))
		WRITE_ONCE(sk->sk_err_soft, EMSGSIZE);
	if (accepts_mtu(sk) && tx->pmtu > mtu) {
		xtcp_mss_sync(sk, mtu);
		/* not if a small MSS of the peer is the limit: then nothing in flight is too large */
		if (tx->mss < mss)
			xtcp_repair_mtu_fell(sk);
	}
}

static void tell_mtu(struct sock *sk, u32 mtu)
{
	/* an MTU that does not fit is one of jumbograms or loopback */
	if (mtu > U16_MAX)
		return;
	WRITE_ONCE(xtcp_sender(sk)->mtu_info, mtu);
	if (sock_owned_by_user(sk))
		set_bit(XTCP_DEFERRED_MTU, &sk->sk_tsq_flags);
	else
		xtcp_icmp_mtu_fell(sk);
}

/* for MSG_ERRQUEUE, with its sender and the quoted segment */
static void queue_error(struct sock *sk, struct sk_buff *skb, const struct error *error)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);
	struct sock_exterr_skb *serr;

	if (!copy)
		return;
	/* the skb may wait long for the program, and must not pin a namespace or a device */
	nf_reset_ct(copy);
	secpath_reset(copy);
	skb_dst_drop(copy);
	copy->dev = NULL;
	serr = SKB_EXT_ERR(copy);
	serr->ee = (struct sock_extended_err) {
		.ee_errno = error->errno,
		.ee_origin = error->origin,
		.ee_type = error->type,
		.ee_code = error->code,
		.ee_info = error->info,
	};
	serr->addr_offset = error->quoted_daddr - skb_network_header(copy);
	serr->port = error->key.tuple.fport;
	__skb_pull(copy, error->quoted - copy->data);
	skb_reset_transport_header(copy);
	if (sock_queue_err_skb(sk, copy))
		kfree_skb(copy);
}

static void redirected(struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst;

	sock_owned_by_me(sk);
	dst = __sk_dst_check(sk, xtcp_sock_is_v4(sk) ? 0 : inet6_sk(sk)->dst_cookie);
	if (dst)
		dst->ops->redirect(dst, sk, skb);
}

static void tell_error(struct sock *sk, struct sk_buff *skb, const struct error *error)
{
	bool owned = sock_owned_by_user(sk);
	bool at_once = xtcp_sock_is_v4(sk) ? XTCP_COMPAT_FLAG(sk, RECVERR, recverr) :
					      XTCP_COMPAT_FLAG6(sk, RECVERR6, recverr);
	/* a Fast Open connection is open from accept() on, without a handshake (RFC 7413), even after close() */
	bool opening = (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV) &&
		       !(READ_ONCE(xtcp_sk(sk)->fastopen) && (sk->sk_socket || sock_flag(sk, SOCK_DEAD)));

	if (owned) {
		WRITE_ONCE(sk->sk_err_soft, error->errno);
	} else if (opening && error->news == NEWS_HARD) {
		/*
		 * queue only an error that ends the connection: when a program reads the queue, the
		 * kernel clears SO_ERROR. Over IPv4 even without IP_RECVERR, as in Linux
		 */
		if (at_once || xtcp_sock_is_v4(sk))
			queue_error(sk, skb, error);
		xtcp_sock_fail(sk, error->errno, XTCP_ABORT_ICMP);
	} else if (at_once && !opening) {
		WRITE_ONCE(sk->sk_err, error->errno);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, error->errno);
	}
}

/* The caller has the socket's spinlock; a process may own the sock (sock_owned_by_user()). */
static void about_sock(struct sock *sk, struct sk_buff *skb, const struct error *error)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);
	struct xtcp_net *xn = tx->xn;

	if (sock_owned_by_user(sk) && error->news != NEWS_MTU)
		XTCP_NET_INC_STATS(xn, LINUX_MIB_LOCKDROPPEDICMPS);
	if (sk->sk_state == TCP_CLOSE)
		return;
	if (error->hops < (xtcp_sock_is_v4(sk) ? READ_ONCE(inet_sk(sk)->min_ttl) :
						  READ_ONCE(inet6_sk(sk)->min_hopcount))) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_TCPMINTTLDROP);
		return;
	}
	/* the quoted segment must be in flight (RFC 5927 section 4.1) */
	if (!xtcp_seq_between(READ_ONCE(tx->snd.una), error->seq, READ_ONCE(tx->snd.nxt))) {
		XTCP_NET_INC_STATS(xn, LINUX_MIB_OUTOFWINDOWICMPS);
		return;
	}
	switch (error->news) {
	case NEWS_NONE:
		break;
	case NEWS_SOFT:
	case NEWS_HARD:
		if (error->no_way && !sock_owned_by_user(sk))
			xtcp_flight_unreachable(sk, error->seq);
		tell_error(sk, skb, error);
		break;
	case NEWS_MTU:
		tell_mtu(sk, error->mtu);
		break;
	case NEWS_REDIRECT:
		if (!sock_owned_by_user(sk))
			redirected(sk, skb);
		break;
	}
}

/* Because of TCP-AO; only a sock whose handshake is complete. The arguments are of the error. */
static bool ignores_errors(const struct sock *sk, bool v4, u8 type, u8 code)
{
	struct xtcp_ao *ao = xtcp_ao_of(sk);

	if (likely(!ao) || !READ_ONCE(ao->current_key))
		return false;
	if ((1 << READ_ONCE(sk->sk_state)) & (TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_LISTEN))
		return false;
	return xtcp_aoverify_ignores_icmp_for(xtcp_net_of(sk), ao, v4, type, code);
}

/*
 * About the SYN-ACK of an entry. A hard error (RFC 9293 section 3.9.2.2) ends it without a report,
 * because no program has the connection yet. @seq: SEG.SEQ of the quoted segment.
 */
static void about_entry(struct xtcp_request *he, u32 seq, bool hard)
{
	struct sock *lsk = READ_ONCE(he->lsk);
	struct xtcp_listener *listener = xtcp_listen_queues(lsk);

	if (seq != he->iss) {
		XTCP_NET_INC_STATS(xtcp_net_of(lsk), LINUX_MIB_OUTOFWINDOWICMPS);
		return;
	}
	if (!hard || !listener)
		return;
	spin_lock(&listener->lock);
	if (xtcp_listen_has_entry(listener, he)) {
		xtcp_entry_drop(listener, he, XTCP_TRACE_FAILED);
		xtcp_refusal_drop(listener->sk);
	}
	spin_unlock(&listener->lock);
}

/* MUST-54. Return: false when the connection is not ours. */
static bool deliver(struct net *net, struct sk_buff *skb, struct error *error)
{
	struct xtcp_net *xn = xtcp_net(net);
	struct xtcp_conn *conn;
	struct xtcp_ao *ao;
	struct sock *sk;

	error->key.hash = xtcp_demux_hash(xn, &error->key.tuple);
	conn = xtcp_demux_lookup(xn, &error->key);
	if (!conn)
		return false;
	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_TIMEWAIT:
		/* about kernel TCP's connection, if that has the tuple */
		if (xtcp_demux_kernel_holds(net, &error->key))
			return false;
		/* a record ignores every error; with TCP-AO, count what a sock would ignore (RFC 5925 section 7.8) */
		ao = xtcp_recordkeys_ao(container_of(conn, struct xtcp_timewait, conn));
		if (unlikely(ao))
			xtcp_aoverify_ignores_icmp_for(xn, ao, error->origin == SO_EE_ORIGIN_ICMP, error->type,
						       error->code);
		break;
	case XTCP_CONN_REQUEST:
		about_entry(container_of(conn, struct xtcp_request, conn), error->seq, error->news == NEWS_HARD);
		break;
	case XTCP_CONN_SOCK:
		sk = xtcp_sk_of_conn(conn);
		if (!refcount_inc_not_zero(&sk->sk_refcnt))
			break;
		if (!ignores_errors(sk, error->origin == SO_EE_ORIGIN_ICMP, error->type, error->code)) {
			bh_lock_sock(sk);
			about_sock(sk, skb, error);
			bh_unlock_sock(sk);
		}
		sock_put(sk);
		break;
	}
	return true;
}

static void set_error(struct error *error, enum news news, int errno)
{
	error->news = news;
	error->errno = errno;
}

/*
 * Unreachable codes 0, 1 and 5 are soft, 2 and 3 are hard (RFC 9293 section 3.9.2.2). 11 and 12
 * mean the same as 0 and 1 for one type of service (RFC 1122 section 3.2.2.1). All others are hard,
 * as in the kernel's icmp_err_convert[].
 */
static void read_v4(struct error *error)
{
	const u8 code = error->code;

	switch (error->type) {
	case ICMP_DEST_UNREACH:
		if (code > NR_ICMP_UNREACH)
			break;
		if (code == ICMP_FRAG_NEEDED) {
			error->news = NEWS_MTU;
			error->mtu = error->info;
			break;
		}
		set_error(error, icmp_err_convert[code].fatal ? NEWS_HARD : NEWS_SOFT, icmp_err_convert[code].errno);
		error->no_way = code == ICMP_NET_UNREACH || code == ICMP_HOST_UNREACH;
		break;
	case ICMP_TIME_EXCEEDED:
		set_error(error, NEWS_SOFT, EHOSTUNREACH);
		break;
	case ICMP_PARAMETERPROB:
		set_error(error, NEWS_SOFT, EPROTO);
		break;
	case ICMP_REDIRECT:
		error->news = NEWS_REDIRECT;
		break;
	case ICMP_SOURCE_QUENCH:	/* MUST-55: ignore it */
		break;
	}
}

/*
 * @skb begins with the IP header that a message quotes; eight octets after it are linear. @info: the
 * MTU of "fragmentation needed", the pointer of "parameter problem". @err: what the protocol handler
 * returns. Return: false when the segment is not ours. Softirq, RCU read side.
 */
bool xtcp_icmp_v4(struct sk_buff *skb, u32 info, int *err)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + iph->ihl * 4);
	struct error error = {
		.key.tuple.lport = th->source,
		.key.tuple.fport = th->dest,
		.key.dif = inet_iif(skb),
		.seq = ntohl(th->seq),
		.hops = iph->ttl,
		.origin = SO_EE_ORIGIN_ICMP,
		.type = icmp_hdr(skb)->type,
		.code = icmp_hdr(skb)->code,
		.info = info,
		.quoted = (const u8 *)th,
		.quoted_daddr = (const u8 *)&iph->daddr,
	};

	ipv6_addr_set_v4mapped(iph->saddr, &error.key.tuple.laddr);
	ipv6_addr_set_v4mapped(iph->daddr, &error.key.tuple.faddr);
	read_v4(&error);
	*err = 0;
	return deliver(dev_net(skb->dev), skb, &error);
}

/*
 * Unreachable codes 0 and 3, time exceeded and parameter problem are soft (RFC 9293 section
 * 3.9.2.2), and so is code 2, "beyond the scope of the source address" (RFC 4443 section 3.1). The
 * kernel's icmpv6_err_convert() says the same, except that it calls a parameter problem fatal.
 */
static void read_v6(struct error *error)
{
	const u8 type = error->type;
	bool fatal;
	int errno;

	if (type == NDISC_REDIRECT) {
		error->news = NEWS_REDIRECT;
		return;
	}
	if (type == ICMPV6_PKT_TOOBIG) {
		if (error->info < IPV6_MIN_MTU)
			return;
		error->news = NEWS_MTU;
		error->mtu = error->info;
		return;
	}
	error->no_way = type == ICMPV6_DEST_UNREACH && error->code == ICMPV6_NOROUTE;
	fatal = icmpv6_err_convert(type, error->code, &errno);
	set_error(error, fatal && type != ICMPV6_PARAMPROB ? NEWS_HARD : NEWS_SOFT, errno);
}

/* As xtcp_icmp_v4(); @offset: octets before the quoted TCP header. @opt: all such handlers have it. */
bool xtcp_icmp_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info, int *err)
{
	const struct ipv6hdr *hdr = (const struct ipv6hdr *)skb->data;
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);
	struct error error = {
		.key.tuple.laddr = hdr->saddr,
		.key.tuple.faddr = hdr->daddr,
		.key.tuple.lport = th->source,
		.key.tuple.fport = th->dest,
		.key.dif = skb->dev->ifindex,
		.key.sdif = inet6_sdif(skb),
		.seq = ntohl(th->seq),
		.hops = hdr->hop_limit,
		.origin = SO_EE_ORIGIN_ICMP6,
		.type = type,
		.code = code,
		.info = ntohl(info),
		.quoted = (const u8 *)th,
		.quoted_daddr = (const u8 *)&hdr->daddr,
	};

	/* IP checks only the outer addresses: a v4-mapped one here has passed no filter for IPv4 */
	if (ipv6_addr_v4mapped(&hdr->saddr) || ipv6_addr_v4mapped(&hdr->daddr))
		return false;
	read_v6(&error);
	*err = 0;
	return deliver(dev_net(skb->dev), skb, &error);
}
