// SPDX-License-Identifier: GPL-2.0
/*
 * The handlers in front of kernel TCP's: might this segment be ours, or not.
 *
 * IP looks up the handler of protocol 6 in an array. Ours stands there in place of kernel TCP's and calls that one for
 * every segment that is not for us, untouched: until a segment is known to be ours nothing but its linear part may
 * change. The first question is one bit, "is this local port leased?", so kernel TCP pays next to nothing.
 *
 * With the bit set, in this order:
 *  1. a socket is attached already: by our own early demux, ours; else (TPROXY, sk_assign) kernel TCP's;
 *  2. a connection of ours has exactly this tuple: ours. But a record makes way for a SYN that would reopen it when no
 *     listener of ours wants the SYN, but one of kernel TCP's or of another build does: the program may have gone
 *     there; and as soon as kernel TCP has a connection on the tuple;
 *  3. a SYN for a listener of ours, unless kernel TCP has a connection on the tuple, or another build of this module
 *     (siblings.c): ours. So is what a listener drops in silence: SYN with FIN, and segments with none of SYN, ACK,
 *     RST;
 *  4. an ACK for a listener of ours whose cookie is valid: ours;
 *  5. the rest is kernel TCP's, which also answers what nobody has. A program whose listener moved to xtcp keeps the
 *     connections that kernel TCP accepted before.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "in/interpose.h"

#include <linux/delay.h>
#include <linux/icmpv6.h>
#include <linux/rcupdate.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/protocol.h>

#include "base/netns.h"
#include "base/sock.h"
#include "compat.h"
#include "in/early.h"
#include "in/icmp.h"
#include "in/ingress.h"
#include "in/siblings.h"
#include "listen/acceptq.h"
#include "listen/listener.h"
#include "listen/synq.h"
#include "lookup/demux.h"
#include "lookup/group.h"
#include "lookup/listeners.h"
#include "ports/lease.h"
#include "time/timewait.h"

#define ROUNDS_A_SECOND	50	/* looks whether the other has stepped aside */

/*
 * What stood in the array before us; set before ours is put there, and used until no handler of ours runs. When another
 * build of this module stood there and is unloaded, it puts what stood there before itself in its place (siblings.c).
 */
static const struct net_protocol *saved_v4;
static struct net_protocol ours_v4;

static struct xtcp_net *net_of(const struct sk_buff *skb)
{
	return xtcp_net_rcu(dev_net(skb->dev));
}

/* Asked for each segment of either stack. What is too short to have a port is not ours. */
static inline bool might_be_ours(const struct xtcp_net *xn, struct sk_buff *skb)
{
	return pskb_may_pull(skb, offsetofend(struct tcphdr, dest)) &&
	       xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(((const struct tcphdr *)skb->data)->dest));
}

/* The same for an ICMP error: the local port is the source of what it quotes. @offset: of the quoted TCP header. */
static bool error_might_be_ours(const struct xtcp_net *xn, const struct sk_buff *skb, int offset)
{
	const __be16 *port;
	__be16 buf;

	port = skb_header_pointer(skb, offset + offsetof(struct tcphdr, source), sizeof(buf), &buf);
	return port && xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(*port));
}

static bool is_pure_syn(const struct tcphdr *th)
{
	return th->syn && !th->ack && !th->rst && !th->fin;
}

/*
 * May a record of ours make way for this SYN? @elsewhere: another build's listener wants it. A SYN that nobody wants
 * could be forged by anybody, to end the record (RFC 1337); one for a full queue comes again, and finds it then.
 */
static bool is_listened_for(struct xtcp_net *xn, const struct xtcp_demux_key *key, struct sk_buff *skb, bool elsewhere)
{
	const struct sock *lsk;

	if (xtcp_listeners_lookup(xn, key))
		return false;
	if (elsewhere || xtcp_siblings_want(skb))
		return true;
	lsk = xtcp_compat_kernel_listener(xn->net, skb, &key->tuple, key->dif, key->sdif);
	return lsk && !sk_acceptq_is_full(lsk);
}

static bool record_makes_way(struct xtcp_net *xn, const struct xtcp_demux_key *key, struct xtcp_conn *conn,
			     struct sk_buff *skb, bool elsewhere)
{
	if (conn->kind != XTCP_CONN_TIMEWAIT || skb->pkt_type != PACKET_HOST)
		return false;
	/* a bind() with SO_REUSEADDR beside the record, and a connect() to the same peer */
	if (xtcp_demux_kernel_holds(xn->net, key))
		return true;
	if (!is_pure_syn((const struct tcphdr *)skb->data))
		return false;
	return xtcp_timewait_syn_reopens(container_of(conn, struct xtcp_timewait, conn), skb) &&
	       is_listened_for(xn, key, skb, elsewhere) && xtcp_ingress_checksum_ok(skb);
}

static bool listener_wants(struct sock *lsk, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if (th->rst)
		return false;
	if (th->ack)
		return !th->syn && xtcp_synq_ack_is_ours(lsk, skb, key);
	return true;
}

/* Hands a segment without a sock to ingress.c; false: it is kernel TCP's and was not touched. */
static bool take(struct xtcp_net *xn, struct sk_buff *skb)
{
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;
	struct sock *lsk;

	if (!pskb_may_pull(skb, sizeof(struct tcphdr)))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	/* IPv6 with an address that stands for IPv4 would be taken for IPv4 */
	if (ip_hdr(skb)->version != 4 && ipv6_addr_v4mapped(&key.tuple.faddr))
		return false;

	while ((conn = xtcp_demux_lookup(xn, &key))) {
		if (record_makes_way(xn, &key, conn, skb, false)) {
			xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
			return false;
		}
		if (xtcp_ingress_conn(xn, skb, conn, &key))
			return true;
		/* a sock that has just ended; it left the table before, so the next round finds another or none */
	}

	lsk = xtcp_listeners_lookup(xn, &key);
	if (!lsk || !listener_wants(lsk, skb, &key) || xtcp_demux_kernel_holds(xn->net, &key) ||
	    xtcp_siblings_keep(skb))
		return false;
	xtcp_ingress_listener(xn, skb, xtcp_group_choose(lsk, key.hash >> 32, skb), &key);
	return true;
}

/*
 * Another build of this module has a listener that wants the segment: is it of a connection of ours? When it would
 * reopen what a record ended, the record makes way.
 */
static bool keeps(struct sk_buff *skb)
{
	struct xtcp_net *xn = net_of(skb);
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;

	if (!might_be_ours(xn, skb))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	conn = xtcp_demux_lookup(xn, &key);
	if (!conn)
		return false;
	if (!record_makes_way(xn, &key, conn, skb, true))
		return true;
	xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
	return false;
}

/* The same: has a listener of ours room for what the SYN opens? The other build has a record on its tuple. */
static bool wants(struct sk_buff *skb)
{
	struct xtcp_net *xn = net_of(skb);
	const struct xtcp_listener *listener;
	struct xtcp_demux_key key;
	struct sock *lsk;

	if (!might_be_ours(xn, skb))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	lsk = xtcp_listeners_lookup(xn, &key);
	listener = lsk ? xtcp_listen_queues(lsk) : NULL;
	return listener && !xtcp_acceptq_is_full(listener);
}

/* As take(), with the first question before it. */
static bool is_ours(struct sk_buff *skb)
{
	struct sock *sk = skb->sk ? xtcp_early_take(skb) : NULL;
	struct xtcp_net *xn;

	if (sk) {
		xtcp_ingress_sock(xtcp_net_of(sk), skb, sk);
		sock_put(sk);
		return true;
	}
	xn = net_of(skb);
	return !skb->sk && might_be_ours(xn, skb) && take(xn, skb);
}

/* inet_protos[IPPROTO_TCP]: softirq, RCU read side */
static int interpose_v4_rcv(struct sk_buff *skb)
{
	return is_ours(skb) ? 0 : READ_ONCE(saved_v4)->handler(skb);
}

/* An ICMP error: skb->data is the header of the segment that we may have sent, so the local port is its source. */
static int interpose_v4_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	int err;

	if (error_might_be_ours(net_of(skb), skb, iph->ihl * 4) && xtcp_icmp_v4(skb, info, &err))
		return err;
	return READ_ONCE(saved_v4)->err_handler(skb, info);
}

static int install_v4(void)
{
	struct net_protocol *saved = rcu_access_pointer(inet_protos[IPPROTO_TCP]);

	if (!saved)
		return -EPROTONOSUPPORT;
	ours_v4 = *saved;
	ours_v4.handler = interpose_v4_rcv;
	ours_v4.err_handler = interpose_v4_err;
	saved_v4 = saved;
	/* the handler reads what does not come with its address: nobody may find it before that is seen everywhere */
	synchronize_net();
	if (cmpxchg((struct net_protocol __force **)&inet_protos[IPPROTO_TCP], saved, &ours_v4) != saved)
		return -EBUSY;
	return 0;
}

/*
 * Another module may have put a handler of its own in front of ours, and calls ours for as long as it stands there. It
 * may also have taken ours away, and kernel TCP's is back; then nobody calls ours.
 */
static bool is_restored_v4(void)
{
	struct net_protocol *was;

	was = cmpxchg((struct net_protocol __force **)&inet_protos[IPPROTO_TCP], &ours_v4,
		      (struct net_protocol *)saved_v4);
	return was == &ours_v4 || was == saved_v4;
}

/* The other's struct stays while the RCU read side does. */
static void say_who_v4(void)
{
	const struct net_protocol *other;

	rcu_read_lock();
	other = rcu_dereference(inet_protos[IPPROTO_TCP]);
	if (other)
		pr_info("waiting for %ps to give the IPv4 handler of TCP back\n", other->handler);
	rcu_read_unlock();
}

static void restore_v4(void)
{
	int rounds = 0;

	while (!xtcp_siblings_take_out(XTCP_SIBLING_V4, is_restored_v4)) {
		if (!(rounds++ % ROUNDS_A_SECOND))
			say_who_v4();
		msleep(MSEC_PER_SEC / ROUNDS_A_SECOND);
	}
}

#if IS_ENABLED(CONFIG_IPV6)
static const struct inet6_protocol *saved_v6;
static struct inet6_protocol ours_v6;

/* inet6_protos[IPPROTO_TCP]: softirq, RCU read side */
static int interpose_v6_rcv(struct sk_buff *skb)
{
	return is_ours(skb) ? 0 : READ_ONCE(saved_v6)->handler(skb);
}

/* As interpose_v4_err(); @offset is where the TCP header begins. */
static int interpose_v6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info)
{
	int err;

	if (error_might_be_ours(net_of(skb), skb, offset) && xtcp_icmp_v6(skb, opt, type, code, offset, info, &err))
		return err;
	return READ_ONCE(saved_v6)->err_handler(skb, opt, type, code, offset, info);
}

static int install_v6(void)
{
	struct inet6_protocol *saved = rcu_access_pointer(inet6_protos[IPPROTO_TCP]);

	/* ipv6.disable=1 */
	if (!saved)
		return 0;
	ours_v6 = *saved;
	ours_v6.handler = interpose_v6_rcv;
	ours_v6.err_handler = interpose_v6_err;
	saved_v6 = saved;
	/* the handler reads what does not come with its address: nobody may find it before that is seen everywhere */
	synchronize_net();
	if (cmpxchg((struct inet6_protocol __force **)&inet6_protos[IPPROTO_TCP], saved, &ours_v6) != saved) {
		saved_v6 = NULL;
		return -EBUSY;
	}
	return 0;
}

/* As for IPv4. */
static bool is_restored_v6(void)
{
	struct inet6_protocol *was;

	was = cmpxchg((struct inet6_protocol __force **)&inet6_protos[IPPROTO_TCP], &ours_v6,
		      (struct inet6_protocol *)saved_v6);
	return was == &ours_v6 || was == saved_v6;
}

static void say_who_v6(void)
{
	const struct inet6_protocol *other;

	rcu_read_lock();
	other = rcu_dereference(inet6_protos[IPPROTO_TCP]);
	if (other)
		pr_info("waiting for %ps to give the IPv6 handler of TCP back\n", other->handler);
	rcu_read_unlock();
}

static void restore_v6(void)
{
	int rounds = 0;

	while (saved_v6 && !xtcp_siblings_take_out(XTCP_SIBLING_V6, is_restored_v6)) {
		if (!(rounds++ % ROUNDS_A_SECOND))
			say_who_v6();
		msleep(MSEC_PER_SEC / ROUNDS_A_SECOND);
	}
}
#else
static int install_v6(void)
{
	return 0;
}

static void restore_v6(void)
{
}
#endif

static const struct xtcp_sibling_link links[XTCP_SIBLING_IPS] = {
	[XTCP_SIBLING_V4] = { &ours_v4, (const void **)&saved_v4 },
#if IS_ENABLED(CONFIG_IPV6)
	[XTCP_SIBLING_V6] = { &ours_v6, (const void **)&saved_v6 },
#endif
};

/**
 * xtcp_interpose_init() - stand in front of kernel TCP
 *
 * Context: process, module init; every namespace has its struct xtcp_net.
 *
 * Return: 0; -EBUSY when somebody else does the same at this moment; -EPROTONOSUPPORT when there is no kernel TCP.
 */
int xtcp_interpose_init(void)
{
	int err;

	xtcp_siblings_join(links, keeps, wants);
	err = xtcp_siblings_put_in(XTCP_SIBLING_V4, install_v4);
	if (err)
		goto err_leave;
	err = xtcp_siblings_put_in(XTCP_SIBLING_V6, install_v6);
	if (err)
		goto err_v4;
	return 0;

err_v4:
	restore_v4();
err_leave:
	xtcp_siblings_leave();
	synchronize_net();
	return err;
}

/**
 * xtcp_interpose_exit() - step aside
 *
 * When it returns no handler of ours runs and none will. So a module that has put its own handler in front of ours is
 * waited for, since that one calls ours; what is waited for is said once a second.
 *
 * Context: process, module exit; may sleep for as long as the other module stays.
 */
void xtcp_interpose_exit(void)
{
	restore_v6();
	restore_v4();
	xtcp_siblings_leave();
	synchronize_net();
}
