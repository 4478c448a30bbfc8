/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What a program needs to open xtcp sockets. Everything else is the TCP socket API. */
#ifndef _UAPI_LINUX_XTCP_H
#define _UAPI_LINUX_XTCP_H

/*
 * An address family number without an owner (it was AF_WANPIPE). The module parameter "family"
 * changes it. A module built under another name has another default.
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

#endif /* _UAPI_LINUX_XTCP_H */
