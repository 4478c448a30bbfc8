// SPDX-License-Identifier: GPL-2.0
/*
 * The same octets twice, and not the same bytes: of each octet the program must read what came first,
 * whatever the order, and nothing may be lost or come twice. Two segments on a small grid in every
 * position to each other, then random ones; and a flood of single octets. Kernel TCP gives a later
 * copy the preference in some positions; there both copies say the same.
 */
#include <string.h>
#include <sys/socket.h>
#include <linux/sock_diag.h>

#include "lib/wire.h"

#define UNIT		50	/* octets on the wire for one place of the grid */
#define GRID		6	/* places */
#define SPACE_MAX	12000
#define STRETCH_MAX	6000	/* of a random round */
#define ROUNDS		40
#define FLOOD		5000	/* more than may wait out of order */
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
	unsigned int i;

	for (i = from; i < to; i++) {
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
	unsigned int i;
	ssize_t n;

	n = recv(w->c.fd, got, sizeof(got), MSG_DONTWAIT);
	if (n != (ssize_t)s->len)
		return wire_fail(w, "%zd octets read, %u sent", n, s->len);
	for (i = 0; i < s->len; i++)
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
	unsigned int a, b, c, d;

	if (open_connection(w))
		return -1;
	for (a = 0; a < GRID; a++)
		for (b = a + 1; b <= GRID; b++)
			for (c = 0; c < GRID; c++)
				for (d = c + 1; d <= GRID; d++)
					if (pair(w, &s, a, b, c, d))
						return -1;
	return 0;
}

/* Two islands with a gap, and a third segment in every position to both. */
static int every_third(struct wire *w)
{
	static struct stretch s;
	unsigned int c, d;

	if (open_connection(w))
		return -1;
	for (c = 0; c < GRID; c++) {
		for (d = c + 1; d <= GRID; d++) {
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

#define RFC	"RFC 9293 3.10.7.4"

static const struct wire_row rows[] = {
	{ .name = "overlap_of_two", .rfc = RFC, .id = "SHLD-31", .run = every_pair },
	{ .name = "overlap_of_three", .rfc = RFC, .id = "SHLD-31", .run = every_third },
	{ .name = "overlap_at_random", .rfc = RFC, .id = "SHLD-31", .run = at_random },
	{ .name = "overlap_flood", .rfc = RFC, .id = "SHLD-31", .run = flood },
};

int main(int argc, char **argv)
{
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
