// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket that changes the stack (swap.c) takes along: each option that can be read and set again before the
 * connection begins, the filter, the flags of the file, and who gets its signals. Options are those that either stack
 * has; what the other one refuses is said with --verbose. What differs from a new socket of the same stack, the program
 * has set, so an option that was set to what it is anyway becomes what it is anyway on the other stack.
 *
 * What nobody can read does not go along: IP_IPSEC_POLICY, IP_XFRM_POLICY and IPv6's, the programs of
 * SO_ATTACH_REUSEPORT_CBPF and _EBPF, SO_BUSY_POLL_BUDGET, memberships of multicast groups, keys of MD5 and AO. (A
 * socket of xtcp with keys stays where it is: swap.c.) Of what SO_ATTACH_BPF has attached, we learn that it is there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include <linux/filter.h>

#include "run.h"

/* Younger than the headers that this may be built with. */
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK		72
#endif
#ifndef SO_RESERVE_MEM
#define SO_RESERVE_MEM		73
#endif
#ifndef SO_TXREHASH
#define SO_TXREHASH		74
#endif
#ifndef SO_RCVMARK
#define SO_RCVMARK		75
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD		76
#endif
#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY		82
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE	51
#endif
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO		11
#endif
#ifndef IPV6_FLOWINFO_SEND
#define IPV6_FLOWINFO_SEND	33
#endif
#ifndef TCP_AO_INFO
#define TCP_AO_INFO		40
#endif
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS		44
#define TCP_RTO_MIN_US		45
#define TCP_DELACK_MAX_US	46
#endif

#define ROOM 256			/* more than any of these takes */

enum how {
	DOUBLED = 1,		/* getsockopt() shows twice of what was set */
	MOVED_BY_OTHERS = 2,	/* is set again if an option before it has changed it */
	BY_RIGHTS = 4,		/* one stack may allow what the other one does not: the program's own rights decide */
};

#define SOCKET(name, ...)	{ SOL_SOCKET, name, #name, __VA_ARGS__ }
#define IP(name, ...)		{ IPPROTO_IP, name, #name, __VA_ARGS__ }
#define IP6(name, ...)		{ IPPROTO_IPV6, name, #name, __VA_ARGS__ }
#define TCP(name, ...)		{ IPPROTO_TCP, name, #name, __VA_ARGS__ }

/* In an order that has each after those that would change it. */
static const struct option {
	int level;
	int name;
	const char *text;
	enum how how;
	int force;		/* sets more, for who may */
} options[] = {
	IP(IP_TOS), IP(IP_TTL), IP(IP_MINTTL), IP(IP_MTU_DISCOVER), IP(IP_RECVERR), IP(IP_RECVERR_RFC4884),
	IP(IP_FREEBIND), IP(IP_TRANSPARENT), IP(IP_BIND_ADDRESS_NO_PORT), IP(IP_LOCAL_PORT_RANGE), IP(IP_OPTIONS),
	IP(IP_PKTINFO), IP(IP_RECVTTL), IP(IP_RECVTOS), IP(IP_RECVOPTS), IP(IP_RETOPTS), IP(IP_PASSSEC),
	IP(IP_RECVORIGDSTADDR), IP(IP_CHECKSUM), IP(IP_RECVFRAGSIZE), IP(IP_MULTICAST_IF), IP(IP_MULTICAST_TTL),
	IP(IP_MULTICAST_LOOP), IP(IP_MULTICAST_ALL), IP(IP_UNICAST_IF), IP(IP_NODEFRAG),

	IP6(IPV6_V6ONLY), IP6(IPV6_TCLASS), IP6(IPV6_UNICAST_HOPS), IP6(IPV6_MINHOPCOUNT), IP6(IPV6_MTU_DISCOVER),
	IP6(IPV6_RECVERR), IP6(IPV6_RECVERR_RFC4884), IP6(IPV6_AUTOFLOWLABEL), IP6(IPV6_ADDR_PREFERENCES),
	IP6(IPV6_FREEBIND), IP6(IPV6_TRANSPARENT), IP6(IPV6_HOPOPTS), IP6(IPV6_RTHDRDSTOPTS), IP6(IPV6_RTHDR),
	IP6(IPV6_DSTOPTS), IP6(IPV6_RECVPKTINFO), IP6(IPV6_2292PKTINFO), IP6(IPV6_RECVHOPLIMIT),
	IP6(IPV6_2292HOPLIMIT), IP6(IPV6_RECVRTHDR), IP6(IPV6_2292RTHDR), IP6(IPV6_RECVHOPOPTS),
	IP6(IPV6_2292HOPOPTS), IP6(IPV6_RECVDSTOPTS), IP6(IPV6_2292DSTOPTS), IP6(IPV6_RECVTCLASS),
	IP6(IPV6_RECVPATHMTU), IP6(IPV6_RECVORIGDSTADDR), IP6(IPV6_RECVFRAGSIZE), IP6(IPV6_FLOWINFO),
	IP6(IPV6_FLOWINFO_SEND), IP6(IPV6_MULTICAST_IF), IP6(IPV6_MULTICAST_HOPS), IP6(IPV6_MULTICAST_LOOP),
	IP6(IPV6_MULTICAST_ALL), IP6(IPV6_UNICAST_IF), IP6(IPV6_DONTFRAG), IP6(IPV6_ROUTER_ALERT_ISOLATE),

	SOCKET(SO_DEBUG), SOCKET(SO_REUSEADDR), SOCKET(SO_REUSEPORT), SOCKET(SO_BINDTOIFINDEX), SOCKET(SO_KEEPALIVE),
	SOCKET(SO_OOBINLINE), SOCKET(SO_DONTROUTE), SOCKET(SO_BROADCAST), SOCKET(SO_NO_CHECK), SOCKET(SO_LINGER),
	SOCKET(SO_PASSCRED), SOCKET(SO_PASSSEC), SOCKET(SO_PASSPIDFD), SOCKET(SO_MARK), SOCKET(SO_RCVMARK),
	SOCKET(SO_RCVPRIORITY), SOCKET(SO_RCVTIMEO), SOCKET(SO_SNDTIMEO), SOCKET(SO_RXQ_OVFL),
	SOCKET(SO_WIFI_STATUS), SOCKET(SO_PEEK_OFF), SOCKET(SO_NOFCS), SOCKET(SO_SELECT_ERR_QUEUE),
	SOCKET(SO_BUSY_POLL), SOCKET(SO_PREFER_BUSY_POLL), SOCKET(SO_MAX_PACING_RATE), SOCKET(SO_INCOMING_CPU),
	SOCKET(SO_ZEROCOPY), SOCKET(SO_TXTIME), SOCKET(SO_TXREHASH), SOCKET(SO_RESERVE_MEM),
	SOCKET(SO_PRIORITY, MOVED_BY_OTHERS),			/* by IP_TOS */
	/* whether stamps have 64 bits is one flag, of the last of these that was set */
	SOCKET(SO_TIMESTAMP_OLD), SOCKET(SO_TIMESTAMPNS_OLD), SOCKET(SO_TIMESTAMP_NEW), SOCKET(SO_TIMESTAMPNS_NEW),
	SOCKET(SO_TIMESTAMPING_OLD), SOCKET(SO_TIMESTAMPING_NEW),
	/* a size locks its buffer; a mark that is not locked grows it */
	SOCKET(SO_RCVBUF, DOUBLED, SO_RCVBUFFORCE), SOCKET(SO_SNDBUF, DOUBLED, SO_SNDBUFFORCE),
	SOCKET(SO_BUF_LOCK, MOVED_BY_OTHERS), SOCKET(SO_RCVLOWAT), SOCKET(SO_LOCK_FILTER),

	TCP(TCP_NODELAY), TCP(TCP_CORK), TCP(TCP_MAXSEG), TCP(TCP_KEEPIDLE), TCP(TCP_KEEPINTVL), TCP(TCP_KEEPCNT),
	TCP(TCP_SYNCNT), TCP(TCP_LINGER2), TCP(TCP_DEFER_ACCEPT), TCP(TCP_WINDOW_CLAMP), TCP(TCP_QUICKACK),
	TCP(TCP_CONGESTION, BY_RIGHTS), TCP(TCP_USER_TIMEOUT), TCP(TCP_NOTSENT_LOWAT), TCP(TCP_SAVE_SYN),
	TCP(TCP_INQ), TCP(TCP_FASTOPEN), TCP(TCP_FASTOPEN_KEY), TCP(TCP_FASTOPEN_NO_COOKIE),
	TCP(TCP_FASTOPEN_CONNECT), TCP(TCP_THIN_LINEAR_TIMEOUTS), TCP(TCP_TX_DELAY), TCP(TCP_REPAIR), TCP(TCP_ULP),
	TCP(TCP_AO_INFO), TCP(TCP_RTO_MAX_MS), TCP(TCP_RTO_MIN_US), TCP(TCP_DELACK_MAX_US),
};

struct value {
	unsigned char octets[ROOM];
	socklen_t len;
};

static bool read_option(const struct stack_calls *calls, int fd, const struct option *option, struct value *value)
{
	memset(value, 0, sizeof(*value));	/* TCP_AO_INFO reads what is there */
	value->len = sizeof(value->octets);
	return !calls->getsockopt(fd, option->level, option->name, value->octets, &value->len);
}

static bool same(const struct value *a, const struct value *b)
{
	return a->len == b->len && !memcmp(a->octets, b->octets, a->len);
}

static void take_rights(const struct stack_calls *calls, bool on)
{
	if (calls->as_program)
		calls->as_program(on);
}

static void set_option(const struct stack_calls *calls, const struct option *option, const struct value *shown, int to)
{
	struct value asked = *shown, now;
	int half, error;

	if (option->how & DOUBLED) {
		memcpy(&half, shown->octets, sizeof(half));
		half /= 2;
		memcpy(asked.octets, &half, sizeof(half));
	}
	if (option->how & BY_RIGHTS)
		take_rights(calls, true);
	error = setsockopt(to, option->level, option->name, asked.octets, asked.len) ? errno : 0;
	if (option->how & BY_RIGHTS)
		take_rights(calls, false);
	if (!error && option->force && read_option(calls, to, option, &now) && !same(&now, shown))
		setsockopt(to, option->level, option->force, asked.octets, asked.len);
	if (error)
		log_line("%s does not go along: %s", option->text, strerror(error));
	else if (!read_option(calls, to, option, &now) || !same(&now, shown))
		log_line("%s is not quite what it was", option->text);
}

static void carry_options(const struct stack_calls *calls, int from, int fresh, int to)
{
	const struct option *option;
	struct value set, usual;

	for (option = options; option < options + sizeof(options) / sizeof(*options); option++) {
		if (!read_option(calls, from, option, &set))
			continue;
		if (read_option(calls, fresh, option, &usual) && same(&set, &usual) &&
		    (!(option->how & MOVED_BY_OTHERS) ||
		     (read_option(calls, to, option, &usual) && same(&set, &usual))))
			continue;
		set_option(calls, option, &set, to);
	}
}

/* Its length is in instructions. */
static void carry_filter(const struct stack_calls *calls, int from, int to)
{
	struct sock_fprog program = {};
	socklen_t n = 0;
	int error = 0;

	if (!calls->getsockopt(from, SOL_SOCKET, SO_GET_FILTER, NULL, &n) && !n)
		return;
	program.filter = n ? calloc(n, sizeof(*program.filter)) : NULL;
	if (!program.filter || calls->getsockopt(from, SOL_SOCKET, SO_GET_FILTER, program.filter, &n)) {
		error = errno;
	} else {
		program.len = n;
		take_rights(calls, true);
		error = setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? errno : 0;
		take_rights(calls, false);
	}
	if (error)
		log_line("the filter does not go along: %s", strerror(error));
	free(program.filter);
}

/* O_NONBLOCK and O_ASYNC; the latter after who is told, and how. */
static void carry_flags(const struct stack_calls *calls, int from, int to)
{
	int signal = fcntl(from, F_GETSIG), flags = fcntl(from, F_GETFL), error = 0;
	struct f_owner_ex owner;

	/* the kernel notes who says so, and that one's rights decide whether a signal may be sent */
	take_rights(calls, true);
	if (signal > 0 && fcntl(to, F_SETSIG, signal))
		error = errno;
	if (!fcntl(from, F_GETOWN_EX, &owner) && owner.pid && fcntl(to, F_SETOWN_EX, &owner))
		error = errno;
	take_rights(calls, false);
	if (fcntl(to, F_SETFL, flags))
		error = errno;
	if (error)
		log_line("signals or flags do not go along: %s", strerror(error));
}

/* carry_all() - Set on @to what is set on @from and not on @fresh, which is a new socket of the stack of @from. */
void carry_all(const struct stack_calls *calls, int from, int fresh, int to)
{
	carry_filter(calls, from, to);		/* before SO_LOCK_FILTER */
	carry_options(calls, from, fresh, to);
	carry_flags(calls, from, to);
}
