// SPDX-License-Identifier: GPL-2.0
/*
 * The congestion controls: which exist, who may use them, and which one a sock uses.
 *
 * Kbuild makes the list, XTCP_ALGORITHMS, from the files cong_*.c. As in Linux, an algorithm is
 * allowed in all namespaces or in none. Only an administrator of a namespace may choose an
 * algorithm that is not allowed. When the module is loaded, NewReno and the default are allowed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "cong/cong.h"

#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/jhash.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "base/bounds.h"

#define DEFAULT_ALGORITHM	"cubic"

static const struct xtcp_cong_ops * const algorithms[] = { XTCP_ALGORITHMS };

static DEFINE_SPINLOCK(allowed_lock);	/* guards changes of allowed; reading needs no lock */
static DECLARE_BITMAP(allowed, ARRAY_SIZE(algorithms));

/* The index in algorithms[] of the algorithm with this name; -1: there is no such algorithm. */
static int find_algorithm(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (!strcmp(algorithms[i]->name, name))
			return i;
	return -1;
}

/*
 * Is an algorithm usable? An algorithm needs the mandatory functions, and a name that fits into
 * TCP_CONGESTION and has no spaces: in a list, spaces separate the names.
 */
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

/*
 * At module init: checks the algorithms that Kbuild found. Return: 0; -EINVAL when one has no
 * usable name or lacks a mandatory function; -EBUSY when two have the same name.
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

/*
 * The default algorithm of a new namespace: that of the first one; for that itself the built-in
 * one.
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
 * xtcp_algorithms_set_default() - handle a write to net.xtcp.congestion_control
 * @xn: the namespace; in the first one, a write also allows the algorithm
 * @name: the name of the algorithm
 * Context: process.
 * Return: 0; -ENOENT when there is no such algorithm; -EPERM when it is not allowed in @xn.
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

/*
 * Puts the names of all algorithms, or of those that need no administrator, into a string of
 * XTCP_ALGORITHMS_TEXT octets, with spaces in between.
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
 * xtcp_algorithms_allow() - handle a write to net.xtcp.allowed_congestion_control
 * @names: names with one space between two; modified. As in Linux, names after a leading space or
 *	after two spaces in a row are ignored
 * Context: process.
 * Return: 0; -ENOENT when a name is unknown, and nothing changes.
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

/*
 * Gives a sock its namespace's default algorithm: a new one, or the child of a listener whose
 * program has chosen none. Socket lock held, or no other thread can reach it yet.
 */
void xtcp_algorithms_assign(struct sock *sk)
{
	WRITE_ONCE(xtcp_sender(sk)->algorithm, READ_ONCE(xtcp_net_of(sk)->sysctl.congestion_control));
	xtcp_sender(sk)->algorithm_by_rule = false;
}

/* The algorithm of a name, or NULL. */
const struct xtcp_cong_ops *xtcp_algorithms_named(const char *name)
{
	const int i = find_algorithm(name);

	return i < 0 ? NULL : algorithms[i];
}

/*
 * Takes the algorithm of a rule of the policy table; false if the program has chosen one, which
 * stays.
 * @sk: about to open, or a new child. An administrator has made the rule: no permission is needed.
 */
bool xtcp_algorithms_take_rule(struct sock *sk, const struct xtcp_cong_ops *ops)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (tx->algorithm_chosen)
		return false;
	/* getsockopt() reads the pointer without the socket lock */
	WRITE_ONCE(tx->algorithm, ops);
	tx->algorithm_by_rule = true;
	return true;
}

/*
 * The hash of a name by which a route's metric congctl selects an algorithm, as the kernel computes
 * it.
 */
static u32 congctl_of(const char *name)
{
	char padded[TCP_CA_NAME_MAX] = "";

	strscpy(padded, name, sizeof(padded));
	return jhash(padded, sizeof(padded), strlen(padded));
}

/*
 * Takes the algorithm that the route names, if any. @sk: about to open, or a new child.
 *
 * As in Linux, the metric congctl overrides TCP_CONGESTION and the namespace's default, and needs
 * no permission. If it is locked, the program cannot choose another algorithm. If xtcp has none of
 * that name, it is ignored.
 */
void xtcp_algorithms_take_route(struct sock *sk)
{
	const u32 key = xtcp_metric_of(sk, RTAX_CC_ALGO);
	struct xtcp_sender *tx = xtcp_sender(sk);
	int i;

	sock_owned_by_me(sk);
	if (likely(!key))
		return;
	for (i = 0; i < ARRAY_SIZE(algorithms); i++) {
		if (congctl_of(algorithms[i]->name) != key)
			continue;
		/* getsockopt() reads the pointer without the socket lock */
		WRITE_ONCE(tx->algorithm, algorithms[i]);
		tx->algorithm_locked = xtcp_metric_locked_of(sk, RTAX_CC_ALGO);
		tx->algorithm_by_rule = false;
	}
}

/* Has the algorithm of @tx begun? Before it begins, an algorithm has no private state. */
static bool has_begun(const struct xtcp_sender *tx)
{
	return tx->cong.started && xtcp_stream_is_there(tx->stream);
}

/**
 * xtcp_algorithms_choose() - set TCP_CONGESTION
 * @sk: in any state; a live connection keeps its windows
 * @name: the name of the algorithm
 * @administrator: the caller has CAP_NET_ADMIN in the namespace
 *
 * If the route has locked the algorithm, no choice is allowed, not even of the current one.
 * Otherwise only an administrator may choose an algorithm that is not on the list of allowed ones.
 * As in Linux, anyone may choose the current one again; but not if a rule of the policy table has
 * set it: that is for one connection, and a choice holds for later ones, too.
 *
 * Context: process.
 * Return: 0; -ENOENT when there is no such algorithm; -EPERM when the choice is not allowed.
 */
int xtcp_algorithms_choose(struct sock *sk, const char *name, bool administrator)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	int i = find_algorithm(name);
	const bool live = tx->cong.started;

	sock_owned_by_me(sk);
	if (tx->algorithm_locked)
		return -EPERM;
	if (i < 0)
		return -ENOENT;
	if ((algorithms[i] != tx->algorithm || tx->algorithm_by_rule) && !test_bit(i, allowed) && !administrator)
		return -EPERM;
	if (algorithms[i] != tx->algorithm) {
		xtcp_algorithms_end(sk);
		/* getsockopt() reads the pointer without the socket lock */
		WRITE_ONCE(tx->algorithm, algorithms[i]);
		if (live)
			xtcp_algorithms_start(sk);
	}
	tx->algorithm_chosen = true;
	tx->algorithm_by_rule = false;
	return 0;
}

/*
 * Fills in TCP_CC_INFO. Return: octets; 0: the algorithm has nothing to report, or has not begun.
 */
size_t xtcp_algorithms_fill(struct sock *sk, union tcp_cc_info *info)
{
	const struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	memset(info, 0, sizeof(*info));
	if (!tx->algorithm->info || !has_begun(tx))
		return 0;
	return tx->algorithm->info(sk, info);
}

/*
 * Starts the algorithm of an established connection, or a new one, after its windows are set.
 *
 * Its private state is in tx->stream, so it begins when that is allocated. With control() or info()
 * that is now: TCP_INFO can then show the algorithm's rate, TCP_CC_INFO its state. Without memory
 * it begins with the first data.
 */
void xtcp_algorithms_start(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	tx->cong.started = true;
	if (xtcp_stream_is_there(tx->stream))
		xtcp_cong_begin(sk);
	else if (tx->algorithm->control || tx->algorithm->info)
		xtcp_stream_begin(sk, sk_gfp_mask(sk, GFP_ATOMIC));
}

/* Ends the algorithm of a connection that has ended or gets another one. */
void xtcp_algorithms_end(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (tx->algorithm->end && has_begun(tx))
		tx->algorithm->end(sk);
	if (unlikely(tx->stream->cong.resume))
		xtcp_resuming_end(sk);
	tx->cong.started = false;
}
