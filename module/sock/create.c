// SPDX-License-Identifier: GPL-2.0
/*
 * The life of struct xtcp_sock: allocated, cloned, freed. end.c ends it.
 *
 * xtcp locking
 * ============
 *
 * "both": taken in process context and in softirq; "proc": in process context alone.
 *
 * lock                      protects                                in    nests inside
 * ------------------------  --------------------------------------  ----  -----------------------
 * socket lock (lock_sock,   one xtcp_sock, except where sock.h      both  -
 *  or bh_lock_sock when     says otherwise
 *  no user owns it)
 * xtcp_listener.lock        the two queues of a listener            both  its socket lock, or a
 *                                                                         child's; that of one that
 *                                                                         ends and moves its queues
 *                                                                         to this one (handover.c)
 * xtcp_shard.lock           lists and timer of records, orphans     both  a socket lock
 * xtcp_portmap.lock         the map of ports in use towards one     both  a socket lock,
 *                           destination; never two at once                xtcp_listener.lock
 * xtcp_portmaps.lock        the list of these maps                  both  the same; never
 *                                                                         xtcp_portmap.lock
 * xtcp_portlist.lock        our socks in kernel TCP's bind table    both  a socket lock,
 *                           (leases), and who may share them;             xtcp_listener.lock
 *                           each is for every 64th port (ports.h);
 *                           never two at once
 * bucket owner.lock         the sock of a processor that binds      both  xtcp_portlist.lock
 *                           shared ports (lease.c)
 * xtcp_rest.listeners_lock  changes of the listener table; may      proc  a socket lock
 *                           sleep
 * xtcp_rest.handovers_lock  listeners that wait for a successor     proc  a socket lock
 * guests_lock               those of guests (both: handover.c)      proc  handovers_lock
 * xtcp_incoming.cpus        listeners with SO_INCOMING_CPU          proc  listeners_lock
 * xtcp_net.starting         set-up of a namespace at its first      proc  a socket lock
 *                           use; may sleep
 * xtcp_net.policy_lock      changes of the rules for new            proc  -
 *                           connections (policy.c); may sleep
 * key_lock                  whether any connection may have a       proc  xtcp_net.policy_lock
 *                           black box (blackbox.c); may sleep
 * xtcp_fastopenq.lock       the count of connections before their   both  a socket lock
 *                           handshake is complete
 * xtcp_rest.aborted         socks that are open after an abort      both  a socket lock
 * closed_list.lock          those that programs have closed (both:  both  a socket lock
 *                           end.c)
 * boxes_lock                the black boxes (blackbox.c)            both  every lock above
 * buckets of the table      changes of the table of connections     both  every lock above
 * bhash[].lock, then        kernel TCP's bind table                 both  xtcp_portlist.lock, bucket
 *  bhash2[].lock                                                          owner.lock, and theirs
 *
 * When the handshake's last ACK makes a child, the child's own socket lock is held. Nobody waits
 * for the child's lock, because the child is a new clone. Inside the child's lock,
 * xtcp_listener.lock is taken only to move the entry and to queue the child. A child's lock nests
 * inside its listener's socket lock in one case only: the listener ends, and resets or hands over
 * the children that nobody accepted. Softirq never takes a listener's socket lock, so no SYN is
 * lost while a program is busy in listen() or setsockopt().
 *
 * Process context takes the socket lock by lock_sock() and may sleep. Softirq takes the spinlock
 * inside it by bh_lock_sock(). If process context owns the sock at that time, softirq leaves the
 * work to release_sock(): a segment on the backlog, or a bit in sk_tsq_flags for any other work.
 *
 * Lookups in the tables run under RCU. A lookup takes a reference to a full sock by
 * refcount_inc_not_zero(). Entries and records are used only inside the RCU section, under the lock
 * of their list, and only if their "dead" bit is not set. But a connection that takes the tuple of
 * a record may also take the place of a dead one (timewait.c). Listeners are used inside the RCU
 * section without a reference.
 *
 * These hold a reference to a full sock: its present owner, the table (demux.c), each pending timer
 * (sk_reset_timer(), pace.c), and a lookup until it is done. The owner is the file, the accept
 * queue or a handover (handover.c). An outgoing skb counts in sk_wmem_alloc, which only keeps the
 * sock's memory; but code below TCP, such as netem, may take references. The memory of a sock holds
 * the module (end.c).
 */
#include "sock/create.h"

#include "base/sock.h"
#include "expiry/expiry.h"
#include "policy/policy.h"
#include "send/send.h"

/* When the memory of the sock is freed: no Fast Open state and no keys are left. */
static void free_cold(struct sock *sk)
{
	struct xtcp_cold *cold = xtcp_cold(sk);

	if (likely(!cold))
		return;
	WARN_ON_ONCE(cold->fastopenq || !hlist_empty(&cold->keys) || cold->ao);
	kfree(cold);
}

/*
 * The keys of TCP_MD5SIG and TCP-AO are freed with the sock's memory and not before: a segment may
 * find the sock just before it ends. It is checked with them, and the RST that answers it signed.
 */
static void free_parts(struct sock *sk)
{
	/* the sock of another build that had the socket before (handover.c) */
	if (unlikely(sk->sk_user_data))
		sock_put((struct sock *)((uintptr_t)sk->sk_user_data & SK_USER_DATA_PTRMASK));
	xtcp_closed_freed(sk);
	kfree(xtcp_sk(sk)->pace);
	xtcp_algorithms_put(xtcp_sk(sk)->algorithm);
	xtcp_keys_free(sk);
	free_cold(sk);
}

static void destruct_v4(struct sock *sk)
{
	free_parts(sk);
	inet_sock_destruct(sk);
}

static void destruct_v6(struct sock *sk)
{
	free_parts(sk);
	inet6_sock_destruct(sk);
}

/**
 * xtcp_sock_reset_tcb() - set the TCB to its state before OPEN (RFC 9293 section 3.3.1)
 * @sk: a new sock, a clone of a listener, or a sock that disconnects; it has no data state
 *
 * Options that the program has set stay; those that a rule of the policy table has set are reset.
 * Context: softirq or process. Lock: socket, held, unless nobody else can find @sk yet.
 */
void xtcp_sock_reset_tcb(struct sock *sk)
{
	struct xtcp_sock *xsk = xtcp_sk(sk);

	if (unlikely(xsk->by_rule))
		xtcp_policy_undo(sk);
	memset_startat(xsk, 0, snd);
	memset(&xsk->inet.cork, 0, sizeof(xsk->inet.cork));
	xsk->stream = XTCP_STREAM_NONE;
	sk->tcp_rtx_queue = RB_ROOT;
	sk->sk_tsq_flags = 0;
	xsk->algorithm_locked = false;
	xtcp_agreed_peer_mss(&xsk->agreed, XTCP_MSS_DEFAULT_V4, 0);
	xsk->mss = XTCP_MSS_DEFAULT_V4;
	xsk->rcv_mss = XTCP_MSS_DEFAULT_V4;
	xsk->rcv_ratio = XTCP_SPACE_RATIO_FIRST;
	xsk->cong.ssthresh = U32_MAX;
	xsk->cong.cwnd = XTCP_INIT_CWND * XTCP_MSS_DEFAULT_V4;
	xtcp_rto_init(&xsk->rto);
}

/* proto.init: sets up the xtcp part of a new sock, whose inet part family.c has set up. */
int xtcp_sock_init(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	struct xtcp_sock *xsk = xtcp_sk(sk);

	BUILD_BUG_ON(offsetofend(struct xtcp_sock, limit_by_rule) > offsetofend(struct inet_sock, cork));
	/* twelve socks of 1,344 octets fit into a slab of 16 KiB, but only eleven larger ones; 992: inet_sock on 6.1 */
	BUILD_BUG_ON(sizeof(struct xtcp_sock) - offsetof(struct xtcp_sock, xn) > 1344 - 992);
	xsk->xn = xn;
	sk->sk_destruct = destruct_v4;
	if (sk->sk_family == AF_INET6)
		sk->sk_destruct = destruct_v6;
	sock_set_flag(sk, SOCK_RCU_FREE);
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	xsk->conn.kind = XTCP_CONN_SOCK;
	xsk->left_table = get_completed_synchronize_rcu();
	xtcp_sock_reset_tcb(sk);
	xtcp_algorithms_assign(sk);
	xtcp_timer_handlers_init(sk);
	sk->sk_state = TCP_CLOSE;
	sk->sk_write_space = xtcp_sndbuf_write_space;
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(xn->sysctl.wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(xn->sysctl.rmem[1]));
	sk_sockets_allocated_inc(sk);
	return 0;
}

static void clone_ipv6_part(struct sock *child, const struct sock *lsk)
{
	const struct ipv6_pinfo *np = inet6_sk(lsk);
	struct ipv6_pinfo *newnp;
	struct ipv6_txoptions *opt;

	if (child->sk_family != AF_INET6)
		return;
	/* sk_clone_lock() has copied the listener's pointers; clear them, so that nothing is freed twice */
	newnp = &container_of(xtcp_sk(child), struct xtcp6_sock, xtcp)->inet6;
	inet_sk(child)->pinet6 = newnp;
	newnp->ipv6_mc_list = NULL;
	newnp->ipv6_ac_list = NULL;
	RCU_INIT_POINTER(xtcp_compat_flow_labels(child), NULL);
	newnp->pktoptions = NULL;
	RCU_INIT_POINTER(newnp->opt, NULL);
	rcu_read_lock();
	opt = rcu_dereference(np->opt);
	if (opt)
		RCU_INIT_POINTER(newnp->opt, ipv6_dup_options(child, opt));
	rcu_read_unlock();
}

/**
 * xtcp_sock_clone() - clone a listener for a new connection
 * @lsk: the listener
 * @gfp: GFP_ATOMIC in softirq
 *
 * The child gets the listener's options and a new TCB (RFC 9293 section 3.10.2). Its state is still
 * LISTEN; the caller sets SYN-RECEIVED.
 * Context: softirq, RCU read side; @lsk's socket lock is not needed.
 * Return: the child, locked by bh_lock_sock(), with a reference for the accept queue and later the
 * file, and one for the caller; NULL without memory.
 */
struct sock *xtcp_sock_clone(struct sock *lsk, gfp_t gfp)
{
	struct sock *child = sk_clone_lock(lsk, gfp);
	struct xtcp_sock *xsk = xtcp_sk(child);

	if (!child)
		return NULL;
	memset(&xsk->own, 0, sizeof(xsk->own));
	xsk->conn.kind = XTCP_CONN_SOCK;
	/* it was in no table, so the grace period after it has left one counts as over */
	xsk->left_table = get_completed_synchronize_rcu();
	INIT_HLIST_NODE(&child->sk_bind_node);
	xtcp_algorithms_inherit(child, lsk);
	xtcp_sock_reset_tcb(child);
	/* as in Linux, children do not inherit TCP_DEFER_ACCEPT */
	xsk->defer_accept = 0;
	xtcp_timer_handlers_init(child);
	inet_sk(child)->mc_list = NULL;
	RCU_INIT_POINTER(inet_sk(child)->inet_opt, NULL);
	RCU_INIT_POINTER(child->sk_rx_dst, NULL);
	atomic64_set(&child->sk_cookie, 0);
	child->sk_max_ack_backlog = 0;
	child->sk_ack_backlog = 0;
	/* a listener that is being closed has sk_shutdown set; its child begins without, and is reset later */
	child->sk_shutdown = 0;
	clone_ipv6_part(child, lsk);
	return child;
}
