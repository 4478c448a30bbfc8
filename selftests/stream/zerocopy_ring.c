// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring sends pages without a copy: the pages themselves go out, from plain and from registered buffers, between
 * writes that are copied, with loss; and a second completion says when each buffer is free, also after a reset. On both
 * stacks, the peer is the other one. A page of a file may go out in the same segment.
 */
#include <sys/sendfile.h>
#include "lib/ring.h"
#include "lib/test.h"
#include "lib/zerocopy.h"

#define PORT	5392
#define PAGE	4096
#define ROOM	1048576
#define HUGE_PAGE	(2 << 20)
#define OCTETS	17

#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE	0x8
#define IORING_NOTIF_USAGE_ZC_COPIED	0x80000000
#endif

static struct ns_pair net;
static struct ring ring;
static unsigned char *text;	/* registered as buffer 0 */

static void pair(enum stack stack, int *client, int *server)
{
	stack_pair_or_die(net.a, stack, net.b, stack == XTCP ? KERNEL : XTCP, NS_B4, PORT, client, server);
}

static void open_ring(void *at, size_t len)
{
	struct iovec buffer = { at, len };

	must(!ring_open(&ring), "io_uring");
	must(!syscall(__NR_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1), "IORING_REGISTER_BUFFERS");
}

enum how { PLAIN, REGISTERED, MESSAGE };

static void give(int fd, const void *from, unsigned int len, enum how how, int flags)
{
	struct iovec parts[2] = { { (void *)from, len / 2 }, { (char *)from + len / 2, len - len / 2 } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	struct io_uring_sqe sqe = {
		.opcode = how == MESSAGE ? IORING_OP_SENDMSG_ZC : IORING_OP_SEND_ZC,
		.fd = fd, .addr = (unsigned long)(how == MESSAGE ? (const void *)&m : from),
		.len = how == MESSAGE ? 1 : len, .msg_flags = flags | MSG_WAITALL | MSG_NOSIGNAL,
		.ioprio = IORING_SEND_ZC_REPORT_USAGE | (how == REGISTERED ? IORING_RECVSEND_FIXED_BUF : 0),
	};

	must(!ring_give(&ring, &sqe), "io_uring_enter");
}

/* The completion of a write: it has a result, and another one follows. */
static bool is_sent(int len)
{
	struct io_uring_cqe cqe;

	if (!WAIT_FOR(ring_take(&ring, &cqe), STACK_DEADLINE_MS))
		return false;
	if (cqe.res != len || cqe.flags != IORING_CQE_F_MORE)
		ksft_print_msg("result %d, flags %x\n", cqe.res, cqe.flags);
	return cqe.res == len && cqe.flags == IORING_CQE_F_MORE;
}

static bool is_free(bool copied)
{
	struct io_uring_cqe cqe;

	if (!WAIT_FOR(ring_take(&ring, &cqe), STACK_DEADLINE_MS))
		return false;
	if (cqe.flags != IORING_CQE_F_NOTIF || (unsigned int)cqe.res != (copied ? IORING_NOTIF_USAGE_ZC_COPIED : 0))
		ksft_print_msg("result %x, flags %x\n", cqe.res, cqe.flags);
	return cqe.flags == IORING_CQE_F_NOTIF && (unsigned int)cqe.res == (copied ? IORING_NOTIF_USAGE_ZC_COPIED : 0);
}

/* Is it sent? Counts the buffers of earlier writes that are told of first. */
static bool gives(int fd, const void *from, unsigned int len, enum how how, int flags, unsigned int *told)
{
	struct io_uring_cqe cqe;

	give(fd, from, len, how, flags);
	for (;;) {
		must(WAIT_FOR(ring_take(&ring, &cqe), STACK_DEADLINE_MS), "a completion");
		if (cqe.flags != IORING_CQE_F_NOTIF)
			return cqe.res == (int)len && cqe.flags == IORING_CQE_F_MORE;
		++*told;
	}
}

/* Waits until @n buffers are free. */
static bool all_free(unsigned int n, unsigned int told)
{
	struct io_uring_cqe cqe;

	while (told < n && WAIT_FOR(ring_take(&ring, &cqe), STACK_DEADLINE_MS))
		told += cqe.flags == IORING_CQE_F_NOTIF;
	return told == n && ring_is_empty(&ring);
}

/* The next @len octets are those from @at on. */
static bool comes(int fd, long at, long len)
{
	return stack_gives(fd, text + at, len);
}

/* The page changes while its only transmission waits in the device. */
static void page_changes(enum stack stack, enum how how)
{
	static const char *const names[] = { "a buffer", "a registered buffer", "a message" };
	unsigned char saved[PAGE], in[PAGE];
	int client, server;
	bool good;

	memcpy(saved, text, PAGE);
	pair(stack, &client, &server);
	must(!netem_hold(net.a, "veth0"), "plug");
	memset(text, 'a', PAGE);
	give(client, text, PAGE, how, 0);
	good = is_sent(PAGE) && ring_is_empty(&ring);
	memset(text, 'b', PAGE);
	must(!netem_release(net.a, "veth0"), "plug");
	must(recv(server, in, PAGE, MSG_WAITALL) == PAGE, "recv");
	good &= in[0] == 'b' && in[PAGE - 1] == 'b' && is_free(true) && ring_is_empty(&ring);
	ksft_test_result(good, "%s: the page of %s is sent itself\n", stack_name(stack), names[how]);
	close_each(client, server);
	memcpy(text, saved, PAGE);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
}

/* A completion of the ring interrupts a call that waits, as a signal does. */
static void copy(int fd, const unsigned char *from, unsigned int len)
{
	ssize_t n;

	while (len) {
		n = send(fd, from, len, MSG_MORE | MSG_NOSIGNAL);
		must(n > 0 || errno == EINTR, "send");
		from += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
}

/* All kinds of writes go into the same segments, some of which are lost and cut. */
static void with_loss(enum stack stack)
{
	static const int sizes[] = { 40000, 1, 4096, 1447, 33000, 12345, 65536 };
	const struct netem bad = { .delay_ms = 2, .loss = 20000 };
	unsigned int sent = 0, told = 0, i;
	struct bulk_reader r;
	bool good = true;
	int client;
	long at = 0;

	must(!netem_set(net.a, "veth0", &bad), "netem");
	pair(stack, &client, &r.fd);
	bulk_compare(&r, text, ROOM);
	for (i = 0; at < ROOM; i++) {
		const int n = sizes[i % 7] < ROOM - at ? sizes[i % 7] : ROOM - at;

		if (i % 4 == 3) {
			copy(client, text + at, n);
		} else {
			good &= gives(client, text + at, n, i % 4, i % 2 ? MSG_MORE : 0, &told);
			sent++;
		}
		at += n;
	}
	shutdown(client, SHUT_WR);
	good &= bulk_is_right(&r);
	ksft_test_result(all_free(sent, told) && good, "%s: all kinds of writes under loss\n", stack_name(stack));
	close_each(client, r.fd);
	must(!netem_clear(net.a, "veth0"), "no netem");
}

/* MSG_ZEROCOPY behind a buffer of the ring that waits to be sent, and the other way round: each is told of. */
static void with_socket(enum stack stack)
{
	unsigned int told = 0;
	int client, server;
	bool good;

	pair(stack, &client, &server);
	zerocopy_on(client);
	good = gives(client, text, 100, PLAIN, MSG_MORE, &told);
	good &= zerocopy_send(client, text + 100, 100, MSG_MORE) == 100;
	good &= gives(client, text + 200, 100, REGISTERED, MSG_MORE, &told);
	good &= zerocopy_send(client, text + 300, 4000, 0) == 4000;
	good &= comes(server, 0, 4300) && zerocopy_settled(client) && zerocopy_tells(client, 0, 1, true);
	ksft_test_result(good && all_free(2, told), "%s: MSG_ZEROCOPY and a ring take turns\n", stack_name(stack));
	close_each(client, server);
}

/* A registered buffer holds no reference for a segment, a file's page does: or it could not be sealed. */
static void with_file(enum stack stack)
{
	int client, server, file = memfd_create("file", MFD_ALLOW_SEALING);
	unsigned int told = 0;
	off_t from = 0;
	bool good;

	must(file >= 0 && write(file, text, PAGE) == PAGE, "memfd");
	pair(stack, &client, &server);
	good = gives(client, text, 100, REGISTERED, MSG_MORE, &told);
	good &= sendfile(client, file, &from, PAGE) == PAGE;
	good &= comes(server, 0, 100) && comes(server, 0, PAGE) && all_free(1, told);
	good &= WAIT_FOR(!fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), STACK_DEADLINE_MS);
	ksft_test_result(good, "%s: a page of a file behind a registered buffer\n", stack_name(stack));
	close_each(client, server, file);
}

/* Single octets from the end of a huge page: only their pages count, not all before them. */
static void from_huge_page(void)
{
	unsigned char *all = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;
	const int zero = 0;
	unsigned int queued, told = 0;
	int client, server, i;
	bool good = true;

	must(all != MAP_FAILED, "mmap");
	at = (unsigned char *)(((unsigned long)all + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1UL));
	/* without it the row is about small pages */
	if (madvise(at, HUGE_PAGE, MADV_HUGEPAGE))
		ksft_print_msg("no huge pages\n");
	memset(at, 'x', HUGE_PAGE);
	ring_close(&ring);
	open_ring(at, HUGE_PAGE);
	pair(XTCP, &client, &server);
	must(!stack_set(client, IPPROTO_TCP, TCP_CORK, 1), "TCP_CORK");
	for (i = 0; i < OCTETS; i++)
		good &= gives(client, at + HUGE_PAGE - 1 - 2 * i, 1, REGISTERED, 0, &told);
	queued = zerocopy_queued(client);
	ksft_print_msg("%u octets queued\n", queued);
	must(!setsockopt(client, IPPROTO_TCP, TCP_CORK, &zero, sizeof(zero)), "TCP_CORK");
	good &= recv(server, all, OCTETS, MSG_WAITALL) == OCTETS;
	good &= all_free(OCTETS, told) && queued < OCTETS * 3 * (unsigned int)getpagesize();
	ksft_test_result(good, "octets of a huge page count as pages\n");
	close_each(client, server);
	ring_close(&ring);
	open_ring(text, ROOM);
	munmap(all, 2 * HUGE_PAGE);
}

/* Nothing reached the peer, and it resets the connection: the buffers are free. */
static void is_reset(enum stack stack)
{
	int client, server;
	bool good;

	pair(stack, &client, &server);
	must(!netem_gate(net.a, "veth0", false), "gate");
	give(client, text, 5000, PLAIN, 0);
	good = is_sent(5000);
	give(client, text, 5000, REGISTERED, 0);
	good &= is_sent(5000) && ring_is_empty(&ring);
	must(!stack_reset_at_close(server) && !close(server), "reset");
	good &= is_free(false) && is_free(false);
	ksft_test_result(good && ring_is_empty(&ring), "%s: a reset\n", stack_name(stack));
	close(client);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
}

/* The ring goes first, with a buffer on its way: it waits until that is free. */
static void ring_goes(enum stack stack)
{
	int client, server;
	bool good;

	pair(stack, &client, &server);
	must(!netem_hold(net.a, "veth0"), "plug");
	give(client, text, 5000, REGISTERED, 0);
	good = is_sent(5000);
	ring_close(&ring);
	must(!netem_release(net.a, "veth0"), "plug");
	ksft_test_result(good && comes(server, 0, 5000), "%s: the ring is closed before the buffer is free\n",
			 stack_name(stack));
	close_each(client, server);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
}

int main(void)
{
	ksft_print_header();
	if (ring_open(&ring))
		ksft_exit_skip("the kernel cannot: io_uring: %s\n", strerror(errno));
	ring_close(&ring);
	ksft_set_plan(2 * 6 + 3);
	text = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(text != MAP_FAILED, "mmap");
	for (long i = 0; i < ROOM; i++)
		text[i] = i * 7 + (i >> 8) * 13 + (i >> 16) * 31;
	/* no tail loss probe goes out while a test holds the ACKs */
	must(!ns_pair_make(&net) && !ns_sysctl_set(net.a, "net.ipv4.tcp_early_retrans", "0") &&
	     !ns_sysctl_set(net.a, "net.xtcp.early_retrans", "0"), "namespaces");
	for (enum stack stack = KERNEL; stack <= XTCP; stack++) {
		open_ring(text, ROOM);
		page_changes(stack, PLAIN);
		page_changes(stack, REGISTERED);
		page_changes(stack, MESSAGE);
		with_loss(stack);
		/* Linux refuses the first MSG_ZEROCOPY with ENOBUFS */
		if (stack == XTCP) {
			with_socket(stack);
			/* Linux 6.1 never gives the page back */
			with_file(stack);
			from_huge_page();
		}
		is_reset(stack);
		ring_goes(stack);
	}
	ksft_finished();
}
