// SPDX-License-Identifier: GPL-2.0
/*
 * MSG_ZEROCOPY sends the pages of the program's buffer, and tells when the program may use them again: counts and
 * ranges of notifications, with and without copies, after partial writes, errors, resets and Fast Open, between writes
 * and files that go into the same segments, signed, and with loss. On both stacks, the peer is the other one.
 */
#include <sys/sendfile.h>
#include "lib/aoopt.h"
#include "lib/test.h"
#include "lib/zerocopy.h"

#define PORT	5391
#define PAGE	((long)getpagesize())
#define PIECE	4096	/* fits into the first flight */
#define STREAM	1500000
#define ROOM	(4 << 20)

static struct ns_pair net;
/* Octet n of a stream is text[n]; nobody writes to it. */
static unsigned char *text;

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

/* With room for all that a row sends: nobody reads meanwhile. */
static void pair(enum stack stack, int *client, int *server)
{
	stack_pair_or_die(net.a, stack, net.b, stack == XTCP ? KERNEL : XTCP, NS_B4, PORT, client, server);
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

/* The page changes while its only transmission waits in the device. */
static void page_changes(enum stack stack, bool on)
{
	unsigned char *page = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), in[PIECE];
	int client, server;
	bool good;

	must(page != MAP_FAILED, "mmap");
	memset(page, 'a', PIECE);
	pair(stack, &client, &server);
	if (!on && set(client, SOL_SOCKET, SO_ZEROCOPY, 0))
		must(!set(client, IPPROTO_TCP, XTCP_ZEROCOPY, 0), "XTCP_ZEROCOPY");
	must(!netem_hold(net.a, "veth0"), "plug");
	must(zerocopy_send(client, page, PIECE, 0) == PIECE, "send");
	must(WAIT_FOR(netem_waiting(net.a, "veth0") > 0, STACK_DEADLINE_MS), "sent");
	good = is_silent(client);
	memset(page, 'b', PIECE);
	must(!netem_release(net.a, "veth0"), "plug");
	must(recv(server, in, PIECE, MSG_WAITALL) == PIECE, "recv");
	good &= in[0] == (on ? 'b' : 'a') && in[PIECE - 1] == in[0];
	if (on)
		good &= zerocopy_tells(client, 0, 0, true);
	else
		good &= zerocopy_settled(client);
	ksft_test_result(good && is_silent(client), "%s: the page is %s\n", stack_name(stack),
			 on ? "sent itself" : "copied without SO_ZEROCOPY");
	close_each(client, server);
	must(!netem_clear(net.a, "veth0"), "no qdisc");
	munmap(page, PIECE);
}

/* Nobody reads between them: the notifications of all writes are one. */
static void ranges_join(enum stack stack, int flags)
{
	static const int sizes[] = { 1, 4095, 4097, 131072, 3 };
	int client, server, i, at = 0;
	bool good = true;

	pair(stack, &client, &server);
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
	int client, server, i, at = 0, file = memfd_create("file", 0);
	bool good = true;
	off_t from;

	must(file >= 0 && write(file, text, 200000) == 200000, "file");
	pair(stack, &client, &server);
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

	pair(stack, &client, &server);
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
	pair(stack, &client, &server);
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
	pair(XTCP, &client, &server);
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

	pair(stack, &client, &server);
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

	pair(stack, &client, &server);
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

/* Each buffer is written to again as soon as the program may, and only then. */
static void with_loss(enum stack stack, bool offloads)
{
	static unsigned char buffers[BUFFERS][BUFFER];
	static const int sizes[] = { 70000, 1, 4096, 1447, 33000, 12345, 65536 };
	const struct netem bad = { .delay_ms = 2, .loss = 20000 };
	unsigned int writes = 0, freed = 0;
	struct zerocopy_told told;
	struct bulk_reader r;
	bool right;
	int client;
	long at = 0;
	ssize_t n;

	must(!ns_link_offloads(net.a, "veth0", true) && !ns_link_gso_max_segs(net.a, "veth0", offloads ? 64 : 1) &&
	     !netem_set(net.a, "veth0", &bad), "netem");
	pair(stack, &client, &r.fd);
	bulk_compare(&r, text, STREAM);
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
	shutdown(client, SHUT_WR);
	right = bulk_is_right(&r);
	while (freed < writes) {
		must(WAIT_FOR(zerocopy_told(client, &told), STACK_DEADLINE_MS), "a notification");
		must(told.lo == freed, "an order");
		freed = told.hi + 1;
	}
	ksft_test_result(right && freed == writes, "%s: buffers are used again under loss, %s\n", stack_name(stack),
			 offloads ? "bundles" : "single segments");
	close_each(client, r.fd);
	must(!netem_clear(net.a, "veth0") && !ns_link_gso_max_segs(net.a, "veth0", 64), "no netem");
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

int main(void)
{
	test_begin(5 + 2 * 14);
	text = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(text != MAP_FAILED, "mmap");
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
	for (enum stack stack = KERNEL; stack <= XTCP; stack++) {
		page_changes(stack, true);
		page_changes(stack, false);
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
	ksft_finished();
}
