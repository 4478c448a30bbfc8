// SPDX-License-Identifier: GPL-2.0
/*
 * The name that users know: net.NAME.*, /proc/net/NAME*, and the family NAME of generic netlink.
 *
 * It is the module's until the module parameter "name" is written. Two builds exchange their names
 * then, in all namespaces or in none. What has the module's name in other places keeps it.
 *
 * Pernet operations that exist for one exchange alone make it: so the kernel calls us for each
 * namespace, none begins or ends meanwhile, and those that are done are undone when memory fails. A
 * user can make a program hang in a file or a sysctl: nothing changes while there is one. One that
 * gets into a sysctl just after the look is waited for, as by rmmod.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/rwsem.h>
#include <net/genetlink.h>

#include "in/in.h"
#include "listen/listen.h"
#include "netns/netns.h"
#include "socket/socket.h"

/*
 * What a build does for the one that exchanges names with it. From @begin to @end no program gets into a file;
 * @begin returns false if one is there. @is_used: is one in a sysctl? @drop needs not have been preceded by @make,
 * which returns 0 or -ENOMEM. @hide and @show: generic netlink. Lock: xtcp_instances_mutex; from @begin to @end, no
 * namespace begins or ends.
 */
struct xtcp_names_calls {
	bool (*begin)(void);
	bool (*is_used)(const struct net *net);
	void (*drop)(struct net *net, const char *name);
	int (*make)(struct net *net, const char *name);
	void (*end)(void);
	void (*hide)(void);
	void (*show)(void);
};

static bool begin_names(void)
{
	return down_write_trylock(&xtcp_proc_reads);
}

/* Is a program in a sysctl? xtcp_sysctl_net_exit() waits for it. */
static bool has_used_names(const struct net *net)
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
}

const struct xtcp_names_calls xtcp_names_calls = {
	.begin = begin_names,
	.is_used = has_used_names,
	.drop = drop_names,
	.make = make_names,
	.end = end_names,
	.hide = xtcp_set_unregister,
	.show = xtcp_set_register,
};

/* An exchange. Lock: xtcp_instances_mutex. */
static struct {
	const struct task_struct *writer;
	const struct xtcp_build_calls *builds[2];	/* ours; another, or NULL: names are made anew */
	char names[2][GENL_NAMSIZ];			/* of them, before */
	bool begun;
	bool failed;
} exchange;

static int builds(void)
{
	return exchange.builds[1] ? 2 : 1;
}

static void end_files(int n)
{
	while (n--)
		exchange.builds[n]->names->end();
}

static int begin_exchange(void)
{
	struct net *net;
	int i, begun = 0;

	for (i = 0; i < builds(); i++)
		if (exchange.builds[i]->names->begin())
			begun++;
		else
			goto busy;
	for_each_net(net)
		for (i = 0; i < builds(); i++)
			if (exchange.builds[i]->names->is_used(net))
				goto busy;
	if (exchange.builds[1] && !xtcp_instances_take_name(exchange.names[1], exchange.builds[1]))
		goto busy;
	exchange.begun = true;
	return 0;

busy:
	end_files(begun);
	return -EBUSY;
}

/*
 * @from: 0, or 1 to undo it. After an error each build has its names, old or new, or none. Tables without an entry
 * hold the folders of sysctls meanwhile, since a program may be in a folder.
 */
static int rename_in(struct net *net, int from)
{
	static struct ctl_table no_entries[1];
	struct ctl_table_header *folders[2] = {};
	char path[sizeof("net/") + GENL_NAMSIZ];
	int i, err = 0;

	for (i = 0; i < builds(); i++) {
		snprintf(path, sizeof(path), "net/%s", exchange.names[i]);
		folders[i] = xtcp_compat_register_net_sysctl(net, path, no_entries, 0);
		if (!folders[i])
			err = -ENOMEM;
	}
	if (!err) {
		for (i = 0; i < builds(); i++)
			exchange.builds[i]->names->drop(net, exchange.names[i ^ from]);
		for (i = 0; i < builds(); i++)
			err = err ?: exchange.builds[i]->names->make(net, exchange.names[i ^ from ^ 1]);
	}
	for (i = 0; i < 2; i++)
		if (folders[i])
			unregister_net_sysctl_table(folders[i]);
	return err;
}

static void undo_in(struct net *net)
{
	if (rename_in(net, 1))
		pr_err("net:[%u] has no names: out of memory; write the parameter \"name\" again\n", net->ns.inum);
}

/* Not __net_init: without CONFIG_NET_NS that is __init. */
static int rename_init(struct net *net)
{
	int err;

	if (current != exchange.writer)	/* the namespace begins, with the new names */
		return 0;
	err = exchange.begun ? 0 : begin_exchange();
	if (err)
		return err;
	err = rename_in(net, 0);
	if (err) {
		undo_in(net);
		exchange.failed = true;
		if (exchange.builds[1])
			xtcp_instances_take_name(exchange.names[0], exchange.builds[1]);
	}
	return err;
}

static void rename_exit(struct net *net)
{
	if (current == exchange.writer && exchange.failed)
		undo_in(net);
}

static struct pernet_operations rename_ops = { .init = rename_init, .exit = rename_exit };

/* @calls: of the build that has @name; NULL: we have it. Return: 0, -EBUSY, -ENOMEM. */
static int exchange_names(const char *name, const struct xtcp_build_calls *calls)
{
	int i, err;

	lockdep_assert_held(&xtcp_instances_mutex);
	memset(&exchange, 0, sizeof(exchange));
	exchange.writer = current;
	exchange.builds[0] = xtcp_instances_own();
	exchange.builds[1] = calls;
	strscpy(exchange.names[0], xtcp_instances_name(), sizeof(exchange.names[0]));
	strscpy(exchange.names[1], name, sizeof(exchange.names[1]));
	err = register_pernet_subsys(&rename_ops);
	if (exchange.begun)
		end_files(builds());
	if (err)
		return err;
	unregister_pernet_subsys(&rename_ops);
	for (i = 0; i < builds(); i++)
		exchange.builds[i]->names->hide();
	for (i = 0; i < builds(); i++)
		exchange.builds[i]->names->show();
	return 0;
}

/*
 * The module parameter "name". Return: 0; -EINVAL: no build has the name; -EBUSY: a program is in a file or a
 * sysctl, or a build begins or goes; -ENOMEM.
 */
static int set_name(const char *val, const struct kernel_param *kp)
{
	const struct xtcp_build_calls *calls;
	char text[GENL_NAMSIZ], *name;
	int err = -EINVAL;

	strscpy(text, val, sizeof(text));
	name = strim(text);
	if (THIS_MODULE->state != MODULE_STATE_LIVE || !try_module_get(THIS_MODULE))
		return -EBUSY;
	calls = xtcp_instances_hold(0, NULL, name);
	xtcp_instances_lock(calls);
	if (calls || !strcmp(name, xtcp_instances_name()))
		err = exchange_names(name, calls);
	xtcp_instances_unlock(calls);
	if (!calls && err == -EINVAL) {
		calls = xtcp_instances_hold(0, NULL, name);
		if (calls)
			err = -EBUSY;	/* it has just got the name */
	}
	if (calls)
		module_put(calls->owner);
	module_put(THIS_MODULE);
	return err;
}

/* Not under the mutex: a listener's program can make that wait. */
static int get_name(char *buffer, const struct kernel_param *kp)
{
	int len;

	rtnl_lock();
	len = sprintf(buffer, "%s\n", xtcp_instances_name());
	rtnl_unlock();
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

static struct pernet_operations names_ops = { .init = names_init, .exit = names_exit };

static int names_begin(void)
{
	return register_pernet_subsys(&names_ops);
}

static void names_end(void)
{
	unregister_pernet_subsys(&names_ops);
}

const struct xtcp_part xtcp_names_part = { names_begin, names_end };
