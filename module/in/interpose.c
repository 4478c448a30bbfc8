// SPDX-License-Identifier: GPL-2.0
/*
 * Our protocol handlers, installed in front of kernel TCP's. They decide whether a segment is ours.
 *
 * IP looks up the handler of protocol 6 in an array, inet_protos[] or inet6_protos[]. Our handler
 * replaces kernel TCP's there, and passes every foreign segment on to it, untouched. Until we know
 * that a segment is ours, we may only pull its header into the linear part. Nearly all segments of
 * kernel TCP fail one cheap test: a bit says whether this module has reserved the local port.
 *
 * The handler decides in this order:
 *
 * 1. A socket is attached to the segment already. If our early demux has attached it, the segment is
 *    ours; otherwise (TPROXY, sk_assign) kernel TCP's.
 * 2. The bit of the local port is not set: kernel TCP's.
 * 3. A connection of ours has exactly this tuple: ours. But a TIME-WAIT record ends, and the segment
 *    is not ours, if kernel TCP has a connection with this tuple; or if the segment is a SYN that would
 *    reopen the record, for which not we, but kernel TCP or another build of this module has a
 *    listener. The program may have moved its listener to that stack.
 * 4. A SYN for a listener of ours is ours, unless kernel TCP or another build has a connection with
 *    this tuple. So are segments that a listener drops without an answer: SYN with FIN, and none of
 *    SYN, ACK, RST. Kernel TCP has no listener there, and would answer with a RST.
 * 5. An ACK for a listener of ours is ours if its cookie is valid, or if the listener has a signature
 *    key (MD5 or TCP-AO) for the peer: kernel TCP would answer without a signature. While the listener
 *    of another build drains, whose socket ours has taken over, a key does not suffice: that build
 *    answers. The exception of item 4 holds here, too.
 * 6. All other segments are kernel TCP's, which also answers those that belong to no connection. So a
 *    program that moves its listener to xtcp keeps the connections that kernel TCP has accepted.
 *
 * Other instances are other builds of this module, under other names, that are loaded at the same time.
 * The kernel prevents most conflicts: its bind table says which ports are taken (ports.h), and a
 * family, a name in /proc or a sysctl can be registered only once. Three remain:
 *
 *  - The chain of handlers. That of the build that was loaded last is in the array. Each calls the
 *    handler of the build that was loaded directly before, and leaves the chain with its build.
 *  - The owner of a segment. One build may have a connection on a port on which another listens. So
 *    before a listener takes a segment, its build asks kernel TCP and the other builds.
 *  - A family number that is taken. The new build names the owner in the log.
 *
 * Each build has one entry in a ring. A new build announces itself by an event on the notifier
 * chain netevent, whose users ignore events that they do not know; the first build that gets it
 * adds the new one. The event's number changes whenever struct instance or one of its callbacks
 * changes, so only builds that can call each other share a ring. In different rings they still work
 * side by side, but the older one cannot be unloaded before the newer one, whose handler calls it.
 *
 * Locking: rtnl_lock() guards changes of the ring and of the chain of handlers. Readers use RCU.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/icmpv6.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>
#include <net/netevent.h>
#include <net/protocol.h>

#include "in/in.h"
#include "listen/listen.h"
#include "ports/ports.h"
#include "timewait/timewait.h"

/* increase it when struct instance, struct xtcp_build_calls, what that names or a callback changes */
#define GREETING	0x78746307

struct instance {
	struct list_head ring;
	const char *name;		/* the module's */
	char shown[GENL_NAMSIZ];	/* the name that users know (names.c), in place of the module's */
	int family;			/* 0: none yet */
	const struct xtcp_build_calls *calls;
	xtcp_instance_keeps keeps;
	xtcp_instance_wants wants;
	const struct xtcp_instance_link *links;
	bool in_chain[XTCP_SIBLING_IPS];
};

static struct instance self = { .ring = LIST_HEAD_INIT(self.ring), .name = KBUILD_MODNAME, .shown = KBUILD_MODNAME };

static int greeted(struct notifier_block *nb, unsigned long event, void *newcomer)
{
	struct instance *instance = newcomer;

	if (event != GREETING)
		return NOTIFY_DONE;
	list_add_tail_rcu(&instance->ring, &self.ring);
	/* all builds that know this event are in one ring, which must get the newcomer only once */
	return NOTIFY_STOP;
}

static struct notifier_block greetings = { .notifier_call = greeted };

static struct instance *shown_as(const char *name)
{
	struct instance *instance;

	list_for_each_entry_rcu(instance, &self.ring, ring, lockdep_rtnl_is_held())
		if (!strcmp(instance->shown, name))
			return instance;
	return NULL;
}

/*
 * Announces us to the builds that are loaded. If one of them has our name, we get that of its module, or
 * who has that gives us the next. @keeps and @wants: in.h.
 */
static void xtcp_instances_join(const struct xtcp_instance_link *links, xtcp_instance_keeps keeps,
				xtcp_instance_wants wants)
{
	const struct instance *other;

	rtnl_lock();
	self.links = links;
	self.keeps = keeps;
	self.wants = wants;
	/* they read data of our init, which every CPU must see before another instance can find us */
	synchronize_net();
	call_netevent_notifiers(GREETING, &self);
	while ((other = shown_as(self.shown)))
		strscpy(self.shown, other->name, sizeof(self.shown));
	register_netevent_notifier(&greetings);
	rtnl_unlock();
}

/* in front of all others; @install puts it into inet_protos[] or inet6_protos[] */
static int xtcp_instances_put_in(enum xtcp_instance_ip ip, int (*install)(void))
{
	int err;

	rtnl_lock();
	err = install();
	WRITE_ONCE(self.in_chain[ip], !err);
	rtnl_unlock();
	return err;
}

/* whose handler calls ours, or NULL. The RCU read side or rtnl_lock() is held */
static struct instance *in_front(enum xtcp_instance_ip ip)
{
	struct instance *instance;

	list_for_each_entry_rcu(instance, &self.ring, ring, lockdep_rtnl_is_held())
		if (READ_ONCE(instance->in_chain[ip]) && READ_ONCE(*instance->links[ip].saved) == self.links[ip].ours)
			return instance;
	return NULL;
}

/* If another instance's handler calls ours, it calls the handler behind ours from now on. */
static bool step_over(enum xtcp_instance_ip ip)
{
	struct instance *instance = in_front(ip);

	ASSERT_RTNL();
	if (instance)
		WRITE_ONCE(*instance->links[ip].saved, *self.links[ip].saved);
	return instance;
}

static void **handler_place(enum xtcp_instance_ip ip)
{
	return ip == XTCP_SIBLING_V4 ? (void __force **)&inet_protos[IPPROTO_TCP] :
				       (void __force **)&inet6_protos[IPPROTO_TCP];
}

/* Is the saved handler in the array afterwards? If another module's is there, it may call ours. */
static bool is_restored(enum xtcp_instance_ip ip)
{
	const void *ours = self.links[ip].ours, *saved = *self.links[ip].saved;
	const void *was = cmpxchg(handler_place(ip), (void *)ours, (void *)saved);

	return was == ours || was == saved;
}

/* Our handler leaves if it is the first, or directly behind another instance's; it may run for a grace period more. */
static bool xtcp_instances_take_out(enum xtcp_instance_ip ip)
{
	bool out;

	rtnl_lock();
	out = step_over(ip) || is_restored(ip);
	if (out)
		WRITE_ONCE(self.in_chain[ip], false);
	rtnl_unlock();
	return out;
}

/*
 * Our handlers have left both chains, but may still walk the ring until they come back to our
 * entry. Other instances may call us for a grace period more.
 */
static void xtcp_instances_leave(void)
{
	synchronize_net();
	rtnl_lock();
	unregister_netevent_notifier(&greetings);
	list_del_rcu(&self.ring);
	rtnl_unlock();
}

/*
 * Does a connection of another build own a segment that would go to a listener of ours? If it is a
 * SYN that would reopen a record of that build, and our listener wants it, that ends the record.
 */
static bool xtcp_instances_keep(struct sk_buff *skb)
{
	struct instance *instance;

	list_for_each_entry_rcu(instance, &self.ring, ring)
		if (instance->keeps(skb, self.wants))
			return true;
	return false;
}

/* A SYN would reopen a TIME-WAIT record of ours: has another build a listener with room? */
static bool xtcp_instances_want(struct sk_buff *skb)
{
	struct instance *instance;

	list_for_each_entry_rcu(instance, &self.ring, ring)
		if (instance->wants(skb))
			return true;
	return false;
}

/**
 * xtcp_instances_set_family() - publish our family number to the other builds; 0: none any more
 * @family: the family number
 * @calls: for XTCP_TAKE_OVER
 * Context: process, may sleep.
 */
void xtcp_instances_set_family(int family, const struct xtcp_build_calls *calls)
{
	rtnl_lock();
	self.family = family;
	WRITE_ONCE(self.calls, calls);
	rtnl_unlock();
}

/* Does another build have this family? @name: receives the name of that build. Process, may sleep. */
bool xtcp_instances_have_family(int family, char *name, size_t size)
{
	struct instance *instance;
	bool found = false;

	rtnl_lock();
	list_for_each_entry(instance, &self.ring, ring) {
		if (instance->family != family)
			continue;
		strscpy(name, instance->name, size);
		found = true;
	}
	rtnl_unlock();
	return found;
}

const struct xtcp_build_calls *xtcp_instances_calls(const struct proto *prot)
{
	const struct xtcp_build_calls *calls;
	const struct instance *instance;

	list_for_each_entry_rcu(instance, &self.ring, ring) {
		calls = READ_ONCE(instance->calls);
		if (calls && calls->operations_of(prot))
			return calls;
	}
	return NULL;
}

const struct xtcp_build_calls *xtcp_instances_own(void)
{
	return READ_ONCE(self.calls);
}

/**
 * xtcp_instances_hold() - the calls of another build; NULL: there is none, or it goes
 * @family: the build that has this family
 * @prot: or that of a sock with this protocol, or NULL
 * @shown: or the one that users know by this name, or NULL
 * Context: process, may sleep. The caller puts calls->owner, a reference to the module.
 */
const struct xtcp_build_calls *xtcp_instances_hold(int family, const struct proto *prot, const char *shown)
{
	const struct xtcp_build_calls *calls, *found = NULL;
	const struct instance *instance;

	rtnl_lock();
	list_for_each_entry(instance, &self.ring, ring) {
		calls = instance->calls;
		if (calls && (prot ? !!calls->operations_of(prot) :
			      shown ? !strcmp(instance->shown, shown) : instance->family == family) &&
		    try_module_get(calls->owner))
			found = calls;
	}
	rtnl_unlock();
	return found;
}

/* The name that users know. Lock: xtcp_instances_mutex, rtnl_lock(), or one that keeps namespaces from beginning. */
const char *xtcp_instances_name(void)
{
	return self.shown;
}

/*
 * Takes this name. The build of @calls, which has it, gets ours. Return: false: another one has it, or nobody.
 * Process, may sleep. Lock: xtcp_instances_lock().
 */
bool xtcp_instances_take_name(const char *name, const struct xtcp_build_calls *calls)
{
	struct instance *other;
	bool takes;

	rtnl_lock();
	other = shown_as(name);
	takes = other && other->calls == calls;
	if (takes) {
		strscpy(other->shown, self.shown, sizeof(other->shown));
		strscpy(self.shown, name, sizeof(self.shown));
	}
	rtnl_unlock();
	return takes;
}

/* Guards the family's number, the name that users know, and the sockets of listeners that another build takes over. */
DEFINE_MUTEX(xtcp_instances_mutex);

/**
 * xtcp_instances_lock() - lock our family and listening sockets, and those of another build
 * @calls: of the other build, or NULL
 * Context: process, may sleep. Two builds lock each other in one order, by address.
 */
void xtcp_instances_lock(const struct xtcp_build_calls *calls)
{
	struct mutex *first = &xtcp_instances_mutex, *second = calls ? calls->mutex : NULL;

	if (second && second < first)
		swap(first, second);
	mutex_lock(first);
	if (second)
		mutex_lock_nested(second, SINGLE_DEPTH_NESTING);
}

void xtcp_instances_unlock(const struct xtcp_build_calls *calls)
{
	if (calls)
		mutex_unlock(calls->mutex);
	mutex_unlock(&xtcp_instances_mutex);
}

#define ROUNDS_A_SECOND	50	/* tries of restore() per second */

/*
 * What stood in inet_protos[] before ours, until our handler has run for the last time. If it is
 * another build's, which is unloaded first, that build puts here what it has saved itself.
 */
static const struct net_protocol *saved_v4;
static struct net_protocol ours_v4;

static struct xtcp_net *net_of(const struct sk_buff *skb)
{
	return xtcp_net_rcu(dev_net(skb->dev));
}

/* By the destination port, for each TCP segment, also kernel TCP's; one without it is not ours. */
static inline bool might_be_ours(const struct xtcp_net *xn, struct sk_buff *skb)
{
	return pskb_may_pull(skb, offsetofend(struct tcphdr, dest)) &&
	       xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(((const struct tcphdr *)skb->data)->dest));
}

/* By the quoted source port. @offset: octets before the quoted TCP header. */
static bool error_might_be_ours(const struct xtcp_net *xn, const struct sk_buff *skb, int offset)
{
	const __be16 *port;
	__be16 buf;

	port = skb_header_pointer(skb, offset + offsetof(struct tcphdr, source), sizeof(buf), &buf);
	return port && xtcp_lease_port_might_be_ours(&xn->port_bits, ntohs(*port));
}

/*
 * May a TIME-WAIT record of ours end for this SYN? Not where nobody listens (RFC 1337), or the
 * accept queue is full, or the TTL too low. @elsewhere: does a listener of another build want it?
 */
static bool is_listened_for(struct xtcp_net *xn, const struct xtcp_demux_key *key, struct sk_buff *skb,
			    xtcp_instance_wants elsewhere)
{
	const struct sock *lsk;

	/* new connections are not for one that drains */
	lsk = xtcp_listeners_lookup(xn, key);
	if (lsk && !xtcp_relay_drains(lsk))
		return false;
	if (elsewhere(skb))
		return true;
	lsk = xtcp_compat_kernel_listener(xn->net, skb, &key->tuple, key->dif, key->sdif);
	return lsk && !sk_acceptq_is_full(lsk) && xtcp_checks_hops(lsk, skb);
}

/* Must @conn end, as the segment is kernel TCP's or another build's? Only a record may. @elsewhere: as above. */
static bool record_makes_way(struct xtcp_net *xn, const struct xtcp_demux_key *key, struct xtcp_conn *conn,
			     struct sk_buff *skb, xtcp_instance_wants elsewhere)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if (conn->kind != XTCP_CONN_TIMEWAIT || skb->pkt_type != PACKET_HOST)
		return false;
	/* a program may have bound the record's port with SO_REUSEADDR, and have connected to the same peer */
	if (xtcp_demux_kernel_holds(xn->net, key))
		return true;
	if (!th->syn || th->ack || th->rst || th->fin)
		return false;
	return xtcp_timewait_syn_reopens(container_of(conn, struct xtcp_timewait, conn), skb) &&
	       is_listened_for(xn, key, skb, elsewhere) && xtcp_checksum_ok(skb);
}

/* A listener without queues has just ended: the next lookup does not find it. */
static struct xtcp_listener *find_listener(struct xtcp_net *xn, const struct xtcp_demux_key *key)
{
	struct xtcp_listener *listener;
	struct sock *lsk;

	do {
		lsk = xtcp_listeners_lookup(xn, key);
		listener = lsk ? xtcp_listen_queues(lsk) : NULL;
	} while (lsk && !listener);
	return listener;
}

static bool listener_wants(struct xtcp_listener *listener, struct sk_buff *skb, const struct xtcp_demux_key *key)
{
	const struct tcphdr *th = (const struct tcphdr *)skb->data;

	if (th->rst)
		return false;
	if (!th->ack)
		return !READ_ONCE(listener->deserted);
	/* first: an ACK that lacks its signature must not count as one with a bad cookie. Who drains refuses it */
	if (!xtcp_relay_has_older(listener) &&
	    xtcp_signer_is_due(listener->sk, &key->tuple.faddr, key->sdif ? key->dif : 0))
		return true;
	return !th->syn && xtcp_cookieack_is_ours(listener, skb, key);
}

/* Return: false when the segment is kernel TCP's; it is unchanged then. */
static bool take(struct xtcp_net *xn, struct sk_buff *skb)
{
	struct xtcp_listener *listener;
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;

	if (!pskb_may_pull(skb, sizeof(struct tcphdr)))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	/* an IPv6 packet with a v4-mapped address must not match a connection over IPv4 */
	if (ip_hdr(skb)->version != 4 && ipv6_addr_v4mapped(&key.tuple.faddr))
		return false;

	while ((conn = xtcp_demux_lookup(xn, &key))) {
		if (record_makes_way(xn, &key, conn, skb, xtcp_instances_want)) {
			xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
			return false;
		}
		if (xtcp_ingress_conn(xn, skb, conn, &key))
			return true;
		/* the sock has left the table, and ended: the next lookup finds another connection or none */
	}

	listener = find_listener(xn, &key);
	if (!listener || !listener_wants(listener, skb, &key) || xtcp_demux_kernel_holds(xn->net, &key) ||
	    xtcp_instances_keep(skb))
		return false;
	xtcp_ingress_listener(xn, skb, xtcp_group_choose(listener->sk, key.hash >> 32, skb), &key);
	return true;
}

/*
 * Another build asks, before a listener of its own takes the segment (item 3 above). This must not
 * walk the ring of builds, because we may be leaving it.
 */
static bool keeps(struct sk_buff *skb, xtcp_instance_wants wanted)
{
	struct xtcp_net *xn = net_of(skb);
	struct xtcp_demux_key key;
	struct xtcp_conn *conn;

	if (!might_be_ours(xn, skb))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	conn = xtcp_demux_lookup(xn, &key);
	if (!conn)
		return false;
	if (!record_makes_way(xn, &key, conn, skb, wanted))
		return true;
	xtcp_record_drop(xn, container_of(conn, struct xtcp_timewait, conn));
	return false;
}

/* Another build asks, if the SYN would reopen a TIME-WAIT record of that build. */
static bool wants(struct sk_buff *skb)
{
	struct xtcp_net *xn = net_of(skb);
	const struct xtcp_listener *listener;
	struct xtcp_demux_key key;

	if (!might_be_ours(xn, skb))
		return false;
	xtcp_demux_key_from_skb(xn, skb, &key);
	listener = find_listener(xn, &key);
	return listener && !READ_ONCE(listener->deserted) && !xtcp_acceptq_is_full(listener) &&
	       xtcp_checks_hops(listener->sk, skb);
}

static __always_inline bool is_ours(struct sk_buff *skb)
{
	struct sock *sk = skb->sk ? xtcp_early_take(skb) : NULL;
	struct xtcp_net *xn;

	if (sk) {
		xtcp_ingress_sock(xtcp_net_of(sk), skb, sk);
		sock_put(sk);
		return true;
	}
	xn = net_of(skb);
	return !skb->sk && might_be_ours(xn, skb) && take(xn, skb);
}

/* Softirq, RCU read side. */
static int interpose_v4_rcv(struct sk_buff *skb)
{
	return is_ours(skb) ? 0 : READ_ONCE(saved_v4)->handler(skb);
}

/* skb->data is the quoted IP header. */
static int interpose_v4_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	int err;

	if (error_might_be_ours(net_of(skb), skb, iph->ihl * 4) && xtcp_icmp_v4(skb, info, &err))
		return err;
	return READ_ONCE(saved_v4)->err_handler(skb, info);
}

static int install_v4(void)
{
	struct net_protocol *saved = rcu_access_pointer(inet_protos[IPPROTO_TCP]);

	if (!saved)
		return -EPROTONOSUPPORT;
	ours_v4 = *saved;
	ours_v4.handler = interpose_v4_rcv;
	ours_v4.err_handler = interpose_v4_err;
	saved_v4 = saved;
	/* our handler reads global data, which every CPU must see before it can find the handler */
	synchronize_net();
	if (cmpxchg((struct net_protocol __force **)&inet_protos[IPPROTO_TCP], saved, &ours_v4) != saved)
		return -EBUSY;
	return 0;
}

static const struct inet6_protocol *saved_v6;
static struct inet6_protocol ours_v6;

static int interpose_v6_rcv(struct sk_buff *skb)
{
	return is_ours(skb) ? 0 : READ_ONCE(saved_v6)->handler(skb);
}

/* @offset: octets before the quoted TCP header. */
static int interpose_v6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code, int offset, __be32 info)
{
	int err;

	if (error_might_be_ours(net_of(skb), skb, offset) && xtcp_icmp_v6(skb, opt, type, code, offset, info, &err))
		return err;
	return READ_ONCE(saved_v6)->err_handler(skb, opt, type, code, offset, info);
}

static int install_v6(void)
{
	struct inet6_protocol *saved = rcu_access_pointer(inet6_protos[IPPROTO_TCP]);

	/* IPv6 is off: ipv6.disable=1 */
	if (!saved)
		return 0;
	ours_v6 = *saved;
	ours_v6.handler = interpose_v6_rcv;
	ours_v6.err_handler = interpose_v6_err;
	saved_v6 = saved;
	/* see install_v4() */
	synchronize_net();
	if (cmpxchg((struct inet6_protocol __force **)&inet6_protos[IPPROTO_TCP], saved, &ours_v6) != saved) {
		saved_v6 = NULL;
		return -EBUSY;
	}
	return 0;
}

static const struct xtcp_instance_link links[XTCP_SIBLING_IPS] = {
	[XTCP_SIBLING_V4] = { &ours_v4, (const void **)&saved_v4 },
	[XTCP_SIBLING_V6] = { &ours_v6, (const void **)&saved_v6 },
};

static_assert(!offsetof(struct net_protocol, handler) && !offsetof(struct inet6_protocol, handler));

/* The RCU read side keeps the handler's struct alive. */
static void say_who(enum xtcp_instance_ip ip)
{
	const struct net_protocol *other;

	rcu_read_lock();
	other = READ_ONCE(*handler_place(ip));
	if (other)
		pr_info("stays until %ps gives the IPv%d handler of TCP back\n", other->handler,
			ip == XTCP_SIBLING_V4 ? 4 : 6);
	rcu_read_unlock();
}

/*
 * If a handler that is no instance's is directly in front of ours, waits until it is gone, and
 * names the first once a second. That module has put it there after its init
 * (look_who_is_in_front()).
 */
static void restore(enum xtcp_instance_ip ip)
{
	int rounds = 0;

	/* IPv6 is off */
	if (!*links[ip].saved)
		return;
	while (!xtcp_instances_take_out(ip)) {
		if (!(rounds++ % ROUNDS_A_SECOND))
			say_who(ip);
		msleep(MSEC_PER_SEC / ROUNDS_A_SECOND);
	}
}

/* While other instances are loaded or unloaded, the answer may be out of date. */
static bool is_foreign_in_front(enum xtcp_instance_ip ip)
{
	bool is_called;

	rcu_read_lock();
	is_called = in_front(ip);
	rcu_read_unlock();
	return *links[ip].saved && READ_ONCE(*handler_place(ip)) != links[ip].ours && !is_called;
}

/*
 * While a foreign module's handler in front of ours calls it, this module holds itself, so that
 * rmmod says at once that it is in use: module exit could only wait, which no signal would end.
 * Such a module usually comes and goes in its init and exit, after which the kernel tells us.
 */
static int look_who_is_in_front(struct notifier_block *nb, unsigned long event, void *module)
{
	static DEFINE_MUTEX(hold_lock);
	bool foreign[XTCP_SIBLING_IPS];
	enum xtcp_instance_ip ip;
	static bool held;

	mutex_lock(&hold_lock);
	for (ip = 0; ip < XTCP_SIBLING_IPS; ip++)
		foreign[ip] = is_foreign_in_front(ip);
	if (!foreign[XTCP_SIBLING_V4] && !foreign[XTCP_SIBLING_V6]) {
		if (held)
			module_put(THIS_MODULE);
		held = false;
	} else if (!held) {
		held = try_module_get(THIS_MODULE);
		for (ip = 0; ip < XTCP_SIBLING_IPS; ip++)
			if (foreign[ip])
				say_who(ip);
	}
	mutex_unlock(&hold_lock);
	return NOTIFY_DONE;
}

static struct notifier_block modules_come_and_go = { .notifier_call = look_who_is_in_front };

/* Return: 0; -EBUSY when another module changes the array now; -EPROTONOSUPPORT without kernel TCP. */
static int interpose_init(void)
{
	int err;

	xtcp_instances_join(links, keeps, wants);
	err = xtcp_instances_put_in(XTCP_SIBLING_V4, install_v4);
	if (err)
		goto err_leave;
	err = xtcp_instances_put_in(XTCP_SIBLING_V6, install_v6);
	if (err)
		goto err_v4;
	err = register_module_notifier(&modules_come_and_go);
	if (err)
		goto err_v6;
	return 0;

err_v6:
	restore(XTCP_SIBLING_V6);
err_v4:
	restore(XTCP_SIBLING_V4);
err_leave:
	xtcp_instances_leave();
	synchronize_net();
	return err;
}

/* On return none of our handlers runs or will run. May wait for a foreign module: restore(). */
static void interpose_exit(void)
{
	unregister_module_notifier(&modules_come_and_go);
	restore(XTCP_SIBLING_V6);
	restore(XTCP_SIBLING_V4);
	xtcp_instances_leave();
	synchronize_net();
}

const struct xtcp_part xtcp_interpose_part = { interpose_init, interpose_exit };
