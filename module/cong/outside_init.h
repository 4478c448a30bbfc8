/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What makes a module of its own out of the file of a congestion control: Kbuild includes it once,
 * after that file, with XTCP_CONG, the name of its struct xtcp_cong_ops.
 */
#ifndef XTCP_OUTSIDE_INIT_H
#define XTCP_OUTSIDE_INIT_H

#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/stringify.h>
#include <net/netevent.h>

#include "cong/outside.h"

static struct xtcp_cong_ops outside_ops;

static struct xtcp_cong_offer outside_offer = {
	.build = __stringify(XTCP_NAME),
	.owner = THIS_MODULE,
	.ops = &outside_ops,
};

static bool replaces;
module_param(replaces, bool, 0);
MODULE_PARM_DESC(replaces, "take the place of another module that has the algorithm's name (xtcp cong load)");

u32 xtcp_cong_initial(const struct sock *sk)
{
	return outside_offer.helpers->initial(sk);
}

void xtcp_cong_grow(struct sock *sk, u32 delivered, u32 *counted)
{
	outside_offer.helpers->grow(sk, delivered, counted);
}

struct xtcp_alpha_sent xtcp_cong_text_sent(const struct sock *sk)
{
	return outside_offer.helpers->text_sent(sk);
}

u32 xtcp_pipe_octets(const struct sock *sk)
{
	return outside_offer.helpers->pipe_octets(sk);
}

static int __init outside_init(void)
{
	int err;

	outside_ops = XTCP_CONG;
	outside_ops.owner = THIS_MODULE;
	outside_offer.layout = xtcp_cong_layout();
	outside_offer.replaces = replaces;
	err = notifier_to_errno(call_netevent_notifiers(XTCP_CONG_OFFER, &outside_offer));
	if (err || outside_offer.helpers)
		return err;
	pr_err(KBUILD_MODNAME ": there is no module %s that takes it; load that first\n", outside_offer.build);
	return -ENODEV;
}

static void __exit outside_exit(void)
{
	outside_offer.helpers->remove(&outside_ops);
	/* nobody holds the algorithm, but a name or a flag may be read at this moment */
	synchronize_rcu();
	module_put(outside_offer.helpers->owner);
}

module_init(outside_init);
module_exit(outside_exit);

MODULE_DESCRIPTION("A congestion control of " __stringify(XTCP_NAME));
MODULE_SOFTDEP("pre: " __stringify(XTCP_NAME));
MODULE_LICENSE("GPL");

#endif /* XTCP_OUTSIDE_INIT_H */
