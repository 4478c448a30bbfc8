/* SPDX-License-Identifier: GPL-2.0 */
/* The names of both ends of a connection. Pure. */
#ifndef XTCP_TUPLE_H
#define XTCP_TUPLE_H

#include <linux/in6.h>
#include <linux/types.h>

/**
 * struct xtcp_tuple - the names of both ends, seen from here
 * @laddr: local address; IPv4 as v4-mapped
 * @faddr: foreign address; IPv4 as v4-mapped
 * @lport: local port
 * @fport: foreign port
 */
struct xtcp_tuple {
	struct in6_addr laddr;
	struct in6_addr faddr;
	__be16 lport;
	__be16 fport;
};

#endif /* XTCP_TUPLE_H */
