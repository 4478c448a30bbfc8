// SPDX-License-Identifier: GPL-2.0
/*
 * An ACK for which there is no memory: each allocation that it makes is failed in turn, on a kernel that has fault
 * injection. Ten segments leave in two skbs, the third is lost, and of all the ACKs behind it only the last arrives:
 * its SACK block begins in the middle of the first skb, which has to be cut there, and holds all of the second. When
 * the first cannot be cut, the second counts as sacked all the same, so the loss is found at once; what could not be
 * told apart may be resent with it. Only when a repetition itself could not be made is there a timeout.
 */
#include "droppath.h"
#include "test.h"

#define MTU		1040
#define DELAY_MS	20
#define PORT		5000
#define HALF		(5 * (MTU - 40))
#define LOST		2		/* the third */
#define ACKS_LOST	0xfc		/* of the seven behind those of the first two, all but the last */
#define DROPPED		7
#define MOST		100

static int nth_fd;
static int nth;		/* the allocation to fail */
static bool hit, refused, given;

static void fail_nth(int n)
{
	char value[16];
	int len = snprintf(value, sizeof(value), "%d", n);

	must(pwrite(nth_fd, value, len, 0) == len, "fail-nth");
}

/* No stack in the kernel's log for each. */
static void be_silent(void)
{
	int fd = open("/sys/kernel/debug/failslab/verbose", O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, "0", 1) == 1, "failslab/verbose");
	close(fd);
}

static int left(void)
{
	char value[16] = "";

	must(pread(nth_fd, value, sizeof(value) - 1, 0) > 0, "fail-nth");
	return atoi(value);
}

/* The whole way of a segment to its sock is in this call. The first ACK with options is that with the SACK block. */
static ssize_t give(struct droppath *path, int to, const void *bytes, size_t len)
{
	bool now = !to && !given && path->seen.dropped == DROPPED && len > 40;
	ssize_t n;

	if (now)
		fail_nth(nth);
	n = write(path->tun[to], bytes, len);
	if (now) {
		hit = !left();
		fail_nth(0);
		given = true;
		refused = n < 0;
	}
	return refused && now ? (ssize_t)len : n;
}

static void read_all(int fd, size_t *got)
{
	static unsigned char bytes[HALF];
	ssize_t n, i;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++)
			*got += bytes[i] == (unsigned char)(*got * 7);
}

static bool send_both(struct droppath *path, int fd, int listener)
{
	unsigned char text[2 * HALF];
	long long end = wait_now_ms() + STACK_DEADLINE_MS;
	size_t got = 0, i;
	int to = -1;

	for (i = 0; i < sizeof(text); i++)
		text[i] = i * 7;
	must(!stack_connect(fd, DROPPATH_B, PORT) || errno == EINPROGRESS, "connect()");
	while (to < 0 && wait_now_ms() < end) {
		droppath_step(path, 10);
		to = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	must(to >= 0, "accept()");
	must(send(fd, text, HALF, 0) == HALF && send(fd, text + HALF, HALF, 0) == HALF, "send()");
	while (path->seen.acked < 2 * HALF && wait_now_ms() < end) {
		droppath_step(path, 10);
		read_all(to, &got);
	}
	close(to);
	return got == 2 * HALF;
}

static long long count(const struct droppath *path, const char *name)
{
	return counter_now(path->a, "/proc/net/xtcp_netstat", name);
}

/* False: something is wrong. */
static bool play(struct droppath *path, int *uncut)
{
	const struct droppath_plan plan = { .text = { [LOST] = 1 }, .acks = ACKS_LOST };
	long long timeouts = count(path, "TcpExt:TCPTimeouts"), failed = count(path, "TcpExt:TCPRetransFail");
	int listener = stack_listener(path->b, KERNEL, DROPPATH_B, PORT, true);
	int fd = stack_socket(path->a, XTCP, DROPPATH_A);
	bool whole;

	must(listener >= 0 && fd >= 0 && !fcntl(listener, F_SETFL, O_NONBLOCK) && !fcntl(fd, F_SETFL, O_NONBLOCK),
	     "sockets");
	droppath_plan(path, &plan);
	given = false;
	refused = false;
	hit = false;
	whole = send_both(path, fd, listener);
	stack_reset_at_close(fd);
	close_each(fd, listener);
	timeouts = count(path, "TcpExt:TCPTimeouts") - timeouts;
	failed = count(path, "TcpExt:TCPRetransFail") - failed;
	if (hit && !refused && !timeouts && path->seen.resent > 1)
		++*uncut;
	if (whole && given && (!timeouts || refused || failed))
		return true;
	ksft_print_msg("allocation %d: %s%s%lld timeouts, %u resent, %lld of them not made\n", nth,
		       whole ? "" : "not whole, ", refused ? "the ACK was lost, " : "", timeouts, path->seen.resent,
		       failed);
	return false;
}

int main(void)
{
	struct droppath path;
	bool ok = true;
	int uncut = 0;

	ksft_print_header();
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0) {
		printf("1..1\nok 1 uncut # SKIP the kernel cannot inject faults\n");
		return KSFT_PASS;
	}
	ksft_set_plan(2);
	be_silent();
	/* a bundle is one skb here, too, and no probe comes before the timeout */
	must(!droppath_open(&path, DELAY_MS, MTU) && !ns_link_gso_max_segs(path.a, "path0", 64) &&
	     !ns_sysctl_set(path.b, "net.ipv4.tcp_timestamps", "0") &&
	     !ns_sysctl_set(path.b, "net.ipv4.tcp_comp_sack_nr", "0") &&
	     !ns_sysctl_set(path.a, "net.xtcp.early_retrans", "0"), "path");
	path.give = give;
	for (nth = 1, hit = true; hit && nth < MOST; nth++)
		ok = play(&path, &uncut) && ok;
	ksft_print_msg("%d allocations, %d of them to cut\n", nth - 2, uncut);
	ksft_test_result(ok && !hit, "without memory for an ACK's work a loss is found\n");
	ksft_test_result(uncut > 0, "what cannot be cut does not hide what stands behind it\n");
	ksft_finished();
}
