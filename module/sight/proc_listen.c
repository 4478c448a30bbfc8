// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/xtcp_listen: both queues of each listener, how full they are and were, whom they refused since listen().
 *
 * The limit is that of either queue; as in Linux each holds one more.
 */
#include "sight/proc_listen.h"

#include <linux/seq_file.h>
#include <linux/user_namespace.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/netns.h"
#include "base/sock.h"
#include "listen/listener.h"
#include "lookup/listeners.h"
#include "socket/listen.h"

#define ADDRESS_LEN	sizeof("[0000:0000:0000:0000:0000:ffff:192.168.100.200]:65535")

static void print_address(const struct sock *sk, char *to, size_t size)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		snprintf(to, size, "[%pI6c]:%u", &sk->sk_v6_rcv_saddr, sk->sk_num);
		return;
	}
#endif
	snprintf(to, size, "%pI4:%u", &sk->sk_rcv_saddr, sk->sk_num);
}

static void show_queues(struct seq_file *m, struct sock *sk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(sk);
	char address[ADDRESS_LEN];

	if (!listener)
		return;
	print_address(sk, address, sizeof(address));
	seq_printf(m, "%-29s %5u %10u %11u %7u %8u %9u %8u %12u %12u %5u %lu\n", address,
		   READ_ONCE(listener->accept_max), READ_ONCE(listener->accept_len), READ_ONCE(listener->accept_peak),
		   READ_ONCE(listener->synq.len), READ_ONCE(listener->synq.peak),
		   atomic_read(&listener->stats.overflows), atomic_read(&listener->stats.declined),
		   atomic_read(&listener->stats.cookies_sent), atomic_read(&listener->stats.cookies_recv),
		   from_kuid_munged(seq_user_ns(m), sock_i_uid(sk)), sock_i_ino(sk));
}

/**
 * xtcp_proc_listen_show() - show of a file made by proc_create_net_single()
 * @m: the file
 * @v: unused
 *
 * Context: process.
 *
 * Return: 0.
 */
int xtcp_proc_listen_show(struct seq_file *m, void *v)
{
	struct xtcp_net *xn = xtcp_net(m->private);
	unsigned long number;
	struct sock *sk;

	seq_printf(m, "%-29s limit accept_len accept_peak syn_len syn_peak overflows declined cookies_sent cookies_recv",
		   "local_address");
	seq_puts(m, "   uid inode\n");
	if (!xtcp_netns_is_started(xn))
		return 0;
	rcu_read_lock();
	for (number = 0; !seq_has_overflowed(m) && (sk = xtcp_listeners_from(xn, &number)); number++)
		show_queues(m, sk);
	rcu_read_unlock();
	return 0;
}
