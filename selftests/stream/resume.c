// SPDX-License-Identifier: GPL-2.0
/*
 * Careful Resume through a network (RFC 9959): how long 600 KB take through 50 Mbit/s, 100 ms away, with slow start and
 * with what an earlier transfer has saved; and what another stream loses when the path has become ten times slower
 * meanwhile, so that the jump is far too large. The receiver is kernel TCP, behind a router; bundles are off.
 *
 * The receiver's window is a limit, too: Linux begins with 64 KB, and grows it by twice of what arrives. So no more
 * than some 93 KB are in flight before the first octet of the jump is acknowledged, however far the window jumps.
 *
 * The same two addresses over another device are another path: no jump, and a jump ends when the route moves there.
 * What another connection has saved of that path stays. Segments with TOS take the other device all the time. When the
 * route moves later, as the jump is being validated, all that was in flight has left by the first device: the jump
 * counts. A loss that shows itself then says nothing of the first device.
 */
#include "lib/contest.h"
#include "lib/test.h"

NEEDS_PROGRAMS("ip nft");

#define PORT		5391
#define PACKET		1514
#define MBIT		50
#define RTT_MS		100
#define SHORT		600000
#define LONG		12000000
#define FAR_MS		600	/* time enough for ip(8) while a window has jumped */
/* A jump to half of what FAR_MS carries is 75 KB, less than any window. It takes two thirds of that time. */
#define NARROW_KBIT	2000
#define OTHER		"other0"
#define TOS		16
#define LOST_TOS	8	/* the router drops a segment with this TOS */
#define INTO_JUMP	25000	/* octets, of at least 75 KB */
#define SETTLED_MS	6000
#define BESIDE_MS	4000
#define MOST_OF_SLOW_START	0.9	/* of the time */
/*
 * Of the octets. Four runs gave 0.96 to 1.06: four seconds are a few teeth of the other stream's saw, and which part of
 * a tooth they begin in is chance.
 */
#define LEAST_OF_OTHER		0.85

static struct router router;
static int listener;
static char piece[65536];

/* A debug kernel's processor is what limits there: all is run, and the figures mean nothing. */
static bool measured(void)
{
	return access("/proc/lockdep_stats", F_OK);
}

static void set_path(int kbit, int queue, int rtt_ms)
{
	const struct netem forth = { .delay_ms = rtt_ms / 2, .rate_kbit = kbit, .queue = queue * PACKET };
	const struct netem back = { .delay_ms = rtt_ms / 2 };

	must(!router_set(&router, &forth, &back), "netem");
}

static void resume_for(int seconds)
{
	must(!ns_sysctl_set(router.sender, "net.xtcp.careful_resume", "%d", seconds), "careful_resume");
}

static long long count(const char *name)
{
	struct counters counters;

	must(!counters_read_xtcp(&counters, router.sender), "counters");
	return counters_get(&counters, name);
}

/* The way of the same addresses from now on. */
static void go_over_other(bool other)
{
	/* a program would have to be loaded, and the clock goes on for as long as this machine takes for it */
	if (other)
		must(!ns_route_add(router.sender, "10.9.2.0/24", "10.9.3.2", ROUTER_SENDER4), "route");
	else
		must(!ns_shell(router.sender, "ip route del 10.9.2.0/24"), "route");
}

/* Sends what @left is left of, and receives. */
static void move(struct contestant *c, long long *left)
{
	long got = *left < (long)sizeof(piece) ? *left : (long)sizeof(piece);

	if (got)
		got = send(c->out, piece, got, MSG_NOSIGNAL);
	if (got > 0)
		*left -= got;
	while ((got = recv(c->in, piece, sizeof(piece), 0)) > 0)
		c->received += got;
}

static void reset(const struct contestant *c)
{
	must(!stack_reset_at_close(c->out), "SO_LINGER");
	close_each(c->out, c->in);
}

/* When the route of a transfer moves to the other device. */
enum moves {
	STAYS,
	JUMPED,		/* as soon as the window has jumped */
	VALIDATING,	/* as soon as the first octet of the jump is acknowledged: the others are on their way */
	LOSING,		/* the same, and one of these others is lost: it is the first one with LOST_TOS */
};

/*
 * A connection that sends so many octets; milliseconds from connect() to the last octet. @other, if there is one, has
 * no end. As soon as the window has jumped, @saves ends, if there is one.
 */
static long long transfer(long long octets, struct contestant *other, enum moves moves, const struct contestant *saves)
{
	struct contestant c = { XTCP, "cubic" };
	long long begin = wait_now_ms(), left = octets, much = 1LL << 60, end;
	long long jumped = count("TcpExt:TCPResumeJumped");
	unsigned long long sent = 0;	/* before the window had jumped, and little more */
	const int lost = LOST_TOS;
	struct pollfd fds[4];

	must(!contest_enter(&router, &c, listener, PORT), "connect");
	fds[0] = (struct pollfd){ .fd = c.out, .events = POLLOUT };
	fds[1] = (struct pollfd){ .fd = c.in, .events = POLLIN };
	while (c.received < octets) {
		fds[0].events = left ? POLLOUT : 0;
		fds[2] = (struct pollfd){ .fd = other ? other->out : -1, .events = POLLOUT };
		fds[3] = (struct pollfd){ .fd = other ? other->in : -1, .events = POLLIN };
		poll(fds, 4, 10);
		move(&c, &left);
		if (other)
			move(other, &much);
		if (moves != STAYS && !sent && count("TcpExt:TCPResumeJumped") > jumped) {
			sent = info_of(c.out).tcpi_bytes_sent;
			if (saves)
				reset(saves);
		}
		if (sent && moves == LOSING && info_of(c.out).tcpi_bytes_sent > sent + INTO_JUMP) {
			must(!setsockopt(c.out, IPPROTO_IP, IP_TOS, &lost, sizeof(lost)), "IP_TOS");
			moves = VALIDATING;
		}
		if (sent && (moves == JUMPED || (moves == VALIDATING && info_of(c.out).tcpi_bytes_acked > sent))) {
			go_over_other(true);
			moves = STAYS;
		}
		must(wait_now_ms() - begin < STACK_DEADLINE_MS * 3, "the transfer");
	}
	end = wait_now_ms();
	close_each(c.out, c.in);
	wait_until_ms(wait_now_ms() + 4 * RTT_MS);
	return end - begin;
}

/* One after another: the first has nothing to resume from. */
static void times(const char *what, long long before)
{
	long long without, with, jumped;

	resume_for(0);
	without = transfer(SHORT, NULL, STAYS, NULL);
	resume_for(3600);
	transfer(before, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped");
	with = transfer(SHORT, NULL, STAYS, NULL);
	ksft_print_msg("600 KB, %d Mbit/s, %d ms: %lld ms in slow start, %lld ms after %s\n", MBIT, RTT_MS, without,
		       with, what);
	ksft_test_result(count("TcpExt:TCPResumeJumped") == jumped + 1 &&
			 (!measured() || with <= MOST_OF_SLOW_START * without),
			 "a transfer after %s jumps, and is over earlier\n", what);
	resume_for(0);
}

/* What the other stream receives beside such a transfer, in Mbit/s; *@retreats: how often a jump met congestion. */
static double beside(int seconds, long long *retreats, long long *took)
{
	struct contestant other = { KERNEL, "cubic" };
	long long much = 1LL << 60, begin, before;

	set_path(MBIT * 1000, 200, RTT_MS);
	resume_for(seconds);
	transfer(LONG, NULL, STAYS, NULL);
	set_path(MBIT * 100, 43, RTT_MS);
	*retreats = count("TcpExt:TCPResumeRetreated");
	must(!contest_enter(&router, &other, listener, PORT), "connect");
	for (begin = wait_now_ms(); wait_now_ms() - begin < SETTLED_MS; ) {
		struct pollfd fds[2] = { { .fd = other.out, .events = POLLOUT }, { .fd = other.in, .events = POLLIN } };

		poll(fds, 2, 10);
		move(&other, &much);
	}
	before = other.received;
	begin = wait_now_ms();
	*took = transfer(SHORT, &other, STAYS, NULL);
	while (wait_now_ms() - begin < BESIDE_MS) {
		struct pollfd fds[2] = { { .fd = other.out, .events = POLLOUT }, { .fd = other.in, .events = POLLIN } };

		poll(fds, 2, 10);
		move(&other, &much);
	}
	*retreats = count("TcpExt:TCPResumeRetreated") - *retreats;
	begin = wait_now_ms() - begin;
	close_each(other.out, other.in);
	wait_until_ms(wait_now_ms() + 4 * RTT_MS);
	resume_for(0);
	return (other.received - before) * 8 / 1000.0 / begin;
}

static void slower_path(void)
{
	long long retreats, none, took, took_slow;
	double without = beside(0, &none, &took_slow), with = beside(3600, &retreats, &took);

	ksft_print_msg("10 times slower: another stream has %.2f of %.1f Mbit/s beside 600 KB in slow start (%lld ms), "
		       "%.2f beside a jump (%lld ms)\n", without, MBIT / 10.0, took_slow, with, took);
	ksft_test_result(!none && retreats == 1 && (!measured() || with >= LEAST_OF_OTHER * without),
			 "a jump that is too large retreats, and leaves another stream what slow start does\n");
}

/* A transfer that jumps, and whose route moves as soon as it has. Nothing else is a reason for a retreat. */
static void moves_during(const char *jump, long long octets)
{
	long long jumped, retreated, resent;

	transfer(octets, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped");
	retreated = count("TcpExt:TCPResumeRetreated");
	resent = count("Tcp:RetransSegs");
	transfer(octets, NULL, JUMPED, NULL);
	jumped = count("TcpExt:TCPResumeJumped") - jumped;
	retreated = count("TcpExt:TCPResumeRetreated") - retreated;
	resent = count("Tcp:RetransSegs") - resent;
	ksft_print_msg("%lld jumps, %lld retreats, %lld segments resent\n", jumped, retreated, resent);
	ksft_test_result(jumped == 1 && retreated == 1 && !resent,
			 "%s retreats when the route moves to another device\n", jump);
}

/* Sends so many octets on a connection that stays. */
static void send_all(struct contestant *c, long long octets)
{
	long long left = octets;

	while (c->received < octets) {
		struct pollfd fds[2] = {
			{ .fd = c->out, .events = left ? POLLOUT : 0 },
			{ .fd = c->in, .events = POLLIN },
		};

		poll(fds, 2, 10);
		move(c, &left);
	}
	wait_until_ms(wait_now_ms() + 4 * RTT_MS);
}

/* Another connection saves the path over the other device between the jump of this one and its retreat. */
static void saved_meanwhile(void)
{
	const int tos = TOS;
	struct contestant c = { XTCP, "cubic" };
	long long jumped, retreated;

	must(!ns_shell(router.sender, "ip route add 10.9.2.0/24 tos 0x%x via 10.9.3.2 src " ROUTER_SENDER4, TOS),
	     "route");
	transfer(SHORT, NULL, STAYS, NULL);
	must(!contest_enter(&router, &c, listener, PORT), "connect");
	must(!setsockopt(c.out, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), "IP_TOS");
	send_all(&c, SHORT);
	jumped = count("TcpExt:TCPResumeJumped");
	retreated = count("TcpExt:TCPResumeRetreated");
	transfer(SHORT, NULL, JUMPED, &c);
	retreated = count("TcpExt:TCPResumeRetreated") - retreated;
	transfer(SHORT, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped") - jumped;
	ksft_print_msg("%lld jumps, %lld retreats\n", jumped, retreated);
	ksft_test_result(jumped == 2 && retreated == 1, "a retreat forgets nothing of another device\n");
}

/* The jump is validated all the same, nothing is observed afterwards, and what was saved is put back. */
static void moves_while_validating(void)
{
	long long jumped, validated, retreated;

	resume_for(0);
	resume_for(3600);
	transfer(SHORT, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped");
	validated = count("TcpExt:TCPResumeValidated");
	retreated = count("TcpExt:TCPResumeRetreated");
	transfer(SHORT, NULL, VALIDATING, NULL);
	validated = count("TcpExt:TCPResumeValidated") - validated;
	retreated = count("TcpExt:TCPResumeRetreated") - retreated;
	ksft_test_result(count("TcpExt:TCPResumeJumped") == jumped + 1 && validated == 1 && !retreated,
			 "a jump is validated though the route moves meanwhile\n");
	go_over_other(false);
	transfer(SHORT, NULL, STAYS, NULL);
	ksft_test_result(count("TcpExt:TCPResumeJumped") == jumped + 2, "and what was saved is there again\n");
}

/*
 * A loss that shows itself after the move says nothing of the first device. Another connection has saved the path over
 * it again, between the jump and the move.
 */
static void lost_after_move(void)
{
	struct contestant c = { XTCP, "cubic" };
	long long jumped, validated, retreated;

	must(!ns_shell(router.router,
		       "nft 'add table ip loss; add chain ip loss on { type filter hook forward priority 0; };"
		       "add rule ip loss on ip dscp %d meta length > 1000 limit rate 1/minute burst 1 packets drop'",
		       LOST_TOS >> 2), "nft");
	resume_for(0);
	resume_for(3600);
	must(!contest_enter(&router, &c, listener, PORT), "connect");
	send_all(&c, SHORT);
	transfer(SHORT, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped");
	validated = count("TcpExt:TCPResumeValidated");
	retreated = count("TcpExt:TCPResumeRetreated");
	transfer(SHORT, NULL, LOSING, &c);
	validated = count("TcpExt:TCPResumeValidated") - validated;
	retreated = count("TcpExt:TCPResumeRetreated") - retreated;
	go_over_other(false);
	transfer(SHORT, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped") - jumped;
	must(!ns_shell(router.router, "nft delete table ip loss"), "nft");
	ksft_print_msg("%lld jumps, %lld validated, %lld retreats\n", jumped, validated, retreated);
	ksft_test_result(jumped == 2 && !validated && retreated == 1,
			 "a loss after the move ends the jump, and forgets nothing of the first device\n");
}

static void another_device(void)
{
	long long jumped;

	must(!ns_join(router.sender, router.router, OTHER) && !ns_link_gso_max_segs(router.sender, OTHER, 1) &&
	     !ns_link_offloads(router.sender, OTHER, false) && !ns_addr_add(router.sender, OTHER, "10.9.3.1/24") &&
	     !ns_addr_add(router.router, OTHER, "10.9.3.2/24") &&
	     !ns_neighbour(router.sender, OTHER, "10.9.3.2", router.router, OTHER), "another link");
	set_path(MBIT * 1000, 2000, FAR_MS);
	resume_for(3600);
	transfer(LONG, NULL, STAYS, NULL);
	jumped = count("TcpExt:TCPResumeJumped");
	go_over_other(true);
	transfer(SHORT, NULL, STAYS, NULL);
	ksft_test_result(count("TcpExt:TCPResumeJumped") == jumped, "no jump over another device\n");
	go_over_other(false);

	moves_during("a jump", LONG);
	go_over_other(false);
	saved_meanwhile();
	go_over_other(false);
	moves_while_validating();
	lost_after_move();

	set_path(NARROW_KBIT, 2000, FAR_MS);
	resume_for(0);
	resume_for(3600);
	moves_during("a jump whose window is full before an ACK comes", SHORT);
}

int main(void)
{
	test_begin(10);
	must(!router_make(&router, 1500, false), "namespaces");
	must(!ns_sysctl_set(router.receiver, "net.ipv4.tcp_rmem", "4096 6291456 6291456"), "the receiver's window");
	listener = must_have(stack_listener(router.receiver, KERNEL, ROUTER_RECEIVER4, PORT, true), "listen");
	set_path(MBIT * 1000, 200, RTT_MS);
	times("600 KB", SHORT);
	times("12 MB", LONG);
	slower_path();
	another_device();
	ksft_finished();
}
