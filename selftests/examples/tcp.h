/* SPDX-License-Identifier: GPL-2.0 */
/* What the examples share: which stack, opening both ends, and writing all of something. */
#ifndef TCP_H
#define TCP_H

#include <stddef.h>

void tcp_options(int *argc, char ***argv);		/* takes -x away, which asks for xtcp */
int tcp_listen(const char *port);			/* IPv4 and IPv6 */
int tcp_connect(const char *host, const char *port);
int write_all(int fd, const void *data, size_t len);	/* 0, or -1 with errno */

#endif
