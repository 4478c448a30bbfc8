// SPDX-License-Identifier: GPL-2.0
/*
 * Pacing: text leaves the device at the rate of SO_MAX_PACING_RATE, in small bundles, with fq and without; little of a
 * flow stands below TCP, and more follows as soon as there is room; what TCP_INFO says of rates and of what a
 * connection waits for. On both stacks, the peer is kernel TCP. Then what only xtcp says: a rate of an octet in a
 * second ends nothing and holds nothing for ever, and the module goes while timers of it run.
 */
#include "lib/tap.h"
#include "lib/test.h"

NEEDS_MODULE;

#define PORT		5380
#define RTT_MS		20
#define FAR_MS		200
#define RATE		1000000		/* octets in a second */
#define STREAM		300000		/* octets */
#define UNPACED		10		/* segments, the first of a connection */
#define DEPARTURES	2000
#define SLOW_KBIT	1000
#define ORPHANS		30

static struct ns_pair net;
static char octets[65536];

/* What Linux 6.1 has, which not each libc knows. */
struct info {
	uint8_t first[8];
	uint32_t words[24];
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
};

enum { RTT = 15, TOTAL_RETRANS = 23 };	/* of these words */

static struct info info(int fd)
{
	struct info info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) && len == sizeof(info), "TCP_INFO");
	return info;
}

/* A connection whose other end reads. */
struct stream {
	int client, server;
	pthread_t reader;
};

static void start(struct stream *s, enum stack stack, bool v6)
{
	stack_pair_or_die(net.a, stack, net.b, KERNEL, v6 ? NS_B6 : NS_B4, PORT, &s->client, &s->server);
	must(!pthread_create(&s->reader, NULL, bulk_swallow, &s->server), "thread");
}

static void finish(struct stream *s)
{
	shutdown(s->client, SHUT_WR);
	must(!pthread_join(s->reader, NULL), "thread");
	close_each(s->client, s->server);
}

static void room(int fd)
{
	const int wide = 4 * STREAM;

	must(!setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wide, sizeof(wide)), "SO_SNDBUFFORCE");
}

static void set_rate(int fd, unsigned int rate)
{
	must(!setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), "SO_MAX_PACING_RATE");
}

/* All departures of text until all is acknowledged; how many. A tap holds few. */
static int departures(int tap, int fd, struct tap_segment *seen)
{
	long long end = wait_now_ms() + STACK_DEADLINE_MS;
	int n = 0, port = stack_port(fd);
	bool done;

	do {
		done = !bulk_unacknowledged(fd);
		while (n < DEPARTURES && tap_next(tap, &seen[n]))
			if (seen[n].from_port == port && seen[n].text > 0)
				n++;
		must(done || wait_now_ms() < end, "acknowledged");
		wait_tick();
	} while (!done);
	return n;
}

/*
 * Behind the first segments, which go at once: no bundle has more than two, none leaves before half of the time of the
 * one before is over, and over ten of them and over all the rate is kept.
 */
static bool is_even(const struct tap_segment *s, int n)
{
	long long sent = 0, all, due_us, took_us;
	int first = 0, i, j, mss = 0;

	for (i = 0; i < n; i++)
		mss = s[i].text > mss && s[i].text <= 1448 ? s[i].text : mss;
	for (i = 0; i < n && sent < (UNPACED + 2) * 1448; i++)
		sent += s[i].text;
	first = i;
	for (i = first; i < n; i++)
		if (s[i].text > 2 * 1448)
			return ksft_print_msg("a bundle of %d octets\n", s[i].text), false;
	for (i = first; i + 10 < n; i++) {
		for (all = 0, j = i; j < i + 10; j++)
			all += s[j].text;
		due_us = all * 1000000 / RATE;
		took_us = s[i + 10].time_of_day_us - s[i].time_of_day_us;
		if (took_us < due_us * 8 / 10)
			return ksft_print_msg("%lld octets in %lld us\n", all, took_us), false;
	}
	for (all = 0, i = n / 2; i < n - 1; i++)
		all += s[i].text;
	due_us = all * 1000000 / RATE;
	took_us = s[n - 1].time_of_day_us - s[n / 2].time_of_day_us;
	ksft_print_msg("%d bundles, %lld octets of the second half in %lld us, %lld are due\n", n, all, took_us,
		       due_us);
	return n - first > STREAM / 1448 / 2 / 2 && took_us > due_us * 95 / 100 && took_us < due_us * 125 / 100;
}

/* Departure times mean nothing to another queue: when ACKs come earlier than them, a timer paces the stream. */
static void fq_goes(void)
{
	static struct tap_segment seen[DEPARTURES];
	long long octets = 0, took_us;
	unsigned int least_us;
	struct stream s;
	int tap, n, i;

	must(!netem_replace(net.a, "veth0", "fq"), "qdisc");
	start(&s, XTCP, false);
	set_rate(s.client, RATE);
	room(s.client);
	bulk_send(s.client, STREAM / 4);
	must(WAIT_FOR(!bulk_unacknowledged(s.client), STACK_DEADLINE_MS), "acknowledged");
	must(!netem_replace(net.a, "veth0", "pfifo"), "qdisc");
	tap = must_have(tap_open(net.a, "veth0"), "tap");
	bulk_send(s.client, STREAM);
	n = departures(tap, s.client, seen);
	least_us = info(s.client).min_rtt;
	for (i = n / 2; i < n - 1; i++)
		octets += seen[i].text;
	took_us = n ? seen[n - 1].time_of_day_us - seen[n / 2].time_of_day_us : 0;
	ksft_print_msg("%d bundles, %lld octets of the second half in %lld us\n", n, octets, took_us);
	ksft_test_result(octets > STREAM / 4 && took_us > octets * 1000000 / RATE * 95 / 100,
			 "xtcp: no more than %d octets a second, when fq has gone\n", RATE);
	/* the times of two or three bundles, which have left before them, are wrong by the time between two */
	ksft_print_msg("the shortest round trip took %u us\n", least_us);
	ksft_test_result(least_us > RTT_MS * 1000 * 3 / 4, "xtcp: round trips are not shorter, when fq has gone\n");
	close(tap);
	finish(&s);
}

static void evenly(enum stack stack, bool v6, bool fq)
{
	static struct tap_segment seen[DEPARTURES];
	struct stream s;
	struct info i;
	int tap, n;

	must(!(fq ? netem_replace(net.a, "veth0", "fq") : netem_replace(net.a, "veth0", "pfifo")), "qdisc");
	start(&s, stack, v6);
	/* the SYN has met it: who knows of fq says when each bundle departs */
	must(!fq || !netem_fq_by_time(net.a, "veth0"), "fq");
	set_rate(s.client, RATE);
	tap = must_have(tap_open(net.a, "veth0"), "tap");
	room(s.client);
	bulk_send(s.client, STREAM);
	n = departures(tap, s.client, seen);
	i = info(s.client);
	ksft_test_result(is_even(seen, n) && i.max_pacing_rate == RATE && i.pacing_rate && i.pacing_rate <= RATE &&
			 i.delivery_rate < RATE * 5 / 4, "%s, IPv%c: %d octets a second, %s\n",
			 stack_name(stack), v6 ? '6' : '4', RATE, fq ? "fq" : "no fq");
	close(tap);
	finish(&s);
}

/*
 * What comes late makes up for half of its own time: behind a pause the second bundle leaves half of a bundle's time
 * after the first, and from then on each keeps its time.
 */
static void catch_up(enum stack stack)
{
	static struct tap_segment seen[DEPARTURES];
	long long gap_us = 0, first_us = 0, others_us = 0;
	struct stream s;
	int tap, n;

	start(&s, stack, false);
	/* so slow that the time which a segment takes of the processor is little of a bundle's */
	set_rate(s.client, RATE / 10);
	room(s.client);
	bulk_send(s.client, 2 * UNPACED * 1448);
	must(WAIT_FOR(!bulk_unacknowledged(s.client), STACK_DEADLINE_MS), "acknowledged");
	wait_until_ms(wait_now_ms() + 300);
	tap = must_have(tap_open(net.a, "veth0"), "tap");
	bulk_send(s.client, 8 * 1448);
	n = departures(tap, s.client, seen);
	if (n == 4) {
		gap_us = seen[0].text * 10000000LL / RATE;
		first_us = seen[1].time_of_day_us - seen[0].time_of_day_us;
		others_us = seen[3].time_of_day_us - seen[1].time_of_day_us;
	}
	ksft_print_msg("%d bundles: %lld us, %lld us for two; a bundle has %lld us\n", n, first_us, others_us, gap_us);
	ksft_test_result(n == 4 && first_us > gap_us * 4 / 10 && first_us < gap_us * 7 / 10 &&
			 others_us > gap_us * 18 / 10 && others_us < gap_us * 22 / 10,
			 "%s: what comes late makes up for half of its own time\n", stack_name(stack));
	close(tap);
	finish(&s);
}

/* A slow device: its queue stays short, whatever the window allows, and it never stands still. */
static void short_queue(enum stack stack)
{
	const struct netem slow = { .rate_kbit = SLOW_KBIT, .queue = 1 << 20 };
	long long most = 0, now, began;
	struct stream s;

	must(!netem_clear(net.a, "veth0") && !netem_set(net.a, "veth0", &slow), "netem");
	start(&s, stack, false);
	room(s.client);
	began = wait_now_ms();
	bulk_send(s.client, STREAM);
	while (bulk_unacknowledged(s.client)) {
		now = netem_waiting(net.a, "veth0");
		most = now > most ? now : most;
		wait_tick();
	}
	now = wait_now_ms() - began;
	ksft_print_msg("at most %lld segments wait, %lld ms\n", most, now);
	ksft_test_result(most <= 14 && now < STREAM * 8 / SLOW_KBIT * 12 / 10,
			 "%s: little of a flow stands below TCP\n", stack_name(stack));
	finish(&s);
	must(!netem_replace(net.a, "veth0", "pfifo"), "qdisc");
}

/* A device keeps what it has, then lets go: what had no room below TCP follows at once, long before an ACK. */
static void room_below(enum stack stack)
{
	static struct tap_segment seen[DEPARTURES];
	long long waited, took_us = 0;
	struct stream s;
	int tap, n;

	start(&s, stack, false);
	room(s.client);
	must(!netem_clear(net.a, "veth0") && !netem_hold(net.a, "veth0"), "plug");
	bulk_send(s.client, UNPACED * 1448);
	waited = netem_waiting(net.a, "veth0");
	tap = tap_open(net.a, "veth0");
	must(tap >= 0 && !netem_release(net.a, "veth0"), "tap");
	n = departures(tap, s.client, seen);
	if (n)
		took_us = seen[n - 1].time_of_day_us - seen[0].time_of_day_us;
	ksft_print_msg("%lld segments kept, all of %d gone in %lld us\n", waited, n, took_us);
	ksft_test_result(waited > 0 && waited < UNPACED / 2 && n > waited && took_us < RTT_MS * 1000 / 4,
			 "%s: what a device has let go makes room at once\n", stack_name(stack));
	close(tap);
	finish(&s);
	must(!netem_clear(net.a, "veth0") && !netem_replace(net.a, "veth0", "pfifo"), "qdisc");
}

/*
 * The same with a rate, and without an ACK for a long time. When there is room again, one bundle goes at once, and each
 * of the others at its own time.
 */
static void room_and_rate(enum stack stack)
{
	const struct netem far = { .delay_ms = FAR_MS }, near = { .delay_ms = RTT_MS };
	static struct tap_segment seen[DEPARTURES];
	long long gap_us = 2 * 1448 * 1000000LL / RATE * 2, most_us = 0, us;
	struct stream s;
	int tap, n, i;

	must(!netem_set(net.b, "veth0", &far), "netem");
	start(&s, stack, false);
	set_rate(s.client, RATE / 2);
	room(s.client);
	/* the congestion window is not what limits */
	bulk_send(s.client, 4 * UNPACED * 1448);
	must(WAIT_FOR(!bulk_unacknowledged(s.client), STACK_DEADLINE_MS), "acknowledged");
	must(!netem_clear(net.a, "veth0") && !netem_hold(net.a, "veth0"), "plug");
	bulk_send(s.client, 2 * UNPACED * 1448);
	tap = tap_open(net.a, "veth0");
	wait_until_ms(wait_now_ms() + 2 * gap_us / 1000);
	must(tap >= 0 && !netem_release(net.a, "veth0"), "tap");
	n = departures(tap, s.client, seen);
	for (i = 1; i < n; i++) {
		us = seen[i].time_of_day_us - seen[i - 1].time_of_day_us;
		most_us = us > most_us ? us : most_us;
	}
	ksft_print_msg("%d bundles, at most %lld us between two; a bundle has %lld us\n", n, most_us, gap_us);
	ksft_test_result(n >= UNPACED && most_us > gap_us * 8 / 10 && most_us < gap_us * 12 / 10,
			 "%s: what has room again, and a rate, goes in its time\n", stack_name(stack));
	close(tap);
	finish(&s);
	must(!netem_clear(net.a, "veth0") && !netem_replace(net.a, "veth0", "pfifo"), "qdisc");
	must(!netem_set(net.b, "veth0", &near), "netem");
}

/*
 * What waits in fq for its time is not on its way: at so low a rate a bundle waits there three round trips long. Nor
 * does a timeout begin before it departs.
 */
static void departs_later(enum stack stack)
{
	struct stream s;
	struct info i;

	must(!netem_replace(net.a, "veth0", "fq"), "qdisc");
	start(&s, stack, false);
	set_rate(s.client, RATE / 20);
	room(s.client);
	bulk_send(s.client, 3 * UNPACED * 1448);
	must(WAIT_FOR(!bulk_unacknowledged(s.client), STACK_DEADLINE_MS), "acknowledged");
	i = info(s.client);
	ksft_print_msg("round trips of %u us, %u sent again\n", i.words[RTT], i.words[TOTAL_RETRANS]);
	ksft_test_result(i.words[RTT] < RTT_MS * 1000 * 3 / 2 && !i.words[TOTAL_RETRANS],
			 "%s: a round trip begins when fq lets a segment go\n", stack_name(stack));
	finish(&s);
	must(!netem_replace(net.a, "veth0", "pfifo"), "qdisc");
}

/* What SO_MAX_PACING_RATE says, in 32 bits and in 64. */
static void numbers(enum stack stack)
{
	unsigned long long wide = 5000000000ULL;
	unsigned int narrow = 0;
	socklen_t len = sizeof(wide);
	int fd = stack_socket(net.a, stack, NS_B4);
	bool ok = info(fd).max_pacing_rate == ~0ULL && info(fd).pacing_rate == ~0ULL;

	ok &= !setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, sizeof(wide));
	wide = 0;
	ok &= !getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, &len) && wide == 5000000000ULL;
	ok &= info(fd).max_pacing_rate == 5000000000ULL;
	len = sizeof(narrow);
	ok &= !getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &narrow, &len) && narrow == ~0U;
	set_rate(fd, ~0U);
	ok &= info(fd).max_pacing_rate == ~0ULL;
	ksft_test_result(ok, "%s: SO_MAX_PACING_RATE in 32 bits and in 64\n", stack_name(stack));
	close(fd);
}

/* A reader that does not read; a send buffer that makes many round trips of it, and a time of silence. */
static void waits(enum stack stack)
{
	int client, server, small = 4608, i;
	struct info first, before, after;
	uint64_t took;
	struct stream s;
	bool ok;

	stack_pair_or_die(net.a, stack, net.b, KERNEL, NS_B4, PORT, &client, &server);
	must(!fcntl(client, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	must(WAIT_FOR((send(client, octets, sizeof(octets), 0), info(client).rwnd_limited), STACK_DEADLINE_MS),
	     "the window limits");
	wait_until_ms(wait_now_ms() + 300);
	after = info(client);
	ok = after.rwnd_limited >= 250000 && after.busy_time >= after.rwnd_limited;
	if (!ok)
		ksft_print_msg("busy %lu, window %lu, buffer %lu us\n", after.busy_time, after.rwnd_limited,
			       after.sndbuf_limited);
	ksft_test_result(ok, "%s: time that the peer's window took\n", stack_name(stack));
	close_each(client, server);

	start(&s, stack, false);
	/* the window is not what limits */
	bulk_send(s.client, STREAM);
	must(WAIT_FOR(!bulk_unacknowledged(s.client), STACK_DEADLINE_MS), "acknowledged");
	first = info(s.client);
	must(!setsockopt(s.client, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), "SO_SNDBUF");
	/* what Nagle holds back would take more without asking for room */
	must(!stack_set(s.client, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
	for (i = 0; i < 60; i++)
		bulk_send(s.client, 4096);
	must(WAIT_FOR(!bulk_unacknowledged(s.client), STACK_DEADLINE_MS), "acknowledged");
	before = info(s.client);
	wait_until_ms(wait_now_ms() + 300);
	after = info(s.client);
	took = before.busy_time - first.busy_time;
	/* Linux calls the buffer the limit only when what had waited for the window empties the queue */
	ok = took >= 200000 && before.sndbuf_limited - first.sndbuf_limited <= took &&
	     before.rwnd_limited == first.rwnd_limited && after.busy_time == before.busy_time;
	ksft_print_msg("busy %lu, window %lu, buffer %lu us, after silence %lu\n", took,
		       before.rwnd_limited - first.rwnd_limited, before.sndbuf_limited - first.sndbuf_limited,
		       after.busy_time - before.busy_time);
	ksft_test_result(ok, "%s: busy while something waits for its ACK, and not when nothing is sent\n",
			 stack_name(stack));
	finish(&s);
}

/* An octet in a second, and closed: it ends, though not at once. */
static void nearly_nothing(bool fq)
{
	const int len = (UNPACED + 6) * 1448;
	long long began = wait_now_ms(), got = 0;
	int client, server, n;

	must(!netem_replace(net.a, "veth0", fq ? "fq" : "pfifo"), "qdisc");
	stack_pair_or_die(net.a, XTCP, net.b, KERNEL, NS_B4, PORT, &client, &server);
	set_rate(client, 1);
	bulk_send(client, len);
	close(client);
	while ((n = recv(server, octets, sizeof(octets), 0)) > 0)
		got += n;
	began = wait_now_ms() - began;
	ksft_print_msg("%lld octets in %lld ms\n", got, began);
	ksft_test_result(!n && got == len && began >= 1900 && began < 20000, "an octet in a second, then close(), %s\n",
			 fq ? "fq" : "no fq");
	close(server);
	must(!netem_replace(net.a, "veth0", "pfifo"), "qdisc");
}

/* Timers of orphans run; also one whose program has connected anew. */
static void timers_at_the_end(void)
{
	static int server[ORPHANS];
	int client, i, err;

	for (i = 0; i < ORPHANS; i++) {
		stack_pair_or_die(net.a, XTCP, net.b, KERNEL, NS_B4, PORT, &client, &server[i]);
		set_rate(client, 1 + i * 1000);
		bulk_send(client, sizeof(octets));
		if (i % 3 == 0)
			must(!stack_disconnect(client), "disconnect");
		if (i % 3 == 1)
			must(!setsockopt(client, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, 8), "SO_LINGER");
		close(client);
	}
	err = module_unload();
	ksft_test_result(!err, "the module goes while timers of orphans run\n");
	if (!err)
		must(!module_load(""), "loading");
	stack_close(server, ORPHANS);
}

int main(void)
{
	const struct netem slow = { .delay_ms = RTT_MS };

	test_begin(stack_count() * 10 + 5);
	must(!ns_pair_make(&net), "namespaces");
	must(!netem_set(net.b, "veth0", &slow), "netem");
	for (enum stack stack = stack_first(); stack <= XTCP; stack++) {
		evenly(stack, false, false);
		evenly(stack, true, true);
		departs_later(stack);
		short_queue(stack);
		catch_up(stack);
		room_below(stack);
		room_and_rate(stack);
		numbers(stack);
		waits(stack);
	}
	fq_goes();
	nearly_nothing(false);
	nearly_nothing(true);
	timers_at_the_end();
	ksft_finished();
}
