// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that are sent without a copy: by sendfile() and splice(), by MSG_ZEROCOPY, and by io_uring, from plain and from
 * registered buffers. What is written to a page before it is sent, or sent again, goes out; what a program sends
 * otherwise is copied, whatever flags it sets. Notifications say when the program may use a buffer again: counts and
 * ranges, with and without copies, after partial writes, errors, resets and Fast Open, between writes and files that go
 * into the same segments, signed, and with loss. On both stacks, the peer is the other one.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>
#include "lib/ring.h"
#include "lib/tap.h"
#include "lib/aoopt.h"
#include "lib/test.h"
#include "lib/zerocopy.h"

#define PORT		5391
#define PAGE		((long)getpagesize())
#define PIECE		4096		/* fits into the first flight */
#define STREAM		1500000
#define ROOM		(4 << 20)
#define OF_RING		1048576		/* octets of the text in the ring's registered buffer */
#define SPLICE_PAGES	0x8000000	/* MSG_SPLICE_PAGES, which is for the kernel */
#define HUGE_PAGE	(2 << 20)
#define OCTETS		17
#define OF_STACK	(7 + 14)	/* rows of each stack */
#define OF_RINGS	(2 * 6 + 3)

#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE	0x8
#define IORING_NOTIF_USAGE_ZC_COPIED	0x80000000
#endif

static struct ns_pair net;
static struct ring ring;
/* A page that changes, and behind it the text, to which nobody writes. The ring's buffer 0 begins with that page. */
static unsigned char *page, *text;

static int option(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, level, name, &value, &len) ? -errno : value;
}

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

static void pair(enum stack stack, int *client, int *server)
{
	stack_pair_or_die(net.a, stack, net.b, stack == XTCP ? KERNEL : XTCP, NS_B4, PORT, client, server);
}

/* With room for all that a row sends: nobody reads meanwhile. */
static void pair_on(enum stack stack, int *client, int *server)
{
	pair(stack, client, server);
	must(!set(*client, SOL_SOCKET, SO_SNDBUFFORCE, 256 * getpagesize()), "SO_SNDBUFFORCE");
	zerocopy_on(*client);
}

/* The next @len octets are those from @at on. */
static bool comes(int fd, long at, long len)
{
	return stack_gives(fd, text + at, len);
}

static bool is_silent(int fd)
{
	struct zerocopy_told told;

	return !zerocopy_told(fd, &told) && errno == EAGAIN;
}

/* A file that begins as the text does. */
static int file_of(long len)
{
	int file = memfd_create("file", MFD_ALLOW_SEALING);

	must(file >= 0 && write(file, text, len) == len, "memfd");
	return file;
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

enum way { SENDFILE, SPLICE, AGAIN, SEND, ZEROCOPY, SWITCHED_OFF, BY_RING };

static void send_page(int client, int file, const unsigned char *from, enum way way)
{
	struct iovec piece = { (void *)from, PIECE };
	off_t at = 0;
	int ends[2];

	switch (way) {
	case SPLICE:
		must(!pipe(ends) && vmsplice(ends[1], &piece, 1, 0) == PIECE, "vmsplice");
		must(splice(ends[0], NULL, client, NULL, PIECE, 0) == PIECE, "splice");
		close_each(ends[0], ends[1]);
		break;
	case SEND:
		/* a kernel that knows the flag takes it off, or refuses it */
		if (send(client, from, PIECE, SPLICE_PAGES) != PIECE)
			must(send(client, from, PIECE, 0) == PIECE, "send");
		break;
	case ZEROCOPY:
	case SWITCHED_OFF:
		must(zerocopy_send(client, from, PIECE, 0) == PIECE, "send");
		break;
	case SENDFILE:
	case AGAIN:
		must(sendfile(client, file, &at, PIECE) == PIECE, "sendfile");
		break;
	default:
		give(client, from, PIECE, way - BY_RING, 0);
	}
}

/* The page changes while its first transmission waits in the device, or, AGAIN, when that was lost. */
static void page_changes(enum stack stack, enum way way)
{
	static const char *const names[] = {
		"sendfile() sends the page itself", "splice() sends the page itself",
		"sendfile() sends again what the page has become", "send() copies",
		"MSG_ZEROCOPY sends the page itself", "the page is copied without SO_ZEROCOPY",
		"io_uring sends the page of a buffer itself", "of a registered buffer", "of a message",
	};
	const bool copies = way == SEND || way == SWITCHED_OFF, resent = way == AGAIN, is_file = way <= SEND;
	unsigned char in[PIECE], *from = page;
	int client, server, file = file_of(PIECE);
	bool good;

	if (is_file)
		from = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	must(from != MAP_FAILED, "mmap");
	memset(from, 'a', PIECE);
	pair(stack, &client, &server);
	if (way == ZEROCOPY || way == SWITCHED_OFF)
		zerocopy_on(client);
	if (way == SWITCHED_OFF && set(client, SOL_SOCKET, SO_ZEROCOPY, 0))
		must(!set(client, IPPROTO_TCP, XTCP_ZEROCOPY, 0), "XTCP_ZEROCOPY");
	must(!(resent ? netem_gate(net.a, "veth0", false) : netem_hold(net.a, "veth0")), "gate");
	send_page(client, file, from, way);
	must(WAIT_FOR(resent ? netem_drops(net.a, "veth0") > 0 : netem_waiting(net.a, "veth0") > 0, STACK_DEADLINE_MS),
	     "sent");
	good = is_silent(client) && (way < BY_RING || (is_sent(PIECE) && ring_is_empty(&ring)));
	memset(from, 'b', PIECE);
	must(!(resent ? netem_gate(net.a, "veth0", true) : netem_release(net.a, "veth0")), "gate");
	must(recv(server, in, PIECE, MSG_WAITALL) == PIECE, "recv");
	good &= in[0] == (copies ? 'a' : 'b') && !memcmp(in, in + 1, PIECE - 1);
	if (way >= BY_RING)
		good &= is_free(true) && ring_is_empty(&ring);
	else if (way == ZEROCOPY)
		good &= zerocopy_tells(client, 0, 0, true);
	else
		good &= zerocopy_settled(client);
	ksft_test_result(good && is_silent(client), "%s: %s\n", stack_name(stack), names[way]);
	close_each(client, server, file);
	must(resent || !netem_clear(net.a, "veth0"), "no qdisc");
	if (is_file)
		munmap(from, PIECE);
}

/* What one call sends goes together, whatever pages it has: a bundle and a rest, each at once, without an ACK. */
static void pages_go_together(enum stack stack)
{
	const int len = 3 * PIECE;
	unsigned char in[3 * PIECE];
	int client, server, file = file_of(len), tap, bundles = 0, octets = 0;
	struct tap_segment seen;
	off_t from = 0;

	must(!ns_link_offloads(net.a, "veth0", true), "offloads");
	pair(stack, &client, &server);
	tap = tap_open(net.a, "veth0");
	must(tap >= 0 && !netem_hold(net.b, "veth0"), "plug");
	must(sendfile(client, file, &from, len) == len, "sendfile");
	must(recv(server, in, len, MSG_WAITALL) == len, "recv");
	/* on a slow machine the same text goes once more, behind all of it */
	while (octets < len && tap_next(tap, &seen))
		if (seen.text > 0 && seen.from_port == stack_port(client)) {
			bundles++;
			octets += seen.text;
		}
	if (bundles > 2)
		ksft_print_msg("%d bundles\n", bundles);
	ksft_test_result(bundles >= 1 && bundles <= 2, "%s: the pages of a sendfile() go together\n",
			 stack_name(stack));
	must(!netem_release(net.b, "veth0"), "plug");
	close_each(tap, client, server);
	must(!netem_clear(net.b, "veth0"), "no qdisc");
	close(file);
}

/* What is lost is sent again; the octets are compared as they come. */
static int lossy(enum stack stack, struct bulk_reader *r, long len)
{
	const struct netem bad = { .delay_ms = 2, .loss = 20000 };
	int client;

	must(!netem_set(net.a, "veth0", &bad), "netem");
	pair_on(stack, &client, &r->fd);
	bulk_compare(r, text, len);
	return client;
}

static bool ends_right(struct bulk_reader *r, int client)
{
	shutdown(client, SHUT_WR);
	return bulk_is_right(r);
}

static void leave(const struct bulk_reader *r, int client)
{
	close_each(client, r->fd);
	must(!netem_clear(net.a, "veth0"), "no netem");
}

/* The whole file, in pieces of sizes around those of pages, with some octets by send() between them. */
static void whole_file(enum stack stack, bool offloads)
{
	static const int sizes[] = { 1, 4095, 4097, 8192, 65537, 3, 200000 };
	struct bulk_reader r;
	int client, file = file_of(STREAM), piece = 0;
	off_t from = 0;
	ssize_t n;

	must(!ns_link_offloads(net.a, "veth0", offloads) && !ns_link_offloads(net.b, "veth0", offloads), "offloads");
	client = lossy(stack, &r, STREAM);
	while (from < STREAM) {
		n = sizes[piece++ % (sizeof(sizes) / sizeof(sizes[0]))];
		if (piece % 5 == 0) {
			n = n < STREAM - from ? n : STREAM - from;
			n = send(client, text + from, n, MSG_NOSIGNAL);
			from += n;
		} else {
			n = sendfile(client, file, &from, n);
		}
		must(n > 0, "sendfile");
	}
	ksft_test_result(ends_right(&r, client), "%s: a file in pieces arrives whole, offloads %s\n", stack_name(stack),
			 offloads ? "on" : "off");
	leave(&r, client);
	close(file);
	must(!ns_link_offloads(net.a, "veth0", true) && !ns_link_offloads(net.b, "veth0", true), "offloads");
}

/* SO_ZEROCOPY from 6.5 on, XTCP_ZEROCOPY everywhere: one option. */
static void has_option(void)
{
	const int asked = release_series() >= 6005 ? 0 : -EOPNOTSUPP;
	int fd = stack_socket(net.a, XTCP, NS_A4), l = stack_listener(net.b, XTCP, NS_B4, PORT, true), c, s;

	ksft_test_result(set(fd, IPPROTO_TCP, XTCP_ZEROCOPY, 1) == 0 && option(fd, SOL_SOCKET, SO_ZEROCOPY) == 1 &&
			 option(fd, IPPROTO_TCP, XTCP_ZEROCOPY) == 1 &&
			 set(fd, IPPROTO_TCP, XTCP_ZEROCOPY, 2) == -EINVAL &&
			 set(fd, IPPROTO_TCP, XTCP_ZEROCOPY, -1) == -EINVAL &&
			 set(fd, IPPROTO_TCP, XTCP_ZEROCOPY, 0) == 0 && option(fd, SOL_SOCKET, SO_ZEROCOPY) == 0,
			 "XTCP_ZEROCOPY is SO_ZEROCOPY\n");
	ksft_test_result(set(fd, SOL_SOCKET, SO_ZEROCOPY, 1) == asked &&
			 option(fd, IPPROTO_TCP, XTCP_ZEROCOPY) == !asked &&
			 set(fd, SOL_SOCKET, SO_ZEROCOPY, 2) == (asked ?: -EINVAL) &&
			 set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0 && option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1,
			 "SO_ZEROCOPY is taken if the kernel asks for it\n");
	zerocopy_on(l);
	c = stack_connected(net.a, KERNEL, NS_B4, PORT);
	s = accept(l, NULL, NULL);
	ksft_test_result(s >= 0 && option(s, SOL_SOCKET, SO_ZEROCOPY) == 1 &&
			 set(s, SOL_SOCKET, SO_ZEROCOPY, 0) == asked, "accept() inherits the option\n");
	close_each(fd, l, c, s);
}

/* Nobody reads between them: the notifications of all writes are one. */
static void ranges_join(enum stack stack, int flags)
{
	static const int sizes[] = { 1, 4095, 4097, 131072, 3 };
	int client, server, i, at = 0;
	bool good = true;

	pair_on(stack, &client, &server);
	for (i = 0; i < 5; i++) {
		must(zerocopy_send(client, text + at, sizes[i], i < 4 ? flags : 0) == sizes[i], "send");
		good &= flags || comes(server, at, sizes[i]);
		at += sizes[i];
	}
	if (flags)
		good &= comes(server, 0, at);
	good &= zerocopy_settled(client) && zerocopy_tells(client, 0, 4, true) && is_silent(client);
	must(zerocopy_send(client, text, 1, 0) == 1, "send");
	good &= comes(server, 0, 1) && zerocopy_tells(client, 5, 5, true);
	/* octets that do not exist are no write */
	must(zerocopy_send(client, text, 0, 0) == 0, "send");
	ksft_test_result(good && zerocopy_settled(client) && is_silent(client), "%s: ranges join%s\n",
			 stack_name(stack), flags ? " with MSG_MORE" : "");
	close_each(client, server);
}

/* Pages, copies, and pages of a file in the same segments: only writes with MSG_ZEROCOPY count. */
static void all_kinds(enum stack stack)
{
	int client, server, i, at = 0, file = file_of(200000);
	bool good = true;
	off_t from;

	pair_on(stack, &client, &server);
	for (i = 0; i < 30; i++) {
		const int more = i % 5 == 4 ? 0 : MSG_MORE, n = 100 + 977 * (i % 7);

		from = at;
		if (i % 3 == 0)
			must(zerocopy_send(client, text + at, n, more) == n, "send");
		else if (i % 3 == 1)
			must(send(client, text + at, n, more) == n, "send");
		else
			must(sendfile(client, file, &from, n) == n, "sendfile");
		at += n;
		if (!more)
			must(!set(client, IPPROTO_TCP, TCP_NODELAY, 1), "TCP_NODELAY");
	}
	good = comes(server, 0, at) && zerocopy_settled(client) && zerocopy_tells(client, 0, 9, true);
	ksft_test_result(good && is_silent(client), "%s: pages, copies and a file follow each other\n",
			 stack_name(stack));
	close_each(file, client, server);
}

/* Nobody reads until there is no room: writes may be partial, and one that fails has no number. */
static void fills_up(enum stack stack)
{
	struct zerocopy_told told = {};
	unsigned int writes = 0, next = 0;
	int client, server;
	bool good = true;
	long at = 0;
	ssize_t n;

	pair_on(stack, &client, &server);
	must(!set(client, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20), "SO_SNDBUFFORCE");
	while (at + 70001 < ROOM && (n = zerocopy_send(client, text + at, 70001, MSG_DONTWAIT)) >= 0) {
		at += n;
		writes++;
	}
	good &= at + 70001 < ROOM && errno == EAGAIN;
	good &= zerocopy_send(client, text + at, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
	good &= comes(server, 0, at);
	must(zerocopy_send(client, text + at, 5000, 0) == 5000, "send");
	good &= comes(server, at, 5000) && zerocopy_settled(client);
	while (zerocopy_told(client, &told)) {
		good &= told.lo == next && told.hi >= told.lo;
		next = told.hi + 1;
	}
	if (next != writes + 1)
		ksft_print_msg("%u writes, %u told of\n", writes + 1, next);
	ksft_test_result(good && writes && next == writes + 1, "%s: partial writes, and such as find no room\n",
			 stack_name(stack));
	close_each(client, server);
}

/* A page is missing: at the start, and behind octets that were queued. */
static void faults(enum stack stack)
{
	unsigned char *at = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int client, server;
	ssize_t n;
	bool good;

	must(at != MAP_FAILED && !munmap(at + 63 * PAGE, PAGE), "mmap");
	memcpy(at, text, 63 * PAGE);
	pair_on(stack, &client, &server);
	good = zerocopy_send(client, at + 63 * PAGE, PAGE, 0) == -1 && errno == EFAULT;
	good &= zerocopy_send(client, at + 62 * PAGE, 2 * PAGE, 0) == -1 && errno == EFAULT;
	n = zerocopy_send(client, at, 64 * PAGE, 0);
	if (n <= 0)
		ksft_print_msg("%zd octets, errno %d\n", n, errno);
	good &= n > 0 && n <= 63 * PAGE && comes(server, 0, n) && zerocopy_tells(client, 0, 0, true);
	must(zerocopy_send(client, at, 100, 0) == 100, "send");
	good &= comes(server, 0, 100) && zerocopy_tells(client, 1, 1, true);
	ksft_test_result(good && zerocopy_settled(client) && is_silent(client), "%s: a page is missing\n",
			 stack_name(stack));
	close_each(client, server);
	munmap(at, 64 * PAGE);
}

/* Again and again, behind octets that wait 200 ms at most: the pages before the missing one do not count. */
static void faults_behind_tail(void)
{
	unsigned char *at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int client, server, i;
	unsigned int before;
	bool good = true;

	must(at != MAP_FAILED && !munmap(at + PAGE, PAGE), "mmap");
	memcpy(at, text, PAGE);
	pair_on(XTCP, &client, &server);
	must(zerocopy_send(client, text, 100, MSG_MORE) == 100, "send");
	before = zerocopy_queued(client);
	for (i = 0; i < 100; i++)
		good &= zerocopy_send(client, at + PAGE - 1000, 1100, MSG_MORE) == -1 && errno == EFAULT;
	if (zerocopy_queued(client) != before)
		ksft_print_msg("%u octets queued, then %u\n", before, zerocopy_queued(client));
	good &= before && zerocopy_queued(client) == before;
	must(zerocopy_send(client, text + 100, 5000, 0) == 5000, "send");
	good &= comes(server, 0, 5100) && zerocopy_settled(client) && zerocopy_tells(client, 0, 1, true);
	ksft_test_result(good && is_silent(client), "100 writes that fail take no memory\n");
	close_each(client, server);
	munmap(at, PAGE);
}

enum end { RESET, DISCONNECT };

/* The octets never reached the peer, so no copy was made; then the connection ends. */
static void ends(enum stack stack, enum end how)
{
	int client, server;
	bool good;

	pair_on(stack, &client, &server);
	must(!netem_gate(net.a, "veth0", false), "gate");
	must(zerocopy_send(client, text, 5000, 0) == 5000 && zerocopy_send(client, text, 300000, MSG_DONTWAIT) > 0,
	     "send");
	good = is_silent(client);
	if (how == RESET)
		must(!stack_reset_at_close(server) && !close(server), "reset");
	else
		must(!stack_disconnect(client), "disconnect");
	good &= zerocopy_tells(client, 0, 1, false) && is_silent(client);
	/* a write that fails has no number */
	good &= zerocopy_send(client, text, 1, 0) == -1 && errno == ECONNRESET;
	ksft_test_result(good && is_silent(client), "%s: the connection ends by %s\n", stack_name(stack),
			 how == RESET ? "a reset" : "a disconnect");
	close(client);
	if (how != RESET)
		close(server);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
}

static void closes(enum stack stack)
{
	int client, server;

	pair_on(stack, &client, &server);
	must(zerocopy_send(client, text, 200000, 0) == 200000 && !close(client), "send");
	ksft_test_result(comes(server, 0, 200000) && stack_at_end(server), "%s: close() before a notification\n",
			 stack_name(stack));
	close(server);
}

/* The first write opens the connection, and what its SYN takes is a copy. */
static void opens_fast(enum stack stack)
{
	union stack_addr to = stack_addr(NS_B4, PORT);
	int l = stack_listener(net.b, stack == XTCP ? KERNEL : XTCP, NS_B4, PORT, true), client, server, round;
	bool good = !set(l, IPPROTO_TCP, TCP_FASTOPEN, 5);

	for (round = 0; round < 2; round++) {
		client = stack_socket(net.a, stack, NS_B4);
		zerocopy_on(client);
		good &= sendto(client, text, 5000, MSG_FASTOPEN | MSG_ZEROCOPY, &to.sa, sizeof(to.in)) == 5000;
		server = accept(l, NULL, NULL);
		good &= comes(server, 0, 5000) && zerocopy_tells(client, 0, 0, true);
		must(zerocopy_send(client, text + 5000, 5000, 0) == 5000, "send");
		good &= comes(server, 5000, 5000) && zerocopy_tells(client, 1, 1, true);
		close_each(client, server);
	}
	ksft_test_result(good, "%s: MSG_FASTOPEN\n", stack_name(stack));
	close(l);
}

/* Signatures are made from pages that may change. Kernel TCP of 6.1 stands still in this row, whatever its peer is. */
static void is_signed(void)
{
	int l = stack_listener(net.b, KERNEL, NS_B4, PORT, true), client, server;
	bool good;

	client = stack_socket(net.a, XTCP, NS_B4);
	must(!set(client, SOL_SOCKET, SO_SNDBUFFORCE, 256 * getpagesize()), "SO_SNDBUFFORCE");
	must(!md5_set(client, NS_B4, "key") && !md5_set(l, NS_A4, "key"), "TCP_MD5SIG");
	zerocopy_on(client);
	must(!stack_connect(client, NS_B4, PORT), "connect");
	server = accept(l, NULL, NULL);
	must(zerocopy_send(client, text, 100000, 0) == 100000, "send");
	good = comes(server, 0, 100000) && zerocopy_settled(client) && zerocopy_tells(client, 0, 0, true);
	ksft_test_result(good, "signed\n");
	close_each(client, server, l);
}

#define BUFFERS	8
#define BUFFER	70000

static const int sizes[] = { BUFFER, 1, 4096, 1447, 33000, 12345, 65536 };

/* Each buffer is written to again as soon as the program may, and only then. */
static void with_loss(enum stack stack, bool offloads)
{
	static unsigned char buffers[BUFFERS][BUFFER];
	unsigned int writes = 0, freed = 0;
	struct zerocopy_told told;
	struct bulk_reader r;
	bool right;
	int client;
	long at = 0;
	ssize_t n;

	must(!ns_link_gso_max_segs(net.a, "veth0", offloads ? 64 : 1), "gso_max_segs");
	client = lossy(stack, &r, STREAM);
	while (at < STREAM) {
		unsigned char *buffer = buffers[writes % BUFFERS];

		while (writes - freed == BUFFERS) {
			must(WAIT_FOR(zerocopy_told(client, &told), STACK_DEADLINE_MS), "a notification");
			must(told.lo == freed, "an order");
			freed = told.hi + 1;
			memset(buffers[told.lo % BUFFERS], 0xee, BUFFER);
		}
		n = sizes[writes % 7] < STREAM - at ? sizes[writes % 7] : STREAM - at;
		memcpy(buffer, text + at, n);
		n = zerocopy_send(client, buffer, n, 0);
		must(n > 0, "send");
		at += n;
		writes++;
	}
	right = ends_right(&r, client);
	while (freed < writes) {
		must(WAIT_FOR(zerocopy_told(client, &told), STACK_DEADLINE_MS), "a notification");
		must(told.lo == freed, "an order");
		freed = told.hi + 1;
	}
	ksft_test_result(right && freed == writes, "%s: buffers are used again under loss, %s\n", stack_name(stack),
			 offloads ? "bundles" : "single segments");
	leave(&r, client);
	must(!ns_link_gso_max_segs(net.a, "veth0", 64), "gso_max_segs");
}

/* The same over IPv6: the other way of the error queue. */
static void over_ipv6(enum stack stack)
{
	int client, server;
	bool good;

	stack_pair_or_die(net.a, stack, net.b, stack == XTCP ? KERNEL : XTCP, NS_B6, PORT, &client, &server);
	zerocopy_on(client);
	must(zerocopy_send(client, text, 20000, 0) == 20000 && zerocopy_send(client, text, 20000, 0) == 20000, "send");
	good = comes(server, 0, 20000) && comes(server, 0, 20000) && zerocopy_settled(client);
	ksft_test_result(good && zerocopy_tells(client, 0, 1, true) && is_silent(client), "%s: IPv6\n",
			 stack_name(stack));
	close_each(client, server);
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
static void ring_with_loss(enum stack stack)
{
	unsigned int sent = 0, told = 0, i;
	struct bulk_reader r;
	bool good = true;
	int client;
	long at = 0;

	client = lossy(stack, &r, OF_RING);
	for (i = 0; at < OF_RING; i++) {
		const int n = sizes[i % 7] < OF_RING - at ? sizes[i % 7] : OF_RING - at;

		if (i % 4 == 3) {
			copy(client, text + at, n);
		} else {
			good &= gives(client, text + at, n, i % 4, i % 2 ? MSG_MORE : 0, &told);
			sent++;
		}
		at += n;
	}
	good &= ends_right(&r, client);
	ksft_test_result(all_free(sent, told) && good, "%s: all kinds of writes under loss\n", stack_name(stack));
	leave(&r, client);
}

/* MSG_ZEROCOPY behind a buffer of the ring that waits to be sent, and the other way round: each is told of. */
static void with_socket(enum stack stack)
{
	unsigned int told = 0;
	int client, server;
	bool good;

	pair_on(stack, &client, &server);
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
	int client, server, file = file_of(PIECE);
	unsigned int told = 0;
	off_t from = 0;
	bool good;

	pair(stack, &client, &server);
	good = gives(client, text, 100, REGISTERED, MSG_MORE, &told);
	good &= sendfile(client, file, &from, PIECE) == PIECE;
	good &= comes(server, 0, 100) && comes(server, 0, PIECE) && all_free(1, told);
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
	open_ring(page, PAGE + OF_RING);
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

static void by_calls(enum stack stack)
{
	page_changes(stack, SENDFILE);
	page_changes(stack, SPLICE);
	page_changes(stack, AGAIN);
	page_changes(stack, SEND);
	pages_go_together(stack);
	whole_file(stack, true);
	whole_file(stack, false);
	page_changes(stack, ZEROCOPY);
	page_changes(stack, SWITCHED_OFF);
	ranges_join(stack, 0);
	ranges_join(stack, MSG_MORE);
	all_kinds(stack);
	fills_up(stack);
	faults(stack);
	ends(stack, RESET);
	ends(stack, DISCONNECT);
	closes(stack);
	opens_fast(stack);
	with_loss(stack, true);
	with_loss(stack, false);
	over_ipv6(stack);
}

static void by_ring(enum stack stack)
{
	open_ring(page, PAGE + OF_RING);
	page_changes(stack, BY_RING + PLAIN);
	page_changes(stack, BY_RING + REGISTERED);
	page_changes(stack, BY_RING + MESSAGE);
	ring_with_loss(stack);
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

int main(void)
{
	bool has_ring = !ring_open(&ring);

	test_begin(5 + 2 * OF_STACK + OF_RINGS);
	page = mmap(NULL, PAGE + ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(page != MAP_FAILED, "mmap");
	text = page + PAGE;
	for (long i = 0; i < ROOM; i++)
		text[i] = i * 7 + (i >> 8) * 13 + (i >> 16) * 31;
	/* no tail loss probe goes out while a test holds the ACKs */
	must(!ns_pair_make(&net) && !ns_sysctl_set(net.a, "net.ipv4.tcp_early_retrans", "0") &&
	     !ns_sysctl_set(net.a, "net.xtcp.early_retrans", "0") &&
	     !ns_sysctl_set(net.b, "net.ipv4.tcp_fastopen", "3") && !ns_sysctl_set(net.b, "net.xtcp.fastopen", "3"),
	     "namespaces");
	has_option();
	is_signed();
	faults_behind_tail();
	by_calls(KERNEL);
	by_calls(XTCP);
	if (has_ring) {
		ring_close(&ring);
		by_ring(KERNEL);
		by_ring(XTCP);
	}
	for (int i = 0; i < OF_RINGS && !has_ring; i++)
		ksft_test_result_skip("the kernel cannot: io_uring\n");
	ksft_finished();
}
