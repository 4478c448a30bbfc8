/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between kernel versions, by explicit KERNEL_VERSION. Code elsewhere is written for the newest.
 *
 * A new series can build without a warning and do something else. What xtcp relies on, and no compiler would notice:
 *
 * - A place in kernel TCP's bind table (ports/README.md says who reads what of a lease): fastreuse and fastreuseport of
 *   a bucket keep connect() off a port; nothing of a lease behind icsk_bind2_hash is touched; INVALID_UID is a user
 *   like any other; inet_diag shows no owner of a bucket that is TCP_ESTABLISHED or TCP_LISTEN.
 * - inet_bind2_bucket and inet_bind_bucket list all that stands there, TIME-WAIT too (xtcp_compat_bind_bucket_has()).
 * - What __sk_destruct() gives back for a sock without sk_net_refcnt: only a panic or a namespace that stays tells, and
 *   of the tracker only a debug kernel (xtcp_compat_put_net()).
 * - What IP takes from a sock and not from its arguments: __ip_queue_xmit() takes the flow that it is given, ip6_xmit()
 *   too. inet6_csk_xmit() went on to inet->cork.fl.u.ip6, which only kernel TCP fills (out/ip.c).
 * - ip6_xmit() reads the protocol from the flow, all of IPv4 the low octet of sk_protocol; nobody takes a sock with
 *   sk_protocol 0x206 for a tcp_sock, nor one that is neither TCP_TIME_WAIT nor TCP_NEW_SYN_RECV for less than a sock.
 * - inet_protos[6] and inet6_protos[6] are called under RCU, with no lock held, and GRO and GSO do not go by them.
 * - An skb's sk that a hook of PRE_ROUTING sets comes through IP as it was set, and the route beside it, without being
 *   looked up again (in/early.c).
 * - inet_stream_connect(), inet_accept() and inet_release() ask of a sock what stands in struct proto and inet_sock.
 * - sock_wfree() calls sk_write_space for a sock without SOCK_USE_WRITE_QUEUE, and takes the last octet off
 *   sk_wmem_alloc only afterwards (time/pace.c).
 * - A segment below TCP counts in sk_wmem_alloc, or has a reference to the sock from before it ceases to (base/held.c).
 * - The core sets the options of SOL_SOCKET unasked, before or after proto.keepalive and proto.rehash as it does now.
 *   (6.12 and later ask protocols that set SOCK_CUSTOM_SOCKOPT; xtcp does not, and answers alike on all.)
 *   Some it gives to protocols that it knows alone: SO_ZEROCOPY, SO_RESERVE_MEM on 6.12 and later, SO_TXREHASH on 7.2.
 * - What __skb_tstamp_tx() asks of an skb before it tells of an ACK (xtcp_compat_tell_acked()).
 * - secure_tcp_seq_and_ts_off() is what kernel TCP's own connections use (xtcp_compat_seq_and_ts_off()).
 * - A module whose init returns -EEXIST counts as loaded already: modprobe says nothing, newer kernels make it -EBUSY.
 */
#ifndef XTCP_COMPAT_H
#define XTCP_COMPAT_H

#include <linux/errqueue.h>
#include <linux/hrtimer.h>
#include <linux/memcontrol.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <net/inet_common.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/secure_seq.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "pure/ace.h"
#include "pure/tuple.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "xtcp needs Linux 6.1 or newer"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Without it sock_diag_unregister() waits for a handler that is under way by a mutex. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 120) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0))
#define XTCP_COMPAT_DIAG_OWNER	.owner = THIS_MODULE,
#else
#define XTCP_COMPAT_DIAG_OWNER
#endif

/*
 * A sock that gives its reference of the namespace back before it is freed becomes what the kernel calls a kernel sock,
 * and __sk_destruct() gives back what such a one holds: since 6.2 a tracker of another kind, since 6.14 a passive
 * count, too. That count was a mend, so it came to the series that were kept then. Where only one of the two sides
 * counts, the kernel panics or the namespace never goes.
 */
static inline void xtcp_compat_put_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	__netns_tracker_free(net, &sk->ns_tracker, true);
	__netns_tracker_alloc(net, &sk->ns_tracker, false, GFP_ATOMIC);
#else
	netns_tracker_free(net, &sk->ns_tracker);
#endif
#if (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 103) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 43) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 6)
	net_passive_inc(net);
#endif
	put_net(net);
}

/* Parts of net/sock.h and linux/skbuff.h have been headers of their own since 6.10. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/skbuff_ref.h>
#include <net/proto_memory.h>
#endif

/* The TOS of a route stopped carrying SO_DONTROUTE in 6.10, where the lookup takes that from the sock. */
static inline u8 xtcp_compat_rt_tos(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return ip_sock_rt_tos(sk);
#else
	return RT_CONN_FLAGS(sk);
#endif
}

/* The flow of a full sock to @daddr, which is its peer or the first hop of a source route. */
static inline void xtcp_compat_sock_flow(struct flowi4 *fl4, const struct sock *sk, __be32 daddr)
{
	const struct inet_sock *inet = inet_sk(sk);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	const u8 scope = ip_sock_rt_scope(sk);
#else
	const u8 scope = RT_SCOPE_UNIVERSE;
#endif

	flowi4_init_output(fl4, READ_ONCE(sk->sk_bound_dev_if), READ_ONCE(sk->sk_mark), xtcp_compat_rt_tos(sk), scope,
			   IPPROTO_TCP, inet_sk_flowi_flags(sk), daddr, inet->inet_saddr, inet->inet_dport,
			   inet->inet_sport, sock_net_uid(sock_net(sk), sk));
}

/* The same of a segment with a TOS of its own. @flags: of the flow, from inet_sk_flowi_flags(). */
static inline void xtcp_compat_reply_flow(struct flowi4 *fl4, const struct sock *sk, int oif, u32 mark, u8 tos,
					  u8 flags, const struct xtcp_tuple *tuple, kuid_t uid)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	const u8 scope = ip_sock_rt_scope(sk);

	tos &= INET_DSCP_MASK;
#else
	const u8 scope = RT_SCOPE_UNIVERSE;

	tos = RT_TOS(tos) | sock_flag(sk, SOCK_LOCALROUTE);
#endif
	flowi4_init_output(fl4, oif, mark, tos, scope, IPPROTO_TCP, flags, tuple->faddr.s6_addr32[3],
			   tuple->laddr.s6_addr32[3], tuple->fport, tuple->lport, uid);
}

/*
 * Since 6.15 all segments that are cut from a bundle can keep CWR, which is a bit of a counter in AccECN mode. Before
 * that all but the first lose it, and such a bundle must not be.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define XTCP_COMPAT_GSO_ACCECN	SKB_GSO_TCP_ACCECN
#else
#define XTCP_COMPAT_GSO_ACCECN	0
#endif

/* TCP_INFO has a place for AccECN mode, and for which kind of ECN is in use, on 7.2 but not on 6.12. */
static inline void xtcp_compat_info_accecn(struct tcp_info *info, const struct xtcp_accecn *accecn,
					   const struct xtcp_accecn_told *told, bool is_used)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	info->tcpi_received_ce = accecn->received_ce;
	info->tcpi_delivered_e1_bytes = told->octets[XTCP_ECT_1 - 1];
	info->tcpi_delivered_e0_bytes = told->octets[XTCP_ECT_0 - 1];
	info->tcpi_delivered_ce_bytes = told->octets[XTCP_CE - 1];
	info->tcpi_received_e1_bytes = accecn->received[XTCP_ECT_1 - 1];
	info->tcpi_received_e0_bytes = accecn->received[XTCP_ECT_0 - 1];
	info->tcpi_received_ce_bytes = accecn->received[XTCP_CE - 1];
	info->tcpi_ecn_mode = is_used ? TCPI_ECN_MODE_ACCECN : info->tcpi_options & TCPI_OPT_ECN ?
			      TCPI_ECN_MODE_RFC3168 : TCPI_ECN_MODE_DISABLED;
	info->tcpi_accecn_opt_seen = accecn->seen ? TCP_ACCECN_OPT_COUNTER_SEEN : TCP_ACCECN_OPT_NOT_SEEN;
	if (accecn->faults & (XTCP_ACCECN_ZEROED | XTCP_ACCECN_MANGLED))
		info->tcpi_accecn_fail_mode |= TCP_ACCECN_ACE_FAIL_RECV;
	if (accecn->faults & XTCP_ACCECN_OPTION_LOST)
		info->tcpi_accecn_fail_mode |= TCP_ACCECN_OPT_FAIL_SEND;
	if (accecn->faults & XTCP_ACCECN_OPTION_ZEROED)
		info->tcpi_accecn_fail_mode |= TCP_ACCECN_OPT_FAIL_RECV;
#endif
}

/* Older 6.1 has no name for it. */
#ifndef __uninitialized
#define __uninitialized
#endif

/* What a host sends of its own is counted before netfilter sees it since 6.7; before that by ip_output(). */
static inline void xtcp_compat_count_out_request(struct net *net)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#endif
}

/* IPV6_FLOWINFO_SEND became an atomic flag in 6.7. */
static inline bool xtcp_compat_sndflow(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return inet6_test_bit(SNDFLOW, sk);
#else
	return inet6_sk(sk)->sndflow;
#endif
}

/* IP_RECVERR and IPV6_RECVERR became atomic flags in 6.6 and 6.7. */
static inline bool xtcp_compat_recverr(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return inet_test_bit(RECVERR, sk);
#else
	return inet_sk(sk)->recverr;
#endif
}

static inline bool xtcp_compat_recverr6(const struct sock *sk)
{
#if !IS_ENABLED(CONFIG_IPV6)
	return false;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return inet6_test_bit(RECVERR6, sk);
#else
	return inet6_sk(sk)->recverr;
#endif
}

/*
 * connect() has returned and no SYN has left (TCP_FASTOPEN_CONNECT), which __inet_stream_connect() goes by: an atomic
 * flag since 6.6.
 */
static inline bool xtcp_compat_defers_connect(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return inet_test_bit(DEFER_CONNECT, sk);
#else
	return inet_sk(sk)->defer_connect;
#endif
}

static inline void xtcp_compat_defer_connect(struct sock *sk, bool defers)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	inet_assign_bit(DEFER_CONNECT, sk, defers);
#else
	inet_sk(sk)->defer_connect = defers;
#endif
}

/* proto.ioctl hands out the value through a kernel pointer since 6.5, and puts it to user space itself before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define XTCP_PROTO_IOCTL(name, impl)						\
static int name(struct sock *sk, int cmd, int *karg)				\
{										\
	return impl(sk, cmd, karg);						\
}
#else
#define XTCP_PROTO_IOCTL(name, impl)						\
static int name(struct sock *sk, int cmd, unsigned long arg)			\
{										\
	int val, err = impl(sk, cmd, &val);					\
										\
	return err ?: put_user(val, (int __user *)arg);				\
}
#endif

/* proto.accept takes its arguments in a struct since 6.10. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define XTCP_PROTO_ACCEPT(name, impl)						\
static struct sock *name(struct sock *sk, struct proto_accept_arg *arg)		\
{										\
	return impl(sk, arg->flags, &arg->err, arg->kern);			\
}
#else
#define XTCP_PROTO_ACCEPT(name, impl)						\
static struct sock *name(struct sock *sk, int flags, int *err, bool kern)	\
{										\
	return impl(sk, flags, err, kern);					\
}
#endif

/* proto.recvmsg tells the length of the address in the message since 7.1, and through a pointer before. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#define XTCP_PROTO_RECVMSG(name, impl)						\
static int name(struct sock *sk, struct msghdr *msg, size_t len, int flags)	\
{										\
	return impl(sk, msg, len, flags);					\
}
#else
#define XTCP_PROTO_RECVMSG(name, impl)						\
static int name(struct sock *sk, struct msghdr *msg, size_t len, int flags,	\
		int *addr_len)							\
{										\
	int ret;								\
										\
	msg->msg_namelen = 0;							\
	ret = impl(sk, msg, len, flags);					\
	*addr_len = msg->msg_namelen;						\
	return ret;								\
}
#endif

static inline int xtcp_compat_recv_error(struct sock *sk, struct msghdr *msg, int len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
	return inet_recv_error(sk, msg, len);
#else
	return inet_recv_error(sk, msg, len, &msg->msg_namelen);
#endif
}

/* Addresses without a length of their own have a type of their own since 6.19. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized sockaddr
#endif

/*
 * sendpage became a flag of sendmsg in 6.5, which no program can set. Older kernels know the flag, too, but not all of
 * them keep programs from setting it. What says there that more pages follow is MSG_MORE now.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define XTCP_OPS_SENDPAGE
#define XTCP_PROTO_SENDPAGE
#else
#define XTCP_OPS_SENDPAGE	.sendpage = inet_sendpage,
#define XTCP_PROTO_SENDPAGE	.sendpage = xtcp_sendmsg_page,
#endif

static inline bool xtcp_compat_splices(const struct msghdr *msg)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return msg->msg_flags & MSG_SPLICE_PAGES;
#else
	return false;
#endif
}

#if IS_ENABLED(CONFIG_IPV6)
/* The flow labels that a socket has of the kernel's manager. They stood in the part for IPv6. */
static inline struct ipv6_fl_socklist __rcu **xtcp_compat_flow_labels(struct sock *sk)
{
#if (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 117) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return &inet_sk(sk)->ipv6_fl_list;
#else
	return &inet6_sk(sk)->ipv6_fl_list;
#endif
}
#endif

/* Since 6.13 a control message may number a datagram's timestamp, which the core refuses to what it knows as TCP. */
static inline bool xtcp_compat_has_stamp_id(const struct sockcm_cookie *sockc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return sockc->tsflags & SOCKCM_FLAG_TS_OPT_ID;
#else
	return false;
#endif
}

/*
 * The program is to know of an ACK. What is made for it is no clone for a segment, which would keep @skb from being
 * sent again for as long as nobody reads it. Since 6.15 the core asks the skb once more, as kernel TCP's.
 */
static inline void xtcp_compat_tell_acked(struct sock *sk, struct sk_buff *skb)
{
	const u8 fclone = skb->fclone;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	const struct tcp_skb_cb ours = *TCP_SKB_CB(skb);

	TCP_SKB_CB(skb)->txstamp_ack = TSTAMP_ACK_SK;
	skb->fclone = SKB_FCLONE_UNAVAILABLE;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
	*TCP_SKB_CB(skb) = ours;
#else
	skb->fclone = SKB_FCLONE_UNAVAILABLE;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
#endif
	skb->fclone = fclone;
}

/* Does the next page follow at once? It is in the same pipe. */
static inline bool xtcp_compat_page_follows(int flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return flags & MSG_SENDPAGE_NOTLAST;
#else
	return false;
#endif
}

/* The place of ipv6_pinfo is told by its offset since 6.6. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define XTCP_PROTO_PINFO6(type)	.ipv6_pinfo_offset = offsetof(type, inet6),
#else
#define XTCP_PROTO_PINFO6(type)
#endif

/* cgroup BPF programs may change the length of an address since 6.7. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define xtcp_compat_bpf_inet4_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr, len)
#define xtcp_compat_bpf_inet6_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr, len)
#else
#define xtcp_compat_bpf_inet4_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr)
#define xtcp_compat_bpf_inet6_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr)
#endif

/*
 * What kernel TCP derives a tuple's ISN and its timestamp offset from, with the ports in both; false: this kernel does
 * not tell. Older ones left the ports out of the offset, and do not export it for IPv4.
 */
static inline bool xtcp_compat_seq_and_ts_off(const struct net *net, const struct xtcp_tuple *tuple, u32 *seq,
					      u32 *ts_off)
{
#if (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 192) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)) || \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 117) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)) || \
	LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	union tcp_seq_and_ts_off both;

	if (ipv6_addr_v4mapped(&tuple->laddr))
		both = secure_tcp_seq_and_ts_off(net, tuple->laddr.s6_addr32[3], tuple->faddr.s6_addr32[3],
						 tuple->lport, tuple->fport);
#if IS_ENABLED(CONFIG_IPV6)
	else
		both = secure_tcpv6_seq_and_ts_off(net, tuple->laddr.s6_addr32, tuple->faddr.s6_addr32, tuple->lport,
						   tuple->fport);
#endif
	*seq = both.seq;
	*ts_off = both.ts_off;
	return true;
#else
	return false;
#endif
}

/* Tables of sysctls are read-only to their handlers since 6.11, and registered with their length since 6.6. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define XTCP_CTL_CONST	const
#else
#define XTCP_CTL_CONST
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define xtcp_compat_register_net_sysctl(net, path, table, len)	register_net_sysctl_sz(net, path, table, len)
#else
#define xtcp_compat_register_net_sysctl(net, path, table, len)	register_net_sysctl(net, path, table)
#endif

/*
 * A slab that is not merged with others, so that /proc/slabinfo shows it: there is a flag for that since 6.5. Before, a
 * part of the object that may be copied to user space has the effect, at no cost in size; a constructor would have one.
 * The slab of a struct proto is made by the kernel, from what stands in it.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define XTCP_PROTO_UNMERGED	.slab_flags = SLAB_NO_MERGE
#else
#define XTCP_PROTO_UNMERGED	.usersize = 1
#endif

static inline struct kmem_cache *xtcp_compat_slab(const char *name, unsigned int size, slab_flags_t flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return kmem_cache_create(name, size, 0, flags | SLAB_NO_MERGE, NULL);
#else
	return kmem_cache_create_usercopy(name, size, 0, flags, 0, 1, NULL);
#endif
}

/*
 * What stands in the buckets of kernel TCP's bind table, until @test says yes: by port on a list, and since 6.8 only by
 * port and address, where TIME-WAIT had a list of its own before. The lock of the bucket is held; that of one by port
 * is enough for all that it has. xtcp_compat_bind_move() puts @to where @from stands, one of which is @tw, and knows
 * the buckets; both locks are held.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
static inline bool xtcp_compat_bind2_bucket_has(const struct inet_bind2_bucket *tb2,
						bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct sock *other;

	sk_for_each_bound(other, &tb2->owners)
		if (test(other, arg))
			return true;
	return false;
}

static inline bool xtcp_compat_bind_bucket_has(const struct inet_bind_bucket *tb,
					       bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct inet_bind2_bucket *tb2;

	hlist_for_each_entry(tb2, &tb->bhash2, bhash_node)
		if (xtcp_compat_bind2_bucket_has(tb2, test, arg))
			return true;
	return false;
}

static inline void xtcp_compat_bind_move(struct sock *from, struct sock *to, struct inet_timewait_sock *tw)
{
	__sk_del_bind_node(from);
	sk_add_bind_node(to, &tw->tw_tb2->owners);
}
#else
static inline bool xtcp_compat_bind2_bucket_has(const struct inet_bind2_bucket *tb2,
						bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct inet_timewait_sock *tw;
	struct sock *other;

	sk_for_each_bound_bhash2(other, &tb2->owners)
		if (test(other, arg))
			return true;
	twsk_for_each_bound_bhash2(tw, &tb2->deathrow)
		if (test((struct sock *)tw, arg))
			return true;
	return false;
}

static inline bool xtcp_compat_bind_bucket_has(const struct inet_bind_bucket *tb,
					       bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct sock *other;

	sk_for_each_bound(other, &tb->owners)
		if (test(other, arg))
			return true;
	return false;
}

static inline void xtcp_compat_bind_move(struct sock *from, struct sock *to, struct inet_timewait_sock *tw)
{
	__sk_del_bind_node(from);
	sk_add_bind_node(to, &tw->tw_tb->owners);
	if (from == (struct sock *)tw) {
		__hlist_del(&tw->tw_bind2_node);
		sk_add_bind2_node(to, &tw->tw_tb2->owners);
	} else {
		__sk_del_bind2_node(from);
		hlist_add_head(&tw->tw_bind2_node, &tw->tw_tb2->deathrow);
	}
}
#endif

/* inet_put_port() is not exported everywhere; kernel TCP's struct proto is, and names it. */
static inline void xtcp_compat_put_port(struct sock *sk)
{
	tcp_prot.put_port(sk);
}

/* What kernel TCP has on a tuple; the namespace alone tells the table since 6.18. */
static inline struct sock *xtcp_compat_kernel_lookup(struct net *net, const struct xtcp_tuple *tuple, int dif, int sdif)
{
	const __be32 faddr4 = tuple->faddr.s6_addr32[3], laddr4 = tuple->laddr.s6_addr32[3];
	const u16 lport = ntohs(tuple->lport);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_established(net, faddr4, tuple->fport, laddr4, lport, dif, sdif);
#if IS_ENABLED(CONFIG_IPV6)
	return __inet6_lookup_established(net, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#endif
#else
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_established(net, table, faddr4, tuple->fport, laddr4, lport, dif, sdif);
#if IS_ENABLED(CONFIG_IPV6)
	return __inet6_lookup_established(net, table, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#endif
#endif
	return NULL;
}

/* Kernel TCP's listener for an arriving segment, valid for the RCU read side; as xtcp_compat_kernel_lookup(). */
static inline struct sock *xtcp_compat_kernel_listener(struct net *net, struct sk_buff *skb,
						       const struct xtcp_tuple *tuple, int dif, int sdif)
{
	const __be32 faddr4 = tuple->faddr.s6_addr32[3], laddr4 = tuple->laddr.s6_addr32[3];
	const int doff = __tcp_hdrlen((const struct tcphdr *)skb->data);
	const u16 lport = ntohs(tuple->lport);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_listener(net, skb, doff, faddr4, tuple->fport, laddr4, lport, dif, sdif);
#if IS_ENABLED(CONFIG_IPV6)
	return inet6_lookup_listener(net, skb, doff, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#endif
#else
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_listener(net, table, skb, doff, faddr4, tuple->fport, laddr4, lport, dif, sdif);
#if IS_ENABLED(CONFIG_IPV6)
	return inet6_lookup_listener(net, table, skb, doff, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif,
				     sdif);
#endif
#endif
	return NULL;
}

/* Whether a group of version 1 limits its sockets; since 6.11 kernels may be without that version. */
#ifdef CONFIG_MEMCG
static inline bool xtcp_compat_memcg1_limits(const struct mem_cgroup *memcg)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0) || defined(CONFIG_MEMCG_V1)
	return memcg->tcpmem_active;
#else
	return false;
#endif
}
#endif

/*
 * The memory control group, with a reference, that a socket of the running program is charged to; NULL: none, or
 * inet_accept() sees to it, as it does since 6.18, and since 6.19 where the kernel has SCTP, too.
 */
static inline struct mem_cgroup *xtcp_compat_acceptor_memcg(void)
{
#if defined(CONFIG_MEMCG) && (LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0) || \
			      (LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0) && IS_ENABLED(CONFIG_IP_SCTP)))
	struct mem_cgroup *memcg;

	if (!mem_cgroup_sockets_enabled)
		return NULL;
	rcu_read_lock();
	memcg = mem_cgroup_from_css(task_css(current, memory_cgrp_id));
	if (!memcg->css.parent ||
	    (!cgroup_subsys_on_dfl(memory_cgrp_subsys) && !xtcp_compat_memcg1_limits(memcg)) ||
	    !css_tryget(&memcg->css))
		memcg = NULL;
	rcu_read_unlock();
	return memcg;
#else
	return NULL;
#endif
}

/* Whose a socket is, stands in the sock since 6.17, and was asked of its inode before. */
static inline kuid_t xtcp_compat_uid(struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return sk_uid(sk);
#else
	return sock_i_uid(sk);
#endif
}

/* Timers got names with their own prefix in 6.2. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

/* A timer of high resolution got its function when it is set up in 6.13, and 6.15 has no other way. */
static inline void xtcp_compat_hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *),
					     clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

/* An skb leaves at @ns of CLOCK_MONOTONIC at the earliest; since 6.11 the clock has a name there. */
static inline void xtcp_compat_set_departure(struct sk_buff *skb, u64 ns)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	skb_set_delivery_time(skb, ns_to_ktime(ns), SKB_CLOCK_MONOTONIC);
#else
	skb_set_delivery_time(skb, ns_to_ktime(ns), true);
#endif
}

#endif /* XTCP_COMPAT_H */
