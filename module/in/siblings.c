// SPDX-License-Identifier: GPL-2.0
/*
 * Siblings: other builds of this module, under other names, that are loaded at the same time.
 *
 * The kernel prevents most conflicts between two builds. Kernel TCP's bind table says which ports
 * are taken, and each build puts socks into this table to reserve its ports (ports.h). A family, a
 * name in /proc or a sysctl can be registered only once. Three conflicts remain:
 *
 *  - The chain of handlers (interpose.c). The handler of the build that was loaded last is in
 *    inet_protos[] (or inet6_protos[]). Each build's handler calls the handler of the build that
 *    was loaded directly before it. When a build is unloaded, its handler leaves the chain. From
 *    then on, the handler in front calls the handler behind.
 *  - The owner of a segment. One build may have a connection on a port on which another build
 *    listens. So before a listener takes a segment, its build looks for a connection in kernel TCP
 *    and asks the other builds for one.
 *  - A family number that is taken. The new build looks up which other build has this number, and
 *    names that build in the log.
 *
 * Each build has one entry in a ring (a circular list). A new build announces itself by an event on
 * the notifier chain netevent, whose users ignore events that they do not know. The first build
 * that gets the event adds the new build to the ring. The event's number changes whenever struct
 * sibling or one of its callbacks changes, so only builds that can call each other share a ring.
 * Builds in different rings still work side by side. But the newer build's handler keeps calling
 * the older build's handler, so the older build cannot be unloaded until the newer build is
 * unloaded.
 *
 * Locking: rtnl_lock() guards changes of the ring, and the changes that siblings make to the chain
 * of handlers. Readers use RCU.
 */
#include "in/siblings.h"

#include <linux/notifier.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <net/netevent.h>

/* event number; increase it when struct sibling or a callback changes */
#define GREETING	0x78746303

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
	/*
	 * all builds that know this event are in one ring, which must get the newcomer only once:
	 * stop the event here
	 */
	return NOTIFY_STOP;
}

static struct notifier_block greetings = {
	.notifier_call = greeted,
};

/**
 * xtcp_siblings_join() - announce ourselves to the builds that are loaded
 * @links: our position in each chain of handlers, indexed by enum xtcp_sibling_ip
 * @keeps: before a listener of a sibling takes a segment, the sibling calls this function to ask
 *	whether a connection of ours owns the segment
 * @wants: when a SYN would reopen a TIME-WAIT record of a sibling, the sibling calls this function
 *	to ask whether a listener of ours wants the SYN; if so, the sibling ends the record
 *
 * Context: process, module init, may sleep.
 */
void xtcp_siblings_join(const struct xtcp_sibling_link *links, xtcp_sibling_keeps keeps, xtcp_sibling_wants wants)
{
	rtnl_lock();
	self.links = links;
	self.keeps = keeps;
	self.wants = wants;
	/*
	 * @keeps and @wants read data that our init has written. Nothing orders these reads after
	 * the read of the callback's address, so every CPU must see the data before a sibling can
	 * find us
	 */
	synchronize_net();
	call_netevent_notifiers(GREETING, &self);
	register_netevent_notifier(&greetings);
	rtnl_unlock();
}

/**
 * xtcp_siblings_put_in() - put our handler in front of all others
 * @ip: IPv4's handler or IPv6's
 * @install: puts the handler into inet_protos[] or inet6_protos[]; returns 0 or a negative errno
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
	WRITE_ONCE(self.in_chain[ip], !err);
	rtnl_unlock();
	return err;
}

/* The sibling whose handler calls ours, or NULL. The RCU read side or rtnl_lock() is held. */
static struct sibling *in_front(enum xtcp_sibling_ip ip)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring, lockdep_rtnl_is_held())
		if (READ_ONCE(sibling->in_chain[ip]) && READ_ONCE(*sibling->links[ip].saved) == self.links[ip].ours)
			return sibling;
	return NULL;
}

/**
 * xtcp_siblings_call_ours() - does a sibling's handler call ours?
 * @ip: IPv4's handler or IPv6's
 *
 * Context: process. While siblings are loaded or unloaded, the answer may be out of date.
 *
 * Return: true if so.
 */
bool xtcp_siblings_call_ours(enum xtcp_sibling_ip ip)
{
	bool is_called;

	rcu_read_lock();
	is_called = in_front(ip);
	rcu_read_unlock();
	return is_called;
}

/*
 * Takes our handler out of the chain if a sibling's handler calls it: from now on, the sibling's
 * handler calls the handler behind ours. Return: false when no sibling's handler calls our handler.
 */
static bool step_over(enum xtcp_sibling_ip ip)
{
	struct sibling *sibling = in_front(ip);

	ASSERT_RTNL();
	if (sibling)
		WRITE_ONCE(*sibling->links[ip].saved, *self.links[ip].saved);
	return sibling;
}

/**
 * xtcp_siblings_take_out() - take our handler out of the chain
 * @ip: IPv4's handler or IPv6's
 * @restore: takes our handler out of inet_protos[] or inet6_protos[]; returns false when another
 *	module's handler is in the array
 *
 * Our handler leaves the chain if it is the first of the chain, or directly behind a sibling's
 * handler. It may still run until a grace period has passed.
 *
 * Context: process, module exit, may sleep.
 *
 * Return: false when the handler directly in front of ours is not a sibling's; nothing has changed
 * then.
 */
bool xtcp_siblings_take_out(enum xtcp_sibling_ip ip, bool (*restore)(void))
{
	bool out;

	rtnl_lock();
	out = step_over(ip) || restore();
	if (out)
		WRITE_ONCE(self.in_chain[ip], false);
	rtnl_unlock();
	return out;
}

/**
 * xtcp_siblings_leave() - leave the ring
 *
 * Our handlers have left both chains, but may still run and walk the ring. A walk ends when it
 * comes back to our entry, so the entry must not leave the ring during a walk. This function first
 * waits until our handlers have finished. Siblings may still call us until another grace period has
 * passed.
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
 * xtcp_siblings_keep() - does a connection of another build own a segment that would go to a
 *	listener of ours?
 * @skb: at the TCP header, which is linear
 *
 * If the segment is a SYN that would reopen a TIME-WAIT record of a sibling, and our listener wants
 * the SYN, the sibling ends the record.
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when a connection of another build owns the segment; the caller passes the segment
 * on to the next handler.
 */
bool xtcp_siblings_keep(struct sk_buff *skb)
{
	struct sibling *sibling;

	list_for_each_entry_rcu(sibling, &self.ring, ring)
		if (sibling->keeps(skb, self.wants))
			return true;
	return false;
}

/**
 * xtcp_siblings_want() - does a listener of another build want a SYN that would reopen a TIME-WAIT
 *	record of ours?
 * @skb: at the TCP header, which is linear
 *
 * Context: softirq, RCU read side.
 *
 * Return: true when a listener wants the SYN and has room for the connection.
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
 * xtcp_siblings_set_family() - publish our family number to the other builds
 * @family: the number that we have registered; 0 when we have none any more
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
 * xtcp_siblings_have_family() - does another build have this family?
 * @family: the number of the family
 * @name: receives the name of that build
 * @size: octets in @name
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
