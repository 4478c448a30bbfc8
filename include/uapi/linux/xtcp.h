/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface for programs that open, list or change xtcp sockets, or that change the rules for
 * new connections; and the socket options that other TCPs do not have. For everything else, the API
 * of TCP sockets applies.
 */
#ifndef _UAPI_LINUX_XTCP_H
#define _UAPI_LINUX_XTCP_H

/*
 * The address family of xtcp: a number that Linux does not use any more (it was AF_WANPIPE). The
 * module parameter "family" changes it. A module that was built under another name has another
 * default.
 */
#ifndef AF_XTCP
#define AF_XTCP			25
#endif
#define PF_XTCP			AF_XTCP

/*
 * The third argument of socket(AF_XTCP, SOCK_STREAM, ...). IPPROTO_TCP is accepted for IPv4 as
 * well.
 */
#define XTCPPROTO_IPV4		0
#define XTCPPROTO_IPV6		1

/*
 * socket(AF_INET or AF_INET6, SOCK_STREAM, IPPROTO_XTCP) makes the same sockets, where the module parameter
 * "protocol", 0 by default, is this number: none of Linux, and below its IPPROTO_MAX.
 */
#define IPPROTO_XTCP		261

/*
 * getsockopt(fd, IPPROTO_TCP, XTCP_ABORT, ...) fills a struct xtcp_abort. It says why the
 * connection ended, unless it ended by both FINs. A program can ask at any time, and more than
 * once. The answer stays until a connect() sends the next SYN, or until listen(). After connect()
 * to AF_UNSPEC, error is ECONNRESET, or 0 if both ends had sent a FIN before. On a socket of kernel
 * TCP the call fails with ENOPROTOOPT.
 */
#define XTCP_ABORT		2500

/*
 * getsockopt(fd, IPPROTO_TCP, XTCP_KEYS, ...) returns an int: how many keys of TCP_MD5SIG and of
 * TCP-AO the socket has. No call returns the keys of TCP_MD5SIG themselves. On a socket of kernel
 * TCP the call fails with ENOPROTOOPT.
 */
#define XTCP_KEYS		2501

/*
 * setsockopt(fd, IPPROTO_TCP, XTCP_ZEROCOPY, ...) sets SO_ZEROCOPY of SOL_SOCKET, an int, 0 or 1.
 * It works on all kernels, but is needed only on those before Linux 6.5, where SO_ZEROCOPY itself
 * fails with EOPNOTSUPP on these sockets. On a socket of kernel TCP the call fails with
 * ENOPROTOOPT.
 */
#define XTCP_ZEROCOPY		2502

/*
 * setsockopt(fd, IPPROTO_TCP, XTCP_ACK_RATE, ...) says for how many full segments the peer shall
 * send one ACK: an int from 1 to 127; 0, the default: the peer is not asked. The peer is asked if
 * both ends know the ACK Rate Request option (net.xtcp.ack_rate_request). Accepted sockets inherit
 * the value if their connection has the option. Errors: EINVAL, another value; ENOMEM. On a socket
 * of kernel TCP the call fails with ENOPROTOOPT.
 */
#define XTCP_ACK_RATE		2503

/*
 * setsockopt(fd, IPPROTO_TCP, XTCP_IDLE_MS or XTCP_HALF_CLOSED_MS, ...) sets for one socket what
 * net.xtcp.idle_ms and half_closed_ms set for a namespace: an int, milliseconds; 0, the default:
 * no limit of the socket's own. If both are set, the smaller value counts; getsockopt() returns the
 * value that counts. If the connection has already been without data for longer than a new value,
 * it ends at once with a RST. Accepted sockets inherit the value. Errors: EINVAL, a negative value;
 * ENOMEM. On a socket of kernel TCP the call fails with ENOPROTOOPT.
 */
#define XTCP_IDLE_MS		2504
#define XTCP_HALF_CLOSED_MS	2505

/*
 * setsockopt(fd, IPPROTO_TCP, XTCP_TAKE_OVER, ...) takes over a listening socket of another build of
 * the module. The value is a descriptor of it, an int. fd is bound to the same place: the address, port and
 * device, and IPV6_V6ONLY; bind() gets it with TCP_REPAIR. It gets the keys, the filter and the backlog of
 * the other one, and listens. The two descriptors exchange what is behind them. The program that listens
 * goes on: accept() gets what the other build still completes, until fd is closed, and then the connections
 * of this build. The socket keeps the other build loaded, for calls that have begun before. When fd is closed
 * and the program is in no such call, XTCP_TAKE_OVER with -1, on the program's socket, ends that. Errors:
 * EPERM, no administrator of the machine (CAP_NET_ADMIN); EINVAL, no such sockets; EAGAIN, a call of a
 * program has one of them, perhaps for ever; EOPNOTSUPP, the other one has an IPsec policy of its own; EBUSY,
 * it is followed or follows; with -1 fd is not closed; ENOENT, with -1: it follows none; EBADF, ENOTSOCK,
 * ENOMEM; or an error of setting a key. After those of keys and memory close fd: it may have keys, filter, cgroup
 * and security label of the other one.
 */
#define XTCP_TAKE_OVER		2506

/*
 * getsockopt(fd, IPPROTO_TCP, XTCP_BUILD, ...) returns the name of the module that has the socket, with
 * its 0. On a socket of kernel TCP the call fails with ENOPROTOOPT.
 */
#define XTCP_BUILD		2507

/*
 * sock_diag lists these sockets. A request is SOCK_DIAG_BY_FAMILY with a struct inet_diag_req_v2:
 * sdiag_family is AF_XTCP, and sdiag_protocol is XTCPPROTO_IPV4 or XTCPPROTO_IPV6. Answers are
 * those of inet_diag. A request may have two attributes that inet_diag does not know.
 * XTCP_DIAG_REQ_UID (32 bits) asks only for the sockets of this user. XTCP_DIAG_REQ_COOKIE (64
 * bits) asks only for the socket with this cookie.
 */
#define XTCP_DIAG_REQ_UID	2500
#define XTCP_DIAG_REQ_COOKIE	2501

/*
 * An answer has this attribute, a struct xtcp_abort, if the program has the socket open and its
 * connection has ended, but not by both FINs. Such a socket is listed in the state TCP_CLOSE, until
 * close() or connect() to AF_UNSPEC.
 */
#define XTCP_DIAG_ABORT		2500

/*
 * An answer with INET_DIAG_INFO has this attribute, a struct xtcp_ack_rate, if both ends of a
 * connection that has not ended know the ACK Rate Request option.
 */
#define XTCP_DIAG_ACK_RATE	2501

/*
 * An answer with INET_DIAG_INFO has this attribute, without a value, if the last write went straight
 * into the receive queue of a peer on this machine (net.xtcp.local).
 */
#define XTCP_DIAG_LOCAL		2502

/*
 * An administrator can change a live connection by XTCP_CMD_SET, a command of generic netlink. The
 * family has the module's name. The sender needs CAP_NET_ADMIN in the network namespace. A request
 * names a connection by XTCP_SET_PROTOCOL and XTCP_SET_ID, as sock_diag has listed it, with its
 * cookie. The other attributes are the new values: either all of them are set or none. Errors:
 * ESRCH, there is no such connection; EBUSY, a program uses the socket at this moment; EOPNOTSUPP,
 * the connection cannot be changed in this state; ENOENT, unknown congestion control; ENOBUFS, no
 * memory or no room (blackbox_mem) for a black box; ERANGE and EINVAL, a value is not allowed;
 * EPERM, the sender has no such right.
 */
#define XTCP_GENL_VERSION	1

enum xtcp_cmd {
	XTCP_CMD_UNSPEC,
	XTCP_CMD_SET,
	XTCP_CMD_POLICY_ADD,
	XTCP_CMD_POLICY_DEL,
	XTCP_CMD_POLICY_REPLACE,
	XTCP_CMD_PATHS_FLUSH,
	XTCP_CMD_PATHS_ADD,
};

#define XTCP_CMD_MAX	XTCP_CMD_PATHS_ADD

enum xtcp_set_attribute {
	XTCP_SET_UNSPEC,
	XTCP_SET_PROTOCOL,	/* 8 bits: XTCPPROTO_IPV4 or XTCPPROTO_IPV6 */
	XTCP_SET_ID,		/* struct inet_diag_sockid */
	XTCP_SET_CONGESTION,	/* TCP_CONGESTION: a string */
	XTCP_SET_MAX_PACING_RATE, /* SO_MAX_PACING_RATE: 64 bits, octets per second; ~0: no limit */
	XTCP_SET_USER_TIMEOUT,	/* TCP_USER_TIMEOUT: 32 bits, ms; 0: the namespace's value */
	XTCP_SET_KEEPALIVE,	/* SO_KEEPALIVE: 8 bits, 0 or 1 */
	XTCP_SET_KEEPIDLE,	/* TCP_KEEPIDLE: 32 bits, seconds */
	XTCP_SET_BLACKBOX,	/* 8 bits; 1: the connection gets a black box; 0: its box is freed */
};

#define XTCP_SET_MAX	XTCP_SET_BLACKBOX

/*
 * XTCP_CMD_PATHS_FLUSH makes a network namespace forget what Careful Resume has saved about paths,
 * which /proc/net/xtcp_paths lists. The request has no attributes. XTCP_CMD_PATHS_ADD adds what
 * another build has saved, an attribute XTCP_PATHS_PATH, unless that is older than what is known of
 * the path, or too old. Errors: EINVAL, the request has other attributes, or the path no window;
 * EPERM, the sender has no CAP_NET_ADMIN in the namespace.
 */
enum xtcp_paths_attribute {
	XTCP_PATHS_UNSPEC,
	XTCP_PATHS_PATH,	/* struct xtcp_path */
};

/* Addresses of IPv4 are mapped (::ffff:a.b.c.d). */
struct xtcp_path {
	unsigned char from[16];	/* the local address */
	unsigned char to[16];	/* the foreign address */
	unsigned int ifindex;	/* of the device towards it */
	unsigned int cwnd;	/* octets, not 0 */
	unsigned int rtt_us;	/* microseconds */
	unsigned int age;	/* seconds */
};

/*
 * The policy table of a network namespace has rules for new connections. Three commands of the same
 * family change the table, for a sender with CAP_NET_ADMIN in the namespace; each request is
 * carried out as a whole or not at all. XTCP_CMD_POLICY_ADD adds rules. XTCP_CMD_POLICY_DEL deletes
 * the rules whose keys it names. XTCP_CMD_POLICY_REPLACE deletes all rules and adds its own. A
 * request has any number of attributes XTCP_POLICY_RULE, each a nest of enum xtcp_rule_attribute.
 * The address, the ports and the cgroup in the nest are the key; if one of them is missing, the key
 * matches any value of it. The other attributes are the values that the rule sets.
 * /proc/net/xtcp_policy lists the rules. Errors: EEXIST, the key has a rule already, or comes
 * twice; ENOENT, no rule has the key, or there is no such congestion control or cgroup; EBUSY,
 * another request changes the table at this moment; EOPNOTSUPP, the kernel has no cgroups for
 * sockets; ENOSPC, too many rules; E2BIG, too many kinds of keys; EINVAL and ERANGE, a value is not
 * allowed, or an attribute comes twice in a nest; EPERM, the sender has no such right; ENOMEM.
 */
enum xtcp_policy_attribute {
	XTCP_POLICY_UNSPEC,
	XTCP_POLICY_RULE,
};

enum xtcp_rule_attribute {
	XTCP_RULE_UNSPEC,
	XTCP_RULE_TO,		/* prefix of the foreign address: 4 or 16 octets */
	XTCP_RULE_TO_LEN,	/* how many bits the prefix has: 8 bits; needs XTCP_RULE_TO */
	XTCP_RULE_DPORT,	/* foreign port: 16 bits, host order, not 0 */
	XTCP_RULE_SPORT,	/* local port: 16 bits, host order, not 0 */
	XTCP_RULE_CONGESTION,	/* TCP_CONGESTION: a string */
	XTCP_RULE_INITCWND,	/* initial window: 8 bits, segments, not 0 */
	XTCP_RULE_MAX_PACING_RATE, /* SO_MAX_PACING_RATE: 64 bits, octets per second, not 0 */
	XTCP_RULE_RTO_MIN_US,	/* TCP_RTO_MIN_US: 32 bits, from two ticks to 200 ms */
	XTCP_RULE_RTO_MAX_MS,	/* TCP_RTO_MAX_MS: 32 bits, from 1,000 to 120,000 */
	XTCP_RULE_DELACK_MAX_US, /* TCP_DELACK_MAX_US: 32 bits, from two ticks to 200 ms */
	XTCP_RULE_USER_TIMEOUT,	/* TCP_USER_TIMEOUT: 32 bits, ms, from 1 to 2^31 - 1 */
	XTCP_RULE_KEEPALIVE,	/* SO_KEEPALIVE: 8 bits, always 1 */
	XTCP_RULE_KEEPIDLE,	/* TCP_KEEPIDLE: 32 bits, seconds, from 1 to 32,767 */
	XTCP_RULE_KEEPINTVL,	/* TCP_KEEPINTVL: 32 bits, seconds, from 1 to 32,767 */
	XTCP_RULE_KEEPCNT,	/* TCP_KEEPCNT: 8 bits, from 1 to 127 */
	XTCP_RULE_CGROUP,	/* key: the id of a cgroup of version 2: 64 bits; also matches cgroups below it */
	XTCP_RULE_BLACKBOX,	/* 8 bits; 1: the connection gets a black box; 0: it gets none */
};

#define XTCP_RULE_MAX	XTCP_RULE_BLACKBOX

/*
 * Why a connection ended. New reasons come at the end. The program, XTCP_CMD_SET or a rule
 * (XTCP_CMD_POLICY_ADD) may have set TCP_USER_TIMEOUT and SO_KEEPALIVE.
 */
enum xtcp_abort_reason {
	XTCP_ABORT_NONE,	/* the connection lives, or ended by both FINs; or there was none */
	XTCP_ABORT_RESET,	/* the peer reset or refused the connection */
	XTCP_ABORT_ICMP,	/* an ICMP error came before the connection was established */
	XTCP_ABORT_TIMEOUT,	/* no ACK came for too long */
	XTCP_ABORT_KEEPALIVE,	/* too many keepalive probes were not answered */
	XTCP_ABORT_UNREAD,	/* the program closed the socket and had not read all data */
	XTCP_ABORT_LATE_DATA,	/* data came after the program had stopped reading */
	XTCP_ABORT_LINGER,	/* the program closed the socket with SO_LINGER of zero seconds */
	XTCP_ABORT_LINGER2,	/* the orphan reached FIN-WAIT-2, and TCP_LINGER2 is negative */
	XTCP_ABORT_ORPHANS,	/* there were too many orphans */
	XTCP_ABORT_LISTENER,	/* the listener ended before accept() */
	XTCP_ABORT_DISCONNECT,	/* the program called connect() to AF_UNSPEC */
	XTCP_ABORT_KILLED,	/* an administrator ended the connection (ss -K) */
	XTCP_ABORT_NETNS,	/* the namespace or the module ended */
	XTCP_ABORT_USER_TIMEOUT, /* no ACK came within TCP_USER_TIMEOUT */
	XTCP_ABORT_IDLE,	/* no data came or went for net.xtcp.idle_ms or XTCP_IDLE_MS */
	XTCP_ABORT_HALF_CLOSED,	/* the same for a half-closed connection, by half_closed_ms */
	XTCP_ABORT_USER_TIMEOUT_MS, /* the same by net.xtcp.user_timeout_ms, without TCP_USER_TIMEOUT */
	XTCP_ABORT_KEEPALIVE_ALWAYS, /* as KEEPALIVE, by net.xtcp.keepalive_always, without SO_KEEPALIVE */
};

#define XTCP_ABORT_MAX	XTCP_ABORT_KEEPALIVE_ALWAYS

/* Who or what caused the end of a connection. */
enum xtcp_abort_cause {
	XTCP_CAUSE_NONE,
	XTCP_CAUSE_PEER,
	XTCP_CAUSE_PROGRAM,
	XTCP_CAUSE_TIMER,
	XTCP_CAUSE_OPERATOR,
	XTCP_CAUSE_MEMORY,	/* a limit was reached */
	XTCP_CAUSE_NETWORK,
};

/*
 * New fields come at the end: getsockopt() copies as much as there is room for, and says how much
 * that was. The types are those of C, so that this file needs no other header of the kernel: a
 * system with musl may have none.
 *
 * peer_code and peer_pen are what the peer's RST said about its reason
 * (draft-ietf-tcpm-rst-diagnostic-payload-03). If peer_pen is 0, the code is one of IANA's "TCP
 * Failure Causes", otherwise a code of that private enterprise. Do not trust these values: the peer
 * may lie, and an attacker may forge a RST.
 */
struct xtcp_abort {
	unsigned char reason;	/* enum xtcp_abort_reason */
	unsigned char cause;	/* enum xtcp_abort_cause */
	unsigned char flags;	/* control bits of the last acceptable segment: FIN 1, SYN 2, RST 4 ... */
	unsigned char reserved;	/* 0 */
	unsigned int error;	/* the errno that the program got; reading SO_ERROR does not clear it */
	unsigned short peer_code; /* the reason code of the peer's RST; 0: it had none, or no RST came */
	unsigned short reserved2; /* 0 */
	unsigned int peer_pen;	/* the private enterprise number that belongs to peer_code */
};

/* For how many full segments there is one ACK. 0: nobody has asked, so there is one for two. */
struct xtcp_ack_rate {
	unsigned char asked;	/* what this end has asked its peer for, by the last request that it sent */
	unsigned char given;	/* what the peer has asked this end for */
	unsigned short reserved; /* 0 */
};

#endif /* _UAPI_LINUX_XTCP_H */
