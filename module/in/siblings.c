// SPDX-License-Identifier: GPL-2.0
/*
 * Other builds of this module, under other names, that are loaded at the same time.
 *
 * Most of what two builds share is arbitrated by the kernel: ports by its bind table, where each sees the other's
 * leases as it sees kernel TCP's socks; families, names in /proc and sysctls by their registration. Three things are
 * not:
 *
 *  - the chain of handlers (interpose.c). The build that was loaded last stands in the array and calls the one before.
 *    One that is unloaded while another stands in front of it has that one call what is behind it from then on;
 *  - a segment of a connection that one build has, for a port on which the other one listens. The one in front asks the
 *    others before its listener takes a segment, as it asks kernel TCP;
 *  - who has a family number that is taken.
 *
 * Builds stand in a ring, each with one entry. A new one makes itself known by an event of netevent, a chain of
 * notifiers whose users ignore what they do not know; whoever hears it first takes the new one into the ring. The
 * number of the event goes up whenever struct sibling changes, so that builds which could not read one another stay
 * strangers: both work, but the one behind waits until the one in front has gone.
 *
 * Locking: rtnl_lock() for changes of the ring and of the chain of handlers among siblings; RCU for those who look.
 */
#include "in/siblings.h"

#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <net/netevent.h>

#define GREETING	0x78746302	/* the event; of struct sibling as it is below */

struct sibling {
	struct list_head ring;
	const char *name;
	int family;			/* 0: none yet */
	xtcp_sibling_keeps keeps;
	xtcp_sibling_wants wants;
	const struct xtcp_sibling_link *links;
	bool in_chain[XTCP_SIBLING_IPS];
};

static struct sibling self = {
	.ring = LIST_HEAD_INIT(self.ring),
	.name = KBUILD_MODNAME,
};

static int greeted(struct notifier_block *nb, unsigned long event, void *newcomer)
{
	struct sibling *sibling = newcomer;

	if (event != GREETING)
		return NOTIFY_DONE;
	list_add_tail_rcu(&sibling->ring, &self.ring);
	/* the others are in the same ring */
	return NOTIFY_STOP;
}

static struct notifier_block greetings = {
	.notifier_call = greeted,
};

/**
 * xtcp_siblings_join() - make ourselves known to the builds that are there
 * @links: our place in each chain of handlers, by enum xtcp_sibling_ip
 * @keeps: asked before a sibling's listener takes a segment, from now on
 * @wants: asked before a sibling's record makes way for a SYN
 *
 * Context: process, module init, may sleep.
 */
void xtcp_siblings_join(const struct xtcp_sibling_link *links, xtcp_sibling_keeps keeps, xtcp_sibling_wants wants)
{
	rtnl_lock();
	self.links = links;
	self.keeps = keeps;
	self.wants = wants;
	/* both read what our init has made, and that does not come with their address: a finder has to see it */
	synchronize_net();
	call_netevent_notifiers(GREETING, &self);
	register_netevent_notifier(&greetings);
	rtnl_unlock();
}

/**
 * xtcp_siblings_put_in() - put our handler in front of all others
 * @ip: which handler
 * @install: does it; 0 or a negative errno
 *
 * Context: process, module init, may sleep.
 *
 * Return: what @install returns.
 */
int xtcp_siblings_put_in(enum xtcp_sibling_ip ip, int (*install)(void))
{
	int err;

	rtnl_lock();
	err = install();
	self.in_chain[ip] = !err;
	rtnl_unlock();
	return err;
}

/* Has a sibling that calls our handler call the one behind it; false: no sibling does. */
static bool step_over(enum xtcp_sibling_ip ip)
{
	const struct xtcp_sibling_link *link = &self.links[ip];
	struct sibling *sibling;

	ASSERT_RTNL();
	list_for_each_entry(sibling, &self.ring, ring) {
		const struct xtcp_sibling_link *front = &sibling->links[ip];

		if (!sibling->in_chain[ip] || *front->saved != link->ours)
			continue;
		WRITE_ONCE(*front->saved, *link->saved);
		return true;
	}
	return false;
}

/**
 * xtcp_siblings_take_out() - take our handler out, if it is the first or a sibling stands in front of it
 * @ip: which handler
 * @restore: does it for the first one; false: it is not
 *
 * Ours may still run until a grace period has passed.
 *
 * Context: process, module exit, may sleep.
 *
 * Return: false: somebody who is no sibling stands in front of it, and nothing has changed.
 */
bool xtcp_siblings_take_out(enum xtcp_sibling_ip ip, bool (*restore)(void))
{
	bool out;

	rtnl_lock();
	out = step_over(ip) || restore();
	if (out)
		self.in_chain[ip] = false;
	rtnl_unlock();
	return out;
}

/**
 * xtcp_siblings_leave() - our handlers are out of the chains: the siblings forget us
 *
 * They may still ask us something until a grace period has passed. A handler of ours may walk the ring from our entry,
 * which leads into it and not back once it is out: so those that run are waited for first.
 *
 * Context: process, module exit, may sleep.
 */
void xtcp_siblings_leave(void)
{
	synchronize_net();
	rtnl_lock();
	unregister_netevent_notifier(&greetings);
	list_del_rcu(&self.ring);
	rtnl_unlock();
}

/**
 * xtcp_siblings_keep() - is a segment that a listener of ours wants of a connection that a sibling has?
 * @skb: at the TCP header, which is linear
 *
 * Context: softirq, RCU read side.
 *
 * Return: true: it is for the handler behind ours.
 */
bool xtcp_siblings_keep(struct sk_buff *skb)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring)
		if (sibling->keeps(skb))
			return true;
	return false;
}

/**
 * xtcp_siblings_want() - has a sibling a listener for a SYN that would reopen what a record of ours ended?
 * @skb: at the TCP header, which is linear
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when one has, and room for what the SYN opens.
 */
bool xtcp_siblings_want(struct sk_buff *skb)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring)
		if (sibling->wants(skb))
			return true;
	return false;
}

/**
 * xtcp_siblings_set_family() - tell the siblings our family
 * @family: its number, which is registered; 0: not any more
 *
 * Context: process, may sleep.
 */
void xtcp_siblings_set_family(int family)
{
	rtnl_lock();
	self.family = family;
	rtnl_unlock();
}

/**
 * xtcp_siblings_have_family() - has a sibling this family?
 * @family: its number
 * @name: where the sibling's name goes
 * @size: of it
 *
 * Context: process, may sleep.
 *
 * Return: true and @name is filled, or false.
 */
bool xtcp_siblings_have_family(int family, char *name, size_t size)
{
	struct sibling *sibling;
	bool found = false;

	rtnl_lock();
	list_for_each_entry(sibling, &self.ring, ring) {
		if (sibling->family != family)
			continue;
		strscpy(name, sibling->name, size);
		found = true;
	}
	rtnl_unlock();
	return found;
}
