// SPDX-License-Identifier: GPL-2.0
/*
 * A router drops what is longer than it can send on, and says nothing (RFC 2923 section 2.1). With mtu_probing=0 the
 * stream stands; with 1 it is mended within seconds, and probes find the largest size that passes (RFC 4821); with 2
 * the search begins with the connection. A probe that is lost is no congestion. On both stacks, kernel TCP receives.
 */
#include "lib/router.h"
#include "lib/test.h"

NEEDS_PROGRAMS("nft");

#define PORT		5410
#define DELAY_MS	10		/* there and back */
#define RATE_KBIT	10000
#define QUEUE		8000000		/* octets */
#define MENDED_MS	8000		/* with the initial RTO of this path */
#define SEARCH_MS	20000
#define PIECE		65536
#define THRESHOLD	8		/* probe_threshold's default */
#define OPTIONS		12		/* timestamps */

struct stream {
	enum stack stack;
	bool v6;
	struct router r;
	int out, in;
	long sent, received;		/* octets */
	char name[64];
};

static char piece[PIECE];

static void set_knob(const struct stream *s, const char *name, int value)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", s->stack == XTCP ? "net.xtcp." : "net.ipv4.tcp_", name);
	must(!ns_sysctl_set(s->r.sender, path, "%d", value), path);
}

static long long count(const struct stream *s, const char *name)
{
	struct counters c;

	must(!(s->stack == XTCP ? counters_read_xtcp(&c, s->r.sender) : counters_read_kernel(&c, s->r.sender)),
	     "counters");
	return counters_get(&c, name);
}

/* Packets that the sender sends and that are longer do not come through; 0: all do. */
static void set_hole(const struct stream *s, int mtu)
{
	must(!ns_shell(s->r.router, "nft 'add table inet hole; flush table inet hole;"
		       "add chain inet hole c { type filter hook forward priority 0; };"
		       "add rule inet hole c iifname \"%s\" meta length > %d drop'", ROUTER_NEAR, mtu ?: 65535), "nft");
}

static void make(struct stream *s, enum stack stack, bool v6, int probing)
{
	/* a bottleneck that holds what the windows let into it: something is always to be sent, nothing is lost */
	const struct netem forth = { .delay_ms = DELAY_MS / 2, .rate_kbit = RATE_KBIT, .queue = QUEUE };
	const struct netem back = { .delay_ms = DELAY_MS / 2 };

	*s = (struct stream){ .stack = stack, .v6 = v6 };
	snprintf(s->name, sizeof(s->name), "%s, IPv%d", stack_name(stack), v6 ? 6 : 4);
	must(!router_make(&s->r, 1500, false) && !router_set(&s->r, &forth, &back), "network");
	set_knob(s, "mtu_probing", probing);
}

static void connect_ends(struct stream *s)
{
	const char *addr = s->v6 ? ROUTER_RECEIVER6 : ROUTER_RECEIVER4;
	int listener = must_have(stack_listener(s->r.receiver, KERNEL, addr, PORT, true), "listen");

	s->out = must_have(stack_connected(s->r.sender, s->stack, addr, PORT), "connect");
	s->in = accept(listener, NULL, NULL);
	must(s->in >= 0 && !fcntl(s->out, F_SETFL, O_NONBLOCK) && !fcntl(s->in, F_SETFL, O_NONBLOCK), "accept");
	close(listener);
}

static void end(struct stream *s)
{
	close_each(s->out, s->in);
	router_close(&s->r);
}

/* A look at both ends, after at most a tenth of a second. True: something arrived. */
static bool step(struct stream *s)
{
	struct pollfd p[2] = { { .fd = s->out, .events = POLLOUT }, { .fd = s->in, .events = POLLIN } };
	long before = s->received;
	ssize_t n;

	poll(p, 2, 100);
	if (p[0].revents) {
		n = send(s->out, piece, PIECE, MSG_NOSIGNAL);
		must(n > 0 || errno == EAGAIN, "send");
		s->sent += n > 0 ? n : 0;
	}
	while (p[1].revents && (n = recv(s->in, piece, PIECE, 0)) > 0)
		s->received += n;
	return s->received != before;
}

/* Until the condition holds or so many ms are over: how long it took, -1: it did not. */
#define RUN_UNTIL(s, condition, ms) ({						\
	long long begin_ = wait_now_ms();					\
	while (!(condition) && wait_now_ms() < begin_ + (ms))			\
		step(s);							\
	(condition) ? wait_now_ms() - begin_ : -1;				\
})

static unsigned int mss_for(const struct stream *s, unsigned int mtu)
{
	return mtu - (s->v6 ? 60 : 40) - OPTIONS;
}

/* The MSS is what passes, but for less than the search cares for. */
static bool found(const struct stream *s, unsigned int mtu)
{
	unsigned int mss = info_of(s->out).tcpi_snd_mss;

	return mss <= mss_for(s, mtu) && mss + THRESHOLD >= mss_for(s, mtu);
}

static void start(struct stream *s)
{
	connect_ends(s);
	must(RUN_UNTIL(s, s->received > 200000, STACK_DEADLINE_MS) >= 0, "nothing moves");
}

static void mends(enum stack stack, bool v6, unsigned int hole)
{
	long long mended, searched;
	struct stream s;
	long before;

	make(&s, stack, v6, 1);
	start(&s);
	set_hole(&s, hole);
	RUN_UNTIL(&s, count(&s, "TcpExt:TCPTimeouts") > 0, STACK_DEADLINE_MS);
	before = s.received;
	mended = RUN_UNTIL(&s, s.received > before + 100000, STACK_DEADLINE_MS);
	searched = RUN_UNTIL(&s, found(&s, hole), SEARCH_MS);
	ksft_print_msg("%s, %u pass: mended in %lld ms, found in %lld more: MSS %u; probes: %lld came, %lld not\n",
		       s.name, hole, mended, searched, info_of(s.out).tcpi_snd_mss, count(&s, "TcpExt:TCPMTUPSuccess"),
		       count(&s, "TcpExt:TCPMTUPFail"));
	ksft_test_result(mended >= 0 && mended < MENDED_MS, "%s: a hole of %u is mended in time\n", s.name, hole);
	ksft_test_result(searched >= 0, "%s: probes find the size that passes %u\n", s.name, hole);
	ksft_test_result(count(&s, "TcpExt:TCPMTUPSuccess") > 0, "%s: those that pass are counted\n", s.name);
	end(&s);
}

/* Less than base_mss passes: each timeout halves, down to mtu_probe_floor. */
static void halves(enum stack stack)
{
	struct stream s;

	make(&s, stack, false, 1);
	set_knob(&s, "mtu_probe_floor", 300);
	start(&s);
	set_hole(&s, 400);
	RUN_UNTIL(&s, info_of(s.out).tcpi_snd_mss == 512, SEARCH_MS);
	ksft_test_result(info_of(s.out).tcpi_snd_mss == 512, "%s: a hole of 400: half of base_mss\n", s.name);
	RUN_UNTIL(&s, info_of(s.out).tcpi_snd_mss == 300, SEARCH_MS);
	ksft_test_result(info_of(s.out).tcpi_snd_mss == 300 && RUN_UNTIL(&s, step(&s), STACK_DEADLINE_MS) >= 0,
			 "%s: then mtu_probe_floor, which passes\n", s.name);
	end(&s);
}

static void stands_without(enum stack stack)
{
	long long timeouts;
	struct stream s;
	long before;

	make(&s, stack, false, 0);
	start(&s);
	set_hole(&s, 1300);
	RUN_UNTIL(&s, count(&s, "TcpExt:TCPTimeouts") > 0, STACK_DEADLINE_MS);
	before = s.received;
	timeouts = count(&s, "TcpExt:TCPTimeouts");
	RUN_UNTIL(&s, count(&s, "TcpExt:TCPTimeouts") >= timeouts + 2, STACK_DEADLINE_MS);
	ksft_test_result(s.received == before && info_of(s.out).tcpi_snd_mss == mss_for(&s, 1500),
			 "%s: mtu_probing=0, the stream stands\n", s.name);
	set_knob(&s, "mtu_probing", 1);
	ksft_test_result(RUN_UNTIL(&s, s.received > before, 2 * STACK_DEADLINE_MS) >= 0,
			 "%s: mtu_probing=1 mends it\n", s.name);
	end(&s);
}

/* mtu_probing=2: from base_mss up, with a hole from the start or without. */
static void searches(enum stack stack, bool v6, unsigned int hole)
{
	unsigned int first, window, widest = 0;
	long long searched;
	struct stream s;

	make(&s, stack, v6, 2);
	set_knob(&s, "base_mss", 600);
	set_hole(&s, hole);
	connect_ends(&s);
	first = info_of(s.out).tcpi_snd_mss;
	searched = RUN_UNTIL(&s, ({
		window = info_of(s.out).tcpi_snd_cwnd * info_of(s.out).tcpi_snd_mss;
		if (window > widest)
			widest = window;
		found(&s, hole);
	}), SEARCH_MS);
	ksft_print_msg("%s: MSS %u to %u in %lld ms, %lld probes failed, window %u octets, %u at most\n", s.name, first,
		       info_of(s.out).tcpi_snd_mss, searched, count(&s, "TcpExt:TCPMTUPFail"), window, widest);
	ksft_test_result(first == 600 && searched >= 0, "%s: mtu_probing=2: from base_mss to %u\n", s.name, hole);
	ksft_test_result(!count(&s, "TcpExt:TCPTimeouts") && !count(&s, "TcpExt:TCPSackRecovery") &&
			 window > widest / 10 * 8, "%s: no probe was taken for congestion\n", s.name);
	ksft_test_result(hole == 1100 ? count(&s, "TcpExt:TCPMTUPFail") > 0 :
			 hole < 1500 || !count(&s, "TcpExt:TCPMTUPFail"), "%s: those that fail are counted\n", s.name);
	end(&s);
}

int main(void)
{
	test_begin(stack_count() * (3 * 3 + 2 + 2 + 3 * 3));
	for (int stack = stack_first(); stack <= XTCP; stack++) {
		mends(stack, false, 1300);
		mends(stack, true, 1300);
		mends(stack, false, 1499);
		halves(stack);
		stands_without(stack);
		searches(stack, false, 1500);
		searches(stack, false, 1100);
		searches(stack, true, 1400);
	}
	ksft_finished();
}
