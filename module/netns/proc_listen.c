// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/xtcp_listen shows the two queues of each listener: their present and largest lengths,
 * and how many SYNs and ACKs they have refused since listen().
 *
 * The limit is the same for both queues. As in Linux, each queue takes one entry or child more than
 * the limit.
 *
 * /proc/net/xtcp_aborts has a line for each listener and reason: how many connections of the
 * listener were aborted for this reason since listen(). The number includes connections that
 * accept() has not returned, and children from an earlier listen() of the same socket.
 */
#include "netns/proc_listen.h"

#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/user_namespace.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "base/net.h"
#include "compat.h"
#include "listen/listen.h"
#include "lookup/lookup.h"
#include "sight/trace.h"
#include "socket/socket.h"

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

static struct xtcp_listener_stats stats_of(const struct xtcp_listener *listener)
{
	const struct xtcp_listener_stats *of_cpu;
	struct xtcp_listener_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		of_cpu = per_cpu_ptr(listener->stats, cpu);
		sum.overflows += READ_ONCE(of_cpu->overflows);
		sum.declined += READ_ONCE(of_cpu->declined);
		sum.cookies_sent += READ_ONCE(of_cpu->cookies_sent);
		sum.cookies_recv += READ_ONCE(of_cpu->cookies_recv);
	}
	return sum;
}

static void show_queues(struct seq_file *m, struct sock *sk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(sk);
	struct xtcp_listener_stats stats;
	char address[ADDRESS_LEN];

	if (!listener)
		return;
	stats = stats_of(listener);
	print_address(sk, address, sizeof(address));
	seq_printf(m, "%-29s %5u %10u %11u %7u %8u %9u %8u %12u %12u %5u %lu %u\n", address,
		   READ_ONCE(listener->accept_max), READ_ONCE(listener->accept_len), READ_ONCE(listener->accept_peak),
		   READ_ONCE(listener->synq.len), READ_ONCE(listener->synq.peak),
		   stats.overflows, stats.declined, stats.cookies_sent, stats.cookies_recv,
		   from_kuid_munged(seq_user_ns(m), xtcp_compat_uid(sk)), (unsigned long)sock_i_ino(sk),
		   READ_ONCE(listener->somaxconn));
}

/*
 * *@pos is 0 for the heading, otherwise the listener's number plus one. A listener that stops
 * before show_line() runs is not shown.
 */
static void *look_up_listener(struct seq_file *m, loff_t *pos)
{
	struct xtcp_net *xn = xtcp_net(seq_file_net(m));
	unsigned long number = *pos - 1;
	bool found;

	if (!*pos)
		return SEQ_START_TOKEN;
	if (!xtcp_netns_is_started(xn))
		return NULL;
	rcu_read_lock();
	found = xtcp_listeners_from(xn, &number);
	rcu_read_unlock();
	if (!found)
		return NULL;
	*pos = number + 1;
	/*
	 * pass on the listener's number, since a pointer to the listener would need a reference.
	 * Add 2: 0 would be the end, and 1 is SEQ_START_TOKEN
	 */
	return (void *)(number + 2);
}

static void *next_listener(struct seq_file *m, void *v, loff_t *pos)
{
	cond_resched();
	++*pos;
	return look_up_listener(m, pos);
}

static void stop_listening(struct seq_file *m, void *v)
{
}

/* Shows the listener whose number look_up_listener() has given. */
static int show_listener_at(struct seq_file *m, void *v, void (*show)(struct seq_file *m, struct sock *sk))
{
	unsigned long number = (unsigned long)v - 2, found = number;
	struct sock *sk;

	rcu_read_lock();
	sk = xtcp_listeners_from(xtcp_net(seq_file_net(m)), &found);
	if (sk && found == number)
		show(m, sk);
	rcu_read_unlock();
	return 0;
}

static int show_line(struct seq_file *m, void *v)
{
	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "%-29s limit accept_len accept_peak syn_len syn_peak overflows declined cookies_sent",
			   "local_address");
		seq_puts(m, " cookies_recv   uid inode somaxconn\n");
		return 0;
	}
	return show_listener_at(m, v, show_queues);
}

const struct seq_operations xtcp_proc_listen_ops = {
	.start = look_up_listener,
	.next = next_listener,
	.stop = stop_listening,
	.show = show_line,
};

#define ABORT_WORD(reason, text) \
	[reason] = text,

static const char * const abort_words[] = { XTCP_ABORT_REASONS(ABORT_WORD, ABORT_WORD) };

static_assert(ARRAY_SIZE(abort_words) == XTCP_ABORT_MAX + 1);

static void show_aborts_of(struct seq_file *m, struct sock *sk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(sk);
	char address[ADDRESS_LEN];
	u32 count;
	int i;

	if (!listener)
		return;
	print_address(sk, address, sizeof(address));
	for (i = 0; i <= XTCP_ABORT_MAX; i++) {
		count = atomic_read(&listener->aborts[i]);
		if (count)
			seq_printf(m, "%-29s %5u %lu %s %u\n", address,
				   from_kuid_munged(seq_user_ns(m), xtcp_compat_uid(sk)),
				   (unsigned long)sock_i_ino(sk), abort_words[i], count);
	}
}

static int show_aborts(struct seq_file *m, void *v)
{
	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "%-29s   uid inode reason connections\n", "local_address");
		return 0;
	}
	return show_listener_at(m, v, show_aborts_of);
}

const struct seq_operations xtcp_proc_aborts_ops = {
	.start = look_up_listener,
	.next = next_listener,
	.stop = stop_listening,
	.show = show_aborts,
};
