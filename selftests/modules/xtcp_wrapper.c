// SPDX-License-Identifier: GPL-2.0
/*
 * A module that puts its handlers in front of the present handlers of TCP, and calls these, as a tracer or a filter of
 * another vendor may do. While they are there, the module behind the former handlers must stay. `unload wrapped` loads
 * it after xtcp. With late=1 it does so only when anything is written to its parameter `now`.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/protocol.h>

static const struct net_protocol *before_v4;
static struct net_protocol wrapper_v4;

static int wrapper_v4_rcv(struct sk_buff *skb)
{
	return before_v4->handler(skb);
}

static void install_v4(void)
{
	before_v4 = rcu_access_pointer(inet_protos[IPPROTO_TCP]);
	wrapper_v4 = *before_v4;
	wrapper_v4.handler = wrapper_v4_rcv;
	rcu_assign_pointer(inet_protos[IPPROTO_TCP], (struct net_protocol __rcu *)&wrapper_v4);
}

static void restore_v4(void)
{
	rcu_assign_pointer(inet_protos[IPPROTO_TCP], (struct net_protocol __rcu *)before_v4);
}

static const struct inet6_protocol *before_v6;
static struct inet6_protocol wrapper_v6;

static int wrapper_v6_rcv(struct sk_buff *skb)
{
	return before_v6->handler(skb);
}

static void install_v6(void)
{
	before_v6 = rcu_access_pointer(inet6_protos[IPPROTO_TCP]);
	wrapper_v6 = *before_v6;
	wrapper_v6.handler = wrapper_v6_rcv;
	rcu_assign_pointer(inet6_protos[IPPROTO_TCP], (struct inet6_protocol __rcu *)&wrapper_v6);
}

static void restore_v6(void)
{
	rcu_assign_pointer(inet6_protos[IPPROTO_TCP], (struct inet6_protocol __rcu *)before_v6);
}

static bool late;

static int install(const char *value, const struct kernel_param *param)
{
	install_v4();
	install_v6();
	return 0;
}

static const struct kernel_param_ops now_ops = { .set = install };

module_param(late, bool, 0);
module_param_cb(now, &now_ops, NULL, 0200);

static int __init wrapper_init(void)
{
	return late ? 0 : install(NULL, NULL);
}

/* With late=1 something has been written to `now` before. */
static void __exit wrapper_exit(void)
{
	restore_v6();
	restore_v4();
	synchronize_net();
}

module_init(wrapper_init);
module_exit(wrapper_exit);

MODULE_DESCRIPTION("Stands in front of TCP's handlers, for the tests of xtcp");
MODULE_LICENSE("GPL");
