// SPDX-License-Identifier: GPL-2.0
/*
 * What xtcp answers otherwise than kernel TCP of the options of a socket, by number, and why. "Refused" is ENOPROTOOPT
 * whatever is asked: no option is taken and then ignored, but for two of SOL_SOCKET that Linux 6.1 sets by itself.
 */
#include <linux/in6.h>
#include "options.h"
#include "test.h"

/* Arguments that are wrong whatever the number means may be found so first. */
static bool refused(const struct option_probe *k, const struct option_probe *x)
{
	return x->error == ENOPROTOOPT || (x->error == EINVAL && x->length < (int)sizeof(int)) ||
	       (x->error == EFAULT && strchr(x->call, ' '));
}

/* As the kernel's core refuses what a protocol has not. */
static bool not_supported(const struct option_probe *k, const struct option_probe *x)
{
	return x->error == EOPNOTSUPP || (!strcmp(k->call, "get back") && !x->error);
}

static bool another_value(const struct option_probe *k, const struct option_probe *x)
{
	return !strncmp(k->call, "get", 3) && !k->error && !x->error && k->length_after == x->length_after;
}

static bool another_default(const struct option_probe *k, const struct option_probe *x)
{
	return !strcmp(k->call, "get") && another_value(k, x);
}

/* Of less than nothing newer Linux makes the least clamp that there is; 6.1 and xtcp clamp nothing by it. */
static bool another_clamp(const struct option_probe *k, const struct option_probe *x)
{
	int clamp;

	memcpy(&clamp, x->octets, sizeof(clamp));
	return another_default(k, x) || (!strcmp(k->call, "get back") && clamp < 0 && another_value(k, x));
}

/* xtcp's has the 16 octets that newer kernels have added, if there is room for them. */
static bool longer_info(const struct option_probe *k, const struct option_probe *x)
{
	return !x->error && k->length > k->length_after && x->length_after == k->length_after + 16;
}

/* The core asks first whether it is TCP. */
static bool not_tcp(const struct option_probe *k, const struct option_probe *x)
{
	return x->error == EBADF;
}

/* In CLOSED and LISTEN the core wants no SOF_TIMESTAMPING_OPT_ID (128) from what it knows as TCP. */
static bool lax_stamps(const struct option_probe *k, const struct option_probe *x)
{
	return k->value & 128 ? k->error == EINVAL : !strcmp(k->call, "get back") && !x->error;
}

static bool nobody_may(const struct option_probe *k, const struct option_probe *x)
{
	return k->error == EPERM && x->error;
}

/* Newer Linux has it. */
static bool newer(const struct option_probe *k, const struct option_probe *x)
{
	return k->error == EOPNOTSUPP;
}

/* The same, of an option of TCP. */
static bool newer_number(const struct option_probe *k, const struct option_probe *x)
{
	return k->error == ENOPROTOOPT;
}

#define SOCKET(o, n, ...)	{ .level = SOL_SOCKET, .opt = o, .name = n, __VA_ARGS__ }
#define IP(o, n, ...)		{ .level = IPPROTO_IP, .opt = o, .name = n, __VA_ARGS__ }
#define IP6(o, n, ...)		{ .level = IPPROTO_IPV6, .opt = o, .name = n, __VA_ARGS__ }
#define TCP(o, n, ...)		{ .level = IPPROTO_TCP, .opt = o, .name = n, __VA_ARGS__ }
#define REFUSED(why)		.differs = refused, .reason = why

#define AO		.differs = newer_number, .until = 6012,				\
			.reason = "in Linux since 6.7 where it is configured, here on every kernel"
#define STAMPS		.differs = lax_stamps, .reason = "the core refuses some of it to what it knows as TCP"
#define NO_EFFECT	REFUSED("would have no effect on a stream here")
#define HEADER		REFUSED("not built: many routers drop packets with options (RFC 7126, RFC 9098)")
#define CAME_WITH	REFUSED("not built: TCP_SAVED_SYN has the headers of the SYN")
#define MULTICAST	REFUSED("a stream has no use for multicast, and its state would leak")

struct option_differs options_differ[] = {
	SOCKET(7, "SO_SNDBUF", .differs = another_default,
	       .reason = "twenty segments of the size that goes out, not of the peer's MSS"),
	SOCKET(26, "SO_ATTACH_FILTER", .differs = nobody_may,
	       .reason = "the core asks for CAP_NET_ADMIN what it knows as TCP"),
	SOCKET(28, "SO_PEERNAME", .varies = true, .reason = "holds a port"),
	SOCKET(37, "SO_TIMESTAMPING", STAMPS),
	SOCKET(38, "SO_PROTOCOL", .differs = another_value,
	       .reason = "0x206, so that no kernel code takes the sock for a tcp_sock"),
	SOCKET(42, "SO_PEEK_OFF", .differs = newer, .until = 6001, .reason = "newer Linux has it for TCP"),
	SOCKET(55, "SO_MEMINFO", .varies = true, .reason = "memory of the moment"),
	SOCKET(57, "SO_COOKIE", .varies = true, .reason = "a number of its own"),
	SOCKET(60, "SO_ZEROCOPY", .differs = not_supported, .until = 6001,
	       .reason = "the kernel refuses it for protocols that it does not know, and asks none"),
	SOCKET(65, "SO_TIMESTAMPING_NEW", STAMPS),
	SOCKET(73, "SO_RESERVE_MEM", .differs = not_supported, .since = 6012,
	       .reason = "the kernel gives it to the protocols that it knows"),
	SOCKET(74, "SO_TXREHASH", .differs = not_supported, .since = 7002,
	       .reason = "the kernel gives it to the protocols that it knows"),
	SOCKET(80, "SO_DEVMEM_DONTNEED", .differs = not_tcp, .since = 6012,
	       .reason = "the core has it for what it knows as TCP, and no text of ours is in a device's memory"),
	IP(3, "IP_HDRINCL", NO_EFFECT),
	IP(4, "IP_OPTIONS", HEADER),
	IP(5, "IP_ROUTER_ALERT", NO_EFFECT),
	IP(6, "IP_RECVOPTS", CAME_WITH),
	IP(7, "IP_RETOPTS", CAME_WITH),
	IP(8, "IP_PKTINFO", CAME_WITH),
	IP(9, "IP_PKTOPTIONS", CAME_WITH),
	IP(12, "IP_RECVTTL", CAME_WITH),
	IP(13, "IP_RECVTOS", CAME_WITH),
	IP(18, "IP_PASSSEC", NO_EFFECT),
	IP(20, "IP_ORIGDSTADDR", NO_EFFECT),
	IP(22, "IP_NODEFRAG", NO_EFFECT),
	IP(23, "IP_CHECKSUM", NO_EFFECT),
	IP(25, "IP_RECVFRAGSIZE", NO_EFFECT),
	IP(26, "IP_RECVERR_RFC4884", NO_EFFECT),
	IP(32, "IP_MULTICAST_IF", MULTICAST),
	IP(33, "IP_MULTICAST_TTL", MULTICAST),
	IP(34, "IP_MULTICAST_LOOP", MULTICAST),
	IP(35, "IP_ADD_MEMBERSHIP", MULTICAST),
	IP(36, "IP_DROP_MEMBERSHIP", MULTICAST),
	IP(37, "IP_UNBLOCK_SOURCE", MULTICAST),
	IP(38, "IP_BLOCK_SOURCE", MULTICAST),
	IP(39, "IP_ADD_SOURCE_MEMBERSHIP", MULTICAST),
	IP(40, "IP_DROP_SOURCE_MEMBERSHIP", MULTICAST),
	IP(41, "IP_MSFILTER", MULTICAST),
	IP(42, "MCAST_JOIN_GROUP", MULTICAST),
	IP(43, "MCAST_BLOCK_SOURCE", MULTICAST),
	IP(44, "MCAST_UNBLOCK_SOURCE", MULTICAST),
	IP(45, "MCAST_LEAVE_GROUP", MULTICAST),
	IP(46, "MCAST_JOIN_SOURCE_GROUP", MULTICAST),
	IP(47, "MCAST_LEAVE_SOURCE_GROUP", MULTICAST),
	IP(48, "MCAST_MSFILTER", MULTICAST),
	IP(49, "IP_MULTICAST_ALL", MULTICAST),
	IP(50, "IP_UNICAST_IF", NO_EFFECT),
	IP(52, "IP_PROTOCOL", NO_EFFECT),
	IP6(1, "IPV6_ADDRFORM", REFUSED("the kernel would turn the sock into an IPv4 tcp_sock")),
	IP6(2, "IPV6_2292PKTINFO", CAME_WITH),
	IP6(3, "IPV6_2292HOPOPTS", CAME_WITH),
	IP6(4, "IPV6_2292DSTOPTS", CAME_WITH),
	IP6(5, "IPV6_2292RTHDR", CAME_WITH),
	IP6(6, "IPV6_2292PKTOPTIONS", CAME_WITH),
	IP6(8, "IPV6_2292HOPLIMIT", CAME_WITH),
	IP6(11, "IPV6_FLOWINFO", CAME_WITH),
	IP6(17, "IPV6_MULTICAST_IF", MULTICAST),
	IP6(18, "IPV6_MULTICAST_HOPS", MULTICAST),
	IP6(19, "IPV6_MULTICAST_LOOP", MULTICAST),
	IP6(20, "IPV6_ADD_MEMBERSHIP", MULTICAST),
	IP6(21, "IPV6_DROP_MEMBERSHIP", MULTICAST),
	IP6(22, "IPV6_ROUTER_ALERT", NO_EFFECT),
	IP6(24, "IPV6_MTU", REFUSED("setting it would have no effect on a stream")),
	IP6(27, "IPV6_JOIN_ANYCAST", MULTICAST),
	IP6(28, "IPV6_LEAVE_ANYCAST", MULTICAST),
	IP6(29, "IPV6_MULTICAST_ALL", MULTICAST),
	IP6(30, "IPV6_ROUTER_ALERT_ISOLATE", NO_EFFECT),
	IP6(31, "IPV6_RECVERR_RFC4884", NO_EFFECT),
	IP6(42, "MCAST_JOIN_GROUP", MULTICAST),
	IP6(43, "MCAST_BLOCK_SOURCE", MULTICAST),
	IP6(44, "MCAST_UNBLOCK_SOURCE", MULTICAST),
	IP6(45, "MCAST_LEAVE_GROUP", MULTICAST),
	IP6(46, "MCAST_JOIN_SOURCE_GROUP", MULTICAST),
	IP6(47, "MCAST_LEAVE_SOURCE_GROUP", MULTICAST),
	IP6(48, "MCAST_MSFILTER", MULTICAST),
	IP6(49, "IPV6_RECVPKTINFO", CAME_WITH),
	IP6(50, "IPV6_PKTINFO", NO_EFFECT),
	IP6(51, "IPV6_RECVHOPLIMIT", CAME_WITH),
	IP6(53, "IPV6_RECVHOPOPTS", CAME_WITH),
	IP6(54, "IPV6_HOPOPTS", HEADER),
	IP6(55, "IPV6_RTHDRDSTOPTS", HEADER),
	IP6(56, "IPV6_RECVRTHDR", CAME_WITH),
	IP6(57, "IPV6_RTHDR", HEADER),
	IP6(58, "IPV6_RECVDSTOPTS", CAME_WITH),
	IP6(59, "IPV6_DSTOPTS", HEADER),
	IP6(60, "IPV6_RECVPATHMTU", NO_EFFECT),
	IP6(61, "IPV6_PATHMTU", REFUSED("not built: TCP_INFO and IPV6_MTU tell the path MTU")),
	IP6(62, "IPV6_DONTFRAG", NO_EFFECT),
	IP6(66, "IPV6_RECVTCLASS", CAME_WITH),
	IP6(74, "IPV6_ORIGDSTADDR", NO_EFFECT),
	IP6(76, "IPV6_UNICAST_IF", NO_EFFECT),
	IP6(77, "IPV6_RECVFRAGSIZE", NO_EFFECT),
	TCP(10, "TCP_WINDOW_CLAMP", .differs = another_default, .until = 7001,
	    .reason = "a buffer that may grow does not clamp"),
	TCP(10, "TCP_WINDOW_CLAMP", .differs = another_clamp, .since = 7002,
	    .reason = "a buffer that may grow does not clamp, nor does less than nothing"),
	TCP(11, "TCP_INFO", .differs = longer_info, .varies = true, .until = 6001,
	    .reason = "figures of the moment; the fields that 6.2 and 6.7 have added are there on every kernel"),
	TCP(11, "TCP_INFO", .varies = true, .since = 6002, .reason = "figures of the moment"),
	TCP(13, "TCP_CONGESTION", .is_name = true),
	TCP(16, "TCP_THIN_LINEAR_TIMEOUTS"),
	TCP(17, "TCP_THIN_DUPACK", REFUSED("has no effect in Linux, either")),
	TCP(24, "TCP_TIMESTAMP", .varies = true, .reason = "a clock"),
	TCP(31, "TCP_ULP", REFUSED("upper layer protocols cast the sock to tcp_sock"), .is_name = true),
	TCP(35, "TCP_ZEROCOPY_RECEIVE", REFUSED("the kernel maps only what its own mmap() of TCP has prepared")),
	TCP(37, "TCP_TX_DELAY", REFUSED("a path that is slow for a test is made by netem")),
	TCP(38, "TCP_AO_ADD_KEY", AO),
	TCP(39, "TCP_AO_DEL_KEY", AO),
	TCP(40, "TCP_AO_INFO", AO),
	TCP(41, "TCP_AO_GET_KEYS", AO),
	TCP(42, "TCP_AO_REPAIR", REFUSED("not built: nothing carries the state of TCP-AO"), .since = 6012),
	TCP(43, "TCP_IS_MPTCP", REFUSED("there is no MPTCP to fall back from here"), .since = 6012),
	TCP(44, "TCP_RTO_MAX_MS", .differs = newer_number, .until = 7001,
	    .reason = "in Linux since 6.15, here on every kernel"),
	TCP(45, "TCP_RTO_MIN_US", .differs = newer_number, .until = 7001,
	    .reason = "in Linux since 6.16, here on every kernel"),
	TCP(46, "TCP_DELACK_MAX_US", .differs = newer_number, .until = 7001,
	    .reason = "in Linux since 6.16, here on every kernel"),
	{ }
};
