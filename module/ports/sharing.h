/* SPDX-License-Identifier: GPL-2.0 */
/* Decides which leases and socks may share a port. */
#ifndef XTCP_SHARING_H
#define XTCP_SHARING_H

#include <linux/types.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>

struct sock;
struct xtcp_lease;

/* Lock of the port held, any context. */
bool xtcp_sharing_move(struct xtcp_lease *lease, const struct sock *sk, int dev);
int xtcp_sharing_bind(struct xtcp_lease *lease, const struct sock *sk, u16 port);
int xtcp_sharing_listen(struct xtcp_lease *lease, const struct sock *sk);
void xtcp_sharing_leave(struct xtcp_lease *lease);

/* Kernel TCP's bind table of a namespace. */
static inline struct inet_hashinfo *xtcp_sharing_table(const struct sock *sk)
{
	return sock_net(sk)->ipv4.tcp_death_row.hashinfo;
}

/*
 * The chain of a port in kernel TCP's table by port. Its lock is taken before the locks of other
 * chains.
 */
static inline struct inet_bind_hashbucket *xtcp_sharing_port_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = xtcp_sharing_table(sk);

	return &table->bhash[inet_bhashfn(sock_net(sk), port, table->bhash_size)];
}

/*
 * The chain of @port with the wildcard address, in kernel TCP's table by port and address (bhash2).
 * Both address families use this chain.
 */
static inline struct inet_bind_hashbucket *xtcp_sharing_wildcard_chain(const struct sock *sk, u16 port)
{
	struct inet_hashinfo *table = xtcp_sharing_table(sk);

	return &table->bhash2[ipv4_portaddr_hash(sock_net(sk), htonl(INADDR_ANY), port) & (table->bhash_size - 1)];
}

#endif /* XTCP_SHARING_H */
