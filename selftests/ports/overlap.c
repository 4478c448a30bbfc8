// SPDX-License-Identifier: GPL-2.0
/*
 * The same octets twice, and not the same bytes: of each octet the program must read what came first,
 * whatever the order, and nothing may be lost or come twice. Two segments on a small grid in every
 * position to each other, then random ones; and a flood of single octets, whose cost may not grow
 * with what waits. Kernel TCP gives a later copy the preference in some positions; there both copies
 * say the same. Last, large segments in pages of which most is old: cut, not copied.
 */
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <linux/sock_diag.h>
#include "lib/test.h"
#include "lib/wire.h"

#define UNIT		50	/* octets on the wire for one place of the grid */
#define GRID		6	/* places */
#define SPACE_MAX	12000
#define STRETCH_MAX	6000	/* of a random round */
#define ROUNDS		40
#define FLOOD		5000	/* more than may wait out of order */
#define FEW		10	/* octets that wait */
#define MANY		4000
#define COVERING	100	/* segments over them */
#define COST_RATIO	10	/* that these may take longer over many */
#define LARGE		50000	/* octets of a segment in pages */
#define ONE_SKB		4096	/* what the last one may go over the buffer */

/* The stretch of stream that is being sent: what the program must read of each octet. */
struct stretch {
	uint32_t base;		/* sequence number */
	unsigned int len;
	bool came[SPACE_MAX];
	uint8_t byte[SPACE_MAX];
};

static void begin(struct wire *w, struct stretch *s, unsigned int len)
{
	s->base = w->c.rcv_nxt;
	s->len = len;
	memset(s->came, 0, sizeof(s->came));
}

static int send_part(struct wire *w, struct stretch *s, unsigned int from, unsigned int to, uint8_t copy)
{
	struct wire_segment seg = { .mss = -1, .ws = -1, .doff = -1, .cut = -1 };
	uint8_t data[SPACE_MAX];

	for (unsigned int i = from; i < to; i++) {
		data[i - from] = w->stack == WIRE_KERNEL ? i * 7 : copy;
		if (!s->came[i])
			s->byte[i] = data[i - from];
		s->came[i] = true;
	}
	seg.seq = s->base + from;
	seg.ack = w->c.snd_nxt;
	seg.flags = WIRE_ACK;
	seg.win = 65535;
	seg.len = to - from;
	seg.data = data;
	return wire_peer_send(w, &seg);
}

/* Takes what has come back: nothing but ACKs, none beyond what was sent in one piece. */
static int take_acks(struct wire *w, const struct stretch *s)
{
	unsigned int whole = 0;
	struct wire_segment seg;
	int n;

	while (whole < s->len && s->came[whole])
		whole++;
	while ((n = wire_peer_receive(w, &seg, 0)) > 0) {
		if (seg.len || seg.flags != WIRE_ACK)
			return wire_fail(w, "an answer that is no ACK");
		if (seg.ack - s->base > whole)
			return wire_fail(w, "ACK of %u octets, %u came", seg.ack - s->base, whole);
	}
	return n;
}

/* Everything came: the program reads it, and the ACK says so at the latest when the delay is over. */
static int check(struct wire *w, const struct stretch *s)
{
	static uint8_t got[SPACE_MAX + 1];
	struct wire_segment seg;
	ssize_t n = recv(w->c.fd, got, sizeof(got), MSG_DONTWAIT);

	if (n != (ssize_t)s->len)
		return wire_fail(w, "%zd octets read, %u sent", n, s->len);
	for (unsigned int i = 0; i < s->len; i++)
		if (got[i] != s->byte[i])
			return wire_fail(w, "octet %u is %#x, %#x came first", i, got[i], s->byte[i]);
	while (w->c.rcv_nxt != s->base + s->len)
		if (wire_peer_receive(w, &seg, 1000) <= 0)
			return wire_fail(w, "the last ACK is of %u octets", w->c.rcv_nxt - s->base);
	/* the ladder of what went well says nothing */
	w->ladder_len = 0;
	w->ladder[0] = 0;
	return 0;
}

static int open_connection(struct wire *w)
{
	return wire_script_run(w, "listen; < S 0 $; > S. 0 ack 1; < . 1 ack 1; accept");
}

/* [a, b) and then [c, d), then everything. */
static int pair(struct wire *w, struct stretch *s, unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	begin(w, s, GRID * UNIT);
	if (send_part(w, s, a * UNIT, b * UNIT, 'a') || take_acks(w, s) ||
	    send_part(w, s, c * UNIT, d * UNIT, 'b') || take_acks(w, s) ||
	    send_part(w, s, 0, GRID * UNIT, 'c') || take_acks(w, s) || check(w, s)) {
		wire_note(w, "first [%u, %u), then [%u, %u)", a, b, c, d);
		return -1;
	}
	return 0;
}

static int every_pair(struct wire *w)
{
	static struct stretch s;

	if (open_connection(w))
		return -1;
	for (unsigned int a = 0; a < GRID; a++)
		for (unsigned int b = a + 1; b <= GRID; b++)
			for (unsigned int c = 0; c < GRID; c++)
				for (unsigned int d = c + 1; d <= GRID; d++)
					if (pair(w, &s, a, b, c, d))
						return -1;
	return 0;
}

/* Two islands with a gap, and a third segment in every position to both. */
static int every_third(struct wire *w)
{
	static struct stretch s;

	if (open_connection(w))
		return -1;
	for (unsigned int c = 0; c < GRID; c++) {
		for (unsigned int d = c + 1; d <= GRID; d++) {
			begin(w, &s, GRID * UNIT);
			if (send_part(w, &s, 4 * UNIT, 5 * UNIT, 'a') || take_acks(w, &s) ||
			    send_part(w, &s, 1 * UNIT, 3 * UNIT, 'b') || take_acks(w, &s) ||
			    send_part(w, &s, c * UNIT, d * UNIT, 'c') || take_acks(w, &s) ||
			    send_part(w, &s, 0, GRID * UNIT, 'd') || take_acks(w, &s) || check(w, &s)) {
				wire_note(w, "third [%u, %u)", c, d);
				return -1;
			}
		}
	}
	return 0;
}

static int at_random(struct wire *w)
{
	static struct stretch s;
	unsigned int round, from, to, missing;
	uint8_t copy = 0;

	if (open_connection(w))
		return -1;
	for (round = 0; round < ROUNDS; round++) {
		begin(w, &s, 1 + wire_random(w) % STRETCH_MAX);
		do {
			from = wire_random(w) % s.len;
			to = from + 1 + wire_random(w) % (wire_random(w) % 4 ? 1400 : 20);
			/* now and then what is missing at the left, or the rounds would be long */
			for (missing = 0; missing < s.len && s.came[missing]; missing++)
				;
			if (missing < from && wire_random(w) % 3 == 0)
				from = missing;
			if (to > s.len)
				to = s.len;
			if (to - from > 1400)
				to = from + 1400;
			if (send_part(w, &s, from, to, ++copy) || take_acks(w, &s))
				return -1;
			for (missing = 0; missing < s.len && s.came[missing]; missing++)
				;
		} while (missing < s.len);
		if (check(w, &s))
			return -1;
	}
	return 0;
}

static unsigned int receive_memory(struct wire *w, int which)
{
	uint32_t mem[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(mem);

	if (getsockopt(w->c.fd, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return UINT32_MAX;
	return mem[which];
}

/*
 * Single octets with holes between them, from the far end to the near one: memory stays within the buffer, and what had
 * to be dropped is taken when it comes again, with the same byte.
 */
static int flood(struct wire *w)
{
	static struct stretch s;
	unsigned int i, from, rcvbuf, memory;
	struct wire_segment seg;

	if (open_connection(w))
		return -1;
	begin(w, &s, 2 * FLOOD);
	for (i = FLOOD - 1; i > 0; i--) {
		if (send_part(w, &s, 2 * i, 2 * i + 1, 'a') || take_acks(w, &s))
			return -1;
		w->ladder_len = 0;
		w->ladder[0] = 0;
	}
	rcvbuf = receive_memory(w, SK_MEMINFO_RCVBUF);
	memory = receive_memory(w, SK_MEMINFO_RMEM_ALLOC);
	if (memory > rcvbuf + ONE_SKB)
		return wire_fail(w, "%u octets of memory in a buffer of %u", memory, rcvbuf);
	for (from = 0; from < s.len; from = w->c.rcv_nxt - s.base) {
		if (send_part(w, &s, from, from + 1000 < s.len ? from + 1000 : s.len, 'a') || take_acks(w, &s))
			return -1;
		/* the ACK of the last one may be delayed */
		if (w->c.rcv_nxt - s.base == from && wire_peer_receive(w, &seg, 1000) < 0)
			return -1;
		if (w->c.rcv_nxt - s.base == from)
			return wire_fail(w, "octet %u is not taken", from);
	}
	return check(w, &s);
}

/* Nanoseconds of 100 segments over @nodes single octets, sent from the far end to the near one. */
static int cover(struct wire *w, unsigned int nodes, uint64_t *took)
{
	static struct stretch s;
	unsigned int i, from;
	uint64_t start;

	begin(w, &s, 2 * MANY + 2);
	for (i = nodes; i > 0; i--) {
		if (send_part(w, &s, 2 * i, 2 * i + 1, 'a') || take_acks(w, &s))
			return -1;
		w->ladder_len = 0;
		w->ladder[0] = 0;
	}
	start = wire_now();
	for (i = 0; i < COVERING; i++) {
		from = 1 + i * 379 % (s.len - 1001);
		if (send_part(w, &s, from, from + 1000, 'a') || take_acks(w, &s))
			return -1;
		w->ladder_len = 0;
		w->ladder[0] = 0;
	}
	*took = wire_now() - start;
	for (from = 0; from < s.len; from += 1000)
		if (send_part(w, &s, from, from + 1000 < s.len ? from + 1000 : s.len, 'a') || take_acks(w, &s))
			return -1;
	return check(w, &s);
}

/* Many segments over few waiting octets, then over many: what a segment covers goes, so the next one is cheap. */
static int cost(struct wire *w)
{
	uint64_t few, many;

	if (open_connection(w) || cover(w, FEW, &few) || cover(w, FEW, &few) || cover(w, MANY, &many))
		return -1;
	printf("# %s: %llu us over %u octets that wait, %llu us over %u\n", w->stack == WIRE_KERNEL ? "kernel" : "xtcp",
	       (unsigned long long)few / 1000, FEW, (unsigned long long)many / 1000, MANY);
	if (many > COST_RATIO * few)
		return wire_fail(w, "it takes %llu times as long", (unsigned long long)(many / few));
	return 0;
}

/* Injects a segment whose text lies in pages, as those of network cards do. */
static int send_in_pages(struct wire *w, uint32_t seq, unsigned int len, const uint8_t *data)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("lo"), .sll_halen = 6 };
	struct wire_segment seg = { .mss = -1, .ws = -1, .doff = -1, .cut = -1 };
	static uint8_t packet[WIRE_PACKET_MAX];
	ssize_t size, sent;
	int fd;

	seg.seq = seq;
	seg.ack = w->c.snd_nxt;
	seg.flags = WIRE_ACK;
	seg.win = 65535;
	seg.len = len;
	seg.data = data;
	seg.sport = w->c.pport;
	seg.dport = w->c.lport;
	memcpy(seg.src, w->peer, sizeof(seg.src));
	memcpy(seg.dst, w->local, sizeof(seg.dst));
	size = wire_segment_build(w, &seg, packet);
	to.sll_protocol = htons(w->ip == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0)
		return wire_fail(w, "no packet socket");
	sent = sendto(fd, packet, size, 0, (void *)&to, sizeof(to));
	close(fd);
	return sent == size ? 0 : wire_fail(w, "%zd octets of %zd went into lo", sent, size);
}

/* The whole of @data except its first @old octets is there; the memory that it took is given. */
static int read_rest(struct wire *w, const uint8_t *data, unsigned int old, unsigned int *memory)
{
	static uint8_t got[LARGE];
	struct wire_segment seg;
	ssize_t n = recv(w->c.fd, got, LARGE - old, MSG_PEEK | MSG_WAITALL);

	*memory = receive_memory(w, SK_MEMINFO_RMEM_ALLOC);
	if (n == (ssize_t)(LARGE - old))
		n = recv(w->c.fd, got, LARGE - old, MSG_DONTWAIT);
	if (n != (ssize_t)(LARGE - old))
		return wire_fail(w, "%zd octets read, %u are new", n, LARGE - old);
	while (wire_peer_receive(w, &seg, 0) > 0)
		;
	w->ladder_len = 0;
	w->ladder[0] = 0;
	return memcmp(got, data + old, LARGE - old) ? wire_fail(w, "other octets than were sent") : 0;
}

static int in_pages(struct wire *w)
{
	static const unsigned int olds[] = { 1, 20, 1000, 4095, 4096, 4097, 20000, 32768, 45000, LARGE - 1 };
	unsigned int i, whole, memory;
	static uint8_t data[LARGE], head[LARGE];
	uint32_t seq;

	for (i = 0; i < LARGE; i++)
		data[i] = i * 7 + (i >> 8) * 13;
	if (open_connection(w))
		return -1;
	stack_patience(w->c.fd, SO_RCVTIMEO, 5 * SECOND_US);
	seq = w->c.rcv_nxt;
	if (send_in_pages(w, seq, LARGE, data) || read_rest(w, data, 0, &whole))
		return -1;
	for (i = 0; i < sizeof(olds) / sizeof(*olds); i++) {
		seq += LARGE;
		if (send_in_pages(w, seq, olds[i], data))
			return -1;
		if (recv(w->c.fd, head, olds[i], MSG_WAITALL) != (ssize_t)olds[i])
			return wire_fail(w, "the first %u octets did not come", olds[i]);
		if (send_in_pages(w, seq, LARGE, data) || read_rest(w, data, olds[i], &memory))
			return -1;
		if (memory > whole)
			return wire_fail(w, "%u octets of memory with %u octets cut away, %u with none", memory,
					 olds[i], whole);
	}
	return 0;
}

#define RFC	"RFC 9293 3.10.7.4"

static const struct wire_row rows[] = {
	{ .name = "overlap_of_two", .rfc = RFC, .id = "SHLD-31", .run = every_pair },
	{ .name = "overlap_of_three", .rfc = RFC, .id = "SHLD-31", .run = every_third },
	{ .name = "overlap_at_random", .rfc = RFC, .id = "SHLD-31", .run = at_random },
	{ .name = "overlap_flood", .rfc = RFC, .id = "SHLD-31", .run = flood },
	{ .name = "overlap_cost", .rfc = RFC, .run = cost },
	{ .name = "overlap_in_pages", .rfc = RFC, .run = in_pages },
};

WIRE_MAIN(rows)
