// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors about segments of ours (RFC 9293 section 3.9.2.2): to whom they go, and what they do there.
 *
 * Anybody can forge one, so it counts only if the sequence number it quotes is in flight (RFC 5927 section 4). In
 * SYN-SENT and SYN-RECEIVED an error ends the attempt, as in Linux; later none does (MUST-56; SHLD-26 would let
 * some), it is what the program learns should the connection time out, or at once with IP_RECVERR (MUST-47; the queue
 * of MSG_ERRQUEUE stays empty, the kernel keeps to itself what fills it). Source Quench is ignored (MUST-55). What a
 * router says of the path MTU lowers the segment size, down to the floor that routing has.
 */
#include "icmp.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip6_route.h>
#include <net/ndisc.h>
#include <net/tcp.h>

#include "compat.h"
#include "demux.h"
#include "ip.h"
#include "mib.h"
#include "netns.h"
#include "output.h"
#include "recovery.h"
#include "seq.h"
#include "sock.h"
#include "synq.h"

enum icmp_effect {
	ICMP_IGNORED,
	ICMP_REDIRECTED,
	ICMP_MTU_FELL,
	ICMP_ERROR,
};

/**
 * struct icmp_news - what an ICMP message says about one segment of ours
 * @effect: what is to be done
 * @err: ICMP_ERROR: positive errno
 * @fatal: ICMP_ERROR: it also ends a half-open entry
 * @info: MTU, or the fourth word of the ICMP header
 * @seq: SEG.SEQ of the segment
 * @hops: TTL or hop limit that IP_MINTTL and IPV6_MINHOPCOUNT look at
 */
struct icmp_news {
	enum icmp_effect effect;
	int err;
	bool fatal;
	u32 info;
	u32 seq;
	u8 hops;
};

/* The path MTU has fallen: smaller segments, and those on the way are sent again. RFC 1191, RFC 8201. */
static void mtu_fell(struct sock *sk)
{
	u32 mtu;

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN)
		return;
	mtu = xtcp_ip_update_mtu(sk, READ_ONCE(xtcp_sk(sk)->mtu_info));
	if (!mtu || mtu >= xtcp_sk(sk)->pmtu)
		return;
	if (xtcp_sock_is_v4(sk) && (inet_sk(sk)->pmtudisc == IP_PMTUDISC_DONT || !ip_sk_accept_pmtu(sk)))
		return;
	xtcp_output_sync_mss(sk, mtu);
	xtcp_recovery_mtu_fell(sk);
}

/**
 * xtcp_icmp_mtu_deferred() - XTCP_DEFERRED_MTU: an ICMP message came while a user had the lock
 * @sk: the sock, in any state
 *
 * Context: process, in release_sock(). Lock: socket, held.
 */
void xtcp_icmp_mtu_deferred(struct sock *sk)
{
	sock_owned_by_me(sk);
	mtu_fell(sk);
}

static bool wants_errors_at_once(const struct sock *sk, bool v4)
{
	return v4 ? xtcp_compat_recverr(sk) : xtcp_compat_recverr6(sk);
}

/* MUST-47, MUST-56 */
static void report_error(struct sock *sk, struct sk_buff *skb, const struct icmp_news *news)
{
	bool v4 = skb->protocol == htons(ETH_P_IP);
	bool owned = sock_owned_by_user(sk);

	if (sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV) {
		if (owned)
			WRITE_ONCE(sk->sk_err_soft, news->err);
		else
			xtcp_sock_fail(sk, news->err);
	} else if (!owned && wants_errors_at_once(sk, v4)) {
		WRITE_ONCE(sk->sk_err, news->err);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, news->err);
	}
}

static bool hops_ok(const struct sock *sk, const struct sk_buff *skb, u8 hops)
{
	if (skb->protocol == htons(ETH_P_IP))
		return hops >= READ_ONCE(inet_sk(sk)->min_ttl);
#if IS_ENABLED(CONFIG_IPV6)
	return hops >= READ_ONCE(inet6_sk(sk)->min_hopcount);
#else
	return true;
#endif
}

static void to_sock(struct sock *sk, struct sk_buff *skb, const struct icmp_news *news)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct net *net = sock_net(sk);

	bh_lock_sock(sk);
	if (sock_owned_by_user(sk) && news->effect != ICMP_MTU_FELL)
		XTCP_NET_INC_STATS(net, LINUX_MIB_LOCKDROPPEDICMPS);
	if (sk->sk_state == TCP_CLOSE)
		goto out;
	if (!hops_ok(sk, skb, news->hops)) {
		XTCP_NET_INC_STATS(net, LINUX_MIB_TCPMINTTLDROP);
		goto out;
	}
	if (!xtcp_seq_between(xsk->snd_una, news->seq, xsk->snd_nxt)) {
		XTCP_NET_INC_STATS(net, LINUX_MIB_OUTOFWINDOWICMPS);
		goto out;
	}
	switch (news->effect) {
	case ICMP_IGNORED:
		break;
	case ICMP_REDIRECTED:
		if (!sock_owned_by_user(sk))
			xtcp_ip_redirected(sk, skb);
		break;
	case ICMP_MTU_FELL:
		WRITE_ONCE(xsk->mtu_info, news->info);
		if (sock_owned_by_user(sk))
			set_bit(XTCP_DEFERRED_MTU, &xsk->deferred);
		else
			mtu_fell(sk);
		break;
	case ICMP_ERROR:
		report_error(sk, skb, news);
		break;
	}
out:
	bh_unlock_sock(sk);
}

/* False: no connection of ours has the tuple that the message quotes. */
static bool deliver(struct sk_buff *skb, const struct xtcp_demux_key *key, const struct icmp_news *news)
{
	struct net *net = dev_net(skb->dev);
	struct xtcp_conn *conn = xtcp_demux_lookup(xtcp_net(net), key);
	struct sock *sk;

	if (!conn)
		return false;
	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_REQUEST:
		xtcp_synq_icmp_error(container_of(conn, struct xtcp_request, conn), news->seq,
				     news->effect == ICMP_ERROR && news->fatal);
		break;
	case XTCP_CONN_TIMEWAIT:
		break;
	case XTCP_CONN_SOCK:
		sk = xtcp_sk_of(xtcp_sock_of_conn(conn));
		if (refcount_inc_not_zero(&sk->sk_refcnt)) {
			to_sock(sk, skb, news);
			sock_put(sk);
		}
		break;
	}
	return true;
}

static void classify_v4(const struct icmphdr *icmph, struct icmp_news *news)
{
	switch (icmph->type) {
	case ICMP_REDIRECT:
		news->effect = ICMP_REDIRECTED;
		break;
	case ICMP_PARAMETERPROB:
		news->effect = ICMP_ERROR;
		news->err = EPROTO;
		news->fatal = true;
		break;
	case ICMP_TIME_EXCEEDED:
		news->effect = ICMP_ERROR;
		news->err = EHOSTUNREACH;
		news->fatal = true;
		break;
	case ICMP_DEST_UNREACH:
		if (icmph->code > NR_ICMP_UNREACH)
			break;
		if (icmph->code == ICMP_FRAG_NEEDED) {
			news->effect = ICMP_MTU_FELL;
			break;
		}
		news->effect = ICMP_ERROR;
		news->err = icmp_err_convert[icmph->code].errno;
		news->fatal = icmph->code == ICMP_NET_UNREACH || icmph->code == ICMP_HOST_UNREACH;
		break;
	default:
		break;
	}
}

/**
 * xtcp_icmp_v4() - an ICMP message that quotes a TCP segment
 * @skb: skb->data is the quoted IP header; 8 octets of the TCP header follow it
 * @info: the path MTU of "fragmentation needed"
 * @err: what the protocol's error handler returns, when the segment is ours
 *
 * RFC 9293 section 3.9.2.2, MUST-54 to MUST-56; RFC 5927 section 4.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the segment is ours; false: nothing was touched.
 */
bool xtcp_icmp_v4(struct sk_buff *skb, u32 info, int *err)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + iph->ihl * 4);
	struct xtcp_demux_key key = {
		.tuple = { .lport = th->source, .fport = th->dest },
		.dif = inet_iif(skb),
	};
	struct icmp_news news = {
		.info = info,
		.seq = ntohl(th->seq),
		.hops = iph->ttl,
	};

	ipv6_addr_set_v4mapped(iph->saddr, &key.tuple.laddr);
	ipv6_addr_set_v4mapped(iph->daddr, &key.tuple.faddr);
	classify_v4(icmp_hdr(skb), &news);
	*err = 0;
	return deliver(skb, &key, &news);
}

#if IS_ENABLED(CONFIG_IPV6)
static void classify_v6(u8 type, u8 code, struct icmp_news *news)
{
	if (type == NDISC_REDIRECT) {
		news->effect = ICMP_REDIRECTED;
	} else if (type == ICMPV6_PKT_TOOBIG) {
		/* less than every IPv6 link has is a forgery (RFC 8201 section 4) */
		if (news->info >= IPV6_MIN_MTU)
			news->effect = ICMP_MTU_FELL;
	} else {
		news->effect = ICMP_ERROR;
		news->fatal = icmpv6_err_convert(type, code, &news->err);
	}
}

/**
 * xtcp_icmp_v6() - an ICMPv6 message that quotes a TCP segment
 * @skb: skb->data is the quoted IPv6 header
 * @opt: unused
 * @type: ICMPv6 type
 * @code: ICMPv6 code
 * @offset: where the quoted TCP header begins, of which 8 octets are there
 * @info: the fourth word of the ICMPv6 header: the path MTU of "packet too big"
 * @err: as for xtcp_icmp_v4()
 *
 * RFC 9293 section 3.9.2.2.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when the segment is ours; false: nothing was touched.
 */
bool xtcp_icmp_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info, int *err)
{
	const struct ipv6hdr *hdr = (const struct ipv6hdr *)skb->data;
	const struct tcphdr *th = (const struct tcphdr *)(skb->data + offset);
	const struct xtcp_demux_key key = {
		.tuple = {
			.laddr = hdr->saddr,
			.faddr = hdr->daddr,
			.lport = th->source,
			.fport = th->dest,
		},
		.dif = skb->dev->ifindex,
		.sdif = inet6_sdif(skb),
	};
	struct icmp_news news = {
		.info = ntohl(info),
		.seq = ntohl(th->seq),
		.hops = ipv6_hdr(skb)->hop_limit,
	};

	classify_v6(type, code, &news);
	*err = 0;
	return deliver(skb, &key, &news);
}
#endif
