// SPDX-License-Identifier: GPL-2.0
/*
 * The peer: it sends into and receives from the connection of the running row, keeps the few variables that the script
 * language needs, and checks each segment that arrives against what the connection has agreed on.
 */
#include <linux/filter.h>
#include "test.h"
#include "wire.h"

#define FIRST_LOCAL_PORT	20000
#define FIRST_PEER_PORT		40000
#define NEAR_WRAP		0xffffff00u

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* A new connection. Each fourth ISN is so near the wrap that the first kilobyte crosses it. @new_ports: a new row. */
void wire_peer_reset(struct wire *w, bool new_ports)
{
	struct wire_conn *c = &w->c, old = *c;

	memset(c, 0, sizeof(*c));
	c->lfd = new_ports ? -1 : old.lfd;
	c->fd = -1;
	w->other = old;
	if (new_ports) {
		w->other.fd = -1;
		memset(&w->previous, 0, sizeof(w->previous));
		w->key[0] = 0;
		w->ao.nr = 0;
		w->rows++;
		c->lport = FIRST_LOCAL_PORT + w->rows;
		c->pport = FIRST_PEER_PORT + w->rows % 10000;
		memcpy(w->local, w->home, 16);
		memcpy(w->peer, w->local, 16);
		w->peer[w->ip == 4 ? 2 : 14] = 1 + w->rows / 200;
		w->peer[w->ip == 4 ? 3 : 15] = 1 + w->rows % 200;
	} else {
		c->lport = old.lport;
		c->pport = old.pport + 10000;
	}
	c->iss = wire_random(w);
	if (c->iss % 4 == 0)
		c->iss = NEAR_WRAP + c->iss / 4 % 0x100;
	/* both clocks wrap, too */
	c->tsval = c->iss >= NEAR_WRAP ? 0xfffffe00 + c->iss % 0x100 : 1000000;
	c->syn_ws = -1;
	c->snd_una = 0;
}

static void add_timestamp(struct wire_conn *c, struct wire_segment *seg)
{
	uint32_t v[2] = { htonl(c->tsval), htonl(c->tsrecent) };
	uint8_t *o = seg->opt + seg->optlen;

	if (seg->optlen + 12 > sizeof(seg->opt))
		return;
	o[0] = 1;
	o[1] = 1;
	o[2] = 8;
	o[3] = 10;
	memcpy(o + 4, v, 8);
	seg->optlen += 12;
	seg->ts = true;
	seg->tsval = c->tsval;
	seg->tsecr = c->tsrecent;
}

/**
 * wire_peer_send() - Inject a segment of the row's connection.
 * @w: lane
 * @seg: addresses and ports are filled in where they are zero; a timestamp is
 *	added where the connection uses them and the caller brought none
 *
 * Return: 0, or -1 with the failure recorded in the lane.
 */
int wire_peer_send(struct wire *w, struct wire_segment *seg)
{
	static const uint8_t none[16];
	static uint8_t packet[WIRE_PACKET_MAX];
	struct wire_conn *c = &w->c;
	uint32_t edge;

	if (!memcmp(seg->src, none, 16))
		memcpy(seg->src, w->peer, 16);
	if (!memcmp(seg->dst, none, 16))
		memcpy(seg->dst, w->local, 16);
	if (!seg->sport)
		seg->sport = c->pport;
	if (!seg->dport)
		seg->dport = c->lport;
	if (c->ts_on && !seg->ts && !(seg->flags & (WIRE_SYN | WIRE_RST)))
		add_timestamp(c, seg);
	wire_sign_add(w, seg);
	if (seg->flags & WIRE_SYN) {
		c->ts_out = seg->ts;
		c->sack_out = seg->sackok;
		c->syn_ws = seg->ws;
		c->syn_win = seg->win;
	}
	if (seg->flags & WIRE_ACK && c->irs_known && !seg->badsum) {
		if (after(seg->ack, c->snd_una) && !after(seg->ack, c->snd_nxt))
			c->snd_una = seg->ack;
		edge = seg->ack + (seg->win << (seg->flags & WIRE_SYN ? 0 : c->ws_out));
		if (after(edge, c->limit) && !after(seg->ack, c->snd_nxt))
			c->limit = edge;
	}
	wire_segment_ladder(w, true, seg);
	w->sent++;
	return wire_tun_write(w, packet, wire_segment_build(w, seg, packet));
}

static void learn_syn(struct wire_conn *c, const struct wire_segment *seg)
{
	/* after more than a SYN it is another connection, even with the same number */
	if (!c->irs_known || c->irs != seg->seq || c->snd_nxt - seg->seq > 1) {
		c->irs = seg->seq;
		c->irs_known = true;
		c->snd_nxt = seg->seq;
		c->snd_una = seg->seq;
		c->limit = seg->seq + 1 + (seg->flags & WIRE_ACK ? c->syn_win : 0);
		c->edge_known = false;
	}
	c->ts_in = seg->ts;
	c->sack_in = seg->sackok;
	c->ws_in = 0;
	c->ws_out = 0;
	if (seg->ws >= 0 && c->syn_ws >= 0) {
		c->ws_in = seg->ws > 14 ? 14 : seg->ws;
		c->ws_out = c->syn_ws > 14 ? 14 : c->syn_ws;
	}
}

static int check_payload(struct wire *w, const struct wire_segment *seg)
{
	uint32_t i, offset = seg->seq - w->c.irs + !!(seg->flags & WIRE_SYN);

	for (i = 0; i < seg->len; i++)
		if (seg->data[i] != wire_segment_byte(offset + i))
			return wire_fail(w, "wrong byte at %u of the stream", offset + i);
	return 0;
}

static int learn(struct wire *w, const struct wire_segment *seg)
{
	struct wire_conn *c = &w->c;
	uint32_t end = seg->seq + seg->len + !!(seg->flags & WIRE_SYN) + !!(seg->flags & WIRE_FIN);
	uint32_t edge = seg->ack + (seg->win << (seg->flags & WIRE_SYN ? 0 : c->ws_in));

	if (memcmp(seg->src, w->local, w->ip == 4 ? 4 : 16))
		return wire_fail(w, "sent from another address of its own (MUST-45)");
	if (seg->packet > w->mtu)
		return wire_fail(w, "%zu bytes on a link of %u (MUST-16)", seg->packet, w->mtu);
	if (wire_sign_check(w, seg))
		return -1;
	if (seg->flags & WIRE_RST)
		return 0;
	if (seg->ts)
		c->tsrecent = seg->tsval;
	if (c->ts_on != seg->ts && !(seg->flags & WIRE_SYN))
		return wire_fail(w, c->ts_on ? "no timestamp (RFC 7323 3.2)" :
				 "timestamp that was not negotiated (RFC 7323 3.2)");
	if (seg->sacks && !(c->sack_in && c->sack_out))
		return wire_fail(w, "SACK that was not negotiated (RFC 2018 2)");
	if (after(end, c->snd_nxt))
		c->snd_nxt = end;
	/* text on a SYN is sent before there is a window (RFC 7413) */
	if (seg->flags & WIRE_SYN && !(seg->flags & WIRE_ACK))
		return check_payload(w, seg);
	if (seg->len && after(seg->seq + seg->len, c->limit))
		return wire_fail(w, "sent beyond the window: %u, edge %u",
				 seg->seq + seg->len - c->irs, c->limit - c->irs);
	if (!(seg->flags & WIRE_ACK))
		return 0;
	/* a SYN-ACK that comes again has no scale: it cannot say what an answer ahead of the third ACK has offered */
	if (c->edge_known && seg->flags & WIRE_SYN && seg->win == 65535 && after(c->edge, edge))
		edge = c->edge;
	if (after(c->rcv_nxt, seg->ack) && c->edge_known)
		return wire_fail(w, "acknowledgment went back to %u", seg->ack - c->iss);
	if (c->edge_known && after(c->edge, edge) && !(w->stack == WIRE_KERNEL && w->row->kernel_shrinks))
		return wire_fail(w, "right edge moved left: %u after %u (SHLD-14)", edge - c->iss, c->edge - c->iss);
	if (c->edge_known && edge != c->edge && edge - c->edge < w->row->edge_step && w->stack == WIRE_XTCP)
		return wire_fail(w, "right edge moved by %u (MUST-39)", edge - c->edge);
	c->rcv_nxt = seg->ack;
	c->edge = edge;
	c->edge_known = true;
	return check_payload(w, seg);
}

/* Segments of the lane's other connections, oldest first, while rows are played together. */
static struct kept {
	struct kept *next;
	uint16_t sport, dport;
	uint8_t dst[16];
	size_t len;
	uint8_t packet[];
} *kept;

static bool is_mine(const struct wire *w, const uint8_t *dst, uint16_t sport, uint16_t dport)
{
	return dport == w->c.pport && (!w->c.lport || sport == w->c.lport) &&
	       !memcmp(dst, w->peer, w->ip == 4 ? 4 : 16);
}

static void keep(const struct wire *w, size_t len, const struct wire_segment *seg)
{
	struct kept *k = malloc(sizeof(*k) + len), **end;

	*k = (struct kept) { .sport = seg->sport, .dport = seg->dport, .len = len };
	memcpy(k->dst, seg->dst, sizeof(k->dst));
	memcpy(k->packet, w->packet, len);
	for (end = &kept; *end; end = &(*end)->next)
		;
	*end = k;
}

/* The oldest of the row's own segments that another row has kept for it. */
static int take_kept(struct wire *w)
{
	struct kept **at, *k;
	size_t len;

	for (at = &kept; *at && !is_mine(w, (*at)->dst, (*at)->sport, (*at)->dport); at = &(*at)->next)
		;
	k = *at;
	if (!k)
		return 0;
	*at = k->next;
	len = k->len;
	memcpy(w->packet, k->packet, len);
	free(k);
	return len;
}

/* Forget the segments that nobody has asked for. */
void wire_peer_forget(void)
{
	struct kept *k;

	while ((k = kept)) {
		kept = k->next;
		free(k);
	}
}

/*
 * Take the next segment of the row's connection. Segments of other connections are not looked at; rows that are played
 * together keep them for each other. @wait_ms: how long to wait; 0: until the answer to a sentinel. Return: 1, 0 if
 * none came, -1 with the failure recorded in the lane.
 */
int wire_peer_receive(struct wire *w, struct wire_segment *seg, int wait_ms)
{
	uint64_t end = wire_now() + wait_ms * 1000000ull, now;
	struct wire_conn *c = &w->c;
	bool sentinel = false;
	int n, left, len;

	for (;;) {
		now = wire_now();
		left = now < end ? (end - now + 999999) / 1000000 : 0;
		n = take_kept(w);
		if (!n)
			n = wire_tun_read(w, sentinel ? 1000 : left);
		if (n < 0)
			return -1;
		if (!n && sentinel)
			return wire_fail(w, "the sentinel was not answered");
		if (!n && wait_ms && left)
			continue;
		if (!n) {
			if (wire_tun_sentinel(w))
				return -1;
			sentinel = true;
			continue;
		}
		if (sentinel && wire_tun_sentinel_answer(w, w->packet, n))
			return 0;
		len = n;
		n = wire_segment_parse(w, w->packet, len, seg);
		if (n < 0) {
			wire_segment_ladder(w, false, seg);
			return -1;
		}
		if (!n)
			continue;
		if (!is_mine(w, seg->dst, seg->sport, seg->dport)) {
			if (w->shared)
				keep(w, len, seg);
			continue;
		}
		c->lport = seg->sport;
		if (seg->flags & WIRE_SYN && !(seg->flags & WIRE_RST))
			learn_syn(c, seg);
		c->ts_on = c->ts_in && c->ts_out;
		wire_segment_ladder(w, false, seg);
		return learn(w, seg) ? -1 : 1;
	}
}

/* A v4-mapped address, as IPv6 writes one of IPv4. */
static void map(uint8_t *address)
{
	memcpy(address + 12, address, 4);
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
}

/**
 * wire_peer_icmp() - Inject an ICMP error about a segment that the stack sent.
 * @w: lane
 * @kind: net, host, protocol, port, srcroute, toobig, exceeded, param, quench, redirect,
 *	cutoff (precedence cutoff, the last code of RFC 1812), unassigned (the code behind it)
 * @seq: absolute sequence number to quote
 * @mtu: of the next hop, for toobig
 * @mapped: by ICMPv6 between IPv6 addresses, about a segment over IPv6 whose addresses are v4-mapped
 *
 * Return: 0, or -1 with the failure recorded in the lane.
 */
int wire_peer_icmp(struct wire *w, const char *kind, uint32_t seq, unsigned int mtu, bool mapped)
{
	static const struct { const char *kind; int type4, code4, type6, code6; } kinds[] = {
		{ "net", 3, 0, 1, 0 },		{ "host", 3, 1, 1, 3 },
		{ "protocol", 3, 2, 4, 1 },	{ "port", 3, 3, 1, 4 },
		{ "toobig", 3, 4, 2, 0 },	{ "exceeded", 11, 0, 3, 0 },
		{ "quench", 4, 0, -1, 0 },	{ "srcroute", 3, 5, -1, 0 },
		{ "param", 12, 0, 4, 0 },	{ "redirect", 5, 1, -1, 0 },
		{ "cutoff", 3, 15, -1, 0 },	{ "unassigned", 3, 16, -1, 0 },
	};
	uint8_t p[256], inner[128], from[16], to[16];
	struct wire_segment quoted = {
		.sport = w->c.lport, .dport = w->c.pport, .seq = seq, .ack = w->c.rcv_nxt,
		.flags = WIRE_ACK, .win = 1000, .doff = -1, .cut = -1,
	};
	const int ip = w->ip;
	size_t n, i, q;

	memcpy(quoted.src, w->local, 16);
	memcpy(quoted.dst, w->peer, 16);
	memcpy(from, w->peer, 16);
	memcpy(to, w->local, 16);
	if (mapped && ip == 4) {
		map(quoted.src);
		map(quoted.dst);
		inet_pton(AF_INET6, "fd00:8::2", from);
		inet_pton(AF_INET6, "fd00:8::1", to);
		w->ip = 6;
	}
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[i].kind, kind); i++)
		;
	if (i == sizeof(kinds) / sizeof(*kinds) || (w->ip == 6 && kinds[i].type6 < 0))
		return wire_fail(w, "no ICMP error '%s'", kind);
	q = wire_segment_build(w, &quoted, inner);
	if (w->ip == 4)
		q = 28;
	n = segment_icmp(w->ip, p, from, to, w->ip == 4 ? kinds[i].type4 : kinds[i].type6,
			 w->ip == 4 ? kinds[i].code4 : kinds[i].code6, w->ip == 4 ? (uint16_t)mtu : mtu, inner, q);
	w->ip = ip;
	wire_note(w, "  --> icmp %s quoting %u mtu %u%s", kind, seq - w->c.irs, mtu, mapped ? " mapped" : "");
	return wire_tun_write(w, p, n);
}

/* Listeners that share the port of a row by SO_REUSEPORT, and many connections to them from one peer. */

static int member(struct wire *w, int backlog)
{
	bool kernel = w->stack == WIRE_KERNEL;
	struct sockaddr_in6 any = { .sin6_family = w->ip == 4 ? AF_INET : AF_INET6, .sin6_port = htons(w->c.lport) };
	int fd = socket(kernel ? any.sin6_family : AF_XTCP, SOCK_STREAM | SOCK_NONBLOCK, kernel || w->ip == 4 ? 0 : 1);

	if (fd >= 0 && !stack_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	    !bind(fd, (struct sockaddr *)&any, w->ip == 4 ? sizeof(struct sockaddr_in) : sizeof(any)) &&
	    !listen(fd, backlog))
		return fd;
	wire_fail(w, "member: %s", strerror(errno));
	close(fd);
	return -1;
}

int wire_members_add(struct wire *w, struct wire_members *m, int backlog)
{
	m->fd[m->nr] = member(w, backlog);
	return m->fd[m->nr] < 0 ? -1 : m->nr++;
}

int wire_members_open(struct wire *w, struct wire_members *m, int nr, int backlog)
{
	m->nr = 0;
	for (int i = 0; i < WIRE_MEMBERS; i++)
		m->fd[i] = -1;
	for (int i = 0; i < nr; i++)
		if (wire_members_add(w, m, backlog) < 0)
			return -1;
	return 0;
}

int wire_members_choose_by_port(struct wire *w, const struct wire_members *m)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + (w->ip == 4 ? 20 : 40)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, m->nr - 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog prog = { 3, code };

	if (setsockopt(m->fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)))
		return wire_fail(w, "attach: %s", strerror(errno));
	return 0;
}

void wire_members_end(struct wire_members *m, int i)
{
	if (m->fd[i] >= 0)
		close(m->fd[i]);
	m->fd[i] = -1;
}

void wire_members_end_all(struct wire_members *m)
{
	for (int i = 0; i < WIRE_MEMBERS; i++)
		wire_members_end(m, i);
}

void wire_members_use(struct wire *w, int pport, uint32_t iss)
{
	uint16_t lport = w->c.lport;

	memset(&w->c, 0, sizeof(w->c));
	w->c.lfd = -1;
	w->c.fd = -1;
	w->c.syn_ws = -1;
	w->c.lport = lport;
	w->c.pport = pport;
	w->c.iss = iss;
}
