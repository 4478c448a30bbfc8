// SPDX-License-Identifier: GPL-2.0
/*
 * Compares the counters of both stacks with the wire. One of the stacks must count each segment that left or arrived,
 * and TCP_INFO of a connection must agree with its segments. As in Linux, OutSegs leaves out retransmissions except
 * SYN-ACKs, and an accepted connection counts one SYN and no SYN-ACK.
 */
#include <linux/tcp.h>
#include "test.h"
#include "world.h"

#define EACH_US	50000
#define KERNELS	"/proc/net/snmp"
#define VIEWS		3	/* looks of views.c at each end: at once, 0.1 s later, 1 s later */

struct counts {
	long long in, out, resent;
	long long sent;		/* OutSegs of xtcp alone */
	long long dropped;	/* segments of text within the window, by xtcp */
};

static struct counts before[SIDES];
static long long events;

static void add(struct counts *n, int ns, const char *path)
{
	static struct counters c;

	c.n = 0;
	must(!counters_read(&c, ns, path), path);
	n->in += counters_get(&c, "Tcp:InSegs");
	n->sent = counters_get(&c, "Tcp:OutSegs");
	n->out += n->sent;
	n->resent += strcmp(path, KERNELS) ? counters_get(&c, "Tcp:RetransSegs") : 0;
}

static long long dropped_in(int ns, const char *path)
{
	static struct counters c;

	c.n = 0;
	must(!counters_read(&c, ns, path), path);
	return counters_get(&c, "TcpExt:TCPRcvQDrop") + counters_get(&c, "TcpExt:TCPOFODrop") +
	       counters_get(&c, "TcpExt:OfoPruned");
}

static long long count_dropped(const struct world *w, enum side side)
{
	return dropped_in(w->path.ns[side], "/proc/net/xtcp_netstat") +
	       (w->s->upgrade_ms ? dropped_in(w->path.ns[side], "/proc/net/" MODULE_SECOND "_netstat") : 0);
}

/* Can text come that finds no room? Other buffers grow, unless all memory of TCP is short. */
static bool may_drop(const struct world *w, enum side side)
{
	return w->s->stack[side] == XTCP && (w->s->program[side].rcvbuf || w->s->mem_pages);
}

/* The sum of all stacks; RetransSegs is xtcp's, and @sent that of the first build. */
static struct counts count(const struct world *w, enum side side)
{
	struct counts n = { 0 };

	add(&n, w->path.ns[side], KERNELS);
	if (module_second_is_loaded())
		add(&n, w->path.ns[side], "/proc/net/" MODULE_SECOND "_snmp");
	add(&n, w->path.ns[side], "/proc/net/xtcp_snmp");
	if (may_drop(w, side))
		n.dropped = count_dropped(w, side);
	return n;
}

/*
 * True: some segments that this side sends do not reach the wire, or are sent again for another reason. When one
 * connection learns the MTU of the path, IP knows it before the other connections do, and refuses their next segment.
 * So it does when a route comes back by which that MTU was learned: the segment was cut for the other route.
 */
static bool is_leaky(const struct world *w, enum side side)
{
	const struct network *way = &w->s->towards[!side];
	const struct host *h = &w->s->host[side];

	if (way->mtu && way->has_icmp && (w->lanes > 1 || h->route == ROUTE_DEVICE || h->route == ROUTE_GATEWAY))
		return true;
	return scenario_cut_ms(w->s, side) || h->route == ROUTE_MTU || h->queue_kbit || w->has_ended[side] ||
	       verdict_may_fail(w);
}

void ledger_begin(struct world *w)
{
	if (w->s->local)
		return;
	views_begin(w);
	/* a timer of an earlier connection may send something meanwhile */
	do {
		events = views_events();
		for (int side = 0; side < SIDES; side++)
			before[side] = count(w, side);
	} while (views_events() != events);
}

/* The wire is newer than what was read from xtcp. */
static bool is_stale;

/* A segment may have left between the look at the wire and that at the counters: then none of these counts. */
static void check(struct world *w, enum side side, const char *rule, const char *name, long long says, long long wire)
{
	if (is_stale || says == wire)
		return;
	is_stale = path_has_news(&w->path);
	if (!is_stale)
		verdict_wrong(w, "%s: the %s: %s is %lld, the wire says %lld", rule, side_name(side), name, says, wire);
}

/* Segments with SYN that a half-open connection has sent, and those that it has heard again. */
static long long half_open_left(const struct world *w, const struct judge_side *wire, enum side side)
{
	return side == SERVER && !w->s->opens_both ? wire->syns_left : 0;
}

static long long half_open_heard(const struct world *w, const struct judge_side *wire, enum side side)
{
	return side == SERVER && !w->s->opens_both ? (long long)wire->syns_heard - 1 : 0;
}

static void check_out(struct world *w, enum side side, const struct counts *n)
{
	long long left = 0, resent = 0, syn_acks = 0;

	for (int i = 0; i < w->lanes; i++) {
		const struct judge_side *wire = &w->lane[i].judge.side[side];

		left += wire->left;
		resent += wire->resent;
		if (half_open_left(w, wire, side))
			syn_acks += wire->syns_left - 1;
	}
	check(w, side, "counters", "RetransSegs", n->resent - before[side].resent, resent);
	/* a connection that Fast Open has opened repeats its SYN-ACK as other segments */
	if (!w->s->fastopen || n->out - before[side].out < left - resent)
		check(w, side, "counters", "OutSegs", n->out - before[side].out, left - resent + syn_acks);
}

/* SYN-ACKs that repeat another one: OutSegs and RetransSegs have both counted them. */
static long long syn_acks_again(const struct world *w)
{
	long long n = 0;

	for (int i = 0; i < w->lanes && w->s->stack[SERVER] == XTCP; i++) {
		if (half_open_left(w, &w->lane[i].judge.side[SERVER], SERVER))
			n += w->lane[i].judge.side[SERVER].syns_left - 1;
	}
	return n;
}

/*
 * With Fast Open, text is queued before the peer's MSS and window are known. If the MSS is small, or half of the
 * largest window is, the text leaves in parts. So does text that TCP_REPAIR has queued as a whole.
 */
static bool may_split(const struct world *w)
{
	const struct program *p = w->s->program;

	if (scenario_moves(w->s))
		return true;
	return w->s->fastopen && (p[SERVER].mss || p[CLIENT].rcvbuf || p[SERVER].rcvbuf);
}

/*
 * The tracepoint fires for each segment of xtcp, whether it is a new one or not, and whatever becomes of it. But what
 * was queued as a whole and is too long by now leaves in parts, for which it fires once. And a connection of an earlier
 * scenario that still sends may make it fire less often, by its segments at most.
 */
static void check_events(struct world *w, const struct counts now[SIDES])
{
	long long sent = -syn_acks_again(w), parts = 0;

	for (int side = 0; side < SIDES; side++) {
		if (is_leaky(w, side) || w->s->towards[side].mtu)
			return;
		sent += now[side].sent - before[side].sent + now[side].resent - before[side].resent;
		parts += w->path.foreign[side];
	}
	/* those of the other build are not looked at */
	if (w->is_upgraded)
		return;
	events = views_events() - events;
	/* a connection that Fast Open has opened counts a repeated SYN-ACK once */
	if (w->s->fastopen && events > sent && events <= sent + syn_acks_again(w))
		return;
	if ((events > sent || (events < sent - parts && !may_split(w))) && !path_has_news(&w->path))
		verdict_wrong(w, "views: xtcp_segment_out tells of %lld segments, the counters of %lld", events, sent);
}

void ledger_end(struct world *w)
{
	struct counts now[SIDES];

	if (w->s->local)
		return;
	for (int side = 0; side < SIDES; side++) {
		if (is_leaky(w, side))
			continue;
		now[side] = count(w, side);
		is_stale = false;
		check(w, side, "counters", "InSegs", now[side].in - before[side].in, w->path.arrived[side]);
		if (w->s->stack[side] == XTCP && !w->path.foreign[side] && !w->s->host[side].repair_moves)
			check_out(w, side, &now[side]);
	}
	check_events(w, now);
}

/*
 * Can text come that no window offered? In a simultaneous open, kernel TCP shifts the window of a SYN-ACK by the scale,
 * too (RFC 7323 section 2.2 says that a SYN's window is not scaled).
 */
static bool may_exceed(const struct world *w, enum side side)
{
	return w->s->opens_both && w->s->stack[!side] == KERNEL && w->s->window_scaling;
}

/*
 * Text that has arrived counts as received, except what PAWS may have dropped, what no window may have offered, and
 * what found no room in a buffer that the program has set, if xtcp counted that. What was acknowledged was received in
 * any case.
 */
static bool is_received(const struct world *w, const struct lane *lane, enum side side, unsigned long long octets)
{
	const struct judge_side *wire = &lane->judge.side[side];

	if (octets >= judge_received(&lane->judge, side))
		return octets == judge_received(&lane->judge, side);
	if (octets < judge_taken(&lane->judge, side))
		return false;
	return wire->had_older || may_exceed(w, side) ||
	       (may_drop(w, side) && count_dropped(w, side) > before[side].dropped);
}

static void look_at(struct world *w, struct lane *lane, enum side side)
{
	const struct judge_side *wire = &lane->judge.side[side];
	const struct end *end = &lane->end[side];
	/* a half-open connection answers keepalive probes of a client whose ACK was lost, and counts nothing */
	const bool probes = side == SERVER && wire->syns_left > 1 && w->s->program[CLIENT].keepalive_s;
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (end->fd < 0 || end->is_connecting || end->error || end->repairs || wire->is_reset || is_leaky(w, side))
		return;
	must(!getsockopt(end->fd, IPPROTO_TCP, 11 /* TCP_INFO */, &info, &len), "TCP_INFO");
	is_stale = false;
	/* the connection has ended */
	if (info.tcpi_state == 7 || info.tcpi_state == 6)
		return;
	if (info.tcpi_bytes_acked < judge_acked(&lane->judge, side) ||
	    info.tcpi_bytes_acked > judge_acked_most(&lane->judge, side))
		check(w, side, "info", "tcpi_bytes_acked", info.tcpi_bytes_acked, judge_acked(&lane->judge, side));
	if (!is_received(w, lane, side, info.tcpi_bytes_received))
		check(w, side, "info", "tcpi_bytes_received", info.tcpi_bytes_received,
		      judge_received(&lane->judge, side));
	/* a half-open connection answers what a restored client asks, and counts nothing */
	if (side == SERVER && lane->end[CLIENT].repairs)
		return;
	/* a connection that Fast Open has opened has sent the SYN-ACKs itself */
	if (!probes && (info.tcpi_segs_out != wire->left || side == CLIENT || !w->s->fastopen))
		check(w, side, "info", "tcpi_segs_out", info.tcpi_segs_out, wire->left - half_open_left(w, wire, side));
	/* such a connection also hears the SYNs that come again */
	if (!probes && (side == CLIENT || !w->s->fastopen || info.tcpi_segs_in > wire->heard ||
			info.tcpi_segs_in + wire->syns_heard - 1 < wire->heard))
		check(w, side, "info", "tcpi_segs_in", info.tcpi_segs_in, wire->heard - half_open_heard(w, wire, side));
	check(w, side, "info", "tcpi_total_retrans", info.tcpi_total_retrans, wire->resent);
	if (!is_stale)
		end_zerocopy_look(&lane->end[side], judge_acked(&lane->judge, side));
	if (end->stack == XTCP && lane->views[side] < VIEWS && path_now_us() >= lane->viewed_us[side]) {
		lane->viewed_us[side] = path_now_us() + (lane->views[side]++ ? 1000000 : 100000);
		views_look(w, lane, side);
	}
}

void ledger_look(struct world *w)
{
	const long long now = path_now_us();

	if (w->path.queue || w->s->local)
		return;
	for (struct lane *lane = w->lane; lane < w->lane + w->lanes; lane++) {
		if (now < lane->looked_us + EACH_US)
			continue;
		lane->looked_us = now;
		for (int side = 0; side < SIDES; side++) {
			if (w->s->stack[side] == XTCP)
				look_at(w, lane, side);
		}
	}
}
