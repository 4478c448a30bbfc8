// SPDX-License-Identifier: GPL-2.0
/*
 * The name that users know: net.NAME.*, /proc/net/NAME*, and the family NAME of generic netlink.
 *
 * It is the module's until the module parameter "name" is written. Two builds exchange their names
 * then, in all namespaces or in none. What has the module's name in other places keeps it.
 *
 * Pernet operations that exist for one exchange alone make it: so the kernel calls us for each
 * namespace, none begins or ends meanwhile, and those that are done are undone when one fails. The
 * kernel waits for programs that are in a file or a sysctl, which a user can make hang. So nothing
 * changes while there is one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "base/net.h"
#include "in/in.h"
#include "listen/listen.h"
#include "netns/netns.h"
#include "socket/socket.h"

/*
 * What a build does for the one that exchanges names with it. @begin, @end: no program gets into a file in
 * between, and there is no generic netlink; @begin returns false if a program is in one. @is_used: is one in a
 * sysctl? @drop needs not have been preceded by @make, which returns 0 or -ENOMEM. Lock: xtcp_instances_mutex;
 * those with a namespace: none begins or ends meanwhile.
 */
struct xtcp_names_calls {
	bool (*begin)(void);
	bool (*is_used)(struct net *net);
	void (*drop)(struct net *net, const char *name);
	int (*make)(struct net *net, const char *name);
	void (*end)(void);
};

static bool begin_names(void)
{
	if (!down_write_trylock(&xtcp_proc_reads))
		return false;
	xtcp_set_unregister();
	return true;
}

/* Is a program in a sysctl? xtcp_sysctl_net_exit() waits for it. */
static bool has_used_names(struct net *net)
{
	const struct xtcp_net *xn = xtcp_net(net);
	int i, used = 0;

	for (i = 0; i < ARRAY_SIZE(xn->sysctl_header); i++)
		if (xn->sysctl_header[i])
			/* a program may get in just after the look, as while the module is unloaded */
			used += data_race(xn->sysctl_header[i]->used);
	return used;
}

static void drop_names(struct net *net, const char *name)
{
	struct xtcp_net *xn = xtcp_net(net);

	if (!xn->sysctl_header[0])
		return;
	xtcp_proc_net_exit(xn, name);
	xtcp_sysctl_net_exit(xn);
}

static int make_names(struct net *net, const char *name)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err = xtcp_sysctl_net_init(xn, name);

	if (err)
		return err;
	err = xtcp_proc_net_init(xn, name);
	if (err)
		xtcp_sysctl_net_exit(xn);
	return err;
}

static void end_names(void)
{
	up_write(&xtcp_proc_reads);
	xtcp_set_register();
}

const struct xtcp_names_calls xtcp_names_calls = {
	.begin = begin_names,
	.is_used = has_used_names,
	.drop = drop_names,
	.make = make_names,
	.end = end_names,
};

/* An exchange. Lock: xtcp_instances_mutex. */
static struct {
	const struct task_struct *writer;
	const struct xtcp_build_calls *builds[2];	/* ours; another, or NULL */
	char names[2][GENL_NAMSIZ];			/* of them, before */
	bool begun;
	bool failed;
} exchange;

/* @from: 0, or 1 to undo it. After an error each build has its names, old or new, or none. */
static int rename_in(struct net *net, int from)
{
	/* a guest must not prevent it by using up the memory of its control group */
	unsigned int flags = memalloc_noreclaim_save();
	int i, err = 0;

	for (i = 0; i < 2 && exchange.builds[i]; i++)
		exchange.builds[i]->names->drop(net, exchange.names[i ^ from]);
	for (i = 0; i < 2 && exchange.builds[i] && !err; i++)
		err = exchange.builds[i]->names->make(net, exchange.names[i ^ from ^ 1]);
	memalloc_noreclaim_restore(flags);
	return err;
}

static void undo_in(struct net *net)
{
	if (rename_in(net, 1))
		pr_err("net:[%u] has no names: out of memory; write the parameter \"name\" again\n", net->ns.inum);
}

static int __net_init rename_init(struct net *net)
{
	int i, err = 0;

	if (current != exchange.writer)	/* the namespace begins, with the new names */
		return 0;
	if (!exchange.begun && !xtcp_instances_take_name(exchange.names[1], exchange.builds[1]))
		return -EBUSY;
	exchange.begun = true;
	for (i = 0; i < 2 && exchange.builds[i]; i++)
		if (exchange.builds[i]->names->is_used(net))
			err = -EBUSY;
	if (!err) {
		err = rename_in(net, 0);
		if (err)
			undo_in(net);
	}
	if (err) {
		exchange.failed = true;
		xtcp_instances_take_name(exchange.names[0], exchange.builds[1]);
	}
	return err;
}

static void __net_exit rename_exit(struct net *net)
{
	if (current == exchange.writer && exchange.failed)
		undo_in(net);
}

static struct pernet_operations rename_ops = {
	.init = rename_init,
	.exit = rename_exit,
};

/* @calls: of the build that has @name, or NULL. Return: 0, -EBUSY, -ENOMEM. */
static int exchange_names(const char *name, const struct xtcp_build_calls *calls)
{
	int err = -EBUSY;

	lockdep_assert_held(&xtcp_instances_mutex);
	memset(&exchange, 0, sizeof(exchange));
	exchange.writer = current;
	exchange.builds[0] = xtcp_instances_own();
	exchange.builds[1] = calls;
	strscpy(exchange.names[0], xtcp_instances_name(), sizeof(exchange.names[0]));
	strscpy(exchange.names[1], name, sizeof(exchange.names[1]));
	if (!begin_names())
		return err;
	if (!calls || calls->names->begin()) {
		err = register_pernet_subsys(&rename_ops);
		if (calls)
			calls->names->end();
	}
	end_names();
	if (!err)
		unregister_pernet_subsys(&rename_ops);
	return err;
}

/*
 * The module parameter "name". Return: 0; -EINVAL: no build has the name, and it is neither "xtcp" nor the
 * module's; -EBUSY: a program is in a file or a sysctl, or a build begins or goes; -ENOMEM.
 */
static int set_name(const char *val, const struct kernel_param *kp)
{
	const struct xtcp_build_calls *calls;
	char text[GENL_NAMSIZ], *name;
	int err;

	strscpy(text, val, sizeof(text));
	name = strim(text);
	if (THIS_MODULE->state != MODULE_STATE_LIVE || !try_module_get(THIS_MODULE))
		return -EBUSY;
	calls = xtcp_instances_hold(0, NULL, name);
	xtcp_instances_lock(calls);
	if (calls || !strcmp(name, "xtcp") || !strcmp(name, KBUILD_MODNAME))
		err = exchange_names(name, calls);
	else
		err = -EINVAL;
	xtcp_instances_unlock(calls);
	if (calls)
		module_put(calls->owner);
	module_put(THIS_MODULE);
	return err;
}

static int get_name(char *buffer, const struct kernel_param *kp)
{
	int len;

	mutex_lock(&xtcp_instances_mutex);
	len = sprintf(buffer, "%s\n", xtcp_instances_name());
	mutex_unlock(&xtcp_instances_mutex);
	return len;
}

static const struct kernel_param_ops name_ops = { .set = set_name, .get = get_name };

module_param_cb(name, &name_ops, NULL, 0644);
MODULE_PARM_DESC(name, "of net.NAME and /proc/net/NAME; write that of another build: both exchange them");

static int __net_init names_init(struct net *net)
{
	return make_names(net, xtcp_instances_name());
}

static void __net_exit names_exit(struct net *net)
{
	drop_names(net, xtcp_instances_name());
}

static struct pernet_operations names_ops = {
	.init = names_init,
	.exit = names_exit,
};

/* Return: 0 or -ENOMEM. */
int xtcp_names_init(void)
{
	return register_pernet_subsys(&names_ops);
}

void xtcp_names_exit(void)
{
	unregister_pernet_subsys(&names_ops);
}
