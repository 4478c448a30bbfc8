// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of a script that are socket calls. ERR is an errno by name; without it the call must succeed.
 *
 *   fast N OCTETS|ERR [bad M]	sendto(MSG_FASTOPEN) of N octets to the peer takes so many; the last M are at
 *				an address that cannot be read
 *   user N			sockets that are made from now on are this user's
 *   device			SO_BINDTODEVICE to the tun device
 *   socket; bind; listen [BACKLOG|any|ERR]; connect [ERR [mcast|bcast]]; accept [ERR]
 *   disconnect [ERR]		connect() to AF_UNSPEC
 *   waits fast N; waited OCTETS|ERR	the same, behind connect, of a thread that waits; see wire_waits.c
 *   holds [read] N; gives OCTETS|ERR	send() or recv() of N octets has the lock until then; see wire_waits.c
 *   write N [more|urgent] [eor] [ERR]; read N|eof|ERR; peek N
 *   urgent N|ERR		recv(MSG_OOB) gives the peer's octet N
 *   passed N			RECEIVE goes over so many octets without a read
 *   atmark 0|1; inq N		SIOCATMARK, SIOCINQ
 *   shut; shutrd; close; abort; closelisten
 *   md5 KEY|none [ERR]; md5listener KEY|none [ERR]	TCP_MD5SIG for the peer, of the connection's
 *				socket or the listener's; md5prefix N KEY|none [ERR]: of the listener, by
 *				TCP_MD5SIG_EXT
 *   set, get, info, keep, dctcp	options; see below
 *   err ERR|none		SO_ERROR, which reads once
 *   why REASON CAUSE FLAGS ERR|none [CODE PEN]	XTCP_ABORT; kernel TCP does not have it. What the peer's RST said; left
 *				out: it said nothing
 *   poll BITS			exactly these of IN OUT RDHUP HUP ERR PRI
 *   hup MS			wait until poll says HUP
 *   watch; woken		epoll says OUT, edge-triggered, since "watch"
 *
 * No call of these but "waits" blocks. The bytes written and expected are those of wire_segment_byte().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include "test.h"
#include "wire.h"

/* What recvmsg(MSG_ERRQUEUE) tells of an ICMP error about a segment. */

struct told {
	struct sock_extended_err ee;
	struct sockaddr_in6 offender;	/* of either family */
};

static bool is_peer(const struct wire *w, const void *name, bool with_port)
{
	const struct sockaddr_in6 *v6 = name;
	const struct sockaddr_in *v4 = name;

	if (v4->sin_port != (with_port ? htons(w->c.pport) : 0))
		return false;
	if (w->ip == 4)
		return v4->sin_family == AF_INET && !memcmp(&v4->sin_addr, w->peer, 4);
	return v6->sin6_family == AF_INET6 && !memcmp(&v6->sin6_addr, w->peer, 16);
}

/* The message beside the octets: 0, or -1 when there is none. */
static int told_of(const struct wire *w, struct msghdr *msg, struct told *told)
{
	int level = w->ip == 4 ? SOL_IP : SOL_IPV6, type = w->ip == 4 ? IP_RECVERR : IPV6_RECVERR;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != level || cmsg->cmsg_type != type)
			continue;
		memset(told, 0, sizeof(*told));
		memcpy(told, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0) < sizeof(*told) ?
		       cmsg->cmsg_len - CMSG_LEN(0) : sizeof(*told));
		return 0;
	}
	return -1;
}

/* Takes one error from the connecting socket's queue. @args: "none", or "ERRNO TYPE CODE" of the ICMP message. */
static int error_queue(struct wire *w, char *args)
{
	char *next, *err = strtok_r(args, " ", &next), *type = strtok_r(NULL, " ", &next);
	char *code = strtok_r(NULL, " ", &next);
	uint8_t octets[64], control[512];
	struct sockaddr_in6 name = { 0 };
	struct iovec iov = { octets, sizeof(octets) };
	struct msghdr msg = {
		.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(w->c.fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	uint32_t want_type, want_code;
	struct told told;
	uint16_t ports[2];

	if (err && !strcmp(err, "none"))
		return n < 0 && errno == EAGAIN ? 0 : wire_fail(w, "the error queue gives %zd octets", n);
	if (n < 0)
		return wire_fail(w, "error queue: %s", strerror(errno));
	if (wire_text_u32(w, type, &want_type) || wire_text_u32(w, code, &want_code))
		return wire_fail(w, "errqueue: no type or code");
	if (!(msg.msg_flags & MSG_ERRQUEUE) || told_of(w, &msg, &told))
		return wire_fail(w, "the error queue tells nothing of its origin");
	if (strcmp(wire_socket_errno_name(told.ee.ee_errno), err) || told.ee.ee_type != want_type ||
	    told.ee.ee_code != want_code || told.ee.ee_info || told.ee.ee_data ||
	    told.ee.ee_origin != (w->ip == 4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6))
		return wire_fail(w, "%s, origin %u, type %u, code %u, info %u",
				 wire_socket_errno_name(told.ee.ee_errno), told.ee.ee_origin, told.ee.ee_type,
				 told.ee.ee_code, told.ee.ee_info);
	if (!is_peer(w, &name, true) || !is_peer(w, &told.offender, false))
		return wire_fail(w, "an error of another peer, or told by somebody else");
	memcpy(ports, octets, sizeof(ports));
	if (n < 8 || ntohs(ports[0]) != w->c.lport || ntohs(ports[1]) != w->c.pport)
		return wire_fail(w, "%zd octets that are not of the segment", n);
	return 0;
}

/*
 * The steps of a script that set and read options of a socket.
 *
 *   set OPTION VALUE [ERR]; get OPTION VALUE	CONGESTION has a name for its value
 *   info FIELD OP VALUE; keep FIELD	members of TCP_INFO; or keep R, the last timestamp
 *   dctcp FIELD OP VALUE	members of tcp_dctcp_info, from TCP_CC_INFO
 */

static const struct { const char *name; int level, value; } options[] = {
	{ "NODELAY", IPPROTO_TCP, TCP_NODELAY },
	{ "MAXSEG", IPPROTO_TCP, TCP_MAXSEG },
	{ "CORK", IPPROTO_TCP, TCP_CORK },
	{ "QUICKACK", IPPROTO_TCP, TCP_QUICKACK },
	{ "SYNCNT", IPPROTO_TCP, TCP_SYNCNT },
	{ "USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT }, { "IDLE_MS", IPPROTO_TCP, XTCP_IDLE_MS },
	{ "HALF_CLOSED_MS", IPPROTO_TCP, XTCP_HALF_CLOSED_MS },
	{ "KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE },
	{ "KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL },
	{ "KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT },
	{ "LINGER2", IPPROTO_TCP, TCP_LINGER2 },
	{ "DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ "FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN },
	{ "FASTOPEN_CONNECT", IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
	{ "FASTOPEN_NO_COOKIE", IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE },
	{ "INQ", IPPROTO_TCP, TCP_INQ },
	{ "SAVE_SYN", IPPROTO_TCP, TCP_SAVE_SYN },
	{ "NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ "WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP },
	/* of later kernels than 6.1, whose headers have no names for them */
	{ "RTO_MAX_MS", IPPROTO_TCP, 44 },
	{ "RTO_MIN_US", IPPROTO_TCP, 45 },
	{ "DELACK_MAX_US", IPPROTO_TCP, 46 },
	{ "THIN_LINEAR_TIMEOUTS", IPPROTO_TCP, 16 },
	{ "ACK_RATE", IPPROTO_TCP, XTCP_ACK_RATE },
	{ "KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE },
	{ "RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT },
	{ "RCVBUF", SOL_SOCKET, SO_RCVBUF },
	{ "SNDBUF", SOL_SOCKET, SO_SNDBUF },
	{ "SNDBUFFORCE", SOL_SOCKET, SO_SNDBUFFORCE },
	{ "RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE },
	{ "MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE },
	{ "TXREHASH", SOL_SOCKET, SO_TXREHASH },
	{ "REUSEADDR", SOL_SOCKET, SO_REUSEADDR },
	{ "MARK", SOL_SOCKET, SO_MARK }, { "PRIORITY", SOL_SOCKET, SO_PRIORITY },
	{ "TRANSPARENT", IPPROTO_IP, IP_TRANSPARENT }, { "TRANSPARENT", IPPROTO_IPV6, IPV6_TRANSPARENT },
	{ "OOBINLINE", SOL_SOCKET, SO_OOBINLINE },
	{ "MINTTL", IPPROTO_IP, IP_MINTTL }, { "MINTTL", IPPROTO_IPV6, IPV6_MINHOPCOUNT },
	{ "TTL", IPPROTO_IP, IP_TTL }, { "TTL", IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ "RECVERR", IPPROTO_IP, IP_RECVERR }, { "RECVERR", IPPROTO_IPV6, IPV6_RECVERR },
	{ "TOS", IPPROTO_IP, IP_TOS }, { "TOS", IPPROTO_IPV6, IPV6_TCLASS },
	{ "MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER }, { "MTU_DISCOVER", IPPROTO_IPV6, IPV6_MTU_DISCOVER },
};

/* Is it of the IP version that is not in use? */
static bool other_version(const struct wire *w, int level)
{
	return level == (w->ip == 4 ? IPPROTO_IPV6 : IPPROTO_IP);
}

static int do_congestion(struct wire *w, int fd, const char *name, bool set, const char *want)
{
	char got[16] = "";
	socklen_t len = sizeof(got) - 1;

	if (!name)
		return wire_fail(w, "which algorithm?");
	if (set)
		return wire_socket_verdict(w, name, setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)),
					   want);
	if (wire_socket_verdict(w, name, getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, got, &len), want))
		return -1;
	return strcmp(got, name) ? wire_fail(w, "CONGESTION is %s, want %s", got, name) : 0;
}

static int do_option(struct wire *w, char *args, bool set)
{
	char *next, *name = strtok_r(args, " ", &next), *arg = strtok_r(NULL, " ", &next);
	int fd = w->c.fd >= 0 ? w->c.fd : w->c.lfd, got = 0;
	const char *want = strtok_r(NULL, " ", &next);
	socklen_t len = sizeof(got);
	uint32_t v;
	size_t i;

	if (name && !strcmp(name, "CONGESTION"))
		return do_congestion(w, fd, arg, set, want);
	for (i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (name && !strcmp(options[i].name, name) && !other_version(w, options[i].level))
			break;
	if (i == sizeof(options) / sizeof(*options) || wire_text_u32(w, arg, &v))
		return wire_fail(w, "no option '%s'", name);
	if (set)
		return wire_socket_verdict(w, name, setsockopt(fd, options[i].level, options[i].value, &v, sizeof(v)),
					   want);
	if (wire_socket_verdict(w, name, getsockopt(fd, options[i].level, options[i].value, &got, &len), want))
		return -1;
	return got == (int)v ? 0 : wire_fail(w, "%s is %d, want %d", name, got, (int)v);
}

#define FIELD(f)	{ #f, offsetof(struct tcp_info, tcpi_##f), \
			  sizeof(((struct tcp_info *)0)->tcpi_##f) }

#define LATER_FIELD(f)	{ #f, offsetof(union info_whole, f), sizeof(((union info_whole *)0)->f) }

static const struct { const char *name; size_t offset, size; } fields[] = {
	FIELD(state), FIELD(retransmits), FIELD(probes), FIELD(backoff), FIELD(options),
	FIELD(rto), FIELD(ato), FIELD(snd_mss), FIELD(rcv_mss), FIELD(unacked), FIELD(lost),
	FIELD(retrans), FIELD(pmtu), FIELD(snd_ssthresh), FIELD(rtt), FIELD(rttvar),
	FIELD(snd_cwnd), FIELD(advmss), FIELD(total_retrans), FIELD(notsent_bytes), FIELD(snd_wnd),
	FIELD(rcv_ssthresh),
	FIELD(ca_state), FIELD(sacked), FIELD(reordering), FIELD(min_rtt), FIELD(delivered),
	FIELD(dsack_dups), FIELD(reord_seen), FIELD(bytes_retrans), FIELD(rcv_ooopack),
	FIELD(delivered), FIELD(delivered_ce), FIELD(delivery_rate), FIELD(pacing_rate), FIELD(rcv_space),
	FIELD(last_data_sent), FIELD(last_data_recv),
	FIELD(last_ack_recv), FIELD(segs_in), FIELD(segs_out), FIELD(data_segs_in), FIELD(data_segs_out),
	FIELD(snd_wnd),
	LATER_FIELD(rcv_wnd), LATER_FIELD(rehash), LATER_FIELD(total_rto), LATER_FIELD(total_rto_recoveries),
	LATER_FIELD(total_rto_time),
	/* bits of one octet: tcpi_snd_wscale and tcpi_rcv_wscale, behind tcpi_options */
	{ "snd_wscale", offsetof(struct tcp_info, tcpi_options) + 1, 1 },
	{ "rcv_wscale", offsetof(struct tcp_info, tcpi_options) + 1, 1 },
	/* bits of one octet: tcpi_delivery_rate_app_limited, tcpi_fastopen_client_fail */
	{ "rate_limited", offsetof(struct tcp_info, tcpi_rto) - 1, 1 },
	{ "client_fail", offsetof(struct tcp_info, tcpi_rto) - 1, 1 },
};

static uint64_t number_at(const void *at, size_t size)
{
	return size == 1 ? *(const uint8_t *)at : size == 2 ? *(const uint16_t *)at :
	       size == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

/* Of an octet: @width bits, from the one that a bit field has @before others. */
static uint64_t bits_of(uint64_t octet, unsigned int before, unsigned int width)
{
	return octet >> (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - before - width : before) & ((1 << width) - 1);
}

/* Read a member of TCP_INFO. @name: its name without "tcpi_". */
static int option_field(struct wire *w, const char *name, uint64_t *value)
{
	union info_whole info = { 0 };
	socklen_t len = sizeof(info);
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (name && !strcmp(fields[i].name, name))
			break;
	if (i == sizeof(fields) / sizeof(*fields))
		return wire_fail(w, "no field '%s'", name);
	if (wire_socket_verdict(w, "TCP_INFO", getsockopt(w->c.fd, IPPROTO_TCP, TCP_INFO, &info, &len), NULL))
		return -1;
	*value = number_at((char *)&info + fields[i].offset, fields[i].size);
	if (!strcmp(name, "rate_limited"))
		*value = bits_of(*value, 0, 1);
	else if (!strcmp(name, "client_fail"))
		*value = bits_of(*value, 1, 2);
	else if (!strcmp(name, "snd_wscale"))
		*value = bits_of(*value, 0, 4);
	else if (!strcmp(name, "rcv_wscale"))
		*value = bits_of(*value, 4, 4);
	return 0;
}

static int do_info(struct wire *w, char *args)
{
	char *next, *name = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	char *arg = strtok_r(NULL, " ", &next);
	uint64_t got = 0, want = 0;

	if (!arg || option_field(w, name, &got) || wire_text_number(w, arg, &want))
		return wire_fail(w, "info %s", name);
	if (wire_text_compare(got, op, want))
		return 0;
	return wire_fail(w, "%s is %llu, want %s %s", name, (unsigned long long)got, op, arg);
}

#define DCTCP_FIELD(f)	{ #f, offsetof(struct tcp_dctcp_info, dctcp_##f), \
			  sizeof(((struct tcp_dctcp_info *)0)->dctcp_##f) }

static const struct { const char *name; size_t offset, size; } dctcp_fields[] = {
	DCTCP_FIELD(enabled), DCTCP_FIELD(ce_state), DCTCP_FIELD(alpha), DCTCP_FIELD(ab_ecn), DCTCP_FIELD(ab_tot),
};

static int do_dctcp(struct wire *w, char *args)
{
	char *next, *name = strtok_r(args, " ", &next), *op = strtok_r(NULL, " ", &next);
	char *arg = strtok_r(NULL, " ", &next);
	union tcp_cc_info info = { 0 };
	socklen_t len = sizeof(info);
	uint64_t got, want = 0;
	size_t i;

	for (i = 0; i < sizeof(dctcp_fields) / sizeof(*dctcp_fields); i++)
		if (name && !strcmp(dctcp_fields[i].name, name))
			break;
	if (i == sizeof(dctcp_fields) / sizeof(*dctcp_fields) || !arg || wire_text_number(w, arg, &want))
		return wire_fail(w, "dctcp %s", name ? name : "");
	if (wire_socket_verdict(w, "TCP_CC_INFO", getsockopt(w->c.fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len), NULL))
		return -1;
	if (len != sizeof(info.dctcp))
		return wire_fail(w, "TCP_CC_INFO has %u octets", len);
	got = number_at((char *)&info + dctcp_fields[i].offset, dctcp_fields[i].size);
	if (wire_text_compare(got, op, want))
		return 0;
	return wire_fail(w, "%s is %llu, want %s %s", name, (unsigned long long)got, op, arg);
}

static int do_keep(struct wire *w, const char *name)
{
	if (strcmp(name, "R"))
		return option_field(w, name, &w->c.kept);
	w->c.kept = w->c.tsrecent;
	return 0;
}

/* Sets or reads an option. @verb: "set", "get", "info", "keep" or "dctcp". @args may be changed. */
static int option_step(struct wire *w, const char *verb, char *args)
{
	switch (*verb) {
	case 'i':
		return do_info(w, args);
	case 'd':
		return do_dctcp(w, args);
	case 'k':
		return do_keep(w, args);
	default:
		return do_option(w, args, *verb == 's');
	}
}

#define LARGEST_CALL	1048576

static const struct { const char *name; int value; } errors[] = {
	{ "none", 0 }, { "EAGAIN", EAGAIN }, { "ECONNRESET", ECONNRESET },
	{ "EADDRNOTAVAIL", EADDRNOTAVAIL },
	{ "ECONNREFUSED", ECONNREFUSED }, { "EPIPE", EPIPE }, { "ETIMEDOUT", ETIMEDOUT },
	{ "EINPROGRESS", EINPROGRESS }, { "ENOTCONN", ENOTCONN }, { "EISCONN", EISCONN },
	{ "EHOSTUNREACH", EHOSTUNREACH }, { "ENETUNREACH", ENETUNREACH },
	{ "EADDRINUSE", EADDRINUSE }, { "EINVAL", EINVAL }, { "EMSGSIZE", EMSGSIZE },
	{ "ENOPROTOOPT", ENOPROTOOPT }, { "ENOMEM", ENOMEM }, { "EPROTO", EPROTO }, { "EALREADY", EALREADY },
	{ "EACCES", EACCES }, { "ENOENT", ENOENT }, { "EPERM", EPERM },
	{ "EOPNOTSUPP", EOPNOTSUPP }, { "ECONNABORTED", ECONNABORTED },
	{ "EKEYREJECTED", EKEYREJECTED }, { "EEXIST", EEXIST }, { "EBUSY", EBUSY },
};

#define ERRORS (sizeof(errors) / sizeof(*errors))

/* An errno by the name that scripts use. @err: errno, 0 is "none". Return: the name. */
const char *wire_socket_errno_name(int err)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].value == err)
			return errors[i].name;
	return strerror(err);
}

static int errno_value(const char *name)
{
	for (size_t i = 0; name && i < ERRORS; i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].value;
	return -1;
}

/* Compare what a call did with the errno that the script names, if any. */
static int verdict(struct wire *w, const char *call, long ret, const char *want)
{
	const char *got = ret < 0 ? wire_socket_errno_name(errno) : "none";

	if (!want)
		want = "none";
	if (errno_value(want) < 0)
		return wire_fail(w, "no errno '%s'", want);
	if (!strcmp(got, want))
		return 0;
	return wire_fail(w, "%s: %s, want %s", call, got, want);
}

/* Compares a call's @ret and errno with the errno of the script (NULL: none). */
int wire_socket_verdict(struct wire *w, const char *call, long ret, const char *want)
{
	return verdict(w, call, ret, want);
}

static socklen_t make_address(const struct wire *w, const uint8_t *addr, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (w->ip == 4) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, addr, 4);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	memcpy(&sin6->sin6_addr, addr, 16);
	return sizeof(*sin6);
}

static int new_socket(struct wire *w, int *fd)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (*fd >= 0)
		return 0;
	if (w->stack == WIRE_KERNEL)
		*fd = socket(w->ip == 4 ? AF_INET : AF_INET6, type, 0);
	else
		*fd = socket(AF_XTCP, type, w->ip == 6);
	return verdict(w, "socket", *fd, NULL);
}

static int do_listen(struct wire *w, const char *backlog)
{
	static const uint8_t wildcard[16];
	bool any = backlog && !strcmp(backlog, "any");
	struct sockaddr_storage ss;
	socklen_t len = make_address(w, any ? wildcard : w->local, w->c.lport, &ss);
	const char *err = NULL;

	if (any)
		backlog = NULL;
	if (backlog && *backlog == 'E') {
		err = backlog;
		backlog = NULL;
	}
	if (w->c.lfd >= 0 && backlog)
		return verdict(w, "listen", listen(w->c.lfd, atoi(backlog)), NULL);
	if (w->c.lfd >= 0)
		return 0;
	if (new_socket(w, &w->c.lfd))
		return -1;
	if (verdict(w, "bind", bind(w->c.lfd, (struct sockaddr *)&ss, len), err))
		return -1;
	if (err) {
		close(w->c.lfd);
		w->c.lfd = -1;
		return 0;
	}
	return verdict(w, "listen", listen(w->c.lfd, backlog ? atoi(backlog) : 16), NULL);
}

static int do_bind(struct wire *w, const char *want)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(w, w->local, w->c.lport, &ss);

	if (new_socket(w, &w->c.fd))
		return -1;
	w->c.bound = true;
	return verdict(w, "bind", bind(w->c.fd, (struct sockaddr *)&ss, len), want);
}

static int do_md5(struct wire *w, const char *verb, char *args)
{
	const bool wide = !strcmp(verb, "md5wide"), prefixed = wide || !strcmp(verb, "md5prefix");
	const bool of_listener = strcmp(verb, "md5") && !wide;
	char *next, *word = strtok_r(args, " ", &next), *key;
	int prefix = prefixed ? atoi(word) : -1;

	key = prefixed ? strtok_r(NULL, " ", &next) : word;
	if (!key || (of_listener && w->c.lfd < 0))
		return wire_fail(w, "no key, or no listener");
	if (!of_listener && new_socket(w, &w->c.fd))
		return -1;
	return verdict(w, verb, wire_sign_option(w, of_listener ? w->c.lfd : w->c.fd, key, prefix),
		       strtok_r(NULL, " ", &next));
}

static int do_connect(struct wire *w, char *args)
{
	char *next, *want = strtok_r(args, " ", &next), *group = strtok_r(NULL, " ", &next);
	struct sockaddr_storage ss;
	uint8_t to[16];
	socklen_t len;

	memcpy(to, w->peer, sizeof(to));
	if (group && wire_text_address(w, group, to))
		return -1;
	len = make_address(w, to, w->c.pport, &ss);
	if (new_socket(w, &w->c.fd))
		return -1;
	if (!want)
		want = "EINPROGRESS";
	/* the SYN tells which port the stack has chosen */
	if (!w->c.bound && (!w->c.irs_known || !strcmp(want, "EINPROGRESS")))
		w->c.lport = 0;
	return verdict(w, "connect", connect(w->c.fd, (struct sockaddr *)&ss, len), want);
}

static int do_device(struct wire *w)
{
	int fd = w->c.fd >= 0 ? w->c.fd : w->c.lfd;

	return verdict(w, "device", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, WIRE_DEVICE, sizeof(WIRE_DEVICE)),
		       NULL);
}

static int do_user(struct wire *w, const char *arg)
{
	uint32_t uid;

	if (wire_text_u32(w, arg, &uid))
		return -1;
	setfsuid(uid);
	return setfsuid(-1) == (int)uid ? 0 : wire_fail(w, "cannot be the user %s", arg);
}

static int do_disconnect(struct wire *w, const char *want)
{
	return verdict(w, "disconnect", stack_disconnect(w->c.fd), want);
}

static int do_close(struct wire *w, bool abortive)
{
	struct linger l = { .l_onoff = 1 };
	int ret;

	if (abortive)
		setsockopt(w->c.fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	ret = close(w->c.fd);
	w->c.fd = -1;
	return verdict(w, "close", ret, NULL);
}

static int do_accept(struct wire *w, const char *want)
{
	int fd = accept4(w->c.lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && w->c.fd >= 0)
		do_close(w, true);
	if (fd >= 0)
		w->c.fd = fd;
	return verdict(w, "accept", fd, want);
}

static int do_write(struct wire *w, char *args)
{
	static uint8_t data[LARGEST_CALL];
	char *next, *word = strtok_r(args, " ", &next);
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	uint32_t n, i;
	ssize_t done;

	if (wire_text_u32(w, word, &n) || n > sizeof(data))
		return wire_fail(w, "write '%s'", args);
	word = strtok_r(NULL, " ", &next);
	if (word && !strcmp(word, "more")) {
		flags |= MSG_MORE;
		word = strtok_r(NULL, " ", &next);
	} else if (word && !strcmp(word, "urgent")) {
		flags |= MSG_OOB;
		word = strtok_r(NULL, " ", &next);
	}
	if (word && !strcmp(word, "eor")) {
		flags |= MSG_EOR;
		word = strtok_r(NULL, " ", &next);
	}
	for (i = 0; i < n; i++)
		data[i] = wire_segment_byte(1 + w->c.written + i);
	done = send(w->c.fd, data, n, flags);
	if (done > 0)
		w->c.written += done;
	if (done >= 0 && (size_t)done < n)
		return wire_fail(w, "write took %zd bytes", done);
	return verdict(w, "write", done, word);
}

/* A buffer that ends where no memory is: @n octets of it can be read. Return: NULL without memory. */
static uint8_t *at_the_end_of_memory(uint32_t n)
{
	static uint8_t *pages;
	const size_t page = sysconf(_SC_PAGESIZE);

	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
			pages = NULL;
	}
	return pages && n <= page ? pages + page - n : NULL;
}

static int do_fast(struct wire *w, char *args)
{
	static uint8_t buffer[LARGEST_CALL];
	char *next, *word = strtok_r(args, " ", &next), *want = strtok_r(NULL, " ", &next);
	const char *bad_word = strtok_r(NULL, " ", &next);
	struct sockaddr_storage ss;
	socklen_t len = make_address(w, w->peer, w->c.pport, &ss);
	uint32_t n, i, taken, bad = 0;
	uint8_t *data = buffer;
	ssize_t done;

	if (wire_text_u32(w, word, &n) || n > sizeof(buffer) || !want)
		return wire_fail(w, "fast '%s'", args);
	if (bad_word) {
		if (wire_text_u32(w, strtok_r(NULL, " ", &next), &bad) || bad > n)
			return wire_fail(w, "fast: bad '%s'", args);
		data = at_the_end_of_memory(n - bad);
		if (!data)
			return wire_fail(w, "no memory");
	}
	if (!w->c.irs_known && !w->c.bound)
		w->c.lport = 0;
	if (new_socket(w, &w->c.fd))
		return -1;
	for (i = 0; i < n - bad; i++)
		data[i] = wire_segment_byte(1 + w->c.written + i);
	done = sendto(w->c.fd, data, n, MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&ss, len);
	if (done > 0)
		w->c.written += done;
	if (*want == 'E')
		return verdict(w, "sendto", done, want);
	if (wire_text_u32(w, want, &taken) || verdict(w, "sendto", done, NULL))
		return -1;
	return done == (ssize_t)taken ? 0 : wire_fail(w, "sendto took %zd octets, want %u", done, taken);
}

static int do_read(struct wire *w, char *args, int flags)
{
	static uint8_t data[LARGEST_CALL];
	uint32_t n = 1, got = 0, i;
	bool bytes = *args && !strchr("eE", *args);
	ssize_t done;

	if (bytes && (wire_text_u32(w, args, &n) || n > sizeof(data)))
		return wire_fail(w, "read '%s'", args);
	do {
		done = recv(w->c.fd, data + got, n - got, MSG_DONTWAIT | flags);
		if (done > 0)
			got += done;
	} while (done > 0 && got < n && !flags);
	if (!strcmp(args, "eof"))
		return done ? wire_fail(w, "read gave %zd, want the end", done) : 0;
	if (!bytes)
		return verdict(w, "read", done, args);
	if (got != n)
		return wire_fail(w, "read %u bytes, want %u: %s", got, n, done ? strerror(errno) : "end");
	for (i = 0; i < n; i++)
		if (data[i] != (wire_segment_byte(1 + w->c.consumed + i) ^ w->c.tint))
			return wire_fail(w, "wrong byte at %u of the stream", w->c.consumed + i);
	if (!flags)
		w->c.consumed += n;
	return 0;
}

static int do_urgent(struct wire *w, const char *want)
{
	uint8_t octet = 0;
	ssize_t done = recv(w->c.fd, &octet, 1, MSG_OOB);
	uint32_t n;

	if (*want == 'E')
		return verdict(w, "recv(MSG_OOB)", done, want);
	if (wire_text_u32(w, want, &n) || verdict(w, "recv(MSG_OOB)", done, NULL))
		return -1;
	if (done == 1 && octet == (wire_segment_byte(n) ^ w->c.tint))
		return 0;
	return wire_fail(w, "recv(MSG_OOB): %zd octets, not octet %u", done, n);
}

static int do_passed(struct wire *w, const char *octets)
{
	uint32_t n;

	if (wire_text_u32(w, octets, &n))
		return -1;
	w->c.consumed += n;
	return 0;
}

static int do_ioctl(struct wire *w, unsigned long request, const char *want)
{
	uint32_t n;
	int got = -1;

	if (wire_text_u32(w, want, &n) || verdict(w, "ioctl", ioctl(w->c.fd, request, &got), NULL))
		return -1;
	return (uint32_t)got == n ? 0 : wire_fail(w, "ioctl gives %d, want %u", got, n);
}

static int do_err(struct wire *w, const char *want)
{
	int err = -1;
	socklen_t len = sizeof(err);

	if (verdict(w, "SO_ERROR", getsockopt(w->c.fd, SOL_SOCKET, SO_ERROR, &err, &len), NULL))
		return -1;
	if (err != errno_value(want))
		return wire_fail(w, "SO_ERROR is %s, want %s", wire_socket_errno_name(err), want);
	getsockopt(w->c.fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err ? wire_fail(w, "SO_ERROR reads twice") : 0;
}

static const char * const reasons[] = {
	[XTCP_ABORT_NONE] = "none", [XTCP_ABORT_RESET] = "reset", [XTCP_ABORT_ICMP] = "icmp",
	[XTCP_ABORT_TIMEOUT] = "timeout", [XTCP_ABORT_KEEPALIVE] = "keepalive",
	[XTCP_ABORT_LATE_DATA] = "late_data", [XTCP_ABORT_DISCONNECT] = "disconnect",
	[XTCP_ABORT_USER_TIMEOUT] = "user_timeout", [XTCP_ABORT_IDLE] = "idle",
	[XTCP_ABORT_HALF_CLOSED] = "half_closed", [XTCP_ABORT_USER_TIMEOUT_MS] = "user_timeout_ms",
	[XTCP_ABORT_KEEPALIVE_ALWAYS] = "keepalive_always",
};

static const char * const causes[] = {
	[XTCP_CAUSE_NONE] = "none", [XTCP_CAUSE_PEER] = "peer", [XTCP_CAUSE_PROGRAM] = "program",
	[XTCP_CAUSE_TIMER] = "timer", [XTCP_CAUSE_OPERATOR] = "operator", [XTCP_CAUSE_MEMORY] = "memory",
	[XTCP_CAUSE_NETWORK] = "network",
};

#define NAMED(names, value) ((value) < sizeof(names) / sizeof(*(names)) && (names)[value] ? (names)[value] : "?")

static int do_why(struct wire *w, char *args)
{
	char *next, *reason = strtok_r(args, " ", &next), *cause = strtok_r(NULL, " ", &next);
	char *flags = strtok_r(NULL, " ", &next), *error = strtok_r(NULL, " ", &next);
	char *code = strtok_r(NULL, " ", &next), *pen = strtok_r(NULL, " ", &next);
	struct xtcp_abort got = { .reserved = 1, .peer_code = 1, .reserved2 = 1, .peer_pen = 1 };
	socklen_t len = sizeof(got);
	int ret = getsockopt(w->c.fd, IPPROTO_TCP, XTCP_ABORT, &got, &len), want;

	if (w->stack == WIRE_KERNEL)
		return verdict(w, "XTCP_ABORT", ret, "ENOPROTOOPT");
	if (verdict(w, "XTCP_ABORT", ret, NULL))
		return -1;
	want = !error || !strcmp(error, "none") ? 0 : errno_value(error);
	if (!flags || len != sizeof(got) || got.reserved || strcmp(NAMED(reasons, got.reason), reason) ||
	    strcmp(NAMED(causes, got.cause), cause) || got.flags != wire_segment_flags(flags) ||
	    (int)got.error != want)
		return wire_fail(w, "XTCP_ABORT: reason %s, cause %s, flags %#x, error %u, %u octets",
				 NAMED(reasons, got.reason), NAMED(causes, got.cause), got.flags, got.error, len);
	if (got.reserved2 || got.peer_code != strtoul(code ? code : "0", NULL, 0) ||
	    got.peer_pen != strtoul(pen ? pen : "0", NULL, 0))
		return wire_fail(w, "XTCP_ABORT: the peer says %u, of %u", got.peer_code, got.peer_pen);
	return 0;
}

static int do_poll(struct wire *w, char *args)
{
	static const struct { const char *name; int bit; } bits[] = {
		{ "IN", POLLIN }, { "OUT", POLLOUT }, { "RDHUP", POLLRDHUP }, { "HUP", POLLHUP },
		{ "ERR", POLLERR }, { "PRI", POLLPRI },
	};
	struct pollfd p = { .fd = w->c.fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };
	char *next, *word, got[64] = "";
	int want = 0;

	for (word = strtok_r(args, " ", &next); word; word = strtok_r(NULL, " ", &next))
		for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
			if (!strcmp(bits[i].name, word))
				want |= bits[i].bit;
	poll(&p, 1, 0);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (p.revents & bits[i].bit)
			sprintf(got + strlen(got), " %s", bits[i].name);
	return p.revents == want ? 0 : wire_fail(w, "poll gives%s", got);
}

/* Edge-triggered: only what happens from here on counts. */
static int do_watch(struct wire *w)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };

	if (w->watch >= 0)
		close(w->watch);
	w->watch = epoll_create1(EPOLL_CLOEXEC);
	if (verdict(w, "watch", epoll_ctl(w->watch, EPOLL_CTL_ADD, w->c.fd, &event), NULL))
		return -1;
	return epoll_wait(w->watch, &event, 1, 0) ? wire_fail(w, "the socket is writable") : 0;
}

static int do_woken(struct wire *w)
{
	struct epoll_event event;

	return epoll_wait(w->watch, &event, 1, 0) == 1 ? 0 : wire_fail(w, "no writer was woken");
}

/* The error may come a moment before the end, and is counted under the lock, for which TCP_INFO waits. */
static int do_hup(struct wire *w, char *args)
{
	struct pollfd p = { .fd = w->c.fd };
	uint64_t end, ended, now;
	uint32_t ms;

	if (wire_text_u32(w, args, &ms))
		return -1;
	end = wire_now() + ms * 1000000ull;
	while (!(p.revents & POLLHUP)) {
		now = wire_now();
		if (now >= end || !wire_tun_wait(w, w->c.fd, 0, (end - now + 999999) / 1000000))
			return wire_fail(w, "the connection lives after %u ms", ms);
		poll(&p, 1, 0);
	}
	return option_field(w, "state", &ended);
}

int wire_socket_step(struct wire *w, char *verb, char *args)
{
	const char *first = *args ? args : NULL;

	if (!strcmp(verb, "socket"))
		return new_socket(w, &w->c.fd);
	if (!strcmp(verb, "listen"))
		return do_listen(w, first);
	if (!strcmp(verb, "bind"))
		return do_bind(w, first);
	if (!strcmp(verb, "user"))
		return do_user(w, first);
	if (!strcmp(verb, "device"))
		return do_device(w);
	if (!strcmp(verb, "connect"))
		return do_connect(w, args);
	if (!strcmp(verb, "disconnect"))
		return do_disconnect(w, first);
	if (!strcmp(verb, "accept"))
		return do_accept(w, first);
	if (!strncmp(verb, "md5", 3))
		return do_md5(w, verb, args);
	if (!strncmp(verb, "mkt", 3) || !strncmp(verb, "ao", 2)) {
		if (!strncmp(verb, "mkt", 3) && !strstr(verb, "listener") && new_socket(w, &w->c.fd))
			return -1;
		return wire_ao_step(w, verb, args);
	}
	if (!strcmp(verb, "fast"))
		return do_fast(w, args);
	if (!strcmp(verb, "waits"))
		return wire_waits_begin(w, args);
	if (!strcmp(verb, "waited"))
		return wire_waits_end(w, args);
	if (!strcmp(verb, "holds"))
		return wire_holds_begin(w, args);
	if (!strcmp(verb, "gives"))
		return wire_holds_end(w, args);
	if (!strcmp(verb, "write"))
		return do_write(w, args);
	if (!strcmp(verb, "read") || !strcmp(verb, "peek"))
		return do_read(w, args, *verb == 'p' ? MSG_PEEK : 0);
	if (!strcmp(verb, "urgent"))
		return do_urgent(w, args);
	if (!strcmp(verb, "passed"))
		return do_passed(w, args);
	if (!strcmp(verb, "atmark") || !strcmp(verb, "inq"))
		return do_ioctl(w, *verb == 'a' ? SIOCATMARK : FIONREAD, args);
	if (!strcmp(verb, "shut"))
		return verdict(w, verb, shutdown(w->c.fd, SHUT_WR), first);
	if (!strcmp(verb, "shutrd"))
		return verdict(w, verb, shutdown(w->c.fd, SHUT_RD), first);
	if (!strcmp(verb, "close") || !strcmp(verb, "abort"))
		return do_close(w, *verb == 'a');
	if (!strcmp(verb, "closelisten")) {
		close(w->c.lfd);
		w->c.lfd = -1;
		return 0;
	}
	if (!strcmp(verb, "set") || !strcmp(verb, "get") || !strcmp(verb, "info") || !strcmp(verb, "dctcp") ||
	    !strcmp(verb, "keep"))
		return option_step(w, verb, args);
	if (!strcmp(verb, "err"))
		return do_err(w, args);
	if (!strcmp(verb, "why"))
		return do_why(w, args);
	if (!strcmp(verb, "errqueue"))
		return error_queue(w, args);
	if (!strcmp(verb, "poll"))
		return do_poll(w, args);
	if (!strcmp(verb, "watch"))
		return do_watch(w);
	if (!strcmp(verb, "woken"))
		return do_woken(w);
	if (!strcmp(verb, "hup"))
		return do_hup(w, args);
	return wire_fail(w, "no step '%s'", verb);
}

void wire_socket_cleanup(struct wire *w)
{
	struct wire_conn *c = &w->c;

	wire_waits_cleanup(w);
	wire_holds_cleanup(w);
	wire_traced_cleanup();
	if (c->fd >= 0)
		do_close(w, true);
	if (w->other.fd >= 0)
		close(w->other.fd);
	w->other.fd = -1;
	if (c->lfd >= 0)
		close(c->lfd);
	c->lfd = -1;
	if (w->watch >= 0)
		close(w->watch);
	w->watch = -1;
}
