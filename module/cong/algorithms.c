// SPDX-License-Identifier: GPL-2.0
/*
 * The congestion controls: which there are, who may use which, and which one a sock has.
 *
 * The list is made by Kbuild from the names of the files. Who may use what is Linux's rule: an algorithm is allowed in
 * all namespaces or in none; one that is not, only an administrator of the namespace can have. At first NewReno and the
 * default are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "cong/algorithms.h"

#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/inet_diag.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <net/tcp.h>

#include "base/netns.h"
#include "base/sock.h"
#include "base/stream.h"
#include "cong/cong.h"

#define DEFAULT_ALGORITHM	"cubic"

static const struct xtcp_cong_ops * const algorithms[] = { XTCP_ALGORITHMS };

static DEFINE_SPINLOCK(allowed_lock);	/* guards changes of the next one */
static DECLARE_BITMAP(allowed, ARRAY_SIZE(algorithms));

/* Its place in the list, or -1. */
static int find_algorithm(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (!strcmp(algorithms[i]->name, name))
			return i;
	return -1;
}

/* A name has to fit into TCP_CONGESTION and into a list with spaces between. */
static bool is_sound(const struct xtcp_cong_ops *ops)
{
	const char *c;

	if (!ops->name || !*ops->name || strlen(ops->name) >= TCP_CA_NAME_MAX || !(ops->acked || ops->control) ||
	    !ops->ssthresh)
		return false;
	for (c = ops->name; *c; c++)
		if (!isgraph(*c))
			return false;
	return true;
}

/**
 * xtcp_algorithms_init() - look at what Kbuild found
 *
 * Context: process, module init.
 *
 * Return: 0; -EINVAL when one has no usable name or lacks what it must have; -EBUSY when two have the same name.
 */
int xtcp_algorithms_init(void)
{
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(algorithms) * TCP_CA_NAME_MAX > XTCP_ALGORITHMS_TEXT);
	for (i = 0; i < ARRAY_SIZE(algorithms); i++) {
		if (!is_sound(algorithms[i])) {
			pr_err("congestion control %d has no name of 1 to %d characters, no acked or no ssthresh\n",
			       i, TCP_CA_NAME_MAX - 1);
			return -EINVAL;
		}
		if (find_algorithm(algorithms[i]->name) != i) {
			pr_err("two congestion controls have the name '%s'\n", algorithms[i]->name);
			return -EBUSY;
		}
	}
	__set_bit(0, allowed);	/* NewReno */
	i = find_algorithm(DEFAULT_ALGORITHM);
	if (i >= 0)
		__set_bit(i, allowed);
	return 0;
}

/**
 * xtcp_algorithms_inherited() - the default of a namespace that begins
 * @xn: the namespace
 *
 * Context: process.
 *
 * Return: what the first namespace has now; for that one what is built in as the default.
 */
const struct xtcp_cong_ops *xtcp_algorithms_inherited(const struct xtcp_net *xn)
{
	int i;

	if (!net_eq(xn->net, &init_net))
		return READ_ONCE(xtcp_net(&init_net)->sysctl.congestion_control);
	i = find_algorithm(DEFAULT_ALGORITHM);
	return algorithms[i < 0 ? 0 : i];
}

/**
 * xtcp_algorithms_set_default() - net.xtcp.congestion_control is written
 * @xn: the namespace
 * @name: of the algorithm
 *
 * Context: process.
 *
 * Return: 0, -ENOENT; -EPERM when it is not allowed, but for the first namespace, where it is from now on.
 */
int xtcp_algorithms_set_default(struct xtcp_net *xn, const char *name)
{
	int i = find_algorithm(name), err = 0;

	if (i < 0)
		return -ENOENT;
	spin_lock(&allowed_lock);
	if (net_eq(xn->net, &init_net))
		set_bit(i, allowed);
	else if (!test_bit(i, allowed))
		err = -EPERM;
	if (!err)
		WRITE_ONCE(xn->sysctl.congestion_control, algorithms[i]);
	spin_unlock(&allowed_lock);
	return err;
}

/**
 * xtcp_algorithms_list() - the names of the algorithms
 * @text: where they go, with spaces between
 * @size: its size, %XTCP_ALGORITHMS_TEXT
 * @allowed_only: those that need no administrator
 *
 * Context: any.
 */
void xtcp_algorithms_list(char *text, size_t size, bool allowed_only)
{
	size_t used = 0;
	int i;

	*text = 0;
	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (!allowed_only || test_bit(i, allowed))
			used += scnprintf(text + used, size - used, used ? " %s" : "%s", algorithms[i]->name);
}

/**
 * xtcp_algorithms_allow() - net.xtcp.allowed_congestion_control is written
 * @names: with one space between; cut up here. As in Linux the list ends at the first empty name
 *
 * Context: process.
 *
 * Return: 0; -ENOENT when one is unknown, and nothing has changed.
 */
int xtcp_algorithms_allow(char *names)
{
	DECLARE_BITMAP(wanted, ARRAY_SIZE(algorithms));
	const char *name;
	int i;

	bitmap_zero(wanted, ARRAY_SIZE(algorithms));
	while ((name = strsep(&names, " ")) && *name) {
		i = find_algorithm(name);
		if (i < 0)
			return -ENOENT;
		__set_bit(i, wanted);
	}
	spin_lock(&allowed_lock);
	bitmap_copy(allowed, wanted, ARRAY_SIZE(algorithms));
	spin_unlock(&allowed_lock);
	return 0;
}

/**
 * xtcp_algorithms_assign() - the namespace's default is the algorithm
 * @sk: new, or the child of a listener for which none was chosen
 *
 * Context: softirq or process. Nobody else has @sk yet, or the socket lock is held.
 */
void xtcp_algorithms_assign(struct sock *sk)
{
	WRITE_ONCE(xtcp_sk(sk)->algorithm, READ_ONCE(xtcp_net_of(sk)->sysctl.congestion_control));
}

/* Has the algorithm something of its own? */
static bool has_begun(const struct xtcp_sock *xsk)
{
	return xsk->cong.started && xtcp_stream_is_there(xsk->stream);
}

/**
 * xtcp_algorithms_choose() - TCP_CONGESTION is set
 * @sk: in any state
 * @name: of the algorithm
 * @administrator: the caller has CAP_NET_ADMIN in the namespace
 *
 * A connection that lives goes on with the windows it has. As in Linux, choosing what the sock has already needs no
 * permission.
 *
 * Context: process. Lock: socket, held.
 *
 * Return: 0, -ENOENT, -EPERM.
 */
int xtcp_algorithms_choose(struct sock *sk, const char *name, bool administrator)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	int i = find_algorithm(name);
	const bool live = xsk->cong.started;

	sock_owned_by_me(sk);
	if (i < 0)
		return -ENOENT;
	if (algorithms[i] != xsk->algorithm) {
		if (!test_bit(i, allowed) && !administrator)
			return -EPERM;
		xtcp_algorithms_end(sk);
		/* getsockopt() reads it without the lock */
		WRITE_ONCE(xsk->algorithm, algorithms[i]);
		if (live)
			xtcp_algorithms_start(sk);
	}
	xsk->algorithm_chosen = true;
	return 0;
}

/**
 * xtcp_algorithms_info() - TCP_CC_INFO
 * @sk: in any state
 * @info: filled, as far as the algorithm has something to tell
 *
 * Context: process. Takes the socket lock.
 *
 * Return: octets of @info; 0: it tells nothing.
 */
size_t xtcp_algorithms_info(struct sock *sk, union tcp_cc_info *info)
{
	size_t len = 0;

	memset(info, 0, sizeof(*info));
	lock_sock(sk);
	if (xtcp_sk(sk)->algorithm->info && has_begun(xtcp_sk(sk)))
		len = xtcp_sk(sk)->algorithm->info(sk, info);
	release_sock(sk);
	return len;
}

/**
 * xtcp_algorithms_start() - the connection is established, or has another algorithm
 * @sk: its windows are set
 *
 * The algorithm begins when there is a stream. That is now, if it has something to tell: TCP_INFO tells the rate of one
 * that has a rate of its own, TCP_CC_INFO the rest. Without memory for it there is nothing to tell yet.
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_algorithms_start(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	xsk->cong.started = true;
	if (xtcp_stream_is_there(xsk->stream))
		xtcp_algorithms_begin(sk);
	else if (xsk->algorithm->control || xsk->algorithm->info)
		xtcp_stream_begin(sk, sk_gfp_mask(sk, GFP_ATOMIC));
}

/**
 * xtcp_algorithms_begin() - the algorithm begins, with nothing of its own yet
 * @sk: established, with a stream
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_algorithms_begin(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);
	struct xtcp_stream *stream = xsk->stream;

	sock_owned_by_me(sk);
	memset(stream->cong.private, 0, sizeof(stream->cong.private));
	/* as in Linux that stays when another algorithm comes */
	if (xsk->algorithm->paces)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE, SK_PACING_NEEDED);
	if (xsk->algorithm->start) {
		xsk->algorithm->start(sk);
		xtcp_cong_bound(sk);
	}
}

/**
 * xtcp_algorithms_end() - the connection has ended, or another algorithm comes
 * @sk: in any state
 *
 * Context: softirq or process. Lock: socket, held.
 */
void xtcp_algorithms_end(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	sock_owned_by_me(sk);
	if (xsk->algorithm->end && has_begun(xsk))
		xsk->algorithm->end(sk);
	xsk->cong.started = false;
}
