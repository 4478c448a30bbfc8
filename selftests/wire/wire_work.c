// SPDX-License-Identifier: GPL-2.0
/*
 * What an ACK costs must not depend on how much is in flight, whatever the peer makes up: storms of segments at
 * connections with 10, 100 and 4,000 skbs in flight, measured in one run. The time of a segment is compared with the
 * time that it takes with 10 in flight. The tenth of the segments that took longest is left out, as others use the
 * machine, too. The debug kernel is too slow to have 4,000 in flight before a timer expires: it has 100. The costs of
 * kernel TCP are not judged; only the ACK by which thousands of skbs are lost (turns) is compared with kernel TCP's.
 *
 * 19 kinds of storms: SACK blocks in each order, repeated, alternating, overlapping, senseless, octet by octet, in old
 * ACKs; D-SACKs; ECE; windows that shut; optimistic and divided ACKs; losses and undos in turns; a path MTU that falls.
 * With 4,000 (100) skbs a segment may cost three times what it costs with 10.
 */
#include "lib/test.h"
#include "lib/wire.h"

#define MSS		500
#define FEW		10
#define MANY		4000
#define SAMPLES		240	/* segments of a storm, over several connections if one has not enough to tell */
#define CONNECTIONS	20	/* at most */
#define BLOCKS		4
#define AT_MOST		3.0	/* times */
#define BUFFER		(64 << 20)
#define CHUNK		100	/* segments that the tun device is given to hold */
#define BEGINNING	10	/* RFC 6928 */
#define TRIES		20
#define AGAIN		2

#define OPEN(options)	"listen; < S 0 <" options ",ws 14>; > S. 0 ack 1; < . 1 ack 1 win 65535; accept"

struct flight {
	unsigned int n;		/* skbs, of a segment each */
	uint32_t first;		/* sequence number of the first of them, SND.UNA */
	unsigned int order[MANY];
	uint32_t tsval, tsecr;
};

/* The next segment of a storm. Blocks are of whole segments, by their numbers in the flight. */
typedef void (*storm_fn)(const struct flight *f, unsigned int i, struct wire_segment *seg);

static int fail(struct wire *w, const char *what)
{
	return wire_fail(w, "%s: %s", what, strerror(errno));
}

/* Octets: for blocks that are none of whole segments. */
static void add_octets(struct wire_segment *seg, uint32_t start, uint32_t end)
{
	if (!seg->optlen) {
		memcpy(seg->opt, "\1\1\5\2", 4);
		seg->optlen = 4;
	}
	seg->opt[3] += 8;
	segment_put32(seg->opt + seg->optlen, start);
	segment_put32(seg->opt + seg->optlen + 4, end);
	seg->optlen += 8;
}

static void add_block(const struct flight *f, struct wire_segment *seg, unsigned int start, unsigned int end)
{
	add_octets(seg, f->first + start * MSS, f->first + end * MSS);
}

/* The newest one first, then those before it, as a receiver does. */
static void add_singles(const struct flight *f, struct wire_segment *seg, unsigned int i, bool scattered, bool down)
{
	unsigned int b, k;

	for (b = 0; b < BLOCKS && b <= i; b++) {
		k = (i - b) % ((f->n - 1) / 2);
		k = scattered ? f->order[k] : k;
		k = down ? f->n - 2 - 2 * k : 1 + 2 * k;
		add_block(f, seg, k, k + 1);
	}
}

static void ascending(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	add_singles(f, seg, i, false, false);
}

static void descending(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	add_singles(f, seg, i, false, true);
}

static void scattered(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	add_singles(f, seg, i, true, false);
}

static void growing_up(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	add_block(f, seg, 1, f->n / 2 + i % (f->n / 2));
}

static void growing_down(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	add_block(f, seg, f->n / 2 - i % (f->n / 2 - 1), f->n);
}

static void repeated(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	for (unsigned int b = 0; b < BLOCKS; b++)
		add_block(f, seg, 1 + b * f->n / BLOCKS, (b + 1) * f->n / BLOCKS);
}

/* All that is sacked, and a little of it, in turns. */
static void alternating(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	if (i % 2)
		add_block(f, seg, f->n / 2, f->n / 2 + 1);
	else
		add_block(f, seg, 1, f->n);
}

/* The same from another place each time; the others, which are sacked too, hide what the first one holds. */
static void overlapping(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	unsigned int k = 1 + i % (f->n / 2 - 1);

	if (i % 2) {
		add_block(f, seg, f->n - 1, f->n);
		add_block(f, seg, k, k + 1);
		return;
	}
	add_block(f, seg, k, f->n - 1);
	add_block(f, seg, k + 1, f->n);
	add_block(f, seg, 1, f->n - 2);
	add_block(f, seg, f->n / 2, f->n - 1);
}

/* Below SND.UNA, beyond SND.NXT, reversed, nothing. */
static void senseless(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	add_block(f, seg, 0, f->n + 1 + i);
	add_block(f, seg, f->n - 1, 1);
	add_octets(seg, f->first - 2000000000, f->first + 2 * MSS);
	add_octets(seg, f->first + MSS, f->first + MSS);
}

static void octets(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	unsigned int b, k;

	for (b = 0; b < BLOCKS; b++) {
		k = f->order[(BLOCKS * i + b) % ((f->n - 1) / 2)];
		add_octets(seg, f->first + k * MSS + 1, f->first + k * MSS + 2);
	}
}

/* RFC 2883: in the second block, and below the acknowledgment. */
static void came_twice(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	unsigned int k = f->order[i % ((f->n - 1) / 2)] + 1;

	if (i % 2)
		add_octets(seg, f->first - MSS, f->first);
	else
		add_block(f, seg, k, k + 1);
	add_block(f, seg, 1, f->n);
}

static void overtaken(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	alternating(f, i, seg);
	seg->ack--;
}

static void duplicates(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
}

static void marked(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	seg->flags |= WIRE_ECE;
}

/* The window closes and opens while something is repaired. */
static void shut(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	alternating(f, i / 2, seg);
	seg->win = i % 2 ? 0 : 65535;
}

static void optimistic(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	seg->ack = f->first + (f->n + 1 + i) * MSS;
}

static void divided(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	seg->ack += 1 + i;
}

/* A loss, then an echo that says that it was none (RFC 3522), again and again: each takes four segments. */
static void undone(const struct flight *f, unsigned int i, struct wire_segment *seg)
{
	unsigned int at = 4 * ((i + 1) / 2);

	memcpy(seg->opt, "\1\1\10\12", 4);
	segment_put32(seg->opt + 4, f->tsval + 1 + i);
	segment_put32(seg->opt + 8, f->tsecr);
	seg->optlen = 12;
	seg->ack = f->first + at * MSS;
	if (i % 2)
		return;
	memcpy(seg->opt + 12, "\1\1\5\12", 4);
	segment_put32(seg->opt + 16, seg->ack + MSS);
	segment_put32(seg->opt + 20, seg->ack + 4 * MSS);
	seg->optlen = 24;
}

/* Takes all that the stack has sent; the octet behind it. */
static uint32_t drain(struct wire *w, uint32_t until)
{
	const uint8_t *p = w->packet, *tcp = p + 20;
	ssize_t n, len;
	uint32_t end;

	while ((n = read(w->tun, w->packet, sizeof(w->packet))) > 0) {
		if (p[0] >> 4 != 4 || p[9] != IPPROTO_TCP)
			continue;
		len = n - 20 - (tcp[12] >> 4) * 4;
		end = (tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7]) + len;
		if (len > 0 && (int32_t)(end - until) > 0)
			until = end;
	}
	return until;
}

static void begin_segment(struct wire *w, struct wire_segment *seg, uint32_t ack)
{
	*seg = (struct wire_segment) {
		.sport = w->c.pport, .dport = w->c.lport, .seq = w->c.iss + 1, .ack = ack, .flags = WIRE_ACK,
		.win = 65535, .doff = -1, .cut = -1,
	};
	memcpy(seg->src, w->peer, 16);
	memcpy(seg->dst, w->local, 16);
}

/* ns that it takes to be processed, with what is sent for it; negative: it could not be sent. */
static double inject(struct wire *w, const struct wire_segment *seg)
{
	static uint8_t packet[256];
	size_t len = wire_segment_build(w, seg, packet);
	uint64_t before = wire_now();

	if (wire_tun_write(w, packet, len))
		return -1;
	return wire_now() - before;
}

/* So many segments, @each of them at a time: those that fit the window share an skb. */
static int write_segments(struct wire *w, unsigned int n, unsigned int each, uint32_t *end)
{
	static char text[CHUNK * MSS];
	unsigned int i, some;

	for (i = 0; i < n; i += some) {
		some = n - i < each ? n - i : each;
		if (send(w->c.fd, text, some * MSS, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)some * MSS)
			return fail(w, "send");
		if (each == CHUNK || i % CHUNK == CHUNK - 1)
			*end = drain(w, *end);
	}
	*end = drain(w, *end);
	return 0;
}

/*
 * A connection whose window has grown to @n segments, all of them in flight; NewReno, which nothing slows down. 1: a
 * timer has expired meanwhile, as the machine has other things to do.
 */
static int try_to_take_off(struct wire *w, const char *open, unsigned int n, struct flight *f)
{
	int one = 1, size = BUFFER;
	struct wire_segment seg;
	unsigned int i, k, have;
	uint32_t end;

	wire_socket_cleanup(w);
	wire_peer_reset(w, true);
	if (wire_script_run(w, open))
		return -1;
	if (setsockopt(w->c.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(w->c.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one)) ||
	    setsockopt(w->c.fd, IPPROTO_TCP, 13 /* TCP_CONGESTION */, "reno", 4))
		return fail(w, "setsockopt");
	f->n = n;
	f->tsval = w->c.tsval;
	f->tsecr = w->c.tsrecent;
	f->first = w->c.irs + 1;
	end = f->first;
	for (have = BEGINNING; have < n; have *= 2) {
		if (write_segments(w, have, CHUNK, &end))
			return -1;
		if (end != f->first + have * MSS)
			return 1;
		begin_segment(w, &seg, end);
		if (inject(w, &seg) < 0)
			return -1;
		f->first = end;
	}
	if (write_segments(w, n, 1, &end))
		return -1;
	if (end != f->first + n * MSS)
		return 1;
	for (i = 0; i < n; i++)
		f->order[i] = i;
	for (i = (n - 1) / 2; i > 1; i--) {
		k = wire_random(w) % i;
		have = f->order[k];
		f->order[k] = f->order[i - 1];
		f->order[i - 1] = have;
	}
	return 0;
}

static int take_off(struct wire *w, const char *open, unsigned int n, struct flight *f)
{
	int i, ret = 1;

	for (i = 0; i < TRIES && ret > 0; i++)
		ret = try_to_take_off(w, open, n, f);
	return ret > 0 ? wire_fail(w, "the window does not grow to %u segments", n) : ret;
}

/* The path's MTU falls and falls, but segments of this size always pass (RFC 1191). */
static double too_big(struct wire *w, const struct wire_segment *seg, unsigned int i)
{
	uint64_t before = wire_now();

	if (wire_peer_icmp(w, "toobig", seg->ack, WIRE_MTU - 1 - i, false))
		return -1;
	return wire_now() - before;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct storm {
	const char *open;
	storm_fn next;		/* NULL: ICMP errors, see too_big() */
	unsigned int used;	/* segments of the flight that each of its segments uses up; 0: it can go on for ever */
};

/* ns for each segment of a storm, with @n in flight; negative: it failed. */
static double cost_of(struct wire *w, const struct storm *storm, unsigned int n)
{
	static struct flight f;
	double ns[SAMPLES], sum = 0;
	unsigned int samples = 0, connections, each = SAMPLES, i;
	struct wire_segment seg;

	if (storm->used && each > (n - 2) / storm->used)
		each = (n - 2) / storm->used;
	for (connections = 0; connections < CONNECTIONS && samples < SAMPLES; connections++) {
		if (take_off(w, storm->open, n, &f))
			return -1;
		for (i = 0; i < each && samples < SAMPLES; i++) {
			begin_segment(w, &seg, f.first);
			if (storm->next)
				storm->next(&f, i, &seg);
			ns[samples] = storm->next ? inject(w, &seg) : too_big(w, &seg, i);
			if (ns[samples++] < 0)
				return -1;
			drain(w, 0);
		}
	}
	qsort(ns, samples, sizeof(*ns), compare);
	for (i = 0; i < samples * 9 / 10; i++)
		sum += ns[i];
	return sum / i;
}

static int weather(struct wire *w)
{
	const struct storm *storm = w->row->with;
	static const unsigned int flights[] = { FEW, 100, MANY };
	const unsigned int count = sizeof(flights) / sizeof(*flights) - release_is_debug();
	double few = 0, cost;
	unsigned int i, again = 0;

	/* any state will do */
	if (w->stack == WIRE_KERNEL && !getenv("WORK_OF_KERNEL"))
		return 0;
	for (i = 0; i < count; i++) {
		cost = cost_of(w, storm, flights[i]);
		if (cost < 0)
			return -1;
		if (!i)
			few = cost;
		fprintf(stderr, "# %s %s: %.0f ns with %u in flight, %.2fx\n", wire_stack_names[w->stack],
			w->row->name, cost, flights[i], cost / few);
		if (w->stack != WIRE_XTCP || cost <= AT_MOST * few)
			continue;
		/* the machine may have got other work just then */
		if (again++ < AGAIN)
			i = -1;
		else
			wire_fail(w, "%.0f ns with %u in flight, %.0f with %d", cost, flights[i], few, FEW);
	}
	/* a machine that stands still does not change a ratio: no reason to start over */
	wire_account(w, true);
	w->longest = 0;
	w->total = 0;
	return w->failed ? -1 : 0;
}

#define FEW_LOST	500
#define LINEAR		1.5	/* times as many skbs take at most so many times as long */
#define BESIDE		2.0	/* times what the same ACK costs kernel TCP, at most */

static double *of_kernel;	/* what it cost there with MANY; shared by the lanes, of which kernel TCP's is first */

/*
 * ns of an ACK by which all is lost, when of @n skbs every fourth was lost before, and went again between two new ones:
 * in order of time they are in none of sequence numbers. Negative: it failed.
 */
static double cost_of_turns(struct wire *w, const char *open, unsigned int n)
{
	static const char text[CHUNK * MSS];
	struct wire_segment seg;
	static struct flight f;
	uint32_t end;

	if (take_off(w, open, n, &f))
		return -1;
	end = f.first + n * MSS;
	for (unsigned int i = 0; i < n; i += CHUNK)
		if (send(w->c.fd, text, sizeof(text), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(text))
			return fail(w, "send");
	for (unsigned int i = 0; i + 4 <= n; i += 4) {
		begin_segment(w, &seg, f.first);
		add_block(&f, &seg, i + 1, i + 4);
		if (inject(w, &seg) < 0)
			return -1;
		end = drain(w, end);
	}
	begin_segment(w, &seg, f.first);
	add_octets(&seg, end - MSS, end);
	return inject(w, &seg);
}

/* Each skb is lost once, so eight times as many cost eight times as much. */
static int turns(struct wire *w)
{
	const char *open = w->row->with;
	double few, many = 0;
	unsigned int tries;

	for (tries = 0; tries < 1 + AGAIN; tries++) {
		few = cost_of_turns(w, open, FEW_LOST);
		if (few >= 0 && !release_is_debug())
			many = cost_of_turns(w, open, MANY);
		if (few < 0 || many < 0)
			return -1;
		fprintf(stderr, "# %s %s: %.0f ns with %d, %.0f with %d, %.2fx\n", wire_stack_names[w->stack],
			w->row->name, few, FEW_LOST, many, MANY, many / few);
		if (w->stack == WIRE_KERNEL)
			*of_kernel = many;
		if (w->stack == WIRE_KERNEL ||
		    (many <= LINEAR * MANY / FEW_LOST * few && (!*of_kernel || many <= BESIDE * *of_kernel)))
			break;
	}
	if (tries > AGAIN)
		wire_fail(w, "%.0f ns with %d skbs, %.0f with %d; kernel TCP %.0f", many, MANY, few, FEW_LOST,
			  *of_kernel);
	wire_account(w, true);
	w->longest = 0;
	w->total = 0;
	return w->failed ? -1 : 0;
}

#define SACK		OPEN("mss 500,sackok")
#define NO_SACK		OPEN("mss 500")
#define ECN		"listen; < SEC 0 <mss 500,sackok,ws 14>; > S.E 0 ack 1; < . 1 ack 1 win 65535; accept"
#define STAMPS		OPEN("mss 512,sackok,ts")

#define WORK(name_, section, ...)						\
	{ .name = name_, .rfc = section, .only = 4, __VA_ARGS__ }
#define STORM(function, opening, uses, section)					\
	WORK("work_" #function, section, .run = weather,			\
	     .with = &(const struct storm){ .open = opening, .next = function, .used = uses })
#define mtu_falling NULL

static const struct wire_row rows[] = {
	STORM(ascending, SACK, 2, "RFC 2018 4"),
	STORM(descending, SACK, 2, "RFC 2018 4"),
	STORM(scattered, SACK, 2, "RFC 2018 4"),
	STORM(growing_up, SACK, 2, "RFC 2018 4"),
	STORM(growing_down, SACK, 2, "RFC 2018 4"),
	STORM(repeated, SACK, 0, "RFC 2018 4"),
	STORM(alternating, SACK, 0, "RFC 2018 4"),
	STORM(overlapping, SACK, 0, "RFC 2018 4"),
	STORM(senseless, SACK, 0, "RFC 2018 4"),
	STORM(octets, SACK, 0, "RFC 6675 2"),
	STORM(came_twice, SACK, 0, "RFC 2883 4"),
	STORM(overtaken, SACK, 0, "RFC 5961 5.2"),
	STORM(duplicates, NO_SACK, 0, "RFC 5681 3.2"),
	STORM(marked, ECN, 0, "RFC 3168 6.1.2"),
	STORM(shut, SACK, 0, "RFC 9293 3.8.6"),
	STORM(optimistic, SACK, 0, "RFC 5961 5.2"),
	STORM(divided, SACK, 0, "RFC 3465 2.2"),
	STORM(undone, STAMPS, 2, "RFC 3522 3.2"),
	STORM(mtu_falling, SACK, 0, "RFC 8201 4"),
	WORK("work_turns", "RFC 6675 5", .run = turns, .with = SACK),
};

int main(int argc, char **argv)
{
	of_kernel = mmap(NULL, sizeof(*of_kernel), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (of_kernel == MAP_FAILED)
		return KSFT_FAIL;
	return wire_main(argc, argv, rows, sizeof(rows) / sizeof(*rows));
}
