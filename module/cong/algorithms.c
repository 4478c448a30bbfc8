// SPDX-License-Identifier: GPL-2.0
/*
 * The congestion controls: which exist, who may use them, and which one a sock uses.
 *
 * Kbuild makes the list of those that are built in, XTCP_ALGORITHMS, from the files cong_*.c. As in
 * Linux, an algorithm is allowed in all namespaces or in none. Only an administrator of a namespace
 * may choose an algorithm that is not allowed. At first, NewReno and the default are allowed.
 *
 * Others come and go as modules of their own (outside.h). One may replace another in use: then the
 * name leads to the new one, and netns.c gives it to all who have the old one. Who keeps a pointer
 * to such an algorithm holds its module: socks, the defaults of namespaces, rules. Who only reads a
 * name or a flag is in an RCU read side: the module goes a grace period after its algorithm has
 * left the list. It holds this module meanwhile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "cong/cong.h"

#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/kmod.h>
#include <linux/notifier.h>
#include <net/netevent.h>

#include "base/bounds.h"
#include "cong/outside.h"

#define DEFAULT_ALGORITHM	"cubic"

#define MOST_ALGORITHMS	(XTCP_ALGORITHMS_TEXT / TCP_CA_NAME_MAX)

/* Those that are built in, then places for others; NULL: free. */
static const struct xtcp_cong_ops *algorithms[MOST_ALGORITHMS] = { XTCP_ALGORITHMS };

static DEFINE_SPINLOCK(algorithms_lock);	/* guards changes of both; reading needs no lock */
static DECLARE_BITMAP(allowed, MOST_ALGORITHMS);

/* The index in algorithms[] of this name, or -1. RCU read side, or the lock is held. */
static int find_algorithm(const char *name)
{
	const struct xtcp_cong_ops *ops;
	int i;

	for (i = 0; i < MOST_ALGORITHMS; i++) {
		ops = READ_ONCE(algorithms[i]);
		if (ops && !strcmp(ops->name, name))
			return i;
	}
	return -1;
}

/* False: its module is being unloaded. RCU read side; xtcp_algorithms_put() gives it back. */
static bool hold_algorithm(const struct xtcp_cong_ops *ops)
{
	return likely(!ops->owner) || try_module_get(ops->owner);
}

/* As Linux does, loads a missing algorithm for an administrator of the machine, in any namespace. Process, no locks. */
void xtcp_algorithms_load(const char *name)
{
	bool is_there;

	rcu_read_lock();
	is_there = find_algorithm(name) >= 0;
	rcu_read_unlock();
	/* named for this build: an algorithm of another one does not fit */
	if (!is_there && capable(CAP_NET_ADMIN))
		request_module(KBUILD_MODNAME "_cong_%s", name);
}

/* The algorithm of a name, to be given back, or NULL. @at: its index, which stays while it is held. */
static const struct xtcp_cong_ops *hold_named(const char *name, int *at)
{
	const struct xtcp_cong_ops *ops = NULL;

	rcu_read_lock();
	*at = find_algorithm(name);
	if (*at >= 0)
		ops = READ_ONCE(algorithms[*at]);
	/* its place may have been given to another one meanwhile */
	if (ops && (strcmp(ops->name, name) || !hold_algorithm(ops)))
		ops = NULL;
	rcu_read_unlock();
	return ops;
}

/* A namespace's default. A module that is being unloaded is no default any more: look again. */
static const struct xtcp_cong_ops *hold_default(const struct xtcp_net *xn)
{
	const struct xtcp_cong_ops *ops;

	rcu_read_lock();
	do
		ops = READ_ONCE(xn->sysctl.congestion_control);
	while (unlikely(!hold_algorithm(ops)));
	rcu_read_unlock();
	return ops;
}

/* Has it the mandatory functions, and a name that fits into TCP_CONGESTION, without the spaces of a list of names? */
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

/* Checks what Kbuild found. Return: 0; -EINVAL: one is not sound; -EBUSY: two have the same name. */
static int algorithms_init(void)
{
	int i;

	for (i = 0; i < MOST_ALGORITHMS && algorithms[i]; i++) {
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

const struct xtcp_part xtcp_algorithms_part = { algorithms_init };

/* The module of an algorithm goes. It waits for readers without a reference. */
static void remove_algorithm(const struct xtcp_cong_ops *ops)
{
	int i;

	spin_lock(&algorithms_lock);
	for (i = 0; i < MOST_ALGORITHMS; i++)
		if (algorithms[i] == ops) {
			clear_bit(i, allowed);
			WRITE_ONCE(algorithms[i], NULL);
		}
	spin_unlock(&algorithms_lock);
}

static const struct xtcp_cong_helpers helpers = {
	.owner = THIS_MODULE,
	.remove = remove_algorithm,
	.initial = xtcp_cong_initial,
	.grow = xtcp_cong_grow,
	.text_sent = xtcp_cong_text_sent,
	.pipe_octets = xtcp_pipe_octets,
};

/* Puts it into the list, in place of one from another module if it may. */
static int add_algorithm(struct xtcp_cong_offer *offer)
{
	int i = find_algorithm(offer->ops->name);

	lockdep_assert_held(&algorithms_lock);
	if (i >= 0 && !(offer->replaces && algorithms[i]->owner)) {
		pr_err("%s: there is a congestion control '%s' already\n", offer->owner->name, offer->ops->name);
		return -EBUSY;	/* by -EEXIST modprobe means that the module is loaded already */
	}
	if (i < 0)
		for (i = 0; i < MOST_ALGORITHMS && algorithms[i]; i++)
			;
	if (i == MOST_ALGORITHMS)
		return -ENOSPC;
	/* given back by that module; fails while we are being unloaded */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	offer->helpers = &helpers;
	/* pairs with READ_ONCE(): who finds the algorithm finds what it needs */
	smp_store_release(&algorithms[i], offer->ops);
	return 0;
}

/* A module offers its algorithm. Only the beginning of the offer has the same layout in all builds. */
static int take_offer(struct notifier_block *nb, unsigned long event, void *data)
{
	struct xtcp_cong_offer *offer = data;
	int err;

	if (event != XTCP_CONG_OFFER || strcmp(offer->build, KBUILD_MODNAME))
		return NOTIFY_DONE;
	if (offer->layout != xtcp_cong_layout()) {
		pr_err("%s was compiled with other headers than this module: build it again\n", offer->owner->name);
		return notifier_from_errno(-ENOEXEC);
	}
	if (!is_sound(offer->ops)) {
		pr_err("%s has no name of 1 to %d characters, no acked or no ssthresh\n", offer->owner->name,
		       TCP_CA_NAME_MAX - 1);
		return notifier_from_errno(-EINVAL);
	}
	spin_lock(&algorithms_lock);
	err = add_algorithm(offer);
	spin_unlock(&algorithms_lock);
	return notifier_from_errno(err) | NOTIFY_STOP_MASK;
}

/* Registered by the last step of module init: a module whose init fails goes, even if it is held. */
struct notifier_block xtcp_algorithms_offers = { .notifier_call = take_offer };

/* The default of a new namespace, until xtcp_algorithms_forget(): the first one's; for that the built-in one. */
const struct xtcp_cong_ops *xtcp_algorithms_inherited(const struct xtcp_net *xn)
{
	int i;

	if (!net_eq(xn->net, &init_net))
		return hold_default(xtcp_net(&init_net));
	i = find_algorithm(DEFAULT_ALGORITHM);
	return algorithms[i < 0 ? 0 : i];
}

/* A namespace ends: its default becomes one that is built in. */
void xtcp_algorithms_forget(struct xtcp_net *xn)
{
	xtcp_algorithms_put(xchg(&xn->sysctl.congestion_control, algorithms[0]));
}

/**
 * xtcp_algorithms_set_default() - handle a write to net.xtcp.congestion_control
 * @xn: the namespace; in the first one, a write also allows the algorithm
 * @name: the name of the algorithm, which may be loaded
 * Context: process.
 * Return: 0; -ENOENT when there is no such algorithm; -EPERM when it is not allowed in @xn.
 */
int xtcp_algorithms_set_default(struct xtcp_net *xn, const char *name)
{
	const struct xtcp_cong_ops *ops;
	int i, err = 0;

	xtcp_algorithms_load(name);
	ops = hold_named(name, &i);
	if (!ops)
		return -ENOENT;
	spin_lock(&algorithms_lock);
	if (net_eq(xn->net, &init_net))
		set_bit(i, allowed);
	else if (!test_bit(i, allowed))
		err = -EPERM;
	if (!err)
		ops = xchg(&xn->sysctl.congestion_control, ops);
	spin_unlock(&algorithms_lock);
	xtcp_algorithms_put(ops);
	return err;
}

/* The names of all algorithms, or of those that need no administrator, into XTCP_ALGORITHMS_TEXT octets. */
void xtcp_algorithms_list(char *text, size_t size, bool allowed_only)
{
	const struct xtcp_cong_ops *ops;
	size_t used = 0;
	int i;

	*text = 0;
	rcu_read_lock();
	for (i = 0; i < MOST_ALGORITHMS; i++) {
		ops = READ_ONCE(algorithms[i]);
		if (ops && (!allowed_only || test_bit(i, allowed)))
			used += scnprintf(text + used, size - used, used ? " %s" : "%s", ops->name);
	}
	rcu_read_unlock();
}

/* Copies the name of an algorithm, TCP_CA_NAME_MAX octets, that may be replaced meanwhile. */
void xtcp_algorithms_name(char *name, const struct xtcp_cong_ops * const *of)
{
	rcu_read_lock();
	strscpy(name, READ_ONCE(*of)->name, TCP_CA_NAME_MAX);
	rcu_read_unlock();
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
	DECLARE_BITMAP(wanted, MOST_ALGORITHMS);
	const char *name;
	int i = 0;

	bitmap_zero(wanted, MOST_ALGORITHMS);
	spin_lock(&algorithms_lock);
	while (i >= 0 && (name = strsep(&names, " ")) && *name) {
		i = find_algorithm(name);
		if (i >= 0)
			__set_bit(i, wanted);
	}
	if (i >= 0)
		bitmap_copy(allowed, wanted, MOST_ALGORITHMS);
	spin_unlock(&algorithms_lock);
	return i < 0 ? -ENOENT : 0;
}

/* @ops: held, for the sock, which gives back the one that it had. */
static void replace_algorithm(struct sock *sk, const struct xtcp_cong_ops *ops)
{
	const struct xtcp_cong_ops *old = xtcp_sender(sk)->algorithm;

	/* getsockopt() reads the pointer without the socket lock */
	WRITE_ONCE(xtcp_sender(sk)->algorithm, ops);
	xtcp_algorithms_put(old);
}

/* Sets the namespace's default, in a new sock or one that loses its rule's. Locked, or no other thread can reach it. */
void xtcp_algorithms_assign(struct sock *sk)
{
	replace_algorithm(sk, hold_default(xtcp_net_of(sk)));
	xtcp_sender(sk)->algorithm_by_rule = false;
}

/*
 * A child gets the algorithm that the listener's program has chosen, otherwise its namespace's
 * default. So far it has a copy of the pointer, not held. RCU read side, without the lock of @lsk.
 */
void xtcp_algorithms_inherit(struct sock *child, const struct sock *lsk)
{
	const struct xtcp_cong_ops *ops = READ_ONCE(xtcp_sender(lsk)->algorithm);
	struct xtcp_sender *tx = xtcp_sender(child);

	if (!tx->algorithm_chosen || !hold_algorithm(ops)) {
		ops = hold_default(xtcp_net_of(child));
		tx->algorithm_by_rule = false;
	}
	tx->algorithm = ops;
}

/* The algorithm of a name, for xtcp_algorithms_put(), or NULL. */
const struct xtcp_cong_ops *xtcp_algorithms_named(const char *name)
{
	int i;

	return hold_named(name, &i);
}

/*
 * Takes a rule's algorithm, unless the program has chosen one. @sk: about to open, or a new child.
 * No permission is needed: an administrator has made the rule, which stays in the RCU read side.
 */
bool xtcp_algorithms_take_rule(struct sock *sk, const struct xtcp_cong_ops *ops)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	if (tx->algorithm_chosen || !hold_algorithm(ops))
		return false;
	replace_algorithm(sk, ops);
	tx->algorithm_by_rule = true;
	return true;
}

/* The hash of a name by which a route's metric congctl selects an algorithm, as the kernel computes it. */
static u32 congctl_of(const char *name)
{
	char padded[TCP_CA_NAME_MAX] = "";

	strscpy(padded, name, sizeof(padded));
	return jhash(padded, sizeof(padded), strlen(padded));
}

/* Has the algorithm of @tx begun? Before it begins, an algorithm has no private state. */
static bool has_begun(const struct xtcp_sender *tx)
{
	return tx->cong.started && xtcp_stream_is_there(tx->stream);
}

/* Changes to an algorithm that is held for the sock. A live connection keeps its windows. */
static void change_algorithm(struct sock *sk, const struct xtcp_cong_ops *ops)
{
	const bool live = xtcp_sender(sk)->cong.started;

	if (ops == xtcp_sender(sk)->algorithm) {
		xtcp_algorithms_put(ops);
		return;
	}
	xtcp_algorithms_end(sk);
	replace_algorithm(sk, ops);
	if (live)
		xtcp_algorithms_start(sk);
}

/* Gives a sock the module that has replaced the one of its algorithm, if any has. */
void xtcp_algorithms_renew(struct sock *sk)
{
	const struct xtcp_cong_ops *ops = xtcp_sender(sk)->algorithm;

	sock_owned_by_me(sk);
	if (likely(!ops->owner))
		return;
	ops = xtcp_algorithms_named(ops->name);
	if (ops)
		change_algorithm(sk, ops);
}

/* For a default, or the algorithm of a rule, which may change meanwhile. RCU read side: the place stays. */
void xtcp_algorithms_renew_at(const struct xtcp_cong_ops **at)
{
	const struct xtcp_cong_ops *old = READ_ONCE(*at), *ops;

	ops = old && old->owner ? xtcp_algorithms_named(old->name) : NULL;
	if (ops)
		xtcp_algorithms_put(cmpxchg(at, old, ops) == old ? old : ops);
}

/*
 * Takes the algorithm that the route names, if there is one, or what has replaced its own. @sk:
 * about to open, or a new child. As in Linux, the metric congctl overrides TCP_CONGESTION and the
 * default, and needs no permission. If it is locked, the program cannot choose another one.
 */
void xtcp_algorithms_take_route(struct sock *sk)
{
	const u32 key = xtcp_metric_of(sk, RTAX_CC_ALGO);
	struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_cong_ops *ops;
	int i;

	sock_owned_by_me(sk);
	/* a socket without a connection is in no table in which it could have been found */
	xtcp_algorithms_renew(sk);
	if (likely(!key))
		return;
	rcu_read_lock();
	for (i = 0; i < MOST_ALGORITHMS; i++) {
		ops = READ_ONCE(algorithms[i]);
		if (!ops || congctl_of(ops->name) != key || !hold_algorithm(ops))
			continue;
		replace_algorithm(sk, ops);
		tx->algorithm_locked = xtcp_metric_locked_of(sk, RTAX_CC_ALGO);
		tx->algorithm_by_rule = false;
	}
	rcu_read_unlock();
}

/**
 * xtcp_algorithms_choose() - set TCP_CONGESTION
 * @sk: in any state; a live connection keeps its windows
 * @name: the name of the algorithm
 * @administrator: the caller has CAP_NET_ADMIN in the namespace
 *
 * If the route has locked the algorithm, no choice is allowed. Otherwise only an administrator may
 * choose one that is not on the list of allowed ones. As in Linux, anyone may choose the current
 * one again, unless a rule has set it for this connection alone.
 * Context: process.
 * Return: 0; -ENOENT when there is no such algorithm; -EPERM when the choice is not allowed.
 */
int xtcp_algorithms_choose(struct sock *sk, const char *name, bool administrator)
{
	struct xtcp_sender *tx = xtcp_sender(sk);
	const struct xtcp_cong_ops *ops;
	int i;

	sock_owned_by_me(sk);
	if (tx->algorithm_locked)
		return -EPERM;
	ops = hold_named(name, &i);
	if (!ops)
		return -ENOENT;
	if ((ops != tx->algorithm || tx->algorithm_by_rule) && !test_bit(i, allowed) && !administrator) {
		xtcp_algorithms_put(ops);
		return -EPERM;
	}
	change_algorithm(sk, ops);
	tx->algorithm_chosen = true;
	tx->algorithm_by_rule = false;
	return 0;
}

/* Fills in TCP_CC_INFO. Return: octets; 0: the algorithm has nothing to report, or has not begun. */
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
 * Called after the windows are set. The private state is in tx->stream, so the algorithm begins
 * when that is allocated: now if it has control() or info(), whose results TCP_INFO and TCP_CC_INFO
 * show, else, or without memory, with the first data.
 */
void xtcp_algorithms_start(struct sock *sk)
{
	struct xtcp_sender *tx = xtcp_sender(sk);

	sock_owned_by_me(sk);
	tx->cong.started = true;
	if (unlikely(xtcp_sk(sk)->packed))
		xtcp_sk(sk)->packed->begins_anew = true;
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
