// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/xtcp and xtcp6 list every listener, half-open entry, sock and TIME-WAIT record. The
 * columns are those of /proc/net/tcp and tcp6, so stock ss shows them:
 *
 *	PROC_NET_TCP=/proc/net/xtcp PROC_NET_TCP6=/proc/net/xtcp6 ss -tanoe
 *
 * A listing is made piece by piece while the file is read. A piece is one listener, or one chain of
 * the table of connections. Even a slow reader gets one row for each that exists during the whole
 * listing: a listener keeps its number, and a connection stays in its hash chain when it changes from
 * a half-open entry to a sock, and from a sock to a TIME-WAIT record.
 *
 * Softirq never waits for a reader: chains are read under RCU, without a lock. So, as in Linux, the
 * values of a row may change while they are read.
 *
 * /proc/net/xtcp_listen shows the two queues of each listener: their present and largest lengths,
 * and how many SYNs and ACKs they have refused since listen(). As in Linux, each takes one more than
 * the limit, which is the same for both.
 *
 * /proc/net/xtcp_aborts has a line for each listener and reason: how many connections of the
 * listener were aborted for this reason since listen(). The number includes connections that
 * accept() has not returned, and children from an earlier listen() of the same socket.
 *
 * /proc/net/xtcp_blackbox: the black boxes of a namespace. A black box has the last events of one
 * connection (blackbox.c). For each box, one line names the connection. An indented line for each
 * event follows, the oldest first:
 *
 *	box=17 netns=4026531840 local=10.9.0.2:80 peer=10.9.0.1:40000 began=12.345678 ended=...
 *	 12.345678 segment_in state=ESTABLISHED flags=[PA] seq=...
 *
 * Times are of CLOCK_MONOTONIC, in seconds; the time of a system call is exact only to a tick. If
 * an event has a tracepoint, a parser of traces can parse its line, too: it has the tracepoint's name
 * without "xtcp_", its fields and its names, but no addresses and ports, and "options" is empty. The
 * line of a segment also has "cwnd", "srtt_us" and "snd_una": the values just before it arrived, or
 * when it was sent. "rebuilt" is 1 for a SYN or SYN-ACK from before the connection had a sock.
 *
 * Sequence numbers help to forge segments, so only the owner of the namespace may read the file. A
 * write discards the boxes of connections that have ended.
 *
 * /proc/net/xtcp_sockstat: the line "TCP:" of /proc/net/sockstat and the line "TCP6:" of
 * /proc/net/sockstat6, for xtcp. The sums of the counters are computed only when the file is read.
 */
#include "netns/netns.h"

#include <linux/kcsan-checks.h>
#include <linux/proc_fs.h>
#include <linux/rwsem.h>
#include <linux/seq_file_net.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>

#include "base/bounds.h"
#include "listen/listen.h"
#include "policy/policy.h"
#include "socket/socket.h"
#include "timewait/timewait.h"

struct listing;

/*
 * A file. One with .ops shows many rows, in several steps; one with .show shows a few lines in one
 * step. A write calls .written; a file without cannot be written.
 */
struct proc_file {
	const char *end;		/* of its name */
	const struct seq_operations *ops;
	unsigned int private_size;
	int (*show)(struct seq_file *m, void *v);
	void (*written)(struct xtcp_net *xn);
	umode_t mode;		/* 0: any user may read the file */
	/* of a listing */
	void (*show_listener)(struct listing *l, struct sock *lsk);
	const char *heading;	/* NULL: as in /proc/net/tcp */
	u8 family;		/* of listed connections; 0: listeners alone, of both families */
};

/* The state of one reader, in seq_file->private. */
struct xtcp_proc_box {
	struct seq_net_private p;	/* the first member, as seq_file_net() demands */
	struct xtcp_blackbox box;	/* a copy of the box that is shown */
};

/* over IPv4, whose counters include the socks over IPv6; over IPv6. Set before any namespace has its files */
struct proto *xtcp_sockstat_protos[2];

/*
 * As in Linux, "inuse" counts the listeners and connections in the tables, without half-open
 * entries and records. "tw" counts the records, including those in FIN-WAIT-2. "alloc" (socks) and
 * "mem" (pages) count all namespaces together.
 */
static int xtcp_sockstat_show(struct seq_file *m, void *v)
{
	struct net *net = m->private;
	struct xtcp_net *xn = xtcp_net(net);
	s64 orphans = 0, records = 0;

	if (xtcp_netns_is_started(xn)) {
		orphans = percpu_counter_sum_positive(&xn->rest->orphans);
		records = percpu_counter_sum_positive(&xn->rest->records);
	}
	seq_printf(m, "TCP: inuse %d orphan %lld tw %lld alloc %lld mem %ld\n",
		   sock_prot_inuse_get(net, xtcp_sockstat_protos[0]), orphans, records,
		   percpu_counter_sum_positive(xtcp_sockstat_protos[0]->sockets_allocated),
		   max(atomic_long_read(xtcp_sockstat_protos[0]->memory_allocated), 0L));
	seq_printf(m, "TCP6: inuse %d\n", sock_prot_inuse_get(net, xtcp_sockstat_protos[1]));
	return 0;
}

/* A value and its name. A list of such words ends with a word whose text is NULL. */
struct word {
	u32 value;
	const char *text;
};

static const struct word state_names[] = { XTCP_TRACE_STATES(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word timer_names[] = { XTCP_TRACE_TIMERS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word phase_names[] = { XTCP_TRACE_PHASES(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word congestion_reasons[] = { XTCP_TRACE_CONGESTION_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word abort_reasons[] = { XTCP_ABORT_REASONS(XTCP_TRACE_PAIR, XTCP_TRACE_PAIR) { } };
static const struct word verdict_names[] = {
	{ XTCP_DROP, "dropped" },
	{ XTCP_ACK_DROP, "acknowledged and dropped" },
	{ XTCP_CHALLENGE, "challenge ACK" },
	{ XTCP_RESET, "reset" },
	{ }
};

static const struct word call_names[] = {
	{ XTCP_BLACKBOX_CONNECT, "connect" },
	{ XTCP_BLACKBOX_SEND, "send" },
	{ XTCP_BLACKBOX_RECV, "recv" },
	{ XTCP_BLACKBOX_SHUTDOWN, "shutdown" },
	{ XTCP_BLACKBOX_CLOSE, "close" },
	{ }
};

static const char *word_of(const struct word *words, u32 value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return "?";
}

static void show_time(struct seq_file *m, u64 us)
{
	u32 rest;

	us = div_u64_rem(us, USEC_PER_SEC, &rest);
	seq_printf(m, "%llu.%06u", us, rest);
}

static void show_address(struct seq_file *m, const struct in6_addr *addr, __be16 port)
{
	if (ipv6_addr_v4mapped(addr))
		seq_printf(m, "%pI4:%u", &addr->s6_addr32[3], ntohs(port));
	else
		seq_printf(m, "[%pI6c]:%u", addr, ntohs(port));
}

static void show_box(struct seq_file *m, const struct xtcp_blackbox *box)
{
	seq_printf(m, "box=%u netns=%u local=", box->shown, seq_file_net(m)->ns.inum);
	show_address(m, &box->tuple.laddr, box->tuple.lport);
	seq_puts(m, " peer=");
	show_address(m, &box->tuple.faddr, box->tuple.fport);
	seq_puts(m, " began=");
	show_time(m, box->begun_us);
	seq_puts(m, " ended=");
	show_time(m, box->kept ? box->ended_us : 0);
	seq_printf(m, " events=%lu missing=%lu iss=%u irs=%u mss=%u shift=%u peer_shift=%u uid=%u error=%u reason=%s\n",
		   box->count, box->begun, box->iss, box->irs, box->mss, box->rcv_wscale, box->snd_wscale,
		   from_kuid_munged(seq_user_ns(m), box->uid), box->kept ? box->ended.error : 0,
		   box->kept ? word_of(abort_reasons, box->ended.reason) : "none");
}

static void show_flags(struct seq_file *m, u16 flags)
{
	static const struct {
		u16 flag;
		char letter;
	} letters[] = {
		{ XTCP_SYN, 'S' }, { XTCP_FIN, 'F' }, { XTCP_RST, 'R' }, { XTCP_PSH, 'P' }, { XTCP_ACK, 'A' },
		{ XTCP_URG, 'U' }, { XTCP_ECE, 'E' }, { XTCP_CWR, 'C' }, { XTCP_AE, 'a' },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(letters); i++)
		if (flags & letters[i].flag)
			seq_putc(m, letters[i].letter);
}

/* The segment of @event. @sacks: the next event, which may have its SACK blocks; NULL: there is none. */
static void show_segment(struct seq_file *m, const struct xtcp_blackbox *box, const struct xtcp_blackbox_event *event,
			 const struct xtcp_blackbox_event *sacks)
{
	const bool out = event->kind == XTCP_BLACKBOX_OUT, syn = event->flags & XTCP_SYN;
	unsigned int i;

	seq_printf(m, " segment_%s state=%s flags=[", out ? "out" : "in", word_of(state_names, event->state));
	show_flags(m, event->flags);
	seq_printf(m, "] seq=%u end=%u ack=%u wnd=%u len=%u", event->seq,
		   event->seq + event->len + syn + !!(event->flags & XTCP_FIN), event->ack, event->wnd, event->len);
	if (out)
		seq_printf(m, " resent=%u", !!(event->flags & XTCP_BLACKBOX_RESENT));
	seq_puts(m, " sacks=[");
	if (sacks && sacks->kind == XTCP_BLACKBOX_SACKS)
		for (i = 0; i < min_t(unsigned int, sacks->segs, XTCP_BLACKBOX_BLOCKS); i++)
			seq_printf(m, "%s%u-%u", i ? "," : "", sacks->word[2 * i], sacks->word[2 * i + 1]);
	seq_printf(m, "] shift=%u segs=%u ecn=%u ts=%u/%u options=[] cwnd=%u srtt_us=%u snd_una=%u rebuilt=%u",
		   syn ? 0 : out ? box->rcv_wscale : box->snd_wscale, event->segs ?: 1,
		   event->flags >> XTCP_BLACKBOX_ECN,
		   event->flags & XTCP_BLACKBOX_TS ? event->tsval : 0,
		   event->flags & XTCP_BLACKBOX_TS ? event->tsecr : 0,
		   event->cwnd, event->srtt_us, event->una, !!(event->flags & XTCP_BLACKBOX_REBUILT));
}

/* Finds the next event after (@step 1) or before (-1) event @i that is no system call; NULL: none before @end. */
static const struct xtcp_blackbox_event *find_timed(const struct xtcp_blackbox *box, unsigned long i,
						    unsigned long end, int step)
{
	const struct xtcp_blackbox_event *event;

	while (i != end) {
		i += step;
		event = &box->event[i % XTCP_BLACKBOX_EVENTS];
		if (event->kind != XTCP_BLACKBOX_CALL)
			return event;
	}
	return NULL;
}

/*
 * When event @i happened, in microseconds. The time of a system call is known only to a tick, so it
 * is clamped to the exact times of the nearest events before and after that are no system calls.
 */
static u64 event_time(const struct xtcp_blackbox *box, unsigned long i)
{
	const struct xtcp_blackbox_event *event = &box->event[i % XTCP_BLACKBOX_EVENTS], *previous, *next;
	u64 us, ticks;

	if (event->kind != XTCP_BLACKBOX_CALL)
		return event->us;
	previous = find_timed(box, i, box->begun, -1);
	next = find_timed(box, i, box->count - 1, 1);
	ticks = (u32)jiffies - event->word[4];
	us = div_u64(ktime_get_coarse_ns(), NSEC_PER_USEC) - ticks * (USEC_PER_SEC / HZ);
	us = max(us, previous ? previous->us : box->begun_us);
	return next ? min(us, next->us) : us;
}

static void show_event(struct seq_file *m, const struct xtcp_blackbox *box, unsigned long i)
{
	const struct xtcp_blackbox_event *event = &box->event[i % XTCP_BLACKBOX_EVENTS];
	const u32 *word = event->word;

	seq_putc(m, ' ');
	show_time(m, event_time(box, i));
	switch ((enum xtcp_blackbox_kind)event->kind) {
	case XTCP_BLACKBOX_IN:
	case XTCP_BLACKBOX_OUT:
		show_segment(m, box, event, i + 1 != box->count ? &box->event[(i + 1) % XTCP_BLACKBOX_EVENTS] : NULL);
		break;
	case XTCP_BLACKBOX_SACKS:
		break;
	case XTCP_BLACKBOX_STATE:
		seq_printf(m, " state old=%s new=%s", word_of(state_names, event->state),
			   word_of(state_names, word[0]));
		break;
	case XTCP_BLACKBOX_TIMER:
		seq_printf(m, " timer state=%s timer=%s rto_ms=%u backoff=%u retransmits=%u probes=%u",
			   word_of(state_names, event->state), word_of(timer_names, word[0]),
			   word[1], word[2], word[3], word[4]);
		break;
	case XTCP_BLACKBOX_CONGESTION:
		seq_printf(m, " congestion phase=%s cwnd=%u ssthresh=%u pipe=%u srtt_us=%u min_rtt_us=%u",
			   word_of(phase_names, word[0]), word[1], word[2], word[3], word[4], word[5]);
		seq_printf(m, " snd_una=%u snd_nxt=%u reason=%s", word[6], word[7],
			   word_of(congestion_reasons, event->segs));
		break;
	case XTCP_BLACKBOX_ABORT:
		seq_printf(m, " abort state=%s error=%u reason=%s", word_of(state_names, event->state), word[0],
			   word_of(abort_reasons, word[1]));
		break;
	case XTCP_BLACKBOX_REFUSED:
		seq_printf(m, " refused state=%s reason=%s", word_of(state_names, event->state),
			   word_of(verdict_names, word[0]));
		break;
	case XTCP_BLACKBOX_CALL:
		seq_printf(m, " call state=%s call=%s wanted=%u result=%d times=%u",
			   word_of(state_names, event->state), word_of(call_names, word[0]), word[1], (int)word[2],
			   word[3]);
		break;
	}
	seq_putc(m, '\n');
}

static void *look_up_box(struct seq_file *m, loff_t *pos)
{
	struct xtcp_net *xn = xtcp_net(seq_file_net(m));
	unsigned long slot;

	if (*pos >= XTCP_BLACKBOX_SLOTS || !xtcp_netns_is_started(xn))
		return NULL;
	slot = xtcp_blackbox_next(xn, max_t(loff_t, *pos, 1));
	*pos = slot ?: XTCP_BLACKBOX_SLOTS;
	/* the slot's number, cast to a pointer; NULL (0) ends the listing */
	return (void *)slot;
}

static void *next_box(struct seq_file *m, void *v, loff_t *pos)
{
	cond_resched();
	++*pos;
	return look_up_box(m, pos);
}

/* no lock is held between two pieces of a listing */
static void stop_nothing(struct seq_file *m, void *v)
{
}

static int show_events(struct seq_file *m, void *v)
{
	struct xtcp_blackbox *box = &((struct xtcp_proc_box *)m->private)->box;
	unsigned long i;

	if (!xtcp_blackbox_copy(xtcp_net(seq_file_net(m)), (unsigned long)v, box))
		return SEQ_SKIP;
	show_box(m, box);
	for (i = box->begun; i != box->count; i++)
		if (box->event[i % XTCP_BLACKBOX_EVENTS].kind != XTCP_BLACKBOX_SACKS)
			show_event(m, box, i);
	return 0;
}

static const struct seq_operations xtcp_proc_blackbox_ops = {
	.start = look_up_box,
	.next = next_box,
	.stop = stop_nothing,
	.show = show_events,
};

/* Positions: 0 is the heading, 1 + n the listener with number n, and FIRST_CHAIN + n the chain n. */
#define FIRST_CHAIN	0x100000000LL

/*
 * The state of one reader, in seq_file->private. If the buffer was too small for a position,
 * seq_file asks for it again, with a larger buffer. Then its rows are numbered from @number again.
 */
struct listing {
	struct seq_net_private p;	/* the first member, as seq_file_net() demands */
	struct seq_file *m;
	struct xtcp_net *xn;
	const struct proc_file *which;
	loff_t at;			/* the position to show */
	unsigned int number;		/* column "sl" of the first row of this position */
	unsigned int rows;		/* how many rows of this position were shown */
};

#define ADDRESS_LEN	sizeof("[0000:0000:0000:0000:0000:ffff:192.168.100.200]:65535")

static void print_address(const struct sock *sk, char *to, size_t size)
{
	if (sk->sk_family == AF_INET6) {
		snprintf(to, size, "[%pI6c]:%u", &sk->sk_v6_rcv_saddr, sk->sk_num);
		return;
	}
	snprintf(to, size, "%pI4:%u", &sk->sk_rcv_saddr, sk->sk_num);
}

static struct xtcp_listener_stats stats_of(const struct xtcp_listener *listener)
{
	const struct xtcp_listener_stats *of_cpu;
	struct xtcp_listener_stats sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		of_cpu = per_cpu_ptr(listener->stats, cpu);
		sum.overflows += READ_ONCE(of_cpu->overflows);
		sum.declined += READ_ONCE(of_cpu->declined);
		sum.cookies_sent += READ_ONCE(of_cpu->cookies_sent);
		sum.cookies_recv += READ_ONCE(of_cpu->cookies_recv);
	}
	return sum;
}

static void show_queues(struct listing *l, struct sock *sk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(sk);
	struct xtcp_listener_stats stats;
	char address[ADDRESS_LEN];

	if (!listener)
		return;
	stats = stats_of(listener);
	print_address(sk, address, sizeof(address));
	seq_printf(l->m, "%-29s %5u %10u %11u %7u %8u %9u %8u %12u %12u %5u %lu %u\n", address,
		   READ_ONCE(listener->accept_max), READ_ONCE(listener->accept_len), READ_ONCE(listener->accept_peak),
		   READ_ONCE(listener->synq.len), READ_ONCE(listener->synq.peak),
		   stats.overflows, stats.declined, stats.cookies_sent, stats.cookies_recv,
		   from_kuid_munged(seq_user_ns(l->m), xtcp_compat_uid(sk)), (unsigned long)sock_i_ino(sk),
		   READ_ONCE(listener->somaxconn));
}

static void show_aborts(struct listing *l, struct sock *sk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(sk);
	char address[ADDRESS_LEN];
	u32 count;
	int i;

	if (!listener)
		return;
	print_address(sk, address, sizeof(address));
	for (i = 0; i <= XTCP_ABORT_MAX; i++) {
		count = atomic_read(&listener->aborts[i]);
		if (count)
			seq_printf(l->m, "%-29s %5u %lu %s %u\n", address,
				   from_kuid_munged(seq_user_ns(l->m), xtcp_compat_uid(sk)),
				   (unsigned long)sock_i_ino(sk), word_of(abort_reasons, i), count);
	}
}

#define WIDTH_V4	149	/* length of a row in Linux's /proc/net/tcp, without the newline */

static void row_of_sock(struct xtcp_row *row, struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);

	row->sk = sk;
	row->owner = sk;
	row->address = sk;
	/*
	 * the state is read before the tuple, which every writer but connect() sets first: so the
	 * tuple is at least as new. connect() sets SYN-SENT first, but lookups find the sock only
	 * with both. A new connect() or listen() waits for RCU readers, so both stay meanwhile
	 */
	row->state = inet_sk_state_load(sk);
	/* the clone of a listener enters the table just before its first change of state (synq.c) */
	if (row->state == TCP_LISTEN)
		row->state = TCP_SYN_RECV;
	row->tuple = xtcp_conn_tuple(&xsk->conn);
	row->dev = xsk->conn.bound_dev_if;
	row->mark = READ_ONCE(sk->sk_mark);
	row->wqueue = READ_ONCE(xsk->snd.write_seq) - READ_ONCE(xsk->snd.una);
	/* this code has no lock, so the difference may be negative for a moment */
	row->rqueue = max_t(int, READ_ONCE(xsk->rcv.nxt) - READ_ONCE(xsk->rcv.copied_seq), 0);
	row->timer = xtcp_timer_shown(&xsk->timers, &row->expires);
	row->retransmits = READ_ONCE(xsk->tries.retransmits);
	row->probes = xtcp_tries_probes_out(&xsk->tries);
}

/* Return: false if the listener has just stopped. RCU read side. */
bool xtcp_row_of_listener(struct xtcp_row *row, struct sock *lsk)
{
	const struct xtcp_listener *listener = xtcp_listen_queues(lsk);

	*row = (struct xtcp_row) {
		.sk = lsk,
		.owner = lsk,
		.address = lsk,
		.tuple.lport = inet_sk(lsk)->inet_sport,
		.dev = READ_ONCE(lsk->sk_bound_dev_if),
		.state = TCP_LISTEN,
		.mark = READ_ONCE(lsk->sk_mark),
	};
	if (!listener)
		return false;
	/* as in Linux; the limit is there in sock_diag alone */
	row->rqueue = READ_ONCE(listener->accept_len);
	row->wqueue = READ_ONCE(listener->accept_max);
	if (lsk->sk_family == AF_INET6)
		row->tuple.laddr = lsk->sk_v6_rcv_saddr;
	else
		row->tuple.laddr.s6_addr32[3] = inet_sk(lsk)->inet_rcv_saddr;
	return true;
}

/*
 * Of an entry, a sock or a record. Return: the address family of its socket: as in Linux, that of
 * AF_INET6 sockets with a connection over IPv4 is AF_INET6. RCU read side, or a reference.
 */
int xtcp_row_of_conn(struct xtcp_row *row, struct xtcp_conn *conn)
{
	const struct xtcp_timewait *tw;
	const struct xtcp_request *he;

	*row = (struct xtcp_row) { .tuple = xtcp_conn_tuple(conn), .dev = conn->bound_dev_if };
	switch ((enum xtcp_conn_kind)conn->kind) {
	case XTCP_CONN_REQUEST:
		he = container_of(conn, struct xtcp_request, conn);
		row->owner = READ_ONCE(he->lsk);
		row->address = he;
		row->state = TCP_SYN_RECV;
		row->mark = READ_ONCE(he->mark);
		row->timer = XTCP_TIMER_SHOWN_RETRANSMIT;
		row->expires = xtcp_clock_jiffies(READ_ONCE(he->expires));
		row->retransmits = READ_ONCE(he->level);
		return row->owner->sk_family;
	case XTCP_CONN_SOCK:
		row_of_sock(row, xtcp_sk_of_conn(conn));
		return row->sk->sk_family;
	case XTCP_CONN_TIMEWAIT:
		tw = container_of(conn, struct xtcp_timewait, conn);
		row->address = tw;
		row->state = READ_ONCE(tw->substate);
		row->mark = READ_ONCE(tw->mark);
		row->timer = XTCP_TIMER_SHOWN_TIMEWAIT;
		row->expires = xtcp_clock_jiffies(READ_ONCE(tw->expires));
		return xtcp_record_family(tw);
	}
	return AF_UNSPEC;
}

static void show_end(struct seq_file *m, int family, const struct in6_addr *addr, __be16 port)
{
	if (family == AF_INET6)
		seq_printf(m, "%08X%08X%08X", addr->s6_addr32[0], addr->s6_addr32[1], addr->s6_addr32[2]);
	seq_printf(m, "%08X:%04X ", addr->s6_addr32[3], ntohs(port));
}

static void begin_row(struct listing *l)
{
	if (l->which->family == AF_INET)
		seq_setwidth(l->m, WIDTH_V4);
}

/* The columns of every kind of connection. The caller adds those of a listener or a full sock. */
static void show_row(struct listing *l, const struct xtcp_row *row)
{
	long left = row->timer == XTCP_TIMER_SHOWN_NONE ? 0 : (long)(row->expires - jiffies);
	uid_t uid = row->owner ? from_kuid_munged(seq_user_ns(l->m), xtcp_compat_uid(row->owner)) : 0;
	struct seq_file *m = l->m;

	begin_row(l);
	seq_printf(m, "%4u: ", l->number + l->rows++);
	show_end(m, l->which->family, &row->tuple.laddr, row->tuple.lport);
	show_end(m, l->which->family, &row->tuple.faddr, row->tuple.fport);
	seq_printf(m, "%02X %08X:%08X %02X:%08lX %08X %5u %8u %lu %u %pK",
		   row->state, row->wqueue, row->rqueue, row->timer, (long)jiffies_delta_to_clock_t(left),
		   row->retransmits, uid, row->probes, row->sk ? (unsigned long)sock_i_ino(row->sk) : 0,
		   row->sk ? refcount_read(&row->sk->sk_refcnt) : !row->owner, row->address);
}

static void end_row(struct listing *l)
{
	if (l->which->family == AF_INET)
		seq_pad(l->m, '\n');
	else
		seq_putc(l->m, '\n');
}

/* As in Linux, rx_queue is the length of the accept queue; tx_queue is its limit, which Linux shows by sock_diag. */
static void show_listener(struct listing *l, struct sock *lsk)
{
	struct xtcp_row row;

	if (lsk->sk_family != l->which->family || !xtcp_row_of_listener(&row, lsk) ||
	    inet_sk_state_load(lsk) != TCP_LISTEN)
		return;
	/* as in Linux, that of an earlier connection of the socket stays */
	if (lsk->sk_family == AF_INET6)
		row.tuple.faddr = lsk->sk_v6_daddr;
	else
		row.tuple.faddr.s6_addr32[3] = inet_sk(lsk)->inet_daddr;
	show_row(l, &row);
	/* the last columns, as of Linux's new listener: RTO and ATO (1/USER_HZ s), quick ACKs, cwnd, Fast Open */
	seq_puts(l->m, " 100 0 0 10 0");
	end_row(l);
}

/* The columns of a full sock alone. */
static void show_sock(struct listing *l, struct sock *sk)
{
	const struct xtcp_sock *xsk = xtcp_sk(sk);
	u32 mss = max_t(u32, READ_ONCE(xsk->mss), 1);
	u32 ssthresh = READ_ONCE(xsk->cong.ssthresh);

	seq_printf(l->m, " %ld %ld %u %u %d",
		   xtcp_bounds_rto_ms(&xsk->inet.sk) * USER_HZ / MSEC_PER_SEC,
		   READ_ONCE(xsk->data_segs_in) ? XTCP_DELACK_MIN_MS * USER_HZ / MSEC_PER_SEC : 0,
		   READ_ONCE(xsk->acking.quick) << 1 | READ_ONCE(xsk->acking.pingpong),
		   DIV_ROUND_UP(READ_ONCE(xsk->cong.cwnd), mss), ssthresh > INT_MAX ? -1 : (int)(ssthresh / mss));
}

static void show_conn(struct listing *l, struct xtcp_conn *conn)
{
	struct xtcp_row row;

	/* writers hold a lock, the reader none. Data races do no harm: the listing may show an old value */
	kcsan_disable_current();
	if (xtcp_row_of_conn(&row, conn) == l->which->family && row.state != TCP_CLOSE) {
		show_row(l, &row);
		if (row.sk)
			show_sock(l, row.sk);
		end_row(l);
	}
	kcsan_enable_current();
}

static bool has_conn(const struct xtcp_net *xn, u32 chain)
{
	struct xtcp_conn *conn;

	rcu_read_lock();
	for (conn = xtcp_conns_first(chain); conn && conn->net_id != xn->id;)
		conn = xtcp_conns_next(conn);
	rcu_read_unlock();
	return conn;
}

/* The first position from @pos on with a listener of @xn or, if @conns, a chain with a connection; else the end. */
static loff_t find_from(struct xtcp_net *xn, loff_t pos, bool conns)
{
	u32 chain = pos < FIRST_CHAIN ? 0 : pos - FIRST_CHAIN;
	unsigned long number = pos - 1;
	bool listens;

	if (!xtcp_netns_is_started(xn))
		return FIRST_CHAIN + xtcp_conns.mask + 1;
	if (pos < FIRST_CHAIN) {
		rcu_read_lock();
		listens = xtcp_listeners_from(xn, &number);
		rcu_read_unlock();
		if (listens)
			return 1 + number;
	}
	/* without connections skip all chains; only at the first, since xtcp_demux_count() adds up all processors */
	if (!conns || (!chain && !xtcp_demux_count(xn)))
		chain = xtcp_conns.mask + 1;
	while ((chain = xtcp_conns_used_chain(chain)) <= xtcp_conns.mask && !has_conn(xn, chain)) {
		cond_resched();
		chain++;
	}
	return FIRST_CHAIN + chain;
}

/* Moves *@pos on to the next position with something to show. NULL at the end. */
static void *look_up(struct seq_file *m, loff_t *pos)
{
	struct listing *l = m->private;

	l->rows = 0;
	if (!*pos) {
		l->number = 0;
		return SEQ_START_TOKEN;
	}
	*pos = find_from(l->xn, *pos, l->which->family);
	l->at = *pos;
	return *pos - FIRST_CHAIN <= xtcp_conns.mask ? l : NULL;
}

static void *listing_start(struct seq_file *m, loff_t *pos)
{
	struct listing *l = m->private;

	l->m = m;
	l->which = pde_data(file_inode(m->file));
	l->xn = xtcp_net(seq_file_net(m));
	return look_up(m, pos);
}

static void *listing_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct listing *l = m->private;

	cond_resched();
	l->number += l->rows;
	++*pos;
	return look_up(m, pos);
}

static void show_at(struct listing *l)
{
	unsigned long number = l->at - 1;
	struct xtcp_conn *conn;
	struct sock *lsk;

	l->rows = 0;
	rcu_read_lock();
	if (l->at < FIRST_CHAIN) {
		lsk = xtcp_listeners_from(l->xn, &number);
		if (lsk && number == l->at - 1)
			l->which->show_listener(l, lsk);
	} else {
		for (conn = xtcp_conns_first(l->at - FIRST_CHAIN); conn; conn = xtcp_conns_next(conn))
			if (conn->net_id == l->xn->id)
				show_conn(l, conn);
	}
	rcu_read_unlock();
}

static int show_listing(struct seq_file *m, void *v)
{
	struct listing *l = m->private;

	if (v != SEQ_START_TOKEN) {
		show_at(l);
		return 0;
	}
	if (l->which->heading) {
		seq_printf(m, "%-29s %s\n", "local_address", l->which->heading);
		return 0;
	}
	begin_row(l);
	seq_printf(m, "  sl  %s st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
		   l->which->family == AF_INET ? "local_address rem_address  " :
		   "local_address                         remote_address                       ");
	end_row(l);
	return 0;
}

static const struct seq_operations ops_listing = {
	.start = listing_start,
	.next = listing_next,
	.stop = stop_nothing,
	.show = show_listing,
};

static const struct proc_file files[] = {
	{ "", &ops_listing, sizeof(struct listing), .family = AF_INET, .show_listener = show_listener },
	{ "6", &ops_listing, sizeof(struct listing), .family = AF_INET6, .show_listener = show_listener },
	{ "_listen", &ops_listing, sizeof(struct listing), .show_listener = show_queues, .heading =
		"limit accept_len accept_peak syn_len syn_peak overflows declined cookies_sent cookies_recv   uid inode somaxconn",
	},
	{ "_aborts", &ops_listing, sizeof(struct listing), .show_listener = show_aborts,
	  .heading = "  uid inode reason connections" },
	{ "_blackbox", &xtcp_proc_blackbox_ops, sizeof(struct xtcp_proc_box),
	  .written = xtcp_blackbox_forget, .mode = 0600 },
	{ "_snmp", .show = xtcp_mib_show_snmp },
	{ "_netstat", .show = xtcp_mib_show_netstat },
	{ "_sockstat", .show = xtcp_sockstat_show },
	{ "_policy", .show = xtcp_policy_show },
	{ "_paths", .show = xtcp_paths_show, .mode = 0440 },
};

static int open_rows(struct file *file, const struct proc_file *which, struct net *net)
{
	struct seq_net_private *p = __seq_open_private(file, which->ops, which->private_size);

	if (!p)
		return -ENOMEM;
#ifdef CONFIG_NET_NS
	p->net = net;
#endif
	return 0;
}

/* The open file keeps the namespace alive, as Linux's own files in /proc/net do. */
static int file_open(struct inode *inode, struct file *file)
{
	const struct proc_file *which = pde_data(inode);
	struct net *net = maybe_get_net(proc_get_parent_data(inode));
	int err;

	if (!net)
		return -ENXIO;
	if (which->show)
		err = single_open(file, which->show, net);
	else
		err = open_rows(file, which, net);
	if (err)
		put_net(net);
	return err;
}

static int file_release(struct inode *inode, struct file *file)
{
	const struct proc_file *which = pde_data(inode);
	struct seq_file *m = file->private_data;
	struct net *net = which->show ? seq_file_single_net(m) : seq_file_net(m);

	if (which->show)
		single_release(inode, file);
	else
		seq_release_private(inode, file);
	put_net(net);
	return 0;
}

/* Who reads has it; who renames the files has all of it. */
DECLARE_RWSEM(xtcp_proc_reads);

/*
 * Any user can make a read hang: the buffer may be a page of a FUSE file whose server does not answer.
 * To remove a file in /proc, the kernel waits for all reads, and no signal ends this wait. So each read
 * takes a reference to the module, and unloading fails at once with "in use". An open descriptor alone
 * has none. While the files get other names (names.c), xtcp_proc_reads does the same.
 */
static ssize_t file_read(struct file *file, char __user *to, size_t size, loff_t *pos)
{
	ssize_t n = -EIO;

	if (!down_read_trylock(&xtcp_proc_reads))
		return -EIO;
	if (try_module_get(THIS_MODULE)) {
		n = seq_read(file, to, size, pos);
		module_put(THIS_MODULE);
	}
	up_read(&xtcp_proc_reads);
	return n;
}

static ssize_t file_write(struct file *file, const char __user *from, size_t size, loff_t *pos)
{
	const struct proc_file *which = pde_data(file_inode(file));
	struct xtcp_net *xn;

	if (!which->written)
		return -EIO;
	/* only a file with .ops has a seq_file's private data, and each file with .written has .ops */
	xn = xtcp_net(seq_file_net(file->private_data));
	if (xtcp_netns_is_started(xn))
		which->written(xn);
	return size;
}

static const struct proc_ops file_ops = {
	.proc_open = file_open,
	.proc_read = file_read,
	.proc_write = file_write,
	.proc_lseek = seq_lseek,
	.proc_release = file_release,
};

static bool put_file(struct xtcp_net *xn, const char *name, const struct proc_file *which, bool there)
{
	char full[GENL_NAMSIZ + 16];

	snprintf(full, sizeof(full), "%s%s", name, which->end);
	if (there)
		return proc_create_data(full, which->mode ?: 0444, xn->net->proc_net, &file_ops, (void *)which);
	remove_proc_entry(full, xn->net->proc_net);
	return true;
}

int xtcp_proc_net_init(struct xtcp_net *xn, const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		if (put_file(xn, name, &files[i], true))
			continue;
		while (i--)
			put_file(xn, name, &files[i], false);
		return -ENOMEM;
	}
	return 0;
}

/* On return no read of the files runs. From then on, a read by a descriptor that is still open fails. */
void xtcp_proc_net_exit(struct xtcp_net *xn, const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		put_file(xn, name, &files[i], false);
}
