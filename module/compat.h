/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernel versions, by explicit KERNEL_VERSION. What stable series and
 * distributions have brought to older kernels has a name XTCP_HAS_..., which Kbuild defines if it is
 * in the header. All other code is written for the newest version.
 *
 * A new kernel series may build without a warning and still behave differently. xtcp relies on
 * these properties, which no compiler checks:
 *
 * - Our leases are socks in kernel TCP's bind table (ports/README.md lists which code reads which
 *   field). In this table, fastreuse and fastreuseport of a lease's bucket keep kernel TCP's
 *   connect() off the port. No code reads a field of a lease that comes after icsk_bind2_hash.
 *   INVALID_UID is compared like the UID of any user. inet_diag walks the buckets, but of their
 *   socks it shows none whose state is TCP_ESTABLISHED or TCP_LISTEN.
 * - An inet_bind_bucket lists all socks on its port, and an inet_bind2_bucket all socks on its port
 *   and address, also those in TIME-WAIT (xtcp_compat_bind_bucket_has()).
 * - xtcp_compat_put_net() does what __sk_destruct() expects of a sock without sk_net_refcnt. A
 *   mistake shows only as a panic or as a namespace that is never freed; a mistake about
 *   sk->ns_tracker shows only in a debug kernel.
 * - __ip_queue_xmit() and ip6_xmit() use the flow that is their argument, and read no flow from the
 *   sock. inet6_csk_xmit(), which xtcp does not call, now does (out/ip.c).
 * - ip6_xmit() reads the protocol from the flow; IPv4 always reads the low octet of sk_protocol. No
 *   code takes a sock with sk_protocol 0x206 for a tcp_sock. A sock counts as a full sock unless
 *   its state is TCP_TIME_WAIT or TCP_NEW_SYN_RECV.
 * - inet_protos[6] and inet6_protos[6] are called under RCU, with no lock held. GRO and GSO do not
 *   use them.
 * - If a hook of PRE_ROUTING sets the sk and the route of an skb, IP keeps both and does not look
 *   them up again (lookup/early.c).
 * - inet_stream_connect(), inet_accept(), inet_release() and compat_ioctl() of inet_stream_ops use
 *   only struct proto and inet_sock of a sock.
 * - sock_wfree() calls sk_write_space for a sock without SOCK_USE_WRITE_QUEUE, and subtracts the
 *   last octet from sk_wmem_alloc only afterwards (time/pace.c).
 * - A sock holds the module that is .owner of its struct proto, a clone too. sk_prot_free() lets go
 *   after the destructor and the slab's free, in the RCU callback of SOCK_RCU_FREE (sock/end.c).
 *   A segment below TCP counts in sk_wmem_alloc, or has a reference to the sock.
 * - The core sets the options of SOL_SOCKET. It calls proto.keepalive before it sets SO_KEEPALIVE,
 *   and proto.rehash after it has set the device. The core supports some options only for protocols
 *   that it knows: SO_ZEROCOPY, SO_RESERVE_MEM since 6.12, SO_TXREHASH in 7.2. Since 6.5 the core
 *   first passes an option to the protocol, if the socket has the flag SOCK_CUSTOM_SOCKOPT. xtcp
 *   sets this flag, and takes SO_ZEROCOPY (sockopt.c); it returns all other options to the core.
 * - io_uring sends without a copy if the socket has SOCK_SUPPORT_ZC. inet_accept() sets this flag
 *   for an accepted socket, but does not set SOCK_CUSTOM_SOCKOPT (XTCP_OPS_ACCEPT).
 * - A zero-copy write ends with a callback, a function of the kernel or of io_uring. The callback
 *   may run after the sock has ended. The kernel's ubuf_info has a reference to the sock, and
 *   io_uring's ubuf_info has none. Neither has a reference to xtcp or calls its code.
 * - xtcp_compat_tell_acked() sets the fields of an skb that __skb_tstamp_tx() reads before it
 *   reports an ACK.
 * - Kernel TCP uses secure_tcp_seq_and_ts_off() for its own connections, as xtcp does
 *   (xtcp_compat_seq_and_ts_off()).
 * - If the init of a module returns -EEXIST, the module counts as already loaded, and modprobe
 *   reports no error. Newer kernels turn -EEXIST into -EBUSY.
 */
#ifndef XTCP_COMPAT_H
#define XTCP_COMPAT_H

#include <linux/errqueue.h>
#include <linux/hrtimer.h>
#include <linux/inet_diag.h>
#include <linux/local_lock.h>
#include <linux/memcontrol.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/tcp.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <net/inet_common.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/inet_timewait_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/raw.h>
#include <net/route.h>
#include <net/secure_seq.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "base/wire.h"
#include "ecn/ace.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "xtcp needs Linux 6.1 or newer"
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* The owner of a sock_diag handler. Older kernels have no such field: sock_diag_unregister() waits by a mutex. */
#ifdef XTCP_HAS_DIAG_OWNER
#define XTCP_COMPAT_DIAG_OWNER	.owner = THIS_MODULE,
#else
#define XTCP_COMPAT_DIAG_OWNER
#endif

/* Would a program of its cgroup see the sock's segments? */
static inline bool xtcp_compat_cgroup_looks(struct sock *sk)
{
#ifdef CONFIG_CGROUP_BPF
	return (cgroup_bpf_enabled(CGROUP_INET_EGRESS) && cgroup_bpf_sock_enabled(sk, CGROUP_INET_EGRESS)) ||
	       (cgroup_bpf_enabled(CGROUP_INET_INGRESS) && cgroup_bpf_sock_enabled(sk, CGROUP_INET_INGRESS));
#else
	return false;
#endif
}

/*
 * Does a raw socket of @net get segments of TCP? Sockets for another protocol in its chain count,
 * too. Older kernels have one chain for all namespaces, whose end may be an odd number.
 */
static inline bool xtcp_compat_raw_listens(const struct net *net, struct raw_hashinfo *sockets)
{
#ifdef XTCP_HAS_RAW_HASHFUNC
	return !hlist_empty(&sockets->ht[raw_hashfunc(net, IPPROTO_TCP)]);
#else
	const unsigned long first = (unsigned long)READ_ONCE(sockets->ht[IPPROTO_TCP].first);

	return first && !(first & 1);
#endif
}

/* Is there a tap, a program of XDP or tc, or a hook of netfilter on this device? RCU read side. */
static inline bool xtcp_compat_dev_is_watched(struct net_device *dev)
{
#ifdef XTCP_HAS_NIT_ACTIVE_RCU
	if (dev_nit_active_rcu(dev))
		return true;
#else
	if (dev_nit_active(dev))
		return true;
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#ifdef CONFIG_NET_XGRESS
	if (rcu_access_pointer(dev->tcx_ingress) || rcu_access_pointer(dev->tcx_egress))
		return true;
#endif
#else
#ifdef CONFIG_NET_CLS_ACT
	if (rcu_access_pointer(dev->miniq_ingress))
		return true;
#endif
#ifdef CONFIG_NET_EGRESS
	if (rcu_access_pointer(dev->miniq_egress))
		return true;
#endif
#endif
#ifdef CONFIG_NETFILTER_INGRESS
	if (rcu_access_pointer(dev->nf_hooks_ingress))
		return true;
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	if (rcu_access_pointer(dev->nf_hooks_egress))
		return true;
#endif
	return !list_empty(&dev->ptype_specific) || rcu_access_pointer(dev->xdp_prog);
}

/*
 * Run the filter of a socket on a segment, of which it cuts no header off. From 6.17 to 7.0 the
 * kernel's function had an argument more, for the reason of a drop. Return: 0 if the segment passed.
 */
static inline int xtcp_compat_filter(struct sock *sk, struct sk_buff *skb, unsigned int header_len)
{
#ifdef XTCP_HAS_FILTER_REASON
	enum skb_drop_reason reason;

	return sk_filter_trim_cap(sk, skb, header_len, &reason);
#else
	return sk_filter_trim_cap(sk, skb, header_len);
#endif
}

/*
 * Drop a sock's namespace reference before the sock is freed. From then on the kernel treats it as a
 * kernel sock, and __sk_destruct() releases what such a sock has: since 6.2 a tracker of another kind,
 * since 6.14, and in stable series, also a passive count of the namespace. So this function gives it
 * both. A count that is never released keeps the namespace for ever, and the release of a count
 * that was not taken causes a panic.
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
#ifdef XTCP_HAS_NET_PASSIVE
	net_passive_inc(net);
#endif
	put_net(net);
}

/* Since 6.10 parts of net/sock.h and linux/skbuff.h are in separate headers. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/skbuff_ref.h>
#include <net/proto_memory.h>
#endif

/* The scope and the TOS for a route lookup. Before 6.9, SO_DONTROUTE is a bit of the TOS. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define xtcp_compat_rt_scope(sk)	ip_sock_rt_scope(sk)
#define xtcp_compat_rt_tos(sk)		ip_sock_rt_tos(sk)
#define xtcp_compat_reply_tos(sk, tos)	((tos) & INET_DSCP_MASK)
#else
#define xtcp_compat_rt_scope(sk)	RT_SCOPE_UNIVERSE
#define xtcp_compat_rt_tos(sk)		RT_CONN_FLAGS(sk)
#define xtcp_compat_reply_tos(sk, tos)	(RT_TOS(tos) | sock_flag(sk, SOCK_LOCALROUTE))
#endif

/* Fill @fl4 for segments of a full sock. @daddr: the peer, or the first hop of a source route. */
static inline void xtcp_compat_sock_flow(struct flowi4 *fl4, const struct sock *sk, __be32 daddr)
{
	const struct inet_sock *inet = inet_sk(sk);

	flowi4_init_output(fl4, READ_ONCE(sk->sk_bound_dev_if), READ_ONCE(sk->sk_mark), xtcp_compat_rt_tos(sk),
			   xtcp_compat_rt_scope(sk), IPPROTO_TCP, inet_sk_flowi_flags(sk), daddr, inet->inet_saddr,
			   inet->inet_dport, inet->inet_sport, sock_net_uid(sock_net(sk), sk));
}

/* Fill the flow of a segment that has a TOS of its own. @flags: from inet_sk_flowi_flags(). */
static inline void xtcp_compat_reply_flow(struct flowi4 *fl4, const struct sock *sk, int oif, u32 mark, u8 tos,
					  u8 flags, const struct xtcp_tuple *tuple, kuid_t uid)
{
	flowi4_init_output(fl4, oif, mark, xtcp_compat_reply_tos(sk, tos), xtcp_compat_rt_scope(sk), IPPROTO_TCP, flags,
			   tuple->faddr.s6_addr32[3], tuple->laddr.s6_addr32[3], tuple->fport, tuple->lport, uid);
}

/*
 * In AccECN mode, CWR is one bit of the ACE field, a counter. Before 6.15, all segments but the first that
 * GSO cuts from a packet lose it, so a GSO packet with CWR must not be sent.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define XTCP_COMPAT_GSO_ACCECN	SKB_GSO_TCP_ACCECN
#else
#define XTCP_COMPAT_GSO_ACCECN	0
#endif

/* The fields of TCP_INFO for AccECN and the kind of ECN in use, which 7.2 has, and 6.12 not. */
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

/* TCP_INFO with the same fields on every kernel. 6.2 added the first two below, 6.7 the others, at these offsets. */
union xtcp_compat_info {
	struct tcp_info tcp;
	struct {
		u8 before[offsetofend(struct tcp_info, tcpi_snd_wnd)];
		u32 rcv_wnd;
		u32 rehash;
		u16 total_rto;
		u16 total_rto_recoveries;
		u32 total_rto_time;
	};
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static_assert(offsetof(union xtcp_compat_info, rcv_wnd) == offsetof(struct tcp_info, tcpi_rcv_wnd));
static_assert(offsetof(union xtcp_compat_info, rehash) == offsetof(struct tcp_info, tcpi_rehash));
static_assert(offsetof(union xtcp_compat_info, total_rto) == offsetof(struct tcp_info, tcpi_total_rto));
static_assert(offsetof(union xtcp_compat_info, total_rto_time) == offsetof(struct tcp_info, tcpi_total_rto_time));
#endif

/* Which ports connect() chooses from. Since 6.3 a socket may have a range of its own. */
static inline void xtcp_compat_port_range(const struct sock *sk, int *low, int *high)
{
#ifdef IP_LOCAL_PORT_RANGE
	inet_sk_get_local_port_range(sk, low, high);
#else
	inet_get_local_port_range(sock_net(sk), low, high);
#endif
}

static inline void xtcp_compat_copy_port_range(struct sock *to, const struct sock *from)
{
#ifdef IP_LOCAL_PORT_RANGE
	inet_sk(to)->local_port_range = inet_sk(from)->local_port_range;
#endif
}

/* Where the kernel does not have this option, it says so itself. */
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE	51
#endif

/* Socket options of Linux 6.15 and 6.16, which xtcp has on every kernel. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS		44
#endif
#ifndef TCP_RTO_MIN_US
#define TCP_RTO_MIN_US		45
#define TCP_DELACK_MAX_US	46
#endif

/* Linux has TCP-AO since 6.7. Older kernels have no drop reasons for TCP-AO. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define SKB_DROP_REASON_TCP_AUTH_HDR		SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_TCP_AONOTFOUND		SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_TCP_AOUNEXPECTED	SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_TCP_AOKEYNOTFOUND	SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_TCP_AOFAILURE		SKB_DROP_REASON_NOT_SPECIFIED
#endif

/* The ID of a socket's next IPv4 packet, which became atomic in 6.5. */
static inline void xtcp_compat_random_id(struct inet_sock *inet)
{
#ifdef XTCP_HAS_ATOMIC_ID
	atomic_set(&inet->inet_id, get_random_u16());
#else
	inet->inet_id = get_random_u16();
#endif
}

/* Since 6.6 the kernel writes sk_forward_alloc by this function: others read it without the lock. */
#ifndef XTCP_HAS_FORWARD_ALLOC_ADD
static inline void sk_forward_alloc_add(struct sock *sk, int octets)
{
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + octets);
}
#endif

/*
 * How often a socket was disconnected: a call that has waited compares it, to see whether its
 * connection has ended. Since 6.6 the kernel counts, and sk_wait_event() returns -EPIPE. On older
 * kernels xtcp counts, and xtcp_compat_waited() returns -EPIPE.
 */
struct xtcp_compat_disconnects {
#ifndef XTCP_HAS_DISCONNECTS
	int count;
#endif
};

static inline void xtcp_compat_disconnected(struct xtcp_compat_disconnects *own)
{
#ifndef XTCP_HAS_DISCONNECTS
	WRITE_ONCE(own->count, own->count + 1);
#endif
}

#ifdef XTCP_HAS_DISCONNECTS
#define xtcp_compat_disconnects(xsk)	READ_ONCE((xsk)->inet.sk.sk_disconnects)
#else
#define xtcp_compat_disconnects(xsk)	READ_ONCE((xsk)->disconnects.count)
#endif
#define xtcp_compat_waited(xsk, disconnects, ret) \
	(xtcp_compat_disconnects(xsk) == (disconnects) ? (ret) : -EPIPE)

/* Older releases of 6.1 do not define the attribute __uninitialized. */
#ifndef __uninitialized
#define __uninitialized
#endif

/* Counts a packet that this host sends, before netfilter sees it. Before 6.7, ip_output() counts it. */
static inline void xtcp_compat_count_out_request(struct net *net)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#endif
}

/* Flags of a socket by their old names. They became atomic flags, with names of their own, in 6.6 and 6.7. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define XTCP_COMPAT_FLAG(sk, flag, field)	inet_test_bit(flag, sk)
#else
#define XTCP_COMPAT_FLAG(sk, flag, field)	(inet_sk(sk)->field)
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define XTCP_COMPAT_FLAG6(sk, flag, field)	inet6_test_bit(flag, sk)
#else
#define XTCP_COMPAT_FLAG6(sk, flag, field)	(inet6_sk(sk)->field)
#endif

/* Has connect() returned before a SYN was sent (TCP_FASTOPEN_CONNECT)? As in __inet_stream_connect(). */
static inline bool xtcp_compat_defers_connect(const struct sock *sk)
{
	return XTCP_COMPAT_FLAG(sk, DEFER_CONNECT, defer_connect);
}

static inline void xtcp_compat_defer_connect(struct sock *sk, bool defers)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	inet_assign_bit(DEFER_CONNECT, sk, defers);
#else
	inet_sk(sk)->defer_connect = defers;
#endif
}

/* The flags that sock_diag shows. */
static inline struct inet_diag_sockopt xtcp_compat_diag_options(const struct sock *sk)
{
	return (struct inet_diag_sockopt) {
		.recverr = XTCP_COMPAT_FLAG(sk, RECVERR, recverr),
		.is_icsk = XTCP_COMPAT_FLAG(sk, IS_ICSK, is_icsk),
		.freebind = XTCP_COMPAT_FLAG(sk, FREEBIND, freebind),
		.hdrincl = XTCP_COMPAT_FLAG(sk, HDRINCL, hdrincl),
		.mc_loop = XTCP_COMPAT_FLAG(sk, MC_LOOP, mc_loop),
		.transparent = XTCP_COMPAT_FLAG(sk, TRANSPARENT, transparent),
		.mc_all = XTCP_COMPAT_FLAG(sk, MC_ALL, mc_all),
		.nodefrag = XTCP_COMPAT_FLAG(sk, NODEFRAG, nodefrag),
		.bind_address_no_port = XTCP_COMPAT_FLAG(sk, BIND_ADDRESS_NO_PORT, bind_address_no_port),
		.recverr_rfc4884 = XTCP_COMPAT_FLAG(sk, RECVERR_RFC4884, recverr_rfc4884),
		.defer_connect = xtcp_compat_defers_connect(sk),
	};
}

/* Since 6.5 proto.ioctl returns the value through a kernel pointer; before, it copies to user space. */
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

/* Since 6.10 proto.accept and proto_ops.accept take their arguments in a struct. */
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

/*
 * Since 6.5 the core asks the protocol about options of SOL_SOCKET, if the socket has the flag
 * SOCK_CUSTOM_SOCKOPT. XTCP_OPS_ACCEPT defines proto_ops.accept: accepted sockets have it, too.
 */
static inline void xtcp_compat_ask_options(struct socket *sock)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define XTCP_OPS_ACCEPT(name, then)						\
static int name(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg) \
{										\
	int err = inet_accept(sock, newsock, arg);				\
										\
	xtcp_compat_ask_options(newsock);					\
	if (!err)								\
		then(newsock);							\
	return err;								\
}
#else
#define XTCP_OPS_ACCEPT(name, then)						\
static int name(struct socket *sock, struct socket *newsock, int flags, bool kern) \
{										\
	int err = inet_accept(sock, newsock, flags, kern);			\
										\
	xtcp_compat_ask_options(newsock);					\
	if (!err)								\
		then(newsock);							\
	return err;								\
}
#endif

/* Since 7.1 proto.recvmsg returns the length of the address in struct msghdr, before through a pointer. */
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

/* Since 6.19 a socket address of unknown size has the type struct sockaddr_unsized. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define sockaddr_unsized sockaddr
#endif

/*
 * Since 6.5 a flag of sendmsg, MSG_SPLICE_PAGES, which no program can set, replaces sendpage, and
 * MSG_MORE says that the next page follows at once. Some older kernels let programs set the flag,
 * so xtcp ignores it there.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define XTCP_OPS_SENDPAGE
#define XTCP_PROTO_SENDPAGE
#define xtcp_compat_splices(msg)	((msg)->msg_flags & MSG_SPLICE_PAGES)
#define xtcp_compat_page_follows(flags)	false
#else
#define XTCP_OPS_SENDPAGE	.sendpage = inet_sendpage,
#define XTCP_PROTO_SENDPAGE	.sendpage = xtcp_sendmsg_page,
#define xtcp_compat_splices(msg)	false
#define xtcp_compat_page_follows(flags)	((flags) & MSG_SENDPAGE_NOTLAST)
#endif

/* Since 6.5, and in 6.1's stable series, splice() and sendfile() tell the socket of a file that ends early. */
#ifdef XTCP_HAS_SPLICE_EOF
#define XTCP_OPS_SPLICE_EOF	.splice_eof = xtcp_sendmsg_splice_eof,
#else
#define XTCP_OPS_SPLICE_EOF
#endif

/* The list of a socket's IPv6 flow labels. Older kernels have it in ipv6_pinfo. */
#ifdef XTCP_HAS_INET_FL_LIST
#define xtcp_compat_flow_labels(sk)	(inet_sk(sk)->ipv6_fl_list)
#else
#define xtcp_compat_flow_labels(sk)	(inet6_sk(sk)->ipv6_fl_list)
#endif

/*
 * Does a control message ask for something that xtcp does not have? Since 6.13 it can choose the id
 * of a datagram's timestamp (SCM_TS_OPT_ID), which the core refuses only for sockets that it knows
 * as TCP. Since 6.16 it can say that the octets to send are in the memory of a device.
 */
static inline bool xtcp_compat_control_is_unknown(const struct sockcm_cookie *sockc)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return sockc->tsflags & SOCKCM_FLAG_TS_OPT_ID || sockc->dmabuf_id;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return sockc->tsflags & SOCKCM_FLAG_TS_OPT_ID;
#else
	return false;
#endif
}

/*
 * A MSG_ZEROCOPY write: begin or continue the kernel's ubuf_info, fill an skb. Since 6.16 the octets
 * may be in the memory of a device, as a last argument says; xtcp has no such writes.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define xtcp_compat_zerocopy_begin(sk, size, last)		msg_zerocopy_realloc(sk, size, last, false)
#define xtcp_compat_zerocopy_fill(sk, skb, msg, len, uarg)	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg, NULL)
#else
#define xtcp_compat_zerocopy_begin(sk, size, last)		msg_zerocopy_realloc(sk, size, last)
#define xtcp_compat_zerocopy_fill(sk, skb, msg, len, uarg)	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg)
#endif

/*
 * Reports to the program that @skb is acknowledged, by a clone of @skb. It is no fast clone, which
 * would keep @skb from being retransmitted until the program has read the report. Since 6.15
 * skbuff.c reports an ACK only if txstamp_ack is set in kernel TCP's control block, where @skb has
 * ours: it is set only meanwhile.
 */
static inline void xtcp_compat_tell_acked(struct sock *sk, struct sk_buff *skb)
{
	const u8 fclone = skb->fclone;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	const struct tcp_skb_cb ours = *TCP_SKB_CB(skb);

	TCP_SKB_CB(skb)->txstamp_ack = TSTAMP_ACK_SK;
#endif
	skb->fclone = SKB_FCLONE_UNAVAILABLE;
	__skb_tstamp_tx(skb, NULL, NULL, sk, SCM_TSTAMP_ACK);
	skb->fclone = fclone;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	*TCP_SKB_CB(skb) = ours;
#endif
}

/* Since 6.6 struct proto has the offset of ipv6_pinfo. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define XTCP_PROTO_PINFO6(type)	.ipv6_pinfo_offset = offsetof(type, inet6),
#else
#define XTCP_PROTO_PINFO6(type)
#endif

/* cgroup BPF programs may change the length of an address since 6.7, and in the stable series 6.6. */
#ifdef XTCP_HAS_BPF_ADDRLEN
#define xtcp_compat_bpf_inet4_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr, len)
#define xtcp_compat_bpf_inet6_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr, len)
#else
#define xtcp_compat_bpf_inet4_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr)
#define xtcp_compat_bpf_inet6_connect(sk, uaddr, len)	BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr)
#endif

/*
 * Get the ISN and the timestamp offset that kernel TCP gives to a connection with this tuple.
 * Return: false if this kernel cannot provide them. Older kernels compute the offset without the
 * ports, and do not export the function that computes it for IPv4.
 */
static inline bool xtcp_compat_seq_and_ts_off(const struct net *net, const struct xtcp_tuple *tuple, u32 *seq,
					      u32 *ts_off)
{
#ifdef XTCP_HAS_SEQ_AND_TS_OFF
	union tcp_seq_and_ts_off both;

	if (ipv6_addr_v4mapped(&tuple->laddr))
		both = secure_tcp_seq_and_ts_off(net, tuple->laddr.s6_addr32[3], tuple->faddr.s6_addr32[3],
						 tuple->lport, tuple->fport);
	else
		both = secure_tcpv6_seq_and_ts_off(net, tuple->laddr.s6_addr32, tuple->faddr.s6_addr32, tuple->lport,
						   tuple->fport);
	*seq = both.seq;
	*ts_off = both.ts_off;
	return true;
#else
	return false;
#endif
}

/* Since 6.11 sysctl handlers get a const table. Since 6.6 a table is registered with its length. */
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
 * Make a slab that is not merged with others, so that /proc/slabinfo shows it: since 6.5 by a flag,
 * before by a user-copy region. The kernel itself makes the slab of socks, from fields of struct
 * proto: XTCP_PROTO_UNMERGED sets the field that prevents the merge.
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

/* Does a memory cgroup of version 1 limit its sockets? Since 6.11 a kernel may have no such cgroups. */
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
 * Take a reference to the memory cgroup that pays for sockets of the running program. NULL: no
 * cgroup pays, or inet_accept() charges the socket: since 6.18, in kernels with SCTP since 6.19.
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

/*
 * The user who owns a socket. Before 6.17 the kernel's function reads the inode of the socket, and returns
 * root if there is none. A closed listener, which may wait for a successor of the same user
 * (handover.c), has no inode.
 */
static inline kuid_t xtcp_compat_uid(struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return sk_uid(sk);
#else
	return READ_ONCE(sk->sk_state) == TCP_LISTEN ? READ_ONCE(sk->sk_uid) : sock_i_uid(sk);
#endif
}

/* Since 6.17, the workqueue without a fixed processor is called system_dfl_wq. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define system_dfl_wq system_unbound_wq
#endif

/*
 * A lock for what each processor has for itself while BH is disabled. Only PREEMPT_RT needs it:
 * since 6.18 its sections with BH disabled can preempt one another. There is no lock before 6.11.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define local_lock_nested_bh(lock)	((void)(lock))
#define local_unlock_nested_bh(lock)	((void)(lock))
#endif

/* Since 6.2, del_timer_sync() is called timer_delete_sync(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

/* A timer that fires in softirq. Since 6.13 one call sets up the timer and its function. */
static inline void xtcp_compat_hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
	timer->function = function;
#endif
}

/* Since 6.11 skb_set_delivery_time() takes a type of clock, before whether it is CLOCK_MONOTONIC. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define SKB_CLOCK_MONOTONIC	true
#endif

/*
 * Kernel TCP's bind table has a bucket for each port, and one for each pair of port and address.
 * xtcp_compat_bind_bucket_has() calls @test for each sock of a port, and xtcp_compat_bind2_bucket_has()
 * for each sock of a pair, until it returns true. The caller holds the lock of the bucket's chain.
 * Since 6.8 a sock is only on the list of its pair. Before, it was also on the list of its port,
 * and a pair had a second list for socks in TIME-WAIT.
 *
 * xtcp_compat_bind_move() replaces @from by @to. One of the two is the TIME-WAIT sock @tw, which points to
 * both buckets. The caller holds the locks of the chains.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define xtcp_compat_for_each_owner(sk, tb2)	sk_for_each_bound(sk, &(tb2)->owners)
#else
#define xtcp_compat_for_each_owner(sk, tb2)	sk_for_each_bound_bhash2(sk, &(tb2)->owners)
#endif

static inline bool xtcp_compat_bind2_bucket_has(const struct inet_bind2_bucket *tb2,
						bool (*test)(struct sock *other, void *arg), void *arg)
{
	struct sock *other;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	struct inet_timewait_sock *tw;
#endif

	xtcp_compat_for_each_owner(other, tb2)
		if (test(other, arg))
			return true;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	twsk_for_each_bound_bhash2(tw, &tb2->deathrow)
		if (test((struct sock *)tw, arg))
			return true;
#endif
	return false;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
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

/* Not every kernel exports inet_put_port(), but all export kernel TCP's struct proto, which points to it. */
static inline void xtcp_compat_put_port(struct sock *sk)
{
	tcp_prot.put_port(sk);
}

/* Kernel TCP's sock with this tuple, or NULL. Since 6.18 the kernel's function finds the table by itself. */
static inline struct sock *xtcp_compat_kernel_lookup(struct net *net, const struct xtcp_tuple *tuple, int dif, int sdif)
{
	const __be32 faddr4 = tuple->faddr.s6_addr32[3], laddr4 = tuple->laddr.s6_addr32[3];
	const u16 lport = ntohs(tuple->lport);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_established(net, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return __inet6_lookup_established(net, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#else
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_established(net, table, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return __inet6_lookup_established(net, table, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#endif
	return NULL;
}

/* Kernel TCP's listener for a segment, or NULL; RCU read side. Since 6.18 it finds the table by itself. */
static inline struct sock *xtcp_compat_kernel_listener(struct net *net, struct sk_buff *skb,
						       const struct xtcp_tuple *tuple, int dif, int sdif)
{
	const __be32 faddr4 = tuple->faddr.s6_addr32[3], laddr4 = tuple->laddr.s6_addr32[3];
	const int doff = __tcp_hdrlen((const struct tcphdr *)skb->data);
	const u16 lport = ntohs(tuple->lport);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_listener(net, skb, doff, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return inet6_lookup_listener(net, skb, doff, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif, sdif);
#else
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	if (xtcp_tuple_is_v4(tuple))
		return __inet_lookup_listener(net, table, skb, doff, faddr4, tuple->fport, laddr4, lport, dif, sdif);
	return inet6_lookup_listener(net, table, skb, doff, &tuple->faddr, tuple->fport, &tuple->laddr, lport, dif,
				     sdif);
#endif
	return NULL;
}

/*
 * Kernel TCP's event tcp:tcp_send_reset. Since 6.10 it has a reason, of which xtcp names none. The
 * caller includes trace/events/tcp.h.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define xtcp_compat_trace_send_reset(sk, skb)	trace_tcp_send_reset(sk, skb, SK_RST_REASON_NOT_SPECIFIED)
#else
#define xtcp_compat_trace_send_reset(sk, skb)	trace_tcp_send_reset(sk, skb)
#endif

#endif /* XTCP_COMPAT_H */
